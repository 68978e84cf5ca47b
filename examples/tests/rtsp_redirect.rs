//! Redirections over loopback: the probe goes where servers send it, and no further than it should.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

mod rtsp_support;

use examples::drive::blocking::Connection;
use examples::entropy::seed;
use examples::rtsp_guard::Scheme;
use examples::rtsp_probe::{Options, ProbeError, REDIRECTS_MAX, Use, play, probe};
use proto_wire::Clock;
use rtsp_proto::server::{Config, Event, Redirection, Server};
use rtsp_proto::{HeaderName, Method, ResponseBuilder, StatusCode};
use rtsp_support::{FileServer, Scratch, sound};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// When a server sends its clients away.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Describe,
    Playing,
}

/// A server that sends everybody to the URL that `target` makes; it ends with the process.
fn elsewhere(when: When, target: impl Fn(SocketAddr) -> String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let target = target(addr);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let target = target.clone();
            thread::spawn(move || send_away(socket, when, &target));
        }
    });
    format!("rtsp://{addr}/here")
}

fn send_away(socket: TcpStream, when: When, target: &str) -> std::io::Result<()> {
    let clock = Clock::start();
    let server = Server::new(clock.now(), Arc::new(Config::default()), seed());
    let mut conn = Connection::new(socket, server, clock)?;
    while let Some(event) = conn.next_event()? {
        let (now, Event::Request(asked)) = (conn.now(), event) else { continue };
        let server = &mut conn.machine;
        match asked.method {
            Method::Describe if when == When::Describe => {
                let response = ResponseBuilder::new(StatusCode::FOUND);
                let response = response.header(HeaderName::Location, target);
                server.respond(now, asked.id, response).unwrap();
            }
            Method::Describe => {
                let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
                    m=audio 0 RTP/AVP 97\r\na=rtpmap:97 L16/8000\r\na=control:t\r\n";
                let base = asked.request.view().uri();
                server.describe(now, asked.id, base, sdp).unwrap();
            }
            Method::Setup => {
                let offer = asked.request.view().headers().transports().next().unwrap().unwrap();
                server.accept_setup(now, asked.id, &offer).unwrap();
            }
            Method::Play => {
                server.accept_play(now, asked.id, None, &[]).unwrap();
                let mut sender = examples::media::rtp::Sender::new(97, 7);
                for at in 0..3 {
                    let packet = sender.packet(at * 160, at == 0, &[0; 320]);
                    server.send_media(now, 0, packet).unwrap();
                }
                let to = Redirection::to(target);
                server.redirect(now, asked.session, &to).unwrap();
            }
            _ => server.accept(now, asked.id).unwrap(),
        }
    }
    Ok(())
}

fn short(url: &str) -> Options {
    let mut options = Options::new(url);
    options.duration = Duration::from_millis(600);
    options
}

/// RFC 2326 §11.3, over two servers to the third.
#[test]
fn what_is_elsewhere_is_asked_for_there() {
    let sound = sound();
    let files = FileServer::start(&[("/a.wav", &sound)], |_| {});
    let last = files.url("/a.wav");
    let second = elsewhere(When::Describe, |_| last.clone());
    let first = elsewhere(When::Describe, |_| second.clone());
    let report = probe(&short(&first)).unwrap();
    assert_eq!(report.redirects, [second, last]);
    assert!(report.streams[0].packets > 10, "{report}");
    assert_eq!(report.server.as_deref(), Some("rtsp-proto"));
}

/// Two servers that send to each other.
#[test]
fn a_circle_is_left_after_some_rounds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let back = format!("rtsp://{}/here", listener.local_addr().unwrap());
    let first = elsewhere(When::Describe, |_| back.clone());
    let to = first.clone();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let _ = send_away(socket, When::Describe, &to);
        }
    });
    let Err(ProbeError::Redirects) = probe(&short(&first)) else { panic!("no end") };
    assert_eq!(REDIRECTS_MAX, 5);
}

/// One that sends to itself is seen by the machine: the response is what there is.
#[test]
fn a_server_that_sends_to_itself_is_not_asked_again() {
    let own = elsewhere(When::Describe, |addr| format!("rtsp://{addr}/here"));
    let Err(ProbeError::Status("DESCRIBE", StatusCode::FOUND)) = probe(&short(&own)) else {
        panic!("a loop")
    };
}

/// RFC 2326 §10.10: a REDIRECT while it plays. What came before and behind is one recording.
#[test]
fn a_player_that_is_sent_away_plays_on_elsewhere() {
    let scratch = Scratch::new("redirect");
    let sound = sound();
    let files = FileServer::start(&[("/a.wav", &sound)], |_| {});
    let last = files.url("/a.wav");
    let first = elsewhere(When::Playing, |_| last.clone());
    let path = scratch.path("both.wav");
    let mut chosen = 0;
    let mut options = short(&first);
    options.duration = Duration::from_secs(5);
    let report = play(&options, &mut |media| {
        chosen += 1;
        Ok(Use::Record(examples::media::Sink::create(media, &path)?))
    });
    let report = report.unwrap();
    assert_eq!((&report.redirects[..], chosen), (&[last][..], 1));
    let [stream] = &report.streams[..] else { panic!("{report}") };
    assert!(stream.packets == 53 && stream.lost == 0 && stream.ended, "{report}");
    let got = std::fs::read(&path).unwrap();
    assert!(got.ends_with(&sound[44..]), "{} bytes of {}", got.len(), sound.len());
}

/// What is for one server is not for the next.
#[test]
fn name_and_password_stay_on_their_server() {
    let sound = sound();
    let files = FileServer::start(&[("/a.wav", &sound)], |options| {
        options.user = Some((Scheme::Basic, "alice".into(), "secret".into()));
    });
    let first = elsewhere(When::Describe, |_| files.url("/a.wav"));
    let mut options = short(&first);
    options.user = Some(("alice".into(), "secret".into()));
    let Err(ProbeError::Status("DESCRIBE", StatusCode::UNAUTHORIZED)) = probe(&options) else {
        panic!("they went along")
    };
    // Without a redirection they are right.
    options.url = files.url("/a.wav");
    assert!(probe(&options).unwrap().streams[0].packets > 10);
}
