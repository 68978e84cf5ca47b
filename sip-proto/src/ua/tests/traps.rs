//! One agent against a peer that a test plays by hand: what goes wrong elsewhere.

use super::*;
use alloc::vec;

const OFFER: &str = "v=0\r\n";

#[test]
fn user_report_14_two_forks_answer_and_the_second_is_acknowledged_before_its_bye() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 180, "b1", "", ""));
    solo.receive(reply(&invite, 180, "b2", "", ""));
    solo.receive(reply(&invite, 200, "b2", "", "answer"));
    assert_eq!(solo.sent(), ["ACK 1"]);
    solo.receive(reply(&invite, 200, "b1", "", "answer"));
    assert_eq!(solo.sent.len(), 2);
    let bye = solo.last_request();
    assert!(bye.headers().get(HeaderName::TO).unwrap().ends_with(";tag=b1"));
    assert_eq!(solo.sent(), ["ACK 1", "BYE 2"]);
    assert_eq!(solo.told(), ["progress 180", "progress 180", "answered 200", "answer answer"]);
    // The call itself is not touched by the answer to that BYE.
    solo.receive(reply(&bye, 200, "", "", ""));
    assert_eq!(solo.agent.phase(call), Phase::Up);
}

#[test]
fn user_report_15_a_2xx_that_comes_again_gets_the_same_ack() {
    let (mut solo, _, invite) = calling();
    let ok = reply(&invite, 200, "b", "", "answer");
    let mut acks = Vec::new();
    for _ in 0..4 {
        solo.receive(&ok);
        let ack = solo.last_request();
        acks.push((
            String::from_utf8_lossy(ack.view().uri_bytes()).into_owned(),
            ack.headers().get(HeaderName::CSEQ).unwrap().to_string(),
            ack.headers().get(HeaderName::TO).unwrap().to_string(),
        ));
        assert_eq!(solo.sent(), ["ACK 1"]);
    }
    assert!(acks.windows(2).all(|w| w[0] == w[1]));
    // To the Contact of the peer, never to ourselves; in a transaction of its own.
    assert_eq!(acks[0].0, "sip:peer@192.0.2.9");
    assert_eq!(solo.told(), ["answered 200", "answer answer"]);
}

#[test]
fn user_report_13_a_2xx_that_crosses_our_cancel_is_acknowledged_and_ended() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 180, "b", "", ""));
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    let cancel = solo.last_request();
    assert_eq!(solo.sent(), ["CANCEL 1"]);
    // §9.1: the same request URI, Via, From, To without a new tag, number.
    for name in [HeaderName::VIA, HeaderName::FROM, HeaderName::TO, HeaderName::CALL_ID] {
        assert_eq!(cancel.headers().get(name), invite.headers().get(name), "{name}");
    }
    assert_eq!(cancel.view().uri_bytes(), invite.view().uri_bytes());
    solo.receive(reply(&invite, 200, "b", "", "answer"));
    let bye = solo.last_request();
    assert_eq!(solo.sent(), ["ACK 1", "BYE 2"]);
    solo.receive(reply(&bye, 200, "", "", ""));
    assert_eq!(solo.told(), ["progress 180", "ended: local"]);
}

#[test]
fn trap_4_a_cancel_without_effect_gives_up_after_64_t1() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 180, "b", "", ""));
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    let cancel = solo.last_request();
    solo.receive(reply(&cancel, 200, "b", "", ""));
    solo.wait(31_999);
    assert_eq!(solo.told(), ["progress 180"]);
    solo.wait(1);
    assert_eq!(solo.told(), ["ended: local"]);
}

#[test]
fn trap_7_a_call_that_rings_for_ever_is_cancelled_by_our_own_timer() {
    let (mut solo, _, invite) = calling();
    solo.receive(reply(&invite, 180, "b", "", ""));
    let sent = solo.wait(180_000);
    assert_eq!(sent, [(180_000, "CANCEL 1".to_string())]);
    solo.receive(reply(&invite, 487, "b", "", ""));
    assert_eq!(solo.told(), ["progress 180", "ended: timedout"]);
}

#[test]
fn an_invite_that_nobody_answers_ends_with_timer_b() {
    let (mut solo, _, _) = calling();
    let sent: Vec<u128> = solo.wait(32_000).into_iter().map(|(ms, _)| ms).collect();
    assert_eq!(sent, [500, 1500, 3500, 7500, 15_500, 31_500]);
    assert_eq!(solo.told(), ["ended: timedout"]);
    assert!(solo.agent.calls.is_empty() && solo.agent.poll_timeout().is_none());
}

