//! More targets of the area `xmpp`.
//!
//! - `xmpp_bosh`: whatever is posted, each request has one response in the end and the session
//!   one end; whatever is answered, the client ends once, and posts copies where it posts again.
//! - `xmpp_differential`: what we accept `rxml` accepts and reads as the same, and the other way
//!   round, but for its known leniencies (feature `peers-xmpp`).

use proto_wire::{Instant, Machine as _, Output, Seed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::sasl::{Credentials, Secret};
use xmpp_proto::server::{self, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::transport::bosh::{
    Body, BoshClient, BoshConfig, BoshServerConfig, BoshSession, ClientInput, Response, ServerInput,
};
use xmpp_proto::xml::{Document, XmlLimits};

/// The first byte chooses the side; lines are bodies, `$S` in them is the name of the session.
pub fn xmpp_bosh(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let lines = data.split(|b| *b == b'\n').take(64);
    if mode & 1 == 0 { posted(*mode, lines) } else { answered(lines) }
}

fn posted<'a>(mode: u8, lines: impl Iterator<Item = &'a [u8]>) {
    let mut now = Instant::from_secs(1);
    let config = ServerConfig::new("h").with_tls(ServerTls::None).with_plain_without_tls(true);
    let machine = ServerConnection::new(now, Arc::new(config), Seed::from_u64(1));
    let config = Arc::new(BoshServerConfig::new());
    let mut session = BoshSession::new(now, config, Seed::from_u64(2), machine);
    let sid = session.sid().to_string();
    let (mut asked, mut told, mut closed) = (0, BTreeSet::new(), false);
    for line in lines {
        let body = String::from_utf8_lossy(line).replace("$S", &sid);
        asked += 1;
        session.handle_input(now, ServerInput::Request { id: asked, body: body.as_bytes() });
        if mode & 2 != 0 {
            drain(&mut session, now, &mut told, &mut closed);
        }
        if mode & 4 != 0 {
            now = now.saturating_add(Duration::from_secs(6));
            session.handle_timeout(now);
            let due = session.poll_timeout();
            drain(&mut session, now, &mut told, &mut closed);
            assert!(due.is_none_or(|at| at > now), "a busy loop");
        }
    }
    drain(&mut session, now, &mut told, &mut closed);
    // Time ends everything.
    for _ in 0..200 {
        let Some(at) = session.poll_timeout() else { break };
        now = at;
        session.handle_timeout(now);
        drain(&mut session, now, &mut told, &mut closed);
    }
    assert!(closed && session.is_done() && session.poll_timeout().is_none());
    // Those before a gap that was never filled are answered when it is over, or not at all: then
    // the client was silent.
    assert!(told.len() as u64 <= asked);
}

fn drain(
    session: &mut BoshSession<ServerConnection>,
    now: Instant,
    told: &mut BTreeSet<u64>,
    closed: &mut bool,
) {
    while let Some(output) = session.poll_output() {
        match output {
            Output::Transmit(Response { id, body, .. }) => {
                assert!(told.insert(id), "a request has two responses");
                let body = Body::parse(&body, XmlLimits::POST_AUTH);
                assert!(body.is_ok(), "no body: {body:?}");
            }
            Output::Event(server::Event::CredentialsNeeded { .. }) => {
                session.machine.credentials(now, &Credentials::Accepted).unwrap_or(());
            }
            Output::Event(server::Event::BindRequested { .. }) => {
                drop(session.machine.bind(now, "r"));
            }
            Output::Event(server::Event::Closed(_)) => {
                assert!(!*closed, "two ends");
                *closed = true;
            }
            Output::Event(_) => {}
        }
    }
}

fn answered<'a>(mut lines: impl Iterator<Item = &'a [u8]>) {
    let mut now = Instant::from_secs(1);
    let config = ClientConfig::new("u@h/r".parse().expect("an address"))
        .with_password(Secret::new("p"))
        .with_plain_without_tls(true)
        .with_tls(TlsPolicy::Never);
    let machine = Client::new(now, Arc::new(config), Seed::from_u64(1));
    let mut bosh = BoshClient::new(now, Arc::new(BoshConfig::new()), Seed::from_u64(2), machine);
    // A request that goes again is the same.
    let mut bodies: BTreeMap<u64, bytes::Bytes> = BTreeMap::new();
    let mut closed = false;
    for _ in 0..400 {
        let mut open = Vec::new();
        while let Some(output) = bosh.poll_output() {
            assert!(!closed, "something follows the end");
            match output {
                Output::Transmit(request) => {
                    let body = Body::parse(&request.body, XmlLimits::POST_AUTH).expect("a body");
                    let rid = body.rid().expect("a number");
                    let first = bodies.entry(rid).or_insert_with(|| request.body.clone());
                    assert_eq!(first, &request.body, "no exact copy");
                    open.push(request.id);
                }
                Output::Event(client::Event::Closed(_)) => closed = true,
                Output::Event(_) => {}
            }
        }
        if closed {
            assert_eq!(bosh.poll_timeout(), None);
            return;
        }
        for id in open {
            match lines.next() {
                Some(body) => {
                    let input = ClientInput::Response { id, status: 200, body };
                    bosh.handle_input(now, input);
                }
                None => bosh.handle_input(now, ClientInput::Failed { id }),
            }
        }
        if let Some(at) = bosh.poll_timeout() {
            now = now.max(at);
            bosh.handle_timeout(now);
        }
    }
    panic!("the client has no end");
}

