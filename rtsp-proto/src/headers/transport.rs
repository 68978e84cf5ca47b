//! Transport (RFC 2326 §12.39, RFC 7826 §18.54), read tolerantly, written per version.

use super::bytes::{
    is_in, leading_number, next_piece, number, offset_in, pair, quoted_end, table, text, trim,
    unquote,
};
use crate::Version;
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// One transport specification: how one stream is sent.
///
/// Parameters are found in any order, even before the transport id (devices do that), and
/// in any case. What no RFC names is kept and reached through [`Transport::params`].
///
/// ```
/// use rtsp_proto::headers::{Delivery, LowerTransport, PortPair, Transport};
///
/// let transport = Transport::parse(b"RTP/AVP;unicast;client_port=4588-4589;mode=\"PLAY\"").unwrap();
/// assert_eq!(transport.lower, LowerTransport::Udp);
/// assert_eq!(transport.delivery, Some(Delivery::Unicast));
/// assert_eq!(transport.client_port, Some(PortPair::new(4588, Some(4589))));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transport<'a> {
    /// What carries the media.
    pub profile: RtpProfile,
    /// What carries the packets. `RTP/AVP` without a third part is UDP, unless
    /// `interleaved` is given.
    pub lower: LowerTransport,
    /// `unicast` or `multicast`; `None` when neither stands there (RFC 2326 says that
    /// means multicast, in practice it means unicast).
    pub delivery: Option<Delivery>,
    /// `interleaved=`: channels on the control connection.
    pub interleaved: Option<ChannelPair>,
    /// `client_port=`: where the client receives (1.0).
    pub client_port: Option<PortPair>,
    /// `server_port=`: where the server sends from and receives RTCP (1.0).
    pub server_port: Option<PortPair>,
    /// `port=`: of a multicast group (1.0).
    pub port: Option<PortPair>,
    /// `ttl=`: of multicast, 0 to 255.
    pub ttl: Option<u8>,
    /// `layers=`: how many multicast groups in a row.
    pub layers: Option<u32>,
    /// `ssrc=`: the first one. Junk that devices write here is read as none.
    pub ssrc: Option<u32>,
    /// `mode=`: what the stream is for.
    pub mode: Mode,
    /// `append`: with `mode=RECORD`, add to what is there.
    pub append: bool,
    /// `setup=` (2.0): who opens the connection.
    pub setup: Option<ConnectionSetup>,
    /// `connection=` (2.0): a new connection or one that exists.
    pub connection: Option<ConnectionReuse>,
    /// `RTCP-mux` (2.0): RTP and RTCP on one port or channel.
    pub rtcp_mux: bool,
    destination: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    dest_addr: Option<&'a [u8]>,
    src_addr: Option<&'a [u8]>,
    mikey: Option<&'a [u8]>,
    raw: &'a [u8],
}

/// The first two parts of a transport id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RtpProfile {
    /// `RTP/AVP` (RFC 3551).
    #[default]
    Avp,
    /// `RTP/AVPF` (RFC 4585).
    Avpf,
    /// `RTP/SAVP` (RFC 3711).
    Savp,
    /// `RTP/SAVPF` (RFC 5124).
    Savpf,
    /// Any other, RTP or not; [`Transport::id`] spells it.
    Other,
}

/// The third part of a transport id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LowerTransport {
    /// `UDP`, also when nothing is said.
    #[default]
    Udp,
    /// `TCP`: the control connection, or connections of its own (2.0).
    Tcp,
    /// Any other; [`Transport::id`] spells it.
    Other,
}

/// To one or to many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the grammar has these two")]
pub enum Delivery {
    /// To one receiver.
    Unicast,
    /// To a group.
    Multicast,
}

/// `setup=` (RFC 7826 §18.54).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the grammar has these three")]
pub enum ConnectionSetup {
    /// Opens it.
    Active,
    /// Waits for it.
    Passive,
    /// Either.
    ActPass,
}

