//! Several flows, and flows over datagrams that STUN keeps alive (RFC 5626).

use super::*;
use crate::endpoint::{ConnectId, FlowId, SipEvent, Target};
use crate::stun::{self, Binding, StunId};
use core::net::SocketAddr;
use core::time::Duration;

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// An agent whose edge proxies a test plays.
struct Outbound {
    agent: UserAgent,
    now: Instant,
    sent: Vec<(Path, Bytes)>,
    wanted: Vec<(ConnectId, SocketAddr)>,
    told: Vec<String>,
}

impl Outbound {
    fn new(config: Config) -> Self {
        let (agent, now) = (agent(1, config), Instant::ZERO);
        Self { agent, now, sent: Vec::new(), wanted: Vec::new(), told: Vec::new() }
    }

    fn drain(&mut self) {
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Transmit(t) => self.sent.push((t.path, t.payload)),
                Output::Event(Event::Endpoint(SipEvent::ConnectWanted {
                    connect, remote, ..
                })) => self.wanted.push((connect, remote)),
                Output::Event(Event::Endpoint(_)) => {}
                Output::Event(Event::Registered { flow, .. }) => {
                    self.told.push(format!("registered {flow}"));
                }
                Output::Event(Event::RegistrationFailed { flow, retrying, .. }) => {
                    self.told.push(format!("failed {flow} {retrying}"));
                }
                Output::Event(event) => self.told.push(say(&event)),
            }
        }
    }

    fn input(&mut self, input: SipInput<'_>) {
        self.agent.handle_input(self.now, input);
        self.drain();
    }

    /// Opens the stream that is wanted to this edge; its number is that of the edge.
    fn open(&mut self, edge: u8, flow: u64) {
        let at = self.wanted.iter().position(|(_, to)| *to == addr(edge)).expect("wanted");
        let (connect, remote) = self.wanted.remove(at);
        let (transport, local) = (Transport::Tcp, addr(1));
        let (flow, connect) = (FlowId(flow), Some(connect));
        self.input(SipInput::FlowOpened { flow, transport, local, remote, connect });
    }

    /// The first SIP message over a path, and all before it are forgotten.
    fn take(&mut self, path: Path) -> RequestBuf {
        let found = |(on, data): &(Path, Bytes)| *on == path && !stun::is_stun(data);
        let at = self.sent.iter().position(found).expect("a request");
        let request = RequestBuf::parse(self.sent[at].1.clone()).unwrap();
        self.sent.drain(..=at);
        request
    }

    fn say(&mut self, path: Path, data: &[u8]) {
        match path {
            Path::Stream(flow) => self.input(SipInput::Stream { flow, data }),
            Path::Datagram { local, remote } => {
                self.input(SipInput::Datagram { local, remote, data });
            }
        }
    }

    fn accept(&mut self, path: Path, reg_id: u8, extra: &str) {
        let request = self.take(path);
        let contact = request.headers().get(HeaderName::CONTACT).unwrap().to_string();
        assert!(contact.ends_with(&format!(";reg-id={reg_id}")), "{contact}");
        let ok =
            reply(&request, 200, "r", &format!("{extra}Contact: {contact};expires=3000\r\n"), "");
        self.say(path, ok.replace("Contact: <sip:peer@192.0.2.9>\r\n", "").as_bytes());
    }

    fn wait(&mut self, ms: u64) {
        let end = self.now.saturating_add(Duration::from_millis(ms));
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.agent.handle_timeout(at);
            self.drain();
        }
        self.now = end;
    }

    fn told(&mut self) -> Vec<String> {
        core::mem::take(&mut self.told)
    }
}

fn stream(flow: u64) -> Path {
    Path::Stream(FlowId(flow))
}

