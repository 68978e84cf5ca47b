//! Typed headers. They borrow, are parsed on demand, and print as they are sent.

mod contact;
mod name_addr;
mod numbers;
mod tokens;
mod via;

pub use contact::{Contact, QValue};
pub(crate) use name_addr::first_value_end;
pub use name_addr::{From, NameAddr, Path, RecordRoute, Route, ServiceRoute, To};
pub use numbers::{CSeq, CallId, ContentType, Expires, MaxForwards, MinExpires, RetryAfter};
pub use tokens::{Allow, ProxyRequire, Require, Supported, Unsupported};
pub use via::{Transport, Via};

#[cfg(test)]
mod tests;
