//! Members.

use super::{Counters, Head, MemberStatus, TierHow};
use crate::account::{Account, Code, MONEY, POINTS};
use crate::command::MemberKind;
use crate::ids::{AssetId, Day, MemberId, PlanId, TierId};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A member. No personal data: that is the host's. See [`Ledger::member`](crate::Ledger::member).
///
/// It takes one line of memory, and nothing elsewhere when it has only what nearly all have. What the
/// host looks it up by is kept apart: see [`Ledger::token`](crate::Ledger::token).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(align(64))]
pub struct Member {
    /// What kind.
    pub kind: MemberKind,
    /// What may be done.
    pub status: MemberStatus,
    /// The standing.
    pub tier: TierId,
    /// Under which plan.
    pub plan: PlanId,
    /// Who brought the member; nobody is the greatest number, which no member has.
    referrer: u32,
    /// How many stand above.
    pub depth: u8,
    /// When the member joined.
    pub since: Day,
    /// Rises with every record about the member.
    pub version: u32,
    /// Lifetime totals of points, top-ups, spend and visits, when each fits.
    counters: [u32; 4],
    /// The last day of the tier before it is reviewed.
    pub tier_until: Day,
    /// How the member came to it.
    pub tier_how: TierHow,
    pub(crate) lots: Head,
    /// Raw balances of [`MAIN`], [`UNBOOKED`] or [`ELSEWHERE`].
    main: [i32; 3],
    pub(crate) rest: Rest,
}

const _: () = assert!(size_of::<Member>() == 64, "a million members are 64 MB");

/// Nobody has booked on the account.
const UNBOOKED: i32 = i32::MIN;
/// The balance does not fit and is kept with the others.
const ELSEWHERE: i32 = i32::MIN + 1;

/// The short form of a balance, when it fits.
#[inline]
fn short(balance: i64) -> Option<i32> {
    i32::try_from(balance).ok().filter(|short| *short > ELSEWHERE)
}

/// The accounts that nearly every member has, in the order of their keys.
const MAIN: [u32; 3] = [
    Account::raw(0, Code::StoredPrincipal, MONEY).local_key(),
    Account::raw(0, Code::StoredBonus, MONEY).local_key(),
    Account::raw(0, Code::Points, POINTS).local_key(),
];

