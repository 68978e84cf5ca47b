//! What the ledger remembers. All of it is folded from records and from nothing else.

mod books;
mod calendar;
mod fields;
mod index;
mod lot;
mod lots;
mod member;
mod orders;
mod parts;
mod places;
mod registry;
mod replies;
mod sales;
mod slot;
mod stub;
mod terms;

pub(crate) use books::Books;
pub(crate) use calendar::Calendar;
pub(crate) use fields::Fields;
pub(crate) use index::Index;
pub use lot::Lot;
pub(crate) use lots::{BONUS, Lots, held_codes};
pub use member::Member;
pub(crate) use member::More;
pub(crate) use orders::Orders;
pub use orders::{Order, OrderEnd, OrderLine};
pub(crate) use parts::Parts;
pub(crate) use places::{NOWHERE, Places, Voider};
pub(crate) use registry::Registry;
pub(crate) use replies::Replies;
pub(crate) use sales::{Alloc, FORGET_MAX, Gift, Reward, Sales, Starts};
pub use sales::{Sale, SoldLine, Tenders};
pub(crate) use slot::Head;
pub(crate) use terms::Terms;

use crate::ids::{AssetId, CardId, CardNumber, Day, MemberId, ProductId, StoreId};
use crate::wire::wire_enum;
use alloc::vec::Vec;

/// Adds a row. A table grows by an eighth, a large one by a 32nd, not to twice its size: an empty half
/// of a large one is much memory.
#[inline]
pub(crate) fn append<T>(rows: &mut Vec<T>, row: T) {
    if rows.len() == rows.capacity() {
        make_room(rows);
    }
    rows.push(row);
}

#[cold]
fn make_room<T>(rows: &mut Vec<T>) {
    let share = if rows.len() < 1 << 16 { 8 } else { 32 };
    rows.reserve_exact(rows.len().checked_div(share).unwrap_or(0).max(16));
}

wire_enum! {
    /// What may be done for a member.
    pub enum MemberStatus: u8 {
        /// Everything.
        Active = 1,
        /// Credits only.
        Frozen = 2,
        /// Nothing.
        Closed = 3,
        /// Nothing: it is another member now.
        Merged = 4,
        /// Nothing, and nobody knows who it was.
        Erased = 5,
    }
}

wire_enum! {
    /// How a member came to its tier.
    pub enum TierHow: u8 {
        /// By what it did.
        Earned = 1,
        /// Somebody gave it.
        ByHand = 2,
    }
}

wire_enum! {
    /// What may be done with a card. Whether it has expired is a matter of the day.
    pub enum CardStatus: u8 {
        /// Issued, not yet activated: nothing.
        Issued = 1,
        /// Everything.
        Active = 2,
        /// Credits only, until unlocked.
        Locked = 3,
        /// Credits only, until unfrozen.
        Frozen = 4,
        /// Nothing, unless it is found.
        Lost = 5,
        /// Nothing, for ever: another took its place.
        Replaced = 6,
        /// Nothing, for ever.
        Closed = 7,
        /// Nothing, unless it is found; then it is frozen, as it was when it was reported lost.
        LostFrozen = 8,
        /// Nothing, unless it is found; then it is locked, as it was.
        LostLocked = 9,
        /// Nothing, unless it is found; then it waits for activation, as it did.
        LostIssued = 10,
        /// Credits only, until unfrozen; then it is locked, as it was when it was frozen.
        FrozenLocked = 11,
        /// Nothing, unless it is found; then it is frozen and locked, as it was.
        LostFrozenLocked = 12,
    }
}

impl CardStatus {
    /// Whether the card was reported lost, whatever held for it before.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        self.found().is_some()
    }

    /// What becomes of it when it is reported lost; `None` when it cannot be.
    pub(crate) const fn lost(self) -> Option<Self> {
        match self {
            Self::Issued => Some(Self::LostIssued),
            Self::Active => Some(Self::Lost),
            Self::Locked => Some(Self::LostLocked),
            Self::Frozen => Some(Self::LostFrozen),
            Self::FrozenLocked => Some(Self::LostFrozenLocked),
            _ => None,
        }
    }

    /// What it was before it was reported lost, and is again when it is found.
    pub(crate) const fn found(self) -> Option<Self> {
        match self {
            Self::LostIssued => Some(Self::Issued),
            Self::Lost => Some(Self::Active),
            Self::LostLocked => Some(Self::Locked),
            Self::LostFrozen => Some(Self::Frozen),
            Self::LostFrozenLocked => Some(Self::FrozenLocked),
            _ => None,
        }
    }
}

wire_enum! {
    /// How a hold ended.
    pub enum HoldEnd: u8 {
        /// Captured, in whole or in part.
        Captured = 1,
        /// Given back.
        Voided = 2,
        /// Its time was over.
        TimedOut = 3,
    }
}

/// Lifetime totals of a member, which lift it from tier to tier. See [`Member`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Points earned, less what was taken back.
    pub points: i64,
    /// Stored value loaded.
    pub top_up: i64,
    /// Spend, less what was returned.
    pub spend: i64,
    /// Sales, less those that were returned whole.
    pub visits: i64,
}

impl Counters {
    /// The sum of both.
    #[must_use]
    pub const fn plus(self, by: Self) -> Self {
        Self {
            points: self.points.saturating_add(by.points),
            top_up: self.top_up.saturating_add(by.top_up),
            spend: self.spend.saturating_add(by.spend),
            visits: self.visits.saturating_add(by.visits),
        }
    }
}

/// A card: a key to a member's accounts. It takes 24 bytes.
/// See [`Ledger::cards`](crate::Ledger::cards).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Card {
    /// The number on it.
    pub number: CardNumber,
    /// Whose.
    pub member: MemberId,
    /// Which product.
    pub product: ProductId,
    /// What may be done with it.
    pub status: CardStatus,
    /// The last day on which it is good.
    pub expires: Day,
    /// Wrong PINs in a row.
    pub pin_tries: u8,
    /// The card that took its place; none is the greatest number, which no card has.
    replaced_by: u32,
}

const _: () = assert!(size_of::<Card>() == 24, "a million cards are 24 MB");

impl Card {
    /// A card that was just issued: its product, what may be done with it, its last day.
    pub(crate) const fn new(
        number: CardNumber,
        member: MemberId,
        (product, status, expires): (ProductId, CardStatus, Day),
    ) -> Self {
        Self { number, member, product, status, expires, pin_tries: 0, replaced_by: u32::MAX }
    }

    /// The card that took its place.
    #[must_use]
    pub const fn replaced_by(&self) -> Option<CardId> {
        if self.replaced_by == u32::MAX { None } else { Some(CardId::new(self.replaced_by)) }
    }

    pub(crate) fn set_replaced_by(&mut self, by: Option<CardId>) {
        self.replaced_by = by.map_or(u32::MAX, CardId::value);
    }

    /// Whether nothing may be done with it any more, for ever.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.status, CardStatus::Replaced | CardStatus::Closed)
    }
}

/// Value that is set aside. See [`Ledger::hold`](crate::Ledger::hold).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// Whose.
    pub member: MemberId,
    /// Where.
    pub store: StoreId,
    /// Of what.
    pub asset: AssetId,
    /// How much of what was paid for, or points.
    pub principal: i64,
    /// How much of what was given on top.
    pub bonus: i64,
    /// When it ends by itself.
    pub until: proto_wire::Timestamp,
    pub(crate) allocs: Vec<Alloc>,
}

impl Hold {
    /// How much is held.
    #[must_use]
    pub const fn amount(&self) -> i64 {
        self.principal.saturating_add(self.bonus)
    }
}
