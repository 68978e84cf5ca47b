#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use crate::roster::RosterItem;
use crate::sasl::{Mechanism, SaslError, SaslFailure, Secret};
use crate::stanza::{Condition, MessageBuilder, PresenceBuilder};
use crate::xml::Ns;
use alloc::{format, vec};
use core::time::Duration;
use proptest::prelude::*;

pub(super) const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' from='h' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
pub(super) const BIND: &str =
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
pub(super) const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
pub(super) const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
pub(super) const STARTTLS: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
    </stream:features>";

pub(super) fn offer(mechanisms: &str) -> String {
    let list: String =
        mechanisms.split(' ').map(|m| format!("<mechanism>{m}</mechanism>")).collect();
    format!(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{list}\
         </mechanisms></stream:features>"
    )
}

pub(super) fn config() -> ClientConfig {
    ClientConfig::new("me@h/r".parse().unwrap())
        .with_password(Secret::new("p"))
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never)
        .with_handled("urn:handled")
        .with_keep_alive(None)
}

pub(super) fn start(config: ClientConfig) -> Client {
    Client::new(Instant::ZERO, Arc::new(config), Seed::from_u64(9))
}

/// What came out: bytes as text, events in words.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) sent: String,
    pub(super) events: Vec<Event>,
}

impl Out {
    pub(super) fn closed(&self) -> Option<&CloseReason> {
        let closed: Vec<_> = self
            .events
            .iter()
            .filter_map(|e| if let Event::Closed(why) = e { Some(why) } else { None })
            .collect();
        assert!(closed.len() <= 1, "closed twice");
        closed.first().copied()
    }
}

pub(super) fn drain(client: &mut Client) -> Out {
    let mut out = Out::default();
    while let Some(output) = client.poll_output() {
        match output {
            Output::Transmit(bytes) => out.sent.push_str(core::str::from_utf8(&bytes).unwrap()),
            Output::Event(event) => out.events.push(event),
        }
    }
    out
}

pub(super) fn hear(client: &mut Client, text: &str) -> Out {
    client.handle_input(Instant::ZERO, Input::Data(text.as_bytes()));
    drain(client)
}

pub(super) fn id_in(sent: &str) -> String {
    let (_, rest) = sent.rsplit_once(" id='").unwrap();
    rest.split('\'').next().unwrap().to_string()
}

pub(super) fn ready_with(config: ClientConfig) -> Client {
    ready_by(config, BIND)
}

/// Logged in where the last features were these.
fn ready_by(config: ClientConfig, features: &str) -> Client {
    let mut client = start(config);
    hear(&mut client, &format!("{HEADER}{}", offer("PLAIN")));
    let asked = hear(&mut client, &format!("{SUCCESS}{HEADER}{features}"));
    let id = id_in(&asked.sent);
    let bound = format!(
        "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>me@h/bound</jid></bind></iq>"
    );
    let out = hear(&mut client, &bound);
    assert!(matches!(&out.events[..], [Event::Ready { jid, .. }] if jid.as_str() == "me@h/bound"));
    client
}

fn ready() -> Client {
    ready_with(config())
}

