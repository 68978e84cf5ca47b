//! The description as a whole, and its session part.

use super::attribute::{Attribute, Attributes, Direction};
use super::line::{Line, Lines, fields};
use super::media::Media;
use super::quirk::{self, Quirk};
use super::times::{Period, Timing, ZoneAdjustment, periods, zone_adjustments};
use crate::text::chars;
use alloc::vec::Vec;
use core::net::IpAddr;

/// A description, read on demand. RFC 8866 §5.
#[derive(Clone, Copy, Debug)]
pub struct Sdp<'a> {
    bytes: &'a [u8],
    /// Where the first `m=` line begins.
    media_at: usize,
    /// Where the lines begin that all media ask for, else `media_at`: there may be as many
    /// lines before the first medium as there are media.
    connection_at: usize,
    range_at: usize,
    direction: Option<Direction>,
}

impl<'a> Sdp<'a> {
    /// A view of any bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut media_at = bytes.len();
        let (mut connection_at, mut range_at, mut direction) = (None, None, None);
        for line in Lines::new(bytes, 0) {
            match line.kind {
                b'm' => {
                    media_at = line.offset;
                    break;
                }
                b'c' if connection_at.is_none() && Connection::parse(line.value).is_some() => {
                    connection_at = Some(line.offset);
                }
                b'a' => {
                    let attribute = Attribute::of(line);
                    if attribute.is(b"range") {
                        range_at = range_at.or(Some(line.offset));
                    } else if direction.is_none() {
                        direction = Direction::from_name(attribute.name);
                    }
                }
                _ => {}
            }
        }
        let connection_at = connection_at.unwrap_or(media_at);
        let range_at = range_at.unwrap_or(media_at);
        Self { bytes, media_at, connection_at, range_at, direction }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// All lines, those that cannot be read included.
    #[must_use]
    pub const fn lines(self) -> Lines<'a> {
        Lines::new(self.bytes, 0)
    }

    /// The lines before the first `m=`.
    #[must_use]
    pub fn session_lines(self) -> Lines<'a> {
        self.session_lines_from(0)
    }

    fn session_lines_from(self, at: usize) -> Lines<'a> {
        Lines::new(self.bytes.get(at..self.media_at).unwrap_or_default(), at)
    }

    /// The media in order.
    pub fn media(self) -> impl Iterator<Item = Media<'a>> + Clone {
        let mut at = self.media_at;
        core::iter::from_fn(move || {
            let rest = self.bytes.get(at..)?;
            let mut lines = Lines::new(rest, at);
            let head = lines.find(|line| line.kind == b'm')?;
            let end =
                lines.find(|line| line.kind == b'm').map_or(self.bytes.len(), |line| line.offset);
            let section = self.bytes.get(head.offset..end).unwrap_or_default();
            at = end;
            Some(Media::new(self, head, section))
        })
    }

    /// The version (`v=`), always 0 so far.
    #[must_use]
    pub fn version(self) -> Option<u32> {
        chars::parse_u32(self.line(b'v')?.value)
    }

    /// Who made the session (`o=`), when the line has its six parts.
    #[must_use]
    pub fn origin(self) -> Option<Origin<'a>> {
        Origin::parse(self.line(b'o')?.value)
    }

    /// The name (`s=`): the first that is not empty.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        self.session_lines()
            .find(|line| line.kind == b's' && !line.value.is_empty())
            .and_then(|line| line.text())
    }

    /// About the session, for people (`i=`).
    #[must_use]
    pub fn information(self) -> Option<&'a str> {
        self.line(b'i')?.text()
    }

    /// More about the session (`u=`).
    #[must_use]
    pub fn uri(self) -> Option<&'a str> {
        self.line(b'u')?.text()
    }

    /// The session's address (`c=`), when it can be read.
    #[must_use]
    pub fn connection(self) -> Option<Connection<'a>> {
        connections(self.session_lines_from(self.connection_at)).next()
    }

    /// The session's bandwidths (`b=`).
    pub fn bandwidths(self) -> impl Iterator<Item = Bandwidth<'a>> + Clone {
        bandwidths(self.session_lines())
    }

    /// When the session is active (`t=`).
    pub fn timings(self) -> impl Iterator<Item = Timing> + Clone {
        self.session_lines()
            .filter(|line| line.kind == b't')
            .filter_map(|line| Timing::parse(line.value))
    }

    /// The same with the `r=` lines of each.
    pub fn periods(self) -> impl Iterator<Item = Period<'a>> + Clone {
        periods(self.session_lines())
    }

    /// How the clocks change while it repeats (`z=`).
    pub fn zone_adjustments(self) -> impl Iterator<Item = ZoneAdjustment> + Clone {
        self.line(b'z').into_iter().flat_map(|line| zone_adjustments(line.value))
    }

    /// Whom to write to (`e=`): addresses, with names in one of two notations.
    pub fn emails(self) -> impl Iterator<Item = &'a str> + Clone {
        self.texts(b'e')
    }

    /// Whom to call (`p=`): numbers, with names in one of two notations.
    pub fn phones(self) -> impl Iterator<Item = &'a str> + Clone {
        self.texts(b'p')
    }

    /// A key (`k=`), as it was sent. RFC 8866 §5.12 forbids it; older peers send it.
    #[must_use]
    pub fn key(self) -> Option<&'a str> {
        self.line(b'k')?.text()
    }

    fn texts(self, kind: u8) -> impl Iterator<Item = &'a str> + Clone {
        self.session_lines().filter(move |line| line.kind == kind).filter_map(|line| line.text())
    }

    /// The session's attributes (`a=` before the first `m=`).
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.session_lines())
    }

    /// The base of the media's control URLs (`a=control`, RFC 2326 §C.1.1).
    #[must_use]
    pub fn control(self) -> Option<&'a str> {
        self.attributes().text(b"control")
    }

    /// The range of the presentation (`a=range`, RFC 2326 §C.1.5), as it was sent.
    #[must_use]
    pub fn range(self) -> Option<&'a str> {
        Attributes::new(self.session_lines_from(self.range_at)).text(b"range")
    }

    pub(super) const fn direction(self) -> Option<Direction> {
        self.direction
    }

    /// Every deviation from RFC 8866, with the offset where it is.
    #[must_use]
    pub fn quirks(self) -> Vec<(Quirk, usize)> {
        let mut out = Vec::new();
        self.visit_quirks(|quirk, offset| out.push((quirk, offset)));
        out
    }

    /// The same without allocating.
    pub fn visit_quirks(self, visit: impl FnMut(Quirk, usize)) {
        quirk::visit(self, visit);
    }

    fn line(self, kind: u8) -> Option<Line<'a>> {
        self.session_lines().find(|line| line.kind == kind)
    }
}

