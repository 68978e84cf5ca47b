//! What people reported about other RTSP libraries, one test each: ours must not do that.
//!
//! Reports that are about one subject have their tests with it: redirections in
//! `client_redirect.rs`, credentials and nonces in `client_auth.rs`, lost bytes in `resync.rs`,
//! Scale, backchannel and replay in `client_transport.rs`, tunnels in the crate.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

extern crate alloc;

mod player;

use alloc::sync::Arc;
use core::time::Duration;
use player::{Player, URL, tcp, udp};
use rtsp_proto::client::{self, Settled};
use rtsp_proto::control_url::{Join, base, resolve, same_stream};
use rtsp_proto::headers::{
    ChannelPair, ContentType, LowerTransport, PortPair, RtpInfos, Session, Transport, TypedHeader,
};
use rtsp_proto::server::{self, Server};
use rtsp_proto::{
    CloseReason, HeaderName, Index, Instant, LimitKind, Limits, Message, Method, Output,
    RequestBuilder, RequestFailure, Seed, SessionKey, State, StatusCode,
};

/// A SETUP that is answered with `reply` (header lines): how it ends.
fn set_up(player: &mut Player, offer: &Transport<'_>, reply: &str) -> (SessionKey, Settled) {
    let key = player.session();
    player.client.setup(player.now, key, "rtsp://camera.example/live/t1", &[*offer]).unwrap();
    let sent = player.sent();
    let (_, cseq) = sent.rsplit_once("CSeq: ").unwrap();
    let cseq = cseq.lines().next().unwrap();
    let reply = format!("RTSP/1.0 200 OK\nCSeq: {cseq}\nSession: 7f\n{reply}\n");
    let events = player.hears(&reply);
    let Some(client::Event::StreamReady { settled, .. }) = events.last() else {
        panic!("{events:?}")
    };
    (key, settled.clone())
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A server whose application says yes to everything.
struct Camera {
    server: Server,
    now: Instant,
    events: Vec<server::Event>,
}

impl Camera {
    fn new() -> Self {
        Self::with(server::Config::default())
    }

    fn with(config: server::Config) -> Self {
        let now = Instant::from_secs(1);
        let server = Server::new(now, Arc::new(config), Seed::from_u64(6));
        Self { server, now, events: Vec::new() }
    }

    fn hears(&mut self, text: &str) -> String {
        self.hears_bytes(text.replace('\n', "\r\n").as_bytes())
    }

    fn hears_bytes(&mut self, bytes: &[u8]) -> String {
        let now = self.now;
        self.server.handle_input(now, server::Input::Data(bytes));
        let mut wire = Vec::new();
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Transmit(bytes) => wire.extend_from_slice(&bytes),
                Output::Event(event) => {
                    if let server::Event::Request(asked) = &event {
                        let offer = asked.request.view().headers().transports().flatten().next();
                        match offer.filter(|_| asked.method == Method::Setup) {
                            Some(offer) => {
                                self.server
                                    .accept_setup(now, asked.id, &offer)
                                    .map(|_| ())
                                    .unwrap();
                            }
                            None => self.server.accept(now, asked.id).unwrap(),
                        }
                    }
                    self.events.push(event);
                }
            }
        }
        String::from_utf8_lossy(&wire).into_owned()
    }

    fn session(&self) -> String {
        self.server.sessions().last().unwrap().1.id().to_owned()
    }
}

#[test]
fn a_setup_reply_without_transport_means_the_offer() {
    assert_eq!(
        set_up(&mut Player::new(), &tcp(), "").1,
        Settled::Interleaved(ChannelPair::starting_at(0))
    );
    let (_, settled) = set_up(&mut Player::new(), &udp(), "");
    let client_port = Some(PortPair::new(5000, Some(5001)));
    assert_eq!(settled, Settled::Udp { client_port, server_port: None, source: None });
}

