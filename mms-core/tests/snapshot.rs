//! Snapshots and audits: canonical, checked from end to end, and as good as the whole journal.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::*;

fn program() -> Program {
    Program::sample()
        .with_referral(vec![ReferralRule::new(1, 100).with_on_spend(Ratio::percent(1))])
        .with_stored_expiry(Expiry::Days(30))
        .with_return_days(5)
        .with_fields(vec![
            Field::new(FieldId::new(1), Holds::Tag),
            Field::new(FieldId::new(2), Holds::Number(0, 9)),
        ])
        .with_sale_fields(vec![Field::new(FieldId::new(5), Holds::Tag)])
        .with_activities(vec![ActivityRule::new(RuleId::new(60), 0, 3)])
        .with_reminders(vec![ReminderRule::new(RuleId::new(9), Remind::CardEnds, 1)])
        .with_watch(vec![
            WatchRule::new(RuleId::new(70), Unusual::Often { count: 16, secs: 1 }).per(Per::Store),
            WatchRule::new(RuleId::new(71), Unusual::Often { count: 9, secs: 1 })
                .of(Watched::Voids),
        ])
}

/// A shop with something in every section.
fn shop() -> Shop {
    let mut shop = Shop::new(program());
    let b = shop.enrol();
    let a = shop.ok(enrol(MemberToken::new(7), Some(b))).member.unwrap();
    shop.card(a, 77);
    shop.ok(top_up(a, 60_000));
    shop.ok(top_up(b, 20_000));
    let sale = shop.ok(checkout(a, &[line(1, 2, 3_000), line(2, 1, 500)], Pay::Stored));
    shop.ok(adjust(a, 300));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(900_000));
    shop.ok(hold(a, Held::Points, 20, until));
    shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 }));
    let lines = vec![line(1, 1, 700)];
    let (who, pay, extras) = (Some(a.into()), Pay::Stored, Extras::NONE);
    shop.ok(Action::ParkOrder { who, lines, pay, extras, until });
    shop.ok(Action::SetParameter { parameter: ParameterId::new(3), value: 4 });
    let (likes, answer) = (FieldId::new(1), FieldId::new(2));
    for (member, field, value) in [(a, likes, 1), (b, answer, 7), (a, answer, 3)] {
        shop.ok(Action::SetField { member, field, value: Some(value) });
    }
    let (lines, pay, extras) = (vec![line(1, 1, 9), line(2, 1, 5)], Pay::Cash, Extras::NONE);
    let park = Action::ParkOrder { who: Some(a.into()), lines, pay, extras, until };
    let order = shop.ok(park).order().unwrap();
    shop.ok(Action::VoidLine { order, line: 1, reason: 1 });
    let sale = sale.sale().unwrap();
    shop.ok(Action::SetSaleField { sale, field: FieldId::new(5), value: Some(1) });
    let (plan, term) = (PlanId::new(1), shop.at.day.plus(30));
    shop.ok(Action::SetTerm { member: a, plan, until: term, fee: 0 });
    shop.ok(Action::TakePart { who: b.into(), activity: RuleId::new(60) });
    shop.ok(Action::SetStore { store: shop.store, open: true });
    let (terminal, store) = (TerminalId::new(0), shop.store);
    shop.ok(Action::SetTerminal { terminal, store, open: true });
    shop.ok(Action::Permit { actor: ActorId::new(0), permissions: Permissions::ALL });
    shop.due();
    shop
}

/// Frames of two records.
fn frames(shop: &Shop) -> Vec<FrameBuf> {
    let mut writer = FrameWriter::new(1, Chain::START, 1);
    let mut frames = Vec::new();
    for bytes in &shop.records {
        let (record, _) = Record::parse(bytes).unwrap();
        writer.buffer().extend_from_slice(bytes);
        writer.added(record.head().seq, record.head().at.time);
        if writer.count() == 2 {
            frames.extend(writer.seal());
        }
    }
    frames.extend(writer.seal());
    frames
}

fn position(frame: &FrameBuf) -> JournalPosition {
    JournalPosition::new(frame.number(), frame.view().chain(), frame.view().epoch())
}

