//! What commands write and refuse.

use super::*;

#[test]
fn commands_that_do_not_fit_change_nothing() {
    let mut host = Host::passive(Config::default());
    host.feed(b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP\r\n\r\n");
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let wrong = Err(CommandError::WrongMethod { method: Method::Setup });
    assert_eq!(host.server.accept(host.now, asked.id), wrong);
    assert_eq!(host.server.describe(host.now, asked.id, "x", ""), wrong);
    assert_eq!(host.server.accept_play(host.now, asked.id, None, &[]), wrong);
    let evil = ResponseBuilder::new(StatusCode::NOT_FOUND).header(HeaderName::Location, "a\r\nb");
    let refused = host.server.respond(host.now, asked.id, evil);
    assert_eq!(refused, Err(CommandError::Build(crate::BuildError::Value)));
    let strange = RequestId(999);
    assert_eq!(host.server.accept(host.now, strange), Err(CommandError::UnknownRequest));
    assert_eq!(host.sent(), "");
    let offer = Transport::interleaved(None);
    host.server.accept_setup(host.now, asked.id, &offer).unwrap();
    assert_eq!(status(&host.sent()), 200);
    assert_eq!(host.server.accept(host.now, asked.id), Err(CommandError::UnknownRequest));
    let nobody = SessionKey(77);
    assert_eq!(host.server.touch(host.now, nobody), Err(CommandError::UnknownSession));
    assert_eq!(host.server.end_session(host.now, nobody), Err(CommandError::UnknownSession));
}

#[test]
fn a_play_is_answered_with_its_range_and_streams() {
    for (version, info) in [
        ("1.0", "RTP-Info: url=rtsp://h/a/t0;seq=5;rtptime=160\\r\\n"),
        ("2.0", "RTP-Info: url=\\\"rtsp://h/a/t0\\\" ssrc=000000FF:seq=5;rtptime=160\\r\\n"),
    ] {
        let mut host = Host::new(Config::default());
        let session = host.set_up();
        host.answers = false;
        host.feed(format!("PLAY rtsp://h/a RTSP/{version}\r\nCSeq: 9\r\n{session}\r\n").as_bytes());
        let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("none") };
        let range = Range::parse(b"npt=0-").unwrap();
        let mut first = RtpInfo::new("rtsp://h/a/t0");
        (first.seq, first.rtptime, first.ssrc) = (Some(5), Some(160), Some(255));
        host.server.accept_play(host.now, asked.id, Some(&range), &[first]).unwrap();
        let answer = host.sent();
        assert!(answer.contains("Range: npt=0-\\r\\n"), "{answer}");
        assert!(answer.contains(info), "{answer}");
        assert!(answer.starts_with(&format!("RTSP/{version} 200")), "{answer}");
    }
}

#[test]
fn requests_of_the_server_find_their_answers() {
    let mut host = Host::new(Config::default());
    let options = RequestBuilder::new(Method::Options, "*");
    let one = host.server.request(host.now, None, &options).unwrap();
    let two = host.server.request(host.now, None, &options).unwrap();
    let three = host.server.request(host.now, None, &options).unwrap();
    let wire = host.sent();
    assert_eq!(wire.matches("OPTIONS * RTSP/1.0\\r\\nCSeq: ").count(), 3, "{wire}");
    host.feed(b"RTSP/1.0 100 Continue\r\nCSeq: 2\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n");
    // Without a number: the oldest. With one that nobody waits for: none.
    host.feed(b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\nRTSP/1.0 501 No\r\n\r\n");
    let answered = |event: &Event| match event {
        Event::Response { id, response, .. } => Some((*id, response.view().status().code())),
        _ => None,
    };
    let found: Vec<_> = host.events.iter().filter_map(answered).collect();
    assert_eq!(found, [(two, 200), (one, 501)]);
    host.later(10);
    let failed = Event::RequestFailed { id: three, reason: RequestFailure::TimedOut };
    assert_eq!(host.events.last(), Some(&failed));
}
