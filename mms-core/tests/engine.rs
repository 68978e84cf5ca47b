//! The engine: no answer before its frame is durable, whatever the store does.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::panic_in_result_fn,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use core::time::Duration;
use mms_core::*;
use proto_wire::{Instant, Machine, Output, Rng};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

fn config() -> EngineConfig {
    EngineConfig::default().with_program(Program::sample())
}

fn engine(config: EngineConfig) -> Engine {
    Engine::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1)).unwrap()
}

fn at() -> At {
    At::utc(Timestamp::from_unix_secs(1_700_000_000))
}

fn command(key: u128, action: Action) -> Command {
    Command::new(IdempotencyKey::new(key), StoreId::new(1), action)
}

fn join(key: u128) -> Command {
    command(key, enrol(MemberToken::new(key), None))
}

/// What the engine says until it wants something; stores nothing.
fn drain(engine: &mut Engine) -> (Vec<FrameBuf>, Vec<Event>) {
    let (mut frames, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = engine.poll_output() {
        match output {
            Output::Transmit(frame) => frames.push(frame),
            Output::Event(event) => events.push(event),
        }
    }
    (frames, events)
}

fn stored(engine: &mut Engine, frame: u64) {
    engine.handle_input(Instant::ZERO, Input::Stored { frame });
}

/// Reading ahead changes nothing: the same frames and answers, whether commands come one by one
/// or together.
#[test]
fn commands_that_come_together_are_booked_as_one_by_one() {
    let mut commands: Vec<Command> = (1..=150).map(join).collect();
    for key in 1_000..1_400_u32 {
        let member = MemberId::new(key % 160);
        let action = match key % 3 {
            0 => top_up(member, i64::from(key)),
            1 => spend(member, 50),
            _ => adjust(member, 3),
        };
        commands.push(command(key.into(), action));
    }
    commands.extend_from_within(100..200);
    let (mut one_by_one, mut together) = (engine(config()), engine(config()));
    for command in &commands {
        one_by_one.submit(Instant::ZERO, at(), command);
    }
    together.submit_all(Instant::ZERO, at(), &commands);
    assert!(one_by_one.ledger() == together.ledger());
    assert_eq!(drain(&mut one_by_one), drain(&mut together));
}

#[test]
fn nothing_is_answered_before_it_is_stored() {
    let mut engine = engine(config());
    engine.submit(Instant::ZERO, at(), &join(1));
    let (frames, events) = drain(&mut engine);
    assert_eq!((frames.len(), events.len()), (1, 0));
    // These gather while the first is on its way: one more frame, not two.
    engine.submit(Instant::ZERO, at(), &join(2));
    engine.submit(Instant::ZERO, at(), &join(3));
    assert_eq!(drain(&mut engine), (vec![], vec![]));

    stored(&mut engine, 1);
    let (frames, events) = drain(&mut engine);
    assert!(matches!(
        events[..],
        [Event::Applied { key, .. }, Event::Notice(Notice::Welcome { .. })]
            if key == IdempotencyKey::new(1)
    ));
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].number(), frames[0].view().record_count()), (2, 2));
    assert!(!engine.is_idle());
    stored(&mut engine, 2);
    assert_eq!(drain(&mut engine).1.len(), 4);
    assert!(engine.is_idle());
}

#[test]
fn answers_that_rest_on_what_is_not_stored_wait_too() {
    let mut engine = engine(config());
    engine.submit(Instant::ZERO, at(), &join(1));
    engine.submit(Instant::ZERO, at(), &join(1));
    engine.submit(Instant::ZERO, at(), &command(1, spend(MemberId::new(0), 5)));
    engine.submit(Instant::ZERO, at(), &command(2, spend(MemberId::new(0), 5)));
    let (frames, events) = drain(&mut engine);
    assert_eq!((frames.len(), events.len()), (1, 0));
    stored(&mut engine, 1);
    let (_, events) = drain(&mut engine);
    let Event::Applied { receipt, .. } = events[0] else { panic!("{events:?}") };
    assert_eq!(events[2], Event::Duplicate { key: IdempotencyKey::new(1), receipt });
    assert_eq!(events[3], Event::Conflict { key: IdempotencyKey::new(1), seq: Seq::new(1) });
    let rejection = Rejection::InsufficientStored;
    assert_eq!(events[4], Event::Rejected { key: IdempotencyKey::new(2), rejection });
    // With nothing on its way there is nothing to wait for.
    engine.submit(Instant::ZERO, at(), &command(3, spend(MemberId::new(7), 5)));
    assert_eq!(drain(&mut engine).1.len(), 1);
}

