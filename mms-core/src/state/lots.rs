//! Lots: value that came in together and expires together.

use crate::account::{Code, MONEY, POINTS, is_coupon};
use crate::ids::{AssetId, Day, LotId, MemberId, Seq, StoreId};
use crate::record::MoveKind;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Value that came in together and expires together.
///
/// Money has a part that was paid for and a part that was given on top; points have only
/// the first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lot {
    /// Whose.
    pub member: MemberId,
    /// Of what.
    pub asset: AssetId,
    /// Whether the member must wait for it (points only).
    pub pending: bool,
    /// The first day on which it can be spent.
    pub from: Day,
    /// The last one.
    pub expires: Day,
    /// What is left of what was paid for, or of the points.
    pub principal: i64,
    /// What is left of what was given on top.
    pub bonus: i64,
    /// What holds have set aside.
    pub held_principal: i64,
    /// Likewise of what was given on top.
    pub held_bonus: i64,
    /// All that ever came in and was not sent on: paid for, or points.
    pub principal_in: i64,
    /// Likewise given on top.
    pub bonus_in: i64,
    /// Points that lapsed unspent.
    pub lapsed: i64,
    /// What was paid for the uses in it.
    pub price: i64,
    /// How much of the price is not earned yet.
    pub deferred: i64,
    /// What was consumed of it, at list price: for a pay-out.
    pub consumed: i64,
    /// In which store its value was loaded.
    pub store: StoreId,
    /// The record that opened it.
    pub origin: Seq,
    /// Sales that can still be returned to it, or that earned it.
    pub(crate) refs: u32,
    pub(crate) next: Option<LotId>,
    pub(crate) linked: bool,
}

/// Of the place of a lot that is over; no lot is of this.
const NOTHING: AssetId = AssetId::new(0);

impl Lot {
    pub(crate) const fn new(member: MemberId, asset: AssetId, origin: Seq) -> Self {
        Self {
            member,
            asset,
            pending: false,
            from: Day::FIRST,
            expires: Day::NEVER,
            principal: 0,
            bonus: 0,
            held_principal: 0,
            held_bonus: 0,
            principal_in: 0,
            bonus_in: 0,
            lapsed: 0,
            price: 0,
            deferred: 0,
            consumed: 0,
            store: StoreId::new(0),
            origin,
            refs: 0,
            next: None,
            linked: false,
        }
    }

    /// A place that the next lot may take.
    pub(crate) const fn vacant() -> Self {
        Self::new(MemberId::new(u32::MAX), NOTHING, Seq::new(0))
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.asset == NOTHING
    }

    /// Whether nothing is in it and nothing can come back to it.
    fn is_over(&self) -> bool {
        let parts = [self.left(), self.held_principal, self.held_bonus, self.deferred];
        parts == [0; 4] && self.refs == 0 && !self.pending && !self.is_vacant()
    }

    /// What is left, without what is held.
    #[must_use]
    pub const fn left(&self) -> i64 {
        self.principal.saturating_add(self.bonus)
    }

    /// Whether it can be spent on `day`. Nothing depends on whether anybody booked its
    /// end or its beginning before.
    #[must_use]
    pub fn is_live(&self, day: Day) -> bool {
        self.expires >= day && self.from <= day
    }

    /// The account on which the principal, or the points, stand.
    #[must_use]
    pub fn code(&self) -> Code {
        if self.asset == MONEY {
            Code::StoredPrincipal
        } else if is_coupon(self.asset) {
            Code::Coupons
        } else if self.asset != POINTS {
            Code::Uses
        } else if self.pending {
            Code::PointsPending
        } else {
            Code::Points
        }
    }
}

