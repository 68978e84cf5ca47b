//! What the ledger remembers. All of it is folded from records and from nothing else.

mod books;
mod index;
mod lots;
mod places;
mod replies;
mod sales;
mod slot;
mod stub;

pub(crate) use books::Books;
pub(crate) use index::Index;
pub use lots::Lot;
pub(crate) use lots::{BONUS, Lots, held_codes};
pub(crate) use places::{Place, Places};
pub(crate) use replies::Replies;
pub(crate) use sales::{Alloc, Gift, Reward, Sales, Starts};
pub use sales::{Sale, SoldLine, Tenders};
pub(crate) use slot::Head;

use crate::account::{Account, Code, MONEY, POINTS};
use crate::command::MemberKind;
use crate::ids::{
    AssetId, CardId, CardNumber, Day, MemberId, MemberToken, PlanId, ProductId, StoreId, TierId,
};
use crate::wire::wire_enum;
use alloc::boxed::Box;
use alloc::vec::Vec;

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

/// A member. No personal data: that is the host's.
///
/// Two lines of memory, and nothing elsewhere for a member that has only what nearly all have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(align(64))]
#[non_exhaustive]
pub struct Member {
    /// What the host looks the member up by.
    pub token: MemberToken,
    /// What kind.
    pub kind: MemberKind,
    /// What may be done.
    pub status: MemberStatus,
    /// The standing.
    pub tier: TierId,
    /// Under which plan.
    pub plan: PlanId,
    /// Who brought the member.
    pub referrer: Option<MemberId>,
    /// How many stand above.
    pub depth: u8,
    /// When the member joined.
    pub since: Day,
    /// Rises with every record about the member.
    pub version: u32,
    /// Lifetime totals.
    pub counters: Counters,
    /// The last day of the tier before it is reviewed.
    pub tier_until: Day,
    /// How the member came to it.
    pub tier_how: TierHow,
    /// Which member this one is now.
    pub merged_into: Option<MemberId>,
    pub(crate) lots: Head,
    pub(crate) accounts: Accounts,
    pub(crate) rest: Rest,
}

const _: () = assert!(size_of::<Member>() == 128, "two lines of memory");

impl Member {
    /// A member that has just joined.
    pub(crate) const fn new(token: MemberToken, kind: MemberKind, since: Day) -> Self {
        Self {
            token,
            kind,
            status: MemberStatus::Active,
            tier: TierId::new(0),
            plan: PlanId::new(0),
            referrer: None,
            depth: 0,
            since,
            version: 0,
            counters: Counters { points: 0, top_up: 0, spend: 0, visits: 0 },
            tier_until: Day::NEVER,
            tier_how: TierHow::Earned,
            merged_into: None,
            lots: Head::NONE,
            accounts: Accounts::NONE,
            rest: Rest::NONE,
        }
    }

    /// Reads both lines of it, for nothing but to have them at hand soon.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        let far = self.counters.visits.unsigned_abs().wrapping_add(self.rest.0.is_some().into());
        u64::from(self.version)
            .wrapping_add(far)
            .wrapping_add(self.accounts.amount(0).unsigned_abs())
    }

    /// Remembers the time of some business; the oldest is forgotten.
    pub(crate) fn seen(&mut self, time: i64, max: usize) {
        let recent = &mut self.rest.get_mut().recent;
        if recent.len() >= max {
            recent.remove(0);
        }
        recent.push(time);
    }

    /// Totals of `months` calendar months up to `month`.
    #[must_use]
    pub fn counters_in(&self, month: i32, months: u32) -> Counters {
        let first = month.saturating_sub_unsigned(months.saturating_sub(1));
        let rows = self.rest.get().months.iter();
        let rows = rows.filter(|(of, _)| (first..=month).contains(of));
        rows.fold(Counters::default(), |sum, (_, counters)| sum.plus(*counters))
    }

    /// Counts in a month; months that are too old to matter are forgotten.
    pub(crate) fn count_in(&mut self, month: i32, by: Counters, oldest: i32) {
        let months = &mut self.rest.get_mut().months;
        match months.binary_search_by_key(&month, |(of, _)| *of) {
            Ok(at) => {
                if let Some((_, counters)) = months.get_mut(at) {
                    *counters = counters.plus(by);
                }
            }
            Err(at) => months.insert(at, (month, by)),
        }
        months.retain(|(of, _)| *of >= oldest);
    }

    /// The raw balance of one of the member's accounts: debit plus, credit minus.
    #[inline]
    pub(crate) fn balance(&self, code: Code, asset: AssetId) -> i64 {
        let key = Account::raw(0, code, asset).local_key();
        match Accounts::place(key) {
            Some(place) => self.accounts.amount(place),
            None => self.other_balance(key),
        }
    }

    fn other_balance(&self, key: u32) -> i64 {
        let others = self.rest.get().balances.iter();
        others.filter(|(of, _)| *of == key).map(|(_, amount)| *amount).next().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn book(&mut self, key: u32, amount: i64) {
        match Accounts::place(key) {
            Some(place) => self.accounts.book(place, amount),
            None => self.book_other(key, amount),
        }
    }

    fn book_other(&mut self, key: u32, amount: i64) {
        let balances = &mut self.rest.get_mut().balances;
        match balances.iter_mut().find(|(of, _)| *of == key) {
            Some((_, balance)) => *balance = balance.saturating_add(amount),
            None => {
                // Sorted, so that equal states are equal byte for byte.
                let at = balances.partition_point(|(of, _)| *of < key);
                balances.insert(at, (key, amount));
            }
        }
    }

    /// Raw balances by code and asset, in that order: every account that was ever booked on.
    pub(crate) fn balances(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        let others = &self.rest.get().balances;
        let mut main = self.accounts.booked().peekable();
        let mut others = others.iter().copied().peekable();
        core::iter::from_fn(move || match (main.peek(), others.peek()) {
            (Some((a, _)), Some((b, _))) if b < a => others.next(),
            (Some(_), _) => main.next(),
            (None, _) => others.next(),
        })
    }
}

