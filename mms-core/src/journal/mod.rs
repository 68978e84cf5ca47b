//! The journal: frames of records, each with a check and a link to the one before.
//!
//! A frame is what one durable write carries. The layout stands byte by byte in
//! `docs/journal.md`.

mod audit;
mod ending;
mod frame;
mod hash;
mod header;
mod recover;

pub use audit::{Audit, audit, audit_with};
pub use frame::{
    Chain, Frame, FrameBuf, FrameError, FrameErrorKind, FrameWriter, JournalPosition, Records,
};
pub use hash::{FrameHash, Sha256Hash};
pub use recover::{JournalEnd, Recovered, Recovery};
