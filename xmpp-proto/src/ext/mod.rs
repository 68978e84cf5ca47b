//! Extensions, in one shape: a view that borrows (`read`), and a writer for what is sent
//! (`write`, into a [`Writer`](crate::xml::Writer) or a builder's `with`).
//!
//! | module | XEP | | module | XEP |
//! |---|---|---|---|---|
//! | [`disco`] | 0030, 0128 | | [`delay`] | 0203 |
//! | `caps` (feature `scram`) | 0115 | | [`forward`] | 0297 |
//! | [`software`] | 0092 | | [`carbons`] | 0280 |
//! | [`time`] | 0202 | | [`archive`] | 0313, 0059 |
//! | [`activity`] | 0012, 0319 | | [`blocking`] | 0191 |
//! | [`receipts`] | 0184, 0333 | | [`chat`] | 0085, 0308, 0334, 0359, 0352 |
//! | `caps2` (feature `scram`) | 0390 | | [`register`] | 0077 |
//! | [`private`] | 0049 | | [`vcard`] | 0054 |
//!
//! Whoever may speak for somebody else is checked where it is read: a carbon copy or a result
//! of an archive comes from the own account, or it is nothing (CVE-2017-5589 and its kin).
//!
//! ```
//! use xmpp_proto::ext::receipts;
//! use xmpp_proto::stanza::{MessageBuilder, StanzaBuf};
//! use xmpp_proto::xml::Ns;
//!
//! let message = MessageBuilder::new().id("1").body("hi").with(receipts::write_request).build()?;
//! let message = StanzaBuf::parse(Ns::CLIENT, message.into_string().into())?;
//! assert!(receipts::is_requested(message.element()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod activity;
pub mod archive;
pub mod blocking;
#[cfg(feature = "scram")]
pub mod caps;
#[cfg(feature = "scram")]
pub mod caps2;
pub mod carbons;
pub mod chat;
pub mod delay;
pub mod disco;
pub mod forward;
pub mod private;
pub mod receipts;
pub mod register;
pub mod software;
#[cfg(test)]
mod tests;
pub mod time;
pub mod vcard;
