//! The dialogues of RFC 6120 §9, word for word, each against the machine of either side. What
//! is made up (ids, nonces and what is computed from them) is our machine's own; with the
//! nonces of the specification, SCRAM gives the very bytes that it prints.

mod of_client;
mod of_server;
mod of_servers;
mod scram;

use crate::dialogue::{between, canonical};
use proto_wire::{Instant, Machine, Output};
use xmpp_proto::stream::Features;
use xmpp_proto::xml::{Document, Ns};

const NOW: Instant = Instant::ZERO;
const PASSWORD: &str = "r0m30myr0m30";
const CLIENT_NONCE: &str = "oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA";
const SERVER_NONCE: &str = "e124695b-69a9-4de6-9c30-b51b3808c59e";
const SALT: &[u8] = b"68da3408-4f4f-467f-912e-49f53f43d033";

const CLIENT_HEADER: &str = "<stream:stream
        from='juliet@im.example.com'
        to='im.example.com'
        version='1.0'
        xml:lang='en'
        xmlns='jabber:client'
        xmlns:stream='http://etherx.jabber.org/streams'>";

/// The server's header, with the ids of steps 2, 8 and 14.
fn server_header(id: &str) -> String {
    format!(
        "<stream:stream
        from='im.example.com'
        id='{id}'
        to='juliet@im.example.com'
        version='1.0'
        xml:lang='en'
        xmlns='jabber:client'
        xmlns:stream='http://etherx.jabber.org/streams'>"
    )
}

const IDS: [&str; 3] = [
    "t7AMCin9zjMNwQKDnplntZPIDEI=",
    "vgKi/bkYME8OAj4rlXMkpucAqe4=",
    "gPybzaOzBmaADgxKXu9UClbprp0=",
];

const TLS_FEATURES: &str = "<stream:features>
        <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>
          <required/>
        </starttls>
      </stream:features>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const SASL_FEATURES: &str = "<stream:features>
        <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
          <mechanism>SCRAM-SHA-1-PLUS</mechanism>
          <mechanism>SCRAM-SHA-1</mechanism>
          <mechanism>PLAIN</mechanism>
        </mechanisms>
      </stream:features>";
const BIND_FEATURES: &str = "<stream:features>
        <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>
      </stream:features>";
const BIND: &str = "<iq id='yhc13a95' type='set'>
        <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>
          <resource>balcony</resource>
        </bind>
      </iq>";
const BOUND: &str = "<iq id='yhc13a95' type='result'>
        <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>
          <jid>
            juliet@im.example.com/balcony
          </jid>
        </bind>
      </iq>";
const QUESTION: &str = "<message from='juliet@im.example.com/balcony'
               id='ju2ba41c'
               to='romeo@example.net'
               type='chat'
               xml:lang='en'>
        <body>Art thou not Romeo, and a Montague?</body>
      </message>";
const ANSWER: &str = "<message from='romeo@example.net/orchard'
               id='ju2ba41c'
               to='juliet@im.example.com/balcony'
               type='chat'
               xml:lang='en'>
        <body>Neither, fair saint, if either thee dislike.</body>
      </message>";

/// A header and features in one form.
fn opened(text: &str) -> String {
    let text = text.trim_start_matches("<?xml version='1.0'?>");
    let (header, rest) = text.split_once('>').unwrap();
    assert!(rest.is_empty() || rest.starts_with('<'), "{rest}");
    canonical(&format!("{header}/>"), Ns::NONE, &["id"])
}

fn same(said: &str, expected: &str) {
    // What the server says of its limits (XEP-0478) is younger than the RFC.
    let said = match said.split_once("<limits ") {
        Some((before, rest)) => {
            let (_, after) = rest.split_once("</limits>").unwrap();
            format!("{before}{after}")
        }
        None => said.to_string(),
    };
    assert_eq!(canonical(&said, Ns::CLIENT, &[]), canonical(expected, Ns::CLIENT, &[]));
}

/// What a machine sends, and its events.
fn drain<M: Machine<Transmit = bytes::Bytes>>(machine: &mut M) -> (String, Vec<M::Event>) {
    let (mut sent, mut events) = (String::new(), Vec::new());
    while let Some(output) = machine.poll_output() {
        match output {
            Output::Transmit(bytes) => sent += std::str::from_utf8(&bytes).unwrap(),
            Output::Event(event) => events.push(event),
        }
    }
    (sent, events)
}

/// What stands behind the header.
fn features(sent: &str) -> Features {
    let text = between(sent, "<stream:features", "</stream:features>");
    let text = format!(
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'{text}</stream:features>"
    );
    let document = Document::parse(text.as_bytes()).unwrap();
    Features::read(document.root()).unwrap()
}

fn header_of(sent: &str) -> String {
    opened(sent.split_once("<stream:features").unwrap().0)
}
