//! The SIP server and the SIP client against real programs over loopback. Each test finds its
//! program, or says loudly that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    reason = "tests state what must hold; what is written to the handle is not captured"
)]

use examples::sip_server::{ServerEvent, SipServer, SipServerConfig};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn skipped(what: &str) {
    // The handle is not captured, so this is seen although the test passes.
    writeln!(std::io::stderr(), "skipped: no such program: {what}").unwrap();
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let sbin = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")];
    std::env::split_paths(&path).chain(sbin).map(|dir| dir.join(program)).find(|p| p.is_file())
}

fn python_with(module: &str) -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers-venv/bin/python");
    let works = |python: &PathBuf| {
        let import = format!("import {module}");
        Command::new(python).args(["-c", &import]).output().is_ok_and(|o| o.status.success())
    };
    [Some(venv), find("python3")].into_iter().flatten().find(works)
}

fn peers(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(file)
}

fn server() -> SipServer {
    let mut config = SipServerConfig::new("club.example", "127.0.0.1:0".parse().unwrap());
    for user in ["alice", "bob", "carol", "dave"] {
        config = config.with_user(user, "secret");
    }
    if std::env::var_os("SIP_TRACE").is_some() {
        config = config.with_observer(Arc::new(|way, who: &str, text: &str| {
            writeln!(std::io::stderr(), "{way:?} {who}\n{text}").unwrap();
        }));
    }
    SipServer::start(config).unwrap()
}

/// Runs a program to its end, at most for `limit`.
fn run(command: &mut Command, limit: Duration) -> Output {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + limit;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn shown(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn wait_for(server: &SipServer, wanted: &ServerEvent) {
    let end = Instant::now() + Duration::from_secs(10);
    let mut seen = Vec::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match server.events().recv_timeout(left) {
            Ok(event) if event == *wanted => return,
            Ok(event) => seen.push(event),
            Err(_) => panic!("{wanted:?} did not come, but {seen:?}"),
        }
    }
}

fn registered(user: &str, bindings: usize) -> ServerEvent {
    ServerEvent::Registered { user: format!("{user}@club.example"), bindings }
}

fn free_port() -> SocketAddr {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

fn sip_message(via: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sip_message"));
    command.args(["--via", &via.to_string(), "--password", "secret"]);
    command
}

/// Our own program on both sides, over both transports: no other program is needed.
#[test]
fn our_programs_talk_to_each_other() {
    for tcp in [false, true] {
        let server = server();
        let flag = if tcp { "--tcp" } else { "--wait" };
        let value: &[&str] = if tcp { &[] } else { &["20"] };
        let mut bob = sip_message(server.address());
        bob.args(["--as", "sip:bob@club.example", "--register", "--wait", "20"]);
        if tcp {
            bob.arg(flag).args(value);
        }
        let bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        wait_for(&server, &registered("bob", 1));
        let mut alice = sip_message(server.address());
        alice.args(["--as", "sip:alice@club.example", "sip:bob@club.example", "hello bob"]);
        if tcp {
            alice.arg("--tcp");
        }
        let alice = run(&mut alice, Duration::from_secs(20));
        assert!(alice.status.success(), "{}", shown(&alice));
        let bob = bob.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&bob.stdout).into_owned();
        assert!(
            bob.status.success() && text.contains("from sip:alice@club.example: hello bob"),
            "{text}"
        );
        wait_for(&server, &registered("bob", 0));
        server.stop();
    }
}

/// A message over 1,300 bytes goes over TCP although UDP was asked for (RFC 3261 §18.1.1).
#[test]
fn a_long_message_takes_the_stream() {
    let server = server();
    let mut bob = sip_message(server.address());
    bob.args(["--as", "sip:bob@club.example", "--register", "--wait", "20"]);
    let bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(&server, &registered("bob", 1));
    let long = "long ".repeat(600);
    let mut alice = sip_message(server.address());
    alice.args(["--as", "sip:alice@club.example", "sip:bob@club.example", &long]);
    let alice = run(&mut alice, Duration::from_secs(20));
    assert!(alice.status.success(), "{}", shown(&alice));
    let bob = bob.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&bob.stdout).contains(&long));
}

#[test]
fn the_server_writes_to_its_users() {
    let server = server();
    let mut bob = sip_message(server.address());
    bob.args(["--as", "sip:bob@club.example", "--register", "--wait", "20", "--tcp"]);
    let bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(&server, &registered("bob", 1));
    server.send_message(
        "sip:club@club.example",
        "bob@club.example",
        "text/plain",
        "you are gold now",
    );
    let bob = bob.wait_with_output().unwrap();
    assert!(
        String::from_utf8_lossy(&bob.stdout)
            .contains("from sip:club@club.example: you are gold now")
    );
    wait_for(&server, &ServerEvent::Sent { user: "bob@club.example".into(), status: Some(200) });
}