#[test]
fn trap_10_our_2xx_is_repeated_until_its_ack_and_then_given_up() {
    let (mut solo, call) = incoming("");
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    assert_eq!(solo.sent(), ["200 INVITE"]);
    let sent = solo.wait(31_999);
    // T1, doubling up to T2.
    let expected = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(sent.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), expected);
    assert!(sent.iter().all(|(_, what)| what == "200 INVITE"));
    let sent = solo.wait(1);
    assert_eq!(sent, [(32_000, "BYE 1".to_string())]);
    let _tag = tag;
    solo.wait(40_000);
    assert_eq!(solo.told(), ["ended: noack"]);
}

#[test]
fn trap_10_the_ack_stops_the_2xx_and_a_callee_waits_for_it_before_its_bye() {
    let (mut solo, call) = incoming("");
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    assert_eq!(solo.sent(), ["200 INVITE"]);
    // An ACK of another number is not it.
    solo.receive(within("ACK", "2", 6, &tag, "", ""));
    assert_eq!(solo.sent(), Vec::<String>::new());
    solo.receive(within("ACK", "2", 7, &tag, "", ""));
    assert_eq!(
        (solo.sent(), solo.told()),
        (["BYE 1".to_string()].into(), ["confirmed".to_string()].into())
    );
    // One that reused the INVITE's branch is as good.
    let (mut solo, call) = incoming("");
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    solo.receive(within("ACK", "1", 7, &tag, "", ""));
    assert_eq!(solo.told(), ["confirmed"]);
    assert_eq!(solo.agent.phase(call), Phase::Up);
}

#[test]
fn trap_11_all_responses_of_a_call_have_one_tag_and_100_has_none() {
    let (mut solo, call) = incoming("");
    solo.wait(200);
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.drain();
    let tags: Vec<String> = solo
        .sent
        .iter()
        .filter_map(|m| match m {
            MessageBuf::Response(r) => Some(to_tag(r)),
            MessageBuf::Request(_) => None,
        })
        .collect();
    assert_eq!(tags.len(), 2);
    assert!(!tags[0].is_empty() && tags[0] == tags[1]);
}

#[test]
fn trap_12_a_merged_request_is_refused_and_one_with_credentials_is_not() {
    for method in ["INVITE", "MESSAGE"] {
        let mut solo = Solo::new(config(1));
        solo.receive(request(method, "1", 7, "", ""));
        solo.sent();
        solo.receive(request(method, "2", 7, "", ""));
        assert_eq!(solo.sent(), [format!("482 {method}")]);
        // The next number is another request: sent again after a challenge.
        solo.receive(request(method, "3", 8, "", ""));
        let served = if method == "INVITE" { vec![] } else { vec!["200 MESSAGE".to_string()] };
        assert_eq!(solo.sent(), served);
    }
}

#[test]
fn trap_13_numbers_below_the_last_get_500_and_gaps_are_legal() {
    let (mut solo, call) = incoming("");
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    solo.receive(within("ACK", "2", 7, &tag, "", ""));
    solo.sent();
    solo.receive(within("OPTIONS", "3", 90, &tag, "", ""));
    solo.receive(within("OPTIONS", "4", 89, &tag, "", ""));
    assert_eq!(solo.sent(), ["200 OPTIONS", "500 OPTIONS"]);
    assert_eq!(solo.agent.phase(call), Phase::Up);
}

#[test]
fn trap_13_an_invite_within_an_invite_of_theirs_is_500_with_retry_after() {
    let (mut solo, call) = incoming("");
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    // Not acknowledged yet.
    solo.receive(within("INVITE", "2", 8, &tag, "", OFFER));
    let refused = solo.last_response();
    assert_eq!(refused.view().status().as_u16(), 500);
    let after: u64 = refused.headers().get(HeaderName::RETRY_AFTER).unwrap().parse().unwrap();
    assert!(after <= 10);
    solo.sent();
    // Within an INVITE of ours it is 491.
    solo.receive(within("ACK", "3", 7, &tag, "", ""));
    solo.agent.reinvite(solo.now, call, sdp("x")).unwrap();
    solo.receive(within("INVITE", "4", 9, &tag, "", OFFER));
    let sent = solo.sent();
    assert_eq!(sent, ["INVITE 1", "491 INVITE"]);
}

