//! Targets of the area `xmpp`.
//!
//! - `xmpp_scan`: the scanner gives the same frames or the same error in any chunking; spans lie
//!   inside; what is accepted quick-xml reads too; an element taken out of its place means the
//!   same elsewhere.
//! - `xmpp_stanza`: typed views of anything do not panic; stamping changes the addresses and
//!   nothing else; replies are well-formed and never answer errors.
//! - `xmpp_jid`: preparation is idempotent; parts put together again are the address; escapes
//!   are undone.
//! - `xmpp_sasl`: exchanges with any messages end in an answer; nobody gets in, and no server
//!   is believed, without the password.
//! - `xmpp_sm`: a session is what its bytes say, and any peer's words in a managed stream end
//!   with each stanza acknowledged once, lost or kept.
//! - `xmpp_servers`: the same for streams of servers and components.
//! - `xmpp_frames`: a message of a WebSocket that is let through is one element of a stream.
//! - `xmpp_bosh`, `xmpp_differential`: see [`xmpp_more`](crate::xmpp_more).
//! - `xmpp_router`: see [`xmpp_router`](crate::xmpp_router).
//! - `xmpp_client`, `xmpp_server`: the machines give the same outputs in any chunking, stay
//!   bounded, end at most once and then for good.

use crate::Target;
pub use crate::xmpp_more::{xmpp_bosh, xmpp_differential};
pub use crate::xmpp_router::xmpp_router;
use proto_wire::testing::chunks::{bytewise, cut, random, whole};
use proto_wire::{Instant, Output, Seed, StreamMachine};
use std::sync::Arc;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::component::{self, AcceptConfig, Component, ComponentConfig, ComponentConnection};
use xmpp_proto::jid::{Jid, JidRef, escape_local, unescape_local};
use xmpp_proto::s2s::{Incoming, IncomingEvent, Outgoing, OutgoingEvent, S2sConfig, S2sTls};
use xmpp_proto::sasl::{
    BindingType, ChannelBinding, ClientBinding, ClientStep, Credentials, Mechanism, SaltedPassword,
    SaslClient, SaslServer, Secret, ServerContext, ServerStep,
};
use xmpp_proto::server::{self, Router, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::sm::{SmConfig, SmSession, StanzaState, StanzaToken};
use xmpp_proto::stanza::{Condition, Stanza, StanzaBuf, error_reply};
use xmpp_proto::stream::{Features, StreamError, StreamHeader};
use xmpp_proto::transport::WebSocketFraming;
use xmpp_proto::xml::{
    Content, Document, Element, FrameKind, Ns, Scanner, Writer, XmlLimits, restamped,
};

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("xmpp_scan", xmpp_scan),
    ("xmpp_stanza", xmpp_stanza),
    ("xmpp_jid", xmpp_jid),
    ("xmpp_sasl", xmpp_sasl),
    ("xmpp_client", xmpp_client),
    ("xmpp_server", xmpp_server),
    ("xmpp_sm", xmpp_sm),
    ("xmpp_servers", xmpp_servers),
    ("xmpp_frames", xmpp_frames),
    ("xmpp_bosh", xmpp_bosh),
    ("xmpp_router", xmpp_router),
    ("xmpp_differential", xmpp_differential),
];

/// The four ways to cut `data` that are tried; the last depends on it.
fn cuts(data: &[u8]) -> [Vec<&[u8]>; 4] {
    let middle = data.iter().map(|b| usize::from(*b)).sum::<usize>() % (data.len() + 1);
    [whole(data), bytewise(data), random(data, data.len() as u64), cut(data, middle)]
}

/// Everything in an element, with names resolved.
fn dump(element: Element<'_>, depth: usize, out: &mut String) {
    assert!(depth <= XmlLimits::POST_AUTH.depth_max, "deeper than the limit");
    out.push_str(&format!("({{{}}}{}", element.namespace(), element.name()));
    for attr in element.attrs() {
        out.push_str(&format!(" {{{}}}{}={:?}", attr.namespace(), attr.name(), attr.value()));
    }
    for content in element.contents() {
        match content {
            Content::Element(child) => dump(child, depth + 1, out),
            Content::Text(text) => out.push_str(&format!(" {text:?}")),
        }
    }
    out.push(')');
}

