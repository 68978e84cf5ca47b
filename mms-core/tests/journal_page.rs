//! The page about the journal, byte by byte: whoever reads the golden journals by its tables alone
//! finds what the crate finds.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::std_instead_of_alloc,
    clippy::cast_possible_truncation,
    reason = "tests state what must hold"
)]

use mms_core::*;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use twox_hash::XxHash3_64;

const PAGE: &str = include_str!("../../docs/journal.md");
const JOURNALS: [&[u8]; 8] = [
    include_bytes!("golden/journal-1.mmsj"),
    include_bytes!("golden/journal-2.mmsj"),
    include_bytes!("golden/journal-3.mmsj"),
    include_bytes!("golden/journal-4.mmsj"),
    include_bytes!("golden/journal-5.mmsj"),
    include_bytes!("golden/journal-6.mmsj"),
    include_bytes!("golden/journal-7.mmsj"),
    include_bytes!("golden/journal-8.mmsj"),
];

/// The same records in format 2.
const AGAIN: [&[u8]; 8] = [
    include_bytes!("golden/journal-1-format-2.mmsj"),
    include_bytes!("golden/journal-2-format-2.mmsj"),
    include_bytes!("golden/journal-3-format-2.mmsj"),
    include_bytes!("golden/journal-4-format-2.mmsj"),
    include_bytes!("golden/journal-5-format-2.mmsj"),
    include_bytes!("golden/journal-6-format-2.mmsj"),
    include_bytes!("golden/journal-7-format-2.mmsj"),
    include_bytes!("golden/journal-8-format-2.mmsj"),
];

/// What came after format 1.
const LATER: &[&[u8]] = &[include_bytes!("golden/journal-9.mmsj")];

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

/// A field: how many bytes at most, and the letter.
type Field = (usize, &'static str);
/// Tag, name, bytes in version 1, and the fields of each fact.
type Facts = BTreeMap<u16, (&'static str, usize, Vec<Field>)>;

/// A list of fields: `name bytes-and-letter, ..`.
fn fields(list: &'static str) -> Vec<Field> {
    let field = |field: &'static str| {
        let size = field.rsplit(' ').next().unwrap();
        let (size, letter) = size.split_at(size.trim_end_matches(char::is_alphabetic).len());
        (size.parse().unwrap_or_else(|_| panic!("{field}")), letter)
    };
    list.split(", ").map(field).collect()
}

fn sum(fields: &[Field]) -> usize {
    fields.iter().map(|field| field.0).sum()
}

fn facts() -> Facts {
    let from = PAGE.find("| tag | fact |").unwrap();
    let rows = PAGE[from..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        (cells[0].parse().unwrap(), (name, cells[2].parse().unwrap(), fields(cells[3])))
    })
    .collect()
}

#[test]
fn the_tables_of_the_page_have_no_gaps() {
    without_gaps(&table("## Frame"), 128);
    without_gaps(&table("### Frame of format 1"), 128);
    without_gaps(&table("## Record: head"), 57);
    without_gaps(&table("### Record of version 1"), 88);
    without_gaps(&table("## Snapshots"), 128);
    for (tag, (name, bytes, fields)) in facts() {
        assert_eq!((4 + sum(&fields)).next_multiple_of(8), bytes, "{tag} {name}");
    }
}

#[test]
fn by_its_page_alone_a_journal_reads_as_the_crate_reads_it() {
    let frame_rows = table("### Frame of format 1");
    let (record_rows, facts) = (table("### Record of version 1"), facts());
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
    for mut left in LATER.iter().copied() {
        while let Ok((frame, rest)) = Frame::parse(left) {
            let facts = frame.records().flat_map(|record| record.facts());
            facts.for_each(|fact| *seen.entry(fact.name()).or_default() += 1);
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
    facts: &Facts,
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
            let (name, size, fields) = &facts[&half(at)];
            assert_eq!(*name, fact.name());
            assert_eq!(usize::from(half(at + 2)), *size, "{name}");
            let end = at + 4 + sum(fields);
            assert!(bytes[end..at + size].iter().all(|byte| *byte == 0), "{name}");
            *seen.entry(*name).or_default() += 1;
            at += size;
            count += 1;
        }
        assert_eq!(field("how many facts"), count);
        assert_eq!(at, length, "nothing is left of the record");
        body = rest;
    }
    assert!(body.is_empty());
}

