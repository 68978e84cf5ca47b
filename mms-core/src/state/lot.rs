//! A lot: value that came in together and expires together.

use super::slot::Head;
use crate::account::{Code, MONEY, POINTS, is_coupon};
use crate::ids::{AssetId, Day, MemberId, Seq, StoreId};

/// Value that came in together and expires together. See [`Ledger::lots`](crate::Ledger::lots).
///
/// Money has a part that was paid for and a part that was given on top; points have only
/// the first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lot {
    /// Whose.
    pub member: MemberId,
    /// Of what.
    pub asset: AssetId,
    /// Whether the member must wait for it (points only).
    pub pending: bool,
    /// The first day on which it can be spent.
    pub from: Day,
    /// The last one.
    pub expires: Day,
    /// What is left of what was paid for, or of the points.
    pub principal: i64,
    /// What is left of what was given on top.
    pub bonus: i64,
    /// What holds have set aside.
    pub held_principal: i64,
    /// Likewise of what was given on top.
    pub held_bonus: i64,
    /// All that ever came in and was not sent on: paid for, or points.
    pub principal_in: i64,
    /// Likewise given on top.
    pub bonus_in: i64,
    /// Points that lapsed unspent.
    pub lapsed: i64,
    /// What was paid for the uses in it.
    pub price: i64,
    /// How much of the price is not earned yet.
    pub deferred: i64,
    /// What was consumed of it, at list price: for a pay-out.
    pub consumed: i64,
    /// In which store its value was loaded.
    pub store: StoreId,
    /// The record that opened it.
    pub origin: Seq,
    /// Sales that can still be returned to it, or that earned it.
    pub(crate) refs: u32,
    pub(crate) next: Head,
    pub(crate) linked: bool,
}

/// What can be spent from a lot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purse {
    pub(crate) principal: i64,
    pub(crate) bonus: i64,
    pub(crate) pending: bool,
}

/// Of the place of a lot that is over; no lot is of this.
pub(super) const NOTHING: AssetId = AssetId::new(0);

impl Lot {
    pub(crate) const fn new(member: MemberId, asset: AssetId, origin: Seq) -> Self {
        Self {
            member,
            asset,
            pending: false,
            from: Day::FIRST,
            expires: Day::NEVER,
            principal: 0,
            bonus: 0,
            held_principal: 0,
            held_bonus: 0,
            principal_in: 0,
            bonus_in: 0,
            lapsed: 0,
            price: 0,
            deferred: 0,
            consumed: 0,
            store: StoreId::new(0),
            origin,
            refs: 0,
            next: Head::NONE,
            linked: false,
        }
    }

    /// A place that the next lot may take.
    pub(crate) const fn vacant() -> Self {
        Self::new(MemberId::new(u32::MAX), NOTHING, Seq::new(0))
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.asset == NOTHING
    }

    /// Whether nothing is in it and nothing can come back to it.
    pub(super) fn is_over(&self) -> bool {
        let parts = [self.left(), self.held_principal, self.held_bonus, self.deferred];
        parts == [0; 4] && self.refs == 0 && !self.pending && !self.is_vacant()
    }

    /// What is left, without what is held.
    #[must_use]
    pub const fn left(&self) -> i64 {
        self.principal.saturating_add(self.bonus)
    }

    pub(super) const fn purse(&self) -> Purse {
        Purse { principal: self.principal, bonus: self.bonus, pending: self.pending }
    }

    /// Whether it can be spent on `day`. Nothing depends on whether anybody booked its
    /// end or its beginning before.
    #[must_use]
    pub fn is_live(&self, day: Day) -> bool {
        self.expires >= day && self.from <= day
    }

    /// The account on which the principal, or the points, stand.
    #[must_use]
    pub fn code(&self) -> Code {
        if self.asset == MONEY {
            Code::StoredPrincipal
        } else if is_coupon(self.asset) {
            Code::Coupons
        } else if self.asset != POINTS {
            Code::Uses
        } else if self.pending {
            Code::PointsPending
        } else {
            Code::Points
        }
    }
}
