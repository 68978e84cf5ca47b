//! Our client over HTTP on Prosody's `mod_bosh` (XEP-0124, 0206): login, messages both ways,
//! responses that get lost, the end. What is not installed is said loudly and skipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use examples::entropy::seed;
use examples::xmpp_bosh::{Driver, Url, post};
use proto_wire::Clock;
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_proto::client::{Client, ClientConfig, CloseReason, Event, TlsPolicy};
use xmpp_proto::sasl::{Mechanism, Secret};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder};
use xmpp_proto::transport::bosh::{Body, BodyKind, BoshClient, BoshConfig, Condition};
use xmpp_proto::xml::XmlLimits;

const PATIENCE: Duration = Duration::from_secs(30);

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|p| p.is_file());
    if found.is_none() {
        println!("skipped: no such program: {program}");
    }
    found
}

/// Ended and removed with the test.
struct Prosody {
    child: Child,
    dir: PathBuf,
    url: Url,
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
    let dir = {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::env::temp_dir().join(format!("xmpp-bosh-peers-{}-{port}", std::process::id()))
    };
    std::fs::create_dir_all(&dir).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        r#"daemonize = false
run_as_root = true
pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{}}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
http_ports = {{ {port} }}
http_interfaces = {{ "127.0.0.1" }}
http_default_host = "localhost"
https_ports = {{}}
consider_bosh_secure = true
bosh_max_inactivity = 20
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "offline", "posix", "bosh" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = false
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
    for user in ["alice", "bob"] {
        let made = Command::new(&ctl)
            .arg("--config")
            .arg(&file)
            .args(["register", user, "localhost", "secret"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    }
    let child = Command::new(prosody)
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let url = Url { addr, host: "localhost".into(), path: "/http-bind".into() };
    let running = Prosody { child, dir, url };
    let start = Instant::now();
    while TcpStream::connect(addr).is_err() {
        assert!(start.elapsed() < PATIENCE, "Prosody does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(running)
}

/// A user, and what came while something was sent.
struct User(Driver<Client>, VecDeque<Event>);

impl User {
    fn log_in(prosody: &Prosody, local: &str, mechanism: Mechanism, config: BoshConfig) -> Self {
        let client = ClientConfig::new(format!("{local}@localhost/ours").parse().unwrap())
            .with_password(Secret::new("secret"))
            .with_mechanisms(&[mechanism])
            .with_plain_without_tls(true)
            .with_stream_management(None)
            .with_tls(TlsPolicy::Never);
        let clock = Clock::start();
        let now = clock.now();
        let machine = Client::new(now, Arc::new(client), seed());
        let bosh = BoshClient::new(now, Arc::new(config), seed(), machine);
        let driver = Driver::new(bosh, clock, prosody.url.clone());
        let mut user = Self(driver, VecDeque::new());
        user.until("login", |event| matches!(event, Event::Ready { .. }).then_some(()));
        let now = user.0.now();
        user.0.bosh.machine.send(now, PresenceBuilder::new().build().unwrap()).unwrap();
        // Its own presence comes back: the server knows that it is there.
        user.until("own presence", |event| matches!(event, Event::Presence(_)).then_some(()));
        user
    }

    fn until<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "no {what}");
            let waiting = self.1.pop_front();
            let next = waiting.or_else(|| self.0.next_event(Duration::from_secs(1)));
            let Some(event) = next else { continue };
            let shown = format!("{event:?}");
            let closed = matches!(event, Event::Closed(_));
            match pick(event) {
                Some(found) => return found,
                None => assert!(!closed, "no {what}: {shown} {:?}", self.0.bosh.condition()),
            }
        }
    }

    fn say(&mut self, to: &str, text: &str) {
        let message = MessageBuilder::new().to(&to.parse().unwrap()).kind(MessageKind::Chat);
        let now = self.0.now();
        self.0.bosh.machine.send(now, message.body(text).build().unwrap()).unwrap();
        // It leaves when a request is free.
        let before = self.0.posted;
        let start = Instant::now();
        while self.0.posted == before {
            assert!(start.elapsed() < PATIENCE, "it does not leave");
            self.1.extend(self.0.next_event(Duration::from_millis(10)));
        }
    }

    fn hear(&mut self) -> String {
        self.until("message", |event| match event {
            Event::Message(stanza) => Some(stanza.as_message()?.body()?.into_owned()),
            _ => None,
        })
    }

    fn close(mut self) {
        let now = self.0.now();
        self.0.bosh.machine.close(now).unwrap();
        let why = self.until("end", |event| match event {
            Event::Closed(why) => Some(why),
            _ => None,
        });
        assert_eq!(why, CloseReason::Local);
    }
}

#[test]
fn our_client_over_bosh_on_prosody() {
    let Some(prosody) = prosody() else { return };
    let quick = || BoshConfig::new().with_retries(4, Duration::from_millis(20));
    let mut bob = User::log_in(&prosody, "bob", Mechanism::ScramSha1, quick().with_keys(4));
    for (mechanism, config) in [(Mechanism::Plain, quick()), (Mechanism::ScramSha256, quick())] {
        println!("{}", mechanism.name());
        let mut alice = User::log_in(&prosody, "alice", mechanism, config);
        alice.say("bob@localhost/ours", "is <this> & that there?");
        assert_eq!(bob.hear(), "is <this> & that there?");
        bob.say("alice@localhost/ours", "yes \u{1f984}");
        assert_eq!(alice.hear(), "yes \u{1f984}");

        // Responses are lost on the way: the copies bring the same, once.
        alice.0.failures = 2;
        for n in 0..5 {
            bob.say("alice@localhost/ours", &format!("number {n}"));
            assert_eq!(alice.hear(), format!("number {n}"));
        }
        assert_eq!(alice.0.failures, 0);
        for n in 0..5 {
            alice.say("bob@localhost/ours", &format!("answer {n}"));
        }
        for n in 0..5 {
            assert_eq!(bob.hear(), format!("answer {n}"));
        }
        println!("{} requests", alice.0.posted);
        alice.close();
    }
    bob.close();
}

/// What Prosody says to a session that it does not know is what our client understands.
#[test]
fn prosody_does_not_know_a_foreign_session() {
    let Some(prosody) = prosody() else { return };
    let body = b"<body rid='1' sid='nobody' xmlns='http://jabber.org/protocol/httpbind'/>";
    let (status, body) = post(&prosody.url, body).unwrap();
    let body = Body::parse(&body, XmlLimits::PRE_AUTH).unwrap();
    let unknown = BodyKind::Terminate(Some(Condition::ItemNotFound));
    assert_eq!((status, body.kind()), (200, unknown));
}
