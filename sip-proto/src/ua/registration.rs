//! Staying registered (RFC 3261 §10.2), with Path and Service-Route (RFC 3327, 3608), GRUU
//! (RFC 5627), over one flow or several (RFC 5626).

use super::keep_alive::KeepAlive;
use super::{CommandError, Config, Event, Timer, Use, UserAgent};
use crate::endpoint::{Path, Target};
use crate::headers::{Contact, Expires, MinExpires, RetryAfter, ServiceRoute, Transport};
use crate::message::{HeaderName, Method, ResponseBuf, StatusCode};
use crate::uri::Uri;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::{HexToken, Instant, Rng};

/// What is known of the registration over one flow.
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
    temporary_gruu: Option<String>,
    /// Where the last REGISTER went.
    pub(super) target: Option<Target>,
    pub(super) keep_alive: KeepAlive,
}

/// Our binding as the registrar tells it.
#[derive(Debug, Default)]
struct Own {
    found: bool,
    expires: Option<u32>,
    gruu: Option<String>,
    temporary_gruu: Option<String>,
}

/// RFC 5626 §4.5: what doubles with each failure, when no flow is left and when others are, and the
/// most that it grows to.
const RETRY: Duration = Duration::from_secs(30);
const RETRY_OF_SOME: Duration = Duration::from_secs(90);
const RETRY_MAX: Duration = Duration::from_secs(1800);

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
            temporary_gruu: None,
            target: None,
            keep_alive: KeepAlive::default(),
        }
    }

    /// Whether the user wants it and nothing is being done about it.
    pub(super) const fn is_idle(&self) -> bool {
        self.wanted && !self.busy
    }

    fn is_alive(&self, now: Instant) -> bool {
        self.alive_until.is_some_and(|until| until > now)
    }
}

