//! What the home server does with a request (RFC 3261 §16.3, §16.4, §10.3; RFC 3428 §7).

use super::forward::Within;
use super::{HomeEvent, HomeServer, SecretId, Waiting};
use crate::endpoint::{Path, TransactionId};
use crate::headers::{From, MaxForwards, Require};
use crate::message::{Builder, HeaderName, Method, RequestBuf, ResponseBuf, StatusCode};
use crate::proxy::{self, Arrived, Hop, arrive, forward_ack};
use crate::registrar::Step;
use crate::uri::{SipUri, Uri};
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::digest::{Claim, Secret, Verdict};

/// The methods that this server answers or routes.
const ALLOW: &str =
    "REGISTER, INVITE, ACK, CANCEL, MESSAGE, OPTIONS, REFER, SUBSCRIBE, NOTIFY, INFO";

impl HomeServer {
    pub(super) fn receive(&mut self, id: TransactionId, request: RequestBuf, path: Path) {
        let view = request.view();
        let Ok(Uri::Sip(uri)) = view.uri() else {
            return self.answer(id, StatusCode::UNSUPPORTED_URI_SCHEME);
        };
        let ours = self.is_ours(&uri);
        // RFC 3261 §8.2.2.2: asked of what is served here; what is forwarded may come by two ways.
        let served = matches!(view.method(), Method::Register)
            || (view.method() == Method::Options && uri.user.is_none());
        if served && ours && self.endpoint.is_merged(id) {
            return self.answer(id, StatusCode::LOOP_DETECTED);
        }
        if view.method() == Method::Register && ours {
            let step = self.registrar.begin(self.now, request, path);
            return self.register_step(id, step);
        }
        let hops = view.headers().typed::<MaxForwards>().ok().flatten().map_or(70, |m| m.0);
        if view.method() == Method::Options && ((ours && uri.user.is_none()) || hops == 0) {
            return self.options(id);
        }
        match proxy::objection(&self.relay, &request) {
            Some(StatusCode::BAD_EXTENSION) => {
                return self.unsupported(id, &proxy::required(&request));
            }
            Some(status) => return self.answer(id, status),
            None => {}
        }
        let Ok(Arrived { request, marks, .. }) = arrive(&request, |uri| self.is_exactly_ours(uri))
        else {
            return self.answer(id, StatusCode::BAD_REQUEST);
        };
        // What we wrote into a route ourselves says that the request belongs to a dialog that began
        // here; who may begin one was asked then.
        if let Some(ends) = self.ends_of(&marks) {
            return match self.within(request, ends, path) {
                Ok(Within::Hop(request, hop)) => self.pass(id, &request, hop),
                Ok(Within::User(request)) => self.forward(id, &request, path),
                Err(status) => self.answer(id, status),
            };
        }
        let view = request.view();
        let (mut ours, mut user) = (false, false);
        if let Ok(Uri::Sip(uri)) = view.uri() {
            (ours, user) = (self.is_ours(&uri), uri.user.is_some());
        }
        match view.method() {
            Method::Invite | Method::Message | Method::Options if ours => {}
            // For the server itself these are not: it has no subscriptions.
            Method::Refer | Method::Subscribe | Method::Notify | Method::Info if ours && user => {}
            // Only our own users are routed to; this is no open relay.
            Method::Invite | Method::Message | Method::Options | Method::Register if !ours => {
                return self.answer(id, StatusCode::FORBIDDEN);
            }
            // In a dialog that did not begin here, or ended with the streams that it went over.
            Method::Bye | Method::Update | Method::Prack => {
                return self.answer(id, StatusCode::CALL_DOES_NOT_EXIST);
            }
            _ => {
                let reply = self.endpoint.reply(id, StatusCode::METHOD_NOT_ALLOWED);
                return self.send_reply(id, reply.ok().map(|r| r.header(HeaderName::ALLOW, ALLOW)));
            }
        }
        if self.must_prove(&request) {
            return self.prove(id, request, path);
        }
        self.forward(id, &request, path);
    }

    /// A request in a dialog.
    fn pass(&mut self, id: TransactionId, request: &RequestBuf, hop: Hop) {
        let started = self.relay.start(&mut self.endpoint, self.now, id, request, &[hop]);
        if let Err(status) = started {
            self.answer(id, status);
        }
    }

