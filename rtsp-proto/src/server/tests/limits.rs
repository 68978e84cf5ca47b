//! Each limit at N and at N + 1.

use super::*;
use proto_wire::{LimitKind, Limits, ParseErrorKind};

#[test]
fn malformed_max_holds_at_n_and_not_at_n_plus_1() {
    let mut host = Host::new(Config::default().with_malformed_max(2));
    for _ in 0..2 {
        host.feed(b"X\r\n\r\nX\r\n\r\n");
        assert_eq!(host.closed(), None);
        assert_eq!(host.ask("OPTIONS", "*", ""), 200);
    }
    host.feed(b"X\r\n\r\nX\r\n\r\nX\r\n\r\n");
    assert_eq!(host.closed(), Some(CloseReason::Limit(LimitKind::Malformed)));
}

#[test]
fn pending_max_holds_at_n_and_not_at_n_plus_1() {
    let small = Limits::default().with_head_max(64).with_body_max(0);
    let mut host = Host::passive(Config::default().with_pending_max(2).with_limits(small));
    let request = b"DESCRIBE rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    host.feed(request);
    host.feed(request);
    assert!(host.server.wants_input());
    host.feed(request);
    assert!(!host.server.wants_input(), "one is asked, two wait");
    assert_eq!(host.closed(), None);
    // A host that reads on is stopped; what it may bring is a message and a frame.
    for _ in 0..64 + 65_535 {
        host.server.handle_input(host.now, Input::Data(b"x"));
    }
    host.drain();
    assert_eq!(host.closed(), None);
    host.feed(b"x");
    assert_eq!(host.closed(), Some(CloseReason::Limit(LimitKind::Pending)));
}

#[test]
fn pending_max_holds_for_requests_of_the_server_too() {
    let mut host = Host::new(Config::default().with_pending_max(2));
    let ping = RequestBuilder::new(Method::Options, "*");
    host.server.request(host.now, None, &ping).unwrap();
    host.server.request(host.now, None, &ping).unwrap();
    let refused = host.server.request(host.now, None, &ping);
    assert_eq!(refused, Err(CommandError::Limit(LimitKind::Pending)));
    host.feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    assert!(host.server.request(host.now, None, &ping).is_ok());
}

#[test]
fn sessions_max_and_streams_max_hold_at_n_and_not_at_n_plus_1() {
    let mut host = Host::new(Config::default().with_sessions_max(2).with_streams_max(2));
    let session = host.set_up();
    host.set_up();
    let transport = "Transport: RTP/AVP/TCP\r\n";
    assert_eq!(host.ask("SETUP", "rtsp://h/b", transport), 503);
    let with = format!("{session}{transport}");
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t1", &with), 200);
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t2", &with), 503);
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t1", &with), 200, "again is no new stream");
}

#[test]
fn queue_max_holds_at_n_and_not_at_n_plus_1() {
    let mut host = Host::new(Config::default().with_queue_max(100));
    host.set_up();
    let send = |host: &mut Host, len: usize| {
        host.server.send_media(host.now, 0, Bytes::from(alloc::vec![0; len]))
    };
    assert_eq!(send(&mut host, 46), Ok(()));
    assert_eq!(send(&mut host, 46), Ok(()));
    assert!(!host.server.wants_input());
    assert_eq!(send(&mut host, 0), Err(CommandError::Limit(LimitKind::Queue)));
    host.sent();
    assert_eq!(send(&mut host, 96), Ok(()));
    host.sent();
    assert_eq!(send(&mut host, 97), Err(CommandError::Limit(LimitKind::Queue)));
    let long = Bytes::from(alloc::vec![0; 65_536]);
    let refused = host.server.send_media(host.now, 0, long);
    assert_eq!(refused, Err(CommandError::Limit(LimitKind::Interleaved)));
}

#[test]
fn framing_that_breaks_is_answered_and_closed() {
    for (bytes, status_code, kind) in [
        ("OPTIONS * RTSP/1.0\r\nCSeq: 4\r\nContent-Length: x\r\n\r\n", 400, None),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 4\r\nContent-Length: 5\r\n\r\n", 413, Some(LimitKind::Body)),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 4\r\nA: 1234567890123456789\r\n", 400, Some(LimitKind::Line)),
    ] {
        let limits = Limits::default().with_body_max(4).with_line_max(20);
        let mut host = Host::new(Config::default().with_limits(limits));
        let answer = host.feed(bytes.as_bytes());
        assert_eq!(status(&answer), status_code);
        assert!(answer.contains("CSeq: 4\\r\\n"), "{answer}");
        match (host.closed(), kind) {
            (Some(CloseReason::Limit(found)), Some(kind)) => assert_eq!(found, kind),
            (Some(CloseReason::Protocol(error)), None) => {
                assert_eq!(error.kind(), ParseErrorKind::ContentLength);
            }
            (other, _) => panic!("{other:?}"),
        }
    }
    let mut host = Host::new(Config::default().with_interleaved_max(3));
    assert_eq!(host.feed(b"$\0\0\x03abc"), "");
    assert_eq!(host.closed(), None);
    assert_eq!(host.feed(b"$\0\0\x04abcd"), "");
    assert_eq!(host.closed(), Some(CloseReason::Limit(LimitKind::Interleaved)));
}

/// RFC 7826 §17.4.10: what began must come to its end; nothing else is hurried.
#[test]
fn a_message_that_never_ends_is_408() {
    let later = |host: &mut Host, secs| {
        host.now = host.now.saturating_add(Duration::from_secs(secs));
        host.server.handle_timeout(host.now);
        assert!(host.server.poll_timeout().is_none_or(|at| at > host.now), "a busy loop");
    };
    let config = || Config::default().with_receive_timeout(Duration::from_secs(10));
    for part in [&b"OPTIONS * RTSP/1.0\r\nCSeq"[..], b"$\0\x10\0half", b"O"] {
        let mut host = Host::new(config());
        assert_eq!(host.server.poll_timeout(), None);
        host.feed(part);
        // One byte a second makes it no younger.
        for _ in 0..9 {
            later(&mut host, 1);
            host.feed(b"x");
        }
        assert_eq!(host.closed(), None);
        assert_eq!(host.server.next_timer().map(|(_, timer)| timer), Some(Timer::Receive));
        later(&mut host, 1);
        let said = host.sent();
        assert!(said.contains("RTSP/1.0 408 Request Timeout"), "{said}");
        assert_eq!(host.closed(), Some(CloseReason::TimedOut));
        assert_eq!(host.server.poll_timeout(), None);
    }
    // Who ends one and begins the next has all the time again, and who is silent has it for ever.
    let mut host = Host::new(config());
    let (request, half) = (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 20);
    for _ in 0..5 {
        host.feed(&request[..half]);
        later(&mut host, 9);
        host.feed(&[&request[half..], &request[..half]].concat());
        later(&mut host, 9);
        host.feed(&request[half..]);
        assert_eq!(host.server.poll_timeout(), None);
    }
    later(&mut host, 1_000);
    assert_eq!(host.closed(), None);
    // Behind a request that waits for the application it is answered after that.
    let mut host = Host::passive(config());
    host.feed(b"DESCRIBE rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\nOPT");
    later(&mut host, 10);
    assert_eq!(host.closed(), None);
    let id = host.asked().id;
    host.server.refuse(host.now, id, StatusCode::NOT_FOUND).unwrap();
    let said = host.sent();
    assert!(said.contains("404") && said.contains("408"), "{said}");
    assert_eq!(host.closed(), Some(CloseReason::TimedOut));
}
