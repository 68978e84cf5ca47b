//! Lossless editing: splices into the original bytes, all others stay as they are.

use super::{HeaderName, Index, TypedHeader};
use crate::headers::{MaxForwards, first_value_end};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::IpAddr;
use proto_wire::Span;
use proto_wire::text::chars;
use thiserror::Error;

/// Why edits could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditError {
    /// More than eight edits of one message.
    #[error("more than eight edits")]
    TooMany,
    /// Max-Forwards is 0 already (RFC 3261 §16.3 item 3: answer 483), or not a number.
    #[error("Max-Forwards cannot be decremented")]
    MaxForwards,
    /// The header to take from is not there.
    #[error("the header is not there")]
    Missing,
    /// A text with a line end or NUL.
    #[error("a value holds a line end or NUL")]
    LineEnd,
    /// Two edits of the same place.
    #[error("two edits of the same place")]
    Overlap,
}

const SPLICES_MAX: usize = 8;
const PIECES: usize = 2;

/// A list of edits of one message, in any order of places. Allocates nothing until the
/// result is written.
///
/// ```
/// use sip_proto::RequestBuf;
///
/// let request = RequestBuf::parse(
///     &b"MESSAGE sip:b@h SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK1\r\nX-Odd :  kept \r\n\
///        Max-Forwards: 70\r\nl: 2\r\n\r\nhi"[..],
/// )?;
/// let mut edits = request.view().edit();
/// edits.push_via("SIP/2.0/TCP p;branch=z9hG4bK2")?;
/// edits.decrement_max_forwards()?;
/// assert_eq!(
///     edits.to_bytes()?,
///     &b"MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP p;branch=z9hG4bK2\r\n\
///        v:SIP/2.0/UDP a;branch=z9hG4bK1\r\nX-Odd :  kept \r\nMax-Forwards: 69\r\nl: 2\r\n\r\nhi"[..],
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Edits<'a> {
    bytes: &'a [u8],
    index: &'a Index,
    /// In order of their places; those at one place in order of their making.
    splices: [Splice<'a>; SPLICES_MAX],
    /// How many of them there are.
    count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Splice<'a> {
    span: Span,
    pieces: [Piece<'a>; PIECES],
}

#[derive(Clone, Copy, Debug)]
enum Piece<'a> {
    Text(&'a [u8]),
    /// A whole row.
    Row(HeaderName, &'a str),
    /// Up to three digits, for a Max-Forwards.
    Digits([u8; 3], u8),
    /// `;rport=n`.
    Port(u16),
    /// `;received=a`.
    Address(IpAddr),
}

const NONE: Piece<'static> = Piece::Text(b"");

impl<'a> Edits<'a> {
    pub(super) fn new(bytes: &'a [u8], index: &'a Index) -> Self {
        const EMPTY: Splice<'static> = Splice { span: Span::new(0, 0), pieces: [NONE; PIECES] };
        Self { bytes, index, splices: [EMPTY; SPLICES_MAX], count: 0 }
    }

    /// Puts a Via row on top (RFC 3261 §16.6 item 8).
    ///
    /// # Errors
    /// [`EditError::LineEnd`], [`EditError::TooMany`].
    pub fn push_via(&mut self, value: &'a str) -> Result<&mut Self, EditError> {
        self.push(HeaderName::VIA, value)
    }

    /// Puts a row before the first row of the same name, or, when there is none, behind the
    /// start line.
    ///
    /// # Errors
    /// [`EditError::LineEnd`], [`EditError::TooMany`].
    pub fn push(&mut self, name: HeaderName, value: &'a str) -> Result<&mut Self, EditError> {
        if chars::any_zero(value.as_bytes(), |b| b.min(b ^ b'\r').min(b ^ b'\n')) {
            return Err(EditError::LineEnd);
        }
        let same = self.index.head.fields(self.bytes).first(name.id());
        let at = same.map_or_else(|| self.behind_start_line(), |f| f.offset());
        self.splice(Span::new(at, at), [Piece::Row(name, value), NONE])
    }

    /// Takes the topmost Via away: one value, not its whole row (RFC 3261 §16.7 item 3).
    ///
    /// # Errors
    /// [`EditError::Missing`], [`EditError::TooMany`].
    pub fn pop_via(&mut self) -> Result<&mut Self, EditError> {
        self.pop(HeaderName::VIA)
    }

    /// Takes the topmost Route value away (RFC 3261 §16.4).
    ///
    /// # Errors
    /// [`EditError::Missing`], [`EditError::TooMany`].
    pub fn pop_route(&mut self) -> Result<&mut Self, EditError> {
        self.pop(HeaderName::ROUTE)
    }

    /// Takes the first value of a list header away, with its row when it was the only one.
    ///
    /// # Errors
    /// [`EditError::Missing`], [`EditError::TooMany`].
    pub fn pop(&mut self, name: HeaderName) -> Result<&mut Self, EditError> {
        let row = self.index.head.fields(self.bytes).first(name.id()).ok_or(EditError::Missing)?;
        let first_end = first_value_end(row.value());
        let span = if first_end < row.value().len() {
            Span::new(row.value_offset(), row.value_offset().saturating_add(first_end))
        } else {
            Span::new(row.offset(), self.row_end(row.value_offset().saturating_add(first_end)))
        };
        self.splice(span, [NONE; PIECES])
    }

    /// Takes all rows of a header away.
    ///
    /// # Errors
    /// [`EditError::TooMany`].
    pub fn remove(&mut self, name: HeaderName) -> Result<&mut Self, EditError> {
        for row in self.index.head.fields(self.bytes).all(name.id()) {
            let end = self.row_end(row.value_offset().saturating_add(row.value().len()));
            self.splice(Span::new(row.offset(), end), [NONE; PIECES])?;
        }
        Ok(self)
    }

    /// Subtracts one from Max-Forwards, or adds `Max-Forwards: 70` (RFC 3261 §16.6 item 3).
    ///
    /// # Errors
    /// [`EditError::MaxForwards`] when it is 0 or not a number.
    pub fn decrement_max_forwards(&mut self) -> Result<&mut Self, EditError> {
        let Some(row) = self.index.head.fields(self.bytes).first(HeaderName::MAX_FORWARDS.id())
        else {
            let at = self.behind_start_line();
            let text = Piece::Text(b"Max-Forwards: 70\r\n");
            return self.splice(Span::new(at, at), [text, NONE]);
        };
        let hops = MaxForwards::parse(row.value()).map_err(|_| EditError::MaxForwards)?;
        let hops = hops.0.checked_sub(1).ok_or(EditError::MaxForwards)?;
        self.splice(row.entry().value(), [digits(hops), NONE])
    }

    /// Replaces the request URI.
    ///
    /// # Errors
    /// [`EditError::LineEnd`] when it holds white space or a control byte.
    pub fn set_uri(&mut self, uri: &'a str) -> Result<&mut Self, EditError> {
        if uri.is_empty() || uri.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(EditError::LineEnd);
        }
        self.splice(self.index.second(), [Piece::Text(uri.as_bytes()), NONE])
    }

    /// Notes in the topmost Via where the request came from: `received` when it is wanted,
    /// and the value of `rport` (RFC 3261 §18.2.1, RFC 3581 §4). `received` and `rport` with a
    /// value that are there already are the sender's forgery; they are replaced.
    ///
    /// # Errors
    /// [`EditError::Missing`] without a Via.
    pub fn note_source(
        &mut self,
        received: Option<IpAddr>,
        rport: Option<u16>,
    ) -> Result<&mut Self, EditError> {
        let row = self
            .index
            .head
            .fields(self.bytes)
            .first(HeaderName::VIA.id())
            .ok_or(EditError::Missing)?;
        let items =
            proto_wire::text::list::Items::new(row.value()).next().ok_or(EditError::Missing)?;
        let base = row.value_offset().saturating_add(items.offset);
        let mut end = base.saturating_add(items.bytes.len());
        let params_at = memchr::memchr(b';', items.bytes);
        if let Some(at) = params_at {
            let params = items.bytes.get(at..).unwrap_or(&[]);
            let params_base = base.saturating_add(at);
            for param in proto_wire::text::params::Params::new(params) {
                let ours = (param.is(b"received") && received.is_some())
                    || (param.is(b"rport") && rport.is_some());
                if ours {
                    // From the semicolon before the name to the end of the value.
                    let stop =
                        param.value_offset.saturating_add(param.value.map_or(0, <[u8]>::len));
                    let before = params.get(..param.offset).unwrap_or(&[]);
                    let semicolon = memchr::memrchr(b';', before).unwrap_or(0);
                    let span = Span::new(
                        params_base.saturating_add(semicolon),
                        params_base.saturating_add(stop),
                    );
                    self.splice(span, [NONE; PIECES])?;
                }
            }
        }
        let tail = chars::trim_end(items.bytes);
        end = end.min(base.saturating_add(tail.len()));
        let pieces = [received.map_or(NONE, Piece::Address), rport.map_or(NONE, Piece::Port)];
        self.splice(Span::new(end, end), pieces)
    }

    /// Appends the edited message to `out`.
    ///
    /// # Errors
    /// [`EditError::Overlap`] when two edits touch the same bytes; nothing is written then.
    pub fn write_to(&self, out: &mut Vec<u8>) -> Result<(), EditError> {
        let whole = self.index.message();
        let mut at = whole.start();
        for splice in self.splices() {
            if splice.span.start() < at {
                return Err(EditError::Overlap);
            }
            at = splice.span.end();
        }
        out.reserve(whole.len().saturating_add(128));
        let mut at = whole.start();
        for splice in self.splices() {
            out.extend_from_slice(self.bytes.get(at..splice.span.start()).unwrap_or(&[]));
            for piece in &splice.pieces {
                piece.write(out);
            }
            at = splice.span.end();
        }
        out.extend_from_slice(self.bytes.get(at..whole.end()).unwrap_or(&[]));
        Ok(())
    }

    /// The edited message.
    ///
    /// # Errors
    /// As [`Edits::write_to`].
    pub fn to_bytes(&self) -> Result<Bytes, EditError> {
        let mut out = Vec::new();
        self.write_to(&mut out)?;
        Ok(Bytes::from(out))
    }

    fn splice(&mut self, span: Span, pieces: [Piece<'a>; PIECES]) -> Result<&mut Self, EditError> {
        let places = self.splices().iter().map(|splice| splice.span);
        // Inserted where it belongs; those behind it move up.
        let place = |span: Span| (span.start(), span.end());
        let at = places.rev().take_while(|other| place(*other) > place(span)).count();
        let count = self.count.saturating_add(1);
        let behind = self.splices.get_mut(self.count.saturating_sub(at)..count);
        let Some(behind) = behind else {
            return Err(EditError::TooMany);
        };
        behind.rotate_right(1);
        if let Some(free) = behind.first_mut() {
            *free = Splice { span, pieces };
        }
        self.count = count;
        Ok(self)
    }

    /// Those that there are.
    fn splices(&self) -> &[Splice<'a>] {
        self.splices.get(..self.count).unwrap_or(&[])
    }

    fn behind_start_line(&self) -> usize {
        self.row_end(self.index.start_line().end())
    }

    /// Behind the line end that follows `from`.
    fn row_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |n| n.saturating_add(1));
        from.saturating_add(end)
    }
}

