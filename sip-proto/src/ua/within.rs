//! Requests within a call, of both sides: BYE, the peer's re-INVITE and UPDATE, and those of
//! the application (RFC 3261 §12.2, §14, §15).

use super::event::{CallRef, CommandError, Ending, Event};
use super::incoming::with_session;
use super::outgoing::SDP;
use super::session_timer::{self, Verdict};
use super::state::{CallTimer, Owed, Phase};
use super::{Use, UserAgent, sdp_of};
use crate::dialog::{DialogId, Role, Scope, failure_scope};
use crate::endpoint::{Path, TransactionId};
use crate::headers::{Refresher, Require};
use crate::message::{HeaderName, Method, RequestBuf, ResponseBuf, StatusCode};
use crate::offer_answer::{By, Carrier, Meaning};
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::Instant;

impl UserAgent {
    /// A request of the peer.
    pub(super) fn receive(&mut self, id: TransactionId, request: RequestBuf, path: Path) {
        let method = request.view().method();
        let Some(dialog) = DialogId::of_request(request.view()) else {
            return self.receive_outside(id, request, path);
        };
        if method == Method::Notify && !self.dialogs.contains_key(&dialog) {
            self.notify_makes_dialog(&dialog, &request);
        }
        let found = self.dialogs.get(&dialog).copied();
        let Some((call, leg)) = found.and_then(|call| {
            self.calls.get(&call).and_then(|c| c.leg_of(&dialog)).map(|leg| (call, leg))
        }) else {
            // RFC 3261 §12.2.2: in a dialog that nobody knows.
            return self.answer_with(id, StatusCode::CALL_DOES_NOT_EXIST);
        };
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(in_leg) = known.legs.get_mut(leg) else { return };
        if let Err(error) = in_leg.dialog.receive(request.view()) {
            return self.answer_with(id, error.status());
        }
        known.path = Some(path);
        let over = known.phase == Phase::Over;
        let with_session = matches!(method, Method::Invite | Method::Update | Method::Prack);
        let others = [Method::Bye, Method::Refer, Method::Message, Method::Notify];
        let ours = with_session || others.contains(&method);
        if !over && ours && self.wants_unknown(id, &request) {
            return;
        }
        if !over && with_session && self.refuses_session(id, &request) {
            return;
        }
        match method {
            Method::Notify => self.receive_notify(call, id, &request),
            Method::Subscribe if self.receive_subscribe(call, id, &request) => {}
            // RFC 5057 §4.1: the call is over, the dialog lives on for its subscriptions alone.
            _ if over => self.answer_with(id, StatusCode::CALL_DOES_NOT_EXIST),
            Method::Bye => self.receive_bye(call, leg, id),
            Method::Invite => self.receive_reinvite(call, leg, id, request),
            Method::Update => self.receive_update(call, leg, id, &request),
            Method::Prack => self.receive_prack(call, id, &request),
            Method::Refer => self.receive_refer(call, id, &request),
            Method::Options if self.config.answer_options => self.answer_options(id),
            Method::Message => self.receive_message(Some(call), id, request),
            _ => {
                self.uses.insert(id, Use::Asked);
                self.tell(Event::Request { call: Some(call), id, request });
            }
        }
    }

    fn receive_outside(&mut self, id: TransactionId, request: RequestBuf, path: Path) {
        // RFC 3261 §8.2.2.1.
        if !matches!(request.view().uri(), Ok(Uri::Sip(_) | Uri::Tel(_))) {
            return self.answer_with(id, StatusCode::UNSUPPORTED_URI_SCHEME);
        }
        // RFC 3891 §3, RFC 3911 §4: in an INVITE only.
        let takes_over = [HeaderName::REPLACES, HeaderName::JOIN];
        let takes_over = takes_over.iter().any(|n| request.headers().first(*n).is_some());
        if takes_over && request.view().method() != Method::Invite {
            return self.answer_with(id, StatusCode::BAD_REQUEST);
        }
        // RFC 3261 §8.2.2.2: a copy of one that came another way.
        if self.endpoint.is_merged(id) {
            return self.answer_with(id, StatusCode::LOOP_DETECTED);
        }
        let method = request.view().method();
        let named = |m: &String| m.as_str() == method.as_str();
        if self.config.methods.iter().any(named)
            || (method == Method::Options && !self.config.answer_options)
        {
            self.uses.insert(id, Use::Asked);
            self.tell(Event::Request { call: None, id, request });
            return;
        }
        let known =
            matches!(method, Method::Invite | Method::Options | Method::Message | Method::Refer);
        if known && self.wants_unknown(id, &request) {
            return;
        }
        match method {
            Method::Invite => self.incoming(id, request, path),
            // These are in dialogs by what they are.
            Method::Bye | Method::Prack | Method::Update | Method::Info | Method::Notify => {
                self.answer_with(id, StatusCode::CALL_DOES_NOT_EXIST);
            }
            Method::Options => self.answer_options(id),
            Method::Message => self.receive_message(None, id, request),
            Method::Refer => self.receive_refer_outside(id, &request),
            // RFC 3261 §8.2.1.
            _ => {
                if let Some(reply) = self.reply(id, StatusCode::METHOD_NOT_ALLOWED) {
                    let reply = reply.header(HeaderName::ALLOW, self.config.allow());
                    self.respond_built(id, reply.build());
                }
            }
        }
    }

