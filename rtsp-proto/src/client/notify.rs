//! What servers ask of clients: each request is answered, here or by the application.

use super::{Asked, Client, Event};
use crate::HeaderName;
use crate::error::{PeerRequestId, SessionEnd, SessionKey};
use crate::headers::{
    Decimal, NotifyReason, RequestStatus, Scale, Session, TerminateReason, Timestamp,
};
use crate::message::{Method, Methods, Request, RequestBuf, ResponseBuilder, StatusCode, Version};
use crate::quirks::is_odd;
use crate::session_table::v2;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::Instant;

/// What `PLAY_NOTIFY` says (RFC 7826 §13.5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The media, or the range that was asked for, ends (§13.5.1): where, says Range; with
    /// which packets, RTP-Info. The session stays in Play.
    EndOfStream {
        /// Whether all streams end, and not only the one that the request names.
        whole: bool,
        /// How the PLAY request ended, when it is said.
        status: Option<StatusCode>,
    },
    /// What can be done with the media, or what there is of it, changed (§13.5.2).
    MediaPropertiesUpdate,
    /// The server plays at another pace than it was asked for (§13.5.3).
    ScaleChange {
        /// The pace, when it is said.
        scale: Option<Decimal>,
    },
}

/// Why a server ends a session (RFC 7826 §18.52).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Termination {
    /// The reason, as it is written ([`TerminateReason`] has the known ones); `None` when
    /// there is none.
    pub reason: Option<String>,
    /// What the user should be told.
    pub user_message: Option<String>,
}

/// Methods that the machine answers by itself.
const ANSWERED: Methods = Methods::of(&[Method::Options, Method::Redirect]);
const ANSWERED_V2: Methods = ANSWERED.with(Method::Teardown).with(Method::PlayNotify);

impl Client {
    /// A request of the server: it is answered here or by the application, never dropped.
    #[cold]
    #[inline(never)]
    pub(super) fn asks(&mut self, now: Instant, request: RequestBuf) {
        let view = request.view();
        let (method, version, cseq) = (view.method(), view.version(), view.cseq());
        let Some(cseq) = cseq else {
            return self.refuse(view, StatusCode::BAD_REQUEST);
        };
        if self.was_asked(cseq) {
            return;
        }
        if !version.is_known() {
            return self.refuse(view, StatusCode::RTSP_VERSION_NOT_SUPPORTED);
        }
        if self.config.strict && is_odd(view.quirks(), view.headers()) {
            self.refuse(view, StatusCode::BAD_REQUEST);
            return self.count_malformed();
        }
        self.malformed = 0;
        if self.config.accepted_methods.contains(method) {
            if self.asked.len() >= self.config.pending_max {
                return self.refuse(view, StatusCode::SERVICE_UNAVAILABLE);
            }
            let id = PeerRequestId(self.new_number());
            let timestamp = timestamp(view).map(String::from);
            self.asked.insert(id, Asked { cseq, version, timestamp });
            return self.out.event(Event::Request { id: Some(id), request });
        }
        if let Some(response) = unmet(view) {
            self.reply(view, None, &response);
            return self.out.event(Event::Request { id: None, request });
        }
        match method {
            Method::Options => {
                let own = if version == Version::V2_0 { ANSWERED_V2 } else { ANSWERED };
                let response = ResponseBuilder::new(StatusCode::OK)
                    .header(HeaderName::Public, own.union(self.config.accepted_methods));
                self.reply(view, None, &response);
            }
            // RFC 2326 §10.8: "may be used to test client or server liveness".
            Method::GetParameter if view.body().is_empty() => self.agree(view),
            Method::Redirect => return self.is_sent_elsewhere(now, view),
            Method::PlayNotify => return self.is_notified(request),
            Method::Teardown => return self.is_torn_down(view),
            _ => self.refuse(view, StatusCode::NOT_IMPLEMENTED),
        }
        self.out.event(Event::Request { id: None, request });
    }

    fn is_sent_elsewhere(&mut self, now: Instant, request: Request<'_>) {
        match self.named(request) {
            Err(status) => self.refuse(request, status),
            Ok(key) => {
                self.agree(request);
                self.redirected(now, request.uri(), request.headers(), key);
            }
        }
    }

    fn is_torn_down(&mut self, request: Request<'_>) {
        let Ok(Some(key)) = self.named(request) else {
            return self.refuse(request, StatusCode::SESSION_NOT_FOUND);
        };
        self.agree(request);
        let reason = request.headers().typed::<TerminateReason<'_>>().ok().flatten();
        let user_message = reason.and_then(|reason| reason.user_message());
        let termination = Termination {
            reason: reason.map(|reason| String::from(reason.reason)),
            user_message: user_message.map(alloc::borrow::Cow::into_owned),
        };
        self.out.event(Event::Terminated { session: key, termination });
        self.drop_session(key, SessionEnd::Terminated);
    }

