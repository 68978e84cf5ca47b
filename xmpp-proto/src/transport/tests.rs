use super::*;
use crate::client::{self, Client, ClientConfig, TlsPolicy};
use crate::sasl::{Credentials, Secret};
use crate::server::{self, ServerConfig, ServerConnection, ServerTls};
use crate::stanza::MessageBuilder;
use crate::xml::XmlLimits;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{Side, StreamSim, run_seeds};
use proto_wire::websocket::Config;
use proto_wire::{Instant, Machine as _, Output, Seed, StreamMachine as _};

const NOW: Instant = Instant::ZERO;

fn framing() -> WebSocketFraming {
    WebSocketFraming::new(XmlLimits::PRE_AUTH)
}

/// RFC 7395 §3.3.3 and its kin: what is no message.
#[test]
fn messages_are_one_element_that_stands_alone() {
    for bad in [
        "",
        " ",
        "text",
        "<a xmlns='x'/><b xmlns='x'/>",
        "<message>",
        "</stream:stream>",
        "<message/>",
        "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'/>",
        "<!-- --><message xmlns='jabber:client'/>",
        "<message xmlns='jabber:client'/> trailing",
        "<x xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        "<stream:features/>",
    ] {
        assert!(framing().incoming(bad).is_err(), "{bad:?}");
    }
    let long =
        format!("<a xmlns='jabber:client'>{}</a>", "x".repeat(XmlLimits::PRE_AUTH.stanza_max));
    assert!(framing().incoming(&long).is_err());
    for (good, means) in [
        ("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "</stream:stream>"),
        // §3.6.1: the host is told where to go on.
        (
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://b.example/x?a&amp;b'/>",
            "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>\
             wss://b.example/x?a&amp;b</see-other-host></stream:error></stream:stream>",
        ),
        (
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri=''/>",
            "</stream:stream>",
        ),
        // A declaration says nothing.
        (
            "<?xml version='1.0'?><message xmlns='jabber:client'/>",
            "<message xmlns='jabber:client'/>",
        ),
        (" <message xmlns='jabber:client'/> ", "<message xmlns='jabber:client'/>"),
        (
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='h' version='1.0' xml:lang='de'/>",
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='h' xml:lang='de'>",
        ),
    ] {
        assert_eq!(framing().incoming(good).as_deref(), Ok(means));
    }
    let old =
        framing().incoming("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='h'/>").unwrap();
    assert!(!old.contains(" version='1.0' to"), "{old}");
}

/// Found by fuzzing: inside of the stream a child without a namespace took that of stanzas, so
/// that two readers saw two things.
#[test]
fn a_child_without_a_namespace_keeps_none() {
    let message = "<c:iq xmlns:c='jabber:client' type='get' id='1'><body/></c:iq>";
    assert_eq!(
        framing().incoming(message).as_deref(),
        Ok("<c:iq xmlns:c='jabber:client' type='get' id='1' xmlns=''><body/></c:iq>")
    );
}

#[test]
fn a_stream_is_cut_into_messages_in_any_chunking() {
    let stream = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' from='h' \
        xmlns:stream='http://etherx.jabber.org/streams' version='1.0' xml:lang='en'><stream:features/> \
        <message><body>\u{2603}</body></message>\
        <?xml version='1.0'?><stream:stream xmlns='jabber:client' id='2' from='h' \
        xmlns:stream='http://etherx.jabber.org/streams' version='1.0'></stream:stream>";
    let expected = [
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='h' id='1' version='1.0' xml:lang='en'/>",
        "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'/>",
        "<message xmlns='jabber:client'><body>\u{2603}</body></message>",
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='h' id='2' version='1.0'/>",
        "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    ];
    // Machines give whole frames, several at a time.
    let mut whole = framing();
    assert_eq!(whole.outgoing(stream.as_bytes()), expected);
    let (first, rest) = stream.split_at(stream.rfind("<?xml").unwrap());
    let mut framing = framing();
    let mut messages = framing.outgoing(first.as_bytes());
    messages.extend(framing.outgoing(rest.as_bytes()));
    assert_eq!(messages, expected);
}

fn pair(seed: u64) -> (OverWebSocket<Client>, OverWebSocket<ServerConnection>) {
    let config = ClientConfig::new("juliet@h/r".parse().unwrap())
        .with_password(Secret::new("p"))
        .with_mechanisms(&[crate::sasl::Mechanism::Plain])
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never);
    let client = Client::new(NOW, Arc::new(config), Seed::from_u64(seed));
    let config = ServerConfig::new("h").with_tls(ServerTls::None).with_plain_without_tls(true);
    let server = ServerConnection::new(NOW, Arc::new(config), Seed::from_u64(!seed));
    let ws = Arc::new(Config::default());
    let left =
        OverWebSocket::client(NOW, ws.clone(), Seed::from_u64(3), client, "h", "/xmpp-websocket");
    (left.unwrap(), OverWebSocket::server(NOW, ws, Seed::from_u64(4), server))
}

#[test]
fn a_login_and_a_talk_over_100_bad_networks() {
    run_seeds(100, |seed| {
        let (left, right) = pair(seed);
        let mut sim = StreamSim::new(left, right, &Profile::cellular(), seed);
        let (mut heard, mut ends) = (Vec::new(), Vec::new());
        while let Some(event) = sim.next_event(Instant::from_secs(3600)) {
            let now = sim.now();
            match event {
                Side::Right(server::Event::CredentialsNeeded { .. }) => {
                    let known = Credentials::Password(Secret::new("p"));
                    sim.right.machine.credentials(now, &known).unwrap();
                }
                Side::Right(server::Event::BindRequested { .. }) => {
                    sim.right.machine.bind(now, "r").unwrap();
                }
                Side::Left(client::Event::Ready { .. }) => {
                    for n in 0..5 {
                        let message = MessageBuilder::new().body(&format!("{n} \u{2603} <&>"));
                        sim.left.machine.send(now, message.build().unwrap()).unwrap();
                    }
                    sim.left.machine.close(now).unwrap();
                }
                Side::Right(server::Event::Stanza(stanza)) => {
                    heard.push(stanza.as_message().unwrap().body().unwrap().into_owned());
                }
                Side::Left(client::Event::Closed(why)) => ends.push(format!("{why}")),
                Side::Right(server::Event::Closed(why)) => ends.push(format!("{why}")),
                _ => {}
            }
        }
        let expected: Vec<String> = (0..5).map(|n| format!("{n} \u{2603} <&>")).collect();
        assert_eq!(heard, expected);
        ends.sort();
        assert_eq!(ends, ["closed", "closed by the client"]);
    });
}

#[test]
fn what_is_not_of_the_protocol_ends_both() {
    let upgrade = |protocol: &str| {
        format!(
            "GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{protocol}\r\n"
        )
    };
    let run = |bytes: &[u8]| {
        let (_, mut server) = pair(1);
        server.handle_data(NOW, bytes);
        let (mut sent, mut closed) = (Vec::new(), 0);
        while let Some(output) = server.poll_output() {
            match output {
                Output::Transmit(bytes) => sent.extend_from_slice(&bytes),
                Output::Event(server::Event::Closed(_)) => closed += 1,
                Output::Event(other) => panic!("{other:?}"),
            }
        }
        assert!(closed == 0 || server.poll_timeout().is_none());
        (String::from_utf8_lossy(&sent).into_owned(), closed)
    };
    let (sent, closed) = run(upgrade("").as_bytes());
    assert!(sent.starts_with("HTTP/1.1 400 ") && closed == 1, "{sent}");
    let good = upgrade("Sec-WebSocket-Protocol: xmpp\r\n");
    let (sent, closed) = run(good.as_bytes());
    assert!(sent.contains("101 ") && sent.contains("xmpp") && closed == 0, "{sent}");
    // Masked frames: a binary message, a text that is no element, a text without namespace.
    for (first, payload) in [(0x82_u8, &b"x"[..]), (0x81, b"hello"), (0x81, b"<presence/>")] {
        let mut bytes = good.clone().into_bytes();
        bytes.extend_from_slice(&[first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0]);
        bytes.extend_from_slice(payload);
        let (_, closed) = run(&bytes);
        assert_eq!(closed, 1, "{payload:?}");
    }
}
