//! Targets of the area `sip`: calls, offers and answers, typed headers, and the bodies of
//! instant messages. They are listed in `sip.rs`.

extern crate alloc;

use alloc::collections::BTreeMap;
use core::fmt::Display;
use core::net::SocketAddr;
use core::time::Duration;
use proto_wire::{Instant, Output, Seed};
use sip_proto::endpoint::{self, Listener, SipInput};
use sip_proto::headers::{self, NameAddr};
use sip_proto::offer_answer::{By, Carrier, Meaning, State};
use sip_proto::simple::{cpim, imdn, iscomposing};
use sip_proto::ua::{CallRef, Config, Ending, Event, Reliable, UserAgent, session_timer::Wish};
use sip_proto::{HeaderName, MessageBuf, Method, StatusCode, Transport, TypedHeader};

/// An agent under commands, requests that nearly fit its calls, raw datagrams and time: calls
/// end once, nothing is told behind the end, and nothing is left behind.
pub fn sip_call(data: &[u8]) {
    let Some((first, mut rest)) = data.split_first() else { return };
    let mut world = World::new(*first);
    for _ in 0..64 {
        let Some((op, tail)) = rest.split_first() else { break };
        rest = world.step(*op, tail);
    }
    world.wind_up();
}

/// Both sides of a dialog see the same offers and answers, mirrored, whatever is sent.
pub fn sip_offers(data: &[u8]) {
    let mut ours = State::new();
    for byte in data {
        let by = if byte & 1 == 0 { By::Us } else { By::Peer };
        let carrier = Carrier::ALL[usize::from(byte >> 2) % Carrier::ALL.len()];
        let sdp = byte & 2 != 0;
        let before = ours;
        if byte >> 6 == 3 {
            ours = ours.refused(by, carrier);
        } else if let Ok((next, meaning)) = ours.step(by, carrier, sdp) {
            assert!(sdp || meaning == Meaning::Nothing, "{before:?} {by:?} {carrier:?}");
            assert!(next.agreed || meaning != Meaning::Answer);
            ours = next;
        }
        assert!(ours.agreed >= before.agreed, "what was agreed stays");
    }
}

/// Every typed header takes or refuses any value, and prints what reads as the same again.
pub fn sip_typed(data: &[u8]) {
    let utf8 = core::str::from_utf8(data).is_ok();
    macro_rules! each {
        ($($header:ty),* $(,)?) => { $(
            // What is not UTF-8 is read, but prints with replacements.
            if let (Some(printed), true) = (print::<$header>(data), utf8) {
                let again = print::<$header>(printed.as_bytes());
                assert_eq!(again.as_deref(), Some(printed.as_str()), stringify!($header));
            }
        )* };
    }
    each!(
        headers::RSeq,
        headers::RAck<'_>,
        headers::SessionExpires,
        headers::MinSe,
        headers::Replaces<'_>,
        headers::Join<'_>,
        headers::TargetDialog<'_>,
        headers::Event<'_>,
        headers::SubscriptionState<'_>,
        headers::Reason<'_>,
        headers::Accept<'_>,
        headers::AcceptContact<'_>,
        headers::ContentDisposition<'_>,
        headers::Warning<'_>,
        headers::Date,
        headers::SentAt<'_>,
        headers::ReferTo<'_>,
        headers::Via<'_>,
        headers::CSeq<'_>,
    );
    if let Ok(address) = NameAddr::parse(data) {
        let _read = (address.display(), address.uri().is_ok(), address.tag());
    }
}

/// What was read, printed.
fn print<'a, T: TypedHeader<'a> + Display>(value: &'a [u8]) -> Option<String> {
    T::parse(value).ok().map(|read| read.to_string())
}

/// Envelopes, typing notices and receipts: read or refused, and what is built reads back.
pub fn sip_simple(data: &[u8]) {
    if let Ok(message) = cpim::Message::parse(data, &cpim::Limits::DEFAULT) {
        for header in message.headers() {
            let value = header.value();
            assert_eq!(cpim::unescape(&cpim::escape(&value)), value);
        }
        let _read = (message.from(), message.unknown_requirement(&[]), message.quirks().count());
        assert!(message.content().len() <= data.len());
        if let Some(mut receipts) = imdn::Receipts::of(&message) {
            let given = receipts.give(imdn::Disposition::Delivery, imdn::Status::Delivered, "id");
            if let Ok(bytes) = given {
                let receipt = cpim::Message::parse(&bytes, &cpim::Limits::DEFAULT).unwrap();
                assert!(imdn::is_notification(&receipt) && imdn::Receipts::of(&receipt).is_none());
            }
        }
    }
    if let Ok(status) = iscomposing::IsComposing::parse_xml(data) {
        let again = iscomposing::IsComposing::parse_xml(status.to_xml().as_bytes()).unwrap();
        assert_eq!((again.state, again.refresh_secs), (status.state, status.refresh_secs));
    }
    if let Ok(report) = imdn::Report::parse_xml(data) {
        let again = imdn::Report::parse_xml(report.to_xml().as_bytes()).unwrap();
        assert_eq!((again.disposition(), again.status()), (report.disposition(), report.status()));
    }
    if let Ok(text) = core::str::from_utf8(data) {
        assert_eq!(cpim::unescape(&cpim::escape(text)), text);
    }
}

