//! External components (XEP-0114), both sides: [`Component`] connects to a server and serves
//! a domain; [`ComponentConnection`] is the server's end of it.
//!
//! | kind | methods of both |
//! |---|---|
//! | A getters | `is_ready`, `is_closed`, `wants_input`, `next_timer` |
//! | B reports | `handle_input`, `handle_timeout` |
//! | C commands | `send`, `close`, `expel`; [`ComponentConnection::secret`] |
//! | D polls | `poll_output`, `poll_timeout` |
//!
//! An echo, joined to a server without a network:
//!
//! ```
//! use proto_wire::{Instant, Output, Seed};
//! use std::sync::Arc;
//! use xmpp_proto::component::{self, Component, ComponentConfig, ComponentConnection, Input};
//! use xmpp_proto::sasl::Secret;
//! use xmpp_proto::stanza::MessageBuilder;
//!
//! let now = Instant::ZERO;
//! let config = ComponentConfig::new("echo.example.org", Secret::new("shared"));
//! let mut echo = Component::new(now, Arc::new(config));
//! let server = component::AcceptConfig::new();
//! let mut server = ComponentConnection::new(now, Arc::new(server), Seed::from_u64(1));
//! let mut heard = String::new();
//! for _ in 0..9 {
//!     while let Some(output) = echo.poll_output() {
//!         match output {
//!             Output::Transmit(bytes) => server.handle_input(now, Input::Data(&bytes)),
//!             Output::Event(component::Event::Stanza(stanza)) => {
//!                 let Some(message) = stanza.as_message() else { continue };
//!                 let header = message.header();
//!                 let (Some(from), Some(to)) = (header.from(), header.to()) else { continue };
//!                 let echoed = MessageBuilder::new().from(&to.to_jid()?).to(&from.to_jid()?);
//!                 echo.send(now, echoed.body(&message.body().unwrap_or_default()).build()?)?;
//!             }
//!             Output::Event(_) => {}
//!         }
//!     }
//!     while let Some(output) = server.poll_output() {
//!         match output {
//!             Output::Transmit(bytes) => echo.handle_input(now, Input::Data(&bytes)),
//!             Output::Event(component::AcceptEvent::SecretNeeded { domain }) => {
//!                 assert_eq!(domain, "echo.example.org");
//!                 server.secret(now, Some(&Secret::new("shared")))?;
//!             }
//!             Output::Event(component::AcceptEvent::Ready { .. }) => {
//!                 let hello = MessageBuilder::new().from(&"juliet@example.org/x".parse()?);
//!                 let hello = hello.to(&"echo.example.org".parse()?).body("O Romeo").build()?;
//!                 server.send(now, hello)?;
//!             }
//!             Output::Event(component::AcceptEvent::Stanza(stanza)) => {
//!                 heard += &stanza.as_message().and_then(|m| m.body()).unwrap_or_default();
//!             }
//!             Output::Event(_) => {}
//!         }
//!     }
//! }
//! assert_eq!(heard, "O Romeo");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accept;
#[cfg(test)]
mod tests;

pub use crate::endpoint::{CloseReason, CommandError, Input, Timer};
pub use accept::{AcceptConfig, AcceptEvent, ComponentConnection};

use crate::endpoint::{Core, Frame, machine};
use crate::link::ProtocolError;
use crate::sasl::Secret;
use crate::stanza::{
    InvalidStanza, IqKind, Stanza, StanzaBuf, StanzaXml, error_reply, result_reply,
};
use crate::stream::{StreamCondition, StreamHeader, StreamOpen};
use crate::xml::{Ns, XmlLimits};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use bytes::Bytes;
use core::fmt::Write as _;
use core::time::Duration;
use proto_wire::Instant;
use sha1::{Digest, Sha1};

/// How a component behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComponentConfig {
    /// The domain that it serves.
    pub domain: String,
    /// What it shares with the server.
    pub secret: Secret,
    /// Time up to the handshake (30 s).
    pub negotiation_timeout: Duration,
    /// Time for the peer's end of the stream after ours (5 s).
    pub close_timeout: Duration,
    /// Silence after which a space is sent (60 s), so that no middlebox forgets the
    /// connection; `None` for never.
    pub keep_alive: Option<Duration>,
    /// Answers pings of its domain by itself (XEP-0199): servers end components that do not.
    pub answer_pings: bool,
    /// Limits before the handshake.
    pub limits_before: XmlLimits,
    /// Limits after the handshake.
    pub limits_after: XmlLimits,
}

impl ComponentConfig {
    /// The defaults.
    #[must_use]
    pub fn new(domain: &str, secret: Secret) -> Self {
        Self {
            domain: domain.to_string(),
            secret,
            negotiation_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            keep_alive: Some(Duration::from_secs(60)),
            answer_pings: true,
            limits_before: XmlLimits::PRE_AUTH,
            limits_after: XmlLimits::POST_AUTH,
        }
    }

    /// Sets the keep-alive.
    #[must_use]
    pub const fn with_keep_alive(mut self, silence: Option<Duration>) -> Self {
        self.keep_alive = silence;
        self
    }
}

