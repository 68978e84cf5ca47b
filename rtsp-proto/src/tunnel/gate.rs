//! The server's end: many connections in, RTSP connections out.

use super::gate_config::GateConfig;
use super::gate_event::{CommandError, GateClosed, GateEvent, GateInput, Kind, ProtocolError, To};
use super::sniff::{FIRST_MAX, First, sniff};
use super::{Base64Decoder, COOKIE, MEDIA_TYPE, Units, WEBSOCKET_PROTOCOL};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::Debug;
use proto_wire::http::{HeadBuffer, HeadWriter, RequestHead};
use proto_wire::websocket::{CloseCode, Connection, Event, Input};
use proto_wire::{
    Instant, LimitKind, Machine, Output, ParseError, ParseErrorKind, Rng, Seed, TimerQueue,
};

/// Stands before an RTSP server: plain RTSP, HTTP tunnels and WebSocket on one port.
///
/// B, what happened: [`handle_input`](Self::handle_input),
/// [`handle_timeout`](Self::handle_timeout). C, commands: [`send`](Self::send),
/// [`close`](Self::close). D, what to do: [`poll_output`](Self::poll_output),
/// [`poll_timeout`](Self::poll_timeout).
///
/// ```
/// use proto_wire::{Instant, Output, Seed};
/// use rtsp_proto::tunnel::{Gate, GateConfig, GateEvent, GateInput};
///
/// let now = Instant::ZERO;
/// let mut gate = Gate::new(now, GateConfig::default().into(), Seed::from_u64(1));
/// gate.handle_input(now, GateInput::Data(1, b"GET /cam HTTP/1.0\r\nx-sessioncookie: c\r\n\r\n"));
/// gate.handle_input(now, GateInput::Data(2, b"POST /cam HTTP/1.0\r\nx-sessioncookie: c\r\n\r\nT1BU"));
/// let mut rtsp = Vec::new();
/// while let Some(output) = gate.poll_output() {
///     match output {
///         Output::Transmit(to) => assert!(to.bytes.starts_with(b"HTTP/1.0 200 OK\r\n")),
///         Output::Event(GateEvent::Data { connection: 1, data }) => rtsp.extend_from_slice(&data),
///         Output::Event(_) => {}
///     }
/// }
/// assert_eq!(rtsp, b"OPT");
/// ```
#[derive(Debug)]
pub struct Gate<K: Ord> {
    config: Arc<GateConfig>,
    rng: Rng,
    conns: BTreeMap<K, Conn>,
    /// Tunnels, by cookie.
    pairs: BTreeMap<String, Pair<K>>,
    /// How many of `pairs` were never whole.
    waiting: usize,
    out: VecDeque<Output<To<K>, GateEvent<K>>>,
    timers: TimerQueue<K>,
}

#[derive(Debug)]
enum Conn {
    /// Up to [`FIRST_MAX`] bytes that do not tell yet.
    Sniffing(Vec<u8>),
    Head(HeadBuffer),
    Plain,
    Get(String),
    Post(String, Base64Decoder),
    WebSocket(Box<Web>, bool),
    /// The host was told to hang up.
    Ended,
}

#[derive(Debug)]
struct Web {
    socket: Connection,
    /// What is sent, cut into its messages.
    units: Units,
}

#[derive(Debug)]
struct Pair<K> {
    get: Option<K>,
    post: Option<K>,
    /// Whether it was whole once. A POST may be replaced later; the GET is the tunnel.
    is_open: bool,
    target: String,
    /// What the POST sent before the GET came.
    pending: Vec<u8>,
}

impl<K: Copy + Ord + Debug> Gate<K> {
    /// A gate without connections.
    #[must_use]
    pub fn new(_now: Instant, config: Arc<GateConfig>, seed: Seed) -> Self {
        Self {
            config,
            rng: Rng::new(&seed),
            conns: BTreeMap::new(),
            pairs: BTreeMap::new(),
            waiting: 0,
            out: VecDeque::new(),
            timers: TimerQueue::new(),
        }
    }

