//! The model's lots: taking, bringing, taking back.

use super::model::{MLot, MWhat, Model, NEVER, Taken, share};
use crate::{Consumption, Rejection as R, Rounding};
use alloc::vec::Vec;

impl Model {
    /// The lots of a member that can be spent, in the order in which they are.
    pub(super) fn live(&self, member: usize, points: bool) -> Vec<usize> {
        let mut lots: Vec<usize> = (0..self.lots.len())
            .filter(|id| {
                let lot = &self.lots[*id];
                lot.member == member
                    && lot.points == points
                    && lot.p + lot.b > 0
                    && lot.from <= self.day
                    && lot.expires >= self.day
            })
            .collect();
        lots.sort_by_key(|id| (self.lots[*id].expires, *id));
        lots
    }

    pub(super) fn sum(&self, member: usize, points: bool) -> i128 {
        self.live(member, points).iter().map(|id| self.lots[*id].p + self.lots[*id].b).sum()
    }

    pub(super) fn take(
        &mut self,
        member: usize,
        points: bool,
        amount: i128,
    ) -> Result<Vec<Taken>, R> {
        if self.sum(member, points) < amount {
            return Err(if points { R::InsufficientPoints } else { R::InsufficientStored });
        }
        let mut left = amount;
        let mut taken = Vec::new();
        for id in self.live(member, points) {
            let (p, b) = (self.lots[id].p, self.lots[id].b);
            let part = left.min(p + b);
            if part == 0 {
                break;
            }
            let (p, b) = self.portion(p, b, part);
            self.lots[id].p -= p;
            self.lots[id].b -= b;
            taken.push(Taken { lot: id, p, b, back_p: 0, back_b: 0 });
            left -= part;
        }
        Ok(taken)
    }

    /// Which part is principal and which bonus.
    pub(super) fn portion(&self, p: i128, b: i128, part: i128) -> (i128, i128) {
        let principal = match self.program.consumption {
            _ if b == 0 => part,
            Consumption::PrincipalFirst => part.min(p),
            Consumption::BonusFirst => part - part.min(b),
            _ => share(part, p, p + b, Rounding::HalfUp).min(p).max(part - b),
        };
        (principal, part - principal)
    }

    pub(super) fn open(
        &mut self,
        member: usize,
        points: bool,
        (from, expires): (i32, i32),
        (p, b): (i128, i128),
        store: u32,
    ) -> usize {
        self.lots.push(MLot {
            member,
            points,
            store,
            from,
            expires,
            waiting: points && from > self.day,
            p,
            b,
            lapsed: 0,
            had_bonus: b > 0,
            paid: p,
            consumed: 0,
        });
        self.lots.len() - 1
    }

    /// Into the first lot that is alike, in the order of spending, or into a new one.
    pub(super) fn add(
        &mut self,
        member: usize,
        points: bool,
        (from, expires): (i32, i32),
        (p, b): (i128, i128),
        store: u32,
    ) -> usize {
        let waits = from > self.day;
        let alike = |id: &usize| {
            let lot = &self.lots[*id];
            let same_wait =
                if waits { lot.waiting && lot.from == from } else { lot.from <= self.day };
            lot.member == member
                && lot.points == points
                && lot.expires == expires
                && (!self.program.settle || lot.store == store)
                && self.valued.get(*id).copied().unwrap_or(false)
                && (points || (!lot.had_bonus && b == 0))
                && same_wait
        };
        match (0..self.lots.len()).find(alike) {
            Some(id) => {
                self.lots[id].p += p;
                self.lots[id].paid += p;
                id
            }
            None => self.open(member, points, (from, expires), (p, b), store),
        }
    }

    /// Points come in; a debt is paid first.
    pub(super) fn credit(
        &mut self,
        member: usize,
        points: i128,
        (from, expires): (i32, i32),
        store: u32,
    ) -> Option<usize> {
        let paid = self.members[member].debt.min(points);
        self.members[member].debt -= paid;
        let rest = points - paid;
        if rest == 0 {
            return None;
        }
        if from <= self.day {
            return Some(self.add(member, true, (from, expires), (rest, 0), store));
        }
        // What is earned and must be waited for has a lot of its own.
        Some(self.open(member, true, (from, expires), (rest, 0), store))
    }

    /// Points that are taken back: from their own lot, then from the others; the rest is owed.
    pub(super) fn claw(&mut self, member: usize, own: Option<usize>, points: i128) {
        let mut due = points;
        if let Some(id) = own.filter(|id| self.lots[*id].expires < self.day) {
            let lot = &mut self.lots[id];
            let part = due.min(lot.p);
            lot.p -= part;
            due -= part;
            let part = due.min(lot.lapsed);
            lot.lapsed -= part;
            due -= part;
        }
        if let Some(id) =
            own.filter(|id| self.lots[*id].expires >= self.day && self.lots[*id].member == member)
        {
            let part = due.min(self.lots[id].p);
            self.lots[id].p -= part;
            due -= part;
        }
        // Lots that this very record opened are not looked at.
        let known = self.valued.len();
        for lot in self.live(member, true).into_iter().filter(|lot| *lot < known) {
            let part = due.min(self.lots[lot].p);
            self.lots[lot].p -= part;
            due -= part;
        }
        self.members[member].debt += due;
    }

    /// What was spent is consumed, and settled between the stores.
    pub(super) fn spent(&mut self, taken: &[Taken], here: u32) {
        for part in taken {
            if !self.lots[part.lot].points {
                self.lots[part.lot].consumed += part.p + part.b;
            }
            self.settle(part.lot, part.p, here);
        }
    }

    pub(super) fn settle(&mut self, lot: usize, p: i128, here: u32) {
        let (store, points) = (self.lots[lot].store, self.lots[lot].points);
        let amount = if points { self.worth(p) } else { p };
        self.owe(store, here, amount);
    }

    /// What points are worth between stores.
    pub(super) fn worth(&self, points: i128) -> i128 {
        let rate = self.program.settle_points;
        share(points, rate.num().into(), rate.den().into(), Rounding::Down)
    }

    pub(super) fn owe(&mut self, from: u32, to: u32, amount: i128) {
        if self.program.settle && from != to && amount != 0 {
            *self.due.entry(to).or_default() += amount;
            *self.owed.entry(from).or_default() += amount;
        }
    }

    /// Whether a member may have so much more stored value.
    pub(super) fn room(&self, member: usize, more: i128) -> Result<(), R> {
        let max = match self.members[member].kind {
            crate::MemberKind::Bearer => self.limits.bearer_stored_max,
            _ => self.limits.stored_max,
        };
        let own = self.lots.iter().filter(|lot| lot.member == member && !lot.points);
        let own = own.filter(|lot| lot.expires >= self.day);
        let held =
            self.holds.values().filter(|hold| hold.member == member && hold.what == MWhat::Stored);
        let held = held.flat_map(|hold| &hold.taken).map(|taken| taken.p + taken.b);
        let stands: i128 = own.map(|lot| lot.p + lot.b).chain(held).sum();
        if stands + more > i128::from(max) { Err(R::StoredFull) } else { Ok(()) }
    }

    /// The last day of stored value that comes in today.
    pub(super) fn stored_until(&self) -> i32 {
        self.program.stored_expiry.from(crate::Day::new(self.day)).value()
    }

    pub(super) fn points_until(&self, from: i32) -> i32 {
        if from == NEVER {
            return NEVER;
        }
        self.program.points_expiry.from(crate::Day::new(from)).value()
    }
}
