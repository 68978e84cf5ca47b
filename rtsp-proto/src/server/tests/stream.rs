//! Requests and packets on one connection, in any chunks.

use super::*;
use proptest::prelude::*;
use proto_wire::testing::chunks::assert_chunk_invariant;

#[test]
fn a_whole_session() {
    let mut host = Host::new(Config::default().with_server_name(""));
    let answer = host.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    assert_eq!(
        answer,
        "RTSP/1.0 200 OK\\r\\nCSeq: 1\\r\\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER\\r\\n\\r\\n"
    );
    let answer = host.feed(b"DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n");
    assert_eq!(
        answer,
        "RTSP/1.0 200 OK\\r\\nCSeq: 2\\r\\nContent-Base: rtsp://h/a/\\r\\nContent-Type: application/sdp\\r\\nContent-Length: 5\\r\\n\\r\\nv=0\\r\\n"
    );
    let answer = host.feed(
        b"SETUP rtsp://h/a/t RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n\r\n",
    );
    let (key, session) = host.server.sessions().next().unwrap();
    let id = session.id().to_string();
    assert_eq!(id.len(), 32);
    assert_eq!(
        answer,
        format!(
            "RTSP/1.0 200 OK\\r\\nCSeq: 3\\r\\nSession: {id};timeout=60\\r\\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\\r\\n\\r\\n"
        )
    );
    let play = format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\nSession: {id}\r\n\r\n");
    let answer = host.feed(play.as_bytes());
    assert_eq!(answer, format!("RTSP/1.0 200 OK\\r\\nCSeq: 4\\r\\nSession: {id}\\r\\n\\r\\n"));
    assert_eq!(host.state(), Some(State::Playing));
    host.server.send_media(host.now, 4, Bytes::from_static(b"rtp")).unwrap();
    assert_eq!(host.sent(), "$\\x04\\x00\\x03rtp");
    host.feed(b"$\x05\x00\x04rtcp");
    let media = Event::Media { session: Some(key), channel: 5, payload: "rtcp".into() };
    assert_eq!(host.events.last(), Some(&media));
    let bye = format!("TEARDOWN rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\nSession: {id}\r\n\r\n");
    assert_eq!(host.feed(bye.as_bytes()), "RTSP/1.0 200 OK\\r\\nCSeq: 5\\r\\n\\r\\n");
    assert_eq!(host.ends(), [SessionEnd::TornDown]);
    assert_eq!(
        host.server.send_media(host.now, 4, Bytes::new()),
        Err(CommandError::UnknownChannel)
    );
    assert_eq!(host.server.poll_timeout(), None);
}

/// Answers come in the order of the requests, one request is asked at a time, and media
/// does not wait for it.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut host = Host::passive(Config::default());
    host.feed(
        b"DESCRIBE rtsp://h/1 RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE rtsp://h/2 RTSP/1.0\r\nCSeq: 2\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n$\x07\0\0",
    );
    assert_eq!(host.events.len(), 2, "one request, one packet: {:?}", host.events);
    for cseq in 1..=2 {
        let asked = host
            .events
            .iter()
            .rev()
            .find_map(|event| match event {
                Event::Request(asked) => Some(asked.clone()),
                _ => None,
            })
            .unwrap();
        assert_eq!(asked.request.view().cseq(), Some(cseq));
        host.server.describe(host.now, asked.id, "rtsp://h/", "v=0\r\n").unwrap();
        let answer = host.sent();
        assert!(
            answer.starts_with(&format!("RTSP/1.0 200 OK\\r\\nCSeq: {cseq}\\r\\n")),
            "{answer}"
        );
        assert_eq!(answer.contains("CSeq: 3"), cseq == 2, "{answer}");
    }
}

#[test]
fn the_answer_to_a_closed_stream_is_an_end_and_nothing_more() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    let ping = RequestBuilder::new(Method::Options, "*");
    let id = host.server.request(host.now, None, &ping).unwrap();
    host.sent();
    host.server.handle_input(host.now, Input::Eof);
    host.drain();
    let tail = &host.events[host.events.len() - 3..];
    assert_eq!(tail[0], Event::RequestFailed { id, reason: RequestFailure::Closed });
    assert!(matches!(tail[1], Event::SessionEnded { reason: SessionEnd::Closed, .. }));
    assert_eq!(tail[2], Event::Closed(CloseReason::Eof));
    assert_eq!(host.feed(session.as_bytes()), "");
    host.server.handle_input(host.now, Input::Eof);
    host.later(1000);
    assert_eq!(host.closed(), Some(CloseReason::Eof));
    assert!(!host.server.wants_input());
    let gone = Err(CommandError::Closed);
    assert_eq!(host.server.close(host.now), gone);
    assert_eq!(host.server.send_media(host.now, 0, Bytes::new()), gone);
    assert_eq!(host.server.accept(host.now, id), gone);
    assert_eq!(host.server.request(host.now, None, &ping).map(drop), gone);
}

