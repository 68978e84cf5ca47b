//! What moved, day by day.

use crate::account::{Code, MONEY, Owner, POINTS};
use crate::ids::{ActorId, AssetId, Day, StoreId, TenderId};
use crate::record::{Fact, Kind, Record};
use alloc::collections::BTreeMap;
use core::ops::RangeInclusive;

/// Debits and credits of every account of stores and staff, and of members by store, for each
/// business day; and what stores owe each other, pair by pair. Made of records by [`Turnover::observe`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    flows: BTreeMap<(Day, Key), Flow>,
    settled: BTreeMap<(Day, StoreId, StoreId), i64>,
    counts: BTreeMap<(Day, StoreId, Kind), u64>,
    loads: BTreeMap<(Day, StoreId), i128>,
    tenders: BTreeMap<(Day, StoreId, TenderId), i128>,
    /// Other income by category.
    others: BTreeMap<(Day, StoreId, u16), i128>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Store(StoreId, Code, AssetId),
    Staff(ActorId, Code, AssetId),
}

/// What moved on accounts, both without sign, in minor units of the asset: [`Turnover::flow`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flow {
    /// To the debit side.
    pub debit: i128,
    /// To the credit side.
    pub credit: i128,
}

impl Flow {
    /// Debit less credit: what the raw balance rose by.
    #[must_use]
    pub const fn net(self) -> i128 {
        self.debit.saturating_sub(self.credit)
    }

    fn add(&mut self, other: Self) {
        self.debit = self.debit.saturating_add(other.debit);
        self.credit = self.credit.saturating_add(other.credit);
    }
}

/// The figures of some days in one store or in all (营业汇报), in minor units and points:
/// [`Turnover::digest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusinessDigest {
    /// Sales at list price, less returns.
    pub revenue: i128,
    /// Discounts and bonus spent, less returns.
    pub discounts: i128,
    /// What came over the counter, less what went.
    pub tender: i128,
    /// Stored value that was paid in: top-ups, change that was swept, opening balances.
    pub loaded: i128,
    /// Stored principal that went, by spending, pay-out or lapse, less what came back. What was
    /// loaded less this is what members have more.
    pub stored_used: i128,
    /// Points issued, less what was taken back.
    pub points_issued: i128,
    /// Points spent, less what came back.
    pub points_redeemed: i128,
    /// Points that lapsed.
    pub points_expired: i128,
    /// Stored value and deferred uses that lapsed.
    pub breakage: i128,
    /// Commission of sellers.
    pub commission: i128,
    /// Members that joined.
    pub joined: u64,
    /// Sales, quick debits and captures.
    pub sales: u64,
    /// Returns.
    pub returns: u64,
    /// Income that no sale brought.
    pub other_income: i128,
    /// Expenses, messages that were bought among them.
    pub expenses: i128,
}

impl Turnover {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a record. Records must come once each and in order.
    pub fn observe(&mut self, record: Record<'_>) {
        let head = record.head();
        let day = head.at.day;
        for posting in record.postings() {
            let (code, asset) = (posting.account.code(), posting.account.asset());
            let key = match posting.account.owner() {
                // What belongs to a member is counted where it moved.
                Owner::Member(_) => Key::Store(head.store, code, asset),
                Owner::Store(store) => Key::Store(store, code, asset),
                Owner::Staff(actor) => Key::Staff(actor, code, asset),
            };
            let amount = i128::from(posting.amount);
            let load =
                matches!(head.kind, Kind::ToppedUp | Kind::ChangeSwept | Kind::BalanceOpened);
            if load && code == Code::StoredPrincipal {
                let sum = self.loads.entry((day, head.store)).or_default();
                *sum = sum.saturating_sub(amount);
            }
            if code == Code::Tender {
                self.tendered(day, head.store, TenderId::new(0), amount);
            }
            let flow = self.flows.entry((day, key)).or_default();
            flow.add(Flow { debit: amount.max(0), credit: amount.min(0).saturating_neg() });
        }
        for fact in record.facts() {
            if let Fact::Settled { from, to, amount } = fact {
                let sum = self.settled.entry((day, from, to)).or_default();
                *sum = sum.saturating_add(amount);
            }
            if let Fact::OtherBooked { category, amount } = fact {
                let sum = self.others.entry((day, head.store, category)).or_default();
                *sum = sum.saturating_add(i128::from(amount));
            }
            if let Fact::TenderedBy { tender, amount } = fact {
                // It was no cash.
                let amount = i128::from(amount);
                self.tendered(day, head.store, TenderId::new(0), amount.saturating_neg());
                self.tendered(day, head.store, tender, amount);
            }
        }
        let count = self.counts.entry((day, head.store, head.kind)).or_default();
        *count = count.saturating_add(1);
    }

    fn tendered(&mut self, day: Day, store: StoreId, tender: TenderId, amount: i128) {
        let sum = self.tenders.entry((day, store, tender)).or_default();
        *sum = sum.saturating_add(amount);
    }

    /// What came over the counter on these days, less what went, by what it was: cash, bank card,
    /// cheque. The sums come to what [`BusinessDigest::tender`] says.
    #[must_use]
    pub fn tenders(
        &self,
        days: RangeInclusive<Day>,
        store: Option<StoreId>,
    ) -> BTreeMap<TenderId, i128> {
        let mut sums: BTreeMap<TenderId, i128> = BTreeMap::new();
        for ((day, at, tender), amount) in &self.tenders {
            if days.contains(day) && store.is_none_or(|store| store == *at) {
                let sum = sums.entry(*tender).or_default();
                *sum = sum.saturating_add(*amount);
            }
        }
        sums.retain(|_, amount| *amount != 0);
        sums
    }

