//! Sales and redemptions that can still be taken back.

use super::stub::Stub;
use crate::amount::Rounding;
use crate::ids::{ActorId, AssetId, Day, LotId, MemberId, RuleId, SaleId, Sku, StoreId};
use crate::record::{Fact, Head};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// So many sales are forgotten by one record at most.
pub(crate) const FORGET_MAX: usize = 4;

/// A sale or redemption, with what was taken back so far.
/// See [`Ledger::sale`](crate::Ledger::sale).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sale {
    /// Which.
    pub id: SaleId,
    /// To whom; `None` for a walk-in.
    pub member: Option<MemberId>,
    /// Where.
    pub store: StoreId,
    /// What the total is counted in.
    pub asset: AssetId,
    /// When it was made.
    pub day: Day,
    /// The last day on which it can be taken back.
    pub returnable: Day,
    /// At list price.
    pub list: i64,
    /// Taken off.
    pub discount: i64,
    /// How it was paid.
    pub paid: Tenders,
    /// What of that was given back.
    pub returned: Tenders,
    /// Discount that fell away with what was given back.
    pub discount_returned: i64,
    /// Points earned.
    pub earned: i64,
    /// Earned points taken back.
    pub clawed: i64,
    pub(crate) earned_lot: Option<LotId>,
    pub(crate) earn_base: i64,
    pub(crate) earn_num: u64,
    pub(crate) earn_den: u64,
    pub(crate) earn_rounding: Rounding,
    pub(crate) rule: Option<RuleId>,
    /// The lot of the coupon that was used.
    pub(crate) coupon: Option<LotId>,
    /// What was given for points.
    pub(crate) given: Gift,
    /// Who sold it, and the commission.
    pub commission: Option<(ActorId, i64)>,
    /// What of that fell away.
    pub commission_back: i64,
    /// When stores settle: what a point is worth between them.
    pub(crate) settled: Option<(u64, u64)>,
    pub(crate) rewards: (u64, u16),
    pub(crate) allocs: (u64, u16),
    pub(crate) lines: (u64, u16),
}

/// What a referrer got for a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reward {
    pub(crate) member: MemberId,
    pub(crate) points: i64,
    pub(crate) clawed: i64,
    pub(crate) lot: Option<LotId>,
}

/// What was given for points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gift {
    pub(crate) asset: AssetId,
    /// Zero when nothing was given.
    pub(crate) quantity: i64,
    /// Where it is, when it is the member's to use.
    pub(crate) lot: Option<LotId>,
}

impl Gift {
    pub(crate) const NONE: Self = Self { asset: AssetId::new(0), quantity: 0, lot: None };
}

impl Sale {
    /// Of a place that no sale has.
    const NONE: Self = Self {
        id: SaleId::new(0),
        member: None,
        store: StoreId::new(0),
        asset: AssetId::new(0),
        day: Day::FIRST,
        returnable: Day::FIRST,
        list: 0,
        discount: 0,
        paid: Tenders::NONE,
        returned: Tenders::NONE,
        discount_returned: 0,
        earned: 0,
        clawed: 0,
        earned_lot: None,
        earn_base: 0,
        earn_num: 0,
        earn_den: 1,
        earn_rounding: Rounding::Down,
        rule: None,
        coupon: None,
        given: Gift::NONE,
        commission: None,
        commission_back: 0,
        settled: None,
        rewards: (0, 0),
        allocs: (0, 0),
        lines: (0, 0),
    };

    /// Lots that are kept for this sale's sake, besides those it took from.
    pub(crate) fn kept_lots(&self) -> impl Iterator<Item = LotId> {
        self.earned_lot.into_iter().chain(self.given.lot)
    }

    /// What was paid in all, in the sale's asset.
    #[must_use]
    pub fn net(&self) -> i64 {
        self.paid.total(self.asset)
    }

    /// What is left to be taken back, in the sale's asset.
    #[must_use]
    pub fn left(&self) -> i64 {
        self.net().saturating_sub(self.returned.total(self.asset))
    }
}

/// An amount by the ways it was paid. See [`Sale`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tenders {
    /// Over the counter.
    pub cash: i64,
    /// Stored principal.
    pub principal: i64,
    /// Stored bonus.
    pub bonus: i64,
    /// Points.
    pub points: i64,
    /// What the points were worth.
    pub points_value: i64,
    /// To be paid later.
    pub account: i64,
}

impl Tenders {
    pub(crate) const NONE: Self =
        Self { cash: 0, principal: 0, bonus: 0, points: 0, points_value: 0, account: 0 };

