//! What a server does with what arrives, up to the question to the application.

use super::conclude::SELDOM;
use super::event::{PlayEffect, named_session};
use super::judge::{Refusal, pipeline_of};
use super::{Current, Event, Incoming, Phase, Server, Timer, Waiting};
use crate::HeaderName;
use crate::conn::Received;
use crate::error::{CloseReason, RequestFailure, SessionKey};
use crate::message::{
    Method, Request, RequestBuf, ResponseBuf, ResponseBuilder, StatusCode, Version,
};
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::text::chars;
use proto_wire::{Instant, LimitKind, ParseError, ParseErrorKind};

impl Server {
    /// Cuts what arrived and acts on it, as far as the application keeps up.
    pub(super) fn work(&mut self, now: Instant) {
        loop {
            self.ask_next(now);
            if self.ended || self.receiver.len() == 0 {
                return;
            }
            if self.inbox.len() >= self.config.pending_max {
                return self.check_backlog(now);
            }
            let known = |channel| self.sessions.of_channel(channel).is_some();
            match self.receiver.next(&self.config.limits, known) {
                Ok(None) => return,
                Ok(Some(received)) => self.take(now, received),
                Err(error) => {
                    if let Some(bytes) = self.receiver.dropped() {
                        self.out.event(Event::Skipped { bytes });
                    }
                    let broken = self.receiver.broken();
                    self.end(Waiting::Broken(broken, error));
                }
            }
        }
    }

    /// Against a host that reads on although the machine does not want input.
    #[cold]
    #[inline(never)]
    fn check_backlog(&mut self, now: Instant) {
        let limits = &self.config.limits;
        let most =
            limits.head_max.saturating_add(limits.body_max).saturating_add(usize::from(u16::MAX));
        if self.receiver.len() > most {
            self.finish(now, CloseReason::Limit(LimitKind::Pending));
        }
    }

    pub(super) fn take(&mut self, now: Instant, received: Received) {
        match received {
            // Nothing is before it: it need not stand in line.
            Received::Request(request)
                if self.current.is_none() && self.inbox.is_empty() && !self.closed =>
            {
                self.ask(now, request, now);
            }
            Received::Request(request) => self.inbox.push_back(Waiting::Request(request, now)),
            Received::Malformed(request) => self.inbox.push_back(Waiting::Malformed(request)),
            Received::Skipped { bytes } => self.out.event(Event::Skipped { bytes }),
            Received::Response(response) => self.answered(now, response),
            Received::Media { channel, payload } => {
                let session = self.sessions.of_channel(channel);
                if let Some(key) = session {
                    self.refresh(now, key);
                }
                self.out.event(Event::Media { session, channel, payload });
            }
        }
    }

