//! Our INVITE: sending it, what comes back, cancelling it (RFC 3261 §13.2, §9.1).

use super::event::{CallRef, CommandError, Ending, Event};
use super::send::Anew;
use super::state::{CallTimer, Leg, Owed, Phase};
use super::{NO_ANSWER, Use, UserAgent, allows_update, config, lists, sdp_of, session_timer};
use crate::dialog::{Heard, Role, request_uri};
use crate::endpoint::{Path, TransactionId};
use crate::headers::{CSeq, Contact, QValue, RAck, RSeq, Refresher};
use crate::message::{HeaderName, Method, RequestBuilder, ResponseBuf};
use crate::offer_answer::{By, Carrier, Meaning, State};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::{Instant, LimitKind};

/// What `Content-Type` our session descriptions have.
pub(super) const SDP: &str = "application/sdp";

impl UserAgent {
    /// Calls `to`, a SIP URI, with an offer or asking for one.
    ///
    /// # Errors
    /// [`CommandError::Limit`] over [`Config::calls_max`](super::Config::calls_max), and what
    /// the message or the transport below lack.
    pub fn call(
        &mut self,
        now: Instant,
        to: &str,
        sdp: Option<Bytes>,
    ) -> Result<CallRef, CommandError> {
        self.call_with(now, to, sdp, &[])
    }

    /// The same with more headers: Replaces, Referred-By, Subject.
    ///
    /// # Errors
    /// As [`UserAgent::call`].
    pub fn call_with(
        &mut self,
        now: Instant,
        to: &str,
        sdp: Option<Bytes>,
        headers: &[(HeaderName, &str)],
    ) -> Result<CallRef, CommandError> {
        self.advance(now);
        if self.calls().count() >= self.config.calls_max {
            return Err(LimitKind::Sessions.into());
        }
        let (call_id, tag) = (self.rng.hex::<24>(), self.rng.hex::<12>());
        let ids = (call_id.as_str(), tag.as_str(), 1);
        let mut invite = self.outside(Method::Invite, to, to, ids);
        for (name, value) in headers {
            invite = invite.header(*name, value);
        }
        invite = self.capabilities(invite, None, to);
        if self.config.reliable == config::Reliable::Always {
            invite = invite.header(HeaderName::REQUIRE, "100rel");
        }
        let asked = self.config.session.interval;
        if let Some(secs) = asked {
            invite = invite.header(HeaderName::SESSION_EXPIRES, secs);
            if self.config.session.min > session_timer::MIN_SE {
                invite = invite.header(HeaderName::MIN_SE, self.config.session.min);
            }
        }
        if let Some(sdp) = sdp.clone() {
            invite = invite.body(SDP, sdp);
        }
        let invite = invite.build()?;
        let (base, _) = State::new().step(By::Us, Carrier::Invite, sdp.is_some())?;
        let call = self.add(Role::Uac, Phase::Calling);
        if let Some(known) = self.calls.get_mut(&call) {
            known.set = Some(crate::dialog::DialogSet::new(invite.clone(), self.config.forks_max));
            known.base = base;
            known.asked_interval = asked;
            known.sent_sdp = sdp;
        }
        if let Err(error) = self.send_outside(Use::Invite(call), &invite, to) {
            self.calls.remove(&call);
            return Err(error);
        }
        self.set_timer(call, CallTimer::Ring, self.config.ring_max);
        self.pump();
        Ok(call)
    }

    /// Contact, Allow and Supported, which every request that makes or changes a dialog has.
    pub(super) fn capabilities(
        &self,
        builder: RequestBuilder,
        path: Option<Path>,
        hop: &str,
    ) -> RequestBuilder {
        builder
            .header(HeaderName::CONTACT, self.contact(path, hop))
            .header(HeaderName::ALLOW, self.config.allow())
            .header(HeaderName::SUPPORTED, self.config.supported())
    }

