//! Control over UDP (RFC 2326 §9.2).

use super::*;

/// A server for the datagrams of one address, with a host that answers or not.
fn datagram_host(answers: bool, config: Config) -> Host {
    let server = Server::over_datagrams(START, Arc::new(config), Seed::from_u64(7));
    Host { server, answers, ..Host::new(Config::default()) }
}

fn send(host: &mut Host, datagram: &[u8]) -> String {
    host.server.handle_input(host.now, Input::Datagram(datagram));
    host.sent()
}

const UDP: &str = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";

/// "If a request is repeated because of lack of acknowledgement, the request MUST carry the
/// original sequence number": it is not done twice, and gets the answer that it got.
#[test]
fn a_request_that_comes_again_gets_the_same_answer_and_is_done_once() {
    let mut host = datagram_host(true, Config::default());
    let setup = format!("SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n{UDP}\r\n");
    let first = send(&mut host, setup.as_bytes());
    assert_eq!(status(&first), 200);
    let asked = host.events.len();
    for _ in 0..3 {
        assert_eq!(send(&mut host, setup.as_bytes()), first);
    }
    assert_eq!((host.events.len(), host.server.sessions().count()), (asked, 1));
    // The next number is another request; so is another method or URI with the same.
    let next = setup.replace("CSeq: 1", "CSeq: 2");
    assert_ne!(send(&mut host, next.as_bytes()), first);
    assert_eq!(status(&send(&mut host, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")), 200);
    assert_eq!(host.server.sessions().count(), 2);
    assert_eq!(send(&mut host, setup.as_bytes()), first, "remembered still");
}

#[test]
fn a_request_that_comes_again_before_its_answer_waits_for_it() {
    let mut host = datagram_host(false, Config::default());
    let describe = b"DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    assert_eq!(send(&mut host, describe), "");
    assert_eq!(send(&mut host, describe), "");
    assert_eq!(host.events.len(), 1, "asked once");
    let asked = host.asked();
    host.server.describe(host.now, asked.id, "rtsp://h/a/", "v=0\r\n").unwrap();
    let answer = host.sent();
    assert_eq!(answer.matches("RTSP/1.0 200").count(), 1, "{answer}");
    assert_eq!(send(&mut host, describe), answer);
}

/// Nothing is interleaved with datagrams, in neither direction.
#[test]
fn there_are_no_channels() {
    let mut host = datagram_host(true, Config::default());
    let setup = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP\r\n\r\n";
    assert_eq!(status(&send(&mut host, setup)), 461);
    assert_eq!(send(&mut host, b"$\0\0\x02hi"), "");
    assert_eq!(host.events, []);
    // The other offer is good.
    let both =
        format!("SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP\r\n{UDP}\r\n");
    host.answers = false;
    send(&mut host, both.as_bytes());
    let asked = host.asked();
    let offers = [Carrier::Interleaved, Carrier::Udp];
    let chosen = host.server.choose(&asked, &offers).unwrap();
    assert_eq!(chosen.client_port, Some(PortPair::new(5000, Some(5001))));
    let tcp = Transport::interleaved(None);
    let refused = host.server.accept_setup(host.now, asked.id, &tcp);
    assert_eq!(refused, Err(CommandError::NoChannel));
    host.server.accept_setup(host.now, asked.id, &chosen).unwrap();
    assert_eq!(host.server.sessions().count(), 1);
}

/// A datagram is a world of its own: what is wrong with one hurts no other.
#[test]
fn a_datagram_that_makes_no_sense_breaks_nothing() {
    let mut host = datagram_host(true, Config::default().with_malformed_max(1));
    for (datagram, expected) in [
        (&b"NONSENSE\r\nCSeq: 7\r\n\r\n"[..], 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nContent-Length: x\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 9\r\n\r\nshort", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n", 400),
        (b"", 0),
        (b"\r\n", 0),
    ] {
        for _ in 0..3 {
            let answer = send(&mut host, datagram);
            assert_eq!(status(&answer), expected, "{}", datagram.escape_ascii());
        }
        assert_eq!(host.closed(), None);
    }
    assert_eq!(status(&send(&mut host, b"OPTIONS * RTSP/1.0\r\nCSeq: 8\r\n\r\n")), 200);
    // Several messages in one datagram are all answered.
    let two = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 10\r\n\r\n";
    assert_eq!(send(&mut host, two).matches("200 OK").count(), 2);
    // A stream is something else, in both directions.
    host.server.handle_input(host.now, Input::Data(b"OPTIONS * RTSP/1.0\r\nCSeq: 11\r\n\r\n"));
    assert_eq!(host.sent(), "");
    let mut stream = Host::new(Config::default());
    assert_eq!(send(&mut stream, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"), "");
}

#[test]
fn replays_max_holds_at_n_and_not_at_n_plus_1() {
    let mut host = datagram_host(true, Config::default().with_replays_max(2));
    let options = |cseq: u32| format!("SET_PARAMETER rtsp://h/ RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n");
    for cseq in 1..=3 {
        assert_eq!(status(&send(&mut host, options(cseq).as_bytes())), 200);
    }
    let asked = host.events.len();
    send(&mut host, options(2).as_bytes());
    send(&mut host, options(3).as_bytes());
    assert_eq!(host.events.len(), asked, "two are remembered");
    send(&mut host, options(1).as_bytes());
    assert_eq!(host.events.len(), asked + 1, "the third is not");
}

/// RFC 2326 §9.2: requests of the server come again too, after 500 ms at first.
#[test]
fn requests_of_the_server_go_out_again_until_they_are_answered() {
    let mut host = datagram_host(true, Config::default());
    let id = host.server.get_parameter(host.now, None, &[]).unwrap();
    let first = host.sent();
    let mut at = Vec::new();
    while let Some(next) = host.server.poll_timeout() {
        host.now = next;
        host.server.handle_timeout(next);
        assert!(host.server.poll_timeout().is_none_or(|then| then > next), "a busy loop");
        let again = host.sent();
        if !again.is_empty() {
            assert_eq!(again, first, "with the CSeq that it had");
            at.push(next.saturating_since(START).as_millis());
        }
    }
    assert_eq!(at, [500, 1500, 3500, 7500]);
    let failed = Event::RequestFailed { id, reason: RequestFailure::TimedOut };
    assert_eq!(host.events, [failed]);
    assert!(host.server.is_idle());
    host.server.get_parameter(host.now, None, &[]).unwrap();
    host.sent();
    assert!(!host.server.is_idle());
    send(&mut host, b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n");
    assert_eq!(host.server.poll_timeout(), None);
}
