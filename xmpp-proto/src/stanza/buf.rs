//! Owned stanzas.

use super::{InvalidStanza, Iq, Message, Presence, Stanza};
use crate::xml::{Element, Scanner, Tape, XmlLimits};
use bytes::Bytes;
use thiserror::Error;

/// A valid stanza that owns its bytes: what events carry. One clone of the index, no copy
/// of the bytes.
/// RFC 6120 §8.
#[derive(Clone, PartialEq, Eq)]
pub struct StanzaBuf {
    bytes: Bytes,
    tape: Tape,
}

/// Why bytes are not a stanza. RFC 6120 §8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StanzaParseError {
    /// Not XML that a stream allows.
    #[error(transparent)]
    Xml(#[from] crate::xml::XmlError),
    /// Not a valid stanza.
    #[error(transparent)]
    Stanza(#[from] InvalidStanza),
}

impl StanzaBuf {
    /// The stanza that `scanner` just framed.
    ///
    /// # Errors
    /// Why it is not a valid stanza.
    pub fn from_frame(bytes: Bytes, scanner: &Scanner) -> Result<Self, InvalidStanza> {
        let element = scanner.element(&bytes).ok_or(InvalidStanza::NotAStanza)?;
        Stanza::parse(element)?;
        Ok(Self { tape: scanner.tape().clone(), bytes })
    }

    /// Parses a stanza that stands in a stream of the content namespace `content`.
    ///
    /// # Errors
    /// Not XML, or not a valid stanza.
    pub fn parse(content: crate::xml::Ns, bytes: Bytes) -> Result<Self, StanzaParseError> {
        let mut scanner = Scanner::fragment(XmlLimits::POST_AUTH);
        scanner.set_default(content);
        match scanner.scan(&bytes)? {
            Some(frame) if frame.len == bytes.len() => Ok(Self::from_frame(bytes, &scanner)?),
            _ => Err(InvalidStanza::NotAStanza.into()),
        }
    }

    /// The view. It was valid when this was made, so no check is repeated.
    #[must_use]
    pub fn view(&self) -> Stanza<'_> {
        let element = self.element();
        Stanza::of(element).unwrap_or_else(|| Stanza::Message(Message::of(element)))
    }

    /// The message, if it is one.
    #[must_use]
    pub fn as_message(&self) -> Option<Message<'_>> {
        match self.view() {
            Stanza::Message(message) => Some(message),
            _ => None,
        }
    }

    /// The presence, if it is one.
    #[must_use]
    pub fn as_presence(&self) -> Option<Presence<'_>> {
        match self.view() {
            Stanza::Presence(presence) => Some(presence),
            _ => None,
        }
    }

    /// The iq, if it is one.
    #[must_use]
    pub fn as_iq(&self) -> Option<Iq<'_>> {
        match self.view() {
            Stanza::Iq(iq) => Some(iq),
            _ => None,
        }
    }

    /// The element.
    #[must_use]
    pub fn element(&self) -> Element<'_> {
        let text = core::str::from_utf8(&self.bytes).unwrap_or("");
        self.tape.root(text).unwrap_or_else(|| Element::none(&self.tape))
    }

    /// The bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl core::fmt::Debug for StanzaBuf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "StanzaBuf({})", alloc::string::String::from_utf8_lossy(&self.bytes))
    }
}
