//! RTSP 2.0 between our client and our server on a bad network, in virtual time: everything
//! pipelined, notified, replaced and redirected. 200 seeds for each network.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::testing::netem::Profile;
use proto_wire::testing::sim::{Side, StreamSim, run_seeds};
use rtsp_proto::client::{self, Client, Follow, When};
use rtsp_proto::headers::{ChannelPair, Range, RequestStatus, Transport, TypedHeader};
use rtsp_proto::server::{self, Incoming, PlayEffect, Server};
use rtsp_proto::session_table::v2::ResumePoint;
use rtsp_proto::{
    CloseReason, Instant, Method, Seed, SessionEnd, SessionKey, State, StatusCode, Version,
};

const URL: &str = "rtsp://h/film";
const PACKETS: u8 = 10;
/// Longer than any stall of these networks.
const PATIENCE: Duration = Duration::from_secs(600);

type Sim = StreamSim<Client, Server>;

#[derive(Default)]
struct Evening {
    session: Option<SessionKey>,
    log: Vec<String>,
    got: [u8; 2],
    plays: Vec<PlayEffect>,
    client_closed: Option<CloseReason>,
    server_closed: Option<CloseReason>,
}

impl Evening {
    /// All of it in one go: nothing waits for an answer (RFC 7826 §18.33).
    fn start(&mut self, sim: &mut Sim) {
        let now = sim.now();
        sim.left.describe(now, URL).unwrap();
        let key = sim.left.open_session(now, URL).unwrap();
        for (stream, channel) in [("v", 0), ("a", 2)] {
            let offer = Transport::interleaved(Some(ChannelPair::starting_at(channel)));
            sim.left.setup(now, key, &format!("{URL}/{stream}"), &[offer]).unwrap();
        }
        sim.left.play(now, key, None).unwrap();
        self.session = Some(key);
    }

    fn event(&mut self, sim: &mut Sim, event: Side<client::Event, server::Event>) {
        match event {
            Side::Left(event) => self.client(sim, event),
            Side::Right(event) => self.server(sim, event),
        }
    }

    fn client(&mut self, sim: &mut Sim, event: client::Event) {
        let now = sim.now();
        let key = self.session.unwrap();
        match event {
            client::Event::Response { method, response, .. } => {
                self.log.push(method.name().into());
                let view = response.view();
                assert_eq!((view.status(), view.version()), (StatusCode::OK, Version::V2_0));
            }
            client::Event::StreamReady { .. } => {
                let session = sim.left.session(key).unwrap();
                assert!(session.media_properties().is_some(), "RFC 7826 §13.3 demands them");
            }
            client::Event::Media { channel, payload, session } => {
                assert_eq!(session, Some(key));
                let got = &mut self.got[usize::from(channel / 2)];
                assert_eq!(payload.as_ref(), [*got], "in order");
                *got += 1;
            }
            client::Event::Notified { notice, request, .. } => {
                self.log.push("notified".into());
                let client::Notice::EndOfStream { whole: true, status } = notice else {
                    panic!("{notice:?}")
                };
                assert_eq!(status, Some(StatusCode::OK));
                assert!(request.view().headers().contains(rtsp_proto::HeaderName::Range));
                let session = sim.left.session(key).unwrap();
                assert_eq!(session.state(), State::Playing);
                assert_eq!(session.resume_point(), Some(ResumePoint::EndOfMedia));
                let range = Range::parse(b"npt=0-").unwrap();
                sim.left.play(now, key, Some(&range)).unwrap();
            }
            client::Event::Redirected { redirection, .. } => {
                self.log.push("redirected".into());
                assert_eq!(redirection.target.as_deref(), Some("rtsp://elsewhere/film"));
                assert_eq!((redirection.follow, redirection.when), (Follow::Host, When::Now));
            }
            client::Event::SessionEnded { reason, .. } => {
                if reason != SessionEnd::Closed {
                    assert_eq!(reason, SessionEnd::Redirected);
                    sim.left.close(now).unwrap();
                }
            }
            client::Event::RequestFailed { .. } => {}
            client::Event::Closed(reason) => self.client_closed = Some(reason),
            other => panic!("{other:?}"),
        }
    }

