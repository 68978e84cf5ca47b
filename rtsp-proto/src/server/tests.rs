#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    reason = "tests state what must hold"
)]

use super::*;
use crate::headers::{PortPair, Range, RtpInfo, Transport, TypedHeader};
use crate::message::{Methods, ResponseBuilder, StatusCode};
use crate::state::State;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;
use proptest::prelude::*;
use proto_wire::testing::chunks::assert_chunk_invariant;
use proto_wire::{Limits, ParseErrorKind};

const START: Instant = Instant::from_secs(1000);

/// A server with a host that answers what it is asked, or does not.
struct Host {
    server: Server,
    now: Instant,
    /// What went out since it was looked at last.
    wire: Vec<u8>,
    events: Vec<Event>,
    answers: bool,
    cseq: u32,
}

impl Host {
    fn new(config: Config) -> Self {
        Self {
            server: Server::new(START, Arc::new(config), Seed::from_u64(7)),
            now: START,
            wire: Vec::new(),
            events: Vec::new(),
            answers: true,
            cseq: 0,
        }
    }

    fn passive(config: Config) -> Self {
        Self { answers: false, ..Self::new(config) }
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Transmit(bytes) => self.wire.extend_from_slice(&bytes),
                Output::Event(event) => {
                    if let (true, Event::Request(asked)) = (self.answers, &event) {
                        answer(&mut self.server, self.now, asked);
                    }
                    self.events.push(event);
                }
            }
        }
    }

    /// Feeds bytes; what came back.
    fn feed(&mut self, bytes: &[u8]) -> String {
        self.server.handle_input(self.now, Input::Data(bytes));
        self.drain();
        self.sent()
    }

    fn sent(&mut self) -> String {
        self.drain();
        core::mem::take(&mut self.wire).escape_ascii().to_string()
    }

    /// Asks with the next CSeq; the status of the answer.
    fn ask(&mut self, method: &str, url: &str, headers: &str) -> u16 {
        self.cseq += 1;
        let cseq = self.cseq;
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\n{headers}\r\n");
        let answer = self.feed(request.as_bytes());
        assert!(answer.contains(&format!("CSeq: {cseq}\\r\\n")), "{answer}");
        status(&answer)
    }

    /// Sets up one interleaved stream in a new session: its Session header line.
    fn set_up(&mut self) -> String {
        let status = self.ask("SETUP", "rtsp://h/a/t0", "Transport: RTP/AVP/TCP\r\n");
        assert_eq!(status, 200);
        let (_, session) = self.server.sessions().last().unwrap();
        format!("Session: {}\r\n", session.id())
    }

    fn later(&mut self, secs: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(secs));
        self.server.handle_timeout(self.now);
        assert!(self.server.poll_timeout().is_none_or(|at| at > self.now), "a busy loop");
        self.drain();
    }

    fn ends(&self) -> Vec<SessionEnd> {
        let end = |event: &Event| match event {
            Event::SessionEnded { reason, .. } => Some(*reason),
            _ => None,
        };
        self.events.iter().filter_map(end).collect()
    }

    fn closed(&self) -> Option<CloseReason> {
        let closed = |event: &Event| match event {
            Event::Closed(reason) => Some(*reason),
            _ => None,
        };
        let reasons: Vec<_> = self.events.iter().filter_map(closed).collect();
        assert!(reasons.len() <= 1, "closed once");
        reasons.first().copied()
    }

    fn state(&self) -> Option<State> {
        self.server.sessions().next().map(|(_, session)| session.state())
    }
}

