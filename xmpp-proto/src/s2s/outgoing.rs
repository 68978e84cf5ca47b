//! The stream on which this server sends.

use super::dialback::{Dialback, Verdict, dialback_key};
use super::{CloseReason, CommandError, S2sConfig, S2sTls, Timer};
use crate::endpoint::{Core, Frame, machine};
use crate::sasl::{Mechanism, encode};
use crate::stanza::StanzaXml;
use crate::stream::{Features, Reached, Step, StreamCondition, StreamHeader, StreamOpen};
use crate::xml::Ns;
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::Instant;

/// What an outgoing stream tells its host. RFC 6120 §4, XEP-0220 §2.
#[derive(Debug)]
#[non_exhaustive]
pub enum OutgoingEvent {
    /// Do the TLS handshake now, with this server's certificate, and verify that of the peer
    /// if you can; then report [`Input::TlsEstablished`](super::Input::TlsEstablished).
    StartTls,
    /// Stanzas of domain `from` to domain `to` may be sent.
    Authorized {
        /// A domain of this server.
        from: String,
        /// A domain of the peer.
        to: String,
    },
    /// They may not.
    NotAuthorized {
        /// A domain of this server.
        from: String,
        /// A domain of the peer.
        to: String,
        /// What the peer says.
        verdict: Verdict,
    },
    /// The answer to [`Outgoing::verify`].
    Verified {
        /// The domain of the peer, which was to be verified.
        remote: String,
        /// The domain of this server.
        local: String,
        /// The incoming stream that asked.
        id: String,
        /// The answer.
        verdict: Verdict,
    },
    /// The end. Nothing follows.
    Closed(CloseReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Header,
    Features,
    Proceed,
    Handshake,
    External,
    Open,
}

#[derive(Debug)]
struct Pair {
    from: String,
    to: String,
    valid: bool,
}

/// A stream to another server. RFC 6120 §4, XEP-0220 §2.1.
pub struct Outgoing {
    config: Arc<S2sConfig>,
    core: Core<OutgoingEvent>,
    phase: Phase,
    local: String,
    remote: String,
    /// The id of the stream, from the peer.
    id: String,
    secure: bool,
    external: bool,
    /// Nothing but requests to verify goes over it.
    verify_only: bool,
    pairs: Vec<Pair>,
    /// Requests to verify that wait for the stream, or for their answer.
    waiting: Vec<Dialback>,
    asked: Vec<Dialback>,
}

machine!(Outgoing, OutgoingEvent, OutgoingEvent::Closed);

impl Outgoing {
    /// A stream on a fresh connection to the server of the domain `remote`, for stanzas of
    /// the domain `local`; its header is the first output.
    #[must_use]
    pub fn new(now: Instant, config: Arc<S2sConfig>, local: &str, remote: &str) -> Self {
        let mut core = Core::new(
            config.limits_before,
            Ns::SERVER,
            config.keep_alive,
            config.close_timeout,
            OutgoingEvent::Closed,
        );
        core.timers.set(Timer::Negotiation, now.saturating_add(config.negotiation_timeout));
        let mut stream = Self {
            config,
            core,
            phase: Phase::Header,
            local: local.to_string(),
            remote: remote.to_string(),
            id: String::new(),
            secure: false,
            external: false,
            verify_only: false,
            pairs: Vec::new(),
            waiting: Vec::new(),
            asked: Vec::new(),
        };
        stream.open();
        stream
    }

    /// A stream for [`Outgoing::verify`] alone: it asks for no authorization.
    #[must_use]
    pub fn for_verification(
        now: Instant,
        config: Arc<S2sConfig>,
        local: &str,
        remote: &str,
    ) -> Self {
        let mut stream = Self::new(now, config, local, remote);
        stream.verify_only = true;
        stream
    }

    /// Whether stanzas of `from` to `to` may be sent.
    #[must_use]
    pub fn is_authorized(&self, from: &str, to: &str) -> bool {
        self.pairs.iter().any(|pair| pair.valid && pair.from == from && pair.to == to)
    }

    /// Whether more input is welcome; `false` while a megabyte waits to be sent.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.core.link.wants_input()
    }

    /// Asks for the authorization of another pair of domains on this stream (XEP-0220 §2.6).
    ///
    /// # Errors
    /// The stream is not negotiated yet or has ended, or there are too many pairs.
    pub fn authorize(&mut self, now: Instant, from: &str, to: &str) -> Result<(), CommandError> {
        self.check_open()?;
        if self.pairs.iter().any(|pair| pair.from == from && pair.to == to) {
            return Ok(());
        }
        if self.pairs.len() >= self.config.pairs_max {
            return Err(CommandError::TooMany);
        }
        self.ask(now, from, to);
        Ok(())
    }

