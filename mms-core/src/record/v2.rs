//! Records of version 2: what this crate writes. Every field in as many bytes as it needs.

use super::pack::{Pack, Room, Unpack, Usual, load, pack, unpack, unzigzag};
use super::{Fact, Head, Kind, Layout, RecordError, RecordErrorKind, RecordVersion};
use crate::account::Posting;
use crate::ids::{ActorId, At, Day, IdempotencyKey, MemberId, Seq, StoreId, TerminalId};
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
    let words: [u64; FIELDS] = core::array::from_fn(|_| fields.word());
    let [store, seq, actor, terminal, occurred, member, program, day, postings, facts, size] =
        words;
    // A member is one more than its id, and no id is the greatest number.
    let narrow = (store | actor | terminal | program | size | member) >> 32 == 0
        && (postings | facts) >> 16 == 0;
    let day = unpack::<Day>(day, &Usual::NONE);
    let (Some(()), true, Some(day)) = (from.behind(&fields), narrow, day) else {
        return Err(fail(RecordErrorKind::Head, FIELDS_AT));
    };
    let half = |word| u32::try_from(word).unwrap_or_default();
    let count = |word| u16::try_from(word).unwrap_or_default();
    let micros = i64::from_le_bytes(load(bytes, 4).to_le_bytes());
    let head = Head {
        kind,
        at: At::new(Timestamp::from_unix_micros(micros), day),
        key: IdempotencyKey::new(u128::from(load(bytes, 20)) << 64 | u128::from(load(bytes, 12))),
        digest: load(bytes, 28),
        store: StoreId::new(half(store)),
        seq: Seq::new(seq),
        actor: ActorId::new(half(actor)),
        terminal: TerminalId::new(half(terminal)),
        occurred_at: Timestamp::from_unix_micros(unzigzag(occurred)),
        member: member.checked_sub(1).map(|member| MemberId::new(half(member))),
        program: half(program),
        postings: count(postings),
        facts: count(facts),
    };
    let postings = from.at;
    let facts = postings.saturating_add(half(size) as usize);
    if facts > end {
        return Err(fail(RecordErrorKind::Posting, postings));
    }
    Ok((head, Layout { version: RecordVersion::Two, postings, facts, end }))
}

/// Appends a record to `out`; `room` is used again and again.
#[inline]
pub(super) fn write(
    head: &Head,
    postings: &[Posting],
    facts: &[Fact],
    room: &mut Room,
    out: &mut Vec<u8>,
) -> Layout {
    let usual = Usual::of(head);
    let mut to = Pack::new(room);
    for posting in postings {
        to.posting(*posting, &usual);
    }
    let size = to.len();
    for fact in facts {
        fact.pack(&mut to, &usual);
    }
    // The head says how long the rest is, so it is put together behind it.
    let body = to.mark();
    to.store(0, 4);
    to.store(word(head.at.time.as_unix_micros()), 8);
    let key = head.key.value().to_le_bytes();
    to.store(load(&key, 0), 8);
    to.store(load(&key, 8), 8);
    to.store(head.digest, 8);
    let nothing = Usual::NONE;
    to.tuple::<FIELDS>(&[
        head.store.value().into(),
        head.seq.value(),
        head.actor.value().into(),
        head.terminal.value().into(),
        pack(head.occurred_at.as_unix_micros(), &nothing),
        head.member.map_or(0, |member| u64::from(member.value()).wrapping_add(1)),
        head.program.into(),
        pack(head.at.day, &nothing),
        head.postings.into(),
        head.facts.into(),
        size as u64,
    ]);
    let end = to.len();
    let length = end.saturating_add(CHECK);
    let kind = u32::from(head.kind.number());
    let first = u32::try_from(length).unwrap_or(u32::MAX) << 3 | kind << 24 | 2;

    let start = out.len();
    out.reserve(length);
    to.append(body, first, out);
    let check = XxHash3_64::oneshot(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&check.to_le_bytes());
    let postings = end.saturating_sub(body.before);
    let facts = postings.saturating_add(size);
    Layout { version: RecordVersion::Two, postings, facts, end }
}

fn word(signed: i64) -> u64 {
    u64::from_le_bytes(signed.to_le_bytes())
}
