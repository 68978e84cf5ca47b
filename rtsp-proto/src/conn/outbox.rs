//! The sending half: one queue in causal order.

use crate::interleaved::{self, HEADER_LEN};
use alloc::collections::VecDeque;
use bytes::{Bytes, BytesMut};
use proto_wire::{LimitKind, Output};

/// The sending half: one queue in causal order.
#[derive(Debug)]
pub(crate) struct Outbox<E> {
    /// What goes before all of `queue`: mostly one thing waits, and needs no memory of its own.
    first: Option<Output<Bytes, E>>,
    queue: VecDeque<Output<Bytes, E>>,
    /// Bytes in the queue that nobody has taken yet.
    waiting: usize,
    waiting_max: usize,
    /// Memory that frame headers are cut from, so that each costs no allocation.
    headers: BytesMut,
}

impl<E> Outbox<E> {
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self {
            first: None,
            queue: VecDeque::new(),
            waiting: 0,
            waiting_max,
            headers: BytesMut::new(),
        }
    }

    #[inline]
    pub(crate) fn event(&mut self, event: E) {
        self.push(Output::Event(event));
    }

    #[inline]
    pub(crate) fn send(&mut self, bytes: Bytes) {
        self.waiting = self.waiting.saturating_add(bytes.len());
        self.push(Output::Transmit(bytes));
    }

    #[inline]
    fn push(&mut self, output: Output<Bytes, E>) {
        if self.first.is_none() && self.queue.is_empty() {
            self.first = Some(output);
        } else {
            self.queue.push_back(output);
        }
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

    #[inline]
    pub(crate) fn poll(&mut self) -> Option<Output<Bytes, E>> {
        // In the caller's place, so that what waits is moved once.
        match self.first.take() {
            Some(Output::Transmit(bytes)) => {
                self.waiting = self.waiting.saturating_sub(bytes.len());
                Some(Output::Transmit(bytes))
            }
            None if !self.queue.is_empty() => self.poll_queue(),
            event => event,
        }
    }

    #[inline(never)]
    fn poll_queue(&mut self) -> Option<Output<Bytes, E>> {
        let output = self.queue.pop_front();
        if let Some(Output::Transmit(bytes)) = &output {
            self.waiting = self.waiting.saturating_sub(bytes.len());
        }
        output
    }

    /// Gives memory back that nothing needs now.
    pub(crate) fn release(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 0 {
            self.queue = VecDeque::new();
        }
        if self.queue.is_empty() && self.headers.capacity() > 0 {
            self.headers = BytesMut::new();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting >= self.waiting_max
    }
}