fn dumped(element: Element<'_>) -> String {
    let mut out = String::new();
    dump(element, 1, &mut out);
    out
}

/// The first byte chooses the limits and whether there is a root; the rest is scanned.
pub fn xmpp_scan(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let limits = match mode & 6 {
        0 => XmlLimits::POST_AUTH,
        2 => XmlLimits::PRE_AUTH,
        4 => XmlLimits::PRE_AUTH.with_stanza_max(64).with_depth_max(3).with_attributes_max(2),
        _ => XmlLimits::PRE_AUTH.with_elements_max(3).with_namespaces_max(2).with_name_max(4),
    };
    let make = || match mode & 1 {
        0 => Scanner::stream(limits),
        _ => Scanner::fragment(limits),
    };
    let mut expected = None;
    for chunks in cuts(data) {
        let mut scanner = make();
        let (mut start, mut there, mut seen) = (0, 0, Vec::new());
        let mut chunks = chunks.into_iter();
        let end = loop {
            match scanner.scan(&data[start..there]) {
                Ok(Some(frame)) => {
                    let part = &data[start..start + frame.len];
                    start += frame.len;
                    if frame.kind != FrameKind::Whitespace {
                        let element = scanner.element(part);
                        element.into_iter().for_each(check_element);
                        seen.push((frame.kind, start, element.map(dumped)));
                    }
                }
                Ok(None) => match chunks.next() {
                    Some(chunk) => there += chunk.len(),
                    None => break scanner.finish().map_err(|e| e.kind()),
                },
                Err(error) => {
                    assert!(start + error.offset() <= data.len(), "{error} is outside");
                    assert_eq!(scanner.scan(&data[start..]), Err(error), "errors are sticky");
                    seen.push((FrameKind::Whitespace, start + error.offset(), None));
                    break Err(error.kind());
                }
            }
        };
        let found = (seen, end);
        assert_eq!(expected.get_or_insert_with(|| found.clone()), &found);
    }
}

fn check_element(element: Element<'_>) {
    let Ok(doc) = Document::parse(element.to_standalone().as_bytes()) else {
        // A stream header stands alone only without an end; declarations that are added may
        // exceed the limits of a document.
        return;
    };
    assert_eq!(dumped(doc.root()), dumped(element), "means another thing elsewhere");
    let mut reader = quick_xml::Reader::from_str(doc.root().raw());
    while !matches!(
        reader.read_event().expect("quick-xml reads it too"),
        quick_xml::events::Event::Eof
    ) {}
}

/// A stanza in `jabber:client`.
pub fn xmpp_stanza(data: &[u8]) {
    let Ok(doc) = Document::parse_in(Ns::CLIENT, data) else { return };
    let root = doc.root();
    let _features = Features::read(root).map(|f| f.write().expect("what was read can be written"));
    let _error = StreamError::read(root).map(|e| e.write());
    let _header = StreamHeader::read(root).map(|h| (h.to().is_some(), h.version(), h.content()));
    let Some(stanza) = Stanza::of(root) else { return };
    match &stanza {
        Stanza::Message(m) => {
            let _seen = (m.kind(), m.body(), m.body_in("en"), m.subject(), m.thread(), m.error());
        }
        Stanza::Presence(p) => {
            let _seen = (p.kind(), p.show(), p.status(), p.priority(), p.error());
        }
        Stanza::Iq(iq) => {
            let _seen = (iq.kind(), iq.payload(), iq.error());
        }
    }
    let stamped = restamped(root, Ns::CLIENT, &[("from", Some("a'<@x/&\"r"))]);
    let again = Document::parse_in(Ns::CLIENT, stamped.as_bytes());
    if let Ok(again) = again {
        assert_eq!(again.root().attr("from").as_deref(), Some("a'<@x/&\"r"));
        let children = |root: Element<'_>| root.children().map(dumped).collect::<Vec<_>>();
        assert_eq!(children(again.root()), children(root));
    }
    if let Some(reply) = error_reply(root, &Condition::BadRequest.into()) {
        assert!(!stanza.is_error(), "an error was answered");
        let reply = Document::parse_in(Ns::CLIENT, reply.as_str().as_bytes());
        assert_eq!(reply.expect("well-formed").root().attr("type").as_deref(), Some("error"));
    }
}

