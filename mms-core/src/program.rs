//! The rules of a membership program: tiers, bonuses, earning, burning, expiry.
//!
//! Rules are read when a command is prepared and never again: the record carries the
//! results, with the number of the rule and the version of the program.

use crate::amount::{Ratio, Rounding};
use crate::ids::{Day, RuleId, TierId};
use alloc::vec;
use alloc::vec::Vec;
use thiserror::Error;

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
}

/// A member's standing.
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

/// 充多少送多少: what a top-up of at least `from` brings.
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
}

/// How a sale gives points.
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

/// Which part of a lot of stored value goes first.
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

/// A program that contradicts itself.
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
        if repeats(&mut top_ups.chain(earns)) {
            return Err(ProgramError::RuleTwice);
        }
        let amounts = self.top_up_rules.iter().flat_map(|rule| [rule.from, rule.points]);
        if amounts.into_iter().any(|amount| amount < 0) {
            return Err(ProgramError::Negative);
        }
        if self.tiers.iter().any(|tier| tier.discount.num() > tier.discount.den()) {
            return Err(ProgramError::Discount);
        }
        Ok(())
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

impl Qualify {
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
        Self { id, tier: None, from, bonus: Ratio::ZERO, points: 0 }
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

    /// Sets [`TopUpRule::points`].
    #[must_use]
    pub const fn with_points(mut self, points: i64) -> Self {
        self.points = points;
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
