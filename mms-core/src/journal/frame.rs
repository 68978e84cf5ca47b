//! One frame: header, records, hash.

use super::hash::{FrameHash, SHA_256};
use super::header::{BODY_MAX, CHAIN_AT, CHECK_AT, FORMAT, HEADER, Header, PREVIOUS_AT};
use crate::ids::Seq;
use crate::record::{Record, RecordError, RecordErrorKind};
use crate::wire::Wire;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use proto_wire::{ParseError, Timestamp};
use thiserror::Error;

/// The hash of a frame, which covers the one of the frame before: who knows the last
/// one knows the whole journal. SHA-256, unless the host brought [another](FrameHash).
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

/// A place in a journal: behind a frame. docs/journal.md lists the bytes.
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

/// A frame, read where it lies. See [`Engine`](crate::Engine).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    header: Header,
    bytes: &'a [u8],
    body: &'a [u8],
}

/// A frame that owns its bytes; a clone shares them. docs/journal.md lists the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameBuf {
    header: Header,
    bytes: Bytes,
}

/// What is wrong with a frame. The offset counts from the frame's start.
pub type FrameError = ParseError<FrameErrorKind>;

/// What can be wrong with a frame. docs/journal.md lists the bytes.
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
    /// The hash is of another kind than the one that was to be looked at.
    #[error("the frame's hash is of another kind")]
    HashKind,
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
    /// Reads the frame at the start of `bytes`, and what stands behind it. Header, hash (SHA-256)
    /// and every record are checked for themselves; whether the frame follows another is
    /// for [`Recovery`](super::Recovery) to say.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        Self::parse_with(bytes, &SHA_256)
    }

    /// The same with another hash.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn parse_with(
        bytes: &'a [u8],
        hash: &dyn FrameHash,
    ) -> Result<(Self, &'a [u8]), FrameError> {
        let fail = |kind, offset| Err(FrameError::new(kind, offset));
        let (frame, rest) = Self::cut(bytes)?;
        let Self { header, bytes, body } = frame;
        if header.hash != hash.number() {
            return fail(FrameErrorKind::HashKind, 6);
        }
        if chain_of(bytes, hash) != header.chain {
            // Say which record, when one of them knows.
            let (offset, kind) = first_fault(body).unwrap_or((CHAIN_AT, FrameErrorKind::Hash));
            return fail(kind, offset);
        }
        let mut count: u32 = 0;
        let mut seq = header.first_seq;
        let mut left = body;
        while !left.is_empty() {
            let offset = offset_of(body, left);
            let (record, rest) = Record::parse(left).map_err(|error| inside(error, offset))?;
            header.fits(record.version(), offset)?;
            if record.head().seq != seq {
                return fail(FrameErrorKind::Records, offset);
            }
            left = rest;
            seq = seq.next();
            count = count.saturating_add(1);
        }
        if count != header.count {
            return fail(FrameErrorKind::Records, 24);
        }
        Ok((frame, rest))
    }

    /// Reads a frame without its hash: header and every record by their checks. Whether records make
    /// sense is left to the replay.
    pub(super) fn checked(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        let (frame, rest) = Self::cut(bytes)?;
        let mut count: u32 = 0;
        let mut left = frame.body;
        while !left.is_empty() {
            let (version, behind) =
                Record::cut(left).map_err(|error| inside(error, offset_of(frame.body, left)))?;
            frame.header.fits(version, offset_of(frame.body, left))?;
            left = behind;
            count = count.saturating_add(1);
        }
        if count != frame.header.count {
            return Err(FrameError::new(FrameErrorKind::Records, 24));
        }
        Ok((frame, rest))
    }

    /// The frame at the start by its header.
    fn cut(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FrameError> {
        let header = Header::parse(bytes)?;
        let length = HEADER.saturating_add(header.body as usize);
        let Some((bytes, rest)) = bytes.split_at_checked(length) else {
            return Err(FrameError::new(FrameErrorKind::BodyTruncated, bytes.len()));
        };
        let body = bytes.get(HEADER..).unwrap_or_default();
        Ok((Self { header, bytes, body }, rest))
    }

    /// How it is laid out: 1 or 2.
    #[must_use]
    pub const fn format(self) -> u16 {
        self.header.format
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

    /// The bytes of its records.
    pub(super) const fn body(self) -> &'a [u8] {
        self.body
    }

    /// Its records, in order.
    #[must_use]
    pub const fn records(self) -> Records<'a> {
        Records { left: self.body }
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

/// The records of a frame. See [`Frame`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    pub(super) left: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        // The frame was checked, so only the layout is read again.
        let Ok((record, rest)) = Record::reread(self.left) else {
            self.left = &[];
            return None;
        };
        self.left = rest;
        Some(record)
    }
}

