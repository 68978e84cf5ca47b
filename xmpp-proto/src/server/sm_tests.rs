use super::tests::{BIND, HEADER, PLAIN, config, drain, hear, start};
use super::*;
use crate::sm::{SmConfig, StanzaState};
use crate::stanza::MessageBuilder;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn sm_config() -> ServerConfig {
    config().with_stream_management(SmConfig::new().with_request_every(100))
}

fn attr<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.rsplit_once(&format!(" {name}='")).unwrap();
    rest.split('\'').next().unwrap()
}

fn managed_with(config: ServerConfig) -> (ServerConnection, String) {
    let mut server = start(config);
    let out = hear(&mut server, &format!("{HEADER}{PLAIN}{HEADER}{BIND}"));
    assert!(out.sent.contains("<sm xmlns='urn:xmpp:sm:3'/>"), "{}", out.sent);
    let out = hear(&mut server, ENABLE);
    assert!(server.is_managed());
    assert_eq!(attr(&out.sent, "max"), "300");
    let id = attr(&out.sent, "id").to_string();
    assert_eq!(id.len(), 32);
    (server, id)
}

fn managed() -> (ServerConnection, String) {
    managed_with(sm_config())
}

fn message(n: u32) -> StanzaXml {
    MessageBuilder::new().id(&format!("{n}")).build().unwrap()
}

/// A session with two messages for the client, of whom it sent one.
fn broken() -> (SmSession, String) {
    let (mut server, id) = managed();
    server.send(Instant::ZERO, message(0)).unwrap();
    server.send(Instant::ZERO, message(1)).unwrap();
    hear(&mut server, "<message to='x@h'/>");
    server.handle_input(Instant::ZERO, Input::Eof);
    drain(&mut server);
    let session = server.take_session().unwrap();
    assert!(session.is_resumable());
    assert_eq!((session.handled(), session.len(), session.id()), (1, 2, id.as_str()));
    (session, id)
}

/// A connection of `user` that asks for `id`.
fn asking(user: &str, id: &str, h: &str) -> ServerConnection {
    let mut server = start(sm_config());
    let auth = crate::sasl::PlainMessage::write(user, &crate::sasl::Secret::new("p"));
    let auth = format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
        crate::sasl::encode(&auth)
    );
    let resume = format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='{h}'/>");
    let out = hear(&mut server, &format!("{HEADER}{auth}{HEADER}{resume}"));
    let asked = out.events.iter().any(|event| {
        matches!(event, Event::ResumeRequested { account, id: asked } if account.local() == Some(user) && asked == id)
    });
    assert!(asked, "{out:?}");
    assert!(!server.wants_input());
    server
}

