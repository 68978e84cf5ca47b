//! When members were here.

use crate::ids::{Day, MemberId};
use crate::ledger::Ledger;
use crate::record::{Fact, Kind, Record};
use alloc::collections::BTreeMap;

/// When each member bought first and last, and how often: made of records by [`Activity::observe`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    members: BTreeMap<MemberId, Visits>,
}

/// A member's visits, as [`Activity::of`] gives them; returns take none away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visits {
    /// The day of the first.
    pub first: Day,
    /// The day of the last.
    pub last: Day,
    /// How many.
    pub count: u64,
}

impl Activity {
    /// Nobody was here yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a record. Records must come once each and in order.
    pub fn observe(&mut self, record: Record<'_>) {
        let head = record.head();
        for fact in record.facts() {
            if let Fact::MemberMerged { from, into } = fact {
                if let Some(old) = self.members.remove(&from) {
                    let none = Visits { count: 0, ..old };
                    let row = self.members.entry(into).or_insert(none);
                    row.first = row.first.min(old.first);
                    row.last = row.last.max(old.last);
                    row.count = row.count.saturating_add(old.count);
                }
            }
        }
        let visit = matches!(
            head.kind,
            Kind::Sold | Kind::Spent | Kind::Captured | Kind::Earned | Kind::UsesTaken
        );
        if let Some(member) = head.member.filter(|_| visit) {
            let day = head.at.day;
            let first = Visits { first: day, last: day, count: 0 };
            let row = self.members.entry(member).or_insert(first);
            row.last = day;
            row.count = row.count.saturating_add(1);
        }
    }

    /// A member's visits; `None` for one that was never here.
    #[must_use]
    pub fn of(&self, member: MemberId) -> Option<Visits> {
        self.members.get(&member).copied()
    }

    /// Live members that were here once, but not since `day`: longest away first (近期长时间没来客户).
    #[must_use]
    pub fn lapsed(&self, ledger: &Ledger, day: Day) -> alloc::vec::Vec<(Day, MemberId)> {
        let mut rows: alloc::vec::Vec<(Day, MemberId)> = ledger
            .live_members()
            .filter_map(|(id, _)| self.of(id).map(|visits| (visits.last, id)))
            .filter(|(last, _)| *last < day)
            .collect();
        rows.sort_unstable();
        rows
    }
}
