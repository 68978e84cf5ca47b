//! One frame: header, records, hash.

use crate::ids::Seq;
use crate::record::{Needs, Record, RecordError, RecordErrorKind};
use crate::wire::Wire;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use proto_wire::{ParseError, Timestamp};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// `MMSJ`.
const MAGIC: u32 = u32::from_le_bytes(*b"MMSJ");
const FORMAT: u16 = 1;
pub(super) const HEADER: usize = 128;
/// Where the header's own checksum stands; it covers all other bytes of the header.
const CHECK_AT: usize = 56;
const PREVIOUS_AT: usize = 64;
const CHAIN_AT: usize = 96;
/// No frame's records are longer.
pub(super) const BODY_MAX: usize = 16 * 1024 * 1024;

/// The SHA-256 of a frame, which holds the one of the frame before: who knows the last
/// one knows the whole journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain([u8; 32]);

impl Chain {
    /// Before the first frame.
    pub const START: Self = Self([0; 32]);

    /// The hash with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

/// A place in a journal: behind a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalPosition {
    /// The number of the frame; zero before the first.
    pub frame: u64,
    /// Its hash.
    pub chain: Chain,
    /// Its epoch.
    pub epoch: u32,
}

impl JournalPosition {
    /// Before the first frame.
    pub const START: Self = Self { frame: 0, chain: Chain::START, epoch: 0 };

    /// Behind the frame with this number, hash and epoch.
    #[must_use]
    pub const fn new(frame: u64, chain: Chain, epoch: u32) -> Self {
        Self { frame, chain, epoch }
    }
}

/// A frame, read where it lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    header: Header,
    bytes: &'a [u8],
    body: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    number: u64,
    first_seq: Seq,
    count: u32,
    body: u32,
    last_time: i64,
    epoch: u32,
    previous: Chain,
    chain: Chain,
}

/// A frame that owns its bytes; a clone shares them.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameBuf {
    header: Header,
    bytes: Bytes,
}

/// What is wrong with a frame. The offset counts from the frame's start.
pub type FrameError = ParseError<FrameErrorKind>;

/// What can be wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum FrameErrorKind {
    /// The header ends too early.
    #[error("the frame's header ends too early")]
    HeaderTruncated,
    /// The records end too early.
    #[error("the frame's records end too early")]
    BodyTruncated,
    /// This is not a frame.
    #[error("no frame begins here")]
    Magic,
    /// The format is newer than this crate.
    #[error("the frame's format is not known")]
    Format,
    /// The header's checksum does not match.
    #[error("the frame's header does not match its checksum")]
    HeaderCheck,
    /// A length or a count that no frame has.
    #[error("the frame's length is impossible")]
    Length,
    /// The hash does not match.
    #[error("the frame does not match its hash")]
    Hash,
    /// The frame does not continue the chain.
    #[error("the frame does not follow the one before it")]
    Chain,
    /// The number is not the one that comes next.
    #[error("the frame's number is not the next one")]
    Number,
    /// The records do not fill the frame, or their number or first place is another.
    #[error("the frame's header does not describe its records")]
    Records,
    /// A record in the frame.
    #[error(transparent)]
    Record(RecordErrorKind),
}

impl<'a> Frame<'a> {
    /// Reads the frame at the start of `bytes`, and what stands behind it. Header, hash
    /// and every record are checked for themselves; whether the frame follows another is
    /// for [`Recovery`](super::Recovery) to say.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        let fail = |kind, offset| Err(FrameError::new(kind, offset));
        let header = Header::parse(bytes)?;
        let length = HEADER.saturating_add(header.body as usize);
        let Some((bytes, rest)) = bytes.split_at_checked(length) else {
            return fail(FrameErrorKind::BodyTruncated, bytes.len());
        };
        let body = bytes.get(HEADER..).unwrap_or_default();
        if chain_of(bytes) != header.chain {
            // Say which record, when one of them knows.
            let (offset, kind) = first_fault(body).unwrap_or((CHAIN_AT, FrameErrorKind::Hash));
            return fail(kind, offset);
        }
        let frame = Self { header, bytes, body };
        frame.check_each(Record::parse)?;
        Ok((frame, rest))
    }

    /// Reads a frame without its hash: header and every record by their checks, and that numbers
    /// have no gaps. Whether postings and facts make sense is left to the replay.
    pub(super) fn checked(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        let header = Header::parse(bytes)?;
        let length = HEADER.saturating_add(header.body as usize);
        let Some((bytes, rest)) = bytes.split_at_checked(length) else {
            return Err(FrameError::new(FrameErrorKind::BodyTruncated, bytes.len()));
        };
        let frame = Self { header, bytes, body: bytes.get(HEADER..).unwrap_or_default() };
        let check = crc32fast::Hasher::new();
        frame.check_each(|bytes| Record::checked_by(bytes, &check))?;
        Ok((frame, rest))
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.header.number
    }

    /// The number of its first record.
    #[must_use]
    pub const fn first_seq(self) -> Seq {
        self.header.first_seq
    }

    /// How many records it has.
    #[must_use]
    pub const fn record_count(self) -> u32 {
        self.header.count
    }

    /// The time of its last record.
    #[must_use]
    pub const fn last_time(self) -> Timestamp {
        Timestamp::from_unix_micros(self.header.last_time)
    }

    /// How often the journal's owner had changed.
    #[must_use]
    pub const fn epoch(self) -> u32 {
        self.header.epoch
    }

    /// The hash of the frame before.
    #[must_use]
    pub const fn previous(self) -> Chain {
        self.header.previous
    }

    /// Its own hash.
    #[must_use]
    pub const fn chain(self) -> Chain {
        self.header.chain
    }

    /// The whole frame as it lies in the journal.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Its records, in order.
    #[must_use]
    pub const fn records(self) -> Records<'a> {
        Records { left: self.body }
    }

    fn check_each(
        self,
        read: impl Fn(&'a [u8]) -> Result<(Record<'a>, &'a [u8]), RecordError>,
    ) -> Result<(), FrameError> {
        let mut left = self.body;
        let mut count: u32 = 0;
        let mut seq = self.header.first_seq;
        while !left.is_empty() {
            let offset = HEADER.saturating_add(self.body.len().saturating_sub(left.len()));
            let (record, rest) = read(left).map_err(|error| inside(error, offset))?;
            if record.head().seq != seq {
                return Err(FrameError::new(FrameErrorKind::Records, offset));
            }
            left = rest;
            seq = seq.next();
            count = count.saturating_add(1);
        }
        if count != self.header.count {
            return Err(FrameError::new(FrameErrorKind::Records, 24));
        }
        Ok(())
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("header", &self.header).finish_non_exhaustive()
    }
}