/// An address, or any text as a local part.
pub fn xmpp_jid(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Some(local) = escape_local(text) {
        assert_eq!(unescape_local(&local), text);
    }
    let Ok(split) = JidRef::parse(text) else {
        assert!(Jid::new(text).is_err(), "prepared but not split");
        return;
    };
    let mut parts = split.local().map_or_else(String::new, |local| format!("{local}@"));
    parts.push_str(split.domain());
    assert_eq!(parts, split.bare());
    if let Some(resource) = split.resource() {
        parts = format!("{parts}/{resource}");
    }
    assert_eq!(parts, text);
    if let Ok(jid) = Jid::new(text) {
        assert!(jid.as_str().len() <= 3 * 1023 + 2);
        assert_eq!(jid.to_bare().as_str(), jid.bare());
        if let Ok(again) = Jid::new(jid.as_str()) {
            assert_eq!(again, jid, "prepared twice is another address");
        }
    }
}

/// Lines are the peer's messages; the first byte chooses mechanism and side.
pub fn xmpp_sasl(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let mechanisms = Mechanism::PASSWORD;
    let mechanism = mechanisms[usize::from(mode >> 1) % mechanisms.len()];
    let with = ChannelBinding::new(BindingType::TlsExporter, b"keying material");
    let with = core::slice::from_ref(&with);
    let context = ServerContext::new("sn").with_bindings(with);
    let mut messages = data.split(|b| *b == b'\n');
    if mode & 1 == 0 {
        let password = Secret::new("not to be guessed");
        let Ok((mut client, _)) = SaslClient::start(
            mechanism,
            "u",
            Some(&password),
            "cn",
            client_binding(mechanism, with),
        ) else {
            return;
        };
        for message in messages {
            if let Ok(ClientStep::Derive { .. }) = client.challenge(message, 1..=1) {
                client.derived(&SaltedPassword::new(&[7; 32]));
            }
            let believed = client.success(message).is_ok();
            assert!(!believed || mechanism == Mechanism::Plain, "a server without proof");
        }
        return;
    }
    let first = messages.next().unwrap_or_default();
    let Ok((mut server, mut step)) = SaslServer::start(mechanism, first, context) else { return };
    for message in messages.take(4) {
        let next = match step {
            ServerStep::LookUp { .. } => {
                let known = Credentials::Password(Secret::new("not to be guessed"));
                server.credentials(&known, b"salt", 1)
            }
            ServerStep::Success { .. } => panic!("let in without the password"),
            _ => server.response(message),
        };
        match next {
            Ok(next) => step = next,
            Err(_) => return,
        }
    }
}

fn client_binding(mechanism: Mechanism, with: &[ChannelBinding]) -> ClientBinding<'_> {
    match with.first() {
        Some(with) if mechanism.binds_channel() => ClientBinding::Bound(with),
        _ => ClientBinding::Unsupported,
    }
}

/// What a machine put out, and that it ended as it must.
fn outputs<E: core::fmt::Debug>(
    mut poll: impl FnMut() -> Option<Output<bytes::Bytes, E>>,
    is_closed: impl Fn(&E) -> bool,
    input: usize,
) -> (Vec<u8>, Vec<String>) {
    let (mut sent, mut events, mut closed) = (Vec::new(), Vec::new(), false);
    while let Some(output) = poll() {
        assert!(!closed, "something follows the end");
        match output {
            Output::Transmit(bytes) => sent.extend_from_slice(&bytes),
            Output::Event(event) => {
                closed = is_closed(&event);
                events.push(format!("{event:?}"));
            }
        }
    }
    // An answer repeats addresses and id, and says an error; nothing makes more of it.
    assert!(sent.len() <= 4096 + 64 * input, "{} bytes out for {input} in", sent.len());
    (sent, events)
}

