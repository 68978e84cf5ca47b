//! Sending requests: for the first time, in another way, or again.

use super::auth::Auth;
use super::{Client, Event, KeepAlive, Pending, Purpose, Timer};
use crate::HeaderName;
use crate::Url;
use crate::error::{CommandError, RequestFailure, RequestId, SessionKey};
use crate::message::{BuildError, Method, Methods, RequestBuilder, Response, StatusCode, Version};
use crate::state::State;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::text::chars;
use proto_wire::{Instant, LimitKind};

/// Nine digits (RFC 7826 §20.2.3).
const CSEQ_MAX: u32 = 999_999_999;

/// `url` as it may go on the wire, when that is not as it stands: user and password never do.
/// What cannot be read may hold them too, as `rtsp://user:pass/word@host/` does, and is refused.
pub(super) fn without_credentials(url: &str) -> Result<Option<String>, BuildError> {
    if !chars::contains(url.as_bytes(), b'@') {
        return Ok(None);
    }
    let url = Url::parse(url).map_err(|_| BuildError::Uri)?;
    Ok(url.credentials().map(|_| url.without_credentials().to_string()))
}

impl Client {
    pub(super) fn send(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        mut request: RequestBuilder,
        purpose: Purpose,
    ) -> Result<RequestId, CommandError> {
        self.check_open()?;
        if let Some(url) = without_credentials(request.uri())? {
            request = request.with_uri(&url);
        }
        if self.pending.len().saturating_add(self.waiting.len()) >= self.config.pending_max {
            return Err(CommandError::Limit(LimitKind::Pending));
        }
        if let Some(key) = session {
            self.check_state(key, &request)?;
        }
        request.check()?;
        let id = self.new_request_id();
        let pending = match self.spare.take() {
            Some(mut spare) => {
                spare.renew(id, session, request, purpose);
                spare
            }
            None => Box::new(Pending::new(id, session, request, purpose)),
        };
        self.dispatch(now, pending)?;
        Ok(id)
    }

    /// Judges a request as if all before it succeed.
    fn check_state(&self, key: SessionKey, request: &RequestBuilder) -> Result<(), CommandError> {
        let (session, id) = self.target(key)?;
        let method = request.method();
        let unnamed = id.is_none() && session.pipeline.is_none();
        if self.pending.is_empty() && self.waiting.is_empty() {
            let state = session.judge(core::iter::empty(), (method, request.uri()))?;
            let waits = session.state() == State::Init && state != State::Init;
            return if unnamed && waits { Err(CommandError::NoSessionId) } else { Ok(()) };
        }
        let before = self.outstanding(key);
        let is_new = before.iter().any(|pending| pending.request.method() == Method::Setup);
        let before = before.iter().map(|p| (p.request.method(), p.request.uri()));
        let state = session.judge(before, (method, request.uri()))?;
        // What is on its way to be set up cannot be named yet in 1.0.
        let waits = session.state() == State::Init && (state != State::Init || is_new);
        if unnamed && waits { Err(CommandError::NoSessionId) } else { Ok(()) }
    }

    /// The requests about a session that are not answered, in the order of their commands.
    #[cold]
    #[inline(never)]
    fn outstanding(&self, key: SessionKey) -> Vec<&Pending> {
        let all = self.pending.values().chain(&self.waiting).map(Box::as_ref);
        let mut of_session: Vec<_> = all.filter(|p| p.session == Some(key)).collect();
        of_session.sort_by_key(|pending| pending.id);
        of_session
    }

    /// Sends a request as soon as it can be sent.
    pub(super) fn dispatch(
        &mut self,
        now: Instant,
        pending: Box<Pending>,
    ) -> Result<(), CommandError> {
        let (id, session) = (pending.id, pending.session);
        let mut before = self.waiting.iter().take_while(|waiting| waiting.id < id);
        let behind = before.any(|waiting| self.is_datagrams || waiting.session == session);
        if behind || self.must_wait(&pending) {
            // One that is sent again has the place that its command had.
            let place = self.waiting.partition_point(|waiting| waiting.id < id);
            self.waiting.insert(place, pending);
            return Ok(());
        }
        self.transmit(now, pending)
    }

    /// Sends those that have waited.
    pub(super) fn release(&mut self, now: Instant) {
        while let Some(pending) = self.waiting.pop_front() {
            if self.is_moot(&pending) {
                self.failed(&pending, RequestFailure::SessionEnded);
                continue;
            }
            if self.must_wait(&pending) {
                return self.waiting.push_front(pending);
            }
            let lost = pending.clone();
            if self.transmit(now, pending).is_err() {
                self.failed(&lost, RequestFailure::Malformed);
            }
        }
    }

    /// Its session is over: without the name of one it would mean something else.
    pub(super) fn is_moot(&self, pending: &Pending) -> bool {
        pending.session.is_some_and(|key| !self.sessions.contains_key(&key))
    }

