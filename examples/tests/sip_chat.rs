//! The chat and the registrar as programs, with each other: texts, typing notices, receipts, and a
//! peer that takes none of these.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests state what must hold"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A program with what it prints, and its standard input.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, lines, seen: Vec::new() }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The first line that was not waited for yet and holds `text`.
    fn until(&mut self, text: &str) -> String {
        if let Some(at) = self.seen.iter().position(|l| l.contains(text)) {
            return self.seen.remove(at);
        }
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {text:?} in {:?}", self.seen)
            };
            if line.contains(text) {
                return line;
            }
            self.seen.push(line);
        }
    }

    /// Ends its input, and waits until it ends well.
    fn end(&mut self) {
        drop(self.input.take());
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{:?}", self.seen);
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end: {:?}", self.seen);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Over already, when the test went well.
        let _over = self.child.kill().is_err();
        let _reaped = self.child.wait().is_err();
    }
}

fn registrar() -> (Program, String) {
    let users = ["--user", "ann:secret", "--user", "bob:secret", "--listen", "127.0.0.1:0"];
    let arguments = [&["--domain", "club.example"], &users[..]].concat();
    let mut server = Program::start(env!("CARGO_BIN_EXE_sip_registrar"), &arguments);
    let line = server.until("listening ");
    let address = line.split(' ').nth(1).unwrap().to_owned();
    (server, address)
}

fn chat(address: &str, user: &str, peer: &str, way: &[&str]) -> Program {
    let own = format!("sip:{user}@club.example");
    let peer = format!("sip:{peer}@club.example");
    let words = ["--as", &own, "--via", address, "--password", "secret", &peer];
    let mut chat = Program::start(env!("CARGO_BIN_EXE_sip_chat"), &[&words[..], way].concat());
    chat.until("registered");
    chat
}

#[test]
fn two_write_with_typing_notices_and_receipts() {
    for way in [&[][..], &["--tcp"]] {
        let (mut server, address) = registrar();
        let mut ann = chat(&address, "ann", "bob", way);
        let mut bob = chat(&address, "bob", "ann", way);
        ann.say(".");
        bob.until("(typing)");
        ann.say("hello bob");
        assert_eq!(bob.until("hello"), "sip:ann@club.example: hello bob");
        bob.until("(not typing)");
        ann.until("message 1: sent 200");
        ann.until("message 1: delivered");
        ann.until("message 1: displayed");
        bob.say("hello ann");
        bob.say("how are you?");
        assert_eq!(ann.until("hello"), "sip:bob@club.example: hello ann");
        assert_eq!(ann.until("how"), "sip:bob@club.example: how are you?");
        for number in [1, 2] {
            bob.until(&format!("message {number}: displayed"));
        }
        ann.end();
        server.until("ann@club.example has 0 bindings");
        bob.end();
    }
}

/// The telephone takes text alone: 415 to the rest ends the rest, and the text comes plainly.
#[test]
fn user_report_20_a_peer_that_takes_text_alone_is_written_to_plainly() {
    let (_server, address) = registrar();
    let words = ["--as", "sip:bob@club.example", "--via", &address, "--password", "secret"];
    let mut bob = Program::start(
        env!("CARGO_BIN_EXE_sip_message"),
        &[&words[..], &["--register", "--wait", "20", "--text-only"]].concat(),
    );
    bob.until("registered for");
    let mut ann = chat(&address, "ann", "bob", &[]);
    ann.say(".");
    ann.until("(the peer takes no application/im-iscomposing+xml)");
    ann.say("hello");
    ann.until("(the peer takes no message/cpim)");
    ann.until("message 1: sent 200");
    bob.until("from sip:ann@club.example: hello");
    bob.end();
    ann.end();
}

#[test]
fn they_say_how_they_are_used() {
    for program in [env!("CARGO_BIN_EXE_sip_chat"), env!("CARGO_BIN_EXE_sip_registrar")] {
        let help = Command::new(program).arg("--help").output().unwrap();
        assert!(help.status.success());
        assert!(String::from_utf8_lossy(&help.stdout).contains("usage: "));
        let wrong = Command::new(program).arg("--no-such-option").output().unwrap();
        assert_eq!(wrong.status.code(), Some(2));
    }
}
