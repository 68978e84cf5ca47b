//! The record: one accepted command, as results.
//!
//! A record is bytes. [`Record`] reads them where they lie; [`RecordBuf`] owns them. What is
//! booked when a command is accepted is what is read back when a journal is replayed: debug
//! builds compare the two for every command. The layout stands in `docs/journal.md`.

mod draft;
mod fact;
mod moves;
#[cfg(test)]
mod tests;

pub(crate) use draft::Draft;
pub use fact::Fact;
pub use moves::MoveKind;

use crate::account::Posting;
use crate::ids::{ActorId, At, Day, IdempotencyKey, MemberId, Seq, StoreId, TerminalId};
use crate::wire::{Wire, wire_enum};
use alloc::vec::Vec;
use core::fmt;
use crc32fast::Hasher;
use proto_wire::{ParseError, Timestamp};
use thiserror::Error;

/// Bytes before the first posting.
pub(crate) const HEAD_SIZE: usize = 88;
/// The version of records that this crate writes.
pub(crate) const RECORD_VERSION: u8 = 1;
/// No record is longer: 256 lots and 256 lines fit several times.
pub(crate) const RECORD_MAX: usize = 128 * 1024;

wire_enum! {
    /// What a record is about.
    pub enum Kind: u16 {
        /// A member was enrolled.
        Enrolled = 1,
        /// A member was frozen, unfrozen or closed.
        MemberChanged = 2,
        /// A card was issued.
        CardIssued = 3,
        /// A card's state changed.
        CardChanged = 4,
        /// A card was replaced.
        CardReplaced = 5,
        /// A PIN was reported.
        PinReported = 6,
        /// Stored value was loaded.
        ToppedUp = 7,
        /// Stored value was debited.
        Spent = 8,
        /// Goods were sold.
        Sold = 9,
        /// Points were earned elsewhere.
        Earned = 10,
        /// Points were redeemed.
        Redeemed = 11,
        /// A sale or redemption was taken back.
        Refunded = 12,
        /// Value was set aside.
        Held = 13,
        /// A hold was captured.
        Captured = 14,
        /// A hold was given back.
        Voided = 15,
        /// Points were adjusted by hand.
        Adjusted = 16,
        /// Value moved from member to member.
        Transferred = 17,
        /// An actor's permissions were set.
        Permitted = 18,
        /// Uses were sold ahead.
        PackageSold = 19,
        /// Uses were taken.
        UsesTaken = 20,
        /// Uses that were not taken were paid out.
        UsesReturned = 21,
        /// Coupons were given.
        CouponsIssued = 22,
        /// Coupons were taken back.
        CouponsWithdrawn = 23,
        /// Goods came in or went back.
        GoodsStocked = 24,
        /// Change became stored value.
        ChangeSwept = 25,
        /// A tier was given by hand.
        TierSet = 26,
        /// A card was renewed for a fee.
        CardRenewed = 27,
        /// A card went to another member.
        CardMoved = 28,
        /// Stored value was paid out.
        StoredRefunded = 29,
        /// Two members became one.
        MembersMerged = 30,
        /// Money came in for what a member owed.
        PaymentReceived = 31,
        /// A parameter was set.
        ParameterSet = 32,
        /// A balance came from another system.
        BalanceOpened = 33,
        /// A field of a member was set.
        FieldSet = 34,
        /// Coupons that a hold had set aside were used for what was sold elsewhere.
        CouponsUsed = 35,
        /// An order was parked.
        OrderParked = 36,
        /// A line of a parked order was taken off.
        LineVoided = 37,
        /// A parked order was given up.
        OrderCancelled = 38,
        /// Time: a lot lapsed.
        Expired = 128,
        /// Time: pending points became the member's.
        Matured = 129,
        /// Time: a hold ended by itself.
        HoldEnded = 130,
        /// Time: a tier was reviewed.
        TierReviewed = 131,
        /// Time: a parked order ended by itself.
        OrderEnded = 132,
    }
}

/// The fixed part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// What it is about.
    pub kind: Kind,
    /// Where the command was given.
    pub store: StoreId,
    /// The place in the journal.
    pub seq: Seq,
    /// When it was booked; never goes back from one record to the next.
    pub at: At,
    /// The command's key; zero for what time itself caused.
    pub key: IdempotencyKey,
    /// The command's digest; zero for what time itself caused.
    pub digest: u64,
    /// Who.
    pub actor: ActorId,
    /// On which device.
    pub terminal: TerminalId,
    /// When it happened, as the sender saw it.
    pub occurred_at: Timestamp,
    /// Whom it is mainly about.
    pub member: Option<MemberId>,
    /// The version of the program whose rules were read.
    pub program: u32,
    pub(crate) postings: u16,
    pub(crate) facts: u16,
}