/// The first byte says how far the login has come before the rest arrives.
pub fn xmpp_client(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let now = Instant::from_secs(1);
    let mut expected = None;
    for chunks in cuts(data) {
        let config = ClientConfig::new("u@h/r".parse().expect("an address"))
            .with_password(Secret::new("p"))
            .with_mechanisms(&[Mechanism::Plain])
            .with_plain_without_tls(true)
            .with_handled("urn:handled")
            .with_tls(if mode & 8 == 0 { TlsPolicy::Never } else { TlsPolicy::Required });
        let mut client = Client::new(now, Arc::new(config), Seed::from_u64(1));
        for step in &login()[..usize::from(mode & 7).min(3)] {
            client.handle_input(now, client::Input::Data(step.as_bytes()));
        }
        // The id of the request to bind is random: it is read from what was sent.
        let mut sent = String::new();
        while let Some(output) = client.poll_output() {
            if let Output::Transmit(bytes) = output {
                sent.push_str(core::str::from_utf8(&bytes).expect("UTF-8"));
            }
        }
        if let Some((_, id)) = sent.rsplit_once("id='").filter(|_| mode & 7 == 7) {
            let id = id.split('\'').next().unwrap_or_default();
            let bound = format!(
                "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                 <jid>u@h/r</jid></bind></iq>"
            );
            client.handle_input(now, client::Input::Data(bound.as_bytes()));
            assert!(client.is_ready() || mode & 8 != 0);
        }
        for chunk in chunks {
            client.handle_input(now, client::Input::Data(chunk));
        }
        client.handle_timeout(now);
        assert!(client.poll_timeout().is_none_or(|at| at > now), "a busy loop");
        client.handle_input(now, client::Input::Eof);
        assert!(client.is_closed(), "the end of the connection ends the client");
        let closed = |event: &client::Event| matches!(event, client::Event::Closed(_));
        let found = outputs(|| client.poll_output(), closed, data.len());
        assert_eq!(expected.get_or_insert_with(|| found.clone()), &found);
    }
}

const HEADER: &str = "<stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' from='h' id='1' version='1.0'>";

fn login() -> [String; 3] {
    [
        HEADER.to_string(),
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>PLAIN</mechanism></mechanisms></stream:features>"
            .to_string(),
        format!(
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>{HEADER}<stream:features>\
             <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
        ),
    ]
}

/// The first byte chooses the machine, and limits that an input of this size comes to.
pub fn xmpp_servers(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let now = Instant::from_secs(1);
    let tls = if mode & 4 == 0 { S2sTls::Never } else { S2sTls::Opportunistic };
    let mut s2s = S2sConfig::new("h", Secret::new("s")).with_tls(tls);
    let mut connects = ComponentConfig::new("c.h", Secret::new("s"));
    let mut accepts = AcceptConfig::new();
    if mode & 8 != 0 {
        let few = XmlLimits::PRE_AUTH.with_stanza_max(500);
        s2s.limits_before = few;
        s2s.limits_after = few;
        connects.limits_before = few;
        connects.limits_after = few;
        accepts.limits_before = few;
        accepts.limits_after = few;
    }
    let (s2s, connects, accepts) = (Arc::new(s2s), Arc::new(connects), Arc::new(accepts));
    match mode & 3 {
        0 => any_chunks(
            data,
            |e| matches!(e, IncomingEvent::Closed(_)),
            || Incoming::new(now, Arc::clone(&s2s), Seed::from_u64(1)),
        ),
        1 => any_chunks(
            data,
            |e| matches!(e, OutgoingEvent::Closed(_)),
            || Outgoing::new(now, Arc::clone(&s2s), "h", "peer"),
        ),
        2 => any_chunks(
            data,
            |e| matches!(e, component::Event::Closed(_)),
            || Component::new(now, Arc::clone(&connects)),
        ),
        _ => any_chunks(
            data,
            |e| matches!(e, component::AcceptEvent::Closed(_)),
            || ComponentConnection::new(now, Arc::clone(&accepts), Seed::from_u64(1)),
        ),
    }
}