    /// Asks the peer, which is the server of the domain `remote`, whether `key` is its key
    /// for the incoming stream `id`; at once, or when the stream is negotiated.
    ///
    /// # Errors
    /// The stream has ended, or too many requests wait.
    pub fn verify(
        &mut self,
        now: Instant,
        local: &str,
        remote: &str,
        id: &str,
        key: &str,
    ) -> Result<(), CommandError> {
        if !self.core.is_open() {
            return Err(CommandError::Closed);
        }
        if self.waiting.len().saturating_add(self.asked.len()) >= self.config.pairs_max {
            return Err(CommandError::TooMany);
        }
        self.waiting.push(Dialback {
            verify: true,
            from: local.to_string(),
            to: remote.to_string(),
            id: Some(id.to_string()),
            content: Ok(key.to_string()),
        });
        if self.phase == Phase::Open {
            self.send_waiting(now);
        }
        Ok(())
    }

    /// Sends a stanza of an authorized pair; it must have addresses of these domains.
    ///
    /// # Errors
    /// The pair is not authorized, or the stream has ended.
    pub fn send(
        &mut self,
        now: Instant,
        from: &str,
        to: &str,
        stanza: StanzaXml,
    ) -> Result<(), CommandError> {
        self.check_open()?;
        if !self.is_authorized(from, to) {
            return Err(CommandError::NotAuthorized);
        }
        self.core.transmit(now, stanza.into_string());
        Ok(())
    }

    fn check_open(&self) -> Result<(), CommandError> {
        match (self.core.is_open(), self.phase) {
            (false, _) => Err(CommandError::Closed),
            (true, Phase::Open) => Ok(()),
            _ => Err(CommandError::NotReady),
        }
    }

    #[expect(clippy::unused_self, reason = "the other machines' depends on their state")]
    const fn is_full(&self) -> bool {
        false
    }

    fn tls_established(&mut self, _now: Instant) {
        if self.phase == Phase::Handshake {
            self.secure = true;
            self.core.handshake = false;
            self.open();
        }
    }

    fn open(&mut self) {
        self.core.restart();
        let header = StreamOpen::new().with_to(&self.remote).with_from(&self.local);
        self.core.open(header, true, true);
        self.phase = Phase::Header;
    }

    fn run(&mut self, now: Instant) {
        while let Some(frame) = self.core.next_frame() {
            match frame {
                Frame::Header(bytes) => self.header(now, &bytes),
                Frame::Element(bytes) => self.element(now, &bytes),
            }
        }
    }

    fn header(&mut self, now: Instant, bytes: &[u8]) {
        let read = self
            .core
            .link
            .scanner
            .element(bytes)
            .ok_or(StreamCondition::BadFormat)
            .and_then(StreamHeader::read)
            .and_then(|header| match header.carries(Ns::SERVER) {
                true => Ok((header.id().map(Cow::into_owned), header.version())),
                false => Err(StreamCondition::InvalidNamespace),
            });
        match read {
            Ok((id, version)) => {
                self.id = id.unwrap_or_default();
                self.phase = Phase::Features;
                // Before RFC 3920 there were no features (XEP-0220 §2.1): dialback at once.
                if matches!(version, Some((0, _))) {
                    if self.config.tls == S2sTls::Required && !self.secure {
                        return self.core.leave(CloseReason::NoTls);
                    }
                    self.negotiated(now);
                }
            }
            Err(condition) => self.core.refuse(condition),
        }
    }

    fn element(&mut self, now: Instant, bytes: &[u8]) {
        if !self.core.is_open() {
            // Nothing comes on this stream but what it is negotiated with.
            return;
        }
        let Some(element) = self.core.link.scanner.element(bytes) else { return };
        match (self.phase, element.ns(), element.name()) {
            (Phase::Features, Ns::STREAM, "features") => {
                let features = Features::read(element).unwrap_or_default();
                self.choose(now, &features);
            }
            (Phase::Proceed, Ns::TLS, "proceed") => {
                self.phase = Phase::Handshake;
                self.core.handshake = true;
                self.core.link.event(OutgoingEvent::StartTls);
            }
            (Phase::Proceed, Ns::TLS, "failure") => self.core.leave(CloseReason::NoTls),
            (Phase::External, Ns::SASL, "success") => {
                self.external = true;
                self.core.link.scanner.set_limits(self.config.limits_after);
                self.open();
            }
            // The certificate was not believed: dialback remains (XEP-0178 §3).
            (Phase::External, Ns::SASL, "failure") => self.negotiated(now),
            (Phase::Open, Ns::DIALBACK, _) => match Dialback::read(element) {
                Some(Some(dialback)) => self.dialback(now, dialback),
                _ => self.core.refuse(StreamCondition::ImproperAddressing),
            },
            // Stanzas come on a stream of their own.
            _ => self.core.refuse(StreamCondition::UnsupportedStanzaType),
        }
    }

