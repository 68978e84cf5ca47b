//! Many connections and the sessions that go between them, as one machine.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use rtsp_proto::server::{
    Carrier, Config, Hub, HubEvent, HubInput, Incoming, Input, SessionId, StoreConfig,
};
use rtsp_proto::{CloseReason, CommandError, Instant, Method, Output, Seed, SessionEnd};

const UDP: &str = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

/// A hub whose application allows everything.
struct World {
    hub: Hub<u8>,
    now: Instant,
    wire: BTreeMap<u8, Vec<u8>>,
    ended: Vec<(SessionId, SessionEnd)>,
    closed: Vec<(u8, CloseReason)>,
    media: Vec<(SessionId, usize, bool, Bytes)>,
    cseq: u32,
}

impl World {
    fn new(connections: u8) -> Self {
        let now = Instant::from_secs(1);
        let mut hub = Hub::new(now, Arc::new(Config::default()), Seed::from_u64(7));
        for connection in 0..connections {
            hub.connect(now, connection, [192, 0, 2, 1].into());
        }
        let (wire, ended, closed, media) = Default::default();
        Self { hub, now, wire, ended, closed, media, cseq: 0 }
    }

    fn hears(&mut self, connection: u8, input: Input<'_>) {
        self.hub.handle_input(self.now, HubInput { connection, input });
        self.drain();
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(seconds));
        self.hub.handle_timeout(self.now);
        self.drain();
        assert!(self.hub.poll_timeout().is_none_or(|at| at > self.now), "no busy loop");
    }

    fn drain(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Transmit((connection, bytes)) => {
                    self.wire.entry(connection).or_default().extend_from_slice(&bytes);
                }
                Output::Event(HubEvent::SessionEnded { session, reason }) => {
                    self.ended.push((session, reason));
                }
                Output::Event(HubEvent::Request { connection, session, asked }) => {
                    assert_eq!(session.is_some(), asked.session.is_some());
                    self.answer(connection, &asked);
                }
                Output::Event(HubEvent::Media { session, stream, is_rtcp, payload }) => {
                    self.media.push((session, stream, is_rtcp, payload));
                }
                Output::Event(HubEvent::Closed { connection, reason }) => {
                    self.closed.push((connection, reason));
                }
                Output::Event(other) => panic!("{other:?}"),
            }
        }
    }

    fn answer(&mut self, connection: u8, asked: &Incoming) {
        let now = self.now;
        let server = self.hub.server(connection).unwrap();
        if asked.method == Method::Setup {
            let offer = server.choose(asked, &[Carrier::Interleaved, Carrier::Udp]);
            let key = server.accept_setup(now, asked.id, &offer.unwrap()).unwrap().session;
            // It is there at once, before anything is polled.
            let id = self.hub.id_of(connection, key).unwrap();
            assert_eq!(self.hub.place_of(id), Some((connection, key)));
            assert_eq!(self.hub.session(id).unwrap().streams().len(), 1);
        } else {
            server.accept(now, asked.id).unwrap();
        }
    }

    /// Asks on a connection: the status.
    fn ask(&mut self, connection: u8, method: &str, headers: &str) -> u16 {
        self.cseq += 1;
        let request =
            format!("{method} rtsp://h/a RTSP/1.0\r\nCSeq: {}\r\n{headers}\r\n", self.cseq);
        self.wire.remove(&connection);
        self.hears(connection, Input::Data(request.as_bytes()));
        let answer = self.said(connection);
        answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {method}")).parse().unwrap()
    }

    fn said(&self, connection: u8) -> String {
        let bytes = self.wire.get(&connection).cloned().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sets up a session on a connection: its id, and its header line.
    fn set_up(&mut self, connection: u8, transport: &str) -> (SessionId, String) {
        let before: Vec<_> = self.on(connection);
        assert_eq!(self.ask(connection, "SETUP", transport), 200);
        let answer = self.said(connection);
        let id = answer.split("Session: ").nth(1).unwrap().split([';', '\r']).next().unwrap();
        let line = format!("Session: {id}\r\n");
        let new = self.on(connection).into_iter().find(|session| !before.contains(session));
        assert_eq!(new.unwrap().as_str(), id);
        (new.unwrap(), line)
    }

    /// The sessions of a connection.
    fn on(&mut self, connection: u8) -> Vec<SessionId> {
        let server = self.hub.server(connection).unwrap();
        server.sessions().map(|(_, session)| session.session_id()).collect()
    }

    fn place(&self, id: SessionId) -> Option<u8> {
        self.hub.place_of(id).map(|(connection, _)| connection)
    }
}