const PEER: ([u8; 4], u16) = ([192, 0, 2, 9], 5060);
const HERE: ([u8; 4], u16) = ([192, 0, 2, 1], 5060);

struct World {
    agent: UserAgent,
    now: Instant,
    calls: Vec<CallRef>,
    ended: BTreeMap<CallRef, Ending>,
    /// The last messages that the agent sent, to answer them or to speak in their dialog.
    sent: Vec<MessageBuf>,
    cseq: u32,
}

impl World {
    fn new(flavour: u8) -> Self {
        let below = endpoint::Config::new([Listener::new(Transport::Udp, SocketAddr::from(HERE))]);
        let reliable =
            [Reliable::Never, Reliable::WhenRequired, Reliable::WhenSupported, Reliable::Always];
        let config = Config::new("sip:a@example.com", below)
            .unwrap()
            .with_reliable(reliable[usize::from(flavour & 3)])
            .with_calls_max(4)
            .with_forks_max(3)
            .with_session(if flavour & 4 == 0 { Wish::NONE } else { Wish::default() });
        let seed = Seed::from_u64(u64::from(flavour));
        Self {
            agent: UserAgent::new(Instant::ZERO, config, seed),
            now: Instant::ZERO,
            calls: Vec::new(),
            ended: BTreeMap::new(),
            sent: Vec::new(),
            cseq: 1,
        }
    }

