//! The head of an HTTP/1 message: what a tunnel or an upgrade has to read before its own
//! protocol begins. Bodies, chunking and caching are left to those who serve pages.

use crate::{LimitKind, ParseErrorKind};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// Collects the bytes of one head, cut anywhere, up to the empty line that ends it.
///
/// Each byte is looked at once. Lines may end in CR LF or LF (RFC 9112 §2.2); empty lines
/// in front of the first line belong to the head and are skipped when it is read.
///
/// ```
/// use proto_wire::http::HeadBuffer;
///
/// let mut head = HeadBuffer::new(1024);
/// assert_eq!(head.feed(b"GET /cam HTTP/1.1\r\nHost: a\r\n"), Ok(None));
/// assert_eq!(head.feed(b"\r\nwhat follows"), Ok(Some(2)));
/// assert_eq!(head.request(16).unwrap().target, "/cam");
/// ```
#[derive(Clone, Debug)]
pub struct HeadBuffer {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Whether the line being read has anything but CR in it.
    line_has_text: bool,
    /// Whether any line before it had.
    head_has_text: bool,
    complete: bool,
}

impl HeadBuffer {
    /// An empty buffer that takes a head of at most `bytes_max` bytes, with its line ends.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            bytes_max,
            line_has_text: false,
            head_has_text: false,
            complete: false,
        }
    }

    /// Takes bytes of the head. `Some(used)` when the head ended `used` bytes into `data`:
    /// what follows is not of the head and was not taken. `None` when more is needed.
    ///
    /// # Errors
    /// The head is longer than the limit; nothing beyond the limit is kept.
    pub fn feed(&mut self, data: &[u8]) -> Result<Option<usize>, LimitKind> {
        if self.complete {
            return Ok(Some(0));
        }
        let room = self.bytes_max.saturating_sub(self.bytes.len());
        let mut used = 0_usize;
        while let Some(rest) = data.get(used..).filter(|rest| !rest.is_empty()) {
            let end = memchr::memchr(b'\n', rest);
            let line =
                rest.get(..end.map_or(rest.len(), |at| at.saturating_add(1))).unwrap_or(rest);
            self.line_has_text |= line.iter().any(|b| !matches!(b, b'\r' | b'\n'));
            used = used.saturating_add(line.len());
            if end.is_some() {
                self.complete = !self.line_has_text && self.head_has_text;
                self.head_has_text |= self.line_has_text;
                self.line_has_text = false;
            }
            if self.complete || used > room {
                break;
            }
        }
        let taken = data.get(..used.min(room)).unwrap_or(data);
        self.bytes.extend_from_slice(taken);
        if used > room {
            self.complete = false;
            return Err(LimitKind::Head);
        }
        Ok(self.complete.then_some(used))
    }

    /// Whether the head is all there.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// What was taken until now.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was taken, given away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The head as a request with at most `header_count_max` header lines.
    ///
    /// # Errors
    /// As [`RequestHead::parse`].
    pub fn request(&self, header_count_max: usize) -> Result<RequestHead<'_>, ParseErrorKind> {
        RequestHead::parse(&self.bytes, header_count_max)
    }

    /// The head as a response with at most `header_count_max` header lines.
    ///
    /// # Errors
    /// As [`ResponseHead::parse`].
    pub fn response(&self, header_count_max: usize) -> Result<ResponseHead<'_>, ParseErrorKind> {
        ResponseHead::parse(&self.bytes, header_count_max)
    }
}

/// Writes a head: first line, header lines, empty line.
///
/// The texts are written as they are: check what comes from outside with [`is_token`] and
/// [`is_field_value`] before.
///
/// ```
/// let head = proto_wire::http::HeadWriter::new("HTTP/1.0 200 OK").header("Server", "x");
/// assert_eq!(head.finish(), "HTTP/1.0 200 OK\r\nServer: x\r\n\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct HeadWriter(String);

