//! RTSP through what only lets HTTP pass: over a pair of HTTP connections (GET for what the
//! server sends, POST with base64 for what the client sends) and over WebSocket.
//!
//! The pair is `QuickTime`'s invention, which most cameras, GStreamer, `FFmpeg`, VLC and
//! live555 speak; there is no RFC. WebSocket (subprotocol [`WEBSOCKET_PROTOCOL`]) is in
//! the ONVIF Streaming Specification.
//!
//! * [`Gate`] stands before an RTSP server: it takes the bytes of all connections, tells
//!   plain RTSP, HTTP and WebSocket apart, pairs GET with POST by their cookie, and gives
//!   out the RTSP bytes of each RTSP connection.
//! * [`Client`] is the pair of connections seen from an RTSP client;
//!   [`websocket_request`] is what such a client asks for when it prefers WebSocket (the
//!   machine is [`proto_wire::websocket::Connection`]), and [`Units`] cuts what it sends into
//!   messages.
//! * [`Base64Decoder`] takes base64 as it arrives on a POST.
//!
//! Neither knows anything of RTSP: their bytes go into a client or server machine as if
//! they came from a socket.

mod base64;
mod client;
mod client_config;
mod client_login;
mod gate;
mod gate_config;
mod gate_event;
mod sniff;
#[cfg(test)]
mod tests;
mod units;

pub use self::base64::{Base64Decoder, encode};
pub use client::{Channel, Client, ClientClosed, ClientEvent, ClientInput};
pub use client_config::{ClientConfig, Order};
pub use gate::Gate;
pub use gate_config::GateConfig;
pub use gate_event::{CommandError, GateClosed, GateEvent, GateInput, Kind, ProtocolError, To};
pub use units::Units;

use proto_wire::websocket;

/// The media type of a tunnel, in `Accept` and `Content-Type`.
pub const MEDIA_TYPE: &str = "application/x-rtsp-tunnelled";
/// The header whose value joins a GET and a POST.
pub const COOKIE: &str = "x-sessioncookie";
/// The WebSocket subprotocol of RTSP (ONVIF Streaming Specification).
pub const WEBSOCKET_PROTOCOL: &str = "rtsp.onvif.org";

/// What a client asks a server for to speak RTSP over WebSocket. Each RTSP message and each
/// `$` frame then goes in one binary message.
///
/// ```
/// use proto_wire::websocket::{Config, Connection};
/// use proto_wire::{Instant, Seed};
///
/// let request = rtsp_proto::tunnel::websocket_request("camera.local", "/rtsp-over-websocket");
/// let connection =
///     Connection::client(Instant::ZERO, Config::default().into(), Seed::from_u64(1), request);
/// assert!(connection.is_ok());
/// ```
#[must_use]
pub fn websocket_request(host: &str, target: &str) -> websocket::ClientRequest {
    websocket::ClientRequest::new(host, target).subprotocol(WEBSOCKET_PROTOCOL)
}
