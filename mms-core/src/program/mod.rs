//! The rules of a membership program: tiers, bonuses, earning, burning, expiry.
//!
//! Rules are read when a command is prepared and never again: the record carries the
//! results, with the number of the rule and the version of the program.

use crate::account::{is_coupon, is_goods, is_uses};
use crate::amount::Ratio;
use crate::ids::{AssetId, Day, FieldId, RewardId, RuleId, StoreId, TierId};
use alloc::vec;
use alloc::vec::Vec;
use thiserror::Error;

/// Times of a member's newest business that are kept for rules about frequency.
pub(crate) const WATCH_MAX: usize = 16;
/// Months whose counters are kept.
pub(crate) const WINDOW_MAX: u32 = 36;

mod fields;
mod goods;
mod remind;
mod rules;
mod setters;

pub(crate) use fields::month_day;
pub use fields::{Field, Holds};
pub use goods::{Bundle, ItemRule};
pub use remind::{Remind, RemindKind, ReminderRule};
pub use rules::*;

/// The rules in force. Replaceable at any time with
/// [`Ledger::set_program`](crate::Ledger::set_program); history does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Program {
    /// Stands in every record that a rule had a part in.
    pub version: u32,
    /// From the lowest to the highest. The first is where members start.
    pub tiers: Vec<Tier>,
    /// Bonus on top-ups.
    pub top_up_rules: Vec<TopUpRule>,
    /// How points are earned. The first is for sales, all of them for
    /// [`Action::Earn`](crate::Action::Earn).
    pub earn_rules: Vec<EarnRule>,
    /// Which part of a lot of stored value goes first.
    pub consumption: Consumption,
    /// How long stored value lives.
    pub stored_expiry: Expiry,
    /// How long points live that no earn rule gave: adjustments, top-up bonus.
    pub points_expiry: Expiry,
    /// Days after the sale in which it can be returned.
    pub return_days: u32,
    /// What happens to value that is restored to a lot that is dead by then: `None`, it
    /// is dead at once; else it comes back in a new lot for that many days.
    pub refund_grace_days: Option<u32>,
    /// Wrong PINs in a row that lock a card.
    pub pin_tries_max: u8,
    /// What is taken off for goods that are bought together (产品套餐), before all else; each article
    /// counts once, in the order of this list. Goods at a special price do not.
    pub bundles: Vec<Bundle>,
    /// What is taken off an article, next (单独打折系数). Goods at a special price are as they are.
    pub items: Vec<ItemRule>,
    /// What is taken off a total (满减). The greatest that is reached counts; goods at a special
    /// price do not.
    pub thresholds: Vec<Threshold>,
    /// What the host keeps of members in the ledger.
    pub fields: Vec<Field>,
    /// What the host keeps of sales in the ledger, besides their lines.
    pub sale_fields: Vec<Field>,
    /// Kinds of coupons.
    pub coupons: Vec<CouponRule>,
    /// Whether a coupon comes back when its sale is returned whole.
    pub coupon_returns: bool,
    /// What a parked order costs when it is taken up again.
    pub parked_prices: ParkedPrices,
    /// What points buy at a fixed price.
    pub rewards: Vec<Reward>,
    /// What members can take part in.
    pub activities: Vec<ActivityRule>,
    /// What members are reminded of.
    pub reminders: Vec<ReminderRule>,
    /// What is unusual.
    pub watch: Vec<WatchRule>,
    /// The stores that may load stored value, also with change; all, when empty.
    pub load_stores: Vec<StoreId>,
    /// What referrers get, level by level (at most three).
    pub referral: Vec<ReferralRule>,
    /// What sellers get: the rule of the member's tier, else the one for all.
    pub commissions: Vec<CommissionRule>,
    /// How much a company, a dealer or an agency may owe; nothing, by default.
    pub credit_max: i64,
    /// Days until that is due.
    pub credit_days: u32,
    /// Whether stores settle what was loaded in one and spent in another.
    pub settle: bool,
    /// What they settle for a point, in minor units.
    pub settle_points: Ratio,
    /// How many calendar months tiers look at, the present one among them (at most 36); all of a
    /// member's life, when `None`.
    pub tier_window: Option<u32>,
    /// How long a tier is kept before it is reviewed.
    pub tier_keep: Expiry,
    /// What a review does when the counters no longer suffice.
    pub downgrade: Downgrade,
}