/// A record, read where it lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    bytes: &'a [u8],
    head: Head,
    postings: &'a [u8],
    facts: &'a [u8],
}

/// A record that owns its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordBuf {
    bytes: Vec<u8>,
    head: Head,
}

/// What is wrong with the bytes of a record. The offset counts from the record's start.
pub type RecordError = ParseError<RecordErrorKind>;

/// What can be wrong with the bytes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum RecordErrorKind {
    /// The record ends too early.
    #[error("the record ends too early")]
    Truncated,
    /// The length is not a multiple of eight, or too short or too long for a record.
    #[error("the record's length is impossible")]
    Length,
    /// The checksum does not match.
    #[error("the record's checksum does not match")]
    Check,
    /// The version is newer than this crate.
    #[error("the record's version is not known")]
    Version,
    /// The kind is not known.
    #[error("the record's kind is not known")]
    Kind,
    /// A reserved byte is not zero.
    #[error("a reserved byte is not zero")]
    Reserved,
    /// A posting names an account that does not exist.
    #[error("a posting is malformed")]
    Posting,
    /// A fact is malformed or not known.
    #[error("a fact is malformed or not known")]
    Fact,
    /// The postings do not sum to zero for each asset.
    #[error("the postings do not balance")]
    Unbalanced,
    /// The sequence number is not the one that comes next.
    #[error("the record is not the next one")]
    Sequence,
    /// The time or day lies before that of the record before it.
    #[error("the record's time goes back")]
    Time,
    /// The record speaks of something that does not exist, or takes what is not there.
    #[error("the record does not fit the state before it")]
    State,
}

