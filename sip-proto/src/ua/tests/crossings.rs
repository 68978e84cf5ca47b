//! What happens when features meet: UPDATE in a call that rings, forks, reliable responses to later
//! INVITEs (RFC 3261 §13.2.2.4, RFC 3262 §3, RFC 3311 §5).

use super::*;
use alloc::vec;

const SDP: &str = "v=0\r\n";
const RELIABLE: &str = "Require: 100rel\r\n";

/// A call of the peer that rings reliably and was changed with an UPDATE since; our tag, and the `RSeq`.
fn updated_while_it_rings() -> (Solo, CallRef, String, u32) {
    let mut solo = Solo::new(config(1));
    let extra = "Require: 100rel\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n";
    solo.receive(request("INVITE", "1", 7, extra, SDP));
    let call = solo.call();
    solo.agent.ring(solo.now, call, StatusCode::SESSION_PROGRESS, sdp(SDP)).unwrap();
    solo.drain();
    let progress = solo.last_response();
    let rseq = progress.headers().typed::<crate::headers::RSeq>().unwrap().unwrap().0;
    let tag = to_tag(&progress);
    solo.receive(within("PRACK", "2", 8, &tag, &format!("RAck: {rseq} 7 INVITE\r\n"), ""));
    solo.receive(within("UPDATE", "3", 9, &tag, "", SDP));
    solo.sent();
    (solo, call, tag, rseq)
}

/// RFC 3262 §3: `RAck` names the INVITE, not the request that came last.
#[test]
fn a_prack_behind_an_early_update_is_taken() {
    let (mut solo, call, tag, rseq) = updated_while_it_rings();
    solo.agent.accept(solo.now, call, sdp(SDP)).unwrap();
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), ["200 UPDATE", "180 INVITE"]);
    let rack = format!("RAck: {} 7 INVITE\r\n", rseq + 1);
    solo.receive(within("PRACK", "4", 10, &tag, &rack, ""));
    assert_eq!(solo.sent(), ["200 PRACK"]);
}

/// RFC 3261 §12.1.1: the 2xx tells the route of the INVITE.
#[test]
fn the_2xx_behind_an_early_update_has_the_route_of_the_invite() {
    let (mut solo, call, _, _) = updated_while_it_rings();
    solo.agent.accept(solo.now, call, sdp(SDP)).unwrap();
    solo.agent.answer(solo.now, call, None).unwrap();
    solo.drain();
    let ok = solo.last_response();
    assert_eq!(ok.headers().get(HeaderName::RECORD_ROUTE), Some("<sip:192.0.2.9;lr>"));
}

/// RFC 3261 §8.2.6: every request gets a final response; what is not answered is never forgotten either.
#[test]
fn an_update_that_waits_is_answered_when_the_call_is_cancelled_or_refused() {
    for cancelled in [true, false] {
        let (mut solo, call, _, _) = updated_while_it_rings();
        if cancelled {
            solo.receive(request("CANCEL", "1", 7, "", ""));
        } else {
            solo.agent.reject(solo.now, call, StatusCode::BUSY_HERE).unwrap();
            solo.drain();
        }
        let sent = solo.sent();
        assert!(sent.contains(&"487 UPDATE".to_string()), "{sent:?}");
        solo.wait(100_000);
        assert_eq!(solo.agent.endpoint().transactions(), 0);
    }
}

/// Two forks that ring; the INVITE.
fn forked() -> (Solo, CallRef, RequestBuf) {
    let (mut solo, call, invite) = calling();
    for (fork, rseq) in [("b1", 5), ("b2", 8)] {
        let extra = format!("{RELIABLE}RSeq: {rseq}\r\n");
        solo.receive(reply(&invite, 183, fork, &extra, SDP));
        let prack = solo.last_request();
        solo.receive(reply(&prack, 200, "", "", ""));
    }
    solo.sent();
    solo.told();
    (solo, call, invite)
}

/// Our request for a change in one fork says nothing of the call that another one became.
#[test]
fn an_update_that_a_lost_fork_refuses_does_not_end_the_call() {
    let (mut solo, call, invite) = forked();
    solo.agent.update(solo.now, call, sdp(SDP)).unwrap();
    solo.drain();
    let update = solo.last_request();
    assert!(update.headers().get(HeaderName::TO).unwrap().ends_with(";tag=b1"));
    solo.receive(reply(&invite, 200, "b2", "", ""));
    solo.sent();
    solo.told();
    solo.receive(reply(&update, 481, "", "", ""));
    assert_eq!((solo.sent(), solo.agent.phase(call)), (vec![], Phase::Up));
    // And another may be asked for now.
    solo.agent.update(solo.now, call, sdp(SDP)).unwrap();
    solo.drain();
    assert!(solo.last_request().headers().get(HeaderName::TO).unwrap().ends_with(";tag=b2"));
}

