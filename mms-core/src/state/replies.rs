//! The newest keys and the first answers to them.

use super::Index;
use crate::ids::IdempotencyKey;
use crate::receipt::Receipt;
use alloc::collections::VecDeque;

/// The newest commands: key, digest, first answer.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    entries: VecDeque<Entry>,
    /// The number of the oldest entry, modulo 2³².
    base: u32,
    index: Index,
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
        Self { entries: VecDeque::new(), base: 0, index: Index::new(secret), max }
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

    /// Reads what the search for a key and the forgetting of the oldest but `ahead` need, for
    /// nothing but to have it at hand soon.
    #[inline]
    pub(crate) fn touch(&self, key: IdempotencyKey, ahead: usize) -> u64 {
        let full = self.entries.len().saturating_add(ahead) >= self.max as usize;
        let oldest = self.entries.get(ahead).filter(|_| full);
        let old = oldest.map_or(0, |oldest| self.index.touch(oldest.key.value()));
        self.index.touch(key.value()).wrapping_add(old)
    }

    #[inline]
    pub(crate) fn push(&mut self, key: IdempotencyKey, digest: u64, receipt: Receipt) {
        if self.max == 0 {
            return;
        }
        if self.entries.len() >= self.max as usize {
            if let Some(old) = self.entries.pop_front() {
                self.index.remove(old.key.value(), self.base);
                self.base = next(self.base);
            }
        }
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.index.insert(key.value(), wrap(self.base, count));
        self.entries.push_back(Entry { key, digest, receipt });
    }

    fn entry(&self, place: u32) -> Option<&Entry> {
        let offset = if place >= self.base {
            place.wrapping_sub(self.base)
        } else {
            // Places run from 0 to PLACES - 1.
            place.wrapping_add(PLACES).wrapping_sub(self.base)
        };
        self.entries.get(offset as usize)
    }
}

/// One less than 2³², because the index keeps a place plus one in 32 bits.
const PLACES: u32 = u32::MAX;

fn next(place: u32) -> u32 {
    wrap(place, 1)
}

fn wrap(place: u32, count: u32) -> u32 {
    let sum = u64::from(place).saturating_add(u64::from(count));
    u32::try_from(sum.checked_rem(u64::from(PLACES)).unwrap_or(0)).unwrap_or(0)
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