/// A document.
pub fn xmpp_differential(data: &[u8]) {
    let ours = Document::parse_with(data, limits());
    let again = Document::parse_with(data, limits());
    assert_eq!(ours, again);
    #[cfg(feature = "peers-xmpp")]
    peers::compare(data, ours);
}

const fn limits() -> XmlLimits {
    XmlLimits::POST_AUTH.with_depth_max(100)
}

#[cfg(feature = "peers-xmpp")]
mod peers {
    use rxml::{Event, Parse as _, Parser};
    use xmpp_proto::xml::{Content, Document, Element, XmlError, XmlErrorKind};

    pub(super) fn compare(data: &[u8], ours: Result<Document, XmlError>) {
        let theirs = read(data);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let mut dumped = String::new();
                dump(ours.root(), &mut dumped);
                // Before the end of an attribute it drops one, which is a space (XML 1.0 §3.3.3).
                assert!(dumped == theirs || has_a_return_alone(data), "{dumped} is not {theirs}");
            }
            (Err(_), Err(_)) => {}
            (Err(error), Ok(theirs)) => {
                assert!(is_stricter(error), "we refuse ({error}), rxml reads {theirs}");
            }
            (Ok(ours), Err(error)) => {
                assert!(is_wider(data, &error), "rxml refuses ({error}) {}", ours.root().raw());
            }
        }
    }

    /// Where we refuse and `rxml` does not.
    fn is_stricter(error: XmlError) -> bool {
        matches!(
            error.kind(),
            // It has no such limits.
            XmlErrorKind::Limit(_)
                // It takes two declarations of one prefix, and reserved names as namespaces.
                | XmlErrorKind::DuplicateAttribute
                | XmlErrorKind::Declared
        )
    }

    /// Where it refuses and we do not.
    fn is_wider(data: &[u8], error: &str) -> bool {
        // At the end it waits for the line feed.
        let of_a_return = error.contains("InvalidChar") || error.contains("InvalidEof");
        let returns = of_a_return && has_a_return_alone(data);
        // We pass over a byte order mark at the very start, and white space before the root (XML 1.0 §2.8).
        let blank = data.first().is_some_and(|byte| b" \t\r\n".contains(byte));
        let marked =
            (blank || data.starts_with(b"\xef\xbb\xbf")) && error.contains("DocumentBegin");
        // A name may hold U+FDF0 to U+FFFD (XML 1.0 §2.3, `NameStartChar`).
        let text = core::str::from_utf8(data).unwrap_or("");
        let mark_in_name = error.contains("NameStart")
            && text.chars().any(|c| ('\u{fdf0}'..='\u{fffd}').contains(&c));
        // Its tokens are limited to 8 KiB.
        mark_in_name || returns || marked || data.len() > 8000 || error.contains("long")
    }

    /// XML 1.0 §2.11: a carriage return alone is a line end; it wants a line feed behind it.
    fn has_a_return_alone(data: &[u8]) -> bool {
        (0..data.len()).any(|at| data[at] == b'\r' && data.get(at + 1) != Some(&b'\n'))
    }

    fn read(data: &[u8]) -> Result<String, String> {
        let mut rest = data;
        let mut parser = Parser::new();
        let (mut out, mut text) = (String::new(), String::new());
        let flush = |text: &mut String, out: &mut String| {
            if !text.is_empty() {
                out.push_str(&format!(" {:?}", core::mem::take(text)));
            }
        };
        while let Some(event) = parser.parse(&mut rest, true).map_err(|e| format!("{e:?}"))? {
            match event {
                Event::StartElement(_, (ns, name), attributes) => {
                    flush(&mut text, &mut out);
                    out.push_str(&format!("({{{ns}}}{name}"));
                    let mut all: Vec<String> = attributes
                        .iter()
                        .map(|((ns, name), value)| format!(" {{{ns}}}{name}={value:?}"))
                        .collect();
                    all.sort();
                    all.iter().for_each(|attr| out.push_str(attr));
                }
                Event::Text(_, more) => text.push_str(&more),
                Event::EndElement(_) => {
                    flush(&mut text, &mut out);
                    out.push(')');
                }
                Event::XmlDeclaration(..) => {}
            }
        }
        Ok(out)
    }

    fn dump(element: Element<'_>, out: &mut String) {
        out.push_str(&format!("({{{}}}{}", element.namespace(), element.name()));
        let mut all: Vec<String> = element
            .attrs()
            .map(|attr| format!(" {{{}}}{}={:?}", attr.namespace(), attr.name(), attr.value()))
            .collect();
        all.sort();
        all.iter().for_each(|attr| out.push_str(attr));
        let mut text = String::new();
        for content in element.contents() {
            match content {
                Content::Text(more) => text.push_str(&more),
                Content::Element(child) => {
                    if !text.is_empty() {
                        out.push_str(&format!(" {:?}", core::mem::take(&mut text)));
                    }
                    dump(child, out);
                }
            }
        }
        if !text.is_empty() {
            out.push_str(&format!(" {text:?}"));
        }
        out.push(')');
    }
}
