//! What users of other stacks reported, as tests of this one: messages. Machines are in
//! `user_reports_machines.rs`. Each report has a number; some have their tests beside the code.
//!
//! | report | what | test |
//! |---|---|---|
//! | 1 | `#` and other raw characters in the user part | `report_01_..` here; `accept_list.rs` |
//! | 2 | numeric host labels | `report_02_..` here; `accept_list.rs` |
//! | 3 | bare LF must not hang or smuggle | `report_03_..` here; `bad_input.rs` |
//! | 4 | newline before `>`, folded challenges | `report_04_..` here and in `user_reports_machines.rs` |
//! | 5 | compact forms | `report_05_..` here |
//! | 6 | tel and urn in request URI, Contact and P-headers | `report_06_..` here |
//! | 7 | colons in parameters and bodies | `report_07_..` here |
//! | 8 | commas that do not separate | `report_08_..` here |
//! | 9 | malformed headers that are known | `report_09_..` here |
//! | 10 | lazy reading | `report_10_..` here |
//! | 11 | large messages, limits at run time | `report_11_..` here |
//! | 12 | several challenges and algorithms | `report_12_..` in `user_reports_machines.rs`; `ua::tests::traps::trap_25_..` |
//! | 13 | CANCEL | `report_13_..` in `user_reports_machines.rs`; `ua::tests::traps::user_report_13_..` |
//! | 14 | forks | `ua::tests::traps::user_report_14_..`, `dialog::tests::user_report_14_..` |
//! | 15 | ACK | `report_15_..` in `user_reports_machines.rs`; `ua::tests::traps::user_report_15_..` |
//! | 16 | NOTIFY before the 2xx | `ua::tests::traps::trap_26_a_notify_may_come_before_the_202` |
//! | 17 | one's own binding among many | `report_17_..` in `user_reports_machines.rs`; `ua::tests::registration::user_report_17_..` |
//! | 18 | Record-Route: all of it copied, `lr` honoured | `report_18_..` in `user_reports_machines.rs`; `ua::tests::traps::user_report_18_..` |
//! | 19 | streams | `report_19_..` here |
//! | 20 | MESSAGE, CPIM, receipts, typing notices | `report_20_..` in `user_reports_machines.rs`; `ua::tests::messages::user_report_20_..`, `simple::iscomposing::tests::user_report_20_..` |
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests state what must hold"
)]

use proto_wire::{Limits, ParseErrorKind};
use sip_proto::headers::{
    Accept, Contact, From, InReplyTo, NameAddr, PAssociatedUri, Route, To, Via, Warning,
    WwwAuthenticate,
};
use sip_proto::stream::{Framed, Framer};
use sip_proto::{HeaderName, Method, RequestBuf, ResponseBuf, StatusCode, TypedHeader, Uri};

const HEAD: &str = "Via: SIP/2.0/UDP h:5060;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
    To: <sip:b@h>\r\nCall-ID: 1@h\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n";

fn with(extra: &str) -> RequestBuf {
    RequestBuf::parse(format!("MESSAGE sip:b@h SIP/2.0\r\n{HEAD}{extra}\r\n\r\n")).unwrap()
}

/// onsip/SIP.js#560: all phones handle it.
#[test]
fn report_01_a_hash_in_the_user_part() {
    for user in ["*72#9", "#31#0123", "a#b?c", "me^you", "[x]", "100%"] {
        let text = format!("MESSAGE sip:{user}@h SIP/2.0\r\n{HEAD}Contact: <sip:{user}@h>\r\n\r\n");
        let request = RequestBuf::parse(text).unwrap();
        assert_eq!(request.view().validate(), Ok(()), "{user}");
        let uri = request.view().uri().unwrap();
        assert_eq!(uri.as_sip().unwrap().user, Some(user));
        // It is forwarded as it came.
        let reply = ResponseBuf::reply_to(request.view(), StatusCode::OK, None)
            .header(HeaderName::CONTACT, request.headers().get(HeaderName::CONTACT).unwrap())
            .build()
            .unwrap();
        assert_eq!(reply.headers().get(HeaderName::CONTACT), Some(&*format!("<sip:{user}@h>")));
    }
}

