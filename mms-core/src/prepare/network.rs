//! What a sale or a top-up means for others: referrers, sellers, other stores.

use super::{Party, Prepare};
use crate::account::{Account, Code, MONEY, POINTS};
use crate::amount::{Rounding, mul_div};
use crate::ids::{Day, LotId, StoreId};
use crate::program::CommissionRule;
use crate::record::Fact;
use crate::rejection::Rejection;
use crate::state::{Alloc, Lot, MemberStatus, Sale};

/// What an event pays rewards and commission on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Paid {
    Sale,
    TopUp,
}

impl<'l> Prepare<'l, '_> {
    /// Row 23: each referrer above gets its share, level by level, pending until the event can
    /// no longer be undone.
    pub(super) fn reward_referrers(
        &mut self,
        party: Party<'l>,
        base: i64,
        paid: Paid,
    ) -> Result<(), Rejection> {
        let ledger = self.ledger;
        if ledger.program.referral.is_empty() || base <= 0 {
            return Ok(());
        }
        let mut above = party.member.referrer();
        let mut level: u8 = 0;
        while let Some(id) = above.map(|id| ledger.resolve(id)) {
            level = level.saturating_add(1);
            let Some(member) = ledger.member(id).filter(|_| level <= 3) else {
                break;
            };
            above = member.referrer();
            let rule = ledger.program.referral.iter().find(|rule| rule.level == level);
            let Some(rule) = rule else {
                continue;
            };
            if !matches!(member.status, MemberStatus::Active | MemberStatus::Frozen) {
                continue;
            }
            let rate = if paid == Paid::Sale { rule.on_spend } else { rule.on_top_up };
            let points = self.fitting(rate.of(base, Rounding::Down));
            let points = points.min(rule.event_max);
            let lots = u32::try_from(ledger.lots(id).count()).unwrap_or(u32::MAX);
            let room = lots.saturating_add(self.draft.lots_opened) < ledger.limits.member_lots_max;
            // A referrer whose list is full must not keep others from buying.
            if points <= 0 || !room {
                continue;
            }
            let wait =
                if paid == Paid::Sale { ledger.program.return_days.saturating_add(1) } else { 0 };
            let from = self.at.day.plus(wait);
            let ancestor = Party { id, member, card: None };
            self.draft.store(Code::PointsIssued, POINTS, points);
            let lot = self.credit_waiting(ancestor, points, from)?;
            self.draft.fact(Fact::ReferralRewarded { member: id, level, base, points, lot });
        }
        Ok(())
    }

    /// Points that wait for a day join those that wait for the same one.
    fn credit_waiting(
        &mut self,
        party: Party<'l>,
        points: i64,
        from: Day,
    ) -> Result<Option<LotId>, Rejection> {
        let expires = self.ledger.program.points_expiry.from(from);
        if from <= self.at.day {
            return self.credit_points(party, points, from, expires);
        }
        let here = self.store_of_lots();
        let alike = |lot: &Lot| {
            let same_store = here.is_none_or(|here| lot.store == here);
            same_store
                && lot.asset == POINTS
                && lot.pending
                && lot.from == from
                && lot.expires == expires
        };
        let lot = self.add_to_lot(party, alike, POINTS, (points, 0), from, expires)?;
        self.draft.member(party.id, Code::PointsPending, POINTS, points.saturating_neg());
        Ok(Some(lot))
    }

    /// What referrers got for the part of a sale that is returned is taken back.
    pub(super) fn claw_referrers(&mut self, sale: &Sale, amount: i64) -> Result<(), Rejection> {
        let ledger = self.ledger;
        let net = sale.net();
        let kept = net.saturating_sub(sale.returned.total(MONEY)).saturating_sub(amount);
        for (n, reward) in ledger.sales.rewards(sale) {
            let keep =
                mul_div(reward.points, kept.unsigned_abs(), net.unsigned_abs(), Rounding::Down);
            let keep = keep.ok_or(Rejection::Overflow)?;
            let points = reward.points.saturating_sub(keep).saturating_sub(reward.clawed);
            if points <= 0 {
                continue;
            }
            let party = self.member(reward.member)?;
            let taken = self.claw(party, reward.lot, points);
            self.debit(party.id, POINTS, taken);
            self.draft.store(Code::PointsExpired, POINTS, taken.lapsed);
            let debt = points.saturating_sub(taken.total());
            if debt > 0 {
                self.draft.member(party.id, Code::PointsDebt, POINTS, debt);
                self.draft.fact(Fact::DebtMade { member: party.id, points: debt });
            }
            self.draft.store(Code::PointsIssued, POINTS, points.saturating_neg());
            self.draft.fact(Fact::ReferralClawed { sale: sale.id, reward: n, points });
        }
        Ok(())
    }

    /// Row 24: the actor of the command gets a commission, by the rule for the member's tier.
    pub(super) fn commission(
        &mut self,
        party: Option<Party<'_>>,
        rate: impl Fn(&CommissionRule) -> (crate::Ratio, i64),
        base: i64,
    ) -> Result<(), Rejection> {
        let seller = self.draft.head.actor;
        let rules = &self.ledger.program.commissions;
        if rules.is_empty() || seller.value() == 0 {
            return Ok(());
        }
        let tier = party.map(|party| party.member.tier);
        let own = rules.iter().find(|rule| rule.tier.is_some() && rule.tier == tier);
        let Some(rule) = own.or_else(|| rules.iter().find(|rule| rule.tier.is_none())) else {
            return Ok(());
        };
        let (rate, fixed) = rate(rule);
        let share = self.fitting(rate.of(base.max(0), Rounding::Down));
        let amount = share.saturating_add(fixed);
        if amount > 0 {
            self.draft.store(Code::CommissionExpense, MONEY, amount);
            self.draft.staff(seller, Code::Commission, amount.saturating_neg());
            self.draft.fact(Fact::CommissionEarned { actor: seller, base, amount });
        }
        Ok(())
    }

    /// The seller's commission falls away with what is returned.
    pub(super) fn reverse_commission(&mut self, sale: &Sale, amount: i64) -> Result<(), Rejection> {
        let Some((seller, earned)) = sale.commission else {
            return Ok(());
        };
        let back = sale.returned.total(MONEY).saturating_add(amount);
        let due = mul_div(earned, back.unsigned_abs(), sale.net().unsigned_abs(), Rounding::Down);
        let due = due.ok_or(Rejection::Overflow)?.saturating_sub(sale.commission_back);
        if due > 0 {
            // Where it was booked.
            let expense = Account::raw(sale.store.value(), Code::CommissionExpense, MONEY);
            self.draft.post(expense, due.saturating_neg());
            self.draft.staff(seller, Code::Commission, due);
            self.draft.fact(Fact::CommissionReversed { sale: sale.id, amount: due });
        }
        Ok(())
    }

    /// Row 25: what was loaded in one store and spent in another is due between them: the
    /// principal, and points at the rate of the program. Looks at what this record took.
    pub(super) fn settle(&mut self) -> Result<(), Rejection> {
        let program = &self.ledger.program;
        if !program.settle {
            return Ok(());
        }
        let here = self.draft.head.store;
        let rate = program.settle_points;
        let mut priced = false;
        for n in 0..self.draft.moves.len() {
            let Some((id, by, _)) = self.draft.moves.get(n).copied() else {
                continue;
            };
            let Some(lot) = self.ledger.lots.get(id).filter(|lot| lot.store != here && by < 0)
            else {
                continue;
            };
            let taken = by.saturating_neg();
            let amount = match lot.asset {
                MONEY => taken,
                POINTS => {
                    priced = true;
                    self.fitting(rate.of(taken, Rounding::Down))
                }
                _ => 0,
            };
            self.owe(lot.store, here, amount);
        }
        if priced {
            let (num, den) = (rate.num(), rate.den());
            self.draft.fact(Fact::SettledAt { num: num.into(), den: den.into() });
        }
        Ok(())
    }

    /// The same back for a taking that is given back.
    pub(super) fn unsettle(
        &mut self,
        sale: &Sale,
        alloc: &Alloc,
        principal: i64,
    ) -> Result<(), Rejection> {
        let Some((num, den)) = sale.settled else {
            return Ok(());
        };
        let Some(lot) = self.ledger.lots.get(alloc.lot).filter(|lot| lot.store != sale.store)
        else {
            return Ok(());
        };
        let before = alloc.restored_principal;
        let amount = match lot.asset {
            MONEY => principal,
            POINTS => {
                // By the cumulative method, from the other end: what stays is rounded down.
                let value = |points| mul_div(points, num, den, Rounding::Down);
                let left = alloc.principal.saturating_sub(before);
                let kept = value(left.saturating_sub(principal));
                let both = value(left).zip(kept).and_then(|(a, b)| a.checked_sub(b));
                both.ok_or(Rejection::Overflow)?
            }
            _ => 0,
        };
        self.owe(lot.store, sale.store, amount.saturating_neg());
        Ok(())
    }

    fn owe(&mut self, from: StoreId, to: StoreId, amount: i64) {
        if amount != 0 {
            self.draft.post(Account::raw(to.value(), Code::Due, MONEY), amount);
            let owed = Account::raw(from.value(), Code::Owed, MONEY);
            self.draft.post(owed, amount.saturating_neg());
            self.draft.fact(Fact::Settled { from, to, amount });
        }
    }

    /// A new lot whose value was loaded elsewhere keeps that store.
    pub(super) fn loaded_at(&mut self, lot: LotId, store: StoreId) {
        if self.ledger.program.settle && store != self.draft.head.store {
            self.draft.fact(Fact::LotLoaded { lot, store });
        }
    }
}
