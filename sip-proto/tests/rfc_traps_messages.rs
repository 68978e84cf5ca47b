//! Where readers of the RFCs fall in: messages. Machines are in `rfc_traps_machines.rs`, which has the
//! traps 1 to 13 and from 22. Each trap has a number.
//!
//! | trap | what | test |
//! |---|---|---|
//! | 14 | strict routing, `lr=on` | `trap_14_..` here; `dialog::tests::trap_14_..`, `ua::tests::traps::trap_14_..` |
//! | 15 | lists of Via, `received`, `rport` | `trap_15_..` here; `endpoint::tests::responses_go_where_via_says` |
//! | 16 | which headers are lists, what protects a comma | `trap_16_..` here |
//! | 17 | name-addr and addr-spec | `trap_17_..` here; `dialog::tests::trap_17_..` |
//! | 18 | comparing URIs | `trap_18_..` here; `uri::tests::rfc_3261_19_1_4_..` |
//! | 19 | what has case | `trap_19_..` here |
//! | 20 | escapes | `trap_20_..` here |
//! | 21 | Content-Length | `trap_21_..` here; `bad_input.rs` |
//! | 32 | sips | `trap_32_..` here; `validate_statuses.rs` |
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests state what must hold"
)]

use proto_wire::{Limits, ParseErrorKind};
use sip_proto::dialog::{Dialog, State};
use sip_proto::headers::{Contact, From, NameAddr, Route, Transport, Via, WwwAuthenticate};
use sip_proto::message::Screen;
use sip_proto::stream::{Framed, Framer};
use sip_proto::{HeaderName, Method, RequestBuf, ResponseBuf, StatusCode, TypedHeader, Uri};

const HEAD: &str = "Via: SIP/2.0/UDP h:5060;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
    To: <sip:b@h>\r\nCall-ID: 1@h\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:a@c>\r\n";

fn invite(extra: &str) -> RequestBuf {
    RequestBuf::parse(format!("INVITE sip:b@h SIP/2.0\r\n{HEAD}{extra}\r\n\r\n")).unwrap()
}

fn uri(text: &str) -> Uri<'_> {
    Uri::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn trap_14_a_loose_router_is_one_with_any_value_and_a_strict_one_gets_itself() {
    for (route, loose) in [
        ("<sip:p;lr>", true),
        ("<sip:p;lr=on>", true),
        ("<sip:p;LR>", true),
        ("<sip:p;transport=tcp;lr=true>", true),
        ("<sip:p>", false),
        ("<sip:p;xlr>", false),
        // Behind the bracket it is the header's.
        ("<sip:p>;lr", false),
    ] {
        let parsed = Route::parse(route.as_bytes()).unwrap();
        let uri = parsed.uri().unwrap();
        assert_eq!(uri.as_sip().unwrap().is_loose_router(), loose, "{route}");
    }
    let request = invite("Record-Route: <sip:strict>, <sip:last;lr>");
    let mut dialog = Dialog::uas(request.view(), "t", State::Confirmed).unwrap();
    let bye = dialog.request(Method::Bye).unwrap().build().unwrap();
    assert_eq!(bye.view().uri_bytes(), b"sip:strict");
    let routes: Vec<_> = bye.headers().all(HeaderName::ROUTE).collect();
    assert_eq!(routes.join(","), "<sip:last;lr>,<sip:a@c>");
}

#[test]
fn trap_15_one_value_of_via_is_popped_and_its_row_stays() {
    let request = RequestBuf::parse(
        "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP one;branch=z9hG4bK1 , SIP/2.0/TCP two;x=\"a,b\"\r\n\
         v: SIP/2.0/TLS three\r\n\r\n",
    );
    let request = request.unwrap();
    let names = |r: &RequestBuf| -> Vec<String> {
        r.headers().values::<Via<'_>>().map(|v| v.unwrap().sent_by.host.to_string()).collect()
    };
    assert_eq!(names(&request), ["one", "two", "three"]);
    let mut rest = request;
    for left in [&["two", "three"][..], &["three"], &[]] {
        let mut edits = rest.view().edit();
        edits.pop_via().unwrap();
        rest = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
        assert_eq!(names(&rest), left);
    }
    assert!(rest.view().edit().pop_via().is_err());
}

