//! From the header to the bound resource: each step takes one element and names the next.

use super::sasl2::Success;
use super::tasks::Offer;
use super::{Client, CloseReason, CommandError, Event, Phase, TlsPolicy};
use crate::jid::Jid;
use crate::link::ProtocolError;
use crate::sasl::{
    BindingType, ChannelBinding, ClientBinding, ClientStep, Mechanism, SaslClient, SaslError,
    SaslFailure, Secret, decode, encode,
};
#[cfg(feature = "scram")]
use crate::sasl::{SaltedPassword, derive};
use crate::sm::SmElement;
use crate::stanza::{Condition, Iq, IqKind, Stanza};
use crate::stream::{
    Features, Reached, STREAM_CLOSE, Step, StreamCondition, StreamError, StreamHeader, StreamOpen,
};
use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use proto_wire::Instant;

/// What an element asks for; decided while the element is borrowed, done after.
pub(super) enum Next {
    Features(Features),
    StreamError(StreamError),
    HandOver,
    NoTls,
    Challenge(Option<alloc::vec::Vec<u8>>),
    Success(Option<alloc::vec::Vec<u8>>),
    Failure(SaslFailure),
    Bound(Option<Jid>),
    Managed(SmElement),
    Success2(Box<Success>),
    Continue(Offer),
    TaskData(Secret),
    SessionDone,
    RegistrationForm,
    Registered,
    RegistrationRefused(Condition),
    Nothing,
    Unexpected,
}

impl Client {
    /// Sends a header: the beginning, and each restart (RFC 6120 §4.3.3).
    pub(super) fn open_stream(&mut self) {
        self.link.restart();
        let jid = self.config.jid.clone();
        let mut open = StreamOpen::new().with_to(jid.domain());
        // RFC 6120 §4.7.1: the own address only where nobody else reads it.
        if self.secure || self.authenticated {
            open = open.with_from(jid.bare());
        }
        if let Some(lang) = &self.config.lang {
            open = open.with_lang(lang);
        }
        let header = open.write(Ns::CLIENT).unwrap_or_default();
        self.link.send(header);
        self.phase = Phase::Header;
    }

    pub(super) fn header(&mut self, bytes: &[u8]) {
        let read = self
            .link
            .scanner
            .element(bytes)
            .ok_or(StreamCondition::BadFormat)
            .and_then(StreamHeader::read)
            .and_then(|header| match (header.carries(Ns::CLIENT), header.version()) {
                (true, Some((1.., _))) => Ok(header.lang().map(Cow::into_owned)),
                (true, _) => Err(StreamCondition::UnsupportedVersion),
                _ => Err(StreamCondition::InvalidNamespace),
            });
        match read {
            Ok(lang) => {
                self.lang = lang;
                if matches!(self.phase, Phase::Header) {
                    self.phase = Phase::Features;
                }
            }
            Err(condition) => self.fail(ProtocolError::Stream(condition)),
        }
    }

    /// Takes an element before the stream is ready.
    pub(super) fn negotiate(&mut self, now: Instant, bytes: &[u8]) {
        let next =
            self.link.scanner.element(bytes).map_or(Next::Unexpected, |element| self.read(element));
        match next {
            Next::Nothing => {}
            Next::StreamError(error) => self.take_stream_error(error),
            Next::Features(features) => self.choose(now, features),
            Next::HandOver => {
                self.phase = Phase::Handshake;
                self.link.event(Event::StartTls);
            }
            Next::NoTls => {
                self.link.send(STREAM_CLOSE.to_string());
                self.end(CloseReason::NoTls);
            }
            Next::Challenge(message) => self.challenge(message),
            Next::Success(message) => self.success(message),
            Next::Success2(success) => self.succeeded(now, *success),
            Next::Continue(offer) => self.take_offer(offer),
            Next::TaskData(data) => self.take_task_data(data),
            Next::Failure(_) if self.retry_without_token() => {}
            Next::Failure(failure) => {
                self.link.send(STREAM_CLOSE.to_string());
                self.end(CloseReason::Refused(failure));
            }
            Next::Bound(Some(jid)) => {
                self.jid = jid;
                self.go_on(now, true);
            }
            Next::Bound(None) => {
                self.link.send(STREAM_CLOSE.to_string());
                self.end(CloseReason::NotBound);
            }
            Next::SessionDone => self.bound(now),
            Next::RegistrationForm => self.take_form(bytes),
            Next::Registered => self.take_account(now),
            Next::RegistrationRefused(condition) => self.take_refusal(condition),
            Next::Managed(element) => self.take_sm(now, element),
            Next::Unexpected => {
                self.fail(ProtocolError::Stream(StreamCondition::UnsupportedStanzaType));
            }
        }
    }

