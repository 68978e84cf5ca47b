//! 401 and 407 at the client (RFC 2326 §D, RFC 7826 §19.1, RFC 7616, RFC 2617).

#![cfg(feature = "digest")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests state what must hold"
)]

mod player;

use player::{Player, URL, quiet, tcp};
use proto_wire::digest::{Algorithm, Credential};
use rtsp_proto::client::{Config, Event};
use rtsp_proto::{BuildError, CommandError, State, StatusCode, Version};

fn config() -> Config {
    quiet().with_credential(Credential::new("u", "p").unwrap())
}

/// A response to request `cseq` with these header lines.
fn response(status: u16, cseq: u32, lines: &str) -> String {
    format!("RTSP/1.0 {status} X\nCSeq: {cseq}\n{lines}\n")
}

fn digest(nonce: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"\n")
}

/// RFC 7616 §3.3: the same URI as in the request line, `nc` per nonce, opaque echoed.
#[test]
fn the_parts_of_an_answer() {
    let mut player = Player::with(config());
    let now = player.now;
    player.client.options(now, "*").unwrap();
    player.sent();
    let challenge = "WWW-Authenticate: Digest realm=\"a \\\"b\\\", c\", nonce=\"n1\", opaque=\"o/==\", qop=\"auth,auth-int\", algorithm=\"md5\", stale=\"FALSE\"\n";
    assert_eq!(player.hears(&response(401, 1, challenge)), []);
    let again = player.sent();
    for part in [
        "CSeq: 2\n",
        "uri=\"*\"",
        "realm=\"a \\\"b\\\", c\"",
        "opaque=\"o/==\"",
        "nc=00000001",
        "qop=auth,",
        "nonce=\"n1\"",
    ] {
        assert!(again.contains(part), "{part}: {again}");
    }
    player.hears(&response(200, 2, ""));
    player.client.describe(now, "rtsp://h/a?b=1,2").unwrap();
    let next = player.sent();
    assert!(next.contains("uri=\"rtsp://h/a?b=1,2\"") && next.contains("nc=00000002"), "{next}");
}

/// Some servers change the nonce without saying that the old one is stale, some say so: both
/// are answered, and `nc` begins anew; what was refused itself is not sent again.
#[test]
fn nonces_rotate() {
    for stale in ["", ", stale=true", ", stale=\"TRUE\""] {
        let mut player = Player::with(config());
        let now = player.now;
        player.client.describe(now, URL).unwrap();
        player.sent();
        player.hears(&response(401, 1, &digest("n1")));
        player.sent();
        player.hears(&response(200, 2, ""));
        player.client.describe(now, URL).unwrap();
        player.sent();
        let challenge = digest("n2").replace('\n', &format!("{stale}\n"));
        assert_eq!(player.hears(&response(401, 3, &challenge)), [], "{stale}");
        let again = player.sent();
        assert!(again.contains("nonce=\"n2\"") && again.contains("nc=00000001"), "{again}");
        let events = player.hears(&response(200, 4, ""));
        assert!(matches!(events[..], [Event::Response { .. }]));
    }
    // A server that calls every nonce stale, for ever.
    let mut player = Player::with(config());
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    let mut tries = 0;
    for cseq in 1..100 {
        let challenge = digest(&format!("n{cseq}")).replace('\n', ", stale=true\n");
        if !player.hears(&response(401, cseq, &challenge)).is_empty() {
            break;
        }
        tries += 1;
        player.sent();
    }
    assert!((1..10).contains(&tries), "{tries} answers were enough");
}

/// RFC 7616 §3.5: `nextnonce` is used without another challenge.
#[test]
fn the_next_nonce_is_used_at_once() {
    let mut player = Player::with(config());
    let now = player.now;
    player.client.describe(now, URL).unwrap();
    player.sent();
    player.hears(&response(401, 1, &digest("n1")));
    player.sent();
    player.hears(&response(200, 2, "Authentication-Info: nextnonce=\"n2\"\n"));
    player.client.describe(now, URL).unwrap();
    let next = player.sent();
    assert!(next.contains("nonce=\"n2\"") && next.contains("nc=00000001"), "{next}");
}

