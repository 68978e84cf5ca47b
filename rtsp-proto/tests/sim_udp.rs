//! Control over UDP (`rtspu`, RFC 2326 §9.1, §9.2): our client against our server over packet
//! networks that lose, double and reorder, in virtual time, 200 seeds each.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::sync::Arc;
use bytes::Bytes;
use core::net::SocketAddr;
use core::time::Duration;
use proto_wire::DatagramMachine;
use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{DatagramSim, Either, NodeId, run_seeds};
use rtsp_proto::client::{self, Client, Settled};
use rtsp_proto::headers::{PortPair, Transport};
use rtsp_proto::server::{self, Incoming, Server};
use rtsp_proto::{
    Instant, Machine, Method, Output, RequestBuilder, Seed, SessionEnd, SessionKey, State,
    StatusCode,
};

const URL: &str = "rtspu://h/cam";
const HERE: &str = "192.0.2.1:5000";
const THERE: &str = "192.0.2.2:554";

/// A client or a server at its end of a pair of addresses.
struct End<M> {
    machine: M,
    peer: SocketAddr,
}

macro_rules! ends {
    ($($machine:ty, $side:ident;)*) => { $(
        impl Machine for End<$machine> {
            type Input<'a> = &'a [u8];
            type Transmit = (SocketAddr, Bytes);
            type Event = $side::Event;

            fn handle_input(&mut self, now: Instant, data: &[u8]) {
                self.machine.handle_input(now, $side::Input::Datagram(data));
            }

            fn handle_timeout(&mut self, now: Instant) {
                self.machine.handle_timeout(now);
            }

            fn poll_output(&mut self) -> Option<Output<Self::Transmit, Self::Event>> {
                Some(match self.machine.poll_output()? {
                    Output::Transmit(bytes) => Output::Transmit((self.peer, bytes)),
                    Output::Event(event) => Output::Event(event),
                })
            }

            fn poll_timeout(&self) -> Option<Instant> {
                self.machine.poll_timeout()
            }
        }

        impl DatagramMachine for End<$machine> {
            fn handle_datagram(&mut self, now: Instant, _: SocketAddr, from: SocketAddr, data: &[u8]) {
                assert_eq!(from, self.peer);
                self.handle_input(now, data);
            }

            fn into_datagram(transmit: Self::Transmit) -> Option<(SocketAddr, Bytes)> {
                Some(transmit)
            }
        }
    )* };
}

ends! {
    Client, client;
    Server, server;
}

type Sim = DatagramSim<Either<End<Client>, End<Server>>>;

/// Two streams, set up, played, paused, played again, left alone for a while and torn down.
struct Evening {
    left: NodeId,
    right: NodeId,
    session: SessionKey,
    streams: usize,
    log: Vec<&'static str>,
    /// What the application of the server was asked: each request once.
    asked: Vec<&'static str>,
    pings: usize,
    ended: Vec<SessionEnd>,
}

impl Evening {
    fn client<'s>(&self, sim: &'s mut Sim) -> &'s mut Client {
        match sim.node_mut(self.left) {
            Either::A(end) => &mut end.machine,
            Either::B(_) => panic!("the left one is the client"),
        }
    }

    fn server<'s>(&self, sim: &'s mut Sim) -> &'s mut Server {
        match sim.node_mut(self.right) {
            Either::B(end) => &mut end.machine,
            Either::A(_) => panic!("the right one is the server"),
        }
    }

    fn hear(&mut self, sim: &mut Sim, event: client::Event) {
        let (now, key) = (sim.now(), self.session);
        match event {
            client::Event::Response { method, response, .. } => {
                self.log.push(method.name());
                assert_eq!(response.view().status(), StatusCode::OK, "{method}");
                if method == Method::Pause {
                    let client = self.client(sim);
                    assert_eq!(client.session(key).unwrap().state(), State::Ready);
                    // One behind the other, without waiting: they must not overtake.
                    client.play(now, key, None).unwrap();
                    client.get_parameter(now, key, &["position"]).unwrap();
                    client.teardown(now, key).unwrap();
                }
            }
            client::Event::StreamReady { settled, .. } => {
                let Settled::Udp { client_port: Some(_), server_port: Some(port), .. } = settled
                else {
                    panic!("{settled:?}")
                };
                assert_eq!(port.rtp, 6000);
                self.streams += 1;
                let client = self.client(sim);
                if self.streams == 1 {
                    let offer = Transport::udp(PortPair::new(5012, Some(5013)));
                    client.setup(now, key, "rtspu://h/cam/a", &[offer]).unwrap();
                } else {
                    client.play(now, key, None).unwrap();
                    client.pause(now, key).unwrap();
                }
            }
            client::Event::SessionEnded { reason, .. } => self.ended.push(reason),
            client::Event::Request { id: None, request } => {
                assert_eq!(request.view().method(), Method::Options);
            }
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, sim: &mut Sim, asked: &Incoming) {
        let now = sim.now();
        self.asked.push(asked.method.name());
        let server = self.server(sim);
        match asked.method {
            Method::Describe => server.describe(now, asked.id, URL, "v=0\r\n").unwrap(),
            Method::Setup => {
                let mut offer =
                    asked.request.view().headers().transports().next().unwrap().unwrap();
                offer.server_port = Some(PortPair::new(6000, Some(6001)));
                let done = server.accept_setup(now, asked.id, &offer).unwrap();
                let ping = RequestBuilder::new(Method::Options, "*");
                server.request(now, Some(done.session), &ping).unwrap();
            }
            _ => server.accept(now, asked.id).unwrap(),
        }
    }
}

