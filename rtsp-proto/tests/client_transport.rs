//! What is agreed about media: UDP, TCP, multicast, backchannel, replay, publishing; and the
//! features that are required for it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod player;

use player::{Player, URL, quiet, tcp, udp};
use rtsp_proto::client::{Event, PlayOptions, Requirement, Settled};
use rtsp_proto::headers::{
    ChannelPair, Decimal, Frames, Mode, PortPair, Range, SeekStyle, Speed, Transport, TypedHeader,
};
use rtsp_proto::{CommandError, Method, Methods, State, StatusCode, Version};

const BACKCHANNEL: &str = "www.onvif.org/ver20/backchannel";

/// What the first SETUP of a session offers, and what it settles on.
fn settle(mut player: Player, offer: &Transport<'_>, reply: &str) -> (String, Settled) {
    let version = player.client.version();
    let key = player.session();
    player.client.setup(player.now, key, &format!("{URL}/v"), &[*offer]).unwrap();
    let sent = player.sent();
    let events = player.hears(&format!("{version} 200 OK\nCSeq: 1\nSession: x\n{reply}\n"));
    let Some(Event::StreamReady { settled, .. }) = events.last() else { panic!("{events:?}") };
    let line = sent.lines().find(|line| line.starts_with("Transport: ")).unwrap();
    (line.trim_start_matches("Transport: ").to_owned(), settled.clone())
}

/// RFC 2326 §12.39, RFC 7826 §18.54.
#[test]
fn udp_in_both_versions() {
    let server_port = Some(PortPair::new(6000, Some(6001)));
    let client_port = Some(PortPair::new(5000, Some(5001)));
    let (line, settled) = settle(
        Player::new(),
        &udp(),
        "Transport: RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=AB\n",
    );
    assert_eq!(line, "RTP/AVP;unicast;client_port=5000-5001");
    assert_eq!(settled, Settled::Udp { client_port, server_port, source: None });
    let (line, settled) = settle(
        Player::v2(),
        &udp(),
        "Transport: RTP/AVP/UDP;unicast;dest_addr=\"[2001:db8::7]:5000\"/\"[2001:db8::7]:5001\";src_addr=\"[2001:db8::1]:6000\"/\"[2001:db8::1]:6001\";ssrc=93CB001E\n",
    );
    assert_eq!(line, "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"");
    let source = Some("2001:db8::1".into());
    assert_eq!(settled, Settled::Udp { client_port, server_port, source });
}

/// The server chooses the group (RFC 2326 §14.4), or the client does and the server may be
/// silent about what it takes over.
#[test]
fn multicast_chosen_by_either_side() {
    let group = |group: &str, port, ttl| Settled::Multicast {
        group: Some(group.into()),
        port: Some(PortPair::new(port, Some(port + 1))),
        ttl,
    };
    let reply = "Transport: RTP/AVP;multicast;destination=224.0.1.11;port=21010-21011;ttl=127\n";
    let (line, settled) = settle(Player::new(), &Transport::multicast(), reply);
    assert_eq!(line, "RTP/AVP;multicast");
    assert_eq!(settled, group("224.0.1.11", 21010, Some(127)));
    // In 2.0 addresses and ports stand together.
    let reply =
        "Transport: RTP/AVP;multicast;dest_addr=\"224.0.1.11:21010\"/\"224.0.1.11:21011\";ttl=16\n";
    let (_, settled) = settle(Player::v2(), &Transport::multicast(), reply);
    assert_eq!(settled, group("224.0.1.11", 21010, Some(16)));

    let mut own = Transport::multicast().with_destination("239.1.2.3");
    own.port = Some(PortPair::new(4000, Some(4001)));
    own.ttl = Some(8);
    for reply in [
        "",
        "Transport: RTP/AVP;multicast\n",
        // Neither word: what was asked for.
        "Transport: RTP/AVP;destination=239.1.2.3\n",
        "Transport: RTP/AVP;multicast;destination=239.1.2.3;port=4000-4001;ttl=8\n",
    ] {
        let (line, settled) = settle(Player::new(), &own, reply);
        assert_eq!(line, "RTP/AVP;multicast;destination=239.1.2.3;port=4000-4001;ttl=8");
        assert_eq!(settled, group("239.1.2.3", 4000, Some(8)), "{reply}");
    }
    let (line, _) = settle(Player::v2(), &own, "");
    assert_eq!(line, "RTP/AVP;multicast;dest_addr=\"239.1.2.3:4000\"/\"239.1.2.3:4001\";ttl=8");
    // A server that only has unicast says so.
    let reply = "Transport: RTP/AVP;unicast;client_port=4000-4001\n";
    let (_, settled) = settle(Player::new(), &own, reply);
    assert!(matches!(settled, Settled::Udp { .. }), "{settled:?}");
}

/// 461 (RFC 7826 §17.4.25), and which channels to try.
#[test]
fn a_refused_transport_comes_with_a_hint() {
    let mut player = Player::new();
    let now = player.now;
    let key = player.set_up(&["v"], "1.0", 1);
    let url = format!("{URL}/a");
    player.client.setup(now, key, &url, &[udp()]).unwrap();
    let events = player.hears("RTSP/1.0 461 Unsupported Transport\nCSeq: 2\n\n");
    let [Event::Response { .. }, Event::TransportRefused { session, url: refused, interleaved }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*session, refused.as_str()), (key, url.as_str()));
    // The first stream has 0 and 1.
    let free = ChannelPair::starting_at(2);
    assert_eq!(*interleaved, Some(free));
    player.client.setup(now, key, &url, &[Transport::interleaved(Some(free))]).unwrap();
    let events = player.hears("RTSP/1.0 461 Unsupported Transport\nCSeq: 3\n\n");
    let Some(Event::TransportRefused { interleaved: None, .. }) = events.last() else {
        panic!("there is nothing else to try: {events:?}")
    };
}

