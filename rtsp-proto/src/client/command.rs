//! The commands of a client.

use super::auth::Auth;
use super::{Client, KeepAlive, Pending, Purpose, Session, Settled, Timer};
use crate::HeaderName;
use crate::error::{CloseReason, CommandError, PeerRequestId, RequestId, SessionKey};
use crate::headers::{Range, Transport};
use crate::message::{BuildError, Method, RequestBuilder, ResponseBuilder};
use crate::state::State;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::Display;
use core::time::Duration;
use proto_wire::{Instant, LimitKind};

impl Client {
    /// Asks what the server can do; `url` may be `*`.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn options(&mut self, now: Instant, url: &str) -> Result<RequestId, CommandError> {
        self.request(now, None, RequestBuilder::new(Method::Options, url))
    }

    /// Asks for the description of `url`, as SDP.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn describe(&mut self, now: Instant, url: &str) -> Result<RequestId, CommandError> {
        let request = RequestBuilder::new(Method::Describe, url)
            .header(HeaderName::Accept, "application/sdp");
        self.request(now, None, request)
    }

    /// Begins a session on this side: nothing is sent before the first
    /// [`setup`](Self::setup). `url` is the URL of the whole presentation (the base of its
    /// control URLs), which PLAY, PAUSE and TEARDOWN will name.
    ///
    /// # Errors
    /// Closed, too many sessions, or a URL that cannot be sent.
    pub fn open_session(&mut self, _now: Instant, url: &str) -> Result<SessionKey, CommandError> {
        self.check_open()?;
        if self.sessions.len() >= self.config.sessions_max {
            return Err(CommandError::Limit(LimitKind::Sessions));
        }
        RequestBuilder::new(Method::Play, url).check()?;
        let key = SessionKey(self.new_number());
        self.sessions.insert(key, Session::new(String::from(url)));
        Ok(key)
    }

    /// Sets up the stream at `url`, over the first of the `offers` that the server likes.
    ///
    /// # Errors
    /// As [`request`](Self::request); also before the answer to the session's first SETUP,
    /// and [`BuildError::Value`] without any offer.
    pub fn setup(
        &mut self,
        now: Instant,
        session: SessionKey,
        url: &str,
        offers: &[Transport<'_>],
    ) -> Result<RequestId, CommandError> {
        self.setup_with(now, session, RequestBuilder::new(Method::Setup, url), offers)
    }

    /// The same with headers of one's own (`Require`, for example) in `request`.
    ///
    /// # Errors
    /// As [`setup`](Self::setup).
    pub fn setup_with(
        &mut self,
        now: Instant,
        session: SessionKey,
        request: RequestBuilder,
        offers: &[Transport<'_>],
    ) -> Result<RequestId, CommandError> {
        let method = request.method();
        if method != Method::Setup {
            return Err(CommandError::WrongMethod { method });
        }
        let first = offers.first().ok_or(CommandError::Build(BuildError::Value))?;
        let (known, id) = self.target(session)?;
        let waits = |p: &Pending| p.session == Some(session) && p.request.method() == method;
        if id.is_none() && self.pending.values().any(waits) {
            return Err(CommandError::NoSessionId);
        }
        let streams = u8::try_from(known.streams.len()).unwrap_or(u8::MAX);
        let offered = Settled::of(first, None, streams.saturating_mul(2));
        let version = self.config.version;
        let list: Vec<String> =
            offers.iter().map(|offer| offer.for_version(version).to_string()).collect();
        let request = request.header(HeaderName::Transport, list.join(","));
        self.send(now, Some(session), request, Purpose::Setup(offered))
    }

    /// Starts playing all streams of the session, or what `range` says.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn play(
        &mut self,
        now: Instant,
        session: SessionKey,
        range: Option<&Range<'_>>,
    ) -> Result<RequestId, CommandError> {
        let mut request = self.for_session(session, Method::Play)?;
        if let Some(range) = range {
            request = request.header(HeaderName::Range, range);
        }
        self.request(now, Some(session), request)
    }

    /// Stops all streams of the session for a while.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn pause(&mut self, now: Instant, session: SessionKey) -> Result<RequestId, CommandError> {
        let request = self.for_session(session, Method::Pause)?;
        self.request(now, Some(session), request)
    }

    /// Starts sending to all streams of the session, which ANNOUNCE (by
    /// [`request`](Self::request)) described and which were set up with `mode=record`.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn record(&mut self, now: Instant, session: SessionKey) -> Result<RequestId, CommandError> {
        let request = self.for_session(session, Method::Record)?;
        self.request(now, Some(session), request)
    }

    /// Asks for parameters by name, one a line; without names it is a sign of life.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn get_parameter(
        &mut self,
        now: Instant,
        session: SessionKey,
        names: &[&str],
    ) -> Result<RequestId, CommandError> {
        let mut request = self.for_session(session, Method::GetParameter)?;
        if !names.is_empty() {
            let mut body = names.join("\r\n");
            body.push_str("\r\n");
            request = request.body("text/parameters", body);
        }
        self.request(now, Some(session), request)
    }

    /// Ends the session.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn teardown(
        &mut self,
        now: Instant,
        session: SessionKey,
    ) -> Result<RequestId, CommandError> {
        let request = self.for_session(session, Method::Teardown)?;
        self.request(now, Some(session), request)
    }

    /// Sends any request but SETUP: other methods, or the above with other headers. CSeq,
    /// Session, User-Agent and credentials are added here; a success has the effect that
    /// the method has.
    ///
    /// Requests may follow each other without waiting; whether one is valid is judged as if
    /// those before it succeed.
    ///
    /// # Errors
    /// Closed; no such session; the method is not valid in its state; the session has no id
    /// yet; too many requests wait; or the request cannot be written.
    pub fn request(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        request: RequestBuilder,
    ) -> Result<RequestId, CommandError> {
        let method = request.method();
        if method == Method::Setup {
            return Err(CommandError::WrongMethod { method });
        }
        self.send(now, session, request, Purpose::Command)
    }

    /// Answers a request of the server. Version and CSeq are set here.
    ///
    /// # Errors
    /// Closed, no such request, or a response that cannot be written.
    pub fn respond(
        &mut self,
        _now: Instant,
        id: PeerRequestId,
        response: &ResponseBuilder,
    ) -> Result<(), CommandError> {
        self.check_open()?;
        let (cseq, version) = *self.asked.get(&id).ok_or(CommandError::UnknownRequest)?;
        let response = response.clone().version(version);
        let bytes = response.encode(&[(HeaderName::CSeq, &cseq)])?;
        self.asked.remove(&id);
        self.out.send(bytes);
        Ok(())
    }

    /// Sends an interleaved packet: RTCP, or media when recording. It goes out as two
    /// pieces, the header and `payload` as it is.
    ///
    /// # Errors
    /// [`CommandError::UnknownChannel`] when no stream is set up on `channel`, a limit when
    /// the payload is longer than 65,535 bytes or too much waits to be sent.
    pub fn send_media(
        &mut self,
        _now: Instant,
        channel: u8,
        payload: Bytes,
    ) -> Result<(), CommandError> {
        self.check_open()?;
        if !self.sessions.values().any(|session| session.has_channel(channel)) {
            return Err(CommandError::UnknownChannel);
        }
        self.out.send_frame(channel, payload).map_err(CommandError::Limit)
    }

    /// Ends the connection.
    ///
    /// # Errors
    /// It is closed already.
    pub fn close(&mut self, _now: Instant) -> Result<(), CommandError> {
        self.check_open()?;
        self.finish(CloseReason::Local);
        Ok(())
    }

    fn for_session(
        &self,
        session: SessionKey,
        method: Method,
    ) -> Result<RequestBuilder, CommandError> {
        self.check_open()?;
        Ok(RequestBuilder::new(method, self.target(session)?.0.url()))
    }

    fn send(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        request: RequestBuilder,
        purpose: Purpose,
    ) -> Result<RequestId, CommandError> {
        self.check_open()?;
        if self.pending.len() >= self.config.pending_max {
            return Err(CommandError::Limit(LimitKind::Pending));
        }
        if let Some(key) = session {
            self.check_state(key, request.method())?;
        }
        request.check()?;
        let id = RequestId(self.new_number());
        let request = request.version(self.config.version);
        let sent = alloc::vec![];
        self.transmit(now, Pending { id, session, request, purpose, sent })?;
        Ok(id)
    }

    fn check_state(&self, key: SessionKey, method: Method) -> Result<(), CommandError> {
        let (session, _) = self.target(key)?;
        let mut state = session.state;
        let mut waiting: Vec<_> =
            self.pending.values().filter(|p| p.session == Some(key)).collect();
        waiting.sort_by_key(|pending| pending.id);
        for pending in waiting {
            state = state.after(pending.request.method()).unwrap_or(state);
        }
        if state.after(method).is_none() {
            return Err(CommandError::State { method, state });
        }
        // What is on its way to be set up cannot be named yet.
        let acts = method != Method::Setup;
        if acts && session.state == State::Init && state != State::Init {
            return Err(CommandError::NoSessionId);
        }
        Ok(())
    }

    /// Sends a request, for the first time or again, under a new number.
    pub(super) fn transmit(
        &mut self,
        now: Instant,
        mut pending: Pending,
    ) -> Result<(), CommandError> {
        pending.sent = self.auth.answers(&mut self.rng, &pending.request);
        let answers = Auth::lines(&pending.sent);
        let session = pending.session.and_then(|key| self.sessions.get(&key));
        let mut lines: Vec<(HeaderName, &dyn Display)> = Vec::new();
        lines.push((HeaderName::CSeq, &self.next_cseq));
        // Without the timeout, which some servers take for a part of the id.
        if let Some(id) = session.and_then(|session| session.id.as_ref()) {
            lines.push((HeaderName::Session, id));
        }
        if !self.config.user_agent.is_empty() {
            lines.push((HeaderName::UserAgent, &self.config.user_agent));
        }
        for (name, value) in &answers {
            lines.push((*name, value));
        }
        let bytes = pending.request.encode(&lines)?;
        let deadline = now.saturating_add(self.config.request_timeout);
        self.timers.set(Timer::Request(pending.id), deadline);
        if let Some(key) = pending.session {
            self.plan_life(now, key);
        }
        self.pending.insert(self.next_cseq, pending);
        self.next_cseq = self.next_cseq.wrapping_add(1);
        self.out.send(bytes);
        Ok(())
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

    pub(super) fn show_life(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        let offers = |method| self.public.is_some_and(|public| public.contains(method));
        let method = session.keep_alive.unwrap_or_else(|| {
            if offers(Method::GetParameter) {
                Method::GetParameter
            } else if offers(Method::SetParameter) {
                Method::SetParameter
            } else {
                Method::Options
            }
        });
        let request = RequestBuilder::new(method, &session.url);
        // When too much waits, the next one will do.
        let _sent = self.send(now, Some(key), request, Purpose::KeepAlive);
        self.plan_life(now, key);
    }
}
