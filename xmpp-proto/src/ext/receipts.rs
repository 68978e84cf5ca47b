//! Message receipts (XEP-0184) and chat markers (XEP-0333).

use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;

/// Whether a message asks for a receipt. An answer to an error, or to a message without id,
/// is never due (XEP-0184 §5).
#[must_use]
pub fn is_requested(message: Element<'_>) -> bool {
    message.child(Ns::RECEIPTS, "request").is_some()
        && message.attr("id").is_some()
        && message.attr("type").as_deref() != Some("error")
}

/// The id of the message that was received, when this message is its receipt.
#[must_use]
pub fn received(message: Element<'_>) -> Option<Cow<'_, str>> {
    message.child(Ns::RECEIPTS, "received")?.attr("id")
}

/// Asks for a receipt.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::RECEIPTS, "request", "");
}

/// Writes the receipt of the message `id`.
pub fn write_received(w: &mut Writer, id: &str) {
    w.start(Ns::RECEIPTS, "received").attr("id", id).end();
}

/// How far a message has come (XEP-0333).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Marker {
    /// The client has it.
    Received,
    /// The user has seen it.
    Displayed,
    /// The user has acknowledged it.
    Acknowledged,
}

impl Marker {
    const ALL: [Self; 3] = [Self::Received, Self::Displayed, Self::Acknowledged];

    const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Displayed => "displayed",
            Self::Acknowledged => "acknowledged",
        }
    }

    /// The marker in a message, and the message that it is about.
    #[must_use]
    pub fn read(message: Element<'_>) -> Option<(Self, Cow<'_, str>)> {
        Self::ALL.into_iter().find_map(|marker| {
            let element = message.child(Ns::MARKERS, marker.name())?;
            Some((marker, element.attr("id")?))
        })
    }

    /// Writes it.
    pub fn write(self, w: &mut Writer, id: &str) {
        w.start(Ns::MARKERS, self.name()).attr("id", id).end();
    }
}

/// Whether a message can be marked.
#[must_use]
pub fn is_markable(message: Element<'_>) -> bool {
    message.child(Ns::MARKERS, "markable").is_some()
}

/// Lets a message be marked.
pub fn write_markable(w: &mut Writer) {
    w.leaf(Ns::MARKERS, "markable", "");
}
