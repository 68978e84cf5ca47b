#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]

mod network;
mod of_client;
mod of_server;

use super::body::RID_MAX;
use super::*;
use crate::client::{self, Client, ClientConfig, TlsPolicy};
use crate::sasl::{Credentials, Mechanism, Secret};
use crate::server::{self, ServerConfig, ServerConnection, ServerTls};
use crate::stanza::{MessageBuilder, StanzaXml};
use crate::xml::XmlLimits;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::{Instant, Machine as _, Output, Seed};

pub(super) const NOW: Instant = Instant::from_secs(1000);
pub(super) const NS: &str = "http://jabber.org/protocol/httpbind";

pub(super) type Theirs = BoshSession<ServerConnection>;
pub(super) type Ours = BoshClient<Client>;

pub(super) fn session_with(config: BoshServerConfig) -> Theirs {
    let server =
        ServerConfig::new("example.com").with_tls(ServerTls::None).with_plain_without_tls(true);
    let server = ServerConnection::new(NOW, Arc::new(server), Seed::from_u64(5));
    BoshSession::new(NOW, Arc::new(config), Seed::from_u64(6), server)
}

pub(super) fn session() -> Theirs {
    session_with(BoshServerConfig::new())
}

pub(super) fn machine(seed: u64) -> Client {
    let config = ClientConfig::new("juliet@example.com/r".parse().unwrap())
        .with_password(Secret::new("p"))
        .with_mechanisms(&[Mechanism::Plain])
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never);
    Client::new(NOW, Arc::new(config), Seed::from_u64(seed))
}

pub(super) fn ours(config: BoshConfig) -> Ours {
    BoshClient::new(NOW, Arc::new(config), Seed::from_u64(2), machine(1))
}

/// What a session says: the responses by exchange, and its events.
pub(super) fn poll(session: &mut Theirs) -> (Vec<(u64, u16, String)>, Vec<server::Event>) {
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

pub(super) fn post(
    session: &mut Theirs,
    now: Instant,
    id: u64,
    body: &str,
) -> Vec<(u64, u16, String)> {
    session.handle_input(now, ServerInput::Request { id, body: body.as_bytes() });
    poll(session).0
}

pub(super) const CREATE: &str = "<body content='text/xml; charset=utf-8' from='user@example.com' hold='1' \
    rid='1573741820' to='example.com' route='xmpp:example.com:9999' ver='1.6' wait='60' ack='1' \
    xml:lang='en' xmpp:version='1.0' xmlns='http://jabber.org/protocol/httpbind' \
    xmlns:xmpp='urn:xmpp:xbosh'/>";

pub(super) fn request(rid: u64, more: &str, inner: &str) -> String {
    // They all have one seed, and so one name.
    let session = session();
    let sid = session.sid();
    format!("<body rid='{rid}' sid='{sid}' {more} xmlns='{NS}'>{inner}</body>")
}

pub(super) fn rid(n: u64) -> u64 {
    1_573_741_820 + n
}

/// Drives a session through login up to a bound resource; the next `rid` to use.
pub(super) fn log_in(session: &mut Theirs) -> u64 {
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

pub(super) fn message(text: &str) -> StanzaXml {
    MessageBuilder::new().body(text).build().unwrap()
}
