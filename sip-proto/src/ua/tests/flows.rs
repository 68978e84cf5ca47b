//! Call flows between two of our agents (RFC 3665, RFC 5359).

use super::*;

#[test]
fn rfc_3665_3_1_a_call_is_made_and_ended_by_either_side() {
    for ender in [1, 2] {
        let mut net = Net::new(vec_of(2));
        let one = net.at(1).call(Instant::ZERO, &uri(2), sdp("offer")).unwrap();
        assert_eq!(net.run(0).took_last(2), ["2 incoming", "2 offer offer"]);
        let two = net.at(2).calls().next().unwrap();
        let now = net.now();
        net.at(2).ring(now, two, StatusCode::RINGING, None).unwrap();
        assert_eq!(net.run(0).took(), ["1 progress 180"]);
        net.at(2).answer(now, two, sdp("answer")).unwrap();
        assert_eq!(net.run(0).took(), ["1 answered 200", "1 answer answer", "2 confirmed"]);
        // The same dialog, seen from both sides.
        let (a, b) = (
            net.at(1).dialog(one).unwrap().id().clone(),
            net.at(2).dialog(two).unwrap().id().clone(),
        );
        assert_eq!((a.local_tag(), a.remote_tag()), (b.remote_tag().unwrap(), Some(b.local_tag())));
        let call = if ender == 1 { one } else { two };
        net.at(ender).hang_up(now, call).unwrap();
        let mut took = net.run(0).took();
        took.sort();
        let expected = if ender == 1 {
            ["1 ended: local", "2 ended: remote"]
        } else {
            ["1 ended: remote", "2 ended: local"]
        };
        assert_eq!(took, expected);
        assert_eq!(net.at(1).hang_up(now, one), Err(CommandError::NoCall("hang_up")));
        net.run(100);
        assert_eq!(
            (net.at(1).endpoint().transactions(), net.at(2).endpoint().transactions()),
            (0, 0)
        );
        assert_eq!((net.at(1).calls.len(), net.at(2).calls.len(), net.at(1).uses.len()), (0, 0, 0));
        assert!(net.at(1).dialogs.is_empty() && net.at(2).dialogs.is_empty());
        assert!(net.at(1).sent.is_empty() && net.at(2).sent.is_empty());
    }
}

impl Net {
    /// What one agent saw; the rest is forgotten.
    fn took_last(&mut self, n: u8) -> Vec<String> {
        let prefix = format!("{n} ");
        self.took().into_iter().filter(|t| t.starts_with(&prefix)).collect()
    }
}

fn timer_of(net: &mut Net, n: u8) -> CallTimer {
    match net.at(n).next_timer().unwrap().1 {
        Timer::Call(_, timer) => timer,
        other => panic!("{other:?}"),
    }
}

fn vec_of(n: u8) -> Vec<Config> {
    (1..=n).map(config).collect()
}

#[test]
fn rfc_3665_3_8_a_call_that_rings_is_cancelled() {
    let mut net = Net::new(vec_of(2));
    let one = net.at(1).call(Instant::ZERO, &uri(2), sdp("offer")).unwrap();
    net.run(0);
    let two = net.call_of(2);
    let now = net.now();
    net.at(2).ring(now, two, StatusCode::RINGING, None).unwrap();
    net.run(0).took();
    net.at(1).hang_up(now, one).unwrap();
    assert_eq!(net.run(0).took(), ["2 ended: cancelled", "1 ended: local"]);
}

#[test]
fn trap_4_a_call_is_cancelled_only_behind_a_provisional_response() {
    let mut net = Net::new(vec_of(2));
    let one = net.at(1).call(Instant::ZERO, &uri(2), sdp("offer")).unwrap();
    net.at(1).hang_up(Instant::ZERO, one).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["2 incoming", "2 offer offer"]);
    assert_eq!(net.at(1).phase(one), Phase::Cancelling);
    // The 100 that the transaction sends after 200 ms is enough.
    net.run(1);
    assert_eq!(net.took(), ["2 ended: cancelled", "1 ended: local"]);
}

#[test]
fn rfc_3665_3_7_a_call_is_refused() {
    let mut net = Net::new(vec_of(2));
    net.at(1).call(Instant::ZERO, &uri(2), sdp("offer")).unwrap();
    net.run(0);
    let two = net.call_of(2);
    let now = net.now();
    net.at(2).reject(now, two, StatusCode::BUSY_HERE).unwrap();
    net.run(0);
    assert_eq!(net.took().last().unwrap(), "1 ended: refused 486");
    assert_eq!(
        net.at(2).reject(now, two, StatusCode::BUSY_HERE),
        Err(CommandError::NoCall("reject"))
    );
}

