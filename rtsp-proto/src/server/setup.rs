//! Answering SETUP: choosing an offer, completing it, saying what the media can do.

use super::answer::join_infos;
use super::judge::pipeline_of;
use super::policy::destinations;
use super::session::Stream;
use super::{Event, Incoming, Server};
use crate::HeaderName;
use crate::error::{CommandError, RequestId, SessionKey};
use crate::headers::{
    ChannelPair, ConnectionSetup, Delivery, LowerTransport, Range, RtpInfo, RtpProfile, Transport,
};
use crate::message::{Method, ResponseBuilder, StatusCode, Version};
use crate::state::State;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::net::{IpAddr, SocketAddr};
use proto_wire::{Instant, LimitKind};

/// What a SETUP led to. RFC 7826 §13.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetUp {
    /// The session: a new one, or the one that the request named.
    pub session: SessionKey,
    /// The channels, when the stream is interleaved. They are what the client asked for
    /// unless those are taken.
    pub channels: Option<ChannelPair>,
}

/// A way to carry media, for [`Server::choose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Carrier {
    /// On the control connection.
    Interleaved,
    /// By UDP to one receiver.
    Udp,
    /// By UDP to a group.
    Multicast,
    /// On TCP connections of its own (RTSP 2.0).
    Tcp,
}

impl Carrier {
    /// What carries the media of an offer; `None` when it is none of these.
    #[must_use]
    pub fn of(offer: &Transport<'_>) -> Option<Self> {
        if offer.is_interleaved() {
            return Some(Self::Interleaved);
        }
        match (offer.lower, offer.delivery) {
            (LowerTransport::Udp, Some(Delivery::Multicast)) => Some(Self::Multicast),
            (LowerTransport::Udp, _) => Some(Self::Udp),
            (LowerTransport::Tcp, _) => Some(Self::Tcp),
            (LowerTransport::Other, _) => None,
        }
    }
}

/// A 200 to SETUP: the transport, and what else is to be said.
///
/// ```
/// use rtsp_proto::HeaderName;
/// use rtsp_proto::headers::Transport;
/// use rtsp_proto::server::SetupReply;
///
/// let reply = SetupReply::new(Transport::interleaved(None))
///     .media_properties("Random-Access=2.5, Unlimited, Immutable")
///     .media_range("npt=0-634.6")
///     .header(HeaderName::Blocksize, 1400);
/// # drop(reply);
/// ```
#[derive(Clone, Debug)]
pub struct SetupReply<'a> {
    transport: Transport<'a>,
    response: ResponseBuilder,
    media_properties: Option<String>,
    accept_ranges: Option<String>,
    media_range: Option<String>,
    infos: &'a [RtpInfo<'a>],
    seekable: bool,
}

impl<'a> SetupReply<'a> {
    /// With this transport: one of the client's offers, completed with what this side
    /// decides (`server_port`, `source`, `ssrc`; of a group `destination`, `port`, `ttl`).
    #[must_use]
    pub fn new(transport: Transport<'a>) -> Self {
        Self {
            transport,
            response: ResponseBuilder::new(StatusCode::OK),
            media_properties: None,
            accept_ranges: None,
            media_range: None,
            infos: &[],
            seekable: true,
        }
    }

    /// With another header line.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Display) -> Self {
        self.response = self.response.header(name, value);
        self
    }

    /// With these properties of the media in place of the configured ones (RTSP 2.0).
    #[must_use]
    pub fn media_properties(mut self, properties: impl Display) -> Self {
        self.media_properties = Some(properties.to_string());
        self
    }

    /// With these units of Range in place of the configured ones (RTSP 2.0).
    #[must_use]
    pub fn accept_ranges(mut self, units: impl Display) -> Self {
        self.accept_ranges = Some(units.to_string());
        self
    }

    /// With this range of the media in place of the configured one (RTSP 2.0).
    #[must_use]
    pub fn media_range(mut self, range: impl Display) -> Self {
        self.media_range = Some(range.to_string());
        self
    }

    /// From when on the new transport counts, for a SETUP while media flows: RTSP 2.0 must
    /// say it (RFC 7826 §13.3.1).
    #[must_use]
    pub fn effective(mut self, range: &Range<'_>, infos: &'a [RtpInfo<'a>]) -> Self {
        self.response = self.response.header(HeaderName::Range, range);
        self.infos = infos;
        self
    }

    /// For media that can only be played from where it is: a PLAY with another Range is
    /// answered with 456.
    #[must_use]
    pub const fn without_seeking(mut self) -> Self {
        self.seekable = false;
        self
    }
}

