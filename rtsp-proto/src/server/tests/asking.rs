//! What a server asks its client, and what that does to sessions.

use super::*;
use crate::headers::{
    Decimal, MediaProperties, MediaRange, Params, RequestStatus, Scale, TerminateReason,
};
use crate::session_table::v2::ResumePoint;
use proto_wire::Timestamp;

/// 1996-02-13T14:30:43Z, as in the example of RFC 7826 §13.10.
const WALL: Timestamp = Timestamp::from_unix_secs(824_221_843);

/// A session of 2.0 with one stream that plays.
fn playing(version: &'static str) -> Host {
    let mut host = Host { version, ..Host::new(Config::default()) };
    let session = host.set_up();
    assert_eq!(host.ask("PLAY", "rtsp://h/a/", &session), 200);
    host
}

fn lines(wire: &str) -> Vec<String> {
    wire.split("\\r\\n").map(String::from).collect()
}

/// RFC 7826 §13.5.1: end-of-stream must have Request-Status, Range and RTP-Info, and Scale when
/// that is not 1.
#[test]
fn end_of_stream_has_all_that_it_must() {
    let mut host = playing("2.0");
    let id = host.session().id().to_string();
    let status = RequestStatus::new(853, StatusCode::OK, "OK");
    let range = Range::parse(b"npt=-145").unwrap();
    let mut info = RtpInfo::new("rtsp://h/a/t0");
    (info.seq, info.rtptime, info.ssrc) = (Some(14783), Some(2_345_962_545), Some(0x0D12_F123));
    let scale = Some(Scale(Decimal::from_integer(-2)));
    let infos = [info];
    let notice = Notice::EndOfStream { status, range, scale, infos: &infos };
    let request = host.server.play_notify(host.now, host.key(), &notice).unwrap();
    assert_eq!(
        lines(&host.sent()),
        [
            "PLAY_NOTIFY rtsp://h/a/ RTSP/2.0",
            "CSeq: 1",
            &format!("Session: {id}"),
            "Notify-Reason: end-of-stream",
            "Request-Status: cseq=853 status=200 reason=\\\"OK\\\"",
            "Range: npt=-145",
            "Scale: -2",
            "RTP-Info: url=\\\"rtsp://h/a/t0\\\" ssrc=0D12F123:seq=14783;rtptime=2345962545",
            "",
            ""
        ]
    );
    assert_eq!(host.state(), Some(State::Playing), "it says so, it does not make it so");
    // Table 12: the end of the range keeps Play, and the resume point follows.
    host.server.range_ended(host.now, host.key()).unwrap();
    assert_eq!(host.state(), Some(State::Playing));
    assert_eq!(host.session().resume_point(), ResumePoint::EndOfRange);
    host.server.media_ended(host.now, host.key()).unwrap();
    assert_eq!(host.session().resume_point(), ResumePoint::EndOfMedia);
    host.feed(b"RTSP/2.0 465 Notification Reason Unknown\r\nCSeq: 1\r\n\r\n");
    let answered = matches!(
        host.events.last(),
        Some(Event::Response { id, method: Method::PlayNotify, response })
            if *id == request && response.view().status().code() == 465
    );
    assert!(answered);
    assert_eq!(host.state(), Some(State::Playing));
}