/// Collects records into frames. See [`Engine`](crate::Engine).
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
    hash: &'static dyn FrameHash,
}

/// Records that wait for the frame behind one that is full.
struct Behind {
    bytes: Vec<u8>,
    first_seq: Seq,
    last_time: Timestamp,
    count: u32,
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
            hash: &SHA_256,
        }
    }

    /// The same with another hash than SHA-256.
    #[must_use]
    pub const fn with_hash(mut self, hash: &'static dyn FrameHash) -> Self {
        self.hash = hash;
        self
    }

    /// Where the next record is to be appended, as
    /// [`Ledger::apply`](crate::Ledger::apply) does. Call [`added`](Self::added) when it
    /// was. A frame holds at most 16 MiB of records: [`seal`](Self::seal) long before
    /// [`len`](Self::len) comes to that, as [`Engine`](crate::Engine) does, or until nothing waits.
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

    /// The next frame, with the records that wait; `None` when none does. Those beyond 16 MiB
    /// wait for the frame behind it.
    pub fn seal(&mut self) -> Option<FrameBuf> {
        if self.count == 0 {
            return None;
        }
        let behind = if self.len() > BODY_MAX { self.cut_behind() } else { None };
        let mut bytes = core::mem::take(&mut self.bytes);
        let mut header = Header {
            format: FORMAT,
            hash: self.hash.number(),
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
        header.chain = chain_of(&bytes, self.hash);
        header.write(&mut bytes);
        self.chain = header.chain;
        self.epoch_before = self.epoch;
        self.next = self.next.saturating_add(1);
        self.count = 0;
        if let Some(behind) = behind {
            self.first_seq = behind.first_seq;
            self.last_time = behind.last_time;
            self.count = behind.count;
            self.bytes = behind.bytes;
        } else {
            // The next group is likely to be of the same size.
            self.bytes.reserve(bytes.len());
        }
        Some(FrameBuf { header, bytes: bytes.into() })
    }

    /// Takes away what is behind the last record that fits into a frame, and says what of.
    #[cold]
    fn cut_behind(&mut self) -> Option<Behind> {
        let (mut at, mut count, mut last_time) = (HEADER, 0_u32, self.last_time);
        let first_seq = loop {
            let (record, rest) = Record::reread(self.bytes.get(at..)?).ok()?;
            let end = self.bytes.len().saturating_sub(rest.len());
            if end.saturating_sub(HEADER) > BODY_MAX {
                break record.head().seq;
            }
            (at, last_time) = (end, record.head().at.time);
            count = count.saturating_add(1);
        };
        let mut bytes = alloc::vec![0; HEADER];
        bytes.extend_from_slice(self.bytes.get(at..)?);
        let left = self.count.saturating_sub(count);
        let behind = Behind { bytes, first_seq, last_time: self.last_time, count: left };
        self.bytes.truncate(at);
        (self.count, self.last_time) = (count, last_time);
        Some(behind)
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

/// The hash of everything but the header's checksum and the hash itself.
fn chain_of(frame: &[u8], hash: &dyn FrameHash) -> Chain {
    Chain(hash.hash([
        frame.get(..CHECK_AT).unwrap_or_default(),
        frame.get(PREVIOUS_AT..CHAIN_AT).unwrap_or_default(),
        frame.get(HEADER..).unwrap_or_default(),
    ]))
}

/// Where what is left of the records begins in the frame.
pub(super) const fn offset_of(body: &[u8], left: &[u8]) -> usize {
    HEADER.saturating_add(body.len().saturating_sub(left.len()))
}

/// The first record that is wrong in itself: where the fault lies, from the frame's start, and what.
pub(super) fn first_fault(body: &[u8]) -> Option<(usize, FrameErrorKind)> {
    let mut left = body;
    while !left.is_empty() {
        let offset = offset_of(body, left);
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

pub(super) fn inside(error: RecordError, offset: usize) -> FrameError {
    FrameError::new(FrameErrorKind::Record(error.kind()), offset.saturating_add(error.offset()))
}

/// How long the frame is whose header begins here and is whole.
pub(super) fn length_of(bytes: &[u8]) -> Option<usize> {
    Header::parse(bytes).ok().map(|header| HEADER.saturating_add(header.body as usize))
}
