//! Real programs over loopback: slixmpp logs in to our server, our client to Prosody. What
//! is not installed is said loudly and skipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use examples::certificates;
use examples::drive::Next;
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use examples::ladder::Way;
use examples::xmpp_server::{Options, XmppServer};
use proto_wire::Clock;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use xmpp_proto::client::{
    Client, ClientConfig, CloseReason, Event, Input, RequestKind, Sasl2Config, TlsPolicy,
};
use xmpp_proto::roster::RosterItem;
use xmpp_proto::sasl::{Mechanism, Secret};
use xmpp_proto::sm::{SmSession, StanzaState};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder, PresenceKind};
use xmpp_proto::transport::OverWebSocket;
use xmpp_proto::xml::Ns;

const PATIENCE: Duration = Duration::from_secs(30);

/// A directory of this test alone, removed at its end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xmpp-peers-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
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
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|p| p.is_file());
    if found.is_none() {
        println!("skipped: no such program: {program}");
    }
    found
}

/// A Python that has slixmpp: of the environment under `target`, or that of the system.
fn python() -> Option<PathBuf> {
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
fn certificate(dir: &Dir) -> Option<(PathBuf, PathBuf)> {
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Our client, pulled until something happens.
struct User {
    connection: Connection<Client>,
    ca: Option<PathBuf>,
    /// What came while something was sent.
    waiting: VecDeque<Event>,
}

impl User {
    fn connect(addr: SocketAddr, local: &str, mechanism: Mechanism, ca: Option<&Path>) -> Self {
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

    fn pull(&mut self, wait: Duration) -> Next<Event> {
        let until = self.connection.now().saturating_add(wait);
        self.connection.next_event_until(until).unwrap()
    }

    /// Lets what was sent leave.
    fn flush(&mut self) {
        while let Next::Event(event) = self.pull(Duration::ZERO) {
            self.waiting.push_back(event);
        }
    }

    /// The first thing that `pick` picks out of the events.
    fn until<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
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

    fn log_in(&mut self) {
        self.until("login", |event| matches!(event, Event::Ready { .. }).then_some(()));
        let now = self.connection.now();
        let machine = &mut self.connection.machine;
        machine.send(now, PresenceBuilder::new().build().unwrap()).unwrap();
        self.flush();
    }

    fn say(&mut self, to: &str, text: &str) {
        let message = MessageBuilder::new().to(&to.parse().unwrap()).kind(MessageKind::Chat);
        let now = self.connection.now();
        self.connection.machine.send(now, message.body(text).build().unwrap()).unwrap();
        self.flush();
    }

    fn hear(&mut self) -> (String, String) {
        self.until("message", |event| match event {
            Event::Message(stanza) => {
                let message = stanza.as_message()?;
                let from = message.header().from()?.as_str().to_string();
                Some((from, message.body()?.into_owned()))
            }
            _ => None,
        })
    }

    fn close(mut self) {
        let now = self.connection.now();
        self.connection.machine.close(now).unwrap();
        let why = self.until("end", |event| match event {
            Event::Closed(why) => Some(why),
            _ => None,
        });
        assert_eq!(why, CloseReason::Local);
    }
}

const SLIXMPP: &str = r#"
import asyncio, sys, ssl
import slixmpp

port, mechanism, tls = int(sys.argv[1]), sys.argv[2], sys.argv[3] == 'tls'

class Echo(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__('alice@localhost/theirs', 'secret', sasl_mech=mechanism)
        for plugin in ('xep_0030', 'xep_0199'):
            self.register_plugin(plugin)
        self.enable_direct_tls = False
        self.enable_starttls = tls
        self.enable_plaintext = not tls
        mechanisms = self.plugin['feature_mechanisms']
        mechanisms.unencrypted_plain = True
        mechanisms.unencrypted_scram = True
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.done = asyncio.get_running_loop().create_future()
        self.add_event_handler('session_start', self.started)
        self.add_event_handler('message', self.heard)
        self.add_event_handler('changed_subscription', lambda p: print('subscription', p['type'], flush=True))
        self.add_event_handler('failed_all_auth', lambda e: print('failed', flush=True))

    async def started(self, _):
        roster = await self.get_roster()
        self.send_presence(pstatus='here')
        await self.plugin['xep_0199'].send_ping('localhost', timeout=5)
        info = await self.plugin['xep_0030'].get_info('localhost', timeout=5)
        print('ready', len(info['disco_info']['features']), flush=True)

    def heard(self, message):
        print('heard', message['from'], message['body'], flush=True)
        if message['type'] in ('chat', 'normal') and message['body']:
            message.reply('echo: ' + message['body']).send()
        if message['body'] == 'bye':
            asyncio.ensure_future(self.leave())

    async def leave(self):
        await self.disconnect(wait=2)
        self.done.set_result(None)

async def main():
    echo = Echo()
    echo.connect('127.0.0.1', port)
    await asyncio.wait_for(echo.done, 25)
    print('ended', flush=True)

asyncio.run(main())
"#;

/// slixmpp and our client, both on our server, talk both ways.
fn slixmpp_on_our_server(name: &str, mechanism: &str, tls: bool) {
    let Some(python) = python() else { return };
    let dir = Dir::new(name);
    let wire = Arc::new(Mutex::new(Vec::<(Way, String)>::new()));
    let seen = Arc::clone(&wire);
    let mut options =
        Options::new("localhost").with_observer(Arc::new(move |way, _, text: &str| {
            seen.lock().unwrap().push((way, text.to_string()));
        }));
    let mut ca = None;
    if tls {
        let Some((chain, key)) = certificate(&dir) else { return };
        options = options.with_tls(certificates::server(&chain, &key).unwrap(), true);
        ca = Some(chain);
    }
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    // Kept until she is there.
    assert!(server.announce("alice", "welcome & enjoy"));
    assert!(!server.announce("nobody", "welcome"));

    let script = dir.file("echo.py", SLIXMPP);
    let mut child = Command::new(python)
        .arg(script)
        .arg(server.addr().port().to_string())
        .args([mechanism, if tls { "tls" } else { "plain" }])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut child = Running(child);
    let mut said = move || lines.next().map_or_else(|| "(ended)".to_string(), Result::unwrap);
    let first = [said(), said()];
    assert!(first.contains(&"ready 4".to_string()), "{first:?}");
    assert!(first.contains(&"heard localhost welcome & enjoy".to_string()), "{first:?}");

    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, ca.as_deref());
    bob.log_in();
    bob.say("alice@localhost", "1 < 2 \u{2603}");
    assert_eq!(said(), "heard bob@localhost/ours 1 < 2 \u{2603}");
    let echo = ("alice@localhost/theirs".to_string(), "echo: 1 < 2 \u{2603}".to_string());
    assert_eq!(bob.hear(), echo);

    // A subscription: asked, granted by slixmpp itself, and then seen.
    let now = bob.connection.now();
    let alice = "alice@localhost".parse().unwrap();
    let ask = PresenceBuilder::new().to(&alice).kind(PresenceKind::Subscribe).build().unwrap();
    bob.connection.machine.send(now, ask).unwrap();
    bob.until("alice's presence", |event| match event {
        Event::Presence(stanza) => {
            let presence = stanza.as_presence()?;
            let of_alice = presence.header().from()?.as_str() == "alice@localhost/theirs";
            (of_alice && presence.kind() == Some(PresenceKind::Available)).then_some(())
        }
        _ => None,
    });

    bob.say("alice@localhost/theirs", "bye");
    let ended = (0..20).any(|_| said() == "ended");
    assert!(ended, "slixmpp did not end");
    assert!(child.0.wait().unwrap().success());
    bob.close();
    let wire = wire.lock().unwrap();
    assert!(
        wire.iter().any(|(way, text)| *way == Way::ToClub && text.contains("<body>bye</body>"))
    );
    assert!(!wire.iter().any(|(_, text)| text.contains("AGFsaWNl")), "a password was shown");
    server.stop();
}

#[test]
fn slixmpp_chats_in_clear_by_scram_sha_256() {
    slixmpp_on_our_server("scram256", "SCRAM-SHA-256", false);
}

#[test]
fn slixmpp_chats_in_clear_by_scram_sha_1() {
    slixmpp_on_our_server("scram1", "SCRAM-SHA-1", false);
}

#[test]
fn slixmpp_chats_over_tls_by_plain() {
    slixmpp_on_our_server("tls", "PLAIN", true);
}

/// Prosody on a free port, with two accounts; `None` when it is not installed.
struct Prosody {
    addr: SocketAddr,
    component: SocketAddr,
    http: SocketAddr,
    ca: PathBuf,
    _running: Running,
    _dir: Dir,
}

fn prosody(name: &str) -> Option<Prosody> {
    prosody_with(name, "")
}

fn prosody_with(name: &str, modules: &str) -> Option<Prosody> {
    let (prosody, ctl) = (find("prosody")?, find("prosodyctl")?);
    let dir = Dir::new(name);
    let (chain, key) = certificate(&dir)?;
    let (port, component, http) = (free_port(), free_port(), free_port());
    let config = format!(
        r#"daemonize = false
run_as_root = true
pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
certificates = "{dir}"
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {http} }}
http_interfaces = {{ "127.0.0.1" }}
http_default_host = "localhost"
consider_websocket_secure = true
https_ports = {{}}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "offline", "posix", "smacks", "websocket", {modules} }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
ssl = {{ key = "{key}"; certificate = "{chain}" }}
log = {{ debug = "{dir}/prosody.log" }}
VirtualHost "localhost"
Component "echo.localhost"
component_secret = "shared"
"#,
        dir = dir.0.display(),
        key = key.display(),
        chain = chain.display(),
    );
    let config = dir.file("prosody.cfg.lua", &config);
    for user in ["alice", "bob"] {
        let made = Command::new(&ctl)
            .arg("--config")
            .arg(&config)
            .args(["register", user, "localhost", "secret"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    }
    let child = Command::new(prosody)
        .arg("--config")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let component = SocketAddr::from(([127, 0, 0, 1], component));
    let http = SocketAddr::from(([127, 0, 0, 1], http));
    let start = Instant::now();
    // Its ports open one after the other.
    while [addr, component, http].into_iter().any(|addr| TcpStream::connect(addr).is_err()) {
        assert!(start.elapsed() < PATIENCE, "Prosody does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(Prosody { addr, component, http, ca: chain, _running: running, _dir: dir })
}

/// Two of our clients on Prosody: login, roster, subscription, messages, a request.
#[test]
fn our_client_on_prosody() {
    let Some(prosody) = prosody("prosody") else { return };
    for (mechanism, tls) in [
        (Mechanism::ScramSha256, false),
        (Mechanism::ScramSha1, false),
        (Mechanism::Plain, false),
        (Mechanism::ScramSha256, true),
        (Mechanism::Plain, true),
    ] {
        println!("{} tls={tls}", mechanism.name());
        let ca = tls.then_some(prosody.ca.as_path());
        let mut alice = User::connect(prosody.addr, "alice", mechanism, ca);
        let mut bob = User::connect(prosody.addr, "bob", mechanism, ca);
        alice.log_in();
        bob.log_in();

        alice.say("bob@localhost", "is <this> & that there?");
        let heard = bob.hear();
        assert_eq!(heard, ("alice@localhost/ours".into(), "is <this> & that there?".into()));
        bob.say(&heard.0, "yes \u{1f984}");
        assert_eq!(alice.hear(), ("bob@localhost/ours".into(), "yes \u{1f984}".into()));

        let now = alice.connection.now();
        let machine = &mut alice.connection.machine;
        machine.request_roster(now, None).unwrap();
        let item = RosterItem::new(&"bob@localhost".parse().unwrap()).with_name("Bob");
        machine.set_roster_item(now, &item).unwrap();
        alice.until("roster", |event| matches!(event, Event::Roster { .. }).then_some(()));
        let pushed = alice.until("roster push", |event| match event {
            Event::RosterPush { item, .. } => Some(item),
            _ => None,
        });
        assert_eq!((pushed.jid.as_str(), pushed.name.as_deref()), ("bob@localhost", Some("Bob")));

        // Prosody answers for an account that has no such resource, our client for itself.
        for (to, expected) in [("localhost", "result"), ("bob@localhost/nowhere", "error")] {
            let now = alice.connection.now();
            let to = to.parse().unwrap();
            let machine = &mut alice.connection.machine;
            let ping = |w: &mut xmpp_proto::xml::Writer| {
                w.leaf(Ns::PING, "ping", "");
            };
            let asked = machine.request(now, RequestKind::Get, Some(&to), ping).unwrap();
            let kind = alice.until("answer", |event| match event {
                Event::Answer { token, answer } if token == asked => {
                    let stanza = answer.unwrap();
                    let iq = stanza.as_iq()?;
                    Some(iq.header().raw_kind()?.to_string())
                }
                _ => None,
            });
            assert_eq!(kind, expected, "{to}");
        }
        alice.close();
        bob.close();
    }
}

impl User {
    /// The socket breaks without a word; what becomes of the session.
    fn cut(mut self) -> SmSession {
        let now = self.connection.now();
        self.connection.socket().shutdown(std::net::Shutdown::Both).unwrap();
        self.connection.machine.handle_input(now, Input::Eof);
        self.until("end", |event| matches!(event, Event::Closed(_)).then_some(()));
        self.connection.machine.take_session().unwrap()
    }

    fn resume(addr: SocketAddr, local: &str, session: SmSession) -> Self {
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
fn resumes_after_a_cut(addr: SocketAddr) {
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

/// Login and binding in one step, with the community modules of Prosody (XEP-0388, 0386).
#[test]
fn our_client_logs_in_to_prosody_by_sasl_2() {
    // In clear: those of Debian 12 do not find TLS in its Prosody, nor run all together.
    let modules = "\"sasl2\", \"sasl2_bind2\"";
    if !Path::new("/usr/lib/prosody/modules/mod_sasl2_bind2").exists() {
        println!("skipped: no such program: prosody-modules with sasl2");
        return;
    }
    let Some(prosody) = prosody_with("sasl2", modules) else { return };
    let user = || {
        let sasl2 = Sasl2Config::new().with_user_agent("d4565fa7-4d72-4749-b3d3-740edbf87770");
        let config = ClientConfig::new("alice@localhost".parse().unwrap())
            .with_sasl2(sasl2.with_tag("ours"))
            .with_tls(TlsPolicy::Never)
            .with_plain_without_tls(true)
            .with_password(Secret::new("secret"));
        let (clock, config) = (Clock::start(), Arc::new(config));
        let client = Client::new(clock.now(), config, seed());
        let socket = TcpStream::connect(prosody.addr).unwrap();
        let connection = Connection::new(socket, client, clock).unwrap();
        User { connection, ca: Some(prosody.ca.clone()), waiting: VecDeque::new() }
    };
    let mut alice = user();
    alice.until("login", |event| matches!(event, Event::Ready { .. }).then_some(()));
    let jid = alice.connection.machine.jid().clone();
    assert!(jid.resource().unwrap().starts_with("ours"), "{jid}");
    alice.close();
}

/// Our client over a WebSocket (RFC 7395), to Prosody's `mod_websocket`.
#[test]
fn our_client_talks_to_prosody_over_a_websocket() {
    let Some(prosody) = prosody("websocket") else { return };
    let mut bob = User::connect(prosody.addr, "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    let config = ClientConfig::new("alice@localhost/web".parse().unwrap())
        .with_password(Secret::new("secret"))
        .with_tls(TlsPolicy::Never);
    let clock = Clock::start();
    let client = Client::new(clock.now(), Arc::new(config), seed());
    let socket = TcpStream::connect(prosody.http).unwrap();
    let ws = Arc::new(proto_wire::websocket::Config::default());
    let host = format!("localhost:{}", prosody.http.port());
    let web = OverWebSocket::client(clock.now(), ws, seed(), client, &host, "/xmpp-websocket");
    let mut alice = Connection::new(socket, web.unwrap(), clock).unwrap();
    let mut heard = None;
    while heard.is_none() {
        let now = alice.now();
        match alice.next_event().unwrap().expect("not the end") {
            Event::Ready { jid, .. } => {
                assert_eq!(jid.as_str(), "alice@localhost/web");
                let to = "bob@localhost".parse().unwrap();
                let hello =
                    MessageBuilder::new().to(&to).kind(MessageKind::Chat).body("<&> \u{2603}");
                alice.machine.machine.send(now, PresenceBuilder::new().build().unwrap()).unwrap();
                alice.machine.machine.send(now, hello.build().unwrap()).unwrap();
                let until = now.saturating_add(Duration::from_millis(50));
                drop(alice.next_event_until(until).unwrap());
                let (from, text) = bob.hear();
                assert_eq!((from.as_str(), text.as_str()), ("alice@localhost/web", "<&> \u{2603}"));
                bob.say(&from, "over there");
            }
            Event::Message(stanza) => {
                heard = stanza.as_message().unwrap().body().map(std::borrow::Cow::into_owned);
            }
            Event::Closed(why) => panic!("{why}"),
            _ => {}
        }
    }
    assert_eq!(heard.as_deref(), Some("over there"));
    let now = alice.now();
    alice.machine.machine.close(now).unwrap();
    let why = loop {
        if let Event::Closed(why) = alice.next_event().unwrap().expect("an end") {
            break why;
        }
    };
    assert_eq!(why, CloseReason::Local);
    bob.close();
}

/// The echo program behind Prosody's component port (XEP-0114).
#[test]
fn our_component_serves_a_domain_of_prosody() {
    let Some(prosody) = prosody("component") else { return };
    let echo = |secret: &str| {
        Command::new(env!("CARGO_BIN_EXE_xmpp_echo"))
            .args(["echo.localhost", secret, &prosody.component.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let refused = echo("wrong").wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not-authorized"), "{refused:?}");
    let mut child = echo("shared");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _running = Running(child);
    assert_eq!(lines.next().unwrap().unwrap(), "* serving echo.localhost");
    let mut alice = User::connect(prosody.addr, "alice", Mechanism::ScramSha256, None);
    alice.log_in();
    alice.say("anybody@echo.localhost", "is <this> & that there?");
    let expected = ("anybody@echo.localhost".into(), "is <this> & that there?".into());
    assert_eq!(alice.hear(), expected);
    // It answers what it does not know, too.
    let now = alice.connection.now();
    let to = "echo.localhost".parse().unwrap();
    for (ns, name, expected) in [(Ns::PING, "ping", "result"), (Ns::VERSION, "query", "error")] {
        let write = |w: &mut xmpp_proto::xml::Writer| {
            w.leaf(ns, name, "");
        };
        let machine = &mut alice.connection.machine;
        let asked = machine.request(now, RequestKind::Get, Some(&to), write).unwrap();
        let kind = alice.until("answer", |event| match event {
            Event::Answer { token, answer } if token == asked => {
                Some(answer.unwrap().as_iq()?.header().raw_kind()?.to_string())
            }
            _ => None,
        });
        assert_eq!(kind, expected);
    }
    alice.close();
}

/// Over real TLS 1.3, bound to it (RFC 9266).
#[test]
fn our_client_binds_to_tls_on_our_server() {
    let dir = Dir::new("plus");
    let Some((chain, key)) = certificate(&dir) else { return };
    let options = Options::new("localhost");
    let options = options.with_tls(certificates::server(&chain, &key).unwrap(), true);
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    for mechanism in [Mechanism::ScramSha1Plus, Mechanism::ScramSha512Plus, Mechanism::ScramSha512]
    {
        let mut alice = User::connect(server.addr(), "alice", mechanism, Some(&chain));
        alice.log_in();
        alice.close();
    }
    server.stop();
}

#[test]
fn a_session_on_prosody_survives_a_cut() {
    let Some(prosody) = prosody("resume") else { return };
    resumes_after_a_cut(prosody.addr);
}

#[test]
fn a_session_on_our_server_survives_a_cut() {
    let server = XmppServer::start(Options::new("localhost")).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    resumes_after_a_cut(server.addr());
    server.stop();
}

#[test]
fn prosody_refuses_a_wrong_password() {
    let Some(prosody) = prosody("wrong") else { return };
    for mechanism in [Mechanism::ScramSha256, Mechanism::Plain] {
        let config = ClientConfig::new("alice@localhost".parse().unwrap())
            .with_password(Secret::new("wrong"))
            .with_mechanisms(&[mechanism])
            .with_plain_without_tls(true)
            .with_tls(TlsPolicy::Never);
        let clock = Clock::start();
        let client = Client::new(clock.now(), Arc::new(config), seed());
        let socket = TcpStream::connect(prosody.addr).unwrap();
        let connection = Connection::new(socket, client, clock).unwrap();
        let mut user = User { connection, ca: None, waiting: VecDeque::new() };
        let why = user.until("end", |event| match event {
            Event::Closed(why) => Some(why.to_string()),
            _ => None,
        });
        assert_eq!(why, "the server refused: not-authorized");
    }
}

#[test]
fn the_chat_program_sends_what_is_typed() {
    typed_lines_arrive(env!("CARGO_BIN_EXE_xmpp_chat"));
}

#[test]
fn the_chat_program_on_tokio_sends_what_is_typed() {
    typed_lines_arrive(env!("CARGO_BIN_EXE_xmpp_chat_tokio"));
}

/// A chat program on our own server.
fn typed_lines_arrive(program: &str) {
    let server = XmppServer::start(Options::new("localhost")).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    let mut alice = User::connect(server.addr(), "alice", Mechanism::ScramSha1, None);
    alice.log_in();
    let mut chat = Command::new(program)
        .args(["--plaintext", "--password", "secret", "--for", "1"])
        .args(["--server", &server.addr().to_string(), "bob@localhost", "alice@localhost"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    chat.stdin.take().unwrap().write_all(b"hello\nsecond <line>\n").unwrap();
    let (from, text) = alice.hear();
    assert_eq!(text, "hello");
    assert_eq!(alice.hear().1, "second <line>");
    alice.say(&from, "and back");
    let output = chat.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("alice@localhost/ours: and back"), "{shown}");
    alice.close();
    server.stop();
}
