//! What users of other stacks reported, as tests of this one: machines. The table of all reports is in
//! `user_reports.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

mod common;

use bytes::Bytes;
use common::*;
use proto_wire::digest::{Credentials, Ha1, Qop, Response};
use sip_proto::HeaderName;
use sip_proto::headers::{Authorization, NameAddr, ProxyAuthorization, To, Via};
use sip_proto::ua::{Event, Phase};

const MD5: &str = "WWW-Authenticate: Digest realm=\"club.example\", nonce=\"m\", qop=\"auth\"\r\n";
const SHA: &str = "WWW-Authenticate: Digest realm=\"club.example\", nonce=\"s\", algorithm=SHA-256, \
    qop=\"auth-int,auth\"\r\n";
const UNKNOWN: &str = "WWW-Authenticate: Digest realm=\"club.example\", nonce=\"u\", \
    algorithm=SHA3-999, qop=\"auth\"\r\n";
const NEGOTIATE: &str = "WWW-Authenticate: Negotiate\r\n";

/// What the agent answered to these challenges: nonce and algorithm.
fn answered(challenges: &str) -> Option<(String, String)> {
    let mut ann = agent();
    ann.machine.register(ann.now).unwrap();
    ann.drain();
    let first = ann.request();
    ann.sent.clear();
    ann.receive(9, answers(first.view(), 401, "r", challenges, ""));
    if ann.sent.is_empty() {
        return None;
    }
    let second = ann.request();
    let row = second.headers().typed::<Authorization<'_>>().unwrap().unwrap();
    let Credentials::Digest(digest) = row.credentials().unwrap() else { panic!("Digest") };
    let algorithm = digest.algorithm_name.unwrap_or_else(|| "MD5".into());
    Some((digest.nonce.into_owned(), algorithm.into_owned()))
}

/// doubango#27: a fold within the challenge, even within a quoted string.
#[test]
fn report_04_a_folded_challenge_is_answered() {
    let folded = "WWW-Authenticate: Digest\r\n realm=\"club.example\",\r\n\tnonce=\"a\r\n b\", qop=\"auth\"\r\n";
    assert_eq!(answered(folded).unwrap().0, "a b");
}

/// pjproject#2408: only the first challenge was looked at. sipsorcery#525: SHA-256. aiosip#129: a list
/// of qop.
#[test]
fn report_12_the_first_challenge_that_can_be_answered_is() {
    let pair = |n: &str, a: &str| Some((n.to_owned(), a.to_owned()));
    assert_eq!(answered(MD5), pair("m", "MD5"));
    // The strongest supported one, in either order, and behind those that nobody knows.
    assert_eq!(answered(&format!("{SHA}{MD5}")), pair("s", "SHA-256"));
    assert_eq!(answered(&format!("{UNKNOWN}{NEGOTIATE}{MD5}")), pair("m", "MD5"));
    assert_eq!(answered(&format!("{UNKNOWN}{SHA}")), pair("s", "SHA-256"));
    assert_eq!(answered(UNKNOWN), None);
    // Several in one row, as HTTP has them.
    let one_row = "WWW-Authenticate: Negotiate, Digest realm=\"club.example\", nonce=\"x\"\r\n";
    assert_eq!(answered(one_row), pair("x", "MD5"));
}

/// SIPp#421: the count stood still.
#[test]
fn report_12_the_count_goes_up_with_each_request_of_a_nonce() {
    let mut ann = agent();
    ann.machine.register(ann.now).unwrap();
    ann.drain();
    let mut request = ann.request();
    ann.receive(9, answers(request.view(), 401, "r", MD5, ""));
    for count in 1..4_u32 {
        request = ann.request();
        let row = request.headers().typed::<Authorization<'_>>().unwrap().unwrap();
        let Credentials::Digest(digest) = row.credentials().unwrap() else { panic!("Digest") };
        assert_eq!((digest.nc(), &*digest.nonce), (Some(count), "m"));
        assert_eq!(digest.nc_text.as_deref(), Some(format!("{count:08x}").as_str()));
        let contact = request.headers().get(HeaderName::CONTACT).unwrap().to_owned();
        let ok = format!("Contact: {contact};expires=600\r\n");
        ann.receive(9, answers(request.view(), 200, "r", &ok, ""));
        ann.machine.register(ann.now).unwrap();
        ann.drain();
    }
}

