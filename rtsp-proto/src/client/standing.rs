//! Where a session stands, by the table of its version.

use crate::error::CommandError;
use crate::message::{Method, StatusCode, Version};
use crate::session_table::v2::{self, Event, Facts};
use crate::state::State;

/// The state of one session: by RFC 2326 Appendix A, or by RFC 7826 Appendix B.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Standing {
    V1(State),
    V2 {
        table: v2::Session,
        /// RECORD is not in 2.0; who uses it nevertheless plays the other way round.
        recording: bool,
    },
}

impl Standing {
    /// Nothing is set up.
    pub(super) fn new(version: Version) -> Self {
        if version == Version::V2_0 {
            Self::V2 { table: v2::Session::default(), recording: false }
        } else {
            Self::V1(State::Init)
        }
    }

    pub(super) const fn state(&self) -> State {
        match self {
            Self::V1(state) => *state,
            Self::V2 { table, recording } => match (table.state(), *recording) {
                (v2::State::Init, _) => State::Init,
                (v2::State::Ready, _) => State::Ready,
                (v2::State::Play, false) => State::Playing,
                (v2::State::Play, true) => State::Recording,
            },
        }
    }

    pub(super) const fn table(&self) -> Option<&v2::Session> {
        match self {
            Self::V1(_) => None,
            Self::V2 { table, .. } => Some(table),
        }
    }

    /// Where the session stands after `method` succeeded.
    pub(super) fn after(self, method: Method, facts: &Facts) -> Result<Self, CommandError> {
        let refused = CommandError::State { method, state: self.state() };
        match self {
            Self::V1(state) => state.after(method).map(Self::V1).ok_or(refused),
            Self::V2 { mut table, recording } => {
                let event = match method {
                    Method::Record => Event::Play,
                    Method::Setup | Method::Play | Method::Pause | Method::Teardown => {
                        Event::of(method)
                    }
                    _ => Event::Other,
                };
                let only_whole = StatusCode::ONLY_AGGREGATE_OPERATION_ALLOWED;
                match table.step(event, facts) {
                    Ok(_) => {
                        let starts = matches!(method, Method::Play | Method::Record);
                        let recording = if starts { method == Method::Record } else { recording };
                        Ok(Self::V2 { table, recording })
                    }
                    Err(status) if status == only_whole => {
                        Err(CommandError::OnlyAggregate { method })
                    }
                    Err(_) => Err(refused),
                }
            }
        }
    }

    /// Something happens that is no request of this side; nothing when the table of the
    /// version does not know it.
    pub(super) fn happens(&mut self, event: Event, facts: &Facts) -> Result<(), StatusCode> {
        match self {
            Self::V2 { table, .. } => table.step(event, facts).map(drop),
            Self::V1(state) => {
                match (event, *state) {
                    // RFC 2326 A.1: the end of what was asked for.
                    (Event::EndOfMedia | Event::EndOfRange, State::Playing | State::Recording) => {
                        *state = State::Ready
                    }
                    (Event::RedirectPointReached | Event::Redirected | Event::TimedOut, _) => {
                        *state = State::Init;
                    }
                    _ => {}
                }
                Ok(())
            }
        }
    }
}
