use super::*;
use crate::headers::{Contact, From, Route, Via};
use crate::uri::Uri;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use proto_wire::head::Quirk;
use proto_wire::{LimitKind, ParseErrorKind};

const REQUEST: &str = "MESSAGE sip:bob@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKx\r\n\
    From: <sip:alice@example.com>;tag=1\r\n\
    To: <sip:bob@example.com>\r\n\
    Call-ID: 1@a\r\n\
    CSeq: 1 MESSAGE\r\n\
    Max-Forwards: 70\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 5\r\n\r\nhello";

fn with(line: &str) -> String {
    REQUEST.replacen("Max-Forwards: 70\r\n", &format!("Max-Forwards: 70\r\n{line}\r\n"), 1)
}

fn without(name: &str) -> String {
    REQUEST.split_inclusive("\r\n").filter(|l| !l.starts_with(name)).collect()
}

fn request(text: &str) -> RequestBuf {
    RequestBuf::parse(text.as_bytes().to_vec()).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn a_message_is_read_in_every_part() {
    let buf = request(REQUEST);
    let view = buf.view();
    assert_eq!((view.method(), view.body()), (Method::Message, &b"hello"[..]));
    assert_eq!(view.uri().unwrap().as_str(), "sip:bob@example.com");
    assert_eq!(view.headers().len(), 8);
    assert_eq!(view.headers().get(HeaderName::CALL_ID), Some("1@a"));
    assert!(view.validate_as(Strictness::Strict).is_ok());
    assert!(view.quirks().is_empty());
    assert_eq!(buf.clone().into_bytes(), REQUEST.as_bytes());
    assert_eq!(buf.compact(), buf);
}

/// Found at Kamailio: it says "no method found" although the grammar has it.
#[test]
fn compact_names_folds_odd_case_and_spaces() {
    let text = "OPTIONS sip:127.0.0.1:5060 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKcompact;rport\r\n\
        f: \"A \\\" B\" <sip:alice@example.org>;tag=e1\r\nt:\r\n  <sip:127.0.0.1:5060>\r\ni: compact@127.0.0.1\r\n\
        CSeq:\t7\r\n  OPTIONS\r\nMAX-forwards   :  70\r\nl: 0\r\n\r\n";
    let buf = request(text);
    assert_eq!(buf.view().validate(), Ok(()));
    let cseq = buf.headers().typed::<crate::headers::CSeq<'_>>().unwrap().unwrap();
    assert_eq!((cseq.number, cseq.method), (7, Method::Options));
    assert_eq!(buf.headers().typed::<From<'_>>().unwrap().unwrap().display().unwrap(), "A \" B");
    assert!(buf.view().quirks().contains(Quirk::Folded));
}

#[test]
fn start_lines() {
    for (line, expected) in [
        ("INVITE sip:a@b SIP/2.0", Ok(None)),
        ("invite sip:a@b SIP/2.0", Ok(None)),
        ("!interesting-Method0123456789_*+`.%indeed'~ sip:a@b SIP/2.0", Ok(None)),
        ("OPTIONS sip:a@b sip/2.0", Ok(None)),
        ("OPTIONS  sip:a@b  SIP/2.0 ", Ok(None)),
        ("OPTIONS sip:a@b SIP/7.0", Ok(Some(ParseErrorKind::Version))),
        ("SIP/2.0 200 OK", Ok(None)),
        ("SIP/2.0 200", Ok(None)),
        ("SIP/2.0 200 ", Ok(None)),
        ("SIP/7.0 200 OK", Ok(Some(ParseErrorKind::Version))),
        ("SIP/2.0 99 X", Err(ParseErrorKind::StatusCode)),
        ("SIP/2.0 700 X", Err(ParseErrorKind::StatusCode)),
        ("SIP/2.0 4294967301 better not break", Err(ParseErrorKind::StatusCode)),
        ("garbage", Err(ParseErrorKind::StartLine)),
        ("OPTIONS sip:a@b", Err(ParseErrorKind::StartLine)),
        ("OPTIONS SIP/2.0", Err(ParseErrorKind::StartLine)),
        ("OPTIONS  SIP/2.0", Err(ParseErrorKind::Uri)),
        ("GET / HTTP/1.1", Err(ParseErrorKind::StartLine)),
        ("OPT@IONS sip:a@b SIP/2.0", Err(ParseErrorKind::Method)),
    ] {
        let text = format!("{line}\r\nVia: x\r\n\r\n");
        let mut index = Index::new();
        let found = Message::parse_datagram(text.as_bytes(), &mut index, &Limits::DEFAULT)
            .map(|m| match m {
                Message::Request(r) => r.defect().map(|d| d.kind()),
                Message::Response(r) => r.defect().map(|d| d.kind()),
            })
            .map_err(|e| e.kind());
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn the_length_of_a_datagram() {
    let body = |text: &str| {
        let buf = request(text);
        (
            buf.body().to_vec(),
            buf.view().defect().map(|d| d.kind()),
            buf.view().quirks().contains(Quirk::ExcessBytes),
        )
    };
    assert_eq!(body(REQUEST), (b"hello".to_vec(), None, false));
    // Absent: to the end.
    assert_eq!(body(&without("Content-Length")), (b"hello".to_vec(), None, false));
    // Excess is ignored, a short body is a 400.
    assert_eq!(body(&format!("{REQUEST} world")), (b"hello".to_vec(), None, true));
    let short = REQUEST.replace("Length: 5", "Length: 50");
    assert_eq!(body(&short), (b"hello".to_vec(), Some(ParseErrorKind::BodyTruncated), false));
    // Equal repeats are one; others are a 400. PJSIP writes two spaces.
    assert_eq!(body(&with("l:  5")), (b"hello".to_vec(), None, false));
    assert_eq!(body(&with("l: 4")).1, Some(ParseErrorKind::ContentLengthConflict));
    for bad in ["-999", "+5", "99999999999999999999", "five"] {
        let text = REQUEST.replace("Length: 5", &format!("Length: {bad}"));
        assert_eq!(body(&text).1, Some(ParseErrorKind::ContentLength), "{bad}");
    }
}

#[test]
fn a_datagram_may_lack_its_empty_line_and_begin_with_some() {
    let cut = without("Content-Type").replace("Content-Length: 5\r\n\r\nhello", "");
    for end in ["", "Subject: x", "Subject: x\r\n"] {
        let text = format!("\r\n\r\n{cut}{end}");
        let buf = request(&text);
        assert_eq!(buf.view().validate(), Ok(()), "{text:?}");
        assert!(buf.view().quirks().contains(Quirk::NoEmptyLine));
        assert!(buf.view().quirks().contains(Quirk::LeadingEmptyLine));
        assert_eq!(buf.headers().get(HeaderName::SUBJECT), (!end.is_empty()).then_some("x"));
    }
}

#[test]
fn limits_at_n_and_one_more() {
    let mut index = Index::new();
    let mut check = |limits: Limits| {
        Message::parse_datagram(REQUEST.as_bytes(), &mut index, &limits)
            .map(|_| ())
            .map_err(|e| e.kind())
    };
    let head = REQUEST.find("\r\n\r\n").unwrap() + 4;
    for (fits, over, kind) in [
        (
            Limits::DEFAULT.with_head_max(head),
            Limits::DEFAULT.with_head_max(head - 1),
            LimitKind::Head,
        ),
        (
            Limits::DEFAULT.with_header_count_max(8),
            Limits::DEFAULT.with_header_count_max(7),
            LimitKind::HeaderCount,
        ),
        (Limits::DEFAULT.with_line_max(46), Limits::DEFAULT.with_line_max(45), LimitKind::Line),
        (Limits::DEFAULT.with_body_max(5), Limits::DEFAULT.with_body_max(4), LimitKind::Body),
    ] {
        assert_eq!(check(fits), Ok(()), "{kind:?}");
        assert_eq!(check(over), Err(ParseErrorKind::Limit(kind)));
    }
}

#[test]
fn validate_names_layer_header_and_status() {
    use HeaderName as N;
    let rows: Vec<(String, Layer, Option<N>, u16)> = vec![
        (without("Via"), Layer::Syntax, Some(N::VIA), 400),
        (without("From"), Layer::Syntax, Some(N::FROM), 400),
        (without("To"), Layer::Syntax, Some(N::TO), 400),
        (without("Call-ID"), Layer::Syntax, Some(N::CALL_ID), 400),
        (without("CSeq"), Layer::Syntax, Some(N::CSEQ), 400),
        (
            REQUEST.replace("CSeq: 1 MESSAGE", "CSeq: 1 INVITE"),
            Layer::Transaction,
            Some(N::CSEQ),
            400,
        ),
        (REQUEST.replace("CSeq: 1 ", "CSeq: 2147483648 "), Layer::Syntax, Some(N::CSEQ), 400),
        (REQUEST.replace("CSeq: 1 MESSAGE", "CSeq: 1"), Layer::Syntax, Some(N::CSEQ), 400),
        (REQUEST.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), Layer::User, None, 505),
        (
            REQUEST.replace("Forwards: 70", "Forwards: 300"),
            Layer::Syntax,
            Some(N::MAX_FORWARDS),
            400,
        ),
        (with("From: <sip:x@y>;tag=2"), Layer::Syntax, Some(N::FROM), 400),
        (with("Contact: *"), Layer::Syntax, Some(N::CONTACT), 400),
        (
            with("Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
            Layer::Syntax,
            Some(N::CONTACT),
            400,
        ),
        (with("Contact: \"Joe\" <sip:joe@x>,"), Layer::Syntax, None, 0),
        (
            REQUEST.replace("<sip:bob@example.com>\r\nCall", "\"Mr. <sip:bob@example.com>\r\nCall"),
            Layer::Syntax,
            Some(N::TO),
            400,
        ),
        (
            REQUEST.replace("MESSAGE sip:bob@example.com SIP", "MESSAGE sip:bob@ example.com SIP"),
            Layer::Syntax,
            None,
            400,
        ),
        (
            REQUEST.replace("MESSAGE sip:bob@example.com SIP", "MESSAGE <sip:bob@example.com> SIP"),
            Layer::Syntax,
            None,
            400,
        ),
        (with("Bad Name: x"), Layer::Framing, None, 400),
        (with("nocolon"), Layer::Framing, None, 400),
        (with("Subject: a\x00b"), Layer::Framing, None, 400),
        (with("Via: SIP/2.0/UDP"), Layer::Syntax, Some(N::VIA), 400),
        (with("Route: <sip:p;lr"), Layer::Syntax, Some(N::ROUTE), 400),
    ];
    for (text, layer, header, status) in rows {
        let buf = request(&text);
        let found = buf.view().validate();
        if status == 0 {
            assert_eq!(found, Ok(()), "{text}");
            continue;
        }
        let objection = found.expect_err(&text);
        assert_eq!(
            (objection.layer, objection.header, objection.status.as_u16()),
            (layer, header, status),
            "{text}: {objection}"
        );
    }
}

#[test]
fn tolerated_by_default_and_refused_by_the_strict_profile() {
    for (text, tolerated) in [
        (REQUEST.replace("\r\n", "\n"), true),
        (REQUEST.replace("MESSAGE sip:", "MESSAGE  sip:"), true),
        (REQUEST.replace("sip:bob@example.com SIP", "sip:*72#9@example.com SIP"), true),
        (without("Max-Forwards"), true),
        (with("Content-Length: 5"), true),
        (format!("{REQUEST}more"), true),
        (REQUEST.to_string(), false),
    ] {
        let buf = request(&text);
        assert_eq!(buf.view().validate(), Ok(()), "{text}");
        assert_eq!(buf.view().validate_as(Strictness::Strict).is_err(), tolerated, "{text}");
    }
    let mut latin = with("X: y").into_bytes();
    let at = latin.windows(4).position(|w| w == b"X: y").unwrap();
    latin[at + 3] = 0xe9;
    let buf = RequestBuf::parse(latin).unwrap();
    assert_eq!(buf.view().validate(), Ok(()));
    assert_eq!(buf.headers().get(HeaderName::CALL_ID), Some("1@a"));
    assert!(buf.view().validate_as(Strictness::Strict).is_err());
}

#[test]
fn commas_split_only_list_headers() {
    let text = with(
        "Contact: \"a,b\" <sip:c,d@e>;q=0.5, <sip:f@g>\r\nRoute: <sip:p1;lr>,<sip:p2;lr>\r\nRoute: <sip:p3>",
    );
    let text =
        text.replace("To: <sip:bob@example.com>", "To: Bell, Alexander <sip:bob@example.com>");
    let buf = request(&text);
    let contacts: Vec<_> = buf.headers().values::<Contact<'_>>().map(Result::unwrap).collect();
    assert_eq!(contacts.len(), 2);
    assert_eq!(contacts[0].address().unwrap().display().unwrap(), "a,b");
    assert_eq!(buf.headers().values::<Route<'_>>().count(), 3);
    let to = buf.headers().typed::<crate::headers::To<'_>>().unwrap().unwrap();
    assert_eq!(to.display().unwrap(), "Bell, Alexander");
}

#[test]
fn edits_leave_other_bytes_alone() {
    let text = with("Via  :  SIP/2.0/TCP b , SIP/2.0/UDP c\r\nX:   odd   ");
    let buf = request(&text);
    let mut edits = buf.view().edit();
    edits.push_via("SIP/2.0/UDP me;branch=z9hG4bKme").unwrap();
    edits.decrement_max_forwards().unwrap();
    edits.set_uri("sip:bob@10.0.0.1").unwrap();
    let out = edits.to_bytes().unwrap();
    let expected = text
        .replacen("sip:bob@example.com SIP", "sip:bob@10.0.0.1 SIP", 1)
        .replacen("Via: SIP", "Via: SIP/2.0/UDP me;branch=z9hG4bKme\r\nVia: SIP", 1)
        .replacen("Forwards: 70", "Forwards: 69", 1);
    assert_eq!(core::str::from_utf8(&out).unwrap(), expected);

    // And back: a response pops the Via that was pushed, whole row or one value.
    let forwarded = RequestBuf::parse(out).unwrap();
    let mut edits = forwarded.view().edit();
    edits.pop_via().unwrap();
    let out = edits.to_bytes().unwrap();
    assert!(!String::from_utf8_lossy(&out).contains("z9hG4bKme"));
    let one_row =
        request(&REQUEST.replace("Via: ", "Via: SIP/2.0/UDP top;branch=z9hG4bKt ,\r\n  "));
    let mut edits = one_row.view().edit();
    edits.pop_via().unwrap();
    assert_eq!(edits.to_bytes().unwrap(), REQUEST.as_bytes());
}

#[test]
fn edits_refuse_what_they_cannot_do() {
    let buf = request(&REQUEST.replace("Forwards: 70", "Forwards: 0"));
    let mut edits = buf.view().edit();
    assert_eq!(edits.decrement_max_forwards().err(), Some(EditError::MaxForwards));
    assert_eq!(edits.push_via("a\r\nEvil: b").err(), Some(EditError::LineEnd));
    assert_eq!(edits.pop_route().err(), Some(EditError::Missing));
    assert_eq!(edits.set_uri("sip:a b").err(), Some(EditError::LineEnd));
    for _ in 0..8 {
        edits.push_via("x").unwrap();
    }
    assert_eq!(edits.push_via("x").err(), Some(EditError::TooMany));
    let mut edits = buf.view().edit();
    edits.pop_via().unwrap();
    edits.pop_via().unwrap();
    assert_eq!(edits.to_bytes(), Err(EditError::Overlap));
}

#[test]
fn max_forwards_counts_down_in_every_width_and_is_added_when_missing() {
    for (from, to) in [(255, "254"), (100, "99"), (70, "69"), (10, "9"), (1, "0")] {
        let buf = request(&REQUEST.replace("Forwards: 70", &format!("Forwards: {from}")));
        let mut edits = buf.view().edit();
        edits.decrement_max_forwards().unwrap();
        let out = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
        assert_eq!(out.headers().get(HeaderName::MAX_FORWARDS), Some(to));
    }
    let buf = request(&without("Max-Forwards"));
    let mut edits = buf.view().edit();
    edits.decrement_max_forwards().unwrap();
    let out = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
    assert_eq!(out.headers().get(HeaderName::MAX_FORWARDS), Some("70"));
}

#[test]
fn the_source_is_noted_in_the_top_via_only_and_forgeries_are_replaced() {
    let source = "192.0.2.9".parse().unwrap();
    for (via, expected) in [
        (
            "SIP/2.0/UDP a;branch=z9hG4bKx;rport",
            "SIP/2.0/UDP a;branch=z9hG4bKx;received=192.0.2.9;rport=4000",
        ),
        (
            "SIP/2.0/UDP a;rport ;branch=z9hG4bKx",
            "SIP/2.0/UDP a ;branch=z9hG4bKx;received=192.0.2.9;rport=4000",
        ),
        (
            "SIP/2.0/UDP a;received=10.0.0.1;rport=1;branch=x",
            "SIP/2.0/UDP a;branch=x;received=192.0.2.9;rport=4000",
        ),
        (
            "SIP/2.0/UDP a;rport, SIP/2.0/UDP b",
            "SIP/2.0/UDP a;received=192.0.2.9;rport=4000, SIP/2.0/UDP b",
        ),
    ] {
        let buf = request(&REQUEST.replace("SIP/2.0/UDP a.example.com;branch=z9hG4bKx", via));
        let mut edits = buf.view().edit();
        edits.note_source(Some(source), Some(4000)).unwrap();
        let out = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
        assert_eq!(out.headers().get(HeaderName::VIA), Some(expected));
    }
    let v6 = request(REQUEST);
    let mut edits = v6.view().edit();
    edits.note_source(Some("2001:db8::1".parse().unwrap()), None).unwrap();
    let out = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
    let via = out.headers().typed::<Via<'_>>().unwrap().unwrap();
    assert_eq!(via.received(), "2001:db8::1".parse().ok());
}

#[test]
fn replies_copy_what_they_must() {
    let text = with("Via: SIP/2.0/UDP b\r\nTimestamp: 54");
    let buf = request(&text);
    let reply = ResponseBuf::reply_to(buf.view(), StatusCode::OK, Some("local")).build().unwrap();
    let headers = reply.headers();
    assert_eq!(headers.rows(HeaderName::VIA).count(), 2);
    assert_eq!(headers.get(HeaderName::TO), Some("<sip:bob@example.com>;tag=local"));
    assert_eq!(headers.get(HeaderName::TIMESTAMP), None);
    assert_eq!(reply.view().validate(), Ok(()));
    // 100 has no tag of its own; a tag that is there stays; an empty one is never written.
    let trying =
        ResponseBuf::reply_to(buf.view(), StatusCode::TRYING, Some("local")).build().unwrap();
    assert_eq!(trying.headers().get(HeaderName::TO), Some("<sip:bob@example.com>"));
    assert_eq!(trying.headers().get(HeaderName::TIMESTAMP), Some("54"));
    let tagged =
        request(&REQUEST.replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=r"));
    let reply =
        ResponseBuf::reply_to(tagged.view(), StatusCode::OK, Some("local")).build().unwrap();
    assert_eq!(reply.headers().get(HeaderName::TO), Some("<sip:bob@example.com>;tag=r"));
    let reply = ResponseBuf::reply_to(buf.view(), StatusCode::OK, Some("")).build().unwrap();
    assert_eq!(reply.headers().get(HeaderName::TO), Some("<sip:bob@example.com>"));
}

/// Names may be compact or in any case, and white space may be odd: what is written is read the same,
/// and only letters' case is the peer's.
#[test]
fn replies_write_out_names_and_white_space() {
    let odd = REQUEST
        .replace("Via: ", "v:")
        .replace("From: ", "FROM:\t")
        .replace("Call-ID: ", "call-id: ")
        .replace("CSeq: ", "CSEQ :  ");
    let buf = request(&odd);
    let reply = ResponseBuf::reply_to(buf.view(), StatusCode::OK, None).build().unwrap();
    let expected = "SIP/2.0 200 OK\r\n\
        Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKx\r\n\
        From: <sip:alice@example.com>;tag=1\r\n\
        To: <sip:bob@example.com>\r\n\
        Call-ID: 1@a\r\n\
        CSeq: 1 MESSAGE\r\n\
        Content-Length: 0\r\n\r\n";
    let written = core::str::from_utf8(reply.as_bytes()).unwrap();
    assert!(written.eq_ignore_ascii_case(expected), "{written}");
    assert_eq!(ResponseBuf::parse(reply.as_bytes().to_vec()).as_ref(), Ok(&reply));
    // Without any white space that is odd, the case is the peer's.
    let cased = request(&REQUEST.replace("Call-ID: ", "call-id: "));
    let reply = ResponseBuf::reply_to(cased.view(), StatusCode::OK, None).build().unwrap();
    assert!(reply.as_bytes().windows(14).any(|w| w == b"\r\ncall-id: 1@a"));
}

#[test]
fn builders_refuse_injection() {
    let build = |b: RequestBuilder| b.build().map(|_| ());
    let start = || RequestBuf::build(Method::Options, "sip:a@b");
    for value in ["a\r\nEvil: b", "a\nb", "a\rb", "a\0b"] {
        assert_eq!(
            build(start().header(HeaderName::SUBJECT, value)),
            Err(BuildError::LineEnd(HeaderName::SUBJECT))
        );
        assert_eq!(build(start().named("X-A", value)), Err(BuildError::OtherLineEnd));
        assert!(build(RequestBuf::build(Method::Options, format!("sip:{value}"))).is_err());
        assert!(ResponseBuf::build_with_reason(StatusCode::OK, value).build().is_err());
    }
    assert_eq!(build(start().named("X A", "b")), Err(BuildError::Token));
    assert_eq!(build(start().named("L", "b")), Err(BuildError::ContentLength));
    assert_eq!(
        build(start().header(HeaderName::CONTENT_LENGTH, 3)),
        Err(BuildError::ContentLength)
    );
    assert_eq!(build(RequestBuf::build(Method::Other("A B"), "sip:a")), Err(BuildError::Token));
    assert_eq!(build(RequestBuf::build(Method::Options, "")), Err(BuildError::Uri));
}

#[test]
fn tel_and_unknown_schemes_in_the_request_line() {
    for uri in ["tel:+12015550123", "urn:service:sos", "soap.beep://192.0.2.103:3002"] {
        let buf = request(
            &REQUEST.replace("MESSAGE sip:bob@example.com SIP", &format!("MESSAGE {uri} SIP")),
        );
        assert_eq!(buf.view().validate(), Ok(()));
        assert!(!matches!(buf.view().uri().unwrap(), Uri::Sip(_)));
    }
}

#[test]
fn every_name_is_found_by_itself_and_its_compact_form() {
    let mut id = 1;
    while let Some(name) = HeaderName::from_id(id) {
        assert_eq!(HeaderName::from_bytes(name.as_str().as_bytes()), Some(name));
        assert_eq!(
            HeaderName::from_bytes(name.as_str().to_ascii_uppercase().as_bytes()),
            Some(name)
        );
        if let Some(compact) = name.compact() {
            assert_eq!(HeaderName::from_bytes(compact.as_bytes()), Some(name));
        }
        assert!(!(name.is_list() && name.is_single()), "{name}");
        id += 1;
    }
    assert_eq!(id, 80);
}
