//! Streams between servers: dialback both ways (XEP-0220) with Prosody, and between ours.

use crate::common::{PATIENCE, User, free_port};
use crate::servers::{Setup, prosody};
use examples::certificates;
use examples::drive::Next;
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use examples::xmpp_server::{Options, XmppServer};
use proto_wire::Clock;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_proto::client::{self, Client, ClientConfig, Event, TlsPolicy};
use xmpp_proto::s2s::{Incoming, IncomingEvent, Outgoing, OutgoingEvent, S2sConfig, S2sTls};
use xmpp_proto::sasl::{Mechanism, Secret};
use xmpp_proto::stanza::{MessageBuilder, PresenceBuilder, PresenceKind};

/// Our domain. Prosody finds the server of an address without DNS, at the usual port.
const OURS: &str = "127.0.0.2";

/// Our side: all its streams on one thread, and a client on Prosody.
struct Side {
    clock: Clock,
    config: Arc<S2sConfig>,
    listener: TcpListener,
    incoming: Vec<Connection<Incoming>>,
    outgoing: Connection<Outgoing>,
    alice: Connection<Client>,
    /// What arrived at our server, and at the client.
    here: Vec<String>,
    there: Vec<String>,
    ready: bool,
}

impl Side {
    fn turn(&mut self) {
        if let Ok((socket, _)) = self.listener.accept() {
            socket.set_nonblocking(false).unwrap();
            let machine = Incoming::new(self.clock.now(), Arc::clone(&self.config), seed());
            self.incoming.push(Connection::new(socket, machine, self.clock).unwrap());
        }
        let until = || self.clock.now().saturating_add(Duration::from_millis(2));
        while let Next::Event(event) = self.outgoing.next_event_until(until()).unwrap() {
            match event {
                OutgoingEvent::Authorized { from, to } => {
                    let now = self.outgoing.now();
                    let hello = MessageBuilder::new()
                        .from(&"romeo@127.0.0.2/orchard".parse().unwrap())
                        .to(&"alice@localhost".parse().unwrap());
                    let hello = hello.body("But soft <&>").build().unwrap();
                    self.outgoing.machine.send(now, &from, &to, hello).unwrap();
                }
                OutgoingEvent::Verified { remote, local, id, verdict } => {
                    let asked = self.incoming.iter_mut().find(|c| c.machine.id() == id);
                    let asked = asked.expect("the stream that asked");
                    let now = asked.now();
                    asked.machine.verified(now, &remote, &local, verdict).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        for at in 0..self.incoming.len() {
            let until = self.clock.now().saturating_add(Duration::from_millis(2));
            let Some(connection) = self.incoming.get_mut(at) else { break };
            let Next::Event(event) = connection.next_event_until(until).unwrap() else { continue };
            match event {
                IncomingEvent::VerifyNeeded { from, to, id, key } => {
                    let now = self.outgoing.now();
                    self.outgoing.machine.verify(now, &to, &from, &id, &key).unwrap();
                }
                IncomingEvent::Stanza(stanza) => {
                    let message = stanza.as_message();
                    self.here.extend(message.and_then(|m| Some(m.body()?.into_owned())));
                }
                IncomingEvent::Authorized { .. } | IncomingEvent::Closed(_) => {}
                other => panic!("{other:?}"),
            }
        }
        let until = self.clock.now().saturating_add(Duration::from_millis(2));
        if let Next::Event(event) = self.alice.next_event_until(until).unwrap() {
            let now = self.alice.now();
            match event {
                client::Event::Ready { .. } => {
                    let online = PresenceBuilder::new().build().unwrap();
                    self.alice.machine.send(now, online).unwrap();
                    self.ready = true;
                }
                client::Event::Message(stanza) => {
                    let message = stanza.as_message().unwrap();
                    let from = message.header().from().unwrap().to_jid().unwrap();
                    let body = message.body().unwrap().into_owned();
                    self.there.push(format!("{from}: {body}"));
                    let reply = MessageBuilder::new().to(&from).body("Ay me!").build().unwrap();
                    self.alice.machine.send(now, reply).unwrap();
                }
                client::Event::Closed(why) => panic!("{why}"),
                _ => {}
            }
        }
    }
}

#[test]
fn our_server_and_prosody_call_each_other_back() {
    let Ok(listener) = TcpListener::bind((OURS, 5269)) else {
        println!("skipped: no such program: somebody else listens on {OURS}:5269");
        return;
    };
    listener.set_nonblocking(true).unwrap();
    let setup = Setup { servers: true, in_clear: true, ..Setup::default() };
    let Some(prosody) = prosody("s2s", &setup) else { return };
    let clock = Clock::start();
    let config = S2sConfig::new(OURS, Secret::new("of our server")).with_tls(S2sTls::Opportunistic);
    let config = Arc::new(config);
    let alice = ClientConfig::new("alice@localhost/balcony".parse().unwrap())
        .with_password(Secret::new("secret"))
        .with_tls(TlsPolicy::Never);
    let alice = Client::new(clock.now(), Arc::new(alice), seed());
    let alice = Connection::new(TcpStream::connect(prosody.addr).unwrap(), alice, clock).unwrap();
    let outgoing = Outgoing::new(clock.now(), Arc::clone(&config), OURS, "localhost");
    let outgoing = TcpStream::connect(prosody.s2s).map(|s| Connection::new(s, outgoing, clock));
    let mut side = Side {
        clock,
        config,
        listener,
        incoming: Vec::new(),
        outgoing: outgoing.unwrap().unwrap(),
        alice,
        here: Vec::new(),
        there: Vec::new(),
        ready: false,
    };
    let start = Instant::now();
    while side.here.is_empty() {
        assert!(start.elapsed() < PATIENCE, "ready: {}, there: {:?}", side.ready, side.there);
        side.turn();
    }
    assert_eq!(side.there, ["romeo@127.0.0.2/orchard: But soft <&>"]);
    assert_eq!(side.here, ["Ay me!"]);
    assert!(side.outgoing.machine.is_authorized(OURS, "localhost"));
    assert!(side.incoming.iter().any(|c| c.machine.is_authorized("localhost", OURS)));
}

/// The first presence of this kind from somebody whose address begins so.
fn until_presence(user: &mut User, kind: PresenceKind, from: &str) {
    user.until("presence", |event| match event {
        Event::Presence(stanza) => {
            let presence = stanza.as_presence()?;
            let is_from = presence.header().from()?.as_str().starts_with(from);
            (is_from && presence.kind() == Some(kind)).then_some(())
        }
        _ => None,
    });
}

fn tell(user: &mut User, kind: PresenceKind, to: &str) {
    let now = user.connection.now();
    let presence = PresenceBuilder::new().to(&to.parse().unwrap()).kind(kind).build().unwrap();
    user.connection.machine.send(now, presence).unwrap();
    user.flush();
}

/// Messages both ways, presence across, and what becomes of an address that nobody has.
fn friends(romeo: &mut User, juliet: &mut User) {
    let address = |user: &User| user.connection.machine.jid().clone();
    let (his, hers) = (address(romeo), address(juliet));
    romeo.say(hers.bare(), "But soft <&>");
    assert_eq!(juliet.hear(), (his.to_string(), "But soft <&>".into()));
    juliet.say(his.as_str(), "Ay me!");
    assert_eq!(romeo.hear(), (hers.to_string(), "Ay me!".into()));
    tell(romeo, PresenceKind::Subscribe, hers.bare());
    until_presence(juliet, PresenceKind::Subscribe, his.bare());
    tell(juliet, PresenceKind::Subscribed, his.bare());
    until_presence(romeo, PresenceKind::Subscribed, hers.bare());
    until_presence(romeo, PresenceKind::Available, hers.as_str());
    romeo.say("mercutio@nowhere.example", "hello?");
    let why = romeo.until("error", |event| match event {
        Event::Message(stanza) => {
            let message = stanza.as_message()?;
            Some(message.error()?.condition)
        }
        _ => None,
    });
    assert_eq!(why, xmpp_proto::stanza::Condition::RemoteServerNotFound);
}

/// The server program with Prosody: in clear, and under TLS with a certificate that is checked.
#[test]
fn our_server_federates_with_prosody() {
    const HERE: &str = "127.0.0.3";
    for in_clear in [true, false] {
        if TcpListener::bind((HERE, 5269)).is_err() {
            println!("skipped: no such program: somebody else listens on {HERE}:5269");
            return;
        }
        let name = format!("federates-{in_clear}");
        let setup = Setup { servers: true, in_clear, ..Setup::default() };
        let Some(prosody) = prosody(&name, &setup) else { return };
        let listen = SocketAddr::new(HERE.parse().unwrap(), 5269);
        let mut options = Options::new(HERE)
            .with_servers(listen)
            .with_route("localhost", prosody.s2s)
            .with_route("nowhere.example", SocketAddr::from(([127, 0, 0, 1], free_port())));
        if !in_clear {
            // Any certificate will do for Prosody here: dialback proves who we are.
            let key = prosody.dir.0.join("localhost.key");
            options = options.with_tls(certificates::server(&prosody.ca, &key).unwrap(), false);
            options = options.with_server_roots(&prosody.ca);
        }
        let server = XmppServer::start(options).unwrap();
        server.add_account("romeo", "secret");
        let romeo = format!("romeo@{HERE}/orchard");
        let mut romeo = User::connect_as(server.addr(), &romeo, Mechanism::ScramSha256);
        romeo.log_in();
        let mut alice = User::connect(prosody.addr, "alice", Mechanism::ScramSha256, None);
        alice.log_in();
        friends(&mut romeo, &mut alice);
        let log = std::fs::read_to_string(prosody.dir.0.join("prosody.log")).unwrap();
        let secured = log.matches("Stream encrypted").count();
        assert_eq!(secured >= 2, !in_clear, "both streams: {secured}");
        alice.close();
        romeo.close();
        server.stop();
    }
}

#[test]
fn two_of_our_servers_federate() {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let (here, there) = (at(free_port()), at(free_port()));
    let start = |domain: &str, listen: SocketAddr, other: &str, route: SocketAddr| {
        let other = other.to_string();
        let look_up = move |domain: &str| match domain == other {
            true => vec![route],
            false => Vec::new(),
        };
        let options = Options::new(domain).with_servers(listen).with_resolver(look_up);
        XmppServer::start(options.with_route("nowhere.example", at(free_port()))).unwrap()
    };
    let verona = start("verona.example", here, "mantua.example", there);
    let mantua = start("mantua.example", there, "verona.example", here);
    assert_eq!(verona.servers_addr(), Some(here));
    verona.add_account("juliet", "secret");
    mantua.add_account("romeo", "secret");
    let log_in = |server: &XmppServer, jid: &str| {
        let mut user = User::connect_as(server.addr(), jid, Mechanism::ScramSha256);
        user.log_in();
        user
    };
    let mut romeo = log_in(&mantua, "romeo@mantua.example/exile");
    let mut juliet = log_in(&verona, "juliet@verona.example/balcony");
    friends(&mut romeo, &mut juliet);
    // The other server goes away and comes back: a new stream is made.
    juliet.close();
    verona.stop();
    let verona = start("verona.example", here, "mantua.example", there);
    verona.add_account("juliet", "secret");
    let mut juliet = log_in(&verona, "juliet@verona.example/tomb");
    juliet.say("romeo@mantua.example/exile", "awake");
    assert_eq!(romeo.hear().1, "awake");
    romeo.close();
    juliet.close();
    verona.stop();
    mantua.stop();
}
