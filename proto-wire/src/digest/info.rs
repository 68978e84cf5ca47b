//! `Authentication-Info` and `Proxy-Authentication-Info` (RFC 7616 §3.5).

use super::value;
use crate::ParseError;
use alloc::borrow::Cow;

/// What a server says with a successful reply.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuthenticationInfo<'a> {
    /// The nonce to use from now on.
    pub nextnonce: Option<Cow<'a, str>>,
    /// The quality of protection of `rspauth`.
    pub qop: Option<Cow<'a, str>>,
    /// The server's proof that it knows the secret too.
    pub rspauth: Option<Cow<'a, str>>,
    /// The client's nonce, as in the request.
    pub cnonce: Option<Cow<'a, str>>,
    /// The count, as in the request.
    pub nc: Option<Cow<'a, str>>,
}

impl<'a> AuthenticationInfo<'a> {
    /// Reads a header value. Unknown parameters are skipped; of one that stands twice the
    /// first counts.
    ///
    /// # Errors
    ///
    /// A quoted string without end, control bytes, or bytes that are not UTF-8.
    pub fn parse(header: &'a [u8]) -> Result<Self, ParseError> {
        let mut out = Self::default();
        for param in value::params(header) {
            let slot = if param.is(b"nextnonce") {
                &mut out.nextnonce
            } else if param.is(b"qop") {
                &mut out.qop
            } else if param.is(b"rspauth") {
                &mut out.rspauth
            } else if param.is(b"cnonce") {
                &mut out.cnonce
            } else if param.is(b"nc") {
                &mut out.nc
            } else {
                continue;
            };
            if slot.is_none() {
                *slot = Some(value::text(&param)?);
            }
        }
        Ok(out)
    }
}

/// What a client learned from [`AuthenticationInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InfoOutcome {
    /// The server has proved that it knows the secret.
    Verified,
    /// It has not tried to.
    Unproven,
    /// The proof is wrong, or answers another request: this is not the server, or its
    /// reply was changed. Nothing of the header was used.
    Forged,
}
