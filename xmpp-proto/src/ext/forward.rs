//! Forwarded stanzas (XEP-0297).

use super::delay::Delay;
use crate::stanza::Message;
use crate::xml::{Element, Ns, Writer};

/// A stanza inside of another one. Who forwards it may have made it up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Forwarded<'a> {
    /// When it was sent.
    pub delay: Option<Delay<'a>>,
    /// The stanza.
    pub stanza: Element<'a>,
}

impl<'a> Forwarded<'a> {
    /// Reads `<forwarded/>`.
    #[must_use]
    pub fn read(forwarded: Element<'a>) -> Option<Self> {
        if !forwarded.is(Ns::FORWARD, "forwarded") {
            return None;
        }
        let stanza = forwarded.children().find(|child| child.ns().is_content())?;
        Some(Self { delay: Delay::read(forwarded), stanza })
    }

    /// The message, when it is one.
    #[must_use]
    pub fn message(&self) -> Option<Message<'a>> {
        match crate::stanza::Stanza::of(self.stanza) {
            Some(crate::stanza::Stanza::Message(message)) => Some(message),
            _ => None,
        }
    }
}

/// Writes `<forwarded/>` around a stanza, byte for byte.
pub fn write(w: &mut Writer, delay: Option<&Delay<'_>>, stanza: Element<'_>) {
    w.start(Ns::FORWARD, "forwarded");
    if let Some(delay) = delay {
        delay.write(w);
    }
    w.element(stanza).end();
}
