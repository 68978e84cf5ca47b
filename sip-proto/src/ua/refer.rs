//! REFER and what becomes of it (RFC 3515). Within a call its subscription shares the dialog of the
//! call, and may outlive it: BYE ends the call alone (RFC 5057 §4.1). Outside of calls it has a dialog
//! of its own. There may also be none (RFC 4488).

use super::event::{CallRef, CommandError, Ending, Event};
use super::state::Phase;
use super::{Timer, Use, UserAgent};
use crate::dialog::{Dialog, Scope, failure_scope, request_uri};
use crate::endpoint::TransactionId;
use crate::headers::{self, CSeq, Expires, ReferSub, ReferTo, SubscriptionState};
use crate::message::{
    HeaderName, Headers, Method, RequestBuf, RequestBuilder, ResponseBuf, StatusCode,
};
use crate::uri::Uri;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{HexToken, Instant};

/// A REFER of ours or of the peer, with its subscription. Never means another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferRef(u64);

/// The subscription of a REFER.
#[derive(Debug)]
pub(super) struct Referral {
    /// Whose dialog it shares.
    pub(super) call: CallRef,
    /// Its id: the number of the REFER.
    pub(super) id: u32,
    /// Whether we sent the REFER.
    pub(super) ours: bool,
    /// What was told last.
    status: StatusCode,
    /// Our last NOTIFY is out.
    done: bool,
    /// There is no subscription: nobody is told anything (RFC 4488).
    silent: bool,
    /// Call-ID and tag of our REFER outside of calls, until there is a dialog.
    pub(super) outside: Option<(HexToken<24>, HexToken<12>)>,
}

/// REFERs in one dialog at a time. Stops a peer from collecting subscriptions.
const REFERRALS_MAX: usize = 16;

impl UserAgent {
    /// Asks the peer to refer to `to`, a URI: a blind transfer; with `?Replaces=` in the URI an
    /// attended one (RFC 5589). What becomes of it is [`Event::ReferProgress`], which may come
    /// behind the end of the call.
    ///
    /// # Errors
    /// [`CommandError::State`] when the call is not up.
    pub fn refer(
        &mut self,
        now: Instant,
        call: CallRef,
        to: &str,
    ) -> Result<ReferRef, CommandError> {
        self.advance(now);
        let known = self.live(call, "refer")?;
        if known.phase != Phase::Up {
            return Err(CommandError::State("refer"));
        }
        let path = known.path;
        let leg = known.current_mut().ok_or(CommandError::State("refer"))?;
        let hop = String::from(leg.dialog.next_hop());
        let builder = leg.dialog.request(Method::Refer)?;
        let id = leg.dialog.local_cseq().unwrap_or(0);
        let request = self.referring(self.capabilities(builder, path, &hop), to).build()?;
        // It begins here, not with the 202: the NOTIFY may come first (RFC 3515 §2.4.4).
        let refer = self.add_referral(call, id, true);
        if let Err(error) = self.send(Some(Use::Refer(refer)), &request, &hop, path) {
            self.refers.remove(&refer);
            return Err(error);
        }
        self.pump();
        Ok(refer)
    }

    pub(super) fn referring(&self, builder: RequestBuilder, to: &str) -> RequestBuilder {
        let wanted = self.config.refer_sub;
        builder
            .header(HeaderName::REFER_TO, alloc::format!("<{to}>"))
            .header(HeaderName::REFERRED_BY, alloc::format!("<{}>", self.config.identity))
            .header_if(HeaderName::REFER_SUB, (!wanted).then_some("false"))
    }

    pub(super) fn add_referral(&mut self, call: CallRef, id: u32, ours: bool) -> ReferRef {
        let refer = ReferRef(self.next_refer);
        self.next_refer = self.next_refer.saturating_add(1);
        let status = StatusCode::TRYING;
        let (done, silent, outside) = (false, false, None);
        self.refers.insert(refer, Referral { call, id, ours, status, done, silent, outside });
        refer
    }

    /// The call whose dialog a referral shares.
    pub(super) fn call_of(&self, refer: ReferRef) -> Option<CallRef> {
        self.refers.get(&refer).map(|r| r.call)
    }

    /// Whether a dialog is still needed behind its call.
    pub(super) fn has_referrals(&self, call: CallRef) -> bool {
        self.refers.values().any(|r| r.call == call)
    }

