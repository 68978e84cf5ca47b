//! What the core answers by itself.

use super::*;

/// What the machine answers by itself: request without CSeq and end, status, a part of it.
#[test]
fn the_rules_that_the_core_keeps() {
    let transport = "Transport: RTP/AVP/TCP\r\n";
    for (line, headers, expected, part) in [
        ("PLAY rtsp://h/ RTSP/1.0", "", 454, ""),
        ("PAUSE rtsp://h/ RTSP/1.0", "", 454, ""),
        ("TEARDOWN rtsp://h/ RTSP/1.0", "", 454, ""),
        ("PLAY rtsp://h/ RTSP/1.0", "Session: 12345678\r\n", 454, ""),
        ("OPTIONS rtsp://h/ RTSP/1.0", "Session: 12345678\r\n", 454, ""),
        ("OPTIONS rtsp://h/ RTSP/1.0", "Session:\r\n", 454, ""),
        ("SETUP rtsp://h/ RTSP/1.0", "Session: 1\r\nTransport: RTP/AVP/TCP\r\n", 454, ""),
        ("SETUP rtsp://h/ RTSP/1.0", "", 461, ""),
        ("SETUP rtsp://h/ RTSP/1.0", "Transport: \r\n", 461, ""),
        ("SETUP rtsp://h/ RTSP/1.0", "Transport: RTP/AVP;client_port=99999\r\n", 461, ""),
        ("SETUP rtsp://h/ RTSP/1.0", transport, 200, "interleaved=0-1"),
        ("RECORD rtsp://h/ RTSP/1.0", "", 405, "Allow: OPTIONS, DESCRIBE, SETUP"),
        ("ANNOUNCE rtsp://h/ RTSP/1.0", "", 405, "Allow: "),
        ("REDIRECT rtsp://h/ RTSP/1.0", "", 405, "Allow: "),
        ("PLAY_NOTIFY rtsp://h/ RTSP/2.0", "", 405, "RTSP/2.0 405 "),
        ("DANCE rtsp://h/ RTSP/1.0", "", 501, ""),
        ("play rtsp://h/ RTSP/1.0", "", 501, "method names have a case"),
        ("OPTIONS * RTSP/9.9", "", 505, "RTSP/2.0 505 "),
        ("OPTIONS * RTSP/1.1", "", 505, ""),
        ("OPTIONS * RTSP/2.0", "", 200, "RTSP/2.0 200 OK"),
        (
            "OPTIONS * RTSP/1.0",
            "Require: a, known\r\nProxy-Require: b\r\n",
            551,
            "Unsupported: a, b\\r\\n",
        ),
        ("OPTIONS * RTSP/1.0", "Require: Known\r\n", 200, "Supported: known"),
    ] {
        let mut host = Host::new(Config::default().with_features(alloc::vec!["known".into()]));
        let request = format!("{line}\r\nCSeq: 77\r\n{headers}\r\n");
        let answer = host.feed(request.as_bytes());
        assert_eq!(status(&answer), expected, "{request} {answer}");
        assert!(answer.contains("CSeq: 77\\r\\n"), "{answer}");
        assert!(part.contains("case") || answer.contains(part), "{answer}");
        assert_eq!(host.closed(), None);
    }
}

#[test]
fn a_request_without_a_number_is_bad_and_the_next_one_is_not() {
    for cseq in ["", "CSeq: \r\n", "CSeq: x\r\n", "CSeq: -1\r\n", "CSeq: 4294967296\r\n"] {
        let mut host = Host::new(Config::default());
        let answer = host.feed(format!("OPTIONS * RTSP/1.0\r\n{cseq}\r\n").as_bytes());
        assert_eq!(status(&answer), 400, "{cseq}");
        assert!(!answer.contains("CSeq"), "what cannot be read is not reflected");
        assert_eq!(host.ask("OPTIONS", "*", ""), 200);
    }
}

