//! REFER and what becomes of it (RFC 3515), within a call.

use super::event::{CallRef, CommandError, Ending, Event};
use super::state::Phase;
use super::{Use, UserAgent};
use crate::dialog::Usage;
use crate::endpoint::TransactionId;
use crate::headers::{self, CSeq, ReferTo, SubscriptionState};
use crate::message::{HeaderName, Method, RequestBuf, ResponseBuf, StatusCode};
use alloc::string::{String, ToString};
use proto_wire::Instant;

/// Our side of a REFER that we took.
#[derive(Clone, Debug)]
pub(super) struct Referee {
    /// The id of the subscription: the number of the REFER.
    id: u32,
}

fn usage(id: Option<String>) -> Usage {
    Usage::Subscription { package: "refer".into(), id }
}

impl UserAgent {
    /// Asks the peer to refer to `to`, a URI: a blind transfer; with `?Replaces=` in the URI an
    /// attended one (RFC 5589). What becomes of it is [`Event::ReferProgress`].
    ///
    /// # Errors
    /// [`CommandError::State`] when the call is not up.
    pub fn refer(&mut self, now: Instant, call: CallRef, to: &str) -> Result<(), CommandError> {
        self.advance(now);
        let known = self.live(call, "refer")?;
        if known.phase != Phase::Up {
            return Err(CommandError::State("refer"));
        }
        let path = known.path;
        let leg = known.current_mut().ok_or(CommandError::State("refer"))?;
        let hop = String::from(leg.dialog.next_hop());
        let builder = leg.dialog.request(Method::Refer)?;
        let number = leg.dialog.local_cseq();
        let request = self
            .capabilities(builder, path, &hop)
            .header(HeaderName::REFER_TO, alloc::format!("<{to}>"))
            .header(HeaderName::REFERRED_BY, alloc::format!("<{}>", self.config.identity))
            .build()?;
        self.send(Some(Use::Refer(call)), &request, &hop, path)?;
        // It begins here, not with the 202: the NOTIFY may come first.
        if let Some(known) = self.calls.get_mut(&call) {
            known.usages.begin(usage(number.map(|n| n.to_string())));
        }
        self.pump();
        Ok(())
    }

    pub(super) fn refer_response(&mut self, call: CallRef, response: &ResponseBuf) {
        let status = response.view().status();
        if status.is_final() && !status.is_success() {
            self.refer_failed(call, status);
        }
    }

    pub(super) fn refer_failed(&mut self, call: CallRef, status: StatusCode) {
        self.forget_refer(call);
        self.tell(Event::ReferProgress { call, status: Some(status), over: true });
        if status == StatusCode::CALL_DOES_NOT_EXIST {
            self.hang(call, Ending::Lost(status));
        }
    }

    fn forget_refer(&mut self, call: CallRef) -> bool {
        let Some(known) = self.calls.get_mut(&call) else { return false };
        let ours = known.usages.as_slice().iter().find(|u| matches!(u, Usage::Subscription { package, id } if package == "refer" && id.is_some()));
        let ours = ours.cloned();
        ours.is_some_and(|u| known.usages.end(&u))
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
        let known = self.calls.get(&call).map(|c| c.usages.as_slice());
        let ours = known.is_some_and(|u| {
            u.iter().any(
                |u| matches!(u, Usage::Subscription { package, id: Some(_) } if package == "refer"),
            )
        });
        match (event, state) {
            (Some(event), Some(state)) if event.is("refer") && ours => {
                self.answer_with(id, StatusCode::OK);
                let body = request.body();
                let status = sipfrag_status(&body);
                let over = state.is_terminated();
                if over {
                    self.forget_refer(call);
                }
                self.tell(Event::ReferProgress { call, status, over });
            }
            (Some(event), _) if !event.is("refer") => {
                // Another package is the application's.
                self.uses.insert(id, Use::Asked);
                self.tell(Event::Request { call: Some(call), id, request: request.clone() });
            }
            _ => self.answer_with(id, StatusCode::CALL_DOES_NOT_EXIST),
        }
    }

