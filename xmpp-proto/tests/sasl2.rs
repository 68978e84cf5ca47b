//! SASL 2 with Bind 2, FAST and inline resumption (XEP-0388, 0386, 0484, 0198 §9): our client
//! on our server, by the public API.
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
use xmpp_proto::client::{self, Client, ClientConfig, FastToken, Sasl2Config, TlsPolicy};
use xmpp_proto::sasl::{
    BindingType, ChannelBinding, Credentials, Mechanism, SaslError, SaslFailure, Secret,
};
use xmpp_proto::server::{self, ServerConfig, ServerConnection, ServerTls};
use xmpp_proto::sm::{SmConfig, SmSession};
use xmpp_proto::stanza::MessageBuilder;
use xmpp_proto::xml::{Ns, Writer};

const NOW: Instant = Instant::ZERO;
const AGENT: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";

fn client_config() -> ClientConfig {
    let mut config = ClientConfig::new("juliet@h.example".parse().unwrap())
        .with_password(Secret::new("secret"))
        .with_tls(TlsPolicy::Never)
        .with_sasl2(Sasl2Config::new().with_user_agent(AGENT).with_tag("Test"));
    config.direct_tls = true;
    // The arithmetic is tested elsewhere.
    config.iterations_min = 1;
    config
}

fn server_config() -> ServerConfig {
    let mut config = ServerConfig::new("h.example")
        .with_tls(ServerTls::None)
        .with_stream_management(SmConfig::new())
        .with_sasl2(true);
    config.direct_tls = true;
    config.iterations = 1;
    config
}

/// What the server's host keeps.
#[derive(Default)]
struct Host {
    /// The slots of XEP-0484 §5.1.
    new: Option<Secret>,
    current: Option<Secret>,
    rotate: bool,
    session: Option<SmSession>,
    handled: Option<u32>,
    early_data: bool,
    counted: Option<u32>,
    logins: u64,
}

#[derive(Default)]
struct Seen {
    to_server: String,
    to_client: String,
    client: Vec<client::Event>,
    server: Vec<server::Event>,
    /// How often the direction changed.
    turns: u32,
}

fn bindings() -> Vec<ChannelBinding> {
    vec![ChannelBinding::new(BindingType::TlsExporter, b"keying material")]
}

/// Lets both talk until neither has anything to say.
fn talk(client: &mut Client, server: &mut ServerConnection, host: &mut Host) -> Seen {
    let mut seen = Seen::default();
    loop {
        let (mut said, mut answered) = (Vec::new(), Vec::new());
        while let Some(output) = client.poll_output() {
            match output {
                Output::Transmit(bytes) => said.extend_from_slice(&bytes),
                Output::Event(event) => seen.client.push(event),
            }
        }
        server.handle_input(NOW, server::Input::Data(&said));
        while let Some(output) = server.poll_output() {
            let event = match output {
                Output::Transmit(bytes) => {
                    answered.extend_from_slice(&bytes);
                    continue;
                }
                Output::Event(event) => event,
            };
            match &event {
                server::Event::CredentialsNeeded { mechanism, .. } if mechanism.is_fast() => {
                    // A host whose TLS takes early data (XEP-0484 §3.3).
                    let fresh = server.token_count() > host.counted;
                    if host.early_data && !fresh {
                        server.credentials(NOW, &Credentials::Tokens(Vec::new())).unwrap();
                        continue;
                    }
                    host.counted = server.token_count();
                    let tokens = [&host.new, &host.current].into_iter().flatten().cloned();
                    server.credentials(NOW, &Credentials::Tokens(tokens.collect())).unwrap();
                }
                server::Event::CredentialsNeeded { user, .. } => {
                    assert_eq!(user, "juliet");
                    let known = Credentials::Password(Secret::new("secret"));
                    server.credentials(NOW, &known).unwrap();
                }
                server::Event::TokenRequested { .. } => {
                    assert_eq!(server.user_agent().unwrap().id.as_deref(), Some(AGENT));
                    host.new = Some(server.issue_token(NOW, "2030-01-01T00:00:00Z").unwrap());
                }
                server::Event::TokenUsed { index, .. } => {
                    if *index == 0 && host.new.is_some() {
                        host.current = host.new.take();
                    }
                    if host.rotate {
                        host.new = Some(server.rotate_token(NOW, "2031-01-01T00:00:00Z").unwrap());
                    }
                }
                server::Event::ResumeRequested { .. } => {
                    let resumed = server.resume(NOW, &mut host.session);
                    let refused = resumed.or_else(|_| {
                        server.refuse_resume(NOW, host.handled).map(|()| client.jid().clone())
                    });
                    refused.unwrap();
                }
                server::Event::BindRequested { tag, resource, .. } => {
                    let made = tag.as_ref().map(|tag| format!("{tag}/1"));
                    let made = resource.clone().or(made).unwrap_or_else(|| "made-up".into());
                    server.bind(NOW, &made).unwrap();
                }
                _ => {}
            }
            seen.server.push(event);
        }
        client.handle_input(NOW, client::Input::Data(&answered));
        seen.to_server += core::str::from_utf8(&said).unwrap();
        seen.to_client += core::str::from_utf8(&answered).unwrap();
        if said.is_empty() && answered.is_empty() {
            return seen;
        }
        seen.turns += 1;
    }
}

