//! The client in RTSP 2.0: RFC 7826 Appendix B, pipelined requests, notifications, and what
//! happens when the server speaks 1.0.

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
use rtsp_proto::client::{Event, Follow, Notice, When};
use rtsp_proto::headers::{Decimal, Speed, Transport};
use rtsp_proto::session_table::v2::ResumePoint;
use rtsp_proto::{CommandError, Method, RequestBuilder, SessionEnd, State, StatusCode, Version};

/// RFC 7826 table 12: the end of the media changes RP and not the state.
#[test]
fn the_end_of_the_media_keeps_play_in_v2_and_not_in_v1() {
    let mut player = Player::v2();
    let key = player.set_up(&["v"], "2.0", 1);
    player.client.play(player.now, key, None).unwrap();
    player.hears("RTSP/2.0 200 OK\nCSeq: 2\nRange: npt=0-10\nScale: 2\n\n");
    player.client.media_ended(player.now, key).unwrap();
    assert_eq!(player.state(key), Some(State::Playing));
    let session = player.client.session(key).unwrap();
    assert_eq!(session.resume_point(), Some(ResumePoint::EndOfMedia));
    assert_eq!(session.range().unwrap().to_string(), "npt=0-10");
    assert_eq!(session.scale().unwrap().0, Decimal::from_integer(2));
    // PLAY in Play replaces (§13.4.3): it is legal, and stays so.
    player.client.play(player.now, key, None).unwrap();

    let mut player = Player::new();
    let key = player.set_up(&["v"], "1.0", 1);
    player.client.play(player.now, key, None).unwrap();
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\n");
    player.client.media_ended(player.now, key).unwrap();
    assert_eq!(player.state(key), Some(State::Ready));
    assert_eq!(player.client.session(key).unwrap().resume_point(), None);
}

/// RFC 7826 tables 11 and 12, what a client must not send.
#[test]
fn what_the_tables_refuse_is_not_sent() {
    let mut player = Player::v2();
    let now = player.now;
    let key = player.session();
    let state = |method, state| Err(CommandError::State { method, state });
    assert_eq!(player.client.play(now, key, None), state(Method::Play, State::Init));
    assert_eq!(player.client.teardown(now, key), state(Method::Teardown, State::Init));

    let mut player = Player::v2();
    let key = player.set_up(&["v", "a"], "2.0", 1);
    let one = format!("{URL}/v");
    for method in [Method::Play, Method::Pause] {
        let only = Err(CommandError::OnlyAggregate { method });
        let request = RequestBuilder::new(method, &one);
        assert_eq!(player.client.request(now, Some(key), request), only, "460 by the server");
    }
    player.client.play(now, key, None).unwrap();
    player.sent();
    // As if the PLAY had succeeded already.
    for _ in 0..2 {
        let torn = player.client.teardown_stream(now, key, &one);
        assert_eq!(torn, state(Method::Teardown, State::Playing));
        let new = format!("{URL}/subtitles");
        let offers = [Transport::interleaved(None)];
        let set_up = player.client.setup(now, key, &new, &offers);
        assert_eq!(set_up, state(Method::Setup, State::Playing));
        player.hears("RTSP/2.0 200 OK\nCSeq: 3\n\n");
    }
    assert_eq!(player.sent(), "");
    // The transport of a stream may be changed (§13.3.1), the whole may be paused and ended.
    player.client.setup(now, key, &one, &[Transport::interleaved(None)]).unwrap();
    player.client.pause(now, key).unwrap();
    player.client.teardown_stream(now, key, &one).unwrap();
    player.sent();
    player.hears("RTSP/2.0 200 OK\nCSeq: 4\n\nRTSP/2.0 200 OK\nCSeq: 5\nRange: npt=4-\n\n");
    assert_eq!(player.client.session(key).unwrap().resume_point(), Some(ResumePoint::PausePoint));
    player.hears("RTSP/2.0 200 OK\nCSeq: 6\nSession: abc\n\n");
    assert_eq!(player.client.session(key).unwrap().streams().len(), 1);
    // NRM is 1: the one stream may be named (B.4).
    let request = RequestBuilder::new(Method::Pause, &format!("{URL}/a"));
    player.client.request(now, Some(key), request).unwrap();
}

