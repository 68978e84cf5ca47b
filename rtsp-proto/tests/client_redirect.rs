//! Going elsewhere: 3xx (RFC 2326 §11.3, RFC 7826 §17.3) and REDIRECT in RTSP 1.0 (RFC 2326
//! §10.10). REDIRECT in 2.0 is in `client_v2.rs`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod player;

use core::time::Duration;
use player::{Player, URL, quiet, tcp};
use rtsp_proto::client::{Event, Follow, Redirection, When};
use rtsp_proto::{Method, RequestBuilder, SessionEnd, State, StatusCode};

fn redirection(events: &[Event]) -> &Redirection {
    let redirection = events.iter().find_map(|event| match event {
        Event::Redirected { redirection, .. } => Some(redirection),
        _ => None,
    });
    redirection.unwrap_or_else(|| panic!("{events:?}"))
}

/// What is asked is asked again at the new URL, on the same connection, under the same id.
#[test]
fn the_same_server_is_asked_again() {
    for status in [301, 302, 303, 307] {
        let mut player = Player::new();
        let id = player.client.describe(player.now, URL).unwrap();
        player.sent();
        let events = player.hears(&format!(
            "RTSP/1.0 {status} Moved\nCSeq: 1\nLocation: rtsp://Camera.example:554/other?x=1\n\n"
        ));
        assert_eq!(events.len(), 1, "the response is not the final one: {events:?}");
        let there = redirection(&events);
        assert_eq!((there.follow, there.same_server), (Follow::Here, true));
        assert_eq!(
            player.sent(),
            "DESCRIBE rtsp://Camera.example:554/other?x=1 RTSP/1.0\nCSeq: 2\nAccept: application/sdp\n\n"
        );
        let events = player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\n");
        assert!(matches!(&events[..], [Event::Response { id: done, .. }] if *done == id));
    }
}

#[test]
fn a_body_goes_with_the_request() {
    let mut player = Player::new();
    let announce = RequestBuilder::new(Method::Announce, URL).body("application/sdp", "v=0\r\n");
    player.client.request(player.now, None, announce).unwrap();
    player.sent();
    player.hears("RTSP/1.0 302 Found\nCSeq: 1\nLocation: /push\n\n");
    let again = player.sent();
    assert!(again.starts_with("ANNOUNCE rtsp://camera.example/push RTSP/1.0\n"), "{again}");
    assert!(again.ends_with("Content-Length: 5\n\nv=0\n"), "{again}");
}

/// Another host, another port, another scheme, or a connection that is closed: the host has to
/// go there, and is told all it needs.
#[test]
fn another_server_is_for_the_host() {
    for (headers, target, same_server) in [
        ("Location: rtsp://other.example/live\n", "rtsp://other.example/live", false),
        ("Location: rtsp://camera.example:8554/live\n", "rtsp://camera.example:8554/live", false),
        ("Location: rtsps://camera.example/live\n", "rtsps://camera.example/live", false),
        ("Location: rtsp://u:p@other.example/x\n", "rtsp://other.example/x", false),
        // Only a host: the same resource there.
        ("Location: rtsp://other.example:1\n", "rtsp://other.example:1/live", false),
        ("Location: rtsp://other.example/\n", "rtsp://other.example/live", false),
        (
            "Location: rtsp://camera.example/new\nConnection: close\n",
            "rtsp://camera.example/new",
            true,
        ),
    ] {
        let mut player = Player::new();
        let id = player.client.describe(player.now, URL).unwrap();
        player.sent();
        let events = player.hears(&format!("RTSP/1.0 302 Found\nCSeq: 1\n{headers}\n"));
        let [Event::Response { .. }, Event::Redirected { id: whose, session: None, redirection }] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(*whose, Some(id));
        assert_eq!(redirection.target.as_deref(), Some(target));
        assert_eq!((redirection.same_server, redirection.follow), (same_server, Follow::Host));
        assert_eq!(redirection.when, When::Now);
        assert_eq!(player.sent(), "");
    }
}