/// A proxy and the server behind it both want to know.
#[test]
fn a_proxy_and_a_server_challenge_one_after_the_other() {
    let mut player = Player::with(config());
    let id = player.client.describe(player.now, URL).unwrap();
    player.sent();
    let proxy = "Proxy-Authenticate: Digest realm=\"p\", nonce=\"pn\"\n";
    player.hears(&response(407, 1, proxy));
    let second = player.sent();
    assert!(second.contains("\nProxy-Authorization: Digest ") && !second.contains("\nAuth"));
    player.hears(&response(401, 2, &digest("n1")));
    let third = player.sent();
    assert!(
        third.contains("\nProxy-Authorization: Digest ") && third.contains("\nAuthorization: ")
    );
    let events = player.hears(&response(200, 3, ""));
    assert!(matches!(&events[..], [Event::Response { id: done, .. }] if *done == id));
    // Both at once in one response.
    let mut player = Player::with(config());
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    assert_eq!(player.hears(&response(401, 1, &format!("{proxy}{}", digest("n1")))), []);
    assert!(player.sent().contains("\nAuthorization: Digest "));
}

/// The strongest that is allowed: SHA-256 before MD5 before Basic, in any order of lines.
#[test]
fn the_strongest_challenge_that_is_allowed() {
    let basic = "WWW-Authenticate: Basic realm=\"r\"\n";
    let md5 = "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\"\n";
    let sha = "WWW-Authenticate: Digest realm=\"r\", nonce=\"s\", algorithm=SHA-256\n";
    let unknown = "WWW-Authenticate: Digest realm=\"r\", nonce=\"x\", algorithm=ROT13\n";
    for (lines, config, expected) in [
        ([basic, md5, sha], config(), Some("nonce=\"s\"")),
        ([sha, md5, basic], config(), Some("nonce=\"s\"")),
        ([unknown, md5, basic], config(), Some("nonce=\"m\"")),
        ([unknown, basic, basic], config(), Some("Authorization: Basic ")),
        ([unknown, basic, basic], config().with_basic(false), None),
        ([md5, md5, md5], config().with_weakest(Algorithm::Sha256), None),
    ] {
        let mut player = Player::with(config);
        player.client.describe(player.now, URL).unwrap();
        player.sent();
        let events = player.hears(&response(401, 1, &lines.concat()));
        let again = player.sent();
        match expected {
            Some(expected) => assert!(again.contains(expected), "{expected}: {again}"),
            None => {
                let [Event::Response { response, .. }] = &events[..] else { panic!("{events:?}") };
                assert_eq!(response.view().status(), StatusCode::UNAUTHORIZED);
                assert_eq!(again, "");
            }
        }
    }
}

/// Requests in flight are challenged each, and each goes out again, in order; those that come
/// later carry the answer at once.
#[test]
fn requests_in_flight_are_all_answered() {
    let mut player = Player::with(config().with_version(Version::V2_0));
    let now = player.now;
    let key = player.session();
    player.client.describe(now, URL).unwrap();
    player.client.setup(now, key, &format!("{URL}/v"), &[tcp()]).unwrap();
    player.client.play(now, key, None).unwrap();
    player.sent();
    for cseq in 1..=3 {
        let refused = response(401, cseq, &digest("n")).replace("RTSP/1.0", "RTSP/2.0");
        assert_eq!(player.hears(&refused), []);
    }
    let wire = player.sent();
    let methods: Vec<_> = wire
        .lines()
        .filter(|line| line.ends_with(" RTSP/2.0"))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(methods, ["DESCRIBE", "SETUP", "PLAY"]);
    assert_eq!(wire.matches("Pipelined-Requests: 1\n").count(), 2);
    for (nc, cseq) in [(1, 4), (2, 5), (3, 6)] {
        assert!(wire.contains(&format!("nc=0000000{nc}")), "{wire}");
        player.hears(&format!("RTSP/2.0 200 OK\nCSeq: {cseq}\nSession: x\n\n"));
    }
    assert_eq!(player.state(key), Some(State::Playing));
}

