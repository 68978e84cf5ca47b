//! Building messages from nothing: one way, which cannot write a malformed one.

use super::{HeaderName, Index, Method, Request, RequestBuf, ResponseBuf, StatusCode};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::{self, Display, Write};
use core::marker::PhantomData;
use proto_wire::text::chars;
use proto_wire::{Limits, ParseError};
use thiserror::Error;

/// Why a message was not built. All are the caller's mistakes.
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
        let mut builder = Builder::empty();
        if !chars::is_sip_token(method.as_str().as_bytes()) {
            builder.fail(BuildError::Token);
        }
        builder.print(format_args!("{method} "));
        let uri_at = builder.out.len();
        builder.print(format_args!("{uri}"));
        let uri = builder.out.get(uri_at..).unwrap_or(&[]);
        if uri.is_empty() || uri.iter().any(|b| *b <= b' ' || *b == 0x7f) {
            builder.fail(BuildError::Uri);
        }
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
        let mut builder = Builder::empty();
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
        let mut builder = Builder::empty();
        // All of the head is copied at most; what is added is a tag, perhaps two rows, a length.
        builder.out.reserve(request.index().head_len().saturating_add(256));
        builder.status_line(status, reason);
        let headers = request.headers();
        for name in [
            HeaderName::VIA,
            HeaderName::FROM,
            HeaderName::TO,
            HeaderName::CALL_ID,
            HeaderName::CSEQ,
        ] {
            for row in headers.rows(name) {
                builder.copied(name, row.bytes());
                let tagless = || !has_tag(row.bytes()) || empty_tag(row.bytes()).is_some();
                let tag = tag.filter(|t| name == HeaderName::TO && !t.is_empty() && tagless());
                if let (Some(tag), 101..) = (tag, status.as_u16()) {
                    let line = builder.out.len().saturating_sub(2);
                    builder.out.truncate(line);
                    builder.out.extend_from_slice(b";tag=");
                    builder.value(tag, BuildError::LineEnd(HeaderName::TO));
                }
                if name != HeaderName::VIA {
                    break;
                }
            }
        }
        if status == StatusCode::TRYING {
            if let Some(timestamp) = headers.bytes(HeaderName::TIMESTAMP) {
                builder.copied(HeaderName::TIMESTAMP, timestamp);
            }
        }
        builder
    }
}

/// Whether a To value has a tag; one that cannot be read gets none added.
fn has_tag(value: &[u8]) -> bool {
    crate::headers::NameAddr::parse(value).map_or(true, |to| to.params().contains(b"tag"))
}

/// Where a To value has a tag with nothing in it, its semicolon included: it is no tag, and what is
/// copied from it must not have two.
fn empty_tag(value: &[u8]) -> Option<core::ops::Range<usize>> {
    let to = crate::headers::NameAddr::parse(value).ok()?;
    let params = to.params();
    let tag = params.param(b"tag").filter(|p| p.value.is_none_or(<[u8]>::is_empty))?;
    let base = value.len().saturating_sub(params.as_bytes().len());
    let before = params.as_bytes().get(..tag.offset)?;
    let start = base.saturating_add(memchr::memrchr(b';', before)?);
    let end = match tag.value {
        Some(_) => tag.value_offset,
        None => tag.offset.saturating_add(tag.name.len()),
    };
    Some(start..base.saturating_add(end))
}

impl<M> Builder<M> {
    const fn empty() -> Self {
        Self { out: Vec::new(), body: Bytes::new(), error: None, message: PhantomData }
    }

    /// Adds a header; Content-Length is the builder's.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Display) -> Self {
        if name == HeaderName::CONTENT_LENGTH {
            self.fail(BuildError::ContentLength);
        }
        self.name(name.as_str());
        self.value(value, BuildError::LineEnd(name));
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
        if HeaderName::from_bytes(name.as_bytes()) == Some(HeaderName::CONTENT_LENGTH) {
            self.fail(BuildError::ContentLength);
        }
        self.name(name);
        self.value(value, BuildError::OtherLineEnd);
        self
    }

    /// Adds a header whose value is copied from a message: folds become spaces, bytes that
    /// are not UTF-8 stay.
    #[must_use]
    pub fn copy(mut self, name: HeaderName, value: &[u8]) -> Self {
        self.copied(name, value);
        self
    }

    /// Puts a tag on To, when there is a To that has none.
    #[must_use]
    pub fn tagged(mut self, tag: &str) -> Self {
        // Rows that were written are never folded and end with CRLF.
        let mut at = 0_usize;
        while let Some(row) = self.out.get(at..).filter(|r| !r.is_empty()) {
            let len = memchr::memchr(b'\n', row).map_or(row.len(), |n| n.saturating_add(1));
            let line = row.get(..len.saturating_sub(2)).unwrap_or(&[]);
            if let Some(value) = line.strip_prefix(b"To: ") {
                if !has_tag(value) && !tag.is_empty() {
                    let end = at.saturating_add(line.len());
                    let tag = alloc::format!(";tag={tag}");
                    if tag.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
                        self.fail(BuildError::LineEnd(HeaderName::TO));
                    }
                    self.out.splice(end..end, tag.into_bytes());
                }
                break;
            }
            at = at.saturating_add(len);
        }
        self
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn body(self, content_type: impl Display, body: impl Into<Bytes>) -> Self {
        let mut builder = self.header(HeaderName::CONTENT_TYPE, content_type);
        builder.body = body.into();
        builder
    }

    fn copied(&mut self, name: HeaderName, value: &[u8]) {
        self.name(name.as_str());
        let unfolded = proto_wire::head::unfold(value);
        // No line end is left; NUL is legal in the quoted strings of others (RFC 4475 §3.1.1.2).
        match (name == HeaderName::TO).then(|| empty_tag(&unfolded)).flatten() {
            Some(cut) => {
                self.out.extend_from_slice(unfolded.get(..cut.start).unwrap_or(&[]));
                self.out.extend_from_slice(unfolded.get(cut.end..).unwrap_or(&[]));
            }
            None => self.out.extend_from_slice(&unfolded),
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn print(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a vector cannot fail; a Display that does is the caller's.
        if Sink(&mut self.out).write_fmt(text).is_err() {
            self.fail(BuildError::OtherLineEnd);
        }
    }

    /// The rest of a header line; refuses what would begin another line.
    fn value(&mut self, value: impl Display, error: BuildError) {
        let start = self.out.len();
        self.print(format_args!("{value}"));
        let written = self.out.get(start..).unwrap_or(&[]);
        if chars::any_zero(written, |b| b.min(b ^ b'\r').min(b ^ b'\n')) {
            self.fail(error);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
    }

    fn status_line(&mut self, status: StatusCode, reason: &str) {
        self.print(format_args!("SIP/2.0 {status} "));
        self.value(reason, BuildError::OtherLineEnd);
    }

    fn fail(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }

    /// The bytes, head and body together.
    fn finish(mut self) -> Result<(Bytes, Index), BuildError> {
        self.print(format_args!("{}: {}\r\n\r\n", HeaderName::CONTENT_LENGTH, self.body.len()));
        if let Some(error) = self.error {
            return Err(error);
        }
        self.out.reserve_exact(self.body.len());
        self.out.extend_from_slice(&self.body);
        let bytes = Bytes::from(self.out);
        let mut index = Index::new();
        let limits = Limits::DEFAULT.with_body_max(usize::MAX);
        super::frame::datagram(&bytes, &mut index, &limits).map_err(BuildError::Message)?;
        Ok((bytes, index))
    }
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
