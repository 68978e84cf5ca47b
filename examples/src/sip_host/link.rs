//! One connection: TCP with, when asked for, TLS and a `WebSocket` on top.

use super::Listen;
use crate::drive::layer::Layer;
use crate::entropy::seed;
use bytes::Bytes;
use proto_wire::websocket::{ClientRequest, Config, Connection, Event, Input};
use proto_wire::{Instant, Output};
use sip_proto::Transport;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

/// The subprotocol of RFC 7118 §4.
const SIP: &str = "sip";

pub(super) struct Link {
    socket: TcpStream,
    layer: Layer,
    web: Option<Connection>,
    received: VecDeque<Bytes>,
    over: bool,
}

impl Link {
    /// Whether connections of this kind can be made.
    pub(super) const fn can(transport: Transport, with: &Listen) -> bool {
        match transport {
            Transport::Tcp | Transport::Ws => true,
            Transport::Tls | Transport::Wss => with.trust.is_some(),
            _ => false,
        }
    }

    pub(super) fn new(
        now: Instant,
        socket: TcpStream,
        transport: Transport,
        ours: bool,
        with: &Listen,
    ) -> io::Result<Self> {
        let secure = matches!(transport, Transport::Tls | Transport::Wss);
        let layer = match (secure, ours) {
            (false, _) => Layer::Plain,
            (true, true) => {
                let trust = with.trust.as_ref().ok_or(io::ErrorKind::Unsupported)?;
                Layer::client(Arc::clone(trust), socket.peer_addr()?)?
            }
            (true, false) => {
                let (_, config) = with.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
                let tls = rustls::ServerConnection::new(Arc::clone(config));
                Layer::Tls(Box::new(tls.map_err(io::Error::other)?.into()))
            }
        };
        let web = match (transport, ours) {
            (Transport::Ws | Transport::Wss, true) => {
                let host = socket.peer_addr()?.to_string();
                let request = ClientRequest::new(&host, "/").subprotocol(SIP);
                let config = Arc::new(Config::default());
                let web = Connection::client(now, config, seed(), request);
                Some(web.map_err(io::Error::other)?)
            }
            (Transport::Ws | Transport::Wss, false) => {
                Some(Connection::server(now, Arc::new(Config::default()), seed()))
            }
            _ => None,
        };
        let mut link = Self { socket, layer, web, received: VecDeque::new(), over: false };
        link.work(now);
        Ok(link)
    }

    /// Whether messages can go.
    pub(super) fn is_ready(&self) -> bool {
        !self.layer.is_handshaking() && self.web.as_ref().is_none_or(Connection::is_open)
    }

    /// Whether the peer, TLS or the `WebSocket` has ended it.
    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes came in.
    pub(super) fn take(&mut self, now: Instant, data: &[u8]) {
        let mut plain = Vec::new();
        // That the peer closes within the layer is told by the socket too.
        self.over |= self.layer.receive(data, &mut plain).is_err();
        self.plain(now, &plain);
        self.work(now);
    }

    fn plain(&mut self, now: Instant, data: &[u8]) {
        match &mut self.web {
            _ if data.is_empty() => {}
            Some(web) => web.handle_input(now, Input::Data(data)),
            None => self.received.push_back(Bytes::copy_from_slice(data)),
        }
    }

    /// What came: bytes of a stream, or a message of a `WebSocket`.
    pub(super) fn received(&mut self) -> Option<Bytes> {
        self.received.pop_front()
    }

    /// Sends bytes, or a message; whether that worked.
    pub(super) fn send(&mut self, now: Instant, data: &[u8]) -> bool {
        match &mut self.web {
            Some(web) => {
                let sent = match std::str::from_utf8(data) {
                    Ok(text) => web.text(now, text),
                    Err(_) => web.binary(now, data),
                };
                self.work(now);
                sent.is_ok() && !self.over
            }
            None => self.write(data).is_ok(),
        }
    }

    pub(super) fn shut_down(&self) {
        let _closed = self.socket.shutdown(Shutdown::Both).is_err();
    }

    /// Does what TLS and the `WebSocket` want done.
    fn work(&mut self, now: Instant) {
        while let Some(output) = self.web.as_mut().and_then(Connection::poll_output) {
            match output {
                Output::Transmit(bytes) => self.over |= self.write(&bytes).is_err(),
                Output::Event(Event::UpgradeRequested(request)) => {
                    let offered = request.subprotocols.iter().any(|s| s == SIP);
                    if let Some(web) = &mut self.web {
                        // A client that offers no `sip` is refused (RFC 7118 §4.1).
                        let answered = match offered {
                            true => web.accept(now, Some(SIP)),
                            false => web.reject(now, "400 Bad Request", &[]),
                        };
                        self.over |= answered.is_err();
                    }
                }
                Output::Event(Event::Text(data) | Event::Binary(data)) => {
                    self.received.push_back(data);
                }
                Output::Event(Event::Closed(_)) => self.over = true,
                Output::Event(_) => {}
            }
        }
        self.over |= self.write(&[]).is_err();
    }

    /// Sends bytes, or what only the layer has to say.
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let mut raw = Vec::new();
        self.layer.send(data, &mut raw)?;
        self.layer.flush(&mut raw)?;
        self.socket.write_all(&raw)
    }
}
