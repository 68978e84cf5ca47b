//! An open-addressed index from a hash to a place in a table: eight bytes a slot.

use alloc::vec;
use alloc::vec::Vec;

/// Finds places by hash; the table itself holds the keys.
///
/// A slot is a 32-bit tag and a 32-bit place plus one; zero is empty. The search begins where the tag
/// stands among all tags, so slots are nearly in the order of tags, and the table grows in one pass,
/// without the keys. Nothing wraps: what does not find room before the end stands behind it. The order
/// of slots never reaches an output.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    slots: Vec<u64>,
    /// In so many of them a search may begin.
    homes: u64,
    len: usize,
    /// So many fill it too far: three quarters.
    full: usize,
    /// Mixed into every hash, so that a sender of keys cannot aim at one slot.
    secret: u64,
    /// Grows to twice its size, not by a quarter: for what dies and is looked for in vain.
    roomy: bool,
}

const PLACE: u64 = 0xffff_ffff;
/// Slots behind those in which a search may begin, at first.
const BEHIND: usize = 16;

/// So many are looked at together, without a branch for each: where a search ends cannot be foretold.
const RUN: usize = 4;
/// So many are swept at once, four lines of memory.
const SWEPT: usize = 32;
/// When one place dies for each one that is added, at most an eighth of the slots is dead at any time.
pub(super) const SWEEP_EVERY: u32 = 4;

impl Index {
    pub(crate) fn new(secret: u64) -> Self {
        Self { slots: vec![0; 16 + BEHIND], homes: 16, len: 0, full: 12, secret, roomy: false }
    }

    /// With much room between the places, for keys most of which are new.
    pub(crate) fn roomy(secret: u64) -> Self {
        Self { roomy: true, ..Self::new(secret) }
    }

    /// How many slots there are.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.slots.len()
    }

    /// What is mixed into every hash.
    pub(crate) const fn secret(&self) -> u64 {
        self.secret
    }

    /// The place with this key, if `is_it` knows it.
    #[inline]
    pub(crate) fn find(&self, key: u128, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = self.tag(key);
        for slot in self.slots.get(self.home(tag)..)? {
            if *slot == 0 {
                break;
            }
            if slot >> 32 == tag {
                let place = place_of(*slot);
                if is_it(place) {
                    return Some(place);
                }
            }
        }
        None
    }

    /// Where the search for a key begins.
    #[inline]
    pub(crate) fn spot(&self, key: u128) -> usize {
        self.home(self.tag(key))
    }

    /// Reads such a place, for nothing but to have it at hand soon, and where a search ends that
    /// goes on into the next line of memory.
    #[inline]
    pub(crate) fn touch(&self, spot: usize) -> u64 {
        let end = self.slots.get(spot.wrapping_add(RUN)).copied().unwrap_or(0);
        self.slots.get(spot).copied().unwrap_or(0).wrapping_add(end)
    }

    /// A place that is likely to be that of the key: nobody has looked at the table.
    #[inline]
    pub(crate) fn guess(&self, key: u128) -> u32 {
        let tag = self.tag(key);
        let mut slots = self.slots.iter().skip(self.home(tag));
        let slot = slots.find(|slot| **slot == 0 || **slot >> 32 == tag);
        slot.map_or(u32::MAX, |slot| place_of(*slot))
    }

    /// Adds a place. The caller has made sure that the key is not there.
    #[inline]
    pub(crate) fn insert(&mut self, key: u128, place: u32) {
        if self.is_full() {
            self.grow();
        }
        let tag = self.tag(key);
        self.put(slot_of(tag, place));
        self.len = self.len.saturating_add(1);
    }

    /// The same where places die without a word: the first dead one of the run is written over.
    #[inline]
    pub(crate) fn insert_over(&mut self, key: u128, place: u32, lives: impl Fn(u32) -> bool) {
        if self.is_full() {
            self.grow();
        }
        let tag = self.tag(key);
        let mut at = self.home(tag);
        loop {
            let free = mask(self.run(at), |slot| (slot == 0) | !lives(place_of(slot)));
            if free != 0 {
                at = at.saturating_add(free.trailing_zeros() as usize);
                break;
            }
            at = at.saturating_add(RUN);
        }
        let new = slot_of(tag, place);
        match self.slots.get_mut(at) {
            Some(slot) => {
                self.len = self.len.saturating_add(usize::from(*slot == 0));
                *slot = new;
            }
            None => {
                self.len = self.len.saturating_add(1);
                self.slots.push(new);
            }
        }
    }

    /// Takes dead places out of the next [`SWEPT`] slots, and gives where to go on. Worth it for each
    /// [`SWEEP_EVERY`]th place that dies.
    #[inline]
    pub(crate) fn sweep(&mut self, from: usize, lives: impl Fn(u32) -> bool) -> usize {
        let from = if from < self.slots.len() { from } else { 0 };
        let end = from.saturating_add(SWEPT);
        // Which slots are empty, alive or dead cannot be foretold: looked at without a branch.
        let is_dead = |slot: u64| (slot != 0) & !lives(place_of(slot));
        let slots = self.slots.get(from..end).or_else(|| self.slots.get(from..));
        let mut dead = mask(slots.unwrap_or_default().iter().copied(), is_dead);
        while dead != 0 {
            let at = from.saturating_add(dead.trailing_zeros() as usize);
            // What moves up into the hole may be dead, too.
            while self.slots.get(at).is_some_and(|slot| is_dead(*slot)) {
                self.clear(at);
            }
            dead &= dead.wrapping_sub(1);
        }
        end
    }

    /// The slots from here on; empty ones behind the last.
    #[inline]
    fn run(&self, at: usize) -> [u64; RUN] {
        let slots = self.slots.get(at..).unwrap_or_default();
        slots.first_chunk().copied().unwrap_or_else(|| {
            let mut run = [0; RUN];
            run.iter_mut().zip(slots).for_each(|(to, slot)| *to = *slot);
            run
        })
    }

    /// Takes a place out.
    pub(crate) fn remove(&mut self, key: u128, place: u32) {
        let tag = self.tag(key);
        let (home, wanted) = (self.home(tag), slot_of(tag, place));
        let run = self.slots.iter().skip(home).take_while(|slot| **slot != 0);
        if let Some(step) = run.enumerate().find(|(_, slot)| **slot == wanted).map(|(n, _)| n) {
            self.clear(home.saturating_add(step));
        }
    }

    /// Empties a slot; later slots of the same run move up, so that no grave is left.
    fn clear(&mut self, mut hole: usize) {
        let mut at = hole;
        loop {
            at = at.saturating_add(1);
            let slot = self.slots.get(at).copied().unwrap_or(0);
            if slot == 0 {
                break;
            }
            // A slot may move into the hole when its search passes the hole on its way.
            if self.home(slot >> 32) <= hole {
                self.set(hole, slot);
                hole = at;
            }
        }
        self.set(hole, 0);
        self.len = self.len.saturating_sub(1);
    }

    fn tag(&self, key: u128) -> u64 {
        let high = u64::try_from(key >> 64).unwrap_or(0);
        let low = u64::try_from(key & u128::from(u64::MAX)).unwrap_or(0);
        mix(mix(low ^ self.secret) ^ high) >> 32
    }

    #[inline]
    fn home(&self, tag: u64) -> usize {
        // Both have 32 bits at most.
        usize::try_from(tag.wrapping_mul(self.homes) >> 32).unwrap_or(0)
    }

    /// Whether one more would fill it too far.
    #[inline]
    const fn is_full(&self) -> bool {
        self.len >= self.full
    }

    fn set(&mut self, at: usize, slot: u64) {
        if let Some(to) = self.slots.get_mut(at) {
            *to = slot;
        }
    }

    fn put(&mut self, new: u64) {
        let home = self.home(new >> 32);
        let mut slots = self.slots.iter_mut().skip(home);
        match slots.find(|slot| **slot == 0) {
            Some(slot) => *slot = new,
            None => self.slots.push(new),
        }
    }

    fn grow(&mut self) {
        let more = if self.roomy { self.homes } else { (self.homes / 4).max(16) };
        self.homes = self.homes.saturating_add(more).min(PLACE);
        self.full = usize::try_from(self.homes.saturating_mul(3).div_ceil(4)).unwrap_or(usize::MAX);
        let size = usize::try_from(self.homes).unwrap_or(usize::MAX).saturating_add(BEHIND);
        let old = core::mem::replace(&mut self.slots, vec![0; size]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            self.put(slot);
        }
    }
}

