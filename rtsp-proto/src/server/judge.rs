//! The rules that the core keeps, in the order in which they are applied.

use super::policy::{Control, destinations, prohibited};
use super::{Server, Session};
use crate::HeaderName;
use crate::headers::{AcceptRanges, Blocksize, PipelinedRequests, Range, RangeSpec, Scale};
use crate::headers::{NptRange, NptTime, Transport};
use crate::message::{Method, Methods, Request, ResponseBuilder, StatusCode, Version};
use crate::quirks::is_odd;
use crate::range::{Extent, SmpteTime};
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// RFC 7826 §11.1.
const PLAY_BASIC: &str = "play.basic";

/// Why a request is answered without the application.
pub(super) enum Refusal {
    Plain(StatusCode),
    With(ResponseBuilder),
}

impl From<StatusCode> for Refusal {
    fn from(status: StatusCode) -> Self {
        Self::Plain(status)
    }
}

impl Server {
    /// What needs no session: can it be read, is it offered, are its requirements met.
    pub(super) fn judge_head(
        &self,
        request: Request<'_>,
        cseq: Option<u32>,
    ) -> Result<(), Refusal> {
        if !request.version().is_known() {
            // RFC 7826 §17.5.6: a body says which versions there are.
            let response = ResponseBuilder::new(StatusCode::RTSP_VERSION_NOT_SUPPORTED);
            return Err(Refusal::With(response.body("text/plain", "RTSP/1.0, RTSP/2.0\r\n")));
        }
        let is_odd = self.config.strict && is_odd(request.quirks(), request.headers());
        // RFC 2326 §12.17: every request has a CSeq.
        if cseq.is_none() || is_odd {
            return Err(Refusal::Plain(StatusCode::BAD_REQUEST));
        }
        self.judge_method(request.method())?;
        self.judge_requirements(request)
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
                .methods(HeaderName::Allow, self.config.methods);
            return Err(Refusal::With(response));
        }
        Ok(())
    }

    /// RFC 2326 §12.32: 551 names the tags that are not supported, and only those. A server
    /// of 1.0 treats Proxy-Require alike (§12.27); in 2.0 that is for proxies only (RFC 7826
    /// §18.37).
    fn judge_requirements(&self, request: Request<'_>) -> Result<(), Refusal> {
        let headers = request.headers();
        if !headers.may_have(HeaderName::Require.bit() | HeaderName::ProxyRequire.bit()) {
            return Ok(());
        }
        let is_old = request.version() == Version::V1_0;
        let unsupported: Vec<_> = headers
            .tokens(HeaderName::Require)
            .chain(headers.tokens(HeaderName::ProxyRequire).filter(|_| is_old))
            .filter(|tag| !self.features(request.version()).any(|f| f.eq_ignore_ascii_case(tag)))
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

    /// What is supported: what is configured, and in 2.0 the basic set of RFC 7826 §11.1, which
    /// is what this machine is for.
    pub(super) fn features(&self, version: Version) -> impl Iterator<Item = &str> {
        let basic = (version == Version::V2_0).then_some(PLAY_BASIC);
        let others = self.config.features.iter().map(String::as_str);
        basic.into_iter().chain(others.filter(move |tag| basic != Some(*tag)))
    }

    /// What the session says: does its table allow the method, may this URL be named, do
    /// the headers of the method make sense. Whether an offer names a destination.
    pub(super) fn judge_session(
        &self,
        request: Request<'_>,
        session: Option<&Session>,
    ) -> Result<bool, Refusal> {
        let method = request.method();
        let at = session.and_then(|session| session.stream_at(request.uri_bytes()));
        if let Some(session) = session {
            self.judge_control(request, session, at)?;
        }
        match (session, request.version()) {
            (Some(session), Version::V2_0) => session
                .judge_v2(request, self.config.transport_changes)
                .map_err(|status| self.with_allow(status, session.state))?,
            _ => self.judge_v1(method, session, at)?,
        }
        match method {
            Method::Setup => self.judge_setup(request, session),
            Method::Play | Method::Pause | Method::Record => {
                self.judge_range(request, session).map(|()| false)
            }
            _ => Ok(false),
        }
    }

    fn judge_v1(
        &self,
        method: Method,
        session: Option<&Session>,
        at: Option<usize>,
    ) -> Result<(), Refusal> {
        let state = session.map_or(State::Init, |session| session.state_at(at));
        let flows = state == State::Playing || state == State::Recording;
        // RFC 2326 §10.4: a server that does not change parameters says 455.
        let fixed = method == Method::Setup && at.is_some() && !self.config.transport_changes;
        if state.after(method).is_none() || (flows && fixed) || !has_direction(method, session) {
            return Err(self.with_allow(StatusCode::METHOD_NOT_VALID_IN_THIS_STATE, state));
        }
        Ok(())
    }

    /// RFC 2326 §11.3.10, §11.3.11: which URLs may be named.
    fn judge_control(
        &self,
        request: Request<'_>,
        session: &Session,
        at: Option<usize>,
    ) -> Result<(), Refusal> {
        let one_of_several = at.is_some() && session.streams.len() > 1;
        match (self.config.control, request.method()) {
            (Control::Aggregate, Method::Play | Method::Pause | Method::Record)
                if one_of_several =>
            {
                Err(StatusCode::ONLY_AGGREGATE_OPERATION_ALLOWED.into())
            }
            (Control::Single, Method::Setup) if at.is_none() && !session.streams.is_empty() => {
                Err(StatusCode::AGGREGATE_OPERATION_NOT_ALLOWED.into())
            }
            _ => Ok(()),
        }
    }

    /// RFC 2326 §11.3.6, RFC 7826 §17.4.19: 455 says which methods are valid.
    #[cold]
    #[inline(never)]
    fn with_allow(&self, status: StatusCode, state: State) -> Refusal {
        if status != StatusCode::METHOD_NOT_VALID_IN_THIS_STATE {
            return Refusal::Plain(status);
        }
        let valid = |method: &Method| {
            self.config.methods.contains(*method) && state.after(*method).is_some()
        };
        let allowed = Method::KNOWN.iter().copied().filter(valid);
        let allowed = allowed.fold(Methods::NONE, Methods::with);
        Refusal::With(ResponseBuilder::new(status).methods(HeaderName::Allow, allowed))
    }

    fn judge_setup(
        &self,
        request: Request<'_>,
        session: Option<&Session>,
    ) -> Result<bool, Refusal> {
        let headers = request.headers();
        // RFC 7826 §18.10: the only fault that a block size can have.
        if headers.typed::<Blocksize>().map_or(true, |size| size == Some(Blocksize(0))) {
            return Err(Refusal::Plain(StatusCode::BAD_REQUEST));
        }
        if request.version() == Version::V2_0 {
            self.judge_units(request)?;
        }
        let mut refused = StatusCode::UNSUPPORTED_TRANSPORT;
        let (mut any, mut aims) = (false, false);
        for offer in headers.transports().flatten() {
            aims |= destinations(&offer).next().is_some();
            match self.judge_offer(&offer, request.version()) {
                Ok(()) => any = true,
                Err(status) if status != StatusCode::UNSUPPORTED_TRANSPORT => refused = status,
                Err(_) => {}
            }
        }
        if !any {
            return Err(Refusal::Plain(refused));
        }
        let full = match session {
            Some(session) => {
                session.streams.len() >= self.config.streams_max
                    && session.stream_at(request.uri_bytes()).is_none()
            }
            None => self.sessions.len() >= self.config.sessions_max,
        };
        if full { Err(Refusal::Plain(StatusCode::SERVICE_UNAVAILABLE)) } else { Ok(aims) }
    }

    /// Whether an offer could be accepted, as far as this machine knows.
    pub(super) fn judge_offer(
        &self,
        offer: &Transport<'_>,
        version: Version,
    ) -> Result<(), StatusCode> {
        let records = offer.mode.record && !offer.mode.play;
        if (offer.is_interleaved() && self.datagrams.is_some())
            || (records && !self.config.methods.contains(Method::Record))
        {
            return Err(StatusCode::UNSUPPORTED_TRANSPORT);
        }
        if self.config.destinations.allows(offer, self.peer) {
            Ok(())
        } else {
            Err(prohibited(version))
        }
    }

    /// RFC 7826 §13.3: without a unit that both know, 456 says which this side knows.
    #[cold]
    #[inline(never)]
    fn judge_units(&self, request: Request<'_>) -> Result<(), Refusal> {
        match request.headers().typed::<AcceptRanges<'_>>() {
            Ok(Some(theirs)) if !self.config.accept_ranges.is_empty() => {
                let mut units = theirs.iter().filter_map(Result::ok).peekable();
                if units.peek().is_none() || units.any(|unit| self.takes_unit(unit.0)) {
                    return Ok(());
                }
                Err(self.other_unit())
            }
            _ => Ok(()),
        }
    }

    fn takes_unit(&self, unit: &str) -> bool {
        let ours = &self.config.accept_ranges;
        ours.is_empty() || ours.split(',').any(|own| own.trim().eq_ignore_ascii_case(unit))
    }

    #[cold]
    #[inline(never)]
    fn other_unit(&self) -> Refusal {
        let status = StatusCode::HEADER_FIELD_NOT_VALID_FOR_RESOURCE;
        Refusal::With(
            ResponseBuilder::new(status)
                .header(HeaderName::AcceptRanges, &self.config.accept_ranges),
        )
    }

    #[inline(never)]
    fn judge_range(&self, request: Request<'_>, session: Option<&Session>) -> Result<(), Refusal> {
        let range = match request.headers().typed::<Range<'_>>() {
            Ok(None) => return Ok(()),
            Ok(Some(range)) => range,
            Err(_) if request.method() == Method::Pause && pause_point(request).is_some() => {
                return Ok(());
            }
            Err(_) => return Err(Refusal::Plain(StatusCode::INVALID_RANGE)),
        };
        if request.version() == Version::V2_0 {
            let unit = match range.spec {
                RangeSpec::Npt(_) => "npt",
                RangeSpec::Other { unit, .. } => unit,
            };
            if !self.takes_unit(unit) {
                return Err(self.other_unit());
            }
            // RFC 7826 §18.40: only a negative scale plays from the end to the beginning.
            if is_reverse(&range) && !is_backwards(request) {
                return Err(Refusal::Plain(StatusCode::INVALID_RANGE));
            }
        }
        // RFC 2326 §11.3.7: "PLAY contains the Range header field but the stream does not
        // allow seeking". Players name the beginning or the live edge without need.
        let is_fixed = session.is_some_and(|session| !session.seekable);
        if request.method() == Method::Play && is_fixed && seeks(&range) {
            return Err(StatusCode::HEADER_FIELD_NOT_VALID_FOR_RESOURCE.into());
        }
        Ok(())
    }
}

