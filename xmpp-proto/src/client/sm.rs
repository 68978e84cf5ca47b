//! Stream management (XEP-0198), the client's side.

use super::{Client, CloseReason, CommandError, Event, Phase, Timer};
use crate::link::ProtocolError;
use crate::sm::{
    Context, Delivery, Managed, REQUEST, SmElement, SmFull, SmSession, StanzaState, StanzaToken,
    Unacked, ack, enable, resume,
};
use crate::stanza::StanzaXml;
use crate::stream::StreamCondition;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use bytes::Bytes;
use proto_wire::{Instant, Seed};

impl Client {
    /// A client on a fresh connection that goes on with the session of a former one:
    /// [`Event::Resumed`] follows, or [`Event::Ready`] when the server has forgotten it.
    ///
    /// What the server turns out to have handled comes as acknowledged, what it has not is
    /// sent again; when the server cannot say, what was sent is reported as lost and what
    /// was queued is sent.
    #[must_use]
    pub fn resume(
        now: Instant,
        config: Arc<super::ClientConfig>,
        seed: Seed,
        session: SmSession,
    ) -> Self {
        let mut client = Self::new(now, config, seed);
        client.session = Some(session);
        client
    }

    /// The session that can be resumed on another connection, once this one broke: take it
    /// after [`Event::Closed`]. `None` when the end was proper, or the server resumes
    /// nothing; whatever was not acknowledged was reported as lost then.
    #[must_use]
    pub fn take_session(&mut self) -> Option<SmSession> {
        if matches!(self.phase, Phase::Closed) { self.session.take() } else { None }
    }

    /// The session as it is now, to be written down, so that it can be resumed after this
    /// process ended. Events that are still in the queue count as handled: drain it first.
    #[must_use]
    pub fn sm_session(&self) -> Option<SmSession> {
        if let Some(session) = &self.session {
            return Some(session.clone());
        }
        self.sm.is_resumable().then(|| self.sm.clone().detach(self.jid.clone(), true))
    }

    /// Queues a stanza while a session waits to be resumed.
    pub(super) fn hold(&mut self, stanza: &StanzaXml) -> Option<Result<StanzaToken, CommandError>> {
        if matches!(self.phase, Phase::Ready | Phase::Closing | Phase::Closed) {
            return None;
        }
        let session = self.session.as_mut()?;
        let config = self.config.stream_management.as_ref()?;
        let token = session.push(config, stanza.clone()).map_err(|_| CommandError::TooMany);
        if let Ok(token) = token {
            self.link.event(Event::Delivery(Delivery::new(token, StanzaState::Queued)));
        }
        Some(token)
    }

    pub(super) fn check_room(&self) -> Result<(), CommandError> {
        let room = self.sm.has_room(self.config.stream_management.as_ref());
        if room { Ok(()) } else { Err(CommandError::TooMany) }
    }

    /// Sends a stanza and keeps it until it is acknowledged.
    pub(super) fn transmit_stanza(&mut self, now: Instant, text: String) -> StanzaToken {
        let bytes = Bytes::from(text);
        if !matches!(self.phase, Phase::Ready | Phase::Enabling) {
            return self.sm.acks.next_token();
        }
        let token = self.sm.track(&bytes);
        self.transmit_bytes(now, bytes);
        self.after_sending(now);
        token
    }

    pub(super) fn after_sending(&mut self, now: Instant) {
        let (sm, context) = self.sm_context();
        match sm.after_sending(now, context) {
            Ok(said) => self.say(now, said),
            Err(SmFull) => {
                let limit = StreamCondition::ResourceConstraint;
                self.fail(ProtocolError::Stream(limit));
            }
        }
    }

    pub(super) fn ask_for_ack(&mut self, now: Instant) {
        let (sm, context) = self.sm_context();
        let said = sm.ask(now, context);
        self.say(now, said);
    }