#[test]
fn trap_15_received_and_rport_are_filled_in_where_they_belong() {
    let note = |via: &str, received, rport| {
        let text =
            format!("OPTIONS sip:b@h SIP/2.0\r\nVia: {via}\r\nVia: SIP/2.0/UDP z;rport\r\n\r\n");
        let request = RequestBuf::parse(text).unwrap();
        let mut edits = request.view().edit();
        edits.note_source(received, rport).unwrap();
        let out = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
        let rows: Vec<_> = out.headers().all(HeaderName::VIA).map(str::to_owned).collect();
        assert_eq!(rows[1], "SIP/2.0/UDP z;rport", "only the top one");
        rows[0].clone()
    };
    let here = "192.0.2.9".parse().ok();
    assert_eq!(
        note("SIP/2.0/UDP a;branch=z9hG4bK1", here, None),
        "SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.9"
    );
    let filled = note("SIP/2.0/UDP a;rport;branch=z9hG4bK1", here, Some(4000));
    let via = Via::parse(filled.as_bytes()).unwrap();
    assert_eq!((via.received(), via.rport()), (here, Some(Some(4000))));
    assert_eq!(via.params().filter(|p| p.is(b"rport")).count(), 1, "{filled}");
    // What the sender wrote there himself is a forgery.
    let forged = note("SIP/2.0/UDP a;received=10.0.0.1;branch=z9hG4bK1", here, None);
    assert_eq!(Via::parse(forged.as_bytes()).unwrap().received(), here);
    assert!(!forged.contains("10.0.0.1"));
}

