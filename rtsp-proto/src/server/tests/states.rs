//! Where sessions stand, seen from the wire.

use super::*;

/// RFC 2326 A.2 seen from the wire: every state, every method that acts.
#[test]
fn the_state_table_on_the_wire() {
    let methods = ["SETUP", "PLAY", "RECORD", "PAUSE", "TEARDOWN"];
    let all = Methods::of(Method::KNOWN);
    for (preparation, state) in
        [(&[][..], State::Ready), (&["PLAY"], State::Playing), (&["RECORD"], State::Recording)]
    {
        for name in methods {
            let mut host = Host::new(Config::default().with_methods(all));
            let session = host.set_up();
            for step in preparation {
                assert_eq!(host.ask(step, "rtsp://h/a", &session), 200);
            }
            assert_eq!(host.state(), Some(state));
            let method = Method::from_name(name.as_bytes());
            let headers = format!("{session}Transport: RTP/AVP/TCP\r\n");
            let status = host.ask(name, "rtsp://h/a", &headers);
            match state.after(method) {
                None => {
                    assert_eq!((status, host.state()), (455, Some(state)), "{state} {name}");
                }
                Some(State::Init) => assert_eq!((status, host.state()), (200, None)),
                after => assert_eq!((status, host.state()), (200, after), "{state} {name}"),
            }
        }
    }
}

#[test]
fn a_refusal_changes_no_state() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    host.answers = false;
    let play = format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 9\r\n{session}\r\n");
    host.feed(play.as_bytes());
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    host.server.refuse(host.now, asked.id, StatusCode::NOT_ENOUGH_BANDWIDTH).unwrap();
    assert_eq!(status(&host.sent()), 453);
    assert_eq!(host.state(), Some(State::Ready));
}

/// RFC 2326 appendix A: a 3xx makes the state Init.
#[test]
fn a_redirection_ends_the_session() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    host.answers = false;
    host.feed(format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 9\r\n{session}\r\n").as_bytes());
    let Some(Event::Request(asked)) = host.events.last().cloned() else { panic!("no request") };
    let moved = ResponseBuilder::new(StatusCode::FOUND).header(HeaderName::Location, "rtsp://x/");
    host.server.respond(host.now, asked.id, moved).unwrap();
    assert!(host.sent().contains("302 Found"));
    assert_eq!(host.ends(), [SessionEnd::Redirected]);
}

#[test]
fn tearing_down_one_stream_of_two_keeps_the_session() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    let with = format!("{session}Transport: RTP/AVP/TCP\r\n");
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t1", &with), 200);
    assert_eq!(host.ask("TEARDOWN", "rtsp://h/a/t0", &session), 200);
    let (_, left) = host.server.sessions().next().unwrap();
    assert_eq!(left.streams().len(), 1);
    assert_eq!(left.streams()[0].url, "rtsp://h/a/t1");
    assert_eq!(host.ends(), []);
    assert_eq!(host.ask("TEARDOWN", "rtsp://h/a/t1", &session), 200);
    assert_eq!(host.ends(), [SessionEnd::TornDown]);
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &session), 454);
}

/// RFC 2326 appendix A: "The state is kept per URL": one stream plays, the other does not.
#[test]
fn streams_of_version_1_have_states_of_their_own() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    let with = format!("{session}Transport: RTP/AVP/TCP\r\n");
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t1", &with), 200);
    let states = |host: &Host| {
        let streams = host.session().streams().iter().map(|stream| stream.state);
        (streams.collect::<Vec<_>>(), host.session().state())
    };
    assert_eq!(states(&host), (alloc::vec![State::Ready, State::Ready], State::Ready));
    assert_eq!(host.ask("PLAY", "rtsp://h/a/t1", &session), 200);
    assert_eq!(states(&host), (alloc::vec![State::Ready, State::Playing], State::Playing));
    assert_eq!(host.ask("PLAY", "rtsp://h/a", &session), 200);
    assert_eq!(states(&host), (alloc::vec![State::Playing, State::Playing], State::Playing));
    assert_eq!(host.ask("PAUSE", "rtsp://h/a/t0", &session), 200);
    assert_eq!(states(&host), (alloc::vec![State::Ready, State::Playing], State::Playing));
    assert_eq!(host.ask("TEARDOWN", "rtsp://h/a/t1", &session), 200);
    assert_eq!(states(&host), (alloc::vec![State::Ready], State::Ready));
    assert_eq!(host.ask("PAUSE", "rtsp://h/a", &session), 200);
}

/// RFC 2326 §11.2: a choice among several is a redirection, which ends the session.
#[test]
fn multiple_choices_are_a_redirection() {
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    host.answers = false;
    host.answer_to("PLAY", "rtsp://h/a", &session);
    let choices = ResponseBuilder::new(StatusCode::MULTIPLE_CHOICES)
        .header(HeaderName::Location, "rtsp://h/b")
        .body("text/uri-list", "rtsp://h/b\r\nrtsp://h/c\r\n");
    host.server.respond(host.now, host.asked().id, choices).unwrap();
    let answer = host.sent();
    assert!(answer.starts_with("RTSP/1.0 300 Multiple Choices\\r\\n"), "{answer}");
    assert!(!answer.contains("Session: "), "it is over: {answer}");
    assert_eq!(host.ends(), [SessionEnd::Redirected]);
    // 304 is no redirection (RFC 7826 §B.4).
    let mut host = Host::new(Config::default());
    let session = host.set_up();
    host.answers = false;
    host.answer_to("DESCRIBE", "rtsp://h/a", &session);
    host.server.refuse(host.now, host.asked().id, StatusCode::NOT_MODIFIED).unwrap();
    assert_eq!(status(&host.sent()), 304);
    assert_eq!(host.ends(), []);
}