/// RFC 5626 §4.2 to §4.5: each edge proxy has a flow and a reg-id; when the first flow is lost requests
/// go over the second, and the first is made anew.
#[test]
fn two_flows_to_two_edge_proxies_and_one_is_lost() {
    let tcp = |n| Target::Address(Transport::Tcp, addr(n));
    let config = config(1).with_instance(URN).with_outbound(tcp(8)).with_flow(tcp(9));
    let mut one = Outbound::new(config);
    one.agent.register(one.now).unwrap();
    one.drain();
    one.open(8, 8);
    one.open(9, 9);
    one.accept(stream(8), 1, "Require: outbound\r\n");
    one.accept(stream(9), 2, "Require: outbound\r\n");
    assert_eq!(one.told(), ["registered 0", "registered 1"]);
    assert_eq!(one.agent.registered_flows(), 2);
    one.agent.send_message(one.now, "sip:b@h", "text/plain", "first").unwrap();
    one.drain();
    let message = one.take(stream(8));
    one.say(stream(8), reply(&message, 200, "r", "", "").as_bytes());
    assert_eq!(one.told(), ["delivered 200"]);
    // A message is out when the stream breaks: it goes over the other one.
    one.agent.send_message(one.now, "sip:b@h", "text/plain", "second").unwrap();
    one.drain();
    one.take(stream(8));
    one.input(SipInput::FlowClosed { flow: FlowId(8) });
    let message = one.take(stream(9));
    assert_eq!(message.body(), "second");
    one.say(stream(9), reply(&message, 200, "r", "", "").as_bytes());
    assert_eq!(one.told(), ["delivered 200"]);
    // The flow is made anew soon, with its own number.
    one.wait(1000);
    one.open(8, 18);
    one.accept(stream(18), 1, "Require: outbound\r\n");
    assert_eq!(one.told(), ["registered 0"]);
    // RFC 5626 §4.3: no GRUU, so the contact says that the flow counts.
    one.agent.call(one.now, "sip:b@h", sdp("v=0")).unwrap();
    one.drain();
    let contact = one.take(stream(18)).headers().get(HeaderName::CONTACT).map(str::to_string);
    assert_eq!(contact.as_deref(), Some("<sip:u1@192.0.2.1:5060;transport=tcp;ob>"));
}

/// §4.5: 90 s doubled while another flow is there, 30 s when none is; half to all of it.
#[test]
fn an_edge_that_cannot_be_reached_is_tried_again_later_and_later() {
    let tcp = |n| Target::Address(Transport::Tcp, addr(n));
    let config = config(1)
        .with_instance(URN)
        .with_outbound(tcp(8))
        .with_flow(tcp(9))
        .with_keep_alive(Duration::ZERO);
    for (other, base) in [(true, 90_u32), (false, 30)] {
        let mut one = Outbound::new(config.clone());
        one.agent.register(one.now).unwrap();
        one.drain();
        if other {
            one.open(9, 9);
            one.accept(stream(9), 2, "");
        }
        one.told();
        for failures in 1..=5_u32 {
            let at = one.wanted.iter().position(|(_, to)| *to == addr(8)).expect("wanted");
            let (connect, _) = one.wanted.remove(at);
            one.input(SipInput::ConnectFailed { connect });
            assert!(one.told().contains(&"failed 0 true".to_string()));
            let most = (base << failures).min(1800) * 1000;
            let before = one.now;
            while !one.wanted.iter().any(|(_, to)| *to == addr(8)) {
                let at = one.agent.poll_timeout().unwrap();
                one.now = at;
                one.agent.handle_timeout(at);
                one.drain();
                // The second edge is not there either.
                let (gone, kept) = one.wanted.drain(..).partition(|(_, to)| *to == addr(9));
                one.wanted = kept;
                let gone: Vec<(ConnectId, SocketAddr)> = gone;
                for (connect, _) in gone {
                    one.agent.handle_input(one.now, SipInput::ConnectFailed { connect });
                }
            }
            let waited = one.now.saturating_since(before).as_millis();
            let range = u128::from(most / 2)..=u128::from(most);
            assert!(range.contains(&waited), "{other} {failures}: {waited} of {most}");
        }
    }
}

