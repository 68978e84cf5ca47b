//! Hosts that drive the protocol crates: drivers, loopback servers, and what the
//! programs in `src/bin` share.

pub mod drive;
pub mod inspect;
