//! Our client, component and WebSocket on Prosody.

use crate::common::{Dir, Running, User, extensions, python, resumes_after_a_cut};
use crate::servers::{Setup, prosody};
use examples::drive::blocking::Connection;
use examples::entropy::seed;
use proto_wire::{Clock, Output};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use xmpp_proto::client::{
    Client, ClientConfig, CloseReason, Event, Input, RequestKind, Sasl2Config, TlsPolicy,
};
use xmpp_proto::roster::RosterItem;
use xmpp_proto::sasl::{BindingType, ChannelBinding, Mechanism, Secret};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder};
use xmpp_proto::transport::OverWebSocket;
use xmpp_proto::xml::Ns;

/// Two of our clients on Prosody: login, roster, subscription, messages, a request.
#[test]
fn our_client_on_prosody() {
    let Some(prosody) = prosody("prosody", &Setup::default()) else { return };
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

/// Login and binding in one step, with the community modules of Prosody (XEP-0388, 0386).
#[test]
fn our_client_logs_in_to_prosody_by_sasl_2() {
    // In clear: those of Debian 12 do not find TLS in its Prosody, nor run all together.
    let modules = "\"sasl2\", \"sasl2_bind2\"";
    if !Path::new("/usr/lib/prosody/modules/mod_sasl2_bind2").exists() {
        println!("skipped: no such program: prosody-modules with sasl2");
        return;
    }
    let Some(prosody) = prosody("sasl2", &Setup { modules, ..Setup::default() }) else { return };
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
    let Some(prosody) = prosody("websocket", &Setup::default()) else { return };
    talks_over_a_websocket(prosody.addr, prosody.http, "/xmpp-websocket");
}

/// Alice by WebSocket, bob by TCP.
pub fn talks_over_a_websocket(addr: SocketAddr, http: SocketAddr, path: &str) {
    let mut bob = User::connect(addr, "bob", Mechanism::ScramSha256, None);
    bob.log_in();
    let config = ClientConfig::new("alice@localhost/web".parse().unwrap())
        .with_password(Secret::new("secret"))
        .with_tls(TlsPolicy::Never);
    let clock = Clock::start();
    let client = Client::new(clock.now(), Arc::new(config), seed());
    let socket = TcpStream::connect(http).unwrap();
    let ws = Arc::new(proto_wire::websocket::Config::default());
    let host = format!("localhost:{}", http.port());
    let web = OverWebSocket::client(clock.now(), ws, seed(), client, &host, path);
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
    let Some(prosody) = prosody("component", &Setup::default()) else { return };
    echoes(prosody.addr, prosody.component);
}

/// Our echo component on a server that takes components there.
pub fn echoes(addr: SocketAddr, component: SocketAddr) {
    let echo = |secret: &str| {
        Command::new(env!("CARGO_BIN_EXE_xmpp_echo"))
            .args(["echo.localhost", secret, &component.to_string()])
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
    let mut alice = User::connect(addr, "alice", Mechanism::ScramSha256, None);
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

/// Versions, copies, archive, block list.
#[test]
fn our_client_uses_the_extensions_of_prosody() {
    let modules = r#""carbons", "mam", "blocklist""#;
    let Some(prosody) = prosody("extensions-prosody", &Setup { modules, ..Setup::default() })
    else {
        return;
    };
    extensions(prosody.addr);
}

#[test]
fn a_session_on_prosody_survives_a_cut() {
    let Some(prosody) = prosody("resume", &Setup::default()) else { return };
    resumes_after_a_cut(prosody.addr);
}

#[test]
fn prosody_refuses_a_wrong_password() {
    let Some(prosody) = prosody("wrong", &Setup::default()) else { return };
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

/// TLS 1.2 to a server, and what it can be bound to: the first line of the output. Behind that
/// it carries bytes. (rustls does not tell its Finished messages.)
const RELAY: &str = r#"
import socket, ssl, sys, threading
context = ssl.create_default_context(cafile=sys.argv[2])
context.maximum_version = ssl.TLSVersion.TLSv1_2
tls = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))), server_hostname='localhost')
out = sys.stdout.buffer
out.write(tls.get_channel_binding('tls-unique').hex().encode() + b'\n')
out.flush()
def down():
    while data := tls.recv(65536):
        out.write(data)
        out.flush()
    out.close()
threading.Thread(target=down, daemon=True).start()
while data := sys.stdin.buffer.read1(65536):
    tls.sendall(data)
"#;

/// SCRAM bound to TLS 1.2 by its first Finished message (RFC 5929 §3), which is all that the
/// Prosody of Debian 12 can be bound to.
#[test]
fn our_client_binds_to_tls_1_2_on_prosody() {
    let tls = r#"; protocol = "tlsv1_2""#;
    let Some(prosody) = prosody("tls12", &Setup { tls, ..Setup::default() }) else { return };
    binds_to_tls_1_2(prosody.direct_tls, &prosody.ca, &prosody.dir, "malformed-request");
}

/// Alice, bound to the TLS connection that she has, and then to another one: what the server calls
/// that is its own choice.
pub fn binds_to_tls_1_2(direct_tls: SocketAddr, ca: &Path, dir: &Dir, refusal: &str) {
    let Some(python) = python() else { return };
    for wrong in [false, true] {
        let script = dir.file("relay.py", RELAY);
        let mut child = Command::new(&python)
            .arg(script)
            .arg(direct_tls.port().to_string())
            .arg(ca)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut to = child.stdin.take().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        let _running = Running(child);
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        let mut finished: Vec<u8> = (0..line.trim().len() / 2)
            .map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert_eq!(finished.len(), 12);
        if wrong {
            // Somebody between the two has another connection to each.
            finished[0] ^= 1;
        }
        let mut config = ClientConfig::new("alice@localhost/bound".parse().unwrap())
            .with_password(Secret::new("secret"))
            .with_mechanisms(&[Mechanism::ScramSha256Plus, Mechanism::ScramSha1Plus])
            .with_tls(TlsPolicy::Never);
        config.direct_tls = true;
        let clock = Clock::start();
        let mut client = Client::new(clock.now(), Arc::new(config), seed());
        let binding = ChannelBinding::new(BindingType::TlsUnique, &finished);
        client.set_channel_bindings(clock.now(), vec![binding]).unwrap();
        let mut buffer = [0; 4096];
        let outcome = 'outcome: loop {
            while let Some(output) = client.poll_output() {
                match output {
                    Output::Transmit(bytes) => {
                        to.write_all(&bytes).unwrap();
                        to.flush().unwrap();
                    }
                    Output::Event(Event::Ready { jid, .. }) => break 'outcome jid.to_string(),
                    Output::Event(Event::Closed(why)) => break 'outcome why.to_string(),
                    Output::Event(_) => {}
                }
            }
            let len = from.read(&mut buffer).unwrap();
            let input = if len == 0 { Input::Eof } else { Input::Data(&buffer[..len]) };
            client.handle_input(clock.now(), input);
        };
        let expected = match wrong {
            false => "alice@localhost/bound".to_string(),
            true => format!("the server refused: {refusal}"),
        };
        assert_eq!(outcome, expected);
    }
}
