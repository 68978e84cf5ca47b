//! Going elsewhere: 3xx (RFC 2326 §11.3, RFC 7826 §17.3) and REDIRECT (RFC 2326 §10.10, RFC
//! 7826 §13.10).

use super::{Client, Event, Pending, Purpose, Session, Timer};
use crate::control_url::{Join, resolve};
use crate::error::{SessionEnd, SessionKey};
use crate::headers::{Connection, Date, Headers, Range, RangeSpec, TerminateReason};
use crate::message::{Method, RequestBuilder, Response, StatusCode, Version};
use crate::range::UtcTime;
use crate::session_table::v2;
use crate::{HeaderName, Url};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::Instant;

/// Where a server sends a client.
///
/// What the machine does not follow by itself is for the host:
///
/// ```
/// use rtsp_proto::client::{Client, Config, Event, Follow, Input};
/// use rtsp_proto::{Instant, Output, Seed, Url};
/// use std::sync::Arc;
///
/// let (now, config) = (Instant::ZERO, Arc::new(Config::default()));
/// let mut client = Client::new(now, config.clone(), Seed::from_u64(1));
/// client.describe(now, "rtsp://h/cam")?;
/// let reply = b"RTSP/1.0 302 Found\r\nCSeq: 1\r\nLocation: rtsps://other:8322/cam\r\n\r\n";
/// client.handle_input(now, Input::Data(reply));
/// let mut next = None;
/// while let Some(output) = client.poll_output() {
///     if let Output::Event(Event::Redirected { redirection, .. }) = output {
///         next = redirection.target.filter(|_| redirection.follow == Follow::Host);
///     }
/// }
/// let next = next.expect("another server");
/// let url = Url::parse(&next).expect("targets are absolute");
/// // A new connection, here with TLS, and a new client on it.
/// assert_eq!((url.host(), url.port(), url.is_secure()), ("other", 8322, true));
/// let mut client = Client::new(now, config, Seed::from_u64(2));
/// client.describe(now, &next)?;
/// # Ok::<(), rtsp_proto::CommandError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirection {
    /// The URL to ask for: absolute, completed from the URL that was asked for when the
    /// server gave less. `None` when it gave none: go back to where the first URL came from.
    pub target: Option<String>,
    /// Whether the target is on the server of this connection: same scheme, host and port.
    pub same_server: bool,
    /// When.
    pub when: When,
    /// What is done about it here, and what is left to the host.
    pub follow: Follow,
    /// The `Terminate-Reason` of a REDIRECT (RFC 7826 §18.52).
    pub reason: Option<String>,
}

/// When a redirection takes effect. RFC 7826 §13.10.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// At once. A session that it is about is over.
    Now,
    /// So long from now, by the clock of the server (its Date). The machine ends the
    /// session then; the host should have moved before.
    After(Duration),
    /// At a time that cannot be told here: the value of Range or of the time, as it was
    /// written. The host moves, and ends the session.
    At(String),
}

/// What is done about a redirection. RFC 7826 §17.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Follow {
    /// The request was sent again to the new URL on this connection; its response will come
    /// under the same id.
    Here,
    /// The host asks for the target: on this connection when it is the same server, else on
    /// a new one.
    Host,
    /// The target is a proxy (305) that the host may send this one request through.
    Proxy,
    /// Not followed: the target has been asked for in this chain.
    Loop,
    /// Not followed: more than [`Config::redirects_max`](super::Config::redirects_max) hops.
    TooMany,
    /// There is no target.
    Nowhere,
}

