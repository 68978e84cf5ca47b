//! From a journal back to a ledger, up to the last whole frame.

use super::ending::{ending, only_zeros};
use super::frame::{
    Chain, Frame, FrameError, FrameErrorKind, FrameWriter, JournalPosition, Records, inside,
    offset_of,
};
use super::hash::{FrameHash, SHA_256};
use crate::ids::Seq;
use crate::ledger::Ledger;
use crate::record::{Record, RecordError, Scratch};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::statement::Statements;
use crate::warm::WINDOW;
use core::fmt;

/// Replays frames into a ledger.
///
/// Give it frames one by one as a store keeps them ([`frame`](Self::frame)), or a flat
/// file of them ([`journal`](Self::journal)).
#[derive(Debug)]
pub struct Recovery {
    ledger: Ledger,
    statements: Option<Statements>,
    next: u64,
    chain: Chain,
    epoch: u32,
    records: u64,
    stopped: bool,
    hashes: bool,
    hash: &'static dyn FrameHash,
    scratch: Scratch,
}

/// What came out of a recovery. docs/journal.md says how.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recovered {
    /// The ledger after the last whole frame.
    pub ledger: Ledger,
    /// The statements, when they were asked for.
    pub statements: Option<Statements>,
    /// How many frames the journal has up to here.
    pub frames: u64,
    /// How many records were in them.
    pub records: u64,
    /// The hash of the last one.
    pub chain: Chain,
    /// Writes the frames that come next.
    pub writer: FrameWriter,
}

/// How a journal ends. Offsets count from its start. docs/journal.md says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalEnd {
    /// With a whole frame; behind it nothing, or nothing but zeros.
    Whole {
        /// Bytes of whole frames.
        length: usize,
    },
    /// In the middle of a frame, as when the power went during a write that nobody has
    /// been told of. Behind the part that is there is nothing, or nothing but zeros. It is safe
    /// to cut the journal here.
    Torn {
        /// Where the frame that was not finished begins: the length to cut to.
        at: usize,
        /// Its number.
        frame: u64,
        /// Bytes that are there of it, without the zeros of a file that was made longer ahead.
        present: usize,
    },
    /// With bytes that were changed after they were written, or that are no frames. What
    /// lies behind is not trusted. A person should look before anything is cut.
    Damaged {
        /// Where the frame begins that is not as it was.
        at: usize,
        /// Its number.
        frame: u64,
        /// What is wrong with it; its offset counts from `at`.
        error: FrameError,
        /// Whether a frame begins somewhere behind: acknowledged records are lost.
        more_behind: bool,
    },
}

impl JournalEnd {
    /// How many bytes of whole frames there are.
    #[must_use]
    pub const fn whole(self) -> usize {
        match self {
            Self::Whole { length } => length,
            Self::Torn { at, .. } | Self::Damaged { at, .. } => at,
        }
    }

    /// Whether every byte was as it was written.
    #[must_use]
    pub const fn is_intact(self) -> bool {
        matches!(self, Self::Whole { .. })
    }
}

impl fmt::Display for JournalEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { length } => write!(f, "intact: {length} bytes of whole frames"),
            Self::Torn { at, frame, present } => write!(
                f,
                "torn: frame {frame} at byte {at} was not finished ({present} bytes of it are \
                 there); cut to {at} bytes to go on"
            ),
            Self::Damaged { at, frame, error, more_behind } => {
                let place = at.saturating_add(error.offset());
                let kind = error.kind();
                write!(f, "damaged: frame {frame} at byte {at}: {kind} (byte {place})")?;
                f.write_str(if *more_behind {
                    "; whole frames lie behind it and are lost if it is cut"
                } else {
                    "; no frame begins behind it"
                })
            }
        }
    }
}