    /// Our REFER went out again with another number, which is its id.
    pub(super) fn renumber(&mut self, refer: ReferRef, number: u32) {
        if let Some(known) = self.refers.get_mut(&refer) {
            known.id = number;
        }
    }

    pub(super) fn refer_response(
        &mut self,
        refer: ReferRef,
        request: Option<&RequestBuf>,
        response: &ResponseBuf,
    ) {
        let status = response.view().status();
        if status.is_success() {
            let sub = response.headers().typed::<ReferSub<'_>>().ok().flatten();
            if sub.is_some_and(|sub| sub.0.word.eq_ignore_ascii_case("false")) {
                // RFC 4488 §4: it is taken, and nothing more will be said of it.
                return self.end_referral(refer, None);
            }
            let made = request.and_then(|r| Dialog::uac(r.view(), response.view()).ok());
            if let Some(dialog) = made {
                self.begin_dialog(refer, dialog);
            }
            // RFC 6665 §4.1.2.4, Timer N: the first NOTIFY must come by then.
            let wait = self.config.endpoint.timers.t1.saturating_mul(64);
            if self.timers.get(&Timer::Refer(refer)).is_none() && self.refers.contains_key(&refer) {
                self.timers.set(Timer::Refer(refer), self.now.saturating_add(wait));
            }
        } else if status.is_final() {
            self.refer_failed(refer, status);
        }
    }

    pub(super) fn refer_failed(&mut self, refer: ReferRef, status: StatusCode) {
        let Some(call) = self.call_of(refer) else { return };
        self.end_referral(refer, Some(status));
        let gone = failure_scope(status) == Scope::Dialog;
        // One outside of calls ends nothing else.
        if gone || status == StatusCode::CALL_DOES_NOT_EXIST {
            self.hang(call, Ending::Lost(status));
        }
    }

    /// The subscription is over; ours is told of it.
    pub(super) fn end_referral(&mut self, refer: ReferRef, status: Option<StatusCode>) {
        let Some(known) = self.refers.remove(&refer) else { return };
        self.timers.stop(&Timer::Refer(refer));
        if known.ours {
            self.tell(Event::ReferProgress { refer, call: known.call, status, over: true });
        }
        self.release(known.call);
    }

    /// The dialog itself is gone, and all its subscriptions with it.
    pub(super) fn end_referrals_of(&mut self, call: CallRef) {
        let of: Vec<_> =
            self.refers.iter().filter(|(_, r)| r.call == call).map(|(id, _)| *id).collect();
        for refer in of {
            self.end_referral(refer, None);
        }
    }

    /// The time of a subscription is over.
    pub(super) fn referral_due(&mut self, refer: ReferRef) {
        let Some(known) = self.refers.get(&refer) else { return };
        if known.ours || known.silent {
            return self.end_referral(refer, None);
        }
        let status = known.status;
        if self.notify(refer, status, Some("timeout")).is_err() {
            self.end_referral(refer, None);
        }
    }

    /// NOTIFY of a REFER of ours.
    pub(super) fn receive_notify(
        &mut self,
        call: CallRef,
        id: TransactionId,
        request: &RequestBuf,
    ) {
        let view = request.headers();
        let event = view.typed::<headers::Event<'_>>().ok().flatten();
        let state = view.typed::<SubscriptionState<'_>>().ok().flatten();
        let (Some(event), Some(state)) = (event, state) else {
            return self.answer_with(id, StatusCode::BAD_REQUEST);
        };
        if !event.is("refer") {
            if self.phase(call) == Phase::Over {
                return self.answer_with(id, StatusCode::CALL_DOES_NOT_EXIST);
            }
            // Another package is the application's.
            self.uses.insert(id, Use::Asked);
            self.tell(Event::Request { call: Some(call), id, request: request.clone() });
            return;
        }
        let Some(refer) = self.referral(call, true, event.id()) else {
            return self.answer_with(id, StatusCode::CALL_DOES_NOT_EXIST);
        };
        self.answer_with(id, StatusCode::OK);
        let status = sipfrag_status(&request.body());
        if state.is_terminated() {
            return self.end_referral(refer, status);
        }
        let lasts = Duration::from_secs(u64::from(state.expires().unwrap_or(3600)));
        // Who lets it end says so; one that is gone says nothing.
        let grace = self.config.endpoint.timers.t1.saturating_mul(64);
        self.timers.set(Timer::Refer(refer), self.now.saturating_add(lasts).saturating_add(grace));
        if let (Some(known), Some(status)) = (self.refers.get_mut(&refer), status) {
            known.status = status;
        }
        self.tell(Event::ReferProgress { refer, call, status, over: false });
    }