/// RFC 7826 §18.33: everything in one go, bound by a number.
#[test]
fn requests_follow_the_first_setup_before_its_answer() {
    let mut player = Player::v2();
    let now = player.now;
    let key = player.session();
    player.client.setup(now, key, &format!("{URL}/v"), &[tcp()]).unwrap();
    player.client.setup(now, key, &format!("{URL}/a"), &[Transport::interleaved(None)]).unwrap();
    player.client.play(now, key, None).unwrap();
    assert_eq!(
        player.sent(),
        "SETUP rtsp://camera.example/live/v RTSP/2.0\nCSeq: 1\nPipelined-Requests: 1\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\nAccept-Ranges: npt, smpte, clock\n\n\
         SETUP rtsp://camera.example/live/a RTSP/2.0\nCSeq: 2\nPipelined-Requests: 1\nTransport: RTP/AVP/TCP;unicast\nAccept-Ranges: npt, smpte, clock\n\n\
         PLAY rtsp://camera.example/live RTSP/2.0\nCSeq: 3\nPipelined-Requests: 1\n\n"
    );
    player.hears("RTSP/2.0 200 OK\nCSeq: 1\nSession: 7f\nMedia-Properties: No-Seeking, Time-Progressing, Time-Duration=0.0\n\n");
    let properties = player.client.session(key).unwrap().media_properties().unwrap();
    assert_eq!(properties.iter().count(), 3);
    // The id is known: from now on it is what names the session.
    player.client.pause(now, key).unwrap();
    assert!(player.sent().ends_with("CSeq: 4\nSession: 7f\n\n"));
    player.hears(
        "RTSP/2.0 200 OK\nCSeq: 2\nSession: 7f\n\nRTSP/2.0 200 OK\nCSeq: 3\nSession: 7f\n\n",
    );
    assert_eq!(player.state(key), Some(State::Playing));
    // Another session has another number.
    let other = player.session();
    player.client.setup(now, other, URL, &[tcp()]).unwrap();
    assert!(player.sent().contains("\nPipelined-Requests: 2\n"));
}