    /// The ACK of a 2xx goes where the route says; nothing answers it.
    pub(super) fn acknowledge(&mut self, request: &RequestBuf, path: Path) {
        let Ok(Arrived { request, marks, .. }) = arrive(request, |uri| self.is_exactly_ours(uri))
        else {
            return;
        };
        let Some(ends) = self.ends_of(&marks) else { return };
        match self.within(request, ends, path) {
            Ok(Within::Hop(request, hop)) => {
                // One that cannot be sent is lost like any other.
                let _lost = forward_ack(&mut self.endpoint, self.now, &request, &hop).is_err();
            }
            Ok(Within::User(request)) => {
                let Some(hop) = self.first_hop(&request) else { return };
                let _lost = forward_ack(&mut self.endpoint, self.now, &request, &hop).is_err();
            }
            Err(_) => {}
        }
    }

    /// Whether `uri` is of our domain, or names us by address.
    pub(super) fn is_ours(&self, uri: &SipUri<'_>) -> bool {
        self.is_ours_by_name(uri) || proxy::listens_at(&self.config.endpoint, uri)
    }

    fn is_ours_by_name(&self, uri: &SipUri<'_>) -> bool {
        let host = alloc::format!("{}", uri.host);
        self.config.registrar.domains.iter().any(|d| d.eq_ignore_ascii_case(&host))
    }

    /// The same of a route, or of a URI within a dialog: there an address with a port is who listens
    /// at it, be it on the same machine.
    pub(super) fn is_exactly_ours(&self, uri: &SipUri<'_>) -> bool {
        let numeric = uri.host.ip().is_some() && uri.port.is_some();
        proxy::names_us(&self.config.endpoint, uri) || (!numeric && self.is_ours_by_name(uri))
    }

    /// What begins something, with a From of our domain.
    fn must_prove(&self, request: &RequestBuf) -> bool {
        let asked = matches!(
            request.view().method(),
            Method::Message | Method::Invite | Method::Refer | Method::Subscribe
        );
        if !self.config.authenticate_messages || !asked {
            return false;
        }
        let from: Option<From<'_>> = request.headers().typed().ok().flatten();
        let uri = from.and_then(|f| f.uri().ok());
        uri.as_ref().and_then(Uri::as_sip).is_some_and(|sip| self.is_ours(sip))
    }

    fn prove(&mut self, id: TransactionId, request: RequestBuf, path: Path) {
        let rows = request.headers().rows(HeaderName::PROXY_AUTHORIZATION);
        let values: Vec<&[u8]> = rows.map(|f| f.bytes()).collect();
        let claim = self.registrar.digest_mut().map(|d| d.claim(values));
        match claim {
            None => self.forward(id, &request, path),
            Some(Ok(Some(claim))) => {
                let username = String::from(claim.username());
                let secret = SecretId(self.fresh_id());
                self.waiting.insert(secret, Waiting::Forward { id, request, path, claim });
                self.tell(HomeEvent::SecretWanted { id: secret, username });
            }
            Some(Ok(None)) => self.challenge(id, false),
            Some(Err(_)) => self.answer(id, StatusCode::BAD_REQUEST),
        }
    }

    pub(super) fn judge(
        &mut self,
        id: TransactionId,
        request: RequestBuf,
        path: Path,
        claim: &Claim,
        secret: Secret<'_>,
    ) {
        let now = self.now;
        let body = request.body();
        let method = String::from(request.view().method().as_str());
        let Some(digest) = self.registrar.digest_mut() else {
            return self.forward(id, &request, path);
        };
        match digest.verify(now, claim, method.as_bytes(), &body, secret) {
            Verdict::Accepted(accepted) if self.may_speak_for(&request, accepted.username()) => {
                self.proven(id, &request, path);
            }
            Verdict::Accepted(_) => self.answer(id, StatusCode::FORBIDDEN),
            Verdict::Denied(denial) => self.challenge(id, denial.is_stale()),
        }
    }

    /// RFC 3261 §22.3: the credentials were for us.
    fn proven(&mut self, id: TransactionId, request: &RequestBuf, path: Path) {
        let mut edits = request.view().edit();
        let without = match edits.remove(HeaderName::PROXY_AUTHORIZATION) {
            Ok(edits) => edits.to_bytes().ok(),
            Err(_) => None,
        };
        match without.and_then(|bytes| RequestBuf::parse(bytes).ok()) {
            Some(request) => self.forward(id, &request, path),
            None => self.answer(id, StatusCode::BAD_REQUEST),
        }
    }

