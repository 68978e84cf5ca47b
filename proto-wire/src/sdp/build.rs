//! Writing descriptions.

use super::attribute::Direction;
use crate::text::chars;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::net::IpAddr;
use thiserror::Error;

/// Writes a description that follows RFC 8866: lines in order, each on one line, nothing
/// missing. What would break that is refused by [`SdpBuilder::build`].
///
/// ```
/// use proto_wire::sdp::{Direction, MediaBuilder, SdpBuilder};
///
/// let sdp = SdpBuilder::new("A tone")
///     .origin(1, 1, [127, 0, 0, 1].into())
///     .connection([0, 0, 0, 0].into())
///     .attribute("control", "*")
///     .media(MediaBuilder::new("audio", 0, "RTP/AVP").rtp(0, "PCMU", 8000, 1)
///         .direction(Direction::SendOnly)
///         .attribute("control", "track1"))
///     .build()?;
/// assert_eq!(sdp, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=A tone\r\nc=IN IP4 0.0.0.0\r\n\
///     t=0 0\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n\
///     a=control:track1\r\n");
/// let injected = SdpBuilder::new("x\r\nm=video 0 RTP/AVP 96").build();
/// assert!(injected.is_err());
/// # Ok::<(), proto_wire::sdp::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SdpBuilder {
    origin: String,
    name: String,
    information: Option<String>,
    uri: Option<String>,
    emails: Vec<String>,
    phones: Vec<String>,
    connection: Option<IpAddr>,
    bandwidths: Vec<(String, u64)>,
    /// `t=` and `r=`, in order; none is one without bounds.
    timings: Vec<(u8, String)>,
    zones: Vec<String>,
    key: Option<String>,
    attributes: Vec<(String, Option<String>)>,
    media: Vec<MediaBuilder>,
}

/// One medium of an [`SdpBuilder`].
#[derive(Clone, Debug)]
pub struct MediaBuilder {
    kind: String,
    port: u16,
    port_count: u16,
    protocol: String,
    formats: Vec<String>,
    information: Option<String>,
    connection: Option<IpAddr>,
    bandwidths: Vec<(String, u64)>,
    key: Option<String>,
    attributes: Vec<(String, Option<String>)>,
}

/// Why a description cannot be written. RFC 8866 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{problem} in a {}= line", char::from(*.line))]
#[non_exhaustive]
pub struct BuildError {
    /// The letter of the line.
    pub line: u8,
    /// What is wrong with it.
    pub problem: BuildProblem,
}

/// What is wrong with a value. RFC 8866 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildProblem {
    /// A line end or NUL would begin another line.
    #[error("a line end or NUL")]
    LineEnd,
    /// White space at an end, which readers drop.
    #[error("white space at an end")]
    OuterSpace,
    /// No text where some must be.
    #[error("an empty value")]
    Empty,
    /// White space or another character that may not stand in a name.
    #[error("a name that is not a token")]
    Token,
    /// A medium without formats.
    #[error("no format")]
    NoFormat,
    /// Neither the session nor this medium has an address.
    #[error("no address")]
    NoConnection,
}