/// What a record of any version says, read by the page alone: the head's fields but for the counts
/// of bytes, then owner, code, asset and amount of each posting, then tag and fields of each fact, as
/// they lie in version 1.
type Said = Vec<u128>;

/// The record of version 1 that begins at `bytes`, and its length.
fn said_in_version_1(bytes: &[u8], facts: &Facts) -> (Said, usize) {
    let rows = table("### Record of version 1");
    let field = |what| read(bytes, &rows, what);
    let length = field("length of the record") as usize;
    let mut said: Said = [
        "kind",
        "time",
        "idempotency",
        "digest",
        "store",
        "record number",
        "actor",
        "terminal",
        "when it occurred",
        "member",
        "version of the program",
        "business day",
        "how many postings",
        "how many facts",
    ]
    .map(field)
    .to_vec();
    let number = |at: usize, size: usize| read(bytes, &[(at, size, "")], "");
    let mut at = 88;
    for _ in 0..field("how many postings") {
        said.extend([(at, 4), (at + 4, 2), (at + 6, 2), (at + 8, 8)].map(|(at, n)| number(at, n)));
        at += 16;
    }
    while at < length {
        let tag = number(at, 2);
        said.push(tag);
        let (_, size, fields) = &facts[&(tag as u16)];
        let mut from = at + 4;
        for (size, _) in fields {
            said.push(number(from, *size));
            from += size;
        }
        at += size;
    }
    (said, length)
}

/// A number with a sign in so many bytes.
fn signed(bytes: &[u8]) -> i128 {
    let mut wide = [if bytes.last().unwrap() >> 7 == 1 { 0xff } else { 0 }; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide)
}

/// How many bytes the shortest of the three widths has that a number fits into.
fn least_width(number: i128, has_sign: bool) -> usize {
    let fits = |width: &usize| {
        let bits = *width * 8 - usize::from(has_sign);
        if number < 0 { -number <= 1 << bits } else { number < 1 << bits }
    };
    [2, 4, 8].into_iter().find(fits).unwrap()
}

/// Bytes of a number of so many, as in version 1.
fn within(number: i128, size: usize) -> u128 {
    let mut bytes = [0; 16];
    bytes[..size].copy_from_slice(&number.to_le_bytes()[..size]);
    u128::from_le_bytes(bytes)
}

/// Fields by their letters, those of eight bytes in `width`, as they lie in version 1.
fn tuple(
    bytes: &[u8],
    at: &mut usize,
    fields: &[Field],
    width: usize,
    member: u128,
    store: u128,
) -> Said {
    let mut said = Said::new();
    let mut least = 2;
    for (size, letter) in fields {
        let taken = if *size == 8 { width } else { *size };
        let bytes = &bytes[*at..*at + taken];
        *at += taken;
        let number = read(bytes, &[(0, taken, "")], "");
        if *size == 8 {
            let number = if *letter == "s" { signed(bytes) } else { number as i128 };
            least = least.max(least_width(number, *letter == "s"));
        }
        said.push(match *letter {
            "" | "d" => number,
            "s" => within(signed(bytes), *size),
            "o" => within(number as i128 - 1, *size),
            "m" => number ^ member,
            "b" => number ^ store,
            other => panic!("{other}"),
        });
    }
    assert_eq!(width, least, "the shortest width");
    said
}

