//! Tokens that say something to their maker alone: routes back to a stream, addresses that do not
//! tell whose they are. Nothing is stored; whoever has the key can read them again.

use crate::text::chars;
use crate::{Rng, Seed};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Seals bytes into tokens of lower-case hexadecimal digits, which no grammar has to escape.
///
/// The first 16 bytes of a token are a keyed tag over the plain text, which is also where the
/// keystream over the rest begins (both are HMAC-SHA-256). The same text gives the same token: who
/// wants another one each time puts a random number into it.
///
/// ```
/// use proto_wire::{Seed, digest::Sealer};
///
/// let sealer = Sealer::new(&Seed::from_u64(1));
/// let token = sealer.seal(b"flow 7");
/// assert_eq!(sealer.open(&token).as_deref(), Some(&b"flow 7"[..]));
/// assert_eq!(Sealer::new(&Seed::from_u64(2)).open(&token), None);
/// ```
#[derive(Clone)]
pub struct Sealer {
    tag_key: Zeroizing<[u8; 32]>,
    stream_key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

const TAG: usize = 16;

impl Sealer {
    /// The same seed makes the same keys.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        let mut rng = Rng::new(seed);
        let mut key = || {
            let mut key = Zeroizing::new([0; 32]);
            rng.fill(&mut *key);
            key
        };
        Self { tag_key: key(), stream_key: key() }
    }

    /// The token of these bytes: twice as many digits, and 32 more.
    #[must_use]
    pub fn seal(&self, plain: &[u8]) -> String {
        let tag = first_half(mac(&self.tag_key, &[plain]));
        let mut token = String::with_capacity(plain.len().saturating_add(TAG).saturating_mul(2));
        for byte in tag.iter().chain(&self.streamed(&tag, plain)) {
            write!(token, "{byte:02x}").unwrap_or_default();
        }
        token
    }

    /// What a token of ours says; `None` when it is not one.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<Vec<u8>> {
        let digit = |d: &u8| chars::hex_digit(*d).filter(|_| !d.is_ascii_uppercase());
        let mut bytes = Vec::with_capacity(token.len() / 2);
        for pair in token.as_bytes().chunks(2) {
            let [high, low] = pair else { return None };
            bytes.push(digit(high)?.wrapping_shl(4) | digit(low)?);
        }
        let (tag, sealed) = bytes.split_at_checked(TAG)?;
        let plain = self.streamed(tag, sealed);
        let expected = first_half(mac(&self.tag_key, &[&plain]));
        bool::from(expected.ct_eq(tag)).then_some(plain)
    }

    fn streamed(&self, tag: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for (n, block) in (0_u32..).zip(bytes.chunks(32)) {
            let keys = mac(&self.stream_key, &[tag, &n.to_be_bytes()]);
            out.extend(block.iter().zip(keys).map(|(byte, key)| byte ^ key));
        }
        out
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length, so the zeroes are never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn first_half(code: [u8; 32]) -> [u8; TAG] {
    let mut tag = [0; TAG];
    for (to, from) in tag.iter_mut().zip(code) {
        *to = from;
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn tokens_open_for_their_maker_alone_and_whole_alone() {
        let (own, other) = (Sealer::new(&Seed::from_u64(1)), Sealer::new(&Seed::from_u64(2)));
        for length in [0, 1, 31, 32, 33, 200] {
            let plain = vec![0x5a; length];
            let token = own.seal(&plain);
            assert_eq!(token.len(), 2 * length + 32);
            assert!(token.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
            assert_eq!(own.open(&token).as_ref(), Some(&plain));
            assert_eq!(other.open(&token), None);
            // No bit of it can be another, and nothing can be cut off or added.
            for at in 0..token.len() {
                let mut forged = token.clone().into_bytes();
                forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
                assert_eq!(own.open(core::str::from_utf8(&forged).unwrap()), None, "{at}");
            }
            assert_eq!(own.open(&token[..token.len() - 2]), None);
            assert_eq!(own.open(&token.to_uppercase()).is_some(), token == token.to_uppercase());
            assert_eq!(own.open(&alloc::format!("{token}00")), None);
        }
        assert_eq!(own.open("zz"), None);
        assert_ne!(own.seal(b"a")[32..], own.seal(b"b")[32..], "another stream for another text");
    }
}
