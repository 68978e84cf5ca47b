//! Lossless editing: splices into the original bytes, all others stay as they are.

use super::index::Places;
use super::source::{source_len, write_source};
use super::{HeaderName, Index, RequestBuf, TypedHeader};
use crate::headers::{MaxForwards, first_value_end};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::IpAddr;
use proto_wire::head::{Entry, Field};
use proto_wire::text::chars;
use proto_wire::{ParseError, Span};
use thiserror::Error;

/// Why edits could not be made. RFC 3261 §16.6.
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
    /// What the edits leave is no request.
    #[error("the edited message is not acceptable: {0}")]
    Message(ParseError),
}

const SPLICES_MAX: usize = 8;

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
    piece: Piece<'a>,
}

/// What takes the place of a span.
#[derive(Clone, Copy, Debug)]
enum Piece<'a> {
    Nothing,
    Text(&'a [u8]),
    /// A whole row.
    Row(HeaderName, &'a str),
    /// Up to three digits, for a Max-Forwards.
    Digits([u8; 3], u8),
    /// `;received=a;rport=n`, each when it is there.
    Source(Option<IpAddr>, Option<u16>),
}

impl<'a> Edits<'a> {
    pub(super) fn new(bytes: &'a [u8], index: &'a Index) -> Self {
        const EMPTY: Splice<'static> = Splice { span: Span::new(0, 0), piece: Piece::Nothing };
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
        let same = self.first(name);
        let at = same.map_or_else(|| self.behind_start_line(), |f| f.offset());
        self.splice(Span::new(at, at), Piece::Row(name, value))
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
        let row = self.first(name).ok_or(EditError::Missing)?;
        let first_end = first_value_end(row.value());
        let span = if first_end < row.value().len() {
            Span::new(row.value_offset(), row.value_offset().saturating_add(first_end))
        } else {
            Span::new(row.offset(), self.row_end(row.value_offset().saturating_add(first_end)))
        };
        self.splice(span, Piece::Nothing)
    }

    /// Takes all rows of a header away.
    ///
    /// # Errors
    /// [`EditError::TooMany`].
    pub fn remove(&mut self, name: HeaderName) -> Result<&mut Self, EditError> {
        for row in self.index.head.fields(self.bytes).all(name.id()) {
            let end = self.row_end(row.value_offset().saturating_add(row.value().len()));
            self.splice(Span::new(row.offset(), end), Piece::Nothing)?;
        }
        Ok(self)
    }

    /// Subtracts one from Max-Forwards, or adds `Max-Forwards: 70` (RFC 3261 §16.6 item 3).
    ///
    /// # Errors
    /// [`EditError::MaxForwards`] when it is 0 or not a number.
    pub fn decrement_max_forwards(&mut self) -> Result<&mut Self, EditError> {
        let Some(row) = self.first(HeaderName::MAX_FORWARDS) else {
            let at = self.behind_start_line();
            let row = Piece::Row(HeaderName::MAX_FORWARDS, "70");
            return self.splice(Span::new(at, at), row);
        };
        if let Some(less) = one_less(row.value()) {
            return self.splice(row.entry().value(), less);
        }
        let hops = MaxForwards::parse(row.value()).map_err(|_| EditError::MaxForwards)?;
        let hops = hops.0.checked_sub(1).ok_or(EditError::MaxForwards)?;
        let (all, len) = digits(hops);
        self.splice(row.entry().value(), Piece::Digits(all, len))
    }

    /// Replaces the request URI.
    ///
    /// # Errors
    /// [`EditError::LineEnd`] when it holds white space or a control byte.
    pub fn set_uri(&mut self, uri: &'a str) -> Result<&mut Self, EditError> {
        if uri.is_empty() || uri.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(EditError::LineEnd);
        }
        self.splice(self.index.second(), Piece::Text(uri.as_bytes()))
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
        let row = self.first(HeaderName::VIA).ok_or(EditError::Missing)?;
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
                    self.splice(span, Piece::Nothing)?;
                }
            }
        }
        let tail = chars::trim_end(items.bytes);
        end = end.min(base.saturating_add(tail.len()));
        self.splice(Span::new(end, end), Piece::Source(received, rport))
    }

    /// Appends the edited message to `out`.
    ///
    /// # Errors
    /// [`EditError::Overlap`] when two edits touch the same bytes; nothing is written then.
    pub fn write_to(&self, out: &mut Vec<u8>) -> Result<(), EditError> {
        out.reserve(self.index.message().len().saturating_add(128));
        self.append(out)
    }

    #[inline]
    fn append(&self, out: &mut Vec<u8>) -> Result<(), EditError> {
        let (whole, written) = (self.index.message(), out.len());
        let mut at = whole.start();
        for splice in self.splices() {
            let Some(between) = self.bytes.get(at..splice.span.start()) else {
                out.truncate(written);
                return Err(EditError::Overlap);
            };
            out.extend_from_slice(between);
            splice.piece.write(out);
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
        let whole = self.index.message().len();
        let len = self.splices().iter().fold(whole, |len, splice| {
            len.saturating_add(splice.piece.len()).saturating_sub(splice.span.len())
        });
        let mut out = Vec::with_capacity(len);
        self.append(&mut out)?;
        Ok(Bytes::from(out))
    }

    /// The edited request. What was neither taken nor put is not scanned again.
    ///
    /// # Errors
    /// As [`Edits::write_to`]; [`EditError::Message`] when the result is no request.
    pub fn to_request(&self) -> Result<RequestBuf, EditError> {
        let bytes = self.to_bytes()?;
        let index = if self.index.is_request() { self.moved(&bytes) } else { None };
        let Some(index) = index else {
            return RequestBuf::parse(bytes).map_err(EditError::Message);
        };
        let request = RequestBuf::from_parts(bytes, index);
        debug_assert_eq!(
            RequestBuf::parse(Bytes::copy_from_slice(request.view().bytes)).as_ref(),
            Ok(&request)
        );
        Ok(request)
    }

    /// The index of the edited message, when it follows from this one: rows were put before rows, and
    /// values changed.
    fn moved(&self, edited: &[u8]) -> Option<Index> {
        let old = self.index;
        if !old.is_plain() {
            return None;
        }
        let mut entries = Vec::with_capacity(old.entries().len().saturating_add(self.count));
        let mut rest = old.entries();
        // By how much what follows moves: what was put in so far less what was taken out.
        let mut by = 0_i32;
        // Where the value that was changed last is in the original, and whether it may be odd now.
        let (mut changed, mut doubtful) = (None, false);
        for splice in self.splices() {
            let (span, put) = (splice.span, i32::try_from(splice.piece.len()).ok()?);
            let grown = put.checked_sub(i32::try_from(span.len()).ok()?)?;
            if !within(changed, span) {
                settled(entries.last().filter(|_| doubtful), edited)?;
                (changed, doubtful) = (None, false);
                let before = rest.iter().position(|entry| span.start() <= entry.value().end())?;
                let (same, behind) = rest.split_at_checked(before)?;
                entries.extend(same.iter().map(|entry| entry.moved(by)));
                rest = behind;
                let (entry, behind) = behind.split_first()?;
                if span.start() <= entry.name().start() {
                    let Piece::Row(name, value) = splice.piece else { return None };
                    if span != Span::new(entry.name().start(), entry.name().start())
                        || !chars::is_plain_value(value.as_bytes())
                    {
                        return None;
                    }
                    let at = span.moved(by).start();
                    let name_end = at.saturating_add(name.as_str().len());
                    let value_at = name_end.saturating_add(2);
                    let value = Span::new(value_at, value_at.saturating_add(value.len()));
                    entries.push(Entry::of_written(Span::new(at, name_end), value, name.id()));
                    by = by.checked_add(grown)?;
                    continue;
                }
                changed = Some(entry.value());
                if !within(changed, span) {
                    return None;
                }
                entries.push(entry.moved(by));
                rest = behind;
            }
            // Digits and parameters behind all that was there are as plain as it was.
            let at_end = span.is_empty() && changed.is_some_and(|value| value.end() == span.end());
            let plain = match splice.piece {
                Piece::Digits(..) => changed == Some(span),
                Piece::Source(..) => at_end,
                _ => false,
            };
            doubtful |= !plain;
            let last = entries.last_mut()?;
            let value = last.value();
            let end = Span::new(value.end(), value.end()).moved(grown).start();
            *last = Entry::of_written(last.name(), Span::new(value.start(), end), last.id());
            by = by.checked_add(grown)?;
        }
        settled(entries.last().filter(|_| doubtful), edited)?;
        entries.extend(rest.iter().map(|entry| entry.moved(by)));
        // Rows were only added: the same places when none was.
        let places = match entries.len() == old.entries().len() {
            true => old.places,
            false => Places::of(&entries, 0).0,
        };
        Some(old.with_rows(entries, by, edited.len(), places))
    }

    fn splice(&mut self, span: Span, piece: Piece<'a>) -> Result<&mut Self, EditError> {
        let mut place = self.count;
        let free = self.splices.get_mut(place).ok_or(EditError::TooMany)?;
        *free = Splice { span, piece };
        self.count = place.saturating_add(1);
        // To where it belongs; nearly always it is there.
        let key = |splice: &Splice<'_>| (splice.span.start(), splice.span.end());
        while let Some(before) = place.checked_sub(1) {
            let Some([one, other]) = self.splices.get_mut(before..=place) else { break };
            if key(one) <= key(other) {
                break;
            }
            core::mem::swap(one, other);
            place = before;
        }
        Ok(self)
    }

    #[inline]
    fn first(&self, name: HeaderName) -> Option<Field<'a>> {
        self.index.head.fields(self.bytes).at(self.index.place(name.id())?)
    }

    /// Those that there are.
    fn splices(&self) -> &[Splice<'a>] {
        self.splices.get(..self.count).unwrap_or(&[])
    }

    fn behind_start_line(&self) -> usize {
        self.row_end(self.index.start_line().end())
    }

    /// Behind the line end that follows `from`, and the lines that continue it: one that is left would
    /// continue what comes to stand before it.
    fn row_end(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            let rest = self.bytes.get(at..).unwrap_or(&[]);
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |n| n.saturating_add(1));
            at = at.saturating_add(end);
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                return at;
            }
        }
    }
}

