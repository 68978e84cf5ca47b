//! The journal: frames of records, each with a check and a link to the one before.
//!
//! A frame is what one durable write carries. The layout stands byte by byte in
//! `docs/mms-core.md`.

mod frame;
mod recover;

pub use frame::{Chain, Frame, FrameBuf, FrameError, FrameErrorKind, FrameWriter, Records};
pub use recover::{JournalEnd, Recovered, Recovery};
