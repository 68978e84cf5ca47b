//! What RFC 7826 Appendix B says to a request of RTSP 2.0 that names a session.

use super::Session;
use crate::HeaderName;
use crate::message::{Method, Request, StatusCode};
use crate::session_table::v2::{self, Event, Facts, Target};
use crate::state::State;

impl Session {
    /// Whether the tables let `request` pass: 455 for SETUP of another stream and for TEARDOWN
    /// of one of several while media flows, 460 for PLAY and PAUSE of one of several.
    #[inline(never)]
    pub(super) fn judge_v2(
        &self,
        request: Request<'_>,
        can_change_transport: bool,
    ) -> Result<(), StatusCode> {
        let facts = Facts { can_change_transport, ..self.facts_of(request) };
        self.machine().check(Event::of(request.method()), &facts).map(drop)
    }

    /// What the tables ask about a request.
    #[inline(never)]
    pub(super) fn facts_of(&self, request: Request<'_>) -> Facts {
        Facts {
            target: self.target_of(request),
            has_range: request.headers().contains(HeaderName::Range),
            ..Facts::default()
        }
    }

    /// The session as the tables see it.
    pub(super) fn machine(&self) -> v2::Session {
        let state = match self.state {
            State::Init => v2::State::Init,
            State::Ready => v2::State::Ready,
            // RECORD is not in 2.0; who uses it nevertheless plays the other way round.
            State::Playing | State::Recording => v2::State::Play,
        };
        let streams = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        v2::Session::new(state, streams)
    }

    fn target_of(&self, request: Request<'_>) -> Target {
        match (self.stream_at(request.uri_bytes()).is_some(), request.method()) {
            (true, _) => Target::Media,
            (false, Method::Setup) => Target::NewMedia,
            (false, _) => Target::Presentation,
        }
    }
}
