//! Requests that are sent again keep their place, and are not sent when their session is over.

#![cfg(feature = "digest")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

mod player;

use alloc::sync::Arc;
use player::{Player, URL, quiet, tcp, udp};
use proto_wire::digest::Credential;
use rtsp_proto::client::{Client, Config, Event, Input};
use rtsp_proto::{
    Instant, Method, Output, RequestBuilder, RequestFailure, Seed, SessionEnd, Version,
};

fn with_password() -> Config {
    quiet().with_credential(Credential::new("u", "p").unwrap())
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\n";

/// A PLAY waits for the first SETUP, which is challenged: the SETUP goes before the PLAY again.
#[test]
fn a_challenged_setup_is_not_overtaken_by_what_waits_for_it() {
    let mut player = Player::with(with_password().with_version(Version::V2_0));
    let now = player.now;
    let key = player.session();
    player.client.setup(now, key, &format!("{URL}/v"), &[tcp()]).unwrap();
    player.client.play(now, key, None).unwrap();
    player.sent();
    // The server speaks 1.0, where what is to be set up has no name yet: PLAY waits.
    player.hears("RTSP/1.0 505 No\nCSeq: 1\n\nRTSP/1.0 505 No\nCSeq: 2\n\n");
    let again = player.sent();
    assert!(again.starts_with("SETUP ") && !again.contains("PLAY "), "{again}");
    player.hears(&format!("RTSP/1.0 401 Who?\nCSeq: 3\n{CHALLENGE}\n"));
    let answered = player.sent();
    assert!(answered.starts_with("SETUP ") && !answered.contains("PLAY "), "{answered}");
    player.hears("RTSP/1.0 200 OK\nCSeq: 4\nSession: abc\n\n");
    let play = player.sent();
    assert!(play.starts_with("PLAY ") && play.contains("\nSession: abc\n"), "{play}");
}

struct Datagrams {
    client: Client,
    now: Instant,
    events: Vec<Event>,
}

impl Datagrams {
    fn new(config: Config) -> Self {
        let now = Instant::from_secs(1);
        let client = Client::over_datagrams(now, Arc::new(config), Seed::from_u64(1));
        Self { client, now, events: Vec::new() }
    }

    fn sent(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Transmit(bytes) => {
                    lines.push(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        lines
    }

    fn hears(&mut self, text: &str) -> Vec<String> {
        self.events.clear();
        let bytes = text.replace('\n', "\r\n");
        self.client.handle_input(self.now, Input::Datagram(bytes.as_bytes()));
        self.sent()
    }
}

/// One question at a time, in the order of the commands, also when one is asked again.
#[test]
fn over_datagrams_a_challenged_request_keeps_its_place() {
    let mut host = Datagrams::new(with_password());
    let now = host.now;
    let key = host.client.open_session(now, "rtspu://h/a").unwrap();
    host.client.setup(now, key, "rtspu://h/a/v", &[udp()]).unwrap();
    host.sent();
    host.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: x\n\n");
    host.client.setup(now, key, "rtspu://h/a/a", &[udp()]).unwrap();
    host.client.play(now, key, None).unwrap();
    assert_eq!(host.sent().len(), 1);
    let again = host.hears(&format!("RTSP/1.0 401 Who?\nCSeq: 2\n{CHALLENGE}\n"));
    assert_eq!(again.len(), 1);
    assert!(again[0].starts_with("SETUP rtspu://h/a/a "), "{again:?}");
    let play = host.hears("RTSP/1.0 200 OK\nCSeq: 3\nSession: x\n\n");
    assert!(play[0].starts_with("PLAY ") && play[0].contains("\nSession: x\n"), "{play:?}");
}

/// Without the session that it is about, a SETUP would begin one that nobody knows.
#[test]
fn a_challenged_request_of_a_session_that_is_over_is_not_sent_again() {
    let mut player = Player::with(with_password());
    let now = player.now;
    let key = player.set_up(&["v"], "1.0", 1);
    let id = player.client.setup(now, key, &format!("{URL}/a"), &[tcp()]).unwrap();
    player.sent();
    let events = player.hears(&format!(
        "REDIRECT {URL} RTSP/1.0\nCSeq: 9\nLocation: rtsp://other/\nSession: abc\n\n"
    ));
    let ended = Event::SessionEnded { session: key, reason: SessionEnd::Redirected };
    assert_eq!(events.last(), Some(&ended));
    player.sent();
    let events = player.hears(&format!("RTSP/1.0 401 Who?\nCSeq: 2\n{CHALLENGE}\n"));
    assert_eq!(player.sent(), "");
    assert!(matches!(&events[..], [Event::Response { id: of, .. }] if *of == id), "{events:?}");
}

#[test]
fn what_waits_is_not_sent_when_its_session_is_over() {
    let mut host = Datagrams::new(quiet());
    let now = host.now;
    let key = host.client.open_session(now, "rtspu://h/a").unwrap();
    host.client.setup(now, key, "rtspu://h/a/v", &[udp()]).unwrap();
    host.sent();
    host.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: x\n\n");
    let ping = RequestBuilder::new(Method::Options, "rtspu://h/a");
    host.client.request(now, Some(key), ping).unwrap();
    let id = host.client.setup(now, key, "rtspu://h/a/a", &[udp()]).unwrap();
    let other = host.client.options(now, "*").unwrap();
    host.sent();
    let next = host.hears("RTSP/1.0 454 Session Not Found\nCSeq: 2\n\n");
    assert_eq!(next.len(), 1);
    assert!(next[0].starts_with("OPTIONS * "), "{next:?}");
    let failed = |event: &Event| matches!(event, Event::RequestFailed { id: of, reason: RequestFailure::SessionEnded, .. } if *of == id);
    assert!(host.events.iter().any(failed), "{:?}", host.events);
    host.hears("RTSP/1.0 200 OK\nCSeq: 3\n\n");
    assert!(matches!(&host.events[..], [Event::Response { id, .. }] if *id == other));
}

/// Sent again without the name of its session, it would be another request.
#[test]
fn what_has_no_answer_is_not_repeated_when_its_session_is_over() {
    let mut host = Datagrams::new(quiet());
    let now = host.now;
    let key = host.client.open_session(now, "rtspu://h/a").unwrap();
    host.client.setup(now, key, "rtspu://h/a/v", &[udp()]).unwrap();
    host.sent();
    host.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: x\n\n");
    let id = host.client.setup(now, key, "rtspu://h/a/a", &[udp()]).unwrap();
    host.sent();
    host.hears("REDIRECT rtspu://h/a RTSP/1.0\nCSeq: 1\nLocation: rtspu://o/\nSession: x\n\n");
    host.now = Instant::from_secs(2);
    host.client.handle_timeout(host.now);
    let sent = host.sent();
    assert!(matches!(&sent[..], [only] if only.starts_with("TEARDOWN ")), "{sent:?}");
    let method = Method::Setup;
    let failed = Event::RequestFailed { id, method, reason: RequestFailure::SessionEnded };
    assert!(host.events.contains(&failed), "{:?}", host.events);
}

/// A slash at the end of the URL names the same stream: the session goes on with the others.
#[test]
fn one_stream_that_is_torn_down_with_a_slash_does_not_end_the_session() {
    let mut player = Player::new();
    let key = player.set_up(&["v", "a"], "1.0", 1);
    player.client.teardown_stream(player.now, key, &format!("{URL}/v/")).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 3\nSession: abc\n\n");
    let session = player.client.session(key).expect("the other stream is there");
    assert_eq!(session.streams().len(), 1);
    assert_eq!(session.streams()[0].url, format!("{URL}/a"));
}