pub(super) fn connections(lines: Lines<'_>) -> impl Iterator<Item = Connection<'_>> + Clone {
    lines.filter(|line| line.kind == b'c').filter_map(|line| Connection::parse(line.value))
}

pub(super) fn bandwidths(lines: Lines<'_>) -> impl Iterator<Item = Bandwidth<'_>> + Clone {
    lines.filter(|line| line.kind == b'b').filter_map(|line| Bandwidth::parse(line.value))
}

/// Who made a session (RFC 8866 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin<'a> {
    /// A user name, or `-`.
    pub username: &'a str,
    /// A number that, with the other parts, names the session; devices send text too.
    pub session_id: &'a str,
    /// Rises when the description changes.
    pub session_version: &'a str,
    /// `IN`.
    pub net_type: &'a str,
    /// `IP4` or `IP6`.
    pub addr_type: &'a str,
    /// An address or a name.
    pub address: &'a str,
}

impl<'a> Origin<'a> {
    /// Reads the value of `o=`. Spaces in the user name (seen in the field) are taken as
    /// part of it.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts =
            value.rsplitn(6, |b| *b == b' ').map(|part| core::str::from_utf8(part).unwrap_or(""));
        let address = parts.next()?;
        let addr_type = parts.next()?;
        let net_type = parts.next()?;
        let session_version = parts.next()?;
        let session_id = parts.next()?;
        let username = parts.next()?;
        Some(Self { username, session_id, session_version, net_type, addr_type, address })
    }
}

/// Where media goes (RFC 8866 §5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection<'a> {
    /// `IN`.
    pub net_type: &'a str,
    /// `IP4` or `IP6`; `IPV4` is seen in the field.
    pub addr_type: &'a str,
    /// The address or name, without what follows a slash.
    pub address: &'a str,
    /// How far multicast packets go (IPv4).
    pub ttl: Option<u8>,
    /// How many multicast addresses, counted up from this one.
    pub count: Option<u32>,
}

impl<'a> Connection<'a> {
    /// Reads the value of `c=`; `None` when it has less than three parts.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts = fields(value);
        let (net_type, addr_type, full) = (parts.next()?, parts.next()?, parts.next()?);
        let mut parts = full.split('/');
        let address = parts.next().filter(|address| !address.is_empty())?;
        let (first, second) = (parts.next(), parts.next());
        let ipv6 = address.contains(':');
        let (ttl, count) = if ipv6 { (None, first) } else { (first, second) };
        Some(Self {
            net_type,
            addr_type,
            address,
            ttl: ttl.and_then(|ttl| ttl.parse().ok()),
            count: count.and_then(|count| count.parse().ok()),
        })
    }

    /// The address, unless it is a name.
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        self.address.parse().ok()
    }
}

/// A bandwidth (RFC 8866 §5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bandwidth<'a> {
    /// `CT`, `AS` or another word.
    pub kind: &'a str,
    /// How much: kilobits per second for `CT` and `AS`.
    pub value: u64,
}

impl<'a> Bandwidth<'a> {
    /// Reads the value of `b=`.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let colon = memchr::memchr(b':', value)?;
        let (kind, number) = value.split_at_checked(colon)?;
        let number = chars::trim(number.get(1..)?);
        Some(Self {
            kind: core::str::from_utf8(chars::trim(kind)).ok()?,
            value: chars::parse_u64(number)?,
        })
    }
}