    fn step<'d>(&mut self, op: u8, data: &'d [u8]) -> &'d [u8] {
        let (arg, rest) = match data.split_first() {
            Some((arg, rest)) => (*arg, rest),
            None => (0, data),
        };
        let sdp = (arg & 1 != 0).then(|| bytes::Bytes::from_static(b"v=0\r\n"));
        let call = self.calls.get(usize::from(arg >> 4) % self.calls.len().max(1)).copied();
        match (op % 16, call) {
            (0, _) => {
                if let Ok(call) = self.agent.call(self.now, "sip:b@192.0.2.9", sdp) {
                    self.calls.push(call);
                }
            }
            (1, _) => self.invite(arg),
            (2, _) => self.answer(arg),
            (3, _) => self.within(arg),
            (4, _) => {
                let wait = Duration::from_millis(u64::from(arg).pow(2));
                self.run(self.now.saturating_add(wait));
            }
            (5, _) => {
                let (raw, _) = rest.split_at(rest.len().min(usize::from(arg)));
                self.receive(raw);
            }
            (6, Some(call)) => {
                let status = StatusCode::new(180 + u16::from(arg & 3)).unwrap();
                let _done = self.agent.ring(self.now, call, status, sdp);
            }
            (7, Some(call)) => {
                let _done = self.agent.answer(self.now, call, sdp);
            }
            (8, Some(call)) => {
                let _done = self.agent.reject(self.now, call, StatusCode::BUSY_HERE);
            }
            (9, Some(call)) => {
                let _done = self.agent.hang_up(self.now, call);
            }
            (10, Some(call)) => {
                let _done = self.agent.reinvite(self.now, call, sdp);
            }
            (11, Some(call)) => {
                let _done = self.agent.update(self.now, call, sdp);
            }
            (12, Some(call)) => {
                let _done = self.agent.accept(self.now, call, sdp);
            }
            (13, Some(call)) => {
                let _done = self.agent.refuse(self.now, call, StatusCode::NOT_ACCEPTABLE_HERE);
            }
            (14, Some(call)) => {
                let _done = self.agent.refer(self.now, call, "sip:c@192.0.2.8");
            }
            (15, Some(call)) => {
                let _done = self.agent.request(self.now, call, Method::Info, None, &[]);
            }
            _ => {}
        }
        self.drain();
        rest
    }

    fn receive(&mut self, data: &[u8]) {
        let (local, remote) = (SocketAddr::from(HERE), SocketAddr::from(PEER));
        self.agent.handle_input(self.now, SipInput::Datagram { local, remote, data });
        self.drain();
    }

    fn invite(&mut self, arg: u8) {
        let extra = [
            "",
            "Require: 100rel\r\n",
            "Supported: 100rel, timer\r\nSession-Expires: 90\r\n",
            "Record-Route: <sip:192.0.2.7>\r\n",
        ];
        let extra = extra[usize::from(arg >> 1) % 4];
        let body = if arg & 1 == 0 { "" } else { "v=0\r\n" };
        let text = format!(
            "INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{arg}\r\n\
             From: <sip:b@example.com>;tag=p\r\nTo: <sip:a@example.com>\r\nCall-ID: c{}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:b@192.0.2.9>\r\n{extra}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            arg >> 3,
            body.len()
        );
        self.receive(text.as_bytes());
    }

    /// Answers one of the requests that the agent sent.
    fn answer(&mut self, arg: u8) {
        let requests: Vec<_> = self
            .sent
            .iter()
            .filter_map(|m| match m {
                MessageBuf::Request(r) => Some(r.clone()),
                MessageBuf::Response(_) => None,
            })
            .collect();
        let Some(request) = requests.get(usize::from(arg >> 5) % requests.len().max(1)) else {
            return;
        };
        let status =
            [100, 180, 183, 200, 200, 401, 422, 481, 486, 487, 491, 500][usize::from(arg) % 12];
        let tag = ["x", "y", "z", "w"][usize::from(arg >> 4) % 4];
        let mut reply = sip_proto::ResponseBuf::reply_to(
            request.view(),
            StatusCode::new(status).unwrap(),
            Some(tag),
        )
        .header(HeaderName::CONTACT, "<sip:b@192.0.2.9>")
        .header(HeaderName::ALLOW, "UPDATE")
        .header(HeaderName::MIN_SE, 4000);
        if arg & 8 != 0 && status == 183 {
            reply = reply
                .header(HeaderName::REQUIRE, "100rel")
                .header(HeaderName::RSEQ, 1 + u32::from(arg & 3));
        }
        if arg & 2 != 0 {
            reply = reply.body("application/sdp", "v=0\r\n");
        }
        if let Ok(reply) = reply.build() {
            self.receive(reply.as_bytes());
        }
    }

    /// A request in the dialog of the last message that has one.
    fn within(&mut self, arg: u8) {
        let ends = self.sent.last().map(|m| match m {
            MessageBuf::Request(r) => (r.headers(), HeaderName::TO, HeaderName::FROM),
            MessageBuf::Response(r) => (r.headers(), HeaderName::FROM, HeaderName::TO),
        });
        let Some((headers, peer, us)) = ends else { return };
        let field = |name| headers.get(name).unwrap_or("").to_string();
        let (from, to, id) = (field(peer), field(us), field(HeaderName::CALL_ID));
        let method = ["ACK", "BYE", "INVITE", "UPDATE", "PRACK", "NOTIFY", "REFER", "INFO"]
            [usize::from(arg) % 8];
        self.cseq += u32::from(arg >> 6);
        let number = if method == "ACK" { 1 } else { self.cseq };
        let body = if arg & 8 == 0 { "" } else { "v=0\r\n" };
        let rseq = headers.get(HeaderName::RSEQ).unwrap_or("1");
        let text = format!(
            "{method} sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-{}-{method}\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {number} {method}\r\nContact: <sip:b@192.0.2.9>\r\n\
             RAck: {rseq} 1 INVITE\r\nEvent: refer\r\nSubscription-State: active\r\nRefer-To: <sip:c@192.0.2.8>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            self.cseq,
            body.len()
        );
        self.receive(text.as_bytes());
    }

    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.agent.poll_output() {
            outputs += 1;
            assert!(outputs < 1000, "one step makes few outputs");
            match output {
                Output::Transmit(t) => {
                    let sent = MessageBuf::parse(t.payload, &proto_wire::Limits::DEFAULT);
                    self.sent.push(sent.expect("what is sent is SIP"));
                    if self.sent.len() > 8 {
                        self.sent.remove(0);
                    }
                }
                Output::Event(event) => self.tell(&event),
            }
        }
    }

    fn tell(&mut self, event: &Event) {
        if let Some(call) = event.call() {
            assert!(!self.ended.contains_key(&call), "{event:?} behind the end of its call");
        }
        match event {
            Event::Incoming { call, .. } => self.calls.push(*call),
            Event::Ended { call, why } => {
                self.ended.insert(*call, why.clone());
            }
            Event::Request { id, .. } => {
                let _done = self.agent.respond(self.now, *id, StatusCode::OK);
            }
            Event::Referred { call, id, .. } => {
                if let Ok(refer) = self.agent.refer_accept(self.now, *call, *id) {
                    let _done = self.agent.refer_progress(self.now, refer, StatusCode::OK);
                }
            }
            _ => {}
        }
    }

    fn run(&mut self, until: Instant) {
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            assert!(self.agent.poll_timeout().is_none_or(|next| next > self.now), "busy loop");
            self.drain();
        }
        self.now = self.now.max(until);
    }

    fn wind_up(mut self) {
        for call in self.calls.clone() {
            let _done = self.agent.hang_up(self.now, call);
            self.drain();
        }
        self.run(self.now.saturating_add(Duration::from_secs(10_000)));
        assert_eq!((self.agent.calls().count(), self.agent.endpoint().transactions()), (0, 0));
        for call in &self.calls {
            assert!(self.ended.contains_key(call), "{call:?} never ended");
        }
    }
}
