//! Where everything in a message is: made once, used by every accessor.

use super::{Method, StatusCode, Version};
use crate::headers::{HeaderName, Headers, Rtsp, bit_of};
use proto_wire::head::{self, Quirk, Scanner};
use proto_wire::length::content_length;
use proto_wire::text::chars;
use proto_wire::{LimitKind, Limits, ParseError, ParseErrorKind, Span};

/// So many header lines have their place from the start.
const HEADERS: usize = 8;

/// Asked or answered. RFC 7826 §7, §8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two")]
pub enum Kind {
    /// A request.
    #[default]
    Request,
    /// A response.
    Response,
}

/// Offsets of one message. Reusable: reading into the same index again allocates nothing
/// once it has grown to the usual number of headers.
/// RFC 2326 §4, RFC 7826 §5.
#[derive(Clone, Debug)]
pub struct Index {
    head: head::Index,
    kind: Kind,
    version: Version,
    status: StatusCode,
    /// The method of a request.
    method: Span,
    verb: Method,
    /// The bits of the names of the header lines.
    names: u64,
    /// The ids of the names of the first eight of them.
    ids: u64,
    /// The URI of a request, the reason of a response.
    target: Span,
    defect: Option<ParseError>,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An empty index, to be filled by reading a message.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head: head::Index::new(),
            kind: Kind::Request,
            version: Version::V1_0,
            status: StatusCode::OK,
            method: Span::new(0, 0),
            verb: Method::Extension,
            names: 0,
            ids: 0,
            target: Span::new(0, 0),
            defect: None,
        }
    }

    /// The offsets of the header lines.
    #[must_use]
    pub const fn head(&self) -> &head::Index {
        &self.head
    }

    /// Asked or answered.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What is wrong with the start line. Such a message has a good frame and can be
    /// answered.
    #[must_use]
    pub const fn defect(&self) -> Option<ParseError> {
        self.defect
    }

    pub(super) const fn version(&self) -> Version {
        self.version
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) const fn method(&self) -> Span {
        self.method
    }

    pub(super) const fn verb(&self) -> Method {
        self.verb
    }

    /// The header lines of the message `bytes`.
    #[inline]
    pub(super) fn headers<'a>(&'a self, bytes: &'a [u8]) -> Headers<'a> {
        Headers::new(self.head.fields(bytes), self.names, self.ids)
    }

    pub(super) const fn target(&self) -> Span {
        self.target
    }

    /// Notes which header lines there are.
    pub(crate) fn note_names(&mut self) {
        let entries = self.head.entries();
        let (first, more) = entries.split_at_checked(8).unwrap_or((entries, &[]));
        let (mut names, mut ids) = (0, 0);
        // Backwards, so that the first one is the lowest.
        for entry in first.iter().rev() {
            names |= bit_of(entry.id());
            ids = ids << 8 | u64::from(entry.id());
        }
        for entry in more {
            names |= bit_of(entry.id());
        }
        (self.names, self.ids) = (names, ids);
    }

    /// Makes room for the usual number of header lines at once.
    pub(crate) fn prepare(&mut self) {
        self.head.reserve(HEADERS);
    }

    /// A clone that holds no spare memory.
    pub(crate) fn to_exact(&self) -> Self {
        Self { head: self.head.to_exact(), ..*self }
    }

    pub(crate) fn note(&mut self, quirk: Quirk, offset: usize) {
        self.head.note(quirk, offset);
    }

    /// The index that a head scanner fills.
    pub(crate) const fn scratch(&mut self) -> &mut head::Index {
        &mut self.head
    }

    /// Reads a message that begins with the first byte; how long it is in all.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, ParseError> {
        let mut scanner = Scanner::new();
        let Some(head) = scanner.scan::<Rtsp>(bytes, &mut self.head, limits)? else {
            return Ok(None);
        };
        let total = self.finish_head(bytes, head, limits)?;
        if bytes.len() < total {
            return Ok(None);
        }
        Ok(Some(total))
    }

    /// The head is whole: understands the start line, finds out about the body; how long
    /// the message is in all.
    pub(crate) fn finish_head(
        &mut self,
        bytes: &[u8],
        head: usize,
        limits: &Limits,
    ) -> Result<usize, ParseError> {
        self.defect = self.start_line(bytes).err();
        self.note_names();
        let id = HeaderName::ContentLength.id();
        if self.names & HeaderName::ContentLength.bit() == 0 {
            // Absent means no body (RFC 2326 §4.4, RFC 7826 §18.17).
            self.head.set_body(Span::new(head, head));
            return Ok(head);
        }
        let length = content_length(&mut self.head, bytes, id)?.unwrap_or(0);
        let body = usize::try_from(length).unwrap_or(usize::MAX);
        if body > limits.body_max {
            let value = self.head.fields(bytes).first(id);
            let at = value.map_or(head, head::Field::value_offset);
            return Err(ParseError::new(ParseErrorKind::Limit(LimitKind::Body), at));
        }
        let total = head.saturating_add(body);
        self.head.set_body(Span::new(head, total));
        Ok(total)
    }

    /// RFC 2326 §6.1 and §7.1: which of the two is told by the first token alone.
    fn start_line(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        let span = self.head.start();
        let line = span.of(bytes);
        self.kind = Kind::Request;
        self.version = Version::V1_0;
        self.method = Span::default();
        self.verb = Method::Extension;
        self.target = Span::default();
        if line.get(..5).is_some_and(|p| p.eq_ignore_ascii_case(b"RTSP/")) {
            self.kind = Kind::Response;
            if self.plain_status_line(line, span.start()) {
                return Ok(());
            }
            self.status_line(line, span.start())
        } else if self.plain_request_line(line, span.start()) {
            Ok(())
        } else {
            self.request_line(line, span.start())
        }
    }

    /// Reads a line as it is nearly always; takes nothing and says so otherwise.
    fn plain_request_line(&mut self, line: &[u8], start: usize) -> bool {
        // Without a quirk there is no control character and nothing that is not UTF-8.
        let (Some((rest, [b' ', version @ ..])), true) =
            (line.split_last_chunk::<9>(), self.head.quirks().is_empty())
        else {
            return false;
        };
        let Some(version) = plain_version(*version) else {
            return false;
        };
        self.version = version;
        let Some(space) = chars::find(rest, b' ') else {
            return false;
        };
        let (method, target) = rest.split_at_checked(space).unwrap_or((&[], &[]));
        let target = target.get(1..).unwrap_or(&[]);
        let verb = Method::from_name(method);
        if target.is_empty()
            || chars::any_zero(target, |b| (b ^ b' ').min(b ^ b'\t'))
            || (verb == Method::Extension && !chars::is_token(method))
        {
            return false;
        }
        self.verb = verb;
        self.method = Span::new(start, start.wrapping_add(space));
        let at = start.wrapping_add(space).wrapping_add(1);
        self.target = Span::new(at, at.wrapping_add(target.len()));
        true
    }

    fn request_line(&mut self, line: &[u8], start: usize) -> Result<(), ParseError> {
        let wrong = |kind, at: usize| ParseError::new(kind, start.saturating_add(at));
        let end = chars::trim_end(line).len();
        let first = line.iter().position(|b| is_space(*b));
        let first = first.ok_or_else(|| wrong(ParseErrorKind::StartLine, 0))?;
        let method = line.get(..first).unwrap_or(&[]);
        if !chars::is_token(method) {
            return Err(wrong(ParseErrorKind::Method, 0));
        }
        let last = line
            .get(..end)
            .and_then(|line| line.iter().rposition(|b| is_space(*b)))
            .unwrap_or(first);
        let version_at = last.saturating_add(1);
        let version = line.get(version_at..end).unwrap_or(&[]);
        let target = line.get(first..last).unwrap_or(&[]);
        let target_at =
            first.saturating_add(target.len().saturating_sub(chars::trim_start(target).len()));
        let target = chars::trim(target);
        if target.is_empty() {
            return Err(wrong(ParseErrorKind::StartLine, first));
        }
        if end != line.len()
            || target_at != first.saturating_add(1)
            || target_at.saturating_add(target.len()) != last
        {
            self.note(Quirk::StartLineSpace, start);
        }
        if let Some(at) = target.iter().position(|b| *b <= b' ' || *b == 0x7f) {
            return Err(wrong(ParseErrorKind::Uri, target_at.saturating_add(at)));
        }
        if !target.is_ascii() && core::str::from_utf8(target).is_err() {
            return Err(wrong(ParseErrorKind::Uri, target_at));
        }
        let version_start = start.saturating_add(version_at);
        self.version = self.version_of(version, version_start)?;
        self.verb = Method::from_name(method);
        self.method = Span::new(start, start.saturating_add(first));
        let target_at = start.saturating_add(target_at);
        self.target = Span::new(target_at, target_at.saturating_add(target.len()));
        Ok(())
    }

    /// Reads a line as it is nearly always; takes nothing and says so otherwise.
    fn plain_status_line(&mut self, line: &[u8], start: usize) -> bool {
        let Some((version, [b' ', a, b, c, b' ', reason @ ..])) = line.split_first_chunk::<8>()
        else {
            return false;
        };
        let Some(version) = plain_version(*version) else {
            return false;
        };
        let (Some(status), [first, ..]) = (StatusCode::from_digits([*a, *b, *c]), reason) else {
            return false;
        };
        let blank = is_space(*first) || reason.last().is_some_and(|b| is_space(*b));
        if blank || !self.head.quirks().is_empty() {
            return false;
        }
        (self.version, self.status) = (version, status);
        let end = start.wrapping_add(line.len());
        self.target = Span::new(end.wrapping_sub(reason.len()), end);
        true
    }

    fn status_line(&mut self, line: &[u8], start: usize) -> Result<(), ParseError> {
        let wrong = |kind, at: usize| ParseError::new(kind, start.saturating_add(at));
        let space = line.iter().position(|b| is_space(*b)).unwrap_or(line.len());
        self.version = self.version_of(line.get(..space).unwrap_or(&[]), start)?;
        let rest = line.get(space..).unwrap_or(&[]);
        let code_text = chars::trim_start(rest);
        let code_at = line.len().saturating_sub(code_text.len());
        if code_at != space.saturating_add(1) {
            self.note(Quirk::StartLineSpace, start.saturating_add(space));
        }
        let (digits, reason) = code_text
            .split_first_chunk::<3>()
            .ok_or_else(|| wrong(ParseErrorKind::StatusCode, code_at))?;
        if reason.first().is_some_and(|b| !is_space(*b)) {
            return Err(wrong(ParseErrorKind::StatusCode, code_at));
        }
        self.status = StatusCode::from_digits(*digits)
            .ok_or_else(|| wrong(ParseErrorKind::StatusCode, code_at))?;
        let reason = chars::trim(reason);
        if reason.is_empty() {
            self.note(Quirk::NoReason, start.saturating_add(line.len()));
        }
        let end = start.saturating_add(chars::trim_end(line).len());
        self.target = Span::new(end.saturating_sub(reason.len()), end);
        Ok(())
    }

    fn version_of(&mut self, text: &[u8], at: usize) -> Result<Version, ParseError> {
        match text {
            b"RTSP/1.0" => return Ok(Version::V1_0),
            b"RTSP/2.0" => return Ok(Version::V2_0),
            _ => {}
        }
        let wrong = || ParseError::new(ParseErrorKind::Version, at);
        let (name, numbers) = text.split_first_chunk::<5>().ok_or_else(wrong)?;
        if !name.eq_ignore_ascii_case(b"RTSP/") {
            return Err(wrong());
        }
        let mut numbers = numbers.splitn(2, |b| *b == b'.');
        let mut number = || {
            let digits = numbers.next()?;
            chars::parse_u64(digits).and_then(|n| u8::try_from(n).ok())
        };
        let (major, minor) = (number().ok_or_else(wrong)?, number().ok_or_else(wrong)?);
        self.note(Quirk::OddVersion, at);
        Ok(Version { major, minor })
    }
}

/// A version as it is spelled nearly always, by one comparison.
#[inline]
fn plain_version(text: [u8; 8]) -> Option<Version> {
    const V1_0: u64 = u64::from_le_bytes(*b"RTSP/1.0");
    const V2_0: u64 = u64::from_le_bytes(*b"RTSP/2.0");
    match u64::from_le_bytes(text) {
        V1_0 => Some(Version::V1_0),
        V2_0 => Some(Version::V2_0),
        _ => None,
    }
}

const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}
