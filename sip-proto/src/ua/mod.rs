//! The user agent: one user's registration, messages and calls over one [`Endpoint`].
//!
//! REGISTER (RFC 3261 §10.2) with Path, Service-Route, GRUU and keep-alives; MESSAGE in pager mode
//! (RFC 3428); calls (RFC 3261 §13 to §15) with reliable provisional responses (3262), UPDATE
//! (3311), offers and answers (3264), session timers (4028), REFER (3515) and Replaces (3891).

mod bodies;
mod change;
mod config;
mod event;
mod incoming;
mod keep_alive;
mod outgoing;
mod pager;
mod plain;
mod refer;
mod refer_outside;
mod registration;
mod send;
pub mod session_timer;
mod state;
mod takeover;
mod within;

pub use config::{Config, Reliable};
pub use event::{CallRef, CommandError, Ending, Event, LookupId, RequestRef};
pub use pager::MessageId;
pub use refer::ReferRef;
pub use state::{CallTimer, Phase, Timer};

use crate::dialog::{Dialog, DialogId, Role, Scope, failure_scope};
use crate::endpoint::{Endpoint, FlowId, SipEvent, SipInput, SipTransmit, TransactionId};
use crate::message::{HeaderName, Headers, Method, StatusCode};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bodies::sdp_of;
use bytes::Bytes;
use pager::Pager;
use proto_wire::{Instant, Output, Rng, Seed, TimerQueue};
use refer::Referral;
use registration::Registration;
use send::{Pending, Sent};
use state::Call;

/// One user's agent, over an [`Endpoint`] of its own: keeps the user registered, sends messages
/// one after the other to each target and hands over those that come, makes and takes calls,
/// answers OPTIONS.
///
/// | kind | methods |
/// |---|---|
/// | A: getters | [`is_registered`](Self::is_registered), [`registered_flows`](Self::registered_flows), [`gruu`](Self::gruu), [`temporary_gruu`](Self::temporary_gruu), [`service_route`](Self::service_route), [`is_idle`](Self::is_idle), [`calls`](Self::calls), [`phase`](Self::phase), [`dialog`](Self::dialog), [`replaces`](Self::replaces), [`endpoint`](Self::endpoint), [`next_timer`](Self::next_timer) |
/// | B: input | [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout) |
/// | C: commands | [`register`](Self::register), [`unregister`](Self::unregister), [`send_message`](Self::send_message), [`send_message_with`](Self::send_message_with), [`call`](Self::call), [`ring`](Self::ring), [`answer`](Self::answer), [`reject`](Self::reject), [`redirect`](Self::redirect), [`hang_up`](Self::hang_up), [`reinvite`](Self::reinvite), [`update`](Self::update), [`accept`](Self::accept), [`refuse`](Self::refuse), [`request`](Self::request), [`ask`](Self::ask), [`respond`](Self::respond), [`respond_with`](Self::respond_with), [`refer`](Self::refer), [`refer_outside`](Self::refer_outside), [`refer_accept`](Self::refer_accept), [`call_referred`](Self::call_referred), [`refer_progress`](Self::refer_progress), [`looked_up`](Self::looked_up), [`close_flow`](Self::close_flow) |
/// | D: output | [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout) |
///
/// ```
/// use core::net::SocketAddr;
/// use proto_wire::{Instant, Output, Seed};
/// use sip_proto::endpoint::{self, Listener, SipInput};
/// use sip_proto::ua::{Config, Event, UserAgent};
/// use sip_proto::{StatusCode, Transport};
///
/// let here = |n: u8| SocketAddr::from(([192, 0, 2, n], 5060));
/// let agent = |n: u8| {
///     let below = endpoint::Config::new([Listener::new(Transport::Udp, here(n))]);
///     let config = Config::new(&format!("sip:{n}@example.com"), below)?;
///     Ok::<_, Box<dyn std::error::Error>>(UserAgent::new(Instant::ZERO, config, Seed::from_u64(n.into())))
/// };
/// let mut agents = [agent(0)?, agent(1)?];
/// let now = Instant::ZERO;
/// agents[0].call(now, "sip:bob@192.0.2.1", Some("v=0\r\n..".into()))?;
/// agents[0].send_message(now, "sip:bob@192.0.2.1", "text/plain", "pick up!")?;
/// // Carry datagrams from one to the other until both are silent.
/// let (mut rang, mut answered, mut read) = (false, false, false);
/// let mut silent = 0;
/// while silent < 2 {
///     for n in [0_u8, 1] {
///         let (from, to) = (here(n), here(1 - n));
///         silent += 1;
///         while let Some(output) = agents[usize::from(n)].poll_output() {
///             silent = 0;
///             match output {
///                 Output::Transmit(t) => {
///                     let input = SipInput::Datagram { local: to, remote: from, data: &t.payload };
///                     agents[usize::from(1 - n)].handle_input(now, input);
///                 }
///                 Output::Event(Event::Incoming { call, .. }) => {
///                     agents[1].ring(now, call, StatusCode::RINGING, None)?;
///                     agents[1].answer(now, call, Some("v=0\r\n..".into()))?;
///                 }
///                 Output::Event(Event::Progress { .. }) => rang = true,
///                 Output::Event(Event::Answered { .. }) => answered = true,
///                 Output::Event(Event::Message { body, .. }) => read = body == "pick up!",
///                 Output::Event(_) => {}
///             }
///         }
///     }
/// }
/// assert!(rang && answered && read);
/// // Then sleep until input, or until this time: handle_timeout.
/// assert!(agents[0].poll_timeout().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct UserAgent {
    config: Arc<Config>,
    endpoint: Endpoint,
    rng: Rng,
    now: Instant,
    /// One for each flow (RFC 5626 §4.2).
    registrations: Vec<Registration>,
    pager: Pager,
    calls: BTreeMap<CallRef, Call>,
    next_call: u64,
    dialogs: BTreeMap<DialogId, CallRef>,
    refers: BTreeMap<ReferRef, Referral>,
    next_refer: u64,
    next_request: u64,
    uses: BTreeMap<TransactionId, Use>,
    /// What went out in our transactions, to send it again with other credentials: those of
    /// streams end before their answer is told.
    sent: BTreeMap<TransactionId, Sent>,
    lookups: BTreeMap<LookupId, Pending>,
    next_lookup: u64,
    /// Which outbound proxy: the first, or one of the spare ones.
    outbound: usize,
    timers: TimerQueue<Timer>,
    told: Vec<Event>,
    output: VecDeque<Output<SipTransmit, Event>>,
    #[cfg(feature = "digest")]
    auth: proto_wire::digest::Client,
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// The registration over this flow.
    Register(usize),
    Message(MessageId),
    /// Our first INVITE.
    Invite(CallRef),
    /// Our re-INVITE or UPDATE.
    Change(CallRef),
    Bye(CallRef),
    /// The BYE of a fork that is not the call.
    ForkBye,
    Prack(CallRef, usize),
    Refer(ReferRef),
    Notify(ReferRef),
    /// The application's request.
    Plain(RequestRef, Option<CallRef>),
    /// The peer's first INVITE.
    Incoming(CallRef),
    /// The peer's re-INVITE.
    Reinvite(CallRef),
    /// A request of the peer that waits for the application.
    Asked,
}

