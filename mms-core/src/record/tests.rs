#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
use super::pack::{Pack, Room, Unpack, Usual};
use super::*;
use crate::account::{Account, Code, MONEY, POINTS};
use crate::command::MemberKind;
use crate::ids::*;
use crate::wire::Packing;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use proto_wire::{Rng, Seed};

fn usual(member: Option<MemberId>) -> Usual {
    let mut head = Draft::new().head;
    (head.member, head.store, head.actor) = (member, StoreId::new(3), ActorId::new(4));
    Usual::of(&head)
}

fn written(write: impl FnOnce(&mut Pack<'_>)) -> Vec<u8> {
    let mut room = Room::new();
    let mut to = Pack::new(&mut room);
    write(&mut to);
    let body = to.mark();
    to.store(0, 4);
    let mut out = Vec::new();
    to.append(body, 0, &mut out);
    out.split_off(4)
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
    let rows: [(Fact, &[u8]); 4] = [
        (
            Fact::TierChanged {
                member: MemberId::new(7),
                from: TierId::new(0),
                to: TierId::new(2),
            },
            &[3, 0, 1, 2],
        ),
        (
            Fact::LotMoved { lot: LotId::new(9), how: MoveKind::Claw, principal: -1, bonus: 300 },
            &[9, 0x11, 0x21, 9, 7, 1, 88, 2],
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
            &[1, 0x01, 0x11, 0x21, 0, 1, 1, MemberKind::Dealer.number(), 4, 0xff, 1],
        ),
        (
            Fact::TierKept {
                member: MemberId::new(7),
                until: Day::NEVER,
                how: crate::state::TierHow::ALL[0],
            },
            &[29, 0, 1, crate::state::TierHow::ALL[0].number()],
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
        let count: usize = described.fields.iter().map(|field| field.1.div_ceil(8).max(1)).sum();
        let tag = u8::try_from(described.tag).expect("one byte");
        let (mut read, mut longest) = (0, 0);
        for round in 0..600 {
            let usual =
                usual((round % 3 > 0).then(|| MemberId::new(rng.next_u32() >> (round % 32))));
            let mut bytes = vec![tag];
            let mut left = count;
            while left > 0 {
                let block = left.min(14);
                let sizes: Vec<usize> =
                    (0..block).map(|_| rng.below([9, 3, 2][round % 3]) as usize).collect();
                for pair in sizes.chunks(2) {
                    bytes.push((pair[0] | pair.get(1).copied().unwrap_or(0) << 4) as u8);
                }
                for _ in 0..sizes.iter().sum() {
                    bytes.push(if round % 5 == 0 { 1 } else { rng.below(256) as u8 });
                }
                left -= block;
            }
            let Some((fact, length)) = unpacked(&bytes, &usual) else { continue };
            assert_eq!(fact.name(), described.name);
            assert_eq!(packed(fact, &usual), bytes[..length], "{fact:?}");
            assert!(length <= fact.size(), "{fact:?}");
            (read, longest) = (read + 1, length.max(longest));
        }
        assert!(read > 0, "{} is never read", described.name);
    }
}

#[test]
fn what_has_another_encoding_is_refused() {
    let usual = usual(None);
    let good = packed(Fact::DebtPaid { member: MemberId::new(1), points: 5 }, &usual);
    assert_eq!(good, [21, 0x14, 0xfe, 0xff, 0xff, 0xff, 10]);
    let bad: [&[u8]; 6] = [
        &[21, 0x24, 0xfe, 0xff, 0xff, 0xff, 10, 0],
        &[21, 0x15, 0xfe, 0xff, 0xff, 0xff, 0, 10],
        &[21, 0x15, 0xfe, 0xff, 0xff, 0xff, 1, 10],
        &[21, 0x94, 0xfe, 0xff, 0xff, 0xff, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        &[21, 0xf4, 0xfe, 0xff, 0xff, 0xff, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        &[200, 0x14, 0xfe, 0xff, 0xff, 0xff, 10],
    ];
    for bytes in bad {
        assert_eq!(unpacked(bytes, &usual), None, "{bytes:x?}");
    }
    // Half a byte of sizes too many.
    assert_eq!(unpacked(&[45, 0x01, 1], &usual).map(|(_, length)| length), Some(3));
    assert_eq!(unpacked(&[45, 0x11, 1, 1], &usual), None);
}

#[test]
fn a_posting_says_only_what_is_not_usual() {
    let usual = usual(Some(MemberId::new(7)));
    let rows: [(Account, i64, &[u8]); 5] = [
        (Account::raw(7, Code::Points, POINTS), -5, &[0x60, 0x11, 9]),
        (Account::raw(3, Code::Tender, MONEY), 300, &[0x91, 0x01, 88, 2]),
        (Account::raw(4, Code::Commission, MONEY), 0, &[0xd0, 0x01, 0]),
        (Account::raw(9, Code::Points, POINTS), 1, &[0x68, 0x11, 9, 0, 0, 0, 2]),
        (Account::raw(3, Code::Stock, AssetId::new(0x8001)), 1, &[0x80, 0x41, 1, 0x80, 2]),
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
    // An owner or an asset that need not be said, an amount with a byte too many, no such code.
    let bad: [&[u8]; 6] = [
        &[0x68, 0x11, 7, 0, 0, 0, 2],
        &[0x40, 0x11, 2, 0, 9],
        &[0x61, 0x11, 9, 0],
        &[0x60, 0xff, 9],
        &[0x20, 0x11, 9],
        &[0x70, 0x11, 9],
    ];
    for bytes in bad {
        let mut room = bytes.to_vec();
        room.extend([0; 8]);
        let mut from = Unpack { bytes: &room, at: 0, end: bytes.len() };
        assert_eq!(from.posting(&usual), None, "{bytes:x?}");
    }
}

/// Records that are put together in several rounds.
#[test]
fn long_records_are_written_as_short_ones_are() {
    let line = |n: u32| Fact::SaleLine {
        sku: Sku::new(n),
        quantity: n,
        list: i64::from(n) << 33,
        net: -i64::from(n),
    };
    for count in (0..300).step_by(7) {
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

/// No member has the greatest number, which is what an absent one is taken for.
#[test]
fn a_head_says_what_a_head_can_say() {
    let parse = |member: u32| {
        let mut draft = Draft::new();
        draft.head.member = Some(MemberId::new(member));
        Record::parse(&draft.finish().into_bytes()).map(|(record, _)| record.head().member)
    };
    assert_eq!(parse(u32::MAX - 1), Ok(Some(MemberId::new(u32::MAX - 1))));
    assert_eq!(parse(u32::MAX).unwrap_err().kind(), RecordErrorKind::Head);
}

/// What the layout takes for granted of numbers that are given out.
#[test]
fn kinds_codes_and_tags_fit_where_they_stand() {
    assert!(Kind::ALL.iter().all(|kind| kind.number() < 256));
    assert!(Code::ALL.iter().all(|code| (1..=3).contains(&(code.number() >> 8))));
    for described in Fact::DESCRIBED {
        assert!(described.tag < 256);
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
