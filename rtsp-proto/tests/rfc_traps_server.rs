//! What implementations get wrong in the RFCs, where it concerns a server: a test for each.
//!
//! Those with a file of their own: Appendix B of RFC 7826 in `server_v2.rs`; RTP-Info, digest,
//! tunnels and datagrams beside the code that does them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::sync::Arc;
use core::time::Duration;
use rtsp_proto::headers::{ChannelPair, Mode, PortPair};
use rtsp_proto::server::{Carrier, Config, Event, Incoming, Input, Server};
use rtsp_proto::{
    CloseReason, Instant, Method, Methods, Output, RequestBuilder, ResponseBuilder, Seed,
    SessionEnd, State, StatusCode,
};

/// A server whose application agrees to everything.
struct Host {
    server: Server,
    now: Instant,
    events: Vec<Event>,
    agrees: bool,
}

impl Host {
    fn new(config: Config) -> Self {
        let now = Instant::from_secs(100);
        let server = Server::new(now, Arc::new(config), Seed::from_u64(11));
        Self { server, now, events: Vec::new(), agrees: true }
    }

    fn feed(&mut self, bytes: &[u8]) -> String {
        self.server.handle_input(self.now, Input::Data(bytes));
        self.drain()
    }

    fn drain(&mut self) -> String {
        let mut wire = Vec::new();
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Transmit(bytes) => wire.extend_from_slice(&bytes),
                Output::Event(event) => {
                    if let (Event::Request(asked), true) = (&event, self.agrees) {
                        self.agree(asked);
                    }
                    self.events.push(event);
                }
            }
        }
        String::from_utf8(wire).unwrap()
    }

    fn agree(&mut self, asked: &Incoming) {
        let (now, id) = (self.now, asked.id);
        if asked.method != Method::Setup {
            return self.server.accept(now, id).unwrap();
        }
        match self.server.choose(asked, &[Carrier::Udp, Carrier::Interleaved, Carrier::Multicast]) {
            Ok(offer) => drop(self.server.accept_setup(now, id, &offer).unwrap()),
            Err(status) => self.server.refuse(now, id, status).unwrap(),
        }
    }

    /// Sets up one interleaved stream: the Session line.
    fn set_up(&mut self, url: &str, headers: &str) -> String {
        let answer = self.feed(
            format!("SETUP {url} RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP\r\n{headers}\r\n")
                .as_bytes(),
        );
        assert!(answer.starts_with("RTSP/1.0 200"), "{answer}");
        let (_, session) = self.server.sessions().last().unwrap();
        format!("Session: {}\r\n", session.id())
    }

    fn asked(&self) -> &Incoming {
        let last = self.events.iter().rev().find_map(|event| match event {
            Event::Request(asked) => Some(asked),
            _ => None,
        });
        last.unwrap()
    }
}

fn new() -> Host {
    Host::new(Config::default())
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("")
}

fn ask(host: &mut Host, line: &str, headers: &str) -> String {
    host.feed(format!("{line}\r\nCSeq: 42\r\n{headers}\r\n").as_bytes())
}

/// 1: no Content-Length means no body (RFC 2326 §4.4); a length that is none ends it all.
#[test]
fn t01_content_length() {
    let two = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n";
    assert_eq!(new().feed(two).matches("200 OK").count(), 2);
    for length in ["+5", "-1", "5, 3", "5\r\nContent-Length: 3", "18446744073709551615", "0x5", ""]
    {
        let mut host = new();
        let request =
            format!("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nContent-Length: {length}\r\n\r\n12345");
        let answer = host.feed(request.as_bytes());
        assert!(matches!(status(&answer), "400" | "413"), "{length}: {answer}");
        assert!(matches!(host.events.last(), Some(Event::Closed(_))), "{length}");
    }
    let same = "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab";
    assert_eq!(status(&new().feed(same.as_bytes())), "200");
}

/// 2: CR, LF and CRLF end lines (RFC 2326 §4); empty lines stand anywhere between messages.
#[test]
fn t02_line_ends_and_empty_lines() {
    for end in ["\r\n", "\n", "\r"] {
        let request = format!("OPTIONS * RTSP/1.0{end}CSeq: 3{end}{end}");
        let mut host = new();
        let answer = host.feed(request.as_bytes());
        // A CR at the end may still get its LF: what follows tells.
        let answer = answer + &host.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n");
        assert!(answer.contains("CSeq: 3\r\n") && answer.contains("CSeq: 4\r\n"), "{answer}");
    }
    let mut host = new();
    let answer = host.feed(b"\r\n\r\n$\x00\x00\x02hi\r\n\nOPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n");
    assert_eq!(status(&answer), "200");
    assert!(matches!(&host.events[0], Event::Media { payload, .. } if &payload[..] == b"hi"));
}

