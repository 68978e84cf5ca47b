//! Our programs with each other over TLS and WebSocket. Each test finds its program, or says
//! loudly that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    clippy::arithmetic_side_effects,
    reason = "tests state what must hold; what is written to the handle is not captured"
)]

mod sip_ours;

use examples::sip_server::{SipServer, SipServerConfig};
use sip_ours::{directory, find, skipped};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn message(via: SocketAddr, way: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sip_message"));
    command.args(["--via", &via.to_string(), "--password", "secret"]).args(way);
    command
}

/// Registers and writes both ways: over one transport, and from one to another.
#[test]
fn our_agents_write_to_each_other_over_tls_and_websocket() {
    let directory = directory("sip-secure");
    let Some((chain, key)) = certificate(&directory) else { return skipped("openssl") };
    let mut config = SipServerConfig::new("club.example", any())
        .with_tls(any(), examples::certificates::server(&chain, &key).unwrap())
        .with_web(any());
    for user in ["alice", "bob"] {
        config = config.with_user(user, "secret");
    }
    let server = SipServer::start(config).unwrap();
    let [tcp, tls, web] = server.addresses() else { panic!("{:?}", server.addresses()) };
    let chain = chain.to_str().unwrap();
    let ways: [(SocketAddr, &[&str]); 3] =
        [(*tcp, &["--tcp"]), (*tls, &["--tls", chain]), (*web, &["--ws"])];
    for (to, to_way) in ways {
        for (from, from_way) in ways {
            let mut bob = message(to, to_way);
            let mut bob = Running::start(bob.args([
                "--as",
                "sip:bob@club.example",
                "--register",
                "--wait",
                "20",
            ]));
            bob.until("registered for");
            let mut alice = message(from, from_way);
            let alice = Running::start(alice.args([
                "--as",
                "sip:alice@club.example",
                "sip:bob@club.example",
                "hello",
            ]));
            assert_eq!(alice.end(), ["sent 200"], "{from_way:?} to {to_way:?}");
            let lines = bob.end();
            assert!(lines.iter().any(|l| l == "from sip:alice@club.example: hello"), "{lines:?}");
        }
    }
}

/// A certificate of somebody else ends it before a word is said.
#[test]
fn a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let (one, two) = (directory("sip-vouch-1"), directory("sip-vouch-2"));
    let Some((chain, key)) = certificate(&one) else { return skipped("openssl") };
    let Some((other, _)) = certificate(&two) else { return skipped("openssl") };
    let config = SipServerConfig::new("club.example", any())
        .with_tls(any(), examples::certificates::server(&chain, &key).unwrap())
        .with_user("bob", "secret");
    let server = SipServer::start(config).unwrap();
    let tls = *server.addresses().last().unwrap();
    let bob = ["--as", "sip:bob@club.example", "--register"];
    let mut trusting = message(tls, &["--tls", other.to_str().unwrap()]);
    let mut refused = Running::start(trusting.args(bob));
    assert_eq!(refused.until("not registered"), "not registered: no answer");
}

/// A certificate for `localhost`: the chain and the key. `None` without openssl.
fn certificate(directory: &Path) -> Option<(PathBuf, PathBuf)> {
    let openssl = find("openssl")?;
    let (chain, key) = (directory.join("localhost.crt"), directory.join("localhost.key"));
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
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

/// A program of ours that runs, and what it prints.
struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let out: ChildStdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// The first line that holds `text`, which must come in time.
    fn until(&mut self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {text:?} in {:?}", self.seen)
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// All that it printed, when it ends well.
    fn end(mut self) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(40);
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break Some(status),
                None if Instant::now() > end => break None,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        self.seen.extend(self.lines.iter());
        assert!(status.is_some_and(|s| s.success()), "{:?} {:?}", status, self.seen);
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Over already, when the test went well.
        let _over = self.child.kill().is_err();
        let _reaped = self.child.wait().is_err();
    }
}
