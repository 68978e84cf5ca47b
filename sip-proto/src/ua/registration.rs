//! Staying registered (RFC 3261 §10.2).

use super::{Purpose, UaConfig, UaEvent, UserAgent};
use crate::endpoint::{CommandError, Target};
use crate::headers::{Contact, Expires, MinExpires, Transport};
use crate::message::{HeaderName, Method, ResponseBuf, StatusCode};
use crate::uri::Uri;
use alloc::string::String;
use core::time::Duration;
use proto_wire::{HexToken, Instant, Rng};

#[derive(Debug)]
pub(super) struct Registration {
    call_id: String,
    tag: HexToken<12>,
    cseq: u32,
    /// What is asked for; a 423 makes it larger.
    expires: u32,
    /// Whether the user wants to be registered.
    wanted: bool,
    busy: bool,
    alive_until: Option<Instant>,
    refresh_at: Option<Instant>,
    failures: u32,
}

/// The wait after the first failure; it doubles up to 20 times this.
const RETRY: Duration = Duration::from_secs(30);

impl Registration {
    pub(super) fn new(config: &UaConfig, rng: &mut Rng) -> Self {
        Self {
            call_id: alloc::format!("{}", rng.hex::<32>()),
            tag: rng.hex(),
            cseq: 0,
            expires: config.expires,
            wanted: false,
            busy: false,
            alive_until: None,
            refresh_at: None,
            failures: 0,
        }
    }

    pub(super) const fn tag(&self) -> HexToken<12> {
        self.tag
    }

    pub(super) fn is_alive(&self, now: Instant) -> bool {
        self.alive_until.is_some_and(|until| until > now)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        if self.busy { None } else { self.refresh_at }
    }
}

