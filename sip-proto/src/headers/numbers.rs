//! Headers that hold a number, a word or a media type.

use super::contact::delta_seconds;
use crate::message::{HeaderName, Method, TypedHeader};
use core::fmt;
use core::ops::Range;
use proto_wire::text::chars;
use proto_wire::text::params::Params;
use proto_wire::{ParseError, ParseErrorKind};

/// `CSeq` (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 3261 §20.16 has these two")]
pub struct CSeq<'a> {
    /// The sequence number, below 2³¹ (RFC 3261 §8.1.1.5).
    pub number: u32,
    /// The method of the request.
    pub method: Method<'a>,
}

impl<'a> TypedHeader<'a> for CSeq<'a> {
    const NAME: HeaderName = HeaderName::CSEQ;

    #[inline]
    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let digits = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
        let (number, rest) = value.split_at_checked(digits).unwrap_or((value, &[]));
        let number = chars::parse_u32(number)
            .filter(|n| *n < 1 << 31)
            .ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))?;
        // A fold between number and method is legal.
        let method = chars::trim_start(rest);
        let at = value.len().saturating_sub(method.len());
        if at == digits {
            return Err(ParseError::new(ParseErrorKind::Method, at));
        }
        let method = Method::parse(method).map_err(|e| e.at(at))?;
        Ok(Self { number, method })
    }
}

impl fmt::Display for CSeq<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// `Call-ID` (RFC 3261 §20.8): compared byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct CallId<'a>(pub &'a str);

impl<'a> TypedHeader<'a> for CallId<'a> {
    const NAME: HeaderName = HeaderName::CALL_ID;

    /// Any visible text without white space: more than `word [ "@" word ]`, since nobody
    /// gains by refusing one.
    #[inline]
    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        visible(value)?;
        match chars::utf8(value) {
            Some(text) => Ok(Self(text)),
            None => Err(not_utf8(value)),
        }
    }

    #[inline]
    fn parse_text(value: &'a str) -> Result<Self, ParseError> {
        visible(value.as_bytes())?;
        Ok(Self(value))
    }
}

/// Something, without white space and control bytes.
#[inline]
fn visible(value: &[u8]) -> Result<(), ParseError> {
    if value.is_empty() {
        return Err(ParseError::new(ParseErrorKind::Empty, 0));
    }
    let from_bad = |b: u8| b.saturating_sub(b' ').min(b ^ 0x7f);
    if chars::any_zero(value, from_bad) {
        let at = value.iter().position(|b| from_bad(*b) == 0).unwrap_or(0);
        return Err(ParseError::new(ParseErrorKind::Syntax, at));
    }
    Ok(())
}

#[cold]
fn not_utf8(value: &[u8]) -> ParseError {
    let at = core::str::from_utf8(value).map_or_else(|e| e.valid_up_to(), str::len);
    ParseError::new(ParseErrorKind::Utf8, at)
}

/// `Max-Forwards` (RFC 3261 §20.22): 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct MaxForwards(pub u8);

impl<'a> TypedHeader<'a> for MaxForwards {
    const NAME: HeaderName = HeaderName::MAX_FORWARDS;

    #[inline]
    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        chars::parse_u64(value)
            .and_then(|n| u8::try_from(n).ok())
            .map(Self)
            .ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))
    }
}

macro_rules! seconds {
    ($($(#[$doc:meta])* $name:ident $constant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
        pub struct $name(pub u32);

        impl<'a> TypedHeader<'a> for $name {
            const NAME: HeaderName = HeaderName::$constant;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                delta_seconds(value)
                    .map(Self)
                    .ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))
            }
        }
    )*};
}

seconds! {
    /// `Expires` in seconds (RFC 3261 §20.19).
    Expires EXPIRES;
    /// `Min-Expires` in seconds (RFC 3261 §20.23).
    MinExpires MIN_EXPIRES;
}

/// `Retry-After` in seconds (RFC 3261 §20.33); a comment and parameters may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct RetryAfter(pub u32);

impl<'a> TypedHeader<'a> for RetryAfter {
    const NAME: HeaderName = HeaderName::RETRY_AFTER;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let digits = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
        value
            .get(..digits)
            .and_then(delta_seconds)
            .map(Self)
            .ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))
    }
}

/// `Content-Type` (RFC 3261 §20.15).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ContentType<'a> {
    /// Type and subtype as they stand, for example `text/plain`.
    pub essence: &'a str,
    params: &'a [u8],
}

impl<'a> TypedHeader<'a> for ContentType<'a> {
    const NAME: HeaderName = HeaderName::CONTENT_TYPE;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let (essence, params) = media_type(value)?;
        let essence = chars::utf8(value.get(essence).unwrap_or(&[]));
        let essence = essence.ok_or_else(|| ParseError::new(ParseErrorKind::Syntax, 0))?;
        Ok(Self { essence, params })
    }

    fn parse_text(value: &'a str) -> Result<Self, ParseError> {
        let (essence, params) = media_type(value.as_bytes())?;
        Ok(Self { essence: value.get(essence).unwrap_or(""), params })
    }
}

/// Where type and subtype are, which are tokens, and the parameters.
fn media_type(value: &[u8]) -> Result<(Range<usize>, &[u8]), ParseError> {
    let error = || ParseError::new(ParseErrorKind::Syntax, 0);
    let end = chars::find(value, b';').unwrap_or(value.len());
    let (essence, params) = value.split_at_checked(end).ok_or_else(error)?;
    let start = chars::lws_len(essence);
    let essence = chars::trim(essence);
    let slash = chars::find(essence, b'/').ok_or_else(error)?;
    let (kind, subtype) = essence.split_at_checked(slash).ok_or_else(error)?;
    let subtype = subtype.get(1..).unwrap_or(&[]);
    // White space around the slash is legal, and nearly never there.
    let token = |t| chars::is_sip_token(t) || chars::is_sip_token(chars::trim(t));
    if !token(kind) || !token(subtype) {
        return Err(error());
    }
    Ok((start..start.saturating_add(essence.len()), params))
}

impl<'a> ContentType<'a> {
    /// Whether this is `kind`, for example `text/plain`, in any case.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.essence.eq_ignore_ascii_case(kind)
    }

    /// The parameters, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.params)
    }
}