    pub(super) fn keep_alive(&mut self, now: Instant) {
        let (sm, context) = self.sm_context();
        let said = sm.keep_alive(now, context);
        self.say(now, said);
    }

    fn sm_context(&mut self) -> (&mut Managed, Context<'_, Timer, 6>) {
        let config = self.config.stream_management.as_ref();
        let ready = matches!(self.phase, Phase::Ready);
        (&mut self.sm, Context { config, timers: &mut self.timers, ready })
    }

    fn say(&mut self, now: Instant, said: Option<&'static str>) {
        if let Some(said) = said {
            self.transmit(now, said.to_string());
        }
    }

    /// Says what was handled before our end of the stream (XEP-0198 §4), and asks.
    pub(super) fn last_acks(&mut self) {
        if self.sm.is_on() {
            self.link.send(ack(self.sm.acks.handled()));
            if self.sm.acks.in_flight() > 0 {
                self.link.send(REQUEST.to_string());
            }
        }
    }

    /// Takes an element of stream management of a ready stream.
    pub(super) fn managed(&mut self, now: Instant, element: SmElement) {
        match element {
            SmElement::Request => self.transmit(now, ack(self.sm.acks.handled())),
            SmElement::Ack(Some(h)) => {
                self.sm.answered(&mut self.timers);
                if self.acknowledged(h) {
                    self.after_sending(now);
                }
            }
            _ => self.fail(ProtocolError::Stream(StreamCondition::BadFormat)),
        }
    }

    /// The server has handled `h` stanzas. `false` when that is not possible.
    fn acknowledged(&mut self, h: u32) -> bool {
        let sent = self.sm.acks.send_count();
        match self.sm.acks.ack(h) {
            Some(tokens) => {
                self.tell(&tokens);
                true
            }
            None => {
                self.fail(ProtocolError::HandledTooHigh { h, sent });
                false
            }
        }
    }

    fn tell(&mut self, acked: &[StanzaToken]) {
        for token in acked {
            self.link.event(Event::Delivery(Delivery::new(*token, StanzaState::Acked)));
        }
    }

    fn tell_lost(&mut self, unacked: Unacked) {
        let lost = Delivery::new(unacked.token, StanzaState::Lost);
        let stanza = Some(unacked.stanza);
        self.link.event(Event::Delivery(Delivery { stanza, ..lost }));
    }

    /// Asks for the resumption of the session that the host gave; `false` when there is none
    /// or the server cannot.
    pub(super) fn try_to_resume(&mut self) -> bool {
        let Some(session) = &self.session else { return false };
        if session.is_resumable() && self.features.stream_management {
            self.link.send(resume(session.id(), session.handled()));
            self.phase = Phase::Resuming;
            return true;
        }
        self.give_up_session(None);
        false
    }

    /// The session is over; with the server's word it is known what was handled, and only
    /// the rest is sent again.
    pub(super) fn give_up_session(&mut self, h: Option<u32>) {
        let Some(session) = self.session.take() else { return };
        let mut acks = session.acks;
        match h.and_then(|h| acks.ack(h)) {
            Some(tokens) => {
                self.tell(&tokens);
                acks.unsend();
            }
            None => {
                for unacked in acks.drain_sent() {
                    self.tell_lost(unacked);
                }
            }
        }
        self.sm.acks = acks;
    }

    /// A resource is bound: stream management, if it is wanted and there.
    pub(super) fn bound(&mut self, now: Instant) {
        match &self.config.stream_management {
            Some(config) if self.features.stream_management => {
                self.link.send(enable(config.resume.then_some(config.resume_max)));
                self.sm.begin();
                self.phase = Phase::Enabling;
                self.send_kept(now);
            }
            _ => {
                self.ready(now);
                self.send_unkept(now);
            }
        }
    }

    /// What comes between `<enable/>` and its answer: stanzas that do not count.
    pub(super) fn enabling(&mut self, now: Instant, bytes: Bytes) {
        let element = self.link.scanner.element(&bytes).and_then(SmElement::read);
        match element {
            Some(element) => self.take_sm(now, element),
            None => self.stanza(now, bytes),
        }
    }