/// `connection=` (RFC 7826 §18.54).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the grammar has these two")]
pub enum ConnectionReuse {
    /// A new one.
    New,
    /// One that exists.
    Existing,
}

/// `mode=`. Neither flag means that nothing was said, which means playing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mode {
    /// `PLAY` is listed.
    pub play: bool,
    /// `RECORD` (or `receive`, as some say) is listed.
    pub record: bool,
}

impl Mode {
    /// Playing.
    pub const PLAY: Self = Self { play: true, record: false };
    /// Recording.
    pub const RECORD: Self = Self { play: false, record: true };
}

/// Two UDP ports: RTP and RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortPair {
    /// For RTP. 0 occurs: the device wants to see where packets come from.
    pub rtp: u16,
    second: Option<u16>,
}

impl PortPair {
    /// These ports; without the second, the one that follows is meant.
    #[must_use]
    pub const fn new(rtp: u16, rtcp: Option<u16>) -> Self {
        Self { rtp, second: rtcp }
    }

    /// For RTCP: the second, or the one that follows the first.
    #[must_use]
    pub const fn rtcp(self) -> u16 {
        match self.second {
            Some(port) => port,
            None => self.rtp.saturating_add(1),
        }
    }
}

impl fmt::Display for PortPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.second {
            Some(second) => write!(f, "{}-{second}", self.rtp),
            None => write!(f, "{}", self.rtp),
        }
    }
}

/// Two channels of the control connection: RTP and, when there is one, RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair")]
pub struct ChannelPair {
    /// For RTP.
    pub rtp: u8,
    /// For RTCP; none when one channel was given.
    pub rtcp: Option<u8>,
}

impl ChannelPair {
    /// `rtp` and the channel that follows.
    #[must_use]
    pub const fn starting_at(rtp: u8) -> Self {
        Self { rtp, rtcp: rtp.checked_add(1) }
    }

    /// Whether `channel` is one of the two.
    #[must_use]
    pub fn contains(self, channel: u8) -> bool {
        self.rtp == channel || self.rtcp == Some(channel)
    }
}

impl fmt::Display for ChannelPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rtcp {
            Some(rtcp) => write!(f, "{}-{rtcp}", self.rtp),
            None => write!(f, "{}", self.rtp),
        }
    }
}

impl<'a> Transport<'a> {
    /// RTP over the control connection, on `channels` (`None`: the server chooses).
    #[must_use]
    pub fn interleaved(channels: Option<ChannelPair>) -> Self {
        Self {
            lower: LowerTransport::Tcp,
            delivery: Some(Delivery::Unicast),
            interleaved: channels,
            ..Self::default()
        }
    }

    /// RTP over UDP to the client's `ports`.
    #[must_use]
    pub fn udp(ports: PortPair) -> Self {
        Self { delivery: Some(Delivery::Unicast), client_port: Some(ports), ..Self::default() }
    }

    /// RTP over UDP to a group; server or client fill in address and ports.
    #[must_use]
    pub fn multicast() -> Self {
        Self { delivery: Some(Delivery::Multicast), ..Self::default() }
    }

