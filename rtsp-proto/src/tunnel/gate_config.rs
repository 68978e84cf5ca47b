//! What a gate allows.

use core::time::Duration;
use proto_wire::websocket;

/// Limits and deadlines of a [`Gate`](super::Gate).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateConfig {
    /// Bytes of the head of an HTTP request (8 KiB). Stops a head that never ends.
    pub head_max: usize,
    /// Header lines of an HTTP request (64).
    pub header_count_max: usize,
    /// RTSP bytes that a POST may send before its GET arrives (64 KiB). Stops a POST
    /// without a GET from filling memory.
    pub pending_max: usize,
    /// Halves of tunnels that wait for the other half (256). Stops a flood of GETs.
    pub waiting_max: usize,
    /// Time for a connection to say what it is (30 s).
    pub handshake_timeout: Duration,
    /// Time for the other half of a tunnel to arrive (30 s).
    pub pair_timeout: Duration,
    /// WebSocket's own.
    pub websocket: websocket::Config,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            head_max: 8 * 1024,
            header_count_max: 64,
            pending_max: 64 * 1024,
            waiting_max: 256,
            handshake_timeout: Duration::from_secs(30),
            pair_timeout: Duration::from_secs(30),
            websocket: websocket::Config::default(),
        }
    }
}

impl GateConfig {
    /// Sets [`GateConfig::head_max`], in bytes.
    #[must_use]
    pub const fn with_head_max(mut self, bytes: usize) -> Self {
        self.head_max = bytes;
        self
    }

    /// Sets [`GateConfig::header_count_max`].
    #[must_use]
    pub const fn with_header_count_max(mut self, count: usize) -> Self {
        self.header_count_max = count;
        self
    }

    /// Sets [`GateConfig::pending_max`], in bytes.
    #[must_use]
    pub const fn with_pending_max(mut self, bytes: usize) -> Self {
        self.pending_max = bytes;
        self
    }

    /// Sets [`GateConfig::waiting_max`].
    #[must_use]
    pub const fn with_waiting_max(mut self, count: usize) -> Self {
        self.waiting_max = count;
        self
    }

    /// Sets [`GateConfig::websocket`].
    #[must_use]
    pub const fn with_websocket(mut self, config: websocket::Config) -> Self {
        self.websocket = config;
        self
    }
}
