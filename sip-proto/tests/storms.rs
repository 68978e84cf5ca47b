//! Commands at any time, in any order, over a network that loses, doubles and reorders: two agents
//! and the home server of their domain. Nothing panics; every call ends once and every message has
//! one outcome; in the end nothing is left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_in_result,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::collections::BTreeMap;
use core::net::SocketAddr;
use core::time::Duration;
use proptest::prelude::*;
use proto_wire::digest::{Credential, Secret};
use proto_wire::testing::netem::{Loss, Profile};
use proto_wire::testing::sim::{DatagramSim, Either, NodeId, run_seeds};
use proto_wire::{Instant, Output, Seed};
use sip_proto::endpoint::{
    self, Endpoint, FlowId, Listener, Path, SipEvent, SipInput, Target, TransactionId,
};
use sip_proto::home::{HomeConfig, HomeEvent, HomeServer};
use sip_proto::ua::{CallRef, Config, Event, MessageId, ReferRef, RequestRef, UserAgent};
use sip_proto::{HeaderName, Method, RequestBuf, StatusCode, Transport};

type Node = Either<HomeServer, UserAgent>;

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

fn below(n: u8) -> endpoint::Config {
    endpoint::Config::new([Listener::new(Transport::Udp, address(n))])
}

fn lossy(per_mille: u16) -> Profile {
    Profile::perfect()
        .with_latency(Duration::from_millis(20))
        .with_jitter(Duration::from_millis(50))
        .with_loss(Loss::Random(per_mille))
        .with_duplicate(100)
        .with_reorder(100, Duration::from_millis(300))
}

/// What was begun and what has ended, at one agent.
#[derive(Default)]
struct Book {
    calls: Vec<CallRef>,
    ended: BTreeMap<CallRef, u32>,
    messages: BTreeMap<MessageId, u32>,
    requests: BTreeMap<RequestRef, u32>,
    /// Those in calls, which may end before the answer.
    infos: BTreeMap<RequestRef, u32>,
    refers: BTreeMap<ReferRef, u32>,
}

struct World {
    sim: DatagramSim<Node>,
    home: NodeId,
    agents: [NodeId; 2],
    books: [Book; 2],
    silent: bool,
}

impl World {
    fn new(profile: &Profile, seed: u64) -> Self {
        let mut sim = DatagramSim::new(profile, seed);
        let config = HomeConfig::new("club.example", below(1)).unwrap();
        let home = HomeServer::new(Instant::ZERO, config.into(), Seed::from_u64(seed));
        let home = sim.add(address(1), Either::A(home));
        let agents = [(2, "ann"), (3, "bob")].map(|(n, user)| {
            let config = Config::new(&format!("sip:{user}@club.example"), below(n))
                .unwrap()
                .with_expires(600)
                .with_instance(format!("urn:uuid:{n}"))
                .with_credential(Credential::new(user, "secret").unwrap());
            let agent = UserAgent::new(Instant::ZERO, config, Seed::from_u64(u64::from(n) ^ seed));
            sim.add(address(n), Either::B(agent))
        });
        Self { sim, home, agents, books: Default::default(), silent: false }
    }

    fn at(&mut self, who: usize) -> &mut UserAgent {
        match self.sim.node_mut(self.agents[who]) {
            Either::B(agent) => agent,
            Either::A(_) => panic!("not an agent"),
        }
    }

    fn run(&mut self, until: Instant) {
        while let Some((node, event)) = self.sim.next_event(until) {
            let now = self.sim.now();
            match event {
                Either::A(HomeEvent::SecretWanted { id, .. }) => {
                    let Either::A(home) = self.sim.node_mut(self.home) else { panic!() };
                    home.supply_secret(now, id, Secret::Password("secret"));
                }
                Either::A(_) => {}
                Either::B(event) => {
                    let who = self.agents.iter().position(|a| *a == node).unwrap();
                    self.look(who, event);
                }
            }
        }
    }

    fn look(&mut self, who: usize, event: Event) {
        let now = self.sim.now();
        if let Some(call) = event.call() {
            assert!(!self.books[who].ended.contains_key(&call), "{event:?} behind the end");
        }
        let book = &mut self.books[who];
        match event {
            Event::Incoming { call, .. } => book.calls.push(call),
            Event::Ended { call, .. } => *book.ended.entry(call).or_default() += 1,
            Event::Delivered { id, .. } | Event::Refused { id, .. } | Event::Undelivered { id } => {
                *book.messages.get_mut(&id).expect("a message of ours") += 1;
            }
            Event::Reply { request, .. } => {
                let times = match book.requests.get_mut(&request) {
                    Some(times) => times,
                    None => book.infos.get_mut(&request).expect("a request of ours"),
                };
                *times += 1;
            }
            Event::ReferProgress { refer, over: true, .. } => {
                *book.refers.get_mut(&refer).expect("a REFER of ours") += 1;
            }
            Event::LookupWanted { lookup, .. } => {
                let to = now.as_nanos() % 3;
                let target = (to > 0).then(|| Target::Address(Transport::Udp, address(1)));
                if !self.silent {
                    self.at(who).looked_up(now, lookup, target);
                }
            }
            Event::Request { id, .. } => {
                let _done = self.at(who).respond(now, id, StatusCode::OK);
            }
            Event::Referred { call, id, request, .. } => {
                if let Ok(refer) = self.at(who).refer_accept(now, call, id) {
                    let made = self.at(who).call_referred(now, refer, &request, sdp(true));
                    self.books[who].calls.extend(made.ok());
                }
            }
            _ => {}
        }
    }

