//! What a home server is told, and what it tells.

use crate::endpoint::{Config, SipEvent};
use crate::message::StatusCode;
use crate::registrar::RegistrarConfig;
use alloc::string::String;
use proto_wire::digest::{BadCredential, ServerConfig};

/// The configuration of a [`HomeServer`](super::HomeServer).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HomeConfig {
    /// The domain: the realm, and the host of its users' addresses.
    pub domain: String,
    /// Listeners, timers and limits.
    pub endpoint: Config,
    /// Rules of the registrar; its Digest server also judges MESSAGE.
    pub registrar: RegistrarConfig,
    /// Whether a MESSAGE from an address of the domain must prove it (407; yes).
    pub authenticate_messages: bool,
    /// Bindings of all users (100,000).
    pub bindings_max: usize,
    /// Messages of our own that wait for one target (32).
    pub queue_max: usize,
}

impl HomeConfig {
    /// A server for `domain` that authenticates by Digest.
    ///
    /// # Errors
    /// When the domain has control characters.
    pub fn new(domain: &str, endpoint: Config) -> Result<Self, BadCredential> {
        let digest = ServerConfig::new(domain)?;
        Ok(Self::with_rules(domain, endpoint, RegistrarConfig::new(domain, Some(digest))))
    }

    /// A server for `domain` with these rules for registering; a MESSAGE is authenticated when
    /// they have Digest.
    #[must_use]
    pub fn with_rules(domain: &str, endpoint: Config, registrar: RegistrarConfig) -> Self {
        Self {
            domain: domain.to_ascii_lowercase(),
            endpoint,
            authenticate_messages: registrar.digest.is_some(),
            registrar,
            bindings_max: 100_000,
            queue_max: 32,
        }
    }

    /// Lets everybody in: for tests and closed networks.
    #[must_use]
    pub fn without_authentication(mut self) -> Self {
        self.registrar.digest = None;
        self.authenticate_messages = false;
        self
    }

    /// Sets [`HomeConfig::authenticate_messages`].
    #[must_use]
    pub const fn with_message_authentication(mut self, wanted: bool) -> Self {
        self.authenticate_messages = wanted;
        self
    }
}

/// A look-up of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(pub(super) u64);

/// A message that this server sent itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub(super) u64);

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HomeEvent {
    /// Look up the secret of a user and answer with
    /// [`HomeServer::supply_secret`](super::HomeServer::supply_secret).
    SecretWanted {
        /// What to answer with.
        id: SecretId,
        /// Whose secret.
        username: String,
    },
    /// The bindings of an address changed: set, removed or expired.
    Registered {
        /// The address, `user@host`.
        address: String,
        /// How many bindings it has now.
        bindings: usize,
    },
    /// A MESSAGE was routed and its final response passed back.
    Routed {
        /// The address it was for.
        address: String,
        /// The response.
        status: StatusCode,
    },
    /// A message of our own got its final response.
    Delivered {
        /// Which.
        id: MessageId,
        /// The response: 2xx is success.
        status: StatusCode,
    },
    /// A message of our own got none.
    Undelivered {
        /// Which.
        id: MessageId,
    },
    /// What the endpoint told that is the host's business: streams to open and to close,
    /// keep-alives, refused messages.
    Endpoint(SipEvent),
}
