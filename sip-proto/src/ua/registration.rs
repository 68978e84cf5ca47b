//! Staying registered (RFC 3261 §10.2), with Path and Service-Route (RFC 3327, 3608), GRUU
//! (RFC 5627), and a stream that is kept alive (RFC 5626).

use super::{CommandError, Config, Event, Timer, Use, UserAgent};
use crate::endpoint::{FlowId, Path, Target};
use crate::headers::{
    Contact, Expires, FlowTimer, MinExpires, RetryAfter, ServiceRoute, Transport,
};
use crate::message::{HeaderName, Method, ResponseBuf, StatusCode};
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::{HexToken, Instant, Rng};

/// What is known of the one registration of an agent.
#[derive(Debug)]
pub(super) struct Registration {
    call_id: HexToken<32>,
    tag: HexToken<12>,
    pub(super) cseq: u32,
    /// What is asked for; a 423 makes it larger.
    expires: u32,
    /// Whether the user wants to be registered.
    wanted: bool,
    busy: bool,
    alive_until: Option<Instant>,
    failures: u32,
    /// What the registrar wants requests of ours to go through.
    service_route: Vec<String>,
    gruu: Option<String>,
    /// Where the last REGISTER went.
    pub(super) target: Option<Target>,
    pub(super) keep_alive: KeepAlive,
}

/// The keep-alive of the stream that the registration goes over.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    flow: Option<FlowId>,
    longest: Duration,
    /// Whether the peer answers: a silent one that never did may know nothing of it.
    answers: bool,
}

/// Our binding as the registrar tells it.
#[derive(Debug, Default)]
struct Own {
    found: bool,
    expires: Option<u32>,
    gruu: Option<String>,
}

/// RFC 5626 §4.5: what doubles with each failure, and the most that it grows to.
const RETRY: Duration = Duration::from_secs(30);
const RETRY_MAX: Duration = Duration::from_secs(1800);
/// How long a pong may take (RFC 5626 §4.4.1).
const PONG: Duration = Duration::from_secs(10);

impl Registration {
    pub(super) fn new(config: &Config, rng: &mut Rng) -> Self {
        Self {
            call_id: rng.hex(),
            tag: rng.hex(),
            cseq: 0,
            expires: config.expires,
            wanted: false,
            busy: false,
            alive_until: None,
            failures: 0,
            service_route: Vec::new(),
            gruu: None,
            target: None,
            keep_alive: KeepAlive::default(),
        }
    }
}