fn udp_flow() -> (Outbound, Path) {
    let config = config(1)
        .with_instance(URN)
        .with_reg_id(1)
        .with_outbound(Target::Address(Transport::Udp, addr(9)));
    let mut one = Outbound::new(config);
    one.agent.register(one.now).unwrap();
    one.drain();
    (one, Path::Datagram { local: addr(1), remote: addr(9) })
}

fn check(one: &mut Outbound) -> StunId {
    let found = one.sent.drain(..).find_map(|(_, data)| match stun::parse(&data) {
        Some(Binding::Request { id, .. }) => Some(id),
        _ => None,
    });
    found.expect("a check")
}

/// §4.4.2: each 24 to 29 s; another address is another flow.
#[test]
fn stun_keeps_datagrams_alive_and_tells_when_the_nat_forgot() {
    let (mut one, path) = udp_flow();
    one.accept(path, 1, "Require: outbound\r\nPath: <sip:edge.example;lr;ob>\r\n");
    one.told();
    for _ in 0..5 {
        let due = one.agent.next_timer().unwrap();
        assert_eq!(due.1, Timer::KeepAlive(0));
        let wait = due.0.saturating_since(one.now).as_millis();
        assert!((24_000 - 40..=29_000).contains(&wait), "{wait}");
        one.wait(u64::try_from(wait).unwrap() + 1);
        let id = check(&mut one);
        one.wait(20);
        one.say(path, &stun::success(id, addr(77)));
        assert!(one.sent.is_empty());
    }
    // The answer to no question changes nothing, nor does one from somebody else.
    one.say(path, &stun::success([0; 12], addr(66)));
    one.wait(29_000);
    let id = check(&mut one);
    let elsewhere = Path::Datagram { local: addr(1), remote: addr(66) };
    one.say(elsewhere, &stun::success(id, addr(66)));
    assert!(one.sent.is_empty());
    // The NAT gave us another port: the binding that leads to the old one is made anew.
    one.say(path, &stun::success(id, addr(78)));
    one.wait(1000);
    one.accept(path, 1, "Require: outbound\r\n");
    assert_eq!(one.told(), ["registered 0"]);
}

#[test]
fn an_edge_that_stops_answering_stun_is_a_lost_flow() {
    let (mut one, path) = udp_flow();
    one.accept(path, 1, "Require: outbound\r\nFlow-Timer: 1000\r\n");
    one.told();
    let (due, _) = one.agent.next_timer().unwrap();
    one.wait(u64::try_from(due.saturating_since(one.now).as_millis()).unwrap() + 1);
    assert!(one.now >= Instant::from_secs(800));
    // RFC 5389 §7.2.1: seven times, and 39.5 s until it has failed.
    one.wait(39_400);
    let checks = one.sent.drain(..).filter(|(_, data)| stun::is_stun(data)).count();
    assert_eq!(checks, 7);
    one.wait(1200);
    one.accept(path, 1, "Require: outbound\r\n");
    // An error response is a failure too.
    let (due, _) = one.agent.next_timer().unwrap();
    one.wait(u64::try_from(due.saturating_since(one.now).as_millis()).unwrap() + 1);
    let id = check(&mut one);
    one.say(path, &stun::unknown_attributes(id, &[]));
    one.wait(1000);
    one.accept(path, 1, "Require: outbound\r\n");
}

/// §8: never to who did not say that it takes them.
#[test]
fn no_stun_goes_to_a_registrar_that_does_not_know_it() {
    let (mut one, path) = udp_flow();
    one.accept(path, 1, "");
    one.wait(1_000_000);
    assert!(!one.sent.iter().any(|(_, data)| stun::is_stun(data)));
}

