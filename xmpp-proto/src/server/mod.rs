//! The server's side of client-to-server streams: a [`ServerConnection`] per socket, and a
//! [`Router`] that carries stanzas between them.
//!
//! | kind | methods of [`ServerConnection`] |
//! |---|---|
//! | A getters | [`jid`](ServerConnection::jid), [`domain`](ServerConnection::domain), [`token_count`](ServerConnection::token_count), [`is_ready`](ServerConnection::is_ready), [`is_managed`](ServerConnection::is_managed), [`wants_input`](ServerConnection::wants_input), [`next_timer`](ServerConnection::next_timer) |
//! | B reports | [`handle_input`](ServerConnection::handle_input), [`handle_timeout`](ServerConnection::handle_timeout) |
//! | C commands | [`set_channel_bindings`](ServerConnection::set_channel_bindings), [`credentials`](ServerConnection::credentials), [`require_tasks`](ServerConnection::require_tasks), [`send_task_data`](ServerConnection::send_task_data), [`accept_tasks`](ServerConnection::accept_tasks), [`refuse_tasks`](ServerConnection::refuse_tasks), [`issue_token`](ServerConnection::issue_token), [`refuse_token`](ServerConnection::refuse_token), [`bind`](ServerConnection::bind), [`refuse_bind`](ServerConnection::refuse_bind), [`send`](ServerConnection::send), [`close`](ServerConnection::close), [`expel`](ServerConnection::expel), [`redirect`](ServerConnection::redirect), [`resume`](ServerConnection::resume), [`refuse_resume`](ServerConnection::refuse_resume), [`displace`](ServerConnection::displace), [`take_session`](ServerConnection::take_session) |
//! | D polls | [`poll_output`](ServerConnection::poll_output), [`poll_timeout`](ServerConnection::poll_timeout) |
//!
//! What a host does with the events, for one connection:
//!
//! ```
//! use proto_wire::{Instant, Output, Seed};
//! use std::sync::Arc;
//! use xmpp_proto::sasl::{Credentials, Secret};
//! use xmpp_proto::server::{Event, Input, Router, ServerConfig, ServerConnection, ServerTls};
//!
//! let config = ServerConfig::new("example.org").with_tls(ServerTls::None).with_plain_without_tls(true);
//! let now = Instant::ZERO;
//! let mut router = Router::new("example.org");
//! router.add_account("juliet");
//! let mut connection = ServerConnection::new(now, Arc::new(config), Seed::from_u64(1));
//! connection.handle_input(now, Input::Data(b"<stream:stream to='example.org' version='1.0' \
//!     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"));
//! let mut wire = String::new();
//! while let Some(output) = connection.poll_output() {
//!     match output {
//!         Output::Transmit(bytes) => wire += std::str::from_utf8(&bytes)?,
//!         Output::Event(Event::CredentialsNeeded { user, .. }) => {
//!             let known = match router.has_account(&user) {
//!                 true => Credentials::Password(Secret::new("secret")),
//!                 false => Credentials::Refused,
//!             };
//!             connection.credentials(now, &known)?;
//!         }
//!         Output::Event(Event::BindRequested { resource, .. }) => {
//!             let resource = resource.unwrap_or_else(|| "made-up".into());
//!             let jid = connection.bind(now, &resource)?;
//!             router.connect(1, &jid);
//!         }
//!         Output::Event(Event::Stanza(stanza)) => router.handle(&1, &stanza),
//!         Output::Event(_) => {}
//!     }
//! }
//! while let Some(delivery) = router.poll_delivery() {
//!     connection.send(now, delivery.stanza)?; // to the connection `delivery.to`
//! }
//! assert!(wire.contains("<mechanism>PLAIN</mechanism>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod config;
#[cfg(test)]
#[cfg(feature = "scram")]
mod decoy_tests;
mod event;
mod negotiate;
mod register;
mod roster;
mod router;
mod sasl2;
mod sm;
mod sm_store;
#[cfg(test)]
#[cfg(feature = "scram")]
mod sm_tests;
mod tasks;
#[cfg(test)]
#[cfg(feature = "scram")]
mod tests;

