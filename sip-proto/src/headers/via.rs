//! `Via` (RFC 3261 §20.42, RFC 3581).

use crate::message::{HeaderName, TypedHeader};
use core::fmt;
use core::net::IpAddr;
use core::ops::Range;
use proto_wire::text::chars;
use proto_wire::text::host::{Host, HostPort};
use proto_wire::text::params::Params;
use proto_wire::text::window::{self, Window};
use proto_wire::{ParseError, ParseErrorKind};

/// How SIP is carried. RFC 3261 §20.42.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// `WebSocket` (RFC 7118).
    Ws,
    /// `WebSocket` under TLS.
    Wss,
}

impl Transport {
    /// The name in `Via`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The transport with this name, in any case.
    #[must_use]
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|t| t.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether what was sent arrives or the connection ends.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The port when none is given (RFC 3261 §19.1.2; RFC 7118 §5 leaves WS to HTTP's).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value of `Via`. RFC 3261 §20.42.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Via<'a> {
    /// The value as it stands.
    pub raw: &'a [u8],
    /// The name of the transport as it stands; [`Via::transport`] types it.
    pub transport_name: &'a [u8],
    /// Where the sender wants responses: host and port.
    pub sent_by: HostPort<'a>,
    params: &'a [u8],
}

/// Of each parameter whether it is there, and its value when that makes sense.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Routing<'a> {
    pub(crate) received: Option<Option<IpAddr>>,
    pub(crate) rport: Option<Option<u16>>,
    pub(crate) maddr: Option<Option<Host<'a>>>,
}

impl<'a> TypedHeader<'a> for Via<'a> {
    const NAME: HeaderName = HeaderName::VIA;

    #[inline]
    fn parse(raw: &'a [u8]) -> Result<Self, ParseError> {
        match usual(raw, raw.len(), |host| chars::utf8(raw.get(host)?)) {
            Some(via) => Ok(via),
            None => Self::any(raw),
        }
    }

    #[inline]
    fn parse_text(raw: &'a str) -> Result<Self, ParseError> {
        Self::parse_leading(raw, raw.len())
    }

    #[inline]
    fn parse_leading(text: &'a str, len: usize) -> Result<Self, ParseError> {
        match Self::usual_text(text, len) {
            Some(via) => Ok(via),
            None => Self::any(text.as_bytes().get(..len).unwrap_or(text.as_bytes())),
        }
    }
}

impl<'a> Via<'a> {
    #[inline(always)]
    pub(super) fn usual_text(text: &'a str, len: usize) -> Option<Self> {
        usual(text.as_bytes(), len, |host| text.get(host))
    }

    /// The value in any form, or what is wrong.
    pub(super) fn any(raw: &'a [u8]) -> Result<Self, ParseError> {
        let (protocol_end, rest) = match raw.strip_prefix(b"SIP/2.0/") {
            Some(rest) => (8, rest),
            None => protocol(raw)?,
        };
        let name_len =
            rest.iter().position(|b| !chars::is_sip_token_byte(*b)).unwrap_or(rest.len());
        let (transport_name, tail) = rest.split_at_checked(name_len).unwrap_or((rest, &[]));
        let at = protocol_end.saturating_add(name_len);
        let space = chars::lws_len(tail);
        if transport_name.is_empty() || space == 0 {
            return Err(ParseError::new(ParseErrorKind::Syntax, at));
        }
        let tail = tail.get(space..).unwrap_or(&[]);
        let at = at.saturating_add(space);
        let sent_by_len = memchr::memchr(b';', tail).unwrap_or(tail.len());
        let (sent_by, params) = tail.split_at_checked(sent_by_len).unwrap_or((tail, &[]));
        let sent_by = HostPort::parse(sent_by).map_err(|e| e.at(at))?;
        Ok(Self { raw, transport_name, sent_by, params })
    }
}

