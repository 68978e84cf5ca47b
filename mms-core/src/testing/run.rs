//! What the model makes of a command.

use super::model::{Counts, MCoupon, MMember, MPackage, MWhat, Model, NEVER, of, share};
use crate::{
    Action, Adjust, Command, Day, Ledger, MemberKind, RefundCause, Rejection as R, Rounding, Who,
};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Which of the shares of a rule for commission.
pub(super) type Rate = fn(&crate::CommissionRule) -> crate::Ratio;

impl Model {
    /// Whether the model knows what such an action does.
    #[must_use]
    pub fn knows(action: &Action) -> bool {
        !matches!(action, Action::Checkout { who: None, .. } | Action::ParkOrder { who: None, .. })
    }

    /// What becomes of a command that is new, after the ledger has seen it: nothing has changed when
    /// it is an error. How the ledger rounded a return over its tenders is taken from it, if it could
    /// be right.
    ///
    /// # Errors
    ///
    /// What the ledger must have refused the command with.
    ///
    /// # Panics
    ///
    /// On an action that it does not [know](Self::knows), and when the ledger rounded a return as it
    /// may not.
    pub fn run(&mut self, command: &Command, ledger: &Ledger) -> Result<(), R> {
        self.valued = self.lots.iter().map(|lot| lot.p + lot.b > 0).collect();
        // A command that is accepted is one record.
        let seq = ledger.seq().value();
        let store = command.envelope.store.value();
        let actor = command.envelope.actor.value();
        self.permitted(actor, &command.action)?;
        let stores = &self.program.load_stores;
        let load = matches!(command.action, Action::TopUp { .. } | Action::SweepChange { .. });
        if load && !stores.is_empty() && !stores.iter().any(|known| known.value() == store) {
            return Err(R::NotPermitted);
        }
        self.at_work(command)?;
        match &command.action {
            Action::Enrol { token, kind, referrer, plan } => {
                self.enrol(token.value(), *kind, *referrer)?;
                self.stores.plans.insert(self.members.len() - 1, *plan);
            }
            Action::ReceivePayment { who, amount } => {
                self.positive(*amount)?;
                let member = self.usable(*who, false)?;
                let owes = &mut self.members[member].owes;
                if i128::from(*amount) > *owes {
                    return Err(R::PaymentExceedsDebt);
                }
                *owes -= i128::from(*amount);
                self.over_the_counter(store, i128::from(*amount));
            }
            Action::ChangeMember { member, change } => {
                self.change_member(*member, *change)?;
            }
            Action::SetTier { member, tier, until } => {
                if until.value() < self.day {
                    return Err(R::DateInPast);
                }
                if *until == Day::NEVER {
                    return Err(R::EndMissing);
                }
                let id = self.known((*member).into())?;
                let place = self.program.tiers.iter().position(|known| known.id == *tier);
                let place = place.ok_or(R::TierUnknown)?;
                self.open_member(id)?;
                let row = &mut self.members[id];
                row.tier = place;
                (row.tier_until, row.by_hand) = (until.value(), true);
            }
            Action::TopUp { who, amount } => self.top_up(seq, *who, *amount, store, actor)?,
            Action::OpenBalance { member, what, principal, bonus, from, expires } => {
                let days = (from.value(), expires.value());
                self.open_balance(*member, *what, (*principal, *bonus), days, store)?;
            }
            Action::Open { member, what } => self.open_other(seq, *member, *what)?,
            Action::TransferUses { from, to, kind, uses } => {
                self.transfer_uses(*from, *to, *kind, *uses)?;
            }
            Action::TransferCoupons { from, to, coupon, count } => {
                self.transfer_coupons(seq, *from, *to, *coupon, *count)?;
            }
            Action::Spend { who, amount } => {
                self.positive(*amount)?;
                let member = self.usable(*who, true)?;
                let taken = self.take(member, false, i128::from(*amount))?;
                self.quick_sale(seq, member, i128::from(*amount), taken, (store, actor));
            }
            Action::Checkout { who: Some(who), lines, pay, extras } => {
                self.checkout(seq, *who, lines, *pay, *extras, (store, actor))?;
            }
            Action::MergeMembers { from, into } => self.merge(*from, *into)?,
            Action::RefundCard { who, cause } => self.pay_out(*who, *cause, store)?,
            Action::IssueCoupons { who, kind, count } => {
                self.positive(*count)?;
                let member = self.known(*who)?;
                if !self.program.coupons.iter().any(|rule| rule.kind == *kind) {
                    return Err(R::RuleUnknown);
                }
                self.usable(*who, false)?;
                self.give(seq, member, *kind, i128::from(*count))?;
            }
            Action::WithdrawCoupons { who, coupon, reason } => {
                if *reason == 0 {
                    return Err(R::ReasonMissing);
                }
                let member = self.known(*who)?;
                let coupon = self.coupon(member, *coupon).ok_or(R::CouponUnknown)?;
                self.usable(*who, false)?;
                self.coupons[coupon].left = 0;
            }
            Action::SweepChange { who } => {
                let member = self.usable(*who, false)?;
                let purse = self.members[member].purse;
                if purse == 0 {
                    return Err(R::NothingToDo);
                }
                self.room(member, purse)?;
                self.members[member].purse = 0;
                self.add(member, false, (self.day, self.stored_until()), (purse, 0), store);
            }
            Action::SellPackage { who, kind, uses, price, expires } => {
                self.positive((*uses).min(*price))?;
                self.positive((*uses).max(*price))?;
                if expires.value() < self.day {
                    return Err(R::DateInPast);
                }
                let member = self.known(*who)?;
                if !crate::is_uses(*kind) {
                    return Err(R::AssetUnknown);
                }
                self.usable(*who, false)?;
                let (all, price) = (i128::from(*uses), i128::from(*price));
                let (kind, expires) = (*kind, expires.value());
                self.packages.push(MPackage {
                    kind,
                    member,
                    all,
                    left: all,
                    held: 0,
                    price,
                    from: self.day,
                    expires,
                });
                let by = Counts { spend: price, visits: 1, ..Counts::default() };
                self.count(member, self.day, by);
                self.promote(member);
                self.over_the_counter(store, price);
            }
            Action::TakeUses { who, kind, uses } => {
                self.uses(*who, *kind, *uses, None)?;
            }
            Action::ReturnUses { who, kind, uses } => {
                self.uses(*who, *kind, *uses, Some(store))?;
            }
            Action::Earn { who, base, rule } => {
                self.positive(*base)?;
                let member = self.known(*who)?;
                let rule = self.program.earn_rules.iter().find(|known| known.id == *rule);
                let rule = *rule.ok_or(R::RuleUnknown)?;
                self.usable(*who, false)?;
                let base = i128::from(*base);
                let (num, den) = self.earn_rate(&rule, member);
                let points = share(base, num, den, rule.rounding);
                if points == 0 {
                    return Err(R::NothingToDo);
                }
                self.credit_earned(&rule, member, points, store);
                let by = Counts { points, spend: base, visits: 1, ..Counts::default() };
                self.count(member, self.day, by);
                self.promote(member);
            }
            Action::Redeem { who, points, .. } => {
                self.positive(*points)?;
                let member = self.usable(*who, true)?;
                let taken = self.take(member, true, i128::from(*points))?;
                self.redemption(seq, member, i128::from(*points), taken, store, None);
            }
            Action::AdjustPoints { who, adjust, reason } => {
                if let Adjust::Add(points) | Adjust::Take(points) = adjust {
                    self.positive(*points)?;
                }
                if *reason == 0 {
                    return Err(R::ReasonMissing);
                }
                let member = self.usable(*who, !matches!(adjust, Adjust::Add(_)))?;
                match adjust {
                    Adjust::Add(points) => {
                        let days = (self.day, self.points_until(self.day));
                        self.credit(member, i128::from(*points), days, store);
                    }
                    Adjust::Take(points) => {
                        self.take(member, true, i128::from(*points))?;
                    }
                    Adjust::Clear => {
                        let all = self.sum(member, true);
                        if all == 0 {
                            return Err(R::NothingToDo);
                        }
                        self.take(member, true, all)?;
                    }
                }
            }
            Action::Transfer { from, to, what, amount } => {
                self.transfer(*from, *to, *what, *amount)?;
            }
            Action::ParkOrder { .. }
            | Action::VoidLine { .. }
            | Action::ResumeOrder { .. }
            | Action::CancelOrder { .. } => {
                self.run_order(seq, &command.action, (store, actor))?;
            }
            Action::Hold { .. }
            | Action::HoldUses { .. }
            | Action::HoldCoupons { .. }
            | Action::Capture { .. }
            | Action::Void { .. } => self.run_hold(seq, &command.action, (store, actor))?,
            Action::TakePart { who, activity } => self.take_part(seq, *who, *activity, store)?,
            Action::Refund { sale, part } => self.refund(seq, *sale, *part, store, ledger)?,
            other => self.run_people(seq, other, (store, actor))?,
        }
        Ok(())
    }

