//! What a user agent is told, and what it tells.

use crate::endpoint::{Config, SipEvent, Target};
use crate::message::{RequestBuf, StatusCode};
use crate::uri::SipUri;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::ParseError;
use proto_wire::digest::Credential;

/// The configuration of a [`UserAgent`](super::UserAgent).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UaConfig {
    /// The address of record, for example `sip:ann@club.example`.
    pub address: String,
    /// The request URI of REGISTER: the domain alone.
    pub registrar: String,
    /// Where all requests go.
    pub outbound: Target,
    /// Where requests go that are too long for a datagram (RFC 3261 §18.1.1).
    pub outbound_stream: Option<Target>,
    /// The user part of the contact.
    pub user: String,
    /// Listeners, timers and limits.
    pub endpoint: Config,
    /// User names and passwords.
    pub credentials: Vec<Credential>,
    /// How long a registration is asked to last, in seconds (3,600).
    pub expires: u32,
    /// The media types that a MESSAGE may have; empty takes all. Others are answered with 415.
    pub accept: Vec<String>,
    /// Messages that wait for one target (32); one more is refused.
    pub queue_max: usize,
}

impl UaConfig {
    /// An agent for `address`, whose requests go to `outbound`.
    ///
    /// # Errors
    /// When the address is not a sip or sips URI.
    pub fn new(address: &str, outbound: Target, endpoint: Config) -> Result<Self, ParseError> {
        let uri = SipUri::parse(address.as_bytes())?;
        let scheme = if uri.secure { "sips" } else { "sip" };
        Ok(Self {
            address: String::from(address),
            registrar: alloc::format!("{scheme}:{}", uri.host),
            outbound,
            outbound_stream: None,
            user: String::from(uri.user.unwrap_or("me")),
            endpoint,
            credentials: Vec::new(),
            expires: 3600,
            accept: Vec::new(),
            queue_max: 32,
        })
    }

    /// Adds a user name and password.
    #[must_use]
    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credentials.push(credential);
        self
    }

    /// Sets [`UaConfig::expires`], in seconds.
    #[must_use]
    pub const fn with_expires(mut self, seconds: u32) -> Self {
        self.expires = seconds;
        self
    }

    /// Sets [`UaConfig::outbound_stream`].
    #[must_use]
    pub const fn with_outbound_stream(mut self, target: Target) -> Self {
        self.outbound_stream = Some(target);
        self
    }

    /// Sets [`UaConfig::accept`].
    #[must_use]
    pub fn with_accept<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.accept = types.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`UaConfig::queue_max`].
    #[must_use]
    pub const fn with_queue_max(mut self, count: usize) -> Self {
        self.queue_max = count;
        self
    }
}

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub(super) u64);

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UaEvent {
    /// Registered, or registered again.
    Registered {
        /// For how many seconds; it is refreshed before.
        expires: u32,
        /// How many bindings the user has, ours included.
        bindings: usize,
    },
    /// Registration failed. It is tried again when that can help.
    RegistrationFailed {
        /// The response; `None` when there was none.
        status: Option<StatusCode>,
        /// Whether it will be tried again.
        retrying: bool,
    },
    /// The registration was removed as asked.
    Unregistered,
    /// A MESSAGE came and was answered with 200.
    Message {
        /// The URI in From.
        from: String,
        /// The media type; `text/plain` when the request has none.
        content_type: String,
        /// The body.
        body: Bytes,
        /// The request.
        request: RequestBuf,
    },
    /// A message got 2xx; 202 says that it was only accepted for delivery.
    Delivered {
        /// Which.
        id: MessageId,
        /// The response.
        status: StatusCode,
    },
    /// A message was refused. 415: send no more of this media type to this target.
    Refused {
        /// Which.
        id: MessageId,
        /// The response.
        status: StatusCode,
    },
    /// A message got no response, or could not be sent.
    Undelivered {
        /// Which.
        id: MessageId,
    },
    /// What the endpoint told that is the host's business: streams to open and to close,
    /// keep-alives, refused messages.
    Endpoint(SipEvent),
}
