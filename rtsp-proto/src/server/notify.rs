//! What a server asks a client (RFC 2326 §10.3, §10.9, §10.10; RFC 7826 §13.5, §13.7.2,
//! §13.8-§13.10).

use super::answer::join_infos;
use super::datagram::FIRST_WAIT;
use super::{Server, Timer};
use crate::HeaderName;
use crate::error::{CommandError, RequestId, SessionEnd, SessionKey};
use crate::headers::{
    MediaProperties, MediaRange, NotifyReason, NptTime, Range, RequestStatus, RtpInfo, RtspDate,
    Scale, TerminateReason,
};
use crate::message::{BuildError, Method, RequestBuilder, Version};
use crate::session_table::v2;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, LimitKind};

/// A request of this side that waits for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: RequestId,
    pub(super) method: Method,
    session: Option<SessionKey>,
    /// Whether the host hears of the answer.
    pub(super) is_told: bool,
    /// Whether its success, or no answer at all, ends the sessions that it is about.
    ends: bool,
    /// Over datagrams: the bytes, and how long to wait before they are sent again.
    again: Option<(Bytes, Duration)>,
}

/// What a `PLAY_NOTIFY` says, with the headers that its reason must have (RFC 7826 §13.5.1 to
/// §13.5.3). Date, Session and CSeq are added.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The end of the media or of the range is reached, or will be.
    EndOfStream {
        /// Which PLAY ends, and how.
        status: RequestStatus<'a>,
        /// Where it ends: `npt=-145`. Not `now`.
        range: Range<'a>,
        /// The scale, when it is not 1.
        scale: Option<Scale>,
        /// The last packet of each stream, with RTP.
        infos: &'a [RtpInfo<'a>],
    },
    /// The properties of the media changed, or time passes.
    MediaProperties {
        /// What they are now.
        properties: MediaProperties<'a>,
        /// Which parts there are now.
        media_range: MediaRange<'a>,
        /// Where it plays, and what remains.
        range: Range<'a>,
    },
    /// The scale is another one from here on.
    ScaleChange {
        /// The new one.
        scale: Scale,
        /// From where on.
        range: Range<'a>,
        /// The properties, when they are why, or when the media progresses with time.
        properties: Option<MediaProperties<'a>>,
        /// Which parts there are now, when the media progresses with time.
        media_range: Option<MediaRange<'a>>,
        /// The same point in each stream, with RTP.
        infos: &'a [RtpInfo<'a>],
    },
}

/// Where a client is to go, for [`Server::redirect`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Redirection<'a> {
    /// The URL to go to; for a session the whole one.
    pub location: &'a str,
    /// Why, and with `time` until when: RTSP 2.0 (RFC 7826 §18.52).
    pub reason: TerminateReason<'a>,
    /// From when on: RTSP 1.0 (RFC 2326 §10.10).
    pub range: Option<Range<'a>>,
}

impl<'a> Redirection<'a> {
    /// To `location`, at once.
    #[must_use]
    pub const fn to(location: &'a str) -> Self {
        let reason = TerminateReason::new(TerminateReason::SERVER_ADMIN);
        Self { location, reason, range: None }
    }

    /// For another reason than the administrator's, perhaps with a time.
    #[must_use]
    pub const fn because(mut self, reason: TerminateReason<'a>) -> Self {
        self.reason = reason;
        self
    }

    /// From this point of the media on.
    #[must_use]
    pub const fn from(mut self, range: Range<'a>) -> Self {
        self.range = Some(range);
        self
    }
}

