//! The peer's INVITE: ringing, answering, refusing, and waiting for the ACK (RFC 3261 §13.3,
//! RFC 3262 §3).

use super::event::{CallRef, CommandError, Ending, Event};
use super::outgoing::SDP;
use super::session_timer::{self, Verdict};
use super::state::{CallTimer, Leg, Phase, Unacknowledged};
use super::{Use, UserAgent, allows_update, config, lists, sdp_of};
use crate::dialog::{Dialog, DialogId, Role, State};
use crate::endpoint::{Path, TransactionId};
use crate::headers::{CSeq, Expires, RAck, RSeq, Refresher};
use crate::message::{HeaderName, Method, RequestBuf, ResponseBuilder, StatusCode};
use crate::offer_answer::{By, Carrier, Fault, Meaning};
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, LimitKind};

/// Provisional responses that wait for the PRACK of the one before.
const WAITING_MAX: usize = 8;

impl UserAgent {
    /// A first INVITE.
    pub(super) fn incoming(&mut self, id: TransactionId, request: RequestBuf, path: Path) {
        let headers = request.headers();
        if self.refuses_session(id, &request) {
            return;
        }
        let sdp = sdp_of(headers, request.body());
        if self.calls().count() >= self.config.calls_max {
            self.answer_with(id, StatusCode::BUSY_HERE);
            return;
        }
        let must = lists(headers, HeaderName::REQUIRE, "100rel");
        let may = must || lists(headers, HeaderName::SUPPORTED, "100rel");
        if self.config.reliable == config::Reliable::Always && !may {
            if let Some(reply) = self.reply(id, StatusCode::EXTENSION_REQUIRED) {
                self.respond_built(id, reply.header(HeaderName::REQUIRE, "100rel").build());
            }
            return;
        }
        // RFC 3911 §4: one or the other.
        let both = [HeaderName::REPLACES, HeaderName::JOIN];
        if self.config.join && both.iter().all(|n| headers.first(*n).is_some()) {
            return self.answer_with(id, StatusCode::BAD_REQUEST);
        }
        let replaces = match self.replaced(&request) {
            Ok(replaces) => replaces,
            Err(status) => return self.answer_with(id, status),
        };
        let joins = match self.joined(&request) {
            Ok(joins) => joins,
            Err(status) => return self.answer_with(id, status),
        };
        let verdict = session_timer::answer(headers, &self.config.session);
        if let Verdict::TooSmall(min) = verdict {
            if let Some(reply) = self.reply(id, StatusCode::SESSION_INTERVAL_TOO_SMALL) {
                self.respond_built(id, reply.header(HeaderName::MIN_SE, min).build());
            }
            return;
        }
        let Some(tag) = self.endpoint.tag_of(id) else { return };
        let made = Dialog::uas(request.view(), tag.as_str(), State::Early);
        let begun =
            crate::offer_answer::State::new().step(By::Peer, Carrier::Invite, sdp.is_some());
        let (Ok(dialog), Ok((offers, meaning))) = (made, begun) else {
            return self.answer_with(id, StatusCode::BAD_REQUEST);
        };
        let call = self.add(Role::Uas, Phase::Ringing);
        self.uses.insert(id, Use::Incoming(call));
        self.dialogs.insert(dialog.id().clone(), call);
        // RSeq begins anywhere in the lower half (RFC 3262 §3).
        let rseq = u32::try_from(self.rng.below(1 << 31)).unwrap_or(0);
        let peer_updates = allows_update(headers);
        let reliable = self.config.reliable;
        if let Some(known) = self.calls.get_mut(&call) {
            known.legs.push(Leg { dialog, offers, rseq: None, ack: None });
            known.invite = Some(id);
            known.request = Some(request.clone());
            known.replaces = replaces;
            known.must_be_reliable = must || reliable == config::Reliable::Always;
            known.may_be_reliable = may && reliable == config::Reliable::WhenSupported;
            known.rseq = rseq;
            known.peer_updates = peer_updates;
            known.path = Some(path);
            known.verdict = match verdict {
                Verdict::On(agreed) => Some(agreed),
                _ => None,
            };
        }
        // A caller that is gone never cancels; one may say how long it waits.
        let ring_max = self.config.ring_max;
        self.set_timer(
            call,
            CallTimer::Ring,
            invited_for(&request).unwrap_or(ring_max).min(ring_max),
        );
        self.tell(Event::Incoming { call, request, replaces, joins });
        self.tell_sdp(call, meaning, sdp);
    }