    /// The sum in money, or the points when the total is counted in points.
    #[must_use]
    pub fn total(&self, asset: AssetId) -> i64 {
        if asset == crate::POINTS {
            self.points
        } else {
            self.cash
                .saturating_add(self.principal)
                .saturating_add(self.bonus)
                .saturating_add(self.points_value)
                .saturating_add(self.account)
        }
    }

    pub(crate) const fn add(&mut self, other: &Self) {
        self.cash = self.cash.saturating_add(other.cash);
        self.principal = self.principal.saturating_add(other.principal);
        self.bonus = self.bonus.saturating_add(other.bonus);
        self.points = self.points.saturating_add(other.points);
        self.points_value = self.points_value.saturating_add(other.points_value);
        self.account = self.account.saturating_add(other.account);
    }
}

/// What a sale took from one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alloc {
    pub(crate) lot: LotId,
    pub(crate) principal: i64,
    pub(crate) bonus: i64,
    pub(crate) restored_principal: i64,
    pub(crate) restored_bonus: i64,
}

impl Alloc {
    pub(crate) const fn new(lot: LotId, principal: i64, bonus: i64) -> Self {
        Self { lot, principal, bonus, restored_principal: 0, restored_bonus: 0 }
    }
}

/// One line of a sale, with what came back. See [`Sale`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SoldLine {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: u32,
    /// After discounts, in minor units.
    pub net: i64,
    /// How many came back.
    pub returned: u32,
    /// What was paid for those.
    pub net_returned: i64,
}

/// A queue whose places keep their numbers when the front goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ring<T> {
    pub(crate) items: VecDeque<T>,
    pub(crate) base: u64,
}

impl<T> Ring<T> {
    const fn new() -> Self {
        Self { items: VecDeque::new(), base: 0 }
    }

    fn end(&self) -> u64 {
        self.base.saturating_add(self.items.len() as u64)
    }

    fn range(&self, (start, count): (u64, u16)) -> impl DoubleEndedIterator<Item = (u16, &T)> {
        (0..count).filter_map(move |n| Some((n, self.items.get(self.place(start, n)?)?)))
    }

    fn get_mut(&mut self, start: u64, n: u16) -> Option<&mut T> {
        let place = self.place(start, n)?;
        self.items.get_mut(place)
    }

    fn place(&self, start: u64, n: u16) -> Option<usize> {
        let from_base = start.checked_sub(self.base)?;
        usize::try_from(from_base.checked_add(u64::from(n))?).ok()
    }

    fn drop_before(&mut self, end: u64, mut dropped: impl FnMut(T)) {
        while self.base < end {
            let Some(item) = self.items.pop_front() else {
                return;
            };
            dropped(item);
            self.base = self.base.saturating_add(1);
        }
    }
}

/// Sales in the order of booking; the oldest are forgotten when their window is over.
#[derive(Clone, Debug)]
pub(crate) struct Sales {
    stubs: VecDeque<Stub>,
    /// Their ids, close together: a look-up touches few lines of memory.
    ids: VecDeque<SaleId>,
    /// Sales that do not fit into their stub, and places there that are free.
    wide: Vec<Sale>,
    wide_free: Vec<u32>,
    pub(crate) allocs: Ring<Alloc>,
    pub(crate) lines: Ring<SoldLine>,
    pub(crate) rewards: Ring<Reward>,
}

/// How a sale is kept does not count.
impl PartialEq for Sales {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
            && self.all().eq(other.all())
            && self.allocs == other.allocs
            && self.lines == other.lines
            && self.rewards == other.rewards
    }
}

impl Eq for Sales {}

/// Where the rows of a sale begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Starts {
    allocs: u64,
    lines: u64,
    rewards: u64,
}

impl Sales {
    pub(crate) const fn new() -> Self {
        Self {
            stubs: VecDeque::new(),
            ids: VecDeque::new(),
            wide: Vec::new(),
            wide_free: Vec::new(),
            allocs: Ring::new(),
            lines: Ring::new(),
            rewards: Ring::new(),
        }
    }

    pub(crate) fn rewards(&self, sale: &Sale) -> impl Iterator<Item = (u16, &Reward)> {
        self.rewards.range(sale.rewards)
    }

    pub(crate) fn push_reward(&mut self, reward: Reward) {
        self.rewards.items.push_back(reward);
    }

