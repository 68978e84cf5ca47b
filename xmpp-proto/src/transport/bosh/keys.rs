//! Key sequences (XEP-0124 §15): who has not seen the seed cannot put a request between.

use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::Rng;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

/// `hex(SHA-1(text))`.
fn step(text: &str) -> String {
    let hash = Sha1::digest(text.as_bytes());
    let mut out = String::with_capacity(40);
    for byte in hash {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    out
}

/// The keys of a client, used from the last to the first.
pub(super) struct Keys {
    /// K(1) to K(n), without those that were used.
    left: Vec<String>,
    n: usize,
}

/// They are secrets: how many, never which.
impl core::fmt::Debug for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Keys({} of {})", self.left.len(), self.n)
    }
}

impl Keys {
    pub(super) fn new(rng: &mut Rng, n: usize) -> Self {
        Self { left: sequence(rng.hex::<40>().as_str(), n.max(2)), n: n.max(2) }
    }

    /// K(n), for the request that creates the session.
    pub(super) fn first(&mut self) -> String {
        self.left.pop().unwrap_or_default()
    }

    /// The key of the next request; with the first one of a new sequence when the old is
    /// used up (§15.5).
    pub(super) fn next(&mut self, rng: &mut Rng) -> (String, Option<String>) {
        let key = self.left.pop().unwrap_or_default();
        if !self.left.is_empty() {
            return (key, None);
        }
        self.left = sequence(rng.hex::<40>().as_str(), self.n);
        (key, self.left.pop())
    }
}

fn sequence(seed: &str, n: usize) -> Vec<String> {
    core::iter::successors(Some(step(seed)), |key| Some(step(key))).take(n).collect()
}

/// What the connection manager expects.
#[derive(Clone, Default)]
pub(super) struct Lock(Option<String>);

impl core::fmt::Debug for Lock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.0.is_some() { "Lock(..)" } else { "Lock(open)" })
    }
}

impl Lock {
    pub(super) fn new(first: Option<&str>) -> Self {
        Self(first.map(str::to_ascii_lowercase))
    }

    /// Whether this request may pass (§15.4).
    pub(super) fn turn(&mut self, key: Option<&str>, new: Option<&str>) -> bool {
        let right = match (&self.0, key) {
            (None, _) => true,
            (Some(_), None) => false,
            // Keys are compared without case, and hashed as they are in hexadecimal.
            (Some(expected), Some(key)) => {
                let hashes = [step(key), step(&key.to_ascii_lowercase())];
                hashes.iter().any(|hash| hash.as_bytes().ct_eq(expected.as_bytes()).into())
            }
        };
        if right {
            let key = key.filter(|_| self.0.is_some());
            self.0 = new.or(key).map(str::to_ascii_lowercase);
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_wire::Seed;

    #[test]
    fn keys_hash_to_the_ones_before_also_over_a_change_of_sequence() {
        let mut rng = Rng::new(&Seed::from_u64(1));
        let mut keys = Keys::new(&mut rng, 3);
        let first = keys.first();
        let mut lock = Lock::new(Some(&first));
        for _ in 0..10 {
            let (key, new) = keys.next(&mut rng);
            assert!(!lock.clone().turn(None, None), "a key is missing");
            assert!(!lock.clone().turn(Some(&first), None), "an old key");
            assert!(lock.clone().turn(Some(&key.to_uppercase()), None), "case says nothing");
            assert!(lock.turn(Some(&key), new.as_deref()));
        }
        // RFC 3174 test vector 1, as a chain of length one.
        assert_eq!(step("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
