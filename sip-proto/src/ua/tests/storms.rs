//! Calls over a bad network, and commands at any time.

use super::*;
use alloc::vec;
use core::time::Duration;
use proptest::prelude::*;
use proto_wire::testing::sim::run_seeds;

fn secs(n: u64) -> Instant {
    Instant::from_secs(n)
}

/// A caller and a callee over 30 % loss, doubling and reordering: whatever is lost, both sides
/// end the call once, and nothing is left behind.
#[test]
fn calls_over_thirty_percent_loss_end_on_both_sides() {
    let mut talked = 0_u32;
    run_seeds(60, |seed| {
        let reliable = if seed % 2 == 0 { Reliable::WhenSupported } else { Reliable::Never };
        let wish = session_timer::Wish::default().with_interval(Some(120));
        let configs =
            (1..=2).map(|n| config(n).with_reliable(reliable).with_session(wish)).collect();
        let mut net = Net::over(&Profile::lossy(), seed, configs);
        let one = net.at(1).call(Instant::ZERO, &uri(2), sdp("offer")).unwrap();
        let mut ended = [0_u32; 2];
        let mut answered = false;
        while let Some((n, event)) = net.next(secs(900)) {
            let now = net.now();
            assert!(call_in(&event).is_none() || ended[usize::from(n) - 1] == 0, "{:?}", net.log);
            match event {
                Event::Incoming { call, .. } => {
                    net.at(2).ring(now, call, StatusCode::RINGING, None).unwrap();
                    if net.at(2).answer(now, call, sdp("answer")).is_err() {
                        panic!("an incoming call can be answered");
                    }
                }
                Event::Answered { .. } => answered = true,
                // Changes may be impossible at that moment; the call goes on.
                Event::Confirmed { call } if seed % 3 == 0 => {
                    let _refused = net.at(2).reinvite(now, call, sdp("hold"));
                }
                Event::Description {
                    call, meaning: crate::offer_answer::Meaning::Offer, ..
                } => {
                    let _first = net.at(n).accept(now, call, sdp("fine"));
                }
                Event::Ended { .. } => ended[usize::from(n) - 1] += 1,
                _ => {}
            }
            // The caller hangs up after five minutes, with some refreshes in between.
            if now >= secs(300) {
                let _over = net.at(1).hang_up(now, one);
            }
        }
        let now = net.now();
        let _over = net.at(1).hang_up(now, one);
        while let Some((n, event)) = net.next(secs(5000)) {
            if matches!(event, Event::Ended { .. }) {
                ended[usize::from(n) - 1] += 1;
            }
        }
        talked += u32::from(answered);
        assert_eq!(ended[0], 1, "{:?}", net.log);
        assert!(ended[1] <= 1, "{:?}", net.log);
        for n in [1, 2] {
            assert_eq!(net.at(n).calls().count(), 0, "{:?}", net.log);
            assert!(net.at(n).dialogs.is_empty() && net.at(n).timers.is_empty());
        }
    });
    assert!(talked > 50, "{talked} of 60");
}

#[derive(Clone, Debug)]
enum Do {
    Call,
    Ring(bool),
    Answer(bool),
    Reject,
    HangUp,
    Reinvite(bool),
    Update(bool),
    Accept(bool),
    Refuse,
    Info,
    Refer,
    Wait(u64),
}

fn step() -> impl Strategy<Value = (u8, Do)> {
    let what = prop_oneof![
        Just(Do::Call),
        any::<bool>().prop_map(Do::Ring),
        any::<bool>().prop_map(Do::Answer),
        Just(Do::Reject),
        Just(Do::HangUp),
        any::<bool>().prop_map(Do::Reinvite),
        any::<bool>().prop_map(Do::Update),
        any::<bool>().prop_map(Do::Accept),
        Just(Do::Refuse),
        Just(Do::Info),
        Just(Do::Refer),
        (0_u64..40_000).prop_map(Do::Wait),
    ];
    (1_u8..=2, what)
}

