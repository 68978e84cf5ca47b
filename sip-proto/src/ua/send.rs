//! How requests leave: where to, with what credentials, and again when they were refused for
//! something that can be mended.

use super::event::{CallRef, CommandError, Ending, Event, LookupId};
use super::state::Phase;
use super::{Use, UserAgent};
use crate::endpoint::{self, Path, Target, TransactionId};
use crate::headers::{CSeq, Route, Transport};
use crate::message::{
    BuildError, HeaderName, Method, Request, RequestBuf, RequestBuilder, Response, ResponseBuf,
};
use crate::proxy::numeric_target;
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::{Instant, LimitKind};

/// A request that waits to be told where it goes.
#[derive(Debug)]
pub(super) struct Pending {
    purpose: Option<Use>,
    request: RequestBuf,
}

impl Pending {
    pub(super) const fn call(&self) -> Option<CallRef> {
        match self.purpose {
            Some(Use::Invite(call) | Use::Change(call) | Use::Bye(call)) => Some(call),
            Some(Use::Prack(call, _)) => Some(call),
            _ => None,
        }
    }
}

/// A request that went out, as it was before its Via and credentials.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) request: RequestBuf,
    target: Target,
    /// Over a stream for its length alone.
    long: bool,
    #[cfg(feature = "digest")]
    answers: Vec<proto_wire::digest::Answer>,
}

/// What is other when a request is sent again.
#[derive(Debug, Default)]
pub(super) struct Anew {
    /// The interval of the session timer.
    pub(super) interval: Option<u32>,
    /// The request URI.
    pub(super) uri: Option<String>,
}

/// Questions at one time. Stops a host that does not answer from collecting requests.
const LOOKUPS_MAX: usize = 1024;

impl UserAgent {
    /// Answers [`Event::LookupWanted`]: where the URI leads, or that it leads nowhere. An
    /// answer to no question does nothing.
    pub fn looked_up(&mut self, now: Instant, lookup: LookupId, target: Option<Target>) {
        self.advance(now);
        if let Some(pending) = self.lookups.remove(&lookup) {
            let sent =
                target.is_some_and(|t| self.launch(pending.purpose, &pending.request, t).is_ok());
            match pending.purpose.filter(|_| !sent) {
                Some(Use::Plain(request, call)) => {
                    self.plain_failed(request, call, &pending.request)
                }
                Some(purpose) => self.failed(purpose, None, Ending::Unreachable),
                None => {}
            }
        }
        self.pump();
    }

    /// What every request outside of dialogs begins with; `ids` are Call-ID, our tag and the
    /// sequence number (RFC 3261 §8.1.1, RFC 3608 §5).
    pub(super) fn outside(
        &self,
        method: Method<'_>,
        uri: &str,
        to: &str,
        (call_id, tag, number): (&str, &str, u32),
    ) -> RequestBuilder {
        let mut from = String::new();
        if let Some(display) = &self.config.display {
            // Writing to a string cannot fail.
            let _infallible = proto_wire::text::quoted::write(&mut from, display);
            from.push(' ');
        }
        let identity = &self.config.identity;
        let mut request = RequestBuf::build(method, uri)
            .header(HeaderName::MAX_FORWARDS, 70)
            .header(HeaderName::FROM, format_args!("{from}<{identity}>;tag={tag}"))
            .header(HeaderName::TO, format_args!("<{to}>"))
            .header(HeaderName::CALL_ID, call_id)
            .header(HeaderName::CSEQ, CSeq { number, method });
        if method != Method::Register {
            for route in self.service_route() {
                request = request.header(HeaderName::ROUTE, route);
            }
        }
        let product = &self.config.endpoint.product;
        request.header_if(HeaderName::USER_AGENT, (!product.is_empty()).then_some(product))
    }