#[test]
fn trap_14_a_strict_router_gets_itself_as_request_uri() {
    let (mut solo, call, invite) = calling();
    let rr = "Record-Route: <sip:192.0.2.7>\r\n";
    solo.receive(reply(&invite, 200, "b", rr, "answer"));
    let ack = solo.last_request();
    assert_eq!(ack.view().uri_bytes(), b"sip:192.0.2.7");
    assert_eq!(ack.headers().get(HeaderName::ROUTE), Some("<sip:peer@192.0.2.9>"));
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    assert_eq!(solo.last_request().view().uri_bytes(), b"sip:192.0.2.7");
}

#[test]
fn user_report_18_a_callee_copies_every_record_route() {
    let rr = "Record-Route: <sip:p3;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>\r\n";
    let (mut solo, call) = incoming(rr);
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.drain();
    for message in &solo.sent {
        let MessageBuf::Response(response) = message else { panic!() };
        let rows: Vec<&str> = response.headers().all(HeaderName::RECORD_ROUTE).collect();
        assert_eq!(rows, ["<sip:p3;lr>, <sip:p2;lr>", "<sip:p1;lr>"]);
    }
}

#[test]
fn trap_27_pracks_must_name_the_response_and_their_loss_ends_the_call() {
    let (mut solo, call) = incoming("Require: 100rel\r\n");
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.drain();
    let ringing = solo.last_response();
    let tag = to_tag(&ringing);
    let rseq: u32 = ringing.headers().get(HeaderName::RSEQ).unwrap().parse().unwrap();
    assert_eq!(ringing.headers().get(HeaderName::REQUIRE), Some("100rel"));
    solo.sent();
    // T1 doubling without a cap.
    let sent = solo.wait(31_000);
    assert_eq!(sent.iter().map(|(ms, _)| *ms).collect::<Vec<_>>(), [500, 1500, 3500, 7500, 15_500]);
    for (n, rack) in [
        (0, format!("{} 7 INVITE", rseq + 1)),
        (1, format!("{rseq} 8 INVITE")),
        (2, format!("{rseq} 7 BYE")),
    ] {
        solo.receive(within(
            "PRACK",
            &format!("p{n}"),
            8 + n,
            &tag,
            &format!("RAck: {rack}\r\n"),
            "",
        ));
        assert_eq!(solo.sent(), ["481 PRACK"], "{rack}");
    }
    solo.receive(within("PRACK", "ok", 20, &tag, &format!("RAck: {rseq} 7 INVITE\r\n"), ""));
    assert_eq!(solo.sent(), ["200 PRACK"]);
    solo.receive(within("PRACK", "twice", 21, &tag, &format!("RAck: {rseq} 7 INVITE\r\n"), ""));
    assert_eq!(solo.sent(), ["481 PRACK"]);
    // The next has the next number; nobody acknowledges it: 5xx.
    solo.agent.ring(solo.now, call, StatusCode::SESSION_PROGRESS, None).unwrap();
    solo.drain();
    assert_eq!(
        solo.last_response().headers().get(HeaderName::RSEQ),
        Some((rseq + 1).to_string().as_str())
    );
    solo.sent();
    let sent = solo.wait(32_000);
    assert_eq!(sent.last().unwrap().1, "504 INVITE");
    assert_eq!(solo.told(), ["ended: noack"]);
}

#[test]
fn trap_27_a_reliable_response_out_of_order_is_not_acknowledged() {
    let (mut solo, _, invite) = calling();
    let ringing =
        |rseq: u32| reply(&invite, 180, "b", &format!("Require: 100rel\r\nRSeq: {rseq}\r\n"), "");
    solo.receive(ringing(100));
    assert_eq!(solo.sent(), ["PRACK 2"]);
    for rseq in [100, 102, 99, 1] {
        solo.receive(ringing(rseq));
        assert_eq!(solo.sent(), Vec::<String>::new(), "{rseq}");
    }
    solo.receive(ringing(101));
    let prack = solo.last_request();
    assert_eq!(prack.headers().get(HeaderName::RACK), Some("101 1 INVITE"));
    assert_eq!(solo.sent(), ["PRACK 3"]);
    // Each fork counts for itself, and the PRACK has its tag.
    solo.receive(reply(&invite, 180, "c", "Require: 100rel\r\nRSeq: 7\r\n", ""));
    assert!(solo.last_request().headers().get(HeaderName::TO).unwrap().ends_with(";tag=c"));
    assert_eq!(solo.sent(), ["PRACK 2"]);
    // Without Require it is an ordinary one.
    solo.receive(reply(&invite, 180, "d", "RSeq: 7\r\n", ""));
    assert_eq!(solo.sent(), Vec::<String>::new());
    assert_eq!(solo.told().len(), 4);
}

