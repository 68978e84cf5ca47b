//! What real programs do that is odd: each oddity that was seen on the wire of Kamailio 5.6, PJSIP 2.15,
//! SIPp 3.6, sipsak 0.9.8, baresip 1.0 and linphone 5.1 is read here, and the requests that were sent to
//! Kamailio to see what it makes of them are sent to our server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

mod common;

use common::*;
use sip_proto::endpoint::SipEvent;
use sip_proto::headers::{Accept, Contact, From, NameAddr, Supported, To, Via};
use sip_proto::home::{HomeEvent, HomeServer};
use sip_proto::message::{Oddity, Strictness};
use sip_proto::ua::Event;
use sip_proto::{HeaderName, Index, Message, RequestBuf, ResponseBuf};

fn probe(name: &str, change: impl Fn(String) -> String) -> (Hand<HomeServer>, u16) {
    let (mut home, name) = (home(false), name.replace(' ', "-"));
    let text = format!(
        "OPTIONS sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKedge;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@elsewhere.example>;tag=e1\r\nTo: <sip:192.0.2.1:5060>\r\n\
         Call-ID: {name}@192.0.2.9\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    home.receive(9, change(text));
    let status = home.status();
    (home, status)
}

/// The thirteen requests, Kamailio's answer, and ours where it differs by the RFC.
#[test]
fn the_requests_that_kamailio_was_asked() {
    let swap = |from: &'static str, to: &'static str| {
        move |text: String| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        }
    };
    let status = |name: &str, change: &dyn Fn(String) -> String| probe(name, change).1;
    assert_eq!(status("plain", &|t| t), 200);
    // Kamailio: 483; RFC 3261 §16.3 item 3 lets the last one answer OPTIONS.
    assert_eq!(status("no hops", &swap("Forwards: 70", "Forwards: 0")), 200);
    assert_eq!(status("no Max-Forwards", &swap("Max-Forwards: 70\r\n", "")), 200);
    assert_eq!(
        status("unregistered", &|t| t
            .replace("OPTIONS", "MESSAGE")
            .replace("sip:192.0.2.1:5060 SIP", "sip:bob@club.example SIP")
            .replace("Length: 0\r\n\r\n", "Length: 2\r\n\r\nhi")),
        404
    );
    // Kamailio: 484, since there is no user.
    assert_eq!(status("unknown method", &swap("OPTIONS", "FROBNICATE")), 405);
    // Kamailio: silence.
    assert_eq!(status("unknown version", &swap("SIP/2.0\r\nVia", "SIP/3.0\r\nVia")), 505);
    assert_eq!(status("another method in CSeq", &swap("1 OPTIONS", "1 INVITE")), 400);
    assert_eq!(status("too short", &swap("Length: 0\r\n\r\n", "Length: 50\r\n\r\nshort")), 400);
    // Kamailio: 420 even for what is for itself; there we are no proxy, and what we forward we refuse.
    let proxy_require = "Proxy-Require: org.example.nothing\r\nMax-";
    assert_eq!(status("extension for us", &swap("Max-", proxy_require)), 200);
    let (home, refused) = probe("extension", |t| {
        t.replace("OPTIONS", "MESSAGE")
            .replace("sip:192.0.2.1:5060 SIP", "sip:bob@club.example SIP")
            .replace("Max-", proxy_require)
    });
    assert_eq!(refused, 420);
    let unsupported = home.response();
    let unsupported = unsupported.headers().get(HeaderName::UNSUPPORTED);
    assert_eq!(unsupported, Some("org.example.nothing"));
    assert_eq!(
        status("unknown event", &|t| t
            .replace("OPTIONS", "SUBSCRIBE")
            .replace("Max-", "Event: nosuch\r\nMax-")),
        405
    );
    // Kamailio found no method in the folded CSeq and said nothing; the grammar has the fold.
    let compact = "OPTIONS sip:192.0.2.1:5060 SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKcompact;rport\r\n\
        f: \"A \\\" B\" <sip:alice@example.org>;tag=e1\r\nt:\r\n  <sip:192.0.2.1:5060>\r\n\
        i: compact@192.0.2.9\r\nCSeq:\t7\r\n  OPTIONS\r\nMAX-forwards   :  70\r\nl: 0\r\n\r\n";
    assert_eq!(status("compact", &|_| compact.to_owned()), 200);
    let (home, nothing) = probe("keep-alive", |_| "\r\n\r\n".to_owned());
    assert!(
        nothing == 0 && matches!(&home.events[..], [HomeEvent::Endpoint(SipEvent::Ping { .. })])
    );
    let (home, nothing) = probe("garbage", |_| "garbage\r\n\r\n".to_owned());
    assert!(
        nothing == 0 && matches!(&home.events[..], [HomeEvent::Endpoint(SipEvent::Refused { .. })])
    );
}

