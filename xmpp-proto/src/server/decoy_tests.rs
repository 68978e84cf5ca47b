//! What a stranger may not learn from a login.

use super::tests::{HEADER, config, start};
use super::*;
use crate::sasl::{Credentials, Mechanism, ScramKeys, Secret};
use alloc::format;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SCRAM: &[Mechanism] = &[Mechanism::ScramSha256, Mechanism::ScramSha1];

/// Salt and rounds of the challenge that a stranger gets.
fn salt_of(user: &str, mechanism: Mechanism, config: ServerConfig, seed: u64) -> String {
    let config = config.with_mechanisms(SCRAM);
    let mut server = ServerConnection::new(Instant::ZERO, Arc::new(config), Seed::from_u64(seed));
    let first = STANDARD.encode(format!("n,,n={user},r=abc"));
    let (ns, name) = ("urn:ietf:params:xml:ns:xmpp-sasl", mechanism.name());
    let text = format!("{HEADER}<auth xmlns='{ns}' mechanism='{name}'>{first}</auth>");
    server.handle_input(Instant::ZERO, Input::Data(text.as_bytes()));
    let mut sent = String::new();
    while let Some(output) = server.poll_output() {
        match output {
            Output::Transmit(bytes) => sent = String::from_utf8(bytes.to_vec()).unwrap(),
            Output::Event(Event::CredentialsNeeded { user, .. }) => {
                let keys = ScramKeys::new(mechanism.hash().unwrap(), &[7; 16], 4096, &[1], &[2]);
                let known = match user.as_str() {
                    "juliet" => Credentials::Keys(keys),
                    _ => Credentials::Refused,
                };
                server.credentials(Instant::ZERO, &known).unwrap();
            }
            Output::Event(event) => panic!("{event:?}"),
        }
    }
    let challenge = sent.split(['<', '>']).nth(2).unwrap();
    let challenge = String::from_utf8(STANDARD.decode(challenge).unwrap()).unwrap();
    challenge.split_once(",s=").unwrap().1.to_string()
}

/// RFC 5802 §9: whoever asks twice must not see by the salt which accounts are there.
#[test]
fn the_salt_of_an_account_that_is_not_there_stays_the_same() {
    let sha256 = Mechanism::ScramSha256;
    let hidden = || config().with_decoy_key(Secret::new("key"));
    let ask = |user: &str, seed: u64| salt_of(user, sha256, hidden(), seed);
    assert_eq!(ask("juliet", 1), ask("juliet", 2), "of kept keys");
    assert_eq!(ask("nobody", 1), ask("nobody", 2));
    assert_eq!(ask("nobody", 1), ask("Nobody", 2), "one address");
    assert_eq!(ask("nobody", 1).len(), ask("juliet", 1).len());
    // It is the account's own, as that of kept keys is, and nobody else can make it.
    assert!(ask("nobody", 1) != ask("somebody", 1));
    assert!(ask("nobody", 1) != salt_of("nobody", Mechanism::ScramSha1, hidden(), 1));
    let other = config().with_decoy_key(Secret::new("other"));
    assert!(ask("nobody", 1) != salt_of("nobody", sha256, other, 1));
    // Without a key there is nothing to make it from.
    assert!(salt_of("nobody", sha256, config(), 1) != salt_of("nobody", sha256, config(), 2));
    assert!(!start(hidden()).is_ready());
}
