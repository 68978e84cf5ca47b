//! Sessions that leave a connection and come to another.

use super::*;
use proto_wire::LimitKind;

const UDP: &str = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";

fn elsewhere() -> Config {
    Config::default().with_sessions_elsewhere(true)
}

fn udp_session(host: &mut Host) -> (SessionKey, String) {
    assert_eq!(host.ask("SETUP", "rtsp://h/a/t0", UDP), 200);
    let (key, session) = host.server.sessions().last().unwrap();
    (key, format!("Session: {}\r\n", session.id()))
}

fn wanted(host: &Host) -> Option<RequestId> {
    host.events.iter().rev().find_map(|event| match event {
        Event::SessionWanted { id, .. } => Some(*id),
        _ => None,
    })
}

/// RFC 2326 §3: the id, not the connection, makes the session.
#[test]
fn a_session_goes_where_it_is_asked_for() {
    let mut one = Host::new(elsewhere());
    let (key, session) = udp_session(&mut one);
    let began = one
        .events
        .iter()
        .any(|e| matches!(e, Event::SessionBegan { session, .. } if *session == key));
    assert!(began);
    assert_eq!(one.ask("PLAY", "rtsp://h/a", &session), 200);
    let mut two = Host::new(elsewhere());
    two.server = Server::new(START, two.server.config.clone(), Seed::from_u64(8));
    let play = format!("PAUSE rtsp://h/a RTSP/1.0\r\nCSeq: 5\r\n{session}\r\n");
    assert_eq!(two.feed(play.as_bytes()), "", "it waits");
    let id = wanted(&two).unwrap();
    let detached = one.server.detach_session(one.now, key).unwrap();
    assert_eq!(one.server.sessions().count(), 0);
    assert_eq!(one.server.poll_timeout(), None);
    assert_eq!(one.ends(), [], "no event says so");
    assert!(!format!("{detached:?}").contains(detached.id()), "the id is not shown");
    two.server.attach_session(two.now, id, detached).unwrap();
    assert_eq!(status(&two.sent()), 200);
    assert_eq!(two.state(), Some(State::Ready), "it played, and paused here");
    assert_eq!(two.server.poll_timeout(), Some(Instant::from_secs(1060)), "a sign of life");
}

/// RFC 7826 §13.10: a redirection with a time holds wherever the session goes.
#[test]
fn a_redirection_moves_with_the_session() {
    use crate::headers::{Params, TerminateReason};
    let mut one = Host::new_v2(elsewhere());
    let udp = "Transport: RTP/AVP;unicast;dest_addr=\":5000\"\r\n";
    assert_eq!(one.ask("SETUP", "rtsp://h/a/t0", udp), 200);
    let session = format!("Session: {}\r\n", one.session().id());
    one.server.set_wall_clock(one.now, proto_wire::Timestamp::from_unix_secs(824_221_843));
    let reason = TerminateReason::new("Server-Admin");
    let reason = reason.with_params(Params::new("time=19960213T143103Z"));
    let to = Redirection::to("rtsp://s2.example.com/foo").because(reason);
    one.server.redirect(one.now, Some(one.key()), &to).unwrap();
    let detached = one.server.detach_session(one.now, one.key()).unwrap();
    assert_eq!(detached.expires_at(), START.saturating_add(Duration::from_secs(20)));
    let mut two = Host::new_v2(elsewhere());
    two.feed(format!("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n{session}\r\n").as_bytes());
    two.server.attach_session(two.now, wanted(&two).unwrap(), detached).unwrap();
    two.later(19);
    assert_eq!(two.ends(), []);
    two.later(1);
    assert_eq!(two.ends(), [SessionEnd::Redirected]);
}

#[test]
fn a_session_that_does_not_come_is_not_found() {
    let mut host = Host::new(elsewhere());
    let ask = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nSession: nobody-knows\r\n\r\n";
    assert_eq!(host.feed(ask), "");
    let id = wanted(&host).unwrap();
    // Only refusals answer it.
    assert_eq!(host.server.accept(host.now, id), Err(CommandError::UnknownRequest));
    host.server.refuse(host.now, id, StatusCode::SESSION_NOT_FOUND).unwrap();
    assert_eq!(status(&host.sent()), 454);
    // Nobody is asked for what has no session in it, nor when that is not configured.
    assert_eq!(host.ask("PLAY", "rtsp://h/a", ""), 454);
    assert_eq!(host.ask("PLAY", "rtsp://h/a", "Session: \r\n"), 454);
    let mut host = Host::new(Config::default());
    assert_eq!(status(&host.feed(ask)), 454);
}

