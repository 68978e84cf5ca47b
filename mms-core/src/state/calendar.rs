//! Lots, or cards, by day.

use super::append;
use crate::ids::{Day, LotId};
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec;
use alloc::vec::Vec;

/// No page has more lots than this: what is moved to make room for one more is short.
const PAGE_MAX: usize = 256;

/// Which lots end, or begin, on which day: in the order of days, then of lots. Many share a day, so
/// each takes little more than its own number.
#[derive(Clone, Debug)]
pub(crate) struct Calendar<T = LotId> {
    days: BTreeMap<Day, Pages<T>>,
}

/// The lots of a day, on pages of rising numbers; none is empty.
#[derive(Clone, Debug)]
struct Pages<T>(Vec<Vec<T>>);

impl<T> Default for Calendar<T> {
    fn default() -> Self {
        Self { days: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Calendar<T> {
    pub(crate) fn insert(&mut self, day: Day, lot: T) {
        match self.days.entry(day) {
            Entry::Vacant(entry) => {
                entry.insert(Pages(vec![vec![lot]]));
            }
            Entry::Occupied(mut entry) => entry.get_mut().insert(lot),
        }
    }

    pub(crate) fn remove(&mut self, day: Day, lot: T) {
        if let Entry::Occupied(mut entry) = self.days.entry(day) {
            entry.get_mut().remove(lot);
            if entry.get().0.is_empty() {
                entry.remove();
            }
        }
    }

    /// The soonest.
    pub(crate) fn first(&self) -> Option<(Day, T)> {
        self.from(Day::FIRST).next()
    }

    /// From a day on, soonest first.
    pub(crate) fn from(&self, day: Day) -> impl Iterator<Item = (Day, T)> + '_ {
        self.days.range(day..).flat_map(|(day, pages)| {
            let lots = pages.0.iter().flatten();
            lots.map(|lot| (*day, *lot))
        })
    }

    /// Those of a day behind one of them, and of later days, soonest first.
    pub(crate) fn after(&self, day: Day, lot: T) -> impl Iterator<Item = (Day, T)> + '_ {
        let pages = self.days.get(&day).and_then(|pages| pages.0.get(pages.place(lot)..));
        let same = pages.unwrap_or_default().iter().flatten().skip_while(move |one| **one <= lot);
        same.map(move |one| (day, *one)).chain(self.from(day.plus(1)))
    }
}

/// How lots are spread over pages does not count.
impl<T: Copy + Ord> PartialEq for Calendar<T> {
    fn eq(&self, other: &Self) -> bool {
        self.from(Day::FIRST).eq(other.from(Day::FIRST))
    }
}

impl<T: Copy + Ord> Eq for Calendar<T> {}

impl<T: Copy + Ord> Pages<T> {
    /// The last page that begins at or before a lot, or the first.
    fn place(&self, lot: T) -> usize {
        let after = self.0.partition_point(|page| page.first().is_some_and(|first| *first <= lot));
        after.saturating_sub(1)
    }

    fn insert(&mut self, lot: T) {
        let place = self.place(lot);
        let is_last = place.saturating_add(1) == self.0.len();
        let Some(page) = self.0.get_mut(place) else {
            self.0.push(vec![lot]);
            return;
        };
        if page.len() >= PAGE_MAX {
            // Numbers rise as a ledger grows: then full pages stay full.
            let rises = is_last && page.last().is_some_and(|last| *last < lot);
            let half = if rises { PAGE_MAX } else { PAGE_MAX / 2 };
            let upper = page.split_off(half);
            page.shrink_to_fit();
            let upper = if upper.is_empty() { vec![lot] } else { upper };
            self.0.insert(place.saturating_add(1), upper);
            if !rises {
                self.insert(lot);
            }
            return;
        }
        if let Err(at) = page.binary_search(&lot) {
            append(page, lot);
            if let Some(moved) = page.get_mut(at..) {
                moved.rotate_right(1);
            }
        }
    }

    fn remove(&mut self, lot: T) {
        let place = self.place(lot);
        let Some(page) = self.0.get_mut(place) else {
            return;
        };
        if let Ok(at) = page.binary_search(&lot) {
            page.remove(at);
            if page.is_empty() {
                self.0.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use core::ops::Bound;
    use proto_wire::{Rng, Seed};

    #[test]
    fn agrees_with_a_tree_under_random_insertions_and_removals() {
        for seed in 0..4 {
            let mut rng = Rng::new(&Seed::from_u64(seed));
            let (mut calendar, mut tree) = (Calendar::default(), BTreeSet::new());
            for n in 0..20_000_u32 {
                let day = Day::new(i32::try_from(rng.below(3)).unwrap());
                // At first as a ledger grows, then as places are used again.
                let number = if n < 3_000 { n } else { u32::try_from(rng.below(4_000)).unwrap() };
                let lot = LotId::new(number);
                if n < 3_000 || rng.below(2) == 0 {
                    calendar.insert(day, lot);
                    tree.insert((day, lot));
                } else {
                    calendar.remove(day, lot);
                    tree.remove(&(day, lot));
                }
                assert_eq!(calendar.first(), tree.first().copied(), "seed {seed}");
            }
            assert!(calendar.from(Day::FIRST).eq(tree.iter().copied()), "seed {seed}");
            for number in (0..4_100).step_by(97).map(LotId::new) {
                let after = tree.range((Bound::Excluded((Day::new(1), number)), Bound::Unbounded));
                assert!(calendar.after(Day::new(1), number).eq(after.copied()), "seed {seed}");
            }
            let later = calendar.from(Day::new(1)).map(|(day, _)| day).min();
            assert_eq!(later, Some(Day::new(1)), "seed {seed}");
            for (day, lot) in tree {
                calendar.remove(day, lot);
            }
            assert!(calendar.days.is_empty(), "seed {seed}");
        }
    }
}
