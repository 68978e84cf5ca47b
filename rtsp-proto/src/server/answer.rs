//! The commands that answer a request.

use super::{Current, Phase, Server};
use crate::HeaderName;
use crate::error::{CommandError, RequestId, SessionKey};
use crate::headers::{Range, RtpInfo};
use crate::message::{Method, ResponseBuilder, StatusCode, Version};
use crate::session_table::{v1, v2};
use crate::state::State;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::Instant;

impl Server {
    /// Answers DESCRIBE with a description. `content_base` is what its relative control
    /// URLs refer to; by custom the request's URL with a slash at its end.
    ///
    /// # Errors
    /// No such request, not a DESCRIBE, or a base that cannot be written.
    pub fn describe(
        &mut self,
        now: Instant,
        id: RequestId,
        content_base: &str,
        sdp: impl Into<Bytes>,
    ) -> Result<(), CommandError> {
        self.current_of(id, Method::Describe)?;
        let response = ResponseBuilder::new(StatusCode::OK)
            .text(HeaderName::ContentBase, content_base)
            .body("application/sdp", sdp);
        self.respond(now, id, response)
    }

    /// Answers PLAY with 200, the range that will be played and where each stream begins; to
    /// say more ([`Scale`](crate::headers::Scale), Seek-Style) use [`respond`](Self::respond).
    /// Media that is queued after this command does not overtake the answer.
    ///
    /// # Errors
    /// No such request, not a PLAY, or a URL that cannot be written.
    pub fn accept_play(
        &mut self,
        now: Instant,
        id: RequestId,
        range: Option<&Range<'_>>,
        infos: &[RtpInfo<'_>],
    ) -> Result<(), CommandError> {
        let version = self.current_of(id, Method::Play)?.version;
        let mut response = self.with_live_range(id);
        if let Some(range) = range {
            response = response.header(HeaderName::Range, range);
        }
        if let Some(infos) = join_infos(infos, version) {
            response = response.header(HeaderName::RtpInfo, infos);
        }
        self.respond(now, id, response)
    }

    /// Answers PAUSE with 200: nothing flows any more. `rest` is what remains of what was
    /// asked for, which RTSP 2.0 must say (RFC 7826 §13.6).
    ///
    /// # Errors
    /// No such request, or not a PAUSE.
    pub fn accept_pause(
        &mut self,
        now: Instant,
        id: RequestId,
        rest: Option<&Range<'_>>,
    ) -> Result<(), CommandError> {
        self.current_of(id, Method::Pause)?;
        let mut response = self.with_live_range(id);
        if let Some(rest) = rest {
            response = response.header(HeaderName::Range, rest);
        }
        self.respond(now, id, response)
    }

    /// Answers a PAUSE of RTSP 1.0 that names a point to come with 200 (RFC 2326 §10.6):
    /// media flows until there. Tell with [`range_ended`](Self::range_ended) when it does not
    /// any more.
    ///
    /// # Errors
    /// No such request, or not a PAUSE of 1.0.
    pub fn accept_pause_later(&mut self, now: Instant, id: RequestId) -> Result<(), CommandError> {
        let current = self.current_of(id, Method::Pause)?;
        if current.version == Version::V2_0 {
            return Err(CommandError::WrongMethod { method: Method::Pause });
        }
        if let Some(current) = &mut self.current {
            current.keeps_state = true;
        }
        self.respond(now, id, ResponseBuilder::new(StatusCode::OK))
    }

    /// Answers with a plain 200. Not for SETUP, which needs a transport.
    ///
    /// # Errors
    /// No such request, or it is a SETUP.
    pub fn accept(&mut self, now: Instant, id: RequestId) -> Result<(), CommandError> {
        self.respond(now, id, ResponseBuilder::new(StatusCode::OK))
    }

    /// Answers with a status and no more; also a request that waits for its session or for
    /// a secret.
    ///
    /// # Errors
    /// As [`respond`](Self::respond).
    pub fn refuse(
        &mut self,
        now: Instant,
        id: RequestId,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        self.respond(now, id, ResponseBuilder::new(status))
    }

    /// Answers with any response. Version, CSeq, Session, Timestamp, Date and Server are set
    /// here; the state of the session follows from the status. When the session has ended
    /// meanwhile, a success becomes 454, but for TEARDOWN.
    ///
    /// # Errors
    /// No such request, a success for a SETUP ([`accept_setup`](Self::accept_setup) is for
    /// that) or for a request that waits for its session or a secret, an interim status, or a
    /// response that cannot be written.
    pub fn respond(
        &mut self,
        now: Instant,
        id: RequestId,
        response: ResponseBuilder,
    ) -> Result<(), CommandError> {
        self.check_open()?;
        let current = self.current.as_ref().filter(|current| current.id == id);
        let current = current.ok_or(CommandError::UnknownRequest)?;
        let (method, status) = (current.method, response.status());
        let early = !matches!(current.phase, Phase::Asked);
        if status.is_informational() || (method == Method::Setup && status.is_success()) {
            return Err(CommandError::WrongMethod { method });
        }
        if early && (status.is_success() || status.is_redirection()) {
            return Err(CommandError::UnknownRequest);
        }
        response.check()?;
        // Its session ended meanwhile: there is nothing left in which it could be allowed.
        let is_gone = |key: SessionKey| self.sessions.get(key).is_none();
        let ends = method == Method::Teardown || !status.is_success();
        if !ends && current.session.is_some_and(is_gone) {
            let not_found = ResponseBuilder::new(StatusCode::SESSION_NOT_FOUND);
            self.answer_current(now, &not_found, None);
        } else {
            self.answer_current(now, &response, None);
        }
        self.work(now);
        Ok(())
    }

    /// The version that the request speaks, while it waits for its answer.
    #[must_use]
    pub fn version_of(&self, id: RequestId) -> Option<Version> {
        self.current(id).ok().map(|current| current.version)
    }

    /// Says that what PLAY or RECORD asked for is done, or that a pause point is reached:
    /// the session is `Ready` in RTSP 1.0 (RFC 2326 appendix A.1); in 2.0 it stays, and
    /// resumes at the end of the range (RFC 7826 §B.4).
    ///
    /// # Errors
    /// Closed, no such session, or nothing flows in it.
    pub fn range_ended(&mut self, _now: Instant, key: SessionKey) -> Result<(), CommandError> {
        self.ended_by(key, v2::Event::EndOfRange)
    }

    /// Says that the media came to its end: as [`range_ended`](Self::range_ended), but a
    /// session of 2.0 resumes at the end of the media.
    ///
    /// # Errors
    /// As [`range_ended`](Self::range_ended).
    pub fn media_ended(&mut self, _now: Instant, key: SessionKey) -> Result<(), CommandError> {
        self.ended_by(key, v2::Event::EndOfMedia)
    }

    fn ended_by(&mut self, key: SessionKey, event: v2::Event) -> Result<(), CommandError> {
        self.check_session(key)?;
        let state = self.sessions.get(key).map_or(State::Init, |session| session.state());
        self.happen(key, v1::Event::EndOfRange, event)
            .ok_or(CommandError::State { method: Method::Play, state })
    }

    /// RFC 7826 §18.30: Media-Range "MUST be included in the SETUP response, PLAY and PAUSE
    /// responses for media that are time-progressing".
    fn with_live_range(&self, id: RequestId) -> ResponseBuilder {
        let response = ResponseBuilder::new(StatusCode::OK);
        let current = self.current(id).ok().filter(|current| current.version == Version::V2_0);
        let session = current.and_then(|current| self.sessions.get(current.session?));
        match session {
            Some(session) if session.has_live_range && !self.config.media_range.is_empty() => {
                response.header(HeaderName::MediaRange, &self.config.media_range)
            }
            _ => response,
        }
    }

    /// Writes the answer to the current request and lets it take effect.
    pub(super) fn answer_current(
        &mut self,
        now: Instant,
        response: &ResponseBuilder,
        timeout: Option<u32>,
    ) {
        if let Some(current) = self.current.take() {
            self.conclude(now, &current, response, timeout);
            self.uri = current.uri;
        }
    }

    /// The request that the application was asked.
    pub(super) fn current(&self, id: RequestId) -> Result<&Current, CommandError> {
        self.check_open()?;
        match &self.current {
            Some(current) if current.id == id && matches!(current.phase, Phase::Asked) => {
                Ok(current)
            }
            _ => Err(CommandError::UnknownRequest),
        }
    }

    pub(super) fn current_of(
        &self,
        id: RequestId,
        method: Method,
    ) -> Result<&Current, CommandError> {
        let current = self.current(id)?;
        if current.method == method {
            Ok(current)
        } else {
            Err(CommandError::WrongMethod { method: current.method })
        }
    }
}

/// The value of RTP-Info; `None` without entries.
pub(super) fn join_infos(infos: &[RtpInfo<'_>], version: Version) -> Option<String> {
    let infos: Vec<String> =
        infos.iter().map(|info| info.for_version(version).to_string()).collect();
    (!infos.is_empty()).then(|| infos.join(","))
}