/// PJSIP: two spaces before the length, `;ob` and instances in contacts, its own proxy as Route.
#[test]
fn pjsip_pads_lengths_and_marks_its_contacts() {
    let text = "REGISTER sip:example.org SIP/2.0\r\n\
        Via: SIP/2.0/TCP 127.0.0.1:34877;rport;branch=z9hG4bKPjX;alias\r\n\
        Route: <sip:127.0.0.1:5060;transport=tcp;lr>\r\nMax-Forwards: 70\r\n\
        From: <sip:alice@example.org>;tag=a\r\nTo: <sip:alice@example.org>\r\nCall-ID: x.Y-z\r\n\
        CSeq: 31523 REGISTER\r\nSupported: outbound, path\r\n\
        Contact: <sip:alice@127.0.0.1:34877;transport=TCP;ob>;reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-0000a30f0000>\"\r\n\
        Accept: text/plain, application/im-iscomposing+xml\r\nExpires: 60\r\nContent-Length:  0\r\n\r\n";
    let request = RequestBuf::parse(text).unwrap();
    assert_eq!(request.view().validate(), Ok(()));
    let headers = request.headers();
    let contact = headers.typed::<Contact<'_>>().unwrap().unwrap();
    let contact = contact.address().unwrap();
    assert_eq!(contact.uri().unwrap().as_sip().unwrap().param("ob"), Some(""));
    assert_eq!(contact.params().value(b"reg-id"), Some(&b"1"[..]));
    assert_eq!(headers.values::<Supported<'_>>().count(), 2);
    assert_eq!(headers.values::<Accept<'_>>().count(), 2);
    assert_eq!(headers.typed::<Via<'_>>().unwrap().unwrap().rport(), Some(None));
    assert_eq!(request.view().validate_as(Strictness::Strict), Ok(()), "nothing of it is illegal");
}

/// Kamailio: a Via without port in what presence sends, `received` behind `rport`, many contacts in a row,
/// bindings of others among them.
#[test]
fn kamailio_leaves_ports_out_and_turns_parameters_round() {
    let notify = "NOTIFY sip:alice@127.0.0.1:34877;transport=TCP;ob SIP/2.0\r\n\
        Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK7ff3.177aa435000000000000000000000000.0\r\n\
        To: <sip:alice@example.org>;tag=N.r-L\r\nFrom: <sip:bob@example.org>;tag=a6-3\r\nCSeq: 2 NOTIFY\r\n\
        Call-ID: 1\r\nContent-Length: 0\r\nUser-Agent: kamailio (5.6.3 (x86_64/linux))\r\nMax-Forwards: 70\r\n\
        Event: presence\r\nContact: <sip:127.0.0.1:5060>\r\nSubscription-State: active;expires=10\r\n\r\n";
    let request = RequestBuf::parse(notify).unwrap();
    assert_eq!(request.view().validate(), Ok(()));
    let via = request.headers().typed::<Via<'_>>().unwrap().unwrap();
    assert_eq!(via.sent_by.port, None);
    let response = ResponseBuf::parse(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport=5070;received=127.0.0.1\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\
         Contact: <sip:alice@127.0.0.1:5099>;expires=59, <sip:alice@127.0.0.1:34877;transport=TCP;ob>;expires=60;+sip.instance=\"<urn:uuid:0>\";reg-id=1\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let response = response.unwrap();
    let via = response.headers().typed::<Via<'_>>().unwrap().unwrap();
    assert_eq!((via.received(), via.rport()), ("127.0.0.1".parse().ok(), Some(Some(5070))));
    let expires: Vec<_> =
        response.headers().values::<Contact<'_>>().map(|c| c.unwrap().expires()).collect();
    assert_eq!(expires, [Some(59), Some(60)]);
}

/// baresip: a pointer in the user part of its contact; Route to the proxy in REGISTER.
#[test]
fn baresip_puts_a_pointer_into_its_contact() {
    let contact = b"<sip:bob-0x558845d75f40@127.0.0.1:41489>;expires=60;+sip.instance=\"<urn:uuid:f5ea067c-4720-02e5-6610-9ad759ad8ad2>\"";
    let contact = NameAddr::parse(contact).unwrap();
    assert_eq!(contact.uri().unwrap().as_sip().unwrap().user, Some("bob-0x558845d75f40"));
    // It is called there, and takes any user: what is asked for is what it registered.
    let mut phone = phone();
    let message = asks("MESSAGE", "z9hG4bKb", 1, "", "hi")
        .replace("sip:u1@192.0.2.1 SIP", "sip:u1-0x5588@192.0.2.1 SIP");
    phone.receive(9, message);
    assert_eq!(phone.status(), 200);
}

/// linphone: To without brackets, a From of an IPv6 address, white space for keep-alive on every stream.
#[test]
fn linphone_leaves_brackets_out() {
    let text = "MESSAGE sip:ann@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK.2K7jC1iL7;rport\r\n\
        From: <sip:linphone@[fd00::2]>;tag=WjXnj26sw\r\nTo: sip:ann@127.0.0.1\r\nCSeq: 20 MESSAGE\r\n\
        Call-ID: jv9xh6m6B5\r\nMax-Forwards: 70\r\nSupported: replaces, outbound, gruu\r\n\
        Date: Sun, 22 Nov 2026 10:50:49 GMT\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\
        User-Agent: Linphonec/5.1.65\r\n\r\nhello from lp";
    let request = RequestBuf::parse(text).unwrap();
    assert_eq!(request.view().validate(), Ok(()));
    let headers = request.headers();
    assert!(!headers.typed::<To<'_>>().unwrap().unwrap().is_bracketed());
    let from = headers.typed::<From<'_>>().unwrap().unwrap();
    assert!(from.uri().unwrap().as_sip().unwrap().host.ip().is_some_and(|ip| ip.is_ipv6()));
    let mut phone = phone();
    phone.receive(9, text);
    // The reply keeps To as it came, and puts its tag behind it as a parameter of the header.
    let reply = phone.response();
    let to = reply.headers().get(HeaderName::TO).unwrap();
    assert!(to.starts_with("sip:ann@127.0.0.1;tag="), "{to}");
    assert!(
        matches!(&phone.events[..], [Event::Message { body, .. }] if &body[..] == b"hello from lp")
    );
    phone.receive(9, "\r\n\r\n").receive(9, "  \r\n\r\n").receive(9, "\0\0\0\0");
    let refused = |e: &&Event| matches!(e, Event::Endpoint(SipEvent::Refused { .. }));
    assert!(phone.events.iter().filter(refused).count() <= 1, "{:?}", phone.events);
}

/// SIPp: `Subject: Performance Test` and no rport; lengths padded with spaces; a tag with its own number.
#[test]
fn sipp_asks_for_no_rport_and_pads() {
    let text = "INVITE sip:u1@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5061;branch=z9hG4bK-9-1-0\r\n\
        From: sipp <sip:sipp@192.0.2.9:5061>;tag=9SIPpTag001\r\nTo: u1 <sip:u1@192.0.2.1:5060>\r\n\
        Call-ID: 1-9@192.0.2.9\r\nCSeq: 1 INVITE\r\nContact: sip:sipp@192.0.2.9:5061\r\nMax-Forwards: 70\r\n\
        Subject: Performance Test\r\nContent-Type: application/sdp\r\nContent-Length:     5\r\n\r\nv=0\r\n";
    let mut phone = phone();
    // From another port than Via says: without rport the answer goes to the port of Via.
    phone.receive_from("192.0.2.9:40000".parse().unwrap(), text).wait(250);
    assert_eq!(phone.sent[0].0, "192.0.2.9:5061".parse().unwrap());
    let mut index = Index::new();
    let message =
        Message::parse_datagram(text.as_bytes(), &mut index, &proto_wire::Limits::DEFAULT);
    let odd: Vec<Oddity> = message.unwrap().diagnostics().iter().map(|d| d.oddity).collect();
    assert_eq!(odd, [], "a Contact without brackets has no parameters to lose");
}

/// sipsak: no Max-Forwards where it could, a body it does not announce, its user agent with a colon.
#[test]
fn sipsak_leaves_headers_out() {
    let text = "OPTIONS sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:36017;branch=z9hG4bK.1;rport;alias\r\n\
        From: sip:sipsak@192.0.2.9:36017;tag=1\r\nTo: sip:192.0.2.1:5060\r\nCall-ID: 1@192.0.2.9\r\n\
        CSeq: 1 OPTIONS\r\nContact: sip:sipsak@192.0.2.9:36017\r\nContent-Length: 0\r\nUser-Agent: sipsak 0.9.8.1\r\n\
        Accept: text/plain\r\n\r\n";
    let mut home = home(false);
    home.receive_from("192.0.2.9:36017".parse().unwrap(), text);
    assert_eq!(home.status(), 200);
    assert_eq!(home.sent[0].0, "192.0.2.9:36017".parse().unwrap());
}
