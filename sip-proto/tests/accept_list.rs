//! What real devices send is accepted by default and named; the strict profile refuses what no device
//! should be allowed to send. One row for each entry of the lists.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

use proto_wire::head::Quirk;
use proto_wire::{Limits, ParseErrorKind};
use sip_proto::headers::{Contact, From, Route, To, Via};
use sip_proto::message::{Oddity, Strictness};
use sip_proto::{HeaderName, Index, Message, Request, RequestBuf};

const PLAIN: &str = "MESSAGE sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKx\r\n\
    From: <sip:alice@example.com>;tag=1\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: 1@a\r\n\
    CSeq: 1 MESSAGE\r\n\
    Max-Forwards: 70\r\n\
    Content-Length: 5\r\n\r\nhello";

fn swap(from: &str, to: &str) -> Vec<u8> {
    assert!(PLAIN.contains(from), "{from}");
    PLAIN.replacen(from, to, 1).into_bytes()
}

/// Accepted by default, and the oddities are exactly these.
fn accepted(bytes: &[u8], oddities: &[Oddity], look: impl Fn(Request<'_>)) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut index = Index::new();
    let message = Message::parse_datagram(bytes, &mut index, &Limits::DEFAULT)
        .unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(message.validate(), Ok(()), "{text}");
    let found: Vec<Oddity> = message.diagnostics().iter().map(|d| d.oddity).collect();
    assert_eq!(found, oddities, "{text}");
    let Message::Request(request) = message else { panic!("a request") };
    look(request);
}

#[test]
fn a_plain_message_has_no_oddities() {
    accepted(PLAIN.as_bytes(), &[], |r| {
        assert_eq!(r.validate_as(Strictness::Strict), Ok(()));
    });
}

#[test]
fn white_space_around_separators() {
    let bytes = swap("Call-ID: 1@a", "Call-ID \t:\t 1@a  ");
    accepted(&bytes, &[Oddity::Head(Quirk::SpaceBeforeColon)], |r| {
        assert_eq!(r.headers().get(HeaderName::CALL_ID), Some("1@a"));
    });
    // Legal by the grammar of SEMI, EQUAL and COLON.
    let bytes = swap("a.example.com;branch=z9hG4bKx", "a.example.com : 5060 ; branch = z9hG4bKx");
    accepted(&bytes, &[], |r| {
        let via = r.headers().typed::<Via<'_>>().unwrap().unwrap();
        assert_eq!((via.branch(), via.sent_by.port), (Some(&b"z9hG4bKx"[..]), Some(5060)));
    });
}

#[test]
fn a_head_without_its_end_on_a_datagram() {
    let head = PLAIN.split("Content-Length").next().unwrap();
    for cut in [head.to_owned(), head.trim_end().to_owned()] {
        let wanted = [Oddity::NoContentLength, Oddity::Head(Quirk::NoEmptyLine)];
        accepted(cut.as_bytes(), &wanted, |r| assert_eq!(r.body(), b""));
    }
}

#[test]
fn empty_lines_in_front() {
    accepted(
        format!("\r\n\r\n{PLAIN}").as_bytes(),
        &[Oddity::Head(Quirk::LeadingEmptyLine)],
        |r| assert_eq!(r.body(), b"hello"),
    );
}

#[test]
fn no_content_length_on_a_datagram_and_the_body_is_the_rest() {
    let bytes = swap("Content-Length: 5\r\n", "");
    accepted(&bytes, &[Oddity::NoContentLength], |r| assert_eq!(r.body(), b"hello"));
}

/// The bytes that came are there, the defect says that more were promised: the endpoint answers 400,
/// a host that would rather read what there is can.
#[test]
fn a_content_length_beyond_the_datagram_is_a_defect_that_a_host_may_overlook() {
    let buf = RequestBuf::parse(swap("Content-Length: 5", "Content-Length: 50")).unwrap();
    assert_eq!(buf.view().defect().unwrap().kind(), ParseErrorKind::BodyTruncated);
    assert_eq!(buf.view().validate().unwrap_err().status.as_u16(), 400);
    assert_eq!(buf.view().body(), b"hello");
}

#[test]
fn more_bytes_than_content_length_on_a_datagram() {
    accepted(
        &swap("Content-Length: 5", "Content-Length: 4"),
        &[Oddity::Head(Quirk::ExcessBytes)],
        |r| assert_eq!(r.body(), b"hell"),
    );
}

#[test]
fn bytes_that_are_not_utf8_in_any_header() {
    for row in
        ["Subject: \u{1}", "X-Odd: \u{1}", "User-Agent: \u{1}", "Contact: \"\u{1}\" <sip:a@h>"]
    {
        let mut bytes = swap("Max-Forwards", &format!("{row}\r\nMax-Forwards"));
        for byte in &mut bytes {
            if *byte == 1 {
                *byte = 0xe9;
            }
        }
        accepted(&bytes, &[Oddity::Head(Quirk::NonUtf8)], |r| {
            assert_eq!(r.headers().get(HeaderName::MAX_FORWARDS), Some("70"));
        });
    }
}

#[test]
fn display_names_without_quotes() {
    let bytes = swap("From: <", "From: J\u{fc}rgen, \u{c4}rzte @ Haus <");
    accepted(&bytes, &[Oddity::DisplayName], |r| {
        let from = r.headers().typed::<From<'_>>().unwrap().unwrap();
        assert_eq!(from.display().unwrap(), "J\u{fc}rgen, \u{c4}rzte @ Haus");
        assert_eq!(from.tag(), Some("1"));
    });
}

#[test]
fn addresses_without_brackets_whose_parameters_are_the_headers() {
    let bytes =
        swap("From: <sip:alice@example.com>;tag=1", "From: sip:alice@example.com;x=y;tag=1");
    accepted(&bytes, &[Oddity::NoBrackets], |r| {
        let from = r.headers().typed::<From<'_>>().unwrap().unwrap();
        assert_eq!(from.uri().unwrap().as_str(), "sip:alice@example.com");
        assert_eq!((from.tag(), from.params().value(b"x")), (Some("1"), Some(&b"y"[..])));
    });
}

#[test]
fn parameters_with_nothing_behind_the_equals_sign() {
    let row = "Contact: <sip:alice@192.0.2.1;ob=>;+x=";
    let bytes = swap("Max-Forwards", &format!("{row}\r\nMax-Forwards"));
    accepted(&bytes, &[Oddity::EmptyParameter, Oddity::EmptyParameter], |r| {
        let contact = r.headers().typed::<Contact<'_>>().unwrap().unwrap();
        let uri = contact.address().unwrap().uri().unwrap();
        assert_eq!(uri.as_sip().unwrap().param("ob"), Some(""));
    });
}

#[test]
fn raw_characters_in_uris() {
    for uri in ["sip:*72#9@example.com", "sip:100%@example.com", "sip:a^b@example.com"] {
        let bytes = swap("sip:bob@example.com SIP", &format!("{uri} SIP"));
        accepted(&bytes, &[Oddity::RawUriByte], |r| assert_eq!(r.uri().unwrap().as_str(), uri));
    }
}

#[test]
fn hosts_that_no_grammar_has() {
    for host in ["my_container_1", "3402000000", "7c2f9a1b", "node.3402000000"] {
        let bytes = swap("sip:bob@example.com SIP", &format!("sip:bob@{host}:5070 SIP"));
        accepted(&bytes, &[Oddity::HostName], |r| {
            let uri = r.uri().unwrap();
            assert_eq!(uri.as_sip().unwrap().host.name(), Some(host));
        });
    }
}

#[test]
fn addresses_of_version_6_in_via_with_and_without_brackets() {
    for (via, oddities) in [
        ("[2001:db8::9]:5060;branch=z9hG4bKx;received=2001:db8::1", &[][..]),
        ("[2001:db8::9]:5060;branch=z9hG4bKx;received=[2001:db8::1]", &[Oddity::Brackets][..]),
        ("2001:db8::9;branch=z9hG4bKx;received=2001:db8::1", &[Oddity::Brackets][..]),
    ] {
        accepted(&swap("a.example.com;branch=z9hG4bKx", via), oddities, |r| {
            let via = r.headers().typed::<Via<'_>>().unwrap().unwrap();
            assert_eq!(via.received(), "2001:db8::1".parse().ok());
            assert_eq!(via.sent_by.host.ip(), "2001:db8::9".parse().ok());
        });
    }
}

#[test]
fn a_parameter_that_stands_twice() {
    let bytes = swap("Max-Forwards", "Route: <sip:p;lr;lr=on>\r\nMax-Forwards");
    accepted(&bytes, &[Oddity::RepeatedParameter], |r| {
        let route = r.headers().typed::<Route<'_>>().unwrap().unwrap();
        assert!(route.uri().unwrap().as_sip().unwrap().is_loose_router());
    });
}

#[test]
fn a_from_without_tag() {
    let bytes = swap(";tag=1", "");
    accepted(&bytes, &[Oddity::NoTag], |r| {
        assert_eq!(r.headers().typed::<From<'_>>().unwrap().unwrap().tag(), None);
        assert_eq!(r.headers().typed::<To<'_>>().unwrap().unwrap().tag(), None);
    });
}

#[test]
fn unknown_methods_schemes_and_transports() {
    let text = PLAIN
        .replace("MESSAGE", "NewMethod")
        .replace("sip:bob@example.com SIP", "urn:service:sos SIP")
        .replace("SIP/2.0/UDP", "SIP/2.0/TLS-SCTP");
    let wanted = [Oddity::UnknownMethod, Oddity::UnknownScheme, Oddity::UnknownTransport];
    accepted(text.as_bytes(), &wanted, |r| {
        assert_eq!(r.method().as_str(), "NewMethod");
        assert_eq!(r.uri().unwrap().scheme(), "urn");
        let via = r.headers().typed::<Via<'_>>().unwrap().unwrap();
        assert_eq!(via.transport_name, b"TLS-SCTP");
    });
}

#[test]
fn expires_as_a_date_in_quotes() {
    let row = "Contact: <sip:a@192.0.2.1>;expires=\"Tue, 01 Jan 2030 00:00:00 GMT\"";
    let bytes = swap("Max-Forwards", &format!("{row}\r\nMax-Forwards"));
    accepted(&bytes, &[Oddity::ExpiresDate], |r| {
        let contact = r.headers().typed::<Contact<'_>>().unwrap().unwrap();
        assert_eq!(contact.expires(), Some(3600));
    });
}

#[test]
fn a_star_in_contact_belongs_to_register_alone() {
    let star = "Contact: *\r\nExpires: 0\r\nMax-Forwards";
    let register = String::from_utf8(swap("Max-Forwards", star)).unwrap();
    let register = register.replace("MESSAGE", "REGISTER");
    accepted(register.as_bytes(), &[], |r| {
        assert!(matches!(r.headers().typed::<Contact<'_>>(), Ok(Some(Contact::Star))));
    });
    for text in [
        swap("Max-Forwards", "Contact: *\r\nMax-Forwards"),
        register.replace("Contact: *", "Contact: *, <sip:a@h>").into_bytes(),
        register.replace("Contact: *", "Contact: <sip:a@h>\r\nContact: *").into_bytes(),
    ] {
        let buf = RequestBuf::parse(text).unwrap();
        let objection = buf.view().validate().unwrap_err();
        assert_eq!((objection.header, objection.status.as_u16()), (Some(HeaderName::CONTACT), 400));
    }
}

#[test]
fn bare_line_feeds_and_empty_list_items() {
    let wanted = [Oddity::Head(Quirk::BareLf)];
    accepted(PLAIN.replace("\r\n", "\n").as_bytes(), &wanted, |r| assert_eq!(r.body(), b"hello"));
    let bytes = swap("Max-Forwards", "Route: <sip:p;lr>,,<sip:q;lr>\r\nMax-Forwards");
    accepted(&bytes, &[Oddity::EmptyItem], |r| {
        assert_eq!(r.headers().values::<Route<'_>>().count(), 2);
    });
}

/// What the strict profile must refuse. The first half no profile takes, since two readers would see
/// two messages.
#[test]
fn the_strict_list() {
    for (what, bytes, lenient) in [
        ("two lengths", swap("Content-Length: 5", "Content-Length: 5\r\nl: 4"), false),
        ("two lengths in one row", swap("Content-Length: 5", "Content-Length: 5, 4"), false),
        ("a negative length", swap("Content-Length: 5", "Content-Length: -5"), false),
        ("a length beyond 64 bits", swap("h: 5", "h: 18446744073709551621"), false),
        ("NUL in a header", swap("Max-Forwards", "Subject: a\0b\r\nMax-Forwards"), false),
        ("a bare CR in a header", swap("Max-Forwards", "Subject: a\rb\r\nMax-Forwards"), false),
        ("a name with a space", swap("Max-Forwards", "Sub ject: a\r\nMax-Forwards"), false),
        ("CSeq of 2^31", swap("CSeq: 1 ", "CSeq: 2147483648 "), false),
        ("a bare LF", PLAIN.replace("\r\n", "\n").into_bytes(), true),
        ("two spaces in the start line", swap("MESSAGE sip", "MESSAGE  sip"), true),
        ("a tab in the start line", swap("MESSAGE sip", "MESSAGE\t sip"), false),
        // Found by comparison with another crate, which refused them.
        ("a tab before the version", swap("com SIP/2.0\r\nVia", "com\tSIP/2.0\r\nVia"), true),
        ("a name that is a token for HTTP alone", swap("Max-", "X#Y&Z: 1\r\nMax-"), true),
        (
            "a semicolon with nothing behind it",
            swap("com SIP/2.0\r\nVia", "com; SIP/2.0\r\nVia"),
            true,
        ),
        ("two semicolons", swap("com SIP/2.0\r\nVia", "com;;lr SIP/2.0\r\nVia"), true),
        (
            "a question mark with nothing behind it",
            swap("com SIP/2.0\r\nVia", "com? SIP/2.0\r\nVia"),
            true,
        ),
        ("a broken escape", swap("sip:bob@example.com SIP", "urn:x:%zz SIP"), true),
        ("a space behind the version", swap("SIP/2.0\r\nVia", "SIP/2.0 \r\nVia"), true),
    ] {
        let parsed = RequestBuf::parse(bytes);
        let lenient_takes = parsed.as_ref().is_ok_and(|r| r.view().validate().is_ok());
        let strict_takes =
            parsed.as_ref().is_ok_and(|r| r.view().validate_as(Strictness::Strict).is_ok());
        assert_eq!((lenient_takes, strict_takes), (lenient, false), "{what}");
    }
    for status in ["099", "700", "20", "2000", "abc"] {
        let text = format!("SIP/2.0 {status} Odd\r\n\r\n");
        let mut index = Index::new();
        let parsed = Message::parse_datagram(text.as_bytes(), &mut index, &Limits::DEFAULT);
        assert_eq!(parsed.unwrap_err().kind(), ParseErrorKind::StatusCode, "{status}");
    }
}
