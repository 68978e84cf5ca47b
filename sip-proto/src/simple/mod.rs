//! SIMPLE: instant messages and what goes with them.

pub mod cpim;
mod escape;
pub mod imdn;
pub mod iscomposing;
mod lifetime;
#[cfg(feature = "xml")]
mod xml;

pub use lifetime::Lifetime;
