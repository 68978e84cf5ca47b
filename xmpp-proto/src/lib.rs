//! XMPP without I/O: a strict, zero-copy XML stream, stanzas and negotiation for client
//! and server.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod client;
mod iq;
pub mod jid;
mod link;
pub mod roster;
pub mod sasl;
pub mod stanza;
pub mod stream;
pub mod xml;

pub use iq::IqToken;
pub use link::ProtocolError;
pub mod server;
pub mod subscription;
