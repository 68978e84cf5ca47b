//! Rules, made step by step.

use super::{
    ActivityRule, Alarm, CommissionRule, CouponOff, CouponRule, EarnRule, Expiry, Gives, Per,
    Qualify, ReferralRule, Reward, Threshold, Tier, TopUpRule, Unusual, WatchRule, Watched,
};
use crate::amount::{Ratio, Rounding};
use crate::ids::{AssetId, Day, RewardId, RuleId, Sku, StoreId, TierId};
use crate::state::Counters;
use alloc::vec::Vec;

impl Tier {
    /// A tier that is only given by hand: no discount, plain points worth one minor unit.
    #[must_use]
    pub const fn new(id: TierId) -> Self {
        Self {
            id,
            qualify: Qualify { points: None, top_up: None, spend: None, visits: None },
            discount: Ratio::ZERO,
            earn: Ratio::ONE,
            burn: Ratio::ONE,
        }
    }

    /// Sets [`Tier::qualify`].
    #[must_use]
    pub const fn with_qualify(mut self, qualify: Qualify) -> Self {
        self.qualify = qualify;
        self
    }

    /// Sets [`Tier::discount`].
    #[must_use]
    pub const fn with_discount(mut self, discount: Ratio) -> Self {
        self.discount = discount;
        self
    }

    /// Sets [`Tier::earn`].
    #[must_use]
    pub const fn with_earn(mut self, earn: Ratio) -> Self {
        self.earn = earn;
        self
    }

    /// Sets [`Tier::burn`].
    #[must_use]
    pub const fn with_burn(mut self, burn: Ratio) -> Self {
        self.burn = burn;
        self
    }
}

impl ActivityRule {
    /// On any day, for as many as like: so many points it costs, so many it gives.
    #[must_use]
    pub const fn new(id: RuleId, costs: i64, gives: i64) -> Self {
        let (from, until) = (Day::FIRST, Day::NEVER);
        Self { id, costs, gives, from, until, places_max: None, member_max: None }
    }

    /// Sets [`ActivityRule::from`] and [`ActivityRule::until`].
    #[must_use]
    pub const fn with_days(mut self, from: Day, until: Day) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    /// Sets [`ActivityRule::places_max`].
    #[must_use]
    pub const fn with_places_max(mut self, max: u32) -> Self {
        self.places_max = Some(max);
        self
    }

    /// Sets [`ActivityRule::member_max`].
    #[must_use]
    pub const fn with_member_max(mut self, max: u32) -> Self {
        self.member_max = Some(max);
        self
    }
}

impl Qualify {
    /// Whether any of the bounds is reached.
    pub(crate) fn suffices(&self, counters: &Counters) -> bool {
        let reached = |bound: Option<i64>, value: i64| bound.is_some_and(|bound| value >= bound);
        reached(self.points, counters.points)
            || reached(self.top_up, counters.top_up)
            || reached(self.spend, counters.spend)
            || reached(self.visits, counters.visits)
    }

    /// Sets [`Qualify::points`].
    #[must_use]
    pub const fn with_points(mut self, points: i64) -> Self {
        self.points = Some(points);
        self
    }

    /// Sets [`Qualify::top_up`].
    #[must_use]
    pub const fn with_top_up(mut self, amount: i64) -> Self {
        self.top_up = Some(amount);
        self
    }

    /// Sets [`Qualify::spend`].
    #[must_use]
    pub const fn with_spend(mut self, amount: i64) -> Self {
        self.spend = Some(amount);
        self
    }

    /// Sets [`Qualify::visits`].
    #[must_use]
    pub const fn with_visits(mut self, visits: i64) -> Self {
        self.visits = Some(visits);
        self
    }
}

impl TopUpRule {
    /// A rule for all tiers from this amount, without any bonus yet.
    #[must_use]
    pub const fn new(id: RuleId, from: i64) -> Self {
        Self { id, tier: None, from, bonus: Ratio::ZERO, points: 0, coupon: None }
    }

    /// Sets [`TopUpRule::tier`].
    #[must_use]
    pub const fn with_tier(mut self, tier: TierId) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Sets [`TopUpRule::bonus`].
    #[must_use]
    pub const fn with_bonus(mut self, bonus: Ratio) -> Self {
        self.bonus = bonus;
        self
    }

    /// Sets [`TopUpRule::coupon`].
    #[must_use]
    pub const fn with_coupon(mut self, kind: AssetId) -> Self {
        self.coupon = Some(kind);
        self
    }

    /// Sets [`TopUpRule::points`].
    #[must_use]
    pub const fn with_points(mut self, points: i64) -> Self {
        self.points = points;
        self
    }
}

impl WatchRule {
    /// Tells somebody when this happens.
    #[must_use]
    pub const fn new(id: RuleId, unusual: Unusual) -> Self {
        let (of, per) = (Watched::Value, Per::Member);
        Self { id, of, per, unusual, alarm: Alarm::Notice }
    }

    /// Sets [`WatchRule::of`].
    #[must_use]
    pub const fn of(mut self, of: Watched) -> Self {
        self.of = of;
        self
    }

    /// Sets [`WatchRule::per`].
    #[must_use]
    pub const fn per(mut self, per: Per) -> Self {
        self.per = per;
        self
    }

    /// Stops it instead.
    #[must_use]
    pub const fn stopping(mut self) -> Self {
        self.alarm = Alarm::Stop;
        self
    }
}