    /// The REFER that an event's `id` names; without one the first (RFC 3515 §2.4.6).
    fn referral(&self, call: CallRef, ours: bool, id: Option<&str>) -> Option<ReferRef> {
        let mut of = self.refers.iter().filter(|(_, r)| r.call == call && r.ours == ours);
        let found = match id {
            Some(id) => of.find(|(_, r)| r.id.to_string() == id),
            None => of.next(),
        };
        found.map(|(refer, _)| *refer)
    }

    pub(super) fn receive_refer(&mut self, call: CallRef, id: TransactionId, request: &RequestBuf) {
        let view = request.headers();
        let mut rows = view.rows(HeaderName::REFER_TO);
        let single = rows.next().is_some() && rows.next().is_none();
        let to = view.typed::<ReferTo<'_>>().ok().flatten();
        let to = to.filter(|_| single).and_then(|to| to.uri().ok().map(|u| u.as_str().to_string()));
        // RFC 3515 §2.4.2: none, or more than one.
        let Some(to) = to else { return self.answer_with(id, StatusCode::BAD_REQUEST) };
        if self.refers.values().filter(|r| r.call == call).count() >= REFERRALS_MAX {
            return self.answer_with(id, StatusCode::DECLINE);
        }
        self.uses.insert(id, Use::Asked);
        self.tell(Event::Referred { call, id, request: request.clone(), to });
    }

    /// SUBSCRIBE to a REFER of the peer: for longer, or not at all any more (RFC 3515 §2.4.4).
    pub(super) fn receive_subscribe(
        &mut self,
        call: CallRef,
        id: TransactionId,
        request: &RequestBuf,
    ) -> bool {
        let event = request.headers().typed::<headers::Event<'_>>().ok().flatten();
        let Some(event) = event.filter(|e| e.is("refer")) else { return false };
        let found = self.referral(call, false, event.id());
        let Some(refer) =
            found.filter(|r| self.refers.get(r).is_some_and(|r| !r.done && !r.silent))
        else {
            self.answer_with(id, StatusCode::FORBIDDEN);
            return true;
        };
        let asked = request.headers().typed::<Expires>().ok().flatten().map(|e| e.0);
        let lasts = asked.unwrap_or(u32::MAX).min(self.referral_secs());
        if let Some(reply) = self.reply(id, StatusCode::OK) {
            let contact = self.contact_of(id);
            let reply = reply.header(HeaderName::EXPIRES, lasts);
            self.respond_built(id, reply.header(HeaderName::CONTACT, contact).build());
        }
        let status = self.refers.get(&refer).map_or(StatusCode::TRYING, |r| r.status);
        let over = (lasts == 0).then_some("timeout");
        let end = self.now.saturating_add(Duration::from_secs(u64::from(lasts)));
        self.timers.set(Timer::Refer(refer), end);
        if self.notify(refer, status, over).is_err() {
            self.end_referral(refer, None);
        }
        true
    }

    /// How long a subscription to a REFER lasts: as long as our call may ring, and some more.
    fn referral_secs(&self) -> u32 {
        u32::try_from(self.config.ring_max.as_secs()).unwrap_or(u32::MAX).saturating_add(60)
    }

