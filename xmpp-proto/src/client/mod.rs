//! The client's side of a client-to-server stream.
//!
//! | kind | methods |
//! |---|---|
//! | A getters | [`Client::jid`], [`Client::stream_lang`], [`Client::is_ready`], [`Client::is_managed`], [`Client::sm_session`], [`Client::wants_input`], [`Client::next_timer`] |
//! | B reports | [`Client::handle_input`], [`Client::handle_timeout`] |
//! | C commands | [`Client::send`], [`Client::request`], [`Client::answer`], [`Client::refuse`], [`Client::request_roster`], [`Client::set_roster_item`], [`Client::password`], [`Client::register`], [`Client::skip_registration`], [`Client::choose_task`], [`Client::answer_task`], [`Client::set_channel_bindings`], [`Client::derived`](Client::derived), [`Client::set_active`], [`Client::close`], [`Client::take_session`] |
//! | D polls | [`Client::poll_output`], [`Client::poll_timeout`] |
//!
//! The run loop:
//!
//! ```no_run
//! use proto_wire::{Clock, Output, Seed};
//! use std::io::{Read, Write};
//! use std::sync::Arc;
//! use xmpp_proto::client::{Client, ClientConfig, Event, Input, TlsPolicy};
//! use xmpp_proto::sasl::Secret;
//! use xmpp_proto::stanza::{MessageBuilder, PresenceBuilder};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = ClientConfig::new("juliet@localhost".parse()?)
//!     .with_password(Secret::new("secret"))
//!     .with_tls(TlsPolicy::Never); // loopback
//! let clock = Clock::start();
//! let mut seed = [0; 32];
//! std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
//! let mut client = Client::new(clock.now(), Arc::new(config), Seed::new(seed));
//! let mut socket = std::net::TcpStream::connect("127.0.0.1:5222")?;
//! let mut buf = [0; 4096];
//! loop {
//!     while let Some(output) = client.poll_output() {
//!         match output {
//!             Output::Transmit(bytes) => socket.write_all(&bytes)?,
//!             Output::Event(Event::Ready { .. }) => {
//!                 let now = clock.now();
//!                 client.send(now, PresenceBuilder::new().build()?)?;
//!                 let hello = MessageBuilder::new().to(&"romeo@localhost".parse()?);
//!                 client.send(now, hello.body("Wherefore?").build()?)?;
//!             }
//!             Output::Event(Event::Closed(why)) => return Ok(println!("{why}")),
//!             Output::Event(other) => println!("{other:?}"),
//!         }
//!     }
//!     let wait = client.poll_timeout().map(|at| at.saturating_since(clock.now()));
//!     socket.set_read_timeout(wait.map(|w| w.max(std::time::Duration::from_millis(1))))?;
//!     match socket.read(&mut buf) {
//!         Ok(0) => client.handle_input(clock.now(), Input::Eof),
//!         Ok(n) => client.handle_input(clock.now(), Input::Data(buf.get(..n).unwrap_or(&[]))),
//!         Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => client.handle_timeout(clock.now()),
//!         Err(e) => return Err(e.into()),
//!     }
//! }
//! # }
//! ```

#[cfg(test)]
#[cfg(feature = "scram")]
mod binding_tests;
mod config;
mod event;
#[cfg(test)]
#[cfg(feature = "scram")]
mod login_tests;
mod negotiate;
mod reconnect;
mod register;
mod sasl2;
mod session;
mod sm;
#[cfg(test)]
#[cfg(feature = "scram")]
mod sm_tests;
mod tasks;
#[cfg(test)]
#[cfg(feature = "scram")]
mod tests;

pub use config::{ClientConfig, FastToken, Sasl2Config, TlsPolicy};
pub use event::{CloseReason, CommandError, Event, Input, IqRequest, NoAnswer, Timer};
pub use reconnect::{Reconnect, ReconnectPolicy, Retry};
pub use session::RequestKind;

