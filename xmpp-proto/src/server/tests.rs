#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use crate::sasl::{Credentials, Mechanism, Secret};
use crate::stanza::{Condition, MessageBuilder};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

pub(super) const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='h' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
pub(super) const PLAIN: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHUAcA==</auth>";
pub(super) const BIND: &str = "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
    <resource>r</resource></bind></iq>";
pub(super) const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

pub(super) fn config() -> ServerConfig {
    let mut config = ServerConfig::new("h").with_tls(ServerTls::None).with_plain_without_tls(true);
    config.keep_alive = None;
    config
}

pub(super) fn start(config: ServerConfig) -> ServerConnection {
    ServerConnection::new(Instant::ZERO, Arc::new(config), Seed::from_u64(5))
}

#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) sent: String,
    pub(super) events: Vec<Event>,
}

impl Out {
    pub(super) fn closed(&self) -> Option<&CloseReason> {
        self.events.iter().find_map(|e| if let Event::Closed(why) = e { Some(why) } else { None })
    }
}

/// Drains, and answers what the host is asked: the password is `p`.
pub(super) fn drain(server: &mut ServerConnection) -> Out {
    let mut out = Out::default();
    while let Some(output) = server.poll_output() {
        match output {
            Output::Transmit(bytes) => out.sent.push_str(core::str::from_utf8(&bytes).unwrap()),
            Output::Event(Event::CredentialsNeeded { .. }) => {
                let known = Credentials::Password(Secret::new("p"));
                server.credentials(Instant::ZERO, &known).unwrap();
            }
            Output::Event(Event::BindRequested { resource, .. }) => {
                server.bind(Instant::ZERO, &resource.unwrap()).unwrap();
            }
            Output::Event(event) => out.events.push(event),
        }
    }
    out
}

pub(super) fn hear(server: &mut ServerConnection, text: &str) -> Out {
    server.handle_input(Instant::ZERO, Input::Data(text.as_bytes()));
    drain(server)
}

fn ready() -> ServerConnection {
    let mut server = start(config());
    let out = hear(&mut server, &format!("{HEADER}{PLAIN}{HEADER}{BIND}"));
    assert!(out.sent.ends_with("<jid>u@h/r</jid></bind></iq>"), "{}", out.sent);
    assert!(server.is_ready());
    server
}

#[test]
fn everything_may_come_in_one_segment_or_byte_by_byte() {
    let script = format!("{HEADER}{PLAIN}{HEADER}{BIND}<message to='x@h'/></stream:stream>");
    let mut whole = start(config());
    let expected = hear(&mut whole, &script);
    assert!(matches!(
        expected.events[..],
        [Event::Authenticated { .. }, Event::Stanza(_), Event::Closed(CloseReason::Peer)]
    ));
    let mut bytewise = start(config());
    let mut got = Out::default();
    for byte in script.as_bytes().chunks(1) {
        bytewise.handle_input(Instant::ZERO, Input::Data(byte));
        let out = drain(&mut bytewise);
        got.sent.push_str(&out.sent);
        got.events.extend(out.events);
    }
    assert_eq!(got.sent, expected.sent);
    assert_eq!(format!("{:?}", got.events), format!("{:?}", expected.events));
}

