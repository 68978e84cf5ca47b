//! Bills: what is sold, how it is paid, how much of it is taken back.

use crate::ids::{AssetId, CouponId, Day, Sku};
use crate::wire::wire_enum;

/// One line of a checkout. Part of an [`Action`](crate::Action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// How many; not zero.
    pub quantity: u32,
    /// The list price of one, in minor units; may be zero.
    pub price: i64,
    /// A special price: no discount comes on top (特价).
    pub special: bool,
}

impl Line {
    /// `quantity` of `sku` at `price` each.
    #[must_use]
    pub const fn new(sku: Sku, quantity: u32, price: i64) -> Self {
        Self { sku, quantity, price, special: false }
    }

    /// The same at a special price.
    #[must_use]
    pub const fn at_special_price(mut self) -> Self {
        self.special = true;
        self
    }
}

/// What comes on top of a checkout. Nothing, by default. Part of an [`Action`](crate::Action).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Extras {
    /// One coupon of this issue is used.
    pub coupon: Option<CouponId>,
    /// Cash change that stays with the scheme, on top of the cash that the sale takes (零钱存储).
    pub keep_change: i64,
    /// So much is paid later, on account (挂账): what [`Pay::Cash`] and [`Pay::Stored`] take is less
    /// by that, and [`Pay::Mixed`] must sum to the total with it.
    pub on_account: i64,
}

impl Extras {
    /// Nothing.
    pub const NONE: Self = Self { coupon: None, keep_change: 0, on_account: 0 };

    /// Sets [`Extras::coupon`].
    #[must_use]
    pub const fn with_coupon(mut self, coupon: CouponId) -> Self {
        self.coupon = Some(coupon);
        self
    }

    /// Sets [`Extras::on_account`], in minor units.
    #[must_use]
    pub const fn with_on_account(mut self, amount: i64) -> Self {
        self.on_account = amount;
        self
    }

    /// Sets [`Extras::keep_change`], in minor units.
    #[must_use]
    pub const fn with_keep_change(mut self, amount: i64) -> Self {
        self.keep_change = amount;
        self
    }
}

/// How a checkout is paid. Part of an [`Action`](crate::Action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pay {
    /// All in cash, or by a bank card: over the counter.
    Cash,
    /// All from stored value.
    Stored,
    /// These, which must sum to the net total.
    Mixed {
        /// Over the counter.
        cash: i64,
        /// From stored value.
        stored: i64,
        /// In points, at the tier's rate.
        points: i64,
    },
}

wire_enum! {
    /// Which of the ways of [`Pay`].
    pub enum PayKind: u8 {
        /// All over the counter.
        Cash = 1,
        /// All from stored value.
        Stored = 2,
        /// Several.
        Mixed = 3,
    }
}

impl Pay {
    /// Which way it is.
    #[must_use]
    pub const fn kind(self) -> PayKind {
        match self {
            Self::Cash => PayKind::Cash,
            Self::Stored => PayKind::Stored,
            Self::Mixed { .. } => PayKind::Mixed,
        }
    }

    /// Cash, stored value and points of a mixed tender; zeros otherwise.
    pub(crate) const fn parts(self) -> [i64; 3] {
        match self {
            Self::Mixed { cash, stored, points } => [cash, stored, points],
            Self::Cash | Self::Stored => [0; 3],
        }
    }

    /// Put together again; what is not of a mixed tender does not count.
    pub(crate) const fn of(kind: PayKind, [cash, stored, points]: [i64; 3]) -> Self {
        match kind {
            PayKind::Cash => Self::Cash,
            PayKind::Stored => Self::Stored,
            PayKind::Mixed => Self::Mixed { cash, stored, points },
        }
    }
}

/// How much of a sale is taken back. Part of an [`Action`](crate::Action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// All that is left.
    Rest,
    /// This much of what was paid: minor units, or points for a redemption.
    Amount(i64),
    /// So many of a line.
    Line {
        /// Which, from 0.
        line: u16,
        /// How many.
        quantity: u32,
    },
}

/// What a member had in another system besides stored value and points. Part of an
/// [`Action`](crate::Action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Opened {
    /// Uses that were sold ahead, with what is still to be earned of their price; it may be zero.
    Uses {
        /// Of what: see [`is_uses`](crate::is_uses).
        kind: AssetId,
        /// How many are left.
        uses: i64,
        /// What is left of the price.
        price: i64,
        /// When they were sold.
        from: Day,
        /// Their last day.
        expires: Day,
    },
    /// Coupons of a kind that the program lists, besides those of its pool.
    Coupons {
        /// Of what kind.
        kind: AssetId,
        /// How many.
        count: i64,
        /// The first day on which they can be used.
        from: Day,
        /// The last one.
        expires: Day,
    },
    /// Change that the member left with the scheme.
    Change(i64),
    /// Points that the member owes.
    PointsDebt(i64),
    /// What the member owes for goods sold on account, within its credit.
    Owed(i64),
}
