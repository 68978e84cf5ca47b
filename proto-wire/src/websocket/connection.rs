//! One end of a WebSocket as a machine.

use super::{
    AcceptKey, ClientRequest, CloseCode, CloseFrame, Config, Decoder, Encoder, HandshakeError,
    Message, Opcode, ProtocolError, Role, UpgradeRequest, check_response,
};
use crate::http::{HeadBuffer, HeadWriter, is_field_value, is_token};
use crate::{Instant, Machine, Output, Rng, Seed, StreamMachine};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use thiserror::Error;

/// What the outside reports. See [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes arrived.
    Data(&'a [u8]),
    /// The stream ended.
    Eof,
}

/// What the application is told. RFC 6455 §5.6, §7.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Server: a client wants in. Answer with [`Connection::accept`] or
    /// [`Connection::reject`].
    UpgradeRequested(Box<UpgradeRequest>),
    /// Client: the server agreed, on this subprotocol.
    Opened {
        /// The subprotocol, as it was offered.
        subprotocol: Option<String>,
    },
    /// A text message; the bytes are UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// The answer to a ping.
    Pong(Bytes),
    /// It is over; close the stream. Always the last event.
    Closed(CloseReason),
}

/// Why a [`Connection`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed, with this frame (`None`: without a code).
    Peer(Option<CloseFrame>),
    /// This end closed and the peer agreed, or the upgrade was rejected by this end.
    Local,
    /// The upgrade failed.
    Handshake(HandshakeError),
    /// The peer broke RFC 6455; it was told with a close frame.
    Protocol(ProtocolError),
    /// A deadline passed.
    TimedOut(Timer),
    /// The stream ended without a close frame.
    Eof,
}

/// Why a timer is set. RFC 6455 §4.1, §5.5, §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The upgrade must be done by then.
    Handshake,
    /// A ping goes out then, if the peer is silent until then.
    Ping,
    /// The peer must have shown itself by then.
    Pong,
    /// The peer must have answered the close frame by then.
    Closing,
}

/// The caller's own mistake; nothing has changed. See [`Connection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The connection is not open (any more, or yet).
    #[error("the connection is not open")]
    NotOpen,
    /// There is no upgrade to answer.
    #[error("there is no upgrade to answer")]
    NoRequest,
    /// A subprotocol that was not offered, or a text that would break out of its line.
    #[error("the argument cannot be sent")]
    Argument,
    /// A control frame holds at most 125 bytes.
    #[error("the payload of a ping holds at most 125 bytes")]
    TooLong,
}

/// One end of a WebSocket connection, from the first byte of the upgrade on.
///
/// A, getters: [`is_open`](Self::is_open), [`next_timer`](Self::next_timer). B, what
/// happened: [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout).
/// C, commands: [`accept`](Self::accept), [`reject`](Self::reject), [`text`](Self::text),
/// [`binary`](Self::binary), [`ping`](Self::ping), [`close`](Self::close). D, what to do:
/// [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout).
///
/// ```
/// use proto_wire::websocket::{ClientRequest, Config, Connection, Event, Input};
/// use proto_wire::{Instant, Output, Seed};
///
/// let (now, config) = (Instant::ZERO, std::sync::Arc::new(Config::default()));
/// let request = ClientRequest::new("example.com", "/rtsp").subprotocol("rtsp.onvif.org");
/// let mut client =
///     Connection::client(now, config.clone(), Seed::from_u64(1), request).unwrap();
/// let mut server = Connection::server(now, config, Seed::from_u64(2));
/// let mut heard = Vec::new();
/// // The run loop of a host, with the network left out.
/// loop {
///     let mut idle = true;
///     while let Some(output) = client.poll_output() {
///         idle = false;
///         match output {
///             Output::Transmit(bytes) => server.handle_input(now, Input::Data(&bytes)),
///             Output::Event(Event::Opened { .. }) => client.text(now, "hello").unwrap(),
///             Output::Event(_) => {}
///         }
///     }
///     while let Some(output) = server.poll_output() {
///         idle = false;
///         match output {
///             Output::Transmit(bytes) => client.handle_input(now, Input::Data(&bytes)),
///             Output::Event(Event::UpgradeRequested(_)) => {
///                 server.accept(now, Some("rtsp.onvif.org")).unwrap();
///             }
///             Output::Event(Event::Text(text)) => heard.push(text),
///             Output::Event(_) => {}
///         }
///     }
///     if idle { break }
/// }
/// assert_eq!(heard, ["hello"]);
/// ```
#[derive(Debug)]
pub struct Connection {
    role: Role,
    config: Arc<Config>,
    rng: Rng,
    encoder: Encoder,
    state: State,
    out: VecDeque<Output<Bytes, Event>>,
    /// Whether the last thing in `out` is a pong: the next one replaces it (§5.5.3), so
    /// that a flood of pings does not fill the queue.
    pong_is_last: bool,
    timer: Option<(Instant, Timer)>,
}

