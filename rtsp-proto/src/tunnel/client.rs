//! The client's end of RTSP over HTTP.

use super::client_login::Login;
use super::{COOKIE, ClientConfig, CommandError, MEDIA_TYPE, Order, encode};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::http::{HeadBuffer, HeadWriter};
use proto_wire::{Instant, LimitKind, Machine, Output, ParseErrorKind, Rng, Seed};

/// Bytes that are sent again when the POST was refused (64 KiB): far more than a client says
/// before the server answers anything.
const HELD_MAX: usize = 64 * 1024;

/// Which of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a tunnel has these two")]
pub enum Channel {
    /// What the server sends comes here.
    Get,
    /// What the client sends goes here.
    Post,
}

/// What the outside reports to a [`Client`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientInput<'a> {
    /// Bytes arrived on a connection.
    Data(Channel, &'a [u8]),
    /// A connection ended, or could not be made.
    Eof(Channel),
}

/// What the application is told by a [`Client`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// Make this connection, instead of the one there was; what is transmitted for it comes
    /// behind this event.
    Connect(Channel),
    /// The server agreed: RTSP may begin.
    Opened,
    /// RTSP bytes from the server.
    Data(Bytes),
    /// It is over; close both connections. Always the last event.
    Closed(ClientClosed),
}

/// Why a [`Client`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientClosed {
    /// By command.
    Local,
    /// A connection ended: the GET, or the POST once too often.
    Eof(Channel),
    /// The server answered with this status.
    Refused(Channel, u16),
    /// The server answered with something that is no tunnel: another media type.
    NoTunnel,
    /// The server's answer is no HTTP.
    Malformed(ParseErrorKind),
    /// The server's answer is longer than the limit.
    Limit(LimitKind),
    /// The server did not answer in time.
    TimedOut,
}

/// The client's end of RTSP over HTTP: two connections become one stream.
///
/// A POST that ends is made again, since proxies limit how much one may carry. What had been
/// written to the old one and did not arrive is lost, as with any connection; RTSP's own
/// timeouts see to it.
///
/// A, getters: [`is_open`](Self::is_open), [`cookie`](Self::cookie). B, what happened:
/// [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout). C,
/// commands: [`send`](Self::send), [`close`](Self::close). D, what to do:
/// [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout).
///
/// ```
/// use proto_wire::{Instant, Output, Seed};
/// use rtsp_proto::tunnel::{Channel, Client, ClientConfig, ClientEvent, ClientInput};
///
/// let now = Instant::ZERO;
/// let config = ClientConfig::new("camera.local", "/live");
/// let mut client = Client::new(now, config.into(), Seed::from_u64(1)).unwrap();
/// client.handle_input(now, ClientInput::Data(Channel::Get, b"HTTP/1.0 200 OK\r\n\r\nRTSP/1.0"));
/// let mut sent = [Vec::new(), Vec::new()];
/// let mut received = Vec::new();
/// while let Some(output) = client.poll_output() {
///     match output {
///         Output::Transmit((channel, bytes)) => sent[channel as usize].extend_from_slice(&bytes),
///         Output::Event(ClientEvent::Opened) => client.send(now, b"OPTIONS").unwrap(),
///         Output::Event(ClientEvent::Data(data)) => received.extend_from_slice(&data),
///         Output::Event(_) => {}
///     }
/// }
/// assert!(sent[0].starts_with(b"GET /live HTTP/1.0\r\n"));
/// assert!(sent[1].ends_with(b"\r\n\r\nT1BUSU9OUw=="));
/// assert_eq!(received, b"RTSP/1.0");
/// ```
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    rng: Rng,
    login: Login,
    cookie: String,
    state: State,
    /// How often in a row a connection was made again.
    retries: u32,
    /// The connection that is made again, until the host has heard of it.
    replaced: Option<Channel>,
    /// What was sent on this POST, until the server says something: a POST that is refused
    /// for want of credentials has carried nothing.
    held: Option<Vec<u8>>,
    /// The server's answer to the POST, which most never give.
    post_reply: Option<HeadBuffer>,
    out: VecDeque<Output<(Channel, Bytes), ClientEvent>>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum State {
    Asked(HeadBuffer),
    Open,
    Closed,
}