impl<'a> Record<'a> {
    /// Reads the record at the start of `bytes`, and what stands behind it.
    ///
    /// Everything that can be said without a ledger's state is checked: length, checksum,
    /// kind, postings (that they balance, too), facts.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let (record, rest) = Self::checked(bytes)?;
        record.check_postings()?;
        record.check_facts(HEAD_SIZE.saturating_add(record.postings.len()))?;
        Ok((record, rest))
    }

    /// Reads a record that was checked before: the layout only.
    pub(crate) fn reread(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let length = u32::take(&mut { bytes })?;
        let (bytes, rest) = bytes.split_at_checked(length as usize)?;
        let mut from = bytes.get(8..)?;
        let head = read_head(&mut from).ok()?;
        let size = usize::from(head.postings).saturating_mul(Posting::SIZE);
        let (postings, facts) = from.split_at_checked(size)?;
        Some((Self { bytes, head, postings, facts }, rest))
    }

    /// Reads the head of the record at the start of `bytes` when its length and its check are right;
    /// whether postings and facts make sense is not looked at.
    pub(crate) fn checked(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        Self::checked_by(bytes, &Hasher::new())
    }

    /// The same with a check that has seen nothing yet, for many records.
    pub(crate) fn checked_by(
        bytes: &'a [u8],
        check: &Hasher,
    ) -> Result<(Self, &'a [u8]), RecordError> {
        let (bytes, rest) = Self::cut(bytes, check)?;
        let mut from = bytes.get(8..).unwrap_or_default();
        let head = read_head(&mut from)?;
        let size = usize::from(head.postings).saturating_mul(Posting::SIZE);
        let Some((postings, facts)) = from.split_at_checked(size) else {
            return Err(RecordError::new(RecordErrorKind::Posting, HEAD_SIZE));
        };
        Ok((Self { bytes, head, postings, facts }, rest))
    }

    /// The bytes of the record at the start, when its length and its check are right, and the rest.
    #[inline]
    fn cut(bytes: &'a [u8], check: &Hasher) -> Result<(&'a [u8], &'a [u8]), RecordError> {
        let fail = |kind, offset| Err(RecordError::new(kind, offset));
        let Some(length) = u32::take(&mut { bytes }) else {
            return fail(RecordErrorKind::Truncated, bytes.len());
        };
        let length = length as usize;
        if !(HEAD_SIZE..=RECORD_MAX).contains(&length) || length % 8 != 0 {
            return fail(RecordErrorKind::Length, 0);
        }
        let Some((bytes, rest)) = bytes.split_at_checked(length) else {
            return fail(RecordErrorKind::Truncated, bytes.len());
        };
        let mut from = bytes.get(4..).unwrap_or_default();
        let wanted = u32::take(&mut from).unwrap_or_default();
        let mut check = check.clone();
        check.update(from);
        if wanted != check.finalize() {
            return fail(RecordErrorKind::Check, 4);
        }
        Ok((bytes, rest))
    }

    /// Reads postings and facts into `scratch`, when they make sense.
    pub(crate) fn decode(self, scratch: &mut Scratch) -> Result<(), RecordError> {
        scratch.postings.clear();
        scratch.facts.clear();
        let mut sums = Sums::default();
        let mut offset = HEAD_SIZE;
        for mut chunk in self.postings.chunks_exact(Posting::SIZE) {
            let posting = Posting::take(&mut chunk)
                .ok_or_else(|| RecordError::new(RecordErrorKind::Posting, offset))?;
            sums.add(posting);
            scratch.postings.push(posting);
            offset = offset.saturating_add(Posting::SIZE);
        }
        if !sums.balance() {
            return Err(RecordError::new(RecordErrorKind::Unbalanced, HEAD_SIZE));
        }
        let mut left = self.facts;
        while !left.is_empty() {
            let read = self.facts.len().saturating_sub(left.len());
            let fact = Fact::take(&mut left).ok_or_else(|| {
                RecordError::new(RecordErrorKind::Fact, offset.saturating_add(read))
            })?;
            scratch.facts.push(fact);
        }
        if scratch.facts.len() == usize::from(self.head.facts) {
            Ok(())
        } else {
            Err(RecordError::new(RecordErrorKind::Fact, offset))
        }
    }

    /// The fixed part.
    #[must_use]
    pub const fn head(self) -> Head {
        self.head
    }

    /// The postings, in order.
    pub fn postings(self) -> impl ExactSizeIterator<Item = Posting> + 'a {
        let fallback =
            Posting::new(crate::Account::raw(0, crate::Code::Tender, crate::account::MONEY), 0);
        // `parse` has read each once, so the fallback is never taken.
        self.postings
            .chunks_exact(Posting::SIZE)
            .map(move |mut chunk| Posting::take(&mut chunk).unwrap_or(fallback))
    }

    /// What happened, in order, apart from the postings.
    #[must_use]
    pub const fn facts(self) -> Facts<'a> {
        Facts { left: self.facts }
    }

    /// The whole record as it lies in the journal.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_buf(self) -> RecordBuf {
        RecordBuf { bytes: self.bytes.to_vec(), head: self.head }
    }

    fn check_postings(self) -> Result<(), RecordError> {
        let mut sums = Sums::default();
        let mut offset = HEAD_SIZE;
        for mut chunk in self.postings.chunks_exact(Posting::SIZE) {
            let posting = Posting::take(&mut chunk)
                .ok_or_else(|| RecordError::new(RecordErrorKind::Posting, offset))?;
            sums.add(posting);
            offset = offset.saturating_add(Posting::SIZE);
        }
        if sums.balance() {
            Ok(())
        } else {
            Err(RecordError::new(RecordErrorKind::Unbalanced, HEAD_SIZE))
        }
    }

    fn check_facts(self, start: usize) -> Result<(), RecordError> {
        let mut facts = self.facts();
        let mut count: usize = 0;
        while !facts.left.is_empty() {
            let offset = start.saturating_add(self.facts.len().saturating_sub(facts.left.len()));
            if Fact::take(&mut facts.left).is_none() {
                return Err(RecordError::new(RecordErrorKind::Fact, offset));
            }
            count = count.saturating_add(1);
        }
        if count == usize::from(self.head.facts) {
            Ok(())
        } else {
            Err(RecordError::new(RecordErrorKind::Fact, start))
        }
    }
}

impl RecordBuf {
    /// The view of it.
    #[must_use]
    pub fn view(&self) -> Record<'_> {
        let body = self.bytes.get(HEAD_SIZE..).unwrap_or_default();
        let size = usize::from(self.head.postings).saturating_mul(Posting::SIZE);
        let (postings, facts) = body.split_at_checked(size).unwrap_or_default();
        Record { bytes: &self.bytes, head: self.head, postings, facts }
    }

    /// The bytes, as they go to the journal.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// What is looked up to book a record, read without a look at whether the rest makes sense.
pub(crate) struct Needs<'a> {
    pub(crate) key: IdempotencyKey,
    pub(crate) member: Option<MemberId>,
    facts: &'a [u8],
}