    fn choose(&mut self, now: Instant, features: &Features) {
        let reached = Reached { secure: self.secure, authenticated: self.external, bound: false };
        if !reached.open_steps().any(|step| self.begins(step, features)) {
            self.negotiated(now);
        }
    }

    /// Begins a step; `false` when it is not offered or not wanted.
    fn begins(&mut self, step: Step, features: &Features) -> bool {
        match step {
            Step::StartTls if self.config.tls != S2sTls::Never => {
                // RFC 7590 §3.1: somebody may have taken the offer away.
                let wanted = features.starttls.is_some() || self.config.tls == S2sTls::Required;
                if wanted {
                    let ask = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
                    self.core.link.send(ask.to_string());
                    self.phase = Phase::Proceed;
                }
                wanted
            }
            Step::Sasl => {
                let external = Mechanism::External.name();
                let offered = features.mechanisms.iter().any(|name| name == external);
                let wanted = offered && self.secure && self.config.external && !self.verify_only;
                if wanted {
                    let identity = encode(self.local.as_bytes());
                    self.core.link.send(alloc::format!(
                        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>\
                         {identity}</auth>"
                    ));
                    self.phase = Phase::External;
                }
                wanted
            }
            _ => false,
        }
    }

    /// The stream can carry dialback, and stanzas once a pair is authorized.
    fn negotiated(&mut self, now: Instant) {
        self.phase = Phase::Open;
        let (from, to) = (self.local.clone(), self.remote.clone());
        if self.external {
            self.pairs.push(Pair { from: from.clone(), to: to.clone(), valid: true });
            self.core.make_ready(now);
            self.core.link.event(OutgoingEvent::Authorized { from, to });
        } else if self.verify_only {
            self.core.make_ready(now);
        } else {
            self.ask(now, &from, &to);
        }
        self.send_waiting(now);
    }

    /// XEP-0220 §2.1.1
    fn ask(&mut self, now: Instant, from: &str, to: &str) {
        let key = dialback_key(self.config.dialback_secret.expose(), to, from, &self.id);
        let (from, to) = (from.to_string(), to.to_string());
        let request = Dialback {
            verify: false,
            from: from.clone(),
            to: to.clone(),
            id: None,
            content: Ok(key),
        };
        self.core.transmit(now, request.write());
        self.pairs.push(Pair { from, to, valid: false });
    }

    fn send_waiting(&mut self, now: Instant) {
        for request in core::mem::take(&mut self.waiting) {
            self.core.transmit(now, request.write());
            self.asked.push(request);
        }
    }

    /// An answer: to our key, or to a key that we asked about. What was not asked is dropped.
    fn dialback(&mut self, now: Instant, answer: Dialback) {
        let Err(verdict) = answer.content else {
            return self.core.refuse(StreamCondition::UnsupportedStanzaType);
        };
        let (local, remote) = (answer.to, answer.from);
        if answer.verify {
            let asked = self.asked.iter().position(|request| {
                request.id == answer.id && request.from == local && request.to == remote
            });
            let Some(at) = asked else { return };
            let id = self.asked.swap_remove(at).id.unwrap_or_default();
            return self.core.link.event(OutgoingEvent::Verified { remote, local, id, verdict });
        }
        let pair = self.pairs.iter().position(|p| !p.valid && p.from == local && p.to == remote);
        let Some(at) = pair else { return };
        let (from, to) = (local, remote);
        if verdict == Verdict::Valid {
            if let Some(pair) = self.pairs.get_mut(at) {
                pair.valid = true;
            }
            self.core.link.scanner.set_limits(self.config.limits_after);
            self.core.make_ready(now);
            self.core.link.event(OutgoingEvent::Authorized { from, to });
        } else {
            self.pairs.swap_remove(at);
            self.core.link.event(OutgoingEvent::NotAuthorized { from, to, verdict });
            // XEP-0220 §2.1.1: without any pair the stream is of no use.
            if self.pairs.is_empty() && self.asked.is_empty() {
                self.core.leave(CloseReason::Refused);
            }
        }
    }
}
