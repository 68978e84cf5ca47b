//! Messages on a stream: TCP and TLS (RFC 3261 §18.3), with the keep-alives of RFC 5626 §3.5.1.

use crate::message::{
    Framing, Index, Message, MessageBuf, Request, RequestBuf, ResponseBuf, Sip, frame,
};
use bytes::{Buf, Bytes, BytesMut};
use proto_wire::head::Scanner;
use proto_wire::{Limits, ParseError};

/// Finds the messages in a stream, wherever its chunks are cut; looks at each byte once.
///
/// After an error it gives nothing more: where the next message begins is unknown. What came
/// before the error was given.
///
/// ```
/// use sip_proto::stream::{Framed, Framer};
///
/// let mut framer = Framer::new(Default::default());
/// framer.push(b"\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\nl: 2\r\n\r\nhi\r\n\r");
/// assert!(matches!(framer.next_item(), Some(Ok(Framed::Ping))));
/// assert!(matches!(framer.next_item(), Some(Ok(Framed::Message(m))) if m.view().body() == b"hi"));
/// assert!(framer.next_item().is_none());
/// framer.push(b"\n");
/// assert!(matches!(framer.next_item(), Some(Ok(Framed::Ping))));
/// ```
#[derive(Debug)]
pub struct Framer {
    buf: BytesMut,
    limits: Limits,
    scanner: Scanner,
    index: Index,
    /// Where the message being read ends, once its head was read.
    end: Option<usize>,
    /// One CRLF of what may become a ping was read.
    half_ping: bool,
    pongs_expected: u32,
    failed: Option<ParseError>,
    told: bool,
    /// Bytes of the stream before `buf`.
    consumed: u64,
    item_at: u64,
    /// Where the first half of a ping was.
    ping_at: u64,
}

/// What stands in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framed {
    /// A message.
    Message(MessageBuf),
    /// Two empty lines: the peer wants one back.
    Ping,
    /// One empty line in answer to our ping.
    Pong,
}