/// RFC 7590 §3.1: an offer of TLS that is missing may have been taken away on the way.
#[test]
fn tls_is_asked_for_where_its_offer_is_missing() {
    let config = Arc::new(config().with_tls(TlsPolicy::Required));
    let mut client = Client::new(Instant::ZERO, config, Seed::from_u64(1));
    let stripped = format!("{HEADER}{}", offer("PLAIN"));
    client.handle_input(Instant::ZERO, Input::Data(stripped.as_bytes()));
    let mut sent = String::new();
    while let Some(output) = client.poll_output() {
        if let Output::Transmit(bytes) = output {
            sent += core::str::from_utf8(&bytes).unwrap();
        }
    }
    assert!(sent.ends_with("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), "{sent}");
    let proceed = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    client.handle_input(Instant::ZERO, Input::Data(proceed));
    assert!(matches!(client.poll_output(), Some(Output::Event(Event::StartTls))));
}

#[test]
fn how_a_login_fails() {
    use CloseReason as R;
    let tls = || config().with_tls(TlsPolicy::Required);
    let scram = || config().with_mechanisms(&[Mechanism::ScramSha256]);
    let clear = || config().with_plain_without_tls(false);
    let stream = |c| R::Protocol(ProtocolError::Stream(c));
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    let error =
        "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    let h = |rest: &str| format!("{HEADER}{rest}");
    let rows: Vec<(&str, ClientConfig, String, R)> = vec![
        (
            "no TLS",
            tls(),
            h(&format!("{}<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", offer("PLAIN"))),
            R::NoTls,
        ),
        (
            "TLS refused",
            tls(),
            h(&format!("{STARTTLS}<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")),
            R::NoTls,
        ),
        (
            "injected bytes",
            tls(),
            h(&format!("{STARTTLS}{PROCEED}<")),
            R::Protocol(ProtocolError::Injection),
        ),
        (
            "injected space",
            tls(),
            h(&format!("{STARTTLS}{PROCEED} ")),
            R::Protocol(ProtocolError::Injection),
        ),
        ("only weaker ones", scram(), h(&offer("PLAIN SCRAM-SHA-1")), R::NoMechanism),
        ("PLAIN in clear", clear(), h(&offer("PLAIN")), R::NoMechanism),
        ("unknown ones", config(), h(&offer("GSSAPI X-OAUTH2")), R::NoMechanism),
        (
            "wrong password",
            config(),
            h(&format!("{}{failure}", offer("PLAIN"))),
            R::Refused(SaslFailure::NotAuthorized),
        ),
        (
            "success without proof",
            scram(),
            h(&format!("{}{SUCCESS}", offer("SCRAM-SHA-256"))),
            R::Sasl(SaslError::Unproved),
        ),
        (
            "a challenge to PLAIN",
            config(),
            h(&format!(
                "{}<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>QQ==</challenge>",
                offer("PLAIN")
            )),
            R::Sasl(SaslError::Malformed),
        ),
        (
            "a challenge that is not base64",
            scram(),
            h(&format!(
                "{}<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>*</challenge>",
                offer("SCRAM-SHA-256")
            )),
            R::Sasl(SaslError::Malformed),
        ),
        (
            "a stream error",
            config(),
            h(error),
            R::StreamError(StreamError::new(StreamCondition::HostUnknown)),
        ),
        (
            "an old header",
            config(),
            HEADER.replace(" version='1.0'>", ">"),
            stream(StreamCondition::UnsupportedVersion),
        ),
        (
            "another content",
            config(),
            HEADER.replace("jabber:client", "jabber:server"),
            stream(StreamCondition::InvalidNamespace),
        ),
        ("no stream at all", config(), "<html>".into(), stream(StreamCondition::BadFormat)),
        ("an early end", config(), h("</stream:stream>"), R::Peer),
        (
            "nothing to bind",
            config(),
            h(&format!("{}{SUCCESS}{HEADER}<stream:features/>", offer("PLAIN"))),
            stream(StreamCondition::UnsupportedFeature),
        ),
        (
            "a stanza too early",
            config(),
            h("<message/>"),
            stream(StreamCondition::UnsupportedStanzaType),
        ),
    ];
    for (name, config, script, expected) in rows {
        for bytewise in [false, true] {
            let mut client = start(config.clone());
            let pieces: Vec<&[u8]> = if bytewise {
                script.as_bytes().chunks(1).collect()
            } else {
                vec![script.as_bytes()]
            };
            for piece in pieces {
                client.handle_input(Instant::ZERO, Input::Data(piece));
            }
            let out = drain(&mut client);
            assert_eq!(out.closed(), Some(&expected), "{name}");
            assert_eq!(client.poll_timeout(), None, "{name}");
            client.handle_input(Instant::ZERO, Input::Data(b"more"));
            client.handle_input(Instant::ZERO, Input::Eof);
            assert!(drain(&mut client).events.is_empty(), "{name}: something follows the end");
        }
    }
}

#[test]
fn what_the_stream_does_not_allow_is_told_to_the_server() {
    for (text, condition) in [
        ("<!-- -->", "restricted-xml"),
        ("<?pi?>", "restricted-xml"),
        ("<a>&nbsp;</a>", "restricted-xml"),
        ("<a></b>", "not-well-formed"),
        ("<p:a/>", "not-well-formed"),
        ("text", "bad-format"),
    ] {
        let mut client = start(config());
        let out = hear(&mut client, &format!("{HEADER}{text}"));
        assert!(out.sent.contains(&format!("<stream:error><{condition} ")), "{text}: {}", out.sent);
        assert!(out.sent.ends_with("</stream:error></stream:stream>"), "{}", out.sent);
        assert!(matches!(out.closed(), Some(CloseReason::Protocol(ProtocolError::Xml(_)))));
    }
    let mut client = start(config());
    client.handle_input(Instant::ZERO, Input::Data(HEADER.as_bytes()));
    client.handle_input(Instant::ZERO, Input::Data(b"<a>\xff"));
    assert!(drain(&mut client).sent.contains("<unsupported-encoding "));
}

#[test]
fn the_header_tells_the_account_only_under_tls() {
    let mut client = start(config().with_tls(TlsPolicy::Required));
    let out = drain(&mut client);
    assert!(out.sent.contains(" to='h'") && !out.sent.contains("from="), "{}", out.sent);
    let out = hear(&mut client, &format!("{HEADER}{STARTTLS}{PROCEED}"));
    assert!(matches!(out.events[..], [Event::StartTls]));
    client.handle_input(Instant::ZERO, Input::TlsEstablished);
    let out = drain(&mut client);
    assert!(out.sent.contains("from='me@h'"), "{}", out.sent);
}

#[test]
fn the_language_of_the_stream_is_known() {
    let mut client = start(config());
    assert_eq!(client.stream_lang(), None);
    hear(&mut client, &HEADER.replace(" id=", " xml:lang='de' id="));
    assert_eq!(client.stream_lang(), Some("de"));
}

#[test]
fn passwords_and_keys_can_come_from_the_host() {
    let mut config = config().with_mechanisms(&[Mechanism::ScramSha1]);
    config.password = None;
    config.iterations_inline_max = 1;
    let mut client = start(config);
    let out = hear(&mut client, &format!("{HEADER}{}", offer("SCRAM-SHA-1")));
    assert!(matches!(out.events[..], [Event::PasswordNeeded]));
    let wrong = client.derived(Instant::ZERO, &crate::sasl::SaltedPassword::new(&[0; 20]));
    assert_eq!(wrong, Err(CommandError::NotAsked));
    client.password(Instant::ZERO, &Secret::new("pencil")).unwrap();
    assert_eq!(client.password(Instant::ZERO, &Secret::new("x")), Err(CommandError::NotAsked));
    let sent = drain(&mut client).sent;
    let (_, first) = sent.split_once("'SCRAM-SHA-1'>").unwrap();
    let first = crate::sasl::decode(first.split('<').next().unwrap()).unwrap();
    let first = String::from_utf8(first).unwrap();
    let nonce = first.split("r=").nth(1).unwrap();
    let challenge = crate::sasl::encode(format!("r={nonce}x,s=QQ==,i=5000").as_bytes());
    let text =
        format!("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{challenge}</challenge>");
    let out = hear(&mut client, &text);
    let [Event::DerivationNeeded { hash, salt, iterations: 5000 }] = &out.events[..] else {
        panic!("{out:?}")
    };
    let salted = crate::sasl::derive(*hash, "pencil", salt, 5000).unwrap();
    client.derived(Instant::ZERO, &salted).unwrap();
    assert!(drain(&mut client).sent.starts_with("<response "));
}

#[test]
fn iterations_max_bounds_the_work_that_a_server_may_ask_for() {
    let asked = |iterations: u32| {
        let mut config = config().with_mechanisms(&[Mechanism::ScramSha1]);
        config.iterations_max = 5_000;
        let mut client = start(config);
        let sent = hear(&mut client, &format!("{HEADER}{}", offer("SCRAM-SHA-1"))).sent;
        let (_, first) = sent.split_once("'SCRAM-SHA-1'>").unwrap();
        let first = crate::sasl::decode(first.split('<').next().unwrap()).unwrap();
        let first = String::from_utf8(first).unwrap();
        let nonce = first.split("r=").nth(1).unwrap();
        let challenge = crate::sasl::encode(format!("r={nonce}x,s=QQ==,i={iterations}").as_bytes());
        hear(
            &mut client,
            &format!("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{challenge}</challenge>"),
        )
    };
    assert!(asked(5_000).sent.starts_with("<response "));
    let out = asked(5_001);
    assert!(!out.sent.contains("<response ") && out.closed().is_some(), "{out:?}");
}

#[test]
fn a_resource_that_is_refused_ends_the_client() {
    let mut client = start(config());
    hear(&mut client, &format!("{HEADER}{}", offer("PLAIN")));
    let id = id_in(&hear(&mut client, &format!("{SUCCESS}{HEADER}{BIND}")).sent);
    let text = format!("<iq type='error' id='{id}'><error type='cancel'/></iq>");
    assert_eq!(hear(&mut client, &text).closed(), Some(&CloseReason::NotBound));
}

#[test]
fn a_session_is_asked_for_only_where_it_is_required() {
    for (session, asks) in [
        ("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", true),
        ("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>", false),
    ] {
        let mut client = start(config());
        hear(&mut client, &format!("{HEADER}{}", offer("PLAIN")));
        let features = BIND.replace("</stream", &format!("{session}</stream"));
        let id = id_in(&hear(&mut client, &format!("{SUCCESS}{HEADER}{features}")).sent);
        let out = hear(
            &mut client,
            &format!(
                "<iq type='result' id='{id}'>\
            <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>me@h/r</jid></bind></iq>"
            ),
        );
        assert_eq!(out.sent.contains("xmpp-session"), asks);
        assert_eq!(client.is_ready(), !asks);
        if asks {
            let id = id_in(&out.sent);
            hear(&mut client, &format!("<iq type='result' id='{id}'/>"));
            assert!(client.is_ready());
        }
    }
}

#[test]
fn requests_are_answered_exactly_once() {
    // What nobody handles, the machine refuses.
    let mut client = ready();
    let out = hear(&mut client, "<iq type='get' id='1' from='a@b/c'><q xmlns='urn:x'/></iq>");
    assert_eq!(out.sent.matches("service-unavailable").count(), 1);
    assert!(out.sent.starts_with("<iq type='error' to='a@b/c' id='1'>"), "{}", out.sent);
    assert!(out.events.is_empty());
    // A ping it answers.
    let out =
        hear(&mut client, "<iq type='get' id='2' from='h'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(out.sent, "<iq type='result' to='h' id='2'/>");
    // What the host handles, the host answers: the request is used up by that.
    let question = "<iq type='get' id='3' from='a@b/c'><q xmlns='urn:handled'/></iq>";
    let out = hear(&mut client, question);
    let [Event::Request(request)] = <[Event; 1]>::try_from(out.events).unwrap() else { panic!() };
    assert!(out.sent.is_empty());
    client
        .answer(Instant::ZERO, request, |w| {
            w.leaf(Ns::PING, "ok", "");
        })
        .unwrap();
    let sent = drain(&mut client).sent;
    assert_eq!(sent, "<iq type='result' to='a@b/c' id='3'><ok xmlns='urn:xmpp:ping'/></iq>");
    // One that the host forgets is refused in its stead, and then it is too late.
    let out = hear(&mut client, question);
    let [Event::Request(request)] = <[Event; 1]>::try_from(out.events).unwrap() else { panic!() };
    let late = Instant::from_secs(61);
    client.handle_timeout(late);
    assert_eq!(drain(&mut client).sent.matches("service-unavailable").count(), 1);
    assert_eq!(client.refuse(late, request, Condition::Forbidden), Err(CommandError::Answered));
    assert!(drain(&mut client).sent.is_empty());
    // Answers and errors are never answered.
    for kind in ["result", "error"] {
        let out = hear(&mut client, &format!("<iq type='{kind}' id='9' from='a@b'/>"));
        assert!(out.sent.is_empty() && out.events.is_empty());
    }
}

#[test]
fn answers_count_only_from_whom_was_asked() {
    let mut client = ready();
    let to = "you@there/x".parse().unwrap();
    let token = client
        .request(Instant::ZERO, RequestKind::Get, Some(&to), |w| {
            w.leaf(Ns::PING, "ping", "");
        })
        .unwrap();
    let id = id_in(&drain(&mut client).sent);
    for from in ["", " from='eve@evil/x'", " from='you@there'", " from='h'"] {
        let out = hear(&mut client, &format!("<iq type='result' id='{id}'{from}/>"));
        assert!(out.events.is_empty(), "{from}");
    }
    let out = hear(&mut client, &format!("<iq type='error' id='{id}' from='you@there/x'/>"));
    let [Event::Answer { token: answered, answer: Ok(stanza) }] = &out.events[..] else { panic!() };
    assert_eq!(*answered, token);
    let condition = stanza.as_iq().unwrap().error().unwrap().condition;
    assert_eq!(condition, Condition::UndefinedCondition);
    // A second answer is nobody's.
    let out = hear(&mut client, &format!("<iq type='result' id='{id}' from='you@there/x'/>"));
    assert!(out.events.is_empty());
}

#[test]
fn requests_time_out_once_and_end_with_the_stream() {
    let mut client = ready();
    let ask = |client: &mut Client, at| {
        client.request(at, RequestKind::Get, None, |w| {
            w.leaf(Ns::PING, "ping", "");
        })
    };
    let first = ask(&mut client, Instant::ZERO).unwrap();
    assert_eq!(client.next_timer(), Some((Instant::from_secs(30), Timer::Request)));
    client.handle_timeout(Instant::from_secs(30));
    let out = drain(&mut client);
    assert!(
        matches!(out.events[..], [Event::Answer { token, answer: Err(NoAnswer::TimedOut) }] if token == first)
    );
    assert_eq!(client.poll_timeout(), None);
    let second = ask(&mut client, Instant::from_secs(31)).unwrap();
    client.handle_input(Instant::from_secs(31), Input::Eof);
    let out = drain(&mut client);
    assert!(matches!(out.events[..], [
        Event::Answer { token, answer: Err(NoAnswer::Closed) },
        Event::Closed(CloseReason::Eof),
    ] if token == second));
}

/// A stranger must not write the roster (CVE-2015-8688 and its kin).
#[test]
fn roster_pushes_count_only_from_the_own_account() {
    let push = |from: &str| {
        format!(
            "<iq type='set' id='1'{from}><query xmlns='jabber:iq:roster' ver='v'>\
        <item jid='friend@h' subscription='to'/></query></iq>"
        )
    };
    for (from, trusted) in [
        ("", true),
        (" from='me@h'", true),
        (" from='ME@H'", true),
        (" from='me@h/bound'", false),
        (" from='me@h/other'", false),
        (" from='h'", false),
        (" from='eve@evil'", false),
    ] {
        let mut client = ready();
        let out = hear(&mut client, &push(from));
        assert_eq!(matches!(out.events[..], [Event::RosterPush { .. }]), trusted, "{from}");
        assert_eq!(out.sent.contains("type='result'"), trusted, "{from}: {}", out.sent);
        assert_eq!(out.sent.contains("service-unavailable"), !trusted);
    }
    let mut client = ready();
    let two = push("").replace("</query>", "<item jid='b@h'/></query>");
    assert!(hear(&mut client, &two).sent.contains("bad-request"));
}

#[test]
fn rosters_are_read() {
    let mut client = ready();
    client.request_roster(Instant::ZERO, Some("ignored without the feature")).unwrap();
    let sent = drain(&mut client).sent;
    assert!(!sent.contains("ver="), "{sent}");
    let id = id_in(&sent);
    let out = hear(
        &mut client,
        &format!(
            "<iq type='result' id='{id}'><query xmlns='jabber:iq:roster' ver='7'>\
        <item jid='a@b' name='A' subscription='both'><group>x</group></item>\
        <item jid='@' subscription='both'/><item jid='c@d' ask='subscribe'/></query></iq>"
        ),
    );
    let [Event::Roster { items, version, unchanged: false }] = &out.events[..] else { panic!() };
    assert_eq!(items.len(), 2);
    assert_eq!((items[0].name.as_deref(), items[1].ask), (Some("A"), true));
    assert_eq!(version.as_deref(), Some("7"));
    let item = RosterItem::new(&"x@y/z".parse().unwrap()).with_name("<X>");
    client.set_roster_item(Instant::ZERO, &item).unwrap();
    let sent = drain(&mut client).sent;
    assert!(sent.contains("<item jid='x@y' name='&lt;X&gt;'/>"), "{sent}");
}

#[test]
fn bad_stanzas_do_not_end_the_stream() {
    let mut client = ready();
    for (text, replies) in [
        ("<iq type='get' from='a@b'/>", 1),
        ("<iq type='what' id='1' from='a@b'/>", 1),
        ("<message from='/'/>", 0),
        ("<presence type='dancing'/>", 0),
        ("<unknown xmlns='urn:x'/>", 0),
        ("<iq type='error'/>", 0),
    ] {
        let out = hear(&mut client, text);
        assert!(matches!(out.events[..], [Event::Invalid { .. }]), "{text}: {out:?}");
        assert_eq!(out.sent.matches("<iq type='error'").count(), replies, "{text}");
    }
    let out = hear(&mut client, "<message from='room@muc/\u{1f64c}'><body>hi</body></message>");
    assert!(matches!(out.events[..], [Event::Message(_)]));
    assert!(client.is_ready());
}

#[test]
fn closing_waits_for_the_peer_but_not_for_ever() {
    let mut client = ready();
    client.close(Instant::ZERO).unwrap();
    assert_eq!(client.close(Instant::ZERO), Err(CommandError::Closed));
    assert_eq!(drain(&mut client).sent, "</stream:stream>");
    // What is still on its way arrives; nothing follows the end of our stream.
    let out = hear(&mut client, "<message/><iq type='get' id='1'><q xmlns='urn:x'/></iq>");
    assert!(matches!(out.events[..], [Event::Message(_)]));
    assert_eq!(out.sent, "");
    let out = hear(&mut client, "</stream:stream>");
    assert_eq!(out.closed(), Some(&CloseReason::Local));
    assert_eq!(out.sent, "");

    let mut client = ready();
    client.close(Instant::ZERO).unwrap();
    let at = client.poll_timeout().unwrap();
    client.handle_timeout(at);
    assert_eq!(drain(&mut client).closed(), Some(&CloseReason::TimedOut(Timer::Close)));

    let mut client = ready();
    let out = hear(&mut client, "</stream:stream>");
    assert_eq!((out.sent.as_str(), out.closed()), ("</stream:stream>", Some(&CloseReason::Peer)));
}

#[test]
fn silence_is_broken_by_spaces() {
    let mut client = ready_with(config().with_keep_alive(Some(Duration::from_secs(60))));
    assert_eq!(client.next_timer(), Some((Instant::from_secs(60), Timer::KeepAlive)));
    client.send(Instant::from_secs(10), PresenceBuilder::new().build().unwrap()).unwrap();
    assert_eq!(client.poll_timeout(), Some(Instant::from_secs(70)));
    drain(&mut client);
    client.handle_timeout(Instant::from_secs(70));
    assert_eq!(drain(&mut client).sent, " ");
    assert_eq!(client.poll_timeout(), Some(Instant::from_secs(130)));
}

/// XEP-0478: half of the silence that the server takes, when that is less than one's own.
#[test]
fn a_server_that_takes_little_silence_hears_of_the_client_in_time() {
    let features = BIND.replace(
        "</stream:features>",
        "<limits xmlns='urn:xmpp:stream-limits:0'><idle-seconds>30</idle-seconds></limits>\
         </stream:features>",
    );
    for (own, expected) in [(Some(60), Some(15)), (Some(10), Some(10)), (None, None)] {
        let config = config().with_keep_alive(own.map(Duration::from_secs));
        let client = ready_by(config, &features);
        assert_eq!(client.poll_timeout(), expected.map(Instant::from_secs), "{own:?}");
    }
}

/// XEP-0352
#[test]
fn a_server_hears_whether_somebody_looks_if_it_wants_to() {
    let mut client = start(config());
    assert_eq!(client.set_active(Instant::ZERO, false), Err(CommandError::NotReady));
    let mut client = ready();
    assert_eq!(client.set_active(Instant::ZERO, false), Ok(false));
    assert_eq!(drain(&mut client).sent, "");
    let features = BIND.replace("</str", "<csi xmlns='urn:xmpp:csi:0'/></str");
    let mut client = ready_by(config(), &features);
    assert_eq!(client.set_active(Instant::ZERO, false), Ok(true));
    assert_eq!(client.set_active(Instant::ZERO, true), Ok(true));
    let sent = drain(&mut client).sent;
    assert_eq!(sent, "<inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>");
}

#[test]
fn a_negotiation_that_stands_still_ends() {
    let mut client = start(config());
    assert_eq!(client.next_timer(), Some((Instant::from_secs(30), Timer::Negotiation)));
    client.handle_timeout(Instant::from_secs(29));
    assert!(!client.is_closed());
    client.handle_timeout(Instant::from_secs(30));
    let out = drain(&mut client);
    assert!(out.sent.contains("connection-timeout"));
    assert_eq!(out.closed(), Some(&CloseReason::TimedOut(Timer::Negotiation)));
}

#[test]
fn requests_in_flight_are_bounded() {
    let mut config = config();
    config.requests_max = 2;
    let mut client = ready_with(config);
    let mut ask = || {
        client.request(Instant::ZERO, RequestKind::Get, None, |w| {
            w.leaf(Ns::PING, "ping", "");
        })
    };
    assert!(ask().is_ok() && ask().is_ok());
    assert_eq!(ask(), Err(CommandError::TooMany));
    drain(&mut client);
    let question = "<iq type='get' id='1' from='a@b'><q xmlns='urn:handled'/></iq>";
    let out = hear(&mut client, &question.repeat(3));
    assert_eq!(out.events.len(), 2);
    assert!(out.sent.contains("resource-constraint"));
}

#[derive(Clone, Debug)]
enum Step {
    Hear(usize),
    Send,
    Ask,
    Roster,
    Password,
    Task(bool),
    Tls,
    Close,
    Eof,
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..18_usize).prop_map(Step::Hear),
        1 => Just(Step::Send), 1 => Just(Step::Ask), 1 => Just(Step::Roster), 1 => Just(Step::Password),
        2 => any::<bool>().prop_map(Step::Task),
        1 => Just(Step::Tls), 1 => Just(Step::Close), 1 => Just(Step::Eof), 1 => (0..70_u16).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any commands at any time: no panic, an error changes nothing, one end, no busy loop.
    #[test]
    fn a_storm_of_commands(steps in steps(), logged_in in any::<bool>(), tls in any::<bool>()) {
        let mut config = config();
        if tls { config.tls = TlsPolicy::Opportunistic; }
        config.sasl2 = Some(Sasl2Config::new().with_tasks(true));
        let mut client = if logged_in { ready() } else { start(config) };
        drain(&mut client);
        let texts = [
            HEADER.to_string(), offer("PLAIN"), STARTTLS.into(), PROCEED.into(), SUCCESS.into(), BIND.into(),
            "<message from='a@b'/>".into(), "<iq type='get' id='1'><q xmlns='urn:handled'/></iq>".into(),
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>".into(),
            " ".into(), "</stream:stream>".into(), "<!--".into(), "<message>".into(), "</message>".into(),
            "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism></authentication></stream:features>".into(),
            "<continue xmlns='urn:xmpp:sasl:2'><tasks><task>T</task></tasks></continue>".into(),
            "<task-data xmlns='urn:xmpp:sasl:2'/>".into(),
            "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>me@h</authorization-identifier></success>".into(),
        ];
        let (mut now, mut ended) = (Instant::ZERO, 0);
        for step in steps {
            let closed = client.is_closed();
            let result = match step {
                Step::Hear(n) => { client.handle_input(now, Input::Data(texts[n].as_bytes())); Ok(()) }
                Step::Send => client.send(now, MessageBuilder::new().build().unwrap()).map(|_| ()),
                Step::Ask => client.request(now, RequestKind::Get, None, |w| { w.leaf(Ns::PING, "ping", ""); }).map(|_| ()),
                Step::Roster => client.request_roster(now, None).map(|_| ()),
                Step::Password => client.password(now, &Secret::new("p")),
                Step::Task(true) => client.choose_task(now, "T", |_| {}),
                Step::Task(false) => client.answer_task(now, |_| {}),
                Step::Tls => { client.handle_input(now, Input::TlsEstablished); Ok(()) }
                Step::Close => client.close(now),
                Step::Eof => { client.handle_input(now, Input::Eof); Ok(()) }
                Step::Wait(s) => { now = now.saturating_add(Duration::from_secs(s.into())); client.handle_timeout(now); Ok(()) }
            };
            prop_assert!(client.poll_timeout().is_none_or(|at| !client.is_closed() && at >= Instant::ZERO));
            let out = drain(&mut client);
            if result.is_err() || closed {
                prop_assert!(out.sent.is_empty() && out.events.is_empty());
            }
            ended += usize::from(out.closed().is_some());
            client.handle_timeout(now);
            prop_assert!(client.poll_timeout().is_none_or(|at| at > now));
            ended += usize::from(drain(&mut client).closed().is_some());
            prop_assert_eq!(ended, usize::from(client.is_closed()));
        }
    }
}