#[test]
fn what_ends_a_stream_and_how_the_client_is_told() {
    let h = |rest: &str| format!("{HEADER}{rest}");
    let full = |rest: &str| format!("{HEADER}{PLAIN}{HEADER}{BIND}{rest}");
    let rows: Vec<(String, &str)> = alloc::vec![
        (HEADER.replace("to='h'", "to='other'"), "host-unknown"),
        (HEADER.replace(" version='1.0'>", ">"), "unsupported-version"),
        (HEADER.replace("jabber:client", "jabber:server"), "invalid-namespace"),
        (HEADER.replace("etherx", "other"), "invalid-namespace"),
        ("<?xml version='1.0'?><html>".into(), "bad-format"),
        ("GET / HTTP/1.1\r\n\r\n".into(), "bad-format"),
        ("<!DOCTYPE x>".into(), "restricted-xml"),
        ("<?xml version='1.0' encoding='latin1'?>".into(), "unsupported-encoding"),
        (h("<message/>"), "not-authorized"),
        (h(BIND), "not-authorized"),
        (h("<!-- -->"), "restricted-xml"),
        (h("text"), "bad-format"),
        (h("<a></b>"), "not-well-formed"),
        (h(STARTTLS), "unsupported-stanza-type"),
        (h("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), "unsupported-stanza-type"),
        (h(&format!("<a>{}", "x".repeat(17_000))), "policy-violation"),
        (h(&"<a>".repeat(17)), "policy-violation"),
        (h(&format!("{PLAIN}{HEADER}<message/>")), "not-authorized"),
        (h(&format!("{PLAIN}{HEADER}{PLAIN}")), "unsupported-stanza-type"),
        (full("<message from='other@h'/>"), "invalid-from"),
        (full("<message from='u@h/other'/>"), "invalid-from"),
        (full("<nonsense/>"), "unsupported-stanza-type"),
        (full("<message xmlns='jabber:server'/>"), "invalid-namespace"),
    ];
    for (script, condition) in rows {
        let mut server = start(config());
        let out = hear(&mut server, &script);
        let error = format!("<stream:error><{condition} ");
        assert!(out.sent.contains(&error), "{script}: {}", out.sent);
        assert!(out.sent.starts_with("<?xml version='1.0'?><stream:stream "), "{}", out.sent);
        assert!(out.sent.ends_with("</stream:error></stream:stream>"), "{}", out.sent);
        assert!(matches!(out.closed(), Some(CloseReason::Protocol(_))), "{script}");
        assert_eq!(server.poll_timeout(), None);
        assert!(hear(&mut server, "more").events.is_empty());
    }
}

#[test]
fn the_language_of_the_stream_is_known() {
    for (lang, kept) in
        [("de-CH".to_string(), true), ("x".repeat(36), false), (String::new(), false)]
    {
        let mut server = start(config());
        hear(&mut server, &HEADER.replace(" to=", &format!(" xml:lang='{lang}' to=")));
        assert_eq!(server.stream_lang(), kept.then_some(lang.as_str()));
    }
}

#[test]
fn own_addresses_in_from_are_accepted() {
    for from in ["", " from='u@h'", " from='u@h/r'", " from='U@H'"] {
        let mut server = ready();
        let out = hear(&mut server, &format!("<message{from}/>"));
        assert!(matches!(out.events[..], [Event::Stanza(_)]), "{from}");
    }
}

#[test]
fn tls_first_and_nothing_smuggled_past_it() {
    let tls = || start(config().with_tls(ServerTls::Required));
    let mut server = tls();
    let out = hear(&mut server, HEADER);
    assert!(out.sent.contains("<starttls") && !out.sent.contains("<mechanism>"), "{}", out.sent);
    let out = hear(&mut server, STARTTLS);
    assert!(matches!(out.events[..], [Event::StartTls]));
    server.handle_input(Instant::ZERO, Input::TlsEstablished);
    let out = hear(&mut server, HEADER);
    assert!(out.sent.contains("<mechanism>PLAIN</mechanism>") && !out.sent.contains("<starttls"));

    let mut server = tls();
    let out = hear(&mut server, &format!("{HEADER}{STARTTLS}{HEADER}"));
    assert_eq!(out.closed(), Some(&CloseReason::Protocol(ProtocolError::Injection)));

    // What go-xmpp sends: a line end is nothing to smuggle.
    let mut server = tls();
    let out = hear(&mut server, &format!("{HEADER}{STARTTLS}\n"));
    assert!(matches!(out.events[..], [Event::StartTls]), "{:?}", out.events);
    let out = hear(&mut server, "\n ");
    assert!(out.closed().is_none());
    let out = hear(&mut server, "\nx");
    assert_eq!(out.closed(), Some(&CloseReason::Protocol(ProtocolError::Injection)));

    let mut server = tls();
    let out = hear(&mut server, &format!("{HEADER}{PLAIN}"));
    assert!(out.sent.contains("<invalid-mechanism/>"), "{}", out.sent);

    // PLAIN is not offered in clear unless the configuration says so.
    let mut server = start(config().with_tls(ServerTls::Offered).with_plain_without_tls(false));
    let out = hear(&mut server, &format!("{HEADER}{PLAIN}"));
    assert!(!out.sent.contains("PLAIN"), "{}", out.sent);
    assert!(out.sent.contains("<invalid-mechanism/>"));
}

/// go-sendxmpp ends its lines: behind `</auth>`, too, and then comes an XML declaration.
#[test]
fn a_line_end_before_the_new_stream_belongs_to_the_old_one() {
    let script = format!("{HEADER}{PLAIN}\n \r\n{HEADER}{BIND}\n<message to='x@h'/>");
    for size in [script.len(), 1, 7] {
        let mut server = start(config());
        let mut out = Out::default();
        for chunk in script.as_bytes().chunks(size) {
            server.handle_input(Instant::ZERO, Input::Data(chunk));
            let more = drain(&mut server);
            out.sent += &more.sent;
            out.events.extend(more.events);
        }
        assert!(server.is_ready(), "in pieces of {size}: {}", out.sent);
        assert!(matches!(out.events[..], [Event::Authenticated { .. }, Event::Stanza(_)]));
    }
    // Before the first stream nothing may stand.
    let out = hear(&mut start(config()), &format!("\n{HEADER}"));
    assert!(out.sent.contains("<restricted-xml"), "{}", out.sent);
}

#[test]
fn failures_can_be_tried_again_a_few_times() {
    let wrong = PLAIN.replace("AHUAcA==", "AHUAcQ==");
    let mut server = start(config());
    let out = hear(&mut server, &format!("{HEADER}{wrong}{PLAIN}"));
    assert!(
        out.sent.contains("<not-authorized/>") && out.sent.contains("<success"),
        "{}",
        out.sent
    );

    let mut server = start(config());
    let out = hear(&mut server, &format!("{HEADER}{wrong}{wrong}"));
    assert_eq!(out.closed(), None);
    let out = hear(&mut server, &wrong);
    assert_eq!(out.closed(), Some(&CloseReason::TooManyAttempts));

    for (auth, failure) in [
        (PLAIN.replace("AHUAcA==", "*"), "incorrect-encoding"),
        (PLAIN.replace("AHUAcA==", "QQ=="), "malformed-request"),
        (PLAIN.replace("AHUAcA==", "eAB1AHA="), "invalid-authzid"),
        (PLAIN.replace("PLAIN", "GSSAPI"), "invalid-mechanism"),
        (PLAIN.replace(" mechanism='PLAIN'", ""), "invalid-mechanism"),
        ("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".into(), "aborted"),
    ] {
        let mut server = start(config());
        let out = hear(&mut server, &format!("{HEADER}{auth}"));
        assert!(out.sent.ends_with(&format!("<{failure}/></failure>")), "{auth}: {}", out.sent);
    }
}

#[test]
fn strangers_do_not_learn_which_accounts_exist() {
    let mut server = start(config().with_mechanisms(&[Mechanism::ScramSha256]));
    let first = crate::sasl::encode(b"n,,n=nobody,r=abc");
    let auth = format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{first}</auth>"
    );
    server.handle_input(Instant::ZERO, Input::Data(format!("{HEADER}{auth}").as_bytes()));
    while let Some(output) = server.poll_output() {
        if let Output::Event(Event::CredentialsNeeded { user, .. }) = output {
            assert_eq!(user, "nobody");
            server.credentials(Instant::ZERO, &Credentials::Refused).unwrap();
            break;
        }
    }
    assert!(drain(&mut server).sent.starts_with("<challenge "));
}

#[test]
fn commands_at_the_wrong_time_change_nothing() {
    let mut server = start(config());
    let stanza = || MessageBuilder::new().build().unwrap();
    assert_eq!(server.bind(Instant::ZERO, "r"), Err(CommandError::NotAsked));
    assert_eq!(
        server.credentials(Instant::ZERO, &Credentials::Accepted),
        Err(CommandError::NotAsked)
    );
    assert_eq!(server.refuse_bind(Instant::ZERO, Condition::Conflict), Err(CommandError::NotAsked));
    assert_eq!(server.send(Instant::ZERO, stanza()), Err(CommandError::NotReady));
    assert!(drain(&mut server).sent.is_empty());
    let mut server = ready();
    assert!(server.send(Instant::ZERO, stanza()).is_ok());
    server.expel(Instant::ZERO, StreamCondition::Conflict).unwrap();
    assert_eq!(server.send(Instant::ZERO, stanza()), Err(CommandError::Closed));
    assert_eq!(server.bind(Instant::ZERO, "r"), Err(CommandError::Closed));
    let out = hear(&mut server, "</stream:stream>");
    assert_eq!(out.closed(), Some(&CloseReason::Expelled(StreamCondition::Conflict)));
}

#[test]
fn a_resource_can_be_refused_and_asked_for_again() {
    let mut server = start(config());
    hear(&mut server, &format!("{HEADER}{PLAIN}"));
    server.handle_input(Instant::ZERO, Input::Data(format!("{HEADER}{BIND}").as_bytes()));
    assert!(!server.wants_input());
    assert!(matches!(server.bind(Instant::ZERO, "\u{0}"), Err(CommandError::Resource(_))));
    server.refuse_bind(Instant::ZERO, Condition::Conflict).unwrap();
    let mut sent = String::new();
    while let Some(output) = server.poll_output() {
        if let Output::Transmit(bytes) = output {
            sent.push_str(core::str::from_utf8(&bytes).unwrap());
        }
    }
    assert!(sent.contains("<conflict "), "{sent}");
    assert!(hear(&mut server, BIND).sent.contains("u@h/r"));
}

/// XEP-0478: strangers are told their limit, users theirs.
#[test]
fn the_limits_of_strangers_and_of_users_are_told() {
    let mut server = start(config());
    let told = |max: usize| {
        format!("<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>{max}</max-bytes></limits>")
    };
    let (before, after) = (config().limits_before.stanza_max, config().limits_after.stanza_max);
    assert!(before < after);
    let out = hear(&mut server, HEADER);
    assert!(out.sent.contains(&told(before)), "{}", out.sent);
    hear(&mut server, PLAIN);
    let out = hear(&mut server, HEADER);
    assert!(out.sent.contains(&told(after)), "{}", out.sent);
}

/// XEP-0478: and how much silence is taken from users.
#[test]
fn the_silence_that_is_taken_is_told() {
    let mut config = config();
    config.idle_timeout = Some(core::time::Duration::from_secs(300));
    let mut server = start(config);
    assert!(!hear(&mut server, HEADER).sent.contains("idle-seconds"));
    hear(&mut server, PLAIN);
    let out = hear(&mut server, HEADER);
    assert!(out.sent.contains("<idle-seconds>300</idle-seconds></limits>"), "{}", out.sent);
}

/// XEP-0352: it is offered to users, and told to the host; anything else of that kind ends the
/// stream as ever.
#[test]
fn clients_say_whether_somebody_looks_at_them() {
    let mut server = start(config());
    assert!(!hear(&mut server, HEADER).sent.contains("urn:xmpp:csi:0"));
    hear(&mut server, PLAIN);
    assert!(hear(&mut server, HEADER).sent.contains("<csi xmlns='urn:xmpp:csi:0'/>"));
    hear(&mut server, BIND);
    for active in [false, true] {
        let out = hear(&mut server, crate::ext::chat::client_state(active));
        assert!(
            matches!(out.events[..], [Event::ClientState { active: told }] if told == active),
            "{out:?}"
        );
        assert_eq!(out.sent, "");
    }
    let out = hear(&mut server, "<sleeping xmlns='urn:xmpp:csi:0'/>");
    assert!(out.closed().is_some(), "{out:?}");
}

/// RFC 6120 §4.9.3.19
#[test]
fn a_client_can_be_sent_to_another_host() {
    let mut server = start(config());
    hear(&mut server, HEADER);
    server.redirect(Instant::ZERO, "other.example:5222").unwrap();
    let out = drain(&mut server);
    let expected = "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>\
        other.example:5222</see-other-host></stream:error></stream:stream>";
    assert!(out.sent.ends_with(expected), "{}", out.sent);
    assert_eq!(server.redirect(Instant::ZERO, "x"), Err(CommandError::Closed));
    let end = hear(&mut server, "</stream:stream>");
    let expelled = CloseReason::Expelled(StreamCondition::SeeOtherHost);
    assert_eq!(end.closed(), Some(&expelled));
}

#[test]
fn idle_and_slow_clients_are_let_go() {
    let mut server = start(config());
    server.handle_timeout(Instant::from_secs(30));
    let out = drain(&mut server);
    assert!(out.sent.contains("connection-timeout"));
    assert_eq!(out.closed(), Some(&CloseReason::TimedOut(Timer::Negotiation)));

    let mut with_idle = config();
    with_idle.idle_timeout = Some(core::time::Duration::from_secs(100));
    let mut server = start(with_idle);
    hear(&mut server, &format!("{HEADER}{PLAIN}{HEADER}{BIND}"));
    server.handle_input(Instant::from_secs(50), Input::Data(b" "));
    assert_eq!(server.next_timer(), Some((Instant::from_secs(150), Timer::Idle)));
    server.handle_timeout(Instant::from_secs(150));
    assert_eq!(drain(&mut server).closed(), Some(&CloseReason::TimedOut(Timer::Idle)));
}

#[test]
fn bad_stanzas_are_answered_and_the_stream_goes_on() {
    let mut server = ready();
    for (text, condition) in [
        ("<message to='@'/>", "jid-malformed"),
        ("<iq type='get' id='1'/>", "bad-request"),
        ("<presence type='dancing'/>", "bad-request"),
    ] {
        let out = hear(&mut server, text);
        assert!(matches!(out.events[..], [Event::Invalid { .. }]));
        assert!(out.sent.contains(condition), "{text}: {}", out.sent);
    }
    let out = hear(
        &mut server,
        "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>\
        <iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
    );
    assert_eq!(out.sent, "<iq type='result' id='p'/><iq type='result' id='s'/>");
    assert!(server.is_ready());
}

#[derive(Clone, Debug)]
enum Step {
    Hear(usize),
    Credentials(bool),
    Bind,
    RefuseBind,
    Send,
    Tls,
    Close,
    Expel,
    Eof,
    Wait(u16),
    Resume(bool),
    RefuseResume,
    Token(bool),
    Task(u8),
    Rotate,
    Displace,
}

const AUTHENTICATE: &str = "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>\
    <initial-response>AHUAcA==</initial-response><bind xmlns='urn:xmpp:bind:0'>\
    <enable xmlns='urn:xmpp:sm:3' resume='1'/></bind><resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>\
    <request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/></authenticate>";

/// The session that [`AUTHENTICATE`] wants to resume.
fn kept() -> SmSession {
    let mut managed = Managed::default();
    managed.begin();
    managed.enable("x".into(), true, core::time::Duration::from_secs(60), None);
    managed.track(&Bytes::from_static(b"<message/>"));
    managed.detach("u@h/r".parse().unwrap(), true)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..18_usize).prop_map(Step::Hear),
        2 => any::<bool>().prop_map(Step::Credentials), 2 => Just(Step::Bind), 1 => Just(Step::RefuseBind),
        1 => Just(Step::Send), 1 => Just(Step::Tls), 1 => Just(Step::Close), 1 => Just(Step::Expel),
        1 => Just(Step::Eof), 1 => (0..40_u16).prop_map(Step::Wait),
        2 => any::<bool>().prop_map(Step::Resume), 1 => Just(Step::RefuseResume),
        2 => any::<bool>().prop_map(Step::Token), 2 => (0..4_u8).prop_map(Step::Task), 1 => Just(Step::Rotate), 1 => Just(Step::Displace),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any commands at any time: no panic, an error changes nothing, one end, no busy loop.
    #[test]
    fn a_storm_of_commands(steps in steps(), tls in any::<bool>(), tasks in any::<bool>()) {
        let offered = if tls { ServerTls::Offered } else { ServerTls::None };
        let sm = crate::sm::SmConfig::new().with_request_every(2).with_unacked_max(3);
        let mut server = start(config().with_tls(offered).with_sasl2(true).with_tasks(tasks).with_stream_management(sm));
        let texts = [
            HEADER, PLAIN, BIND, STARTTLS, "<message to='a@h'/>", " ", "</stream:stream>", "<!--",
            "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "<message>",
            AUTHENTICATE, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>", "<r xmlns='urn:xmpp:sm:3'/>",
            "<a xmlns='urn:xmpp:sm:3' h='0'/>", "<a xmlns='urn:xmpp:sm:3' h='1'/>",
            "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
            "<next xmlns='urn:xmpp:sasl:2' task='T'/>", "<task-data xmlns='urn:xmpp:sasl:2'/>",
        ];
        let (mut now, mut ended) = (Instant::ZERO, 0);
        for step in steps {
            let closed = server.is_closed();
            let result = match step {
                Step::Hear(n) => { server.handle_input(now, Input::Data(texts[n].as_bytes())); Ok(()) }
                Step::Credentials(good) => {
                    let known = if good { Credentials::Accepted } else { Credentials::Refused };
                    server.credentials(now, &known)
                }
                Step::Bind => server.bind(now, "r").map(|_| ()),
                Step::Resume(right) => server.resume(now, &mut right.then(kept)).map(|_| ()),
                Step::RefuseResume => server.refuse_resume(now, None),
                Step::Token(true) => server.issue_token(now, "2030-01-01T00:00:00Z").map(|_| ()),
                Step::Token(false) => server.refuse_token(now),
                Step::Task(0) => server.require_tasks(now, &["T"], ""),
                Step::Task(1) => server.send_task_data(now, |_| {}),
                Step::Task(2) => server.accept_tasks(now),
                Step::Task(_) => server.refuse_tasks(now, crate::sasl::SaslFailure::NotAuthorized),
                Step::Rotate => server.rotate_token(now, "").map(|_| ()),
                Step::Displace => { let _session = server.displace(now); Ok(()) }
                Step::RefuseBind => server.refuse_bind(now, Condition::Conflict),
                Step::Send => server.send(now, MessageBuilder::new().build().unwrap()).map(|_| ()),
                Step::Tls => { server.handle_input(now, Input::TlsEstablished); Ok(()) }
                Step::Close => server.close(now),
                Step::Expel => server.expel(now, StreamCondition::Reset),
                Step::Eof => { server.handle_input(now, Input::Eof); Ok(()) }
                Step::Wait(s) => {
                    now = now.saturating_add(core::time::Duration::from_secs(s.into()));
                    server.handle_timeout(now);
                    Ok(())
                }
            };
            server.handle_timeout(now);
            prop_assert!(server.poll_timeout().is_none_or(|at| at > now));
            let mut outputs = 0;
            while let Some(output) = server.poll_output() {
                outputs += 1;
                ended += usize::from(matches!(output, Output::Event(Event::Closed(_))));
            }
            prop_assert!(outputs == 0 || !(result.is_err() || closed));
            prop_assert_eq!(ended, usize::from(server.is_closed()));
        }
    }
}

