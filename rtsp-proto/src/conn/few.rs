//! A map of few things, in the order of their keys.

use alloc::vec::Vec;

/// A map of few things, in the order of their keys: a list, which beats a tree as long as the
/// limits of a connection hold.
#[derive(Clone, Debug)]
pub(crate) struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> Few<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.0.into_iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> Few<K, V> {
    fn place(&self, key: &K) -> Result<usize, usize> {
        match self.0.as_slice() {
            // Nearly always there is one, or none.
            [] => Err(0),
            [(only, _)] => match key.cmp(only) {
                core::cmp::Ordering::Less => Err(0),
                core::cmp::Ordering::Equal => Ok(0),
                core::cmp::Ordering::Greater => Err(1),
            },
            more => more.binary_search_by(|(other, _)| other.cmp(key)),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.place(key).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.place(key).ok().and_then(|at| self.0.get_mut(at)).map(|(_, value)| value)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(at) => {
                if let Some((_, old)) = self.0.get_mut(at) {
                    *old = value;
                }
            }
            Err(at) => {
                if self.0.capacity() == 0 {
                    // Most connections have one session, and one request at a time.
                    self.0 = Vec::with_capacity(1);
                }
                self.0.insert(at, (key, value));
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.place(key).ok()?;
        Some(self.0.remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proto_wire::{Rng, Seed};

    #[test]
    fn it_is_a_map() {
        let mut rng = Rng::new(&Seed::from_u64(5));
        let (mut few, mut model) = (Few::new(), BTreeMap::new());
        for value in 0..500_u32 {
            let key = rng.below(12);
            if rng.below(3) == 0 {
                assert_eq!(few.remove(&key), model.remove(&key));
            } else {
                few.insert(key, value);
                model.insert(key, value);
            }
            assert!(few.iter().eq(model.iter()));
            assert_eq!(few.get(&key), model.get(&key));
            assert_eq!(few.contains_key(&key), model.contains_key(&key));
            assert_eq!((few.len(), few.is_empty()), (model.len(), model.is_empty()));
        }
    }
}