/// SIP.js#1055, kbalt/ezk#10: containers' ids, and the numbers of GB28181.
#[test]
fn report_02_hosts_made_of_digits() {
    for host in ["3402000000", "4a7f21c09d11", "12.34", "1.2.3.4.5", "256.1.1.1", "my_host"] {
        let text = format!("sip:34020000001110000001@{host}:5070;transport=tcp");
        let uri = Uri::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{host}: {e}"));
        let sip = uri.as_sip().unwrap();
        assert_eq!((sip.host.name(), sip.port), (Some(host), Some(5070)), "{host}");
        let via = format!("SIP/2.0/UDP {host};branch=z9hG4bK1");
        assert_eq!(Via::parse(via.as_bytes()).unwrap().sent_by.host.name(), Some(host));
    }
    // What looks like an address is one.
    assert!(Uri::parse(b"sip:10.0.0.1").unwrap().as_sip().unwrap().host.ip().is_some());
}

/// aboutsip/pkts#110: a reader looped for ever. siphon-sip#237: two readers saw two messages.
#[test]
fn report_03_bare_line_feeds_end_lines_for_every_reader_alike() {
    let text = format!("MESSAGE sip:b@h SIP/2.0\r\n{HEAD}Content-Length: 4\r\n\r\nbody");
    for odd in [
        text.replace("\r\n", "\n"),
        text.replacen("\r\n", "\n", 3),
        // Only the empty line is odd.
        text.replace("4\r\n\r\nbody", "4\r\n\nbody"),
        text.replace("4\r\n\r\nbody", "4\n\r\nbody"),
    ] {
        let datagram = RequestBuf::parse(odd.clone()).unwrap();
        assert_eq!(&datagram.body()[..], b"body", "{odd:?}");
        let mut framer = Framer::new(Limits::DEFAULT);
        framer.push(odd.as_bytes());
        let Some(Ok(Framed::Message(framed))) = framer.next_item() else { panic!("{odd:?}") };
        assert_eq!(framed.view().as_bytes(), datagram.as_bytes());
        assert_eq!((framer.next_item(), framer.buffered()), (None, 0));
    }
}

/// pjproject#2724: a whole REGISTER was dropped for a newline before `>`.
#[test]
fn report_04_folds_in_odd_places() {
    let odd = "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP\r\n h:5060;branch=z9hG4bK1\r\n\
        From: \"A\"\r\n\t<sip:a@h\r\n >\r\n ;tag=1\r\nTo: <sip:b@h\r\n\t>\r\nCall-ID:\r\n 1@h\r\n\
        CSeq: 1\r\n MESSAGE\r\nMax-Forwards:\r\n\t70\r\n\r\n";
    let request = RequestBuf::parse(odd).unwrap();
    assert_eq!(request.view().validate(), Ok(()));
    let from = request.headers().typed::<From<'_>>().unwrap().unwrap();
    assert_eq!((from.uri().unwrap().as_str(), from.tag()), ("sip:a@h", Some("1")));
    assert_eq!(request.headers().get(HeaderName::CALL_ID), Some("1@h"));
    // doubango#27.
    let challenge =
        "WWW-Authenticate: Digest\r\n realm=\"a\r\n b\",\r\n\tnonce=\"n\",\r\n qop=\"auth\"";
    let row = with(challenge);
    let row = row.headers().typed::<WwwAuthenticate<'_>>().unwrap().unwrap();
    let digest = row.digests().next().unwrap();
    assert_eq!((&*digest.realm, &*digest.nonce), ("a b", "n"));
}