#[test]
fn mechanisms_are_offered_where_they_make_sense() {
    use crate::sasl::{BindingType, ChannelBinding};
    let offered = |tls: bool, bindings: &[BindingType]| {
        let mut config = config().with_mechanisms(Mechanism::ALL);
        config.direct_tls = tls;
        config.plain_without_tls = false;
        let mut server = start(config);
        let bindings = bindings.iter().map(|kind| ChannelBinding::new(*kind, b"x")).collect();
        server.set_channel_bindings(Instant::ZERO, bindings).unwrap();
        hear(&mut server, HEADER).sent
    };
    let clear = offered(false, &[BindingType::TlsExporter]);
    for (name, there) in
        [("PLAIN", false), ("EXTERNAL", false), ("SCRAM-SHA-512", true), ("ANONYMOUS", true)]
    {
        assert_eq!(clear.contains(&format!(">{name}<")), there, "{name}: {clear}");
    }
    assert!(!clear.contains("-PLUS") && !clear.contains("sasl-cb"));
    let tls = offered(true, &[]);
    assert!(tls.contains(">PLAIN<") && tls.contains(">EXTERNAL<") && !tls.contains("-PLUS"));
    let bound = offered(true, &[BindingType::TlsExporter, BindingType::TlsUnique]);
    for name in ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"] {
        assert!(bound.contains(&format!(">{name}<")), "{bound}");
    }
    assert!(bound.contains(
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>\
         <channel-binding type='tls-unique'/></sasl-channel-binding>"
    ));
}

