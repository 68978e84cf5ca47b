//! Our client against our server over bad networks, in virtual time, by the public API.
#![cfg(feature = "scram")]
#![allow(
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tests state what must hold"
)]

use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{Side, StreamSim, run_seeds};
use proto_wire::{Instant, Seed};
use std::sync::Arc;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::roster::{RosterItem, Subscription};
use xmpp_proto::sasl::{Credentials, Mechanism, Secret};
use xmpp_proto::server::{self, Router, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder};

fn client(seed: u64, mechanism: Mechanism) -> Client {
    let config = ClientConfig::new("romeo@montague.example/orchard".parse().unwrap())
        .with_password(Secret::new("pencil"))
        .with_mechanisms(&[mechanism])
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Opportunistic);
    Client::new(Instant::ZERO, Arc::new(config), Seed::from_u64(seed))
}

fn server(seed: u64, tls: ServerTls) -> ServerConnection {
    let config = ServerConfig::new("montague.example").with_tls(tls).with_plain_without_tls(true);
    ServerConnection::new(Instant::ZERO, Arc::new(config), Seed::from_u64(!seed))
}

#[derive(Debug, Default, PartialEq)]
struct Seen {
    ready: u32,
    roster: Vec<usize>,
    pushes: Vec<String>,
    bodies: Vec<String>,
    client_closed: Vec<String>,
    server_closed: Vec<String>,
}

const MESSAGES: usize = 12;

/// Logs in, sets a contact, sends messages to itself, closes. Everything that a host does
/// is in here.
fn evening(seed: u64, profile: &Profile, tls: bool, mechanism: Mechanism) -> Seen {
    let offer = if tls { ServerTls::Required } else { ServerTls::None };
    let mut sim = StreamSim::new(client(seed, mechanism), server(seed, offer), profile, seed);
    let mut router = Router::new("montague.example");
    router.add_account("romeo");
    let mut seen = Seen::default();
    while let Some(event) = sim.next_event(Instant::from_secs(3600)) {
        let now = sim.now();
        match event {
            Side::Left(client::Event::StartTls) => {
                sim.left.handle_input(now, client::Input::TlsEstablished);
            }
            Side::Right(server::Event::StartTls) => {
                sim.right.handle_input(now, server::Input::TlsEstablished);
            }
            Side::Right(server::Event::CredentialsNeeded { user, .. }) => {
                assert_eq!(user, "romeo");
                let known = Credentials::Password(Secret::new("pencil"));
                sim.right.credentials(now, &known).unwrap();
            }
            Side::Right(server::Event::BindRequested { resource, .. }) => {
                let jid = sim.right.bind(now, &resource.unwrap()).unwrap();
                assert_eq!(router.connect(1, &jid), None);
            }
            Side::Right(server::Event::Stanza(stanza)) => {
                router.handle(&1, &stanza);
                while let Some(delivery) = router.poll_delivery() {
                    // Nobody is there any more when the connection is closing.
                    let _closing = sim.right.send(now, delivery.stanza).is_err();
                }
            }
            Side::Left(client::Event::Ready { jid, .. }) => {
                seen.ready += 1;
                assert_eq!(jid.as_str(), "romeo@montague.example/orchard");
                sim.left.request_roster(now, None).unwrap();
                let online = PresenceBuilder::new().priority(3).build().unwrap();
                sim.left.send(now, online).unwrap();
                let friend = RosterItem::new(&"juliet@capulet.example".parse().unwrap());
                sim.left.set_roster_item(now, &friend.with_group("Friends")).unwrap();
                for n in 0..MESSAGES {
                    let message = MessageBuilder::new()
                        .to(&jid.to_bare())
                        .kind(MessageKind::Chat)
                        .body(&format!("{n} \u{2603} <&>"))
                        .build();
                    sim.left.send(now, message.unwrap()).unwrap();
                }
            }
            Side::Left(client::Event::Roster { items, .. }) => seen.roster.push(items.len()),
            Side::Left(client::Event::RosterPush { item, .. }) => {
                assert_eq!(item.subscription, Subscription::None);
                seen.pushes.push(item.jid.to_string());
            }
            Side::Left(client::Event::Message(stanza)) => {
                let message = stanza.as_message().unwrap();
                let from = message.header().from().unwrap();
                assert_eq!(from.as_str(), "romeo@montague.example/orchard");
                seen.bodies.push(message.body().unwrap().into_owned());
                if seen.bodies.len() == MESSAGES {
                    sim.left.close(now).unwrap();
                }
            }
            Side::Left(client::Event::Closed(why)) => seen.client_closed.push(why.to_string()),
            Side::Right(server::Event::Closed(why)) => {
                router.disconnect(&1);
                seen.server_closed.push(why.to_string());
            }
            Side::Left(client::Event::Answer { .. } | client::Event::Presence(_))
            | Side::Right(server::Event::Authenticated { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    seen
}

fn in_full() -> Seen {
    Seen {
        ready: 1,
        roster: vec![0],
        pushes: vec!["juliet@capulet.example".into()],
        bodies: (0..MESSAGES).map(|n| format!("{n} \u{2603} <&>")).collect(),
        client_closed: vec!["closed".into()],
        server_closed: vec!["closed by the client".into()],
    }
}

#[test]
fn an_evening_over_200_bad_networks() {
    run_seeds(200, |seed| {
        let profile = if seed % 2 == 0 { Profile::cellular() } else { Profile::wifi() };
        let mechanism = match seed % 32 {
            0 => Mechanism::ScramSha256,
            1 => Mechanism::ScramSha1,
            _ => Mechanism::Plain,
        };
        let seen = evening(seed, &profile, seed % 3 == 0, mechanism);
        assert_eq!(seen, in_full());
    });
}

/// When the connection breaks anywhere, both sides end exactly once and what arrived before
/// arrived in order.
#[test]
fn an_evening_over_100_breaking_networks() {
    let mut broken = 0;
    run_seeds(100, |seed| {
        let profile = Profile::cellular().with_cut(30);
        let seen = evening(seed, &profile, false, Mechanism::Plain);
        let full = in_full();
        assert_eq!((seen.client_closed.len(), seen.server_closed.len()), (1, 1));
        assert!(full.bodies.starts_with(&seen.bodies), "{seen:?}");
        assert!(seen.ready <= 1);
        broken += u32::from(seen != full);
    });
    assert!(broken > 10, "only {broken} of the networks broke");
}

#[test]
fn the_same_seed_gives_the_same_evening() {
    let run = || evening(42, &Profile::cellular(), true, Mechanism::ScramSha256);
    assert_eq!(run(), run());
}

/// What an idle connection costs: the machine itself, and no buffer.
#[test]
fn an_idle_connection_is_small() {
    assert!(size_of::<Client>() <= 2048, "{}", size_of::<Client>());
    assert!(size_of::<ServerConnection>() <= 2048, "{}", size_of::<ServerConnection>());
}
