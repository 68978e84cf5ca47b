//! Reading URIs (RFC 3261 §25.1, RFC 3966 §3). Tolerant of raw characters that every phone
//! handles (`#`, `[` in the user part); strict about where the parts end.

use super::{OtherUri, SipUri, TelUri, Uri};
use alloc::collections::BTreeSet;
use proto_wire::text::chars;
use proto_wire::text::host::{Host, HostPort};
use proto_wire::text::window::{self, ShortWindow, Strides, Window};
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
        if bytes.starts_with(b"sip:") {
            return sip(bytes, 4, false).map(Self::Sip);
        }
        other_than_sip(text_of(bytes)?)
    }

    /// The same of what is known to be text, which is not looked at for that.
    ///
    /// # Errors
    /// As [`Uri::parse`].
    #[inline]
    pub fn parse_text(text: &'a str) -> Result<Self, ParseError> {
        Self::parse_leading(text, text.len())
    }

    /// The same of the first `len` bytes of a text that goes on, which are no part of it but can be
    /// read together with it.
    #[inline]
    pub(crate) fn parse_leading(text: &'a str, len: usize) -> Result<Self, ParseError> {
        if text.starts_with("sip:") {
            if let Some(uri) = usual_sip(text, len, 4, false) {
                return Ok(Self::Sip(uri));
            }
        }
        Self::parse(text.as_bytes().get(..len).unwrap_or(text.as_bytes()))
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
        if let Some(at) = odd(self.params, b"[]/:&+$;=") {
            return Some(at.saturating_add(self.params_at()));
        }
        // A question mark or a semicolon with nothing behind it.
        if self.headers.is_empty() && self.raw.ends_with('?') {
            return Some(self.raw.len().saturating_sub(1));
        }
        let mut rest = self.params;
        while let Some(tail) = rest.strip_prefix(';') {
            if tail.is_empty() || tail.starts_with([';', '=']) {
                let before = self.params.len().saturating_sub(tail.len());
                return Some(self.params_at().saturating_add(before));
            }
            rest = tail.find(';').and_then(|at| tail.get(at..)).unwrap_or("");
        }
        let headers_at = self.raw.len().saturating_sub(self.headers.len());
        odd(self.headers, b"[]/?:+$&=?").map(|at| at.saturating_add(headers_at))
    }

    /// Where the parameters begin, with their first semicolon.
    fn params_at(&self) -> usize {
        let mark = usize::from(!self.headers.is_empty() || self.raw.ends_with('?'));
        let behind = self.params.len().saturating_add(mark).saturating_add(self.headers.len());
        self.raw.len().saturating_sub(behind)
    }

    /// Where a parameter stands for the second time (RFC 3261 §19.1.1): tolerated, refused by the
    /// strict profile.
    #[must_use]
    pub fn repeated_param(&self) -> Option<usize> {
        let mut names = BTreeSet::new();
        let mut at = self.params_at();
        for param in self.params.split(';') {
            let name = param.split('=').next().unwrap_or("");
            if !name.is_empty() && !names.insert(name.to_ascii_lowercase()) {
                return Some(at);
            }
            at = at.saturating_add(param.len()).saturating_add(1);
        }
        None
    }
}

impl Uri<'_> {
    /// The first byte that the grammar does not have at its place, raw or in a broken escape: tolerated,
    /// refused by the strict profile. RFC 3261 §25.1, RFC 3966 §3.
    #[must_use]
    pub fn first_oddity(&self) -> Option<usize> {
        let odd = |text: &str, extra: &[u8]| {
            let before = self.as_str().len().saturating_sub(text.len());
            odd_byte(text.as_bytes(), extra).map(|at| at.saturating_add(before))
        };
        match self {
            Self::Sip(uri) => uri.first_oddity(),
            // The number was looked at when it was read.
            Self::Tel(uri) => odd(uri.params, b"[]/:&+$;="),
            // `uric`, and the brackets of an IPv6 address.
            Self::Other(uri) => odd(uri.rest, b";/?:@&=+$,[]"),
        }
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
    if let Some(at) = first_forbidden(bytes) {
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
        return sip(raw.as_bytes(), start, false).map(Uri::Sip);
    }
    if scheme.eq_ignore_ascii_case("sips") {
        return sip(raw.as_bytes(), start, true).map(Uri::Sip);
    }
    if scheme.eq_ignore_ascii_case("tel") {
        return tel(raw, rest, start).map(Uri::Tel);
    }
    Ok(Uri::Other(OtherUri { raw, scheme, rest }))
}

