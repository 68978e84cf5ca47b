//! REFER outside of calls, and without a subscription (RFC 3515 §4.1, RFC 4488).

use super::*;

fn referred(net: &Net, n: u8) -> (CallRef, TransactionId, RequestBuf) {
    let found = net.events.iter().rev().find_map(|(who, e)| match e {
        Event::Referred { call, id, request, .. } if *who == n => {
            Some((*call, *id, request.clone()))
        }
        _ => None,
    });
    found.expect("a REFER")
}

fn of(net: &mut Net, n: u8) -> Vec<String> {
    let prefix = format!("{n} ");
    net.took().into_iter().filter(|t| t.starts_with(&prefix)).collect()
}

fn nothing_is_left(net: &mut Net) {
    net.run(400);
    for n in 1..=3 {
        let agent = net.at(n);
        assert!(agent.calls.is_empty() && agent.dialogs.is_empty() && agent.refers.is_empty());
        assert_eq!(agent.poll_timeout(), None);
    }
}

/// Click to dial: 1 asks 2, who is in no call with it, to call 3, and hears what becomes of it.
#[test]
fn a_refer_outside_of_calls_has_a_dialog_of_its_own() {
    let mut net = Net::new((1..=3).map(config).collect());
    let now = net.now();
    let ours = net.at(1).refer_outside(now, &uri(2), &uri(3)).unwrap();
    net.run(0);
    let (call, id, request) = referred(&net, 2);
    assert_eq!(net.at(2).calls().count(), 0, "it is no call");
    let refer = net.at(2).refer_accept(now, call, id).unwrap();
    assert!(net.at(2).refer_accept(now, call, id).is_err());
    let third = net.at(2).call_referred(now, refer, &request, sdp("offer")).unwrap();
    net.run(0);
    assert_eq!(of(&mut net, 1), ["1 refer 100 false"]);
    let at_three = net.at(3).calls().next().unwrap();
    net.at(3).answer(now, at_three, sdp("answer")).unwrap();
    net.run(0);
    let told = net.events.iter().find_map(|(n, e)| match e {
        Event::ReferProgress { refer, status, over: true, .. } if *n == 1 => {
            Some((*refer, *status))
        }
        _ => None,
    });
    assert_eq!(told, Some((ours, Some(StatusCode::OK))));
    // Neither side can do anything else with it.
    assert!(
        net.at(2).hang_up(now, call).is_err() && net.at(2).refer(now, call, "sip:x@y").is_err()
    );
    net.at(2).hang_up(now, third).unwrap();
    nothing_is_left(&mut net);
}

#[test]
fn a_refer_outside_of_calls_that_is_refused_or_not_answered() {
    let mut net = Net::new((1..=3).map(config).collect());
    let now = net.now();
    net.at(1).refer_outside(now, &uri(2), &uri(3)).unwrap();
    net.run(0);
    let (_, id, _) = referred(&net, 2);
    net.at(2).respond(now, id, StatusCode::DECLINE).unwrap();
    net.run(0);
    assert_eq!(of(&mut net, 1), ["1 refer 603 true"]);
    nothing_is_left(&mut net);
    let now = net.now();
    net.at(1).refer_outside(now, "sip:gone@192.0.2.99", &uri(3)).unwrap();
    net.run(40);
    assert_eq!(of(&mut net, 1), ["1 refer 408 true"]);
    nothing_is_left(&mut net);
}

