//! What a client hears and what it tells.

use crate::error::{CloseReason, PeerRequestId, RequestFailure, RequestId, SessionEnd, SessionKey};
use crate::headers::{ChannelPair, PortPair, Transport};
use crate::message::{Method, RequestBuf, ResponseBuf};
use alloc::string::String;
use bytes::Bytes;

/// What the host reports to a [`Client`](super::Client).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes that arrived, cut anywhere.
    Data(&'a [u8]),
    /// The same in memory that the host gives away; it is not copied when nothing waits.
    Owned(Bytes),
    /// The server closed its side, or the connection broke.
    Eof,
}

/// What happened, for the application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The final response to a command, successful or not. One that asks for credentials
    /// comes only when there are none that fit.
    Response {
        /// What the command returned.
        id: RequestId,
        /// The method of the request.
        method: Method,
        /// The session it was about.
        session: Option<SessionKey>,
        /// All of it.
        response: ResponseBuf,
    },
    /// A stream is set up; stands right behind the response that says so.
    StreamReady {
        /// In which session.
        session: SessionKey,
        /// The URL that was set up.
        url: String,
        /// How its media comes.
        settled: Settled,
    },
    /// An interleaved packet. It may come before the answer to PLAY and after the one to
    /// TEARDOWN, and on channels that nobody set up.
    Media {
        /// The session whose stream it is.
        session: Option<SessionKey>,
        /// On which channel.
        channel: u8,
        /// The packet: a part of the receive buffer, not a copy.
        payload: Bytes,
    },
    /// The server asks something.
    Request {
        /// What [`Client::respond`](super::Client::respond) names; `None` when it is
        /// answered already (OPTIONS, and what [`Config`](super::Config) does not accept).
        id: Option<PeerRequestId>,
        /// All of it.
        request: RequestBuf,
    },
    /// A command has no response.
    RequestFailed {
        /// What the command returned.
        id: RequestId,
        /// Its method.
        method: Method,
        /// Why.
        reason: RequestFailure,
    },
    /// A session is over; its key means nothing any more.
    SessionEnded {
        /// Which.
        session: SessionKey,
        /// Why.
        reason: SessionEnd,
    },
    /// A response that nobody waits for: its number is unknown, or it comes too late.
    Unmatched {
        /// All of it.
        response: ResponseBuf,
    },
    /// The connection is to be closed once everything before this is sent. The last event.
    Closed(CloseReason),
}

/// How the media of a stream comes: what the server chose, completed from what was offered
/// where it is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// On the control connection.
    Interleaved(ChannelPair),
    /// Over UDP to this side.
    Udp {
        /// Where this side receives.
        client_port: Option<PortPair>,
        /// Where the server sends from; `None` or port 0 when it does not say.
        server_port: Option<PortPair>,
        /// The server's address, when it is another than that of the connection.
        source: Option<String>,
    },
    /// Over UDP to a group.
    Multicast {
        /// The group's address.
        group: Option<String>,
        /// Its ports.
        port: Option<PortPair>,
        /// How far packets go.
        ttl: Option<u8>,
    },
}

impl Settled {
    /// What `chosen` says; where it is silent, what was offered.
    pub(super) fn of(chosen: &Transport<'_>, offered: Option<&Self>, fallback: u8) -> Self {
        use crate::headers::Delivery;
        let (to, from) = (chosen.dest_addr(), chosen.src_addr());
        if chosen.is_interleaved() {
            let offered = match offered {
                Some(Self::Interleaved(pair)) => Some(*pair),
                _ => None,
            };
            let pair = chosen.interleaved.or(offered);
            return Self::Interleaved(pair.unwrap_or_else(|| ChannelPair::starting_at(fallback)));
        }
        let text = |text: Option<&str>| text.map(String::from);
        if chosen.delivery == Some(Delivery::Multicast) {
            return Self::Multicast {
                group: text(chosen.destination().or_else(|| to.host())),
                port: chosen.port.or_else(|| to.ports()).or(chosen.client_port),
                ttl: chosen.ttl,
            };
        }
        let offered_port = match offered {
            Some(Self::Udp { client_port, .. }) => *client_port,
            _ => None,
        };
        Self::Udp {
            client_port: chosen.client_port.or_else(|| to.ports()).or(offered_port),
            server_port: chosen.server_port.or_else(|| from.ports()),
            source: text(chosen.source().or_else(|| from.host())),
        }
    }
}
