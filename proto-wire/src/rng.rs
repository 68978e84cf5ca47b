//! Seeded randomness: the same seed gives the same tags, nonces and ids.

use alloc::boxed::Box;
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng};
use core::fmt;
use zeroize::Zeroize;

/// 32 bytes of entropy that the host gives to a machine when it makes it. See [`Rng`].
///
/// From the operating system in production, from a counter in a test. Each
/// machine must get its own: two machines with one seed choose the same ids.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A seed for tests and simulations: `n` in the first eight bytes, zeros behind.
    #[must_use]
    pub fn from_u64(n: u64) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(n.to_le_bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Shows that it is a seed, never which.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The generator inside a machine: `ChaCha` with 20 rounds, so its output cannot
/// be guessed from earlier output (session ids and nonces depend on that).
///
/// ```
/// use proto_wire::{Rng, Seed};
///
/// let mut one = Rng::new(&Seed::from_u64(7));
/// let mut two = Rng::new(&Seed::from_u64(7));
/// assert_eq!(one.next_u64(), two.next_u64());
/// assert!(one.below(10) < 10);
/// ```
pub struct Rng {
    seed: Seed,
    /// Made by the first draw: a connection that draws nothing spares its block of numbers.
    drawn: Option<Box<ChaCha20Rng>>,
}

impl Rng {
    /// A generator that starts from `seed`.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        Self { seed: seed.clone(), drawn: None }
    }

    #[inline]
    fn generator(&mut self) -> &mut ChaCha20Rng {
        self.drawn.get_or_insert_with(|| Box::new(ChaCha20Rng::from_seed(self.seed.0)))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.generator().next_u64()
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.generator().next_u32()
    }

    /// Fills `buf` with random bytes.
    pub fn fill(&mut self, buf: &mut [u8]) {
        self.generator().fill_bytes(buf);
    }

    /// A number in `0..bound`, or 0 when `bound` is 0. The bias is below 2⁻⁶⁴ × `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()).wrapping_mul(u128::from(bound));
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A new seed, for a machine that this one makes.
    pub fn seed(&mut self) -> Seed {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        Seed(bytes)
    }

    /// `N` random characters of `0-9a-f`: `4 × N` bits that any token grammar accepts.
    pub fn hex<const N: usize>(&mut self) -> HexToken<N> {
        let mut chars = [0; N];
        self.fill(&mut chars);
        for c in &mut chars {
            // As arithmetic, which the compiler does for many characters at a time.
            let n = *c & 0x0f;
            let letter = u8::from(n > 9).wrapping_mul(b'a' - b'0' - 10);
            *c = b'0'.wrapping_add(n).wrapping_add(letter);
        }
        HexToken(chars)
    }
}

/// Shows that it is a generator, never its state.
impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng(..)")
    }
}

/// `N` lower-case hexadecimal characters, from [`Rng::hex`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HexToken<const N: usize>([u8; N]);

impl<const N: usize> HexToken<N> {
    /// The characters, as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ever made of hexadecimal digits, so the empty fallback is never taken.
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl<const N: usize> fmt::Display for HexToken<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for HexToken<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn different_seeds_differ_and_equal_seeds_agree() {
        let (mut a, mut b, mut c) = (
            Rng::new(&Seed::from_u64(1)),
            Rng::new(&Seed::from_u64(1)),
            Rng::new(&Seed::from_u64(2)),
        );
        let first = a.next_u64();
        assert_eq!(first, b.next_u64());
        assert_ne!(first, c.next_u64());
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut rng = Rng::new(&Seed::from_u64(3));
        let mut seen = [false; 6];
        for _ in 0..200 {
            let n = usize::try_from(rng.below(6)).unwrap();
            seen[n] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn neither_seed_nor_generator_show_their_state() {
        let seed = Seed::from_u64(0x55);
        assert_eq!(format!("{seed:?} {:?}", Rng::new(&seed)), "Seed(..) Rng(..)");
    }

    #[test]
    fn hex_tokens_are_hexadecimal() {
        let token = Rng::new(&Seed::from_u64(4)).hex::<24>();
        assert_eq!(token.as_str().len(), 24);
        assert!(token.as_str().bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
        assert_eq!(format!("{token} {token:?}"), format!("{0} {0}", token.as_str()));
    }

    /// The key stream of `ChaCha20`, its key and block counter 0 (RFC 8439 appendix A.1, test vector 1).
    #[test]
    fn numbers_are_the_key_stream_of_the_cipher() {
        let mut rng = Rng::new(&Seed::new([0; 32]));
        assert_eq!(rng.next_u32(), 0xade0_b876);
        assert_eq!(rng.next_u32(), 0x903d_f1a0);
        assert_eq!(rng.next_u64(), 0x28bd_8653_e56a_5d40);
    }
}
