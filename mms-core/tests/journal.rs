//! The journal: whole, torn and damaged, at every byte.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests state what must hold"
)]

mod common;
use common::*;
use mms_core::*;
use twox_hash::XxHash3_64;

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

/// How long the record is that begins there.
fn length_at(bytes: &[u8], at: usize) -> usize {
    let first = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(first & 7, 2, "version 2");
    (first >> 3 & 0x1f_ffff) as usize
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
    let first = length_at(&bytes, last + 128);
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
    // The digest of the first record, and its check.
    let end = 128 + length_at(&bytes, 128);
    bytes[128 + 30] ^= 1;
    let check = XxHash3_64::oneshot(&bytes[128..end - 8]);
    bytes[end - 8..end].copy_from_slice(&check.to_le_bytes());
    assert!(recover(&bytes).1.is_intact());
    let hashed = |bytes: &[u8]| Recovery::new(plain()).with_hashes().journal(bytes);
    for end in [hashed(&bytes), audit(&bytes).end] {
        let JournalEnd::Damaged { at: 0, frame: 1, error, .. } = end else { panic!("{end}") };
        assert_eq!(error.kind(), FrameErrorKind::Hash);
    }
    assert!(hashed(&written.bytes).is_intact());
}

/// A hash of the host's: good enough to tell frames apart here.
#[derive(Debug)]
struct OwnHash;

impl FrameHash for OwnHash {
    fn number(&self) -> u16 {
        32_768
    }

    fn hash(&self, parts: [&[u8]; 3]) -> [u8; 32] {
        let mut hash = [7; 32];
        for seed in 0..4_u8 {
            let word = XxHash3_64::oneshot_with_seed(seed.into(), &parts.concat());
            hash[usize::from(seed) * 8..][..8].copy_from_slice(&word.to_le_bytes());
        }
        hash
    }
}

#[test]
fn a_host_may_bring_a_hash_of_its_own() {
    let written = written();
    let mut writer = FrameWriter::new(1, Chain::START, 1).with_hash(&OwnHash);
    let mut bytes = Vec::new();
    let mut left = written.bytes.as_slice();
    while let Ok((frame, rest)) = Frame::parse(left) {
        for record in frame.records() {
            writer.buffer().extend_from_slice(record.as_bytes());
            writer.added(record.head().seq, record.head().at.time);
        }
        bytes.extend_from_slice(writer.seal().unwrap().bytes());
        left = rest;
    }
    // Who only looks at checks needs no hash; who looks at hashes must have the same.
    assert!(recover(&bytes).1.is_intact());
    assert_eq!(Frame::parse(&bytes).unwrap_err().kind(), FrameErrorKind::HashKind);
    assert!(Frame::parse_with(&bytes, &OwnHash).is_ok());
    let JournalEnd::Damaged { error, .. } = audit(&bytes).end else { panic!() };
    assert_eq!((error.kind(), error.offset()), (FrameErrorKind::HashKind, 6));
    assert!(audit_with(&bytes, &OwnHash).end.is_intact());
    let hashed = |bytes: &[u8]| {
        let mut recovery = Recovery::new(plain()).with_hashes().with_hash(&OwnHash);
        (recovery.journal(bytes), recovery.finish())
    };
    let (end, recovered) = hashed(&bytes);
    assert!(end.is_intact() && recovered.ledger == written.ledger);
    // What is written next has it, too.
    let mut writer = recovered.writer;
    let last = shop_record();
    writer.buffer().extend_from_slice(&last);
    writer.added(Seq::new(1), Timestamp::UNIX_EPOCH);
    assert!(Frame::parse_with(writer.seal().unwrap().bytes(), &OwnHash).is_ok());
    bytes[128 + 30] ^= 1;
    let end = 128 + length_at(&bytes, 128);
    let check = XxHash3_64::oneshot(&bytes[128..end - 8]);
    bytes[end - 8..end].copy_from_slice(&check.to_le_bytes());
    assert!(matches!(hashed(&bytes).0, JournalEnd::Damaged { frame: 1, .. }));
    assert!(recover(&bytes).1.is_intact());
    // An engine may begin with it.
    let config = EngineConfig::default().with_program(Program::sample()).with_hash(&OwnHash);
    let mut engine =
        Engine::new(proto_wire::Instant::ZERO, config.into(), Seed::from_u64(1)).unwrap();
    let key = IdempotencyKey::new(1);
    let command = Command::new(key, StoreId::new(1), enrol(MemberToken::new(1), None));
    engine.submit(proto_wire::Instant::ZERO, written.ledger.at(), &command);
    let Some(proto_wire::Output::Transmit(frame)) = engine.poll_output() else { panic!() };
    assert!(Frame::parse_with(frame.bytes(), &OwnHash).is_ok());
}

