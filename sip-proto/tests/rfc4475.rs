//! The 49 torture messages of RFC 4475, from the exact bytes of its archive: what the parser and
//! its two profiles say, and what a home server answers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "tests state what must hold"
)]

use proto_wire::{Instant, Limits, Output, ParseErrorKind, Seed};
use sip_proto::endpoint::{Config, Listener, SipInput};
use sip_proto::home::{HomeConfig, HomeServer};
use sip_proto::message::{Layer, Strictness};
use sip_proto::ua::{self, UserAgent};
use sip_proto::{Index, Message, ResponseBuf, Transport};

/// What must be said to a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// Legal.
    Good,
    /// Odd: tolerated by default, refused by the strict profile.
    Odd,
    /// Refused by this layer.
    Bad(Layer),
    /// Not a message at all.
    NotSip(ParseErrorKind),
}
use Layer::{Framing, Syntax, Transaction, User};
use Verdict::{Bad, Good, NotSip, Odd};

/// Name, section, verdict, and the answer of a home server of `example.com` that authenticates:
/// 0 for none. Nobody is registered there (404), other domains are 403, unknown methods 405, REGISTER
/// 401; what matters is that nothing legal is answered with 400.
const TABLE: &[(&str, &str, Verdict, u16)] = &[
    ("wsinv", "3.1.1.1", Good, 403),
    ("intmeth", "3.1.1.2", Good, 405),
    ("esc01", "3.1.1.3", Good, 403),
    ("escnull", "3.1.1.4", Good, 401),
    ("esc02", "3.1.1.5", Good, 405),
    ("lwsdisp", "3.1.1.6", Good, 404),
    ("longreq", "3.1.1.7", Good, 404),
    ("dblreq", "3.1.1.8", Odd, 401),
    ("semiuri", "3.1.1.9", Good, 404),
    ("transports", "3.1.1.10", Good, 404),
    ("mpart01", "3.1.1.11", Good, 403),
    ("unreason", "3.1.1.12", Good, 0),
    ("noreason", "3.1.1.13", Good, 0),
    ("badinv01", "3.1.2.1", Bad(Syntax), 400),
    ("clerr", "3.1.2.2", Bad(Framing), 400),
    ("ncl", "3.1.2.3", Bad(Framing), 400),
    ("scalar02", "3.1.2.4", Bad(Syntax), 400),
    ("scalarlg", "3.1.2.5", Bad(Syntax), 0),
    ("quotbal", "3.1.2.6", Bad(Syntax), 400),
    ("ltgtruri", "3.1.2.7", Bad(Syntax), 400),
    ("lwsruri", "3.1.2.8", Bad(Syntax), 400),
    ("lwsstart", "3.1.2.9", Odd, 404),
    ("trws", "3.1.2.10", Odd, 404),
    ("escruri", "3.1.2.11", Odd, 404),
    ("baddate", "3.1.2.12", Odd, 404),
    ("regbadct", "3.1.2.13", Bad(Syntax), 400),
    ("badaspec", "3.1.2.14", Odd, 403),
    ("baddn", "3.1.2.15", Odd, 403),
    ("badvers", "3.1.2.16", Bad(User), 505),
    ("mismatch01", "3.1.2.17", Bad(Transaction), 400),
    ("mismatch02", "3.1.2.18", Bad(Transaction), 400),
    ("bigcode", "3.1.2.19", NotSip(ParseErrorKind::StatusCode), 0),
    ("badbranch", "3.2.1", Good, 404),
    ("insuf", "3.3.1", Bad(Syntax), 400),
    ("unkscm", "3.3.2", Good, 416),
    ("novelsc", "3.3.3", Good, 416),
    ("unksm2", "3.3.4", Good, 404),
    ("bext01", "3.3.5", Good, 420),
    ("invut", "3.3.6", Good, 404),
    ("regaut01", "3.3.7", Good, 401),
    ("multi01", "3.3.8", Bad(Syntax), 400),
    ("mcl01", "3.3.9", Bad(Framing), 400),
    ("bcast", "3.3.10", Good, 0),
    ("zeromf", "3.3.11", Good, 200),
    ("cparam01", "3.3.12", Good, 401),
    ("cparam02", "3.3.13", Good, 401),
    ("regescrt", "3.3.14", Good, 401),
    ("sdp01", "3.3.15", Good, 404),
    ("inv2543", "3.4.1", Odd, 404),
];

fn bytes_of(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/rfc4475/{name}.dat", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn verdict(bytes: &[u8]) -> Verdict {
    let mut index = Index::new();
    let message = match Message::parse_datagram(bytes, &mut index, &Limits::DEFAULT) {
        Ok(message) => message,
        Err(error) => return NotSip(error.kind()),
    };
    let strict = match message {
        Message::Request(request) => request.validate_as(Strictness::Strict),
        Message::Response(response) => response.validate_as(Strictness::Strict),
    };
    match (message.validate(), strict) {
        (Ok(()), Ok(())) => Good,
        (Ok(()), Err(_)) => Odd,
        (Err(objection), Err(_)) => Bad(objection.layer),
        (Err(objection), Ok(())) => panic!("strict accepts what lenient refuses: {objection}"),
    }
}

