//! Cutting a stream into messages and interleaved frames.

use crate::headers::Rtsp;
use crate::interleaved::{HEADER_LEN, MARKER};
use crate::message::Index;
use proto_wire::head::{Quirk, Scanner, leading_blank};
use proto_wire::{LimitKind, Limits, ParseError, ParseErrorKind};

/// What stands at the start of the buffer, and how many bytes it takes.
/// RFC 2326 §10.12, RFC 7826 §14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Empty lines, which mean nothing.
    Blank {
        /// Bytes to drop.
        len: usize,
    },
    /// A whole `$` frame.
    Frame {
        /// Its channel.
        channel: u8,
        /// Its bytes, with the four of the header.
        len: usize,
    },
    /// A whole message; the index tells about it. It may be one that makes no sense
    /// ([`Index::defect`]): it can still be answered.
    Message {
        /// Its bytes, with the body.
        len: usize,
    },
}

/// Finds the units of a stream, however its bytes arrive.
///
/// Every byte is looked at once. The buffer must begin with the first byte that is not
/// yet used; what a [`Unit`] takes is to be dropped before the next call.
///
/// ```
/// use rtsp_proto::{Framer, Index, Limits, Unit};
///
/// let (mut framer, mut index, limits) = (Framer::new(), Index::new(), Limits::default());
/// let stream = b"$\0\0\x02hi\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\x01";
/// let mut rest = &stream[..];
/// let mut units = Vec::new();
/// while let Some(unit) = framer.next(rest, &mut index, &limits)? {
///     let (Unit::Blank { len } | Unit::Frame { len, .. } | Unit::Message { len }) = unit else { break };
///     rest = &rest[len..];
///     units.push(unit);
/// }
/// assert_eq!(units, [
///     Unit::Frame { channel: 0, len: 6 },
///     Unit::Blank { len: 2 },
///     Unit::Message { len: 28 },
/// ]);
/// assert_eq!(rest, b"$\x01", "more bytes are needed");
/// # Ok::<(), rtsp_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Framer {
    scanner: Scanner,
    /// Bytes of the whole message, once its head is read.
    total: Option<usize>,
    blank: bool,
    payload_max: Option<u16>,
}

impl Framer {
    /// At the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses frames with more than `bytes` of payload.
    #[must_use]
    pub const fn with_payload_max(mut self, bytes: u16) -> Self {
        self.payload_max = Some(bytes);
        self
    }

    /// The unit at the start of `buf`; `Ok(None)` when more bytes are needed.
    ///
    /// # Errors
    /// The stream cannot be cut any further: a limit is passed, or nobody can tell where
    /// the body ends. Offsets count from the start of the message. `index` holds what was
    /// read of it.
    #[inline(always)]
    pub fn next(
        &mut self,
        buf: &[u8],
        index: &mut Index,
        limits: &Limits,
    ) -> Result<Option<Unit>, ParseError> {
        self.next_into(buf, || index, limits)
    }

    /// The same, with an index that is asked for only when there is text to read.
    #[inline(always)]
    pub(crate) fn next_into<'i>(
        &mut self,
        buf: &[u8],
        index: impl FnOnce() -> &'i mut Index,
        limits: &Limits,
    ) -> Result<Option<Unit>, ParseError> {
        // Done in the caller's place: frames, and bytes that come one by one.
        match self.total {
            Some(total) if buf.len() < total => return Ok(None),
            None if self.scanner.is_new() => {
                if let [MARKER, channel, high, low, ..] = buf {
                    let payload = u16::from_be_bytes([*high, *low]);
                    return self.frame(buf.len(), *channel, payload);
                }
            }
            None if self.scanner.passes(buf) => return Ok(None),
            _ => {}
        }
        self.unit(buf, index(), limits)
    }

    #[inline(never)]
    fn unit(
        &mut self,
        buf: &[u8],
        index: &mut Index,
        limits: &Limits,
    ) -> Result<Option<Unit>, ParseError> {
        if self.total.is_none() && self.scanner.is_new() {
            match buf {
                [] => return Ok(None),
                // Not all of a frame's header.
                [MARKER, ..] => return Ok(None),
                [b'\r' | b'\n', ..] => {
                    self.blank = true;
                    let len = leading_blank(buf);
                    return Ok(Some(Unit::Blank { len }));
                }
                _ => {}
            }
        }
        self.message(buf, index, limits)
    }

    /// Bytes of the message that is being read, once its head is.
    pub(crate) const fn total(&self) -> Option<usize> {
        self.total
    }

    /// How long the buffer may become before its bytes must be looked at, after more bytes were
    /// needed; in a head only as long as neither CR nor LF is among them.
    pub(crate) const fn quiet(&self) -> usize {
        match self.total {
            Some(total) => total.saturating_sub(1),
            None => self.scanner.quiet(),
        }
    }

    /// As at the start of a stream.
    pub(crate) fn restart(&mut self) {
        *self = Self { payload_max: self.payload_max, ..Self::default() };
    }

    #[inline]
    fn frame(&self, have: usize, channel: u8, payload: u16) -> Result<Option<Unit>, ParseError> {
        if self.payload_max.is_some_and(|max| payload > max) {
            let kind = ParseErrorKind::Limit(LimitKind::Interleaved);
            return Err(ParseError::new(kind, 2));
        }
        let len = usize::from(payload).saturating_add(HEADER_LEN);
        Ok((have >= len).then_some(Unit::Frame { channel, len }))
    }

    #[inline]
    fn message(
        &mut self,
        buf: &[u8],
        index: &mut Index,
        limits: &Limits,
    ) -> Result<Option<Unit>, ParseError> {
        let total = match self.total {
            Some(total) => total,
            None => {
                if self.scanner.is_new() {
                    index.prepare();
                }
                let Some(head) = self.scanner.scan::<Rtsp>(buf, index.scratch(), limits)? else {
                    return Ok(None);
                };
                self.head(buf, head, index, limits)?
            }
        };
        if buf.len() < total {
            return Ok(None);
        }
        self.scanner = Scanner::new();
        self.total = None;
        self.blank = false;
        Ok(Some(Unit::Message { len: total }))
    }

    #[inline(never)]
    fn head(
        &mut self,
        buf: &[u8],
        head: usize,
        index: &mut Index,
        limits: &Limits,
    ) -> Result<usize, ParseError> {
        if self.blank {
            index.note(Quirk::LeadingEmptyLine, 0);
        }
        let total = index.finish_head(buf, head, limits)?;
        self.total = Some(total);
        Ok(total)
    }
}