#[test]
fn what_cannot_be_attached_is_given_back() {
    let mut one = Host::new(elsewhere());
    let (key, session) = udp_session(&mut one);
    let detached = one.server.detach_session(one.now, key).unwrap();
    let mut two = Host::new(elsewhere().with_sessions_max(0));
    let failed = two.server.attach_session(two.now, RequestId(0), detached).unwrap_err();
    assert_eq!(failed.error, CommandError::UnknownRequest, "nobody wants it");
    two.feed(b"PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nSession: another\r\n\r\n");
    let id = wanted(&two).unwrap();
    let failed = two.server.attach_session(two.now, id, failed.session).unwrap_err();
    assert_eq!(failed.error, CommandError::UnknownSession, "it wants another one");
    two.server.refuse(two.now, id, StatusCode::SESSION_NOT_FOUND).unwrap();
    two.feed(format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n{session}\r\n").as_bytes());
    let id = wanted(&two).unwrap();
    let failed = two.server.attach_session(two.now, id, failed.session).unwrap_err();
    assert_eq!(failed.error, CommandError::Limit(LimitKind::Sessions));
    two.server.close(two.now).unwrap();
    let failed = two.server.attach_session(two.now, id, failed.session).unwrap_err();
    assert_eq!(failed.error, CommandError::Closed);
    assert!(session.contains(failed.session.id()));
}

#[test]
fn what_is_in_use_does_not_leave() {
    let mut host = Host::new(elsewhere());
    host.set_up();
    let (tcp, _) = host.server.sessions().next().unwrap();
    assert_eq!(host.server.detach_session(host.now, tcp), Err(CommandError::Interleaved));
    let (udp, session) = udp_session(&mut host);
    host.answers = false;
    host.feed(format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 9\r\n{session}\r\n").as_bytes());
    assert_eq!(host.server.detach_session(host.now, udp), Err(CommandError::Busy));
    let nobody = SessionKey(99);
    assert_eq!(host.server.detach_session(host.now, nobody), Err(CommandError::UnknownSession));
}

/// RFC 7826 §10.2: a connection may be closed after a few exchanges, the session lives on.
/// Interleaved streams end with the connection that they are on.
#[test]
fn what_can_outlive_the_connection_leaves_before_it_closes() {
    for outlive in [false, true] {
        let mut host = Host::new(Config::default().with_sessions_outlive(outlive));
        host.set_up();
        let (key, _) = udp_session(&mut host);
        host.later(7);
        host.server.handle_input(host.now, Input::Eof);
        host.drain();
        let left: Vec<_> = host
            .events
            .iter()
            .filter_map(|event| match event {
                Event::SessionDetached { session, detached } => {
                    Some((*session, detached.expires_at()))
                }
                _ => None,
            })
            .collect();
        if outlive {
            assert_eq!(left, [(key, Instant::from_secs(1060))], "its time goes on");
            assert_eq!(host.ends(), [SessionEnd::Closed]);
        } else {
            assert_eq!((left.len(), host.ends().len()), (0, 2));
        }
        assert_eq!(host.closed(), Some(CloseReason::Eof));
    }
}

/// RFC 7826 §18.33: `Pipelined-Requests` "is scoped by the persistent connection": on another one
/// the same number begins a session of its own.
#[test]
fn the_number_of_pipelined_requests_does_not_move_with_the_session() {
    let udp = "Transport: RTP/AVP;unicast;dest_addr=\":5000\"\r\nPipelined-Requests: 1\r\n";
    let mut one = Host::new_v2(elsewhere());
    assert_eq!(one.ask("SETUP", "rtsp://h/a/t0", udp), 200);
    let session = format!("Session: {}\r\n", one.session().id());
    let detached = one.server.detach_session(one.now, one.key()).unwrap();
    let mut two = Host::new_v2(elsewhere());
    two.server = Server::new(START, two.server.config.clone(), Seed::from_u64(8));
    two.feed(format!("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n{session}\r\n").as_bytes());
    two.server.attach_session(two.now, wanted(&two).unwrap(), detached).unwrap();
    two.sent();
    assert_eq!(two.ask("SETUP", "rtsp://h/b/t0", udp), 200);
    assert_eq!(two.server.sessions().count(), 2, "another session");
    assert!(two.server.sessions().all(|(_, session)| session.streams().len() == 1));
}
