//! What a client does with what arrives.

use super::session::bare;
use super::{Client, Event, Pending, Purpose, Settled, Stream, Timer};
use crate::HeaderName;
use crate::conn::Received;
use crate::error::{CloseReason, RequestFailure, SessionEnd, SessionKey};
use crate::headers::{ChannelPair, Session};
use crate::message::{Kind, Method, Response, ResponseBuf, StatusCode};
use crate::quirks::is_odd;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::{Instant, LimitKind, ParseErrorKind};

impl Client {
    pub(super) fn work(&mut self, now: Instant) {
        while !self.closed && self.receiver.len() > 0 {
            let known = |channel| self.sessions.values().any(|s| s.has_channel(channel));
            match self.receiver.next(&self.config.limits, known) {
                Ok(None) => return,
                Ok(Some(received)) => self.take(now, received),
                Err(_) if self.is_datagrams => return,
                Err(error) => {
                    self.report_dropped();
                    // Nobody can tell where the next message begins.
                    return self.finish(match error.kind() {
                        ParseErrorKind::Limit(limit) => CloseReason::Limit(limit),
                        _ => CloseReason::Protocol(error),
                    });
                }
            }
        }
    }

    fn take(&mut self, now: Instant, received: Received) {
        match received {
            Received::Media { channel, payload } => {
                let mut sessions = self.sessions.iter();
                let session = sessions.find(|(_, s)| s.has_channel(channel)).map(|(key, _)| *key);
                self.out.event(Event::Media { session, channel, payload });
            }
            Received::Skipped { bytes } => self.out.event(Event::Skipped { bytes }),
            Received::Response(response) => self.answered(now, response),
            Received::Request(request) => self.asks(now, request),
            Received::Malformed(message) => {
                if message.kind() == Kind::Request {
                    self.refuse(message.view(), StatusCode::BAD_REQUEST);
                }
                self.count_malformed();
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn report_dropped(&mut self) {
        if let Some(bytes) = self.receiver.dropped() {
            self.out.event(Event::Skipped { bytes });
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn count_malformed(&mut self) {
        self.malformed = self.malformed.saturating_add(1);
        // Whoever may have sent a datagram does not end the conversation.
        if !self.is_datagrams && self.malformed > self.config.malformed_max {
            self.finish(CloseReason::Limit(LimitKind::Malformed));
        }
    }

    fn answered(&mut self, now: Instant, response: ResponseBuf) {
        let view = response.view();
        // One without a number answers the oldest request; one with a wrong number must not
        // complete another one.
        let cseq = match view.cseq() {
            Some(cseq) => Some(cseq),
            None if self.config.strict => None,
            None => self.pending.iter().min_by_key(|(_, p)| p.id).map(|(cseq, _)| *cseq),
        };
        let Some(mut pending) = cseq.and_then(|cseq| self.pending.remove(&cseq)) else {
            return self.unmatched(cseq, response);
        };
        if self.config.strict && is_odd(view.quirks(), view.headers()) {
            self.stop_waiting(&pending);
            self.failed(&pending, RequestFailure::Malformed);
            self.count_malformed();
            return self.release(now);
        }
        self.malformed = 0;
        if view.status().is_informational() {
            return self.not_yet(now, cseq, pending);
        }
        self.stop_waiting(&pending);
        self.measure(now, &pending, view);
        if let Some(public) = view.headers().methods(HeaderName::Public) {
            self.public = Some(public);
        }
        self.hear_version(&pending, view);
        if !self.is_sent_again(now, &pending, view) {
            self.deliver(now, &mut pending, response);
        }
        self.spare = Some(pending);
        self.release(now);
    }

    #[cold]
    fn unmatched(&mut self, cseq: Option<u32>, response: ResponseBuf) {
        if !self.is_duplicate(cseq) {
            self.out.event(Event::Unmatched { response });
        }
    }

    /// An answer that says that there will be one.
    #[cold]
    fn not_yet(&mut self, now: Instant, cseq: Option<u32>, pending: Box<Pending>) {
        let deadline = now.saturating_add(self.config.request_timeout);
        self.timers.set(Timer::Request(pending.id), deadline);
        // Over datagrams the final answer may get lost: only asking again brings it.
        self.plan_retransmission(now, &pending);
        if let Some(cseq) = cseq {
            self.pending.insert(cseq, pending);
        }
    }

    fn stop_waiting(&mut self, pending: &Pending) {
        self.timers.stop(&Timer::Request(pending.id));
        if self.is_datagrams {
            self.timers.stop(&Timer::Retransmit(pending.id));
        }
    }

    fn deliver(&mut self, now: Instant, pending: &mut Pending, response: ResponseBuf) {
        let (id, method) = (pending.id, pending.request.method());
        let session = pending.session;
        let view = response.view();
        let status = view.status();
        let effect = self.effect(now, pending, view);
        let redirection =
            if status.is_redirection() { self.redirection(pending, view) } else { None };
        let is_over = session.is_some_and(|key| !self.sessions.contains_key(&key));
        if is_over && method == Method::Setup && status.is_success() {
            self.farewell_to(now, pending, view);
        }
        let is_named = session
            .and_then(|key| self.sessions.get(&key))
            .is_some_and(|session| session.id.is_some());
        match pending.purpose {
            Purpose::KeepAlive => {
                if let (false, Some(key)) = (status.is_success(), session) {
                    if status != StatusCode::SESSION_NOT_FOUND && redirection.is_none() {
                        self.show_life_otherwise(now, key, method);
                    }
                }
            }
            Purpose::Farewell => return,
            Purpose::Command | Purpose::Describe | Purpose::Setup(_) => {
                self.out.event(Event::Response { id, method, session, response });
            }
        }
        if let Some(event) = effect {
            self.out.event(event);
        }
        let is_redirected = redirection.is_some();
        if let Some(redirection) = redirection {
            self.out.event(Event::Redirected { id: Some(id), session, redirection });
        }
        let Some(key) = session else { return };
        let end = match (status, method) {
            // Before it has an id, nobody can know it.
            (StatusCode::SESSION_NOT_FOUND, _) if is_named => Some(SessionEnd::NotFound),
            (status, Method::Teardown) if status.is_success() => {
                self.torn_down(key, pending.request.uri())
            }
            // RFC 2326 A.1: "If a request yields a status code of 3xx, the state becomes
            // Init." RFC 7826 §17.3: "the agent SHOULD send a TEARDOWN request".
            _ if is_redirected => {
                if method != Method::Teardown {
                    self.farewell(now, key);
                }
                Some(SessionEnd::Redirected)
            }
            _ => None,
        };
        if let Some(reason) = end {
            self.drop_session(key, reason);
        }
    }

    /// TEARDOWN succeeded: for one stream of several, or for all.
    #[inline(never)]
    fn torn_down(&mut self, key: SessionKey, url: &str) -> Option<SessionEnd> {
        let session = self.sessions.get_mut(&key)?;
        let is_it = |stream: &Stream| bare(&stream.url) == bare(url);
        let one = bare(&session.url) != bare(url) && session.streams.iter().any(is_it);
        if one && session.streams.len() > 1 {
            session.succeeded(Method::Teardown, url);
            session.streams.retain(|stream| !is_it(stream));
            return None;
        }
        Some(SessionEnd::TornDown)
    }

    /// What a response does to its session (RFC 2326 A.1, RFC 7826 B.4); what to tell about
    /// it.
    fn effect(
        &mut self,
        now: Instant,
        pending: &mut Pending,
        response: Response<'_>,
    ) -> Option<Event> {
        let key = pending.session?;
        let (method, status) = (pending.request.method(), response.status());
        if !status.is_success() {
            return self.not_set_up(key, pending, status);
        }
        let free = match &pending.purpose {
            Purpose::Setup(_) => self.free_channels(),
            _ => None,
        };
        let session = self.sessions.get_mut(&key)?;
        if method == Method::Teardown {
            return None;
        }
        let uri = pending.request.uri();
        session.succeeded(method, uri);
        let headers = response.headers();
        session.learn(headers);
        if headers.bytes(HeaderName::Session) != session.id().map(str::as_bytes) {
            if let Ok(Some(named)) = headers.typed::<Session<'_>>() {
                // Some cameras give each SETUP another id; the first one is the session's.
                session.id.get_or_insert_with(|| String::from(named.id));
                if named.timeout_secs.is_some() {
                    session.timeout = named.timeout();
                }
            }
        }
        let Purpose::Setup(offer) = &pending.purpose else {
            return None;
        };
        let fallback = free.map_or(0, |pair| pair.rtp);
        // A reply without a Transport that can be read means what was offered.
        let settled = match headers.transports().flatten().next() {
            Some(chosen) => Settled::of(&chosen, Some(&offer.first), fallback),
            None => offer.first.clone(),
        };
        let url = pending.request.take_uri();
        let stream = Stream { url: url.clone(), settled: settled.clone(), is_here: true };
        match session.streams.iter_mut().find(|known| bare(&known.url) == bare(&url)) {
            Some(known) => *known = stream,
            None => {
                if session.streams.capacity() == 0 {
                    session.streams = Vec::with_capacity(2);
                }
                session.streams.push(stream);
            }
        }
        self.plan_life(now, key);
        Some(Event::StreamReady { session: key, url, settled })
    }

    #[cold]
    #[inline(never)]
    fn not_set_up(
        &mut self,
        key: SessionKey,
        pending: &Pending,
        status: StatusCode,
    ) -> Option<Event> {
        let Purpose::Setup(offer) = &pending.purpose else {
            return None;
        };
        let others = self
            .pending
            .values()
            .any(|p| p.session == Some(key) && p.request.method() == Method::Setup);
        if let (Some(session), false) = (self.sessions.get_mut(&key), others) {
            if session.id.is_none() {
                // RFC 7826 §18.33: nothing is bound to the number; the next try has its own.
                session.pipeline = None;
            }
        }
        if status != StatusCode::UNSUPPORTED_TRANSPORT {
            return None;
        }
        let interleaved = if offer.has_interleaved { None } else { self.free_channels() };
        let url = String::from(pending.request.uri());
        Some(Event::TransportRefused { session: key, url, interleaved })
    }

    /// Channels of the connection that no stream has.
    pub(super) fn free_channels(&self) -> Option<ChannelPair> {
        let is_free = |channel: u8| !self.sessions.values().any(|s| s.has_channel(channel));
        (0..=127_u8)
            .map(|n| ChannelPair::starting_at(n.saturating_mul(2)))
            .find(|pair| is_free(pair.rtp) && is_free(pair.rtp.saturating_add(1)))
    }
}