fn act(net: &mut Net, n: u8, what: &Do, handles: &mut [Vec<CallRef>; 2]) {
    let now = net.now();
    let body = |with: bool| with.then(|| Bytes::from_static(b"v=0\r\n"));
    if matches!(what, Do::Call) {
        let other = 3 - n;
        if let Ok(call) = net.at(n).call(now, &uri(other), sdp("v=0\r\n")) {
            handles[usize::from(n) - 1].push(call);
        }
        return;
    }
    // Over ones too: commands are legal at any time.
    for call in handles[usize::from(n) - 1].clone().into_iter().rev().take(3) {
        let agent = net.at(n);
        let before = (agent.phase(call), agent.calls.len());
        let done = match what {
            Do::Ring(with) => agent.ring(now, call, StatusCode::SESSION_PROGRESS, body(*with)),
            Do::Answer(with) => agent.answer(now, call, body(*with)),
            Do::Reject => agent.reject(now, call, StatusCode::BUSY_HERE),
            Do::HangUp => agent.hang_up(now, call),
            Do::Reinvite(with) => agent.reinvite(now, call, body(*with)),
            Do::Update(with) => agent.update(now, call, body(*with)),
            Do::Accept(with) => agent.accept(now, call, body(*with)),
            Do::Refuse => agent.refuse(now, call, StatusCode::NOT_ACCEPTABLE_HERE),
            Do::Info => agent.request(now, call, Method::Info, None, &[]).map(|_| ()),
            Do::Refer => agent.refer(now, call, "sip:third@192.0.2.3").map(|_| ()),
            Do::Call | Do::Wait(_) => Ok(()),
        };
        if done.is_err() {
            // A command that failed has changed nothing.
            assert_eq!((agent.phase(call), agent.calls.len()), before);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn commands_at_any_time_are_refused_or_done(steps in proptest::collection::vec(step(), 1..40), seed in any::<u64>(), loss in 0_u16..400, reliable in 0_u8..4) {
        let reliable = [Reliable::Never, Reliable::WhenRequired, Reliable::WhenSupported, Reliable::Always][usize::from(reliable)];
        let profile = Profile::lossy().with_loss(proto_wire::testing::netem::Loss::Random(loss));
        let wish = session_timer::Wish::default().with_interval(Some(90));
        let configs = (1..=2).map(|n| config(n).with_reliable(reliable).with_session(wish)).collect();
        let mut net = Net::over(&profile, seed, configs);
        let mut handles = [Vec::new(), Vec::new()];
        let mut ended = BTreeMap::new();
        let mut until = Instant::ZERO;
        for (n, what) in &steps {
            if let Do::Wait(ms) = what {
                until = until.saturating_add(Duration::from_millis(*ms));
            }
            act(&mut net, *n, what, &mut handles);
            while let Some((n, event)) = net.next(until) {
                look(&mut net, n, &event, &mut handles, &mut ended);
            }
        }
        for n in [1, 2] {
            for call in handles[usize::from(n) - 1].clone() {
                let now = net.now();
                let _over = net.at(n).hang_up(now, call);
            }
        }
        while let Some((n, event)) = net.next(secs(100_000)) {
            look(&mut net, n, &event, &mut handles, &mut ended);
        }
        for n in [1, 2] {
            prop_assert_eq!(net.at(n).calls().count(), 0, "{:?}", net.log);
            prop_assert!(net.at(n).dialogs.is_empty() && net.at(n).timers.is_empty());
            let agent = net.at(n);
            let left = format!("{:?} {:?} {:?}", agent.refers, agent.calls, agent.uses.len());
            prop_assert_eq!((n, left.as_str()), (n, "{} {} 0"), "{:?}", net.log);
        }
        prop_assert!(ended.values().all(|times| *times == 1), "{:?}", net.log);
        prop_assert_eq!(ended.len(), handles[0].len() + handles[1].len(), "{:?}", net.log);
    }

    #[test]
    fn any_datagrams_leave_an_agent_that_works(
        data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..6),
        cuts in proptest::collection::vec((0_usize..9, 0_usize..500, any::<u8>()), 0..20),
    ) {
        let mut solo = Solo::new(config(1));
        for bytes in &data {
            solo.receive(bytes);
        }
        for (which, at, byte) in cuts {
            let methods = ["INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "REFER", "NOTIFY", "OPTIONS"];
            let mut text = within(methods[which], "1", 7, "x", "Require: 100rel\r\n", "v=0\r\n").into_bytes();
            if let Some(slot) = text.get_mut(at) {
                *slot = byte;
            }
            solo.receive(&text);
        }
        solo.wait(100_000);
        prop_assert!(solo.agent.output.is_empty());
    }
}

fn look(
    net: &mut Net,
    n: u8,
    event: &Event,
    handles: &mut [Vec<CallRef>; 2],
    ended: &mut BTreeMap<(u8, CallRef), u32>,
) {
    let now = net.now();
    if let Some(call) = call_in(event) {
        assert!(!ended.contains_key(&(n, call)), "{event:?} behind the end: {:?}", net.log);
    }
    match event {
        Event::Incoming { call, .. } => handles[usize::from(n) - 1].push(*call),
        Event::Ended { call, .. } => *ended.entry((n, *call)).or_insert(0) += 1,
        Event::Request { id, .. } => {
            net.at(n).respond(now, *id, StatusCode::OK).unwrap();
        }
        // Taken and answered, taken and left alone, or refused.
        Event::Referred { call, id, .. } => match now.as_nanos() % 3 {
            0 => {
                if let Ok(refer) = net.at(n).refer_accept(now, *call, *id) {
                    let _over = net.at(n).refer_progress(now, refer, StatusCode::BUSY_HERE);
                }
            }
            1 => {
                let _over = net.at(n).refer_accept(now, *call, *id);
            }
            _ => net.at(n).respond(now, *id, StatusCode::DECLINE).unwrap(),
        },
        _ => {}
    }
}