/// RFC 3311 §5.2: each early dialog has a session of its own.
#[test]
fn an_update_of_a_later_fork_is_answered_in_that_fork() {
    let (mut solo, call, invite) = forked();
    let of_fork = |method: &str, branch: &str, fork: &str| {
        let ids = [HeaderName::FROM, HeaderName::CALL_ID];
        let [from, call_id] = ids.map(|name| invite.headers().get(name).unwrap());
        request(method, branch, 1, "", SDP)
            .replace(
                "From: <sip:peer@example.com>;tag=p",
                &format!("From: <sip:bob@192.0.2.9>;tag={fork}"),
            )
            .replace("To: <sip:u1@example.com>", &format!("To: {from}"))
            .replace("Call-ID: by-hand", &format!("Call-ID: {call_id}"))
    };
    solo.receive(of_fork("UPDATE", "u", "b2"));
    assert_eq!(solo.told(), ["offer v=0\r\n"]);
    solo.agent.accept(solo.now, call, sdp(SDP)).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), ["200 UPDATE"]);
    // One that waits when another fork answers is answered too.
    solo.receive(of_fork("UPDATE", "v", "b1"));
    solo.sent();
    solo.receive(reply(&invite, 200, "b2", "", ""));
    let mut sent = solo.sent();
    sent.sort();
    assert_eq!(sent, ["487 UPDATE", "ACK 1"]);
    assert!(solo.agent.reinvite(solo.now, call, sdp(SDP)).is_ok());
}

/// RFC 3262 §3: the numbers of one INVITE say nothing of those of the next.
#[test]
fn a_reliable_response_to_a_later_invite_is_acknowledged_whatever_its_number() {
    let (mut solo, call, invite) = forked();
    solo.receive(reply(&invite, 200, "b1", "", ""));
    solo.agent.reinvite(solo.now, call, sdp(SDP)).unwrap();
    solo.drain();
    let change = solo.last_request();
    solo.sent();
    solo.receive(reply(&change, 183, "b1", "Require: 100rel\r\nRSeq: 1\r\n", SDP));
    assert_eq!(solo.sent(), ["PRACK 4"]);
}

/// A `?` before the `@` begins no headers (RFC 3261 §25.1).
#[test]
fn a_redirection_to_a_user_with_a_question_mark_is_followed() {
    let mut solo = Solo::new(config(1).with_redirects_max(3));
    solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp(SDP)).unwrap();
    solo.drain();
    let invite = solo.last_request();
    solo.sent();
    let contact = "Contact: <sip:where?@192.0.2.9;method=INVITE?Subject=x>\r\n";
    solo.receive(reply(&invite, 302, "b", contact, ""));
    let again = solo.last_request();
    assert_eq!(again.view().uri_bytes(), b"sip:where?@192.0.2.9");
}

/// RFC 3261 §15: the callee says no BYE before the ACK came, whoever takes the call over.
#[test]
fn a_call_that_is_replaced_before_its_ack_ends_behind_it() {
    let (mut solo, old) = incoming("");
    let tag = solo.answer(old);
    let replaces = format!("Replaces: by-hand;to-tag={tag};from-tag=p\r\n");
    let second = request("INVITE", "2", 1, &replaces, SDP).replace("by-hand\r\n", "other\r\n");
    solo.receive(second.replace("tag=p\r\nTo", "tag=q\r\nTo"));
    let new = solo.call();
    assert_ne!(old, new);
    solo.sent();
    solo.agent.answer(solo.now, new, sdp(SDP)).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), ["200 INVITE"]);
    solo.told();
    solo.receive(within("ACK", "a", 7, &tag, "", ""));
    assert_eq!(solo.sent(), ["BYE 1"]);
    solo.receive(within("BYE", "b", 8, &tag, "", ""));
    solo.wait(40_000);
    assert!(solo.told().contains(&"ended: replaced".to_string()));
}

/// RFC 3515 §2.4.4, RFC 6665 §4.2.1.1: a subscription that was made longer lasts longer, and what is told of
/// its time is true.
#[test]
fn a_refresh_of_the_subscription_of_a_refer_makes_it_longer() {
    let (mut solo, call, tag) = answered();
    solo.receive(within("REFER", "r", 8, &tag, "Refer-To: <sip:c@192.0.2.8>\r\n", ""));
    let Some(Event::Referred { id, .. }) = solo.events.pop() else { panic!("a REFER") };
    solo.agent.refer_accept(solo.now, call, id).unwrap();
    solo.drain();
    let expires = |solo: &Solo| {
        let notify = solo.last_request();
        let state = notify.headers().typed::<crate::headers::SubscriptionState<'_>>();
        state.unwrap().unwrap().expires()
    };
    let full = expires(&solo).unwrap();
    let first = solo.last_request();
    solo.receive(reply(&first, 200, "", "", ""));
    solo.wait(u64::from(full) * 1000 - 10_000);
    solo.receive(within("SUBSCRIBE", "s", 9, &tag, "Event: refer;id=8\r\nExpires: 60\r\n", ""));
    assert_eq!(solo.last_response().headers().get(HeaderName::EXPIRES), Some("60"));
    assert_eq!(expires(&solo), Some(60));
    let again = solo.last_request();
    solo.receive(reply(&again, 200, "", "", ""));
    solo.sent();
    assert_eq!(solo.wait(59_000), vec![]);
    let sent = solo.wait(1_000);
    assert_eq!(sent.len(), 1, "{sent:?}");
}