/// The accounts that nearly every member has: stored principal, stored bonus, points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accounts {
    amounts: [i64; 3],
    /// Which of them were ever booked on.
    booked: [bool; 3],
}

impl Accounts {
    const NONE: Self = Self { amounts: [0; 3], booked: [false; 3] };
    /// In the order of the keys.
    const KEYS: [u32; 3] = [
        Account::raw(0, Code::StoredPrincipal, MONEY).local_key(),
        Account::raw(0, Code::StoredBonus, MONEY).local_key(),
        Account::raw(0, Code::Points, POINTS).local_key(),
    ];

    #[inline]
    fn place(key: u32) -> Option<usize> {
        let [principal, bonus, points] = Self::KEYS;
        if key == principal {
            Some(0)
        } else if key == bonus {
            Some(1)
        } else if key == points {
            Some(2)
        } else {
            None
        }
    }

    #[inline]
    fn amount(&self, place: usize) -> i64 {
        self.amounts.get(place).copied().unwrap_or(0)
    }

    #[inline]
    fn book(&mut self, place: usize, amount: i64) {
        if let (Some(balance), Some(booked)) =
            (self.amounts.get_mut(place), self.booked.get_mut(place))
        {
            *balance = balance.saturating_add(amount);
            *booked = true;
        }
    }

    fn booked(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        let rows = Self::KEYS.iter().zip(&self.amounts).zip(&self.booked);
        rows.filter(|(_, booked)| **booked).map(|((key, amount), _)| (*key, *amount))
    }
}

/// What few members have.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct More {
    /// Totals of the newest months, when tiers look at months.
    pub(crate) months: Vec<(i32, Counters)>,
    /// Times of the newest business, when rules look at frequency; a few.
    pub(crate) recent: Vec<i64>,
    /// Raw balances of other accounts by code and asset; a handful.
    pub(crate) balances: Vec<(u32, i64)>,
    /// How many mergers lead here one after another.
    pub(crate) merges: u8,
}

/// [`More`], when there is any.
#[derive(Clone, Debug)]
pub(crate) struct Rest(Option<Box<More>>);

impl Rest {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn get(&self) -> &More {
        static NOTHING: More =
            More { months: Vec::new(), recent: Vec::new(), balances: Vec::new(), merges: 0 };
        self.0.as_deref().unwrap_or(&NOTHING)
    }

    pub(crate) fn keep(&mut self, more: More) {
        self.0 = (more != *Self::NONE.get()).then(|| Box::new(more));
    }

    pub(crate) fn get_mut(&mut self) -> &mut More {
        self.0.get_or_insert_default()
    }
}

/// Nothing in a box is nothing.
impl PartialEq for Rest {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Rest {}

/// Lifetime totals of a member, which lift it from tier to tier.
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

/// A card: a key to a member's accounts.
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
    /// The card that took its place.
    pub replaced_by: Option<CardId>,
}

/// Value that is set aside.
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
