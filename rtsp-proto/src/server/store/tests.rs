#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    reason = "tests state what must hold"
)]

use super::*;
use crate::message::Method;
use crate::server::{Config, Input, NotAttached, Server};
use crate::state::State;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use proptest::prelude::*;
use proto_wire::Seed;

const UDP: &str = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

/// Several connections of one server, and the store between them.
struct World {
    servers: Vec<Server>,
    owners: Vec<Owner>,
    wires: Vec<String>,
    store: SessionStore<usize>,
    now: Instant,
    /// What ended on no connection.
    ended: Vec<(String, SessionEnd)>,
    /// Whether connections give sessions away when they are asked.
    deaf: bool,
    answers: bool,
    cseq: u32,
}

impl World {
    fn new(connections: u64, config: StoreConfig) -> Self {
        let now = Instant::from_secs(1000);
        let own = Config::default().with_sessions_elsewhere(true).with_sessions_outlive(true);
        let own = Arc::new(own);
        let server = |n| Server::new(now, own.clone(), Seed::from_u64(n));
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        Self {
            servers: (0..connections).map(server).collect(),
            owners: (0..connections).map(|_| Owner::at(address)).collect(),
            wires: (0..connections).map(|_| String::new()).collect(),
            store: SessionStore::new(now, Arc::new(config)),
            now,
            ended: Vec::new(),
            deaf: false,
            answers: true,
            cseq: 0,
        }
    }

    fn pump(&mut self) {
        let mut quiet = false;
        while !quiet {
            quiet = true;
            while let Some(Output::Event(event)) = self.store.poll_output() {
                quiet = false;
                self.obey(event);
            }
            for connection in 0..self.servers.len() {
                while let Some(output) = self.servers[connection].poll_output() {
                    quiet = false;
                    self.heard(connection, output);
                }
            }
        }
    }

    fn obey(&mut self, event: StoreEvent<usize>) {
        let now = self.now;
        match event {
            StoreEvent::Detach { .. } if self.deaf => {}
            StoreEvent::Detach { connection, session } => {
                let left = self.servers[connection].detach_session(now, session);
                let input = StoreInput::Left { connection, session, left };
                self.store.handle_input(now, input);
            }
            StoreEvent::Attach { connection, request, session } => {
                let arrived = self.servers[connection].attach_session(now, request, session);
                let input = StoreInput::Arrived { connection, request, arrived };
                self.store.handle_input(now, input);
            }
            StoreEvent::Refuse { connection, request, status } => {
                let _gone = self.servers[connection].refuse(now, request, status);
            }
            StoreEvent::Ended { session, reason } => {
                self.ended.push((session.id().to_string(), reason));
            }
        }
    }

    fn heard(&mut self, connection: usize, output: Output<bytes::Bytes, Event>) {
        let now = self.now;
        match output {
            Output::Transmit(bytes) => {
                self.wires[connection].push_str(core::str::from_utf8(&bytes).unwrap());
            }
            Output::Event(event) => {
                let owner = &self.owners[connection];
                let input = StoreInput::Event { connection, owner, event: &event };
                self.store.handle_input(now, input);
                if let (Event::Request(asked), true) = (&event, self.answers) {
                    let server = &mut self.servers[connection];
                    let offer = asked.request.view().headers().transports().flatten().next();
                    match offer.filter(|_| asked.method == Method::Setup) {
                        Some(offer) => drop(server.accept_setup(now, asked.id, &offer).unwrap()),
                        None => server.accept(now, asked.id).unwrap(),
                    }
                }
            }
        }
    }

    /// Asks on a connection; the status, or 0 when there is no answer (yet).
    fn ask(&mut self, connection: usize, method: &str, headers: &str) -> u16 {
        self.cseq += 1;
        let cseq = self.cseq;
        let request = format!("{method} rtsp://h/a RTSP/1.0\r\nCSeq: {cseq}\r\n{headers}\r\n");
        self.servers[connection].handle_input(self.now, Input::Data(request.as_bytes()));
        self.status(connection)
    }