fn run(
    mut client: Client,
    config: ServerConfig,
    host: &mut Host,
    bound: bool,
) -> (Seen, Client, ServerConnection) {
    host.logins += 1;
    let seed = Seed::from_u64(100 + host.logins);
    let mut server = ServerConnection::new(NOW, Arc::new(config), seed);
    if bound {
        client.set_channel_bindings(NOW, bindings()).unwrap();
        server.set_channel_bindings(NOW, bindings()).unwrap();
    }
    let seen = talk(&mut client, &mut server, host);
    (seen, client, server)
}

fn log_in(config: ClientConfig, host: &mut Host) -> (Seen, Client, ServerConnection) {
    let client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    run(client, server_config(), host, true)
}

fn token(seen: &Seen) -> Option<FastToken> {
    seen.client.iter().find_map(|event| match event {
        client::Event::FastToken(token) => Some(token.clone()),
        _ => None,
    })
}

#[test]
fn a_login_binds_and_manages_at_once_without_a_new_stream() {
    let (seen, client, server) = log_in(client_config(), &mut Host::default());
    assert_eq!(client.jid().as_str(), "juliet@h.example/Test/1");
    assert_eq!(server.jid().unwrap(), client.jid());
    assert!(client.is_ready() && client.is_managed() && server.is_managed());
    assert!(seen.to_server.contains("mechanism='SCRAM-SHA-512-PLUS'"), "{}", seen.to_server);
    assert_eq!(seen.to_server.matches("<stream:stream").count(), 1);
    assert_eq!(seen.to_client.matches("<stream:features").count(), 2);
    assert!(!seen.to_client.contains("xmpp-bind'/></stream:features>"), "bound already");
    // Header, authenticate, response: the last answer is the session.
    assert_eq!(seen.turns, 3);
    let ready = seen.client.iter().filter(|e| matches!(e, client::Event::Ready { .. })).count();
    assert_eq!(ready, 1);
}

