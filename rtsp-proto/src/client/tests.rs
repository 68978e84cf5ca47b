#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    reason = "tests state what must hold"
)]

use super::*;
use crate::headers::{ChannelPair, PortPair, Range, Transport, TypedHeader};
use crate::message::{Method, ResponseBuilder, StatusCode};
use crate::state::State;
use crate::{BuildError, HeaderName};
use alloc::format;
use alloc::string::ToString;
use core::time::Duration;
use proto_wire::LimitKind;
use proto_wire::testing::chunks::assert_chunk_invariant;

const START: Instant = Instant::from_secs(1000);
pub(super) const URL: &str = "rtsp://h/a";

pub(super) struct Host {
    pub(super) client: Client,
    pub(super) now: Instant,
    pub(super) wire: Vec<u8>,
    pub(super) events: Vec<Event>,
}

impl Host {
    pub(super) fn new(config: Config) -> Self {
        Self {
            client: Client::new(START, Arc::new(config), Seed::from_u64(7)),
            now: START,
            wire: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Transmit(bytes) => self.wire.extend_from_slice(&bytes),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    pub(super) fn sent(&mut self) -> String {
        self.drain();
        core::mem::take(&mut self.wire).escape_ascii().to_string()
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.drain();
        self.events.clear();
        self.client.handle_input(self.now, Input::Data(bytes));
        self.drain();
        self.events.clone()
    }

    /// The server answers `cseq` with a status and headers.
    pub(super) fn answer(&mut self, cseq: u32, status: u16, headers: &str) -> Vec<Event> {
        self.feed(format!("RTSP/1.0 {status} X\r\nCSeq: {cseq}\r\n{headers}\r\n").as_bytes())
    }

    pub(super) fn later(&mut self, secs: u64) -> String {
        self.now = self.now.saturating_add(Duration::from_secs(secs));
        self.client.handle_timeout(self.now);
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a busy loop");
        self.sent()
    }

    /// A session with one interleaved stream; the next CSeq is 2.
    fn set_up(&mut self) -> SessionKey {
        let key = self.client.open_session(self.now, URL).unwrap();
        let offer = Transport::interleaved(Some(ChannelPair::starting_at(0)));
        self.client.setup(self.now, key, "rtsp://h/a/t", &[offer]).unwrap();
        self.sent();
        let cseq = self.client.next_cseq - 1;
        self.answer(cseq, 200, "Session: abc;timeout=20\r\n");
        key
    }

    pub(super) fn playing(&mut self) -> SessionKey {
        let key = self.set_up();
        self.client.play(self.now, key, None).unwrap();
        self.sent();
        let cseq = self.client.next_cseq - 1;
        self.answer(cseq, 200, "");
        assert_eq!(self.state(key), Some(State::Playing));
        key
    }

    fn state(&self, key: SessionKey) -> Option<State> {
        self.client.session(key).map(Session::state)
    }
}

pub(super) fn quiet() -> Config {
    Config::default().with_user_agent("")
}

#[test]
fn a_whole_session() {
    let mut host = Host::new(quiet());
    let now = host.now;
    host.client.options(now, "*").unwrap();
    assert_eq!(host.sent(), "OPTIONS * RTSP/1.0\\r\\nCSeq: 1\\r\\n\\r\\n");
    host.answer(1, 200, "Public: DESCRIBE, PLAY GET_PARAMETER\r\n");
    assert!(host.client.public().unwrap().contains(Method::GetParameter));
    host.client.describe(now, URL).unwrap();
    assert_eq!(
        host.sent(),
        "DESCRIBE rtsp://h/a RTSP/1.0\\r\\nCSeq: 2\\r\\nAccept: application/sdp\\r\\n\\r\\n"
    );
    let events = host.feed(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n");
    let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.body_bytes(), "v=0\r\n");

    let key = host.client.open_session(now, URL).unwrap();
    let offers = [
        Transport::interleaved(Some(ChannelPair::starting_at(0))),
        Transport::udp(PortPair::new(5000, Some(5001))),
    ];
    let setup = host.client.setup(now, key, "rtsp://h/a/t", &offers).unwrap();
    assert_eq!(
        host.sent(),
        "SETUP rtsp://h/a/t RTSP/1.0\\r\\nCSeq: 3\\r\\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;unicast;client_port=5000-5001\\r\\n\\r\\n"
    );
    let events = host.answer(
        3,
        200,
        "Session: abc;timeout=30\r\nTransport: RTP/AVP/TCP;interleaved=4-5\r\n",
    );
    let settled = Settled::Interleaved(ChannelPair::starting_at(4));
    assert!(matches!(&events[0], Event::Response { id, .. } if *id == setup));
    let ready = Event::StreamReady { session: key, url: "rtsp://h/a/t".into(), settled };
    assert_eq!(events[1], ready);
    assert_eq!(host.state(key), Some(State::Ready));

    let range = Range::parse(b"npt=0-").unwrap();
    host.client.play(now, key, Some(&range)).unwrap();
    assert_eq!(
        host.sent(),
        "PLAY rtsp://h/a RTSP/1.0\\r\\nCSeq: 4\\r\\nSession: abc\\r\\nRange: npt=0-\\r\\n\\r\\n"
    );
    // Media before the answer, as some servers send it.
    let events = host.feed(b"$\x04\0\x03rtpRTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n$\x09\0\0");
    let media = Event::Media { session: Some(key), channel: 4, payload: "rtp".into() };
    assert_eq!(events[0], media);
    let stray = Event::Media { session: None, channel: 9, payload: Bytes::new() };
    assert_eq!(events[2], stray);
    assert_eq!(host.state(key), Some(State::Playing));
    host.client.send_media(now, 5, Bytes::from_static(b"rtcp")).unwrap();
    assert_eq!(host.sent(), "$\\x05\\x00\\x04rtcp");
    let unknown = host.client.send_media(now, 6, Bytes::new());
    assert_eq!(unknown, Err(CommandError::UnknownChannel));

    host.client.teardown(now, key).unwrap();
    assert_eq!(
        host.sent(),
        "TEARDOWN rtsp://h/a RTSP/1.0\\r\\nCSeq: 5\\r\\nSession: abc\\r\\n\\r\\n"
    );
    // Media goes on until the server has read it.
    let events = host.feed(b"$\x04\0\x03rtpRTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n");
    let end = Event::SessionEnded { session: key, reason: SessionEnd::TornDown };
    assert_eq!(events.last(), Some(&end));
    assert_eq!(host.client.poll_timeout(), None);
}

/// RFC 2326 A.1: every state, every method that acts, what is sent and what follows.
#[test]
fn the_state_table_in_commands() {
    for (preparation, state) in [
        (&[][..], State::Ready),
        (&[Method::Play], State::Playing),
        (&[Method::Record], State::Recording),
    ] {
        for method in [Method::Play, Method::Record, Method::Pause, Method::Teardown] {
            let mut host = Host::new(quiet());
            let key = host.set_up();
            let now = host.now;
            let mut go = |method: Method| {
                let request = RequestBuilder::new(method, URL);
                let sent = host.client.request(now, Some(key), request).map(drop);
                if sent.is_ok() {
                    host.sent();
                    host.answer(host.client.next_cseq - 1, 200, "");
                }
                sent
            };
            for step in preparation {
                go(*step).unwrap();
            }
            let sent = go(method);
            match state.after(method) {
                None => {
                    assert_eq!(sent, Err(CommandError::State { method, state }));
                    assert_eq!(host.state(key), Some(state));
                }
                Some(State::Init) => assert_eq!((sent, host.state(key)), (Ok(()), None)),
                after => assert_eq!((sent, host.state(key)), (Ok(()), after)),
            }
        }
    }
    let mut host = Host::new(quiet());
    let key = host.client.open_session(host.now, URL).unwrap();
    for method in [Method::Play, Method::Record, Method::Pause] {
        let request = RequestBuilder::new(method, URL);
        let sent = host.client.request(host.now, Some(key), request);
        assert_eq!(sent, Err(CommandError::State { method, state: State::Init }));
    }
}

#[test]
fn a_failure_changes_no_state_and_454_and_3xx_end_the_session() {
    for (status, end) in [
        (455, None),
        (500, None),
        (786, None),
        (454, Some(SessionEnd::NotFound)),
        (302, Some(SessionEnd::Redirected)),
    ] {
        let mut host = Host::new(quiet());
        let key = host.set_up();
        host.client.play(host.now, key, None).unwrap();
        let events = host.answer(2, status, "");
        assert!(matches!(events[0], Event::Response { .. }));
        match end {
            None => assert_eq!((host.state(key), events.len()), (Some(State::Ready), 1)),
            Some(reason) => {
                let ended = Event::SessionEnded { session: key, reason };
                assert_eq!(events.last(), Some(&ended));
                assert_eq!(host.state(key), None);
            }
        }
    }
}

#[test]
fn requests_may_follow_each_other_without_waiting() {
    let mut host = Host::new(quiet());
    let key = host.set_up();
    let now = host.now;
    host.client.play(now, key, None).unwrap();
    host.client.pause(now, key).unwrap();
    host.client.play(now, key, None).unwrap();
    let again = host.client.record(now, key);
    let state = State::Playing;
    assert_eq!(again, Err(CommandError::State { method: Method::Record, state }));
    host.client.teardown(now, key).unwrap();
    let late = host.client.pause(now, key);
    assert!(matches!(late, Err(CommandError::State { .. })), "{late:?}");
    assert_eq!(host.sent().matches("RTSP/1.0").count(), 4);
    // Answers in another order complete the right requests.
    for cseq in [3, 2, 4, 5] {
        assert!(matches!(host.answer(cseq, 200, "")[0], Event::Response { .. }));
    }
    assert_eq!(host.state(key), None);
}

#[test]
fn a_session_has_no_id_before_its_first_answer() {
    let mut host = Host::new(quiet());
    let now = host.now;
    let key = host.client.open_session(now, URL).unwrap();
    let offer = [Transport::interleaved(None)];
    host.client.setup(now, key, "rtsp://h/a/1", &offer).unwrap();
    let second = host.client.setup(now, key, "rtsp://h/a/2", &offer);
    assert_eq!(second, Err(CommandError::NoSessionId));
    assert_eq!(host.client.play(now, key, None), Err(CommandError::NoSessionId));
    host.answer(1, 200, "Session: abc\r\n");
    host.client.setup(now, key, "rtsp://h/a/2", &offer).unwrap();
    assert!(host.sent().contains("Session: abc\\r\\n"));
    // Some cameras give another id to each stream: the first one stays.
    host.answer(2, 200, "Session: def\r\n");
    assert_eq!(host.client.session(key).unwrap().id(), Some("abc"));
    // Neither reply said which channels: each stream has its own.
    let streams = host.client.session(key).unwrap().streams();
    let channels: Vec<_> = streams.iter().map(|stream| stream.settled.clone()).collect();
    let pair = |n| Settled::Interleaved(ChannelPair::starting_at(n));
    assert_eq!(channels, [pair(0), pair(2)]);
}

/// Each row: what was offered, what the reply says, what it comes to.
#[test]
fn transports_as_servers_answer_them() {
    let tcp = Transport::interleaved(Some(ChannelPair::starting_at(0)));
    let udp = Transport::udp(PortPair::new(5000, Some(5001)));
    let channels = |rtp| Settled::Interleaved(ChannelPair::starting_at(rtp));
    let ports = |server_port, source: Option<&str>| Settled::Udp {
        client_port: Some(PortPair::new(5000, Some(5001))),
        server_port,
        source: source.map(String::from),
    };
    let server = Some(PortPair::new(6000, Some(6001)));
    for (offer, reply, expected) in [
        // No Transport at all: what was offered.
        (tcp, "", channels(0)),
        (udp, "", ports(None, None)),
        (tcp, "Transport: junk\r\n", channels(0)),
        // Other channels than asked for, or one.
        (tcp, "Transport: RTP/AVP/TCP;unicast;interleaved=10-11\r\n", channels(10)),
        (
            tcp,
            "Transport: RTP/AVP/TCP;interleaved=6\r\n",
            Settled::Interleaved(ChannelPair { rtp: 6, rtcp: None }),
        ),
        // TCP that is not said, and channels that are not said.
        (tcp, "Transport: RTP/AVP;unicast;interleaved=2-3\r\n", channels(2)),
        (tcp, "Transport: RTP/AVP/TCP;unicast\r\n", channels(0)),
        // Junk in ssrc.
        (tcp, "Transport: RTP/AVP/TCP;ssrc= d6d6627;interleaved=0-1\r\n", channels(0)),
        (udp, "Transport: RTP/AVP;unicast;server_port=6000-6001\r\n", ports(server, None)),
        (
            udp,
            "Transport: RTP/AVP;client_port=5000-5001;server_port=6000-6001;source=10.0.0.1\r\n",
            ports(server, Some("10.0.0.1")),
        ),
        (udp, "Transport: RTP/AVP;unicast;source=\r\n", ports(None, None)),
        (
            udp,
            "Transport: RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\";src_addr=\"10.0.0.1:6000\"/\"10.0.0.1:6001\"\r\n",
            ports(server, Some("10.0.0.1")),
        ),
        (
            udp,
            "Transport: RTP/AVP;multicast;destination=224.1.1.1;port=3000-3001;ttl=16\r\n",
            Settled::Multicast {
                group: Some("224.1.1.1".into()),
                port: Some(PortPair::new(3000, Some(3001))),
                ttl: Some(16),
            },
        ),
    ] {
        let mut host = Host::new(quiet());
        let key = host.client.open_session(host.now, URL).unwrap();
        host.client.setup(host.now, key, "rtsp://h/a/t", &[offer]).unwrap();
        host.sent();
        let events = host.answer(1, 200, &format!("Session: x\r\n{reply}"));
        let Some(Event::StreamReady { settled, .. }) = events.last() else { panic!("{events:?}") };
        assert_eq!(settled, &expected, "{reply}");
    }
}

#[test]
fn a_response_without_a_number_answers_the_oldest() {
    let mut host = Host::new(quiet());
    let one = host.client.options(host.now, "*").unwrap();
    host.client.describe(host.now, URL).unwrap();
    host.sent();
    let events = host.feed(b"RTSP/1.0 200 OK\r\n\r\n");
    assert!(matches!(&events[0], Event::Response { id, .. } if *id == one), "{events:?}");
}

/// A camera answers a keep-alive with the number of the request before.
#[test]
fn a_response_with_a_stale_number_completes_nothing() {
    let mut host = Host::new(quiet());
    let key = host.playing();
    host.client.pause(host.now, key).unwrap();
    let events = host.answer(2, 400, "");
    assert!(matches!(events[..], [Event::Unmatched { .. }]), "{events:?}");
    assert_eq!(host.state(key), Some(State::Playing));
    host.answer(3, 200, "");
    assert_eq!(host.state(key), Some(State::Ready));
}

/// RFC 7826 §20.2.3: `1*9DIGIT`.
#[test]
fn numbers_begin_again_behind_nine_digits_and_are_never_used_twice_at_once() {
    let mut host = Host::new(quiet());
    host.client.describe(host.now, URL).unwrap();
    host.client.next_cseq = 999_999_999;
    host.client.describe(host.now, URL).unwrap();
    host.client.options(host.now, "*").unwrap();
    let sent = host.sent();
    assert!(sent.contains("CSeq: 999999999\\r\\n"), "{sent}");
    // 1 is waited for still.
    assert!(sent.contains("OPTIONS * RTSP/1.0\\r\\nCSeq: 2\\r\\n"), "{sent}");
    assert!(matches!(host.answer(1, 200, "")[..], [Event::Response { .. }]));
    assert!(matches!(host.answer(999_999_999, 200, "")[..], [Event::Response { .. }]));
}

#[test]
fn interim_responses_give_more_time() {
    let mut host = Host::new(quiet());
    let id = host.client.describe(host.now, URL).unwrap();
    host.sent();
    host.later(9);
    assert_eq!(host.answer(1, 100, ""), []);
    host.later(9);
    assert_eq!(host.events, []);
    host.later(1);
    let failed =
        Event::RequestFailed { id, method: Method::Describe, reason: RequestFailure::TimedOut };
    assert_eq!(host.events, [failed]);
    let events = host.answer(1, 200, "");
    assert!(matches!(events[..], [Event::Unmatched { .. }]), "too late");
}

#[test]
fn requests_of_the_server_are_never_dropped() {
    let accepted = Methods::of(&[Method::Announce, Method::Redirect]);
    let mut host = Host::new(quiet().with_accepted_methods(accepted).with_pending_max(1));
    host.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\n");
    assert_eq!(
        host.sent(),
        "RTSP/1.0 200 OK\\r\\nCSeq: 5\\r\\nPublic: OPTIONS, ANNOUNCE, REDIRECT\\r\\n\\r\\n"
    );
    assert!(matches!(host.events[..], [Event::Request { id: None, .. }]));
    host.feed(
        b"SET_PARAMETER * RTSP/2.0\r\nCSeq: 6\r\n\r\nBLAH * RTSP/1.0\r\n\r\nBAD\r\nCSeq: 8\r\n\r\n",
    );
    assert_eq!(
        host.sent(),
        "RTSP/2.0 501 Not Implemented\\r\\nCSeq: 6\\r\\n\\r\\nRTSP/1.0 400 Bad Request\\r\\n\\r\\nRTSP/1.0 400 Bad Request\\r\\nCSeq: 8\\r\\n\\r\\n"
    );
    // Interleaved with an answer: told apart by the first token.
    host.client.describe(host.now, URL).unwrap();
    host.sent();
    let events = host.feed(
        b"ANNOUNCE * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nv=RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nREDIRECT * RTSP/1.0\r\nCSeq: 2\r\n\r\n",
    );
    let [Event::Request { id: Some(id), request }, Event::Response { .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(request.view().body(), b"v=");
    assert_eq!(host.sent(), "RTSP/1.0 503 Service Unavailable\\r\\nCSeq: 2\\r\\n\\r\\n");
    let ok = ResponseBuilder::new(StatusCode::OK);
    host.client.respond(host.now, *id, &ok).unwrap();
    assert_eq!(host.sent(), "RTSP/1.0 200 OK\\r\\nCSeq: 1\\r\\n\\r\\n");
    assert_eq!(host.client.respond(host.now, *id, &ok), Err(CommandError::UnknownRequest));
}

#[test]
fn limits_hold_at_n_and_not_at_n_plus_1() {
    let config = quiet().with_pending_max(2).with_sessions_max(2).with_malformed_max(2);
    let mut host = Host::new(config.with_queue_max(104).with_interleaved_max(3));
    let now = host.now;
    host.client.options(now, "*").unwrap();
    host.client.options(now, "*").unwrap();
    let refused = host.client.options(now, "*");
    assert_eq!(refused, Err(CommandError::Limit(LimitKind::Pending)));
    host.client.open_session(now, URL).unwrap();
    host.client.open_session(now, URL).unwrap();
    let refused = host.client.open_session(now, URL);
    assert_eq!(refused, Err(CommandError::Limit(LimitKind::Sessions)));
    host.sent();
    host.answer(1, 200, "");
    host.answer(2, 200, "");
    let key = host.client.sessions().next().unwrap().0;
    let offer = Transport::interleaved(Some(ChannelPair::starting_at(0)));
    host.client.setup(now, key, URL, &[offer]).unwrap();
    host.sent();
    host.answer(3, 200, "Session: x\r\n");
    host.client.send_media(now, 0, Bytes::from(alloc::vec![0; 100])).unwrap();
    let refused = host.client.send_media(now, 0, Bytes::new());
    assert_eq!(refused, Err(CommandError::Limit(LimitKind::Queue)));
    assert_eq!(host.feed(b"$\x00\x00\x03abc").len(), 1);
    host.feed(b"RTSP/1.0 x\r\n\r\nRTSP/1.0 x\r\n\r\n");
    assert_eq!(host.events, []);
    host.feed(b"$\x00\x00\x04");
    let closed = Event::Closed(CloseReason::Limit(LimitKind::Interleaved));
    assert_eq!(host.events.last(), Some(&closed));
    let mut host = Host::new(quiet().with_malformed_max(2));
    host.feed(b"RTSP/1.0 x\r\n\r\nRTSP/1.0 x\r\n\r\nRTSP/1.0 x\r\n\r\n");
    let closed = Event::Closed(CloseReason::Limit(LimitKind::Malformed));
    assert_eq!(host.events, [closed]);
}

#[test]
fn the_end_of_the_stream_ends_everything_once() {
    let mut host = Host::new(quiet());
    let key = host.playing();
    let id = host.client.describe(host.now, URL).unwrap();
    host.sent();
    host.events.clear();
    host.client.handle_input(host.now, Input::Eof);
    host.client.handle_input(host.now, Input::Eof);
    host.later(1000);
    let failed =
        Event::RequestFailed { id, method: Method::Describe, reason: RequestFailure::Closed };
    let ended = Event::SessionEnded { session: key, reason: SessionEnd::Closed };
    assert_eq!(host.events, [failed, ended, Event::Closed(CloseReason::Eof)]);
    assert_eq!(host.client.describe(host.now, URL), Err(CommandError::Closed));
    assert_eq!(host.client.close(host.now), Err(CommandError::Closed));
    assert!(!host.client.wants_input());
}

#[test]
fn what_cannot_be_sent_changes_nothing() {
    let mut host = Host::new(quiet());
    let now = host.now;
    let uri = Err(CommandError::Build(BuildError::Uri));
    assert_eq!(host.client.describe(now, "a b"), uri);
    assert_eq!(host.client.open_session(now, "").map(drop), uri.map(drop));
    let key = host.client.open_session(now, URL).unwrap();
    assert!(host.client.setup(now, key, URL, &[]).is_err());
    let wrong = Err(CommandError::WrongMethod { method: Method::Setup });
    assert_eq!(host.client.request(now, None, RequestBuilder::new(Method::Setup, URL)), wrong);
    let evil = RequestBuilder::new(Method::Options, "*").header(HeaderName::From, "a\r\nb");
    assert!(host.client.request(now, None, evil).is_err());
    let nobody = host.client.pause(now, SessionKey(99));
    assert_eq!(nobody, Err(CommandError::UnknownSession));
    assert_eq!(host.sent(), "");
    host.client.options(now, "*").unwrap();
    assert!(host.sent().contains("CSeq: 1\\r\\n"), "no number was used up");
}

const DIALOGUE: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: PLAY\r\n\r\n$\x00\x00\x02hiRTSP/1.0 401 No\r\nCSeq: 2\r\n\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\nRTSP/1.0 200\r\nCSeq: 3\r\nSession: abc;timeout=2\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\nContent-Length: 3\r\n\r\n$$$NONSENSE\r\nCSeq: 9\r\n\r\nRTSP/1.0 200 OK\r\n\r\n$\x01\x00\x03abcRTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\nmore";

#[test]
fn a_dialogue_in_any_chunks() {
    assert_chunk_invariant(DIALOGUE, |chunks| {
        let mut host = Host::new(quiet());
        let now = host.now;
        host.client.options(now, "*").unwrap();
        host.client.describe(now, URL).unwrap();
        let key = host.client.open_session(now, URL).unwrap();
        host.client.setup(now, key, URL, &[Transport::interleaved(None)]).unwrap();
        for chunk in chunks {
            host.client.handle_input(now, Input::Data(chunk));
        }
        host.drain();
        assert!(matches!(host.events.last(), Some(Event::Closed(CloseReason::Protocol(_)))));
        (host.sent(), host.events)
    });
}
