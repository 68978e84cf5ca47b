//! Streams between servers with Prosody over loopback: dialback both ways (XEP-0220). What
//! is not installed is said loudly and skipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use examples::drive::Next;
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use proto_wire::Clock;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::s2s::{Incoming, IncomingEvent, Outgoing, OutgoingEvent, S2sConfig, S2sTls};
use xmpp_proto::sasl::Secret;
use xmpp_proto::stanza::{MessageBuilder, PresenceBuilder};

/// Our domain. Prosody finds the server of an address without DNS, at the usual port.
const OURS: &str = "127.0.0.2";
const PATIENCE: Duration = Duration::from_secs(30);

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|p| p.is_file());
    if found.is_none() {
        println!("skipped: no such program: {program}");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Ended and removed with the test.
struct Prosody {
    child: Child,
    dir: PathBuf,
    c2s: SocketAddr,
    s2s: SocketAddr,
}

impl Drop for Prosody {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

fn prosody() -> Option<Prosody> {
    let (prosody, ctl) = (find("prosody")?, find("prosodyctl")?);
    let dir = std::env::temp_dir().join(format!("xmpp-s2s-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (c2s, s2s) = (free_port(), free_port());
    let config = format!(
        r#"daemonize = false
run_as_root = true
pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
c2s_direct_tls_ports = {{}}
s2s_ports = {{ {s2s} }}
s2s_direct_tls_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "posix", "dialback", "s2s" }}
modules_disabled = {{ "tls" }}
c2s_require_encryption = false
s2s_require_encryption = false
s2s_secure_auth = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
log = {{ debug = "{dir}/prosody.log" }}
VirtualHost "localhost"
"#,
        dir = dir.display(),
    );
    let file = dir.join("prosody.cfg.lua");
    std::fs::write(&file, config).unwrap();
    let made = Command::new(&ctl)
        .arg("--config")
        .arg(&file)
        .args(["register", "alice", "localhost", "secret"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    let child = Command::new(prosody)
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let addr = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let started = Prosody { child, dir, c2s: addr(c2s), s2s: addr(s2s) };
    let start = Instant::now();
    while TcpStream::connect(started.c2s).is_err() || TcpStream::connect(started.s2s).is_err() {
        assert!(start.elapsed() < PATIENCE, "Prosody does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(started)
}

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
    let Some(prosody) = prosody() else { return };
    let clock = Clock::start();
    let config = S2sConfig::new(OURS, Secret::new("of our server")).with_tls(S2sTls::Opportunistic);
    let config = Arc::new(config);
    let alice = ClientConfig::new("alice@localhost/balcony".parse().unwrap())
        .with_password(Secret::new("secret"))
        .with_tls(TlsPolicy::Never);
    let alice = Client::new(clock.now(), Arc::new(alice), seed());
    let alice = Connection::new(TcpStream::connect(prosody.c2s).unwrap(), alice, clock).unwrap();
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