/// ONVIF Streaming §5.3: Require on every request of the session; a device without a
/// backchannel answers 551, and is used without.
#[test]
fn the_backchannel_is_asked_for_and_given_up() {
    let config = || quiet().with_requirements(vec![Requirement::backchannel()]);
    let mut player = Player::with(config());
    let now = player.now;
    player.client.options(now, "*").unwrap();
    assert!(!player.sent().contains("Require"), "OPTIONS is how to ask what there is");
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\n\n");
    let key = player.set_up(&["v"], "1.0", 2);
    player.client.describe(now, URL).unwrap();
    player.client.play(now, key, None).unwrap();
    player.client.pause(now, key).unwrap();
    player.client.get_parameter(now, key, &[]).unwrap();
    player.client.teardown(now, key).unwrap();
    let wire = player.sent();
    assert_eq!(wire.matches(&format!("Require: {BACKCHANNEL}\n")).count(), 5, "{wire}");

    for unsupported in ["", "Unsupported: WWW.onvif.org/ver20/backchannel\n"] {
        let mut player = Player::with(config());
        let id = player.client.describe(now, URL).unwrap();
        player.sent();
        let events =
            player.hears(&format!("RTSP/1.0 551 Option not supported\nCSeq: 1\n{unsupported}\n"));
        assert_eq!(events, [Event::RequirementDropped { tag: BACKCHANNEL.into() }]);
        let again = player.sent();
        assert!(again.starts_with("DESCRIBE ") && !again.contains("Require"), "{again}");
        let events = player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\n");
        assert!(matches!(&events[..], [Event::Response { id: done, .. }] if *done == id));
        // It is not asked for again.
        player.client.describe(now, URL).unwrap();
        assert!(!player.sent().contains("Require"));
    }
    // 551 about something else is the answer.
    let mut player = Player::with(config());
    player.client.describe(now, URL).unwrap();
    player.sent();
    let events = player.hears("RTSP/1.0 551 No\nCSeq: 1\nUnsupported: other\n\n");
    assert!(matches!(events[..], [Event::Response { .. }]), "{events:?}");
    assert_eq!(player.sent(), "");
}

#[test]
fn what_is_required_and_not_optional_fails_the_request() {
    let needed = Requirement::new("play.scale").with_methods(Methods::of(&[Method::Describe]));
    let optional = Requirement::new("x").with_optional(true);
    let mut player = Player::with(quiet().with_requirements(vec![needed, optional]));
    player.client.describe(player.now, URL).unwrap();
    assert!(player.sent().contains("Require: play.scale\nRequire: x\n"));
    let events = player.hears("RTSP/1.0 551 No\nCSeq: 1\nUnsupported: x, play.scale\n\n");
    let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.view().status(), StatusCode::OPTION_NOT_SUPPORTED);
    // Two requests in flight: the second goes out again too, and it is told once.
    let optional = Requirement::new("x").with_optional(true);
    let mut player = Player::with(quiet().with_requirements(vec![optional]));
    player.client.describe(player.now, URL).unwrap();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    assert_eq!(player.hears("RTSP/1.0 551 No\nCSeq: 1\n\n").len(), 1);
    assert_eq!(player.hears("RTSP/1.0 551 No\nCSeq: 2\n\n"), []);
    assert_eq!(player.sent().matches("DESCRIBE ").count(), 2);
}

