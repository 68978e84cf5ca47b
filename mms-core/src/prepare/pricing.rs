//! What goods cost: discounts one after the other, each rounded once and split over the lines
//! that take it, so that lines always sum to the total.

use crate::amount::{Ratio, Rounding, split};
use crate::command::{Line, Who};
use crate::ids::{At, CouponId, LotId, Sku, StoreId, TierId};
use crate::ledger::Ledger;
use crate::program::{CouponOff, CouponRule, Tier};
use crate::rejection::Rejection;
use crate::state::{Lot, Member};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// What a checkout would cost, before it is made. See [`Ledger::quote`](crate::Ledger::quote).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quote {
    /// At list price, in minor units.
    pub list: i64,
    /// Taken off.
    pub discount: i64,
    /// To be paid.
    pub net: i64,
    /// What one point pays for.
    pub burn: Ratio,
}

/// Most sales have no more lines: they are worked out without asking for memory.
const FEW: usize = 8;

/// Lines with their prices.
#[derive(Debug)]
pub(super) struct Priced {
    /// After discounts, line by line.
    pub(super) nets: Vec<i64>,
    /// At list price, in all.
    pub(super) list: i64,
}

impl Priced {
    /// Lines whose prices were worked out before.
    pub(super) fn of(nets: Vec<i64>, lines: &[Line]) -> Result<Self, Rejection> {
        let list = lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.list()?));
        Ok(Self { nets, list: list.ok_or(Rejection::Overflow)? })
    }

    pub(super) fn net(&self) -> i64 {
        self.nets.iter().fold(0, |sum, net| sum.saturating_add(*net))
    }

    /// Takes `off` off the lines that `takes` names, in proportion to what they cost.
    fn take_off(&mut self, off: i64, takes: impl Fn(usize) -> bool) -> Result<(), Rejection> {
        if off == 0 {
            return Ok(());
        }
        let count = self.nets.len();
        let mut few = [[0; FEW]; 2];
        let mut many: [Vec<i64>; 2];
        let [weights, parts] = if count <= FEW {
            few.each_mut().map(|row| row.get_mut(..count).unwrap_or_default())
        } else {
            many = [vec![0; count], vec![0; count]];
            many.each_mut().map(Vec::as_mut_slice)
        };
        for (n, (weight, net)) in weights.iter_mut().zip(&self.nets).enumerate() {
            *weight = if takes(n) { *net } else { 0 };
        }
        split(off, weights, parts).ok_or(Rejection::Overflow)?;
        for (net, part) in self.nets.iter_mut().zip(parts) {
            *net = net.saturating_sub(*part);
        }
        Ok(())
    }

    /// What the lines that `takes` names cost.
    fn total(&self, takes: impl Fn(usize) -> bool) -> i64 {
        let named = self.nets.iter().enumerate().filter(|(n, _)| takes(*n));
        named.fold(0, |sum, (_, net)| sum.saturating_add(*net))
    }
}

impl Ledger {
    /// What these lines would cost `who` (a walk-in, when `None`), without a coupon.
    ///
    /// # Errors
    ///
    /// As the checkout itself would be refused for its lines or for an unknown member.
    pub fn quote(&self, who: Option<Who>, lines: &[Line]) -> Result<Quote, Rejection> {
        let member = match who {
            None => None,
            Some(who) => Some(self.member_of(who)?),
        };
        self.check_lines(lines)?;
        let tier = member.map(|(_, member)| self.program.tier(member.tier));
        let priced = self.price(tier, lines, Vec::new())?;
        let burn = tier.map_or(Ratio::ZERO, |tier| tier.burn);
        let (list, net) = (priced.list, priced.net());
        Ok(Quote { list, discount: list.saturating_sub(net), net, burn })
    }

    /// What a coupon would take off these lines, in this store on this day.
    ///
    /// # Errors
    ///
    /// As the checkout itself would be refused for its lines, its member or its coupon.
    pub fn quote_coupon(
        &self,
        at: At,
        store: StoreId,
        who: Who,
        lines: &[Line],
        coupon: CouponId,
    ) -> Result<i64, Rejection> {
        let (_, member) = self.member_of(who)?;
        self.check_lines(lines)?;
        let (_, lot) = self.coupon_lot(member, coupon).ok_or(Rejection::CouponUnknown)?;
        if !lot.is_live(at.day.max(self.at.day)) {
            return Err(Rejection::CouponNotValid);
        }
        let mut priced = self.price(Some(self.program.tier(member.tier)), lines, Vec::new())?;
        self.take_coupon_off(&mut priced, store, member.tier, &lot, lines)
    }

    fn member_of(&self, who: Who) -> Result<(crate::MemberId, &Member), Rejection> {
        let id = match who {
            Who::Member(id) => id,
            Who::Card(card) => self.card(card).ok_or(Rejection::CardUnknown)?.member,
        };
        let id = self.resolve(id);
        self.member(id).map(|member| (id, member)).ok_or(Rejection::MemberUnknown)
    }

    /// The coupons of an issue that a member has left.
    pub(crate) fn coupon_lot(&self, member: &Member, coupon: CouponId) -> Option<(LotId, Lot)> {
        self.lots.of(member.lots).find(|(_, lot)| {
            crate::account::is_coupon(lot.asset) && lot.origin.value() == coupon.value()
        })
    }

