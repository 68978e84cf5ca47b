//! One framing rule for datagrams and streams: where the message ends (RFC 3261 §18.3), and
//! what its start line is.

use super::index::{Index, Kind, Places, Sound};
use super::{HeaderName, Method, Sip, StatusCode};
use alloc::vec::Vec;
use proto_wire::head::{Quirk, Scanner, leading_blank};
use proto_wire::length::content_length;
use proto_wire::text::chars;
use proto_wire::{LimitKind, Limits, ParseError, ParseErrorKind, Span};

/// What carries the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The transport ends the message: UDP, `WebSocket`.
    Datagram,
    /// Content-Length ends the message: TCP, TLS.
    Stream,
}

/// Indexes the datagram `bytes`, which begins with its start line.
#[inline]
pub(crate) fn datagram(bytes: &[u8], index: &mut Index, limits: &Limits) -> Result<(), ParseError> {
    if bytes.is_empty() {
        return Err(ParseError::new(ParseErrorKind::Empty, 0));
    }
    let mut scanner = Scanner::new();
    let Some(head_len) = scanner.scan::<Sip>(bytes, &mut index.head, limits)? else {
        return unfinished(bytes, index, limits);
    };
    frame(bytes, head_len, Framing::Datagram, index, limits).map(|_| ())
}

/// Where the message begins in a datagram: behind empty lines (RFC 3261 §7.5), which are also
/// keep-alives when there is nothing else (RFC 5626 §3.5.1).
#[inline]
pub(crate) fn message_start(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'\r' | b'\n') => leading_blank(bytes),
        _ => 0,
    }
}

/// A datagram whose head does not end with an empty line: tolerated, since no more can come.
#[cold]
fn unfinished(bytes: &[u8], index: &mut Index, limits: &Limits) -> Result<(), ParseError> {
    let mut whole = Vec::with_capacity(bytes.len().saturating_add(4));
    let cut = bytes.len();
    whole.extend_from_slice(bytes);
    if !bytes.ends_with(b"\n") {
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(b"\r\n");
    let head = Scanner::new().scan::<Sip>(&whole, &mut index.head, limits)?;
    if head.is_none() {
        return Err(ParseError::new(ParseErrorKind::Truncated, cut));
    }
    index.note(Quirk::NoEmptyLine, cut);
    frame(bytes, cut, Framing::Datagram, index, limits).map(|_| ())
}

/// Reads the start line and the length of the message whose head ends at `head_len`, sets the
/// body and returns where the message ends: on a stream perhaps behind what has arrived.
///
/// # Errors
/// What cannot be framed: no start line, a body over the limit, and on streams a missing or
/// impossible Content-Length.
#[inline]
pub(crate) fn frame(
    bytes: &[u8],
    head_len: usize,
    framing: Framing,
    index: &mut Index,
    limits: &Limits,
) -> Result<usize, ParseError> {
    index.defect = None;
    index.sound = Sound(false);
    let (places, lengths) = Places::of(index.entries(), HeaderName::CONTENT_LENGTH.id());
    index.places = places;
    index.head_len = u32::try_from(head_len).unwrap_or(u32::MAX);
    start_line(bytes, index)?;
    let available = bytes.len().saturating_sub(head_len);
    let promised = match lengths {
        0 => Ok(None),
        _ => promised(bytes, index, lengths),
    };
    let body_len = match (framing, promised) {
        (_, Ok(Some(len))) => {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            if len > limits.body_max {
                return Err(too_long(index, bytes));
            }
            if framing == Framing::Stream {
                len
            } else if len > available {
                index.object(ParseError::new(ParseErrorKind::BodyTruncated, bytes.len()));
                available
            } else {
                if len < available {
                    index.note(Quirk::ExcessBytes, head_len.saturating_add(len));
                }
                len
            }
        }
        (Framing::Datagram, Ok(None)) => available,
        (Framing::Datagram, Err(defect)) => {
            index.object(defect);
            available
        }
        // RFC 3261 §20.14: it must be there; a length of zero would be a guess.
        (Framing::Stream, Ok(None)) => {
            return Err(ParseError::new(ParseErrorKind::MissingHeader, head_len));
        }
        (Framing::Stream, Err(defect)) => return Err(defect),
    };
    if body_len > limits.body_max {
        return Err(too_long(index, bytes));
    }
    let end = head_len.saturating_add(body_len);
    index.head.set_body(Span::new(head_len, end));
    Ok(end)
}

/// What Content-Length says: nearly always there is one row, and it is a number.
#[inline]
fn promised(bytes: &[u8], index: &mut Index, rows: usize) -> Result<Option<u64>, ParseError> {
    let id = HeaderName::CONTENT_LENGTH.id();
    if rows == 1 {
        let entry = index.place(id).and_then(|place| index.entries().get(place));
        if let Some(length) = entry.and_then(|e| chars::parse_u64(e.value().of(bytes))) {
            return Ok(Some(length));
        }
    }
    content_length(&mut index.head, bytes, id)
}

#[cold]
fn too_long(index: &Index, bytes: &[u8]) -> ParseError {
    let field = index.head.fields(bytes).first(HeaderName::CONTENT_LENGTH.id());
    let at = field.map_or_else(|| index.head_len(), |f| f.value_offset());
    ParseError::new(ParseErrorKind::Limit(LimitKind::Body), at)
}

/// RFC 3261 §7.1 and §7.2: `Method SP Request-URI SP SIP-Version`, `SIP-Version SP
/// Status-Code SP Reason-Phrase`.
fn start_line(bytes: &[u8], index: &mut Index) -> Result<(), ParseError> {
    let span = index.head.start();
    let line = span.of(bytes);
    let base = span.start();
    if line.len() >= 4 && line.get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/")) {
        return status_line(line, base, index);
    }
    let error = |kind, at: usize| Err(ParseError::new(kind, base.saturating_add(at)));
    let Some(method_end) = chars::find(line, b' ') else {
        return error(ParseErrorKind::StartLine, 0);
    };
    let (method, rest) = line.split_at_checked(method_end).unwrap_or((line, &[]));
    if Method::parse(method).is_err() {
        return error(ParseErrorKind::Method, 0);
    }
    // Usual: one space on each side of the URI, none in it, and the version is SIP/2.0.
    let (uri, version) = match rest.strip_suffix(b" SIP/2.0") {
        Some([b' ', uri @ ..]) if !uri.is_empty() => (uri, &b"SIP/2.0"[..]),
        _ => return odd_request_line(line, method_end, base, index),
    };
    debug_assert_eq!(version.len(), 7);
    if uri.first() == Some(&b' ') || uri.last() == Some(&b' ') {
        return odd_request_line(line, method_end, base, index);
    }
    let uri_start = base.saturating_add(method_end).saturating_add(1);
    set(index, Kind::Request, (base, method.len()), (uri_start, uri.len()));
    Ok(())
}

