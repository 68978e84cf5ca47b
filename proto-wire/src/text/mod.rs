//! The pieces that header values are made of: characters, quoted strings, parameters,
//! comma lists, hosts and ports.
//!
//! All of them work on borrowed bytes, allocate nothing, and treat the line ends of
//! folded values as white space (LWS, RFC 3261 §25.1).

pub mod chars;
pub mod host;
pub mod list;
pub mod params;
pub mod quoted;
pub mod window;
