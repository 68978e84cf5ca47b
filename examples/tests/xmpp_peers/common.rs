//! What all of these tests share: programs, directories, certificates, and our client.

use examples::certificates;
use examples::drive::Next;
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use proto_wire::Clock;
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_proto::client::{Client, ClientConfig, CloseReason, Event, Input, RequestKind, TlsPolicy};
use xmpp_proto::ext::archive::{Archived, Fin, Page, Query};
use xmpp_proto::ext::blocking;
use xmpp_proto::ext::carbons::{self, Carbon};
use xmpp_proto::roster::RosterItem;
use xmpp_proto::sasl::{Mechanism, Secret};
use xmpp_proto::sm::{SmSession, StanzaState};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder, StanzaBuf};
use xmpp_proto::xml::{Ns, Writer};

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A directory of this test alone, removed at its end.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xmpp-peers-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A program that is ended when the test is.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|p| p.is_file());
    if found.is_none() {
        println!("skipped: no such program: {program}");
    }
    found
}

/// A Python that has slixmpp: of the environment under `target`, or that of the system.
pub fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers-venv/bin/python");
    for python in [own, PathBuf::from("python3")] {
        let tried = Command::new(&python).args(["-c", "import slixmpp"]).output();
        if tried.is_ok_and(|output| output.status.success()) {
            return Some(python);
        }
    }
    println!("skipped: no such program: python3 with slixmpp");
    None
}