/// rustpbx#146: desk phones write the URI in another form and quote what is a token.
#[test]
fn report_12_odd_quotes_and_uris_of_desk_phones_are_taken_as_they_are() {
    for (uri, shape) in [
        ("sip:club.example", "algorithm=MD5, qop=auth, nc=00000001"),
        ("sip:club.example:5060;transport=udp", "algorithm=\"MD5\", qop=\"auth\", nc=\"00000001\""),
        ("sip:ann@club.example", "nc=00000001, qop=auth,algorithm=md5"),
    ] {
        let mut home = home(true);
        let register = |extra: &str, cseq: u32| {
            asks("REGISTER", &format!("z9hG4bK{cseq}"), cseq, extra, "")
                .replace("sip:u1@192.0.2.1 SIP", "sip:club.example SIP")
                .replace("sip:u1@example.com", "sip:ann@club.example")
                .replace("sip:peer@example.com", "sip:ann@club.example")
        };
        home.receive(9, register("", 1));
        assert_eq!(home.status(), 401);
        let refusal = home.response();
        let row = refusal.headers().values::<sip_proto::headers::WwwAuthenticate<'_>>();
        let rows: Vec<_> = row.map(Result::unwrap).collect();
        let md5 = rows
            .iter()
            .flat_map(|r| r.digests())
            .find(|d| d.algorithm() == Some(proto_wire::digest::Algorithm::Md5));
        let md5 = md5.expect("MD5 is offered");
        let ha1 = Ha1::new(proto_wire::digest::Algorithm::Md5, "ann", &md5.realm, "secret");
        let proof = Response {
            algorithm: proto_wire::digest::Algorithm::Md5,
            ha1: &ha1,
            nonce: &md5.nonce,
            cnonce: "c",
            nc: "00000001",
            qop: Some(Qop::Auth),
            method: b"REGISTER",
            uri: uri.as_bytes(),
            body: b"",
        };
        let credentials = format!(
            "Authorization: Digest username=\"ann\",realm=\"{}\",nonce=\"{}\",uri=\"{uri}\",\
             response=\"{}\",cnonce=\"c\",{shape}{}\r\n",
            md5.realm,
            md5.nonce,
            proof.compute().as_str(),
            md5.opaque.as_ref().map_or(String::new(), |o| format!(",opaque=\"{o}\"")),
        );
        home.receive(9, register(&credentials, 2));
        home.supply_secrets();
        assert_eq!(home.status(), 200, "{uri} {shape}");
    }
}

/// rsipstack#53: `;tag=` with nothing behind it came back in CANCEL and spoilt the match.
#[test]
fn report_13_an_empty_tag_is_no_tag_and_is_never_written() {
    let mut phone = phone();
    let invite = asks("INVITE", "z9hG4bKc", 1, "", "v=0\r\n")
        .replace("To: <sip:u1@example.com>", "To: <sip:u1@example.com>;tag=");
    phone.receive(9, &invite);
    let call = phone.events.iter().find_map(Event::call).unwrap();
    let cancel = invite.replace("INVITE", "CANCEL").replace("v=0\r\n", "");
    let cancel =
        cancel.replace("Content-Type: application/sdp\r\nContent-Length: 5", "Content-Length: 0");
    phone.receive(9, cancel);
    assert_eq!(phone.machine.phase(call), Phase::Over);
    for (_, message) in &phone.sent {
        let to = header(message, HeaderName::TO);
        let tag = NameAddr::parse(to.as_bytes()).unwrap().tag().map(str::to_owned);
        let trying = words(message).starts_with("100");
        assert!(!to.ends_with("tag=") && tag.is_some() != trying, "{to}");
    }
    let words = phone.words();
    assert_eq!(&words[words.len() - 2..], ["200 CANCEL", "487 INVITE"], "{words:?}");
}

/// pjproject#917: CANCEL and the ACK of a refusal were looked up anew and went elsewhere.
#[test]
fn report_13_cancel_and_ack_go_where_the_invite_went() {
    let mut phone = phone();
    let call = phone.machine.call(phone.now, "sip:bob@192.0.2.7", Some(Bytes::from("v=0\r\n")));
    let call = call.unwrap();
    phone.drain();
    let (to, _) = phone.sent[0];
    let invite = phone.request();
    // Contact names another place; only the dialog's requests would go there.
    let elsewhere = "Contact: <sip:bob@192.0.2.8>\r\n";
    phone.receive(7, answers(invite.view(), 180, "b", elsewhere, ""));
    phone.machine.hang_up(phone.now, call).unwrap();
    phone.drain();
    let cancel = phone.request();
    assert_eq!(phone.sent.last().unwrap().0, to);
    assert_eq!(cancel.view().uri_bytes(), invite.view().uri_bytes());
    phone.receive(7, answers(cancel.view(), 200, "b", "", ""));
    phone.receive(7, answers(invite.view(), 487, "b", "", ""));
    let (ack_to, ack) = phone.sent.last().unwrap();
    assert_eq!((words(ack).as_str(), *ack_to), ("ACK 1", to));
    let branch = |r: &sip_proto::RequestBuf| {
        let via = r.headers().typed::<Via<'_>>().unwrap().unwrap();
        String::from_utf8_lossy(via.branch().unwrap()).into_owned()
    };
    assert_eq!(branch(&phone.request()), branch(&invite));
}

