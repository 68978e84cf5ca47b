//! What can go wrong besides bytes: commands, closings, requests without an answer.

use crate::message::{BuildError, Method, StatusCode, Version};
use crate::state::State;
use proto_wire::{LimitKind, ParseError};
use thiserror::Error;

/// A command that cannot be carried out. It is the caller's mistake; nothing has changed.
/// See [`Client`](crate::client::Client), [`Server`](crate::server::Server).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// No request with this id waits for an answer.
    #[error("no request with this id waits for an answer")]
    UnknownRequest,
    /// There is no such session.
    #[error("there is no such session")]
    UnknownSession,
    /// The first SETUP has not been answered, so the session has no id to send.
    #[error("the session has no id before the answer to its first SETUP")]
    NoSessionId,
    /// The method is not allowed in this state (RFC 2326 appendix A).
    #[error("{method} is not allowed in state {state}")]
    State {
        /// What was asked for.
        method: Method,
        /// Where the session stands.
        state: State,
    },
    /// The method acts on the whole session, and the URL names one of several streams (RFC
    /// 7826 §13.4, §13.6).
    #[error("{method} acts on the whole session only")]
    OnlyAggregate {
        /// What was asked for.
        method: Method,
    },
    /// The request is of another method than the command answers.
    #[error("{method} is not answered like this")]
    WrongMethod {
        /// The method of the request.
        method: Method,
    },
    /// The session has a stream on the control connection, which it cannot leave.
    #[error("the session has a stream on its control connection")]
    Interleaved,
    /// A request of the session waits for its answer.
    #[error("a request of the session waits for its answer")]
    Busy,
    /// The client chose the destination, and it must not.
    #[error("media would go to a destination that the client must not choose")]
    Destination,
    /// The message needs a Date, and nobody told what time it is.
    #[error("nobody told what time it is, and the message must say it")]
    NoWallClock,
    /// The version that the client speaks does not have it.
    #[error("{version} does not have it")]
    Version {
        /// What the client speaks.
        version: Version,
    },
    /// No channel of the control connection is free.
    #[error("no channel of the connection is free")]
    NoChannel,
    /// No stream was set up on this channel.
    #[error("no stream was set up on this channel")]
    UnknownChannel,
    /// A limit of the configuration would be passed.
    #[error(transparent)]
    Limit(LimitKind),
    /// The message cannot be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What to refuse a request with when answering it otherwise failed: 461 without a channel, 403
/// for a destination that is not the client's own, 503 when a limit would be passed, 454 and 455
/// for the session, else 500. RTSP 2.0 has 463 for destinations: see
/// [`Server::choose`](crate::server::Server::choose), which knows the version.
///
/// ```
/// use rtsp_proto::{CommandError, StatusCode};
///
/// assert_eq!(StatusCode::from(CommandError::NoChannel), StatusCode::UNSUPPORTED_TRANSPORT);
/// ```
impl From<CommandError> for StatusCode {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NoChannel => Self::UNSUPPORTED_TRANSPORT,
            CommandError::Destination => Self::FORBIDDEN,
            CommandError::Limit(_) => Self::SERVICE_UNAVAILABLE,
            CommandError::UnknownSession | CommandError::NoSessionId => Self::SESSION_NOT_FOUND,
            CommandError::State { .. } => Self::METHOD_NOT_VALID_IN_THIS_STATE,
            _ => Self::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Why a machine ended. Input after it is ignored, commands are refused. RFC 7826 §10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer's bytes cannot be cut into messages any further.
    #[error("protocol error: {0}")]
    Protocol(ParseError),
    /// The peer passed a limit.
    #[error(transparent)]
    Limit(LimitKind),
    /// The peer closed the connection, or it broke.
    #[error("the peer closed the connection")]
    Eof,
    /// The host asked for it.
    #[error("closed by this side")]
    Local,
    /// A request asked for it with `Connection: close`, and has its answer.
    #[error("the peer asked to close the connection")]
    Requested,
    /// A message that began did not come to its end in time.
    #[error("a message did not come to its end in time")]
    TimedOut,
}

/// Why a request has no response. RFC 7826 §10.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestFailure {
    /// It did not come in time.
    #[error("no response in time")]
    TimedOut,
    /// The connection closed before it came.
    #[error("the connection closed before the response")]
    Closed,
    /// The session that it is about was over before it could be sent (again).
    #[error("its session was over before it could be sent")]
    SessionEnded,
    /// It came with a deviation that a strict client refuses.
    #[error("the response deviates from the grammar")]
    Malformed,
}

/// Which session of a connection: its own number for it, not what is on the wire. RFC 7826 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub(crate) u32);

/// Which request of a connection: its own number for it. It stays when the request is
/// sent again with credentials, which the CSeq does not.
/// RFC 7826 §18.20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u32);

/// Which request of the server to a client. RFC 7826 §18.20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerRequestId(pub(crate) u32);

/// Why a session is over. RFC 7826 §4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionEnd {
    /// TEARDOWN.
    #[error("torn down")]
    TornDown,
    /// Nothing was heard of the client for the session's timeout.
    #[error("no sign of life within the timeout")]
    Expired,
    /// The server does not know it (any more).
    #[error("the server does not know the session")]
    NotFound,
    /// The server sent the client elsewhere.
    #[error("redirected")]
    Redirected,
    /// The server ended it (RFC 7826 §13.7.2).
    #[error("ended by the server")]
    Terminated,
    /// Its connection closed.
    #[error("the connection closed")]
    Closed,
}