/// A start line that makes no sense is answered, and the stream goes on behind it.
#[test]
fn nonsense_in_a_good_frame_is_answered() {
    let mut host = Host::new(Config::default());
    let answer = host.feed(
        b"GARBAGE\r\nCSeq: 5\r\nContent-Length: 3\r\n\r\nabcOPTIONS * RTSP/1.0\r\nCSeq: 6\r\n\r\n",
    );
    assert!(answer.starts_with("RTSP/1.0 400 Bad Request\\r\\nCSeq: 5\\r\\n"), "{answer}");
    assert!(answer.contains("200 OK\\r\\nCSeq: 6\\r\\n"), "{answer}");
}

#[test]
fn the_strict_profile_refuses_what_is_tolerated() {
    let odd = b"OPTIONS * RTSP/1.0\r\nCSeq : 1\r\n\r\n";
    assert_eq!(status(&Host::new(Config::default()).feed(odd)), 200);
    assert_eq!(status(&Host::new(Config::default().with_strict(true)).feed(odd)), 400);
    let odd = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;interleaved=0-1\r\n\r\n";
    assert_eq!(status(&Host::new(Config::default()).feed(odd)), 200);
    assert_eq!(status(&Host::new(Config::default().with_strict(true)).feed(odd)), 400);
    let folded = b"\r\nOPTIONS * RTSP/1.0\nCSeq:\n 1\n\n";
    assert_eq!(status(&Host::new(Config::default().with_strict(true)).feed(folded)), 200);
}

#[test]
fn unknown_methods_go_to_an_application_that_wants_them() {
    let mut host = Host::new(Config::default().with_extension_methods(true));
    assert_eq!(host.ask("DANCE", "rtsp://h/", ""), 200);
    let Some(Event::Request(asked)) = host.events.last() else { panic!("no request") };
    assert_eq!(asked.request.view().method_name(), "DANCE");
}

#[test]
fn a_range_that_cannot_be_read_is_457() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &format!("{session}Range: npt=x-\r\n")), 457);
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &format!("{session}Range: npt=now-\r\n")), 200);
}

/// RFC 7826 §18.37: Proxy-Require does not apply to the endpoint; RFC 2326 §12.27: servers treat
/// it as Require.
#[test]
fn requirements_of_proxies_are_those_of_servers_in_version_1_only() {
    let headers = "Proxy-Require: a\r\n";
    let answer = Host::new(Config::default()).answer_to("OPTIONS", "*", headers);
    assert_eq!(status(&answer), 551);
    assert!(answer.contains("Unsupported: a\\r\\n"), "{answer}");
    assert_eq!(Host::new_v2(Config::default()).ask("OPTIONS", "*", headers), 200);
    let mut host = Host::new_v2(Config::default().with_features(alloc::vec!["known".into()]));
    let answer = host.answer_to("OPTIONS", "*", "Require: known, a\r\nRequire: b\r\n");
    assert!(answer.contains("Unsupported: a, b\\r\\n"), "only the offending ones: {answer}");
}

/// RFC 7826 §11.1 and its examples: `Require: play.basic` is what every server of 2.0 does.
/// §18.51: who says Supported is answered with it, also in 4xx and 5xx.
#[test]
fn what_is_supported_is_said_to_who_asks() {
    let mut host = Host::new_v2(Config::default());
    let answer = host.answer_to("OPTIONS", "*", "Require: play.basic\r\n");
    assert!(answer.contains("\\r\\nSupported: play.basic\\r\\n"), "{answer}");
    let answer = host.answer_to("PLAY", "rtsp://h/", "Supported: foo\r\n");
    assert!(status(&answer) == 454 && answer.contains("Supported: play.basic\\r\\n"), "{answer}");
    assert!(!host.answer_to("PLAY", "rtsp://h/", "").contains("Supported"));
    let features = alloc::vec!["play.basic".into(), "play.scale".into()];
    let mut host = Host::new_v2(Config::default().with_features(features));
    let answer = host.answer_to("DESCRIBE", "rtsp://h/a", "Supported: x\r\n");
    assert!(answer.contains("Supported: play.basic, play.scale\\r\\n"), "{answer}");
    // 1.0 has neither.
    let mut host = Host::new(Config::default());
    assert_eq!(host.ask("OPTIONS", "*", "Require: play.basic\r\n"), 551);
    assert!(!host.answer_to("OPTIONS", "*", "").contains("Supported"));
}