impl Server {
    /// The client's offer to take for a SETUP: the first of its own order that is carried in
    /// one of these ways and that this machine could accept. RTP in its plain profile only;
    /// for others, or another order, there is [`choose_by`](Self::choose_by).
    ///
    /// # Errors
    /// As [`choose_by`](Self::choose_by).
    pub fn choose<'r>(
        &self,
        asked: &'r Incoming,
        carriers: &[Carrier],
    ) -> Result<Transport<'r>, StatusCode> {
        self.choose_by(asked, |carrier, offer| {
            (carriers.contains(&carrier) && offer.profile == RtpProfile::Avp).then_some(0)
        })
    }

    /// The client's offer with the lowest rank, of equal ones the first; `None` is for those
    /// that are not wanted. Only offers are ranked that this machine could accept.
    ///
    /// It comes back as an answer to it begins: `unicast` where nothing was said; of RTSP 2.0
    /// without the client's `ssrc`, which a server is to ignore, and with the other side of
    /// `setup` for TCP connections (RFC 7826 §18.54).
    ///
    /// # Errors
    /// The status to refuse the request with: 461 when no offer fits, 403 or 463 when one
    /// would but for its destination.
    pub fn choose_by<'r>(
        &self,
        asked: &'r Incoming,
        mut rank: impl FnMut(Carrier, &Transport<'r>) -> Option<u32>,
    ) -> Result<Transport<'r>, StatusCode> {
        let request = asked.request.view();
        let version = request.version();
        let mut refusal = StatusCode::UNSUPPORTED_TRANSPORT;
        let mut best: Option<(u32, Carrier, Transport<'r>)> = None;
        for offer in request.headers().transports().flatten() {
            let Some(carrier) = Carrier::of(&offer).filter(|c| has_receiver(&offer, *c)) else {
                continue;
            };
            let Some(rank) = rank(carrier, &offer) else { continue };
            match self.judge_offer(&offer, version) {
                Ok(()) if best.as_ref().is_none_or(|(least, ..)| rank < *least) => {
                    best = Some((rank, carrier, offer));
                }
                Ok(()) | Err(StatusCode::UNSUPPORTED_TRANSPORT) => {}
                Err(status) => refusal = status,
            }
        }
        let (_, carrier, offer) = best.ok_or(refusal)?;
        Ok(answer_to(offer, carrier, version))
    }

    /// Answers SETUP with 200 and the one transport that is chosen: one of the client's
    /// offers, completed with what this side decides (`server_port`, `source`, `ssrc`).
    ///
    /// A session is made when the request names none. Interleaved channels are given when
    /// the offer has none, or others when they are taken.
    ///
    /// # Errors
    /// As [`accept_setup_with`](Self::accept_setup_with).
    pub fn accept_setup(
        &mut self,
        now: Instant,
        id: RequestId,
        transport: &Transport<'_>,
    ) -> Result<SetUp, CommandError> {
        self.accept_setup_with(now, id, SetupReply::new(*transport))
    }

    /// The same with more to say.
    ///
    /// # Errors
    /// No such request, not a SETUP, no channel is free, too many sessions, a destination
    /// that the client chose and that it must not, or a header that cannot be written.
    pub fn accept_setup_with(
        &mut self,
        now: Instant,
        id: RequestId,
        reply: SetupReply<'_>,
    ) -> Result<SetUp, CommandError> {
        let current = self.current_of(id, Method::Setup)?;
        let (version, named) = (current.version, current.session);
        let user = current.user.clone();
        let view = current.view();
        // What this side chose itself is its own affair.
        let chose = |host: &str| {
            view.headers().transports().flatten().any(|o| destinations(&o).any(|h| h == host))
        };
        if destinations(&reply.transport).any(chose)
            && !self.config.destinations.allows(&reply.transport, self.peer)
        {
            return Err(CommandError::Destination);
        }
        let pipeline = pipeline_of(view);
        let mut chosen = self.with_channels(reply.transport, named, current.uri_bytes())?;
        let full = self.peer.filter(|_| version == Version::V2_0);
        let is_group = chosen.delivery == Some(Delivery::Multicast);
        let full = full.filter(|_| !is_group).and_then(|peer| full_addresses(&chosen, peer));
        if let Some(full) = &full {
            chosen = chosen.with_dest_addr(full);
        }
        if named.is_none() && self.sessions.len() >= self.config.sessions_max {
            return Err(CommandError::Limit(LimitKind::Sessions));
        }
        let has_live_range = self.is_live(&reply);
        let seekable = reply.seekable;
        let response = self.setup_response(reply, chosen, version);
        response.check()?;
        // Nothing fails from here on.
        let key = match named {
            Some(key) => key,
            None => self.sessions.create(&mut self.rng, version),
        };
        let channels = chosen.interleaved;
        let url = self.current.as_mut().map_or_else(String::new, |current| {
            if current.request.is_some() {
                return String::from(current.uri());
            }
            // Nothing else needs it.
            String::from_utf8(core::mem::take(&mut current.uri)).unwrap_or_default()
        });
        let Some(session) = self.sessions.get_mut(key) else {
            return Err(CommandError::UnknownSession);
        };
        let (delivery, mode) = (chosen.delivery, chosen.mode);
        let (receivers, rtcp_mux) = (receivers(&chosen, self.peer), chosen.rtcp_mux);
        session.seekable &= seekable;
        session.has_live_range = has_live_range;
        let known = session.stream_at(url.as_bytes());
        match known.and_then(|at| session.streams.get_mut(at)) {
            Some(stream) => {
                (stream.channels, stream.delivery, stream.mode) = (channels, delivery, mode);
                (stream.receivers, stream.rtcp_mux) = (receivers, rtcp_mux);
            }
            None => {
                let state = State::Ready;
                if session.streams.capacity() == 0 {
                    session.streams = Vec::with_capacity(2);
                }
                session.streams.push(Stream {
                    url,
                    channels,
                    receivers,
                    rtcp_mux,
                    delivery,
                    mode,
                    state,
                });
                session.state = session.state.max(state);
            }
        }
        let wire_id = session.id;
        if named.is_none() {
            session.pipeline = pipeline;
            session.user.clone_from(&user);
        }
        self.refresh(now, key);
        if let Some(current) = &mut self.current {
            current.session = Some(key);
        }
        let timeout = self.config.session_timeout.as_secs().max(1);
        let timeout = u32::try_from(timeout).unwrap_or(u32::MAX);
        if named.is_none() && self.config.sessions_elsewhere {
            let id = wire_id.as_str().to_string();
            self.out.event(Event::SessionBegan { session: key, id, user });
        }
        self.answer_current(now, &response, Some(timeout));
        self.work(now);
        Ok(SetUp { session: key, channels })
    }

    fn with_channels<'t>(
        &self,
        mut chosen: Transport<'t>,
        named: Option<SessionKey>,
        url: &[u8],
    ) -> Result<Transport<'t>, CommandError> {
        if !chosen.is_interleaved() {
            return Ok(chosen);
        }
        if self.datagrams.is_some() {
            return Err(CommandError::NoChannel);
        }
        // A stream that is set up again keeps its channels.
        let old = named
            .and_then(|key| self.sessions.get(key))
            .and_then(|session| session.streams.get(session.stream_at(url)?))
            .and_then(|stream| stream.channels);
        let channels = match old {
            Some(old) if chosen.interleaved.is_none_or(|wanted| wanted == old) => Some(old),
            _ => self.channels_for(chosen.interleaved),
        };
        chosen.interleaved = Some(channels.ok_or(CommandError::NoChannel)?);
        Ok(chosen)
    }

    fn setup_response(
        &self,
        reply: SetupReply<'_>,
        chosen: Transport<'_>,
        version: Version,
    ) -> ResponseBuilder {
        let live = self.is_live(&reply);
        let mut response = match chosen.usual(version) {
            Some(usual) => reply.response.text(HeaderName::Transport, usual.as_str()),
            None => reply.response.header(HeaderName::Transport, chosen.for_version(version)),
        };
        if let Some(infos) = join_infos(reply.infos, version) {
            response = response.header(HeaderName::RtpInfo, infos);
        }
        if version != Version::V2_0 {
            return response;
        }
        // RFC 7826 §13.3: what the media can do goes with it.
        let config = &self.config;
        let properties = reply.media_properties.as_deref().unwrap_or(&config.media_properties);
        let units = reply.accept_ranges.as_deref().unwrap_or(&config.accept_ranges);
        let live = Some(&*config.media_range).filter(|_| live);
        let range = reply.media_range.as_deref().or(live);
        for (name, value) in [
            (HeaderName::MediaProperties, Some(properties)),
            (HeaderName::AcceptRanges, Some(units)),
            (HeaderName::MediaRange, range),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                response = response.header(name, value);
            }
        }
        response
    }

    /// "MUST include the Media-Range header if the media is Time-Progressing": whether the
    /// configured one is that of this media.
    fn is_live(&self, reply: &SetupReply<'_>) -> bool {
        if self.config.media_range.is_empty() {
            return false;
        }
        let properties = reply.media_properties.as_deref();
        let properties = properties.unwrap_or(&self.config.media_properties);
        let begins = |part: &[u8]| part.first().is_some_and(|b| b | 0x20 == b't');
        let says = |part: &[u8]| begins(part) && part.eq_ignore_ascii_case(TIME_PROGRESSING);
        let mut parts = properties.as_bytes().windows(TIME_PROGRESSING.len());
        reply.media_range.is_none() && parts.any(says)
    }
}

