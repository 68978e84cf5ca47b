//! Going on behind garbage, and frames between the lines of a head: opt-in, on both sides.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod player;

extern crate alloc;

use alloc::sync::Arc;
use player::{Player, URL, quiet, tcp};
use proptest::prelude::*;
use proto_wire::testing::chunks::assert_chunk_invariant;
use rtsp_proto::client::{self, Event};
use rtsp_proto::server::{self, Server};
use rtsp_proto::{CloseReason, Instant, Output, ParseErrorKind, Quirk, Resync, Seed, State};

fn tolerant() -> client::Config {
    quiet().with_resync(Some(Resync::default())).with_frames_in_heads(true)
}

/// A player on channels 0 and 1 that has asked for PLAY, with the number 2.
fn playing(config: client::Config) -> Player {
    let mut player = Player::with(config);
    let key = player.session();
    player.client.setup(player.now, key, URL, &[tcp()]).unwrap();
    player.hears("RTSP/1.0 200 OK\nCSeq: 1\nSession: x\n\n");
    player.client.play(player.now, key, None).unwrap();
    player
}

/// What happened, short: `S` skipped bytes, `M` media with its length, `R` a response.
fn short(events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        text.push_str(&match event {
            Event::Skipped { bytes } => format!("S{bytes} "),
            Event::Media { channel, payload, .. } => format!("M{channel}:{} ", payload.len()),
            Event::Response { method, .. } => format!("R:{method} "),
            Event::Request { request, .. } => format!("A:{} ", request.view().method_name()),
            Event::Closed(_) => "closed ".into(),
            Event::Unmatched { .. } => "U ".into(),
            Event::SessionEnded { .. } | Event::RequestFailed { .. } => String::new(),
            other => panic!("{other:?}"),
        });
    }
    text.trim_end().to_owned()
}

/// Each row: what comes, what becomes of it. The same in any chunks.
#[test]
fn the_way_back_is_found() {
    const ANSWER: &str = "RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n";
    for (name, bytes, expected) in [
        ("binary before an answer", format!("\x01\x02\x03{ANSWER}"), "S3 R:PLAY"),
        ("a cut frame runs into an answer", format!("\x05\x06$\x00{ANSWER}"), "S4 R:PLAY"),
        ("half of a header line", format!(": 4711\r\n\r\n{ANSWER}"), "S10 R:PLAY"),
        (
            "a request of the server",
            "\0\0OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n".into(),
            "S2 A:OPTIONS",
        ),
        ("a word that is nothing", format!("PLAYTHING\0{ANSWER}"), "S10 R:PLAY"),
        ("a method in no request", format!("\0PLAY it again\r\n{ANSWER}"), "S16 R:PLAY"),
        ("frames", format!("\x01\x02$\x00\x00\x02hi$\x01\x00\x01x{ANSWER}"), "S2 M0:2 M1:1 R:PLAY"),
        (
            "a frame on no channel",
            format!("\x01$\x07\x00\x02hi$\x01\x00\x01x{ANSWER}"),
            "S7 M1:1 R:PLAY",
        ),
        (
            "no frame: nothing goes on behind it",
            format!("\x01$\x00\x00\x02hi\0\0\0{ANSWER}"),
            "S10 R:PLAY",
        ),
        (
            "twice",
            format!("\x01{ANSWER}\x02\x03$\x00\x00\x00$\x00\x00\x00"),
            "S1 R:PLAY S2 M0:0 M0:0",
        ),
        (
            "a length that lies",
            format!("RTSP/1.0 200 OK\r\nContent-Length: x\r\n\r\n{ANSWER}"),
            "S38 R:PLAY",
        ),
        (
            "the same, and half of an empty line",
            format!("RTSP/1.0 200 OK\r\nContent-Length: x\r\n\r\x01\x02{ANSWER}"),
            "S39 R:PLAY",
        ),
        ("a start line without sense", format!("FOO BAR\r\nA: b\r\n\r\n{ANSWER}"), "S17 R:PLAY"),
        ("nothing", "\x01\x02\x03".into(), "S3 closed"),
        ("empty lines are none", format!("\r\n\r\n{ANSWER}"), "R:PLAY"),
    ] {
        let bytes: Vec<u8> = bytes.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let events = assert_chunk_invariant(&bytes, |chunks| {
            let mut player = playing(tolerant());
            let mut all = Vec::new();
            for chunk in chunks {
                all.extend(player.hears_bytes(chunk));
            }
            if name == "nothing" {
                player.client.handle_input(player.now, client::Input::Eof);
                player.sent();
                all.append(&mut player.events);
            }
            let skips = player.client.skips();
            let told: usize =
                all.iter().map(|e| if let Event::Skipped { bytes } = e { *bytes } else { 0 }).sum();
            assert_eq!(skips.bytes, u64::try_from(told).unwrap());
            all
        });
        assert_eq!(short(&events), expected, "{name}");
    }
}

