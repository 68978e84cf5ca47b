//! Hosts and ports (RFC 3261 §25.1, RFC 3986 §3.2.2).

use super::chars;
use crate::{ParseError, ParseErrorKind};
use core::fmt::{self, Write as _};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host: a name or an address. Names compare without regard to case.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 §25.1 has these three kinds")]
pub enum Host<'a> {
    /// A name, as it was sent. Digits-only labels and underscores are accepted: devices
    /// and containers use them.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; brackets are not part of it.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host that is all of `bytes`. An IPv6 address may stand with or without
    /// brackets.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::Host`] with the offset of the first byte that does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let bad = |at| ParseError::new(ParseErrorKind::Host, at);
        match bytes {
            [] => return Err(bad(0)),
            [b'[', inner @ .., b']'] => return parse_v6(inner).map(Self::V6).ok_or_else(|| bad(1)),
            _ => {}
        }
        if let Some(at) = bytes.iter().position(|b| !chars::is_host_byte(*b)) {
            return parse_v6(bytes).map(Self::V6).ok_or_else(|| bad(at));
        }
        chars::utf8(bytes).and_then(name_or_v4).ok_or_else(|| bad(0))
    }

    /// The address, unless this is a name.
    #[must_use]
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(address)),
            Self::V6(address) => Some(IpAddr::V6(address)),
        }
    }

    /// The name, unless this is an address.
    #[must_use]
    pub const fn name(self) -> Option<&'a str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

impl From<IpAddr> for Host<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::V4(a), Self::V4(b)) => a == b,
            (Self::V6(a), Self::V6(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Host<'_> {}

/// As it stands in a URI: IPv6 in brackets.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// `text` holds nothing but host bytes; `None` when it is empty.
#[inline]
fn name_or_v4(text: &str) -> Option<Host<'_>> {
    match text.as_bytes() {
        [] => None,
        [b'0'..=b'9', ..] => Some(text.parse().map_or(Host::Name(text), Host::V4)),
        _ => Some(Host::Name(text)),
    }
}

/// The port whose colon is at `at`, when there is one, and where what follows it begins.
#[inline(always)]
fn port_at(bytes: &[u8], at: usize) -> Option<(Option<u16>, usize)> {
    if bytes.get(at) != Some(&b':') {
        return Some((None, at));
    }
    let digits_at = at.wrapping_add(1);
    let (mut port, mut end) = (0_u16, digits_at);
    while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
        port = port.checked_mul(10)?.checked_add(u16::from(digit.wrapping_sub(b'0')))?;
        end = end.wrapping_add(1);
    }
    (end != digits_at).then_some((Some(port), end))
}

fn parse_v6(bytes: &[u8]) -> Option<Ipv6Addr> {
    let text = core::str::from_utf8(bytes).ok()?;
    text.parse().ok().or_else(|| parse_extra_colon(text))
}

/// The grammar of RFC 3261 has one colon too many before the IPv4 part, `2001:db8:::192.0.2.1`:
/// tolerated (RFC 5118 §4.10).
#[cold]
fn parse_extra_colon(text: &str) -> Option<Ipv6Addr> {
    let (front, v4) = text.split_once(":::")?;
    let v4: Ipv4Addr = v4.parse().ok()?;
    // Parsed with the two colons that are meant, so that all other rules hold.
    let mut shortened = [0_u8; 64];
    let mut writer = Shortened { bytes: &mut shortened, len: 0 };
    write!(writer, "{front}::{v4}").ok()?;
    let len = writer.len;
    core::str::from_utf8(shortened.get(..len)?).ok()?.parse().ok()
}

struct Shortened<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl fmt::Write for Shortened<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// A host with an optional port.
///
/// ```
/// use proto_wire::text::host::HostPort;
///
/// let at = HostPort::parse(b"[2001:db8::1]:5060")?;
/// assert_eq!(at.port, Some(5060));
/// assert_eq!(at.to_string(), "[2001:db8::1]:5060");
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostPort<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The port, when one was given. Absent and default are different (RFC 3261 §19.1.4).
    pub port: Option<u16>,
}