impl SdpBuilder {
    /// A session of this name (`s=`; empty becomes `-`), made by nobody at 0.0.0.0, active
    /// without bounds.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name: String = name.into();
        Self {
            origin: "- 0 0 IN IP4 0.0.0.0".into(),
            name: if name.is_empty() { "-".into() } else { name },
            information: None,
            uri: None,
            emails: Vec::new(),
            phones: Vec::new(),
            connection: None,
            bandwidths: Vec::new(),
            timings: Vec::new(),
            zones: Vec::new(),
            key: None,
            attributes: Vec::new(),
            media: Vec::new(),
        }
    }

    /// Who made it (`o=`): an id that is unique at this address, and a version that rises
    /// when the description changes.
    #[must_use]
    pub fn origin(mut self, session_id: u64, session_version: u64, address: IpAddr) -> Self {
        let address = InAddress(address);
        self.origin = format!("- {session_id} {session_version} {address}");
        self
    }

    /// About it, for people (`i=`).
    #[must_use]
    pub fn information(mut self, text: impl Into<String>) -> Self {
        self.information = Some(text.into());
        self
    }

    /// More about it (`u=`).
    #[must_use]
    pub fn uri(mut self, uri: impl Into<String>) -> Self {
        self.uri = Some(uri.into());
        self
    }

    /// Whom to write to (`e=`): `ann@example.com (Ann)` or `Ann <ann@example.com>`. Each
    /// call adds one.
    #[must_use]
    pub fn email(mut self, address: impl Into<String>) -> Self {
        self.emails.push(address.into());
        self
    }

    /// Whom to call (`p=`): `+44 20 7946 0000 (Ann)`. Each call adds one.
    #[must_use]
    pub fn phone(mut self, number: impl Into<String>) -> Self {
        self.phones.push(number.into());
        self
    }

    /// The address of all media that have none of their own (`c=`).
    #[must_use]
    pub const fn connection(mut self, address: IpAddr) -> Self {
        self.connection = Some(address);
        self
    }

    /// A bandwidth (`b=`): `AS` and `CT` count kilobits per second.
    #[must_use]
    pub fn bandwidth(mut self, kind: impl Into<String>, value: u64) -> Self {
        self.bandwidths.push((kind.into(), value));
        self
    }

    /// When it is active (`t=`), in seconds since 1900; 0 is no bound. Each call adds a
    /// period; without any it is active without bounds.
    #[must_use]
    pub fn timing(mut self, start: u64, stop: u64) -> Self {
        self.timings.push((b't', format!("{start} {stop}")));
        self
    }

    /// How the period before repeats (`r=`, RFC 8866 §5.10), in seconds: from one time to
    /// the next, how long, and when it begins, each counted from the period's start.
    #[must_use]
    pub fn repeat(mut self, interval: u64, duration: u64, offsets: &[u64]) -> Self {
        let mut line = format!("{interval} {duration}");
        for offset in offsets {
            push(&mut line, format_args!(" {offset}"));
        }
        self.timings.push((b'r', line));
        self
    }

    /// How the clocks change meanwhile (`z=`, RFC 8866 §5.11): at this time, in seconds
    /// since 1900, by so many seconds. Each call adds one.
    #[must_use]
    pub fn zone_adjustment(mut self, at: u64, offset: i64) -> Self {
        self.zones.push(format!("{at} {offset}"));
        self
    }

    /// A key (`k=`). RFC 8866 §5.12 forbids it; it is here for peers that want RFC 4566.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// An attribute with a value (`a=name:value`).
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), Some(value.into())));
        self
    }

    /// An attribute without a value (`a=name`).
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.attributes.push((name.into(), None));
        self
    }

    /// Adds a medium.
    #[must_use]
    pub fn media(mut self, media: MediaBuilder) -> Self {
        self.media.push(media);
        self
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// The first value that would make it malformed.
    pub fn build(&self) -> Result<String, BuildError> {
        let mut out = Writer(String::with_capacity(256));
        out.line(b'v', "0")?;
        out.line(b'o', &self.origin)?;
        out.line(b's', &self.name)?;
        out.optional(b'i', self.information.as_deref())?;
        out.optional(b'u', self.uri.as_deref())?;
        for email in &self.emails {
            out.line(b'e', email)?;
        }
        for phone in &self.phones {
            out.line(b'p', phone)?;
        }
        out.connection(self.connection)?;
        out.bandwidths(&self.bandwidths)?;
        if self.timings.first().is_none_or(|(kind, _)| *kind != b't') {
            out.line(b't', "0 0")?;
        }
        for (kind, line) in &self.timings {
            if *kind == b'r' && line.matches(' ').count() < 2 {
                return Err(BuildError { line: b'r', problem: BuildProblem::Empty });
            }
            out.line(*kind, line)?;
        }
        if !self.zones.is_empty() {
            out.line(b'z', &self.zones.join(" "))?;
        }
        out.optional(b'k', self.key.as_deref())?;
        out.attributes(&self.attributes)?;
        for media in &self.media {
            if self.connection.is_none() && media.connection.is_none() {
                return Err(BuildError { line: b'c', problem: BuildProblem::NoConnection });
            }
            media.write(&mut out)?;
        }
        Ok(out.0)
    }
}

