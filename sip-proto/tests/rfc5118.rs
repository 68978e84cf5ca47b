//! The 12 messages of RFC 5118 (IPv6), from the bytes of its archive. Most of them were packed
//! with bare line feeds, and three have a Content-Length that is wrong for either line end:
//! they are read with the line ends and lengths that they should have, and as they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "tests state what must hold"
)]

use core::net::IpAddr;
use proto_wire::sdp::Sdp;
use proto_wire::{Instant, Limits, Output, Seed};
use sip_proto::endpoint::{Config, Listener, SipInput};
use sip_proto::headers::{Contact, Via};
use sip_proto::home::{HomeConfig, HomeServer};
use sip_proto::message::{Layer, Strictness};
use sip_proto::{Index, Message, RequestBuf, ResponseBuf, StatusCode, Transport};

/// What must be said to a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// Legal.
    Good,
    /// Odd: tolerated by default, refused by the strict profile.
    Odd,
    /// Refused by this layer with this status.
    Bad(Layer, u16),
}
use Verdict::{Bad, Good, Odd};

/// Name, section, verdict, the host of the request URI, and the answer of a home server of `example.com` that
/// authenticates. Other domains are 403, dialogs that nobody knows 481; what matters is that nothing legal is
/// answered with 400.
const TABLE: &[(&str, &str, Verdict, Option<&str>, u16)] = &[
    ("ipv6-good", "4.1", Good, Some("2001:db8::10"), 403),
    ("ipv6-bad", "4.2", Bad(Layer::Syntax, 400), None, 400),
    // The port is part of the address: legal, and most likely not what was meant.
    ("port-ambiguous", "4.3", Good, Some("2001:db8::10:5070"), 403),
    ("port-unambiguous", "4.4", Good, Some("2001:db8::10"), 403),
    ("via-received-param-with-delim", "4.5", Good, Some("2001:db8::10"), 481),
    ("via-received-param-no-delim", "4.5", Good, Some("2001:db8::10"), 403),
    ("ipv6-in-sdp", "4.6", Good, Some("2001:db8::10"), 403),
    ("mult-ip-in-header", "4.7", Good, None, 481),
    ("mult-ip-in-sdp", "4.8", Good, Some("2001:db8::10"), 403),
    ("ipv4-mapped-ipv6", "4.9", Good, None, 404),
    // The extra colon of RFC 3261's grammar.
    ("ipv6-bug-abnf-3-colons", "4.10", Good, Some("2001:db8::192.0.2.1"), 403),
    ("ipv6-correct-abnf-2-colons", "4.10", Good, Some("2001:db8::192.0.2.1"), 403),
];