/// The value as it is written nearly always: one space, a name or an IPv4 address. It is the first `len`
/// of `bytes`; `text` makes text of a part.
#[inline(always)]
fn usual<'a>(
    bytes: &'a [u8],
    len: usize,
    text: impl FnOnce(Range<usize>) -> Option<&'a str>,
) -> Option<Via<'a>> {
    const PROTOCOL: &[u8] = b"SIP/2.0/";
    let raw = bytes.get(..len)?;
    if !raw.starts_with(PROTOCOL) {
        return None;
    }
    // Where letters and digits end: the transport, then the host.
    let ends = Window::at(bytes, 0).infrequent() | !window::first(len);
    let behind = |at: usize| (ends & !window::first(at)).trailing_zeros() as usize;
    let name_end = behind(PROTOCOL.len());
    let host_at = name_end.wrapping_add(1);
    let host_end = behind(host_at);
    if raw.get(name_end) != Some(&b' ') || host_end == Window::LEN {
        return None;
    }
    let transport_name = raw.get(PROTOCOL.len()..name_end)?;
    let (sent_by, end) = HostPort::behind(text(host_at..host_end)?, raw, host_end)?;
    let params = raw.get(end..)?;
    let usual = !transport_name.is_empty() && matches!(params, [] | [b';', ..]);
    usual.then_some(Via { raw, transport_name, sent_by, params })
}

/// `SIP / 2.0 / `, with the white space that the grammar allows; another protocol is kept.
#[cold]
fn protocol(raw: &[u8]) -> Result<(usize, &[u8]), ParseError> {
    let mut at = 0_usize;
    for _ in 0..2 {
        let rest = raw.get(at..).unwrap_or(&[]);
        let name = rest.iter().position(|b| !chars::is_sip_token_byte(*b)).unwrap_or(rest.len());
        at = at.saturating_add(name);
        at = at.saturating_add(chars::lws_len(raw.get(at..).unwrap_or(&[])));
        if name == 0 || raw.get(at) != Some(&b'/') {
            return Err(ParseError::new(ParseErrorKind::Syntax, at));
        }
        at = at.saturating_add(1);
        at = at.saturating_add(chars::lws_len(raw.get(at..).unwrap_or(&[])));
    }
    Ok((at, raw.get(at..).unwrap_or(&[])))
}

impl<'a> Via<'a> {
    /// The transport, when it is one of those known here.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        Transport::from_bytes(self.transport_name)
    }

    /// All parameters, in order.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        Params::new(self.params)
    }

    /// The branch; with the cookie `z9hG4bK` and something behind it, it names the
    /// transaction (RFC 3261 §8.1.1.7).
    #[must_use]
    #[inline]
    pub fn branch(&self) -> Option<&'a [u8]> {
        super::quick::value(self.params, b"branch")
    }

    /// What says where responses go, in one look at the parameters.
    pub(crate) fn routing(&self) -> Routing<'a> {
        let mut routing = Routing::default();
        // Nearly always there is a branch, and often nothing else.
        if let Some(branch) = self.params.strip_prefix(b";branch=") {
            if !chars::contains(branch, b';') {
                return routing;
            }
        }
        for param in self.params() {
            let ip = || param.value.and_then(|value| Host::parse(value).ok());
            // Of several the first counts, as for the accessors.
            match param.name.len() {
                5 if routing.rport.is_none() && param.is(b"rport") => {
                    routing.rport = Some(param.value.and_then(chars::parse_u16));
                }
                5 if routing.maddr.is_none() && param.is(b"maddr") => routing.maddr = Some(ip()),
                8 if routing.received.is_none() && param.is(b"received") => {
                    routing.received = Some(ip().and_then(Host::ip));
                }
                _ => {}
            }
        }
        routing
    }

    /// The address that the receiver saw, with or without brackets around IPv6.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.params().value(b"received")?;
        Host::parse(value).ok()?.ip()
    }

    /// `rport` (RFC 3581): `None` when it is not there, `Some(None)` without a value.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        let param = self.params().param(b"rport")?;
        Some(param.value.and_then(chars::parse_u16))
    }

    /// Where to send responses for multicast or by choice (RFC 3261 §18.2.2).
    #[must_use]
    pub fn maddr(&self) -> Option<Host<'a>> {
        self.params().value(b"maddr").and_then(|v| Host::parse(v).ok())
    }
}
