//! Value from one member to another.

use super::package::deferred_for;
use super::value::Taken;
use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY, POINTS, is_uses};
use crate::command::{Held, Who};
use crate::ids::{AssetId, CouponId, LotId};
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::MemberStatus;

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
            let Some(expires) = self.ledger.lots.get(id).map(|lot| lot.expires) else {
                continue;
            };
            let part = (principal.saturating_neg(), bonus.saturating_neg());
            let today = self.at.day;
            let store = self.ledger.lots.get(id).map_or(self.draft.head.store, |lot| lot.store);
            let lot = if asset == POINTS {
                self.credit_lot(target, part.0, today, expires, Some(store))?
            } else {
                self.add_to_lot(target, |_| false, asset, part, today, expires)?
            };
            if self.ledger.lots.get(lot).is_none() {
                self.loaded_at(lot, store);
            }
        }
        Ok(())
    }

    /// The same for uses that were sold ahead: what is still to be earned of their price goes along.
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
