//! How an answer is written, and what it changes.

use super::judge::pipeline_of;
use super::session::Session;
use super::{Current, Server};
use crate::HeaderName;
use crate::control_url::same_stream;
use crate::error::{CloseReason, SessionEnd, SessionKey};
use crate::headers::{Connection, RtspDate, Timestamp};
use crate::message::{Method, ResponseBuilder, StatusCode, Version};
use crate::session_table::v1;
use crate::session_table::v2::{Action, Event as Event2, ResumePoint, State as State2};
use crate::state::State;
use alloc::string::String;
use bytes::Bytes;
use proto_wire::Instant;

/// What an answer does to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    /// One stream or, without a position, the whole.
    State(Option<usize>, State),
    /// The same in 2.0, with what the table says beside it.
    Step(State, &'static [Action]),
    RemoveStream(usize),
    End(SessionEnd),
}

impl Server {
    /// Writes the answer to a request and lets it take effect. `timeout` is what the
    /// Session header of an answer to SETUP says, in seconds; those of others say none.
    pub(super) fn conclude(
        &mut self,
        now: Instant,
        current: &Current,
        response: &ResponseBuilder,
        timeout: Option<u32>,
    ) {
        let headers = current.view().headers();
        let status = response.status();
        #[cfg(feature = "digest")]
        let info = self.authentication_info(now, current, response);
        #[cfg(not(feature = "digest"))]
        let info: Option<String> = None;
        let after = self.effect(current, status);
        let known = current.session.and_then(|key| self.sessions.get(key));
        // The answer that ends a session does not name it (RFC 7826 §13.7.1).
        let named = known.filter(|_| !matches!(after, After::End(_)));
        let (mut pipeline, mut timestamp, mut closes) = (None, None, false);
        if headers.may_have(SELDOM) {
            pipeline = pipeline_of(current.view());
            // RFC 2326 §12.38, RFC 7826 §18.53: the same value, and how long it took.
            timestamp = headers.typed::<Timestamp<'_>>().ok().flatten().map(|stamp| {
                let delay = now.saturating_since(current.received);
                if delay.is_zero() { Timestamp::new(stamp.value) } else { stamp.echo(delay) }
            });
            let connection = headers.typed::<Connection<'_>>().ok().flatten();
            closes = connection.is_some_and(|c| c.is_close());
        }
        let date = self.wall_clock(now).map(|time| RtspDate(time).for_version(current.version));
        // RFC 7826 §18.51: who says what it supports is told what this side does, in any answer.
        let is_asked = headers.contains(HeaderName::Supported);
        let supported = if is_asked || current.method == Method::Options {
            join(self.features(current.version))
        } else {
            String::new()
        };

        let bytes = response.encode(current.version, |lines| {
            if let Some(cseq) = current.cseq {
                lines.number(HeaderName::CSeq, cseq);
            }
            match (named, timeout) {
                (Some(session), Some(secs)) => lines.session(session.id.as_bytes(), secs),
                (Some(session), None) => lines.clean(HeaderName::Session, session.id.as_bytes()),
                (None, _) => {}
            }
            if let Some(number) = pipeline {
                lines.number(HeaderName::PipelinedRequests, number);
            }
            if let Some(timestamp) = &timestamp {
                lines.show(HeaderName::Timestamp, timestamp);
            }
            if let Some(date) = &date {
                lines.show(HeaderName::Date, date);
            }
            if is_asked || !supported.is_empty() {
                lines.text(HeaderName::Supported, &supported);
            }
            if let Some(info) = &info {
                lines.text(HeaderName::AuthenticationInfo, info);
            }
            if closes {
                lines.text(HeaderName::Connection, "close");
            }
            lines.text_if_clean(HeaderName::Server, &self.config.server_name);
            if current.method == Method::Options && status == StatusCode::OK {
                lines.methods(HeaderName::Public, self.config.methods);
            }
        });
        self.transmit(bytes.ok(), Some(current));
        if let Some(key) = current.session {
            self.apply(key, after);
            self.remember_url(current, status);
        }
        if closes {
            // RFC 2326 §12.10: what was asked for behind it is not answered.
            self.finish(now, CloseReason::Requested);
        }
    }

    /// An answer to what is no request.
    #[cold]
    #[inline(never)]
    pub(super) fn reply(&mut self, cseq: Option<u32>, version: Version, status: StatusCode) {
        let bytes = ResponseBuilder::new(status).encode(version, |lines| {
            if let Some(cseq) = cseq {
                lines.number(HeaderName::CSeq, cseq);
            }
            lines.text_if_clean(HeaderName::Server, &self.config.server_name);
        });
        self.transmit(bytes.ok(), None);
    }

    #[inline]
    fn transmit(&mut self, bytes: Option<Bytes>, current: Option<&Current>) {
        let Some(bytes) = bytes else { return };
        if let (Some(datagrams), Some(current)) = (&mut self.datagrams, current) {
            datagrams.answered(current, bytes.clone(), self.config.replays_max);
        }
        self.out.send(bytes);
    }

    fn apply(&mut self, key: SessionKey, after: After) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        match after {
            After::Nothing => {}
            After::End(reason) => self.drop_session(key, reason),
            After::RemoveStream(at) => {
                let mut position = 0_usize..;
                session.streams.retain(|_| position.next() != Some(at));
                let state = session.state;
                session.state = session.streams.iter().map(|s| s.state).max().unwrap_or(state);
            }
            After::State(at, state) => session.set_state(at, state),
            After::Step(state, actions) => session.step(state, actions),
        }
    }

    /// A URL that is not that of a stream is that of the whole.
    fn remember_url(&mut self, current: &Current, status: StatusCode) {
        let url = current.uri_bytes();
        if !is_control(current.method) || !status.is_success() || url == b"*" {
            return;
        }
        let session = current.session.and_then(|key| self.sessions.get_mut(key));
        if let Some(session) = session.filter(|session| session.stream_at(url).is_none()) {
            if session.control.as_ref().map(String::as_bytes) != Some(url) {
                session.control = Some(String::from(current.uri()));
            }
        }
    }

    /// What an answer with `status` does to the session, by the tables of both RFCs.
    fn effect(&self, current: &Current, status: StatusCode) -> After {
        let Some(session) = current.session.and_then(|key| self.sessions.get(key)) else {
            return After::Nothing;
        };
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            // "If a request results in a status code of 3xx, the state becomes Init."
            return After::End(SessionEnd::Redirected);
        }
        if !status.is_success() || current.keeps_state {
            return After::Nothing;
        }
        let url = current.uri_bytes();
        match (current.version, current.method) {
            (_, Method::Teardown) => {
                // RFC 2326 §10.7: one stream of several, when the URL names it.
                if session.streams.len() < 2 {
                    return After::End(SessionEnd::TornDown);
                }
                let uri = current.uri();
                let alike = || session.streams.iter().position(|s| same_stream(&s.url, uri));
                let one = session.stream_at(url).or_else(alike);
                one.map_or(After::End(SessionEnd::TornDown), After::RemoveStream)
            }
            (_, method) if !is_control(method) => After::Nothing,
            (Version::V2_0, method) => {
                let facts = session.facts_of(current.view());
                match session.machine().check(Event2::of(method), &facts) {
                    Ok(step) => After::Step(from_v2(step.state), step.actions),
                    Err(_) => After::Nothing,
                }
            }
            (_, method) => {
                let at = session.stream_at(url);
                let state = session.state_at(at);
                let by_table = v1::Event::of(method, status).and_then(|e| v1::after(state, e));
                // What the table leaves open is decided as players and servers do.
                let after = by_table.or_else(|| state.after(method));
                after.map_or(After::Nothing, |after| After::State(at, after))
            }
        }
    }

    /// Something happens in a session that is no request: by the tables.
    ///
    /// `None` when it means nothing in the session's state.
    pub(super) fn happen(&mut self, key: SessionKey, v1: v1::Event, v2: Event2) -> Option<()> {
        let session = self.sessions.get_mut(key)?;
        if session.version != Version::V2_0 {
            let state = v1::after(session.state, v1)?;
            for stream in &mut session.streams {
                stream.state = v1::after(stream.state, v1).unwrap_or(stream.state);
            }
            session.state = state;
            return Some(());
        }
        let step = session.machine().check(v2, &Default::default()).ok()?;
        session.step(from_v2(step.state), step.actions);
        Some(())
    }
}