#[test]
fn equal_states_give_equal_bytes_whatever_led_to_their_tables() {
    let shop = shop();
    let bytes = shop.ledger.snapshot(JournalPosition::START);
    let snapshot = Snapshot::parse(&bytes).unwrap();
    assert_eq!(snapshot.digest(), shop.ledger.digest());
    assert_eq!(snapshot.seq(), shop.ledger.seq());
    // Another secret, other tables, the same records.
    let mut other =
        Ledger::new(Limits::default(), Program::default().into(), Seed::from_u64(99)).unwrap();
    for bytes in &shop.records {
        other.commit(Record::parse(bytes).unwrap().0);
    }
    assert_eq!(other.snapshot(JournalPosition::START), bytes);
    let sections: Vec<Section> = snapshot.sections().map(|(section, ..)| section).collect();
    assert_eq!(sections, Section::ALL);
    assert!(snapshot.sections().all(|(_, count, _)| count > 0), "something in every section");
}

/// From a snapshot at any frame and the frames behind it, the same ledger as from all frames.
#[test]
fn a_recovery_may_begin_at_any_snapshot() {
    let mut shop = shop();
    shop.days(40);
    shop.ok(top_up(MemberId::new(0), 500));
    let frames = frames(&shop);
    for cut in 0..=frames.len() {
        let mut recovery = Recovery::new(ledger(Limits::default(), Program::default()));
        for frame in &frames[..cut] {
            recovery.frame(frame.bytes()).unwrap();
        }
        let place = frames[..cut].last().map_or(JournalPosition::START, position);
        let recovered = recovery.finish();
        let bytes = recovered.ledger.snapshot(place);
        let snapshot = Snapshot::parse(&bytes).unwrap();
        assert_eq!(snapshot.position(), place);
        let empty = ledger(Limits::default(), Program::default());
        let mut recovery = Recovery::from_snapshot(empty, snapshot).unwrap().with_statements();
        assert_eq!(recovery.next_frame_number(), place.frame + 1);
        for frame in &frames[cut..] {
            recovery.frame(frame.bytes()).unwrap();
        }
        let whole = recovery.finish();
        assert!(whole.ledger == shop.ledger, "cut at {cut}");
        assert!(whole.ledger.verify().is_sound());
        assert_eq!(whole.frames, frames.len() as u64);
        let statements = whole.statements.unwrap();
        for (account, balance) in whole.ledger.accounts() {
            if matches!(account.owner(), Owner::Member(_)) {
                assert_eq!(statements.raw_balance(account), balance, "{account:?}");
            }
        }
        // A frame from before the snapshot, or one too many, is refused.
        if cut > 1 {
            let empty = ledger(Limits::default(), Program::default());
            let mut recovery = Recovery::from_snapshot(empty, snapshot).unwrap();
            let error = recovery.frame(frames[0].bytes()).unwrap_err();
            assert_eq!(error.kind(), FrameErrorKind::Number);
        }
    }
}

