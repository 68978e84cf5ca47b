//! R149-R152: who fits several bounds at once.

use super::Activity;
use crate::command::MemberKind;
use crate::ids::{Day, FieldId, MemberId, PlanId, TierId};
use crate::ledger::Ledger;
use crate::state::{Member, MemberStatus};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// Bounds that a member must all fit. Without any, every live member fits.
///
/// ```
/// use mms_core::*;
///
/// // Whom to bring back: spent much, came often, but not lately.
/// let lapsed = MemberFilter::new()
///     .with_spend(100_000..=i64::MAX)
///     .with_visits(5..=i64::MAX)
///     .with_last_visit(Day::FIRST..=Day::new(20_000));
/// # drop(lapsed);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberFilter {
    kind: Option<MemberKind>,
    plan: Option<PlanId>,
    tier: Option<TierId>,
    status: Option<MemberStatus>,
    since: Option<RangeInclusive<Day>>,
    spend: Option<RangeInclusive<i64>>,
    top_up: Option<RangeInclusive<i64>>,
    visits: Option<RangeInclusive<i64>>,
    average: Option<RangeInclusive<i64>>,
    stored: Option<RangeInclusive<i64>>,
    points: Option<RangeInclusive<i64>>,
    last_visit: Option<RangeInclusive<Day>>,
    owed: Option<RangeInclusive<i64>>,
    /// What fields must hold; `None`: nothing.
    fields: Vec<(FieldId, Option<RangeInclusive<i64>>)>,
}

macro_rules! bounds {
    ($( $(#[$doc:meta])* $setter:ident $field:ident: $ty:ty; )*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $setter(mut self, bound: $ty) -> Self {
            self.$field = Some(bound);
            self
        }
    )*};
}

impl MemberFilter {
    /// No bounds yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    bounds! {
        /// Only this kind.
        with_kind kind: MemberKind;
        /// Only under this plan.
        with_plan plan: PlanId;
        /// Only of this tier.
        with_tier tier: TierId;
        /// Only in this state.
        with_status status: MemberStatus;
        /// Joined on one of these days.
        with_since since: RangeInclusive<Day>;
        /// Spent so much in all, in minor units.
        with_spend spend: RangeInclusive<i64>;
        /// Loaded so much in all, in minor units.
        with_top_up top_up: RangeInclusive<i64>;
        /// Bought so often.
        with_visits visits: RangeInclusive<i64>;
        /// Spent so much a visit, in minor units (客单价); whoever never came spent nothing.
        with_average average: RangeInclusive<i64>;
        /// Has so much stored value to spend.
        with_stored stored: RangeInclusive<i64>;
        /// Has so many points to spend.
        with_points points: RangeInclusive<i64>;
        /// Bought last on one of these days; needs an [`Activity`]. Whoever never came was last
        /// here on [`Day::FIRST`].
        with_last_visit last_visit: RangeInclusive<Day>;
        /// Owes so much, in minor units.
        with_owed owed: RangeInclusive<i64>;
    }

    /// Has such a value in a field; 1 is what a tag has.
    #[must_use]
    pub fn with_field(mut self, field: FieldId, value: RangeInclusive<i64>) -> Self {
        self.fields.push((field, Some(value)));
        self
    }

    /// Has nothing in a field.
    #[must_use]
    pub fn without_field(mut self, field: FieldId) -> Self {
        self.fields.push((field, None));
        self
    }

    fn fits(&self, ledger: &Ledger, id: MemberId, row: &Member, seen: &Activity, day: Day) -> bool {
        fn is<T: PartialEq>(bound: Option<T>, value: T) -> bool {
            bound.is_none_or(|bound| bound == value)
        }
        fn within<T: PartialOrd>(bound: Option<&RangeInclusive<T>>, value: T) -> bool {
            bound.is_none_or(|bound| bound.contains(&value))
        }
        let counters = row.counters();
        let cheap = is(self.kind, row.kind)
            && is(self.plan, row.plan)
            && is(self.tier, row.tier)
            && is(self.status, row.status)
            && within(self.since.as_ref(), row.since)
            && within(self.spend.as_ref(), counters.spend)
            && within(self.top_up.as_ref(), counters.top_up)
            && within(self.visits.as_ref(), counters.visits)
            && within(
                self.average.as_ref(),
                counters.spend.checked_div(counters.visits).unwrap_or(0),
            )
            && within(
                self.last_visit.as_ref(),
                seen.of(id).map_or(Day::FIRST, |visits| visits.last),
            );
        let cheap = cheap
            && self.fields.iter().all(|(field, bound)| match (ledger.field(id, *field), bound) {
                (Some(value), Some(bound)) => bound.contains(&value),
                (value, bound) => value.is_none() && bound.is_none(),
            });
        if !cheap || self.stored.is_none() && self.points.is_none() && self.owed.is_none() {
            return cheap;
        }
        let balances = ledger.balances(id, day);
        within(self.stored.as_ref(), balances.stored())
            && within(self.points.as_ref(), balances.points)
            && within(self.owed.as_ref(), balances.owed)
    }
}

impl Ledger {
    /// Live members that fit a filter on `day`, by id.
    pub fn members_where<'a>(
        &'a self,
        filter: &'a MemberFilter,
        seen: &'a Activity,
        day: Day,
    ) -> impl Iterator<Item = (MemberId, &'a Member)> {
        let live = self.live_members();
        live.filter(move |(id, row)| filter.fits(self, *id, row, seen, day))
    }
}
