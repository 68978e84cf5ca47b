//! The newest keys and the first answers to them.

use super::Index;
use crate::ids::IdempotencyKey;
use crate::receipt::Receipt;
use alloc::collections::VecDeque;

/// The newest commands: key, digest, first answer.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    entries: VecDeque<Entry>,
    /// The number of the oldest entry, modulo [`PLACES`].
    base: u32,
    /// Numbers of entries. Those that were forgotten are left in it until it is swept: to look each
    /// up for that would cost a wait for memory.
    index: Index,
    /// How far it is swept.
    swept: usize,
    max: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    key: IdempotencyKey,
    digest: u64,
    receipt: Receipt,
}

impl Replies {
    pub(crate) fn new(max: u32, secret: u64) -> Self {
        Self { entries: VecDeque::new(), base: 0, index: Index::new(secret), swept: 0, max }
    }

    /// How many are remembered.
    pub(crate) const fn max(&self) -> u32 {
        self.max
    }

    /// What protects the index.
    pub(crate) const fn secret(&self) -> u64 {
        self.index.secret()
    }

    /// Keys, digests and answers, oldest first.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = (IdempotencyKey, u64, Receipt)> {
        self.entries.iter().map(|entry| (entry.key, entry.digest, entry.receipt))
    }

    /// The digest and the first answer that belong to a key.
    #[inline]
    pub(crate) fn find(&self, key: IdempotencyKey) -> Option<(u64, &Receipt)> {
        let place = self
            .index
            .find(key.value(), |place| self.entry(place).is_some_and(|entry| entry.key == key))?;
        self.entry(place).map(|entry| (entry.digest, &entry.receipt))
    }

    /// Where the search for a key begins.
    #[inline]
    pub(crate) fn spot(&self, key: IdempotencyKey) -> usize {
        self.index.spot(key.value())
    }

    /// Reads such a place, for nothing but to have it at hand soon.
    #[inline]
    pub(crate) fn touch(&self, spot: usize) -> u64 {
        self.index.touch(spot)
    }

    #[inline]
    pub(crate) fn push(&mut self, key: IdempotencyKey, digest: u64, receipt: Receipt) {
        if self.max == 0 {
            return;
        }
        let full = self.entries.len() >= self.max as usize;
        if full {
            self.entries.pop_front();
            self.base = wrap(self.base, 1);
        }
        let (base, count) = (self.base, self.entries.len());
        let lives = |place| (offset(place, base) as usize) < count;
        if full {
            self.swept = self.index.sweep(self.swept, lives);
        }
        let place = wrap(base, u32::try_from(count).unwrap_or(u32::MAX));
        self.index.insert_over(key.value(), place, lives);
        self.entries.push_back(Entry { key, digest, receipt });
    }

    #[inline]
    fn entry(&self, place: u32) -> Option<&Entry> {
        self.entries.get(offset(place, self.base) as usize)
    }
}

/// Numbers of entries run up to here and then from 0 again: more than any memory holds, and a power
/// of two, so that they wrap by a mask.
const PLACES: u32 = 1 << 31;

/// How far behind the oldest an entry stands.
#[inline]
const fn offset(place: u32, base: u32) -> u32 {
    place.wrapping_sub(base) & (PLACES - 1)
}

/// The entry that stands so far behind another.
#[inline]
const fn wrap(place: u32, count: u32) -> u32 {
    place.wrapping_add(count) & (PLACES - 1)
}

/// The index is a way to find, not a part of what is remembered.
impl PartialEq for Replies {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries && self.max == other.max
    }
}

impl Eq for Replies {}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proto_wire::{Rng, Seed};

    /// However many are forgotten, the index stays of one size and finds what is there.
    #[test]
    fn what_is_forgotten_leaves_the_index_in_time() {
        let max = 600;
        let mut replies = Replies::new(max, 9);
        let mut rng = Rng::new(&Seed::from_u64(12));
        let mut keys = Vec::new();
        for n in 0..20_000_u64 {
            let key = IdempotencyKey::new((u128::from(rng.next_u64()) << 64) | u128::from(n));
            assert_eq!(replies.find(key), None);
            replies.push(key, n, Receipt::default());
            keys.push(key);
            let back = rng.below(2 * u64::from(max)).min(n);
            let found = replies.find(keys[(n - back) as usize]).map(|(digest, _)| digest);
            assert_eq!(found, (back < u64::from(max)).then_some(n - back));
        }
        assert_eq!(replies.index.size(), 1_024);
    }

    #[test]
    fn the_oldest_keys_go_first_and_places_wrap() {
        let mut replies = Replies::new(3, 1);
        replies.base = PLACES - 2;
        for n in 1..=10_u64 {
            replies.push(IdempotencyKey::new(n.into()), n, Receipt::default());
            for m in 1..=10 {
                let found = replies.find(IdempotencyKey::new(m.into())).map(|(digest, _)| digest);
                assert_eq!(found, (m <= n && m + 3 > n).then_some(m), "{m} after {n}");
            }
        }
    }
}