/// XEP-0386 §3.2, XEP-0352
#[test]
fn a_session_can_begin_as_one_that_nobody_looks_at() {
    let states = |seen: &Seen| -> Vec<bool> {
        let state = |event: &server::Event| match event {
            server::Event::ClientState { active } => Some(*active),
            _ => None,
        };
        seen.server.iter().filter_map(state).collect()
    };
    let mut asleep = client_config();
    asleep.sasl2 = Some(Sasl2Config::new().with_user_agent(AGENT).with_inactive(true));
    let said = "<inactive xmlns='urn:xmpp:csi:0'/>";
    let (seen, client, _) = log_in(asleep.clone(), &mut Host::default());
    assert!(client.is_ready() && client.is_managed());
    assert!(seen.to_server.contains(&format!("{said}<enable xmlns='urn:xmpp:sm:3'")));
    assert_eq!(states(&seen), [false]);
    let at = |wanted: fn(&server::Event) -> bool| seen.server.iter().position(wanted).unwrap();
    let bound = at(|event| matches!(event, server::Event::BindRequested { .. }));
    assert!(bound < at(|event| matches!(event, server::Event::ClientState { .. })));

    // Who does not say it, and where it is not offered.
    let (seen, ..) = log_in(client_config(), &mut Host::default());
    assert!(seen.to_client.contains("<feature var='urn:xmpp:csi:0'/>"), "{}", seen.to_client);
    assert!(!seen.to_server.contains(said) && states(&seen).is_empty());
    let mut config = server_config();
    config.client_state = false;
    let client = Client::new(NOW, Arc::new(asleep.clone()), Seed::from_u64(1));
    let (seen, client, _) = run(client, config, &mut Host::default(), true);
    assert!(client.is_ready() && !seen.to_client.contains("urn:xmpp:csi:0"));
    assert!(!seen.to_server.contains(said) && states(&seen).is_empty());

    // Another client may say either; one without a proof is not heard.
    let hello = |proof: &str, state: &str| {
        format!(
            "<stream:stream xmlns='jabber:client' to='h.example' version='1.0' \
             xmlns:stream='http://etherx.jabber.org/streams'>\
             <authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>\
             <initial-response>{proof}</initial-response>\
             <bind xmlns='urn:xmpp:bind:0'>{state}</bind></authenticate>"
        )
    };
    let (right, wrong) = ("AGp1bGlldABzZWNyZXQ=", "AGp1bGlldAB3cm9uZw==");
    let (active, foreign) =
        ("<active xmlns='urn:xmpp:csi:0'/>", "<active xmlns='urn:xmpp:csi:1'/>");
    for (proof, state, expected) in [
        (right, active, Some(true)),
        (right, said, Some(false)),
        (right, foreign, None),
        (wrong, said, None),
    ] {
        let mut server = ServerConnection::new(NOW, Arc::new(server_config()), Seed::from_u64(9));
        server.handle_input(NOW, server::Input::Data(hello(proof, state).as_bytes()));
        let mut heard = None;
        while let Some(output) = server.poll_output() {
            let Output::Event(event) = output else { continue };
            match event {
                server::Event::CredentialsNeeded { .. } => {
                    let known = Credentials::Password(Secret::new("secret"));
                    server.credentials(NOW, &known).unwrap();
                }
                server::Event::BindRequested { .. } => drop(server.bind(NOW, "made-up").unwrap()),
                server::Event::ClientState { active } => {
                    assert!(server.jid().unwrap().resource().is_some());
                    heard = Some(active);
                }
                _ => {}
            }
        }
        assert_eq!(heard, expected, "{proof} {state}");
    }
}

#[test]
fn without_the_offer_the_login_is_the_old_one() {
    let mut config = server_config();
    config.sasl2 = false;
    let client = Client::new(NOW, Arc::new(client_config()), Seed::from_u64(1));
    let (seen, client, _) = run(client, config, &mut Host::default(), true);
    assert!(client.is_ready() && client.is_managed());
    assert!(!seen.to_server.contains("urn:xmpp:sasl:2"));
    // And in clear there is no offer.
    let mut config = server_config();
    config.direct_tls = false;
    let mut clear = client_config();
    clear.direct_tls = false;
    let client = Client::new(NOW, Arc::new(clear), Seed::from_u64(1));
    let (seen, client, _) = run(client, config, &mut Host::default(), false);
    assert!(client.is_ready() && !seen.to_client.contains("urn:xmpp:sasl:2"));
}

