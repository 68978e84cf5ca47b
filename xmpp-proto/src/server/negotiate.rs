//! From the client's header to the bound resource.

use super::sasl2::Inline;
use super::tasks::Move;
use super::{CloseReason, CommandError, Event, Phase, ServerConnection, ServerTls};
use crate::ext::register::Request;
use crate::jid::Jid;
use crate::link::ProtocolError;
use crate::sasl::{
    Credentials, Mechanism, SaslFailure, SaslServer, ServerContext, ServerStep, account, decode,
    encode,
};
use crate::sm::SmElement;
use crate::stanza::{Condition, InvalidStanza, IqKind, Stanza, StanzaXml, error_reply};
use crate::stream::{
    Features, Reached, STREAM_CLOSE, Step, StreamCondition, StreamHeader, StreamOpen,
};
use crate::xml::{Element, Ns, Writer};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::Instant;

/// What an element asks for; decided while the element is borrowed, done after.
enum Next {
    StartTls,
    Auth(Option<Mechanism>, Initial),
    Authenticate(Option<Mechanism>, Initial, Box<Inline>),
    Response(Option<Vec<u8>>),
    Abort,
    Register(String, Result<Request, Condition>),
    Bind(String, Option<String>),
    Managed(SmElement),
    Task(Move),
    Reply(Option<StanzaXml>),
    Refuse(StreamCondition),
}

/// What comes along with the name of a mechanism.
pub(super) enum Initial {
    /// Nothing: the client waits to be asked.
    Absent,
    /// The initial response; `None` when it is no base64.
    Response(Option<Vec<u8>>),
}

impl ServerConnection {
    /// A new stream begins on the same connection (RFC 6120 §4.3.3).
    pub(super) fn restart(&mut self) {
        self.link.restart();
        self.opened = false;
        self.phase = Phase::Header;
    }

    /// Sends our header, once in each stream.
    pub(super) fn open_if_needed(&mut self, to: &str) {
        if self.opened {
            return;
        }
        self.opened = true;
        let id = self.dice.hex::<32>();
        let domain = self.domain().to_string();
        let open =
            StreamOpen::new().with_from(&domain).with_to(to).with_id(id.as_str()).with_lang("en");
        let header = open.write(Ns::CLIENT).unwrap_or_default();
        self.link.send(header);
    }

    pub(super) fn header(&mut self, bytes: &[u8]) {
        let Some(element) = self.link.scanner.element(bytes) else {
            return self.refuse(StreamCondition::BadFormat);
        };
        let header = match StreamHeader::read(element) {
            Ok(header) => header,
            Err(condition) => return self.refuse(condition),
        };
        // RFC 6120 §4.7.2: the answer is addressed to whom the client says it is.
        let to = header.from().filter(|from| Jid::new(from).is_ok());
        let to = to.map(alloc::borrow::Cow::into_owned).unwrap_or_default();
        // A language tag is short (RFC 5646 §4.4.1); what is longer is none.
        self.claimed = Jid::new(&to).ok();
        let lang = header.lang().filter(|lang| !lang.is_empty() && lang.len() <= 35);
        self.lang = lang.map(alloc::borrow::Cow::into_owned);
        let wanted = header.to().map(alloc::borrow::Cow::into_owned);
        let (content, version) = (header.carries(Ns::CLIENT), header.version());
        let known = wanted.is_none_or(|to| self.choose_domain(&to));
        self.open_if_needed(&to);
        match (content, version) {
            (true, Some((1.., _))) => {}
            (true, _) => return self.refuse(StreamCondition::UnsupportedVersion),
            _ => return self.refuse(StreamCondition::InvalidNamespace),
        }
        if !known {
            return self.refuse(StreamCondition::HostUnknown);
        }
        let text = self.features().write().unwrap_or_default();
        self.link.send(text);
        if matches!(self.phase, Phase::Header) {
            self.phase = Phase::Features;
        }
    }

    /// RFC 6120 §4.7.2: the client says which domain it wants; one that does not gets the
    /// first. Whoever is authenticated stays where he is. `false` when it is not served.
    fn choose_domain(&mut self, to: &str) -> bool {
        let wanted = to.to_ascii_lowercase();
        let wanted = wanted.trim_end_matches('.');
        let is = |served: &&String| served.eq_ignore_ascii_case(wanted);
        if self.jid.is_some() {
            return self.domain().eq_ignore_ascii_case(wanted);
        }
        let served = &self.config;
        if is(&&served.domain) {
            self.domain = None;
            return true;
        }
        let other = served.other_domains.iter().find(is).map(|name| name.as_str().into());
        let found = other.is_some();
        if found {
            self.domain = other;
        }
        found
    }