/// A player that asks and closes at once still gets its answers.
#[test]
fn requests_before_the_end_are_answered() {
    let mut host = Host::passive(Config::default());
    host.feed(
        b"DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n",
    );
    host.server.handle_input(host.now, Input::Eof);
    host.drain();
    assert_eq!(host.closed(), None);
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    host.server.describe(host.now, asked.id, "rtsp://h/a/", "v=0\r\n").unwrap();
    let answers = host.sent();
    assert!(answers.contains("CSeq: 1\\r\\n") && answers.contains("CSeq: 2\\r\\n"), "{answers}");
    assert_eq!(host.closed(), Some(CloseReason::Eof));
}

#[test]
fn memory_that_is_given_away_is_not_copied() {
    let mut host = Host::new(Config::default());
    let given = Bytes::from(b"$\x01\x00\x04data".to_vec());
    let address = given.as_ptr() as usize;
    host.server.handle_input(host.now, Input::Owned(given));
    host.drain();
    let Some(Event::Media { payload, .. }) = host.events.last() else { panic!("no media") };
    assert_eq!(payload.as_ptr() as usize, address + 4);
}

const DIALOGUE: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n\r\nDESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n$\x09\x00\x02hiSETUP rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP\r\n\r\nNONSENSE\r\n\r\nPLAY rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\nSession: x\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nSET_PARAMETER rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\nContent-Length: 4\r\n\r\na: 1$\x01\x00\x03abcGET_PARAMETER * RTSP/1.0\r\nContent-Length: 1,2\r\n\r\nmore";

/// A host that answers at once: packets may overtake requests that wait for an answer, so
/// the two are compared apart.
#[test]
fn a_dialogue_in_any_chunks() {
    assert_chunk_invariant(DIALOGUE, |chunks| {
        let mut host = Host::new(Config::default());
        for chunk in chunks {
            host.server.handle_input(host.now, Input::Data(chunk));
            host.drain();
        }
        assert!(matches!(host.closed(), Some(CloseReason::Protocol(_))));
        let is_media = |event: &Event| matches!(event, Event::Media { .. });
        let (media, rest): (Vec<_>, Vec<_>) = host.events.drain(..).partition(is_media);
        (host.sent(), media.len(), rest)
    });
}

/// A host that answers nothing: everything in one order.
#[test]
fn a_dialogue_without_answers_in_any_chunks() {
    assert_chunk_invariant(DIALOGUE, |chunks| {
        let mut host = Host::passive(Config::default());
        for chunk in chunks {
            host.server.handle_input(host.now, Input::Data(chunk));
            host.drain();
        }
        (host.sent(), host.events)
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any input, any command, at any time: no panic, `Closed` at most once and last.
    #[test]
    fn storms_of_input_and_commands(
        steps in proptest::collection::vec((0..24_u8, any::<u8>(), 0..DIALOGUE.len(), 0..60_usize), 1..80),
    ) {
        let config = Config::default().with_pending_max(3).with_sessions_elsewhere(true);
        let mut host = Host::passive(config.with_sessions_outlive(true));
        let mut detached: Vec<DetachedSession> = Vec::new();
        for (step, n, at, len) in steps {
            let id = RequestId(u32::from(n % 8));
            let key = SessionKey(u32::from(n % 3));
            let now = host.now;
            let server = &mut host.server;
            match step {
                0..=3 => {
                    let end = (at + len).min(DIALOGUE.len());
                    server.handle_input(now, Input::Data(&DIALOGUE[at..end]));
                }
                4 => drop(server.accept(now, id)),
                5 => drop(server.accept_setup(now, id, &Transport::interleaved(None))),
                6 => drop(server.refuse(now, id, StatusCode::NOT_FOUND)),
                7 => drop(server.send_media(now, n, Bytes::from_static(b"x"))),
                8 => drop(server.request(now, Some(key), &RequestBuilder::new(Method::Options, "*"))),
                9 => drop(server.end_session(now, key)),
                10 if n == 0 => drop(server.close(now)),
                11 => detached.extend(server.detach_session(now, key)),
                12 => {
                    if let Some(session) = detached.pop() {
                        if let Err(failed) = server.attach_session(now, id, session) {
                            detached.push(failed.session);
                        }
                    }
                }
                13 => {
                    let to = Redirection::to("rtsp://x/");
                    let _sent = server.redirect(now, Some(key).filter(|_| n > 100), &to);
                }
                14 => drop(server.get_parameter(now, Some(key), &["a"])),
                15 => drop(server.announce(now, Some(key), "rtsp://x/", "v=0")),
                16 => drop(server.range_ended(now, key)),
                17 => drop(server.accept_pause(now, id, None)),
                18 => drop(server.accept_pause_later(now, id)),
                19 => drop(server.touch(now, key)),
                20 => server.set_wall_clock(now, proto_wire::Timestamp::from_unix_secs(n.into())),
                _ => host.later(u64::from(n)),
            }
            host.drain();
        }
        let closed = host.closed();
        if closed.is_some() {
            prop_assert!(matches!(host.events.last(), Some(Event::Closed(_))));
            prop_assert_eq!(host.server.poll_timeout(), None);
        }
    }
}
