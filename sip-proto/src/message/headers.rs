//! The headers of a message, raw first and typed on demand.

use super::{HeaderName, Index};
use core::marker::PhantomData;
use proto_wire::head;
use proto_wire::text::chars;
use proto_wire::text::list::Items;
use proto_wire::{ParseError, Span};

/// A header value that can be read from its bytes. RFC 3261 §20.
pub trait TypedHeader<'a>: Sized {
    /// The name whose values these are.
    const NAME: HeaderName;

    /// Reads one value, without white space around it.
    ///
    /// # Errors
    /// What is wrong, with the offset in `value`.
    fn parse(value: &'a [u8]) -> Result<Self, ParseError>;

    /// The same of a value that is known to be text: what is found in it need not be looked at for
    /// that.
    ///
    /// # Errors
    /// As [`TypedHeader::parse`].
    #[inline]
    fn parse_text(value: &'a str) -> Result<Self, ParseError> {
        Self::parse(value.as_bytes())
    }

    /// The same of the first `len` bytes of a text that goes on. What is behind them is no part of the
    /// value, and only there to be read together with it where that is quicker.
    ///
    /// # Errors
    /// As [`TypedHeader::parse`].
    #[inline]
    fn parse_leading(text: &'a str, len: usize) -> Result<Self, ParseError> {
        match text.get(..len) {
            Some(value) => Self::parse_text(value),
            None => Self::parse(text.as_bytes().get(..len).unwrap_or(text.as_bytes())),
        }
    }
}

/// The headers of a message: `Copy`, borrowed. RFC 3261 §7.3.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    index: &'a Index,
    /// The head, when somebody has found out that it is text.
    text: Option<&'a str>,
}

/// One header row. RFC 3261 §7.3.1.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a>(head::Field<'a>);

impl<'a> Field<'a> {
    /// The name, when it is one of the RFCs'.
    #[must_use]
    pub fn id(self) -> Option<HeaderName> {
        HeaderName::from_id(self.0.id())
    }

    /// The name as it was sent.
    #[must_use]
    pub fn name(self) -> &'a str {
        core::str::from_utf8(self.0.name()).unwrap_or("")
    }

    /// The value as it was sent, without white space around it; folds are inside.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0.value()
    }

    /// The value when it is UTF-8.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        self.0.text()
    }

    /// Where the value begins, in bytes from the start of the message.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.0.value_offset()
    }

    /// The row behind this one in the shared index.
    #[must_use]
    pub const fn raw(self) -> head::Field<'a> {
        self.0
    }
}

impl<'a> Headers<'a> {
    pub(super) const fn new(bytes: &'a [u8], index: &'a Index) -> Self {
        Self { bytes, index, text: None }
    }

    /// The same headers after one look at the whole head for being UTF-8, which is cheaper than one at
    /// each text: for who reads many of them. Nothing else changes, also when it is not.
    ///
    /// ```
    /// use sip_proto::{RequestBuf, headers::{CallId, From}};
    ///
    /// let request = RequestBuf::parse(&b"BYE sip:b@h SIP/2.0\r\nf: <sip:a@h>;tag=1\r\ni: 7@h\r\n\r\n"[..])?;
    /// let headers = request.headers().as_text();
    /// assert_eq!(headers.typed::<From>()?.unwrap().tag(), Some("1"));
    /// assert_eq!(headers.typed::<CallId>()?.unwrap().0, "7@h");
    /// # Ok::<(), proto_wire::ParseError>(())
    /// ```
    #[must_use]
    pub fn as_text(self) -> Self {
        let head = self.bytes.get(..self.index.head_len()).unwrap_or(self.bytes);
        Self { text: chars::utf8(head), ..self }
    }

