//! Reading URIs (RFC 3261 §25.1, RFC 3966 §3). Tolerant of raw characters that every phone
//! handles (`#`, `[` in the user part); strict about where the parts end.

use super::{OtherUri, SipUri, TelUri, Uri};
use proto_wire::text::chars;
use proto_wire::text::host::HostPort;
use proto_wire::{ParseError, ParseErrorKind};

impl<'a> Uri<'a> {
    /// Reads a URI that is all of `bytes`, without angle brackets.
    ///
    /// # Errors
    /// [`ParseErrorKind::Uri`] without a scheme or with a byte that no URI holds (control,
    /// space, `<`, `>`, `"`, not UTF-8); [`ParseErrorKind::Host`] and
    /// [`ParseErrorKind::Port`] for sip and sips.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let raw = text_of(bytes)?;
        if let Some(rest) = bytes.strip_prefix(b"sip:") {
            return sip(raw, rest, 4, false).map(Self::Sip);
        }
        other_than_sip(raw)
    }
}

impl<'a> SipUri<'a> {
    /// Reads a `sip:` or `sips:` URI.
    ///
    /// # Errors
    /// As [`Uri::parse`], and [`ParseErrorKind::Uri`] for another scheme.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match Uri::parse(bytes)? {
            Uri::Sip(uri) => Ok(uri),
            _ => Err(ParseError::new(ParseErrorKind::Uri, 0)),
        }
    }

    /// The first byte that the grammar of RFC 3261 §25.1 does not have here, raw or in a
    /// broken escape: tolerated, refused by the strict profile.
    #[must_use]
    pub fn first_oddity(&self) -> Option<usize> {
        let userinfo = self.user.map_or(0, str::len);
        let start = if self.secure { 5 } else { 4 };
        let odd = |text: &str, extra: &[u8]| odd_byte(text.as_bytes(), extra);
        if let Some(at) = self.user.and_then(|u| odd(u, b"&=+$,;?/")) {
            return Some(at.saturating_add(start));
        }
        if let Some(at) = self.password.and_then(|p| odd(p, b"&=+$,")) {
            return Some(at.saturating_add(start).saturating_add(userinfo).saturating_add(1));
        }
        let tail = self.params.len().saturating_add(self.headers.len());
        let behind = self.raw.len().saturating_sub(tail);
        if let Some(at) = odd(self.params, b"[]/:&+$;=") {
            return Some(at.saturating_add(behind));
        }
        odd(self.headers, b"[]/?:+$&=?").map(|at| at.saturating_add(behind))
    }
}

fn odd_byte(bytes: &[u8], extra: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let mut at = 0_usize;
    while let [byte, tail @ ..] = rest {
        let step = match (byte, tail) {
            (b'%', [a, b, ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 3,
            (b'%', _) => return Some(at),
            _ if byte.is_ascii_alphanumeric()
                || b"-_.!~*'()".contains(byte)
                || extra.contains(byte) =>
            {
                1
            }
            _ => return Some(at),
        };
        rest = rest.get(step..).unwrap_or(&[]);
        at = at.saturating_add(step);
    }
    None
}

/// The text, when no byte is one that ends URIs.
#[inline]
fn text_of(bytes: &[u8]) -> Result<&str, ParseError> {
    let bad = |at| ParseError::new(ParseErrorKind::Uri, at);
    if bytes.is_empty() {
        return Err(bad(0));
    }
    if let Some(at) = bytes.iter().position(|b| matches!(b, 0..=b' ' | 0x7f | b'<' | b'>' | b'"')) {
        return Err(bad(at));
    }
    core::str::from_utf8(bytes).map_err(|e| bad(e.valid_up_to()))
}

#[cold]
fn other_than_sip(raw: &str) -> Result<Uri<'_>, ParseError> {
    let bad = |at| ParseError::new(ParseErrorKind::Uri, at);
    let (scheme, rest) = raw.split_once(':').ok_or_else(|| bad(0))?;
    let mut letters = scheme.bytes();
    let legal = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !legal {
        return Err(bad(0));
    }
    let start = scheme.len().saturating_add(1);
    if rest.is_empty() {
        return Err(bad(start));
    }
    if scheme.eq_ignore_ascii_case("sip") {
        return sip(raw, rest.as_bytes(), start, false).map(Uri::Sip);
    }
    if scheme.eq_ignore_ascii_case("sips") {
        return sip(raw, rest.as_bytes(), start, true).map(Uri::Sip);
    }
    if scheme.eq_ignore_ascii_case("tel") {
        return tel(raw, rest, start).map(Uri::Tel);
    }
    Ok(Uri::Other(OtherUri { raw, scheme, rest }))
}

/// `rest` is `raw` from `start`: what follows `sip:` or `sips:`.
#[inline]
fn sip<'a>(
    raw: &'a str,
    rest: &'a [u8],
    start: usize,
    secure: bool,
) -> Result<SipUri<'a>, ParseError> {
    // The user part may hold `;` and `?`, all that follows it may not hold `@`.
    let at_sign = rest.iter().position(|b| *b == b'@');
    let cut = |from: usize, to: usize| raw.get(from..to).unwrap_or("");
    let end = raw.len();
    let mut host_at = start;
    let (mut user, mut password) = (None, None);
    if let Some(at) = at_sign {
        let userinfo = cut(start, start.saturating_add(at));
        host_at = start.saturating_add(at).saturating_add(1);
        match userinfo.split_once(':') {
            Some((name, word)) => (user, password) = (Some(name), Some(word)),
            None => user = Some(userinfo),
        }
        if user.is_none_or(str::is_empty) {
            return Err(ParseError::new(ParseErrorKind::Uri, start));
        }
    }
    let tail = raw.as_bytes().get(host_at..).unwrap_or(&[]);
    let host_len = tail.iter().position(|b| matches!(b, b';' | b'?')).unwrap_or(tail.len());
    let host_end = host_at.saturating_add(host_len);
    let at = HostPort::parse(tail.get(..host_len).unwrap_or(&[])).map_err(|e| e.at(host_at))?;
    let (mut params, mut headers) = ("", "");
    if host_end < end {
        let behind = raw.as_bytes().get(host_end..).unwrap_or(&[]);
        let question = memchr::memchr(b'?', behind).map_or(end, |n| host_end.saturating_add(n));
        params = cut(host_end, question);
        headers = cut(question.saturating_add(1), end);
    }
    Ok(SipUri { raw, secure, user, password, host: at.host, port: at.port, params, headers })
}

/// RFC 3966 §3: a global number, or a local one (whose `phone-context` is not insisted on).
fn tel<'a>(raw: &'a str, rest: &'a str, start: usize) -> Result<TelUri<'a>, ParseError> {
    let (number, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    let digits = number.strip_prefix('+').unwrap_or(number);
    let legal = |b: u8| b.is_ascii_hexdigit() || b"-.()*#".contains(&b);
    if let Some(at) = digits.bytes().position(|b| !legal(b)) {
        let sign = number.len().saturating_sub(digits.len());
        return Err(ParseError::new(
            ParseErrorKind::Uri,
            start.saturating_add(sign).saturating_add(at),
        ));
    }
    if !digits.bytes().any(|b| chars::hex_digit(b).is_some()) {
        return Err(ParseError::new(ParseErrorKind::Uri, start));
    }
    Ok(TelUri { raw, number, params })
}
