//! RTSP 1.0.

use super::{PATIENCE, Play, Sim, answer, breaking_anywhere, over_bad_networks, set_up};
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{Side, run_seeds};
use rtsp_proto::client::{self, Client, Settled};
use rtsp_proto::headers::{ChannelPair, Transport};
use rtsp_proto::server::{self, Incoming, Server};
use rtsp_proto::{
    Instant, Method, RequestBuilder, Seed, SessionEnd, SessionKey, State, StatusCode, Version,
};

/// Packets of each stream; half before the pause, half behind it.
const PACKETS: u8 = 20;
/// Two streams, played, paused, played again and torn down, while packets go both ways and
/// the server asks its own questions in between.
#[derive(Default)]
struct Evening {
    session: Option<SessionKey>,
    streams: usize,
    plays: u8,
    /// Packets that the client got, by channel.
    got: [u8; 4],
    /// Reports that the server got.
    reports: u8,
    pings: u8,
    log: Vec<&'static str>,
}

/// The payload of packet `n`; their lengths differ.
fn packet(n: u8) -> Bytes {
    Bytes::from(vec![n; usize::from(n) * 37 + 1])
}

impl Play for Evening {
    const VERSION: Version = Version::V1_0;
    const URL: &str = "rtsp://h/cam/";

    fn start(&mut self, sim: &mut Sim) {
        let now = sim.now();
        // Two at once: the second does not wait for the first.
        sim.left.options(now, "*").unwrap();
        sim.left.describe(now, Self::URL).unwrap();
        self.session = Some(sim.left.open_session(now, Self::URL).unwrap());
    }

    fn client(&mut self, sim: &mut Sim, event: client::Event) {
        let now = sim.now();
        let key = self.session.unwrap();
        match event {
            client::Event::Response { method, response, .. } => {
                self.log.push(method.name());
                assert_eq!(response.view().status(), StatusCode::OK, "{method}");
                if method == Method::Describe {
                    assert_eq!(response.view().body(), b"v=0\r\n");
                    set_up(sim, key, "rtsp://h/cam/0", 0);
                } else if method == Method::Pause {
                    assert_eq!(sim.left.session(key).unwrap().state(), State::Ready);
                    sim.left.play(now, key, None).unwrap();
                }
            }
            client::Event::StreamReady { settled, .. } => {
                let channel = u8::try_from(self.streams * 2).unwrap();
                assert_eq!(settled, Settled::Interleaved(ChannelPair::starting_at(channel)));
                self.streams += 1;
                if self.streams == 1 {
                    set_up(sim, key, "rtsp://h/cam/1", 2);
                } else {
                    sim.left.play(now, key, None).unwrap();
                }
            }
            client::Event::Media { channel, payload, session } => {
                assert_eq!(session, Some(key));
                let got = &mut self.got[usize::from(channel)];
                assert_eq!(payload, packet(*got), "in order and whole");
                *got += 1;
                // A report for each, on the other channel of the pair.
                sim.left.send_media(now, channel + 1, Bytes::from(vec![*got; 8])).unwrap();
                if self.got == [PACKETS / 2, 0, PACKETS / 2, 0] {
                    sim.left.pause(now, key).unwrap();
                } else if self.got == [PACKETS, 0, PACKETS, 0] {
                    sim.left.teardown(now, key).unwrap();
                }
            }
            client::Event::SessionEnded { reason: SessionEnd::TornDown, .. } => {
                sim.left.close(now).unwrap();
            }
            client::Event::Request { id, request } => {
                assert_eq!((id, request.view().method()), (None, Method::Options));
            }
            client::Event::SessionEnded { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn server(&mut self, sim: &mut Sim, event: server::Event) {
        match event {
            server::Event::Request(asked) => self.answer(sim, &asked),
            server::Event::Media { channel, payload, session } => {
                assert!(channel % 2 == 1 && payload.len() == 8 && session.is_some());
                self.reports += 1;
            }
            server::Event::Response { method, response, .. } => {
                assert_eq!((method, response.view().status()), (Method::Options, StatusCode::OK));
                self.pings += 1;
            }
            server::Event::SessionEnded { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn assert_whole(&self) {
        let order = ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY", "PAUSE", "PLAY", "TEARDOWN"];
        assert_eq!(self.log, order);
        assert_eq!(self.got, [PACKETS, 0, PACKETS, 0]);
        assert_eq!((self.reports, self.pings), (2 * PACKETS, 2));
    }
}

impl Evening {
    fn answer(&mut self, sim: &mut Sim, asked: &Incoming) {
        let now = sim.now();
        if asked.method == Method::Play {
            sim.right.accept_play(now, asked.id, None, &[]).unwrap();
            let half = PACKETS / 2;
            for n in self.plays * half..(self.plays + 1) * half {
                sim.right.send_media(now, 0, packet(n)).unwrap();
                sim.right.send_media(now, 2, packet(n)).unwrap();
            }
            self.plays += 1;
        } else if let Some(session) = answer(sim, Self::URL, asked) {
            let ping = RequestBuilder::new(Method::Options, "*");
            sim.right.request(now, Some(session), &ping).unwrap();
        }
    }
}

#[test]
fn an_evening_over_bad_networks() {
    over_bad_networks::<Evening>();
}

#[test]
fn an_evening_that_breaks_anywhere() {
    breaking_anywhere::<Evening>();
}

/// Nothing is said for an hour: signs of life keep the session, and no more than that.
#[test]
fn a_quiet_hour_and_then_a_silent_client() {
    run_seeds(20, |seed| {
        let config = client::Config::default().with_request_timeout(PATIENCE);
        let client = Client::new(Instant::ZERO, Arc::new(config), Seed::from_u64(seed));
        let config = server::Config::default().with_session_timeout(Duration::from_secs(30));
        let server = Server::new(Instant::ZERO, Arc::new(config), Seed::from_u64(!seed));
        let mut sim = Sim::new(client, server, &Profile::cellular(), seed);
        let key = sim.left.open_session(Instant::ZERO, Evening::URL).unwrap();
        let offer = Transport::interleaved(None);
        sim.left.setup(Instant::ZERO, key, Evening::URL, &[offer]).unwrap();
        let mut ended = None;
        let hour = Instant::from_secs(3600);
        sim.run(hour, |sim, event| match event {
            Side::Right(server::Event::Request(asked)) => {
                assert!(answer(sim, Evening::URL, &asked).is_some());
            }
            Side::Right(server::Event::SessionEnded { reason, .. }) => ended = Some(reason),
            _ => {}
        });
        assert_eq!((ended, sim.right.sessions().count()), (None, 1));
        // The network goes away for longer than the session lives.
        sim.stall(Duration::from_secs(120));
        sim.run(Instant::from_secs(3700), |_, event| {
            if let Side::Right(server::Event::SessionEnded { reason, .. }) = event {
                ended = Some(reason);
            }
        });
        assert_eq!(ended, Some(SessionEnd::Expired));
        // Back again, the client learns it from the answer to its next sign of life.
        let mut lost = None;
        sim.run(Instant::from_secs(4000), |_, event| {
            if let Side::Left(client::Event::SessionEnded { reason, .. }) = event {
                lost = Some(reason);
            }
        });
        assert_eq!(lost, Some(SessionEnd::NotFound));
    });
}