    fn status(&mut self, connection: usize) -> u16 {
        self.pump();
        let wire = core::mem::take(&mut self.wires[connection]);
        wire.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// Makes a session on a connection: its Session header line.
    fn set_up(&mut self, connection: usize, transport: &str) -> String {
        assert_eq!(self.ask(connection, "SETUP", transport), 200);
        let (_, session) = self.servers[connection].sessions().last().unwrap();
        format!("Session: {}\r\n", session.id())
    }

    fn hang_up(&mut self, connection: usize) {
        self.servers[connection].handle_input(self.now, Input::Eof);
        self.pump();
    }

    fn later(&mut self, secs: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(secs));
        self.store.handle_timeout(self.now);
        assert!(self.store.poll_timeout().is_none_or(|at| at > self.now), "a busy loop");
        self.pump();
    }

    fn state_on(&self, connection: usize) -> Option<State> {
        self.servers[connection].sessions().next().map(|(_, session)| session.state())
    }
}

/// RFC 2326 §3: "RTSP sessions are not tied to a transport-level connection". RFC 7826 §10.2:
/// one connection at a time, the one of the latest request.
#[test]
fn a_session_follows_its_requests_from_connection_to_connection() {
    let mut world = World::new(3, StoreConfig::default());
    let session = world.set_up(0, UDP);
    let id = session.trim_end().trim_start_matches("Session: ").to_string();
    assert_eq!(world.ask(1, "PLAY", &session), 200);
    assert_eq!((world.state_on(0), world.state_on(1)), (None, Some(State::Playing)));
    assert_eq!(world.store.place_of(&id).map(|(connection, _)| connection), Some(1));
    assert_eq!(world.ask(2, "PAUSE", &session), 200);
    assert_eq!(world.ask(0, "PLAY", &session), 200);
    assert_eq!(world.state_on(0), Some(State::Playing));
    assert_eq!(world.ask(1, "TEARDOWN", &session), 200);
    assert!(world.store.is_empty());
    for connection in 0..3 {
        assert_eq!(world.ask(connection, "PLAY", &session), 454);
    }
}

/// RFC 7826 §10.2: "transient connections can survive the loss of a TCP connection".
#[test]
fn a_session_outlives_its_connection_until_its_time_is_over() {
    let mut world = World::new(3, StoreConfig::default());
    let session = world.set_up(0, UDP);
    assert_eq!(world.ask(0, "PLAY", &session), 200);
    world.hang_up(0);
    let parked: Vec<_> = world.store.parked().map(|s| s.session().state()).collect();
    assert_eq!(parked, [State::Playing], "its media goes on");
    world.later(59);
    assert_eq!(world.ask(1, "PAUSE", &session), 200);
    assert_eq!((world.state_on(1), world.store.parked().count()), (Some(State::Ready), 0));
    assert_eq!(world.store.poll_timeout(), None, "its time is the connection's affair");
    world.hang_up(1);
    world.later(59);
    assert_eq!(world.ended.len(), 0);
    world.later(1);
    assert!(matches!(world.ended.as_slice(), [(_, SessionEnd::Expired)]));
    assert_eq!(world.ask(2, "PLAY", &session), 454);
}

/// RFC 7826 §10.5: RTCP is a sign of life, on a connection or on none.
#[test]
fn rtcp_keeps_a_session_that_is_on_no_connection() {
    let mut world = World::new(1, StoreConfig::default());
    let session = world.set_up(0, UDP);
    let id = session.trim_end().trim_start_matches("Session: ").to_string();
    assert_eq!(world.store.touch(world.now, &id), Err(CommandError::UnknownSession));
    world.hang_up(0);
    for _ in 0..3 {
        world.later(59);
        world.store.touch(world.now, &id).unwrap();
    }
    assert_eq!(world.ended.len(), 0);
    let taken = world.store.take(world.now, &id).unwrap();
    assert_eq!((taken.id(), world.store.len()), (id.as_str(), 0));
    assert_eq!(world.store.take(world.now, &id), Err(CommandError::UnknownSession));
    assert_eq!(world.store.poll_timeout(), None);
}

