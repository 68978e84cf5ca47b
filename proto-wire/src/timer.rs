//! Deadlines: a table for the few of one machine, a queue for the many of an endpoint.

use crate::Instant;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

/// The names of a machine's timers, as an enum.
///
/// ```
/// use proto_wire::{Instant, TimerKey, TimerTable};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Timer { Retransmit, GiveUp }
/// impl TimerKey for Timer {
///     const ALL: &'static [Self] = &[Self::Retransmit, Self::GiveUp];
///     fn index(self) -> usize { self as usize }
/// }
///
/// let mut timers = TimerTable::<Timer, 2>::new();
/// timers.set(Timer::GiveUp, Instant::from_secs(32));
/// timers.set(Timer::Retransmit, Instant::from_millis(500));
/// assert_eq!(timers.next(), Some((Instant::from_millis(500), Timer::Retransmit)));
/// assert_eq!(timers.expire(Instant::from_secs(1)), Some(Timer::Retransmit));
/// assert_eq!(timers.expire(Instant::from_secs(1)), None);
/// ```
pub trait TimerKey: Copy + 'static {
    /// All of them; `ALL[k.index()]` is `k`.
    const ALL: &'static [Self];
    /// The position in [`TimerKey::ALL`].
    fn index(self) -> usize;
}

/// The deadlines of one machine: at most one per name, `N` names, no allocation.
/// See [`TimerQueue`] for many.
#[derive(Clone)]
pub struct TimerTable<K, const N: usize> {
    deadlines: [Option<Instant>; N],
    keys: core::marker::PhantomData<K>,
}

impl<K: TimerKey, const N: usize> TimerTable<K, N> {
    /// A table with no timer set. `N` must be the number of names.
    #[must_use]
    pub fn new() -> Self {
        debug_assert_eq!(K::ALL.len(), N, "one place for each name");
        Self { deadlines: [None; N], keys: core::marker::PhantomData }
    }

    /// Sets `key` to fire at `at`, whatever it was before.
    pub fn set(&mut self, key: K, at: Instant) {
        if let Some(slot) = self.deadlines.get_mut(key.index()) {
            *slot = Some(at);
        }
    }

    /// Stops `key`; nothing happens when it was not set.
    pub fn stop(&mut self, key: K) {
        if let Some(slot) = self.deadlines.get_mut(key.index()) {
            *slot = None;
        }
    }

    /// Stops all timers.
    pub fn clear(&mut self) {
        self.deadlines = [None; N];
    }

    /// When `key` fires.
    #[must_use]
    pub fn get(&self, key: K) -> Option<Instant> {
        self.deadlines.get(key.index()).copied().flatten()
    }

    /// The earliest deadline and its name; of equal ones the first in [`TimerKey::ALL`].
    #[must_use]
    pub fn next(&self) -> Option<(Instant, K)> {
        let mut first: Option<(Instant, K)> = None;
        for (deadline, key) in self.deadlines.iter().zip(K::ALL) {
            if let Some(at) = *deadline {
                if first.is_none_or(|(earliest, _)| at < earliest) {
                    first = Some((at, *key));
                }
            }
        }
        first
    }

    /// Takes out the earliest timer that is due at `now`.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        let (at, key) = self.next()?;
        if at > now {
            return None;
        }
        self.stop(key);
        Some(key)
    }
}

impl<K: TimerKey, const N: usize> Default for TimerTable<K, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: TimerKey + fmt::Debug, const N: usize> fmt::Debug for TimerTable<K, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = K::ALL.iter().filter_map(|k| self.get(*k).map(|at| (*k, at)));
        f.debug_map().entries(set).finish()
    }
}

/// Deadlines of many things, at most one per key; every operation is logarithmic.
///
/// Equal deadlines fire in the order of their keys, so a run is repeatable.
///
/// ```
/// use proto_wire::{Instant, TimerQueue};
///
/// let mut queue = TimerQueue::new();
/// queue.set(7_u32, Instant::from_secs(2));
/// queue.set(9_u32, Instant::from_secs(1));
/// assert_eq!(queue.next(), Some((Instant::from_secs(1), 9)));
/// assert_eq!(queue.expire(Instant::from_secs(1)), Some(9));
/// assert_eq!(queue.expire(Instant::from_secs(1)), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TimerQueue<K: Ord> {
    /// All of them, as long as they are few: then a list without order beats trees.
    few: Vec<(Instant, K)>,
    order: BTreeSet<(Instant, K)>,
    deadlines: BTreeMap<K, Instant>,
}

/// More than these are kept in trees, until none is left.
const FEW: usize = 8;

impl<K: Ord + Clone> TimerQueue<K> {
    /// A queue with no timer set.
    #[must_use]
    pub const fn new() -> Self {
        Self { few: Vec::new(), order: BTreeSet::new(), deadlines: BTreeMap::new() }
    }

    /// Sets `key` to fire at `at`, whatever it was before.
    pub fn set(&mut self, key: K, at: Instant) {
        if self.deadlines.is_empty() {
            if let Some((then, _)) = self.few.iter_mut().find(|(_, k)| *k == key) {
                *then = at;
                return;
            }
            if self.few.len() < FEW {
                if self.few.capacity() == 0 {
                    self.few = Vec::with_capacity(FEW / 2);
                }
                return self.few.push((at, key));
            }
            for (then, key) in core::mem::take(&mut self.few) {
                self.plant(key, then);
            }
        }
        self.plant(key, at);
    }