/// Whatever arrives, in whatever pieces: the same comes out, and the end of the connection is
/// the end.
fn any_chunks<M: StreamMachine>(
    data: &[u8],
    closed: impl Fn(&M::Event) -> bool,
    make: impl Fn() -> M,
) where
    M::Event: core::fmt::Debug,
{
    let now = Instant::from_secs(1);
    let mut expected = None;
    for chunks in cuts(data) {
        let mut machine = make();
        for chunk in chunks {
            machine.handle_data(now, chunk);
        }
        machine.handle_timeout(now);
        assert!(machine.poll_timeout().is_none_or(|at| at > now), "a busy loop");
        machine.handle_eof(now);
        assert_eq!(machine.poll_timeout(), None, "the end of the connection ends the machine");
        let found = outputs(|| machine.poll_output(), &closed, data.len());
        assert_eq!(expected.get_or_insert_with(|| found.clone()), &found);
    }
}

/// A message of a WebSocket.
pub fn xmpp_frames(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let mut framing = WebSocketFraming::new(XmlLimits::POST_AUTH);
    let Ok(bytes) = framing.incoming(text) else { return };
    if bytes.starts_with("<?xml") || bytes == "</stream:stream>" {
        return;
    }
    // In a stream it is one element and nothing more, and it means what it meant alone.
    let mut scanner = Scanner::stream(XmlLimits::POST_AUTH);
    let open = scanner.scan(HEADER.as_bytes()).expect("well-formed").expect("whole");
    assert_eq!(open.len, HEADER.len());
    let frame = scanner.scan(bytes.as_bytes()).expect("checked").expect("whole");
    assert_eq!((frame.kind, frame.len), (FrameKind::Element, bytes.len()));
    let element = scanner.element(bytes.as_bytes()).expect("an element");
    let alone = Document::parse(text.as_bytes()).expect("checked");
    assert_eq!(dumped(element), dumped(alone.root()));
    assert!(framing.outgoing(HEADER.as_bytes()).len() == 1);
    let messages = framing.outgoing(bytes.as_bytes());
    assert_eq!(messages.len(), 1);
    let again = Document::parse(messages[0].as_bytes()).expect("it stands alone");
    assert_eq!(dumped(again.root()), dumped(element));
}

/// A session as bytes; and the server's words to a client that has stanzas in flight.
pub fn xmpp_sm(data: &[u8]) {
    if let Ok(session) = SmSession::from_bytes(data) {
        assert_eq!(SmSession::from_bytes(&session.to_bytes()), Ok(session));
    }
    let now = Instant::from_secs(1);
    let features = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
        <sm xmlns='urn:xmpp:sm:3'/></stream:features>";
    let config = ClientConfig::new("u@h/r".parse().expect("an address"))
        .with_password(Secret::new("p"))
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never);
    let mut client = Client::new(now, Arc::new(config), Seed::from_u64(1));
    let [header, mechanisms, success] = login();
    let success = success.split_once("<stream:features>").expect("features").0.to_string();
    let mut sent = String::new();
    for text in [header, mechanisms, success + features] {
        client.handle_input(now, client::Input::Data(text.as_bytes()));
        while let Some(output) = client.poll_output() {
            if let Output::Transmit(bytes) = output {
                sent = String::from_utf8(bytes.to_vec()).expect("UTF-8");
            }
        }
    }
    let id = sent.rsplit_once(" id='").expect("an id").1.split('\'').next().expect("its end");
    let bound = format!(
        "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>u@h/r</jid></bind></iq><enabled xmlns='urn:xmpp:sm:3' id='i' resume='1'/>"
    );
    client.handle_input(now, client::Input::Data(bound.as_bytes()));
    assert!(client.is_managed());
    let mut open: Vec<StanzaToken> = Vec::new();
    for _ in 0..5 {
        let stanza = xmpp_proto::stanza::PresenceBuilder::new().build().expect("well-formed");
        open.push(client.send(now, stanza).expect("room"));
    }
    let last = open.last().copied();
    client.handle_input(now, client::Input::Data(data));
    client.handle_input(now, client::Input::Eof);
    while let Some(output) = client.poll_output() {
        if let Output::Event(client::Event::Delivery(delivery)) = output {
            assert!(matches!(delivery.state, StanzaState::Acked | StanzaState::Lost));
            // Answers of the machine itself have tokens too.
            if Some(delivery.token) <= last {
                assert!(!open.is_empty() && open.remove(0) == delivery.token, "out of order");
            }
        }
    }
    let kept = client.take_session();
    assert!(kept.is_some() || open.is_empty(), "{open:?} vanished");
    if let Some(session) = kept {
        let unacked = session.into_unacked();
        assert!(unacked.iter().take(open.len()).map(|u| u.token).eq(open));
    }
}