/// The first record of any shop.
fn shop_record() -> Vec<u8> {
    let mut shop = Shop::new(Program::sample());
    shop.enrol();
    shop.records.remove(0)
}

#[test]
fn a_damaged_record_is_named() {
    let written = written();
    let mut bytes = written.bytes.clone();
    let start = written.ends[0].0;
    bytes[start + 128 + 30] ^= 1;
    let (_, end) = recover(&bytes);
    let JournalEnd::Damaged { error, .. } = end else { panic!("{end:?}") };
    assert_eq!(error.kind(), FrameErrorKind::Record(RecordErrorKind::Check));
    let check = length_at(&bytes, start + 128) - 8;
    assert_eq!(error.offset(), 128 + check, "the first record of the frame");
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

/// Who can make a right check can write any record: it is refused, or it is the one encoding of
/// what it says and does no harm.
#[test]
fn hostile_records_under_right_checks_are_refused_or_harmless() {
    let mut shop = Shop::new(Program::sample());
    let member = shop.enrol();
    shop.card(member, 77);
    shop.ok(top_up(member, 60_000));
    let sale = shop.ok(checkout(member, &[line(1, 2, 3_000), line(2, 1, 500)], Pay::Stored));
    let until = shop.at.time.saturating_add(core::time::Duration::from_secs(5));
    let held = shop.ok(hold(member, Held::Points, 20, until));
    shop.ok(capture(&held, 15));
    shop.ok(refund(&sale, Part::Line { line: 0, quantity: 1 }));
    let mut rng = proto_wire::Rng::new(&Seed::from_u64(0x4057));
    let (mut read, mut booked) = (0, 0);
    for round in 0..6_000 {
        let place = rng.below(shop.records.len() as u64) as usize;
        let mut bytes = shop.records[place].clone();
        let end = bytes.len() - 8;
        for _ in 0..=rng.below(3) {
            let at = 3 + rng.below(end as u64 - 3) as usize;
            bytes[at] = if round % 2 == 0 { rng.below(256) as u8 } else { bytes[at] ^ 1 };
        }
        let check = XxHash3_64::oneshot(&bytes[..end]);
        bytes[end..].copy_from_slice(&check.to_le_bytes());
        let Ok((record, _)) = Record::parse(&bytes) else { continue };
        assert!(record.to_current().into_bytes() == bytes, "{record:?}");
        read += 1;
        let mut ledger = plain();
        for before in &shop.records[..place] {
            ledger.commit(Record::parse(before).unwrap().0);
        }
        if ledger.check(record).is_ok() {
            ledger.commit(record);
            assert!(!ledger.verify().checks.is_empty());
            booked += 1;
        }
    }
    assert!(read > 500 && booked > 50, "{read} read, {booked} booked");
}

#[test]
fn a_member_that_is_enrolled_stands_in_the_journal_byte_by_byte() {
    let mut shop = Shop::new(Program::default());
    shop.ok(enrol(MemberToken::new(0x0102), None));
    let bytes = &shop.records[0];
    let field = |at: usize, length: usize| &bytes[at..at + length];
    assert_eq!(field(0, 4), (1_u32 << 24 | 99 << 3 | 2).to_le_bytes(), "kind, length, version");
    assert_eq!(field(4, 8), (20_000_i64 * 86_400 * 1_000_000).to_le_bytes(), "time");
    assert_eq!(field(12, 16), 1_u128.to_le_bytes(), "key");
    assert_eq!(field(28, 8), 0x9306_cf03_3b4f_ab96_u64.to_le_bytes(), "digest: for ever");
    assert_eq!(field(36, 8), 1_u64.to_le_bytes(), "record number");
    assert_eq!(field(44, 8), [1, 0, 0, 0, 0, 0, 0, 0], "store, member");
    assert_eq!(field(52, 5), [0, 0, 0, 1, 8], "postings, facts, and that there is a program");
    assert_eq!(field(57, 4), 1_u32.to_le_bytes(), "program");
    assert_eq!(field(61, 5), [1, 0, 0, 0, 0], "tag, member as in the head");
    assert_eq!(field(66, 16), 0x0102_u128.to_le_bytes(), "token");
    assert_eq!(field(82, 5), [1, 0, 0, 0, 0], "kind, plan, tier");
    assert_eq!(field(87, 4), [255; 4], "referrer: none, and the member is 0");
    let check = XxHash3_64::oneshot(&bytes[..bytes.len() - 8]);
    assert_eq!(bytes[bytes.len() - 8..], check.to_le_bytes());
}

/// No frame is longer than a reader takes, whatever was collected before it was sealed.
#[test]
fn what_does_not_fit_into_a_frame_waits_for_the_next() {
    const FULL: usize = 16 * 1_024 * 1_024;
    let mut shop = Shop::new(Program::default());
    let member = shop.enrol();
    let lines: Vec<Line> = (0..255).map(|n| line(n, 1, 100)).collect();
    shop.ok(checkout(member, &lines, Pay::Cash));
    shop.skip(1);
    shop.ok(top_up(member, 1));
    let [.., long, short] = shop.records.as_slice() else { panic!() };
    let [last, behind] = [long, short].map(|bytes| Record::parse(bytes).unwrap().0.head());
    let mut writer = FrameWriter::new(1, Chain::START, 1);
    let add = |writer: &mut FrameWriter, bytes: &[u8], head: Head| {
        writer.buffer().extend_from_slice(bytes);
        writer.added(head.seq, head.at.time);
    };
    // The long one as often as it fits, then the short one up to the last byte and one beyond.
    while writer.len() + long.len() <= FULL {
        add(&mut writer, long, last);
    }
    while writer.len() + short.len() <= FULL {
        add(&mut writer, short, behind);
    }
    let (fits, count) = (writer.len(), writer.count());
    let mut one = writer.clone();
    add(&mut writer, short, behind);
    add(&mut writer, long, last);
    let first = writer.seal().unwrap();
    assert_eq!(first, one.seal().unwrap(), "as if nothing waited");
    assert_eq!((first.bytes().len(), first.view().record_count()), (128 + fits, count));
    assert_eq!((writer.count(), writer.len()), (2, short.len() + long.len()));
    let second = writer.seal().unwrap();
    let view = second.view();
    assert_eq!((view.first_seq(), view.last_time()), (behind.seq, last.at.time));
    assert_eq!((view.number(), view.previous()), (2, first.view().chain()));
    let records: Vec<&[u8]> = view.records().map(Record::as_bytes).collect();
    assert_eq!(records, [short.as_slice(), long.as_slice()]);
    assert!(writer.is_empty() && writer.seal().is_none());
    // A reader takes both: only their order is no ledger's.
    for frame in [first, second] {
        assert_eq!(Frame::parse(frame.bytes()).unwrap_err().kind(), FrameErrorKind::Records);
    }
}

/// The place of the first record that a header says is held against the record, also by a recovery that
/// hashes nothing.
#[test]
fn a_header_that_names_another_first_record_is_refused() {
    let mut shop = Shop::new(Program::default());
    shop.enrol();
    let bytes = shop.records[0].clone();
    let head = Record::parse(&bytes).unwrap().0.head();
    let frame = |seq| {
        let mut writer = FrameWriter::new(1, Chain::START, 1);
        writer.buffer().extend_from_slice(&bytes);
        writer.added(seq, head.at.time);
        writer.seal().unwrap()
    };
    let recover = |frame: &FrameBuf| {
        let mut recovery = Recovery::new(ledger(Limits::default(), Program::default()));
        let result = recovery.frame(frame.bytes()).map_err(|error| (error.kind(), error.offset()));
        (result, recovery.records())
    };
    let good = frame(head.seq);
    assert_eq!(recover(&good), (Ok(()), 1));
    let other = frame(Seq::new(7));
    assert_eq!(recover(&other), (Err((FrameErrorKind::Records, 16)), 0));
    assert_eq!(Frame::parse(other.bytes()).unwrap_err().kind(), FrameErrorKind::Records);
}