#[test]
fn a_tier_upgrade_and_what_time_causes_are_told() {
    let mut engine = engine(config());
    let member = MemberId::new(0);
    engine.submit(Instant::ZERO, at(), &join(1));
    let sale = checkout(member, &[line(1, 1, 120_000)], Pay::Cash);
    engine.submit(Instant::ZERO, at(), &command(2, sale));
    let until = at().time.saturating_add(Duration::from_secs(60));
    engine.submit(Instant::ZERO, at(), &command(3, hold(member, Held::Points, 200, until)));
    let (_, none) = drain(&mut engine);
    assert!(none.is_empty());
    stored(&mut engine, 1);
    let (_, events) = drain(&mut engine);
    let change = Notice::TierChanged { member, from: TierId::new(0), to: TierId::new(1) };
    assert!(events.contains(&Event::Notice(change)), "{events:?}");
    assert_eq!(engine.ledger().next_due().time, Some(until));

    // The hold is over: its points are free for the command that comes then.
    let later = At::utc(until);
    engine.submit(Instant::ZERO, later, &command(4, redeem(member, 1_200)));
    let (_, none) = drain(&mut engine);
    assert!(none.is_empty());
    stored(&mut engine, 2);
    let (_, events) = drain(&mut engine);
    assert!(matches!(events[0], Event::Caused { receipt } if receipt.kind == Kind::HoldEnded));
    assert!(matches!(events[1], Event::Notice(Notice::HoldEnded { .. })));
    assert!(matches!(events[2], Event::Applied { receipt, .. } if receipt.points == -1_200));

    engine.submit(Instant::ZERO, later, &command(5, adjust(member, 30)));
    let day = engine.ledger().next_due().day.unwrap();
    let over = At::new(later.time, day);
    engine.handle_input(Instant::ZERO, Input::Tick { at: over });
    drain(&mut engine);
    stored(&mut engine, 3);
    let (_, events) = drain(&mut engine);
    let lapsed = Notice::PointsExpired { member, points: 30 };
    assert!(events.contains(&Event::Notice(lapsed)), "{events:?}");
    assert_eq!(engine.ledger().next_due(), ledger(Limits::default(), Program::sample()).next_due());
}

#[test]
fn groups_end_at_their_size_and_wait_their_time() {
    let delay = Duration::from_millis(5);
    let mut engine = engine(config().with_group_records_max(3).with_group_delay(delay));
    for key in 1..=2 {
        engine.submit(Instant::ZERO, at(), &join(key));
    }
    assert_eq!(drain(&mut engine), (vec![], vec![]));
    assert_eq!(engine.next_timer(), Some((Instant::from_millis(5), Timer::Group)));
    engine.handle_timeout(Instant::from_millis(4));
    assert_eq!(drain(&mut engine), (vec![], vec![]));
    engine.handle_timeout(Instant::from_millis(5));
    assert_eq!(engine.poll_timeout(), None, "no busy loop");
    assert_eq!(drain(&mut engine).0[0].view().record_count(), 2);
    // A full group does not wait, and room in flight is kept.
    for key in 3..=9 {
        engine.submit(Instant::from_millis(6), at(), &join(key));
    }
    assert_eq!(drain(&mut engine), (vec![], vec![]));
    engine.handle_input(Instant::from_millis(6), Input::Stored { frame: 1 });
    let (frames, events) = drain(&mut engine);
    assert_eq!((frames.len(), frames[0].view().record_count(), events.len()), (1, 3, 4));
    engine.handle_input(Instant::from_millis(6), Input::Stored { frame: 2 });
    assert_eq!(drain(&mut engine).0.len(), 1);
    engine.handle_input(Instant::from_millis(6), Input::Stored { frame: 3 });
    assert_eq!(drain(&mut engine).0.len(), 0, "the last one waits for company");
    assert_eq!(engine.poll_timeout(), Some(Instant::from_millis(11)));
    engine.handle_timeout(Instant::from_millis(11));
    assert_eq!(drain(&mut engine).0.len(), 1);
}

#[test]
fn one_more_than_may_wait_is_told_to_come_back() {
    let max = 4; // an enrolment waits with its notice: two each
    let mut engine = engine(config().with_waiting_max(max));
    engine.submit(Instant::ZERO, at(), &join(1));
    engine.submit(Instant::ZERO, at(), &join(2));
    assert!(!engine.wants_input());
    engine.submit(Instant::ZERO, at(), &join(3));
    let (frames, events) = drain(&mut engine);
    assert_eq!(events, [Event::Busy { key: IdempotencyKey::new(3) }]);
    assert_eq!(engine.ledger().member_count(), 2);
    stored(&mut engine, frames[0].number());
    drain(&mut engine);
    engine.submit(Instant::ZERO, at(), &join(3));
    drain(&mut engine);
    assert_eq!(engine.ledger().member_count(), 3);
}

#[test]
fn a_store_that_fails_closes_the_engine_once() {
    for wrong in [Input::StoreFailed, Input::Stored { frame: 9 }] {
        let mut engine = engine(config());
        engine.submit(Instant::ZERO, at(), &join(1));
        drain(&mut engine);
        engine.handle_input(Instant::ZERO, wrong);
        engine.handle_input(Instant::ZERO, Input::StoreFailed);
        engine.submit(Instant::ZERO, at(), &join(2));
        engine.handle_input(Instant::ZERO, Input::Tick { at: at() });
        stored(&mut engine, 1);
        let (frames, events) = drain(&mut engine);
        assert!(frames.is_empty());
        assert!(matches!(events[..], [Event::Closed(_)]), "{events:?}");
        assert_eq!(engine.poll_timeout(), None);
        assert!(!engine.wants_input());
    }
}

