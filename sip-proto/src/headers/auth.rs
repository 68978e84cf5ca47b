//! Headers of authentication (RFC 3261 §20.6, §20.7, §20.27, §20.28, §20.44; RFC 7616 §3): rows over
//! the readers of [`proto_wire::digest`]. Their commas are their own: rows are never joined or split.

use super::print::unfolded;
use crate::message::{HeaderName, TypedHeader};
use alloc::borrow::Cow;
use core::fmt;
use proto_wire::digest::{
    AuthenticationInfo as Info, Challenge, Challenges, Credentials, DigestChallenge,
};
use proto_wire::head::unfold;
use proto_wire::{ParseError, ParseErrorKind};

macro_rules! challenge_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<'a>(Cow<'a, [u8]>);

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            /// Any row with a scheme: a challenge that cannot be read is passed over later, since
            /// another one may be readable.
            ///
            /// # Errors
            /// [`ParseErrorKind::Syntax`] without a scheme.
            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                let value = unfold(value);
                match Challenges::new(&value).next() {
                    Some(_) => Ok(Self(value)),
                    None => Err(ParseError::new(ParseErrorKind::Syntax, 0)),
                }
            }
        }

        impl $name<'_> {
            /// The challenges of this row, in order, unknown schemes included: one in most rows, but
            /// several may stand in one as in HTTP.
            pub fn challenges(&self) -> impl Iterator<Item = Challenge<'_>> {
                Challenges::new(&self.0)
            }

            /// What the Digest challenges say that can be read, in order.
            pub fn digests(&self) -> impl Iterator<Item = DigestChallenge<'_>> {
                self.challenges().filter_map(|c| c.digest()?.ok())
            }

            /// The row as it stands, unfolded: what `proto_wire::digest::Client::challenged` takes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                unfolded(f, &self.0)
            }
        }
    )*};
}

challenge_headers! {
    /// One row of `WWW-Authenticate` (RFC 3261 §20.44).
    ///
    /// ```
    /// use sip_proto::TypedHeader;
    /// use sip_proto::headers::WwwAuthenticate;
    ///
    /// let row = WwwAuthenticate::parse(br#"Digest realm="a, b", nonce="x", qop="auth,auth-int""#)?;
    /// assert_eq!(row.digests().next().unwrap().realm, "a, b");
    /// # Ok::<(), proto_wire::ParseError>(())
    /// ```
    WwwAuthenticate WWW_AUTHENTICATE;
    /// One row of `Proxy-Authenticate` (RFC 3261 §20.27).
    ProxyAuthenticate PROXY_AUTHENTICATE;
}

macro_rules! credential_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name<'a>(Cow<'a, [u8]>);

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                let value = unfold(value);
                Credentials::parse(&value).map(|_| ())?;
                Ok(Self(value))
            }
        }

        impl $name<'_> {
            /// The credentials.
            ///
            /// # Errors
            /// None for a value that was parsed: it was read once already.
            pub fn credentials(&self) -> Result<Credentials<'_>, ParseError> {
                Credentials::parse(&self.0)
            }

            /// The row as it stands, unfolded: what `proto_wire::digest::Server::claim` takes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        /// Shows the scheme only: what follows may be a password.
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let scheme = self.0.split(|b| *b == b' ').next().unwrap_or(&[]);
                f.debug_tuple(stringify!($name))
                    .field(&alloc::string::String::from_utf8_lossy(scheme))
                    .finish_non_exhaustive()
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                unfolded(f, &self.0)
            }
        }
    )*};
}

credential_headers! {
    /// One row of `Authorization` (RFC 3261 §20.7).
    Authorization AUTHORIZATION;
    /// One row of `Proxy-Authorization` (RFC 3261 §20.28).
    ProxyAuthorization PROXY_AUTHORIZATION;
}

macro_rules! info_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name<'a>(Cow<'a, [u8]>);

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                let value = unfold(value);
                Info::parse(&value).map(|_| ())?;
                Ok(Self(value))
            }
        }

        impl $name<'_> {
            /// What it says: the next nonce, and the server's proof.
            ///
            /// # Errors
            /// None for a value that was parsed: it was read once already.
            pub fn info(&self) -> Result<Info<'_>, ParseError> {
                Info::parse(&self.0)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                unfolded(f, &self.0)
            }
        }
    )*};
}

info_headers! {
    /// `Authentication-Info` (RFC 3261 §20.6, RFC 7616 §3.5).
    AuthenticationInfo AUTHENTICATION_INFO;
    /// `Proxy-Authentication-Info` (RFC 7615 §4).
    ProxyAuthenticationInfo PROXY_AUTHENTICATION_INFO;
}