    /// Sends a request outside of dialogs: to the outbound proxy, or to the first of its route.
    pub(super) fn send_outside(
        &mut self,
        purpose: Use,
        request: &RequestBuf,
        uri: &str,
    ) -> Result<(), CommandError> {
        if let Some(target) = self.outbound() {
            return self.launch(Some(purpose), request, target);
        }
        let route = request.headers().typed::<Route<'_>>().ok().flatten();
        let first = route.as_ref().and_then(|r| core::str::from_utf8(r.uri_bytes()).ok());
        self.send(Some(purpose), request, first.unwrap_or(uri), None)
    }

    /// Where requests outside of dialogs go: over a flow that is registered (RFC 5626 §4.3), else to
    /// the outbound proxy that answered last.
    pub(super) fn outbound(&self) -> Option<Target> {
        let proxies = self.proxies();
        let live = (0..=self.config.flows.len())
            .filter(|flow| !self.config.flows.is_empty() && self.is_flow_alive(*flow))
            .find_map(|flow| self.edge(flow));
        live.or_else(|| proxies.get(self.outbound).copied()).or(self.config.outbound)
    }

    /// All that there are: of the flows, and spare ones.
    fn proxies(&self) -> Vec<Target> {
        let config = &self.config;
        let all = config.outbound.iter().chain(&config.flows).chain(&config.outbound_spare);
        all.copied().collect()
    }

    /// Sends a request outside of dialogs to the next outbound proxy when one failed (RFC 3263
    /// §4.3): the same request in a new transaction. Whether there is one.
    pub(super) fn fail_over(&mut self, id: TransactionId, purpose: Use) -> bool {
        let outside = match purpose {
            Use::Invite(call) => self
                .calls
                .get(&call)
                .is_some_and(|c| matches!(c.phase, Phase::Calling | Phase::Ringing)),
            Use::Message(_) | Use::Plain(_, None) => true,
            // Each flow is a registration of its own.
            Use::Register(_) => self.config.flows.is_empty(),
            _ => false,
        };
        let Some(sent) = self.sent.get(&id).filter(|_| outside) else { return false };
        let (request, failed) = (sent.request.clone(), sent.target);
        let all = self.proxies();
        let Some(at) = all.iter().position(|t| *t == failed) else { return false };
        let at = at.saturating_add(1);
        let Some(next) = all.get(at).copied() else {
            // Behind the last one it begins anew with the first, next time.
            self.outbound = 0;
            return false;
        };
        self.outbound = at;
        self.launch(Some(purpose), &request, next).is_ok()
    }

    /// What peers are told in the response of a server transaction.
    pub(super) fn contact_of(&self, id: TransactionId) -> String {
        let request = self.endpoint.request_of(id);
        let uri = request.map(|r| String::from_utf8_lossy(r.view().uri_bytes()).into_owned());
        self.contact(self.endpoint.path_of(id), uri.as_deref().unwrap_or(""))
    }

    /// Sends a request in a transaction, or with no purpose an ACK. `hop` is the URI that it
    /// goes to first; `path` a stream to the peer that may be used instead.
    pub(super) fn send(
        &mut self,
        purpose: Option<Use>,
        request: &RequestBuf,
        hop: &str,
        path: Option<Path>,
    ) -> Result<(), CommandError> {
        let open = match path {
            Some(Path::Stream(flow))
                if self.endpoint.transport_of(Path::Stream(flow)).is_some() =>
            {
                Some(Target::Flow(flow))
            }
            _ => None,
        };
        if let Some(target) = open.or_else(|| target_of(hop)) {
            return self.launch(purpose, request, self.as_known(target));
        }
        if self.lookups.len() >= LOOKUPS_MAX {
            return Err(LimitKind::Pending.into());
        }
        let lookup = LookupId(self.next_lookup);
        self.next_lookup = self.next_lookup.saturating_add(1);
        self.lookups.insert(lookup, Pending { purpose, request: request.clone() });
        self.tell(Event::LookupWanted { lookup, uri: String::from(hop) });
        Ok(())
    }

    /// A route names the address of our proxy, but not always how we reach it: `ws` may be under TLS
    /// (RFC 7118 §5), and a proxy that has more transports than one writes one of them.
    fn as_known(&self, target: Target) -> Target {
        let Target::Address(_, at) = target else { return target };
        let known = self.proxies().into_iter();
        let mut same = known.filter(|t| matches!(t, Target::Address(_, a) if *a == at));
        same.next().unwrap_or(target)
    }