#[derive(Debug)]
enum State {
    /// Client: the request is out.
    Asked {
        request: Box<ClientRequest>,
        proof: AcceptKey,
        head: HeadBuffer,
    },
    /// Server: waits for the request.
    Listening {
        head: HeadBuffer,
    },
    /// Server: the application decides. A client sends nothing before the answer (§4.1);
    /// what it sends nevertheless waits here, up to the limit on a message.
    Deciding {
        request: Box<UpgradeRequest>,
        early: alloc::vec::Vec<u8>,
    },
    Open(Decoder),
    /// This end sent a close frame; data is read over until the peer's arrives.
    Closing(Decoder),
    Closed,
}

impl Connection {
    /// The end that asks. Its request is the first output.
    ///
    /// # Errors
    /// Something in `request` would break out of its line.
    pub fn client(
        now: Instant,
        config: Arc<Config>,
        seed: Seed,
        request: ClientRequest,
    ) -> Result<Self, CommandError> {
        if !request.is_sound() {
            return Err(CommandError::Argument);
        }
        let mut rng = Rng::new(&seed);
        let (bytes, proof) = request.write(&mut rng);
        let head = HeadBuffer::new(config.head_max);
        let state = State::Asked { request: Box::new(request), proof, head };
        let mut connection = Self::new(now, config, rng, Role::Client, state);
        connection.out.push_back(Output::Transmit(bytes));
        Ok(connection)
    }

    /// The end that is asked.
    #[must_use]
    pub fn server(now: Instant, config: Arc<Config>, seed: Seed) -> Self {
        let head = HeadBuffer::new(config.head_max);
        Self::new(now, config, Rng::new(&seed), Role::Server, State::Listening { head })
    }

    fn new(now: Instant, config: Arc<Config>, rng: Rng, role: Role, state: State) -> Self {
        let deadline = now.saturating_add(config.handshake_timeout);
        Self {
            role,
            encoder: Encoder::new(role).with_frame_max(config.frame_max),
            config,
            rng,
            state,
            out: VecDeque::new(),
            pong_is_last: false,
            timer: Some((deadline, Timer::Handshake)),
        }
    }

    /// Whether messages can be sent.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// When time matters next, and why.
    #[must_use]
    pub const fn next_timer(&self) -> Option<(Instant, Timer)> {
        self.timer
    }

