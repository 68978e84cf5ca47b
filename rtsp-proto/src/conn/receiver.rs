//! The receiving half: a buffer and a framer.

use super::plausible::{self, Verdict};
use super::{Resync, Skips};
use crate::framer::{Framer, Unit};
use crate::interleaved::HEADER_LEN;
use crate::message::{Kind, RequestBuf, ResponseBuf, Slot};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use proto_wire::head::Quirk;
use proto_wire::{LimitKind, Limits, ParseError, ParseErrorKind};

/// What arrived.
#[derive(Debug)]
pub(crate) enum Received {
    Request(RequestBuf),
    Response(ResponseBuf),
    /// A message in a good frame whose start line makes no sense.
    Malformed(RequestBuf),
    Media {
        channel: u8,
        payload: Bytes,
    },
    /// So many bytes were dropped before what comes next.
    Skipped {
        bytes: usize,
    },
}

/// The receiving half: a buffer and a framer.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// What the host gave away, as long as it is cut without being copied; then `buf` is empty.
    owned: Bytes,
    buf: BytesMut,
    /// There was something in `buf`, which may keep memory since.
    copied: bool,
    /// So many bytes may come one by one without a look at them, ...
    slack: usize,
    /// ... CR and LF among them.
    in_body: bool,
    framer: Framer,
    slot: Slot,
    payload_max: u16,
    tolerance: Tolerance,
    /// The way was lost: what has been dropped since, and why.
    lost: Option<(usize, ParseError)>,
    skips: Skips,
    /// The message that is being read, when frames may stand in its head.
    message: BytesMut,
    /// The line at the end of `message` goes on in `buf`.
    in_line: bool,
    /// A frame was taken out of the head of `message`.
    cut: Option<usize>,
}

/// What a receiver does beyond the grammar.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tolerance {
    pub(crate) resync: Option<Resync>,
    pub(crate) frames_in_heads: bool,
}

impl Receiver {
    pub(crate) fn new(payload_max: u16) -> Self {
        Self {
            owned: Bytes::new(),
            buf: BytesMut::new(),
            copied: false,
            slack: 0,
            in_body: false,
            framer: Framer::new().with_payload_max(payload_max),
            slot: Slot::new(),
            payload_max,
            tolerance: Tolerance::default(),
            lost: None,
            skips: Skips::default(),
            message: BytesMut::new(),
            in_line: false,
            cut: None,
        }
    }

    pub(crate) const fn with_tolerance(mut self, tolerance: Tolerance) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Takes a byte in whose arrival leads to nothing: most of those that come one by one.
    #[inline]
    pub(crate) fn absorbs(&mut self, data: &[u8]) -> bool {
        let ([byte], true) = (data, self.slack > 0) else {
            return false;
        };
        self.slack = self.slack.saturating_sub(1);
        if !self.in_body && matches!(byte, b'\r' | b'\n') {
            // Whether a CR is half of a line end is told by what comes behind it.
            let in_line = !matches!(self.buf.last(), None | Some(b'\r' | b'\n'));
            if *byte == b'\n' || !in_line || self.slack == 0 {
                return false;
            }
            self.slack = 0;
        }
        self.buf.put_u8(*byte);
        true
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        self.spill();
        self.copied = true;
        self.buf.extend_from_slice(data);
    }

    /// Takes memory over instead of copying it, when nothing is waiting.
    pub(crate) fn push_owned(&mut self, data: Bytes) {
        self.spill();
        if !self.buf.is_empty() {
            self.buf.extend_from_slice(&data);
        } else if self.is_plain() && self.message.is_empty() {
            self.owned = data;
        } else {
            self.copied = true;
            self.buf = BytesMut::from(data);
        }
    }

    /// What goes on in bytes to come is kept where they can be added to it.
    #[inline]
    fn spill(&mut self) {
        self.slack = 0;
        if !self.owned.is_empty() {
            self.spill_owned();
        }
    }

    #[cold]
    fn spill_owned(&mut self) {
        self.copied = true;
        self.buf = BytesMut::from(core::mem::take(&mut self.owned));
    }

    /// Nothing but the grammar is followed.
    const fn is_plain(&self) -> bool {
        self.tolerance.resync.is_none() && !self.tolerance.frames_in_heads
    }