/// ONVIF Streaming §6: `onvif-replay` on SETUP and PLAY, and the headers of a replay.
#[test]
fn a_recording_is_replayed() {
    let config = quiet().with_requirements(vec![Requirement::onvif_replay()]);
    let mut player = Player::with(config);
    let now = player.now;
    player.client.describe(now, URL).unwrap();
    assert!(!player.sent().contains("Require"));
    let key = player.session();
    player.client.setup(now, key, URL, &[tcp()]).unwrap();
    assert!(player.sent().contains("\nRequire: onvif-replay\n"));
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\nSession: x\n\n");
    let range = Range::parse(b"clock=20090615T114900.440Z-").unwrap();
    let options = PlayOptions::new()
        .with_range(&range)
        .with_scale(Decimal::parse(b"-1.0").unwrap())
        .with_rate_control(false)
        .with_immediate(true)
        .with_frames(&Frames::intra_every(4000));
    player.client.play_with(now, key, &options).unwrap();
    assert_eq!(
        player.sent(),
        "PLAY rtsp://camera.example/live RTSP/1.0\nCSeq: 3\nSession: x\nRequire: onvif-replay\nRange: clock=20090615T114900.440Z-\nScale: -1\nRate-Control: no\nImmediate: yes\nFrames: intra/4000\n\n"
    );
}

/// RFC 7826 §13.4, §18.46, §18.47, §18.50.
#[test]
fn play_can_be_asked_for_in_any_way() {
    let mut player = Player::v2();
    let key = player.set_up(&["v"], "2.0", 1);
    let range = Range::parse(b"npt=10-15").unwrap();
    let options = PlayOptions::new()
        .with_range(&range)
        .with_scale(Decimal::parse(b"2.5").unwrap())
        .with_speed(Speed::exactly(Decimal::from_integer(2)))
        .with_seek_style(&SeekStyle::Next)
        .with_header_named("X-Vendor", "yes");
    player.client.play_with(player.now, key, &options).unwrap();
    assert_eq!(
        player.sent(),
        "PLAY rtsp://camera.example/live RTSP/2.0\nCSeq: 2\nSession: abc\nRange: npt=10-15\nScale: 2.5\nSpeed: 2-2\nSeek-Style: Next\nX-Vendor: yes\n\n"
    );
    let evil = PlayOptions::new().with_header_named("X", "a\r\nTEARDOWN * RTSP/1.0");
    let refused = player.client.play_with(player.now, key, &evil);
    assert!(matches!(refused, Err(CommandError::Build(_))), "{refused:?}");
}

/// RFC 2326 §10.3 and §10.11: ANNOUNCE, SETUP with `mode=record`, RECORD.
#[test]
fn media_is_published() {
    let mut player = Player::new();
    let now = player.now;
    let key = player.session();
    let announce = player.client.announce(now, key, "v=0\r\n").unwrap();
    assert_eq!(
        player.sent(),
        "ANNOUNCE rtsp://camera.example/live RTSP/1.0\nCSeq: 1\nContent-Type: application/sdp\nContent-Length: 5\n\nv=0\n"
    );
    // Some servers make the session here.
    let events = player.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: early;timeout=30\n\n");
    assert!(matches!(&events[..], [Event::Response { id, .. }] if *id == announce));
    assert_eq!(player.state(key), Some(State::Init));
    player.client.setup_record(now, key, &format!("{URL}/v"), &[tcp()]).unwrap();
    let wire = player.sent();
    assert!(wire.contains("\nSession: early\n"), "{wire}");
    assert!(wire.contains("Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\n"));
    let reply = "RTSP/1.0 200 OK\nCSeq: 2\nSession: early\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=\"receive\"\n\n";
    player.hears(reply);
    player.client.record(now, key).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 3\n\n");
    assert_eq!(player.state(key), Some(State::Recording));
    player.client.send_media(now, 0, "rtp".into()).unwrap();
    assert_eq!(player.sent(), "$\0\0\u{3}rtp");
    let stray = player.client.play(now, key, None);
    let state = State::Recording;
    assert_eq!(stray, Err(CommandError::State { method: Method::Play, state }));
    player.client.pause(now, key).unwrap();
    player.hears("RTSP/1.0 200 OK\nCSeq: 4\n\n");
    assert_eq!(player.state(key), Some(State::Ready));
    assert_eq!(Mode::RECORD, Mode::parse_of("receive"));
}

