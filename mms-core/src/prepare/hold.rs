//! Holds: value set aside, captured, given back.

use super::sale::Sold;
use super::value::Taken;
use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY, POINTS, is_coupon, is_uses};
use crate::command::{Held, Who};
use crate::ids::{AssetId, CouponId, HoldId, RewardId};
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Hold, HoldEnd, held_codes};
use proto_wire::Timestamp;

impl<'l> Prepare<'l, '_> {
    /// Row 14: value set aside, still the member's.
    pub(super) fn hold(
        &mut self,
        who: Who,
        what: Held,
        amount: i64,
        until: Timestamp,
    ) -> Result<(), Rejection> {
        let party = self.holder(who, amount, until)?;
        self.allow(party, Use::Debit)?;
        let asset = what.asset();
        self.about(Kind::Held, Some(party.id));
        let taken = self.take(party, asset, amount, MoveKind::Hold)?;
        self.set_aside(party, asset, taken, until);
        Ok(())
    }

    /// The same for uses that were sold ahead.
    pub(super) fn hold_uses(
        &mut self,
        who: Who,
        kind: AssetId,
        uses: i64,
        until: Timestamp,
    ) -> Result<(), Rejection> {
        let party = self.holder(who, uses, until)?;
        if !is_uses(kind) {
            return Err(Rejection::AssetUnknown);
        }
        self.allow(party, Use::Debit)?;
        self.about(Kind::Held, Some(party.id));
        let taken = self.take(party, kind, uses, MoveKind::Hold)?;
        self.set_aside(party, kind, taken, until);
        Ok(())
    }

    /// The same for coupons of one issue.
    pub(super) fn hold_coupons(
        &mut self,
        who: Who,
        coupon: CouponId,
        count: i64,
        until: Timestamp,
    ) -> Result<(), Rejection> {
        let party = self.holder(who, count, until)?;
        let found = self.ledger.coupon_lot(party.member, coupon);
        let (lot, row) = found.ok_or(Rejection::CouponUnknown)?;
        self.allow(party, Use::Debit)?;
        if !row.is_live(self.at.day) {
            return Err(Rejection::CouponNotValid);
        }
        if row.principal < count {
            return Err(Rejection::InsufficientCoupons);
        }
        self.about(Kind::Held, Some(party.id));
        self.move_lot(lot, MoveKind::Hold, count, 0);
        let taken = Taken { principal: count, ..Taken::default() };
        self.set_aside(party, row.asset, taken, until);
        Ok(())
    }

    /// Whose value it is, when amount and end make sense.
    fn holder(&self, who: Who, amount: i64, until: Timestamp) -> Result<Party<'l>, Rejection> {
        self.positive(amount)?;
        if until <= self.at.time {
            return Err(Rejection::DateInPast);
        }
        self.find(who)
    }

    /// Books what was taken from lots on the accounts of what is held.
    fn set_aside(&mut self, party: Party<'l>, asset: AssetId, taken: Taken, until: Timestamp) {
        if self.ledger.holds.len() >= self.ledger.limits.holds_max as usize {
            self.fill(Rejection::HoldsFull);
        }
        self.debit(party.id, asset, taken);
        let (principal, bonus) = held_codes(asset);
        self.draft.member(party.id, principal, asset, taken.principal.saturating_neg());
        self.draft.member(party.id, bonus, asset, taken.bonus.saturating_neg());
        self.draft.fact(Fact::HoldOpened {
            member: party.id,
            asset,
            principal: taken.principal,
            bonus: taken.bonus,
            until: until.as_unix_micros(),
        });
    }

    /// Takes from a hold what is due and gives the rest back. The member said yes when
    /// the value was set aside, so a freeze since then does not matter.
    pub(super) fn capture(
        &mut self,
        id: HoldId,
        amount: i64,
        reward: RewardId,
    ) -> Result<(), Rejection> {
        self.positive(amount)?;
        let hold = self.open_hold(id)?;
        let party = self.member(hold.member)?;
        self.allow(party, Use::Credit)?;
        if amount > hold.amount() {
            return Err(Rejection::CaptureExceedsHold);
        }
        self.about(
            match hold.asset {
                MONEY | POINTS => Kind::Captured,
                kind if is_coupon(kind) => Kind::CouponsUsed,
                _ => Kind::UsesTaken,
            },
            Some(party.id),
        );
        let captured = self.resolve(hold, amount);
        self.draft.fact(Fact::HoldClosed { hold: id, end: HoldEnd::Captured });
        match hold.asset {
            MONEY => {
                let sold = Sold { list: amount, stored: captured, ..Sold::default() };
                self.sell(Some(party), &sold)
            }
            POINTS => {
                self.settle()?;
                self.redeemed(Some(party), amount, reward)
            }
            kind if is_coupon(kind) => {
                self.draft.store(Code::CouponsUsed, kind, amount.saturating_neg());
                Ok(())
            }
            kind => {
                self.draft.store(Code::UsesTaken, kind, amount.saturating_neg());
                let earned = self.undefer()?;
                self.earned(party.id, Code::Revenue, earned);
                Ok(())
            }
        }
    }

    pub(super) fn void(&mut self, id: HoldId) -> Result<(), Rejection> {
        let hold = self.open_hold(id)?;
        let party = self.member(hold.member)?;
        self.allow(party, Use::Credit)?;
        self.about(Kind::Voided, Some(party.id));
        self.resolve(hold, 0);
        self.draft.fact(Fact::HoldClosed { hold: id, end: HoldEnd::Voided });
        Ok(())
    }

    /// Takes `capture` out of a hold, gives the rest back to the same lots, and books the
    /// member's side of both.
    pub(super) fn resolve(&mut self, hold: &Hold, capture: i64) -> Taken {
        let mut captured = Taken::default();
        let mut released = Taken::default();
        let mut left = capture;
        let how = match hold.asset {
            MONEY | POINTS => MoveKind::Capture,
            _ => MoveKind::TakeHeld,
        };
        for alloc in &hold.allocs {
            let all = alloc.principal.saturating_add(alloc.bonus);
            let part = left.min(all);
            let (principal, bonus) = self.portion(alloc.principal, alloc.bonus, part);
            left = left.saturating_sub(part);
            if part > 0 {
                self.move_lot(alloc.lot, how, principal, bonus);
                captured.add(principal, bonus, false);
            }
            if part < all {
                let principal = alloc.principal.saturating_sub(principal);
                let bonus = alloc.bonus.saturating_sub(bonus);
                let pending = self.ledger.lots.get(alloc.lot).is_some_and(|lot| lot.pending);
                self.move_lot(alloc.lot, MoveKind::Release, principal, bonus);
                released.add(principal, bonus, pending);
            }
        }
        let (principal, bonus) = held_codes(hold.asset);
        self.draft.member(hold.member, principal, hold.asset, hold.principal);
        self.draft.member(hold.member, bonus, hold.asset, hold.bonus);
        self.debit(hold.member, hold.asset, released.negated());
        captured
    }

    fn open_hold(&self, id: HoldId) -> Result<&'l Hold, Rejection> {
        let hold = self.ledger.hold(id).ok_or(Rejection::HoldUnknown)?;
        if hold.until <= self.at.time {
            // Its time is over, whether or not anybody has booked that.
            return Err(Rejection::HoldUnknown);
        }
        Ok(hold)
    }
}
