//! A client, what it says, and a server that is only text.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "shared by test files")]

extern crate alloc;

use alloc::sync::Arc;
use core::time::Duration;
use rtsp_proto::client::{Client, Config, Event, Input};
use rtsp_proto::headers::{ChannelPair, PortPair, Transport};
use rtsp_proto::{Instant, Output, Seed, SessionKey, State, Version};

pub const URL: &str = "rtsp://camera.example/live";

pub struct Player {
    pub client: Client,
    pub now: Instant,
    pub events: Vec<Event>,
    wire: Vec<u8>,
}

impl Player {
    pub fn new() -> Self {
        Self::with(quiet())
    }

    /// Speaks 2.0.
    pub fn v2() -> Self {
        Self::with(quiet().with_version(Version::V2_0))
    }

    pub fn with(config: Config) -> Self {
        let now = Instant::from_secs(1);
        let client = Client::new(now, Arc::new(config), Seed::from_u64(5));
        Self { client, now, events: Vec::new(), wire: Vec::new() }
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Transmit(bytes) => self.wire.extend_from_slice(&bytes),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    /// What was sent since the last time, with LF as line ends.
    pub fn sent(&mut self) -> String {
        self.drain();
        let wire = core::mem::take(&mut self.wire);
        String::from_utf8_lossy(&wire).replace("\r\n", "\n")
    }

    /// The server sends (LF stands for CRLF); what happens.
    pub fn hears(&mut self, text: &str) -> Vec<Event> {
        self.hears_bytes(text.replace('\n', "\r\n").as_bytes())
    }

    pub fn hears_bytes(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.drain();
        self.events.clear();
        self.client.handle_input(self.now, Input::Data(bytes));
        self.drain();
        core::mem::take(&mut self.events)
    }

    pub fn later(&mut self, time: Duration) -> String {
        self.now = self.now.saturating_add(time);
        self.client.handle_timeout(self.now);
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a busy loop");
        self.sent()
    }

    pub fn session(&mut self) -> SessionKey {
        self.client.open_session(self.now, URL).unwrap()
    }

    pub fn state(&self, key: SessionKey) -> Option<State> {
        self.client.session(key).map(rtsp_proto::client::Session::state)
    }

    /// A session with these streams, set up in `version` with the numbers from `cseq` on.
    pub fn set_up(&mut self, streams: &[&str], version: &str, mut cseq: u32) -> SessionKey {
        let key = self.session();
        for stream in streams {
            let url = format!("{URL}/{stream}");
            self.client.setup(self.now, key, &url, &[Transport::interleaved(None)]).unwrap();
            self.sent();
            let events =
                self.hears(&format!("RTSP/{version} 200 OK\nCSeq: {cseq}\nSession: abc\n\n"));
            assert!(matches!(events.last(), Some(Event::StreamReady { .. })), "{events:?}");
            cseq += 1;
        }
        assert_eq!(self.state(key), Some(State::Ready));
        key
    }
}

pub fn quiet() -> Config {
    Config::default().with_user_agent("")
}

pub fn tcp() -> Transport<'static> {
    Transport::interleaved(Some(ChannelPair::starting_at(0)))
}

pub fn udp() -> Transport<'static> {
    Transport::udp(PortPair::new(5000, Some(5001)))
}