use crate::iq::IqTracker;
use crate::jid::Jid;
use crate::link::{Dice, Link, ProtocolError};
use crate::sasl::{ChannelBinding, SaslClient};
use crate::sm::{Managed, SmSession, StanzaToken};
use crate::stanza::StanzaXml;
use crate::stream::{Features, STREAM_CLOSE, StreamCondition, StreamError};
use crate::xml::FrameKind;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{HexToken, Instant, Machine, Output, Seed, StreamMachine, TimerTable};

/// Where the negotiation stands.
#[derive(Debug)]
enum Phase {
    /// Our header is sent; the server's is awaited.
    Header,
    /// The server's header is there; its features are awaited.
    Features,
    /// `<starttls/>` is sent.
    Proceed,
    /// The host does the handshake.
    Handshake,
    /// An account is being made.
    Registering(register::Registering),
    /// The host was asked for a password, with the mechanism to be used.
    Password(crate::sasl::Mechanism),
    /// An exchange goes on.
    Auth(SaslClient),
    /// A task behind it goes on (XEP-0388 §2.6.3).
    Tasks(SaslClient, tasks::Turn),
    /// The host derives a key.
    #[cfg_attr(
        not(feature = "scram"),
        expect(dead_code, reason = "of the mechanisms only SCRAM derives a key")
    )]
    Derivation(SaslClient),
    /// SASL 2 has done everything; the features that follow are awaited.
    Bound,
    /// The request to bind is sent.
    Bind,
    /// The request for a session is sent (RFC 3921 §3).
    Session,
    /// The request to resume a session is sent (XEP-0198 §5).
    Resuming,
    /// The request for stream management is sent (XEP-0198 §3). Stanzas count already.
    Enabling,
    Ready,
    /// Our end of the stream is sent.
    Closing,
    Closed,
}

/// A client.
pub struct Client {
    config: Arc<ClientConfig>,
    link: Link<Event>,
    phase: Phase,
    timers: TimerTable<Timer, 6>,
    dice: Dice,
    /// Random part of the ids of this stream.
    prefix: HexToken<12>,
    count: u64,
    secure: bool,
    authenticated: bool,
    jid: Jid,
    features: Features,
    requests: IqTracker,
    rosters: Vec<crate::iq::IqToken>,
    /// Requests that the host must answer: number and deadline, oldest first.
    questions: Vec<(u64, Instant, crate::stanza::StanzaBuf)>,
    /// The default language of what the server sends.
    lang: Option<String>,
    /// The password in use, between `<auth/>` and the derivation of the key.
    given: Option<crate::sasl::Secret>,
    /// What the host says of its TLS connection.
    bindings: Vec<ChannelBinding>,
    /// The exchange is one of SASL 2.
    sasl2: bool,
    /// The account was made, or is not to be.
    registered: bool,
    /// A token of FAST was refused on this connection.
    fast_refused: bool,
    sm: Managed,
    /// Of a former connection, until it is resumed; or of this one, once it broke.
    session: Option<SmSession>,
    /// Why a stream that is closing closes.
    reason: Option<CloseReason>,
}

impl Client {
    /// A client on a fresh connection; its header is the first output.
    #[must_use]
    pub fn new(now: Instant, config: Arc<ClientConfig>, seed: Seed) -> Self {
        let mut dice = Dice::new(seed);
        let mut client = Self {
            link: Link::new(config.limits_before),
            phase: Phase::Header,
            timers: TimerTable::new(),
            prefix: dice.hex(),
            dice,
            count: 0,
            secure: config.direct_tls,
            authenticated: false,
            jid: config.jid.clone(),
            features: Features::new(),
            requests: IqTracker::default(),
            rosters: Vec::new(),
            questions: Vec::new(),
            lang: None,
            given: None,
            bindings: Vec::new(),
            sasl2: false,
            registered: false,
            fast_refused: false,
            sm: Managed::default(),
            session: None,
            reason: None,
            config,
        };
        let deadline = now.saturating_add(client.config.negotiation_timeout);
        client.timers.set(Timer::Negotiation, deadline);
        client.open_stream();
        client
    }