    fn plant(&mut self, key: K, at: Instant) {
        if let Some(old) = self.deadlines.insert(key.clone(), at) {
            self.order.remove(&(old, key.clone()));
        }
        self.order.insert((at, key));
    }

    /// Stops `key`; nothing happens when it was not set.
    pub fn stop(&mut self, key: &K) {
        if self.deadlines.is_empty() {
            if let Some(at) = self.few.iter().position(|(_, k)| k == key) {
                self.few.swap_remove(at);
            }
        } else if let Some(old) = self.deadlines.remove(key) {
            self.order.remove(&(old, key.clone()));
        }
    }

    /// When `key` fires.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Instant> {
        let listed = self.few.iter().find(|(_, k)| k == key).map(|(at, _)| *at);
        listed.or_else(|| self.deadlines.get(key).copied())
    }

    /// The earliest deadline and its key.
    #[must_use]
    pub fn next(&self) -> Option<(Instant, K)> {
        self.few.iter().min().or_else(|| self.order.first()).cloned()
    }

    /// Takes out the earliest timer that is due at `now`.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        if let Some((place, (at, _))) = self.few.iter().enumerate().min_by_key(|(_, first)| *first)
        {
            return (*at <= now).then(|| self.few.swap_remove(place).1);
        }
        if self.order.first()?.0 > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.deadlines.remove(&key);
        Some(key)
    }

    /// How many timers are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.few.len().saturating_add(self.deadlines.len())
    }

    /// Whether no timer is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.few.is_empty() && self.deadlines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_fires_in_order_of_time_then_key() {
        let mut queue = TimerQueue::new();
        for (key, secs) in [(3, 5), (1, 5), (2, 4), (4, 9)] {
            queue.set(key, Instant::from_secs(secs));
        }
        queue.set(4, Instant::from_secs(1));
        queue.stop(&3);
        let mut fired = Vec::new();
        while let Some(key) = queue.expire(Instant::from_secs(5)) {
            fired.push(key);
        }
        assert_eq!(fired, [4, 2, 1]);
        assert!(queue.is_empty());
        assert_eq!(queue.next(), None);
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Name {
        First,
        Second,
        Third,
    }

    impl TimerKey for Name {
        const ALL: &'static [Self] = &[Self::First, Self::Second, Self::Third];
        fn index(self) -> usize {
            self as usize
        }
    }

    #[test]
    fn a_table_is_a_map_whose_earliest_goes_first_and_of_equals_the_first_name() {
        let mut rng = crate::Rng::new(&crate::Seed::from_u64(12));
        let (mut table, mut model) = (TimerTable::<Name, 3>::new(), BTreeMap::new());
        for _ in 0..2_000 {
            let name = Name::ALL[rng.below(3) as usize];
            let at = Instant::from_secs(rng.below(4));
            match rng.below(6) {
                0..3 => {
                    table.set(name, at);
                    model.insert(name, at);
                }
                3 => {
                    table.stop(name);
                    model.remove(&name);
                }
                4 if at == Instant::ZERO => {
                    table.clear();
                    model.clear();
                }
                _ => {
                    let first = model.iter().map(|(name, at)| (*at, *name)).min();
                    let due = first.filter(|(then, _)| *then <= at).map(|(_, name)| name);
                    assert_eq!(table.expire(at), due);
                    due.map(|name| model.remove(&name));
                }
            }
            assert_eq!(table.next(), model.iter().map(|(name, at)| (*at, *name)).min());
            assert_eq!(table.get(name), model.get(&name).copied());
            assert_eq!(alloc::format!("{table:?}"), alloc::format!("{model:?}"));
        }
    }

    /// A list for few and trees for many: nobody can tell which it is.
    #[test]
    fn few_and_many_timers_are_kept_alike() {
        let mut rng = crate::Rng::new(&crate::Seed::from_u64(11));
        let (mut queue, mut model) = (TimerQueue::new(), BTreeMap::new());
        for round in 0..4_000_u64 {
            // Now more, now fewer.
            let most = if round / 400 % 2 == 0 { 30 } else { 5 };
            let (key, at) = (rng.below(most), Instant::from_secs(rng.below(20)));
            match rng.below(4) {
                0 | 1 => {
                    queue.set(key, at);
                    model.insert(key, at);
                }
                2 => {
                    queue.stop(&key);
                    model.remove(&key);
                }
                _ => {
                    let first = model.iter().map(|(key, at)| (*at, *key)).min();
                    let due = first.filter(|(then, _)| *then <= at).map(|(_, key)| key);
                    assert_eq!(queue.expire(at), due);
                    due.map(|key| model.remove(&key));
                }
            }
            assert_eq!(queue.next(), model.iter().map(|(key, at)| (*at, *key)).min());
            assert_eq!((queue.len(), queue.get(&key)), (model.len(), model.get(&key).copied()));
            assert_eq!(queue.is_empty(), model.is_empty());
        }
    }
}