    pub(super) fn positive(&self, amount: i64) -> Result<(), R> {
        if amount <= 0 {
            Err(R::AmountNotPositive)
        } else if amount > self.limits.amount_max {
            Err(R::AmountTooLarge)
        } else {
            Ok(())
        }
    }

    pub(super) fn over_the_counter(&mut self, store: u32, amount: i128) {
        *self.tender.entry(store).or_default() += amount;
    }

    fn enrol(
        &mut self,
        token: u128,
        kind: MemberKind,
        referrer: Option<crate::MemberId>,
    ) -> Result<(), R> {
        if token == 0 {
            return Err(R::TokenMissing);
        }
        let referrer = match referrer.map(|member| self.resolve(member)) {
            Some(id) if id >= self.members.len() => return Err(R::ReferrerUnknown),
            referrer => referrer,
        };
        if self.tokens.contains(&token) {
            return Err(R::TokenTaken);
        }
        if let Some(id) = referrer {
            self.open_member(id)?;
        }
        let above = referrer.map(|id| self.members[id].depth);
        if above.is_some_and(|depth| depth >= self.limits.referral_depth_max) {
            return Err(R::ReferralTooDeep);
        }
        self.tokens.push(token);
        self.members.push(MMember {
            kind,
            depth: above.map_or(0, |depth| depth + 1),
            referrer,
            merged: None,
            merges: 0,
            frozen: false,
            closed: false,
            erased: false,
            debt: 0,
            purse: 0,
            owes: 0,
            tier: 0,
            tier_until: NEVER,
            by_hand: false,
            months: BTreeMap::new(),
        });
        Ok(())
    }

