//! What a machine has of stream management while its stream is up.

use super::{Acks, SmConfig, SmSession, StanzaToken};
use crate::jid::Jid;
use alloc::string::String;
use bytes::Bytes;
use core::time::Duration;

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

    /// Whether it is time to ask for an acknowledgement.
    pub(crate) fn should_ask(&self, config: &SmConfig) -> bool {
        self.is_on() && !self.asked && self.since_request >= config.request_every.max(1)
    }

    /// Whether something waits that nobody has asked about.
    pub(crate) fn should_ask_later(&self) -> bool {
        self.is_on() && !self.asked && self.acks.in_flight() > 0
    }

    pub(crate) const fn ask(&mut self) {
        self.asked = true;
        self.since_request = 0;
    }

    pub(crate) const fn answered(&mut self) {
        self.asked = false;
    }

    pub(crate) const fn asked(&self) -> bool {
        self.asked
    }
}