impl Server {
    /// Tells the client of a session that plays, in RTSP 2.0, about the playing. Nothing
    /// changes by it: the end itself is told with [`range_ended`](Self::range_ended) or
    /// [`media_ended`](Self::media_ended).
    ///
    /// # Errors
    /// Closed, no such session, not of 2.0, nothing plays in it, no wall clock where the
    /// reason needs a Date, too many requests waiting, or a header that cannot be written.
    pub fn play_notify(
        &mut self,
        now: Instant,
        session: SessionKey,
        notice: &Notice<'_>,
    ) -> Result<RequestId, CommandError> {
        self.check_session(session)?;
        let Some(known) = self.sessions.get(session) else {
            return Err(CommandError::UnknownSession);
        };
        if known.version != Version::V2_0 {
            return Err(CommandError::Version { version: known.version });
        }
        let method = Method::PlayNotify;
        if known.machine().check(v2::Event::PlayNotify, &v2::Facts::default()).is_err() {
            return Err(CommandError::State { method, state: known.state() });
        }
        let request = RequestBuilder::new(method, known.url());
        let request = notice.write(request)?;
        if !matches!(notice, Notice::EndOfStream { .. }) && self.wall.is_none() {
            return Err(CommandError::NoWallClock);
        }
        self.send_request(now, Some(session), request, false)
    }

    /// Sends the client elsewhere: out of one session, or with all that it has here.
    ///
    /// In RTSP 2.0 the session ends when the client agrees or does not answer, or at the
    /// `time` of the reason (RFC 7826 §13.10); in 1.0 the client is to tear it down (RFC 2326
    /// §10.10).
    ///
    /// # Errors
    /// Closed, no such session, no wall clock although the reason has a time, too many
    /// requests waiting, or a header that cannot be written.
    pub fn redirect(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        to: &Redirection<'_>,
    ) -> Result<RequestId, CommandError> {
        self.check_open()?;
        let version = self.version_for(session)?;
        let url = self.url_for(session);
        let mut request =
            RequestBuilder::new(Method::Redirect, &url).header(HeaderName::Location, to.location);
        if version != Version::V2_0 {
            if let Some(range) = &to.range {
                request = request.header(HeaderName::Range, range);
            }
            return self.send_request(now, session, request, false);
        }
        request = request.header(HeaderName::TerminateReason, to.reason);
        let time = match to.reason.time() {
            None => None,
            Some(Err(_)) => return Err(CommandError::Build(BuildError::Value)),
            Some(Ok(time)) => Some(time),
        };
        let Some(time) = time else {
            return self.send_request(now, session, request, true);
        };
        let today = self.wall_clock(now).ok_or(CommandError::NoWallClock)?;
        let id = self.send_request(now, session, request, false)?;
        let wait = time.since(today).and_then(crate::range::Position::to_duration);
        let at = now.saturating_add(wait.unwrap_or(Duration::ZERO));
        let about: Vec<SessionKey> = match session {
            Some(key) => alloc::vec![key],
            None => self.sessions.iter().map(|(key, _)| key).collect(),
        };
        for key in about {
            if let Some(session) = self.sessions.get_mut(key) {
                session.has_redirect_point = true;
            }
            self.timers.set(Timer::Redirect(key), at);
        }
        Ok(id)
    }

    /// Tells the client that the description changed (RFC 2326 §10.3).
    ///
    /// # Errors
    /// Closed, no such session, a client of RTSP 2.0, which does not have it, too many
    /// requests waiting, or a URL that cannot be written.
    pub fn announce(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        url: &str,
        sdp: impl Into<Bytes>,
    ) -> Result<RequestId, CommandError> {
        self.check_open()?;
        let version = self.version_for(session)?;
        if version == Version::V2_0 {
            return Err(CommandError::Version { version });
        }
        let request = RequestBuilder::new(Method::Announce, url).body("application/sdp", sdp);
        self.send_request(now, session, request, false)
    }