/// RFC 2326 §1.1: a session is in no way tied to a connection.
#[test]
fn a_session_keeps_its_name_wherever_it_is() {
    let mut world = World::new(3);
    let (id, line) = world.set_up(0, UDP);
    for connection in [1, 2, 0, 2] {
        assert_eq!(world.ask(connection, "PLAY", &line), 200);
        assert_eq!(world.place(id), Some(connection));
        assert_eq!(world.hub.session(id).unwrap().session_id(), id);
        world.hub.touch(world.now, id).unwrap();
    }
    assert_eq!(world.ask(2, "TEARDOWN", &line), 200);
    assert_eq!(world.ended, [(id, SessionEnd::TornDown)]);
    assert_eq!(world.ask(0, "PLAY", &line), 454);
}

/// RFC 7826 §10.2: the session survives the loss of its connection, for its time.
#[test]
fn a_session_waits_on_no_connection_until_its_time_is_over() {
    let mut world = World::new(2);
    let (id, line) = world.set_up(0, UDP);
    let (other, _) = world.set_up(0, UDP);
    world.hears(0, Input::Eof);
    assert_eq!(world.closed, [(0, CloseReason::Eof)]);
    assert_eq!((world.hub.len(), world.place(id), world.ended.len()), (1, None, 0));
    assert!(world.hub.server(0).is_none() && !world.hub.wants_input(0));
    for _ in 0..3 {
        world.later(50);
        world.hub.touch(world.now, id).unwrap();
    }
    assert_eq!(world.ended, [(other, SessionEnd::Expired)]);
    assert_eq!(world.ask(1, "PLAY", &line), 200);
    assert_eq!(world.place(id), Some(1));
    world.later(61);
    assert_eq!(world.ended[1], (id, SessionEnd::Expired));
    assert_eq!(world.hub.touch(world.now, id), Err(CommandError::UnknownSession));
    world.hub.handle_timeout(world.now);
    assert_eq!(world.hub.poll_timeout(), None);
}

#[test]
fn the_host_ends_a_session_wherever_it_is() {
    let mut world = World::new(2);
    let (here, _) = world.set_up(1, UDP);
    let (parked, line) = world.set_up(0, UDP);
    world.hears(0, Input::Eof);
    assert_eq!(world.hub.session(parked).unwrap().session_id(), parked);
    for id in [here, parked] {
        world.hub.end_session(world.now, id).unwrap();
        world.drain();
        assert_eq!(world.ended.last().unwrap(), &(id, SessionEnd::TornDown));
        assert_eq!(world.hub.end_session(world.now, id), Err(CommandError::UnknownSession));
    }
    assert_eq!(world.ask(1, "PLAY", &line), 454);
}

/// RFC 7826 §14 and §18.54: interleaved data is mixed with the control stream of one connection,
/// so such a session is not to be had on another. It goes on where it is; made UDP by a SETUP
/// there (§13.3.1), it moves like any.
#[test]
fn interleaved_streams_stay_on_their_connection_until_they_are_set_up_otherwise() {
    let mut world = World::new(2);
    let (id, line) = world.set_up(0, TCP);
    assert_eq!(world.ask(0, "PLAY", &line), 200);
    for method in ["PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"] {
        assert_eq!(world.ask(1, method, &line), 454, "{method}");
    }
    assert_eq!(world.ask(1, "SETUP", &format!("{line}{TCP}")), 454);
    // Nothing has changed: it flows, both ways.
    world.wire.clear();
    world.hub.send_media(world.now, id, 0, false, Bytes::from_static(b"rtp")).unwrap();
    world.hub.send_media(world.now, id, 0, true, Bytes::from_static(b"sr")).unwrap();
    world.drain();
    assert_eq!(world.wire[&0], b"$\x00\x00\x03rtp$\x01\x00\x02sr");
    world.hears(0, Input::Data(b"$\x01\x00\x02rr"));
    assert_eq!(world.media, [(id, 0, true, Bytes::from_static(b"rr"))]);
    // Over UDP it is tied to nothing.
    assert_eq!(world.ask(0, "SETUP", &format!("{line}{UDP}")), 200);
    let gone = world.hub.send_media(world.now, id, 0, false, Bytes::from_static(b"rtp"));
    assert_eq!(gone, Err(CommandError::UnknownChannel));
    assert_eq!(world.ask(1, "PLAY", &line), 200);
    assert_eq!(world.place(id), Some(1));
    // And back: it is interleaved with the connection that it is on now, and ends with it.
    assert_eq!(world.ask(1, "SETUP", &format!("{line}{TCP}")), 200);
    assert_eq!(world.ask(0, "PLAY", &line), 454);
    world.hears(1, Input::Eof);
    assert_eq!(world.ended, [(id, SessionEnd::Closed)]);
}