#[test]
fn a_session_goes_on_over_another_connection() {
    let (session, id) = broken();
    let mut server = asking("u", &id, "1");
    let mut session = Some(session);
    let jid = server.resume(Instant::ZERO, &mut session).unwrap();
    assert_eq!((jid.as_str(), session), ("u@h/r", None));
    let out = drain(&mut server);
    assert_eq!(
        out.sent,
        format!("<resumed xmlns='urn:xmpp:sm:3' h='1' previd='{id}'/><message id='1'/>{REQUEST}")
    );
    let states: Vec<StanzaState> = out
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Delivery(delivery) => Some(delivery.state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [StanzaState::Acked, StanzaState::Resent]);
    let out = hear(&mut server, &format!("<message to='x@h'/>{REQUEST}"));
    assert_eq!(out.sent, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
}

/// Who has the name of a session has nothing: he must be its account, and the session must
/// not have been resumed already.
#[test]
fn forged_and_replayed_names_are_refused() {
    let (session, id) = broken();
    let mut store = SmStore::new(SmStoreLimits::default());
    assert_eq!(store.hold(Instant::ZERO, 1, session.clone()), None);
    assert_eq!(store.take("eve@h", &id), None);
    assert_eq!(store.take("u@h", "made-up"), None);
    // A host that does not look at the account is stopped by the machine.
    let mut eve = asking("eve", &id, "0");
    let mut offered = Some(session.clone());
    assert_eq!(eve.resume(Instant::ZERO, &mut offered), Err(CommandError::WrongSession));
    let mut other = asking("u", "other", "0");
    assert_eq!(other.resume(Instant::ZERO, &mut offered), Err(CommandError::WrongSession));
    assert_eq!(other.resume(Instant::ZERO, &mut None), Err(CommandError::WrongSession));
    assert_eq!(offered, Some(session.clone()));
    eve.refuse_resume(Instant::ZERO, None).unwrap();
    let out = drain(&mut eve);
    assert!(out.sent.contains("<failed xmlns='urn:xmpp:sm:3'><item-not-found "), "{}", out.sent);
    // He may still bind a resource of his own.
    assert!(hear(&mut eve, BIND).sent.contains("<jid>eve@h/r</jid>"));
    // Once resumed, the name is used up until the connection breaks again.
    assert_eq!(store.take("u@h", &id), Some((1, session)));
    assert_eq!(store.take("u@h", &id), None);
    assert_eq!(other.resume(Instant::ZERO, &mut None), Err(CommandError::WrongSession));
}

#[test]
fn a_client_that_claims_too_much_is_told() {
    let (session, id) = broken();
    let mut server = asking("u", &id, "3");
    let mut offered = Some(session.clone());
    server.resume(Instant::ZERO, &mut offered).unwrap();
    let out = drain(&mut server);
    assert!(
        out.sent.contains("<handled-count-too-high xmlns='urn:xmpp:sm:3' h='3' send-count='2'/>")
    );
    assert!(out.closed().is_some());
    assert_eq!(offered, Some(session), "the session is there for a better attempt");
    let (mut server, _) = managed();
    let out = hear(&mut server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert!(out.sent.contains("send-count='0'"), "{}", out.sent);
}

#[test]
fn requests_out_of_order_fail() {
    let failed = |condition: &str| format!("<failed xmlns='urn:xmpp:sm:3'><{condition} ");
    let mut no_resume = sm_config();
    no_resume.stream_management = Some(SmConfig::new().with_resume(false));
    let before = format!("{HEADER}{ENABLE}");
    let unbound = format!("{HEADER}{PLAIN}{HEADER}{ENABLE}");
    let resume = "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>";
    let full = format!("{HEADER}{PLAIN}{HEADER}{BIND}{ENABLE}");
    for (config, script, condition) in [
        (sm_config(), before, "unexpected-request"),
        (sm_config(), format!("{HEADER}{resume}"), "unexpected-request"),
        (sm_config(), unbound, "unexpected-request"),
        (sm_config(), format!("{full}{ENABLE}"), "unexpected-request"),
        (sm_config(), format!("{full}{resume}"), "unexpected-request"),
        (
            sm_config(),
            format!("{HEADER}{PLAIN}{HEADER}<resume xmlns='urn:xmpp:sm:3' previd='x'/>"),
            "bad-request",
        ),
        (no_resume, format!("{HEADER}{PLAIN}{HEADER}{resume}"), "feature-not-implemented"),
    ] {
        let mut server = start(config);
        let out = hear(&mut server, &script);
        assert!(out.sent.contains(&failed(condition)), "{script}: {}", out.sent);
        assert_eq!(out.closed(), None);
    }
    for (script, error) in [
        (format!("{HEADER}{PLAIN}{HEADER}{BIND}{REQUEST}"), "unsupported-stanza-type"),
        (format!("{HEADER}{REQUEST}"), "unsupported-stanza-type"),
        (format!("{full}<a xmlns='urn:xmpp:sm:3'/>"), "bad-format"),
        (format!("{full}<x xmlns='urn:xmpp:sm:3'/>"), "unsupported-stanza-type"),
    ] {
        let mut server = start(sm_config());
        let out = hear(&mut server, &script);
        assert!(out.sent.contains(&format!("<stream:error><{error} ")), "{script}: {}", out.sent);
    }
    // Not offered, not understood.
    let mut server = start(config());
    let out = hear(&mut server, &full);
    assert!(!out.sent.contains("urn:xmpp:sm:3") && out.closed().is_some());
}

#[test]
fn a_session_without_resumption_gives_back_what_was_not_acknowledged() {
    let mut server = start(sm_config());
    hear(&mut server, &format!("{HEADER}{PLAIN}{HEADER}{BIND}"));
    let out = hear(&mut server, "<enable xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(out.sent, "<enabled xmlns='urn:xmpp:sm:3'/>");
    server.send(Instant::ZERO, message(0)).unwrap();
    server.send(Instant::ZERO, message(1)).unwrap();
    // A proper end; the client says what it has.
    hear(&mut server, "<a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>");
    let session = server.take_session().unwrap();
    assert!(!session.is_resumable());
    let left = session.into_unacked();
    assert_eq!(left.iter().map(|u| (&u.stanza, u.sent)).collect::<Vec<_>>(), [(&message(1), true)]);
}

#[test]
fn a_client_that_comes_back_before_its_old_connection_died_takes_it_over() {
    let (mut old, id) = managed();
    old.send(Instant::ZERO, message(0)).unwrap();
    let mut session = old.displace(Instant::ZERO);
    let out = drain(&mut old);
    assert!(out.sent.ends_with("xmpp-streams'/></stream:error></stream:stream>"), "{}", out.sent);
    assert!(out.sent.contains("<conflict "), "{}", out.sent);
    hear(&mut old, "</stream:stream>");
    assert!(old.is_closed() && old.take_session().is_none());
    let mut new = asking("u", &id, "0");
    assert_eq!(new.resume(Instant::ZERO, &mut session).unwrap().as_str(), "u@h/r");
    assert!(drain(&mut new).sent.contains("<message id='0'/>"));
}

#[test]
fn a_silent_client_is_gone_and_its_session_is_not() {
    let (mut server, _) = managed();
    server.send(Instant::ZERO, message(0)).unwrap();
    assert_eq!(server.next_timer(), Some((Instant::from_secs(2), Timer::AckRequest)));
    server.handle_timeout(Instant::from_secs(2));
    server.handle_timeout(Instant::from_secs(32));
    let out = drain(&mut server);
    assert!(out.sent.ends_with(REQUEST), "{}", out.sent);
    assert_eq!(out.closed(), Some(&CloseReason::TimedOut(Timer::Ack)));
    assert!(server.take_session().unwrap().is_resumable());
}

#[test]
fn unacknowledged_stanzas_are_bounded() {
    let sm = SmConfig::new().with_unacked_max(2).with_request_every(100);
    let (mut server, _) = managed_with(config().with_stream_management(sm));
    assert!(server.send(Instant::ZERO, message(0)).is_ok());
    assert!(server.send(Instant::ZERO, message(1)).is_ok());
    assert_eq!(server.send(Instant::ZERO, message(2)), Err(CommandError::TooMany));
    let ping = "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
    assert_eq!(hear(&mut server, ping).closed(), None);
    assert!(hear(&mut server, ping).sent.contains("<resource-constraint "));
}

#[test]
fn kept_sessions_are_bounded_and_end() {
    let session = |n: u32| {
        let (mut session, _) = broken();
        session.id = format!("s{n}");
        session
    };
    let limits = SmStoreLimits { per_account_max: 2, total_max: 3, remembered_max: 1 };
    let mut store = SmStore::new(limits);
    let later = Instant::from_secs(10);
    assert_eq!(store.hold(Instant::ZERO, 1, session(1)), None);
    assert_eq!(store.hold(later, 2, session(2)), None);
    assert_eq!(store.hold(later, 3, session(3)).map(|(key, _)| key), Some(1));
    assert_eq!(store.handled("u@h", "s1"), Some(1));
    assert_eq!(store.handled("eve@h", "s1"), None);
    assert_eq!((store.len(), store.poll_timeout()), (2, Some(Instant::from_secs(310))));
    let other = |n| SmSession { jid: "other@h/r".parse().unwrap(), ..session(n) };
    assert_eq!(store.hold(later, 4, other(4)), None);
    assert_eq!(store.hold(later, 5, other(5)).map(|(key, _)| key), Some(2), "the oldest of all");
    assert!(store.contains(&5) && !store.contains(&2));
    // For a resource that sleeps, stanzas queue.
    let config = SmConfig::new().with_unacked_max(3);
    assert!(matches!(store.push(&config, &5, message(7)), Some(Ok(_))));
    assert!(matches!(store.push(&config, &5, message(7)), Some(Err(_))));
    assert!(store.push(&config, &2, message(7)).is_none());
    assert_eq!(store.expire(Instant::from_secs(309)), []);
    let over: Vec<i32> =
        store.expire(Instant::from_secs(310)).into_iter().map(|(k, _)| k).collect();
    assert_eq!(over, [3, 4, 5]);
    assert!(store.is_empty() && store.poll_timeout().is_none());
    // Only the last is remembered.
    assert_eq!((store.handled("u@h", "s3"), store.handled("other@h", "s5")), (None, Some(1)));
    // What cannot be resumed is not kept.
    let broken = SmSession { resumable: false, ..session(6) };
    assert_eq!(store.hold(later, 6, broken).map(|(key, _)| key), Some(6));
    assert_eq!(store.take_by_key(&6), None);
}

#[test]
fn a_client_may_want_less_time_than_the_server_grants() {
    for (asked, granted) in [("60", 60), ("4000000000", 300)] {
        let mut server = start(sm_config());
        hear(&mut server, &format!("{HEADER}{PLAIN}{HEADER}{BIND}"));
        let enable = format!("<enable xmlns='urn:xmpp:sm:3' resume='1' max='{asked}'/>");
        let out = hear(&mut server, &enable);
        assert_eq!(attr(&out.sent, "max"), format!("{granted}"));
        server.handle_input(Instant::ZERO, Input::Eof);
        assert_eq!(server.take_session().unwrap().resume_max(), Duration::from_secs(granted));
    }
}