    /// Takes a REFER: 202, and the NOTIFY that a subscription begins with. Then either
    /// [`UserAgent::call_referred`] does what is asked and tells the peer how far it is, or the
    /// application does, and tells with [`UserAgent::refer_progress`].
    ///
    /// # Errors
    /// [`CommandError::State`] when there is none to take.
    pub fn refer_accept(
        &mut self,
        now: Instant,
        call: CallRef,
        id: TransactionId,
    ) -> Result<ReferRef, CommandError> {
        self.advance(now);
        let state = CommandError::State("refer_accept");
        let request = self.endpoint.request_of(id);
        let request = request.filter(|r| r.view().method() == Method::Refer).cloned();
        let request = request.ok_or(state)?;
        let headers = request.headers();
        let number = headers.typed::<CSeq<'_>>().ok().flatten().map(|c| c.number).ok_or(state)?;
        let silent = wants_silence(headers);
        let outside = !crate::proxy::to_tag(&request);
        if outside {
            self.refer_accept_outside(call, id, &request, silent)?;
        } else {
            self.live(call, "refer_accept")?;
            self.respond_with(now, id, StatusCode::ACCEPTED, |reply| {
                reply.header_if(HeaderName::REFER_SUB, silent.then_some("false"))
            })?;
        }
        let refer = self.add_referral(call, number, false);
        if silent {
            if let Some(known) = self.refers.get_mut(&refer) {
                known.silent = true;
            }
            // Nobody is told that it is over, but it ends as a subscription would.
            let lasts = Duration::from_secs(self.referral_secs().into());
            self.timers.set(Timer::Refer(refer), self.now.saturating_add(lasts));
            self.pump();
            return Ok(refer);
        }
        let sent = self.notify(refer, StatusCode::TRYING, None);
        if let Err(error) = sent {
            self.refers.remove(&refer);
            return Err(error);
        }
        self.pump();
        Ok(refer)
    }

    /// Does what a REFER asks: calls the URI of Refer-To, with the headers that stand in it, such
    /// as Replaces, and with Referred-By. How far that call is the peer is told.
    ///
    /// # Errors
    /// [`CommandError::State`] when the REFER is not one of the peer's, or over; else as
    /// [`UserAgent::call`].
    pub fn call_referred(
        &mut self,
        now: Instant,
        refer: ReferRef,
        request: &RequestBuf,
        sdp: Option<Bytes>,
    ) -> Result<CallRef, CommandError> {
        let known = self.refers.get(&refer).filter(|r| !r.ours && !r.done);
        known.ok_or(CommandError::State("call_referred"))?;
        let to = request.headers().typed::<ReferTo<'_>>().ok().flatten();
        let uri = to.as_ref().and_then(|to| to.uri().ok());
        let Some(Uri::Sip(uri)) = uri else { return Err(CommandError::State("call_referred")) };
        let by = request.headers().get(HeaderName::REFERRED_BY).map(String::from);
        let mut headers: Vec<(HeaderName, String)> =
            by.into_iter().map(|by| (HeaderName::REFERRED_BY, by)).collect();
        for header in uri.headers() {
            // What else may stand there is not for others to set (RFC 3261 §19.1.5).
            let name = HeaderName::from_bytes(header.name);
            let wanted = [HeaderName::REPLACES, HeaderName::JOIN, HeaderName::REQUIRE];
            let value = header.value.and_then(unescaped);
            if let Some((name, value)) = name.filter(|n| wanted.contains(n)).zip(value) {
                headers.push((name, value));
            }
        }
        let full = to.as_ref().and_then(|to| core::str::from_utf8(to.uri_bytes()).ok());
        let full = full.unwrap_or_default();
        let headers: Vec<(HeaderName, &str)> =
            headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let call = self.call_with(now, &request_uri(full), sdp, &headers)?;
        if let Some(known) = self.calls.get_mut(&call) {
            known.referred = Some(refer);
        }
        Ok(call)
    }

    /// What the peer whose REFER a call comes from is told of it.
    pub(super) fn tell_referrer(&mut self, event: &Event) {
        let (call, status) = match event {
            Event::Progress { call, response } | Event::Answered { call, response } => {
                (*call, response.view().status())
            }
            Event::Ended { call, why } => match why {
                Ending::Refused(status) | Ending::Lost(status) => (*call, *status),
                Ending::TimedOut => (*call, StatusCode::REQUEST_TIMEOUT),
                Ending::Local | Ending::Cancelled => (*call, StatusCode::REQUEST_TERMINATED),
                _ => (*call, StatusCode::SERVICE_UNAVAILABLE),
            },
            _ => return,
        };
        let Some(known) = self.calls.get_mut(&call) else { return };
        let Some(refer) = known.referred else { return };
        if status.is_final() {
            known.referred = None;
        }
        if self.refers.get(&refer).is_some_and(|r| !r.done && r.status != status) {
            // A peer that cannot be told hears of it by its own timer.
            let _lost = self.notify(refer, status, None);
        }
    }