/// 3: frames stand between messages, may be empty, on any channel; a body may begin with `$`.
#[test]
fn t03_frames_anywhere() {
    let mut host = new();
    let answer = host.feed(
        b"$\xff\x00\x00OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x01\x00\x01xSET_PARAMETER * RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\n$\x00\x00\x09OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n",
    );
    assert_eq!(answer.matches("200 OK").count(), 3, "{answer}");
    let frames: Vec<_> = host
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Media { channel, payload, .. } => Some((*channel, payload.len())),
            _ => None,
        })
        .collect();
    assert_eq!(frames, [(255, 0), (1, 1)]);
    assert_eq!(host.asked().request.view().body(), b"$\x00\x00\x09");
}

/// 4: names of headers and tags have no case, names of methods have; `CSeq` is written so.
#[test]
fn t04_cases() {
    let mut host = Host::new(Config::default().with_features(vec!["Play.Basic".into()]));
    let answer = host.feed(b"OPTIONS * RTSP/1.0\r\ncseq: 9\r\nREQUIRE: play.BASIC\r\n\r\n");
    assert!(answer.starts_with("RTSP/1.0 200 OK\r\nCSeq: 9\r\n"), "{answer}");
    assert_eq!(status(&ask(&mut host, "options * RTSP/1.0", "")), "501");
    let answer = ask(&mut host, "SETUP rtsp://h/a RTSP/1.0", "transport: rtp/avp/tcp;UNICAST\r\n");
    assert!(answer.contains("\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), "{answer}");
}

/// 5: several lines are one list.
#[test]
fn t05_lists_over_several_lines() {
    let mut host = new();
    let headers = "Transport: FOO/BAR;unicast\r\nTransport: RTP/AVP;unicast;client_port=4-5\r\n";
    let answer = ask(&mut host, "SETUP rtsp://h/a RTSP/1.0", headers);
    assert!(answer.contains("Transport: RTP/AVP;unicast;client_port=4-5\r\n"), "{answer}");
    let headers = "Require: a\r\nRequire: b, c\r\n";
    assert!(ask(&mut host, "OPTIONS * RTSP/1.0", headers).contains("Unsupported: a, b, c\r\n"));
}

/// 6: one odd byte spoils nothing.
#[test]
fn t06_odd_bytes() {
    let mut host = new();
    let answer = host.feed(
        b"DESCRIBE rtsp://h/caf\xc3\xa9 RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: caf\xe9\r\nX: \x01\r\n\r\n",
    );
    assert_eq!(status(&answer), "200");
    assert_eq!(host.asked().request.view().uri(), "rtsp://h/caf\u{e9}");
}

/// 7: a client answers with a status that nobody knows: it counts as x00, and is told as it is.
#[test]
fn t07_unknown_statuses() {
    let mut host = new();
    let ping = RequestBuilder::new(Method::Options, "*");
    for (line, code) in [("299", 299), ("499 Odd", 499), ("786", 786), ("200", 200)] {
        let id = host.server.request(host.now, None, &ping).unwrap();
        let wire = host.drain();
        let cseq = wire.split("CSeq: ").nth(1).unwrap().trim();
        host.feed(format!("RTSP/1.0 {line}\r\nCSeq: {cseq}\r\n\r\n").as_bytes());
        let Some(Event::Response { id: found, response, .. }) = host.events.last() else {
            panic!("{line}")
        };
        assert_eq!((*found, response.view().status().code()), (id, code));
    }
}

/// 8: a peer is answered in its version, an unknown one with 505 in the highest.
#[test]
fn t08_versions() {
    for (asked, answered, code) in
        [("1.0", "1.0", "200"), ("2.0", "2.0", "200"), ("1.1", "2.0", "505"), ("3.0", "2.0", "505")]
    {
        let answer = ask(&mut new(), &format!("OPTIONS * RTSP/{asked}"), "");
        assert!(answer.starts_with(&format!("RTSP/{answered} {code} ")), "{answer}");
        assert!(answer.contains("CSeq: 42\r\n"), "{answer}");
    }
}

/// 9: every answer has the CSeq of its request, refusals too; without one it is 400; the two
/// directions count apart.
#[test]
fn t09_sequence_numbers() {
    let mut host = new();
    for line in [
        "OPTIONS * RTSP/1.0",
        "PLAY rtsp://h/ RTSP/1.0",
        "DANCE * RTSP/1.0",
        "OPTIONS * RTSP/7.0",
        "RECORD rtsp://h/ RTSP/1.0",
    ] {
        assert!(ask(&mut host, line, "").contains("\r\nCSeq: 42\r\n"), "{line}");
    }
    assert_eq!(status(&host.feed(b"OPTIONS * RTSP/1.0\r\n\r\n")), "400");
    for cseq in ["0", "4294967295", "999999999"] {
        let answer = host.feed(format!("OPTIONS * RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n").as_bytes());
        assert!(answer.contains(&format!("CSeq: {cseq}\r\n")), "{answer}");
    }
    let ping = RequestBuilder::new(Method::Options, "*");
    for expected in 1..=3 {
        host.server.request(host.now, None, &ping).unwrap();
        assert!(host.drain().contains(&format!("\r\nCSeq: {expected}\r\n")));
        assert_eq!(status(&ask(&mut host, "OPTIONS * RTSP/1.0", "")), "200");
    }
}

/// 10: answers in the order of the requests; requests of the server stand between them.
#[test]
fn t10_order_and_both_directions() {
    let mut host = new();
    host.agrees = false;
    let pair =
        b"DESCRIBE rtsp://h/1 RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n";
    assert_eq!(host.feed(pair), "", "the second waits for the first");
    let ping = RequestBuilder::new(Method::Options, "*");
    let id = host.server.request(host.now, None, &ping).unwrap();
    assert!(host.drain().starts_with("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n"));
    // The client's answer is taken although its own request waits (RFC 7826 §10.2).
    host.feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    assert!(matches!(host.events.last(), Some(Event::Response { id: found, .. }) if *found == id));
    let first = host.asked().id;
    host.server.describe(host.now, first, "rtsp://h/1/", "v=0\r\n").unwrap();
    let answers = host.drain();
    let (one, two) = (answers.find("CSeq: 1").unwrap(), answers.find("CSeq: 2").unwrap());
    assert!(one < two, "{answers}");
}

/// 11: Connection, Via, Timestamp: read, echoed, obeyed.
#[test]
fn t11_headers_that_are_rarely_obeyed() {
    let mut host = new();
    let headers = "Via: RTSP/1.0 proxy.example\r\nTimestamp: 12.5\r\nConnection: close\r\n";
    let answer = ask(&mut host, "OPTIONS * RTSP/1.0", headers);
    assert_eq!(status(&answer), "200");
    assert!(answer.contains("\r\nTimestamp: 12.5\r\n"), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    assert_eq!(host.events.last(), Some(&Event::Closed(CloseReason::Requested)));
    let mut host = new();
    host.agrees = false;
    ask(&mut host, "DESCRIBE rtsp://h/a RTSP/1.0", "");
    let busy = ResponseBuilder::new(StatusCode::SERVICE_UNAVAILABLE)
        .header(rtsp_proto::HeaderName::RetryAfter, 30);
    let id = host.asked().id;
    host.server.respond(host.now, id, busy).unwrap();
    assert!(host.drain().contains("\r\nRetry-After: 30\r\n"));
}

/// 12: the timeout is the server's to say, and any request with the session keeps it.
#[test]
fn t12_timeouts() {
    let config = Config::default().with_session_timeout(Duration::from_secs(30));
    let mut host = Host::new(config);
    let answer = ask(&mut host, "SETUP rtsp://h/a RTSP/1.0", "Transport: RTP/AVP/TCP\r\n");
    assert!(answer.contains(";timeout=30\r\n"), "{answer}");
    let session = format!("Session: {}", host.server.sessions().next().unwrap().1.id());
    for (i, suffix) in [";timeout=5", "; timeout=999", " ; Timeout = 1 ", ""].iter().enumerate() {
        host.now = host.now.saturating_add(Duration::from_secs(29));
        host.server.handle_timeout(host.now);
        let line = if i % 2 == 0 { "OPTIONS * RTSP/1.0" } else { "DESCRIBE rtsp://h/a RTSP/1.0" };
        let answer = ask(&mut host, line, &format!("{session}{suffix}\r\n"));
        assert_eq!(status(&answer), "200", "{suffix}");
        assert!(!answer.contains("timeout"), "only the answer to SETUP says it: {answer}");
    }
    host.now = host.now.saturating_add(Duration::from_secs(30));
    host.server.handle_timeout(host.now);
    host.drain();
    let ended = host
        .events
        .iter()
        .filter(|event| matches!(event, Event::SessionEnded { reason: SessionEnd::Expired, .. }));
    assert_eq!(ended.count(), 1);
}

/// 13: an id is opaque, has a case, at least eight characters; SETUP without one makes a new
/// session.
#[test]
fn t13_session_ids() {
    let mut host = new();
    let one = host.set_up("rtsp://h/a", "");
    let two = host.set_up("rtsp://h/a", "");
    assert_ne!(one, two);
    let id = one.trim().trim_start_matches("Session: ");
    assert!((8..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()));
    for wrong in [id.to_uppercase(), format!("{id}x"), "12345678".into()] {
        if wrong != id {
            let answer =
                ask(&mut host, "PLAY rtsp://h/a RTSP/1.0", &format!("Session: {wrong}\r\n"));
            assert_eq!(status(&answer), "454", "{wrong}");
        }
    }
    host.set_up("rtsp://h/b", &one);
    assert_eq!(host.server.sessions().count(), 2, "it was added to the first");
}

/// 14: TEARDOWN of one stream keeps the session, and the answer says so.
#[test]
fn t14_teardown_of_a_stream() {
    let mut host = new();
    let session = host.set_up("rtsp://h/a/0", "");
    host.set_up("rtsp://h/a/1", &session);
    let answer = ask(&mut host, "TEARDOWN rtsp://h/a/0 RTSP/1.0", &session);
    assert!(answer.contains("\r\nSession: "), "{answer}");
    let answer = ask(&mut host, "TEARDOWN rtsp://h/a/1 RTSP/1.0", &session);
    assert!(status(&answer) == "200" && !answer.contains("\r\nSession: "), "{answer}");
    assert_eq!(host.server.sessions().count(), 0);
}

/// 15: in 1.0 a state belongs to a URL; SETUP while it plays keeps playing; the end of a range
/// is `Ready`.
#[test]
fn t15_appendix_a() {
    let mut host = new();
    let session = host.set_up("rtsp://h/a/0", "");
    host.set_up("rtsp://h/a/1", &session);
    assert_eq!(status(&ask(&mut host, "PLAY rtsp://h/a/0 RTSP/1.0", &session)), "200");
    let states = |host: &Host| {
        let (_, session) = host.server.sessions().next().unwrap();
        session.streams().iter().map(|stream| stream.state).collect::<Vec<_>>()
    };
    assert_eq!(states(&host), [State::Playing, State::Ready]);
    host.set_up("rtsp://h/a/0", &session);
    assert_eq!(states(&host), [State::Playing, State::Ready]);
    let (key, _) = host.server.sessions().next().unwrap();
    host.server.range_ended(host.now, key).unwrap();
    assert_eq!(states(&host), [State::Ready, State::Ready]);
}

/// 17: a 3xx makes the state Init, a 4xx changes nothing.
#[test]
fn t17_redirections_and_failures() {
    for (code, is_left) in [(StatusCode::FOUND, false), (StatusCode::NOT_FOUND, true)] {
        let mut host = new();
        let session = host.set_up("rtsp://h/a", "");
        host.agrees = false;
        ask(&mut host, "PLAY rtsp://h/a RTSP/1.0", &session);
        let id = host.asked().id;
        host.server.refuse(host.now, id, code).unwrap();
        assert_eq!(host.server.sessions().next().is_some(), is_left, "{code}");
    }
}

/// 18: Public lists what there is, 405 has Allow, and each refusal its own status.
#[test]
fn t18_the_right_refusals() {
    let mut host = new();
    let options = ask(&mut host, "OPTIONS * RTSP/1.0", "");
    let public = options.split("Public: ").nth(1).unwrap().split('\r').next().unwrap();
    let methods = Methods::from_text(public.as_bytes());
    assert!(methods.contains(Method::Setup) && !methods.contains(Method::Record));
    let answer = ask(&mut host, "RECORD rtsp://h/ RTSP/1.0", "");
    assert!(status(&answer) == "405" && answer.contains("\r\nAllow: OPTIONS, "), "{answer}");
    let session = host.set_up("rtsp://h/a", "");
    for (line, headers, expected) in [
        ("OPTIONS * RTSP/1.0", "Require: x\r\n", "551"),
        ("SETUP rtsp://h/b RTSP/1.0", "Transport: FOO/BAR\r\n", "461"),
        ("PLAY rtsp://h/a RTSP/1.0", "Range: npt=soon-\r\n", "457"),
    ] {
        let headers = format!("{}{headers}", if line.starts_with("PLAY") { &session } else { "" });
        let answer = ask(&mut host, line, &headers);
        assert_eq!(status(&answer), expected, "{answer}");
    }
}

/// 19: a `GET_PARAMETER` without a body is a sign of life and asks nobody.
#[test]
fn t19_keep_alive() {
    let mut host = new();
    let session = host.set_up("rtsp://h/a", "");
    let before = host.events.len();
    for line in ["GET_PARAMETER rtsp://h/a RTSP/1.0", "GET_PARAMETER * RTSP/1.0"] {
        assert_eq!(status(&ask(&mut host, line, &session)), "200");
    }
    assert_eq!(host.events.len(), before);
}

/// 20: the client's order counts, one transport comes back, `mode` is read in any spelling, and
/// without `unicast` unicast is meant.
#[test]
fn t20_transport_lists() {
    for (offers, answer) in [
        (
            "RTP/AVP;unicast;client_port=4-5, RTP/AVP/TCP;interleaved=0-1",
            "RTP/AVP;unicast;client_port=4-5",
        ),
        ("RTP/AVP/TCP, RTP/AVP;client_port=4-5", "RTP/AVP/TCP;unicast;interleaved=0-1"),
        ("RTP/AVP;client_port=4-5", "RTP/AVP;unicast;client_port=4-5"),
        (
            "RTP/AVP;unicast;client_port=4-5;mode=\"PLAY\"",
            "RTP/AVP;unicast;client_port=4-5;mode=PLAY",
        ),
    ] {
        let mut host = new();
        let headers = format!("Transport: {offers}\r\n");
        let wire = ask(&mut host, "SETUP rtsp://h/a RTSP/1.0", &headers);
        assert!(wire.contains(&format!("\r\nTransport: {answer}\r\n")), "{wire}");
    }
    let all = Config::default().with_methods(Methods::of(Method::KNOWN));
    for mode in ["RECORD", "\"record\"", "receive", "Record"] {
        let mut host = Host::new(all.clone());
        let headers = format!("Transport: RTP/AVP/TCP;mode={mode}\r\n");
        let answer = ask(&mut host, "SETUP rtsp://h/a RTSP/1.0", &headers);
        assert!(answer.contains(";mode=record\r\n"), "{answer}");
        assert_eq!(host.server.sessions().next().unwrap().1.streams()[0].mode, Mode::RECORD);
    }
}

/// 21: one port means it and the next, one channel is one; 65,536 is none.
#[test]
fn t21_ports_and_channels() {
    let mut host = new();
    host.agrees = false;
    let headers = "Transport: RTP/AVP;unicast;client_port=5000\r\n";
    ask(&mut host, "SETUP rtsp://h/a RTSP/1.0", headers);
    let offer = host.server.choose(host.asked(), &[Carrier::Udp]).unwrap();
    let ports = offer.client_port.unwrap();
    assert_eq!((ports.rtp, ports.rtcp()), (5000, 5001));
    assert_eq!(ports, PortPair::new(5000, None), "and is written as it came");
    let mut host = new();
    let headers = "Transport: RTP/AVP/TCP;interleaved=6\r\n";
    ask(&mut host, "SETUP rtsp://h/a RTSP/1.0", headers);
    let channels = host.server.sessions().next().unwrap().1.streams()[0].channels;
    assert_eq!(channels, Some(ChannelPair { rtp: 6, rtcp: None }));
    for wrong in ["client_port=65536-65537", "client_port=x", "client_port=-1"] {
        let headers = format!("Transport: RTP/AVP;unicast;{wrong}\r\n");
        assert_eq!(
            status(&ask(&mut new(), "SETUP rtsp://h/a RTSP/1.0", &headers)),
            "461",
            "{wrong}"
        );
    }
}

/// 22: ranges in all their spellings reach the application.
#[test]
fn t22_ranges() {
    let mut host = new();
    let session = host.set_up("rtsp://h/a", "");
    for range in [
        "npt=1.-",
        "npt=now-",
        "npt=-20",
        "npt=123:59:59.5-",
        "npt=0.12345678901234-5",
        "smpte=10:07:33:05.01-",
        "smpte-30-drop=00:01:00:02-",
        "clock=19961108T142300.25Z-",
        "npt=5-10;time=19970123T143720Z",
        "npt=10-5",
    ] {
        let headers = format!("{session}Range: {range}\r\n");
        assert_eq!(status(&ask(&mut host, "PLAY rtsp://h/a RTSP/1.0", &headers)), "200", "{range}");
    }
}

/// 25: what stands behind a question mark belongs to the URL, on either side of the stream.
#[test]
fn t25_queries_in_stream_urls() {
    for (one, two, whole) in [
        ("rtsp://h/a/trackID=0?x=1", "rtsp://h/a/trackID=1?x=1", "rtsp://h/a?x=1"),
        ("rtsp://h/a?x=1/trackID=0", "rtsp://h/a?x=1/trackID=1", "rtsp://h/a?x=1"),
    ] {
        let mut host = new();
        let session = host.set_up(one, "");
        host.set_up(two, &session);
        let line = format!("PLAY {whole} RTSP/1.0");
        assert_eq!(status(&ask(&mut host, &line, &session)), "200");
        let line = format!("TEARDOWN {one} RTSP/1.0");
        assert!(ask(&mut host, &line, &session).contains("Session: "), "one of two");
        let line = format!("TEARDOWN {whole} RTSP/1.0");
        assert!(!ask(&mut host, &line, &session).contains("Session: "), "all");
    }
}

/// 28: frames keep coming while a session is torn down, and behind it.
#[test]
fn t28_frames_around_teardown() {
    let mut host = new();
    let session = host.set_up("rtsp://h/a", "");
    let mut bytes = b"$\x01\x00\x02ab".to_vec();
    bytes.extend_from_slice(
        format!("TEARDOWN rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n{session}\r\n").as_bytes(),
    );
    bytes.extend_from_slice(b"$\x01\x00\x02cdOPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n");
    let answers = host.feed(&bytes);
    assert_eq!(answers.matches("200 OK").count(), 2, "{answers}");
    let owners: Vec<_> = host
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Media { session, .. } => Some(session.is_some()),
            _ => None,
        })
        .collect();
    assert_eq!(owners.len(), 2);
    assert!(owners[0]);
}

/// 30: ONVIF replay: `Require: onvif-replay` on SETUP and PLAY, and headers of its own, which
/// reach the application; dialects have methods of their own.
#[test]
fn t30_dialects() {
    let config = Config::default().with_features(vec!["onvif-replay".into()]);
    let mut host = Host::new(config.with_extension_methods(true));
    let require = "Require: onvif-replay\r\n";
    let session = host.set_up("rtsp://h/a", require);
    let headers = format!(
        "{session}{require}Range: clock=20261122T000000Z-\r\nRate-Control: no\r\nFrames: intra/4000\r\nImmediate: yes\r\nScale: -1.0\r\n"
    );
    assert_eq!(status(&ask(&mut host, "PLAY rtsp://h/a RTSP/1.0", &headers)), "200");
    let view = host.asked().request.view();
    let frames = view.headers().typed::<rtsp_proto::headers::Frames<'_>>().unwrap().unwrap();
    assert_eq!(frames.interval_ms, Some(4000));
    assert_eq!(view.headers().named("Rate-Control"), Some(&b"no"[..]));
    assert_eq!(status(&ask(&mut host, "FLUSH rtsp://h/a RTSP/1.0", "")), "200");
    assert_eq!(host.asked().request.view().method_name(), "FLUSH");
    // Wi-Fi Display: the tag is the method's own.
    let answer = ask(&mut host, "OPTIONS * RTSP/1.0", "Require: org.wfa.wfd1.0\r\n");
    assert!(answer.contains("Unsupported: org.wfa.wfd1.0\r\n"), "{answer}");
}