    fn act(&mut self, who: usize, what: &Do) {
        let now = self.sim.now();
        let other = address(3 - u8::try_from(who).unwrap());
        let uri = format!("sip:you@{other}");
        let call = self.books[who].calls.last().copied();
        let agent = self.at(who);
        match (what, call) {
            (Do::Register, _) => {
                let _done = agent.register(now);
            }
            (Do::Unregister, _) => {
                let _done = agent.unregister(now);
            }
            (Do::Message(named), _) => {
                let to = if *named { "sip:bob@club.example" } else { uri.as_str() };
                if let Ok(id) = agent.send_message(now, to, "text/plain", "x") {
                    self.books[who].messages.insert(id, 0);
                }
            }
            (Do::Ask, _) => {
                if let Ok(id) = agent.ask(now, &uri, Method::Options, None, &[]) {
                    self.books[who].requests.insert(id, 0);
                }
            }
            (Do::Call(with), _) => {
                if let Ok(call) = agent.call(now, &uri, sdp(*with)) {
                    self.books[who].calls.push(call);
                }
            }
            (_, None) | (Do::Wait(_), _) => {}
            (Do::Ring(with), Some(call)) => {
                let _done = agent.ring(now, call, StatusCode::RINGING, sdp(*with));
            }
            (Do::Answer(with), Some(call)) => {
                let _done = agent.answer(now, call, sdp(*with));
            }
            (Do::Redirect, Some(call)) => {
                let _done = agent.redirect(now, call, &[&format!("<{uri}>")]);
            }
            (Do::HangUp, Some(call)) => {
                let _done = agent.hang_up(now, call);
            }
            (Do::Reinvite(with), Some(call)) => {
                let _done = agent.reinvite(now, call, sdp(*with));
            }
            (Do::Accept(with), Some(call)) => {
                let _done = agent.accept(now, call, sdp(*with));
            }
            (Do::Refer, Some(call)) => {
                if let Ok(refer) = agent.refer(now, call, "sip:third@192.0.2.9") {
                    self.books[who].refers.insert(refer, 0);
                }
            }
            (Do::Info, Some(call)) => {
                if let Ok(id) = agent.request(now, call, Method::Info, None, &[]) {
                    self.books[who].infos.insert(id, 0);
                }
            }
        }
    }

    /// Everybody leaves; hours later nothing may be left.
    fn wind_up(mut self) {
        for who in [0, 1] {
            let now = self.sim.now();
            let _done = self.at(who).unregister(now);
            for call in self.books[who].calls.clone() {
                let _over = self.at(who).hang_up(now, call);
            }
        }
        let end = self.sim.now().saturating_add(Duration::from_secs(20_000));
        self.run(end);
        for who in [0, 1] {
            let agent = self.at(who);
            assert_eq!(agent.calls().count(), 0);
            assert_eq!(agent.endpoint().transactions(), 0);
            assert_eq!((agent.is_idle(), agent.is_registered()), (true, false));
            assert_eq!((agent.next_timer(), agent.poll_timeout()), (None, None));
            let book = &self.books[who];
            let ended: Vec<_> = book.ended.values().collect();
            assert!(ended.iter().all(|n| **n == 1), "{ended:?}");
            assert_eq!(book.ended.len(), book.calls.len());
            assert!(book.messages.values().all(|n| *n == 1), "{:?}", book.messages);
            assert!(book.requests.values().all(|n| *n == 1), "{:?}", book.requests);
            assert!(book.infos.values().all(|n| *n <= 1), "{:?}", book.infos);
            assert!(book.refers.values().all(|n| *n == 1), "{:?}", book.refers);
        }
    }
}

fn sdp(with: bool) -> Option<bytes::Bytes> {
    with.then(|| bytes::Bytes::from_static(b"v=0\r\n"))
}

#[derive(Clone, Debug)]
enum Do {
    Register,
    Unregister,
    Message(bool),
    Ask,
    Call(bool),
    Ring(bool),
    Answer(bool),
    Redirect,
    HangUp,
    Reinvite(bool),
    Accept(bool),
    Refer,
    Info,
    Wait(u64),
}