    /// Bytes that wait for more.
    pub(crate) fn len(&self) -> usize {
        let whole = self.owned.len().saturating_add(self.buf.len());
        whole.saturating_add(self.message.len())
    }

    pub(crate) fn clear(&mut self) {
        self.slack = 0;
        self.copied = false;
        self.owned = Bytes::new();
        self.buf = BytesMut::new();
        self.message = BytesMut::new();
    }

    /// Gives memory back that nothing needs now.
    pub(crate) fn release(&mut self) {
        if self.len() > 0 {
            return;
        }
        // Also what has no room left may keep the memory of what was cut out of it.
        if self.copied {
            self.clear();
        }
        self.slot.release();
    }

    pub(crate) const fn skips(&self) -> Skips {
        self.skips
    }

    /// Forgets what waits for more.
    pub(crate) fn restart(&mut self) {
        self.slack = 0;
        self.owned = Bytes::new();
        self.buf.clear();
        self.lost = None;
        self.begin();
    }

    /// At the end of the stream: what was dropped and not told yet.
    pub(crate) fn dropped(&mut self) -> Option<usize> {
        let (bytes, _) = self.lost.take()?;
        self.found(bytes);
        (bytes > 0).then_some(bytes)
    }

    /// The next thing that is whole. Payloads and messages are parts of the buffer's
    /// memory, not copies. `known` tells the channels that are set up.
    pub(crate) fn next(
        &mut self,
        limits: &Limits,
        known: impl Fn(u8) -> bool,
    ) -> Result<Option<Received>, ParseError> {
        while !self.owned.is_empty() {
            match self.framer.next_into(&self.owned, || self.slot.index_mut(), limits) {
                Ok(Some(Unit::Message { len })) => return Ok(Some(self.message(len))),
                Ok(Some(Unit::Frame { len, .. })) => return Ok(Some(self.media(len))),
                Ok(Some(Unit::Blank { len })) => self.owned.advance(len.min(self.owned.len())),
                Ok(None) => {
                    self.spill();
                    self.rest_easy();
                    return Ok(None);
                }
                Err(error) => {
                    self.spill();
                    return Err(error);
                }
            }
        }
        if self.is_plain() {
            return self.next_plain(limits);
        }
        self.next_tolerant(limits, known)
    }

    /// The same, by the grammar alone.
    #[inline(never)]
    fn next_plain(&mut self, limits: &Limits) -> Result<Option<Received>, ParseError> {
        loop {
            match self.framer.next_into(&self.buf, || self.slot.index_mut(), limits)? {
                None => {
                    self.rest_easy();
                    return Ok(None);
                }
                Some(Unit::Blank { len }) => self.buf.advance(len.min(self.buf.len())),
                Some(Unit::Frame { len, .. }) => return Ok(Some(self.media(len))),
                Some(Unit::Message { len }) => return Ok(Some(self.message(len))),
            }
        }
    }

    /// More bytes are needed: how many need no look?
    fn rest_easy(&mut self) {
        self.slack = self.framer.quiet().saturating_sub(self.buf.len());
        self.in_body = self.framer.total().is_some();
    }

    #[cold]
    #[inline(never)]
    fn next_tolerant(
        &mut self,
        limits: &Limits,
        known: impl Fn(u8) -> bool,
    ) -> Result<Option<Received>, ParseError> {
        loop {
            if self.lost.is_some() {
                return self.search(&known);
            }
            if self.tolerance.resync.is_some() && !self.is_in_message() {
                match plausible::continues(&self.buf, self.payload_max) {
                    Verdict::Yes => {}
                    Verdict::NotYet => return Ok(None),
                    Verdict::No => {
                        self.lost = Some((0, ParseError::new(ParseErrorKind::StartLine, 0)));
                        continue;
                    }
                }
            }
            let unit = if self.tolerance.frames_in_heads && self.is_text() {
                match self.next_line(limits, &known) {
                    Ok(Step::Unit(unit)) => Ok(Some(unit)),
                    Ok(Step::More) => return Ok(None),
                    Ok(Step::Frame(len)) => return Ok(Some(self.media(len))),
                    Err(error) => Err(error),
                }
            } else {
                self.framer.next_into(&self.buf, || self.slot.index_mut(), limits)
            };
            match unit {
                Err(error) if self.tolerance.resync.is_some() => self.lose(error),
                Err(error) => return Err(error),
                Ok(None) => return Ok(None),
                Ok(Some(Unit::Blank { len })) => self.buf.advance(len.min(self.buf.len())),
                Ok(Some(Unit::Frame { len, .. })) => return Ok(Some(self.media(len))),
                Ok(Some(Unit::Message { len })) => {
                    if let (Some(defect), Some(_)) =
                        (self.slot.index().defect(), self.tolerance.resync)
                    {
                        // Nothing that was asked: all of it is garbage.
                        self.take_message(len);
                        self.lost = Some((len, defect));
                        continue;
                    }
                    return Ok(Some(self.message(len)));
                }
            }
        }
    }