#[test]
fn trap_28_a_422_is_asked_again_with_its_minimum() {
    let wish = session_timer::Wish::default().with_interval(Some(100));
    let mut solo = Solo::new(config(1).with_session(wish));
    solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp(OFFER)).unwrap();
    solo.drain();
    let invite = solo.last_request();
    assert_eq!(invite.headers().get(HeaderName::SESSION_EXPIRES), Some("100"));
    solo.sent();
    solo.receive(reply(&invite, 422, "b", "Min-SE: 600\r\n", ""));
    let again = solo.last_request();
    assert_eq!(solo.sent(), ["ACK 1", "INVITE 2"]);
    let header = |r: &RequestBuf, n| r.headers().get(n).unwrap().to_string();
    assert_eq!(
        (header(&again, HeaderName::SESSION_EXPIRES), header(&again, HeaderName::MIN_SE)),
        ("600".into(), "600".into())
    );
    for name in [HeaderName::CALL_ID, HeaderName::FROM, HeaderName::TO] {
        assert_eq!(header(&again, name), header(&invite, name));
    }
    assert_eq!(again.body(), OFFER);
    solo.receive(reply(&again, 422, "b", "Min-SE: 600\r\n", ""));
    assert_eq!(solo.told(), ["ended: refused 422"]);
}

#[cfg(feature = "digest")]
#[test]
fn trap_25_both_a_proxy_and_the_peer_may_challenge_one_call() {
    use proto_wire::digest::Credential;
    let credential = Credential::new("alice", "secret").unwrap();
    let mut solo = Solo::new(config(1).with_credential(credential));
    solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp(OFFER)).unwrap();
    solo.drain();
    let first = solo.last_request();
    solo.sent();
    let challenge = |name: &str, realm: &str| {
        format!(
            "{name}: Digest realm=\"{realm}\", nonce=\"n-{realm}\", algorithm=MD5, qop=\"auth\"\r\n"
        )
    };
    solo.receive(reply(&first, 407, "x", &challenge("Proxy-Authenticate", "proxy"), ""));
    let second = solo.last_request();
    assert_eq!(solo.sent(), ["ACK 1", "INVITE 2"]);
    assert!(
        second.headers().get(HeaderName::PROXY_AUTHORIZATION).unwrap().contains("realm=\"proxy\"")
    );
    solo.receive(reply(&second, 401, "y", &challenge("WWW-Authenticate", "peer"), ""));
    let third = solo.last_request();
    assert_eq!(solo.sent(), ["ACK 2", "INVITE 3"]);
    assert!(third.headers().get(HeaderName::AUTHORIZATION).unwrap().contains("realm=\"peer\""));
    // The counter of the nonce that was used before has moved on.
    assert!(third.headers().get(HeaderName::PROXY_AUTHORIZATION).unwrap().contains("nc=00000002"));
    assert_eq!(third.body(), OFFER);
    solo.receive(reply(&third, 200, "b", "", "answer"));
    let ack = solo.last_request();
    assert_eq!(solo.sent(), ["ACK 3"]);
    // RFC 3261 §22.1: the ACK has what the INVITE had.
    assert_eq!(
        ack.headers().get(HeaderName::AUTHORIZATION),
        third.headers().get(HeaderName::AUTHORIZATION)
    );
    assert_eq!(solo.told(), ["answered 200", "answer answer"]);
}