impl MediaBuilder {
    /// A medium (`m=`): `audio`, `video` and so on; port 0 where the port is agreed
    /// elsewhere (RTSP) or the medium refused; `RTP/AVP` and so on.
    #[must_use]
    pub fn new(kind: impl Into<String>, port: u16, protocol: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            port,
            port_count: 1,
            protocol: protocol.into(),
            formats: Vec::new(),
            information: None,
            connection: None,
            bandwidths: Vec::new(),
            key: None,
            attributes: Vec::new(),
        }
    }

    /// How many ports, for layers.
    #[must_use]
    pub const fn port_count(mut self, count: u16) -> Self {
        self.port_count = count;
        self
    }

    /// Adds a format; the first is preferred. At least one is needed.
    #[must_use]
    pub fn format(mut self, format: impl Into<String>) -> Self {
        self.formats.push(format.into());
        self
    }

    /// Adds an RTP format with its `a=rtpmap`.
    #[must_use]
    pub fn rtp(mut self, payload_type: u8, encoding: &str, clock_rate: u32, channels: u16) -> Self {
        self.formats.push(payload_type.to_string());
        let map = match channels {
            0 | 1 => format!("{payload_type} {encoding}/{clock_rate}"),
            _ => format!("{payload_type} {encoding}/{clock_rate}/{channels}"),
        };
        self.attribute("rtpmap", map)
    }

    /// Parameters of a format (`a=fmtp`).
    #[must_use]
    pub fn fmtp(self, format: impl fmt::Display, params: &str) -> Self {
        self.attribute("fmtp", format!("{format} {params}"))
    }

    /// Which way it flows.
    #[must_use]
    pub fn direction(self, direction: Direction) -> Self {
        self.flag(direction.name())
    }

    /// About it, for people (`i=`).
    #[must_use]
    pub fn information(mut self, text: impl Into<String>) -> Self {
        self.information = Some(text.into());
        self
    }

    /// Its own address (`c=`).
    #[must_use]
    pub const fn connection(mut self, address: IpAddr) -> Self {
        self.connection = Some(address);
        self
    }

    /// A bandwidth (`b=`): `AS` counts kilobits per second.
    #[must_use]
    pub fn bandwidth(mut self, kind: impl Into<String>, value: u64) -> Self {
        self.bandwidths.push((kind.into(), value));
        self
    }

    /// Its own key (`k=`). RFC 8866 §5.12 forbids it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// An attribute with a value (`a=name:value`).
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((name.into(), Some(value.into())));
        self
    }

    /// An attribute without a value (`a=name`).
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>) -> Self {
        self.attributes.push((name.into(), None));
        self
    }

    fn write(&self, out: &mut Writer) -> Result<(), BuildError> {
        token(b'm', &self.kind)?;
        for part in self.protocol.split('/') {
            token(b'm', part)?;
        }
        let mut line = format!("{} {}", self.kind, self.port);
        if self.port_count > 1 {
            push(&mut line, format_args!("/{}", self.port_count));
        }
        push(&mut line, format_args!(" {}", self.protocol));
        if self.formats.is_empty() {
            return Err(BuildError { line: b'm', problem: BuildProblem::NoFormat });
        }
        for format in &self.formats {
            word(b'm', format)?;
            push(&mut line, format_args!(" {format}"));
        }
        out.line(b'm', &line)?;
        out.optional(b'i', self.information.as_deref())?;
        out.connection(self.connection)?;
        out.bandwidths(&self.bandwidths)?;
        out.optional(b'k', self.key.as_deref())?;
        out.attributes(&self.attributes)
    }
}

struct Writer(String);

impl Writer {
    fn line(&mut self, kind: u8, value: &str) -> Result<(), BuildError> {
        check(kind, value)?;
        self.0.push(char::from(kind));
        self.0.push('=');
        self.0.push_str(value);
        self.0.push_str("\r\n");
        Ok(())
    }

    fn optional(&mut self, kind: u8, value: Option<&str>) -> Result<(), BuildError> {
        value.map_or(Ok(()), |value| self.line(kind, value))
    }

    fn connection(&mut self, address: Option<IpAddr>) -> Result<(), BuildError> {
        address.map_or(Ok(()), |ip| self.line(b'c', &InAddress(ip).to_string()))
    }

    fn bandwidths(&mut self, bandwidths: &[(String, u64)]) -> Result<(), BuildError> {
        for (kind, value) in bandwidths {
            token(b'b', kind)?;
            self.line(b'b', &format!("{kind}:{value}"))?;
        }
        Ok(())
    }

    fn attributes(&mut self, attributes: &[(String, Option<String>)]) -> Result<(), BuildError> {
        for (name, value) in attributes {
            token(b'a', name)?;
            match value {
                None => self.line(b'a', name)?,
                Some(value) => {
                    check(b'a', value)?;
                    self.line(b'a', &format!("{name}:{value}"))?;
                }
            }
        }
        Ok(())
    }
}

/// `IN IP4 192.0.2.1`.
struct InAddress(IpAddr);

impl fmt::Display for InAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.0.is_ipv4() { 4 } else { 6 };
        write!(f, "IN IP{version} {}", self.0)
    }
}

fn check(line: u8, value: &str) -> Result<(), BuildError> {
    let problem = if value.is_empty() {
        BuildProblem::Empty
    } else if value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        BuildProblem::LineEnd
    } else if chars::trim(value.as_bytes()).len() != value.len() {
        BuildProblem::OuterSpace
    } else {
        return Ok(());
    };
    Err(BuildError { line, problem })
}

fn token(line: u8, value: &str) -> Result<(), BuildError> {
    check(line, value)?;
    if chars::is_token(value.as_bytes()) {
        return Ok(());
    }
    let problem = BuildProblem::Token;
    Err(BuildError { line, problem })
}

/// Anything without white space.
fn word(line: u8, value: &str) -> Result<(), BuildError> {
    check(line, value)?;
    if !value.bytes().any(chars::is_lws) {
        return Ok(());
    }
    let problem = BuildProblem::Token;
    Err(BuildError { line, problem })
}

fn push(out: &mut String, text: fmt::Arguments<'_>) {
    if out.write_fmt(text).is_err() {
        // Writing to a string does not fail.
    }
}
