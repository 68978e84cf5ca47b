//! RTSP 1.0: RFC 2326 Appendix A.

use crate::{Method, State, StatusClass, StatusCode};
use core::fmt;

/// What happens to a session, or to one stream of it: 1.0 keeps a state per URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// SETUP succeeded.
    Setup,
    /// PLAY succeeded.
    Play,
    /// RECORD succeeded.
    Record,
    /// PAUSE succeeded and takes effect.
    Pause,
    /// TEARDOWN succeeded.
    Teardown,
    /// A method that has no effect on state: OPTIONS, ANNOUNCE, DESCRIBE, `GET_PARAMETER`,
    /// `SET_PARAMETER`, and extensions.
    Other,
    /// A request was answered with 3xx, or a REDIRECT takes effect, which is the same (A.1).
    Redirected,
    /// A request was answered with 4xx or 5xx.
    Failed,
    /// The end of the requested range is reached.
    EndOfRange,
    /// The client showed no sign of life for too long (A.2).
    TimedOut,
}

impl Event {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Setup,
        Self::Play,
        Self::Record,
        Self::Pause,
        Self::Teardown,
        Self::Other,
        Self::Redirected,
        Self::Failed,
        Self::EndOfRange,
        Self::TimedOut,
    ];

    /// What it means for a session that a request of `method` was answered with `status`;
    /// `None` for 1xx: nothing yet.
    #[must_use]
    pub const fn of(method: Method, status: StatusCode) -> Option<Self> {
        match status.class() {
            StatusClass::Informational => None,
            StatusClass::Success => Some(match method {
                Method::Setup => Self::Setup,
                Method::Play => Self::Play,
                Method::Record => Self::Record,
                Method::Pause => Self::Pause,
                Method::Teardown => Self::Teardown,
                Method::Redirect => Self::Redirected,
                _ => Self::Other,
            }),
            StatusClass::Redirection => Some(Self::Redirected),
            _ => Some(Self::Failed),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Record => "RECORD",
            Self::Pause => "PAUSE",
            Self::Teardown => "TEARDOWN",
            Self::Other => "other method",
            Self::Redirected => "3xx or REDIRECT",
            Self::Failed => "4xx or 5xx",
            Self::EndOfRange => "end of range",
            Self::TimedOut => "timeout",
        })
    }
}

/// One row: in `from`, `event` leads to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The state before.
    pub from: State,
    /// What happens.
    pub event: Event,
    /// The state after.
    pub to: State,
    /// The section that says so.
    pub source: &'static str,
}

const fn row(from: State, event: Event, to: State, source: &'static str) -> Row {
    Row { from, event, to, source }
}

/// The tables of A.1 and A.2, which agree, and what the text around them says.
pub const ROWS: &[Row] = {
    use Event::{
        EndOfRange, Failed, Other, Pause, Play, Record, Redirected, Setup, Teardown, TimedOut,
    };
    use State::{Init, Playing, Ready, Recording};
    const TABLE: &str = "A.1, A.2";
    const TEXT: &str = "A.1 text";
    &[
        row(Init, Setup, Ready, TABLE),
        row(Init, Teardown, Init, TABLE),
        row(Ready, Play, Playing, TABLE),
        row(Ready, Record, Recording, TABLE),
        row(Ready, Teardown, Init, TABLE),
        row(Ready, Setup, Ready, TABLE),
        row(Playing, Pause, Ready, TABLE),
        row(Playing, Teardown, Init, TABLE),
        row(Playing, Play, Playing, TABLE),
        row(Playing, Setup, Playing, TABLE),
        row(Recording, Pause, Ready, TABLE),
        row(Recording, Teardown, Init, TABLE),
        row(Recording, Record, Recording, TABLE),
        row(Recording, Setup, Recording, TABLE),
        row(Init, Other, Init, TEXT),
        row(Ready, Other, Ready, TEXT),
        row(Playing, Other, Playing, TEXT),
        row(Recording, Other, Recording, TEXT),
        row(Init, Redirected, Init, TEXT),
        row(Ready, Redirected, Init, TEXT),
        row(Playing, Redirected, Init, TEXT),
        row(Recording, Redirected, Init, TEXT),
        row(Init, Failed, Init, TEXT),
        row(Ready, Failed, Ready, TEXT),
        row(Playing, Failed, Playing, TEXT),
        row(Recording, Failed, Recording, TEXT),
        row(Playing, EndOfRange, Ready, TEXT),
        row(Recording, EndOfRange, Ready, TEXT),
        row(Ready, TimedOut, Init, "A.2 text"),
        row(Playing, TimedOut, Init, "A.2 text"),
        row(Recording, TimedOut, Init, "A.2 text"),
    ]
};

/// The row for `event` in `state`; `None` when it is illegal there: a request is answered
/// with 455, and a client does not send it.
#[must_use]
pub fn find(state: State, event: Event) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.from == state && row.event == event)
}

/// The state of `state` after `event`; `None` when the event is illegal.
///
/// ```
/// use rtsp_proto::State;
/// use rtsp_proto::session_table::v1::{Event, after};
///
/// assert_eq!(after(State::Ready, Event::Play), Some(State::Playing));
/// assert_eq!(after(State::Init, Event::Play), None);
/// ```
#[must_use]
pub fn after(state: State, event: Event) -> Option<State> {
    find(state, event).map(|row| row.to)
}