#[test]
fn trap_16_lists_are_lists_and_nothing_else_is() {
    for (name, list) in [
        (HeaderName::VIA, true),
        (HeaderName::CONTACT, true),
        (HeaderName::ROUTE, true),
        (HeaderName::RECORD_ROUTE, true),
        (HeaderName::SUPPORTED, true),
        (HeaderName::ALLOW, true),
        (HeaderName::WARNING, true),
        (HeaderName::TO, false),
        (HeaderName::FROM, false),
        (HeaderName::CALL_ID, false),
        (HeaderName::DATE, false),
        (HeaderName::SUBJECT, false),
        (HeaderName::WWW_AUTHENTICATE, false),
        (HeaderName::PROXY_AUTHENTICATE, false),
        (HeaderName::AUTHORIZATION, false),
        (HeaderName::PROXY_AUTHORIZATION, false),
        (HeaderName::AUTHENTICATION_INFO, false),
        (HeaderName::CONTENT_TYPE, false),
        (HeaderName::CONTENT_LENGTH, false),
        (HeaderName::ORGANIZATION, false),
        (HeaderName::USER_AGENT, false),
    ] {
        assert_eq!(name.is_list(), list, "{name}");
    }
    let response = ResponseBuf::parse(
        "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b, c\", qop=\"auth,auth-int\"\r\n\
         WWW-Authenticate: Digest realm=\"d\", nonce=\"e\", Basic realm=\"f\"\r\n\
         Contact: \"a, \\\"b\\\"\" <sip:a@h>, <sip:c,d@h;x=\"y,z\">, sip:e@h;q=0.1\r\n\
         Call-Info: <http://x/a,b> ;purpose=icon, <http://y>\r\n\r\n",
    );
    let response = response.unwrap();
    let rows: Vec<_> =
        response.headers().values::<WwwAuthenticate<'_>>().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(&*rows[0].digests().next().unwrap().nonce, "b, c");
    let schemes: Vec<_> = rows[1].challenges().map(|c| c.scheme()).collect();
    assert_eq!(schemes, ["Digest", "Basic"], "several in one row exist in the wild");
    assert_eq!(response.headers().values::<Contact<'_>>().count(), 3);
    assert_eq!(response.headers().values::<sip_proto::headers::CallInfo<'_>>().count(), 2);
}

#[test]
fn trap_17_without_brackets_parameters_are_the_headers_and_with_them_the_uris() {
    let of = |text: &'static str| NameAddr::parse(text.as_bytes()).unwrap();
    let bare = of("sip:a@h;transport=tcp;tag=1");
    assert_eq!((bare.uri_bytes(), bare.params().count()), (&b"sip:a@h"[..], 2));
    let bracketed = of("<sip:a@h;transport=tcp>;tag=1");
    assert_eq!(bracketed.uri().unwrap().as_sip().unwrap().param("transport"), Some("tcp"));
    assert_eq!((bracketed.params().count(), bracketed.tag()), (1, Some("1")));
    // RFC 8217: a bare URI may hold no `?` and no comma.
    assert!(NameAddr::parse(b"sip:a@h?subject=x").is_err());
    assert!(NameAddr::parse(b"sip:a,b@h").is_err());
    assert!(of("<sip:a@h?subject=x>").uri().unwrap().as_sip().unwrap().has_headers());
    // A request URI has no brackets and, in the strict profile, no headers.
    for (text, good) in [("sip:b@h", true), ("<sip:b@h>", false)] {
        let text = format!("INVITE {text} SIP/2.0\r\n{HEAD}\r\n");
        assert_eq!(RequestBuf::parse(text).unwrap().view().validate().is_ok(), good);
    }
    // A quoted name may hold what would end an address.
    let odd = of("\"<sip:x@y>;tag=2\" <sip:a@h>;tag=1");
    assert_eq!((odd.uri_bytes(), odd.tag()), (&b"sip:a@h"[..], Some("1")));
}

#[test]
fn trap_18_comparison_is_exact_and_the_key_is_something_else() {
    for (a, b, same) in [
        // User and password have case, all else has none.
        ("sip:Alice:Pw@Host;Transport=TCP", "sip:Alice:Pw@hOST;transport=tcp", true),
        ("sip:alice@h", "sip:Alice@h", false),
        ("sip:a:pw@h", "sip:a:PW@h", false),
        // What is not there is not the default.
        ("sip:a@h", "sip:a@h:5060", false),
        ("sip:a@h", "sip:a@h;transport=udp", false),
        ("sip:a@h", "sip:a@h;user=phone", false),
        ("sip:a@h", "sip:a@h;ttl=1", false),
        ("sip:a@h", "sip:a@h;method=INVITE", false),
        ("sip:a@h", "sip:a@h;maddr=h", false),
        // Others count only when both have them.
        ("sip:a@h", "sip:a@h;x=y", true),
        ("sip:a@h;x=y", "sip:a@h;x=z", false),
        ("sip:a@h;lr", "sip:a@h", true),
        // All headers count, in any order.
        ("sip:a@h?s=1&t=2", "sip:a@h?t=2&s=1", true),
        ("sip:a@h?s=1", "sip:a@h", false),
        // Escapes are what they stand for, but for reserved characters.
        ("sip:%41@h", "sip:A@h", true),
        ("sip:a%3Db@h", "sip:a=b@h", false),
        ("sip:a%3db@h", "sip:a%3Db@h", true),
        ("sip:[2001:db8::1]", "sip:[2001:DB8:0::1]", true),
    ] {
        assert_eq!(uri(a).equivalent(&uri(b)), same, "{a} {b}");
        assert_eq!(uri(b).equivalent(&uri(a)), same, "{b} {a}");
    }
    // Not transitive, so no key: the key of an address is written apart.
    let (x, none, z) = ("sip:a@h;x=1", "sip:a@h", "sip:a@h;x=2");
    assert!(uri(x).equivalent(&uri(none)) && uri(none).equivalent(&uri(z)));
    assert!(!uri(x).equivalent(&uri(z)));
    let key = |text| uri(text).as_sip().unwrap().address_key();
    assert!(key(x) == key(none) && key(none) == key(z));
}

#[test]
fn trap_19_what_has_case_and_what_has_none() {
    // Methods have: siphon took `invite` for INVITE.
    assert_eq!(Method::parse(b"invite"), Ok(Method::Other("invite")));
    // Call-ID, tags and branches are compared exactly.
    let one = invite("");
    let mut tagged = one.as_bytes().to_vec();
    let at = tagged.windows(5).position(|w| w == b"tag=1").unwrap();
    tagged[at + 4] = b'A';
    let upper = RequestBuf::parse(tagged).unwrap();
    let tag =
        |r: &RequestBuf| r.headers().typed::<From<'_>>().unwrap().unwrap().tag().map(str::to_owned);
    assert_eq!(tag(&upper).as_deref(), Some("A"));
    // Names of headers, parameters, transports, schemes and the version have none.
    let odd = "OPTIONS SIP:b@h sip/2.0\r\nVIA: sip/2.0/udp h;BRANCH=z9hG4bK1\r\nfRoM: <SIP:a@h>;TAG=1\r\n\
        TO: <sip:b@h>\r\ncall-id: 1@h\r\ncSEQ: 1 OPTIONS\r\nMAX-FORWARDS: 70\r\n\r\n";
    let odd = RequestBuf::parse(odd).unwrap();
    assert_eq!(odd.view().validate(), Ok(()));
    let via = odd.headers().typed::<Via<'_>>().unwrap().unwrap();
    assert_eq!((via.transport(), via.branch()), (Some(Transport::Udp), Some(&b"z9hG4bK1"[..])));
    assert_eq!(tag(&odd).as_deref(), Some("1"));
    assert_eq!(odd.view().uri().unwrap().scheme(), "sip");
    let wanted = [("100REL", true), ("100rel", true), ("100rel2", false)];
    for (tag, known) in wanted {
        let request = invite(&format!("Require: {tag}"));
        let screen = Screen::default().with_extensions(&["100rel"]);
        assert_eq!(request.view().validate_for(&screen).is_ok(), known, "{tag}");
    }
}

#[test]
fn trap_20_escapes_are_split_first_and_decoded_never_twice() {
    // %00 is legal; an escaped separator does not separate.
    let odd = uri("sip:nul%00-%40%3a%3b@h;p=%3bx?h=%26&i=%3d");
    let sip = odd.as_sip().unwrap();
    assert_eq!((sip.user, sip.password), (Some("nul%00-%40%3a%3b"), None));
    assert_eq!(sip.param("p"), Some("%3bx"));
    assert_eq!(sip.headers().count(), 2);
    // In tokens `%` is itself (RFC 4475 §3.1.1.7).
    let method = RequestBuf::parse(format!("RE%47IST%45R sip:h SIP/2.0\r\n{HEAD}\r\n")).unwrap();
    assert_eq!(method.view().method().as_str(), "RE%47IST%45R");
    let name = HeaderName::from_bytes(b"%56ia");
    assert_eq!(name, None);
    // What is forwarded keeps the escapes it came with.
    let request = invite("Route: <sip:%61%2F@p;lr>");
    let mut edits = request.view().edit();
    edits.push_via("SIP/2.0/UDP p").unwrap().set_uri("sip:b%2Fc@h").unwrap();
    let out = String::from_utf8(edits.to_bytes().unwrap().to_vec()).unwrap();
    assert!(out.contains("<sip:%61%2F@p;lr>") && out.starts_with("INVITE sip:b%2Fc@h SIP/2.0"));
    assert!(!uri("sip:a%2561@h").equivalent(&uri("sip:aa@h")), "decoded once");
}

#[test]
fn trap_21_where_a_message_ends_on_each_transport() {
    let with =
        |length: &str, body: &str| format!("INVITE sip:b@h SIP/2.0\r\n{HEAD}{length}\r\n{body}");
    let datagram = |length: &str, body: &str| {
        let request = RequestBuf::parse(with(length, body)).unwrap();
        let defect = request.view().defect().map(|d| d.kind());
        (String::from_utf8(request.body().to_vec()).unwrap(), defect)
    };
    let stream = |length: &str, body: &str| {
        let mut framer = Framer::new(Limits::DEFAULT);
        framer.push(with(length, body).as_bytes());
        match framer.next_item() {
            Some(Ok(Framed::Message(m))) => {
                Ok(Some(String::from_utf8(m.view().body().to_vec()).unwrap()))
            }
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(e)) => Err(e.kind()),
            None => Ok(None),
        }
    };
    let some = |text: &str| Ok(Some(text.to_owned()));
    const CONFLICT: ParseErrorKind = ParseErrorKind::ContentLengthConflict;
    const BAD: ParseErrorKind = ParseErrorKind::ContentLength;
    // Exactly as long as it says.
    assert_eq!(datagram("Content-Length: 4\r\n", "body"), ("body".into(), None));
    assert_eq!(stream("Content-Length: 4\r\n", "body"), some("body"));
    // Longer: ignored on a datagram, the next message on a stream.
    assert_eq!(datagram("l: 2\r\n", "body"), ("bo".into(), None));
    assert_eq!(stream("l: 2\r\n", "body"), some("bo"));
    // Shorter: 400 on a datagram, wait on a stream.
    let (body, defect) = datagram("L: 9\r\n", "body");
    assert_eq!((body.as_str(), defect), ("body", Some(ParseErrorKind::BodyTruncated)));
    assert_eq!(stream("L: 9\r\n", "body"), Ok(None));
    // Not there: the rest on a datagram, an error on a stream and not 0.
    assert_eq!(datagram("", "body"), ("body".into(), None));
    assert_eq!(stream("", "body"), Err(ParseErrorKind::MissingHeader));
    // Twice the same is one, twice different is none.
    assert_eq!(datagram("l: 4\r\nContent-Length: 4\r\n", "body"), ("body".into(), None));
    assert_eq!(stream("l: 4\r\nContent-Length: 4\r\n", "body"), some("body"));
    assert_eq!(datagram("l: 4\r\nContent-Length: 3\r\n", "body").1, Some(CONFLICT));
    assert_eq!(stream("l: 4\r\nContent-Length: 3\r\n", "body"), Err(CONFLICT));
    for odd in ["-1", "+4", "4.0", "0x4", "", "4 4", "99999999999999999999"] {
        let row = format!("Content-Length: {odd}\r\n");
        assert_eq!(datagram(&row, "body").1, Some(BAD), "{odd}");
        assert_eq!(stream(&row, "body"), Err(BAD), "{odd}");
    }
}

#[test]
fn trap_32_sips_is_another_scheme_and_never_downgraded() {
    assert!(!uri("sips:a@h").equivalent(&uri("sip:a@h")));
    assert_eq!(uri("SIPS:a@h").scheme(), "sips");
    let request = RequestBuf::parse(format!("INVITE sips:b@h SIP/2.0\r\n{HEAD}\r\n")).unwrap();
    let without_tls = Screen::default().with_schemes(&["sip"]);
    let refused = request.view().validate_for(&without_tls).unwrap_err();
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_URI_SCHEME);
    // A dialog whose INVITE came to a sips URI over TLS is secure.
    let dialog = Dialog::uas(request.view(), "t", State::Confirmed).unwrap();
    assert!(dialog.is_secure());
}
