//! The telephone against itself and against SIPp over loopback. Each test finds its program,
//! or says loudly that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::explicit_write,
    reason = "tests state what must hold; what is written to the handle is not captured"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|p| p.is_file())
}

fn skipped(what: &str) {
    // The handle is not captured, so this is seen although the test passes.
    writeln!(std::io::stderr(), "skipped: no such program: {what}").unwrap();
}

/// A phone that runs, and the address that it said it listens at.
struct Phone {
    child: Child,
    lines: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Phone {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sip_phone"))
            .args(["--as", "sip:ann@127.0.0.1"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let address =
            first.trim().strip_prefix("listening ").expect("the address").parse().unwrap();
        Self { child, lines, address }
    }

    /// What it printed, when it has ended well.
    fn end(mut self) -> Vec<String> {
        let mut text = String::new();
        let status = wait(&mut self.child, Duration::from_secs(60));
        self.lines.read_to_string(&mut text).unwrap();
        assert!(status, "{text}");
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        // Over already, when the test went well.
        let _over = self.child.kill();
    }
}

fn wait(child: &mut Child, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status.success(),
            None if Instant::now() > end => {
                child.kill().unwrap();
                return false;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Whether somebody listens at this port of 127.0.0.1.
fn listens(port: u16, transport: &str) -> bool {
    // State 0A is LISTEN.
    let state = if transport == "tcp" { " 00000000:0000 0A" } else { "" };
    let line = format!(" 0100007F:{port:04X}{state}");
    std::fs::read_to_string(format!("/proc/net/{transport}")).is_ok_and(|t| t.contains(&line))
}

/// SIPp as callee, at a port that nobody took in between.
fn sipp_callee(sipp: &Path, transport: &str, name: &str) -> (Child, u16) {
    for _ in 0..10 {
        let port = free_port();
        let mut server = Command::new(sipp)
            .args(["-sn", "uas", "-i", "127.0.0.1", "-p", &port.to_string(), "-t", transport])
            .args(["-m", "1", "-nostdin", "-timeout", "30s"])
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while server.try_wait().unwrap().is_none() {
            if listens(port, name) {
                return (server, port);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("SIPp finds no port");
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn our_phones_call_each_other_over_udp_and_tcp() {
    for transport in ["udp", "tcp"] {
        let callee = Phone::start(&["--answer", "0.2"]);
        let uri = format!("sip:bob@{};transport={transport}", callee.address);
        let caller = Phone::start(&["--talk", "0.3", &uri]);
        let (caller, callee) = (caller.end(), callee.end());
        assert_eq!(caller, ["ringing", "up: PCMU 127.0.0.1 40000 sendrecv", "ended: Local"]);
        assert_eq!(callee, ["ringing", "up: PCMU 127.0.0.1 40000 sendrecv", "ended: Remote"]);
    }
}

#[test]
fn sipp_calls_our_phone() {
    let Some(sipp) = find("sipp") else { return skipped("sipp") };
    for transport in ["u1", "t1"] {
        let phone = Phone::start(&["--answer", "0.1", "--calls", "3"]);
        let output = Command::new(&sipp)
            // SIPp looks for a free port itself.
            .args(["-sn", "uac", "-i", "127.0.0.1", "-t", transport])
            .args(["-s", "ann", "-m", "3", "-r", "3", "-d", "200", "-nostdin", "-timeout", "30s"])
            .arg(phone.address.to_string())
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let lines = phone.end();
        let count = |what: &str| lines.iter().filter(|l| l.starts_with(what)).count();
        assert_eq!(
            (count("ringing"), count("up: PCM"), count("ended: Remote")),
            (3, 3, 3),
            "{lines:?}"
        );
    }
}

#[test]
fn our_phone_calls_sipp() {
    let Some(sipp) = find("sipp") else { return skipped("sipp") };
    for (transport, name) in [("u1", "udp"), ("t1", "tcp")] {
        let (mut server, port) = sipp_callee(&sipp, transport, name);
        // SIPp counts a connection that closes within four seconds behind the call as a fault.
        let uri = format!("sip:service@127.0.0.1:{port};transport={name}");
        let lines = Phone::start(&["--talk", "0.3", "--stay", "6", &uri]).end();
        assert!(wait(&mut server, Duration::from_secs(30)), "{lines:?}");
        assert_eq!(lines.first().map(String::as_str), Some("ringing"));
        assert!(lines[1].starts_with("up: PCMU 127.0.0.1 "), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("ended: Local"));
    }
}
