//! What is wrong with bytes: a kind and an offset.

use crate::LimitKind;
use core::fmt;
use thiserror::Error;

/// What a parser objects to, and where.
///
/// `K` is the vocabulary of what can be wrong: [`ParseErrorKind`] for the text protocols;
/// XML and journals have their own.
///
/// The offset counts bytes from the start of the message (or of the value, for a parser
/// that was given only a value) and is the same however the bytes were cut in chunks.
///
/// ```
/// use proto_wire::{ParseError, ParseErrorKind};
///
/// let error = ParseError::new(ParseErrorKind::Port, 17);
/// assert_eq!(error.to_string(), "the port is not a number from 0 to 65535 at byte 17");
/// assert_eq!(error.at(100).offset(), 117);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{kind} at byte {offset}")]
pub struct ParseError<K = ParseErrorKind>
where
    K: fmt::Display + fmt::Debug,
{
    kind: K,
    offset: u32,
}

impl<K: Copy + fmt::Display + fmt::Debug> ParseError<K> {
    /// An error of `kind` at `offset` bytes.
    #[must_use]
    #[cold]
    pub fn new(kind: K, offset: usize) -> Self {
        Self { kind, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> K {
        self.kind
    }

    /// Where it is wrong, in bytes.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset as usize
    }

    /// The same error seen from a message in which the parsed part begins at `start`.
    #[must_use]
    pub fn at(self, start: usize) -> Self {
        Self::new(self.kind, start.saturating_add(self.offset()))
    }
}

/// What can be wrong with a text message or a part of one. See [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Ends in the middle.
    #[error("ends too early")]
    Truncated,
    /// Something behind the end.
    #[error("something follows the end")]
    TrailingData,
    /// Empty where something must stand.
    #[error("is empty")]
    Empty,
    /// The first line is neither a request line nor a status line.
    #[error("the start line is not a request or a status line")]
    StartLine,
    /// The method is not a token.
    #[error("the method is not a token")]
    Method,
    /// The protocol version is unknown or malformed.
    #[error("the version is not one that is known")]
    Version,
    /// The status code is not three digits.
    #[error("the status code is not three digits")]
    StatusCode,
    /// A URI is malformed.
    #[error("the URI is malformed")]
    Uri,
    /// A header line has no colon.
    #[error("the header line has no colon")]
    MissingColon,
    /// A header name is not a token.
    #[error("the header name is not a token")]
    HeaderName,
    /// A control byte that may not stand here.
    #[error("a control byte is not allowed here")]
    ControlByte,
    /// Bytes that are not UTF-8.
    #[error("the bytes are not UTF-8")]
    Utf8,
    /// A header that must be there is missing.
    #[error("a required header is missing")]
    MissingHeader,
    /// A header that may stand once stands twice.
    #[error("a header that may stand once stands again")]
    DuplicateHeader,
    /// Content-Length is not a number.
    #[error("Content-Length is not a number")]
    ContentLength,
    /// Content-Lengths that contradict each other.
    #[error("Content-Length values contradict each other")]
    ContentLengthConflict,
    /// The body is shorter than Content-Length says.
    #[error("the body is shorter than Content-Length says")]
    BodyTruncated,
    /// Not a token (RFC 3261 §25.1).
    #[error("not a token")]
    Token,
    /// Not a number, or one that does not fit.
    #[error("not a number of the allowed size")]
    Number,
    /// A quoted string without its end.
    #[error("the quoted string does not end")]
    QuotedString,
    /// A `<` without its `>`, or the other way round.
    #[error("angle brackets do not match")]
    AngleBracket,
    /// A comment without its end, or nested too deeply.
    #[error("the comment does not end")]
    Comment,
    /// A malformed parameter.
    #[error("the parameter is malformed")]
    Parameter,
    /// A parameter that must be there is missing.
    #[error("a required parameter is missing")]
    MissingParameter,
    /// A malformed host.
    #[error("the host is malformed")]
    Host,
    /// A port that is not 0-65535.
    #[error("the port is not a number from 0 to 65535")]
    Port,
    /// A malformed percent escape.
    #[error("the percent escape is malformed")]
    Escape,
    /// A malformed date or time.
    #[error("the time is malformed")]
    Time,
    /// A malformed range.
    #[error("the range is malformed")]
    Range,
    /// Malformed base64.
    #[error("the base64 is malformed")]
    Base64,
    /// The value does not follow its grammar.
    #[error("the value does not follow its grammar")]
    Syntax,
    /// A tolerated deviation that the strict profile refuses.
    #[error("tolerated by default, refused by the strict profile")]
    Strict,
    /// A limit was reached.
    #[error(transparent)]
    Limit(LimitKind),
}

impl From<LimitKind> for ParseErrorKind {
    fn from(limit: LimitKind) -> Self {
        Self::Limit(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_eight_bytes() {
        assert_eq!(size_of::<ParseError>(), 8);
    }

    #[test]
    fn offsets_saturate() {
        let error = ParseError::new(ParseErrorKind::Token, usize::MAX);
        assert_eq!(error.at(usize::MAX).offset(), u32::MAX as usize);
    }
}
