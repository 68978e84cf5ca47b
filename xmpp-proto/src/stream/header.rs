//! The stream header (RFC 6120 §4.7).

use super::StreamCondition;
use crate::xml::{Element, Ns, WriteError, Writer};
use alloc::borrow::Cow;
use alloc::string::String;

/// A stream header, as read.
#[derive(Clone, Copy, Debug)]
pub struct StreamHeader<'a>(Element<'a>);

impl<'a> StreamHeader<'a> {
    /// The header whose start tag `element` is.
    ///
    /// # Errors
    /// The stream error with which it is refused.
    pub fn read(element: Element<'a>) -> Result<Self, StreamCondition> {
        // RFC 6120 §4.8.1, §4.9.3.10
        match (element.ns(), element.name()) {
            (Ns::STREAM, "stream") => Ok(Self(element)),
            (Ns::STREAM, _) => Err(StreamCondition::BadFormat),
            (_, "stream") => Err(StreamCondition::InvalidNamespace),
            _ => Err(StreamCondition::BadFormat),
        }
    }

    /// The recipient.
    #[must_use]
    pub fn to(self) -> Option<Cow<'a, str>> {
        self.0.attr("to")
    }

    /// The sender.
    #[must_use]
    pub fn from(self) -> Option<Cow<'a, str>> {
        self.0.attr("from")
    }

    /// The id of the stream, from the receiving side.
    #[must_use]
    pub fn id(self) -> Option<Cow<'a, str>> {
        self.0.attr("id")
    }

    /// The default language of what follows.
    #[must_use]
    pub fn lang(self) -> Option<Cow<'a, str>> {
        self.0.lang()
    }

    /// The version, major and minor; (0, 9) without one (RFC 6120 §4.7.5). `None` when
    /// it is malformed.
    #[must_use]
    pub fn version(self) -> Option<(u16, u16)> {
        let Some(text) = self.0.attr("version") else {
            return Some((0, 9));
        };
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// Whether what follows may be of the content namespace `ns`: it is the default one, or
    /// the default is that of streams themselves and each stanza declares its own ("prefix-free
    /// canonicalization", RFC 6120 §4.8.5, as in the dialogue of §9.2).
    #[must_use]
    pub fn carries(self, ns: Ns) -> bool {
        let content = self.content();
        content == ns || content == Ns::STREAM
    }

    /// The content namespace (RFC 6120 §4.8.2): the default namespace.
    #[must_use]
    pub fn content(self) -> Ns {
        self.0
            .declarations()
            .find(|attr| attr.prefix().is_empty())
            .and_then(|attr| Ns::of(&attr.value()))
            .unwrap_or(Ns::NONE)
    }
}

/// A stream header to write. What is empty is left out.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct StreamOpen<'a> {
    /// The recipient.
    pub to: &'a str,
    /// The sender.
    pub from: &'a str,
    /// The id of the stream.
    pub id: &'a str,
    /// The default language.
    pub lang: &'a str,
}

impl<'a> StreamOpen<'a> {
    /// A header with nothing in it but what every header has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the recipient.
    #[must_use]
    pub const fn with_to(mut self, to: &'a str) -> Self {
        self.to = to;
        self
    }

    /// Sets the sender.
    #[must_use]
    pub const fn with_from(mut self, from: &'a str) -> Self {
        self.from = from;
        self
    }

    /// Sets the id.
    #[must_use]
    pub const fn with_id(mut self, id: &'a str) -> Self {
        self.id = id;
        self
    }

    /// Sets the language.
    #[must_use]
    pub const fn with_lang(mut self, lang: &'a str) -> Self {
        self.lang = lang;
        self
    }

    /// The XML declaration and the start tag, for the content namespace `content`.
    ///
    /// # Errors
    /// A value has a character that XML does not allow.
    pub fn write(&self, content: Ns) -> Result<String, WriteError> {
        // Written as an element of its own and cut before its end, so that the escaping
        // is that of every other element.
        let mut w = Writer::in_stream(Ns::NONE);
        w.start(Ns::STREAM, "stream");
        w.attr("version", "1.0");
        for (name, value) in [("to", self.to), ("from", self.from), ("id", self.id)] {
            if !value.is_empty() {
                w.attr(name, value);
            }
        }
        if !self.lang.is_empty() {
            w.lang(self.lang);
        }
        w.end();
        let tag = w.finish()?;
        let attributes = tag
            .strip_prefix("<stream:stream")
            .and_then(|rest| rest.strip_suffix("/>"))
            .unwrap_or("");
        let content = content.known_name().unwrap_or("");
        Ok(alloc::format!(
            "<?xml version='1.0'?><stream:stream xmlns='{content}' \
             xmlns:stream='http://etherx.jabber.org/streams'{attributes}>"
        ))
    }
}
