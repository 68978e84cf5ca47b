//! The stream on which another server sends.

use super::dialback::{Dialback, Verdict, dialback_key};
use super::{CloseReason, CommandError, S2sConfig, S2sTls, Timer};
use crate::endpoint::{Core, Frame, machine};
use crate::jid::Jid;
use crate::sasl::{Mechanism, SaslFailure, decode};
use crate::stanza::{Condition, InvalidStanza, StanzaBuf};
use crate::stream::{Features, Reached, Step, StreamCondition, StreamHeader, StreamOpen};
use crate::xml::{Element, Ns};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::{Instant, Rng, Seed};
use subtle::ConstantTimeEq;

/// What an incoming stream tells its host. RFC 6120 §4, XEP-0220 §2.
#[derive(Debug)]
#[non_exhaustive]
pub enum IncomingEvent {
    /// Do the TLS handshake now (the go-ahead stands before this in the queue), ask for the
    /// peer's certificate, then report
    /// [`Input::TlsEstablished`](super::Input::TlsEstablished).
    StartTls,
    /// The peer says that its certificate is for this domain: answer with
    /// [`Incoming::external`].
    ExternalNeeded {
        /// The domain.
        domain: String,
    },
    /// The peer wants to send stanzas of the domain `from` to `to`: ask the server of `from`
    /// (found by DNS, never this peer) whether the key is its own, with
    /// [`Outgoing::verify`](super::Outgoing::verify), and answer with [`Incoming::verified`].
    VerifyNeeded {
        /// The peer's domain, not proved.
        from: String,
        /// A domain of this server.
        to: String,
        /// The id of this stream.
        id: String,
        /// The key.
        key: String,
    },
    /// Stanzas of domain `from` to domain `to` are taken from now on.
    Authorized {
        /// The peer's domain.
        from: String,
        /// A domain of this server.
        to: String,
    },
    /// A valid stanza, with both addresses, of an authorized pair.
    Stanza(StanzaBuf),
    /// A stanza that is not valid. Errors go back over a stream of this side, by the host.
    Invalid {
        /// The stanza.
        bytes: Bytes,
        /// What is wrong.
        reason: InvalidStanza,
    },
    /// The end. Nothing follows.
    Closed(CloseReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Header,
    Open,
    Handshake,
    /// The host looks at the certificate.
    Certificate,
}

#[derive(Debug)]
struct Pair {
    from: String,
    to: String,
    valid: bool,
}

/// A stream from another server. RFC 6120 §4, XEP-0220 §2.
pub struct Incoming {
    config: Arc<S2sConfig>,
    core: Core<IncomingEvent>,
    phase: Phase,
    rng: Rng,
    id: String,
    /// From the header; proves nothing.
    claimed: Option<String>,
    served: Option<String>,
    secure: bool,
    external: bool,
    /// Whom the certificate is for, or is said to be for until the host has looked at it.
    proved: Option<String>,
    pairs: Vec<Pair>,
}

machine!(Incoming, IncomingEvent, IncomingEvent::Closed);

impl Incoming {
    /// A connection that was just accepted.
    #[must_use]
    pub fn new(now: Instant, config: Arc<S2sConfig>, seed: Seed) -> Self {
        let mut core = Core::new(
            config.limits_before,
            Ns::SERVER,
            config.keep_alive,
            config.close_timeout,
            IncomingEvent::Closed,
        );
        core.timers.set(Timer::Negotiation, now.saturating_add(config.negotiation_timeout));
        Self {
            config,
            core,
            phase: Phase::Header,
            rng: Rng::new(&seed),
            id: String::new(),
            claimed: None,
            served: None,
            secure: false,
            external: false,
            proved: None,
            pairs: Vec::new(),
        }
    }

    /// Whether stanzas of `from` to `to` are taken.
    #[must_use]
    pub fn is_authorized(&self, from: &str, to: &str) -> bool {
        self.pairs.iter().any(|pair| pair.valid && pair.from == from && pair.to == to)
    }

    /// The id of the stream, by which its keys are verified.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether more input is welcome: not while the host must answer, nor while a megabyte
    /// waits to be sent.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.core.link.wants_input() && self.phase != Phase::Certificate
    }