impl Client {
    /// A tunnel whose first connection is to be made.
    ///
    /// # Errors
    /// Something in `config` would break out of its line.
    pub fn new(now: Instant, config: Arc<ClientConfig>, seed: Seed) -> Result<Self, CommandError> {
        if !config.is_sound() {
            return Err(CommandError::Argument);
        }
        let mut rng = Rng::new(&seed);
        let cookie = rng.hex::<22>().as_str().into();
        let mut client = Self {
            login: Login::new(&config),
            rng,
            cookie,
            retries: 0,
            replaced: None,
            held: Some(Vec::new()),
            state: State::Asked(HeadBuffer::new(config.head_max)),
            post_reply: Some(HeadBuffer::new(config.head_max)),
            out: VecDeque::new(),
            deadline: Some(now.saturating_add(config.open_timeout)),
            config,
        };
        if client.config.order == Order::PostFirst {
            client.connect(Channel::Post);
        }
        client.connect(Channel::Get);
        Ok(client)
    }

    /// Whether the server agreed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// What joins the two connections.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    fn connect(&mut self, channel: Channel) {
        let login = self.login.lines(&mut self.rng, channel, &self.config.target);
        let config = &self.config;
        let version = if config.is_http10 { "1.0" } else { "1.1" };
        let (method, lines): (_, &[(&str, &str)]) = match channel {
            Channel::Get => ("GET", &[("Accept", MEDIA_TYPE)]),
            // The length is a promise that nobody keeps; proxies want to see one. The date
            // is to keep caches from answering.
            Channel::Post => (
                "POST",
                &[
                    ("Content-Type", MEDIA_TYPE),
                    ("Content-Length", "32767"),
                    ("Expires", "Sun, 9 Jan 1972 00:00:00 GMT"),
                ],
            ),
        };
        let head = HeadWriter::new(&format!("{method} {} HTTP/{version}", config.target))
            .header("Host", &config.host)
            .header(COOKIE, &self.cookie)
            .headers(lines.iter().copied())
            .header("Pragma", "no-cache")
            .header("Cache-Control", "no-cache")
            .headers(config.headers.iter().map(|(name, value)| (&**name, &**value)))
            .headers(login.iter().map(|(name, value)| (*name, &**value)))
            .finish();
        self.out.push_back(Output::Event(ClientEvent::Connect(channel)));
        self.out.push_back(Output::Transmit((channel, head)));
    }

    /// Takes what arrived. After [`ClientEvent::Closed`] it is ignored.
    pub fn handle_input(&mut self, _now: Instant, input: ClientInput<'_>) {
        match input {
            ClientInput::Data(channel, _) | ClientInput::Eof(channel) if self.is_stale(channel) => {
            }
            ClientInput::Data(Channel::Get, data) => self.handle_get(data),
            ClientInput::Data(Channel::Post, data) => self.handle_post(data),
            // What it carried may have arrived, and is not sent twice.
            ClientInput::Eof(Channel::Post) => {
                self.again(Channel::Post, ClientClosed::Eof(Channel::Post))
            }
            ClientInput::Eof(Channel::Get) => self.finish(ClientClosed::Eof(Channel::Get)),
        }
    }

    /// Whether what comes is of a connection whose successor the host has not made yet.
    fn is_stale(&self, channel: Channel) -> bool {
        self.replaced == Some(channel)
    }

    /// Makes a connection once more; ends with `otherwise` when that was too often.
    fn again(&mut self, channel: Channel, otherwise: ClientClosed) {
        if matches!(self.state, State::Closed) {
            return;
        }
        if self.retries >= self.config.retries_max {
            return self.finish(otherwise);
        }
        self.retries = self.retries.saturating_add(1);
        self.replaced = Some(channel);
        let head = HeadBuffer::new(self.config.head_max);
        match channel {
            Channel::Get => self.state = State::Asked(head),
            Channel::Post => self.post_reply = Some(head),
        }
        self.connect(channel);
    }

    fn handle_get(&mut self, data: &[u8]) {
        let head = match &mut self.state {
            State::Closed => return,
            State::Open => {
                if !data.is_empty() {
                    self.retries = 0;
                    self.held = None;
                    let data = Bytes::copy_from_slice(data);
                    self.out.push_back(Output::Event(ClientEvent::Data(data)));
                }
                return;
            }
            State::Asked(head) => head,
        };
        let used = match head.feed(data) {
            Ok(Some(used)) => used,
            Ok(None) => return,
            Err(limit) => return self.finish(ClientClosed::Limit(limit)),
        };
        let result = match head.response(self.config.header_count_max) {
            Ok(response) if self.login.wants_retry(Channel::Get, &response) => {
                let refused = ClientClosed::Refused(Channel::Get, response.status);
                return self.again(Channel::Get, refused);
            }
            Ok(response) if response.status != 200 => {
                Err(ClientClosed::Refused(Channel::Get, response.status))
            }
            // A web page is no tunnel; a missing type is forgiven.
            Ok(response) => match response.headers.text("Content-Type") {
                Some(kind) if !kind.to_ascii_lowercase().starts_with(MEDIA_TYPE) => {
                    Err(ClientClosed::NoTunnel)
                }
                _ => Ok(()),
            },
            Err(error) => Err(ClientClosed::Malformed(error)),
        };
        match result {
            Ok(()) => {
                self.state = State::Open;
                self.deadline = None;
                if self.config.order == Order::GetFirst {
                    self.connect(Channel::Post);
                }
                self.out.push_back(Output::Event(ClientEvent::Opened));
                self.handle_get(data.get(used..).unwrap_or(&[]));
            }
            Err(reason) => self.finish(reason),
        }
    }

    /// An answer to the POST means trouble, unless it is a success.
    fn handle_post(&mut self, data: &[u8]) {
        if matches!(self.state, State::Closed) {
            return;
        }
        let Some(head) = &mut self.post_reply else { return };
        match head.feed(data) {
            Ok(None) => {}
            Ok(Some(_)) => match head.response(self.config.header_count_max) {
                Ok(response) if self.login.wants_retry(Channel::Post, &response) => {
                    let refused = ClientClosed::Refused(Channel::Post, response.status);
                    self.again(Channel::Post, refused);
                    if let (State::Open, Some(held)) = (&self.state, &self.held) {
                        let held = Bytes::copy_from_slice(held);
                        self.out.push_back(Output::Transmit((Channel::Post, held)));
                    }
                }
                Ok(response) if (200..300).contains(&response.status) => self.post_reply = None,
                Ok(response) => {
                    let reason = ClientClosed::Refused(Channel::Post, response.status);
                    self.finish(reason);
                }
                Err(error) => self.finish(ClientClosed::Malformed(error)),
            },
            Err(limit) => self.finish(ClientClosed::Limit(limit)),
        }
    }

    /// Lets time act. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|at| at <= now) {
            self.finish(ClientClosed::TimedOut);
        }
    }

    /// Sends RTSP bytes: one message or `$` frame, or any part of the stream.
    ///
    /// # Errors
    /// The tunnel is not open.
    pub fn send(&mut self, _now: Instant, data: &[u8]) -> Result<(), CommandError> {
        if !self.is_open() {
            return Err(CommandError::NotOpen);
        }
        let text = encode(data);
        self.held =
            self.held.take().filter(|held| held.len().saturating_add(text.len()) <= HELD_MAX);
        if let Some(held) = &mut self.held {
            held.extend_from_slice(&text);
        }
        self.out.push_back(Output::Transmit((Channel::Post, text)));
        Ok(())
    }

    /// Ends the tunnel.
    ///
    /// # Errors
    /// It has ended already.
    pub fn close(&mut self, _now: Instant) -> Result<(), CommandError> {
        if matches!(self.state, State::Closed) {
            return Err(CommandError::NotOpen);
        }
        self.finish(ClientClosed::Local);
        Ok(())
    }

    /// The next thing to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<(Channel, Bytes), ClientEvent>> {
        let output = self.out.pop_front();
        if let Some(Output::Event(ClientEvent::Connect(channel))) = &output {
            if self.replaced == Some(*channel) {
                self.replaced = None;
            }
        }
        output
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn finish(&mut self, reason: ClientClosed) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Closed;
            self.deadline = None;
            self.post_reply = None;
            self.out.push_back(Output::Event(ClientEvent::Closed(reason)));
        }
    }
}

impl Machine for Client {
    type Input<'a> = ClientInput<'a>;
    type Transmit = (Channel, Bytes);
    type Event = ClientEvent;

    fn handle_input(&mut self, now: Instant, input: ClientInput<'_>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<(Channel, Bytes), ClientEvent>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}