/// The first byte that no URI holds: control, space, `<`, `>`, `"` or DEL. Eight at a time.
#[inline]
fn first_forbidden(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Bit 7 of each byte that is `byte`; exact up to the first.
    const fn equal(word: u64, byte: u8) -> u64 {
        let zero = word ^ (byte as u64).wrapping_mul(ONES);
        zero.wrapping_sub(ONES) & !zero & HIGH
    }
    let mut rest = bytes;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let low = word.wrapping_sub(0x21_u64.wrapping_mul(ONES)) & !word & HIGH;
        // `<` and `>` differ in one bit.
        let brackets = equal(word | 0x02_u64.wrapping_mul(ONES), b'>');
        if low | brackets | equal(word, b'"') | equal(word, 0x7f) != 0 {
            break;
        }
        rest = behind;
    }
    let start = bytes.len().saturating_sub(rest.len());
    forbidden_in(rest).map(|at| start.saturating_add(at))
}

fn forbidden_in(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|b| matches!(b, 0..=b' ' | 0x7f | b'<' | b'>' | b'"'))
}

/// Where the parts of a sip URI are: the `@`, and the first `;` or `?` behind it. The user part
/// may hold `;` and `?`, nothing behind it may hold `@`.
#[inline]
fn structure(bytes: &[u8], start: usize) -> Result<(Option<usize>, usize), ParseError> {
    if let Some(at) = first_forbidden(bytes) {
        return Err(ParseError::new(ParseErrorKind::Uri, at));
    }
    let rest = bytes.get(start..).unwrap_or(&[]);
    let at_sign = rest.iter().position(|b| *b == b'@').map(|n| start.saturating_add(n));
    let host_at = at_sign.map_or(start, |at| at.saturating_add(1));
    let host = bytes.get(host_at..).unwrap_or(&[]);
    let host_len = host.iter().position(|b| matches!(b, b';' | b'?')).unwrap_or(host.len());
    Ok((at_sign, host_at.saturating_add(host_len)))
}

/// The URI in `bytes`, whose scheme and colon end at `start`.
#[inline]
fn sip(bytes: &[u8], start: usize, secure: bool) -> Result<SipUri<'_>, ParseError> {
    let text = chars::utf8(bytes);
    match text.and_then(|raw| usual_sip(raw, raw.len(), start, secure)) {
        Some(uri) => Ok(uri),
        None => any_sip(bytes, start, secure),
    }
}