/// A `?` before the `@` begins no headers (RFC 3261 §25.1).
#[test]
fn a_referral_to_a_user_with_a_question_mark_is_called() {
    let (mut solo, call, tag) = answered();
    let to = "Refer-To: <sip:where?@192.0.2.8?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db>\r\n";
    solo.receive(within("REFER", "r", 8, &tag, to, ""));
    let Some(Event::Referred { id, request, .. }) = solo.events.pop() else { panic!("a REFER") };
    let refer = solo.agent.refer_accept(solo.now, call, id).unwrap();
    solo.agent.call_referred(solo.now, refer, &request, sdp(SDP)).unwrap();
    solo.drain();
    let invite = solo.last_request();
    assert_eq!(invite.view().uri_bytes(), b"sip:where?@192.0.2.8");
    assert_eq!(invite.headers().get(HeaderName::REPLACES), Some("x;to-tag=a;from-tag=b"));
}

/// RFC 3261 §13.3.1: an invitation that ends before it is answered is refused with 487.
#[test]
fn an_invitation_ends_when_its_expires_says() {
    let mut solo = Solo::new(config(1));
    solo.receive(request("INVITE", "1", 7, "Expires: 30\r\n", SDP));
    solo.sent();
    solo.told();
    assert!(solo.wait(29_999).iter().all(|(_, what)| what == "100 INVITE"));
    assert_eq!(solo.wait(1), [(30_000, "487 INVITE".to_string())]);
    assert_eq!(solo.told(), ["ended: timedout"]);
    // Once it is answered this says nothing any more; and longer than we would ring it does not last.
    let (mut solo, call) = incoming("Expires: 30\r\n");
    let tag = solo.answer(call);
    solo.receive(within("ACK", "a", 7, &tag, "", ""));
    solo.wait(100_000);
    assert_eq!(solo.agent.phase(call), Phase::Up);
    let mut solo = Solo::new(config(1));
    solo.receive(request("INVITE", "1", 7, "Expires: 4000\r\n", SDP));
    let sent = solo.wait(180_000);
    assert_eq!(sent.last(), Some(&(180_000, "480 INVITE".to_string())));
}

/// The event of a request that nobody answers, or that leads nowhere, names its method like all others.
#[test]
fn a_request_without_an_answer_is_told_with_its_method() {
    for (uri, ms) in [("sip:b@192.0.2.9", 32_000), ("sip:b@nowhere.example", 0)] {
        let mut solo = Solo::new(config(1));
        solo.agent.ask(solo.now, uri, Method::Options, None, &[]).unwrap();
        solo.drain();
        if let Some(Event::LookupWanted { lookup, .. }) = solo.events.pop() {
            solo.agent.looked_up(solo.now, lookup, None);
            solo.drain();
        }
        solo.wait(ms);
        let Some(Event::Reply { method, .. }) = solo.events.pop() else { panic!("{uri}") };
        assert_eq!(method, "OPTIONS", "{uri}");
    }
}

/// However many rang before: who answers is acknowledged, and the call can be ended.
#[test]
fn a_call_is_answered_by_one_fork_more_than_rang() {
    let mut solo = Solo::new(config(1).with_forks_max(2));
    let call = solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp(SDP)).unwrap();
    solo.drain();
    let invite = solo.last_request();
    for fork in ["b1", "b2", "b3"] {
        solo.receive(reply(&invite, 180, fork, "", ""));
    }
    solo.sent();
    solo.receive(reply(&invite, 200, "b3", "", SDP));
    assert_eq!(solo.sent(), ["ACK 1"]);
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), ["BYE 2"]);
}

/// A 2xx whose route cannot be read cannot be acknowledged; nothing else ends the call then, so hanging up does.
#[test]
fn a_call_that_was_answered_with_nonsense_is_over_when_it_is_hung_up() {
    for (rings, hung_up_before) in [(false, false), (true, false), (false, true), (true, true)] {
        let (mut solo, call, invite) = calling();
        if rings {
            solo.receive(reply(&invite, 180, "b1", "", ""));
        }
        let nonsense = reply(&invite, 200, "b1", "Record-Route: <\r\n", SDP);
        if hung_up_before {
            solo.agent.hang_up(solo.now, call).unwrap();
            solo.drain();
        }
        solo.receive(nonsense);
        if !hung_up_before {
            solo.agent.hang_up(solo.now, call).unwrap();
            solo.drain();
        }
        assert_eq!(solo.agent.calls().count(), 0, "{rings} {hung_up_before}");
    }
}
