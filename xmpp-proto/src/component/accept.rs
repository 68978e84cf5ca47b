//! The server's end of a component's connection.

use super::{CloseReason, CommandError, Timer, fault, handshake};
use crate::endpoint::{Core, Frame, machine};
use crate::jid::Jid;
use crate::sasl::Secret;
use crate::stanza::{InvalidStanza, StanzaBuf, StanzaXml, error_reply};
use crate::stream::{StreamCondition, StreamHeader, StreamOpen};
use crate::xml::{Ns, XmlLimits};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, Rng, Seed};
use subtle::ConstantTimeEq;

/// How a server treats components. XEP-0114 §3.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AcceptConfig {
    /// Time up to the handshake (30 s).
    pub negotiation_timeout: Duration,
    /// Time for the peer's end of the stream after ours (5 s).
    pub close_timeout: Duration,
    /// Silence after which a space is sent (60 s); `None` for never.
    pub keep_alive: Option<Duration>,
    /// Limits before the handshake.
    pub limits_before: XmlLimits,
    /// Limits after the handshake.
    pub limits_after: XmlLimits,
}

impl AcceptConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            negotiation_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            keep_alive: Some(Duration::from_secs(60)),
            limits_before: XmlLimits::PRE_AUTH,
            limits_after: XmlLimits::POST_AUTH,
        }
    }
}

impl Default for AcceptConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// What the server's end tells its host. XEP-0114 §3.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptEvent {
    /// A component wants to serve a domain: answer with [`ComponentConnection::secret`].
    SecretNeeded {
        /// The domain.
        domain: String,
    },
    /// The component knows the secret; stanzas for the domain go to it.
    Ready {
        /// The domain.
        domain: Jid,
    },
    /// A valid stanza of the component. It has `to`, and a `from` of its domain.
    Stanza(StanzaBuf),
    /// A stanza that is not valid. It was answered if that is allowed; the stream goes on.
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
    Handshake,
    /// The host looks up the secret.
    Secret,
    Ready,
}

/// The server's end of a component's connection. XEP-0114 §3.
pub struct ComponentConnection {
    config: Arc<AcceptConfig>,
    core: Core<AcceptEvent>,
    phase: Phase,
    rng: Rng,
    /// Of our header.
    id: String,
    domain: Option<Jid>,
    /// What the component sent.
    hash: String,
}

machine!(ComponentConnection, AcceptEvent, AcceptEvent::Closed);

impl ComponentConnection {
    /// A connection that was just accepted.
    #[must_use]
    pub fn new(now: Instant, config: Arc<AcceptConfig>, seed: Seed) -> Self {
        let mut core = Core::new(
            config.limits_before,
            Ns::COMPONENT,
            config.keep_alive,
            config.close_timeout,
            AcceptEvent::Closed,
        );
        core.timers.set(Timer::Negotiation, now.saturating_add(config.negotiation_timeout));
        Self {
            config,
            core,
            phase: Phase::Header,
            rng: Rng::new(&seed),
            id: String::new(),
            domain: None,
            hash: String::new(),
        }
    }