    fn must_wait(&self, pending: &Pending) -> bool {
        // Datagrams overtake each other: one question at a time.
        if self.is_datagrams {
            return !self.pending.is_empty();
        }
        // A session that fell back to 1.0, or whose first SETUP was refused and is sent again,
        // cannot be named before its first answer.
        let unnamed = |session: &super::Session| {
            session.id.is_none() && (session.pipeline.is_none() || pending.unbound)
        };
        pending.session.and_then(|key| self.sessions.get(&key)).is_some_and(unnamed)
            && self.follows_a_setup(pending)
    }

    /// Whether a SETUP of the same session, that was asked for before, is not answered.
    fn follows_a_setup(&self, pending: &Pending) -> bool {
        self.pending.values().any(|other| {
            other.id < pending.id
                && other.session == pending.session
                && other.request.method() == Method::Setup
        })
    }

    /// 454 to a request that was bound to a SETUP which was challenged (or refused otherwise,
    /// and sent again): the server had nothing to bind it to.
    #[cold]
    #[inline(never)]
    fn is_unbound(&self, pending: &Pending, response: Response<'_>) -> bool {
        let session = pending.session.and_then(|key| self.sessions.get(&key));
        response.status() == StatusCode::SESSION_NOT_FOUND
            && pending.pipelined
            && !pending.unbound
            && (session.is_some_and(|s| s.id.is_some()) || self.follows_a_setup(pending))
    }

    /// Sends a request, for the first time or in another way, under a new number.
    pub(super) fn transmit(
        &mut self,
        now: Instant,
        mut pending: Box<Pending>,
    ) -> Result<(), CommandError> {
        let session = pending.session.and_then(|key| self.sessions.get(&key));
        // A session that is left is spoken of in its own version.
        if !matches!(pending.purpose, Purpose::Farewell) {
            pending.version = session.map_or(self.version, |session| session.version);
        }
        let version = pending.version;
        pending.request.set_version(version);
        pending.sent = self.auth.answers(&mut self.rng, &pending.request);
        if !self.requirements.is_empty() || !pending.tags.is_empty() {
            pending.tags = self.tags_for(pending.request.method());
        }
        pending.pipelined = session.is_some_and(|s| s.id.is_none() && s.pipeline.is_some());
        pending.tries = 0;
        pending.sent_at = now;
        let cseq = self.next_cseq;
        let bytes = self.encode(now, cseq, &pending)?;
        let deadline = now.saturating_add(self.config.request_timeout);
        self.timers.set(Timer::Request(pending.id), deadline);
        self.plan_retransmission(now, &pending);
        if let Some(key) = pending.session {
            self.plan_life(now, key);
        }
        self.pending.insert(cseq, pending);
        self.next_cseq = self.cseq_after(cseq);
        self.out.send(bytes);
        Ok(())
    }

    /// The next number that no request waits under. They begin again where RFC 7826 §18.20
    /// has no more digits.
    fn cseq_after(&self, cseq: u32) -> u32 {
        let mut next = cseq;
        loop {
            next = if next >= CSEQ_MAX { 1 } else { next.saturating_add(1) };
            if !self.pending.contains_key(&next) {
                return next;
            }
        }
    }

    pub(super) fn encode(
        &self,
        now: Instant,
        cseq: u32,
        pending: &Pending,
    ) -> Result<Bytes, BuildError> {
        let answers = if pending.sent.is_empty() { Vec::new() } else { Auth::lines(&pending.sent) };
        let session = pending.session.and_then(|key| self.sessions.get(&key));
        pending.request.encode(pending.request.built_for(), |lines| {
            lines.number(HeaderName::CSeq, cseq);
            if let Some(session) = session {
                match (&session.id, session.pipeline) {
                    // Without the timeout, which some servers take for a part of the id.
                    (Some(id), _) => lines.text(HeaderName::Session, id),
                    (None, Some(number)) => lines.number(HeaderName::PipelinedRequests, number),
                    (None, None) => {}
                }
            }
            if !self.config.user_agent.is_empty() {
                lines.text(HeaderName::UserAgent, &self.config.user_agent);
            }
            for tag in &pending.tags {
                lines.text(HeaderName::Require, tag);
            }
            if let Purpose::Setup(offer) = &pending.purpose {
                if pending.version == Version::V2_0 {
                    lines.text(HeaderName::Transport, &offer.v2);
                    // RFC 7826 §13.3: "The client MUST include the Accept-Ranges header".
                    if !self.config.accept_ranges.is_empty() {
                        lines.text(HeaderName::AcceptRanges, &self.config.accept_ranges);
                    }
                } else {
                    lines.text(HeaderName::Transport, &offer.v1);
                }
            }
            if self.is_datagrams {
                lines.show(HeaderName::Timestamp, &super::datagram::timestamp(now));
            }
            for (name, value) in &answers {
                lines.text(*name, value);
            }
            if matches!(pending.purpose, Purpose::Describe) {
                lines.clean(HeaderName::Accept, b"application/sdp");
            }
        })
    }

