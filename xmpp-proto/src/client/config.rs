//! How a client behaves.

use crate::jid::Jid;
use crate::sasl::{Mechanism, Secret};
use crate::sm::SmConfig;
use crate::xml::XmlLimits;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// Whether the stream must be encrypted. RFC 6120 §5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsPolicy {
    /// STARTTLS, or the connection ends before anything is told (RFC 7590).
    #[default]
    Required,
    /// STARTTLS when the server offers it.
    Opportunistic,
    /// No STARTTLS: a loopback test, or the host has TLS around the connection already.
    Never,
}

/// What SASL 2 brings along (XEP-0388), so that a login takes one round trip.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sasl2Config {
    /// A UUID of version 4 that names this installation and stays. FAST needs it.
    pub user_agent_id: Option<String>,
    /// The name of the program, for the user's list of devices.
    pub software: Option<String>,
    /// The name of the device, for the same.
    pub device: Option<String>,
    /// What the resource begins with (XEP-0386 §3.2). Others see it.
    pub tag: Option<String>,
    /// Carbons are enabled with the binding (XEP-0280).
    pub carbons: bool,
    /// A new session begins as one that nobody looks at (XEP-0352), where the server takes that with
    /// the binding; elsewhere [`Client::set_active`](super::Client::set_active) says it behind it, and
    /// says it again without harm.
    pub inactive: bool,
    /// The host can do tasks (XEP-0388 §2.6.3), such as a second factor; else a server that wants
    /// any is left.
    pub tasks: bool,
    /// A token for the next login is asked for (XEP-0484).
    pub request_token: bool,
    /// The token of an earlier login.
    pub token: Option<FastToken>,
}

/// A token that stands for the password on this device (XEP-0484): keep it as a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastToken {
    /// The only mechanism that it is for.
    pub mechanism: Mechanism,
    /// The token.
    pub token: Secret,
    /// Until when it is good, as the server wrote it (XEP-0082).
    pub expiry: String,
    /// How often it was used, this time included (XEP-0484 §3.3). Only for a host that sends
    /// the login in the early data of TLS: it counts up before each attempt, from 1.
    pub count: Option<u32>,
}

impl FastToken {
    /// A token that was kept.
    #[must_use]
    pub fn new(mechanism: Mechanism, token: Secret, expiry: &str) -> Self {
        Self { mechanism, token, expiry: expiry.to_string(), count: None }
    }

    /// Says how often it was used.
    #[must_use]
    pub const fn with_count(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }
}

impl Sasl2Config {
    /// Nothing but SASL 2 and Bind 2.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of this installation, a UUID of version 4.
    #[must_use]
    pub fn with_user_agent(mut self, id: &str) -> Self {
        self.user_agent_id = Some(id.to_string());
        self
    }

    /// Sets what the resource begins with.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.tag = Some(tag.to_string());
        self
    }

    /// Begins sessions as ones that nobody looks at, as a client that a push notification woke.
    #[must_use]
    pub const fn with_inactive(mut self, inactive: bool) -> Self {
        self.inactive = inactive;
        self
    }

    /// Does tasks when the server wants any.
    #[must_use]
    pub const fn with_tasks(mut self, able: bool) -> Self {
        self.tasks = able;
        self
    }

    /// Asks for a token for the next login.
    #[must_use]
    pub const fn with_request_token(mut self, wanted: bool) -> Self {
        self.request_token = wanted;
        self
    }

    /// Logs in with a token, if the server takes it, else with the password.
    #[must_use]
    pub fn with_token(mut self, token: FastToken) -> Self {
        self.token = Some(token);
        self
    }
}

