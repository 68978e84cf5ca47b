//! Hash algorithms and qualities of protection.

use core::fmt;
use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};
use subtle::ConstantTimeEq;

/// A hash algorithm of Digest (RFC 7616 §6.1), with and without session key. Ordered by
/// strength.
///
/// ```
/// use proto_wire::digest::Algorithm;
///
/// assert_eq!(Algorithm::from_name("sha-256-SESS"), Some(Algorithm::Sha256Sess));
/// assert!(Algorithm::Sha256 > Algorithm::Md5Sess);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// MD5, what is meant when nothing is said.
    Md5,
    /// MD5 with a session key.
    Md5Sess,
    /// SHA-256.
    Sha256,
    /// SHA-256 with a session key.
    Sha256Sess,
    /// SHA-512/256 of FIPS 180-4, which is not SHA-512 cut to 256 bits.
    Sha512_256,
    /// SHA-512/256 with a session key.
    Sha512_256Sess,
}

impl Algorithm {
    /// All of them, the weakest first.
    pub const ALL: [Self; 6] = [
        Self::Md5,
        Self::Md5Sess,
        Self::Sha256,
        Self::Sha256Sess,
        Self::Sha512_256,
        Self::Sha512_256Sess,
    ];

    /// The algorithm of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// The name, as it is written in `algorithm=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            Self::Sha512_256 => "SHA-512-256",
            Self::Sha512_256Sess => "SHA-512-256-sess",
        }
    }

    /// Whether A1 holds the nonces (RFC 7616 §3.4.2).
    #[must_use]
    pub const fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess | Self::Sha512_256Sess)
    }

    /// The same hash without session key: what a stored H(A1) is made with.
    #[must_use]
    pub const fn base(self) -> Self {
        match self {
            Self::Md5 | Self::Md5Sess => Self::Md5,
            Self::Sha256 | Self::Sha256Sess => Self::Sha256,
            Self::Sha512_256 | Self::Sha512_256Sess => Self::Sha512_256,
        }
    }

    /// How many hexadecimal digits a hash has: 32 or 64.
    #[must_use]
    pub const fn hex_len(self) -> usize {
        match self.base() {
            Self::Md5 => 32,
            _ => 64,
        }
    }

    /// H(data): the hash of `data`, in lower-case hexadecimal.
    #[must_use]
    pub fn hash(self, data: &[u8]) -> HexDigest {
        self.hash_joined(&[data])
    }

    /// The hash of the parts with a colon between each two.
    pub(super) fn hash_joined(self, parts: &[&[u8]]) -> HexDigest {
        match self.base() {
            Self::Md5 => joined::<Md5>(parts),
            Self::Sha256 => joined::<Sha256>(parts),
            _ => joined::<Sha512_256>(parts),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> HexDigest {
    let mut hasher = D::new();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    HexDigest::of(&hasher.finalize())
}

/// A hash in lower-case hexadecimal: 32 or 64 digits. Compares in constant time. RFC 7616 §3.1.2.
#[derive(Clone, Copy, Eq)]
pub struct HexDigest {
    digits: [u8; 64],
    len: u8,
}

impl HexDigest {
    fn of(hash: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        let mut len = 0_u8;
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
            for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = DIGITS.get(usize::from(nibble)).copied().unwrap_or(0);
                len = len.saturating_add(1);
            }
        }
        Self { digits, len }
    }

    /// The digest that these digits say, in either case, when there are as many as
    /// `algorithm` makes.
    #[must_use]
    pub fn parse(algorithm: Algorithm, hex: &str) -> Option<Self> {
        if hex.len() != algorithm.hex_len() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut digits = [0; 64];
        for (to, from) in digits.iter_mut().zip(hex.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        let len = u8::try_from(hex.len()).ok()?;
        Some(Self { digits, len })
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    /// The digits as ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or(&[])
    }

    pub(super) fn wipe(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.digits);
    }
}

impl PartialEq for HexDigest {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.as_bytes().ct_eq(other.as_bytes()))
    }
}

impl fmt::Display for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Quality of protection: what a response covers. RFC 7616 §3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Qop {
    /// Method and URI.
    Auth,
    /// Method, URI and body.
    AuthInt,
}

impl Qop {
    /// The quality of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| qop.name().eq_ignore_ascii_case(name))
    }

    /// The name, as it is written in `qop=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// Which qualities of protection a challenge offers. RFC 7616 §3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct QopSet {
    /// `auth` is offered.
    pub auth: bool,
    /// `auth-int` is offered.
    pub auth_int: bool,
}

impl QopSet {
    /// Only `auth`.
    pub const AUTH: Self = Self { auth: true, auth_int: false };
    /// Only `auth-int`.
    pub const AUTH_INT: Self = Self { auth: false, auth_int: true };
    /// Both.
    pub const BOTH: Self = Self { auth: true, auth_int: true };

    /// Reads a list such as `auth,auth-int`; unknown qualities are skipped (RFC 7616 §3.3).
    #[must_use]
    pub fn parse(list: &str) -> Self {
        let mut set = Self::default();
        for name in list.split([',', ' ', '\t', '\r', '\n']) {
            match Qop::from_name(name) {
                Some(Qop::Auth) => set.auth = true,
                Some(Qop::AuthInt) => set.auth_int = true,
                None => {}
            }
        }
        set
    }

    /// Whether `qop` is offered.
    #[must_use]
    pub const fn contains(self, qop: Qop) -> bool {
        match qop {
            Qop::Auth => self.auth,
            Qop::AuthInt => self.auth_int,
        }
    }

    /// Whether nothing is offered.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.auth && !self.auth_int
    }
}

/// As it is written in a challenge.
impl fmt::Display for QopSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.auth, self.auth_int) {
            (true, true) => "auth,auth-int",
            (true, false) => "auth",
            (false, true) => "auth-int",
            (false, false) => "",
        })
    }
}