/// A program that contradicts itself. See [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// There is no tier to start from.
    #[error("the program has no tier")]
    NoTier,
    /// Two tiers have one id.
    #[error("two tiers have the same id")]
    TierTwice,
    /// Two rules have one id.
    #[error("two rules have the same id")]
    RuleTwice,
    /// An amount in a rule is negative.
    #[error("an amount in a rule is negative")]
    Negative,
    /// A discount is more than the whole.
    #[error("a discount takes more than the whole price")]
    Discount,
    /// Two kinds of coupons, two rewards, two fields, two reminders or two rules for an article have
    /// one number.
    #[error("two kinds of coupons, rewards, fields, reminders or articles have the same number")]
    KindTwice,
    /// A number is used for another kind of thing than it stands for, or a bundle has no parts.
    #[error("a kind's number is out of its range")]
    Kind,
    /// A referral rule is for another level than 1, 2 or 3, or two are for one.
    #[error("a referral rule is for an impossible level, or two are for one")]
    Levels,
    /// A rule about frequency counts to zero or beyond what is remembered.
    #[error("a rule about frequency counts too far")]
    Watch,
    /// A reminder comes more than a year before its day.
    #[error("a reminder comes more than a year before its day")]
    Reminder,
    /// Tiers look at no month or at more than 36.
    #[error("tiers look at no month or at too many")]
    Window,
}

impl Default for Program {
    /// One tier, no bonus, no points; 30 days for returns.
    fn default() -> Self {
        Self {
            version: 1,
            tiers: vec![Tier::new(TierId::new(0))],
            top_up_rules: Vec::new(),
            earn_rules: Vec::new(),
            consumption: Consumption::Proportional,
            stored_expiry: Expiry::Never,
            points_expiry: Expiry::Never,
            return_days: 30,
            refund_grace_days: None,
            pin_tries_max: 3,
            bundles: Vec::new(),
            items: Vec::new(),
            fields: Vec::new(),
            sale_fields: Vec::new(),
            thresholds: Vec::new(),
            coupons: Vec::new(),
            coupon_returns: false,
            parked_prices: ParkedPrices::AtCheckout,
            rewards: Vec::new(),
            activities: Vec::new(),
            reminders: Vec::new(),
            watch: Vec::new(),
            load_stores: Vec::new(),
            referral: Vec::new(),
            commissions: Vec::new(),
            credit_max: 0,
            credit_days: 30,
            settle: false,
            settle_points: Ratio::ZERO,
            tier_window: None,
            tier_keep: Expiry::Never,
            downgrade: Downgrade::Never,
        }
    }
}

