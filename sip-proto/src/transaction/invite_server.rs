//! The INVITE server transaction: RFC 3261 §17.2.1 with Figure 7 of RFC 6026 §8.6.

use super::{Action, Fsm, Reliability, Step, Timer};
use Action::{
    Again, Deliver, Retransmit, Start, Stop, TimedOut, Transmit, TransportFailed, Trying,
};

/// The table of the INVITE server transaction.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct InviteServer;

/// Its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Before the INVITE was taken.
    Initial,
    /// The user is working on it.
    Proceeding,
    /// A final response that is not 2xx was sent; ACK is awaited.
    Completed,
    /// ACK came; more copies of it are absorbed.
    Confirmed,
    /// A 2xx was sent; INVITEs that come again are absorbed (RFC 6026).
    Accepted,
    /// The end.
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The INVITE came, for the first time or again.
    Invite,
    /// An ACK came.
    Ack,
    /// The user sends 1xx.
    Send1xx,
    /// The user sends 2xx.
    Send2xx,
    /// The user sends 3xx-6xx.
    Send3xxTo6xx,
    /// 200 ms passed without a response.
    TimerTrying,
    /// Timer G fired.
    TimerG,
    /// Timer H fired.
    TimerH,
    /// Timer I fired.
    TimerI,
    /// Timer L fired.
    TimerL,
    /// What the transaction sent could not be sent.
    TransportError,
}

impl Fsm for InviteServer {
    type State = State;
    type Event = Event;
    const NAME: &'static str = "INVITE server";
    const STATES: &'static [State] = &[
        State::Initial,
        State::Proceeding,
        State::Completed,
        State::Confirmed,
        State::Accepted,
        State::Terminated,
    ];
    const EVENTS: &'static [Event] = &[
        Event::Invite,
        Event::Ack,
        Event::Send1xx,
        Event::Send2xx,
        Event::Send3xxTo6xx,
        Event::TimerTrying,
        Event::TimerG,
        Event::TimerH,
        Event::TimerI,
        Event::TimerL,
        Event::TransportError,
    ];

    fn step(state: State, event: Event, on: Reliability) -> Option<Step<State>> {
        use Reliability::{Reliable, Unreliable};
        let (next, actions): (State, &'static [Action]) = match (state, event, on) {
            (State::Initial, Event::Invite, _) => {
                (State::Proceeding, &[Start(Timer::Trying), Deliver])
            }

            (State::Proceeding, Event::Invite, _) => (State::Proceeding, &[Retransmit]),
            (State::Proceeding, Event::TimerTrying, _) => (State::Proceeding, &[Trying]),
            (State::Proceeding, Event::Send1xx, _) => {
                (State::Proceeding, &[Stop(Timer::Trying), Transmit])
            }
            (State::Proceeding, Event::Send2xx, _) => {
                (State::Accepted, &[Stop(Timer::Trying), Transmit, Start(Timer::L)])
            }
            (State::Proceeding, Event::Send3xxTo6xx, Unreliable) => (
                State::Completed,
                &[Stop(Timer::Trying), Transmit, Start(Timer::G), Start(Timer::H)],
            ),
            (State::Proceeding, Event::Send3xxTo6xx, Reliable) => {
                (State::Completed, &[Stop(Timer::Trying), Transmit, Start(Timer::H)])
            }

            (State::Completed, Event::Invite, _) => (State::Completed, &[Retransmit]),
            (State::Completed, Event::TimerG, Unreliable) => {
                (State::Completed, &[Retransmit, Again(Timer::G)])
            }
            // §17.2.1: the user MUST be told that the ACK never came.
            (State::Completed, Event::TimerH, _) => (State::Terminated, &[TimedOut]),
            (State::Completed, Event::Ack, Unreliable) => {
                (State::Confirmed, &[Stop(Timer::G), Stop(Timer::H), Start(Timer::I)])
            }
            // Timer I is zero on a reliable transport.
            (State::Completed, Event::Ack, Reliable) => (State::Terminated, &[]),

            (State::Confirmed, Event::TimerI, _) => (State::Terminated, &[]),

            // INVITEs that come again are absorbed without an answer: the 2xx is the user's to repeat.
            (State::Accepted, Event::Send2xx, _) => (State::Accepted, &[Transmit]),
            (State::Accepted, Event::Ack, _) => (State::Accepted, &[Deliver]),
            (State::Accepted, Event::TimerL, _) => (State::Terminated, &[]),

            // RFC 6026 §8.8: a failed send is told and changes nothing.
            (State::Proceeding | State::Completed | State::Accepted, Event::TransportError, _) => {
                (state, &[TransportFailed])
            }
            _ => return None,
        };
        Some(Step { next, actions })
    }
}