#[test]
fn a_caller_without_an_offer_answers_in_the_ack() {
    let mut net = Net::new(vec_of(2));
    let one = net.at(1).call(Instant::ZERO, &uri(2), None).unwrap();
    net.run(0);
    let two = net.call_of(2);
    let now = net.now();
    assert!(matches!(net.at(2).answer(now, two, None), Err(CommandError::Offer(_))));
    net.at(2).answer(now, two, sdp("late offer")).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["2 incoming", "1 answered 200", "1 offer late offer"]);
    // Until the ACK the 2xx comes again; it is not told twice.
    net.run(3);
    assert!(net.took().is_empty());
    let now = net.now();
    assert_eq!(
        net.at(1).reinvite(now, one, sdp("x")),
        Err(CommandError::Offer(crate::offer_answer::Fault::Glare))
    );
    net.at(1).accept(now, one, sdp("late answer")).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["2 confirmed", "2 answer late answer"]);
}

#[test]
fn a_session_is_changed_with_reinvite_and_update_from_both_sides() {
    let mut net = Net::new(vec_of(2));
    let (one, two) = net.up();
    for (from, call, to, other) in [(1, one, 2, two), (2, two, 1, one)] {
        for update in [false, true] {
            let now = net.now();
            let change = if update { UserAgent::update } else { UserAgent::reinvite };
            change(net.at(from), now, call, sdp("hold")).unwrap();
            net.run(0);
            assert_eq!(net.took(), [format!("{to} offer hold")]);
            net.at(to).accept(now, other, sdp("held")).unwrap();
            net.run(0);
            assert_eq!(net.took(), [format!("{from} changed"), format!("{from} answer held")]);
            // And refused: all is as before.
            change(net.at(from), now, call, sdp("video")).unwrap();
            net.run(0);
            net.took();
            net.at(to).refuse(now, other, StatusCode::NOT_ACCEPTABLE_HERE).unwrap();
            net.run(0);
            assert_eq!(net.took(), [format!("{from} change refused 488")]);
            assert_eq!(net.at(to).accept(now, other, sdp("x")), Err(CommandError::State("accept")));
        }
        // Without a description the peer is asked for one.
        let now = net.now();
        net.at(from).reinvite(now, call, None).unwrap();
        net.run(0);
        assert_eq!(net.took(), [format!("{to} offer wanted")]);
        net.at(to).accept(now, other, sdp("fresh")).unwrap();
        net.run(0);
        assert_eq!(net.took(), [format!("{from} changed"), format!("{from} offer fresh")]);
        net.at(from).accept(now, call, sdp("ok")).unwrap();
        net.run(0);
        assert_eq!(net.took(), [format!("{to} answer ok")]);
    }
}

#[test]
fn trap_13_changes_that_collide_are_both_made_in_the_end() {
    let mut net = Net::over(
        &Profile::perfect().with_latency(core::time::Duration::from_millis(50)),
        3,
        vec_of(2),
    );
    let now = net.now();
    let one = net.at(1).call(now, &uri(2), sdp("offer")).unwrap();
    net.run(1);
    let two = net.call_of(2);
    let now = net.now();
    net.at(2).answer(now, two, sdp("answer")).unwrap();
    net.run(1).took();
    let now = net.now();
    net.at(1).reinvite(now, one, sdp("from one")).unwrap();
    net.at(2).reinvite(now, two, sdp("from two")).unwrap();
    let until = now.saturating_add(core::time::Duration::from_secs(10));
    let mut made = Vec::new();
    while let Some((n, event)) = net.next(until) {
        match event {
            Event::Description { call, meaning: crate::offer_answer::Meaning::Offer, .. } => {
                let now = net.now();
                net.at(n).accept(now, call, sdp("fine")).unwrap();
            }
            Event::Changed { .. } => made.push((n, net.now())),
            Event::Description { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    // The callee waits 0 to 2 s, who made the Call-ID 2.1 to 4 s.
    let secs = |at: Instant| at.saturating_since(now).as_secs_f64();
    assert_eq!(made.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2, 1]);
    assert!(secs(made[0].1) < 2.4 && (2.1..4.4).contains(&secs(made[1].1)), "{made:?}");
}

#[test]
fn trap_27_a_reliable_answer_is_acknowledged_before_the_2xx() {
    let reliable = |n| config(n).with_reliable(Reliable::WhenSupported);
    let mut net = Net::new((1..=2).map(reliable).collect());
    let one = net.at(1).call(Instant::ZERO, &uri(2), sdp("offer")).unwrap();
    net.run(0);
    let two = net.call_of(2);
    let now = net.now();
    net.at(2).ring(now, two, StatusCode::SESSION_PROGRESS, sdp("answer")).unwrap();
    // A second one waits for the PRACK of the first, and the 2xx for both.
    net.at(2).ring(now, two, StatusCode::RINGING, None).unwrap();
    net.run(0);
    assert_eq!(
        net.took(),
        ["2 incoming", "2 offer offer", "1 progress 183", "1 answer answer", "1 progress 180"]
    );
    // A change before the call is answered.
    net.at(1).update(now, one, sdp("other codec")).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["2 offer other codec"]);
    net.at(2).answer(now, two, None).unwrap();
    net.run(1);
    assert_eq!(net.took(), Vec::<String>::new());
    let now = net.now();
    net.at(2).accept(now, two, sdp("as you like")).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["1 changed", "1 answer as you like", "1 answered 200", "2 confirmed"]);
}