/// Channels belong to a connection (RFC 2326 §10.12): such a session stays, and ends with it.
#[test]
fn a_session_with_interleaved_streams_stays_where_it_is() {
    let mut world = World::new(2, StoreConfig::default());
    let session = world.set_up(0, TCP);
    assert_eq!(world.ask(1, "PLAY", &session), 454);
    assert_eq!(world.ask(0, "PLAY", &session), 200);
    world.hang_up(0);
    assert!(world.store.is_empty());
    assert_eq!(world.ask(1, "TEARDOWN", &session), 454);
}

/// Cross-connection control is a classic among the attacks: the id alone is not enough.
#[test]
fn a_session_is_given_to_its_owner_only() {
    let elsewhere = Owner::at("192.0.2.66".parse().unwrap());
    let ann = |owner: &Owner| owner.clone().with_user("ann");
    let home = Owner::at("192.0.2.1".parse().unwrap());
    for (binding, owner, other, expected) in [
        (Binding::Owner, home.clone(), home.clone(), 200),
        (Binding::Owner, home.clone(), elsewhere.clone(), 454),
        (Binding::Owner, ann(&home), home.clone(), 454),
        (Binding::Owner, ann(&home), ann(&elsewhere), 454),
        (Binding::User, ann(&home), ann(&elsewhere), 200),
        (Binding::User, ann(&home), home.clone().with_user("bob"), 454),
        (Binding::Anybody, ann(&home), elsewhere, 200),
    ] {
        for parked in [false, true] {
            let mut world = World::new(2, StoreConfig::default().with_binding(binding));
            world.owners = alloc::vec![owner.clone(), other.clone()];
            let session = world.set_up(0, UDP);
            if parked {
                world.hang_up(0);
            }
            let status = world.ask(1, "PLAY", &session);
            assert_eq!(status, expected, "{binding:?} {owner:?} {other:?}");
        }
    }
}

/// The user that a server had proved comes with its events, and is what counts.
#[test]
fn a_session_is_for_the_user_that_proved_to_be() {
    let mut store = SessionStore::<usize>::new(Instant::ZERO, Arc::new(StoreConfig::default()));
    let owner = Owner::default();
    let mut tell = |connection, event: &Event| {
        let input = StoreInput::Event { connection, owner: &owner, event };
        store.handle_input(Instant::ZERO, input);
        store.poll_output()
    };
    let id = "0123456789abcdef";
    let user = |name: &str| Some(name.to_string());
    let began = Event::SessionBegan { session: SessionKey(0), id: id.into(), user: user("ann") };
    assert_eq!(tell(0, &began), None);
    for (name, is_let_in) in [(user("bob"), false), (None, false), (user("ann"), true)] {
        let wanted = Event::SessionWanted { id: RequestId(0), session: id.into(), user: name };
        let is_called = matches!(tell(1, &wanted), Some(Output::Event(StoreEvent::Detach { .. })));
        assert_eq!(is_called, is_let_in, "{wanted:?}");
    }
}

#[test]
fn ids_that_are_nearly_right_are_wrong() {
    let mut world = World::new(2, StoreConfig::default());
    let session = world.set_up(0, UDP);
    let id = session.trim_end().trim_start_matches("Session: ").to_string();
    let last = if id.ends_with('0') { '1' } else { '0' };
    let head = &id[..31];
    for wrong in [
        format!("{head}{last}"),
        head.to_string(),
        format!("{id}0"),
        id.to_uppercase(),
        id[..8].to_string(),
        "x".to_string(),
    ] {
        if wrong != id {
            assert_eq!(world.ask(1, "PLAY", &format!("Session: {wrong}\r\n")), 454, "{wrong}");
        }
    }
    assert_eq!(world.ask(1, "PLAY", "Session:\r\n"), 454);
    assert_eq!(world.ask(1, "PLAY", &session), 200);
}

#[test]
fn a_connection_that_gives_nothing_away_makes_nobody_wait_forever() {
    let mut world = World::new(2, StoreConfig::default());
    let session = world.set_up(0, UDP);
    world.deaf = true;
    assert_eq!(world.ask(1, "PLAY", &session), 0, "waits");
    world.later(1);
    assert_eq!(world.status(1), 0);
    world.later(1);
    assert_eq!(world.status(1), 503, "it may ask again");
    world.deaf = false;
    assert_eq!(world.ask(1, "PLAY", &session), 200);
}

