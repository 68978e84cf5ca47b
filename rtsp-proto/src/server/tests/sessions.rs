//! How sessions live and who may name them.

use super::*;

#[test]
fn silent_sessions_expire_and_every_sign_of_life_counts() {
    let config = Config::default().with_session_timeout(Duration::from_secs(10));
    let signs: [fn(&mut Host, &str); 4] = [
        |host, session| {
            let before = host.events.len();
            assert_eq!(host.ask("GET_PARAMETER", "rtsp://h/a", session), 200);
            assert_eq!(host.events.len(), before, "nobody is asked");
        },
        |host, session| assert_eq!(host.ask("OPTIONS", "*", session), 200),
        |host, _| drop(host.feed(b"$\x01\0\0")),
        |host, _| {
            let (key, _) = host.server.sessions().next().unwrap();
            host.server.touch(host.now, key).unwrap();
        },
    ];
    for sign in signs {
        let mut host = Host::new(config.clone());
        let session = host.set_up();
        assert_eq!(host.server.poll_timeout(), Some(Instant::from_secs(1010)));
        for _ in 0..3 {
            host.later(9);
            assert_eq!(host.ends(), []);
            sign(&mut host, &session);
        }
        host.later(9);
        assert_eq!(host.ends(), []);
        host.later(1);
        assert_eq!(host.ends(), [SessionEnd::Expired]);
        assert_eq!(host.ask("PLAY", "rtsp://h/a", &session), 454);
    }
    let mut host = Host::new(config);
    host.set_up();
    assert_eq!(host.ask("OPTIONS", "*", ""), 200);
    assert_eq!(host.server.poll_timeout(), Some(Instant::from_secs(1010)), "no session was named");
}

#[test]
fn sessions_are_apart_and_their_ids_are_not_guessable() {
    let mut host = Host::new(Config::default());
    let one = host.set_up();
    let two = host.set_up();
    assert_ne!(one, two);
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &two), 200);
    let states: Vec<_> = host.server.sessions().map(|(_, session)| session.state()).collect();
    assert_eq!(states, [State::Ready, State::Playing]);
    let close = one.replace("Session: ", "Session: 0");
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &close), 454);
    let shorter = format!("{}\r\n", &one[..one.len() - 3]);
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &shorter), 454);
    let upper = one.to_uppercase().replace("SESSION", "Session");
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &upper), 454, "ids have a case");
    // Some clients send the timeout back.
    let echoed = one.replace("\r\n", ";timeout=60\r\n");
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &echoed), 200);
    let other = Host { server: Server::new(START, Arc::default(), Seed::from_u64(8)), ..host };
    assert_eq!(other.server.sessions().count(), 0);
}

/// RFC 7826 §10.5: RTCP over UDP is a sign of life; the host sees it and says so.
#[test]
fn rtcp_that_the_host_sees_keeps_a_session_alive() {
    let config = Config::default().with_session_timeout(Duration::from_secs(10));
    for touches in [false, true] {
        let mut host = Host::new(config.clone());
        let udp = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";
        assert_eq!(host.ask("SETUP", "rtsp://h/a", udp), 200);
        for _ in 0..4 {
            host.later(6);
            if touches {
                host.server.touch(host.now, host.key()).unwrap();
            }
        }
        let expected: &[_] = if touches { &[] } else { &[SessionEnd::Expired] };
        assert_eq!(host.ends(), expected);
    }
}

/// A session ends while the application thinks about a request in it: what it allows too late is
/// not allowed, or the client would wait for media of a session that is gone.
#[test]
fn what_is_accepted_behind_the_end_of_its_session_is_not_found() {
    for ends_by_time in [true, false] {
        for (method, expected) in [("PLAY", 454), ("GET_PARAMETER", 454), ("TEARDOWN", 200)] {
            let mut host = Host::new(Config::default());
            let session = host.set_up();
            host.answers = false;
            let with = format!("{session}Content-Length: 1\r\n\r\nx");
            let request = format!("{method} rtsp://h/a/t0 RTSP/1.0\r\nCSeq: 9\r\n{with}");
            assert_eq!(host.feed(request.as_bytes()), "");
            let asked = host.asked();
            if ends_by_time {
                host.later(61);
            } else {
                host.server.end_session(host.now, host.key()).unwrap();
                host.drain();
            }
            assert_eq!(host.ends().len(), 1);
            host.server.accept(host.now, asked.id).unwrap();
            assert_eq!(status(&host.sent()), expected, "{method}");
        }
    }
}