    /// Reads one specification (no comma list; [`Transports`] cuts that).
    ///
    /// # Errors
    /// A transport id is missing, or a number that decides where media goes is malformed;
    /// the offset counts from the start of `value`.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let mut transport = Self::default();
        transport.read(value, false).1.map(|()| transport)
    }

    /// Reads one specification into this, up to a comma when it is one of a `list`; where
    /// it ends, and what was wrong.
    #[inline]
    fn read(&mut self, bytes: &'a [u8], list: bool) -> (usize, Result<(), ParseError>) {
        let mut wrong = None;
        let (mut has_id, mut lower_given) = (false, false);
        let mut at = 0_usize;
        loop {
            let start = at;
            let mut equals = None;
            let last = loop {
                match bytes.get(at) {
                    Some(b) if !is_in(&STOPS, *b) => {}
                    None => break true,
                    Some(b';') => break false,
                    Some(b',') if list => break true,
                    Some(b'"') => {
                        at = quoted_end(bytes, at);
                        continue;
                    }
                    Some(b'=') => {
                        equals.get_or_insert(at);
                    }
                    Some(_) => {}
                }
                at = at.wrapping_add(1);
            };
            let name = trim(bytes.get(start..equals.unwrap_or(at)).unwrap_or(&[]));
            if let Some(equals) = equals {
                let value = trim(bytes.get(equals.wrapping_add(1)..at).unwrap_or(&[]));
                if let Err(kind) = self.param(name, value) {
                    wrong.get_or_insert_with(|| ParseError::new(kind, offset_in(bytes, value)));
                }
            } else if !has_id && name.contains(&b'/') {
                has_id = true;
                lower_given = self.set_id(name);
            } else {
                self.flag(name);
            }
            if last {
                break;
            }
            at = at.wrapping_add(1);
        }
        self.raw = trim(bytes.get(..at).unwrap_or(&[]));
        if !lower_given && self.interleaved.is_some() {
            // `RTP/AVP;interleaved=0-1`: only TCP can be meant.
            self.lower = LowerTransport::Tcp;
        }
        let result = match wrong {
            Some(wrong) => Err(wrong),
            None if !has_id => Err(ParseError::new(ParseErrorKind::Syntax, 0)),
            None => Ok(()),
        };
        (at, result)
    }

    /// The specification as it was read; empty for one that was made here.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The transport id as it was read, or as it will be written in RTSP 1.0.
    #[must_use]
    pub fn id(&self) -> &'a [u8] {
        let mut rest = Some(self.raw);
        while let Some(piece) = next_piece(&mut rest, b';') {
            if piece.contains(&b'/') && !piece.contains(&b'=') {
                return trim(piece);
            }
        }
        self.known_id().as_bytes()
    }

    /// `destination=`: an address without brackets (1.0); `None` also when it is empty.
    #[must_use]
    pub fn destination(&self) -> Option<&'a str> {
        self.destination.and_then(non_empty)
    }

    /// The transport with this `destination=`.
    #[must_use]
    pub const fn with_destination(mut self, address: &'a str) -> Self {
        self.destination = Some(address.as_bytes());
        self
    }

    /// `source=`: an address without brackets (1.0); `None` also when it is empty.
    #[must_use]
    pub fn source(&self) -> Option<&'a str> {
        self.source.and_then(non_empty)
    }

    /// The transport with this `source=`.
    #[must_use]
    pub const fn with_source(mut self, address: &'a str) -> Self {
        self.source = Some(address.as_bytes());
        self
    }

    /// `dest_addr=` (2.0): where to send, RTP first.
    #[must_use]
    pub fn dest_addr(&self) -> AddrList<'a> {
        AddrList(self.dest_addr)
    }

    /// `src_addr=` (2.0): where from, RTP first.
    #[must_use]
    pub fn src_addr(&self) -> AddrList<'a> {
        AddrList(self.src_addr)
    }

    /// `MIKEY=` (2.0): base64, not decoded.
    #[must_use]
    pub fn mikey(&self) -> Option<&'a str> {
        self.mikey.and_then(non_empty)
    }

    /// Every parameter as it was read, known ones too, in order: name and value.
    pub fn params(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut rest = Some(self.raw);
        core::iter::from_fn(move || next_piece(&mut rest, b';'))
            .map(pair)
            .filter(|(name, param)| !name.is_empty() && (param.is_some() || !name.contains(&b'/')))
    }

    /// Whether media runs on the control connection.
    #[must_use]
    pub fn is_interleaved(&self) -> bool {
        // In 2.0 TCP with addresses means a connection of its own.
        self.interleaved.is_some()
            || (self.lower == LowerTransport::Tcp && self.dest_addr.is_none())
    }

    /// The same, as text for a message of `version`.
    #[must_use]
    pub const fn for_version(self, version: Version) -> VersionedTransport<'a> {
        VersionedTransport(self, version)
    }

    fn known_id(&self) -> &'static str {
        match (self.profile, self.lower) {
            (RtpProfile::Avpf, LowerTransport::Tcp) => "RTP/AVPF/TCP",
            (RtpProfile::Avpf, _) => "RTP/AVPF",
            (RtpProfile::Savp, LowerTransport::Tcp) => "RTP/SAVP/TCP",
            (RtpProfile::Savp, _) => "RTP/SAVP",
            (RtpProfile::Savpf, LowerTransport::Tcp) => "RTP/SAVPF/TCP",
            (RtpProfile::Savpf, _) => "RTP/SAVPF",
            (_, LowerTransport::Tcp) => "RTP/AVP/TCP",
            _ => "RTP/AVP",
        }
    }

    /// Takes the transport id apart; says whether a lower transport was given.
    fn set_id(&mut self, id: &[u8]) -> bool {
        match id {
            // What a fresh value is already.
            b"RTP/AVP" => return false,
            b"RTP/AVP/UDP" => return true,
            b"RTP/AVP/TCP" => {
                self.lower = LowerTransport::Tcp;
                return true;
            }
            _ => {}
        }
        let mut parts = id.split(|b| *b == b'/');
        let first = parts.next().unwrap_or(&[]);
        // One device puts garbage before `RTP`.
        let rtp = first
            .len()
            .checked_sub(3)
            .and_then(|at| first.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(b"RTP"));
        self.profile = match parts.next() {
            Some(p) if rtp && p.eq_ignore_ascii_case(b"AVP") => RtpProfile::Avp,
            Some(p) if rtp && p.eq_ignore_ascii_case(b"AVPF") => RtpProfile::Avpf,
            Some(p) if rtp && p.eq_ignore_ascii_case(b"SAVP") => RtpProfile::Savp,
            Some(p) if rtp && p.eq_ignore_ascii_case(b"SAVPF") => RtpProfile::Savpf,
            _ => RtpProfile::Other,
        };
        let lower = parts.next();
        self.lower = match lower {
            None | Some(b"") => LowerTransport::Udp,
            Some(l) if l.eq_ignore_ascii_case(b"UDP") => LowerTransport::Udp,
            Some(l) if l.eq_ignore_ascii_case(b"TCP") => LowerTransport::Tcp,
            Some(_) => LowerTransport::Other,
        };
        lower.is_some()
    }

    fn flag(&mut self, name: &[u8]) {
        if name == b"unicast" || name.eq_ignore_ascii_case(b"unicast") {
            self.delivery = Some(Delivery::Unicast);
        } else if name.eq_ignore_ascii_case(b"multicast") {
            self.delivery = Some(Delivery::Multicast);
        } else if name.eq_ignore_ascii_case(b"append") {
            self.append = true;
        } else if name.eq_ignore_ascii_case(b"RTCP-mux") {
            self.rtcp_mux = true;
        }
    }

    /// Takes a parameter; only a number that decides where media goes can be wrong.
    #[inline]
    fn param(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), ParseErrorKind> {
        // As it is spelled nearly always; then in any case.
        if name == b"client_port" {
            self.client_port = Some(ports(value).ok_or(ParseErrorKind::Port)?);
        } else if name == b"interleaved" {
            self.interleaved = Some(channels(value).ok_or(ParseErrorKind::Number)?);
        } else {
            return self.other_param(name, value);
        }
        Ok(())
    }

    fn other_param(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), ParseErrorKind> {
        let port = || ports(value).ok_or(ParseErrorKind::Port);
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        // By length first: most names then need one comparison.
        match name.len() {
            3 if is(b"ttl") => self.ttl = number(value).and_then(|n| u8::try_from(n).ok()),
            4 if is(b"mode") => self.mode = mode(value),
            4 if is(b"port") => self.port = Some(port()?),
            4 if is(b"ssrc") => self.ssrc = ssrc(value),
            5 if is(b"setup") => self.setup = connection_setup(value),
            5 if is(b"MIKEY") => self.mikey = Some(unquote(value)),
            6 if is(b"layers") => {
                self.layers = number(value).and_then(|n| u32::try_from(n).ok());
            }
            6 if is(b"source") => self.source = Some(unquote(value)),
            8 if is(b"src_addr") => self.src_addr = Some(value),
            9 if is(b"dest_addr") => self.dest_addr = Some(value),
            10 if is(b"connection") => self.connection = connection_reuse(value),
            11 if is(b"client_port") => self.client_port = Some(port()?),
            11 if is(b"server_port") => self.server_port = Some(port()?),
            11 if is(b"destination") => self.destination = Some(unquote(value)),
            11 if is(b"interleaved") => {
                self.interleaved = Some(channels(value).ok_or(ParseErrorKind::Number)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Where a parameter, its name or a specification may end.
static STOPS: [bool; 256] = table(b";,=\"");

/// Writes the RTSP 1.0 form.
impl fmt::Display for Transport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.for_version(Version::V1_0).fmt(f)
    }
}

/// A [`Transport`] as a message of one version spells it, from [`Transport::for_version`].
#[derive(Clone, Copy, Debug)]
pub struct VersionedTransport<'a>(Transport<'a>, Version);

impl fmt::Display for VersionedTransport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(t, version) = self;
        match t.profile {
            RtpProfile::Other => f.write_str(text(t.id()).unwrap_or("RTP/AVP"))?,
            _ => f.write_str(t.known_id())?,
        }
        match t.delivery {
            Some(Delivery::Unicast) => f.write_str(";unicast")?,
            Some(Delivery::Multicast) => f.write_str(";multicast")?,
            None => {}
        }
        if let Some(channels) = t.interleaved {
            write!(f, ";interleaved={channels}")?;
        }
        if *version == Version::V2_0 {
            write_addresses(f, "dest_addr", t.dest_addr, t.destination, t.client_port)?;
            write_addresses(f, "src_addr", t.src_addr, t.source, t.server_port)?;
        } else {
            for (name, value) in [("destination", t.destination()), ("source", t.source())] {
                if let Some(value) = value {
                    write!(f, ";{name}={value}")?;
                }
            }
            for (name, value) in
                [("client_port", t.client_port), ("server_port", t.server_port), ("port", t.port)]
            {
                if let Some(value) = value {
                    write!(f, ";{name}={value}")?;
                }
            }
        }
        if let Some(ttl) = t.ttl {
            write!(f, ";ttl={ttl}")?;
        }
        if let Some(layers) = t.layers {
            write!(f, ";layers={layers}")?;
        }
        if let Some(ssrc) = t.ssrc {
            write!(f, ";ssrc={ssrc:08X}")?;
        }
        if let Some(setup) = t.setup {
            f.write_str(match setup {
                ConnectionSetup::Active => ";setup=active",
                ConnectionSetup::Passive => ";setup=passive",
                ConnectionSetup::ActPass => ";setup=actpass",
            })?;
        }
        if let Some(connection) = t.connection {
            f.write_str(match connection {
                ConnectionReuse::New => ";connection=new",
                ConnectionReuse::Existing => ";connection=existing",
            })?;
        }
        if t.rtcp_mux {
            f.write_str(";RTCP-mux")?;
        }
        if let Some(mikey) = t.mikey() {
            write!(f, ";MIKEY={mikey}")?;
        }
        // Quoted in 2.0; unquoted in 1.0, where that is what common peers understand.
        match (t.mode.play, t.mode.record, *version == Version::V2_0) {
            (false, false, _) => {}
            (true, true, _) => f.write_str(";mode=\"PLAY,RECORD\"")?,
            (true, false, true) => f.write_str(";mode=\"PLAY\"")?,
            (true, false, false) => f.write_str(";mode=PLAY")?,
            (false, true, true) => f.write_str(";mode=\"RECORD\"")?,
            (false, true, false) => f.write_str(";mode=record")?,
        }
        if t.append {
            f.write_str(";append")?;
        }
        for (name, value) in t.params().filter(|(name, _)| !is_known(name)) {
            // One that is not text cannot be written as text; it is left out.
            if let (Ok(name), Ok(value)) = (text(name), value.map(text).transpose()) {
                write!(f, ";{name}")?;
                if let Some(value) = value {
                    write!(f, "={value}")?;
                }
            }
        }
        Ok(())
    }
}

