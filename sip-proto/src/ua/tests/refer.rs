//! Referrals: their outcome, and that they outlive their call.

use super::*;

fn referred(net: &Net, n: u8) -> (TransactionId, RequestBuf) {
    let found = net.events.iter().rev().find_map(|(who, e)| match e {
        Event::Referred { id, request, .. } if *who == n => Some((*id, request.clone())),
        _ => None,
    });
    found.expect("a REFER")
}

fn three() -> Net {
    Net::new((1..=3).map(config).collect())
}

/// RFC 3515 §2.4.4, RFC 5057 §4.1: BYE ends the call, not the subscription.
#[test]
fn trap_26_a_referral_outlives_the_bye_of_its_call() {
    for ender in [1, 2] {
        let mut net = three();
        let (one, two) = net.up();
        let now = net.now();
        net.at(1).refer(now, one, &uri(3)).unwrap();
        net.run(0);
        let (id, request) = referred(&net, 2);
        let refer = net.at(2).refer_accept(now, two, id).unwrap();
        let third = net.at(2).call_referred(now, refer, &request, sdp("offer")).unwrap();
        net.run(0);
        let call = if ender == 1 { one } else { two };
        net.at(ender).hang_up(now, call).unwrap();
        net.run(1);
        let at_three = net.at(3).calls().next().unwrap();
        let took = net.took_sorted(1);
        let expected = if ender == 1 { "1 ended: local" } else { "1 ended: remote" };
        assert_eq!(took, [expected, "1 refer 100 false"]);
        assert_eq!((net.at(1).phase(one), net.at(2).phase(two)), (Phase::Over, Phase::Over));
        // What is over is over: only NOTIFY passes in the dialog.
        let now = net.now();
        assert!(matches!(net.at(1).hang_up(now, one), Err(CommandError::NoCall(_))));
        net.at(3).ring(now, at_three, StatusCode::RINGING, None).unwrap();
        net.at(3).answer(now, at_three, sdp("answer")).unwrap();
        net.run(0);
        assert_eq!(net.took_sorted(1), ["1 refer 180 false", "1 refer 200 true"]);
        assert_eq!(net.at(2).phase(third), Phase::Up);
        net.at(2).hang_up(now, third).unwrap();
        net.run(100);
        for n in 1..=3 {
            let agent = net.at(n);
            assert!(agent.calls.is_empty() && agent.dialogs.is_empty() && agent.refers.is_empty());
            assert_eq!(agent.poll_timeout(), None);
        }
    }
}

impl Net {
    fn took_sorted(&mut self, n: u8) -> Vec<String> {
        let prefix = format!("{n} ");
        let mut took: Vec<_> = self.took().into_iter().filter(|t| t.starts_with(&prefix)).collect();
        took.sort();
        took
    }
}

/// The outcome is the answer that the referred call got, whatever it is.
#[test]
fn the_outcome_of_a_referred_call_is_told_by_itself() {
    for (status, outcome) in [(StatusCode::BUSY_HERE, 486), (StatusCode::DECLINE, 603)] {
        let mut net = three();
        let (one, two) = net.up();
        let now = net.now();
        net.at(1).refer(now, one, &uri(3)).unwrap();
        net.run(0);
        let (id, request) = referred(&net, 2);
        let refer = net.at(2).refer_accept(now, two, id).unwrap();
        net.at(2).call_referred(now, refer, &request, sdp("offer")).unwrap();
        net.run(0);
        let at_three = net.at(3).calls().next().unwrap();
        let (_, event) = net.events.iter().find(|(n, _)| *n == 3).unwrap().clone();
        let Event::Incoming { request, .. } = event else { panic!() };
        let by = request.headers().get(HeaderName::REFERRED_BY);
        assert_eq!(by, Some("<sip:u1@example.com>"));
        net.took();
        net.at(3).reject(now, at_three, status).unwrap();
        net.run(0);
        assert_eq!(net.took_sorted(1), [format!("1 refer {outcome} true")]);
        // The call that it was sent in goes on.
        assert_eq!(net.at(1).phase(one), Phase::Up);
        let now = net.now();
        let again = net.at(2).call_referred(now, refer, &request, None);
        assert_eq!(again, Err(CommandError::State("call_referred")));
    }
}