    /// Takes what arrived.
    pub fn handle_input(&mut self, now: Instant, input: GateInput<'_, K>) {
        match input {
            GateInput::Data(k, data) => {
                let conn = self.conns.remove(&k).unwrap_or_else(|| {
                    self.timers.set(k, now.saturating_add(self.config.handshake_timeout));
                    Conn::Sniffing(Vec::new())
                });
                let next = self.advance(now, k, conn, data);
                self.conns.insert(k, next);
            }
            GateInput::Eof(k) => self.handle_eof(now, k),
        }
    }

    /// Takes `data` in state `conn` and returns the next state.
    fn advance(&mut self, now: Instant, k: K, conn: Conn, data: &[u8]) -> Conn {
        match conn {
            Conn::Ended => Conn::Ended,
            Conn::Plain => {
                self.data(k, data);
                Conn::Plain
            }
            Conn::Sniffing(seen) => self.first_bytes(now, k, seen, data),
            Conn::Head(mut head) => match head.feed(data) {
                Ok(None) => Conn::Head(head),
                Ok(Some(used)) => self.begin(now, k, &head, data.get(used..).unwrap_or(&[])),
                Err(_) => self.refuse(k, 0, "431 Request Header Fields Too Large"),
            },
            Conn::Get(cookie) => {
                // Empty lines do no harm; a POST has no place here.
                if data.iter().all(|b| matches!(b, b'\r' | b'\n')) {
                    return Conn::Get(cookie);
                }
                let reason = GateClosed::Protocol(ProtocolError::DataOnGet);
                self.end_pair(&cookie, reason, None);
                Conn::Ended
            }
            Conn::Post(cookie, decoder) => self.posted(k, cookie, decoder, data),
            Conn::WebSocket(mut web, opened) => {
                web.socket.handle_input(now, Input::Data(data));
                self.pump(now, k, web, opened)
            }
        }
    }