    fn server(&mut self, sim: &mut Sim, event: server::Event) {
        match event {
            server::Event::Request(asked) => self.answer(sim, &asked),
            server::Event::Response { response, .. } => {
                assert_eq!(response.view().status(), StatusCode::OK);
            }
            server::Event::SessionEnded { .. } | server::Event::RequestFailed { .. } => {}
            server::Event::Closed(reason) => self.server_closed = Some(reason),
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, sim: &mut Sim, asked: &Incoming) {
        let now = sim.now();
        match asked.method {
            Method::Describe => sim.right.describe(now, asked.id, URL, "v=0\r\n").unwrap(),
            Method::Setup => {
                let offer = asked.request.view().headers().transports().next().unwrap().unwrap();
                sim.right.accept_setup(now, asked.id, &offer).unwrap();
            }
            Method::Play => {
                let session = asked.session.unwrap();
                let range = Range::parse(b"npt=0-10").unwrap();
                sim.right.accept_play(now, asked.id, Some(&range), &[]).unwrap();
                self.plays.push(asked.play.unwrap());
                let first = u8::try_from(self.plays.len() - 1).unwrap() * PACKETS;
                for n in first..first + PACKETS {
                    for channel in [0, 2] {
                        sim.right.send_media(now, channel, Bytes::from(vec![n])).unwrap();
                    }
                }
                if self.plays.len() == 1 {
                    let cseq = asked.request.view().cseq().unwrap();
                    let notice = server::Notice::EndOfStream {
                        status: RequestStatus::new(cseq, StatusCode::OK, "OK"),
                        range: Range::parse(b"npt=-10").unwrap(),
                        scale: None,
                        infos: &[],
                    };
                    sim.right.play_notify(now, session, &notice).unwrap();
                    sim.right.media_ended(now, session).unwrap();
                } else {
                    let to = server::Redirection::to("rtsp://elsewhere/film");
                    sim.right.redirect(now, Some(session), &to).unwrap();
                }
            }
            other => panic!("{other}"),
        }
    }
}

fn evening(profile: &Profile, seed: u64) -> (Evening, Sim) {
    let client =
        client::Config::default().with_version(Version::V2_0).with_request_timeout(PATIENCE);
    let server =
        server::Config::default().with_request_timeout(PATIENCE).with_session_timeout(PATIENCE);
    let client = Client::new(Instant::ZERO, Arc::new(client), Seed::from_u64(seed));
    let server = Server::new(Instant::ZERO, Arc::new(server), Seed::from_u64(!seed));
    let mut sim = StreamSim::new(client, server, profile, seed);
    let mut evening = Evening::default();
    evening.start(&mut sim);
    sim.run(Instant::from_secs(100_000), |sim, event| evening.event(sim, event));
    (evening, sim)
}

#[test]
fn an_evening_in_2_0_over_bad_networks() {
    for profile in [Profile::wifi(), Profile::cellular(), Profile::lossy()] {
        run_seeds(200, |seed| {
            let (evening, _) = evening(&profile, seed);
            let order = ["DESCRIBE", "SETUP", "SETUP", "PLAY", "notified", "PLAY", "redirected"];
            assert_eq!(evening.log, order);
            assert_eq!(evening.got, [2 * PACKETS; 2]);
            assert_eq!(evening.plays, [PlayEffect::Begins, PlayEffect::Replaces]);
            assert_eq!(evening.client_closed, Some(CloseReason::Local));
            assert_eq!(evening.server_closed, Some(CloseReason::Eof));
        });
    }
}

/// Wherever the connection breaks, nothing is left behind.
#[test]
fn an_evening_in_2_0_that_breaks_anywhere() {
    run_seeds(200, |seed| {
        let (evening, sim) = evening(&Profile::breaking(), seed);
        assert!(evening.client_closed.is_some() && evening.server_closed.is_some());
        assert_eq!((sim.left.sessions().count(), sim.right.sessions().count()), (0, 0));
        assert_eq!((sim.left.poll_timeout(), sim.right.poll_timeout()), (None, None));
    });
}