/// A server may look for the session before it asks who it is: the SETUP is challenged, and
/// what follows it is bound to nothing. It goes out again behind the SETUP, once.
#[test]
fn what_was_bound_to_a_challenged_setup_follows_it_again() {
    let mut player = Player::with(config().with_version(Version::V2_0));
    let now = player.now;
    let key = player.session();
    player.client.setup(now, key, &format!("{URL}/v"), &[tcp()]).unwrap();
    let play = player.client.play(now, key, None).unwrap();
    player.client.pause(now, key).unwrap();
    player.sent();
    let v2 = |status, cseq, lines: &str| response(status, cseq, lines).replace("/1.0", "/2.0");
    assert_eq!(player.hears(&v2(401, 1, &digest("n"))), []);
    assert!(player.sent().starts_with("SETUP "));
    assert_eq!(player.hears(&(v2(454, 2, "") + &v2(454, 3, ""))), []);
    assert_eq!(player.sent(), "", "there is no id yet");
    player.hears(&v2(200, 4, "Session: x\n"));
    let wire = player.sent();
    assert!(wire.contains("PLAY ") && wire.contains("PAUSE "), "{wire}");
    assert_eq!(wire.matches("\nSession: x\n").count(), 2);
    // A second time it is the answer.
    let events = player.hears(&v2(454, 5, ""));
    assert!(matches!(&events[0], Event::Response { id, .. } if *id == play), "{events:?}");
}

/// A redirection to another host never gets the credentials by itself.
#[test]
fn credentials_stay_on_the_server() {
    let mut player = Player::with(config());
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    player.hears(&response(401, 1, &digest("n")));
    player.sent();
    let events = player.hears(&response(302, 2, "Location: rtsp://elsewhere.example/\n"));
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(player.sent(), "");
    // On the same server the new URL is signed.
    let mut player = Player::with(config());
    player.client.describe(player.now, URL).unwrap();
    player.sent();
    player.hears(&response(401, 1, &digest("n")));
    player.hears(&response(302, 2, "Location: /other\n"));
    let wire = player.sent();
    assert!(wire.contains("uri=\"rtsp://camera.example/other\""), "{wire}");
}

/// A server changes its nonce, and two requests are on their way with the old one: it had
/// accepted that, so both are sent again and not only the first.
#[test]
fn a_nonce_that_rotates_under_pipelined_requests_refuses_none_of_them() {
    for info in ["", "Authentication-Info: nextnonce=\"n2\"\n"] {
        let mut player = Player::with(config());
        let now = player.now;
        player.client.describe(now, URL).unwrap();
        player.sent();
        player.hears(&response(401, 1, &digest("n1")));
        player.sent();
        player.hears(&response(200, 2, ""));
        for _ in 0..3 {
            player.client.describe(now, URL).unwrap();
        }
        assert_eq!(player.sent().matches("nonce=\"n1\"").count(), 3);
        let first =
            if info.is_empty() { response(401, 3, &digest("n2")) } else { response(200, 3, info) };
        player.hears(&first);
        player.sent();
        for (cseq, nonce) in [(4, "n3"), (5, "n4")] {
            assert_eq!(player.hears(&response(401, cseq, &digest(nonce))), [], "{cseq}");
            let again = player.sent();
            assert!(again.contains(&format!("nonce=\"{nonce}\"")), "{again}");
        }
    }
}

/// The same without a nonce that was ever accepted: the password is wrong, and is not tried
/// again and again.
#[test]
fn a_wrong_password_under_pipelined_requests_is_tried_once() {
    let mut player = Player::with(config());
    let now = player.now;
    for _ in 0..2 {
        player.client.describe(now, URL).unwrap();
    }
    player.sent();
    player.hears(&response(401, 1, &digest("n1")));
    player.hears(&response(401, 2, &digest("n2")));
    assert_eq!(player.sent().matches("Authorization: ").count(), 2);
    for (cseq, nonce) in [(3, "n3"), (4, "n4")] {
        let events = player.hears(&response(401, cseq, &digest(nonce)));
        assert!(matches!(events[..], [Event::Response { .. }]), "{events:?}");
    }
    assert_eq!(player.sent(), "");
}

/// A password with a slash in it ends the host in the middle; what cannot be read is not sent.
#[test]
fn a_url_that_may_hold_a_password_is_not_sent_as_it_stands() {
    let mut player = Player::new();
    for url in ["rtsp://ann:pa/ss@camera.example/live", "rtspt://ann:pass@camera.example/live"] {
        let described = player.client.describe(player.now, url);
        assert_eq!(described, Err(CommandError::Build(BuildError::Uri)), "{url}");
        let opened = player.client.open_session(player.now, url);
        assert_eq!(opened.map(drop), Err(CommandError::Build(BuildError::Uri)), "{url}");
    }
    player.client.describe(player.now, "rtsp://camera.example/live/@1").unwrap();
    assert!(player.sent().starts_with("DESCRIBE rtsp://camera.example/live/@1 RTSP/1.0\n"));
}