impl Session {
    /// A step of the tables of 2.0, with its variables (RFC 7826 §B.2).
    fn step(&mut self, state: State, actions: &[Action]) {
        self.set_state(None, state);
        for action in actions {
            match action {
                Action::ResumeAtPresentPoint => self.resume_point = ResumePoint::PausePoint,
                Action::ResumeAtEndOfMedia => self.resume_point = ResumePoint::EndOfMedia,
                Action::ResumeAtEndOfRange => self.resume_point = ResumePoint::EndOfRange,
                Action::SetRedirectPoint => self.has_redirect_point = true,
                _ => {}
            }
        }
    }
}

#[inline(never)]
fn join<'f>(features: impl Iterator<Item = &'f str>) -> String {
    let mut list = String::new();
    for feature in features {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(feature);
    }
    list
}

/// Headers of requests that few answers depend on.
pub(super) const SELDOM: u64 = HeaderName::PipelinedRequests.bit()
    | HeaderName::Timestamp.bit()
    | HeaderName::Connection.bit();

/// Methods that let media flow or stop.
const fn is_control(method: Method) -> bool {
    matches!(method, Method::Play | Method::Pause | Method::Record)
}

const fn from_v2(state: State2) -> State {
    match state {
        State2::Init => State::Init,
        State2::Ready => State::Ready,
        State2::Play => State::Playing,
    }
}
