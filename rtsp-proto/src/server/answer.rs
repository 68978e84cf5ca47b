//! The commands that answer a request, and what an answer changes.

use super::receive::pipeline_of;
use super::session::Stream;
use super::{Current, Server, session_header};
use crate::HeaderName;
use crate::control_url::same_stream;
use crate::error::{CommandError, RequestId, SessionEnd, SessionKey};
use crate::headers::{self, ChannelPair, Range, RtpInfo, Transport};
use crate::message::{Method, ResponseBuilder, StatusCode, Version};
use crate::state::State;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::Display;
use proto_wire::{Instant, LimitKind};

/// What a SETUP led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetUp {
    /// The session: a new one, or the one that the request named.
    pub session: SessionKey,
    /// The channels, when the stream is interleaved. They are what the client asked for
    /// unless those are taken.
    pub channels: Option<ChannelPair>,
}

/// What an answer does to its session.
enum After {
    State(State),
    RemoveStream(usize),
    End(SessionEnd),
}

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
            .header(HeaderName::ContentBase, content_base)
            .body("application/sdp", sdp);
        self.respond(now, id, response)
    }

    /// Answers SETUP with 200 and the one transport that is chosen: one of the client's
    /// offers, completed with what this side decides (`server_port`, `source`, `ssrc`).
    ///
    /// A session is made when the request names none. Interleaved channels are given when
    /// the offer has none, or others when they are taken.
    ///
    /// # Errors
    /// No such request, not a SETUP, or no channel is free.
    pub fn accept_setup(
        &mut self,
        now: Instant,
        id: RequestId,
        transport: &Transport<'_>,
    ) -> Result<SetUp, CommandError> {
        let current = self.current_of(id, Method::Setup)?;
        let (version, named) = (current.version, current.session);
        let url = String::from(current.request.view().uri());
        let pipeline = pipeline_of(current.request.view());
        let mut chosen = *transport;
        if chosen.is_interleaved() {
            // A stream that is set up again keeps its channels.
            let old = named
                .and_then(|key| self.sessions.get(key))
                .and_then(|session| session.streams.iter().find(|stream| stream.url == url))
                .and_then(|stream| stream.channels);
            let channels = match old {
                Some(old) if chosen.interleaved.is_none_or(|wanted| wanted == old) => Some(old),
                _ => self.channels_for(chosen.interleaved),
            };
            chosen.interleaved = Some(channels.ok_or(CommandError::NoChannel)?);
        }
        if named.is_none() && self.sessions.len() >= self.config.sessions_max {
            return Err(CommandError::Limit(LimitKind::Sessions));
        }
        let mut response = ResponseBuilder::new(StatusCode::OK)
            .header(HeaderName::Transport, chosen.for_version(version));
        if version == Version::V2_0 {
            // RFC 7826 §13.3: what the media can do goes with it.
            for (name, value) in [
                (HeaderName::MediaProperties, &self.config.media_properties),
                (HeaderName::AcceptRanges, &self.config.accept_ranges),
            ] {
                if !value.is_empty() {
                    response = response.header(name, value);
                }
            }
        }
        response.check()?;
        // Nothing fails from here on.
        let key = match named {
            Some(key) => key,
            None => self.sessions.create(&mut self.rng),
        };
        let channels = chosen.interleaved;
        let Some(session) = self.sessions.get_mut(key) else {
            return Err(CommandError::UnknownSession);
        };
        match session.streams.iter_mut().find(|stream| stream.url == url) {
            Some(stream) => stream.channels = channels,
            None => session.streams.push(Stream { url, channels }),
        }
        let wire_id = session.id;
        if named.is_none() {
            session.pipeline = pipeline;
        }
        self.refresh(now, key);
        if let Some(current) = &mut self.current {
            current.session = Some(key);
        }
        let config = self.config.clone();
        let header = session_header(wire_id.as_str(), &config);
        self.answer_current(&response, Some(&header));
        self.work(now);
        Ok(SetUp { session: key, channels })
    }

    /// Answers PLAY with 200, the range that will be played and where each stream begins.
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
        let mut response = ResponseBuilder::new(StatusCode::OK);
        if let Some(range) = range {
            response = response.header(HeaderName::Range, range);
        }
        if !infos.is_empty() {
            let infos: Vec<String> =
                infos.iter().map(|info| info.for_version(version).to_string()).collect();
            response = response.header(HeaderName::RtpInfo, infos.join(","));
        }
        self.respond(now, id, response)
    }

    /// Answers with a plain 200. Not for SETUP, which needs a transport.
    ///
    /// # Errors
    /// No such request, or it is a SETUP.
    pub fn accept(&mut self, now: Instant, id: RequestId) -> Result<(), CommandError> {
        self.respond(now, id, ResponseBuilder::new(StatusCode::OK))
    }

    /// Answers with a status and no more.
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

    /// Answers with any response. Version, CSeq, Session and Server are set here; the state
    /// of the session follows from the status.
    ///
    /// # Errors
    /// No such request, a success for a SETUP ([`accept_setup`](Self::accept_setup) is for
    /// that), an interim status, or a response that cannot be written.
    pub fn respond(
        &mut self,
        now: Instant,
        id: RequestId,
        response: ResponseBuilder,
    ) -> Result<(), CommandError> {
        let method = self.current(id)?.method;
        let status = response.status();
        if status.is_informational() || (method == Method::Setup && status.is_success()) {
            return Err(CommandError::WrongMethod { method });
        }
        response.check()?;
        self.answer_current(&response, None);
        self.work(now);
        Ok(())
    }

    /// The version that the request speaks, while it waits for its answer.
    #[must_use]
    pub fn version_of(&self, id: RequestId) -> Option<Version> {
        self.current(id).ok().map(|current| current.version)
    }

    /// Writes the answer to the current request and lets it take effect.
    pub(super) fn answer_current(
        &mut self,
        response: &ResponseBuilder,
        session: Option<&headers::Session<'_>>,
    ) {
        let Some(current) = self.current.take() else {
            return;
        };
        let response = response.clone().version(current.version);
        let after = self.effect(&current, response.status());
        let wire_id = current
            .session
            .and_then(|key| self.sessions.get(key))
            .map(|session| session.id)
            // The answer that ends a session does not name it.
            .filter(|_| !matches!(after, Some(After::End(_))));
        let mut lines: Vec<(HeaderName, &dyn Display)> = alloc::vec![];
        lines.push((HeaderName::CSeq, &current.cseq));
        match (&session, &wire_id) {
            (Some(session), _) => lines.push((HeaderName::Session, *session)),
            (None, Some(wire_id)) => lines.push((HeaderName::Session, wire_id)),
            (None, None) => {}
        }
        let pipeline = pipeline_of(current.request.view());
        if let Some(number) = &pipeline {
            lines.push((HeaderName::PipelinedRequests, number));
        }
        if !self.config.server_name.is_empty() {
            lines.push((HeaderName::Server, &self.config.server_name));
        }
        // Only a configured name that is no header text can fail here.
        let bytes = response.encode(&lines).or_else(|_| {
            response.encode(lines.get(..lines.len().saturating_sub(1)).unwrap_or(&[]))
        });
        if let Ok(bytes) = bytes {
            self.out.send(bytes);
        }
        if let (Some(after), Some(key)) = (after, current.session) {
            self.apply(key, after);
        }
    }

    fn apply(&mut self, key: SessionKey, after: After) {
        match after {
            After::End(reason) => self.drop_session(key, reason),
            After::RemoveStream(at) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    let mut position = 0_usize..;
                    session.streams.retain(|_| position.next() != Some(at));
                }
            }
            After::State(state) => {
                if let Some(session) = self.sessions.get_mut(key) {
                    session.state = state;
                }
            }
        }
    }

    /// What an answer with `status` does to the session (RFC 2326 appendix A).
    fn effect(&self, current: &Current, status: StatusCode) -> Option<After> {
        let session = self.sessions.get(current.session?)?;
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            // "If a request results in a status code of 3xx, the state becomes Init."
            return Some(After::End(SessionEnd::Redirected));
        }
        if !status.is_success() {
            return None;
        }
        if current.method != Method::Teardown {
            return session.state.after(current.method).map(After::State);
        }
        // RFC 2326 §10.7: one stream of several, when the URL names it.
        let url = current.request.view().uri();
        let exact = session.streams.iter().position(|stream| stream.url == url);
        let alike = || session.streams.iter().position(|stream| same_stream(&stream.url, url));
        match exact.or_else(alike) {
            Some(at) if session.streams.len() > 1 => Some(After::RemoveStream(at)),
            _ => Some(After::End(SessionEnd::TornDown)),
        }
    }

    fn current(&self, id: RequestId) -> Result<&Current, CommandError> {
        self.check_open()?;
        match &self.current {
            Some(current) if current.id == id => Ok(current),
            _ => Err(CommandError::UnknownRequest),
        }
    }

    fn current_of(&self, id: RequestId, method: Method) -> Result<&Current, CommandError> {
        let current = self.current(id)?;
        if current.method == method {
            Ok(current)
        } else {
            Err(CommandError::WrongMethod { method: current.method })
        }
    }
}