/// A certificate for `localhost` by openssl: the chain and the key.
pub fn certificate(dir: &Dir) -> Option<(PathBuf, PathBuf)> {
    let openssl = find("openssl")?;
    let (chain, key) = (dir.0.join("localhost.crt"), dir.0.join("localhost.key"));
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        // A root that is also the server's own certificate would be refused.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some((chain, key))
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Our client, pulled until something happens.
pub struct User {
    pub connection: Connection<Client>,
    pub ca: Option<PathBuf>,
    /// What came while something was sent.
    pub waiting: VecDeque<Event>,
}

impl User {
    pub fn connect(addr: SocketAddr, local: &str, mechanism: Mechanism, ca: Option<&Path>) -> Self {
        let tls = if ca.is_some() { TlsPolicy::Required } else { TlsPolicy::Never };
        let config = ClientConfig::new(format!("{local}@localhost/ours").parse().unwrap())
            .with_password(Secret::new("secret"))
            .with_mechanisms(&[mechanism])
            .with_plain_without_tls(true)
            .with_tls(tls);
        let clock = Clock::start();
        let client = Client::new(clock.now(), Arc::new(config), seed());
        let socket = TcpStream::connect(addr).unwrap();
        let connection = Connection::new(socket, client, clock).unwrap();
        Self { connection, ca: ca.map(Path::to_path_buf), waiting: VecDeque::new() }
    }

    /// Another resource than `ours`, in clear.
    pub fn connect_as(addr: SocketAddr, jid: &str, mechanism: Mechanism) -> Self {
        let config = ClientConfig::new(jid.parse().unwrap())
            .with_password(Secret::new("secret"))
            .with_mechanisms(&[mechanism])
            .with_tls(TlsPolicy::Never);
        let clock = Clock::start();
        let client = Client::new(clock.now(), Arc::new(config), seed());
        let connection = Connection::new(TcpStream::connect(addr).unwrap(), client, clock).unwrap();
        Self { connection, ca: None, waiting: VecDeque::new() }
    }

    pub fn pull(&mut self, wait: Duration) -> Next<Event> {
        let until = self.connection.now().saturating_add(wait);
        self.connection.next_event_until(until).unwrap()
    }

    /// Lets what was sent leave.
    pub fn flush(&mut self) {
        while let Next::Event(event) = self.pull(Duration::ZERO) {
            self.waiting.push_back(event);
        }
    }

    /// The first thing that `pick` picks out of the events.
    pub fn until<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "no {what}");
            let next = match self.waiting.pop_front() {
                Some(event) => Next::Event(event),
                None => self.pull(Duration::from_millis(100)),
            };
            match next {
                Next::Event(Event::StartTls) => {
                    let config = certificates::client(self.ca.as_deref().unwrap()).unwrap();
                    let name = "localhost".try_into().unwrap();
                    let tls = rustls::ClientConnection::new(config, name).unwrap();
                    self.connection.start_tls(tls).unwrap();
                    let now = self.connection.now();
                    let binding = certificates::channel_binding(self.connection.tls().unwrap());
                    let machine = &mut self.connection.machine;
                    machine.set_channel_bindings(now, vec![binding.unwrap()]).unwrap();
                    self.connection.machine.handle_input(now, Input::TlsEstablished);
                }
                Next::Event(event) => {
                    let shown = format!("{event:?}");
                    let closed = matches!(event, Event::Closed(_));
                    match pick(event) {
                        Some(found) => return found,
                        None => assert!(!closed, "no {what}: {shown}"),
                    }
                }
                Next::TimedOut => {}
                Next::Finished => panic!("no {what}: finished"),
            }
        }
    }

    /// Logs in and is available: its own presence came back (RFC 6121 §4.2.2). Until then the server may keep
    /// for later what is said to the account.
    pub fn log_in(&mut self) {
        let me = self.until("login", |event| match event {
            Event::Ready { jid, .. } => Some(jid),
            _ => None,
        });
        let now = self.connection.now();
        let machine = &mut self.connection.machine;
        machine.send(now, PresenceBuilder::new().build().unwrap()).unwrap();
        let mut others = Vec::new();
        let is_own = |event: &Event| -> Option<bool> {
            let Event::Presence(stanza) = event else { return None };
            Some(stanza.as_presence()?.header().from()?.as_str() == me.as_str())
        };
        self.until("presence of its own", |event| {
            if is_own(&event) == Some(true) {
                return Some(());
            }
            others.push(event);
            None
        });
        self.waiting.extend(others);
    }

    pub fn say(&mut self, to: &str, text: &str) {
        let message = MessageBuilder::new().to(&to.parse().unwrap()).kind(MessageKind::Chat);
        let now = self.connection.now();
        self.connection.machine.send(now, message.body(text).build().unwrap()).unwrap();
        self.flush();
    }

    pub fn hear(&mut self) -> (String, String) {
        self.until("message", |event| match event {
            Event::Message(stanza) => {
                let message = stanza.as_message()?;
                let from = message.header().from()?.as_str().to_string();
                Some((from, message.body()?.into_owned()))
            }
            _ => None,
        })
    }

    pub fn close(mut self) {
        let now = self.connection.now();
        self.connection.machine.close(now).unwrap();
        let why = self.until("end", |event| match event {
            Event::Closed(why) => Some(why),
            _ => None,
        });
        assert_eq!(why, CloseReason::Local);
    }
}

impl User {
    /// The socket breaks without a word; what becomes of the session.
    pub fn cut(mut self) -> SmSession {
        let now = self.connection.now();
        self.connection.socket().shutdown(std::net::Shutdown::Both).unwrap();
        self.connection.machine.handle_input(now, Input::Eof);
        self.until("end", |event| matches!(event, Event::Closed(_)).then_some(()));
        self.connection.machine.take_session().unwrap()
    }

    pub fn resume(addr: SocketAddr, local: &str, session: SmSession) -> Self {
        let config = ClientConfig::new(format!("{local}@localhost/ours").parse().unwrap())
            .with_password(Secret::new("secret"))
            .with_mechanisms(&[Mechanism::ScramSha256])
            .with_tls(TlsPolicy::Never);
        let clock = Clock::start();
        let client = Client::resume(clock.now(), Arc::new(config), seed(), session);
        let connection = Connection::new(TcpStream::connect(addr).unwrap(), client, clock).unwrap();
        Self { connection, ca: None, waiting: VecDeque::new() }
    }
}

