//! The model: vectors of lots, sums taken anew, no postings and no calendar.

use super::wallet::{COUPON, MCoupon, MPackage};
use mms_core::Rejection as R;
use mms_core::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(crate) struct MLot {
    pub(crate) id: usize,
    pub(crate) points: bool,
    pub(crate) from: i32,
    pub(crate) expires: i32,
    pub(crate) p: i128,
    pub(crate) b: i128,
    pub(crate) had_bonus: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MMember {
    pub(crate) lots: Vec<usize>,
    pub(crate) debt: i128,
    pub(crate) spend: i128,
    pub(crate) top_up: i128,
    pub(crate) points: i128,
    pub(crate) visits: i128,
    pub(crate) tier: usize,
    pub(crate) purse: i128,
    pub(crate) owes: i128,
    pub(crate) corporate: bool,
    pub(crate) merged: Option<usize>,
    pub(crate) frozen: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct MSale {
    pub(crate) member: usize,
    pub(crate) points_only: bool,
    pub(crate) net: i128,
    pub(crate) back: i128,
    /// Lot, taken (paid for or points, bonus), given back.
    pub(crate) allocs: Vec<[i128; 5]>,
    pub(crate) spent_back: i128,
    pub(crate) earned: i128,
    pub(crate) clawed: i128,
    pub(crate) base: i128,
    /// Points for 10,000 minor units.
    pub(crate) rate: i128,
    pub(crate) lot: Option<usize>,
    pub(crate) returnable: i32,
    pub(crate) coupon: Option<usize>,
    pub(crate) account_back: i128,
}

#[derive(Clone, Debug)]
pub(crate) struct MHold {
    pub(crate) member: usize,
    pub(crate) points: bool,
    pub(crate) allocs: Vec<(usize, i128, i128)>,
    pub(crate) until: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) lots: Vec<MLot>,
    pub(crate) members: Vec<MMember>,
    pub(crate) sales: BTreeMap<u64, MSale>,
    pub(crate) holds: BTreeMap<u64, MHold>,
    pub(crate) day: i32,
    pub(crate) pending: i32,
    pub(crate) coupons: Vec<MCoupon>,
    pub(crate) issued: i128,
    pub(crate) paid_out: i128,
    pub(crate) packages: Vec<MPackage>,
    /// Lots that held value before the command.
    pub(crate) valued: Vec<usize>,
}

/// Base, silver from 1,000.00 spent (5 % off, points × 1.5), gold from 5,000.00 loaded (10 %
/// off, points × 2).
pub(crate) const DISCOUNT: [i128; 3] = [0, 5, 10];
pub(crate) const EARN: [i128; 3] = [100, 150, 200];
pub(crate) const CREDIT: i128 = 30_000;
pub(crate) const RETURN_DAYS: i32 = 9;
pub(crate) const STORED_DAYS: i32 = 12;
pub(crate) const POINT_DAYS: i32 = 6;

pub(crate) fn program(pending: u32) -> Program {
    let tier = |id, discount, earn| {
        Tier::new(TierId::new(id))
            .with_discount(Ratio::percent(discount))
            .with_earn(Ratio::percent(earn))
    };
    Program::default()
        .with_tiers(vec![
            tier(0, 0, 100),
            tier(1, 5, 150).with_qualify(Qualify::default().with_spend(100_000)),
            tier(2, 10, 200).with_qualify(Qualify::default().with_top_up(500_000)),
        ])
        .with_top_up_rules(vec![
            TopUpRule::new(RuleId::new(1), 10_000).with_bonus(Ratio::percent(10)),
            TopUpRule::new(RuleId::new(2), 50_000).with_bonus(Ratio::percent(33)).with_points(11),
        ])
        .with_earn_rules(vec![
            EarnRule::new(RuleId::new(10), Ratio::percent(1))
                .with_expiry(Expiry::Days(POINT_DAYS as u32))
                .with_pending_days(pending),
        ])
        .with_stored_expiry(Expiry::Days(STORED_DAYS as u32))
        .with_points_expiry(Expiry::Days(POINT_DAYS as u32))
        .with_return_days(RETURN_DAYS as u32)
        .with_coupons(vec![super::wallet::rules()])
        .with_coupon_returns(true)
        .with_credit(CREDIT as i64, 30)
        .with_commissions(vec![
            CommissionRule::new(Ratio::percent(3)).with_on_stored(Ratio::percent(1)),
        ])
}

impl Model {
    /// The lots of a member that can be spent, in the order in which they are.
    pub(crate) fn live(&self, member: usize, points: bool) -> Vec<usize> {
        let mut lots: Vec<usize> = self.members[member]
            .lots
            .iter()
            .copied()
            .filter(|id| {
                let lot = &self.lots[*id];
                lot.points == points
                    && lot.p + lot.b > 0
                    && lot.from <= self.day
                    && lot.expires >= self.day
            })
            .collect();
        lots.sort_by_key(|id| (self.lots[*id].expires, self.lots[*id].id));
        lots
    }

    pub(crate) fn sum(&self, member: usize, points: bool) -> i128 {
        self.live(member, points).iter().map(|id| self.lots[*id].p + self.lots[*id].b).sum()
    }

    pub(crate) fn take(
        &mut self,
        member: usize,
        points: bool,
        amount: i128,
    ) -> Result<Vec<(usize, i128, i128)>, R> {
        if self.sum(member, points) < amount {
            return Err(if points { R::InsufficientPoints } else { R::InsufficientStored });
        }
        let mut left = amount;
        let mut taken = Vec::new();
        for id in self.live(member, points) {
            let lot = &mut self.lots[id];
            let part = left.min(lot.p + lot.b);
            if part == 0 {
                break;
            }
            let (p, b) = portion(lot.p, lot.b, part);
            lot.p -= p;
            lot.b -= b;
            taken.push((id, p, b));
            left -= part;
        }
        Ok(taken)
    }

    pub(crate) fn open(
        &mut self,
        member: usize,
        points: bool,
        from: i32,
        expires: i32,
        p: i128,
        b: i128,
    ) -> usize {
        let id = self.lots.len();
        self.lots.push(MLot { id, points, from, expires, p, b, had_bonus: b > 0 });
        self.members[member].lots.push(id);
        id
    }

    pub(crate) fn add(
        &mut self,
        member: usize,
        points: bool,
        from: i32,
        expires: i32,
        p: i128,
        b: i128,
    ) -> usize {
        // Into the first lot that is alike, in the order of spending.
        let mut alike: Vec<usize> = self.members[member]
            .lots
            .iter()
            .copied()
            .filter(|id| {
                let lot = &self.lots[*id];
                lot.points == points
                    && lot.expires == expires
                    && self.valued.contains(id)
                    && !lot.had_bonus
                    && b == 0
                    && from <= self.day
                    && lot.from <= self.day
            })
            .collect();
        alike.sort_unstable();
        match alike.first() {
            Some(id) => {
                self.lots[*id].p += p;
                *id
            }
            None => self.open(member, points, from, expires, p, b),
        }
    }

    pub(crate) fn credit(
        &mut self,
        member: usize,
        points: i128,
        from: i32,
        expires: i32,
    ) -> Option<usize> {
        let paid = self.members[member].debt.min(points);
        self.members[member].debt -= paid;
        (points > paid).then(|| self.add(member, true, from, expires, points - paid, 0))
    }

    pub(crate) fn promote(&mut self, member: usize) {
        let row = &mut self.members[member];
        let reached = if row.top_up >= 500_000 {
            2
        } else if row.spend >= 100_000 {
            1
        } else {
            0
        };
        row.tier = row.tier.max(reached);
    }

    pub(crate) fn earn(&mut self, member: usize, base: i128) -> (i128, Option<usize>, i128) {
        let rate = EARN[self.members[member].tier];
        let points = base * rate / 10_000;
        let lot = if points > 0 {
            let from = self.day + self.pending;
            self.credit(member, points, from, from + POINT_DAYS)
        } else {
            None
        };
        (points, lot, rate)
    }

    #[expect(clippy::too_many_arguments, reason = "a model without structure")]
    pub(crate) fn sale(
        &mut self,
        id: u64,
        member: usize,
        points_only: bool,
        net: i128,
        base: i128,
        allocs: Vec<(usize, i128, i128)>,
        counts: bool,
    ) {
        let (earned, lot, rate) = if points_only { (0, None, 0) } else { self.earn(member, base) };
        if counts {
            let row = &mut self.members[member];
            row.spend += base;
            row.visits += 1;
            row.points += earned;
            self.promote(member);
        }
        let returnable = self.day + RETURN_DAYS;
        self.sales.insert(
            id,
            MSale {
                member,
                points_only,
                net,
                back: 0,
                allocs: allocs.into_iter().map(|(lot, p, b)| [lot as i128, p, b, 0, 0]).collect(),
                spent_back: 0,
                earned,
                clawed: 0,
                base,
                rate,
                lot,
                returnable,
                coupon: None,
                account_back: 0,
            },
        );
    }

    /// Which member this is now.
    pub(crate) fn resolve(&self, member: MemberId) -> usize {
        let mut id = member.value() as usize;
        while let Some(into) = self.members.get(id).and_then(|row| row.merged) {
            id = into;
        }
        id
    }

    pub(crate) fn usable(&self, who: Who, debit: bool) -> Result<usize, R> {
        let Who::Member(member) = who else { panic!("the model knows no cards") };
        let id = self.resolve(member);
        let row = self.members.get(id).ok_or(R::MemberUnknown)?;
        if debit && row.frozen { Err(R::MemberFrozen) } else { Ok(id) }
    }

    /// What becomes of an action that is booked as record `seq`.
    pub(crate) fn run(
        &mut self,
        seq: u64,
        time: i64,
        action: &Action,
        ledger: &Ledger,
    ) -> Result<(), R> {
        match action {
            Action::Enrol { kind, .. } => {
                let corporate = *kind == MemberKind::Corporate;
                self.members.push(MMember { corporate, ..MMember::default() });
            }
            Action::ReceivePayment { who, amount } => {
                positive(*amount)?;
                let member = self.usable(*who, false)?;
                let owes = &mut self.members[member].owes;
                if i128::from(*amount) > *owes {
                    return Err(R::PaymentExceedsDebt);
                }
                *owes -= i128::from(*amount);
            }
            Action::ChangeMember { member, change } => {
                let id = self.resolve(*member);
                let row = self.members.get_mut(id).ok_or(R::MemberUnknown)?;
                let freeze = *change == MemberChange::Freeze;
                if row.frozen == freeze {
                    return Err(R::ChangeNotAllowed);
                }
                row.frozen = freeze;
            }
            Action::TopUp { who, amount } => {
                positive(*amount)?;
                let member = self.usable(*who, false)?;
                let amount = i128::from(*amount);
                let (percent, points) = match amount {
                    50_000.. => (33, 11),
                    10_000.. => (10, 0),
                    _ => (0, 0),
                };
                let bonus = amount * percent / 100;
                self.add(member, false, self.day, self.day + STORED_DAYS, amount, bonus);
                self.credit(member, points, self.day, self.day + POINT_DAYS);
                self.members[member].top_up += amount;
                self.members[member].points += points;
                self.promote(member);
            }
            Action::Spend { who, amount } => {
                positive(*amount)?;
                let member = self.usable(*who, true)?;
                let allocs = self.take(member, false, i128::from(*amount))?;
                let base = allocs.iter().map(|(_, p, _)| p).sum();
                self.sale(seq, member, false, i128::from(*amount), base, allocs, true);
            }
            Action::Checkout { who: Some(who), lines, pay, extras } => {
                let cash = matches!(pay, Pay::Cash | Pay::Mixed { stored: 0, points: 0, .. });
                let known = self.usable(*who, false)?;
                let coupon = match extras.coupon {
                    Some(id) => Some(self.coupon(known, id).ok_or(R::CouponUnknown)?),
                    None => None,
                };
                let member = self.usable(*who, !cash || coupon.is_some())?;
                if coupon.is_some_and(|coupon| self.coupons[coupon].expires < self.day) {
                    return Err(R::CouponNotValid);
                }
                let list: i128 =
                    lines.iter().map(|l| i128::from(l.price) * i128::from(l.quantity)).sum();
                let discount = half_up(list * DISCOUNT[self.members[member].tier], 100);
                let mut net = list - discount;
                if coupon.is_some() {
                    if net < COUPON.0 {
                        return Err(R::CouponNotForThis);
                    }
                    net -= COUPON.1;
                }
                let account = i128::from(extras.on_account);
                if account > net {
                    return Err(R::TenderMismatch);
                }
                let (mut allocs, mut base) = (Vec::new(), net);
                let row = &self.members[member];
                let trusted = account == 0 || row.corporate && row.owes + account <= CREDIT;
                match pay {
                    Pay::Cash => {}
                    Pay::Stored => {
                        if self.sum(member, false) >= net - account && !trusted {
                            return Err(R::CreditExceeded);
                        }
                        allocs = self.take(member, false, net - account)?;
                        base = account + allocs.iter().map(|(_, p, _)| p).sum::<i128>();
                    }
                    Pay::Mixed { cash, stored, points } => {
                        let (stored, points) = (i128::from(*stored), i128::from(*points));
                        if i128::from(*cash) + stored + points != net {
                            return Err(R::TenderMismatch);
                        }
                        // Both or nothing.
                        if self.sum(member, false) < stored {
                            return Err(R::InsufficientStored);
                        }
                        if self.sum(member, true) < points {
                            return Err(R::InsufficientPoints);
                        }
                        allocs = self.take(member, false, stored)?;
                        let principal: i128 = allocs.iter().map(|(_, p, _)| p).sum();
                        base = i128::from(*cash) + principal;
                        allocs.extend(self.take(member, true, points)?);
                    }
                    _ => panic!(),
                }
                if !trusted {
                    return Err(R::CreditExceeded);
                }
                self.sale(seq, member, false, net, base, allocs, true);
                self.members[member].owes += account;
                self.members[member].purse += i128::from(extras.keep_change);
                if let Some(coupon) = coupon {
                    self.coupons[coupon].left -= 1;
                    self.sales.get_mut(&seq).unwrap().coupon = Some(coupon);
                }
            }
            Action::MergeMembers { from, into } => self.merge(*from, *into)?,
            Action::RefundCard { who, .. } => self.pay_out(*who)?,
            Action::IssueCoupons { who, kind, count } => self.issue(seq, *who, *kind, *count)?,
            Action::WithdrawCoupons { who, coupon, .. } => self.withdraw(*who, *coupon)?,
            Action::SweepChange { who } => self.sweep(*who)?,
            Action::SellPackage { who, uses, price, expires, .. } => {
                self.sell_package(*who, *uses, *price, *expires)?;
            }
            Action::TakeUses { who, uses, .. } => self.uses(*who, *uses, false)?,
            Action::ReturnUses { who, uses, .. } => self.uses(*who, *uses, true)?,
            Action::Earn { who, base, .. } => {
                positive(*base)?;
                let member = self.usable(*who, false)?;
                if i128::from(*base) * EARN[self.members[member].tier] / 10_000 == 0 {
                    return Err(R::NothingToDo);
                }
                let (points, ..) = self.earn(member, i128::from(*base));
                let row = &mut self.members[member];
                row.points += points;
                row.spend += i128::from(*base);
                row.visits += 1;
                self.promote(member);
            }
            Action::Redeem { who, points, .. } => {
                positive(*points)?;
                let member = self.usable(*who, true)?;
                let allocs = self.take(member, true, i128::from(*points))?;
                self.sale(seq, member, true, i128::from(*points), 0, allocs, false);
            }
            Action::AdjustPoints { who, adjust, .. } => match adjust {
                Adjust::Add(points) => {
                    positive(*points)?;
                    let member = self.usable(*who, false)?;
                    self.credit(member, i128::from(*points), self.day, self.day + POINT_DAYS);
                }
                Adjust::Take(points) => {
                    positive(*points)?;
                    let member = self.usable(*who, true)?;
                    self.take(member, true, i128::from(*points))?;
                }
                _ => {
                    let member = self.usable(*who, true)?;
                    let all = self.sum(member, true);
                    if all == 0 {
                        return Err(R::NothingToDo);
                    }
                    self.take(member, true, all)?;
                }
            },
            Action::Transfer { from, to, what, amount } => {
                positive(*amount)?;
                let Who::Member(a) = *from else { panic!() };
                let Who::Member(b) = *to else { panic!() };
                if a.value() as usize >= self.members.len() {
                    return Err(R::MemberUnknown);
                }
                if b.value() as usize >= self.members.len() {
                    return Err(R::TargetUnknown);
                }
                let target = self.resolve(b);
                if self.resolve(a) == target {
                    return Err(R::SameMember);
                }
                let source = self.usable(*from, true)?;
                if self.members[target].frozen {
                    return Err(R::TargetUnusable);
                }
                let points = *what == Held::Points;
                for (lot, p, b) in self.take(source, points, i128::from(*amount))? {
                    let expires = self.lots[lot].expires;
                    if points {
                        self.add(target, true, self.day, expires, p, b);
                    } else {
                        self.open(target, false, self.day, expires, p, b);
                    }
                }
            }
            Action::Hold { who, what, amount, until } => {
                positive(*amount)?;
                let member = self.usable(*who, true)?;
                let points = *what == Held::Points;
                let allocs = self.take(member, points, i128::from(*amount))?;
                let until = until.as_unix_micros();
                self.holds.insert(seq, MHold { member, points, allocs, until });
            }
            Action::Capture { hold, amount, .. } => {
                positive(*amount)?;
                let held = self.holds.get(&hold.value()).filter(|held| held.until > time);
                let held = held.ok_or(R::HoldUnknown)?.clone();
                let amount = i128::from(*amount);
                if amount > held.allocs.iter().map(|(_, p, b)| p + b).sum() {
                    return Err(R::CaptureExceedsHold);
                }
                self.holds.remove(&hold.value());
                let mut left = amount;
                let mut allocs = Vec::new();
                for (lot, p, b) in held.allocs {
                    let part = left.min(p + b);
                    let (cp, cb) = portion(p, b, part);
                    left -= part;
                    if part > 0 {
                        allocs.push((lot, cp, cb));
                    }
                    self.lots[lot].p += p - cp;
                    self.lots[lot].b += b - cb;
                }
                let base = allocs.iter().map(|(_, p, _)| p).sum();
                let counts = !held.points;
                self.sale(seq, held.member, held.points, amount, base, allocs, counts);
            }
            Action::Void { hold } => {
                let held = self.holds.get(&hold.value()).filter(|held| held.until > time);
                held.ok_or(R::HoldUnknown)?;
                self.end_hold(hold.value());
            }
            Action::Refund { sale, part } => self.refund(sale.value(), *part, ledger)?,
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    pub(crate) fn end_hold(&mut self, id: u64) {
        for (lot, p, b) in self.holds.remove(&id).unwrap().allocs {
            self.lots[lot].p += p;
            self.lots[lot].b += b;
        }
    }

    pub(crate) fn refund(&mut self, id: u64, part: Part, ledger: &Ledger) -> Result<(), R> {
        let amount = match part {
            Part::Amount(amount) => {
                positive(amount)?;
                Some(i128::from(amount))
            }
            _ => None,
        };
        let sale = self.sales.get(&id).filter(|sale| sale.returnable >= self.day);
        let mut sale = sale.ok_or(R::SaleUnknown)?.clone();
        let left = sale.net - sale.back;
        let amount = amount.unwrap_or(left);
        if amount > left {
            return Err(R::RefundExceedsPaid);
        }
        if amount == 0 {
            return Err(R::NothingToDo);
        }
        sale.back += amount;
        // How it falls on the tenders is a matter of rounding: the model takes what the
        // ledger did, after looking whether it could be right.
        let after = ledger.sale(SaleId::new(id)).unwrap();
        assert!(after.left() == i64::try_from(sale.net - sale.back).unwrap());
        let mut p = i128::from(after.returned.principal);
        let mut b = i128::from(after.returned.bonus);
        let mut q = i128::from(after.returned.points);
        let whole = sale.back == sale.net;
        if whole {
            assert_eq!(after.returned, after.paid);
            if let Some(coupon) = sale.coupon {
                self.coupons[coupon].left += 1;
            }
        }
        for (total, paid) in [
            (after.returned.principal, after.paid.principal),
            (after.returned.bonus, after.paid.bonus),
            (after.returned.cash, after.paid.cash),
            (after.returned.points_value, after.paid.points_value),
        ] {
            let fair = i128::from(paid) * sale.back / sale.net.max(1);
            assert!(sale.points_only || (i128::from(total) - fair).abs() <= 2, "{after:?}");
        }
        // All that ever came back fills the takings from the last to the first.
        for [lot, taken_p, taken_b, back_p, back_b] in sale.allocs.iter_mut().rev() {
            let lot = &mut self.lots[usize::try_from(*lot).unwrap()];
            let all = if lot.points { &mut q } else { &mut p };
            let now_p = (*all).min(*taken_p);
            let now_b = b.min(*taken_b);
            *all -= now_p;
            b -= now_b;
            lot.p += now_p - *back_p;
            lot.b += now_b - *back_b;
            (*back_p, *back_b) = (now_p, now_b);
        }
        assert_eq!((p, b, q), (0, 0, 0));
        let base = sale.base * (sale.net - sale.back) / sale.net.max(1);
        let keep = base * sale.rate / 10_000;
        let claw = (sale.earned - keep - sale.clawed).max(0);
        sale.clawed += claw;
        let mut due = claw;
        if let Some(lot) = sale.lot.filter(|lot| self.lots[*lot].expires < self.day) {
            let dead = &mut self.lots[lot];
            let part = due.min(dead.p);
            dead.p -= part;
            due -= part;
        }
        if let Some(lot) = sale.lot.filter(|lot| self.lots[*lot].expires >= self.day) {
            let part = due.min(self.lots[lot].p);
            self.lots[lot].p -= part;
            due -= part;
        }
        for lot in self.live(sale.member, true) {
            let part = due.min(self.lots[lot].p);
            self.lots[lot].p -= part;
            due -= part;
        }
        let row = &mut self.members[sale.member];
        row.debt += due;
        row.points -= claw;
        if !sale.points_only {
            let account = i128::from(after.returned.account);
            let back = account - sale.account_back;
            row.owes -= back.min(row.owes);
            sale.account_back = account;
            let spent =
                i128::from(after.returned.cash) + i128::from(after.returned.principal) + account;
            row.spend -= spent - sale.spent_back;
            row.visits -= i128::from(whole);
            sale.spent_back = spent;
        }
        self.sales.insert(id, sale);
        Ok(())
    }
}

pub(crate) fn positive(amount: i64) -> Result<(), R> {
    if amount <= 0 {
        Err(R::AmountNotPositive)
    } else if amount > 10_000_000_000_000 {
        Err(R::AmountTooLarge)
    } else {
        Ok(())
    }
}

pub(crate) fn half_up(num: i128, den: i128) -> i128 {
    (2 * num + den) / (2 * den)
}

pub(crate) fn portion(p: i128, b: i128, part: i128) -> (i128, i128) {
    if b == 0 {
        return (part, 0);
    }
    let principal = half_up(part * p, p + b).min(p).max(part - b);
    (principal, part - principal)
}
