//! The commands of a client.

use super::send::without_credentials;
use super::{Client, Offer, Pending, PlayOptions, Purpose, Session, Settled};
use crate::HeaderName;
use crate::error::{CloseReason, CommandError, PeerRequestId, RequestId, SessionKey};
use crate::headers::{Mode, Range, Transport};
use crate::message::{BuildError, Method, RequestBuilder, ResponseBuilder, Version, check_uri};
use crate::session_table::v2;
use alloc::boxed::Box;
use alloc::string::String;
use bytes::Bytes;
use core::fmt::Write as _;
use proto_wire::{Instant, LimitKind};

impl Client {
    /// Asks what the server can do; `url` may be `*`.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn options(&mut self, now: Instant, url: &str) -> Result<RequestId, CommandError> {
        let request = self.begin(Method::Options, url);
        self.request(now, None, request)
    }

    /// Asks for the description of `url`, as SDP.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn describe(&mut self, now: Instant, url: &str) -> Result<RequestId, CommandError> {
        let request = self.begin(Method::Describe, url);
        self.send(now, None, request, Purpose::Describe)
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
        check_uri(url)?;
        let url = without_credentials(url)?.unwrap_or_else(|| String::from(url));
        let key = SessionKey(self.new_number());
        self.sessions.insert(key, Session::new(url, self.version));
        Ok(key)
    }

    /// Sets up the stream at `url`, over the first of the `offers` that the server likes.
    ///
    /// # Errors
    /// As [`request`](Self::request); also, in RTSP 1.0, before the answer to the session's
    /// first SETUP, and [`BuildError::Value`] without any offer.
    pub fn setup(
        &mut self,
        now: Instant,
        session: SessionKey,
        url: &str,
        offers: &[Transport<'_>],
    ) -> Result<RequestId, CommandError> {
        let request = self.begin(Method::Setup, url);
        self.setup_with(now, session, request, offers)
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
        self.check_open()?;
        let first = offers.first().ok_or(CommandError::Build(BuildError::Value))?;
        let fallback = self.free_channels().map_or(0, |pair| pair.rtp);
        let (known, id) = self.target(session)?;
        let list = |version: Version| {
            let only = if offers.len() == 1 { first.usual(version) } else { None };
            if let Some(usual) = only {
                return String::from(usual.as_str());
            }
            let mut list = String::new();
            for offer in offers {
                let comma = if list.is_empty() { "" } else { "," };
                // Writing to memory does not fail.
                let _infallible = write!(list, "{comma}{}", offer.for_version(version));
            }
            list
        };
        let (is_v2, has_id) = (known.version == Version::V2_0, id.is_some());
        let offer = Offer {
            first: Settled::of(first, None, fallback),
            has_interleaved: offers.iter().any(Transport::is_interleaved),
            v1: list(Version::V1_0),
            v2: if is_v2 { list(Version::V2_0) } else { String::new() },
        };
        let begins = is_v2 && !has_id && known.pipeline.is_none() && self.config.pipelining;
        if begins {
            self.set_pipeline(session, Some(self.next_pipeline));
        }
        let sent = self.send(now, Some(session), request, Purpose::Setup(offer));
        match (begins, &sent) {
            (true, Ok(_)) => self.next_pipeline = self.next_pipeline.wrapping_add(1),
            (true, Err(_)) => self.set_pipeline(session, None),
            (false, _) => {}
        }
        sent
    }

    fn set_pipeline(&mut self, session: SessionKey, number: Option<u32>) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.pipeline = number;
        }
    }

    /// The same to send media to the server: each of the offers gets `mode=record`.
    ///
    /// # Errors
    /// As [`setup`](Self::setup).
    pub fn setup_record(
        &mut self,
        now: Instant,
        session: SessionKey,
        url: &str,
        offers: &[Transport<'_>],
    ) -> Result<RequestId, CommandError> {
        let mut offers = offers.to_vec();
        for offer in &mut offers {
            offer.mode = Mode::RECORD;
        }
        self.setup(now, session, url, &offers)
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

    /// Starts playing all streams of the session in a way of one's own. In RTSP 2.0 a PLAY
    /// while playing replaces what plays (RFC 7826 §13.4.3); in 1.0 it stands in line (RFC
    /// 2326 §10.5).
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn play_with(
        &mut self,
        now: Instant,
        session: SessionKey,
        options: &PlayOptions,
    ) -> Result<RequestId, CommandError> {
        let request = self.for_session(session, Method::Play)?;
        let version = self.target(session)?.0.version;
        self.request(now, Some(session), options.put(request, version))
    }

    /// Stops all streams of the session for a while.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn pause(&mut self, now: Instant, session: SessionKey) -> Result<RequestId, CommandError> {
        let request = self.for_session(session, Method::Pause)?;
        self.request(now, Some(session), request)
    }

    /// Describes what will be sent to the session's URL (RTSP 1.0, RFC 2326 §10.3), before
    /// [`setup_record`](Self::setup_record) of each stream and [`record`](Self::record).
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn announce(
        &mut self,
        now: Instant,
        session: SessionKey,
        sdp: impl Into<Bytes>,
    ) -> Result<RequestId, CommandError> {
        let request = self.for_session(session, Method::Announce)?;
        self.request(now, Some(session), request.body("application/sdp", sdp))
    }

    /// Starts sending to all streams of the session, which [`announce`](Self::announce)
    /// described and [`setup_record`](Self::setup_record) set up.
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

    /// Sets parameters: names and values, one a line (`text/parameters`). A line end in
    /// either is refused.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn set_parameter(
        &mut self,
        now: Instant,
        session: SessionKey,
        parameters: &[(&str, &str)],
    ) -> Result<RequestId, CommandError> {
        let mut request = self.for_session(session, Method::SetParameter)?;
        let mut body = String::new();
        for part in parameters.iter().flat_map(|(name, value)| [*name, ": ", *value, "\r\n"]) {
            if part != "\r\n" && part.bytes().any(|b| b == b'\r' || b == b'\n') {
                return Err(CommandError::Build(BuildError::Value));
            }
            body.push_str(part);
        }
        if !body.is_empty() {
            request = request.body("text/parameters", body);
        }
        self.request(now, Some(session), request)
    }

    /// Ends one stream of the session. In RTSP 2.0 that is not legal while it plays (RFC
    /// 7826 table 12).
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn teardown_stream(
        &mut self,
        now: Instant,
        session: SessionKey,
        url: &str,
    ) -> Result<RequestId, CommandError> {
        self.check_open()?;
        self.request(now, Some(session), RequestBuilder::new(Method::Teardown, url))
    }

    /// Says that the media of the session came to its end: all streams sent RTCP BYE, for
    /// example. In RTSP 1.0 that leads to Ready (RFC 2326 A.1); in 2.0 the session keeps
    /// playing, and goes on from the end (RFC 7826 table 12).
    ///
    /// # Errors
    /// Closed, or no such session.
    pub fn media_ended(&mut self, _now: Instant, session: SessionKey) -> Result<(), CommandError> {
        self.check_open()?;
        let session = self.sessions.get_mut(&session).ok_or(CommandError::UnknownSession)?;
        // In another state it means nothing.
        let _step = session.standing.happens(v2::Event::EndOfMedia, &v2::Facts::default());
        Ok(())
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
    /// those before it succeed. In RTSP 2.0 they may follow the first SETUP of a session too
    /// ([`Config::pipelining`](super::Config::pipelining)).
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

    /// Answers a request of the server. Version, CSeq and the echo of Timestamp are set here.
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
        let asked = self.asked.get(&id).ok_or(CommandError::UnknownRequest)?;
        let cseq = asked.cseq;
        let bytes = response.encode(asked.version, |lines| {
            lines.number(HeaderName::CSeq, cseq);
            if let Some(echo) = &asked.timestamp {
                lines.text(HeaderName::Timestamp, echo);
            }
        })?;
        self.asked.remove(&id);
        self.answer(Some(cseq), bytes);
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
        &mut self,
        session: SessionKey,
        method: Method,
    ) -> Result<RequestBuilder, CommandError> {
        self.check_open()?;
        let memory = spare_uri(&mut self.spare);
        let session = self.sessions.get(&session).ok_or(CommandError::UnknownSession)?;
        Ok(RequestBuilder::begin(method, &session.url, memory))
    }

    /// A request in the memory of one that is answered.
    fn begin(&mut self, method: Method, url: &str) -> RequestBuilder {
        RequestBuilder::begin(method, url, spare_uri(&mut self.spare))
    }
}

fn spare_uri(spare: &mut Option<Box<Pending>>) -> String {
    spare.as_mut().map_or_else(String::new, |spare| spare.request.take_uri())
}