    /// Answers [`IncomingEvent::VerifyNeeded`] with what the server of `from` said.
    ///
    /// # Errors
    /// Nothing was asked for, or the stream has ended.
    pub fn verified(
        &mut self,
        now: Instant,
        from: &str,
        to: &str,
        verdict: Verdict,
    ) -> Result<(), CommandError> {
        if !self.core.is_open() {
            return Err(CommandError::Closed);
        }
        let pair = self.pairs.iter().position(|p| !p.valid && p.from == from && p.to == to);
        let at = pair.ok_or(CommandError::NotAsked)?;
        let (from, to) = (from.to_string(), to.to_string());
        let request = Dialback {
            verify: false,
            from: from.clone(),
            to: to.clone(),
            id: None,
            content: Err(Verdict::Valid),
        };
        self.core.transmit(now, request.answer(verdict).write());
        if verdict == Verdict::Valid {
            if let Some(pair) = self.pairs.get_mut(at) {
                pair.valid = true;
            }
            self.authorized(now, from, to);
        } else {
            self.pairs.swap_remove(at);
            // XEP-0220 §2.2.1: a wrong key ends a stream that is good for nothing else.
            if verdict == Verdict::Invalid && self.pairs.is_empty() {
                self.core.leave(CloseReason::Refused);
            }
        }
        Ok(())
    }

    /// Answers [`IncomingEvent::ExternalNeeded`]: whether the certificate is for the domain.
    ///
    /// # Errors
    /// Nothing was asked for, or the stream has ended.
    pub fn external(&mut self, now: Instant, right: bool) -> Result<(), CommandError> {
        if !self.core.is_open() {
            return Err(CommandError::Closed);
        }
        if self.phase != Phase::Certificate {
            return Err(CommandError::NotAsked);
        }
        self.phase = Phase::Open;
        if right {
            let success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
            self.core.link.send(success.to_string());
            self.external = true;
            self.start_anew();
        } else {
            self.proved = None;
            self.sasl_failed(SaslFailure::NotAuthorized);
        }
        self.run(now);
        Ok(())
    }

    fn authorized(&mut self, now: Instant, from: String, to: String) {
        self.core.link.scanner.set_limits(self.config.limits_after);
        self.core.make_ready(now);
        self.core.link.event(IncomingEvent::Authorized { from, to });
    }

    /// More has come than may while the host has a question to answer.
    fn is_full(&self) -> bool {
        self.phase == Phase::Certificate
            && self.core.link.held() > self.config.limits_before.stanza_max
    }

    fn tls_established(&mut self, _now: Instant) {
        if self.phase == Phase::Handshake {
            self.secure = true;
            self.core.handshake = false;
            self.start_anew();
        }
    }

    /// Nothing that was said or proved before counts any more (RFC 6120 §5.4.3.3, §6.4.6).
    fn start_anew(&mut self) {
        self.pairs.clear();
        (self.claimed, self.served) = (None, None);
        self.core.restart();
        self.phase = Phase::Header;
    }

    fn run(&mut self, now: Instant) {
        while self.phase != Phase::Certificate {
            match self.core.next_frame() {
                None => return,
                Some(Frame::Header(bytes)) => self.header(now, &bytes),
                Some(Frame::Element(bytes)) => self.element(now, bytes),
            }
        }
    }

