//! The non-INVITE server transaction: RFC 3261 §17.2.2, Figure 8, with RFC 4320.

use super::{Action, Fsm, Reliability, Step, Timer};
use Action::{Deliver, Retransmit, Start, Stop, TimedOut, Transmit, TransportFailed, Trying};

/// The table of the non-INVITE server transaction.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Server;

/// Its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Before the request was taken.
    Initial,
    /// The user is working on it; nothing was sent.
    Trying,
    /// 100 was sent.
    Proceeding,
    /// The final response was sent; requests that come again get it again.
    Completed,
    /// The end.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The request came, for the first time or again.
    Request,
    /// The user sends 100 (RFC 4320 §4.1 allows no other 1xx).
    Send100,
    /// The user sends 2xx-6xx.
    SendFinal,
    /// By now the client's Timer E has reached T2, so 100 must be sent (RFC 4320 §4.1).
    TimerLateTrying,
    /// By now the client has given up.
    TimerUnanswered,
    /// Timer J fired.
    TimerJ,
    /// What the transaction sent could not be sent.
    TransportError,
}

impl Fsm for Server {
    type State = State;
    type Event = Event;
    const NAME: &'static str = "non-INVITE server";
    const STATES: &'static [State] =
        &[State::Initial, State::Trying, State::Proceeding, State::Completed, State::Terminated];
    const EVENTS: &'static [Event] = &[
        Event::Request,
        Event::Send100,
        Event::SendFinal,
        Event::TimerLateTrying,
        Event::TimerUnanswered,
        Event::TimerJ,
        Event::TransportError,
    ];

    fn step(state: State, event: Event, on: Reliability) -> Option<Step<State>> {
        use Reliability::{Reliable, Unreliable};
        let (next, actions): (State, &'static [Action]) = match (state, event, on) {
            (State::Initial, Event::Request, _) => {
                (State::Trying, &[Start(Timer::LateTrying), Start(Timer::Unanswered), Deliver])
            }

            // On an unreliable transport 100 may not be sent before TimerLateTrying (RFC 4320 §4.1).
            (State::Trying, Event::Send100, Reliable) => {
                (State::Proceeding, &[Stop(Timer::LateTrying), Transmit])
            }
            (State::Trying, Event::TimerLateTrying, _) => (State::Proceeding, &[Trying]),

            (State::Proceeding, Event::Request, _) => (State::Proceeding, &[Retransmit]),

            (State::Trying | State::Proceeding, Event::SendFinal, Unreliable) => (
                State::Completed,
                &[Stop(Timer::LateTrying), Stop(Timer::Unanswered), Transmit, Start(Timer::J)],
            ),
            // Timer J is zero on a reliable transport.
            (State::Trying | State::Proceeding, Event::SendFinal, Reliable) => {
                (State::Terminated, &[Transmit])
            }
            (State::Trying | State::Proceeding, Event::TimerUnanswered, _) => {
                (State::Terminated, &[TimedOut])
            }

            (State::Completed, Event::Request, _) => (State::Completed, &[Retransmit]),
            (State::Completed, Event::TimerJ, _) => (State::Terminated, &[]),

            // RFC 6026 §8.8: a failed send is told and changes nothing.
            (State::Proceeding | State::Completed, Event::TransportError, _) => {
                (state, &[TransportFailed])
            }
            _ => return None,
        };
        Some(Step { next, actions })
    }
}
