//! Building messages from nothing: one way, which cannot write a malformed one.

use super::index::{Kind, Places, Sound};
use super::{Field, HeaderName, Index, Method, Request, RequestBuf, ResponseBuf, StatusCode};
use crate::headers::NameAddr;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::{self, Display, Write};
use core::marker::PhantomData;
use core::ops::Range;
use proto_wire::head::{self, Entry};
use proto_wire::text::chars;
use proto_wire::{Limits, ParseError, Span};
use thiserror::Error;

/// Why a message was not built. All are the caller's mistakes. RFC 3261 §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A value with CR, LF or NUL, which would begin another header.
    #[error("a value for {0} holds a line end or NUL")]
    LineEnd(HeaderName),
    /// The same in a header without a [`HeaderName`], or in a reason phrase.
    #[error("a value holds a line end or NUL")]
    OtherLineEnd,
    /// A header name or method that is not a token.
    #[error("a name is not a token")]
    Token,
    /// A request URI that is empty or holds white space.
    #[error("the request URI is empty or holds white space")]
    Uri,
    /// Content-Length, which the builder writes.
    #[error("Content-Length is written by the builder")]
    ContentLength,
    /// The message built is over the default limits, or has another fault.
    #[error("the message is not acceptable: {0}")]
    Message(ParseError),
}

/// Builds a message line by line; the first mistake is kept and told by `build`.
///
/// ```
/// use sip_proto::{HeaderName, Method, RequestBuf};
///
/// let request = RequestBuf::build(Method::Message, "sip:bob@example.com")
///     .header(HeaderName::FROM, "<sip:alice@example.com>;tag=1")
///     .header(HeaderName::TO, "<sip:bob@example.com>")
///     .header(HeaderName::CALL_ID, "17@h")
///     .header(HeaderName::CSEQ, "1 MESSAGE")
///     .header(HeaderName::MAX_FORWARDS, 70)
///     .body("text/plain", "hello")
///     .build()?;
/// assert!(request.as_bytes().ends_with(b"Content-Length: 5\r\n\r\nhello"));
/// # Ok::<(), sip_proto::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder<M> {
    out: Vec<u8>,
    body: Bytes,
    error: Option<BuildError>,
    kind: Kind,
    /// Method, or status code.
    first: Span,
    /// Request URI, or reason phrase.
    second: Span,
    /// The rows so far.
    entries: Vec<Entry>,
    /// Whether a scan would find exactly these rows: then none is made.
    plain: bool,
    /// Whether validation would find nothing.
    sound: bool,
    message: PhantomData<M>,
}

/// Builds a request; from [`RequestBuf::build`].
pub type RequestBuilder = Builder<RequestBuf>;
/// Builds a response; from [`ResponseBuf::build`] or [`ResponseBuf::reply_to`].
pub type ResponseBuilder = Builder<ResponseBuf>;

impl RequestBuf {
    /// Begins a request.
    #[must_use]
    pub fn build(method: Method<'_>, uri: impl Display) -> RequestBuilder {
        let mut builder = Builder::with_room(Kind::Request, 480, 12);
        let method = method.as_str().as_bytes();
        if !chars::is_sip_token(method) {
            builder.fail(BuildError::Token);
        }
        builder.out.extend_from_slice(method);
        builder.out.push(b' ');
        let uri_at = builder.out.len();
        builder.print(uri);
        let uri = builder.out.get(uri_at..).unwrap_or(&[]);
        builder.plain = chars::is_printable(uri);
        if uri.is_empty() || uri.iter().any(|b| *b <= b' ' || *b == 0x7f) {
            builder.fail(BuildError::Uri);
        }
        builder.first = Span::new(0, method.len());
        builder.second = Span::new(uri_at, builder.out.len());
        builder.out.extend_from_slice(b" SIP/2.0\r\n");
        builder
    }
}

impl ResponseBuf {
    /// Begins a response with nothing but its status line.
    #[must_use]
    pub fn build(status: StatusCode) -> ResponseBuilder {
        Self::build_with_reason(status, status.reason())
    }

