//! Lists of tokens: methods and option-tags.

use crate::message::{HeaderName, Method, TypedHeader};
use core::fmt;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

macro_rules! option_tags {
    ($($(#[$doc:meta])* $name:ident $constant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
        pub struct $name<'a>(pub &'a str);

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                if !chars::is_sip_token(value) {
                    return Err(ParseError::new(ParseErrorKind::Token, 0));
                }
                core::str::from_utf8(value)
                    .map(Self)
                    .map_err(|_| ParseError::new(ParseErrorKind::Token, 0))
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    )*};
}

option_tags! {
    /// One option-tag of `Supported` (RFC 3261 §20.37).
    Supported SUPPORTED;
    /// One option-tag of `Require` (RFC 3261 §20.32).
    Require REQUIRE;
    /// One option-tag of `Proxy-Require` (RFC 3261 §20.29).
    ProxyRequire PROXY_REQUIRE;
    /// One option-tag of `Unsupported` (RFC 3261 §20.40).
    Unsupported UNSUPPORTED;
}

/// One method of `Allow` (RFC 3261 §20.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct Allow<'a>(pub Method<'a>);

impl<'a> TypedHeader<'a> for Allow<'a> {
    const NAME: HeaderName = HeaderName::ALLOW;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        Method::parse(value).map(Self)
    }
}
