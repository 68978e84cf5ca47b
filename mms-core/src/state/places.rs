//! When business was done at each store and terminal, for rules about frequency.

use crate::ids::{At, MemberId, StoreId, TerminalId};
use crate::program::WATCH_MAX;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// So many places are remembered; the one that was quiet for the longest is forgotten first. Part
/// of the state, so no setting: a replay must forget the same.
pub(crate) const PLACES_MAX: usize = 65_536;

/// A store, or one of its terminals.
pub(crate) type Place = (StoreId, Option<TerminalId>);

/// A member, or nobody and a place.
pub(crate) type Voider = (Option<MemberId>, Place);

/// The place of members: theirs are counted wherever they are.
pub(crate) const NOWHERE: Place = (StoreId::new(0), None);

/// A ring of times for each place.
#[derive(Clone, Debug)]
pub(crate) struct Places<K = Place> {
    rings: BTreeMap<K, Vec<i64>>,
    /// The newest time of each.
    newest: BTreeSet<(i64, K)>,
}

impl<K> Default for Places<K> {
    fn default() -> Self {
        Self { rings: BTreeMap::new(), newest: BTreeSet::new() }
    }
}

impl<K: Copy + Ord> Places<K> {
    /// The newest times, oldest first.
    pub(crate) fn recent(&self, place: K) -> &[i64] {
        self.rings.get(&place).map_or(&[], Vec::as_slice)
    }

    /// Remembers when some business was done; the oldest is forgotten.
    pub(crate) fn note(&mut self, place: K, at: At) {
        self.seen(place, at.time.as_unix_micros(), WATCH_MAX);
    }

    fn seen(&mut self, place: K, time: i64, max: usize) {
        let ring = self.rings.entry(place).or_default();
        if let Some(last) = ring.last() {
            self.newest.remove(&(*last, place));
        }
        if ring.len() >= max {
            ring.remove(0);
        }
        ring.push(time);
        self.newest.insert((time, place));
        if self.rings.len() > PLACES_MAX {
            if let Some((_, quiet)) = self.newest.pop_first() {
                self.rings.remove(&quiet);
            }
        }
    }

    /// By place, for a snapshot.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = (&K, &Vec<i64>)> {
        self.rings.iter()
    }

    /// The newest time of all.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.newest.last().map(|(time, _)| *time)
    }

    /// Those that there are times of.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.rings.keys()
    }

    /// From the rows of a snapshot; `None` when they are out of order or a ring is empty.
    pub(crate) fn from_rows(rows: Vec<(K, Vec<i64>)>) -> Option<Self> {
        let mut places = Self::default();
        for (place, ring) in rows {
            let last = *ring.last()?;
            let after = places.rings.last_key_value().is_none_or(|(before, _)| *before < place);
            if !after || !ring.is_sorted() {
                return None;
            }
            places.newest.insert((last, place));
            places.rings.insert(place, ring);
        }
        Some(places)
    }
}

impl<K: Copy + Ord> PartialEq for Places<K> {
    fn eq(&self, other: &Self) -> bool {
        self.rings == other.rings
    }
}

impl<K: Copy + Ord> Eq for Places<K> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_that_was_quiet_for_the_longest_is_forgotten_first() {
        let mut places = Places::default();
        let place = |n: u32| (StoreId::new(n), Some(TerminalId::new(1)));
        let all = u32::try_from(PLACES_MAX).unwrap();
        for n in 0..all {
            places.seen(place(n), n.into(), 16);
        }
        places.seen(place(0), all.into(), 16);
        assert_eq!(places.recent(place(0)), [0, i64::from(all)]);
        places.seen(place(all), all.into(), 16);
        assert_eq!(places.rings.len(), PLACES_MAX);
        assert_eq!(places.recent(place(1)), [] as [i64; 0]);
        assert_eq!(places.recent(place(2)), [2]);
        assert_eq!(places.newest.len(), PLACES_MAX);
    }
}
