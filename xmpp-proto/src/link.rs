//! What both machines have around their state: the receive buffer and the queue.

use crate::stream::{StreamCondition, StreamError};
use crate::xml::{FrameKind, Scanner, XmlError, XmlLimits, is_space};
use alloc::collections::VecDeque;
use alloc::string::String;
use bytes::{Bytes, BytesMut};
use proto_wire::{HexToken, Output, Rng, Seed};
use thiserror::Error;

/// What a peer did wrong; [`ProtocolError::condition`] is how it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The bytes are not XML that a stream allows; the offset counts from the start of the
    /// element.
    #[error("{0}")]
    Xml(XmlError),
    /// The stream or what it says at this point is not acceptable.
    #[error("{0}")]
    Stream(StreamCondition),
    /// Bytes in clear after the hand-over to TLS: an attempt to inject them
    /// (RFC 6120 §5.4.3.3).
    #[error("bytes were sent in clear behind the start of TLS")]
    Injection,
    /// It acknowledges stanzas that it was never sent (XEP-0198 §6).
    #[error("{h} stanzas are acknowledged, {sent} were sent")]
    HandledTooHigh {
        /// What the peer says, modulo 2^32.
        h: u32,
        /// How many were sent, modulo 2^32.
        sent: u32,
    },
}

impl ProtocolError {
    /// The stream error that answers it.
    #[must_use]
    pub fn condition(self) -> StreamCondition {
        match self {
            Self::Xml(error) => error.kind().into(),
            Self::Stream(condition) => condition,
            Self::Injection => StreamCondition::PolicyViolation,
            Self::HandledTooHigh { .. } => StreamCondition::UndefinedCondition,
        }
    }

    /// The whole `<stream:error/>` that answers it.
    pub(crate) fn write(self) -> String {
        match self {
            Self::HandledTooHigh { h, sent } => crate::sm::too_high(h, sent),
            _ => StreamError::new(self.condition()).write(),
        }
    }
}

/// Bytes of output beyond which a connection wants no more input.
const BACKLOG: usize = 1024 * 1024;

/// A machine's source of randomness. Between two uses it is a seed: a generator takes ten times
/// as much memory, in a machine that may be idle for hours.
pub(crate) struct Dice(Seed);

impl Dice {
    pub(crate) const fn new(seed: Seed) -> Self {
        Self(seed)
    }

    fn throw<T>(&mut self, what: impl FnOnce(&mut Rng) -> T) -> T {
        let mut rng = Rng::new(&self.0);
        self.0 = rng.seed();
        what(&mut rng)
    }

    pub(crate) fn hex<const N: usize>(&mut self) -> HexToken<N> {
        self.throw(Rng::hex)
    }

    pub(crate) fn fill(&mut self, buf: &mut [u8]) {
        self.throw(|rng| rng.fill(buf));
    }
}

pub(crate) struct Link<E> {
    pub(crate) scanner: Scanner,
    buf: BytesMut,
    out: VecDeque<Output<Bytes, E>>,
    waiting: usize,
    /// White space may still come that belongs to the stream before this one.
    restarted: bool,
}

impl<E> Link<E> {
    pub(crate) fn new(limits: XmlLimits) -> Self {
        Self {
            scanner: Scanner::stream(limits),
            buf: BytesMut::new(),
            out: VecDeque::new(),
            waiting: 0,
            restarted: false,
        }
    }

    /// A new stream begins on the same connection (RFC 6120 §4.3.3). A line end behind the
    /// last element of the old one is no part of it: go-xmpp sends one, and then an XML
    /// declaration, before which nothing may stand.
    pub(crate) fn restart(&mut self) {
        self.scanner.restart();
        self.restarted = true;
    }

    pub(crate) fn feed(&mut self, data: &[u8]) {
        self.buf.extend_from_slice(data);
    }

    /// The next complete frame, cut out of the buffer without copying.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(FrameKind, Bytes)>, XmlError> {
        if self.restarted {
            self.drop_blanks();
            self.restarted = self.buf.is_empty();
        }
        if self.buf.is_empty() {
            // Nothing is kept for a stream that may be silent for hours.
            self.buf = BytesMut::new();
            self.scanner.release();
            return Ok(None);
        }
        match self.scanner.scan(&self.buf)? {
            Some(frame) => Ok(Some((frame.kind, self.buf.split_to(frame.len).freeze()))),
            None => Ok(None),
        }
    }

    pub(crate) fn has_rest(&self) -> bool {
        !self.buf.is_empty()
    }

    /// Leaves out a line end behind the last element. RFC 6120 §5.3.3 forbids one between the
    /// elements of STARTTLS, go-xmpp sends it all the same, and white space says nothing that
    /// could be smuggled.
    pub(crate) fn drop_blanks(&mut self) {
        let blank = self.buf.iter().take_while(|b| is_space(**b)).count();
        drop(self.buf.split_to(blank));
    }

    pub(crate) fn held(&self) -> usize {
        self.buf.len()
    }

    pub(crate) fn drop_rest(&mut self) {
        self.buf = BytesMut::new();
    }

    pub(crate) fn send(&mut self, text: String) {
        self.send_bytes(Bytes::from(text));
    }

    pub(crate) fn send_bytes(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.waiting = self.waiting.saturating_add(bytes.len());
            self.out.push_back(Output::Transmit(bytes));
        }
    }

    pub(crate) fn event(&mut self, event: E) {
        self.out.push_back(Output::Event(event));
    }

    pub(crate) fn poll(&mut self) -> Option<Output<Bytes, E>> {
        let output = self.out.pop_front();
        if output.is_none() && self.out.capacity() > 0 {
            self.out = VecDeque::new();
        }
        if let Some(Output::Transmit(bytes)) = &output {
            self.waiting = self.waiting.saturating_sub(bytes.len());
        }
        output
    }

    pub(crate) const fn wants_input(&self) -> bool {
        self.waiting < BACKLOG
    }
}
