//! The page about the journal, byte by byte: whoever reads the golden journals by its tables alone
//! finds what the crate finds.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::std_instead_of_alloc,
    reason = "tests state what must hold"
)]

use mms_core::*;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../docs/journal.md");
const JOURNALS: [&[u8]; 6] = [
    include_bytes!("golden/journal-1.mmsj"),
    include_bytes!("golden/journal-2.mmsj"),
    include_bytes!("golden/journal-3.mmsj"),
    include_bytes!("golden/journal-4.mmsj"),
    include_bytes!("golden/journal-5.mmsj"),
    include_bytes!("golden/journal-6.mmsj"),
];

/// The rows `| at | bytes | what |` below a heading, up to the next table.
fn table(heading: &str) -> Vec<(usize, usize, &'static str)> {
    let from = PAGE.find(heading).unwrap();
    let lines = PAGE[from..].lines().skip_while(|line| !line.starts_with("| at |"));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let numbered =
        cells.filter_map(|row| Some((row[0].parse().ok()?, row[1].parse().ok()?, row[2])));
    numbered.collect()
}

/// What stands at the row that begins with `what`.
fn read(bytes: &[u8], rows: &[(usize, usize, &str)], what: &str) -> u128 {
    let (at, length, _) = rows.iter().find(|(_, _, text)| text.starts_with(what)).unwrap();
    let mut number = [0; 16];
    number[..*length].copy_from_slice(&bytes[*at..at + length]);
    u128::from_le_bytes(number)
}

fn without_gaps(rows: &[(usize, usize, &str)], size: usize) {
    let mut end = 0;
    for (at, length, what) in rows {
        assert_eq!(*at, end, "{what}");
        end += length;
    }
    assert_eq!(end, size);
}

/// Tag, name, bytes, and the sizes of the fields of each fact.
fn facts() -> BTreeMap<u16, (&'static str, usize, usize)> {
    let from = PAGE.find("| tag | fact |").unwrap();
    let rows = PAGE[from..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let sizes = cells[3].split(", ").map(|field| {
            let size = field.rsplit(' ').next().unwrap();
            size.parse::<usize>().unwrap_or_else(|_| panic!("{row}"))
        });
        let name = cells[1].trim_matches('`');
        (cells[0].parse().unwrap(), (name, cells[2].parse().unwrap(), sizes.sum()))
    })
    .collect()
}

#[test]
fn the_tables_of_the_page_have_no_gaps() {
    without_gaps(&table("## Frame"), 128);
    without_gaps(&table("## Record"), 88);
    without_gaps(&table("## Snapshots"), 128);
    for (tag, (name, bytes, fields)) in facts() {
        assert_eq!((4 + fields).next_multiple_of(8), bytes, "{tag} {name}");
    }
}

#[test]
fn by_its_page_alone_a_journal_reads_as_the_crate_reads_it() {
    let (frame_rows, record_rows, facts) = (table("## Frame"), table("## Record"), facts());
    let mut seen = BTreeMap::new();
    for journal in JOURNALS {
        let mut left = journal;
        let mut previous = [0; 32];
        while !left.is_empty() {
            let (frame, rest) = Frame::parse(left).unwrap();
            let header = |what| read(left, &frame_rows, what);
            assert!(left.starts_with(b"MMSJ"));
            assert_eq!(header("format"), 1);
            assert_eq!(header("frame number"), frame.number().into());
            assert_eq!(header("how many records"), frame.record_count().into());
            assert_eq!(header("epoch"), frame.epoch().into());
            let length = 128 + usize::try_from(header("bytes of the records")).unwrap();
            assert_eq!(length, left.len() - rest.len());
            let whole = &left[..length];
            let crc = [&whole[..56], &whole[60..128]].concat();
            assert_eq!(header("CRC-32"), crc32fast::hash(&crc).into());
            assert_eq!(whole[64..96], previous, "the hash of the frame before");
            let hashed = [&whole[..56], &whole[64..96], &whole[128..]].concat();
            previous = Sha256::digest(hashed).into();
            assert_eq!(whole[96..128], previous);
            records(&whole[128..], frame, &record_rows, &facts, &mut seen);
            left = rest;
        }
    }
    let missing = facts.values().map(|(name, ..)| *name).filter(|name| !seen.contains_key(name));
    assert_eq!(missing.collect::<Vec<_>>(), [] as [&str; 0], "every fact is in a golden journal");
}

fn records(
    mut body: &[u8],
    frame: Frame<'_>,
    rows: &[(usize, usize, &str)],
    facts: &BTreeMap<u16, (&'static str, usize, usize)>,
    seen: &mut BTreeMap<&'static str, u32>,
) {
    for record in frame.records() {
        let head = record.head();
        let length = usize::try_from(read(body, rows, "length of the record")).unwrap();
        let (bytes, rest) = body.split_at(length);
        let field = |what| read(bytes, rows, what);
        assert_eq!(field("CRC-32"), crc32fast::hash(&bytes[8..]).into());
        assert_eq!(field("kind"), u128::from(head.kind.number()));
        assert_eq!(field("version, 1"), 1);
        assert_eq!(field("store"), head.store.value().into());
        assert_eq!(field("record number"), head.seq.value().into());
        assert_eq!(i128::try_from(field("time")), Ok(head.at.time.as_unix_micros().into()));
        assert_eq!(field("idempotency key"), head.key.value());
        assert_eq!(field("digest"), head.digest.into());
        assert_eq!(field("actor"), head.actor.value().into());
        assert_eq!(field("terminal"), head.terminal.value().into());
        assert_eq!(i128::try_from(field("business day")), Ok(head.at.day.value().into()));
        let member = head.member.map_or(u32::MAX, MemberId::value);
        assert_eq!(field("member"), member.into());
        assert_eq!(field("version of the program"), head.program.into());
        let mut at = 88;
        for posting in record.postings() {
            let number = |from: usize, size: usize| {
                let mut number = [0; 8];
                number[..size].copy_from_slice(&bytes[at + from..at + from + size]);
                u64::from_le_bytes(number)
            };
            let owner = match posting.account.owner() {
                Owner::Member(member) => member.value(),
                Owner::Store(store) => store.value(),
                Owner::Staff(actor) => actor.value(),
                other => panic!("{other:?}"),
            };
            assert_eq!(number(0, 4), owner.into());
            assert_eq!(number(4, 2), posting.account.code().number().into());
            assert_eq!(number(6, 2), posting.account.asset().value().into());
            assert_eq!(number(8, 8).to_le_bytes(), posting.amount.to_le_bytes());
            at += 16;
        }
        assert_eq!(field("how many postings"), ((at - 88) / 16) as u128);
        let mut count = 0;
        for fact in record.facts() {
            let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            let (name, size, fields) = facts[&half(at)];
            assert_eq!(name, fact.name());
            assert_eq!(usize::from(half(at + 2)), size, "{name}");
            assert!(bytes[at + 4 + fields..at + size].iter().all(|byte| *byte == 0), "{name}");
            *seen.entry(name).or_default() += 1;
            at += size;
            count += 1;
        }
        assert_eq!(field("how many facts"), count);
        assert_eq!(at, length, "nothing is left of the record");
        body = rest;
    }
    assert!(body.is_empty());
}