    /// Whether a response makes the request go out again, in another way; if so, it has.
    pub(super) fn is_sent_again(
        &mut self,
        now: Instant,
        pending: &Pending,
        response: Response<'_>,
    ) -> bool {
        if response.status().is_success() && pending.sent.is_empty() {
            // Nothing was answered that it could be about.
            return false;
        }
        self.tries_otherwise(now, pending, response)
    }

    #[cold]
    fn tries_otherwise(&mut self, now: Instant, pending: &Pending, response: Response<'_>) -> bool {
        let mut next = None;
        if self.auth.wants_retry(response, &pending.sent)
            || self.falls_back(pending, response)
            || self.drops_requirements(&pending.tags, response)
        {
            next = Some(Box::new(pending.clone()));
        } else if self.is_unbound(pending, response) {
            next = Some(Box::new(Pending { unbound: true, ..pending.clone() }));
        } else if let Some(redirection) = self.redirection(pending, response) {
            if let (super::Follow::Here, Some(target)) = (redirection.follow, &redirection.target) {
                next = Some(Box::new(self.moved(pending.clone(), target)));
                let (id, session) = (Some(pending.id), pending.session);
                self.out.event(Event::Redirected { id, session, redirection });
            }
        }
        // When it means nothing any more, or cannot be written, the response is its answer.
        next.filter(|next| !self.is_moot(next)).is_some_and(|next| self.dispatch(now, next).is_ok())
    }

    /// 505 to a request of 2.0: whether 1.0 is tried.
    #[cold]
    #[inline(never)]
    fn falls_back(&mut self, pending: &Pending, response: Response<'_>) -> bool {
        let refused = response.status() == StatusCode::RTSP_VERSION_NOT_SUPPORTED;
        let is_settled = |key| self.sessions.get(&key).is_some_and(|s| s.id.is_some());
        if !refused
            || pending.version != Version::V2_0
            || !self.config.version_fallback
            // It keeps its version, and would be refused again and again.
            || matches!(pending.purpose, Purpose::Farewell)
            || pending.session.is_some_and(is_settled)
        {
            return false;
        }
        self.speak(Version::V1_0);
        true
    }

    /// A server that answers 2.0 in 1.0 speaks 1.0.
    pub(super) fn hear_version(&mut self, pending: &Pending, response: Response<'_>) {
        if pending.version == Version::V2_0
            && response.version() == Version::V1_0
            && response.status() != StatusCode::RTSP_VERSION_NOT_SUPPORTED
            && self.config.version_fallback
        {
            self.speak(Version::V1_0);
        }
    }

    #[cold]
    #[inline(never)]
    fn speak(&mut self, version: Version) {
        if self.version == version {
            return;
        }
        self.version = version;
        // The version of a session that the server has does not change.
        for session in self.sessions.values_mut().filter(|session| session.id.is_none()) {
            session.restart(version);
        }
        self.out.event(Event::VersionChanged { version });
    }

    /// Every request that names the session is a sign of life: the next one is due later.
    pub(super) fn plan_life(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        let interval = match self.config.keep_alive {
            KeepAlive::Off => return,
            KeepAlive::Every(interval) => interval,
            KeepAlive::Auto => session.timeout.checked_div(2).unwrap_or(session.timeout),
        };
        if session.id.is_some() {
            let at = now.saturating_add(interval.max(Duration::from_secs(1)));
            self.timers.set(Timer::KeepAlive(key), at);
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn show_life(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        let method = sign_of_life(self.public, session.failed_signs);
        let request = RequestBuilder::new(method, &session.url);
        // When too much waits, the next one will do.
        let _sent = self.send(now, Some(key), request, Purpose::KeepAlive);
        self.plan_life(now, key);
    }

    /// A sign of life was refused: another method, at once, because this one may not have
    /// counted. Never again this one.
    #[cold]
    #[inline(never)]
    pub(super) fn show_life_otherwise(&mut self, now: Instant, key: SessionKey, failed: Method) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if failed != Method::Options && !session.failed_signs.contains(failed) {
            session.failed_signs = session.failed_signs.with(failed);
            self.show_life(now, key);
        }
    }
}

/// `GET_PARAMETER`, `SET_PARAMETER` or OPTIONS: the first that is offered and has not failed.
fn sign_of_life(public: Option<Methods>, failed: Methods) -> Method {
    let offered = public.unwrap_or(Methods::NONE);
    [Method::GetParameter, Method::SetParameter]
        .into_iter()
        .find(|method| offered.contains(*method) && !failed.contains(*method))
        .unwrap_or(Method::Options)
}