#[test]
fn a_pipeline_that_fails_is_begun_anew_under_another_number() {
    let mut player = Player::v2();
    let now = player.now;
    let key = player.session();
    player.client.setup(now, key, &format!("{URL}/v"), &[player::udp()]).unwrap();
    player.client.play(now, key, None).unwrap();
    player.sent();
    let events = player.hears("RTSP/2.0 461 Unsupported Transport\nCSeq: 1\n\nRTSP/2.0 454 Session Not Found\nCSeq: 2\n\n");
    let [
        Event::Response { .. },
        Event::TransportRefused { interleaved: Some(free), .. },
        Event::Response { method: Method::Play, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    // The session is still there, as new.
    assert_eq!(player.state(key), Some(State::Init));
    let offer = Transport::interleaved(Some(*free));
    player.client.setup(now, key, &format!("{URL}/v"), &[offer]).unwrap();
    assert!(player.sent().contains("\nPipelined-Requests: 2\n"));
    // Without pipelining it is as in 1.0.
    let mut player = Player::with(quiet().with_version(Version::V2_0).with_pipelining(false));
    let key = player.session();
    player.client.setup(now, key, URL, &[tcp()]).unwrap();
    assert!(!player.sent().contains("Pipelined"));
    assert_eq!(player.client.play(now, key, None), Err(CommandError::NoSessionId));
}

/// RFC 7826 §17.5.6, RFC 2326 §7.1.1: what the server refused goes out again in its version.
#[test]
fn a_server_of_1_0_is_spoken_to_in_1_0() {
    let mut player = Player::v2();
    let now = player.now;
    let key = player.session();
    let describe = player.client.describe(now, URL).unwrap();
    player.client.setup(now, key, &format!("{URL}/v"), &[player::udp()]).unwrap();
    player.client.play(now, key, None).unwrap();
    let wire = player.sent();
    assert!(wire.contains("dest_addr=\":5000\"/\":5001\""), "{wire}");
    let events = player.hears("RTSP/1.0 505 RTSP Version Not Supported\nCSeq: 1\n\n");
    assert_eq!(events, [Event::VersionChanged { version: Version::V1_0 }]);
    assert!(player.sent().starts_with("DESCRIBE rtsp://camera.example/live RTSP/1.0\nCSeq: 4\n"));
    assert_eq!(player.client.version(), Version::V1_0);
    player.hears("RTSP/1.0 505 No\nCSeq: 2\n\nRTSP/1.0 505 No\nCSeq: 3\n\n");
    // The SETUP in the spelling of 1.0; the PLAY waits, because nothing binds it.
    let wire = player.sent();
    assert_eq!(
        wire,
        "SETUP rtsp://camera.example/live/v RTSP/1.0\nCSeq: 5\nTransport: RTP/AVP;unicast;client_port=5000-5001\n\n"
    );
    let events =
        player.hears("RTSP/1.0 200 OK\nCSeq: 4\n\nRTSP/1.0 200 OK\nCSeq: 5\nSession: x\n\n");
    assert!(matches!(&events[0], Event::Response { id, .. } if *id == describe));
    assert_eq!(player.sent(), "PLAY rtsp://camera.example/live RTSP/1.0\nCSeq: 6\nSession: x\n\n");
    player.hears("RTSP/1.0 200 OK\nCSeq: 6\n\n");
    assert_eq!(player.state(key), Some(State::Playing));
    let session = player.client.session(key).unwrap();
    assert_eq!((session.version(), session.resume_point()), (Version::V1_0, None));
}

/// Some servers do not look at the version and answer in their own.
#[test]
fn an_answer_in_1_0_to_a_request_of_2_0_changes_the_version_once() {
    let mut player = Player::v2();
    let now = player.now;
    let key = player.session();
    player.client.options(now, "*").unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 200 OK\nCSeq: 1\n\n");
    assert_eq!(events[0], Event::VersionChanged { version: Version::V1_0 });
    player.client.setup(now, key, URL, &[tcp()]).unwrap();
    let wire = player.sent();
    assert!(
        wire.starts_with("SETUP rtsp://camera.example/live RTSP/1.0\nCSeq: 2\nTransport"),
        "{wire}"
    );
    assert_eq!(player.client.session(key).unwrap().version(), Version::V1_0);
    // With the policy off the server hears what it was told to hear.
    let mut player = Player::with(quiet().with_version(Version::V2_0).with_version_fallback(false));
    player.client.options(now, "*").unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 505 No\nCSeq: 1\n\n");
    assert!(matches!(events[..], [Event::Response { .. }]), "{events:?}");
    assert_eq!((player.client.version(), player.sent().as_str()), (Version::V2_0, ""));
}

/// The version of a session does not change (RFC 7826 §8).
#[test]
fn a_session_keeps_its_version() {
    let mut player = Player::v2();
    let key = player.set_up(&["v"], "2.0", 1);
    player.client.play(player.now, key, None).unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 505 No\nCSeq: 2\n\n");
    assert!(matches!(events[..], [Event::Response { .. }]), "{events:?}");
    player.client.play(player.now, key, None).unwrap();
    assert!(player.sent().starts_with("PLAY rtsp://camera.example/live RTSP/2.0\n"));
    // A client of 1.0 that is answered in 2.0 stays what it is.
    let mut player = Player::new();
    player.client.options(player.now, "*").unwrap();
    player.hears("RTSP/2.0 200 OK\nCSeq: 1\n\n");
    assert_eq!(player.client.version(), Version::V1_0);
}

fn playing() -> (Player, rtsp_proto::SessionKey) {
    let mut player = Player::v2();
    let key = player.set_up(&["v", "a"], "2.0", 1);
    player.client.play(player.now, key, None).unwrap();
    player.sent();
    player.hears("RTSP/2.0 200 OK\nCSeq: 3\nSession: abc\n\n");
    (player, key)
}

/// RFC 7826 §13.5.1, with the example of the section.
#[test]
fn the_end_of_the_stream_is_notified_and_answered() {
    let (mut player, key) = playing();
    let events = player.hears(
        "PLAY_NOTIFY rtsp://camera.example/live RTSP/2.0\nCSeq: 854\nNotify-Reason: end-of-stream\nRequest-Status: cseq=853 status=200 reason=\"OK\"\nRange: npt=-145\nRTP-Info:url=\"rtsp://camera.example/live/a\"\n   ssrc=0D12F123:seq=14783;rtptime=2345962545\nSession: abc\nDate: Mon, 08 Mar 2010 13:37:16 GMT\n\n",
    );
    let [Event::Notified { session, notice, request }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*session, key);
    assert_eq!(*notice, Notice::EndOfStream { whole: true, status: Some(StatusCode::OK) });
    assert_eq!(request.view().headers().rtp_infos().next().unwrap().seq, Some(14783));
    assert_eq!(player.sent(), "RTSP/2.0 200 OK\nCSeq: 854\nSession: abc\n\n");
    let known = player.client.session(key).unwrap();
    assert_eq!(
        (known.state(), known.resume_point()),
        (State::Playing, Some(ResumePoint::EndOfMedia))
    );
    assert_eq!(known.range().unwrap().to_string(), "npt=-145");
    // One of several streams: the others play on.
    let (mut player, key) = playing();
    let events = player.hears(
        "PLAY_NOTIFY rtsp://camera.example/live/a RTSP/2.0\nCSeq: 1\nNotify-Reason: end-of-stream\nSession: abc\n\n",
    );
    let [Event::Notified { notice: Notice::EndOfStream { whole: false, status: None }, .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    let known = player.client.session(key).unwrap();
    assert_eq!(known.resume_point(), Some(ResumePoint::Beginning));
}

/// RFC 7826 §13.5.2 and §13.5.3.
#[test]
fn properties_and_scale_are_learnt_from_notifications() {
    let (mut player, key) = playing();
    let head = "PLAY_NOTIFY rtsp://camera.example/live RTSP/2.0\nSession: abc\nMedia-Properties: Time-Progressing,\n   Time-Limited=20080415T153919.36Z, Random-Access=5.0\nMedia-Range: npt=00:00:00-01:37:21.394\nRange: npt=01:15:49.873-\n";
    let events =
        player.hears(&format!("{head}CSeq: 1\nNotify-Reason: media-properties-update\n\n"));
    let [Event::Notified { notice: Notice::MediaPropertiesUpdate, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    let session = player.client.session(key).unwrap();
    assert_eq!(session.media_properties().unwrap().iter().count(), 3);
    assert_eq!(session.media_range().unwrap().iter().count(), 1);
    let events = player.hears(&format!("{head}CSeq: 2\nNotify-Reason: Scale-Change\nScale: 1\n\n"));
    let [Event::Notified { notice: Notice::ScaleChange { scale: Some(scale) }, .. }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*scale, Decimal::from_integer(1));
    assert_eq!(player.client.session(key).unwrap().scale().unwrap().0, *scale);
    let answers = player.sent();
    assert_eq!(answers.matches("RTSP/2.0 200 OK\n").count(), 2, "{answers}");
}

/// RFC 7826 §13.5: "it MUST respond with a 465".
#[test]
fn notifications_that_mean_nothing_are_refused() {
    let (mut player, key) = playing();
    for (lines, status) in [
        ("Session: abc\nNotify-Reason: lunch\n", "465 Notification Reason Unknown"),
        ("Session: abc\n", "465 Notification Reason Unknown"),
        ("Session: other\nNotify-Reason: end-of-stream\n", "454 Session Not Found"),
        ("Notify-Reason: end-of-stream\n", "454 Session Not Found"),
    ] {
        let events = player.hears(&format!("PLAY_NOTIFY * RTSP/2.0\nCSeq: 9\n{lines}\n"));
        assert_eq!(events, [], "{lines}");
        assert_eq!(player.sent(), format!("RTSP/2.0 {status}\nCSeq: 9\n\n"));
    }
    // In Ready it is against the rules: tolerated, unless strict.
    let text = "PLAY_NOTIFY * RTSP/2.0\nCSeq: 9\nSession: abc\nNotify-Reason: end-of-stream\n\n";
    player.client.pause(player.now, key).unwrap();
    player.hears("RTSP/2.0 200 OK\nCSeq: 4\n\n");
    player.sent();
    assert_eq!(player.hears(text).len(), 1);
    let known = player.client.session(key).unwrap();
    assert_eq!(known.resume_point(), Some(ResumePoint::PausePoint));
    let mut strict = Player::with(quiet().with_version(Version::V2_0).with_strict(true));
    strict.set_up(&["v"], "2.0", 1);
    assert_eq!(strict.hears(text), []);
    assert!(strict.sent().starts_with("RTSP/2.0 455 "));
}

/// RFC 7826 §13.7.2, and what the application may want to answer itself.
#[test]
fn a_server_may_end_a_session() {
    let (mut player, key) = playing();
    let teardown = "TEARDOWN rtsp://camera.example/live RTSP/2.0\nCSeq: 7\nSession: abc\nTerminate-Reason: Session-Timeout;user-msg=\"good night\"\n\n";
    let events = player.hears(teardown);
    let [Event::Terminated { session, termination }, Event::SessionEnded { reason, .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*session, *reason), (key, SessionEnd::Terminated));
    assert_eq!(termination.reason.as_deref(), Some("Session-Timeout"));
    assert_eq!(termination.user_message.as_deref(), Some("good night"));
    assert_eq!(player.sent(), "RTSP/2.0 200 OK\nCSeq: 7\nSession: abc\n\n");
    player.hears(teardown);
    assert_eq!(player.sent(), "RTSP/2.0 454 Session Not Found\nCSeq: 7\n\n");
    player.hears("OPTIONS * RTSP/2.0\nCSeq: 8\n\n");
    let public = player.sent();
    assert!(public.contains("Public: OPTIONS, TEARDOWN, REDIRECT, PLAY_NOTIFY\n"), "{public}");
    let own = rtsp_proto::Methods::of(&[Method::PlayNotify]);
    let mut player = Player::with(quiet().with_accepted_methods(own));
    let events = player.hears("PLAY_NOTIFY * RTSP/2.0\nCSeq: 7\n\n");
    assert!(matches!(events[..], [Event::Request { id: Some(_), .. }]), "{events:?}");
}

/// RFC 7826 §13.10, with the example of the section: `RedP`, and then it is over.
#[test]
fn a_redirect_with_a_time_ends_the_session_then() {
    let (mut player, key) = playing();
    let events = player.hears(
        "REDIRECT rtsp://camera.example/live RTSP/2.0\nCSeq: 732\nLocation: rtsp://s2.example.com:8001/fizzle/foo\nTerminate-Reason: Server-Admin ;time=19960213T143205Z\nSession: abc\nDate: Thu, 13 Feb 1996 14:30:43 GMT\n\n",
    );
    let [Event::Redirected { id: None, session, redirection }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*session, Some(key));
    assert_eq!(redirection.target.as_deref(), Some("rtsp://s2.example.com:8001/fizzle/foo"));
    assert_eq!((redirection.same_server, redirection.follow), (false, Follow::Host));
    assert_eq!(redirection.when, When::After(Duration::from_secs(82)));
    assert_eq!(redirection.reason.as_deref(), Some("Server-Admin"));
    assert_eq!(player.sent(), "RTSP/2.0 200 OK\nCSeq: 732\nSession: abc\n\n");
    let known = player.client.session(key).unwrap();
    assert!(known.has_redirect_point() && known.state() == State::Playing);
    player.later(Duration::from_secs(81));
    assert_eq!(player.state(key), Some(State::Playing));
    player.events.clear();
    let goodbye = player.later(Duration::from_secs(1));
    assert!(goodbye.contains("TEARDOWN rtsp://camera.example/live RTSP/2.0\n"), "{goodbye}");
    assert!(goodbye.ends_with("Session: abc\n\n"), "{goodbye}");
    let ended = Event::SessionEnded { session: key, reason: SessionEnd::Redirected };
    assert_eq!(player.events, [ended]);
    // Its answer, or none, is nobody's business.
    assert_eq!(player.later(Duration::from_secs(60)), "");
    assert_eq!(player.client.poll_timeout(), None);
}

/// Table 12: without a time the session is gone at once; the server has ended it too.
#[test]
fn a_redirect_without_a_time_ends_the_session_at_once() {
    let (mut player, key) = playing();
    let events = player.hears(
        "REDIRECT rtsp://camera.example/live RTSP/2.0\nCSeq: 5\nSession: abc\nTerminate-Reason: Server-Admin\n\n",
    );
    let [Event::Redirected { redirection, .. }, Event::SessionEnded { session, reason }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((redirection.target.as_deref(), redirection.follow), (None, Follow::Nowhere));
    assert_eq!((*session, *reason), (key, SessionEnd::Redirected));
    assert_eq!(player.sent(), "RTSP/2.0 200 OK\nCSeq: 5\nSession: abc\n\n");
    player.hears("REDIRECT * RTSP/2.0\nCSeq: 6\nSession: abc\n\n");
    assert_eq!(player.sent(), "RTSP/2.0 454 Session Not Found\nCSeq: 6\n\n");
}

#[test]
fn speed_is_written_as_the_version_of_the_session_has_it() {
    use rtsp_proto::client::PlayOptions;
    let speed = Speed { lower: Decimal::from_integer(1), upper: Decimal::from_integer(2) };
    let options = PlayOptions::new().with_speed(speed).with_header_named("X-Own", 1);
    for (mut player, version, expected) in [
        (Player::v2(), "2.0", "Speed: 1-2\nX-Own: 1\n\n"),
        (Player::new(), "1.0", "Speed: 2\nX-Own: 1\n\n"),
    ] {
        let key = player.set_up(&["v"], version, 1);
        player.client.play_with(player.now, key, &options).unwrap();
        let wire = player.sent();
        assert!(wire.ends_with(expected), "{wire}");
    }
}

/// The TEARDOWN of a session that is left is sent in the version of the session, and not again
/// when the server refuses that: or it would be sent for ever.
#[test]
fn a_teardown_that_nobody_waits_for_is_not_sent_again_when_its_version_is_refused() {
    let mut player = Player::v2();
    let now = player.now;
    let key = player.set_up(&["v"], "2.0", 1);
    player.client.play(now, key, None).unwrap();
    player.sent();
    player.hears("RTSP/2.0 302 Found\nCSeq: 2\nLocation: rtsp://other/\n\n");
    assert!(player.sent().starts_with("TEARDOWN "));
    let events = player.hears("RTSP/2.0 505 No\nCSeq: 3\n\n");
    assert_eq!(player.sent(), "");
    assert_eq!(events, []);
    assert_eq!(player.client.version(), Version::V2_0);
}