    pub(super) fn launch(
        &mut self,
        purpose: Option<Use>,
        request: &RequestBuf,
        target: Target,
    ) -> Result<(), CommandError> {
        let Some(purpose) = purpose else {
            self.over_stream_if_long(target, |endpoint, now, to| {
                endpoint.send_ack(now, request.view(), to)
            })?;
            return Ok(());
        };
        let plain = request;
        #[cfg(feature = "digest")]
        let (request, answers) = self.with_answers(plain)?;
        #[cfg(feature = "digest")]
        let request = &request;
        let mut long = false;
        let id = self.over_stream_if_long(target, |endpoint, now, to| {
            long = to != target;
            endpoint.request(now, request.view(), to)
        })?;
        let sent = Sent {
            request: plain.clone(),
            target,
            long,
            #[cfg(feature = "digest")]
            answers,
        };
        self.note_sent(id, purpose, target, sent);
        Ok(())
    }

    fn note_sent(&mut self, id: TransactionId, purpose: Use, target: Target, sent: Sent) {
        let is_invite = sent.request.view().method() == Method::Invite;
        self.sent.insert(id, sent);
        self.uses.insert(id, purpose);
        if let Use::Register(flow) = purpose {
            if let Some(own) = self.registrations.get_mut(flow) {
                own.target = Some(target);
            }
        }
        if let (Use::Invite(call) | Use::Change(call), true) = (purpose, is_invite) {
            if let Some(known) = self.calls.get_mut(&call) {
                known.invite = Some(id);
            }
        }
    }

    /// RFC 3261 §18.1.1: a request that went over a stream for its length alone goes as a datagram
    /// after all when there is no stream. Whether it did.
    pub(super) fn as_datagram(&mut self, id: TransactionId, purpose: Use) -> bool {
        let Some(sent) = self.sent.get(&id).filter(|sent| sent.long) else { return false };
        let (target, plain) = (sent.target, sent.request.clone());
        #[cfg(feature = "digest")]
        let Ok((request, answers)) = self.with_answers(&plain) else { return false };
        #[cfg(not(feature = "digest"))]
        let request = plain.clone();
        let again = self.endpoint.request_oversize(self.now, request.view(), target);
        let Ok(again) = again else { return false };
        let sent = Sent {
            request: plain,
            target,
            long: false,
            #[cfg(feature = "digest")]
            answers,
        };
        self.note_sent(again, purpose, target, sent);
        true
    }

    /// RFC 3261 §18.1.1: what is too long for a datagram goes over a stream, if there is one.
    fn over_stream_if_long<T>(
        &mut self,
        target: Target,
        mut send: impl FnMut(&mut crate::Endpoint, Instant, Target) -> Result<T, endpoint::CommandError>,
    ) -> Result<T, endpoint::CommandError> {
        let outcome = send(&mut self.endpoint, self.now, target);
        let (Err(endpoint::CommandError::TooLong(_)), Target::Address(_, to)) = (&outcome, target)
        else {
            return outcome;
        };
        let to_proxy = self.config.outbound == Some(target);
        let stream = self.config.outbound_stream.filter(|_| to_proxy);
        let stream = stream.unwrap_or(Target::Address(Transport::Tcp, to));
        match send(&mut self.endpoint, self.now, stream) {
            Err(endpoint::CommandError::NoListener(_)) => outcome,
            sent => sent,
        }
    }

    #[cfg(feature = "digest")]
    fn with_answers(
        &mut self,
        request: &RequestBuf,
    ) -> Result<(RequestBuf, Vec<proto_wire::digest::Answer>), CommandError> {
        let view = request.view();
        let method = view.method();
        let answers = self.auth.answers(
            &mut self.rng,
            method.as_str().as_bytes(),
            view.uri_bytes(),
            view.body(),
        );
        if answers.is_empty() {
            return Ok((request.clone(), answers));
        }
        let mut builder = again(view, None, None, &[]);
        for answer in &answers {
            builder = builder.named(answer.header_name(), answer.value());
        }
        Ok((with_body(builder, view).build()?, answers))
    }