/// RFC 7826 §13.5.2 and §13.5.3: both must have a Date.
#[test]
fn changes_of_properties_and_scale_have_all_that_they_must() {
    let mut host = playing("2.0");
    let properties = MediaProperties::parse(b"Time-Progressing, Random-Access=5").unwrap();
    let media_range = MediaRange::parse(b"npt=0-5841.394").unwrap();
    let range = Range::parse(b"npt=4549.873-").unwrap();
    let update = Notice::MediaProperties { properties, media_range, range };
    let infos = [RtpInfo::new("rtsp://h/a/t0")];
    let change = Notice::ScaleChange {
        scale: Scale(Decimal::from_integer(1)),
        range,
        properties: Some(properties),
        media_range: Some(media_range),
        infos: &infos,
    };
    for notice in [&update, &change] {
        let refused = host.server.play_notify(host.now, host.key(), notice);
        assert_eq!(refused, Err(CommandError::NoWallClock));
    }
    host.server.set_wall_clock(host.now, WALL);
    let date = "Date: Tue, 13 Feb 1996 14:30:43 +0000";
    for (notice, expected) in [
        (
            &update,
            &[
                "Notify-Reason: media-properties-update",
                "Media-Properties: Time-Progressing, Random-Access=5",
                "Media-Range: npt=0-5841.394",
                "Range: npt=4549.873-",
                date,
            ][..],
        ),
        (
            &change,
            &[
                "Notify-Reason: scale-change",
                "Scale: 1",
                "Range: npt=4549.873-",
                "Media-Properties: Time-Progressing, Random-Access=5",
                "Media-Range: npt=0-5841.394",
                "RTP-Info: url=\\\"rtsp://h/a/t0\\\" ssrc=00000000",
                date,
            ],
        ),
    ] {
        host.server.play_notify(host.now, host.key(), notice).unwrap();
        let wire = lines(&host.sent());
        for line in expected {
            assert!(wire.iter().any(|found| found == line), "{line}: {wire:?}");
        }
    }
}

/// Table 12: `PLAY_NOTIFY` in Play only; RTSP 1.0 does not have it.
#[test]
fn nothing_is_notified_where_nothing_plays() {
    let status = RequestStatus::new(1, StatusCode::OK, "OK");
    let (scale, infos) = (None, &[][..]);
    let end = |range: &'static [u8]| {
        let range = Range::parse(range).unwrap();
        Notice::EndOfStream { status: status.clone(), range, scale, infos }
    };
    let mut host = playing("2.0");
    let now = end(b"npt=now-");
    let refused = host.server.play_notify(host.now, host.key(), &now);
    assert_eq!(refused, Err(CommandError::Build(crate::BuildError::Value)), "§13.5.1: not `now`");
    let session = format!("Session: {}\r\n", host.session().id());
    assert_eq!(host.ask("PAUSE", "rtsp://h/a/", &session), 200);
    assert_eq!(host.session().resume_point(), ResumePoint::PausePoint);
    let refused = host.server.play_notify(host.now, host.key(), &end(b"npt=-5"));
    let wrong = CommandError::State { method: Method::PlayNotify, state: State::Ready };
    assert_eq!(refused, Err(wrong));
    let refused = host.server.range_ended(host.now, host.key());
    assert_eq!(refused, Err(CommandError::State { method: Method::Play, state: State::Ready }));
    let mut old = playing("1.0");
    let refused = old.server.play_notify(old.now, old.key(), &end(b"npt=-5"));
    assert_eq!(refused, Err(CommandError::Version { version: Version::V1_0 }));
    assert_eq!(old.sent(), "");
}

/// RFC 7826 §13.10: the session is over with the 2xx to a REDIRECT without a time, or when
/// there is no answer; not when the client refuses.
#[test]
fn a_redirect_without_a_time_ends_the_session_when_the_client_agrees() {
    for (answer, ends) in [
        ("RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n", true),
        ("RTSP/2.0 501 Not Implemented\r\nCSeq: 1\r\n\r\n", false),
        ("", true),
    ] {
        let mut host = playing("2.0");
        let id = host.session().id().to_string();
        let to = Redirection::to("rtsp://s2.example.com:8001/fizzle/foo");
        host.server.redirect(host.now, Some(host.key()), &to).unwrap();
        assert_eq!(
            lines(&host.sent()),
            [
                "REDIRECT rtsp://h/a/ RTSP/2.0",
                "CSeq: 1",
                &format!("Session: {id}"),
                "Location: rtsp://s2.example.com:8001/fizzle/foo",
                "Terminate-Reason: Server-Admin",
                "",
                ""
            ]
        );
        assert_eq!(host.ends(), []);
        host.feed(answer.as_bytes());
        if answer.is_empty() {
            host.later(10);
        }
        let expected: &[_] = if ends { &[SessionEnd::Redirected] } else { &[] };
        assert_eq!(host.ends(), expected, "{answer}");
    }
}

