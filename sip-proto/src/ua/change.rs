//! Changing a session that is up, and keeping it up: re-INVITE, UPDATE, session timers
//! (RFC 3261 §14, RFC 3311, RFC 4028).

use super::event::{CallRef, CommandError, Ending, Event};
use super::outgoing::SDP;
use super::session_timer::{self, Agreed};
use super::state::{CallTimer, Change, Owed, Phase};
use super::{Use, UserAgent, allows_update, sdp_of};
use crate::dialog::{Role, Scope, failure_scope};
use crate::endpoint::TransactionId;
use crate::headers::{CSeq, Refresher, SessionExpires};
use crate::message::{HeaderName, Method, ResponseBuf, StatusCode};
use crate::offer_answer::{By, Carrier, Meaning};
use alloc::string::String;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::Instant;

/// How often a change that collides is asked for.
const GLARES_MAX: u32 = 4;

impl UserAgent {
    /// Whether the peer's last INVITE or response listed UPDATE in Allow.
    #[must_use]
    pub fn takes_update(&self, call: CallRef) -> bool {
        self.calls.get(&call).is_some_and(|c| {
            c.peer_updates || c.request.as_ref().is_some_and(|r| allows_update(r.headers()))
        })
    }

    /// Asks for a change of the session with a re-INVITE, or without a description for an
    /// offer of the peer.
    ///
    /// # Errors
    /// [`CommandError::State`] when the call is not up or a change is under way,
    /// [`CommandError::Offer`] when no offer may be made now.
    pub fn reinvite(
        &mut self,
        now: Instant,
        call: CallRef,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        self.change(now, call, Change { update: false, sdp, refresh: false, tries: 0 })
    }

