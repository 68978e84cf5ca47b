//! Messages (RFC 6121 §5).

use super::{Header, StanzaError};
use crate::xml::{Element, Ns};
use alloc::borrow::Cow;

/// The type of a message (RFC 6121 §5.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// In a one-to-one session.
    Chat,
    /// An answer that something failed.
    Error,
    /// In a room.
    Groupchat,
    /// An alert that wants no answer.
    Headline,
    /// Standing alone; also what an unknown type means.
    #[default]
    Normal,
}

impl MessageKind {
    /// The value of the attribute `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Error => "error",
            Self::Groupchat => "groupchat",
            Self::Headline => "headline",
            Self::Normal => "normal",
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "chat" => Self::Chat,
            "error" => Self::Error,
            "groupchat" => Self::Groupchat,
            "headline" => Self::Headline,
            _ => Self::Normal,
        }
    }
}

/// A message.
///
/// ```
/// use xmpp_proto::stanza::{MessageKind, Stanza};
/// use xmpp_proto::xml::{Document, Ns};
///
/// let doc = Document::parse(
///     b"<message xmlns='jabber:client' from='juliet@example.com/b' type='chat' xml:lang='en'>\
///       <body>My ears</body><body xml:lang='cs'>Moje usi</body></message>")?;
/// let Stanza::Message(message) = Stanza::parse(doc.root())? else { panic!("a message") };
/// assert_eq!(message.kind(), MessageKind::Chat);
/// assert_eq!(message.body().as_deref(), Some("My ears"));
/// assert_eq!(message.body_in("cs").as_deref(), Some("Moje usi"));
/// assert_eq!(message.header().from().and_then(|from| from.local()), Some("juliet"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Message<'a> {
    header: Header<'a>,
    kind: MessageKind,
}

impl<'a> Message<'a> {
    pub(super) fn of(element: Element<'a>) -> Self {
        let header = Header::read(element);
        let kind = header.raw_kind().map_or(MessageKind::Normal, MessageKind::of);
        Self { header, kind }
    }

    /// Addresses, id, language.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The type.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The text: of the bodies the one without language of its own, or the first.
    #[must_use]
    pub fn body(&self) -> Option<Cow<'a, str>> {
        self.text_of("body")
    }

    /// The text in the language `lang`; a body without one is in that of the message.
    #[must_use]
    pub fn body_in(&self, lang: &str) -> Option<Cow<'a, str>> {
        self.children("body")
            .find(|body| {
                let own = body.lang();
                own.as_deref().or_else(|| self.header.lang()) == Some(lang)
            })
            .map(Element::text)
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> Option<Cow<'a, str>> {
        self.text_of("subject")
    }

    /// The id of the conversation.
    #[must_use]
    pub fn thread(&self) -> Option<Cow<'a, str>> {
        self.children("thread").next().map(Element::text)
    }

    /// The error, in a message of type `error`.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError<'a>> {
        (self.kind == MessageKind::Error).then(|| StanzaError::of_stanza(self.header.element))
    }

    /// The payloads, such as chat states; body, subject and thread are none.
    pub fn payloads(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        self.header.payloads()
    }

    /// The payload `name` of the known namespace `ns`.
    #[must_use]
    pub fn payload(&self, ns: Ns, name: &str) -> Option<Element<'a>> {
        self.header.payload(ns, name)
    }

    fn children(&self, name: &'static str) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let content = self.header.element.ns();
        self.header.element.children().filter(move |child| child.is(content, name))
    }

    fn text_of(&self, name: &'static str) -> Option<Cow<'a, str>> {
        let mut first = None;
        for child in self.children(name) {
            if child.lang().is_none() {
                return Some(child.text());
            }
            first = first.or(Some(child));
        }
        first.map(Element::text)
    }
}
