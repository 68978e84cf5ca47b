//! PLAIN (RFC 4616).

use super::Secret;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The one message of PLAIN: `[authzid] NUL authcid NUL passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlainMessage {
    /// On whose behalf; empty for oneself.
    pub authzid: String,
    /// The user name.
    pub authcid: String,
    /// The password.
    pub password: Secret,
}

impl PlainMessage {
    /// Reads a message.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(bytes).ok()?;
        let mut parts = text.split('\0');
        let (authzid, authcid, password) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || authcid.is_empty() || password.is_empty() {
            return None;
        }
        Some(Self {
            authzid: authzid.to_string(),
            authcid: authcid.to_string(),
            password: Secret::new(password),
        })
    }

    /// The message for `user` and `password`.
    #[must_use]
    pub fn write(user: &str, password: &Secret) -> Vec<u8> {
        let mut out = Vec::with_capacity(
            user.len().saturating_add(password.expose().len()).saturating_add(2),
        );
        out.push(0);
        out.extend_from_slice(user.as_bytes());
        out.push(0);
        out.extend_from_slice(password.expose().as_bytes());
        out
    }
}
