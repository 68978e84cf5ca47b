//! Message/CPIM (RFC 3862): the envelope that instant messages keep when they cross from one
//! protocol to another, end to end signatures included.
//!
//! Not MIME and not SIP: header names are case-sensitive, lines never fold, escapes begin with
//! a backslash, and names belong to namespaces that `NS` headers declare. The content is a
//! MIME entity with headers of its own.

mod build;
mod escape;
mod header;

pub use build::{BuildError, Builder};
pub use escape::{escape, unescape};
pub use header::{Address, Header, Headers};

use alloc::borrow::Cow;
use proto_wire::text::chars;
use proto_wire::{LimitKind, ParseError, ParseErrorKind};

/// The media type, for `Content-Type` around a message.
pub const MEDIA_TYPE: &str = "message/cpim";

/// The namespace of headers without a prefix, unless an `NS` header says otherwise (§4).
pub const NAMESPACE: &str = "urn:ietf:params:cpim-headers:";

/// Limits on one message, counted before anything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of message headers and content headers together (16 KiB). Stops a head that
    /// never ends.
    pub head_max: usize,
    /// Headers of either kind (64). Stops look-ups by namespace, which walk the headers
    /// before each one, from multiplying.
    pub header_count_max: usize,
}

impl Limits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self { head_max: 16 * 1024, header_count_max: 64 };

    /// Sets [`Limits::head_max`], in bytes.
    #[must_use]
    pub const fn with_head_max(mut self, bytes: usize) -> Self {
        self.head_max = bytes;
        self
    }

    /// Sets [`Limits::header_count_max`].
    #[must_use]
    pub const fn with_header_count_max(mut self, count: usize) -> Self {
        self.header_count_max = count;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A deviation that is read all the same; [`Message::quirks`] lists those of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Quirk {
    /// A line ends with LF alone (§2.1 wants CR LF).
    BareLineFeed,
    /// No space, or more than one, follows the colon (§3 wants exactly one).
    ColonSpacing,
    /// A raw tab in a header value (§2.3.1 wants `\t`).
    RawTab,
    /// The MIME headers of the envelope itself (`Content-Type: message/cpim`) stand in front,
    /// though the carrier has them already.
    OuterHeaders,
    /// The content has no headers (§2.4 wants at least Content-Type).
    NoContentType,
}

impl Quirk {
    /// Its name, as reports show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare-lf",
            Self::ColonSpacing => "colon-spacing",
            Self::RawTab => "raw-tab",
            Self::OuterHeaders => "outer-headers",
            Self::NoContentType => "no-content-type",
        }
    }
}

impl core::fmt::Display for Quirk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message, borrowed from the bytes it came in.
///
/// ```
/// use sip_proto::simple::cpim::{self, Message};
///
/// let bytes = b"From: MR SANDERS <im:piglet@100akerwood.com>\r\n\
///     Subject:;lang=fr beau temps prevu pour aujourd'hui\r\n\
///     NS: imdn <urn:ietf:params:imdn>\r\n\
///     imdn.Message-ID: 34jk324j\r\n\
///     \r\n\
///     Content-type: text/plain; charset=utf-8\r\n\
///     \r\n\
///     Hello";
/// let message = Message::parse(bytes, &cpim::Limits::DEFAULT)?;
/// assert_eq!(message.from().unwrap().uri, "im:piglet@100akerwood.com");
/// assert_eq!(message.subject(Some("FR")).unwrap().value(), "beau temps prevu pour aujourd'hui");
/// // By namespace, whatever prefix the sender chose.
/// assert_eq!(message.header("urn:ietf:params:imdn", "Message-ID").unwrap().value(), "34jk324j");
/// assert_eq!((message.content_type(), message.content()), (Some("text/plain; charset=utf-8"), &b"Hello"[..]));
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    head: &'a str,
    mime: &'a str,
    content: &'a [u8],
    outer: bool,
}