/// Without the option the connection ends, as it always did.
#[test]
fn garbage_ends_the_connection_unless_asked() {
    let mut player = playing(quiet());
    let events = player.hears_bytes(b"RTSP/1.0 200 OK\r\nContent-Length: x\r\n\r\n");
    let Some(Event::Closed(CloseReason::Protocol(error))) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!(error.kind(), ParseErrorKind::ContentLength);
}

#[test]
fn garbage_ends_somewhere() {
    let most = 1000;
    for (len, is_over) in [(most, false), (most + 1, true)] {
        let resync = Resync::default().with_skip_max(most);
        let data = vec![0_u8; len];
        assert_chunk_invariant(&data, |chunks| {
            let mut player = playing(quiet().with_resync(Some(resync)));
            let events: Vec<_> = chunks.iter().flat_map(|c| player.hears_bytes(c)).collect();
            let expected = if is_over { "S1001 closed" } else { "" };
            assert_eq!(short(&events), expected);
            events.len()
        });
    }
    // A frame that is longer than is believed.
    let resync = Resync::default().with_frame_max(3);
    let mut player = playing(quiet().with_resync(Some(resync)));
    let events = player.hears_bytes(b"\0$\0\0\x04abcd$\0\0\x03abc$");
    assert_eq!(short(&events), "S9 M0:3");
}

/// Text that looks like requests again and again, and lines without end, cost no more than
/// their length. (A quadratic search would take minutes.)
#[test]
fn hostile_garbage_costs_linear_time() {
    let resync = Resync::default().with_skip_max(usize::MAX);
    for piece in [&b"PLAY "[..], b"$\x00\x00\x01", b"RTSP/1.0 20", b"PLAY x RTSP/1.0\r\n", b"A"] {
        let data = piece.repeat(1_000_000 / piece.len());
        let mut player = playing(tolerant().with_resync(Some(resync)));
        for chunk in data.chunks(1400) {
            let events = player.hears_bytes(chunk);
            assert!(!events.iter().any(|event| matches!(event, Event::Closed(_))));
        }
    }
}

/// `FFmpeg` takes a `$` at the start of any line for a frame.
#[test]
fn frames_stand_between_header_lines() {
    let stream = b"$\x00\x00\x01aRTSP/1.0 200 OK\r\n$\x01\x00\x03\r\n\r$\x00\x00\x00CSeq: 2\r\n$\x00\x00\x05$$$$$Content-Length: 9\r\n\r\n$\x00\x00\x00\r\nend$\x01\x00\x01z";
    let (events, quirks) = assert_chunk_invariant(stream, |chunks| {
        let mut player = playing(tolerant());
        let events: Vec<_> = chunks.iter().flat_map(|c| player.hears_bytes(c)).collect();
        assert_eq!(player.client.skips().frames_in_heads, 3);
        let quirks = events.iter().find_map(|event| match event {
            Event::Response { response, .. } => {
                // What stands in a body is a body.
                assert_eq!(response.view().body(), b"$\x00\x00\x00\r\nend");
                let quirks: Vec<_> = response.view().quirks().iter().collect();
                Some(quirks)
            }
            _ => None,
        });
        (events, quirks)
    });
    assert_eq!(short(&events), "M0:1 M1:3 M0:0 M0:5 R:PLAY M1:1");
    assert_eq!(quirks.unwrap(), [(Quirk::FrameInHead, 17)]);
    // Not asked for: a header line that is none, and the message is lost in it.
    let mut player = playing(quiet());
    let events = player.hears_bytes(b"RTSP/1.0 200 OK\r\n$\x01\x00\x03abcCSeq: 2\r\n\r\n");
    let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.view().cseq(), None);
    // On a channel that nobody set up it is text: `$` may begin a name.
    let mut player = playing(tolerant());
    let events = player.hears("RTSP/1.0 200 OK\nCSeq: 2\n$x: y\n\n");
    let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(response.view().headers().named("$x"), Some(&b"y"[..]));
}

