//! Offsets of one message.

use proto_wire::head::{self, Quirk, Quirks};
use proto_wire::{ParseError, Span};

/// Where everything is in a message. Reusable: parsing clears it and keeps its memory, so
/// that reading message after message allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    pub(super) head: head::Index,
    pub(super) kind: Kind,
    /// Method, or status code.
    pub(super) first: Span,
    /// Request URI, or reason phrase.
    pub(super) second: Span,
    /// Length of the head, from the first byte of the buffer.
    pub(super) head_len: u32,
    pub(super) defect: Option<ParseError>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Request,
    Response,
}

impl Index {
    /// An empty index; it allocates on first use.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the message is a request.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.kind, Kind::Request)
    }

    /// Where the start line is, without its line end.
    #[must_use]
    pub const fn start_line(&self) -> Span {
        self.head.start()
    }

    /// Where the body is.
    #[must_use]
    pub const fn body(&self) -> Span {
        self.head.body()
    }

    /// Where the message is: from the start line to the end of the body.
    #[must_use]
    pub fn message(&self) -> Span {
        Span::new(self.head.start().start(), self.head.body().end())
    }

    /// Where the method or the status code is.
    #[must_use]
    pub const fn first(&self) -> Span {
        self.first
    }

    /// Where the request URI or the reason phrase is.
    #[must_use]
    pub const fn second(&self) -> Span {
        self.second
    }

    /// The header lines.
    #[must_use]
    pub fn entries(&self) -> &[head::Entry] {
        self.head.entries()
    }

    /// What was tolerated.
    #[must_use]
    pub const fn quirks(&self) -> &Quirks {
        self.head.quirks()
    }

    /// What is wrong with the start line or the length.
    #[must_use]
    pub const fn defect(&self) -> Option<ParseError> {
        self.defect
    }

    /// Length of the head in bytes, the empty line and leading empty lines included.
    #[must_use]
    pub const fn head_len(&self) -> usize {
        self.head_len as usize
    }

    pub(crate) fn head_mut(&mut self) -> &mut head::Index {
        &mut self.head
    }

    pub(super) fn note(&mut self, quirk: Quirk, offset: usize) {
        self.head.note(quirk, offset);
    }

    /// Keeps the first defect.
    pub(super) fn object(&mut self, defect: ParseError) {
        self.defect.get_or_insert(defect);
    }
}
