//! What a home server is told, and what it tells.

use crate::endpoint::{Config, SipEvent};
use crate::message::{RequestBuf, StatusCode};
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
    /// Whether the application is asked to keep messages for users who are not there, to send them
    /// later (RFC 3428 §7; no).
    pub store_messages: bool,
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
            store_messages: false,
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

    /// Sets [`HomeConfig::store_messages`].
    #[must_use]
    pub const fn with_stored_messages(mut self, wanted: bool) -> Self {
        self.store_messages = wanted;
        self
    }

    /// Sets [`HomeConfig::authenticate_messages`].
    #[must_use]
    pub const fn with_message_authentication(mut self, wanted: bool) -> Self {
        self.authenticate_messages = wanted;
        self
    }
}

/// A look-up of a secret, for [`HomeEvent::SecretWanted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(pub(super) u64);

/// A message that this server sent itself, by [`HomeServer::send_message`](super::HomeServer::send_message).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub(super) u64);

/// A message that somebody sent to a user who is not there: [`HomeEvent::StoreWanted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub(super) u64);

/// What happened to a [`HomeServer`](super::HomeServer), or what it asks of its host.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HomeEvent {
    /// A message came for an address that nobody is registered for: keep it and answer with
    /// [`HomeServer::stored`](super::HomeServer::stored), in 32 seconds. Only with
    /// [`HomeConfig::store_messages`]. When [`HomeEvent::Registered`] tells that the user is back,
    /// [`HomeServer::send_message_with`](super::HomeServer::send_message_with) sends it, with the Date
    /// at which it came.
    StoreWanted {
        /// What to answer with.
        id: StoreId,
        /// The address it is for, `user@host`; whether that is a user the application knows.
        address: String,
        /// The message.
        request: RequestBuf,
    },
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