#[test]
fn a_cut_or_a_flipped_bit_anywhere_in_a_snapshot_is_found_and_named() {
    let shop = shop();
    let good = shop.ledger.snapshot(JournalPosition::START);
    for cut in 0..good.len() {
        let kind = Snapshot::parse(&good[..cut]).unwrap_err().kind();
        assert_eq!(kind, SnapshotErrorKind::Truncated, "cut at {cut}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(Snapshot::parse(&longer).unwrap_err().kind(), SnapshotErrorKind::Trailing);
    let mut bytes = good.clone();
    let mut named = std::collections::BTreeSet::new();
    for place in 0..bytes.len() {
        let bit = 1 << (place % 8);
        bytes[place] ^= bit;
        let error = Snapshot::parse(&bytes).unwrap_err();
        if let SnapshotErrorKind::Check(section) = error.kind() {
            named.insert(section);
        }
        bytes[place] ^= bit;
    }
    assert_eq!(named.into_iter().collect::<Vec<_>>(), Section::ALL, "each can be named");
}

#[test]
fn an_engine_gives_a_snapshot_when_all_is_durable() {
    use proto_wire::{Instant, Output};
    let config = std::sync::Arc::new(EngineConfig::default().with_program(program()));
    let mut engine = Engine::new(Instant::ZERO, config.clone(), Seed::from_u64(1)).unwrap();
    let at = At::new(Timestamp::from_unix_secs(20_000 * 86_400), DAY);
    let command = |key, action| Command::new(IdempotencyKey::new(key), StoreId::new(1), action);
    engine.submit(Instant::ZERO, at, &command(1, enrol(MemberToken::new(5), None)));
    assert!(engine.snapshot().is_none(), "a record waits");
    let Some(Output::Transmit(frame)) = engine.poll_output() else { panic!() };
    assert!(engine.snapshot().is_none(), "a frame is on its way");
    engine.handle_input(Instant::ZERO, Input::Stored { frame: frame.number() });
    let bytes = engine.snapshot().unwrap();
    let empty = ledger(Limits::default(), program());
    let snapshot = Snapshot::parse(&bytes).unwrap();
    let recovered = Recovery::from_snapshot(empty, snapshot).unwrap().finish();
    assert_eq!(recovered.chain, frame.view().chain());
    let mut engine = Engine::resume(Instant::ZERO, config, recovered);
    engine.submit(Instant::ZERO, at, &command(2, top_up(MemberId::new(0), 100)));
    let Some(Output::Transmit(next)) = engine.poll_output() else { panic!() };
    assert_eq!((next.number(), next.view().previous()), (2, frame.view().chain()));
}

/// Lots that are over and can no longer be returned to leave their places to others.
#[test]
fn lots_do_not_grow_for_ever() {
    let mut shop = Shop::new(program());
    let member = shop.enrol();
    let mut most = 0;
    for _ in 0..200 {
        shop.ok(top_up(member, 10_000));
        shop.ok(spend(member, 11_000));
        shop.ok(redeem(member, 50));
        shop.days(1);
        most = most.max(shop.ledger.lot_count());
    }
    assert!(most < 25, "at most a return window's worth of lots: {most}");
    shop.audit();
    shop.days(40);
    shop.ok(top_up(member, 1));
    let bytes = shop.ledger.snapshot(JournalPosition::START);
    let lots = Snapshot::parse(&bytes).unwrap().sections().find(|(s, ..)| *s == Section::Lots);
    assert!(lots.unwrap().1 < 25);
    shop.audit();
}

#[test]
fn an_audit_walks_the_chain_and_sums_what_moved() {
    let shop = shop();
    let frames = frames(&shop);
    let journal: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
    let found = audit(&journal);
    assert!(found.end.is_intact(), "{found}");
    assert_eq!((found.frames, found.records), (frames.len() as u64, shop.records.len() as u64));
    assert_eq!(found.chain, frames.last().unwrap().view().chain());
    let mut turnover = std::collections::BTreeMap::new();
    for bytes in &shop.records {
        for posting in Record::parse(bytes).unwrap().0.postings() {
            if posting.amount > 0 {
                *turnover.entry(posting.account.asset()).or_insert(0) += i128::from(posting.amount);
            }
        }
    }
    assert_eq!(found.turnover, turnover);
    for place in (0..journal.len()).step_by(3) {
        let mut damaged = journal.clone();
        damaged[place] ^= 1;
        let end = audit(&damaged).end;
        assert!(matches!(end, JournalEnd::Damaged { at, .. } if at <= place), "{place}: {end}");
    }
    let torn = audit(&journal[..journal.len() - 1]);
    assert!(matches!(torn.end, JournalEnd::Torn { .. }));
    assert_eq!(torn.frames, frames.len() as u64 - 1);
    assert_eq!(audit(&[]).frames, 0);
}

/// A snapshot that a recovered engine takes before it writes stands behind the frame that was there,
/// with that frame's epoch: else a recovery that began at the journal wrote frames that the snapshot
/// refused.
#[test]
fn a_snapshot_between_two_recoveries_does_not_outrun_the_journal() {
    let shop = shop();
    let frames = frames(&shop);
    let from_journal = || {
        let mut recovery = Recovery::new(ledger(Limits::default(), Program::default()));
        frames.iter().for_each(|frame| recovery.frame(frame.bytes()).unwrap());
        recovery.finish()
    };
    let once = from_journal();
    let bytes = once.ledger.snapshot(once.writer.position());
    let restore = |bytes: &[u8]| {
        let empty = ledger(Limits::default(), Program::default());
        Recovery::from_snapshot(empty, Snapshot::parse(bytes).unwrap()).unwrap()
    };
    // Again and again, with nothing written: no nearer to any end.
    let twice = restore(&bytes).finish();
    assert_eq!(twice.writer, once.writer);
    let bytes = twice.ledger.snapshot(twice.writer.position());
    let mut third = from_journal();
    let command = Command::new(IdempotencyKey::new(900), shop.store, top_up(MemberId::new(0), 5));
    let outcome = third.ledger.apply(shop.at, &command, third.writer.buffer());
    let Outcome::Accepted(receipt) = outcome else { panic!("{outcome:?}") };
    third.writer.added(receipt.seq, receipt.time);
    let frame = third.writer.seal().unwrap();
    let mut recovery = restore(&bytes);
    recovery.frame(frame.bytes()).unwrap();
    assert!(recovery.finish().ledger == third.ledger);
    assert_eq!(third.writer.position().epoch, frame.view().epoch());
}