fn step() -> impl Strategy<Value = (usize, Do)> {
    let what = prop_oneof![
        Just(Do::Register),
        Just(Do::Unregister),
        any::<bool>().prop_map(Do::Message),
        Just(Do::Ask),
        any::<bool>().prop_map(Do::Call),
        any::<bool>().prop_map(Do::Ring),
        any::<bool>().prop_map(Do::Answer),
        Just(Do::Redirect),
        Just(Do::HangUp),
        any::<bool>().prop_map(Do::Reinvite),
        any::<bool>().prop_map(Do::Accept),
        Just(Do::Refer),
        Just(Do::Info),
        (0_u64..50_000).prop_map(Do::Wait),
    ];
    (0_usize..2, what)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn agents_take_any_commands_at_any_time(
        steps in proptest::collection::vec(step(), 1..40),
        seed in any::<u64>(),
        loss in 0_u16..500,
    ) {
        let mut world = World::new(&lossy(loss), seed);
        let mut until = Instant::ZERO;
        for (who, what) in &steps {
            if let Do::Wait(ms) = what {
                until = until.saturating_add(Duration::from_millis(*ms));
            }
            world.act(*who, what);
            world.run(until);
        }
        world.wind_up();
    }

    #[test]
    fn an_endpoint_takes_any_commands_at_any_time(
        ops in proptest::collection::vec((0_u8..12, any::<u16>()), 1..60),
        seed in any::<u64>(),
    ) {
        endpoint_storm(&ops, seed);
    }
}

/// Requests, answers, cancels and streams in any order: a command is done or refused, whatever is
/// told is told of transactions that live, and all of them end.
fn endpoint_storm(ops: &[(u8, u16)], seed: u64) {
    let mut config = below(1);
    config.listeners.push(Listener::new(Transport::Tcp, address(1)));
    let config = config.with_transactions_max(8).with_flows_max(3).with_queue_max(2);
    let mut endpoint = Endpoint::new(Instant::ZERO, config.into(), Seed::from_u64(seed));
    let (mut now, mut known) = (Instant::ZERO, Vec::<TransactionId>::new());
    let mut over = alloc::collections::BTreeSet::new();
    let mut wanted = Vec::new();
    for (op, arg) in ops {
        let some =
            |known: &[TransactionId]| known.get(usize::from(*arg) % known.len().max(1)).copied();
        let method = [Method::Invite, Method::Message, Method::Options][usize::from(*arg) % 3];
        let flow = FlowId(u64::from(arg % 4));
        let status = StatusCode::new(100 + arg % 600).unwrap();
        match op {
            0 | 1 => {
                let to = match (op, arg % 2) {
                    (0, _) => Target::Address(Transport::Udp, address(2)),
                    (_, 0) => Target::Address(Transport::Tcp, address(2)),
                    _ => Target::Flow(flow),
                };
                known.extend(endpoint.request(now, request(method, *arg).view(), to).ok());
            }
            2 => {
                let text = wire(method, *arg);
                let (local, remote) = (address(1), address(2));
                let data = text.as_bytes();
                endpoint.handle_input(now, SipInput::Datagram { local, remote, data });
            }
            3 | 4 => {
                if let Some(id) = some(&known) {
                    if let Ok(reply) = endpoint.reply(id, status).and_then(|r| Ok(r.build()?)) {
                        let done = endpoint.respond(now, id, &reply);
                        assert!(!(over.contains(&id) && done.is_ok()));
                    }
                }
            }
            5 => {
                let made = some(&known).and_then(|id| endpoint.cancel(now, id).ok());
                known.extend(made);
            }
            6 => {
                let _done = some(&known).map(|id| endpoint.abandon(now, id));
            }
            7 => {
                let (local, remote) = (address(1), address(2));
                let connect = wanted.pop();
                let transport = Transport::Tcp;
                let input = match arg % 3 {
                    0 => connect.map(|connect| SipInput::ConnectFailed { connect }),
                    _ => Some(SipInput::FlowOpened { flow, transport, local, remote, connect }),
                };
                if let Some(input) = input {
                    endpoint.handle_input(now, input);
                }
            }
            8 => {
                let text = wire(method, *arg);
                let data = text.as_bytes();
                let (data, _) = data.split_at(data.len().min(usize::from(*arg)));
                endpoint.handle_input(now, SipInput::Stream { flow, data });
            }
            9 => {
                let _done = match arg % 3 {
                    0 => endpoint.close_flow(now, flow),
                    1 => endpoint.ping(now, flow),
                    _ => {
                        endpoint.handle_input(now, SipInput::FlowClosed { flow });
                        Ok(())
                    }
                };
            }
            _ => now = now.saturating_add(Duration::from_millis(u64::from(*arg))),
        }
        drain(&mut endpoint, now, &mut known, &mut over, &mut wanted);
        endpoint.handle_timeout(now);
        assert!(endpoint.poll_timeout().is_none_or(|at| at > now), "busy loop");
        drain(&mut endpoint, now, &mut known, &mut over, &mut wanted);
        assert!(endpoint.transactions() <= 8 + 1 && endpoint.flows() <= 3);
    }
    // INVITEs that rang have no timer of their own; their user gives them up, or answers.
    for id in known.clone() {
        let _client = endpoint.abandon(now, id);
        if let Ok(reply) = endpoint.reply(id, StatusCode::DECLINE).and_then(|r| Ok(r.build()?)) {
            let _server = endpoint.respond(now, id, &reply);
        }
    }
    while let Some(at) = endpoint.poll_timeout() {
        now = at;
        endpoint.handle_timeout(now);
        drain(&mut endpoint, now, &mut known, &mut over, &mut wanted);
    }
    drain(&mut endpoint, now, &mut known, &mut over, &mut wanted);
    assert_eq!(endpoint.transactions(), 0);
}

