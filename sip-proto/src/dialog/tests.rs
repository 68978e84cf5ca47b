#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use crate::message::ResponseBuf;
use alloc::format;
use alloc::string::ToString;
use proptest::prelude::*;
use proto_wire::LimitKind;

fn invite(extra: &str) -> RequestBuf {
    RequestBuf::parse(format!(
        "INVITE sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n{extra}\
         From: \"A\" <sip:alice@a.example>;tag=a1\r\nTo: <sip:bob@b.example>\r\nCall-ID: call@a\r\n\
         CSeq: 7 INVITE\r\nContact: <sip:alice@192.0.2.1:5070>\r\nMax-Forwards: 70\r\n\r\n"
    ))
    .unwrap()
}

fn response(status: u16, tag: Option<&str>, extra: &str) -> ResponseBuf {
    let tag = tag.map(|t| format!(";tag={t}")).unwrap_or_default();
    ResponseBuf::parse(format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n{extra}\
         From: \"A\" <sip:alice@a.example>;tag=a1\r\nTo: <sip:bob@b.example>{tag}\r\nCall-ID: call@a\r\n\
         CSeq: 7 INVITE\r\n\r\n"
    ))
    .unwrap()
}

const CONTACT: &str = "Contact: <sip:bob@192.0.2.2>\r\n";

fn peer_request(method: &str, cseq: u32) -> RequestBuf {
    RequestBuf::parse(format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK2\r\n\
         From: <sip:bob@b.example>;tag=b1\r\nTo: <sip:alice@a.example>;tag=a1\r\nCall-ID: call@a\r\n\
         CSeq: {cseq} {method}\r\n\r\n"
    ))
    .unwrap()
}

fn lines(request: &RequestBuf) -> Vec<String> {
    let text = String::from_utf8_lossy(request.as_bytes()).into_owned();
    text.lines().map(ToString::to_string).filter(|l| !l.is_empty()).collect()
}

