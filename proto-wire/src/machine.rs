//! The four verbs that every machine of the family has.

use crate::Instant;

/// What a machine wants its host to do next, in causal order.
/// See [`Machine`], whose run loop takes them.
///
/// Whatever stands before an event in the queue is flushed before the host
/// acts on the event: a STARTTLS `<proceed/>` before the handshake, a 400
/// before the close, a ledger record on disk before its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a host must handle both; there is no third kind")]
pub enum Output<T, E> {
    /// Send this (or, for a ledger: append this durably).
    Transmit(T),
    /// This happened; tell the application.
    Event(E),
}

/// A protocol machine without I/O. Every machine also has these as inherent
/// methods; the trait is for generic hosts, the simulator and fuzzing.
///
/// The run loop is: report input, let time pass, drain the queue, sleep until
/// [`poll_timeout`](Machine::poll_timeout) or input. Calls are legal in any
/// order and nobody has to drain first.
pub trait Machine {
    /// What the outside reports: bytes, a datagram, the end of a stream, a command's answer.
    type Input<'a>;
    /// What goes out: bytes, an addressed datagram, a record.
    type Transmit;
    /// What the application is told. Owned, so that it can cross threads.
    type Event: Send + 'static;

    /// Takes what arrived. Never fails: a peer's fault comes out as the protocol's own
    /// error reply and an event.
    fn handle_input(&mut self, now: Instant, input: Self::Input<'_>);

    /// Lets time act. Spurious calls do nothing; a `now` that goes back is taken as no
    /// time passed.
    fn handle_timeout(&mut self, now: Instant);

    /// The next thing to do, or `None` until something happens.
    #[must_use]
    fn poll_output(&mut self) -> Option<Output<Self::Transmit, Self::Event>>;

    /// When [`handle_timeout`](Machine::handle_timeout) must be called at the latest.
    /// After `handle_timeout(t)` this is later than `t`, or `None`.
    #[must_use]
    fn poll_timeout(&self) -> Option<Instant>;
}