fn answer(server: &mut Server, now: Instant, asked: &Incoming) {
    let request = asked.request.view();
    match asked.method {
        Method::Describe => server.describe(now, asked.id, "rtsp://h/a/", "v=0\r\n").unwrap(),
        Method::Setup => {
            let transport = request.headers().transports().flatten().next().unwrap();
            server.accept_setup(now, asked.id, &transport).unwrap();
        }
        _ => server.accept(now, asked.id).unwrap(),
    }
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[test]
fn a_whole_session() {
    let mut host = Host::new(Config::default().with_server_name(""));
    let answer = host.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(
        answer,
        "RTSP/1.0 200 OK\\r\\nCSeq: 1\\r\\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER\\r\\n\\r\\n"
    );
    let answer = host.feed(b"DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n");
    assert_eq!(
        answer,
        "RTSP/1.0 200 OK\\r\\nCSeq: 2\\r\\nContent-Base: rtsp://h/a/\\r\\nContent-Type: application/sdp\\r\\nContent-Length: 5\\r\\n\\r\\nv=0\\r\\n"
    );
    let answer = host.feed(
        b"SETUP rtsp://h/a/t RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n\r\n",
    );
    let (key, session) = host.server.sessions().next().unwrap();
    let id = session.id().to_string();
    assert_eq!(id.len(), 32);
    assert_eq!(
        answer,
        format!(
            "RTSP/1.0 200 OK\\r\\nCSeq: 3\\r\\nSession: {id};timeout=60\\r\\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\\r\\n\\r\\n"
        )
    );
    let play = format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\nSession: {id}\r\n\r\n");
    let answer = host.feed(play.as_bytes());
    assert_eq!(answer, format!("RTSP/1.0 200 OK\\r\\nCSeq: 4\\r\\nSession: {id}\\r\\n\\r\\n"));
    assert_eq!(host.state(), Some(State::Playing));
    host.server.send_media(host.now, 4, Bytes::from_static(b"rtp")).unwrap();
    assert_eq!(host.sent(), "$\\x04\\x00\\x03rtp");
    host.feed(b"$\x05\x00\x04rtcp");
    let media = Event::Media { session: Some(key), channel: 5, payload: "rtcp".into() };
    assert_eq!(host.events.last(), Some(&media));
    let bye = format!("TEARDOWN rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\nSession: {id}\r\n\r\n");
    assert_eq!(host.feed(bye.as_bytes()), "RTSP/1.0 200 OK\\r\\nCSeq: 5\\r\\n\\r\\n");
    assert_eq!(host.ends(), [SessionEnd::TornDown]);
    assert_eq!(
        host.server.send_media(host.now, 4, Bytes::new()),
        Err(CommandError::UnknownChannel)
    );
    assert_eq!(host.server.poll_timeout(), None);
}

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

/// RFC 2326 A.2 seen from the wire: every state, every method that acts.
#[test]
fn the_state_table_on_the_wire() {
    let methods = ["SETUP", "PLAY", "RECORD", "PAUSE", "TEARDOWN"];
    let all = Methods::of(Method::KNOWN);
    for (preparation, state) in
        [(&[][..], State::Ready), (&["PLAY"], State::Playing), (&["RECORD"], State::Recording)]
    {
        for name in methods {
            let mut host = Host::new(Config::default().with_methods(all));
            let session = host.set_up();
            for step in preparation {
                assert_eq!(host.ask(step, "rtsp://h/a", &session), 200);
            }
            assert_eq!(host.state(), Some(state));
            let method = Method::from_name(name.as_bytes());
            let headers = format!("{session}Transport: RTP/AVP/TCP\r\n");
            let status = host.ask(name, "rtsp://h/a", &headers);
            match state.after(method) {
                None => {
                    assert_eq!((status, host.state()), (455, Some(state)), "{state} {name}");
                }
                Some(State::Init) => assert_eq!((status, host.state()), (200, None)),
                after => assert_eq!((status, host.state()), (200, after), "{state} {name}"),
            }
        }
    }
}

#[test]
fn a_refusal_changes_no_state() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    host.answers = false;
    let play = format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 9\r\n{session}\r\n");
    host.feed(play.as_bytes());
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    host.server.refuse(host.now, asked.id, StatusCode::NOT_ENOUGH_BANDWIDTH).unwrap();
    assert_eq!(status(&host.sent()), 453);
    assert_eq!(host.state(), Some(State::Ready));
}

/// RFC 2326 appendix A: a 3xx makes the state Init.
#[test]
fn a_redirection_ends_the_session() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    host.answers = false;
    host.feed(format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 9\r\n{session}\r\n").as_bytes());
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let moved = ResponseBuilder::new(StatusCode::FOUND).header(HeaderName::Location, "rtsp://x/");
    host.server.respond(host.now, asked.id, moved).unwrap();
    assert!(host.sent().contains("302 Found"));
    assert_eq!(host.ends(), [SessionEnd::Redirected]);
}

#[test]
fn a_range_that_cannot_be_read_is_457() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &format!("{session}Range: npt=x-\r\n")), 457);
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &format!("{session}Range: npt=now-\r\n")), 200);
}

