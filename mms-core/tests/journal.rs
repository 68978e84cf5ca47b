//! The journal: whole, torn and damaged, at every byte.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::*;

/// A short evening in frames of one to three records; the ledger after each frame.
struct Written {
    bytes: Vec<u8>,
    /// Where each frame ends, and the ledger's number and fingerprint there.
    ends: Vec<(usize, Seq)>,
    ledger: Ledger,
}

fn written() -> Written {
    let mut shop = Shop::new(Program::sample());
    let mut writer = FrameWriter::new(1, Chain::START, 1);
    let mut written = Written { bytes: Vec::new(), ends: Vec::new(), ledger: plain() };
    let member = shop.enrol();
    shop.card(member, 77);
    shop.ok(top_up(member, 60_000));
    let sale = shop.ok(checkout(member, &[line(1, 2, 3_000), line(2, 1, 500)], Pay::Stored));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(5));
    let held = shop.ok(hold(member, Held::Points, 20, until));
    shop.ok(capture(&held, 15));
    shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 }));
    shop.days(400);
    for (n, bytes) in (1..).zip(&shop.records) {
        let (record, _) = Record::parse(bytes).unwrap();
        writer.buffer().extend_from_slice(bytes);
        writer.added(record.head().seq, record.head().at.time);
        if n % 3 != 1 {
            written.bytes.extend_from_slice(writer.seal().unwrap().bytes());
            written.ends.push((written.bytes.len(), record.head().seq));
        }
    }
    if let Some(frame) = writer.seal() {
        written.bytes.extend_from_slice(frame.bytes());
        written.ends.push((written.bytes.len(), shop.ledger.seq()));
    }
    written.ledger = shop.ledger;
    written
}

fn plain() -> Ledger {
    ledger(Limits::default(), Program::default())
}

fn recover(bytes: &[u8]) -> (Recovered, JournalEnd) {
    let mut recovery = Recovery::new(plain());
    let end = recovery.journal(bytes);
    (recovery.finish(), end)
}

#[test]
fn a_whole_journal_gives_the_same_ledger() {
    let written = written();
    let (recovered, end) = recover(&written.bytes);
    assert_eq!(end, JournalEnd::Whole { length: written.bytes.len() });
    assert!(recovered.ledger == written.ledger);
    assert_eq!(recovered.frames, written.ends.len() as u64);
    assert!(recovered.ledger.verify().is_sound());

    // Room that was set aside behind the end is not damage.
    let mut padded = written.bytes.clone();
    padded.extend([0; 4096]);
    assert_eq!(recover(&padded).1, end);
}

#[test]
fn a_journal_cut_at_any_byte_gives_the_last_whole_frame() {
    let written = written();
    // What each prefix of whole frames folds to, once.
    let mut states = vec![plain()];
    for (end, _) in &written.ends {
        states.push(recover(&written.bytes[..*end]).0.ledger);
    }
    for cut in 0..=written.bytes.len() {
        let whole = written.ends.iter().filter(|(end, _)| *end <= cut).count();
        let last = written.ends[..whole].last().map_or(0, |(end, _)| *end);
        let (recovered, end) = recover(&written.bytes[..cut]);
        let expected = if last == cut {
            JournalEnd::Whole { length: cut }
        } else {
            JournalEnd::Torn { at: last, frame: whole as u64 + 1, present: cut - last }
        };
        assert_eq!(end, expected, "cut at {cut}");
        assert!(recovered.ledger == states[whole], "cut at {cut}");
    }
}

