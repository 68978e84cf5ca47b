//! The limits of the engine, each at N and one more.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use core::time::Duration;
use mms_core::*;
use proto_wire::{Instant, Output};

fn engine(config: EngineConfig) -> Engine {
    let config = config.with_program(Program::sample());
    Engine::new(Instant::ZERO, config.into(), Seed::from_u64(1)).unwrap()
}

fn submit(engine: &mut Engine, key: u128, action: Action) {
    let command = Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
    engine.submit(Instant::ZERO, at(), &command);
}

fn at() -> At {
    At::utc(Timestamp::from_unix_secs(1_700_000_000))
}

/// Stores every frame as it comes and says how many records each has.
fn store_all(engine: &mut Engine) -> Vec<u32> {
    let mut frames = Vec::new();
    while let Some(output) = engine.poll_output() {
        if let Output::Transmit(frame) = output {
            frames.push(frame.view().record_count());
            engine.handle_input(Instant::ZERO, Input::Stored { frame: frame.number() });
        }
    }
    assert!(engine.is_idle());
    frames
}

#[test]
fn group_bytes_max_ends_a_frame_with_the_record_that_reaches_it() {
    let enrol =
        Command::new(IdempotencyKey::new(1), StoreId::new(1), enrol(MemberToken::new(1), None));
    let ledger = ledger(Limits::default(), Program::sample());
    let record = ledger.prepare(at(), &enrol).unwrap().into_bytes().len();
    for (max, expected) in [(2 * record, vec![2, 2]), (2 * record + 1, vec![3, 1])] {
        let mut engine = engine(EngineConfig::default().with_group_bytes_max(max));
        for key in 1..=4 {
            submit(&mut engine, key, common::enrol(MemberToken::new(key), None));
        }
        assert_eq!(store_all(&mut engine), expected, "{max} bytes, a record has {record}");
    }
}

#[test]
fn due_batch_max_bounds_what_time_causes_in_one_go() {
    for (holds, expected) in [(2_u128, vec![2]), (3, vec![2, 1])] {
        let mut engine = engine(EngineConfig::default().with_due_batch_max(2));
        let until = at().time.saturating_add(Duration::from_secs(60));
        submit(&mut engine, 1, enrol(MemberToken::new(1), None));
        submit(&mut engine, 2, top_up(MemberId::new(0), 1_000));
        for key in 3..3 + holds {
            submit(&mut engine, key, hold(MemberId::new(0), Held::Stored, 10, until));
        }
        store_all(&mut engine);
        engine.handle_input(Instant::ZERO, Input::Tick { at: At::utc(until) });
        assert_eq!(store_all(&mut engine), expected, "{holds} holds end");
    }
}
