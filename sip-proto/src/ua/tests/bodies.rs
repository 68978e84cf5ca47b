//! Bodies, codings and extensions that are not understood, in calls and outside (RFC 3261 §8.2.2.3, §8.2.3).

use super::*;

/// The refusal of an INVITE with these, if it is one.
fn refusal(extra: &str, kind: &str, body: &str) -> Option<ResponseBuf> {
    let mut solo = Solo::new(config(1));
    let text = request("INVITE", "1", 7, extra, body).replace("application/sdp", kind);
    solo.receive(text);
    match solo.agent.calls().count() {
        0 => Some(solo.last_response()),
        _ => None,
    }
}

#[test]
fn an_invite_whose_body_or_answer_cannot_be_understood_is_refused() {
    const OFFER: &str = "v=0\r\n";
    for (extra, kind, expected) in [
        ("", "application/sdp", 0),
        ("", "text/plain", 415),
        ("Content-Disposition: render;handling=optional\r\n", "text/plain", 0),
        ("Content-Encoding: gzip\r\n", "application/sdp", 415),
        ("e: identity\r\n", "application/sdp", 0),
        (
            "Content-Encoding: gzip\r\nContent-Disposition: x;handling=optional\r\n",
            "application/sdp",
            0,
        ),
        // RFC 4475 §3.3.15: no answer could be given.
        ("Accept: text/nobodyKnowsThis\r\n", "application/sdp", 406),
        ("Accept: text/plain, application/*;q=0.5\r\n", "application/sdp", 0),
        ("Accept: text/plain\r\nAccept: */*\r\n", "application/sdp", 0),
        ("Accept: application/sdp;q=0.0\r\n", "application/sdp", 406),
        ("Accept:\r\n", "application/sdp", 406),
    ] {
        let refused = refusal(extra, kind, OFFER);
        let status = refused.map_or(0, |r| r.view().status().as_u16());
        assert_eq!(status, expected, "{extra} {kind}");
    }
    let refused = refusal("", "text/plain", OFFER).unwrap();
    assert_eq!(refused.headers().get(HeaderName::ACCEPT), Some("application/sdp"));
    let refused = refusal("Content-Encoding: gzip\r\n", "application/sdp", OFFER).unwrap();
    assert_eq!(refused.headers().get(HeaderName::ACCEPT_ENCODING), Some("identity"));
}

#[test]
fn a_coded_message_is_refused_unless_the_application_undoes_the_coding() {
    let coded = |n: &str| {
        request("MESSAGE", n, 1, "Content-Encoding: x-own\r\n", "body")
            .replace("application/sdp", "text/plain")
            .replace("Contact: <sip:peer@192.0.2.9>\r\n", "")
    };
    let mut solo = Solo::new(config(1));
    solo.receive(coded("1"));
    let refused = solo.last_response();
    assert_eq!(refused.headers().get(HeaderName::ACCEPT_ENCODING), Some("identity"));
    assert_eq!((solo.sent(), solo.told().len()), (["415 MESSAGE".to_string()].into(), 0));
    let mut solo = Solo::new(config(1).with_codings(["X-Own"]));
    solo.receive(coded("1"));
    assert_eq!((solo.sent(), solo.told().len()), (["200 MESSAGE".to_string()].into(), 1));
    solo.receive(request("OPTIONS", "2", 2, "", ""));
    let options = solo.last_response();
    assert_eq!(options.headers().get(HeaderName::ACCEPT_ENCODING), Some("X-Own, identity"));
}

