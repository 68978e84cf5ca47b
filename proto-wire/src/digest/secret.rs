//! Passwords and what stands for them. None of these shows itself in `Debug`; all are
//! overwritten when they are dropped.

use super::algorithm::{Algorithm, HexDigest};
use super::value::is_control;
use alloc::string::String;
use core::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// H(user ":" realm ":" password): what a server may store in place of the password. It is
/// as good as the password within its realm, so keep it as secret.
/// RFC 7616 §3.4.2.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    algorithm: Algorithm,
    digest: HexDigest,
}

impl Ha1 {
    /// Of a password. The session variant of an algorithm gives the same as its base.
    #[must_use]
    pub fn new(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> Self {
        let parts = [username.as_bytes(), realm.as_bytes(), password.as_bytes()];
        Self { algorithm: algorithm.base(), digest: algorithm.hash_joined(&parts) }
    }

    /// As it was stored, in hexadecimal; `None` when that is not a hash of `algorithm`.
    #[must_use]
    pub fn from_hex(algorithm: Algorithm, hex: &str) -> Option<Self> {
        Some(Self { algorithm: algorithm.base(), digest: HexDigest::parse(algorithm, hex)? })
    }

    /// The algorithm, never a session variant.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) const fn digest(&self) -> HexDigest {
        self.digest
    }

    /// The hash in hexadecimal, to be stored. Secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.digest.as_str()
    }
}

impl Drop for Ha1 {
    fn drop(&mut self) {
        self.digest.wipe();
    }
}

/// Shows the algorithm only.
impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({}, ..)", self.algorithm)
    }
}

/// What the host of a server knows of a user. RFC 7616 §3.4.2.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Secret<'a> {
    /// The password.
    Password(&'a str),
    /// The stored hash of it; good for its own algorithm only.
    Ha1(&'a Ha1),
    /// There is no such user. The claim is denied, after as much work as for others.
    Unknown,
}

impl Secret<'_> {
    /// H(A1) for this user, or `None` when the stored one is of another algorithm.
    pub(super) fn ha1(&self, algorithm: Algorithm, username: &str, realm: &str) -> Option<Ha1> {
        match self {
            Self::Password(password) => Some(Ha1::new(algorithm, username, realm, password)),
            Self::Ha1(ha1) => (ha1.algorithm() == algorithm.base()).then(|| (*ha1).clone()),
            Self::Unknown => Some(Ha1::new(algorithm, username, realm, "")),
        }
    }

    pub(super) const fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

/// Shows which kind it is only.
impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Ha1(_) => "Ha1(..)",
            Self::Unknown => "Unknown",
        })
    }
}

/// A user name and password that a [`Client`](super::Client) may use, for one realm or for
/// all.
#[derive(Clone)]
pub struct Credential {
    username: String,
    password: Zeroizing<String>,
    realm: Option<String>,
}

/// Why a user name or password cannot be used. RFC 7617 §2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadCredential {
    /// A line end, NUL or another control character would break out of a header.
    #[error("the user name, password or realm has a control character")]
    Control,
    /// The user name of Basic ends at its first colon (RFC 7617 §2).
    #[error("the user name has a colon")]
    Colon,
}

impl Credential {
    /// A credential for any realm that asks.
    ///
    /// # Errors
    ///
    /// [`BadCredential::Control`].
    pub fn new(
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Result<Self, BadCredential> {
        let (username, password) = (username.into(), Zeroizing::new(password.into()));
        check(&username)?;
        check(&password)?;
        Ok(Self { username, password, realm: None })
    }

    /// The same, for this realm only.
    #[must_use]
    pub fn for_realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The realm it is for; `None` is any.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    pub(super) fn fits(&self, realm: &str) -> bool {
        self.realm.as_deref().is_none_or(|own| own == realm)
    }
}

fn check(text: &str) -> Result<(), BadCredential> {
    if text.bytes().any(is_control) {
        return Err(BadCredential::Control);
    }
    Ok(())
}

/// Shows all but the password.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}
