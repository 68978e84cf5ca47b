//! Other ways to carry a stream than TCP.
//!
//! The machines speak the framing of RFC 6120; what stands here translates at the edge, so a
//! [`Client`](crate::client::Client) and a
//! [`ServerConnection`](crate::server::ServerConnection) are the same over any of them.

#[cfg(feature = "bosh")]
pub mod bosh;
mod framing;
#[cfg(test)]
#[cfg(all(feature = "websocket", feature = "scram"))]
mod tests;
#[cfg(feature = "websocket")]
mod websocket;

pub use framing::{FramingError, WebSocketFraming};
#[cfg(feature = "websocket")]
pub use websocket::OverWebSocket;
