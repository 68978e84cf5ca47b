//! Presence (RFC 6121 §4).

use super::{Header, InvalidStanza, StanzaError};
use crate::xml::{Element, Ns};
use alloc::borrow::Cow;

/// The type of a presence stanza (RFC 6121 §4.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PresenceKind {
    /// Available: no type.
    Available,
    /// An answer that something failed.
    Error,
    /// A server asks for the current presence.
    Probe,
    /// The sender wishes to see the recipient's presence.
    Subscribe,
    /// The sender allows that.
    Subscribed,
    /// Not available any more.
    Unavailable,
    /// The sender no longer wishes to see it.
    Unsubscribe,
    /// The sender no longer allows it.
    Unsubscribed,
}

impl PresenceKind {
    /// The value of the attribute `type`; `None` for available.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Available => return None,
            Self::Error => "error",
            Self::Probe => "probe",
            Self::Subscribe => "subscribe",
            Self::Subscribed => "subscribed",
            Self::Unavailable => "unavailable",
            Self::Unsubscribe => "unsubscribe",
            Self::Unsubscribed => "unsubscribed",
        })
    }

    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "error" => Self::Error,
            "probe" => Self::Probe,
            "subscribe" => Self::Subscribe,
            "subscribed" => Self::Subscribed,
            "unavailable" => Self::Unavailable,
            "unsubscribe" => Self::Unsubscribe,
            "unsubscribed" => Self::Unsubscribed,
            _ => return None,
        })
    }

    /// Whether it is about a subscription.
    #[must_use]
    pub const fn is_subscription(self) -> bool {
        matches!(self, Self::Subscribe | Self::Subscribed | Self::Unsubscribe | Self::Unsubscribed)
    }
}

/// How available (RFC 6121 §4.7.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Show {
    /// Away for a while.
    Away,
    /// Wishes to chat.
    Chat,
    /// Busy.
    Dnd,
    /// Away for long.
    Xa,
}

impl Show {
    /// The text of `<show/>`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Chat => "chat",
            Self::Dnd => "dnd",
            Self::Xa => "xa",
        }
    }
}

/// A presence stanza.
#[derive(Clone, Debug)]
pub struct Presence<'a> {
    header: Header<'a>,
    kind: Option<PresenceKind>,
}

impl<'a> Presence<'a> {
    pub(super) fn of(element: Element<'a>) -> Self {
        let header = Header::read(element);
        let kind = header.raw_kind().map_or(Some(PresenceKind::Available), PresenceKind::of);
        Self { header, kind }
    }

    pub(super) const fn check(&self) -> Result<(), InvalidStanza> {
        match self.kind {
            Some(_) => Ok(()),
            None => Err(InvalidStanza::Type),
        }
    }

    /// Addresses, id, language.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The type; `None` when it is unknown, which [`Stanza::parse`](super::Stanza::parse)
    /// refuses.
    #[must_use]
    pub const fn kind(&self) -> Option<PresenceKind> {
        self.kind
    }

    /// How available; `None` for plainly available and for values that nobody defined.
    #[must_use]
    pub fn show(&self) -> Option<Show> {
        let text = self.child("show")?.text();
        [Show::Away, Show::Chat, Show::Dnd, Show::Xa].into_iter().find(|show| show.name() == text)
    }

    /// The text for people.
    #[must_use]
    pub fn status(&self) -> Option<Cow<'a, str>> {
        self.child("status").map(Element::text)
    }

    /// The priority, -128 to 127; 0 without one or with one that is no number.
    #[must_use]
    pub fn priority(&self) -> i8 {
        self.child("priority").and_then(|child| child.text().trim().parse().ok()).unwrap_or(0)
    }

    /// The error, in a stanza of type `error`.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError<'a>> {
        (self.kind == Some(PresenceKind::Error))
            .then(|| StanzaError::of_stanza(self.header.element))
    }

    /// The payload `name` of the known namespace `ns`.
    #[must_use]
    pub fn payload(&self, ns: Ns, name: &str) -> Option<Element<'a>> {
        self.header.payload(ns, name)
    }

    fn child(&self, name: &str) -> Option<Element<'a>> {
        self.header.element.child(self.header.element.ns(), name)
    }
}
