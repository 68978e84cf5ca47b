//! The model's sales and what is returned of them.

use super::model::{Counts, MSale, Model, Taken, of, parts, share};
use super::run::Rate;
use crate::{
    CouponOff, EarnRule, Extras, Ledger, Line, MemberKind, Part, Pay, Rejection as R, Rounding,
    SaleId, Who,
};
use alloc::vec;
use alloc::vec::Vec;

/// What a sale comes to.
#[derive(Default)]
struct Sold {
    net: i128,
    discount: i128,
    lines: Vec<[i128; 4]>,
    /// Over the counter and on account.
    now: i128,
    /// What was paid with points.
    value: i128,
    coupon: Option<usize>,
    taken: Vec<Taken>,
}

impl Model {
    /// A sale that stored value pays, without goods.
    pub(super) fn quick_sale(
        &mut self,
        seq: u64,
        member: usize,
        net: i128,
        taken: Vec<Taken>,
        by: (u32, u32),
    ) {
        self.sell(seq, member, Sold { net, taken, ..Sold::default() }, by);
    }

    pub(super) fn redemption(
        &mut self,
        seq: u64,
        member: usize,
        points: i128,
        taken: Vec<Taken>,
        store: u32,
        gift: Option<super::people::MGift>,
    ) {
        self.spent(&taken, store);
        let mut sale = self.sale(member, store, points, taken);
        (sale.points_only, sale.gift) = (true, gift);
        self.sales.insert(seq, sale);
    }

    fn sale(&self, member: usize, store: u32, net: i128, taken: Vec<Taken>) -> MSale {
        MSale {
            member,
            store,
            day: self.day,
            points_only: false,
            net,
            back: 0,
            discount: 0,
            lines: Vec::new(),
            taken,
            spent_back: 0,
            account_back: 0,
            cash_back: 0,
            earned: 0,
            clawed: 0,
            base: 0,
            rate: (0, 1),
            rounding: Rounding::Down,
            earned_lot: None,
            returnable: self.day + self.program.return_days as i32,
            coupon: None,
            activity: None,
            gift: None,
            seller: 0,
            commission: 0,
            commission_back: 0,
            rewards: Vec::new(),
        }
    }

    pub(super) fn earn_rate(&self, rule: &EarnRule, member: usize) -> (i128, i128) {
        let tier = self.program.tiers[self.members[member].tier].earn;
        let num = i128::from(rule.rate.num()) * i128::from(tier.num());
        (num, i128::from(rule.rate.den()) * i128::from(tier.den()))
    }

    pub(super) fn credit_earned(
        &mut self,
        rule: &EarnRule,
        member: usize,
        points: i128,
        store: u32,
    ) -> Option<usize> {
        let from = self.day + rule.pending_days as i32;
        let expires = rule.expiry.from(crate::Day::new(from)).value();
        self.credit(member, points, (from, expires), store)
    }

    fn sell(&mut self, seq: u64, member: usize, sold: Sold, (store, actor): (u32, u32)) {
        self.spent(&sold.taken, store);
        let stored = |part: fn(&Taken) -> i128| -> i128 {
            let of_stored = sold.taken.iter().filter(|taken| !self.lots[taken.lot].points);
            of_stored.map(part).sum()
        };
        let (principal, bonus) = (stored(|taken| taken.p), stored(|taken| taken.b));
        let mut sale = self.sale(member, store, sold.net, sold.taken);
        (sale.discount, sale.lines, sale.coupon) = (sold.discount, sold.lines, sold.coupon);
        // At list price, so much more was consumed of each lot.
        for (lot, extra) in self.extras(&sale) {
            self.lots[lot].consumed += extra;
        }
        sale.seller = actor;
        let bases: &[(i128, Rate)] =
            &[(sold.now, |rule| rule.on_sale), (principal, |rule| rule.on_stored)];
        sale.commission = self.pay_commission(member, actor, bases);
        let spent = sold.now + principal;
        let wait = self.program.return_days as i32 + 1;
        sale.rewards = self.reward(member, spent, |rule| rule.on_spend, wait, store);
        if let Some(rule) = self.program.earn_rules.first().copied() {
            let mut base = spent;
            base += if rule.on_bonus_paid { bonus } else { 0 };
            base += if rule.on_points_paid { sold.value } else { 0 };
            let (num, den) = self.earn_rate(&rule, member);
            let points = share(base, num, den, rule.rounding);
            if points > 0 {
                sale.earned_lot = self.credit_earned(&rule, member, points, store);
                (sale.base, sale.rate, sale.rounding) = (base, (num, den), rule.rounding);
                sale.earned = points;
            }
        }
        let by = Counts { points: sale.earned, spend: spent, visits: 1, top_up: 0 };
        self.sales.insert(seq, sale);
        self.count(member, self.day, by);
        self.promote(member);
    }