/// RFC 7826 §13.10 with `time`, and `RedP` of §B.2: the session goes on until then. The request
/// must have a Date.
#[test]
fn a_redirect_with_a_time_ends_the_session_then() {
    let mut host = playing("2.0");
    let reason = TerminateReason::new("Server-Admin");
    let reason = reason.with_params(Params::new("time=19960213T143205Z"));
    let to = Redirection::to("rtsp://s2.example.com/foo").because(reason);
    let refused = host.server.redirect(host.now, Some(host.key()), &to);
    assert_eq!(refused, Err(CommandError::NoWallClock));
    host.server.set_wall_clock(host.now, WALL);
    host.server.redirect(host.now, Some(host.key()), &to).unwrap();
    let wire = host.sent();
    assert!(wire.contains("Terminate-Reason: Server-Admin;time=19960213T143205Z\\r\\n"), "{wire}");
    assert!(wire.contains("Date: Tue, 13 Feb 1996 14:30:43 +0000\\r\\n"), "{wire}");
    host.feed(b"RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n");
    assert_eq!(host.ends(), [], "agreed, but not yet");
    let session = format!("Session: {}\r\n", host.session().id());
    host.later(50);
    assert_eq!(host.ask("GET_PARAMETER", "rtsp://h/a/", &session), 200);
    host.later(31);
    assert_eq!(host.ends(), []);
    host.later(1);
    assert_eq!(host.ends(), [SessionEnd::Redirected]);
    assert_eq!(host.server.poll_timeout(), None);
}

/// RFC 7826 §13.10: without a Session header it is about all sessions of the connection.
#[test]
fn a_redirect_without_a_session_is_about_all() {
    let mut host = playing("2.0");
    host.set_up();
    let to = Redirection::to("rtsp://s2.example.com");
    host.server.redirect(host.now, None, &to).unwrap();
    let wire = host.sent();
    assert!(wire.starts_with("REDIRECT * RTSP/2.0\\r\\n") && !wire.contains("Session"), "{wire}");
    host.feed(b"RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n");
    assert_eq!(host.ends(), [SessionEnd::Redirected, SessionEnd::Redirected]);
}

/// RFC 2326 §10.10: Range says when, and the client tears the session down itself.
#[test]
fn a_redirect_of_version_1_waits_for_teardown() {
    let mut host = playing("1.0");
    let session = format!("Session: {}\r\n", host.session().id());
    let range = Range::parse(b"clock=19960213T143205Z-").unwrap();
    let to = Redirection::to("rtsp://bigserver.com:8001").from(range);
    host.server.redirect(host.now, Some(host.key()), &to).unwrap();
    let wire = host.sent();
    assert!(
        wire.starts_with("REDIRECT rtsp://h/a/ RTSP/1.0\\r\\nCSeq: 1\\r\\nSession: "),
        "{wire}"
    );
    let tail =
        "Location: rtsp://bigserver.com:8001\\r\\nRange: clock=19960213T143205Z-\\r\\n\\r\\n";
    assert!(wire.ends_with(tail), "{wire}");
    host.feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    assert_eq!(host.ends(), []);
    assert_eq!(host.ask("TEARDOWN", "rtsp://h/a/", &session), 200);
}

/// RFC 2326 §10.3; RTSP 2.0 has no ANNOUNCE.
#[test]
fn a_new_description_is_announced() {
    let mut host = playing("1.0");
    host.server.announce(host.now, Some(host.key()), "rtsp://h/a", "v=0\r\n").unwrap();
    let wire = host.sent();
    assert!(wire.starts_with("ANNOUNCE rtsp://h/a RTSP/1.0\\r\\n"), "{wire}");
    let tail = "Content-Type: application/sdp\\r\\nContent-Length: 5\\r\\n\\r\\nv=0\\r\\n";
    assert!(wire.ends_with(tail), "{wire}");
    let mut host = playing("2.0");
    let refused = host.server.announce(host.now, None, "rtsp://h/a", "v=0\r\n");
    assert_eq!(refused, Err(CommandError::Version { version: Version::V2_0 }));
}