    /// The message that broke the framing, as far as it was read.
    #[cold]
    #[inline(never)]
    pub(crate) fn broken(&self) -> RequestBuf {
        let bytes = if self.message.is_empty() { &self.buf } else { &self.message };
        let mut index = self.slot.index().to_exact();
        index.note_names();
        RequestBuf::new(bytes.clone().freeze(), index)
    }

    fn media(&mut self, len: usize) -> Received {
        let mut frame = self.take(len);
        let channel = frame.get(1).copied().unwrap_or(0);
        frame.advance(HEADER_LEN.min(frame.len()));
        Received::Media { channel, payload: frame }
    }

    fn message(&mut self, len: usize) -> Received {
        if let Some(at) = self.cut {
            self.slot.index_mut().note(Quirk::FrameInHead, at);
        }
        let bytes = self.take_message(len);
        let (defect, kind) = (self.slot.index().defect(), self.slot.index().kind());
        match (defect, kind) {
            (Some(_), _) => Received::Malformed(self.slot.request(bytes)),
            (None, Kind::Request) => Received::Request(self.slot.request(bytes)),
            (None, Kind::Response) => Received::Response(self.slot.response(bytes)),
        }
    }

    fn take(&mut self, len: usize) -> Bytes {
        if self.owned.is_empty() {
            take(&mut self.buf, len)
        } else {
            self.owned.split_to(len.min(self.owned.len()))
        }
    }

    fn take_message(&mut self, len: usize) -> Bytes {
        if self.message.is_empty() {
            return self.take(len);
        }
        let bytes = take(&mut self.message, len);
        self.give_back();
        bytes
    }

    /// What was read too far stands before what was not read.
    fn give_back(&mut self) {
        if !self.message.is_empty() {
            let mut whole = core::mem::take(&mut self.message);
            whole.extend_from_slice(&self.buf);
            self.buf = whole;
        }
        self.in_line = false;
        self.cut = None;
    }

    fn begin(&mut self) {
        self.framer.restart();
        self.message.clear();
        self.in_line = false;
        self.cut = None;
    }

    fn is_in_message(&self) -> bool {
        !self.message.is_empty() || self.framer.total().is_some()
    }

    fn is_text(&self) -> bool {
        !self.message.is_empty() || !matches!(self.buf.first(), None | Some(b'$' | b'\r' | b'\n'))
    }

    /// The stream cannot be cut behind what was read up to `error`.
    fn lose(&mut self, error: ParseError) {
        let is_limit = matches!(
            error.kind(),
            ParseErrorKind::Limit(LimitKind::Head | LimitKind::Line | LimitKind::HeaderCount)
        );
        // All of a head was read when what it says about its body is wrong.
        let read = if is_limit || self.message.is_empty() {
            error.offset().max(1)
        } else {
            self.message.len()
        };
        let in_message = read.min(self.message.len());
        self.message.advance(in_message);
        let in_buf = read.saturating_sub(in_message).min(self.buf.len());
        self.buf.advance(in_buf);
        self.give_back();
        self.begin();
        self.lost = Some((in_message.saturating_add(in_buf), error));
    }

