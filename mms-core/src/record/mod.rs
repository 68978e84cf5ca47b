//! The record: one accepted command, as results.
//!
//! A record is bytes. [`Record`] reads them where they lie; [`RecordBuf`] owns them. What is
//! booked when a command is accepted is what is read back when a journal is replayed: debug
//! builds compare the two for every command. The layout stands in `docs/journal.md`.

mod draft;
mod fact;
mod layout;
mod moves;
mod pack;
mod sums;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

pub(crate) use draft::Draft;
pub use fact::Fact;
pub use moves::MoveKind;

use crate::account::Posting;
use crate::ids::{ActorId, At, IdempotencyKey, MemberId, Seq, StoreId, TerminalId};
use crate::wire::{Wire, wire_enum};
use alloc::vec::Vec;
use core::fmt;
use pack::{Unpack, Usual};
use proto_wire::{ParseError, Timestamp};
pub(crate) use sums::Sums;
use thiserror::Error;

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
        /// Goods went to another store.
        GoodsSent = 39,
        /// Goods came from another store.
        GoodsReceived = 40,
        /// Goods were counted.
        GoodsCounted = 41,
        /// Messages were bought.
        MessagesBought = 42,
        /// Messages were sent.
        MessagesUsed = 43,
        /// Other income or an expense was booked.
        OtherBooked = 44,
        /// A store was opened or closed for business.
        StoreSet = 45,
        /// A terminal was placed, allowed or locked.
        TerminalSet = 46,
        /// A field of a sale was set.
        SaleFieldSet = 47,
        /// A member joined a plan, or renewed it.
        TermSet = 48,
        /// A member took part in an activity.
        TookPart = 49,
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
        /// Time: members are to be reminded.
        Reminded = 133,
        /// Time: a membership's term is over.
        TermEnded = 134,
    }
}

/// The fixed part of a record. docs/journal.md lists the bytes.
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

/// A record, read where it lies. docs/journal.md lists the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    bytes: &'a [u8],
    head: Head,
    layout: Layout,
}

/// A record that owns its bytes. docs/journal.md lists the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordBuf {
    bytes: Vec<u8>,
    head: Head,
    layout: Layout,
}

/// Where the parts of a record begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    version: RecordVersion,
    postings: usize,
    facts: usize,
    end: usize,
}

/// How a record is laid out. Every version says the same things. docs/journal.md lists the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordVersion {
    /// Each field in its full width.
    One = 1,
    /// Numbers of eight bytes in as many as they need: what this crate writes.
    Two = 2,
}

/// What is wrong with the bytes of a record. The offset counts from the record's start.
pub type RecordError = ParseError<RecordErrorKind>;