impl UserAgent {
    /// Registers the contact, and keeps it registered. The outcome is
    /// [`UaEvent::Registered`] or [`UaEvent::RegistrationFailed`].
    ///
    /// # Errors
    /// What the endpoint objects to; the agent is not registered then.
    pub fn register(&mut self, now: Instant) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        self.registration.expires = self.config.expires;
        self.registration.failures = 0;
        if self.registration.busy {
            self.registration.wanted = true;
            return Ok(());
        }
        self.send_register(self.registration.expires)?;
        self.registration.wanted = true;
        self.pump();
        Ok(())
    }

    /// Removes the contact. The outcome is [`UaEvent::Unregistered`] or
    /// [`UaEvent::RegistrationFailed`].
    ///
    /// # Errors
    /// What the endpoint objects to.
    pub fn unregister(&mut self, now: Instant) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        self.registration.refresh_at = None;
        self.registration.wanted = false;
        if !self.registration.busy {
            self.send_register(0)?;
            self.pump();
        }
        Ok(())
    }

    fn send_register(&mut self, expires: u32) -> Result<(), CommandError> {
        let contact = self.contact();
        self.registration.cseq = self.registration.cseq.saturating_add(1);
        let (cseq, call_id) = (self.registration.cseq, self.registration.call_id.clone());
        let config = alloc::sync::Arc::clone(&self.config);
        let (request, answers) =
            self.start(Method::Register, &config.registrar, &config.address, &call_id, cseq, b"");
        let request = request
            .header(HeaderName::CONTACT, format_args!("<{contact}>"))
            .header(HeaderName::EXPIRES, expires)
            .header(HeaderName::ALLOW, "MESSAGE, OPTIONS")
            .build()?;
        let sent = self.endpoint.request(self.now, request.view(), config.outbound)?;
        self.registration.busy = true;
        self.sent.insert(sent, Purpose::Register(answers));
        Ok(())
    }

    /// Our contact: where we listen for the transport that the registrar is reached by.
    fn contact(&self) -> String {
        let transport = match self.config.outbound {
            Target::Address(transport, _) => transport,
            Target::Flow(flow) => self
                .endpoint
                .transport_of(crate::endpoint::Path::Stream(flow))
                .unwrap_or(Transport::Tcp),
        };
        let listener = self.config.endpoint.listener(transport);
        let sent_by = listener.map_or("127.0.0.1", |l| l.sent_by.as_str());
        let parameter = match transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
            Transport::Ws | Transport::Wss => ";transport=ws",
        };
        alloc::format!("sip:{}@{sent_by}{parameter}", self.config.user)
    }

    pub(super) fn registration_answered(&mut self, response: &ResponseBuf, again: bool) {
        self.registration.busy = false;
        let status = response.view().status();
        let asked = if self.registration.wanted { self.registration.expires } else { 0 };
        if again {
            if self.send_register(asked).is_err() {
                self.registration_failed(Some(status));
            }
            return;
        }
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
            return self.registration_failed(Some(status));
        }
        self.registered(response, asked);
    }

    fn registered(&mut self, response: &ResponseBuf, asked: u32) {
        let (own, bindings) = self.own_binding(response);
        self.registration.failures = 0;
        let header = response.headers().typed::<Expires>().ok().flatten().map(|e| e.0);
        let granted = own.flatten().or(header).unwrap_or(asked);
        if own.is_none() && !self.registration.wanted {
            self.registration.alive_until = None;
            self.registration.refresh_at = None;
            return self.tell(UaEvent::Unregistered);
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
        self.registration.refresh_at = Some(self.now.saturating_add(refresh_after(life)));
        self.tell(UaEvent::Registered { expires: granted, bindings });
    }

    /// Our binding among all that the registrar tells, with its `expires`, and how many there are.
    /// Some registrars rewrite contacts: then the user part must do, or that there is only one.
    fn own_binding(&self, response: &ResponseBuf) -> (Option<Option<u32>>, usize) {
        let own = self.contact();
        let own = Uri::parse(own.as_bytes()).ok();
        let (mut exact, mut by_user, mut any) = (None, None, None);
        let mut count = 0_usize;
        for contact in response.headers().values::<Contact<'_>>().flatten() {
            count = count.saturating_add(1);
            let expires = contact.expires();
            any.get_or_insert(expires);
            let Some(uri) = contact.address().and_then(|a| a.uri().ok()) else { continue };
            if own.as_ref().is_some_and(|own| own.equivalent(&uri)) {
                exact.get_or_insert(expires);
            }
            let user = uri.as_sip().and_then(|s| s.user);
            if user.is_some() && user == own.as_ref().and_then(Uri::as_sip).and_then(|s| s.user) {
                by_user.get_or_insert(expires);
            }
        }
        let only = if count == 1 { any } else { None };
        // After a removal only the exact contact is ours: others may be the user's other phones.
        let found = if self.registration.wanted { exact.or(by_user).or(only) } else { exact };
        (found, count)
    }

    pub(super) fn registration_failed(&mut self, status: Option<StatusCode>) {
        let registration = &mut self.registration;
        registration.busy = false;
        let helps = status.is_none_or(|s| s.class() == 5 || matches!(s.as_u16(), 408 | 480));
        let retrying = helps && registration.wanted;
        if !helps {
            registration.wanted = false;
            registration.alive_until = None;
        }
        registration.refresh_at = None;
        if retrying {
            let doubled =
                RETRY.saturating_mul(1_u32.checked_shl(registration.failures.min(5)).unwrap_or(1));
            registration.failures = registration.failures.saturating_add(1);
            registration.refresh_at =
                Some(self.now.saturating_add(doubled.min(RETRY.saturating_mul(20))));
        }
        self.tell(UaEvent::RegistrationFailed { status, retrying });
    }

    pub(super) fn registration_timeout(&mut self) {
        let due = self.registration.next_timeout().is_some_and(|at| at <= self.now);
        if !due || !self.registration.wanted {
            return;
        }
        self.registration.refresh_at = None;
        if self.send_register(self.registration.expires).is_err() {
            self.registration_failed(None);
        }
    }

    /// A stream ended: the binding that leads over it is worth nothing, so it is made anew.
    pub(super) fn registration_lost_flow(&mut self) {
        let over_stream = matches!(self.config.outbound, Target::Address(t, _) if t.is_reliable());
        if over_stream && self.registration.wanted && !self.registration.busy {
            self.registration.refresh_at = Some(self.now.saturating_add(Duration::from_secs(1)));
        }
    }
}

/// Early enough for two attempts: at nine tenths, but at least 5 s before the end.
fn refresh_after(life: Duration) -> Duration {
    let tenth = life.checked_div(10).unwrap_or_default();
    let margin = tenth.max(Duration::from_secs(5)).min(life.checked_div(2).unwrap_or_default());
    life.saturating_sub(margin)
}
