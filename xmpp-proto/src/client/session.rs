//! The ready stream: stanzas in, requests and answers, roster.

use super::{Client, CommandError, Event, IqRequest, NoAnswer, Phase, Timer};
use crate::iq::{IqToken, is_own};
use crate::jid::Jid;
use crate::roster::{RosterItem, read_items};
use crate::sm::SmElement;
use crate::stanza::{
    Condition, InvalidStanza, Iq, IqKind, Stanza, StanzaBuf, StanzaError, StanzaXml, error_reply,
    result_reply,
};
use crate::stream::StreamError;
use crate::xml::{Ns, Writer};
use alloc::string::ToString;
use bytes::Bytes;
use proto_wire::Instant;

impl Client {
    /// Takes an element of a ready stream. Whatever is wrong with it, the stream goes on.
    pub(super) fn stanza(&mut self, now: Instant, bytes: Bytes) {
        let element = self.link.scanner.element(&bytes);
        if let Some(error) = element.and_then(StreamError::read) {
            return self.take_stream_error(error);
        }
        if self.sm.is_on() {
            if let Some(element) = element.and_then(SmElement::read) {
                return self.managed(now, element);
            }
            // What is not valid is handled too (XEP-0198 §4).
            if element.is_some_and(|element| Stanza::of(element).is_some()) {
                self.sm.acks.count_handled();
            }
        }
        match StanzaBuf::from_frame(bytes.clone(), &self.link.scanner) {
            Ok(stanza) => match stanza.view() {
                Stanza::Message(_) => self.link.event(Event::Message(stanza)),
                Stanza::Presence(_) => self.link.event(Event::Presence(stanza)),
                Stanza::Iq(_) => self.iq(now, stanza),
            },
            Err(reason) => {
                let reply = self.link.scanner.element(&bytes).and_then(|element| {
                    // What is no stanza has no reply; nor has a presence of unknown type
                    // from a peer that would answer in kind.
                    (reason != InvalidStanza::NotAStanza && element.name() == "iq")
                        .then(|| error_reply(element, &reason.condition().into()))
                        .flatten()
                });
                if let Some(reply) = reply {
                    self.transmit_stanza(now, reply.into_string());
                }
                self.link.event(Event::Invalid { bytes, reason });
            }
        }
    }

    fn iq(&mut self, now: Instant, stanza: StanzaBuf) {
        let Some(iq) = stanza.as_iq() else { return };
        match iq.kind() {
            Some(IqKind::Get | IqKind::Set) => self.question(now, &stanza),
            _ => {
                let token = self.requests.take(iq.id(), iq.header().from(), &self.jid);
                // Nobody asked, or somebody else was asked: dropped (RFC 6120 §8.2.3).
                let Some(token) = token else { return };
                if let Some(at) = self.rosters.iter().position(|t| *t == token) {
                    self.rosters.swap_remove(at);
                    if iq.kind() == Some(IqKind::Result) {
                        let event = roster(&iq);
                        return self.link.event(event);
                    }
                }
                let answer = Ok(stanza);
                self.link.event(Event::Answer { token, answer });
            }
        }
    }

    fn question(&mut self, now: Instant, stanza: &StanzaBuf) {
        let Some(iq) = stanza.as_iq() else { return };
        let Some(payload) = iq.payload() else { return };
        match (iq.kind(), payload.ns(), payload.name()) {
            (Some(IqKind::Set), Ns::ROSTER, "query") => return self.roster_push(now, &iq),
            (Some(IqKind::Get), Ns::PING, "ping") if self.config.answer_pings => {
                if let Ok(reply) = result_reply(iq.header(), |_| {}) {
                    self.transmit_stanza(now, reply.into_string());
                }
                return;
            }
            _ => {}
        }
        let namespace = payload.namespace();
        let handled = self.config.handled.iter().any(|name| *name == namespace);
        let condition = if !handled {
            Condition::ServiceUnavailable
        } else if self.questions.len() >= self.config.requests_max {
            Condition::ResourceConstraint
        } else {
            self.count = self.count.wrapping_add(1);
            let number = self.count;
            let deadline = now.saturating_add(self.config.answer_timeout);
            self.questions.push((number, deadline, stanza.clone()));
            return self.link.event(Event::Request(IqRequest { number, stanza: stanza.clone() }));
        };
        self.refuse_stanza(now, stanza, &condition.into());
    }

    /// RFC 6121 §2.1.6: a push counts only from the own account; anything else would let a
    /// stranger write the roster (CVE-2015-8688 and its kin).
    fn roster_push(&mut self, now: Instant, iq: &Iq<'_>) {
        let trusted = iq
            .header()
            .from()
            .is_none_or(|from| from.resource().is_none() && is_own(from, &self.jid));
        let query = iq.payload();
        let item = query.and_then(|query| {
            let mut items = query.children();
            let item = RosterItem::read(items.next()?)?;
            items.next().is_none().then_some(item)
        });
        let (true, Some(item)) = (trusted, item) else {
            let condition =
                if trusted { Condition::BadRequest } else { Condition::ServiceUnavailable };
            let error: StanzaError<'_> = condition.into();
            if let Some(reply) = error_reply(iq.header().element(), &error) {
                self.transmit_stanza(now, reply.into_string());
            }
            return;
        };
        if let Ok(reply) = result_reply(iq.header(), |_| {}) {
            self.transmit_stanza(now, reply.into_string());
        }
        let version = query.and_then(|query| query.attr("ver"));
        let version = version.map(alloc::borrow::Cow::into_owned);
        self.link.event(Event::RosterPush { item, version });
    }

