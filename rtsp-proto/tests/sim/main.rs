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
use proto_wire::testing::sim::{Side, StreamSim};
use rtsp_proto::client::{self, Client};
use rtsp_proto::server::{self, Server};
use rtsp_proto::{Instant, Seed, Version};

type Sim = StreamSim<Client, Server>;
type Events = Side<client::Event, server::Event>;

/// Longer than any stall of these networks.
const PATIENCE: Duration = Duration::from_secs(600);

/// A client of this version and a server on such a network; they wait for each other.
fn network(version: Version, profile: &Profile, seed: u64) -> Sim {
    let client = client::Config::default().with_version(version).with_request_timeout(PATIENCE);
    let server =
        server::Config::default().with_request_timeout(PATIENCE).with_session_timeout(PATIENCE);
    let client = Client::new(Instant::ZERO, Arc::new(client), Seed::from_u64(seed));
    let server = Server::new(Instant::ZERO, Arc::new(server), Seed::from_u64(!seed));
    StreamSim::new(client, server, profile, seed)
}

/// One whole conversation.
trait Play: Default {
    const VERSION: Version;

    fn start(&mut self, sim: &mut Sim);

    fn event(&mut self, sim: &mut Sim, event: Events);

    fn held(profile: &Profile, seed: u64) -> (Self, Sim) {
        let mut sim = network(Self::VERSION, profile, seed);
        let mut play = Self::default();
        play.start(&mut sim);
        sim.run(Instant::from_secs(100_000), |sim, event| play.event(sim, event));
        (play, sim)
    }
}

/// Nothing is left behind, wherever the connection broke.
fn assert_all_over(sim: &Sim) {
    assert_eq!((sim.left.sessions().count(), sim.right.sessions().count()), (0, 0));
    assert_eq!((sim.left.poll_timeout(), sim.right.poll_timeout()), (None, None));
}
