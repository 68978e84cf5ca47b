//! The model's coupons, change and packages of uses.

use super::model::*;
use mms_core::Rejection as R;
use mms_core::*;

pub(crate) const OFF: AssetId = AssetId::new(16_384);
pub(crate) const SWIM: AssetId = AssetId::new(16);
pub(crate) const COUPON_DAYS: i32 = 5;
pub(crate) const POOL: i128 = 40;
pub(crate) const HELD: i128 = 4;
/// A coupon takes 5.00 off from 20.00.
pub(crate) const COUPON: (i128, i128) = (2_000, 500);

#[derive(Clone, Debug)]
pub(crate) struct MCoupon {
    pub(crate) id: u64,
    pub(crate) member: usize,
    pub(crate) left: i128,
    pub(crate) expires: i32,
}

#[derive(Clone, Debug)]
pub(crate) struct MPackage {
    pub(crate) member: usize,
    pub(crate) all: i128,
    pub(crate) left: i128,
    pub(crate) price: i128,
    pub(crate) expires: i32,
}

impl MPackage {
    /// What of the price is not earned or paid out yet.
    pub(crate) fn deferred(&self) -> i128 {
        self.price - self.price * (self.all - self.left) / self.all
    }
}

pub(crate) fn rules() -> CouponRule {
    CouponRule::new(OFF, CouponOff::Amount(500))
        .with_from(2_000)
        .with_expiry(Expiry::Days(COUPON_DAYS as u32))
        .with_pool_max(40)
        .with_member_max(4)
}

impl Model {
    /// What is over is booked: what was there has lapsed.
    pub(crate) fn lapse(&mut self) {
        let day = self.day;
        self.coupons.iter_mut().filter(|c| c.expires < day).for_each(|c| c.left = 0);
        self.packages.iter_mut().filter(|p| p.expires < day).for_each(|p| p.left = 0);
    }

    pub(crate) fn coupon(&self, member: usize, id: CouponId) -> Option<usize> {
        self.coupons.iter().position(|c| c.member == member && c.id == id.value() && c.left > 0)
    }

    pub(crate) fn issue(&mut self, seq: u64, who: Who, kind: AssetId, count: i64) -> Result<(), R> {
        positive(count)?;
        let member = self.usable(who, false)?;
        if kind != OFF {
            return Err(R::RuleUnknown);
        }
        let count = i128::from(count);
        if self.issued + count > POOL {
            return Err(R::PoolEmpty);
        }
        if self.held_coupons(member) + count > HELD {
            return Err(R::CouponsHeld);
        }
        self.issued += count;
        let expires = self.day + COUPON_DAYS;
        self.coupons.push(MCoupon { id: seq, member, left: count, expires });
        Ok(())
    }

    /// With those that are over and nobody has booked yet.
    pub(crate) fn held_coupons(&self, member: usize) -> i128 {
        self.coupons.iter().filter(|c| c.member == member).map(|c| c.left).sum()
    }

    pub(crate) fn withdraw(&mut self, who: Who, id: CouponId) -> Result<(), R> {
        // States come after what is unknown, and a withdrawal is no debit.
        let member = self.usable(who, false)?;
        let coupon = self.coupon(member, id).ok_or(R::CouponUnknown)?;
        self.coupons[coupon].left = 0;
        Ok(())
    }

    pub(crate) fn sweep(&mut self, who: Who) -> Result<(), R> {
        let member = self.usable(who, false)?;
        let purse = core::mem::take(&mut self.members[member].purse);
        if purse == 0 {
            return Err(R::NothingToDo);
        }
        self.add(member, false, self.day, self.day + STORED_DAYS, purse, 0);
        Ok(())
    }

    pub(crate) fn sell_package(
        &mut self,
        who: Who,
        uses: i64,
        price: i64,
        expires: Day,
    ) -> Result<(), R> {
        positive(uses)?;
        positive(price)?;
        if expires.value() < self.day {
            return Err(R::DateInPast);
        }
        let member = self.usable(who, false)?;
        let (all, price) = (i128::from(uses), i128::from(price));
        let expires = expires.value();
        self.packages.push(MPackage { member, all, left: all, price, expires });
        self.members[member].spend += price;
        self.members[member].visits += 1;
        self.promote(member);
        Ok(())
    }

    /// Uses taken, or given back for money.
    pub(crate) fn uses(&mut self, who: Who, uses: i64, back: bool) -> Result<(), R> {
        positive(uses)?;
        let member = self.usable(who, !back)?;
        let mut live: Vec<usize> = (0..self.packages.len())
            .filter(|n| {
                let p = &self.packages[*n];
                p.member == member && p.left > 0 && p.expires >= self.day
            })
            .collect();
        live.sort_by_key(|n| (self.packages[*n].expires, *n));
        let mut want = i128::from(uses);
        if live.iter().map(|n| self.packages[*n].left).sum::<i128>() < want {
            return Err(R::InsufficientUses);
        }
        for n in live {
            let package = &mut self.packages[n];
            let before = package.deferred();
            let part = want.min(package.left);
            package.left -= part;
            want -= part;
            if back {
                self.members[member].spend -= before - self.packages[n].deferred();
            }
        }
        Ok(())
    }
}

impl Model {
    pub(crate) fn merge(&mut self, from: MemberId, into: MemberId) -> Result<(), R> {
        let source = self.usable(from.into(), false)?;
        let target = self.usable(into.into(), false).map_err(|_| R::TargetUnknown)?;
        if source == target {
            return Err(R::SameMember);
        }
        self.usable(from.into(), true)?;
        if self.members[target].frozen {
            return Err(R::TargetUnusable);
        }
        if self.holds.values().any(|hold| hold.member == source) {
            return Err(R::HoldsOpen);
        }
        let row = core::mem::take(&mut self.members[source]);
        let to = &mut self.members[target];
        to.lots.extend(row.lots);
        to.debt += row.debt;
        to.purse += row.purse;
        to.owes += row.owes;
        to.spend += row.spend;
        to.top_up += row.top_up;
        to.points += row.points;
        to.visits += row.visits;
        self.members[source].merged = Some(target);
        self.members[source].tier = row.tier;
        self.promote(target);
        self.coupons.iter_mut().filter(|c| c.member == source).for_each(|c| c.member = target);
        self.packages.iter_mut().filter(|p| p.member == source).for_each(|p| p.member = target);
        self.sales.values_mut().filter(|s| s.member == source).for_each(|s| s.member = target);
        Ok(())
    }

    /// The merchant's doing: what is left of what was paid. What was given falls away.
    pub(crate) fn pay_out(&mut self, who: Who) -> Result<(), R> {
        let member = self.usable(who, true)?;
        if self.holds.values().any(|hold| hold.member == member && !hold.points) {
            return Err(R::HoldsOpen);
        }
        let live = self.live(member, false);
        if live.is_empty() {
            return Err(R::NothingToDo);
        }
        for lot in live {
            self.paid_out += self.lots[lot].p;
            (self.lots[lot].p, self.lots[lot].b) = (0, 0);
        }
        Ok(())
    }
}
