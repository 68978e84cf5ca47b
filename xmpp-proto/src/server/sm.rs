//! Stream management (XEP-0198), the server's side.

use super::{CloseReason, CommandError, Event, Phase, ServerConnection, Timer};
use crate::jid::Jid;
use crate::link::ProtocolError;
use crate::sm::{
    Context, Delivery, Managed, SmElement, SmFull, SmSession, StanzaState, StanzaToken, ack,
    enabled, failed, resumed,
};
use crate::stanza::Condition;
use crate::stream::StreamCondition;
use alloc::string::{String, ToString};
use bytes::Bytes;
use core::time::Duration;
use proto_wire::Instant;
use subtle::ConstantTimeEq;

impl ServerConnection {
    /// Answers [`Event::ResumeRequested`]: the stream goes on where the former connection
    /// broke. `session` is taken when it is right; gives its full address.
    ///
    /// When it is still there afterwards, the client claims more than it was sent, and the
    /// stream has ended: put it back.
    ///
    /// When the former connection still lives, take its session with
    /// [`ServerConnection::displace`] first.
    ///
    /// # Errors
    /// Nothing was asked for, or the session has another name or account: it stays where it
    /// is, and the request stays open.
    pub fn resume(
        &mut self,
        now: Instant,
        session: &mut Option<SmSession>,
    ) -> Result<Jid, CommandError> {
        let (Phase::Resuming(id, h), Some(account)) = (&self.phase, &self.jid) else {
            return Err(self.not_asked().err().unwrap_or(CommandError::NotAsked));
        };
        let right = session.as_ref().is_some_and(|session| {
            let same: bool = session.id.as_bytes().ct_eq(id.as_bytes()).into();
            same && session.resumable && session.jid.bare() == account.bare()
        });
        let (true, Some(mut taken)) = (right, session.take_if(|_| right)) else {
            return Err(CommandError::WrongSession);
        };
        let (h, sent) = (*h, taken.acks.send_count());
        let jid = taken.jid.clone();
        let Some(tokens) = taken.acks.ack(h) else {
            // The session stays with the host; this stream ends.
            *session = Some(taken);
            self.fail(ProtocolError::HandledTooHigh { h, sent });
            return Ok(jid);
        };
        self.tell(&tokens);
        let answer = resumed(&taken.id, taken.handled());
        if self.inline.is_some() {
            self.send_resumed_inline(&answer);
        } else {
            self.link.send(answer);
        }
        self.sm.adopt(taken);
        self.jid = Some(jid.clone());
        self.phase = Phase::Ready;
        self.timers.clear();
        self.restart_idle(now);
        self.transmit(now, String::new());
        for kept in self.sm.acks.send_all() {
            self.transmit_bytes(now, kept.text);
            let state = if kept.again { StanzaState::Resent } else { StanzaState::Sent };
            self.link.event(Event::Delivery(Delivery::new(kept.token, state)));
        }
        if self.sm.acks.in_flight() > 0 {
            self.ask_for_ack(now);
        }
        self.run(now);
        Ok(jid)
    }