    fn is_notified(&mut self, request: RequestBuf) {
        let view = request.view();
        let headers = view.headers();
        let Ok(Some(key)) = self.named(view) else {
            return self.refuse(view, StatusCode::SESSION_NOT_FOUND);
        };
        let reason = match headers.typed::<NotifyReason<'_>>() {
            Ok(Some(reason)) => reason,
            _ if self.config.strict => {
                return self.refuse(view, StatusCode::BAD_REQUEST);
            }
            _ => NotifyReason::from_word(""),
        };
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let streams = session.streams.len();
        let one = streams > 1 && session.streams.iter().any(|s| s.url == view.uri());
        let notice = match reason {
            NotifyReason::EndOfStream => {
                let status = headers.typed::<RequestStatus<'_>>().ok().flatten();
                let status = status.map(|status| status.status);
                Notice::EndOfStream { whole: !one, status }
            }
            NotifyReason::MediaPropertiesUpdate => Notice::MediaPropertiesUpdate,
            NotifyReason::ScaleChange => {
                let scale = headers.typed::<Scale>().ok().flatten().map(|Scale(scale)| scale);
                Notice::ScaleChange { scale }
            }
            // §13.5: "it MUST respond with a 465".
            _ => {
                return self.refuse(view, StatusCode::NOTIFICATION_REASON_UNKNOWN);
            }
        };
        // A server may only say it in Play; one that says it otherwise is understood.
        let facts = v2::Facts::default();
        let in_play = session.standing.happens(v2::Event::PlayNotify, &facts);
        if let (Err(status), true) = (in_play, self.config.strict) {
            return self.refuse(view, status);
        }
        if matches!(notice, Notice::EndOfStream { whole: true, .. }) && in_play.is_ok() {
            let _step = session.standing.happens(v2::Event::EndOfMedia, &facts);
        }
        session.learn(headers);
        self.agree(view);
        self.out.event(Event::Notified { session: key, notice, request });
    }

    /// The session that a request of the server names; `None` when it names none.
    fn named(&self, request: Request<'_>) -> Result<Option<SessionKey>, StatusCode> {
        let Ok(Some(named)) = request.headers().typed::<Session<'_>>() else {
            return Ok(None);
        };
        let known = self.sessions.iter().find(|(_, s)| s.id.as_deref() == Some(named.id));
        known.map(|(key, _)| Some(*key)).ok_or(StatusCode::SESSION_NOT_FOUND)
    }

    /// 200, with the session that the request named.
    fn agree(&mut self, request: Request<'_>) {
        let named = request.headers().typed::<Session<'_>>().ok().flatten();
        let response = ResponseBuilder::new(StatusCode::OK);
        self.reply(request, named.map(|named| named.id), &response);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn refuse(&mut self, request: Request<'_>, status: StatusCode) {
        self.reply(request, None, &ResponseBuilder::new(status));
    }

    fn reply(&mut self, request: Request<'_>, session: Option<&str>, response: &ResponseBuilder) {
        let (cseq, version) = (request.cseq(), request.version());
        let timestamp = timestamp(request);
        let version = if version.is_known() { version } else { Version::V2_0 };
        let bytes = response.encode(version, |lines| {
            if let Some(cseq) = cseq {
                lines.number(HeaderName::CSeq, cseq);
            }
            if let Some(session) = session {
                lines.text(HeaderName::Session, session);
            }
            if let Some(timestamp) = timestamp {
                lines.text(HeaderName::Timestamp, timestamp);
            }
        });
        if let Ok(bytes) = bytes {
            self.answer(cseq, bytes);
        }
    }
}

/// 551 with what is required and not there (RFC 7826 §18.43): beyond playing nothing is. An
/// application that knows more accepts the method and answers itself.
fn unmet(request: Request<'_>) -> Option<ResponseBuilder> {
    let required = request.headers().tokens(HeaderName::Require);
    let unmet: Vec<&str> = required.filter(|tag| !tag.eq_ignore_ascii_case("play.basic")).collect();
    if unmet.is_empty() {
        return None;
    }
    let plain = ResponseBuilder::new(StatusCode::OPTION_NOT_SUPPORTED);
    let response = plain.clone().header(HeaderName::Unsupported, unmet.join(", "));
    // A tag that cannot stand in a header is not named.
    Some(if response.check().is_ok() { response } else { plain })
}

/// What must be echoed exactly (RFC 2326 §12.38, RFC 7826 §18.53).
fn timestamp(request: Request<'_>) -> Option<&str> {
    let stamp = request.headers().typed::<Timestamp<'_>>().ok().flatten();
    stamp.map(|stamp| stamp.value)
}