#[test]
fn what_leads_nowhere_is_said() {
    for (status, headers, follow) in [
        (305, "Location: rtsp://proxy.example/\n", Follow::Proxy),
        (302, "", Follow::Nowhere),
        (302, "Location:\n", Follow::Nowhere),
        (302, "Location: http://camera.example/live\n", Follow::Nowhere),
        (302, "Location: rtsp://camera.example/live\n", Follow::Loop),
    ] {
        let mut player = Player::new();
        player.client.describe(player.now, URL).unwrap();
        player.sent();
        let events = player.hears(&format!("RTSP/1.0 {status} X\nCSeq: 1\n{headers}\n"));
        assert_eq!(redirection(&events).follow, follow, "{status} {headers}");
        assert!(matches!(events[0], Event::Response { .. }));
        assert_eq!(player.sent(), "");
    }
    // 304 is no redirection: what there is is still right (RFC 7826 §17.3.5).
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 304 Not Modified\nCSeq: 1\nLocation: rtsp://x/\n\n");
    let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.view().status(), StatusCode::NOT_MODIFIED);
}

/// A circle ends when it is one; a chain ends behind `redirects_max` hops.
#[test]
fn circles_and_chains_end() {
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    player.hears("RTSP/1.0 302 A\nCSeq: 1\nLocation: /b\n\n");
    player.hears("RTSP/1.0 302 B\nCSeq: 2\nLocation: /c\n\n");
    player.sent();
    let events = player.hears("RTSP/1.0 302 C\nCSeq: 3\nLocation: /b\n\n");
    assert_eq!(redirection(&events).follow, Follow::Loop);
    assert_eq!(player.sent(), "");

    for (max, hops) in [(0, 0), (1, 1), (2, 2)] {
        let mut player = Player::with(quiet().with_redirects_max(max));
        player.client.describe(player.now, URL).unwrap();
        player.sent();
        let mut cseq = 1;
        let last = loop {
            let events =
                player.hears(&format!("RTSP/1.0 302 X\nCSeq: {cseq}\nLocation: /{cseq}\n\n"));
            let follow = redirection(&events).follow;
            if follow != Follow::Here {
                break follow;
            }
            cseq += 1;
        };
        assert_eq!(cseq, hops + 1);
        assert_eq!(last, if max == 0 { Follow::Host } else { Follow::TooMany });
    }
}

/// RFC 7826 §17.3.3 has a SETUP that is redirected.
#[test]
fn the_first_setup_is_followed_and_later_ones_end_the_session() {
    let mut player = Player::new();
    let key = player.session();
    player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 302 Found\nCSeq: 1\nLocation: /b\n\n");
    assert_eq!(redirection(&events).follow, Follow::Here);
    assert!(player.sent().starts_with("SETUP rtsp://camera.example/b RTSP/1.0\n"));
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\nSession: abc\n\n");
    // What names the session follows too.
    assert_eq!(player.client.session(key).unwrap().url(), "rtsp://camera.example/b");
    let second = "rtsp://camera.example/b/2";
    player.client.setup(player.now, key, second, &[tcp()]).unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 302 Found\nCSeq: 3\nLocation: /d\n\n");
    // RFC 2326 A.1: the state becomes Init.
    let [Event::Response { .. }, Event::Redirected { session, redirection, .. }, ended] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*session, redirection.follow), (Some(key), Follow::Host));
    assert_eq!(*ended, Event::SessionEnded { session: key, reason: SessionEnd::Redirected });
    // RFC 7826 §17.3: "the agent SHOULD send a TEARDOWN request for the session".
    assert_eq!(
        player.sent(),
        "TEARDOWN rtsp://camera.example/b RTSP/1.0\nCSeq: 4\nSession: abc\n\n"
    );
    assert_eq!(player.hears("RTSP/1.0 200 OK\nCSeq: 4\n\n"), []);
}

/// The whole is where the stream is, as long as the stream is called the same there.
#[test]
fn what_names_the_session_follows_its_first_stream() {
    for (track, location, whole) in [
        ("/track1", "/new/live/track1", "rtsp://camera.example/new/live"),
        ("?track=1", "/b?track=1", "rtsp://camera.example/b"),
        ("/track1", "/b/video", URL),
        ("stream/track1", "/bstream/track1", URL),
    ] {
        let mut player = Player::new();
        let key = player.session();
        player.client.setup(player.now, key, &format!("{URL}{track}"), &[tcp()]).unwrap();
        player.sent();
        player.hears(&format!("RTSP/1.0 302 Found\nCSeq: 1\nLocation: {location}\n\n"));
        player.sent();
        player.hears("RTSP/1.0 200 OK\nCSeq: 2\nSession: abc\n\n");
        player.client.play(player.now, key, None).unwrap();
        assert!(player.sent().starts_with(&format!("PLAY {whole} RTSP/1.0\n")), "{location}");
    }
}