/// RFC 7826 §17.5.6: "The response SHOULD contain a message body describing [..] what other
/// protocols are supported".
#[test]
fn an_unknown_version_is_told_the_known_ones() {
    let mut host = Host { version: "3.0", ..Host::new(Config::default()) };
    let answer = host.answer_to("OPTIONS", "*", "");
    assert!(answer.starts_with("RTSP/2.0 505 "), "{answer}");
    assert!(answer.ends_with("\\r\\n\\r\\nRTSP/1.0, RTSP/2.0\\r\\n"), "{answer}");
}

/// ONVIF Streaming §5.3: the backchannel is asked for by Require on every request; a server
/// without it says 551 and the client asks again without.
#[test]
fn the_onvif_backchannel_is_a_feature() {
    let tag = "www.onvif.org/ver20/backchannel";
    let require = format!("Require: {tag}\r\n");
    let mut host = Host::new(Config::default());
    let answer = host.answer_to("DESCRIBE", "rtsp://h/a", &require);
    assert_eq!(status(&answer), 551);
    assert!(answer.contains(&format!("Unsupported: {tag}\\r\\n")), "{answer}");
    assert_eq!(host.ask("DESCRIBE", "rtsp://h/a", ""), 200);
    let mut host = Host::new(Config::default().with_features(alloc::vec![tag.into()]));
    assert_eq!(host.ask("DESCRIBE", "rtsp://h/a", &require), 200);
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n";
    assert_eq!(host.ask("SETUP", "rtsp://h/a/back", &format!("{require}{transport}")), 200);
    let session = format!("{require}Session: {}\r\n", host.session().id());
    // It is played, not recorded, although the client sends.
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &session), 200);
    host.feed(b"$\x02\x00\x05voice");
    let voice = host.events.iter().any(|e| matches!(e, Event::Media { channel: 2, .. }));
    assert!(voice);
}

/// RFC 2326 §12.38: "The server MUST echo the exact same value and MAY [..] add a floating point
/// number indicating the number of seconds".
#[test]
fn time_stamps_are_echoed_with_the_delay() {
    let mut host = Host::new(Config::default());
    let answer = host.answer_to("OPTIONS", "*", "Timestamp: 003.1400\r\n");
    assert!(answer.contains("\\r\\nTimestamp: 003.1400\\r\\n"), "{answer}");
    let answer = host.answer_to("PLAY", "rtsp://h/", "Timestamp: 7\r\n");
    assert!(answer.contains("454") && answer.contains("Timestamp: 7\\r\\n"), "refusals too");
    host.answers = false;
    host.answer_to("DESCRIBE", "rtsp://h/a", "Timestamp: 1.5\r\n");
    host.now = host.now.saturating_add(Duration::from_millis(250));
    let id = host.asked().id;
    host.server.describe(host.now, id, "rtsp://h/a/", "v=0\r\n").unwrap();
    let answer = host.sent();
    assert!(answer.contains("\\r\\nTimestamp: 1.5 0.25\\r\\n"), "{answer}");
    let answer = host.answer_to("OPTIONS", "*", "Timestamp: noon\r\n");
    assert!(!answer.contains("Timestamp"), "{answer}");
}

