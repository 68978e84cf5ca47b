//! Headers that are one number, one token or one list of tokens.

use super::bytes::{is_lws, leading_number, next_piece, number, pair, show, text, trim, unquote};
use super::{HeaderName, TypedHeader};
use crate::Methods;
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// `CSeq` (RFC 2326 §12.17, RFC 7826 §18.20): which request a response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one number")]
pub struct CSeq(pub u32);

impl<'a> TypedHeader<'a> for CSeq {
    const NAME: HeaderName = HeaderName::CSeq;

    #[inline]
    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        // A conversation begins with numbers of few digits, and keeps to one length for long.
        let words = if value.len() < 4 { None } else { leading_number(value) };
        let read = match words {
            Some((number, [])) => Some(number),
            _ => number(value),
        };
        read.and_then(|n| u32::try_from(n).ok())
            .map(Self)
            .ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `Public` (RFC 2326 §12.28): the methods that the server supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "one set")]
pub struct Public(pub Methods);

impl<'a> TypedHeader<'a> for Public {
    const NAME: HeaderName = HeaderName::Public;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self(Methods::from_text(value)))
    }
}

impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `Allow` (RFC 2326 §12.4): the methods that the resource supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "one set")]
pub struct Allow(pub Methods);

impl<'a> TypedHeader<'a> for Allow {
    const NAME: HeaderName = HeaderName::Allow;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self(Methods::from_text(value)))
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The elements of one comma list, trimmed, empty ones left out: the values of
/// `Require`, `Proxy-Require`, `Supported`, `Unsupported`, `Accept-Ranges`, ...
///
/// ```
/// use rtsp_proto::headers::Tokens;
///
/// let tags: Vec<_> = Tokens::new(b"play.basic, , \"a,b\"").collect();
/// assert_eq!(tags, ["play.basic", "\"a,b\""]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a>(Option<&'a [u8]>);

impl<'a> Tokens<'a> {
    /// The elements of `value`.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self(Some(value))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let piece = trim(next_piece(&mut self.0, b',')?);
            match text(piece) {
                Ok("") | Err(_) => {}
                Ok(token) => return Some(token),
            }
        }
    }
}

/// `Content-Type` (RFC 2326 §12.16): a media type and its parameters.
///
/// ```
/// use rtsp_proto::headers::{ContentType, TypedHeader};
///
/// let kind = ContentType::parse(b"Application/SDP; charset=\"utf-8\"").unwrap();
/// assert!(kind.is("application/sdp"));
/// assert_eq!(kind.param("Charset"), Some("utf-8"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentType<'a> {
    essence: &'a str,
    params: &'a [u8],
}

impl<'a> ContentType<'a> {
    /// `type/subtype` as written.
    #[must_use]
    pub const fn essence(&self) -> &'a str {
        self.essence
    }

    /// Whether it is `essence`, in any case.
    #[must_use]
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// The parameter `name`, without quotes.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a str> {
        let mut rest = Some(self.params);
        while let Some(piece) = next_piece(&mut rest, b';') {
            let (found, value) = pair(piece);
            if found.eq_ignore_ascii_case(name.as_bytes()) {
                return value.and_then(|value| text(unquote(value)).ok());
            }
        }
        None
    }
}

impl fmt::Display for ContentType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.essence)?;
        if self.params.is_empty() {
            return Ok(());
        }
        f.write_str(";")?;
        show(f, self.params)
    }
}

impl<'a> TypedHeader<'a> for ContentType<'a> {
    const NAME: HeaderName = HeaderName::ContentType;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let mut rest = Some(value);
        let essence = trim(next_piece(&mut rest, b';').unwrap_or(&[]));
        if !essence.contains(&b'/') {
            return Err(ParseError::new(ParseErrorKind::Syntax, 0));
        }
        Ok(Self { essence: text(essence)?, params: rest.unwrap_or(&[]) })
    }
}

macro_rules! urls {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "one URL")]
        pub struct $name<'a>(
            /// The URL as written, without white space around it.
            pub &'a str,
        );

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                let value = trim(value);
                if value.is_empty() {
                    return Err(ParseError::new(ParseErrorKind::Empty, 0));
                }
                if let Some(at) = value.iter().position(|b| is_lws(*b)) {
                    return Err(ParseError::new(ParseErrorKind::Uri, at));
                }
                text(value).map(Self)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    )* };
}

urls! {
    /// `Content-Base` (RFC 2326 §12.11): what relative URLs in the body refer to.
    ContentBase,
    /// `Content-Location` (RFC 2326 §12.15): where the body can be had.
    ContentLocation,
    /// `Location` (RFC 2326 §12.25): where to ask instead.
    Location,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;
    use proptest::prelude::*;

    #[test]
    fn cseq_is_a_plain_number() {
        assert_eq!(CSeq::parse(b"4294967295").unwrap(), CSeq(u32::MAX));
        for wrong in [&b""[..], b"+1", b"-1", b"4294967296", b"1 2", b"x"] {
            assert!(CSeq::parse(wrong).is_err());
        }
    }

    #[test]
    fn public_lists_as_servers_write_them() {
        for value in [
            "DESCRIBE, SETUP, TEARDOWN",
            "DESCRIBE SETUP TEARDOWN",
            "DESCRIBE;SETUP;TEARDOWN",
            "TEARDOWN,,SETUP ,DESCRIBE,",
        ] {
            let Public(methods) = Public::parse(value.as_bytes()).unwrap();
            let expected = Methods::of(&[Method::Describe, Method::Setup, Method::Teardown]);
            assert_eq!(methods, expected, "{value}");
        }
    }

    #[test]
    fn content_types_with_parameters_and_any_case() {
        for value in ["application/sdp", "Application/SDP", "application/sdp ;x=1"] {
            assert!(ContentType::parse(value.as_bytes()).unwrap().is("application/sdp"));
        }
        assert!(ContentType::parse(b"").is_err());
        assert!(ContentType::parse(b"sdp").is_err());
    }

    #[test]
    fn urls_are_one_word() {
        assert_eq!(ContentBase::parse(b" rtsp://h/a/ ").unwrap().0, "rtsp://h/a/");
        assert!(Location::parse(b"").is_err());
        assert_eq!(Location::parse(b"rtsp://h/ b").unwrap_err().offset(), 9);
    }

    proptest! {
        #[test]
        fn no_text_panics(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _cseq = CSeq::parse(&value);
            let _session = super::super::Session::parse(&value);
            let _public = Public::parse(&value);
            let _location = Location::parse(&value);
            if let Ok(kind) = ContentType::parse(&value) {
                let _charset = kind.param("charset");
            }
            prop_assert!(Tokens::new(&value).count() <= value.len());
        }
    }
}
