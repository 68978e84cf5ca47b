//! What a family of Sans-IO protocol crates shares: time, randomness, the four verbs of a
//! machine, limits and errors; and, behind features, what several protocols have in common
//! on the wire.
//!
//! Nothing here does I/O, reads a clock or starts a thread. `Clock` (feature `std`) is the
//! one bridge to real time, and it is for hosts only.
//!
//! | for | look at | feature |
//! |---|---|---|
//! | writing a machine | [`Machine`], [`Output`], [`Instant`], [`TimerTable`], [`Rng`], [`Limits`], [`ParseError`] | |
//! | hosting one | [`StreamMachine`], [`DatagramMachine`], `Clock` | `std` for the clock |
//! | text protocols | `head`, `text`, `length`, `sdp` | `text` |
//! | Basic and Digest, both sides | `digest` | `digest` |
//! | tunnels and browsers | `http`, `websocket` | `http`, `websocket` |
//! | tests | `testing`: a bad network, simulators in virtual time | `testing` |
//!
//! A feature adds API and never changes what is there without it.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "digest")]
pub mod digest;
mod error;
#[cfg(feature = "text")]
pub mod head;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "text")]
pub mod length;
mod limits;
mod link;
mod machine;
mod rng;
#[cfg(feature = "text")]
pub mod sdp;
mod span;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "text")]
pub mod text;
mod time;
mod timer;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use error::{ParseError, ParseErrorKind};
pub use limits::{LimitKind, Limits};
pub use link::{DatagramMachine, StreamMachine};
pub use machine::{Machine, Output};
pub use rng::{HexToken, Rng, Seed};
pub use span::Span;
#[cfg(feature = "std")]
pub use time::Clock;
pub use time::{Instant, Timestamp};
pub use timer::{TimerKey, TimerQueue, TimerTable};

#[cfg(all(doctest, feature = "std", feature = "digest"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
