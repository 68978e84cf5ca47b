//! Our client in RTSP 2.0 against real servers, over loopback: one that speaks 2.0, with
//! everything in one go, and those that do not. A program that is not there is said to be
//! skipped, loudly.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold")]

mod rtsp_support;

use examples::drive::Next;
use examples::drive::blocking::Connection;
use proto_wire::digest::Credential;
use proto_wire::{Clock, Instant, Seed};
use rtsp_proto::client::{Client, Config, Event, Requirement};
use rtsp_proto::headers::{ChannelPair, PortPair, Transport};
use rtsp_proto::{Method, SessionKey, State, StatusCode, Url, Version};
use rtsp_support::{Peer, free_port, run};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A connection to the server of a URL.
struct Player {
    conn: Connection<Client>,
    until: Instant,
}

impl Player {
    fn new(url: &str, config: Config) -> Option<Self> {
        let url = Url::parse(url).unwrap();
        let socket = TcpStream::connect((url.host(), url.port())).ok()?;
        let clock = Clock::start();
        let client = Client::new(clock.now(), Arc::new(config), Seed::from_u64(1));
        let conn = Connection::new(socket, client, clock).unwrap();
        let until = conn.now().saturating_add(Duration::from_secs(20));
        Some(Self { conn, until })
    }

    /// The next event; they all come within seconds.
    fn next(&mut self) -> Event {
        match self.conn.next_event_until(self.until).unwrap() {
            Next::Event(event) => event,
            other => panic!("nothing more came: {other:?}"),
        }
    }

    /// The next response.
    fn response(&mut self) -> (Method, StatusCode, Version) {
        loop {
            if let Event::Response { method, response, .. } = self.next() {
                let view = response.view();
                return (method, view.status(), view.version());
            }
        }
    }

    /// The number of packets of a session until there are `enough`.
    fn packets(&mut self, session: SessionKey, enough: usize) {
        let mut packets = 0;
        while packets < enough {
            if let Event::Media { session: whose, payload, .. } = self.next() {
                assert_eq!(whose, Some(session));
                packets += usize::from(!payload.is_empty());
            }
        }
    }
}

fn v2() -> Config {
    Config::default().with_version(Version::V2_0)
}

/// The stream of gst-rtsp-server's tone.
fn offer() -> [Transport<'static>; 1] {
    [Transport::interleaved(Some(ChannelPair::starting_at(0)))]
}

/// SETUP and PLAY behind DESCRIBE without waiting, bound by `Pipelined-Requests`; a second
/// PLAY; PAUSE; TEARDOWN: all of it in 2.0, also when every request is challenged first.
#[test]
fn gst_rtsp_server_is_spoken_to_in_2_0_in_one_go() {
    for auth in ["none", "digest"] {
        let Some(peer) = Peer::gst_server(&[auth]) else { return };
        let url = format!("rtsp://127.0.0.1:{}/tone", peer.said);
        let credential = Credential::new("alice", "secret").unwrap();
        let mut player = Player::new(&url, v2().with_credential(credential)).unwrap();
        let now = player.conn.now();
        let client = &mut player.conn.machine;
        client.describe(now, &url).unwrap();
        let session = client.open_session(now, &url).unwrap();
        client.setup(now, session, &format!("{url}/stream=0"), &offer()).unwrap();
        client.play(now, session, None).unwrap();
        for expected in [Method::Describe, Method::Setup, Method::Play] {
            let (method, status, version) = player.response();
            assert_eq!((method, status), (expected, StatusCode::OK), "{auth}");
            assert_eq!(version, Version::V2_0, "{method}");
        }
        let known = player.conn.machine.session(session).unwrap();
        assert_eq!((known.version(), known.state()), (Version::V2_0, State::Playing));
        assert!(known.media_properties().is_some(), "{known:?}");
        player.packets(session, 5);
        let now = player.conn.now();
        player.conn.machine.pause(now, session).unwrap();
        player.conn.machine.teardown(now, session).unwrap();
        assert_eq!(player.response().0, Method::Pause);
        assert_eq!(player.response(), (Method::Teardown, StatusCode::OK, Version::V2_0));
        assert_eq!(player.conn.machine.sessions().count(), 0);
    }
}