/// OpenSIPS#2106: the CSeq of the ACK grew with each 200. siphon-sip#236: the ACK went to its sender.
/// pjproject#113: it had the INVITE's branch.
#[test]
fn report_15_the_ack_of_a_2xx_is_one_request_of_its_own_to_the_peer() {
    let mut phone = phone();
    phone.machine.call(phone.now, "sip:bob@192.0.2.7", Some(Bytes::from("v=0\r\n"))).unwrap();
    phone.drain();
    let invite = phone.request();
    phone.sent.clear();
    let ok = answers(
        invite.view(),
        200,
        "b",
        "Contact: <sip:bob@192.0.2.8>\r\nRecord-Route: <sip:192.0.2.5;lr=on>\r\n",
        "v=0\r\n",
    );
    for _ in 0..3 {
        phone.receive(7, &ok);
    }
    let acks: Vec<_> = phone.sent.iter().collect();
    assert_eq!(acks.len(), 3);
    for (to, ack) in &acks {
        assert_eq!((words(ack).as_str(), *to), ("ACK 1", addr(5)));
        assert_eq!(ack.view().as_bytes(), acks[0].1.view().as_bytes(), "the same bytes");
    }
    let ack = phone.request();
    assert_eq!(ack.view().uri_bytes(), b"sip:bob@192.0.2.8");
    assert_eq!(ack.headers().get(HeaderName::ROUTE), Some("<sip:192.0.2.5;lr=on>"));
    let branch = |r: &sip_proto::RequestBuf| {
        r.headers().typed::<Via<'_>>().unwrap().unwrap().branch().unwrap().to_vec()
    };
    assert_ne!(branch(&ack), branch(&invite));
}

/// JsSIP#660, SIP.js#1037, sipsorcery#21, re#581: another phone's binding was taken for one's own.
/// pjproject#534: registrars that rewrite it.
#[test]
fn report_17_ones_own_binding_is_found_among_many() {
    for (contacts, expires) in [
        // Ours is not the first; the host is in another case and the parameters in another order.
        ("<sip:ann@198.51.100.7>;expires=60, @@;q=0.5;expires=1800, <sip:x@h>;expires=5", 1800),
        ("<sip:ann@198.51.100.7>;expires=60\r\nContact: @@;expires=300", 300),
        // Rewritten by the registrar or a gateway on the way: the user part tells.
        ("<sip:bob@h>;expires=77, <sip:ann@203.0.113.9:1024;received=x>;expires=120", 120),
        // Alone and rewritten altogether.
        ("<sip:0a1b2c@203.0.113.9>;expires=90", 90),
        // Without `expires` the header counts, and without that what was asked for.
        ("@@", 3600),
    ] {
        let mut ann = agent();
        ann.machine.register(ann.now).unwrap();
        ann.drain();
        let request = ann.request();
        let own = request.headers().get(HeaderName::CONTACT).unwrap();
        let rows = format!("Contact: {}\r\n", contacts.replace("@@", own));
        ann.receive(9, answers(request.view(), 200, "r", &rows, ""));
        let found = ann.events.iter().find_map(|e| match e {
            Event::Registered { expires, .. } => Some(*expires),
            _ => None,
        });
        assert_eq!(found, Some(expires), "{contacts}");
        // It is refreshed before that, and not as early as the shortest of the others would want.
        ann.sent.clear();
        ann.wait(u64::from(expires) * 500 - 100);
        assert!(ann.sent.is_empty(), "{contacts}: too early");
        ann.wait(u64::from(expires) * 500);
        assert_eq!(words(&ann.sent[0].1).split(' ').next(), Some("REGISTER"), "{contacts}");
    }
}

