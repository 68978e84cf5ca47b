use super::tests::{HEADER, config, hear, offer, start};
use super::*;
use crate::sasl::{BindingType, ChannelBinding, Mechanism};
use alloc::format;

/// What a client with `bindings` sends to a server that offers `mechanisms` and `types`.
fn auth(config: ClientConfig, bindings: &[BindingType], mechanisms: &str, types: &str) -> String {
    let mut client = start(config);
    let bindings = bindings.iter().map(|kind| ChannelBinding::new(*kind, b"data")).collect();
    client.set_channel_bindings(Instant::ZERO, bindings).unwrap();
    let types: String =
        types.split_whitespace().map(|t| format!("<channel-binding type='{t}'/>")).collect();
    let types = match types.as_str() {
        "" => String::new(),
        _ => format!(
            "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{types}</sasl-channel-binding>"
        ),
    };
    let features =
        offer(mechanisms).replace("</stream:features>", &format!("{types}</stream:features>"));
    let out = hear(&mut client, &format!("{HEADER}{features}"));
    let Some((_, auth)) = out.sent.split_once("mechanism='") else {
        return format!("{:?}", out.closed().unwrap());
    };
    let (name, message) = auth.split_once("'>").unwrap();
    let message = message.split('<').next().unwrap();
    let message = crate::sasl::decode(message).unwrap();
    let first = String::from_utf8(message).unwrap();
    format!("{name} {}", first.split(",n=").next().unwrap())
}

#[test]
fn channel_binding_is_used_where_both_can_and_never_given_up_in_silence() {
    let both = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN";
    let exporter = BindingType::TlsExporter;
    let secure = || {
        let mut config = config();
        config.direct_tls = true;
        config
    };
    let required = || secure().with_require_channel_binding(true);
    let rows: [(ClientConfig, &[BindingType], &str, &str, &str); 11] = [
        (secure(), &[exporter], both, "tls-exporter", "SCRAM-SHA-256-PLUS p=tls-exporter,"),
        // Without XEP-0440 the host's best is tried.
        (secure(), &[BindingType::TlsUnique], both, "", "SCRAM-SHA-256-PLUS p=tls-unique,"),
        (
            secure(),
            &[exporter, BindingType::TlsServerEndPoint],
            both,
            "tls-server-end-point",
            "SCRAM-SHA-256-PLUS p=tls-server-end-point,",
        ),
        // Offered, but of no type that both have: an honest `n`.
        (secure(), &[exporter], both, "tls-unique x-other", "SCRAM-SHA-256 n,"),
        (secure(), &[], both, "tls-exporter", "SCRAM-SHA-256 n,"),
        // Not offered although this side could: the server shall know.
        (secure(), &[exporter], "SCRAM-SHA-256 PLAIN", "", "SCRAM-SHA-256 y,"),
        (
            secure().with_mechanisms(&[Mechanism::ScramSha256]),
            &[exporter],
            "SCRAM-SHA-256",
            "",
            "SCRAM-SHA-256 n,",
        ),
        (required(), &[exporter], both, "tls-exporter", "SCRAM-SHA-256-PLUS p=tls-exporter,"),
        (required(), &[exporter], "SCRAM-SHA-256 PLAIN", "", "NoMechanism"),
        (required(), &[], both, "tls-exporter", "NoMechanism"),
        // Never from -PLUS to PLAIN (a known client fell through to it).
        (
            secure().with_mechanisms(&[Mechanism::ScramSha256Plus]),
            &[exporter],
            "SCRAM-SHA-256 PLAIN",
            "",
            "NoMechanism",
        ),
    ];
    for (config, bindings, mechanisms, types, expected) in rows {
        assert_eq!(auth(config, bindings, mechanisms, types), expected, "{mechanisms} {types}");
    }
}

#[test]
fn external_needs_tls_and_no_password() {
    let mut config = ClientConfig::new("me@h".parse().unwrap())
        .with_tls(TlsPolicy::Never)
        .with_mechanisms(&[Mechanism::External, Mechanism::Anonymous]);
    let features = format!("{HEADER}{}", offer("EXTERNAL ANONYMOUS PLAIN"));
    // In clear there is no certificate.
    let sent = hear(&mut start(config.clone()), &features).sent;
    assert!(sent.ends_with("mechanism='ANONYMOUS'>=</auth>"), "{sent}");
    config.direct_tls = true;
    let sent = hear(&mut start(config), &features).sent;
    assert!(sent.ends_with("mechanism='EXTERNAL'>=</auth>"), "{sent}");
}

#[test]
fn bindings_come_before_authentication_or_not_at_all() {
    let mut client = start(config());
    assert_eq!(client.set_channel_bindings(Instant::ZERO, Vec::new()), Ok(()));
    hear(&mut client, &format!("{HEADER}{}", offer("PLAIN")));
    let late = client.set_channel_bindings(Instant::ZERO, Vec::new());
    assert_eq!(late, Err(CommandError::NotAsked));
    client.handle_input(Instant::ZERO, Input::Eof);
    let closed = client.set_channel_bindings(Instant::ZERO, Vec::new());
    assert_eq!(closed, Err(CommandError::Closed));
}
