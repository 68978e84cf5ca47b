#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
use super::pack::{Pack, Unpack, Usual};
use super::*;
use crate::account::{Account, Code, MONEY, POINTS};
use crate::command::MemberKind;
use crate::ids::*;
use crate::wire::Packing;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use proto_wire::{Rng, Seed};
use twox_hash::XxHash3_64;

fn usual(member: Option<MemberId>) -> Usual {
    let mut head = Draft::new().head;
    (head.member, head.store, head.actor) = (member, StoreId::new(3), ActorId::new(4));
    Usual::of(&head)
}

fn written(write: impl FnOnce(&mut Pack<'_>)) -> Vec<u8> {
    let mut room = vec![0xdd; 256];
    let mut to = Pack { out: &mut room, at: 0 };
    write(&mut to);
    let end = to.at;
    room.truncate(end);
    room
}

fn packed(fact: Fact, usual: &Usual) -> Vec<u8> {
    written(|to| fact.pack(to, usual))
}

fn unpacked(bytes: &[u8], usual: &Usual) -> Option<(Fact, usize)> {
    let mut room = bytes.to_vec();
    room.extend([0xee; 8]);
    let mut from = Unpack { bytes: &room, at: 0, end: bytes.len() };
    Fact::unpack(&mut from, usual, |fact| fact).map(|fact| (fact, from.at))
}

#[test]
fn facts_take_the_bytes_that_they_need_and_come_back() {
    let usual = usual(Some(MemberId::new(7)));
    let moved = |principal, bonus| Fact::LotMoved {
        lot: LotId::new(9),
        how: MoveKind::Claw,
        principal,
        bonus,
    };
    let rows: [(Fact, &[u8]); 6] = [
        (
            Fact::TierChanged {
                member: MemberId::new(7),
                from: TierId::new(0),
                to: TierId::new(2),
            },
            &[3, 0, 0, 0, 0, 0, 0, 2, 0],
        ),
        (moved(-1, 300), &[9, 9, 0, 0, 0, 7, 0xff, 0xff, 44, 1]),
        (moved(-1, 0x8000), &[89, 9, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0, 0x80, 0, 0]),
        (
            moved(i64::MIN, 1),
            &[169, 9, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            Fact::MemberEnrolled {
                member: MemberId::new(6),
                token: MemberToken::new(1 << 64),
                kind: MemberKind::Dealer,
                plan: PlanId::new(4),
                tier: TierId::new(0x1ff),
                referrer: Some(MemberId::new(7)),
            },
            &[
                1,
                1,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                1,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                MemberKind::Dealer.number(),
                4,
                0,
                0xff,
                1,
                0,
                0,
                0,
                0,
            ],
        ),
        (
            Fact::TierKept {
                member: MemberId::new(7),
                until: Day::NEVER,
                how: crate::state::TierHow::ALL[0],
            },
            &[29, 0, 0, 0, 0, 255, 255, 255, 127, crate::state::TierHow::ALL[0].number()],
        ),
    ];
    for (fact, bytes) in rows {
        assert_eq!(packed(fact, &usual), bytes, "{fact:?}");
        assert_eq!(unpacked(bytes, &usual), Some((fact, bytes.len())));
        for cut in 0..bytes.len() {
            assert_eq!(unpacked(&bytes[..cut], &usual), None, "{fact:?} cut at {cut}");
        }
    }
}

/// Whatever is read as a fact is written as the same bytes again: there is one encoding.
#[test]
fn a_fact_has_one_encoding_and_is_never_longer_than_in_version_1() {
    let mut rng = Rng::new(&Seed::from_u64(0xfac7));
    for described in Fact::DESCRIBED {
        let size: usize = described.fields.iter().map(|field| field.1).sum();
        let tag = u8::try_from(described.tag).expect("one byte");
        let amounts = described.fields.iter().any(|field| field.1 == 8);
        let mut read = [0; 3];
        for round in 0..900 {
            let usual =
                usual((round % 3 > 0).then(|| MemberId::new(rng.next_u32() >> (round % 32))));
            let mut bytes = vec![tag + 80 * u8::try_from(round % 3).expect("small")];
            for n in 0..size {
                bytes.push(match round % 5 {
                    0 => u8::from(n % 4 == 0),
                    1 => rng.below(2) as u8,
                    _ => rng.below(256) as u8,
                });
            }
            let Some((fact, length)) = unpacked(&bytes, &usual) else { continue };
            assert_eq!(fact.name(), described.name);
            assert_eq!(packed(fact, &usual), bytes[..length], "{fact:?}");
            assert!(length <= fact.size(), "{fact:?}");
            read[round % 3] += 1;
        }
        let wanted = [true, amounts, amounts];
        assert_eq!(read.map(|count| count > 0), wanted, "{}: {read:?}", described.name);
    }
}

#[test]
fn what_has_another_encoding_is_refused() {
    let usual = usual(None);
    let good = packed(Fact::DebtPaid { member: MemberId::new(1), points: 5 }, &usual);
    assert_eq!(good, [21, 0xfe, 0xff, 0xff, 0xff, 5, 0]);
    let bad: [&[u8]; 5] = [
        // What fits into a narrower shape.
        &[101, 0xfe, 0xff, 0xff, 0xff, 5, 0, 0, 0],
        &[101, 0xfe, 0xff, 0xff, 0xff, 0, 0x80, 0xff, 0xff],
        &[181, 0xfe, 0xff, 0xff, 0xff, 5, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff],
        // No such fact; none that has no numbers of eight bytes has another shape.
        &[79, 0xfe, 0xff, 0xff, 0xff, 5, 0],
        &[125, 1, 0, 0, 0],
    ];
    for bytes in bad {
        assert_eq!(unpacked(bytes, &usual), None, "{bytes:x?}");
    }
    let least = &[101, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff];
    let fact = Fact::DebtPaid { member: MemberId::new(1), points: -0x8001 };
    assert_eq!(unpacked(least, &usual), Some((fact, 9)));
    assert_eq!(unpacked(&[45, 1, 0, 0, 0], &usual).map(|(_, length)| length), Some(5));
}

#[test]
fn a_posting_says_only_what_is_not_usual() {
    let usual = usual(Some(MemberId::new(7)));
    let rows: [(Account, i64, &[u8]); 7] = [
        (Account::raw(7, Code::Points, POINTS), -5, &[0x11, 0x09, 0xfb, 0xff]),
        (Account::raw(3, Code::Tender, MONEY), 300, &[0x01, 0x06, 44, 1]),
        (Account::raw(3, Code::Tender, MONEY), 0x8000, &[0x01, 0x26, 0, 0x80, 0, 0]),
        (
            Account::raw(3, Code::Tender, MONEY),
            -(1 << 40),
            &[0x01, 0x46, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff],
        ),
        (Account::raw(4, Code::Commission, MONEY), 0, &[0x01, 0x07, 0, 0]),
        (Account::raw(9, Code::Points, POINTS), 1, &[0x11, 0x19, 1, 0, 9, 0, 0, 0]),
        (
            Account::raw(9, Code::Stock, AssetId::new(0x8001)),
            1,
            &[0x41, 0x12, 1, 0, 9, 0, 0, 0, 1, 0x80],
        ),
    ];
    for (account, amount, bytes) in rows {
        let posting = Posting::new(account, amount);
        let mut room = written(|to| to.posting(posting, &usual));
        assert_eq!(room, bytes, "{posting:?}");
        let length = room.len();
        room.extend([0xee; 8]);
        let read = |end| {
            let mut from = Unpack { bytes: &room, at: 0, end };
            from.posting(&usual)
        };
        assert_eq!(read(length), Some(posting));
        for cut in 0..length {
            assert_eq!(read(cut), None);
        }
    }
    // An owner, an asset or a width that need not be said; no such width, asset or code.
    let bad: [&[u8]; 8] = [
        &[0x11, 0x19, 1, 0, 7, 0, 0, 0],
        &[0x11, 0x01, 1, 0, 2, 0],
        &[0x11, 0x29, 1, 0, 0, 0],
        &[0x11, 0x49, 1, 0, 1, 0, 0, 0, 0, 0],
        &[0x11, 0x69, 1, 0, 0, 0, 0, 0, 0, 0x80],
        &[0x11, 0x89, 1, 0, 0, 0, 0, 0, 0, 0x80],
        &[0x11, 0x0d, 1, 0],
        &[0xff, 0x0b, 1, 0],
    ];
    for bytes in bad {
        let mut room = bytes.to_vec();
        room.extend([0; 8]);
        let mut from = Unpack { bytes: &room, at: 0, end: bytes.len() };
        assert_eq!(from.posting(&usual), None, "{bytes:x?}");
    }
}

#[test]
fn long_records_are_written_as_short_ones_are() {
    let line = |n: u32| Fact::SaleLine {
        sku: Sku::new(n),
        quantity: n,
        list: i64::from(n) << 33,
        net: -i64::from(n),
    };
    for count in (0..300).step_by(7).chain([255, 256, 1_000]) {
        let mut draft = Draft::new();
        draft.begin(draft.head);
        let facts: Vec<Fact> = (0..count).map(line).collect();
        for (fact, n) in facts.iter().zip(1..) {
            draft.fact(*fact);
            draft.store(Code::Tender, MONEY, n);
            draft.store(Code::Revenue, MONEY, -n);
        }
        let record = draft.finish();
        let bytes = record.view().as_bytes().to_vec();
        let (read, rest) = Record::parse(&bytes).expect("a record");
        assert!(rest.is_empty() && read == record.view());
        assert!(read.facts().eq(facts) && read.postings().eq(draft.postings().iter().copied()));
        assert_eq!(read.to_current(), record);
    }
}

/// What a head names on top, and nothing that need not be named.
#[test]
fn a_head_says_what_a_head_can_say() {
    let mut usual = Draft::new().head;
    usual.at = At::utc(Timestamp::from_unix_secs(1_790_000_000));
    let other_day = At::new(usual.at.time, usual.at.day.plus(1));
    let rows = [
        (usual, 0),
        (Head { member: Some(MemberId::new(u32::MAX - 1)), seq: Seq::new(u64::MAX), ..usual }, 0),
        (Head { actor: ActorId::new(1 << 31), ..usual }, 4),
        (Head { terminal: TerminalId::new(9), ..usual }, 4),
        (Head { occurred_at: Timestamp::from_unix_micros(-1), ..usual }, 8),
        (Head { program: u32::MAX, ..usual }, 4),
        (Head { at: other_day, ..usual }, 4),
        (Head { actor: ActorId::new(1), program: 1, at: other_day, ..usual }, 12),
    ];
    for (head, more) in rows {
        let mut draft = Draft::new();
        draft.head = head;
        let mut bytes = draft.finish().into_bytes();
        assert_eq!(bytes.len(), 65 + more, "{head:?}");
        let (record, rest) = Record::parse(&bytes).expect("a record");
        assert!(rest.is_empty());
        assert_eq!(record.head(), head);
        // The flags of nothing: zeros, or the day of the time.
        let day = usual.at.day.value().to_le_bytes();
        let end = bytes.len() - 8;
        let nothing = if more == 4 && head.at == other_day { day } else { [0; 4] };
        for (byte, nothing) in bytes[57..end].iter_mut().zip(nothing.iter().cycle()) {
            *byte = *nothing;
        }
        let check = XxHash3_64::oneshot(&bytes[..end]);
        bytes[end..].copy_from_slice(&check.to_le_bytes());
        let read = Record::parse(&bytes).map_err(|error| error.kind());
        assert_eq!(read.err(), (more > 0).then_some(RecordErrorKind::Head), "{head:?}");
    }
    // Flags that there are not, or too many of either where there are few.
    for flags in [32, 64, 128] {
        let mut draft = Draft::new();
        draft.head = usual;
        let mut bytes = draft.finish().into_bytes();
        bytes[56] = flags;
        bytes.splice(57..57, [0; 4]);
        let first = 69 << 3 | u32::from(usual.kind.number()) << 24 | 2;
        bytes[..4].copy_from_slice(&first.to_le_bytes());
        let check = XxHash3_64::oneshot(&bytes[..61]);
        bytes[61..].copy_from_slice(&check.to_le_bytes());
        let error = Record::parse(&bytes).unwrap_err();
        assert_eq!(error.kind(), RecordErrorKind::Head, "{flags}");
    }
    // Nobody has the greatest number, which stands for nobody.
    let mut draft = Draft::new();
    draft.head.member = Some(MemberId::new(u32::MAX));
    let bytes = draft.finish().into_bytes();
    assert_eq!(Record::parse(&bytes).map(|(record, _)| record.head().member), Ok(None));
}

/// What the layout takes for granted of numbers that are given out.
#[test]
fn kinds_codes_and_tags_fit_where_they_stand() {
    assert!(Kind::ALL.iter().all(|kind| kind.number() < 256));
    assert!(Code::ALL.iter().all(|code| code.number() < 1024));
    for described in Fact::DESCRIBED {
        assert!(described.tag < 80);
        assert!(described.fields.iter().all(|field| field.1 <= 8 || field.1 == 16));
    }
}

/// The table of facts on the page about the journal is that of the source.
#[test]
fn the_page_lists_the_facts() {
    let page = include_str!("../../../docs/journal.md");
    let mut all: Vec<_> = Fact::DESCRIBED.to_vec();
    all.sort_by_key(|described| described.tag);
    let mut missing = String::new();
    for described in all {
        let size = described.fields.iter().fold(4, |sum, field| sum + field.1);
        let fields: Vec<String> = described
            .fields
            .iter()
            .map(|(name, size, packing)| {
                let letter = match packing {
                    Packing::Plain => "",
                    Packing::Signed => "s",
                    Packing::Optional => "o",
                    Packing::Member => "m",
                    Packing::Store => "b",
                    Packing::Day => "d",
                };
                format!("{name} {size}{letter}")
            })
            .collect();
        let row = format!(
            "| {} | `{}` | {} | {} |",
            described.tag,
            described.name,
            size.next_multiple_of(8),
            fields.join(", ")
        );
        if !page.contains(&row) {
            missing.push_str(&row);
            missing.push('\n');
        }
    }
    assert_eq!(missing, "", "rows that docs/journal.md lacks");
}