    /// A part of the head, when it is known to be text.
    #[inline]
    pub(super) fn text_at(self, span: Span) -> Option<&'a str> {
        self.text?.get(span.range())
    }

    /// The first value of a header, when it is there and is UTF-8.
    #[must_use]
    pub fn get(self, name: HeaderName) -> Option<&'a str> {
        let first = self.first(name)?;
        self.text_at(first.raw().entry().value()).or_else(|| first.text())
    }

    /// The first value of a header in bytes.
    #[must_use]
    pub fn bytes(self, name: HeaderName) -> Option<&'a [u8]> {
        self.first(name).map(Field::bytes)
    }

    /// All rows of a header that are UTF-8, in order of appearance; commas are not split.
    pub fn all(self, name: HeaderName) -> impl Iterator<Item = &'a str> {
        self.rows(name).filter_map(Field::text)
    }

    /// The first row of a header.
    #[must_use]
    #[inline]
    pub fn first(self, name: HeaderName) -> Option<Field<'a>> {
        self.fields().at(self.index.place(name.id())?).map(Field)
    }

    /// All rows of a header.
    pub fn rows(self, name: HeaderName) -> impl DoubleEndedIterator<Item = Field<'a>> + Clone {
        self.fields().all(name.id()).map(Field)
    }

    /// All rows of a header that has no [`HeaderName`], in any case.
    pub fn named(self, name: &'a str) -> impl Iterator<Item = Field<'a>> {
        self.fields().named(name).map(Field)
    }

    /// All rows of all headers, in order of appearance.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Field<'a>> + Clone {
        self.fields().iter().map(Field)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.index.entries().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The first value of a header, typed; of a list header the first value of the list.
    ///
    /// # Errors
    /// When it does not follow its grammar; the offset is from the start of the message.
    #[inline]
    pub fn typed<T: TypedHeader<'a>>(self) -> Result<Option<T>, ParseError> {
        let Some(row) = self.first(T::NAME) else { return Ok(None) };
        let whole = row.bytes();
        let value = if T::NAME.is_list() { first_item(whole) } else { whole };
        read(self.text, value, row.offset()).map(Some)
    }

    /// All values of a header, typed, in order: of a list header each value of each row, of
    /// others each row.
    #[must_use]
    pub fn values<T: TypedHeader<'a>>(self) -> HeaderValues<'a, T> {
        let first = self.index.place(T::NAME.id()).and_then(|n| self.index.entries().get(n..));
        HeaderValues {
            bytes: self.bytes,
            text: self.text,
            entries: first.unwrap_or(&[]),
            row: None,
            typed: PhantomData,
        }
    }

    fn fields(self) -> head::Fields<'a> {
        self.index.head.fields(self.bytes)
    }
}

/// The value that begins at `at` in the message.
#[inline]
fn read<'a, T: TypedHeader<'a>>(
    text: Option<&'a str>,
    value: &'a [u8],
    at: usize,
) -> Result<T, ParseError> {
    let read = match text.and_then(|text| text.get(at..)) {
        Some(text) => T::parse_leading(text, value.len()),
        None => T::parse(value),
    };
    read.map_err(|e| e.at(at))
}

#[inline]
fn has_comma(row: &[u8]) -> bool {
    chars::contains(row, b',')
}

/// The first value of a list row. Most rows have one value and no comma.
#[inline]
fn first_item(row: &[u8]) -> &[u8] {
    if !has_comma(row) {
        return row;
    }
    Items::new(row).next().map_or(row, |item| item.bytes)
}

/// All values of a header, from [`Headers::values`].
#[derive(Clone, Debug)]
pub struct HeaderValues<'a, T> {
    bytes: &'a [u8],
    text: Option<&'a str>,
    entries: &'a [head::Entry],
    /// The rest of a row with several values, and where the row's value begins.
    row: Option<(Items<'a>, usize)>,
    typed: PhantomData<T>,
}

impl<'a, T: TypedHeader<'a>> Iterator for HeaderValues<'a, T> {
    type Item = Result<T, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((items, at)) = &mut self.row {
                let at = *at;
                if let Some(item) = items.next() {
                    // Empty items (`a,,b`) are skipped: RFC 3261 has none, devices do.
                    if item.bytes.is_empty() {
                        continue;
                    }
                    let start = at.saturating_add(item.offset);
                    return Some(read(self.text, item.bytes, start));
                }
                self.row = None;
            }
            let id = T::NAME.id();
            let Some(place) = self.entries.iter().position(|entry| entry.id() == id) else {
                self.entries = &[];
                return None;
            };
            let (entry, rest) = self.entries.get(place..)?.split_first()?;
            self.entries = rest;
            let (value, at) = (entry.value().of(self.bytes), entry.value().start());
            if T::NAME.is_list() && (value.is_empty() || has_comma(value)) {
                self.row = Some((Items::new(value), at));
                continue;
            }
            return Some(read(self.text, value, at));
        }
    }
}