#[inline]
fn slot_of(tag: u64, place: u32) -> u64 {
    (tag << 32) | u64::from(place).saturating_add(1)
}

/// A bit for each slot of which this is so.
#[inline]
fn mask(slots: impl IntoIterator<Item = u64>, is_so: impl Fn(u64) -> bool) -> u32 {
    let slots = slots.into_iter().zip(0_u32..);
    slots.fold(0, |mask, (slot, n)| mask | u32::from(is_so(slot)).wrapping_shl(n))
}

#[inline]
fn place_of(slot: u64) -> u32 {
    u32::try_from((slot & PLACE).wrapping_sub(1)).unwrap_or(u32::MAX)
}

#[inline]
fn mix(word: u64) -> u64 {
    let product = u128::from(word ^ 0xa076_1d64_78bd_642f).wrapping_mul(0xe703_7ed1_a0b4_28db);
    let high = u64::try_from(product >> 64).unwrap_or(0);
    high ^ u64::try_from(product & u128::from(u64::MAX)).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proto_wire::{Rng, Seed};

    #[test]
    fn agrees_with_a_tree_under_random_inserts_and_removals() {
        let mut rng = Rng::new(&Seed::from_u64(11));
        let mut index = Index::new(5);
        let mut model = BTreeMap::new();
        let mut table: Vec<u128> = Vec::new();
        for _ in 0..20_000 {
            let key = u128::from(rng.below(2_000));
            let found = index.find(key, |place| table[place as usize] == key);
            assert_eq!(found, model.get(&key).copied());
            match found {
                Some(place) if rng.below(2) == 0 => {
                    index.remove(key, place);
                    model.remove(&key);
                }
                Some(_) => {}
                None => {
                    let place = u32::try_from(table.len()).unwrap();
                    table.push(key);
                    index.insert(key, place);
                    model.insert(key, place);
                }
            }
        }
        assert_eq!(index.len, model.len());
    }
}
