//! What both machines do with their connection: cut what comes in, queue what goes out.

mod few;
mod outbox;
mod plausible;
mod receiver;
mod resync;
#[cfg(test)]
mod tests;

pub(crate) use few::Few;
pub(crate) use outbox::Outbox;
pub(crate) use receiver::{Received, Receiver, Tolerance};
pub use resync::{Resync, Skips};