    pub(super) fn take_stream_error(&mut self, error: StreamError) {
        if self.reason.is_none() {
            self.link.send(STREAM_CLOSE.to_string());
        }
        self.end(CloseReason::StreamError(error));
    }

    fn read(&self, element: Element<'_>) -> Next {
        if let Some(error) = StreamError::read(element) {
            return Next::StreamError(error);
        }
        let text = || decode(element.text().trim());
        match (&self.phase, element.ns(), element.name()) {
            (Phase::Features, Ns::STREAM, "features") => {
                Features::read(element).map_or(Next::Unexpected, Next::Features)
            }
            (Phase::Proceed, Ns::TLS, "proceed") => Next::HandOver,
            (Phase::Proceed, Ns::TLS, "failure") => Next::NoTls,
            (Phase::Bound, Ns::STREAM, "features") => {
                Features::read(element).map_or(Next::Unexpected, Next::Features)
            }
            (Phase::Auth(_) | Phase::Derivation(_) | Phase::Tasks(..), Ns::SASL2, _)
                if self.sasl2 =>
            {
                self.read_sasl2(element)
            }
            (_, Ns::SASL, _) if self.sasl2 => Next::Unexpected,
            (Phase::Auth(_), Ns::SASL, "challenge") => Next::Challenge(text()),
            (Phase::Auth(_), Ns::SASL, "success") => Next::Success(text()),
            (Phase::Auth(_) | Phase::Derivation(_), Ns::SASL, "failure") => {
                let condition = element.children().find_map(|child| SaslFailure::of(child.name()));
                // RFC 3920 had fewer names; what is not known is no.
                Next::Failure(condition.unwrap_or(SaslFailure::NotAuthorized))
            }
            (Phase::Resuming | Phase::Enabling, Ns::SM, _) => {
                SmElement::read(element).map_or(Next::Unexpected, Next::Managed)
            }
            (Phase::Bind | Phase::Session | Phase::Registering(_), ..) => match Stanza::of(element)
            {
                Some(Stanza::Iq(iq)) => self.read_iq(&iq),
                // A server may already send what was waiting for the account.
                Some(_) => Next::Nothing,
                None => Next::Unexpected,
            },
            _ => Next::Unexpected,
        }
    }

    fn read_iq(&self, iq: &Iq<'_>) -> Next {
        if iq.id() != self.step_id() {
            return Next::Nothing;
        }
        match (&self.phase, iq.kind()) {
            (Phase::Bind, Some(IqKind::Result)) => {
                let bound = iq
                    .payload()
                    .filter(|payload| payload.is(Ns::BIND, "bind"))
                    .and_then(|payload| payload.child(Ns::BIND, "jid"))
                    .and_then(|jid| Jid::new(jid.text().trim()).ok())
                    .filter(|jid| !jid.is_bare());
                Next::Bound(bound)
            }
            (Phase::Registering(step), _) => Self::read_registration(*step, iq),
            (Phase::Bind, Some(IqKind::Error)) => Next::Bound(None),
            // The session is a formality: its failure means nothing (RFC 6121 §1.4).
            (Phase::Session, Some(IqKind::Result | IqKind::Error)) => Next::SessionDone,
            _ => Next::Nothing,
        }
    }

    /// The id of the request that the negotiation waits for.
    fn step_id(&self) -> String {
        crate::iq::id_of(self.prefix.as_str(), self.count)
    }

    /// What to do about the features.
    pub(super) fn choose(&mut self, now: Instant, features: Features) {
        self.features = features;
        if matches!(self.phase, Phase::Bound) {
            return self.ready_at_once(now);
        }
        self.go_on(now, false);
    }

    /// Takes the first step that is open, offered and wanted ([`STEPS`](crate::stream::STEPS)).
    fn go_on(&mut self, now: Instant, bound: bool) {
        let reached = Reached { secure: self.secure, authenticated: self.authenticated, bound };
        if reached.open_steps().any(|step| self.begins(step)) {
            return;
        }
        match bound {
            true => self.bound(now),
            false => self.fail(ProtocolError::Stream(StreamCondition::UnsupportedFeature)),
        }
    }

