//! What an agent is told when it is made.

use super::session_timer::Wish;
use crate::endpoint::{self, Target};
use alloc::string::String;
use alloc::sync::Arc;
#[cfg(feature = "digest")]
use alloc::vec::Vec;
use core::time::Duration;

/// When provisional responses are acknowledged (RFC 3262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "these are all there can be")]
pub enum Reliable {
    /// Never offered, and refused with 420 when it is required.
    Never,
    /// When the caller requires it.
    #[default]
    WhenRequired,
    /// When the caller supports it.
    WhenSupported,
    /// Always: a caller that does not support it gets 421, and our own INVITEs require it.
    Always,
}

/// The configuration of an [`Agent`](super::Agent).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The configuration of the transactions below.
    pub endpoint: Arc<endpoint::Config>,
    /// Our address of record, the URI of From.
    pub identity: String,
    /// Our name, if it is to be said.
    pub display: Option<String>,
    /// The URI where requests reach us: `sip:alice@192.0.2.1:5060`.
    pub contact: String,
    /// Where requests outside of dialogs go; `None` asks for each URI that has a name.
    pub outbound: Option<Target>,
    /// Calls at one time (100). One more is answered with 486.
    pub calls_max: usize,
    /// Dialogs that one INVITE of ours may make by being forked (16).
    pub forks_max: usize,
    /// How long a call may ring (3 min): then our INVITE is cancelled, and the peer's gets
    /// 480. RFC 3261 has no limit of its own once a provisional response has come, and a
    /// caller that is gone never cancels.
    pub ring_max: Duration,
    /// When provisional responses are acknowledged.
    pub reliable: Reliable,
    /// What is wanted of session timers.
    pub session: Wish,
    /// Whether OPTIONS is answered here (true) or by the application.
    pub answer_options: bool,
    /// Answers to challenges.
    #[cfg(feature = "digest")]
    pub credentials: Vec<proto_wire::digest::Credential>,
}

impl Config {
    /// The defaults, for somebody with this address of record and contact.
    #[must_use]
    pub fn new(
        endpoint: Arc<endpoint::Config>,
        identity: impl Into<String>,
        contact: impl Into<String>,
    ) -> Self {
        Self {
            endpoint,
            identity: identity.into(),
            display: None,
            contact: contact.into(),
            outbound: None,
            calls_max: 100,
            forks_max: 16,
            ring_max: Duration::from_secs(180),
            reliable: Reliable::default(),
            session: Wish::default(),
            answer_options: true,
            #[cfg(feature = "digest")]
            credentials: Vec::new(),
        }
    }

    /// Sets [`Config::display`].
    #[must_use]
    pub fn with_display(mut self, name: impl Into<String>) -> Self {
        self.display = Some(name.into());
        self
    }

    /// Sets [`Config::outbound`].
    #[must_use]
    pub const fn with_outbound(mut self, target: Target) -> Self {
        self.outbound = Some(target);
        self
    }

    /// Sets [`Config::calls_max`].
    #[must_use]
    pub const fn with_calls_max(mut self, count: usize) -> Self {
        self.calls_max = count;
        self
    }

    /// Sets [`Config::forks_max`].
    #[must_use]
    pub const fn with_forks_max(mut self, count: usize) -> Self {
        self.forks_max = count;
        self
    }

    /// Sets [`Config::ring_max`].
    #[must_use]
    pub const fn with_ring_max(mut self, ring_max: Duration) -> Self {
        self.ring_max = ring_max;
        self
    }

    /// Sets [`Config::reliable`].
    #[must_use]
    pub const fn with_reliable(mut self, reliable: Reliable) -> Self {
        self.reliable = reliable;
        self
    }

    /// Sets [`Config::session`].
    #[must_use]
    pub const fn with_session(mut self, wish: Wish) -> Self {
        self.session = wish;
        self
    }

    /// Sets [`Config::answer_options`].
    #[must_use]
    pub const fn with_answer_options(mut self, answer: bool) -> Self {
        self.answer_options = answer;
        self
    }

    /// Sets [`Config::credentials`].
    #[cfg(feature = "digest")]
    #[must_use]
    pub fn with_credentials(
        mut self,
        credentials: impl IntoIterator<Item = proto_wire::digest::Credential>,
    ) -> Self {
        self.credentials = credentials.into_iter().collect();
        self
    }

    /// The option-tags that we support, for Supported.
    pub(super) const fn supported(&self) -> &'static str {
        match self.reliable {
            Reliable::Never => "timer, replaces",
            _ => "100rel, timer, replaces",
        }
    }

    /// Whether a required option-tag is one of ours.
    pub(super) fn knows(&self, tag: &str) -> bool {
        let known = ["timer", "replaces"].iter().any(|k| k.eq_ignore_ascii_case(tag));
        known || (tag.eq_ignore_ascii_case("100rel") && self.reliable != Reliable::Never)
    }
}

/// What we take, for Allow.
pub(super) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE";
