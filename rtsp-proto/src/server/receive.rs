//! What a server does with what arrives, up to the question to the application.

use super::{Current, Event, Incoming, Server, Timer, Waiting};
use crate::HeaderName;
use crate::conn::Received;
use crate::error::{CloseReason, SessionKey};
use crate::headers::{PipelinedRequests, Range, Session};
use crate::message::{
    Method, Request, RequestBuf, ResponseBuf, ResponseBuilder, StatusCode, Version,
};
use crate::quirks::refused_when_strict;
use crate::state::State;
use alloc::vec::Vec;
use core::fmt::Display;
use proto_wire::{Instant, LimitKind, ParseError, ParseErrorKind};

/// Why a request is answered without the application.
enum Refusal {
    Plain(StatusCode),
    With(ResponseBuilder),
}

impl Server {
    /// Cuts what arrived and acts on it, as far as the application keeps up.
    pub(super) fn work(&mut self, now: Instant) {
        loop {
            self.ask_next(now);
            if self.ended {
                return;
            }
            if self.inbox.len() >= self.config.pending_max {
                return self.check_backlog();
            }
            match self.receiver.next(&self.config.limits) {
                Ok(None) => return,
                Ok(Some(received)) => self.take(now, received),
                Err(error) => {
                    let broken = self.receiver.broken();
                    self.end(Waiting::Broken(broken, error));
                }
            }
        }
    }

    /// Against a host that reads on although the machine does not want input.
    fn check_backlog(&mut self) {
        let limits = &self.config.limits;
        let most =
            limits.head_max.saturating_add(limits.body_max).saturating_add(usize::from(u16::MAX));
        if self.receiver.len() > most {
            self.finish(CloseReason::Limit(LimitKind::Pending));
        }
    }

