//! The two counters and the stanzas between them.

use super::{SmConfig, StanzaToken, Unacked};
use crate::stanza::StanzaXml;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) token: u64,
    pub(super) text: Bytes,
    pub(super) sent: bool,
}

/// The state of both directions. Counters are modulo 2^32 (XEP-0198 §4): differences are
/// taken with wrapping, and the queue bounds them, so that neither 2^32 stanzas nor a lying
/// peer confuse them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acks {
    /// Stanzas of the peer that were handled.
    pub(super) handled: u32,
    /// The peer's word for ours.
    pub(super) acked: u32,
    /// What the peer has not acknowledged: first what was sent, then what waits.
    pub(super) queue: VecDeque<Entry>,
    pub(super) sent: u32,
    pub(super) bytes: usize,
    pub(super) next: u64,
}

/// A stanza to send, of those that were kept.
pub(crate) struct Sending {
    pub(crate) token: StanzaToken,
    pub(crate) text: Bytes,
    /// It was sent before.
    pub(crate) again: bool,
}

impl Acks {
    pub(crate) const fn handled(&self) -> u32 {
        self.handled
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Stanzas that were sent and wait for the peer's word.
    pub(crate) const fn in_flight(&self) -> u32 {
        self.sent
    }

    /// How many were sent, modulo 2^32.
    pub(crate) const fn send_count(&self) -> u32 {
        self.acked.wrapping_add(self.sent)
    }

    pub(crate) fn is_full(&self, config: &SmConfig) -> bool {
        self.queue.len() >= config.unacked_max || self.bytes >= config.unacked_bytes_max
    }

    /// Twice the limit: so much the machine's own answers may add.
    pub(crate) fn is_overfull(&self, config: &SmConfig) -> bool {
        self.queue.len() >= config.unacked_max.saturating_mul(2)
            || self.bytes >= config.unacked_bytes_max.saturating_mul(2)
    }

    pub(crate) const fn count_handled(&mut self) {
        self.handled = self.handled.wrapping_add(1);
    }

    /// Both directions begin to count; what waits goes on waiting.
    pub(crate) fn restart(&mut self) {
        (self.handled, self.acked) = (0, 0);
    }

    pub(crate) const fn next_token(&mut self) -> StanzaToken {
        let token = StanzaToken(self.next);
        self.next = self.next.saturating_add(1);
        token
    }

    /// Notes a stanza that is sent now. What waited must have been sent before.
    pub(crate) fn track(&mut self, text: Bytes) -> StanzaToken {
        self.sent = self.sent.saturating_add(1);
        self.push(text, true)
    }

    /// Notes a stanza that is to be sent later.
    pub(crate) fn hold(&mut self, text: Bytes) -> StanzaToken {
        self.push(text, false)
    }

    fn push(&mut self, text: Bytes, sent: bool) -> StanzaToken {
        let token = self.next_token();
        self.bytes = self.bytes.saturating_add(text.len());
        self.queue.push_back(Entry { token: token.0, text, sent });
        token
    }

    /// The peer has handled `h` stanzas, modulo 2^32; gives those that it newly says. `None`
    /// when it was not sent so many, or takes back what it said.
    pub(crate) fn ack(&mut self, h: u32) -> Option<Vec<StanzaToken>> {
        let new = h.wrapping_sub(self.acked);
        if new > self.sent {
            return None;
        }
        self.acked = h;
        self.sent = self.sent.saturating_sub(new);
        let entries = self.queue.drain(..(new as usize).min(self.queue.len()));
        let (mut tokens, mut bytes) = (Vec::with_capacity(new as usize), 0_usize);
        for entry in entries {
            bytes = bytes.saturating_add(entry.text.len());
            tokens.push(StanzaToken(entry.token));
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        if self.queue.is_empty() {
            // Nothing is kept for a stream that may be silent for hours.
            self.queue = VecDeque::new();
        }
        Some(tokens)
    }

    /// Everything that is kept, to be sent on the stream that now begins.
    pub(crate) fn send_all(&mut self) -> Vec<Sending> {
        self.sent = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let entries = self.queue.iter_mut().map(|entry| Sending {
            token: StanzaToken(entry.token),
            text: entry.text.clone(),
            again: core::mem::replace(&mut entry.sent, true),
        });
        entries.collect()
    }

    /// All that is kept waits for a stream again.
    pub(crate) const fn unsend(&mut self) {
        self.sent = 0;
    }

    /// Takes out what was sent and not acknowledged.
    pub(crate) fn drain_sent(&mut self) -> Vec<Unacked> {
        let sent = (self.sent as usize).min(self.queue.len());
        let lost: Vec<Entry> = self.queue.drain(..sent).collect();
        self.sent = 0;
        self.bytes = self.queue.iter().map(|entry| entry.text.len()).sum();
        lost.into_iter().map(unacked).collect()
    }

    /// Takes out everything.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Unacked> + '_ {
        (self.sent, self.bytes) = (0, 0);
        self.queue.drain(..).map(unacked)
    }
}

fn unacked(entry: Entry) -> Unacked {
    // Only texts of stanzas are ever put in, so the fallback is never taken.
    let text = core::str::from_utf8(&entry.text).map_or_else(|_| String::new(), str::to_string);
    Unacked { token: StanzaToken(entry.token), stanza: StanzaXml::spliced(text), sent: entry.sent }
}