    fn refuse(&mut self, condition: StreamCondition) {
        self.fail(ProtocolError::Stream(condition));
    }

    pub(super) fn reached(&self) -> Reached {
        Reached {
            secure: self.secure,
            authenticated: self.jid.is_some(),
            bound: self.jid.as_ref().is_some_and(|jid| !jid.is_bare()),
        }
    }

    /// Offers the steps that are open ([`STEPS`](crate::stream::STEPS)).
    pub(super) fn features(&self) -> Features {
        let (mut features, reached) = (Features::new(), self.reached());
        // XEP-0478: what holds now, for strangers.
        let limits = match reached.authenticated {
            true => &self.config.limits_after,
            false => &self.config.limits_before,
        };
        features.stanza_max = u32::try_from(limits.stanza_max).ok();
        let silence = self.config.idle_timeout.filter(|_| reached.authenticated);
        // At least one: zero would mean that there is no time at all.
        features.idle_max =
            silence.map(|silence| u32::try_from(silence.as_secs().max(1)).unwrap_or(u32::MAX));
        features.client_state = reached.authenticated && self.config.client_state;
        features.pre_approval = reached.authenticated;
        features.roster_versioning = reached.authenticated && self.config.roster_versioning;
        for step in reached.open_steps() {
            match step {
                Step::StartTls if self.config.tls == ServerTls::None => {}
                Step::StartTls => {
                    let required = self.config.tls == ServerTls::Required;
                    features.starttls = Some(required);
                    if required {
                        break;
                    }
                }
                Step::Registration => features.registration = self.registers(),
                Step::Sasl2 => features.sasl2 = self.sasl2_features(&self.mechanisms()),
                Step::Sasl => {
                    features.mechanisms = self.mechanisms();
                    let binds = self.config.mechanisms.iter().any(|m| m.binds_channel());
                    if binds && self.secure {
                        let names = self.bindings.iter().map(|with| with.kind.name().to_string());
                        features.channel_bindings = names.collect();
                    }
                }
                Step::Resumption => {
                    features.stream_management = self.config.stream_management.is_some();
                }
                Step::Bind => {
                    features.bind = true;
                    // Told beside it, for who wants it behind it: there is nothing to do.
                    features.session = Some(false);
                }
                Step::Session => {}
            }
        }
        features
    }

    /// The mechanisms that are offered now.
    fn mechanisms(&self) -> Vec<String> {
        let allowed = self.config.mechanisms.iter().filter(|m| self.allows(**m));
        allowed.map(|m| m.name().to_string()).collect()
    }

    pub(super) fn allows(&self, mechanism: Mechanism) -> bool {
        let encrypted = self.secure || self.config.tls != ServerTls::Required;
        let plain = self.secure || self.config.plain_without_tls;
        (self.config.mechanisms.contains(&mechanism) || mechanism.is_fast())
            && encrypted
            && (mechanism != Mechanism::Plain || plain)
            && (mechanism != Mechanism::External || self.secure)
            && (!mechanism.binds_channel() || (self.secure && !self.bindings.is_empty()))
            && mechanism
                .fast_binding()
                .is_none_or(|kind| self.bindings.iter().any(|with| with.kind == kind))
    }

    /// Takes an element before a resource is bound.
    pub(super) fn negotiate(&mut self, now: Instant, bytes: &[u8]) {
        let next = self
            .link
            .scanner
            .element(bytes)
            .map_or(Next::Refuse(StreamCondition::BadFormat), |element| self.read(element));
        match next {
            Next::StartTls => {
                let go = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
                self.link.send(go.to_string());
                self.phase = Phase::Handshake;
                self.link.event(Event::StartTls);
            }
            Next::Auth(mechanism, initial) => self.begin_auth(mechanism, initial),
            Next::Authenticate(mechanism, initial, inline) => {
                self.token_count = inline.count;
                self.inline = Some(inline);
                self.begin_auth(mechanism, initial);
            }
            Next::Response(message) => self.response(message),
            Next::Task(step) => self.take_move(step),
            Next::Abort => self.auth_failed(SaslFailure::Aborted),
            Next::Bind(id, resource) => {
                let account = self.jid.clone();
                self.phase = Phase::Binding(id);
                if let Some(account) = account {
                    let (tag, carbons) = (None, false);
                    self.link.event(Event::BindRequested { account, resource, tag, carbons });
                }
            }
            Next::Register(id, request) => self.registration(id, request),
            Next::Managed(element) => self.managed_early(element),
            Next::Reply(reply) => {
                if let Some(reply) = reply {
                    self.link.send(reply.into_string());
                }
            }
            Next::Refuse(condition) => self.refuse(condition),
        }
        let _ = now;
    }