/// What a component tells its host.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The server accepted the secret.
    Ready,
    /// A valid stanza for the domain. Requests must be answered by the host, once:
    /// [`result_reply`], [`error_reply`].
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
    Ready,
}

/// A component's connection to its server.
pub struct Component {
    config: Arc<ComponentConfig>,
    core: Core<Event>,
    phase: Phase,
}

machine!(Component, Event, Event::Closed);

impl Component {
    /// A component on a fresh connection; its header is the first output.
    #[must_use]
    pub fn new(now: Instant, config: Arc<ComponentConfig>) -> Self {
        let mut core = Core::new(
            config.limits_before,
            Ns::COMPONENT,
            config.keep_alive,
            config.close_timeout,
            Event::Closed,
        );
        core.open(StreamOpen::new().with_to(&config.domain), false, false);
        core.timers.set(Timer::Negotiation, now.saturating_add(config.negotiation_timeout));
        Self { config, core, phase: Phase::Header }
    }

    /// Whether stanzas can be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.core.check().is_ok()
    }

    /// Whether more input is welcome; `false` while a megabyte waits to be sent.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.core.link.wants_input()
    }

    /// Sends a stanza. It must have `to`, and `from` with an address of the domain, or the
    /// server ends the stream (XEP-0114 §3).
    ///
    /// # Errors
    /// Not ready, or closed.
    pub fn send(&mut self, now: Instant, stanza: StanzaXml) -> Result<(), CommandError> {
        self.core.check()?;
        self.core.transmit(now, stanza.into_string());
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "the acceptor's depends on its state")]
    const fn is_full(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "components have no STARTTLS")]
    const fn tls_established(&self, _now: Instant) {}

    fn run(&mut self, now: Instant) {
        while let Some(frame) = self.core.next_frame() {
            match frame {
                Frame::Header(bytes) => self.header(&bytes),
                Frame::Element(bytes) => self.element(now, bytes),
            }
        }
    }

    fn header(&mut self, bytes: &[u8]) {
        let read = self
            .core
            .link
            .scanner
            .element(bytes)
            .ok_or(StreamCondition::BadFormat)
            .and_then(StreamHeader::read)
            .and_then(|header| match (header.content(), header.id()) {
                (Ns::COMPONENT, Some(id)) => Ok(id.into_owned()),
                (Ns::COMPONENT, None) => Err(StreamCondition::BadFormat),
                _ => Err(StreamCondition::InvalidNamespace),
            });
        match read {
            Ok(id) => {
                let hash = handshake(&id, self.config.secret.expose());
                self.core.link.send(alloc::format!("<handshake>{hash}</handshake>"));
                self.phase = Phase::Handshake;
            }
            Err(condition) => self.core.refuse(condition),
        }
    }

    fn element(&mut self, now: Instant, bytes: Bytes) {
        match self.phase {
            Phase::Ready => self.stanza(now, bytes),
            Phase::Handshake => {
                let element = self.core.link.scanner.element(&bytes);
                if element.is_some_and(|e| e.is(Ns::COMPONENT, "handshake")) {
                    self.phase = Phase::Ready;
                    self.core.link.scanner.set_limits(self.config.limits_after);
                    self.core.make_ready(now);
                    self.core.link.event(Event::Ready);
                } else {
                    self.core.refuse(StreamCondition::UnsupportedStanzaType);
                }
            }
            Phase::Header => self.core.refuse(StreamCondition::BadFormat),
        }
    }

    fn stanza(&mut self, now: Instant, bytes: Bytes) {
        match StanzaBuf::from_frame(bytes.clone(), &self.core.link.scanner) {
            Ok(stanza) => {
                if let Some(pong) = self.pong(&stanza) {
                    return self.core.transmit(now, pong.into_string());
                }
                self.core.link.event(Event::Stanza(stanza));
            }
            Err(reason) => {
                let element = self.core.link.scanner.element(&bytes);
                let reply = element
                    .filter(|e| reason != InvalidStanza::NotAStanza && e.name() == "iq")
                    .and_then(|e| error_reply(e, &reason.condition().into()));
                if let Some(reply) = reply {
                    self.core.transmit(now, reply.into_string());
                }
                self.core.link.event(Event::Invalid { bytes, reason });
            }
        }
    }

    fn pong(&self, stanza: &StanzaBuf) -> Option<StanzaXml> {
        let Stanza::Iq(iq) = stanza.view() else { return None };
        let own = iq.header().to().is_some_and(|to| to.as_str() == self.config.domain);
        let ping = iq.kind() == Some(IqKind::Get)
            && iq.payload().is_some_and(|payload| payload.is(Ns::PING, "ping"));
        if own && ping && self.config.answer_pings {
            return result_reply(iq.header(), |_| {}).ok();
        }
        None
    }
}

/// `hex(SHA-1(id, secret))` (XEP-0114 §3)
fn handshake(id: &str, secret: &str) -> String {
    let hash = Sha1::new().chain_update(id).chain_update(secret).finalize();
    let mut out = String::with_capacity(40);
    for byte in hash {
        let _infallible = write!(out, "{byte:02x}");
    }
    out
}

/// A fault of the peer that has its own stream error.
fn fault(condition: StreamCondition) -> ProtocolError {
    ProtocolError::Stream(condition)
}
