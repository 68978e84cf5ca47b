#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! SIP and SIMPLE without I/O: messages, transactions, user agent, registrar.

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod dialog;
pub mod endpoint;
pub mod headers;
#[cfg(feature = "digest")]
pub mod home;
pub mod message;
pub mod offer_answer;
pub mod proxy;
#[cfg(feature = "digest")]
pub mod registrar;
pub mod simple;
pub mod stream;
pub mod stun;
pub mod transaction;
pub mod ua;
pub mod uri;

pub use endpoint::Endpoint;
pub use headers::Transport;
pub use message::{
    BuildError, EditError, HeaderName, Headers, Index, Message, MessageBuf, Method, Objection,
    Request, RequestBuf, Response, ResponseBuf, StatusCode, TypedHeader,
};
pub use uri::{SipUri, Uri};

#[cfg(all(doctest, feature = "digest"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