/// A file whose room was set aside ahead: behind what was written stand zeros, as many as there were.
#[test]
fn a_journal_cut_at_any_byte_with_zeros_behind_it_gives_the_last_whole_frame() {
    let written = written();
    let mut states = vec![plain()];
    for (end, _) in &written.ends {
        states.push(recover(&written.bytes[..*end]).0.ledger);
    }
    for cut in 0..=written.bytes.len() {
        let mut bytes = written.bytes[..cut].to_vec();
        // To the end of the frame, not so far, just behind it, and far behind it.
        let frame = written.ends.iter().find(|(end, _)| *end >= cut).map_or(cut, |(end, _)| *end);
        for length in [frame, [cut + 1, frame + 7, frame + 4_096][cut % 3]] {
            bytes.truncate(cut);
            bytes.resize(length.max(cut), 0);
            // The zeros may be what stood there anyway.
            let whole = written.ends.iter().filter(|(end, _)| {
                bytes.get(..*end).is_some_and(|bytes| *bytes == written.bytes[..*end])
            });
            let whole = whole.count();
            let last = written.ends[..whole].last().map_or(0, |(end, _)| *end);
            let (recovered, end) = recover(&bytes);
            let rest = bytes.get(last..).unwrap_or_default();
            if rest.iter().all(|byte| *byte == 0) {
                assert_eq!(end, JournalEnd::Whole { length: last }, "cut at {cut}, {length} long");
            } else {
                let JournalEnd::Torn { at, frame, present } = end else {
                    panic!("cut at {cut}, {length} long: {end}");
                };
                assert_eq!((at, frame), (last, whole as u64 + 1), "cut at {cut}, {length} long");
                assert!(present <= bytes.len() - last && present > 0);
            }
            assert!(cut % 7 > 0 || audit(&bytes).end == end);
            assert!(recovered.ledger == states[whole], "cut at {cut}, {length} long");
        }
    }
}

/// Zeros behind the journal, or in its last frame, do not make damage in front of them harmless.
#[test]
fn damage_is_damage_whatever_zeros_lie_behind_it() {
    let written = written();
    let last = written.ends[written.ends.len() - 2].0;
    let mut bytes = written.bytes.clone();
    bytes.extend([0; 600]);
    for place in 0..written.bytes.len() {
        bytes[place] ^= 1 << (place % 8);
        let (_, end) = recover(&bytes);
        // The last bit that was set: nobody can tell it from a write that ended before it.
        let cut = place >= last && bytes[place..].iter().all(|byte| *byte == 0);
        let damaged = matches!(end, JournalEnd::Damaged { .. });
        assert!(damaged != cut, "flipped {place}: {end}");
        bytes[place] ^= 1 << (place % 8);
    }
    // A bit in a record before the one in which the write was cut off.
    let first = u32::from_le_bytes(bytes[last + 128..last + 132].try_into().unwrap()) as usize;
    assert!(last + 128 + first + 20 < written.bytes.len(), "the last frame has several records");
    let mut torn = written.bytes[..last + 128 + first + 20].to_vec();
    torn.resize(bytes.len(), 0);
    assert!(matches!(recover(&torn).1, JournalEnd::Torn { at, .. } if at == last));
    for place in last..last + 128 + first {
        torn[place] ^= 1 << (place % 8);
        let (_, end) = recover(&torn);
        assert!(matches!(end, JournalEnd::Damaged { .. }), "flipped {place}: {end}");
        torn[place] ^= 1 << (place % 8);
    }
    // Zeros where a frame began are no end when something lies behind them.
    for (from, length) in [(0, 4), (0, 200), (written.ends[1].0, 1), (last, 130)] {
        let mut hole = written.bytes.clone();
        hole[from..from + length].fill(0);
        let JournalEnd::Damaged { at, more_behind, .. } = recover(&hole).1 else {
            panic!("{from}: {}", recover(&hole).1)
        };
        assert_eq!((at, more_behind), (from, from < last));
        assert_eq!(audit(&hole).end, recover(&hole).1);
    }
    // Zeros in the middle of the journal, up to its next frame, are a hole.
    let mut hole = written.bytes.clone();
    hole[last - 90..last].fill(0);
    let JournalEnd::Damaged { more_behind: true, .. } = recover(&hole).1 else {
        panic!("{}", recover(&hole).1)
    };
}

#[test]
fn a_journal_goes_on_after_a_crash_at_any_record() {
    let written = written();
    for (end, seq) in &written.ends {
        let torn = (*end + 40).min(written.bytes.len());
        let (recovered, end_of) = recover(&written.bytes[..torn]);
        let mut journal = written.bytes[..end_of.whole()].to_vec();
        let (mut ledger, mut writer) = (recovered.ledger, recovered.writer);
        assert_eq!(ledger.seq(), *seq);
        let key = IdempotencyKey::new(u128::MAX);
        let token = MemberToken::new(u128::MAX);
        let command = Command::new(key, StoreId::new(1), enrol(token, None));
        let outcome = ledger.apply(written.ledger.at(), &command, writer.buffer());
        let Outcome::Accepted(receipt) = outcome else { panic!("{outcome:?}") };
        writer.added(receipt.seq, receipt.time);
        journal.extend_from_slice(writer.seal().unwrap().bytes());
        let (again, end) = recover(&journal);
        assert!(end.is_intact(), "{end}");
        assert!(again.ledger == ledger);
    }
}

