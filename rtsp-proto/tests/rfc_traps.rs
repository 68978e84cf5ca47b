//! What implementations get wrong about the RFCs, at the client and in the wire layer. Those
//! of the server stand in `rfc_traps_server.rs`; version 2.0, redirections, transports and
//! datagrams have files of their own (`client_*.rs`).

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod player;

use core::time::Duration;
use player::{Player, URL, quiet, tcp};
use rtsp_proto::client::{Event, Settled};
use rtsp_proto::control_url::{Join, base, resolve, same_stream};
use rtsp_proto::headers::{
    ChannelPair, Delivery, LowerTransport, PortPair, RtpInfos, Transport, Transports,
};
use rtsp_proto::{
    CloseReason, HeaderName, Method, Methods, RequestBuilder, RequestFailure, ResponseBuilder,
    State, StatusClass, StatusCode, Version,
};

/// The answer to a DESCRIBE with these bytes behind its CSeq line; what happens.
fn answered(lines_and_body: &str) -> Vec<Event> {
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    player.hears(&format!("RTSP/1.0 200 OK\nCSeq: 1\n{lines_and_body}"))
}

/// RFC 2326 §4.4, §12.14: no Content-Length means no body, and a wrong one is no length.
#[test]
fn trap_01_a_missing_content_length_is_zero_and_a_wrong_one_is_an_error() {
    let events = answered("\n$\0\0\0");
    let [Event::Response { response, .. }, Event::Media { .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(response.view().body(), b"");
    for wrong in ["+5", "-1", "5\nContent-Length: 3", "5, 3", "0x5", "18446744073709551616"] {
        let events = answered(&format!("Content-Length: {wrong}\n\nv=0\n"));
        let [Event::RequestFailed { reason: RequestFailure::Closed, .. }, Event::Closed(reason)] =
            &events[..]
        else {
            panic!("{wrong}: {events:?}")
        };
        assert!(matches!(reason, CloseReason::Protocol(_)), "{wrong}: {reason:?}");
    }
    let events = answered("Content-Length: 3\nContent-Length: 3\n\nv=0");
    assert!(matches!(events[..], [Event::Response { .. }]), "twice the same: {events:?}");
}

/// RFC 2326 §4: "receivers should be prepared to also interpret CR and LF by themselves".
#[test]
fn trap_02_lines_end_with_cr_lf_or_both_and_empty_lines_stand_before_anything() {
    for end in ["\r\n", "\n", "\r"] {
        let mut player = Player::new();
        player.client.describe(player.now, URL).unwrap();
        player.sent();
        let text = ["RTSP/1.0 200 OK", "CSeq: 1", "Content-Length: 3", "", "v=0"].join(end);
        let events = player.hears_bytes(text.as_bytes());
        let [Event::Response { response, .. }] = &events[..] else { panic!("{end:?}: {events:?}") };
        assert_eq!(response.view().body(), b"v=0");
    }
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    let events = player.hears("\n\n$\0\0\0\n\nRTSP/1.0 200 OK\nCSeq: 1\n\n\n\n$\0\0\0");
    assert_eq!(events.len(), 3, "{events:?}");
}

/// RFC 2326 §10.12: between messages, behind a head, before an answer; a body may begin with `$`.
#[test]
fn trap_03_frames_and_bodies_with_a_dollar() {
    let mut player = Player::new();
    let key = player.session();
    player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
    player.sent();
    let events = player.hears(
        "$\0\0\0RTSP/1.0 200 OK\nCSeq: 1\nSession: x\nContent-Length: 4\n\n$\0\0\0$\u{1}\0\0",
    );
    let [
        Event::Media { channel: 0, session: None, .. },
        Event::Response { response, .. },
        Event::StreamReady { .. },
        Event::Media { channel: 1, session: Some(_), payload },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((response.view().body(), payload.len()), (&b"$\0\0\0"[..], 0));
    // Channels without a pair, and beyond those that are set up, are delivered.
    for channel in [7, 255] {
        let events = player.hears_bytes(&[b'$', channel, 0, 1, 9]);
        let [Event::Media { session: None, .. }] = &events[..] else { panic!("{events:?}") };
    }
}

/// Names have no case, and are written as the RFC does.
#[test]
fn trap_04_the_case_of_names() {
    let events = answered("cOnTeNt-LeNgTh: 3\n\nv=0");
    let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.view().body(), b"v=0");
    for (name, text) in [
        (HeaderName::CSeq, "CSeq"),
        (HeaderName::RtpInfo, "RTP-Info"),
        (HeaderName::WwwAuthenticate, "WWW-Authenticate"),
        (HeaderName::MTag, "MTag"),
        (HeaderName::KeyMgmt, "KeyMgmt"),
    ] {
        assert_eq!(name.as_str(), text);
    }
    assert_eq!(Method::from_name(b"Play"), Method::Extension, "methods have a case");
    let transport = Transport::parse(b"rtp/avp/tcp;UNICAST;Interleaved=0-1").unwrap();
    assert_eq!(transport.interleaved, Some(ChannelPair::starting_at(0)));
}

/// Lists on several lines are one list; RTP-Info of 1.0 holds commas and semicolons in URLs.
#[test]
fn trap_05_lists_over_several_lines() {
    let mut player = Player::new();
    player.client.options(player.now, "*").unwrap();
    player.sent();
    player
        .hears("RTSP/1.0 200 OK\nCSeq: 1\nPublic: OPTIONS, PLAY\nPublic: PAUSE;SETUP TEARDOWN\n\n");
    let all = [Method::Options, Method::Play, Method::Pause, Method::Setup, Method::Teardown];
    assert_eq!(player.client.public(), Some(Methods::of(&all)));
    let info = "url=rtsp://h/a,b;c=1/t;seq=1;rtptime=2,url=rtsp://h/x;seq=3";
    let urls: Vec<_> = RtpInfos::new(info.as_bytes()).map(|info| info.url).collect();
    assert_eq!(urls, ["rtsp://h/a,b;c=1/t", "rtsp://h/x"]);
}

/// RFC 2326 §15.1: TEXT is any octet.
#[test]
fn trap_06_one_odd_byte_is_never_fatal() {
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    let events = player.hears_bytes(
        b"RTSP/1.0 200 Tr\xe8s bien\r\nServer: Cam\xe9ra\r\nCSeq: 1\r\nX: \x01\x02\r\n\r\n",
    );
    let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.view().headers().bytes(HeaderName::Server), Some(&b"Cam\xe9ra"[..]));
}

/// RFC 2326 §7.1.1: unknown codes are as x00 of their class; reasons may be missing.
#[test]
fn trap_07_unknown_codes_act_as_their_class() {
    for (line, class, state) in [
        ("299 Fine", StatusClass::Success, Some(State::Playing)),
        ("299", StatusClass::Success, Some(State::Playing)),
        ("399 There", StatusClass::Redirection, None),
        ("499", StatusClass::ClientError, Some(State::Ready)),
        ("599 ", StatusClass::ServerError, Some(State::Ready)),
    ] {
        let mut player = Player::new();
        let key = player.set_up(&["v"], "1.0", 1);
        player.client.play(player.now, key, None).unwrap();
        player.sent();
        let events = player.hears(&format!("RTSP/1.0 {line}\nCSeq: 2\n\n"));
        let Event::Response { response, .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!(response.view().status().class(), class);
        assert_eq!(player.state(key), state, "{line}");
    }
}

/// RFC 7826 §17.5.6: the highest version that is known.
#[test]
fn trap_08_a_request_of_an_unknown_version_is_answered_505() {
    let mut player = Player::new();
    player.hears("OPTIONS * RTSP/3.0\nCSeq: 4\n\n");
    assert_eq!(player.sent(), "RTSP/2.0 505 RTSP Version Not Supported\nCSeq: 4\n\n");
    player.hears("OPTIONS * RTSP/2.0\nCSeq: 5\n\nOPTIONS * RTSP/1.0\nCSeq: 6\n\n");
    let answers = player.sent();
    assert!(answers.contains("RTSP/2.0 200 OK\nCSeq: 5\n"), "{answers}");
    assert!(answers.contains("RTSP/1.0 200 OK\nCSeq: 6\n"), "{answers}");
}

/// Each direction counts by itself; every request has a new number, an answer the same.
#[test]
fn trap_09_numbers() {
    let mut player = Player::new();
    let first = player.client.options(player.now, "*").unwrap();
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    // The server's own number 2 has nothing to do with ours.
    player.hears("OPTIONS * RTSP/1.0\nCSeq: 2\n\n");
    assert!(player.sent().contains("CSeq: 2\n"));
    // A stale number completes nothing, whoever waits.
    let events = player.hears("RTSP/1.0 400 Bad Request\nCSeq: 0\n\n");
    assert!(matches!(events[..], [Event::Unmatched { .. }]), "{events:?}");
    let events = player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\nRTSP/1.0 200 OK\nCSeq: 1\n\n");
    let [Event::Response { method: Method::Describe, .. }, Event::Response { id, .. }] =
        &events[..]
    else {
        panic!("in any order: {events:?}")
    };
    assert_eq!(*id, first);
    // Without a number nobody can be asked again.
    player.hears("OPTIONS * RTSP/1.0\n\n");
    assert_eq!(player.sent(), "RTSP/1.0 400 Bad Request\n\n");
}

/// What a message is, is told by its first token and not by who reads it.
#[test]
fn trap_10_requests_of_the_server_stand_between_answers() {
    let mut player = Player::new();
    player.client.describe(player.now, URL).unwrap();
    player.client.options(player.now, "*").unwrap();
    player.sent();
    let events = player.hears(
        "OPTIONS * RTSP/1.0\nCSeq: 1\n\nRTSP/1.0 200 OK\nCSeq: 1\n\nGET_PARAMETER * RTSP/1.0\nCSeq: 2\n\nRTSP/1.0 200 OK\nCSeq: 2\n\n",
    );
    let kinds: Vec<_> =
        events.iter().map(|event| matches!(event, Event::Response { .. })).collect();
    assert_eq!(kinds, [false, true, false, true]);
}

/// RFC 2326 §12.38: Timestamp is echoed exactly, whoever answers.
#[test]
fn trap_11_the_timestamp_of_the_server_is_echoed() {
    let mut player =
        Player::with(quiet().with_accepted_methods(Methods::of(&[Method::SetParameter])));
    player.hears("OPTIONS * RTSP/1.0\nCSeq: 1\nTimestamp: 0012.500\n\n");
    assert!(
        player
            .sent()
            .ends_with("Timestamp: 0012.500\nPublic: OPTIONS, SET_PARAMETER, REDIRECT\n\n")
    );
    let events = player.hears("SET_PARAMETER * RTSP/1.0\nCSeq: 2\nTimestamp: 7\n\n");
    let [Event::Request { id: Some(id), .. }] = &events[..] else { panic!("{events:?}") };
    player.client.respond(player.now, *id, &ResponseBuilder::new(StatusCode::OK)).unwrap();
    assert_eq!(player.sent(), "RTSP/1.0 200 OK\nCSeq: 2\nTimestamp: 7\n\n");
    // What is none is not reflected.
    player.hears("BLAH * RTSP/1.0\nCSeq: 3\nTimestamp: <b>\n\n");
    assert_eq!(player.sent(), "RTSP/1.0 501 Not Implemented\nCSeq: 3\n\n");
}

/// RFC 2326 §12.37: `timeout` is the server's alone; junk means a minute.
#[test]
fn trap_12_the_timeout_of_a_session() {
    for (value, secs) in [
        ("x", 60),
        ("x;timeout=0", 60),
        ("x;timeout=soon", 60),
        ("x ; timeout = 20", 20),
        ("x;foo=1;Timeout=7", 7),
    ] {
        let mut player = Player::new();
        let key = player.session();
        player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
        player.sent();
        player.hears(&format!("RTSP/1.0 200 OK\nCSeq: 1\nSession: {value}\n\n"));
        let session = player.client.session(key).unwrap();
        assert_eq!(session.timeout(), Duration::from_secs(secs), "{value}");
        player.client.play(player.now, key, None).unwrap();
        assert!(player.sent().contains("\nSession: x\n"), "{value}");
    }
}

/// Session ids are opaque and have a case.
#[test]
fn trap_13_session_ids_are_compared_exactly() {
    let mut player = Player::v2();
    player.set_up(&["v"], "2.0", 1);
    player.hears("TEARDOWN * RTSP/2.0\nCSeq: 1\nSession: ABC\n\n");
    assert!(player.sent().starts_with("RTSP/2.0 454 "));
    let odd = "a$-_.+%20!";
    let mut player = Player::new();
    let key = player.session();
    player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
    player.sent();
    player.hears(&format!("RTSP/1.0 200 OK\nCSeq: 1\nSession: {odd}\n\n"));
    player.client.play(player.now, key, None).unwrap();
    assert!(player.sent().contains(&format!("\nSession: {odd}\n")));
}

/// RFC 2326 §10.7: TEARDOWN of a stream leaves the others, even while they play.
#[test]
fn trap_14_one_stream_of_several_is_torn_down() {
    let mut player = Player::new();
    let key = player.set_up(&["v", "a"], "1.0", 1);
    player.client.play(player.now, key, None).unwrap();
    player.hears("RTSP/1.0 200 OK\nCSeq: 3\n\n");
    player.client.teardown_stream(player.now, key, &format!("{URL}/v")).unwrap();
    // What follows is judged as if it had succeeded.
    player.client.pause(player.now, key).unwrap();
    player.sent();
    assert_eq!(player.hears("RTSP/1.0 200 OK\nCSeq: 4\nSession: abc\n\n").len(), 1);
    assert_eq!(player.client.session(key).unwrap().streams().len(), 1);
    assert_eq!(player.state(key), Some(State::Playing));
    // The last one takes the session with it.
    player.client.teardown_stream(player.now, key, &format!("{URL}/a")).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 6\n\n");
    assert_eq!(player.state(key), None);
}

/// RFC 2326 §10.5 and A.1: PLAY in Playing stands in line, SETUP in Playing changes a transport.
#[test]
fn trap_15_what_1_0_allows_while_playing() {
    let mut player = Player::new();
    let key = player.set_up(&["v"], "1.0", 1);
    player.client.play(player.now, key, None).unwrap();
    player.client.play(player.now, key, None).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 2\n\nRTSP/1.0 200 OK\nCSeq: 3\n\n");
    player.client.setup(player.now, key, &format!("{URL}/v"), &[player::udp()]).unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 4\nTransport: RTP/AVP;client_port=5000-5001\n\n");
    let session = player.client.session(key).unwrap();
    assert_eq!((session.state(), session.streams().len()), (State::Playing, 1));
    assert!(matches!(session.streams()[0].settled, Settled::Udp { .. }));
}

/// 463 means one thing in RFC 4567 and another in RFC 7826; lists of methods have any separator.
#[test]
fn trap_18_codes_and_lists_that_are_ambiguous() {
    let code = StatusCode::new(463).unwrap();
    assert_eq!(code.reason(Version::V2_0), "Destination Prohibited");
    assert_ne!(code.reason(Version::V1_0), code.reason(Version::V2_0));
    for list in ["PLAY, PAUSE", "PLAY PAUSE", "PLAY;PAUSE", "PLAY,PAUSE,", " PLAY ,, PAUSE"] {
        let expected = Methods::of(&[Method::Play, Method::Pause]);
        assert_eq!(Methods::from_text(list.as_bytes()), expected, "{list}");
    }
}

/// Signs of life have a Session, no body, and the URL of the whole.
#[test]
fn trap_19_signs_of_life() {
    let mut player = Player::new();
    player.client.options(player.now, "*").unwrap();
    player.sent();
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\nPublic: GET_PARAMETER\n\n");
    player.set_up(&["v"], "1.0", 2);
    assert_eq!(
        player.later(Duration::from_secs(30)),
        "GET_PARAMETER rtsp://camera.example/live RTSP/1.0\nCSeq: 3\nSession: abc\n\n"
    );
}

/// RFC 2326 §10.8: servers ping too.
#[test]
fn trap_19_signs_of_life_of_the_server() {
    let mut player = Player::new();
    player.set_up(&["v"], "1.0", 1);
    player.hears("GET_PARAMETER rtsp://camera.example/live RTSP/1.0\nCSeq: 7\nSession: abc\n\n");
    assert_eq!(player.sent(), "RTSP/1.0 200 OK\nCSeq: 7\nSession: abc\n\n");
    player.hears("GET_PARAMETER * RTSP/1.0\nCSeq: 8\nContent-Length: 3\n\na\n");
    assert!(player.sent().starts_with("RTSP/1.0 501 "), "what is asked for is the application's");
}

/// RFC 2326 §12.39: neither word is multicast by the letter and unicast in practice.
#[test]
fn trap_20_transports() {
    let list = b"RTP/AVP;unicast;client_port=1-2, RTP/AVP/TCP;interleaved=0-1,FOO/BAR";
    let ids: Vec<_> = Transports::new(list).flatten().map(|t| t.lower).collect();
    assert_eq!(ids, [LowerTransport::Udp, LowerTransport::Tcp, LowerTransport::Udp]);
    let transport = Transport::parse(b"RTP/AVP;client_port=1-2").unwrap();
    assert_eq!(transport.delivery, None, "the application decides");
    assert_eq!(Transport::multicast().delivery, Some(Delivery::Multicast));
    // Nothing is said about playing: some cameras refuse `mode=play`.
    assert!(!tcp().to_string().contains("mode"));
    for mode in ["PLAY", "\"PLAY\"", "play", "\"play, record\""] {
        let text = format!("RTP/AVP;unicast;mode={mode}");
        assert!(Transport::parse(text.as_bytes()).unwrap().mode.play, "{mode}");
    }
    let mut publisher = tcp();
    publisher.mode = rtsp_proto::headers::Mode::RECORD;
    assert!(publisher.for_version(Version::V1_0).to_string().ends_with(";mode=record"));
    assert!(publisher.for_version(Version::V2_0).to_string().ends_with(";mode=\"RECORD\""));
}

/// Ports of a group and of a client are different things; one port means the next one too.
#[test]
fn trap_21_ports_and_addresses() {
    let transport = Transport::parse(b"RTP/AVP;multicast;port=3456;ttl=255").unwrap();
    assert_eq!((transport.port, transport.client_port), (Some(PortPair::new(3456, None)), None));
    assert_eq!(transport.port.unwrap().rtcp(), 3457);
    let transport = Transport::parse(b"RTP/AVP/TCP;interleaved=6").unwrap();
    assert_eq!(transport.interleaved, Some(ChannelPair { rtp: 6, rtcp: None }));
    assert!(Transport::parse(b"RTP/AVP;client_port=70000-70001").is_err());
    let transport =
        Transport::parse(b"RTP/AVP;dest_addr=\"[::1]:5000\"/\"[::1]:5001\";unicast").unwrap();
    assert_eq!(transport.dest_addr().host(), Some("::1"));
    let transport = Transport::parse(b"RTP/AVP;unicast;destination=::1").unwrap();
    assert_eq!(transport.destination(), Some("::1"));
    let transport = Transport::parse(b"RTP/AVP;dest_addr=\":3456\"/\":3457\"").unwrap();
    assert_eq!(transport.dest_addr().ports(), Some(PortPair::new(3456, Some(3457))));
}

/// RTP-Info names streams by any tail of their URL, and leaves out what it does not know.
#[test]
fn trap_23_streams_in_rtp_info() {
    let info = "url=\"rtsp://h/s/a\" ssrc=0D12F123:seq=5712;rtptime=934207921,url=\"rtsp://h/s/v\" ssrc=789DAF12:seq=57654";
    let infos: Vec<_> = RtpInfos::new(info.as_bytes()).collect();
    assert_eq!((infos[0].seq, infos[0].rtptime), (Some(5712), Some(934_207_921)));
    assert_eq!((infos[1].seq, infos[1].rtptime), (Some(57654), None));
    assert!(same_stream("rtsp://h/s/v", "v") && !same_stream("rtsp://h/s/v", "rtsp://h/s/a"));
}

/// RFC 2326 §C.1.1 against practice: both are there.
#[test]
fn trap_25_control_urls() {
    for (base_url, control, practice, rfc) in [
        ("rtsp://h/a?q", "t=1", "rtsp://h/a?q/t=1", "rtsp://h/t=1"),
        ("rtsp://h/a/", "t=1", "rtsp://h/a/t=1", "rtsp://h/a/t=1"),
        ("rtsp://h/a", "*", "rtsp://h/a", "rtsp://h/a"),
        ("rtsp://h/a", "", "rtsp://h/a", "rtsp://h/a"),
        ("rtsp://h/a", "rtsps://x/y", "rtsps://x/y", "rtsps://x/y"),
    ] {
        assert_eq!(resolve(base_url, control, Join::Append), practice);
        assert_eq!(resolve(base_url, control, Join::Rfc3986), rfc);
    }
    // Content-Base before Content-Location before the URL that was asked for.
    assert_eq!(base(Some("rtsp://b/"), Some("rtsp://l/"), URL), "rtsp://b/");
    assert_eq!(base(None, Some("rtsp://l/"), URL), "rtsp://l/");
    assert_eq!(base(None, None, URL), URL);
}

/// Media goes on until the server has read TEARDOWN, and behind its answer.
#[test]
fn trap_28_media_behind_teardown() {
    let mut player = Player::new();
    let key = player.set_up(&["v"], "1.0", 1);
    player.client.teardown(player.now, key).unwrap();
    player.sent();
    let events = player.hears("$\0\0\u{1}aRTSP/1.0 200 OK\nCSeq: 2\n\n$\0\0\u{1}b");
    let [
        Event::Media { session: Some(_), .. },
        Event::Response { .. },
        Event::SessionEnded { .. },
        Event::Media { session: None, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
}

/// Dialects: methods and headers that no RFC has, in requests and responses.
#[test]
fn trap_30_dialects() {
    let mut player = Player::new();
    let key = player.set_up(&["stream=1"], "1.0", 1);
    let request = RequestBuilder::extension("FLUSH", URL).header_named("com.ses.streamID", 1);
    player.client.request(player.now, Some(key), request).unwrap();
    assert_eq!(
        player.sent(),
        "FLUSH rtsp://camera.example/live RTSP/1.0\nCSeq: 2\nSession: abc\ncom.ses.streamID: 1\n\n"
    );
    let events = player.hears("RTSP/1.0 200 OK\nCSeq: 2\ncom.ses.streamID: 1\n\n");
    let [Event::Response { method: Method::Extension, response, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    let id = response.view().headers().named("COM.SES.streamid");
    assert_eq!(id, Some(&b"1"[..]));
    assert_eq!(player.state(key), Some(State::Ready));
}

/// A strict client takes nothing that the grammar has not.
#[test]
fn a_strict_client_refuses_what_the_grammar_has_not() {
    let strict = || {
        let mut player = Player::with(quiet().with_strict(true).with_malformed_max(2));
        player.client.describe(player.now, URL).unwrap();
        player.sent();
        player
    };
    for odd in ["Server : x\n", "no colon\n", "b@d: x\n"] {
        let mut player = strict();
        let events = player.hears(&format!("RTSP/1.0 200 OK\nCSeq: 1\n{odd}\n"));
        let [Event::RequestFailed { reason: RequestFailure::Malformed, .. }] = &events[..] else {
            panic!("{odd}: {events:?}")
        };
        assert_eq!(player.client.poll_timeout(), None);
    }
    // In values too.
    for odd in ["Public: PLAY PAUSE\n", "Content-Base: /cam/\n", "Session: a;timeout=soon\n"] {
        let events = strict().hears(&format!("RTSP/1.0 200 OK\nCSeq: 1\n{odd}\n"));
        let [Event::RequestFailed { reason: RequestFailure::Malformed, .. }] = &events[..] else {
            panic!("{odd}: {events:?}")
        };
        let mut tolerant = Player::new();
        tolerant.client.describe(tolerant.now, URL).unwrap();
        tolerant.sent();
        let events = tolerant.hears(&format!("RTSP/1.0 200 OK\nCSeq: 1\n{odd}\n"));
        let [Event::Response { response, .. }] = &events[..] else { panic!("{odd}: {events:?}") };
        assert_eq!(response.view().headers().value_quirks().count(), 1, "{odd}");
    }
    // Folds, and LF alone, are in the grammar.
    let events = strict().hears_bytes(b"RTSP/1.0 200 OK\nCSeq: 1\nServer: a\n b\n\n");
    assert!(matches!(events[..], [Event::Response { .. }]), "{events:?}");
    // A response without a number answers nothing.
    let events = strict().hears("RTSP/1.0 200 OK\n\n");
    assert!(matches!(events[..], [Event::Unmatched { .. }]), "{events:?}");
    let mut player = strict();
    let odd = "OPTIONS * RTSP/1.0\nCSeq: 1\nServer : x\n\n";
    player.hears(odd);
    assert_eq!(player.sent(), "RTSP/1.0 400 Bad Request\nCSeq: 1\n\n");
    // In a row they end the connection; anything right in between begins anew.
    player.hears(odd);
    player.hears("OPTIONS * RTSP/1.0\nCSeq: 1\n\n");
    player.hears(&odd.repeat(2));
    assert!(player.client.wants_input());
    let events = player.hears(odd);
    assert!(matches!(events.last(), Some(Event::Closed(_))), "{events:?}");
}
