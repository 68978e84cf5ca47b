//! Records of version 2: what this crate writes. docs/journal.md lists the bytes.

use super::pack::{POSTING_MAX, Pack, Usual};
use super::{Fact, Head, Kind, Layout, RecordError, RecordErrorKind, RecordVersion};
use crate::account::Posting;
use crate::ids::{ActorId, At, Day, IdempotencyKey, TerminalId};
use crate::wire::Wire;
use alloc::vec::Vec;
use proto_wire::Timestamp;
use twox_hash::XxHash3_64;

/// Bytes of the head that every record has.
const HEAD: usize = 57;
/// Bytes of what some have on top.
const HEAD_MORE: usize = 28;
/// Where the bytes of the postings are counted, which are known when they are written.
const POSTINGS_AT: usize = 52;
/// Bytes of the check, which stands behind everything.
const CHECK: usize = 8;
/// No record is shorter.
pub(super) const LENGTH_MIN: usize = HEAD + CHECK;

const ACTOR: u8 = 1;
const TERMINAL: u8 = 2;
const OCCURRED: u8 = 4;
const PROGRAM: u8 = 8;
/// The business day is not that of the time.
const DAY: u8 = 16;
/// More than 255 postings or facts.
const MANY: u8 = 32;

/// Whether the XXH3 at the end is that of everything before.
#[inline]
pub(super) fn check(bytes: &[u8]) -> Result<(), RecordError> {
    let wrong = || RecordError::new(RecordErrorKind::Check, bytes.len().saturating_sub(CHECK));
    let (before, check) = bytes.split_last_chunk().ok_or_else(wrong)?;
    if u64::from_le_bytes(*check) == XxHash3_64::oneshot(before) { Ok(()) } else { Err(wrong()) }
}

#[inline(always)]
pub(super) fn head(bytes: &[u8]) -> Result<(Head, Layout), RecordError> {
    let fail = |kind, offset| RecordError::new(kind, offset);
    let number = bytes.get(3).copied().unwrap_or_default();
    let kind = Kind::from_number(number.into()).ok_or_else(|| fail(RecordErrorKind::Kind, 3))?;
    let (mut head, flags, mut from) =
        fixed(kind, bytes).ok_or_else(|| fail(RecordErrorKind::Head, 0))?;
    let mut size = head.1;
    if flags != 0 {
        more(flags, &mut from, &mut head.0, &mut size)
            .ok_or_else(|| fail(RecordErrorKind::Head, HEAD))?;
    }
    let end = bytes.len().saturating_sub(CHECK);
    let postings = bytes.len().saturating_sub(from.len());
    let facts = postings.saturating_add(size as usize);
    if facts > end {
        return Err(fail(RecordErrorKind::Posting, postings));
    }
    Ok((head.0, Layout { version: RecordVersion::Two, postings, facts, end }))
}

/// What every record has: the head and the bytes of the postings as far as they go, the flags, and
/// what stands behind.
#[inline(always)]
fn fixed(kind: Kind, bytes: &[u8]) -> Option<((Head, u32), u8, &[u8])> {
    let (fixed, rest) = bytes.split_first_chunk::<HEAD>()?;
    let mut from = fixed.get(4..)?;
    let from = &mut from;
    let time = Timestamp::from_unix_micros(i64::take(from)?);
    let mut head = Head {
        kind,
        at: At::new(time, Day::of(time)),
        key: IdempotencyKey::take(from)?,
        digest: u64::take(from)?,
        seq: Wire::take(from)?,
        store: Wire::take(from)?,
        member: Wire::take(from)?,
        actor: ActorId::new(0),
        terminal: TerminalId::new(0),
        occurred_at: Timestamp::UNIX_EPOCH,
        program: 0,
        postings: 0,
        facts: 0,
    };
    let size = u16::take(from)?;
    head.postings = u8::take(from)?.into();
    head.facts = u8::take(from)?.into();
    Some(((head, size.into()), u8::take(from)?, rest))
}

/// What the flags name. Nothing is named that need not be.
fn more(flags: u8, from: &mut &[u8], head: &mut Head, size: &mut u32) -> Option<()> {
    let is = |flag: u8| flags & flag != 0;
    if is(ACTOR) {
        head.actor = ActorId::take(from).filter(|actor| actor.value() != 0)?;
    }
    if is(TERMINAL) {
        head.terminal = TerminalId::take(from).filter(|terminal| terminal.value() != 0)?;
    }
    if is(OCCURRED) {
        let micros = i64::take(from).filter(|micros| *micros != 0)?;
        head.occurred_at = Timestamp::from_unix_micros(micros);
    }
    if is(PROGRAM) {
        head.program = u32::take(from).filter(|program| *program != 0)?;
    }
    if is(DAY) {
        let day = Day::take(from).filter(|day| *day != head.at.day)?;
        head.at = At::new(head.at.time, day);
    }
    if is(MANY) {
        let (postings, facts) = (u8::take(from)?, u8::take(from)?);
        if (postings, facts) == (0, 0) {
            return None;
        }
        head.postings |= u16::from(postings) << 8;
        head.facts |= u16::from(facts) << 8;
        *size |= u32::from(u16::take(from)?) << 16;
    }
    (flags < MANY << 1).then_some(())
}