    fn top_up(&mut self, seq: u64, who: Who, amount: i64, store: u32, actor: u32) -> Result<(), R> {
        self.positive(amount)?;
        let member = self.known(who)?;
        let tier = self.program.tiers[self.members[member].tier].id;
        let rules = self
            .program
            .top_up_rules
            .iter()
            .filter(|rule| rule.from <= amount && rule.tier.is_none_or(|only| only == tier));
        let mut rules: Vec<_> = rules.copied().collect();
        // The tier's own comes first, then what asks for most, then the lowest number.
        rules.sort_by_key(|rule| {
            (rule.tier.is_none(), core::cmp::Reverse(rule.from), rule.id.value())
        });
        let rule = rules.first().copied();
        let amount = i128::from(amount);
        let bonus = rule.map_or(0, |rule| of(rule.bonus, amount, Rounding::Down));
        let points = rule.map_or(0, |rule| i128::from(rule.points));
        if bonus.max(points) > i128::from(self.limits.amount_max) {
            return Err(R::AmountTooLarge);
        }
        self.usable(who, false)?;
        self.room(member, amount + bonus)?;
        self.add(member, false, (self.day, self.stored_until()), (amount, bonus), store);
        if points > 0 {
            let days = (self.day, self.points_until(self.day));
            self.credit(member, points, days, store);
        }
        self.over_the_counter(store, amount);
        self.pay_commission(member, actor, &[(amount, |rule| rule.on_top_up)]);
        self.reward(member, amount, |rule| rule.on_top_up, 0, store);
        if let Some(kind) = rule.and_then(|rule| rule.coupon) {
            // When there are none left, or none of the kind, it goes on without.
            if self.program.coupons.iter().any(|rule| rule.kind == kind) {
                self.give(seq, member, kind, 1).unwrap_or(());
            }
        }
        let by = Counts { points, top_up: amount, ..Counts::default() };
        self.count(member, self.day, by);
        self.promote(member);
        Ok(())
    }

    pub(super) fn give(
        &mut self,
        seq: u64,
        member: usize,
        kind: crate::AssetId,
        count: i128,
    ) -> Result<(), R> {
        let rule = self.program.coupons.iter().find(|rule| rule.kind == kind).unwrap();
        let issued = self.issued.get(&kind).copied().unwrap_or(0);
        if rule.pool_max.is_some_and(|max| issued + count > i128::from(max)) {
            return Err(R::PoolEmpty);
        }
        if rule.member_max.is_some_and(|max| self.own(member, kind) + count > i128::from(max)) {
            return Err(R::CouponsHeld);
        }
        let from = self.day + rule.wait_days as i32;
        let expires = rule.expiry.from(Day::new(from)).value();
        self.coupons.push(MCoupon { id: seq, kind, member, left: count, held: 0, from, expires });
        *self.issued.entry(kind).or_default() += count;
        Ok(())
    }

    /// Coupons of a kind that are a member's, those under holds too.
    pub(super) fn own(&self, member: usize, kind: crate::AssetId) -> i128 {
        let own = self.coupons.iter().filter(|c| c.member == member && c.kind == kind);
        own.map(|c| c.held + if c.expires >= self.day { c.left } else { 0 }).sum()
    }