    /// Requests are answered one after the other: whether PLAY is valid depends on the
    /// answer to the SETUP before it, and answers must come in order.
    pub(super) fn ask_next(&mut self, now: Instant) {
        while self.current.is_none() && !self.closed {
            match self.inbox.pop_front() {
                None => return,
                Some(Waiting::Request(request, received)) => self.ask(now, request, received),
                Some(Waiting::Malformed(request)) => {
                    self.reply(request.view().cseq(), Version::V1_0, StatusCode::BAD_REQUEST);
                    self.count_malformed(now);
                }
                Some(Waiting::Broken(message, error)) => self.broken(now, &message, error),
                Some(Waiting::Eof) => self.finish(now, CloseReason::Eof),
                Some(Waiting::Late) => {
                    self.reply(None, self.spoken, StatusCode::REQUEST_TIMEOUT);
                    self.finish(now, CloseReason::TimedOut);
                }
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn count_malformed(&mut self, now: Instant) {
        self.malformed = self.malformed.saturating_add(1);
        if self.malformed > self.config.malformed_max {
            self.finish(now, CloseReason::Limit(LimitKind::Malformed));
        }
    }

    /// Nobody can tell where the next message begins: says so, and closes.
    #[cold]
    #[inline(never)]
    fn broken(&mut self, now: Instant, message: &RequestBuf, error: ParseError) {
        let limit = match error.kind() {
            ParseErrorKind::Limit(limit) => Some(limit),
            _ => None,
        };
        // What sends frames that are too long did not ask anything.
        if limit != Some(LimitKind::Interleaved) {
            let status = match limit {
                Some(LimitKind::Body) => StatusCode::REQUEST_MESSAGE_BODY_TOO_LARGE,
                _ => StatusCode::BAD_REQUEST,
            };
            self.reply(message.view().cseq(), Version::V1_0, status);
        }
        self.finish(now, limit.map_or(CloseReason::Protocol(error), CloseReason::Limit));
    }

    /// Applies the rules in the order in which one makes sense only after the other: can
    /// it be read, is the method offered, are the requirements met, who asks, does the
    /// session exist, is the method valid in its state, do its own headers make sense.
    fn ask(&mut self, now: Instant, request: RequestBuf, received: Instant) {
        let view = request.view();
        let cseq = view.cseq();
        let judged = self.judge_head(view, cseq);
        let current = Current {
            id: self.new_id(),
            method: view.method(),
            cseq,
            version: answer_version(view.version()),
            session: None,
            received,
            phase: Phase::Asked,
            user: None,
            #[cfg(feature = "digest")]
            proof: None,
            keeps_state: false,
            request: Some(request),
            uri: Vec::new(),
        };
        match judged {
            Err(refusal) => self.refuse_early(now, &current, refusal),
            Ok(()) => {
                self.malformed = 0;
                self.spoken = current.version;
                self.authorize(now, current);
            }
        }
    }

    #[cfg(not(feature = "digest"))]
    fn authorize(&mut self, now: Instant, current: Current) {
        self.find_session(now, current);
    }

    /// Who asks is known: what do they ask about?
    pub(super) fn find_session(&mut self, now: Instant, mut current: Current) {
        let request = current.view();
        let named = named_session(request);
        let found = match named {
            Some(id) => self.sessions.find(id),
            None => pipeline_of(request).and_then(|number| self.sessions.of_pipeline(number)),
        };
        // Who proved to be somebody else has no session here, whatever the id.
        let is_others = |key: SessionKey| {
            let owner = self.sessions.get(key).and_then(|session| session.user.as_ref());
            owner.zip(current.user.as_ref()).is_some_and(|(owner, user)| owner != user)
        };
        if found.is_some_and(is_others) {
            let refusal = Refusal::Plain(StatusCode::SESSION_NOT_FOUND);
            return self.refuse_early(now, &current, refusal);
        }
        if found.is_some() {
            current.session = found;
            return self.judge_in_session(now, current);
        }
        let elsewhere = named.and_then(chars::utf8).filter(|id| !id.is_empty());
        match (elsewhere, named) {
            (Some(id), _) if self.config.sessions_elsewhere => {
                let session = String::from(id);
                let (id, user) = (current.id, current.user.clone());
                current.phase = Phase::WantsSession(session.clone());
                self.current = Some(current);
                self.out.event(Event::SessionWanted { id, session, user });
            }
            (_, Some(_)) => {
                self.refuse_early(now, &current, Refusal::Plain(StatusCode::SESSION_NOT_FOUND));
            }
            (_, None) if needs_session(current.method) => {
                self.refuse_early(now, &current, Refusal::Plain(StatusCode::SESSION_NOT_FOUND));
            }
            (_, None) => self.judge_in_session(now, current),
        }
    }

    /// The session is known: may this be done in it? Then it is answered here or asked.
    pub(super) fn judge_in_session(&mut self, now: Instant, mut current: Current) {
        if let Some(key) = current.session {
            self.refresh(now, key);
            if let Some(session) = self.sessions.get_mut(key) {
                session.version = current.version;
            }
        }
        let view = current.view();
        let known = current.session.and_then(|key| self.sessions.get(key));
        let aims = match self.judge_session(view, known) {
            Ok(aims) => aims,
            Err(refusal) => return self.refuse_early(now, &current, refusal),
        };
        if let Some(response) = self.own_answer(view, known.is_some()) {
            return self.conclude(now, &current, &response, None);
        }
        let play = (current.method == Method::Play).then(|| {
            let at = known.and_then(|session| session.stream_at(view.uri_bytes()));
            match (known.map(|session| session.state_at(at)), current.version) {
                (Some(State::Playing), Version::V2_0) => PlayEffect::Replaces,
                (Some(State::Playing), _) => PlayEffect::Queues,
                _ => PlayEffect::Begins,
            }
        });
        let request = self.keep(&mut current, aims);
        let event = Incoming {
            id: current.id,
            method: current.method,
            session: current.session,
            play,
            user: current.user.clone(),
            #[cfg(feature = "digest")]
            uri_match: current.proof.as_ref().and_then(|proof| proof.uri_match),
            request,
        };
        self.current = Some(current);
        self.out.event(Event::Request(event));
    }

    /// Takes the request for the application, and keeps what its answer depends on: nearly always
    /// its URI alone, if it controls a session.
    fn keep(&mut self, current: &mut Current, aims: bool) -> RequestBuf {
        let Some(request) = current.request.take() else {
            return Request::none().to_buf();
        };
        let view = request.view();
        let is_plain = current.version == Version::V1_0
            && self.datagrams.is_none()
            && current.user.is_none()
            && !aims
            && !view.headers().may_have(SELDOM | HeaderName::Supported.bit());
        if is_plain {
            if needs_session(current.method) || current.method == Method::Setup {
                let (mut memory, uri) = (core::mem::take(&mut self.uri), view.uri_bytes());
                if memory.capacity() < uri.len() {
                    memory = Vec::from(uri);
                } else {
                    memory.clear();
                    memory.extend_from_slice(uri);
                }
                current.uri = memory;
            }
        } else {
            current.request = Some(request.clone());
        }
        request
    }

    /// An answer without the application.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse_early(&mut self, now: Instant, current: &Current, refusal: Refusal) {
        let response = match refusal {
            Refusal::Plain(status) => ResponseBuilder::new(status),
            Refusal::With(response) => response,
        };
        let status = response.status();
        self.conclude(now, current, &response, None);
        if status == StatusCode::BAD_REQUEST && !self.closed {
            self.count_malformed(now);
        }
    }

    /// The answer to what needs no application: OPTIONS, and a parameter request without
    /// parameters, which is a sign of life (RFC 2326 §10.8, RFC 7826 §10.5).
    fn own_answer(&self, request: Request<'_>, in_session: bool) -> Option<ResponseBuilder> {
        let response = ResponseBuilder::new(StatusCode::OK);
        let headers = request.headers();
        match request.method() {
            // That has Public from where it is written.
            Method::Options => Some(response),
            // RFC 7826 §13.8: headers can be what is asked for.
            Method::GetParameter | Method::SetParameter
                if in_session
                    && request.body().is_empty()
                    && !PARAMETERS.iter().any(|name| headers.contains(*name)) =>
            {
                Some(response)
            }
            _ => None,
        }
    }

    /// The client answers a request of this side. Answers that nobody waits for mean
    /// nothing.
    #[cold]
    #[inline(never)]
    fn answered(&mut self, now: Instant, response: ResponseBuf) {
        let view = response.view();
        if view.status().is_informational() {
            return;
        }
        // Without a number it can only be the oldest that waits.
        let oldest =
            || self.asked.iter().min_by_key(|(_, asked)| asked.id.0).map(|(cseq, _)| *cseq);
        let Some(cseq) = view.cseq().or_else(oldest) else {
            return;
        };
        if let Some(asked) = self.asked.remove(&cseq) {
            self.timers.stop(&Timer::Request(asked.id));
            self.timers.stop(&Timer::Retransmit(asked.id));
            let succeeded = view.status().is_success();
            if let (id, method, true) = (asked.id, asked.method, asked.is_told) {
                self.out.event(Event::Response { id, method, response });
            }
            if succeeded {
                self.settle(now, asked);
            }
        }
    }

    /// A request of this side has no answer in time.
    pub(super) fn give_up(&mut self, now: Instant, id: crate::error::RequestId) {
        let found = self.asked.iter().find(|(_, asked)| asked.id == id).map(|(cseq, _)| *cseq);
        let Some(asked) = found.and_then(|cseq| self.asked.remove(&cseq)) else { return };
        self.timers.stop(&Timer::Retransmit(id));
        if asked.is_told {
            self.out.event(Event::RequestFailed { id, reason: RequestFailure::TimedOut });
        }
        self.settle(now, asked);
    }
}

/// What a body-less `GET_PARAMETER` asks for, if it is not a sign of life.
const PARAMETERS: &[HeaderName] = &[
    HeaderName::AcceptRanges,
    HeaderName::MediaProperties,
    HeaderName::MediaRange,
    HeaderName::Range,
    HeaderName::RtpInfo,
    HeaderName::Scale,
    HeaderName::Speed,
];

/// Methods that a session must be named for.
const fn needs_session(method: Method) -> bool {
    matches!(method, Method::Play | Method::Pause | Method::Record | Method::Teardown)
}

/// A peer is answered in its version; one that nobody knows in the highest that is known,
/// which is how 505 says what is supported (RFC 7826 §17.4.35 leaves the form open).
fn answer_version(version: Version) -> Version {
    if version.is_known() { version } else { Version::V2_0 }
}