    /// The same with a reason phrase of one's own.
    #[must_use]
    pub fn build_with_reason(status: StatusCode, reason: &str) -> ResponseBuilder {
        let mut builder = Builder::with_room(Kind::Response, 480, 12);
        builder.status_line(status, reason);
        builder
    }

    /// Begins the response to `request` with the headers that it must copy: Via, From, To,
    /// Call-ID, CSeq, and for 100 Timestamp (RFC 3261 §8.2.6). `tag` is put on To when the
    /// request has none there; 100 has none.
    #[must_use]
    pub fn reply_to(
        request: Request<'_>,
        status: StatusCode,
        tag: Option<&str>,
    ) -> ResponseBuilder {
        Self::reply_with_reason(request, status, status.reason(), tag)
    }

    /// The same with a reason phrase of one's own.
    #[must_use]
    pub fn reply_with_reason(
        request: Request<'_>,
        status: StatusCode,
        reason: &str,
        tag: Option<&str>,
    ) -> ResponseBuilder {
        Self::reply_tagged(request, status, reason, tag.map(str::as_bytes))
    }

    /// The same with a tag whose bytes need not be looked at for being text.
    pub(crate) fn reply_tagged(
        request: Request<'_>,
        status: StatusCode,
        reason: &str,
        tag: Option<&[u8]>,
    ) -> ResponseBuilder {
        let tag = tag.filter(|_| status != StatusCode::TRYING);
        let headers = request.headers();
        let vias = headers.rows(HeaderName::VIA);
        let others = [HeaderName::FROM, HeaderName::TO, HeaderName::CALL_ID, HeaderName::CSEQ]
            .map(|name| (name, headers.first(name)));
        // Those rows, a tag, a length, and perhaps one row more: answers are kept for a while.
        let copied = vias.clone().chain(others.iter().filter_map(|(_, row)| *row));
        let (rows, room) = copied.fold((0_usize, 64_usize), |(rows, room), row| {
            let len = row.raw().entry().value().len();
            (rows.saturating_add(1), room.saturating_add(len).saturating_add(12))
        });
        let room = room.saturating_add(reason.len()).saturating_add(tag.map_or(0, <[u8]>::len));
        let mut builder = Builder::with_room(Kind::Response, room, rows.saturating_add(2));
        builder.status_line(status, reason);
        // What was scanned without a quirk will be scanned so again.
        let plain = request.quirks().is_empty();
        for via in vias {
            builder.copied_row(request.bytes, HeaderName::VIA, via, plain);
        }
        for (name, row) in others {
            match row {
                Some(to) if name == HeaderName::TO => builder.copied(name, to.bytes(), tag, plain),
                Some(row) => builder.copied_row(request.bytes, name, row, plain),
                None => {}
            }
        }
        if status == StatusCode::TRYING {
            if let Some(timestamp) = headers.bytes(HeaderName::TIMESTAMP) {
                builder.copied(HeaderName::TIMESTAMP, timestamp, None, plain);
            }
        }
        builder
    }
}

/// The ids of what a response copies, a bit each.
const COPIED: u32 = 1 << HeaderName::VIA.id()
    | 1 << HeaderName::FROM.id()
    | 1 << HeaderName::TO.id()
    | 1 << HeaderName::CALL_ID.id()
    | 1 << HeaderName::CSEQ.id();

/// What a To value has for a tag.
enum Tag {
    /// None.
    Missing,
    /// One with nothing in it, its semicolon included: it is no tag, and what is copied from it must
    /// not have two.
    Empty(Range<usize>),
    /// One, or the value cannot be read and gets none.
    There,
}

