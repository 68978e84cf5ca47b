#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::*;
use crate::roster::RosterItem;
use crate::sasl::Secret;
use crate::stanza::{Condition, MessageBuilder, PresenceBuilder};
use crate::xml::Ns;
use alloc::format;
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