/// What a first request is refused for, a request in a call is too; the call goes on.
#[test]
fn requests_in_a_call_are_judged_as_those_outside() {
    let (mut solo, call, tag) = answered();
    for (n, (method, extra, kind, status)) in [
        ("INVITE", "Require: spells\r\n", "application/sdp", 420),
        ("UPDATE", "Require: spells\r\n", "application/sdp", 420),
        ("BYE", "Require: spells\r\n", "application/sdp", 420),
        ("MESSAGE", "Require: spells\r\n", "application/sdp", 420),
        ("INVITE", "", "text/plain", 415),
        ("UPDATE", "", "text/plain", 415),
        ("UPDATE", "Content-Encoding: gzip\r\n", "application/sdp", 415),
        ("INVITE", "Accept: text/plain\r\n", "application/sdp", 406),
    ]
    .into_iter()
    .enumerate()
    {
        let cseq = 8 + u32::try_from(n).unwrap();
        let text = within(method, &format!("r{n}"), cseq, &tag, extra, "v=0\r\n");
        solo.receive(text.replace("application/sdp", kind));
        assert_eq!(solo.last_response().view().status().as_u16(), status, "{method} {extra}{kind}");
    }
    assert!(solo.told().is_empty());
    assert_eq!(solo.agent.phase(call), Phase::Up);
    solo.receive(within("BYE", "bye", 90, &tag, "", ""));
    assert_eq!(solo.told(), ["ended: remote"]);
}

/// RFC 3261 §12.2: who refreshes the target moves; the way to it stays.
#[test]
fn trap_13_a_target_refresh_moves_the_target_and_not_the_route() {
    let mut solo = Solo::new(config(1));
    let route = "Record-Route: <sip:192.0.2.5;lr>\r\n";
    solo.receive(request("INVITE", "1", 7, route, "v=0\r\n"));
    let call = solo.call();
    let tag = solo.answer(call);
    solo.receive(within("ACK", "a", 7, &tag, "", ""));
    let elsewhere = |text: String, n: u8| {
        let text = text.replace("<sip:peer@192.0.2.9>", &format!("<sip:peer@192.0.2.{n}>"));
        text.replace("Max-Forwards", "Record-Route: <sip:evil;lr>\r\nMax-Forwards")
    };
    let place = |solo: &mut Solo| {
        solo.agent.request(solo.now, call, Method::Info, None, &[]).unwrap();
        solo.drain();
        let info = solo.last_request();
        assert_eq!(info.headers().get(HeaderName::ROUTE), Some("<sip:192.0.2.5;lr>"));
        String::from_utf8_lossy(info.view().uri_bytes()).into_owned()
    };
    assert_eq!(place(&mut solo), "sip:peer@192.0.2.9");
    // Theirs: an UPDATE without an offer, and a re-INVITE once it is answered.
    solo.receive(elsewhere(within("UPDATE", "u", 8, &tag, "", ""), 20));
    assert_eq!(place(&mut solo), "sip:peer@192.0.2.20");
    solo.receive(elsewhere(within("INVITE", "i", 9, &tag, "", "v=0\r\n"), 21));
    assert_eq!(place(&mut solo), "sip:peer@192.0.2.20", "not before it is answered");
    solo.agent.accept(solo.now, call, sdp("v=0\r\n")).unwrap();
    solo.drain();
    assert_eq!(place(&mut solo), "sip:peer@192.0.2.21");
    solo.receive(elsewhere(within("ACK", "b", 9, &tag, "", ""), 22));
    // INFO and MESSAGE refresh nothing, whatever Contact they have.
    solo.receive(elsewhere(within("MESSAGE", "m", 10, &tag, "", ""), 23));
    assert_eq!(place(&mut solo), "sip:peer@192.0.2.21");
    // Ours: what the 2xx says.
    solo.agent.update(solo.now, call, sdp("v=0\r\n")).unwrap();
    solo.drain();
    let update = solo.last_request();
    let answer = reply(&update, 200, "", "Record-Route: <sip:evil;lr>\r\n", "v=0\r\n");
    solo.receive(answer.replace("<sip:peer@192.0.2.9>", "<sip:peer@192.0.2.24>"));
    assert_eq!(place(&mut solo), "sip:peer@192.0.2.24");
}

