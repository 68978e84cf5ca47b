//! How requests leave: where to, with what credentials, and again when they were refused for
//! something that can be mended.

use super::event::{CallRef, CommandError, Ending, Event, LookupId};
use super::{Agent, Use};
use crate::endpoint::{self, Path, Target, TransactionId};
use crate::headers::{CSeq, Transport};
use crate::message::{
    BuildError, HeaderName, Method, Request, RequestBuf, RequestBuilder, Response, ResponseBuf,
};
use crate::uri::Uri;
use alloc::string::String;
#[cfg(feature = "digest")]
use alloc::vec::Vec;
use core::net::SocketAddr;
use proto_wire::text::host::Host;
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
            Some(
                Use::Invite(call)
                | Use::Change(call)
                | Use::Bye(call)
                | Use::Refer(call)
                | Use::Notify(call),
            ) => Some(call),
            Some(Use::Prack(call, _)) => Some(call),
            _ => None,
        }
    }
}

/// Questions at one time. Stops a host that does not answer from collecting requests.
const LOOKUPS_MAX: usize = 1024;

impl Agent {
    /// Answers [`Event::LookupWanted`]: where the URI leads, or that it leads nowhere. An
    /// answer to no question does nothing.
    pub fn looked_up(&mut self, now: Instant, lookup: LookupId, target: Option<Target>) {
        self.advance(now);
        if let Some(pending) = self.lookups.remove(&lookup) {
            let sent =
                target.is_some_and(|t| self.launch(pending.purpose, &pending.request, t).is_ok());
            if let (false, Some(purpose)) = (sent, pending.purpose) {
                self.failed_to_send(purpose);
            }
        }
        self.pump();
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
            return self.launch(purpose, request, target);
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
        #[cfg(feature = "digest")]
        let (request, sent) = self.with_answers(request)?;
        #[cfg(feature = "digest")]
        let request = &request;
        let id = self.over_stream_if_long(target, |endpoint, now, to| {
            endpoint.request(now, request.view(), to)
        })?;
        #[cfg(feature = "digest")]
        self.answers.insert(id, sent);
        self.uses.insert(id, purpose);
        let is_invite = request.view().method() == Method::Invite;
        if let (Use::Invite(call) | Use::Change(call), true) = (purpose, is_invite) {
            if let Some(known) = self.calls.get_mut(&call) {
                known.invite = Some(id);
            }
        }
        Ok(())
    }

    /// RFC 3261 §18.1.1: what is too long for a datagram goes over a stream.
    fn over_stream_if_long<T>(
        &mut self,
        target: Target,
        mut send: impl FnMut(&mut crate::Endpoint, Instant, Target) -> Result<T, endpoint::CommandError>,
    ) -> Result<T, endpoint::CommandError> {
        match (send(&mut self.endpoint, self.now, target), target) {
            (Err(endpoint::CommandError::TooLong(_)), Target::Address(Transport::Udp, to)) => {
                send(&mut self.endpoint, self.now, Target::Address(Transport::Tcp, to))
            }
            (outcome, _) => outcome,
        }
    }

    fn failed_to_send(&mut self, purpose: Use) {
        self.failed(purpose, None, Ending::Unreachable);
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
        let mut builder = again(view, None, &[]);
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
        let sent = self.answers.get(&id).map_or(&[][..], |a| a);
        let rows = response.headers();
        self.auth.challenged(target, rows.rows(name).map(|r| r.bytes()), sent).is_ok()
    }

    #[cfg(not(feature = "digest"))]
    pub(super) const fn challenged(&self, _id: TransactionId, _response: Response<'_>) -> bool {
        false
    }

    /// Sends the request of a transaction once more with the next sequence number: with new
    /// credentials, or another interval. `None` when it cannot be.
    pub(super) fn retry(
        &mut self,
        id: TransactionId,
        purpose: Use,
        interval: Option<u32>,
    ) -> Option<()> {
        let old = self.endpoint.request_of(id)?.clone();
        let view = old.view();
        let call = match purpose {
            Use::Invite(call)
            | Use::Change(call)
            | Use::Bye(call)
            | Use::Refer(call)
            | Use::Notify(call)
            | Use::Prack(call, _)
            | Use::Plain(Some(call)) => Some(call),
            _ => None,
        };
        let leg = match purpose {
            Use::Prack(_, leg) => Some(leg),
            _ => None,
        };
        let number = view.headers().typed::<CSeq<'_>>().ok().flatten()?.number;
        let known = call.and_then(|c| self.calls.get_mut(&c));
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
        let mut builder = again(view, Some(next), without);
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
        let hop = match hop {
            Some(hop) => hop,
            None => String::from_utf8_lossy(view.uri_bytes()).into_owned(),
        };
        match (purpose, self.config.outbound) {
            (Use::Invite(_) | Use::Plain(None), Some(target)) => {
                self.launch(Some(purpose), &request, target).ok()
            }
            _ => self.send(Some(purpose), &request, &hop, path).ok(),
        }
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
fn again(request: Request<'_>, cseq: Option<u32>, without: &[HeaderName]) -> RequestBuilder {
    let method = request.method();
    let mut builder = RequestBuf::build(method, String::from_utf8_lossy(request.uri_bytes()));
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
    let Uri::Sip(uri) = Uri::parse(uri.as_bytes()).ok()? else { return None };
    let host = match uri.param("maddr") {
        Some(group) => Host::parse(group.as_bytes()).ok()?,
        None => uri.host,
    };
    let transport = match uri.param("transport") {
        Some(name) => Transport::from_bytes(name.as_bytes())?,
        None => Transport::Udp,
    };
    // sips is TLS whatever else is said (RFC 3261 §26.2.2).
    let transport = match (uri.secure, transport) {
        (true, Transport::Ws | Transport::Wss) => Transport::Wss,
        (true, _) => Transport::Tls,
        (false, transport) => transport,
    };
    let port = uri.port.unwrap_or_else(|| transport.default_port());
    Some(Target::Address(transport, SocketAddr::new(host.ip()?, port)))
}
