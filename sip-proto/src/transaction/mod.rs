//! The four transaction machines of RFC 3261 §17 with the corrections of RFC 6026
//! and RFC 4320, as tables: state × event × reliability → next state and actions.
//!
//! A machine here is a pure function: it owns no message, no timer and no key. It says
//! what to do; [`crate::Endpoint`] does it. Whoever wants only the tables, to check
//! another stack or to draw them, uses these functions alone:
//!
//! ```
//! use sip_proto::transaction::{Action, Fsm, InviteServer, Reliability, Timer};
//! use sip_proto::transaction::invite_server::{Event, State};
//!
//! // RFC 6026 §7.1: a 2xx from the user keeps the transaction alive for Timer L.
//! let step = InviteServer::step(State::Proceeding, Event::Send2xx, Reliability::Unreliable);
//! let step = step.expect("a 2xx is legal while proceeding");
//! assert_eq!(step.next, State::Accepted);
//! assert_eq!(step.actions.last(), Some(&Action::Start(Timer::L)));
//! ```

pub mod client;
pub mod invite_client;
pub mod invite_server;
pub mod key;
pub mod server;
mod table;
mod timers;

pub use client::Client;
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use key::{Key, KeyError};
pub use server::Server;
pub use table::{Row, rows, write_table};
pub use timers::{Timer, Timers};

use core::fmt::Debug;

/// Whether the transport delivers what it accepted (TCP, TLS, `WebSocket`) or may lose it (UDP).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third kind")]
pub enum Reliability {
    /// TCP, TLS, `WebSocket`: nothing is sent twice, the waiting timers are zero.
    Reliable,
    /// UDP: the transaction sends again until it hears something.
    Unreliable,
}

/// What a transaction does in one step, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Send the message that came with the event, and keep it for sending again.
    Transmit,
    /// Send the kept message again, the same bytes.
    Retransmit,
    /// Send the ACK of a final response that is not 2xx (RFC 3261 §17.1.1.3); the same
    /// bytes each time.
    Acknowledge,
    /// Hand the message that came to the transaction's user.
    Deliver,
    /// Tell the user that nothing came in time.
    TimedOut,
    /// Tell the user that the transport could not send.
    TransportFailed,
    /// Set the timer to its first value.
    Start(Timer),
    /// Set the timer again to its next, longer value.
    Again(Timer),
    /// Stop the timer.
    Stop(Timer),
    /// Send 100 (Trying) in the user's stead.
    Trying,
}

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a row of a table has these two columns")]
pub struct Step<S: 'static> {
    /// The state after it. `Terminated` means: destroy the transaction at once, its timers with it.
    pub next: S,
    /// What to do, in order.
    pub actions: &'static [Action],
}

/// A machine as a table.
pub trait Fsm {
    /// Its states.
    type State: Copy + Debug + PartialEq + 'static;
    /// What can happen to it.
    type Event: Copy + Debug + PartialEq + 'static;
    /// Its name, as the RFC has it.
    const NAME: &'static str;
    /// All states.
    const STATES: &'static [Self::State];
    /// All events.
    const EVENTS: &'static [Self::Event];

    /// What `event` does in `state`; `None` when it changes nothing and calls for nothing.
    #[must_use]
    fn step(state: Self::State, event: Self::Event, on: Reliability) -> Option<Step<Self::State>>;
}

#[cfg(test)]
mod tests;
