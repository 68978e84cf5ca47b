//! WebSocket (RFC 6455), both sides, without I/O: the transport below SIP (RFC 7118), XMPP
//! (RFC 7395) and RTSP (ONVIF Streaming Specification) wherever only HTTP gets through.
//!
//! Two layers, of which a machine of a protocol above may take either:
//! [`FrameHeader`], [`Decoder`] and [`Encoder`] are the frames and messages; a
//! [`Connection`] is the whole of one end: upgrade, messages, ping and pong, closing,
//! deadlines.
//!
//! Extensions (compression) are never offered and never accepted.

mod config;
mod connection;
mod decoder;
mod frame;
mod handshake;
#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;

pub use config::Config;
pub use connection::{CloseReason, CommandError, Connection, Event, Input, Timer};
pub use decoder::{Decoder, Message};
pub use frame::{CloseCode, CloseFrame, Encoder, FrameHeader, Opcode};
pub use handshake::{
    AcceptKey, ClientRequest, HandshakeError, UpgradeRequest, accept_key, check_response,
};

use crate::LimitKind;
use thiserror::Error;

/// Which end of the connection this is: a client masks what it sends, a server never does
/// (§5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third end")]
pub enum Role {
    /// The end that asked for the upgrade.
    Client,
    /// The end that granted it.
    Server,
}

/// What a peer did wrong after the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set, without an extension that gives it a meaning (§5.2).
    #[error("a reserved bit is set")]
    ReservedBit,
    /// The opcode is none of those that RFC 6455 defines (§5.2).
    #[error("the opcode {0} is unknown")]
    Opcode(u8),
    /// A control frame is fragmented or longer than 125 bytes (§5.5).
    #[error("a control frame is fragmented or too long")]
    ControlFrame,
    /// The length is not written in the shortest way, or has its highest bit set (§5.2).
    #[error("the length is not in its shortest form")]
    Length,
    /// A client's frame is not masked, or a server's frame is (§5.1).
    #[error("masking is not as the role of the peer demands")]
    Masking,
    /// A continuation without a beginning, or a beginning within a message (§5.4).
    #[error("fragments are out of order")]
    Fragmentation,
    /// A text message or a close reason is not UTF-8 (§8.1).
    #[error("the text is not UTF-8")]
    Utf8,
    /// The body of a close frame is one byte long, or its code may not be sent (§7.4).
    #[error("the close frame is malformed")]
    Close,
    /// A message is longer than the limit.
    #[error(transparent)]
    Limit(LimitKind),
}

impl ProtocolError {
    /// The code to close with (§7.4.1): the one place that maps faults to the wire.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Utf8 => CloseCode::INVALID_PAYLOAD,
            Self::Limit(_) => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}
