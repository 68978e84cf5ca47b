//! Stanzas (RFC 6120 §8, RFC 6121): typed views over borrowed bytes, owned forms, builders.

mod buf;
mod build;
mod convert;
mod error;
mod iq;
mod message;
mod presence;
#[cfg(test)]
mod tests;

pub use buf::{StanzaBuf, StanzaParseError};
pub use build::{IqBuilder, MessageBuilder, PresenceBuilder, StanzaXml, error_reply, result_reply};
pub use convert::in_namespace;
pub use error::{Condition, ErrorKind, StanzaError};
pub use iq::{Iq, IqKind};
pub use message::{Message, MessageKind};
pub use presence::{Presence, PresenceKind, Show};

use crate::jid::{JidError, JidRef};
use crate::xml::{Element, Ns};
use alloc::borrow::Cow;
use thiserror::Error;

/// A stanza.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6120 §8 has three kinds of stanza")]
pub enum Stanza<'a> {
    /// A push.
    Message(Message<'a>),
    /// A broadcast.
    Presence(Presence<'a>),
    /// A request or its answer.
    Iq(Iq<'a>),
}

impl<'a> Stanza<'a> {
    /// Reads an element as a stanza and checks what RFC 6120 §8 asks of every stanza:
    /// addresses, type, id, number of payloads. Payloads themselves are not judged.
    ///
    /// # Errors
    /// Why it is not a valid stanza; the stream goes on.
    pub fn parse(element: Element<'a>) -> Result<Self, InvalidStanza> {
        let stanza = Self::of(element).ok_or(InvalidStanza::NotAStanza)?;
        let header = stanza.header();
        if let Some(error) = header.to_error {
            return Err(InvalidStanza::To(error));
        }
        if let Some(error) = header.from_error {
            return Err(InvalidStanza::From(error));
        }
        match &stanza {
            Self::Iq(iq) => iq.check()?,
            Self::Presence(presence) => presence.check()?,
            Self::Message(_) => {}
        }
        Ok(stanza)
    }

    /// The same without the checks: `None` only when the name is not that of a stanza.
    #[must_use]
    pub fn of(element: Element<'a>) -> Option<Self> {
        if !element.ns().is_content() {
            return None;
        }
        match element.name() {
            "message" => Some(Self::Message(Message::of(element))),
            "presence" => Some(Self::Presence(Presence::of(element))),
            "iq" => Some(Self::Iq(Iq::of(element))),
            _ => None,
        }
    }

    /// Addresses, id, language.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        match self {
            Self::Message(message) => message.header(),
            Self::Presence(presence) => presence.header(),
            Self::Iq(iq) => iq.header(),
        }
    }

    /// The element.
    #[must_use]
    pub const fn element(&self) -> Element<'a> {
        self.header().element
    }

    /// Whether the type is `error`.
    #[must_use]
    pub fn is_error(&self) -> bool {
        match self {
            Self::Message(message) => message.kind() == MessageKind::Error,
            Self::Presence(presence) => presence.kind() == Some(PresenceKind::Error),
            Self::Iq(iq) => iq.kind() == Some(IqKind::Error),
        }
    }
}

/// Why an element is not a valid stanza. None of it ends the stream, except that what is no
/// stanza at all is `unsupported-stanza-type` (RFC 6120 §4.9.3.24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum InvalidStanza {
    /// Neither message, presence nor iq of a content namespace.
    #[error("not a stanza")]
    NotAStanza,
    /// `to` is not an address.
    #[error("the recipient is malformed: {0}")]
    To(JidError),
    /// `from` is not an address.
    #[error("the sender is malformed: {0}")]
    From(JidError),
    /// The type is unknown (presence and iq; a message is then `normal`).
    #[error("the type is unknown")]
    Type,
    /// An iq without `id`.
    #[error("the request has no id")]
    MissingId,
    /// An iq request without exactly one payload, or a result with more than one.
    #[error("the number of payloads is wrong")]
    Payloads,
}

impl InvalidStanza {
    /// The condition with which it is answered.
    #[must_use]
    pub const fn condition(self) -> Condition {
        match self {
            Self::To(_) | Self::From(_) => Condition::JidMalformed,
            _ => Condition::BadRequest,
        }
    }
}

/// What all stanzas have (RFC 6120 §8.1).
#[derive(Clone, Debug)]
pub struct Header<'a> {
    element: Element<'a>,
    to: Option<JidRef<'a>>,
    from: Option<JidRef<'a>>,
    to_error: Option<JidError>,
    from_error: Option<JidError>,
    id: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    lang: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    fn read(element: Element<'a>) -> Self {
        let mut header = Self {
            element,
            to: None,
            from: None,
            to_error: None,
            from_error: None,
            id: None,
            kind: None,
            lang: None,
        };
        for attr in element.attrs() {
            if attr.ns() != Ns::NONE {
                if attr.ns() == Ns::XML && attr.name() == "lang" {
                    header.lang = Some(attr.value());
                }
                continue;
            }
            match attr.name().as_bytes() {
                b"to" => match JidRef::parse(attr.value()) {
                    Ok(jid) => header.to = Some(jid),
                    Err(error) => header.to_error = Some(error),
                },
                b"from" => match JidRef::parse(attr.value()) {
                    Ok(jid) => header.from = Some(jid),
                    Err(error) => header.from_error = Some(error),
                },
                b"id" => header.id = Some(attr.value()),
                b"type" => header.kind = Some(attr.value()),
                _ => {}
            }
        }
        header
    }

    /// The recipient, when there is a valid one.
    #[must_use]
    pub const fn to(&self) -> Option<&JidRef<'a>> {
        self.to.as_ref()
    }

    /// The sender, when there is a valid one.
    #[must_use]
    pub const fn from(&self) -> Option<&JidRef<'a>> {
        self.from.as_ref()
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The type as written.
    #[must_use]
    pub fn raw_kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The language of the stanza itself. Without one, that of the stream counts
    /// (RFC 6120 §8.1.5); `xml:lang=''` says that there is none.
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    /// The element.
    #[must_use]
    pub const fn element(&self) -> Element<'a> {
        self.element
    }

    /// The payloads: child elements that are not of the stanza's own namespace.
    pub fn payloads(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let content = self.element.ns();
        self.element.children().filter(move |child| child.ns() != content)
    }

    /// The payload `name` of the known namespace `ns`.
    #[must_use]
    pub fn payload(&self, ns: Ns, name: &str) -> Option<Element<'a>> {
        self.element.child(ns, name)
    }
}