    /// Takes a 401 or 407. Whether the request is worth sending again.
    #[cfg(feature = "digest")]
    pub(super) fn challenged(&mut self, id: TransactionId, response: Response<'_>) -> bool {
        use proto_wire::digest;
        let (target, name) = match response.status().as_u16() {
            401 => (digest::Target::Origin, HeaderName::WWW_AUTHENTICATE),
            _ => (digest::Target::Proxy, HeaderName::PROXY_AUTHENTICATE),
        };
        let sent = self.sent.get(&id).map_or(&[][..], |s| &s.answers);
        let rows = response.headers();
        self.auth.challenged(target, rows.rows(name).map(|r| r.raw().unfolded()), sent).is_ok()
    }

    #[cfg(not(feature = "digest"))]
    pub(super) const fn challenged(&self, _id: TransactionId, _response: Response<'_>) -> bool {
        false
    }

    /// The credentials were good: what the server says of the next nonce holds (RFC 7616 §3.5).
    #[cfg(feature = "digest")]
    pub(super) fn credentials_taken(&mut self, id: TransactionId, response: &ResponseBuf) {
        use proto_wire::digest::Target;
        let Some(sent) = self.sent.get(&id) else { return };
        self.auth.accepted(&sent.answers);
        for (target, name) in [
            (Target::Origin, HeaderName::AUTHENTICATION_INFO),
            (Target::Proxy, HeaderName::PROXY_AUTHENTICATION_INFO),
        ] {
            if let Some(value) = response.headers().bytes(name) {
                // What cannot be read changes nothing.
                let _unread = self.auth.info(target, value, &sent.answers, &response.body());
            }
        }
    }

    #[cfg(not(feature = "digest"))]
    pub(super) const fn credentials_taken(&self, _id: TransactionId, _response: &ResponseBuf) {}

    /// Sends the request of a transaction once more with the next sequence number: with new
    /// credentials, another interval, or to somewhere else. `None` when it cannot be.
    pub(super) fn retry(&mut self, id: TransactionId, purpose: Use, anew: Anew) -> Option<()> {
        let Anew { interval, uri } = anew;
        let old = self.sent.get(&id)?.request.clone();
        let view = old.view();
        let call = match purpose {
            Use::Invite(call)
            | Use::Change(call)
            | Use::Bye(call)
            | Use::Prack(call, _)
            | Use::Plain(_, Some(call)) => Some(call),
            Use::Refer(refer) | Use::Notify(refer) => Some(self.call_of(refer)?),
            _ => None,
        };
        let leg = match purpose {
            Use::Prack(_, leg) => Some(leg),
            _ => None,
        };
        let number = view.headers().typed::<CSeq<'_>>().ok().flatten()?.number;
        // Outside of calls a REFER has no dialog yet.
        let known = call.and_then(|c| self.calls.get_mut(&c)).filter(|c| !c.legs.is_empty());
        let (mut hop, mut path) = (None, None);
        let next = match (purpose, known) {
            (Use::Invite(_), _) | (_, None) => number.checked_add(1)?,
            (_, Some(known)) => {
                let leg = leg.unwrap_or(known.leg);
                path = known.path;
                let dialog = &mut known.legs.get_mut(leg)?.dialog;
                hop = Some(String::from(dialog.next_hop()));
                dialog.next_cseq().ok()?
            }
        };
        let without: &[HeaderName] = match interval {
            Some(_) => &[HeaderName::SESSION_EXPIRES, HeaderName::MIN_SE],
            None => &[],
        };
        let mut builder = again(view, uri.as_deref(), Some(next), without);
        if let Some(secs) = interval {
            builder =
                builder.header(HeaderName::SESSION_EXPIRES, secs).header(HeaderName::MIN_SE, secs);
        }
        let request = with_body(builder, view).build().ok()?;
        if let (Use::Invite(_), Some(known)) = (purpose, call.and_then(|c| self.calls.get_mut(&c)))
        {
            known.asked_interval = interval.or(known.asked_interval);
            known.set.as_mut()?.resent(request.clone());
            known.legs.clear();
        }
        let outside = hop.is_none();
        let hop = match hop {
            Some(hop) => hop,
            None => uri.unwrap_or_else(|| String::from_utf8_lossy(view.uri_bytes()).into_owned()),
        };
        match purpose {
            Use::Register(flow) if self.edge(flow).is_some() => {
                let edge = self.edge(flow)?;
                self.launch(Some(purpose), &request, edge).ok()?;
            }
            Use::Refer(_) if outside => self.send_outside(purpose, &request, &hop).ok()?,
            Use::Invite(_) | Use::Plain(_, None) | Use::Message(_) | Use::Register(_) => {
                self.send_outside(purpose, &request, &hop).ok()?;
            }
            _ => self.send(Some(purpose), &request, &hop, path).ok()?,
        }
        match purpose {
            Use::Register(flow) => {
                if let Some(own) = self.registrations.get_mut(flow) {
                    own.cseq = next;
                }
            }
            Use::Refer(refer) => self.renumber(refer, next),
            _ => {}
        }
        Some(())
    }

