//! What both machines do with their connection: cut what comes in, queue what goes out.

use crate::framer::{Framer, Unit};
use crate::interleaved::{self, HEADER_LEN};
use crate::message::{Index, Kind, RequestBuf, ResponseBuf};
use alloc::collections::VecDeque;
use bytes::{Buf, Bytes, BytesMut};
use proto_wire::{LimitKind, Limits, Output, ParseError};

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
}

/// The receiving half: a buffer and a framer.
#[derive(Debug)]
pub(crate) struct Receiver {
    buf: BytesMut,
    framer: Framer,
    index: Index,
}

impl Receiver {
    pub(crate) fn new(payload_max: u16) -> Self {
        Self {
            buf: BytesMut::new(),
            framer: Framer::new().with_payload_max(payload_max),
            index: Index::new(),
        }
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        self.buf.extend_from_slice(data);
    }

    /// Takes memory over instead of copying it, when nothing is waiting.
    pub(crate) fn push_owned(&mut self, data: Bytes) {
        if self.buf.is_empty() {
            self.buf = BytesMut::from(data);
        } else {
            self.buf.extend_from_slice(&data);
        }
    }

    /// Bytes that wait for more.
    pub(crate) fn len(&self) -> usize {
        self.buf.len()
    }

    pub(crate) fn clear(&mut self) {
        self.buf = BytesMut::new();
    }

    /// Forgets what waits for more.
    pub(crate) fn restart(&mut self) {
        self.buf.clear();
        self.framer.restart();
    }

    /// The next thing that is whole. Payloads and messages are parts of the buffer's
    /// memory, not copies.
    pub(crate) fn next(&mut self, limits: &Limits) -> Result<Option<Received>, ParseError> {
        loop {
            let unit = self.framer.next(&self.buf, &mut self.index, limits)?;
            match unit {
                None => return Ok(None),
                Some(Unit::Blank { len }) => self.buf.advance(len.min(self.buf.len())),
                Some(Unit::Frame { channel, len }) => {
                    let mut payload = self.take(len);
                    payload.advance(HEADER_LEN.min(payload.len()));
                    return Ok(Some(Received::Media { channel, payload }));
                }
                Some(Unit::Message { len }) => {
                    let bytes = self.take(len);
                    let index = self.index.to_exact();
                    return Ok(Some(match (index.defect(), index.kind()) {
                        (Some(_), _) => Received::Malformed(RequestBuf::new(bytes, index)),
                        (None, Kind::Request) => Received::Request(RequestBuf::new(bytes, index)),
                        (None, Kind::Response) => {
                            Received::Response(ResponseBuf::new(bytes, index))
                        }
                    }));
                }
            }
        }
    }

    /// The message that broke the framing, as far as it was read.
    pub(crate) fn broken(&self) -> RequestBuf {
        RequestBuf::new(self.buf.clone().freeze(), self.index.to_exact())
    }

    fn take(&mut self, len: usize) -> Bytes {
        self.buf.split_to(len.min(self.buf.len())).freeze()
    }
}

/// The sending half: one queue in causal order.
#[derive(Debug)]
pub(crate) struct Outbox<E> {
    queue: VecDeque<Output<Bytes, E>>,
    /// Bytes in the queue that nobody has taken yet.
    waiting: usize,
    waiting_max: usize,
    /// Memory that frame headers are cut from, so that each costs no allocation.
    headers: BytesMut,
}

impl<E> Outbox<E> {
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self { queue: VecDeque::new(), waiting: 0, waiting_max, headers: BytesMut::new() }
    }

    pub(crate) fn event(&mut self, event: E) {
        self.queue.push_back(Output::Event(event));
    }

    pub(crate) fn send(&mut self, bytes: Bytes) {
        self.waiting = self.waiting.saturating_add(bytes.len());
        self.queue.push_back(Output::Transmit(bytes));
    }

    /// Queues a frame as two pieces that follow each other: the header, and the caller's
    /// payload as it is. Media is what can be dropped, so it alone is refused when the
    /// host does not take what waits.
    pub(crate) fn send_frame(&mut self, channel: u8, payload: Bytes) -> Result<(), LimitKind> {
        let len = u16::try_from(payload.len()).map_err(|_| LimitKind::Interleaved)?;
        let total = payload.len().saturating_add(HEADER_LEN);
        if self.waiting.saturating_add(total) > self.waiting_max {
            return Err(LimitKind::Queue);
        }
        if self.headers.capacity() < HEADER_LEN {
            self.headers.reserve(64 * HEADER_LEN);
        }
        self.headers.extend_from_slice(&interleaved::header(channel, len));
        let header = self.headers.split_to(HEADER_LEN).freeze();
        self.send(header);
        if !payload.is_empty() {
            self.send(payload);
        }
        Ok(())
    }

    pub(crate) fn poll(&mut self) -> Option<Output<Bytes, E>> {
        let output = self.queue.pop_front();
        if let Some(Output::Transmit(bytes)) = &output {
            self.waiting = self.waiting.saturating_sub(bytes.len());
        }
        output
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting >= self.waiting_max
    }
}
