//! What a server hears and what it tells.

use crate::error::{CloseReason, RequestFailure, RequestId, SessionEnd, SessionKey};
use crate::message::{Method, RequestBuf, ResponseBuf};
use bytes::Bytes;

/// What the host reports to a [`Server`](super::Server).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes that arrived, cut anywhere.
    Data(&'a [u8]),
    /// The same in memory that the host gives away; it is not copied when nothing waits.
    Owned(Bytes),
    /// The client closed its side, or the connection broke.
    Eof,
}

/// What happened, for the application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A request that the application answers: with `respond`, `describe`, `accept_setup`,
    /// `accept`, `accept_play` or `refuse`. The next request is held back until it has.
    Request(Incoming),
    /// An interleaved packet of the client: RTCP, or media when it records.
    Media {
        /// The session whose stream it is; `None` on a channel that nobody set up.
        session: Option<SessionKey>,
        /// On which channel.
        channel: u8,
        /// The packet: a part of the receive buffer, not a copy.
        payload: Bytes,
    },
    /// A session is over. Stop sending its media; its key means nothing any more.
    SessionEnded {
        /// Which.
        session: SessionKey,
        /// Why.
        reason: SessionEnd,
    },
    /// The client answered a request of this side.
    Response {
        /// Which request.
        id: RequestId,
        /// Its method.
        method: Method,
        /// The answer, final.
        response: ResponseBuf,
    },
    /// The client did not answer a request of this side.
    RequestFailed {
        /// Which request.
        id: RequestId,
        /// Why.
        reason: RequestFailure,
    },
    /// The connection is to be closed once everything before this is sent. The last event.
    Closed(CloseReason),
}

/// A request that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Incoming {
    /// What the answering command names.
    pub id: RequestId,
    /// What it asks for.
    pub method: Method,
    /// The session that it names; it exists, and the method is valid in its state.
    pub session: Option<SessionKey>,
    /// All of it.
    pub request: RequestBuf,
}