#[test]
fn sipsak_asks_options_registers_and_writes() {
    let Some(sipsak) = find("sipsak") else { return skipped("sipsak") };
    let server = server();
    let at = server.address();
    let options = run(
        Command::new(&sipsak).args(["-v", "-s", &format!("sip:{at}")]),
        Duration::from_secs(20),
    );
    assert!(options.status.success(), "{}", shown(&options));
    let register = run(
        Command::new(&sipsak)
            .args(["-v", "-U", "-p", &at.to_string(), "-s", "sip:alice@club.example"])
            .args(["-C", "sip:alice@127.0.0.1:5099", "-x", "120", "-a", "secret", "-u", "alice"]),
        Duration::from_secs(20),
    );
    assert!(register.status.success(), "{}", shown(&register));
    wait_for(&server, &registered("alice", 1));

    // A MESSAGE from a file to one of our agents: sipsak 0.9.8.1 breaks down when it makes one.
    let mut bob = sip_message(at);
    bob.args(["--as", "sip:bob@club.example", "--register", "--wait", "20"]);
    let bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(&server, &registered("bob", 1));
    let message = run(
        Command::new(&sipsak)
            .args(["-v", "-f", peers("sipsak_message.txt").to_str().unwrap()])
            .args(["-p", &at.to_string(), "-s", "sip:bob@club.example"]),
        Duration::from_secs(20),
    );
    let bob = bob.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&bob.stdout).into_owned();
    assert!(
        text.contains("from sip:someone@elsewhere.example: hello from sipsak"),
        "{text}\n{}",
        shown(&message)
    );
    assert!(message.status.success(), "{}", shown(&message));
}

#[test]
fn sipp_registers_and_is_refused_what_it_may_not() {
    let Some(sipp) = find("sipp") else { return skipped("sipp") };
    for mode in ["u1", "t1"] {
        let server = server();
        let output = run(
            Command::new(&sipp)
                .args(["-sf", peers("sipp_register_message.xml").to_str().unwrap()])
                .args([
                    "-i",
                    "127.0.0.1",
                    "-s",
                    "carol",
                    "-m",
                    "1",
                    "-nostdin",
                    "-t",
                    mode,
                    "-timeout",
                    "30",
                ])
                .arg(server.address().to_string())
                .current_dir(std::env::temp_dir()),
            Duration::from_secs(40),
        );
        assert!(output.status.success(), "{mode}: {}", shown(&output));
        wait_for(&server, &registered("carol", 1));
    }
}

#[test]
fn pjsip_agents_register_and_write_to_each_other() {
    let Some(python) = python_with("pjsua2") else { return skipped("python with pjsua2") };
    for transport in ["udp", "tcp"] {
        let server = server();
        let output = run(
            Command::new(&python)
                .arg(peers("sip_pjsua2.py"))
                .arg(server.address().to_string())
                .arg(transport),
            Duration::from_secs(60),
        );
        assert!(output.status.success(), "{transport}: {}", shown(&output));
        wait_for(&server, &registered("alice", 1));
        wait_for(&server, &ServerEvent::Routed { user: "bob@club.example".into(), status: 200 });
    }
}

/// Ends with its test.
struct Kamailio(Child);

impl Drop for Kamailio {
    /// SIGTERM, on which it ends its workers too; killing it outright would leave them behind.
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(10);
        while asked.is_ok() && Instant::now() < end {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _gone = self.0.kill().is_err();
        let _reaped = self.0.wait().is_err();
    }
}

#[test]
fn our_agents_register_with_kamailio_and_write_through_it() {
    let Some(kamailio) = find("kamailio") else { return skipped("kamailio") };
    let address = free_port();
    let directory = std::env::temp_dir().join(format!("sip-peers-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let config = std::fs::read_to_string(peers("sip_kamailio.cfg")).unwrap();
    let path = directory.join("kamailio.cfg");
    std::fs::write(&path, config.replace("@PORT@", &address.port().to_string())).unwrap();
    let child = Command::new(kamailio)
        .args(["-DD", "-E", "-m", "64", "-M", "8", "-f", path.to_str().unwrap()])
        .args(["-Y", directory.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _kamailio = Kamailio(child);
    let end = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < end, "kamailio does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    for tcp in [false, true] {
        let mut bob = sip_message(address);
        bob.args(["--as", "sip:bob@example.org", "--register", "--wait", "20"]);
        let mut alice = sip_message(address);
        alice.args([
            "--as",
            "sip:alice@example.org",
            "sip:bob@example.org",
            "hello through kamailio",
        ]);
        if tcp {
            bob.arg("--tcp");
            alice.arg("--tcp");
        }
        let bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        // Alice cannot see when bob is registered, so she tries until he is.
        let end = Instant::now() + Duration::from_secs(15);
        let sent = loop {
            let sent = run(&mut alice, Duration::from_secs(20));
            if sent.status.success() || Instant::now() > end {
                break sent;
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        let bob = bob.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&bob.stdout).into_owned();
        assert!(sent.status.success(), "{}\n{text}", shown(&sent));
        assert!(bob.status.success() && text.contains("hello through kamailio"), "{text}");
        assert!(text.contains("registered for") && text.contains("unregistered"), "{text}");
    }
}
