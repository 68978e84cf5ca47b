//! Where readers of the RFCs fall in: transactions, dialogs, registrar, authentication. Messages are in
//! `rfc_traps_messages.rs`. Each trap has a number; many have their tests beside the code.
//!
//! | trap | what | test |
//! |---|---|---|
//! | 1 | the cookie in the branch | `trap_01_..` here; `endpoint::tests::rfc_2543_ack_matches_its_invite` |
//! | 2 | sent-by belongs to the key | `trap_02_..` here; `endpoint::tests::server_keys` |
//! | 3 | which ACK is whose | `trap_03_..` here |
//! | 4 | CANCEL | `trap_04_..` here; `ua::tests::{flows,traps}::trap_4_..` |
//! | 5 | timers A, E, G | `trap_05_..` here; `transaction::tests::timer_a_has_no_cap_and_e_and_g_stop_at_t2` |
//! | 6 | reliable transports | `transaction::tests::reliable_transports_make_d_i_j_k_zero_and_no_other`, `endpoint::tests::over_a_stream_..` |
//! | 7 | nothing ends Proceeding but the user agent | `trap_07_..` here; `ua::tests::traps::trap_7_..` |
//! | 8 | RFC 6026 | `trap_08_..` here |
//! | 9 | RFC 4320 | `endpoint::tests::to_a_message_no_early_100_no_180_and_no_408`, `in_proceeding_timer_e_is_t2` |
//! | 10 | what an ACK holds | `trap_10_..` here; `ua::tests::traps::trap_10_..`, `endpoint::tests::the_ack_of_a_refusal_..` |
//! | 11 | To tags | `trap_11_..` here; `ua::tests::traps::trap_11_..`, `dialog::tests::trap_11_..` |
//! | 12 | merged requests | `ua::tests::traps::trap_12_..`, `endpoint::tests::trap_12_..`, `home::tests::trap_12_..`, `validate_statuses.rs` |
//! | 13 | dialogs | `dialog::tests::trap_13_..`, `ua::tests::{flows,traps}::trap_13_..` |
//! | 22 | the registrar | `trap_22_..` here; `registrar::tests::trap_22_..` |
//! | 23 | proxies | `trap_23_..` here; `proxy::tests`, `home::tests`, `home::tests_calls` |
//! | 24 | loops, spirals, breadth | `proxy::tests::a_loop_is_told_from_a_spiral`, `what_is_refused_before_..`, `home::tests_calls::contacts_that_lead_back_..` |
//! | 25 | digest | `trap_25_..` here; `ua::tests::traps::trap_25_..` |
//! | 26 | subscriptions of REFER | `ua::tests::{traps,refer}::trap_26_..`, `dialog::tests::trap_26_..` |
//! | 27 | PRACK | `ua::tests::{flows,traps}::trap_27_..`, `offer_answer::tests::trap_27_..` |
//! | 28 | session timers | `ua::tests::{flows,traps}::trap_28_..` |
//! | 29 | MESSAGE | `trap_29_..` here; `ua::tests::messages::trap_29_..`, `simple::{iscomposing,imdn}::tests::trap_29_..` |
#![allow(
    clippy::unwrap_used,
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
use proto_wire::digest::{Credential, Credentials};
use sip_proto::endpoint::{CommandError, Config, Listener, SipEvent, Target};
use sip_proto::headers::{Authorization, Contact, MaxForwards, To, Via};
use sip_proto::ua::{self, Event, Phase, UserAgent};
use sip_proto::{HeaderName, Method, RequestBuf, StatusCode, Transport};

/// How many of the events are requests.
fn requests(events: &[SipEvent]) -> usize {
    events.iter().filter(|e| matches!(e, SipEvent::Request { .. })).count()
}