impl<'a> Needs<'a> {
    /// Of the record at the start of `bytes`; gives what stands behind it.
    #[inline]
    pub(crate) fn of(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let length = u32::take(&mut { bytes })?;
        let (bytes, rest) = bytes.split_at_checked(length as usize)?;
        let (head, body) = bytes.split_first_chunk::<HEAD_SIZE>()?;
        let key = IdempotencyKey::take(&mut head.get(32..)?)?;
        let member = <Option<MemberId> as Wire>::take(&mut head.get(76..)?)?;
        let postings = u16::take(&mut head.get(80..)?)?;
        let facts = body.get(usize::from(postings).saturating_mul(Posting::SIZE)..)?;
        Some((Self { key, member, facts }, rest))
    }

    /// The lots that the record changes.
    #[inline]
    pub(crate) fn lots(self) -> impl Iterator<Item = u32> + 'a {
        let mut left = self.facts;
        core::iter::from_fn(move || {
            loop {
                let (fact, _) = left.split_first_chunk::<8>()?;
                let [tag, size] = [fact.get(..2)?, fact.get(2..4)?];
                let tag = u16::take(&mut { tag })?;
                let size = u16::take(&mut { size })?.max(8);
                let lot = u32::take(&mut fact.get(4..)?)?;
                left = left.get(usize::from(size)..)?;
                if tag == fact::LOT_MOVED {
                    return Some(lot);
                }
            }
        })
    }
}

/// Room to read a record into; used again and again, so that a replay does not allocate.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) postings: Vec<Posting>,
    pub(crate) facts: Vec<Fact>,
}

/// The facts of a record.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    left: &'a [u8],
}

impl Iterator for Facts<'_> {
    type Item = Fact;

    #[inline]
    fn next(&mut self) -> Option<Fact> {
        Fact::take(&mut self.left)
    }
}

/// The sum of postings for each asset; a record has few assets.
#[derive(Default)]
pub(crate) struct Sums {
    sums: Vec<(u16, i128)>,
    first: (u16, i128),
}

impl Sums {
    #[inline]
    pub(crate) fn add(&mut self, posting: Posting) {
        let asset = posting.account.asset().value();
        let amount = i128::from(posting.amount);
        if self.first.0 == asset || self.first.1 == 0 && self.sums.is_empty() {
            self.first = (asset, self.first.1.saturating_add(amount));
            return;
        }
        match self.sums.iter_mut().find(|(of, _)| *of == asset) {
            Some((_, sum)) => *sum = sum.saturating_add(amount),
            None => self.sums.push((asset, amount)),
        }
    }

    pub(crate) fn balance(&self) -> bool {
        self.first.1 == 0 && self.sums.iter().all(|(_, sum)| *sum == 0)
    }
}

fn read_head(from: &mut &[u8]) -> Result<Head, RecordError> {
    fn field<T: Wire>(from: &mut &[u8]) -> Result<T, RecordError> {
        T::take(from).ok_or_else(|| RecordError::new(RecordErrorKind::Length, 0))
    }
    let Some((head, rest)) = from.split_first_chunk::<{ HEAD_SIZE - 8 }>() else {
        return Err(RecordError::new(RecordErrorKind::Length, 0));
    };
    *from = rest;
    let from = &mut head.as_slice();
    let kind = Kind::from_number(field(from)?)
        .ok_or_else(|| RecordError::new(RecordErrorKind::Kind, 8))?;
    if field::<u8>(from)? != RECORD_VERSION {
        return Err(RecordError::new(RecordErrorKind::Version, 10));
    }
    if field::<u8>(from)? != 0 {
        return Err(RecordError::new(RecordErrorKind::Reserved, 11));
    }
    let store = field(from)?;
    let seq = field(from)?;
    let time = Timestamp::from_unix_micros(field(from)?);
    Ok(Head {
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
    })
}

/// Writes what stands behind length and check.
fn write_head(head: &Head, out: &mut &mut [u8]) {
    let Some((bytes, rest)) = core::mem::take(out).split_first_chunk_mut::<{ HEAD_SIZE - 8 }>()
    else {
        return;
    };
    *out = rest;
    let out = &mut bytes.as_mut_slice();
    head.kind.put(out);
    RECORD_VERSION.put(out);
    0_u8.put(out);
    head.store.put(out);
    head.seq.put(out);
    head.at.time.as_unix_micros().put(out);
    head.key.put(out);
    head.digest.put(out);
    head.actor.put(out);
    head.terminal.put(out);
    head.occurred_at.as_unix_micros().put(out);
    head.at.day.put(out);
    head.member.put(out);
    head.postings.put(out);
    head.facts.put(out);
    head.program.put(out);
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("head", &self.head)
            .field("postings", &self.postings().collect::<Vec<_>>())
            .field("facts", &self.facts().collect::<Vec<_>>())
            .finish()
    }
}

impl fmt::Debug for RecordBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}
