//! The cryptographic hash of frames, which a host may bring.

use core::fmt;
use sha2::{Digest as _, Sha256};

/// A cryptographic hash of 256 bits, for the chain of frames.
///
/// [`Sha256Hash`] is the one that is there. A host that has a faster one (a processor's own
/// instructions in a library of its own, BLAKE3) gives it to
/// [`FrameWriter::with_hash`](super::FrameWriter::with_hash) and to who reads the journal; its
/// number stands in each frame.
pub trait FrameHash: fmt::Debug + Send + Sync {
    /// The number that stands in headers: 0 is SHA-256, and a host numbers its own from 32,768.
    fn number(&self) -> u16;

    /// The hash of these bytes, one part behind the other.
    fn hash(&self, parts: [&[u8]; 3]) -> [u8; 32];
}

/// SHA-256, number 0. See [`FrameHash`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to say about it")]
pub struct Sha256Hash;

pub(super) const SHA_256: Sha256Hash = Sha256Hash;

impl FrameHash for Sha256Hash {
    fn number(&self) -> u16 {
        0
    }

    fn hash(&self, parts: [&[u8]; 3]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

/// Two of one number are one.
impl PartialEq for dyn FrameHash + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.number() == other.number()
    }
}

impl Eq for dyn FrameHash + '_ {}