    /// Takes the answer to `<enable/>` or `<resume/>`.
    pub(super) fn take_sm(&mut self, now: Instant, element: SmElement) {
        match (&self.phase, element) {
            (Phase::Enabling, SmElement::Enabled { id, resume, max, location }) => {
                let wanted = self.config.stream_management.as_ref();
                let own = wanted.map(|config| config.resume_max).unwrap_or_default();
                let resumable = resume && id.is_some() && wanted.is_some_and(|c| c.resume);
                self.sm.enable(id.unwrap_or_default(), resumable, max.unwrap_or(own), location);
                self.ready(now);
                self.after_sending(now);
            }
            (Phase::Enabling, SmElement::Failed { .. }) => {
                // The stream goes on without; nobody can say what becomes of stanzas.
                self.sm.cancel();
                self.sm.acks.drain().for_each(drop);
                self.ready(now);
            }
            (Phase::Resuming, SmElement::Resumed { id, h }) => self.resumed(now, &id, h),
            (Phase::Resuming, SmElement::Failed { h, .. }) => {
                self.give_up_session(h);
                if self.features.bind {
                    self.send_bind();
                } else {
                    let missing = StreamCondition::UnsupportedFeature;
                    self.fail(ProtocolError::Stream(missing));
                }
            }
            _ => self.fail(ProtocolError::Stream(StreamCondition::UnsupportedStanzaType)),
        }
    }

    pub(super) fn resumed(&mut self, now: Instant, id: &str, h: Option<u32>) {
        let Some(mut session) = self.session.take() else { return };
        let sent = session.acks.send_count();
        let acked = h.filter(|_| id == session.id).map(|h| (h, session.acks.ack(h)));
        let tokens = match acked {
            Some((_, Some(tokens))) => tokens,
            refused => {
                // Trying again would end the same way: the session is over.
                self.session = Some(session);
                self.give_up_session(None);
                return self.fail(match refused {
                    Some((h, _)) => ProtocolError::HandledTooHigh { h, sent },
                    None => ProtocolError::Stream(StreamCondition::BadFormat),
                });
            }
        };
        self.tell(&tokens);
        self.jid = session.jid.clone();
        self.sm.adopt(session);
        self.phase = Phase::Ready;
        self.timers.clear();
        self.transmit(now, String::new());
        self.link.event(Event::Resumed { jid: self.jid.clone() });
        self.send_kept(now);
    }

    /// Sends, in order, what was kept for a stream like this.
    pub(super) fn send_kept(&mut self, now: Instant) {
        for kept in self.sm.acks.send_all() {
            self.transmit_bytes(now, kept.text);
            let state = if kept.again { StanzaState::Resent } else { StanzaState::Sent };
            self.link.event(Event::Delivery(Delivery::new(kept.token, state)));
        }
        if matches!(self.phase, Phase::Ready) && self.sm.acks.in_flight() > 0 {
            self.ask_for_ack(now);
        }
    }

    /// The same without stream management: afterwards nobody knows.
    pub(super) fn send_unkept(&mut self, now: Instant) {
        self.send_kept(now);
        self.sm.acks.drain().for_each(drop);
    }

    /// What becomes of the session when the connection ends: it is kept when the end was
    /// none of the stream (XEP-0198 §7), else what was not acknowledged is lost.
    pub(super) fn end_session(&mut self, reason: &CloseReason) {
        let broken = matches!(reason, CloseReason::Eof | CloseReason::TimedOut(Timer::Ack));
        if broken && self.sm.is_resumable() {
            self.session = Some(self.sm.detach(self.jid.clone(), true));
            return;
        }
        self.sm.cancel();
        let lost: alloc::vec::Vec<Unacked> = self.sm.acks.drain().collect();
        for unacked in lost {
            self.tell_lost(unacked);
        }
    }
}
