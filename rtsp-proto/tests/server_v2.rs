//! A server follows RFC 7826 Appendix B when it is spoken to in RTSP 2.0, and RFC 2326
//! Appendix A in 1.0.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::sync::Arc;
use rtsp_proto::headers::Transport;
use rtsp_proto::server::{Config, Event, Input, Server};
use rtsp_proto::{Instant, Method, Output, Seed};

/// A server whose application agrees to everything.
struct Host {
    server: Server,
    version: &'static str,
    cseq: u32,
    session: Option<String>,
    /// More header lines for each request.
    extra: &'static str,
    /// What was answered last.
    answer: String,
}

impl Host {
    fn new(version: &'static str) -> Self {
        let server = Server::new(Instant::ZERO, Arc::new(Config::default()), Seed::from_u64(3));
        Self { server, version, cseq: 0, session: None, extra: "", answer: String::new() }
    }

    /// The status of the answer.
    fn ask(&mut self, method: &str, url: &str) -> u16 {
        self.cseq += 1;
        let (cseq, version) = (self.cseq, self.version);
        let mut request = format!("{method} {url} RTSP/{version}\r\nCSeq: {cseq}\r\n");
        if let Some(session) = &self.session {
            request.push_str(&format!("Session: {session}\r\n"));
        }
        if method == "SETUP" {
            request.push_str("Transport: RTP/AVP/TCP;unicast\r\n");
        }
        request.push_str(self.extra);
        request.push_str("\r\n");
        let now = Instant::ZERO;
        self.server.handle_input(now, Input::Data(request.as_bytes()));
        let mut wire = Vec::new();
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Transmit(bytes) => wire.extend_from_slice(&bytes),
                Output::Event(Event::Request(asked)) => {
                    if asked.method == Method::Setup {
                        let transport = Transport::parse(b"RTP/AVP/TCP;unicast").unwrap();
                        let set_up = self.server.accept_setup(now, asked.id, &transport);
                        assert!(set_up.is_ok());
                    } else {
                        self.server.accept(now, asked.id).unwrap();
                    }
                }
                Output::Event(_) => {}
            }
        }
        let text = String::from_utf8(wire).unwrap();
        assert!(text.starts_with(&format!("RTSP/{version} ")), "{text}");
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("Session: ")) {
            self.session = Some(line.split(';').next().unwrap().into());
        }
        let status = text[9..12].parse().unwrap();
        self.answer = text;
        status
    }
}

#[test]
fn version_2_follows_its_own_tables() {
    let (one, two, three) = ("rtsp://h/m/1", "rtsp://h/m/2", "rtsp://h/m/3");
    let whole = "rtsp://h/m/";
    let mut host = Host::new("2.0");
    assert_eq!(host.ask("SETUP", one), 200);
    // Of one stream the stream is the presentation.
    assert_eq!(host.ask("PLAY", one), 200);
    assert_eq!(host.ask("PAUSE", one), 200);
    assert_eq!(host.ask("SETUP", two), 200);
    for (method, url, status) in [
        ("PLAY", one, 460),
        ("PAUSE", one, 460),
        ("PAUSE", whole, 200),
        ("PLAY", whole, 200),
        ("PLAY", whole, 200),
        ("PLAY", two, 460),
        ("SETUP", three, 455),
        ("SETUP", two, 200),
        ("TEARDOWN", two, 455),
        ("OPTIONS", whole, 200),
        ("PAUSE", whole, 200),
        ("TEARDOWN", two, 200),
        ("PLAY", one, 200),
        ("TEARDOWN", whole, 200),
        ("PLAY", whole, 454),
    ] {
        assert_eq!(host.ask(method, url), status, "{method} {url}");
    }
}

/// RFC 7826 §13.3: both headers MUST be in the answer to a SETUP.
#[test]
fn a_setup_of_version_2_is_told_what_the_media_can_do() {
    for version in ["2.0", "1.0"] {
        let mut host = Host::new(version);
        assert_eq!(host.ask("SETUP", "rtsp://h/m/1"), 200);
        for header in ["\r\nMedia-Properties: No-Seeking, ", "\r\nAccept-Ranges: npt\r\n"] {
            assert_eq!(host.answer.contains(header), version == "2.0", "{}", host.answer);
        }
    }
}

#[test]
fn version_1_is_as_it_was() {
    let (one, two) = ("rtsp://h/m/1", "rtsp://h/m/2");
    let whole = "rtsp://h/m/";
    let mut host = Host::new("1.0");
    for (method, url, status) in [
        ("SETUP", one, 200),
        ("SETUP", two, 200),
        ("PLAY", whole, 200),
        ("SETUP", "rtsp://h/m/3", 200),
        ("TEARDOWN", two, 200),
        ("PAUSE", whole, 200),
        ("TEARDOWN", whole, 200),
    ] {
        assert_eq!(host.ask(method, url), status, "{method} {url}");
    }
}

/// RFC 7826 §18.33: requests that follow a SETUP before its answer name the session by number.
#[test]
fn pipelined_requests_name_a_session_that_they_do_not_know_yet() {
    let mut host = Host::new("2.0");
    host.extra = "Pipelined-Requests: 7654\r\n";
    assert_eq!(host.ask("PLAY", "rtsp://h/m/"), 454, "nothing has that number");
    for (method, url) in
        [("SETUP", "rtsp://h/m/1"), ("SETUP", "rtsp://h/m/2"), ("PLAY", "rtsp://h/m/")]
    {
        host.session = None;
        assert_eq!(host.ask(method, url), 200, "{method} {url}");
        assert!(host.answer.contains("\r\nPipelined-Requests: 7654\r\n"), "{}", host.answer);
        assert!(host.answer.contains("\r\nSession: "), "{}", host.answer);
    }
    let (_, session) = host.server.sessions().next().unwrap();
    assert_eq!(session.streams().len(), 2);
    assert_eq!(host.server.sessions().count(), 1);
    // Another number is another session; 1.0 knows nothing of it.
    host.extra = "Pipelined-Requests: 1\r\n";
    host.session = None;
    assert_eq!(host.ask("SETUP", "rtsp://h/n/1"), 200);
    assert_eq!(host.server.sessions().count(), 2);
    let mut old = Host::new("1.0");
    old.extra = "Pipelined-Requests: 1\r\n";
    assert_eq!(old.ask("SETUP", "rtsp://h/m/1"), 200);
    assert!(!old.answer.contains("Pipelined"), "{}", old.answer);
    old.session = None;
    assert_eq!(old.ask("PLAY", "rtsp://h/m/"), 454);
}
