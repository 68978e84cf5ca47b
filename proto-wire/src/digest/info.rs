//! `Authentication-Info` and `Proxy-Authentication-Info` (RFC 7616 §3.5).

use super::value;
use crate::ParseError;
use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

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

/// As the header is written (RFC 7616 §3.5 says which values are quoted).
impl fmt::Display for AuthenticationInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if let Some(rspauth) = &self.rspauth {
            value::push_quoted(&mut out, "rspauth", rspauth);
        }
        if let Some(cnonce) = &self.cnonce {
            value::push_quoted(&mut out, "cnonce", cnonce);
        }
        if let Some(nc) = &self.nc {
            value::push_text(&mut out, "nc", nc);
        }
        if let Some(qop) = &self.qop {
            value::push_text(&mut out, "qop", qop);
        }
        if let Some(nextnonce) = &self.nextnonce {
            value::push_quoted(&mut out, "nextnonce", nextnonce);
        }
        f.write_str(&out)
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
