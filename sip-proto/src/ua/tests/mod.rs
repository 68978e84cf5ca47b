#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_in_result,
    reason = "tests state what must hold"
)]
//! The user agent: two of ours against each other, and one against a peer by hand.

mod bodies;
mod changes;
mod crossings;
mod flows;
mod messages;
mod outbound;
mod refer;
mod refer_outside;
mod registration;
mod storms;
mod traps;

use super::*;
use crate::endpoint::{self, Listener, Path};
use crate::headers::Transport;
use crate::message::{MessageBuf, RequestBuf, ResponseBuf};
use alloc::format;
use alloc::string::ToString;
use core::net::SocketAddr;
use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{DatagramSim, NodeId};

fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

fn config(n: u8) -> Config {
    let listeners =
        [Listener::new(Transport::Udp, addr(n)), Listener::new(Transport::Tcp, addr(n))];
    Config::new(&format!("sip:u{n}@example.com"), endpoint::Config::new(listeners))
        .unwrap()
        .with_session(session_timer::Wish::NONE)
}

fn agent(n: u8, config: Config) -> UserAgent {
    UserAgent::new(Instant::ZERO, config, Seed::from_u64(u64::from(n)))
}

fn uri(n: u8) -> String {
    format!("sip:u{n}@{}", addr(n))
}

fn sdp(text: &str) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(text.as_bytes()))
}

/// An event in few words.
fn say(event: &Event) -> String {
    match event {
        Event::Incoming { replaces, joins, .. } => match (replaces, joins) {
            (Some(_), _) => "incoming replacing".into(),
            (None, Some(_)) => "incoming joining".into(),
            (None, None) => "incoming".into(),
        },
        Event::Progress { response, .. } => format!("progress {}", response.view().status()),
        Event::Answered { response, .. } => format!("answered {}", response.view().status()),
        Event::Confirmed { .. } => "confirmed".into(),
        Event::Description { meaning, sdp, .. } => {
            format!("{meaning:?} {}", String::from_utf8_lossy(sdp)).to_lowercase()
        }
        Event::OfferWanted { .. } => "offer wanted".into(),
        Event::Changed { .. } => "changed".into(),
        Event::ChangeRefused { status, .. } => format!("change refused {status}"),
        Event::Request { request, .. } => format!("request {}", request.view().method()),
        Event::Reply { status, .. } => format!("reply {status}"),
        Event::Referred { to, .. } => format!("referred {to}"),
        Event::ReferProgress { status, over, .. } => {
            format!("refer {} {over}", status.map_or(0, StatusCode::as_u16))
        }
        Event::LookupWanted { uri, .. } => format!("lookup {uri}"),
        Event::Ended { why, .. } => match why {
            Ending::Refused(status) => format!("ended: refused {status}"),
            Ending::Lost(status) => format!("ended: lost {status}"),
            Ending::Protocol(fault) => format!("ended: {fault:?}"),
            other => format!("ended: {other:?}").to_lowercase(),
        },
        Event::Registered { expires, bindings, .. } => format!("registered {expires} {bindings}"),
        Event::RegistrationFailed { status, retrying, .. } => {
            format!("not registered {} {retrying}", status.map_or(0, StatusCode::as_u16))
        }
        Event::Unregistered => "unregistered".into(),
        Event::Message { call, from, content_type, body, .. } => {
            let within = if call.is_some() { " in a call" } else { "" };
            let body = String::from_utf8_lossy(body);
            format!("message{within} {from} {content_type} {body}")
        }
        Event::Delivered { status, .. } => format!("delivered {status}"),
        Event::Refused { status, .. } => format!("refused {status}"),
        Event::Undelivered { .. } => "undelivered".into(),
        Event::Endpoint(_) => "endpoint".into(),
    }
}

/// Two or three agents on a network.
struct Net {
    sim: DatagramSim<UserAgent>,
    nodes: Vec<NodeId>,
    log: Vec<(u8, String)>,
    events: Vec<(u8, Event)>,
}

impl Net {
    fn new(configs: Vec<Config>) -> Self {
        Self::over(&Profile::perfect(), 1, configs)
    }

