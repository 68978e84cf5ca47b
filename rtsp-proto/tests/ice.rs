//! RFC 7825: what a client and a server say to each other when ICE finds the way of the media. The
//! checks themselves are for an ICE implementation beside.
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
use player::{Player, URL, tcp};
use rtsp_proto::client::Event;
use rtsp_proto::headers::{NotifyReason, RtpProfile, Transport, TypedHeader, tags};
use rtsp_proto::server::{self, Carrier, Config, Server};
use rtsp_proto::{Instant, Output, Seed, StatusCode, Version};

const OFFER: &str = "RTP/AVP/D-ICE;unicast;ICE-ufrag=8hhY;ICE-Password=asd88fgpdd777uzjYhagZg;\
    candidates=\"1 1 UDP 2130706431 10.0.1.17 8998 typ host; 2 1 UDP 1694498815 192.0.2.3 45664 \
    typ srflx raddr 10.0.1.17 rport 8998\";RTCP-mux";

#[test]
fn an_offer_has_candidates_and_credentials() {
    let offer = Transport::parse(OFFER.as_bytes()).unwrap();
    assert_eq!((offer.id(), offer.profile), (&b"RTP/AVP/D-ICE"[..], RtpProfile::Avp));
    assert_eq!(offer.get("ice-ufrag"), Some("8hhY"));
    assert_eq!(offer.get("ICE-Password"), Some("asd88fgpdd777uzjYhagZg"));
    assert_eq!(offer.get("nothing"), None);
    let candidates: Vec<_> = offer.ice_candidates().collect();
    assert_eq!(candidates.len(), 2);
    assert_eq!(candidates[0], "1 1 UDP 2130706431 10.0.1.17 8998 typ host");
    assert!(candidates[1].ends_with("raddr 10.0.1.17 rport 8998") && offer.rtcp_mux);
    // Written, it says the same.
    let text = offer.for_version(Version::V2_0).to_string();
    let again = Transport::parse(text.as_bytes()).unwrap();
    assert!(again.ice_candidates().eq(candidates) && again.get("ICE-ufrag") == Some("8hhY"));
    assert_eq!(Transport::parse(b"RTP/AVP").unwrap().ice_candidates().count(), 0);
}

#[test]
fn codes_reason_and_tag_have_their_names() {
    assert_eq!(StatusCode::STILL_CHECKING_CONNECTIVITY.code(), 150);
    assert_eq!(
        StatusCode::CONNECTIVITY_CHECK_FAILURE.reason(Version::V2_0),
        "ICE Connectivity check failure"
    );
    assert_eq!(NotifyReason::parse(b"ice-restart"), Ok(NotifyReason::IceRestart));
    assert_eq!(tags::ICE, "setup.ice-d-m");
}

/// §4.5.1: 150 comes every three seconds until there is an answer.
#[test]
fn a_play_waits_while_the_server_checks() {
    for (last, done) in [("200 OK", true), ("480 ICE Connectivity check failure", false)] {
        let mut player = Player::v2();
        let key = player.client.open_session(player.now, URL).unwrap();
        player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
        player.sent();
        player.hears(
            "RTSP/2.0 200 OK\nCSeq: 1\nSession: abcdefgh\n\
            Transport: RTP/AVP/TCP;unicast;interleaved=0-1\n\n",
        );
        player.client.play(player.now, key, None).unwrap();
        assert!(player.sent().starts_with("PLAY "));
        for _ in 0..2 {
            let events = player.hears("RTSP/2.0 150 Server still working on ICE\nCSeq: 2\n\n");
            let is_final = |event: &Event| matches!(event, Event::Response { response, .. } if !response.view().status().is_informational());
            assert!(!events.iter().any(is_final), "{events:?}");
        }
        let events = player.hears(&format!("RTSP/2.0 {last}\nCSeq: 2\nSession: abcdefgh\n\n"));
        let status = events.iter().find_map(|event| match event {
            Event::Response { response, .. } => Some(response.view().status()),
            _ => None,
        });
        assert_eq!(status.map(StatusCode::is_success), Some(done), "{events:?}");
    }
}

/// A server without ICE takes what comes behind it.
#[test]
fn a_server_without_ice_passes_such_offers_over() {
    let now = Instant::ZERO;
    let mut server = Server::new(now, Arc::new(Config::default()), Seed::from_u64(1));
    let setup = format!(
        "SETUP rtsp://h/a RTSP/2.0\r\nCSeq: 1\r\nAccept-Ranges: npt\r\nTransport: {OFFER}, \
         RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
    );
    server.handle_input(now, server::Input::Data(setup.as_bytes()));
    let asked = core::iter::from_fn(|| server.poll_output()).find_map(|output| match output {
        Output::Event(server::Event::Request(asked)) => Some(asked),
        _ => None,
    });
    let asked = asked.unwrap();
    let all = [Carrier::Interleaved, Carrier::Udp, Carrier::Multicast, Carrier::Tcp];
    assert!(server.choose(&asked, &all).unwrap().is_interleaved());
}
