//! Nonces of a server: they carry their time and a keyed tag, so that nothing is stored
//! until one was used with the right secret; then a window of counts is kept.

use crate::text::chars;
use crate::{Instant, Rng, Seed};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::time::Duration;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Which nonce: when it was made, and a random number. Ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct NonceId {
    made: Instant,
    random: u64,
}

/// Why a nonce cannot be used although it is (or was) one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Old,
    Replayed,
}

pub(super) struct Nonces {
    key: Zeroizing<[u8; 32]>,
    rng: Rng,
    life: Duration,
    count_max: usize,
    used: BTreeMap<NonceId, Window>,
    /// Windows up to this one were given up for want of room; they count as old.
    forgotten: NonceId,
}

impl Nonces {
    pub(super) fn new(seed: &Seed, life: Duration, count_max: usize) -> Self {
        let mut rng = Rng::new(seed);
        let mut key = Zeroizing::new([0; 32]);
        rng.fill(&mut *key);
        Self { key, rng, life, count_max, used: BTreeMap::new(), forgotten: NonceId::default() }
    }

    /// A new nonce: 64 hexadecimal digits.
    pub(super) fn make(&mut self, now: Instant) -> String {
        let id = NonceId { made: now, random: self.rng.next_u64() };
        let tag = self.tag(id);
        format!("{:016x}{:016x}{tag:032x}", now.as_nanos(), id.random)
    }

    /// Which nonce of ours this is.
    pub(super) fn identify(&self, nonce: &str) -> Option<NonceId> {
        let bytes = nonce.as_bytes();
        let (made, rest) = bytes.split_at_checked(16)?;
        let (random, tag) = rest.split_at_checked(16)?;
        let id = NonceId { made: Instant::from_nanos(hex(made)?), random: hex(random)? };
        let expected = format!("{:032x}", self.tag(id));
        bool::from(expected.as_bytes().ct_eq(tag)).then_some(id)
    }

    /// Uses a count of a nonce once; `None` is the RFC 2069 form, which has no counts and
    /// can be repeated as long as the nonce lives.
    pub(super) fn use_up(
        &mut self,
        now: Instant,
        id: NonceId,
        count: Option<u32>,
    ) -> Result<(), Unusable> {
        self.drop_old(now);
        let known = self.used.contains_key(&id);
        if id.made > now || self.is_old(now, id) || (id <= self.forgotten && !known) {
            return Err(Unusable::Old);
        }
        let Some(count) = count else {
            return Ok(());
        };
        let fresh = self.used.entry(id).or_default().use_up(count);
        while self.used.len() > self.count_max {
            if let Some((oldest, _)) = self.used.pop_first() {
                self.forgotten = self.forgotten.max(oldest);
            }
        }
        if fresh { Ok(()) } else { Err(Unusable::Replayed) }
    }

    /// Whether a nonce has lived more than half of its life.
    pub(super) fn is_ageing(&self, now: Instant, id: NonceId) -> bool {
        now.saturating_since(id.made) > self.life.checked_div(2).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    fn is_old(&self, now: Instant, id: NonceId) -> bool {
        now.saturating_since(id.made) > self.life
    }

    fn drop_old(&mut self, now: Instant) {
        while let Some(oldest) = self.used.first_entry() {
            if now.saturating_since(oldest.key().made) <= self.life {
                break;
            }
            oldest.remove();
        }
    }

    fn tag(&self, id: NonceId) -> u128 {
        // HMAC takes keys of any length, so the zero is never taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.key) else {
            return 0;
        };
        mac.update(&id.made.as_nanos().to_be_bytes());
        mac.update(&id.random.to_be_bytes());
        let code = mac.finalize().into_bytes();
        let mut first = [0; 16];
        for (to, from) in first.iter_mut().zip(code) {
            *to = from;
        }
        u128::from_be_bytes(first)
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for digit in digits {
        let value = chars::hex_digit(*digit).filter(|_| !digit.is_ascii_uppercase())?;
        number = number.wrapping_shl(4) | u64::from(value);
    }
    Some(number)
}

/// The counts of one nonce that were used: the highest, and which of the 64 below it.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    highest: u32,
    below: u64,
}