#[test]
fn a_server_may_pick_other_channels_than_asked() {
    for (reply, channels) in [
        ("4-5", ChannelPair::starting_at(4)),
        ("10-11", ChannelPair::starting_at(10)),
        ("0", ChannelPair { rtp: 0, rtcp: None }),
    ] {
        let mut player = Player::new();
        let reply = format!("Transport: RTP/AVP/TCP;unicast;interleaved={reply}\n");
        let (key, settled) = set_up(&mut player, &tcp(), &reply);
        assert_eq!(settled, Settled::Interleaved(channels));
        // Media on those channels belongs to the session.
        let frame = [b'$', channels.rtp, 0, 1, 9];
        let events = player.hears_bytes(&frame);
        let client::Event::Media { session, .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!(*session, Some(key));
    }
}

#[test]
fn a_tcp_setup_without_channels_is_given_some() {
    let mut camera = Camera::new();
    let reply =
        camera.hears("SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP/TCP;unicast\n\n");
    assert!(reply.contains("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), "{reply}");
}

#[test]
fn junk_in_ssrc_does_not_fail_the_setup() {
    for junk in ["  d6d6627", "0x6f7c", "30A0", "1234567890", "", "not a number"] {
        let reply = format!("Transport: RTP/AVP/TCP;ssrc={junk};unicast;interleaved=2-3\n");
        let (_, settled) = set_up(&mut Player::new(), &tcp(), &reply);
        assert_eq!(settled, Settled::Interleaved(ChannelPair::starting_at(2)), "{junk}");
    }
}

#[test]
fn transport_parameters_come_in_any_order() {
    let t = Transport::parse(b"client_port=5000-5001;RTP/AVP;unicast").unwrap();
    assert_eq!(t.client_port, Some(PortPair::new(5000, Some(5001))));
    let (_, settled) =
        set_up(&mut Player::new(), &tcp(), "Transport: RTP/AVP;ssrc=1;interleaved=0-1\n");
    assert_eq!(settled, Settled::Interleaved(ChannelPair::starting_at(0)));
}

#[test]
fn an_empty_source_and_missing_server_ports_are_no_errors() {
    for (reply, server_port) in [
        ("source=;server_port=0-0", Some(PortPair::new(0, Some(0)))),
        ("source=", None),
        ("client_port=5000-5001", None),
    ] {
        let reply = format!("Transport: RTP/AVP;unicast;{reply}\n");
        let (_, settled) = set_up(&mut Player::new(), &udp(), &reply);
        let client_port = Some(PortPair::new(5000, Some(5001)));
        assert_eq!(settled, Settled::Udp { client_port, server_port, source: None });
    }
    let t = Transport::parse(b"\xff\x01RTP/AVP/UDP;unicast;client_port=1-2").unwrap();
    assert_eq!(t.lower, LowerTransport::Udp);
}

#[test]
fn rtp_info_is_read_as_far_as_it_makes_sense() {
    for (value, expected) in [
        ("url=rtsp://h/t;seq=1;rtptime=2;", vec![("rtsp://h/t", Some(1), Some(2))]),
        ("url=trackID=1;seq=5", vec![("trackID=1", Some(5), None)]),
        ("url=rtsp://h/t;seq=0;rtptime=18446744073709551615", vec![("rtsp://h/t", Some(0), None)]),
        ("url=a;seq=1,   url=b;seq=2", vec![("a", Some(1), None), ("b", Some(2), None)]),
        ("", vec![]),
    ] {
        let infos: Vec<_> =
            RtpInfos::new(value.as_bytes()).map(|i| (i.url, i.seq, i.rtptime)).collect();
        assert_eq!(infos, expected, "{value}");
    }
    assert!(same_stream("rtsp://h/cam/trackID=1", "trackID=1"));
}

/// A device with one stream that names another one.
#[test]
fn one_stream_has_the_only_entry_whatever_it_names() {
    let seq = |lines: &str, only| {
        let text = format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\n{lines}\r\n");
        let mut index = Index::new();
        let parsed = Message::parse(text.as_bytes(), &mut index, &Limits::default());
        let (message, _) = parsed.unwrap().unwrap();
        message.headers().rtp_info_of("rtsp://h/cam/t1", only).map(|info| info.seq.unwrap())
    };
    let odd = "RTP-Info: url=rtsp://10.0.0.9/other;seq=7\r\n";
    assert_eq!((seq(odd, true), seq(odd, false)), (Some(7), None));
    let two = "RTP-Info: url=rtsp://h/cam/t0;seq=1, url=t1;seq=2\r\n";
    assert_eq!((seq(two, true), seq(two, false)), (Some(2), Some(2)));
    let others = "RTP-Info: url=a;seq=1\r\nRTP-Info: url=b;seq=2\r\n";
    assert_eq!((seq(others, true), seq("", true)), (None, None));
}

#[test]
fn control_urls_are_joined_as_servers_expect() {
    for (base_url, control, expected) in [
        (
            "rtsp://h/axis-media/media.amp?camera=1",
            "trackID=1",
            "rtsp://h/axis-media/media.amp?camera=1/trackID=1",
        ),
        ("rtsp://h/cam/", "trackID=0", "rtsp://h/cam/trackID=0"),
        ("rtsp://h/cam", "trackID=0", "rtsp://h/cam/trackID=0"),
        ("rtsp://h/cam", "*", "rtsp://h/cam"),
        ("rtsp://h/cam", "rtsp://h/other", "rtsp://h/other"),
    ] {
        assert_eq!(resolve(base_url, control, Join::Append), expected);
    }
}

#[test]
fn broken_content_bases_are_repaired() {
    for (given, expected) in [
        ("rtsp://rtsp://10.0.0.1/cam/", "rtsp://10.0.0.1/cam/"),
        ("10.0.0.1/cam/", "rtsp://10.0.0.1/cam/"),
        ("/cam/", "rtsp://camera.example/cam/"),
        ("rtsp://::ffff:1.2.3.4/cam/", "rtsp://[::ffff:1.2.3.4]/cam/"),
        ("rtsp://admin:pass@10.0.0.1/cam/", "rtsp://10.0.0.1/cam/"),
        ("", URL),
    ] {
        assert_eq!(base(Some(given), None, URL), expected);
    }
}

/// live555 on port 554: the base has no port though the request had, and what follows is asked for
/// at the base. RTP-Info may spell it in either way.
#[test]
fn a_base_without_the_default_port_is_the_same_place() {
    let asked = "rtsp://127.0.0.1:554/clip";
    let base = base(Some("rtsp://127.0.0.1/clip/"), None, asked);
    let track = resolve(&base, "track1", Join::Append);
    assert_eq!(track, "rtsp://127.0.0.1/clip/track1");
    for (other, same) in [
        ("rtsp://127.0.0.1:554/clip/track1", true),
        ("rtsp://127.0.0.1:554/clip/track1/", true),
        ("rtsp://127.0.0.1:8554/clip/track1", false),
        ("rtsp://127.0.0.1:5540/clip/track1", false),
        ("rtsp://127.0.0.1:554/clip/track2", false),
        ("rtsps://127.0.0.1:554/clip/track1", false),
    ] {
        assert_eq!(
            (same_stream(&track, other), same_stream(other, &track)),
            (same, same),
            "{other}"
        );
    }
    assert!(same_stream("rtsp://[::1]:554", "rtsp://[::1]"));
}

#[test]
fn the_timeout_of_a_session_is_not_echoed() {
    let mut player = Player::new();
    let key = player.client.open_session(player.now, URL).unwrap();
    player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: a-b.c ; Timeout=30\n\n");
    player.sent();
    player.client.play(player.now, key, None).unwrap();
    assert!(player.sent().contains("\nSession: a-b.c\n"));
    assert_eq!(player.client.session(key).unwrap().timeout(), Duration::from_secs(30));
    // And a client that does echo it is understood.
    let mut camera = Camera::new();
    camera.hears("SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP/TCP\n\n");
    let session = camera.session();
    assert!(!session.contains('-'));
    let reply = camera
        .hears(&format!("PLAY rtsp://h/a RTSP/1.0\nCSeq: 2\nSession: {session};timeout=60\n\n"));
    assert!(reply.starts_with("RTSP/1.0 200"), "{reply}");
}

#[test]
fn a_session_without_a_timeout_lives_for_a_minute() {
    let mut player = Player::new();
    let (key, _) = set_up(&mut player, &tcp(), "");
    assert_eq!(player.client.session(key).unwrap().timeout(), Duration::from_secs(60));
    player.sent();
    assert_eq!(player.later(secs(29)), "");
    assert!(player.later(secs(1)).starts_with("OPTIONS "), "a method that every server knows");
}

#[test]
fn keep_alives_that_fail_or_are_not_answered_end_nothing() {
    let mut player = Player::new();
    player.client.options(player.now, URL).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\nPublic: GET_PARAMETER, SET_PARAMETER\n\n");
    let (key, _) = set_up(&mut player, &tcp(), "");
    player.sent();
    assert!(player.later(secs(30)).starts_with("GET_PARAMETER "));
    // Answered with the number of the request before.
    let events = player.hears("RTSP/1.0 400 Bad Request\nCSeq: 2\n\n");
    assert!(matches!(events[..], [client::Event::Unmatched { .. }]), "{events:?}");
    assert!(player.later(secs(30)).starts_with("GET_PARAMETER "), "no answer says nothing");
    player.later(secs(5));
    assert_eq!(player.client.session(key).unwrap().state(), State::Ready);
}

/// OPTIONS without a Session refreshes nothing, timeouts are shorter than half a minute, and a
/// server that drops connections on methods it does not know must not hear them.
#[test]
fn signs_of_life_name_the_session_and_use_what_is_offered() {
    for (public, method) in [("OPTIONS, PLAY", "OPTIONS"), ("PLAY SET_PARAMETER", "SET_PARAMETER")]
    {
        let mut player = Player::new();
        player.client.options(player.now, URL).unwrap();
        player.sent();
        player.hears(&format!("RTSP/1.0 200 OK\nCSeq: 1\nPublic: {public}\n\n"));
        let key = player.client.open_session(player.now, URL).unwrap();
        player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
        player.sent();
        player.hears("RTSP/1.0 200 OK\nCSeq: 2\nSession: 7f;timeout=10\n\n");
        assert_eq!(player.later(secs(4)), "");
        let sign = player.later(secs(1));
        assert!(sign.starts_with(&format!("{method} {URL} ")), "{sign}");
        assert!(sign.contains("\nSession: 7f\n"), "{sign}");
        // Many cameras never answer, and the next one is due all the same.
        assert!(player.later(secs(5)).starts_with(method));
    }
}

/// A session id that changes from SETUP to SETUP: the first one is the session's.
#[test]
fn a_session_keeps_its_first_id() {
    let mut player = Player::new();
    let (key, _) = set_up(&mut player, &tcp(), "");
    let second = Transport::interleaved(None);
    player.client.setup(player.now, key, "rtsp://camera.example/live/t2", &[second]).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\nSession: 80\n\n");
    player.client.play(player.now, key, None).unwrap();
    assert!(player.sent().contains("\nSession: 7f\n"));
}

#[cfg(feature = "digest")]
#[test]
fn of_several_challenges_the_strongest_is_answered_with_the_body_again() {
    let credential = proto_wire::digest::Credential::new("u", "p").unwrap();
    let mut player = Player::with(client::Config::default().with_credential(credential));
    let request = RequestBuilder::new(Method::Announce, URL).body("application/sdp", "v=0\r\n");
    player.client.request(player.now, None, request).unwrap();
    assert!(player.sent().contains("User-Agent: "), "some answer 401 to those who do not say");
    player.hears(
        "RTSP/1.0 401 Unauthorized\nCSeq: 1\nWWW-Authenticate: Basic realm=\"cam\"\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"1\", algorithm=\"md5\", stale=\"FALSE\", Digest realm=\"cam\", nonce=\"2\", qop=\"auth\", algorithm=SHA-256\n\n",
    );
    let again = player.sent();
    assert!(again.contains("Authorization: Digest ") && again.contains("SHA-256"), "{again}");
    assert!(again.contains("qop=auth") && again.ends_with("\n\nv=0\n"), "{again}");
}

#[test]
fn credentials_never_stand_in_the_url() {
    let url = rtsp_proto::Url::parse("rtsp://admin:p@ss@10.0.0.1/cam").unwrap();
    assert_eq!(url.credentials(), Some(("admin", "p@ss")));
    assert_eq!(url.without_credentials().to_string(), "rtsp://10.0.0.1/cam");
    // Nor on the wire when a host forgets that.
    let mut player = Player::new();
    let now = player.now;
    player.client.describe(now, "rtsp://admin:p@ss@10.0.0.1/cam?x=@").unwrap();
    assert!(player.sent().starts_with("DESCRIBE rtsp://10.0.0.1/cam?x=@ RTSP/1.0\n"));
    let key = player.client.open_session(now, "rtsp://admin:p@ss@10.0.0.1/cam").unwrap();
    player.client.setup(now, key, "rtsp://admin:p@ss@10.0.0.1/cam/t1", &[tcp()]).unwrap();
    assert!(player.sent().starts_with("SETUP rtsp://10.0.0.1/cam/t1 RTSP/1.0\n"));
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\nSession: 7f\n\n");
    player.client.play(now, key, None).unwrap();
    assert!(player.sent().starts_with("PLAY rtsp://10.0.0.1/cam RTSP/1.0\n"));
}

#[test]
fn a_server_that_closes_after_401_is_an_end_not_a_hang() {
    let mut player = Player::new();
    let id = player.client.describe(player.now, URL).unwrap();
    player.sent();
    player.hears("RTSP/1.0 401 Unauthorized\nCSeq: 1\nConnection: close\n\n");
    let second = player.client.describe(player.now, URL).unwrap();
    assert_ne!(id, second);
    player.client.handle_input(player.now, client::Input::Eof);
    player.sent();
    let [
        client::Event::RequestFailed { reason: RequestFailure::Closed, .. },
        client::Event::Closed(CloseReason::Eof),
    ] = &player.events[..]
    else {
        panic!("{:?}", player.events)
    };
}

#[test]
fn header_names_have_no_case_and_are_written_as_the_rfc_does() {
    let mut camera = Camera::new();
    let reply = camera.hears("OPTIONS * RTSP/1.0\ncseq: 7\nCONTENT-LENGTH: 0\n\n");
    assert!(reply.contains("\r\nCSeq: 7\r\n") && reply.contains("\r\nPublic: "), "{reply}");
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 200 OK\nCseq: 1\nContent-length: 3\n\nv=0");
    let [client::Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.view().body(), b"v=0");
}

#[test]
fn frames_come_anywhere_between_messages() {
    let mut player = Player::new();
    let (key, _) = set_up(&mut player, &tcp(), "");
    player.client.play(player.now, key, None).unwrap();
    let mut stream = b"\r\n$\x00\x00\x01a$\x01\x00\x00".to_vec();
    stream.extend_from_slice(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n$\x09\x27\x10");
    stream.extend_from_slice(&[7; 10_000]);
    let events = player.hears_bytes(&stream);
    let payloads: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            client::Event::Media { channel, payload, session } => {
                Some((*channel, payload.len(), session.is_some()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(payloads, [(0, 1, true), (1, 0, true), (9, 10_000, false)]);
    assert_eq!(player.client.session(key).unwrap().state(), State::Playing);
}

#[test]
fn a_description_is_passed_on_whatever_its_type_and_grammar() {
    for kind in ["", "Content-Type: Application/SDP; charset=utf-8\n", "Content-Type: text/x\n"] {
        let mut player = Player::new();
        player.client.describe(player.now, URL).unwrap();
        player.sent();
        let sdp = "c= \nm=application/TP-LINK 0\na=range:npt=0- 634.6\n".replace('\n', "\r\n");
        let length = sdp.len();
        let head = format!("RTSP/1.0 200 OK\nCSeq: 1\n{kind}Content-Length: {length}\n\n");
        let events = player.hears(&format!("{head}{}", sdp.replace("\r\n", "\n")));
        let [client::Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(response.view().body(), sdp.as_bytes());
    }
    assert!(ContentType::parse(b"Application/SDP ; x").unwrap().is("application/sdp"));
}

#[test]
fn a_server_may_ask_the_client() {
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    player.hears("OPTIONS * RTSP/1.0\nCSeq: 1\n\nWFD_SETUP x RTSP/1.0\nCSeq: 2\n\n");
    let replies = player.sent();
    assert!(replies.contains("RTSP/1.0 200 OK\nCSeq: 1\n"), "{replies}");
    assert!(replies.contains("RTSP/1.0 501 Not Implemented\nCSeq: 2\n"), "{replies}");
    let events = player.hears("RTSP/1.0 200 OK\nCSeq: 1\n\n");
    assert!(matches!(events[..], [client::Event::Response { .. }]), "its own request waits still");
}

#[test]
fn any_header_can_be_sent_with_any_method() {
    let mut player = Player::new();
    let key = player.client.open_session(player.now, URL).unwrap();
    let backchannel = "www.onvif.org/ver20/backchannel";
    let with = |method| {
        RequestBuilder::new(method, URL)
            .header(HeaderName::Require, backchannel)
            .header(HeaderName::RateControl, "no")
            .header(HeaderName::Scale, "-1.0")
            .header_named("X-Vendor", 1)
    };
    let now = player.now;
    player.client.request(now, None, with(Method::Describe)).unwrap();
    player.client.setup_with(now, key, with(Method::Setup), &[tcp()]).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\nSession: x\n\n");
    player.client.request(now, Some(key), with(Method::Play)).unwrap();
    let play = player.sent();
    assert!(play.contains(&format!("Require: {backchannel}\n")), "{play}");
    assert!(play.contains("Scale: -1.0\n") && play.contains("X-Vendor: 1\n"), "{play}");
}

#[test]
fn a_teardown_is_accepted_in_any_state() {
    for steps in [&[][..], &["PLAY"], &["PLAY", "PAUSE"]] {
        let mut camera = Camera::new();
        camera.hears("SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP/TCP\n\n");
        let session = camera.session();
        for method in steps.iter().chain(&["TEARDOWN"]) {
            let reply = camera
                .hears(&format!("{method} rtsp://h/a RTSP/1.0\nCSeq: 2\nSession: {session}\n\n"));
            assert!(reply.starts_with("RTSP/1.0 200"), "{method}: {reply}");
        }
        assert_eq!(camera.server.sessions().count(), 0);
    }
}

#[test]
fn lengths_that_lie_end_the_connection_and_nothing_else() {
    for (length, limit) in [
        ("-1", None),
        ("+5", None),
        ("5, 6", None),
        ("18446744073709551615", Some(LimitKind::Body)),
        ("99999999999999999999999", None),
    ] {
        let mut camera = Camera::new();
        let reply =
            camera.hears(&format!("OPTIONS * RTSP/1.0\nCSeq: 1\nContent-Length: {length}\n\n"));
        assert!(reply.starts_with("RTSP/1.0 4"), "{length}: {reply}");
        let Some(server::Event::Closed(reason)) = camera.events.last() else { panic!("{length}") };
        match limit {
            Some(limit) => assert_eq!(*reason, CloseReason::Limit(limit)),
            None => assert!(matches!(reason, CloseReason::Protocol(_))),
        }
    }
}

#[test]
fn nothing_odd_is_reflected() {
    let mut camera = Camera::new();
    let reply = camera.hears_bytes(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\0<b>\r\n\r\n");
    assert!(reply.starts_with("RTSP/1.0 400 Bad Request\r\n") && !reply.contains("<b>"), "{reply}");
    let reply = camera.hears_bytes(b"OPT\0IONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n");
    assert!(reply.starts_with("RTSP/1.0 400 Bad Request\r\nCSeq: 2\r\n"), "{reply}");
    let reply = camera.hears_bytes(b"OPTIONS * RTSP/1.0\r\nCSeq: 3\r\nRequire: a\0b, c\r\n\r\n");
    assert!(reply.starts_with("RTSP/1.0 551") && !reply.contains('\0'), "{reply}");
}

#[test]
fn setting_up_twice_is_one_stream() {
    let mut camera = Camera::new();
    camera.hears("SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP/TCP;interleaved=0-1\n\n");
    let session = camera.session();
    let again = format!(
        "SETUP rtsp://h/a RTSP/1.0\nCSeq: 2\nSession: {session}\nTransport: RTP/AVP/TCP;interleaved=4-5\n\n"
    );
    assert!(camera.hears(&again).contains("interleaved=4-5"));
    let (_, known) = camera.server.sessions().next().unwrap();
    assert_eq!(known.streams().len(), 1);
    assert_eq!(known.streams()[0].channels, Some(ChannelPair::starting_at(4)));
}

#[test]
fn one_connection_does_not_control_the_session_of_another() {
    let mut one = Camera::new();
    one.hears("SETUP rtsp://h/a RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP/TCP\n\n");
    let mut other = Camera::new();
    let session = one.session();
    let reply = other.hears(&format!("PLAY rtsp://h/a RTSP/1.0\nCSeq: 1\nSession: {session}\n\n"));
    assert!(reply.starts_with("RTSP/1.0 454"), "{reply}");
}

#[test]
fn dialects_of_real_peers_are_understood() {
    // Two User-Agent lines and headers of another vendor, as one player sends.
    let mut camera = Camera::new();
    let reply = camera.hears(
        "OPTIONS rtsp://h/t RTSP/1.0\nCSeq: 1\nUser-Agent: A/1\nUser-Agent: B 6.0 (x)\nClientChallenge: 9e26\nPlayerStarttime: [28/03/2003:22:50:23 00:00]\n\n",
    );
    assert!(reply.starts_with("RTSP/1.0 200"), "{reply}");
    // A mode in quotes, in lower case, or none.
    for mode in ["mode=\"PLAY\"", "mode=play", "destination=127.0.0.1;source=127.0.0.1"] {
        let reply = format!("Transport: RTP/AVP/TCP;unicast;interleaved=0-1;{mode}\n");
        set_up(&mut Player::new(), &tcp(), &reply);
    }
    // A version that nobody speaks is answered, not dropped.
    let reply = camera.hears("OPTIONS * RTSP/9.9\nCSeq: 2\n\n");
    assert!(reply.starts_with("RTSP/2.0 505"), "{reply}");
    // The end right behind TEARDOWN: it is still answered.
    camera.hears("SETUP rtsp://h/a RTSP/1.0\nCSeq: 3\nTransport: RTP/AVP/TCP\n\n");
    let session = camera.session();
    let reply =
        camera.hears(&format!("TEARDOWN rtsp://h/a RTSP/1.0\nCSeq: 4\nSession: {session}\n\n"));
    assert!(reply.starts_with("RTSP/1.0 200"), "{reply}");
    assert_eq!(Session::parse(session.as_bytes()).unwrap().id, session);
    assert_eq!(StatusCode::new(786).map(StatusCode::code), Some(786));
}
