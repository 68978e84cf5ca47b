//! The connection manager's side.

use super::of_client::{TERMS, open_client, requests};
use super::*;
use proto_wire::Rng;

/// XEP-0124 §7, XEP-0206 §4: what the examples say comes out.
#[test]
fn a_session_is_created_with_terms_no_better_than_asked_for() {
    let mut session = session();
    let said = post(&mut session, NOW, 1, CREATE);
    let [(1, 200, body)] = said.as_slice() else { panic!("{said:?}") };
    let body = Body::parse(body.as_bytes(), XmlLimits::POST_AUTH).unwrap();
    for (name, value) in [
        ("sid", session.sid()),
        ("wait", "60"),
        ("hold", "1"),
        ("requests", "2"),
        ("inactivity", "30"),
        ("polling", "5"),
        ("maxpause", "120"),
        ("ver", "1.6"),
        ("ack", "1573741820"),
        ("from", "example.com"),
    ] {
        assert_eq!(body.attr(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(body.xmpp("version").as_deref(), Some("1.0"));
    assert_eq!(body.xmpp("restartlogic").as_deref(), Some("true"));
    assert!(body.attr("authid").is_some());
    assert!(body.payloads().next().unwrap().is(crate::xml::Ns::STREAM, "features"));
    // Less than the connection manager would give, when less is asked for.
    let mut other = session_with(BoshServerConfig::new().with_wait_max(Duration::from_secs(20), 2));
    let said = post(&mut other, NOW, 1, &CREATE.replace("hold='1'", "hold='9'"));
    assert!(said[0].2.contains("wait='20'") && said[0].2.contains("hold='2'"), "{said:?}");
    assert!(said[0].2.contains("requests='3'"), "{said:?}");
}

#[test]
fn what_is_no_body_is_refused_and_numbers_have_bounds() {
    for (bad, why) in [
        ("", "Xml"),
        ("<body xmlns='x'/>", "Name"),
        ("<message xmlns='http://jabber.org/protocol/httpbind'/>", "Name"),
        ("<body xmlns='http://jabber.org/protocol/httpbind'>x</body>", "Text"),
        ("<!-- --><body xmlns='http://jabber.org/protocol/httpbind'/>", "Xml"),
        ("<body xmlns='http://jabber.org/protocol/httpbind'/><body/>", "Xml"),
    ] {
        let error = Body::parse(bad.as_bytes(), XmlLimits::PRE_AUTH).unwrap_err();
        assert!(format!("{error:?}").starts_with(why), "{bad}: {error:?}");
        let mut session = session();
        let said = post(&mut session, NOW, 1, bad);
        assert!(said[0].2.contains("condition='bad-request'"), "{said:?}");
        assert!(session.is_done());
    }
    for (rid, good) in [
        ("1", true),
        (RID_MAX.to_string().as_str(), true),
        ((RID_MAX + 1).to_string().as_str(), false),
        ("0", false),
        ("-1", false),
        ("+1", false),
        ("1.0", false),
        ("", false),
        ("99999999999999999999999", false),
    ] {
        let body = format!("<body rid='{rid}' xmlns='{NS}'/>");
        let body = Body::parse(body.as_bytes(), XmlLimits::PRE_AUTH).unwrap();
        assert_eq!(body.rid().is_ok(), good, "{rid}");
    }
    for condition in Condition::ALL {
        assert_eq!(Condition::of(condition.name()), *condition);
    }
    assert_eq!(Condition::of("new"), Condition::UndefinedCondition);
}

/// XEP-0124 §8: responses wait for something to say, no longer than agreed on, and come in
/// order.
#[test]
fn requests_wait_and_are_answered_in_order() {
    let mut session = session();
    let next = log_in(&mut session);
    let now = NOW.saturating_add(Duration::from_secs(10));
    let said = post(&mut session, now, 10, &request(next, "", ""));
    assert!(said.is_empty(), "it waits");
    session.machine.send(now, message("a")).unwrap();
    session.machine.send(now, message("b")).unwrap();
    let (said, _) = poll(&mut session);
    assert_eq!(said.len(), 1, "both in one response");
    assert!(said[0].2.contains("<body>a</body>") && said[0].2.contains("<body>b</body>"));
    // Nothing to say: an empty one when the time is over.
    let said = post(&mut session, now, 11, &request(next + 1, "", ""));
    assert!(said.is_empty());
    session.handle_timeout(now.saturating_add(Duration::from_secs(59)));
    assert!(poll(&mut session).0.is_empty());
    session.handle_timeout(now.saturating_add(Duration::from_secs(60)));
    let (said, _) = poll(&mut session);
    assert_eq!(said[..], [(11, 200, format!("<body xmlns='{NS}'/>"))]);
    // A second one that brings something sets the first one free.
    let now = now.saturating_add(Duration::from_secs(61));
    assert!(post(&mut session, now, 12, &request(next + 2, "", "")).is_empty());
    let hello = "<message xmlns='jabber:client' to='example.com'/>";
    session.handle_input(
        now,
        ServerInput::Request { id: 13, body: request(next + 3, "", hello).as_bytes() },
    );
    let (said, events) = poll(&mut session);
    assert_eq!(said.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [12]);
    // §9.1: it says that the later one is there too.
    assert!(said[0].2.contains(&format!("ack='{}'", next + 3)), "{said:?}");
    assert!(matches!(events[..], [server::Event::Stanza(_)]));
    session.machine.send(now, message("c")).unwrap();
    assert_eq!(poll(&mut session).0[0].0, 13);
    // Not before its turn.
    let early = request(next + 5, "", "<message xmlns='jabber:client' id='2'/>");
    assert!(post(&mut session, now, 15, &early).is_empty());
    let first = request(next + 4, "", "<message xmlns='jabber:client' id='1'/>");
    session.handle_input(now, ServerInput::Request { id: 14, body: first.as_bytes() });
    let (said, events) = poll(&mut session);
    assert_eq!(said.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [14]);
    let ids = events.iter().map(|event| match event {
        server::Event::Stanza(stanza) => stanza.view().header().id().unwrap().to_string(),
        other => panic!("{other:?}"),
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["1", "2"]);
}

/// XEP-0206 §2: stanzas may stand in the namespace of the wrapper.
#[test]
fn stanzas_in_the_namespace_of_the_wrapper_are_stanzas() {
    let mut session = session();
    let next = log_in(&mut session);
    for (n, inner) in [
        "<message to='example.com'><body>hi</body></message>",
        "<message xmlns='jabber:client' to='example.com'><body>hi</body></message>",
        "<c:message xmlns:c='jabber:client' to='example.com'><c:body>hi</c:body></c:message>",
    ]
    .into_iter()
    .enumerate()
    {
        let text = request(next + n as u64, "", inner);
        let id = 20 + n as u64;
        session.handle_input(NOW, ServerInput::Request { id, body: text.as_bytes() });
        let (_, events) = poll(&mut session);
        let [server::Event::Stanza(stanza)] = &events[..] else { panic!("{inner}: {events:?}") };
        assert_eq!(stanza.as_message().unwrap().body().as_deref(), Some("hi"), "{inner}");
    }
}

/// XEP-0124 §14.3: a copy of the request brings a copy of the response.
#[test]
fn a_lost_response_can_be_had_again_and_one_too_old_cannot() {
    let mut session = session();
    let next = log_in(&mut session);
    let text = request(next, "", "");
    post(&mut session, NOW, 10, &text);
    session.machine.send(NOW, message("once")).unwrap();
    let (first, _) = poll(&mut session);
    let again = post(&mut session, NOW, 11, &text);
    assert_eq!((again[0].0, &again[0].2), (11, &first[0].2));
    // Still waiting: the old connection is told, the new one waits (§17.3).
    let text = request(next + 1, "", "");
    assert!(post(&mut session, NOW, 12, &text).is_empty());
    let said = post(&mut session, NOW, 13, &text);
    assert_eq!(said[..], [(12, 200, format!("<body xmlns='{NS}' type='error'/>"))]);
    session.machine.send(NOW, message("to the new one")).unwrap();
    assert_eq!(poll(&mut session).0[0].0, 13);
    // Over and over is too much; N and N + 1.
    for n in 0..8 - 1 {
        assert!(post(&mut session, NOW, 20 + n, &text)[0].2.contains("to the new one"), "{n}");
    }
    let said = post(&mut session, NOW, 30, &text);
    assert!(said[0].2.contains("policy-violation"), "{said:?}");
    // What nobody has any more.
    let mut session = self::session();
    let next = log_in(&mut session);
    let old = request(next - 4, "", "");
    let said = post(&mut session, NOW, 10, &old);
    assert!(said[0].2.contains("condition='item-not-found'"), "{said:?}");
    assert!(session.is_done());
}

/// XEP-0124 §11, §12, §14.2, §15.4: the rules of a session.
#[test]
fn who_breaks_the_rules_is_told_and_out() {
    let now = NOW.saturating_add(Duration::from_secs(100));
    let out = |what: &str, condition: &str, posts: &dyn Fn(u64) -> Vec<String>| {
        let mut session = session();
        let next = log_in(&mut session);
        let mut said = Vec::new();
        for (n, text) in posts(next).into_iter().enumerate() {
            said.extend(post(&mut session, now, 10 + n as u64, &text));
        }
        let expected = format!("condition='{condition}'");
        assert!(said.iter().any(|(.., body)| body.contains(&expected)), "{what}: {said:?}");
        assert!(session.is_done(), "{what}");
        assert_eq!(session.poll_timeout(), None, "{what}");
        // Each request has one response, also those that come after the end.
        assert!(post(&mut session, now, 99, CREATE)[0].2.contains("item-not-found"));
    };
    out("beyond the window", "item-not-found", &|n| vec_of([request(n + 3, "", "")]));
    out("too many at once", "policy-violation", &|n| {
        vec_of([
            request(n + 2, "", "<message xmlns='jabber:client'/>"),
            request(n + 1, "", "<message xmlns='jabber:client'/>"),
            request(n, "", "<message xmlns='jabber:client'/>"),
        ])
    });
    out("empty ones too fast", "policy-violation", &|n| {
        vec_of([request(n, "", ""), request(n + 1, "", "")])
    });
    out("too long a pause", "policy-violation", &|n| vec_of([request(n, "pause='121'", "")]));
    out("another name", "item-not-found", &|n| {
        // Not of this session: refused; and the session goes on, until it is hurt.
        vec_of([
            format!("<body rid='{n}' sid='x' xmlns='{NS}'/>"),
            format!("<body rid='{}' xmlns='{NS}'/>", u64::MAX),
            "<".to_string(),
        ])
    });
}

fn vec_of<const N: usize>(texts: [String; N]) -> Vec<String> {
    texts.into()
}

#[test]
fn a_poller_must_not_poll_too_often() {
    for (gap, good) in [(5, true), (4, false)] {
        let mut session = session();
        post(&mut session, NOW, 1, &CREATE.replace("hold='1'", "hold='0'"));
        let mut now = NOW;
        let mut said = Vec::new();
        for n in 1..4 {
            now = now.saturating_add(Duration::from_secs(gap));
            let text = request(rid(n), "", "");
            said.extend(post(&mut session, now, 10 + n, &text));
        }
        // Whoever polls is answered at once.
        assert_eq!(said.len(), 3);
        assert_eq!(!said.iter().any(|(.., body)| body.contains("policy-violation")), good);
    }
}

#[test]
fn keys_keep_strangers_out() {
    let mut rng = Rng::new(&Seed::from_u64(9));
    let mut keys = keys::Keys::new(&mut rng, 4);
    let mut session = session();
    let create = CREATE.replace(" ack='1'", &format!(" ack='1' newkey='{}'", keys.first()));
    post(&mut session, NOW, 1, &create);
    let mut last = String::new();
    for n in 1..9 {
        let (key, new) = keys.next(&mut rng);
        let new = new.map_or_else(String::new, |new| format!("newkey='{new}'"));
        let pause = "pause='30'";
        let text = request(rid(n), &format!("key='{key}' {new} {pause}"), "");
        let said = post(&mut session, NOW, 10 + n, &text);
        assert_eq!(said.len(), 1);
        assert!(!said[0].2.contains("terminate"), "{said:?}");
        last = key;
    }
    // A stranger who has seen everything until now.
    let text = request(rid(9), &format!("key='{last}'"), "<presence/>");
    session.handle_input(NOW, ServerInput::Request { id: 50, body: text.as_bytes() });
    let (said, events) = poll(&mut session);
    assert!(said[0].2.contains("item-not-found"), "{said:?}");
    let stanzas = events.iter().filter(|event| matches!(event, server::Event::Stanza(_)));
    assert_eq!(stanzas.count(), 0, "nothing of it is taken");
}

/// XEP-0124 §10.
#[test]
fn a_pause_answers_all_and_gives_time_and_silence_ends_the_session() {
    let mut session = session();
    let next = log_in(&mut session);
    assert!(post(&mut session, NOW, 10, &request(next, "", "")).is_empty());
    let said = post(&mut session, NOW, 11, &request(next + 1, "pause='100'", ""));
    assert_eq!(said.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [10, 11]);
    session.machine.send(NOW, message("later")).unwrap();
    assert!(poll(&mut session).0.is_empty());
    let now = NOW.saturating_add(Duration::from_secs(99));
    session.handle_timeout(now);
    assert!(!session.is_done());
    let said = post(&mut session, now, 12, &request(next + 2, "", ""));
    assert!(said[0].2.contains("later"), "{said:?}");
    // The usual time from here on.
    session.handle_timeout(now.saturating_add(Duration::from_secs(29)));
    assert!(!session.is_done());
    session.handle_timeout(now.saturating_add(Duration::from_secs(30)));
    let (said, events) = poll(&mut session);
    assert!(said.is_empty() && session.is_done());
    assert!(matches!(events[..], [server::Event::Closed(server::CloseReason::Eof)]), "{events:?}");
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn the_end_is_told_by_either_side() {
    // By the client, with a last stanza (§13).
    let mut session = session();
    let next = log_in(&mut session);
    post(&mut session, NOW, 10, &request(next, "", ""));
    let bye = "<presence type='unavailable' xmlns='jabber:client'/>";
    let text = request(next + 1, "type='terminate'", bye);
    session.handle_input(NOW, ServerInput::Request { id: 11, body: text.as_bytes() });
    let (said, events) = poll(&mut session);
    assert!(said[0].0 == 10 && said[0].2.contains("type='terminate'"), "{said:?}");
    assert!(said[1].0 == 11 && !said[1].2.contains("terminate"), "{said:?}");
    assert!(matches!(
        events[..],
        [server::Event::Stanza(_), server::Event::Closed(server::CloseReason::Peer)]
    ));
    // By the server, with an error of the stream; nobody waits, so the next one hears of it.
    let mut session = self::session();
    let next = log_in(&mut session);
    session.machine.expel(NOW, crate::stream::StreamCondition::Conflict).unwrap();
    let (said, events) = poll(&mut session);
    assert!(said.is_empty() && events.is_empty(), "{events:?}");
    let said = post(&mut session, NOW, 10, &request(next, "", ""));
    assert!(said[0].2.contains("condition='remote-stream-error'"), "{said:?}");
    assert!(said[0].2.contains("xmlns:stream='http://etherx.jabber.org/streams'"));
    assert!(said[0].2.contains("<conflict "), "{said:?}");
    assert!(session.is_done());
    // A wrong domain is an error of the stream, too.
    let mut session = self::session();
    let said =
        post(&mut session, NOW, 1, &CREATE.replace("to='example.com'", "to='other.example'"));
    assert!(said[0].2.contains("<host-unknown"), "{said:?}");
}

/// §17.1: without `ver` the statuses of the old time.
#[test]
fn old_clients_are_told_by_status() {
    let mut session = session();
    post(&mut session, NOW, 1, &CREATE.replace("ver='1.6'", ""));
    let said = post(&mut session, NOW, 2, &request(rid(7), "", ""));
    assert_eq!(said[0].1, 404);
}

/// Stanzas of a stranger are small, those of a user need not be.
#[test]
fn bodies_are_limited_before_and_after_authentication() {
    let mut session = session();
    assert_eq!(session.body_max(), XmlLimits::PRE_AUTH.stanza_max);
    post(&mut session, NOW, 1, CREATE);
    let room = session.body_max() - request(rid(1), "", "<a xmlns='x'></a>").len();
    for (more, good) in [(0, true), (1, false)] {
        let mut session = self::session();
        post(&mut session, NOW, 1, CREATE);
        let inner = format!("<a xmlns='x'>{}</a>", "x".repeat(room + more));
        let said = post(&mut session, NOW, 2, &request(rid(1), "", &inner));
        // What fits is judged by the machine.
        let condition = if good { "remote-stream-error" } else { "bad-request" };
        assert!(said[0].2.contains(condition), "{said:?}");
    }
    let mut session = self::session();
    log_in(&mut session);
    assert_eq!(session.body_max(), 256 * 1024);
}

/// `hold_max`, `repeats_max`, and `payloads_max` of both sides, at N and N + 1.
#[test]
fn the_limits_of_a_session_hold() {
    for (asked, hold) in [(2, 2), (3, 2)] {
        let mut config = BoshServerConfig::new();
        config.hold_max = 2;
        let mut session = session_with(config);
        let create = CREATE.replace("hold='1'", &format!("hold='{asked}'"));
        let said = post(&mut session, NOW, 1, &create);
        assert!(said[0].2.contains(&format!("hold='{hold}'")), "{said:?}");
    }
    for (times, over) in [(3, false), (4, true)] {
        let mut config = BoshServerConfig::new();
        config.repeats_max = 3;
        let mut session = session_with(config);
        let next = log_in(&mut session);
        let text = request(next, "pause='10'", "");
        let mut said = post(&mut session, NOW, 10, &text);
        for n in 0..times {
            said.extend(post(&mut session, NOW, 11 + n, &text));
        }
        let told = said.iter().any(|(.., body)| body.contains("policy-violation"));
        assert_eq!((told, session.is_done()), (over, over), "{times}");
    }
    // Two messages fit exactly, or one byte is missing.
    let two = 2 * "<message xmlns='jabber:client'><body>a</body></message>".len();
    for (payloads_max, count) in [(two, 2), (two - 1, 1)] {
        let mut config = BoshServerConfig::new();
        config.payloads_max = payloads_max;
        let mut session = session_with(config);
        let next = log_in(&mut session);
        session.machine.send(NOW, message("a")).unwrap();
        session.machine.send(NOW, message("a")).unwrap();
        let said = post(&mut session, NOW, 10, &request(next, "", ""));
        assert_eq!(said[0].2.matches("<message").count(), count);
    }
    let features = format!(
        "<body xmlns='{NS}' xmlns:stream='http://etherx.jabber.org/streams'><stream:features>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>X</mechanism></mechanisms>\
         </stream:features></body>"
    );
    // The client is larger than one payload only when it must be: its own end is one.
    let mut config = BoshConfig::new();
    config.payloads_max = 0;
    let (mut client, _) = open_client(config, TERMS);
    let id = requests(&mut client)[0].id;
    let response = ClientInput::Response { id, status: 200, body: features.as_bytes() };
    client.handle_input(NOW, response);
    assert!(requests(&mut client).len() <= 2);
}

/// Every request gets its response, also one that came before its turn when the session ends.
#[test]
fn a_request_before_its_turn_is_answered_when_the_session_ends() {
    // By silence.
    let mut session = session();
    let next = log_in(&mut session);
    assert!(post(&mut session, NOW, 20, &request(next + 1, "", "")).is_empty());
    session.handle_timeout(NOW.saturating_add(Duration::from_secs(3600)));
    let (said, _) = poll(&mut session);
    assert!(session.is_done());
    assert_eq!(said.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [20], "{said:?}");
    assert!(said[0].2.contains("condition='item-not-found'"), "{said:?}");
    // By the server's word.
    let mut session = super::session();
    let next = log_in(&mut session);
    assert!(post(&mut session, NOW, 20, &request(next, "", "")).is_empty());
    assert!(post(&mut session, NOW, 21, &request(next + 2, "", "")).is_empty());
    session.machine.close(NOW).unwrap();
    let (said, _) = poll(&mut session);
    assert_eq!(said.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [20, 21], "{said:?}");
}

/// `backlog_max`, at N and N + 1: who pauses, or does not ask, is not waited for with any amount.
#[test]
fn what_waits_for_a_client_that_pauses_has_a_limit() {
    // Larger than all that is said before.
    let text = "a".repeat(10_000);
    let one = format!("<message xmlns='jabber:client'><body>{text}</body></message>").len();
    for (backlog_max, over) in [(2 * one, false), (2 * one - 1, true)] {
        let config = BoshServerConfig { backlog_max, ..BoshServerConfig::new() };
        let mut session = session_with(config);
        let mut next = log_in(&mut session);
        // What was fetched counts no more.
        for round in 0..3 {
            session.machine.send(NOW, message(&text)).unwrap();
            let (said, told) = poll(&mut session);
            assert!(said.is_empty() && told.is_empty(), "{said:?} {told:?}");
            let said = post(&mut session, NOW, 10 + round, &request(next, "", ""));
            assert!(said.len() == 1 && said[0].2.contains("<message"), "{said:?}");
            next += 1;
        }
        assert_eq!(post(&mut session, NOW, 20, &request(next, "pause='60'", "")).len(), 1);
        for _ in 0..2 {
            session.machine.send(NOW, message(&text)).unwrap();
            assert!(poll(&mut session).0.is_empty());
        }
        assert_eq!(session.machine.is_closed(), over, "what waited is gone at once");
        let text = request(next + 1, "", "");
        session.handle_input(NOW, ServerInput::Request { id: 21, body: text.as_bytes() });
        let (said, events) = poll(&mut session);
        assert_eq!(said[0].2.contains("condition='policy-violation'"), over, "{said:?}");
        assert_eq!(said[0].2.matches("<message").count(), if over { 0 } else { 2 });
        let broke = matches!(events[..], [server::Event::Closed(server::CloseReason::Eof)]);
        assert_eq!(broke, over, "{events:?}");
    }
}
