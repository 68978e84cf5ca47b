//! One machine played by hand through the public API: datagrams in, messages and events out.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "each test binary uses its part of this"
)]

use proto_wire::digest::{Credential, Secret};
use proto_wire::{DatagramMachine, Instant, Limits, Output, Seed};
use sip_proto::endpoint::{Config, Endpoint, Listener, Target};
use sip_proto::home::{HomeConfig, HomeEvent, HomeServer};
use sip_proto::ua::session_timer::Wish;
use sip_proto::ua::{Config as UaConfig, UserAgent};
use sip_proto::{HeaderName, MessageBuf, Request, RequestBuf, ResponseBuf, StatusCode, Transport};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The machine under test is number 1, its peers are others.
pub fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

pub fn listeners(n: u8) -> Config {
    Config::new([Listener::new(Transport::Udp, addr(n)), Listener::new(Transport::Tcp, addr(n))])
}

pub struct Hand<M: DatagramMachine> {
    pub machine: M,
    pub now: Instant,
    pub sent: Vec<(SocketAddr, MessageBuf)>,
    pub events: Vec<M::Event>,
}

impl<M: DatagramMachine> Hand<M> {
    pub fn new(machine: M) -> Self {
        Self { machine, now: Instant::ZERO, sent: Vec::new(), events: Vec::new() }
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Transmit(transmit) => {
                    let (to, bytes) = M::into_datagram(transmit).expect("a datagram");
                    let message = MessageBuf::parse(bytes, &Limits::DEFAULT).expect("a message");
                    self.sent.push((to, message));
                }
            }
        }
    }

    /// A datagram from the peer `n`.
    pub fn receive(&mut self, n: u8, data: impl AsRef<[u8]>) -> &mut Self {
        self.receive_from(addr(n), data)
    }

    pub fn receive_from(&mut self, from: SocketAddr, data: impl AsRef<[u8]>) -> &mut Self {
        self.machine.handle_datagram(self.now, addr(1), from, data.as_ref());
        self.drain();
        self
    }

    /// Lets time pass, timer by timer.
    pub fn wait(&mut self, ms: u64) -> &mut Self {
        let end = self.now.saturating_add(Duration::from_millis(ms));
        while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.machine.handle_timeout(at);
            assert!(self.machine.poll_timeout().is_none_or(|next| next > at), "busy loop");
            self.drain();
        }
        self.now = end;
        self
    }

    /// First words of all that was sent since the last look: `200 INVITE`, `ACK 1`.
    pub fn words(&mut self) -> Vec<String> {
        self.sent.drain(..).map(|(_, message)| words(&message)).collect()
    }

    pub fn request(&self) -> RequestBuf {
        let found = self.sent.iter().rev().find_map(|(_, m)| match m {
            MessageBuf::Request(request) => Some(request.clone()),
            MessageBuf::Response(_) => None,
        });
        found.expect("a request")
    }

    pub fn response(&self) -> ResponseBuf {
        let found = self.sent.iter().rev().find_map(|(_, m)| match m {
            MessageBuf::Response(response) => Some(response.clone()),
            MessageBuf::Request(_) => None,
        });
        found.expect("a response")
    }

    /// The status of the last response, or 0.
    pub fn status(&self) -> u16 {
        let found = self.sent.iter().rev().find_map(|(_, m)| match m {
            MessageBuf::Response(response) => Some(response.view().status().as_u16()),
            MessageBuf::Request(_) => None,
        });
        found.unwrap_or(0)
    }

    pub fn take_events(&mut self) -> Vec<M::Event> {
        std::mem::take(&mut self.events)
    }
}

pub fn words(message: &MessageBuf) -> String {
    let cseq = message.view().headers().get(HeaderName::CSEQ).unwrap_or("").to_owned();
    let (number, method) = cseq.split_once(' ').unwrap_or(("", ""));
    match message {
        MessageBuf::Request(request) => format!("{} {number}", request.view().method()),
        MessageBuf::Response(response) => format!("{} {method}", response.view().status()),
    }
}

pub fn endpoint() -> Hand<Endpoint> {
    endpoint_with(listeners(1))
}

pub fn endpoint_with(config: Config) -> Hand<Endpoint> {
    Hand::new(Endpoint::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1)))
}

/// A phone that is registered nowhere.
pub fn phone() -> Hand<UserAgent> {
    phone_with(|config| config)
}

pub fn phone_with(change: impl FnOnce(UaConfig) -> UaConfig) -> Hand<UserAgent> {
    let config = UaConfig::new("sip:u1@example.com", listeners(1))
        .expect("an address")
        .with_contact("sip:u1@192.0.2.1")
        .with_session(Wish::NONE);
    Hand::new(UserAgent::new(Instant::ZERO, change(config), Seed::from_u64(1)))
}

/// An agent of `sip:ann@club.example` whose registrar is the peer 9.
pub fn agent() -> Hand<UserAgent> {
    agent_with(|config| config)
}

pub fn agent_with(change: impl FnOnce(UaConfig) -> UaConfig) -> Hand<UserAgent> {
    let config = UaConfig::new("sip:ann@club.example", listeners(1))
        .expect("an address")
        .with_outbound(Target::Address(Transport::Udp, addr(9)))
        .with_credential(Credential::new("ann", "secret").expect("a credential"));
    Hand::new(UserAgent::new(Instant::ZERO, change(config), Seed::from_u64(1)))
}

/// A home server of `club.example`.
pub fn home(authenticated: bool) -> Hand<HomeServer> {
    let config = HomeConfig::new("club.example", listeners(1)).expect("a domain");
    let config = if authenticated { config } else { config.without_authentication() };
    Hand::new(HomeServer::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1)))
}

impl Hand<HomeServer> {
    /// Everybody's password is `secret`.
    pub fn supply_secrets(&mut self) {
        for event in self.take_events() {
            if let HomeEvent::SecretWanted { id, .. } = event {
                self.machine.supply_secret(self.now, id, Secret::Password("secret"));
                self.drain();
            }
        }
    }
}

/// A request of the peer 9 to the user 1, outside of dialogs.
pub fn asks(method: &str, branch: &str, cseq: u32, extra: &str, body: &str) -> String {
    let kind = match (method, body) {
        (_, "") => "",
        ("MESSAGE", _) => "Content-Type: text/plain\r\n",
        _ => "Content-Type: application/sdp\r\n",
    };
    let contact = if method == "MESSAGE" { "" } else { "Contact: <sip:peer@192.0.2.9>\r\n" };
    format!(
        "{method} sip:u1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch={branch}\r\n\
         From: <sip:peer@example.com>;tag=p\r\nTo: <sip:u1@example.com>\r\nCall-ID: by-hand\r\n\
         CSeq: {cseq} {method}\r\n{contact}Max-Forwards: 70\r\n{extra}{kind}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The answer of the peer to a request of ours; `extra` are whole header lines.
pub fn answers(request: Request<'_>, status: u16, tag: &str, extra: &str, body: &str) -> String {
    let status = StatusCode::new(status).expect("a status");
    let tag = (!tag.is_empty()).then_some(tag);
    let plain = ResponseBuf::reply_to(request, status, tag).build().expect("a response");
    let text = String::from_utf8_lossy(plain.as_bytes()).into_owned();
    let head = text.replace("Content-Length: 0\r\n\r\n", "");
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{head}{extra}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

pub fn header(message: &MessageBuf, name: HeaderName) -> String {
    message.view().headers().get(name).unwrap_or("").to_owned()
}
