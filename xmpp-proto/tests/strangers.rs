//! What somebody who has not proved who he is can get out of a server, or make it keep.
#![cfg(feature = "scram")]
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests state what must hold"
)]

use proto_wire::{Instant, Machine, Output, Seed};
use std::sync::Arc;
use std::time::Duration;
use xmpp_proto::s2s::{self, Incoming, S2sConfig, S2sTls};
use xmpp_proto::sasl::{Credentials, Secret};
use xmpp_proto::server::{self, Event, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::sm::SmConfig;

const HEADER: &str = "<stream:stream xmlns='jabber:client' to='h' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

fn server(tls: ServerTls) -> ServerConnection {
    let config = ServerConfig::new("h")
        .with_tls(tls)
        .with_sasl2(true)
        .with_stream_management(SmConfig::new())
        .with_plain_without_tls(true);
    ServerConnection::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1))
}

/// How many bytes come back, while the host refuses every login; and whether it is over.
fn answer(server: &mut ServerConnection) -> (usize, bool) {
    let (mut bytes, mut closed) = (0, false);
    while let Some(output) = server.poll_output() {
        match output {
            Output::Transmit(text) => bytes += text.len(),
            Output::Event(Event::CredentialsNeeded { .. }) => {
                server.credentials(Instant::ZERO, &Credentials::Refused).unwrap();
            }
            Output::Event(Event::Closed(_)) => closed = true,
            Output::Event(_) => {}
        }
    }
    (bytes, closed)
}

/// Whatever is repeated a thousand times, the answers to all of it fit into a few kilobytes:
/// each question is one of a few attempts, or has no answer, or ends the stream.
#[test]
fn a_stranger_gets_little_for_his_bytes() {
    let questions = [
        " ",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHUAcA==</auth>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj11LHI9eA==</auth>",
        "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AA==</response>",
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'/>",
        "<abort xmlns='urn:xmpp:sasl:2'/>",
        "<enable xmlns='urn:xmpp:sm:3'/>",
        "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<a xmlns='urn:xmpp:sm:3' h='0'/>",
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<compress xmlns='http://jabber.org/protocol/compress'/>",
        "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<message to='a@h'/>",
        "<x/>",
        HEADER,
    ];
    for tls in [ServerTls::None, ServerTls::Offered, ServerTls::Required] {
        for question in questions {
            let mut server = server(tls);
            server.handle_input(Instant::ZERO, server::Input::Data(HEADER.as_bytes()));
            let mut total = answer(&mut server).0;
            let mut asked = 0;
            for _ in 0..1000 {
                server.handle_input(Instant::ZERO, server::Input::Data(question.as_bytes()));
                let (bytes, closed) = answer(&mut server);
                total += bytes;
                asked += 1;
                if closed {
                    break;
                }
            }
            assert!(total < 4096, "{tls:?} {question}: {total} bytes");
            // A header in a header is an element in an element: over with the depth.
            assert!(asked <= 17 || question == " ", "{question} may be asked {asked} times");
        }
    }
}

/// Between servers a mistake does not end the stream (XEP-0220 §2.4), and its answer is not much
/// longer than the question.
#[test]
fn a_strange_server_gets_little_for_its_bytes() {
    let header = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
        xmlns:stream='http://etherx.jabber.org/streams' from='far' to='h' version='1.0'>";
    for question in [
        "<db:result from='far' to='other'>key</db:result>",
        "<db:result from='far' to='h'>key</db:result>",
        "<db:verify from='far' to='h' id='1'>key</db:verify>",
        "<db:verify from='far' to='other' id='1'>key</db:verify>",
    ] {
        let config = S2sConfig::new("h", Secret::new("s")).with_tls(S2sTls::Never);
        let mut server = Incoming::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1));
        let mut drain = |text: &str| {
            server.handle_input(Instant::ZERO, s2s::Input::Data(text.as_bytes()));
            let mut bytes = 0;
            while let Some(output) = server.poll_output() {
                if let Output::Transmit(text) = output {
                    bytes += text.len();
                }
            }
            bytes
        };
        drain(header);
        let total: usize = (0..1000).map(|_| drain(question)).sum();
        let ratio = total / (1000 * question.len());
        assert!(ratio < 4, "{question}: {ratio} times its bytes");
    }
}

/// One byte a second keeps nobody's connection: the negotiation as a whole has its time.
#[test]
fn a_stranger_who_drips_is_let_go_in_time() {
    let script = format!("{HEADER}{}", "<a>".repeat(1000));
    let mut server = server(ServerTls::Required);
    let mut now = Instant::ZERO;
    let mut over = None;
    for byte in script.as_bytes() {
        now = now.saturating_add(Duration::from_secs(1));
        if server.poll_timeout().is_some_and(|at| at <= now) {
            server.handle_timeout(now);
        }
        server.handle_input(now, server::Input::Data(std::slice::from_ref(byte)));
        while let Some(output) = Machine::poll_output(&mut server) {
            if let Output::Event(Event::Closed(why)) = output {
                over = Some((now, why));
            }
        }
        if over.is_some() {
            break;
        }
    }
    let (at, why) = over.unwrap();
    assert_eq!(why, server::CloseReason::TimedOut(server::Timer::Negotiation));
    assert!(at <= Instant::from_secs(31), "{at:?}");
}

/// 300,000 elements in each other, an attribute without end, a name without end: it is over
/// within the limits of strangers, whatever comes behind.
#[test]
fn a_stranger_cannot_make_a_server_keep_or_do_much() {
    let many = |text: &str| text.repeat(300_000);
    for script in [
        many("<a>"),
        format!("<a b='{}", many("x")),
        format!("<{}", many("a")),
        format!("<a {}", (0..300_000).map(|n| format!("a{n}='' ")).collect::<String>()),
        format!("<a {}", (0..300_000).map(|n| format!("xmlns:a{n}='u' ")).collect::<String>()),
        format!("<a>{}", many("<b/>")),
        format!("<a>{}", many("text")),
    ] {
        let mut server = server(ServerTls::Required);
        server.handle_input(Instant::ZERO, server::Input::Data(HEADER.as_bytes()));
        answer(&mut server);
        let mut taken = 0;
        let mut over = false;
        for chunk in script.as_bytes().chunks(1024) {
            server.handle_input(Instant::ZERO, server::Input::Data(chunk));
            taken += chunk.len();
            let (bytes, closed) = answer(&mut server);
            assert!(bytes < 512);
            if closed {
                over = true;
                break;
            }
        }
        let head = script.get(..20).unwrap();
        assert!(over && taken <= 17 * 1024, "{head}..: {taken} bytes");
    }
}