fn within(value: Option<Span>, span: Span) -> bool {
    value.is_some_and(|value| value.start() <= span.start() && span.end() <= value.end())
}

/// Nothing written into a value is odd, but what is left of it may be: then a scan has to tell.
fn settled(changed: Option<&Entry>, edited: &[u8]) -> Option<()> {
    let plain = |entry: &Entry| chars::is_plain_value(entry.value().of(edited));
    changed.is_none_or(plain).then_some(())
}

/// One less than a number of two digits, which nearly every Max-Forwards is.
const fn one_less(value: &[u8]) -> Option<Piece<'static>> {
    match *value {
        [tens @ b'1'..=b'9', ones @ b'1'..=b'9'] => {
            Some(Piece::Digits([tens, ones.wrapping_sub(1), 0], 2))
        }
        [tens @ b'2'..=b'9', b'0'] => Some(Piece::Digits([tens.wrapping_sub(1), b'9', 0], 2)),
        _ => None,
    }
}

/// The digits of a number, and how many they are.
pub(super) fn digits(n: u8) -> ([u8; 3], u8) {
    let digit = |d: u8| b'0'.wrapping_add(d % 10);
    match n {
        100.. => ([digit(n / 100), digit(n / 10), digit(n)], 3),
        10..=99 => ([digit(n / 10), digit(n), 0], 2),
        _ => ([digit(n), 0, 0], 1),
    }
}