#[test]
fn a_token_logs_in_once_it_was_asked_for_and_is_rotated() {
    let mut host = Host::default();
    let mut config = client_config();
    config.sasl2.as_mut().unwrap().request_token = true;
    let (seen, ..) = log_in(config.clone(), &mut host);
    let first = token(&seen).unwrap();
    assert_eq!(
        (first.mechanism, first.expiry.as_str()),
        (Mechanism::HtExporter, "2030-01-01T00:00:00Z")
    );
    assert!(!format!("{:?}", seen.client).contains(first.token.expose()), "a secret is shown");

    // The next login takes one turn less, and the password is not needed.
    let fast = |token: &FastToken| {
        let mut config = client_config();
        config.password = None;
        config.sasl2.as_mut().unwrap().token = Some(token.clone());
        config
    };
    host.rotate = true;
    let (seen, client, _) = log_in(fast(&first), &mut host);
    assert!(client.is_ready() && seen.turns == 2, "{}", seen.turns);
    assert!(seen.to_server.contains("mechanism='HT-SHA-256-EXPR'"));
    assert!(
        seen.server
            .iter()
            .any(|e| matches!(e, server::Event::TokenUsed { index: 0, invalidate: false, .. }))
    );
    let second = token(&seen).unwrap();
    assert_ne!(first.token, second.token);

    // Until the new one is used, both are good; then only it.
    host.rotate = false;
    assert!(log_in(fast(&first), &mut host).1.is_ready());
    assert!(log_in(fast(&second), &mut host).1.is_ready());
    let (seen, client, _) = log_in(fast(&first), &mut host);
    assert!(!client.is_ready());
    assert!(seen.client.iter().any(|e| matches!(e, client::Event::FastTokenRefused)));
    assert!(matches!(seen.client.last(), Some(client::Event::PasswordNeeded)));
}

#[test]
fn a_token_that_is_not_taken_gives_way_to_the_password() {
    for mechanism in [Mechanism::HtExporter, Mechanism::HtNone] {
        let mut config = client_config();
        let wrong = FastToken::new(mechanism, Secret::new("guessed"), "");
        config.sasl2.as_mut().unwrap().token = Some(wrong);
        let (seen, client, _) = log_in(config, &mut Host::default());
        assert!(client.is_ready());
        assert!(seen.to_client.contains("<credentials-expired "));
        assert!(seen.client.iter().any(|e| matches!(e, client::Event::FastTokenRefused)));
    }
    // A token of a mechanism that cannot bind here is not even shown.
    let mut config = client_config();
    let wrong = FastToken::new(Mechanism::HtUnique, Secret::new("guessed"), "");
    config.sasl2.as_mut().unwrap().token = Some(wrong);
    let (seen, client, _) = log_in(config, &mut Host::default());
    assert!(client.is_ready() && !seen.to_server.contains("HT-SHA"));
}

#[test]
fn a_token_is_for_this_connection_only_when_it_binds() {
    let mut host = Host { new: Some(Secret::new("token")), ..Host::default() };
    let mut config = client_config();
    config.sasl2.as_mut().unwrap().token =
        Some(FastToken::new(Mechanism::HtExporter, Secret::new("token"), ""));
    let mut client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    let mut server = ServerConnection::new(NOW, Arc::new(server_config()), Seed::from_u64(2));
    client.set_channel_bindings(NOW, bindings()).unwrap();
    let other = ChannelBinding::new(BindingType::TlsExporter, b"of somebody in the middle");
    server.set_channel_bindings(NOW, vec![other]).unwrap();
    let seen = talk(&mut client, &mut server, &mut host);
    // Neither the token nor SCRAM with the password goes through him.
    assert!(!client.is_ready());
    assert!(matches!(
        seen.client.last(),
        Some(client::Event::Closed(client::CloseReason::Refused(_)))
    ));
}

/// A server that has no SCRAM with channel binding offers bound tokens all the same.
#[test]
fn a_bound_token_needs_no_bound_password() {
    let mut host = Host { new: Some(Secret::new("token")), ..Host::default() };
    let mut config = client_config();
    config.sasl2.as_mut().unwrap().token =
        Some(FastToken::new(Mechanism::HtExporter, Secret::new("token"), ""));
    let client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    let server = server_config().with_mechanisms(&[Mechanism::ScramSha256]);
    let (seen, client, _) = run(client, server, &mut host, true);
    assert!(client.is_ready() && host.current.is_some(), "{}", seen.to_client);
    assert!(!seen.to_client.contains("<failure"), "{}", seen.to_client);
}

/// XEP-0484 §4.3: behind a token there are no tasks.
#[test]
fn a_token_asks_for_no_second_factor() {
    let mut host = Host { new: Some(Secret::new("token")), ..Host::default() };
    let mut config = client_config();
    config.sasl2.as_mut().unwrap().token =
        Some(FastToken::new(Mechanism::HtExporter, Secret::new("token"), ""));
    let client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
    let (seen, client, _) = run(client, server_config().with_tasks(true), &mut host, true);
    assert!(client.is_ready(), "{:?}", seen.server);
    assert!(!seen.server.iter().any(|event| matches!(event, server::Event::TasksNeeded { .. })));
}