    /// Begins a step, or ends the stream that cannot go on without it; `false` when it is not
    /// offered or not wanted.
    fn begins(&mut self, step: Step) -> bool {
        match step {
            Step::StartTls => {
                // RFC 7590 §3.1: somebody may have taken the offer away.
                let wanted = match self.config.tls {
                    TlsPolicy::Never => false,
                    TlsPolicy::Required => true,
                    _ => self.features.starttls.is_some(),
                };
                if wanted {
                    let ask = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
                    self.link.send(ask.to_string());
                    self.phase = Phase::Proceed;
                }
                wanted
            }
            Step::Registration => self.start_registration(),
            Step::Sasl2 => self.start_sasl2(),
            Step::Sasl => {
                self.start_sasl();
                true
            }
            Step::Resumption => self.try_to_resume(),
            Step::Bind => {
                if self.features.bind {
                    self.send_bind();
                }
                self.features.bind
            }
            Step::Session => {
                let wanted = self.features.session == Some(true);
                if wanted {
                    self.send_session();
                }
                wanted
            }
        }
    }

    /// Authenticates by the best mechanism that both sides have, or ends the stream.
    fn start_sasl(&mut self) {
        let Some(mechanism) = self.choose_mechanism(&self.features.mechanisms) else {
            self.link.send(STREAM_CLOSE.to_string());
            return self.end(CloseReason::NoMechanism);
        };
        match self.config.password.clone() {
            Some(password) => self.start_auth(mechanism, Some(&password)),
            None if !mechanism.needs_password() => self.start_auth(mechanism, None),
            None => {
                self.phase = Phase::Password(mechanism);
                self.link.event(Event::PasswordNeeded);
            }
        }
    }

    /// The best mechanism of those that are allowed, offered and possible here.
    pub(super) fn choose_mechanism(&self, offered: &[String]) -> Option<Mechanism> {
        let plain = self.secure || self.config.plain_without_tls;
        self.config.mechanisms.iter().copied().find(|mechanism| {
            let possible = match mechanism {
                Mechanism::Plain => plain,
                Mechanism::External => self.secure,
                _ if mechanism.binds_channel() => self.common_binding().is_some(),
                _ => true,
            };
            possible
                && (mechanism.binds_channel() || !self.config.require_channel_binding)
                && offered.iter().any(|name| name == mechanism.name())
        })
    }

    /// What both sides can bind to. A server without XEP-0440 takes what it takes.
    fn common_binding(&self) -> Option<&ChannelBinding> {
        self.bindings.iter().find(|own| self.takes(own))
    }

    pub(super) fn takes(&self, own: &ChannelBinding) -> bool {
        let taken = &self.features.channel_bindings;
        taken.is_empty() || taken.iter().any(|name| BindingType::of(name) == Some(own.kind))
    }

