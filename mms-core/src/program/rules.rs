//! What rules are made of.

use crate::amount::{Ratio, Rounding};
use crate::ids::{AssetId, Day, RewardId, RuleId, Sku, StoreId, TierId};
use alloc::vec::Vec;

/// What is unusual, and what happens then. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchRule {
    /// The number that stands in records and notices.
    pub id: RuleId,
    /// Which business the rule looks at.
    pub of: Watched,
    /// Whose.
    pub per: Per,
    /// What is unusual.
    pub unusual: Unusual,
    /// What happens then.
    pub alarm: Alarm,
}

/// Which business a rule looks at. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Watched {
    /// Top-ups, debits, sales, redemptions, taking part, holds, transfers and pay-outs.
    #[default]
    Value,
    /// Lines that are taken off parked orders, and parked orders that are given up: goods that
    /// were handed over and not sold. What moves is their price when the order was parked.
    Voids,
}

/// Whose business a rule looks at. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Per {
    /// That of each member. Walk-ins have none.
    #[default]
    Member,
    /// That of each store, with members and walk-ins.
    Store,
    /// Likewise of each terminal of a store.
    Terminal,
}

/// What is unusual about business of a kind.
/// Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusual {
    /// At least so much moves, in minor units.
    Amount(i64),
    /// So many of one member, store or terminal, this one among them, within so many seconds.
    Often {
        /// How many: at most 16.
        count: u8,
        /// Seconds.
        secs: u32,
    },
    /// At such times of the day; over midnight, when it ends before it begins.
    Hours {
        /// From this minute of the day.
        from: u16,
        /// To this one, which is outside.
        to: u16,
        /// Minutes that the clocks of the shops are ahead of UTC.
        zone: i16,
    },
}

/// What happens when something is unusual. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// It is booked and noted, and somebody is told.
    Notice,
    /// It is refused.
    Stop,
}

/// What the referrer so many levels above a member gets for what the member does. Nothing is ever
/// given for bringing somebody.
/// Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReferralRule {
    /// How far above: 1, 2 or 3.
    pub level: u8,
    /// Points for one minor unit of spend.
    pub on_spend: Ratio,
    /// Points for one minor unit loaded.
    pub on_top_up: Ratio,
    /// At most so many points for one sale or top-up.
    pub event_max: i64,
}

/// What a seller gets. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommissionRule {
    /// Only for members of this tier; for all others and walk-ins, when `None`.
    pub tier: Option<TierId>,
    /// Of what a sale brings in cash and on account.
    pub on_sale: Ratio,
    /// Of what stored value that was paid for pays of a sale. What was given pays none.
    pub on_stored: Ratio,
    /// Of what is loaded.
    pub on_top_up: Ratio,
    /// For a card that is issued, in minor units.
    pub on_card: i64,
}

/// What a review does to a tier for which the counters no longer suffice.
/// Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Downgrade {
    /// Nothing.
    #[default]
    Never,
    /// One tier down.
    OneDown,
    /// Down to the tier for which they suffice.
    ToDeserved,
}

/// A member's standing. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tier {
    /// The number that stands in records.
    pub id: TierId,
    /// Any of these is enough; all `None` for a tier that is only given by hand.
    pub qualify: Qualify,
    /// What is taken off the list price at checkout.
    pub discount: Ratio,
    /// Multiplies what an earn rule gives.
    pub earn: Ratio,
    /// Money for one point, in minor units, when points pay.
    pub burn: Ratio,
}

/// What lifts a member to a tier: the lifetime total of any of these.
/// Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Qualify {
    /// Points earned, in points.
    pub points: Option<i64>,
    /// Stored value loaded, in minor units.
    pub top_up: Option<i64>,
    /// Spend, in minor units.
    pub spend: Option<i64>,
    /// Sales.
    pub visits: Option<i64>,
}