impl UserAgent {
    /// An agent that is not registered and has no calls.
    #[must_use]
    pub fn new(now: Instant, config: impl Into<Arc<Config>>, seed: Seed) -> Self {
        let config = config.into();
        let mut rng = Rng::new(&seed);
        let endpoint = Endpoint::new(now, Arc::clone(&config.endpoint), rng.seed());
        let flows = config.flows.len().saturating_add(1);
        let registrations = (0..flows).map(|_| Registration::new(&config, &mut rng)).collect();
        Self {
            endpoint,
            rng,
            now,
            registrations,
            pager: Pager::default(),
            calls: BTreeMap::new(),
            next_call: 0,
            dialogs: BTreeMap::new(),
            refers: BTreeMap::new(),
            next_refer: 0,
            next_request: 0,
            uses: BTreeMap::new(),
            sent: BTreeMap::new(),
            lookups: BTreeMap::new(),
            next_lookup: 0,
            outbound: 0,
            timers: TimerQueue::new(),
            told: Vec::new(),
            output: VecDeque::new(),
            #[cfg(feature = "digest")]
            auth: proto_wire::digest::Client::new(config.credentials.iter().cloned()),
            config,
        }
    }

    /// The calls that are not over.
    pub fn calls(&self) -> impl Iterator<Item = CallRef> {
        self.calls.iter().filter(|(_, c)| c.phase != Phase::Over).map(|(call, _)| *call)
    }

    /// How far a call is; [`Phase::Over`] for one that is not there any more.
    #[must_use]
    pub fn phase(&self, call: CallRef) -> Phase {
        self.calls.get(&call).map_or(Phase::Over, |c| c.phase)
    }

    /// The dialog of a call, once there is one.
    #[must_use]
    pub fn dialog(&self, call: CallRef) -> Option<&Dialog> {
        self.calls.get(&call)?.current().map(|leg| &leg.dialog)
    }

