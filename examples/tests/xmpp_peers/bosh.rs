//! Our client over HTTP on Prosody's `mod_bosh` and on our server (XEP-0124, 0206): login,
//! messages both ways, responses that get lost, the end.

use crate::common::{Dir, PATIENCE, certificate};
use crate::servers::{Setup, prosody};
use examples::certificates;
use examples::entropy::seed;
use examples::xmpp_bosh::{Driver, Url, post};
use examples::xmpp_server::{Options, XmppServer};
use proto_wire::Clock;
use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_proto::client::{Client, ClientConfig, CloseReason, Event, TlsPolicy};
use xmpp_proto::sasl::{Mechanism, Secret};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, PresenceBuilder};
use xmpp_proto::transport::bosh::{Body, BodyKind, BoshClient, BoshConfig, Condition};
use xmpp_proto::xml::XmlLimits;

/// A user, and what came while something was sent.
struct User(Driver<Client>, VecDeque<Event>);

impl User {
    fn log_in(url: &Url, local: &str, mechanism: Mechanism, config: BoshConfig) -> Self {
        let client = ClientConfig::new(format!("{local}@localhost/ours").parse().unwrap())
            .with_password(Secret::new("secret"))
            .with_mechanisms(&[mechanism])
            .with_plain_without_tls(true)
            .with_stream_management(None)
            .with_tls(TlsPolicy::Never);
        let clock = Clock::start();
        let now = clock.now();
        let machine = Client::new(now, Arc::new(client), seed());
        let bosh = BoshClient::new(now, Arc::new(config), seed(), machine);
        let driver = Driver::new(bosh, clock, url.clone());
        let mut user = Self(driver, VecDeque::new());
        user.until("login", |event| matches!(event, Event::Ready { .. }).then_some(()));
        let now = user.0.now();
        user.0.bosh.machine.send(now, PresenceBuilder::new().build().unwrap()).unwrap();
        // Its own presence comes back: the server knows that it is there.
        user.until("own presence", |event| matches!(event, Event::Presence(_)).then_some(()));
        user
    }

    fn until<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "no {what}");
            let waiting = self.1.pop_front();
            let next = waiting.or_else(|| self.0.next_event(Duration::from_secs(1)));
            let Some(event) = next else { continue };
            let shown = format!("{event:?}");
            let closed = matches!(event, Event::Closed(_));
            match pick(event) {
                Some(found) => return found,
                None => assert!(!closed, "no {what}: {shown} {:?}", self.0.bosh.condition()),
            }
        }
    }

    fn say(&mut self, to: &str, text: &str) {
        let message = MessageBuilder::new().to(&to.parse().unwrap()).kind(MessageKind::Chat);
        let now = self.0.now();
        self.0.bosh.machine.send(now, message.body(text).build().unwrap()).unwrap();
        // It leaves when a request is free.
        let before = self.0.posted;
        let start = Instant::now();
        while self.0.posted == before {
            assert!(start.elapsed() < PATIENCE, "it does not leave");
            self.1.extend(self.0.next_event(Duration::from_millis(10)));
        }
    }

    fn hear(&mut self) -> String {
        self.until("message", |event| match event {
            Event::Message(stanza) => Some(stanza.as_message()?.body()?.into_owned()),
            _ => None,
        })
    }

    fn close(mut self) {
        let now = self.0.now();
        self.0.bosh.machine.close(now).unwrap();
        let why = self.until("end", |event| match event {
            Event::Closed(why) => Some(why),
            _ => None,
        });
        assert_eq!(why, CloseReason::Local);
    }
}

/// Where a server on loopback takes bodies.
pub fn url(addr: SocketAddr, path: &str) -> Url {
    Url { addr, host: "localhost".into(), path: path.into() }
}

#[test]
fn our_client_over_bosh_on_prosody() {
    let Some(prosody) = prosody("bosh", &Setup::default()) else { return };
    talks_over_http(&url(prosody.http, "/http-bind"));
}