/// 充多少送多少: what a top-up of at least `from` brings. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopUpRule {
    /// The number that stands in records.
    pub id: RuleId,
    /// Only for this tier, which then goes before rules for all.
    pub tier: Option<TierId>,
    /// From this amount, in minor units. The greatest that is reached counts.
    pub from: i64,
    /// Bonus as a share of the amount, rounded down.
    pub bonus: Ratio,
    /// Points on top.
    pub points: i64,
    /// A coupon of this kind on top, while there are any.
    pub coupon: Option<AssetId>,
}

/// 满多少减多少: what is taken off a total of at least `from`, after discounts of the tier.
/// Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Threshold {
    /// From this total, in minor units.
    pub from: i64,
    /// This much is taken off.
    pub off: i64,
}

/// A kind of coupon: what it is worth, and where and when. Part of a [`Program`](super::Program).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CouponRule {
    /// The number of the kind: see [`is_coupon`](crate::is_coupon).
    pub kind: AssetId,
    /// What is taken off.
    pub off: CouponOff,
    /// Only from this total of the goods that it is for, in minor units, after other discounts.
    pub from: i64,
    /// Only for this tier and those above.
    pub tier: Option<TierId>,
    /// Only in these stores; in all, when empty.
    pub stores: Vec<StoreId>,
    /// Only for these goods; for all but those at a special price, when empty.
    pub skus: Vec<Sku>,
    /// Days until it can be used.
    pub wait_days: u32,
    /// How long from then.
    pub expiry: Expiry,
    /// How many may ever be issued.
    pub pool_max: Option<i64>,
    /// How many a member may hold.
    pub member_max: Option<i64>,
}

/// What a coupon takes off. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CouponOff {
    /// This much, in minor units (代金券).
    Amount(i64),
    /// This share, at most so much (折扣券).
    Share(Ratio, i64),
}

/// What points buy at a fixed price. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reward {
    /// The number that stands in commands and records.
    pub id: RewardId,
    /// The price of one.
    pub points: i64,
    /// What it is.
    pub gives: Gives,
    /// The first day on which it is to be had.
    pub from: Day,
    /// The last one.
    pub until: Day,
}

/// What a reward is. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gives {
    /// One of these goods, from the store's stock (礼品).
    Goods(AssetId),
    /// A coupon of this kind.
    Coupon(AssetId),
    /// So many uses of a kind, good for so many days.
    Uses(AssetId, i64, u32),
}

/// What taking part in something costs and gives (活动积分). Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityRule {
    /// The number that stands in commands and records; no rule of the program has the same.
    pub id: RuleId,
    /// The points that taking part costs; may be zero. Who pays some can have them back as long as a
    /// sale can be returned, and gives back what it got.
    pub costs: i64,
    /// The points that it gives; may be zero.
    pub gives: i64,
    /// The first day on which anybody can take part.
    pub from: Day,
    /// The last one.
    pub until: Day,
    /// How many times in all.
    pub places_max: Option<u32>,
    /// How many times a member may.
    pub member_max: Option<u32>,
}

/// How a sale gives points. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EarnRule {
    /// The number that stands in records.
    pub id: RuleId,
    /// Points for one minor unit of the base.
    pub rate: Ratio,
    /// What happens to the part of a point.
    pub rounding: Rounding,
    /// Whether what was paid with points counts.
    pub on_points_paid: bool,
    /// Whether what was paid with bonus counts.
    pub on_bonus_paid: bool,
    /// How long these points live.
    pub expiry: Expiry,
    /// Days until the member may spend them.
    pub pending_days: u32,
}

/// Which part of a lot of stored value goes first. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Consumption {
    /// Both in the proportion that the lot holds them in (本金与权益金等比例).
    #[default]
    Proportional,
    /// What was paid for.
    PrincipalFirst,
    /// What was given.
    BonusFirst,
}

/// When value lapses. A lot is dead after its day, whether or not anybody looked.
/// Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// Good for that many days after the day.
    Days(u32),
    /// Good until the end of the month that many months later. Lots of one month merge.
    MonthEnd(u32),
}

/// What a parked order costs when it is taken up again. Part of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParkedPrices {
    /// What the rules say then.
    #[default]
    AtCheckout,
    /// What they said when it was parked, unless a line was taken off since.
    AsParked,
}