impl HeadWriter {
    /// A head with this first line.
    #[must_use]
    pub fn new(first_line: &str) -> Self {
        let mut head = String::from(first_line);
        head.push_str("\r\n");
        Self(head)
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.0.push_str(part);
        }
        self
    }

    /// Adds several header lines.
    #[must_use]
    pub fn headers<'a>(self, lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        lines.into_iter().fold(self, |head, (name, value)| head.header(name, value))
    }

    /// The head with the empty line behind it.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        self.0.push_str("\r\n");
        self.0.into()
    }
}

/// Whether `text` is a token (RFC 9110 §5.6.2), as header names are.
#[must_use]
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether `text` may stand behind the colon of a header: no line end, no control byte but
/// the tab.
/// RFC 9110 §5.5.
#[must_use]
pub fn is_field_value(text: &str) -> bool {
    text.bytes().all(|b| b == b'\t' || (b >= b' ' && b != 0x7F))
}

/// The header lines of a head, in order. RFC 9112 §5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Headers<'a> {
    /// Name and value of each line.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.0.iter().copied()
    }

    /// The values of the lines with this name, in any case.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, '_, 'n> {
        self.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first line with this name, as text without white space around it;
    /// `None` without one or when it is not UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.all(name).next().and_then(|value| core::str::from_utf8(value).ok()).map(str::trim)
    }

    /// The items of the comma lists in all lines with this name, without empty ones.
    pub fn items<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, '_, 'n> {
        self.all(name)
            .filter_map(|value| core::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }

    /// Whether one of the items is `token`, in any case: `Connection: keep-alive, Upgrade`.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.items(name).any(|item| item.eq_ignore_ascii_case(token))
    }
}

/// The head of an HTTP/1.0 or 1.1 request. RFC 9112 §3.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method, as written.
    pub method: &'a str,
    /// The request target.
    pub target: &'a str,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor_version: u8,
    /// The header lines.
    pub headers: Headers<'a>,
}

impl<'a> RequestHead<'a> {
    /// Reads a whole head.
    ///
    /// # Errors
    /// It does not follow RFC 9112, is not whole, or has more than `header_count_max` lines.
    pub fn parse(head: &'a [u8], header_count_max: usize) -> Result<Self, ParseErrorKind> {
        let mut fields = alloc::vec![httparse::EMPTY_HEADER; header_count_max];
        let mut request = httparse::Request::new(&mut fields);
        let whole = request.parse(head).map_err(kind_of)?.is_complete();
        match (request.method, request.path, request.version) {
            (Some(method), Some(target), Some(minor_version)) if whole => {
                let headers = headers_of(request.headers);
                Ok(Self { method, target, minor_version, headers })
            }
            _ => Err(ParseErrorKind::Truncated),
        }
    }
}

/// The head of an HTTP/1.0 or 1.1 response. RFC 9112 §4.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseHead<'a> {
    /// The status code, three digits.
    pub status: u16,
    /// The reason phrase; empty without one.
    pub reason: &'a str,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor_version: u8,
    /// The header lines.
    pub headers: Headers<'a>,
}

impl<'a> ResponseHead<'a> {
    /// Reads a whole head.
    ///
    /// # Errors
    /// It does not follow RFC 9112, is not whole, or has more than `header_count_max` lines.
    pub fn parse(head: &'a [u8], header_count_max: usize) -> Result<Self, ParseErrorKind> {
        let mut fields = alloc::vec![httparse::EMPTY_HEADER; header_count_max];
        let mut response = httparse::Response::new(&mut fields);
        let whole = response.parse(head).map_err(kind_of)?.is_complete();
        match (response.code, response.version) {
            (Some(status), Some(minor_version)) if whole => {
                let headers = headers_of(response.headers);
                let reason = response.reason.unwrap_or("");
                Ok(Self { status, reason, minor_version, headers })
            }
            _ => Err(ParseErrorKind::Truncated),
        }
    }
}

fn headers_of<'a>(fields: &[httparse::Header<'a>]) -> Headers<'a> {
    Headers(fields.iter().map(|field| (field.name, field.value)).collect())
}