/// Messages cross a socket that is cut: each arrives once, both ways (XEP-0198).
pub fn resumes_after_a_cut(addr: SocketAddr) {
    let mut alice = User::connect(addr, "alice", Mechanism::ScramSha256, None);
    let mut bob = User::connect(addr, "bob", Mechanism::ScramSha256, None);
    alice.log_in();
    bob.log_in();
    assert!(alice.connection.machine.is_managed());
    bob.say("alice@localhost/ours", "before");
    assert_eq!(alice.hear().1, "before");
    // Handed to the machine, and never to the socket.
    let now = alice.connection.now();
    let message = |text: &str| {
        let to = "bob@localhost/ours".parse().unwrap();
        MessageBuilder::new().to(&to).kind(MessageKind::Chat).body(text).build().unwrap()
    };
    let first = alice.connection.machine.send(now, message("into the dark")).unwrap();
    let session = alice.cut();
    assert!(session.is_resumable() && !session.is_empty());
    bob.say("alice@localhost/ours", "are you there?");
    // Written down and read again, as after the end of the process.
    let session = SmSession::from_bytes(&session.to_bytes()).unwrap();
    let mut alice = User::resume(addr, "alice", session);
    let now = alice.connection.now();
    let second = alice.connection.machine.send(now, message("still waiting")).unwrap();
    alice.until("resumption", |event| match event {
        Event::Ready { .. } => panic!("a new session"),
        Event::Resumed { jid } => (jid.as_str() == "alice@localhost/ours").then_some(()),
        _ => None,
    });
    assert_eq!(alice.hear().1, "are you there?");
    for token in [first, second] {
        alice.until("acknowledgement", |event| match event {
            Event::Delivery(d) if d.token == token && d.state == StanzaState::Acked => Some(()),
            _ => None,
        });
    }
    assert_eq!(bob.hear().1, "into the dark");
    assert_eq!(bob.hear().1, "still waiting");
    alice.say("bob@localhost/ours", "after");
    assert_eq!(bob.hear().1, "after");
    // A session that was ended properly, or never was, is refused: a new one begins.
    let ended = alice.connection.machine.sm_session().unwrap();
    alice.close();
    let mut alice = User::resume(addr, "alice", ended);
    alice.until("new session", |event| matches!(event, Event::Ready { .. }).then_some(()));
    alice.close();
    bob.close();
}

impl User {
    /// Asks, and gives the answer: the type, and the stanza as text.
    pub fn ask(
        &mut self,
        kind: RequestKind,
        to: Option<&str>,
        write: impl FnOnce(&mut Writer),
    ) -> (String, String) {
        let now = self.connection.now();
        let to = to.map(|to| to.parse().unwrap());
        let machine = &mut self.connection.machine;
        let asked = machine.request(now, kind, to.as_ref(), write).unwrap();
        let mut waiting = VecDeque::new();
        let answer = self.until("answer", |event| match event {
            Event::Answer { token, answer } if token == asked => {
                let stanza = answer.unwrap();
                let kind = stanza.as_iq()?.header().raw_kind()?.to_string();
                Some((kind, String::from_utf8_lossy(stanza.bytes()).into_owned()))
            }
            // What came before the answer is not lost for whoever looks for it later.
            other => {
                waiting.push_back(other);
                None
            }
        });
        waiting.append(&mut self.waiting);
        self.waiting = waiting;
        answer
    }
}

