//! Attributes (`a=`), and the ones that every player needs.

use super::line::{Line, Lines};
use crate::text::chars;
use crate::text::params::Params;

/// The attributes of a session or of a medium, in order. RFC 8866 §5.13.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(Lines<'a>);

/// One attribute. RFC 8866 §5.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute<'a> {
    /// The name; matched without regard to case here, as devices vary it.
    pub name: &'a [u8],
    /// What follows the colon, without white space around it; `None` without a colon.
    pub value: Option<&'a [u8]>,
    /// Where its line begins in the description.
    pub offset: usize,
}

impl<'a> Attribute<'a> {
    pub(super) fn of(line: Line<'a>) -> Self {
        let colon = memchr::memchr(b':', line.value);
        let (name, value) = match colon.and_then(|at| line.value.split_at_checked(at)) {
            None => (line.value, None),
            Some((name, rest)) => {
                let value = rest.get(1..).unwrap_or_default();
                (chars::trim(name), Some(chars::trim(value)))
            }
        };
        Self { name, value, offset: line.offset }
    }

    /// Whether the name is `name`.
    #[must_use]
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value when it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        core::str::from_utf8(self.value?).ok()
    }
}

impl<'a> Attributes<'a> {
    pub(super) const fn new(lines: Lines<'a>) -> Self {
        Self(lines)
    }

    /// The first of this name.
    #[must_use]
    pub fn get(self, name: &[u8]) -> Option<Attribute<'a>> {
        let mut attributes = self;
        attributes.find(|attribute| attribute.is(name))
    }

    /// All of this name.
    pub fn all(self, name: &[u8]) -> impl Iterator<Item = Attribute<'a>> {
        self.filter(move |attribute| attribute.is(name))
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn contains(self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// The value of the first of this name, when it is UTF-8.
    #[must_use]
    pub fn text(self, name: &[u8]) -> Option<&'a str> {
        self.get(name)?.text()
    }

    /// The first direction given (RFC 8866 §6.7).
    #[must_use]
    pub fn direction(self) -> Option<Direction> {
        let mut attributes = self;
        attributes.find_map(|attribute| Direction::from_name(attribute.name))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        self.0.find(|line| line.kind == b'a').map(Attribute::of)
    }
}

/// Which way media flows, seen from whoever sent the description (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "RFC 8866 §6.7 has these four")]
pub enum Direction {
    /// Both ways; what is meant when nothing is said.
    #[default]
    SendRecv,
    /// Only from the sender of the description.
    SendOnly,
    /// Only to it.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction of this name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| name.eq_ignore_ascii_case(direction.name().as_bytes()))
    }

    /// The same seen from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            both => both,
        }
    }
}

/// What a payload type means (`a=rtpmap`, RFC 8866 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RtpMap<'a> {
    /// The payload type, 0-127.
    pub payload_type: u8,
    /// The encoding; compare without regard to case.
    pub encoding: &'a str,
    /// Ticks per second; 0 when it was not given.
    pub clock_rate: u32,
    /// Channels of audio; 1 when it was not given.
    pub channels: u16,
}

impl<'a> RtpMap<'a> {
    /// Reads the value of `a=rtpmap`; `None` without payload type and encoding.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts = super::line::fields(value);
        let payload_type = payload_type(parts.next()?)?;
        let mut parts = parts.next()?.split('/');
        Some(Self {
            payload_type,
            encoding: parts.next().filter(|encoding| !encoding.is_empty())?,
            clock_rate: parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0),
            channels: parts.next().and_then(|n| n.parse().ok()).unwrap_or(1),
        })
    }

    /// What the payload types mean that need no `a=rtpmap` (RFC 3551 §6).
    #[must_use]
    pub const fn of_static(payload_type: u8) -> Option<RtpMap<'static>> {
        let (encoding, clock_rate, channels) = match payload_type {
            0 => ("PCMU", 8_000, 1),
            3 => ("GSM", 8_000, 1),
            4 => ("G723", 8_000, 1),
            5 => ("DVI4", 8_000, 1),
            6 => ("DVI4", 16_000, 1),
            7 => ("LPC", 8_000, 1),
            8 => ("PCMA", 8_000, 1),
            9 => ("G722", 8_000, 1),
            10 => ("L16", 44_100, 2),
            11 => ("L16", 44_100, 1),
            12 => ("QCELP", 8_000, 1),
            13 => ("CN", 8_000, 1),
            14 => ("MPA", 90_000, 1),
            15 => ("G728", 8_000, 1),
            16 => ("DVI4", 11_025, 1),
            17 => ("DVI4", 22_050, 1),
            18 => ("G729", 8_000, 1),
            25 => ("CelB", 90_000, 1),
            26 => ("JPEG", 90_000, 1),
            28 => ("nv", 90_000, 1),
            31 => ("H261", 90_000, 1),
            32 => ("MPV", 90_000, 1),
            33 => ("MP2T", 90_000, 1),
            34 => ("H263", 90_000, 1),
            _ => return None,
        };
        Some(RtpMap { payload_type, encoding, clock_rate, channels })
    }
}

/// Parameters of a format (`a=fmtp`, RFC 8866 §6.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fmtp<'a> {
    /// The format, for RTP the payload type.
    pub format: &'a str,
    /// What follows it.
    pub value: &'a [u8],
}

impl<'a> Fmtp<'a> {
    /// Reads the value of `a=fmtp`.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let len = value.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(value.len());
        let (format, rest) = value.split_at_checked(len)?;
        Some(Self {
            format: core::str::from_utf8(format).ok().filter(|f| !f.is_empty())?,
            value: chars::trim(rest),
        })
    }

    /// The `name=value` pairs that semicolons separate, as most formats have them.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.value)
    }
}

pub(super) fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|pt| *pt < 128)
}