/// A server of 1.0 is asked in 2.0, and understood in 1.0. (live555 does not look at the
/// version of a request; it knows no features either, so the backchannel is given up.)
#[test]
fn live555_is_spoken_to_in_1_0_after_all() {
    let server =
        examples::rtsp_server::RtspServer::start("127.0.0.1:0", Default::default()).unwrap();
    let url = format!("rtsp://{}/tone", server.addr());
    let port = free_port().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/rtsp_live555.py");
    let mut python = rtsp_support::python();
    let Some(peer) = Peer::start(python.args([script, &url, &port])) else { return };
    let config = || v2().with_requirements(vec![Requirement::backchannel()]);
    // It describes nothing before it has asked itself.
    let mut player = (0..100)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            let mut player = Player::new(&peer.said, config())?;
            let now = player.conn.now();
            player.conn.machine.describe(now, &peer.said).unwrap();
            loop {
                match player.next() {
                    Event::Response { response, .. } => {
                        return response.view().status().is_success().then_some(player);
                    }
                    Event::Closed(_) => return None,
                    _ => {}
                }
            }
        })
        .expect("live555 serves");
    assert_eq!(player.conn.machine.version(), Version::V1_0);
    let now = player.conn.now();
    let client = &mut player.conn.machine;
    let session = client.open_session(now, &peer.said).unwrap();
    client.setup(now, session, &format!("{}/track1", peer.said), &offer()).unwrap();
    assert_eq!(player.response(), (Method::Setup, StatusCode::OK, Version::V1_0));
    let now = player.conn.now();
    player.conn.machine.play(now, session, None).unwrap();
    assert_eq!(player.response().1, StatusCode::OK);
    player.packets(session, 2);
    let now = player.conn.now();
    player.conn.machine.teardown(now, session).unwrap();
    assert_eq!(player.response().0, Method::Teardown);
}

/// `FFmpeg` as a recording server knows TCP only: the hint behind 461, or what it chose itself,
/// leads there; packets published with ANNOUNCE and RECORD reach it.
#[test]
fn ffmpeg_listens_and_is_published_to() {
    if run("ffmpeg", &["-version"]).is_none() {
        return;
    }
    let url = format!("rtsp://127.0.0.1:{}/live", free_port());
    let listen = ["-nostdin", "-loglevel", "error", "-rtsp_flags", "listen", "-i", &url];
    let out = ["-f", "s16le", "-"];
    let ffmpeg = Command::new("ffmpeg")
        .args(listen)
        .args(out)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut player = (0..100)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(50));
            Player::new(&url, Config::default())
        })
        .expect("ffmpeg listens");
    let now = player.conn.now();
    let client = &mut player.conn.machine;
    let session = client.open_session(now, &url).unwrap();
    let sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:streamid=0\r\n";
    client.announce(now, session, sdp).unwrap();
    assert_eq!(player.response().1, StatusCode::OK);
    let stream = format!("{url}/streamid=0");
    let udp = [Transport::udp(PortPair::new(50_000, Some(50_001)))];
    let now = player.conn.now();
    player.conn.machine.setup_record(now, session, &stream, &udp).unwrap();
    let channels = loop {
        match player.next() {
            Event::TransportRefused { interleaved, .. } => {
                let now = player.conn.now();
                let tcp = [Transport::interleaved(interleaved)];
                player.conn.machine.setup_record(now, session, &stream, &tcp).unwrap();
            }
            Event::StreamReady { settled, .. } => match settled {
                rtsp_proto::client::Settled::Interleaved(pair) => break Some(pair),
                _ => break None,
            },
            Event::Response { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    // It takes UDP by the letter; then there is nothing more to see here.
    let Some(channels) = channels else {
        let now = player.conn.now();
        player.conn.machine.teardown(now, session).unwrap();
        drop(player);
        return end(ffmpeg);
    };
    let now = player.conn.now();
    player.conn.machine.record(now, session).unwrap();
    assert_eq!(player.response(), (Method::Record, StatusCode::OK, Version::V1_0));
    for n in 0..50_u16 {
        let mut packet = vec![0x80, 0];
        packet.extend_from_slice(&n.to_be_bytes());
        packet.extend_from_slice(&(u32::from(n) * 160).to_be_bytes());
        packet.extend_from_slice(&7_u32.to_be_bytes());
        packet.extend_from_slice(&[0xff; 160]);
        let now = player.conn.now();
        player.conn.machine.send_media(now, channels.rtp, packet.into()).unwrap();
    }
    let now = player.conn.now();
    player.conn.machine.teardown(now, session).unwrap();
    player.response();
    drop(player);
    let output = ffmpeg.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    // PCMU becomes two bytes a sample; the last packets may be in its buffers.
    assert!(output.stdout.len() > 160 * 2 * 20, "{} bytes: {errors}", output.stdout.len());
}

/// It ends by itself when its publisher goes; when it does not, it is ended.
fn end(mut ffmpeg: std::process::Child) {
    for _ in 0..50 {
        if ffmpeg.try_wait().unwrap().is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    ffmpeg.kill().unwrap();
    ffmpeg.wait().unwrap();
}