impl Piece<'_> {
    /// How many bytes it writes.
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Text(text) => text.len(),
            Self::Row(name, value) => {
                name.as_str().len().saturating_add(value.len()).saturating_add(4)
            }
            Self::Digits(_, len) => usize::from(*len),
            Self::Source(received, rport) => source_len(*received, *rport),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nothing => {}
            Self::Text(text) => out.extend_from_slice(text),
            Self::Row(name, value) => {
                // Behind the last line of a datagram, which may have no end.
                if !out.ends_with(b"\n") {
                    out.extend_from_slice(b"\r\n");
                }
                if *name == HeaderName::VIA {
                    out.extend_from_slice(b"Via: ");
                } else {
                    out.extend_from_slice(name.as_str().as_bytes());
                    out.extend_from_slice(b": ");
                }
                out.extend_from_slice(value.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Digits(all, len) => {
                for digit in all.iter().take(usize::from(*len)) {
                    out.push(*digit);
                }
            }
            Self::Source(received, rport) => write_source(out, *received, *rport),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// Found by fuzzing: of a datagram that ends within a line that continues nothing, the row that was
    /// pushed became a part of that line.
    #[test]
    fn a_row_is_put_behind_a_last_line_without_an_end() {
        let text = b"MESSAGE sip:a SIP/2.0\n \t.\n 7";
        let request = RequestBuf::parse(&text[..]).unwrap();
        let mut edits = request.view().edit();
        edits.push_via("SIP/2.0/UDP h").unwrap().decrement_max_forwards().unwrap();
        let expected =
            b"MESSAGE sip:a SIP/2.0\n \t.\n 7\r\nVia: SIP/2.0/UDP h\r\nMax-Forwards: 70\r\n";
        assert_eq!(edits.to_bytes().unwrap(), &expected[..]);
        let edited = edits.to_request().unwrap();
        assert_eq!(edited.view().headers().iter().count(), 2);
    }

    #[test]
    fn every_max_forwards_becomes_one_less() {
        for n in 0..=255_u8 {
            for written in [format!("{n}"), format!("0{n}"), format!(" {n} ")] {
                let text = format!("OPTIONS sip:a SIP/2.0\r\nMax-Forwards:{written}\r\n\r\n");
                let request = RequestBuf::parse(text.into_bytes()).unwrap();
                let mut edits = request.view().edit();
                let Some(less) = n.checked_sub(1) else {
                    let refused = edits.decrement_max_forwards().unwrap_err();
                    assert_eq!(refused, EditError::MaxForwards);
                    continue;
                };
                edits.decrement_max_forwards().unwrap();
                let edited = RequestBuf::parse(edits.to_bytes().unwrap()).unwrap();
                let value = edited.view().headers().typed::<MaxForwards>().unwrap();
                assert_eq!(value, Some(MaxForwards(less)), "{written}");
            }
        }
    }

    /// A continuation line behind the start line has no row; it must not become part of ours.
    #[test]
    fn nothing_that_was_there_continues_a_row_that_is_put() {
        for fold in [" ;by=them", "\t, <sip:them>", " "] {
            for rest in ["To: <sip:b@h>\r\n", ""] {
                let text = format!("MESSAGE sip:b@h SIP/2.0\r\n{fold}\r\n{rest}\r\nhi");
                let request = RequestBuf::parse(text.into_bytes()).unwrap();
                let mut edits = request.view().edit();
                edits.push(HeaderName::P_ASSERTED_IDENTITY, "<sip:us>").unwrap();
                let edited = edits.to_request().unwrap();
                let told = edited.headers().bytes(HeaderName::P_ASSERTED_IDENTITY);
                assert_eq!(told, Some(&b"<sip:us>"[..]), "{fold:?} {rest:?}");
                assert_eq!(edited.view().body(), b"hi");
            }
        }
        // Nor is an empty continuation left behind when its row goes.
        let text = "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n \r\n\t\r\nv: SIP/2.0/UDP b\r\n \r\n\r\n x";
        let request = RequestBuf::parse(text.as_bytes()).unwrap();
        let popped = request.view().edit().pop_via().unwrap().to_bytes().unwrap();
        assert_eq!(popped, "MESSAGE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP b\r\n \r\n\r\n x");
        let bare = request.view().edit().remove(HeaderName::VIA).unwrap().to_bytes().unwrap();
        assert_eq!(bare, "MESSAGE sip:b@h SIP/2.0\r\n\r\n x");
    }

    /// What is derived is what a scan finds; `to_request` asserts it, and this makes it happen.
    #[test]
    fn the_index_of_an_edited_message_is_the_scanned_one() {
        let plain = "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1;received=9.9.9.9 ;rport\r\n\
            X-Odd:  kept\r\nMax-Forwards: 10\r\nRoute: <sip:p;lr>, <sip:q;lr>\r\nl: 2\r\n\r\nhi";
        let last = "MESSAGE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP a , SIP/2.0/UDP b\r\nRoute: <sip:p;lr>\r\n\r\n";
        let folded = "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n ;branch=z9hG4bK1\r\n\r\nx";
        let v6 = "2001:db8::1".parse().ok();
        for text in [plain, last, folded] {
            let request = RequestBuf::parse(text.as_bytes().to_vec()).unwrap();
            let edits: [&dyn Fn(&mut Edits<'_>); 8] = [
                &|_| {},
                &|e| drop(e.push_via("SIP/2.0/TCP p;branch=z9hG4bK2")),
                &|e| drop(e.push_via(" odd ")),
                &|e| drop(e.decrement_max_forwards()),
                &|e| drop(e.note_source("192.0.2.255".parse().ok(), Some(65_535))),
                &|e| drop(e.note_source(v6, None)),
                &|e| drop(e.pop_route()),
                &|e| drop(e.set_uri("sip:elsewhere")),
            ];
            for one in edits {
                for two in edits {
                    let mut edits = request.view().edit();
                    one(&mut edits);
                    two(&mut edits);
                    let Ok(expected) = edits.to_bytes() else { continue };
                    assert_eq!(edits.to_request().unwrap().as_bytes(), expected);
                }
            }
        }
    }
}