/// A client that says `y` to a server that offers -PLUS never saw the offer.
#[test]
fn a_stripped_offer_of_channel_binding_is_noticed() {
    use crate::sasl::{BindingType, ChannelBinding};
    let mut config = config();
    config.direct_tls = true;
    let mut server = start(config);
    let with = ChannelBinding::new(BindingType::TlsExporter, b"x");
    server.set_channel_bindings(Instant::ZERO, alloc::vec![with]).unwrap();
    let auth = crate::sasl::encode(b"y,,n=u,r=abc");
    let auth = format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{auth}</auth>"
    );
    let out = hear(&mut server, &format!("{HEADER}{auth}"));
    assert!(out.sent.ends_with("<not-authorized/></failure>"), "{}", out.sent);
}

#[test]
fn a_guest_gets_the_name_that_the_host_gives() {
    let mut server = start(config().with_mechanisms(&[Mechanism::Anonymous]));
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'>=</auth>";
    let script = format!("{HEADER}{auth}");
    server.handle_input(Instant::ZERO, Input::Data(script.as_bytes()));
    while let Some(output) = server.poll_output() {
        if let Output::Event(Event::CredentialsNeeded { mechanism, .. }) = output {
            assert_eq!(mechanism, Mechanism::Anonymous);
            server.credentials(Instant::ZERO, &Credentials::Identity("guest-1".into())).unwrap();
        }
    }
    assert_eq!(server.jid().map(Jid::as_str), Some("guest-1@h"));
}