/// Roster with versions, carbons, archive and block list of a server, with two connections of
/// one user: whatever server it is, it must do the same.
pub fn extensions(addr: SocketAddr) {
    let mut alice = User::connect(addr, "alice", Mechanism::ScramSha256, None);
    let mut bob = User::connect(addr, "bob", Mechanism::ScramSha256, None);
    let mut tablet = User::connect_as(addr, "alice@localhost/tablet", Mechanism::ScramSha256);
    for user in [&mut alice, &mut bob, &mut tablet] {
        user.log_in();
    }
    // Copies (XEP-0280) of what comes and of what is sent, checked by our own reader.
    let (kind, answer) = tablet.ask(RequestKind::Set, None, |w| carbons::write_switch(w, true));
    assert_eq!(kind, "result", "{answer}");
    bob.say("alice@localhost/ours", "to one device");
    assert_eq!(alice.hear().1, "to one device");
    alice.say("bob@localhost/ours", "from one device");
    assert_eq!(bob.hear().1, "from one device");
    for (sent, text) in [(false, "to one device"), (true, "from one device")] {
        let own = tablet.connection.machine.jid().clone();
        let copy = tablet.until("copy", |event| {
            let Event::Message(stanza) = event else { return None };
            let carbon = Carbon::read(&stanza.as_message()?, &own)?;
            let message = carbon.forwarded.message()?;
            Some((carbon.sent, message.body()?.into_owned()))
        });
        assert_eq!(copy, (sent, text.to_string()));
    }

    // The archive (XEP-0313), page by page.
    let bob_jid = "bob@localhost".parse().unwrap();
    let mut after: Option<String> = None;
    let mut read = Vec::new();
    for page in 0..50 {
        let id = format!("page{page}");
        let wanted = match &after {
            Some(after) => Page::new(1).after(after),
            None => Page::new(1),
        };
        let query = Query::new(&id, wanted).with(&bob_jid);
        let (kind, answer) = alice.ask(RequestKind::Set, None, |w| query.write(w));
        assert_eq!(kind, "result", "{answer}");
        let own = alice.connection.machine.jid().clone();
        let before = read.len();
        while let Some(event) = alice.waiting.pop_front() {
            let Event::Message(stanza) = event else { continue };
            let message = stanza.as_message().unwrap();
            let Some(found) = Archived::read(&message, &own, None) else { continue };
            assert_eq!(found.query, id);
            assert!(found.forwarded.delay.is_some());
            let message = found.forwarded.message().unwrap();
            read.push(message.body().map(std::borrow::Cow::into_owned).unwrap_or_default());
            after = Some(found.id.into_owned());
        }
        let answer = StanzaBuf::parse(Ns::CLIENT, answer.into_bytes().into()).unwrap();
        let fin = Fin::read(answer.as_iq().unwrap().payload().unwrap()).unwrap().complete;
        assert!(fin || read.len() == before + 1, "a page of one");
        if fin {
            break;
        }
    }
    assert_eq!(read, ["to one device", "from one device"]);

    // A contact, and the roster by its version (RFC 6121 §2.6).
    let now = alice.connection.now();
    let machine = &mut alice.connection.machine;
    machine.request_roster(now, Some("")).unwrap();
    alice.until("roster", |event| match event {
        Event::Roster { version, .. } => Some(version.unwrap()),
        _ => None,
    });
    let now = alice.connection.now();
    let machine = &mut alice.connection.machine;
    machine.set_roster_item(now, &RosterItem::new(&bob_jid).with_name("Bob")).unwrap();
    let newer = alice.until("push", |event| match event {
        Event::RosterPush { version, .. } => Some(version.unwrap()),
        _ => None,
    });
    let now = alice.connection.now();
    alice.connection.machine.request_roster(now, Some(&newer)).unwrap();
    alice.until("the same roster", |event| match event {
        Event::Roster { unchanged, .. } => unchanged.then_some(()),
        _ => None,
    });

    // A block list (XEP-0191).
    let mine = [bob_jid];
    let block = |w: &mut Writer| blocking::write(w, blocking::Name::Block, &mine);
    assert_eq!(alice.ask(RequestKind::Set, None, block).0, "result");
    let (_, list) = alice.ask(RequestKind::Get, None, blocking::write_request);
    assert!(list.contains("bob@localhost"), "{list}");
    // To the account: Prosody says nothing about messages for a resource.
    bob.say("alice@localhost", "can you hear me?");
    bob.until("refusal", |event| match event {
        Event::Message(stanza) => (stanza.as_message()?.kind() == MessageKind::Error).then_some(()),
        _ => None,
    });
    let unblock = |w: &mut Writer| blocking::write(w, blocking::Name::Unblock, &mine);
    assert_eq!(alice.ask(RequestKind::Set, None, unblock).0, "result");
    bob.say("alice@localhost/ours", "and now?");
    assert_eq!(alice.hear().1, "and now?");
    for user in [alice, bob, tablet] {
        user.close();
    }
}