pub use archive::{ArchiveEntry, ArchivePage, ArchiveQuery};
pub use config::{ServerConfig, ServerTls};
pub use event::{CloseReason, CommandError, Event, Input, Timer};
pub use router::{
    Delivery, Part, QueryId, RestoreError, Router, RouterConfig, RouterEvent, RouterLimits,
};
pub use sasl2::UserAgent;
pub use sm_store::{SmStore, SmStoreLimits};

use self::sasl2::Inline;
use crate::iq::is_own;
use crate::jid::Jid;
use crate::link::{Dice, Link, ProtocolError};
use crate::sasl::{ChannelBinding, Mechanism, SaslServer};
use crate::sm::{Managed, SmElement, SmSession, StanzaToken};
use crate::stanza::{
    InvalidStanza, IqKind, Stanza, StanzaBuf, StanzaXml, error_reply, result_reply,
};
use crate::stream::{STREAM_CLOSE, StreamCondition, StreamError};
use crate::xml::{FrameKind, Ns};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::{Instant, Machine, Output, Seed, StreamMachine, TimerTable};

/// Where the negotiation stands.
#[derive(Debug)]
enum Phase {
    /// The client's header is awaited.
    Header,
    /// Our features are sent.
    Features,
    /// The host does the handshake.
    Handshake,
    /// The host looks up credentials.
    LookUp(SaslServer),
    /// The client is asked for the initial response that it did not send along.
    Invited(Mechanism),
    /// A challenge is sent.
    Auth(SaslServer),
    /// The host chooses a resource; the id of the request.
    Binding(String),
    /// The host makes an account; the id of the request.
    Registering(String),
    /// The host says what more is to be done, or what it thinks of it (XEP-0388 §2.6.3).
    Tasks(Box<tasks::Held>),
    /// The client does it.
    Task(Box<tasks::Held>),
    /// The host makes a token (XEP-0484).
    Token,
    /// The host looks for the session that the client wants to resume; its name and what
    /// the client has handled.
    Resuming(String, u32),
    Ready,
    /// Our end of the stream is sent.
    Closing,
    Closed,
}

/// One client's connection.
pub struct ServerConnection {
    config: Arc<ServerConfig>,
    link: Link<Event>,
    phase: Phase,
    timers: TimerTable<Timer, 6>,
    dice: Dice,
    /// Our header of this stream is sent.
    opened: bool,
    secure: bool,
    attempts: u32,
    /// An account was made on this connection.
    registered: bool,
    /// What came along with an exchange of SASL 2, while it lasts.
    inline: Option<Box<Inline>>,
    user_agent: Option<UserAgent>,
    token_count: Option<u32>,
    /// Whom the client said it is, in its header.
    claimed: Option<Jid>,
    /// What the host says of its TLS connection.
    bindings: Vec<ChannelBinding>,
    /// The default language of what the client sends.
    lang: Option<String>,
    /// The domain that the client chose, when it is not the first.
    domain: Option<Box<str>>,
    /// The account, then the full address.
    jid: Option<Jid>,
    sm: Managed,
    /// Once the connection is gone.
    session: Option<SmSession>,
    reason: Option<CloseReason>,
}

impl ServerConnection {
    /// A connection that was just accepted.
    #[must_use]
    pub fn new(now: Instant, config: Arc<ServerConfig>, seed: Seed) -> Self {
        let mut connection = Self {
            link: Link::new(config.limits_before),
            phase: Phase::Header,
            timers: TimerTable::new(),
            dice: Dice::new(seed),
            opened: false,
            secure: config.direct_tls,
            attempts: 0,
            registered: false,
            inline: None,
            user_agent: None,
            token_count: None,
            claimed: None,
            bindings: Vec::new(),
            lang: None,
            domain: None,
            jid: None,
            sm: Managed::default(),
            session: None,
            reason: None,
            config,
        };
        let deadline = now.saturating_add(connection.config.negotiation_timeout);
        connection.timers.set(Timer::Negotiation, deadline);
        connection
    }

    /// The client's address: the account once it is authenticated, the full address once
    /// bound.
    #[must_use]
    pub const fn jid(&self) -> Option<&Jid> {
        self.jid.as_ref()
    }