#[inline]
fn main_place(key: u32) -> Option<usize> {
    let [principal, bonus, points] = MAIN;
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

impl Member {
    /// A member that has just joined.
    pub(crate) const fn new(kind: MemberKind, since: Day) -> Self {
        Self {
            kind,
            status: MemberStatus::Active,
            tier: TierId::new(0),
            plan: PlanId::new(0),
            referrer: u32::MAX,
            depth: 0,
            since,
            version: 0,
            counters: [0; 4],
            tier_until: Day::NEVER,
            tier_how: TierHow::Earned,
            lots: Head::NONE,
            main: [UNBOOKED; 3],
            rest: Rest::NONE,
        }
    }

    /// Reads it, for nothing but to have it at hand soon.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        u64::from(self.version)
    }

    /// Who brought the member.
    #[must_use]
    pub const fn referrer(&self) -> Option<MemberId> {
        if self.referrer == u32::MAX { None } else { Some(MemberId::new(self.referrer)) }
    }

    pub(crate) fn set_referrer(&mut self, referrer: Option<MemberId>) {
        self.referrer = referrer.map_or(u32::MAX, MemberId::value);
    }

    /// Which member this one is now, when it was merged.
    #[inline]
    #[must_use]
    pub fn merged_into(&self) -> Option<MemberId> {
        self.rest.0.as_ref().and_then(|more| more.merged_into)
    }

    /// Lifetime totals.
    #[inline]
    #[must_use]
    pub fn counters(&self) -> Counters {
        let [points, top_up, spend, visits] = self.counters.map(i64::from);
        let short = Counters { points, top_up, spend, visits };
        self.rest.0.as_ref().and_then(|more| more.counters).unwrap_or(short)
    }

    /// Sets lifetime totals.
    #[inline]
    pub(crate) fn set_counters(&mut self, to: Counters) {
        let Counters { points, top_up, spend, visits } = to;
        let fit = |number: i64| u32::try_from(number).ok();
        let fits = (fit(points), fit(top_up), fit(spend), fit(visits));
        if let (Some(points), Some(top_up), Some(spend), Some(visits)) = fits {
            self.counters = [points, top_up, spend, visits];
            if let Some(more) = &mut self.rest.0 {
                more.counters = None;
            }
        } else {
            self.counters = [0; 4];
            self.rest.get_mut().counters = Some(to);
        }
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
        match main_place(key).and_then(|place| self.main.get(place).copied()) {
            Some(UNBOOKED) => 0,
            Some(ELSEWHERE) | None => self.other_balance(key),
            Some(balance) => balance.into(),
        }
    }

    fn other_balance(&self, key: u32) -> i64 {
        let others = self.rest.get().balances.iter();
        others.filter(|(of, _)| *of == key).map(|(_, amount)| *amount).next().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn book(&mut self, key: u32, amount: i64) {
        let Some(main) = main_place(key).and_then(|place| self.main.get_mut(place)) else {
            self.book_other(key, amount);
            return;
        };
        let before = if *main == UNBOOKED { 0 } else { (*main).into() };
        match short(amount.saturating_add(before)) {
            Some(after) if *main != ELSEWHERE => *main = after,
            _ => self.book_far(key, amount),
        }
    }

    /// Books on one of [`MAIN`] that does not fit, or did not.
    #[cold]
    fn book_far(&mut self, key: u32, amount: i64) {
        let Some(main) = main_place(key).and_then(|place| self.main.get_mut(place)) else {
            return;
        };
        let balances = &mut self.rest.get_mut().balances;
        let before = match *main {
            UNBOOKED => 0,
            ELSEWHERE => match balances.iter().position(|(of, _)| *of == key) {
                Some(at) => balances.remove(at).1,
                None => 0,
            },
            balance => balance.into(),
        };
        let after = amount.saturating_add(before);
        *main = short(after).unwrap_or(ELSEWHERE);
        if *main == ELSEWHERE {
            self.book_other(key, after);
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
        let main = MAIN.iter().zip(&self.main);
        let main = main.filter(|(_, amount)| !matches!(**amount, UNBOOKED | ELSEWHERE));
        let mut main = main.map(|(key, amount)| (*key, i64::from(*amount))).peekable();
        let mut others = others.iter().copied().peekable();
        core::iter::from_fn(move || match (main.peek(), others.peek()) {
            (Some((a, _)), Some((b, _))) if b < a => others.next(),
            (Some(_), _) => main.next(),
            (None, _) => others.next(),
        })
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
    /// Which member this one is now.
    pub(crate) merged_into: Option<MemberId>,
    /// Lifetime totals that do not fit.
    counters: Option<Counters>,
}

/// [`More`], when there is any.
#[derive(Clone, Debug)]
pub(crate) struct Rest(Option<Box<More>>);

impl Rest {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn get(&self) -> &More {
        static NOTHING: More = More {
            months: Vec::new(),
            recent: Vec::new(),
            balances: Vec::new(),
            merges: 0,
            merged_into: None,
            counters: None,
        };
        self.0.as_deref().unwrap_or(&NOTHING)
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

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;

    #[test]
    fn balances_come_in_the_order_of_their_keys_and_zero_counts() {
        let mut member = Member::new(MemberKind::Individual, Day::FIRST);
        let mut keys: Vec<u32> = Code::ALL
            .iter()
            .filter(|code| code.is_member())
            .flat_map(|code| [MONEY, POINTS].map(|asset| Account::raw(0, *code, asset).local_key()))
            .collect();
        for key in keys.iter().rev() {
            member.book(*key, 5);
            member.book(*key, i64::from(*key) - 5);
        }
        member.book(MAIN[1], -i64::from(MAIN[1]));
        keys.sort_unstable();
        let rows: Vec<(u32, i64)> = member.balances().collect();
        assert_eq!(rows.iter().map(|(key, _)| *key).collect::<Vec<_>>(), keys);
        for (key, amount) in rows {
            assert_eq!(amount, if key == MAIN[1] { 0 } else { i64::from(key) });
        }
    }

    /// However great a balance was, one that fits again is kept as if it had always fitted.
    #[test]
    fn balances_that_do_not_fit_are_kept_and_equal_when_they_fit_again() {
        let far = i64::from(i32::MIN);
        for steps in [[far, 1, 1], [far - 1, 3, 0], [1 << 31, 1 << 40, -(1 << 41)], [0, far + 1, 1]]
        {
            for key in MAIN {
                let (mut member, mut sum) = (Member::new(MemberKind::Individual, Day::FIRST), 0);
                assert_eq!(member.balances().count(), 0);
                for step in steps {
                    member.book(key, step);
                    sum += step;
                    assert_eq!(member.balances().collect::<Vec<_>>(), [(key, sum)]);
                    let [code, asset] =
                        [key >> 16, key & 0xffff].map(|n| u16::try_from(n).unwrap());
                    let code = Code::from_number(code).unwrap();
                    assert_eq!(member.balance(code, AssetId::new(asset)), sum);
                    let mut other = Member::new(MemberKind::Individual, Day::FIRST);
                    other.book(key, sum);
                    assert_eq!(member, other, "{steps:?} up to {step}");
                }
            }
        }
    }

    #[test]
    fn counters_that_do_not_fit_are_kept_and_equal_when_they_fit_again() {
        let new = || Member::new(MemberKind::Individual, Day::FIRST);
        let mut member = new();
        for spend in [1 << 31, 1 << 32, -1, i64::MIN, i64::MAX, 0] {
            let counters = Counters { points: 3, top_up: 2, spend, visits: 1 };
            member.set_counters(counters);
            assert_eq!(member.counters(), counters);
        }
        member.set_counters(Counters::default());
        assert_eq!(member, new(), "an empty box is none");
    }
}