    /// What the discount of a sale comes to on each lot of stored value that paid.
    fn extras(&self, sale: &MSale) -> Vec<(usize, i128)> {
        let stored = sale.taken.iter().filter(|taken| !self.lots[taken.lot].points);
        let (lots, weights): (Vec<usize>, Vec<i128>) =
            stored.map(|taken| (taken.lot, taken.p + taken.b)).unzip();
        let sum: i128 = weights.iter().sum();
        if sale.discount == 0 || sum == 0 || sale.net == 0 || sale.points_only {
            return Vec::new();
        }
        let all = share(sale.discount, sum, sale.net, Rounding::HalfUp);
        lots.into_iter().zip(parts(all, &weights)).collect()
    }

    pub(super) fn checkout(
        &mut self,
        seq: u64,
        who: Who,
        lines: &[Line],
        pay: Pay,
        extras: Extras,
        by: (u32, u32),
    ) -> Result<(), R> {
        self.bill(lines, pay, extras)?;
        self.check_out(seq, who, lines, (pay, extras), by, None)
    }

    pub(super) fn tenders(&self, pay: Pay, extras: Extras, prices: &[i64]) -> Result<(), R> {
        let mut amounts = vec![extras.keep_change, extras.on_account];
        if let Pay::Mixed { cash, stored, points } = pay {
            amounts.extend([cash, stored, points]);
        }
        if amounts.iter().chain(prices).any(|amount| *amount < 0) {
            return Err(R::AmountNotPositive);
        }
        if amounts.iter().any(|amount| *amount > self.limits.amount_max) {
            return Err(R::AmountTooLarge);
        }
        Ok(())
    }

    /// What can be said of a bill without knowing anybody.
    pub(super) fn bill(&self, lines: &[Line], pay: Pay, extras: Extras) -> Result<(), R> {
        let prices: Vec<i64> = lines.iter().map(|line| line.price).collect();
        self.tenders(pay, extras, &prices)?;
        if lists(lines).iter().sum::<i128>() > i128::from(self.limits.amount_max) {
            return Err(R::AmountTooLarge);
        }
        if lines.is_empty() {
            return Err(R::LinesMissing);
        }
        if lines.iter().any(|line| line.quantity == 0) {
            return Err(R::QuantityZero);
        }
        Ok(())
    }

    /// A bill that is in shape; prices are worked out, when they are not given.
    pub(super) fn check_out(
        &mut self,
        seq: u64,
        who: Who,
        lines: &[Line],
        (pay, extras): (Pay, Extras),
        by: (u32, u32),
        kept: Option<Vec<i128>>,
    ) -> Result<(), R> {
        let list: i128 = lists(lines).iter().sum();
        let cash_only = matches!(pay, Pay::Cash | Pay::Mixed { stored: 0, points: 0, .. })
            && extras.on_account == 0;
        let known = self.known(who)?;
        let coupon = match extras.coupon {
            Some(id) => Some(self.coupon(known, id).ok_or(R::CouponUnknown)?),
            None => None,
        };
        let member = self.usable(who, !cash_only || coupon.is_some())?;
        let live =
            |c: usize| self.coupons[c].from <= self.day && self.coupons[c].expires >= self.day;
        if coupon.is_some_and(|coupon| !live(coupon)) {
            return Err(R::CouponNotValid);
        }
        let nets = kept.unwrap_or_else(|| self.price(member, lines));
        let nets = self.coupon_off(member, lines, nets, coupon, by.0)?;
        let net: i128 = nets.iter().sum();
        let account = i128::from(extras.on_account);
        let now = net - account;
        let burn = self.program.tiers[self.members[member].tier].burn;
        let (cash, stored, points) = match pay {
            Pay::Cash => (now, 0, 0),
            Pay::Stored => (0, now, 0),
            Pay::Mixed { cash, stored, points } => (cash.into(), stored.into(), points.into()),
        };
        let value = of(burn, points, Rounding::Down);
        if now < 0 || cash + stored + value != now || (points > 0 && value == 0) {
            return Err(R::TenderMismatch);
        }
        if self.sum(member, false) < stored {
            return Err(R::InsufficientStored);
        }
        if self.sum(member, true) < points {
            return Err(R::InsufficientPoints);
        }
        let row = &self.members[member];
        let trusted = !matches!(row.kind, MemberKind::Individual | MemberKind::Bearer);
        if account > 0 && !(trusted && row.owes + account <= self.program.credit_max.into()) {
            return Err(R::CreditExceeded);
        }
        let mut taken = self.take(member, false, stored)?;
        taken.extend(self.take(member, true, points)?);
        let row = &mut self.members[member];
        row.owes += account;
        row.purse += i128::from(extras.keep_change);
        if let Some(coupon) = coupon {
            self.coupons[coupon].left -= 1;
        }
        self.over_the_counter(by.0, cash + i128::from(extras.keep_change));
        let lines = lines.iter().zip(nets).map(|(l, net)| [l.quantity.into(), net, 0, 0]);
        let sold = Sold {
            net,
            discount: list - net,
            lines: lines.collect(),
            now: cash + account,
            value,
            coupon,
            taken,
        };
        self.sell(seq, member, sold, by);
        Ok(())
    }

