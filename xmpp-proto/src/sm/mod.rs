//! Stream management (XEP-0198): what was sent is kept until the peer says that it handled
//! it, and a stream that broke goes on over a new connection.
//!
//! The machines do this by themselves. A host sees the tokens of its stanzas come back in
//! [`Delivery`] events, and takes an [`SmSession`] out of a machine whose connection broke:
//! it gives it to the next one, or writes it down and goes on after a restart.

mod acks;
mod codec;
mod managed;
#[cfg(test)]
mod tests;
mod wire;

pub use codec::SmStateError;

pub(crate) use acks::Acks;
pub(crate) use managed::{Context, Managed, SmTimer};
pub(crate) use wire::{
    REQUEST, SmElement, ack, enable, enabled, failed, resume, resumed, too_high,
};

use crate::jid::Jid;
use crate::stanza::StanzaXml;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use thiserror::Error;

/// Names a stanza that was sent or queued. Tokens of one session grow with the order of
/// sending, also over resumptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StanzaToken(pub(crate) u64);

impl StanzaToken {
    /// The number, to be kept beside a serialised [`SmSession`].
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Where a stanza of this side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StanzaState {
    /// It waits for a stream.
    Queued,
    /// It was sent for the first time.
    Sent,
    /// The peer has taken responsibility for it. The last state.
    Acked,
    /// It was sent again, after a resumption: the peer had not handled it.
    Resent,
    /// The session is over and the peer has not said that it handled it: it may have
    /// arrived or not. The last state; the stanza comes along.
    Lost,
}

/// A stanza changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Which stanza.
    pub token: StanzaToken,
    /// Its state now.
    pub state: StanzaState,
    /// The stanza itself, when it is lost: to be sent again, if duplicates do no harm.
    pub stanza: Option<StanzaXml>,
}

impl Delivery {
    pub(crate) const fn new(token: StanzaToken, state: StanzaState) -> Self {
        Self { token, state, stanza: None }
    }
}

/// How stream management is done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmConfig {
    /// Resumption is asked for, or allowed.
    pub resume: bool,
    /// How long a broken session is worth keeping (300 s): what a client asks for, and the
    /// most that a server grants.
    pub resume_max: Duration,
    /// Where a server wants the client to come back to, as `host:port`.
    pub location: Option<String>,
    /// Stanzas that wait for the peer's word (1,000). Stops a peer that never acknowledges
    /// from filling memory: commands are refused then, and after as many answers of the
    /// machine itself the stream ends.
    pub unacked_max: usize,
    /// Bytes of stanzas that wait for the peer's word (4 MiB).
    pub unacked_bytes_max: usize,
    /// An acknowledgement is asked for after so many stanzas (8).
    pub request_every: u32,
    /// ... and so long after the first that was not asked for (2 s).
    pub request_delay: Duration,
    /// Time for the answer (30 s). Then the connection counts as broken.
    pub answer_timeout: Duration,
}

impl Default for SmConfig {
    fn default() -> Self {
        Self {
            resume: true,
            resume_max: Duration::from_secs(300),
            location: None,
            unacked_max: 1000,
            unacked_bytes_max: 4 * 1024 * 1024,
            request_every: 8,
            request_delay: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(30),
        }
    }
}

impl SmConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether sessions can be resumed.
    #[must_use]
    pub const fn with_resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Sets how long a broken session is worth keeping.
    #[must_use]
    pub const fn with_resume_max(mut self, max: Duration) -> Self {
        self.resume_max = max;
        self
    }

    /// Sets how many stanzas may wait for the peer's word.
    #[must_use]
    pub const fn with_unacked_max(mut self, max: usize) -> Self {
        self.unacked_max = max;
        self
    }

    /// Sets after how many stanzas an acknowledgement is asked for.
    #[must_use]
    pub const fn with_request_every(mut self, stanzas: u32) -> Self {
        self.request_every = stanzas;
        self
    }

    /// Sets the time for an acknowledgement.
    #[must_use]
    pub const fn with_answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = timeout;
        self
    }
}

/// The session has as many stanzas as it may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many stanzas wait for an acknowledgement")]
#[non_exhaustive]
pub struct SmFull;

/// A session whose connection is gone. It holds the counters and the stanzas that the peer
/// has not acknowledged; either side has one.
///
/// It counts a received stanza as handled once its event is in the machine's queue: drain
/// the queue before you write a session down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmSession {
    pub(crate) id: String,
    pub(crate) jid: Jid,
    pub(crate) resumable: bool,
    pub(crate) max: Duration,
    pub(crate) location: Option<String>,
    pub(crate) acks: Acks,
}

/// A stanza that nobody has acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unacked {
    /// Which.
    pub token: StanzaToken,
    /// The stanza.
    pub stanza: StanzaXml,
    /// It was sent, so it may have arrived.
    pub sent: bool,
}

impl SmSession {
    /// The server's name for the session; empty when it cannot be resumed.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The full address that is bound to it.
    #[must_use]
    pub const fn jid(&self) -> &Jid {
        &self.jid
    }

    /// Whether the peer will resume it. If not, only what is left in it counts.
    #[must_use]
    pub const fn is_resumable(&self) -> bool {
        self.resumable
    }

    /// How long after the break it can be resumed.
    #[must_use]
    pub const fn resume_max(&self) -> Duration {
        self.max
    }

    /// Where the server wants the client to come back to, as `host:port`.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Stanzas of the peer that were handled, modulo 2^32.
    #[must_use]
    pub const fn handled(&self) -> u32 {
        self.acks.handled()
    }

    /// How many stanzas wait in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.acks.len()
    }

    /// Whether no stanza waits in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.acks.len() == 0
    }

    /// Queues a stanza for the time after the resumption.
    ///
    /// # Errors
    /// `config` allows no more.
    pub fn push(&mut self, config: &SmConfig, stanza: StanzaXml) -> Result<StanzaToken, SmFull> {
        if self.acks.is_full(config) {
            return Err(SmFull);
        }
        Ok(self.acks.hold(stanza.into_string().into()))
    }

    /// What waits in it, oldest first, for delivery elsewhere when nobody resumes it.
    #[must_use]
    pub fn into_unacked(mut self) -> Vec<Unacked> {
        self.acks.drain().collect()
    }
}