#[cfg(feature = "digest")]
#[test]
fn trap_25_wrong_credentials_do_not_loop() {
    use proto_wire::digest::Credential;
    let credential = Credential::new("alice", "wrong").unwrap();
    let mut solo = Solo::new(config(1).with_credential(credential));
    solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp(OFFER)).unwrap();
    solo.drain();
    let challenge =
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n";
    let first = solo.last_request();
    solo.receive(reply(&first, 401, "x", challenge, ""));
    let second = solo.last_request();
    solo.receive(reply(&second, 401, "x", challenge, ""));
    assert_eq!(solo.told(), ["ended: refused 401"]);
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_reason() {
    for (extra, body, status, name, value) in [
        ("Require: 100rel, spells\r\n", "", 420, HeaderName::UNSUPPORTED, "spells"),
        ("Session-Expires: 60\r\nSupported: timer\r\n", "", 422, HeaderName::MIN_SE, "90"),
    ] {
        let mut solo = Solo::new(config(1));
        solo.receive(request("INVITE", "1", 7, extra, body));
        let refused = solo.last_response();
        assert_eq!(refused.view().status().as_u16(), status);
        assert_eq!(refused.headers().get(name), Some(value));
        assert!(solo.told().is_empty() && solo.agent.calls().next().is_none());
    }
    let mut solo = Solo::new(config(1));
    let text = request("INVITE", "1", 7, "", "hello").replace("application/sdp", "text/plain");
    solo.receive(text);
    assert_eq!(solo.last_response().headers().get(HeaderName::ACCEPT), Some("application/sdp"));
    assert_eq!(solo.sent(), ["415 INVITE"]);
    for method in ["BYE", "PRACK", "UPDATE", "INFO"] {
        let mut solo = Solo::new(config(1));
        solo.receive(request(method, "1", 7, "", ""));
        solo.receive(within(method, "2", 7, "nobody", "", ""));
        assert_eq!(solo.sent(), [format!("481 {method}"), format!("481 {method}")]);
    }
    let mut solo = Solo::new(config(1).with_calls_max(1));
    solo.receive(request("INVITE", "1", 7, "", OFFER));
    assert_eq!(solo.told().len(), 2);
    solo.receive(request("INVITE", "2", 7, "", OFFER).replace("by-hand", "other"));
    assert_eq!(solo.sent(), ["486 INVITE"]);
    assert_eq!(
        solo.agent.call(solo.now, "sip:x@192.0.2.9", None),
        Err(CommandError::Limit(proto_wire::LimitKind::Sessions))
    );
}

#[test]
fn a_ringing_call_is_kept_alive_each_minute() {
    let (mut solo, call) = incoming("");
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.drain();
    solo.sent();
    let sent = solo.wait(150_000);
    assert_eq!(sent, [(60_000, "180 INVITE".to_string()), (120_000, "180 INVITE".to_string())]);
}

#[test]
fn a_call_that_nobody_answers_is_given_up() {
    let (mut solo, _) = incoming("");
    let sent = solo.wait(180_000);
    assert_eq!(sent.last().unwrap().1, "480 INVITE");
    assert_eq!(solo.told(), ["ended: timedout"]);
}

#[test]
fn a_bye_ends_a_call_that_waits_and_its_requests_get_487() {
    let (mut solo, call) = incoming("");
    solo.agent.answer(solo.now, call, sdp("answer")).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    solo.receive(within("ACK", "2", 7, &tag, "", ""));
    solo.receive(within("INVITE", "3", 8, &tag, "", OFFER));
    solo.sent();
    solo.receive(within("BYE", "4", 9, &tag, "", ""));
    assert_eq!(solo.sent(), ["200 BYE", "487 INVITE"]);
    assert_eq!(solo.told(), ["confirmed", "offer v=0\r\n", "ended: remote"]);
    assert_eq!(solo.agent.accept(solo.now, call, sdp("x")), Err(CommandError::NoCall("accept")));
}

#[test]
fn an_ack_without_the_answer_that_it_owes_ends_the_call() {
    let mut solo = Solo::new(config(1));
    solo.receive(request("INVITE", "1", 7, "", ""));
    let call = solo.call();
    solo.agent.answer(solo.now, call, sdp("offer")).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    solo.sent();
    solo.receive(within("ACK", "2", 7, &tag, "", ""));
    let bye = solo.last_request();
    assert_eq!(solo.sent(), ["BYE 1"]);
    solo.receive(reply(&bye, 200, "", "", ""));
    assert_eq!(solo.told(), ["incoming", "confirmed", "ended: NoAnswer"]);
}