const TIME_PROGRESSING: &[u8] = b"time-progressing";

/// The offer as an answer to it begins.
fn answer_to(mut offer: Transport<'_>, carrier: Carrier, version: Version) -> Transport<'_> {
    offer.delivery.get_or_insert(Delivery::Unicast);
    if version == Version::V2_0 {
        offer.ssrc = None;
        offer.setup = match (carrier, offer.setup) {
            (Carrier::Tcp, Some(ConnectionSetup::Passive)) => Some(ConnectionSetup::Active),
            // Not said means active, and clients reach servers better than the other way round.
            (Carrier::Tcp, _) => Some(ConnectionSetup::Passive),
            _ => None,
        };
        offer.connection = offer.connection.filter(|_| carrier == Carrier::Tcp);
    }
    offer
}

/// RFC 7826 §18.54: answers "SHOULD include the full destination address that is actually
/// used"; `None` when it is full, or when there is none.
#[cold]
#[inline(never)]
fn full_addresses(transport: &Transport<'_>, peer: IpAddr) -> Option<String> {
    let mut list = String::new();
    let mut is_short = false;
    for address in transport.dest_addr() {
        let separator = if list.is_empty() { "" } else { "/" };
        let host =
            if address.starts_with(':') { peer.to_canonical().to_string() } else { String::new() };
        is_short |= !host.is_empty();
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        let quoted = [separator, "\"", open, &host, close, address, "\""];
        quoted.iter().for_each(|part| list.push_str(part));
    }
    is_short.then_some(list)
}

/// Where the media goes over UDP: to the address that is named, else to the client.
fn receivers(chosen: &Transport<'_>, peer: Option<IpAddr>) -> Option<[SocketAddr; 2]> {
    if chosen.is_interleaved() || chosen.lower != LowerTransport::Udp {
        return None;
    }
    let ports = chosen.client_port.or_else(|| chosen.dest_addr().ports()).or(chosen.port)?;
    let named = destinations(chosen).next().and_then(|host| host.parse::<IpAddr>().ok());
    // No client is a group.
    let own = peer.filter(|_| chosen.delivery != Some(Delivery::Multicast));
    let address = named.or(own)?;
    // RFC 7826 §C.1.6.4: who multiplexes uses the first only.
    let rtcp = if chosen.rtcp_mux { ports.rtp } else { ports.rtcp() };
    Some([ports.rtp, rtcp].map(|port| SocketAddr::new(address, port)))
}

/// Whether the offer says where the media is to go, where that is the client's to say.
fn has_receiver(offer: &Transport<'_>, carrier: Carrier) -> bool {
    match carrier {
        Carrier::Interleaved | Carrier::Multicast => true,
        Carrier::Udp => offer.client_port.is_some() || offer.dest_addr().ports().is_some(),
        Carrier::Tcp => offer.dest_addr().next().is_some(),
    }
}
