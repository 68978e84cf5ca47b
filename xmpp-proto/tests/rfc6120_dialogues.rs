//! The dialogues of RFC 6120 §9, word for word, each against the machine of either side. What
//! is made up (ids, nonces and what is computed from them) is our machine's own; with the
//! nonces of the specification, SCRAM gives the very bytes that it prints.
#![cfg(feature = "scram")]
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::get_unwrap,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests state what must hold"
)]

mod dialogue;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dialogue::{between, canonical};
use proto_wire::{Instant, Machine, Output, Seed};
use std::sync::Arc;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::s2s::{self, Incoming, IncomingEvent, Outgoing, OutgoingEvent, S2sConfig};
use xmpp_proto::sasl::{
    BindingType, ChannelBinding, ClientBinding, ClientStep, Credentials, Mechanism, SaslClient,
    SaslServer, Secret, ServerContext, ServerStep, derive,
};
use xmpp_proto::server::{self, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::stanza::{Condition, MessageBuilder, MessageKind};
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

// ---------------------------------------------------------------- the client

fn client() -> Client {
    let mut config = ClientConfig::new("juliet@im.example.com/balcony".parse().unwrap())
        .with_password(Secret::new(PASSWORD))
        .with_mechanisms(&[Mechanism::ScramSha1])
        .with_tls(TlsPolicy::Required);
    config.lang = Some("en".into());
    Client::new(NOW, Arc::new(config), Seed::from_u64(1))
}

fn to_client(client: &mut Client, text: &str) -> (String, Vec<client::Event>) {
    client.handle_input(NOW, client::Input::Data(text.as_bytes()));
    drain(client)
}

/// Steps 1 to 7; gives the header of the second stream.
fn client_over_tls(client: &mut Client) -> String {
    let (sent, _) = drain(client);
    // Who it is is told only under TLS (§4.7.1).
    let anonymous = CLIENT_HEADER.replace("from='juliet@im.example.com'", "");
    assert_eq!(opened(&sent), opened(&anonymous));
    let (sent, _) = to_client(client, &(server_header(IDS[0]) + TLS_FEATURES));
    same(&sent, STARTTLS);
    let (sent, events) = to_client(client, PROCEED);
    assert!(sent.is_empty() && matches!(events[..], [client::Event::StartTls]), "{events:?}");
    client.handle_input(NOW, client::Input::TlsEstablished);
    drain(client).0
}

/// Steps 8 to 12; gives the header of the third stream.
fn client_authenticated(client: &mut Client) -> String {
    let (sent, _) = to_client(client, &(server_header(IDS[1]) + SASL_FEATURES));
    assert!(sent.contains("mechanism='SCRAM-SHA-1'>"), "{sent}");
    let message = STANDARD.decode(between(&sent, "'>", "</auth>")).unwrap();
    // The client cannot bind, so it does not say that it could: `n,,`, as in the specification.
    assert!(message.starts_with(b"n,,n=juliet,r="));
    let context = ServerContext::new(SERVER_NONCE);
    let (mut oracle, _) = SaslServer::start(Mechanism::ScramSha1, &message, context).unwrap();
    let known = Credentials::Password(Secret::new(PASSWORD));
    let ServerStep::Challenge(challenge) = oracle.credentials(&known, SALT, 4096).unwrap() else {
        panic!("a challenge")
    };
    let challenge = STANDARD.encode(challenge);
    let (sent, _) = to_client(
        client,
        &format!(
            "<challenge xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">
        {challenge}
      </challenge>"
        ),
    );
    let response = STANDARD.decode(between(&sent, "'>", "</response>")).unwrap();
    let ServerStep::Success { user, data } = oracle.response(&response).unwrap() else {
        panic!("success")
    };
    assert_eq!(user, "juliet");
    let data = STANDARD.encode(data);
    let success = format!(
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
        {data}
      </success>"
    );
    to_client(client, &success).0
}

fn client_bound(client: &mut Client) {
    let (sent, _) = to_client(client, &(server_header(IDS[2]) + BIND_FEATURES));
    let id = between(&sent, "id='", "'");
    same(&sent, &BIND.replace("yhc13a95", id));
    let (_, events) = to_client(client, &BOUND.replace("yhc13a95", id));
    let ready = events.iter().any(|event| matches!(event, client::Event::Ready { jid, .. } if jid.as_str() == "juliet@im.example.com/balcony"));
    assert!(ready, "{events:?}");
}

#[test]
fn section_9_1_as_the_client_lives_it() {
    let mut client = client();
    assert_eq!(opened(&client_over_tls(&mut client)), opened(CLIENT_HEADER));
    assert_eq!(opened(&client_authenticated(&mut client)), opened(CLIENT_HEADER));
    client_bound(&mut client);
    // §9.1.4; the server says who it is from.
    let question = MessageBuilder::new()
        .id("ju2ba41c")
        .to(&"romeo@example.net".parse().unwrap())
        .kind(MessageKind::Chat)
        .lang("en")
        .body("Art thou not Romeo, and a Montague?");
    client.send(NOW, question.build().unwrap()).unwrap();
    same(&drain(&mut client).0, &QUESTION.replace("from='juliet@im.example.com/balcony'", ""));
    let (_, events) = to_client(&mut client, ANSWER);
    let [client::Event::Message(stanza)] = events.as_slice() else { panic!("{events:?}") };
    let body = stanza.as_message().unwrap().body().unwrap().into_owned();
    assert_eq!(body, "Neither, fair saint, if either thee dislike.");
    // §9.1.5
    client.close(NOW).unwrap();
    assert_eq!(drain(&mut client).0, "</stream:stream>");
    let (sent, events) = to_client(&mut client, "</stream:stream>");
    assert!(sent.is_empty());
    assert!(matches!(events[..], [client::Event::Closed(client::CloseReason::Local)]));
}

#[test]
fn section_9_1_1_step_5_alt_the_client_ends_without_tls() {
    let mut client = client();
    drain(&mut client);
    to_client(&mut client, &(server_header(IDS[0]) + TLS_FEATURES));
    let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
      </stream:stream>";
    let (sent, events) = to_client(&mut client, refusal);
    assert!(!sent.contains("<auth"), "{sent}");
    assert!(matches!(events[..], [client::Event::Closed(_)]), "{events:?}");
}

#[test]
fn section_9_1_2_step_12_alt_the_client_is_refused() {
    let mut client = client();
    client_over_tls(&mut client);
    to_client(&mut client, &(server_header(IDS[1]) + SASL_FEATURES));
    let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
        <not-authorized/>
      </failure>
      </stream:stream>";
    let (_, events) = to_client(&mut client, refusal);
    let [client::Event::Closed(why)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(why.to_string(), "the server refused: not-authorized");
}

#[test]
fn section_9_1_3_step_16_alt_the_client_hears_of_a_conflict() {
    let mut client = client();
    client_over_tls(&mut client);
    client_authenticated(&mut client);
    let (sent, _) = to_client(&mut client, &(server_header(IDS[2]) + BIND_FEATURES));
    let id = between(&sent, "id='", "'");
    let conflict = "<iq id='yhc13a95' type='error'>
        <error type='cancel'>
          <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
        </error>
      </iq>";
    let (_, events) = to_client(&mut client, &conflict.replace("yhc13a95", id));
    let [client::Event::Closed(why)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(why.to_string(), "no resource was bound");
}

// ---------------------------------------------------------------- SCRAM, byte for byte

/// §9.1.2, steps 9 to 12: the decoded data that the specification prints, from both sides.
#[test]
fn section_9_1_2_scram_gives_the_bytes_of_the_specification() {
    const FIRST: &str = "n,,n=juliet,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA";
    const CHALLENGE: &str = "r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AAe124695b-69a9-4de6-9c30-b51b3808c59e,\
        s=NjhkYTM0MDgtNGY0Zi00NjdmLTkxMmUtNDlmNTNmNDNkMDMz,i=4096";
    const RESPONSE: &str = "c=biws,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA\
        e124695b-69a9-4de6-9c30-b51b3808c59e,p=UA57tM/SvpATBkH2FXs0WDXvJYw=";
    const FINAL: &str = "v=pNNDFVEQxuXxCoSEiW8GEZ+1RSo=";
    // The base64 of the elements is that of these texts.
    for (text, printed) in [
        (FIRST, "biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ=="),
        (
            CHALLENGE,
            "cj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQWUxMjQ2OTViLTY5YTktNGRlNi05YzMwLWI1MWIzODA4\
             YzU5ZSxzPU5qaGtZVE0wTURndE5HWTBaaTAwTmpkbUxUa3hNbVV0TkRsbU5UTm1ORE5rTURNeixpPTQwOTY=",
        ),
        (
            RESPONSE,
            "Yz1iaXdzLHI9b01zVEFBd0FBQUFNQUFBQU5QMFRBQUFBQUFCUFUwQUFlMTI0Njk1Yi02OWE5LTRkZTYtOWMzMC1i\
             NTFiMzgwOGM1OWUscD1VQTU3dE0vU3ZwQVRCa0gyRlhzMFdEWHZKWXc9",
        ),
        (FINAL, "dj1wTk5ERlZFUXh1WHhDb1NFaVc4R0VaKzFSU289"),
    ] {
        assert_eq!(STANDARD.encode(text), printed);
    }
    let password = Secret::new(PASSWORD);
    let (mut client, step) = SaslClient::start(
        Mechanism::ScramSha1,
        "juliet",
        Some(&password),
        CLIENT_NONCE,
        ClientBinding::Unsupported,
    )
    .unwrap();
    let sent = |step: ClientStep| match step {
        ClientStep::Send(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sent(step), FIRST);
    let context = ServerContext::new(SERVER_NONCE);
    let (mut server, _) =
        SaslServer::start(Mechanism::ScramSha1, FIRST.as_bytes(), context).unwrap();
    let known = Credentials::Password(password.clone());
    let ServerStep::Challenge(challenge) = server.credentials(&known, SALT, 4096).unwrap() else {
        panic!("a challenge")
    };
    assert_eq!(String::from_utf8(challenge).unwrap(), CHALLENGE);
    let step = client.challenge(CHALLENGE.as_bytes(), 4096..=4096).unwrap();
    let ClientStep::Derive { hash, salt, iterations } = step else { panic!("{step:?}") };
    let salted = derive(hash, PASSWORD, &salt, iterations).unwrap();
    assert_eq!(sent(client.derived(&salted).unwrap()), RESPONSE);
    let ServerStep::Success { user, data } = server.response(RESPONSE.as_bytes()).unwrap() else {
        panic!("success")
    };
    assert_eq!((user.as_str(), String::from_utf8(data).unwrap().as_str()), ("juliet", FINAL));
    assert!(client.success(FINAL.as_bytes()).is_ok());
}

// ---------------------------------------------------------------- the server

fn server() -> ServerConnection {
    let config = ServerConfig::new("im.example.com").with_tls(ServerTls::Required);
    let config =
        config.with_mechanisms(&[Mechanism::ScramSha1Plus, Mechanism::ScramSha1, Mechanism::Plain]);
    ServerConnection::new(NOW, Arc::new(config), Seed::from_u64(2))
}

fn to_server(server: &mut ServerConnection, text: &str) -> (String, Vec<server::Event>) {
    server.handle_input(NOW, server::Input::Data(text.as_bytes()));
    drain(server)
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

/// Steps 1 to 8.
fn server_over_tls(server: &mut ServerConnection) -> String {
    let (sent, _) = to_server(server, CLIENT_HEADER);
    assert_eq!(header_of(&sent), opened(&server_header(IDS[0])));
    let features = sent.split_once("<stream:features>").unwrap().1;
    let wrap = |rest: &str| format!("<all>{}</all>", rest.trim().replace("</stream:features>", ""));
    let expected = TLS_FEATURES.split_once("<stream:features>").unwrap().1;
    same(&wrap(features), &wrap(expected));
    let (sent, events) = to_server(server, STARTTLS);
    same(&sent, PROCEED);
    assert!(matches!(events[..], [server::Event::StartTls]), "{events:?}");
    let binding = ChannelBinding::new(BindingType::TlsExporter, b"keying material");
    server.set_channel_bindings(NOW, vec![binding]).unwrap();
    server.handle_input(NOW, server::Input::TlsEstablished);
    to_server(server, CLIENT_HEADER).0
}

/// Steps 9 to 12, with a client that uses the nonce of the specification.
fn server_authenticated(server: &mut ServerConnection, password: &str) -> String {
    let auth = "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"
            mechanism=\"SCRAM-SHA-1\">
        biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ==
      </auth>";
    let (_, events) = to_server(server, auth);
    let [server::Event::CredentialsNeeded { user, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(user, "juliet");
    server.credentials(NOW, &Credentials::Password(Secret::new(PASSWORD))).unwrap();
    let (sent, _) = drain(server);
    let challenge = STANDARD.decode(between(&sent, "'>", "</challenge>")).unwrap();
    assert!(challenge.starts_with(format!("r={CLIENT_NONCE}").as_bytes()));
    let password = Secret::new(password);
    let (mut oracle, _) = SaslClient::start(
        Mechanism::ScramSha1,
        "juliet",
        Some(&password),
        CLIENT_NONCE,
        ClientBinding::Unsupported,
    )
    .unwrap();
    let step = oracle.challenge(&challenge, 1..=4096).unwrap();
    let ClientStep::Derive { hash, salt, iterations } = step else { panic!("{step:?}") };
    let salted = derive(hash, password.expose(), &salt, iterations).unwrap();
    let Some(ClientStep::Send(response)) = oracle.derived(&salted) else { panic!("a response") };
    let response = STANDARD.encode(response);
    let text = format!(
        "<response xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">
        {response}
      </response>"
    );
    let (sent, _) = to_server(server, &text);
    if sent.contains("<success ") {
        let data = STANDARD.decode(between(&sent, "'>", "</success>")).unwrap();
        assert!(oracle.success(&data).is_ok());
    }
    sent
}

fn server_bound(server: &mut ServerConnection) {
    let (sent, _) = to_server(server, CLIENT_HEADER);
    assert_eq!(header_of(&sent), opened(&server_header(IDS[2])));
    assert!(features(&sent).bind && features(&sent).mechanisms.is_empty());
    let (_, events) = to_server(server, BIND);
    let [server::Event::BindRequested { account, resource, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(account.as_str(), "juliet@im.example.com");
    assert_eq!(resource.as_deref(), Some("balcony"));
}

#[test]
fn section_9_1_as_the_server_lives_it() {
    let mut server = server();
    let sent = server_over_tls(&mut server);
    assert_eq!(header_of(&sent), opened(&server_header(IDS[1])));
    assert_eq!(features(&sent).mechanisms, ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"]);
    let sent = server_authenticated(&mut server, PASSWORD);
    assert!(sent.starts_with("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"), "{sent}");
    server_bound(&mut server);
    server.bind(NOW, "balcony").unwrap();
    same(&drain(&mut server).0, BOUND);
    // §9.1.4
    let (_, events) = to_server(&mut server, QUESTION);
    let [server::Event::Stanza(stanza)] = events.as_slice() else { panic!("{events:?}") };
    same(std::str::from_utf8(stanza.bytes()).unwrap(), QUESTION);
    let answer = xmpp_proto::stanza::StanzaXml::parse(ANSWER).unwrap();
    server.send(NOW, answer).unwrap();
    same(&drain(&mut server).0, ANSWER);
    // §9.1.5
    let (sent, events) = to_server(&mut server, "</stream:stream>");
    assert_eq!(sent, "</stream:stream>");
    assert!(matches!(events[..], [server::Event::Closed(server::CloseReason::Peer)]));
}

#[test]
fn section_9_1_2_step_12_alt_the_server_refuses() {
    let mut server = server();
    server_over_tls(&mut server);
    let sent = server_authenticated(&mut server, "another");
    same(
        &sent,
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
        <not-authorized/>
      </failure>",
    );
    // It may be tried again (§6.4.5), which the specification leaves out here.
    let sent = server_authenticated(&mut server, PASSWORD);
    assert!(sent.starts_with("<success "), "{sent}");
}

#[test]
fn section_9_1_3_step_16_alt_the_server_refuses_a_resource() {
    let mut server = server();
    server_over_tls(&mut server);
    server_authenticated(&mut server, PASSWORD);
    server_bound(&mut server);
    server.refuse_bind(NOW, Condition::Conflict).unwrap();
    same(
        &drain(&mut server).0,
        "<iq id='yhc13a95' type='error'>
        <error type='cancel'>
          <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
        </error>
      </iq>",
    );
}

// ---------------------------------------------------------------- two servers

const SERVER1_HEADER: &str = "<stream:stream
         from='im.example.com'
         to='example.net'
         version='1.0'
         xmlns='jabber:server'
         xmlns:stream='http://etherx.jabber.org/streams'>";

/// Server 2 writes without prefixes, and its features and the end as well.
fn server2_header(id: &str) -> String {
    format!(
        "<stream
         from='example.net'
         id='{id}'
         to='im.example.com'
         version='1.0'
         xmlns='http://etherx.jabber.org/streams'>"
    )
}

fn server1() -> Outgoing {
    let config = S2sConfig::new("im.example.com", Secret::new("s"));
    Outgoing::new(NOW, Arc::new(config), "im.example.com", "example.net")
}

fn to_server1(server: &mut Outgoing, text: &str) -> (String, Vec<OutgoingEvent>) {
    server.handle_input(NOW, s2s::Input::Data(text.as_bytes()));
    drain(server)
}

/// A header, whatever else it declares.
fn is_server1_header(sent: &str) {
    let declares =
        sent.replace(" xmlns:db='jabber:server:dialback'", "").replace(" xml:lang='en'", "");
    assert_eq!(opened(&declares), opened(SERVER1_HEADER));
}

/// Steps 1 to 10.
fn server1_authenticated(server: &mut Outgoing) -> String {
    is_server1_header(&drain(server).0);
    let features = "<features xmlns='http://etherx.jabber.org/streams'>
         <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>
           <required/>
         </starttls>
       </features>";
    let (sent, _) =
        to_server1(server, &(server2_header("hTiXkW+ih9k2SqdGkk/AZi0OJ/Q=") + features));
    same(&sent, STARTTLS);
    let (_, events) = to_server1(server, PROCEED);
    assert!(matches!(events[..], [OutgoingEvent::StartTls]), "{events:?}");
    server.handle_input(NOW, s2s::Input::TlsEstablished);
    is_server1_header(&drain(server).0);
    let features = "<features xmlns='http://etherx.jabber.org/streams'>
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
           <mechanism>EXTERNAL</mechanism>
         </mechanisms>
       </features>";
    to_server1(server, &(server2_header("RChdjlgj/TIBcbT9Keu31zDihH4=") + features)).0
}

#[test]
fn section_9_2_as_the_initiating_server_lives_it() {
    let mut server = server1();
    // Ours names itself where the specification sends "=": old servers want that (XEP-0178 §3).
    same(
        &server1_authenticated(&mut server),
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
             mechanism='EXTERNAL'>aW0uZXhhbXBsZS5jb20=</auth>",
    );
    let (sent, _) = to_server1(&mut server, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    is_server1_header(&sent);
    let (_, events) = to_server1(
        &mut server,
        &(server2_header("MbbV2FeojySpUIP6J91qaa+TWHM=")
            + "<features xmlns='http://etherx.jabber.org/streams'/>"),
    );
    let authorized = matches!(&events[..], [OutgoingEvent::Authorized { .. }]);
    assert!(authorized && server.is_authorized("im.example.com", "example.net"), "{events:?}");
    // §9.2.3
    let question = xmpp_proto::stanza::StanzaXml::parse(QUESTION).unwrap();
    server.send(NOW, "im.example.com", "example.net", question).unwrap();
    same(&drain(&mut server).0, QUESTION);
    // §9.2.4
    server.close(NOW).unwrap();
    assert_eq!(drain(&mut server).0, "</stream:stream>");
    let (_, events) = to_server1(&mut server, "</stream>");
    assert!(matches!(events[..], [OutgoingEvent::Closed(s2s::CloseReason::Local)]), "{events:?}");
}

#[test]
fn section_9_2_1_step_5_alt_the_initiating_server_ends() {
    let mut server = server1();
    drain(&mut server);
    let features = "<features xmlns='http://etherx.jabber.org/streams'>\
        <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></features>";
    to_server1(&mut server, &(server2_header("1") + features));
    let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
       </stream>";
    let (_, events) = to_server1(&mut server, refusal);
    assert!(matches!(events[..], [OutgoingEvent::Closed(_)]), "{events:?}");
}

#[test]
fn section_9_2_2_step_10_alt_the_initiating_server_is_refused() {
    let mut server = server1();
    server1_authenticated(&mut server);
    let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>
         <not-authorized/>
       </failure>
       </stream>";
    let (_, events) = to_server1(&mut server, refusal);
    assert!(matches!(events.last(), Some(OutgoingEvent::Closed(_))), "{events:?}");
    assert!(!server.is_authorized("im.example.com", "example.net"));
}

#[test]
fn section_9_2_as_the_receiving_server_lives_it() {
    let config = S2sConfig::new("example.net", Secret::new("s"));
    let mut server = Incoming::new(NOW, Arc::new(config), Seed::from_u64(3));
    let hear = |server: &mut Incoming, text: &str| {
        server.handle_input(NOW, s2s::Input::Data(text.as_bytes()));
        drain(server)
    };
    let header = |sent: &str| {
        let sent =
            sent.replace(" xmlns:db='jabber:server:dialback'", "").replace(" xml:lang='en'", "");
        let ours = "<stream:stream from='example.net' id='1' to='im.example.com' version='1.0' \
            xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";
        assert_eq!(header_of(&sent), opened(ours));
    };
    let (sent, _) = hear(&mut server, SERVER1_HEADER);
    header(&sent);
    assert_eq!(features(&sent).starttls, Some(true));
    let (sent, events) = hear(&mut server, STARTTLS);
    same(&sent, PROCEED);
    assert!(matches!(events[..], [IncomingEvent::StartTls]));
    server.handle_input(NOW, s2s::Input::TlsEstablished);
    let (sent, _) = hear(&mut server, SERVER1_HEADER);
    header(&sent);
    assert_eq!(features(&sent).mechanisms, ["EXTERNAL"]);
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'
             mechanism='EXTERNAL'>=</auth>";
    let (_, events) = hear(&mut server, auth);
    let [IncomingEvent::ExternalNeeded { domain }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(domain, "im.example.com");
    server.external(NOW, true).unwrap();
    let (sent, _) = drain(&mut server);
    same(&sent, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let (sent, _) = hear(&mut server, SERVER1_HEADER);
    assert!(sent.contains("<stream:features"), "{sent}");
    // §9.2.3
    let (_, events) = hear(&mut server, QUESTION);
    let Some(IncomingEvent::Stanza(stanza)) = events.last() else { panic!("{events:?}") };
    same(std::str::from_utf8(stanza.bytes()).unwrap(), QUESTION);
    // §9.2.4
    let (sent, events) = hear(&mut server, "</stream:stream>");
    assert_eq!(sent, "</stream:stream>");
    assert!(matches!(events.last(), Some(IncomingEvent::Closed(_))));
}

/// §4.8.5: each stanza of such a stream says what it is, and is refused when it does not.
#[test]
fn section_4_8_5_streams_without_prefixes_are_read_by_both_sides() {
    let mut server = ServerConnection::new(
        NOW,
        Arc::new(
            ServerConfig::new("im.example.com")
                .with_tls(ServerTls::None)
                .with_plain_without_tls(true),
        ),
        Seed::from_u64(1),
    );
    let header =
        "<stream to='im.example.com' version='1.0' xmlns='http://etherx.jabber.org/streams'>";
    let (sent, _) = to_server(&mut server, header);
    assert!(!features(&sent).mechanisms.is_empty());
    let plain = STANDARD.encode("\0juliet\0secret");
    to_server(
        &mut server,
        &format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"),
    );
    server.credentials(NOW, &Credentials::Accepted).unwrap();
    to_server(&mut server, header);
    let bind = "<iq xmlns='jabber:client' type='set' id='1'>\
        <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    to_server(&mut server, bind);
    server.bind(NOW, "balcony").unwrap();
    drain(&mut server);
    let (_, events) =
        to_server(&mut server, "<message xmlns='jabber:client' to='a@b'><body>x</body></message>");
    assert!(matches!(events[..], [server::Event::Stanza(_)]), "{events:?}");
    let (sent, events) = to_server(&mut server, "<message to='a@b'/>");
    assert!(sent.contains("<unsupported-stanza-type"), "{sent}");
    assert!(matches!(events[..], [server::Event::Closed(_)]));
}