#[test]
fn an_offer_in_a_reliable_provisional_response_is_answered_in_its_prack() {
    let always = |n| config(n).with_reliable(Reliable::Always);
    let mut net = Net::new((1..=2).map(always).collect());
    let one = net.at(1).call(Instant::ZERO, &uri(2), None).unwrap();
    net.run(0);
    let two = net.call_of(2);
    let now = net.now();
    assert!(matches!(
        net.at(2).ring(now, two, StatusCode::RINGING, None),
        Err(CommandError::Offer(_))
    ));
    net.at(2).ring(now, two, StatusCode::SESSION_PROGRESS, sdp("offer")).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["2 incoming", "1 progress 183", "1 offer offer"]);
    net.at(1).accept(now, one, sdp("answer")).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["2 answer answer"]);
    net.at(2).answer(now, two, None).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["1 answered 200", "2 confirmed"]);
}

#[test]
fn trap_28_sessions_are_refreshed_by_whom_it_was_agreed_and_live_on() {
    use crate::headers::Refresher;
    for refresher in [Refresher::Uac, Refresher::Uas] {
        let wish =
            session_timer::Wish::default().with_interval(Some(100)).with_refresher(refresher);
        let mut net = Net::new((1..=2).map(|n| config(n).with_session(wish)).collect());
        let (one, two) = net.up();
        let (mine, theirs) = if refresher == Refresher::Uac { (1, 2) } else { (2, 1) };
        assert_eq!(timer_of(&mut net, mine), CallTimer::Refresh);
        assert_eq!(timer_of(&mut net, theirs), CallTimer::Expire);
        net.run(2000);
        assert_eq!(net.took(), Vec::<String>::new());
        assert_eq!((net.at(1).phase(one), net.at(2).phase(two)), (Phase::Up, Phase::Up));
    }
}

#[test]
fn trap_28_a_session_whose_peer_is_gone_ends_in_time() {
    let wish = session_timer::Wish::default().with_interval(Some(100));
    let mut net = Net::new((1..=2).map(|n| config(n).with_session(wish)).collect());
    let (_, two) = net.up();
    // From now on nothing reaches the callee.
    let lost = Profile::perfect().with_loss(proto_wire::testing::netem::Loss::Random(1000));
    let (a, b) = (net.nodes[0], net.nodes[1]);
    net.sim.set_link(a, b, &lost);
    net.sim.set_link(b, a, &lost);
    net.run(300);
    let took = net.took();
    assert_eq!(took, ["1 ended: expired", "2 ended: expired"]);
    assert_eq!(net.at(2).phase(two), Phase::Over);
}

#[test]
fn rfc_5359_2_4_a_blind_transfer_with_its_outcome() {
    let mut net = Net::new(vec_of(3));
    let (one, two) = net.up();
    let now = net.now();
    net.at(1).refer(now, one, &uri(3)).unwrap();
    net.run(0);
    let (_, event) = net.events.iter().find(|(n, _)| *n == 2).unwrap().clone();
    let Event::Referred { id, to, .. } = event else { panic!("{event:?}") };
    assert_eq!(to, uri(3));
    let refer = net.at(2).refer_accept(now, two, id).unwrap();
    let third = net.at(2).call(now, &to, sdp("offer")).unwrap();
    net.run(0);
    let at_three = net.call_of(3);
    net.at(3).answer(now, at_three, sdp("answer")).unwrap();
    net.run(0);
    net.at(2).refer_progress(now, refer, StatusCode::OK).unwrap();
    net.run(0);
    let took = net.took_last(1);
    assert_eq!(took, ["1 refer 100 false", "1 refer 200 true"]);
    assert_eq!(
        net.at(2).refer_progress(now, refer, StatusCode::OK),
        Err(CommandError::State("refer_progress"))
    );
    net.at(1).hang_up(now, one).unwrap();
    net.run(0);
    assert_eq!(net.at(2).phase(third), Phase::Up);
}