    /// What is said about channel binding with `mechanism` (RFC 5802 §6).
    pub(super) fn client_binding(
        &self,
        mechanism: Mechanism,
        offered: &[String],
    ) -> ClientBinding<'_> {
        if let Some(kind) = mechanism.fast_binding() {
            let own = self.bindings.iter().find(|own| own.kind == kind);
            return own.map_or(ClientBinding::Unsupported, ClientBinding::Bound);
        }
        if mechanism.binds_channel() {
            return self.common_binding().map_or(ClientBinding::Unsupported, ClientBinding::Bound);
        }
        let offered = offered.iter().filter_map(|name| Mechanism::of(name));
        let plus = offered.into_iter().any(Mechanism::binds_channel);
        let could = !self.bindings.is_empty()
            && self.config.mechanisms.iter().any(|mechanism| mechanism.binds_channel());
        if could && !plus { ClientBinding::NotOffered } else { ClientBinding::Unsupported }
    }

    pub(super) fn start_auth(&mut self, mechanism: Mechanism, password: Option<&Secret>) {
        let nonce = self.dice.hex::<32>();
        // The identity of a certificate, and of nobody, is for the server to say.
        let user = self.config.jid.local().filter(|_| mechanism.needs_password());
        let user = user.unwrap_or("").to_string();
        let sasl2 = self.features.sasl2.as_ref().filter(|_| self.sasl2);
        let offered = sasl2.map_or(&self.features.mechanisms, |sasl2| &sasl2.mechanisms);
        let binding = self.client_binding(mechanism, offered);
        match SaslClient::start(mechanism, &user, password, nonce.as_str(), binding) {
            Ok((sasl, ClientStep::Send(message))) => {
                let text = if self.sasl2 {
                    self.authenticate(mechanism, &message)
                } else {
                    alloc::format!(
                        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{}'>{}</auth>",
                        mechanism.name(),
                        encode(&message)
                    )
                };
                self.link.send(text);
                self.given = password.cloned();
                self.phase = Phase::Auth(sasl);
            }
            #[cfg(feature = "scram")]
            Ok((_, ClientStep::Derive { .. })) => self.distrust(SaslError::Malformed),
            Err(error) => self.distrust(error),
        }
    }

    fn challenge(&mut self, message: Option<alloc::vec::Vec<u8>>) {
        let Phase::Auth(mut sasl) = core::mem::replace(&mut self.phase, Phase::Features) else {
            return;
        };
        let bounds = self.config.iterations_min..=self.config.iterations_max;
        let step = message
            .ok_or(SaslError::Malformed)
            .and_then(|message| sasl.challenge(&message, bounds));
        match step {
            Ok(ClientStep::Send(message)) => {
                self.respond(&message);
                self.phase = Phase::Auth(sasl);
            }
            #[cfg(feature = "scram")]
            Ok(ClientStep::Derive { hash, salt, iterations }) => {
                self.phase = Phase::Derivation(sasl);
                if iterations > self.config.iterations_inline_max {
                    return self.link.event(Event::DerivationNeeded { hash, salt, iterations });
                }
                let password = self.given.take();
                let salted = password.and_then(|p| derive(hash, p.expose(), &salt, iterations));
                match salted {
                    Some(salted) => self.continue_scram(&salted),
                    None => self.distrust(SaslError::Credentials),
                }
            }
            Err(error) => self.distrust(error),
        }
    }

    #[cfg(feature = "scram")]
    fn continue_scram(&mut self, salted: &SaltedPassword) {
        let Phase::Derivation(mut sasl) = core::mem::replace(&mut self.phase, Phase::Features)
        else {
            return;
        };
        match sasl.derived(salted) {
            Some(ClientStep::Send(message)) => {
                self.respond(&message);
                self.phase = Phase::Auth(sasl);
            }
            _ => self.distrust(SaslError::Malformed),
        }
    }

    fn respond(&mut self, message: &[u8]) {
        // RFC 6120 §6.4.3: an empty response is an empty element.
        let text = if message.is_empty() { String::new() } else { encode(message) };
        let ns = self.sasl_ns();
        self.link.send(alloc::format!("<response xmlns='{ns}'>{text}</response>"));
    }

    fn success(&mut self, message: Option<alloc::vec::Vec<u8>>) {
        let Phase::Auth(mut sasl) = core::mem::replace(&mut self.phase, Phase::Features) else {
            return;
        };
        let proved = message.ok_or(SaslError::Malformed).and_then(|message| sasl.success(&message));
        match proved {
            Ok(()) => {
                self.given = None;
                self.authenticated = true;
                self.link.scanner.set_limits(self.config.limits_after);
                self.open_stream();
            }
            Err(error) => self.distrust(error),
        }
    }

    /// The server is not to be trusted: aborts (RFC 6120 §6.4.4) and ends.
    pub(super) fn distrust(&mut self, error: SaslError) {
        self.link.send(alloc::format!("<abort xmlns='{}'/>", self.sasl_ns()));
        self.link.send(STREAM_CLOSE.to_string());
        self.end(CloseReason::Sasl(error));
    }

    pub(super) fn send_bind(&mut self) {
        let resource = self.config.jid.resource().map(ToString::to_string);
        self.send_step(Phase::Bind, IqKind::Set, |w| {
            w.start(Ns::BIND, "bind");
            if let Some(resource) = &resource {
                w.leaf(Ns::BIND, "resource", resource);
            }
            w.end();
        });
    }

    fn send_session(&mut self) {
        self.send_step(Phase::Session, IqKind::Set, |w| {
            w.leaf(Ns::SESSION, "session", "");
        });
    }

    pub(super) fn send_step(
        &mut self,
        phase: Phase,
        kind: IqKind,
        payload: impl FnOnce(&mut Writer),
    ) {
        let id = self.next_id();
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", kind.name()).attr("id", &id);
        payload(&mut w);
        w.end();
        let text = w.finish().unwrap_or_default();
        self.link.send(text);
        self.phase = phase;
    }

    pub(super) fn ready(&mut self, now: Instant) {
        self.phase = Phase::Ready;
        self.timers.clear();
        self.transmit(now, String::new());
        self.link.event(Event::Ready { jid: self.jid.clone(), features: self.features.clone() });
    }

    /// Answers [`Event::PasswordNeeded`].
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn password(&mut self, now: Instant, password: &Secret) -> Result<(), CommandError> {
        let _ = now;
        match self.phase {
            Phase::Password(mechanism) => {
                self.start_auth(mechanism, Some(password));
                Ok(())
            }
            Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotAsked),
        }
    }

    /// Answers [`Event::DerivationNeeded`] with [`derive()`]'s result.
    ///
    /// # Errors
    /// Nothing was asked for.
    #[cfg(feature = "scram")]
    pub fn derived(&mut self, now: Instant, salted: &SaltedPassword) -> Result<(), CommandError> {
        let _ = now;
        match self.phase {
            Phase::Derivation(_) => {
                self.continue_scram(salted);
                Ok(())
            }
            Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotAsked),
        }
    }
}