impl UserAgent {
    /// Whether the registrar has confirmed the registration, over one flow at least, and it has not
    /// ended.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.alive().is_some()
    }

    /// Over how many flows the agent is registered (RFC 5626 §4.2).
    #[must_use]
    pub fn registered_flows(&self) -> usize {
        self.registrations.iter().filter(|r| r.is_alive(self.now)).count()
    }

    pub(super) fn is_flow_alive(&self, flow: usize) -> bool {
        self.registrations.get(flow).is_some_and(|r| r.is_alive(self.now))
    }

    /// The first registration that is there.
    fn alive(&self) -> Option<&Registration> {
        self.registrations.iter().find(|r| r.is_alive(self.now))
    }

    /// The public GRUU of this instance (RFC 5627), while registered.
    #[must_use]
    pub fn gruu(&self) -> Option<&str> {
        self.registrations.iter().filter(|r| r.is_alive(self.now)).find_map(|r| r.gruu.as_deref())
    }

    /// The newest temporary GRUU of this instance, which does not say whose it is (RFC 5627 §3.1.2),
    /// while registered.
    #[must_use]
    pub fn temporary_gruu(&self) -> Option<&str> {
        let alive = self.registrations.iter().filter(|r| r.is_alive(self.now));
        alive.into_iter().find_map(|r| r.temporary_gruu.as_deref())
    }

    /// What requests outside of dialogs go through (RFC 3608), while registered.
    #[must_use]
    pub fn service_route(&self) -> &[String] {
        self.alive().map_or(&[], |r| &r.service_route)
    }

    /// Registers the contact, and keeps it registered, over each flow of the configuration. The
    /// outcome of each is [`Event::Registered`] or [`Event::RegistrationFailed`].
    ///
    /// # Errors
    /// What the message or the transactions below lack; the agent is not registered then.
    pub fn register(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        for flow in 0..self.registrations.len() {
            let busy = self.registrations.get(flow).is_some_and(|r| r.busy);
            if !busy {
                let sent = self.send_register(flow, self.config.expires);
                // What one flow lacks the others lack too, but for its own stream.
                if flow == 0 {
                    sent?;
                } else if sent.is_err() {
                    self.want(flow);
                    self.registration_failed(flow, None);
                    continue;
                }
            }
            self.want(flow);
            if let Some(own) = self.registrations.get_mut(flow).filter(|_| !busy) {
                own.expires = self.config.expires;
                own.failures = 0;
            }
        }
        self.pump();
        Ok(())
    }

    fn want(&mut self, flow: usize) {
        if let Some(own) = self.registrations.get_mut(flow) {
            own.wanted = true;
        }
    }

    /// Removes the contact, from all flows. The outcome is [`Event::Unregistered`] or
    /// [`Event::RegistrationFailed`].
    ///
    /// # Errors
    /// As [`UserAgent::register`]; the contact is not refreshed any more in any case.
    pub fn unregister(&mut self, now: Instant) -> Result<(), CommandError> {
        self.advance(now);
        let mut outcome = Ok(());
        for flow in 0..self.registrations.len() {
            self.timers.stop(&Timer::Register(flow));
            let Some(own) = self.registrations.get_mut(flow) else { continue };
            own.wanted = false;
            if !own.busy {
                let sent = self.send_register(flow, 0);
                outcome = outcome.and(sent);
            }
        }
        self.pump();
        outcome
    }

    /// The edge proxy of a flow: the first is the outbound proxy.
    pub(super) fn edge(&self, flow: usize) -> Option<Target> {
        match flow.checked_sub(1) {
            None if self.config.flows.is_empty() => self.outbound(),
            None => self.config.outbound,
            Some(n) => self.config.flows.get(n).copied(),
        }
    }

    /// Which registration goes over it: none says so when there is but one.
    fn reg_id(&self, flow: usize) -> Option<u32> {
        if self.config.flows.is_empty() {
            return self.config.reg_id;
        }
        let first = self.config.reg_id.unwrap_or(1);
        Some(first.saturating_add(u32::try_from(flow).unwrap_or(u32::MAX)))
    }

    fn send_register(&mut self, flow: usize, expires: u32) -> Result<(), CommandError> {
        let transport = self.transport_of_flow(flow);
        let contact = self.own_contact(transport, false);
        let Some(own) = self.registrations.get(flow) else { return Ok(()) };
        let cseq = own.cseq.saturating_add(1);
        let (call_id, tag) = (own.call_id, own.tag);
        let config = alloc::sync::Arc::clone(&self.config);
        let ids = (call_id.as_str(), tag.as_str(), cseq);
        let mut request = self.outside(Method::Register, &config.registrar, &config.identity, ids);
        let mut binding = alloc::format!("<{contact}>");
        let mut supported = String::from("path");
        if let Some(instance) = &config.instance {
            // Writing to a string cannot fail.
            binding.push_str(&alloc::format!(";+sip.instance=\"<{instance}>\""));
            supported.push_str(", gruu");
            if let Some(number) = self.reg_id(flow) {
                binding.push_str(&alloc::format!(";reg-id={number}"));
                supported.push_str(", outbound");
            }
        }
        binding.push_str(config.features.as_str());
        request = request
            .header(HeaderName::CONTACT, binding)
            .header(HeaderName::EXPIRES, expires)
            .header(HeaderName::ALLOW, config.allow())
            .header(HeaderName::SUPPORTED, supported);
        let request = request.build()?;
        match self.edge(flow) {
            Some(edge) => self.launch(Some(Use::Register(flow)), &request, edge)?,
            None => self.send_outside(Use::Register(flow), &request, &config.registrar)?,
        }
        if let Some(own) = self.registrations.get_mut(flow) {
            own.cseq = cseq;
            own.busy = true;
        }
        Ok(())
    }

    fn transport_of_flow(&self, flow: usize) -> Transport {
        match self.edge(flow) {
            Some(Target::Address(transport, _)) => transport,
            _ => self.transport_out(&self.config.registrar),
        }
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

    /// The value of Contact that peers are told, by the way to them, with what we can do (RFC 3840 §7, §8).
    pub(super) fn contact(&self, path: Option<Path>, hop: &str) -> String {
        alloc::format!("<{}>{}", self.contact_uri(path, hop), self.config.features)
    }

    /// The GRUU when there is one (RFC 5627 §4.3), and the temporary one when they shall not learn who we
    /// are.
    fn contact_uri(&self, path: Option<Path>, hop: &str) -> String {
        if let Some(gruu) = self.temporary_gruu().filter(|_| self.config.anonymous) {
            return String::from(gruu);
        }
        if let Some(gruu) = self.gruu() {
            return String::from(gruu);
        }
        let transport = path.and_then(|p| self.endpoint.transport_of(p));
        let transport = transport.unwrap_or_else(|| self.transport_out(hop));
        // RFC 3261 §8.1.1.8: sips wants sips.
        let mut own = self.own_contact(transport, hop.starts_with("sips:"));
        // RFC 5626 §4.3: who stands between shall keep to the flow.
        if self.reg_id(0).is_some() && self.config.instance.is_some() && self.is_registered() {
            own.push_str(";ob");
        }
        own
    }

    /// The final answer to a REGISTER, but for challenges that were met.
    pub(super) fn registration_answered(&mut self, flow: usize, response: &ResponseBuf) {
        let Some(own) = self.registrations.get_mut(flow) else { return };
        own.busy = false;
        let status = response.view().status();
        if status == StatusCode::INTERVAL_TOO_BRIEF {
            let min = response.headers().typed::<MinExpires>().ok().flatten().map_or(0, |m| m.0);
            if min > own.expires && own.wanted {
                own.expires = min;
                if self.send_register(flow, min).is_ok() {
                    return;
                }
            }
        }
        if !status.is_success() {
            return self.registration_failed(flow, Some(response));
        }
        self.registered(flow, response);
    }

    fn registered(&mut self, flow: usize, response: &ResponseBuf) {
        let (found, bindings) = self.own_binding(flow, response);
        let Some(own) = self.registrations.get_mut(flow) else { return };
        let asked = if own.wanted { own.expires } else { 0 };
        own.failures = 0;
        let headers = response.headers();
        let header = headers.typed::<Expires>().ok().flatten().map(|e| e.0);
        let granted = found.expires.or(header).unwrap_or(asked);
        if !found.found && !own.wanted {
            self.forget_registration(flow);
            if self.registrations.iter().all(|r| !r.busy && r.alive_until.is_none()) {
                self.tell(Event::Unregistered);
            }
            return;
        }
        if !own.wanted {
            // It was taken back while the REGISTER was on its way.
            if self.send_register(flow, 0).is_err() {
                self.registration_failed(flow, None);
            }
            return;
        }
        let life = Duration::from_secs(u64::from(granted.max(1)));
        own.alive_until = Some(self.now.saturating_add(life));
        self.timers.set(Timer::Register(flow), self.now.saturating_add(refresh_after(life)));
        own.gruu = found.gruu;
        own.temporary_gruu = found.temporary_gruu;
        own.service_route = headers
            .values::<ServiceRoute<'_>>()
            .flatten()
            .map(|r| String::from_utf8_lossy(r.raw).into_owned())
            .collect();
        self.begin_keep_alive(flow, headers);
        self.tell(Event::Registered { expires: granted, bindings, flow });
    }

    /// Our binding among all that the registrar tells, and how many there are: by instance and
    /// number of the flow, else the same contact. Some registrars rewrite contacts: then the user
    /// part must do, or that there is only one.
    fn own_binding(&self, flow: usize, response: &ResponseBuf) -> (Own, usize) {
        let own = self.own_contact(self.transport_of_flow(flow), false);
        let reg_id = self.reg_id(flow);
        let own = Uri::parse(own.as_bytes()).ok();
        let own_user = own.as_ref().and_then(Uri::as_sip).and_then(|s| s.user);
        let (mut by_instance, mut exact, mut by_user, mut any) = (None, None, None, None);
        let mut count = 0_usize;
        for contact in response.headers().values::<Contact<'_>>().flatten() {
            count = count.saturating_add(1);
            let gruu = contact.gruu().map(String::from);
            let temporary_gruu = contact.temporary_gruu().map(String::from);
            let it = || Own {
                found: true,
                expires: contact.expires(),
                gruu: gruu.clone(),
                temporary_gruu: temporary_gruu.clone(),
            };
            any.get_or_insert_with(it);
            let instance = contact.instance().zip(self.config.instance.as_deref());
            if let Some((theirs, ours)) = instance {
                if theirs.eq_ignore_ascii_case(ours) && contact.reg_id() == reg_id {
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
        let wanted = self.registrations.get(flow).is_some_and(|r| r.wanted);
        // After a removal only the exact contact is ours: others may be the user's other phones.
        let found = if wanted { sure.or(by_user).or(only) } else { sure };
        (found.unwrap_or_default(), count)
    }

    fn forget_registration(&mut self, flow: usize) {
        if let Some(own) = self.registrations.get_mut(flow) {
            own.alive_until = None;
            own.gruu = None;
            own.temporary_gruu = None;
            own.service_route.clear();
        }
        self.timers.stop(&Timer::Register(flow));
        self.end_keep_alive(flow);
    }

    /// The REGISTER was refused, or not answered.
    pub(super) fn registration_failed(&mut self, flow: usize, response: Option<&ResponseBuf>) {
        let status = response.map(|r| r.view().status());
        let Some(own) = self.registrations.get_mut(flow) else { return };
        own.busy = false;
        let helps = status.is_none_or(|s| s.class() == 5 || matches!(s.as_u16(), 408 | 480));
        let retrying = helps && own.wanted;
        if !helps || !own.wanted {
            // Refused, or not wanted any more: what the registrar still knows runs out there.
            own.wanted = false;
            self.forget_registration(flow);
        } else if !self.config.flows.is_empty() {
            // Requests go over another flow, when there is one.
            own.alive_until = None;
        }
        self.timers.stop(&Timer::Register(flow));
        if retrying {
            let base = if self.is_registered() && !self.config.flows.is_empty() {
                RETRY_OF_SOME
            } else {
                RETRY
            };
            let Some(own) = self.registrations.get_mut(flow) else { return };
            own.failures = own.failures.saturating_add(1);
            // RFC 5626 §4.5: between half and all of it, doubled with each failure.
            let doubled = base.saturating_mul(1_u32.checked_shl(own.failures.min(6)).unwrap_or(1));
            let most = doubled.min(RETRY_MAX);
            let asked = response.and_then(|r| r.headers().typed::<RetryAfter>().ok().flatten());
            let asked = Duration::from_secs(asked.map_or(0, |r| u64::from(r.0)));
            let wait = self.between(most.checked_div(2).unwrap_or_default(), most).max(asked);
            self.timers.set(Timer::Register(flow), self.now.saturating_add(wait));
        }
        self.tell(Event::RegistrationFailed { status, retrying, flow });
    }

    /// Time to register again.
    pub(super) fn registration_due(&mut self, flow: usize) {
        let Some(own) = self.registrations.get(flow).filter(|r| r.is_idle()) else { return };
        if self.send_register(flow, own.expires).is_err() {
            self.registration_failed(flow, None);
        }
    }

    /// A time between two, in milliseconds.
    pub(super) fn between(&mut self, least: Duration, most: Duration) -> Duration {
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
