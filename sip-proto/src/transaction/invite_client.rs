//! The INVITE client transaction: RFC 3261 §17.1.1 with Figure 5 of RFC 6026 §8.4.

use super::{Action, Fsm, Reliability, Step, Timer};
use Action::{
    Acknowledge, Again, Deliver, Retransmit, Start, Stop, TimedOut, Transmit, TransportFailed,
};

/// The table of the INVITE client transaction.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct InviteClient;

/// Its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Before the INVITE was sent.
    Initial,
    /// INVITE sent, nothing heard.
    Calling,
    /// A 1xx came; there is no time limit any more.
    Proceeding,
    /// A final response that is not 2xx came and was acknowledged.
    Completed,
    /// A 2xx came; more may come (RFC 6026).
    Accepted,
    /// The end.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The user sends the INVITE.
    Send,
    /// A 1xx came.
    Receive1xx,
    /// A 2xx came.
    Receive2xx,
    /// A 3xx-6xx came.
    Receive3xxTo6xx,
    /// Timer A fired.
    TimerA,
    /// Timer B fired.
    TimerB,
    /// Timer D fired.
    TimerD,
    /// Timer M fired.
    TimerM,
    /// What the transaction sent could not be sent.
    TransportError,
}

impl Fsm for InviteClient {
    type State = State;
    type Event = Event;
    const NAME: &'static str = "INVITE client";
    const STATES: &'static [State] = &[
        State::Initial,
        State::Calling,
        State::Proceeding,
        State::Completed,
        State::Accepted,
        State::Terminated,
    ];
    const EVENTS: &'static [Event] = &[
        Event::Send,
        Event::Receive1xx,
        Event::Receive2xx,
        Event::Receive3xxTo6xx,
        Event::TimerA,
        Event::TimerB,
        Event::TimerD,
        Event::TimerM,
        Event::TransportError,
    ];

    fn step(state: State, event: Event, on: Reliability) -> Option<Step<State>> {
        use Reliability::{Reliable, Unreliable};
        let (next, actions): (State, &'static [Action]) = match (state, event, on) {
            (State::Initial, Event::Send, Unreliable) => {
                (State::Calling, &[Transmit, Start(Timer::A), Start(Timer::B)])
            }
            (State::Initial, Event::Send, Reliable) => {
                (State::Calling, &[Transmit, Start(Timer::B)])
            }

            // Timer A doubles without the T2 cap, and only here.
            (State::Calling, Event::TimerA, Unreliable) => {
                (State::Calling, &[Retransmit, Again(Timer::A)])
            }
            (State::Calling, Event::TimerB, _) => (State::Terminated, &[TimedOut]),
            (State::Calling, Event::TransportError, _) => (State::Terminated, &[TransportFailed]),
            (State::Calling, Event::Receive1xx, _) => {
                (State::Proceeding, &[Stop(Timer::A), Stop(Timer::B), Deliver])
            }
            (State::Calling, Event::Receive2xx, _) => {
                (State::Accepted, &[Stop(Timer::A), Stop(Timer::B), Start(Timer::M), Deliver])
            }
            (State::Calling, Event::Receive3xxTo6xx, Unreliable) => (
                State::Completed,
                &[Stop(Timer::A), Stop(Timer::B), Start(Timer::D), Acknowledge, Deliver],
            ),
            // Timer D is zero on a reliable transport.
            (State::Calling | State::Proceeding, Event::Receive3xxTo6xx, Reliable) => {
                (State::Terminated, &[Acknowledge, Deliver])
            }

            (State::Proceeding, Event::Receive1xx, _) => (State::Proceeding, &[Deliver]),
            (State::Proceeding, Event::Receive2xx, _) => {
                (State::Accepted, &[Start(Timer::M), Deliver])
            }
            (State::Proceeding, Event::Receive3xxTo6xx, Unreliable) => {
                (State::Completed, &[Start(Timer::D), Acknowledge, Deliver])
            }

            (State::Completed, Event::Receive3xxTo6xx, _) => (State::Completed, &[Acknowledge]),
            (State::Completed, Event::TransportError, _) => (State::Terminated, &[TransportFailed]),
            (State::Completed, Event::TimerD, _) => (State::Terminated, &[]),

            // Every 2xx goes to the user, who acknowledges it (RFC 6026 §7.2).
            (State::Accepted, Event::Receive2xx, _) => (State::Accepted, &[Deliver]),
            (State::Accepted, Event::TimerM, _) => (State::Terminated, &[]),
            _ => return None,
        };
        Some(Step { next, actions })
    }
}
