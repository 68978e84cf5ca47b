//! Records of version 2: what this crate writes. Every field in as many bytes as it needs.

use super::pack::{Pack, Unpack, Usual, load, posting_size};
use super::{Fact, Head, Kind, Layout, RecordError, RecordErrorKind, RecordVersion};
use crate::account::Posting;
use crate::ids::{At, Day, IdempotencyKey, MemberId};
use crate::wire::Wire;
use alloc::vec::Vec;
use proto_wire::Timestamp;
use twox_hash::XxHash3_64;

/// Where the fields of the head begin that take as many bytes as they need: behind length, kind,
/// time, key and digest.
const FIELDS_AT: usize = 36;
/// How many they are.
const FIELDS: usize = 11;
/// Bytes of the check, which stands behind everything.
const CHECK: usize = 8;
/// No record is shorter: no field of the head needs a byte.
pub(super) const LENGTH_MIN: usize = FIELDS_AT + FIELDS.div_ceil(2) + CHECK;
/// A head with its length and a check is never longer.
const HEAD_MAX: usize = LENGTH_MIN + FIELDS * 8;

/// Whether the XXH3 at the end is that of everything before.
#[inline]
pub(super) fn check(bytes: &[u8]) -> Result<(), RecordError> {
    let at = bytes.len().saturating_sub(CHECK);
    if load(bytes, at) == XxHash3_64::oneshot(bytes.get(..at).unwrap_or_default()) {
        Ok(())
    } else {
        Err(RecordError::new(RecordErrorKind::Check, at))
    }
}

#[inline]
pub(super) fn head(bytes: &[u8]) -> Result<(Head, Layout), RecordError> {
    let fail = |kind, offset| RecordError::new(kind, offset);
    let number = u16::try_from(load(bytes, 0) >> 24 & 0xff).unwrap_or_default();
    let kind = Kind::from_number(number).ok_or_else(|| fail(RecordErrorKind::Kind, 3))?;
    let end = bytes.len().saturating_sub(CHECK);
    let mut from = Unpack { bytes, at: FIELDS_AT, end };
    let mut fields = from.fields::<FIELDS>(FIELDS_AT);
    let nothing = Usual::NONE;
    let mut read = || -> Option<(Head, usize)> {
        let head = Head {
            kind,
            at: At::new(
                Timestamp::from_unix_micros(i64::from_le_bytes(load(bytes, 4).to_le_bytes())),
                Day::FIRST,
            ),
            key: IdempotencyKey::new(
                u128::from(load(bytes, 20)) << 64 | u128::from(load(bytes, 12)),
            ),
            digest: load(bytes, 28),
            store: fields.take(&nothing)?,
            seq: fields.take(&nothing)?,
            actor: fields.take(&nothing)?,
            terminal: fields.take(&nothing)?,
            occurred_at: Timestamp::from_unix_micros(fields.take(&nothing)?),
            member: match fields.word().checked_sub(1) {
                None => None,
                Some(member) => Some(MemberId::new(u32::try_from(member).ok()?)),
            },
            program: fields.take(&nothing)?,
            postings: 0,
            facts: 0,
        };
        let day = fields.take(&nothing)?;
        let (postings, facts) = (fields.take(&nothing)?, fields.take(&nothing)?);
        let size = usize::try_from(fields.word()).ok()?;
        let at = At::new(head.at.time, day);
        from.behind(&fields)?;
        Some((Head { at, postings, facts, ..head }, size))
    };
    let (head, size) = read().ok_or_else(|| fail(RecordErrorKind::Head, FIELDS_AT))?;
    let postings = from.at;
    let facts = postings.saturating_add(size);
    if facts > end {
        return Err(fail(RecordErrorKind::Posting, postings));
    }
    Ok((head, Layout { version: RecordVersion::Two, postings, facts, end }))
}

/// Appends a record to `out`. `room` is used again and again; `sizes` is what the facts take at most.
#[inline]
pub(super) fn write(
    head: &Head,
    postings: &[Posting],
    (facts, sizes): (&[Fact], usize),
    room: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Layout {
    // Numbers are stored as eight bytes, and what is too much is written over.
    let most = postings.len().saturating_mul(Posting::SIZE).saturating_add(sizes);
    let most = most.saturating_add(HEAD_MAX + 8);
    // What is there already need not be zeros: every byte of the record is written.
    if room.len() < most {
        room.resize(most, 0);
    }
    let (usual, nothing) = (Usual::of(head), Usual::NONE);
    let mut to = Pack::new(room, 4);
    to.store(u64::from_le_bytes(head.at.time.as_unix_micros().to_le_bytes()), 8);
    let key = head.key.value().to_le_bytes();
    to.store(load(&key, 0), 8);
    to.store(load(&key, 8), 8);
    to.store(head.digest, 8);
    to.begin(FIELDS);
    to.put(head.store, &nothing);
    to.put(head.seq, &nothing);
    to.put(head.actor, &nothing);
    to.put(head.terminal, &nothing);
    to.put(head.occurred_at.as_unix_micros(), &nothing);
    to.word(head.member.map_or(0, |member| u64::from(member.value()).wrapping_add(1)));
    to.put(head.program, &nothing);
    to.put(head.at.day, &nothing);
    to.put(head.postings, &nothing);
    to.put(head.facts, &nothing);
    let sizes = postings.iter().map(|posting| posting_size(*posting, &usual));
    to.word(sizes.fold(0, |sum, size| sum.wrapping_add(size as u64)));
    let postings_at = to.at;
    for posting in postings {
        to.posting(*posting, &usual);
    }
    let facts_at = to.at;
    for fact in facts {
        fact.pack(&mut to, &usual);
    }
    let end = to.at;
    let length = end.saturating_add(CHECK);
    let kind = u32::from(head.kind.number());
    let first = u32::try_from(length).unwrap_or(u32::MAX) << 3 | kind << 24 | 2;
    first.put(&mut room.get_mut(..4).unwrap_or_default());
    let body = room.get(..end).unwrap_or_default();
    let check = XxHash3_64::oneshot(body);
    out.reserve(length);
    out.extend_from_slice(body);
    out.extend_from_slice(&check.to_le_bytes());
    Layout { version: RecordVersion::Two, postings: postings_at, facts: facts_at, end }
}