    /// Sets of goods one by one, as long as there is another; then each article's own discount.
    fn price_goods(&self, lines: &[Line], nets: &mut [i128]) {
        let mut left: Vec<u32> =
            lines.iter().map(|line| if line.special { 0 } else { line.quantity }).collect();
        for bundle in &self.program.bundles {
            let has = |n: usize| {
                !lines[n].special && bundle.parts.iter().any(|(sku, _)| *sku == lines[n].sku)
            };
            let mut sets: i128 = 0;
            loop {
                let mut after = left.clone();
                let complete = bundle.parts.iter().all(|(sku, quantity)| {
                    (0..*quantity).all(|_| {
                        let place =
                            (0..lines.len()).find(|n| lines[*n].sku == *sku && after[*n] > 0);
                        place.map(|n| after[n] -= 1).is_some()
                    })
                });
                if !complete {
                    break;
                }
                left = after;
                sets += 1;
            }
            let all: i128 = (0..nets.len()).filter(|n| has(*n)).map(|n| nets[n]).sum();
            take_off(nets, (sets * i128::from(bundle.off)).min(all), &has);
        }
        for item in &self.program.items {
            let has = |n: usize| !lines[n].special && lines[n].sku == item.sku;
            let all: i128 = (0..nets.len()).filter(|n| has(*n)).map(|n| nets[n]).sum();
            take_off(nets, of(item.off, all, Rounding::HalfUp), &has);
        }
    }

    /// Line by line: the tier's discount, the threshold that is reached, the coupon.
    pub(super) fn price(&self, member: usize, lines: &[Line]) -> Vec<i128> {
        let mut nets = lists(lines);
        let place = self.members[member].tier;
        let tier = &self.program.tiers[place];
        let usual = |n: usize| !lines[n].special;
        self.price_goods(lines, &mut nets);
        let off = of(tier.discount, total(&nets, &usual), Rounding::HalfUp);
        take_off(&mut nets, off, &usual);
        let all = total(&nets, &usual);
        let reached = self.program.thresholds.iter().filter(|t| i128::from(t.from) <= all);
        let off = reached.max_by_key(|t| t.from).map_or(0, |t| i128::from(t.off).min(all));
        take_off(&mut nets, off, &usual);
        nets
    }

    fn coupon_off(
        &self,
        member: usize,
        lines: &[Line],
        mut nets: Vec<i128>,
        coupon: Option<usize>,
        store: u32,
    ) -> Result<Vec<i128>, R> {
        let Some(coupon) = coupon else {
            return Ok(nets);
        };
        let place = self.members[member].tier;
        let usual = |n: usize| !lines[n].special;
        let kind = self.coupons[coupon].kind;
        let rule = self.program.coupons.iter().find(|rule| rule.kind == kind);
        let rule = rule.ok_or(R::CouponNotForThis)?;
        let takes = |n: usize| {
            if rule.skus.is_empty() { usual(n) } else { rule.skus.contains(&lines[n].sku) }
        };
        let all = total(&nets, &takes);
        let here = rule.stores.is_empty() || rule.stores.iter().any(|s| s.value() == store);
        let least = |least| self.program.tiers.iter().position(|known| known.id == least);
        let ranks = rule.tier.is_none_or(|tier| least(tier).is_some_and(|least| place >= least));
        if !here || !ranks || all < i128::from(rule.from) || all == 0 {
            return Err(R::CouponNotForThis);
        }
        let off = match rule.off {
            CouponOff::Amount(amount) => amount.into(),
            CouponOff::Share(share, max) => of(share, all, Rounding::HalfUp).min(max.into()),
        };
        take_off(&mut nets, off.min(all), &takes);
        Ok(nets)
    }