/// Our side of it: whoever asks at the port is told (§8), but for what is not understood.
#[test]
fn binding_requests_of_peers_are_answered() {
    let (mut one, path) = udp_flow();
    one.sent.clear();
    one.say(path, &stun::request([5; 12]));
    let (to, answer) = one.sent.remove(0);
    assert_eq!(to, path);
    let mapped = Some(addr(9));
    assert_eq!(stun::parse(&answer), Some(Binding::Success { id: [5; 12], mapped }));
    let mut odd = stun::request([6; 12]).to_vec();
    odd[3] = 4;
    odd.extend_from_slice(&[0x77, 0x77, 0, 0]);
    one.say(path, &odd);
    let refused = stun::parse(&one.sent.remove(0).1);
    assert_eq!(refused, Some(Binding::Error { id: [6; 12], code: Some(420) }));
    // Indications and broken ones get nothing.
    odd[1] = 0x11;
    one.say(path, &odd);
    one.say(path, &odd[..22]);
    assert!(one.sent.is_empty());
}

/// RFC 5627 §3.1.2, §4.3.
#[test]
fn an_anonymous_agent_tells_its_temporary_gruu() {
    let gruus = ";pub-gruu=\"sip:u1@example.com;gr=x\";temp-gruu=\"sip:tgruu.7@example.com;gr\"";
    for (anonymous, expected) in
        [(true, "<sip:tgruu.7@example.com;gr>"), (false, "<sip:u1@example.com;gr=x>")]
    {
        let config = config(1).with_instance(URN).with_anonymous(anonymous);
        let mut one = Outbound::new(config.with_outbound(Target::Address(Transport::Udp, addr(9))));
        one.agent.register(one.now).unwrap();
        one.drain();
        let path = Path::Datagram { local: addr(1), remote: addr(9) };
        let request = one.take(path);
        let contact = request.headers().get(HeaderName::CONTACT).unwrap();
        let told = format!("Contact: {contact}{gruus}\r\n");
        let ok = reply(&request, 200, "r", &told, "");
        one.say(path, ok.replace("Contact: <sip:peer@192.0.2.9>\r\n", "").as_bytes());
        assert_eq!(one.agent.temporary_gruu(), Some("sip:tgruu.7@example.com;gr"));
        one.agent.call(one.now, "sip:b@h", sdp("v=0")).unwrap();
        one.drain();
        let contact = one.take(path).headers().get(HeaderName::CONTACT).map(str::to_string);
        assert_eq!(contact.as_deref(), Some(expected));
    }
}

/// RFC 3261 §18.1.1, RFC 3428 §8: over a stream for its length alone; without a stream the datagram
/// goes after all, and what is behind it waits meanwhile.
#[test]
fn a_long_message_goes_as_a_datagram_when_there_is_no_stream() {
    let udp = Target::Address(Transport::Udp, addr(9));
    let mut one = Outbound::new(config(1).with_outbound(udp));
    let long = "x".repeat(1400);
    one.agent.send_message(one.now, "sip:b@h", "text/plain", long.clone()).unwrap();
    one.agent.send_message(one.now, "sip:b@h", "text/plain", "short").unwrap();
    one.drain();
    assert!(one.sent.is_empty());
    let (connect, remote) = one.wanted.pop().unwrap();
    assert_eq!(remote, addr(9));
    one.input(SipInput::ConnectFailed { connect });
    let path = Path::Datagram { local: addr(1), remote: addr(9) };
    let message = one.take(path);
    assert_eq!(message.body(), long);
    assert!(one.sent.is_empty(), "one outstanding");
    one.say(path, reply(&message, 200, "r", "", "").as_bytes());
    assert_eq!(one.told(), ["delivered 200"]);
    assert_eq!(one.take(path).body(), "short");
}

/// As many checks as there may be, and one more.
#[test]
fn checks_are_bounded_and_for_datagrams_alone() {
    let below = endpoint::Config::new([Listener::new(Transport::Udp, addr(1))]);
    let mut endpoint = Endpoint::new(Instant::ZERO, below.into(), Seed::from_u64(1));
    let path = Path::Datagram { local: addr(1), remote: addr(9) };
    for _ in 0..1024 {
        endpoint.check(Instant::ZERO, path).unwrap();
    }
    let limit = endpoint::CommandError::Limit(proto_wire::LimitKind::Pending);
    assert_eq!(endpoint.check(Instant::ZERO, path), Err(limit));
    assert!(endpoint.check(Instant::ZERO, stream(1)).is_err());
}