    /// Asks for a change with an UPDATE, which may be while the call is still ringing; without
    /// a description it only refreshes.
    ///
    /// # Errors
    /// As [`UserAgent::reinvite`].
    pub fn update(
        &mut self,
        now: Instant,
        call: CallRef,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandError> {
        self.change(now, call, Change { update: true, sdp, refresh: false, tries: 0 })
    }

    fn change(&mut self, now: Instant, call: CallRef, change: Change) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "change")?;
        if known.change.is_some() || (!change.update && known.phase != Phase::Up) {
            return Err(CommandError::State("change"));
        }
        let sent = self.send_change(call, change);
        self.pump();
        sent
    }

    fn send_change(&mut self, call: CallRef, change: Change) -> Result<(), CommandError> {
        let Some(known) = self.calls.get_mut(&call) else {
            return Err(CommandError::NoCall("change"));
        };
        let (method, carrier) = if change.update {
            (Method::Update, Carrier::Update)
        } else {
            (Method::Invite, Carrier::Invite)
        };
        // A 2xx that waits for its ACK is an INVITE in progress too.
        if !change.update && (known.invite.is_some() || known.ok.is_some()) {
            return Err(CommandError::State("change"));
        }
        let (path, session) = (known.path, known.session);
        let interval = session.map(|(agreed, _)| agreed.interval).or(self.config.session.interval);
        let mine = session.is_none_or(|(_, mine)| mine);
        let leg = known.current_mut().ok_or(CommandError::State("change"))?;
        let (next, _) = leg.offers.step(By::Us, carrier, change.sdp.is_some())?;
        let mut builder = leg.dialog.request(method)?;
        let hop = String::from(leg.dialog.next_hop());
        builder = self.capabilities(builder, path, &hop);
        if let Some(secs) = interval.filter(|_| self.phase(call) == Phase::Up) {
            // RFC 4028 §7.4: who refreshes now goes on with it.
            let refresher = session.map(|_| if mine { Refresher::Uac } else { Refresher::Uas });
            builder =
                builder.header(HeaderName::SESSION_EXPIRES, SessionExpires { secs, refresher });
        }
        if let Some(sdp) = change.sdp.clone() {
            builder = builder.body(SDP, sdp);
        }
        let request = builder.build()?;
        self.send(Some(Use::Change(call)), &request, &hop, path)?;
        if let Some(known) = self.calls.get_mut(&call) {
            if let Some(leg) = known.current_mut() {
                leg.offers = next;
                if !change.update {
                    // RFC 3262 §3: each INVITE has numbers of its own.
                    leg.rseq = None;
                }
            }
            known.asked_interval = interval;
            known.change = Some(change);
        }
        Ok(())
    }

    /// A response to our re-INVITE or UPDATE.
    pub(super) fn change_response(
        &mut self,
        call: CallRef,
        id: TransactionId,
        response: &ResponseBuf,
    ) {
        let status = response.view().status();
        let headers = response.headers();
        let is_invite =
            headers.typed::<CSeq<'_>>().ok().flatten().is_some_and(|c| c.method == Method::Invite);
        let Some(known) = self.calls.get_mut(&call) else { return };
        let leg = known.leg;
        if status.is_provisional() {
            if is_invite && status.as_u16() > 100 {
                self.provisional(call, leg, response);
            }
            return;
        }
        if !status.is_success() {
            return self.failed(Use::Change(call), Some(response), Ending::Lost(status));
        }
        if is_invite && known.invite != Some(id) {
            // Its 2xx again: the ACK was lost.
            return self.ack_again(call, leg, response);
        }
        let Some(change) = known.change.take() else { return };
        if is_invite {
            self.timers.stop(&super::Timer::Call(call, CallTimer::CancelGiveUp));
        }
        let number = headers.typed::<CSeq<'_>>().ok().flatten().map_or(0, |c| c.number);
        let sdp = sdp_of(headers, response.body());
        if is_invite {
            known.accepted = known.invite.take();
        }
        let asked = known.asked_interval;
        let live = known.is_live();
        let Some(in_leg) = known.current_mut() else { return };
        in_leg.dialog.refresh_target(headers);
        let carrier = if is_invite { Carrier::InviteOk } else { Carrier::UpdateOk };
        let outcome = in_leg.offers.step(By::Peer, carrier, sdp.is_some());
        let meaning = match outcome {
            Ok((next, meaning)) => {
                in_leg.offers = next;
                meaning
            }
            Err(fault) => {
                if is_invite {
                    self.acknowledge(call, leg, number, None);
                }
                return self.hang(call, Ending::Protocol(fault));
            }
        };
        if change.sdp.is_some() {
            known.sent_sdp.clone_from(&change.sdp);
        }
        if meaning == Meaning::Offer && live {
            known.owed = Some(Owed::Ack(number));
        } else if is_invite {
            self.acknowledge(call, leg, number, None);
        }
        if !live {
            return;
        }
        self.session_agreed(call, session_timer::agreed(asked, headers), Refresher::Uac);
        if !change.refresh {
            self.tell(Event::Changed { call });
        }
        self.tell_sdp(call, meaning, sdp);
    }

    /// Cancels our re-INVITE: refused, it leaves the session as it was (RFC 3261 §14.1).
    pub(super) fn cancel_change(&mut self, call: CallRef) {
        if let Some(invite) = self.calls.get(&call).and_then(|known| known.invite) {
            self.cancel_now(call, invite);
        }
    }

    /// Our CANCEL had no effect. A re-INVITE is taken as refused; the call goes on (§9.1).
    pub(super) fn cancelled_in_vain(&mut self, call: CallRef) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let (phase, why) = (known.phase, known.why.take());
        if let Some(invite) = known.invite {
            let _gone = self.endpoint.abandon(self.now, invite);
        }
        match phase {
            Phase::Up => self.change_failed(call, StatusCode::REQUEST_TERMINATED, None),
            _ => self.end(call, why.unwrap_or(Ending::Local)),
        }
    }

    /// Our re-INVITE or UPDATE was refused, or not answered.
    pub(super) fn change_failed(
        &mut self,
        call: CallRef,
        status: StatusCode,
        response: Option<&ResponseBuf>,
    ) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(mut change) = known.change.take() else { return };
        if !change.update {
            // An UPDATE may fail while the first INVITE is being cancelled.
            self.timers.stop(&super::Timer::Call(call, CallTimer::CancelGiveUp));
        }
        let carrier = if change.update { Carrier::Update } else { Carrier::Invite };
        if !change.update {
            known.invite = None;
        }
        let owner = known.role == Role::Uac;
        let asked = known.asked_interval;
        if let Some(leg) = known.current_mut() {
            leg.offers = leg.offers.refused(By::Us, carrier);
        }
        if !known.is_live() {
            return;
        }
        if status == StatusCode::REQUEST_PENDING && change.tries < GLARES_MAX {
            change.tries = change.tries.saturating_add(1);
            known.change = Some(change);
            // RFC 3261 §14.1: 2.1 to 4 s for who made the Call-ID, 0 to 2 s for the other, in
            // steps of 10 ms.
            let (from, steps) = if owner { (2100, 191) } else { (0, 201) };
            let wait = self.rng.below(steps).saturating_mul(10).saturating_add(from);
            return self.set_timer(call, CallTimer::GlareOver, Duration::from_millis(wait));
        }
        if status == StatusCode::SESSION_INTERVAL_TOO_SMALL {
            let larger =
                asked.zip(response).and_then(|(a, r)| session_timer::after_422(a, r.headers()));
            if let (Some(interval), Some((agreed, _))) = (larger, known.session.as_mut()) {
                agreed.interval = interval;
                if self.send_change(call, change).is_ok() {
                    return;
                }
                return self.hang(call, Ending::Lost(status));
            }
        }
        match failure_scope(status) {
            // RFC 3261 §12.2.1.2: 481 and no answer at all end the call.
            Scope::Usage | Scope::Dialog
                if status != StatusCode::METHOD_NOT_ALLOWED
                    && status != StatusCode::NOT_IMPLEMENTED =>
            {
                self.hang(call, Ending::Lost(status));
            }
            // A peer that does not know UPDATE: refresh with an INVITE.
            _ if change.refresh && change.update => {
                known.peer_updates = false;
                self.refresh(call);
            }
            // The session ends when its time is over, unless a later refresh works.
            _ if change.refresh => {}
            _ => self.tell(Event::ChangeRefused { call, status }),
        }
    }

    /// The wait behind a collision is over.
    pub(super) fn change_again(&mut self, call: CallRef) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(change) = known.change.take() else { return };
        let refresh = change.refresh;
        if self.send_change(call, change).is_err() && !refresh {
            self.tell(Event::ChangeRefused { call, status: StatusCode::REQUEST_PENDING });
        }
    }

    /// Sets the session timers anew (RFC 4028 §7.2, §9). `side` is ours in the request that
    /// agreed them.
    pub(super) fn session_agreed(
        &mut self,
        call: CallRef,
        agreed: Option<Agreed>,
        side: Refresher,
    ) {
        for timer in [CallTimer::Refresh, CallTimer::Expire] {
            self.stop_timer(call, timer);
        }
        let Some(known) = self.calls.get_mut(&call) else { return };
        known.session = agreed.map(|a| (a, a.refresher == side));
        let Some((agreed, mine)) = known.session else { return };
        if mine {
            self.set_timer(call, CallTimer::Refresh, agreed.refresh_after());
        }
        self.set_timer(call, CallTimer::Expire, agreed.bye_after());
    }

    /// RFC 4028 §7.4: with UPDATE when the peer takes it, else with the INVITE that changes
    /// nothing.
    pub(super) fn refresh(&mut self, call: CallRef) {
        let Some(known) = self.calls.get(&call).filter(|c| c.phase == Phase::Up) else { return };
        let update = known.peer_updates;
        let sdp = if update { None } else { known.sent_sdp.clone() };
        let busy = known.change.is_some();
        let sent = !busy
            && self.send_change(call, Change { update, sdp, refresh: true, tries: 0 }).is_ok();
        if !sent {
            // Something is under way, which may refresh as well; look again soon.
            self.set_timer(call, CallTimer::Refresh, Duration::from_secs(5));
        }
    }
}
