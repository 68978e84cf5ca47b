//! What a command did, in short: the answer to the sender.

use crate::ids::{CouponId, Day, HoldId, MemberId, OrderId, SaleId, Seq, TierId};
use crate::record::Kind;
use proto_wire::Timestamp;

/// The answer to an accepted command. A duplicate gets the very same one.
/// See [`Ledger`](crate::Ledger).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The place in the journal; the id of the sale or the hold, where it made one.
    pub seq: Seq,
    /// When it was booked.
    pub time: Timestamp,
    /// On which business day.
    pub day: Day,
    /// What it was.
    pub kind: Kind,
    /// Whom it was about.
    pub member: Option<MemberId>,
    /// The member's tier afterwards.
    pub tier: TierId,
    /// Whether the tier changed.
    pub tier_changed: bool,
    /// The amount of it: paid, loaded, held, moved, in minor units or points.
    pub amount: i64,
    /// Bonus given, or discount at a sale, in minor units.
    pub bonus: i64,
    /// Points gained; less than zero when they were given or taken.
    pub points: i64,
    /// Stored value afterwards, principal and bonus, without what is held.
    pub stored_after: i64,
    /// Points afterwards, without what is pending or held.
    pub points_after: i64,
}

impl Receipt {
    /// The sale that this command made, for a refund.
    #[must_use]
    pub const fn sale(&self) -> Option<SaleId> {
        match self.kind {
            Kind::Spent | Kind::Sold | Kind::Redeemed | Kind::TookPart | Kind::Captured => {
                Some(SaleId::new(self.seq.value()))
            }
            _ => None,
        }
    }

    /// The coupons that this command gave, for their use.
    #[must_use]
    pub const fn coupon(&self) -> Option<CouponId> {
        match self.kind {
            Kind::CouponsIssued
            | Kind::ToppedUp
            | Kind::Redeemed
            | Kind::BalanceOpened
            | Kind::Transferred => Some(CouponId::new(self.seq.value())),
            _ => None,
        }
    }

    /// The order that this command parked.
    #[must_use]
    pub const fn order(&self) -> Option<OrderId> {
        match self.kind {
            Kind::OrderParked => Some(OrderId::new(self.seq.value())),
            _ => None,
        }
    }

    /// The hold that this command made.
    #[must_use]
    pub const fn hold(&self) -> Option<HoldId> {
        match self.kind {
            Kind::Held => Some(HoldId::new(self.seq.value())),
            _ => None,
        }
    }
}

impl Default for Receipt {
    fn default() -> Self {
        Self {
            seq: Seq::new(0),
            time: Timestamp::UNIX_EPOCH,
            day: Day::FIRST,
            kind: Kind::Enrolled,
            member: None,
            tier: TierId::new(0),
            tier_changed: false,
            amount: 0,
            bonus: 0,
            points: 0,
            stored_after: 0,
            points_after: 0,
        }
    }
}