fn our_server() -> XmppServer {
    let options = Options::new("localhost").with_bosh(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = XmppServer::start(options).unwrap();
    server.add_account("alice", "secret");
    server.add_account("bob", "secret");
    server
}

#[test]
fn our_client_over_bosh_on_our_server() {
    let server = our_server();
    talks_over_http(&url(server.bosh_addr().unwrap(), "/"));
    server.stop();
}

/// Alice and bob, both over HTTP.
pub fn talks_over_http(url: &Url) {
    // On a busy machine a request may overtake the one before it, and ejabberd then keeps both until the wait is over.
    let quick = || {
        let config = BoshConfig::new().with_retries(4, Duration::from_millis(20));
        config.with_wait(Duration::from_secs(4), 1)
    };
    let mut bob = User::log_in(url, "bob", Mechanism::ScramSha256, quick().with_keys(4));
    for (mechanism, config) in [(Mechanism::Plain, quick()), (Mechanism::ScramSha256, quick())] {
        println!("{}", mechanism.name());
        let mut alice = User::log_in(url, "alice", mechanism, config);
        alice.say("bob@localhost/ours", "is <this> & that there?");
        assert_eq!(bob.hear(), "is <this> & that there?");
        bob.say("alice@localhost/ours", "yes \u{1f984}");
        assert_eq!(alice.hear(), "yes \u{1f984}");

        // Responses are lost on the way: the copies bring the same, once.
        alice.0.failures = 2;
        for n in 0..5 {
            bob.say("alice@localhost/ours", &format!("number {n}"));
            assert_eq!(alice.hear(), format!("number {n}"));
        }
        assert_eq!(alice.0.failures, 0);
        for n in 0..5 {
            alice.say("bob@localhost/ours", &format!("answer {n}"));
        }
        for n in 0..5 {
            assert_eq!(bob.hear(), format!("answer {n}"));
        }
        println!("{} requests", alice.0.posted);
        alice.close();
    }
    bob.close();
}

/// What Prosody says to a session that it does not know is what our client understands.
#[test]
fn prosody_does_not_know_a_foreign_session() {
    let Some(prosody) = prosody("bosh-unknown", &Setup::default()) else { return };
    let body = b"<body rid='1' sid='nobody' xmlns='http://jabber.org/protocol/httpbind'/>";
    let (status, body) = post(&url(prosody.http, "/http-bind"), body).unwrap();
    let body = Body::parse(&body, XmlLimits::PRE_AUTH).unwrap();
    let unknown = BodyKind::Terminate(Some(Condition::ItemNotFound));
    assert_eq!((status, body.kind()), (200, unknown));
}

/// What goes over the wire, word for word: one connection that stays, a session that is not
/// known, what is no body, what browsers ask, and a login that begins (XEP-0206 §4).
#[test]
fn a_dialogue_over_one_connection_to_our_server() {
    let server = our_server();
    let mut socket = TcpStream::connect(server.bosh_addr().unwrap()).unwrap();
    let mut ask = |method: &str, body: &str| -> (String, String) {
        let len = body.len();
        let request = format!(
            "{method} /http-bind HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n{body}"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let len = socket.read(&mut buffer).unwrap();
            assert!(len > 0, "it closed: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&buffer[..len]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.split_once("Content-Length: ").unwrap().1;
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if rest.len() >= length {
                return (head.to_string(), rest.to_string());
            }
        }
    };
    let (head, _) = ask("OPTIONS", "");
    assert!(head.contains("Access-Control-Allow-Methods: POST"), "{head}");
    let (head, text) = ask("GET", "");
    assert!(head.starts_with("HTTP/1.1 200 ") && text.contains("POST"), "{head}");
    assert!(ask("PUT", "").0.starts_with("HTTP/1.1 405 "));
    let ns = "xmlns='http://jabber.org/protocol/httpbind'";
    let (head, body) = ask("POST", &format!("<body rid='1' sid='nobody' {ns}/>"));
    assert!(head.contains("text/xml; charset=utf-8"), "{head}");
    assert!(body.contains("condition='item-not-found'"), "{body}");
    assert!(ask("POST", "<nobody/>").1.contains("condition='bad-request'"));
    let begin = format!(
        "<body content='text/xml; charset=utf-8' hold='1' rid='1573741820' to='localhost' ver='1.6' \
         wait='2' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh' {ns}/>"
    );
    let (_, body) = ask("POST", &begin);
    let body = Body::parse(body.as_bytes(), XmlLimits::PRE_AUTH).unwrap();
    let sid = body.sid().unwrap().into_owned();
    let features = body.element().children().next().unwrap();
    assert_eq!((features.name(), body.attr("from").as_deref()), ("features", Some("localhost")));
    let wrong = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>";
    let (_, body) = ask("POST", &format!("<body rid='1573741821' sid='{sid}' {ns}>{wrong}</body>"));
    assert!(body.contains("not-authorized"), "{body}");
    // Nothing to say: it is kept for the two seconds that were agreed on.
    let start = Instant::now();
    let (_, body) = ask("POST", &format!("<body rid='1573741822' sid='{sid}' {ns}/>"));
    assert!(!body.contains("type="), "{body}");
    assert!(start.elapsed() >= Duration::from_secs(1), "it was not kept");
    let end = format!("<body rid='1573741823' sid='{sid}' type='terminate' {ns}/>");
    assert!(ask("POST", &end).1.contains("type='terminate'"));
    assert!(ask("POST", &end.replace("823", "824")).1.contains("item-not-found"));
    server.stop();
}

/// Where clients must use TLS, so must those over HTTP.
#[test]
fn our_server_offers_bosh_over_https() {
    let dir = Dir::new("https");
    let Some((chain, key)) = certificate(&dir) else { return };
    let options = Options::new("localhost")
        .with_tls(certificates::server(&chain, &key).unwrap(), true)
        .with_bosh(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = XmppServer::start(options).unwrap();
    let mut socket = TcpStream::connect(server.bosh_addr().unwrap()).unwrap();
    let name = "localhost".try_into().unwrap();
    let mut tls =
        rustls::ClientConnection::new(certificates::client(&chain).unwrap(), name).unwrap();
    let mut stream = rustls::Stream::new(&mut tls, &mut socket);
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut said = String::new();
    // It closes without a last word of TLS: that is no matter behind a whole answer.
    let _cut = stream.read_to_string(&mut said);
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    server.stop();
}
