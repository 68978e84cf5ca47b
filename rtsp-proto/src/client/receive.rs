//! What a client does with what arrives.

use super::{Client, Event, Pending, Purpose, Settled, Stream, Timer};
use crate::HeaderName;
use crate::conn::Received;
use crate::error::{CloseReason, PeerRequestId, SessionEnd, SessionKey};
use crate::headers::Session;
use crate::message::{
    Kind, Method, RequestBuf, Response, ResponseBuf, ResponseBuilder, StatusCode, Version,
};
use alloc::string::String;
use proto_wire::{Instant, LimitKind, ParseErrorKind};

impl Client {
    pub(super) fn work(&mut self, now: Instant) {
        while !self.closed {
            match self.receiver.next(&self.config.limits) {
                Ok(None) => return,
                Ok(Some(received)) => self.take(now, received),
                Err(error) => {
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
            Received::Response(response) => {
                self.malformed = 0;
                self.answered(now, response);
            }
            Received::Request(request) => {
                self.malformed = 0;
                self.asks(request);
            }
            Received::Malformed(message) => {
                if message.kind() == Kind::Request {
                    let cseq = message.view().cseq();
                    self.refuse(cseq, Version::V1_0, StatusCode::BAD_REQUEST);
                }
                self.malformed = self.malformed.saturating_add(1);
                if self.malformed > self.config.malformed_max {
                    self.finish(CloseReason::Limit(LimitKind::Malformed));
                }
            }
        }
    }

    /// A request of the server: it is answered here or by the application, never dropped.
    fn asks(&mut self, request: RequestBuf) {
        let view = request.view();
        let (method, version, cseq) = (view.method(), view.version(), view.cseq());
        let Some(cseq) = cseq else {
            return self.refuse(None, version, StatusCode::BAD_REQUEST);
        };
        let accepted = self.config.accepted_methods;
        let mut id = None;
        if accepted.contains(method) {
            if self.asked.len() >= self.config.pending_max {
                return self.refuse(Some(cseq), version, StatusCode::SERVICE_UNAVAILABLE);
            }
            let new = PeerRequestId(self.new_number());
            self.asked.insert(new, (cseq, version));
            id = Some(new);
        } else if method == Method::Options {
            let public = accepted.with(Method::Options);
            let response = ResponseBuilder::new(StatusCode::OK)
                .version(version)
                .header(HeaderName::Public, public);
            self.reply(Some(cseq), &response);
        } else {
            self.refuse(Some(cseq), version, StatusCode::NOT_IMPLEMENTED);
        }
        self.out.event(Event::Request { id, request });
    }

    fn refuse(&mut self, cseq: Option<u32>, version: Version, status: StatusCode) {
        self.reply(cseq, &ResponseBuilder::new(status).version(version));
    }

    fn reply(&mut self, cseq: Option<u32>, response: &ResponseBuilder) {
        let bytes = match &cseq {
            Some(cseq) => response.encode(&[(HeaderName::CSeq, cseq)]),
            None => response.encode(&[]),
        };
        if let Ok(bytes) = bytes {
            self.out.send(bytes);
        }
    }

    fn answered(&mut self, now: Instant, response: ResponseBuf) {
        let view = response.view();
        // One without a number answers the oldest request; one with a wrong number must not
        // complete another one.
        let oldest = || self.pending.iter().min_by_key(|(_, p)| p.id).map(|(cseq, _)| *cseq);
        let cseq = match view.cseq() {
            Some(cseq) => Some(cseq),
            None => oldest(),
        };
        let Some(pending) = cseq.and_then(|cseq| self.pending.remove(&cseq)) else {
            return self.out.event(Event::Unmatched { response });
        };
        if view.status().is_informational() {
            let deadline = now.saturating_add(self.config.request_timeout);
            self.timers.set(Timer::Request(pending.id), deadline);
            if let Some(cseq) = cseq {
                self.pending.insert(cseq, pending);
            }
            return;
        }
        self.timers.stop(&Timer::Request(pending.id));
        if let Some(public) = view.headers().methods(HeaderName::Public) {
            self.public = Some(public);
        }
        // The request goes out again, body and all. When it cannot be written with
        // credentials, the challenge is its answer.
        let retry = self.auth.wants_retry(view, &pending.sent);
        if retry && self.transmit(now, pending.clone()).is_ok() {
            return;
        }
        self.deliver(now, pending, response);
    }

    fn deliver(&mut self, now: Instant, pending: Pending, response: ResponseBuf) {
        let (id, method) = (pending.id, pending.request.method());
        let session = pending.session;
        let status = response.view().status();
        let ready = self.effect(now, &pending, response.view());
        match pending.purpose {
            Purpose::KeepAlive => {
                let bad = !status.is_success();
                if let Some(known) = session.and_then(|key| self.sessions.get_mut(&key)) {
                    if bad {
                        known.keep_alive = Some(Method::Options);
                    }
                }
            }
            Purpose::Command | Purpose::Setup(_) => {
                self.out.event(Event::Response { id, method, session, response });
            }
        }
        if let Some(event) = ready {
            self.out.event(event);
        }
        let Some(key) = session else { return };
        let end = match (status, method) {
            (StatusCode::SESSION_NOT_FOUND, _) => Some(SessionEnd::NotFound),
            (status, Method::Teardown) if status.is_success() => {
                self.torn_down(key, pending.request.uri())
            }
            // RFC 2326 A.1: "If a request yields a status code of 3xx, the state becomes
            // Init."
            (StatusCode::NOT_MODIFIED, _) => None,
            (status, _) if status.is_redirection() => Some(SessionEnd::Redirected),
            _ => None,
        };
        if let Some(reason) = end {
            self.drop_session(key, reason);
        }
    }

    /// TEARDOWN succeeded: for one stream of several, or for all.
    fn torn_down(&mut self, key: SessionKey, url: &str) -> Option<SessionEnd> {
        let session = self.sessions.get_mut(&key)?;
        let one = session.url != url && session.streams.iter().any(|s| s.url == url);
        if one && session.streams.len() > 1 {
            session.streams.retain(|stream| stream.url != url);
            return None;
        }
        Some(SessionEnd::TornDown)
    }

    /// What a response does to its session (RFC 2326 A.1); what to tell about it.
    fn effect(&mut self, now: Instant, pending: &Pending, response: Response<'_>) -> Option<Event> {
        let key = pending.session?;
        let session = self.sessions.get_mut(&key)?;
        let method = pending.request.method();
        if !response.status().is_success() || method == Method::Teardown {
            return None;
        }
        if let Some(state) = session.state.after(method) {
            session.state = state;
        }
        let named = response.headers().typed::<Session<'_>>().ok().flatten();
        if let Some(named) = named {
            // Some cameras give each SETUP another id; the first one is the session's.
            session.id.get_or_insert_with(|| String::from(named.id));
            if named.timeout_secs.is_some() {
                session.timeout = named.timeout();
            }
        }
        let Purpose::Setup(offered) = &pending.purpose else {
            return None;
        };
        let fallback = u8::try_from(session.streams.len()).unwrap_or(u8::MAX);
        // A reply without a Transport that can be read means what was offered.
        let settled = match response.headers().transports().flatten().next() {
            Some(chosen) => Settled::of(&chosen, Some(offered), fallback.saturating_mul(2)),
            None => offered.clone(),
        };
        let url = String::from(pending.request.uri());
        let stream = Stream { url: url.clone(), settled: settled.clone() };
        match session.streams.iter_mut().find(|known| known.url == url) {
            Some(known) => *known = stream,
            None => session.streams.push(stream),
        }
        self.plan_life(now, key);
        Some(Event::StreamReady { session: key, url, settled })
    }
}