    pub(super) fn refund(
        &mut self,
        seq: u64,
        id: SaleId,
        part: Part,
        store: u32,
        ledger: &Ledger,
    ) -> Result<(), R> {
        match part {
            Part::Amount(amount) => self.positive(amount)?,
            Part::Line { quantity: 0, .. } => return Err(R::QuantityZero),
            _ => {}
        }
        let sale = self.sales.get(&id.value()).filter(|sale| sale.returnable >= self.day);
        let mut sale = sale.ok_or(R::SaleUnknown)?.clone();
        let left = sale.net - sale.back;
        let member = self.resolve(crate::MemberId::new(sale.member as u32));
        if let Part::Line { line, .. } = part {
            sale.lines.get(usize::from(line)).ok_or(R::LineUnknown)?;
        }
        self.open_member(member)?;
        let gone = sale.gift.is_some_and(|gift| !self.is_whole(gift));
        if gone {
            return Err(R::GivenAway);
        }
        let amount = match part {
            Part::Rest => left,
            Part::Amount(amount) => amount.into(),
            Part::Line { line, quantity } => {
                let row = &mut sale.lines[usize::from(line)];
                let [all, net, back, net_back] = *row;
                let after = back + i128::from(quantity);
                if after > all {
                    return Err(R::RefundExceedsPaid);
                }
                let amount = net * after / all - net_back;
                *row = [all, net, after, net_back + amount];
                amount
            }
        };
        if amount > left {
            return Err(R::RefundExceedsPaid);
        }
        if amount == 0 && (left == 0 || !matches!(part, Part::Line { .. })) {
            return Err(R::NothingToDo);
        }
        if let Some(gift) = sale.gift {
            if amount != sale.net {
                return Err(R::GivenAway);
            }
            self.take_gift_back(gift, store);
        }
        sale.back += amount;
        // How it falls on the tenders is a matter of rounding: the model takes what the ledger did,
        // after looking whether it could be right.
        let after = ledger.sale(id).unwrap();
        assert_eq!(i128::from(after.left()), sale.net - sale.back, "left of {after:?}");
        let whole = sale.back == sale.net;
        if whole {
            assert_eq!(after.returned, after.paid, "a whole return is all that was paid");
        }
        for (back, paid) in [
            (after.returned.principal, after.paid.principal),
            (after.returned.bonus, after.paid.bonus),
            (after.returned.cash, after.paid.cash),
            (after.returned.points_value, after.paid.points_value),
            (after.returned.account, after.paid.account),
        ] {
            let fair = i128::from(paid) * sale.back / sale.net;
            let near = (i128::from(back) - fair).abs() <= 2 && back <= paid;
            assert!(sale.points_only || near, "rounding of {after:?}");
        }
        self.give_back(&mut sale, member, &after.returned);
        if let Some(coupon) = sale.coupon.filter(|_| whole && self.program.coupon_returns) {
            self.return_coupon(seq, coupon);
        }
        let due = sale.commission * sale.back / sale.net;
        *self.commission.entry(sale.seller).or_default() -= due - sale.commission_back;
        sale.commission_back = due;
        // Points that the rest no longer deserves.
        let base = sale.base * (sale.net - sale.back) / sale.net;
        let keep = share(base, sale.rate.0, sale.rate.1, sale.rounding);
        let claw = (sale.earned - keep - sale.clawed).max(0);
        sale.clawed += claw;
        self.claw(member, sale.earned_lot, claw);
        if !sale.points_only {
            for n in 0..sale.rewards.len() {
                let (above, points, clawed, lot) = sale.rewards[n];
                let keep = points * (sale.net - sale.back) / sale.net;
                let back = (points - keep - clawed).max(0);
                sale.rewards[n].2 += back;
                let above = self.resolve(crate::MemberId::new(above as u32));
                self.claw(above, lot, back);
            }
            let account = i128::from(after.returned.account);
            let back = account - sale.account_back;
            let owes = &mut self.members[member].owes;
            let forgiven = back.min(*owes);
            *owes -= forgiven;
            sale.account_back = account;
            let cash = i128::from(after.returned.cash);
            let spent = cash + i128::from(after.returned.principal) + account;
            let spent_now = spent - sale.spent_back;
            let by =
                Counts { points: -claw, top_up: 0, spend: -spent_now, visits: -i128::from(whole) };
            sale.spent_back = spent;
            self.count(member, sale.day, by);
            self.over_the_counter(store, sale.cash_back - cash - (back - forgiven));
            sale.cash_back = cash;
        } else {
            self.count(member, sale.day, Counts { points: -claw, ..Counts::default() });
        }
        if let Some(activity) = sale.activity.filter(|_| whole) {
            self.part(activity, member, -1);
        }
        self.sales.insert(id.value(), sale);
        Ok(())
    }

