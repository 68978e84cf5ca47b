//! §9.1 as the client lives it.

use super::{
    ANSWER, BIND, BIND_FEATURES, BOUND, CLIENT_HEADER, IDS, NOW, PASSWORD, PROCEED, QUESTION, SALT,
    SASL_FEATURES, SERVER_NONCE, STARTTLS, TLS_FEATURES, drain, opened, same, server_header,
};
use crate::dialogue::between;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto_wire::Seed;
use std::sync::Arc;
use xmpp_proto::client::{self, Client, ClientConfig, TlsPolicy};
use xmpp_proto::sasl::{Credentials, Mechanism, SaslServer, Secret, ServerContext, ServerStep};
use xmpp_proto::stanza::{MessageBuilder, MessageKind};

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