    pub(super) fn receive_refer(&mut self, call: CallRef, id: TransactionId, request: &RequestBuf) {
        let view = request.headers();
        let mut rows = view.rows(HeaderName::REFER_TO);
        let single = rows.next().is_some() && rows.next().is_none();
        let to = view.typed::<ReferTo<'_>>().ok().flatten();
        let to = to.filter(|_| single).and_then(|to| to.uri().ok().map(|u| u.as_str().to_string()));
        // RFC 3515 §2.4.2: none, or more than one.
        let Some(to) = to else { return self.answer_with(id, StatusCode::BAD_REQUEST) };
        self.uses.insert(id, Use::Asked);
        self.tell(Event::Referred { call, id, request: request.clone(), to });
    }

    /// Takes a REFER: 202, and the NOTIFY that a subscription begins with. The application
    /// then refers as it likes, and tells with [`UserAgent::refer_progress`].
    ///
    /// # Errors
    /// [`CommandError::State`] when there is none to take.
    pub fn refer_accept(
        &mut self,
        now: Instant,
        call: CallRef,
        id: TransactionId,
    ) -> Result<(), CommandError> {
        self.advance(now);
        let number = self
            .endpoint
            .request_of(id)
            .filter(|r| r.view().method() == Method::Refer)
            .and_then(|r| r.headers().typed::<CSeq<'_>>().ok().flatten().map(|c| c.number))
            .ok_or(CommandError::State("refer_accept"))?;
        self.live(call, "refer_accept")?;
        self.respond(now, id, StatusCode::ACCEPTED)?;
        if let Some(known) = self.calls.get_mut(&call) {
            known.refer = Some(Referee { id: number });
            known.usages.begin(usage(None));
        }
        let sent = self.notify(call, StatusCode::TRYING);
        self.pump();
        sent
    }

    /// Tells the peer how far its REFER is: the status that our own request was answered with.
    /// A final one is the last.
    ///
    /// # Errors
    /// [`CommandError::State`] when there is none.
    pub fn refer_progress(
        &mut self,
        now: Instant,
        call: CallRef,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        self.advance(now);
        self.live(call, "refer_progress")?;
        let sent = self.notify(call, status);
        self.pump();
        sent
    }

    fn notify(&mut self, call: CallRef, status: StatusCode) -> Result<(), CommandError> {
        let Some(known) = self.calls.get_mut(&call) else {
            return Err(CommandError::NoCall("notify"));
        };
        let id = known.refer.as_ref().map(|r| r.id).ok_or(CommandError::State("refer_progress"))?;
        let path = known.path;
        let leg = known.current_mut().ok_or(CommandError::State("refer_progress"))?;
        let hop = String::from(leg.dialog.next_hop());
        let contact = self.contact(path, &hop);
        let Some(leg) = self.calls.get_mut(&call).and_then(|c| c.current_mut()) else {
            return Err(CommandError::NoCall("notify"));
        };
        let state =
            if status.is_final() { "terminated;reason=noresource" } else { "active;expires=60" };
        let builder = leg
            .dialog
            .request(Method::Notify)?
            .header(HeaderName::EVENT, alloc::format!("refer;id={id}"))
            .header(HeaderName::SUBSCRIPTION_STATE, state)
            .header(HeaderName::CONTACT, alloc::format!("<{contact}>"));
        let body = alloc::format!("SIP/2.0 {status} {}\r\n", status.reason());
        let request = builder.body("message/sipfrag;version=2.0", body).build()?;
        self.send(Some(Use::Notify(call)), &request, &hop, path)?;
        if status.is_final() {
            if let Some(known) = self.calls.get_mut(&call) {
                known.refer = None;
                known.usages.end(&usage(None));
            }
        }
        Ok(())
    }

    /// RFC 6665 §4.2.2: a NOTIFY that fails ends its subscription.
    pub(super) fn notify_failed(&mut self, call: CallRef, _status: StatusCode) {
        if let Some(known) = self.calls.get_mut(&call) {
            known.refer = None;
            known.usages.end(&usage(None));
        }
    }
}

/// The status in the first line of a `message/sipfrag` (RFC 3420).
fn sipfrag_status(body: &[u8]) -> Option<StatusCode> {
    let line = body.split(|b| *b == b'\n').next()?;
    let rest = line.strip_prefix(b"SIP/2.0 ")?;
    StatusCode::parse(rest.get(..3)?).ok()
}