impl UserAgent {
    /// Whether the registrar has confirmed the registration, and it has not ended.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.registration.alive_until.is_some_and(|until| until > self.now)
    }

    /// The public GRUU of this instance (RFC 5627), while registered.
    #[must_use]
    pub fn gruu(&self) -> Option<&str> {
        self.registration.gruu.as_deref().filter(|_| self.is_registered())
    }

    /// What requests outside of dialogs go through (RFC 3608), while registered.
    #[must_use]
    pub fn service_route(&self) -> &[String] {
        if self.is_registered() { &self.registration.service_route } else { &[] }
    }

    /// Registers the contact, and keeps it registered. The outcome is
    /// [`Event::Registered`] or [`Event::RegistrationFailed`].
    ///
    /// # Errors
    /// What the message or the transactions below lack; the agent is not registered then.
    pub fn register(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        if self.registration.busy {
            self.registration.wanted = true;
            return Ok(());
        }
        self.send_register(self.config.expires)?;
        self.registration.expires = self.config.expires;
        self.registration.failures = 0;
        self.registration.wanted = true;
        self.pump();
        Ok(())
    }

    /// Removes the contact. The outcome is [`Event::Unregistered`] or
    /// [`Event::RegistrationFailed`].
    ///
    /// # Errors
    /// As [`UserAgent::register`]; the contact is not refreshed any more in any case.
    pub fn unregister(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        self.timers.stop(&Timer::Register);
        self.registration.wanted = false;
        if !self.registration.busy {
            self.send_register(0)?;
            self.pump();
        }
        Ok(())
    }

    fn send_register(&mut self, expires: u32) -> Result<(), CommandError> {
        let transport = self.transport_out(&self.config.registrar);
        let contact = self.own_contact(transport, false);
        let cseq = self.registration.cseq.saturating_add(1);
        let (call_id, tag) = (self.registration.call_id, self.registration.tag);
        let config = alloc::sync::Arc::clone(&self.config);
        let ids = (call_id.as_str(), tag.as_str(), cseq);
        let mut request = self.outside(Method::Register, &config.registrar, &config.identity, ids);
        let mut binding = alloc::format!("<{contact}>");
        let mut supported = String::from("path");
        if let Some(instance) = &config.instance {
            // Writing to a string cannot fail.
            binding.push_str(&alloc::format!(";+sip.instance=\"<{instance}>\""));
            supported.push_str(", gruu");
            if let Some(number) = config.reg_id {
                binding.push_str(&alloc::format!(";reg-id={number}"));
                supported.push_str(", outbound");
            }
        }
        request = request
            .header(HeaderName::CONTACT, binding)
            .header(HeaderName::EXPIRES, expires)
            .header(HeaderName::ALLOW, config.allow())
            .header(HeaderName::SUPPORTED, supported);
        let request = request.build()?;
        self.send_outside(Use::Register, &request, &config.registrar)?;
        self.registration.cseq = cseq;
        self.registration.busy = true;
        Ok(())
    }

    /// The transport of requests outside of dialogs to `uri`.
    pub(super) fn transport_out(&self, uri: &str) -> Transport {
        let target = self.outbound().or_else(|| super::send::target_of(uri));
        let first = self.config.endpoint.listeners.first().map(|l| l.transport);
        match target {
            Some(Target::Address(transport, _)) => Some(transport),
            Some(Target::Flow(flow)) => self.endpoint.transport_of(Path::Stream(flow)),
            None => first,
        }
        .unwrap_or(Transport::Udp)
    }

    /// Where we listen for a transport, as a URI: what a registrar is told.
    fn own_contact(&self, transport: Transport, secure: bool) -> String {
        if let Some(fixed) = &self.config.contact {
            return fixed.clone();
        }
        let listener = self.config.endpoint.listener(transport);
        let sent_by = listener.map_or("127.0.0.1", |l| l.sent_by.as_str());
        let secure = secure || self.config.identity.starts_with("sips:");
        let parameter = match transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            // RFC 3261 §26.2.2: deprecated beside sips, where it says nothing new.
            Transport::Tls if secure => "",
            Transport::Tls => ";transport=tls",
            Transport::Ws | Transport::Wss => ";transport=ws",
        };
        let scheme = if secure { "sips" } else { "sip" };
        alloc::format!("{scheme}:{}@{sent_by}{parameter}", self.config.user)
    }

    /// What peers are told, by the way to them: the GRUU when there is one (RFC 5627 §4.3).
    pub(super) fn contact(&self, path: Option<Path>, hop: &str) -> String {
        if let Some(gruu) = self.gruu() {
            return String::from(gruu);
        }
        let transport = path.and_then(|p| self.endpoint.transport_of(p));
        let transport = transport.unwrap_or_else(|| self.transport_out(hop));
        // RFC 3261 §8.1.1.8: sips wants sips.
        self.own_contact(transport, hop.starts_with("sips:"))
    }

    /// The final answer to a REGISTER, but for challenges that were met.
    pub(super) fn registration_answered(&mut self, response: &ResponseBuf) {
        self.registration.busy = false;
        let status = response.view().status();
        if status == StatusCode::INTERVAL_TOO_BRIEF {
            let min = response.headers().typed::<MinExpires>().ok().flatten().map_or(0, |m| m.0);
            if min > self.registration.expires && self.registration.wanted {
                self.registration.expires = min;
                if self.send_register(min).is_ok() {
                    return;
                }
            }
        }
        if !status.is_success() {
            return self.registration_failed(Some(response));
        }
        self.registered(response);
    }

    fn registered(&mut self, response: &ResponseBuf) {
        let (own, bindings) = self.own_binding(response);
        let asked = if self.registration.wanted { self.registration.expires } else { 0 };
        self.registration.failures = 0;
        let headers = response.headers();
        let header = headers.typed::<Expires>().ok().flatten().map(|e| e.0);
        let granted = own.expires.or(header).unwrap_or(asked);
        if !own.found && !self.registration.wanted {
            self.forget_registration();
            return self.tell(Event::Unregistered);
        }
        if !self.registration.wanted {
            // It was taken back while the REGISTER was on its way.
            if self.send_register(0).is_err() {
                self.registration_failed(None);
            }
            return;
        }
        let life = Duration::from_secs(u64::from(granted.max(1)));
        self.registration.alive_until = Some(self.now.saturating_add(life));
        self.timers.set(Timer::Register, self.now.saturating_add(refresh_after(life)));
        self.registration.gruu = own.gruu;
        self.registration.service_route = headers
            .values::<ServiceRoute<'_>>()
            .flatten()
            .map(|r| String::from_utf8_lossy(r.raw).into_owned())
            .collect();
        let flow_timer = headers.typed::<FlowTimer>().ok().flatten().map(|t| t.0);
        self.begin_keep_alive(flow_timer);
        self.tell(Event::Registered { expires: granted, bindings });
    }

    /// Our binding among all that the registrar tells, and how many there are: by instance and
    /// number of the flow, else the same contact. Some registrars rewrite contacts: then the user
    /// part must do, or that there is only one.
    fn own_binding(&self, response: &ResponseBuf) -> (Own, usize) {
        let own = self.own_contact(self.transport_out(&self.config.registrar), false);
        let own = Uri::parse(own.as_bytes()).ok();
        let own_user = own.as_ref().and_then(Uri::as_sip).and_then(|s| s.user);
        let (mut by_instance, mut exact, mut by_user, mut any) = (None, None, None, None);
        let mut count = 0_usize;
        for contact in response.headers().values::<Contact<'_>>().flatten() {
            count = count.saturating_add(1);
            let gruu = contact.gruu().map(String::from);
            let it = || Own { found: true, expires: contact.expires(), gruu: gruu.clone() };
            any.get_or_insert_with(it);
            let instance = contact.instance().zip(self.config.instance.as_deref());
            if let Some((theirs, ours)) = instance {
                if theirs.eq_ignore_ascii_case(ours) && contact.reg_id() == self.config.reg_id {
                    by_instance.get_or_insert_with(it);
                }
                // It says whose it is: another device of the user.
                continue;
            }
            let Some(uri) = contact.address().and_then(|a| a.uri().ok()) else { continue };
            if own.as_ref().is_some_and(|own| own.equivalent(&uri)) {
                exact.get_or_insert_with(it);
            }
            let user = uri.as_sip().and_then(|s| s.user);
            if user.is_some() && user == own_user {
                by_user.get_or_insert_with(it);
            }
        }
        let only = if count == 1 { any } else { None };
        let sure = by_instance.or(exact);
        // After a removal only the exact contact is ours: others may be the user's other phones.
        let found = if self.registration.wanted { sure.or(by_user).or(only) } else { sure };
        (found.unwrap_or_default(), count)
    }

    fn forget_registration(&mut self) {
        self.registration.alive_until = None;
        self.registration.gruu = None;
        self.registration.service_route.clear();
        self.timers.stop(&Timer::Register);
        self.end_keep_alive();
    }

    /// The REGISTER was refused, or not answered.
    pub(super) fn registration_failed(&mut self, response: Option<&ResponseBuf>) {
        let status = response.map(|r| r.view().status());
        self.registration.busy = false;
        let helps = status.is_none_or(|s| s.class() == 5 || matches!(s.as_u16(), 408 | 480));
        let retrying = helps && self.registration.wanted;
        if !helps || !self.registration.wanted {
            // Refused, or not wanted any more: what the registrar still knows runs out there.
            self.registration.wanted = false;
            self.forget_registration();
        }
        self.timers.stop(&Timer::Register);
        if retrying {
            let failures = self.registration.failures.saturating_add(1);
            self.registration.failures = failures;
            // RFC 5626 §4.5: between half and all of 30 s, doubled with each failure.
            let doubled = RETRY.saturating_mul(1_u32.checked_shl(failures.min(6)).unwrap_or(1));
            let most = doubled.min(RETRY_MAX);
            let asked = response.and_then(|r| r.headers().typed::<RetryAfter>().ok().flatten());
            let asked = Duration::from_secs(asked.map_or(0, |r| u64::from(r.0)));
            let wait = self.between(most.checked_div(2).unwrap_or_default(), most).max(asked);
            self.timers.set(Timer::Register, self.now.saturating_add(wait));
        }
        self.tell(Event::RegistrationFailed { status, retrying });
    }

    /// Time to register again.
    pub(super) fn registration_due(&mut self) {
        if !self.registration.wanted || self.registration.busy {
            return;
        }
        if self.send_register(self.registration.expires).is_err() {
            self.registration_failed(None);
        }
    }

    /// A stream ended: the binding that leads over it is worth nothing, so it is made anew
    /// (RFC 5626 §4.5).
    pub(super) fn registration_lost_flow(&mut self, flow: FlowId) {
        if self.registration.keep_alive.flow != Some(flow) {
            return;
        }
        self.end_keep_alive();
        if self.registration.wanted && !self.registration.busy {
            let soon = self.now.saturating_add(Duration::from_secs(1));
            self.timers.set(Timer::Register, soon);
        }
    }

    fn begin_keep_alive(&mut self, flow_timer: Option<u32>) {
        let flow = match self.registration.target {
            Some(Target::Flow(flow)) => Some(flow),
            Some(Target::Address(transport, to)) => self.endpoint.flow_to(transport, to),
            None => None,
        };
        let alive = &mut self.registration.keep_alive;
        if alive.flow != flow {
            *alive = KeepAlive { flow, ..KeepAlive::default() };
        }
        // Who names a time knows what keep-alives are.
        alive.answers |= flow_timer.is_some();
        alive.longest = flow_timer
            .filter(|secs| *secs > 0)
            .map_or(self.config.keep_alive, |secs| Duration::from_secs(u64::from(secs)));
        if flow.is_none() || alive.longest.is_zero() {
            return self.end_keep_alive();
        }
        self.set_ping();
    }

    fn set_ping(&mut self) {
        let longest = self.registration.keep_alive.longest;
        // §4.4.1: between 80 and 100 % of the time.
        let least = longest.saturating_mul(4).checked_div(5).unwrap_or_default();
        let wait = self.between(least, longest);
        self.timers.set(Timer::KeepAlive, self.now.saturating_add(wait));
    }

    fn end_keep_alive(&mut self) {
        self.registration.keep_alive.flow = None;
        self.timers.stop(&Timer::KeepAlive);
        self.timers.stop(&Timer::Pong);
    }

    pub(super) fn keep_alive_due(&mut self) {
        let Some(flow) = self.registration.keep_alive.flow else { return };
        if self.endpoint.ping(self.now, flow).is_err() {
            return self.end_keep_alive();
        }
        if self.registration.keep_alive.answers {
            self.timers.set(Timer::Pong, self.now.saturating_add(PONG));
        }
        self.set_ping();
    }

    pub(super) fn pong(&mut self, flow: FlowId) {
        if self.registration.keep_alive.flow == Some(flow) {
            self.registration.keep_alive.answers = true;
            self.timers.stop(&Timer::Pong);
        }
    }

    /// No pong: the stream is dead, whatever TCP thinks (RFC 5626 §4.4.1).
    pub(super) fn pong_missed(&mut self) {
        if let Some(flow) = self.registration.keep_alive.flow {
            // A stream that is gone has its own event.
            let _gone = self.endpoint.close_flow(self.now, flow);
        }
    }

    /// A time between two, in milliseconds.
    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
        least.saturating_add(Duration::from_millis(self.rng.below(span.saturating_add(1))))
    }
}

/// Early enough for two attempts: at nine tenths, but at least 5 s before the end.
fn refresh_after(life: Duration) -> Duration {
    let tenth = life.checked_div(10).unwrap_or_default();
    let margin = tenth.max(Duration::from_secs(5)).min(life.checked_div(2).unwrap_or_default());
    life.saturating_sub(margin)
}