/// sipgo#99: `lr` with a value was not honoured. siphon-sip#310: not all of Record-Route was copied.
#[test]
fn report_18_every_record_route_is_copied_and_followed() {
    let mut phone = phone();
    let rows = "Record-Route: <sip:192.0.2.5;lr=on>, <sip:192.0.2.6;lr>\r\nRecord-Route: <sip:192.0.2.7;lr=true>\r\n";
    phone.receive(9, asks("INVITE", "z9hG4bKr", 1, rows, "v=0\r\n"));
    let call = phone.events.iter().find_map(Event::call).unwrap();
    phone.machine.answer(phone.now, call, Some(Bytes::from("v=0\r\n"))).unwrap();
    phone.drain();
    let ok = phone.response();
    let copied: Vec<_> = ok.headers().all(HeaderName::RECORD_ROUTE).collect();
    assert_eq!(
        copied.join(", "),
        "<sip:192.0.2.5;lr=on>, <sip:192.0.2.6;lr>, <sip:192.0.2.7;lr=true>"
    );
    let tag = ok.headers().typed::<To<'_>>().unwrap().unwrap().tag().unwrap().to_owned();
    let ack = asks("ACK", "z9hG4bKa", 1, "", "")
        .replace("To: <sip:u1@example.com>", &format!("To: <sip:u1@example.com>;tag={tag}"));
    phone.receive(9, ack);
    phone.machine.hang_up(phone.now, call).unwrap();
    phone.drain();
    let bye = phone.request();
    assert_eq!(bye.view().uri_bytes(), b"sip:peer@192.0.2.9");
    let routes: Vec<_> = bye.headers().all(HeaderName::ROUTE).collect();
    assert_eq!(
        routes.join(", "),
        "<sip:192.0.2.5;lr=on>, <sip:192.0.2.6;lr>, <sip:192.0.2.7;lr=true>"
    );
    assert_eq!(phone.sent.last().unwrap().0, addr(5));
}

/// RestComm/sip-servlets#48: RCS puts a Contact into MESSAGE. We send none (RFC 3428 §4) and read it.
#[test]
fn report_20_a_message_with_a_contact_is_read_and_ours_has_none() {
    let mut ann = agent();
    let message =
        asks("MESSAGE", "z9hG4bKm", 1, "Contact: <sip:peer@192.0.2.9>;+g.oma.sip-im\r\n", "hi");
    ann.receive(9, message);
    assert_eq!(ann.words(), ["200 MESSAGE"]);
    assert!(matches!(&ann.events[..], [Event::Message { body, .. }] if &body[..] == b"hi"));
    ann.machine.send_message(ann.now, "sip:bob@club.example", "text/plain", "hello").unwrap();
    ann.drain();
    assert!(ann.request().headers().first(HeaderName::CONTACT).is_none());
}

/// liblinphone#215: a 415 to a typing notice ended the conversation.
#[test]
fn report_20_a_415_is_told_and_the_next_message_goes_out() {
    let mut ann = agent();
    let bob = "sip:bob@club.example";
    let typing = ann.machine.send_message(ann.now, bob, "application/im-iscomposing+xml", "<x/>");
    ann.machine.send_message(ann.now, bob, "text/plain", "hello").unwrap();
    ann.drain();
    assert_eq!(ann.sent.len(), 1, "one outstanding for a target");
    let request = ann.request();
    ann.receive(9, answers(request.view(), 415, "b", "Accept: text/plain\r\n", ""));
    assert!(ann.events.iter().any(|e| matches!(e,
        Event::Refused { id, status } if Ok(*id) == typing && status.as_u16() == 415)));
    assert_eq!(&ann.request().body()[..], b"hello");
    assert_eq!(ann.sent.len(), 2);
    // What we do not take is answered with 415 and what we do.
    let mut plain = agent_with(|c| c.with_accept(["text/plain"]));
    let html = asks("MESSAGE", "z9hG4bKh", 1, "", "<b>").replace("text/plain", "text/html");
    plain.receive(9, html);
    assert_eq!(plain.status(), 415);
    assert_eq!(plain.response().headers().get(HeaderName::ACCEPT), Some("text/plain"));
}

/// A proxy and the far end may each ask: both get their answer in one request.
#[test]
fn report_12_a_407_and_a_401_are_answered_in_one_request() {
    let mut ann = agent();
    ann.machine.send_message(ann.now, "sip:bob@club.example", "text/plain", "hello").unwrap();
    ann.drain();
    let first = ann.request();
    let proxy = MD5.replace("WWW-Authenticate", "Proxy-Authenticate");
    ann.receive(9, answers(first.view(), 407, "p", &proxy, ""));
    let second = ann.request();
    assert!(second.headers().typed::<ProxyAuthorization<'_>>().unwrap().is_some());
    ann.receive(9, answers(second.view(), 401, "b", SHA, ""));
    let third = ann.request();
    assert!(third.headers().typed::<ProxyAuthorization<'_>>().unwrap().is_some());
    assert!(third.headers().typed::<Authorization<'_>>().unwrap().is_some());
    assert_eq!(third.headers().get(HeaderName::CSEQ), Some("3 MESSAGE"));
    assert_eq!(third.headers().get(HeaderName::CALL_ID), first.headers().get(HeaderName::CALL_ID));
}
