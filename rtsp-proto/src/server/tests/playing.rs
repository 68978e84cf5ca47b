//! PLAY, PAUSE, RECORD: ranges, points, and what they do to what plays.

use super::*;
use crate::headers::NptTime;

/// RFC 2326 §10.5: "A PLAY request while another is being served is queued"; RFC 7826 §13.4.4:
/// it replaces.
#[test]
fn a_second_play_queues_in_version_1_and_replaces_in_version_2() {
    for (version, expected) in [("1.0", PlayEffect::Queues), ("2.0", PlayEffect::Replaces)] {
        let mut host = Host { version, ..Host::new(Config::default()) };
        let session = host.set_up();
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
        assert_eq!(host.asked().play, Some(PlayEffect::Begins));
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
        assert_eq!(host.asked().play, Some(expected));
        assert_eq!(host.state(), Some(State::Playing));
        assert_eq!(host.ask("PAUSE", "rtsp://h/a/t0", &session), 200);
        assert_eq!(host.asked().play, None);
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
        assert_eq!(host.asked().play, Some(PlayEffect::Begins));
    }
}

/// RFC 2326 appendix A.1: at the end of the range a session of 1.0 is Ready; RFC 7826 §B.4: of
/// 2.0 it stays.
#[test]
fn the_end_of_a_range_is_ready_in_version_1_only() {
    for (version, expected) in [("1.0", State::Ready), ("2.0", State::Playing)] {
        let mut host = Host { version, ..Host::new(Config::default()) };
        let session = host.set_up();
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
        host.server.range_ended(host.now, host.key()).unwrap();
        assert_eq!(host.state(), Some(expected));
        assert_eq!(host.session().streams()[0].state, expected);
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200, "again");
    }
}

/// RFC 2326 §10.6: a PAUSE may name a point; until then it plays.
#[test]
fn a_pause_at_a_point_takes_effect_there() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
    host.answers = false;
    // A point is no range; both forms are written.
    for (range, secs) in [("npt=21", 21), ("npt=16-", 16)] {
        host.answer_to("PAUSE", "rtsp://h/a/t0", &format!("{session}Range: {range}\r\n"));
        let asked = host.asked();
        assert_eq!(asked.pause_point(), Some(NptTime::At(Duration::from_secs(secs))));
        host.server.accept_pause_later(host.now, asked.id).unwrap();
        assert_eq!(status(&host.sent()), 200);
        assert_eq!(host.state(), Some(State::Playing));
    }
    host.server.range_ended(host.now, host.key()).unwrap();
    assert_eq!(host.state(), Some(State::Ready));
    host.answers = true;
    assert_eq!(host.ask("PAUSE", "rtsp://h/a/t0", &format!("{session}Range: npt=x\r\n")), 457);
    assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &format!("{session}Range: npt=21\r\n")), 457);
}

/// RFC 7826 §13.6: the answer to PAUSE says what remains.
#[test]
fn a_pause_of_version_2_says_what_remains() {
    let mut host = Host::new_v2(Config::default());
    let session = host.set_up();
    assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
    host.answers = false;
    host.answer_to("PAUSE", "rtsp://h/a/t0", &session);
    let id = host.asked().id;
    let later = host.server.accept_pause_later(host.now, id);
    assert_eq!(later, Err(CommandError::WrongMethod { method: Method::Pause }));
    let rest = Range::parse(b"npt=45.76-75").unwrap();
    host.server.accept_pause(host.now, id, Some(&rest)).unwrap();
    assert!(host.sent().contains("\\r\\nRange: npt=45.76-75\\r\\n"));
    assert_eq!(host.state(), Some(State::Ready));
    let wrong = Err(CommandError::UnknownRequest);
    assert_eq!(host.server.accept_pause(host.now, id, None), wrong);
}