    /// Sets parameters of the client: `name: value` lines (RFC 2326 §10.9), or a body of
    /// another type.
    ///
    /// # Errors
    /// Closed, no such session, too many requests waiting, or a type that cannot be written.
    pub fn set_parameter(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<RequestId, CommandError> {
        self.ask_parameters(now, session, Method::SetParameter, content_type, body.into())
    }

    /// Asks the client for parameters, one name in each line (RFC 2326 §10.8); without any
    /// it is a ping.
    ///
    /// # Errors
    /// Closed, no such session, or too many requests waiting.
    pub fn get_parameter(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        names: &[&str],
    ) -> Result<RequestId, CommandError> {
        let mut body = String::new();
        for name in names {
            body.push_str(name);
            body.push_str("\r\n");
        }
        self.ask_parameters(now, session, Method::GetParameter, "text/parameters", body.into())
    }

    fn ask_parameters(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        method: Method,
        content_type: &str,
        body: Bytes,
    ) -> Result<RequestId, CommandError> {
        self.check_open()?;
        self.version_for(session)?;
        let mut request = RequestBuilder::new(method, &self.url_for(session));
        if !body.is_empty() {
            request = request.body(content_type, body);
        }
        self.send_request(now, session, request, false)
    }

    /// Ends a session. A client of RTSP 2.0 is told by TEARDOWN (RFC 7826 §13.7.2); one of
    /// 1.0 learns it by 454.
    ///
    /// # Errors
    /// Closed, or no such session.
    pub fn end_session(&mut self, now: Instant, session: SessionKey) -> Result<(), CommandError> {
        let reason = TerminateReason::new(TerminateReason::SERVER_ADMIN);
        self.end_session_because(now, session, &reason)
    }

    /// The same for another reason than the administrator's.
    ///
    /// # Errors
    /// Closed, no such session, or a reason that cannot be written.
    pub fn end_session_because(
        &mut self,
        now: Instant,
        session: SessionKey,
        reason: &TerminateReason<'_>,
    ) -> Result<(), CommandError> {
        self.check_session(session)?;
        if self.version_for(Some(session))? == Version::V2_0 {
            let request = RequestBuilder::new(Method::Teardown, &self.url_for(Some(session)))
                .header(HeaderName::TerminateReason, reason);
            request.check()?;
            // With too many requests waiting the client has to find out.
            if let Ok(id) = self.send_request(now, Some(session), request, false) {
                let asked = self.asked.values_mut().find(|asked| asked.id == id);
                asked.into_iter().for_each(|asked| asked.is_told = false);
            }
        }
        self.drop_session(session, SessionEnd::TornDown);
        Ok(())
    }

    /// Asks the client anything, OPTIONS as a ping for example. CSeq and, with `session`,
    /// Session are added; the version is that of the request. It changes no state: for
    /// REDIRECT there is [`redirect`](Self::redirect).
    ///
    /// # Errors
    /// Closed, no such session, too many requests waiting, or a request that cannot be
    /// written.
    pub fn request(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        request: &RequestBuilder,
    ) -> Result<RequestId, CommandError> {
        self.check_open()?;
        self.enqueue(now, session, request, false)
    }

    /// A request in the version and with the Date that fit.
    fn send_request(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        request: RequestBuilder,
        ends: bool,
    ) -> Result<RequestId, CommandError> {
        let version = self.version_for(session)?;
        let mut request = request.version(version);
        if let Some(time) = self.wall_clock(now) {
            request = request.header(HeaderName::Date, RtspDate(time).for_version(version));
        }
        self.enqueue(now, session, &request, ends)
    }

    fn enqueue(
        &mut self,
        now: Instant,
        session: Option<SessionKey>,
        request: &RequestBuilder,
        ends: bool,
    ) -> Result<RequestId, CommandError> {
        if self.asked.len() >= self.config.pending_max {
            return Err(CommandError::Limit(LimitKind::Pending));
        }
        let known = match session {
            Some(key) => Some(self.sessions.get(key).ok_or(CommandError::UnknownSession)?),
            None => None,
        };
        let cseq = self.next_cseq;
        let bytes = request.encode(request.built_for(), |lines| {
            lines.number(HeaderName::CSeq, cseq);
            if let Some(known) = known {
                lines.text(HeaderName::Session, known.id());
            }
        })?;
        self.next_cseq = cseq.wrapping_add(1);
        let id = self.new_id();
        let again = self.datagrams.is_some().then(|| (bytes.clone(), FIRST_WAIT));
        if again.is_some() {
            self.timers.set(Timer::Retransmit(id), now.saturating_add(FIRST_WAIT));
        }
        let asked = Asked { id, method: request.method(), session, is_told: true, ends, again };
        self.asked.insert(cseq, asked);
        let deadline = now.saturating_add(self.config.request_timeout);
        self.timers.set(Timer::Request(id), deadline);
        self.out.send(bytes);
        Ok(id)
    }

    /// RFC 2326 §9.2: over datagrams a request is sent again, with the same CSeq.
    pub(super) fn retransmit(&mut self, now: Instant, id: RequestId) {
        let asked = self.asked.values_mut().find(|asked| asked.id == id);
        let Some((bytes, wait)) = asked.and_then(|asked| asked.again.as_mut()) else { return };
        *wait = wait.saturating_mul(2);
        let (bytes, at) = (bytes.clone(), now.saturating_add(*wait));
        self.timers.set(Timer::Retransmit(id), at);
        self.out.send(bytes);
    }

    /// A request of this side is over: agreed to, or without an answer, which is as good
    /// (RFC 7826 §13.10).
    pub(super) fn settle(&mut self, _now: Instant, asked: Asked) {
        if !asked.ends {
            return;
        }
        match asked.session {
            Some(key) => self.drop_session(key, SessionEnd::Redirected),
            None => {
                let keys: Vec<_> = self.sessions.iter().map(|(key, _)| key).collect();
                keys.into_iter().for_each(|key| self.drop_session(key, SessionEnd::Redirected));
            }
        }
    }

    fn version_for(&self, session: Option<SessionKey>) -> Result<Version, CommandError> {
        match session {
            Some(key) => {
                let known = self.sessions.get(key).ok_or(CommandError::UnknownSession)?;
                Ok(known.version)
            }
            None => Ok(self.spoken),
        }
    }

    fn url_for(&self, session: Option<SessionKey>) -> String {
        let known = session.and_then(|key| self.sessions.get(key));
        String::from(known.map_or("*", |session| session.url()))
    }
}

impl Notice<'_> {
    fn write(&self, request: RequestBuilder) -> Result<RequestBuilder, CommandError> {
        let reason =
            |reason: NotifyReason<'_>| request.clone().header(HeaderName::NotifyReason, reason);
        let with_infos =
            |request: RequestBuilder, infos: &[RtpInfo<'_>]| match join_infos(infos, Version::V2_0)
            {
                Some(infos) => request.header(HeaderName::RtpInfo, infos),
                None => request,
            };
        match self {
            Self::EndOfStream { status, range, scale, infos } => {
                // "The server MUST NOT use the 'now' constant in the Range header."
                let ends = range.as_npt().map(|npt| (npt.start, npt.end));
                if matches!(ends, Some((Some(NptTime::Now), _) | (_, Some(NptTime::Now)))) {
                    return Err(CommandError::Build(BuildError::Value));
                }
                let mut request = reason(NotifyReason::EndOfStream)
                    .header(HeaderName::RequestStatus, status)
                    .header(HeaderName::Range, range);
                if let Some(scale) = scale {
                    request = request.header(HeaderName::Scale, scale);
                }
                Ok(with_infos(request, infos))
            }
            Self::MediaProperties { properties, media_range, range } => {
                Ok(reason(NotifyReason::MediaPropertiesUpdate)
                    .header(HeaderName::MediaProperties, properties)
                    .header(HeaderName::MediaRange, media_range)
                    .header(HeaderName::Range, range))
            }
            Self::ScaleChange { scale, range, properties, media_range, infos } => {
                let mut request = reason(NotifyReason::ScaleChange)
                    .header(HeaderName::Scale, scale)
                    .header(HeaderName::Range, range);
                if let Some(properties) = properties {
                    request = request.header(HeaderName::MediaProperties, properties);
                }
                if let Some(media_range) = media_range {
                    request = request.header(HeaderName::MediaRange, media_range);
                }
                Ok(with_infos(request, infos))
            }
        }
    }
}
