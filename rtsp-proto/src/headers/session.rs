//! Session (RFC 2326 §12.37, RFC 7826 §18.49).

use super::bytes::{leading_number, next_piece, pair, text, trim, unquote};
use super::{HeaderName, TypedHeader};
use core::fmt;
use core::time::Duration;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

/// When a server says no timeout (RFC 2326 §12.37).
pub const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// A session id and, in responses, how long the session lives without a sign of life.
///
/// ```
/// use core::time::Duration;
/// use rtsp_proto::headers::{Session, TypedHeader};
///
/// let session = Session::parse(b"QKyjN8nt2WqbWw4tIYof52; Timeout=30").unwrap();
/// assert_eq!(session.id, "QKyjN8nt2WqbWw4tIYof52");
/// assert_eq!(session.timeout(), Duration::from_secs(30));
/// assert_eq!(Session::new("x").to_string(), "x");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session<'a> {
    /// The id: opaque and case-sensitive.
    pub id: &'a str,
    /// `timeout=` in whole seconds; `None` when it is missing, 0 or no number. Quotes around it and
    /// what stands behind its digits are passed over.
    pub timeout_secs: Option<u32>,
}

impl<'a> Session<'a> {
    /// The session `id`, without a timeout: what a client sends.
    #[must_use]
    pub const fn new(id: &'a str) -> Self {
        Self { id, timeout_secs: None }
    }

    /// How long the session lives without a sign of life.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout_secs
            .map_or(DEFAULT_SESSION_TIMEOUT, |secs| Duration::from_secs(u64::from(secs)))
    }
}

impl<'a> TypedHeader<'a> for Session<'a> {
    const NAME: HeaderName = HeaderName::Session;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        // Nearly always an id alone in requests, and one with a timeout in answers.
        if !value.is_empty() && !chars::any_zero(value, |b| b.saturating_sub(b' ').min(b ^ b';')) {
            return Ok(Self::new(text(value)?));
        }
        if let Some((id, secs)) = with_timeout(value) {
            return Ok(Self { id: text(id)?, timeout_secs: Some(secs) });
        }
        let mut rest = Some(value);
        let id = trim(next_piece(&mut rest, b';').unwrap_or(&[]));
        if id.is_empty() {
            return Err(ParseError::new(ParseErrorKind::Empty, 0));
        }
        let mut session = Self::new(text(id)?);
        while let Some(piece) = next_piece(&mut rest, b';') {
            let (name, param) = pair(piece);
            if name.eq_ignore_ascii_case(b"timeout") {
                // As most clients read it: the digits, whatever stands around them.
                let secs = param.and_then(|param| leading_number(unquote(param)));
                session.timeout_secs =
                    secs.and_then(|(secs, _)| u32::try_from(secs).ok()).filter(|secs| *secs > 0);
            }
        }
        Ok(session)
    }
}

/// An id and a timeout, as they are written nearly always.
fn with_timeout(value: &[u8]) -> Option<(&[u8], u32)> {
    let (id, rest) = value.split_at_checked(chars::find(value, b';')?)?;
    if id.is_empty() || chars::any_zero(id, |b| b.saturating_sub(b' ')) {
        return None;
    }
    match leading_number(rest.strip_prefix(b";timeout=")?)? {
        (secs @ 1.., []) => Some((id, u32::try_from(secs).ok()?)),
        _ => None,
    }
}

impl fmt::Display for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)?;
        match self.timeout_secs {
            Some(secs) => write!(f, ";timeout={secs}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_as_devices_write_them() {
        for (value, id, timeout) in [
            ("12345678", "12345678", None),
            ("abc;timeout=65", "abc", Some(65)),
            ("abc ; timeout = 65", "abc", Some(65)),
            ("abc;Timeout=30", "abc", Some(30)),
            ("a-b.c_d$e+f;x;timeout=5;y=1", "a-b.c_d$e+f", Some(5)),
            ("abc;timeout=0", "abc", None),
            ("abc;timeout=", "abc", None),
            ("abc;timeout=sixty", "abc", None),
            ("abc;timeout=99999999999", "abc", None),
            ("abc;", "abc", None),
            ("abc;timeout=\"30\"", "abc", Some(30)),
            ("abc;timeout=30s", "abc", Some(30)),
            ("abc;timeout=30 sec", "abc", Some(30)),
            ("abc;timeout=12.5", "abc", Some(12)),
            ("abc;timeout=0.5", "abc", None),
        ] {
            let session = Session::parse(value.as_bytes()).unwrap();
            assert_eq!((session.id, session.timeout_secs), (id, timeout), "{value}");
        }
        assert!(Session::parse(b" ;timeout=5").is_err());
        assert!(Session::parse(b"\xff").is_err());
    }
}
