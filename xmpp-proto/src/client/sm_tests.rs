use super::tests::{BIND, HEADER, SUCCESS, config, drain, hear, id_in, offer, start};
use super::*;
use crate::sm::{Delivery, SmConfig, StanzaState};
use crate::stanza::MessageBuilder;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

const SM_FEATURES: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
    <sm xmlns='urn:xmpp:sm:3'/></stream:features>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='sid' resume='true' max='60'/>";

fn sm_config() -> ClientConfig {
    config().with_stream_management(Some(SmConfig::new().with_request_every(100)))
}

fn log_in(client: &mut Client, features: &str) -> String {
    hear(client, &format!("{HEADER}{}", offer("PLAIN")));
    hear(client, &format!("{SUCCESS}{HEADER}{features}")).sent
}

fn bound(client: &mut Client, asked: &str) -> String {
    let id = id_in(asked);
    hear(
        client,
        &format!(
            "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <jid>me@h/bound</jid></bind></iq>"
        ),
    )
    .sent
}

fn managed_with(config: ClientConfig) -> Client {
    let mut client = start(config);
    let asked = log_in(&mut client, SM_FEATURES);
    let sent = bound(&mut client, &asked);
    assert_eq!(sent, "<enable xmlns='urn:xmpp:sm:3' resume='true' max='300'/>");
    assert!(!client.is_ready());
    let out = hear(&mut client, ENABLED);
    assert!(matches!(&out.events[..], [Event::Ready { .. }]));
    assert!(client.is_managed());
    client
}

fn managed() -> Client {
    managed_with(sm_config())
}

fn message(n: u32) -> StanzaXml {
    MessageBuilder::new().id(&format!("{n}")).build().unwrap()
}

fn say(client: &mut Client, n: u32) -> StanzaToken {
    client.send(Instant::ZERO, message(n)).unwrap()
}

fn states(events: &[Event]) -> Vec<(u64, StanzaState)> {
    let deliveries = events.iter().filter_map(|event| match event {
        Event::Delivery(Delivery { token, state, .. }) => Some((token.as_u64(), *state)),
        _ => None,
    });
    deliveries.collect()
}

/// A session with two stanzas that nobody acknowledged.
fn broken() -> SmSession {
    let mut client = managed();
    say(&mut client, 0);
    say(&mut client, 1);
    hear(&mut client, "<message from='a@b'/><presence from='a@b'/>");
    client.handle_input(Instant::ZERO, Input::Eof);
    let out = drain(&mut client);
    assert_eq!(out.closed(), Some(&CloseReason::Eof));
    assert_eq!(states(&out.events), []);
    let session = client.take_session().unwrap();
    assert_eq!((session.id(), session.handled(), session.len()), ("sid", 2, 2));
    assert_eq!(session.resume_max(), Duration::from_secs(60));
    assert!(client.take_session().is_none());
    session
}

fn resuming() -> Client {
    let config = Arc::new(sm_config());
    let mut client = Client::resume(Instant::ZERO, config, Seed::from_u64(7), broken());
    let sent = log_in(&mut client, SM_FEATURES);
    assert!(sent.ends_with("<resume xmlns='urn:xmpp:sm:3' h='2' previd='sid'/>"), "{sent}");
    client
}

#[test]
fn without_the_feature_or_the_wish_nothing_is_asked_for() {
    for (features, sm) in [(BIND, Some(SmConfig::new())), (SM_FEATURES, None)] {
        let mut client = start(config().with_stream_management(sm));
        let asked = log_in(&mut client, features);
        assert_eq!(bound(&mut client, &asked), "");
        assert!(client.is_ready() && !client.is_managed());
        say(&mut client, 1);
        client.handle_input(Instant::ZERO, Input::Eof);
        assert!(client.take_session().is_none());
        assert_eq!(states(&drain(&mut client).events), []);
    }
}