/// RFC 6665 §4.1.2.4: the NOTIFY makes the dialog; the 2xx of the same peer adds nothing, that of
/// another fork is not subscribed to.
#[test]
fn user_report_16_a_notify_before_the_2xx_to_a_refer() {
    let mut solo = Solo::new(config(1));
    solo.agent.refer_outside(solo.now, "sip:bob@192.0.2.9", "sip:c@192.0.2.8").unwrap();
    solo.drain();
    let refer = solo.last_request();
    solo.sent();
    let tag = |r: &RequestBuf| {
        let from = r.headers().bytes(HeaderName::FROM).unwrap();
        crate::headers::NameAddr::parse(from).unwrap().tag().unwrap().to_string()
    };
    let call_id = refer.headers().get(HeaderName::CALL_ID).unwrap();
    let notify = |branch: &str, from: &str, cseq: u32, state: &str, status: u16| {
        let body = format!("SIP/2.0 {status} x\r\n");
        let extra = format!("Event: refer;id=1\r\nSubscription-State: {state}\r\n");
        within("NOTIFY", branch, cseq, &tag(&refer), &extra, &body)
            .replace("Call-ID: by-hand", &format!("Call-ID: {call_id}"))
            .replace("tag=p", &format!("tag={from}"))
            .replace("application/sdp", "message/sipfrag")
    };
    solo.receive(notify("1", "b", 1, "active;expires=60", 100));
    assert_eq!(solo.sent(), ["200 NOTIFY"]);
    assert_eq!(solo.told(), ["refer 100 false"]);
    solo.receive(reply(&refer, 202, "b", "", ""));
    solo.receive(notify("2", "other", 1, "active;expires=60", 100));
    assert_eq!(solo.sent(), ["481 NOTIFY"]);
    solo.receive(notify("3", "b", 2, "terminated;reason=noresource", 200));
    assert_eq!(solo.sent(), ["200 NOTIFY"]);
    assert_eq!(solo.told(), ["refer 200 true"]);
    assert!(solo.agent.calls.is_empty() && solo.agent.dialogs.is_empty());
}

/// The NOTIFY that makes the dialog brings the route set (RFC 6665 §4.4.1, as RFC 3261 §12.1.1), and one that
/// is refused ends the subscription of who is told (§4.2.2), who is not told again.
#[test]
fn user_report_16_routes_of_a_notify_are_kept_and_a_refused_one_is_the_last() {
    let mut solo = Solo::new(config(1));
    solo.agent.refer_outside(solo.now, "sip:bob@192.0.2.9", "sip:c@192.0.2.8").unwrap();
    solo.drain();
    let refer = solo.last_request();
    let from = refer.headers().bytes(HeaderName::FROM).unwrap();
    let tag = crate::headers::NameAddr::parse(from).unwrap().tag().unwrap().to_string();
    let extra = "Event: refer\r\nSubscription-State: active;expires=60\r\n\
        Record-Route: <sip:192.0.2.5;lr>, <sip:192.0.2.6;lr>\r\n";
    let notify = within("NOTIFY", "1", 1, &tag, extra, "SIP/2.0 100 x\r\n")
        .replace(
            "Call-ID: by-hand",
            &format!("Call-ID: {}", refer.headers().get(HeaderName::CALL_ID).unwrap()),
        )
        .replace("tag=p", "tag=b")
        .replace("application/sdp", "message/sipfrag");
    solo.receive(notify);
    let dialog =
        solo.agent.calls.values().find_map(|c| c.current()).map(|leg| &leg.dialog).unwrap();
    assert_eq!((dialog.next_hop(), dialog.target()), ("sip:192.0.2.5;lr", "sip:peer@192.0.2.9"));

    // The other side: ours is refused, and nothing more is told.
    let mut solo = Solo::new(config(1));
    solo.receive(request("REFER", "1", 7, "Refer-To: <sip:c@192.0.2.8>\r\n", ""));
    let Some(Event::Referred { call, id, .. }) = solo.events.last().cloned() else {
        panic!("a referral")
    };
    let refer = solo.agent.refer_accept(solo.now, call, id).unwrap();
    solo.drain();
    let first = solo.last_request();
    assert_eq!(first.view().method(), Method::Notify);
    solo.sent();
    solo.receive(reply(&first, 481, "", "", ""));
    assert!(solo.agent.refer_progress(solo.now, refer, StatusCode::OK).is_err());
    assert!(solo.wait(200_000).is_empty() && solo.agent.calls.is_empty());
}

