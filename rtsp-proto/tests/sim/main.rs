//! Our client against our server on a bad network, in virtual time: 200 seeds each, in both
//! versions. Over UDP it is `sim_udp.rs`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

mod v1;
mod v2;

use alloc::sync::Arc;
use core::time::Duration;
use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{Side, StreamSim, run_seeds};
use rtsp_proto::client::{self, Client};
use rtsp_proto::headers::{ChannelPair, Transport};
use rtsp_proto::server::{self, Incoming, Server};
use rtsp_proto::{CloseReason, Instant, Method, Seed, SessionKey, Version};

type Sim = StreamSim<Client, Server>;

/// Longer than any stall of these networks.
const PATIENCE: Duration = Duration::from_secs(600);

/// A client of this version and a server on such a network; they wait for each other.
fn network(version: Version, profile: &Profile, seed: u64) -> Sim {
    let client = client::Config::default().with_version(version).with_request_timeout(PATIENCE);
    let server = server::Config::default()
        .with_request_timeout(PATIENCE)
        .with_receive_timeout(PATIENCE)
        .with_session_timeout(PATIENCE);
    let client = Client::new(Instant::ZERO, Arc::new(client), Seed::from_u64(seed));
    let server = Server::new(Instant::ZERO, Arc::new(server), Seed::from_u64(!seed));
    StreamSim::new(client, server, profile, seed)
}

/// One whole conversation. What all of them do alike is done by [`hold`].
trait Play: Default {
    const VERSION: Version;
    const URL: &str;

    fn start(&mut self, sim: &mut Sim);

    fn client(&mut self, sim: &mut Sim, event: client::Event);

    fn server(&mut self, sim: &mut Sim, event: server::Event);

    /// Everything happened that was to happen.
    fn assert_whole(&self);
}

/// What became of it.
struct Held<P> {
    play: P,
    sim: Sim,
    client: Option<CloseReason>,
    server: Option<CloseReason>,
}

fn hold<P: Play>(profile: &Profile, seed: u64) -> Held<P> {
    let mut sim = network(P::VERSION, profile, seed);
    let mut play = P::default();
    let (mut client, mut server) = (None, None);
    play.start(&mut sim);
    sim.run(Instant::from_secs(100_000), |sim, event| match event {
        Side::Left(client::Event::Closed(reason)) => client = Some(reason),
        Side::Right(server::Event::Closed(reason)) => server = Some(reason),
        // The network broke before the answer.
        Side::Left(client::Event::RequestFailed { .. })
        | Side::Right(server::Event::RequestFailed { .. }) => {}
        Side::Left(event) => play.client(sim, event),
        Side::Right(event) => play.server(sim, event),
    });
    // Nothing is left behind, wherever the connection broke.
    assert_eq!((sim.left.sessions().count(), sim.right.sessions().count()), (0, 0));
    assert_eq!((sim.left.poll_timeout(), sim.right.poll_timeout()), (None, None));
    Held { play, sim, client, server }
}

/// Networks that are slow and lose, but never break.
fn over_bad_networks<P: Play>() {
    for profile in [Profile::wifi(), Profile::cellular(), Profile::lossy()] {
        run_seeds(200, |seed| {
            let held = hold::<P>(&profile, seed);
            held.play.assert_whole();
            assert_eq!(held.client, Some(CloseReason::Local));
            assert_eq!(held.server, Some(CloseReason::Eof));
            assert!(held.sim.now() > Instant::ZERO, "packets took time");
        });
    }
}

/// Wherever the connection breaks, both sides notice.
fn breaking_anywhere<P: Play>() {
    let mut whole = 0;
    run_seeds(200, |seed| {
        let held = hold::<P>(&Profile::breaking(), seed);
        assert!(held.client.is_some() && held.server.is_some());
        whole += u32::from(held.client == Some(CloseReason::Local));
    });
    assert!((1..200).contains(&whole), "{whole} of 200 were whole: the network does not break");
}

/// Answers what every server answers alike; the session that was set up.
fn answer(sim: &mut Sim, url: &str, asked: &Incoming) -> Option<SessionKey> {
    let now = sim.now();
    match asked.method {
        Method::Describe => sim.right.describe(now, asked.id, url, "v=0\r\n").unwrap(),
        Method::Setup => {
            return Some(sim.right.accept_setup(now, asked.id, &offered(asked)).unwrap().session);
        }
        _ => sim.right.accept(now, asked.id).unwrap(),
    }
    None
}

fn offered(asked: &Incoming) -> Transport<'_> {
    asked.request.view().headers().transports().next().unwrap().unwrap()
}

/// Sets up a stream on these two channels.
fn set_up(sim: &mut Sim, session: SessionKey, url: &str, channel: u8) {
    let offer = Transport::interleaved(Some(ChannelPair::starting_at(channel)));
    sim.left.setup(sim.now(), session, url, &[offer]).unwrap();
}
