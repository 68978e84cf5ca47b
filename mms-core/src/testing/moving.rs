//! The model's transfers, and what members bring along.

use super::model::{Counts, MCoupon, MPackage, MWhat, Model, Taken};
use crate::{AssetId, CouponId, Held, MemberId, MemberKind, Opened, Rejection as R, Who};

impl Model {
    fn both(&self, from: Who, to: Who) -> Result<(usize, usize), R> {
        Ok((self.known(from)?, self.known(to).map_err(|_| R::TargetUnknown)?))
    }

    fn sends(&self, (from, source): (Who, usize), (to, target): (Who, usize)) -> Result<(), R> {
        if source == target {
            return Err(R::SameMember);
        }
        self.usable(from, true)?;
        if self.members[target].frozen || self.usable(to, false).is_err() {
            return Err(R::TargetUnusable);
        }
        Ok(())
    }

    pub(super) fn transfer(
        &mut self,
        from: Who,
        to: Who,
        what: Held,
        amount: i64,
    ) -> Result<(), R> {
        self.positive(amount)?;
        let (source, target) = self.both(from, to)?;
        self.sends((from, source), (to, target))?;
        let points = what == Held::Points;
        let before = self.lots.clone();
        let taken = self.take(source, points, i128::from(amount))?;
        if !points {
            let room = self.room(target, i128::from(amount));
            if room.is_err() {
                self.lots = before;
                return room;
            }
        }
        for Taken { lot, p, b, .. } in taken {
            let held = self
                .holds
                .values()
                .filter(|hold| hold.what == MWhat::Stored)
                .flat_map(|h| &h.taken);
            let held: i128 = held.filter(|held| held.lot == lot).map(|held| held.p).sum();
            let row = &mut self.lots[lot];
            // What a pay-out at list price would not give goes along with its part.
            let left = row.p + p + held;
            let short = (left - (row.paid - row.consumed)).max(0);
            let along = if left > 0 && !points { short * p / left } else { 0 };
            row.consumed -= along;
            row.paid -= p;
            let (expires, store) = (row.expires, row.store);
            if points {
                self.add(target, true, (self.day, expires), (p, 0), store);
            } else {
                let new = self.open(target, false, (self.day, expires), (p, b), store);
                self.lots[new].consumed = along;
            }
        }
        Ok(())
    }

    pub(super) fn transfer_uses(
        &mut self,
        from: Who,
        to: Who,
        kind: AssetId,
        uses: i64,
    ) -> Result<(), R> {
        self.positive(uses)?;
        let (source, target) = self.both(from, to)?;
        if !crate::is_uses(kind) {
            return Err(R::AssetUnknown);
        }
        self.sends((from, source), (to, target))?;
        for (n, part) in self.parts_of_uses(source, kind, uses.into())? {
            let package = &mut self.packages[n];
            let before = package.deferred();
            package.left -= part;
            let price = before - package.deferred();
            let new = MPackage {
                member: target,
                all: part,
                left: part,
                held: 0,
                price,
                ..package.clone()
            };
            let from = new.from;
            self.packages.push(new);
            // Who has the uses has spent what is still to be earned of them.
            self.count(source, from, Counts { spend: -price, ..Counts::default() });
            self.count(target, from, Counts { spend: price, ..Counts::default() });
        }
        Ok(())
    }

    pub(super) fn transfer_coupons(
        &mut self,
        seq: u64,
        from: Who,
        to: Who,
        coupon: CouponId,
        count: i64,
    ) -> Result<(), R> {
        self.positive(count)?;
        let (source, target) = self.both(from, to)?;
        let n = self.coupon(source, coupon).ok_or(R::CouponUnknown)?;
        self.sends((from, source), (to, target))?;
        let MCoupon { kind, left, expires, .. } = self.coupons[n];
        if expires < self.day {
            return Err(R::CouponNotValid);
        }
        let count = i128::from(count);
        let own = self.own(target, kind);
        let rule = self.program.coupons.iter().find(|rule| rule.kind == kind);
        let most = rule.and_then(|rule| rule.member_max);
        if most.is_some_and(|most| own + count > i128::from(most)) {
            return Err(R::CouponsHeld);
        }
        if left < count {
            return Err(R::InsufficientCoupons);
        }
        self.coupons[n].left -= count;
        let new =
            MCoupon { id: seq, member: target, left: count, held: 0, ..self.coupons[n].clone() };
        self.coupons.push(new);
        Ok(())
    }

    pub(super) fn open_balance(
        &mut self,
        member: MemberId,
        what: Held,
        (principal, bonus): (i64, i64),
        days: (i32, i32),
        store: u32,
    ) -> Result<(), R> {
        let points = what == Held::Points;
        let (p, b) = (i128::from(principal), i128::from(bonus));
        if p < 0 || b < 0 || p + b == 0 || (points && b > 0) {
            return Err(R::AmountNotPositive);
        }
        if p.max(b) > i128::from(self.limits.amount_max) {
            return Err(R::AmountTooLarge);
        }
        if days.1 < self.day {
            return Err(R::DateInPast);
        }
        let member = self.usable(member.into(), false)?;
        if !points {
            self.room(member, p + b)?;
        }
        self.open(member, points, days, (p, b), store);
        Ok(())
    }

    pub(super) fn open_other(&mut self, seq: u64, member: MemberId, what: Opened) -> Result<(), R> {
        let who = Who::Member(member);
        match what {
            Opened::Uses { kind, uses, price, from, expires } => {
                if uses <= 0 || price < 0 {
                    return Err(R::AmountNotPositive);
                }
                self.positive(uses.max(price))?;
                if expires.value() < self.day {
                    return Err(R::DateInPast);
                }
                self.known(who)?;
                if !crate::is_uses(kind) {
                    return Err(R::AssetUnknown);
                }
                let member = self.usable(who, false)?;
                let (all, price) = (uses.into(), price.into());
                let (from, expires) = (from.value(), expires.value());
                self.packages.push(MPackage {
                    kind,
                    member,
                    all,
                    left: all,
                    held: 0,
                    price,
                    from,
                    expires,
                });
            }
            Opened::Coupons { kind, count, from, expires } => {
                self.positive(count)?;
                if expires.value() < self.day {
                    return Err(R::DateInPast);
                }
                self.known(who)?;
                if !self.program.coupons.iter().any(|rule| rule.kind == kind) {
                    return Err(R::RuleUnknown);
                }
                let member = self.usable(who, false)?;
                let (from, expires) = (from.value(), expires.value());
                let left = count.into();
                self.coupons.push(MCoupon { id: seq, kind, member, left, held: 0, from, expires });
            }
            Opened::Change(amount) => {
                self.positive(amount)?;
                let member = self.usable(who, false)?;
                self.members[member].purse += i128::from(amount);
            }
            Opened::PointsDebt(points) => {
                self.positive(points)?;
                let member = self.usable(who, false)?;
                self.members[member].debt += i128::from(points);
            }
            Opened::Owed(amount) => {
                self.positive(amount)?;
                let member = self.usable(who, false)?;
                let row = &mut self.members[member];
                let trusted = !matches!(row.kind, MemberKind::Individual | MemberKind::Bearer);
                let owes = row.owes + i128::from(amount);
                if !trusted || owes > i128::from(self.program.credit_max) {
                    return Err(R::CreditExceeded);
                }
                row.owes = owes;
            }
        }
        Ok(())
    }
}