#[test]
fn when_enabling_fails_the_stream_goes_on_without() {
    let mut client = start(sm_config());
    let asked = log_in(&mut client, SM_FEATURES);
    bound(&mut client, &asked);
    let out = hear(&mut client, "<failed xmlns='urn:xmpp:sm:3'/>");
    assert!(matches!(&out.events[..], [Event::Ready { .. }]));
    assert!(!client.is_managed());
}

/// XEP-0198 §4: ours counts from `<enable/>` on, theirs from `<enabled/>` on.
#[test]
fn what_comes_between_enable_and_enabled_does_not_count_and_its_answer_does() {
    let mut client = start(sm_config());
    let asked = log_in(&mut client, SM_FEATURES);
    bound(&mut client, &asked);
    let ping = "<iq type='get' id='p' from='h'><ping xmlns='urn:xmpp:ping'/></iq>";
    let out = hear(&mut client, &format!("<message from='a@b'/>{ping}"));
    assert!(matches!(&out.events[..], [Event::Message(_)]));
    assert!(out.sent.contains("type='result'"));
    hear(&mut client, ENABLED);
    let out = hear(&mut client, "<r xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(out.sent, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    let out = hear(&mut client, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_eq!(states(&out.events), [(0, StanzaState::Acked)]);
}

#[test]
fn only_stanzas_count_also_invalid_ones() {
    let mut client = managed();
    let script = "<message/><presence type='odd'/><iq/><other xmlns='urn:o'/> \
        <presence/><r xmlns='urn:xmpp:sm:3'/>";
    let out = hear(&mut client, script);
    assert!(out.sent.ends_with("<a xmlns='urn:xmpp:sm:3' h='4'/>"), "{}", out.sent);
}

#[test]
fn every_stanza_is_acknowledged_by_its_token() {
    let mut client = managed();
    let tokens: Vec<u64> = (0..4).map(|n| say(&mut client, n).as_u64()).collect();
    drain(&mut client);
    let out = hear(&mut client, "<a xmlns='urn:xmpp:sm:3' h='1'/><a xmlns='urn:xmpp:sm:3' h='3'/>");
    let acked: Vec<_> = tokens[..3].iter().map(|t| (*t, StanzaState::Acked)).collect();
    assert_eq!(states(&out.events), acked);
    client.handle_input(Instant::ZERO, Input::Data(b"</stream:stream>"));
    let out = drain(&mut client);
    assert_eq!(states(&out.events), [(tokens[3], StanzaState::Lost)]);
    let Event::Delivery(lost) = &out.events[0] else { panic!("{out:?}") };
    assert_eq!(lost.stanza, Some(message(3)));
    assert!(client.take_session().is_none(), "a proper end ends the session");
}

#[test]
fn a_malformed_or_impossible_acknowledgement_ends_the_stream_once() {
    for (ack, error) in [
        ("<a xmlns='urn:xmpp:sm:3'/>", "bad-format"),
        ("<a xmlns='urn:xmpp:sm:3' h='x'/>", "bad-format"),
        (
            "<a xmlns='urn:xmpp:sm:3' h='2'/>",
            "handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'",
        ),
        ("<a xmlns='urn:xmpp:sm:3' h='4294967295'/>", "handled-count-too-high"),
        ("<enabled xmlns='urn:xmpp:sm:3'/>", "bad-format"),
    ] {
        let mut client = managed();
        say(&mut client, 1);
        let out = hear(&mut client, ack);
        assert!(out.sent.contains(error), "{ack}: {}", out.sent);
        assert!(matches!(out.closed(), Some(CloseReason::Protocol(_))));
        assert_eq!(states(&out.events), [(0, StanzaState::Lost)]);
        assert!(client.take_session().is_none(), "no loop of resumptions");
    }
}

#[test]
fn a_resumed_session_sends_what_the_server_has_not_got() {
    let mut client = resuming();
    let queued = say(&mut client, 2);
    let out = hear(&mut client, "<resumed xmlns='urn:xmpp:sm:3' previd='sid' h='1'/>");
    assert_eq!(out.sent, "<message id='1'/><message id='2'/><r xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(
        states(&out.events),
        [
            (queued.as_u64(), StanzaState::Queued),
            (0, StanzaState::Acked),
            (1, StanzaState::Resent),
            (2, StanzaState::Sent)
        ]
    );
    assert!(
        out.events
            .iter()
            .any(|e| matches!(e, Event::Resumed { jid } if jid.as_str() == "me@h/bound"))
    );
    assert!(client.is_ready() && client.jid().as_str() == "me@h/bound");
    let out =
        hear(&mut client, "<message/><r xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='3'/>");
    assert_eq!(out.sent, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    assert_eq!(states(&out.events), [(1, StanzaState::Acked), (2, StanzaState::Acked)]);
}

/// The server has forgotten the session but knows what it had handled: nothing is doubtful.
#[test]
fn a_forgotten_session_with_a_count_goes_on_in_a_new_one() {
    let mut client = resuming();
    let failed = "<failed xmlns='urn:xmpp:sm:3' h='1'><item-not-found \
        xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
    let asked = hear(&mut client, failed);
    assert_eq!(states(&asked.events), [(0, StanzaState::Acked)]);
    let sent = bound(&mut client, &asked.sent);
    assert!(sent.ends_with("'/><message id='1'/>"), "{sent}");
    hear(&mut client, ENABLED);
    let out = hear(&mut client, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_eq!(states(&out.events), [(1, StanzaState::Acked)]);
}

#[test]
fn a_forgotten_session_without_a_count_is_lost() {
    // With an impossible count, too.
    for failed in ["<failed xmlns='urn:xmpp:sm:3'/>", "<failed xmlns='urn:xmpp:sm:3' h='9'/>"] {
        let mut client = resuming();
        let queued = say(&mut client, 2);
        drain(&mut client);
        let out = hear(&mut client, failed);
        assert_eq!(states(&out.events), [(0, StanzaState::Lost), (1, StanzaState::Lost)]);
        // What was never sent cannot arrive twice.
        let sent = bound(&mut client, &out.sent);
        assert!(sent.ends_with("'/><message id='2'/>"), "{sent} {queued:?}");
    }
    // A server that has no stream management any more.
    let config = Arc::new(sm_config());
    let mut client = Client::resume(Instant::ZERO, config, Seed::from_u64(7), broken());
    let asked = log_in(&mut client, BIND);
    assert!(asked.contains("<bind "));
}

#[test]
fn a_wrong_answer_to_a_resumption_ends_stream_and_session() {
    for (answer, error) in [
        ("<resumed xmlns='urn:xmpp:sm:3' previd='other' h='1'/>", "bad-format"),
        ("<resumed xmlns='urn:xmpp:sm:3' previd='sid'/>", "bad-format"),
        ("<resumed xmlns='urn:xmpp:sm:3' previd='sid' h='3'/>", "handled-count-too-high"),
        ("<enabled xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
    ] {
        let mut client = resuming();
        let out = hear(&mut client, answer);
        assert!(out.sent.contains(error), "{answer}: {}", out.sent);
        assert!(out.closed().is_some());
        let again = client.take_session();
        assert_eq!(again.is_some(), answer.contains("<enabled"), "{answer}");
    }
}

#[test]
fn a_connection_that_breaks_during_the_login_keeps_the_session() {
    let config = Arc::new(sm_config());
    let session = broken();
    let mut client = Client::resume(Instant::ZERO, config, Seed::from_u64(7), session.clone());
    hear(&mut client, HEADER);
    client.handle_input(Instant::ZERO, Input::Eof);
    assert_eq!(client.take_session(), Some(session));
}

#[test]
fn a_dead_connection_is_noticed_and_its_session_kept() {
    let mut client = managed_with(sm_config().with_keep_alive(Some(Duration::from_secs(60))));
    say(&mut client, 0);
    drain(&mut client);
    let at = Instant::from_secs(2);
    assert_eq!(client.next_timer(), Some((at, Timer::AckRequest)));
    client.handle_timeout(at);
    assert_eq!(drain(&mut client).sent, "<r xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(client.next_timer(), Some((Instant::from_secs(32), Timer::Ack)));
    client.handle_timeout(Instant::from_secs(32));
    let out = drain(&mut client);
    assert_eq!((out.closed(), out.sent.as_str()), (Some(&CloseReason::TimedOut(Timer::Ack)), ""));
    assert_eq!(client.take_session().unwrap().len(), 1);

    // An idle stream asks instead of sending a space, and is content with the answer.
    let mut client = managed_with(sm_config().with_keep_alive(Some(Duration::from_secs(60))));
    client.handle_timeout(Instant::from_secs(60));
    assert_eq!(drain(&mut client).sent, "<r xmlns='urn:xmpp:sm:3'/>");
    hear(&mut client, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    assert_eq!(client.next_timer(), Some((Instant::from_secs(120), Timer::KeepAlive)));
}

#[test]
fn an_acknowledgement_is_asked_for_after_so_many_stanzas() {
    let sm = SmConfig::new().with_request_every(3);
    let mut client = managed_with(config().with_stream_management(Some(sm)));
    for n in 0..2 {
        say(&mut client, n);
    }
    assert!(!drain(&mut client).sent.contains("<r "));
    say(&mut client, 2);
    assert!(drain(&mut client).sent.ends_with("<message id='2'/><r xmlns='urn:xmpp:sm:3'/>"));
    for n in 3..9 {
        say(&mut client, n);
    }
    assert!(!drain(&mut client).sent.contains("<r "), "one question at a time");
}

#[test]
fn unacknowledged_stanzas_are_bounded() {
    let sm = SmConfig::new().with_unacked_max(2).with_request_every(100);
    let mut client = managed_with(config().with_stream_management(Some(sm)));
    say(&mut client, 0);
    say(&mut client, 1);
    assert_eq!(client.send(Instant::ZERO, message(2)), Err(CommandError::TooMany));
    // A server that asks and never acknowledges does not fill memory with answers.
    let ping = "<iq type='get' id='p' from='h'><ping xmlns='urn:xmpp:ping'/></iq>";
    assert_eq!(hear(&mut client, ping).closed(), None);
    let out = hear(&mut client, ping);
    assert!(out.sent.contains("<resource-constraint "), "{}", out.sent);
    assert!(out.closed().is_some());
}

/// XEP-0198 §4: the last word is what was handled, so that nothing is delivered twice.
#[test]
fn a_proper_end_says_what_was_handled_and_hears_what_was() {
    let mut client = managed();
    say(&mut client, 0);
    hear(&mut client, "<message/>");
    client.close(Instant::ZERO).unwrap();
    let sent = drain(&mut client).sent;
    assert!(
        sent.ends_with(
            "<a xmlns='urn:xmpp:sm:3' h='1'/><r xmlns='urn:xmpp:sm:3'/></stream:stream>"
        ),
        "{sent}"
    );
    let out = hear(&mut client, "<a xmlns='urn:xmpp:sm:3' h='1'/></stream:stream>");
    assert_eq!(states(&out.events), [(0, StanzaState::Acked)]);
    assert_eq!(out.closed(), Some(&CloseReason::Local));
}

#[test]
fn a_live_session_can_be_written_down() {
    let mut client = managed();
    assert_eq!(client.sm_session().unwrap().len(), 0);
    say(&mut client, 0);
    let written = client.sm_session().unwrap().to_bytes();
    let session = SmSession::from_bytes(&written).unwrap();
    assert_eq!((session.len(), session.jid().as_str()), (1, "me@h/bound"));
    client.handle_input(Instant::ZERO, Input::Eof);
    assert_eq!(client.take_session(), Some(session));
}
