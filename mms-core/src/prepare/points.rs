//! Loading, earning, redeeming, adjusting, transferring.

use super::network::Paid;
use super::sale::Sold;
use super::{Party, Prepare, Use};
use crate::account::{Code, MONEY, POINTS};
use crate::amount::{Rounding, mul_div};
use crate::command::{Adjust, Held, Who};
use crate::ids::{AssetId, MemberId, RewardId, RuleId, TierId};
use crate::program::EarnRule;
use crate::record::{Fact, Kind, MoveKind};
use crate::rejection::Rejection;
use crate::state::{Counters, Lot};

impl Prepare<'_, '_> {
    /// Row 2 of the postings: money over the counter becomes stored value, with bonus.
    pub(super) fn top_up(&mut self, who: Who, amount: i64) -> Result<(), Rejection> {
        self.positive(amount)?;
        let party = self.find(who)?;
        let program = &self.ledger.program;
        let rule = program.top_up_rule(party.member.tier, amount);
        let bonus = rule.map_or(Some(0), |rule| rule.bonus.of(amount, Rounding::Down));
        let bonus = bonus.ok_or(Rejection::AmountTooLarge)?;
        let points = rule.map_or(0, |rule| rule.points);
        self.none_negative(&[bonus, points])?;
        self.allow(party, Use::Credit)?;
        self.room_for_stored(party, amount.saturating_add(bonus))?;
        self.about(Kind::ToppedUp, Some(party.id));
        if let Some(rule) = rule {
            self.draft.fact(Fact::RuleApplied { rule: rule.id, base: amount, bonus, points });
        }
        self.draft.store(Code::Tender, MONEY, amount);
        self.draft.store(Code::BonusIssued, MONEY, bonus);
        self.draft.member(party.id, Code::StoredPrincipal, MONEY, amount.saturating_neg());
        self.draft.member(party.id, Code::StoredBonus, MONEY, bonus.saturating_neg());
        let today = self.at.day;
        let expires = self.draft.expiry(program.stored_expiry, today);
        // Lots with bonus keep their proportion for themselves.
        let here = self.store_of_lots();
        let alike = |lot: &Lot| {
            here.is_none_or(|here| lot.store == here)
                && bonus == 0
                && lot.bonus_in == 0
                && lot.from <= today
                && lot.asset == MONEY
                && lot.expires == expires
        };
        self.add_to_lot(party, alike, MONEY, (amount, bonus), today, expires)?;
        if points > 0 {
            self.draft.store(Code::PointsIssued, POINTS, points);
            let expires = self.draft.expiry(program.points_expiry, today);
            self.credit_points(party, points, today, expires)?;
        }
        self.commission(Some(party), |rule| (rule.on_top_up, 0), amount)?;
        self.reward_referrers(party, amount, Paid::TopUp)?;
        if let Some(kind) = rule.and_then(|rule| rule.coupon) {
            // When there are no more coupons the top-up goes on without.
            let coupon = self.give_coupons(party, kind, 1);
            if !matches!(
                coupon,
                Ok(_) | Err(Rejection::RuleUnknown | Rejection::PoolEmpty | Rejection::CouponsHeld)
            ) {
                coupon?;
            }
        }
        self.count(party, Counters { points, top_up: amount, ..Counters::default() });
        Ok(())
    }

    /// Row 6: points for a sale that was booked elsewhere.
    pub(super) fn earn(&mut self, who: Who, base: i64, rule: RuleId) -> Result<(), Rejection> {
        self.positive(base)?;
        let party = self.find(who)?;
        let rule = self.ledger.program.earn_rule(rule).ok_or(Rejection::RuleUnknown)?;
        self.allow(party, Use::Credit)?;
        let (num, den) = self.earn_rate(rule, party.member.tier);
        let points = mul_div(base, num, den, rule.rounding);
        if points == Some(0) {
            return Err(Rejection::NothingToDo);
        }
        let points = self.fitting(points);
        self.about(Kind::Earned, Some(party.id));
        self.draft.fact(Fact::RuleApplied { rule: rule.id, base, bonus: 0, points });
        self.draft.store(Code::PointsIssued, POINTS, points);
        let from = self.at.day.plus(rule.pending_days);
        let expires = self.draft.expiry(rule.expiry, from);
        self.credit_points(party, points, from, expires)?;
        self.count(party, Counters { points, spend: base, visits: 1, ..Counters::default() });
        Ok(())
    }