/// Appends a record to `out`. The facts have no more than `facts_max` bytes in version 1.
#[inline]
pub(super) fn write(
    head: &Head,
    postings: &[Posting],
    facts: &[Fact],
    facts_max: usize,
    out: &mut Vec<u8>,
) -> Layout {
    let usual = Usual::of(head);
    let start = out.len();
    // Each is written as if it were as wide as can be, and the next one over what it did not need.
    let postings_max = postings.len().saturating_mul(POSTING_MAX);
    let most = (HEAD + HEAD_MORE + CHECK).saturating_add(postings_max).saturating_add(facts_max);
    out.resize(start.saturating_add(most), 0);
    let mut to = Pack { out: out.get_mut(start..).unwrap_or_default(), at: 0 };
    put_head(head, &mut to);
    let postings_at = to.at;
    for posting in postings {
        to.posting(*posting, &usual);
    }
    let facts_at = to.at;
    for fact in facts {
        fact.pack(&mut to, &usual);
    }
    let end = to.at;
    put_sizes(head, &mut to, postings_at, facts_at);
    let check = XxHash3_64::oneshot(to.out.get(..end).unwrap_or_default());
    if let Some(room) = to.room() {
        *room = check.to_le_bytes();
    }
    out.truncate(start.saturating_add(end).saturating_add(CHECK));
    Layout { version: RecordVersion::Two, postings: postings_at, facts: facts_at, end }
}

/// All that is known before the rest is written.
#[inline(always)]
fn put_head(head: &Head, to: &mut Pack<'_>) {
    let Some(room) = to.room::<{ HEAD + HEAD_MORE }>() else {
        return;
    };
    let [postings, postings_high] = head.postings.to_le_bytes();
    let [facts, facts_high] = head.facts.to_le_bytes();
    let (actor, terminal) = (head.actor.value(), head.terminal.value());
    let occurred = head.occurred_at.as_unix_micros();
    let many = postings_high | facts_high != 0;
    let other_day = head.at.day != Day::of(head.at.time);
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = flag(actor != 0, ACTOR)
        | flag(terminal != 0, TERMINAL)
        | flag(occurred != 0, OCCURRED)
        | flag(head.program != 0, PROGRAM)
        | flag(other_day, DAY)
        | flag(many, MANY);
    let (_, mut out) = room.split_at_mut(4);
    head.at.time.as_unix_micros().put(&mut out);
    head.key.put(&mut out);
    head.digest.put(&mut out);
    head.seq.put(&mut out);
    head.store.put(&mut out);
    head.member.put(&mut out);
    0_u16.put(&mut out);
    postings.put(&mut out);
    facts.put(&mut out);
    flags.put(&mut out);
    if actor != 0 {
        actor.put(&mut out);
    }
    if terminal != 0 {
        terminal.put(&mut out);
    }
    if occurred != 0 {
        occurred.put(&mut out);
    }
    if head.program != 0 {
        head.program.put(&mut out);
    }
    if other_day {
        head.at.day.put(&mut out);
    }
    if many {
        postings_high.put(&mut out);
        facts_high.put(&mut out);
        0_u16.put(&mut out);
    }
    let left = out.len();
    to.used((HEAD + HEAD_MORE).saturating_sub(left));
}

/// The length of the record and of its postings.
#[inline(always)]
fn put_sizes(head: &Head, to: &mut Pack<'_>, postings_at: usize, facts_at: usize) {
    let length = to.at.saturating_add(CHECK);
    let kind = u32::from(head.kind.number());
    let first = u32::try_from(length).unwrap_or(u32::MAX) << 3 | kind << 24 | 2;
    let size = u32::try_from(facts_at.saturating_sub(postings_at)).unwrap_or(u32::MAX);
    let [a, b, c, d] = size.to_le_bytes();
    if let Some(room) = to.out.first_chunk_mut() {
        *room = first.to_le_bytes();
    }
    let mut low = |at: usize, bytes: [u8; 2]| {
        if let Some(room) = to.out.get_mut(at..).and_then(|out| out.first_chunk_mut()) {
            *room = bytes;
        }
    };
    low(POSTINGS_AT, [a, b]);
    if head.postings.max(head.facts) > 255 {
        low(postings_at.saturating_sub(2), [c, d]);
    }
}
