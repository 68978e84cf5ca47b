//! What a host and the simulator need to know of a machine beyond the four verbs: how
//! the bytes of a stream, or datagrams, go in and come out.

use crate::{Instant, Machine};
use bytes::Bytes;
use core::net::SocketAddr;

/// A machine at one end of a byte stream: RTSP, XMPP, or SIP over one connection.
///
/// With this trait the drivers of the examples and the simulator of feature `testing` run any such
/// machine. An implementation is five lines:
///
/// ```
/// use bytes::Bytes;
/// use proto_wire::{Instant, Machine, Output, StreamMachine};
///
/// /// Sends back what it receives.
/// #[derive(Default)]
/// struct Echo { out: std::collections::VecDeque<Output<Bytes, Event>> }
/// enum Input<'a> { Data(&'a [u8]), Eof }
/// enum Event { Closed }
///
/// impl Machine for Echo {
///     type Input<'a> = Input<'a>;
///     type Transmit = Bytes;
///     type Event = Event;
///     fn handle_input(&mut self, _now: Instant, input: Input<'_>) {
///         self.out.push_back(match input {
///             Input::Data(data) => Output::Transmit(Bytes::copy_from_slice(data)),
///             Input::Eof => Output::Event(Event::Closed),
///         });
///     }
///     fn handle_timeout(&mut self, _now: Instant) {}
///     fn poll_output(&mut self) -> Option<Output<Bytes, Event>> { self.out.pop_front() }
///     fn poll_timeout(&self) -> Option<Instant> { None }
/// }
///
/// impl StreamMachine for Echo {
///     fn handle_data(&mut self, now: Instant, data: &[u8]) {
///         self.handle_input(now, Input::Data(data));
///     }
///     fn handle_eof(&mut self, now: Instant) { self.handle_input(now, Input::Eof); }
///     fn is_closed(event: &Event) -> bool { matches!(event, Event::Closed) }
/// }
///
/// let mut echo = Echo::default();
/// echo.handle_data(Instant::ZERO, b"hello");
/// assert!(matches!(echo.poll_output(), Some(Output::Transmit(t)) if t == "hello"));
/// ```
pub trait StreamMachine: Machine<Transmit = Bytes> {
    /// Takes bytes that arrived, cut anywhere; an empty slice means nothing.
    fn handle_data(&mut self, now: Instant, data: &[u8]);

    /// Takes the end of the stream: the peer closed its side, or the connection broke.
    fn handle_eof(&mut self, now: Instant);

    /// Whether `event` is the last one, after which the host closes the connection.
    #[must_use]
    fn is_closed(event: &Self::Event) -> bool;

    /// Whether the host may read more from the peer now (backpressure). A host that stops
    /// reading still calls [`Machine::handle_timeout`] and drains the output.
    #[must_use]
    fn wants_input(&self) -> bool {
        true
    }
}

/// A machine that talks to many peers in datagrams: SIP over UDP.
///
/// `local` is the address that the host's socket is bound to, so that a machine with
/// several sockets knows its own side; `remote` is the peer.
pub trait DatagramMachine: Machine {
    /// Takes one datagram that arrived at `local` from `remote`.
    fn handle_datagram(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr, data: &[u8]);

    /// The destination and the payload of `transmit`, or `None` when it is not a datagram.
    fn into_datagram(transmit: Self::Transmit) -> Option<(SocketAddr, Bytes)>;
}
