//! How requests and sessions ended: Request-Status and Terminate-Reason (RFC 7826 §18.42,
//! §18.52).

use super::bytes::{next_piece, number, offset_in, text, trim};
use super::parts::{Params, Quoted, token, unquoted, with_params};
use super::playing::assigned;
use super::{HeaderName, TypedHeader};
use crate::StatusCode;
use crate::range::UtcTime;
use alloc::borrow::Cow;
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// `Request-Status`: how a request ended that took its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestStatus<'a> {
    /// Which request.
    pub cseq: u32,
    /// How it ended.
    pub status: StatusCode,
    /// Why, for people.
    pub reason: Cow<'a, str>,
}

impl<'a> RequestStatus<'a> {
    /// The request `cseq` ended so.
    #[must_use]
    pub fn new(cseq: u32, status: StatusCode, reason: impl Into<Cow<'a, str>>) -> Self {
        Self { cseq, status, reason: reason.into() }
    }
}

impl<'a> TypedHeader<'a> for RequestStatus<'a> {
    const NAME: HeaderName = HeaderName::RequestStatus;

    /// The parts may come in any order; a missing reason is empty.
    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let (mut cseq, mut status, mut reason) = (None, None, Cow::Borrowed(""));
        let mut rest = Some(trim(value));
        while let Some(piece) = next_piece(&mut rest, b' ') {
            let wrong = |kind| ParseError::new(kind, offset_in(value, piece));
            if let Some(n) = assigned(piece, "cseq") {
                let n = number(n).and_then(|n| u32::try_from(n).ok());
                cseq = Some(n.ok_or_else(|| wrong(ParseErrorKind::Number))?);
            } else if let Some(code) = assigned(piece, "status") {
                let digits = <[u8; 3]>::try_from(code).ok();
                let code = digits.and_then(StatusCode::from_digits);
                status = Some(code.ok_or_else(|| wrong(ParseErrorKind::StatusCode))?);
            } else if let Some(words) = assigned(piece, "reason") {
                let words = text(words).map_err(|error| error.at(offset_in(value, words)))?;
                reason = unquoted(words);
            }
        }
        let missing = || ParseError::new(ParseErrorKind::MissingParameter, value.len());
        Ok(Self { cseq: cseq.ok_or_else(missing)?, status: status.ok_or_else(missing)?, reason })
    }
}

impl fmt::Display for RequestStatus<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = Quoted(&self.reason);
        write!(f, "cseq={} status={} reason={reason}", self.cseq, self.status)
    }
}

/// `Terminate-Reason`: why a server ends a session, in REDIRECT and TEARDOWN.
///
/// ```
/// use rtsp_proto::headers::{Params, TerminateReason, TypedHeader};
///
/// let reason = TerminateReason::parse(b"Server-Admin ;time=20130618T161256Z").unwrap();
/// assert_eq!(reason.reason, TerminateReason::SERVER_ADMIN);
/// assert_eq!(reason.time().unwrap().unwrap().to_string(), "20130618T161256Z");
/// let written = TerminateReason::new("Session-Timeout").with_params(Params::new("user-msg=\"bye\""));
/// assert_eq!(written.to_string(), "Session-Timeout;user-msg=\"bye\"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TerminateReason<'a> {
    /// The reason; compare in any case.
    pub reason: &'a str,
    /// `time`, `user-msg` and others, in order.
    pub params: Params<'a>,
}

impl<'a> TerminateReason<'a> {
    /// The session lived long enough.
    pub const SESSION_TIMEOUT: &'static str = "Session-Timeout";
    /// The server goes down.
    pub const SERVER_ADMIN: &'static str = "Server-Admin";
    /// The server cannot go on.
    pub const INTERNAL_ERROR: &'static str = "Internal-Error";

    /// A reason without parameters.
    #[must_use]
    pub const fn new(reason: &'a str) -> Self {
        Self { reason, params: Params::NONE }
    }

    /// With these parameters.
    #[must_use]
    pub const fn with_params(mut self, params: Params<'a>) -> Self {
        self.params = params;
        self
    }

    /// When the server stops, if it says so.
    #[must_use]
    pub fn time(&self) -> Option<Result<UtcTime, ParseError>> {
        self.params.raw("time").map(|time| UtcTime::parse(time.as_bytes()))
    }

    /// What the user should be told.
    #[must_use]
    pub fn user_message(&self) -> Option<Cow<'a, str>> {
        self.params.get("user-msg")
    }
}

impl<'a> TypedHeader<'a> for TerminateReason<'a> {
    const NAME: HeaderName = HeaderName::TerminateReason;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let (reason, params) = with_params(value)?;
        let reason = token(reason).map_err(|error| error.at(offset_in(value, reason)))?;
        Ok(Self { reason, params })
    }
}

impl fmt::Display for TerminateReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.reason, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    /// RFC 7826 §18.42.
    #[test]
    fn the_example_of_the_rfc() {
        let text = "cseq=63 status=500 reason=\"Media data unavailable\"";
        let status = RequestStatus::parse(text.as_bytes()).unwrap();
        let expected =
            RequestStatus::new(63, StatusCode::INTERNAL_SERVER_ERROR, "Media data unavailable");
        assert_eq!(status, expected);
        assert_eq!(status.to_string(), text);
        let swapped = RequestStatus::parse(b"status=200  CSeq = x cseq=7").map(|s| s.cseq);
        assert_eq!(swapped, Ok(7));
        for (wrong, at) in [
            ("", 0),
            ("cseq=63", 7),
            ("status=500", 10),
            ("cseq=x status=500", 0),
            ("cseq=1 status=50", 7),
            ("cseq=1 status=5000", 7),
        ] {
            assert_eq!(RequestStatus::parse(wrong.as_bytes()).unwrap_err().offset(), at, "{wrong}");
        }
    }

    #[test]
    fn reasons_have_parameters_in_any_order() {
        let value = b"session-timeout; x=1 ;user-msg=\"a \\\"b\\\"; c\";Time=20130618T161256.5Z";
        let reason = TerminateReason::parse(value).unwrap();
        assert_eq!(reason.reason, "session-timeout");
        assert_eq!(reason.user_message().as_deref(), Some("a \"b\"; c"));
        assert_eq!(reason.time().unwrap().unwrap().nanos(), 500_000_000);
        let written = reason.to_string();
        assert_eq!(TerminateReason::parse(written.as_bytes()), Ok(reason));
        assert!(TerminateReason::parse(b";time=1").is_err());
        assert!(TerminateReason::new("x").time().is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn statuses_are_read_as_written(cseq: u32, code in 100..=999_u16, reason in "[ -~é]{0,20}") {
            let status = RequestStatus::new(cseq, StatusCode::new(code).unwrap(), reason);
            let text = status.to_string();
            prop_assert_eq!(RequestStatus::parse(text.as_bytes()), Ok(status));
        }
    }
}
