//! The client over UDP, datagram by datagram (RFC 2326 §9.1, §9.2, §12.38).

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::sync::Arc;
use core::time::Duration;
use rtsp_proto::client::{Client, Config, Event, Input};
use rtsp_proto::headers::{PortPair, Transport};
use rtsp_proto::{
    Instant, Method, Methods, Output, ResponseBuilder, Seed, SessionKey, StatusCode, Version,
};

struct Player {
    client: Client,
    now: Instant,
    events: Vec<Event>,
}

impl Player {
    fn new(config: Config) -> Self {
        let now = Instant::from_secs(1);
        let config = Arc::new(config.with_user_agent(""));
        let client = Client::over_datagrams(now, config, Seed::from_u64(1));
        Self { client, now, events: Vec::new() }
    }

    /// Each datagram that was sent, with LF as line ends.
    fn sent(&mut self) -> Vec<String> {
        let mut datagrams = Vec::new();
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Transmit(bytes) => {
                    datagrams.push(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        datagrams
    }

    fn hears(&mut self, datagram: &str) -> Vec<String> {
        self.events.clear();
        let bytes = datagram.replace('\n', "\r\n");
        self.client.handle_input(self.now, Input::Datagram(bytes.as_bytes()));
        self.sent()
    }

    fn later(&mut self, millis: u64) -> Vec<String> {
        self.now = self.now.saturating_add(Duration::from_millis(millis));
        self.client.handle_timeout(self.now);
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a busy loop");
        self.sent()
    }

    fn set_up(&mut self) -> SessionKey {
        let key = self.client.open_session(self.now, "rtspu://h/a").unwrap();
        let offer = Transport::udp(PortPair::new(5000, Some(5001)));
        self.client.setup(self.now, key, "rtspu://h/a/t", &[offer]).unwrap();
        self.sent();
        self.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: x\n\n");
        key
    }
}

/// "If a request is repeated [...] the request MUST carry the original sequence number"; the
/// Timestamp tells which of the two an answer answers.
#[test]
fn a_request_is_repeated_under_its_number() {
    let mut player = Player::new(Config::default());
    player.client.options(player.now, "*").unwrap();
    assert_eq!(player.sent(), ["OPTIONS * RTSP/1.0\nCSeq: 1\nTimestamp: 1.000000\n\n"]);
    assert!(player.later(499).is_empty());
    let again = "OPTIONS * RTSP/1.0\nCSeq: 1\nTimestamp: 1.500000\n\n";
    assert_eq!(player.later(1), [again]);
    assert!(player.later(999).is_empty(), "the time doubles");
    assert_eq!(player.later(1).len(), 1);
    // The answer to the second: it took 400 ms, of which the server says 100 were its own.
    player.now = Instant::from_millis(1900);
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\nTimestamp: 1.500000 0.1\n\n");
    assert_eq!(player.client.round_trip(), Some(Duration::from_millis(300)));
    assert!(matches!(player.events[..], [Event::Response { method: Method::Options, .. }]));
    assert_eq!(player.client.poll_timeout(), None);
    // The next one is repeated by that measure: 300 ms and four times the variation of 150.
    player.client.options(player.now, "*").unwrap();
    player.sent();
    assert!(player.later(899).is_empty());
    assert_eq!(player.later(1).len(), 1);
}

#[test]
fn an_answer_that_comes_twice_answers_once() {
    let mut player = Player::new(Config::default());
    player.client.options(player.now, "*").unwrap();
    player.sent();
    let answer = "RTSP/1.0 200 OK\nCSeq: 1\n\n";
    player.hears(answer);
    assert_eq!(player.events.len(), 1);
    player.hears(answer);
    assert_eq!(player.events, []);
    // A number that was never used is another matter.
    player.hears("RTSP/1.0 200 OK\nCSeq: 7\n\n");
    assert!(matches!(player.events[..], [Event::Unmatched { .. }]));
}

/// Datagrams overtake each other, and PLAY must not overtake SETUP: one at a time.
#[test]
fn commands_wait_for_their_turn() {
    let mut player = Player::new(Config::default());
    let key = player.set_up();
    player.client.play(player.now, key, None).unwrap();
    player.client.pause(player.now, key).unwrap();
    player.client.teardown(player.now, key).unwrap();
    let first = player.sent();
    assert_eq!(first.len(), 1);
    assert!(first[0].starts_with("PLAY rtspu://h/a RTSP/1.0\nCSeq: 2\nSession: x\n"));
    let next = player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\n");
    assert!(next[0].starts_with("PAUSE rtspu://h/a RTSP/1.0\nCSeq: 3\n"), "{next:?}");
    // One that nobody answers gives way after its time.
    let mut all = Vec::new();
    for _ in 0..100 {
        all.extend(player.later(100));
    }
    assert!(all.last().unwrap().starts_with("TEARDOWN "), "{all:?}");
    assert!(matches!(player.events[..], [.., Event::RequestFailed { method: Method::Pause, .. }]));
}

/// A request of the server that comes again gets the answer that it got.
#[test]
fn requests_of_the_server_are_answered_once_and_repeated() {
    let accepted = Methods::of(&[Method::Announce]);
    let mut player = Player::new(Config::default().with_accepted_methods(accepted));
    let ping = "OPTIONS * RTSP/1.0\nCSeq: 5\n\n";
    let answer = player.hears(ping);
    assert_eq!((answer.len(), player.events.len()), (1, 1));
    assert_eq!(player.hears(ping), answer);
    assert_eq!(player.events, [], "it was told once");
    let announce = "ANNOUNCE rtspu://h/a RTSP/1.0\nCSeq: 6\n\n";
    assert!(player.hears(announce).is_empty());
    let [Event::Request { id: Some(id), .. }] = player.events[..] else { panic!() };
    assert!(player.hears(announce).is_empty() && player.events.is_empty(), "it waits");
    let ok = ResponseBuilder::new(StatusCode::OK);
    player.client.respond(player.now, id, &ok).unwrap();
    let answer = player.sent();
    assert_eq!(answer, ["RTSP/1.0 200 OK\nCSeq: 6\n\n"]);
    assert_eq!(player.hears(announce), answer);
}

/// Whoever can send datagrams cannot end the conversation, and bytes of a stream mean nothing.
#[test]
fn junk_is_forgotten() {
    let mut player = Player::new(Config::default().with_malformed_max(0));
    player.client.options(player.now, "*").unwrap();
    player.sent();
    for junk in [
        "\x01\x02\x03",
        "RTSP/1.0 x\n\n",
        "RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: -1\n\n",
        "RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: 10\n\nabc",
        "RTSP/1.0 200 OK\nCSeq:",
    ] {
        assert!(player.hears(junk).is_empty(), "{junk}");
        assert_eq!(player.events, [], "{junk}");
    }
    player.client.handle_input(player.now, Input::Data(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"));
    assert!(player.sent().is_empty() && player.events.is_empty());
    // Two messages in one datagram are two (RFC 2326 §9.2).
    let wire = player.hears("RTSP/1.0 200 OK\nCSeq: 1\n\nOPTIONS * RTSP/1.0\nCSeq: 1\n\n");
    assert_eq!((wire.len(), player.events.len()), (1, 2));
    // RTSP 2.0 has no datagrams.
    let player = Player::new(Config::default().with_version(Version::V2_0));
    assert_eq!(player.client.version(), Version::V1_0);
}