impl ReferralRule {
    /// Nothing for this level yet, and no more than so many points for one event.
    #[must_use]
    pub const fn new(level: u8, event_max: i64) -> Self {
        Self { level, on_spend: Ratio::ZERO, on_top_up: Ratio::ZERO, event_max }
    }

    /// Sets [`ReferralRule::on_spend`].
    #[must_use]
    pub const fn with_on_spend(mut self, rate: Ratio) -> Self {
        self.on_spend = rate;
        self
    }

    /// Sets [`ReferralRule::on_top_up`].
    #[must_use]
    pub const fn with_on_top_up(mut self, rate: Ratio) -> Self {
        self.on_top_up = rate;
        self
    }
}

impl CommissionRule {
    /// So much of what a sale brings in cash and on account, for members of all tiers.
    #[must_use]
    pub const fn new(on_sale: Ratio) -> Self {
        let zero = Ratio::ZERO;
        Self { tier: None, on_sale, on_stored: zero, on_top_up: zero, on_card: 0 }
    }

    /// Sets [`CommissionRule::tier`].
    #[must_use]
    pub const fn with_tier(mut self, tier: TierId) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Sets [`CommissionRule::on_stored`].
    #[must_use]
    pub const fn with_on_stored(mut self, rate: Ratio) -> Self {
        self.on_stored = rate;
        self
    }

    /// Sets [`CommissionRule::on_top_up`].
    #[must_use]
    pub const fn with_on_top_up(mut self, rate: Ratio) -> Self {
        self.on_top_up = rate;
        self
    }

    /// Sets [`CommissionRule::on_card`], in minor units.
    #[must_use]
    pub const fn with_on_card(mut self, amount: i64) -> Self {
        self.on_card = amount;
        self
    }
}

impl Threshold {
    /// From this total, this much is taken off; both in minor units.
    #[must_use]
    pub const fn new(from: i64, off: i64) -> Self {
        Self { from, off }
    }
}

impl CouponRule {
    /// Coupons that take this off, for all goods, stores and tiers, at once, for ever, as many
    /// as one likes.
    #[must_use]
    pub const fn new(kind: AssetId, off: CouponOff) -> Self {
        Self {
            kind,
            off,
            from: 0,
            tier: None,
            stores: Vec::new(),
            skus: Vec::new(),
            wait_days: 0,
            expiry: Expiry::Never,
            pool_max: None,
            member_max: None,
        }
    }

    /// Sets [`CouponRule::from`].
    #[must_use]
    pub const fn with_from(mut self, total: i64) -> Self {
        self.from = total;
        self
    }

    /// Sets [`CouponRule::tier`].
    #[must_use]
    pub const fn with_tier(mut self, tier: TierId) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Sets [`CouponRule::stores`].
    #[must_use]
    pub fn with_stores(mut self, stores: Vec<StoreId>) -> Self {
        self.stores = stores;
        self
    }

    /// Sets [`CouponRule::skus`].
    #[must_use]
    pub fn with_skus(mut self, skus: Vec<Sku>) -> Self {
        self.skus = skus;
        self
    }

    /// Sets [`CouponRule::wait_days`].
    #[must_use]
    pub const fn with_wait_days(mut self, days: u32) -> Self {
        self.wait_days = days;
        self
    }

    /// Sets [`CouponRule::expiry`].
    #[must_use]
    pub const fn with_expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }

    /// Sets [`CouponRule::pool_max`].
    #[must_use]
    pub const fn with_pool_max(mut self, max: i64) -> Self {
        self.pool_max = Some(max);
        self
    }

    /// Sets [`CouponRule::member_max`].
    #[must_use]
    pub const fn with_member_max(mut self, max: i64) -> Self {
        self.member_max = Some(max);
        self
    }
}

impl Reward {
    /// A reward at this price, to be had on any day.
    #[must_use]
    pub const fn new(id: RewardId, points: i64, gives: Gives) -> Self {
        Self { id, points, gives, from: Day::FIRST, until: Day::NEVER }
    }

    /// Sets the first and the last day on which it is to be had.
    #[must_use]
    pub const fn with_days(mut self, from: Day, until: Day) -> Self {
        self.from = from;
        self.until = until;
        self
    }
}

impl EarnRule {
    /// A rule with this rate on what was paid with money, rounded down, at once, for ever.
    #[must_use]
    pub const fn new(id: RuleId, rate: Ratio) -> Self {
        Self {
            id,
            rate,
            rounding: Rounding::Down,
            on_points_paid: false,
            on_bonus_paid: false,
            expiry: Expiry::Never,
            pending_days: 0,
        }
    }

    /// Sets [`EarnRule::rounding`].
    #[must_use]
    pub const fn with_rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// Sets [`EarnRule::on_points_paid`].
    #[must_use]
    pub const fn with_on_points_paid(mut self, counts: bool) -> Self {
        self.on_points_paid = counts;
        self
    }

    /// Sets [`EarnRule::on_bonus_paid`].
    #[must_use]
    pub const fn with_on_bonus_paid(mut self, counts: bool) -> Self {
        self.on_bonus_paid = counts;
        self
    }

    /// Sets [`EarnRule::expiry`].
    #[must_use]
    pub const fn with_expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }

    /// Sets [`EarnRule::pending_days`].
    #[must_use]
    pub const fn with_pending_days(mut self, days: u32) -> Self {
        self.pending_days = days;
        self
    }
}