    fn take(&mut self, now: Instant, received: Received) {
        match received {
            Received::Request(request) => self.inbox.push_back(Waiting::Request(request)),
            Received::Malformed(request) => self.inbox.push_back(Waiting::Malformed(request)),
            Received::Response(response) => self.answered(response),
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
    fn ask_next(&mut self, now: Instant) {
        while self.current.is_none() && !self.closed {
            match self.inbox.pop_front() {
                None => return,
                Some(Waiting::Request(request)) => self.ask(now, request),
                Some(Waiting::Malformed(request)) => {
                    self.reply(request.view().cseq(), Version::V1_0, StatusCode::BAD_REQUEST);
                    self.count_malformed();
                }
                Some(Waiting::Broken(message, error)) => self.broken(&message, error),
                Some(Waiting::Eof) => self.finish(CloseReason::Eof),
            }
        }
    }

    fn count_malformed(&mut self) {
        self.malformed = self.malformed.saturating_add(1);
        if self.malformed > self.config.malformed_max {
            self.finish(CloseReason::Limit(LimitKind::Malformed));
        }
    }

    /// Nobody can tell where the next message begins: says so, and closes.
    fn broken(&mut self, message: &RequestBuf, error: ParseError) {
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
        self.finish(limit.map_or(CloseReason::Protocol(error), CloseReason::Limit));
    }

    fn ask(&mut self, now: Instant, request: RequestBuf) {
        let view = request.view();
        let (method, version, cseq) = (view.method(), view.version(), view.cseq());
        let judged = self.judge(now, view);
        match (judged, cseq) {
            (Err(Refusal::Plain(status)), _) => {
                self.reply(cseq, answer_version(version), status);
                if status == StatusCode::BAD_REQUEST {
                    self.count_malformed();
                }
            }
            (Err(Refusal::With(response)), _) => {
                self.write_reply(cseq, &response.version(answer_version(version)));
            }
            (Ok(_), None) => {
                self.reply(None, answer_version(version), StatusCode::BAD_REQUEST);
                self.count_malformed();
            }
            (Ok(session), Some(cseq)) => {
                self.malformed = 0;
                let own = self.own_answer(view, session);
                let id = self.new_id();
                let event = Incoming { id, method, session, request: request.clone() };
                self.current = Some(Current { id, method, cseq, version, session, request });
                match own {
                    Some(response) => self.answer_current(&response, None),
                    None => self.out.event(Event::Request(event)),
                }
            }
        }
    }

    /// Applies the rules in the order in which one makes sense only after the other: can
    /// it be read, is the method offered, are the requirements met, does the session
    /// exist, is the method valid in its state, do its own headers make sense.
    fn judge(&mut self, now: Instant, request: Request<'_>) -> Result<Option<SessionKey>, Refusal> {
        let headers = request.headers();
        let method = request.method();
        if !request.version().is_known() {
            return Err(Refusal::Plain(StatusCode::RTSP_VERSION_NOT_SUPPORTED));
        }
        let refused = |quirk| self.config.strict && refused_when_strict(quirk);
        // RFC 2326 §12.17: every request has a CSeq.
        if request.cseq().is_none() || request.quirks().first_of(refused).is_some() {
            return Err(Refusal::Plain(StatusCode::BAD_REQUEST));
        }
        self.judge_method(method)?;
        self.judge_requirements(request)?;
        let session = match headers.typed::<Session<'_>>() {
            Ok(None) => pipeline_of(request).and_then(|number| self.sessions.of_pipeline(number)),
            Ok(Some(named)) => self.sessions.find(named.id),
            Err(_) => None,
        };
        if session.is_none() && (needs_session(method) || headers.contains(HeaderName::Session)) {
            return Err(Refusal::Plain(StatusCode::SESSION_NOT_FOUND));
        }
        if let Some(key) = session {
            self.refresh(now, key);
        }
        let known = session.and_then(|key| self.sessions.get(key));
        if let (Some(known), Version::V2_0) = (known, request.version()) {
            known.judge_v2(request).map_err(Refusal::Plain)?;
        }
        let state = known.map_or(State::Init, |session| session.state);
        if state.after(method).is_none() {
            return Err(Refusal::Plain(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE));
        }
        match method {
            Method::Setup => self.judge_setup(request, session)?,
            Method::Play | Method::Pause | Method::Record
                if headers.typed::<Range<'_>>().is_err() =>
            {
                return Err(Refusal::Plain(StatusCode::INVALID_RANGE));
            }
            _ => {}
        }
        Ok(session)
    }

    fn judge_method(&self, method: Method) -> Result<(), Refusal> {
        if method == Method::Extension {
            return if self.config.extension_methods {
                Ok(())
            } else {
                Err(Refusal::Plain(StatusCode::NOT_IMPLEMENTED))
            };
        }
        if is_for_clients(method) || !self.config.methods.contains(method) {
            // RFC 2326 §11.3.1: 405 says what is allowed.
            let response = ResponseBuilder::new(StatusCode::METHOD_NOT_ALLOWED)
                .header(HeaderName::Allow, self.config.methods);
            return Err(Refusal::With(response));
        }
        Ok(())
    }

    /// RFC 2326 §12.32: 551 names the tags that are not supported, and only those.
    fn judge_requirements(&self, request: Request<'_>) -> Result<(), Refusal> {
        let headers = request.headers();
        let unsupported: Vec<_> = headers
            .tokens(HeaderName::Require)
            .chain(headers.tokens(HeaderName::ProxyRequire))
            .filter(|tag| !self.config.features.iter().any(|f| f.eq_ignore_ascii_case(tag)))
            .collect();
        if unsupported.is_empty() {
            return Ok(());
        }
        let response = ResponseBuilder::new(StatusCode::OPTION_NOT_SUPPORTED)
            .header(HeaderName::Unsupported, unsupported.join(", "));
        // A tag that cannot stand in a header is not named.
        Err(match response.check() {
            Ok(()) => Refusal::With(response),
            Err(_) => Refusal::Plain(StatusCode::OPTION_NOT_SUPPORTED),
        })
    }

    fn judge_setup(
        &self,
        request: Request<'_>,
        session: Option<SessionKey>,
    ) -> Result<(), Refusal> {
        if !request.headers().transports().any(|transport| transport.is_ok()) {
            return Err(Refusal::Plain(StatusCode::UNSUPPORTED_TRANSPORT));
        }
        let full = match session.and_then(|key| self.sessions.get(key)) {
            Some(session) => {
                session.streams.len() >= self.config.streams_max
                    && !session.streams.iter().any(|stream| stream.url == request.uri())
            }
            None => self.sessions.len() >= self.config.sessions_max,
        };
        if full { Err(Refusal::Plain(StatusCode::SERVICE_UNAVAILABLE)) } else { Ok(()) }
    }

    /// The answer to what needs no application: OPTIONS, and `GET_PARAMETER` without a
    /// body, which is a sign of life (RFC 2326 §10.8).
    fn own_answer(
        &self,
        request: Request<'_>,
        session: Option<SessionKey>,
    ) -> Option<ResponseBuilder> {
        let response = ResponseBuilder::new(StatusCode::OK);
        match request.method() {
            Method::Options => {
                let response = response.header(HeaderName::Public, self.config.methods);
                Some(if self.config.features.is_empty() {
                    response
                } else {
                    response.header(HeaderName::Supported, self.config.features.join(", "))
                })
            }
            Method::GetParameter if session.is_some() && request.body().is_empty() => {
                Some(response)
            }
            _ => None,
        }
    }

    /// An answer to a request that goes no further.
    fn reply(&mut self, cseq: Option<u32>, version: Version, status: StatusCode) {
        self.write_reply(cseq, &ResponseBuilder::new(status).version(version));
    }

    fn write_reply(&mut self, cseq: Option<u32>, response: &ResponseBuilder) {
        let mut lines: Vec<(HeaderName, &dyn Display)> = Vec::new();
        if let Some(cseq) = &cseq {
            lines.push((HeaderName::CSeq, cseq));
        }
        if !self.config.server_name.is_empty() {
            lines.push((HeaderName::Server, &self.config.server_name));
        }
        // Only a configured name that is no header text can fail here.
        let bytes = response.encode(&lines).or_else(|_| match &cseq {
            Some(cseq) => response.encode(&[(HeaderName::CSeq, cseq)]),
            None => response.encode(&[]),
        });
        if let Ok(bytes) = bytes {
            self.out.send(bytes);
        }
    }

    /// The client answers a request of this side. Answers that nobody waits for mean
    /// nothing.
    fn answered(&mut self, response: ResponseBuf) {
        let view = response.view();
        if view.status().is_informational() {
            return;
        }
        // Without a number it can only be the oldest that waits.
        let oldest = || self.asked.iter().min_by_key(|(_, (id, _))| id.0).map(|(cseq, _)| *cseq);
        let Some(cseq) = view.cseq().or_else(oldest) else {
            return;
        };
        if let Some((id, method)) = self.asked.remove(&cseq) {
            self.timers.stop(&Timer::Request(id));
            self.out.event(Event::Response { id, method, response });
        }
    }
}

/// `Pipelined-Requests` of a request of 2.0 (RFC 7826 §18.33).
pub(super) fn pipeline_of(request: Request<'_>) -> Option<u32> {
    let number = request.headers().typed::<PipelinedRequests>().ok().flatten();
    number.filter(|_| request.version() == Version::V2_0).map(|number| number.0)
}

/// Methods that a session must be named for.
const fn needs_session(method: Method) -> bool {
    matches!(method, Method::Play | Method::Pause | Method::Record | Method::Teardown)
}

/// Methods that only servers send (RFC 2326 §10, RFC 7826 §13).
const fn is_for_clients(method: Method) -> bool {
    matches!(method, Method::Redirect | Method::PlayNotify)
}

/// A peer is answered in its version; one that nobody knows in the highest that is known,
/// which is how 505 says what is supported (RFC 7826 §17.4.35 leaves the form open).
fn answer_version(version: Version) -> Version {
    if version.is_known() { version } else { Version::V2_0 }
}