/// RFC 2326 §10.8 and §10.9, both ways.
#[test]
fn parameters_are_asked_and_set() {
    let mut host = playing("2.0");
    host.server.get_parameter(host.now, Some(host.key()), &["jitter", "packets"]).unwrap();
    let wire = host.sent();
    assert!(wire.starts_with("GET_PARAMETER rtsp://h/a/ RTSP/2.0\\r\\n"), "{wire}");
    assert!(wire.ends_with("Content-Length: 17\\r\\n\\r\\njitter\\r\\npackets\\r\\n"), "{wire}");
    host.server.get_parameter(host.now, None, &[]).unwrap();
    let ping = host.sent();
    assert!(ping.starts_with("GET_PARAMETER * RTSP/2.0\\r\\nCSeq: 2\\r\\n\\r\\n"), "{ping}");
    host.server.set_parameter(host.now, Some(host.key()), "text/parameters", "a: 1\r\n").unwrap();
    let wire = host.sent();
    assert!(wire.contains("SET_PARAMETER rtsp://h/a/ RTSP/2.0"), "{wire}");
    assert!(wire.ends_with("\\r\\n\\r\\na: 1\\r\\n"), "{wire}");
    let nobody = SessionKey(77);
    let gone = Err(CommandError::UnknownSession);
    assert_eq!(host.server.set_parameter(host.now, Some(nobody), "a/b", "x"), gone);
    assert_eq!(host.server.redirect(host.now, Some(nobody), &Redirection::to("rtsp://x")), gone);
}

/// RFC 7826 §13.7.2: a TEARDOWN of the server has Session and Terminate-Reason, and names the
/// aggregate.
#[test]
fn the_end_of_a_session_is_told_in_version_2() {
    let mut host = playing("2.0");
    let session = format!("Session: {}\r\n", host.session().id());
    let header = format!("{session}Transport: RTP/AVP/TCP;unicast\r\n");
    assert_eq!(host.ask("PAUSE", "rtsp://h/a/", &session), 200);
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t1", &header), 200);
    let id = host.session().id().to_string();
    let reason = TerminateReason::new(TerminateReason::SESSION_TIMEOUT);
    host.server.end_session_because(host.now, host.key(), &reason).unwrap();
    assert_eq!(
        lines(&host.sent()),
        [
            "TEARDOWN rtsp://h/a/ RTSP/2.0",
            "CSeq: 1",
            &format!("Session: {id}"),
            "Terminate-Reason: Session-Timeout",
            "",
            ""
        ]
    );
    assert_eq!(host.ends(), [SessionEnd::TornDown]);
    let before = host.events.len();
    host.feed(b"RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n");
    host.later(100);
    assert_eq!(host.events.len(), before, "nobody asked for the answer");
    let mut old = playing("1.0");
    old.server.end_session(old.now, old.key()).unwrap();
    assert_eq!((old.sent(), old.ends()), (String::new(), alloc::vec![SessionEnd::TornDown]));
}

/// The URL of the whole, before any request named it: what the streams have in common.
#[test]
fn the_url_of_a_session_is_what_its_streams_share() {
    for (urls, expected) in [
        (&["rtsp://h/a/t0"][..], "rtsp://h/a/t0"),
        (&["rtsp://h/a/t0", "rtsp://h/a/t1"], "rtsp://h/a/"),
        (&["rtsp://h/a/x/t0", "rtsp://h/a/y/t0"], "rtsp://h/a/"),
        (&["rtsp://h/t0", "rtsp://h/t1"], "rtsp://h/"),
        (&["rtsp://one/t", "rtsp://two/t"], "*"),
    ] {
        let mut host = Host::new(Config::default());
        let mut session = String::new();
        for url in urls {
            let headers = format!("{session}Transport: RTP/AVP/TCP\r\n");
            assert_eq!(host.ask("SETUP", url, &headers), 200);
            session = format!("Session: {}\r\n", host.session().id());
        }
        assert_eq!(host.session().url(), expected);
    }
}

/// RFC 2326 §12.38: "may use any timescale. The server MUST echo the exact same value".
#[test]
fn a_timestamp_of_any_length_is_echoed() {
    for stamp in ["1", "0.25", "18446744073709551616.000000000001", "99999999999999999999999"] {
        let mut host = Host::new(Config::default());
        let answer = host.answer_to("OPTIONS", "*", &format!("Timestamp: {stamp}\r\n"));
        assert!(answer.contains(&format!("Timestamp: {stamp}\\r\\n")), "{answer}");
    }
}
