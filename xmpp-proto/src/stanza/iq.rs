//! Requests and their answers (RFC 6120 §8.2.3).

use super::{Header, InvalidStanza, StanzaError};
use crate::xml::Element;

/// The type of an iq stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum IqKind {
    /// A question.
    Get,
    /// A change.
    Set,
    /// The answer.
    Result,
    /// The answer that it failed.
    Error,
}

impl IqKind {
    /// The value of the attribute `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Result => "result",
            Self::Error => "error",
        }
    }

    /// Whether it wants an answer.
    #[must_use]
    pub const fn is_request(self) -> bool {
        matches!(self, Self::Get | Self::Set)
    }

    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "get" => Self::Get,
            "set" => Self::Set,
            "result" => Self::Result,
            "error" => Self::Error,
            _ => return None,
        })
    }
}

/// An iq stanza.
#[derive(Clone, Debug)]
pub struct Iq<'a> {
    header: Header<'a>,
    kind: Option<IqKind>,
}

impl<'a> Iq<'a> {
    pub(super) fn of(element: Element<'a>) -> Self {
        let header = Header::read(element);
        let kind = header.raw_kind().and_then(IqKind::of);
        Self { header, kind }
    }

    /// RFC 6120 §8.2.3; white space between children does not count.
    pub(super) fn check(&self) -> Result<(), InvalidStanza> {
        let kind = self.kind.ok_or(InvalidStanza::Type)?;
        if self.header.id().is_none_or(str::is_empty) {
            return Err(InvalidStanza::MissingId);
        }
        let payloads = self.header.element.children().take(2).count();
        match kind {
            IqKind::Get | IqKind::Set if payloads != 1 => Err(InvalidStanza::Payloads),
            IqKind::Result if payloads > 1 => Err(InvalidStanza::Payloads),
            _ => Ok(()),
        }
    }

    /// Addresses, id, language.
    #[must_use]
    pub const fn header(&self) -> &Header<'a> {
        &self.header
    }

    /// The type; `None` when it is missing or unknown, which
    /// [`Stanza::parse`](super::Stanza::parse) refuses.
    #[must_use]
    pub const fn kind(&self) -> Option<IqKind> {
        self.kind
    }

    /// The id; empty without one.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header.id().unwrap_or("")
    }

    /// The payload: the first child that is not `<error/>`.
    #[must_use]
    pub fn payload(&self) -> Option<Element<'a>> {
        let content = self.header.element.ns();
        self.header.element.children().find(|child| !child.is(content, "error"))
    }

    /// The error, in a stanza of type `error`.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError<'a>> {
        (self.kind == Some(IqKind::Error)).then(|| StanzaError::of_stanza(self.header.element))
    }
}
