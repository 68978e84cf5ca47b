//! Stream management (XEP-0198) between our client and our server over connections that
//! break, in virtual time, by the public API.
#![cfg(feature = "scram")]
#![allow(
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tests state what must hold"
)]

use core::time::Duration;
use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{Side, StreamSim, run_seeds};
use proto_wire::{Instant, Rng, Seed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::sasl::{Credentials, Mechanism, Secret};
use xmpp_proto::server::{self, ServerConfig, ServerConnection, ServerTls, SmStore, SmStoreLimits};
use xmpp_proto::sm::{SmConfig, SmSession, StanzaState, StanzaToken};
use xmpp_proto::stanza::{MessageBuilder, StanzaXml};

const EACH: u32 = 40;

fn note(to: &str, n: u32) -> StanzaXml {
    MessageBuilder::new().to(&to.parse().unwrap()).id(&n.to_string()).body("<&>").build().unwrap()
}

fn sm() -> SmConfig {
    SmConfig::new().with_request_every(3).with_answer_timeout(Duration::from_secs(5))
}

/// Both hosts, over any number of connections. What each side sent and what became of it.
#[derive(Default)]
struct Story {
    /// Of the client: the number of the message by its token, and its last state.
    tokens: BTreeMap<StanzaToken, u32>,
    states: BTreeMap<u32, StanzaState>,
    at_server: Vec<u32>,
    at_client: Vec<u32>,
    /// Numbers that the server's host got back when a session was over.
    returned: BTreeSet<u32>,
    sent_by_client: u32,
    sent_by_server: u32,
    resumed: u32,
    fresh: u32,
}

struct Hosts {
    rng: Rng,
    story: Story,
    store: SmStore<u32>,
    kept: Option<SmSession>,
    /// How likely a kept session is forgotten on the way, in percent; and how.
    forget: u64,
}

impl Hosts {
    fn talk(&mut self, sim: &mut StreamSim<Client, ServerConnection>) {
        let now = sim.now();
        for _ in 0..self.rng.below(4) {
            if self.story.sent_by_client < EACH && self.rng.below(2) == 0 {
                let n = self.story.sent_by_client;
                if let Ok(token) = sim.left.send(now, note("h.example", n)) {
                    self.story.tokens.insert(token, n);
                    self.story.sent_by_client += 1;
                }
            } else if self.story.sent_by_server < EACH && sim.right.is_managed() {
                let n = self.story.sent_by_server;
                if sim.right.send(now, note("me@h.example/r", n)).is_ok() {
                    self.story.sent_by_server += 1;
                }
            }
        }
    }

    /// One connection, from its beginning to its end.
    fn connection(&mut self, number: u32, seed: u64, cut: bool) {
        let config = ClientConfig::new("me@h.example/r".parse().unwrap())
            .with_password(Secret::new("p"))
            .with_mechanisms(&[Mechanism::Plain])
            .with_plain_without_tls(true)
            .with_stream_management(Some(sm()))
            .with_tls(TlsPolicy::Never);
        let (config, at) = (Arc::new(config), Instant::ZERO);
        let own = Seed::from_u64(seed);
        let left = match self.kept.take() {
            Some(session) => Client::resume(at, config, own, session),
            None => Client::new(at, config, own),
        };
        let config = ServerConfig::new("h.example")
            .with_tls(ServerTls::None)
            .with_stream_management(sm())
            .with_plain_without_tls(true);
        let right = ServerConnection::new(at, Arc::new(config), Seed::from_u64(!seed));
        let profile = if cut { Profile::cellular().with_cut(25) } else { Profile::cellular() };
        let mut sim = StreamSim::new(left, right, &profile, seed);
        let mut closing = false;
        loop {
            let horizon = sim.now().saturating_add(Duration::from_secs(120));
            let Some(event) = sim.next_event(horizon) else {
                if sim.left_gone() && sim.right_gone() {
                    break;
                }
                // Two quiet minutes: the connection breaks, or the evening is over.
                if cut {
                    sim.cut();
                } else if self.all_sent() {
                    let now = sim.now();
                    sim.left.close(now).unwrap();
                } else {
                    self.talk(&mut sim);
                }
                continue;
            };
            self.event(&mut sim, number, event);
            self.talk(&mut sim);
            if !cut && self.all_sent() && !closing && sim.left.is_ready() && self.settled() {
                closing = true;
                let now = sim.now();
                sim.left.close(now).unwrap();
            }
        }
        assert!(sim.left_gone() && sim.right_gone(), "a connection hangs");
    }

    fn all_sent(&self) -> bool {
        self.story.sent_by_client == EACH && self.story.sent_by_server == EACH
    }

    fn settled(&self) -> bool {
        let client = self.story.states.values();
        let open = client.filter(|s| !matches!(s, StanzaState::Acked | StanzaState::Lost)).count();
        open == 0
            && self.story.states.len() as u32 == EACH
            && self.story.at_client.len() + self.story.returned.len() >= EACH as usize
    }

    fn event(
        &mut self,
        sim: &mut StreamSim<Client, ServerConnection>,
        number: u32,
        event: Side<client::Event, server::Event>,
    ) {
        let now = sim.now();
        let story = &mut self.story;
        match event {
            Side::Right(server::Event::CredentialsNeeded { .. }) => {
                sim.right.credentials(now, &Credentials::Password(Secret::new("p"))).unwrap();
            }
            Side::Right(server::Event::BindRequested { .. }) => {
                sim.right.bind(now, "r").unwrap();
            }
            Side::Right(server::Event::ResumeRequested { account, id }) => {
                match self.store.take(account.bare(), &id) {
                    Some((_, session)) => {
                        let mut session = Some(session);
                        sim.right.resume(now, &mut session).unwrap();
                        assert_eq!(session, None);
                    }
                    None => {
                        let handled = self.store.handled(account.bare(), &id);
                        let handled = handled.filter(|_| self.rng.below(2) == 0);
                        sim.right.refuse_resume(now, handled).unwrap();
                    }
                }
            }
            Side::Right(server::Event::Stanza(stanza)) => {
                let id = stanza.as_message().unwrap().header().id().unwrap().parse().unwrap();
                story.at_server.push(id);
            }
            Side::Left(client::Event::Message(stanza)) => {
                let id = stanza.as_message().unwrap().header().id().unwrap().parse().unwrap();
                story.at_client.push(id);
            }
            Side::Left(client::Event::Delivery(delivery)) => {
                // The event of a queued stanza may come before the test has its number.
                let n = story.tokens.get(&delivery.token).copied();
                let Some(n) = n else { return };
                let before = story.states.insert(n, delivery.state);
                let last = matches!(before, Some(StanzaState::Acked | StanzaState::Lost));
                assert!(!last, "{n}: {before:?}, then {delivery:?}");
                assert_eq!(delivery.stanza.is_some(), delivery.state == StanzaState::Lost);
            }
            Side::Left(client::Event::Resumed { .. }) => story.resumed += 1,
            Side::Left(client::Event::Ready { .. }) => story.fresh += 1,
            Side::Left(client::Event::Closed(_)) => {
                self.kept = sim.left.take_session().map(|session| {
                    // Through the bytes, as over a restart of the process.
                    SmSession::from_bytes(&session.to_bytes()).unwrap()
                });
            }
            Side::Right(server::Event::Closed(_)) => {
                let Some(session) = sim.right.take_session() else { return };
                let over = self.store.hold(Instant::ZERO, number, session);
                let forgets = self.rng.below(100) < self.forget;
                let late = if forgets { self.store.expire(Instant::FAR_FUTURE) } else { vec![] };
                self.give_back(over.into_iter().chain(late));
            }
            _ => {}
        }
    }

    fn give_back(&mut self, sessions: impl Iterator<Item = (u32, SmSession)>) {
        for unacked in sessions.flat_map(|(_, session)| session.into_unacked()) {
            let id = unacked.stanza.as_str().split("id='").nth(1).unwrap();
            self.story.returned.insert(id.split('\'').next().unwrap().parse().unwrap());
        }
    }
}

fn tell(seed: u64, forget: u64) -> Story {
    let mut hosts = Hosts {
        rng: Rng::new(&Seed::from_u64(seed)),
        story: Story::default(),
        store: SmStore::new(SmStoreLimits::default()),
        kept: None,
        forget,
    };
    for number in 0..6 {
        hosts.connection(number, seed * 100 + u64::from(number), true);
    }
    // The last connection holds.
    for number in 6..12 {
        hosts.connection(number, seed * 100 + u64::from(number), false);
        if hosts.settled() {
            break;
        }
    }
    // Sessions that the client never learned of.
    let late = hosts.store.expire(Instant::FAR_FUTURE);
    hosts.give_back(late.into_iter());
    assert_eq!((hosts.story.sent_by_client, hosts.story.sent_by_server), (EACH, EACH));
    hosts.story
}

fn unique(numbers: &[u32]) -> BTreeSet<u32> {
    let set: BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!(set.len(), numbers.len(), "something arrived twice");
    set
}

/// As long as the server remembers, everything arrives once, in order, and is acknowledged.
#[test]
fn every_message_arrives_once_over_200_breaking_networks() {
    let mut resumed = 0;
    run_seeds(200, |seed| {
        let story = tell(seed, 0);
        let all: Vec<u32> = (0..EACH).collect();
        assert_eq!(story.at_server, all);
        assert_eq!(story.at_client, all);
        assert_eq!(story.returned.len(), 0);
        assert!(story.states.values().all(|state| *state == StanzaState::Acked));
        resumed += story.resumed;
    });
    assert!(resumed > 200, "only {resumed} sessions were resumed");
}

/// When the server forgets, nothing arrives twice, and whatever did not arrive was
/// reported: as lost by the client, as returned by the server.
#[test]
fn what_does_not_arrive_is_reported_over_200_breaking_networks() {
    let (mut lost, mut fresh) = (0, 0);
    run_seeds(200, |seed| {
        let story = tell(seed, 40);
        let (at_server, at_client) = (unique(&story.at_server), unique(&story.at_client));
        for n in 0..EACH {
            match story.states.get(&n) {
                Some(StanzaState::Acked) => assert!(at_server.contains(&n), "{n} was acknowledged"),
                Some(StanzaState::Lost) => lost += 1,
                other => panic!("message {n} is still {other:?}"),
            }
            assert!(at_client.contains(&n) || story.returned.contains(&n), "{n} vanished");
        }
        fresh += story.fresh;
    });
    assert!(lost > 50 && fresh > 200, "{lost} lost, {fresh} new sessions");
}