#[test]
fn a_play_is_answered_with_its_range_and_streams() {
    for (version, info) in [
        ("1.0", "RTP-Info: url=rtsp://h/a/t0;seq=5;rtptime=160\\r\\n"),
        ("2.0", "RTP-Info: url=\\\"rtsp://h/a/t0\\\" ssrc=000000FF:seq=5;rtptime=160\\r\\n"),
    ] {
        let mut host = Host::new(Config::default());
        let session = host.set_up();
        host.answers = false;
        host.feed(format!("PLAY rtsp://h/a RTSP/{version}\r\nCSeq: 9\r\n{session}\r\n").as_bytes());
        let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("none") };
        let range = Range::parse(b"npt=0-").unwrap();
        let mut first = RtpInfo::new("rtsp://h/a/t0");
        (first.seq, first.rtptime, first.ssrc) = (Some(5), Some(160), Some(255));
        host.server.accept_play(host.now, asked.id, Some(&range), &[first]).unwrap();
        let answer = host.sent();
        assert!(answer.contains("Range: npt=0-\\r\\n"), "{answer}");
        assert!(answer.contains(info), "{answer}");
        assert!(answer.starts_with(&format!("RTSP/{version} 200")), "{answer}");
    }
}

/// Answers come in the order of the requests, one request is asked at a time, and media
/// does not wait for it.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut host = Host::passive(Config::default());
    host.feed(
        b"DESCRIBE rtsp://h/1 RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE rtsp://h/2 RTSP/1.0\r\nCSeq: 2\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n$\x07\0\0",
    );
    assert_eq!(host.events.len(), 2, "one request, one packet: {:?}", host.events);
    for cseq in 1..=2 {
        let asked = host
            .events
            .iter()
            .rev()
            .find_map(|event| match event {
                Event::Request(asked) => Some(asked.clone()),
                _ => None,
            })
            .unwrap();
        assert_eq!(asked.request.view().cseq(), Some(cseq));
        host.server.describe(host.now, asked.id, "rtsp://h/", "v=0\r\n").unwrap();
        let answer = host.sent();
        assert!(
            answer.starts_with(&format!("RTSP/1.0 200 OK\\r\\nCSeq: {cseq}\\r\\n")),
            "{answer}"
        );
        assert_eq!(answer.contains("CSeq: 3"), cseq == 2, "{answer}");
    }
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
fn channels_are_given_and_never_given_twice() {
    let mut host = Host::new(Config::default().with_streams_max(200));
    let session = host.set_up();
    let with = |transport: &str| format!("{session}Transport: {transport}\r\n");
    let channels = |host: &Host| {
        let (_, session) = host.server.sessions().next().unwrap();
        session.streams().last().unwrap().channels.unwrap()
    };
    assert_eq!(channels(&host), ChannelPair::starting_at(0));
    for (wanted, given) in [
        ("RTP/AVP/TCP;interleaved=0-1", 2),
        ("RTP/AVP/TCP;interleaved=10-11", 10),
        ("RTP/AVP/TCP;interleaved=1-2", 4),
        ("RTP/AVP/TCP", 6),
    ] {
        let url = format!("rtsp://h/a/{given}");
        assert_eq!(host.ask("SETUP", &url, &with(wanted)), 200);
        assert_eq!(channels(&host), ChannelPair::starting_at(given), "{wanted}");
    }
    assert_eq!(host.ask("SETUP", "rtsp://h/a/single", &with("RTP/AVP/TCP;interleaved=30")), 200);
    assert_eq!(channels(&host), ChannelPair { rtp: 30, rtcp: None });
    // Set up again: the same channels, also when the client does not name them.
    assert_eq!(host.ask("SETUP", "rtsp://h/a/single", &with("RTP/AVP/TCP;interleaved=30")), 200);
    assert_eq!(channels(&host), ChannelPair { rtp: 30, rtcp: None });
    while host.server.channels_for(None).is_some() {
        let url = format!("rtsp://h/a/x{}", host.cseq);
        assert_eq!(host.ask("SETUP", &url, &with("RTP/AVP/TCP")), 200);
    }
    host.answers = false;
    let last = format!("SETUP rtsp://h/a/last RTSP/1.0\r\nCSeq: 1\r\n{}\r\n", with("RTP/AVP/TCP"));
    host.feed(last.as_bytes());
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let offer = Transport::interleaved(None);
    let refused = host.server.accept_setup(host.now, asked.id, &offer);
    assert_eq!(refused, Err(CommandError::NoChannel));
    host.server.refuse(host.now, asked.id, StatusCode::UNSUPPORTED_TRANSPORT).unwrap();
}

#[test]
fn the_application_completes_a_udp_transport() {
    let mut host = Host::passive(Config::default());
    host.feed(
        b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: FOO/BAR, RTP/AVP/UDP;unicast;client_port=5000-5001\r\n\r\n",
    );
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let headers = asked.request.view().headers();
    let mut transport = headers.transports().flatten().find(|t| t.client_port.is_some()).unwrap();
    transport.server_port = Some(PortPair::new(6000, Some(6001)));
    transport.ssrc = Some(0xabc);
    let done = host.server.accept_setup(host.now, asked.id, &transport).unwrap();
    assert_eq!(done.channels, None);
    let answer = host.sent();
    let expected = "Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=00000ABC\\r\\n";
    assert!(answer.contains(expected), "{answer}");
}