fn broken(host: &mut Host) -> SmSession {
    let (_, mut client, mut server) = log_in(client_config(), host);
    let message = MessageBuilder::new().to(&"romeo@h.example".parse().unwrap()).body("x").build();
    client.send(NOW, message.unwrap()).unwrap();
    client.handle_input(NOW, client::Input::Eof);
    server.handle_input(NOW, server::Input::Eof);
    host.session = server.take_session();
    client.take_session().unwrap()
}

#[test]
fn a_session_is_resumed_with_the_authentication() {
    let mut host = Host::default();
    let session = broken(&mut host);
    let client = Client::resume(NOW, Arc::new(client_config()), Seed::from_u64(3), session);
    let (seen, client, server) = run(client, server_config(), &mut host, true);
    assert!(seen.client.iter().any(|e| matches!(e, client::Event::Resumed { .. })));
    assert_eq!(seen.to_client.matches("<stream:features").count(), 1, "none behind the success");
    assert!(!seen.to_client.contains("<bound"), "the bind is ignored");
    assert!(seen.server.iter().any(|e| matches!(e, server::Event::Stanza(_))), "sent again");
    assert_eq!(client.jid(), server.jid().unwrap());
}

#[test]
fn when_the_resumption_fails_a_resource_is_bound_all_the_same() {
    for handled in [None, Some(0)] {
        let mut host = Host::default();
        let session = broken(&mut host);
        (host.session, host.handled) = (None, handled);
        let client = Client::resume(NOW, Arc::new(client_config()), Seed::from_u64(3), session);
        let (seen, client, _) = run(client, server_config(), &mut host, true);
        assert!(client.is_ready() && client.is_managed());
        assert!(seen.to_client.contains("<failed xmlns='urn:xmpp:sm:3'"));
        assert!(seen.client.iter().any(|e| matches!(e, client::Event::Ready { .. })));
        // Sent again only where it is known that it was not handled.
        let again = seen.server.iter().any(|e| matches!(e, server::Event::Stanza(_)));
        assert_eq!(again, handled.is_some());
    }
}

/// XEP-0388 §2.3: the header's `from` and the identity must agree.
#[test]
fn another_name_than_that_of_the_header_is_refused() {
    let mut server = ServerConnection::new(NOW, Arc::new(server_config()), Seed::from_u64(2));
    let plain = "AGp1bGlldABzZWNyZXQ="; // juliet, secret
    let script = format!(
        "<stream:stream to='h.example' from='romeo@h.example' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'><authenticate xmlns='urn:xmpp:sasl:2' \
         mechanism='PLAIN'><initial-response>{plain}</initial-response></authenticate>"
    );
    server.handle_input(NOW, server::Input::Data(script.as_bytes()));
    let mut sent = String::new();
    while let Some(output) = server.poll_output() {
        match output {
            Output::Transmit(bytes) => sent += core::str::from_utf8(&bytes).unwrap(),
            Output::Event(server::Event::CredentialsNeeded { .. }) => {
                server.credentials(NOW, &Credentials::Accepted).unwrap();
            }
            Output::Event(event) => panic!("{event:?}"),
        }
    }
    assert!(sent.contains("<failure xmlns='urn:xmpp:sasl:2'><invalid-authzid "), "{sent}");
}