#[test]
fn trap_01_only_the_cookie_with_something_behind_it_is_a_key() {
    let options = |via: &str, call: &str, cseq: u32| {
        asks("OPTIONS", "", cseq, "", "")
            .replace("192.0.2.9:5060;branch=", via)
            .replace("by-hand", call)
    };
    for via in ["192.0.2.9", "192.0.2.9;branch=z9hG4bK", "192.0.2.9;branch=1", "192.0.2.9;branch="]
    {
        let mut below = endpoint();
        // The same call again is a retransmission, another one is not, whatever the branch says.
        below.receive(9, options(via, "a", 1)).receive(9, options(via, "a", 1));
        assert_eq!(requests(&below.events), 1, "{via}");
        below.receive(9, options(via, "b", 1)).receive(9, options(via, "a", 2));
        assert_eq!(requests(&below.events), 3, "{via}");
        let other = options(via, "a", 1).replace("sip:u1@192.0.2.1 SIP", "sip:u2@192.0.2.1 SIP");
        below.receive(9, other);
        assert_eq!(requests(&below.events), 4, "{via}: the request URI counts");
    }
    // With the cookie the rest is compared exactly, and nothing else is looked at.
    let mut below = endpoint();
    for (branch, call, new) in [("z9hG4bKa", "a", 1), ("z9hG4bKa", "b", 1), ("z9hG4bKA", "a", 2)] {
        below.receive(9, options(&format!("192.0.2.9;branch={branch}"), call, 1));
        assert_eq!(requests(&below.events), new, "{branch} {call}");
    }
}

#[test]
fn trap_02_host_and_port_of_the_sender_belong_to_the_key() {
    let mut below = endpoint();
    let via =
        |sent_by: &str| asks("OPTIONS", "z9hG4bKx", 1, "", "").replace("192.0.2.9:5060", sent_by);
    for (sent_by, transactions) in [
        ("one.example", 1),
        ("ONE.example", 1),
        ("two.example", 2),
        ("one.example:5070", 3),
        // Two strings, so two senders: nobody sends both.
        ("one.example:5060", 4),
        ("one.example:5060", 4),
    ] {
        below.receive(9, via(sent_by));
        assert_eq!(requests(&below.events), transactions, "{sent_by}");
    }
    // `received` is added behind the match: the same request through another NAT is the same.
    below.receive(8, via("one.example"));
    assert_eq!(requests(&below.events), 4);
}

#[test]
fn trap_03_an_ack_with_the_branch_of_its_invite_is_still_the_ack_of_the_2xx() {
    for branch in ["z9hG4bKi", "z9hG4bKother"] {
        let mut phone = phone();
        phone.receive(9, asks("INVITE", "z9hG4bKi", 1, "", "v=0\r\n"));
        let call = phone.events.iter().find_map(Event::call).unwrap();
        phone.machine.answer(phone.now, call, Some(Bytes::from("v=0\r\n"))).unwrap();
        phone.drain();
        let tag = tag_of(&phone);
        let ack = asks("ACK", branch, 1, "", "")
            .replace("To: <sip:u1@example.com>", &format!("To: <sip:u1@example.com>;tag={tag}"));
        for _ in 0..2 {
            phone.receive(9, &ack);
        }
        let confirmed =
            phone.events.iter().filter(|e| matches!(e, Event::Confirmed { .. })).count();
        assert_eq!((confirmed, phone.machine.phase(call)), (1, Phase::Up), "{branch}");
        // The 2xx is not sent again now, and the INVITE starts no second call.
        phone.sent.clear();
        phone.receive(9, asks("INVITE", "z9hG4bKi", 1, "", "v=0\r\n")).wait(31_000);
        assert!(phone.sent.is_empty(), "{branch}: {:?}", phone.words());
        assert_eq!(phone.machine.calls().count(), 1);
    }
}

fn tag_of(phone: &Hand<UserAgent>) -> String {
    let response = phone.response();
    response.headers().typed::<To<'_>>().unwrap().unwrap().tag().unwrap().to_owned()
}

#[test]
fn trap_04_a_cancel_is_answered_even_when_it_is_late_and_refused_when_it_is_nobodys() {
    let mut phone = phone();
    phone.receive(9, asks("INVITE", "z9hG4bKi", 1, "", "v=0\r\n"));
    let call = phone.events.iter().find_map(Event::call).unwrap();
    phone.machine.answer(phone.now, call, Some(Bytes::from("v=0\r\n"))).unwrap();
    phone.drain();
    phone.words();
    // Late: 200 to the CANCEL, and the call goes on.
    phone.receive(9, asks("CANCEL", "z9hG4bKi", 1, "", ""));
    assert_eq!(phone.words(), ["200 CANCEL"]);
    assert_ne!(phone.machine.phase(call), Phase::Over);
    // Of nothing.
    phone.receive(9, asks("CANCEL", "z9hG4bKnothing", 1, "", ""));
    assert_eq!(phone.words(), ["481 CANCEL"]);
}