/// Every lot, and the list of each member's in the order in which they are spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lots {
    arena: Vec<Lot>,
    /// Lots with value and a last day.
    expiring: BTreeSet<(Day, LotId)>,
    /// Lots that the member must wait for.
    pending: BTreeSet<(Day, LotId)>,
    /// Places of lots that are over.
    free: BTreeSet<LotId>,
    /// Lots that this record may have ended; empty between records.
    emptied: Vec<LotId>,
}

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

    #[inline]
    pub(crate) fn get(&self, lot: LotId) -> Option<&Lot> {
        self.arena.get(lot.value() as usize).filter(|lot| !lot.is_vacant())
    }

    #[inline]
    fn get_mut(&mut self, lot: LotId) -> Option<&mut Lot> {
        self.arena.get_mut(lot.value() as usize)
    }

    /// A member's lots with value left, in the order of spending: soonest expiry first,
    /// then the oldest.
    pub(crate) fn of(&self, head: Option<LotId>) -> impl Iterator<Item = (LotId, &Lot)> {
        let mut at = head;
        core::iter::from_fn(move || {
            let id = at?;
            let lot = self.get(id)?;
            at = lot.next;
            Some((id, lot))
        })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (LotId, &Lot)> {
        self.places().filter(|(_, lot)| !lot.is_vacant())
    }

    /// Every place, also those that no lot has.
    pub(crate) fn places(&self) -> impl ExactSizeIterator<Item = (LotId, &Lot)> {
        self.arena.iter().enumerate().map(|(n, lot)| {
            let id = LotId::new(u32::try_from(n).unwrap_or(u32::MAX));
            (id, lot)
        })
    }

    /// Lots from a snapshot: lists, calendar and free places are made anew. Gives the head of
    /// each member's list, by member.
    pub(crate) fn rebuild(
        arena: Vec<Lot>,
        owner: impl Fn(MemberId) -> MemberId,
    ) -> (Self, Vec<(MemberId, LotId)>) {
        let mut lots = Self { arena, ..Self::default() };
        let mut listed = Vec::new();
        for (n, lot) in lots.arena.iter_mut().enumerate() {
            let id = LotId::new(u32::try_from(n).unwrap_or(u32::MAX));
            (lot.next, lot.linked) = (None, lot.left() > 0);
            if lot.is_vacant() {
                lots.free.insert(id);
                continue;
            }
            if lot.pending {
                lots.pending.insert((lot.from, id));
            }
            if lot.linked {
                if lot.expires != Day::NEVER {
                    lots.expiring.insert((lot.expires, id));
                }
                listed.push((owner(lot.member), lot.asset, lot.expires, lot.origin, id));
            }
        }
        listed.sort_unstable();
        let mut heads: Vec<(MemberId, LotId)> = Vec::new();
        let mut last: Option<(MemberId, LotId)> = None;
        for (member, .., id) in listed {
            match last {
                Some((of, before)) if of == member => lots.set_next(before, Some(id)),
                _ => heads.push((member, id)),
            }
            last = Some((member, id));
        }
        (lots, heads)
    }

    /// A sale can be returned to a lot from now on.
    pub(crate) fn refer(&mut self, id: LotId) {
        if let Some(lot) = self.get_mut(id) {
            lot.refs = lot.refs.saturating_add(1);
        }
    }

    /// One sale fewer can be returned to a lot.
    pub(crate) fn unrefer(&mut self, id: LotId) {
        if let Some(lot) = self.get_mut(id) {
            lot.refs = lot.refs.saturating_sub(1);
            self.emptied.push(id);
        }
    }

    /// Frees the places of lots that ended in this record.
    pub(crate) fn reclaim(&mut self) {
        while let Some(id) = self.emptied.pop() {
            if let Some(lot) = self.get_mut(id).filter(|lot| lot.is_over()) {
                *lot = Lot::vacant();
                self.free.insert(id);
            }
        }
    }

    /// The next lot whose last day is before `day`.
    pub(crate) fn next_expired(&self, day: Day) -> Option<(LotId, &Lot)> {
        self.expiring
            .iter()
            .take_while(|(last, _)| *last < day)
            .filter_map(|(_, id)| self.get(*id).map(|lot| (*id, lot)))
            .find(|(_, lot)| lot.left() > 0)
    }

    /// Lots with value whose last day is from `from` to `until`, soonest first.
    pub(crate) fn ending(&self, from: Day, until: Day) -> impl Iterator<Item = (LotId, &Lot)> {
        let rows = self.expiring.range((from, LotId::new(0))..);
        let rows = rows.take_while(move |(last, _)| *last <= until && *last != Day::NEVER);
        rows.filter_map(|(_, id)| self.get(*id).map(|lot| (*id, lot)))
    }

    /// The next pending lot that has become the member's by `day`.
    pub(crate) fn next_matured(&self, day: Day) -> Option<(LotId, &Lot)> {
        let (from, id) = self.pending.first()?;
        if *from > day {
            return None;
        }
        self.get(*id).map(|lot| (*id, lot))
    }

    /// The next day on which something lapses or matures.
    pub(crate) fn next_day(&self) -> Option<Day> {
        let expiry = self.expiring.first().map(|(last, _)| last.plus(1));
        let maturity = self.pending.first().map(|(from, _)| *from);
        match (expiry, maturity) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Opens a lot at a place that is free, or behind the last.
    pub(crate) fn open(&mut self, id: LotId, lot: Lot, head: &mut Option<LotId>) {
        let pending = lot.pending.then_some(lot.from);
        let end = self.len();
        match self.arena.get_mut(id.value() as usize) {
            Some(place) if place.is_vacant() => {
                *place = lot;
                self.free.remove(&id);
            }
            None if id.value() == end => self.arena.push(lot),
            _ => return,
        }
        if let Some(from) = pending {
            self.pending.insert((from, id));
        }
        self.settle(id, head);
    }

    /// Moves value in, out of, or within a lot. `head` is the owner's list.
    #[inline]
    pub(crate) fn apply(
        &mut self,
        id: LotId,
        how: MoveKind,
        principal: i64,
        bonus: i64,
        head: &mut Option<LotId>,
    ) {
        let mut matured = None;
        let Some(lot) = self.get_mut(id) else {
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
            self.pending.remove(&(from, id));
        }
        self.settle(id, head);
    }

    /// Money is deferred to the uses of a lot (or, less than zero, has been earned).
    pub(crate) fn defer(&mut self, id: LotId, amount: i64) {
        if let Some(lot) = self.get_mut(id) {
            lot.deferred = lot.deferred.saturating_add(amount);
            lot.price = lot.price.saturating_add(amount.max(0));
            self.emptied.push(id);
        }
    }

    /// Value comes back to a lot from a refund.
    pub(crate) fn restore(
        &mut self,
        id: LotId,
        principal: i64,
        bonus: i64,
        head: &mut Option<LotId>,
    ) {
        if let Some(lot) = self.get_mut(id) {
            lot.principal = lot.principal.saturating_add(principal);
            lot.bonus = lot.bonus.saturating_add(bonus);
            let back = principal.saturating_add(bonus);
            lot.consumed = lot.consumed.saturating_sub(back);
        }
        self.settle(id, head);
    }

    /// The value of a lot was loaded in another store.
    pub(crate) fn load(&mut self, id: LotId, store: StoreId) {
        if let Some(lot) = self.get_mut(id) {
            lot.store = store;
        }
    }

    /// At list price, so much more was consumed of a lot.
    pub(crate) fn undiscount(&mut self, id: LotId, amount: i64) {
        if let Some(lot) = self.get_mut(id) {
            lot.consumed = lot.consumed.saturating_add(amount);
        }
    }

    /// Two lists become one.
    pub(crate) fn join(&mut self, a: Option<LotId>, b: Option<LotId>) -> Option<LotId> {
        let mut rows: Vec<LotId> = self.of(a).chain(self.of(b)).map(|(id, _)| id).collect();
        rows.sort_by_key(|id| self.order(*id));
        let mut next = None;
        for id in rows.into_iter().rev() {
            self.set_next(id, next);
            next = Some(id);
        }
        next
    }

    /// Keeps the owner's list and the calendar in step with what the lot holds.
    #[inline]
    fn settle(&mut self, id: LotId, head: &mut Option<LotId>) {
        let Some(lot) = self.get(id) else {
            return;
        };
        let (linked, has_value, expires) = (lot.linked, lot.left() > 0, lot.expires);
        if !has_value {
            self.emptied.push(id);
        }
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
                self.expiring.insert((expires, id));
            } else {
                self.expiring.remove(&(expires, id));
            }
        }
        if let Some(lot) = self.get_mut(id) {
            lot.linked = has_value;
        }
    }

    fn link(&mut self, id: LotId, head: &mut Option<LotId>) {
        let Some(order) = self.order(id) else {
            return;
        };
        let mut before = None;
        let mut at = *head;
        while let Some(other) = at {
            if self.order(other).is_none_or(|other| other > order) {
                break;
            }
            before = Some(other);
            at = self.get(other).and_then(|lot| lot.next);
        }
        self.set_next(id, at);
        match before {
            Some(before) => self.set_next(before, Some(id)),
            None => *head = Some(id),
        }
    }

    fn unlink(&mut self, id: LotId, head: &mut Option<LotId>) {
        let next = self.get(id).and_then(|lot| lot.next);
        if *head == Some(id) {
            *head = next;
        } else {
            let mut at = *head;
            while let Some(other) = at {
                let after = self.get(other).and_then(|lot| lot.next);
                if after == Some(id) {
                    self.set_next(other, next);
                    break;
                }
                at = after;
            }
        }
        self.set_next(id, None);
    }

    fn set_next(&mut self, id: LotId, next: Option<LotId>) {
        if let Some(lot) = self.get_mut(id) {
            lot.next = next;
        }
    }

    /// Places are used again, so the record that opened a lot says which is older.
    pub(crate) fn order(&self, id: LotId) -> Option<(AssetId, Day, Seq, LotId)> {
        self.get(id).map(|lot| (lot.asset, lot.expires, lot.origin, id))
    }
}

/// The account of the bonus in a lot of stored value.
pub(crate) const BONUS: Code = Code::StoredBonus;

/// The accounts on which held value of an asset stands: principal (or points), bonus.
pub(crate) fn held_codes(asset: AssetId) -> (Code, Code) {
    if asset == MONEY {
        (Code::HeldPrincipal, Code::HeldBonus)
    } else {
        (Code::PointsHeld, Code::HeldBonus)
    }
}
