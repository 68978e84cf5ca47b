//! §9.1 as the server lives it.

use super::{
    ANSWER, BIND, BOUND, CLIENT_HEADER, CLIENT_NONCE, IDS, NOW, PASSWORD, PROCEED, QUESTION,
    STARTTLS, TLS_FEATURES, drain, features, header_of, opened, same, server_header,
};
use crate::dialogue::between;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto_wire::Seed;
use std::sync::Arc;
use xmpp_proto::sasl::{
    BindingType, ChannelBinding, ClientBinding, ClientStep, Credentials, Mechanism, SaslClient,
    Secret, derive,
};
use xmpp_proto::server::{self, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::stanza::Condition;

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
