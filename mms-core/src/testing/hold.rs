//! The model's holds, and the uses that they and others take.

use super::model::{Counts, MHold, MWhat, Model, Taken};
use crate::{Action, AssetId, Held, Rejection as R, Timestamp, Who};
use alloc::vec;
use alloc::vec::Vec;

impl Model {
    pub(super) fn run_hold(
        &mut self,
        seq: u64,
        action: &Action,
        (store, actor): (u32, u32),
    ) -> Result<(), R> {
        match *action {
            Action::Hold { who, what, amount, until } => {
                self.holder(who, amount, until)?;
                let member = self.usable(who, true)?;
                let points = what == Held::Points;
                let taken = self.take(member, points, amount.into())?;
                let what = if points { MWhat::Points } else { MWhat::Stored };
                self.set_aside(seq, member, what, taken, until);
            }
            Action::HoldUses { who, kind, uses, until } => {
                let member = self.holder(who, uses, until)?;
                if !crate::is_uses(kind) {
                    return Err(R::AssetUnknown);
                }
                self.usable(who, true)?;
                let mut taken = Vec::new();
                for (n, part) in self.parts_of_uses(member, kind, uses.into())? {
                    self.packages[n].left -= part;
                    self.packages[n].held += part;
                    taken.push(whole(n, part));
                }
                self.set_aside(seq, member, MWhat::Uses, taken, until);
            }
            Action::HoldCoupons { who, coupon, count, until } => {
                let member = self.holder(who, count, until)?;
                let n = self.coupon(member, coupon).ok_or(R::CouponUnknown)?;
                self.usable(who, true)?;
                let (day, count) = (self.day, i128::from(count));
                let coupon = &mut self.coupons[n];
                if coupon.from > day || coupon.expires < day {
                    return Err(R::CouponNotValid);
                }
                if coupon.left < count {
                    return Err(R::InsufficientCoupons);
                }
                coupon.left -= count;
                coupon.held += count;
                self.set_aside(seq, member, MWhat::Coupons, vec![whole(n, count)], until);
            }
            Action::Capture { hold, amount, .. } => {
                self.positive(amount)?;
                let held = self.holds.get(&hold.value()).filter(|held| held.until > self.time);
                let held = held.ok_or(R::HoldUnknown)?.clone();
                let amount = i128::from(amount);
                if amount > held.taken.iter().map(|taken| taken.p + taken.b).sum() {
                    return Err(R::CaptureExceedsHold);
                }
                self.holds.remove(&hold.value());
                let (member, what) = (held.member, held.what);
                // What a hold had set aside is in no list until now.
                let taken = self.capture(held, amount);
                match what {
                    MWhat::Stored => self.quick_sale(seq, member, amount, taken, (store, actor)),
                    MWhat::Points => self.redemption(seq, member, amount, taken, store, None),
                    MWhat::Uses | MWhat::Coupons => {}
                }
            }
            Action::Void { hold } => {
                let held = self.holds.get(&hold.value()).filter(|held| held.until > self.time);
                held.ok_or(R::HoldUnknown)?;
                self.release(hold.value());
            }
            ref other => panic!("no hold: {other:?}"),
        }
        Ok(())
    }

    fn holder(&self, who: Who, amount: i64, until: Timestamp) -> Result<usize, R> {
        self.positive(amount)?;
        if until.as_unix_micros() <= self.time {
            return Err(R::DateInPast);
        }
        self.known(who)
    }

    fn set_aside(
        &mut self,
        seq: u64,
        member: usize,
        what: MWhat,
        taken: Vec<Taken>,
        until: Timestamp,
    ) {
        let until = until.as_unix_micros();
        self.holds.insert(seq, MHold { member, what, taken, until });
    }

    pub(super) fn release(&mut self, id: u64) {
        let held = self.holds.remove(&id).unwrap();
        self.capture(held, 0);
    }

    /// Takes `amount` out of a hold; the rest goes back.
    fn capture(&mut self, held: MHold, amount: i128) -> Vec<Taken> {
        let mut left = amount;
        let mut taken = Vec::new();
        for part in held.taken {
            let of = left.min(part.p + part.b);
            let (p, b) = self.portion(part.p, part.b, of);
            left -= of;
            if of > 0 {
                taken.push(Taken { lot: part.lot, p, b, back_p: 0, back_b: 0 });
            }
            match held.what {
                MWhat::Stored | MWhat::Points => {
                    self.lots[part.lot].p += part.p - p;
                    self.lots[part.lot].b += part.b - b;
                }
                MWhat::Uses => {
                    self.packages[part.lot].held -= part.p;
                    self.packages[part.lot].left += part.p - p;
                }
                MWhat::Coupons => {
                    self.coupons[part.lot].held -= part.p;
                    self.coupons[part.lot].left += part.p - p;
                }
            }
        }
        taken
    }

    /// From which packages so many uses come: those that lapse first, first.
    pub(super) fn parts_of_uses(
        &self,
        member: usize,
        kind: AssetId,
        mut want: i128,
    ) -> Result<Vec<(usize, i128)>, R> {
        let live = self.packages.iter().enumerate().filter(|(_, p)| {
            p.member == member && p.kind == kind && p.left > 0 && p.is_live(self.day)
        });
        let mut live: Vec<(usize, i128)> = live.map(|(n, package)| (n, package.left)).collect();
        live.sort_by_key(|(n, _)| (self.packages[*n].expires, *n));
        if live.iter().map(|(_, left)| left).sum::<i128>() < want {
            return Err(R::InsufficientUses);
        }
        for (_, part) in &mut live {
            *part = want.min(*part);
            want -= *part;
        }
        live.retain(|(_, part)| *part > 0);
        Ok(live)
    }

    /// Uses taken, or given back for money.
    pub(super) fn uses(
        &mut self,
        who: Who,
        kind: AssetId,
        uses: i64,
        back: Option<u32>,
    ) -> Result<(), R> {
        self.positive(uses)?;
        let member = self.known(who)?;
        if !crate::is_uses(kind) {
            return Err(R::AssetUnknown);
        }
        self.usable(who, true)?;
        for (n, part) in self.parts_of_uses(member, kind, uses.into())? {
            let package = &mut self.packages[n];
            let before = package.deferred();
            package.left -= part;
            let (freed, sold) = (before - package.deferred(), package.from);
            if let Some(store) = back {
                self.over_the_counter(store, -freed);
                self.count(member, sold, Counts { spend: -freed, ..Counts::default() });
            }
        }
        Ok(())
    }
}

const fn whole(lot: usize, p: i128) -> Taken {
    Taken { lot, p, b: 0, back_p: 0, back_b: 0 }
}