/// `dest_addr` or `src_addr`: as given, or made of the 1.0 address and ports.
fn write_addresses(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    given: Option<&[u8]>,
    host: Option<&[u8]>,
    ports: Option<PortPair>,
) -> fmt::Result {
    if let Some(given) = given.and_then(non_empty) {
        return write!(f, ";{name}={given}");
    }
    let Some(ports) = ports else {
        return Ok(());
    };
    let host = host.and_then(non_empty).unwrap_or("");
    let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
    write!(f, ";{name}=\"{open}{host}{close}:{}\"", ports.rtp)?;
    write!(f, "/\"{open}{host}{close}:{}\"", ports.rtcp())
}

/// The addresses of `dest_addr` or `src_addr`: `"host:port"`, `":port"` or `"host"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddrList<'a>(Option<&'a [u8]>);

impl<'a> AddrList<'a> {
    /// The two ports, when both (or the first) are there.
    #[must_use]
    pub fn ports(self) -> Option<PortPair> {
        let mut ports = self.map(|address| split_port(address.as_bytes()).1);
        let rtp = ports.next()??;
        Some(PortPair::new(rtp, ports.next().flatten()))
    }

    /// The host of the first address, without brackets; `None` when only a port is there.
    #[must_use]
    pub fn host(mut self) -> Option<&'a str> {
        let (host, _) = split_port(self.next()?.as_bytes());
        let host = host.strip_prefix(b"[").unwrap_or(host);
        non_empty(host.strip_suffix(b"]").unwrap_or(host))
    }
}