/// RFC 5589 §7: the Replaces of Refer-To goes into the new INVITE, and nothing that is not
/// for others to set.
#[test]
fn headers_of_refer_to_are_taken_with_care() {
    let mut net = three();
    let (one, two) = net.up();
    let now = net.now();
    let to = format!(
        "{}?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Call-ID=evil&Subject=x%0d%0aVia:y",
        uri(3)
    );
    net.at(1).refer(now, one, &to).unwrap();
    net.run(0);
    let (id, request) = referred(&net, 2);
    let refer = net.at(2).refer_accept(now, two, id).unwrap();
    let third = net.at(2).call_referred(now, refer, &request, sdp("offer")).unwrap();
    let out = net.at(2).sent.values().find(|s| s.request.view().method() == Method::Invite);
    let invite = out.unwrap().request.clone();
    assert_eq!(invite.headers().get(HeaderName::REPLACES), Some("a@b;to-tag=1;from-tag=2"));
    assert_ne!(invite.headers().get(HeaderName::CALL_ID), Some("evil"));
    assert!(invite.headers().get(HeaderName::SUBJECT).is_none());
    assert_eq!(invite.view().uri_bytes(), uri(3).as_bytes());
    net.run(0);
    // There is no such dialog at the third.
    assert_eq!(net.at(2).phase(third), Phase::Over);
    assert!(net.took().contains(&"1 refer 481 true".to_string()));
}

/// A peer that takes a REFER and says nothing more: Timer N (RFC 6665 §4.1.2.4), then the
/// time that it promised.
#[test]
fn a_referral_that_nobody_tells_of_ends_by_its_timer() {
    let (mut solo, call, invite) = calling();
    solo.receive(reply(&invite, 200, "b", "", "v=0"));
    solo.told();
    solo.agent.refer(solo.now, call, "sip:c@192.0.2.8").unwrap();
    solo.drain();
    let refer = solo.last_request();
    solo.receive(reply(&refer, 202, "", "", ""));
    solo.wait(31_999);
    assert_eq!(solo.told(), Vec::<String>::new());
    solo.wait(1);
    assert_eq!(solo.told(), ["refer 0 true"]);
    assert_eq!(solo.agent.phase(call), Phase::Up);
}