    /// The domain that serves this client: the one that its header asked for, once it came.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.domain.as_deref().unwrap_or(&self.config.domain)
    }

    /// The language of stanzas that do not say theirs: that of the client's header
    /// (RFC 6120 §4.7.4, §8.1.5). At most 35 bytes of one are kept.
    #[must_use]
    pub fn stream_lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    /// Whether a resource is bound.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Whether stream management is on: what is sent is kept until it is acknowledged.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.sm.is_on()
    }

    /// Whether it is done: [`Event::Closed`] was or will be the last event.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether more input is welcome: not while the host must answer, nor while a megabyte
    /// waits to be sent.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.link.wants_input() && !self.waits_for_host()
    }

    /// When the next timer fires, and which.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// Takes what the host reports.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        match input {
            Input::Data(data) => {
                if self.waits_for_host() && self.link.held() > self.config.limits_before.stanza_max
                {
                    let limit = StreamCondition::PolicyViolation;
                    return self.fail(ProtocolError::Stream(limit));
                }
                self.link.feed(data);
                self.restart_idle(now);
                self.run(now);
            }
            Input::Eof => {
                let reason = match self.reason.take() {
                    Some(reason) => reason,
                    None => CloseReason::Eof,
                };
                self.end(reason);
            }
            Input::TlsEstablished => {
                if matches!(self.phase, Phase::Handshake) {
                    self.secure = true;
                    self.restart();
                }
            }
        }
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                // The connection is dead; the session may not be.
                Timer::Idle | Timer::Ack if self.sm.is_resumable() => {
                    self.end(CloseReason::TimedOut(timer));
                }
                Timer::Negotiation | Timer::Idle | Timer::Ack => {
                    self.send_error(StreamCondition::ConnectionTimeout);
                    self.end(CloseReason::TimedOut(timer));
                }
                Timer::Close => {
                    let reason = match self.reason.take() {
                        Some(CloseReason::Local) | None => CloseReason::TimedOut(timer),
                        Some(reason) => reason,
                    };
                    self.end(reason);
                }
                Timer::KeepAlive => self.keep_alive(now),
                Timer::AckRequest => self.ask_for_ack(now),
            }
        }
    }

    /// The next thing to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        self.link.poll()
    }

    /// When [`ServerConnection::handle_timeout`] must be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }

    /// Sends a stanza to the client. With stream management, [`Event::Delivery`] says with
    /// the same token that it was acknowledged.
    ///
    /// # Errors
    /// No resource is bound, the stream has ended, or too many stanzas are not acknowledged.
    pub fn send(&mut self, now: Instant, stanza: StanzaXml) -> Result<StanzaToken, CommandError> {
        match self.phase {
            Phase::Ready => {
                self.check_room()?;
                Ok(self.transmit_stanza(now, stanza.into_string()))
            }
            Phase::Closing | Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotReady),
        }
    }

    /// Says what can be bound to: before [`Input::TlsEstablished`], or at once when TLS is
    /// around the connection from its beginning. Mechanisms with channel binding are offered
    /// then.
    ///
    /// # Errors
    /// It is too late: features are offered already.
    pub fn set_channel_bindings(
        &mut self,
        now: Instant,
        bindings: Vec<ChannelBinding>,
    ) -> Result<(), CommandError> {
        let _ = now;
        match self.phase {
            Phase::Header | Phase::Handshake if self.jid.is_none() => {
                self.bindings = bindings;
                Ok(())
            }
            Phase::Closing | Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotAsked),
        }
    }

    /// Ends the stream properly (RFC 6120 §4.4).
    ///
    /// # Errors
    /// It has ended or is ending.
    pub fn close(&mut self, now: Instant) -> Result<(), CommandError> {
        self.begin_close(now, None)
    }

    /// Ends the stream with an error, such as `conflict` when the resource was taken over,
    /// or `system-shutdown`.
    ///
    /// # Errors
    /// It has ended or is ending.
    pub fn expel(&mut self, now: Instant, condition: StreamCondition) -> Result<(), CommandError> {
        self.begin_close(now, Some(StreamError::new(condition)))
    }

    /// Sends the client to another host (RFC 6120 §4.9.3.19): a name or an address, with a port or
    /// without.
    ///
    /// # Errors
    /// It has ended or is ending.
    pub fn redirect(&mut self, now: Instant, host: &str) -> Result<(), CommandError> {
        self.begin_close(now, Some(StreamError::see_other_host(host)))
    }

    fn begin_close(
        &mut self,
        now: Instant,
        error: Option<StreamError>,
    ) -> Result<(), CommandError> {
        if matches!(self.phase, Phase::Closing | Phase::Closed) {
            return Err(CommandError::Closed);
        }
        self.open_if_needed("");
        self.last_ack();
        if let Some(error) = &error {
            self.link.send(error.write());
        }
        self.link.send(STREAM_CLOSE.to_string());
        let condition = error.map(|error| error.condition);
        self.reason = Some(condition.map_or(CloseReason::Local, CloseReason::Expelled));
        self.phase = Phase::Closing;
        self.timers.clear();
        let deadline = now.saturating_add(self.config.close_timeout);
        self.timers.set(Timer::Close, deadline);
        Ok(())
    }

    const fn waits_for_host(&self) -> bool {
        matches!(
            self.phase,
            Phase::LookUp(_)
                | Phase::Registering(_)
                | Phase::Tasks(_)
                | Phase::Token
                | Phase::Binding(_)
                | Phase::Resuming(..)
        )
    }

    /// Works off the buffer, until more bytes or the host are needed.
    fn run(&mut self, now: Instant) {
        loop {
            if matches!(self.phase, Phase::Handshake) {
                self.link.drop_blanks();
                if self.link.has_rest() {
                    // RFC 6120 §5.4.3.3: nothing may be pipelined behind <starttls/>.
                    self.link.drop_rest();
                    return self.end(CloseReason::Protocol(ProtocolError::Injection));
                }
            }
            if matches!(self.phase, Phase::Closed) {
                return self.link.drop_rest();
            }
            if self.waits_for_host() {
                return;
            }
            match self.link.next_frame() {
                Ok(None) => return,
                Ok(Some((kind, bytes))) => self.frame(now, kind, bytes),
                Err(error) => {
                    self.link.drop_rest();
                    return self.fail(ProtocolError::Xml(error));
                }
            }
        }
    }

    fn frame(&mut self, now: Instant, kind: FrameKind, bytes: Bytes) {
        match kind {
            FrameKind::Whitespace => {}
            // Nothing follows our end of the stream, not even features (RFC 6120 §4.4).
            FrameKind::StreamOpen if matches!(self.phase, Phase::Closing) => {}
            FrameKind::StreamOpen => self.header(&bytes),
            FrameKind::StreamClose => {
                let reason = match self.reason.take() {
                    Some(reason) => reason,
                    None => {
                        self.link.send(STREAM_CLOSE.to_string());
                        CloseReason::Peer
                    }
                };
                self.end(reason);
            }
            FrameKind::Element => {
                let element = self.link.scanner.element(&bytes);
                if let Some(error) = element.and_then(StreamError::read) {
                    if self.reason.is_none() {
                        self.link.send(STREAM_CLOSE.to_string());
                    }
                    return self.end(CloseReason::StreamError(error));
                }
                match self.phase {
                    Phase::Ready => self.stanza(now, bytes),
                    Phase::Closing => self.closing(&bytes),
                    Phase::Closed => {}
                    _ => self.negotiate(now, &bytes),
                }
            }
        }
    }

    /// Takes a stanza of the bound client.
    fn stanza(&mut self, now: Instant, bytes: Bytes) {
        if self.config.stream_management.is_some() {
            let element = self.link.scanner.element(&bytes);
            if let Some(element) = element.and_then(SmElement::read) {
                return self.managed(now, element);
            }
            // What is not valid is handled too (XEP-0198 §4).
            if self.sm.is_on() && element.is_some_and(|e| Stanza::of(e).is_some()) {
                self.sm.acks.count_handled();
            }
        }
        match StanzaBuf::from_frame(bytes.clone(), &self.link.scanner) {
            Ok(stanza) => {
                let view = stanza.view();
                let header = view.header();
                let own = self.jid.as_ref();
                // RFC 6120 §8.1.2.1: `from` is the client's own or it is a forgery.
                let honest = match (header.from(), own) {
                    (Some(from), Some(own)) => is_own(from, own),
                    _ => true,
                };
                if header.element().ns() != Ns::CLIENT {
                    return self.fail(ProtocolError::Stream(StreamCondition::InvalidNamespace));
                }
                if !honest {
                    return self.fail(ProtocolError::Stream(StreamCondition::InvalidFrom));
                }
                let own = match &view {
                    Stanza::Iq(iq) => self.own_answer(iq),
                    _ => None,
                };
                if let Some(reply) = own {
                    self.transmit_stanza(now, reply.into_string());
                    return;
                }
                self.link.event(Event::Stanza(stanza));
            }
            Err(InvalidStanza::NotAStanza) if self.client_state(&bytes) => {}
            Err(InvalidStanza::NotAStanza) => {
                self.fail(ProtocolError::Stream(StreamCondition::UnsupportedStanzaType));
            }
            Err(reason) => {
                let element = self.link.scanner.element(&bytes);
                let reply = element.and_then(|e| error_reply(e, &reason.condition().into()));
                if let Some(reply) = reply {
                    self.transmit_stanza(now, reply.into_string());
                }
                self.link.event(Event::Invalid { bytes, reason });
            }
        }
    }

    /// Takes what a client says of its user (XEP-0352), whether it was offered or not.
    fn client_state(&mut self, bytes: &[u8]) -> bool {
        let said = self.link.scanner.element(bytes).and_then(crate::ext::chat::read_client_state);
        if let Some(active) = said {
            self.link.event(Event::ClientState { active });
        }
        said.is_some()
    }

    /// What the connection answers itself: a ping of the server, the session of RFC 3921.
    fn own_answer(&self, iq: &crate::stanza::Iq<'_>) -> Option<StanzaXml> {
        let to = iq.header().to();
        let to_server = to.is_none_or(|to| to.as_str() == self.domain());
        let payload = iq.payload()?;
        let known = match (iq.kind()?, payload.ns(), payload.name()) {
            (IqKind::Get, Ns::PING, "ping") => to_server,
            (IqKind::Set, Ns::SESSION, "session") => to_server,
            _ => false,
        };
        known.then(|| result_reply(iq.header(), |_| {}).ok()).flatten()
    }

    /// The peer broke the protocol: tells it and ends. A stream that was not opened yet is
    /// opened first, so that there is something to put the error in (RFC 6120 §4.9.1.2).
    fn fail(&mut self, error: ProtocolError) {
        self.send_last(error.write());
        self.end(CloseReason::Protocol(error));
    }

    fn send_error(&mut self, condition: StreamCondition) {
        self.send_last(StreamError::new(condition).write());
    }

    fn send_last(&mut self, error: String) {
        if self.reason.is_none() {
            self.open_if_needed("");
            self.link.send(error);
            self.link.send(STREAM_CLOSE.to_string());
        }
    }

    fn end(&mut self, reason: CloseReason) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.phase = Phase::Closed;
        self.timers.clear();
        self.end_session(&reason);
        self.link.event(Event::Closed(reason));
    }

    fn transmit(&mut self, now: Instant, text: String) {
        self.transmit_bytes(now, Bytes::from(text));
    }

    fn transmit_bytes(&mut self, now: Instant, bytes: Bytes) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        self.link.send_bytes(bytes);
        if let Some(silence) = self.config.keep_alive {
            let silence = silence.max(core::time::Duration::from_millis(1));
            self.timers.set(Timer::KeepAlive, now.saturating_add(silence));
        }
    }

    fn restart_idle(&mut self, now: Instant) {
        if let (Phase::Ready, Some(silence)) = (&self.phase, self.config.idle_timeout) {
            let silence = silence.max(core::time::Duration::from_millis(1));
            self.timers.set(Timer::Idle, now.saturating_add(silence));
        }
    }
}

impl Machine for ServerConnection {
    type Input<'a> = Input<'a>;
    type Transmit = Bytes;
    type Event = Event;

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}

impl core::fmt::Debug for ServerConnection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ServerConnection")
            .field("jid", &self.jid)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

impl StreamMachine for ServerConnection {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        self.handle_input(now, Input::Data(data));
    }

    fn handle_eof(&mut self, now: Instant) {
        self.handle_input(now, Input::Eof);
    }

    fn is_closed(event: &Event) -> bool {
        matches!(event, Event::Closed(_))
    }

    fn wants_input(&self) -> bool {
        Self::wants_input(self)
    }
}