    pub(super) fn check_lines(&self, lines: &[Line]) -> Result<(), Rejection> {
        let max = self.limits.amount_max;
        if lines.iter().any(|line| line.price < 0) {
            return Err(Rejection::AmountNotPositive);
        }
        let total = lines.iter().try_fold(0_i64, |sum, line| {
            sum.checked_add(line.price.checked_mul(i64::from(line.quantity))?)
        });
        if total.is_none_or(|total| total > max) {
            return Err(Rejection::AmountTooLarge);
        }
        if lines.is_empty() {
            return Err(Rejection::LinesMissing);
        }
        if lines.len() > usize::from(self.limits.lines_max) {
            return Err(Rejection::LinesTooMany);
        }
        if lines.iter().any(|line| line.quantity == 0) {
            return Err(Rejection::QuantityZero);
        }
        Ok(())
    }

    /// What bundles take off, what articles have off, the discount of the tier, then the threshold
    /// that the rest reaches. `nets` is room to work in.
    pub(super) fn price(
        &self,
        tier: Option<Tier>,
        lines: &[Line],
        mut nets: Vec<i64>,
    ) -> Result<Priced, Rejection> {
        nets.clear();
        for line in lines {
            nets.push(line.list().ok_or(Rejection::Overflow)?);
        }
        let list = nets.iter().try_fold(0_i64, |sum, amount| sum.checked_add(*amount));
        let mut priced = Priced { nets, list: list.ok_or(Rejection::Overflow)? };
        let takes = |n: usize| lines.get(n).is_some_and(|line| !line.special);
        if !self.program.bundles.is_empty() {
            self.take_bundles_off(&mut priced, lines)?;
        }
        for item in &self.program.items {
            let named = |n: usize| takes(n) && lines.get(n).is_some_and(|l| l.sku == item.sku);
            let off = item.off.of(priced.total(named), Rounding::HalfUp);
            priced.take_off(off.ok_or(Rejection::Overflow)?, named)?;
        }
        let discount = tier.map_or(Ratio::ZERO, |tier| tier.discount);
        if discount.num() > 0 {
            let off = discount.of(priced.total(takes), Rounding::HalfUp);
            priced.take_off(off.ok_or(Rejection::Overflow)?, takes)?;
        }
        if !self.program.thresholds.is_empty() {
            let total = priced.total(takes);
            let reached = self.program.thresholds.iter().filter(|t| t.from <= total);
            let off = reached.max_by_key(|t| t.from).map_or(0, |t| t.off.min(total));
            priced.take_off(off, takes)?;
        }
        Ok(priced)
    }

    /// R91: each article counts in one set.
    fn take_bundles_off(&self, priced: &mut Priced, lines: &[Line]) -> Result<(), Rejection> {
        let mut free: BTreeMap<Sku, u64> = BTreeMap::new();
        for line in lines.iter().filter(|line| !line.special) {
            let count = free.entry(line.sku).or_default();
            *count = count.saturating_add(u64::from(line.quantity));
        }
        for bundle in &self.program.bundles {
            let whole = |(sku, quantity): &(Sku, u32)| {
                let free = free.get(sku).copied().unwrap_or(0);
                free.checked_div(u64::from(*quantity)).unwrap_or(0)
            };
            let sets = bundle.parts.iter().map(whole).min().unwrap_or(0);
            if sets == 0 {
                continue;
            }
            for (sku, quantity) in &bundle.parts {
                if let Some(count) = free.get_mut(sku) {
                    *count = count.saturating_sub(sets.saturating_mul(u64::from(*quantity)));
                }
            }
            let named = |n: usize| {
                let line = lines.get(n).filter(|line| !line.special);
                line.is_some_and(|line| bundle.parts.iter().any(|(sku, _)| *sku == line.sku))
            };
            let sets = i64::try_from(sets).unwrap_or(i64::MAX);
            let off = bundle.off.saturating_mul(sets).min(priced.total(named));
            priced.take_off(off, named)?;
        }
        Ok(())
    }

    /// Takes off what a coupon is worth here; gives how much.
    pub(super) fn take_coupon_off(
        &self,
        priced: &mut Priced,
        store: StoreId,
        tier: TierId,
        lot: &Lot,
        lines: &[Line],
    ) -> Result<i64, Rejection> {
        let rule = self.program.coupon(lot.asset).ok_or(Rejection::CouponNotForThis)?;
        let takes = |n: usize| lines.get(n).is_some_and(|line| is_for(rule, line));
        let total = priced.total(takes);
        let here = rule.stores.is_empty() || rule.stores.contains(&store);
        let ranks = rule.tier.is_none_or(|least| self.program.is_at_least(tier, least));
        if !here || !ranks || total < rule.from || total == 0 {
            return Err(Rejection::CouponNotForThis);
        }
        let off = match rule.off {
            CouponOff::Amount(amount) => amount,
            CouponOff::Share(share, max) => {
                share.of(total, Rounding::HalfUp).ok_or(Rejection::Overflow)?.min(max)
            }
        };
        let off = off.min(total);
        priced.take_off(off, takes)?;
        Ok(off)
    }
}

/// Named goods, or else all that is not at a special price.
fn is_for(rule: &CouponRule, line: &Line) -> bool {
    if rule.skus.is_empty() { !line.special } else { rule.skus.contains(&line.sku) }
}

impl Line {
    /// What all of it costs at list price.
    fn list(&self) -> Option<i64> {
        self.price.checked_mul(i64::from(self.quantity))
    }
}