    /// Takes what arrived. After [`Event::Closed`] it is ignored.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Data(data) => self.handle_data(now, data),
            Input::Eof => self.finish(CloseReason::Eof),
        }
    }

    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        match &mut self.state {
            State::Closed => {}
            State::Asked { head, .. } | State::Listening { head } => match head.feed(data) {
                Ok(None) => {}
                Ok(Some(used)) => {
                    self.handle_head(now);
                    let rest = data.get(used..).unwrap_or(&[]);
                    if !rest.is_empty() {
                        self.handle_data(now, rest);
                    }
                }
                Err(limit) => self.fail_handshake(HandshakeError::Limit(limit)),
            },
            State::Deciding { early, .. } => {
                let room = self.config.message_max.saturating_sub(early.len());
                if data.len() > room {
                    let limit = ProtocolError::Limit(crate::LimitKind::Body);
                    self.finish(CloseReason::Protocol(limit));
                } else {
                    early.extend_from_slice(data);
                }
            }
            State::Open(_) | State::Closing(_) => self.handle_frames(now, data),
        }
    }

    fn handle_head(&mut self, now: Instant) {
        let count = self.config.header_count_max;
        let result = match &self.state {
            State::Asked { request, proof, head } => head
                .response(count)
                .map_err(HandshakeError::Head)
                .and_then(|response| check_response(&response, request, *proof))
                .map(|subprotocol| (self.open_state(), Event::Opened { subprotocol })),
            State::Listening { head } => head
                .request(count)
                .map_err(HandshakeError::Head)
                .and_then(|head| UpgradeRequest::new(&head))
                .map(|request| {
                    let request = Box::new(request);
                    let early = alloc::vec::Vec::new();
                    let state = State::Deciding { request: request.clone(), early };
                    (state, Event::UpgradeRequested(request))
                }),
            _ => return,
        };
        match result {
            Ok((state, event)) => {
                self.state = state;
                self.push(Output::Event(event));
                self.heard(now);
            }
            Err(error) => self.fail_handshake(error),
        }
    }

    fn open_state(&self) -> State {
        State::Open(Decoder::new(self.role, self.config.message_max))
    }

    fn fail_handshake(&mut self, error: HandshakeError) {
        if self.role == Role::Server {
            self.push(Output::Transmit(error.reply()));
        }
        self.finish(CloseReason::Handshake(error));
    }

    fn handle_frames(&mut self, now: Instant, mut data: &[u8]) {
        if !data.is_empty() {
            self.heard(now);
        }
        loop {
            let (decoder, is_closing) = match &mut self.state {
                State::Open(decoder) => (decoder, false),
                State::Closing(decoder) => (decoder, true),
                _ => return,
            };
            let message = match decoder.feed(&mut data) {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(error) => {
                    // §7.1.7: say why, then give up without waiting.
                    if !is_closing {
                        let close = CloseFrame { code: error.close_code(), reason: String::new() };
                        let bytes = self.encoder.close(Some(&close), &mut self.rng);
                        self.push(Output::Transmit(bytes));
                    }
                    return self.finish(CloseReason::Protocol(error));
                }
            };
            match message {
                Message::Close(_) if is_closing => return self.finish(CloseReason::Local),
                Message::Close(close) => {
                    // §5.5.1: the same code back.
                    let echo =
                        close.as_ref().map(|c| CloseFrame { code: c.code, reason: String::new() });
                    let bytes = self.encoder.close(echo.as_ref(), &mut self.rng);
                    self.push(Output::Transmit(bytes));
                    return self.finish(CloseReason::Peer(close));
                }
                // What arrives while this end closes is read over (§7.1.2 leaves it open).
                _ if is_closing => {}
                Message::Text(text) => self.push(Output::Event(Event::Text(text))),
                Message::Binary(data) => self.push(Output::Event(Event::Binary(data))),
                Message::Pong(data) => self.push(Output::Event(Event::Pong(data))),
                Message::Ping(data) => {
                    let bytes = self.encoder.control(Opcode::Pong, &data, &mut self.rng);
                    if self.pong_is_last {
                        self.out.pop_back();
                    }
                    self.push(Output::Transmit(bytes));
                    self.pong_is_last = true;
                }
            }
        }
    }

    /// Lets time act. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some((_, timer)) = self.timer.filter(|(at, _)| *at <= now) else { return };
        match (timer, self.config.ping_interval) {
            (Timer::Ping, Some(interval)) => {
                let bytes = self.encoder.control(Opcode::Ping, b"", &mut self.rng);
                self.push(Output::Transmit(bytes));
                // At least a nanosecond later, whatever the configuration says.
                let interval = interval.max(Duration::from_nanos(1));
                self.timer = Some((now.saturating_add(interval), Timer::Pong));
            }
            (timer, _) => self.finish(CloseReason::TimedOut(timer)),
        }
    }

    /// Grants the upgrade, on a `subprotocol` that the client offered or on none.
    ///
    /// # Errors
    /// There is no upgrade to answer, or the subprotocol was not offered.
    pub fn accept(&mut self, now: Instant, subprotocol: Option<&str>) -> Result<(), CommandError> {
        let State::Deciding { request, early } = &mut self.state else {
            return Err(CommandError::NoRequest);
        };
        if subprotocol.is_some_and(|name| request.offered(name).is_none()) {
            return Err(CommandError::Argument);
        }
        let response = request.response(subprotocol);
        let early = core::mem::take(early);
        self.push(Output::Transmit(response));
        self.state = self.open_state();
        self.heard(now);
        if !early.is_empty() {
            self.handle_frames(now, &early);
        }
        Ok(())
    }

    /// Refuses the upgrade with an HTTP status (`"403 Forbidden"`) and headers
    /// (`WWW-Authenticate`), and ends the connection.
    ///
    /// # Errors
    /// There is no upgrade to answer, or a text would break out of its line.
    pub fn reject(
        &mut self,
        _now: Instant,
        status: &str,
        headers: &[(&str, &str)],
    ) -> Result<(), CommandError> {
        if !matches!(self.state, State::Deciding { .. }) {
            return Err(CommandError::NoRequest);
        }
        let sound = |(name, value): &(&str, &str)| is_token(name) && is_field_value(value);
        if !is_field_value(status) || status.is_empty() || !headers.iter().all(sound) {
            return Err(CommandError::Argument);
        }
        let reply = HeadWriter::new(&alloc::format!("HTTP/1.1 {status}"))
            .headers(headers.iter().copied())
            .header("Connection", "close")
            .header("Content-Length", "0")
            .finish();
        self.push(Output::Transmit(reply));
        self.finish(CloseReason::Local);
        Ok(())
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// The connection is not open.
    pub fn text(&mut self, _now: Instant, text: &str) -> Result<(), CommandError> {
        self.message(true, text.as_bytes())
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// The connection is not open.
    pub fn binary(&mut self, _now: Instant, data: &[u8]) -> Result<(), CommandError> {
        self.message(false, data)
    }

    fn message(&mut self, is_text: bool, payload: &[u8]) -> Result<(), CommandError> {
        if !self.is_open() {
            return Err(CommandError::NotOpen);
        }
        let bytes = self.encoder.message(is_text, payload, &mut self.rng);
        self.push(Output::Transmit(bytes));
        Ok(())
    }

    /// Sends a ping; the answer is [`Event::Pong`].
    ///
    /// # Errors
    /// The connection is not open, or `payload` is longer than 125 bytes.
    pub fn ping(&mut self, _now: Instant, payload: &[u8]) -> Result<(), CommandError> {
        if !self.is_open() {
            return Err(CommandError::NotOpen);
        }
        if payload.len() > 125 {
            return Err(CommandError::TooLong);
        }
        let bytes = self.encoder.control(Opcode::Ping, payload, &mut self.rng);
        self.push(Output::Transmit(bytes));
        Ok(())
    }

    /// Begins to close; [`Event::Closed`] follows when the peer agrees, or in time.
    ///
    /// # Errors
    /// The connection is not open, or `code` may not be sent.
    pub fn close(
        &mut self,
        now: Instant,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), CommandError> {
        if !self.is_open() {
            return Err(CommandError::NotOpen);
        }
        if !code.may_be_sent() {
            return Err(CommandError::Argument);
        }
        let close = CloseFrame { code, reason: reason.into() };
        let bytes = self.encoder.close(Some(&close), &mut self.rng);
        self.push(Output::Transmit(bytes));
        if let State::Open(decoder) = core::mem::replace(&mut self.state, State::Closed) {
            self.state = State::Closing(decoder);
        }
        let deadline = now.saturating_add(self.config.close_timeout);
        self.timer = Some((deadline, Timer::Closing));
        Ok(())
    }

    /// The next thing to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        let output = self.out.pop_front();
        self.pong_is_last &= !self.out.is_empty();
        output
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timer.map(|(at, _)| at)
    }

    fn push(&mut self, output: Output<Bytes, Event>) {
        self.pong_is_last = false;
        self.out.push_back(output);
    }

    /// The peer showed itself, or the connection opened: silence counts from here.
    fn heard(&mut self, now: Instant) {
        if self.is_open() {
            self.timer = self
                .config
                .ping_interval
                .map(|interval| (now.saturating_add(interval), Timer::Ping));
        }
    }

    fn finish(&mut self, reason: CloseReason) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Closed;
            self.timer = None;
            self.push(Output::Event(Event::Closed(reason)));
        }
    }
}

impl Machine for Connection {
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

impl StreamMachine for Connection {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        Self::handle_data(self, now, data);
    }

    fn handle_eof(&mut self, now: Instant) {
        Self::handle_input(self, now, Input::Eof);
    }

    fn is_closed(event: &Event) -> bool {
        matches!(event, Event::Closed(_))
    }
}
