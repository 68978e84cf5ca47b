//! An RTSP machine whose wire somebody watches: each message, and each packet on the control
//! connection as `$ channel N`, both ways.

use crate::ladder::Way;
use crate::observed::Observer;
use bytes::{Buf as _, Bytes, BytesMut};
use proto_wire::{Instant, Limits, Machine, Output, StreamMachine};
use rtsp_proto::{Framer, Index, Unit};
use std::fmt;

/// Who the observer is told is at the other end.
const WHO: &str = "viewer";

/// A machine and somebody who watches what goes in and out of it.
pub struct Tapped<M> {
    /// The machine itself.
    pub inner: M,
    to: Option<Side>,
    from: Option<Side>,
}

impl<M> Tapped<M> {
    /// A machine on the side of the club (the server).
    pub fn server(inner: M, observer: Option<&Observer>) -> Self {
        let side = |way| observer.map(|observer| Side::new(way, observer.clone()));
        Self { inner, to: side(Way::ToClub), from: side(Way::FromClub) }
    }
}

impl<M: fmt::Debug> fmt::Debug for Tapped<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tapped").field(&self.inner).finish()
    }
}

impl<M: StreamMachine> Machine for Tapped<M> {
    type Input<'a> = M::Input<'a>;
    type Transmit = Bytes;
    type Event = M::Event;

    fn handle_input(&mut self, now: Instant, input: M::Input<'_>) {
        self.inner.handle_input(now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output<Bytes, M::Event>> {
        let output = self.inner.poll_output()?;
        if let (Some(from), Output::Transmit(bytes)) = (&mut self.from, &output) {
            from.feed(bytes);
        }
        Some(output)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }
}

impl<M: StreamMachine> StreamMachine for Tapped<M> {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        if let Some(to) = &mut self.to {
            to.feed(data);
        }
        self.inner.handle_data(now, data);
    }

    fn handle_eof(&mut self, now: Instant) {
        self.inner.handle_eof(now);
    }

    fn is_closed(event: &M::Event) -> bool {
        M::is_closed(event)
    }

    fn wants_input(&self) -> bool {
        self.inner.wants_input()
    }
}

/// One direction: cuts the stream as the machine does.
struct Side {
    way: Way,
    observer: Observer,
    framer: Framer,
    index: Index,
    buf: BytesMut,
    broken: bool,
}

impl Side {
    fn new(way: Way, observer: Observer) -> Self {
        let (framer, index, buf) = (Framer::new(), Index::new(), BytesMut::new());
        Self { way, observer, framer, index, buf, broken: false }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        self.buf.extend_from_slice(bytes);
        loop {
            let len = match self.framer.next(&self.buf, &mut self.index, &Limits::DEFAULT) {
                Ok(None) => return,
                Ok(Some(Unit::Frame { channel, len })) => {
                    (self.observer)(self.way, WHO, &format!("$ channel {channel}"));
                    len
                }
                Ok(Some(Unit::Message { len })) => {
                    let text = String::from_utf8_lossy(self.buf.get(..len).unwrap_or(&[]));
                    (self.observer)(self.way, WHO, &text);
                    len
                }
                Ok(Some(Unit::Blank { len })) => len,
                // The machine says so too, and ends; so does the watching.
                Ok(Some(_)) | Err(_) => {
                    self.broken = true;
                    return;
                }
            };
            self.buf.advance(len.min(self.buf.len()));
        }
    }
}
