#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

use super::body::RID_MAX;
use super::*;
use crate::client::{self, Client, ClientConfig, TlsPolicy};
use crate::sasl::{Credentials, Mechanism, Secret};
use crate::server::{self, ServerConfig, ServerConnection, ServerTls};
use crate::stanza::{MessageBuilder, StanzaXml};
use crate::xml::XmlLimits;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::testing::sim::run_seeds;
use proto_wire::{Instant, Machine as _, Output, Rng, Seed};

const NOW: Instant = Instant::from_secs(1000);
const NS: &str = "http://jabber.org/protocol/httpbind";

type Theirs = BoshSession<ServerConnection>;
type Ours = BoshClient<Client>;

fn session_with(config: BoshServerConfig) -> Theirs {
    let server =
        ServerConfig::new("example.com").with_tls(ServerTls::None).with_plain_without_tls(true);
    let server = ServerConnection::new(NOW, Arc::new(server), Seed::from_u64(5));
    BoshSession::new(NOW, Arc::new(config), Seed::from_u64(6), server)
}

fn session() -> Theirs {
    session_with(BoshServerConfig::new())
}

fn machine(seed: u64) -> Client {
    let config = ClientConfig::new("juliet@example.com/r".parse().unwrap())
        .with_password(Secret::new("p"))
        .with_mechanisms(&[Mechanism::Plain])
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never);
    Client::new(NOW, Arc::new(config), Seed::from_u64(seed))
}

fn ours(config: BoshConfig) -> Ours {
    BoshClient::new(NOW, Arc::new(config), Seed::from_u64(2), machine(1))
}

