//! SCRAM's arithmetic (RFC 5802 §3) and message forms (§5, §7).

use super::SaslError;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Hash {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Hash {
    /// Bytes of its output.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a hash is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// Output of a hash: up to 64 bytes, cleared when dropped, never shown.
#[derive(Clone)]
pub(super) struct Octets {
    bytes: [u8; 64],
    len: usize,
}

impl Octets {
    fn of(part: &[u8]) -> Self {
        let mut bytes = [0; 64];
        for (to, from) in bytes.iter_mut().zip(part) {
            *to = *from;
        }
        Self { bytes, len: part.len().min(64) }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// In a time that does not depend on the bytes.
    pub(super) fn equals(&self, other: &[u8]) -> bool {
        self.as_slice().ct_eq(other).into()
    }

    fn xor(mut self, other: &Self) -> Self {
        for (to, from) in self.bytes.iter_mut().zip(other.bytes) {
            *to ^= from;
        }
        self
    }
}

impl Drop for Octets {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

pub(super) fn hmac(hash: Hash, key: &[u8], message: &[u8]) -> Octets {
    // HMAC takes keys of any length, so the error case does not exist.
    match hash {
        Hash::Sha1 => Hmac::<Sha1>::new_from_slice(key).map_or_else(
            |_| Octets::of(&[]),
            |mac| Octets::of(&mac.chain_update(message).finalize().into_bytes()),
        ),
        Hash::Sha256 => Hmac::<Sha256>::new_from_slice(key).map_or_else(
            |_| Octets::of(&[]),
            |mac| Octets::of(&mac.chain_update(message).finalize().into_bytes()),
        ),
        Hash::Sha512 => Hmac::<Sha512>::new_from_slice(key).map_or_else(
            |_| Octets::of(&[]),
            |mac| Octets::of(&mac.chain_update(message).finalize().into_bytes()),
        ),
    }
}

fn digest(hash: Hash, message: &[u8]) -> Octets {
    match hash {
        Hash::Sha1 => Octets::of(&Sha1::digest(message)),
        Hash::Sha256 => Octets::of(&Sha256::digest(message)),
        Hash::Sha512 => Octets::of(&Sha512::digest(message)),
    }
}

/// HMAC of SHA-256, for other parts of the crate.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac(Hash::Sha256, key, message).as_slice().to_vec()
}

/// The salted password (RFC 5802 §3), as costly to make as there are iterations. Cleared
/// when dropped, never shown. It may be kept in place of the password for this salt.
#[derive(Clone)]
pub struct SaltedPassword(Octets);

impl SaltedPassword {
    /// One that the host derived or kept, of as many bytes as the hash has.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Octets::of(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for SaltedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltedPassword(..)")
    }
}

/// Derives the salted password: `iterations` rounds of HMAC, so a host may wish to do this
/// on another thread. `None` when the password has characters that RFC 4013 forbids.
#[must_use]
pub fn derive(hash: Hash, password: &str, salt: &[u8], iterations: u32) -> Option<SaltedPassword> {
    let prepared = crate::jid::saslprep(password)?;
    let mut out = [0; 64];
    let part = out.get_mut(..hash.len())?;
    match hash {
        Hash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(prepared.as_bytes(), salt, iterations, part),
        Hash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(prepared.as_bytes(), salt, iterations, part),
        Hash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(prepared.as_bytes(), salt, iterations, part),
    }
    let salted = SaltedPassword(Octets::of(part));
    out.zeroize();
    Some(salted)
}

/// What a server keeps of a password (RFC 5802 §3): it verifies, it does not log in.
#[derive(Clone)]
#[non_exhaustive]
pub struct ScramKeys {
    /// The hash that they are for.
    pub hash: Hash,
    /// The salt.
    pub salt: Vec<u8>,
    /// The number of rounds.
    pub iterations: u32,
    stored: Octets,
    server: Octets,
}

impl ScramKeys {
    /// Keys as kept by a host: `StoredKey` and `ServerKey`.
    #[must_use]
    pub fn new(hash: Hash, salt: &[u8], iterations: u32, stored: &[u8], server: &[u8]) -> Self {
        Self {
            hash,
            salt: salt.to_vec(),
            iterations,
            stored: Octets::of(stored),
            server: Octets::of(server),
        }
    }

    /// Keys of a password, for keeping.
    #[must_use]
    pub fn derive(hash: Hash, password: &str, salt: &[u8], iterations: u32) -> Option<Self> {
        let salted = derive(hash, password, salt, iterations)?;
        let client = hmac(hash, salted.as_slice(), b"Client Key");
        Some(Self {
            hash,
            salt: salt.to_vec(),
            iterations,
            stored: digest(hash, client.as_slice()),
            server: hmac(hash, salted.as_slice(), b"Server Key"),
        })
    }

    /// `StoredKey`.
    #[must_use]
    pub fn stored_key(&self) -> &[u8] {
        self.stored.as_slice()
    }

    /// `ServerKey`.
    #[must_use]
    pub fn server_key(&self) -> &[u8] {
        self.server.as_slice()
    }

    /// Whether these are keys of `password` (for PLAIN).
    #[must_use]
    pub fn matches(&self, password: &str) -> bool {
        Self::derive(self.hash, password, &self.salt, self.iterations)
            .is_some_and(|other| self.stored.equals(other.stored_key()))
    }

    /// Verifies the client's proof over `auth` (the three messages); gives the server's
    /// signature.
    pub(super) fn verify(&self, auth: &str, proof: &[u8]) -> Option<Octets> {
        if proof.len() != self.hash.len() {
            return None;
        }
        let signature = hmac(self.hash, self.stored_key(), auth.as_bytes());
        let client = signature.xor(&Octets::of(proof));
        digest(self.hash, client.as_slice())
            .equals(self.stored_key())
            .then(|| hmac(self.hash, self.server_key(), auth.as_bytes()))
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// The client's proof and the signature that it must see.
pub(super) fn prove(hash: Hash, salted: &SaltedPassword, auth: &str) -> (Octets, Octets) {
    let client = hmac(hash, salted.as_slice(), b"Client Key");
    let stored = digest(hash, client.as_slice());
    let signature = hmac(hash, stored.as_slice(), auth.as_bytes());
    let server = hmac(hash, salted.as_slice(), b"Server Key");
    (client.xor(&signature), hmac(hash, server.as_slice(), auth.as_bytes()))
}

/// A user name in a message: `=` and `,` as `=3D` and `=2C` (RFC 5802 §5.1).
pub(super) fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The user name that a message means; `None` when `=` stands for something else.
pub(super) fn unescape_name(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        out.push_str(before);
        rest = if let Some(rest) = after.strip_prefix("2C") {
            out.push(',');
            rest
        } else {
            out.push('=');
            after.strip_prefix("3D")?
        };
    }
    out.push_str(rest);
    Some(out)
}

/// A nonce: printable ASCII without comma (RFC 5802 §7).
pub(super) fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b',')
}

/// What the server's first message says.
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

/// `r=nonce,s=salt,i=rounds[,extensions]`
pub(super) fn parse_server_first<'a>(
    text: &'a str,
    own_nonce: &str,
) -> Result<ServerFirst<'a>, SaslError> {
    if text.starts_with("m=") {
        return Err(SaslError::Extension);
    }
    let mut parts = text.split(',');
    let mut part = |name: &str| {
        let part = parts.next().and_then(|part| part.strip_prefix(name));
        part.ok_or(SaslError::Malformed)
    };
    let (nonce, salt, rounds) = (part("r=")?, part("s=")?, part("i=")?);
    let tail = nonce.strip_prefix(own_nonce).ok_or(SaslError::Nonce)?;
    if !is_nonce(tail) {
        return Err(SaslError::Nonce);
    }
    let salt = super::decode(salt).filter(|salt| !salt.is_empty());
    let plain = rounds.bytes().all(|b| b.is_ascii_digit()) && !rounds.starts_with('0');
    Ok(ServerFirst {
        nonce,
        salt: salt.ok_or(SaslError::Malformed)?,
        iterations: plain.then(|| rounds.parse().ok()).flatten().ok_or(SaslError::Malformed)?,
    })
}