impl Window {
    /// Whether `count` is used for the first time. Counts more than 64 below the highest
    /// cannot be told from replays, and count as such.
    fn use_up(&mut self, count: u32) -> bool {
        if count > self.highest {
            let step = count.saturating_sub(self.highest);
            let previous = u64::from(self.highest > 0);
            // Bit 0 is the count just below the highest.
            self.below = match step {
                1..=64 => {
                    let moved = self.below.checked_shl(step).unwrap_or(0);
                    moved | previous.checked_shl(step.saturating_sub(1)).unwrap_or(0)
                }
                _ => 0,
            };
            self.highest = count;
            return true;
        }
        let distance = self.highest.saturating_sub(count);
        if count == 0 || distance == 0 || distance > 64 {
            return false;
        }
        let bit = 1_u64.wrapping_shl(distance.saturating_sub(1));
        let fresh = self.below & bit == 0;
        self.below |= bit;
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(300);

    fn nonces(count_max: usize) -> Nonces {
        Nonces::new(&Seed::from_u64(1), LIFE, count_max)
    }

    #[test]
    fn only_own_nonces_are_known() {
        let mut nonces = nonces(8);
        let nonce = nonces.make(Instant::from_secs(7));
        assert_eq!(nonce.len(), 64);
        assert!(nonces.identify(&nonce).is_some());
        for at in 0..64 {
            let mut forged = nonce.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(nonces.identify(&forged), None, "byte {at}");
        }
        for odd in ["", "0", &nonce[1..], &nonce.to_uppercase(), "\u{e9}"] {
            assert_eq!(nonces.identify(odd), None);
        }
        let other = Nonces::new(&Seed::from_u64(2), LIFE, 8);
        assert_eq!(other.identify(&nonce), None);
    }

    #[test]
    fn a_nonce_lives_as_long_as_it_is_said() {
        let mut nonces = nonces(8);
        let made = Instant::from_secs(100);
        let nonce = nonces.make(made);
        let id = nonces.identify(&nonce).unwrap();
        let end = made.saturating_add(LIFE);
        assert_eq!(nonces.use_up(end, id, Some(1)), Ok(()));
        let after = end.saturating_add(Duration::from_nanos(1));
        assert_eq!(nonces.use_up(after, id, Some(2)), Err(Unusable::Old));
        assert_eq!(nonces.use_up(after, id, None), Err(Unusable::Old));
        assert_eq!(nonces.len(), 0);
        let before = Instant::from_secs(99);
        assert_eq!(nonces.use_up(before, id, Some(2)), Err(Unusable::Old));
    }

    #[test]
    fn memory_is_bounded_and_forgotten_nonces_are_old() {
        let mut nonces = nonces(2);
        let ids: alloc::vec::Vec<_> = (0..3)
            .map(|n| {
                let nonce = nonces.make(Instant::from_secs(n));
                nonces.identify(&nonce).unwrap()
            })
            .collect();
        let now = Instant::from_secs(10);
        for id in &ids {
            assert_eq!(nonces.use_up(now, *id, Some(1)), Ok(()));
        }
        assert_eq!(nonces.len(), 2, "at most the maximum");
        assert_eq!(nonces.use_up(now, ids[0], Some(1)), Err(Unusable::Old));
        assert_eq!(nonces.use_up(now, ids[0], Some(2)), Err(Unusable::Old));
        assert_eq!(nonces.use_up(now, ids[1], Some(1)), Err(Unusable::Replayed));
        assert_eq!(nonces.use_up(now, ids[1], Some(2)), Ok(()));
    }

    #[test]
    fn each_count_is_good_once_in_any_order_within_the_window() {
        let mut window = Window::default();
        assert!(!window.use_up(0));
        for count in [1, 3, 2, 64, 5, 66] {
            assert!(window.use_up(count), "{count}");
            assert!(!window.use_up(count), "{count} again");
        }
        assert!(!window.use_up(1), "used, 65 below");
        assert!(!window.use_up(2) && !window.use_up(3) && !window.use_up(5));
        assert!(window.use_up(4), "62 below and never used");
        assert!(window.use_up(u32::MAX));
        assert!(!window.use_up(66));
        assert!(window.use_up(u32::MAX - 64));
        assert!(!window.use_up(u32::MAX - 65));
    }
}