    pub(super) fn reply(
        &self,
        id: TransactionId,
        status: crate::StatusCode,
    ) -> Option<crate::message::ResponseBuilder> {
        self.endpoint.reply(id, status).ok()
    }

    /// Answers at once with nothing but a status.
    pub(super) fn answer_with(&mut self, id: TransactionId, status: crate::StatusCode) {
        if let Some(reply) = self.reply(id, status) {
            self.respond_built(id, reply.build());
        }
    }

    /// The same and Retry-After of 0 to 10 seconds (RFC 3261 §14.2).
    pub(super) fn answer_later(&mut self, id: TransactionId, status: crate::StatusCode) {
        let secs = self.rng.below(11);
        if let Some(reply) = self.reply(id, status) {
            self.respond_built(id, reply.header(HeaderName::RETRY_AFTER, secs).build());
        }
    }

    pub(super) fn respond_built(
        &mut self,
        id: TransactionId,
        built: Result<ResponseBuf, BuildError>,
    ) -> bool {
        built.is_ok_and(|response| self.endpoint.respond(self.now, id, &response).is_ok())
    }
}

/// The same request from nothing: without Via and credentials, with another sequence number.
fn again(
    request: Request<'_>,
    uri: Option<&str>,
    cseq: Option<u32>,
    without: &[HeaderName],
) -> RequestBuilder {
    let method = request.method();
    let old = String::from_utf8_lossy(request.uri_bytes());
    let mut builder = RequestBuf::build(method, uri.unwrap_or(&old));
    let gone = [
        HeaderName::VIA,
        HeaderName::AUTHORIZATION,
        HeaderName::PROXY_AUTHORIZATION,
        HeaderName::CONTENT_LENGTH,
        HeaderName::CONTENT_TYPE,
    ];
    for row in request.headers().iter() {
        builder = match row.id() {
            Some(id) if gone.contains(&id) || without.contains(&id) => builder,
            Some(HeaderName::CSEQ) if cseq.is_some() => {
                let number = cseq.unwrap_or(0);
                builder.header(HeaderName::CSEQ, CSeq { number, method })
            }
            Some(id) => builder.copy(id, row.bytes()),
            None => builder.named(row.name(), row.text().unwrap_or("")),
        };
    }
    builder
}

fn with_body(builder: RequestBuilder, request: Request<'_>) -> RequestBuilder {
    match request.headers().get(HeaderName::CONTENT_TYPE) {
        Some(kind) => builder.body(kind, request.body().to_vec()),
        None => builder,
    }
}

/// Where a URI leads when it says so itself: a number as host (RFC 3263 §4).
pub(super) fn target_of(uri: &str) -> Option<Target> {
    numeric_target(Uri::parse(uri.as_bytes()).ok()?.as_sip()?)
}