/// A request in the session waits for its answer where the session is.
#[test]
fn a_session_does_not_leave_while_a_request_waits_in_it() {
    let mut world = World::new(2, StoreConfig::default());
    let session = world.set_up(0, UDP);
    world.answers = false;
    assert_eq!(world.ask(0, "PLAY", &session), 0);
    assert_eq!(world.ask(1, "PAUSE", &session), 503);
}

#[test]
fn who_asks_first_is_served_first_and_who_leaves_is_forgotten() {
    let mut world = World::new(4, StoreConfig::default());
    let session = world.set_up(0, UDP);
    world.deaf = true;
    for connection in 1..4 {
        assert_eq!(world.ask(connection, "OPTIONS", &session), 0);
    }
    world.servers[2].close(world.now).unwrap();
    world.pump();
    world.deaf = false;
    let (key, _) = world.servers[0].sessions().next().unwrap();
    let left = world.servers[0].detach_session(world.now, key);
    let input = StoreInput::Left { connection: 0, session: key, left };
    world.store.handle_input(world.now, input);
    assert_eq!((world.status(1), world.status(3)), (200, 200));
    assert_eq!(world.wires[2], "");
    assert_eq!(world.state_on(3), Some(State::Ready), "it went from one to the other");
    assert_eq!(world.store.poll_timeout(), None);
}

#[test]
fn a_session_that_ends_meanwhile_is_not_found() {
    let mut world = World::new(2, StoreConfig::default());
    let session = world.set_up(0, UDP);
    world.deaf = true;
    assert_eq!(world.ask(1, "PLAY", &session), 0);
    assert_eq!(world.ask(0, "TEARDOWN", &session), 200);
    assert_eq!(world.status(1), 454);
    assert!(world.store.is_empty());
}

/// A host that lost a connection without its last events says so, and nothing is left behind.
#[test]
fn a_connection_that_is_gone_takes_its_sessions_with_it() {
    let mut world = World::new(3, StoreConfig::default());
    let session = world.set_up(0, UDP);
    let other = world.set_up(1, UDP);
    world.deaf = true;
    assert_eq!(world.ask(2, "PLAY", &session), 0);
    assert_eq!(world.ask(0, "PLAY", &other), 0);
    world.store.handle_input(world.now, StoreInput::Gone { connection: 0 });
    assert_eq!(world.status(2), 454);
    assert_eq!((world.store.len(), world.store.waiting.len()), (1, 0));
    world.deaf = false;
    world.later(2);
    assert_eq!(world.ask(2, "PLAY", &other), 200);
}

#[test]
fn a_session_that_cannot_arrive_stays() {
    let mut world = World::new(2, StoreConfig::default());
    let session = world.set_up(0, UDP);
    world.hang_up(0);
    // A request that is refused by the host before the store says what to do.
    let owner = world.owners[1].clone();
    let id = session.trim_end().trim_start_matches("Session: ").to_string();
    let wanted = Event::SessionWanted { id: RequestId(7), session: id, user: None };
    let input = StoreInput::Event { connection: 1, owner: &owner, event: &wanted };
    world.store.handle_input(world.now, input);
    let Some(Output::Event(StoreEvent::Attach { request, session: value, .. })) =
        world.store.poll_output()
    else {
        panic!("it is given")
    };
    let failed = NotAttached::new(CommandError::Closed, value);
    let arrived = Err(failed);
    world.store.handle_input(world.now, StoreInput::Arrived { connection: 1, request, arrived });
    world.pump();
    assert_eq!(world.store.parked().count(), 1);
    assert_eq!(world.ask(1, "PLAY", &session), 200);
}

