//! Sessions that outlive their connection, at the client (RFC 2326 §3, RFC 7826 §10.4).

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod player;

use core::time::Duration;
use player::{Player, URL, quiet, tcp, udp};
use rtsp_proto::client::{DetachedSession, Event, Input, KeepAlive};
use rtsp_proto::{CommandError, LimitKind, State};

/// A session that plays over UDP, out of a connection that broke.
fn broken(config: rtsp_proto::client::Config) -> (Player, DetachedSession) {
    let mut player = Player::with(config.with_sessions_outlive(true));
    let key = player.session();
    player.client.setup(player.now, key, &format!("{URL}/v"), &[udp()]).unwrap();
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: abc;timeout=20\n\n");
    player.client.play(player.now, key, None).unwrap();
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\n");
    // One that the server has never named does not outlive anything.
    let unnamed = player.session();
    player.client.handle_input(player.now, Input::Eof);
    player.sent();
    let [
        Event::SessionDetached { session, detached },
        Event::SessionEnded { session: ended, .. },
        Event::Closed(_),
    ] = &player.events[..]
    else {
        panic!("{:?}", player.events)
    };
    assert_eq!((*session, *ended), (key, unnamed));
    assert_eq!(player.client.poll_timeout(), None);
    let detached = detached.clone();
    (player, detached)
}

/// "the RTSP agent SHOULD send a keep-alive request [...] for each RTSP session on the old
/// connection" (RFC 7826 §10.4).
#[test]
fn a_session_goes_on_over_another_connection() {
    let (_, detached) = broken(quiet());
    assert_eq!(detached.session().id(), Some("abc"));
    let mut player = Player::new();
    let key = player.client.attach_session(player.now, &detached).unwrap();
    assert_eq!(
        player.sent(),
        "OPTIONS rtsp://camera.example/live RTSP/1.0\nCSeq: 1\nSession: abc\n\n"
    );
    assert_eq!(player.hears("RTSP/1.0 200 OK\nCSeq: 1\n\n"), []);
    assert_eq!(player.state(key), Some(State::Playing));
    // Everything goes on: signs of life by the timeout that it had, commands.
    assert!(player.later(Duration::from_secs(10)).starts_with("OPTIONS "));
    player.client.pause(player.now, key).unwrap();
    assert!(player.sent().contains("Session: abc\n"));
    player.hears("RTSP/1.0 200 OK\nCSeq: 3\n\n");
    assert_eq!(player.state(key), Some(State::Ready));
}

#[test]
fn a_server_that_does_not_know_it_says_454() {
    let (_, detached) = broken(quiet());
    let mut player = Player::new();
    player.client.attach_session(player.now, &detached).unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 454 Session Not Found\nCSeq: 1\n\n");
    assert!(matches!(events[..], [Event::SessionEnded { .. }]), "{events:?}");
}

/// Channels belong to the connection on which they were agreed.
#[test]
fn interleaved_streams_are_set_up_again() {
    let mut player = Player::new();
    let key = player.set_up(&["v"], "1.0", 1);
    let detached = player.client.detach_session(player.now, key).unwrap();
    assert_eq!(player.client.sessions().count(), 0);
    assert_eq!(player.client.poll_timeout(), None);
    let quiet = quiet().with_keep_alive(KeepAlive::Off);
    let mut player = Player::with(quiet);
    let key = player.client.attach_session(player.now, &detached).unwrap();
    assert_eq!(player.sent(), "");
    let media = player.hears("$\0\0\0");
    assert!(matches!(media[..], [Event::Media { session: None, .. }]), "{media:?}");
    let sent = player.client.send_media(player.now, 1, "x".into());
    assert_eq!(sent, Err(CommandError::UnknownChannel));
    player.client.setup(player.now, key, &format!("{URL}/v"), &[tcp()]).unwrap();
    assert!(player.sent().contains("\nSession: abc\n"));
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\n\n");
    assert_eq!(player.client.session(key).unwrap().streams().len(), 1);
    let media = player.hears("$\0\0\0");
    assert!(matches!(media[..], [Event::Media { session: Some(_), .. }]), "{media:?}");
}

/// The time of a REDIRECT moves with the session.
#[test]
fn a_redirect_point_goes_with_it() {
    let mut player = Player::v2();
    let key = player.set_up(&["v"], "2.0", 1);
    player.hears(
        "REDIRECT rtsp://camera.example/live RTSP/2.0\nCSeq: 1\nSession: abc\nLocation: rtsp://x/live\nTerminate-Reason: Server-Admin;time=19960213T143205Z\nDate: Tue, 13 Feb 1996 14:32:00 GMT\n\n",
    );
    let detached = player.client.detach_session(player.now, key).unwrap();
    assert!(detached.session().has_redirect_point());
    let mut player = Player::with(quiet().with_keep_alive(KeepAlive::Off));
    let key = player.client.attach_session(player.now, &detached).unwrap();
    assert_eq!(player.later(Duration::from_secs(4)), "");
    let goodbye = player.later(Duration::from_secs(1));
    assert!(goodbye.starts_with("TEARDOWN ") && goodbye.contains("RTSP/2.0"), "{goodbye}");
    assert_eq!(player.state(key), None);
}

#[test]
fn what_cannot_move() {
    let mut player = Player::with(quiet().with_sessions_max(1));
    let unnamed = player.session();
    let moved = player.client.detach_session(player.now, unnamed);
    assert_eq!(moved, Err(CommandError::NoSessionId));
    let (_, detached) = broken(quiet());
    let full = player.client.attach_session(player.now, &detached);
    assert_eq!(full, Err(CommandError::Limit(LimitKind::Sessions)));
    let (mut closed, _) = broken(quiet());
    let refused = closed.client.attach_session(closed.now, &detached);
    assert_eq!(refused, Err(CommandError::Closed));
}
