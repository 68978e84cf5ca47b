//! A machine together with the WebSocket that carries it (RFC 7395).

use super::WebSocketFraming;
use crate::xml::XmlLimits;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::websocket::{self, ClientRequest, CloseCode, Config, Connection};
use proto_wire::{Instant, Machine, Output, Seed, StreamMachine};

/// The subprotocol of RFC 7395 §3.1.
const XMPP: &str = "xmpp";

/// A client or a server's connection over a WebSocket: the same machine with the same events
/// and commands, and bytes that are those of the WebSocket.
///
/// TLS is around the WebSocket (`wss:`), so the machine is told that it is there from the
/// first byte (`direct_tls`), or works in clear.
#[derive(Debug)]
pub struct OverWebSocket<M: StreamMachine> {
    /// The machine. Its commands are called here, its outputs polled on the whole.
    pub machine: M,
    socket: Connection,
    framing: WebSocketFraming,
    queue: VecDeque<Output<Bytes, M::Event>>,
    /// What the machine said before the WebSocket was open.
    early: Vec<String>,
    /// Messages for the machine; `None` for the end.
    inbox: VecDeque<Option<String>>,
    code: CloseCode,
    now: Instant,
    ended: bool,
}

impl<M: StreamMachine<Transmit = Bytes>> OverWebSocket<M> {
    /// The client's end, for `path` at `host`.
    ///
    /// # Errors
    /// `host` or `path` cannot be sent.
    pub fn client(
        now: Instant,
        config: Arc<Config>,
        seed: Seed,
        machine: M,
        host: &str,
        path: &str,
    ) -> Result<Self, websocket::CommandError> {
        let request = ClientRequest::new(host, path).subprotocol(XMPP);
        Ok(Self::new(now, Connection::client(now, config, seed, request)?, machine))
    }

    /// The server's end, on a connection that was just accepted. Upgrades without the
    /// subprotocol `xmpp` are refused.
    #[must_use]
    pub fn server(now: Instant, config: Arc<Config>, seed: Seed, machine: M) -> Self {
        Self::new(now, Connection::server(now, config, seed), machine)
    }

    fn new(now: Instant, socket: Connection, machine: M) -> Self {
        Self {
            machine,
            socket,
            framing: WebSocketFraming::new(XmlLimits::POST_AUTH),
            queue: VecDeque::new(),
            early: Vec::new(),
            inbox: VecDeque::new(),
            code: CloseCode(1000),
            now,
            ended: false,
        }
    }

    /// Lets machine and WebSocket talk to each other, up to the next event: the host may
    /// answer it with a command before the rest.
    fn pump(&mut self) {
        self.take_socket();
        while !self.ended {
            match self.machine.poll_output() {
                Some(Output::Transmit(bytes)) => {
                    for message in self.framing.outgoing(&bytes) {
                        self.send(message);
                    }
                }
                Some(Output::Event(event)) => {
                    if M::is_closed(&event) {
                        self.ended = true;
                        // RFC 7395 §3.6: the stream is closed; now the WebSocket.
                        let _not_open = self.socket.close(self.now, self.code, "");
                        self.take_socket();
                    }
                    return self.queue.push_back(Output::Event(event));
                }
                None if !self.machine.wants_input() => return,
                None => match self.inbox.pop_front() {
                    None => return,
                    Some(Some(text)) => match self.framing.incoming(&text) {
                        Ok(bytes) => self.machine.handle_data(self.now, bytes.as_bytes()),
                        // §3.3: what is no message of a stream cannot be answered in it.
                        Err(_) => {
                            self.code = CloseCode(1007);
                            self.machine.handle_eof(self.now);
                        }
                    },
                    Some(None) => self.machine.handle_eof(self.now),
                },
            }
        }
    }

    fn send(&mut self, message: String) {
        if self.socket.is_open() {
            let _open = self.socket.text(self.now, &message);
            self.take_socket();
        } else {
            self.early.push(message);
        }
    }

    /// Takes what the WebSocket has to send, and what it has heard.
    fn take_socket(&mut self) {
        while let Some(output) = self.socket.poll_output() {
            match output {
                Output::Transmit(bytes) => self.queue.push_back(Output::Transmit(bytes)),
                Output::Event(websocket::Event::UpgradeRequested(request)) => {
                    if request.offered(XMPP).is_some() {
                        let _asked = self.socket.accept(self.now, Some(XMPP));
                        self.flush_early();
                    } else {
                        let _asked = self.socket.reject(self.now, "400 Bad Request", &[]);
                    }
                }
                Output::Event(websocket::Event::Opened { .. }) => self.flush_early(),
                Output::Event(websocket::Event::Text(text)) => {
                    let text = core::str::from_utf8(&text).unwrap_or("").to_string();
                    self.inbox.push_back(Some(text));
                }
                // Binary messages are none of this protocol (§3.2).
                Output::Event(websocket::Event::Binary(_)) => {
                    self.code = CloseCode(1003);
                    self.inbox.push_back(None);
                }
                Output::Event(websocket::Event::Closed(_)) => self.inbox.push_back(None),
                Output::Event(_) => {}
            }
        }
    }

    fn flush_early(&mut self) {
        for message in core::mem::take(&mut self.early) {
            let _open = self.socket.text(self.now, &message);
        }
    }
}

impl<M: StreamMachine<Transmit = Bytes>> Machine for OverWebSocket<M> {
    type Input<'a> = websocket::Input<'a>;
    type Transmit = Bytes;
    type Event = M::Event;

    fn handle_input(&mut self, now: Instant, input: Self::Input<'_>) {
        self.now = now;
        if self.ended {
            return;
        }
        self.socket.handle_input(now, input);
        self.pump();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.ended {
            return;
        }
        self.machine.handle_timeout(now);
        self.socket.handle_timeout(now);
        self.pump();
    }

    fn poll_output(&mut self) -> Option<Output<Bytes, M::Event>> {
        if self.queue.is_empty() {
            self.pump();
        }
        self.queue.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let socket = self.socket.poll_timeout();
        self.machine.poll_timeout().into_iter().chain(socket).min()
    }
}

impl<M: StreamMachine<Transmit = Bytes>> StreamMachine for OverWebSocket<M> {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        self.handle_input(now, websocket::Input::Data(data));
    }

    fn handle_eof(&mut self, now: Instant) {
        self.handle_input(now, websocket::Input::Eof);
    }

    fn is_closed(event: &M::Event) -> bool {
        M::is_closed(event)
    }

    fn wants_input(&self) -> bool {
        self.machine.wants_input() && self.inbox.is_empty()
    }
}