fn set(index: &mut Index, kind: Kind, first: (usize, usize), second: (usize, usize)) {
    index.kind = kind;
    index.first = Span::new(first.0, first.0.saturating_add(first.1));
    index.second = Span::new(second.0, second.0.saturating_add(second.1));
}

/// More white space than the grammar has, another version, or none.
#[cold]
fn odd_request_line(
    line: &[u8],
    method_end: usize,
    base: usize,
    index: &mut Index,
) -> Result<(), ParseError> {
    let error = |kind, at: usize| ParseError::new(kind, base.saturating_add(at));
    let trimmed = line.trim_ascii_end();
    let last_space = memchr::memrchr2(b' ', b'\t', trimmed).unwrap_or(0);
    let version = trimmed.get(last_space.saturating_add(1)..).unwrap_or(&[]);
    let is_version =
        version.len() > 4 && version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case(b"SIP/"));
    if last_space <= method_end || !is_version {
        return Err(error(ParseErrorKind::StartLine, 0));
    }
    let between = line.get(method_end..last_space).unwrap_or(&[]);
    let lead = between.len().saturating_sub(between.trim_ascii_start().len());
    let uri = between.trim_ascii();
    if uri.is_empty() {
        return Err(error(ParseErrorKind::Uri, method_end));
    }
    let tabbed = trimmed.get(last_space) == Some(&b'\t');
    let padded = between.trim_ascii_start().len() != uri.len() || trimmed.len() != line.len();
    if lead != 1 || padded || tabbed {
        index.note(Quirk::StartLineSpace, base.saturating_add(method_end));
    }
    let version_at = last_space.saturating_add(1);
    check_version(version, base.saturating_add(version_at), index);
    let uri_start = base.saturating_add(method_end).saturating_add(lead);
    set(index, Kind::Request, (base, method_end), (uri_start, uri.len()));
    Ok(())
}

/// RFC 3261 §7.1: case-insensitive, but sent as `SIP/2.0`; another number is answered with 505.
fn check_version(version: &[u8], at: usize, index: &mut Index) {
    if version == b"SIP/2.0" {
        return;
    }
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        index.note(Quirk::OddVersion, at);
    } else {
        index.object(ParseError::new(ParseErrorKind::Version, at));
    }
}

fn status_line(line: &[u8], base: usize, index: &mut Index) -> Result<(), ParseError> {
    let error = |kind, at: usize| Err(ParseError::new(kind, base.saturating_add(at)));
    let Some(version_end) = chars::find(line, b' ') else {
        return error(ParseErrorKind::StartLine, 0);
    };
    let (version, rest) = line.split_at_checked(version_end).unwrap_or((line, &[]));
    check_version(version, base, index);
    let padded = rest.len();
    let rest = rest.trim_ascii_start();
    let gap = padded.saturating_sub(rest.len());
    let code_at = version_end.saturating_add(gap);
    if gap != 1 {
        index.note(Quirk::StartLineSpace, base.saturating_add(version_end));
    }
    let (code, tail) = rest.split_at_checked(3).unwrap_or((rest, &[]));
    if StatusCode::parse(code).is_err() {
        return error(ParseErrorKind::StatusCode, code_at);
    }
    let reason_at = match tail {
        // No reason and no space: tolerated.
        [] => {
            index.note(Quirk::NoReason, base.saturating_add(line.len()));
            line.len()
        }
        [b' ', ..] => code_at.saturating_add(4),
        _ => return error(ParseErrorKind::StatusCode, code_at),
    };
    let reason_len = line.len().saturating_sub(reason_at);
    set(
        index,
        Kind::Response,
        (base.saturating_add(code_at), 3),
        (base.saturating_add(reason_at), reason_len),
    );
    Ok(())
}
