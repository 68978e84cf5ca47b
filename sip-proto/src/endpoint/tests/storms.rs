//! Many transactions over a bad network, in virtual time.

use super::*;

/// Answers each request with 200 at once; the test drives it through the simulator.
fn step(
    sim: &mut DatagramSim<Endpoint>,
    node: NodeId,
    event: SipEvent,
    answered: &mut usize,
) -> Option<&'static str> {
    let now = sim.now();
    match event {
        SipEvent::Request { id, .. } => {
            let endpoint = sim.node_mut(node);
            let reply = endpoint.reply(id, StatusCode::OK).unwrap().build().unwrap();
            endpoint.respond(now, id, &reply).unwrap();
            *answered += 1;
            None
        }
        SipEvent::Response { .. } => Some("response"),
        SipEvent::TimedOut { .. } => Some("timeout"),
        SipEvent::Terminated { .. } => Some("terminated"),
        _ => None,
    }
}

#[test]
fn with_30_percent_loss_each_transaction_ends_once_and_no_later_than_timer_f() {
    run_seeds(200, |seed| {
        let profile = Profile::perfect()
            .with_latency(Duration::from_millis(30))
            .with_jitter(Duration::from_millis(60))
            .with_loss(Loss::Random(300))
            .with_duplicate(100)
            .with_reorder(100, Duration::from_millis(200));
        let mut sim = DatagramSim::new(&profile, seed);
        let alice = sim.add(addr(1), endpoint(1));
        let bob = sim.add(addr(2), endpoint(2));
        for n in 0..8 {
            let method = if n % 2 == 0 { Method::Message } else { Method::Invite };
            let target = Target::Address(Transport::Udp, addr(2));
            sim.node_mut(alice)
                .request(Instant::ZERO, request(method, n + 1).view(), target)
                .unwrap();
        }
        let (mut responses, mut timeouts, mut ended, mut answered) = (0, 0, 0, 0);
        while let Some((node, event)) = sim.next_event(Instant::from_secs(200)) {
            let now = sim.now();
            match step(&mut sim, node, event, &mut answered) {
                Some("response") => {
                    responses += 1;
                    assert!(now <= Instant::from_secs(65), "seed {seed}");
                }
                Some("timeout") if node == alice => {
                    timeouts += 1;
                    assert_eq!(now, Instant::from_secs(32), "seed {seed}");
                }
                Some("terminated") if node == alice => ended += 1,
                _ => {}
            }
        }
        assert_eq!(ended, 8, "seed {seed}");
        assert!(
            responses + timeouts >= 8 && answered >= 6,
            "seed {seed}: {responses} {timeouts} {answered}"
        );
        assert_eq!(sim.node(alice).transactions() + sim.node(bob).transactions(), 0, "seed {seed}");
    });
}

#[test]
fn when_everything_is_lost_both_kinds_end_exactly_at_64_t1() {
    let mut sim = DatagramSim::new(&Profile::perfect().with_loss(Loss::Random(1000)), 1);
    let alice = sim.add(addr(1), endpoint(1));
    let _bob = sim.add(addr(2), endpoint(2));
    for method in [Method::Invite, Method::Message] {
        sim.node_mut(alice)
            .request(
                Instant::ZERO,
                request(method, 1).view(),
                Target::Address(Transport::Udp, addr(2)),
            )
            .unwrap();
    }
    let mut ends = Vec::new();
    while let Some((_, event)) = sim.next_event(Instant::from_secs(100)) {
        if matches!(event, SipEvent::TimedOut { .. }) {
            ends.push(sim.now());
        }
    }
    assert_eq!(ends, [Instant::from_secs(32), Instant::from_secs(32)]);
    assert_eq!(sim.lost(), 7 + 11);
}

#[test]
fn a_storm_of_transactions_leaves_nothing_behind() {
    let mut bob = endpoint(2);
    for n in 0..5_000_u32 {
        let data = bytes_of("OPTIONS", &format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{n}"));
        let (id, _) = request_id(&mut bob, addr(1), &data);
        if n % 3 != 0 {
            answer(&mut bob, id, StatusCode::OK).unwrap();
        }
        drain(&mut bob);
    }
    assert_eq!(bob.transactions(), 5_000);
    assert_eq!(bob.next_timer().unwrap(), (Instant::from_millis(3500), Timer::LateTrying));
    bob.handle_timeout(Instant::from_millis(3500));
    assert_eq!(drain(&mut bob).iter().filter(|o| o.contains("100 Trying")).count(), 1667);
    bob.handle_timeout(Instant::from_secs(33));
    assert_eq!((bob.transactions(), bob.poll_timeout()), (0, None));
}