    fn merge(&mut self, from: crate::MemberId, into: crate::MemberId) -> Result<(), R> {
        let source = self.known(from.into())?;
        let target = self.known(into.into()).map_err(|_| R::TargetUnknown)?;
        if source == target {
            return Err(R::SameMember);
        }
        self.usable(from.into(), true)?;
        if self.members[source].merges >= 16 {
            return Err(R::ChangeNotAllowed);
        }
        if self.members[target].frozen || self.members[target].closed {
            return Err(R::TargetUnusable);
        }
        if self.members[target].depth > self.members[source].depth {
            return Err(R::ReferralTooDeep);
        }
        if self.holds.values().any(|hold| hold.member == source) {
            return Err(R::HoldsOpen);
        }
        let row = &mut self.members[source];
        let (debt, purse, owes) = (row.debt, row.purse, row.owes);
        (row.debt, row.purse, row.owes) = (0, 0, 0);
        let (tier, until, by_hand) = (row.tier, row.tier_until, row.by_hand);
        let months = core::mem::take(&mut row.months);
        (row.merged, row.tier_until) = (Some(target), NEVER);
        let merges = row.merges + 1;
        let row = &mut self.members[target];
        row.debt += debt;
        row.purse += purse;
        row.owes += owes;
        row.merges = row.merges.max(merges);
        for (month, counts) in months {
            let sum = self.members[target].months.entry(month).or_default();
            sum.points += counts.points;
            sum.top_up += counts.top_up;
            sum.spend += counts.spend;
            sum.visits += counts.visits;
        }
        self.merge_fields(source, target);
        self.merge_parts(source, target);
        self.merge_terms(source, target);
        self.lots.iter_mut().filter(|l| l.member == source).for_each(|l| l.member = target);
        self.coupons.iter_mut().filter(|c| c.member == source).for_each(|c| c.member = target);
        self.packages.iter_mut().filter(|p| p.member == source).for_each(|p| p.member = target);
        self.promote(target);
        let row = &mut self.members[target];
        let is_later = tier == row.tier && until > row.tier_until;
        if tier > row.tier || (tier > 0 && is_later) {
            (row.tier, row.tier_until, row.by_hand) = (tier, until, by_hand);
        }
        Ok(())
    }

    /// All stored value: what is left of what was paid; or, at the member's wish, what was paid less
    /// what was consumed at list price.
    fn pay_out(&mut self, who: Who, cause: RefundCause, store: u32) -> Result<(), R> {
        let member = self.usable(who, true)?;
        if self.holds.values().any(|hold| hold.member == member && hold.what == MWhat::Stored) {
            return Err(R::HoldsOpen);
        }
        let live = self.live(member, false);
        if live.is_empty() {
            return Err(R::NothingToDo);
        }
        for id in live {
            let lot = &mut self.lots[id];
            let p = core::mem::take(&mut lot.p);
            lot.b = 0;
            let paid = match cause {
                RefundCause::Merchant => p,
                RefundCause::Member => (lot.paid - lot.consumed).clamp(0, p),
            };
            self.settle(id, p, store);
            self.over_the_counter(store, -paid);
        }
        Ok(())
    }

    /// The rule for the member's tier, or for all.
    pub(super) fn commission_rule(&self, member: usize) -> Option<&crate::CommissionRule> {
        let tier = self.program.tiers[self.members[member].tier].id;
        let rules = &self.program.commissions;
        let own = rules.iter().find(|rule| rule.tier == Some(tier));
        own.or_else(|| rules.iter().find(|rule| rule.tier.is_none()))
    }

    /// Commission of the actor.
    pub(super) fn pay_commission(
        &mut self,
        member: usize,
        actor: u32,
        bases: &[(i128, Rate)],
    ) -> i128 {
        let Some(rule) = self.commission_rule(member).filter(|_| actor != 0) else {
            return 0;
        };
        let shares = bases.iter().map(|(base, rate)| of(rate(rule), *base, Rounding::Down));
        let amount: i128 = shares.sum();
        *self.commission.entry(actor).or_default() += amount;
        amount
    }

    /// Those above get their share, level by level. Gives who got what.
    pub(super) fn reward(
        &mut self,
        member: usize,
        base: i128,
        rate: fn(&crate::ReferralRule) -> crate::Ratio,
        wait: i32,
        store: u32,
    ) -> Vec<(usize, i128, i128, Option<usize>)> {
        let mut rewards = Vec::new();
        let mut above = self.members[member].referrer;
        for level in 1..=3 {
            let Some(id) = above.map(|id| self.resolve(crate::MemberId::new(id as u32))) else {
                break;
            };
            above = self.members[id].referrer;
            let rule = self.program.referral.iter().find(|rule| rule.level == level);
            let Some(rule) = rule.copied().filter(|_| base > 0) else {
                continue;
            };
            let points = of(rate(&rule), base, Rounding::Down).min(rule.event_max.into());
            if points <= 0 || self.members[id].closed {
                continue;
            }
            let from = self.day + wait;
            let days = (from, self.points_until(from));
            let lot = if wait == 0 {
                self.credit(id, points, days, store)
            } else {
                Some(self.add(id, true, days, (points, 0), store))
            };
            rewards.push((id, points, 0, lot));
        }
        rewards
    }
}