    /// A user speaks for the own address only.
    fn may_speak_for(&self, request: &RequestBuf, username: &str) -> bool {
        let from: Option<From<'_>> = request.headers().typed().ok().flatten();
        let uri = from.and_then(|f| f.uri().ok());
        uri.as_ref().and_then(Uri::as_sip).and_then(|s| s.user) == Some(username)
    }

    fn challenge(&mut self, id: TransactionId, stale: bool) {
        let now = self.now;
        let challenges =
            self.registrar.digest_mut().map(|d| d.challenges(now, stale)).unwrap_or_default();
        let reply = self.endpoint.reply(id, StatusCode::PROXY_AUTHENTICATION_REQUIRED).ok();
        let reply = reply.map(|reply| {
            challenges.into_iter().fold(reply, |r, c| r.header(HeaderName::PROXY_AUTHENTICATE, c))
        });
        self.send_reply(id, reply);
    }

    pub(super) fn register_step(&mut self, id: TransactionId, mut step: Step) {
        let now = self.now;
        loop {
            step = match step {
                Step::Reply(reply) => return self.send_tagged(id, reply),
                Step::Secret(wanted) => {
                    let username = String::from(wanted.username());
                    let secret = SecretId(self.fresh_id());
                    self.waiting.insert(secret, Waiting::Register { id, wanted });
                    return self.tell(HomeEvent::SecretWanted { id: secret, username });
                }
                Step::Authorise(wanted) => {
                    let user = wanted.address().split_once('@').map(|(user, _)| user);
                    let allowed = user == Some(wanted.username());
                    self.registrar.authorised(wanted, allowed)
                }
                Step::Fetch(wanted) => {
                    let bindings = self.location.fetch(now, wanted.address());
                    self.registrar.fetched(now, wanted, bindings)
                }
                Step::Commit(wanted) => {
                    let address = String::from(wanted.address());
                    let bindings = wanted.bindings().len();
                    let stored = self.location.replace(&address, wanted.bindings().to_vec());
                    let step = self.registrar.committed(now, wanted, stored);
                    if let (true, Step::Reply(reply)) = (stored, step) {
                        self.send_tagged(id, reply);
                        self.tell(HomeEvent::Registered { address: address.clone(), bindings });
                    } else {
                        self.answer(id, StatusCode::SERVER_INTERNAL_ERROR);
                    }
                    return;
                }
            };
        }
    }

    /// RFC 3261 §11.2.
    fn options(&mut self, id: TransactionId) {
        let required = self.endpoint.request_of(id).map(|r| {
            let tags = r.headers().values::<Require<'_>>().flatten();
            tags.map(|t| String::from(t.0)).collect::<Vec<_>>()
        });
        if let Some(tags) = required.filter(|tags| !tags.is_empty()) {
            return self.unsupported(id, &tags.join(", "));
        }
        let reply = self.endpoint.reply(id, StatusCode::OK).ok().map(|r| {
            r.header(HeaderName::ALLOW, ALLOW)
                .header(HeaderName::ACCEPT, "*/*")
                .header(HeaderName::SUPPORTED, "path")
        });
        self.send_reply(id, reply);
    }

    fn unsupported(&mut self, id: TransactionId, tags: &str) {
        let reply = self.endpoint.reply(id, StatusCode::BAD_EXTENSION).ok();
        self.send_reply(id, reply.map(|r| r.header(HeaderName::UNSUPPORTED, tags)));
    }

    /// Answers with a bare status.
    pub(super) fn answer(&mut self, id: TransactionId, status: StatusCode) {
        let reply = self.endpoint.reply(id, status).ok();
        self.send_reply(id, reply);
    }

    fn send_reply(&mut self, id: TransactionId, reply: Option<Builder<ResponseBuf>>) {
        let Some(Ok(reply)) = reply.map(Builder::<ResponseBuf>::build) else { return };
        // A transaction that has ended needs no answer.
        let _ended = self.endpoint.respond(self.now, id, &reply).is_err();
    }

    /// Sends a reply that has no tag yet.
    fn send_tagged(&mut self, id: TransactionId, reply: Builder<ResponseBuf>) {
        let Some(tag) = self.endpoint.tag_of(id) else { return };
        self.send_reply(id, Some(reply.tagged(tag.as_str())));
    }
}