#[test]
fn trap_05_a_doubles_for_ever_and_e_stops_at_t2() {
    for (method, wanted) in [
        (Method::Invite, &[0, 500, 1500, 3500, 7500, 15_500, 31_500][..]),
        (
            Method::Options,
            &[0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
        ),
    ] {
        let mut below = endpoint();
        let target = Target::Address(Transport::Udp, addr(9));
        below.machine.request(below.now, of(method).view(), target).unwrap();
        below.drain();
        let mut times = Vec::new();
        while below.now.as_nanos() < 40_000_000_000 {
            let now = below.now.as_nanos() / 1_000_000;
            times.extend(below.sent.drain(..).map(|_| now));
            below.wait(500);
        }
        assert_eq!(times, wanted, "{method}");
    }
}

fn of(method: Method<'_>) -> RequestBuf {
    RequestBuf::build(method, "sip:bob@192.0.2.9")
        .header(HeaderName::FROM, "<sip:a@example.com>;tag=1")
        .header(HeaderName::TO, "<sip:bob@example.com>")
        .header(HeaderName::CALL_ID, "call@h")
        .header(HeaderName::CSEQ, format_args!("1 {method}"))
        .header(HeaderName::MAX_FORWARDS, 70)
        .header(HeaderName::CONTACT, "<sip:a@192.0.2.1>")
        .build()
        .unwrap()
}

#[test]
fn trap_08_after_a_2xx_both_transactions_live_on_as_rfc_6026_has_it() {
    // The client: every 2xx goes up, of whichever fork, until timer M.
    let mut below = endpoint();
    let target = Target::Address(Transport::Udp, addr(9));
    below.machine.request(below.now, of(Method::Invite).view(), target).unwrap();
    below.drain();
    let sent = below.request();
    for (n, tag) in ["x", "x", "y"].into_iter().enumerate() {
        below.receive(9, answers(sent.view(), 200, tag, "Contact: <sip:b@h>\r\n", ""));
        let heard = below.events.iter().filter(|e| matches!(e, SipEvent::Response { .. })).count();
        assert_eq!(heard, n + 1);
    }
    assert_eq!(below.machine.transactions(), 1);
    // A failure behind it is no news.
    below.receive(9, answers(sent.view(), 486, "z", "", ""));
    assert_eq!(below.events.iter().filter(|e| matches!(e, SipEvent::Response { .. })).count(), 3);
    below.wait(32_000);
    assert_eq!(below.machine.transactions(), 0);
    // A stray 2xx that matches nothing is told as such, so that no proxy forwards it.
    below.events.clear();
    below.receive(9, answers(sent.view(), 200, "x", "", ""));
    assert!(matches!(&below.events[..], [SipEvent::Refused { .. }]), "{:?}", below.events);

    // The server: the INVITE again is absorbed, and not a new call (siphon: a new one).
    let mut below = endpoint();
    let invite = asks("INVITE", "z9hG4bKi", 1, "", "v=0\r\n");
    below.receive(9, &invite);
    let Some(SipEvent::Request { id, .. }) = below.events.first() else { panic!("a request") };
    let id = *id;
    let ok = below.machine.reply(id, StatusCode::OK).unwrap();
    let ok = ok.header(HeaderName::CONTACT, "<sip:u1@192.0.2.1>").build().unwrap();
    below.machine.respond(below.now, id, &ok).unwrap();
    below.drain();
    below.sent.clear();
    below.receive(9, &invite).wait(5_000).receive(9, &invite);
    assert_eq!((requests(&below.events), below.sent.len()), (1, 0), "the user repeats the 2xx");
    // A second 2xx of the user's goes out.
    below.machine.respond(below.now, id, &ok).unwrap();
    below.drain();
    assert_eq!(below.words(), ["200 INVITE"]);
    below.wait(32_000);
    assert_eq!(below.machine.transactions(), 0);
    assert_eq!(
        below.machine.respond(below.now, id, &ok),
        Err(CommandError::NoTransaction("respond"))
    );
}

/// RFC 3261 §13.2.2.4: the ACK has the credentials that the INVITE had.
#[test]
fn trap_10_the_ack_of_a_2xx_repeats_the_credentials() {
    let credential = Credential::new("u1", "secret").unwrap();
    let mut phone = phone_with(|config| config.with_credential(credential));
    phone.machine.call(phone.now, "sip:bob@192.0.2.9", Some(Bytes::from("v=0\r\n"))).unwrap();
    phone.drain();
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    let refused = answers(phone.request().view(), 401, "b", challenge, "");
    phone.receive(9, refused);
    let invite = phone.request();
    assert_eq!(words(&phone.sent.last().unwrap().1), "INVITE 2");
    phone.receive(
        9,
        answers(invite.view(), 200, "b", "Contact: <sip:bob@192.0.2.9>\r\n", "v=0\r\n"),
    );
    let ack = phone.request();
    assert_eq!(words(&phone.sent.last().unwrap().1), "ACK 2");
    assert_eq!(
        ack.headers().get(HeaderName::AUTHORIZATION),
        invite.headers().get(HeaderName::AUTHORIZATION)
    );
    assert!(ack.headers().get(HeaderName::AUTHORIZATION).is_some());
}

/// A response outside of transactions must have the same tag each time (RFC 3261 §8.2.7).
#[test]
fn trap_11_the_tags_of_stateless_refusals_are_the_same_each_time() {
    let mut below = endpoint();
    let bad = asks("INVITE", "z9hG4bKbad", 1, "", "").replace("CSeq: 1 INVITE", "CSeq: 1 BYE");
    below.receive(9, &bad).wait(700).receive(9, &bad);
    assert_eq!(below.sent.len(), 2);
    let first = below.sent[0].1.view().as_bytes().to_vec();
    assert_eq!(below.sent[1].1.view().as_bytes(), first);
    let tagged = below.response();
    let to = tagged.headers().typed::<To<'_>>().unwrap().unwrap();
    assert!(to.tag().is_some_and(|t| !t.is_empty()));
    // Another request gets another one.
    below.receive(9, bad.replace("by-hand", "other"));
    let other = below.response();
    assert_ne!(other.headers().get(HeaderName::TO), tagged.headers().get(HeaderName::TO));
}

/// A REGISTER of `ann@club.example` by the peer 9.
fn register(cseq: u32, rows: &str) -> String {
    asks("REGISTER", &format!("z9hG4bKr{cseq}"), cseq, rows, "")
        .replace("sip:u1@192.0.2.1 SIP", "sip:club.example SIP")
        .replace("sip:u1@example.com", "sip:ann@club.example")
        .replace("sip:peer@example.com", "sip:ann@club.example")
        .replace("Contact: <sip:peer@192.0.2.9>\r\n", "")
}

/// The contacts of the last 200, each with its `expires`.
fn contacts(home: &Hand<sip_proto::home::HomeServer>) -> Vec<(String, u32)> {
    let response = home.response();
    assert_eq!(response.view().status(), StatusCode::OK);
    let values = response.headers().values::<Contact<'_>>().map(Result::unwrap);
    let mut all: Vec<_> = values
        .map(|c| {
            let uri = c.address().unwrap().uri().unwrap().as_str().to_owned();
            (uri, c.expires().unwrap())
        })
        .collect();
    all.sort();
    all
}

fn pair(uri: &str, expires: u32) -> (String, u32) {
    (uri.to_owned(), expires)
}

#[test]
fn trap_22_the_registrar_takes_expires_from_parameter_header_and_default_in_this_order() {
    let mut home = home(false);
    let rows = "Contact: <sip:a@h1>;expires=600, <sip:a@h2>\r\nExpires: 1200\r\n";
    home.receive(9, register(1, rows));
    assert_eq!(contacts(&home), [pair("sip:a@h1", 600), pair("sip:a@h2", 1200)]);
    home.receive(9, register(2, "Contact: <sip:a@h3>\r\n"));
    assert_eq!(contacts(&home)[2], pair("sip:a@h3", 3600), "all bindings are told");
    // RFC 2543: a date is as if 3600 stood there.
    home.receive(
        9,
        register(3, "Contact: <sip:a@h3>;expires=\"Tue, 01 Jan 2030 00:00:00 GMT\"\r\n"),
    );
    assert_eq!(contacts(&home)[2], pair("sip:a@h3", 3600));
    // 0 removes one; asking without Contact tells all.
    home.receive(9, register(4, "Contact: <sip:a@h2>;expires=0\r\n"));
    home.receive(9, register(5, ""));
    assert_eq!(contacts(&home).len(), 2);
}

#[test]
fn trap_22_an_update_is_all_or_nothing() {
    let mut home = home(false);
    home.receive(9, register(5, "Contact: <sip:a@h1>;expires=600\r\n"));
    let before = contacts(&home);
    for (n, (rows, status)) in [
        // One of two is too brief: 423 says how long it must be.
        ("Contact: <sip:a@h2>;expires=600, <sip:a@h3>;expires=5\r\n", 423),
        // `*` with others, or with another Expires, or with none.
        ("Contact: *, <sip:a@h2>\r\nExpires: 0\r\n", 400),
        ("Contact: *\r\nExpires: 60\r\n", 400),
        ("Contact: *\r\n", 400),
        ("Contact: <sip:a@h2>, <sip:broken\r\n", 400),
    ]
    .into_iter()
    .enumerate()
    {
        home.receive(9, register(6 + u32::try_from(n).unwrap(), rows));
        assert_eq!(home.status(), status, "{rows}");
        if status == 423 {
            assert_eq!(home.response().headers().get(HeaderName::MIN_EXPIRES), Some("60"));
        }
    }
    // An older or the same number of the same call changes nothing, another call's may be lower.
    home.receive(9, register(4, "Contact: <sip:a@h1>;expires=900\r\n"));
    assert_eq!(home.status(), 500);
    home.receive(9, register(20, ""));
    assert_eq!(contacts(&home), before);
    home.receive(
        9,
        register(1, "Contact: <sip:a@h1>;expires=900\r\n").replace("by-hand", "reboot"),
    );
    assert_eq!(contacts(&home), [pair("sip:a@h1", 900)]);
    home.receive(9, register(21, "Contact: *\r\nExpires: 0\r\n"));
    assert_eq!((home.status(), home.machine.bindings("ann@club.example").len()), (200, 0));
}

#[test]
fn trap_22_instances_and_reg_ids_name_bindings() {
    let mut home = home(false);
    let one = |n: u8, reg: &str| {
        format!(
            "Contact: <sip:a@h{n}>;+sip.instance=\"<urn:uuid:A>\"{reg};expires=600\r\nSupported: path, outbound\r\n"
        )
    };
    home.receive(9, register(1, &one(1, ";reg-id=1")));
    // The same phone at another address, in another case, takes the place of its old binding.
    home.receive(9, register(2, &one(2, ";reg-id=1")));
    assert_eq!(contacts(&home), [pair("sip:a@h2", 600)]);
    home.receive(9, register(3, &one(3, ";reg-id=2")));
    assert_eq!(contacts(&home).len(), 2, "a second flow is a second binding");
    // reg-id without an instance means nothing (RFC 5626 §6).
    home.receive(9, register(4, "Contact: <sip:a@h4>;reg-id=1;expires=600\r\n"));
    assert_eq!(contacts(&home).len(), 3);
}

#[test]
fn trap_23_hops_and_extensions_are_checked_before_anything_is_forwarded() {
    let mut home = home(false);
    home.receive(9, register(1, "Contact: <sip:ann@192.0.2.8>;expires=600\r\n"));
    home.sent.clear();
    let to_ann = |cseq: u32, change: (&str, &str)| {
        asks("MESSAGE", &format!("z9hG4bKm{cseq}"), cseq, "", "hi")
            .replace("sip:u1@192.0.2.1 SIP", "sip:ann@club.example SIP")
            .replace("sip:u1@example.com", "sip:ann@club.example")
            .replace(change.0, change.1)
    };
    home.receive(9, to_ann(2, ("Max-Forwards: 70", "Max-Forwards: 0")));
    assert_eq!(home.words(), ["483 MESSAGE"]);
    home.receive(9, to_ann(3, ("Max-Forwards", "Proxy-Require: x\r\nMax-Forwards")));
    assert_eq!(home.response().headers().get(HeaderName::UNSUPPORTED), Some("x"));
    assert_eq!(home.words(), ["420 MESSAGE"]);
    // Require is for the far end; without Max-Forwards one is added; the request URI is the contact.
    home.receive(9, to_ann(4, ("Max-Forwards: 70", "Require: y")));
    let forwarded = home.request();
    assert_eq!(forwarded.headers().typed::<MaxForwards>().unwrap(), Some(MaxForwards(70)));
    assert_eq!(forwarded.view().uri_bytes(), b"sip:ann@192.0.2.8");
    assert_eq!(forwarded.headers().values::<Via<'_>>().count(), 2);
    home.sent.clear();
    // 100 stays here, 503 becomes 500.
    home.receive(8, answers(forwarded.view(), 100, "", "", ""));
    assert!(home.sent.is_empty());
    home.receive(8, answers(forwarded.view(), 503, "t", "", ""));
    assert_eq!(home.words(), ["500 MESSAGE"]);
}

fn digest_of(request: &RequestBuf) -> String {
    let row = request.headers().typed::<Authorization<'_>>().unwrap().unwrap();
    row.to_string()
}

#[test]
fn trap_25_what_is_quoted_and_what_is_not() {
    let mut ann = agent();
    ann.machine.register(ann.now).unwrap();
    ann.drain();
    let challenge = "WWW-Authenticate: Digest realm=\"a \\\"b\\\" \\\\c\",nonce=\"n\\\\1\", opaque=\"o\", \
        algorithm=\"SHA-256\", qop=\"auth,auth-int\"\r\n";
    let refusal = answers(ann.request().view(), 401, "r", challenge, "");
    ann.receive(9, refusal);
    let text = digest_of(&ann.request());
    // Unquoted: algorithm, qop, nc. Quoted, and escaped again: all others.
    for part in [
        "realm=\"a \\\"b\\\" \\\\c\"",
        "nonce=\"n\\\\1\"",
        "opaque=\"o\"",
        "algorithm=SHA-256",
        "qop=auth",
        "nc=00000001",
        "uri=\"sip:club.example\"",
        "username=\"ann\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let request = ann.request();
    let row = request.headers().typed::<Authorization<'_>>().unwrap().unwrap();
    let Credentials::Digest(digest) = row.credentials().unwrap() else { panic!("Digest") };
    assert_eq!((&*digest.realm, &*digest.nonce), ("a \"b\" \\c", "n\\1"));
    assert!(digest.cnonce.is_some_and(|c| !c.is_empty()));
    assert_eq!(digest.response.len(), 64);
}

#[test]
fn trap_25_stale_is_tried_once_more_and_a_refusal_is_not() {
    let challenge = |nonce: &str, more: &str| {
        format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"{more}\r\n")
    };
    let mut ann = agent();
    ann.machine.register(ann.now).unwrap();
    ann.drain();
    let refuse = |ann: &mut Hand<UserAgent>, challenge: &str| {
        let request = ann.request();
        ann.sent.clear();
        ann.receive(9, answers(request.view(), 401, "r", challenge, ""));
        ann.sent.len()
    };
    assert_eq!(refuse(&mut ann, &challenge("1", "")), 1);
    assert_eq!(refuse(&mut ann, &challenge("2", ", stale=TRUE")), 1, "with the new nonce");
    assert!(digest_of(&ann.request()).contains("nonce=\"2\""));
    // The same credentials for the same nonce once more would go on for ever.
    assert_eq!(refuse(&mut ann, &challenge("2", "")), 0);
    assert!(ann.events.iter().any(|e| matches!(
        e,
        Event::RegistrationFailed { status: Some(StatusCode::UNAUTHORIZED), retrying: false, .. }
    )));
}

#[test]
fn trap_25_credentials_without_count_or_with_a_repeated_one_are_refused() {
    let mut home = home(true);
    home.receive(9, register(1, "Contact: <sip:a@h1>\r\n"));
    assert_eq!(home.status(), 401);
    let challenges = home.response();
    // An honest agent answers; what it sent is sent again by somebody else.
    let mut ann = agent();
    ann.machine.register(ann.now).unwrap();
    ann.drain();
    let rows: String = challenges
        .headers()
        .all(HeaderName::WWW_AUTHENTICATE)
        .map(|row| format!("WWW-Authenticate: {row}\r\n"))
        .collect();
    let refusal = answers(ann.request().view(), 401, "r", &rows, "");
    ann.receive(9, refusal);
    let honest = digest_of(&ann.request());
    let send = |home: &mut Hand<sip_proto::home::HomeServer>, cseq: u32, credentials: &str| {
        home.sent.clear();
        let rows = format!("Contact: <sip:a@h1>\r\nAuthorization: {credentials}\r\n");
        home.receive(9, register(cseq, &rows));
        home.supply_secrets();
        home.status()
    };
    let no_count = honest.replace("nc=00000001, ", "").replace(", nc=00000001", "");
    assert_ne!(no_count, honest);
    // It cannot be read: as if it were not there, or malformed; never accepted.
    assert!(matches!(send(&mut home, 2, &no_count), 400 | 401 | 403));
    assert_eq!(send(&mut home, 3, &honest), 200);
    assert_eq!(send(&mut home, 4, &honest), 401, "a replay");
    let stale = home.response();
    let row = stale.headers().get(HeaderName::WWW_AUTHENTICATE).unwrap().to_owned();
    assert!(row.contains("stale=true"), "{row}");
}

#[test]
fn trap_29_messages_have_no_contact_and_their_answers_no_body() {
    let mut ann = agent();
    ann.receive(9, asks("MESSAGE", "z9hG4bKm", 1, "", "hi"));
    let ok = ann.response();
    assert_eq!((ok.view().status().as_u16(), ok.body().len()), (200, 0));
    assert!(ok.headers().first(HeaderName::CONTACT).is_none());
    // One outstanding for each target; others do not wait for it.
    for (to, sent) in [("bob", 1), ("bob", 1), ("eve", 2)] {
        let to = format!("sip:{to}@club.example");
        ann.machine.send_message(ann.now, &to, "text/plain", "hello").unwrap();
        ann.drain();
        let messages = ann.sent.iter().filter(|(_, m)| words(m).starts_with("MESSAGE")).count();
        assert_eq!(messages, sent);
    }
    assert!(ann.request().headers().first(HeaderName::CONTACT).is_none());
}

#[test]
fn trap_29_above_1300_bytes_a_stream_is_needed() {
    let udp_only = || {
        let only = Config::new([Listener::new(Transport::Udp, addr(1))]);
        agent_with(|mut config| {
            config.endpoint = only.into();
            config
        })
    };
    let bob = "sip:bob@club.example";
    let sent = |ann: &mut Hand<UserAgent>, body: usize| {
        ann.machine.send_message(ann.now, bob, "text/plain", "x".repeat(body))
    };
    // Where there is none, it is the caller's to say so; where there is one, it is asked for.
    let refused = sent(&mut udp_only(), 2000);
    assert!(
        matches!(refused, Err(ua::CommandError::Endpoint(CommandError::TooLong(_)))),
        "{refused:?}"
    );
    let mut ann = agent();
    sent(&mut ann, 2000).unwrap();
    ann.drain();
    assert!(ann.sent.is_empty());
    assert!(matches!(
        &ann.events[..],
        [Event::Endpoint(SipEvent::ConnectWanted { transport: Transport::Tcp, remote, .. })] if *remote == addr(9)
    ));
    // The largest that fits: head and body together.
    let mut low = 0;
    let mut high = 1300;
    while high - low > 1 {
        let middle = (low + high) / 2;
        let mut ann = udp_only();
        match sent(&mut ann, middle) {
            Ok(_) => {
                ann.drain();
                assert!(ann.request().as_bytes().len() <= 1300);
                low = middle;
            }
            Err(_) => high = middle,
        }
    }
    assert!((700..1200).contains(&low), "{low}");
}

/// Nothing but the user agent ends the Proceeding state: a peer that says BYE in an early dialog and never
/// answers the INVITE would keep it for ever.
#[test]
fn trap_07_a_peer_that_hangs_up_early_and_never_answers_leaves_nothing_behind() {
    let mut phone = phone();
    let call = phone.machine.call(phone.now, "sip:bob@192.0.2.9", Some(Bytes::from("v=0\r\n")));
    let call = call.unwrap();
    phone.drain();
    let invite = phone.request();
    phone.receive(9, answers(invite.view(), 183, "b", "Contact: <sip:bob@192.0.2.9>\r\n", ""));
    let from = invite.headers().get(HeaderName::FROM).unwrap();
    let to = invite.headers().get(HeaderName::TO).unwrap();
    let call_id = invite.headers().get(HeaderName::CALL_ID).unwrap();
    let bye = asks("BYE", "z9hG4bKbye", 1, "", "")
        .replace("From: <sip:peer@example.com>;tag=p", &format!("From: {to};tag=b"))
        .replace("To: <sip:u1@example.com>", &format!("To: {from}"))
        .replace("by-hand", call_id);
    phone.receive(9, bye);
    assert_eq!((phone.status(), phone.machine.phase(call)), (200, Phase::Over));
    assert!(phone.machine.endpoint().transactions() > 0, "its answer may still come");
    phone.wait(32_000);
    assert_eq!(phone.machine.endpoint().transactions(), 0);
    assert_eq!(phone.machine.next_timer(), None);
}