impl<'a> HostPort<'a> {
    /// A host and a port.
    #[must_use]
    pub const fn new(host: Host<'a>, port: Option<u16>) -> Self {
        Self { host, port }
    }

    /// Reads a name or an IPv4 address, perhaps with a port, and what follows: for hosts
    /// within longer values. `None` for any other form and for what is malformed;
    /// [`HostPort::parse`] tells.
    #[must_use]
    #[inline]
    pub fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (host, _) = bytes.split_at_checked(chars::host_len(bytes))?;
        let (at, end) = Self::behind(chars::utf8(host)?, bytes, host.len())?;
        Some((at, bytes.get(end..)?))
    }

    /// The host `name`, which is made of letters, digits, `-`, `.` and `_` and ends at `at` in `bytes`,
    /// with the port that may follow; and where what follows both begins. `None` as for
    /// [`HostPort::split`].
    #[must_use]
    #[inline]
    pub fn behind(name: &'a str, bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        let (port, end) = port_at(bytes, at)?;
        Some((Self { host: name_or_v4(name)?, port }, end))
    }

    /// Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address, with white
    /// space around the colon (RFC 3261 allows it in Via).
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::Host`] or [`ParseErrorKind::Port`] with its offset.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        // Nearly always a name or an IPv4 address, perhaps with a port.
        match Self::split(bytes) {
            Some((found, [])) => Ok(found),
            _ => Self::parse_slowly(bytes),
        }
    }

    /// Brackets, bare IPv6 addresses, white space, and what is wrong.
    #[cold]
    fn parse_slowly(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let lead = chars::lws_len(bytes);
        let bytes = chars::trim(bytes);
        Self::parse_trimmed(bytes).map_err(|error| error.at(lead))
    }

    fn parse_trimmed(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let host_end = match bytes.first() {
            Some(b'[') => memchr::memchr(b']', bytes)
                .map(|at| at.saturating_add(1))
                .ok_or_else(|| ParseError::new(ParseErrorKind::Host, 0))?,
            _ => memchr::memchr(b':', bytes).unwrap_or(bytes.len()),
        };
        let (host, rest) = bytes.split_at_checked(host_end).unwrap_or((bytes, &[]));
        let tail = chars::trim_start(rest);
        let Some(port) = tail.strip_prefix(b":") else {
            if !tail.is_empty() {
                return Err(ParseError::new(ParseErrorKind::Host, host_end));
            }
            return Host::parse(chars::trim_end(host)).map(|host| Self { host, port: None });
        };
        // More than one colon without brackets: a bare IPv6 address.
        if bytes.first() != Some(&b'[') && port.contains(&b':') {
            return Host::parse(bytes).map(|host| Self { host, port: None });
        }
        let port_at = bytes.len().saturating_sub(port.len());
        let port = chars::parse_u16(chars::trim(port))
            .ok_or_else(|| ParseError::new(ParseErrorKind::Port, port_at))?;
        let host = Host::parse(chars::trim_end(host))?;
        Ok(Self { host, port: Some(port) })
    }
}

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => self.host.fmt(f),
            Some(port) => write!(f, "{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    fn shown(text: &str) -> Result<String, (ParseErrorKind, usize)> {
        HostPort::parse(text.as_bytes())
            .map(|host| host.to_string())
            .map_err(|e| (e.kind(), e.offset()))
    }

    #[test]
    fn hosts_and_ports_are_read() {
        for (text, expected) in [
            ("example.com", "example.com"),
            ("example.com:5060", "example.com:5060"),
            (" example.com : 5060 ", "example.com:5060"),
            ("192.0.2.1:0", "192.0.2.1:0"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
            ("2001:db8::9:1", "[2001:db8::9:1]"),
            ("3402000000", "3402000000"),
            ("0f5e_container", "0f5e_container"),
            ("[::ffff:192.0.2.128]:5060", "[::ffff:192.0.2.128]:5060"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn malformed_hosts_and_ports_are_refused_where_they_are_wrong() {
        for (text, kind, offset) in [
            ("", ParseErrorKind::Host, 0),
            (":5060", ParseErrorKind::Host, 0),
            ("a b", ParseErrorKind::Host, 1),
            ("a@b", ParseErrorKind::Host, 1),
            ("[::1", ParseErrorKind::Host, 0),
            ("[::1]x", ParseErrorKind::Host, 5),
            ("[zz]", ParseErrorKind::Host, 1),
            ("a:", ParseErrorKind::Port, 2),
            ("a:65536", ParseErrorKind::Port, 2),
            ("a:+1", ParseErrorKind::Port, 2),
            ("  a:x", ParseErrorKind::Port, 4),
        ] {
            assert_eq!(shown(text), Err((kind, offset)), "{text}");
        }
    }

    #[test]
    fn names_compare_without_case_and_ports_exactly() {
        let parse = |text: &'static str| HostPort::parse(text.as_bytes()).unwrap();
        assert_eq!(parse("Example.COM"), parse("example.com"));
        assert_ne!(parse("example.com"), parse("example.com:5060"));
        assert_ne!(parse("192.0.2.1"), parse("192.0.2.2"));
        assert_eq!(parse("192.0.2.1"), parse("192.0.2.1"));
        assert_eq!(parse("2001:DB8::1"), parse("[2001:db8:0::1]"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8::2"));
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        let v4 = Ipv4Addr::new(192, 0, 2, 1);
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0xc000, 0x201);
        for (text, name, ip) in [
            ("a1.example", Some("a1.example"), None),
            ("192.0.2.256", Some("192.0.2.256"), None),
            ("192.0.2.1", None, Some(IpAddr::V4(v4))),
            ("[2001:db8::c000:201]", None, Some(IpAddr::V6(v6))),
            // RFC 5118 §4.10
            ("[2001:db8:::192.0.2.1]", None, Some(IpAddr::V6(v6))),
            ("2001:db8:::192.0.2.1", None, Some(IpAddr::V6(v6))),
        ] {
            let host = Host::parse(text.as_bytes()).unwrap();
            assert_eq!((host.name(), host.ip()), (name, ip), "{text}");
            assert_eq!(ip.map(Host::from), ip.map(|_| host));
        }
        for text in ["2001:db8:::192.0.2.1:::192.0.2.1", "1:2:3:4:5:6:7:::192.0.2.1", ":::x"] {
            assert!(Host::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_within_a_longer_value_ends_where_it_ends() {
        let name = |name, port| HostPort::new(Host::Name(name), port);
        for (text, expected) in [
            ("a", Some((name("a", None), ""))),
            ("a;b", Some((name("a", None), ";b"))),
            ("a-1_b.c:5060;x=1", Some((name("a-1_b.c", Some(5060)), ";x=1"))),
            ("a:65535 ", Some((name("a", Some(65_535)), " "))),
            ("a:0:1", Some((name("a", Some(0)), ":1"))),
            ("192.0.2.1>", Some((HostPort::new(Host::V4(Ipv4Addr::new(192, 0, 2, 1)), None), ">"))),
            ("a:65536", None),
            ("a:", None),
            (":5060", None),
            ("", None),
            ("[::1]", None),
        ] {
            let split = HostPort::split(text.as_bytes());
            assert_eq!(split, expected.map(|(at, rest)| (at, rest.as_bytes())), "{text}");
            if let Some((at, rest)) = split {
                let end = text.len() - rest.len();
                let (host, _) = text.split_at(end);
                assert_eq!(HostPort::parse(host.as_bytes()), Ok(at), "{text}");
            }
        }
    }
}