    /// Drops bytes until something begins.
    fn search(&mut self, known: &impl Fn(u8) -> bool) -> Result<Option<Received>, ParseError> {
        let (Some((mut bytes, error)), Some(resync)) = (self.lost, self.tolerance.resync) else {
            return Ok(None);
        };
        let most = resync.frame_max.min(self.payload_max);
        let mut at = 0_usize;
        let verdict = loop {
            let rest = self.buf.get(at..).unwrap_or(&[]);
            let Some(next) = plausible::candidate(rest) else {
                at = self.buf.len();
                break Verdict::NotYet;
            };
            at = at.saturating_add(next);
            let rest = self.buf.get(at..).unwrap_or(&[]);
            // Nothing begins before at least one byte is dropped.
            let is_same = at == 0 && bytes == 0;
            match plausible::begins(rest, most, known) {
                Verdict::No => at = at.saturating_add(1),
                Verdict::Yes if is_same => at = at.saturating_add(1),
                verdict => break verdict,
            }
        };
        self.buf.advance(at.min(self.buf.len()));
        bytes = bytes.saturating_add(at);
        if bytes > resync.skip_max {
            // However much came at once.
            self.lost = Some((resync.skip_max.saturating_add(1), error));
            return Err(error);
        }
        self.lost = Some((bytes, error));
        if verdict != Verdict::Yes {
            return Ok(None);
        }
        self.lost = None;
        self.found(bytes);
        Ok(Some(Received::Skipped { bytes }))
    }

    const fn found(&mut self, bytes: usize) {
        if bytes > 0 {
            self.skips.count = self.skips.count.saturating_add(1);
            self.skips.bytes = self.skips.bytes.saturating_add(bytes as u64);
        }
    }

    /// Reads a message line by line, and takes out the frames between its lines.
    fn next_line(
        &mut self,
        limits: &Limits,
        known: &impl Fn(u8) -> bool,
    ) -> Result<Step, ParseError> {
        while !self.buf.is_empty() {
            let missing = self.framer.total().map(|total| total.saturating_sub(self.message.len()));
            let len = if let Some(missing) = missing {
                missing.min(self.buf.len())
            } else {
                if !self.in_line && !self.message.is_empty() {
                    match plausible::frame(&self.buf, self.payload_max, known) {
                        Err(()) => return Ok(Step::More),
                        Ok(Some(len)) => {
                            self.cut.get_or_insert(self.message.len());
                            self.skips.frames_in_heads =
                                self.skips.frames_in_heads.saturating_add(1);
                            return Ok(Step::Frame(len));
                        }
                        Ok(None) => {}
                    }
                }
                if let (Some(b'\r'), Some(next)) = (self.message.last(), self.buf.first()) {
                    // Whether CR alone ends the head is told by the byte behind it, which is of
                    // the head only when it does not.
                    if *next != b'\n' {
                        self.message.extend_from_slice(&[*next]);
                        let unit =
                            self.framer.next_into(&self.message, || self.slot.index_mut(), limits);
                        if !matches!(unit, Ok(None)) || self.framer.total().is_some() {
                            self.message.truncate(self.message.len().saturating_sub(1));
                        } else {
                            self.in_line = !matches!(next, b'\r');
                            self.buf.advance(1);
                        }
                        match unit? {
                            Some(unit) => return Ok(Step::Unit(unit)),
                            None => continue,
                        }
                    }
                }
                let end = memchr::memchr2(b'\r', b'\n', &self.buf);
                self.in_line = end.is_none();
                match end {
                    Some(at) if self.buf.get(at..at.saturating_add(2)) == Some(b"\r\n") => {
                        at.saturating_add(2)
                    }
                    Some(at) => at.saturating_add(1),
                    None => self.buf.len(),
                }
            };
            self.message.extend_from_slice(&take(&mut self.buf, len));
            if let Some(unit) =
                self.framer.next_into(&self.message, || self.slot.index_mut(), limits)?
            {
                return Ok(Step::Unit(unit));
            }
        }
        Ok(Step::More)
    }
}

/// What reading on has led to.
enum Step {
    Unit(Unit),
    /// So many bytes of the buffer are a frame.
    Frame(usize),
    More,
}

fn take(buf: &mut BytesMut, len: usize) -> Bytes {
    buf.split_to(len.min(buf.len())).freeze()
}