    fn over(profile: &Profile, seed: u64, configs: Vec<Config>) -> Self {
        let mut sim = DatagramSim::new(profile, seed);
        let mut nodes = Vec::new();
        for (n, config) in (1..).zip(configs) {
            nodes.push(sim.add(addr(n), agent(n, config)));
        }
        Self { sim, nodes, log: Vec::new(), events: Vec::new() }
    }

    fn at(&mut self, n: u8) -> &mut UserAgent {
        self.sim.node_mut(self.nodes[usize::from(n) - 1])
    }

    fn now(&self) -> Instant {
        self.sim.now()
    }

    /// The next event, which is logged.
    fn next(&mut self, until: Instant) -> Option<(u8, Event)> {
        let (node, event) = self.sim.next_event(until)?;
        let n = u8::try_from(self.nodes.iter().position(|i| *i == node).unwrap()).unwrap() + 1;
        self.log.push((n, say(&event)));
        self.events.push((n, event.clone()));
        Some((n, event))
    }

    /// Runs for so long, or until nothing more happens.
    fn run(&mut self, secs: u64) -> &mut Self {
        let until = self.now().saturating_add(core::time::Duration::from_secs(secs));
        while self.next(until).is_some() {}
        self
    }

    /// What happened since the last look, in words.
    fn took(&mut self) -> Vec<String> {
        self.events.clear();
        self.log.drain(..).map(|(n, text)| format!("{n} {text}")).collect()
    }

    /// The call that the last event of this agent is about.
    fn call_of(&self, n: u8) -> CallRef {
        let mut calls = self.events.iter().rev().filter(|(who, _)| *who == n);
        calls.find_map(|(_, e)| call_in(e)).expect("a call")
    }

    /// 1 calls 2, who rings and answers; both handles.
    fn up(&mut self) -> (CallRef, CallRef) {
        let now = self.now();
        let one = self.at(1).call(now, &uri(2), sdp("offer")).unwrap();
        self.run(0);
        let two = self.call_of(2);
        let now = self.now();
        self.at(2).ring(now, two, StatusCode::RINGING, None).unwrap();
        self.at(2).answer(now, two, sdp("answer")).unwrap();
        self.run(0);
        self.took();
        assert_eq!((self.at(1).phase(one), self.at(2).phase(two)), (Phase::Up, Phase::Up));
        (one, two)
    }
}

fn call_in(event: &Event) -> Option<CallRef> {
    event.call()
}

/// One agent, and a peer that a test plays by hand.
struct Solo {
    agent: UserAgent,
    now: Instant,
    sent: Vec<MessageBuf>,
    told: Vec<String>,
    events: Vec<Event>,
}

impl Solo {
    fn new(config: Config) -> Self {
        Self {
            agent: agent(1, config),
            now: Instant::ZERO,
            sent: Vec::new(),
            told: Vec::new(),
            events: Vec::new(),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Transmit(t) => {
                    assert!(matches!(t.path, Path::Datagram { .. }), "{t:?}");
                    self.sent
                        .push(MessageBuf::parse(t.payload, &proto_wire::Limits::DEFAULT).unwrap());
                }
                Output::Event(event) => {
                    self.told.push(say(&event));
                    self.events.push(event);
                }
            }
        }
    }

    fn receive(&mut self, text: impl AsRef<[u8]>) {
        let data = text.as_ref();
        let input = SipInput::Datagram { local: addr(1), remote: addr(9), data };
        self.agent.handle_input(self.now, input);
        self.drain();
    }

    /// Lets time pass, timer by timer; when what was sent, in milliseconds.
    fn wait(&mut self, ms: u64) -> Vec<(u128, String)> {
        let end = self.now.saturating_add(core::time::Duration::from_millis(ms));
        let mut out = Vec::new();
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.agent.handle_timeout(at);
            assert!(self.agent.poll_timeout().is_none_or(|next| next > at), "busy loop");
            self.drain();
            let ms = u128::from(at.as_nanos() / 1_000_000);
            out.extend(self.sent().into_iter().map(|s| (ms, s)));
        }
        self.now = end;
        out
    }

    /// First words of what was sent since the last look.
    fn sent(&mut self) -> Vec<String> {
        self.sent.drain(..).map(|m| first_words(&m)).collect()
    }

    fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.told)
    }

    /// Answers the peer's INVITE; our tag.
    fn answer(&mut self, call: CallRef) -> String {
        self.agent.answer(self.now, call, sdp("v=0\r\n")).unwrap();
        self.drain();
        to_tag(&self.last_response())
    }

    fn last_request(&self) -> RequestBuf {
        let mut all = self.sent.iter().rev();
        all.find_map(|m| match m {
            MessageBuf::Request(r) => Some(r.clone()),
            MessageBuf::Response(_) => None,
        })
        .expect("a request")
    }

    fn last_response(&self) -> ResponseBuf {
        let mut all = self.sent.iter().rev();
        all.find_map(|m| match m {
            MessageBuf::Response(r) => Some(r.clone()),
            MessageBuf::Request(_) => None,
        })
        .expect("a response")
    }

    fn call(&self) -> CallRef {
        self.events.iter().rev().find_map(call_in).expect("a call")
    }
}