/// RFC 7826 §18.21: a server with a clock says what time it is; RFC 2326 §12.18 spells it
/// otherwise.
#[test]
fn a_server_that_knows_the_time_says_it() {
    for (version, expected) in
        [("1.0", "Date: Tue, 13 Feb 1996 14:30:45 GMT"), ("2.0", "Tue, 13 Feb 1996 14:30:45 +0000")]
    {
        let mut host = Host { version, ..Host::new(Config::default()) };
        assert!(!host.answer_to("OPTIONS", "*", "").contains("Date"));
        host.server.set_wall_clock(host.now, proto_wire::Timestamp::from_unix_secs(824_221_843));
        host.later(2);
        let answer = host.answer_to("OPTIONS", "*", "");
        assert!(answer.contains(expected), "{answer}");
    }
}

/// RFC 2326 §12.10: the connection closes behind the answer; what follows is not answered.
#[test]
fn connection_close_closes_behind_the_answer() {
    let mut host = Host::new(Config::default());
    host.set_up();
    let answer = host.feed(
        b"OPTIONS * RTSP/1.0\r\nCSeq: 8\r\nConnection: Close\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n",
    );
    assert!(answer.contains("CSeq: 8\\r\\nConnection: close\\r\\n"), "{answer}");
    assert!(!answer.contains("CSeq: 9"), "{answer}");
    assert_eq!(host.closed(), Some(CloseReason::Requested));
    assert_eq!(host.ends(), [SessionEnd::Closed]);
    let mut host = Host::new(Config::default());
    assert_eq!(host.ask("OPTIONS", "*", "Connection: keep-alive\r\n"), 200);
    assert_eq!(host.closed(), None);
    // The application's answer counts too.
    host.answer_to("DESCRIBE", "rtsp://h/a", "Connection: keep-alive, close\r\n");
    assert_eq!(host.closed(), Some(CloseReason::Requested));
}

/// RFC 7826 §18.10: "The server only returns an error (4xx) if the value is syntactically
/// invalid", and what it took goes back.
#[test]
fn a_block_size_is_a_number_above_zero() {
    let transport = "Transport: RTP/AVP/TCP;unicast\r\n";
    for (size, expected) in [("1400", 200), ("1", 200), ("0", 400), ("-1", 400), ("big", 400)] {
        let mut host = Host::new(Config::default());
        let headers = format!("{transport}Blocksize: {size}\r\n");
        assert_eq!(host.ask("SETUP", "rtsp://h/a", &headers), expected, "{size}");
    }
    let mut host = Host::passive(Config::default());
    host.answer_to("SETUP", "rtsp://h/a", &format!("{transport}Blocksize: 9000\r\n"));
    let reply = SetupReply::new(Transport::interleaved(None)).header(HeaderName::Blocksize, 1400);
    host.server.accept_setup_with(host.now, host.asked().id, reply).unwrap();
    assert!(host.sent().contains("\\r\\nBlocksize: 1400\\r\\n"));
}

/// RFC 2326 §11.3.6, RFC 7826 §17.4.19: 455 says which methods are valid.
#[test]
fn a_method_that_is_not_valid_now_is_answered_with_those_that_are() {
    let mut host = Host::new(Config::default().with_methods(Methods::of(Method::KNOWN)));
    let session = host.set_up();
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &session), 200);
    let answer = host.answer_to("RECORD", "rtsp://h/a", &session);
    assert_eq!(status(&answer), 455);
    let allow = answer.split("Allow: ").nth(1).and_then(|rest| rest.split("\\r").next());
    let allow = Methods::from_text(allow.unwrap().as_bytes());
    for (method, valid) in [
        (Method::Play, true),
        (Method::Pause, true),
        (Method::Teardown, true),
        (Method::Record, false),
    ] {
        assert_eq!(allow.contains(method), valid, "{answer}");
    }
    let mut host = Host::new_v2(Config::default());
    let session = host.set_up();
    assert_eq!(host.ask("PLAY", "rtsp://h/a/", &session), 200);
    let other = format!("{session}Transport: RTP/AVP/TCP;unicast\r\n");
    let answer = host.answer_to("SETUP", "rtsp://h/a/t1", &other);
    assert!(status(&answer) == 455 && answer.contains("Allow: "), "{answer}");
}