    /// Ends a call, in the way that its state wants: cancels, refuses or says BYE. The event
    /// [`Event::Ended`] follows when that is done.
    ///
    /// # Errors
    /// [`CommandError::NoCall`] when it is over or ending already.
    pub fn hang_up(&mut self, now: Instant, call: CallRef) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "hang_up")?;
        match (known.role, known.phase) {
            (Role::Uas, Phase::Ringing) => {
                self.refuse_call(call, crate::StatusCode::TEMPORARILY_UNAVAILABLE);
            }
            (_, Phase::Calling | Phase::Ringing | Phase::Cancelling) => {
                self.cancel(call, Ending::Local)
            }
            // RFC 3261 §15: the callee may not say BYE before the ACK came.
            (Role::Uas, Phase::Answered) => known.hang_up_wanted = true,
            _ => self.hang(call, Ending::Local),
        }
        self.pump();
        Ok(())
    }

    /// It has rung too long, here or there.
    pub(super) fn rang_out(&mut self, call: CallRef) {
        let Some(known) = self.calls.get(&call) else { return };
        match (known.role, known.invite) {
            (Role::Uac, _) => self.cancel(call, Ending::TimedOut),
            (Role::Uas, Some(id)) => {
                // RFC 3261 §13.3.1: an invitation that is over is as good as cancelled.
                let lasted = known.request.as_ref().and_then(super::incoming::invited_for);
                let over = lasted.is_some_and(|lasted| lasted <= self.config.ring_max);
                let status = match over {
                    true => crate::StatusCode::REQUEST_TERMINATED,
                    false => crate::StatusCode::TEMPORARILY_UNAVAILABLE,
                };
                self.answer_with(id, status);
                self.end(call, Ending::TimedOut);
            }
            (Role::Uas, None) => {}
        }
    }

    /// Cancels our INVITE, at once or when a provisional response allows it (§9.1).
    pub(super) fn cancel(&mut self, call: CallRef, why: Ending) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(invite) = known.invite else {
            // Nothing was sent yet: its URI is still being looked up.
            known.set = None;
            self.end(call, why);
            return;
        };
        known.why.get_or_insert(why);
        let may = known.phase == Phase::Ringing;
        known.phase = Phase::Cancelling;
        self.stop_timer(call, CallTimer::Ring);
        if may && !self.cancel_now(call, invite) {
            // It was answered with a 2xx that made no dialog: nothing is left that could end it.
            self.invite_failed(call, Ending::Local);
        }
    }

    /// Whether there was something to cancel.
    pub(super) fn cancel_now(&mut self, call: CallRef, invite: TransactionId) -> bool {
        let cancelled = self.endpoint.cancel(self.now, invite).is_ok();
        if cancelled {
            let wait = self.config.endpoint.timers.t1.saturating_mul(64);
            self.set_timer(call, CallTimer::CancelGiveUp, wait);
        }
        cancelled
    }

    /// A response to our first INVITE.
    pub(super) fn invite_response(
        &mut self,
        call: CallRef,
        id: TransactionId,
        response: &ResponseBuf,
    ) {
        let status = response.view().status();
        let Some(known) = self.calls.get_mut(&call) else { return };
        if status.is_provisional() {
            match known.phase {
                Phase::Calling => known.phase = Phase::Ringing,
                // The first provisional response: now the CANCEL may go.
                Phase::Cancelling => {
                    let _again = self.cancel_now(call, id);
                }
                _ => {}
            }
        } else if !status.is_success() && self.mend(call, id, response) {
            return;
        }
        self.hear(call, response);
        if status.is_success() {
            self.made_no_dialog(call);
        }
    }

    /// After a 2xx: one that cannot be read, or is not from one of the peers that a call may have, leaves it as
    /// it was. Another may still come, but the INVITE cannot be cancelled any more.
    fn made_no_dialog(&mut self, call: CallRef) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        match known.phase {
            Phase::Calling => known.phase = Phase::Ringing,
            Phase::Cancelling => self.invite_failed(call, Ending::Local),
            _ => {}
        }
    }

    /// Sends the INVITE once more when the refusal can be mended.
    fn mend(&mut self, call: CallRef, id: TransactionId, response: &ResponseBuf) -> bool {
        let Some(known) = self.calls.get_mut(&call) else { return false };
        if !matches!(known.phase, Phase::Calling | Phase::Ringing) {
            return false;
        }
        let asked = known.asked_interval;
        let status = response.view().status().as_u16();
        let mut anew = Anew::default();
        let worth = match status {
            401 | 407 => self.challenged(id, response.view()),
            422 => {
                anew.interval = asked.and_then(|a| session_timer::after_422(a, response.headers()));
                anew.interval.is_some()
            }
            _ => false,
        };
        if !worth {
            anew.uri = self.next_target(call, response);
        }
        if !(worth || anew.uri.is_some()) || self.retry(id, Use::Invite(call), anew).is_none() {
            return false;
        }
        self.forget_legs(call);
        if let Some(known) = self.calls.get_mut(&call) {
            known.phase = Phase::Calling;
        }
        true
    }

    /// Where else to call: at the contacts of a redirection, the most preferred first, each once
    /// (RFC 3261 §8.1.3.4). A 6xx says that nobody is anywhere.
    fn next_target(&mut self, call: CallRef, response: &ResponseBuf) -> Option<String> {
        let most = self.config.redirects_max;
        let known = self.calls.get_mut(&call)?;
        let status = response.view().status();
        if status.class() == 6 {
            return None;
        }
        if status.class() == 3 {
            let mut found: Vec<(Option<QValue>, String)> = Vec::new();
            for contact in response.headers().values::<Contact<'_>>().flatten() {
                let Some(uri) = contact.address().and_then(|a| a.uri().ok()) else { continue };
                if uri.as_sip().is_none() {
                    continue;
                }
                // Without a preference it is as good as the best (RFC 3261 §20.10).
                let q = contact.q().ok().flatten().or(Some(QValue::ONE));
                found.push((q, request_uri(uri.as_str()).into_owned()));
            }
            found.sort_by_key(|(q, _)| core::cmp::Reverse(*q));
            for (_, uri) in found {
                if known.targets.len() < most && !known.targets.contains(&uri) {
                    known.targets.push(uri);
                }
            }
        }
        let next = known.targets.get(known.tried).cloned()?;
        known.tried = known.tried.saturating_add(1);
        Some(next)
    }

    fn forget_legs(&mut self, call: CallRef) {
        self.dialogs.retain(|_, of| *of != call);
    }

    fn hear(&mut self, call: CallRef, response: &ResponseBuf) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(set) = known.set.as_mut() else { return };
        let Ok(heard) = set.hear(response.view()) else { return };
        match heard {
            Heard::Progress => {
                if response.view().status().as_u16() > 100 && known.is_live() {
                    self.tell(Event::Progress { call, response: response.clone() });
                }
            }
            Heard::Early { fork, .. } => {
                self.ensure_leg(call, fork);
                self.provisional(call, fork, response);
            }
            Heard::Answered { fork } => {
                self.ensure_leg(call, fork);
                self.answered(call, fork, response);
            }
            Heard::AnsweredToo { fork } => {
                self.ensure_leg(call, fork);
                self.end_fork(call, fork, response);
            }
            Heard::Again { fork } => self.ack_again(call, fork, response),
            Heard::Failed => {
                let why = known.why.take();
                let status = response.view().status();
                let refused = match why {
                    // 487 is what our CANCEL asked for.
                    Some(why) => why,
                    None => Ending::Refused(status),
                };
                self.end(call, refused);
            }
        }
    }

    fn ensure_leg(&mut self, call: CallRef, fork: usize) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(set) = known.set.as_ref() else { return };
        while known.legs.len() <= fork {
            let Some(made) = set.forks().get(known.legs.len()) else { return };
            let dialog = made.dialog.clone();
            self.dialogs.insert(dialog.id().clone(), call);
            known.legs.push(Leg { dialog, offers: known.base, rseq: None, ack: None });
        }
    }

    /// A provisional response in a dialog: acknowledged when it wants that (RFC 3262 §4).
    pub(super) fn provisional(&mut self, call: CallRef, at: usize, response: &ResponseBuf) {
        let headers = response.headers();
        let Some(known) = self.calls.get_mut(&call) else { return };
        let live = known.is_live();
        let Some(leg) = known.legs.get_mut(at) else { return };
        let rseq = headers.typed::<RSeq>().ok().flatten().map(|r| r.0);
        let rseq = rseq.filter(|_| lists(headers, HeaderName::REQUIRE, "100rel"));
        if let (Some(now), Some(last)) = (rseq, leg.rseq) {
            // One that came before, or too early: neither acknowledged nor looked at.
            if last.checked_add(1) != Some(now) {
                return;
            }
        }
        let sdp = sdp_of(headers, response.body());
        let carrier =
            if rseq.is_some() { Carrier::ReliableProvisional } else { Carrier::Provisional };
        let outcome = leg.offers.step(By::Peer, carrier, sdp.is_some());
        let meaning = outcome.map_or(Meaning::Nothing, |(next, meaning)| {
            leg.offers = next;
            meaning
        });
        leg.rseq = rseq.or(leg.rseq);
        let number = headers.typed::<CSeq<'_>>().ok().flatten().map_or(0, |c| c.number);
        if let Some(rseq) = rseq {
            if meaning == Meaning::Offer && live {
                known.owed = Some(Owed::Prack { leg: at, rseq, cseq: number });
            } else {
                self.prack(call, at, (rseq, number), None);
            }
        }
        if live {
            self.tell(Event::Progress { call, response: response.clone() });
            self.tell_sdp(call, meaning, sdp);
        }
    }

    /// Acknowledges a reliable provisional response.
    pub(super) fn prack(
        &mut self,
        call: CallRef,
        at: usize,
        (rseq, cseq): (u32, u32),
        sdp: Option<Bytes>,
    ) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let path = known.path;
        let Some(leg) = known.legs.get_mut(at) else { return };
        let rack = RAck { rseq, cseq, method: Method::Invite };
        let Ok(builder) = leg.dialog.request(Method::Prack) else { return };
        let mut builder = builder.header(HeaderName::RACK, rack);
        if let Some(sdp) = sdp {
            builder = builder.body(SDP, sdp);
        }
        let hop = String::from(leg.dialog.next_hop());
        if let Ok(request) = builder.build() {
            // A PRACK that cannot be sent is as one that was lost: the response comes again.
            let _lost = self.send(Some(Use::Prack(call, at)), &request, &hop, path);
        }
    }

    /// The first 2xx: this fork is the call.
    fn answered(&mut self, call: CallRef, fork: usize, response: &ResponseBuf) {
        let headers = response.headers();
        let sdp = sdp_of(headers, response.body());
        self.leave_other_forks(call, fork);
        let Some(known) = self.calls.get_mut(&call) else { return };
        known.leg = fork;
        // It is not in progress any more: either side may ask for a change now.
        known.accepted = known.invite.take();
        known.peer_updates = allows_update(headers);
        let asked = known.asked_interval;
        let unwanted = !matches!(known.phase, Phase::Calling | Phase::Ringing);
        let over = known.phase == Phase::Over;
        if !over {
            // Whatever becomes of it, from now on it ends with BYE.
            known.phase = Phase::Up;
        }
        let Some(leg) = known.legs.get_mut(fork) else { return };
        // A failure leaves the early route set, which has worked so far.
        let _kept = leg.dialog.confirm(response.view());
        let outcome = leg.offers.step(By::Peer, Carrier::InviteOk, sdp.is_some());
        let number = headers.typed::<CSeq<'_>>().ok().flatten().map_or(0, |c| c.number);
        for timer in [CallTimer::Ring, CallTimer::CancelGiveUp] {
            self.timers.stop(&super::Timer::Call(call, timer));
        }
        let meaning = match outcome {
            Ok((next, meaning)) => {
                leg.offers = next;
                meaning
            }
            Err(fault) => {
                self.acknowledge(call, fork, number, None);
                self.hang(call, Ending::Protocol(fault));
                return;
            }
        };
        if unwanted {
            // The 2xx and our CANCEL crossed (§9.1): acknowledge, then BYE.
            self.acknowledge(call, fork, number, None);
            let why = self.calls.get_mut(&call).and_then(|c| c.why.take()).unwrap_or(Ending::Local);
            if over {
                self.bye_leg(call, fork)
            } else {
                self.hang(call, why)
            }
            return;
        }
        if meaning == Meaning::Offer {
            known.owed = Some(Owed::Ack(number));
        } else {
            self.acknowledge(call, fork, number, None);
        }
        self.session_agreed(call, session_timer::agreed(asked, headers), Refresher::Uac);
        self.tell(Event::Answered { call, response: response.clone() });
        self.tell_sdp(call, meaning, sdp);
    }

    /// The call is in this fork now: what was asked in the others, by either side, is over.
    fn leave_other_forks(&mut self, call: CallRef, fork: usize) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let left = match known.owed {
            Some(Owed::Prack { leg, .. } | Owed::Ok { leg, .. }) if leg != fork => {
                known.owed.take().and_then(Owed::asked)
            }
            _ => None,
        };
        if known.leg != fork && known.change.take().is_some() {
            self.timers.stop(&super::Timer::Call(call, CallTimer::GlareOver));
            // Its answer, late or never, says nothing of this call.
            self.uses.retain(|_, purpose| *purpose != Use::Change(call));
        }
        if let Some(id) = left {
            self.answer_with(id, crate::StatusCode::REQUEST_TERMINATED);
        }
    }

    /// Another fork answered too: acknowledge it, then BYE (§13.2.2.4).
    fn end_fork(&mut self, call: CallRef, fork: usize, response: &ResponseBuf) {
        let number = response.headers().typed::<CSeq<'_>>().ok().flatten().map_or(0, |c| c.number);
        if let Some(leg) = self.calls.get_mut(&call).and_then(|c| c.legs.get_mut(fork)) {
            let _kept = leg.dialog.confirm(response.view());
        }
        self.acknowledge(call, fork, number, None);
        self.bye_leg(call, fork);
    }

    fn bye_leg(&mut self, call: CallRef, fork: usize) {
        let Some(leg) = self.calls.get_mut(&call).and_then(|c| c.legs.get_mut(fork)) else {
            return;
        };
        let hop = String::from(leg.dialog.next_hop());
        let Ok(Ok(bye)) = leg.dialog.request(Method::Bye).map(RequestBuilder::build) else {
            return;
        };
        let _lost = self.send(Some(Use::ForkBye), &bye, &hop, None);
    }

    /// Sends the ACK of a 2xx and keeps it.
    pub(super) fn acknowledge(&mut self, call: CallRef, at: usize, cseq: u32, sdp: Option<Bytes>) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let path = known.path;
        let credentials = known.accepted.and_then(|id| self.endpoint.request_of(id));
        let Some(leg) = known.legs.get_mut(at) else { return };
        let mut builder = leg.dialog.ack(cseq);
        // RFC 3261 §22.1: the ACK has the credentials of the INVITE, since it cannot be challenged.
        if let Some(invite) = credentials {
            for name in [HeaderName::AUTHORIZATION, HeaderName::PROXY_AUTHORIZATION] {
                for row in invite.headers().rows(name) {
                    builder = builder.copy(name, row.bytes());
                }
            }
        }
        if let Some(sdp) = sdp {
            builder = builder.body(SDP, sdp);
        }
        let Ok(ack) = builder.build() else { return };
        leg.ack = Some((cseq, ack.clone()));
        let hop = String::from(leg.dialog.next_hop());
        // An ACK that cannot be sent is as one that was lost: the 2xx comes again.
        let _lost = self.send(None, &ack, &hop, path);
    }

    /// The same ACK for a 2xx that came again (§13.2.2.4).
    pub(super) fn ack_again(&mut self, call: CallRef, at: usize, response: &ResponseBuf) {
        let number = response.headers().typed::<CSeq<'_>>().ok().flatten().map_or(0, |c| c.number);
        let Some(known) = self.calls.get(&call) else { return };
        let path = known.path;
        let Some(leg) = known.legs.get(at) else { return };
        if let Some((_, ack)) = leg.ack.clone().filter(|(of, _)| *of == number) {
            let hop = String::from(leg.dialog.next_hop());
            let _lost = self.send(None, &ack, &hop, path);
        }
    }

    /// Our first INVITE got no answer at all.
    pub(super) fn invite_failed(&mut self, call: CallRef, why: Ending) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        // Its transaction is over: nothing late can come.
        known.set = None;
        let why = known.why.take().unwrap_or(why);
        if known.phase == Phase::Over {
            self.release(call);
        } else if matches!(known.phase, Phase::Calling | Phase::Ringing | Phase::Cancelling) {
            self.end(call, why);
        }
    }

    /// What a transaction was for has failed, with a response or without one.
    pub(super) fn failed(&mut self, purpose: Use, response: Option<&ResponseBuf>, why: Ending) {
        let status = response.map_or(NO_ANSWER, |r| r.view().status());
        match purpose {
            Use::Invite(call) => self.invite_failed(call, why),
            Use::Change(call) => self.change_failed(call, status, response),
            Use::Bye(call) => {
                let why = self.calls.get_mut(&call).and_then(|c| c.why.take());
                self.end(call, why.unwrap_or(Ending::Local));
            }
            Use::Prack(call, leg) => self.prack_failed(call, leg, status),
            Use::Refer(refer) => self.refer_failed(refer, status),
            Use::Notify(refer) => self.notify_failed(refer),
            Use::Register(flow) => self.registration_failed(flow, response),
            Use::Message(id) => {
                self.message_over(id, response.map(|r| r.view().status()));
            }
            // Told where its method is known.
            Use::Plain(..) => {}
            Use::ForkBye | Use::Incoming(_) | Use::Reinvite(_) | Use::Asked => {}
        }
    }

    /// A PRACK that nobody knew what to do with ends its early dialog only when the whole call
    /// is lost; a 2xx or a failure of the INVITE decides.
    fn prack_failed(&mut self, call: CallRef, leg: usize, status: crate::StatusCode) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        if let Some(leg) = known.legs.get_mut(leg) {
            leg.offers = leg.offers.refused(By::Us, Carrier::Prack);
        }
        let _status = status;
    }
}