    /// Refuses [`Event::ResumeRequested`]: the session is not known (any more), or not one
    /// of this account. The client may bind a resource now. `handled` is what a forgotten
    /// session had handled, if that is still known: the client then sends the rest again.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn refuse_resume(
        &mut self,
        now: Instant,
        handled: Option<u32>,
    ) -> Result<(), CommandError> {
        if !matches!(self.phase, Phase::Resuming(..)) {
            return self.not_asked();
        }
        let answer = failed(Condition::ItemNotFound, handled);
        if self.inline.is_some() {
            self.resume_failed_inline(answer);
        } else {
            self.link.send(answer);
            self.phase = Phase::Features;
        }
        self.run(now);
        Ok(())
    }

    /// Another connection takes the session over: this stream ends with `conflict`, and the
    /// session is given for [`ServerConnection::resume`]. `None` when it cannot be resumed.
    #[must_use]
    pub fn displace(&mut self, now: Instant) -> Option<SmSession> {
        let jid = self.jid.clone().filter(|_| self.sm.is_resumable())?;
        if !matches!(self.phase, Phase::Ready) {
            return None;
        }
        // What is sent from here on is not of the session any more.
        let session = self.sm.detach(jid, true);
        let _ended = self.expel(now, StreamCondition::Conflict);
        Some(session)
    }

    /// The name of the session, when it can be resumed.
    #[must_use]
    pub fn sm_id(&self) -> Option<&str> {
        self.sm.is_resumable().then(|| self.sm.id())
    }

    /// What is left of the stream after [`Event::Closed`], when stream management was on. A
    /// resumable session is kept by the host for a while ([`SmStore`](super::SmStore)); of
    /// another one, what was not acknowledged is delivered elsewhere.
    #[must_use]
    pub fn take_session(&mut self) -> Option<SmSession> {
        self.session.take()
    }

    pub(super) fn check_room(&self) -> Result<(), CommandError> {
        let room = self.sm.has_room(self.config.stream_management.as_ref());
        if room { Ok(()) } else { Err(CommandError::TooMany) }
    }

    /// Sends a stanza and keeps it until it is acknowledged.
    pub(super) fn transmit_stanza(&mut self, now: Instant, text: String) -> StanzaToken {
        let bytes = Bytes::from(text);
        if !matches!(self.phase, Phase::Ready) {
            return self.sm.acks.next_token();
        }
        let token = self.sm.track(&bytes);
        self.transmit_bytes(now, bytes);
        self.after_sending(now);
        token
    }

    fn after_sending(&mut self, now: Instant) {
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

    pub(super) fn last_ack(&mut self) {
        if self.sm.is_on() && matches!(self.phase, Phase::Ready) {
            self.link.send(ack(self.sm.acks.handled()));
        }
    }

    /// After our end of the stream only acknowledgements still count.
    pub(super) fn closing(&mut self, bytes: &[u8]) {
        let element = self.link.scanner.element(bytes).and_then(SmElement::read);
        if let (true, Some(SmElement::Ack(Some(h)))) = (self.sm.is_on(), element) {
            if let Some(tokens) = self.sm.acks.ack(h) {
                self.tell(&tokens);
            }
        }
    }

    /// Before a resource is bound: a session may be resumed, nothing else.
    pub(super) fn managed_early(&mut self, element: SmElement) {
        let resume = self.config.stream_management.as_ref().is_some_and(|sm| sm.resume);
        match (element, &self.jid) {
            (SmElement::Resume { id, h: Some(h) }, Some(account)) if resume => {
                let account = account.clone();
                self.link.event(Event::ResumeRequested { account, id: id.clone() });
                self.phase = Phase::Resuming(id, h);
            }
            (SmElement::Resume { h: None, .. }, Some(_)) => {
                self.link.send(failed(Condition::BadRequest, None));
            }
            (SmElement::Resume { .. }, Some(_)) => {
                self.link.send(failed(Condition::FeatureNotImplemented, None));
            }
            // §3: not before authentication, and not before a resource is bound.
            (SmElement::Enable { .. } | SmElement::Resume { .. }, account) => {
                let stranger = account.is_none();
                self.link.send(failed(Condition::UnexpectedRequest, None));
                // The answer is longer than the question: a stranger gets a few of them.
                if stranger {
                    self.count_attempt();
                }
            }
            _ => self.fail(ProtocolError::Stream(StreamCondition::UnsupportedStanzaType)),
        }
    }

    /// Takes an element of stream management of a bound client.
    pub(super) fn managed(&mut self, now: Instant, element: SmElement) {
        match element {
            SmElement::Enable { resume, max } if !self.sm.is_on() => {
                self.enable(now, resume, max);
            }
            SmElement::Enable { .. } | SmElement::Resume { .. } => {
                self.transmit(now, failed(Condition::UnexpectedRequest, None));
            }
            SmElement::Request if self.sm.is_on() => {
                self.transmit(now, ack(self.sm.acks.handled()));
            }
            SmElement::Ack(Some(h)) if self.sm.is_on() => {
                self.sm.answered(&mut self.timers);
                let sent = self.sm.acks.send_count();
                match self.sm.acks.ack(h) {
                    Some(tokens) => {
                        self.tell(&tokens);
                        self.after_sending(now);
                    }
                    None => self.fail(ProtocolError::HandledTooHigh { h, sent }),
                }
            }
            SmElement::Ack(None) => self.fail(ProtocolError::Stream(StreamCondition::BadFormat)),
            _ => self.fail(ProtocolError::Stream(StreamCondition::UnsupportedStanzaType)),
        }
    }

    fn enable(&mut self, now: Instant, resume: bool, wanted: Option<Duration>) {
        if let Some((answer, id, resume, max, location)) = self.prepare_enable(resume, wanted) {
            self.transmit(now, answer);
            self.sm.begin();
            self.sm.enable(id, resume, max, location);
        }
    }

    /// The answer to `<enable/>`, and what it promises.
    pub(super) fn prepare_enable(
        &mut self,
        resume: bool,
        wanted: Option<Duration>,
    ) -> Option<(String, String, bool, Duration, Option<String>)> {
        let config = self.config.stream_management.as_ref()?;
        let resume = resume && config.resume;
        // Less than the server grants, if the client wants less.
        let max = wanted.map_or(config.resume_max, |wanted| wanted.min(config.resume_max));
        let location = config.location.clone();
        // The name is a secret of 128 bits: whoever has it and is the account may resume.
        let id = self.dice.hex::<32>();
        let answer = enabled(resume.then_some((id.as_str(), max)), location.as_deref());
        Some((answer, id.as_str().to_string(), resume, max, location))
    }

    fn tell(&mut self, acked: &[StanzaToken]) {
        for token in acked {
            self.link.event(Event::Delivery(Delivery::new(*token, StanzaState::Acked)));
        }
    }

    /// What becomes of the session when the connection ends: it can be resumed when the end
    /// was none of the stream (XEP-0198 §7).
    pub(super) fn end_session(&mut self, reason: &CloseReason) {
        let broken =
            matches!(reason, CloseReason::Eof | CloseReason::TimedOut(Timer::Idle | Timer::Ack));
        if let Some(jid) = self.jid.clone().filter(|_| self.sm.is_on()) {
            self.session = Some(self.sm.detach(jid, broken));
        }
    }
}
