//! How the sections of a snapshot are cut, checked and written: a head, rows, zeros to a multiple of
//! eight bytes.

use super::rows::Row;
use super::{HEADER, Section, SnapshotError, SnapshotErrorKind, wrong};
use crate::wire::{Wire, append};
use alloc::vec::Vec;

/// Bytes of a section's head.
pub(super) const SECTION: usize = 32;

/// Sections that are still to be read.
pub(super) struct Sections<'a> {
    pub(super) body: &'a [u8],
}

/// One of them: its head, and the bytes of its rows.
pub(super) struct Found<'a> {
    pub(super) tag: Section,
    pub(super) count: u64,
    check: u32,
    pub(super) rows: &'a [u8],
}

impl<'a> Sections<'a> {
    pub(super) fn next_section(&mut self) -> Result<Option<Found<'a>>, SnapshotErrorKind> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let (head, rest) =
            self.body.split_at_checked(SECTION).ok_or(SnapshotErrorKind::Truncated)?;
        let from = &mut { head };
        let order = SnapshotErrorKind::Order;
        // A section that this crate does not know is a newer one's.
        let tag = u16::take(from).ok_or(order)?;
        let tag = Section::from_number(tag).ok_or(SnapshotErrorKind::Newer)?;
        let version = u16::take(from).ok_or(order)?;
        let check = u32::take(from).ok_or(order)?;
        let count = u64::take(from).ok_or(order)?;
        let length = u64::take(from).ok_or(order)?;
        let zeros = u64::take(from).ok_or(order)?;
        if version != 1 || zeros != 0 {
            return Err(SnapshotErrorKind::Newer);
        }
        let length = usize::try_from(length).map_err(|_| order)?;
        let (rows, rest) = rest.split_at_checked(length).ok_or(order)?;
        self.body = rest;
        Ok(Some(Found { tag, count, check, rows }))
    }

    /// Whether a section that may be left out comes next.
    pub(super) fn next_is(&self, tag: Section) -> bool {
        u16::take(&mut { self.body }) == Some(tag.number())
    }

    fn section(&mut self, tag: Section) -> Result<Found<'a>, SnapshotError> {
        let error = |kind| SnapshotError::new(kind, HEADER);
        let found = self.next_section().map_err(error)?;
        found.filter(|found| found.tag == tag).ok_or_else(|| error(SnapshotErrorKind::Order))
    }

    /// Rows with rising keys, of a section that is left out when there are none.
    pub(super) fn keyed<K: Ord, V>(&mut self, tag: Section) -> Result<Vec<(K, V)>, SnapshotError>
    where
        (K, V): Row,
    {
        if self.next_is(tag) { self.rising(tag) } else { Ok(Vec::new()) }
    }

    /// Rows with rising keys: of two with one key the ledger would keep the second, and of a hold
    /// the end of the first, which nothing could ever book.
    pub(super) fn rising<K: Ord, V>(&mut self, tag: Section) -> Result<Vec<(K, V)>, SnapshotError>
    where
        (K, V): Row,
    {
        let rows: Vec<(K, V)> = self.all(tag)?;
        let rising = rows.windows(2).all(|two| matches!(two, [a, b] if a.0 < b.0));
        if rising { Ok(rows) } else { Err(wrong(tag)) }
    }

    pub(super) fn all<T: Row>(&mut self, tag: Section) -> Result<Vec<T>, SnapshotError> {
        let found = self.section(tag)?;
        let mut rows = Vec::new();
        let mut left = found.rows;
        for _ in 0..found.count {
            rows.push(T::take_row(&mut left).ok_or_else(|| wrong(tag))?);
        }
        // Zeros to a multiple of eight, and nothing else.
        if left.len() < 8 && left.iter().all(|byte| *byte == 0) {
            Ok(rows)
        } else {
            Err(wrong(tag))
        }
    }
}

pub(super) fn check_sections(body: &[u8]) -> Result<(), SnapshotError> {
    let mut left = Sections { body };
    loop {
        let offset = HEADER.saturating_add(body.len().saturating_sub(left.body.len()));
        let fail = |kind| SnapshotError::new(kind, offset);
        match left.next_section().map_err(fail)? {
            None => return Ok(()),
            Some(found) if crc32fast::hash(found.rows) != found.check => {
                return Err(fail(SnapshotErrorKind::Check(found.tag)));
            }
            Some(_) => {}
        }
    }
}

pub(super) fn section<T>(
    out: &mut Vec<u8>,
    tag: Section,
    rows: impl ExactSizeIterator<Item = T>,
    put: impl Fn(T, &mut Vec<u8>),
) {
    let start = out.len();
    out.resize(start.saturating_add(SECTION), 0);
    let count = rows.len() as u64;
    rows.for_each(|row| put(row, out));
    out.resize(out.len().next_multiple_of(8), 0);
    let head_end = start.saturating_add(SECTION);
    let rows = out.get(head_end..).unwrap_or_default();
    let (length, check) = (rows.len() as u64, crc32fast::hash(rows));
    let at = &mut out.get_mut(start..).unwrap_or_default();
    tag.put(at);
    1_u16.put(at);
    check.put(at);
    count.put(at);
    length.put(at);
}

/// A section that is left out when there is nothing in it.
pub(super) fn rare<T>(
    out: &mut Vec<u8>,
    tag: Section,
    rows: impl ExactSizeIterator<Item = T>,
    put: impl Fn(T, &mut Vec<u8>),
) {
    if rows.len() > 0 {
        section(out, tag, rows, put);
    }
}

/// An entry of a table.
pub(super) fn put_pair<K: Wire, V: Wire>((key, value): (&K, &V), out: &mut Vec<u8>) {
    append((*key, *value), out);
}
