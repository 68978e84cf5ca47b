//! SASL 2 (XEP-0388), the server's side: authentication, binding (XEP-0386), resumption
//! (XEP-0198 §9) and tokens (XEP-0484) in one step.

use super::negotiate::Initial;
use super::{CommandError, Event, Phase, ServerConnection};
use crate::ext::chat::read_client_state;
use crate::jid::Jid;
use crate::sasl::{Mechanism, SaslFailure, SaslServer, Secret, decode, encode};
use crate::sm::SmElement;
use crate::stream::{Sasl2Features, Step};
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::Instant;

/// What a client says of itself (XEP-0388 §2.3). Not to be shown to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserAgent {
    /// A UUID that names the installation.
    pub id: Option<String>,
    /// The name of the program.
    pub software: Option<String>,
    /// The name of the device.
    pub device: Option<String>,
}

/// What came along with `<authenticate/>`, and what has come of it.
#[derive(Debug, Default)]
pub(super) struct Inline {
    agent: Option<UserAgent>,
    resume: Option<(String, u32)>,
    bind: Option<Bind>,
    wants_token: Option<Mechanism>,
    fast: bool,
    /// How often the token was used, as the client says.
    pub(super) count: Option<u32>,
    invalidate: bool,
    // The answer so far.
    data: Vec<u8>,
    token: Option<(Secret, String)>,
    failed: String,
}

#[derive(Debug, Default)]
struct Bind {
    tag: Option<String>,
    carbons: bool,
    /// Stream management: resumption, and for how long.
    enable: Option<(bool, Option<Duration>)>,
    /// Whether somebody looks at the client, if it says (XEP-0352).
    active: Option<bool>,
}

/// Text that a client chose, in a length that makes sense.
fn short(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= 128).then(|| text.to_string())
}

impl ServerConnection {
    /// What the client says of itself, in SASL 2.
    #[must_use]
    pub const fn user_agent(&self) -> Option<&UserAgent> {
        self.user_agent.as_ref()
    }

    /// How often the client says that it has used its token, in the login that goes on or that
    /// was (XEP-0484 §3.3). At [`Event::CredentialsNeeded`] a host whose TLS takes early data gives no
    /// token that was used as often already, nor any when nothing is said: it is a replay.
    #[must_use]
    pub const fn token_count(&self) -> Option<u32> {
        self.token_count
    }

    /// The namespace of the exchange that goes on.
    pub(super) const fn sasl_ns(&self) -> Ns {
        if self.inline.is_some() { Ns::SASL2 } else { Ns::SASL }
    }

    /// XEP-0388 §3: only under TLS.
    pub(super) fn offers_sasl2(&self) -> bool {
        let encrypted = self.secure || self.config.plain_without_tls;
        self.config.sasl2 && encrypted && self.reached().allows(Step::Sasl2)
    }

    pub(super) fn sasl2_features(&self, mechanisms: &[String]) -> Option<Sasl2Features> {
        if !self.offers_sasl2() {
            return None;
        }
        let mut features = Sasl2Features::new();
        features.mechanisms = mechanisms.to_vec();
        let sm = self.config.stream_management.as_ref();
        let csi = self.config.client_state.then_some(Ns::CSI);
        let names = [Some(Ns::CARBONS), csi, sm.map(|_| Ns::SM)];
        let names = names.into_iter().flatten().filter_map(Ns::known_name);
        features.bind = Some(names.map(ToString::to_string).collect());
        features.stream_management = sm.is_some_and(|sm| sm.resume);
        if self.config.fast {
            let fast = Mechanism::FAST.iter().filter(|mechanism| self.allows(**mechanism));
            features.fast = fast.map(|mechanism| mechanism.name().to_string()).collect();
        }
        Some(features)
    }

