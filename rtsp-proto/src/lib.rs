//! RTSP 1.0 (RFC 2326) and 2.0 (RFC 7826) without I/O: zero-copy messages, client and
//! server machines.
//!
//! Two layers. **Wire**: [`Message::parse`] and [`Framer`] work on borrowed bytes and
//! allocate nothing; [`headers`] reads and writes the typed values, [`interleaved`] the
//! `$` frames, [`control_url`] finds out what to ask for. **Machines**: [`client::Client`]
//! and [`server::Server`] own a buffer and the protocol state of one connection; bytes and
//! time go in, bytes and events come out.
//!
//! [`range`] does exact arithmetic on parts of media.
//!
//! Nothing here opens a socket, reads a clock or starts a thread.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod client;
mod conn;
pub mod control_url;
mod error;
mod framer;
pub mod headers;
pub mod interleaved;
mod message;
mod quirks;
pub mod range;
pub mod server;
pub mod session_table;
mod state;
#[cfg(feature = "tunnel")]
pub mod tunnel;
mod url;

pub use conn::{Resync, Skips};
pub use error::{
    CloseReason, CommandError, PeerRequestId, RequestFailure, RequestId, SessionEnd, SessionKey,
};
pub use framer::{Framer, Unit};
pub use headers::{HeaderName, Headers, TypedHeader};
pub use message::{
    BuildError, Index, Kind, Message, Method, Methods, Request, RequestBuf, RequestBuilder,
    Response, ResponseBuf, ResponseBuilder, StatusClass, StatusCode, Version,
};
#[doc(no_inline)]
pub use proto_wire::head::{Quirk, Quirks};
#[doc(no_inline)]
pub use proto_wire::{
    Instant, LimitKind, Limits, Machine, Output, ParseError, ParseErrorKind, Seed, StreamMachine,
};
pub use quirks::refused_when_strict;
pub use state::State;
pub use url::Url;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
