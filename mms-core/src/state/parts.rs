//! Who takes part in which activities, how many times.

use crate::ids::{MemberId, RuleId};
use alloc::collections::BTreeMap;

/// Members that take part at least once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) times: BTreeMap<(RuleId, MemberId), u32>,
    /// The sums over all members, of activities that anybody takes part in.
    sums: BTreeMap<RuleId, u32>,
}

impl Parts {
    /// How many times a member does.
    pub(crate) fn of(&self, activity: RuleId, member: MemberId) -> u32 {
        self.times.get(&(activity, member)).copied().unwrap_or(0)
    }

    /// How many times all do.
    pub(crate) fn sum(&self, activity: RuleId) -> u32 {
        self.sums.get(&activity).copied().unwrap_or(0)
    }

    /// The members of an activity, by id.
    pub(crate) fn all(&self, activity: RuleId) -> impl Iterator<Item = (MemberId, u32)> {
        let all = (activity, MemberId::new(0))..=(activity, MemberId::new(u32::MAX));
        self.times.range(all).map(|((_, member), times)| (*member, *times))
    }

    /// One time more, or one less.
    pub(crate) fn count(&mut self, activity: RuleId, member: MemberId, more: bool) {
        let times = self.of(activity, member);
        self.set(
            activity,
            member,
            if more { times.saturating_add(1) } else { times.saturating_sub(1) },
        );
    }

    /// So many times.
    pub(crate) fn set(&mut self, activity: RuleId, member: MemberId, times: u32) {
        let sum =
            self.sum(activity).saturating_sub(self.of(activity, member)).saturating_add(times);
        put(&mut self.times, (activity, member), times);
        put(&mut self.sums, activity, sum);
    }

    /// What the one took part in, the other does.
    pub(crate) fn join(&mut self, from: MemberId, into: MemberId) {
        let own = self.times.iter().filter(|((_, member), _)| *member == from);
        let own: alloc::vec::Vec<_> =
            own.map(|((activity, _), times)| (*activity, *times)).collect();
        for (activity, times) in own {
            self.set(activity, from, 0);
            self.set(activity, into, self.of(activity, into).saturating_add(times));
        }
    }
}

fn put<K: Ord>(rows: &mut BTreeMap<K, u32>, key: K, times: u32) {
    if times == 0 {
        rows.remove(&key);
    } else {
        rows.insert(key, times);
    }
}
