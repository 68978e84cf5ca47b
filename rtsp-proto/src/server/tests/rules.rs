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