/// Whether the streams of the session were set up for this direction. Without `mode` they
/// are good for both: pushers forget it.
fn has_direction(method: Method, session: Option<&Session>) -> bool {
    let Some(session) = session else { return true };
    let mut modes = session.streams.iter().map(|stream| stream.mode).peekable();
    if modes.peek().is_none() {
        return true;
    }
    match method {
        Method::Play => modes.any(|mode| mode.play || !mode.record),
        Method::Record => modes.any(|mode| mode.record || !mode.play),
        _ => true,
    }
}

/// Where PAUSE is to take effect: one point (RFC 2326 §10.6), which need not look like a
/// range.
pub(super) fn pause_point(request: Request<'_>) -> Option<NptTime> {
    use crate::headers::TypedHeader as _;
    let value = request.headers().bytes(HeaderName::Range)?;
    let read = |value: &[u8]| Range::parse(value).ok().and_then(|range| range.as_npt()?.start);
    read(value).or_else(|| {
        let mut open = Vec::from(value);
        open.push(b'-');
        read(&open)
    })
}

fn is_reverse(range: &Range<'_>) -> bool {
    match Extent::of(range) {
        Ok(Extent::Npt(NptRange {
            start: Some(NptTime::At(start)),
            end: Some(NptTime::At(end)),
        })) => start > end,
        Ok(Extent::Smpte(smpte)) => smpte.times.is_reverse(),
        Ok(Extent::Clock(times)) => times.is_reverse(),
        _ => false,
    }
}

fn is_backwards(request: Request<'_>) -> bool {
    let scale = request.headers().typed::<Scale>().ok().flatten();
    scale.is_some_and(|Scale(scale)| scale.billionths() < 0)
}

fn seeks(range: &Range<'_>) -> bool {
    match Extent::of(range) {
        Ok(Extent::Npt(npt)) => {
            !matches!(npt.start, None | Some(NptTime::Now | NptTime::At(Duration::ZERO)))
        }
        Ok(Extent::Smpte(smpte)) => smpte.times.start.is_some_and(|at| at != SmpteTime::default()),
        Ok(Extent::Clock(times)) => times.start.is_some(),
        Err(_) => true,
    }
}

/// `Pipelined-Requests` of a request of 2.0 (RFC 7826 §18.33).
pub(super) fn pipeline_of(request: Request<'_>) -> Option<u32> {
    let number = request.headers().typed::<PipelinedRequests>().ok().flatten();
    number.filter(|_| request.version() == Version::V2_0).map(|number| number.0)
}

/// Methods that only servers send (RFC 2326 §10, RFC 7826 §13).
const fn is_for_clients(method: Method) -> bool {
    matches!(method, Method::Redirect | Method::PlayNotify)
}
