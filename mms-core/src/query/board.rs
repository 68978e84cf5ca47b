//! What is owed, what is due, who stands where: read off the ledger as it is.

use crate::account::{MONEY, POINTS, is_coupon};
use crate::ids::{AssetId, CardNumber, Day, FieldId, LotId, MemberId, TierId};
use crate::ledger::Ledger;
use crate::program::month_day;
use crate::state::{Card, MemberStatus};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What the scheme owes its members for one asset, by age: [`Ledger::liability`](crate::Ledger::liability).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Liability {
    /// One row for each bound, youngest first, and one for what is older than all.
    pub rows: Vec<Aged>,
    /// What lapsed and nobody has booked yet; in no row.
    pub lapsed: i128,
}

/// What came in so many days ago and is still owed: a row of [`Liability`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Aged {
    /// At most so many days old; `None` for all older ones.
    pub days: Option<u32>,
    /// What was paid for, or points, coupons, uses; under holds, too.
    pub principal: i128,
    /// What was given on top.
    pub bonus: i128,
    /// What of the price of uses is not earned yet, in minor units.
    pub deferred: i128,
}

/// A lot that lapses soon: a row of [`Ledger::lots_ending`](crate::Ledger::lots_ending).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueLot {
    /// Whose.
    pub member: MemberId,
    /// Which.
    pub lot: LotId,
    /// Of what.
    pub asset: AssetId,
    /// How much is left.
    pub left: i64,
    /// Its last day.
    pub expires: Day,
}

/// A card that ends soon: a row of [`Ledger::cards_ending`](crate::Ledger::cards_ending).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DueCard {
    /// Whose.
    pub member: MemberId,
    /// The number on it.
    pub number: CardNumber,
    /// Its last day.
    pub expires: Day,
}

/// When somebody who was born on 29 February celebrates in other years; see
/// [`Day::birthday`](crate::Day::birthday).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeapDay {
    /// On 28 February.
    Before,
    /// On 1 March.
    After,
}

impl Ledger {
    /// What members are owed of an asset on `day`, by the days since it came in: a row for each
    /// of `bounds` (rising) and one for all that is older.
    #[must_use]
    pub fn liability(&self, day: Day, asset: AssetId, bounds: &[u32]) -> Liability {
        let row = |days| Aged { days, ..Aged::default() };
        let rows: Vec<Aged> = bounds.iter().copied().map(Some).chain([None]).map(row).collect();
        let mut found = Liability { rows, lapsed: 0 };
        let add = |to: &mut i128, amount: i64| *to = to.saturating_add(i128::from(amount));
        for (_, lot) in self.lots.all().filter(|(_, lot)| lot.asset == asset) {
            if lot.expires < day {
                add(&mut found.lapsed, lot.left());
                // What a hold keeps is still the member's.
                let held = lot.held_principal.saturating_add(lot.held_bonus);
                if held == 0 && lot.deferred == 0 {
                    continue;
                }
            }
            let age = i64::from(day.value()).saturating_sub(i64::from(lot.from.value())).max(0);
            let fits = |row: &&mut Aged| row.days.is_none_or(|days| age <= i64::from(days));
            if let Some(row) = found.rows.iter_mut().find(fits) {
                if lot.expires >= day {
                    add(&mut row.principal, lot.principal);
                    add(&mut row.bonus, lot.bonus);
                }
                add(&mut row.principal, lot.held_principal);
                add(&mut row.bonus, lot.held_bonus);
                add(&mut row.deferred, lot.deferred);
            }
        }
        found
    }

    /// How many live members each tier has.
    #[must_use]
    pub fn tier_board(&self) -> BTreeMap<TierId, u64> {
        let mut board = BTreeMap::new();
        for member in self.live_members() {
            let count: &mut u64 = board.entry(member.1.tier).or_default();
            *count = count.saturating_add(1);
        }
        board
    }

    /// Tiers whose last day is at most `until`, soonest first.
    pub fn tiers_ending(&self, until: Day) -> impl Iterator<Item = (Day, MemberId)> {
        self.tier_ends.iter().copied().take_while(move |(day, _)| *day <= until)
    }

    /// Lots with value whose last day is from `from` to `until`, soonest first: what a board of
    /// today shows, and what a reminder goes out for.
    pub fn lots_ending(&self, from: Day, until: Day) -> impl Iterator<Item = DueLot> {
        self.lots.ending(from, until).map(|(lot, row)| DueLot {
            member: self.resolve(row.member),
            lot,
            asset: row.asset,
            left: row.left(),
            expires: row.expires,
        })
    }