impl Program {
    /// An ordinary program: base, silver (from 1,000.00 spent: 5 % off, points × 1.5) and
    /// gold (from 5,000.00 spent or 3,000.00 loaded: 10 % off, points × 2); a point per
    /// whole unit of money, worth a cent, good until the end of the month a year later;
    /// 10 % bonus from 100.00 and 20 % from 500.00.
    #[must_use]
    pub fn sample() -> Self {
        Self::default()
            .with_tiers(vec![
                Tier::new(TierId::new(0)),
                Tier::new(TierId::new(1))
                    .with_qualify(Qualify::default().with_spend(100_000))
                    .with_discount(Ratio::percent(5))
                    .with_earn(Ratio::percent(150)),
                Tier::new(TierId::new(2))
                    .with_qualify(Qualify::default().with_spend(500_000).with_top_up(300_000))
                    .with_discount(Ratio::percent(10))
                    .with_earn(Ratio::times(2)),
            ])
            .with_top_up_rules(vec![
                TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::percent(10)),
                TopUpRule::new(RuleId::new(2), 50_000).with_bonus(Ratio::percent(20)),
            ])
            .with_earn_rules(vec![
                EarnRule::new(RuleId::new(10), Ratio::percent(1)).with_expiry(Expiry::MonthEnd(12)),
            ])
            .with_points_expiry(Expiry::MonthEnd(12))
    }

    /// Whether the rules make sense.
    ///
    /// # Errors
    ///
    /// The first contradiction, in the order of [`ProgramError`].
    pub fn validate(&self) -> Result<(), ProgramError> {
        if self.tiers.is_empty() {
            return Err(ProgramError::NoTier);
        }
        let repeats = |ids: &mut dyn Iterator<Item = u32>| {
            let mut seen: Vec<u32> = ids.collect();
            let all = seen.len();
            seen.sort_unstable();
            seen.dedup();
            seen.len() != all
        };
        if repeats(&mut self.tiers.iter().map(|tier| u32::from(tier.id.value()))) {
            return Err(ProgramError::TierTwice);
        }
        let top_ups = self.top_up_rules.iter().map(|rule| rule.id.value());
        let earns = self.earn_rules.iter().map(|rule| rule.id.value());
        let activities = self.activities.iter().map(|rule| rule.id.value());
        if repeats(&mut top_ups.chain(earns).chain(activities)) {
            return Err(ProgramError::RuleTwice);
        }
        let amounts = self.top_up_rules.iter().flat_map(|rule| [rule.from, rule.points]);
        if amounts.into_iter().any(|amount| amount < 0) {
            return Err(ProgramError::Negative);
        }
        if self.tiers.iter().any(|tier| tier.discount.num() > tier.discount.den()) {
            return Err(ProgramError::Discount);
        }
        self.validate_kinds(&repeats)
    }

    fn validate_kinds(
        &self,
        repeats: &dyn Fn(&mut dyn Iterator<Item = u32>) -> bool,
    ) -> Result<(), ProgramError> {
        let thresholds =
            self.thresholds.iter().flat_map(|threshold| [threshold.from, threshold.off]);
        let coupons = self.coupons.iter().flat_map(|rule| match rule.off {
            CouponOff::Amount(amount) => [rule.from, amount],
            CouponOff::Share(_, max) => [rule.from, max],
        });
        let rewards = self.rewards.iter().flat_map(|reward| match reward.gives {
            Gives::Uses(_, uses, _) => [reward.points, uses],
            Gives::Goods(_) | Gives::Coupon(_) => [reward.points, 0],
        });
        let others = self.commissions.iter().map(|rule| rule.on_card);
        let others = others.chain(self.bundles.iter().map(|bundle| bundle.off));
        let others = others.chain(self.referral.iter().map(|rule| rule.event_max));
        let others = others.chain([self.credit_max]);
        let others = others.chain(self.activities.iter().flat_map(|rule| [rule.costs, rule.gives]));
        if thresholds.chain(coupons).chain(rewards).chain(others).any(|amount| amount < 0) {
            return Err(ProgramError::Negative);
        }
        if self.items.iter().any(|item| item.off.num() > item.off.den()) {
            return Err(ProgramError::Discount);
        }
        if self.thresholds.iter().any(|threshold| threshold.off > threshold.from)
            || self.coupons.iter().any(
                |rule| matches!(rule.off, CouponOff::Share(share, _) if share.num() > share.den()),
            )
        {
            return Err(ProgramError::Discount);
        }
        if repeats(&mut self.coupons.iter().map(|rule| u32::from(rule.kind.value())))
            || repeats(&mut self.rewards.iter().map(|reward| reward.id.value()))
            || repeats(&mut self.sale_fields.iter().map(|field| u32::from(field.id.value())))
            || repeats(&mut self.reminders.iter().map(|rule| rule.id.value()))
            || repeats(&mut self.items.iter().map(|item| item.sku.value()))
            || repeats(&mut self.fields.iter().map(|field| u32::from(field.id.value())))
        {
            return Err(ProgramError::KindTwice);
        }
        let given = |reward: &Reward| match reward.gives {
            Gives::Goods(goods) => is_goods(goods),
            Gives::Coupon(kind) => is_coupon(kind),
            Gives::Uses(kind, uses, _) => is_uses(kind) && uses > 0,
        };
        let loaded = self.top_up_rules.iter().filter_map(|rule| rule.coupon);
        let kinds = self.coupons.iter().map(|rule| rule.kind).chain(loaded);
        if !self.rewards.iter().all(given) || !kinds.into_iter().all(is_coupon) {
            return Err(ProgramError::Kind);
        }
        let sets = |bundle: &Bundle| {
            let skus = bundle.parts.iter().map(|(sku, _)| sku.value());
            let whole = bundle.parts.iter().all(|(_, quantity)| *quantity > 0);
            whole && !bundle.parts.is_empty() && !repeats(&mut { skus })
        };
        if !self.bundles.iter().all(sets) {
            return Err(ProgramError::Kind);
        }
        let levels = self.referral.iter().map(|rule| u32::from(rule.level));
        if levels.clone().any(|level| !(1..=3).contains(&level)) || repeats(&mut { levels }) {
            return Err(ProgramError::Levels);
        }
        let counts = |rule: &WatchRule| match rule.unusual {
            Unusual::Often { count, .. } => (1..=WATCH_MAX).contains(&usize::from(count)),
            Unusual::Amount(_) | Unusual::Hours { .. } => true,
        };
        if !self.watch.iter().all(counts) {
            return Err(ProgramError::Watch);
        }
        if self.reminders.iter().any(|rule| rule.days > 366) {
            return Err(ProgramError::Reminder);
        }
        if self.tier_window.is_some_and(|months| !(1..=WINDOW_MAX).contains(&months)) {
            return Err(ProgramError::Window);
        }
        Ok(())
    }

    /// The field with this id.
    #[must_use]
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The field of sales with this id.
    #[must_use]
    pub fn sale_field(&self, id: FieldId) -> Option<&Field> {
        self.sale_fields.iter().find(|field| field.id == id)
    }

    /// The tier with this id; the first when there is none (a tier that was abolished).
    #[must_use]
    pub fn tier(&self, id: TierId) -> Tier {
        self.tiers
            .iter()
            .find(|tier| tier.id == id)
            .or_else(|| self.tiers.first())
            .copied()
            .unwrap_or_else(|| Tier::new(id))
    }

    /// Where members start.
    #[must_use]
    pub fn first_tier(&self) -> TierId {
        self.tiers.first().map_or(TierId::new(0), |tier| tier.id)
    }

    pub(crate) fn top_up_rule(&self, tier: TierId, amount: i64) -> Option<&TopUpRule> {
        self.top_up_rules
            .iter()
            .filter(|rule| rule.from <= amount && rule.tier.is_none_or(|only| only == tier))
            .max_by_key(|rule| (rule.tier.is_some(), rule.from, core::cmp::Reverse(rule.id)))
    }

    pub(crate) fn earn_rule(&self, id: RuleId) -> Option<&EarnRule> {
        self.earn_rules.iter().find(|rule| rule.id == id)
    }

    /// The tier below this one; the lowest has none.
    pub(crate) fn tier_below(&self, tier: TierId) -> TierId {
        let place = self.tiers.iter().position(|known| known.id == tier).unwrap_or(0);
        self.tiers.get(place.saturating_sub(1)).map_or(tier, |below| below.id)
    }

    /// Sets [`Program::reminders`].
    #[must_use]
    pub fn with_reminders(mut self, rules: Vec<ReminderRule>) -> Self {
        self.reminders = rules;
        self
    }

    /// Sets [`Program::activities`].
    #[must_use]
    pub fn with_activities(mut self, activities: Vec<ActivityRule>) -> Self {
        self.activities = activities;
        self
    }

    /// Sets [`Program::watch`].
    #[must_use]
    pub fn with_watch(mut self, rules: Vec<WatchRule>) -> Self {
        self.watch = rules;
        self
    }

    /// Sets [`Program::fields`].
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<Field>) -> Self {
        self.fields = fields;
        self
    }

    /// Sets [`Program::sale_fields`].
    #[must_use]
    pub fn with_sale_fields(mut self, fields: Vec<Field>) -> Self {
        self.sale_fields = fields;
        self
    }

    /// Sets [`Program::bundles`].
    #[must_use]
    pub fn with_bundles(mut self, bundles: Vec<Bundle>) -> Self {
        self.bundles = bundles;
        self
    }

    /// Sets [`Program::items`].
    #[must_use]
    pub fn with_items(mut self, items: Vec<ItemRule>) -> Self {
        self.items = items;
        self
    }

    /// Sets [`Program::load_stores`].
    #[must_use]
    pub fn with_load_stores(mut self, stores: Vec<StoreId>) -> Self {
        self.load_stores = stores;
        self
    }

    /// Sets [`Program::referral`].
    #[must_use]
    pub fn with_referral(mut self, rules: Vec<ReferralRule>) -> Self {
        self.referral = rules;
        self
    }

    /// Sets [`Program::commissions`].
    #[must_use]
    pub fn with_commissions(mut self, rules: Vec<CommissionRule>) -> Self {
        self.commissions = rules;
        self
    }

    /// Sets [`Program::credit_max`] and [`Program::credit_days`].
    #[must_use]
    pub const fn with_credit(mut self, max: i64, days: u32) -> Self {
        self.credit_max = max;
        self.credit_days = days;
        self
    }

    /// Lets stores settle with each other; a point is worth so much between them.
    #[must_use]
    pub const fn with_settlement(mut self, point: Ratio) -> Self {
        self.settle = true;
        self.settle_points = point;
        self
    }

    /// Sets [`Program::tier_window`].
    #[must_use]
    pub const fn with_tier_window(mut self, months: u32) -> Self {
        self.tier_window = Some(months);
        self
    }

    /// Sets [`Program::tier_keep`] and [`Program::downgrade`].
    #[must_use]
    pub const fn with_tier_review(mut self, keep: Expiry, downgrade: Downgrade) -> Self {
        self.tier_keep = keep;
        self.downgrade = downgrade;
        self
    }

    pub(crate) fn coupon(&self, kind: AssetId) -> Option<&CouponRule> {
        self.coupons.iter().find(|rule| rule.kind == kind)
    }

    pub(crate) fn activity(&self, id: RuleId) -> Option<&ActivityRule> {
        self.activities.iter().find(|rule| rule.id == id)
    }

    pub(crate) fn reward(&self, id: RewardId) -> Option<&Reward> {
        self.rewards.iter().find(|reward| reward.id == id)
    }

    /// Whether `tier` is `least` or above it.
    pub(crate) fn is_at_least(&self, tier: TierId, least: TierId) -> bool {
        let place = |id| self.tiers.iter().position(|tier| tier.id == id);
        place(least).is_some_and(|least| place(tier).unwrap_or(0) >= least)
    }

    /// Sets [`Program::thresholds`].
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Vec<Threshold>) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Sets [`Program::coupons`].
    #[must_use]
    pub fn with_coupons(mut self, coupons: Vec<CouponRule>) -> Self {
        self.coupons = coupons;
        self
    }

    /// Sets [`Program::parked_prices`].
    #[must_use]
    pub const fn with_parked_prices(mut self, prices: ParkedPrices) -> Self {
        self.parked_prices = prices;
        self
    }

    /// Sets [`Program::coupon_returns`].
    #[must_use]
    pub const fn with_coupon_returns(mut self, returns: bool) -> Self {
        self.coupon_returns = returns;
        self
    }

    /// Sets [`Program::rewards`].
    #[must_use]
    pub fn with_rewards(mut self, rewards: Vec<Reward>) -> Self {
        self.rewards = rewards;
        self
    }

    /// Sets [`Program::version`].
    #[must_use]
    pub const fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets [`Program::tiers`].
    #[must_use]
    pub fn with_tiers(mut self, tiers: Vec<Tier>) -> Self {
        self.tiers = tiers;
        self
    }

    /// Sets [`Program::top_up_rules`].
    #[must_use]
    pub fn with_top_up_rules(mut self, rules: Vec<TopUpRule>) -> Self {
        self.top_up_rules = rules;
        self
    }

    /// Sets [`Program::earn_rules`].
    #[must_use]
    pub fn with_earn_rules(mut self, rules: Vec<EarnRule>) -> Self {
        self.earn_rules = rules;
        self
    }

    /// Sets [`Program::consumption`].
    #[must_use]
    pub const fn with_consumption(mut self, consumption: Consumption) -> Self {
        self.consumption = consumption;
        self
    }

    /// Sets [`Program::stored_expiry`].
    #[must_use]
    pub const fn with_stored_expiry(mut self, expiry: Expiry) -> Self {
        self.stored_expiry = expiry;
        self
    }

    /// Sets [`Program::points_expiry`].
    #[must_use]
    pub const fn with_points_expiry(mut self, expiry: Expiry) -> Self {
        self.points_expiry = expiry;
        self
    }

    /// Sets [`Program::return_days`].
    #[must_use]
    pub const fn with_return_days(mut self, days: u32) -> Self {
        self.return_days = days;
        self
    }

    /// Sets [`Program::refund_grace_days`].
    #[must_use]
    pub const fn with_refund_grace_days(mut self, days: Option<u32>) -> Self {
        self.refund_grace_days = days;
        self
    }

    /// Sets [`Program::pin_tries_max`].
    #[must_use]
    pub const fn with_pin_tries_max(mut self, tries: u8) -> Self {
        self.pin_tries_max = tries;
        self
    }
}

impl Expiry {
    /// The last day of value that begins on `day`.
    #[must_use]
    pub fn from(self, day: Day) -> Day {
        match self {
            Self::Never => Day::NEVER,
            Self::Days(days) => day.plus(days),
            Self::MonthEnd(months) => day.end_of_month(months.min(1_200)),
        }
    }
}