#[test]
fn parked_max_and_waiting_max_hold_at_n_and_not_at_n_plus_1() {
    let config = StoreConfig::default().with_parked_max(3).with_parked_per_owner_max(2);
    let mut world = World::new(4, config);
    world.owners[2] = Owner::at("192.0.2.2".parse().unwrap());
    world.owners[3] = Owner::at("192.0.2.3".parse().unwrap());
    for _ in 0..3 {
        world.set_up(0, UDP);
    }
    world.hang_up(0);
    assert_eq!((world.store.parked().count(), world.ended.len()), (2, 1), "one owner");
    world.set_up(2, UDP);
    world.hang_up(2);
    assert_eq!((world.store.parked().count(), world.ended.len()), (3, 1));
    world.set_up(3, UDP);
    world.hang_up(3);
    assert_eq!((world.store.parked().count(), world.ended.len()), (3, 2), "all owners");
    assert!(world.ended.iter().all(|(_, reason)| *reason == SessionEnd::Closed));

    let mut world = World::new(4, StoreConfig::default().with_waiting_max(2));
    let session = world.set_up(0, UDP);
    world.deaf = true;
    assert_eq!(world.ask(1, "PLAY", &session), 0);
    assert_eq!(world.ask(2, "PLAY", &session), 0);
    assert_eq!(world.ask(3, "PLAY", &session), 503);
}

/// Two ids may begin alike: both are found, each by itself.
#[test]
fn ids_that_begin_alike_are_told_apart() {
    let mut store = SessionStore::<usize>::new(Instant::ZERO, Arc::new(StoreConfig::default()));
    let ids: Vec<String> = (0..9).map(|n| format!("0123456789abcdef{n}")).collect();
    for (n, id) in ids.iter().enumerate() {
        let key = SessionKey(u32::try_from(n).unwrap());
        let began = Event::SessionBegan { session: key, id: id.clone(), user: None };
        let owner = Owner::default();
        let input = StoreInput::Event { connection: n, owner: &owner, event: &began };
        store.handle_input(Instant::ZERO, input);
    }
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(store.place_of(id).map(|(connection, _)| connection), Some(n));
    }
    assert_eq!(store.place_of("0123456789abcdef"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens in whatever order: a session is in one place, and nothing is kept of
    /// what is gone.
    #[test]
    fn storms(steps in proptest::collection::vec((0..8_u8, 0..4_usize, 0..4_usize), 1..60)) {
        let mut world = World::new(4, StoreConfig::default().with_parked_per_owner_max(3));
        let mut sessions: Vec<String> = Vec::new();
        for (step, connection, which) in steps {
            let session = sessions.get(which).cloned().unwrap_or_default();
            match step {
                0 | 1 => {
                    let transport = if step == 0 { UDP } else { TCP };
                    let before = world.servers[connection].sessions().count();
                    world.ask(connection, "SETUP", transport);
                    let made: Vec<_> = world.servers[connection].sessions().skip(before).collect();
                    sessions.extend(made.iter().map(|(_, s)| format!("Session: {}\r\n", s.id())));
                }
                2 => assert!(world.ask(connection, "PLAY", &session) < 600),
                3 => assert!(world.ask(connection, "TEARDOWN", &session) < 600),
                4 => world.deaf = !world.deaf,
                5 => world.later(1),
                6 => world.answers = !world.answers,
                _ if which == 0 => {
                    let _closed = world.servers[connection].close(world.now);
                    world.pump();
                    let own = Arc::new(
                        Config::default().with_sessions_elsewhere(true).with_sessions_outlive(true),
                    );
                    world.cseq += 1;
                    let seed = Seed::from_u64(u64::from(world.cseq) + 100);
                    world.servers[connection] = Server::new(world.now, own, seed);
                }
                _ => {}
            }
            let mut live: Vec<String> = world.store.parked().map(|s| s.id().to_string()).collect();
            for server in &world.servers {
                live.extend(server.sessions().map(|(_, s)| s.id().to_string()));
            }
            let all = live.len();
            prop_assert_eq!(world.store.len(), all);
            live.sort();
            live.dedup();
            prop_assert_eq!(live.len(), all, "in one place");
        }
        world.deaf = false;
        for connection in 0..4 {
            let _closed = world.servers[connection].close(world.now);
        }
        world.pump();
        world.later(3600);
        prop_assert!(world.store.is_empty());
        prop_assert_eq!(world.store.poll_timeout(), None);
        prop_assert!(world.store.waiting.is_empty() && world.store.moving.is_empty());
        prop_assert!(world.store.by_id.is_empty() && world.store.parked_by.is_empty());
        prop_assert_eq!(world.store.parked, 0);
    }
}
