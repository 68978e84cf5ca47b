//! Coupons, rewards at a fixed price, goods that are given away, and change.

use super::sale::{Gift, Sold};
use super::{Party, Prepare, Use};
use crate::account::{Account, Code, MONEY, POINTS, is_coupon, is_goods};
use crate::command::Who;
use crate::ids::{AssetId, CouponId, Day, LotId, RewardId};
use crate::program::Gives;
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Lot, Sale};

impl<'l> Prepare<'l, '_> {
    /// Row 2 and 8 of the postings: coupons from the pool to a member.
    pub(super) fn issue_coupons(
        &mut self,
        who: Who,
        kind: AssetId,
        count: i64,
    ) -> Result<(), Rejection> {
        self.positive(count)?;
        let party = self.find(who)?;
        if self.ledger.program.coupon(kind).is_none() {
            return Err(Rejection::RuleUnknown);
        }
        self.allow(party, Use::Credit)?;
        self.about(Kind::CouponsIssued, Some(party.id));
        self.give_coupons(party, kind, count).map(|_| ())
    }

    /// Books coupons of a kind that is known to exist; gives the lot.
    pub(super) fn give_coupons(
        &mut self,
        party: Party<'l>,
        kind: AssetId,
        count: i64,
    ) -> Result<LotId, Rejection> {
        let rule = self.ledger.program.coupon(kind).ok_or(Rejection::RuleUnknown)?;
        let issued = self.ledger.coupons_issued(kind);
        if rule.pool_max.is_some_and(|max| issued.saturating_add(count) > max) {
            return Err(Rejection::PoolEmpty);
        }
        if rule
            .member_max
            .is_some_and(|max| self.coupons_of(party, kind).saturating_add(count) > max)
        {
            return Err(Rejection::CouponsHeld);
        }
        let from = self.at.day.plus(rule.wait_days);
        let lot =
            self.add_to_lot(party, |_| false, kind, (count, 0), from, rule.expiry.from(from))?;
        self.draft.store(Code::CouponsIssued, kind, count);
        self.draft.member(party.id, Code::Coupons, kind, count.saturating_neg());
        Ok(lot)
    }

    /// How many coupons of a kind are a member's: those that are not over, whether or not anybody has
    /// booked the others' end, and those under holds.
    pub(super) fn coupons_of(&self, party: Party<'_>, kind: AssetId) -> i64 {
        let lots = self.ledger.lots.of(party.member.lots);
        let own = lots.filter(|(_, lot)| lot.asset == kind && lot.expires >= self.at.day);
        let held = Code::CouponsHeld.natural(party.member.balance(Code::CouponsHeld, kind));
        own.fold(held, |sum, (_, lot)| sum.saturating_add(lot.principal))
    }

    /// Row 11 for coupons: what was not used goes back, with a reason.
    pub(super) fn withdraw_coupons(
        &mut self,
        who: Who,
        coupon: CouponId,
        reason: u16,
    ) -> Result<(), Rejection> {
        if reason == 0 {
            return Err(Rejection::ReasonMissing);
        }
        let party = self.find(who)?;
        let found = self.ledger.coupon_lot(party.member, coupon);
        let (lot, row) = found.ok_or(Rejection::CouponUnknown)?;
        self.allow(party, Use::Credit)?;
        let (kind, count) = (row.asset, row.principal);
        self.about(Kind::CouponsWithdrawn, Some(party.id));
        self.draft.member(party.id, Code::Coupons, kind, count);
        self.draft.store(Code::CouponsExpired, kind, count.saturating_neg());
        self.move_lot(lot, MoveKind::Remove, count, 0);
        self.draft.fact(Fact::CouponsWithdrawn { lot, count, reason });
        Ok(())
    }

    /// One coupon is used in the sale of this record; what it takes off is a discount.
    pub(super) fn use_coupon(&mut self, party: Party<'_>, (lot, row): (LotId, Lot), value: i64) {
        let kind = row.asset;
        self.draft.member(party.id, Code::Coupons, kind, 1);
        self.draft.store(Code::CouponsUsed, kind, -1);
        self.move_lot(lot, MoveKind::Spend, 1, 0);
        self.draft.fact(Fact::CouponUsed { lot, kind, value });
    }

    /// Row 8: points at the price of the program, for goods, a coupon or uses.
    pub(super) fn reward(
        &mut self,
        who: Who,
        reward: RewardId,
        quantity: u32,
    ) -> Result<(), Rejection> {
        if quantity == 0 {
            return Err(Rejection::QuantityZero);
        }
        let party = self.find(who)?;
        let rule = self.ledger.program.reward(reward).ok_or(Rejection::RewardUnknown)?;
        self.allow(party, Use::Debit)?;
        if rule.from > self.at.day || rule.until < self.at.day {
            return Err(Rejection::RewardNotValid);
        }
        let count = i64::from(quantity);
        // Nobody has more points than can be counted.
        let points = rule.points.checked_mul(count).ok_or(Rejection::InsufficientPoints)?;
        self.about(Kind::Redeemed, Some(party.id));
        let taken = self.take(party, POINTS, points, MoveKind::Spend)?;
        self.debit(party.id, POINTS, taken);
        self.draft.store(Code::PointsRedeemed, POINTS, points.saturating_neg());
        let gift = match rule.gives {
            Gives::Goods(goods) => {
                self.need_goods(goods, count)?;
                self.draft.store(Code::Given, goods, count);
                self.draft.store(Code::Stock, goods, count.saturating_neg());
                Gift { asset: goods, quantity: count, lot: None }
            }
            Gives::Coupon(kind) => {
                let lot = self.give_coupons(party, kind, count)?;
                Gift { asset: kind, quantity: count, lot: Some(lot) }
            }
            Gives::Uses(kind, uses, days) => {
                let uses = self.fitting(uses.checked_mul(count));
                let today = self.at.day;
                self.draft.store(Code::UsesIssued, kind, uses);
                self.draft.member(party.id, Code::Uses, kind, uses.saturating_neg());
                let expires = today.plus(days);
                let lot = self.add_to_lot(party, |_| false, kind, (uses, 0), today, expires)?;
                Gift { asset: kind, quantity: uses, lot: Some(lot) }
            }
        };
        self.settle()?;
        self.draft.fact(Fact::Rewarded { reward, points });
        let Gift { asset, quantity, lot } = gift;
        self.draft.fact(Fact::RewardGiven { asset, quantity, lot });
        let sold = Sold { list: points, points, ..Sold::default() };
        self.open_sale(Some(party.id), POINTS, &sold, None)
    }

    /// Whether what was given for points is still there to be taken back.
    pub(super) fn given_is_whole(&self, sale: &Sale) -> bool {
        let lot = sale.given.lot.and_then(|lot| self.ledger.lot(lot));
        // What is over is over, whether or not anybody has booked that.
        let whole = |lot: Lot| lot.principal == sale.given.quantity && lot.expires >= self.at.day;
        sale.given.lot.is_none() || lot.is_some_and(whole)
    }

    /// What was given for points comes back with them.
    pub(super) fn take_gift_back(&mut self, party: Party<'_>, sale: &Sale) {
        let Gift { asset, quantity, lot } = sale.given;
        let Some(lot) = lot else {
            self.draft.store(Code::Stock, asset, quantity);
            self.draft.store(Code::Given, asset, quantity.saturating_neg());
            return;
        };
        let (held, issued) = if is_coupon(asset) {
            (Code::Coupons, Code::CouponsIssued)
        } else {
            (Code::Uses, Code::UsesIssued)
        };
        self.draft.member(party.id, held, asset, quantity);
        self.draft.store(issued, asset, quantity.saturating_neg());
        self.move_lot(lot, MoveKind::Remove, quantity, 0);
    }

    /// Row 28 in its simplest form: goods in from a supplier, or back.
    pub(super) fn stock_goods(&mut self, goods: AssetId, quantity: i64) -> Result<(), Rejection> {
        if quantity == 0 {
            return Err(Rejection::QuantityZero);
        }
        self.not_too_large(quantity.checked_abs().unwrap_or(i64::MAX))?;
        if !is_goods(goods) {
            return Err(Rejection::GoodsUnknown);
        }
        self.need_goods(goods, quantity.saturating_neg())?;
        self.about(Kind::GoodsStocked, None);
        self.draft.store(Code::Stock, goods, quantity);
        self.draft.store(Code::Supplied, goods, quantity.saturating_neg());
        Ok(())
    }

    /// A store cannot give what it does not have.
    fn need_goods(&self, goods: AssetId, quantity: i64) -> Result<(), Rejection> {
        let stock = Account::raw(self.draft.head.store.value(), Code::Stock, goods);
        if self.ledger.raw_balance(stock) < quantity {
            return Err(Rejection::InsufficientGoods);
        }
        Ok(())
    }

    /// All change becomes stored value that was paid for.
    pub(super) fn sweep_change(&mut self, who: Who) -> Result<(), Rejection> {
        let party = self.find(who)?;
        self.allow(party, Use::Credit)?;
        let raw = party.member.balance(Code::ChangePurse, MONEY);
        let amount = Code::ChangePurse.natural(raw);
        if amount == 0 {
            return Err(Rejection::NothingToDo);
        }
        self.room_for_stored(party, amount)?;
        self.about(Kind::ChangeSwept, Some(party.id));
        self.draft.member(party.id, Code::ChangePurse, MONEY, amount);
        self.draft.member(party.id, Code::StoredPrincipal, MONEY, amount.saturating_neg());
        let today = self.at.day;
        let expires: Day = self.ledger.program.stored_expiry.from(today);
        let here = self.store_of_lots();
        let alike = |lot: &Lot| {
            let same_store = here.is_none_or(|here| lot.store == here);
            let alike = lot.bonus_in == 0 && lot.asset == MONEY && lot.expires == expires;
            same_store && alike && lot.from <= today
        };
        self.add_to_lot(party, alike, MONEY, (amount, 0), today, expires)?;
        Ok(())
    }
}
