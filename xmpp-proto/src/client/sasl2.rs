//! SASL 2 (XEP-0388), the client's side: authentication, binding (XEP-0386), resumption
//! (XEP-0198 §9) and tokens (XEP-0484) in one step.

use super::negotiate::Next;
use super::tasks::{Offer, Turn};
use super::{Client, Event, FastToken, Phase};
use crate::jid::Jid;
use crate::link::ProtocolError;
use crate::sasl::{Mechanism, SaslError, SaslFailure, Secret, decode};
use crate::sm::SmElement;
use crate::stream::StreamCondition;
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::Instant;

/// `<success/>`, as read.
pub(super) struct Success {
    data: Option<Vec<u8>>,
    jid: Option<Jid>,
    /// The answer to the request to resume.
    resumption: Option<SmElement>,
    /// A resource is bound; with the answer to the request for stream management.
    bound: Option<Option<SmElement>>,
    token: Option<(Secret, String)>,
}

impl Client {
    pub(super) const fn sasl_ns(&self) -> &'static str {
        if self.sasl2 { "urn:xmpp:sasl:2" } else { "urn:ietf:params:xml:ns:xmpp-sasl" }
    }

    /// Begins an exchange of SASL 2, if both sides want it and can.
    pub(super) fn start_sasl2(&mut self) -> bool {
        let (Some(config), Some(offer)) = (&self.config.sasl2, &self.features.sasl2) else {
            return false;
        };
        // XEP-0388 §3: only under TLS.
        if !self.secure && !self.config.plain_without_tls {
            return false;
        }
        let token = config.token.as_ref().filter(|token| {
            let offered = offer.fast.iter().any(|name| name == token.mechanism.name());
            let kind = token.mechanism.fast_binding();
            let bound = kind.is_none_or(|kind| self.bindings.iter().any(|own| own.kind == kind));
            let required = self.config.require_channel_binding && kind.is_none();
            offered && bound && !required && !self.fast_refused
        });
        if let Some(token) = token.cloned() {
            self.sasl2 = true;
            self.start_auth(token.mechanism, Some(&token.token));
            return true;
        }
        let Some(mechanism) = self.choose_mechanism(&offer.mechanisms) else {
            return false;
        };
        self.sasl2 = true;
        match self.config.password.clone() {
            Some(password) => self.start_auth(mechanism, Some(&password)),
            None if !mechanism.needs_password() => self.start_auth(mechanism, None),
            None => {
                self.phase = Phase::Password(mechanism);
                self.link.event(Event::PasswordNeeded);
            }
        }
        true
    }

    /// `<authenticate/>` with all that can go along.
    pub(super) fn authenticate(&self, mechanism: Mechanism, message: &[u8]) -> String {
        let (Some(config), Some(offer)) = (&self.config.sasl2, &self.features.sasl2) else {
            return String::new();
        };
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::SASL2, "authenticate").attr("mechanism", mechanism.name());
        let text = if message.is_empty() { String::new() } else { crate::sasl::encode(message) };
        w.leaf(Ns::SASL2, "initial-response", &text);
        w.start(Ns::SASL2, "user-agent").attr_opt("id", config.user_agent_id.as_deref());
        for (name, value) in [("software", &config.software), ("device", &config.device)] {
            if let Some(value) = value {
                w.leaf(Ns::SASL2, name, value);
            }
        }
        w.end();
        if let Some(session) = self.session.as_ref().filter(|_| offer.stream_management) {
            if session.is_resumable() {
                w.start(Ns::SM, "resume").attr("h", &session.handled().to_string());
                w.attr("previd", session.id()).end();
            }
        }
        if let Some(features) = &offer.bind {
            let has = |ns: Ns| features.iter().any(|name| Some(&**name) == ns.known_name());
            w.start(Ns::BIND2, "bind");
            if let Some(tag) = &config.tag {
                w.leaf(Ns::BIND2, "tag", tag);
            }
            if config.carbons && has(Ns::CARBONS) {
                w.leaf(Ns::CARBONS, "enable", "");
            }
            if config.inactive && has(Ns::CSI) {
                w.leaf(Ns::CSI, "inactive", "");
            }
            if let Some(sm) = self.config.stream_management.as_ref().filter(|_| has(Ns::SM)) {
                w.start(Ns::SM, "enable");
                if sm.resume {
                    w.attr("resume", "true").attr("max", &sm.resume_max.as_secs().to_string());
                }
                w.end();
            }
            w.end();
        }
        if mechanism.is_fast() {
            let token = self.config.sasl2.as_ref().and_then(|sasl2| sasl2.token.as_ref());
            let count = token.and_then(|token| token.count).map(|count| count.to_string());
            w.start(Ns::FAST, "fast").attr_opt("count", count.as_deref()).end();
        } else if let Some(wanted) = self.wanted_token() {
            w.start(Ns::FAST, "request-token").attr("mechanism", wanted.name()).end();
        }
        w.end();
        w.finish().unwrap_or_default()
    }

    /// The best mechanism of FAST to ask for a token for: bound, if both sides can bind.
    fn wanted_token(&self) -> Option<Mechanism> {
        let config = self.config.sasl2.as_ref().filter(|config| config.request_token)?;
        // XEP-0484 §4.1: tokens are of an installation.
        config.user_agent_id.as_ref()?;
        let offered = &self.features.sasl2.as_ref()?.fast;
        Mechanism::FAST.iter().copied().find(|mechanism| {
            let kind = mechanism.fast_binding();
            let binding = kind.is_none_or(|kind| {
                self.bindings.iter().any(|own| own.kind == kind && self.takes(own))
            });
            binding && offered.iter().any(|name| name == mechanism.name())
        })
    }

    /// Reads an element of an exchange of SASL 2.
    pub(super) fn read_sasl2(&self, element: Element<'_>) -> Next {
        let text = |element: Element<'_>| decode(element.text().trim());
        match (&self.phase, element.name()) {
            (Phase::Auth(_), "challenge") => Next::Challenge(text(element)),
            (Phase::Auth(_) | Phase::Tasks(_, Turn::Server), "success") => {
                let data = element.child(Ns::SASL2, "additional-data");
                let jid = element.child(Ns::SASL2, "authorization-identifier");
                let sm = |of: Element<'_>| {
                    of.children().filter(|c| c.ns() == Ns::SM).find_map(SmElement::read)
                };
                let token = element.child(Ns::FAST, "token").and_then(|token| {
                    let expiry = token.attr("expiry").map(Cow::into_owned).unwrap_or_default();
                    Some((Secret::new(token.attr("token")?.into_owned()), expiry))
                });
                Next::Success2(Box::new(Success {
                    data: data.map_or(Some(Vec::new()), text),
                    jid: jid.and_then(|jid| Jid::new(jid.text().trim()).ok()),
                    resumption: sm(element),
                    bound: element.child(Ns::BIND2, "bound").map(sm),
                    token,
                }))
            }
            (_, "failure") => {
                let condition = element.children().find_map(|child| SaslFailure::of(child.name()));
                Next::Failure(condition.unwrap_or(SaslFailure::NotAuthorized))
            }
            (Phase::Auth(_) | Phase::Tasks(_, Turn::Server), "continue") => {
                Next::Continue(Offer::read(element))
            }
            (Phase::Tasks(_, Turn::Server), "task-data") => {
                Next::TaskData(Secret::new(element.to_standalone()))
            }
            _ => Next::Unexpected,
        }
    }

    /// A token that is not taken is no reason to give up: the stream is as it was before
    /// (XEP-0484 §4.1).
    pub(super) fn retry_without_token(&mut self) -> bool {
        let Phase::Auth(sasl) = &self.phase else { return false };
        if !self.sasl2 || !sasl.mechanism().is_fast() {
            return false;
        }
        self.fast_refused = true;
        self.sasl2 = false;
        self.link.event(Event::FastTokenRefused);
        if self.start_sasl2() {
            return true;
        }
        match self.choose_mechanism(&self.features.mechanisms) {
            Some(mechanism) => {
                let password = self.config.password.clone();
                if password.is_none() && mechanism.needs_password() {
                    self.phase = Phase::Password(mechanism);
                    self.link.event(Event::PasswordNeeded);
                } else {
                    self.start_auth(mechanism, password.as_ref());
                }
                true
            }
            None => false,
        }
    }

    pub(super) fn succeeded(&mut self, now: Instant, success: Success) {
        let phase = core::mem::replace(&mut self.phase, Phase::Features);
        let (Phase::Auth(mut sasl) | Phase::Tasks(mut sasl, _)) = phase else { return };
        let proved = success.data.ok_or(SaslError::Malformed).and_then(|data| sasl.success(&data));
        if let Err(error) = proved {
            return self.distrust(error);
        }
        let Some(jid) = success.jid else {
            return self.fail(ProtocolError::Stream(StreamCondition::BadFormat));
        };
        self.given = None;
        self.authenticated = true;
        self.link.scanner.set_limits(self.config.limits_after);
        if let Some((token, expiry)) = success.token {
            let old = self.config.sasl2.as_ref().and_then(|sasl2| sasl2.token.as_ref());
            // A rotated token is for the mechanism of the old one.
            let mechanism = if sasl.mechanism().is_fast() {
                old.map(|old| old.mechanism)
            } else {
                self.wanted_token()
            };
            if let Some(mechanism) = mechanism {
                self.link.event(Event::FastToken(FastToken {
                    mechanism,
                    token,
                    expiry,
                    count: None,
                }));
            }
        }
        match success.resumption {
            // No features follow (XEP-0198 §9.2).
            Some(SmElement::Resumed { id, h }) => return self.resumed(now, &id, h),
            Some(SmElement::Failed { h, .. }) => self.give_up_session(h),
            _ => {}
        }
        let Some(sm) = success.bound else { return };
        if jid.is_bare() {
            return self.fail(ProtocolError::Stream(StreamCondition::BadFormat));
        }
        self.jid = jid;
        if let Some(SmElement::Enabled { id, resume, max, location }) = sm {
            let wanted = self.config.stream_management.as_ref();
            let own = wanted.map(|config| config.resume_max).unwrap_or_default();
            let resumable = resume && id.is_some() && wanted.is_some_and(|c| c.resume);
            self.sm.begin();
            self.sm.enable(id.unwrap_or_default(), resumable, max.unwrap_or(own), location);
        }
        // A session that the server does not resume inline is not resumed at all now.
        self.give_up_session(None);
        self.phase = Phase::Bound;
    }

    /// The features behind a success that bound a resource are there.
    pub(super) fn ready_at_once(&mut self, now: Instant) {
        self.ready(now);
        if self.sm.is_on() {
            self.send_kept(now);
            self.after_sending(now);
        } else {
            self.send_unkept(now);
        }
    }
}