    /// Row 8: points for a reward.
    pub(super) fn redeem(
        &mut self,
        who: Who,
        points: i64,
        reward: RewardId,
    ) -> Result<(), Rejection> {
        self.positive(points)?;
        let party = self.find(who)?;
        self.allow(party, Use::Debit)?;
        self.about(Kind::Redeemed, Some(party.id));
        let taken = self.take(party, POINTS, points, MoveKind::Spend)?;
        self.debit(party.id, POINTS, taken);
        self.settle()?;
        self.redeemed(Some(party), points, reward)
    }

    /// The store's side of points spent on a reward; the member's side is booked.
    pub(super) fn redeemed(
        &mut self,
        party: Option<Party<'_>>,
        points: i64,
        reward: RewardId,
    ) -> Result<(), Rejection> {
        self.draft.store(Code::PointsRedeemed, POINTS, points.saturating_neg());
        self.draft.fact(Fact::Rewarded { reward, points });
        let sold = Sold { list: points, points, ..Sold::default() };
        self.open_sale(party.map(|party| party.id), POINTS, &sold, None)
    }

    /// Row 11: points by hand.
    pub(super) fn adjust(
        &mut self,
        who: Who,
        adjust: Adjust,
        reason: u16,
    ) -> Result<(), Rejection> {
        match adjust {
            Adjust::Add(points) | Adjust::Take(points) => self.positive(points)?,
            Adjust::Clear => {}
        }
        if reason == 0 {
            return Err(Rejection::ReasonMissing);
        }
        let party = self.find(who)?;
        let purpose = if matches!(adjust, Adjust::Add(_)) { Use::Credit } else { Use::Debit };
        self.allow(party, purpose)?;
        self.about(Kind::Adjusted, Some(party.id));
        let points = match adjust {
            Adjust::Add(points) => {
                self.draft.store(Code::PointsIssued, POINTS, points);
                let today = self.at.day;
                let expires = self.draft.expiry(self.ledger.program.points_expiry, today);
                self.credit_points(party, points, today, expires)?;
                points
            }
            Adjust::Take(points) => self.remove(party.id, points)?,
            Adjust::Clear => {
                // What there is now, not what somebody saw: an earning in between counts.
                let points = self.ledger.balances(party.id, self.at.day).points;
                if points == 0 {
                    return Err(Rejection::NothingToDo);
                }
                self.remove(party.id, points)?
            }
        };
        self.draft.fact(Fact::PointsAdjusted { points, reason });
        Ok(())
    }

    /// The rate of a rule for a tier, as one fraction that is rounded once.
    pub(super) fn earn_rate(&self, rule: &EarnRule, tier: TierId) -> (u64, u64) {
        rule.rate.product(self.ledger.program.tier(tier).earn)
    }

    fn remove(&mut self, member: MemberId, points: i64) -> Result<i64, Rejection> {
        let party = self.member(member)?;
        let taken = self.take(party, POINTS, points, MoveKind::Remove)?;
        self.debit(member, POINTS, taken);
        self.draft.store(Code::PointsIssued, POINTS, points.saturating_neg());
        Ok(points.saturating_neg())
    }
}

impl Held {
    pub(crate) const fn asset(self) -> AssetId {
        match self {
            Self::Stored => MONEY,
            Self::Points => POINTS,
        }
    }
}