/// rsip#42, pjproject#188.
#[test]
fn report_05_compact_forms_and_long_ones_are_the_same() {
    for (compact, long) in [
        ("a", "Accept-Contact"),
        ("b", "Referred-By"),
        ("c", "Content-Type"),
        ("d", "Request-Disposition"),
        ("e", "Content-Encoding"),
        ("f", "From"),
        ("i", "Call-ID"),
        ("j", "Reject-Contact"),
        ("k", "Supported"),
        ("l", "Content-Length"),
        ("m", "Contact"),
        ("n", "Identity-Info"),
        ("o", "Event"),
        ("r", "Refer-To"),
        ("s", "Subject"),
        ("t", "To"),
        ("u", "Allow-Events"),
        ("v", "Via"),
        ("x", "Session-Expires"),
        ("y", "Identity"),
    ] {
        let upper = compact.to_ascii_uppercase();
        for name in [compact, &upper] {
            let found = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!((found.as_str(), found.compact()), (long, Some(compact)), "{name}");
        }
    }
    let compact = "MESSAGE sip:b@h SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK1\r\nf:<sip:a@h>;tag=1\r\n\
        t:<sip:b@h>\r\ni:1@h\r\nCSeq:1 MESSAGE\r\nMax-Forwards:70\r\nc:text/plain\r\nL:2\r\n\r\nhi";
    let request = RequestBuf::parse(compact).unwrap();
    assert_eq!(request.view().validate(), Ok(()));
    assert_eq!(&request.body()[..], b"hi");
    let mixed = with("v: SIP/2.0/UDP second;branch=z9hG4bK2");
    assert_eq!(mixed.headers().values::<Via<'_>>().count(), 2);
}

/// SIP.js#953, sipwise/sems#18, pjproject#1139, resiprocate#477.
#[test]
fn report_06_telephone_numbers_and_names_wherever_a_uri_may_stand() {
    for uri in ["tel:+12015550123", "tel:7042;phone-context=example.com", "urn:service:sos.fire"] {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\n{}P-Associated-URI: <sip:a@h>, <{uri}>\r\nContact: <{uri}>\r\n\
             To: <{uri}>\r\n\r\n",
            HEAD.replace("To: <sip:b@h>\r\n", "").replace("MESSAGE", "INVITE")
        );
        let request = RequestBuf::parse(text).unwrap();
        assert_eq!(request.view().validate(), Ok(()), "{uri}");
        assert_eq!(request.view().uri().unwrap().as_str(), uri);
        let headers = request.headers();
        let associated: Vec<_> =
            headers.values::<PAssociatedUri<'_>>().map(Result::unwrap).collect();
        assert_eq!(associated[1].uri().unwrap().as_str(), uri);
        let Some(Contact::Address(contact)) = headers.typed::<Contact<'_>>().unwrap() else {
            panic!()
        };
        assert_eq!(contact.uri().unwrap().as_str(), uri);
        assert_eq!(headers.typed::<To<'_>>().unwrap().unwrap().uri().unwrap().as_str(), uri);
    }
}