impl Framer {
    /// A framer at the first byte of a stream.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            buf: BytesMut::new(),
            limits,
            scanner: Scanner::new(),
            index: Index::new(),
            end: None,
            half_ping: false,
            pongs_expected: 0,
            failed: None,
            told: false,
            consumed: 0,
            item_at: 0,
            ping_at: 0,
        }
    }

    /// Takes bytes that arrived.
    pub fn push(&mut self, data: &[u8]) {
        if self.failed.is_none() {
            self.buf.extend_from_slice(data);
        }
    }

    /// Says that a ping was sent, so that the next empty line is its answer.
    pub fn expect_pong(&mut self) {
        self.pongs_expected = self.pongs_expected.saturating_add(1);
    }

    /// How many bytes wait for the rest of their message: at most head and body limits together
    /// and what was pushed since [`Framer::next_item`] gave `None`.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buf.len()
    }

    /// Where the item (or the error) that [`Framer::next_item`] gave last begins, in bytes from
    /// the start of the stream; and where the next one begins, when it gave `None`.
    #[must_use]
    pub const fn item_offset(&self) -> u64 {
        self.item_at
    }

    /// Whether no error has ended the stream.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.failed.is_none()
    }

    fn consume(&mut self, length: usize) {
        self.consumed = self.consumed.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// The request whose head was read when the stream failed, so that it can be refused.
    #[must_use]
    pub fn failed_request(&self) -> Option<Request<'_>> {
        let known =
            self.failed.is_some() && !self.index.first().is_empty() && self.index.is_request();
        match Message::of(&self.buf, &self.index) {
            Message::Request(request) if known => Some(request),
            _ => None,
        }
    }

    /// The next thing in the stream; `None` when more bytes are needed, and after an error.
    ///
    /// # Errors
    /// Once, when the rest of the stream cannot be framed: no start line, a missing or impossible
    /// Content-Length, a limit. The offset is from the start of the message.
    pub fn next_item(&mut self) -> Option<Result<Framed, ParseError>> {
        if let Some(error) = self.failed {
            let first = !self.told;
            self.told = true;
            return first.then_some(Err(error));
        }
        if self.end.is_none() && self.scanner_is_fresh() {
            if let Some(item) = self.empty_lines() {
                return Some(Ok(item));
            }
        }
        self.item_at = self.consumed;
        match self.message() {
            Ok(item) => item.map(|m| Ok(Framed::Message(m))),
            Err(error) => {
                // It may be refused, with nothing behind its head.
                self.index.end_with_head(error);
                self.failed = Some(error);
                self.told = true;
                Some(Err(error))
            }
        }
    }

    /// Whether no byte of a message was scanned.
    fn scanner_is_fresh(&self) -> bool {
        matches!(self.buf.first(), None | Some(b'\r' | b'\n'))
    }

    /// Reads empty lines between messages.
    fn empty_lines(&mut self) -> Option<Framed> {
        loop {
            let line = match (self.buf.first(), self.buf.get(1)) {
                (Some(b'\r'), Some(b'\n')) => 2,
                // A CR that is not half of a CRLF, or an LF: not a keep-alive, skipped.
                (Some(b'\n'), _) | (Some(b'\r'), Some(_)) => {
                    self.buf.advance(1);
                    self.consume(1);
                    self.half_ping = false;
                    continue;
                }
                _ => return None,
            };
            if !self.half_ping {
                self.ping_at = self.consumed;
            }
            self.item_at = self.ping_at;
            self.buf.advance(line);
            self.consume(line);
            if self.pongs_expected > 0 {
                self.pongs_expected = self.pongs_expected.saturating_sub(1);
                return Some(Framed::Pong);
            }
            if self.half_ping {
                self.half_ping = false;
                return Some(Framed::Ping);
            }
            self.half_ping = true;
        }
    }

    fn message(&mut self) -> Result<Option<MessageBuf>, ParseError> {
        if self.scanner_is_fresh() {
            return Ok(None);
        }
        let end = match self.end {
            Some(end) => end,
            None => {
                self.half_ping = false;
                let Some(head) =
                    self.scanner.scan::<Sip>(&self.buf, self.index.head_mut(), &self.limits)?
                else {
                    return Ok(None);
                };
                let end = frame(&self.buf, head, Framing::Stream, &mut self.index, &self.limits)?;
                self.end = Some(end);
                end
            }
        };
        if self.buf.len() < end {
            return Ok(None);
        }
        let bytes: Bytes = self.buf.split_to(end).freeze();
        self.consume(end);
        self.end = None;
        self.scanner = Scanner::new();
        let index = self.index.clone();
        Ok(Some(if index.is_request() {
            MessageBuf::Request(RequestBuf::from_parts(bytes, index))
        } else {
            MessageBuf::Response(ResponseBuf::from_parts(bytes, index))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use proto_wire::{LimitKind, ParseErrorKind};

    fn message(n: usize, body: &str) -> String {
        format!(
            "OPTIONS sip:{n}@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{n}\r\nl: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn items(limits: Limits, chunks: &[&[u8]]) -> Vec<Result<Framed, ParseError>> {
        let mut framer = Framer::new(limits);
        let mut out = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(item) = framer.next_item() {
                out.push(item);
            }
        }
        out
    }

    #[test]
    fn a_request_that_ends_the_stream_keeps_its_rows_when_it_is_refused() {
        let mut framer = Framer::new(Limits::DEFAULT);
        framer
            .push(b"MESSAGE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nX: y\r\n\r\nhi");
        let error = framer.next_item().unwrap().unwrap_err();
        assert_eq!(error.kind(), ParseErrorKind::MissingHeader);
        let request = framer.failed_request().unwrap();
        assert_eq!(request.body(), b"");
        let edited =
            request.edit().push_via("SIP/2.0/TCP p;branch=z9hG4bK2").unwrap().to_bytes().unwrap();
        assert!(edited.ends_with(b"branch=z9hG4bK1\r\nX: y\r\n\r\n"), "{edited:?}");
    }

    #[test]
    fn chunks_do_not_matter() {
        let good = format!(
            "\r\n\r\n{}{}\r\n{}\r\n\r\n\r\n",
            message(1, "one"),
            message(2, ""),
            message(3, "\r\n\r\nx")
        );
        let bad = format!("{}BAD\r\n\r\n{}", message(1, ""), message(2, ""));
        let no_length = format!("{}OPTIONS sip:a SIP/2.0\r\n\r\n", message(1, ""));
        for text in [good, bad, no_length] {
            let bytes = text.as_bytes();
            let whole = items(Limits::DEFAULT, &[bytes]);
            assert!(whole.len() >= 2);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(items(Limits::DEFAULT, &single), whole);
            for cut in 0..bytes.len() {
                let (a, b) = bytes.split_at(cut);
                assert_eq!(items(Limits::DEFAULT, &[a, b]), whole, "cut at {cut}");
            }
            for size in 2..40 {
                let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
                assert_eq!(items(Limits::DEFAULT, &chunks), whole, "chunks of {size}");
            }
        }
    }

    #[test]
    fn pings_and_pongs() {
        let mut framer = Framer::new(Limits::DEFAULT);
        framer.push(b"\r\n\r\n\r\n");
        assert_eq!(framer.next_item(), Some(Ok(Framed::Ping)));
        assert_eq!(framer.next_item(), None);
        framer.push(b"\r\n");
        assert_eq!(framer.next_item(), Some(Ok(Framed::Ping)));
        framer.expect_pong();
        framer.push(b"\r\n");
        assert_eq!(framer.next_item(), Some(Ok(Framed::Pong)));
        assert_eq!(framer.next_item(), None);
    }

    /// A message was once grafted onto the rest of a bad one.
    #[test]
    fn an_error_ends_the_stream_and_is_told_once() {
        let mut framer = Framer::new(Limits::DEFAULT);
        framer.push(b"INVITE sip:a SIP/2.0\r\nCall-ID: x\r\nl: -1\r\n\r\n");
        assert_eq!(framer.next_item().unwrap().unwrap_err().kind(), ParseErrorKind::ContentLength);
        assert!(
            framer
                .failed_request()
                .is_some_and(|r| r.headers().get(crate::HeaderName::CALL_ID) == Some("x"))
        );
        framer.push(message(1, "").as_bytes());
        assert_eq!(framer.next_item(), None);
        assert!(framer.buffered() < 64);
    }

    #[test]
    fn limits_at_n_and_one_more() {
        let text = message(1, "12345");
        let head = text.len() - 5;
        let run = |limits| {
            items(limits, &[text.as_bytes()]).pop().unwrap().map(|_| ()).map_err(|e| e.kind())
        };
        assert_eq!(run(Limits::DEFAULT.with_body_max(5)), Ok(()));
        assert_eq!(
            run(Limits::DEFAULT.with_body_max(4)),
            Err(ParseErrorKind::Limit(LimitKind::Body))
        );
        assert_eq!(run(Limits::DEFAULT.with_head_max(head)), Ok(()));
        assert_eq!(
            run(Limits::DEFAULT.with_head_max(head - 1)),
            Err(ParseErrorKind::Limit(LimitKind::Head))
        );
    }

    #[test]
    fn framer_and_datagram_parser_agree_on_the_length() {
        let text = message(1, "12345");
        let Some(Ok(Framed::Message(streamed))) = items(Limits::DEFAULT, &[text.as_bytes()]).pop()
        else {
            panic!()
        };
        assert_eq!(MessageBuf::parse(Bytes::from(text), &Limits::DEFAULT).unwrap(), streamed);
    }
}
