//! Offsets of one message.

use alloc::vec::Vec;
use proto_wire::head::{self, Quirk, Quirks};
use proto_wire::{ParseError, Span};

/// Where everything is in a message. Reusable: parsing clears it and keeps its memory, so
/// that reading message after message allocates nothing.
/// RFC 3261 §7.
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
    pub(super) sound: Sound,
    pub(super) places: Places,
}

/// Where the first row is of each header that nearly everybody asks for: those with the lowest ids.
/// Places count from 1, 0 is for none, and the last one for somewhere behind all that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places([u8; PLACES]);

/// Ids below this have a place.
const PLACES: usize = 16;

impl Places {
    /// The places of these rows, and how many rows have the id `counted`.
    #[inline]
    pub(super) fn of(entries: &[head::Entry], counted: u8) -> (Self, usize) {
        // A place for each id that a byte can hold, so that none has to be checked.
        let mut all = [0_u8; 256];
        let mut count = 0_usize;
        let mut place = entries.len().min(255) as u8;
        for entry in entries.get(..255).unwrap_or(entries).iter().rev() {
            if let Some(first) = all.get_mut(usize::from(entry.id())) {
                *first = place;
            }
            count = count.wrapping_add(usize::from(entry.id() == counted));
            place = place.wrapping_sub(1);
        }
        // More rows than that: what was not seen is looked for.
        if entries.len() > 254 {
            return (Self([u8::MAX; PLACES]), usize::MAX);
        }
        let mut places = [0; PLACES];
        places.copy_from_slice(all.first_chunk::<PLACES>().unwrap_or(&[0; PLACES]));
        (Self(places), count)
    }
}

/// Whether it is known that [`validate`](super::Response::validate) finds nothing: the message was
/// built from one that had been looked at. It says nothing about what the message is, so it does not
/// count when indexes are compared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sound(pub(super) bool);

impl PartialEq for Sound {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sound {}

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

    /// The message ends with its head: because of `defect` nobody knows where its body does.
    pub(crate) fn end_with_head(&mut self, defect: ParseError) {
        self.object(defect);
        let end = self.head_len();
        self.head.set_body(Span::new(end, end));
    }

    /// The first row with this id.
    #[inline]
    pub(crate) fn place(&self, id: u8) -> Option<usize> {
        match self.places.0.get(usize::from(id)) {
            Some(0) if id != 0 => None,
            Some(place @ 1..=254) if id != 0 => Some(usize::from(*place).wrapping_sub(1)),
            _ => self.entries().iter().position(|entry| entry.id() == id),
        }
    }

    /// Whether validation would find nothing, as far as that is known without looking.
    pub(crate) const fn is_sound(&self) -> bool {
        self.sound.0
    }

    /// Whether the message begins where its bytes do and was scanned without a finding: then what is
    /// changed in it can be told from what it was.
    pub(super) fn is_plain(&self) -> bool {
        self.quirks().is_empty() && self.defect.is_none() && self.message().start() == 0
    }

    /// The index of the message as it was edited in its header rows: these are its rows, its head is
    /// longer `by` so much, and all of it has `len` bytes.
    pub(super) fn with_rows(
        &self,
        rows: Vec<head::Entry>,
        by: i32,
        len: usize,
        places: Places,
    ) -> Self {
        let head_len = self.head_len.wrapping_add_signed(by);
        let body = Span::new(head_len as usize, len);
        Self {
            head: head::Index::of_written(self.start_line(), rows, body),
            head_len,
            kind: self.kind,
            first: self.first,
            second: self.second,
            defect: None,
            sound: self.sound,
            places,
        }
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