/// RFC 7826 §18.30: live media says Media-Range in the answers to PLAY and PAUSE too.
#[test]
fn live_media_says_its_range_each_time() {
    for (version, live) in [("2.0", true), ("2.0", false), ("1.0", true)] {
        let mut host = Host { version, ..Host::passive(Config::default()) };
        host.answer_to("SETUP", "rtsp://h/a", "Transport: RTP/AVP/TCP;unicast\r\n");
        let mut reply = SetupReply::new(Transport::interleaved(None));
        if !live {
            reply = reply.media_properties("Random-Access, Immutable, Unlimited");
        }
        host.server.accept_setup_with(host.now, host.asked().id, reply).unwrap();
        host.sent();
        let session = format!("Session: {}\r\n", host.session().id());
        let range = Range::parse(b"npt=96.23-").unwrap();
        for method in ["PLAY", "PAUSE"] {
            host.answer_to(method, "rtsp://h/a", &session);
            let id = host.asked().id;
            if method == "PLAY" {
                host.server.accept_play(host.now, id, Some(&range), &[]).unwrap();
            } else {
                host.server.accept_pause(host.now, id, Some(&range)).unwrap();
            }
            let answer = host.sent();
            assert!(answer.contains("\\r\\nRange: npt=96.23-\\r\\n"), "{answer}");
            let says = answer.contains("\\r\\nMedia-Range: npt=now-\\r\\n");
            assert_eq!(says, version == "2.0" && live, "{answer}");
        }
    }
}

/// RFC 2326 §11.3.7: 456 when the stream does not allow seeking. Players name the beginning or
/// the live edge without need.
#[test]
fn seeking_in_what_has_no_seeking_is_456() {
    for version in ["1.0", "2.0"] {
        let mut host = Host { version, ..Host::passive(Config::default()) };
        host.answer_to("SETUP", "rtsp://h/a", "Transport: RTP/AVP/TCP;unicast\r\n");
        let reply = SetupReply::new(Transport::interleaved(None)).without_seeking();
        host.server.accept_setup_with(host.now, host.asked().id, reply).unwrap();
        host.sent();
        host.answers = true;
        let session = format!("Session: {}\r\n", host.session().id());
        for (range, expected) in [
            ("npt=0-", 200),
            ("npt=0.000-", 200),
            ("npt=now-", 200),
            ("npt=-", 457),
            ("npt=-20", 200),
            ("npt=5-", 456),
            ("npt=0.001-", 456),
        ] {
            let headers = format!("{session}Range: {range}\r\n");
            assert_eq!(host.ask("PLAY", "rtsp://h/a", &headers), expected, "{version} {range}");
        }
    }
}

/// RFC 7826 §18.40: a unit that is not understood is 456, with those that are.
#[test]
fn a_unit_that_nobody_understands_is_456_with_accept_ranges() {
    let config = Config::default().with_accept_ranges("npt, clock");
    let mut host = Host::new_v2(config.clone());
    let session = host.set_up();
    for (range, expected) in [
        ("npt=3-", 200),
        ("NPT=3-", 200),
        ("clock=19960213T143205Z-", 200),
        ("smpte=10:07:00-", 456),
        ("furlongs=1-2", 456),
    ] {
        let headers = format!("{session}Range: {range}\r\n");
        let answer = host.answer_to("PLAY", "rtsp://h/a/t0", &headers);
        assert_eq!(status(&answer), expected, "{range}");
        let says = answer.contains("\\r\\nAccept-Ranges: npt, clock\\r\\n");
        assert_eq!(says, expected == 456, "{answer}");
    }
    // 1.0 has no Accept-Ranges: the application is asked.
    let mut host = Host::new(config);
    let session = host.set_up();
    let headers = format!("{session}Range: smpte=10:07:00-\r\n");
    assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &headers), 200);
}

/// RFC 7826 §18.40: "A decreasing range interval without a corresponding negative value in the
/// Scale header is not valid."
#[test]
fn a_range_that_runs_backwards_needs_a_negative_scale() {
    let mut host = Host::new_v2(Config::default());
    let session = host.set_up();
    for (headers, expected) in [
        ("Range: npt=10-15\r\n", 200),
        ("Range: npt=15-10\r\n", 457),
        ("Range: npt=15-10\r\nScale: 2\r\n", 457),
        ("Range: npt=15-10\r\nScale: -1\r\n", 200),
        ("Range: npt=15-0\r\nScale: -1.5\r\n", 200),
    ] {
        let headers = format!("{session}{headers}");
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &headers), expected, "{headers}");
    }
}

/// RFC 2326 §12.39 `mode`: who is set up to send does not receive.
#[test]
fn a_stream_flows_in_the_direction_it_was_set_up_for() {
    let all = Config::default().with_methods(Methods::of(Method::KNOWN));
    for (mode, play, record) in [
        ("", 200, 200),
        (";mode=PLAY", 200, 455),
        (";mode=record", 455, 200),
        (";mode=\"receive\"", 455, 200),
        (";mode=\"PLAY,RECORD\"", 200, 200),
    ] {
        for (method, expected) in [("PLAY", play), ("RECORD", record)] {
            let mut host = Host::new(all.clone());
            let transport = format!("Transport: RTP/AVP/TCP;unicast{mode}\r\n");
            assert_eq!(host.ask("SETUP", "rtsp://h/a", &transport), 200);
            let session = format!("Session: {}\r\n", host.session().id());
            assert_eq!(host.ask(method, "rtsp://h/a", &session), expected, "{mode} {method}");
        }
    }
}

