//! How a login goes, and how it does not.

use super::tests::{
    BIND, HEADER, PROCEED, STARTTLS, SUCCESS, config, drain, hear, id_in, offer, start,
};
use super::*;
use crate::sasl::{Mechanism, SaslError, SaslFailure, Secret};
use alloc::{format, vec};

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
