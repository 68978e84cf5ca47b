//! What a client knows of a session.

use super::Settled;
use crate::headers::DEFAULT_SESSION_TIMEOUT;
use crate::message::Method;
use crate::state::State;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// A session, from [`Client::open_session`](super::Client::open_session) to its end.
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) url: String,
    pub(super) id: Option<String>,
    pub(super) timeout: Duration,
    pub(super) state: State,
    pub(super) streams: Vec<Stream>,
    /// The method of signs of life, once one has failed.
    pub(super) keep_alive: Option<Method>,
}

/// One stream of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stream {
    /// The URL that was set up.
    pub url: String,
    /// How its media comes.
    pub settled: Settled,
}

impl Session {
    pub(super) const fn new(url: String) -> Self {
        Self {
            url,
            id: None,
            timeout: DEFAULT_SESSION_TIMEOUT,
            state: State::Init,
            streams: Vec::new(),
            keep_alive: None,
        }
    }

    /// The URL of the whole: what PLAY, PAUSE and TEARDOWN name.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's name for it, once the first SETUP is answered.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// How long the server lets it live without a sign of life.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What is set up in it, in order.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    pub(super) fn has_channel(&self, channel: u8) -> bool {
        self.streams.iter().any(|stream| match &stream.settled {
            Settled::Interleaved(pair) => pair.contains(channel),
            _ => false,
        })
    }
}