impl Client {
    /// Whether a response sends us elsewhere, and where.
    #[cold]
    #[inline(never)]
    pub(super) fn redirection(
        &self,
        pending: &Pending,
        response: Response<'_>,
    ) -> Option<Redirection> {
        let status = response.status();
        if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
            return None;
        }
        let uri = pending.request.uri();
        let mut redirection = Redirection::to(response.headers(), uri, When::Now);
        let closes = matches!(response.headers().typed(), Ok(Some(connection)) if Connection::is_close(&connection));
        redirection.follow = match &redirection.target {
            None => Follow::Nowhere,
            Some(_) if status == StatusCode::USE_PROXY => Follow::Proxy,
            Some(target) if pending.hops.contains(target) || target == uri => Follow::Loop,
            Some(_) if self.config.redirects_max == 0 => Follow::Host,
            Some(_) if pending.hops.len() >= usize::from(self.config.redirects_max) => {
                Follow::TooMany
            }
            Some(_) if redirection.same_server && !closes && self.can_move(pending) => Follow::Here,
            Some(_) => Follow::Host,
        };
        Some(redirection)
    }

    /// Whether the request means the same at another URL: not when it is about a session
    /// that the server has.
    fn can_move(&self, pending: &Pending) -> bool {
        match (pending.session, &pending.purpose) {
            (None, Purpose::Command | Purpose::Describe) => true,
            (Some(key), Purpose::Setup(_)) => {
                self.sessions.get(&key).is_some_and(|s| s.id.is_none() && s.streams.is_empty())
            }
            _ => false,
        }
    }

    /// The same request to the target.
    #[cold]
    #[inline(never)]
    pub(super) fn moved(&mut self, mut pending: Pending, target: &str) -> Pending {
        let before = String::from(pending.request.uri());
        if let Some(session) = pending.session.and_then(|key| self.sessions.get_mut(&key)) {
            // The whole has gone where its stream has, when that is still called the same.
            let name = before.strip_prefix(session.url.trim_end_matches('/'));
            let name = name.filter(|name| name.is_empty() || name.starts_with(['/', '?']));
            if let Some(whole) = name.and_then(|name| target.strip_suffix(name)) {
                session.url = String::from(whole);
            }
        }
        pending.hops.push(before);
        pending.request = pending.request.with_uri(target);
        pending
    }

    /// A REDIRECT that the application leaves to the machine; it is answered already.
    pub(super) fn redirected(
        &mut self,
        now: Instant,
        uri: &str,
        headers: Headers<'_>,
        named: Option<SessionKey>,
    ) {
        let redirection = Redirection::to(headers, uri, when(headers));
        let named: Vec<SessionKey> = match named {
            Some(key) => [key].to_vec(),
            None => {
                // 1.0 names sessions by their URL; without a match it is about the
                // connection (RFC 7826 §13.10).
                let by_url = |s: &Session| s.is_named_by(uri);
                let mut keys = self.sessions.iter().filter(|(_, s)| by_url(s)).peekable();
                match keys.peek() {
                    Some(_) => keys.map(|(key, _)| *key).collect(),
                    None => self.sessions.keys().copied().collect(),
                }
            }
        };
        if named.is_empty() {
            let event = Event::Redirected { id: None, session: None, redirection };
            return self.out.event(event);
        }
        for key in named {
            let redirection = redirection.clone();
            let when = redirection.when.clone();
            self.out.event(Event::Redirected { id: None, session: Some(key), redirection });
            self.leave_when(now, key, &when);
        }
    }

    fn leave_when(&mut self, now: Instant, key: SessionKey, when: &When) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let has_terminate_time = *when != When::Now;
        let facts = v2::Facts { has_terminate_time, ..v2::Facts::default() };
        let _done = session.standing.happens(v2::Event::Redirect, &facts);
        match when {
            When::Now => {
                // RFC 7826 §13.10: the server has ended it when it has our 200. RFC 2326
                // §10.10: the client must send TEARDOWN.
                if session.version != Version::V2_0 {
                    self.farewell(now, key);
                }
                self.drop_session(key, SessionEnd::Redirected);
            }
            When::After(delay) => {
                self.timers.set(Timer::Redirect(key), now.saturating_add(*delay));
            }
            When::At(_) => {}
        }
    }

    /// The time of a redirect has come (`RedP`).
    pub(super) fn leave(&mut self, now: Instant, key: SessionKey) {
        self.farewell(now, key);
        self.drop_session(key, SessionEnd::Redirected);
    }

    /// Sends TEARDOWN for a session that is over for us; nobody waits for the answer.
    #[cold]
    #[inline(never)]
    pub(super) fn farewell(&mut self, now: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get(&key) else {
            return;
        };
        let Some(id) = &session.id else {
            return;
        };
        let request =
            RequestBuilder::new(Method::Teardown, &session.url).header(HeaderName::Session, id);
        self.say_farewell(now, session.version, request);
    }

    /// The same for a session that the server began when it was over here already: without a
    /// TEARDOWN it would keep it until it expires.
    #[cold]
    #[inline(never)]
    pub(super) fn farewell_to(&mut self, now: Instant, setup: &Pending, response: Response<'_>) {
        if let Ok(Some(named)) = response.headers().typed::<crate::headers::Session<'_>>() {
            let request = RequestBuilder::new(Method::Teardown, setup.request.uri());
            let request = request.header(HeaderName::Session, named.id);
            self.say_farewell(now, setup.version, request);
        }
    }

    fn say_farewell(&mut self, now: Instant, version: Version, request: RequestBuilder) {
        let id = self.new_request_id();
        let mut pending = Box::new(Pending::new(id, None, request, Purpose::Farewell));
        pending.version = version;
        // What cannot be written cannot be told.
        let _sent = self.dispatch(now, pending);
    }
}