    fn header(&mut self, now: Instant, bytes: &[u8]) {
        let element = self.core.link.scanner.element(bytes);
        let header = element.ok_or(StreamCondition::BadFormat).and_then(StreamHeader::read);
        let domain = |text: Option<Cow<'_, str>>| {
            let jid = Jid::new(&text?).ok()?;
            (jid.is_bare() && jid.local().is_none()).then(|| jid.as_str().to_string())
        };
        let (mut from, mut to) = (None, None);
        if let Ok(header) = &header {
            (from, to) = (domain(header.from()), domain(header.to()));
        }
        let read = header.map(|header| (header.carries(Ns::SERVER), header.version()));
        self.id = self.rng.hex::<32>().as_str().to_string();
        let own = to.clone().filter(|to| self.config.serves(to));
        let (answer_from, answer_to) = (own.clone().unwrap_or_default(), from.clone());
        let open = StreamOpen::new().with_from(&answer_from).with_id(&self.id);
        let answer_to = answer_to.unwrap_or_default();
        let version = matches!(read, Ok((_, Some((1.., _)))));
        self.core.open(open.with_to(&answer_to), true, version);
        match read {
            Err(condition) => return self.core.refuse(condition),
            Ok((true, Some(_))) => {}
            Ok((true, None)) => {
                return self.core.refuse(StreamCondition::UnsupportedVersion);
            }
            Ok(_) => return self.core.refuse(StreamCondition::InvalidNamespace),
        }
        // RFC 6120 §4.7.2: `to` is what is served here; before RFC 6120 it could be left out.
        if to.is_some() && own.is_none() {
            return self.core.refuse(StreamCondition::HostUnknown);
        }
        if self.external {
            // RFC 6120 §4.7.1: it is who it has proved to be, and nobody else.
            if from.is_some() && from != self.proved {
                return self.core.refuse(StreamCondition::InvalidFrom);
            }
            from.clone_from(&self.proved);
        }
        self.phase = Phase::Open;
        (self.claimed, self.served) = (from, own);
        if version {
            let text = self.features();
            self.core.link.send(text);
        }
        if let (true, Some(from), Some(to)) = (self.external, &self.claimed, &self.served) {
            let (from, to) = (from.clone(), to.clone());
            self.pairs.push(Pair { from: from.clone(), to: to.clone(), valid: true });
            self.authorized(now, from, to);
        }
    }

    const fn reached(&self) -> Reached {
        Reached { secure: self.secure, authenticated: self.external, bound: false }
    }

    fn features(&self) -> String {
        let mut features = Features::new();
        let external = self.secure && self.config.external && self.claimed.is_some();
        for step in self.reached().open_steps() {
            match step {
                Step::StartTls if self.config.tls != S2sTls::Never => {
                    features.starttls = Some(self.config.tls == S2sTls::Required);
                }
                Step::Sasl if external => {
                    features.mechanisms.push(Mechanism::External.name().to_string());
                }
                _ => {}
            }
        }
        let text = features.write().unwrap_or_default();
        // XEP-0220 §2.5, with errors that do not end the stream.
        let dialback = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>";
        match text.strip_suffix("</stream:features>") {
            Some(open) => alloc::format!("{open}{dialback}</stream:features>"),
            None => alloc::format!("<stream:features>{dialback}</stream:features>"),
        }
    }

    fn element(&mut self, now: Instant, bytes: Bytes) {
        let Some(element) = self.core.link.scanner.element(&bytes) else { return };
        match (self.phase, element.ns(), element.name()) {
            (Phase::Open, Ns::TLS, "starttls")
                if self.reached().allows(Step::StartTls) && self.config.tls != S2sTls::Never =>
            {
                let go = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
                self.core.link.send(go.to_string());
                self.phase = Phase::Handshake;
                self.core.handshake = true;
                self.core.link.event(IncomingEvent::StartTls);
            }
            (Phase::Open, Ns::SASL, "auth") => {
                let open = self.reached().allows(Step::Sasl);
                let allowed = open && self.secure && self.config.external;
                let external = element.attr("mechanism").as_deref() == Some("EXTERNAL");
                let identity = identity(element, self.claimed.as_deref());
                match (allowed && external, identity) {
                    (false, _) => self.sasl_failed(SaslFailure::InvalidMechanism),
                    (true, None) => self.sasl_failed(SaslFailure::InvalidAuthzid),
                    (true, Some(domain)) => {
                        self.phase = Phase::Certificate;
                        self.proved = Some(domain.clone());
                        self.core.link.event(IncomingEvent::ExternalNeeded { domain });
                    }
                }
            }
            (Phase::Open, Ns::DIALBACK, _) => match Dialback::read(element) {
                Some(Some(dialback)) => self.dialback(now, &dialback),
                Some(None) => self.core.refuse(StreamCondition::ImproperAddressing),
                None => self.core.refuse(StreamCondition::UnsupportedStanzaType),
            },
            (Phase::Open, ..) => self.stanza(bytes),
            _ => self.core.refuse(StreamCondition::BadFormat),
        }
    }

    fn sasl_failed(&mut self, failure: SaslFailure) {
        self.core.link.send(alloc::format!(
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{}/></failure>",
            failure.name()
        ));
    }

    fn dialback(&mut self, now: Instant, request: &Dialback) {
        let Ok(key) = &request.content else {
            // An answer, on a stream where nothing is asked.
            return self.core.refuse(StreamCondition::UnsupportedStanzaType);
        };
        let error = |condition| Some(Verdict::Error(condition));
        let verdict = if !self.config.serves(&request.to) {
            error(Condition::ItemNotFound)
        } else if request.verify {
            let Some(id) = &request.id else {
                return self.core.refuse(StreamCondition::BadFormat);
            };
            // XEP-0220 §2.2.2: is this key ours?
            let secret = self.config.dialback_secret.expose();
            let own = dialback_key(secret, &request.from, &request.to, id);
            let right: bool = own.as_bytes().ct_eq(key.as_bytes()).into();
            Some(if right { Verdict::Valid } else { Verdict::Invalid })
        } else if self.config.tls == S2sTls::Required && !self.secure {
            error(Condition::PolicyViolation)
        } else if self.pairs.iter().any(|p| p.from == request.from && p.to == request.to) {
            // Asked twice: the first answer counts.
            self.is_authorized(&request.from, &request.to).then_some(Verdict::Valid)
        } else if self.pairs.len() >= self.config.pairs_max {
            error(Condition::ResourceConstraint)
        } else {
            let (from, to) = (request.from.clone(), request.to.clone());
            self.pairs.push(Pair { from: from.clone(), to: to.clone(), valid: false });
            let (id, key) = (self.id.clone(), key.clone());
            return self.core.link.event(IncomingEvent::VerifyNeeded { from, to, id, key });
        };
        if let Some(verdict) = verdict {
            self.core.transmit(now, request.answer(verdict).write());
        }
    }

    fn stanza(&mut self, bytes: Bytes) {
        match StanzaBuf::from_frame(bytes.clone(), &self.core.link.scanner) {
            Ok(stanza) => {
                let view = stanza.view();
                let domain = |jid: Option<&crate::jid::JidRef<'_>>| {
                    jid.and_then(|jid| jid.to_jid().ok()).map(|jid| jid.domain().to_string())
                };
                let header = view.header();
                let (from, to) = (domain(header.from()), domain(header.to()));
                // RFC 6120 §8.1.1.2, §8.1.2.2: both, and of a pair that was proved.
                let fault = match (from, to, header.element().ns()) {
                    (_, _, ns) if ns != Ns::SERVER => Some(StreamCondition::InvalidNamespace),
                    (Some(from), Some(to), _) if self.is_authorized(&from, &to) => None,
                    (Some(_), Some(_), _) if !self.core.ready => {
                        Some(StreamCondition::NotAuthorized)
                    }
                    (Some(_), Some(to), _) if !self.config.serves(&to) => {
                        Some(StreamCondition::HostUnknown)
                    }
                    (Some(_), Some(_), _) => Some(StreamCondition::InvalidFrom),
                    _ => Some(StreamCondition::ImproperAddressing),
                };
                match fault {
                    None => self.core.link.event(IncomingEvent::Stanza(stanza)),
                    Some(condition) => self.core.refuse(condition),
                }
            }
            Err(InvalidStanza::NotAStanza) => {
                self.core.refuse(StreamCondition::UnsupportedStanzaType);
            }
            Err(_) if !self.core.ready => self.core.refuse(StreamCondition::NotAuthorized),
            Err(reason) => self.core.link.event(IncomingEvent::Invalid { bytes, reason }),
        }
    }
}

/// Who the peer says that its certificate is for: the same as its header said (XEP-0178 §3).
fn identity(auth: Element<'_>, claimed: Option<&str>) -> Option<String> {
    let claimed = claimed?;
    let text = auth.text();
    let said = if auth.is_blank() { Vec::new() } else { decode(text.trim())? };
    let said = core::str::from_utf8(&said).ok()?;
    (said.is_empty() || Jid::new(said).is_ok_and(|jid| jid.as_str() == claimed))
        .then(|| claimed.to_string())
}