    /// Whether stanzas can be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.core.check().is_ok()
    }

    /// The domain of the component, once it said so.
    #[must_use]
    pub const fn domain(&self) -> Option<&Jid> {
        self.domain.as_ref()
    }

    /// Whether more input is welcome: not while the host must answer, nor while a megabyte
    /// waits to be sent.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.core.link.wants_input() && self.phase != Phase::Secret
    }

    /// Answers [`AcceptEvent::SecretNeeded`]; `None` when there is no such component.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn secret(&mut self, now: Instant, secret: Option<&Secret>) -> Result<(), CommandError> {
        if !self.core.is_open() {
            return Err(CommandError::Closed);
        }
        if self.phase != Phase::Secret {
            return Err(CommandError::NotAsked);
        }
        let right = secret.map(|secret| handshake(&self.id, secret.expose()));
        let right =
            right.is_some_and(|right| bool::from(right.as_bytes().ct_eq(self.hash.as_bytes())));
        let (true, Some(domain)) = (right, self.domain.clone()) else {
            self.core.refuse(StreamCondition::NotAuthorized);
            return Ok(());
        };
        self.phase = Phase::Ready;
        self.core.link.scanner.set_limits(self.config.limits_after);
        self.core.link.send("<handshake/>".to_string());
        self.core.make_ready(now);
        self.core.link.event(AcceptEvent::Ready { domain });
        self.run(now);
        Ok(())
    }

    /// Sends a stanza to the component; it should have both addresses.
    ///
    /// # Errors
    /// Not ready, or closed.
    pub fn send(&mut self, now: Instant, stanza: StanzaXml) -> Result<(), CommandError> {
        self.core.check()?;
        self.core.transmit(now, stanza.into_string());
        Ok(())
    }

    /// More has come than may while the host has a question to answer.
    fn is_full(&self) -> bool {
        self.phase == Phase::Secret && self.core.link.held() > self.config.limits_before.stanza_max
    }

    #[expect(clippy::unused_self, reason = "components have no STARTTLS")]
    const fn tls_established(&self, _now: Instant) {}

    fn run(&mut self, now: Instant) {
        while self.phase != Phase::Secret {
            match self.core.next_frame() {
                None => return,
                Some(Frame::Header(bytes)) => self.header(&bytes),
                Some(Frame::Element(bytes)) => self.element(now, bytes),
            }
        }
    }

    fn header(&mut self, bytes: &[u8]) {
        let element = self.core.link.scanner.element(bytes);
        let header = element.ok_or(StreamCondition::BadFormat).and_then(StreamHeader::read);
        let to = header.as_ref().ok().and_then(|header| header.to()).map(Cow::into_owned);
        let content = header.map(StreamHeader::content);
        self.id = self.rng.hex::<32>().as_str().to_string();
        // The answer comes even when an error follows (RFC 6120 §4.9.1.2).
        let from = to.clone().unwrap_or_default();
        let open = StreamOpen::new().with_from(&from).with_id(&self.id);
        self.core.open(open, false, false);
        let domain = to.and_then(|to| Jid::new(&to).ok());
        let domain = domain.filter(|jid| jid.is_bare() && jid.local().is_none());
        match (content, domain) {
            (Err(condition), _) => self.core.refuse(condition),
            (Ok(Ns::COMPONENT), Some(domain)) => {
                self.domain = Some(domain);
                self.phase = Phase::Handshake;
            }
            (Ok(Ns::COMPONENT), None) => self.core.refuse(StreamCondition::HostUnknown),
            (Ok(_), _) => self.core.refuse(StreamCondition::InvalidNamespace),
        }
    }

    fn element(&mut self, now: Instant, bytes: Bytes) {
        match self.phase {
            Phase::Ready => self.stanza(now, bytes),
            Phase::Handshake => {
                let element = self.core.link.scanner.element(&bytes);
                let hash = element.filter(|e| e.is(Ns::COMPONENT, "handshake"));
                match (hash, &self.domain) {
                    (Some(hash), Some(domain)) => {
                        self.hash = hash.text().trim().to_string();
                        let domain = domain.as_str().to_string();
                        self.phase = Phase::Secret;
                        self.core.link.event(AcceptEvent::SecretNeeded { domain });
                    }
                    _ => self.core.refuse(StreamCondition::NotAuthorized),
                }
            }
            Phase::Header | Phase::Secret => self.core.refuse(StreamCondition::BadFormat),
        }
    }

    fn stanza(&mut self, now: Instant, bytes: Bytes) {
        match StanzaBuf::from_frame(bytes.clone(), &self.core.link.scanner) {
            Ok(stanza) => {
                // XEP-0114 §3: both addresses, and `from` of the component's own domain.
                let view = stanza.view();
                let (from, to) = (view.header().from(), view.header().to());
                let from = from.and_then(|from| from.to_jid().ok());
                let own = self.domain.as_ref().map(Jid::domain);
                match (from, to) {
                    (Some(from), Some(_)) if Some(from.domain()) == own => {
                        self.core.link.event(AcceptEvent::Stanza(stanza));
                    }
                    (Some(_), Some(_)) => self.core.fail(fault(StreamCondition::InvalidFrom)),
                    _ => self.core.fail(fault(StreamCondition::ImproperAddressing)),
                }
            }
            Err(InvalidStanza::NotAStanza) => {
                self.core.refuse(StreamCondition::UnsupportedStanzaType);
            }
            Err(reason) => {
                let element = self.core.link.scanner.element(&bytes);
                let reply = element.and_then(|e| error_reply(e, &reason.condition().into()));
                if let Some(reply) = reply {
                    self.core.transmit(now, reply.into_string());
                }
                self.core.link.event(AcceptEvent::Invalid { bytes, reason });
            }
        }
    }
}