/// RFC 6120 §4.4: nothing follows the end of our stream.
#[test]
fn a_header_behind_the_end_is_not_answered() {
    let mut server = start(config());
    server.expel(Instant::ZERO, StreamCondition::SystemShutdown).unwrap();
    assert!(drain(&mut server).sent.ends_with("</stream:stream>"));
    assert_eq!(hear(&mut server, HEADER).sent, "");
    let out = hear(&mut server, "</stream:stream>");
    assert!(matches!(out.closed(), Some(CloseReason::Expelled(_))), "{out:?}");
}

/// RFC 6120 §6.3.10, RFC 4422 §3: the less efficient way must be supported, too.
#[test]
fn an_initial_response_that_does_not_come_along_is_asked_for() {
    let say = |name: &str, ns: &str, text: &str| format!("<{name} xmlns='{ns}'>{text}</{name}>");
    let sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
    let bare = PLAIN.replace("AHUAcA==", "");
    let mut server = start(config());
    let out = hear(&mut server, &format!("{HEADER}{bare}"));
    assert!(out.sent.ends_with(&say("challenge", sasl, "")), "{}", out.sent);
    let out = hear(&mut server, &say("response", sasl, "AHUAcA=="));
    assert_eq!(out.sent, say("success", sasl, ""));
    // It may be given up, and be no base64, or nothing at all.
    for (answer, told) in [
        (format!("<abort xmlns='{sasl}'/>"), "<aborted/>"),
        (say("response", sasl, "?"), "<incorrect-encoding/>"),
        (say("response", sasl, ""), "<malformed-request/>"),
        (say("response", sasl, "AHUAeA=="), "<not-authorized/>"),
    ] {
        let mut server = start(config());
        hear(&mut server, &format!("{HEADER}{bare}"));
        assert_eq!(hear(&mut server, &answer).sent, say("failure", sasl, told));
        assert_eq!(hear(&mut server, PLAIN).sent, say("success", sasl, ""), "another attempt");
    }
    // An empty one is no absent one, and SASL 2 asks likewise.
    let mut server = start(config());
    let out = hear(&mut server, &format!("{HEADER}{}", PLAIN.replace("AHUAcA==", "=")));
    assert!(out.sent.ends_with(&say("failure", sasl, "<malformed-request/>")), "{}", out.sent);
    let mut server = start(config().with_sasl2(false));
    let ns = "urn:xmpp:sasl:2";
    let begin = format!("{HEADER}<authenticate xmlns='{ns}' mechanism='PLAIN'/>");
    assert!(hear(&mut server, &begin).sent.ends_with(&say("challenge", ns, "")));
    let out = hear(&mut server, &say("response", ns, "AHUAcA=="));
    assert!(out.sent.starts_with(&format!("<success xmlns='{ns}'>")), "{}", out.sent);
}

