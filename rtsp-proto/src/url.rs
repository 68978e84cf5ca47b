//! The parts of an RTSP URL, borrowed.

use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// An absolute `rtsp`, `rtsps` or `rtspu` URL (RFC 2326 §3.2, RFC 7826 §4.2), taken
/// apart but not changed: whatever stands in the path is kept.
///
/// ```
/// use rtsp_proto::Url;
///
/// let url = Url::parse("rtsp://alice:secret@[::1]:8554/cam?x=1").unwrap();
/// assert_eq!((url.host(), url.port(), url.path()), ("::1", 8554, "/cam?x=1"));
/// assert_eq!(url.credentials(), Some(("alice", "secret")));
/// assert_eq!(url.without_credentials().to_string(), "rtsp://[::1]:8554/cam?x=1");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    scheme: &'a str,
    userinfo: Option<&'a str>,
    /// Host and port, as written.
    authority: &'a str,
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
}

impl<'a> Url<'a> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// The scheme is not an RTSP one, the host is empty, or the port is no number. Spaces
    /// and control characters are refused.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        let wrong = |kind, at| ParseError::new(kind, at);
        if let Some(at) = text.bytes().position(|b| b <= b' ' || b == 0x7f) {
            return Err(wrong(ParseErrorKind::Uri, at));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(ParseErrorKind::Uri, 0))?;
        if !["rtsp", "rtsps", "rtspu"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(wrong(ParseErrorKind::Uri, 0));
        }
        let start = scheme.len().saturating_add(3);
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (before, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        // The last `@`: passwords hold them too.
        let (userinfo, authority) = match before.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, before),
        };
        let at = start.saturating_add(before.len().saturating_sub(authority.len()));
        let (host, port) = split_host(authority).ok_or_else(|| wrong(ParseErrorKind::Host, at))?;
        let port = match port {
            None | Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| wrong(ParseErrorKind::Port, at))?)
            }
            Some(_) => return Err(wrong(ParseErrorKind::Port, at)),
        };
        if host.is_empty() {
            return Err(wrong(ParseErrorKind::Host, at));
        }
        Ok(Self { scheme, userinfo, authority, host, port, path })
    }

    /// `rtsp`, `rtsps` or `rtspu`, as written.
    #[must_use]
    pub const fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// Whether the connection must be TLS (`rtsps`).
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("rtsps")
    }

    /// User and password, not percent-decoded; an empty password when there is none.
    #[must_use]
    pub fn credentials(&self) -> Option<(&'a str, &'a str)> {
        self.userinfo.map(|user| user.split_once(':').unwrap_or((user, "")))
    }

    /// The host, IPv6 without brackets.
    #[must_use]
    pub const fn host(&self) -> &'a str {
        self.host
    }

    /// The port; 554, or 322 for `rtsps`, when none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self.port {
            Some(port) => port,
            None if self.is_secure() => 322,
            None => 554,
        }
    }

    /// Path and query as written; may be empty.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The URL as it goes on the wire: credentials never do.
    #[must_use]
    pub const fn without_credentials(mut self) -> Self {
        self.userinfo = None;
        self
    }
}

/// Host and port; unbracketed IPv6 (devices write it) has no port.
fn split_host(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            _ => rest.strip_prefix(':').map(|port| (host, Some(port))),
        };
    }
    match authority.split_once(':') {
        Some((_, rest)) if rest.contains(':') => Some((authority, None)),
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(user) = self.userinfo {
            write!(f, "{user}@")?;
        }
        write!(f, "{}{}", self.authority, self.path)
    }
}

/// Without the password.
impl fmt::Debug for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.without_credentials())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};
    use proptest::prelude::*;

    #[test]
    fn ports_default_by_scheme() {
        for (text, host, port) in [
            ("rtsp://h", "h", 554),
            ("rtsps://h/", "h", 322),
            ("RTSP://h:/x", "h", 554),
            ("rtsp://h:65535?q", "h", 65535),
            ("rtsp://a:b@c:d@h:1/", "h", 1),
            ("rtsp://::ffff:1.2.3.4/x", "::ffff:1.2.3.4", 554),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host(), url.port()), (host, port), "{text}");
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rtsp_url() {
        for (text, offset) in [
            ("http://h/", 0),
            ("/path", 0),
            ("rtsp://", 7),
            ("rtsp:///x", 7),
            ("rtsp://h:99999/", 7),
            ("rtsp://u@h:+1/", 9),
            ("rtsp://[::1/", 7),
            ("rtsp://h/a b", 10),
        ] {
            assert_eq!(Url::parse(text).unwrap_err().offset(), offset, "{text}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let url = Url::parse("rtsp://alice:secret@h/").unwrap();
        assert_eq!(format!("{url:?}"), "Url(rtsp://h/)");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(rtsp://)?[\\[\\]a-z:@/0-9?]{0,30}") {
            if let Ok(url) = Url::parse(&text) {
                prop_assert_eq!(url.to_string(), text);
            }
        }
    }
}