impl<'a> Iterator for AddrList<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let piece = trim(next_piece(&mut self.0, b'/')?);
            if let Some(address) = non_empty(unquote(piece)) {
                return Some(address);
            }
        }
    }
}

fn split_port(address: &[u8]) -> (&[u8], Option<u16>) {
    // The last colon, unless it is inside the brackets of an IPv6 address.
    let colon = address.iter().rposition(|b| *b == b':');
    let bracket = address.iter().rposition(|b| *b == b']');
    match colon {
        Some(at) if bracket.is_none_or(|bracket| bracket < at) => {
            let (host, port) = address.split_at_checked(at).unwrap_or((address, &[]));
            let port = number(port.get(1..).unwrap_or(&[]));
            (host, port.and_then(|n| u16::try_from(n).ok()))
        }
        _ => (address, None),
    }
}

/// The specifications of one Transport line, in order of preference.
///
/// ```
/// use rtsp_proto::headers::{Delivery, Transports};
///
/// let mut offers = Transports::new(b"RTP/AVP;multicast;ttl=127, RTP/AVP/TCP;interleaved=0-1");
/// assert_eq!(offers.next().unwrap().unwrap().delivery, Some(Delivery::Multicast));
/// assert!(offers.next().unwrap().unwrap().is_interleaved());
/// assert!(offers.next().is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Transports<'a> {
    whole: &'a [u8],
    rest: Option<&'a [u8]>,
}

