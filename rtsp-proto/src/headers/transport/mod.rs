//! Transport (RFC 2326 §12.39, RFC 7826 §18.54), read tolerantly, written per version.

mod addresses;
mod pairs;
mod read;
#[cfg(test)]
mod tests;
mod usual;
mod write;

pub use addresses::AddrList;
pub use pairs::{ChannelPair, PortPair};
pub use read::Transports;
pub use write::VersionedTransport;

use super::bytes::{next_piece, pair, trim};
use crate::Version;
use proto_wire::ParseError;
use proto_wire::text::chars;

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

    /// The specification as it was read; empty for one that was made here.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The transport id as it was read, or as it will be written in RTSP 1.0.
    #[must_use]
    pub fn id(&self) -> &'a [u8] {
        let mut rest = Some(self.raw);
        let mut first = None;
        while let Some(piece) = next_piece(&mut rest, b';').map(trim) {
            if piece.contains(&b'/') && !piece.contains(&b'=') {
                if is_plain_id(piece) {
                    return piece;
                }
                first.get_or_insert(piece);
            }
        }
        first.unwrap_or_else(|| self.known_id().as_bytes())
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
        AddrList::new(self.dest_addr)
    }

    /// The transport with this `dest_addr=`, as it is written: `":5000"/":5001"`.
    #[must_use]
    pub const fn with_dest_addr(mut self, addresses: &'a str) -> Self {
        self.dest_addr = Some(addresses.as_bytes());
        self
    }

    /// `src_addr=` (2.0): where from, RTP first.
    #[must_use]
    pub fn src_addr(&self) -> AddrList<'a> {
        AddrList::new(self.src_addr)
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

    /// The first parameter of this name, in any case, without its quotes: for those that have no
    /// place of their own here, as `ICE-ufrag` and `ICE-Password` (RFC 7825 §4.2).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let mut params = self.params();
        let (_, value) = params.find(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))?;
        non_empty(proto_wire::text::quoted::inner(value?))
    }

    /// `candidates=` (RFC 7825 §4.2): the ICE candidates one by one, as SDP writes them. What they
    /// mean is for an ICE implementation. Such offers have the id `RTP/AVP/D-ICE`; a server that
    /// does not know ICE passes them over ([`Server::choose`](crate::server::Server::choose)).
    pub fn ice_candidates(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let list = self.get("candidates").unwrap_or_default();
        list.split(';').map(str::trim).filter(|candidate| !candidate.is_empty())
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
        VersionedTransport::new(self, version)
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
}

fn non_empty(bytes: &[u8]) -> Option<&str> {
    chars::utf8(bytes).filter(|s| !s.is_empty())
}

/// Tokens and slashes only: read again as what it is.
fn is_plain_id(id: &[u8]) -> bool {
    id.iter().all(|b| *b == b'/' || chars::is_token_byte(*b))
}