    fn refuse_stanza(&mut self, now: Instant, stanza: &StanzaBuf, error: &StanzaError<'_>) {
        if let Some(reply) = error_reply(stanza.element(), error) {
            self.transmit_stanza(now, reply.into_string());
        }
    }

    /// Sends a request and tracks its answer: [`Event::Answer`] with the same token comes
    /// exactly once. `to` is `None` for the own account.
    ///
    /// # Errors
    /// Not logged in, closed, too many in flight, or the payload is not XML.
    pub fn request(
        &mut self,
        now: Instant,
        kind: RequestKind,
        to: Option<&Jid>,
        payload: impl FnOnce(&mut Writer),
    ) -> Result<IqToken, CommandError> {
        self.check_ready()?;
        self.check_room()?;
        if self.requests.len() >= self.config.requests_max {
            return Err(CommandError::TooMany);
        }
        let id = crate::iq::id_of(self.prefix.as_str(), self.count.wrapping_add(1));
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", kind.name());
        w.attr_opt("to", to.map(Jid::as_str)).attr("id", &id);
        payload(&mut w);
        w.end();
        let xml = StanzaXml::new(w)?;
        self.count = self.count.wrapping_add(1);
        let deadline = now.saturating_add(self.config.iq_timeout);
        let token = self.requests.insert(id, to.cloned(), deadline);
        self.transmit_stanza(now, xml.into_string());
        self.set_request_timer();
        Ok(token)
    }

    /// Answers a request with a result.
    ///
    /// # Errors
    /// Not logged in, closed, answered by the machine because it took too long, or the
    /// payload is not XML (the request then stays open until its time is over).
    pub fn answer(
        &mut self,
        now: Instant,
        request: IqRequest,
        payload: impl FnOnce(&mut Writer),
    ) -> Result<(), CommandError> {
        self.check_ready()?;
        let at = self.open_question(&request)?;
        let Some(iq) = request.stanza.as_iq() else {
            return Err(CommandError::NotAsked);
        };
        let reply = result_reply(iq.header(), payload)?;
        self.questions.remove(at);
        self.transmit_stanza(now, reply.into_string());
        self.set_request_timer();
        Ok(())
    }

    /// Answers a request with an error.
    ///
    /// # Errors
    /// Not logged in, closed, or answered by the machine because it took too long.
    pub fn refuse(
        &mut self,
        now: Instant,
        request: IqRequest,
        condition: Condition,
    ) -> Result<(), CommandError> {
        self.check_ready()?;
        let at = self.open_question(&request)?;
        self.questions.remove(at);
        self.refuse_stanza(now, &request.stanza, &condition.into());
        self.set_request_timer();
        Ok(())
    }

    fn open_question(&self, request: &IqRequest) -> Result<usize, CommandError> {
        self.questions
            .iter()
            .position(|(number, ..)| *number == request.number)
            .ok_or(CommandError::Answered)
    }

    /// Asks for the roster (RFC 6121 §2.1.3): [`Event::Roster`] follows, or an
    /// [`Event::Answer`] with the token that says why not. `version` is what the host has
    /// kept, when the server versions rosters; empty to begin with.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn request_roster(
        &mut self,
        now: Instant,
        version: Option<&str>,
    ) -> Result<IqToken, CommandError> {
        let version = version.filter(|_| self.features.roster_versioning);
        let token = self.request(now, RequestKind::Get, None, |w| {
            w.start(Ns::ROSTER, "query").attr_opt("ver", version).end();
        })?;
        self.rosters.push(token);
        Ok(token)
    }

    /// Adds or changes a contact, or removes it when its subscription is `Remove`.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn set_roster_item(
        &mut self,
        now: Instant,
        item: &RosterItem,
    ) -> Result<IqToken, CommandError> {
        self.request(now, RequestKind::Set, None, |w| {
            w.start(Ns::ROSTER, "query");
            item.write_set(w);
            w.end();
        })
    }

    pub(super) fn expire_requests(&mut self, now: Instant) {
        for token in self.requests.expire(now) {
            self.rosters.retain(|t| *t != token);
            let answer = Err(NoAnswer::TimedOut);
            self.link.event(Event::Answer { token, answer });
        }
        while let Some((_, deadline, _)) = self.questions.first() {
            if *deadline > now {
                break;
            }
            let (_, _, stanza) = self.questions.remove(0);
            // The host forgot: the peer shall not wait for ever.
            self.refuse_stanza(now, &stanza, &Condition::ServiceUnavailable.into());
        }
    }

    pub(super) fn set_request_timer(&mut self) {
        let deadlines = [
            self.requests.next_deadline(),
            self.questions.first().map(|(_, deadline, _)| *deadline),
        ];
        match deadlines.into_iter().flatten().min() {
            Some(at) if !matches!(self.phase, Phase::Closed) => {
                self.timers.set(Timer::Request, at);
            }
            _ => self.timers.stop(Timer::Request),
        }
    }
}

/// What kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6120 §8.2.3 has two")]
pub enum RequestKind {
    /// A question.
    Get,
    /// A change.
    Set,
}

impl RequestKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
        }
    }
}

fn roster(iq: &Iq<'_>) -> Event {
    let query = iq.payload();
    Event::Roster {
        items: query.map(read_items).unwrap_or_default(),
        version: query.and_then(|query| query.attr("ver")).map(|ver| ver.to_string()),
        // RFC 6121 §2.6.3: an empty result means that the known version is right.
        unchanged: query.is_none(),
    }
}