    fn read(&self, element: Element<'_>) -> Next {
        let text = || decode(element.text().trim());
        match (&self.phase, element.ns(), element.name()) {
            (Phase::Features, Ns::TLS, "starttls")
                if self.reached().allows(Step::StartTls) && self.config.tls != ServerTls::None =>
            {
                Next::StartTls
            }
            (Phase::Features, Ns::SASL, "auth") if self.reached().allows(Step::Sasl) => {
                let mechanism = element.attr("mechanism");
                let mechanism = mechanism
                    .and_then(|name| Mechanism::of(&name))
                    .filter(|mechanism| self.allows(*mechanism) && !mechanism.is_fast());
                let blank = element.is_blank();
                let initial = if blank { Initial::Absent } else { Initial::Response(text()) };
                Next::Auth(mechanism, initial)
            }
            (Phase::Features, Ns::SASL2, "authenticate") if self.offers_sasl2() => {
                let (mechanism, initial, inline) = self.read_authenticate(element);
                Next::Authenticate(mechanism, initial, Box::new(inline))
            }
            (Phase::Auth(_) | Phase::Invited(_), ns, "response") if ns == self.sasl_ns() => {
                Next::Response(text())
            }
            (Phase::Task(held), Ns::SASL2, "next" | "task-data") => {
                let refused = Next::Refuse(StreamCondition::UnsupportedStanzaType);
                Self::read_task(held, element).map_or(refused, Next::Task)
            }
            (
                Phase::Auth(_) | Phase::Invited(_) | Phase::Task(_) | Phase::Features,
                ns,
                "abort",
            ) if self.jid.is_none() && ns == self.sasl_ns() => Next::Abort,
            (Phase::Features, Ns::SM, _) if self.config.stream_management.is_some() => {
                let refused = Next::Refuse(StreamCondition::UnsupportedStanzaType);
                SmElement::read(element).map_or(refused, Next::Managed)
            }
            (Phase::Features, ..) if self.jid.is_some() => Self::read_bind(element),
            (Phase::Features, Ns::CLIENT, "iq") if self.registers() => Self::read_register(element),
            // RFC 6120 §4.9.3.12: stanzas before authentication.
            _ if Stanza::of(element).is_some() => Next::Refuse(StreamCondition::NotAuthorized),
            _ => Next::Refuse(StreamCondition::UnsupportedStanzaType),
        }
    }

    /// Before it an account may be made, where the host makes any.
    fn read_register(element: Element<'_>) -> Next {
        match Stanza::parse(element) {
            Ok(Stanza::Iq(iq)) => match Request::read(&iq) {
                Some(request) => Next::Register(iq.id().to_string(), request),
                None => Next::Refuse(StreamCondition::NotAuthorized),
            },
            _ => Next::Refuse(StreamCondition::NotAuthorized),
        }
    }

    /// After authentication nothing but a request to bind makes sense (RFC 6120 §7.1).
    fn read_bind(element: Element<'_>) -> Next {
        match Stanza::parse(element) {
            Ok(Stanza::Iq(iq)) if iq.kind() == Some(IqKind::Set) => {
                let bind = iq.payload().filter(|p| p.is(Ns::BIND, "bind"));
                let Some(bind) = bind else {
                    let error = Condition::NotAllowed.into();
                    return Next::Reply(error_reply(element, &error));
                };
                let resource = bind.child(Ns::BIND, "resource");
                let resource = resource.map(|r| r.text().trim().to_string());
                Next::Bind(iq.id().to_string(), resource.filter(|r| !r.is_empty()))
            }
            Err(InvalidStanza::NotAStanza) => Next::Refuse(StreamCondition::UnsupportedStanzaType),
            Err(reason) => Next::Reply(error_reply(element, &reason.condition().into())),
            Ok(_) => Next::Refuse(StreamCondition::NotAuthorized),
        }
    }