fn kind_of(error: httparse::Error) -> ParseErrorKind {
    match error {
        httparse::Error::HeaderName => ParseErrorKind::HeaderName,
        httparse::Error::Status => ParseErrorKind::StatusCode,
        httparse::Error::Token => ParseErrorKind::Token,
        httparse::Error::TooManyHeaders => ParseErrorKind::Limit(LimitKind::HeaderCount),
        httparse::Error::Version => ParseErrorKind::Version,
        httparse::Error::HeaderValue | httparse::Error::NewLine => ParseErrorKind::ControlByte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the chunks; where the head ended, or the error.
    fn collect(head: &mut HeadBuffer, chunks: &[&[u8]]) -> Result<Option<usize>, LimitKind> {
        let mut before = 0;
        for chunk in chunks {
            match head.feed(chunk)? {
                Some(used) => return Ok(Some(used.saturating_add(before))),
                None => before = chunk.len().saturating_add(before),
            }
        }
        Ok(None)
    }

    #[test]
    fn a_head_ends_at_its_empty_line_however_it_is_cut() {
        for (text, end) in [
            ("GET / HTTP/1.0\r\n\r\nrest", Some(18)),
            ("GET / HTTP/1.0\n\nrest", Some(16)),
            ("\r\n\r\nGET / HTTP/1.0\r\nA: b\r\n\r\n\r\n", Some(28)),
            ("GET / HTTP/1.0\r\nA: b\r\n", None),
            ("\r\n\r\n\r\n", None),
            ("", None),
        ] {
            let text = text.as_bytes();
            for size in 1..=text.len().max(1) {
                let chunks: Vec<&[u8]> = text.chunks(size).collect();
                let mut head = HeadBuffer::new(100);
                assert_eq!(collect(&mut head, &chunks), Ok(end), "{text:?} by {size}");
                if let Some(end) = end {
                    assert_eq!(head.as_bytes(), &text[..end]);
                    assert!(head.is_complete());
                }
            }
        }
    }

    #[test]
    fn a_head_of_the_limit_is_taken_and_one_byte_more_is_not() {
        let text = b"GET / HTTP/1.1\r\nHost: abc\r\n\r\n";
        for size in 1..=text.len() {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            let mut enough = HeadBuffer::new(text.len());
            assert_eq!(collect(&mut enough, &chunks), Ok(Some(text.len())));
            let mut short = HeadBuffer::new(text.len() - 1);
            assert_eq!(collect(&mut short, &chunks), Err(LimitKind::Head));
            assert!(short.as_bytes().len() < text.len(), "no more is kept than the limit");
        }
    }

    #[test]
    fn header_lines_of_the_limit_are_taken_and_one_more_is_not() {
        let head = b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n";
        assert_eq!(RequestHead::parse(head, 2).unwrap().headers.iter().count(), 2);
        assert_eq!(RequestHead::parse(head, 1), Err(ParseErrorKind::Limit(LimitKind::HeaderCount)));
    }

    #[test]
    fn lists_and_names_are_read_in_any_case() {
        let head =
            b"HTTP/1.1 101 Switching\r\nCONNECTION: keep-alive, upgrade\r\nconnection: x\r\n\r\n";
        let response = ResponseHead::parse(head, 8).unwrap();
        assert_eq!((response.status, response.reason), (101, "Switching"));
        assert!(response.headers.has_token("Connection", "Upgrade"));
        assert!(response.headers.has_token("Connection", "X"));
        assert!(!response.headers.has_token("Connection", "keep"));
        assert_eq!(response.headers.text("connection"), Some("keep-alive, upgrade"));
    }

    #[test]
    fn what_is_no_http_is_said_to_be_none() {
        assert_eq!(
            RequestHead::parse(b"OPTIONS * RTSP/1.0\r\n\r\n", 8),
            Err(ParseErrorKind::Version)
        );
        assert_eq!(RequestHead::parse(b"GET / HTTP/1.1\r\n", 8), Err(ParseErrorKind::Truncated));
        assert!(ResponseHead::parse(b"HTTP/1.1 abc\r\n\r\n", 8).is_err());
    }
}