fn packed(name: &str) -> String {
    let path = format!("{}/tests/data/rfc5118/{name}.dat", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// With the line ends and the length that it should have.
fn text(name: &str) -> String {
    let text = packed(name).replace("\r\n", "\n").replace('\n', "\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| (text.trim_end(), ""));
    let (head, _) = head.split_once("Content-Length:").unwrap();
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn read(name: &str) -> RequestBuf {
    RequestBuf::parse(text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn verdict(bytes: &[u8]) -> Verdict {
    let mut index = Index::new();
    let message = Message::parse_datagram(bytes, &mut index, &Limits::DEFAULT).unwrap();
    let Message::Request(request) = message else { panic!("a request") };
    match (request.validate(), request.validate_as(Strictness::Strict)) {
        (Ok(()), Ok(())) => Good,
        (Ok(()), Err(_)) => Odd,
        (Err(objection), _) => Bad(objection.layer, objection.status.as_u16()),
    }
}

/// The status of the first thing that is sent, or 0.
fn answer(bytes: &[u8]) -> u16 {
    let local = "[2001:db8::200]:5060".parse().unwrap();
    let remote = "[2001:db8::1]:5060".parse().unwrap();
    let below = Config::new([Listener::new(Transport::Udp, local)]);
    let config = HomeConfig::new("example.com", below).unwrap();
    let mut home = HomeServer::new(Instant::ZERO, config.into(), Seed::from_u64(1));
    home.handle_input(Instant::ZERO, SipInput::Datagram { local, remote, data: bytes });
    while let Some(output) = home.poll_output() {
        if let Output::Transmit(transmit) = output {
            return ResponseBuf::parse(transmit.payload).unwrap().view().status().as_u16();
        }
    }
    0
}

#[test]
fn each_message_gets_its_verdict_its_host_and_its_answer() {
    assert_eq!(TABLE.len(), 12);
    let mut wrong = Vec::new();
    for (name, section, expected, host, status) in TABLE {
        let found = verdict(text(name).as_bytes());
        let request = read(name);
        let uri = request.view().uri();
        let found_host = uri.ok().and_then(|u| u.as_sip().and_then(|s| s.host.ip()));
        let answer = answer(text(name).as_bytes());
        if found != *expected || found_host != host.and_then(ip) || answer != *status {
            wrong.push(format!("{name} ({section}): {found:?} {found_host:?} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(StatusCode::BAD_REQUEST.as_u16(), 400);
}

#[test]
fn as_they_were_packed_they_are_odd_or_too_short() {
    for (name, _, expected, ..) in TABLE {
        let found = verdict(packed(name).as_bytes());
        match (*expected, *name) {
            // RFC 3261 §18.3: a datagram that is shorter than it says gets 400.
            (Good, "ipv6-in-sdp") => assert_eq!(found, Bad(Layer::Framing, 400), "{name}"),
            (Good, "mult-ip-in-sdp" | "ipv4-mapped-ipv6") => {
                assert!(matches!(found, Bad(Layer::Framing, 400) | Odd), "{name} {found:?}");
            }
            (Good, _) if packed(name).contains('\r') => assert_eq!(found, Good, "{name}"),
            (Good, _) => assert_eq!(found, Odd, "{name}"),
            (other, _) => assert_eq!(found, other, "{name}"),
        }
    }
}

#[test]
fn section_4_4_the_port_is_behind_the_bracket() {
    for (name, port) in [("port-ambiguous", None), ("port-unambiguous", Some(5070))] {
        let request = read(name);
        assert_eq!(request.view().uri().unwrap().as_sip().unwrap().port, port, "{name}");
    }
}

#[test]
fn section_4_5_received_is_read_with_and_without_brackets() {
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let request = read(name);
        let via = request.headers().typed::<Via<'_>>().unwrap().unwrap();
        assert_eq!(via.sent_by.host.ip(), ip("2001:db8::9:1"), "{name}");
        assert_eq!(via.received(), ip("2001:db8::9:255"), "{name}");
    }
}

#[test]
fn section_4_7_and_4_9_addresses_of_both_families_stand_side_by_side() {
    let vias = |name: &str| {
        let request = read(name);
        let values = request.headers().values::<Via<'_>>();
        values
            .map(|v| v.unwrap())
            .map(|v| (v.sent_by.host.ip(), v.sent_by.port))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        vias("mult-ip-in-header"),
        [(ip("2001:db8::9:1"), Some(6050)), (ip("192.0.2.1"), None), (ip("2001:db8::9:255"), None)]
    );
    assert_eq!(
        vias("ipv4-mapped-ipv6"),
        [(ip("::ffff:192.0.2.10"), Some(19823)), (ip("::ffff:192.0.2.2"), None)]
    );
    let request = read("ipv4-mapped-ipv6");
    let contact = request.headers().typed::<Contact<'_>>().unwrap().unwrap();
    let uri = contact.address().unwrap().uri().unwrap();
    assert_eq!(uri.as_sip().unwrap().host.ip(), ip("::ffff:192.0.2.2"));
}

#[test]
fn addresses_in_descriptions_have_no_brackets() {
    for (name, addresses) in [
        ("ipv6-in-sdp", ["2001:db8::20", "2001:db8::20"]),
        ("mult-ip-in-sdp", ["192.0.2.1", "2001:db8::1"]),
        ("ipv4-mapped-ipv6", ["::ffff:192.0.2.2", "::ffff:192.0.2.2"]),
    ] {
        let body = read(name).body();
        let sdp = Sdp::new(&body);
        let found: Vec<Option<IpAddr>> = sdp
            .media()
            .map(|m| m.connection().or_else(|| sdp.connection()).and_then(|c| c.ip()))
            .collect();
        assert_eq!(found, addresses.map(ip), "{name}");
    }
}
