//! What a machine has of stream management while its stream is up.

use super::{Acks, REQUEST, SmConfig, SmFull, SmSession, StanzaToken};
use crate::jid::Jid;
use alloc::string::String;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, TimerKey, TimerTable};

/// Which directions count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Counting {
    #[default]
    Off,
    /// `<enable/>` is sent: what we send counts, what we get does not yet (§4).
    Sent,
    On,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Managed {
    counting: Counting,
    pub(crate) acks: Acks,
    id: String,
    resumable: bool,
    max: Duration,
    location: Option<String>,
    since_request: u32,
    asked: bool,
}

impl Managed {
    /// Both directions count.
    pub(crate) fn is_on(&self) -> bool {
        self.counting == Counting::On
    }

    pub(crate) fn counts_sent(&self) -> bool {
        self.counting != Counting::Off
    }

    /// The request to count is sent.
    pub(crate) fn begin(&mut self) {
        self.acks.restart();
        self.counting = Counting::Sent;
    }

    /// There will be no counting on this stream.
    pub(crate) fn cancel(&mut self) {
        self.counting = Counting::Off;
    }

    pub(crate) fn enable(
        &mut self,
        id: String,
        resumable: bool,
        max: Duration,
        location: Option<String>,
    ) {
        (self.id, self.resumable, self.max, self.location) = (id, resumable, max, location);
        self.counting = Counting::On;
    }

    /// Goes on with a session of a former connection.
    pub(crate) fn adopt(&mut self, session: SmSession) {
        let SmSession { id, jid: _, resumable, max, location, acks } = session;
        self.acks = acks;
        self.enable(id, resumable, max, location);
    }

    /// The session, for another connection. What is left here is a fresh start.
    pub(crate) fn detach(&mut self, jid: Jid, resumable: bool) -> SmSession {
        self.counting = Counting::Off;
        SmSession {
            id: core::mem::take(&mut self.id),
            jid,
            resumable: self.resumable && resumable,
            max: self.max,
            location: self.location.take(),
            acks: core::mem::take(&mut self.acks),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn is_resumable(&self) -> bool {
        self.is_on() && self.resumable
    }

    /// Notes a stanza that is sent now; it has a token whether it is kept or not.
    pub(crate) fn track(&mut self, text: &Bytes) -> StanzaToken {
        if self.counts_sent() {
            self.since_request = self.since_request.saturating_add(1);
            self.acks.track(text.clone())
        } else {
            self.acks.next_token()
        }
    }

    /// Whether another stanza may be sent.
    pub(crate) fn has_room(&self, config: Option<&SmConfig>) -> bool {
        config.is_none_or(|config| !self.acks.is_full(config))
    }

    /// What is to be said after a stanza was sent, or the peer has acknowledged some.
    ///
    /// # Errors
    /// More is in flight than the machine's own answers may add: the stream must end.
    pub(crate) fn after_sending<K: SmTimer, const N: usize>(
        &mut self,
        now: Instant,
        context: Context<'_, K, N>,
    ) -> Result<Option<&'static str>, SmFull> {
        let Some(config) = context.config else { return Ok(None) };
        if self.acks.is_overfull(config) {
            return Err(SmFull);
        }
        if !self.is_on() || self.asked {
            return Ok(None);
        }
        if self.since_request >= config.request_every.max(1) {
            return Ok(self.ask(now, context));
        }
        if self.acks.in_flight() > 0 && context.timers.get(K::ACK_REQUEST).is_none() {
            context.timers.set(K::ACK_REQUEST, now.saturating_add(config.request_delay));
        }
        Ok(None)
    }

    /// The request for an acknowledgement, unless one is under way.
    pub(crate) fn ask<K: SmTimer, const N: usize>(
        &mut self,
        now: Instant,
        context: Context<'_, K, N>,
    ) -> Option<&'static str> {
        let config = context.config?;
        if self.asked || !context.ready {
            return None;
        }
        self.asked = true;
        self.since_request = 0;
        context.timers.stop(K::ACK_REQUEST);
        context.timers.set(K::ACK, now.saturating_add(config.answer_timeout));
        Some(REQUEST)
    }

    /// What is said after a silence: the question whether the peer is there takes the place
    /// of the space (XEP-0198 §8.2).
    pub(crate) fn keep_alive<K: SmTimer, const N: usize>(
        &mut self,
        now: Instant,
        context: Context<'_, K, N>,
    ) -> Option<&'static str> {
        match self.is_on() && !self.asked {
            true => self.ask(now, context),
            false => Some(" "),
        }
    }

    /// The peer has acknowledged something.
    pub(crate) fn answered<K: SmTimer, const N: usize>(&mut self, timers: &mut TimerTable<K, N>) {
        timers.stop(K::ACK);
        self.asked = false;
    }
}

/// What stream management needs to know of its machine.
pub(crate) struct Context<'a, K, const N: usize> {
    pub(crate) config: Option<&'a SmConfig>,
    pub(crate) timers: &'a mut TimerTable<K, N>,
    /// Whether the stream is past its negotiation, and not at its end.
    pub(crate) ready: bool,
}

/// The timers of a machine that stream management sets.
pub(crate) trait SmTimer: TimerKey {
    /// An acknowledgement is to be asked for.
    const ACK_REQUEST: Self;
    /// The peer must have acknowledged.
    const ACK: Self;
}
