//! A server with a host that answers, for the tests by idea beside this file.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    reason = "tests state what must hold"
)]

mod asking;
#[cfg(feature = "digest")]
mod authenticating;
mod commands;
mod datagrams;
mod limits;
mod moving;
mod playing;
mod rules;
mod sessions;
mod setup;
mod states;
mod stream;

use super::*;
use crate::HeaderName;
use crate::headers::{PortPair, Range, RtpInfo, Transport, TypedHeader};
use crate::message::{Methods, RequestBuilder, ResponseBuilder, StatusCode};
use crate::state::State;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

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
    version: &'static str,
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
            version: "1.0",
        }
    }

    /// The same with a client of RTSP 2.0.
    fn new_v2(config: Config) -> Self {
        Self { version: "2.0", ..Self::new(config) }
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
        status(&self.answer_to(method, url, headers))
    }

    /// Asks with the next CSeq; the answer.
    fn answer_to(&mut self, method: &str, url: &str, headers: &str) -> String {
        self.cseq += 1;
        let (cseq, version) = (self.cseq, self.version);
        let request = format!("{method} {url} RTSP/{version}\r\nCSeq: {cseq}\r\n{headers}\r\n");
        let answer = self.feed(request.as_bytes());
        let expected = format!("CSeq: {cseq}\\r\\n");
        assert!(answer.is_empty() || answer.contains(&expected), "{answer}");
        answer
    }

    /// The request that was asked last.
    fn asked(&self) -> Incoming {
        let asked = self.events.iter().rev().find_map(|event| match event {
            Event::Request(asked) => Some(asked.clone()),
            _ => None,
        });
        asked.expect("a request")
    }

    fn session(&self) -> &Session {
        self.server.sessions().next().expect("a session").1
    }

    fn key(&self) -> SessionKey {
        self.server.sessions().next().expect("a session").0
    }

    /// Sets up one interleaved stream in a new session: its Session header line.
    fn set_up(&mut self) -> String {
        let status = self.ask("SETUP", "rtsp://h/a/t0", "Transport: RTP/AVP/TCP;unicast\r\n");
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