    pub(super) fn read_authenticate(
        &self,
        element: Element<'_>,
    ) -> (Option<Mechanism>, Initial, Inline) {
        let fast = element.child(Ns::FAST, "fast");
        let mechanism = element.attr("mechanism").and_then(|name| Mechanism::of(&name));
        // A token counts only where the client says that it is one (XEP-0484 §3.4).
        let mechanism = mechanism.filter(|mechanism| {
            let offered = !mechanism.is_fast() || (self.config.fast && fast.is_some());
            offered && self.allows(*mechanism)
        });
        let initial = element.child(Ns::SASL2, "initial-response");
        let initial =
            initial.map_or(Initial::Absent, |m| Initial::Response(decode(m.text().trim())));
        let child = |of: Element<'_>, name| {
            of.child(Ns::SASL2, name).and_then(|child| short(&child.text()))
        };
        let agent = element.child(Ns::SASL2, "user-agent").map(|agent| UserAgent {
            id: agent.attr("id").and_then(|id| short(&id)),
            software: child(agent, "software"),
            device: child(agent, "device"),
        });
        let resume = match element.child(Ns::SM, "resume").and_then(SmElement::read) {
            Some(SmElement::Resume { id, h: Some(h) }) => Some((id, h)),
            _ => None,
        };
        let bind = element.child(Ns::BIND2, "bind").map(|bind| Bind {
            tag: bind.child(Ns::BIND2, "tag").and_then(|tag| short(&tag.text())),
            carbons: bind.child(Ns::CARBONS, "enable").is_some(),
            enable: match bind.child(Ns::SM, "enable").and_then(SmElement::read) {
                Some(SmElement::Enable { resume, max }) => Some((resume, max)),
                _ => None,
            },
            active: bind.children().find_map(read_client_state),
        });
        let wanted = element.child(Ns::FAST, "request-token");
        let wanted = wanted.and_then(|wanted| wanted.attr("mechanism"));
        let wanted = wanted
            .and_then(|name| Mechanism::of(&name))
            .filter(|wanted| self.config.fast && wanted.is_fast() && self.allows(*wanted));
        let invalidate = fast.and_then(|fast| fast.attr("invalidate"));
        let inline = Inline {
            agent,
            resume: resume.filter(|_| self.config.stream_management.is_some()),
            bind,
            wants_token: wanted,
            fast: fast.is_some(),
            count: fast
                .and_then(|fast| fast.attr("count"))
                .and_then(|count| count.parse().ok())
                .filter(|count| *count > 0),
            invalidate: matches!(invalidate.as_deref(), Some("true" | "1")),
            ..Inline::default()
        };
        (mechanism, initial, inline)
    }

    /// The exchange is over; what came along is worked off: token, resumption, binding.
    pub(super) fn succeed_inline(&mut self, sasl: &SaslServer, account: Jid, data: Vec<u8>) {
        // XEP-0388 §2.3: the header said who it is, and it must be so.
        let honest = self.claimed.as_ref().is_none_or(|claimed| claimed.bare() == account.bare());
        let Some(inline) = self.inline.as_mut().filter(|_| honest) else {
            return self.auth_failed(SaslFailure::InvalidAuthzid);
        };
        inline.data = data;
        self.user_agent = inline.agent.take();
        let invalidate = inline.invalidate && inline.fast;
        self.jid = Some(account.clone());
        self.link.scanner.set_limits(self.config.limits_after);
        self.link.event(Event::Authenticated { jid: account.clone() });
        #[cfg(feature = "scram")]
        if let Some(index) = sasl.used_token() {
            self.link.event(Event::TokenUsed { account, index, invalidate });
        }
        #[cfg(not(feature = "scram"))]
        let _ = (sasl, invalidate);
        self.next_inline();
    }

    fn next_inline(&mut self) {
        let (Some(inline), Some(account)) = (&mut self.inline, self.jid.clone()) else { return };
        if let Some(mechanism) = inline.wants_token.take() {
            self.phase = Phase::Token;
            return self.link.event(Event::TokenRequested { account, mechanism });
        }
        if let Some((id, h)) = inline.resume.take() {
            self.link.event(Event::ResumeRequested { account, id: id.clone() });
            self.phase = Phase::Resuming(id, h);
            return;
        }
        if let Some(bind) = &inline.bind {
            let (tag, carbons) = (bind.tag.clone(), bind.carbons);
            self.phase = Phase::Binding(String::new());
            let resource = None;
            return self.link.event(Event::BindRequested { account, resource, tag, carbons });
        }
        self.send_success("");
    }

    /// `<success/>`; `content` is what binding or resumption have said.
    fn write_success(&mut self, content: &str) {
        let (Some(inline), Some(jid)) = (self.inline.take(), &self.jid) else { return };
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::SASL2, "success");
        if !inline.data.is_empty() {
            w.leaf(Ns::SASL2, "additional-data", &encode(&inline.data));
        }
        w.leaf(Ns::SASL2, "authorization-identifier", jid.as_str());
        if let Some((token, expiry)) = &inline.token {
            w.start(Ns::FAST, "token").attr("token", token.expose()).attr("expiry", expiry).end();
        }
        w.end();
        let text = w.finish().unwrap_or_default();
        let open = text.strip_suffix("</success>").unwrap_or("");
        self.link.send(alloc::format!("{open}{}{content}</success>", inline.failed));
    }

    /// Success, and the features that follow it without a new stream (XEP-0388 §2.6.1).
    pub(super) fn send_success(&mut self, content: &str) {
        self.write_success(content);
        self.phase = Phase::Features;
        let features = self.features().write().unwrap_or_default();
        self.link.send(features);
    }

    /// A resource is bound with the authentication.
    pub(super) fn bound_inline(&mut self, now: Instant, jid: &Jid) {
        let bind = self.inline.as_mut().and_then(|inline| inline.bind.take());
        let Bind { enable, active, .. } = bind.unwrap_or_default();
        let enabled = enable.and_then(|(resume, max)| self.prepare_enable(resume, max));
        let answer = enabled.as_ref().map_or("", |enabled| &enabled.0);
        let bound = alloc::format!("<bound xmlns='urn:xmpp:bind:0'>{answer}</bound>");
        self.jid = Some(jid.clone());
        self.send_success(&bound);
        self.phase = Phase::Ready;
        self.timers.clear();
        self.restart_idle(now);
        self.transmit(now, String::new());
        if let Some((_, id, resume, max, location)) = enabled {
            self.sm.begin();
            self.sm.enable(id, resume, max, location);
        }
        // XEP-0386 §3.2: the session begins in that state.
        if let Some(active) = active {
            self.link.event(Event::ClientState { active });
        }
    }

    /// The stream is as it was: no features follow (XEP-0198 §9.2).
    pub(super) fn send_resumed_inline(&mut self, resumed: &str) {
        self.write_success(resumed);
    }

    pub(super) fn resume_failed_inline(&mut self, failed: String) {
        if let Some(inline) = &mut self.inline {
            inline.failed = failed;
        }
        self.next_inline();
    }

    /// Answers [`Event::TokenRequested`]: makes a token, which the host keeps for this
    /// account, installation and mechanism until `expiry` (XEP-0082), beside the one that is
    /// in use (XEP-0484 §5.1).
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn issue_token(&mut self, now: Instant, expiry: &str) -> Result<Secret, CommandError> {
        if !matches!(self.phase, Phase::Token) {
            return Err(self.not_asked().err().unwrap_or(CommandError::NotAsked));
        }
        let token = Secret::new(self.dice.hex::<48>().as_str());
        if let Some(inline) = &mut self.inline {
            inline.token = Some((token.clone(), expiry.to_string()));
        }
        self.next_inline();
        self.run(now);
        Ok(token)
    }

    /// Answers [`Event::TokenRequested`] with none.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn refuse_token(&mut self, now: Instant) -> Result<(), CommandError> {
        if !matches!(self.phase, Phase::Token) {
            return self.not_asked();
        }
        self.next_inline();
        self.run(now);
        Ok(())
    }

    /// Gives the client a new token although it did not ask, because the one that it used
    /// is about to expire: while [`Event::TokenUsed`] or [`Event::BindRequested`] is answered.
    ///
    /// # Errors
    /// No login of SASL 2 is going on.
    pub fn rotate_token(&mut self, now: Instant, expiry: &str) -> Result<Secret, CommandError> {
        let _ = now;
        let open = matches!(self.phase, Phase::Token | Phase::Resuming(..) | Phase::Binding(_));
        let Some(inline) = self.inline.as_mut().filter(|_| open) else {
            return Err(self.not_asked().err().unwrap_or(CommandError::NotAsked));
        };
        let token = Secret::new(self.dice.hex::<48>().as_str());
        inline.token = Some((token.clone(), expiry.to_string()));
        Ok(token)
    }
}

impl core::fmt::Display for UserAgent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let parts = [&self.software, &self.device, &self.id];
        let parts = parts.into_iter().flatten().map(|part| Cow::Borrowed(part.as_str()));
        for (at, part) in parts.enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{part}")?;
        }
        Ok(())
    }
}
