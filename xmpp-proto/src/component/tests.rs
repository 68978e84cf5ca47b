use super::*;
use alloc::format;

use alloc::vec::Vec;
use proto_wire::{Output, Seed};

const NOW: Instant = Instant::ZERO;
const HEADER: &str = "<stream:stream xmlns='jabber:component:accept' id='3BF96D32' \
    xmlns:stream='http://etherx.jabber.org/streams' from='plays.shakespeare.lit'>";

fn component() -> Component {
    let config = ComponentConfig::new("plays.shakespeare.lit", Secret::new("secret"));
    Component::new(NOW, Arc::new(config))
}

fn drain<E>(mut poll: impl FnMut() -> Option<Output<Bytes, E>>) -> (String, Vec<E>) {
    let (mut sent, mut events) = (String::new(), Vec::new());
    while let Some(output) = poll() {
        match output {
            Output::Transmit(bytes) => sent.push_str(core::str::from_utf8(&bytes).unwrap()),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

fn hear(component: &mut Component, text: &str) -> (String, Vec<Event>) {
    component.handle_input(NOW, Input::Data(text.as_bytes()));
    drain(|| component.poll_output())
}

fn ready() -> Component {
    let mut component = component();
    hear(&mut component, &format!("{HEADER}<handshake/>"));
    assert!(component.is_ready());
    component
}

/// The example of XEP-0114 §3, computed by its recipe.
#[test]
fn the_handshake_is_the_hash_of_id_and_secret() {
    let mut component = component();
    let (sent, _) = drain(|| component.poll_output());
    assert_eq!(
        sent,
        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' to='plays.shakespeare.lit'>"
    );
    let (sent, _) = hear(&mut component, HEADER);
    assert_eq!(sent, "<handshake>b09ea9b3b7f586be8a08d0a3dd7466f110aeb136</handshake>");
    let (_, events) = hear(&mut component, "<handshake/>");
    assert!(matches!(events[..], [Event::Ready]));
}

#[test]
fn how_a_component_ends() {
    let error = |c: &str| {
        format!("<stream:error><{c} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    };
    for (script, told) in [
        (HEADER.replace(" id='3BF96D32'", ""), "bad-format"),
        (HEADER.replace("component:accept", "client"), "invalid-namespace"),
        (format!("{HEADER}<message/>"), "unsupported-stanza-type"),
        (format!("{HEADER}<!-- -->"), "restricted-xml"),
    ] {
        let mut component = component();
        let (sent, events) = hear(&mut component, &script);
        assert!(sent.contains(&format!("<{told} ")), "{script}: {sent}");
        assert!(matches!(events[..], [Event::Closed(CloseReason::Protocol(_))]), "{events:?}");
        assert_eq!(component.poll_timeout(), None);
        assert_eq!(component.close(NOW), Err(CommandError::Closed));
    }
    // The wrong secret.
    let mut component = component();
    let (_, events) = hear(&mut component, &format!("{HEADER}{}", error("not-authorized")));
    assert!(matches!(&events[..], [Event::Closed(CloseReason::StreamError(_))]), "{events:?}");
    // Silence.
    let mut component = self::component();
    assert_eq!(component.next_timer(), Some((Instant::from_secs(30), Timer::Negotiation)));
    component.handle_timeout(Instant::from_secs(30));
    let (_, events) = drain(|| component.poll_output());
    assert!(matches!(events[..], [Event::Closed(CloseReason::TimedOut(Timer::Negotiation))]));
}

/// A known library's component dies after idle hours: the server pings and nobody answers,
/// or a middlebox forgets the connection.
#[test]
fn an_idle_component_stays_alive() {
    let mut component = ready();
    let ping = "<iq type='get' id='p' from='server' to='plays.shakespeare.lit'><ping xmlns='urn:xmpp:ping'/></iq>";
    let (sent, events) = hear(&mut component, ping);
    assert_eq!(sent, "<iq type='result' to='server' from='plays.shakespeare.lit' id='p'/>");
    assert!(events.is_empty());
    component.handle_timeout(Instant::from_secs(60));
    assert_eq!(drain(|| component.poll_output()).0, " ");
    // A ping of somebody at the domain is for the host.
    let (sent, events) = hear(&mut component, &ping.replace("to='", "to='romeo@"));
    assert!(sent.is_empty() && matches!(events[..], [Event::Stanza(_)]));
}

#[test]
fn invalid_stanzas_are_answered_or_told_and_the_stream_goes_on() {
    let mut component = ready();
    let (sent, events) =
        hear(&mut component, "<iq type='get' from='a@b' to='c'/><presence type='odd'/>");
    assert!(sent.contains("<bad-request "), "{sent}");
    assert!(matches!(events[..], [Event::Invalid { .. }, Event::Invalid { .. }]), "{events:?}");
    assert!(component.is_ready());
}

fn accepted(secret: Option<&str>, script: &str) -> (ComponentConnection, String, Vec<AcceptEvent>) {
    let config = Arc::new(AcceptConfig::new());
    let mut server = ComponentConnection::new(NOW, config, Seed::from_u64(3));
    let open = "<stream:stream xmlns='jabber:component:accept' to='plays.shakespeare.lit' \
        xmlns:stream='http://etherx.jabber.org/streams'>";
    server.handle_input(NOW, Input::Data(open.as_bytes()));
    let (sent, _) = drain(|| server.poll_output());
    let id = sent.split("id='").nth(1).unwrap().split('\'').next().unwrap();
    let hash = handshake(id, "secret");
    let script = format!("<handshake>{hash}</handshake>{script}");
    server.handle_input(NOW, Input::Data(script.as_bytes()));
    let (_, events) = drain(|| server.poll_output());
    assert!(
        matches!(&events[..], [AcceptEvent::SecretNeeded { domain }] if domain == "plays.shakespeare.lit")
    );
    assert!(!server.wants_input());
    server.secret(NOW, secret.map(Secret::new).as_ref()).unwrap();
    let (sent, events) = drain(|| server.poll_output());
    (server, sent, events)
}

#[test]
fn a_server_lets_in_whoever_has_the_secret_and_nobody_else() {
    let (server, sent, events) = accepted(Some("secret"), "");
    assert_eq!(sent, "<handshake/>");
    assert!(server.is_ready() && matches!(events[..], [AcceptEvent::Ready { .. }]));
    for wrong in [Some("other"), None] {
        let (server, sent, events) = accepted(wrong, "<message/>");
        assert!(sent.contains("<not-authorized "), "{sent}");
        assert!(!server.is_ready() && matches!(events[..], [AcceptEvent::Closed(_)]));
    }
}

#[test]
fn a_component_may_speak_for_its_domain_only() {
    let stanza = |from: &str, to: &str| format!("<message{from}{to}/>");
    let to = " to='a@b'";
    for (stanza, told) in [
        (stanza(" from='romeo@plays.shakespeare.lit/x'", to), None),
        (stanza(" from='PLAYS.shakespeare.lit'", to), None),
        (stanza(" from='a@b'", to), Some("invalid-from")),
        (stanza(" from='plays.shakespeare.lit.evil'", to), Some("invalid-from")),
        (stanza("", to), Some("improper-addressing")),
        (stanza(" from='plays.shakespeare.lit'", ""), Some("improper-addressing")),
        ("<other/>".into(), Some("unsupported-stanza-type")),
    ] {
        let (_, sent, events) = accepted(Some("secret"), &stanza);
        match told {
            None => assert!(
                matches!(events[..], [AcceptEvent::Ready { .. }, AcceptEvent::Stanza(_)]),
                "{stanza}"
            ),
            Some(told) => {
                assert!(sent.contains(&format!("<{told} ")), "{stanza}: {sent}");
                assert!(matches!(events.last(), Some(AcceptEvent::Closed(_))));
            }
        }
    }
}

/// RFC 6120 §4.4: the other side did not know yet. Behind an error, and before there may be stanzas, nothing
/// counts.
#[test]
fn what_was_under_way_when_a_stream_was_closed_counts() {
    let shutdown = StreamCondition::SystemShutdown;
    let message = "<message from='plays.shakespeare.lit' to='a@b'/>";
    let ping = "<iq type='get' id='p' from='b' to='plays.shakespeare.lit'><ping xmlns='urn:xmpp:ping'/></iq>";
    let ends = |events: &[Event]| matches!(events, [Event::Closed(CloseReason::Local)]);
    let mut component = ready();
    component.close(NOW).unwrap();
    let (sent, events) = hear(&mut component, &format!("{message}{ping}<presence type='odd'/>"));
    assert_eq!(sent, "</stream:stream>", "nothing may be said any more");
    assert!(matches!(events[..], [Event::Stanza(_), Event::Invalid { .. }]), "{events:?}");
    assert!(ends(&hear(&mut component, "</stream:stream>").1));
    let mut component = ready();
    component.expel(NOW, shutdown).unwrap();
    assert!(ends(&hear(&mut component, &format!("{message}</stream:stream>")).1));
    let mut component = self::component();
    hear(&mut component, HEADER);
    component.close(NOW).unwrap();
    assert!(ends(&hear(&mut component, &format!("{message}<handshake/></stream:stream>")).1));

    for (expelled, stanzas) in [(false, 1), (true, 0)] {
        let (mut server, ..) = accepted(Some("secret"), "");
        match expelled {
            true => server.expel(NOW, shutdown).unwrap(),
            false => server.close(NOW).unwrap(),
        }
        server.handle_input(NOW, Input::Data(message.as_bytes()));
        server.handle_input(NOW, Input::Data(b"</stream:stream>"));
        let (_, events) = drain(|| server.poll_output());
        assert_eq!(events.len(), stanzas + 1, "{events:?}");
        assert!(matches!(events.last(), Some(AcceptEvent::Closed(CloseReason::Local))));
    }
}

#[test]
fn what_a_server_refuses_at_the_door() {
    for (open, told) in [
        (
            "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>",
            "host-unknown",
        ),
        (
            "<stream:stream to='a@b' xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>",
            "host-unknown",
        ),
        (
            "<stream:stream to='b' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
            "invalid-namespace",
        ),
        (
            "<stream:stream to='b' xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'><message/>",
            "not-authorized",
        ),
    ] {
        let config = Arc::new(AcceptConfig::new());
        let mut server = ComponentConnection::new(NOW, config, Seed::from_u64(3));
        server.handle_input(NOW, Input::Data(open.as_bytes()));
        let (sent, events) = drain(|| server.poll_output());
        assert!(sent.starts_with("<?xml") && sent.contains(&format!("<{told} ")), "{open}: {sent}");
        assert!(matches!(events[..], [AcceptEvent::Closed(_)]));
        assert_eq!(server.secret(NOW, None), Err(CommandError::Closed));
    }
}

#[test]
fn chunks_change_nothing() {
    let script = format!(
        "{HEADER}<handshake/><message from='a@b' to='c@plays.shakespeare.lit'><body>\u{2603}</body></message></stream:stream>"
    );
    let play = |size: usize| {
        let mut component = component();
        for chunk in script.as_bytes().chunks(size) {
            component.handle_input(NOW, Input::Data(chunk));
        }
        let (sent, events) = drain(|| component.poll_output());
        (sent, format!("{events:?}"))
    };
    let whole = play(script.len());
    for size in [1, 2, 3, 7, 50] {
        assert_eq!(play(size), whole);
    }
}

/// RFC 6120 §4.4, §4.9.1.2: what ends a stream stands in one, and nothing follows it.
#[test]
fn a_component_is_turned_away_before_it_has_said_a_word() {
    let config = Arc::new(AcceptConfig::new());
    let mut server = ComponentConnection::new(NOW, config, Seed::from_u64(3));
    server.expel(NOW, StreamCondition::SystemShutdown).unwrap();
    let (sent, _) = drain(|| server.poll_output());
    assert!(sent.starts_with("<?xml") && sent.contains("<stream:stream "), "{sent}");
    assert!(sent.ends_with("</stream:error></stream:stream>"), "{sent}");
    let open = "<stream:stream xmlns='jabber:component:accept' to='plays.shakespeare.lit' \
        xmlns:stream='http://etherx.jabber.org/streams'>";
    server.handle_input(NOW, Input::Data(open.as_bytes()));
    assert_eq!(drain(|| server.poll_output()).0, "");
    server.handle_input(NOW, Input::Data(b"</stream:stream>"));
    let (sent, events) = drain(|| server.poll_output());
    assert_eq!(sent, "");
    assert!(matches!(events[..], [AcceptEvent::Closed(CloseReason::Local)]), "{events:?}");
}