/// What can be wrong with the bytes of a record. docs/journal.md lists the bytes.
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
    /// A field before the postings is malformed.
    #[error("a field of the record's head is malformed")]
    Head,
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
    /// Reads the record at the start of `bytes`, of any version, and what stands behind it.
    ///
    /// Everything that can be said without a ledger's state is checked: length, checksum,
    /// kind, postings (that they balance, too), facts.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let (record, rest) = Self::checked(bytes)?;
        record.each_posting(|_| {})?;
        record.each_fact(|_| {})?;
        Ok((record, rest))
    }

    /// Reads a record that was checked before: the head only.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a head is read to where it stays, not copied there")]
    pub(crate) fn reread(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let (version, length) = measure(bytes)?;
        let Some((bytes, rest)) = bytes.split_at_checked(length) else {
            return Err(RecordError::new(RecordErrorKind::Truncated, bytes.len()));
        };
        let (head, layout) = match version {
            RecordVersion::One => v1::head(bytes)?,
            RecordVersion::Two => v2::head(bytes)?,
        };
        Ok((Self { bytes, head, layout }, rest))
    }

    /// Reads the head of the record at the start of `bytes` when its length and its check are right;
    /// whether postings and facts make sense is not looked at.
    pub(crate) fn checked(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        Self::cut(bytes)?;
        Self::reread(bytes)
    }

    /// The version and the length of the record at the start, when its length and its check are
    /// right, and what stands behind it.
    #[inline]
    pub(crate) fn cut(bytes: &'a [u8]) -> Result<(RecordVersion, &'a [u8]), RecordError> {
        let (version, length) = measure(bytes)?;
        let Some((record, rest)) = bytes.split_at_checked(length) else {
            return Err(RecordError::new(RecordErrorKind::Truncated, bytes.len()));
        };
        match version {
            RecordVersion::One => v1::check(record)?,
            RecordVersion::Two => v2::check(record)?,
        }
        Ok((version, rest))
    }

    /// Reads the record to the end of `scratch`, when its postings and facts make sense.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a head is read to where it stays, not copied there")]
    pub(crate) fn decode(self, scratch: &mut Scratch) -> Result<(), RecordError> {
        self.each_posting(|posting| scratch.postings.push(posting))?;
        self.each_fact(|fact| scratch.facts.push(fact))?;
        scratch.heads.push((self.head, scratch.postings.len(), scratch.facts.len()));
        Ok(())
    }

    /// The fixed part.
    #[must_use]
    pub const fn head(self) -> Head {
        self.head
    }

    /// How it is laid out.
    #[must_use]
    pub const fn version(self) -> RecordVersion {
        self.layout.version
    }

    /// The postings, in order.
    pub fn postings(self) -> impl ExactSizeIterator<Item = Posting> + 'a {
        Postings { from: self.postings_at(), usual: Usual::of(&self.head), of: self }
    }

    /// What happened, in order, apart from the postings.
    #[must_use]
    pub fn facts(self) -> Facts<'a> {
        let Layout { version, facts: at, end, .. } = self.layout;
        Facts { from: Unpack { bytes: self.bytes, at, end }, usual: Usual::of(&self.head), version }
    }

    /// The whole record as it lies in the journal.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_buf(self) -> RecordBuf {
        RecordBuf { bytes: self.bytes.to_vec(), head: self.head, layout: self.layout }
    }

    /// The same record as this crate writes it: what one of an earlier version says today.
    #[must_use]
    pub fn to_current(self) -> RecordBuf {
        let (postings, facts): (Vec<_>, Vec<_>) =
            (self.postings().collect(), self.facts().collect());
        let mut bytes = Vec::new();
        let most = facts.iter().fold(0, |sum: usize, fact| sum.saturating_add(fact.size()));
        let layout = v2::write(&self.head, &postings, &facts, most, &mut bytes);
        RecordBuf { bytes, head: self.head, layout }
    }

    #[inline]
    fn postings_at(&self) -> Unpack<'a> {
        let Layout { postings: at, facts: end, .. } = self.layout;
        Unpack { bytes: self.bytes, at, end }
    }

    /// Every posting, when all make sense and balance.
    #[inline]
    fn each_posting(&self, mut see: impl FnMut(Posting)) -> Result<(), RecordError> {
        let mut from = self.postings_at();
        let usual = Usual::of(&self.head);
        let mut sums = Sums::default();
        for _ in 0..self.head.postings {
            let at = from.at;
            let posting = match self.layout.version {
                RecordVersion::One => v1::posting(&mut from),
                RecordVersion::Two => from.posting(&usual),
            };
            let posting = posting.ok_or_else(|| RecordError::new(RecordErrorKind::Posting, at))?;
            sums.add(posting);
            see(posting);
        }
        if from.at != from.end {
            return Err(RecordError::new(RecordErrorKind::Posting, from.at));
        }
        if !sums.balance() {
            return Err(RecordError::new(RecordErrorKind::Unbalanced, self.layout.postings));
        }
        Ok(())
    }

    /// Every fact, when all make sense.
    #[inline]
    fn each_fact(&self, mut see: impl FnMut(Fact)) -> Result<(), RecordError> {
        let mut facts = self.facts();
        let mut count: usize = 0;
        while facts.from.at < facts.from.end {
            let at = facts.from.at;
            let read = facts.read(&mut see);
            read.ok_or_else(|| RecordError::new(RecordErrorKind::Fact, at))?;
            count = count.saturating_add(1);
        }
        if count == usize::from(self.head.facts) {
            Ok(())
        } else {
            Err(RecordError::new(RecordErrorKind::Fact, self.layout.facts))
        }
    }
}