/// What a server may not do in an exchange, and how the client ends.
#[test]
fn a_server_that_skips_its_proof_or_wants_more_is_left() {
    let offer = "<stream:stream from='h.example' id='1' version='1.0' xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams'><stream:features><authentication \
        xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism>\
        <inline><bind xmlns='urn:xmpp:bind:0'/></inline></authentication></stream:features>";
    let id = "<authorization-identifier>juliet@h.example/x</authorization-identifier>";
    let reason = |config: ClientConfig, answer: &str| {
        let mut client = Client::new(NOW, Arc::new(config), Seed::from_u64(1));
        client.handle_input(NOW, client::Input::Data(offer.as_bytes()));
        client.handle_input(NOW, client::Input::Data(answer.as_bytes()));
        let mut last = None;
        while let Some(output) = client.poll_output() {
            if let Output::Event(client::Event::Closed(why)) = output {
                last = Some(why);
            }
        }
        last
    };
    let sasl = |error| Some(client::CloseReason::Sasl(error));
    let success = |inner: &str| format!("<success xmlns='urn:xmpp:sasl:2'>{inner}</success>");
    let plain = || client_config().with_mechanisms(&[Mechanism::Plain]);
    assert_eq!(reason(client_config(), &success(id)), sasl(SaslError::Unproved));
    let forged = format!("<additional-data>dj1abTl5WjJWaw==</additional-data>{id}");
    assert_eq!(reason(client_config(), &success(&forged)), sasl(SaslError::Unproved));
    let tasks = "<continue xmlns='urn:xmpp:sasl:2'><tasks><task>TOTP</task></tasks></continue>";
    assert_eq!(reason(plain(), tasks), sasl(SaslError::Task));
    for answer in [
        success(""),
        success(
            "<authorization-identifier>juliet@h.example</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/>",
        ),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_string(),
        "<message/>".to_string(),
    ] {
        let got = reason(plain(), &answer);
        assert!(matches!(got, Some(client::CloseReason::Protocol(_))), "{answer}: {got:?}");
    }
}

/// Who replays the early data of a login replays its count.
#[test]
fn a_replayed_count_of_a_token_is_refused() {
    let mut host = Host::default();
    let mut config = client_config();
    config.sasl2 = config.sasl2.map(|sasl2| sasl2.with_request_token(true));
    let (seen, ..) = log_in(config, &mut host);
    let issued = token(&seen).unwrap();
    host.early_data = true;
    let mut attempt = |count: Option<u32>| {
        let mut token = issued.clone();
        token.count = count;
        let mut config = client_config();
        config.sasl2 = config.sasl2.map(|sasl2| sasl2.with_token(token));
        let (seen, ..) = log_in(config, &mut host);
        if let Some(count) = count {
            assert!(
                seen.to_server
                    .contains(&format!("<fast xmlns='urn:xmpp:fast:0' count='{count}'/>"))
            );
        }
        !seen.client.iter().any(|event| matches!(event, client::Event::FastTokenRefused))
    };
    for (count, taken) in [
        (None, false),
        (Some(1), true),
        (Some(1), false),
        (Some(7), true),
        (Some(3), false),
        (None, false),
    ] {
        assert_eq!(attempt(count), taken, "{count:?}");
    }
}

