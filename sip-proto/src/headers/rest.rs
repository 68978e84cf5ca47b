//! Headers that nothing here acts upon by type, and that are typed all the same: the length, retry
//! times with their reasons, signatures.

use super::contact::delta_seconds;
use super::plain::text_headers;
use super::print::unfolded;
use crate::message::{HeaderName, TypedHeader};
use core::fmt;
use proto_wire::text::chars;
use proto_wire::text::params::Params;
use proto_wire::{ParseError, ParseErrorKind};

/// `Content-Length` (RFC 3261 §20.14). Where a message ends is decided by the framer, which also
/// judges repeats; builders write it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct ContentLength(pub u64);

impl<'a> TypedHeader<'a> for ContentLength {
    const NAME: HeaderName = HeaderName::CONTENT_LENGTH;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        chars::parse_u64(value)
            .map(Self)
            .ok_or_else(|| ParseError::new(ParseErrorKind::ContentLength, 0))
    }
}

impl fmt::Display for ContentLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `Retry-After` (RFC 3261 §20.33) with all that may follow the number: a comment for people, and how
/// long the callee can then be reached. [`RetryAfter`](super::RetryAfter) is the number alone.
///
/// ```
/// use sip_proto::TypedHeader;
/// use sip_proto::headers::RetryWhen;
///
/// let when = RetryWhen::parse(b"18000 (in a meeting);duration=3600")?;
/// assert_eq!((when.secs, when.comment(), when.duration()), (18000, Some("in a meeting"), Some(3600)));
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryWhen<'a> {
    /// Seconds to wait.
    pub secs: u32,
    comment: &'a [u8],
    params: &'a [u8],
}

impl<'a> RetryWhen<'a> {
    /// The text of the comment without its parentheses, escapes included.
    #[must_use]
    pub fn comment(&self) -> Option<&'a str> {
        let inner = self.comment.strip_prefix(b"(")?.strip_suffix(b")")?;
        core::str::from_utf8(inner).ok()
    }

    /// For how many seconds the callee can be reached then.
    #[must_use]
    pub fn duration(&self) -> Option<u32> {
        self.params().value(b"duration").and_then(delta_seconds)
    }

    /// All parameters, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.params)
    }
}

impl<'a> TypedHeader<'a> for RetryWhen<'a> {
    const NAME: HeaderName = HeaderName::RETRY_AFTER;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let error = |kind, at| ParseError::new(kind, at);
        let digits = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
        let (number, rest) = value.split_at_checked(digits).unwrap_or((value, &[]));
        let secs = delta_seconds(number).ok_or_else(|| error(ParseErrorKind::Number, 0))?;
        let rest = chars::trim_start(rest);
        let at = value.len().saturating_sub(rest.len());
        let (comment, params) = if rest.first() == Some(&b'(') {
            let end = comment_end(rest).ok_or_else(|| error(ParseErrorKind::Syntax, at))?;
            rest.split_at_checked(end).unwrap_or((rest, &[]))
        } else {
            (Default::default(), rest)
        };
        let params = chars::trim_start(params);
        if !matches!(params.first(), None | Some(b';')) {
            let at = value.len().saturating_sub(params.len());
            return Err(error(ParseErrorKind::TrailingData, at));
        }
        Ok(Self { secs, comment, params })
    }
}

/// Behind the comment that `bytes` begin with; comments nest (RFC 3261 §25.1).
fn comment_end(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth = depth.saturating_add(1),
            b')' if depth == 1 => return Some(at.saturating_add(1)),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

impl fmt::Display for RetryWhen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.secs.fmt(f)?;
        if !self.comment.is_empty() {
            f.write_str(" ")?;
            unfolded(f, self.comment)?;
        }
        unfolded(f, self.params)
    }
}

text_headers! {
    /// `Identity` (RFC 8224 §4): a signature, which is the application's to verify.
    Identity IDENTITY;
    /// `Identity-Info` (RFC 4474 §9, obsolete): where the signer's certificate is.
    IdentityInfo IDENTITY_INFO;
}