    /// Tells the peer how far its REFER is: the status that our own request was answered with.
    /// A final one is the last.
    ///
    /// # Errors
    /// [`CommandError::State`] when it is not the peer's, or over.
    pub fn refer_progress(
        &mut self,
        now: Instant,
        refer: ReferRef,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.refers.get(&refer).filter(|r| !r.ours && !r.done);
        known.ok_or(CommandError::State("refer_progress"))?;
        let sent = self.notify(refer, status, None);
        self.pump();
        sent
    }

    fn notify(
        &mut self,
        refer: ReferRef,
        status: StatusCode,
        over: Option<&str>,
    ) -> Result<(), CommandError> {
        let state = CommandError::State("refer_progress");
        let known = self.refers.get_mut(&refer).filter(|r| !r.done).ok_or(state)?;
        let (call, id) = (known.call, known.id);
        if known.silent {
            known.status = status;
            if status.is_final() {
                self.end_referral(refer, None);
            }
            return Ok(());
        }
        let end = self.timers.get(&Timer::Refer(refer));
        let left = end.map(|end| end.saturating_since(self.now).as_secs());
        let secs = left.unwrap_or_else(|| self.referral_secs().into());
        let known = self.calls.get_mut(&call).ok_or(state)?;
        let path = known.path;
        let leg = known.current_mut().ok_or(state)?;
        let hop = String::from(leg.dialog.next_hop());
        let builder = leg.dialog.request(Method::Notify)?;
        // RFC 3515 §2.4.7: nothing more will come of it.
        let over = over.or_else(|| status.is_final().then_some("noresource"));
        let told = match over {
            Some(reason) => alloc::format!("terminated;reason={reason}"),
            None => alloc::format!("active;expires={secs}"),
        };
        let body = alloc::format!("SIP/2.0 {status} {}\r\n", status.reason());
        let request = builder
            .header(HeaderName::EVENT, alloc::format!("refer;id={id}"))
            .header(HeaderName::SUBSCRIPTION_STATE, told)
            .header(HeaderName::CONTACT, self.contact(path, &hop))
            .body("message/sipfrag;version=2.0", body)
            .build()?;
        self.send(Some(Use::Notify(refer)), &request, &hop, path)?;
        if let Some(known) = self.refers.get_mut(&refer) {
            known.status = status;
            known.done = over.is_some();
        }
        if over.is_some() {
            self.timers.stop(&Timer::Refer(refer));
        } else if self.timers.get(&Timer::Refer(refer)).is_none() {
            let lasts = Duration::from_secs(secs);
            self.timers.set(Timer::Refer(refer), self.now.saturating_add(lasts));
        }
        Ok(())
    }

    /// A NOTIFY of ours was taken; behind the last one the dialog is not needed any more.
    pub(super) fn notify_taken(&mut self, refer: ReferRef) {
        if self.refers.get(&refer).is_some_and(|r| r.done) {
            self.end_referral(refer, None);
        }
    }

    /// RFC 6665 §4.2.2: a NOTIFY that fails ends its subscription; what is asked for goes on.
    pub(super) fn notify_failed(&mut self, refer: ReferRef) {
        self.end_referral(refer, None);
    }
}

/// Whether a REFER wants no subscription (RFC 4488 §4, RFC 7614 §4).
fn wants_silence(headers: Headers<'_>) -> bool {
    let sub = headers.typed::<ReferSub<'_>>().ok().flatten();
    sub.is_some_and(|sub| sub.0.word.eq_ignore_ascii_case("false"))
        || super::lists(headers, HeaderName::REQUIRE, "nosub")
}

/// The status in the first line of a `message/sipfrag` (RFC 3420).
fn sipfrag_status(body: &[u8]) -> Option<StatusCode> {
    let line = body.split(|b| *b == b'\n').next()?;
    let rest = line.strip_prefix(b"SIP/2.0 ")?;
    StatusCode::parse(rest.get(..3)?).ok()
}

/// A header of a URI as text. `None` for what cannot stand in a header.
fn unescaped(value: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        out.push(u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(out).ok().filter(|text| !text.contains(|c: char| c.is_control()))
}
