//! What goes into an endpoint and what comes out of it.

use crate::headers::Transport;
use crate::message::{BuildError, EditError, Objection, RequestBuf, ResponseBuf};
use bytes::Bytes;
use core::fmt;
use core::net::SocketAddr;
use proto_wire::{LimitKind, ParseError};
use thiserror::Error;

/// A stream, by the number that the host gave it. Each stream has its own. RFC 5626 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the host makes these")]
pub struct FlowId(pub u64);

/// A stream that the host was asked to open. RFC 3261 §18.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectId(pub(super) u64);

/// A transaction. Never means another one, also when it has ended. RFC 3261 §17.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{}.{}", self.slot, self.generation)
    }
}

/// What was sent, to report that it could not be. RFC 3261 §18.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransmitId(pub(super) Option<TransactionId>);

/// Between which two ends a message travels. RFC 3261 §18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a message travels alone or in a stream")]
pub enum Path {
    /// Datagrams between two addresses.
    Datagram {
        /// Our address.
        local: SocketAddr,
        /// The peer's.
        remote: SocketAddr,
    },
    /// A stream.
    Stream(FlowId),
}

/// Where to send a request. RFC 3261 §18.1.1, RFC 3263.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an address, or a stream that is there")]
pub enum Target {
    /// To an address; over a stream to it when the transport has streams, opened if need be.
    Address(Transport, SocketAddr),
    /// Over this stream and no other.
    Flow(FlowId),
}

/// What the host reports. See [`Endpoint`](super::Endpoint).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SipInput<'a> {
    /// A datagram arrived.
    Datagram {
        /// The address of the socket that it arrived at.
        local: SocketAddr,
        /// Where it came from.
        remote: SocketAddr,
        /// Its bytes.
        data: &'a [u8],
    },
    /// Bytes of a stream arrived; of a `WebSocket` one message, text or binary.
    Stream {
        /// The stream.
        flow: FlowId,
        /// The bytes, cut anywhere; of a `WebSocket` the whole message (RFC 7118 §5).
        data: &'a [u8],
    },
    /// A stream is open: accepted, or opened as asked.
    FlowOpened {
        /// The number that the host gives it.
        flow: FlowId,
        /// TCP, TLS (when the handshake is done), or `WebSocket` (when it is open, with the
        /// subprotocol `sip`): the host ends both.
        transport: Transport,
        /// Our address.
        local: SocketAddr,
        /// The peer's.
        remote: SocketAddr,
        /// What it was opened for.
        connect: Option<ConnectId>,
    },
    /// A stream ended or broke.
    FlowClosed {
        /// The stream.
        flow: FlowId,
    },
    /// A stream could not be opened.
    ConnectFailed {
        /// Which one.
        connect: ConnectId,
    },
    /// Something could not be sent.
    SendFailed {
        /// What.
        id: TransmitId,
    },
}

/// Bytes to send. Sent again they are the same bytes, not a copy. RFC 3261 §18.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SipTransmit {
    /// To report that it could not be sent.
    pub id: TransmitId,
    /// Where to.
    pub path: Path,
    /// The datagram, or the next bytes of the stream; for a `WebSocket` one message.
    pub payload: Bytes,
}

/// What happened. RFC 3261 §17.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SipEvent {
    /// A request, for the first time. It waits for [`Endpoint::respond`](super::Endpoint::respond).
    Request {
        /// Its server transaction.
        id: TransactionId,
        /// The request, with `received` and `rport` noted in its top Via.
        request: RequestBuf,
        /// Where it came from.
        path: Path,
    },
    /// An ACK of a 2xx. Others stay in their transaction.
    Ack {
        /// The INVITE's transaction, when the ACK reused its branch.
        id: Option<TransactionId>,
        /// The ACK.
        request: RequestBuf,
        /// Where it came from.
        path: Path,
    },
    /// The INVITE of this transaction is cancelled; the CANCEL was answered. The user owes the
    /// INVITE a final response (487).
    Cancelled {
        /// The INVITE's transaction.
        id: TransactionId,
    },
    /// A response.
    Response {
        /// Its client transaction.
        id: TransactionId,
        /// The response; its top Via is ours.
        response: ResponseBuf,
    },
    /// Nothing came in time: Timer B, F, H, or the user never answered.
    TimedOut {
        /// The transaction.
        id: TransactionId,
    },
    /// The transport could not send what the transaction had to say.
    TransportFailed {
        /// The transaction.
        id: TransactionId,
    },
    /// The transaction ended; its id means nothing more.
    Terminated {
        /// The transaction.
        id: TransactionId,
    },
    /// Open a stream and answer with [`SipInput::FlowOpened`] or [`SipInput::ConnectFailed`].
    ConnectWanted {
        /// What to answer with.
        connect: ConnectId,
        /// The transport.
        transport: Transport,
        /// The peer.
        remote: SocketAddr,
    },
    /// The peer answered [`Endpoint::check`](super::Endpoint::check).
    Mapped {
        /// The path that was checked.
        path: Path,
        /// Where the peer sees us. Another address than before is another flow (RFC 5626 §4.4.2).
        address: SocketAddr,
    },
    /// The peer refused to answer, or did not.
    Unmapped {
        /// The path that was checked.
        path: Path,
    },
    /// The peer sent a keep-alive (on a stream, or as STUN, it was answered).
    Ping {
        /// Where.
        path: Path,
    },
    /// The peer answered ours.
    Pong {
        /// The stream.
        flow: FlowId,
    },
    /// A message was refused: answered when it could be, dropped otherwise.
    Refused {
        /// Where it came from.
        path: Path,
        /// Why.
        why: Refusal,
    },
    /// A stream is over; the host closes it. Exactly once per stream.
    FlowClosed {
        /// The stream.
        flow: FlowId,
        /// Why.
        reason: FlowEnd,
    },
}

/// Why a message was refused. RFC 3261 §18.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Not a SIP message.
    NotSip(ParseError),
    /// A SIP message that breaks a rule.
    Invalid(Objection),
    /// A request over [`Config::transactions_max`](super::Config::transactions_max), answered with 503.
    Overload,
    /// A response to no request of ours (RFC 6026 §7.2).
    Stray,
}

/// Why a stream is over. RFC 5626 §4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowEnd {
    /// The host said so.
    Eof,
    /// The peer's bytes cannot be framed any more.
    Protocol(ParseError),
    /// A limit was reached.
    Limit(LimitKind),
    /// We closed it.
    Local,
}

/// A command that could not be carried out; nothing has changed.
/// See [`Endpoint`](super::Endpoint).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The transaction has ended.
    #[error("{0}: the transaction has ended")]
    NoTransaction(&'static str),
    /// The transaction is of another kind or in a state where this may not be done.
    #[error("{0}: not in this state of the transaction")]
    State(&'static str),
    /// The stream is not there.
    #[error("{0}: the stream is not there")]
    NoFlow(&'static str),
    /// No listener of this transport.
    #[error("no listener for {0}")]
    NoListener(Transport),
    /// The request is over [`Config::datagram_max`](super::Config::datagram_max): use a stream
    /// (RFC 3261 §18.1.1).
    #[error("{0} bytes are too long for a datagram, use a stream")]
    TooLong(usize),
    /// A limit was reached.
    #[error(transparent)]
    Limit(#[from] LimitKind),
    /// The message could not be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The message could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A message given by the caller is malformed.
    #[error(transparent)]
    Message(#[from] Objection),
}
