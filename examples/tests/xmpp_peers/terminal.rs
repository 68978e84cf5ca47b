//! Clients of the terminal on our server: go-sendxmpp and profanity.

use crate::common::{Dir, PATIENCE, User, certificate, find};
use examples::certificates;
use examples::xmpp_server::{Options, XmppServer};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use xmpp_proto::sasl::Mechanism;

/// One message, over STARTTLS and over TLS from the first byte (XEP-0368).
#[test]
fn go_sendxmpp_sends_over_both_kinds_of_tls() {
    let Some(program) = find("go-sendxmpp") else { return };
    let dir = Dir::new("go-sendxmpp");
    let Some((chain, key)) = certificate(&dir) else { return };
    let options = Options::new("localhost")
        .with_tls(certificates::server(&chain, &key).unwrap(), true)
        .with_direct_tls(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, Some(&chain));
    bob.log_in();
    let direct = server.direct_tls_addr().unwrap();
    for (addr, flag) in [(server.addr(), None), (direct, Some("-t"))] {
        let text = format!("from the shell by {addr}");
        let mut child = Command::new(&program)
            .env("HOME", &dir.0)
            .args(["-n", "-u", "alice@localhost", "-p", "secret", "-j", &addr.to_string()])
            .args(flag)
            .arg("bob@localhost")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let (from, heard) = bob.hear();
        assert_eq!(heard.trim(), text);
        assert!(from.starts_with("alice@localhost/"), "{from}");
    }
    bob.close();
    server.stop();
}

/// A terminal that is ended when the test is.
struct Terminal<'a> {
    tmux: &'a Path,
    socket: String,
}

impl Terminal<'_> {
    fn run(&self, args: &[&str]) -> Output {
        let socket = ["-L", &self.socket, "-f", "/dev/null"];
        Command::new(self.tmux).args(socket).args(args).output().unwrap()
    }

    fn line(&self, text: &str) {
        self.run(&["send-keys", "-l", text]);
        self.run(&["send-keys", "Enter"]);
    }

    /// Waits until the screen shows this.
    fn shows(&self, wanted: &str) {
        let start = Instant::now();
        loop {
            let output = self.run(&["capture-pane", "-p"]);
            let screen = String::from_utf8_lossy(&output.stdout).into_owned();
            if screen.contains(wanted) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no {wanted:?} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

/// A person at profanity and one at our client.
#[test]
fn profanity_chats_on_our_server() {
    let (Some(program), Some(tmux)) = (find("profanity"), find("tmux")) else { return };
    let dir = Dir::new("profanity");
    let server = XmppServer::start(Options::new("localhost")).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    let terminal = Terminal { tmux: &tmux, socket: format!("xmpp-{}", std::process::id()) };
    let home = dir.0.display();
    let start = format!(
        "env HOME={home} XDG_CONFIG_HOME={home}/config XDG_DATA_HOME={home}/data TERM=screen {}",
        program.display()
    );
    let made = terminal.run(&["new-session", "-d", "-x", "160", "-y", "50", &start]);
    assert!(made.status.success(), "{made:?}");
    terminal.shows("Profanity");
    let port = server.addr().port();
    terminal.line(&format!("/connect alice@localhost server 127.0.0.1 port {port} tls disable"));
    terminal.shows("Enter password");
    terminal.line("secret");
    terminal.shows("logged in successfully");
    terminal.line("/msg bob@localhost hello from a terminal");
    let (from, text) = bob.hear();
    assert_eq!(text, "hello from a terminal");
    assert!(from.starts_with("alice@localhost/"), "{from}");
    bob.say(&from, "and hello back");
    terminal.shows("and hello back");
    // It asks for the roster, the server's features and more, all of which has an answer.
    terminal.line("/sub request bob@localhost");
    bob.until("request", |event| match event {
        xmpp_proto::client::Event::Presence(stanza) => {
            let presence = stanza.as_presence()?;
            (presence.kind() == Some(xmpp_proto::stanza::PresenceKind::Subscribe)).then_some(())
        }
        _ => None,
    });
    terminal.line("/quit");
    let start = Instant::now();
    while server.online().iter().any(|jid| jid.starts_with("alice@")) {
        assert!(start.elapsed() < PATIENCE, "it does not leave");
        std::thread::sleep(Duration::from_millis(50));
    }
    bob.close();
    server.stop();
}