/// RFC 3261 §14.1: 2.1 to 4 s for who made the Call-ID, else 0 to 2 s, in steps of 10 ms; five times.
#[test]
fn trap_13_the_wait_behind_a_collision_is_drawn_in_steps_of_10_ms() {
    let mut seen = alloc::collections::BTreeSet::new();
    for seed in 0..40_u64 {
        let mut solo = Solo::new(config(1));
        solo.agent = UserAgent::new(Instant::ZERO, config(1), Seed::from_u64(seed));
        let call = solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp("v=0\r\n")).unwrap();
        solo.drain();
        let invite = solo.last_request();
        solo.receive(reply(&invite, 200, "b", "", "v=0\r\n"));
        solo.agent.reinvite(solo.now, call, sdp("v=0\r\n")).unwrap();
        solo.drain();
        let change = solo.last_request();
        solo.sent();
        solo.receive(reply(&change, 491, "", "", ""));
        assert_eq!(solo.sent(), ["ACK 2"]);
        let (at, timer) = solo.agent.next_timer().unwrap();
        assert_eq!(timer, Timer::Call(call, CallTimer::GlareOver));
        let ms = at.as_nanos() / 1_000_000;
        assert!((2100..=4000).contains(&ms) && ms % 10 == 0, "{ms}");
        seen.insert(ms);
        let sent = solo.wait(4_000);
        assert_eq!(sent.first(), Some(&(u128::from(ms), "INVITE 3".to_string())));
    }
    assert!(seen.len() > 20, "{seen:?}");
    // The callee waits less, and tells after five collisions.
    let (mut solo, call) = incoming("");
    let tag = solo.answer(call);
    solo.receive(within("ACK", "a", 7, &tag, "", ""));
    solo.agent.update(solo.now, call, sdp("v=0\r\n")).unwrap();
    solo.drain();
    solo.told();
    let mut collisions = 0;
    while solo.told().is_empty() {
        let update = solo.last_request();
        solo.sent();
        solo.receive(reply(&update, 491, "", "", ""));
        collisions += 1;
        if let Some((at, Timer::Call(_, CallTimer::GlareOver))) = solo.agent.next_timer() {
            let ms = at.saturating_since(solo.now).as_millis();
            assert!(ms <= 2000 && ms % 10 == 0, "{ms}");
            solo.now = at;
            solo.agent.handle_timeout(at);
            solo.drain();
        }
        assert!(collisions < 10);
    }
    assert_eq!(collisions, 5);
    assert_eq!(solo.agent.phase(call), Phase::Up);
}

/// RFC 3261 §12.1.2: a tag that is another in the 2xx than in the 180 makes another dialog, and that is
/// the call; 100 is never sent reliably, nor is anything a second time before its PRACK.
#[test]
fn user_report_14_a_tag_that_changes_between_180_and_200_does_not_lose_the_call() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 180, "early", "Require: 100rel\r\nRSeq: 1\r\n", ""));
    assert!(solo.last_request().headers().get(HeaderName::TO).unwrap().ends_with(";tag=early"));
    solo.receive(reply(&invite, 200, "late", "", "v=0\r\n"));
    let ack = solo.last_request();
    assert!(ack.headers().get(HeaderName::TO).unwrap().ends_with(";tag=late"));
    assert_eq!(solo.agent.phase(call), Phase::Up);
    solo.sent();
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    assert!(solo.last_request().headers().get(HeaderName::TO).unwrap().ends_with(";tag=late"));
    // We do not ring with 100.
    let (mut solo, call) = incoming("Require: 100rel\r\n");
    for status in [StatusCode::TRYING, StatusCode::OK] {
        assert!(solo.agent.ring(solo.now, call, status, None).is_err(), "{status}");
    }
    solo.sent();
    solo.wait(300);
    // The 100 of the transaction asks for no PRACK.
    solo.receive(request("INVITE", "1", 7, "Require: 100rel\r\n", "v=0\r\n"));
    let trying = solo.last_response();
    assert_eq!(trying.view().status(), StatusCode::TRYING);
    assert!(trying.headers().first(HeaderName::RSEQ).is_none());
}