/// A session that the server sends away before it has answered the SETUP: the answer begins
/// one there that nobody here knows.
#[test]
fn a_session_that_begins_when_it_is_over_is_torn_down() {
    let mut player = Player::new();
    let key = player.session();
    player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
    player.sent();
    let asked = format!("REDIRECT {URL} RTSP/1.0\nCSeq: 9\nLocation: rtsp://other.example/\n\n");
    let events = player.hears(&asked);
    assert!(events.contains(&Event::SessionEnded { session: key, reason: SessionEnd::Redirected }));
    assert_eq!(player.sent(), "RTSP/1.0 200 OK\nCSeq: 9\n\n");
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: abc;timeout=60\n\n");
    assert_eq!(player.sent(), format!("TEARDOWN {URL} RTSP/1.0\nCSeq: 2\nSession: abc\n\n"));
    assert_eq!(player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\n"), []);
    // One that was refused has not begun.
    let mut player = Player::new();
    let key = player.session();
    player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
    player.hears(&asked);
    player.sent();
    player.hears("RTSP/1.0 404 Not Found\nCSeq: 1\nSession: abc\n\n");
    assert_eq!(player.sent(), "");
}

/// RFC 2326 §10.10, with the example of the section (which names no session).
#[test]
fn a_redirect_of_1_0_says_when_by_a_range() {
    let head = "REDIRECT rtsp://camera.example/live RTSP/1.0\nCSeq: 732\nLocation: rtsp://bigserver.com:8001\n";
    // Without a Date nobody knows when that is; media time is the player's.
    for (range, when) in [
        ("Range: clock=19960213T143205Z-\n", "clock=19960213T143205Z-"),
        ("Range: npt=42-\n", "npt=42-"),
    ] {
        let mut player = Player::new();
        let key = player.set_up(&["v"], "1.0", 1);
        let events = player.hears(&format!("{head}{range}\n"));
        let there = redirection(&events);
        assert_eq!(there.target.as_deref(), Some("rtsp://bigserver.com:8001/live"));
        assert_eq!(there.when, When::At(when.into()));
        assert_eq!(player.state(key), Some(State::Ready), "the host decides");
        assert_eq!(player.sent(), "RTSP/1.0 200 OK\nCSeq: 732\n\n");
    }
    let dated =
        format!("{head}Range: clock=19960213T143205Z-\nDate: Tue, 13 Feb 1996 14:32:00 GMT\n\n");
    let mut player = Player::new();
    let key = player.set_up(&["v"], "1.0", 1);
    assert_eq!(redirection(&player.hears(&dated)).when, When::After(Duration::from_secs(5)));
    player.sent();
    let goodbye = player.later(Duration::from_secs(5));
    assert_eq!(goodbye, "TEARDOWN rtsp://camera.example/live RTSP/1.0\nCSeq: 2\nSession: abc\n\n");
    assert_eq!(player.state(key), None);
}

/// RFC 2326 §10.10: "the client MUST issue a TEARDOWN request for the current session".
#[test]
fn a_redirect_of_1_0_without_a_range_ends_the_session_with_teardown() {
    let mut player = Player::new();
    let key = player.set_up(&["v"], "1.0", 1);
    let other = player.client.open_session(player.now, "rtsp://camera.example/other").unwrap();
    let events = player.hears(
        "REDIRECT rtsp://camera.example/live/v RTSP/1.0\nCSeq: 9\nLocation: rtsp://x/live\n\n",
    );
    let [Event::Redirected { session, .. }, Event::SessionEnded { reason, .. }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*session, *reason), (Some(key), SessionEnd::Redirected));
    assert_eq!(
        player.sent(),
        "RTSP/1.0 200 OK\nCSeq: 9\n\nTEARDOWN rtsp://camera.example/live RTSP/1.0\nCSeq: 2\nSession: abc\n\n"
    );
    // Only the session that it named.
    assert_eq!(player.state(other), Some(State::Init));
    // One that names nothing we know is about the connection (RFC 7826 §13.10).
    let events = player.hears("REDIRECT * RTSP/1.0\nCSeq: 10\nLocation: rtsp://x/\n\n");
    assert_eq!(events.len(), 2);
    assert_eq!(player.state(other), None);
    let events = player.hears("REDIRECT * RTSP/1.0\nCSeq: 11\nLocation: rtsp://x/\n\n");
    assert!(matches!(events[..], [Event::Redirected { id: None, session: None, .. }]));
}