/// RFC 3515 §2.4.6: several in one dialog, told apart by their id.
#[test]
fn several_referrals_in_one_call_are_told_apart() {
    let mut net = three();
    let (one, two) = net.up();
    let now = net.now();
    let first = net.at(1).refer(now, one, &uri(3)).unwrap();
    let second = net.at(1).refer(now, one, &uri(3)).unwrap();
    assert_ne!(first, second);
    net.run(0);
    let all: Vec<_> = net
        .events
        .iter()
        .filter_map(|(_, e)| match e {
            Event::Referred { id, .. } => Some(*id),
            _ => None,
        })
        .collect();
    let taken: Vec<_> =
        all.iter().map(|id| net.at(2).refer_accept(now, two, *id).unwrap()).collect();
    net.at(2).refer_progress(now, taken[1], StatusCode::OK).unwrap();
    net.at(2).refer_progress(now, taken[0], StatusCode::BUSY_HERE).unwrap();
    net.events.clear();
    net.run(0);
    let ends: Vec<_> = net
        .events
        .iter()
        .filter_map(|(_, e)| match e {
            Event::ReferProgress { refer, status: Some(status), over: true, .. } => {
                Some((*refer, status.as_u16()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(second, 200), (first, 486)]);
}

/// RFC 3515 §2.4.4: who asks may end its subscription; SUBSCRIBE to none is 403.
#[test]
fn a_referral_is_ended_by_subscribe_and_none_is_begun_by_it() {
    let (mut solo, call) = incoming("");
    let tag = solo.answer(call);
    solo.receive(within("ACK", "2", 7, &tag, "", ""));
    let subscribe = "Event: refer\r\nExpires: 0\r\n";
    solo.receive(within("SUBSCRIBE", "3", 8, &tag, subscribe, ""));
    solo.receive(within("REFER", "4", 9, &tag, "Refer-To: <sip:c@192.0.2.8>\r\n", ""));
    let Some(Event::Referred { id, .. }) = solo.events.last().cloned() else { panic!() };
    solo.agent.refer_accept(solo.now, call, id).unwrap();
    solo.drain();
    let sent = solo.sent();
    assert_eq!(sent, ["200 INVITE", "403 SUBSCRIBE", "202 REFER", "NOTIFY 1"]);
    solo.receive(within("SUBSCRIBE", "5", 10, &tag, "Event: refer;id=9\r\nExpires: 0\r\n", ""));
    let last = solo.last_request();
    let state = last.headers().get(HeaderName::SUBSCRIPTION_STATE);
    assert_eq!(state, Some("terminated;reason=timeout"));
    assert_eq!(solo.sent(), ["200 SUBSCRIBE", "NOTIFY 2"]);
    solo.receive(reply(&last, 200, "", "", ""));
    assert!(solo.agent.refers.is_empty());
    assert_eq!(solo.agent.phase(call), Phase::Up);
}

/// RFC 3911 §4.
#[test]
fn rfc_3911_a_third_joins_a_call_when_the_application_can_mix() {
    let mut net = Net::new(vec_with_join());
    let (_, two) = net.up();
    let id = net.at(2).dialog(two).unwrap().id().clone();
    let remote = id.remote_tag().unwrap();
    let join = format!("{};to-tag={};from-tag={remote}", id.call_id(), id.local_tag());
    let now = net.now();
    net.at(3).call_with(now, &uri(2), sdp("x"), &[(HeaderName::JOIN, &join)]).unwrap();
    net.run(0);
    assert!(net.log.contains(&(2, "incoming joining".to_string())));
    let (_, event) = net.events.iter().rev().find(|(n, e)| *n == 2 && e.call().is_some()).unwrap();
    let third = event.call().unwrap();
    net.at(2).answer(now, third, sdp("mixed")).unwrap();
    net.run(0);
    assert_eq!((net.at(2).phase(two), net.at(2).phase(third)), (Phase::Up, Phase::Up));
    for (headers, expected) in [
        ([(HeaderName::JOIN, "no;to-tag=a;from-tag=b"), (HeaderName::SUBJECT, "x")], "481"),
        ([(HeaderName::JOIN, &join), (HeaderName::REPLACES, "x;to-tag=a;from-tag=b")], "400"),
        ([(HeaderName::JOIN, &join), (HeaderName::JOIN, &join)], "400"),
    ] {
        net.took();
        net.at(3).call_with(now, &uri(2), sdp("x"), &headers).unwrap();
        net.run(0);
        assert_eq!(net.took(), [format!("3 ended: refused {expected}")], "{headers:?}");
    }
    // In another request.
    let mut solo = Solo::new(config(1).with_join(true));
    solo.receive(request("MESSAGE", "1", 1, "Join: x;to-tag=a;from-tag=b\r\n", ""));
    assert_eq!(solo.sent(), ["400 MESSAGE"]);
}

fn vec_with_join() -> Vec<Config> {
    (1..=3).map(|n| config(n).with_join(true)).collect()
}

/// As many REFERs as there may be in one dialog, and one more; as many redirections, and one more.
#[test]
fn referrals_and_redirections_are_bounded_at_n_and_not_at_n_plus_one() {
    let (mut solo, call) = incoming("");
    let tag = solo.answer(call);
    solo.receive(within("ACK", "2", 7, &tag, "", ""));
    for n in 0..17_u32 {
        solo.sent();
        let to = "Refer-To: <sip:c@192.0.2.8>\r\n";
        solo.receive(within("REFER", &format!("r{n}"), 8 + n, &tag, to, ""));
        if n < 16 {
            let Some(Event::Referred { id, .. }) = solo.events.last().cloned() else { panic!() };
            solo.agent.refer_accept(solo.now, call, id).unwrap();
            solo.drain();
        } else {
            assert_eq!(solo.sent(), ["603 REFER"]);
        }
    }
    assert_eq!(solo.agent.refers.len(), 16);

    let contacts = |n: u8| {
        let all: Vec<String> = (0..n).map(|i| format!("<sip:b{i}@192.0.2.9>")).collect();
        format!("Contact: {}\r\n", all.join(", "))
    };
    for (most, offered, tried) in [(3, 3, 3), (3, 4, 3), (0, 1, 0)] {
        let mut solo = Solo::new(config(1).with_redirects_max(most));
        solo.agent.call(solo.now, "sip:b@192.0.2.9", sdp("v=0")).unwrap();
        solo.drain();
        let mut invites = 0;
        let mut answer = (302, contacts(offered));
        while solo.told().is_empty() {
            let invite = solo.last_request();
            solo.sent();
            invites += 1;
            let text = reply(&invite, answer.0, "t", &answer.1, "");
            solo.receive(text);
            answer = (486, String::new());
        }
        assert_eq!(invites, 1 + tried, "{most} {offered}");
    }
}
