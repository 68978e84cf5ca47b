//! Any input and any command at any time, in both versions, over streams and datagrams.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

use super::tests::{URL, quiet};
use super::*;
use crate::Resync;
use crate::headers::{Decimal, PortPair, Transport};
use crate::message::{Method, ResponseBuilder, StatusCode};
use alloc::format;
use core::time::Duration;
use proptest::prelude::*;

const START: Instant = Instant::from_secs(1000);

/// What servers say, right and wrong; `N` stands for a number.
const LINES: &[&str] = &[
    "RTSP/1.0 200 OK\r\nCSeq: N\r\nSession: abc;timeout=2\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
    "RTSP/2.0 200 OK\r\nCSeq: N\r\nSession: abc;timeout=2\r\nMedia-Properties: No-Seeking\r\nRange: npt=1-\r\nScale: 2\r\n\r\n",
    "RTSP/2.0 200 OK\r\nCSeq: N\r\nSession: def\r\n\r\n",
    "RTSP/1.0 100 Continue\r\nCSeq: N\r\n\r\n",
    "RTSP/1.0 200 OK\r\nPublic: GET_PARAMETER SET_PARAMETER\r\n\r\n",
    "RTSP/1.0 505 No\r\nCSeq: N\r\n\r\n",
    "RTSP/2.0 551 No\r\nCSeq: N\r\nUnsupported: x\r\n\r\n",
    "RTSP/1.0 461 No\r\nCSeq: N\r\n\r\n",
    "RTSP/1.0 454 No\r\nCSeq: N\r\n\r\n",
    "RTSP/1.0 302 There\r\nCSeq: N\r\nLocation: /N\r\n\r\n",
    "RTSP/1.0 302 There\r\nCSeq: N\r\nLocation: rtsp://x/N\r\n\r\n",
    "RTSP/1.0 401 Who\r\nCSeq: N\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"N\", stale=true\r\n\r\n",
    "OPTIONS * RTSP/1.0\r\nCSeq: N\r\nTimestamp: N\r\n\r\n",
    "REDIRECT * RTSP/2.0\r\nCSeq: N\r\nLocation: rtsp://x\r\nSession: abc\r\n\r\n",
    "REDIRECT rtsp://h/a RTSP/1.0\r\nCSeq: N\r\nLocation: rtsp://x\r\nRange: clock=19960213T143205Z-\r\nDate: Tue, 13 Feb 1996 14:32:00 GMT\r\n\r\n",
    "PLAY_NOTIFY rtsp://h/a RTSP/2.0\r\nCSeq: N\r\nSession: abc\r\nNotify-Reason: end-of-stream\r\n\r\n",
    "TEARDOWN rtsp://h/a RTSP/2.0\r\nCSeq: N\r\nSession: abc\r\n\r\n",
    "ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: N\r\n\r\n",
    "RTSP/1.0 x\r\n\r\n",
    "RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
    "$\0\0\x02hi",
    "\x01\x02",
    "\r\n",
];

#[derive(Clone, Debug)]
enum Step {
    Hears { line: usize, number: u32, cut: usize },
    Does { what: u8, session: u8, n: u8 },
    Later { millis: u64 },
    Ends,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..LINES.len(), 0..25_u32, 0..3_usize)
            .prop_map(|(line, number, cut)| Step::Hears { line, number, cut }),
        10 => (0..16_u8, 0..3_u8, any::<u8>())
            .prop_map(|(what, session, n)| Step::Does { what, session, n }),
        2 => (0..15_000_u64).prop_map(|millis| Step::Later { millis }),
    ];
    let end = prop_oneof![30 => Just(false), 1 => Just(true)];
    (proptest::collection::vec(step, 1..60), end).prop_map(|(mut steps, ends)| {
        if ends {
            steps.insert(steps.len() / 2, Step::Ends);
        }
        steps
    })
}