#[test]
fn a_flipped_bit_at_any_byte_is_found_and_the_frames_before_it_are_kept() {
    let written = written();
    let mut bytes = written.bytes.clone();
    for place in 0..bytes.len() {
        let bit = 1 << (place % 8);
        bytes[place] ^= bit;
        let frame = written.ends.iter().filter(|(end, _)| *end <= place).count();
        let start = written.ends[..frame].last().map_or(0, |(end, _)| *end);
        let (recovered, end) = recover(&bytes);
        match end {
            JournalEnd::Damaged { at, frame: number, more_behind, .. } => {
                assert_eq!(at, start, "flipped {place}");
                assert_eq!(number, frame as u64 + 1);
                assert_eq!(more_behind, frame + 1 < written.ends.len(), "flipped {place}");
            }
            other => panic!("flipped {place}: {other:?}"),
        }
        let seq = written.ends[..frame].last().map_or(Seq::new(0), |(_, seq)| *seq);
        assert_eq!(recovered.ledger.seq(), seq);
        bytes[place] ^= bit;
    }
}

/// Checks find what went wrong by itself; hashes find also what somebody has made.
#[test]
fn a_record_changed_with_its_check_is_found_by_the_hashes() {
    let written = written();
    let mut bytes = written.bytes.clone();
    // The terminal of the first record, and its check.
    let length = u32::from_le_bytes(bytes[128..132].try_into().unwrap()) as usize;
    bytes[128 + 60] ^= 1;
    let check = crc32fast::hash(&bytes[128 + 8..128 + length]);
    bytes[128 + 4..128 + 8].copy_from_slice(&check.to_le_bytes());
    assert!(recover(&bytes).1.is_intact());
    let hashed = |bytes: &[u8]| Recovery::new(plain()).with_hashes().journal(bytes);
    for end in [hashed(&bytes), audit(&bytes).end] {
        let JournalEnd::Damaged { at: 0, frame: 1, error, .. } = end else { panic!("{end}") };
        assert_eq!(error.kind(), FrameErrorKind::Hash);
    }
    assert!(hashed(&written.bytes).is_intact());
}

#[test]
fn a_damaged_record_is_named() {
    let written = written();
    let mut bytes = written.bytes.clone();
    let start = written.ends[0].0;
    bytes[start + 128 + 90] ^= 1;
    let (_, end) = recover(&bytes);
    let JournalEnd::Damaged { error, .. } = end else { panic!("{end:?}") };
    assert_eq!(error.kind(), FrameErrorKind::Record(RecordErrorKind::Check));
    assert_eq!(error.offset(), 128 + 4, "the first record of the frame");
    assert!(end.to_string().contains("the record's checksum does not match"), "{end}");
    assert!(end.to_string().contains("whole frames lie behind it"), "{end}");
}

#[test]
fn frames_that_are_left_out_doubled_or_swapped_break_the_chain() {
    let written = written();
    let mut frames: Vec<&[u8]> = Vec::new();
    let mut start = 0;
    for (end, _) in &written.ends {
        frames.push(&written.bytes[start..*end]);
        start = *end;
    }
    let orders: [&[usize]; 3] = [&[0, 2], &[0, 1, 1], &[0, 2, 1]];
    for order in orders {
        let bytes: Vec<u8> = order.iter().flat_map(|n| frames[*n]).copied().collect();
        let (recovered, end) = recover(&bytes);
        let good = if order[1] == 1 { 2 } else { 1 };
        assert_eq!(recovered.frames, good, "{order:?}");
        let JournalEnd::Damaged { error, .. } = end else { panic!("{end:?}") };
        assert_eq!(error.kind(), FrameErrorKind::Number);
    }
    // The right number on another history: the hash of the frame before gives it away.
    let mut other = FrameWriter::new(2, Chain::new([7; 32]), 1);
    let (record, _) = Record::parse(&frames[1][128..]).unwrap();
    other.buffer().extend_from_slice(record.as_bytes());
    other.added(record.head().seq, record.head().at.time);
    let mut bytes = frames[0].to_vec();
    bytes.extend_from_slice(other.seal().unwrap().bytes());
    let (_, end) = recover(&bytes);
    let JournalEnd::Damaged { error, .. } = end else { panic!("{end:?}") };
    assert_eq!(error.kind(), FrameErrorKind::Chain);
}

