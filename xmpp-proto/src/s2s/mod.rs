//! Streams between servers (RFC 6120), one direction each: [`Outgoing`] sends stanzas to
//! another server, [`Incoming`] takes them. Who may send for which domain is proved by
//! dialback (XEP-0220), several pairs of domains on one stream, or by the certificate of TLS
//! (SASL EXTERNAL, XEP-0178).
//!
//! What a host has to carry between its streams:
//!
//! | event | what the host does |
//! |---|---|
//! | [`IncomingEvent::VerifyNeeded`] | asks the server of that domain with [`Outgoing::verify`], on any stream to it |
//! | [`OutgoingEvent::Verified`] | tells the stream that asked, with [`Incoming::verified`] |
//! | [`IncomingEvent::ExternalNeeded`] | looks at the certificate: [`Incoming::external`] |
//! | [`OutgoingEvent::StartTls`], [`IncomingEvent::StartTls`] | does the handshake, then [`Input::TlsEstablished`] |
//!
//! Requests to verify this side's own keys are answered by [`Incoming`] itself: a key is a
//! function of a secret and of what it is for (XEP-0185), so nothing is remembered.

mod dialback;
mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

pub use crate::endpoint::{CloseReason, CommandError, Input, Timer};
pub use dialback::{Verdict, dialback_key};
pub use incoming::{Incoming, IncomingEvent};
pub use outgoing::{Outgoing, OutgoingEvent};

use crate::sasl::Secret;
use crate::xml::XmlLimits;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// Whether streams must be encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum S2sTls {
    /// Nothing is authorized without it.
    #[default]
    Required,
    /// Where the peer has it, too.
    Opportunistic,
    /// The host has no certificate.
    Never,
}

/// How streams between servers behave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct S2sConfig {
    /// The domains that are served here.
    pub domains: Vec<String>,
    /// What dialback keys are made with. All machines of one domain must share it.
    pub dialback_secret: Secret,
    /// Whether streams must be encrypted.
    pub tls: S2sTls,
    /// EXTERNAL is offered and used under TLS.
    pub external: bool,
    /// Pairs of domains on one stream (64). Stops a peer from asking for authorizations
    /// without end.
    pub pairs_max: usize,
    /// Time up to the first authorization (30 s).
    pub negotiation_timeout: Duration,
    /// Time for the peer's end of the stream after ours (5 s).
    pub close_timeout: Duration,
    /// Silence after which a space is sent; `None` for never.
    pub keep_alive: Option<Duration>,
    /// Limits before the first authorization.
    pub limits_before: XmlLimits,
    /// Limits after it.
    pub limits_after: XmlLimits,
}

impl S2sConfig {
    /// The defaults, for one domain.
    #[must_use]
    pub fn new(domain: &str, dialback_secret: Secret) -> Self {
        Self {
            domains: alloc::vec![domain.to_string()],
            dialback_secret,
            tls: S2sTls::Required,
            external: true,
            pairs_max: 64,
            negotiation_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            keep_alive: Some(Duration::from_secs(60)),
            limits_before: XmlLimits::PRE_AUTH,
            limits_after: XmlLimits::POST_AUTH,
        }
    }

    /// Serves another domain, too.
    #[must_use]
    pub fn with_domain(mut self, domain: &str) -> Self {
        self.domains.push(domain.to_string());
        self
    }

    /// Sets whether streams must be encrypted.
    #[must_use]
    pub const fn with_tls(mut self, tls: S2sTls) -> Self {
        self.tls = tls;
        self
    }

    /// Sets whether EXTERNAL is offered and used.
    #[must_use]
    pub const fn with_external(mut self, external: bool) -> Self {
        self.external = external;
        self
    }

    fn serves(&self, domain: &str) -> bool {
        self.domains.iter().any(|own| own == domain)
    }
}