impl Tag {
    fn of(value: &[u8]) -> Self {
        // An address that is all in brackets has no parameters, whatever it is.
        if matches!(value, [b'<', b'a'..=b'z', .., b'>'])
            && chars::find(value, b'>') == value.len().checked_sub(1)
        {
            return Self::Missing;
        }
        let Ok(to) = NameAddr::parse(value) else { return Self::There };
        let params = to.params();
        if params.as_bytes().is_empty() {
            return Self::Missing;
        }
        match params.param(b"tag") {
            None => Self::Missing,
            Some(tag) if tag.value.is_some_and(|value| !value.is_empty()) => Self::There,
            Some(tag) => {
                let base = value.len().saturating_sub(params.as_bytes().len());
                let before = params.as_bytes().get(..tag.offset).unwrap_or(&[]);
                let start = base.saturating_add(memchr::memrchr(b';', before).unwrap_or(0));
                let end = match tag.value {
                    Some(_) => tag.value_offset,
                    None => tag.offset.saturating_add(tag.name.len()),
                };
                Self::Empty(start..base.saturating_add(end))
            }
        }
    }
}

impl<M> Builder<M> {
    fn with_room(kind: Kind, bytes: usize, rows: usize) -> Self {
        Self {
            out: Vec::with_capacity(bytes),
            body: Bytes::new(),
            error: None,
            kind,
            first: Span::default(),
            second: Span::default(),
            entries: Vec::with_capacity(rows),
            plain: true,
            sound: false,
            message: PhantomData,
        }
    }

    /// The rows so far are copied from a message that was found valid.
    pub(crate) fn of_validated(mut self) -> Self {
        self.sound = true;
        self
    }