/// RFC 6120 §6.3.8: the authorization identity is the account, and no other.
#[test]
fn an_authorization_identity_of_another_domain_is_refused() {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    for (authzid, right) in [
        ("", true),
        ("u", true),
        ("u@h", true),
        ("U@H", true),
        ("u@other", false),
        ("u@h.other", false),
        ("u@h/r", false),
        ("v@h", false),
        ("h", false),
    ] {
        let told = if right { "success" } else { "failure" };
        let plain = base64.encode(format!("{authzid}\0u\0p"));
        let out =
            hear(&mut start(config()), &format!("{HEADER}{}", PLAIN.replace("AHUAcA==", &plain)));
        assert!(out.sent.contains(&format!("<{told} ")), "{authzid}: {}", out.sent);
        assert_eq!(out.sent.contains("<invalid-authzid/>"), !right, "{authzid}");
        let authzid = if authzid.is_empty() { String::new() } else { format!("a={authzid}") };
        let first = base64.encode(format!("n,{authzid},n=u,r=abc"));
        let auth = PLAIN.replace("PLAIN", "SCRAM-SHA-256").replace("AHUAcA==", &first);
        let out = hear(&mut start(config()), &format!("{HEADER}{auth}"));
        assert_eq!(out.sent.contains("<challenge "), right, "{authzid}: {}", out.sent);
    }
}
