//! What an endpoint is told when it is made.

use crate::headers::Transport;
use crate::transaction::Timers;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;
use proto_wire::Limits;

/// An address at which the host listens for one transport, and what peers call it. RFC 3261 §18.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listener {
    /// The transport.
    pub transport: Transport,
    /// The address that the socket is bound to.
    pub address: SocketAddr,
    /// `host:port` for Via: the address, or a name that leads to it.
    pub sent_by: String,
}

impl Listener {
    /// A listener whose peers reach it at its own address.
    #[must_use]
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self { transport, address, sent_by: address.to_string() }
    }

    /// Another `host:port` for Via, for example a public name.
    #[must_use]
    pub fn with_sent_by(mut self, sent_by: impl Into<String>) -> Self {
        self.sent_by = sent_by.into();
        self
    }
}

/// The configuration of an [`Endpoint`](crate::Endpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where the host listens; requests need one of their transport.
    pub listeners: Vec<Listener>,
    /// The values that the timers are made of.
    pub timers: Timers,
    /// Limits on one message.
    pub limits: Limits,
    /// Transactions at one time (100,000). One more request is answered with 503, so that a
    /// flood cannot fill memory. Only the CANCEL of an INVITE that is there is sent and taken over
    /// the limit, because it ends work: one for each INVITE, so that there are never more than
    /// twice as many.
    pub transactions_max: usize,
    /// Server transactions of one source address (50,000, half of all). One more is answered with 503
    /// and Retry-After. Stops one sender from taking all of them; a host whose traffic all comes from
    /// one proxy raises it.
    pub transactions_per_source_max: usize,
    /// Streams at one time (10,000). One more is closed at once.
    pub flows_max: usize,
    /// Messages that wait for one stream to be opened (64). Stops a host that does not answer
    /// from collecting them.
    pub queue_max: usize,
    /// The longest request that goes out as a datagram, in bytes (1,300: RFC 3261 §18.1.1).
    pub datagram_max: usize,
    /// What 503 asks in `Retry-After` (10 s).
    pub retry_after: Duration,
    /// The value of `Server` and `User-Agent`; none when empty.
    pub product: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            timers: Timers::default(),
            limits: Limits::DEFAULT.with_body_max(256 * 1024),
            transactions_max: 100_000,
            transactions_per_source_max: 50_000,
            flows_max: 10_000,
            queue_max: 64,
            datagram_max: 1300,
            retry_after: Duration::from_secs(10),
            product: String::new(),
        }
    }
}

impl Config {
    /// The defaults, with listeners.
    #[must_use]
    pub fn new(listeners: impl IntoIterator<Item = Listener>) -> Self {
        Self { listeners: listeners.into_iter().collect(), ..Self::default() }
    }

    /// Sets [`Config::timers`].
    #[must_use]
    pub const fn with_timers(mut self, timers: Timers) -> Self {
        self.timers = timers;
        self
    }

    /// Sets [`Config::limits`].
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`Config::transactions_max`].
    #[must_use]
    pub const fn with_transactions_max(mut self, count: usize) -> Self {
        self.transactions_max = count;
        self
    }

    /// Sets [`Config::transactions_per_source_max`].
    #[must_use]
    pub const fn with_transactions_per_source_max(mut self, count: usize) -> Self {
        self.transactions_per_source_max = count;
        self
    }

    /// Sets [`Config::flows_max`].
    #[must_use]
    pub const fn with_flows_max(mut self, count: usize) -> Self {
        self.flows_max = count;
        self
    }

    /// Sets [`Config::queue_max`].
    #[must_use]
    pub const fn with_queue_max(mut self, count: usize) -> Self {
        self.queue_max = count;
        self
    }

    /// Sets [`Config::datagram_max`], in bytes.
    #[must_use]
    pub const fn with_datagram_max(mut self, bytes: usize) -> Self {
        self.datagram_max = bytes;
        self
    }

    /// Sets [`Config::product`].
    #[must_use]
    pub fn with_product(mut self, product: impl Into<String>) -> Self {
        self.product = product.into();
        self
    }

    pub(crate) fn listener(&self, transport: Transport) -> Option<&Listener> {
        self.listeners.iter().find(|l| l.transport == transport)
    }
}
