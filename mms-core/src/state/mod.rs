//! What the ledger remembers. All of it is folded from records and from nothing else.

mod books;
mod index;
mod lots;
mod places;
mod replies;
mod sales;

pub(crate) use books::Books;
pub(crate) use index::Index;
pub use lots::Lot;
pub(crate) use lots::{BONUS, Lots, held_codes};
pub(crate) use places::{Place, Places};
pub(crate) use replies::Replies;
pub(crate) use sales::{Alloc, Gift, Reward, Sales, Starts};
pub use sales::{Sale, SoldLine, Tenders};

use crate::account::{Account, Code};
use crate::command::MemberKind;
use crate::ids::{
    AssetId, CardId, CardNumber, Day, LotId, MemberId, MemberToken, PlanId, ProductId, StoreId,
    TierId,
};
use crate::wire::wire_enum;
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// How many mergers lead here one after another.
    pub(crate) merges: u8,
    /// Totals of the newest months, when tiers look at months.
    pub(crate) months: Vec<(i32, Counters)>,
    /// Times of the newest business, when rules look at frequency; a few.
    pub(crate) recent: Vec<i64>,
    pub(crate) lots: Option<LotId>,
    /// Raw balances by code and asset; a handful.
    pub(crate) balances: Vec<(u32, i64)>,
}

impl Member {
    /// Remembers the time of some business; the oldest is forgotten.
    pub(crate) fn seen(&mut self, time: i64, max: usize) {
        if self.recent.len() >= max {
            self.recent.remove(0);
        }
        self.recent.push(time);
    }

    /// Totals of `months` calendar months up to `month`.
    #[must_use]
    pub fn counters_in(&self, month: i32, months: u32) -> Counters {
        let first = month.saturating_sub_unsigned(months.saturating_sub(1));
        let rows = self.months.iter().filter(|(of, _)| (first..=month).contains(of));
        rows.fold(Counters::default(), |sum, (_, counters)| sum.plus(*counters))
    }

    /// Counts in a month; months that are too old to matter are forgotten.
    pub(crate) fn count_in(&mut self, month: i32, by: Counters, oldest: i32) {
        match self.months.binary_search_by_key(&month, |(of, _)| *of) {
            Ok(at) => {
                if let Some((_, counters)) = self.months.get_mut(at) {
                    *counters = counters.plus(by);
                }
            }
            Err(at) => self.months.insert(at, (month, by)),
        }
        self.months.retain(|(of, _)| *of >= oldest);
    }

    /// The raw balance of one of the member's accounts: debit plus, credit minus.
    #[inline]
    pub(crate) fn balance(&self, code: Code, asset: AssetId) -> i64 {
        let key = Account::raw(0, code, asset).local_key();
        self.balances.iter().find(|(of, _)| *of == key).map_or(0, |(_, amount)| *amount)
    }

    #[inline]
    pub(crate) fn book(&mut self, key: u32, amount: i64) {
        match self.balances.iter_mut().find(|(of, _)| *of == key) {
            Some((_, balance)) => *balance = balance.saturating_add(amount),
            None => {
                // Sorted, so that equal states are equal byte for byte.
                let at = self.balances.partition_point(|(of, _)| *of < key);
                self.balances.insert(at, (key, amount));
            }
        }
    }
}

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