/// What a session says: the responses by exchange, and its events.
fn poll(session: &mut Theirs) -> (Vec<(u64, u16, String)>, Vec<server::Event>) {
    let (mut said, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll_output() {
        match output {
            Output::Transmit(response) => {
                let body = String::from_utf8(response.body.to_vec()).unwrap();
                assert!(Body::parse(body.as_bytes(), XmlLimits::POST_AUTH).is_ok(), "{body}");
                said.push((response.id, response.status, body));
            }
            Output::Event(event) => events.push(event),
        }
    }
    (said, events)
}

fn post(session: &mut Theirs, now: Instant, id: u64, body: &str) -> Vec<(u64, u16, String)> {
    session.handle_input(now, ServerInput::Request { id, body: body.as_bytes() });
    poll(session).0
}

const CREATE: &str = "<body content='text/xml; charset=utf-8' from='user@example.com' hold='1' \
    rid='1573741820' to='example.com' route='xmpp:example.com:9999' ver='1.6' wait='60' ack='1' \
    xml:lang='en' xmpp:version='1.0' xmlns='http://jabber.org/protocol/httpbind' \
    xmlns:xmpp='urn:xmpp:xbosh'/>";

fn request(rid: u64, more: &str, inner: &str) -> String {
    // They all have one seed, and so one name.
    let session = session();
    let sid = session.sid();
    format!("<body rid='{rid}' sid='{sid}' {more} xmlns='{NS}'>{inner}</body>")
}

fn rid(n: u64) -> u64 {
    1_573_741_820 + n
}

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

/// Drives a session through login up to a bound resource; the next `rid` to use.
fn log_in(session: &mut Theirs) -> u64 {
    post(session, NOW, 1, CREATE);
    let auth =
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABw</auth>";
    let text = request(rid(1), "", auth);
    session.handle_input(NOW, ServerInput::Request { id: 2, body: text.as_bytes() });
    let (_, events) = poll(session);
    assert!(matches!(events[..], [server::Event::CredentialsNeeded { .. }]), "{events:?}");
    session.machine.credentials(NOW, &Credentials::Password(Secret::new("p"))).unwrap();
    let (said, _) = poll(session);
    assert!(said[0].0 == 2 && said[0].2.contains("<success"), "{said:?}");
    let restart = "to='example.com' xml:lang='en' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'";
    let text = request(rid(2), restart, "");
    let said = post(session, NOW, 3, &text);
    assert!(said[0].0 == 3 && said[0].2.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{said:?}");
    let bind = "<iq id='bind_1' type='set' xmlns='jabber:client'>\
        <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let text = request(rid(3), "", bind);
    session.handle_input(NOW, ServerInput::Request { id: 4, body: text.as_bytes() });
    poll(session);
    session.machine.bind(NOW, "r").unwrap();
    let (said, _) = poll(session);
    assert!(said[0].0 == 4 && said[0].2.contains("juliet@example.com/r"), "{said:?}");
    rid(4)
}

fn message(text: &str) -> StanzaXml {
    MessageBuilder::new().body(text).build().unwrap()
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

/// Both machines over a network that delays, reorders, loses and doubles exchanges.
struct Net {
    rng: Rng,
    now: Instant,
    client: Ours,
    session: Option<Theirs>,
    /// When something arrives: requests and responses.
    flying: BTreeMap<(Instant, u64), Flying>,
    count: u64,
    exchanges: BTreeMap<u64, u64>,
    loss: u64,
    heard: Vec<String>,
    got: Vec<String>,
    ends: Vec<String>,
}

enum Flying {
    Request(u64, Vec<u8>),
    Response(u64, u16, Vec<u8>),
    Broken(u64),
}

impl Net {
    fn new(seed: u64, config: BoshConfig, loss: u64) -> Self {
        let client = BoshClient::new(NOW, Arc::new(config), Seed::from_u64(seed), machine(seed));
        Self {
            rng: Rng::new(&Seed::from_u64(!seed)),
            now: NOW,
            client,
            session: None,
            flying: BTreeMap::new(),
            count: 0,
            exchanges: BTreeMap::new(),
            loss,
            heard: Vec::new(),
            got: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn fly(&mut self, what: Flying) {
        let delay = Duration::from_millis(self.rng.below(400));
        self.count += 1;
        self.flying.insert((self.now.saturating_add(delay), self.count), what);
    }

    /// Everything that both have to say now.
    fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Transmit(request) => {
                    let lost = self.rng.below(100) < self.loss;
                    let broken = self.rng.below(2) == 0;
                    match (lost, broken) {
                        (true, true) => self.fly(Flying::Broken(request.id)),
                        // Silence: only time shows it.
                        (true, false) => {}
                        _ => self.fly(Flying::Request(request.id, request.body.to_vec())),
                    }
                }
                Output::Event(client::Event::Ready { .. }) => {
                    for n in 0..10 {
                        self.client.machine.send(self.now, message(&format!("c{n} <&>"))).unwrap();
                    }
                }
                Output::Event(client::Event::Message(stanza)) => {
                    let text = stanza.as_message().unwrap().body().unwrap().into_owned();
                    self.got.push(text);
                    if self.got.len() == 10 {
                        self.client.machine.close(self.now).unwrap();
                    }
                }
                Output::Event(client::Event::Closed(why)) => self.ends.push(why.to_string()),
                Output::Event(_) => {}
            }
        }
        loop {
            let Some(session) = &mut self.session else { return };
            let Some(output) = session.poll_output() else { return };
            match output {
                Output::Transmit(response) => {
                    let exchange = self.exchanges[&response.id];
                    let lost = self.rng.below(100) < self.loss;
                    self.fly(match lost {
                        true => Flying::Broken(exchange),
                        false => {
                            Flying::Response(exchange, response.status, response.body.to_vec())
                        }
                    });
                }
                Output::Event(server::Event::CredentialsNeeded { .. }) => {
                    let known = Credentials::Password(Secret::new("p"));
                    session.machine.credentials(self.now, &known).unwrap();
                }
                Output::Event(server::Event::BindRequested { .. }) => {
                    session.machine.bind(self.now, "r").unwrap();
                }
                Output::Event(server::Event::Stanza(stanza)) => {
                    let text = stanza.as_message().unwrap().body().unwrap().into_owned();
                    self.heard.push(text);
                    let answer = message(&format!("s{} \u{2603}", self.heard.len() - 1));
                    session.machine.send(self.now, answer).unwrap();
                }
                Output::Event(server::Event::Closed(why)) => self.ends.push(why.to_string()),
                Output::Event(_) => {}
            }
        }
    }

    fn run(&mut self) {
        for _ in 0..20_000 {
            self.drain();
            let arrives = self.flying.keys().next().map(|(at, _)| *at);
            let session = self.session.as_ref().and_then(|s| s.poll_timeout());
            let next = [arrives, self.client.poll_timeout(), session];
            let Some(next) = next.into_iter().flatten().min() else { return };
            assert!(next >= self.now, "time goes back");
            self.now = next;
            match self.flying.first_entry().filter(|entry| entry.key().0 <= next) {
                Some(entry) => match entry.remove() {
                    Flying::Request(exchange, body) => {
                        // A host makes a new session for whoever has none.
                        let read = Body::parse(&body, XmlLimits::POST_AUTH).unwrap();
                        if read.sid().is_none() {
                            self.session = None;
                        }
                        let session = self.session.get_or_insert_with(self::session);
                        let id = 1000 + self.exchanges.len() as u64;
                        self.exchanges.insert(id, exchange);
                        session.handle_input(next, ServerInput::Request { id, body: &body });
                    }
                    Flying::Response(id, status, body) => self
                        .client
                        .handle_input(next, ClientInput::Response { id, status, body: &body }),
                    Flying::Broken(id) => {
                        self.client.handle_input(next, ClientInput::Failed { id });
                    }
                },
                None => {
                    self.client.handle_timeout(next);
                    if let Some(session) = &mut self.session {
                        session.handle_timeout(next);
                    }
                }
            }
        }
        panic!("no end: {:?}", self.ends);
    }
}

#[test]
fn everything_arrives_once_and_in_order_over_100_bad_networks() {
    let finished = core::sync::atomic::AtomicUsize::new(0);
    run_seeds(100, |seed| {
        let keys = if seed % 3 == 0 { 5 } else { 0 };
        let retries = BoshConfig::new()
            .with_keys(keys)
            .with_retries(12, Duration::from_millis(200))
            .with_wait(Duration::from_secs(10), 1);
        let mut net = Net::new(seed, retries, seed % 4 * 5);
        net.run();
        let heard: Vec<String> = (0..10).map(|n| format!("c{n} <&>")).collect();
        let got: Vec<String> = (0..10).map(|n| format!("s{n} \u{2603}")).collect();
        // A session whose first response is lost is another one's.
        if net.ends.len() == 2 && net.got.len() == 10 {
            finished.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            assert_eq!((net.heard, net.got), (heard, got));
        } else {
            assert!(heard.starts_with(&net.heard) && got.starts_with(&net.got), "{:?}", net.ends);
            assert!(seed % 4 > 0, "nothing was lost: {:?}", net.ends);
        }
    });
    let finished = finished.into_inner();
    assert!(finished >= 90, "only {finished} of 100 came to their end");
}

#[test]
fn without_loss_all_of_it_arrives_also_by_polling() {
    run_seeds(30, |seed| {
        let wait = if seed % 2 == 0 { 0 } else { 60 };
        let config = BoshConfig::new().with_wait(Duration::from_secs(wait), 1);
        let mut net = Net::new(seed, config, 0);
        net.run();
        assert_eq!((net.heard.len(), net.got.len()), (10, 10));
        net.ends.sort();
        assert_eq!(net.ends, ["closed", "closed by the client"]);
    });
}

/// The client's first request and a session for it, so far that it waits.
fn open_client(config: BoshConfig, terms: &str) -> (Ours, u64) {
    let mut client = ours(config);
    let Some(Output::Transmit(first)) = client.poll_output() else { panic!("a request") };
    let body = Body::parse(&first.body, XmlLimits::PRE_AUTH).unwrap();
    assert!(body.sid().is_none() && body.attr("to").as_deref() == Some("example.com"));
    assert_eq!(body.xmpp("version").as_deref(), Some("1.0"));
    let rid = body.rid().unwrap();
    assert!(rid > 1 << 31 && rid < RID_MAX / 2);
    let response = format!("<body sid='SomeSID' {terms} xmlns='{NS}'/>");
    let input = ClientInput::Response { id: first.id, status: 200, body: response.as_bytes() };
    client.handle_input(NOW, input);
    (client, rid)
}

fn requests(client: &mut Ours) -> Vec<Request> {
    let mut found = Vec::new();
    while let Some(output) = client.poll_output() {
        if let Output::Transmit(request) = output {
            found.push(request);
        }
    }
    found
}

const TERMS: &str =
    "wait='60' inactivity='30' polling='5' requests='2' hold='1' maxpause='120' ver='1.6'";

#[test]
fn a_client_asks_again_for_what_was_lost_a_few_times() {
    let config = BoshConfig::new().with_retries(2, Duration::from_secs(1));
    let (mut client, _) = open_client(config, TERMS);
    let sent = requests(&mut client);
    assert_eq!(sent.len(), 1, "one waits");
    let (mut now, mut id) = (NOW, sent[0].id);
    for delay in [1, 2] {
        client.handle_input(now, ClientInput::Failed { id });
        assert_eq!(requests(&mut client).len(), 0);
        assert!(client.poll_timeout() <= Some(now.saturating_add(Duration::from_secs(delay))));
        now = now.saturating_add(Duration::from_secs(delay));
        client.handle_timeout(now);
        let again = requests(&mut client);
        assert_eq!((again.len(), &again[0].body), (1, &sent[0].body), "an exact copy");
        assert!(again[0].id != id);
        // What comes for the old exchange is nothing.
        let late = ClientInput::Response { id, status: 200, body: b"<body/>" };
        client.handle_input(now, late);
        id = again[0].id;
    }
    client.handle_input(now, ClientInput::Failed { id });
    let events: Vec<_> = core::iter::from_fn(|| client.poll_output()).collect();
    assert!(
        matches!(events[..], [Output::Event(client::Event::Closed(client::CloseReason::Eof))]),
        "{events:?}"
    );
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn what_a_connection_manager_may_answer() {
    let answer = |status: u16, body: &str| {
        let (mut client, _) = open_client(BoshConfig::new(), TERMS);
        let id = requests(&mut client)[0].id;
        client.handle_input(NOW, ClientInput::Response { id, status, body: body.as_bytes() });
        let mut closed = None;
        while let Some(output) = client.poll_output() {
            if let Output::Event(client::Event::Closed(why)) = output {
                closed = Some(why);
            }
        }
        (closed, client.condition())
    };
    let end =
        |condition: &str| format!("<body type='terminate' condition='{condition}' xmlns='{NS}'/>");
    let (closed, condition) = answer(200, &end("item-not-found"));
    assert_eq!(
        (closed, condition),
        (Some(client::CloseReason::Eof), Some(Condition::ItemNotFound))
    );
    let (closed, condition) = answer(200, &format!("<body type='terminate' xmlns='{NS}'/>"));
    assert_eq!((closed, condition), (Some(client::CloseReason::Peer), None));
    let error = format!(
        "<body type='terminate' condition='remote-stream-error' xmlns='{NS}' \
         xmlns:stream='http://etherx.jabber.org/streams'><stream:error>\
         <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></body>"
    );
    let (closed, condition) = answer(200, &error);
    assert!(matches!(closed, Some(client::CloseReason::StreamError(_))), "{closed:?}");
    assert_eq!(condition, Some(Condition::RemoteStreamError));
    // Of somebody between, so it is tried again.
    for (status, body) in [(502, ""), (200, "<html>log in</html>"), (404, ""), (200, "")] {
        assert_eq!(answer(status, body), (None, None), "{status} {body}");
    }
    let error = format!("<body type='error' xmlns='{NS}'/>");
    assert_eq!(answer(200, &error), (None, None));
    // At the door a 404 is an answer.
    let mut client = ours(BoshConfig::new());
    let id = requests(&mut client)[0].id;
    client.handle_input(NOW, ClientInput::Response { id, status: 404, body: b"" });
    assert!(matches!(
        client.poll_output(),
        Some(Output::Event(client::Event::Closed(client::CloseReason::Eof)))
    ));
    assert_eq!(client.condition(), Some(Condition::ItemNotFound));
}

#[test]
fn responses_count_in_the_order_of_requests() {
    let terms = TERMS.replace("hold='1'", "hold='2'").replace("requests='2'", "requests='3'");
    let config = BoshConfig::new().with_wait(Duration::from_secs(60), 2);
    let (mut client, rid) = open_client(config, &terms);
    let sent = requests(&mut client);
    assert_eq!(sent.len(), 2, "as many wait as may");
    let features = format!(
        "<body xmlns='{NS}' xmlns:stream='http://etherx.jabber.org/streams'><stream:features>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
         </stream:features></body>"
    );
    let success =
        format!("<body xmlns='{NS}'><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></body>");
    let second = ClientInput::Response { id: sent[1].id, status: 200, body: success.as_bytes() };
    client.handle_input(NOW, second);
    assert!(requests(&mut client).is_empty(), "the first comes first");
    let first = ClientInput::Response { id: sent[0].id, status: 200, body: features.as_bytes() };
    client.handle_input(NOW, first);
    let texts: Vec<String> = requests(&mut client)
        .iter()
        .map(|request| String::from_utf8(request.body.to_vec()).unwrap())
        .collect();
    assert!(texts[0].contains("<auth ") && texts[0].contains(&format!("rid='{}'", rid + 3)));
    assert!(texts[1].contains("xmpp:restart='true'"), "{texts:?}");
}

#[test]
fn a_client_pauses_and_wakes_when_it_has_something_to_say() {
    let (mut client, _) = open_client(BoshConfig::new(), TERMS);
    let waiting = requests(&mut client)[0].id;
    let too_long = Duration::from_secs(121);
    assert_eq!(client.pause(NOW, too_long), Err(PauseError::TooLong));
    client.pause(NOW, Duration::from_secs(100)).unwrap();
    let pause = requests(&mut client);
    assert!(core::str::from_utf8(&pause[0].body).unwrap().contains("pause='100'"));
    let empty = format!("<body xmlns='{NS}'/>");
    for id in [waiting, pause[0].id] {
        let response = ClientInput::Response { id, status: 200, body: empty.as_bytes() };
        client.handle_input(NOW, response);
    }
    assert!(requests(&mut client).is_empty(), "it is quiet");
    client.machine.close(NOW).unwrap();
    let said = requests(&mut client);
    assert!(core::str::from_utf8(&said[0].body).unwrap().contains("type='terminate'"));
    // Or before the time is over.
    let (mut client, _) = open_client(BoshConfig::new(), TERMS);
    let waiting = requests(&mut client)[0].id;
    client.pause(NOW, Duration::from_secs(20)).unwrap();
    let pause = requests(&mut client)[0].id;
    for id in [waiting, pause] {
        let response = ClientInput::Response { id, status: 200, body: empty.as_bytes() };
        client.handle_input(NOW, response);
    }
    client.handle_timeout(NOW.saturating_add(Duration::from_secs(14)));
    assert!(requests(&mut client).is_empty());
    client.handle_timeout(NOW.saturating_add(Duration::from_secs(15)));
    assert_eq!(requests(&mut client).len(), 1);
    let (mut client, _) = open_client(BoshConfig::new(), "requests='2'");
    assert_eq!(client.pause(NOW, Duration::from_secs(1)), Err(PauseError::TooLong));
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