    /// RFC 3261 §8.2.2.3: 420 to a request that requires what we do not know.
    fn wants_unknown(&mut self, id: TransactionId, request: &RequestBuf) -> bool {
        let required = request.headers().values::<Require<'_>>().filter_map(Result::ok);
        let unknown: Vec<&str> =
            required.map(|r| r.0).filter(|tag| !self.config.knows(tag)).collect();
        if unknown.is_empty() {
            return false;
        }
        let unsupported = unknown.join(", ");
        if let Some(reply) = self.reply(id, StatusCode::BAD_EXTENSION) {
            self.respond_built(id, reply.header(HeaderName::UNSUPPORTED, unsupported).build());
        }
        true
    }

    /// RFC 3261 §11.2: what an INVITE would be answered with, and what we can do.
    fn answer_options(&mut self, id: TransactionId) {
        let full = self.calls().count() >= self.config.calls_max;
        let status = if full { StatusCode::BUSY_HERE } else { StatusCode::OK };
        let Some(reply) = self.reply(id, status) else { return };
        let reply = reply
            .header(HeaderName::CONTACT, self.contact_of(id))
            .header(HeaderName::ALLOW, self.config.allow())
            .header(HeaderName::SUPPORTED, self.config.supported())
            .header(HeaderName::ACCEPT, self.config.accepted())
            .header(HeaderName::ACCEPT_ENCODING, self.config.coded())
            .build();
        self.respond_built(id, reply);
    }

    fn receive_bye(&mut self, call: CallRef, leg: usize, id: TransactionId) {
        self.answer_with(id, StatusCode::OK);
        let Some(known) = self.calls.get_mut(&call) else { return };
        // The BYE of a fork that is not the call: our own is on its way.
        if known.phase == Phase::Over || (known.set.is_some() && leg != known.leg) {
            return;
        }
        // RFC 3261 §15.1.2: requests that wait get 487.
        let waiting = known.owed.take().and_then(Owed::asked);
        let ringing = (known.role == Role::Uas && known.phase == Phase::Ringing)
            .then_some(known.invite)
            .flatten();
        let why = known.why.take().unwrap_or(Ending::Remote);
        for id in waiting.into_iter().chain(ringing) {
            self.answer_with(id, StatusCode::REQUEST_TERMINATED);
        }
        self.end(call, why);
    }

    fn receive_reinvite(
        &mut self,
        call: CallRef,
        leg: usize,
        id: TransactionId,
        request: RequestBuf,
    ) {
        let sdp = sdp_of(request.headers(), request.body());
        let Some(known) = self.calls.get_mut(&call) else { return };
        let ours = matches!(
            known.invite.and_then(|i| self.uses.get(&i)),
            Some(Use::Invite(_) | Use::Change(_))
        );
        // RFC 3261 §14.2: ours is out: 491. Theirs is, or is not acknowledged, or is an UPDATE that
        // waits for its answer: 500.
        if known.phase != Phase::Up
            || known.invite.is_some()
            || known.ok.is_some()
            || known.owed.is_some()
            || leg != known.leg
        {
            return match ours {
                true if known.invite.is_some() => self.answer_with(id, StatusCode::REQUEST_PENDING),
                _ => self.answer_later(id, StatusCode::SERVER_INTERNAL_ERROR),
            };
        }
        let verdict = session_timer::answer(request.headers(), &self.config.session);
        if let Verdict::TooSmall(min) = verdict {
            if let Some(reply) = self.reply(id, StatusCode::SESSION_INTERVAL_TOO_SMALL) {
                self.respond_built(id, reply.header(HeaderName::MIN_SE, min).build());
            }
            return;
        }
        let Some(in_leg) = known.current_mut() else { return };
        let meaning = match in_leg.offers.step(By::Peer, Carrier::Invite, sdp.is_some()) {
            Ok((next, meaning)) => {
                in_leg.offers = next;
                meaning
            }
            Err(fault) => return self.refuse_fault(id, fault),
        };
        known.verdict = match verdict {
            Verdict::On(agreed) => Some(agreed),
            _ => None,
        };
        known.invite = Some(id);
        known.owed = Some(Owed::InviteOk(id));
        known.request = Some(request);
        self.uses.insert(id, Use::Reinvite(call));
        match meaning {
            Meaning::Offer => self.tell_sdp(call, meaning, sdp),
            _ => self.tell(Event::OfferWanted { call }),
        }
    }