fn drain(
    endpoint: &mut Endpoint,
    now: Instant,
    known: &mut Vec<TransactionId>,
    over: &mut alloc::collections::BTreeSet<TransactionId>,
    wanted: &mut Vec<endpoint::ConnectId>,
) {
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Transmit(t) => {
                if let Path::Datagram { .. } = t.path {
                    assert!(!t.payload.is_empty());
                }
            }
            Output::Event(event) => match event {
                SipEvent::Request { id, .. } => known.push(id),
                SipEvent::Response { id, .. }
                | SipEvent::TimedOut { id }
                | SipEvent::Cancelled { id } => assert!(!over.contains(&id)),
                SipEvent::Terminated { id } => assert!(over.insert(id), "{id:?} ended twice"),
                SipEvent::ConnectWanted { connect, .. } => wanted.push(connect),
                _ => {}
            },
        }
    }
    let _at = now;
}

fn request(method: Method<'_>, n: u16) -> RequestBuf {
    let text = wire(method, n);
    let parsed = RequestBuf::parse(text.into_bytes()).unwrap();
    let mut edits = parsed.view().edit();
    let bytes = edits.pop_via().unwrap().to_bytes().unwrap();
    RequestBuf::parse(bytes).unwrap()
}

fn wire(method: Method<'_>, n: u16) -> String {
    format!(
        "{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{}\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {n}@h\r\nCSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        n % 7
    )
}

/// Registrations, messages and calls through the home server, over 30 % loss, doubling and
/// reordering, each at its RFC's own time.
#[test]
fn registrations_over_thirty_percent_loss_never_lapse_for_long() {
    run_seeds(40, |seed| {
        let mut world = World::new(&lossy(300), seed);
        for who in [0, 1] {
            world.at(who).register(Instant::ZERO).unwrap();
        }
        world.run(Instant::from_secs(400));
        for minutes in 0..60 {
            world.run(Instant::from_secs(400 + minutes * 60));
        }
        // An hour later both are known, or will be within one more attempt.
        let known = [0, 1].map(|who| world.at(who).is_registered());
        assert!(known.contains(&true), "seed {seed}");
        world.wind_up();
    });
}

/// When nothing comes through, everything ends exactly at 64 × T1, and what waits behind it after
/// that.
#[test]
fn when_everything_is_lost_each_ends_exactly_at_its_timer() {
    let mut world = World::new(&Profile::perfect().with_loss(Loss::Random(1000)), 7);
    let uri = format!("sip:you@{}", address(3));
    let ann = world.at(0);
    let id = ann.send_message(Instant::ZERO, &uri, "text/plain", "x").unwrap();
    let call = ann.call(Instant::ZERO, &uri, sdp(true)).unwrap();
    let headers = [(HeaderName::ACCEPT, "application/sdp")];
    let asked = ann.ask(Instant::ZERO, &uri, Method::Options, None, &headers).unwrap();
    let mut ends = Vec::new();
    while let Some((_, event)) = world.sim.next_event(Instant::from_secs(1000)) {
        let at = world.sim.now();
        match event {
            Either::B(Event::Undelivered { id: of }) if of == id => ends.push(("message", at)),
            Either::B(Event::Ended { call: of, .. }) if of == call => ends.push(("call", at)),
            Either::B(Event::Reply { request, status, .. }) if request == asked => {
                assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
                ends.push(("options", at));
            }
            _ => {}
        }
    }
    ends.sort();
    let at = Instant::from_secs(32);
    assert_eq!(ends, [("call", at), ("message", at), ("options", at)]);
}