impl<'a> Transports<'a> {
    /// The specifications in `value`.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self { whole: value, rest: Some(value) }
    }
}

impl<'a> Iterator for Transports<'a> {
    type Item = Result<Transport<'a>, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest?;
            let mut transport = Transport::default();
            let (end, result) = transport.read(rest, true);
            self.rest = rest.get(end.wrapping_add(1)..);
            match result {
                Ok(()) => return Some(Ok(transport)),
                // Nothing between two commas.
                Err(_) if transport.raw.is_empty() => {}
                Err(error) => return Some(Err(error.at(offset_in(self.whole, rest)))),
            }
        }
    }
}

fn non_empty(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok().filter(|s| !s.is_empty())
}

fn split_dash(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    match value.iter().position(|b| *b == b'-') {
        Some(i) => (
            trim(value.get(..i).unwrap_or(&[])),
            Some(trim(value.get(i.wrapping_add(1)..).unwrap_or(&[]))),
        ),
        None => (value, None),
    }
}

#[inline]
fn ports(value: &[u8]) -> Option<PortPair> {
    // As it is written nearly always: `8000-8001`.
    if let Some((rtp, [b'-', rest @ ..])) = leading_number(value) {
        if let Some((rtcp, [])) = leading_number(rest) {
            let rtcp = u16::try_from(rtcp).ok()?;
            return Some(PortPair::new(u16::try_from(rtp).ok()?, Some(rtcp)));
        }
    }
    other_ports(value)
}