/// The version and the length that a record claims to have.
#[inline]
fn measure(bytes: &[u8]) -> Result<(RecordVersion, usize), RecordError> {
    let Some(first) = u32::take(&mut { bytes }) else {
        return Err(RecordError::new(RecordErrorKind::Truncated, bytes.len()));
    };
    // Lengths of version 1 are multiples of eight.
    let (version, length, least) = match first & 7 {
        0 => (RecordVersion::One, first as usize, v1::HEAD_SIZE),
        2 => (RecordVersion::Two, (first >> 3 & 0x1f_ffff) as usize, v2::LENGTH_MIN),
        _ => return Err(RecordError::new(RecordErrorKind::Version, 0)),
    };
    if !(least..=RECORD_MAX).contains(&length) {
        return Err(RecordError::new(RecordErrorKind::Length, 0));
    }
    Ok((version, length))
}

/// The length that a record claims to have.
pub(crate) fn length_claimed(bytes: &[u8]) -> Option<usize> {
    measure(bytes).ok().map(|(_, length)| length)
}

impl RecordBuf {
    /// The view of it.
    #[must_use]
    pub fn view(&self) -> Record<'_> {
        Record { bytes: &self.bytes, head: self.head, layout: self.layout }
    }

    /// The bytes, as they go to the journal.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Room to read records into; used again and again, so that a replay does not allocate.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    postings: Vec<Posting>,
    facts: Vec<Fact>,
    /// Of each record the head, and where its postings and facts end.
    heads: Vec<(Head, usize, usize)>,
}

impl Scratch {
    pub(crate) fn clear(&mut self) {
        self.postings.clear();
        self.facts.clear();
        self.heads.clear();
    }

    /// How many records were read.
    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    /// Their heads, postings and facts.
    #[inline]
    pub(crate) fn records(&self) -> impl Iterator<Item = (&Head, &[Posting], &[Fact])> {
        let (mut postings, mut facts) = (0, 0);
        self.heads.iter().map(move |(head, postings_end, facts_end)| {
            let of = (
                self.postings.get(postings..*postings_end).unwrap_or_default(),
                self.facts.get(facts..*facts_end).unwrap_or_default(),
            );
            (postings, facts) = (*postings_end, *facts_end);
            (head, of.0, of.1)
        })
    }
}

/// The postings of a record.
struct Postings<'a> {
    of: Record<'a>,
    from: Unpack<'a>,
    usual: Usual,
}

impl Iterator for Postings<'_> {
    type Item = Posting;

    #[inline]
    fn next(&mut self) -> Option<Posting> {
        self.of.head.postings = self.of.head.postings.checked_sub(1)?;
        let posting = match self.of.layout.version {
            RecordVersion::One => v1::posting(&mut self.from),
            RecordVersion::Two => self.from.posting(&self.usual),
        };
        // `parse` has read each once, so the fallback is never taken.
        let nowhere = crate::Account::raw(0, crate::Code::Tender, crate::account::MONEY);
        Some(posting.unwrap_or_else(|| Posting::new(nowhere, 0)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.of.head.postings);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Postings<'_> {}

/// The facts of a record. docs/journal.md lists the bytes.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    from: Unpack<'a>,
    usual: Usual,
    version: RecordVersion,
}

impl Facts<'_> {
    /// Hands on the fact that comes next; `None` when there is none or it makes no sense.
    #[inline]
    fn read<R>(&mut self, see: impl FnOnce(Fact) -> R) -> Option<R> {
        if self.from.at >= self.from.end {
            return None;
        }
        match self.version {
            RecordVersion::One => v1::fact(&mut self.from).map(see),
            RecordVersion::Two => Fact::unpack(&mut self.from, &self.usual, see),
        }
    }
}

impl Iterator for Facts<'_> {
    type Item = Fact;

    #[inline]
    fn next(&mut self) -> Option<Fact> {
        self.read(|fact| fact)
    }
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
