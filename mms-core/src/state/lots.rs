//! Every lot, and whose.

use super::append;
use super::calendar::Calendar;
use super::lot::{Lot, Purse};
use super::slot::{Head, Slot};
use crate::account::{Code, MONEY, POINTS, is_coupon};
use crate::ids::{AssetId, Day, LotId, MemberId, Seq, StoreId};
use crate::record::MoveKind;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Every lot, and the list of each member's in the order in which they are spent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lots {
    arena: Vec<Slot>,
    /// Lots that do not fit into their slot, and places there that are free.
    wide: Vec<Lot>,
    wide_free: Vec<u32>,
    /// Lots with value and a last day.
    expiring: Calendar,
    /// Lots that the member must wait for.
    pending: Calendar,
    /// Places of lots that are over.
    free: BTreeSet<LotId>,
    /// Lots that this record may have ended; empty between records.
    emptied: Vec<LotId>,
}

/// How a lot is kept does not count.
impl PartialEq for Lots {
    fn eq(&self, other: &Self) -> bool {
        self.arena.len() == other.arena.len()
            && self.places().eq(other.places())
            && self.expiring == other.expiring
            && self.pending == other.pending
            && self.free == other.free
    }
}

impl Eq for Lots {}

impl Lots {
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.arena.len()).unwrap_or(u32::MAX)
    }

    /// The place that the lot after the next `skip` ones will take: the first that is free.
    pub(crate) fn next_place(&self, skip: u32) -> u32 {
        match self.free.iter().nth(skip as usize) {
            Some(place) => place.value(),
            None => {
                let beyond = (skip as usize).saturating_sub(self.free.len());
                self.len().saturating_add(u32::try_from(beyond).unwrap_or(u32::MAX))
            }
        }
    }

    /// How many lots there are that are not over.
    pub(crate) fn kept(&self) -> u32 {
        self.len().saturating_sub(u32::try_from(self.free.len()).unwrap_or(0))
    }

    /// A lot, put together from its slot.
    #[inline]
    pub(crate) fn get(&self, lot: LotId) -> Option<Lot> {
        let slot = self.slot(lot).filter(|slot| !slot.is_vacant())?;
        Some(self.whole(slot))
    }

    /// What the lot is of.
    #[inline]
    pub(crate) fn asset(&self, lot: LotId) -> Option<AssetId> {
        self.slot(lot).filter(|slot| !slot.is_vacant()).map(|slot| slot.asset)
    }

    /// Whether the member must wait for what is in it.
    #[inline]
    pub(crate) fn is_pending(&self, lot: LotId) -> Option<bool> {
        self.slot(lot).filter(|slot| !slot.is_vacant()).map(Slot::is_pending)
    }

    /// Whom the lot was opened for.
    #[inline]
    pub(crate) fn owner(&self, lot: LotId) -> Option<MemberId> {
        self.slot(lot).filter(|slot| !slot.is_vacant()).map(|slot| slot.member)
    }

    /// Whether there is such a lot.
    #[inline]
    pub(crate) fn is_known(&self, lot: LotId) -> bool {
        self.slot(lot).is_some_and(|slot| !slot.is_vacant())
    }

    /// Reads the slot at a place, for nothing but to have it at hand soon: a number that means
    /// nothing, and the next of the list.
    #[inline]
    pub(crate) fn touch(&self, lot: LotId) -> (u64, Option<LotId>) {
        self.slot(lot).map_or((0, None), |slot| (slot.consumed.into(), slot.next.get()))
    }

    #[inline]
    fn slot(&self, lot: LotId) -> Option<&Slot> {
        self.arena.get(lot.value() as usize)
    }

    #[inline]
    fn whole(&self, slot: &Slot) -> Lot {
        if slot.is_wide() {
            let wide = self.wide.get(slot.principal as usize).cloned();
            return Lot { next: slot.next, ..wide.unwrap_or(Lot::vacant()) };
        }
        slot.lot()
    }

    /// Keeps a lot at a place that there is.
    #[inline]
    fn put(&mut self, id: LotId, lot: &Lot) {
        let Some(slot) = self.arena.get_mut(id.value() as usize) else {
            return;
        };
        match (Slot::short(lot), slot.is_wide()) {
            (Some(short), false) => *slot = short,
            (Some(short), true) => {
                self.wide_free.push(slot.principal);
                if let Some(wide) = self.wide.get_mut(slot.principal as usize) {
                    *wide = Lot::vacant();
                }
                *slot = short;
            }
            (None, true) => {
                let place = slot.principal;
                *slot = Slot::wide(lot, place);
                if let Some(wide) = self.wide.get_mut(place as usize) {
                    *wide = lot.clone();
                }
            }
            (None, false) => {
                let end = u32::try_from(self.wide.len()).unwrap_or(u32::MAX);
                let place = self.wide_free.pop().unwrap_or(end);
                *slot = Slot::wide(lot, place);
                match self.wide.get_mut(place as usize) {
                    Some(wide) => *wide = lot.clone(),
                    None => self.wide.push(lot.clone()),
                }
            }
        }
    }

    /// Changes a lot, if there is such a place.
    #[inline]
    fn edit(&mut self, id: LotId, change: impl FnOnce(&mut Lot)) {
        if let Some(mut lot) = self.slot(id).map(|slot| self.whole(slot)) {
            change(&mut lot);
            self.put(id, &lot);
        }
    }

    /// A member's lots with value left, in the order of spending: soonest expiry first,
    /// then the oldest.
    #[inline]
    pub(crate) fn of(&self, head: Head) -> impl Iterator<Item = (LotId, Lot)> + '_ {
        let mut at = head.get();
        core::iter::from_fn(move || {
            let id = at?;
            let lot = self.get(id)?;
            at = lot.next.get();
            Some((id, lot))
        })
    }

    /// What those of an asset hold that can be spent on `day`, in the same order.
    #[inline]
    pub(crate) fn spendable(
        &self,
        head: Head,
        asset: AssetId,
        day: Day,
    ) -> impl Iterator<Item = (LotId, Purse)> + '_ {
        let mut at = head.get();
        core::iter::from_fn(move || {
            loop {
                let id = at?;
                let slot = self.slot(id)?;
                at = slot.next.get();
                if slot.asset == asset && slot.is_live(day) {
                    let purse = slot.purse().unwrap_or_else(|| self.whole(slot).purse());
                    return Some((id, purse));
                }
            }
        })
    }

    /// The first lot of an asset and a last day that is `alike`, or else how many there are in all.
    #[inline]
    pub(crate) fn find(
        &self,
        head: Head,
        asset: AssetId,
        expires: Day,
        alike: impl Fn(&Lot) -> bool,
    ) -> Result<LotId, u32> {
        let mut count: u32 = 0;
        let mut at = head;
        while let Some((id, slot)) = at.get().and_then(|id| Some((id, self.slot(id)?))) {
            if slot.asset == asset && slot.expires == expires && alike(&self.whole(slot)) {
                return Ok(id);
            }
            count = count.saturating_add(1);
            at = slot.next;
        }
        Err(count)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (LotId, Lot)> + '_ {
        self.places().filter(|(_, lot)| !lot.is_vacant())
    }

    /// Every place, also those that no lot has.
    pub(crate) fn places(&self) -> impl ExactSizeIterator<Item = (LotId, Lot)> + '_ {
        self.arena.iter().enumerate().map(|(n, slot)| {
            let id = LotId::new(u32::try_from(n).unwrap_or(u32::MAX));
            (id, self.whole(slot))
        })
    }

    /// Lots from a snapshot: lists, calendar and free places are made anew. Gives the head of
    /// each member's list, by member.
    pub(crate) fn rebuild(
        arena: Vec<Lot>,
        owner: impl Fn(MemberId) -> MemberId,
    ) -> (Self, Vec<(MemberId, LotId)>) {
        let mut lots = Self::default();
        lots.arena.reserve_exact(arena.len());
        let mut listed = Vec::new();
        for (n, mut lot) in arena.into_iter().enumerate() {
            let id = LotId::new(u32::try_from(n).unwrap_or(u32::MAX));
            (lot.next, lot.linked) = (Head::NONE, lot.left() > 0);
            lots.arena.push(Slot::vacant());
            lots.put(id, &lot);
            if lot.is_vacant() {
                lots.free.insert(id);
                continue;
            }
            if lot.pending {
                lots.pending.insert(lot.from, id);
            }
            if lot.linked {
                if lot.expires != Day::NEVER {
                    lots.expiring.insert(lot.expires, id);
                }
                let place = (rank(lot.asset), lot.expires, lot.origin, id);
                listed.push((owner(lot.member), place));
            }
        }
        listed.sort_unstable();
        let mut heads: Vec<(MemberId, LotId)> = Vec::new();
        let mut last: Option<(MemberId, LotId)> = None;
        for (member, (.., id)) in listed {
            match last {
                Some((of, before)) if of == member => lots.set_next(before, Some(id).into()),
                _ => heads.push((member, id)),
            }
            last = Some((member, id));
        }
        (lots, heads)
    }

    /// A sale can be returned to a lot from now on.
    pub(crate) fn refer(&mut self, id: LotId) {
        match self.arena.get_mut(id.value() as usize) {
            Some(slot) if !slot.is_wide() && slot.refs < u8::MAX => {
                slot.refs = slot.refs.saturating_add(1);
            }
            _ => self.edit(id, |lot| lot.refs = lot.refs.saturating_add(1)),
        }
    }

    /// One sale fewer can be returned to a lot.
    pub(crate) fn unrefer(&mut self, id: LotId) {
        match self.arena.get_mut(id.value() as usize) {
            Some(slot) if !slot.is_wide() => {
                slot.refs = slot.refs.saturating_sub(1);
                if slot.is_kept() {
                    return;
                }
            }
            Some(_) => self.edit(id, |lot| lot.refs = lot.refs.saturating_sub(1)),
            None => return,
        }
        self.emptied.push(id);
    }

    /// Frees the places of lots that ended in this record.
    pub(crate) fn reclaim(&mut self) {
        while let Some(id) = self.emptied.pop() {
            if self.get(id).is_some_and(|lot| lot.is_over()) {
                self.put(id, &Lot::vacant());
                self.free.insert(id);
            }
        }
    }

    /// The next lot whose last day is before `day`.
    pub(crate) fn next_expired(&self, day: Day) -> Option<(LotId, Lot)> {
        self.expiring
            .from(Day::FIRST)
            .take_while(|(last, _)| *last < day)
            .filter_map(|(_, id)| self.get(id).map(|lot| (id, lot)))
            .find(|(_, lot)| lot.left() > 0)
    }

    /// Lots with value whose last day is from `from` to `until`, soonest first.
    pub(crate) fn ending(&self, from: Day, until: Day) -> impl Iterator<Item = (LotId, Lot)> + '_ {
        let rows = self.expiring.from(from);
        let rows = rows.take_while(move |(last, _)| *last <= until && *last != Day::NEVER);
        rows.filter_map(|(_, id)| self.get(id).map(|lot| (id, lot)))
    }

    /// The same behind a lot of the first day.
    pub(crate) fn ending_after(
        &self,
        (from, lot): (Day, LotId),
        until: Day,
    ) -> impl Iterator<Item = (LotId, Lot)> + '_ {
        let rows = self.expiring.after(from, lot);
        let rows = rows.take_while(move |(last, _)| *last <= until && *last != Day::NEVER);
        rows.filter_map(|(_, id)| self.get(id).map(|lot| (id, lot)))
    }

    /// The next pending lot that has become the member's by `day`.
    pub(crate) fn next_matured(&self, day: Day) -> Option<(LotId, Lot)> {
        let (from, id) = self.pending.first()?;
        if from > day {
            return None;
        }
        self.get(id).map(|lot| (id, lot))
    }

    /// The next day on which something lapses or matures.
    pub(crate) fn next_day(&self) -> Option<Day> {
        let expiry = self.expiring.first().map(|(last, _)| last.plus(1));
        let maturity = self.pending.first().map(|(from, _)| from);
        match (expiry, maturity) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Opens a lot at a place that is free, or behind the last.
    pub(crate) fn open(&mut self, id: LotId, lot: Lot, head: &mut Head) {
        let pending = lot.pending.then_some(lot.from);
        let end = self.len();
        match self.arena.get_mut(id.value() as usize) {
            Some(place) if place.is_vacant() => {
                self.free.remove(&id);
            }
            None if id.value() == end => append(&mut self.arena, Slot::vacant()),
            _ => return,
        }
        if let Some(from) = pending {
            self.pending.insert(from, id);
        }
        self.put_settled(id, lot, head);
    }

    /// Spends from a lot (and lets the sale be returned to it), or adds to it, when that changes
    /// nothing in its owner's list; else nothing, and `false`.
    #[inline]
    pub(crate) fn shift(&mut self, id: LotId, how: MoveKind, principal: i64, bonus: i64) -> bool {
        let slot = self.arena.get_mut(id.value() as usize);
        slot.is_some_and(|slot| slot.shift(how, principal, bonus))
    }

    /// Moves value in, out of, or within a lot. `head` is the owner's list.
    pub(crate) fn apply(
        &mut self,
        id: LotId,
        how: MoveKind,
        principal: i64,
        bonus: i64,
        head: &mut Head,
    ) {
        let mut matured = None;
        let Some(mut lot) = self.slot(id).map(|slot| self.whole(slot)) else {
            return;
        };
        let add = |to: &mut i64, amount: i64| *to = to.saturating_add(amount);
        let take = |to: &mut i64, amount: i64| *to = to.saturating_sub(amount);
        match how {
            MoveKind::Expire => {
                take(&mut lot.principal, principal);
                take(&mut lot.bonus, bonus);
                add(&mut lot.lapsed, principal);
            }
            MoveKind::Forgive => take(&mut lot.lapsed, principal),
            MoveKind::Spend => {
                take(&mut lot.principal, principal);
                take(&mut lot.bonus, bonus);
                add(&mut lot.consumed, principal.saturating_add(bonus));
            }
            MoveKind::Send => {
                take(&mut lot.principal, principal);
                take(&mut lot.bonus, bonus);
                // What went to somebody else is no longer what this member paid in.
                take(&mut lot.principal_in, principal);
                take(&mut lot.bonus_in, bonus);
            }
            MoveKind::Use
            | MoveKind::Return
            | MoveKind::PayOut
            | MoveKind::Claw
            | MoveKind::Remove => {
                take(&mut lot.principal, principal);
                take(&mut lot.bonus, bonus);
            }
            MoveKind::Hold => {
                take(&mut lot.principal, principal);
                take(&mut lot.bonus, bonus);
                add(&mut lot.held_principal, principal);
                add(&mut lot.held_bonus, bonus);
            }
            MoveKind::Release => {
                take(&mut lot.held_principal, principal);
                take(&mut lot.held_bonus, bonus);
                add(&mut lot.principal, principal);
                add(&mut lot.bonus, bonus);
            }
            MoveKind::Capture => {
                take(&mut lot.held_principal, principal);
                take(&mut lot.held_bonus, bonus);
                add(&mut lot.consumed, principal.saturating_add(bonus));
            }
            MoveKind::TakeHeld => {
                take(&mut lot.held_principal, principal);
                take(&mut lot.held_bonus, bonus);
            }
            MoveKind::Add => {
                add(&mut lot.principal, principal);
                add(&mut lot.bonus, bonus);
                add(&mut lot.principal_in, principal);
                add(&mut lot.bonus_in, bonus);
            }
            MoveKind::Mature => {
                lot.pending = false;
                matured = Some(lot.from);
            }
        }
        if let Some(from) = matured {
            self.pending.remove(from, id);
        }
        self.put_settled(id, lot, head);
    }

    /// Money is deferred to the uses of a lot (or, less than zero, has been earned).
    pub(crate) fn defer(&mut self, id: LotId, amount: i64) {
        self.edit(id, |lot| {
            lot.deferred = lot.deferred.saturating_add(amount);
            lot.price = lot.price.saturating_add(amount.max(0));
        });
        self.emptied.push(id);
    }

    /// Value comes back to a lot from a refund.
    pub(crate) fn restore(&mut self, id: LotId, principal: i64, bonus: i64, head: &mut Head) {
        if let Some(mut lot) = self.slot(id).map(|slot| self.whole(slot)) {
            lot.principal = lot.principal.saturating_add(principal);
            lot.bonus = lot.bonus.saturating_add(bonus);
            let back = principal.saturating_add(bonus);
            lot.consumed = lot.consumed.saturating_sub(back);
            self.put_settled(id, lot, head);
        }
    }

    /// The value of a lot was loaded in another store.
    pub(crate) fn load(&mut self, id: LotId, store: StoreId) {
        self.edit(id, |lot| lot.store = store);
    }

    /// At list price, so much more was consumed of a lot.
    pub(crate) fn undiscount(&mut self, id: LotId, amount: i64) {
        self.edit(id, |lot| lot.consumed = lot.consumed.saturating_add(amount));
    }

    /// Two lists become one.
    pub(crate) fn join(&mut self, a: Head, b: Head) -> Head {
        let mut rows: Vec<LotId> = self.of(a).chain(self.of(b)).map(|(id, _)| id).collect();
        rows.sort_by_key(|id| self.order(*id));
        let mut next = Head::NONE;
        for id in rows.into_iter().rev() {
            self.set_next(id, next);
            next = Some(id).into();
        }
        next
    }

    /// Keeps a lot, and the owner's list and the calendar in step with what it holds.
    #[inline]
    fn put_settled(&mut self, id: LotId, mut lot: Lot, head: &mut Head) {
        if lot.is_vacant() {
            return;
        }
        let (linked, has_value, expires) = (lot.linked, lot.left() > 0, lot.expires);
        if !has_value {
            self.emptied.push(id);
        }
        lot.linked = has_value;
        self.put(id, &lot);
        if linked == has_value {
            return;
        }
        if has_value {
            self.link(id, head);
        } else {
            self.unlink(id, head);
        }
        if expires != Day::NEVER {
            if has_value {
                self.expiring.insert(expires, id);
            } else {
                self.expiring.remove(expires, id);
            }
        }
    }

    fn link(&mut self, id: LotId, head: &mut Head) {
        let Some(order) = self.order(id) else {
            return;
        };
        let mut before = None;
        let mut at = *head;
        while let Some(other) = at.get() {
            if self.order(other).is_none_or(|other| other > order) {
                break;
            }
            before = Some(other);
            at = self.next(other);
        }
        self.set_next(id, at);
        match before {
            Some(before) => self.set_next(before, Some(id).into()),
            None => *head = Some(id).into(),
        }
    }

    fn unlink(&mut self, id: LotId, head: &mut Head) {
        let next = self.next(id);
        if head.get() == Some(id) {
            *head = next;
        } else {
            let mut at = *head;
            while let Some(other) = at.get() {
                let after = self.next(other);
                if after.get() == Some(id) {
                    self.set_next(other, next);
                    break;
                }
                at = after;
            }
        }
        self.set_next(id, Head::NONE);
    }

    fn next(&self, id: LotId) -> Head {
        self.slot(id).map_or(Head::NONE, |slot| slot.next)
    }

    fn set_next(&mut self, id: LotId, next: Head) {
        if let Some(slot) = self.arena.get_mut(id.value() as usize) {
            slot.next = next;
        }
    }

    /// Places are used again, so the record that opened a lot says which is older.
    pub(crate) fn order(&self, id: LotId) -> Option<(u16, Day, Seq, LotId)> {
        let slot = self.slot(id).filter(|slot| !slot.is_vacant())?;
        let origin = match slot.origin() {
            Some(origin) => origin,
            None => self.whole(slot).origin,
        };
        Some((rank(slot.asset), slot.expires, origin, id))
    }
}

/// Points come first: they gather in few lots, while each top-up with bonus is one of its own, and
/// whoever looks for points need not walk past those.
const fn rank(asset: AssetId) -> u16 {
    if asset.value() == POINTS.value() { 0 } else { asset.value() }
}

/// The account of the bonus in a lot of stored value.
pub(crate) const BONUS: Code = Code::StoredBonus;

/// The accounts on which held value of an asset stands: principal (or points), bonus.
pub(crate) fn held_codes(asset: AssetId) -> (Code, Code) {
    let principal = match asset {
        MONEY => Code::HeldPrincipal,
        POINTS => Code::PointsHeld,
        kind if is_coupon(kind) => Code::CouponsHeld,
        _ => Code::UsesHeld,
    };
    (principal, Code::HeldBonus)
}