    /// Adds a header; Content-Length is the builder's.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Display) -> Self {
        self.meet(name);
        self.row(name.as_str(), name.id(), value, BuildError::LineEnd(name));
        self
    }

    /// Adds a header when there is a value for it.
    #[must_use]
    pub fn header_if(self, name: HeaderName, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    /// Adds a header that has no [`HeaderName`].
    #[must_use]
    pub fn named(mut self, name: &str, value: impl Display) -> Self {
        if !chars::is_sip_token(name.as_bytes()) {
            self.fail(BuildError::Token);
        }
        let known = HeaderName::from_bytes(name.as_bytes());
        if let Some(known) = known {
            self.meet(known);
        }
        self.row(name, known.map_or(0, HeaderName::id), value, BuildError::OtherLineEnd);
        self
    }

    /// Adds a header whose value is copied from a message: folds become spaces, bytes that
    /// are not UTF-8 stay.
    #[must_use]
    pub fn copy(mut self, name: HeaderName, value: &[u8]) -> Self {
        self.sound = false;
        let plain = chars::is_plain_value(value);
        self.copied(name, value, None, plain);
        self
    }

    /// Puts a tag on To, when there is a To that has none.
    #[must_use]
    pub fn tagged(mut self, tag: &str) -> Self {
        let to = HeaderName::TO.id();
        let Some(row) = self.entries.iter().position(|entry| entry.id() == to) else { return self };
        let (before, behind) = self.entries.split_at_mut(row);
        debug_assert!(before.iter().all(|entry| entry.id() != to));
        let Some((entry, behind)) = behind.split_first_mut() else { return self };
        let value = entry.value();
        if tag.is_empty() || !matches!(Tag::of(value.of(&self.out)), Tag::Missing) {
            return self;
        }
        let added = tag.len().saturating_add(b";tag=".len());
        *entry = Entry::of_written(
            entry.name(),
            Span::new(value.start(), value.end().saturating_add(added)),
            to,
        );
        for entry in behind {
            let (name, value) = (entry.name(), entry.value());
            let moved = |span: Span| {
                Span::new(span.start().saturating_add(added), span.end().saturating_add(added))
            };
            *entry = Entry::of_written(moved(name), moved(value), entry.id());
        }
        let rest = self.out.split_off(value.end());
        self.write_tag(tag.as_bytes());
        self.out.extend_from_slice(&rest);
        self
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn body(self, content_type: impl Display, body: impl Into<Bytes>) -> Self {
        let mut builder = self.header(HeaderName::CONTENT_TYPE, content_type);
        builder.body = body.into();
        builder
    }

    /// What a header that the caller adds changes.
    fn meet(&mut self, name: HeaderName) {
        if name == HeaderName::CONTENT_LENGTH {
            self.fail(BuildError::ContentLength);
        }
        // These are validated, or may stand once.
        let judged = COPIED & (1 << name.id().min(31)) != 0 || name == HeaderName::CONTENT_TYPE;
        let again = || name.is_single() && self.entries.iter().any(|e| e.id() == name.id());
        if self.sound && (judged || again()) {
            self.sound = false;
        }
    }

    /// A row that is copied: in one piece when it is written as it would be written here.
    fn copied_row(&mut self, message: &[u8], name: HeaderName, row: Field<'_>, plain: bool) {
        let entry = row.raw().entry();
        let whole = Span::new(entry.name().start(), entry.value().end()).of(message);
        // A name that is not in its compact form may be in any case.
        let len = name.as_str().len();
        let colon = whole.get(entry.name().len()..).and_then(|behind| behind.first_chunk());
        if !plain
            || entry.name().len() != len
            || colon != Some(b": ")
            || entry.value().start() != entry.name().end().wrapping_add(2)
        {
            return self.copied(name, row.bytes(), None, plain);
        }
        let name_at = self.out.len();
        self.out.extend_from_slice(whole);
        self.end_row(name.as_str(), name_at, name.id(), plain);
    }

    /// A row whose value is copied; a To that has no tag gets this one.
    fn copied(&mut self, name: HeaderName, value: &[u8], tag: Option<&[u8]>, mut plain: bool) {
        let unfolded = if plain { Cow::Borrowed(value) } else { head::unfold(value) };
        let name_at = self.out.len();
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
        let value_at = self.out.len();
        // No line end is left; NUL is legal in the quoted strings of others (RFC 4475 §3.1.1.2).
        if name == HeaderName::TO {
            let found = Tag::of(&unfolded);
            if let Tag::Empty(cut) = &found {
                self.out.extend_from_slice(unfolded.get(..cut.start).unwrap_or(&[]));
                self.out.extend_from_slice(unfolded.get(cut.end..).unwrap_or(&[]));
            } else {
                self.out.extend_from_slice(&unfolded);
            }
            let tag = tag.filter(|tag| !tag.is_empty() && !matches!(found, Tag::There));
            if let Some(tag) = tag {
                self.write_tag(tag);
            }
            if matches!(found, Tag::Empty(_)) {
                plain = chars::is_plain_value(self.out.get(value_at..).unwrap_or(&[]));
            }
        } else {
            self.out.extend_from_slice(&unfolded);
        }
        self.end_row(name.as_str(), name_at, name.id(), plain);
    }

    fn write_tag(&mut self, tag: &[u8]) {
        self.out.extend_from_slice(b";tag=");
        self.out.extend_from_slice(tag);
        if !chars::is_sip_token(tag) {
            (self.plain, self.sound) = (false, false);
            if has_line_end(tag) {
                self.fail(BuildError::LineEnd(HeaderName::TO));
            }
        }
    }

    /// A whole row; refuses what would begin another line.
    fn row(&mut self, name: &str, id: u8, value: impl Display, error: BuildError) {
        let name_at = self.out.len();
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        let value_at = self.out.len();
        self.print(value);
        let written = self.out.get(value_at..).unwrap_or(&[]);
        let plain = chars::is_plain_value(written);
        if !plain && has_line_end(written) {
            self.fail(error);
        }
        self.end_row(name, name_at, id, plain);
    }

    fn end_row(&mut self, name: &str, name_at: usize, id: u8, plain: bool) {
        let name_end = name_at.saturating_add(name.len());
        let value = Span::new(name_end.saturating_add(2), self.out.len());
        self.entries.push(Entry::of_written(Span::new(name_at, name_end), value, id));
        self.plain &= plain;
        self.out.extend_from_slice(b"\r\n");
    }

    fn print(&mut self, value: impl Display) {
        // Writing to a vector cannot fail; a Display that does is the caller's.
        if write!(Sink(&mut self.out), "{value}").is_err() {
            self.fail(BuildError::OtherLineEnd);
        }
    }

    fn status_line(&mut self, status: StatusCode, reason: &str) {
        self.out.extend_from_slice(b"SIP/2.0 ");
        self.out.extend_from_slice(&status.digits());
        self.out.push(b' ');
        self.out.extend_from_slice(reason.as_bytes());
        self.first = Span::new(8, 11);
        self.second = Span::new(12, self.out.len());
        self.plain = chars::is_printable(reason.as_bytes());
        if !self.plain && has_line_end(reason.as_bytes()) {
            self.fail(BuildError::OtherLineEnd);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn fail(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }

    /// The bytes, head and body together.
    fn finish(mut self) -> Result<(Bytes, Index), BuildError> {
        let name = HeaderName::CONTENT_LENGTH;
        let name_at = self.out.len();
        self.out.extend_from_slice(b"Content-Length: ");
        write_number(&mut self.out, self.body.len());
        self.end_row(name.as_str(), name_at, name.id(), true);
        self.out.extend_from_slice(b"\r\n");
        if let Some(error) = self.error {
            return Err(error);
        }
        let limits = Limits::DEFAULT.with_body_max(usize::MAX);
        let head_len = self.out.len();
        let fits = head_len <= limits.head_max.min(limits.line_max)
            && self.entries.len() <= limits.header_count_max;
        if !self.body.is_empty() {
            self.out.reserve_exact(self.body.len());
            self.out.extend_from_slice(&self.body);
        }
        let bytes = Bytes::from(self.out);
        if !(self.plain && fits) {
            return scanned(bytes, &limits);
        }
        let start = Span::new(
            0,
            match self.kind {
                Kind::Request => self.second.end().saturating_add(b" SIP/2.0".len()),
                Kind::Response => self.second.end(),
            },
        );
        let (places, _) = Places::of(&self.entries, 0);
        let index = Index {
            head: head::Index::of_written(start, self.entries, Span::new(head_len, bytes.len())),
            kind: self.kind,
            first: self.first,
            second: self.second,
            head_len: u32::try_from(head_len).unwrap_or(u32::MAX),
            defect: None,
            sound: Sound(self.sound),
            places,
        };
        debug_assert_eq!(scanned(bytes.clone(), &limits).map(|found| found.1).as_ref(), Ok(&index));
        Ok((bytes, index))
    }
}

/// What a reader makes of it: the long way, for what is not plain.
fn scanned(bytes: Bytes, limits: &Limits) -> Result<(Bytes, Index), BuildError> {
    let mut index = Index::new();
    super::frame::datagram(&bytes, &mut index, limits).map_err(BuildError::Message)?;
    Ok((bytes, index))
}

fn has_line_end(bytes: &[u8]) -> bool {
    chars::any_zero(bytes, |b| b.min(b ^ b'\r').min(b ^ b'\n'))
}

/// In decimal.
pub(super) fn write_number(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut left = digits.len();
    for digit in digits.iter_mut().rev() {
        // Below ten.
        *digit = b'0'.wrapping_add((number % 10) as u8);
        left = left.saturating_sub(1);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(left..).unwrap_or(&[]));
}

impl Builder<RequestBuf> {
    /// The request.
    ///
    /// # Errors
    /// The first mistake that was made.
    pub fn build(self) -> Result<RequestBuf, BuildError> {
        self.finish().map(|(bytes, index)| RequestBuf::from_parts(bytes, index))
    }
}

impl Builder<ResponseBuf> {
    /// The response.
    ///
    /// # Errors
    /// The first mistake that was made.
    pub fn build(self) -> Result<ResponseBuf, BuildError> {
        self.finish().map(|(bytes, index)| ResponseBuf::from_parts(bytes, index))
    }
}

struct Sink<'a>(&'a mut Vec<u8>);

impl Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