#[test]
fn rfc_5359_2_5_an_attended_transfer_replaces_a_call() {
    let mut net = Net::new(vec_of(3));
    let (one, two) = net.up();
    let now = net.now();
    // 1 talks to 3 too, then hands 2 over to it.
    let consult = net.at(1).call(now, &uri(3), sdp("offer")).unwrap();
    net.run(0);
    let at_three = net.call_of(3);
    net.at(3).answer(now, at_three, sdp("answer")).unwrap();
    net.run(0).took();
    let replaces = net.at(1).replaces(consult).unwrap();
    let escaped = replaces.replace(';', "%3B").replace('=', "%3D");
    net.at(1).refer(now, one, &format!("{}?Replaces={escaped}", uri(3))).unwrap();
    net.run(0);
    let (_, event) = net.events.iter().find(|(n, _)| *n == 2).unwrap().clone();
    let Event::Referred { id, .. } = event else { panic!("{event:?}") };
    net.at(2).refer_accept(now, two, id).unwrap();
    net.at(2).call_with(now, &uri(3), sdp("offer"), &[(HeaderName::REPLACES, &replaces)]).unwrap();
    net.run(0);
    assert!(net.took().contains(&"3 incoming replacing".to_string()));
    let new = net.at(3).calls().last().unwrap();
    net.at(3).answer(now, new, sdp("answer")).unwrap();
    net.run(0);
    let took = net.took();
    for expected in ["1 ended: remote", "3 ended: replaced", "2 answered 200", "3 confirmed"] {
        assert!(took.contains(&expected.to_string()), "{expected}: {took:?}");
    }
    // A dialog that is not there cannot be replaced.
    net.at(2).call_with(now, &uri(3), sdp("offer"), &[(HeaderName::REPLACES, &replaces)]).unwrap();
    net.run(0);
    assert_eq!(net.took(), ["2 ended: refused 481"]);
}

#[test]
fn requests_of_the_application_cross_in_a_call() {
    let mut net = Net::new(vec_of(2));
    let (one, _) = net.up();
    let now = net.now();
    net.at(1)
        .request(now, one, Method::Info, Some(("application/dtmf-relay", "Signal=1".into())), &[])
        .unwrap();
    net.run(0);
    let (_, event) = net.events.iter().find(|(n, _)| *n == 2).unwrap().clone();
    let Event::Request { id, request, call } = event else { panic!("{event:?}") };
    assert!(call.is_some() && request.body() == "Signal=1");
    net.at(2).respond(now, id, StatusCode::OK).unwrap();
    assert!(net.at(2).respond(now, id, StatusCode::OK).is_err());
    net.run(0);
    assert_eq!(net.took(), ["2 request INFO", "1 reply 200"]);
    assert_eq!(
        net.at(1).request(now, one, Method::Bye, None, &[]),
        Err(CommandError::State("request"))
    );
}

#[test]
fn a_name_is_looked_up_by_the_host() {
    let mut net = Net::new(vec_of(2));
    net.at(1).call(Instant::ZERO, "sip:bob@two.example", sdp("offer")).unwrap();
    net.run(0);
    let (_, event) = net.events[0].clone();
    let Event::LookupWanted { lookup, uri } = event else { panic!("{event:?}") };
    assert_eq!(uri, "sip:bob@two.example");
    let target = endpoint::Target::Address(Transport::Udp, addr(2));
    net.at(1).looked_up(Instant::ZERO, lookup, Some(target));
    net.run(0);
    assert_eq!(net.took()[1..], ["2 incoming", "2 offer offer"]);
    // And one that leads nowhere.
    net.at(1).call(Instant::ZERO, "sip:bob@nowhere.example", sdp("offer")).unwrap();
    net.run(0);
    let Some((_, Event::LookupWanted { lookup, .. })) = net.events.last().cloned() else {
        panic!()
    };
    net.at(1).looked_up(Instant::ZERO, lookup, None);
    net.at(1).looked_up(Instant::ZERO, lookup, None);
    net.run(0);
    assert_eq!(net.took().last().unwrap(), "1 ended: unreachable");
}

/// The INVITE that made the call counts as one in progress neither while its transaction waits for
/// more 2xx (RFC 6026) nor behind that.
#[test]
fn both_sides_may_change_a_call_at_once_and_after_a_minute() {
    for (from, secs) in [(1, 0), (2, 0), (1, 60), (2, 60)] {
        let mut net = Net::new(vec_of(2));
        let (one, two) = net.up();
        net.run(secs);
        let (ours, theirs, to) = if from == 1 { (one, two, 2) } else { (two, one, 1) };
        let now = net.now();
        net.at(from).reinvite(now, ours, sdp("hold")).unwrap();
        net.run(0);
        assert_eq!(net.took(), [format!("{to} offer hold")]);
        net.at(to).accept(now, theirs, sdp("held")).unwrap();
        net.run(0);
        assert_eq!(net.took(), [format!("{from} changed"), format!("{from} answer held")]);
    }
}