#[test]
fn trap_13_both_sides_of_one_call_have_the_same_dialog_seen_from_their_side() {
    let rr = "Record-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>, <sip:p0;lr;x=1>\r\n";
    let uas = Dialog::uas(invite(rr).view(), "b1", State::Early).unwrap();
    let ok = response(200, Some("b1"), &format!("{rr}{CONTACT}"));
    let uac = Dialog::uac(invite("").view(), ok.view()).unwrap();
    assert_eq!((uac.id().local_tag(), uac.id().remote_tag()), ("a1", Some("b1")));
    assert_eq!((uas.id().local_tag(), uas.id().remote_tag()), ("b1", Some("a1")));
    // UAS in the same order, UAC in reverse, all values of all rows.
    assert_eq!(
        uas.routes().iter().collect::<Vec<_>>(),
        ["<sip:p2;lr>", "<sip:p1;lr>", "<sip:p0;lr;x=1>"]
    );
    assert_eq!(
        uac.routes().iter().collect::<Vec<_>>(),
        ["<sip:p0;lr;x=1>", "<sip:p1;lr>", "<sip:p2;lr>"]
    );
    assert_eq!((uac.next_hop(), uas.next_hop()), ("sip:p0;lr;x=1", "sip:p2;lr"));
    assert_eq!((uac.target(), uas.target()), ("sip:bob@192.0.2.2", "sip:alice@192.0.2.1:5070"));
    assert_eq!((uac.state(), uas.state()), (State::Confirmed, State::Early));
    // A request of one is in the dialog of the other.
    let mut uas = uas;
    let bye = uas.request(Method::Bye).unwrap().build().unwrap();
    assert_eq!(DialogId::of_request(bye.view()).unwrap(), *uac.id());
    let mut uac = uac;
    let info = uac.request(Method::Info).unwrap().build().unwrap();
    assert_eq!(DialogId::of_request(info.view()).unwrap(), *uas.id());
    assert_eq!(
        lines(&info),
        [
            "INFO sip:bob@192.0.2.2 SIP/2.0",
            "Route: <sip:p0;lr;x=1>",
            "Route: <sip:p1;lr>",
            "Route: <sip:p2;lr>",
            "From: \"A\" <sip:alice@a.example>;tag=a1",
            "To: <sip:bob@b.example>;tag=b1",
            "Call-ID: call@a",
            "CSeq: 8 INFO",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
    );
}

#[test]
fn trap_13_a_peer_of_rfc_2543_has_no_tag_and_that_is_another_dialog() {
    let old = String::from_utf8_lossy(invite("").as_bytes()).replace(";tag=a1", "");
    let old = RequestBuf::parse(old).unwrap();
    let mut uas = Dialog::uas(old.view(), "b1", State::Confirmed).unwrap();
    assert_eq!(uas.id().remote_tag(), None);
    assert_ne!(*uas.id(), DialogId::new("call@a", "b1", Some("")));
    let bye = uas.request(Method::Bye).unwrap().build().unwrap();
    assert_eq!(bye.headers().get(HeaderName::TO), Some("\"A\" <sip:alice@a.example>"));
    // A 2xx without tag makes one, a provisional response without tag does not.
    assert!(
        Dialog::uac(invite("").view(), response(200, None, CONTACT).view())
            .unwrap()
            .id()
            .remote_tag()
            .is_none()
    );
    let early = Dialog::uac(invite("").view(), response(180, None, CONTACT).view());
    assert_eq!(early.unwrap_err(), DialogError::NoDialog);
}

#[test]
fn trap_11_a_hundred_makes_no_dialog_whatever_tag_it_has() {
    for status in [100, 300, 404, 487, 603] {
        let made = Dialog::uac(invite("").view(), response(status, Some("x"), CONTACT).view());
        assert_eq!(made.unwrap_err(), DialogError::NoDialog, "{status}");
    }
    assert_eq!(
        Dialog::uac(invite("").view(), response(183, Some("x"), CONTACT).view()).unwrap().state(),
        State::Early
    );
}

#[test]
fn trap_13_the_2xx_recomputes_the_route_set_and_later_ones_do_not() {
    let ringing = response(180, Some("b1"), &format!("Record-Route: <sip:old;lr>\r\n{CONTACT}"));
    let mut uac = Dialog::uac(invite("").view(), ringing.view()).unwrap();
    let ok =
        response(200, Some("b1"), "Record-Route: <sip:new;lr>\r\nContact: <sip:bob@other>\r\n");
    uac.confirm(ok.view()).unwrap();
    assert_eq!((uac.next_hop(), uac.target()), ("sip:new;lr", "sip:bob@other"));
    uac.confirm(ringing.view()).unwrap();
    assert_eq!((uac.next_hop(), uac.target()), ("sip:new;lr", "sip:bob@other"));
    // A target refresh changes the target only.
    let refresh =
        response(200, Some("b1"), "Record-Route: <sip:evil;lr>\r\nContact: <sip:bob@third>\r\n");
    uac.refresh_target(refresh.headers());
    assert_eq!((uac.next_hop(), uac.target()), ("sip:new;lr", "sip:bob@third"));
}

#[test]
fn trap_14_strict_routers_get_themselves_as_request_uri() {
    for (routes, target, uri, sent) in [
        (&[][..], "sip:b@h", "sip:b@h", &[][..]),
        (&["<sip:p;lr>"], "sip:b@h", "sip:b@h", &["<sip:p;lr>"]),
        (&["<sip:p;lr=on>"], "sip:b@h", "sip:b@h", &["<sip:p;lr=on>"]),
        (&["<sip:p;LR>;x=y"], "sip:b@h", "sip:b@h", &["<sip:p;LR>;x=y"]),
        (&["<sip:p>"], "sip:b@h", "sip:p", &["<sip:b@h>"]),
        (&["<sip:p>", "<sip:q;lr>"], "sip:b@h", "sip:p", &["<sip:q;lr>", "<sip:b@h>"]),
        // `lr` behind the bracket is the header's, not the URI's.
        (&["<sip:p>;lr"], "sip:b@h", "sip:p", &["<sip:b@h>"]),
        (&["<sip:p;method=INVITE?a=b>"], "sip:b@h", "sip:p", &["<sip:b@h>"]),
        // The peer decides in what scheme it is reached; a tel route cannot be judged.
        (&["<tel:+1>"], "sip:b@h", "sip:b@h", &["<tel:+1>"]),
    ] {
        let set = RouteSet::new(routes.iter().copied());
        let hop = set.plan(target);
        assert_eq!(hop.uri, uri, "{routes:?}");
        assert_eq!(hop.routes, sent, "{routes:?}");
    }
}

#[test]
fn trap_17_a_contact_in_the_request_uri_loses_method_and_headers() {
    for (contact, uri) in [
        ("sip:b@h;method=INVITE;transport=tcp?Subject=x", "sip:b@h;transport=tcp"),
        ("sip:b@h;METHOD=INVITE", "sip:b@h"),
        ("sip:b@h?a=b", "sip:b@h"),
        ("sip:b;x=y@h;a?c=d", "sip:b;x=y@h;a"),
        ("sip:h;method=X;ob", "sip:h;ob"),
        ("sip:b@h;methods=\"INVITE\"", "sip:b@h;methods=\"INVITE\""),
    ] {
        assert_eq!(RouteSet::default().plan(contact).uri, uri);
    }
}

#[test]
fn trap_13_gaps_are_legal_and_lower_numbers_are_not() {
    let ok = response(200, Some("b1"), CONTACT);
    for (last, number, result) in [
        (None, 0, Ok(())),
        (None, 99, Ok(())),
        (Some(5), 5, Ok(())),
        (Some(5), 6, Ok(())),
        (Some(5), 50_000, Ok(())),
        (Some(5), 4, Err(OutOfOrder::Lower)),
        (Some(5), 0, Err(OutOfOrder::Lower)),
    ] {
        let mut uac = Dialog::uac(invite("").view(), ok.view()).unwrap();
        if let Some(last) = last {
            uac.receive(peer_request("INFO", last).view()).unwrap();
        }
        assert_eq!(uac.receive(peer_request("INFO", number).view()), result, "{last:?} {number}");
        let kept = if result.is_ok() { Some(number) } else { last };
        assert_eq!(uac.remote_cseq(), kept);
        // An ACK repeats an old number.
        assert_eq!(uac.receive(peer_request("ACK", 0).view()), Ok(()));
        assert_eq!(uac.remote_cseq(), kept);
    }
    assert_eq!(OutOfOrder::Lower.status(), StatusCode::SERVER_INTERNAL_ERROR);
}

#[test]
fn trap_10_an_ack_has_the_number_of_its_invite_whatever_was_sent_since() {
    let mut uac =
        Dialog::uac(invite("").view(), response(200, Some("b1"), CONTACT).view()).unwrap();
    let update = uac.request(Method::Update).unwrap().build().unwrap();
    assert_eq!(update.headers().get(HeaderName::CSEQ), Some("8 UPDATE"));
    let ack = uac.ack(7).build().unwrap();
    assert_eq!(ack.headers().get(HeaderName::CSEQ), Some("7 ACK"));
    assert_eq!(uac.local_cseq(), Some(8));
}

#[test]
fn sequence_numbers_end_at_two_to_the_31() {
    let last =
        String::from_utf8_lossy(invite("").as_bytes()).replace("CSeq: 7", "CSeq: 2147483646");
    let last = RequestBuf::parse(last).unwrap();
    let mut uac = Dialog::uac(last.view(), response(200, Some("b1"), CONTACT).view()).unwrap();
    assert!(uac.request(Method::Info).is_ok());
    assert_eq!(uac.request(Method::Bye).unwrap_err(), DialogError::Exhausted);
    assert_eq!(uac.local_cseq(), Some(CSEQ_MAX));
}

#[test]
fn a_request_without_contact_makes_no_dialog_and_a_response_without_one_falls_back() {
    for contact in ["", "Contact: *\r\n", "Contact: <tel:+1>\r\n", "Contact: <\r\n"] {
        let text = String::from_utf8_lossy(invite("").as_bytes())
            .replace("Contact: <sip:alice@192.0.2.1:5070>\r\n", contact);
        let request = RequestBuf::parse(text).unwrap();
        assert_eq!(
            Dialog::uas(request.view(), "t", State::Early).unwrap_err(),
            DialogError::Contact
        );
        let ok = response(200, Some("b1"), contact);
        assert_eq!(
            Dialog::uac(invite("").view(), ok.view()).unwrap().target(),
            "sip:bob@b.example"
        );
    }
    // RFC 4475 §3.4.1: who has no tag either is of RFC 2543, and is reached at its From.
    let old = String::from_utf8_lossy(invite("").as_bytes())
        .replace("Contact: <sip:alice@192.0.2.1:5070>\r\n", "");
    let from = old.lines().find(|l| l.starts_with("From:")).unwrap().to_string();
    let old = old.replace(&from, "From: \"A\" <sip:+13035551111@ift.example.net;user=phone>");
    let old = RequestBuf::parse(old).unwrap();
    let dialog = Dialog::uas(old.view(), "t", State::Early).unwrap();
    assert_eq!(dialog.target(), "sip:+13035551111@ift.example.net;user=phone");
    let broken = invite("Record-Route: <sip:p\r\n");
    assert_eq!(
        Dialog::uas(broken.view(), "t", State::Early).unwrap_err(),
        DialogError::RecordRoute
    );
}

#[test]
fn user_report_14_every_fork_is_a_dialog_and_the_second_2xx_is_acknowledged_too() {
    let mut set = DialogSet::new(invite(""), 4);
    let hear = |set: &mut DialogSet, status, tag| set.hear(response(status, tag, CONTACT).view());
    assert_eq!(hear(&mut set, 100, None), Ok(Heard::Progress));
    assert_eq!(hear(&mut set, 180, None), Ok(Heard::Progress));
    assert_eq!(hear(&mut set, 180, Some("b1")), Ok(Heard::Early { fork: 0, new: true }));
    assert_eq!(hear(&mut set, 183, Some("b2")), Ok(Heard::Early { fork: 1, new: true }));
    assert_eq!(hear(&mut set, 180, Some("b1")), Ok(Heard::Early { fork: 0, new: false }));
    // An SBC that changes the tag between 18x and 200 makes a dialog of its own.
    assert_eq!(hear(&mut set, 200, Some("b3")), Ok(Heard::Answered { fork: 2 }));
    assert_eq!(hear(&mut set, 200, Some("b3")), Ok(Heard::Again { fork: 2 }));
    assert_eq!(hear(&mut set, 200, Some("b1")), Ok(Heard::AnsweredToo { fork: 0 }));
    assert_eq!(hear(&mut set, 200, Some("b1")), Ok(Heard::Again { fork: 0 }));
    assert_eq!(hear(&mut set, 183, Some("b3")), Ok(Heard::Progress));
    assert_eq!(hear(&mut set, 183, Some("b9")), Ok(Heard::Progress));
    assert_eq!(hear(&mut set, 200, Some("b4")), Ok(Heard::AnsweredToo { fork: 3 }));
    assert_eq!(hear(&mut set, 200, Some("b5")), Err(Unheard::Limit(LimitKind::Sessions)));
    assert_eq!((set.answered(), set.forks().len()), (Some(2), 4));
    assert_eq!(set.find(&DialogId::new("call@a", "a1", Some("b2"))), Some(1));
}

#[test]
fn a_failure_ends_the_early_dialogs() {
    let mut set = DialogSet::new(invite(""), 2);
    assert_eq!(
        set.hear(response(180, Some("b1"), CONTACT).view()),
        Ok(Heard::Early { fork: 0, new: true })
    );
    assert_eq!(set.hear(response(486, Some("b1"), "").view()), Ok(Heard::Failed));
    assert!(set.forks().is_empty());
    assert_eq!(set.hear(response(180, Some("b1"), CONTACT).view()), Ok(Heard::Progress));
    // A 2xx that crosses still is a call (RFC 6026).
    assert_eq!(
        set.hear(response(200, Some("b1"), CONTACT).view()),
        Ok(Heard::Answered { fork: 0 })
    );
    assert_eq!(set.hear(response(603, Some("b1"), "").view()), Ok(Heard::Progress));
    assert_eq!((set.answered(), set.forks().len()), (Some(0), 1));
}

#[test]
fn forks_are_bounded_at_n_and_not_at_n_plus_one() {
    let mut set = DialogSet::new(invite(""), 2);
    for tag in ["1", "2"] {
        assert!(matches!(
            set.hear(response(180, Some(tag), CONTACT).view()),
            Ok(Heard::Early { new: true, .. })
        ));
    }
    assert_eq!(
        set.hear(response(180, Some("3"), CONTACT).view()),
        Err(Unheard::Limit(LimitKind::Sessions))
    );
    // Who answers first is the call, beyond the limit too; who answers then is one too many.
    let answered = response(200, Some("3"), CONTACT);
    assert_eq!(set.hear(answered.view()), Ok(Heard::Answered { fork: 2 }));
    assert_eq!(
        set.hear(response(200, Some("4"), CONTACT).view()),
        Err(Unheard::Limit(LimitKind::Sessions))
    );
    assert_eq!(set.hear(answered.view()), Ok(Heard::Again { fork: 2 }));
}

#[test]
fn trap_26_a_subscription_and_a_call_share_a_dialog_and_bye_ends_one_only() {
    let refer = Usage::Subscription { package: "refer".into(), id: None };
    let mut usages = Usages::new();
    usages.begin(Usage::Invite);
    usages.begin(refer.clone());
    usages.begin(refer.clone());
    assert!(usages.end(&Usage::Invite) && !usages.end(&Usage::Invite));
    assert!(!usages.is_over());
    assert!(usages.end(&refer) && usages.is_over());
}

#[test]
fn rfc_5057_5_1_failures_take_with_them_what_they_must() {
    let refer = Usage::Subscription { package: "refer".into(), id: Some("93809824".into()) };
    for (status, scope, left) in [
        (401, Scope::Transaction, 2),
        (403, Scope::Transaction, 2),
        (404, Scope::Dialog, 0),
        (405, Scope::Usage, 1),
        (408, Scope::Usage, 1),
        (410, Scope::Dialog, 0),
        (480, Scope::Usage, 1),
        (481, Scope::Usage, 1),
        (482, Scope::Dialog, 0),
        (483, Scope::Dialog, 0),
        (486, Scope::Transaction, 2),
        (488, Scope::Transaction, 2),
        (491, Scope::Transaction, 2),
        (500, Scope::Transaction, 2),
        (501, Scope::Usage, 1),
        (502, Scope::Dialog, 0),
        (503, Scope::Transaction, 2),
        (603, Scope::Transaction, 2),
        (604, Scope::Dialog, 0),
    ] {
        let mut usages = Usages::new();
        usages.begin(Usage::Invite);
        usages.begin(refer.clone());
        let code = StatusCode::new(status).unwrap();
        assert_eq!(
            (usages.failed(&refer, code), usages.as_slice().len()),
            (scope, left),
            "{status}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_head_makes_a_dialog_or_none_without_panic(junk in "[ -~]{0,40}", rr in "[ -~]{0,30}", tag in "[a-z]{0,3}") {
        let extra = format!("Record-Route: {rr}\r\nContact: {junk}\r\n");
        if let Ok(made) = Dialog::uac(invite("").view(), response(200, Some(&tag), &extra).view()) {
            let mut made = made;
            let built = made.request(Method::Bye).unwrap().build();
            if let Ok(bye) = built {
                prop_assert_eq!(DialogId::of_request(bye.view()).map(|id| id.local_tag().to_string()), made.id().remote_tag().map(ToString::to_string));
            }
        }
        let text = String::from_utf8_lossy(invite("").as_bytes()).replace("sip:alice@192.0.2.1:5070", &junk);
        if let Ok(request) = RequestBuf::parse(text) {
            let _made = Dialog::uas(request.view(), "t", State::Early);
        }
    }
}