/// XEP-0388 §2.6.3: a code on top of the password, asked for by the server and by the client's
/// host; what both say, and what becomes of a wrong one, of one that nobody offered, of a silence.
#[test]
fn a_second_factor_is_asked_for_behind_the_password() {
    let config = || client_config().with_sasl2(Sasl2Config::new().with_tasks(true));
    let begin = || {
        let client = Client::new(NOW, Arc::new(config()), Seed::from_u64(1));
        let server = server_config().with_tasks(true);
        let server = ServerConnection::new(NOW, Arc::new(server), Seed::from_u64(2));
        (client, server, Host::default())
    };
    let code = |code: &'static str| move |w: &mut Writer| _ = w.leaf(Ns::SASL2, "code", code);
    let (mut client, mut server, mut host) = begin();
    let seen = talk(&mut client, &mut server, &mut host);
    assert!(matches!(seen.server.last(), Some(server::Event::TasksNeeded { account })
        if account.as_str() == "juliet@h.example"));
    server.require_tasks(NOW, &["TOTP", "SMS"], "two of them").unwrap();
    let seen = talk(&mut client, &mut server, &mut host);
    assert!(seen.to_client.starts_with("<continue xmlns='urn:xmpp:sasl:2'><additional-data>"));
    let expected =
        "<tasks><task>TOTP</task><task>SMS</task></tasks><text>two of them</text></continue>";
    assert!(seen.to_client.ends_with(expected), "{}", seen.to_client);
    assert!(matches!(&seen.client[..], [client::Event::TasksOffered { tasks, text: Some(text) }]
        if tasks[..] == ["TOTP", "SMS"] && text == "two of them"));
    assert!(client.choose_task(NOW, "PIN", |_| {}).is_err(), "it was not offered");
    assert!(client.answer_task(NOW, |_| {}).is_err(), "nothing was asked yet");
    assert_eq!(client.next_timer(), None, "people are slow");
    client.choose_task(NOW, "TOTP", |_| {}).unwrap();
    let seen = talk(&mut client, &mut server, &mut host);
    assert_eq!(seen.to_server, "<next xmlns='urn:xmpp:sasl:2' task='TOTP'/>");
    assert!(matches!(&seen.server[..], [server::Event::TaskChosen { task, .. }] if task == "TOTP"));
    server.send_task_data(NOW, |w| _ = w.leaf(Ns::SASL2, "digits", "6")).unwrap();
    let seen = talk(&mut client, &mut server, &mut host);
    assert!(matches!(&seen.client[..], [client::Event::TaskData { data }]
        if data.expose() == "<task-data xmlns='urn:xmpp:sasl:2'><digits>6</digits></task-data>"));
    client.answer_task(NOW, code("123456")).unwrap();
    let seen = talk(&mut client, &mut server, &mut host);
    let [server::Event::TaskData { data }] = &seen.server[..] else { panic!("{:?}", seen.server) };
    assert!(data.expose().contains("<code>123456</code>"));
    assert!(!format!("{:?}", seen.server).contains("123456"), "a secret is shown");
    server.accept_tasks(NOW).unwrap();
    let seen = talk(&mut client, &mut server, &mut host);
    assert!(!seen.to_client.contains("additional-data"), "the mechanism has said all");
    assert!(client.is_ready() && server.is_ready());
    assert!(
        server.accept_tasks(NOW).is_err()
            && server.refuse_tasks(NOW, SaslFailure::Aborted).is_err()
    );

    // A wrong code is a failed login, and so is a task that was not offered.
    for wrong in [true, false] {
        let (mut client, mut server, mut host) = begin();
        talk(&mut client, &mut server, &mut host);
        server.require_tasks(NOW, &["TOTP"], "").unwrap();
        talk(&mut client, &mut server, &mut host);
        if wrong {
            client.choose_task(NOW, "TOTP", code("000000")).unwrap();
            talk(&mut client, &mut server, &mut host);
            server.refuse_tasks(NOW, SaslFailure::NotAuthorized).unwrap();
        } else {
            let next = b"<next xmlns='urn:xmpp:sasl:2' task='SMS'/>";
            server.handle_input(NOW, server::Input::Data(next));
        }
        let seen = talk(&mut client, &mut server, &mut host);
        assert!(seen.to_client.contains("<failure xmlns='urn:xmpp:sasl:2'>"), "{}", seen.to_client);
        assert!(matches!(
            seen.client.last(),
            Some(client::Event::Closed(client::CloseReason::Refused(_)))
        ));
        assert!(!server.is_ready());
    }

    // It is not enough to wait: there is a time for each step, longer than that of the rest.
    let (mut client, mut server, mut host) = begin();
    talk(&mut client, &mut server, &mut host);
    server.require_tasks(NOW, &["TOTP"], "").unwrap();
    talk(&mut client, &mut server, &mut host);
    let at = Instant::from_secs(120);
    assert_eq!(server.next_timer(), Some((at, server::Timer::Negotiation)));
    server.handle_timeout(at);
    let seen = talk(&mut client, &mut server, &mut host);
    assert!(matches!(seen.server.last(), Some(server::Event::Closed(_))));

    // Where nothing is wanted nobody notices, and a server that skips its proof gets no code.
    let (mut client, mut server, mut host) = begin();
    talk(&mut client, &mut server, &mut host);
    server.accept_tasks(NOW).unwrap();
    talk(&mut client, &mut server, &mut host);
    assert!(client.is_ready());
    let (mut client, mut server, mut host) = begin();
    talk(&mut client, &mut server, &mut host);
    let offer = b"<continue xmlns='urn:xmpp:sasl:2'><tasks><task>TOTP</task></tasks></continue>";
    client.handle_input(NOW, client::Input::Data(offer));
    let unproved = client::CloseReason::Sasl(SaslError::Unproved);
    assert!(core::iter::from_fn(|| client.poll_output()).any(|output| matches!(
        output, Output::Event(client::Event::Closed(why)) if why == unproved)));
}
