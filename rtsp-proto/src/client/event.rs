//! What a client hears and what it tells.

use super::{DetachedSession, Notice, Redirection, Settled, Termination};
use crate::error::{CloseReason, PeerRequestId, RequestFailure, RequestId, SessionEnd, SessionKey};
use crate::headers::ChannelPair;
use crate::message::{Method, RequestBuf, ResponseBuf, Version};
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
    /// A datagram that arrived, whole; only [over
    /// datagrams](super::Client::over_datagrams).
    Datagram(&'a [u8]),
    /// The server closed its side, or the connection broke.
    Eof,
}

/// What happened, for the application. RFC 7826 §13.
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
    /// The server takes none of the transports (461); stands right behind the response.
    TransportRefused {
        /// In which session.
        session: SessionKey,
        /// The URL that was to be set up.
        url: String,
        /// Free channels, when the control connection was not offered: most servers take
        /// [`Transport::interleaved`](crate::headers::Transport::interleaved) with them.
        interleaved: Option<ChannelPair>,
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
    /// The server sends this side elsewhere: by a 3xx (behind its response, unless it is
    /// followed), or by REDIRECT, which is answered already.
    Redirected {
        /// The command that was answered so; `None` for REDIRECT.
        id: Option<RequestId>,
        /// The session it is about; `None` when it is about none, or all of the connection.
        session: Option<SessionKey>,
        /// Where to, when, and what is done about it here.
        redirection: Redirection,
    },
    /// The server says something about what plays (`PLAY_NOTIFY`, RFC 7826 §13.5); it is
    /// answered already.
    Notified {
        /// The session.
        session: SessionKey,
        /// What.
        notice: Notice,
        /// All of it: Range, RTP-Info, Media-Properties.
        request: RequestBuf,
    },
    /// The server ends a session (TEARDOWN, RFC 7826 §13.7.2); it is answered already, and
    /// [`Event::SessionEnded`] follows.
    Terminated {
        /// The session.
        session: SessionKey,
        /// Why.
        termination: Termination,
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
    /// The server does not speak the version that was tried: from now on it is this one. What
    /// it had refused is sent again.
    VersionChanged {
        /// The version of everything that begins now.
        version: Version,
    },
    /// The server does not know a feature (551), and goes on without it: so do we. What it
    /// had refused is sent again.
    RequirementDropped {
        /// The tag that is not required any more.
        tag: String,
    },
    /// A session is over; its key means nothing any more.
    SessionEnded {
        /// Which.
        session: SessionKey,
        /// Why.
        reason: SessionEnd,
    },
    /// The connection ends, and this session outlives it
    /// ([`Config::sessions_outlive`](super::Config::sessions_outlive)). Its key means nothing
    /// any more.
    SessionDetached {
        /// Which.
        session: SessionKey,
        /// The session, to be attached to another connection.
        detached: DetachedSession,
    },
    /// A response that nobody waits for: its number is unknown, or it comes too late.
    Unmatched {
        /// All of it.
        response: ResponseBuf,
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