#[test]
fn a_store_may_give_the_frames_one_by_one() {
    let written = written();
    let mut recovery = Recovery::new(plain()).with_statements();
    let mut start = 0;
    for (end, seq) in &written.ends {
        recovery.frame(&written.bytes[start..*end]).unwrap();
        assert_eq!(recovery.seq(), *seq);
        start = *end;
    }
    let recovered = recovery.finish();
    assert!(recovered.ledger == written.ledger);
    let statements = recovered.statements.unwrap();
    for (account, balance) in recovered.ledger.accounts() {
        if matches!(account.owner(), Owner::Member(_)) {
            assert_eq!(statements.raw_balance(account), balance, "{account:?}");
        }
    }
    // After an error nothing follows any more.
    let mut recovery = Recovery::new(plain());
    let first = &written.bytes[..written.ends[0].0];
    assert_eq!(
        recovery.frame(&first[..first.len() - 1]).unwrap_err().kind(),
        FrameErrorKind::BodyTruncated
    );
    assert!(recovery.frame(first).is_err());
}

#[test]
fn records_that_do_not_fit_the_state_are_refused_by_check() {
    let mut shop = Shop::new(Program::sample());
    let member = shop.enrol();
    shop.ok(top_up(member, 10_000));
    shop.ok(spend(member, 500));
    let records: Vec<Record<'_>> =
        shop.records.iter().map(|bytes| Record::parse(bytes).unwrap().0).collect();
    let mut ledger = plain();
    assert_eq!(ledger.check(records[1]).unwrap_err().kind(), RecordErrorKind::Sequence);
    for record in &records {
        ledger.check(*record).unwrap();
        ledger.commit(*record);
        assert_eq!(ledger.check(*record).unwrap_err().kind(), RecordErrorKind::Sequence);
    }
    // A record about a member that does not exist here.
    let mut other = Shop::new(Program::sample());
    other.enrol();
    other.enrol();
    other.enrol();
    other.ok(top_up(MemberId::new(2), 10_000));
    let foreign = Record::parse(other.records.last().unwrap()).unwrap().0;
    assert_eq!(ledger.check(foreign).unwrap_err().kind(), RecordErrorKind::State);
}

#[test]
fn a_member_that_is_enrolled_stands_in_the_journal_byte_by_byte() {
    let mut shop = Shop::new(Program::default());
    shop.ok(enrol(MemberToken::new(0x0102), None));
    let bytes = &shop.records[0];
    assert_eq!(bytes.len(), 88 + 40);
    let field = |at: usize, length: usize| &bytes[at..at + length];
    assert_eq!(field(0, 4), 128_u32.to_le_bytes());
    assert_eq!(field(8, 4), [1, 0, 1, 0], "kind, version, reserved");
    assert_eq!(field(12, 4), 1_u32.to_le_bytes(), "store");
    assert_eq!(field(16, 8), 1_u64.to_le_bytes(), "seq");
    assert_eq!(field(24, 8), (20_000_i64 * 86_400 * 1_000_000).to_le_bytes(), "time");
    assert_eq!(field(32, 16), 1_u128.to_le_bytes(), "key");
    assert_eq!(field(48, 8), 0x9306_cf03_3b4f_ab96_u64.to_le_bytes(), "digest: for ever");
    assert_eq!(field(72, 4), 20_000_i32.to_le_bytes(), "day");
    assert_eq!(field(76, 4), 0_u32.to_le_bytes(), "member");
    assert_eq!(field(80, 4), [0, 0, 1, 0], "postings, facts");
    assert_eq!(field(84, 4), 1_u32.to_le_bytes(), "program");
    assert_eq!(field(88, 4), [1, 0, 40, 0], "tag and length of the fact");
    assert_eq!(field(96, 16), 0x0102_u128.to_le_bytes(), "token");
    assert_eq!(field(117, 11), [255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0], "referrer, padding");
}