/// RFC 2326 §11.3.10 and §11.3.11, by what the server can do.
#[test]
fn aggregates_and_streams_are_controlled_as_configured() {
    let transport = "Transport: RTP/AVP/TCP;unicast\r\n";
    for (control, second, one, whole) in [
        (Control::Either, 200, 200, 200),
        (Control::Aggregate, 200, 460, 200),
        (Control::Single, 459, 200, 200),
    ] {
        let mut host = Host::new(Config::default().with_control(control));
        let session = host.set_up();
        let headers = format!("{session}{transport}");
        assert_eq!(host.ask("SETUP", "rtsp://h/a/t1", &headers), second, "{control:?}");
        for method in ["PLAY", "PAUSE"] {
            assert_eq!(host.ask(method, "rtsp://h/a/", &session), whole, "{control:?}");
            assert_eq!(host.ask(method, "rtsp://h/a/t0", &session), one, "{control:?}");
        }
        // The same stream again is no aggregate, and one of one is the whole.
        let mut host = Host::new(Config::default().with_control(control));
        let session = host.set_up();
        let headers = format!("{session}{transport}");
        assert_eq!(host.ask("SETUP", "rtsp://h/a/t0", &headers), 200);
        assert_eq!(host.ask("PLAY", "rtsp://h/a/t0", &session), 200);
    }
}

/// RFC 7826 §13.8, §13.9: a sign of life needs no application, a parameter does.
#[test]
fn requests_for_parameters_are_told_from_signs_of_life() {
    for (method, headers, is_asked) in [
        ("GET_PARAMETER", "", false),
        ("SET_PARAMETER", "", false),
        ("GET_PARAMETER", "Range: npt\r\n", true),
        ("GET_PARAMETER", "Media-Range:\r\n", true),
        ("SET_PARAMETER", "Content-Type: text/parameters\r\nContent-Length: 0\r\n", false),
    ] {
        let mut host = Host::new_v2(Config::default());
        let session = host.set_up();
        let before = host.events.len();
        let headers = format!("{session}{headers}");
        assert_eq!(host.ask(method, "rtsp://h/a/", &headers), 200);
        assert_eq!(host.events.len() > before, is_asked, "{method} {headers}");
    }
    let mut host = Host::new(Config::default());
    assert_eq!(host.ask("GET_PARAMETER", "rtsp://h/a/", ""), 200);
    assert_eq!(host.events.len(), 1, "without a session it is a question");
}

/// What is the application's to say goes out as the version spells it: 463 has two meanings
/// (RFC 4567 §4.3, RFC 7826 §17.4.27).
#[test]
fn the_application_refuses_with_any_status() {
    for (version, code, reason) in [
        ("1.0", 463, "Key Management Failure"),
        ("2.0", 463, "Destination Prohibited"),
        ("2.0", 462, "Destination Unreachable"),
        ("2.0", 464, "Data Transport Not Ready Yet"),
        ("2.0", 466, "Key Management Error"),
        ("2.0", 470, "Connection Authorization Required"),
        ("2.0", 471, "Connection Credentials Not Accepted"),
        ("2.0", 472, "Failure to Establish Secure Connection"),
        ("1.0", 453, "Not Enough Bandwidth"),
        ("1.0", 300, "Multiple Choices"),
    ] {
        let mut host = Host { version, ..Host::passive(Config::default()) };
        host.answer_to("SETUP", "rtsp://h/a", "Transport: RTP/AVP/TCP;unicast\r\n");
        let code = StatusCode::new(code).unwrap();
        host.server.refuse(host.now, host.asked().id, code).unwrap();
        let answer = host.sent();
        assert!(answer.starts_with(&format!("RTSP/{version} {code} {reason}\\r\\n")), "{answer}");
        assert_eq!(host.server.sessions().count(), 0);
    }
}
