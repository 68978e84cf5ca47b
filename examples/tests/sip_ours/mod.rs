//! Our agent in a test of real peers: a user agent with its sockets, waited for with a limit.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of this")]

use bytes::Bytes;
use examples::entropy::seed;
use examples::sip_host::{Host, Next};
use proto_wire::digest::Credential;
use sip_proto::StatusCode;
use sip_proto::endpoint::{Config as Below, Target};
use sip_proto::ua::session_timer::Wish;
use sip_proto::ua::{CallRef, Config, Event, UserAgent};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn skipped(what: &str) {
    // The handle is not captured, so this is seen although the test passes.
    writeln!(std::io::stderr(), "skipped: no such program: {what}").unwrap();
}

pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let sbin = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")];
    std::env::split_paths(&path).chain(sbin).map(|dir| dir.join(program)).find(|p| p.is_file())
}

/// A python that can import `module`, of the peers' environment or of the system.
pub fn python_with(module: &str) -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers-venv/bin/python");
    let works = |python: &PathBuf| {
        let import = format!("import {module}");
        Command::new(python).args(["-c", &import]).output().is_ok_and(|o| o.status.success())
    };
    [Some(venv), find("python3")].into_iter().flatten().find(works)
}

pub fn peers(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(file)
}

/// An empty directory of this test's own.
pub fn directory(name: &str) -> PathBuf {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _new = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

pub fn free_port() -> SocketAddr {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// A certificate for `localhost` and the domains of the tests: the chain and the key. `None` without openssl.
pub fn certificate(directory: &Path) -> Option<(PathBuf, PathBuf)> {
    let openssl = find("openssl")?;
    let (chain, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost,DNS:example.org,DNS:club.example,IP:127.0.0.1",
        ])
        // A root that is also the server's own certificate would be refused.
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some((chain, key))
}

/// A program that ends with its test.
pub struct Running(pub Child);

impl Running {
    /// Whether it ended by itself, and well, within this time.
    pub fn ends(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Running {
    /// SIGTERM first, on which servers end their workers too.
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let _asked = Command::new("kill").arg(self.0.id().to_string()).status();
        if !self.ends(Duration::from_secs(5)) {
            let _gone = self.0.kill();
        }
        let _reaped = self.0.wait();
    }
}

/// A description of one audio stream at a port where nobody listens.
pub const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n";

pub struct Ours {
    pub host: Host<UserAgent>,
    pub seen: Vec<Event>,
}

impl Ours {
    pub fn start(identity: &str, via: Option<Target>, password: Option<&str>) -> Self {
        let mut config = Config::new(identity, Below::default()).unwrap().with_session(Wish::NONE);
        config.outbound = via;
        if let Some(password) = password {
            let user = config.user.clone();
            config = config.with_credential(Credential::new(user.as_str(), password).unwrap());
        }
        let any = "127.0.0.1:0".parse().unwrap();
        let mut host = Host::bind(any, move |now, listeners| {
            config.endpoint = Below::new(listeners).with_product("ours").into();
            UserAgent::new(now, config, seed())
        })
        .unwrap();
        if std::env::var_os("SIP_TRACE").is_some() {
            host.observe(Arc::new(|way, who: &str, text: &str| {
                writeln!(std::io::stderr(), "{way:?} {who}\n{text}").unwrap();
            }));
        }
        Self { host, seen: Vec::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// The first event that `wanted` takes, new or passed over before.
    pub fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        for n in 0..self.seen.len() {
            if let Some(found) = wanted(&self.seen[n]) {
                self.seen.remove(n);
                return found;
            }
        }
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not come, but {:#?}", self.seen);
            let Next::Event(event) = self.host.next_event(left) else { continue };
            if let Event::Request { id, .. } = &event {
                let _gone = self.host.machine.respond(self.host.now(), *id, StatusCode::OK);
            }
            if let Some(found) = wanted(&event) {
                return found;
            }
            self.seen.push(event);
        }
    }

    /// Lets things happen for a while.
    pub fn idle(&mut self, while_: Duration) {
        let end = Instant::now() + while_;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|l| !l.is_zero()) {
            if let Next::Event(event) = self.host.next_event(left) {
                self.seen.push(event);
            }
        }
    }

    pub fn register(&mut self) {
        self.host.machine.register(self.host.now()).unwrap();
        self.until("200 to REGISTER", |e| matches!(e, Event::Registered { .. }).then_some(()));
    }

    /// Calls, and waits until it is answered.
    pub fn call(&mut self, uri: &str) -> CallRef {
        let call = self.host.machine.call(self.host.now(), uri, Some(Bytes::from(SDP))).unwrap();
        self.until("an answer", |e| match e {
            Event::Answered { .. } => Some(()),
            Event::Ended { why, .. } => panic!("{uri}: {why:?}"),
            _ => None,
        });
        call
    }

    /// Waits for a call, answers it and waits until that is acknowledged.
    pub fn take_call(&mut self) -> CallRef {
        let call = self.until("a call", |e| match e {
            Event::Incoming { call, .. } => Some(*call),
            _ => None,
        });
        let now = self.host.now();
        self.host.machine.ring(now, call, StatusCode::RINGING, None).unwrap();
        self.host.machine.answer(now, call, Some(Bytes::from(SDP))).unwrap();
        self.until("an ACK", |e| matches!(e, Event::Confirmed { .. }).then_some(()));
        call
    }

    pub fn hang_up(&mut self, call: CallRef) {
        self.host.machine.hang_up(self.host.now(), call).unwrap();
        self.ended();
    }

    pub fn ended(&mut self) {
        self.until("the end of the call", |e| matches!(e, Event::Ended { .. }).then_some(()));
    }

    /// Sends a message and returns the status of its answer, 0 when there was none.
    pub fn send(&mut self, to: &str, kind: &str, text: &str) -> u16 {
        let body = Bytes::copy_from_slice(text.as_bytes());
        self.host.machine.send_message(self.host.now(), to, kind, body).unwrap();
        self.until("an answer to the message", |e| match e {
            Event::Delivered { status, .. } | Event::Refused { status, .. } => {
                Some(status.as_u16())
            }
            Event::Undelivered { .. } => Some(0),
            _ => None,
        })
    }

    /// The next message of this type.
    pub fn message(&mut self, kind: &str) -> String {
        self.until("a message", |e| match e {
            Event::Message { content_type, body, .. } if content_type.starts_with(kind) => {
                Some(String::from_utf8_lossy(body).into_owned())
            }
            _ => None,
        })
    }
}
