//! What users of other libraries have reported, as tests by the public API. The table of
//! reports and tests is in `docs/xmpp-proto-reports.md`.
#![cfg(feature = "scram")]
#![allow(
    clippy::std_instead_of_alloc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tests state what must hold"
)]

use proto_wire::{Instant, Output, Seed};
use std::sync::Arc;
use xmpp_proto::client::{Client, ClientConfig, Event, Input, TlsPolicy};
use xmpp_proto::sasl::Secret;
use xmpp_proto::stanza::{Iq, Message, Stanza, StanzaBuf};
use xmpp_proto::xml::Ns;

const NOW: Instant = Instant::ZERO;
const HEADER: &str = "<stream:stream xmlns='jabber:client' id='1' from='h' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

fn stanza(text: &str) -> StanzaBuf {
    StanzaBuf::parse(Ns::CLIENT, text.to_string().into()).unwrap()
}

fn hear(client: &mut Client, text: &str) -> (String, Vec<Event>) {
    client.handle_input(NOW, Input::Data(text.as_bytes()));
    let (mut sent, mut events) = (String::new(), Vec::new());
    while let Some(output) = client.poll_output() {
        match output {
            Output::Transmit(bytes) => sent += core::str::from_utf8(&bytes).unwrap(),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

fn ready() -> Client {
    let config = ClientConfig::new("me@h/r".parse().unwrap())
        .with_password(Secret::new("p"))
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never);
    let mut client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    let mechanisms = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
        <mechanism>PLAIN</mechanism></mechanisms></stream:features>";
    hear(&mut client, &format!("{HEADER}{mechanisms}"));
    let success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    let bind =
        "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
    let (sent, _) = hear(&mut client, &format!("{success}{HEADER}{bind}"));
    let id = sent.rsplit(" id='").next().unwrap().split('\'').next().unwrap();
    let bound = format!(
        "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>me@h/r</jid></bind></iq>"
    );
    hear(&mut client, &bound);
    assert!(client.is_ready());
    client
}

/// A nick that is younger than the tables of stringprep, or has two `@`, ended the stream of
/// one client and the connections of a server.
#[test]
fn an_odd_nick_in_a_room_does_not_end_the_stream() {
    let mut client = ready();
    for nick in ["\u{1f64c}", "a@b@c", "\u{e0001}", "a/b", " "] {
        let presence = format!("<presence from='room@muc.example/{nick}'/>");
        let (sent, events) = hear(&mut client, &presence);
        let [Event::Presence(presence)] = &events[..] else { panic!("{nick:?}: {events:?}") };
        let from = presence.as_presence().unwrap().header().from().unwrap().clone();
        assert_eq!((from.resource(), sent.as_str()), (Some(nick), ""));
    }
    // An address that cannot even be split is told, and the stream goes on.
    let (_, events) = hear(&mut client, "<presence from='@'/><message from='a@b'/>");
    assert!(matches!(events[..], [Event::Invalid { .. }, Event::Message(_)]));
}

/// Text between the children of an iq was taken for a child.
#[test]
fn white_space_in_an_iq_is_no_payload() {
    let iq = stanza("<iq type='get' id='1'>\n  <ping xmlns='urn:xmpp:ping'/>\n  </iq>");
    let Stanza::Iq(iq): Stanza<'_> = iq.view() else { panic!("no iq") };
    let payload = |iq: &Iq<'_>| iq.payload().is_some_and(|p| p.is(Ns::PING, "ping"));
    assert!(payload(&iq));
}

/// A strict reader dropped messages with attributes and children that it did not know.
#[test]
fn what_is_not_known_does_not_spoil_what_is() {
    let text = "<message from='a@b' x='y' xmlns:z='urn:z' z:q='1'><unknown/><body foo='bar'>hi</body>\
        <z:more/><x xmlns='urn:other'><body>not this</body></x></message>";
    let message = stanza(text);
    let read: Message<'_> = message.as_message().unwrap();
    assert_eq!(read.body().as_deref(), Some("hi"));
    assert_eq!(read.header().payloads().count(), 2);
    assert_eq!(message.element().raw(), text);
}

/// Stanzas were kept under the root for as long as the stream lived.
#[test]
fn a_long_stream_keeps_nothing() {
    let mut client = ready();
    let message = "<message from='a@b'><body>hello</body></message>".repeat(100);
    for _ in 0..100 {
        let (_, events) = hear(&mut client, &message);
        assert_eq!(events.len(), 100);
    }
    assert_eq!(client.poll_output().map(|_| ()), None);
    assert!(client.is_ready());
}

/// A handler's answer and the fallback's both went out.
#[test]
fn an_unknown_request_has_one_answer() {
    let mut client = ready();
    let (sent, events) =
        hear(&mut client, "<iq type='get' id='1' from='a@b/c'><x xmlns='urn:x'/></iq>");
    assert_eq!(sent.matches("<iq ").count(), 1);
    assert!(sent.contains("service-unavailable") && events.is_empty());
    // And an answer to nothing has none.
    let (sent, events) = hear(&mut client, "<iq type='result' id='1' from='a@b/c'/>");
    assert!(sent.is_empty() && events.is_empty());
}

/// The time for 510 contacts grew with their square.
#[test]
fn a_large_roster_is_read_once() {
    let mut client = ready();
    let token = client.request_roster(NOW, None).unwrap();
    let (sent, _) = hear(&mut client, " ");
    let id = sent.rsplit(" id='").next().unwrap().split('\'').next().unwrap();
    let items: String = (0..5000)
        .map(|n| format!("<item jid='contact-{n}@h' name='{n}'><group>g</group></item>"))
        .collect();
    let roster =
        format!("<iq type='result' id='{id}'><query xmlns='jabber:iq:roster'>{items}</query></iq>");
    let (_, events) = hear(&mut client, &roster);
    let [Event::Roster { items, .. }] = &events[..] else { panic!("{token:?}: {events:?}") };
    assert_eq!(items.len(), 5000);
}

/// Clients that take `<proceed/>` and `<success/>` in any state, and panic without a name (iks,
/// tokio-xmpp 6.0).
#[test]
fn go_aheads_that_nobody_asked_for_end_the_stream() {
    let names = [
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>me@h/r</authorization-identifier></success>",
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj0x</challenge>",
        "<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>",
        "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='0'/>",
    ];
    for early in names {
        let config = ClientConfig::new("me@h/r".parse().unwrap())
            .with_password(Secret::new("p"))
            .with_tls(TlsPolicy::Never);
        let mut client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
        let (_, events) = hear(&mut client, &format!("{HEADER}{early}"));
        assert!(matches!(events[..], [Event::Closed(_)]), "{early}: {events:?}");
        assert!(!client.is_ready());
    }
}

#[test]
fn a_client_without_a_name_ends_without_a_panic() {
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL", "ANONYMOUS"] {
        let config = ClientConfig::new("h".parse().unwrap())
            .with_password(Secret::new("p"))
            .with_plain_without_tls(true)
            .with_tls(TlsPolicy::Never);
        let mut client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
        let offer = format!(
            "{HEADER}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
             <mechanism>{mechanism}</mechanism></mechanisms></stream:features>"
        );
        hear(&mut client, &offer);
        let failure =
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
        let (_, events) = hear(&mut client, failure);
        assert!(!client.is_ready() && events.len() <= 1, "{mechanism}: {events:?}");
    }
}