    /// The value of a Replaces header that takes this call over (RFC 3891), for the Refer-To of
    /// an attended transfer.
    #[must_use]
    pub fn replaces(&self, call: CallRef) -> Option<String> {
        let id = self.dialog(call)?.id();
        // Who receives it sees our tag as the remote one.
        let to_tag = id.remote_tag().unwrap_or("0");
        Some(alloc::format!("{};to-tag={to_tag};from-tag={}", id.call_id(), id.local_tag()))
    }

    /// The transactions below.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// When the next timer fires, and which. Transactions have timers of their own.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// Takes what the host reports.
    pub fn handle_input(&mut self, now: Instant, input: SipInput<'_>) {
        self.advance(now);
        self.endpoint.handle_input(self.now, input);
        self.pump();
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        self.endpoint.handle_timeout(self.now);
        self.pump();
        while let Some(timer) = self.timers.expire(self.now) {
            match timer {
                Timer::Call(call, timer) => self.fired(call, timer),
                Timer::Register(flow) => self.registration_due(flow),
                Timer::KeepAlive(flow) => self.keep_alive_due(flow),
                Timer::Pong(flow) => self.pong_missed(flow),
                Timer::Refer(refer) => self.referral_due(refer),
            }
            self.pump();
        }
    }

    /// The next thing to send or to tell.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<SipTransmit, Event>> {
        self.output.pop_front()
    }

    /// When [`UserAgent::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = self.timers.next().map(|(at, _)| at);
        own.into_iter().chain(self.endpoint.poll_timeout()).min()
    }

    /// Ends a stream.
    ///
    /// # Errors
    /// `NoFlow` when it is not open.
    pub fn close_flow(&mut self, now: Instant, flow: FlowId) -> Result<(), CommandError> {
        self.advance(now);
        self.endpoint.close_flow(self.now, flow)?;
        self.pump();
        Ok(())
    }

    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Carries what comes from below upwards. What one event makes us send stands before what
    /// it makes us tell.
    fn pump(&mut self) {
        let mut below = VecDeque::new();
        loop {
            while let Some(output) = self.endpoint.poll_output() {
                match output {
                    Output::Transmit(transmit) => self.output.push_back(Output::Transmit(transmit)),
                    Output::Event(event) => below.push_back(event),
                }
            }
            self.output.extend(self.told.drain(..).map(Output::Event));
            let Some(event) = below.pop_front() else { return };
            self.below(event);
        }
    }

    fn below(&mut self, event: SipEvent) {
        match event {
            SipEvent::Request { id, request, path } => self.receive(id, request, path),
            SipEvent::Ack { request, .. } => self.receive_ack(&request),
            SipEvent::Cancelled { id } => self.cancelled(id),
            SipEvent::Response { id, response } => self.receive_response(id, response),
            SipEvent::TimedOut { id } => self.unanswered(id, Ending::TimedOut),
            SipEvent::TransportFailed { id } => self.unanswered(id, Ending::Unreachable),
            SipEvent::Terminated { id } => self.terminated(id),
            other => {
                match other {
                    SipEvent::FlowClosed { flow, .. } => self.registration_lost_flow(flow),
                    SipEvent::Pong { flow } => self.pong(flow),
                    SipEvent::Mapped { path, address } => self.mapped(path, address),
                    SipEvent::Unmapped { path } => self.unmapped(path),
                    _ => {}
                }
                self.tell(Event::Endpoint(other));
            }
        }
    }

    fn terminated(&mut self, id: TransactionId) {
        self.sent.remove(&id);
        let Some(Use::Invite(call)) = self.uses.remove(&id) else { return };
        let Some(known) =
            self.calls.get_mut(&call).filter(|c| c.invite == Some(id) || c.set.is_some())
        else {
            return;
        };
        // An INVITE that was sent anew has another transaction now.
        let resent = self.uses.values().any(|u| *u == Use::Invite(call));
        if !resent {
            known.set = None;
            self.release(call);
        }
    }

    fn fired(&mut self, call: CallRef, timer: CallTimer) {
        match timer {
            CallTimer::Ring => self.rang_out(call),
            CallTimer::CancelGiveUp => self.cancelled_in_vain(call),
            CallTimer::OkAgain => self.ok_again(call),
            CallTimer::OkGiveUp => self.hang(call, Ending::NoAck),
            CallTimer::ReliableAgain => self.reliable_again(call),
            CallTimer::ReliableGiveUp => self.reliable_lost(call),
            CallTimer::StillRinging => self.still_ringing(call),
            CallTimer::GlareOver => self.change_again(call),
            CallTimer::Refresh => self.refresh(call),
            CallTimer::Expire => self.hang(call, Ending::Expired),
        }
    }

    fn tell(&mut self, event: Event) {
        // Nothing is told of a call behind its end: answers that come late are nobody's.
        let late = event.call().is_some_and(|call| self.phase(call) == Phase::Over);
        if late && !matches!(event, Event::Ended { .. } | Event::Referred { .. }) {
            return;
        }
        self.tell_referrer(&event);
        self.told.push(event);
    }

    fn tell_sdp(
        &mut self,
        call: CallRef,
        meaning: crate::offer_answer::Meaning,
        sdp: Option<Bytes>,
    ) {
        if let (Some(sdp), true) = (sdp, meaning != crate::offer_answer::Meaning::Nothing) {
            self.tell(Event::Description { call, meaning, sdp });
        }
    }

    fn add(&mut self, role: Role, phase: Phase) -> CallRef {
        let call = self.new_ref();
        self.calls.insert(call, Call::new(role, phase));
        call
    }

    const fn new_ref(&mut self) -> CallRef {
        let call = CallRef(self.next_call);
        self.next_call = self.next_call.saturating_add(1);
        call
    }

    fn live(&mut self, call: CallRef, verb: &'static str) -> Result<&mut Call, CommandError> {
        self.calls.get_mut(&call).filter(|c| c.is_live()).ok_or(CommandError::NoCall(verb))
    }

    fn set_timer(&mut self, call: CallRef, timer: CallTimer, after: core::time::Duration) {
        self.timers.set(Timer::Call(call, timer), self.now.saturating_add(after));
    }

    fn stop_timer(&mut self, call: CallRef, timer: CallTimer) {
        self.timers.stop(&Timer::Call(call, timer));
    }

    /// The call is over. It stays only while late answers to its INVITE can come.
    fn end(&mut self, call: CallRef, why: Ending) {
        let Some(known) = self.calls.get_mut(&call).filter(|c| c.phase != Phase::Over) else {
            return;
        };
        known.phase = Phase::Over;
        // RFC 3261 §15.1.2: what waits for an answer of the application gets ours.
        let waiting = known.owed.take().and_then(state::Owed::asked);
        let (kept, waits) = (known.leg, known.set.is_some());
        for timer in CallTimer::ALL {
            self.timers.stop(&Timer::Call(call, timer));
        }
        if waits {
            // A peer that ended the call and never answers its INVITE must not keep it here: nothing
            // but us ends the Proceeding state.
            let wait = self.config.endpoint.timers.t1.saturating_mul(64);
            self.set_timer(call, CallTimer::CancelGiveUp, wait);
        }
        if let Some(id) = waiting {
            self.answer_with(id, StatusCode::REQUEST_TERMINATED);
        }
        let shared = self.has_referrals(call);
        let calls = &self.calls;
        let of_leg = |id: &DialogId| calls.get(&call).and_then(|c| c.leg_of(id)) == Some(kept);
        self.dialogs.retain(|id, of| *of != call || (shared && of_leg(id)));
        self.lookups.retain(|_, pending| pending.call() != Some(call));
        // RFC 5057 §5.1: some failures take the whole dialog with them.
        let lost = matches!(why, Ending::Lost(status) if failure_scope(status) == Scope::Dialog);
        self.tell(Event::Ended { call, why });
        if lost {
            self.end_referrals_of(call);
        }
        self.release(call);
    }

    /// Forgets a call that is over when nothing needs it any more: neither late answers to its
    /// INVITE nor the subscriptions in its dialog.
    fn release(&mut self, call: CallRef) {
        let over = self.calls.get(&call).is_some_and(|c| c.phase == Phase::Over && c.set.is_none());
        if over && !self.has_referrals(call) {
            self.timers.stop(&Timer::Call(call, CallTimer::CancelGiveUp));
            if let Some(invite) = self.calls.remove(&call).and_then(|known| known.invite) {
                // A change that was asked for and never answered: nothing but us ends it.
                let _gone = self.endpoint.abandon(self.now, invite);
            }
            self.dialogs.retain(|_, of| *of != call);
        }
    }
}

fn lists(headers: Headers<'_>, name: HeaderName, word: &str) -> bool {
    let words = headers.all(name).flat_map(|row| row.split(','));
    words.into_iter().any(|w| w.trim().eq_ignore_ascii_case(word))
}

/// Whether the peer says that it takes UPDATE.
fn allows_update(headers: Headers<'_>) -> bool {
    lists(headers, HeaderName::ALLOW, Method::Update.as_str())
}

crate::endpoint::drive_by_traits!(UserAgent, Event);

/// 408 of our own, when no answer came (RFC 3261 §8.1.3.1).
const NO_ANSWER: StatusCode = StatusCode::REQUEST_TIMEOUT;

#[cfg(test)]
mod tests;