/// The status of the first thing that is sent, or 0.
fn answer(bytes: &[u8]) -> u16 {
    let local = "192.0.2.200:5060".parse().unwrap();
    let remote = "192.0.2.1:5060".parse().unwrap();
    let config =
        HomeConfig::new("example.com", Config::new([Listener::new(Transport::Udp, local)]))
            .unwrap();
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
fn each_message_gets_its_verdict_and_its_answer() {
    assert_eq!(TABLE.len(), 49);
    let mut wrong = Vec::new();
    for (name, section, expected, status) in TABLE {
        let bytes = bytes_of(name);
        let found = (verdict(&bytes), answer(&bytes));
        if found != (*expected, *status) {
            wrong.push(format!(
                "{name} ({section}): expected {expected:?} {status}, found {found:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a telephone answers at first to those requests that end at one: 0 for none, 100 for a call that
/// is told to its user. Unlike the home server it looks at bodies and at what the answer may have.
const AT_A_TELEPHONE: &[(&str, u16)] = &[
    ("wsinv", 481), // its To has a tag: within a dialog that nobody knows
    ("intmeth", 405),
    ("esc01", 100),
    ("esc02", 405),
    ("lwsdisp", 200),
    ("longreq", 100),
    ("semiuri", 200),
    ("transports", 200),
    ("mpart01", 200),
    ("badinv01", 400),
    ("clerr", 400),
    ("ncl", 400),
    ("scalar02", 400),
    ("quotbal", 400),
    ("ltgtruri", 400),
    ("lwsruri", 400),
    ("regbadct", 400),
    ("badvers", 505),
    ("mismatch01", 400),
    ("mismatch02", 400),
    ("insuf", 400),
    ("unkscm", 416),
    ("novelsc", 416),
    ("unksm2", 405),
    ("bext01", 420),
    ("invut", 415),
    ("multi01", 400),
    ("mcl01", 400),
    ("zeromf", 200),
    ("sdp01", 406),
    ("inv2543", 100),
];

#[test]
fn a_telephone_answers_as_the_rfc_says() {
    let local = "192.0.2.200:5060".parse().unwrap();
    let remote = "192.0.2.1:5060".parse().unwrap();
    let mut wrong = Vec::new();
    for (name, expected) in AT_A_TELEPHONE {
        assert!(TABLE.iter().any(|row| row.0 == *name), "{name}");
        let below = Config::new([Listener::new(Transport::Udp, local)]);
        let config = ua::Config::new("sip:user@example.com", below).unwrap();
        let mut phone = UserAgent::new(Instant::ZERO, config, Seed::from_u64(1));
        let data = bytes_of(name);
        phone.handle_input(Instant::ZERO, SipInput::Datagram { local, remote, data: &data });
        let mut found = 0;
        while let Some(output) = phone.poll_output() {
            match output {
                Output::Transmit(t) if found == 0 => {
                    found = ResponseBuf::parse(t.payload).unwrap().view().status().as_u16();
                }
                Output::Event(ua::Event::Incoming { .. }) if found == 0 => found = 100,
                _ => {}
            }
        }
        if found != *expected {
            wrong.push(format!("{name}: expected {expected}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the RFC says of the values in the legal messages.
#[test]
fn the_legal_ones_are_read_as_the_rfc_says() {
    use sip_proto::headers::{CSeq, Contact, From, To, Via};
    let read = |name: &str| sip_proto::RequestBuf::parse(bytes_of(name)).unwrap();

    let wsinv = read("wsinv");
    let cseq = wsinv.headers().typed::<CSeq<'_>>().unwrap().unwrap();
    assert_eq!((cseq.number, cseq.method.as_str()), (9, "INVITE"));
    assert_eq!(wsinv.headers().values::<Via<'_>>().filter(Result::is_ok).count(), 3);
    let contact = wsinv.headers().values::<Contact<'_>>().next().unwrap().unwrap();
    let params = contact.address().unwrap().params();
    assert_eq!(params.value(b"newparam"), Some(&b"newvalue"[..]));
    assert_eq!(contact.q().unwrap().unwrap().thousandths(), 330);
    let to = wsinv.headers().typed::<To<'_>>().unwrap().unwrap();
    assert_eq!(
        (to.uri().unwrap().as_str(), to.tag()),
        ("sip:vivekg@chair-dnrc.example.com", Some("1918181833n"))
    );
    let from = wsinv.headers().typed::<From<'_>>().unwrap().unwrap();
    assert_eq!(from.display().unwrap(), "J Rosenberg \\\"");

    let intmeth = read("intmeth");
    assert_eq!(intmeth.view().method().as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    let to = intmeth.headers().typed::<To<'_>>().unwrap().unwrap();
    assert_eq!(to.display().unwrap(), "BEL:\u{7} NUL:\0 DEL:\u{7f}");

    // One is escaped, the other is the literal text: two different users.
    let escnull = read("escnull");
    assert_eq!(escnull.headers().values::<Contact<'_>>().filter(Result::is_ok).count(), 2);
    // The semicolon is the user's.
    let semiuri = read("semiuri");
    let uri = semiuri.view().uri().unwrap();
    assert_eq!(uri.as_sip().unwrap().user, Some("user;par=u%40example.net"));
    // No brackets: the parameter is the contact's; brackets: the URI's.
    for (name, in_uri) in [("cparam01", false), ("cparam02", true)] {
        let buf = read(name);
        let contact = buf.headers().typed::<Contact<'_>>().unwrap().unwrap();
        let uri = contact.address().unwrap().uri().unwrap();
        assert_eq!(uri.as_sip().unwrap().param("unknownparam").is_some(), in_uri, "{name}");
    }
    // What follows the first message of a datagram is ignored.
    assert_eq!(read("dblreq").body().len(), 0);
}