    pub(crate) fn reward_clawed(&mut self, id: SaleId, reward: u16, points: i64) {
        let start = self.get(id).map(|sale| sale.rewards.0);
        if let Some(reward) = start.and_then(|start| self.rewards.get_mut(start, reward)) {
            reward.clawed = reward.clawed.saturating_add(points);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The oldest that is kept.
    pub(crate) fn first(&self) -> Option<SaleId> {
        self.ids.front().copied()
    }

    /// The newest.
    pub(crate) fn last(&self) -> Option<SaleId> {
        self.ids.back().copied()
    }

    /// Whether takings, lines and rewards of each sale are there, and of no other.
    pub(crate) fn rows_are_their_own(&self) -> bool {
        let ends = [self.allocs.end(), self.lines.end(), self.rewards.end()];
        let mut from = self.bases();
        self.all().all(|sale| {
            let rows = [sale.allocs, sale.lines, sale.rewards];
            from.iter_mut().zip(rows).zip(ends).all(|((from, (start, count)), end)| {
                let behind = start.saturating_add(count.into());
                let own = *from <= start && behind <= end;
                *from = behind;
                own
            })
        })
    }

    /// Whether ids rise.
    pub(crate) fn is_in_order(&self) -> bool {
        self.ids.iter().zip(self.ids.iter().skip(1)).all(|(a, b)| a < b)
    }

    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = Sale> + '_ {
        (0..self.ids.len()).map(|place| self.whole(place).unwrap_or(Sale::NONE))
    }

    pub(crate) fn get(&self, id: SaleId) -> Option<Sale> {
        self.whole(self.place(id)?)
    }

    /// Whether there is such a sale.
    pub(crate) fn is_known(&self, id: SaleId) -> bool {
        self.place(id).is_some()
    }

    /// Reads where a sale is kept, for nothing but to have it at hand soon; gives its member.
    pub(crate) fn touch(&self, id: SaleId) -> Option<MemberId> {
        self.stubs.get(self.place(id)?)?.member
    }

    /// Lots that forgetting the oldest sale but `ahead` will look at, if it is over before `day`: what
    /// it earned, and one that it took from (by place, not by sale).
    #[inline]
    pub(crate) fn forgotten_soon(&self, ahead: usize, day: Day) -> Option<[Option<LotId>; 2]> {
        let stub = self.stubs.get(ahead).filter(|stub| stub.returnable < day)?;
        let taken = self.allocs.items.get(ahead).map(|alloc| alloc.lot);
        Some([stub.earned_lot(), taken])
    }

    fn whole(&self, place: usize) -> Option<Sale> {
        let stub = self.stubs.get(place)?;
        if stub.is_wide {
            return self.wide.get(stub.list as usize).cloned();
        }
        Some(stub.sale(*self.ids.get(place)?, self.bases()))
    }

    const fn bases(&self) -> [u64; 3] {
        [self.allocs.base, self.lines.base, self.rewards.base]
    }

    /// The stub of a sale, which is kept elsewhere when it does not fit.
    #[inline]
    fn stub(&mut self, sale: &Sale) -> Stub {
        let starts = [sale.allocs.0, sale.lines.0, sale.rewards.0];
        let bases = self.bases();
        if let Some(stub) = Stub::short(sale).filter(|stub| stub.starts(bases) == starts) {
            return stub;
        }
        let end = u32::try_from(self.wide.len()).unwrap_or(u32::MAX);
        let place = self.wide_free.pop().unwrap_or(end);
        let stub = Stub::wide(sale, place);
        match self.wide.get_mut(place as usize) {
            Some(wide) => *wide = sale.clone(),
            None => self.wide.push(sale.clone()),
        }
        stub
    }

    /// Changes a sale, if there is such a one.
    pub(crate) fn edit(&mut self, id: SaleId, change: impl FnOnce(&mut Sale)) {
        let Some(place) = self.place(id) else {
            return;
        };
        // Once a sale is kept elsewhere it stays there.
        let wide = self.stubs.get(place).filter(|stub| stub.is_wide).map(|stub| stub.list);
        if let Some(sale) = wide.and_then(|place| self.wide.get_mut(place as usize)) {
            change(sale);
        } else if let Some(mut sale) = self.whole(place) {
            change(&mut sale);
            let stub = self.stub(&sale);
            if let Some(to) = self.stubs.get_mut(place) {
                *to = stub;
            }
        }
    }

    pub(crate) fn allocs(&self, sale: &Sale) -> impl DoubleEndedIterator<Item = (u16, &Alloc)> {
        self.allocs.range(sale.allocs)
    }

    pub(crate) fn lines(&self, sale: &Sale) -> impl DoubleEndedIterator<Item = (u16, &SoldLine)> {
        self.lines.range(sale.lines)
    }

    /// Where the next taking and the next line will stand.
    pub(crate) fn ends(&self) -> Starts {
        let (allocs, lines, rewards) = (self.allocs.end(), self.lines.end(), self.rewards.end());
        Starts { allocs, lines, rewards }
    }

    pub(crate) fn push_alloc(&mut self, alloc: Alloc) {
        self.allocs.items.push_back(alloc);
    }

    pub(crate) fn push_line(&mut self, line: SoldLine) {
        self.lines.items.push_back(line);
    }

    /// Adds a sale that was just made, when it is one of those that fit into a stub; else nothing,
    /// and `false`.
    #[inline]
    pub(crate) fn push_plain(&mut self, head: &Head, fact: &Fact, starts: Starts) -> bool {
        let Starts { allocs, lines, rewards } = starts;
        let count = |end: u64, start: u64| u16::try_from(end.saturating_sub(start)).ok();
        let counts = (
            count(self.allocs.end(), allocs),
            count(self.lines.end(), lines),
            count(self.rewards.end(), rewards),
        );
        let (Some(some_allocs), Some(some_lines), Some(some_rewards)) = counts else {
            return false;
        };
        let rows = [(allocs, some_allocs), (lines, some_lines), (rewards, some_rewards)];
        let Some(stub) = Stub::opened(head, fact, rows) else {
            return false;
        };
        self.ids.push_back(SaleId::new(head.seq.value()));
        self.stubs.push_back(stub);
        true
    }

    pub(crate) fn push(&mut self, sale: &mut Sale, starts: Starts) {
        let Starts { allocs, lines, rewards } = starts;
        let count =
            |end: u64, start: u64| u16::try_from(end.saturating_sub(start)).unwrap_or(u16::MAX);
        sale.allocs = (allocs, count(self.allocs.end(), allocs));
        sale.lines = (lines, count(self.lines.end(), lines));
        sale.rewards = (rewards, count(self.rewards.end(), rewards));
        self.ids.push_back(sale.id);
        let stub = self.stub(sale);
        self.stubs.push_back(stub);
    }

    /// Takes the rows of a snapshot.
    pub(crate) fn restore_rows(&mut self, sales: Vec<Sale>) {
        self.ids = sales.iter().map(|sale| sale.id).collect();
        self.stubs = sales.iter().map(|sale| self.stub(sale)).collect();
    }

    /// Where a sale stands: ids rise, and fairly evenly.
    fn place(&self, id: SaleId) -> Option<usize> {
        let (mut from, mut to) = (0, self.ids.len());
        let (first, last) = (self.ids.front()?.value(), self.ids.back()?.value());
        let offset = id.value().checked_sub(first).filter(|_| id.value() <= last)?;
        let span = u128::from(last.saturating_sub(first).max(1));
        let end = to.saturating_sub(1);
        let share = u128::from(offset).saturating_mul(end as u128).checked_div(span)?;
        let guess = usize::try_from(share).ok()?.min(end);
        // Away from the guess in growing steps, until the id lies between.
        let below = |at: usize| self.ids.get(at).is_some_and(|other| *other < id);
        let mut step: usize = 4;
        if below(guess) {
            from = guess;
            while let Some(at) = guess.checked_add(step).filter(|at| *at < to) {
                if !below(at) {
                    to = at.saturating_add(1);
                    break;
                }
                from = at;
                step = step.saturating_mul(2);
            }
        } else {
            to = guess.saturating_add(1);
            while let Some(at) = guess.checked_sub(step) {
                if below(at) {
                    from = at;
                    break;
                }
                to = at.saturating_add(1);
                step = step.saturating_mul(2);
            }
        }
        while from < to {
            let middle = from.midpoint(to);
            match self.ids.get(middle)?.cmp(&id) {
                core::cmp::Ordering::Equal => return Some(middle),
                core::cmp::Ordering::Less => from = middle.saturating_add(1),
                core::cmp::Ordering::Greater => to = middle,
            }
        }
        None
    }

    pub(crate) fn returned(&mut self, id: SaleId, tenders: &Tenders, discount: i64, clawed: i64) {
        self.edit(id, |sale| {
            sale.returned.add(tenders);
            sale.discount_returned = sale.discount_returned.saturating_add(discount);
            sale.clawed = sale.clawed.saturating_add(clawed);
        });
    }

    pub(crate) fn line_returned(&mut self, id: SaleId, line: u16, quantity: u32, net: i64) {
        let start = self.get(id).map(|sale| sale.lines.0);
        if let Some(line) = start.and_then(|start| self.lines.get_mut(start, line)) {
            line.returned = line.returned.saturating_add(quantity);
            line.net_returned = line.net_returned.saturating_add(net);
        }
    }

    pub(crate) fn restored(&mut self, id: SaleId, alloc: u16, principal: i64, bonus: i64) {
        let start = self.get(id).map(|sale| sale.allocs.0);
        if let Some(alloc) = start.and_then(|start| self.allocs.get_mut(start, alloc)) {
            alloc.restored_principal = alloc.restored_principal.saturating_add(principal);
            alloc.restored_bonus = alloc.restored_bonus.saturating_add(bonus);
        }
    }

    /// Where the rows of the oldest sale begin.
    #[inline]
    fn first_starts(&self) -> Option<Starts> {
        let stub = self.stubs.front()?;
        if stub.is_wide {
            let sale = self.wide.get(stub.list as usize)?;
            let [allocs, lines, rewards] = [sale.allocs.0, sale.lines.0, sale.rewards.0];
            return Some(Starts { allocs, lines, rewards });
        }
        let [allocs, lines, rewards] = stub.starts(self.bases());
        Some(Starts { allocs, lines, rewards })
    }

    /// How many the next record of that day makes [forgotten](Self::forget).
    pub(crate) fn overdue(&self, day: Day) -> usize {
        self.stubs.iter().take(FORGET_MAX).take_while(|stub| stub.returnable < day).count()
    }

    /// Forgets a few of the oldest sales whose window was over before `day`, and names the
    /// lots that they no longer refer to.
    pub(crate) fn forget(&mut self, day: Day, mut released: impl FnMut(LotId)) {
        for _ in 0..FORGET_MAX {
            if self.stubs.front().is_none_or(|stub| stub.returnable >= day) {
                return;
            }
            self.ids.pop_front();
            if let Some(stub) = self.stubs.pop_front() {
                if stub.is_wide {
                    if let Some(sale) = self.wide.get_mut(stub.list as usize) {
                        sale.kept_lots().for_each(&mut released);
                        *sale = Sale::NONE;
                        self.wide_free.push(stub.list);
                    }
                } else {
                    stub.earned_lot().into_iter().for_each(&mut released);
                }
            }
            let next = self.first_starts();
            let Starts { allocs, lines, rewards } = next.unwrap_or_else(|| self.ends());
            self.rewards.drop_before(rewards, |reward| {
                reward.lot.into_iter().for_each(&mut released);
            });
            self.allocs.drop_before(allocs, |alloc| released(alloc.lot));
            self.lines.drop_before(lines, |_| {});
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;
    use proto_wire::{Rng, Seed};

    /// However unevenly ids rise, each is found, and no other.
    #[test]
    fn every_id_is_found_and_no_other() {
        let mut rng = Rng::new(&Seed::from_u64(8));
        for size in [1_u64, 2, 3, 10, 1_000] {
            let mut sales = Sales::new();
            let mut id = 0;
            let mut known = Vec::new();
            for _ in 0..size {
                id += 1 + if rng.below(10) == 0 { rng.below(5_000) } else { rng.below(3) };
                known.push(id);
                let starts = sales.ends();
                sales.push(&mut Sale { id: SaleId::new(id), ..Sale::NONE }, starts);
            }
            let mut place = 0;
            for id in 0..id + 3 {
                let found = sales.place(SaleId::new(id));
                if known.get(place) == Some(&id) {
                    assert_eq!(found, Some(place));
                    place += 1;
                } else {
                    assert_eq!(found, None, "{id}");
                }
            }
            assert_eq!(place, known.len());
        }
    }

    /// Amounts that do not fit, and what a return changes, are kept as they are.
    #[test]
    fn what_does_not_fit_is_kept_whole() {
        let mut sales = Sales::new();
        let big = Sale { id: SaleId::new(1), list: 1 << 40, day: Day::new(7), ..Sale::NONE };
        let small = Sale { id: SaleId::new(2), list: 40, earn_den: 9, ..Sale::NONE };
        for sale in [&big, &small] {
            let starts = sales.ends();
            sales.push(&mut sale.clone(), starts);
        }
        assert_eq!(sales.get(big.id), Some(big.clone()));
        assert_eq!(sales.get(small.id), Some(small.clone()));
        let back = Tenders { cash: 1, ..Tenders::NONE };
        for sale in [big, small] {
            sales.returned(sale.id, &back, 2, 3);
            let mut wanted = Sale { returned: back, clawed: 3, ..sale };
            wanted.discount_returned = 2;
            assert_eq!(sales.get(wanted.id), Some(wanted));
        }
        let mut gone = 0;
        sales.forget(Day::new(9), |_| gone += 1);
        assert_eq!((sales.len(), sales.wide_free.len(), gone), (0, 2, 0));
    }
}
