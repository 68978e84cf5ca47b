//! Records of version 1, which are read for ever: every field in its full width.

use super::pack::Unpack;
use super::{Fact, Head, Kind, Layout, RecordError, RecordErrorKind, RecordVersion};
use crate::account::Posting;
use crate::ids::{At, Day};
use crate::wire::Wire;
use proto_wire::Timestamp;

/// Bytes before the first posting.
pub(super) const HEAD_SIZE: usize = 88;

/// Whether the CRC-32 behind the length is that of the rest.
pub(super) fn check(bytes: &[u8]) -> Result<(), RecordError> {
    let mut from = bytes.get(4..).unwrap_or_default();
    let wanted = u32::take(&mut from).unwrap_or_default();
    if wanted == crc32fast::hash(from) {
        Ok(())
    } else {
        Err(RecordError::new(RecordErrorKind::Check, 4))
    }
}

pub(super) fn head(bytes: &[u8]) -> Result<(Head, Layout), RecordError> {
    fn field<T: Wire>(from: &mut &[u8]) -> Result<T, RecordError> {
        T::take(from).ok_or_else(|| RecordError::new(RecordErrorKind::Length, 0))
    }
    let mut from = bytes.get(8..HEAD_SIZE).unwrap_or_default();
    let from = &mut from;
    let kind = Kind::from_number(field(from)?)
        .ok_or_else(|| RecordError::new(RecordErrorKind::Kind, 8))?;
    if field::<u8>(from)? != 1 {
        return Err(RecordError::new(RecordErrorKind::Version, 10));
    }
    if field::<u8>(from)? != 0 {
        return Err(RecordError::new(RecordErrorKind::Reserved, 11));
    }
    let store = field(from)?;
    let seq = field(from)?;
    let time = Timestamp::from_unix_micros(field(from)?);
    let head = Head {
        kind,
        store,
        seq,
        key: field(from)?,
        digest: field(from)?,
        actor: field(from)?,
        terminal: field(from)?,
        occurred_at: Timestamp::from_unix_micros(field(from)?),
        at: At::new(time, field::<Day>(from)?),
        member: field(from)?,
        postings: field(from)?,
        facts: field(from)?,
        program: field(from)?,
    };
    let facts = HEAD_SIZE.saturating_add(usize::from(head.postings).saturating_mul(Posting::SIZE));
    if facts > bytes.len() {
        return Err(RecordError::new(RecordErrorKind::Posting, HEAD_SIZE));
    }
    let layout =
        Layout { version: RecordVersion::One, postings: HEAD_SIZE, facts, end: bytes.len() };
    Ok((head, layout))
}

pub(super) fn posting(from: &mut Unpack<'_>) -> Option<Posting> {
    let posting = Posting::take(&mut from.bytes.get(from.at..from.end)?)?;
    from.at = from.at.saturating_add(Posting::SIZE);
    Some(posting)
}

pub(super) fn fact(from: &mut Unpack<'_>) -> Option<Fact> {
    let mut left = from.bytes.get(from.at..from.end)?;
    let fact = Fact::take(&mut left)?;
    from.at = from.end.saturating_sub(left.len());
    Some(fact)
}