/// A publisher: ANNOUNCE, SETUP for recording, RECORD, media, TEARDOWN (RFC 2326 §10.3,
/// §10.11), as `FFmpeg` does it.
#[test]
fn a_publisher_records() {
    let methods = Methods::of(Method::KNOWN);
    let mut host = Host::new(Config::default().with_methods(methods));
    let sdp = "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    let announce = format!("ANNOUNCE rtsp://h/live RTSP/1.0\r\nCSeq: 1\r\n{sdp}");
    assert_eq!(status(&host.feed(announce.as_bytes())), 200);
    assert_eq!(host.asked().request.view().body(), b"v=0\r\n");
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n";
    let answer = host.answer_to("SETUP", "rtsp://h/live/streamid=0", transport);
    let echoed = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\\r\\n";
    assert!(answer.contains(echoed), "{answer}");
    let session = format!("Session: {}\r\n", host.session().id());
    let range = format!("{session}Range: npt=0.000-\r\n");
    assert_eq!(host.ask("RECORD", "rtsp://h/live", &range), 200);
    assert_eq!(host.state(), Some(State::Recording));
    host.feed(b"$\x00\x00\x03rtp");
    let media = host.events.iter().any(|e| matches!(e, Event::Media { session: Some(_), .. }));
    assert!(media);
    assert_eq!(host.ask("PLAY", "rtsp://h/live", &session), 455, "it records");
    assert_eq!(host.ask("TEARDOWN", "rtsp://h/live", &session), 200);
    // Where nobody may record, an offer to record is none.
    let mut host = Host::new(Config::default());
    assert_eq!(host.ask("SETUP", "rtsp://h/live", transport), 461);
    assert_eq!(host.ask("ANNOUNCE", "rtsp://h/live", ""), 405);
}

/// RFC 7826 §18.40: "A decreasing range interval without a corresponding negative value in the
/// Scale header is not valid", in whatever unit.
#[test]
fn a_range_that_runs_backwards_needs_a_negative_scale_in_every_unit() {
    let config = Config::default().with_accept_ranges("npt, smpte, smpte-25, clock");
    let mut host = Host::new_v2(config);
    let session = host.set_up();
    for (range, forwards) in [
        ("npt=15-10", 457),
        ("smpte=0:10:00-0:09:59:29", 457),
        ("smpte-25=0:00:01:05-0:00:01:04.99", 457),
        ("clock=20260101T000010Z-20260101T000009.5Z", 457),
        ("smpte=0:09:59:29-0:10:00", 200),
        ("clock=20260101T000010Z-", 200),
    ] {
        let with = format!("{session}Range: {range}\r\n");
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &with), forwards, "{range}");
        let back = format!("{with}Scale: -1\r\n");
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &back), 200, "{range}");
    }
}

/// What cannot be sought is played from where it is, however that is said.
#[test]
fn the_beginning_is_no_seek_in_any_unit() {
    let config = Config::default().with_accept_ranges("npt, smpte, smpte-25, clock");
    for (range, expected) in [
        ("npt=0-", 200),
        ("npt=-20", 200),
        ("npt=now-", 200),
        ("npt=1-", 456),
        ("smpte=0:00:00-", 200),
        ("smpte-25=-0:10:00", 200),
        ("smpte=0:00:00:00.01-", 456),
        ("clock=-20260101T000000Z", 200),
        ("clock=20260101T000000Z-", 456),
    ] {
        let mut host = Host { answers: false, ..Host::new_v2(config.clone()) };
        assert_eq!(host.answer_to("SETUP", "rtsp://h/a", "Transport: RTP/AVP/TCP;unicast\r\n"), "");
        let reply = SetupReply::new(Transport::interleaved(None)).without_seeking();
        host.server.accept_setup_with(host.now, host.asked().id, reply).unwrap();
        host.sent();
        host.answers = true;
        let session = format!("Session: {}\r\nRange: {range}\r\n", host.session().id());
        assert_eq!(host.ask("PLAY", "rtsp://h/a", &session), expected, "{range}");
    }
}
