//! A walk over a journal that trusts nothing and needs no ledger.

use super::ending::{ending, only_zeros};
use super::frame::{Chain, Frame, FrameError, FrameErrorKind};
use super::hash::{FrameHash, SHA_256};
use super::recover::JournalEnd;
use crate::ids::{AssetId, At, Day, Seq};
use crate::record::{Record, RecordErrorKind};
use alloc::collections::BTreeMap;
use core::fmt;
use proto_wire::Timestamp;

/// What [`audit`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audit {
    /// How the journal ends.
    pub end: JournalEnd,
    /// Whole frames.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Postings in those.
    pub postings: u64,
    /// The hash of the last frame: the fingerprint of all.
    pub chain: Chain,
    /// How much was debited in all, by asset. As much was credited.
    pub turnover: BTreeMap<AssetId, i128>,
    /// How often the journal changed its owner.
    pub epochs: u32,
}

/// Walks a flat journal from its first frame: every hash, every link, every check of every
/// record, that numbers have no gaps, that time does not go back, that each record balances.
///
/// Whether the records follow from one another is for a [`Recovery`](crate::Recovery) and
/// [`Ledger::verify`](crate::Ledger::verify) to say.
#[must_use]
pub fn audit(journal: &[u8]) -> Audit {
    audit_with(journal, &SHA_256)
}

/// The same for a journal of another hash. See [`audit`].
#[must_use]
pub fn audit_with(journal: &[u8], hash: &dyn FrameHash) -> Audit {
    let mut audit = Audit {
        end: JournalEnd::Whole { length: 0 },
        frames: 0,
        records: 0,
        postings: 0,
        chain: Chain::START,
        turnover: BTreeMap::new(),
        epochs: 0,
    };
    let mut last = Last {
        seq: Seq::new(0),
        at: At::new(Timestamp::from_unix_micros(i64::MIN), Day::FIRST),
        epoch: 0,
    };
    let mut at: usize = 0;
    loop {
        let left = journal.get(at..).unwrap_or_default();
        if only_zeros(left) {
            audit.end = JournalEnd::Whole { length: at };
            return audit;
        }
        match audit.frame(left, &mut last, hash) {
            Ok(length) => at = at.saturating_add(length),
            Err(error) => {
                audit.end = ending(left, at, audit.frames.saturating_add(1), error);
                return audit;
            }
        }
    }
}

/// What the frame before ended with.
struct Last {
    seq: Seq,
    at: At,
    epoch: u32,
}

impl Audit {
    fn frame(
        &mut self,
        bytes: &[u8],
        last: &mut Last,
        hash: &dyn FrameHash,
    ) -> Result<usize, FrameError> {
        let fail = |kind, offset| Err(FrameError::new(kind, offset));
        let (frame, _) = Frame::parse_with(bytes, hash)?;
        if frame.number() != self.frames.saturating_add(1) {
            return fail(FrameErrorKind::Number, 8);
        }
        if frame.previous() != self.chain || frame.epoch() < last.epoch {
            return fail(FrameErrorKind::Chain, 64);
        }
        let mut offset: usize = 128;
        for record in frame.records() {
            let wrong = |kind| FrameError::new(FrameErrorKind::Record(kind), offset);
            follows(record, last).map_err(wrong)?;
            offset = offset.saturating_add(record.as_bytes().len());
        }
        for record in frame.records() {
            self.records = self.records.saturating_add(1);
            for posting in record.postings() {
                self.postings = self.postings.saturating_add(1);
                let sum = self.turnover.entry(posting.account.asset()).or_default();
                *sum = sum.saturating_add(i128::from(posting.amount.max(0)));
            }
        }
        self.frames = frame.number();
        self.chain = frame.chain();
        self.epochs = self.epochs.saturating_add(u32::from(frame.epoch() > last.epoch));
        last.epoch = frame.epoch();
        Ok(frame.as_bytes().len())
    }
}

fn follows(record: Record<'_>, last: &mut Last) -> Result<(), RecordErrorKind> {
    let head = record.head();
    if head.seq != last.seq.next() {
        return Err(RecordErrorKind::Sequence);
    }
    if head.at.time < last.at.time || head.at.day < last.at.day {
        return Err(RecordErrorKind::Time);
    }
    (last.seq, last.at) = (head.seq, head.at);
    Ok(())
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { end, frames, records, postings, chain, .. } = self;
        write!(
            f,
            "{records} records with {postings} postings in {frames} frames, chain {chain}; {end}"
        )
    }
}