    /// The peer's re-INVITE came to nothing.
    pub(super) fn reinvite_over(&mut self, call: CallRef) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        known.invite = None;
        known.owed = None;
        if let Some(leg) = known.current_mut() {
            leg.offers = leg.offers.refused(By::Peer, Carrier::Invite);
        }
    }

    fn receive_update(
        &mut self,
        call: CallRef,
        leg: usize,
        id: TransactionId,
        request: &RequestBuf,
    ) {
        let sdp = sdp_of(request.headers(), request.body());
        let verdict = session_timer::answer(request.headers(), &self.config.session);
        if let Verdict::TooSmall(min) = verdict {
            if let Some(reply) = self.reply(id, StatusCode::SESSION_INTERVAL_TOO_SMALL) {
                self.respond_built(id, reply.header(HeaderName::MIN_SE, min).build());
            }
            return;
        }
        let Some(known) = self.calls.get_mut(&call) else { return };
        let waits = known.owed.is_some();
        let Some(in_leg) = known.legs.get_mut(leg) else { return };
        let meaning = match in_leg.offers.step(By::Peer, Carrier::Update, sdp.is_some()) {
            // A re-INVITE still waits for our offer (RFC 3311 §5.2).
            Ok((_, Meaning::Offer)) if waits => {
                return self.answer_later(id, StatusCode::SERVER_INTERNAL_ERROR);
            }
            Ok((next, meaning)) => {
                in_leg.offers = next;
                meaning
            }
            Err(fault) => return self.refuse_fault(id, fault),
        };
        if meaning == Meaning::Offer {
            known.owed = Some(Owed::Ok { id, of: Carrier::Update, leg });
            self.uses.insert(id, Use::Asked);
            return self.tell_sdp(call, meaning, sdp);
        }
        in_leg.dialog.refresh_target(request.headers());
        let up = known.phase == Phase::Up;
        let agreed = match verdict {
            Verdict::On(agreed) if up => Some(agreed),
            _ => None,
        };
        let Some(reply) = self.reply(id, StatusCode::OK) else { return };
        let reply = reply.header(HeaderName::CONTACT, self.contact_of(id));
        self.respond_built(id, with_session(reply, agreed, request).build());
        if up {
            self.session_agreed(call, agreed, Refresher::Uas);
        }
    }

    /// Gives the session description that is owed: the answer to an offer, or the offer that
    /// was asked for.
    ///
    /// # Errors
    /// [`CommandError::State`] when none is owed, [`CommandError::Offer`] when one is missing.
    pub fn accept(
        &mut self,
        now: Instant,
        call: CallRef,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "accept")?;
        let owed = known.owed.ok_or(CommandError::State("accept"))?;
        match owed {
            Owed::Ack(cseq) => {
                let leg = known.leg;
                self.accept_in(call, leg, Carrier::Ack, sdp.as_ref())?;
                if let Some(known) = self.calls.get_mut(&call) {
                    known.sent_sdp.clone_from(&sdp);
                }
                self.acknowledge(call, leg, cseq, sdp);
            }
            Owed::Prack { leg, rseq, cseq } => {
                self.accept_in(call, leg, Carrier::Prack, sdp.as_ref())?;
                self.prack(call, leg, (rseq, cseq), sdp);
            }
            Owed::InviteOk(id) => {
                let request = known.request.clone().ok_or(CommandError::State("accept"))?;
                self.ok(call, id, &request, sdp)?;
                if let Some(known) = self.calls.get_mut(&call) {
                    known.owed = None;
                    if let Some(leg) = known.current_mut() {
                        leg.dialog.refresh_target(request.headers());
                    }
                }
            }
            Owed::Ok { id, of, leg } => {
                let carrier =
                    if of == Carrier::Update { Carrier::UpdateOk } else { Carrier::PrackOk };
                self.accept_in(call, leg, carrier, sdp.as_ref())?;
                if let Some(known) = self.calls.get_mut(&call) {
                    known.sent_sdp.clone_from(&sdp);
                }
                self.accept_request(call, leg, id, of, sdp);
                self.go_on(call);
            }
        }
        self.pump();
        Ok(())
    }

    fn accept_in(
        &mut self,
        call: CallRef,
        leg: usize,
        carrier: Carrier,
        sdp: Option<&Bytes>,
    ) -> Result<(), CommandError> {
        let known = self.live(call, "accept")?;
        let leg = known.legs.get_mut(leg).ok_or(CommandError::State("accept"))?;
        let (next, _) = leg.offers.step(By::Us, carrier, sdp.is_some())?;
        leg.offers = next;
        known.owed = None;
        Ok(())
    }

    fn accept_request(
        &mut self,
        call: CallRef,
        leg: usize,
        id: TransactionId,
        of: Carrier,
        sdp: Option<Bytes>,
    ) {
        let Some(mut reply) = self.reply(id, StatusCode::OK) else { return };
        reply = reply.header(HeaderName::CONTACT, self.contact_of(id));
        let request = self.endpoint.request_of(id).cloned();
        let known = self.calls.get_mut(&call);
        if let (Carrier::Update, Some(known)) = (of, known) {
            let up = known.phase == Phase::Up;
            if let (Some(leg), Some(request)) = (known.legs.get_mut(leg), &request) {
                leg.dialog.refresh_target(request.headers());
                if let (true, Verdict::On(agreed)) =
                    (up, session_timer::answer(request.headers(), &self.config.session))
                {
                    reply = with_session(reply, Some(agreed), request);
                    self.session_agreed(call, Some(agreed), Refresher::Uas);
                }
            }
        }
        if let Some(sdp) = sdp {
            reply = reply.body(SDP, sdp);
        }
        self.respond_built(id, reply.build());
    }

    /// Refuses the peer's offer, with 488 for example: the session is as before. An offer that
    /// came in a 2xx cannot be refused but by ending the call, which this does.
    ///
    /// # Errors
    /// [`CommandError::State`] when there is none to refuse, or `status` is no refusal.
    pub fn refuse(
        &mut self,
        now: Instant,
        call: CallRef,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "refuse")?;
        if status.as_u16() < 300 {
            return Err(CommandError::State("refuse"));
        }
        match known.owed.take().ok_or(CommandError::State("refuse"))? {
            Owed::Ack(cseq) => {
                let leg = known.leg;
                self.acknowledge(call, leg, cseq, None);
                self.hang(call, Ending::Local);
            }
            Owed::Prack { .. } if known.phase == Phase::Up => self.cancel_change(call),
            Owed::Prack { .. } => self.cancel(call, Ending::Local),
            Owed::InviteOk(id) => {
                self.answer_with(id, status);
                self.reinvite_over(call);
            }
            Owed::Ok { id, of, leg } => {
                if let Some(leg) = known.legs.get_mut(leg) {
                    leg.offers = leg.offers.refused(By::Peer, of);
                }
                self.answer_with(id, status);
                self.go_on(call);
            }
        }
        self.pump();
        Ok(())
    }

    /// Says BYE; the call is over when that is answered.
    pub(super) fn hang(&mut self, call: CallRef, why: Ending) {
        let Some(known) = self.calls.get_mut(&call).filter(|c| c.is_live()) else { return };
        // RFC 3261 §15: before the answer a call ends by its INVITE, which is owed one.
        match (known.role, known.phase) {
            (Role::Uas, Phase::Ringing) => {
                if let Some(id) = known.invite {
                    self.answer_with(id, StatusCode::REQUEST_TERMINATED);
                }
                return self.end(call, why);
            }
            (Role::Uac, Phase::Calling | Phase::Ringing) => return self.cancel(call, why),
            (Role::Uac, Phase::Cancelling) => return,
            _ => {}
        }
        known.phase = Phase::Ending;
        known.ok = None;
        known.why = Some(why);
        let owed = known.owed.take();
        let (leg, path) = (known.leg, known.path);
        for timer in CallTimer::ALL {
            self.timers.stop(&super::Timer::Call(call, timer));
        }
        match owed {
            // RFC 3261 §13.2.2.4: a 2xx is acknowledged, and then comes the BYE.
            Some(Owed::Ack(cseq)) => self.acknowledge(call, leg, cseq, None),
            Some(owed) => {
                if let Some(id) = owed.asked() {
                    self.answer_with(id, StatusCode::REQUEST_TERMINATED);
                }
            }
            None => {}
        }
        let built = self.calls.get_mut(&call).and_then(|c| c.current_mut()).and_then(|leg| {
            let hop = String::from(leg.dialog.next_hop());
            Some((leg.dialog.request(Method::Bye).ok()?.build().ok()?, hop))
        });
        let sent = built
            .is_some_and(|(bye, hop)| self.send(Some(Use::Bye(call)), &bye, &hop, path).is_ok());
        if !sent {
            let why = self.calls.get_mut(&call).and_then(|c| c.why.take());
            self.end(call, why.unwrap_or(Ending::Local));
        }
    }

    /// A response to anything that we sent.
    pub(super) fn receive_response(&mut self, id: TransactionId, response: ResponseBuf) {
        let Some(purpose) = self.uses.get(&id).copied() else { return };
        let status = response.view().status();
        let accepted = status.is_final() && !matches!(status.as_u16(), 401 | 407);
        if accepted {
            self.credentials_taken(id, &response);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && self.fail_over(id, purpose) {
            return;
        }
        if let Use::Invite(call) = purpose {
            return self.invite_response(call, id, &response);
        }
        if !accepted && status.is_final() && self.challenged(id, response.view()) {
            // A re-INVITE that is sent again is the same offer.
            if self.retry(id, purpose, super::send::Anew::default()).is_some() {
                return;
            }
        }
        match purpose {
            Use::Change(call) => self.change_response(call, id, &response),
            Use::Prack(call, leg) if status.is_success() => {
                self.prack_response(call, leg, &response)
            }
            Use::Refer(refer) => {
                let request = self.sent.get(&id).map(|s| s.request.clone());
                self.refer_response(refer, request.as_ref(), &response);
            }
            Use::Notify(refer) if status.is_success() => self.notify_taken(refer),
            Use::Register(flow) if status.is_final() => {
                self.registration_answered(flow, &response);
            }
            Use::Message(message) if status.is_final() => self.message_over(message, Some(status)),
            Use::Plain(request, call) if status.is_final() => {
                let method = self.sent.get(&id).map(|s| s.request.view().method().as_str().into());
                let method: String = method.unwrap_or_default();
                let response = Some(response);
                self.tell(Event::Reply { request, call, method, status, response });
                if let Some(call) = call {
                    self.scope_of(call, status);
                }
            }
            _ if status.is_final() && !status.is_success() => {
                self.failed(purpose, Some(&response), Ending::Lost(status));
            }
            Use::Bye(call) if status.is_final() => {
                let why = self.calls.get_mut(&call).and_then(|c| c.why.take());
                self.end(call, why.unwrap_or(Ending::Local));
            }
            _ => {}
        }
    }

    /// Nothing came in time, or nothing could be sent.
    pub(super) fn unanswered(&mut self, id: TransactionId, why: Ending) {
        let Some(purpose) = self.uses.get(&id).copied() else { return };
        let again = why == Ending::Unreachable && self.as_datagram(id, purpose);
        if again || self.fail_over(id, purpose) {
            return;
        }
        match (purpose, self.sent.get(&id)) {
            (Use::Plain(request, call), Some(sent)) => {
                let sent = sent.request.clone();
                self.plain_failed(request, call, &sent);
            }
            _ => self.failed(purpose, None, why),
        }
    }

    fn prack_response(&mut self, call: CallRef, at: usize, response: &ResponseBuf) {
        let sdp = sdp_of(response.headers(), response.body());
        let Some(leg) = self.calls.get_mut(&call).and_then(|c| c.legs.get_mut(at)) else { return };
        if let Ok((next, meaning)) = leg.offers.step(By::Peer, Carrier::PrackOk, sdp.is_some()) {
            leg.offers = next;
            self.tell_sdp(call, meaning, sdp);
        }
    }

    /// RFC 5057: a failure of any request in a dialog may end it.
    fn scope_of(&mut self, call: CallRef, status: StatusCode) {
        let ends = !status.is_success() && failure_scope(status) == Scope::Dialog
            || status == StatusCode::CALL_DOES_NOT_EXIST;
        if ends {
            self.hang(call, Ending::Lost(status));
        }
    }
}
