//! How the two sides behave.

use crate::xml::XmlLimits;
use alloc::string::{String, ToString};
use core::time::Duration;

/// The client's side. XEP-0124 §7.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BoshConfig {
    /// How long a request may wait for something to be said (60 s); zero to poll.
    pub wait: Duration,
    /// Requests that wait at a time (1); zero to poll.
    pub hold: u8,
    /// Time beyond `wait` after which a request counts as lost (15 s).
    pub slack: Duration,
    /// Time before a lost request is sent again (1 s), doubled each time.
    pub retry_delay: Duration,
    /// Least time between two requests that are under way together, and before an empty one
    /// (20 ms): a request that overtakes another on its way is answered late, or by some
    /// connection managers never.
    pub spacing: Duration,
    /// How often one request is sent again (4). Then the stream has ended.
    pub retries_max: u32,
    /// Keys of a sequence (XEP-0124 §15); 0, the default, for none. Worth it only without
    /// TLS.
    pub keys: usize,
    /// Where the connection manager is to connect to, as `xmpp:host:port`.
    pub route: Option<String>,
    /// Bytes of payloads in one request, unless a single one is larger (64 KiB).
    pub payloads_max: usize,
    /// Limits on a response. Stanzas have those of the machine besides.
    pub limits: XmlLimits,
}

impl Default for BoshConfig {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(60),
            hold: 1,
            slack: Duration::from_secs(15),
            retry_delay: Duration::from_secs(1),
            spacing: Duration::from_millis(20),
            retries_max: 4,
            keys: 0,
            route: None,
            payloads_max: 64 * 1024,
            limits: around(XmlLimits::POST_AUTH),
        }
    }
}

impl BoshConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long, and how many, requests may wait.
    #[must_use]
    pub const fn with_wait(mut self, wait: Duration, hold: u8) -> Self {
        (self.wait, self.hold) = (wait, hold);
        self
    }

    /// Sets the least time between two requests that are under way together.
    #[must_use]
    pub const fn with_spacing(mut self, spacing: Duration) -> Self {
        self.spacing = spacing;
        self
    }

    /// Sets the length of key sequences.
    #[must_use]
    pub const fn with_keys(mut self, keys: usize) -> Self {
        self.keys = keys;
        self
    }

    /// Sets where the connection manager is to connect to.
    #[must_use]
    pub fn with_route(mut self, route: &str) -> Self {
        self.route = Some(route.to_string());
        self
    }

    /// Sets how often, and after what time, a lost request is sent again.
    #[must_use]
    pub const fn with_retries(mut self, retries_max: u32, delay: Duration) -> Self {
        (self.retries_max, self.retry_delay) = (retries_max, delay);
        self
    }
}

/// The connection manager's side. XEP-0124 §7.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BoshServerConfig {
    /// The longest that a request is kept waiting (60 s), whatever the client asks for.
    pub wait_max: Duration,
    /// Most requests kept waiting at a time (1). One more may be under way.
    pub hold_max: u8,
    /// Silence without a waiting request after which the client is gone (30 s).
    pub inactivity: Duration,
    /// The same for clients that poll (90 s).
    pub inactivity_polling: Duration,
    /// Least time between empty requests of a client that polls (5 s). Stops idle work.
    pub polling: Duration,
    /// The longest pause that a client may ask for (120 s).
    pub pause_max: Duration,
    /// How often one request may come again (8). Stops asking for the same answer over and
    /// over.
    pub repeats_max: u32,
    /// Bytes of payloads in one response, unless a single one is larger (256 KiB).
    pub payloads_max: usize,
    /// Bytes that wait for a client that does not ask for them (16 MiB): the session ends when
    /// there are more. Stops others from filling the memory while a client pauses.
    pub backlog_max: usize,
    /// Limits on a request before the client is authenticated.
    pub limits_before: XmlLimits,
    /// Limits on a request after that.
    pub limits_after: XmlLimits,
}

impl Default for BoshServerConfig {
    fn default() -> Self {
        Self {
            wait_max: Duration::from_secs(60),
            hold_max: 1,
            inactivity: Duration::from_secs(30),
            inactivity_polling: Duration::from_secs(90),
            polling: Duration::from_secs(5),
            pause_max: Duration::from_secs(120),
            repeats_max: 8,
            payloads_max: 256 * 1024,
            backlog_max: 16 * 1024 * 1024,
            limits_before: around(XmlLimits::PRE_AUTH),
            limits_after: around(XmlLimits::POST_AUTH.with_stanza_max(256 * 1024)),
        }
    }
}

impl BoshServerConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long, and how many, requests are kept waiting.
    #[must_use]
    pub const fn with_wait_max(mut self, wait: Duration, hold: u8) -> Self {
        (self.wait_max, self.hold_max) = (wait, hold);
        self
    }

    /// Sets after what silence the client is gone.
    #[must_use]
    pub const fn with_inactivity(mut self, silence: Duration) -> Self {
        self.inactivity = silence;
        self
    }

    /// Sets the least time between empty requests of a client that polls.
    #[must_use]
    pub const fn with_polling(mut self, interval: Duration) -> Self {
        self.polling = interval;
        self
    }
}

/// Limits on a body around stanzas that have these.
const fn around(limits: XmlLimits) -> XmlLimits {
    let depth = limits.depth_max.saturating_add(1);
    limits.with_depth_max(depth)
}