fn command(client: &mut Client, now: Instant, what: u8, session: u8, n: u8) {
    let key = client.sessions().nth(usize::from(session)).map_or(SessionKey(99), |(key, _)| key);
    let url = format!("rtsp://h/a/{}", n % 3);
    let tcp = Transport::interleaved(None);
    let udp = Transport::udp(PortPair::new(5000, None));
    match what {
        0 => drop(client.open_session(now, URL)),
        1 => drop(client.setup(now, key, &url, &[tcp])),
        2 => drop(client.setup(now, key, &url, &[udp, tcp])),
        3 => drop(client.play(now, key, None)),
        4 => {
            let options = PlayOptions::new().with_scale(Decimal::from_integer(i64::from(n)));
            let _sent = client.play_with(now, key, &options);
        }
        5 => drop(client.pause(now, key)),
        6 => drop(client.teardown(now, key)),
        7 => drop(client.teardown_stream(now, key, &url)),
        8 => drop(client.send_media(now, n, Bytes::from_static(b"x"))),
        9 => drop(client.set_parameter(now, key, &[("a", "b")])),
        10 => drop(client.media_ended(now, key)),
        11 => drop(client.announce(now, key, "v=0\r\n")),
        12 => drop(client.setup_record(now, key, &url, &[tcp])),
        13 => drop(client.record(now, key)),
        14 => drop(client.describe(now, URL)),
        _ => {
            let ok = ResponseBuilder::new(StatusCode::OK);
            let _done = client.respond(now, PeerRequestId(u32::from(n)), &ok);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No panic; `Closed` at most once and last; each command with an id ends at most once; no
    /// busy loop; and time alone ends everything that waits.
    #[test]
    fn storms(steps in steps(), v2: bool, resync: bool, datagrams: bool, strict: bool) {
        let mut config = quiet()
            .with_pending_max(6)
            .with_sessions_max(3)
            .with_strict(strict)
            .with_frames_in_heads(resync)
            .with_resync(resync.then(Resync::default))
            .with_accepted_methods(Methods::of(&[Method::Announce]))
            .with_requirements([Requirement::new("x").with_optional(true)].to_vec());
        if v2 {
            config = config.with_version(Version::V2_0);
        }
        #[cfg(feature = "digest")]
        {
            let known = proto_wire::digest::Credential::new("u", "p").unwrap();
            config = config.with_credential(known);
        }
        let (config, seed) = (Arc::new(config), Seed::from_u64(7));
        let mut client = if datagrams {
            Client::over_datagrams(START, config, seed)
        } else {
            Client::new(START, config, seed)
        };
        let mut now = START;
        let mut events = Vec::new();
        for step in steps {
            match step {
                Step::Hears { line, number, cut } => {
                    let text = LINES[line].replace('N', &format!("{number}"));
                    let bytes = text.as_bytes();
                    let (one, two) = bytes.split_at(bytes.len() * cut / 2);
                    if datagrams {
                        client.handle_input(now, Input::Datagram(bytes));
                    } else {
                        client.handle_input(now, Input::Data(one));
                        client.handle_input(now, Input::Data(two));
                    }
                }
                Step::Does { what, session, n } => command(&mut client, now, what, session, n),
                Step::Later { millis } => {
                    now = now.saturating_add(Duration::from_millis(millis));
                    client.handle_timeout(now);
                    prop_assert!(client.poll_timeout().is_none_or(|at| at > now));
                }
                Step::Ends => client.handle_input(now, Input::Eof),
            }
            while let Some(output) = client.poll_output() {
                if let Output::Event(event) = output {
                    events.push(event);
                }
            }
        }
        let closed = events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        prop_assert!(closed <= 1);
        if closed == 1 {
            prop_assert!(matches!(events.last(), Some(Event::Closed(_))));
            prop_assert_eq!(client.poll_timeout(), None);
        }
        let mut ended = Vec::new();
        for event in &events {
            if let Event::Response { id, .. } | Event::RequestFailed { id, .. } = event {
                prop_assert!(!ended.contains(id), "{id:?} ended twice");
                ended.push(*id);
            }
        }
        // Silence: what waits is given up, one after the other at worst.
        for _ in 0..10 {
            now = now.saturating_add(Duration::from_secs(11));
            client.handle_timeout(now);
            while client.poll_output().is_some() {}
        }
        let waits = client.waiting.len() + client.pending.len();
        // Signs of life go on as long as there is a session.
        prop_assert!(waits <= client.sessions.len() * 4, "{waits} wait for ever");
    }
}
