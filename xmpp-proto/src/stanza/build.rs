//! Building stanzas. Addresses and ids come first, contents after; whatever is built is
//! well-formed or an error.

use super::{Condition, Header, IqKind, MessageKind, PresenceKind, Show, StanzaError};
use crate::jid::Jid;
use crate::xml::{Element, Ns, WriteError, Writer, restamped};
use alloc::string::String;

/// A stanza ready to be sent in a stream of `jabber:client`. RFC 6120 §8.
#[derive(Clone, PartialEq, Eq)]
pub struct StanzaXml(String);

impl StanzaXml {
    pub(crate) fn new(w: Writer) -> Result<Self, WriteError> {
        w.finish().map(Self)
    }

    /// A checked element with changed addresses, which stays well-formed.
    pub(crate) const fn spliced(text: String) -> Self {
        Self(text)
    }

    /// A stanza that was kept as text, such as [`StanzaXml::as_str`] gave it; `None` when it
    /// is not a valid stanza of `jabber:client`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
        let buf = super::StanzaBuf::parse(Ns::CLIENT, bytes).ok()?;
        let element = buf.element();
        (element.ns() == Ns::CLIENT).then(|| Self(restamped(element, Ns::CLIENT, &[])))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl core::fmt::Debug for StanzaXml {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! common {
    ($name:literal) => {
        /// Begins the stanza.
        #[must_use]
        pub fn new() -> Self {
            let mut w = Writer::in_stream(Ns::CLIENT);
            w.start(Ns::CLIENT, $name);
            Self { w }
        }

        /// Sets the recipient.
        #[must_use]
        pub fn to(mut self, to: &Jid) -> Self {
            self.w.attr("to", to.as_str());
            self
        }

        /// Sets the sender; a client leaves that to its server.
        #[must_use]
        pub fn from(mut self, from: &Jid) -> Self {
            self.w.attr("from", from.as_str());
            self
        }

        /// Sets the id.
        #[must_use]
        pub fn id(mut self, id: &str) -> Self {
            self.w.attr("id", id);
            self
        }

        /// Sets the language.
        #[must_use]
        pub fn lang(mut self, lang: &str) -> Self {
            self.w.lang(lang);
            self
        }

        /// Adds a payload that was received or parsed, byte for byte.
        #[must_use]
        pub fn payload(mut self, element: Element<'_>) -> Self {
            self.w.element(element);
            self
        }

        /// Adds content with the writer.
        #[must_use]
        pub fn with(mut self, write: impl FnOnce(&mut Writer)) -> Self {
            write(&mut self.w);
            self
        }

        /// Ends the stanza.
        ///
        /// # Errors
        /// A name, character or order that XML does not allow.
        pub fn build(mut self) -> Result<StanzaXml, WriteError> {
            self.w.end();
            StanzaXml::new(self.w)
        }
    };
}

/// Builds a message.
///
/// ```
/// use xmpp_proto::stanza::{MessageBuilder, MessageKind};
///
/// let message = MessageBuilder::new()
///     .to(&"juliet@example.com".parse()?)
///     .kind(MessageKind::Chat)
///     .body("Art thou not Romeo & a Montague?")
///     .build()?;
/// assert_eq!(message.as_str(), "<message to='juliet@example.com' type='chat'>\
///     <body>Art thou not Romeo &amp; a Montague?</body></message>");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    w: Writer,
}

impl MessageBuilder {
    common!("message");

    /// Sets the type.
    #[must_use]
    pub fn kind(mut self, kind: MessageKind) -> Self {
        self.w.attr("type", kind.name());
        self
    }

    /// Adds the subject.
    #[must_use]
    pub fn subject(mut self, text: &str) -> Self {
        self.w.leaf(Ns::CLIENT, "subject", text);
        self
    }

    /// Adds the text.
    #[must_use]
    pub fn body(mut self, text: &str) -> Self {
        self.w.leaf(Ns::CLIENT, "body", text);
        self
    }

    /// Adds the text in another language than that of the message.
    #[must_use]
    pub fn body_in(mut self, lang: &str, text: &str) -> Self {
        self.w.start(Ns::CLIENT, "body").lang(lang).text(text).end();
        self
    }

    /// Adds the id of the conversation.
    #[must_use]
    pub fn thread(mut self, id: &str) -> Self {
        self.w.leaf(Ns::CLIENT, "thread", id);
        self
    }
}

/// Builds a presence stanza. RFC 6121 §4.7.
#[derive(Clone, Debug)]
pub struct PresenceBuilder {
    w: Writer,
}

impl PresenceBuilder {
    common!("presence");

    /// Sets the type.
    #[must_use]
    pub fn kind(mut self, kind: PresenceKind) -> Self {
        self.w.attr_opt("type", kind.name());
        self
    }

    /// Adds how available.
    #[must_use]
    pub fn show(mut self, show: Show) -> Self {
        self.w.leaf(Ns::CLIENT, "show", show.name());
        self
    }

    /// Adds a text for people.
    #[must_use]
    pub fn status(mut self, text: &str) -> Self {
        self.w.leaf(Ns::CLIENT, "status", text);
        self
    }

    /// Adds the priority.
    #[must_use]
    pub fn priority(mut self, priority: i8) -> Self {
        self.w.leaf(Ns::CLIENT, "priority", &alloc::format!("{priority}"));
        self
    }
}

/// Builds an iq stanza. A client's requests are better made by its command, which tracks
/// the answer.
/// RFC 6120 §8.2.3.
#[derive(Clone, Debug)]
pub struct IqBuilder {
    w: Writer,
}

impl IqBuilder {
    common!("iq");

    /// Sets the type.
    #[must_use]
    pub fn kind(mut self, kind: IqKind) -> Self {
        self.w.attr("type", kind.name());
        self
    }
}

impl Default for MessageBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for PresenceBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for IqBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// The answer to an iq request: `type='result'`, addresses turned round. RFC 6120 §8.2.3.
///
/// # Errors
/// What `write` did that XML does not allow.
pub fn result_reply(
    request: &Header<'_>,
    write: impl FnOnce(&mut Writer),
) -> Result<StanzaXml, WriteError> {
    let mut w = reply(request, "iq", "result");
    write(&mut w);
    w.end();
    StanzaXml::new(w)
}

/// The error that answers a stanza, or `None` when it must not be answered: it is an error
/// itself or an iq result (RFC 6120 §8.3.1, §8.2.3).
#[must_use]
pub fn error_reply(stanza: Element<'_>, error: &StanzaError<'_>) -> Option<StanzaXml> {
    let header = Header::read(stanza);
    let unanswerable = match header.raw_kind() {
        Some("error") => true,
        Some("result") => stanza.name() == "iq",
        _ => false,
    };
    if unanswerable {
        return None;
    }
    let mut w = reply(&header, stanza.name(), "error");
    error.write(&mut w, Ns::CLIENT);
    w.end();
    StanzaXml::new(w).ok()
}

fn reply(request: &Header<'_>, name: &str, kind: &str) -> Writer {
    let mut w = Writer::in_stream(Ns::CLIENT);
    w.start(Ns::CLIENT, name).attr("type", kind);
    // A malformed sender still gets its answer: over the same stream, without address.
    w.attr_opt("to", request.from().map(crate::jid::JidRef::as_str));
    w.attr_opt("from", request.to().map(crate::jid::JidRef::as_str));
    w.attr_opt("id", request.id());
    w
}

impl From<Condition> for StanzaError<'_> {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}
