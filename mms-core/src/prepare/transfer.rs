//! Value from one member to another.

use super::package::deferred_for;
use super::value::Taken;
use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY, POINTS, is_uses};
use crate::amount::{Rounding, mul_div};
use crate::command::{Held, Who};
use crate::ids::{AssetId, CouponId, LotId};
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Counters, Lot, MemberStatus};

/// What a pay-out at list price would not give of a part of the principal that is left of a lot:
/// that much of what was consumed goes along with the part, or a pay-out to whom it was sent would
/// give more than one to who sent it.
fn consumed_with(lot: &Lot, part: i64) -> Option<i64> {
    let left = lot.principal.saturating_add(lot.held_principal);
    let paid = lot.principal_in.saturating_sub(lot.consumed);
    let short = left.saturating_sub(paid);
    if short <= 0 || left <= 0 {
        return Some(0);
    }
    mul_div(short, part.unsigned_abs(), left.unsigned_abs(), Rounding::Down)
}

impl<'l> Prepare<'l, '_> {
    /// Row 19: the same value, expiry and share of bonus at another member.
    pub(super) fn transfer(
        &mut self,
        from: Who,
        to: Who,
        what: Held,
        amount: i64,
    ) -> Result<(), Rejection> {
        self.positive(amount)?;
        let (source, target) = self.both(from, to)?;
        let asset = what.asset();
        self.sends(source, target)?;
        let taken = self.take(source, asset, amount, MoveKind::Send)?;
        if asset == MONEY {
            self.room_for_stored(target, amount)?;
        }
        self.debit(source.id, asset, taken);
        if asset == MONEY {
            self.debit(target.id, MONEY, taken.negated());
        }
        let sent = self.draft.moves.len();
        for n in 0..sent {
            let Some((id, principal, bonus)) = self.draft.moves.get(n).copied() else {
                continue;
            };
            let Some(row) = self.ledger.lots.get(id) else {
                continue;
            };
            let (expires, store) = (row.expires, row.store);
            let part = (principal.saturating_neg(), bonus.saturating_neg());
            let today = self.at.day;
            let lot = if asset == POINTS {
                self.credit_lot(target, part.0, today, expires, Some(store))?
            } else {
                self.add_to_lot(target, |_| false, asset, part, today, expires)?
            };
            if self.ledger.lots.get(lot).is_none() {
                self.loaded_at(lot, store);
            }
            let consumed = consumed_with(&row, part.0).ok_or(Rejection::Overflow)?;
            if asset == MONEY && consumed > 0 {
                let amount = consumed.saturating_neg();
                self.draft.fact(Fact::Undiscounted { lot: id, amount });
                self.draft.fact(Fact::Undiscounted { lot, amount: consumed });
            }
        }
        Ok(())
    }

    /// The same for uses that were sold ahead: what is still to be earned of their price goes along,
    /// and counts as spent by who has them, for who returns them is who no longer spent it.
    pub(super) fn transfer_uses(
        &mut self,
        from: Who,
        to: Who,
        kind: AssetId,
        uses: i64,
    ) -> Result<(), Rejection> {
        self.positive(uses)?;
        let (source, target) = self.both(from, to)?;
        if !is_uses(kind) {
            return Err(Rejection::AssetUnknown);
        }
        self.sends(source, target)?;
        let taken = self.take(source, kind, uses, MoveKind::Return)?;
        self.debit(source.id, kind, taken);
        self.debit(target.id, kind, taken.negated());
        let sent = self.draft.moves.len();
        for n in 0..sent {
            let Some((id, by, _)) = self.draft.moves.get(n).copied() else {
                continue;
            };
            let Some(lot) = self.ledger.lots.get(id) else {
                continue;
            };
            let left = lot.principal.saturating_add(lot.held_principal).saturating_add(by);
            let price = lot.deferred.saturating_sub(deferred_for(&lot, left)?);
            let uses = by.saturating_neg();
            let (from, expires) = (lot.from, lot.expires);
            let new = self.add_to_lot(target, |_| false, kind, (uses, 0), from, expires)?;
            self.loaded_at(new, lot.store);
            self.draft.member(source.id, Code::Deferred, MONEY, price);
            self.draft.member(target.id, Code::Deferred, MONEY, price.saturating_neg());
            self.draft.fact(Fact::Deferred { lot: id, amount: price.saturating_neg() });
            self.draft.fact(Fact::Deferred { lot: new, amount: price });
            let spent = |spend| Counters { spend, ..Counters::default() };
            self.uncounted(source.id, spent(price.saturating_neg()), from);
            self.uncounted(target.id, spent(price), from);
        }
        Ok(())
    }

    /// The same for coupons of one issue.
    pub(super) fn transfer_coupons(
        &mut self,
        from: Who,
        to: Who,
        coupon: CouponId,
        count: i64,
    ) -> Result<(), Rejection> {
        self.positive(count)?;
        let (source, target) = self.both(from, to)?;
        let found: Option<(LotId, _)> = self.ledger.coupon_lot(source.member, coupon);
        let (id, lot) = found.ok_or(Rejection::CouponUnknown)?;
        self.sends(source, target)?;
        if lot.expires < self.at.day {
            return Err(Rejection::CouponNotValid);
        }
        let kind = lot.asset;
        let held = self.coupons_of(target, kind);
        let most = self.ledger.program.coupon(kind).and_then(|rule| rule.member_max);
        if most.is_some_and(|most| held.saturating_add(count) > most) {
            return Err(Rejection::CouponsHeld);
        }
        if lot.principal < count {
            return Err(Rejection::InsufficientCoupons);
        }
        self.move_lot(id, MoveKind::Remove, count, 0);
        let taken = Taken { principal: count, ..Taken::default() };
        self.debit(source.id, kind, taken);
        self.debit(target.id, kind, taken.negated());
        let new = self.add_to_lot(target, |_| false, kind, (count, 0), lot.from, lot.expires)?;
        self.loaded_at(new, lot.store);
        Ok(())
    }

    fn both(&self, from: Who, to: Who) -> Result<(Party<'l>, Party<'l>), Rejection> {
        let source = self.find(from)?;
        let target = self.find(to).map_err(|_| Rejection::TargetUnknown)?;
        Ok((source, target))
    }

    /// Whether the one may send and the other receive.
    fn sends(&mut self, source: Party<'_>, target: Party<'_>) -> Result<(), Rejection> {
        if source.id == target.id {
            return Err(Rejection::SameMember);
        }
        self.allow(source, Use::Debit)?;
        let expected = self.expect_version.take();
        let usable = self.allow(target, Use::Credit).is_ok();
        self.expect_version = expected;
        if !usable || target.member.status != MemberStatus::Active {
            return Err(Rejection::TargetUnusable);
        }
        self.about(Kind::Transferred, Some(source.id));
        Ok(())
    }
}