/// The first byte says how far the login has come before the rest arrives.
pub fn xmpp_server(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let now = Instant::from_secs(1);
    let mut expected = None;
    for chunks in cuts(data) {
        let tls = if mode & 8 == 0 { ServerTls::None } else { ServerTls::Required };
        let config = ServerConfig::new("h")
            .with_tls(tls)
            .with_sasl2(true)
            .with_stream_management(SmConfig::new())
            .with_plain_without_tls(true);
        let mut server = ServerConnection::new(now, Arc::new(config), Seed::from_u64(1));
        let mut router = Router::new("h");
        router.add_account("u");
        if mode & 4 != 0 && tls == ServerTls::None {
            log_in(&mut server, &mut router, now);
        }
        for chunk in chunks {
            server.handle_input(now, server::Input::Data(chunk));
        }
        server.handle_timeout(now);
        assert!(server.poll_timeout().is_none_or(|at| at > now), "a busy loop");
        server.handle_input(now, server::Input::Eof);
        assert!(server.is_closed(), "the end of the connection ends the machine");
        let closed = |event: &server::Event| matches!(event, server::Event::Closed(_));
        let mut stanzas: Vec<StanzaBuf> = Vec::new();
        let poll = || {
            let output = server.poll_output();
            if let Some(Output::Event(server::Event::Stanza(stanza))) = &output {
                stanzas.push(stanza.clone());
            }
            output
        };
        let found = outputs(poll, closed, data.len());
        assert_eq!(expected.get_or_insert_with(|| found.clone()), &found);
        for stanza in stanzas {
            router.handle(&1, &stanza);
            while let Some(delivery) = router.poll_delivery() {
                let text = delivery.stanza.as_str();
                let doc = Document::parse_in(Ns::CLIENT, text.as_bytes());
                assert!(doc.is_ok(), "{text}: {doc:?}");
            }
        }
    }
}

fn log_in(server: &mut ServerConnection, router: &mut Router<u32>, now: Instant) {
    let mut auth = Writer::new();
    auth.start(Ns::SASL, "auth").attr("mechanism", "PLAIN").text("AHUAcA==").end();
    let auth = auth.finish().expect("well-formed");
    let bind = "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let script = format!("{HEADER}{auth}{HEADER}{bind}").replace("from='h'", "to='h'");
    server.handle_input(now, server::Input::Data(script.as_bytes()));
    while let Some(output) = server.poll_output() {
        match output {
            Output::Event(server::Event::CredentialsNeeded { .. }) => {
                server.credentials(now, &Credentials::Accepted).expect("asked");
            }
            Output::Event(server::Event::BindRequested { .. }) => {
                let jid = server.bind(now, "r").expect("asked");
                router.connect(1, &jid);
            }
            _ => {}
        }
    }
    assert!(server.is_ready());
}
