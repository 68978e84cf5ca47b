//! The non-INVITE client transaction: RFC 3261 §17.1.2, Figure 6.

use super::{Action, Fsm, Reliability, Step, Timer};
use Action::{Again, Deliver, Retransmit, Start, Stop, TimedOut, Transmit, TransportFailed};

/// The table of the non-INVITE client transaction.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Client;

/// Its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Before the request was sent.
    Initial,
    /// Sent, nothing heard.
    Trying,
    /// A 1xx came.
    Proceeding,
    /// A final response came; more copies of it are absorbed.
    Completed,
    /// The end.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The user sends the request.
    Send,
    /// A 1xx came.
    Receive1xx,
    /// A 2xx-6xx came.
    ReceiveFinal,
    /// Timer E fired.
    TimerE,
    /// Timer F fired.
    TimerF,
    /// Timer K fired.
    TimerK,
    /// What the transaction sent could not be sent.
    TransportError,
}

impl Fsm for Client {
    type State = State;
    type Event = Event;
    const NAME: &'static str = "non-INVITE client";
    const STATES: &'static [State] =
        &[State::Initial, State::Trying, State::Proceeding, State::Completed, State::Terminated];
    const EVENTS: &'static [Event] = &[
        Event::Send,
        Event::Receive1xx,
        Event::ReceiveFinal,
        Event::TimerE,
        Event::TimerF,
        Event::TimerK,
        Event::TransportError,
    ];

    fn step(state: State, event: Event, on: Reliability) -> Option<Step<State>> {
        use Reliability::{Reliable, Unreliable};
        let (next, actions): (State, &'static [Action]) = match (state, event, on) {
            (State::Initial, Event::Send, Unreliable) => {
                (State::Trying, &[Transmit, Start(Timer::E), Start(Timer::F)])
            }
            (State::Initial, Event::Send, Reliable) => {
                (State::Trying, &[Transmit, Start(Timer::F)])
            }

            // In Proceeding the wait is T2 at once: the endpoint reads it off the state.
            (State::Trying | State::Proceeding, Event::TimerE, Unreliable) => {
                (state, &[Retransmit, Again(Timer::E)])
            }
            (State::Trying | State::Proceeding, Event::TimerF, _) => {
                (State::Terminated, &[TimedOut])
            }
            (State::Trying | State::Proceeding, Event::TransportError, _) => {
                (State::Terminated, &[TransportFailed])
            }
            (State::Trying | State::Proceeding, Event::Receive1xx, _) => {
                (State::Proceeding, &[Deliver])
            }
            (State::Trying | State::Proceeding, Event::ReceiveFinal, Unreliable) => {
                (State::Completed, &[Stop(Timer::E), Stop(Timer::F), Start(Timer::K), Deliver])
            }
            // Timer K is zero on a reliable transport.
            (State::Trying | State::Proceeding, Event::ReceiveFinal, Reliable) => {
                (State::Terminated, &[Deliver])
            }

            (State::Completed, Event::TimerK, _) => (State::Terminated, &[]),
            _ => return None,
        };
        Some(Step { next, actions })
    }
}
