//! Changes of a session that are taken back (RFC 3261 §14.1, §9.1).

use super::*;
use alloc::vec;

/// A call that is up, asked for a change without a description, and offered one reliably.
fn offered_reliably_in_a_change() -> (Solo, CallRef, RequestBuf) {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 200, "b", "", "v=0\r\n"));
    solo.agent.reinvite(solo.now, call, None).unwrap();
    solo.drain();
    let change = solo.last_request();
    solo.receive(reply(&change, 183, "b", "Require: 100rel\r\nRSeq: 1\r\n", "v=0\r\n"));
    solo.sent();
    solo.told();
    (solo, call, change)
}

/// RFC 3261 §14.1: what is not agreed in a change leaves the session as it was.
#[test]
fn an_offer_of_a_reliable_response_to_a_change_is_refused_and_the_call_goes_on() {
    let (mut solo, call, change) = offered_reliably_in_a_change();
    solo.agent.refuse(solo.now, call, StatusCode::NOT_ACCEPTABLE_HERE).unwrap();
    solo.drain();
    assert_eq!((solo.sent(), solo.agent.phase(call)), (vec!["CANCEL 2".into()], Phase::Up));
    solo.receive(reply(&change, 487, "b", "", ""));
    assert_eq!(
        (solo.sent(), solo.told()),
        (vec!["ACK 2".into()], vec!["change refused 487".into()])
    );
    solo.wait(40_000);
    assert_eq!((solo.agent.phase(call), solo.told()), (Phase::Up, vec![]));
    // Another one may be asked for.
    solo.agent.reinvite(solo.now, call, sdp("v=0\r\n")).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), ["INVITE 3"]);
}

/// RFC 3261 §9.1: without an answer behind the CANCEL the change is taken as cancelled.
#[test]
fn a_change_whose_cancel_has_no_effect_is_given_up() {
    let (mut solo, call, _) = offered_reliably_in_a_change();
    solo.agent.refuse(solo.now, call, StatusCode::NOT_ACCEPTABLE_HERE).unwrap();
    solo.wait(32_000);
    assert_eq!(
        (solo.told(), solo.agent.phase(call)),
        (vec!["change refused 487".into()], Phase::Up)
    );
    solo.wait(32_000);
    assert_eq!(solo.agent.endpoint().transactions(), 0);
}

/// A peer that rings for a change and then says nothing keeps no transaction behind the call.
#[test]
fn a_change_without_a_final_answer_ends_with_its_call() {
    let (mut solo, call, _) = offered_reliably_in_a_change();
    solo.agent.hang_up(solo.now, call).unwrap();
    solo.drain();
    let bye = solo.last_request();
    solo.receive(reply(&bye, 200, "", "", ""));
    assert_eq!(solo.told(), ["ended: local"]);
    solo.wait(40_000);
    assert_eq!((solo.agent.calls().count(), solo.agent.endpoint().transactions()), (0, 0));
}

/// RFC 3311 §5.2, RFC 3261 §14.2: of two changes the peer asks for, the second waits until the first is
/// answered, and neither is forgotten.
#[test]
fn the_peers_second_change_waits_for_the_first() {
    for (first, second, wanted) in
        [("INVITE", "UPDATE", "offer wanted"), ("UPDATE", "INVITE", "offer v=0\r\n")]
    {
        let body = |method| if method == "UPDATE" { "v=0\r\n" } else { "" };
        let (mut solo, call, tag) = answered();
        solo.receive(within(first, "3", 8, &tag, "", body(first)));
        solo.receive(within(second, "4", 9, &tag, "", body(second)));
        assert!(solo.last_response().headers().get(HeaderName::RETRY_AFTER).is_some());
        assert_eq!(
            (solo.sent(), solo.told()),
            (vec![format!("500 {second}")], vec![wanted.into()])
        );
        solo.agent.accept(solo.now, call, sdp("v=0\r\n")).unwrap();
        solo.drain();
        assert_eq!(solo.sent(), [format!("200 {first}")]);
    }
}
