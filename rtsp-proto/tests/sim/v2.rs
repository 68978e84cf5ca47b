//! RTSP 2.0: everything pipelined, notified, replaced and redirected.

use super::{Play, Sim, answer, breaking_anywhere, over_bad_networks, set_up};
use bytes::Bytes;
use rtsp_proto::client::{self, Follow, When};
use rtsp_proto::headers::{Range, RequestStatus, TypedHeader};
use rtsp_proto::server::{self, Incoming, PlayEffect};
use rtsp_proto::session_table::v2::ResumePoint;
use rtsp_proto::{Method, SessionEnd, SessionKey, State, StatusCode, Version};

const PACKETS: u8 = 10;
#[derive(Default)]
struct Evening {
    session: Option<SessionKey>,
    log: Vec<String>,
    got: [u8; 2],
    plays: Vec<PlayEffect>,
}

impl Play for Evening {
    const VERSION: Version = Version::V2_0;
    const URL: &str = "rtsp://h/film";

    /// All of it in one go: nothing waits for an answer (RFC 7826 §18.33).
    fn start(&mut self, sim: &mut Sim) {
        let now = sim.now();
        sim.left.describe(now, Self::URL).unwrap();
        let key = sim.left.open_session(now, Self::URL).unwrap();
        set_up(sim, key, "rtsp://h/film/v", 0);
        set_up(sim, key, "rtsp://h/film/a", 2);
        sim.left.play(now, key, None).unwrap();
        self.session = Some(key);
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
            other => panic!("{other:?}"),
        }
    }

    fn server(&mut self, sim: &mut Sim, event: server::Event) {
        match event {
            server::Event::Request(asked) => self.answer(sim, &asked),
            server::Event::Response { response, .. } => {
                assert_eq!(response.view().status(), StatusCode::OK);
            }
            server::Event::SessionEnded { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn assert_whole(&self) {
        let order = ["DESCRIBE", "SETUP", "SETUP", "PLAY", "notified", "PLAY", "redirected"];
        assert_eq!(self.log, order);
        assert_eq!(self.got, [2 * PACKETS; 2]);
        assert_eq!(self.plays, [PlayEffect::Begins, PlayEffect::Replaces]);
    }
}

impl Evening {
    fn answer(&mut self, sim: &mut Sim, asked: &Incoming) {
        let now = sim.now();
        match asked.method {
            Method::Describe | Method::Setup => drop(answer(sim, Self::URL, asked)),
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

#[test]
fn an_evening_in_2_0_over_bad_networks() {
    over_bad_networks::<Evening>();
}

#[test]
fn an_evening_in_2_0_that_breaks_anywhere() {
    breaking_anywhere::<Evening>();
}
