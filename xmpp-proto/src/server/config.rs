//! How a server's connection behaves.

use crate::sasl::{Mechanism, Secret};
use crate::sm::SmConfig;
use crate::xml::XmlLimits;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// Whether clients must encrypt. RFC 6120 §5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerTls {
    /// STARTTLS is offered and nothing else until it is done.
    #[default]
    Required,
    /// STARTTLS is offered beside the rest.
    Offered,
    /// No STARTTLS: the host has no certificate, or has TLS around the connection already.
    None,
}

/// The configuration of a server's connections. RFC 6120 §4, §5, §6.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The domain that is served, and that a client gets which does not say what it wants.
    pub domain: String,
    /// Other domains that are served on the same port; the client's header chooses. The host
    /// sees which one it is in the account's address.
    pub other_domains: Vec<String>,
    /// Whether clients must encrypt.
    pub tls: ServerTls,
    /// The host runs the connections inside of TLS from the first byte (XEP-0368).
    pub direct_tls: bool,
    /// Mechanisms to offer, in this order: those that bind to TLS where the host has said
    /// what to bind to, EXTERNAL only under TLS.
    pub mechanisms: Vec<Mechanism>,
    /// SASL 2 (XEP-0388) with Bind 2 (XEP-0386) is offered, under TLS.
    pub sasl2: bool,
    /// Tokens for fast logins (XEP-0484) are offered; the host keeps them.
    pub fast: bool,
    /// In SASL 2 the host is asked whether a mechanism is enough, or whether there are tasks to
    /// be done (XEP-0388 §2.6.3), such as a second factor. Not behind a token: nothing interactive
    /// may follow one (XEP-0484 §4.3).
    pub tasks: bool,
    /// Time for each step of a task (120 s): somebody may have to look for a code.
    pub task_timeout: Duration,
    /// Accounts can be made in band (XEP-0077), where a password cannot be seen on the way;
    /// the host makes them.
    pub registration: bool,
    /// PLAIN is offered without TLS. Off; for tests on loopback.
    pub plain_without_tls: bool,
    /// Rounds of key derivation when a host gives passwords (4,096).
    pub iterations: u32,
    /// A secret of the host, the same whenever it starts, for SCRAM with accounts that are not
    /// there: their salts are made from it. Without one (the default) their salts are new each
    /// time, and whoever asks twice sees which accounts have keys that are kept. A host that keeps
    /// keys sets it, with `iterations` as many as its keys have, and salts of 16 bytes.
    pub decoy_key: Option<Secret>,
    /// Attempts to log in on one connection (3; RFC 6120 §6.4.5). Stops guessing.
    pub attempts_max: u32,
    /// Time for everything up to the bound resource (30 s). Stops idle strangers from
    /// holding connections.
    pub negotiation_timeout: Duration,
    /// Time for the peer's end of the stream after ours (5 s).
    pub close_timeout: Duration,
    /// Silence of this side after which a space is sent; `None` for never.
    pub keep_alive: Option<Duration>,
    /// Silence of the client after which it counts as gone, advertised (XEP-0478); `None` for
    /// never.
    pub idle_timeout: Option<Duration>,
    /// Stream management (XEP-0198), if it is offered. With resumption the host must keep
    /// the sessions of broken connections: [`SmStore`](super::SmStore).
    pub stream_management: Option<SmConfig>,
    /// Roster versioning (RFC 6121 §2.6) is offered. On, as the [`Router`](super::Router) does
    /// it; a host that keeps rosters without versions turns it off.
    pub roster_versioning: bool,
    /// Client state (XEP-0352) is offered: the host tells the [`Router`](super::Router) what
    /// [`Event::ClientState`](super::Event::ClientState) says. On.
    pub client_state: bool,
    /// Limits before authentication.
    pub limits_before: XmlLimits,
    /// Limits after authentication (256 KiB a stanza), advertised (XEP-0478).
    pub limits_after: XmlLimits,
}

impl ServerConfig {
    /// The defaults, for a domain.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_string(),
            other_domains: Vec::new(),
            tls: ServerTls::Required,
            direct_tls: false,
            mechanisms: Mechanism::PASSWORD.to_vec(),
            sasl2: false,
            fast: false,
            tasks: false,
            task_timeout: Duration::from_secs(120),
            registration: false,
            plain_without_tls: false,
            iterations: 4096,
            decoy_key: None,
            attempts_max: 3,
            negotiation_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            keep_alive: Some(Duration::from_secs(60)),
            idle_timeout: None,
            stream_management: None,
            roster_versioning: true,
            client_state: true,
            limits_before: XmlLimits::PRE_AUTH,
            limits_after: XmlLimits::POST_AUTH.with_stanza_max(256 * 1024),
        }
    }

    /// Serves another domain, too.
    #[must_use]
    pub fn with_domain(mut self, domain: &str) -> Self {
        self.other_domains.push(domain.to_string());
        self
    }

    /// The host has TLS around the connections from their first byte (XEP-0368).
    #[must_use]
    pub const fn with_direct_tls(mut self) -> Self {
        (self.direct_tls, self.tls) = (true, ServerTls::None);
        self
    }

    /// Sets whether clients must encrypt.
    #[must_use]
    pub const fn with_tls(mut self, tls: ServerTls) -> Self {
        self.tls = tls;
        self
    }

    /// Sets the mechanisms.
    #[must_use]
    pub fn with_mechanisms(mut self, mechanisms: &[Mechanism]) -> Self {
        self.mechanisms = mechanisms.to_vec();
        self
    }

    /// Sets the secret that hides which accounts there are.
    #[must_use]
    pub fn with_decoy_key(mut self, key: Secret) -> Self {
        self.decoy_key = Some(key);
        self
    }

    /// Offers SASL 2, with tokens or without.
    #[must_use]
    pub const fn with_sasl2(mut self, fast: bool) -> Self {
        (self.sasl2, self.fast) = (true, fast);
        self
    }

    /// Asks the host whether there are tasks behind a login of SASL 2.
    #[must_use]
    pub const fn with_tasks(mut self, asked: bool) -> Self {
        self.tasks = asked;
        self
    }

    /// Offers stream management.
    #[must_use]
    pub fn with_stream_management(mut self, sm: SmConfig) -> Self {
        self.stream_management = Some(sm);
        self
    }

    /// Offers registration in band.
    #[must_use]
    pub const fn with_registration(mut self, offered: bool) -> Self {
        self.registration = offered;
        self
    }

    /// Offers PLAIN without TLS.
    #[must_use]
    pub const fn with_plain_without_tls(mut self, allowed: bool) -> Self {
        self.plain_without_tls = allowed;
        self
    }
}