    /// Says that we ring or make progress, 101 to 199, with a session description if there is
    /// something to hear. Sent reliably when the caller wants that.
    ///
    /// # Errors
    /// [`CommandError::State`] when the call is not ours to answer, [`CommandError::Offer`]
    /// when a description is missing.
    pub fn ring(
        &mut self,
        now: Instant,
        call: CallRef,
        status: StatusCode,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "ring")?;
        let ringing = known.role == Role::Uas && known.phase == Phase::Ringing;
        if !ringing || known.waiting_answer.is_some() || !(101..200).contains(&status.as_u16()) {
            return Err(CommandError::State("ring"));
        }
        let sent = if known.unacknowledged.is_some() {
            if known.waiting.len() >= WAITING_MAX {
                return Err(LimitKind::Queue.into());
            }
            known.waiting.push_back((status, sdp));
            Ok(())
        } else {
            self.send_provisional(call, status, sdp)
        };
        self.pump();
        sent
    }

    fn send_provisional(
        &mut self,
        call: CallRef,
        status: StatusCode,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        let Some(known) = self.calls.get_mut(&call) else {
            return Err(CommandError::NoCall("ring"));
        };
        let (Some(id), Some(request)) = (known.invite, known.request.clone()) else {
            return Err(CommandError::State("ring"));
        };
        let (must, may) = (known.must_be_reliable, known.may_be_reliable);
        let Some(leg) = known.current_mut() else { return Err(CommandError::State("ring")) };
        let as_reliable = leg.offers.step(By::Us, Carrier::ReliableProvisional, sdp.is_some());
        let reliable = must || (may && as_reliable.is_ok());
        let (next, _) = if reliable {
            as_reliable?
        } else {
            leg.offers.step(By::Us, Carrier::Provisional, sdp.is_some())?
        };
        let rseq = known.rseq.saturating_add(1);
        let reply = self.endpoint.reply(id, status)?;
        let mut reply = self.with_dialog(reply, id, &request);
        if reliable {
            reply =
                reply.header(HeaderName::REQUIRE, "100rel").header(HeaderName::RSEQ, RSeq(rseq));
        }
        if let Some(sdp) = sdp.clone() {
            reply = reply.body(SDP, sdp);
        }
        let response = reply.build()?;
        self.endpoint.respond(self.now, id, &response)?;
        let Some(known) = self.calls.get_mut(&call) else { return Ok(()) };
        if let Some(leg) = known.current_mut() {
            leg.offers = next;
        }
        known.sent_sdp = sdp.or_else(|| known.sent_sdp.take());
        known.last_provisional = Some(response.clone());
        if reliable {
            known.rseq = rseq;
            known.unacknowledged = Some(Unacknowledged { rseq, response, times: 0 });
            let t1 = self.config.endpoint.timers.t1;
            self.set_timer(call, CallTimer::ReliableAgain, t1);
            self.set_timer(call, CallTimer::ReliableGiveUp, t1.saturating_mul(64));
        }
        self.set_timer(call, CallTimer::StillRinging, Duration::from_secs(60));
        Ok(())
    }

    /// What responses have that make a dialog: all of Record-Route, Contact, Allow, Supported.
    pub(super) fn with_dialog(
        &self,
        mut reply: ResponseBuilder,
        id: TransactionId,
        request: &RequestBuf,
    ) -> ResponseBuilder {
        for row in request.headers().rows(HeaderName::RECORD_ROUTE) {
            reply = reply.copy(HeaderName::RECORD_ROUTE, row.bytes());
        }
        reply
            .header(HeaderName::CONTACT, self.contact_of(id))
            .header(HeaderName::ALLOW, self.config.allow())
            .header(HeaderName::SUPPORTED, self.config.supported())
    }

    /// RFC 3262 §3: sent again with doubling waits, without a cap.
    pub(super) fn reliable_again(&mut self, call: CallRef) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let (Some(id), Some(open)) = (known.invite, known.unacknowledged.as_mut()) else { return };
        open.times = open.times.saturating_add(1);
        let factor = 1_u32.checked_shl(open.times).unwrap_or(u32::MAX);
        let response = open.response.clone();
        // A transaction that is gone has its own events.
        let _gone = self.endpoint.respond(self.now, id, &response);
        let wait = self.config.endpoint.timers.t1.saturating_mul(factor);
        self.set_timer(call, CallTimer::ReliableAgain, wait);
    }

    /// RFC 3262 §3: after 64 × T1 the INVITE is refused with 5xx.
    pub(super) fn reliable_lost(&mut self, call: CallRef) {
        let Some(id) = self.calls.get(&call).and_then(|c| c.invite) else { return };
        self.answer_with(id, StatusCode::SERVER_TIMEOUT);
        self.end(call, Ending::NoAck);
    }

    /// RFC 3261 §13.3.1.1: a provisional response each minute.
    pub(super) fn still_ringing(&mut self, call: CallRef) {
        let Some(known) = self.calls.get(&call).filter(|c| c.phase == Phase::Ringing) else {
            return;
        };
        let (Some(id), Some(last)) = (known.invite, known.last_provisional.clone()) else { return };
        // What is being repeated reliably needs no help; a reliable one is not sent without.
        let reliable = lists(last.headers(), HeaderName::REQUIRE, "100rel");
        if !reliable {
            let _gone = self.endpoint.respond(self.now, id, &last);
        }
        self.set_timer(call, CallTimer::StillRinging, Duration::from_secs(60));
    }

    /// A PRACK (RFC 3262 §3).
    pub(super) fn receive_prack(&mut self, call: CallRef, id: TransactionId, request: &RequestBuf) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let rack = request.headers().typed::<RAck<'_>>().ok().flatten();
        let invite =
            known.request.as_ref().and_then(|r| r.headers().typed::<CSeq<'_>>().ok().flatten());
        let matches = match (&rack, &known.unacknowledged, invite) {
            (Some(rack), Some(open), Some(invite)) => {
                rack.rseq == open.rseq
                    && rack.cseq == invite.number
                    && rack.method == Method::Invite
            }
            _ => false,
        };
        if !matches {
            return self.answer_with(id, StatusCode::CALL_DOES_NOT_EXIST);
        }
        let sdp = sdp_of(request.headers(), request.body());
        let Some(leg) = known.current_mut() else { return };
        let meaning = match leg.offers.step(By::Peer, Carrier::Prack, sdp.is_some()) {
            Ok((next, meaning)) => {
                leg.offers = next;
                meaning
            }
            Err(fault) => return self.refuse_fault(id, fault),
        };
        known.unacknowledged = None;
        for timer in [CallTimer::ReliableAgain, CallTimer::ReliableGiveUp] {
            self.timers.stop(&super::Timer::Call(call, timer));
        }
        if meaning == Meaning::Offer {
            let leg = known.leg;
            known.owed = Some(super::state::Owed::Ok { id, of: Carrier::Prack, leg });
            self.uses.insert(id, Use::Asked);
        } else {
            self.answer_with(id, StatusCode::OK);
        }
        self.tell_sdp(call, meaning, sdp);
        self.go_on(call);
    }

    /// Sends what waited for a PRACK.
    pub(super) fn go_on(&mut self, call: CallRef) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        if known.unacknowledged.is_some() || known.phase != Phase::Ringing {
            return;
        }
        if let Some((status, sdp)) = known.waiting.pop_front() {
            // One that has become impossible in between is left out.
            if self.send_provisional(call, status, sdp).is_err() {
                self.go_on(call);
            }
            return;
        }
        if known.owed.is_none() {
            if let Some(sdp) = known.waiting_answer.take() {
                if self.send_ok(call, sdp).is_err() {
                    self.refuse_call(call, StatusCode::SERVER_INTERNAL_ERROR);
                }
            }
        }
    }

    /// Answers a call with 2xx: with the answer to its offer, or with an offer when it had
    /// none; with nothing when the answer went out reliably before. While a reliable
    /// provisional response with a description waits for its PRACK the 2xx waits too
    /// (RFC 3262 §3).
    ///
    /// # Errors
    /// [`CommandError::State`] when the call is not ours to answer, [`CommandError::Offer`]
    /// when a description is missing.
    pub fn answer(
        &mut self,
        now: Instant,
        call: CallRef,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "answer")?;
        if known.role != Role::Uas
            || known.phase != Phase::Ringing
            || known.waiting_answer.is_some()
        {
            return Err(CommandError::State("answer"));
        }
        let sent = if known.unacknowledged.is_some() || known.owed.is_some() {
            known.waiting.clear();
            known.waiting_answer = Some(sdp);
            Ok(())
        } else {
            self.send_ok(call, sdp)
        };
        self.pump();
        sent
    }

    fn send_ok(&mut self, call: CallRef, sdp: Option<Bytes>) -> Result<(), CommandError> {
        let Some(known) = self.calls.get_mut(&call) else {
            return Err(CommandError::NoCall("answer"));
        };
        let (Some(id), Some(request)) = (known.invite, known.request.clone()) else {
            return Err(CommandError::State("answer"));
        };
        let replaces = known.replaces;
        self.ok(call, id, &request, sdp)?;
        if let Some(known) = self.calls.get_mut(&call) {
            known.phase = Phase::Answered;
            if let Some(leg) = known.current_mut() {
                leg.dialog.confirm_local();
            }
        }
        for timer in [
            CallTimer::Ring,
            CallTimer::StillRinging,
            CallTimer::ReliableAgain,
            CallTimer::ReliableGiveUp,
        ] {
            self.stop_timer(call, timer);
        }
        if let Some(old) = replaces {
            // RFC 3891 §3: an early dialog of ours is cancelled, a call gets BYE.
            let Some(known) = self.calls.get_mut(&old) else { return Ok(()) };
            match (known.role, known.phase) {
                (_, Phase::Calling | Phase::Ringing) => self.cancel(old, Ending::Replaced),
                // RFC 3261 §15: the callee may not say BYE before the ACK came.
                (Role::Uas, Phase::Answered) => {
                    known.hang_up_wanted = true;
                    known.why = Some(Ending::Replaced);
                }
                (_, Phase::Up | Phase::Answered) => self.hang(old, Ending::Replaced),
                _ => {}
            }
        }
        Ok(())
    }

    /// The 2xx to an INVITE, the first or a later one, repeated until its ACK comes.
    pub(super) fn ok(
        &mut self,
        call: CallRef,
        id: TransactionId,
        request: &RequestBuf,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        let Some(known) = self.calls.get_mut(&call) else {
            return Err(CommandError::NoCall("answer"));
        };
        let verdict = known.verdict;
        // What was shown before in a response that may get lost is the answer too.
        let sdp = match known.current().map(|l| l.offers.phase) {
            Some(crate::offer_answer::Phase::Offered(By::Peer, Carrier::Invite)) => {
                sdp.or_else(|| {
                    known.last_provisional.as_ref().and_then(|p| sdp_of(p.headers(), p.body()))
                })
            }
            _ => sdp,
        };
        let Some(leg) = known.current() else { return Err(CommandError::State("answer")) };
        let (next, meaning) = leg.offers.step(By::Us, Carrier::InviteOk, sdp.is_some())?;
        let reply = self.endpoint.reply(id, StatusCode::OK)?;
        let mut reply = with_session(self.with_dialog(reply, id, request), verdict, request);
        if let Some(sdp) = sdp.clone().filter(|_| meaning != Meaning::Nothing) {
            reply = reply.body(SDP, sdp);
        }
        let response = reply.build()?;
        self.endpoint.respond(self.now, id, &response)?;
        let Some(known) = self.calls.get_mut(&call) else { return Ok(()) };
        if let Some(leg) = known.current_mut() {
            leg.offers = next;
        }
        known.sent_sdp = sdp.or_else(|| known.sent_sdp.take());
        known.ok = Some((response, 0));
        known.ok_from = Some(id);
        known.invite = None;
        known.unacknowledged = None;
        let t1 = self.config.endpoint.timers.t1;
        self.set_timer(call, CallTimer::OkAgain, t1);
        self.set_timer(call, CallTimer::OkGiveUp, t1.saturating_mul(64));
        self.session_agreed(call, verdict, Refresher::Uas);
        Ok(())
    }

    /// RFC 3261 §13.3.1.4: T1, doubling up to T2, on every transport.
    pub(super) fn ok_again(&mut self, call: CallRef) {
        let timers = self.config.endpoint.timers;
        let Some(known) = self.calls.get_mut(&call) else { return };
        let (Some(id), Some((response, times))) = (known.ok_from, known.ok.as_mut()) else {
            return;
        };
        *times = times.saturating_add(1);
        let factor = 1_u32.checked_shl(*times).unwrap_or(u32::MAX);
        let response = response.clone();
        let _gone = self.endpoint.respond(self.now, id, &response);
        self.set_timer(call, CallTimer::OkAgain, timers.t1.saturating_mul(factor).min(timers.t2));
    }

    /// An ACK of a 2xx of ours.
    pub(super) fn receive_ack(&mut self, request: &RequestBuf) {
        let Some(id) = DialogId::of_request(request.view()) else { return };
        let Some(call) = self.dialogs.get(&id).copied() else { return };
        let Some(known) = self.calls.get_mut(&call) else { return };
        let number =
            |h: crate::message::Headers<'_>| h.typed::<CSeq<'_>>().ok().flatten().map(|c| c.number);
        let Some((ok, _)) = &known.ok else { return };
        if number(ok.headers()) != number(request.headers()) {
            return;
        }
        known.ok = None;
        known.ok_from = None;
        let first = known.phase == Phase::Answered;
        if first {
            known.phase = Phase::Up;
        }
        let hang_up = known.hang_up_wanted.then(|| known.why.take().unwrap_or(Ending::Local));
        for timer in [CallTimer::OkAgain, CallTimer::OkGiveUp] {
            self.timers.stop(&super::Timer::Call(call, timer));
        }
        let sdp = sdp_of(request.headers(), request.body());
        let Some(leg) = known.current_mut() else { return };
        let outcome = leg.offers.step(By::Peer, Carrier::Ack, sdp.is_some());
        if let Ok((next, _)) = outcome {
            leg.offers = next;
        }
        if first {
            self.tell(Event::Confirmed { call });
        }
        match outcome {
            Ok((_, meaning)) => self.tell_sdp(call, meaning, sdp),
            // Our offer was not answered: there is no session.
            Err(fault) => return self.hang(call, Ending::Protocol(fault)),
        }
        if let Some(why) = hang_up {
            self.hang(call, why);
        }
    }

    /// Refuses a call with a final response of 300 or more.
    ///
    /// # Errors
    /// [`CommandError::State`] when the call is not ours to answer.
    pub fn reject(
        &mut self,
        now: Instant,
        call: CallRef,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "reject")?;
        if known.role != Role::Uas || known.phase != Phase::Ringing || status.as_u16() < 300 {
            return Err(CommandError::State("reject"));
        }
        self.refuse_call(call, status);
        self.pump();
        Ok(())
    }

    /// Sends a caller elsewhere: 302 with these contacts, which may have parameters such as `q`
    /// (RFC 3261 §8.3).
    ///
    /// # Errors
    /// [`CommandError::State`] when the call is not ours to answer, and what is wrong with the
    /// contacts.
    pub fn redirect(
        &mut self,
        now: Instant,
        call: CallRef,
        contacts: &[&str],
    ) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "redirect")?;
        let ringing = known.role == Role::Uas && known.phase == Phase::Ringing;
        let id = known.invite.filter(|_| ringing).ok_or(CommandError::State("redirect"))?;
        let mut reply = self.endpoint.reply(id, StatusCode::MOVED_TEMPORARILY)?;
        for contact in contacts {
            reply = reply.header(HeaderName::CONTACT, contact);
        }
        self.endpoint.respond(self.now, id, &reply.build()?)?;
        self.end(call, Ending::Local);
        self.pump();
        Ok(())
    }

    pub(super) fn refuse_call(&mut self, call: CallRef, status: StatusCode) {
        if let Some(id) = self.calls.get(&call).and_then(|c| c.invite) {
            self.answer_with(id, status);
        }
        self.end(call, Ending::Local);
    }

    /// The peer cancelled an INVITE that waits for its answer (RFC 3261 §9.2).
    pub(super) fn cancelled(&mut self, id: TransactionId) {
        match self.uses.get(&id).copied() {
            Some(Use::Incoming(call)) => {
                self.answer_with(id, StatusCode::REQUEST_TERMINATED);
                self.end(call, Ending::Cancelled);
            }
            Some(Use::Reinvite(call)) => {
                self.answer_with(id, StatusCode::REQUEST_TERMINATED);
                self.reinvite_over(call);
            }
            _ => self.answer_with(id, StatusCode::REQUEST_TERMINATED),
        }
    }

    /// Refuses a request for what is wrong with its offer or answer.
    pub(super) fn refuse_fault(&mut self, id: TransactionId, fault: Fault) {
        if fault.has_retry_after() {
            self.answer_later(id, fault.status());
        } else {
            self.answer_with(id, fault.status());
        }
    }
}

/// How long an invitation lasts when it says so (RFC 3261 §13.3.1). Zero would be none at all, which only a
/// caller can say that means something else.
pub(super) fn invited_for(invite: &RequestBuf) -> Option<Duration> {
    let expires = invite.headers().typed::<Expires>().ok().flatten()?;
    (expires.0 > 0).then(|| Duration::from_secs(u64::from(expires.0)))
}

/// RFC 4028 §9: what the 2xx says of the session timer.
pub(super) fn with_session(
    reply: ResponseBuilder,
    verdict: Option<session_timer::Agreed>,
    request: &RequestBuf,
) -> ResponseBuilder {
    let Some(agreed) = verdict else { return reply };
    let knows = lists(request.headers(), HeaderName::SUPPORTED, "timer");
    let reply = if knows { reply.header(HeaderName::REQUIRE, "timer") } else { reply };
    let value =
        crate::headers::SessionExpires { secs: agreed.interval, refresher: Some(agreed.refresher) };
    reply.header(HeaderName::SESSION_EXPIRES, value)
}
