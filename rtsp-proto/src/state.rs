//! The session states and their one table (RFC 2326 appendix A, RFC 7826 appendix B).

use crate::message::Method;
use core::fmt;

/// Where a session stands. Both sides have the same states and the same table: the client
/// moves when a success arrives, the server when it sends one.
/// RFC 2326 §A, RFC 7826 §B.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// Nothing is set up.
    #[default]
    Init,
    /// Something is set up, nothing flows.
    Ready,
    /// The server sends.
    Playing,
    /// The client sends (RTSP 1.0).
    Recording,
}

impl State {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Init, Self::Ready, Self::Playing, Self::Recording];

    /// Where a session in this state stands after `method` succeeded; `None` when the
    /// method is not valid here and must be answered with 455.
    ///
    /// Methods that are not about sessions keep every state. What the tables of the RFC
    /// leave open is decided as players and servers do: PAUSE in `Ready` succeeds (RFC 7826
    /// table 13 says so, RFC 2326 does not list it). TEARDOWN in `Init` succeeds by both.
    #[must_use]
    pub const fn after(self, method: Method) -> Option<Self> {
        match (self, method) {
            (Self::Init | Self::Ready, Method::Setup) => Some(Self::Ready),
            // A SETUP while media flows changes a transport or adds a stream.
            (playing_or_recording, Method::Setup) => Some(playing_or_recording),
            (_, Method::Teardown) => Some(Self::Init),
            (Self::Ready | Self::Playing, Method::Play) => Some(Self::Playing),
            (Self::Ready | Self::Recording, Method::Record) => Some(Self::Recording),
            (Self::Ready | Self::Playing | Self::Recording, Method::Pause) => Some(Self::Ready),
            (_, Method::Play | Method::Record | Method::Pause) => None,
            (unchanged, _) => Some(unchanged),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Init => "Init",
            Self::Ready => "Ready",
            Self::Playing => "Playing",
            Self::Recording => "Recording",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Init, Playing, Ready, Recording};

    /// The tables of RFC 2326 A.1 and A.2, all states by all methods that act on them.
    #[test]
    fn every_state_and_method() {
        #[rustfmt::skip]
        let table: [(Method, [Option<State>; 4]); 5] = [
            //                   Init         Ready            Playing        Recording
            (Method::Setup,    [Some(Ready), Some(Ready),     Some(Playing), Some(Recording)]),
            (Method::Play,     [None,        Some(Playing),   Some(Playing), None]),
            (Method::Record,   [None,        Some(Recording), None,          Some(Recording)]),
            (Method::Pause,    [None,        Some(Ready),     Some(Ready),   Some(Ready)]),
            (Method::Teardown, [Some(Init),  Some(Init),      Some(Init),    Some(Init)]),
        ];
        for (method, row) in table {
            for (state, expected) in State::ALL.iter().zip(row) {
                assert_eq!(state.after(method), expected, "{state} {method}");
            }
        }
        let acting = table.map(|(method, _)| method);
        for method in Method::KNOWN.iter().filter(|method| !acting.contains(method)) {
            for state in State::ALL {
                assert_eq!(state.after(*method), Some(*state), "{state} {method}");
            }
        }
    }
}
