//! Our programs on our server.

use crate::common::{Dir, PATIENCE, User, certificate, extensions, resumes_after_a_cut};
use crate::prosody::talks_over_a_websocket;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use examples::certificates;
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use examples::xmpp_server::{Options, XmppServer};
use proto_wire::Clock;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use xmpp_proto::client::{
    Client, ClientConfig, CloseReason, Event, RequestKind, Sasl2Config, TlsPolicy,
};
use xmpp_proto::ext::archive::{Page, Query};
use xmpp_proto::roster::RosterItem;
use xmpp_proto::sasl::{Mechanism, Secret};

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
fn a_session_on_our_server_survives_a_cut() {
    let server = XmppServer::start(Options::new("localhost")).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    resumes_after_a_cut(server.addr());
    server.stop();
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

/// Versions, copies, archive, block list: as on other servers.
#[test]
fn our_client_uses_the_extensions_of_our_server() {
    let server = XmppServer::start(Options::new("localhost")).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    extensions(server.addr());
    server.stop();
}

#[test]
fn our_client_talks_to_our_server_over_a_websocket() {
    let options = Options::new("localhost").with_websocket(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    talks_over_a_websocket(server.addr(), server.websocket_addr().unwrap(), "/chat");
    server.stop();
}

/// Accounts, rosters, waiting messages and archives are in the file.
#[test]
fn our_server_remembers_over_a_restart() {
    let dir = Dir::new("restart");
    let file = dir.0.join("chat.redb");
    let start = || XmppServer::start(Options::new("localhost").with_file(&file)).unwrap();
    let server = start();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    let mut alice = User::connect(server.addr(), "alice", Mechanism::ScramSha256, None);
    alice.log_in();
    alice.say("bob@localhost", "before the restart");
    let now = alice.connection.now();
    let item = RosterItem::new(&"bob@localhost".parse().unwrap()).with_name("Bob");
    alice.connection.machine.request_roster(now, None).unwrap();
    alice.connection.machine.set_roster_item(now, &item).unwrap();
    let version = alice.until("push", |event| match event {
        Event::RosterPush { version, .. } => version,
        _ => None,
    });
    alice.close();
    server.stop();

    // No password is in the file, and none is given again: keys verify all mechanisms.
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
    let server = start();
    for mechanism in [Mechanism::ScramSha1, Mechanism::ScramSha512, Mechanism::Plain] {
        let mut alice = User::connect(server.addr(), "alice", mechanism, None);
        alice.log_in();
        let now = alice.connection.now();
        alice.connection.machine.request_roster(now, Some(&version)).unwrap();
        alice.until("the same roster", |event| {
            matches!(event, Event::Roster { unchanged: true, .. }).then_some(())
        });
        alice.close();
    }
    let mut bob = User::connect(server.addr(), "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    assert_eq!(bob.hear(), ("alice@localhost/ours".into(), "before the restart".into()));
    let query = Query::new("q", Page::new(10));
    let (_, fin) = bob.ask(RequestKind::Set, None, |w| query.write(w));
    assert!(fin.contains("<count>1</count>"), "{fin}");
    bob.close();
    server.stop();
}

/// One port, two domains, and the same name in both.
#[test]
fn our_server_serves_two_domains() {
    let options = Options::new("localhost").with_domain("other.localhost");
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("alice@other.localhost", "another");
    let mut here = User::connect(server.addr(), "alice", Mechanism::ScramSha256, None);
    here.log_in();
    let config = ClientConfig::new("alice@other.localhost/there".parse().unwrap())
        .with_password(Secret::new("another"))
        .with_tls(TlsPolicy::Never);
    let clock = Clock::start();
    let client = Client::new(clock.now(), Arc::new(config), seed());
    let socket = TcpStream::connect(server.addr()).unwrap();
    let connection = Connection::new(socket, client, clock).unwrap();
    let mut there = User { connection, ca: None, waiting: VecDeque::new() };
    there.log_in();
    there.say("alice@localhost", "from next door");
    let expected = ("alice@other.localhost/there".into(), "from next door".into());
    assert_eq!(here.hear(), expected);
    there.close();
    here.close();
    server.stop();
}

/// The server as a program, until its input ends; what it kept is there the next time.
#[test]
fn the_server_program_serves_and_remembers() {
    let dir = Dir::new("serve");
    let file = dir.0.join("chat.redb");
    for accounts in [&["alice:secret", "bob:secret"][..], &[]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_xmpp_serve"))
            .args(["--listen", "127.0.0.1:0", "--websocket", "127.0.0.1:0", "--file"])
            .arg(&file)
            .arg("localhost")
            .args(accounts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let addr: SocketAddr = line.strip_prefix("* listening on ").unwrap().parse().unwrap();
        assert!(lines.next().unwrap().unwrap().starts_with("* WebSockets on "));
        let mut alice = User::connect(addr, "alice", Mechanism::ScramSha256, None);
        alice.log_in();
        alice.say("alice@localhost", "to myself");
        assert_eq!(alice.hear().1, "to myself");
        alice.close();
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
    let usage = Command::new(env!("CARGO_BIN_EXE_xmpp_serve")).arg("--odd").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

/// A login by password brings a token, and the next ones need no password (XEP-0484): bound to TLS
/// as strongly as the password would be, and good over a restart of the server.
#[test]
fn our_client_logs_in_to_our_server_by_token() {
    let dir = Dir::new("token");
    let Some((chain, key)) = certificate(&dir) else { return };
    let options = Options::new("localhost");
    let options = options.with_tls(certificates::server(&chain, &key).unwrap(), true);
    let options = options.with_file(dir.0.join("chat.redb"));
    let server = XmppServer::start(options.clone()).unwrap();
    server.add_account("alice", "secret");
    let log_in = |server: &XmppServer, sasl2: Sasl2Config, password: Option<&str>| {
        let id = "d4565fa7-4d72-4749-b3d3-740edbf87770";
        let mut config = ClientConfig::new("alice@localhost".parse().unwrap())
            .with_sasl2(sasl2.with_user_agent(id))
            .with_tls(TlsPolicy::Required);
        config.password = password.map(Secret::new);
        let clock = Clock::start();
        let client = Client::new(clock.now(), Arc::new(config), seed());
        let socket = TcpStream::connect(server.addr()).unwrap();
        let connection = Connection::new(socket, client, clock).unwrap();
        let mut user = User { connection, ca: Some(chain.clone()), waiting: VecDeque::new() };
        let mut token = None;
        let ready = user.until("login", |event| match event {
            Event::FastToken(new) => {
                token = Some(new);
                None
            }
            Event::Ready { .. } => Some(true),
            Event::FastTokenRefused | Event::PasswordNeeded => Some(false),
            _ => None,
        });
        (user, token, ready)
    };
    let ask = || Sasl2Config::new().with_request_token(true);
    let (alice, token, ready) = log_in(&server, ask(), Some("secret"));
    assert!(ready);
    let token = token.expect("a token");
    assert_eq!(token.mechanism, Mechanism::HtExporter);
    alice.close();
    server.stop();
    let server = XmppServer::start(options).unwrap();
    for _ in 0..2 {
        let (alice, _, ready) = log_in(&server, Sasl2Config::new().with_token(token.clone()), None);
        assert!(ready, "no password is needed");
        alice.close();
    }
    // Another password ends all tokens.
    server.add_account("alice", "another");
    let (mut alice, _, ready) = log_in(&server, Sasl2Config::new().with_token(token), None);
    assert!(!ready);
    let now = alice.connection.now();
    let _ended = alice.connection.machine.close(now);
    alice.until("end", |event| match event {
        Event::Closed(CloseReason::Local) => Some(()),
        _ => None,
    });
    server.stop();
}

/// Who asks for the salts of an account learns nothing of whether there is one: they are the same each time,
/// also after a restart, and others for each hash.
#[test]
fn our_server_tells_nobody_which_accounts_there_are() {
    let dir = Dir::new("strangers");
    let file = dir.0.join("chat.redb");
    let start = || XmppServer::start(Options::new("localhost").with_file(&file)).unwrap();
    let names = ["alice", "nobody"];
    let mechanisms = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"];
    let mut seen = Vec::new();
    for run in 0..2 {
        let server = start();
        if run == 0 {
            server.add_account("alice", "secret");
        }
        for _ in 0..2 {
            let asked =
                names.map(|name| mechanisms.map(|mechanism| salt(server.addr(), name, mechanism)));
            seen.push(asked);
        }
        server.stop();
    }
    assert!(seen.iter().all(|asked| *asked == seen[0]), "{seen:?}");
    let mut salts = seen[0].concat();
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), 6, "{salts:?}");
}

/// What a server names as salt and rounds (RFC 5802 §7), in its first challenge.
fn salt(addr: SocketAddr, name: &str, mechanism: &str) -> String {
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let first = STANDARD.encode(format!("n,,n={name},r=x"));
    let asks = format!(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' \
         version='1.0'><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{first}</auth>"
    );
    socket.write_all(asks.as_bytes()).unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains("</challenge>") {
        let len = socket.read(&mut buffer).unwrap();
        assert!(len > 0, "{text}");
        text.push_str(core::str::from_utf8(&buffer[..len]).unwrap());
    }
    let (_, challenge) = text.split_once("<challenge").unwrap();
    let (_, challenge) = challenge.split_once('>').unwrap();
    let (challenge, _) = challenge.split_once('<').unwrap();
    let said = String::from_utf8(STANDARD.decode(challenge).unwrap()).unwrap();
    said.split_once(",s=").unwrap().1.to_string()
}
