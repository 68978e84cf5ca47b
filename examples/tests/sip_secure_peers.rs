//! Our programs with each other over TLS and WebSocket, and with openssl and PJSIP over TLS. Each test
//! finds its program, or says loudly that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tests state what must hold; what is written to the handle is not captured"
)]

mod sip_ours;

use examples::sip_server::{ServerEvent, SipServer, SipServerConfig};
use sip_ours::{certificate, directory, find, peers, python_with, skipped};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
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
    let server = everywhere(&chain, &key);
    let [tcp, tls, web, secure_web] = server.addresses() else {
        panic!("{:?}", server.addresses())
    };
    let chain = chain.to_str().unwrap();
    let ways: [(SocketAddr, &[&str]); 4] = [
        (*tcp, &["--tcp"]),
        (*tls, &["--tls", chain]),
        (*web, &["--ws"]),
        (*secure_web, &["--wss", chain]),
    ];
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

/// A server on all transports.
fn everywhere(chain: &Path, key: &Path) -> SipServer {
    let mut config = SipServerConfig::new("club.example", any())
        .with_tls(any(), examples::certificates::server(chain, key).unwrap())
        .with_web(any())
        .with_secure_web(any());
    for user in ["alice", "bob"] {
        config = config.with_user(user, "secret");
    }
    SipServer::start(config).unwrap()
}

/// Calls through the server: set up, acknowledged and ended end to end, from each transport to
/// another. Nobody can connect to who came over a stream, so all goes back over it.
#[test]
fn our_phones_call_each_other_through_our_server_over_all_transports() {
    let directory = directory("sip-calls");
    let Some((chain, key)) = certificate(&directory) else { return skipped("openssl") };
    let server = everywhere(&chain, &key);
    let udp = server.address();
    let [tcp, tls, web, secure_web] = server.addresses() else {
        panic!("{:?}", server.addresses())
    };
    let chain = chain.to_str().unwrap();
    let ways: [(SocketAddr, &[&str]); 5] = [
        (udp, &[]),
        (*tcp, &["--tcp"]),
        (*tls, &["--tls", chain]),
        (*web, &["--ws"]),
        (*secure_web, &["--wss", chain]),
    ];
    let phone = |(via, way): (SocketAddr, &[&str]), user: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sip_phone"));
        let identity = format!("sip:{user}@club.example");
        command.args(["--via", &via.to_string(), "--as", &identity, "--register"]);
        command.args(["--password", "secret", "--answer", "0.1"]).args(way);
        command
    };
    for (n, from) in ways.into_iter().enumerate() {
        // To the next one, and the last to the first.
        let to = ways[(n + 1) % ways.len()];
        let mut bob = Running::start(&mut phone(to, "bob"));
        bob.until("registered for");
        let mut alice = phone(from, "alice");
        let alice = Running::start(alice.args(["--talk", "0.3", "sip:bob@club.example"]));
        let (alice, bob) = (alice.end(), bob.end());
        let up = |lines: &[String]| lines.iter().any(|l| l.starts_with("up: PCMU "));
        assert!(up(&alice) && up(&bob), "{:?} {:?}: {alice:?} {bob:?}", from.1, to.1);
        assert_eq!(alice.last().map(String::as_str), Some("ended: Local"));
        // The BYE came all the way.
        assert_eq!(bob.last().map(String::as_str), Some("ended: Remote"));
    }
}

/// Another TLS than ours speaks to our listener.
#[test]
fn openssl_asks_options_at_our_tls_listener() {
    let directory = directory("sip-openssl");
    let Some((chain, key)) = certificate(&directory) else { return skipped("openssl") };
    let server = everywhere(&chain, &key);
    let tls = server.addresses()[1].to_string();
    let mut client = Command::new(find("openssl").unwrap())
        .args(["s_client", "-quiet", "-verify_return_error", "-CAfile"])
        .arg(&chain)
        .args(["-connect", &tls])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let request = "OPTIONS sip:club.example SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKs\r\n\
         Max-Forwards: 70\r\nFrom: <sip:x@there.example>;tag=1\r\nTo: <sip:club.example>\r\n\
         Call-ID: s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let mut typed = client.stdin.take().unwrap();
    // In two pieces: a record of TLS is no message.
    let (first, rest) = request.split_at(40);
    typed.write_all(first.as_bytes()).unwrap();
    typed.flush().unwrap();
    typed.write_all(rest.as_bytes()).unwrap();
    typed.flush().unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let status = lines.next().unwrap().unwrap();
    let _over = client.kill();
    let _reaped = client.wait();
    assert_eq!(status, "SIP/2.0 200 OK");
}

/// A third TLS: sipsak, over `GnuTLS`, asks and registers.
#[test]
fn sipsak_asks_options_and_registers_over_tls() {
    let Some(sipsak) = find("sipsak") else { return skipped("sipsak") };
    let version = Command::new(&sipsak).arg("-V").output().unwrap();
    let said = [version.stdout, version.stderr].concat();
    if !String::from_utf8_lossy(&said).contains("TLS_SUPPORT") {
        return skipped("sipsak with TLS");
    }
    let directory = directory("sip-sipsak");
    let Some((chain, key)) = certificate(&directory) else { return skipped("openssl") };
    // What comes in the record of a session ticket is no data: sipsak 0.9.8.1 takes that for an error.
    let mut tls = (*examples::certificates::server(&chain, &key).unwrap()).clone();
    tls.send_tls13_tickets = 0;
    let config = SipServerConfig::new("club.example", any()).with_tls(any(), tls.into());
    let server = SipServer::start(config.with_user("alice", "secret")).unwrap();
    let tls = server.addresses()[1].to_string();
    let over = ["--transport=tls".to_owned(), format!("--tls-ca-cert={}", chain.display())];
    let ran = |arguments: &[&str]| {
        let mut sipsak = Command::new(&sipsak);
        sipsak.arg("-v").args(&over).args(["-p", &tls]).args(arguments).stdin(Stdio::null());
        let output = sipsak.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    };
    ran(&["-s", "sip:club.example"]);
    ran(&[
        "-U",
        "-s",
        "sip:alice@club.example",
        "-C",
        "sip:alice@127.0.0.1:5099",
        "-x",
        "120",
        "-a",
        "secret",
        "-u",
        "alice",
    ]);
    let registered = server.events().recv_timeout(Duration::from_secs(10));
    let wanted = ServerEvent::Registered { user: "alice@club.example".into(), bindings: 1 };
    assert_eq!(registered, Ok(wanted));
}

/// PJSIP with its own TLS registers at our listener, writes and calls through it.
#[test]
fn pjsip_agents_register_write_and_call_over_tls() {
    let directory = directory("sip-pjsip");
    let Some((chain, key)) = certificate(&directory) else { return skipped("openssl") };
    let Some(python) = python_with("pjsua2") else { return skipped("pjsua2") };
    let server = everywhere(&chain, &key);
    let output = Command::new(python)
        .arg(peers("sip_pjsua2.py"))
        .arg(server.addresses()[1].to_string())
        .arg("tls")
        .arg(&chain)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("call 200 ended 1 1"), "{said}");
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