/// The record of version 2 that begins at `bytes`, and its length.
fn said_in_version_2(bytes: &[u8], facts: &Facts) -> (Said, usize) {
    let rows = table("## Record: head");
    let field = |what| read(bytes, &rows, what);
    let number = |at: usize, size: usize| read(bytes, &[(at, size, "")], "");
    let first = field("in its lowest 3 bits");
    let length = (first >> 3 & 0x1f_ffff) as usize;
    assert_eq!(first & 7, 2);
    let end = length - 8;
    assert_eq!(number(end, 8), XxHash3_64::oneshot(&bytes[..end]).into());
    let (mut at, flags) = (57, field("flags"));
    let mut more = |bit: u32, size: usize| {
        let named = flags >> bit & 1 == 1;
        at += if named { size } else { 0 };
        named.then(|| number(at - size, size))
    };
    let (actor, terminal) = (more(0, 4).unwrap_or(0), more(1, 4).unwrap_or(0));
    let (occurred, program) = (more(2, 8).unwrap_or(0), more(3, 4).unwrap_or(0));
    let days = (field("time") as i64).div_euclid(86_400_000_000);
    let day = more(4, 4).unwrap_or_else(|| within(days.into(), 4));
    let many = more(5, 4).unwrap_or(0);
    assert_eq!(flags >> 6, 0);
    let postings = field("how many postings") | (many & 0xff) << 8;
    let count = field("how many facts") | (many >> 8 & 0xff) << 8;
    let size = field("bytes of the postings") | many >> 16 << 16;
    let (store, member) = (field("store"), field("member"));
    let mut said = vec![first >> 24, field("time"), field("idempotency"), field("digest")];
    said.extend([store, field("record number"), actor, terminal, occurred, member]);
    said.extend([program, day, postings, count]);
    let facts_at = at + size as usize;
    for _ in 0..postings {
        let first = number(at, 2);
        let code = first & 0x3ff;
        let width = 2 << (first >> 13);
        let amount = signed(&bytes[at + 2..at + 2 + width]);
        assert_eq!(width, least_width(amount, true));
        at += 2 + width;
        let usual = [member, store, actor][(code >> 8) as usize - 1];
        let named = first >> 12 & 1 == 1;
        let owner = if named { number(at, 4) } else { usual };
        at += if named { 4 } else { 0 };
        let mut asset = first >> 10 & 3;
        if asset == 0 {
            asset = number(at, 2);
            at += 2;
        }
        said.extend([owner, code, asset, within(amount, 8)]);
    }
    assert_eq!(at, facts_at);
    for _ in 0..count {
        let first = number(at, 1);
        let (shape, tag) = (first / 80, first % 80);
        at += 1;
        said.push(tag);
        let fields = &facts[&(tag as u16)].2;
        said.extend(tuple(bytes, &mut at, fields, 2 << shape, member, store));
    }
    assert_eq!(at, end, "nothing is left of the record");
    (said, length)
}

#[test]
fn by_its_page_alone_format_2_says_what_format_1_says() {
    let (rows, facts) = (table("## Frame"), facts());
    let mut sizes = (0, 0);
    for (first, second) in JOURNALS.into_iter().zip(AGAIN) {
        let (mut left, mut again) = (first, second);
        let mut previous = [0; 32];
        while !left.is_empty() {
            let header = |what| read(again, &rows, what);
            assert!(again.starts_with(b"MMSJ"));
            assert_eq!((header("format"), header("which hash")), (2, 0));
            for what in ["frame number", "number of the first", "how many records", "time", "epoch"]
            {
                assert_eq!(header(what), read(left, &rows, what), "{what}");
            }
            let length = 128 + header("bytes of the records") as usize;
            let check = [&again[..56], &again[64..128]].concat();
            assert_eq!(header("check"), XxHash3_64::oneshot(&check).into());
            assert_eq!(again[64..96], previous, "the hash of the frame before");
            previous =
                Sha256::digest([&again[..56], &again[64..96], &again[128..length]].concat()).into();
            assert_eq!(again[96..128], previous);
            let length_before = 128 + read(left, &rows, "bytes of the records") as usize;
            let (mut one, mut two) = (&left[128..length_before], &again[128..length]);
            while !one.is_empty() {
                let (before, length) = said_in_version_1(one, &facts);
                one = &one[length..];
                sizes.0 += length;
                let (today, length) = said_in_version_2(two, &facts);
                two = &two[length..];
                sizes.1 += length;
                assert_eq!(before, today);
            }
            assert!(two.is_empty());
            (left, again) = (&left[length_before..], &again[length..]);
        }
        assert!(again.is_empty());
    }
    for mut left in LATER.iter().copied() {
        while !left.is_empty() {
            let (frame, rest) = Frame::parse(left).unwrap();
            let mut body = &left[128..left.len() - rest.len()];
            for record in frame.records() {
                let (said, length) = said_in_version_2(body, &facts);
                assert_eq!(
                    (said[0], said[5]),
                    (record.head().kind as u128, record.head().seq.value().into())
                );
                let amounts = record.postings().map(|posting| posting.amount as u64);
                let places = (14..).step_by(4);
                assert!(places.zip(amounts).all(|(at, amount)| said[at + 3] as u64 == amount));
                body = &body[length..];
            }
            left = rest;
        }
    }
    // Half of the bytes at most.
    // Three fifths of the bytes at most.
    assert!(sizes.1 * 5 < sizes.0 * 3, "{sizes:?}");
}