impl Redirection {
    fn to(headers: Headers<'_>, uri: &str, when: When) -> Self {
        let reason = headers.typed::<TerminateReason<'_>>().ok().flatten();
        let target = headers.get(HeaderName::Location).and_then(|to| target(to, uri));
        let same_server = target.as_deref().is_some_and(|target| is_same_server(target, uri));
        let follow = if target.is_some() { Follow::Host } else { Follow::Nowhere };
        let reason = reason.map(|reason| String::from(reason.reason));
        Self { target, same_server, when, follow, reason }
    }
}

/// The URL that Location means, for one who asked for `uri`.
fn target(location: &str, uri: &str) -> Option<String> {
    let location = location.trim();
    if location.is_empty() {
        return None;
    }
    let whole = resolve(uri, location, Join::Rfc3986);
    let url = Url::parse(&whole).ok()?;
    let url = url.without_credentials();
    let mut target = url.to_string();
    if matches!(url.path(), "" | "/") {
        // Only a host: the same resource there (RFC 7826 §13.10).
        if let Ok(asked) = Url::parse(uri) {
            target.truncate(target.len().saturating_sub(url.path().len()));
            target.push_str(asked.path());
        }
    }
    Some(target)
}

fn is_same_server(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (Url::parse(one), Url::parse(other)) else {
        return false;
    };
    one.scheme().eq_ignore_ascii_case(other.scheme())
        && one.host().eq_ignore_ascii_case(other.host())
        && one.port() == other.port()
}

/// When a REDIRECT takes effect: `Terminate-Reason;time=` (2.0) or Range (1.0), against the
/// Date of the same message, so that no clock of ours is asked.
fn when(headers: Headers<'_>) -> When {
    let date = headers.typed::<Date>().ok().flatten().map(|Date(date)| date.0);
    let reason = headers.typed::<TerminateReason<'_>>().ok().flatten();
    if let Some(text) = reason.and_then(|reason| reason.params.raw("time")) {
        return until(UtcTime::parse(text.as_bytes()).ok(), date, text);
    }
    match headers.typed::<Range<'_>>() {
        Ok(Some(range)) => {
            let clock = match range.spec {
                RangeSpec::Other { unit, value: Some(value) }
                    if unit.eq_ignore_ascii_case("clock") =>
                {
                    value.split('-').next()
                }
                _ => None,
            };
            let start = clock.and_then(|start| UtcTime::parse(start.trim().as_bytes()).ok());
            until(start, date, headers.get(HeaderName::Range).unwrap_or(""))
        }
        _ => When::Now,
    }
}

fn until(time: Option<UtcTime>, date: Option<UtcTime>, text: &str) -> When {
    let (Some(time), Some(date)) = (time, date) else {
        return When::At(String::from(text));
    };
    if time <= date {
        return When::Now;
    }
    let secs = time.unix_secs().saturating_sub(date.unix_secs());
    let until = Duration::from_secs(u64::try_from(secs).unwrap_or(0));
    let until = until.saturating_add(Duration::from_nanos(u64::from(time.nanos())));
    When::After(until.saturating_sub(Duration::from_nanos(u64::from(date.nanos()))))
}
