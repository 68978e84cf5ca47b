//! How lots are kept: most in 48 bytes.

use super::lot::{Lot, NOTHING, Purse};
use crate::ids::{AssetId, Day, LotId, MemberId, Seq, StoreId};
use crate::record::MoveKind;

/// The first of a member's lots; none is the greatest number, which no lot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head(u32);

impl Head {
    pub(crate) const NONE: Self = Self(u32::MAX);

    #[inline]
    pub(crate) fn get(self) -> Option<LotId> {
        (self != Self::NONE).then_some(LotId::new(self.0))
    }
}

impl From<Option<LotId>> for Head {
    #[inline]
    fn from(lot: Option<LotId>) -> Self {
        Self(lot.map_or(u32::MAX, LotId::value))
    }
}

/// A lot as it is kept: most hold small amounts and nothing under holds, and fit into 48 bytes. The
/// others are kept whole elsewhere; here is what lists need of them.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) member: MemberId,
    pub(super) next: Head,
    pub(super) asset: AssetId,
    flags: u8,
    pub(super) refs: u8,
    from: Day,
    pub(super) expires: Day,
    store: StoreId,
    origin: u32,
    /// Of a lot that is kept elsewhere: where.
    pub(super) principal: u32,
    bonus: u32,
    principal_in: u32,
    bonus_in: u32,
    pub(super) consumed: u32,
}

const _: () = assert!(size_of::<Slot>() == 48, "three quarters of a line of memory");

const PENDING: u8 = 1;
const LINKED: u8 = 2;
/// The lot is kept elsewhere.
const WIDE: u8 = 4;

impl Slot {
    /// The short form; `None` when the lot does not fit.
    #[inline]
    pub(super) fn short(lot: &Lot) -> Option<Self> {
        let rare = [lot.held_principal, lot.held_bonus, lot.lapsed, lot.price, lot.deferred];
        if rare != [0; 5] {
            return None;
        }
        Some(Self {
            member: lot.member,
            next: lot.next,
            asset: lot.asset,
            flags: lot.flags(),
            refs: u8::try_from(lot.refs).ok()?,
            from: lot.from,
            expires: lot.expires,
            store: lot.store,
            origin: u32::try_from(lot.origin.value()).ok()?,
            principal: u32::try_from(lot.principal).ok()?,
            bonus: u32::try_from(lot.bonus).ok()?,
            principal_in: u32::try_from(lot.principal_in).ok()?,
            bonus_in: u32::try_from(lot.bonus_in).ok()?,
            consumed: u32::try_from(lot.consumed).ok()?,
        })
    }

    /// A place that no lot has.
    pub(super) const fn vacant() -> Self {
        Self {
            member: MemberId::new(u32::MAX),
            next: Head::NONE,
            asset: NOTHING,
            flags: 0,
            refs: 0,
            from: Day::FIRST,
            expires: Day::NEVER,
            store: StoreId::new(0),
            origin: 0,
            principal: 0,
            bonus: 0,
            principal_in: 0,
            bonus_in: 0,
            consumed: 0,
        }
    }

    /// Spends from the short form (and lets the sale be returned to it), or adds to it, when it
    /// stays short and with value; else nothing, and `false`.
    #[inline]
    pub(super) fn shift(&mut self, how: MoveKind, principal: i64, bonus: i64) -> bool {
        let (Ok(principal), Ok(bonus)) = (u32::try_from(principal), u32::try_from(bonus)) else {
            return false;
        };
        if self.flags & (LINKED | WIDE) != LINKED {
            return false;
        }
        let done = match how {
            MoveKind::Spend => self.spend(principal, bonus),
            MoveKind::Add => self.add(principal, bonus),
            _ => None,
        };
        done.is_some()
    }

    #[inline]
    fn spend(&mut self, principal: u32, bonus: u32) -> Option<()> {
        let left = (self.principal.checked_sub(principal)?, self.bonus.checked_sub(bonus)?);
        let consumed = self.consumed.checked_add(principal)?.checked_add(bonus)?;
        let refs = self.refs.checked_add(1)?;
        if left == (0, 0) {
            return None;
        }
        (self.principal, self.bonus) = left;
        (self.consumed, self.refs) = (consumed, refs);
        Some(())
    }

    #[inline]
    fn add(&mut self, principal: u32, bonus: u32) -> Option<()> {
        let now = (self.principal.checked_add(principal)?, self.bonus.checked_add(bonus)?);
        let all = (self.principal_in.checked_add(principal)?, self.bonus_in.checked_add(bonus)?);
        if now == (0, 0) {
            return None;
        }
        (self.principal, self.bonus) = now;
        (self.principal_in, self.bonus_in) = all;
        Some(())
    }

    /// Whether the short form holds value, or a sale can be returned to it.
    #[inline]
    pub(super) const fn is_kept(&self) -> bool {
        self.principal | self.bonus != 0 || self.refs != 0
    }

    /// Whether it can be spent on `day`.
    #[inline]
    pub(super) fn is_live(&self, day: Day) -> bool {
        self.expires >= day && self.from <= day
    }

    /// What the short form holds.
    #[inline]
    pub(super) fn purse(&self) -> Option<Purse> {
        let purse = Purse {
            principal: self.principal.into(),
            bonus: self.bonus.into(),
            pending: self.is(PENDING),
        };
        (!self.is_wide()).then_some(purse)
    }

    /// The record that opened a lot of the short form.
    #[inline]
    pub(super) fn origin(&self) -> Option<Seq> {
        (!self.is_wide()).then_some(Seq::new(self.origin.into()))
    }

    /// What lists need of a lot that is kept at `place` of those that are whole.
    pub(super) fn wide(lot: &Lot, place: u32) -> Self {
        Self {
            member: lot.member,
            next: lot.next,
            asset: lot.asset,
            flags: lot.flags() | WIDE,
            refs: 0,
            from: lot.from,
            expires: lot.expires,
            store: lot.store,
            origin: 0,
            principal: place,
            bonus: 0,
            principal_in: 0,
            bonus_in: 0,
            consumed: 0,
        }
    }

    /// The lot of the short form.
    #[inline]
    pub(super) fn lot(&self) -> Lot {
        Lot {
            member: self.member,
            asset: self.asset,
            pending: self.is(PENDING),
            from: self.from,
            expires: self.expires,
            principal: self.principal.into(),
            bonus: self.bonus.into(),
            held_principal: 0,
            held_bonus: 0,
            principal_in: self.principal_in.into(),
            bonus_in: self.bonus_in.into(),
            lapsed: 0,
            price: 0,
            deferred: 0,
            consumed: self.consumed.into(),
            store: self.store,
            origin: Seq::new(self.origin.into()),
            refs: self.refs.into(),
            next: self.next,
            linked: self.is(LINKED),
        }
    }

    /// Whether the lot is kept elsewhere.
    pub(super) const fn is_wide(&self) -> bool {
        self.is(WIDE)
    }

    /// Whether the member must wait for it.
    pub(super) const fn is_pending(&self) -> bool {
        self.is(PENDING)
    }

    const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) const fn is_vacant(&self) -> bool {
        self.asset.value() == NOTHING.value()
    }
}

impl Lot {
    const fn flags(&self) -> u8 {
        (if self.pending { PENDING } else { 0 }) | (if self.linked { LINKED } else { 0 })
    }
}