/// Our call to a hand-played peer, and its INVITE.
fn calling() -> (Solo, CallRef, RequestBuf) {
    let mut solo = Solo::new(config(1));
    let call = solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp("v=0\r\n")).unwrap();
    solo.drain();
    let invite = solo.last_request();
    solo.sent();
    (solo, call, invite)
}

/// A call of a hand-played peer that waits for our answer.
fn incoming(extra: &str) -> (Solo, CallRef) {
    let mut solo = Solo::new(config(1));
    solo.receive(request("INVITE", "1", 7, extra, "v=0\r\n"));
    let call = solo.call();
    solo.told();
    (solo, call)
}

/// A call of a hand-played peer that is up, and our tag in it.
fn answered() -> (Solo, CallRef, String) {
    let (mut solo, call) = incoming("");
    let tag = solo.answer(call);
    solo.receive(within("ACK", "a", 7, &tag, "", ""));
    solo.sent();
    solo.told();
    (solo, call, tag)
}

fn first_words(message: &MessageBuf) -> String {
    match message {
        MessageBuf::Request(r) => {
            let cseq =
                r.headers().get(HeaderName::CSEQ).unwrap_or("").split(' ').next().unwrap_or("");
            format!("{} {cseq}", r.view().method())
        }
        MessageBuf::Response(r) => {
            let method =
                r.headers().get(HeaderName::CSEQ).unwrap_or("").split(' ').nth(1).unwrap_or("");
            format!("{} {method}", r.view().status())
        }
    }
}

/// The answer of a hand-played peer.
fn reply(request: &RequestBuf, status: u16, tag: &str, extra: &str, body: &str) -> String {
    let text = ResponseBuf::reply_to(
        request.view(),
        StatusCode::new(status).unwrap(),
        (!tag.is_empty()).then_some(tag),
    )
    .build()
    .unwrap();
    let text = String::from_utf8_lossy(text.as_bytes()).into_owned();
    let head = text.replace("Content-Length: 0\r\n\r\n", "");
    let body_headers = if body.is_empty() {
        String::new()
    } else {
        "Content-Type: application/sdp\r\n".to_string()
    };
    let contact =
        if (101..300).contains(&status) { "Contact: <sip:peer@192.0.2.9>\r\n" } else { "" };
    format!("{head}{contact}{extra}{body_headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A request of a hand-played peer, outside of dialogs.
fn request(method: &str, branch: &str, cseq: u32, extra: &str, body: &str) -> String {
    let body_headers = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:u1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{branch}\r\n\
         From: <sip:peer@example.com>;tag=p\r\nTo: <sip:u1@example.com>\r\nCall-ID: by-hand\r\n\
         CSeq: {cseq} {method}\r\nContact: <sip:peer@192.0.2.9>\r\nMax-Forwards: 70\r\n{extra}{body_headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The same in the dialog that our response with this tag made.
fn within(method: &str, branch: &str, cseq: u32, tag: &str, extra: &str, body: &str) -> String {
    request(method, branch, cseq, extra, body)
        .replace("To: <sip:u1@example.com>", &format!("To: <sip:u1@example.com>;tag={tag}"))
}

fn to_tag(response: &ResponseBuf) -> String {
    let to =
        crate::headers::NameAddr::parse(response.headers().bytes(HeaderName::TO).unwrap()).unwrap();
    to.tag().unwrap_or("").to_string()
}