impl FrameBuf {
    /// The view of it.
    #[must_use]
    pub fn view(&self) -> Frame<'_> {
        let bytes = &self.bytes;
        Frame { header: self.header, bytes, body: bytes.get(HEADER..).unwrap_or_default() }
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.header.number
    }

    /// The bytes, as they go to the store.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for FrameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}

/// The records of a frame.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    left: &'a [u8],
}

impl<'a> Records<'a> {
    /// Whether none is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// What is looked up to book the next one.
    #[inline]
    pub(super) fn next_needs(&mut self) -> Option<Needs<'a>> {
        let (needs, rest) = Needs::of(self.left)?;
        self.left = rest;
        Some(needs)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        // The frame was checked, so only the layout is read again.
        let Some((record, rest)) = Record::reread(self.left) else {
            self.left = &[];
            return None;
        };
        self.left = rest;
        Some(record)
    }
}

/// Collects records into frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameWriter {
    next: u64,
    epoch: u32,
    /// That of the frame before: none has this writer's epoch until it writes one.
    epoch_before: u32,
    chain: Chain,
    first_seq: Seq,
    last_time: Timestamp,
    count: u32,
    bytes: Vec<u8>,
}

impl FrameWriter {
    /// A writer whose first frame gets the number `next` and follows `chain`.
    #[must_use]
    pub const fn new(next: u64, chain: Chain, epoch: u32) -> Self {
        Self {
            next,
            epoch,
            epoch_before: epoch.saturating_sub(1),
            chain,
            first_seq: Seq::new(0),
            last_time: Timestamp::UNIX_EPOCH,
            count: 0,
            bytes: Vec::new(),
        }
    }

