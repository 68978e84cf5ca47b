//! A record in the making.

use super::v1::HEAD_SIZE;
use super::{Fact, Head, Kind, RECORD_MAX, Record, RecordBuf, Sums, v2};
use crate::account::{Account, Code, Posting};
use crate::ids::{
    ActorId, AssetId, At, Day, IdempotencyKey, LotId, MemberId, Seq, StoreId, TerminalId,
};
use crate::program::Expiry;
use crate::wire::Wire as _;
use alloc::vec::Vec;
use proto_wire::Timestamp;

/// Collects postings and facts; used again and again, so that a busy ledger does not
/// allocate for each command.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) head: Head,
    postings: Vec<Posting>,
    facts: Vec<Fact>,
    /// The sum of all amounts, without sign.
    volume: u64,
    /// Bytes that they take at most.
    facts_size: usize,
    /// What this record has done to lots so far: lot, principal, bonus.
    pub(crate) moves: Vec<(LotId, i64, i64)>,
    /// What the lines of a sale cost.
    pub(crate) nets: Vec<i64>,
    pub(crate) lots_opened: u32,
    pub(crate) lots_touched: u16,
    /// Of what the last day of validity was asked last, and the answer: a day's commands ask for
    /// the same again and again.
    pub(crate) expiry: (Expiry, Day, Day),
}

impl Default for Draft {
    fn default() -> Self {
        Self::new()
    }
}

impl Draft {
    pub(crate) fn new() -> Self {
        Self {
            head: Head {
                kind: Kind::Enrolled,
                store: StoreId::new(0),
                seq: Seq::new(0),
                at: At::new(Timestamp::UNIX_EPOCH, Day::FIRST),
                key: IdempotencyKey::new(0),
                digest: 0,
                actor: ActorId::new(0),
                terminal: TerminalId::new(0),
                occurred_at: Timestamp::UNIX_EPOCH,
                member: None,
                program: 0,
                postings: 0,
                facts: 0,
            },
            postings: Vec::new(),
            facts: Vec::new(),
            volume: 0,
            facts_size: 0,
            moves: Vec::new(),
            nets: Vec::new(),
            lots_opened: 0,
            lots_touched: 0,
            expiry: (Expiry::Never, Day::FIRST, Day::NEVER),
        }
    }

    /// The sum of all amounts, without sign.
    pub(crate) const fn volume(&self) -> u64 {
        self.volume
    }

    pub(crate) fn begin(&mut self, head: Head) {
        self.head = head;
        self.postings.clear();
        self.facts.clear();
        self.moves.clear();
        self.volume = 0;
        self.facts_size = 0;
        self.lots_opened = 0;
        self.lots_touched = 0;
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "written where it is made, its size is known there")]
    pub(crate) fn fact(&mut self, fact: Fact) {
        self.facts_size = self.facts_size.saturating_add(fact.size());
        self.facts.push(fact);
    }

    /// Books on a member's account; nothing for zero.
    #[inline]
    pub(crate) fn member(&mut self, member: MemberId, code: Code, asset: AssetId, amount: i64) {
        self.post(Account::raw(member.value(), code, asset), amount);
    }

    /// Books on the account of the store where the command was given; nothing for zero.
    #[inline]
    pub(crate) fn store(&mut self, code: Code, asset: AssetId, amount: i64) {
        self.post(Account::raw(self.head.store.value(), code, asset), amount);
    }

    /// Books money on the account of a seller; nothing for zero.
    pub(crate) fn staff(&mut self, actor: ActorId, code: Code, amount: i64) {
        self.post(Account::raw(actor.value(), code, crate::account::MONEY), amount);
    }

    #[inline]
    pub(crate) fn post(&mut self, account: Account, amount: i64) {
        if amount != 0 {
            self.volume = self.volume.saturating_add(amount.unsigned_abs());
            self.postings.push(Posting::new(account, amount));
        }
    }

    pub(crate) fn postings(&self) -> &[Posting] {
        &self.postings
    }

    pub(crate) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The last day of value that begins on `day`.
    pub(crate) fn expiry(&mut self, expiry: Expiry, day: Day) -> Day {
        if (self.expiry.0, self.expiry.1) != (expiry, day) {
            self.expiry = (expiry, day, expiry.from(day));
        }
        self.expiry.2
    }

    /// Whether the record is no longer than any may be, with each field in its full width: whether
    /// a command can be booked does not depend on how many bytes its amounts need.
    pub(crate) fn fits(&self) -> bool {
        let size = self.postings.len().saturating_mul(Posting::SIZE);
        let length = HEAD_SIZE.saturating_add(size).saturating_add(self.facts_size);
        let counts = self.postings.len().max(self.facts.len());
        length <= RECORD_MAX && counts < usize::from(u16::MAX)
    }

    pub(crate) fn is_balanced(&self) -> bool {
        let mut sums = Sums::default();
        for posting in &self.postings {
            sums.add(*posting);
        }
        sums.balance()
    }

    /// Appends the record to `out` and gives the view of what was appended.
    #[inline]
    pub(crate) fn encode<'a>(&mut self, out: &'a mut Vec<u8>) -> Record<'a> {
        self.head.postings = u16::try_from(self.postings.len()).unwrap_or(u16::MAX);
        self.head.facts = u16::try_from(self.facts.len()).unwrap_or(u16::MAX);
        let start = out.len();
        let layout = v2::write(&self.head, &self.postings, &self.facts, self.facts_size, out);
        let bytes = out.get(start..).unwrap_or_default();
        Record { bytes, head: self.head, layout }
    }

    pub(crate) fn finish(&mut self) -> RecordBuf {
        let mut bytes = Vec::new();
        let Record { head, layout, .. } = self.encode(&mut bytes);
        RecordBuf { bytes, head, layout }
    }
}
