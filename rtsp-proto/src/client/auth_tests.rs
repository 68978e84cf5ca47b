#![allow(clippy::unwrap_used, reason = "tests state what must hold")]

use super::tests::{Host, URL, quiet};
use super::*;
use crate::HeaderName;
use crate::message::{Method, StatusCode};
use alloc::format;
use proto_wire::digest::{Credential, Secret, Server, ServerConfig, Verdict};

fn host(basic: bool) -> Host {
    let credential = Credential::new("alice", "secret").unwrap();
    Host::new(quiet().with_credential(credential).with_basic(basic))
}

#[test]
fn the_strongest_challenge_is_answered_and_the_body_sent_again() {
    let mut host = host(true);
    let request = RequestBuilder::new(Method::Announce, URL).body("application/sdp", "v=0\r\n");
    let id = host.client.request(host.now, None, request).unwrap();
    assert!(!host.sent().contains("Authorization"));
    let events = host.answer(
        1,
        401,
        "WWW-Authenticate: Basic realm=\"r\"\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n1\"\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth\"\r\n",
    );
    assert_eq!(events, []);
    let again = host.sent();
    assert!(again.starts_with("ANNOUNCE rtsp://h/a RTSP/1.0\\r\\nCSeq: 2\\r\\n"), "{again}");
    assert!(again.contains("algorithm=SHA-256") && again.contains("nc=00000001"), "{again}");
    assert!(again.contains("uri=\\\"rtsp://h/a\\\""), "{again}");
    assert!(again.ends_with("\\r\\n\\r\\nv=0\\r\\n"), "{again}");
    let events = host.answer(2, 200, "");
    assert!(matches!(&events[..], [Event::Response { id: done, .. }] if *done == id));
    // The next request carries the answer at once.
    host.client.options(host.now, "*").unwrap();
    let next = host.sent();
    assert!(next.contains("nc=00000002") && next.contains("uri=\\\"*\\\""), "{next}");
}

#[test]
fn refused_credentials_are_not_sent_again() {
    for challenge in ["Digest realm=\"r\", nonce=\"n\"", "Basic realm=\"r\""] {
        let mut host = host(true);
        host.client.describe(host.now, URL).unwrap();
        host.sent();
        let challenge = format!("WWW-Authenticate: {challenge}\r\n");
        assert_eq!(host.answer(1, 401, &challenge), []);
        assert!(host.sent().contains("Authorization: "));
        let events = host.answer(2, 401, &challenge);
        let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(response.view().status(), StatusCode::UNAUTHORIZED);
        assert_eq!(host.sent(), "");
    }
}

#[test]
fn basic_can_be_forbidden_and_without_credentials_the_challenge_is_the_answer() {
    let challenge = "WWW-Authenticate: Basic realm=\"r\"\r\n";
    for mut host in [host(false), Host::new(quiet())] {
        host.client.describe(host.now, URL).unwrap();
        host.sent();
        assert!(matches!(host.answer(1, 401, challenge)[..], [Event::Response { .. }]));
    }
}

#[test]
fn a_proxy_is_answered_in_its_own_header() {
    let mut host = host(true);
    host.client.describe(host.now, URL).unwrap();
    host.sent();
    host.answer(1, 407, "Proxy-Authenticate: Basic realm=\"r\"\r\n");
    assert!(host.sent().contains("Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\\r\\n"));
}

/// Against the verifying side of the same family.
#[test]
fn the_server_side_accepts_what_is_sent() {
    let mut verifier = Server::new(ServerConfig::new("r").unwrap(), Seed::from_u64(3));
    let mut host = host(false);
    host.client.describe(host.now, URL).unwrap();
    host.sent();
    let mut headers = String::new();
    for challenge in verifier.challenges(host.now, false) {
        headers.push_str(&format!("WWW-Authenticate: {challenge}\r\n"));
    }
    host.answer(1, 401, &headers);
    host.drain();
    let bytes = core::mem::take(&mut host.wire);
    let mut index = crate::Index::new();
    let parsed = crate::Message::parse(&bytes, &mut index, &crate::Limits::default());
    let Some((crate::Message::Request(request), _)) = parsed.unwrap() else { panic!("none") };
    let header = request.headers().get(HeaderName::Authorization).unwrap();
    let claim = verifier.claim([header]).unwrap().unwrap();
    assert_eq!(claim.username(), "alice");
    let secret = Secret::Password("secret");
    let verdict = verifier.verify(host.now, &claim, b"DESCRIBE", b"", secret);
    assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
}