fn digits(n: u8) -> Piece<'static> {
    let digit = |d: u8| b'0'.wrapping_add(d % 10);
    let all = [digit(n / 100), digit(n / 10), digit(n)];
    match n {
        100.. => Piece::Digits(all, 3),
        10..=99 => Piece::Digits([digit(n / 10), digit(n), 0], 2),
        _ => Piece::Digits([digit(n), 0, 0], 1),
    }
}

impl Piece<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(b"") => {}
            Self::Text(text) => out.extend_from_slice(text),
            Self::Row(name, value) => {
                out.extend_from_slice(name.as_str().as_bytes());
                out.extend_from_slice(b": ");
                out.extend_from_slice(value.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Digits(all, len) => {
                for digit in all.iter().take(usize::from(*len)) {
                    out.push(*digit);
                }
            }
            Self::Port(port) => {
                out.extend_from_slice(b";rport=");
                write_number(out, *port);
            }
            Self::Address(IpAddr::V6(v6)) => {
                let text = alloc::format!(";received=[{v6}]");
                out.extend_from_slice(text.as_bytes());
            }
            Self::Address(IpAddr::V4(v4)) => {
                out.extend_from_slice(b";received=");
                for (n, octet) in v4.octets().into_iter().enumerate() {
                    if n != 0 {
                        out.push(b'.');
                    }
                    write_number(out, u16::from(octet));
                }
            }
        }
    }
}

/// In decimal: what the formatter does, for the edit that every request gets.
fn write_number(out: &mut Vec<u8>, number: u16) {
    let mut unit = 10_000_u16;
    while unit > 1 && number < unit {
        unit /= 10;
    }
    while unit > 0 {
        // A digit is below ten.
        let digit = number.checked_div(unit).map_or(0, |left| left % 10);
        out.push(b'0'.wrapping_add(digit as u8));
        unit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_formatter_writes_them() {
        for number in 0..=u16::MAX {
            let mut out = Vec::new();
            write_number(&mut out, number);
            assert_eq!(out, alloc::format!("{number}").into_bytes());
        }
    }
}
