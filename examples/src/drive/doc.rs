//! The smallest machine worth driving, for the examples in the documentation and the
//! tests of the drivers: it says bytes, gets bytes, and closes.

use bytes::Bytes;
use proto_wire::{DatagramMachine, Instant, Machine, Output, StreamMachine};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// A machine that says bytes and gets bytes.
#[derive(Debug, Default)]
pub struct Toy {
    out: VecDeque<Output<Bytes, Event>>,
    alarm: Option<Instant>,
    closed: bool,
}

/// What goes into a [`Toy`].
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an example")]
pub enum Input<'a> {
    /// Bytes arrived.
    Data(&'a [u8]),
    /// The stream ended.
    Eof,
}

/// What a [`Toy`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an example")]
pub enum Event {
    /// It got bytes.
    Got(Bytes),
    /// It has closed, for one reason or another.
    Closed,
}

impl Toy {
    /// Sends bytes (a command).
    pub fn say(&mut self, _now: Instant, bytes: &[u8]) {
        if !self.closed {
            self.out.push_back(Output::Transmit(Bytes::copy_from_slice(bytes)));
        }
    }

    /// Closes (a command).
    pub fn close(&mut self, _now: Instant) {
        if !self.closed {
            self.closed = true;
            self.alarm = None;
            self.out.push_back(Output::Event(Event::Closed));
        }
    }

    /// Closes at a point in time (a command).
    pub fn close_at(&mut self, at: Instant) {
        if !self.closed {
            self.alarm = Some(at);
        }
    }
}

impl Machine for Toy {
    type Input<'a> = Input<'a>;
    type Transmit = Bytes;
    type Event = Event;

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Data(data) if !self.closed => {
                let data = Bytes::copy_from_slice(data);
                self.out.push_back(Output::Event(Event::Got(data)));
            }
            Input::Data(_) => {}
            Input::Eof => self.close(now),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.alarm.is_some_and(|at| at <= now) {
            self.close(now);
        }
    }

    fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.alarm
    }
}

impl StreamMachine for Toy {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        self.handle_input(now, Input::Data(data));
    }

    fn handle_eof(&mut self, now: Instant) {
        self.handle_input(now, Input::Eof);
    }

    fn is_closed(event: &Event) -> bool {
        *event == Event::Closed
    }
}

/// The same in datagrams: it sends back what it gets.
#[derive(Debug, Default)]
pub struct Echo {
    out: VecDeque<Output<(SocketAddr, Bytes), Bytes>>,
}

impl Echo {
    /// Sends a datagram (a command).
    pub fn say(&mut self, _now: Instant, to: SocketAddr, bytes: &[u8]) {
        let payload = Bytes::copy_from_slice(bytes);
        self.out.push_back(Output::Transmit((to, payload)));
    }
}

impl Machine for Echo {
    type Input<'a> = (SocketAddr, &'a [u8]);
    type Transmit = (SocketAddr, Bytes);
    type Event = Bytes;

    fn handle_input(&mut self, now: Instant, (from, data): Self::Input<'_>) {
        if let Some(rest @ [_, ..]) = data.get(1..) {
            self.say(now, from, rest);
        }
        self.out.push_back(Output::Event(Bytes::copy_from_slice(data)));
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_output(&mut self) -> Option<Output<Self::Transmit, Bytes>> {
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

impl DatagramMachine for Echo {
    fn handle_datagram(&mut self, now: Instant, _: SocketAddr, from: SocketAddr, data: &[u8]) {
        self.handle_input(now, (from, data));
    }

    fn into_datagram(transmit: Self::Transmit) -> Option<(SocketAddr, Bytes)> {
        Some(transmit)
    }
}