trait ParseOf {
    fn parse_of(mode: &str) -> Self;
}

impl ParseOf for Mode {
    fn parse_of(mode: &str) -> Self {
        Transport::parse(format!("RTP/AVP;mode={mode}").as_bytes()).unwrap().mode
    }
}

/// RFC 2326 §10.8, §10.9.
#[test]
fn parameters_are_set_and_asked_for() {
    let mut player = Player::new();
    let now = player.now;
    let key = player.set_up(&["v"], "1.0", 1);
    player.client.set_parameter(now, key, &[("barparam", "barstuff"), ("volume", "11")]).unwrap();
    assert_eq!(
        player.sent(),
        "SET_PARAMETER rtsp://camera.example/live RTSP/1.0\nCSeq: 2\nSession: abc\nContent-Type: text/parameters\nContent-Length: 32\n\nbarparam: barstuff\nvolume: 11\n"
    );
    player.client.get_parameter(now, key, &["packets_received", "jitter"]).unwrap();
    assert!(player.sent().ends_with("Content-Length: 26\n\npackets_received\njitter\n"));
    let evil = player.client.set_parameter(now, key, &[("a", "b\r\nc: d")]);
    assert!(matches!(evil, Err(CommandError::Build(_))), "{evil:?}");
    player.client.set_parameter(now, key, &[]).unwrap();
    assert!(!player.sent().contains("Content"), "a sign of life");
    assert_eq!(player.client.version(), Version::V1_0);
}

/// RFC 7826 §C.1.6.4: with `RTCP-mux` in the answer RTCP has no port of its own.
#[test]
fn rtcp_has_the_port_of_rtp_when_they_share_a_flow() {
    let mut offer = udp();
    offer.rtcp_mux = true;
    for (flag, client, server) in [(";RTCP-mux", 5000, 6000), ("", 5001, 6001)] {
        let reply = format!(
            "Transport: RTP/AVP;unicast;dest_addr=\"192.0.2.1:5000\"/\"192.0.2.1:5001\";src_addr=\"192.0.2.5:6000\"/\"192.0.2.5:6001\"{flag}\n"
        );
        let (_, settled) = settle(Player::v2(), &offer, &reply);
        let Settled::Udp { client_port: Some(mine), server_port: Some(theirs), .. } = settled
        else {
            panic!("{settled:?}")
        };
        assert_eq!((mine.rtcp(), theirs.rtcp()), (client, server), "{flag}");
    }
}

/// RFC 7826 §C.2.2: TCP with addresses is neither interleaved nor UDP. Who opens the connections is
/// what the two `setup` say.
#[test]
fn tcp_connections_of_their_own_are_no_udp() {
    use rtsp_proto::headers::{ConnectionReuse, ConnectionSetup};
    let mut offer = Transport::interleaved(None).with_dest_addr("\":9\"/\":9\"");
    offer.setup = Some(ConnectionSetup::Active);
    offer.connection = Some(ConnectionReuse::New);
    let ports = "src_addr=\"192.0.2.5:53478\"/\"192.0.2.5:54091\";setup=passive;connection=new";
    for dest in [";dest_addr=\"192.0.2.1:9\"/\"192.0.2.1:9\"", ""] {
        let reply = format!("Transport: RTP/AVP/TCP;unicast{dest};{ports}\n");
        let (line, settled) = settle(Player::v2(), &offer, &reply);
        let asked = "RTP/AVP/TCP;unicast;dest_addr=\":9\"/\":9\";setup=active;connection=new";
        assert_eq!(line, asked);
        let Settled::Tcp { setup, connection, client_port, server_port, source } = settled else {
            panic!("{settled:?}")
        };
        assert_eq!(setup, Some(ConnectionSetup::Passive));
        assert_eq!(connection, Some(ConnectionReuse::New));
        assert_eq!(client_port, Some(PortPair::new(9, Some(9))));
        assert_eq!(server_port, Some(PortPair::new(53478, Some(54091))));
        assert_eq!(source.as_deref(), Some("192.0.2.5"));
    }
    // Without a Transport in the answer it is what was offered.
    let (_, settled) = settle(Player::v2(), &offer, "");
    assert!(matches!(settled, Settled::Tcp { client_port: Some(_), .. }), "{settled:?}");
}