    /// All that ever came back fills the takings from the last to the first.
    fn give_back(&mut self, sale: &mut MSale, member: usize, returned: &crate::Tenders) {
        let extras = self.extras(sale);
        let (mut p, mut b) = (i128::from(returned.principal), i128::from(returned.bonus));
        let mut q = i128::from(returned.points);
        for taken in sale.taken.iter_mut().rev() {
            let points = self.lots[taken.lot].points;
            let all: &mut i128 = if points { &mut q } else { &mut p };
            let now_p = (*all).min(taken.p);
            let now_b = if points { 0 } else { b.min(taken.b) };
            *all -= now_p;
            b -= now_b;
            let (more_p, more_b) = (now_p - taken.back_p, now_b - taken.back_b);
            let more = more_p + more_b;
            if more == 0 {
                continue;
            }
            let dead = self.lots[taken.lot].expires < self.day;
            let store = self.lots[taken.lot].store;
            let to = match self.program.refund_grace_days.filter(|_| dead) {
                None => taken.lot,
                Some(days) => {
                    let days = (i32::MIN, self.day + days as i32);
                    self.open(member, points, days, (0, 0), store)
                }
            };
            self.lots[to].p += more_p;
            self.lots[to].b += more_b;
            if points {
                // Points that come back pay what is owed.
                let paid = self.members[member].debt.min(more_p);
                self.lots[to].p -= paid;
                self.members[member].debt -= paid;
            }
            if !points {
                self.lots[to].consumed -= more;
                let extra = extras.iter().find(|(lot, _)| *lot == taken.lot);
                let extra = extra.map_or(0, |(_, extra)| *extra);
                let (sum, before) = (taken.p + taken.b, taken.back_p + taken.back_b);
                let share = |part: i128| extra * part / sum;
                self.lots[taken.lot].consumed -= share(before + more) - share(before);
            }
            // What stores owe each other goes back, rounded down from the other end.
            let due = if points {
                let left = taken.p - taken.back_p;
                self.worth(left) - self.worth(left - more_p)
            } else {
                more_p
            };
            self.owe(store, sale.store, -due);
            (taken.back_p, taken.back_b) = (now_p, now_b);
        }
        assert_eq!((p, b, q), (0, 0, 0), "all that came back came from somewhere");
    }

    fn return_coupon(&mut self, seq: u64, coupon: usize) {
        let grace = self.program.refund_grace_days;
        let grace = grace.filter(|_| self.coupons[coupon].expires < self.day);
        match grace {
            None => self.coupons[coupon].left += 1,
            Some(days) => {
                let mut again = self.coupons[coupon].clone();
                (again.id, again.left) = (seq, 1);
                (again.from, again.expires) = (i32::MIN, self.day + days as i32);
                self.coupons.push(again);
            }
        }
    }
}

fn take_off(nets: &mut [i128], off: i128, takes: &dyn Fn(usize) -> bool) {
    let weights: Vec<i128> =
        nets.iter().enumerate().map(|(n, net)| if takes(n) { *net } else { 0 }).collect();
    if off > 0 {
        for (net, part) in nets.iter_mut().zip(parts(off, &weights)) {
            *net -= part;
        }
    }
}

fn lists(lines: &[Line]) -> Vec<i128> {
    lines.iter().map(|l| i128::from(l.price) * i128::from(l.quantity)).collect()
}

fn total(nets: &[i128], takes: &dyn Fn(usize) -> bool) -> i128 {
    (0..nets.len()).filter(|n| takes(*n)).map(|n| nets[n]).sum()
}
