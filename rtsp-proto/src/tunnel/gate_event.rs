//! What goes into a gate and what comes out.

use alloc::string::String;
use bytes::Bytes;
use proto_wire::{ParseError, websocket};
use thiserror::Error;

/// What the outside reports to a [`Gate`](super::Gate). `K` is the host's name for a transport
/// connection; a name that is not known yet is a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateInput<'a, K> {
    /// Bytes arrived.
    Data(K, &'a [u8]),
    /// A connection ended, or the host closed it. To be reported for each connection; its
    /// name may be used again afterwards.
    Eof(K),
}

/// Bytes for a transport connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "where to and what")]
pub struct To<K> {
    /// Where to.
    pub connection: K,
    /// What.
    pub bytes: Bytes,
}

/// How an RTSP connection reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Directly.
    Plain,
    /// A GET and a POST.
    Http,
    /// WebSocket.
    WebSocket,
}

/// What the application is told by a [`Gate`](super::Gate). An RTSP connection has the name of the
/// transport connection that what the server sends goes to: of a tunnel that is the GET's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateEvent<K> {
    /// An RTSP connection began.
    Opened {
        /// Its name.
        connection: K,
        /// How it came.
        kind: Kind,
        /// The HTTP request target; `None` for [`Kind::Plain`].
        target: Option<String>,
    },
    /// RTSP bytes from the client.
    Data {
        /// The RTSP connection.
        connection: K,
        /// Any part of its stream.
        data: Bytes,
    },
    /// An RTSP connection ended: once for each that was opened, the last about it.
    Closed {
        /// The RTSP connection.
        connection: K,
        /// Why.
        reason: GateClosed,
    },
    /// Close this transport connection, when what was transmitted is written.
    Hangup(K),
}

/// Why an RTSP connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateClosed {
    /// By command.
    Local,
    /// The client closed it.
    Eof,
    /// The client broke the rules of a tunnel.
    Protocol(ProtocolError),
    /// WebSocket's own reason.
    WebSocket(websocket::CloseReason),
}

/// What a client did wrong in a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Something came on the connection of the GET: a POST, for one, which needs a
    /// connection of its own.
    #[error("something came on the connection of the GET")]
    DataOnGet,
    /// What came on the POST is no base64.
    #[error(transparent)]
    Base64(ParseError),
}

/// The caller's own mistake; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such RTSP connection, or it is not open.
    #[error("there is no open RTSP connection of this name")]
    NotOpen,
    /// A text that would break out of its line.
    #[error("the argument cannot be sent")]
    Argument,
}
