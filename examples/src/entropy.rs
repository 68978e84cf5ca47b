//! Seeds that nobody can guess, from the operating system.

use proto_wire::Seed;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Read as _;

/// A fresh seed: each machine gets its own.
#[must_use]
pub fn seed() -> Seed {
    let mut bytes = [0; 32];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if read.is_err() {
        // Where there is no such device, std keys its hash maps from the system's generator.
        for chunk in bytes.chunks_mut(8) {
            let random = RandomState::new().build_hasher().finish();
            chunk.copy_from_slice(random.to_le_bytes().get(..chunk.len()).unwrap_or_default());
        }
    }
    Seed::new(bytes)
}

#[cfg(test)]
mod tests {
    use proto_wire::Rng;

    #[test]
    fn seeds_differ() {
        let (one, two) = (super::seed(), super::seed());
        assert_ne!(Rng::new(&one).next_u64(), Rng::new(&two).next_u64());
    }
}
