//! What the home server does with a request (RFC 3261 §16.3, §10.3; RFC 3428 §7).

use super::{HomeEvent, HomeServer, SecretId, Waiting};
use crate::endpoint::{Path, TransactionId};
use crate::headers::{From, MaxForwards, ProxyRequire, Require};
use crate::message::{Builder, HeaderName, Method, RequestBuf, ResponseBuf, StatusCode};
use crate::registrar::Step;
use crate::uri::{SipUri, Uri};
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::digest::{Claim, Secret, Verdict};

/// The methods that this server answers or routes.
const ALLOW: &str = "REGISTER, MESSAGE, OPTIONS";

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
        if hops == 0 {
            return self.answer(id, StatusCode::TOO_MANY_HOPS);
        }
        let tags: Vec<String> = view
            .headers()
            .values::<ProxyRequire<'_>>()
            .flatten()
            .map(|t| String::from(t.0))
            .collect();
        if !tags.is_empty() {
            return self.unsupported(id, &tags);
        }
        match view.method() {
            Method::Message | Method::Options if ours => {}
            // Only our own users are routed to; this is no open relay.
            Method::Message | Method::Options => return self.answer(id, StatusCode::FORBIDDEN),
            _ => {
                let reply = self.endpoint.reply(id, StatusCode::METHOD_NOT_ALLOWED);
                return self.send_reply(id, reply.ok().map(|r| r.header(HeaderName::ALLOW, ALLOW)));
            }
        }
        if self.must_prove(&request) {
            return self.prove(id, request, path);
        }
        self.forward(id, &request);
    }

    /// Whether `uri` is of our domain, or names us by address.
    pub(super) fn is_ours(&self, uri: &SipUri<'_>) -> bool {
        let host = alloc::format!("{}", uri.host);
        if self.config.registrar.domains.iter().any(|d| d.eq_ignore_ascii_case(&host)) {
            return true;
        }
        let Some(ip) = uri.host.ip() else { return false };
        self.config.endpoint.listeners.iter().any(|l| {
            let port = uri.port.unwrap_or_else(|| l.transport.default_port());
            (l.address.ip() == ip || l.address.ip().is_unspecified()) && l.address.port() == port
        })
    }

    /// A MESSAGE whose From is of our domain.
    fn must_prove(&self, request: &RequestBuf) -> bool {
        if !self.config.authenticate_messages || request.view().method() != Method::Message {
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
            None => self.forward(id, &request),
            Some(Ok(Some(claim))) => {
                let username = String::from(claim.username());
                let secret = SecretId(self.fresh_id());
                self.waiting.insert(secret, Waiting::Message { id, request, path, claim });
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
        _path: Path,
        claim: &Claim,
        secret: Secret<'_>,
    ) {
        let now = self.now;
        let body = request.body();
        let Some(digest) = self.registrar.digest_mut() else { return self.forward(id, &request) };
        match digest.verify(now, claim, b"MESSAGE", &body, secret) {
            Verdict::Accepted(accepted) if self.may_speak_for(&request, accepted.username()) => {
                self.forward(id, &request);
            }
            Verdict::Accepted(_) => self.answer(id, StatusCode::FORBIDDEN),
            Verdict::Denied(denial) => self.challenge(id, denial.is_stale()),
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
            return self.unsupported(id, &tags);
        }
        let reply = self.endpoint.reply(id, StatusCode::OK).ok().map(|r| {
            r.header(HeaderName::ALLOW, ALLOW)
                .header(HeaderName::ACCEPT, "*/*")
                .header(HeaderName::SUPPORTED, "path")
        });
        self.send_reply(id, reply);
    }

    fn unsupported(&mut self, id: TransactionId, tags: &[String]) {
        let reply = self.endpoint.reply(id, StatusCode::BAD_EXTENSION).ok();
        self.send_reply(id, reply.map(|r| r.header(HeaderName::UNSUPPORTED, tags.join(", "))));
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