/// The URI, when its host is a name or an IPv4 address and nothing is wrong. It is the first `len` bytes
/// of `text`, and its scheme ends at `start`.
#[inline(always)]
pub(super) fn usual_sip(text: &str, len: usize, start: usize, secure: bool) -> Option<SipUri<'_>> {
    let raw = text.get(..len)?;
    let marks = match len <= ShortWindow::LEN {
        true => Marks::of(&ShortWindow::at(text.as_bytes(), 0)),
        false => Marks::of(&Window::at(text.as_bytes(), 0)),
    };
    let within = window::first(len) & !window::first(start);
    if marks.odd & within != 0 || odd_behind_window(raw) {
        return None;
    }
    let (mut user, mut password, mut host_at) = (None, None, start);
    let at = (marks.at & within).trailing_zeros() as usize;
    if at != Window::LEN {
        // A colon before the `@` begins a password; without one, it begins the port.
        let colon = (marks.colon & within).trailing_zeros() as usize;
        let name = raw.get(start..colon.min(at)).filter(|name| !name.is_empty())?;
        (user, host_at) = (Some(name), at.wrapping_add(1));
        if colon < at {
            password = raw.get(colon.wrapping_add(1)..at);
        }
    }
    let ends = (marks.infrequent | !window::first(len)) & !window::first(host_at);
    let host_end = ends.trailing_zeros() as usize;
    if host_end == Window::LEN && len > Window::LEN {
        return None;
    }
    let (at, end) = HostPort::behind(raw.get(host_at..host_end)?, raw.as_bytes(), host_end)?;
    let tail = raw.get(end..)?;
    let (mut params, mut headers) = (tail, "");
    match tail.as_bytes().first() {
        None => {}
        Some(b';' | b'?') => {
            if let Some(question) = chars::find(tail.as_bytes(), b'?') {
                params = tail.get(..question)?;
                headers = tail.get(question.wrapping_add(1)..)?;
            }
        }
        Some(_) => return None,
    }
    Some(SipUri { raw, secure, user, password, host: at.host, port: at.port, params, headers })
}

/// What decides about the parts of a URI: a bit for each of its first bytes.
struct Marks {
    odd: u64,
    at: u64,
    colon: u64,
    infrequent: u64,
}

impl Marks {
    #[inline(always)]
    fn of<const N: usize>(window: &Strides<N>) -> Self {
        Self {
            odd: window.not_in_uri(),
            at: window.equal(b'@'),
            colon: window.equal(b':'),
            infrequent: window.infrequent(),
        }
    }
}

/// Whether there is anything in a long URI that decides about its parts, or that no URI holds.
#[inline(always)]
fn odd_behind_window(raw: &str) -> bool {
    let Some(behind) = raw.as_bytes().get(Window::LEN..) else { return false };
    // `<` and `>` differ in one bit.
    let odd = |b: u8| {
        let brackets = (b | 0x02) ^ b'>';
        b.saturating_sub(b' ').min(b ^ 0x7f).min(brackets).min(b ^ b'"').min(b ^ b'@')
    };
    chars::any_zero(behind, odd)
}

/// The same in any form, or what is wrong.
#[cold]
pub(super) fn any_sip(bytes: &[u8], start: usize, secure: bool) -> Result<SipUri<'_>, ParseError> {
    let (at_sign, host_end) = structure(bytes, start)?;
    let bad = || ParseError::new(ParseErrorKind::Uri, start);
    let raw = core::str::from_utf8(bytes)
        .map_err(|e| ParseError::new(ParseErrorKind::Uri, e.valid_up_to()))?;
    let cut = |from: usize, to: usize| raw.get(from..to).unwrap_or("");
    let (mut user, mut password) = (None, None);
    let mut host_at = start;
    if let Some(at) = at_sign {
        host_at = at.saturating_add(1);
        let userinfo = bytes.get(start..at).unwrap_or(&[]);
        let colon = userinfo.iter().position(|b| *b == b':').map(|n| start.saturating_add(n));
        user = Some(cut(start, colon.unwrap_or(at)));
        password = colon.map(|colon| cut(colon.saturating_add(1), at));
        if user.is_none_or(str::is_empty) {
            return Err(bad());
        }
    }
    let host = bytes.get(host_at..host_end).unwrap_or(&[]);
    let at = HostPort::parse(host).map_err(|e| e.at(host_at))?;
    // In Via a bare IPv6 address is tolerated; in a URI its port cannot be told from it
    // (RFC 5118 §4.2).
    if matches!(at.host, Host::V6(_)) && host.first() != Some(&b'[') {
        return Err(ParseError::new(ParseErrorKind::Host, host_at));
    }
    let (mut params, mut headers) = ("", "");
    if host_end < bytes.len() {
        let end = bytes.len();
        let behind = bytes.get(host_end..).unwrap_or(&[]);
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