/// Clients that repeat themselves, a store that is slow and sometimes dies in the middle of
/// a write: in the end every command is booked once, and every answer to it is the first.
#[test]
fn two_hundred_shops_with_crashes_and_retries() {
    for seed in 0..200 {
        crash_and_retry(seed);
    }
}

fn crash_and_retry(seed: u64) {
    let mut rng = Rng::new(&Seed::from_u64(seed));
    let config = Arc::new(
        config()
            .with_group_records_max(1 + u32::try_from(rng.below(6)).unwrap())
            .with_frames_in_flight_max(1 + u32::try_from(rng.below(3)).unwrap()),
    );
    let commands: Vec<Command> = (1..=40_u32)
        .map(|n| {
            let who = MemberId::new(u32::try_from(rng.below(3)).unwrap());
            let amount = 1 + i64::try_from(rng.below(30_000)).unwrap();
            let action = match rng.below(4) {
                _ if n <= 3 => enrol(MemberToken::new(n.into()), None),
                0 => top_up(who, amount),
                1 => spend(who, amount / 3 + 1),
                2 => checkout(who, &[line(1, 1, amount)], Pay::Cash),
                _ => adjust(who, amount),
            };
            command(n.into(), action)
        })
        .collect();
    let mut disk: Vec<u8> = Vec::new();
    let mut first_answers: BTreeMap<IdempotencyKey, Receipt> = BTreeMap::new();
    let mut engine = Engine::new(Instant::ZERO, Arc::clone(&config), Seed::from_u64(1)).unwrap();
    let mut writing: VecDeque<FrameBuf> = VecDeque::new();
    let mut crashes = 0;
    for step in 0.. {
        match rng.below(12) {
            0..=5 => {
                let command = &commands[usize::try_from(rng.below(40)).unwrap()];
                engine.submit(Instant::from_millis(step), at(), command);
            }
            6..=10 => {
                if let Some(frame) = writing.pop_front() {
                    disk.extend_from_slice(frame.bytes());
                    let frame = frame.number();
                    engine.handle_input(Instant::from_millis(step), Input::Stored { frame });
                }
            }
            _ if crashes < 10 => {
                crashes += 1;
                // Whole frames may have reached the disk unheard, and a part of one.
                for frame in writing.drain(..) {
                    let length = usize::try_from(rng.below(frame.bytes().len() as u64)).unwrap();
                    if rng.below(2) == 0 {
                        disk.extend_from_slice(frame.bytes());
                    } else {
                        disk.extend_from_slice(&frame.bytes()[..length]);
                        break;
                    }
                }
                let ledger = ledger(config.limits, Program::sample());
                let mut recovery = Recovery::new(ledger).with_statements();
                let end = recovery.journal(&disk);
                assert!(!matches!(end, JournalEnd::Damaged { .. }), "seed {seed}: {end}");
                disk.truncate(end.whole());
                let recovered = recovery.finish();
                assert!(recovered.ledger.verify().is_sound(), "seed {seed}");
                for (key, receipt) in &first_answers {
                    assert_eq!(recovered.ledger.answer(*key), Some(*receipt), "seed {seed}");
                }
                engine = Engine::resume(Instant::from_millis(step), Arc::clone(&config), recovered);
            }
            _ => {}
        }
        while let Some(output) = Machine::poll_output(&mut engine) {
            match output {
                Output::Transmit(frame) => writing.push_back(frame),
                Output::Event(
                    Event::Applied { key, receipt } | Event::Duplicate { key, receipt },
                ) => {
                    let first = first_answers.entry(key).or_insert(receipt);
                    assert_eq!(*first, receipt, "seed {seed}: the first answer");
                }
                Output::Event(Event::Conflict { .. } | Event::Closed(_)) => panic!("seed {seed}"),
                Output::Event(_) => {}
            }
        }
        if step > 400 && writing.is_empty() && engine.is_idle() {
            break;
        }
    }
    // Every key once.
    let mut recovery = Recovery::new(ledger(config.limits, Program::sample()));
    assert!(recovery.journal(&disk).is_intact(), "seed {seed}");
    let recovered = recovery.finish();
    let mut keys = Vec::new();
    let mut left = disk.as_slice();
    while !left.is_empty() {
        let (frame, rest) = Frame::parse(left).unwrap();
        keys.extend(frame.records().map(|record| record.head().key));
        left = rest;
    }
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "seed {seed}: a key is booked once");
    assert!(first_answers.keys().all(|key| keys.contains(key)), "seed {seed}");
    assert!(recovered.ledger == *engine.ledger(), "seed {seed}");
}
