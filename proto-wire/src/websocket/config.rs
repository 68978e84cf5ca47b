//! What a connection allows, and how long it waits.

use core::time::Duration;

/// Limits and deadlines of a [`Connection`](super::Connection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Bytes of the head of the upgrade (8 KiB). Stops a head that never ends.
    pub head_max: usize,
    /// Header lines of the upgrade (64).
    pub header_count_max: usize,
    /// Bytes of a message from the peer, all fragments together (1 MiB). Stops a promised
    /// length or endless fragments from filling memory.
    pub message_max: usize,
    /// Bytes of payload in one frame that this end sends (no limit).
    pub frame_max: usize,
    /// Time for the upgrade (10 s).
    pub handshake_timeout: Duration,
    /// Time for the peer to answer a close frame (5 s).
    pub close_timeout: Duration,
    /// After so long without anything from the peer, a ping; after as long again the
    /// connection is given up. `None` (the default): never.
    pub ping_interval: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head_max: 8 * 1024,
            header_count_max: 64,
            message_max: 1024 * 1024,
            frame_max: usize::MAX,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            ping_interval: None,
        }
    }
}

impl Config {
    /// Sets [`Config::head_max`], in bytes.
    #[must_use]
    pub const fn with_head_max(mut self, bytes: usize) -> Self {
        self.head_max = bytes;
        self
    }

    /// Sets [`Config::header_count_max`].
    #[must_use]
    pub const fn with_header_count_max(mut self, count: usize) -> Self {
        self.header_count_max = count;
        self
    }

    /// Sets [`Config::message_max`], in bytes.
    #[must_use]
    pub const fn with_message_max(mut self, bytes: usize) -> Self {
        self.message_max = bytes;
        self
    }

    /// Sets [`Config::frame_max`], in bytes.
    #[must_use]
    pub const fn with_frame_max(mut self, bytes: usize) -> Self {
        self.frame_max = bytes;
        self
    }

    /// Sets [`Config::handshake_timeout`].
    #[must_use]
    pub const fn with_handshake_timeout(mut self, time: Duration) -> Self {
        self.handshake_timeout = time;
        self
    }

    /// Sets [`Config::close_timeout`].
    #[must_use]
    pub const fn with_close_timeout(mut self, time: Duration) -> Self {
        self.close_timeout = time;
        self
    }

    /// Sets [`Config::ping_interval`].
    #[must_use]
    pub const fn with_ping_interval(mut self, time: Option<Duration>) -> Self {
        self.ping_interval = time;
        self
    }
}
