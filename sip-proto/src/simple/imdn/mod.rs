//! Receipts (RFC 5438): asking for them in a CPIM envelope, and giving them.
//!
//! What is left out: aggregation of many receipts in one body (§8.3), which only list servers
//! make; a multipart body is not read as a receipt.

mod report;
mod request;

pub use report::{Disposition, Report, Status};
pub use request::{ReceiptError, Receipts, Requested};

use super::cpim;
#[cfg(feature = "xml")]
pub use super::xml::XmlError;

/// The media type of the payload.
pub const MEDIA_TYPE: &str = "message/imdn+xml";

/// The namespace of the payload's elements.
pub const XML_NAMESPACE: &str = "urn:ietf:params:xml:ns:imdn";

/// The namespace of the CPIM headers.
pub const NAMESPACE: &str = "urn:ietf:params:imdn";

/// Whether the envelope holds a receipt, not a message (RFC 5438 §7.1.2, §9): its content is
/// a payload of the media type or has the disposition `notification`.
#[must_use]
pub fn is_notification(message: &cpim::Message<'_>) -> bool {
    let disposition = message.content_header("Content-Disposition");
    let disposed = disposition.is_some_and(|d| {
        d.split(';').next().is_some_and(|d| d.trim().eq_ignore_ascii_case("notification"))
    });
    disposed || message.content_is(MEDIA_TYPE)
}

/// The id of a message or a receipt (§6.3).
#[must_use]
pub fn message_id<'a>(message: &cpim::Message<'a>) -> Option<&'a str> {
    message.header(NAMESPACE, "Message-ID").map(|h| h.raw).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests;