    fn begin_auth(&mut self, mechanism: Option<Mechanism>, initial: Initial) {
        let Some(mechanism) = mechanism else {
            return self.auth_failed(SaslFailure::InvalidMechanism);
        };
        match initial {
            Initial::Response(message) => self.auth(mechanism, message),
            // An empty challenge asks for it (RFC 6120 §6.3.10, RFC 4422 §3); there is nothing to
            // ask for where it may be empty, and a token comes in one step.
            Initial::Absent if mechanism.needs_password() && !mechanism.is_fast() => {
                self.challenge(&[]);
                self.phase = Phase::Invited(mechanism);
            }
            Initial::Absent => self.auth(mechanism, Some(Vec::new())),
        }
    }

    fn challenge(&mut self, message: &[u8]) {
        let ns = self.sasl_ns().known_name().unwrap_or("");
        let text = if message.is_empty() { String::new() } else { encode(message) };
        self.link.send(alloc::format!("<challenge xmlns='{ns}'>{text}</challenge>"));
    }

    fn auth(&mut self, mechanism: Mechanism, message: Option<Vec<u8>>) {
        let Some(message) = message else {
            return self.auth_failed(SaslFailure::IncorrectEncoding);
        };
        let nonce = self.dice.hex::<32>();
        // A token of FAST has a binding of its own, whatever is offered beside it.
        let offered = mechanism.is_fast()
            || self.config.mechanisms.iter().any(|m| m.binds_channel() && self.allows(*m));
        let bindings = if offered { self.bindings.as_slice() } else { &[] };
        let context = ServerContext::new(nonce.as_str()).with_bindings(bindings);
        let context = context.with_domain(self.domain());
        match SaslServer::start(mechanism, &message, context) {
            Ok((sasl, step)) => self.step(sasl, step),
            Err(failure) => self.auth_failed(failure),
        }
    }

    fn response(&mut self, message: Option<Vec<u8>>) {
        let mut sasl = match core::mem::replace(&mut self.phase, Phase::Features) {
            Phase::Auth(sasl) => sasl,
            Phase::Invited(mechanism) => return self.auth(mechanism, message),
            _ => return,
        };
        let step = message
            .ok_or(SaslFailure::IncorrectEncoding)
            .and_then(|message| sasl.response(&message));
        match step {
            Ok(step) => self.step(sasl, step),
            Err(failure) => self.auth_failed(failure),
        }
    }

    fn step(&mut self, sasl: SaslServer, step: ServerStep) {
        match step {
            ServerStep::LookUp { user, password } => {
                let mechanism = sasl.mechanism();
                self.phase = Phase::LookUp(sasl);
                self.link.event(Event::CredentialsNeeded { user, mechanism, password });
            }
            ServerStep::Challenge(message) => {
                self.challenge(&message);
                self.phase = Phase::Auth(sasl);
            }
            ServerStep::Success { user, data } => {
                let account = account(&user, self.domain());
                let Some(account) = account else {
                    return self.auth_failed(SaslFailure::NotAuthorized);
                };
                // XEP-0484 §4.3: nothing interactive follows a token.
                let tasks = self.config.tasks && !sasl.mechanism().is_fast();
                if self.inline.is_some() && tasks {
                    return self.hold(sasl, account, data);
                }
                if self.inline.is_some() {
                    return self.succeed_inline(&sasl, account, data);
                }
                let text = if data.is_empty() { String::new() } else { encode(&data) };
                self.link.send(alloc::format!(
                    "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{text}</success>"
                ));
                self.jid = Some(account.clone());
                self.link.scanner.set_limits(self.config.limits_after);
                // What is in the buffer already belongs to the new stream.
                self.restart();
                self.link.event(Event::Authenticated { jid: account });
            }
        }
    }

    /// A failure is not the end: the client may try again, a few times (RFC 6120 §6.4.5).
    pub(super) fn auth_failed(&mut self, failure: SaslFailure) {
        let name = failure.name();
        let sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
        self.link.send(match self.inline.take() {
            Some(_) => alloc::format!(
                "<failure xmlns='urn:xmpp:sasl:2'><{name} xmlns='{sasl}'/></failure>"
            ),
            None => alloc::format!("<failure xmlns='{sasl}'><{name}/></failure>"),
        });
        self.phase = Phase::Features;
        self.count_attempt();
    }