/// RFC 4488 §4: no subscription, by wish of who asks; the outcome is nobody's business then.
#[test]
fn a_refer_without_a_subscription() {
    let quiet = |n: u8| config(n).with_refer_sub(n != 1);
    let mut net = Net::new((1..=3).map(quiet).collect());
    // Outside of calls, and within one.
    for within in [false, true] {
        let mut call = None;
        if within {
            call = Some(net.up());
        }
        let now = net.now();
        match call {
            Some((one, _)) => net.at(1).refer(now, one, &uri(3)).unwrap(),
            None => net.at(1).refer_outside(now, &uri(2), &uri(3)).unwrap(),
        };
        net.run(0);
        let (asked, id, request) = referred(&net, 2);
        assert_eq!(request.headers().get(HeaderName::REFER_SUB), Some("false"));
        let refer = net.at(2).refer_accept(now, asked, id).unwrap();
        net.took();
        let third = net.at(2).call_referred(now, refer, &request, None).unwrap();
        net.run(0);
        assert_eq!(of(&mut net, 1), ["1 refer 0 true"]);
        let at_three = net.at(3).calls().next().unwrap();
        net.at(3).reject(now, at_three, StatusCode::BUSY_HERE).unwrap();
        net.run(0);
        assert_eq!(of(&mut net, 1), Vec::<String>::new());
        assert_eq!(net.at(2).phase(third), Phase::Over);
        if let Some((one, _)) = call {
            net.at(1).hang_up(now, one).unwrap();
        }
        nothing_is_left(&mut net);
    }
}

/// RFC 7614 §4: `nosub` asks for the same; an extension that is not known is refused.
#[test]
fn require_nosub_and_what_is_not_known() {
    let mut solo = Solo::new(config(1));
    let to = "Refer-To: <sip:c@192.0.2.8>\r\n";
    solo.receive(request("REFER", "1", 1, &format!("{to}Require: nosub\r\n"), ""));
    let Some(Event::Referred { call, id, .. }) = solo.events.last().cloned() else { panic!() };
    let refer = solo.agent.refer_accept(solo.now, call, id).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), ["202 REFER"]);
    solo.agent.refer_progress(solo.now, refer, StatusCode::OK).unwrap();
    solo.drain();
    assert!(solo.sent().is_empty() && solo.agent.refers.is_empty());
    solo.receive(request("REFER", "2", 2, &format!("{to}Require: explicitsub\r\n"), ""));
    assert_eq!(solo.sent(), ["420 REFER"]);
    solo.receive(request("REFER", "3", 3, "", ""));
    assert_eq!(solo.sent(), ["400 REFER"]);
}

/// RFC 4488 §4: there is no subscription that a SUBSCRIBE could make longer; and a REFER of which the
/// application never says what became of it is not kept for ever, nor is its dialog.
#[test]
fn a_refer_without_a_subscription_ends_by_its_time() {
    let mut solo = Solo::new(config(1));
    let extra = "Refer-To: <sip:c@192.0.2.8>\r\nRefer-Sub: false\r\n";
    solo.receive(request("REFER", "1", 1, extra, ""));
    let Some(Event::Referred { call, id, .. }) = solo.events.last().cloned() else { panic!() };
    solo.agent.refer_accept(solo.now, call, id).unwrap();
    solo.drain();
    let tag = to_tag(&solo.last_response());
    assert_eq!(solo.sent(), ["202 REFER"]);
    for (n, expires) in [(2, 600_000), (3, 0)] {
        let extra = format!("Event: refer\r\nExpires: {expires}\r\n");
        solo.receive(within("SUBSCRIBE", &format!("s{n}"), n, &tag, &extra, ""));
        assert_eq!(solo.sent(), ["403 SUBSCRIBE"]);
    }
    solo.wait(400_000);
    assert!(solo.agent.refers.is_empty() && solo.agent.calls.is_empty());
    assert!(solo.sent().is_empty());
}

/// As many as there may be calls, and one more.
#[test]
fn refers_outside_of_calls_are_bounded() {
    let mut solo = Solo::new(config(1).with_calls_max(2));
    for n in 0..3_u32 {
        let extra = "Refer-To: <sip:c@192.0.2.8>\r\n";
        let text = request("REFER", &format!("r{n}"), 1, extra, "");
        solo.receive(text.replace("by-hand", &format!("by-hand-{n}")));
        if n < 2 {
            let Some(Event::Referred { call, id, .. }) = solo.events.last().cloned() else {
                panic!()
            };
            solo.agent.refer_accept(solo.now, call, id).unwrap();
            solo.drain();
            solo.sent();
        } else {
            assert_eq!(solo.sent(), ["603 REFER"]);
        }
    }
    // They end by their time.
    solo.wait(400_000);
    assert!(solo.agent.refers.is_empty() && solo.agent.calls.is_empty());
}
