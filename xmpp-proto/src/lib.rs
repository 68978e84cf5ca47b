//! XMPP without I/O: a strict, zero-copy XML stream, stanzas and negotiation for client
//! and server (RFC 6120, 6121, 7622).
//!
//! | layer | modules |
//! |---|---|
//! | wire: borrowed, no state | [`xml`], [`jid`], [`stanza`], [`stream`], [`roster`] |
//! | pieces of protocol | [`sasl`], [`subscription`], [`sm`], [`transport`] |
//! | extensions, views and writers | [`ext`] |
//! | machines: the four verbs | [`client`], [`server`], `component`, `s2s` (with feature `scram`) |
//!
//! Reading one stanza needs no machine:
//!
//! ```
//! use xmpp_proto::stanza::Stanza;
//! use xmpp_proto::xml::{Scanner, XmlLimits};
//!
//! let bytes = b"<message xmlns='jabber:client' to='romeo@montague.example'><body>Ay me!</body></message>";
//! let mut scanner = Scanner::fragment(XmlLimits::POST_AUTH);
//! let frame = scanner.scan(bytes)?.expect("all of it is there");
//! let element = scanner.element(&bytes[..frame.len]).expect("an element");
//! let Stanza::Message(message) = Stanza::parse(element)? else { panic!("a message") };
//! assert_eq!(message.body().as_deref(), Some("Ay me!"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod client;
#[cfg(feature = "scram")]
pub mod component;
#[cfg(feature = "scram")]
mod endpoint;
pub mod ext;
mod iq;
pub mod jid;
mod link;
pub mod roster;
#[cfg(feature = "scram")]
pub mod s2s;
pub mod sasl;
pub mod server;
pub mod sm;
pub mod stanza;
pub mod stream;
pub mod subscription;
pub mod transport;
pub mod xml;

pub use iq::IqToken;
pub use link::ProtocolError;

#[cfg(all(doctest, feature = "scram"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
