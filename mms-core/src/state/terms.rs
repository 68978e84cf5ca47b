//! Until when members are under their plans.

use crate::ids::{Day, MemberId};
use alloc::collections::{BTreeMap, BTreeSet};

/// Terms that have an end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) by_member: BTreeMap<MemberId, Day>,
    pub(crate) ends: BTreeSet<(Day, MemberId)>,
}

impl Terms {
    /// Until a day; for ever, when that never comes.
    pub(crate) fn set(&mut self, member: MemberId, until: Day) {
        self.end(member);
        if until != Day::NEVER {
            self.by_member.insert(member, until);
            self.ends.insert((until, member));
        }
    }

    pub(crate) fn end(&mut self, member: MemberId) {
        if let Some(until) = self.by_member.remove(&member) {
            self.ends.remove(&(until, member));
        }
    }
}