    /// Cards in use whose last day is from `from` to `until`, in the order of issue. Looks at
    /// every card.
    pub fn cards_ending(&self, from: Day, until: Day) -> impl Iterator<Item = DueCard> {
        let ends = move |card: &&Card| !card.is_over() && (from..=until).contains(&card.expires);
        let cards = self.cards.iter().filter(ends);
        cards.map(|card| DueCard {
            member: self.resolve(card.member),
            number: card.number,
            expires: card.expires,
        })
    }

    /// R144: live members whose birthday is on one of these days, by a field that holds a day of
    /// any year ([`Holds::MonthDay`](crate::Holds::MonthDay)); soonest first. At most a year is
    /// looked at. Looks at every member with the field.
    #[must_use]
    pub fn birthdays(
        &self,
        field: FieldId,
        from: Day,
        until: Day,
        leap: LeapDay,
    ) -> Vec<(Day, MemberId)> {
        let until = until.min(from.plus(365));
        let year = i64::from(from.month().div_euclid(12));
        let born = self.fields.rows().iter().filter(|((_, known), _)| *known == field);
        let mut found: Vec<(Day, MemberId)> = Vec::new();
        for ((member, _), value) in born {
            let live = self.member(*member).is_some_and(|row| {
                matches!(row.status, MemberStatus::Active | MemberStatus::Frozen)
            });
            let Some((month, day)) = month_day(*value).filter(|_| live) else {
                continue;
            };
            let this = Day::birthday(year, month, day, leap);
            let next = Day::birthday(year.saturating_add(1), month, day, leap);
            let days = [this, next].into_iter().flatten();
            let on = days.into_iter().find(|day| (from..=until).contains(day));
            found.extend(on.map(|day| (day, *member)));
        }
        found.sort_unstable();
        found
    }

    /// Everybody below a member: how far, and who; parents come before those they brought. Looks
    /// at every member.
    #[must_use]
    pub fn referral_tree(&self, root: MemberId) -> Vec<(u8, MemberId)> {
        let mut level: BTreeMap<MemberId, u8> = BTreeMap::from([(self.resolve(root), 0)]);
        let mut found = Vec::new();
        // Mergers can lift somebody above an older id, so look until nothing is new.
        loop {
            let before = found.len();
            for (id, member) in self.live_members() {
                let above = member.referrer().map(|above| self.resolve(above));
                let depth = above.and_then(|above| level.get(&above).copied());
                if let (Some(depth), false) = (depth, level.contains_key(&id)) {
                    let depth = depth.saturating_add(1);
                    level.insert(id, depth);
                    found.push((depth, id));
                }
            }
            if found.len() == before {
                found.sort_unstable();
                return found;
            }
        }
    }

    /// Members that are neither closed nor merged, by id.
    pub fn live_members(&self) -> impl Iterator<Item = (MemberId, &crate::Member)> {
        let all = (0..).map(MemberId::new).zip(&self.members);
        all.filter(|(_, member)| {
            matches!(member.status, MemberStatus::Active | MemberStatus::Frozen)
        })
    }

    /// The kinds of coupons and uses that members hold.
    #[must_use]
    pub fn kinds_held(&self) -> Vec<AssetId> {
        let mut kinds: Vec<AssetId> = self.lots.all().map(|(_, lot)| lot.asset).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.retain(|kind| *kind != MONEY && *kind != POINTS);
        kinds.sort_by_key(|kind| (is_coupon(*kind), *kind));
        kinds
    }
}

impl Day {
    /// The day of a birthday in a year. The host knows who was born when; on which day it falls
    /// is a rule like others. `None` when there is no such day in any year.
    #[must_use]
    pub fn birthday(year: i64, month: u8, day: u8, leap: LeapDay) -> Option<Self> {
        if !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let months = year
            .checked_sub(1970)?
            .checked_mul(12)?
            .checked_add(i64::from(month).saturating_sub(1))?;
        let first = Self::new(0).end_of_month_signed(months.checked_sub(1)?).plus(1);
        let last = Self::new(0).end_of_month_signed(months);
        let found = first.plus(u32::from(day).saturating_sub(1));
        if found <= last {
            return Some(found);
        }
        match ((month, day), leap) {
            ((2, 29), LeapDay::Before) => Some(last),
            ((2, 29), LeapDay::After) => Some(last.plus(1)),
            _ => None,
        }
    }
}