    /// The own address: as configured, and as bound once ready.
    #[must_use]
    pub const fn jid(&self) -> &Jid {
        &self.jid
    }

    /// The language of stanzas that do not say theirs: that of the server's header
    /// (RFC 6120 §4.7.4, §8.1.5).
    #[must_use]
    pub fn stream_lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    /// Whether it is logged in.
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

    /// Whether more input is welcome; `false` while a megabyte waits to be sent.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.link.wants_input()
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
            Input::Data(data) => self.data(now, data),
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
                    self.open_stream();
                }
            }
        }
        self.set_request_timer();
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::Negotiation => {
                    let condition = StreamCondition::ConnectionTimeout;
                    self.link.send(StreamError::new(condition).write());
                    self.link.send(STREAM_CLOSE.to_string());
                    self.end(CloseReason::TimedOut(timer));
                }
                Timer::Close => {
                    let reason = match self.reason.take() {
                        Some(CloseReason::Local) | None => CloseReason::TimedOut(timer),
                        Some(reason) => reason,
                    };
                    self.end(reason);
                }
                Timer::Request => self.expire_requests(now),
                Timer::KeepAlive => self.keep_alive(now),
                Timer::AckRequest => self.ask_for_ack(now),
                // The connection is dead; the session may not be.
                Timer::Ack => self.end(CloseReason::TimedOut(timer)),
            }
        }
        self.set_request_timer();
    }

    /// The next thing to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        self.link.poll()
    }

    /// When [`Client::handle_timeout`] must be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }

    /// Sends a stanza. With stream management, [`Event::Delivery`] says with the same token
    /// what becomes of it. While the session of a former connection is being resumed, the
    /// stanza is queued.
    ///
    /// # Errors
    /// Not logged in, closed, or too many stanzas wait for an acknowledgement.
    pub fn send(&mut self, now: Instant, stanza: StanzaXml) -> Result<StanzaToken, CommandError> {
        if let Some(token) = self.hold(&stanza) {
            return token;
        }
        self.check_ready()?;
        self.check_room()?;
        Ok(self.transmit_stanza(now, stanza.into_string()))
    }

    /// Tells the server whether the user looks at this client (XEP-0352): while nobody does, what
    /// can wait may. A new stream begins, and a resumed one goes on, as if somebody did, unless
    /// [`Sasl2Config::inactive`](Sasl2Config::inactive) says otherwise of a new one. `false`
    /// when the server does not want to know; nothing is sent then.
    ///
    /// # Errors
    /// Not logged in, or closed.
    pub fn set_active(&mut self, now: Instant, active: bool) -> Result<bool, CommandError> {
        self.check_ready()?;
        if self.features.client_state {
            self.transmit(now, crate::ext::chat::client_state(active).to_string());
        }
        Ok(self.features.client_state)
    }

    /// Says what can be bound to, best first: before [`Input::TlsEstablished`], or at once
    /// when TLS is around the connection from its beginning.
    ///
    /// # Errors
    /// It is too late: authentication has begun.
    pub fn set_channel_bindings(
        &mut self,
        now: Instant,
        bindings: Vec<ChannelBinding>,
    ) -> Result<(), CommandError> {
        let _ = now;
        match self.phase {
            Phase::Header | Phase::Features | Phase::Proceed | Phase::Handshake
                if !self.authenticated =>
            {
                self.bindings = bindings;
                Ok(())
            }
            Phase::Closing | Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotAsked),
        }
    }

    /// Ends the stream: what was sent before still arrives, the peer may finish too
    /// (RFC 6120 §4.4).
    ///
    /// # Errors
    /// It has ended or is ending.
    pub fn close(&mut self, now: Instant) -> Result<(), CommandError> {
        if matches!(self.phase, Phase::Closing | Phase::Closed) {
            return Err(CommandError::Closed);
        }
        self.begin_close(now, CloseReason::Local);
        Ok(())
    }

    fn check_ready(&self) -> Result<(), CommandError> {
        match self.phase {
            Phase::Ready => Ok(()),
            Phase::Closing | Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotReady),
        }
    }

    fn data(&mut self, now: Instant, data: &[u8]) {
        self.link.feed(data);
        loop {
            if matches!(self.phase, Phase::Handshake) && self.link.has_rest() {
                self.link.drop_rest();
                return self.end(CloseReason::Protocol(ProtocolError::Injection));
            }
            if matches!(self.phase, Phase::Closed) {
                return self.link.drop_rest();
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
            FrameKind::StreamOpen => self.header(&bytes),
            FrameKind::StreamClose => self.peer_closed(),
            FrameKind::Element => match self.phase {
                Phase::Ready => self.stanza(now, bytes),
                Phase::Enabling => self.enabling(now, bytes),
                // What arrives while closing still counts (RFC 6120 §4.4).
                Phase::Closing if self.authenticated => self.stanza(now, bytes),
                Phase::Closing | Phase::Closed => {}
                _ => self.negotiate(now, &bytes),
            },
        }
    }

    fn peer_closed(&mut self) {
        let reason = match self.reason.take() {
            Some(reason) => reason,
            None => {
                self.link.send(STREAM_CLOSE.to_string());
                CloseReason::Peer
            }
        };
        self.end(reason);
    }

    fn begin_close(&mut self, now: Instant, reason: CloseReason) {
        self.last_acks();
        self.link.send(STREAM_CLOSE.to_string());
        self.reason = Some(reason);
        self.phase = Phase::Closing;
        self.timers.clear();
        let deadline = now.saturating_add(self.config.close_timeout);
        self.timers.set(Timer::Close, deadline);
        self.set_request_timer();
    }

    /// The peer broke the protocol: tells it and ends (RFC 6120 §4.9.1).
    fn fail(&mut self, error: ProtocolError) {
        if self.reason.is_none() {
            self.link.send(error.write());
            self.link.send(STREAM_CLOSE.to_string());
        }
        self.end(CloseReason::Protocol(error));
    }

    fn end(&mut self, reason: CloseReason) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.phase = Phase::Closed;
        self.timers.clear();
        self.end_session(&reason);
        self.rosters.clear();
        self.questions.clear();
        self.given = None;
        for token in self.requests.drain() {
            let answer = Err(NoAnswer::Closed);
            self.link.event(Event::Answer { token, answer });
        }
        self.link.event(Event::Closed(reason));
    }

    /// Sends, and puts the keep-alive off.
    fn transmit(&mut self, now: Instant, text: String) {
        self.transmit_bytes(now, Bytes::from(text));
    }

    fn transmit_bytes(&mut self, now: Instant, bytes: Bytes) {
        if !matches!(self.phase, Phase::Ready | Phase::Enabling) {
            // Nothing may follow the end of our stream.
            return;
        }
        self.link.send_bytes(bytes);
        // A server that tells how much silence it takes gets a word in half of that (XEP-0478).
        let told = self
            .features
            .idle_max
            .map(|secs| Duration::from_millis(u64::from(secs).saturating_mul(500)));
        let silence = self.config.keep_alive.map(|own| told.map_or(own, |told| told.min(own)));
        if let Some(silence) = silence {
            // A period of nothing would be a busy loop.
            let silence = silence.max(Duration::from_millis(1));
            self.timers.set(Timer::KeepAlive, now.saturating_add(silence));
        }
    }

    fn next_id(&mut self) -> String {
        self.count = self.count.wrapping_add(1);
        crate::iq::id_of(self.prefix.as_str(), self.count)
    }
}

impl Machine for Client {
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

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client")
            .field("jid", &self.jid)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

impl StreamMachine for Client {
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