/// The configuration of a client. See [`Client`](super::Client).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The account, and the resource to ask for if there is one.
    pub jid: Jid,
    /// The password; without one the host is asked.
    pub password: Option<Secret>,
    /// The default language of what is sent.
    pub lang: Option<String>,
    /// Whether the stream must be encrypted.
    pub tls: TlsPolicy,
    /// The host runs the connection inside of TLS from its first byte (XEP-0368); with
    /// [`TlsPolicy::Never`].
    pub direct_tls: bool,
    /// Mechanisms to use, best first. Nothing else is ever used: a server cannot talk this
    /// client into a weaker one.
    pub mechanisms: Vec<Mechanism>,
    /// PLAIN may be used without TLS. Off; for tests on loopback.
    pub plain_without_tls: bool,
    /// SASL 2 (XEP-0388), when the server has it and TLS is there; `None` for never.
    pub sasl2: Option<Sasl2Config>,
    /// Only mechanisms with channel binding are used. Off; a client that has data to bind to
    /// says so in any case, so that a server that offers it notices when the offer is lost.
    pub require_channel_binding: bool,
    /// The fewest rounds of key derivation that are accepted (4,096; RFC 7677 §4).
    pub iterations_min: u32,
    /// The most rounds of key derivation that are accepted (1,000,000). Stops a server from
    /// keeping the processor busy.
    pub iterations_max: u32,
    /// Rounds up to which the machine derives the key itself (20,000); beyond, the host is
    /// asked to, so that an event loop is not blocked.
    pub iterations_inline_max: u32,
    /// Time for everything up to the bound resource (30 s).
    pub negotiation_timeout: Duration,
    /// Time for an answer to a request (30 s).
    pub iq_timeout: Duration,
    /// Time in which the host must answer a request (60 s); then it is refused for it.
    pub answer_timeout: Duration,
    /// Time for the peer's end of the stream after ours (5 s).
    pub close_timeout: Duration,
    /// Silence after which a space is sent (60 s; RFC 6120 §4.6.1); `None` for never.
    pub keep_alive: Option<Duration>,
    /// Requests in flight, each way (256).
    pub requests_max: usize,
    /// Names of the namespaces whose requests the host answers. Others are answered with
    /// `service-unavailable` (RFC 6120 §8.4) by the machine.
    pub handled: Vec<String>,
    /// Answers pings (XEP-0199) by itself.
    pub answer_pings: bool,
    /// An account is made before the login (XEP-0077), with
    /// [`Client::register`](super::Client::register).
    pub registration: bool,
    /// Stream management (XEP-0198), when the server has it; `None` for never.
    pub stream_management: Option<SmConfig>,
    /// Limits on what the server sends before authentication.
    pub limits_before: XmlLimits,
    /// Limits on what the server sends after authentication.
    pub limits_after: XmlLimits,
}

impl ClientConfig {
    /// The defaults, for an account.
    #[must_use]
    pub fn new(jid: Jid) -> Self {
        Self {
            jid,
            password: None,
            lang: None,
            tls: TlsPolicy::Required,
            direct_tls: false,
            mechanisms: Mechanism::PASSWORD.to_vec(),
            plain_without_tls: false,
            sasl2: None,
            require_channel_binding: false,
            iterations_min: 4096,
            iterations_max: 1_000_000,
            iterations_inline_max: 20_000,
            negotiation_timeout: Duration::from_secs(30),
            iq_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(60),
            close_timeout: Duration::from_secs(5),
            keep_alive: Some(Duration::from_secs(60)),
            requests_max: 256,
            handled: Vec::new(),
            answer_pings: true,
            registration: false,
            stream_management: Some(SmConfig::new()),
            limits_before: XmlLimits::PRE_AUTH,
            limits_after: XmlLimits::POST_AUTH,
        }
    }

    /// Sets the password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// Sets whether the stream must be encrypted.
    #[must_use]
    pub const fn with_tls(mut self, tls: TlsPolicy) -> Self {
        self.tls = tls;
        self
    }

    /// Sets the mechanisms, best first.
    #[must_use]
    pub fn with_mechanisms(mut self, mechanisms: &[Mechanism]) -> Self {
        self.mechanisms = mechanisms.to_vec();
        self
    }

    /// Uses SASL 2 where it is offered.
    #[must_use]
    pub fn with_sasl2(mut self, sasl2: Sasl2Config) -> Self {
        self.sasl2 = Some(sasl2);
        self
    }

    /// Sets whether only mechanisms with channel binding are used.
    #[must_use]
    pub const fn with_require_channel_binding(mut self, required: bool) -> Self {
        self.require_channel_binding = required;
        self
    }

    /// Allows PLAIN without TLS.
    #[must_use]
    pub const fn with_plain_without_tls(mut self, allowed: bool) -> Self {
        self.plain_without_tls = allowed;
        self
    }

    /// Adds a namespace whose requests the host answers.
    #[must_use]
    pub fn with_handled(mut self, namespace: &str) -> Self {
        self.handled.push(namespace.to_string());
        self
    }

    /// Makes an account before the login.
    #[must_use]
    pub const fn with_registration(mut self, wanted: bool) -> Self {
        self.registration = wanted;
        self
    }

    /// Sets how stream management is done.
    #[must_use]
    pub fn with_stream_management(mut self, sm: Option<SmConfig>) -> Self {
        self.stream_management = sm;
        self
    }

    /// Sets the keep-alive.
    #[must_use]
    pub const fn with_keep_alive(mut self, silence: Option<Duration>) -> Self {
        self.keep_alive = silence;
        self
    }
}