/// rsip#55, rsipstack#106: the value was cut at the colon. rsip#28: a body spoilt the headers.
#[test]
fn report_07_colons_in_parameters_and_bodies() {
    let uri = Uri::parse(b"sip:a@h;gr=urn:uuid:f81d4fae-7dec;x=a:b:c").unwrap();
    let sip = uri.as_sip().unwrap();
    assert_eq!(sip.param("gr"), Some("urn:uuid:f81d4fae-7dec"));
    assert_eq!(sip.param("x"), Some("a:b:c"));
    let contact =
        NameAddr::parse(b"<sip:a@h>;+sip.instance=\"<urn:uuid:1>\";received=\"sip:1.2.3.4:5\"");
    let contact = contact.unwrap();
    assert_eq!(contact.params().value(b"received"), Some(&b"\"sip:1.2.3.4:5\""[..]));
    let body = "a: b\r\nc=IN IP4 1.2.3.4\r\nFrom: nobody\r\n\r\nx: y";
    let text =
        format!("MESSAGE sip:b@h SIP/2.0\r\n{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
    let request = RequestBuf::parse(text).unwrap();
    assert_eq!((request.headers().len(), &request.body()[..]), (7, body.as_bytes()));
    assert_eq!(request.headers().rows(HeaderName::FROM).count(), 1);
}

/// ersip#17, ersip#49, JsSIP#11, sipcore#8, php-sip#21, pkts#88.
#[test]
fn report_08_commas_that_do_not_separate() {
    let request = with(
        "Contact: \"Smith, J\" <sip:j@h;x=a,b>;q=0.5;y=\"1,2\" , <sip:k@h>\r\n\
         Via: SIP/2.0/UDP p1;branch=z9hG4bK2 , SIP/2.0/TCP p2;branch=\"z9,hG\"\r\n\
         Warning: 307 isi.edu \"a, b\", 399 h \"c\"\r\nSubject: one, two, three\r\n\
         Accept: text/plain, , */*;q=0.1,\r\nIn-Reply-To: a@h,b@h",
    );
    let headers = request.headers();
    let contacts: Vec<_> = headers.values::<Contact<'_>>().map(Result::unwrap).collect();
    assert_eq!(contacts.len(), 2);
    assert_eq!(contacts[0].address().unwrap().display().unwrap(), "Smith, J");
    assert_eq!(contacts[0].address().unwrap().uri().unwrap().as_str(), "sip:j@h;x=a,b");
    assert_eq!(headers.values::<Via<'_>>().count(), 3);
    let warnings: Vec<_> = headers.values::<Warning<'_>>().map(Result::unwrap).collect();
    assert_eq!((warnings.len(), warnings[0].text), (2, "a, b"));
    assert_eq!(headers.get(HeaderName::SUBJECT), Some("one, two, three"));
    assert_eq!(headers.values::<Accept<'_>>().count(), 2);
    assert_eq!(headers.values::<InReplyTo<'_>>().count(), 2);
    // A To with a comma in its name is one value.
    let to = RequestBuf::parse(
        format!("MESSAGE sip:b@h SIP/2.0\r\n{HEAD}\r\n").replace("<sip:b@h>", "\"B, b\" <sip:b@h>"),
    );
    let to = to.unwrap();
    assert_eq!(to.headers().typed::<To<'_>>().unwrap().unwrap().display().unwrap(), "B, b");
    // One Via is popped, not its row.
    let row = with("Route: <sip:p1;lr>,<sip:p2;lr>,<sip:p3;lr>");
    let mut edits = row.view().edit();
    edits.pop_route().unwrap();
    let popped = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
    assert_eq!(popped.headers().get(HeaderName::ROUTE), Some("<sip:p2;lr>,<sip:p3;lr>"));
    assert_eq!(popped.headers().values::<Route<'_>>().count(), 2);
}

/// kirm/sip.js#136, resiprocate#311: the exception came when the value was used.
#[test]
fn report_09_a_malformed_header_is_an_error_when_it_is_read_and_never_later() {
    for (row, name) in [
        ("From: <sip:>;sip:;", HeaderName::FROM),
        ("To: \"open <sip:b@h>", HeaderName::TO),
        ("Via: SIP/2.0/UDP :5060", HeaderName::VIA),
        ("CSeq: MESSAGE", HeaderName::CSEQ),
        ("Call-ID: a b", HeaderName::CALL_ID),
        ("Contact: <sip:a@h", HeaderName::CONTACT),
        ("Route: sip:a@h?x=y", HeaderName::ROUTE),
        ("Content-Type: x", HeaderName::CONTENT_TYPE),
    ] {
        let kept: String =
            HEAD.split_inclusive("\r\n").filter(|line| !line.starts_with(name.as_str())).collect();
        let text = format!("MESSAGE sip:b@h SIP/2.0\r\n{kept}{row}\r\n\r\n");
        let request = RequestBuf::parse(text).unwrap();
        let objection = request.view().validate().unwrap_err();
        assert_eq!((objection.header, objection.status.as_u16()), (Some(name), 400), "{row}");
    }
    // Every accessor of what was read gives a value or nothing.
    let odd = NameAddr::parse(b"<sip:>;sip:;").unwrap();
    assert!(odd.uri().is_err() && odd.tag().is_none() && odd.display().is_none());
    assert_eq!(odd.params().count(), 1);
}

/// emiago/sipgo#21: who only routes should not pay for what he does not look at; nor be stopped by it.
#[test]
fn report_10_what_is_not_looked_at_costs_nothing_and_stops_nothing() {
    let request =
        with("Date: soon\r\nWarning: x\r\nSession-Expires: never\r\nRefer-To: <<\r\nRAck: 1");
    assert_eq!(request.view().validate(), Ok(()));
    let mut edits = request.view().edit();
    edits.push_via("SIP/2.0/UDP p;branch=z9hG4bK9").unwrap();
    let forwarded = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
    assert_eq!(forwarded.headers().get(HeaderName::DATE), Some("soon"));
    assert!(forwarded.headers().typed::<sip_proto::headers::Date>().is_err());
}

/// asterisk#956: an INVITE of more than 4,000 bytes was cut; a URI could have 256.
#[test]
fn report_11_limits_are_set_at_run_time_and_nothing_is_cut() {
    let long_uri = format!("sip:{}@h", "u".repeat(3000));
    let body = "b".repeat(20_000);
    let many =
        (0..60).fold(String::new(), |all, n| all + &format!("X-Row-{n}: {}\r\n", "v".repeat(80)));
    let text = format!(
        "MESSAGE {long_uri} SIP/2.0\r\n{HEAD}{many}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let request = RequestBuf::parse(text.clone()).unwrap();
    assert_eq!((request.view().validate(), request.headers().len()), (Ok(()), 67));
    assert_eq!(request.view().uri_bytes().len(), 3006);
    assert_eq!((request.body().len(), request.as_bytes().len()), (20_000, text.len()));
    let mut index = sip_proto::Index::new();
    for (limits, fits) in [
        (Limits::DEFAULT.with_body_max(20_000), true),
        (Limits::DEFAULT.with_body_max(19_999), false),
        (Limits::DEFAULT.with_header_count_max(67), true),
        (Limits::DEFAULT.with_header_count_max(66), false),
    ] {
        let parsed = sip_proto::Message::parse_datagram(text.as_bytes(), &mut index, &limits);
        match parsed {
            Ok(_) => assert!(fits),
            Err(e) => assert!(!fits && matches!(e.kind(), ParseErrorKind::Limit(_)), "{e}"),
        }
    }
}

/// sipgo#344: the rest of a bad message was grafted onto the next. sipgo#357: CRLF within a header was
/// eaten. sipnab#95: several messages in one segment. pjproject#482.
#[test]
fn report_19_streams_give_every_message_and_none_that_is_not_there() {
    let one = |n: u32, body: &str| {
        let head = HEAD.replace("Call-ID: 1@h", &format!("Call-ID: {n}@h"));
        format!("MESSAGE sip:b@h SIP/2.0\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    let stream =
        format!("{}{}\r\n\r\n{}", one(1, "\r\n\r\n"), one(2, ""), one(3, "MESSAGE x SIP/2.0"));
    let ids = |chunks: &mut dyn Iterator<Item = &[u8]>| {
        let mut framer = Framer::new(Limits::DEFAULT);
        let mut out = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(item) = framer.next_item() {
                out.push(match item {
                    Ok(Framed::Message(m)) => {
                        m.view().headers().get(HeaderName::CALL_ID).unwrap().to_owned()
                    }
                    Ok(other) => format!("{other:?}"),
                    Err(e) => format!("error {}", e.kind()),
                });
            }
        }
        out
    };
    let wanted = ["1@h", "2@h", "Ping", "3@h"];
    assert_eq!(ids(&mut core::iter::once(stream.as_bytes())), wanted);
    assert_eq!(ids(&mut stream.as_bytes().chunks(1)), wanted);
    // Cut between CR and LF of a header line, and within the empty line.
    for cut in [stream.find("\r\nFrom").unwrap() + 1, stream.find("\r\n\r\n").unwrap() + 3] {
        let (a, b) = stream.as_bytes().split_at(cut);
        assert_eq!(ids(&mut [a, b].into_iter()), wanted, "{cut}");
    }
    let bad = format!("{}{}{}", one(1, ""), "MESSAGE sip:b@h SIP/2.0\r\nl: x\r\n\r\n", one(3, ""));
    let told = ids(&mut bad.as_bytes().chunks(7));
    assert_eq!((told.len(), &*told[0]), (2, "1@h"));
    assert!(told[1].starts_with("error"), "{told:?}");
    assert_eq!(Method::parse(b"MESSAGE"), Ok(Method::Message));
}
