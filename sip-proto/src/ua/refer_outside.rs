//! REFER outside of calls: its dialog, which is no call (RFC 3515 §4.1, RFC 6665 §4.1.2.4).

use super::event::{CallRef, CommandError};
use super::refer::{ReferRef, Referral};
use super::state::{Call, Leg, Phase};
use super::{Use, UserAgent};
use crate::dialog::{Dialog, DialogId, Role, State};
use crate::endpoint::TransactionId;
use crate::message::{HeaderName, Method, RequestBuf, StatusCode};
use proto_wire::Instant;

impl UserAgent {
    /// Asks `whom`, a URI, to refer to `to` outside of any call: to call somebody, or to open a page
    /// (RFC 3515 §4.1). The subscription has a dialog of its own, in whose events a [`CallRef`] stands
    /// that is no call.
    ///
    /// # Errors
    /// What is wrong with the URIs, and what the transport lacks.
    pub fn refer_outside(
        &mut self,
        now: Instant,
        whom: &str,
        to: &str,
    ) -> Result<ReferRef, CommandError> {
        self.advance(now);
        let (call_id, tag) = (self.rng.hex::<24>(), self.rng.hex::<12>());
        let builder = self.outside(Method::Refer, whom, whom, (call_id.as_str(), tag.as_str(), 1));
        let request = self.referring(self.capabilities(builder, None, whom), to).build()?;
        let call = self.add(Role::Uac, Phase::Over);
        if let Some(known) = self.calls.get_mut(&call) {
            known.aside = true;
        }
        let refer = self.add_referral(call, 1, true);
        if let Some(known) = self.refers.get_mut(&refer) {
            known.outside = Some((call_id, tag));
        }
        if let Err(error) = self.send_outside(Use::Refer(refer), &request, whom) {
            self.refers.remove(&refer);
            self.calls.remove(&call);
            return Err(error);
        }
        self.pump();
        Ok(refer)
    }

    /// Our REFER outside of calls has a dialog: the first that a 2xx or a NOTIFY makes. Other forks are
    /// not subscribed to.
    pub(super) fn begin_dialog(&mut self, refer: ReferRef, dialog: Dialog) {
        let Some(known) = self.refers.get_mut(&refer) else { return };
        if known.outside.take().is_some() {
            let call = known.call;
            self.add_leg(call, dialog);
        }
    }

    fn add_leg(&mut self, call: CallRef, dialog: Dialog) {
        let Some(known) = self.calls.get_mut(&call) else { return };
        self.dialogs.insert(dialog.id().clone(), call);
        let offers = known.base;
        known.legs.push(Leg { dialog, offers, rseq: None, ack: None });
    }

    /// A NOTIFY in no dialog that is known: it may be faster than the 2xx to our REFER (RFC 6665
    /// §4.1.2.4), and makes the dialog then.
    pub(super) fn notify_makes_dialog(&mut self, id: &DialogId, request: &RequestBuf) {
        let of = |r: &Referral| {
            let known = r.outside.as_ref();
            known.is_some_and(|(c, t)| c.as_str() == id.call_id() && t.as_str() == id.local_tag())
        };
        let found = self.refers.iter().find(|(_, r)| of(r)).map(|(refer, r)| (*refer, r.id));
        let Some((refer, number)) = found else { return };
        let made = Dialog::uas(request.view(), id.local_tag(), State::Confirmed);
        let Ok(mut dialog) = made else { return };
        // Our requests in it count on from the REFER.
        for _ in 0..number {
            let _counted = dialog.next_cseq();
        }
        self.begin_dialog(refer, dialog);
    }

    /// A REFER outside of calls. Whoever takes it makes the dialog.
    pub(super) fn receive_refer_outside(&mut self, id: TransactionId, request: &RequestBuf) {
        let others = self.refers.values().filter(|r| !r.ours && self.is_aside(r.call));
        if others.count() >= self.config.calls_max {
            return self.answer_with(id, StatusCode::DECLINE);
        }
        let call = self.new_ref();
        self.receive_refer(call, id, request);
    }

    /// Whether this is the dialog of a REFER outside of calls.
    fn is_aside(&self, call: CallRef) -> bool {
        self.calls.get(&call).is_some_and(|c| c.aside)
    }

    pub(super) fn refer_accept_outside(
        &mut self,
        call: CallRef,
        id: TransactionId,
        request: &RequestBuf,
        silent: bool,
    ) -> Result<(), CommandError> {
        let state = CommandError::State("refer_accept");
        let tag = self.endpoint.tag_of(id).ok_or(state)?;
        if self.uses.get(&id) != Some(&Use::Asked) || self.calls.contains_key(&call) {
            return Err(state);
        }
        let reply = self.endpoint.reply(id, StatusCode::ACCEPTED)?;
        let reply = self.with_dialog(reply, id, request);
        let reply = reply.header_if(HeaderName::REFER_SUB, silent.then_some("false")).build()?;
        let dialog = Dialog::uas(request.view(), tag.as_str(), State::Confirmed)?;
        let path = self.endpoint.path_of(id);
        self.endpoint.respond(self.now, id, &reply)?;
        let mut aside = Call::new(Role::Uas, Phase::Over);
        aside.aside = true;
        aside.path = path;
        self.calls.insert(call, aside);
        self.add_leg(call, dialog);
        Ok(())
    }
}
