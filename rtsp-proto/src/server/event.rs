//! What a server hears and what it tells.

use super::DetachedSession;
use super::judge::pause_point;
use crate::HeaderName;
use crate::error::{CloseReason, RequestFailure, RequestId, SessionEnd, SessionKey};
use crate::headers::{NptRange, NptTime, Range, Session, TypedHeader as _};
use crate::message::{Method, Request, RequestBuf, ResponseBuf, StatusCode};
use alloc::string::String;
use bytes::Bytes;
use proto_wire::text::chars;

/// What the host reports to a [`Server`](super::Server).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes that arrived, cut anywhere.
    Data(&'a [u8]),
    /// The same in memory that the host gives away; it is not copied when nothing waits.
    Owned(Bytes),
    /// A datagram, whole, for a server that was made with
    /// [`Server::over_datagrams`](super::Server::over_datagrams). Others ignore it.
    Datagram(&'a [u8]),
    /// The client closed its side, or the connection broke.
    Eof,
}

/// What happened, for the application. RFC 7826 §13.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A request that the application answers: with `respond`, `describe`, `accept_setup`,
    /// `accept`, `accept_play` or `refuse`. The next request is held back until it has.
    Request(Incoming),
    /// A request names a session that is not on this connection, and
    /// [`Config::sessions_elsewhere`](super::Config::sessions_elsewhere) is set: answer with
    /// `attach_session`, or with `refuse` and 454.
    SessionWanted {
        /// What the answering command names.
        id: RequestId,
        /// The id of the session, as it is on the wire. Anybody can write anything here.
        session: String,
        /// Who asks, when that had to be proved.
        user: Option<String>,
    },
    /// SETUP made a session, and
    /// [`Config::sessions_elsewhere`](super::Config::sessions_elsewhere) is set.
    SessionBegan {
        /// Which.
        session: SessionKey,
        /// Its id on the wire.
        id: String,
        /// Whose it is, when that had to be proved.
        user: Option<String>,
    },
    /// The connection ends, and this session outlives it
    /// ([`Config::sessions_outlive`](super::Config::sessions_outlive)). Its key means nothing
    /// any more; its media goes on.
    SessionDetached {
        /// Which.
        session: SessionKey,
        /// The session, to be attached to another connection.
        detached: DetachedSession,
    },
    /// A request says who it is from: answer with `authenticate` and what that user's
    /// secret is.
    #[cfg(feature = "digest")]
    SecretWanted {
        /// What the answering command names.
        id: RequestId,
        /// The user, or the hash of the user's name.
        username: String,
        /// Whether it is a hash: find out whose, and tell it with `resolve_user` first.
        is_hashed: bool,
        /// For which algorithm a stored hash must be; `None` for Basic, which takes any.
        algorithm: Option<proto_wire::digest::Algorithm>,
    },
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
    /// Bytes that belong to nothing were dropped before what comes next, because
    /// [`Config::resync`](super::Config::resync) says so
    /// ([`Quirk::Garbage`](crate::Quirk::Garbage)).
    Skipped {
        /// How many.
        bytes: usize,
    },
    /// The connection is to be closed once everything before this is sent. The last event.
    Closed(CloseReason),
}

/// A request that waits for its answer. RFC 7826 §7.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Incoming {
    /// What the answering command names.
    pub id: RequestId,
    /// What it asks for.
    pub method: Method,
    /// The session that it names; it exists, and the method is valid in its state.
    pub session: Option<SessionKey>,
    /// What a PLAY does, for other methods `None`.
    pub play: Option<PlayEffect>,
    /// Who asks, when that had to be proved.
    pub user: Option<String>,
    /// How the URI in the proof fitted that of the request; `None` for Basic.
    #[cfg(feature = "digest")]
    pub uri_match: Option<super::UriMatch>,
    /// All of it.
    pub request: RequestBuf,
}

/// What a PLAY does to what plays. RFC 2326 §10.5, RFC 7826 §13.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlayEffect {
    /// Nothing plays; it begins.
    Begins,
    /// It waits until what plays is at its end (RTSP 1.0, RFC 2326 §10.5).
    Queues,
    /// It takes the place of what plays (RTSP 2.0, RFC 7826 §13.4.4).
    Replaces,
}

impl Incoming {
    /// The part of the media that it names; all of it when it names none.
    ///
    /// # Errors
    /// 457, to refuse it with, when the part is not in normal play time or cannot be read.
    pub fn npt_range(&self) -> Result<NptRange, StatusCode> {
        let range = self.request.view().headers().typed::<Range<'_>>();
        let range = range.map_err(|_| StatusCode::INVALID_RANGE)?;
        let named = range.map(|range| range.as_npt().ok_or(StatusCode::INVALID_RANGE));
        Ok(named.transpose()?.unwrap_or_default())
    }

    /// The point at which a PAUSE is to take effect, when it names one (RFC 2326 §10.6).
    #[must_use]
    pub fn pause_point(&self) -> Option<NptTime> {
        pause_point(self.request.view()).filter(|_| self.method == Method::Pause)
    }
}

/// The session that a request names: its id, or nothing when there is none to be read.
pub(super) fn named_session(request: Request<'_>) -> Option<&[u8]> {
    let value = request.headers().bytes(HeaderName::Session)?;
    if !chars::contains(value, b';') {
        // As nearly always. Whether it is text does not matter to who looks for it.
        return Some(value);
    }
    Some(Session::parse(value).map_or(&[], |named| named.id.as_bytes()))
}
