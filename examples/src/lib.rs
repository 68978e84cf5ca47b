//! Hosts that drive the protocol crates: drivers, loopback servers, and what the
//! programs in `src/bin` share.

pub mod drive;
pub mod inspect;
pub mod ladder;
pub mod store;

#[cfg(doctest)]
#[doc = include_str!("../../docs/RUN_LOOP.md")]
struct RunLoopDoctests;