fn other_ports(value: &[u8]) -> Option<PortPair> {
    let (first, second) = split_dash(unquote(value));
    let port = |digits| number(digits).and_then(|n| u16::try_from(n).ok());
    let second = match second {
        None | Some(b"") => None,
        Some(digits) => Some(port(digits)?),
    };
    Some(PortPair::new(port(first)?, second))
}

fn channels(value: &[u8]) -> Option<ChannelPair> {
    let (first, second) = split_dash(unquote(value));
    let channel = |digits| number(digits).and_then(|n| u8::try_from(n).ok());
    let rtcp = match second {
        None | Some(b"") => None,
        Some(digits) => Some(channel(digits)?),
    };
    Some(ChannelPair { rtp: channel(first)?, rtcp })
}

/// Eight hexadecimal digits by the grammar. Devices write spaces before, `0x`, five to
/// seven digits; four or fewer and more than eight are junk that means "learn it from the
/// first packet".
fn ssrc(value: &[u8]) -> Option<u32> {
    let value = unquote(value);
    // 2.0 lists several, separated by slashes; the first is RTP's.
    let first = value.split(|b| *b == b'/').next().unwrap_or(value);
    let digits = trim(first);
    let digits =
        digits.strip_prefix(b"0x").or_else(|| digits.strip_prefix(b"0X")).unwrap_or(digits);
    if !(5..=8).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, b| {
        let digit = char::from(*b).to_digit(16)?;
        Some(sum.wrapping_shl(4) | digit)
    })
}

fn mode(value: &[u8]) -> Mode {
    let mut mode = Mode::default();
    for name in unquote(value).split(|b| matches!(b, b',' | b' ')) {
        let name = unquote(trim(name));
        mode.play |= name.eq_ignore_ascii_case(b"PLAY");
        mode.record |=
            name.eq_ignore_ascii_case(b"RECORD") || name.eq_ignore_ascii_case(b"receive");
    }
    mode
}

fn connection_setup(value: &[u8]) -> Option<ConnectionSetup> {
    [
        (&b"active"[..], ConnectionSetup::Active),
        (b"passive", ConnectionSetup::Passive),
        (b"actpass", ConnectionSetup::ActPass),
    ]
    .iter()
    .find(|(name, _)| value.eq_ignore_ascii_case(name))
    .map(|(_, setup)| *setup)
}

fn connection_reuse(value: &[u8]) -> Option<ConnectionReuse> {
    [(&b"new"[..], ConnectionReuse::New), (b"existing", ConnectionReuse::Existing)]
        .iter()
        .find(|(name, _)| value.eq_ignore_ascii_case(name))
        .map(|(_, reuse)| *reuse)
}

/// Whether the writer writes this parameter from a field.
fn is_known(name: &[u8]) -> bool {
    [
        "unicast",
        "multicast",
        "append",
        "RTCP-mux",
        "ttl",
        "mode",
        "port",
        "ssrc",
        "setup",
        "MIKEY",
        "layers",
        "source",
        "src_addr",
        "dest_addr",
        "connection",
        "client_port",
        "server_port",
        "interleaved",
        "destination",
    ]
    .iter()
    .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