    /// R166: other income less expenses on these days, by what it was for. With the price of messages
    /// the sums come to [`BusinessDigest::other_income`] less [`BusinessDigest::expenses`].
    #[must_use]
    pub fn other(&self, days: RangeInclusive<Day>, store: Option<StoreId>) -> BTreeMap<u16, i128> {
        let mut sums: BTreeMap<u16, i128> = BTreeMap::new();
        for ((day, at, category), amount) in &self.others {
            if days.contains(day) && store.is_none_or(|store| store == *at) {
                let sum = sums.entry(*category).or_default();
                *sum = sum.saturating_add(*amount);
            }
        }
        sums
    }

    /// What moved on the accounts of a code and asset on these days, in one store or in all.
    /// Codes of staff are summed over all sellers.
    #[must_use]
    pub fn flow(
        &self,
        days: RangeInclusive<Day>,
        store: Option<StoreId>,
        code: Code,
        asset: AssetId,
    ) -> Flow {
        let mut sum = Flow::default();
        for ((_, key), flow) in self.days(days) {
            let fits = match *key {
                Key::Store(at, of, what) => {
                    store.is_none_or(|store| store == at) && (of, what) == (code, asset)
                }
                Key::Staff(_, of, what) => (of, what) == (code, asset),
            };
            if fits {
                sum.add(*flow);
            }
        }
        sum
    }

    /// The commission that each seller earned on these days, less what was reversed.
    #[must_use]
    pub fn commission(&self, days: RangeInclusive<Day>) -> BTreeMap<ActorId, i128> {
        let mut sums: BTreeMap<ActorId, i128> = BTreeMap::new();
        for ((_, key), flow) in self.days(days) {
            if let Key::Staff(actor, Code::Commission, _) = *key {
                let sum = sums.entry(actor).or_default();
                *sum = sum.saturating_sub(flow.net());
            }
        }
        sums
    }

    /// What each store came to owe each other one on these days: from, to, minor units.
    #[must_use]
    pub fn settlement(&self, days: RangeInclusive<Day>) -> BTreeMap<(StoreId, StoreId), i64> {
        let mut sums: BTreeMap<(StoreId, StoreId), i64> = BTreeMap::new();
        for ((day, from, to), amount) in &self.settled {
            if days.contains(day) {
                let sum = sums.entry((*from, *to)).or_default();
                *sum = sum.saturating_add(*amount);
            }
        }
        sums
    }

    /// What was issued, used and has lapsed of a kind of coupons or uses, or of points, on these
    /// days: three sums, each less what went back.
    #[must_use]
    pub fn issued_used_expired(&self, days: RangeInclusive<Day>, asset: AssetId) -> [i128; 3] {
        let codes = match asset {
            POINTS => [Code::PointsIssued, Code::PointsRedeemed, Code::PointsExpired],
            kind if crate::is_coupon(kind) => {
                [Code::CouponsIssued, Code::CouponsUsed, Code::CouponsExpired]
            }
            _ => [Code::UsesIssued, Code::UsesTaken, Code::UsesExpired],
        };
        codes.map(|code| {
            let net = self.flow(days.clone(), None, code, asset).net();
            if code.is_debit_normal() { net } else { net.saturating_neg() }
        })
    }

    /// The figures of these days, in one store or in all.
    #[must_use]
    pub fn digest(&self, days: RangeInclusive<Day>, store: Option<StoreId>) -> BusinessDigest {
        let net = |code: Code, asset| {
            let net = self.flow(days.clone(), store, code, asset).net();
            if code.is_debit_normal() { net } else { net.saturating_neg() }
        };
        let count = |kinds: &[Kind]| {
            let rows = self.counts.iter().filter(|((day, at, kind), _)| {
                days.contains(day) && store.is_none_or(|store| store == *at) && kinds.contains(kind)
            });
            rows.fold(0_u64, |sum, (_, count)| sum.saturating_add(*count))
        };
        let loads = self
            .loads
            .iter()
            .filter(|((day, at), _)| days.contains(day) && store.is_none_or(|store| store == *at));
        let loaded = loads.fold(0_i128, |sum, (_, amount)| sum.saturating_add(*amount));
        let risen = [Code::StoredPrincipal, Code::HeldPrincipal]
            .into_iter()
            .fold(0, |sum, code| net(code, MONEY).saturating_add(sum));
        BusinessDigest {
            revenue: net(Code::Revenue, MONEY),
            discounts: net(Code::Discount, MONEY),
            tender: net(Code::Tender, MONEY),
            loaded,
            stored_used: loaded.saturating_sub(risen),
            points_issued: net(Code::PointsIssued, POINTS),
            points_redeemed: net(Code::PointsRedeemed, POINTS),
            points_expired: net(Code::PointsExpired, POINTS),
            breakage: net(Code::Breakage, MONEY),
            commission: net(Code::CommissionExpense, MONEY),
            joined: count(&[Kind::Enrolled]),
            sales: count(&[Kind::Sold, Kind::Spent, Kind::Captured]),
            returns: count(&[Kind::Refunded]),
            other_income: net(Code::OtherIncome, MONEY),
            expenses: net(Code::Expense, MONEY),
        }
    }

    fn days(&self, days: RangeInclusive<Day>) -> impl Iterator<Item = (&(Day, Key), &Flow)> {
        let first = (*days.start(), Key::Store(StoreId::new(0), Code::StoredPrincipal, MONEY));
        let from = self.flows.range(first..);
        from.take_while(move |((day, _), _)| day <= days.end())
    }
}