fn evening(profile: &Profile, seed: u64) -> (Evening, Sim) {
    let patience = Duration::from_secs(600);
    let config = Arc::new(client::Config::default().with_request_timeout(patience));
    let client = Client::over_datagrams(Instant::ZERO, config, Seed::from_u64(seed));
    let config =
        server::Config::default().with_request_timeout(patience).with_session_timeout(patience);
    let server = Server::over_datagrams(Instant::ZERO, Arc::new(config), Seed::from_u64(!seed));
    let (here, there) = (HERE.parse().unwrap(), THERE.parse().unwrap());
    let mut sim = DatagramSim::new(profile, seed);
    let left = sim.add(here, Either::A(End { machine: client, peer: there }));
    let right = sim.add(there, Either::B(End { machine: server, peer: here }));
    let mut evening = Evening {
        left,
        right,
        session: SessionKey::clone(&{
            let Either::A(end) = sim.node_mut(left) else { panic!() };
            end.machine.open_session(Instant::ZERO, URL).unwrap()
        }),
        streams: 0,
        log: Vec::new(),
        asked: Vec::new(),
        pings: 0,
        ended: Vec::new(),
    };
    let (now, key) = (sim.now(), evening.session);
    let client = evening.client(&mut sim);
    client.options(now, "*").unwrap();
    client.describe(now, URL).unwrap();
    let offer = Transport::udp(PortPair::new(5010, Some(5011)));
    client.setup(now, key, "rtspu://h/cam/v", &[offer]).unwrap();
    while let Some((_, event)) = sim.next_event(Instant::from_secs(100_000)) {
        match event {
            Either::A(event) => evening.hear(&mut sim, event),
            Either::B(server::Event::Request(asked)) => evening.answer(&mut sim, &asked),
            Either::B(server::Event::Response { method: Method::Options, .. }) => {
                evening.pings += 1;
            }
            // Torn down before its answer came.
            Either::B(server::Event::SessionEnded { .. } | server::Event::RequestFailed { .. }) => {
            }
            Either::B(other) => panic!("{other:?}"),
        }
    }
    (evening, sim)
}

#[test]
fn an_evening_over_udp() {
    let (mut lost, mut pings) = (0, 0);
    for profile in [Profile::perfect(), Profile::wifi(), Profile::cellular(), Profile::lossy()] {
        run_seeds(200, |seed| {
            let (evening, sim) = evening(&profile, seed);
            let order = [
                "OPTIONS",
                "DESCRIBE",
                "SETUP",
                "SETUP",
                "PLAY",
                "PAUSE",
                "PLAY",
                "GET_PARAMETER",
                "TEARDOWN",
            ];
            assert_eq!(evening.log, order, "in the order in which they were asked");
            // OPTIONS is answered by the machine; everything else was asked exactly once,
            // however often it came.
            assert_eq!(evening.asked, order[1..]);
            assert_eq!(evening.ended, [SessionEnd::TornDown]);
            let Either::A(end) = sim.node(evening.left) else { panic!() };
            assert_eq!(end.machine.poll_timeout(), None, "nothing is left behind");
            assert!(end.machine.round_trip().is_some());
            let Either::B(end) = sim.node(evening.right) else { panic!() };
            assert!(end.machine.is_idle());
            lost += sim.lost();
            pings += evening.pings;
        });
    }
    assert!(lost > 2000, "{lost} datagrams were lost in all");
    assert!(pings > 1000, "the server's own questions were answered too: {pings}");
}

/// When a request to nobody is sent, in milliseconds, and when it is given up.
fn tries(config: client::Config) -> (Vec<u64>, Instant) {
    let mut client = Client::over_datagrams(Instant::ZERO, Arc::new(config), Seed::from_u64(1));
    client.options(Instant::ZERO, "*").unwrap();
    let mut times = Vec::new();
    let mut now = Instant::ZERO;
    let mut failed = None;
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Transmit(_) => times.push(now.as_nanos() / 1_000_000),
                Output::Event(event) => failed = Some(event),
            }
        }
        let Some(at) = client.poll_timeout() else { break };
        now = at;
        client.handle_timeout(now);
    }
    assert!(matches!(failed, Some(client::Event::RequestFailed { .. })), "{failed:?}");
    (times, now)
}

/// A server that is not there: the client says so in time, and sends less and less often, but
/// not less than `retransmit_max` allows.
#[test]
fn nobody_answers() {
    // RFC 2326 §9.1: 500 ms at first.
    let (times, end) = tries(client::Config::default());
    assert_eq!(times, [0, 500, 1500, 3500, 7500]);
    assert_eq!(end, Instant::from_secs(10));
    for (max, expected) in [
        (1000, &[0, 500, 1500, 2500, 3500][..]),
        (999, &[0, 500, 1499, 2498, 3497]),
        (1001, &[0, 500, 1500, 2501, 3502]),
    ] {
        let config = client::Config::default()
            .with_retransmit_max(Duration::from_millis(max))
            .with_request_timeout(Duration::from_secs(4));
        assert_eq!(tries(config).0, expected, "{max}");
    }
    let early = client::Config::default().with_round_trip(Duration::from_millis(200));
    assert_eq!(tries(early).0.get(..4), Some(&[0, 200, 600, 1400][..]));
}
