//! Streams (RFC 6120 §4): header, features, errors.

mod error;
mod features;
mod header;
mod steps;
#[cfg(test)]
mod tests;

pub use error::{StreamCondition, StreamError};
pub use features::{Features, Sasl2Features};
pub use header::{StreamHeader, StreamOpen};
pub use steps::{Prerequisites, Reached, STEPS, Step};

/// The end of a stream (RFC 6120 §4.4).
pub const STREAM_CLOSE: &str = "</stream:stream>";