impl Recovery {
    /// A recovery into an empty ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            statements: None,
            next: 1,
            chain: Chain::START,
            epoch: 0,
            records: 0,
            stopped: false,
            hashes: false,
            hash: &SHA_256,
            scratch: Scratch::default(),
        }
    }

    /// Hashes every frame as well. Without that, a recovery looks at the checks of headers and
    /// records, at numbers, and that each frame names the hash of the one before: what was cut or
    /// flipped is found. Who has changed a record and its check with it is found by the hashes only:
    /// here, or by [`audit`](super::audit) at any time.
    #[must_use]
    pub const fn with_hashes(mut self) -> Self {
        self.hashes = true;
        self
    }

    /// Another hash than SHA-256: for [`with_hashes`](Self::with_hashes), and for the frames to come.
    #[must_use]
    pub const fn with_hash(mut self, hash: &'static dyn FrameHash) -> Self {
        self.hash = hash;
        self
    }

    /// A recovery that begins behind a snapshot: the frame after [`Snapshot::position`] is the
    /// next. The ledger's own state is given up.
    ///
    /// # Errors
    ///
    /// The first row of the snapshot that makes no sense.
    pub fn from_snapshot(
        mut ledger: Ledger,
        snapshot: Snapshot<'_>,
    ) -> Result<Self, SnapshotError> {
        ledger.restore(snapshot)?;
        let JournalPosition { frame, chain, epoch } = snapshot.position();
        Ok(Self { next: frame.saturating_add(1), chain, epoch, ..Self::new(ledger) })
    }

    /// Builds statements on the way; behind a snapshot, from its balances on.
    #[must_use]
    pub fn with_statements(mut self) -> Self {
        self.statements = Some(Statements::beginning_with(&self.ledger));
        self
    }

    /// Replays one whole frame, which must be the next.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Nothing of it is replayed, but for the rare frame whose checks
    /// are right and whose record makes no sense or does not fit the state (a newer crate
    /// wrote it): then the records before that one are. After an error, all frames are refused.
    pub fn frame(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        let (frame, rest) = self.next_frame(bytes)?;
        if !rest.is_empty() {
            self.stopped = true;
            return Err(FrameError::new(FrameErrorKind::Length, frame.as_bytes().len()));
        }
        self.replay(frame)
    }

    /// Replays a flat file of frames up to the last whole one, and says how it ends.
    pub fn journal(&mut self, bytes: &[u8]) -> JournalEnd {
        let mut at: usize = 0;
        loop {
            let left = bytes.get(at..).unwrap_or_default();
            if only_zeros(left) {
                return JournalEnd::Whole { length: at };
            }
            let frame = self.next;
            let replayed = self
                .next_frame(left)
                .and_then(|(frame, _)| self.replay(frame).map(|()| frame.as_bytes().len()));
            match replayed {
                Ok(length) => at = at.saturating_add(length),
                Err(error) => return ending(left, at, frame, error),
            }
        }
    }

    /// The number of the frame that comes next.
    #[must_use]
    pub const fn next_frame_number(&self) -> u64 {
        self.next
    }

    /// How many records were replayed so far.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The number of the last record.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.ledger.seq
    }

    /// The ledger after the last whole frame, and a writer for those to come. The writer
    /// counts one owner more.
    #[must_use]
    pub fn finish(self) -> Recovered {
        let epoch = self.epoch.saturating_add(1);
        Recovered {
            ledger: self.ledger,
            statements: self.statements,
            frames: self.next.saturating_sub(1),
            records: self.records,
            chain: self.chain,
            writer: FrameWriter::new(self.next, self.chain, epoch).with_hash(self.hash),
        }
    }

    fn next_frame<'a>(&mut self, bytes: &'a [u8]) -> Result<(Frame<'a>, &'a [u8]), FrameError> {
        let fail = |kind, offset| Err(FrameError::new(kind, offset));
        if self.stopped {
            return fail(FrameErrorKind::Chain, 0);
        }
        // Until the frame is known to be whole and the next, nothing may follow it.
        self.stopped = true;
        let (frame, rest) =
            if self.hashes { Frame::parse_with(bytes, self.hash)? } else { Frame::checked(bytes)? };
        if frame.number() != self.next {
            return fail(FrameErrorKind::Number, 8);
        }
        if frame.previous() != self.chain || frame.epoch() < self.epoch {
            return fail(FrameErrorKind::Chain, 64);
        }
        self.stopped = false;
        Ok((frame, rest))
    }

    /// Reads some records, asks for the memory that all of them need, and books one after the other.
    fn replay(&mut self, frame: Frame<'_>) -> Result<(), FrameError> {
        let mut scratch = core::mem::take(&mut self.scratch);
        let mut left = frame.body();
        let mut result = Ok(());
        while !left.is_empty() && result.is_ok() {
            scratch.clear();
            let mut behind = left;
            let mut strange = None;
            while !behind.is_empty() && scratch.len() < WINDOW && strange.is_none() {
                let read = Record::reread(behind);
                let read =
                    read.and_then(|(record, rest)| record.decode(&mut scratch).map(|()| rest));
                match read {
                    Ok(rest) => behind = rest,
                    Err(error) => strange = Some(error),
                }
            }
            let first = scratch.records().next().map(|(head, ..)| head.seq);
            if left.len() == frame.body().len() && first.is_some_and(|seq| seq != frame.first_seq())
            {
                // Before anything of it is booked.
                result = Err(FrameError::new(FrameErrorKind::Records, 16));
                break;
            }
            self.ledger.warm_for(scratch.records().map(|(head, _, facts)| (head, facts)));
            let booked = self.book(&scratch);
            if let Some(statements) = &mut self.statements {
                for record in (Records { left }).take(booked.0) {
                    statements.observe(record);
                }
            }
            self.records = self.records.saturating_add(booked.0 as u64);
            if let Some(error) = booked.1.or(strange) {
                let at = (Records { left }).take(booked.0).fold(left, |left, record| {
                    left.get(record.as_bytes().len()..).unwrap_or_default()
                });
                result = Err(inside(error, offset_of(frame.body(), at)));
            }
            left = behind;
        }
        self.scratch = scratch;
        self.stopped |= result.is_err();
        result?;
        self.next = self.next.saturating_add(1);
        self.chain = frame.chain();
        self.epoch = frame.epoch();
        Ok(())
    }

    /// Books what was read; gives how many records fit, and what is wrong with the one behind them.
    fn book(&mut self, scratch: &Scratch) -> (usize, Option<RecordError>) {
        let mut count: usize = 0;
        for (head, postings, facts) in scratch.records() {
            let postings = || postings.iter().copied();
            if let Err(error) = self.ledger.check_parts(head, postings(), facts.iter()) {
                return (count, Some(error));
            }
            self.ledger.commit_parts(head, postings(), facts.iter());
            count = count.saturating_add(1);
        }
        (count, None)
    }
}