/// Line ends of every kind, with frames behind each.
#[test]
fn odd_line_ends_do_not_confuse_the_search_for_frames() {
    for end in ["\r\n", "\n", "\r"] {
        let text = ["RTSP/1.0 200 OK", "CSeq: 2", "A: b", ""].join(&format!("{end}$\0\0\x01f"));
        // The last frame stands behind the last line, where the empty line begins.
        let stream = format!("{text}{end}RTSP/1.0 404 No{end}CSeq: 9{end}{end}$\0\0\0");
        assert_chunk_invariant(stream.as_bytes(), |chunks| {
            let mut player = playing(tolerant());
            let events: Vec<_> = chunks.iter().flat_map(|c| player.hears_bytes(c)).collect();
            assert_eq!(short(&events), "M0:1 M0:1 M0:1 R:PLAY U M0:0", "{end:?}");
        });
    }
}

/// A server that hears garbage in between goes on serving.
#[test]
fn a_server_finds_its_way_back_too() {
    let stream = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n\x80\x60\x12OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\nNONSENSE HERE\r\nCSeq: 3\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n";
    let run = |config: server::Config, chunks: &[&[u8]]| {
        let now = Instant::from_secs(1);
        let mut server = Server::new(now, Arc::new(config), Seed::from_u64(1));
        let (mut wire, mut skipped) = (Vec::new(), Vec::new());
        for chunk in chunks {
            server.handle_input(now, server::Input::Data(chunk));
        }
        server.handle_input(now, server::Input::Eof);
        while let Some(output) = server.poll_output() {
            match output {
                Output::Transmit(bytes) => wire.extend_from_slice(&bytes),
                Output::Event(server::Event::Skipped { bytes }) => skipped.push(bytes),
                Output::Event(_) => {}
            }
        }
        (String::from_utf8(wire).unwrap(), skipped, server.skips().bytes)
    };
    let tolerant =
        server::Config::default().with_resync(Some(Resync::default())).with_frames_in_heads(true);
    let (wire, skipped, bytes) =
        assert_chunk_invariant(stream, |chunks| run(tolerant.clone(), chunks));
    assert_eq!((skipped.as_slice(), bytes), (&[3, 26][..], 29));
    assert_eq!(wire.matches("RTSP/1.0 200 OK").count(), 3, "{wire}");
    assert!(wire.contains("CSeq: 4\r\n"));
    // Frames in a head, once there are channels.
    let now = Instant::from_secs(1);
    let mut server = Server::new(now, Arc::new(tolerant), Seed::from_u64(1));
    let setup =
        b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n";
    server.handle_input(now, server::Input::Data(setup));
    let mut media = 0;
    let mut work = |server: &mut Server| {
        let mut wire = Vec::new();
        while let Some(output) = server.poll_output() {
            match output {
                Output::Event(server::Event::Request(asked)) => {
                    let offer = asked.request.view().headers().transports().flatten().next();
                    server.accept_setup(now, asked.id, &offer.unwrap()).unwrap();
                }
                Output::Event(server::Event::Media { payload, .. }) => media += payload.len(),
                Output::Event(_) => {}
                Output::Transmit(bytes) => wire.extend_from_slice(&bytes),
            }
        }
        String::from_utf8(wire).unwrap()
    };
    work(&mut server);
    let split = b"OPTIONS * RTSP/1.0\r\n$\x01\x00\x03rr\nCSeq: 2\r\n\r\n";
    server.handle_input(now, server::Input::Data(split));
    assert!(work(&mut server).starts_with("RTSP/1.0 200 OK\r\nCSeq: 2\r\n"));
    assert_eq!(media, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever comes before: what follows is found, and everything is accounted for.
    #[test]
    fn any_garbage_is_left_behind(
        mut garbage in proptest::collection::vec(any::<u8>(), 0..300),
        cut in 1..40_usize,
    ) {
        // Longer than any frame or line that could swallow what follows.
        garbage.extend_from_slice(&[0; 20_000]);
        // A frame that begins where one may begin is believed, however long it is.
        let mut stream = vec![0];
        stream.append(&mut garbage);
        stream.extend_from_slice(b"\0RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n");
        let mut player = playing(tolerant());
        let mut events = Vec::new();
        for chunk in stream.chunks(cut) {
            events.extend(player.hears_bytes(chunk));
        }
        let is_answered = matches!(events.last(), Some(Event::Response { .. }));
        prop_assert!(is_answered, "{}", short(&events));
        let key = player.client.sessions().next().unwrap().0;
        prop_assert_eq!(player.state(key), Some(State::Playing));
    }
}
