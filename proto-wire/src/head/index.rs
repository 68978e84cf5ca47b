//! Where everything is in a message: offsets, reusable from message to message.

use super::quirk::{Quirk, Quirks};
use crate::Span;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The offsets of one message: start line, headers, body, and what was odd about it.
/// RFC 3261 §7, RFC 7826 §5.
///
/// A scratch index is cleared and filled again for each message, and stops allocating
/// once it has grown to the size of the traffic; an owned message keeps an exact clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    pub(super) start: Span,
    pub(super) entries: Vec<Entry>,
    body: Span,
    pub(super) quirks: Quirks,
}

/// One header line in an [`Index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) name: Span,
    pub(super) value: Span,
    pub(super) id: u8,
    pub(super) folded: bool,
}

impl Entry {
    /// The entry of a row that was written and need not be scanned: a name whose id this is, one
    /// colon and one space, a value that [`is_plain_value`](crate::text::chars::is_plain_value).
    #[must_use]
    pub const fn of_written(name: Span, value: Span, id: u8) -> Self {
        Self { name, value, id, folded: false }
    }

    /// The same row, `by` bytes nearer to the end of the message (to the start when negative).
    #[must_use]
    #[inline]
    pub const fn moved(self, by: i32) -> Self {
        Self { name: self.name.moved(by), value: self.value.moved(by), ..self }
    }

    /// The id of the name in the protocol's table, or 0.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// Where the name is, without white space before the colon.
    #[must_use]
    pub const fn name(&self) -> Span {
        self.name
    }

    /// Where the value is, without white space around it; folds are inside.
    #[must_use]
    pub const fn value(&self) -> Span {
        self.value
    }
}

impl Index {
    /// An empty index, which allocates on first use.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            start: Span::new(0, 0),
            entries: Vec::new(),
            body: Span::new(0, 0),
            quirks: Quirks::new(),
        }
    }

    /// The index of a head that was written and need not be scanned: the start line without its line
    /// end, the rows, the body.
    #[must_use]
    pub const fn of_written(start: Span, entries: Vec<Entry>, body: Span) -> Self {
        Self { start, entries, body, quirks: Quirks::new() }
    }

    /// Forgets the message, keeps the memory.
    pub fn clear(&mut self) {
        self.start = Span::default();
        self.entries.clear();
        self.body = Span::default();
        self.quirks.clear();
    }

    /// Makes room for this many header lines, at least.
    pub fn reserve(&mut self, headers: usize) {
        if self.entries.capacity() == 0 {
            // A shorter way than that of memory that grows.
            self.entries = Vec::with_capacity(headers);
        } else {
            self.entries.reserve_exact(headers.saturating_sub(self.entries.len()));
        }
    }

    /// Whether it holds memory besides itself.
    #[must_use]
    pub fn holds_memory(&self) -> bool {
        self.entries.capacity() > 0 || self.quirks.holds_memory()
    }

    /// Where the start line is, without its line end.
    #[must_use]
    pub const fn start(&self) -> Span {
        self.start
    }

    /// The header lines in order of appearance.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where the body is; whoever frames the message sets it.
    #[must_use]
    pub const fn body(&self) -> Span {
        self.body
    }

    /// Sets where the body is.
    pub fn set_body(&mut self, body: Span) {
        self.body = body;
    }

    /// What was odd about the message.
    #[must_use]
    pub const fn quirks(&self) -> &Quirks {
        &self.quirks
    }

    /// Notes a quirk that the framer or the start line parser tolerated.
    pub fn note(&mut self, quirk: Quirk, offset: usize) {
        self.quirks.note(quirk, offset);
    }

    /// The headers of the message `bytes` that this index is of.
    #[must_use]
    pub fn fields<'a>(&'a self, bytes: &'a [u8]) -> Fields<'a> {
        Fields { bytes, entries: &self.entries }
    }

    /// A clone that holds no spare memory, for an owned message.
    #[must_use]
    pub fn to_exact(&self) -> Self {
        // `Vec::clone` allocates exactly what it holds.
        self.clone()
    }
}

/// The headers of a message: `Copy`, borrowed from its bytes and its index.
/// RFC 3261 §7.3, RFC 7826 §5.2.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// No headers.
    pub const NONE: Self = Self { bytes: &[], entries: &[] };

    /// All headers, in order of appearance.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Field<'a>> + Clone {
        self.entries.iter().map(move |entry| Field { bytes: self.bytes, entry: *entry })
    }

    /// The header at this place, counted from 0.
    #[must_use]
    #[inline]
    pub fn at(self, place: usize) -> Option<Field<'a>> {
        Some(Field { bytes: self.bytes, entry: *self.entries.get(place)? })
    }

    /// The first header with this id.
    #[must_use]
    #[inline]
    pub fn first(self, id: u8) -> Option<Field<'a>> {
        let entry = self.entries.iter().find(|entry| entry.id == id)?;
        Some(Field { bytes: self.bytes, entry: *entry })
    }

    /// All headers with this id, in order of appearance.
    pub fn all(self, id: u8) -> impl DoubleEndedIterator<Item = Field<'a>> + Clone {
        let bytes = self.bytes;
        let entries = self.entries.iter().filter(move |entry| entry.id == id);
        entries.map(move |entry| Field { bytes, entry: *entry })
    }

    /// All headers with this name in any case: for names that have no id.
    pub fn named(self, name: &'a str) -> impl DoubleEndedIterator<Item = Field<'a>> + Clone {
        self.iter().filter(move |field| field.name().eq_ignore_ascii_case(name.as_bytes()))
    }

    /// How many header lines there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.entries.len()
    }

    /// Whether there are no headers.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.entries.is_empty()
    }
}

/// One header line of a message. RFC 3261 §7.3.1, RFC 7826 §5.2.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    bytes: &'a [u8],
    entry: Entry,
}

impl<'a> Field<'a> {
    /// The id of the name in the protocol's table, or 0.
    #[must_use]
    pub const fn id(self) -> u8 {
        self.entry.id
    }

    /// The name as it was sent.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'a [u8] {
        self.entry.name.of(self.bytes)
    }

    /// The value without white space around it. Line ends of folds are inside; the
    /// grammars treat them as white space, and so do the parsers of [`crate::text`].
    #[must_use]
    #[inline]
    pub fn value(self) -> &'a [u8] {
        self.entry.value.of(self.bytes)
    }

    /// The value when it is UTF-8.
    #[must_use]
    #[inline]
    pub fn text(self) -> Option<&'a str> {
        core::str::from_utf8(self.value()).ok()
    }

    /// The value with each fold as one space; borrowed when nothing is folded.
    #[must_use]
    pub fn unfolded(self) -> Cow<'a, [u8]> {
        if self.entry.folded { super::unfold(self.value()) } else { Cow::Borrowed(self.value()) }
    }

    /// Whether the value goes on over several lines.
    #[must_use]
    pub const fn is_folded(self) -> bool {
        self.entry.folded
    }

    /// Where the name begins, in bytes from the start of the message.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.entry.name.start()
    }

    /// Where the value begins, in bytes from the start of the message: what to add to the
    /// offset of an error in the value.
    #[must_use]
    pub const fn value_offset(self) -> usize {
        self.entry.value.start()
    }

    /// The offsets behind this.
    #[must_use]
    pub const fn entry(self) -> Entry {
        self.entry
    }
}