    /// Ends the stream of a stranger who has tried often enough.
    pub(super) fn count_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts >= self.config.attempts_max {
            self.link.send(STREAM_CLOSE.to_string());
            self.end(CloseReason::TooManyAttempts);
        }
    }

    /// Answers [`Event::CredentialsNeeded`].
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn credentials(
        &mut self,
        now: Instant,
        credentials: &Credentials,
    ) -> Result<(), CommandError> {
        if !matches!(self.phase, Phase::LookUp(_)) {
            return self.not_asked();
        }
        let Phase::LookUp(mut sasl) = core::mem::replace(&mut self.phase, Phase::Features) else {
            return Ok(());
        };
        let salt = self.salt(&sasl, credentials);
        match sasl.credentials(credentials, &salt, self.config.iterations) {
            Ok(step) => self.step(sasl, step),
            Err(failure) => self.auth_failed(failure),
        }
        self.run(now);
        Ok(())
    }

    /// The salt of keys that are made here. Those of an account that is not there do not change
    /// from one attempt to the next, as those of any other do not.
    fn salt(&mut self, sasl: &SaslServer, credentials: &Credentials) -> [u8; 16] {
        let mut salt = [0; 16];
        self.dice.fill(&mut salt);
        #[cfg(feature = "scram")]
        if let (Some(key), Credentials::Refused) = (&self.config.decoy_key, credentials) {
            // One for each hash, with channel binding or without, as with keys that are kept.
            let hash = sasl.mechanism().hash().map_or(0, crate::sasl::Hash::len);
            let mut text = alloc::format!("{hash}\0{}\0", self.domain());
            // Addresses say nothing by capitals, so neither may the salt.
            let user = account(sasl.user(), self.domain());
            text.push_str(user.as_ref().map_or_else(|| sasl.user(), Jid::as_str));
            let made = crate::sasl::hmac_sha256(key.expose().as_bytes(), text.as_bytes());
            salt.iter_mut().zip(made).for_each(|(to, from)| *to = from);
        }
        #[cfg(not(feature = "scram"))]
        let _ = (sasl, credentials);
        salt
    }

    /// Answers [`Event::BindRequested`]; gives the full address.
    ///
    /// # Errors
    /// Nothing was asked for, or the resource is malformed (the request then stays open).
    pub fn bind(&mut self, now: Instant, resource: &str) -> Result<Jid, CommandError> {
        let (Phase::Binding(id), Some(account)) = (&self.phase, &self.jid) else {
            return Err(self.not_asked().err().unwrap_or(CommandError::NotAsked));
        };
        let jid = account.with_resource(resource).map_err(CommandError::Resource)?;
        if self.inline.is_some() {
            self.bound_inline(now, &jid);
            self.run(now);
            return Ok(jid);
        }
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", "result").attr("id", id);
        w.start(Ns::BIND, "bind").leaf(Ns::BIND, "jid", jid.as_str());
        w.end().end();
        let text = w.finish().unwrap_or_default();
        self.link.send(text);
        self.jid = Some(jid.clone());
        self.phase = Phase::Ready;
        self.timers.clear();
        self.restart_idle(now);
        self.transmit(now, String::new());
        self.run(now);
        Ok(jid)
    }

    /// Refuses [`Event::BindRequested`], for example with `conflict`; the client may ask
    /// again (RFC 6120 §7.7.2).
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn refuse_bind(&mut self, now: Instant, condition: Condition) -> Result<(), CommandError> {
        let Phase::Binding(id) = &self.phase else {
            return self.not_asked();
        };
        if self.inline.is_some() {
            // There is no error for this: the client may bind in the old way.
            self.send_success("");
            self.run(now);
            return Ok(());
        }
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", "error").attr("id", id);
        crate::stanza::StanzaError::new(condition).write(&mut w, Ns::CLIENT);
        w.end();
        let text = w.finish().unwrap_or_default();
        self.link.send(text);
        self.phase = Phase::Features;
        self.run(now);
        Ok(())
    }

    pub(super) fn not_asked(&self) -> Result<(), CommandError> {
        match self.phase {
            Phase::Closing | Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotAsked),
        }
    }
}