#[test]
fn tearing_down_one_stream_of_two_keeps_the_session() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    let with = format!("{session}Transport: RTP/AVP/TCP\r\n");
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t1", &with), 200);
    assert_eq!(host.ask("TEARDOWN", "rtsp://h/a/t0", &session), 200);
    let (_, left) = host.server.sessions().next().unwrap();
    assert_eq!(left.streams().len(), 1);
    assert_eq!(left.streams()[0].url, "rtsp://h/a/t1");
    assert_eq!(host.ends(), []);
    assert_eq!(host.ask("TEARDOWN", "rtsp://h/a/t1", &session), 200);
    assert_eq!(host.ends(), [SessionEnd::TornDown]);
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &session), 454);
}

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

#[test]
fn requests_of_the_server_find_their_answers() {
    let mut host = Host::new(Config::default());
    let options = RequestBuilder::new(Method::Options, "*");
    let one = host.server.request(host.now, None, &options).unwrap();
    let two = host.server.request(host.now, None, &options).unwrap();
    let three = host.server.request(host.now, None, &options).unwrap();
    let wire = host.sent();
    assert_eq!(wire.matches("OPTIONS * RTSP/1.0\\r\\nCSeq: ").count(), 3, "{wire}");
    host.feed(b"RTSP/1.0 100 Continue\r\nCSeq: 2\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n");
    // Without a number: the oldest. With one that nobody waits for: none.
    host.feed(b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\nRTSP/1.0 501 No\r\n\r\n");
    let answered = |event: &Event| match event {
        Event::Response { id, response, .. } => Some((*id, response.view().status().code())),
        _ => None,
    };
    let found: Vec<_> = host.events.iter().filter_map(answered).collect();
    assert_eq!(found, [(two, 200), (one, 501)]);
    host.later(10);
    let failed = Event::RequestFailed { id: three, reason: RequestFailure::TimedOut };
    assert_eq!(host.events.last(), Some(&failed));
}

#[test]
fn the_answer_to_a_closed_stream_is_an_end_and_nothing_more() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    let ping = RequestBuilder::new(Method::Options, "*");
    let id = host.server.request(host.now, None, &ping).unwrap();
    host.sent();
    host.server.handle_input(host.now, Input::Eof);
    host.drain();
    let tail = &host.events[host.events.len() - 3..];
    assert_eq!(tail[0], Event::RequestFailed { id, reason: RequestFailure::Closed });
    assert!(matches!(tail[1], Event::SessionEnded { reason: SessionEnd::Closed, .. }));
    assert_eq!(tail[2], Event::Closed(CloseReason::Eof));
    assert_eq!(host.feed(session.as_bytes()), "");
    host.server.handle_input(host.now, Input::Eof);
    host.later(1000);
    assert_eq!(host.closed(), Some(CloseReason::Eof));
    assert!(!host.server.wants_input());
    let gone = Err(CommandError::Closed);
    assert_eq!(host.server.close(host.now), gone);
    assert_eq!(host.server.send_media(host.now, 0, Bytes::new()), gone);
    assert_eq!(host.server.accept(host.now, id), gone);
    assert_eq!(host.server.request(host.now, None, &ping).map(drop), gone);
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
fn commands_that_do_not_fit_change_nothing() {
    let mut host = Host::passive(Config::default());
    host.feed(b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP\r\n\r\n");
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let wrong = Err(CommandError::WrongMethod { method: Method::Setup });
    assert_eq!(host.server.accept(host.now, asked.id), wrong);
    assert_eq!(host.server.describe(host.now, asked.id, "x", ""), wrong);
    assert_eq!(host.server.accept_play(host.now, asked.id, None, &[]), wrong);
    let evil = ResponseBuilder::new(StatusCode::NOT_FOUND).header(HeaderName::Location, "a\r\nb");
    let refused = host.server.respond(host.now, asked.id, evil);
    assert_eq!(refused, Err(CommandError::Build(crate::BuildError::Value)));
    let strange = RequestId(999);
    assert_eq!(host.server.accept(host.now, strange), Err(CommandError::UnknownRequest));
    assert_eq!(host.sent(), "");
    let offer = Transport::interleaved(None);
    host.server.accept_setup(host.now, asked.id, &offer).unwrap();
    assert_eq!(status(&host.sent()), 200);
    assert_eq!(host.server.accept(host.now, asked.id), Err(CommandError::UnknownRequest));
    let nobody = SessionKey(77);
    assert_eq!(host.server.touch(host.now, nobody), Err(CommandError::UnknownSession));
    assert_eq!(host.server.end_session(host.now, nobody), Err(CommandError::UnknownSession));
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
fn memory_that_is_given_away_is_not_copied() {
    let mut host = Host::new(Config::default());
    let given = Bytes::from(b"$\x01\x00\x04data".to_vec());
    let address = given.as_ptr() as usize;
    host.server.handle_input(host.now, Input::Owned(given));
    host.drain();
    let Some(Event::Media { payload, .. }) = host.events.last() else { panic!("no media") };
    assert_eq!(payload.as_ptr() as usize, address + 4);
}

const DIALOGUE: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n\r\nDESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n$\x09\x00\x02hiSETUP rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP\r\n\r\nNONSENSE\r\n\r\nPLAY rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\nSession: x\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nSET_PARAMETER rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\nContent-Length: 4\r\n\r\na: 1$\x01\x00\x03abcGET_PARAMETER * RTSP/1.0\r\nContent-Length: 1,2\r\n\r\nmore";

/// A host that answers at once: packets may overtake requests that wait for an answer, so
/// the two are compared apart.
#[test]
fn a_dialogue_in_any_chunks() {
    assert_chunk_invariant(DIALOGUE, |chunks| {
        let mut host = Host::new(Config::default());
        for chunk in chunks {
            host.server.handle_input(host.now, Input::Data(chunk));
            host.drain();
        }
        assert!(matches!(host.closed(), Some(CloseReason::Protocol(_))));
        let is_media = |event: &Event| matches!(event, Event::Media { .. });
        let (media, rest): (Vec<_>, Vec<_>) = host.events.drain(..).partition(is_media);
        (host.sent(), media.len(), rest)
    });
}

/// A host that answers nothing: everything in one order.
#[test]
fn a_dialogue_without_answers_in_any_chunks() {
    assert_chunk_invariant(DIALOGUE, |chunks| {
        let mut host = Host::passive(Config::default());
        for chunk in chunks {
            host.server.handle_input(host.now, Input::Data(chunk));
            host.drain();
        }
        (host.sent(), host.events)
    });
}

/// A player that asks and closes at once still gets its answers.
#[test]
fn requests_before_the_end_are_answered() {
    let mut host = Host::passive(Config::default());
    host.feed(
        b"DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n",
    );
    host.server.handle_input(host.now, Input::Eof);
    host.drain();
    assert_eq!(host.closed(), None);
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    host.server.describe(host.now, asked.id, "rtsp://h/a/", "v=0\r\n").unwrap();
    let answers = host.sent();
    assert!(answers.contains("CSeq: 1\\r\\n") && answers.contains("CSeq: 2\\r\\n"), "{answers}");
    assert_eq!(host.closed(), Some(CloseReason::Eof));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any input, any command, at any time: no panic, `Closed` at most once and last.
    #[test]
    fn storms_of_input_and_commands(
        steps in proptest::collection::vec((0..12_u8, any::<u8>(), 0..DIALOGUE.len(), 0..60_usize), 1..80),
    ) {
        let mut host = Host::passive(Config::default().with_pending_max(3));
        for (step, n, at, len) in steps {
            let id = RequestId(u32::from(n % 8));
            let key = SessionKey(u32::from(n % 3));
            let now = host.now;
            let server = &mut host.server;
            match step {
                0..=3 => {
                    let end = (at + len).min(DIALOGUE.len());
                    server.handle_input(now, Input::Data(&DIALOGUE[at..end]));
                }
                4 => drop(server.accept(now, id)),
                5 => drop(server.accept_setup(now, id, &Transport::interleaved(None))),
                6 => drop(server.refuse(now, id, StatusCode::NOT_FOUND)),
                7 => drop(server.send_media(now, n, Bytes::from_static(b"x"))),
                8 => drop(server.request(now, Some(key), &RequestBuilder::new(Method::Options, "*"))),
                9 => drop(server.end_session(now, key)),
                10 if n == 0 => drop(server.close(now)),
                _ => host.later(u64::from(n)),
            }
            host.drain();
        }
        let closed = host.closed();
        if closed.is_some() {
            prop_assert!(matches!(host.events.last(), Some(Event::Closed(_))));
            prop_assert_eq!(host.server.poll_timeout(), None);
        }
    }
}
