//! Statements: every booking on a member's accounts, newest first, page by page.
//!
//! A projection: it reads records and nothing else, keeps its own running balances, and
//! can be thrown away and built again from the journal.

use crate::account::{Account, Code, Owner};
use crate::ids::{AssetId, Day, MemberId, Seq, StoreId};
use crate::ledger::Ledger;
use crate::record::{Kind, Record};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use proto_wire::Timestamp;

/// Statements of all members. See [`Ledger`](crate::Ledger) for the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statements {
    rows: Vec<Row>,
    newest: BTreeMap<MemberId, u32>,
    balances: BTreeMap<u64, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    entry: Entry,
    /// The member's row before this one, plus one; zero for none.
    before: u32,
}

/// One booking on one account of a member. See [`Statements`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The record.
    pub seq: Seq,
    /// When it was booked.
    pub time: Timestamp,
    /// On which business day.
    pub day: Day,
    /// What it was.
    pub kind: Kind,
    /// Where.
    pub store: StoreId,
    /// On which account.
    pub code: Code,
    /// Of what.
    pub asset: AssetId,
    /// The change, in the sign that a person expects.
    pub change: i64,
    /// The account's balance afterwards, likewise.
    pub balance: i64,
}

/// A page of a statement. See [`Statements`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The entries, newest first.
    pub entries: Vec<Entry>,
    /// Where the next page goes on; `None` when this is the last.
    pub next: Option<Cursor>,
}

/// A place in a member's statement. Stays good while new entries come in. See [`Statements`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(u32);

impl Statements {
    /// No entries yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No entries yet, on top of what the members of a ledger have: for records that come after
    /// a snapshot.
    #[must_use]
    pub fn beginning_with(ledger: &Ledger) -> Self {
        let accounts = ledger.accounts();
        let members = accounts.filter(|(account, _)| account.code().is_member());
        let balances = members.map(|(account, balance)| (account.key(), balance)).collect();
        Self { balances, ..Self::default() }
    }

    /// Reads a record. Records must come once each and in order.
    pub fn observe(&mut self, record: Record<'_>) {
        let head = record.head();
        let mut changes: Vec<(Account, i64)> = Vec::new();
        for posting in record.postings() {
            if !matches!(posting.account.owner(), Owner::Member(_)) {
                continue;
            }
            match changes.iter_mut().find(|(account, _)| *account == posting.account) {
                Some((_, amount)) => *amount = amount.saturating_add(posting.amount),
                None => changes.push((posting.account, posting.amount)),
            }
        }
        for (account, amount) in changes {
            let Owner::Member(member) = account.owner() else {
                continue;
            };
            let balance = self.balances.entry(account.key()).or_default();
            *balance = balance.saturating_add(amount);
            if amount == 0 {
                continue;
            }
            let code = account.code();
            let entry = Entry {
                seq: head.seq,
                time: head.at.time,
                day: head.at.day,
                kind: head.kind,
                store: head.store,
                code,
                asset: account.asset(),
                change: code.natural(amount),
                balance: code.natural(*balance),
            };
            let place = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            let before = self.newest.insert(member, place.saturating_add(1)).unwrap_or(0);
            self.rows.push(Row { entry, before });
        }
    }

    /// At most `max` entries of a member, newest first, from `from` on (from the newest,
    /// when `None`), of one asset only when `asset` says so.
    #[must_use]
    pub fn page(
        &self,
        member: MemberId,
        asset: Option<AssetId>,
        from: Option<Cursor>,
        max: usize,
    ) -> Page {
        let mut page = Page::default();
        let mut at =
            from.map_or_else(|| self.newest.get(&member).copied().unwrap_or(0), |cursor| cursor.0);
        while let Some(row) = self.row(at) {
            if asset.is_none_or(|asset| asset == row.entry.asset) {
                if page.entries.len() >= max {
                    page.next = Some(Cursor(at));
                    break;
                }
                page.entries.push(row.entry);
            }
            at = row.before;
        }
        page
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The raw balance of a member's account, as the entries sum up.
    #[must_use]
    pub fn raw_balance(&self, account: Account) -> i64 {
        self.balances.get(&account.key()).copied().unwrap_or(0)
    }

    fn row(&self, at: u32) -> Option<&Row> {
        self.rows.get(usize::try_from(at.checked_sub(1)?).ok()?)
    }
}
