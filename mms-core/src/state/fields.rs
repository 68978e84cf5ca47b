//! Fields of members, and who has which day of the year in those that somebody is reminded of.

use crate::ids::{FieldId, MemberId};
use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

/// Fields that are set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    rows: BTreeMap<(MemberId, FieldId), i64>,
    /// Values and members of the fields that are looked up by value.
    by_value: BTreeMap<FieldId, BTreeSet<(i64, MemberId)>>,
}

impl Fields {
    pub(crate) const fn rows(&self) -> &BTreeMap<(MemberId, FieldId), i64> {
        &self.rows
    }

    pub(crate) fn insert(&mut self, member: MemberId, field: FieldId, value: i64) {
        let before = self.rows.insert((member, field), value);
        if let Some(index) = self.by_value.get_mut(&field) {
            before.map(|before| index.remove(&(before, member)));
            index.insert((value, member));
        }
    }

    pub(crate) fn remove(&mut self, member: MemberId, field: FieldId) -> Option<i64> {
        let before = self.rows.remove(&(member, field))?;
        if let Some(index) = self.by_value.get_mut(&field) {
            index.remove(&(before, member));
        }
        Some(before)
    }

    /// From now on, these are looked up by value. Looks at every field when they are others than
    /// before.
    pub(crate) fn index(&mut self, fields: impl Iterator<Item = FieldId>) {
        let fields: BTreeSet<FieldId> = fields.collect();
        if fields.iter().eq(self.by_value.keys()) {
            return;
        }
        self.by_value = fields.into_iter().map(|field| (field, BTreeSet::new())).collect();
        for ((member, field), value) in &self.rows {
            if let Some(index) = self.by_value.get_mut(field) {
                index.insert((*value, *member));
            }
        }
    }

    /// Who has this value in a field that is looked up by it: the members behind one, by id.
    pub(crate) fn with(
        &self,
        field: FieldId,
        value: i64,
        after: Option<MemberId>,
    ) -> impl Iterator<Item = MemberId> + '_ {
        let first = (value, MemberId::new(0));
        let from = after.map_or(Bound::Included(first), |after| Bound::Excluded((value, after)));
        let last = Bound::Included((value, MemberId::new(u32::MAX)));
        let index = self.by_value.get(&field);
        let found = index.into_iter().flat_map(move |index| index.range((from, last)));
        found.map(|(_, member)| *member)
    }
}

/// What is looked up by value does not count.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl Eq for Fields {}