impl<'a> Message<'a> {
    /// Reads the message that is all of `bytes`.
    ///
    /// # Errors
    /// [`ParseErrorKind::Limit`] beyond `limits`; [`ParseErrorKind::Truncated`] when the empty
    /// line behind the headers is missing; [`ParseErrorKind::HeaderName`],
    /// [`ParseErrorKind::MissingColon`], [`ParseErrorKind::ControlByte`] and
    /// [`ParseErrorKind::Utf8`] for a line that is not a header.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, ParseError> {
        let mut count = 0_usize;
        let mut at = 0_usize;
        let mut start = 0_usize;
        let mut outer = false;
        loop {
            let first = header::block_end(bytes, at, limits, &mut count)?;
            let Some(end) = first else {
                return Err(ParseError::new(ParseErrorKind::Truncated, bytes.len()));
            };
            let head = text(bytes, start, end.head)?;
            if !outer && is_outer(head) {
                outer = true;
                at = end.next;
                start = end.next;
                continue;
            }
            for line in header::lines(head) {
                header::check(line.text).map_err(|e| e.at(start.saturating_add(line.offset)))?;
            }
            let behind = end.next;
            // The content without its own headers begins with an empty line, or there is nothing.
            let (mime, content) = match header::block_end(bytes, behind, limits, &mut count)? {
                Some(mime_end) => {
                    (text(bytes, behind, mime_end.head)?, bytes.get(mime_end.next..).unwrap_or(&[]))
                }
                None => (text(bytes, behind, bytes.len())?, &[][..]),
            };
            return Ok(Self { head, mime, content, outer });
        }
    }

    /// The message headers, in order, each with its namespace.
    #[must_use]
    pub const fn headers(&self) -> Headers<'a> {
        Headers::new(self.head)
    }

    /// The first header `name` of the namespace `namespace`, whatever its prefix. Both are
    /// compared exactly.
    #[must_use]
    pub fn header(&self, namespace: &str, name: &str) -> Option<Header<'a>> {
        self.headers().find(|h| h.name == name && h.namespace == Some(namespace))
    }

    /// All headers `name` of the namespace `namespace`, in order.
    pub fn all<'n>(
        &self,
        namespace: &'n str,
        name: &'n str,
    ) -> impl Iterator<Item = Header<'a>> + use<'a, 'n> {
        self.headers().filter(move |h| h.name == name && h.namespace == Some(namespace))
    }

    /// `From` (§4.1).
    #[must_use]
    pub fn from(&self) -> Option<Address<'a>> {
        self.header(NAMESPACE, "From").and_then(|h| Address::parse(h.raw).ok())
    }

    /// Every `To` (§4.2) that can be read.
    pub fn to(&self) -> impl Iterator<Item = Address<'a>> + use<'a> {
        self.all(NAMESPACE, "To").filter_map(|h| Address::parse(h.raw).ok())
    }

    /// Every `cc` (§4.3) that can be read.
    pub fn cc(&self) -> impl Iterator<Item = Address<'a>> + use<'a> {
        self.all(NAMESPACE, "cc").filter_map(|h| Address::parse(h.raw).ok())
    }

    /// `DateTime` (§4.4), an RFC 3339 time, as it stands.
    #[must_use]
    pub fn date_time(&self) -> Option<&'a str> {
        self.header(NAMESPACE, "DateTime").map(|h| h.raw)
    }

    /// The `Subject` (§4.5) in this language, in any case, or with `None` the first one.
    #[must_use]
    pub fn subject(&self, language: Option<&str>) -> Option<Header<'a>> {
        self.all(NAMESPACE, "Subject").find(|h| match (language, h.language()) {
            (None, _) => true,
            (Some(wanted), Some(given)) => wanted.eq_ignore_ascii_case(given),
            (Some(_), None) => false,
        })
    }

    /// The first feature that a `Require` header (§3.5) names and `known` does not list, as
    /// (namespace, name). A message with one must not be processed: it was not understood.
    #[must_use]
    pub fn unknown_requirement(&self, known: &[(&str, &str)]) -> Option<&'a str> {
        let mut headers = self.headers();
        while let Some(header) = headers.next() {
            if header.name != "Require" || header.namespace != Some(NAMESPACE) {
                continue;
            }
            for feature in header.raw.split(',').map(str::trim).filter(|f| !f.is_empty()) {
                let (namespace, name) = headers.resolve(feature);
                let is_known = namespace.is_some_and(|n| known.contains(&(n, name)));
                // What this module itself reads is known (§4).
                let is_core = namespace == Some(NAMESPACE) && CORE.contains(&name);
                if !is_known && !is_core {
                    return Some(feature);
                }
            }
        }
        None
    }

    /// The headers of the content: MIME, so names compare in any case. Values lose their line
    /// folds.
    pub fn content_headers(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        header::mime_fields(self.mime)
    }

    /// A header of the content, in any case.
    #[must_use]
    pub fn content_header(&self, name: &str) -> Option<Cow<'a, str>> {
        self.content_headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// `Content-Type` of the content as it stands, when it is on one line.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        match self.content_header("Content-Type")? {
            Cow::Borrowed(value) => Some(value),
            Cow::Owned(_) => None,
        }
    }

    /// Whether the content is of this media type, in any case, parameters aside.
    #[must_use]
    pub fn content_is(&self, media_type: &str) -> bool {
        self.content_header("Content-Type").is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or("");
            essence.trim().eq_ignore_ascii_case(media_type)
        })
    }

    /// The content itself: all bytes behind its headers. A `Content-length` among them, as in
    /// RFC 5438's examples, that is smaller cuts it (what follows would be the line end of a
    /// carrier); a larger one changes nothing.
    #[must_use]
    pub fn content(&self) -> &'a [u8] {
        let promised = self
            .content_header("Content-Length")
            .and_then(|v| chars::parse_u64(v.trim().as_bytes()))
            .and_then(|n| usize::try_from(n).ok());
        promised.and_then(|n| self.content.get(..n)).unwrap_or(self.content)
    }

    /// Whether the message breaks a rule that is not insisted on.
    pub fn quirks(&self) -> impl Iterator<Item = Quirk> + use<> {
        let bare = |text: &str| {
            text.bytes()
                .zip(core::iter::once(b' ').chain(text.bytes()))
                .any(|(b, before)| b == b'\n' && before != b'\r')
        };
        let spacing = |h: Header<'_>| h.odd_spacing;
        let found = [
            (bare(self.head) || bare(self.mime)).then_some(Quirk::BareLineFeed),
            self.headers().any(spacing).then_some(Quirk::ColonSpacing),
            self.head.contains('\t').then_some(Quirk::RawTab),
            self.outer.then_some(Quirk::OuterHeaders),
            self.content_header("Content-Type").is_none().then_some(Quirk::NoContentType),
        ];
        found.into_iter().flatten()
    }
}

const CORE: &[&str] = &["From", "To", "cc", "DateTime", "Subject", "NS", "Require"];

fn text(bytes: &[u8], start: usize, end: usize) -> Result<&str, ParseError> {
    let part = bytes.get(start..end).unwrap_or(&[]);
    core::str::from_utf8(part)
        .map_err(|e| ParseError::new(ParseErrorKind::Utf8, start.saturating_add(e.valid_up_to())))
}

/// Whether the first block is the MIME headers of the envelope. No CPIM header is named
/// `Content-...`, so this cannot be mistaken.
fn is_outer(head: &str) -> bool {
    let mut fields = header::mime_fields(head);
    fields.any(|(name, value)| {
        name.eq_ignore_ascii_case("Content-Type")
            && value.split(';').next().is_some_and(|v| v.trim().eq_ignore_ascii_case(MEDIA_TYPE))
    })
}

fn over(kind: LimitKind, at: usize) -> ParseError {
    ParseError::new(ParseErrorKind::Limit(kind), at)
}

#[cfg(test)]
mod tests;