/// To know an id is not enough.
#[test]
fn another_address_gets_no_session() {
    let mut world = World::new(1);
    let (id, line) = world.set_up(0, UDP);
    world.hub.connect(world.now, 9, [192, 0, 2, 66].into());
    assert_eq!(world.ask(9, "TEARDOWN", &line), 454);
    assert_eq!(world.place(id), Some(0));
    // The same name again is the same connection, at the same address.
    world.hub.connect(world.now, 9, [192, 0, 2, 1].into());
    assert_eq!(world.ask(9, "TEARDOWN", &line), 454);
}

/// Destinations are judged by where the client is, without the host's doing.
#[test]
fn media_goes_to_whoever_connected() {
    let mut world = World::new(1);
    let offer = "Transport: RTP/AVP;unicast;destination=192.0.2.1;client_port=5000-5001\r\n";
    let (id, _) = world.set_up(0, offer);
    let to = world.hub.session(id).unwrap().streams()[0].receivers.unwrap();
    assert_eq!(to.map(|to| to.to_string()), ["192.0.2.1:5000", "192.0.2.1:5001"]);
    let (id, _) = world.set_up(0, UDP);
    let same = world.hub.session(id).unwrap().streams()[0].receivers;
    assert_eq!(same, Some(to), "where it connected from");
    let now = world.now;
    let mut refused = Vec::new();
    let other = offer.replace("192.0.2.1", "192.0.2.99");
    let setup = format!("SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 9\r\n{other}\r\n");
    world.hub.handle_input(now, HubInput { connection: 0, input: Input::Data(setup.as_bytes()) });
    while let Some(output) = world.hub.poll_output() {
        match output {
            Output::Event(HubEvent::Request { connection, asked, .. }) => {
                let server = world.hub.server(connection).unwrap();
                let refused = server.choose(&asked, &[Carrier::Udp]).unwrap_err();
                server.refuse(now, asked.id, refused).unwrap();
            }
            Output::Transmit((_, bytes)) => refused.extend_from_slice(&bytes),
            Output::Event(_) => {}
        }
    }
    assert!(refused.starts_with(b"RTSP/1.0 403 "), "{}", String::from_utf8_lossy(&refused));
}

#[test]
fn a_store_of_its_own_has_its_own_limits() {
    let store = StoreConfig::default().with_parked_per_owner_max(1);
    let mut world = World::new(0);
    world.hub = Hub::new(world.now, Arc::new(Config::default()), Seed::from_u64(1))
        .with_store(Arc::new(store));
    assert!(world.hub.is_empty());
    world.hub.connect(world.now, 0, [192, 0, 2, 1].into());
    let (one, _) = world.set_up(0, UDP);
    let (two, _) = world.set_up(0, UDP);
    world.hears(0, Input::Eof);
    assert_eq!(world.ended, [(two, SessionEnd::Closed)]);
    world.hub.touch(world.now, one).unwrap();
}

/// Connections that are gone, requests for them, and sessions that nobody has, change nothing.
#[test]
fn what_is_gone_is_ignored() {
    let mut world = World::new(1);
    world.hears(5, Input::Data(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"));
    assert!(world.wire.is_empty() && world.hub.server(5).is_none());
    let (id, line) = world.set_up(0, TCP);
    assert_eq!(world.ask(0, "TEARDOWN", &line), 200);
    let nothing = Bytes::from_static(b"x");
    let unknown = Err(CommandError::UnknownSession);
    assert_eq!(world.hub.send_media(world.now, id, 0, false, nothing), unknown);
    assert_eq!(world.hub.range_ended(world.now, id), unknown);
    assert!(world.hub.session(id).is_none());
    world.hub.set_wall_clock(world.now, proto_wire::Timestamp::from_unix_secs(1_000_000_000));
    assert_eq!(world.ask(0, "OPTIONS", ""), 200);
    assert!(world.said(0).contains("Date: Sun, 09 Sep 2001 01:46:40 GMT"), "{}", world.said(0));
}

/// RFC 7826 §C.1.6.4: one channel for RTP and RTCP.
#[test]
fn rtcp_goes_out_on_the_channel_of_rtp_when_they_share_it() {
    let mut world = World::new(1);
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=4;RTCP-mux\r\n";
    let (id, _) = world.set_up(0, transport);
    world.wire.clear();
    for (is_rtcp, payload) in [(false, &b"rtp"[..]), (true, b"sr")] {
        let payload = Bytes::from_static(payload);
        world.hub.send_media(world.now, id, 0, is_rtcp, payload).unwrap();
    }
    world.drain();
    assert_eq!(world.wire[&0], b"$\x04\x00\x03rtp$\x04\x00\x02sr");
}