    fn first_bytes(&mut self, now: Instant, k: K, mut seen: Vec<u8>, data: &[u8]) -> Conn {
        let mut rest = data;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            // Empty lines before the first message are skipped by RTSP and HTTP alike.
            if seen.is_empty() && matches!(byte, b'\r' | b'\n') {
                continue;
            }
            debug_assert!(seen.len() < FIRST_MAX, "decided by then");
            seen.push(byte);
            let first = sniff(&seen);
            if first == First::Unknown {
                continue;
            }
            let next = if first == First::Http {
                Conn::Head(HeadBuffer::new(self.config.head_max))
            } else {
                self.timers.stop(&k);
                self.opened(k, Kind::Plain, None);
                Conn::Plain
            };
            // One piece out of two, so that an RTSP machine sees what arrived.
            seen.extend_from_slice(rest);
            return self.advance(now, k, next, &seen);
        }
        Conn::Sniffing(seen)
    }

    /// An HTTP head is whole: what is it for?
    fn begin(&mut self, now: Instant, k: K, head: &HeadBuffer, rest: &[u8]) -> Conn {
        let request = match head.request(self.config.header_count_max) {
            Ok(request) => request,
            Err(ParseErrorKind::Limit(_)) => {
                return self.refuse(k, 0, "431 Request Header Fields Too Large");
            }
            Err(_) => return self.refuse(k, 0, "400 Bad Request"),
        };
        if request.headers.has_token("Upgrade", "websocket") {
            let config = Arc::new(self.config.websocket);
            let mut socket = Connection::server(now, config, self.rng.seed());
            socket.handle_input(now, Input::Data(head.as_bytes()));
            socket.handle_input(now, Input::Data(rest));
            return self.pump(now, k, Box::new(Web { socket, units: Units::new() }), false);
        }
        let minor = request.minor_version;
        let Some(cookie) = request.headers.text(COOKIE).filter(|cookie| !cookie.is_empty()) else {
            return self.refuse(k, minor, "400 Bad Request");
        };
        let is_get = request.method == "GET";
        match self.pairs.get_mut(cookie) {
            // A second GET: somebody else's cookie, or the client's confusion.
            Some(pair) if is_get && pair.get.is_some() => {
                return self.refuse(k, minor, "400 Bad Request");
            }
            Some(_) => {}
            None if self.waiting >= self.config.waiting_max => {
                return self.refuse(k, minor, "503 Service Unavailable");
            }
            None => {
                self.waiting = self.waiting.saturating_add(1);
                let target = request.target.into();
                let (get, post, pending) = (None, None, Vec::new());
                let pair = Pair { get, post, is_open: false, target, pending };
                self.pairs.insert(cookie.into(), pair);
            }
        }
        let next = if is_get {
            self.transmit(k, granted(&request));
            Conn::Get(cookie.into())
        } else {
            Conn::Post(cookie.into(), Base64Decoder::new())
        };
        self.join(now, k, cookie, is_get);
        self.advance(now, k, next, rest)
    }

    /// Puts a half into its pair, and opens the pair when it is whole.
    fn join(&mut self, now: Instant, k: K, cookie: &str, is_get: bool) {
        self.timers.set(k, now.saturating_add(self.config.pair_timeout));
        let Some(pair) = self.pairs.get_mut(cookie) else { return };
        let half = if is_get { &mut pair.get } else { &mut pair.post };
        // A POST that comes again takes the place of the one before (the client lost it).
        let replaced = half.replace(k);
        if let (Some(get), Some(post)) = (pair.get, pair.post) {
            self.timers.stop(&get);
            self.timers.stop(&post);
            if !pair.is_open {
                pair.is_open = true;
                self.waiting = self.waiting.saturating_sub(1);
                let target = pair.target.clone();
                let pending = core::mem::take(&mut pair.pending);
                self.opened(get, Kind::Http, Some(target));
                self.data(get, &pending);
            }
        }
        if let Some(old) = replaced {
            self.conns.insert(old, Conn::Ended);
            self.hang_up(old);
        }
    }

    /// Bytes on a POST.
    fn posted(&mut self, k: K, cookie: String, mut decoder: Base64Decoder, data: &[u8]) -> Conn {
        let mut said = Vec::new();
        let result = decoder.feed(data, &mut said);
        let Some(pair) = self.pairs.get_mut(&cookie) else { return Conn::Ended };
        let failure = match pair.get {
            Some(get) if pair.is_open => {
                self.data(get, &said);
                None
            }
            _ => {
                let room = self.config.pending_max.saturating_sub(pair.pending.len());
                pair.pending.extend(said.iter().take(room));
                (said.len() > room).then_some("413 Content Too Large")
            }
        };
        let failure = match result {
            Err(_) if failure.is_none() => Some("400 Bad Request"),
            _ => failure,
        };
        let Some(status) = failure else { return Conn::Post(cookie, decoder) };
        // The only answer that a POST ever gets.
        self.transmit(k, refusal(0, status));
        let error = result.err().unwrap_or_else(|| {
            ParseError::new(ParseErrorKind::Limit(LimitKind::Queue), self.config.pending_max)
        });
        self.end_pair(&cookie, GateClosed::Protocol(ProtocolError::Base64(error)), None);
        Conn::Ended
    }

    /// Takes out what a WebSocket has to say.
    fn pump(&mut self, now: Instant, k: K, mut web: Box<Web>, opened: bool) -> Conn {
        let (mut opened, socket) = (opened, &mut web.socket);
        while let Some(output) = socket.poll_output() {
            match output {
                Output::Transmit(bytes) => self.transmit(k, bytes),
                Output::Event(Event::UpgradeRequested(request)) => {
                    let offered = request.offered(WEBSOCKET_PROTOCOL).is_some();
                    // Some players offer nothing at all.
                    let result = if offered {
                        socket.accept(now, Some(WEBSOCKET_PROTOCOL))
                    } else if request.subprotocols.is_empty() {
                        socket.accept(now, None)
                    } else {
                        let _refused = socket.reject(now, "400 Bad Request", &[]);
                        continue;
                    };
                    debug_assert_eq!(result, Ok(()), "it was requested just now");
                    // Behind the response and before what came early.
                    while let Some(output) = socket.poll_output() {
                        match output {
                            Output::Transmit(bytes) if !opened => {
                                self.transmit(k, bytes);
                                opened = true;
                                self.opened(k, Kind::WebSocket, Some(request.target.clone()));
                            }
                            output => {
                                if let Some(end) = self.said(k, output, opened) {
                                    return end;
                                }
                            }
                        }
                    }
                }
                output => {
                    if let Some(end) = self.said(k, output, opened) {
                        return end;
                    }
                }
            }
        }
        match socket.poll_timeout() {
            Some(at) => self.timers.set(k, at),
            None => self.timers.stop(&k),
        }
        Conn::WebSocket(web, opened)
    }

    /// One output of a WebSocket after the upgrade; the next state when it ended.
    fn said(&mut self, k: K, output: Output<Bytes, Event>, opened: bool) -> Option<Conn> {
        match output {
            Output::Transmit(bytes) => self.transmit(k, bytes),
            Output::Event(Event::Binary(data) | Event::Text(data)) => {
                if !data.is_empty() {
                    self.out.push_back(Output::Event(GateEvent::Data { connection: k, data }));
                }
            }
            Output::Event(Event::Closed(reason)) => {
                if opened {
                    self.closed(k, GateClosed::WebSocket(reason));
                }
                self.hang_up(k);
                return Some(Conn::Ended);
            }
            Output::Event(_) => {}
        }
        None
    }

    fn handle_eof(&mut self, now: Instant, k: K) {
        self.timers.stop(&k);
        match self.conns.remove(&k) {
            Some(Conn::Plain) => self.closed(k, GateClosed::Eof),
            Some(Conn::Get(cookie)) => self.end_pair(&cookie, GateClosed::Eof, Some(k)),
            Some(Conn::Post(cookie, _)) => {
                let Some(pair) = self.pairs.get_mut(&cookie) else { return };
                pair.post = None;
                // The tunnel lives as long as its GET: another POST may come.
                if !pair.is_open {
                    self.end_pair(&cookie, GateClosed::Eof, Some(k));
                }
            }
            Some(Conn::WebSocket(mut web, opened)) => {
                web.socket.handle_input(now, Input::Eof);
                while let Some(output) = web.socket.poll_output() {
                    match output {
                        Output::Event(Event::Closed(reason)) if opened => {
                            self.closed(k, GateClosed::WebSocket(reason));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Lets time act. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(k) = self.timers.expire(now) {
            let next = match self.conns.remove(&k) {
                Some(Conn::WebSocket(mut web, opened)) => {
                    web.socket.handle_timeout(now);
                    self.pump(now, k, web, opened)
                }
                Some(Conn::Head(_)) => self.refuse(k, 0, "408 Request Timeout"),
                Some(Conn::Get(cookie) | Conn::Post(cookie, _)) => {
                    self.end_pair(&cookie, GateClosed::Eof, None);
                    Conn::Ended
                }
                Some(_) => {
                    self.hang_up(k);
                    Conn::Ended
                }
                None => continue,
            };
            self.conns.insert(k, next);
        }
    }

    /// Sends RTSP bytes on an RTSP connection. Over WebSocket each RTSP message and each `$` frame
    /// goes out in a message of its own, however the calls cut them ([`Units`]).
    ///
    /// # Errors
    /// There is no open RTSP connection of this name.
    pub fn send(&mut self, now: Instant, connection: K, data: Bytes) -> Result<(), CommandError> {
        match self.conns.remove(&connection) {
            Some(Conn::WebSocket(mut web, opened)) => {
                let Web { socket, units } = &mut *web;
                let is_open = socket.is_open();
                if is_open {
                    // An open socket takes any message.
                    units.feed(&data, |unit| {
                        let _sent = socket.binary(now, unit);
                    });
                }
                let next = self.pump(now, connection, web, opened);
                self.conns.insert(connection, next);
                is_open.then_some(()).ok_or(CommandError::NotOpen)
            }
            Some(conn) => {
                let is_open = self.is_open(&conn);
                self.conns.insert(connection, conn);
                if !is_open {
                    return Err(CommandError::NotOpen);
                }
                self.transmit(connection, data);
                Ok(())
            }
            None => Err(CommandError::NotOpen),
        }
    }

    /// Ends an RTSP connection; [`GateEvent::Closed`] follows.
    ///
    /// # Errors
    /// There is no open RTSP connection of this name.
    pub fn close(&mut self, now: Instant, connection: K) -> Result<(), CommandError> {
        match self.conns.remove(&connection) {
            Some(Conn::WebSocket(mut web, opened)) => {
                let result = web.socket.close(now, CloseCode::NORMAL, "");
                let next = self.pump(now, connection, web, opened);
                self.conns.insert(connection, next);
                result.map_err(|_| CommandError::NotOpen)
            }
            Some(conn) if self.is_open(&conn) => {
                self.conns.insert(connection, Conn::Ended);
                if let Conn::Get(cookie) = conn {
                    self.end_pair(&cookie, GateClosed::Local, None);
                } else {
                    self.closed(connection, GateClosed::Local);
                    self.hang_up(connection);
                }
                Ok(())
            }
            Some(conn) => {
                self.conns.insert(connection, conn);
                Err(CommandError::NotOpen)
            }
            None => Err(CommandError::NotOpen),
        }
    }

    fn is_open(&self, conn: &Conn) -> bool {
        match conn {
            Conn::Plain => true,
            Conn::Get(cookie) => self.pairs.get(cookie).is_some_and(|pair| pair.is_open),
            _ => false,
        }
    }

    /// The next thing to do.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<To<K>, GateEvent<K>>> {
        self.out.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }

    /// Ends a tunnel, whole or not. `gone` needs no hanging up.
    fn end_pair(&mut self, cookie: &str, reason: GateClosed, gone: Option<K>) {
        let Some(pair) = self.pairs.remove(cookie) else { return };
        match pair.get {
            Some(get) if pair.is_open => self.closed(get, reason),
            _ => self.waiting = self.waiting.saturating_sub(1),
        }
        for half in [pair.get, pair.post].into_iter().flatten().filter(|half| Some(*half) != gone) {
            if let Some(conn) = self.conns.get_mut(&half) {
                *conn = Conn::Ended;
            }
            self.hang_up(half);
        }
    }

    fn refuse(&mut self, k: K, minor: u8, status: &str) -> Conn {
        self.transmit(k, refusal(minor, status));
        self.hang_up(k);
        Conn::Ended
    }

    fn transmit(&mut self, connection: K, bytes: Bytes) {
        self.out.push_back(Output::Transmit(To { connection, bytes }));
    }

    fn opened(&mut self, connection: K, kind: Kind, target: Option<String>) {
        self.out.push_back(Output::Event(GateEvent::Opened { connection, kind, target }));
    }

    fn data(&mut self, connection: K, data: &[u8]) {
        if !data.is_empty() {
            let data = Bytes::copy_from_slice(data);
            self.out.push_back(Output::Event(GateEvent::Data { connection, data }));
        }
    }

    fn closed(&mut self, connection: K, reason: GateClosed) {
        self.out.push_back(Output::Event(GateEvent::Closed { connection, reason }));
    }

    fn hang_up(&mut self, connection: K) {
        self.timers.stop(&connection);
        self.out.push_back(Output::Event(GateEvent::Hangup(connection)));
    }
}

/// The answer to a GET, in the version of the request: what follows is the tunnel.
fn granted(request: &RequestHead<'_>) -> Bytes {
    HeadWriter::new(&format!("HTTP/1.{} 200 OK", request.minor_version))
        .header("Connection", "close")
        .header("Cache-Control", "no-store")
        .header("Pragma", "no-cache")
        .header("Content-Type", MEDIA_TYPE)
        .finish()
}

fn refusal(minor: u8, status: &str) -> Bytes {
    HeadWriter::new(&format!("HTTP/1.{minor} {status}"))
        .header("Connection", "close")
        .header("Content-Length", "0")
        .finish()
}

impl<K: Copy + Ord + Debug + Send + 'static> Machine for Gate<K> {
    type Input<'a> = GateInput<'a, K>;
    type Transmit = To<K>;
    type Event = GateEvent<K>;

    fn handle_input(&mut self, now: Instant, input: GateInput<'_, K>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<To<K>, GateEvent<K>>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}