#[test]
fn trap_26_a_notify_may_come_before_the_202() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 200, "b", "", "answer"));
    solo.agent.refer(solo.now, call, "sip:carol@192.0.2.8").unwrap();
    solo.drain();
    let refer = solo.last_request();
    let our_tag = crate::headers::NameAddr::parse(refer.headers().bytes(HeaderName::FROM).unwrap())
        .unwrap()
        .tag()
        .unwrap()
        .to_string();
    let call_id = refer.headers().get(HeaderName::CALL_ID).unwrap().to_string();
    solo.sent();
    let notify = |cseq: u32, state: &str, body: &str| {
        within(
            "NOTIFY",
            &format!("n{cseq}"),
            cseq,
            &our_tag,
            &format!("Event: refer;id=2\r\nSubscription-State: {state}\r\n"),
            body,
        )
        .replace("tag=p", "tag=b")
        .replace("by-hand", &call_id)
        .replace("application/sdp", "message/sipfrag")
    };
    solo.receive(notify(1, "active;expires=60", "SIP/2.0 100 Trying\r\n"));
    assert_eq!(solo.sent(), ["200 NOTIFY"]);
    solo.receive(reply(&refer, 202, "", "", ""));
    solo.receive(notify(2, "terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n"));
    assert_eq!(solo.sent(), ["200 NOTIFY"]);
    assert_eq!(solo.told(), ["answered 200", "answer answer", "refer 100 false", "refer 486 true"]);
    // Behind the end there is no subscription.
    solo.receive(notify(3, "active", ""));
    assert_eq!(solo.sent(), ["481 NOTIFY"]);
}

#[test]
fn rfc_5057_a_481_to_a_change_ends_the_call() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 200, "b", "", "answer"));
    solo.agent.reinvite(solo.now, call, sdp("x")).unwrap();
    solo.drain();
    let change = solo.last_request();
    solo.sent();
    solo.receive(reply(&change, 481, "", "", ""));
    let bye = solo.last_request();
    assert_eq!(solo.sent(), ["ACK 2", "BYE 3"]);
    solo.receive(reply(&bye, 481, "", "", ""));
    assert_eq!(solo.told(), ["answered 200", "answer answer", "ended: lost 481"]);
}

#[test]
fn a_call_that_was_cancelled_without_effect_leaves_nothing_behind() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 180, "b", "", ""));
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    solo.wait(64_000);
    assert_eq!(solo.told(), ["progress 180", "ended: local"]);
    solo.sent();
    assert!(
        solo.agent.calls.is_empty()
            && solo.agent.uses.is_empty()
            && solo.agent.poll_timeout().is_none()
    );
    // RFC 6026 §7.2: a response to no request is dropped.
    solo.receive(reply(&invite, 200, "b", "", "answer"));
    assert_eq!((solo.sent(), solo.told()), (Vec::new(), ["endpoint".to_string()].into()));
}

#[test]
fn a_fork_that_answers_behind_the_end_of_the_call_is_acknowledged_and_ended() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 200, "b1", "", "answer"));
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    let bye = solo.last_request();
    solo.receive(reply(&bye, 200, "", "", ""));
    assert_eq!(solo.told(), ["answered 200", "answer answer", "ended: local"]);
    solo.sent();
    solo.receive(reply(&invite, 200, "b2", "", "answer"));
    assert_eq!(solo.sent(), ["ACK 1", "BYE 2"]);
    // The first one again: its ACK was lost.
    solo.receive(reply(&invite, 200, "b1", "", "answer"));
    assert_eq!(solo.sent(), ["ACK 1"]);
    assert!(solo.told().is_empty());
    solo.wait(64_000);
    assert!(solo.agent.calls.is_empty() && solo.agent.uses.is_empty());
}

/// RFC 3261 §15: a callee answers its INVITE and never says BYE before; what is lost while it rings
/// leaves nothing behind.
#[test]
fn a_call_that_is_lost_while_it_rings_ends_by_its_invite() {
    let (mut solo, call) = incoming("");
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.agent.request(solo.now, call, Method::Info, None, &[]).unwrap();
    solo.drain();
    let info = solo.last_request();
    solo.sent();
    solo.receive(reply(&info, 481, "", "", ""));
    assert_eq!(solo.sent(), ["487 INVITE"]);
    assert_eq!(solo.told(), ["reply 481", "ended: lost 481"]);
    solo.wait(100_000);
    assert!(solo.agent.calls.is_empty() && solo.agent.uses.is_empty());
}