    /// Where the next record is to be appended, as
    /// [`Ledger::apply`](crate::Ledger::apply) does. Call [`added`](Self::added) when it
    /// was.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        if self.bytes.is_empty() {
            self.bytes.resize(HEADER, 0);
        }
        &mut self.bytes
    }

    /// A record was appended to the buffer.
    pub const fn added(&mut self, seq: Seq, time: Timestamp) {
        if self.count == 0 {
            self.first_seq = seq;
        }
        self.last_time = time;
        self.count = self.count.saturating_add(1);
    }

    /// How many records wait for the next frame.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// How many bytes they take.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len().saturating_sub(HEADER)
    }

    /// Whether no record waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number that the next frame will have.
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        self.next
    }

    /// The hash of the last frame.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// Where the journal stands behind the last frame: for a
    /// [`snapshot`](crate::Ledger::snapshot) of the ledger, when no record waits.
    #[must_use]
    pub const fn position(&self) -> JournalPosition {
        let frame = self.next.saturating_sub(1);
        JournalPosition { frame, chain: self.chain, epoch: self.epoch_before }
    }

    /// The next frame, with all records that wait; `None` when none does.
    pub fn seal(&mut self) -> Option<FrameBuf> {
        if self.count == 0 {
            return None;
        }
        let mut bytes = core::mem::take(&mut self.bytes);
        let mut header = Header {
            number: self.next,
            first_seq: self.first_seq,
            count: self.count,
            body: u32::try_from(bytes.len().saturating_sub(HEADER)).unwrap_or(u32::MAX),
            last_time: self.last_time.as_unix_micros(),
            epoch: self.epoch,
            previous: self.chain,
            chain: Chain::START,
        };
        header.write(&mut bytes);
        header.chain = chain_of(&bytes);
        header.write(&mut bytes);
        self.chain = header.chain;
        self.epoch_before = self.epoch;
        self.next = self.next.saturating_add(1);
        self.count = 0;
        // The next group is likely to be of the same size.
        self.bytes.reserve(bytes.len());
        Some(FrameBuf { header, bytes: bytes.into() })
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        let fail = |kind, offset| Err(FrameError::new(kind, offset));
        let magic = MAGIC.to_le_bytes();
        let begin = bytes.get(..bytes.len().min(4)).unwrap_or_default();
        if !magic.starts_with(begin) {
            return fail(FrameErrorKind::Magic, 0);
        }
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return fail(FrameErrorKind::HeaderTruncated, bytes.len());
        };
        if Some(check_of(header)) != header.get(CHECK_AT..).and_then(|mut at| u32::take(&mut at)) {
            return fail(FrameErrorKind::HeaderCheck, CHECK_AT);
        }
        let Some((header, zeros, format)) = Self::fields(header) else {
            return fail(FrameErrorKind::HeaderTruncated, 0);
        };
        if format != FORMAT || !zeros {
            return fail(FrameErrorKind::Format, 4);
        }
        if header.body as usize > BODY_MAX || header.body % 8 != 0 || header.count == 0 {
            return fail(FrameErrorKind::Length, 24);
        }
        Ok(header)
    }

    /// The fields, whether all reserved ones are zero, and the format.
    fn fields(header: &[u8]) -> Option<(Self, bool, u16)> {
        let from = &mut { header };
        let _magic = u32::take(from)?;
        let format = u16::take(from)?;
        let reserved = u16::take(from)?;
        let number = u64::take(from)?;
        let first_seq = Seq::take(from)?;
        let count = u32::take(from)?;
        let body = u32::take(from)?;
        let last_time = i64::take(from)?;
        let partition = u32::take(from)?;
        let epoch = u32::take(from)?;
        let digest = u64::take(from)?;
        let _check = u32::take(from)?;
        let padding = u32::take(from)?;
        let previous = Chain::take(from)?;
        let chain = Chain::take(from)?;
        let zeros = reserved == 0 && partition == 0 && digest == 0 && padding == 0;
        let header = Self { number, first_seq, count, body, last_time, epoch, previous, chain };
        Some((header, zeros, format))
    }

    fn write(&self, bytes: &mut [u8]) {
        let Some(header) = bytes.first_chunk_mut::<HEADER>() else {
            return;
        };
        let mut at = header.as_mut_slice();
        MAGIC.put(&mut at);
        FORMAT.put(&mut at);
        0_u16.put(&mut at);
        self.number.put(&mut at);
        self.first_seq.put(&mut at);
        self.count.put(&mut at);
        self.body.put(&mut at);
        self.last_time.put(&mut at);
        0_u32.put(&mut at);
        self.epoch.put(&mut at);
        0_u64.put(&mut at);
        0_u64.put(&mut at);
        self.previous.put(&mut at);
        self.chain.put(&mut at);
        let check = check_of(header);
        check.put(&mut header.get_mut(CHECK_AT..).unwrap_or_default());
    }
}

impl Wire for Chain {
    const SIZE: usize = 32;

    fn put(self, out: &mut &mut [u8]) {
        for byte in self.0 {
            byte.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (head, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(Self(*head))
    }
}

/// The CRC-32 of the header without the four bytes that hold it.
fn check_of(header: &[u8; HEADER]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header.get(..CHECK_AT).unwrap_or_default());
    hasher.update(header.get(CHECK_AT.saturating_add(4)..).unwrap_or_default());
    hasher.finalize()
}

/// SHA-256 of everything but the header's checksum and the hash itself.
fn chain_of(frame: &[u8]) -> Chain {
    let mut hasher = Sha256::new();
    hasher.update(frame.get(..CHECK_AT).unwrap_or_default());
    hasher.update(frame.get(PREVIOUS_AT..CHAIN_AT).unwrap_or_default());
    hasher.update(frame.get(HEADER..).unwrap_or_default());
    Chain(hasher.finalize().into())
}

/// The first record that is wrong in itself: where the fault lies, from the frame's start, and what.
pub(super) fn first_fault(body: &[u8]) -> Option<(usize, FrameErrorKind)> {
    let mut left = body;
    while !left.is_empty() {
        let offset = HEADER.saturating_add(body.len().saturating_sub(left.len()));
        match Record::parse(left) {
            Ok((_, rest)) => left = rest,
            Err(error) => {
                let error = inside(error, offset);
                return Some((error.offset(), error.kind()));
            }
        }
    }
    None
}

fn inside(error: RecordError, offset: usize) -> FrameError {
    FrameError::new(FrameErrorKind::Record(error.kind()), offset.saturating_add(error.offset()))
}

/// How long the frame is whose header begins here and is whole.
pub(super) fn length_of(bytes: &[u8]) -> Option<usize> {
    Header::parse(bytes).ok().map(|header| HEADER.saturating_add(header.body as usize))
}
