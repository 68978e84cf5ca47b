//! Client and server, against each other.

use super::tests::{NOW, ann, config, rng, server, values};
use super::*;
use crate::{Instant, Seed};
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use proptest::prelude::*;

const URI: &[u8] = b"rtsp://h/a \"b\"";

fn judge(server: &mut Server, now: Instant, answers: &[Answer], password: &str) -> Verdict {
    let claim = server.claim(values(answers)).unwrap().unwrap();
    server.verify(now, &claim, b"PLAY", b"body", Secret::Password(password))
}

fn denial(verdict: Verdict) -> Denial {
    match verdict {
        Verdict::Denied(denial) => denial,
        Verdict::Accepted(accepted) => panic!("{accepted:?} was let in"),
    }
}

fn accepted(verdict: Verdict) -> Accepted {
    match verdict {
        Verdict::Accepted(accepted) => accepted,
        Verdict::Denied(denial) => panic!("{denial}"),
    }
}

/// Three requests were on their way when the server began to ask: each is challenged with the
/// same nonce, each goes out again, and none of them is a replay.
#[test]
fn a_nonce_is_counted_once_however_often_it_challenges() {
    let mut server = server(config());
    let mut client = ann();
    let mut rng = rng();
    let challenges = server.challenges(NOW, false);
    for _ in 0..3 {
        client.challenged(Target::Origin, &challenges, &[]).unwrap();
        let sent = client.answers(&mut rng, b"PLAY", URI, b"body");
        accepted(judge(&mut server, NOW, &sent, "s3cret"));
    }
}

#[test]
fn client_and_server_agree_on_every_algorithm_and_quality() {
    for algorithm in Algorithm::ALL {
        for (qop, prefer_int) in [
            (QopSet::default(), false),
            (QopSet::AUTH, false),
            (QopSet::AUTH_INT, false),
            (QopSet::BOTH, true),
        ] {
            let config = config().with_algorithms([algorithm]).with_qop(qop).with_opaque("o\"p");
            let mut server = server(config);
            let mut client = ann().with_auth_int(prefer_int);
            let mut rng = rng();
            client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
            for _ in 0..3 {
                let sent = client.answers(&mut rng, b"PLAY", URI, b"body");
                let verdict = judge(&mut server, NOW, &sent, "s3cret");
                let ok = accepted(verdict);
                assert_eq!((ok.username(), ok.algorithm()), ("ann", Some(algorithm)));
                client.accepted(&sent);
                let expected = if qop.is_empty() {
                    assert_eq!(server.authentication_info(NOW, &ok, b"reply"), None);
                    continue;
                } else {
                    InfoOutcome::Verified
                };
                let info = server.authentication_info(NOW, &ok, b"reply").unwrap();
                let outcome = client.info(Target::Origin, info.as_bytes(), &sent, b"reply");
                assert_eq!(outcome, Ok(expected), "{algorithm} {qop}");
                // A changed reply is noticed when the body is covered, a changed header always.
                let changed = client.info(Target::Origin, info.as_bytes(), &sent, b"other");
                let covered = ok.qop() == Some(Qop::AuthInt);
                let expected = if covered { InfoOutcome::Forged } else { InfoOutcome::Verified };
                assert_eq!(changed, Ok(expected));
                let forged = info.replacen("rspauth=\"", "rspauth=\"0", 1);
                let forged = client.info(Target::Origin, forged.as_bytes(), &sent, b"reply");
                assert_eq!(forged, Ok(InfoOutcome::Forged));
            }
            let sent = client.answers(&mut rng, b"PLAY", URI, b"body");
            assert_eq!(denial(judge(&mut server, NOW, &sent, "wrong")), Denial::WrongSecret);
            let other = client.answers(&mut rng, b"PLAY", URI, b"changed");
            let verdict = judge(&mut server, NOW, &other, "s3cret");
            let covered = qop.auth_int && (prefer_int || !qop.auth);
            assert_eq!(matches!(verdict, Verdict::Denied(Denial::WrongSecret)), covered);
        }
    }
}

#[test]
fn a_stored_hash_does_for_the_password() {
    let mut server = server(config().with_algorithms([Algorithm::Sha256Sess]));
    let mut client = ann();
    client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
    let sent = client.answers(&mut rng(), b"PLAY", URI, b"");
    let claim = server.claim(values(&sent)).unwrap().unwrap();
    let stored = Ha1::new(Algorithm::Sha256, "ann", server.realm(), "s3cret");
    let stored = Ha1::from_hex(Algorithm::Sha256, stored.expose()).unwrap();
    let other = Ha1::new(Algorithm::Md5, "ann", server.realm(), "s3cret");
    assert_eq!(
        denial(server.verify(NOW, &claim, b"PLAY", b"", Secret::Ha1(&other))),
        Denial::OtherAlgorithm
    );
    accepted(server.verify(NOW, &claim, b"PLAY", b"", Secret::Ha1(&stored)));
    assert_eq!(Ha1::from_hex(Algorithm::Sha256, "abc"), None);
    assert_eq!(Ha1::from_hex(Algorithm::Md5, "zz345678901234567890123456789012"), None);
    assert!(!format!("{stored:?}{claim:?}").contains(stored.expose()));
}

#[test]
fn an_unknown_user_is_denied_whatever_is_sent() {
    let mut server = server(config().with_basic(true));
    let mut client = Client::new([Credential::new("ann", "").unwrap()]);
    client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
    let sent = client.answers(&mut rng(), b"PLAY", URI, b"");
    let claim = server.claim(values(&sent)).unwrap().unwrap();
    let basic = server.claim(["Basic YW5uOg=="]).unwrap().unwrap();
    for claim in [claim, basic] {
        let verdict = server.verify(NOW, &claim, b"PLAY", b"", Secret::Unknown);
        assert_eq!(denial(verdict), Denial::WrongSecret);
    }
}

#[test]
fn basic_is_judged_by_password_and_by_stored_hash() {
    let mut server = server(config().with_algorithms([]).with_basic(true));
    let challenges = server.challenges(NOW, true);
    assert_eq!(challenges, [r#"Basic realm="the \"club\", downtown", charset="UTF-8""#]);
    let mut client = ann().with_basic(true);
    client.challenged(Target::Origin, &challenges, &[]).unwrap();
    let sent = client.answers(&mut rng(), b"PLAY", URI, b"");
    let ok = accepted(judge(&mut server, NOW, &sent, "s3cret"));
    assert_eq!((ok.username(), ok.algorithm()), ("ann", None));
    assert_eq!(server.authentication_info(NOW, &ok, b""), None);
    assert_eq!(denial(judge(&mut server, NOW, &sent, "s3creT")), Denial::WrongSecret);
    let claim = server.claim(values(&sent)).unwrap().unwrap();
    let stored = Ha1::new(Algorithm::Md5, "ann", server.realm(), "s3cret");
    accepted(server.verify(NOW, &claim, b"PLAY", b"", Secret::Ha1(&stored)));
    assert_eq!(claim.uri(), None);
}

#[test]
fn replays_old_nonces_and_what_was_not_offered_are_denied_by_name() {
    let mut server = server(config());
    let mut client = ann();
    let mut rng = rng();
    client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
    let first = client.answers(&mut rng, b"PLAY", URI, b"body");
    let second = client.answers(&mut rng, b"PLAY", URI, b"body");
    accepted(judge(&mut server, NOW, &second, "s3cret"));
    accepted(judge(&mut server, NOW, &first, "s3cret"));
    for replay in [&first, &second] {
        let denial = denial(judge(&mut server, NOW, replay, "s3cret"));
        assert_eq!((denial, denial.is_stale()), (Denial::Replayed, true));
    }
    let third = client.answers(&mut rng, b"PLAY", URI, b"body");
    let late = NOW.saturating_add(Duration::from_secs(301));
    let wrong = denial(judge(&mut server, late, &third, "wrong"));
    assert_eq!((wrong, wrong.is_stale()), (Denial::WrongSecret, false));
    let old = denial(judge(&mut server, late, &third, "s3cret"));
    assert_eq!((old, old.is_stale()), (Denial::Stale, true));
    // Another server (or the same after a restart) says stale too, and the client goes on.
    let mut other = Server::new(config(), Seed::from_u64(6));
    assert_eq!(denial(judge(&mut other, NOW, &third, "s3cret")), Denial::Stale);
    client.challenged(Target::Origin, other.challenges(NOW, true), &third).unwrap();
    let sent = client.answers(&mut rng, b"PLAY", URI, b"body");
    accepted(judge(&mut other, NOW, &sent, "s3cret"));

    let mut narrow = Server::new(config().with_algorithms([Algorithm::Md5]), Seed::from_u64(6));
    assert_eq!(denial(judge(&mut narrow, NOW, &sent, "s3cret")), Denial::NotOffered);
    let mut no_legacy = Server::new(config().with_legacy(false), Seed::from_u64(6));
    let mut old_client = ann();
    let challenge =
        Server::new(config().with_qop(QopSet::default()), Seed::from_u64(6)).challenges(NOW, false);
    old_client.challenged(Target::Origin, challenge, &[]).unwrap();
    let sent = old_client.answers(&mut rng, b"PLAY", URI, b"body");
    assert_eq!(denial(judge(&mut no_legacy, NOW, &sent, "s3cret")), Denial::NotOffered);
    let mut legacy = Server::new(config(), Seed::from_u64(6));
    accepted(judge(&mut legacy, NOW, &sent, "s3cret"));
    assert!(legacy.claim(values(&sent)).unwrap().unwrap().is_legacy());

    // A quality that another challenge with the same nonces offers.
    for (asked, offered, right) in [
        (QopSet::AUTH, QopSet::AUTH, true),
        (QopSet::AUTH, QopSet::AUTH_INT, false),
        (QopSet::AUTH_INT, QopSet::AUTH, false),
        (QopSet::AUTH_INT, QopSet::BOTH, true),
    ] {
        let with = |qop| Server::new(config().with_qop(qop), Seed::from_u64(6));
        let mut client = ann();
        client.challenged(Target::Origin, with(asked).challenges(NOW, false), &[]).unwrap();
        let sent = client.answers(&mut rng, b"PLAY", URI, b"body");
        match judge(&mut with(offered), NOW, &sent, "s3cret") {
            Verdict::Accepted(_) => assert!(right, "{asked} {offered}"),
            verdict => assert_eq!((denial(verdict), right), (Denial::NotOffered, false)),
        }
    }
}

#[test]
fn the_next_nonce_is_named_when_the_first_has_lived_half_its_life() {
    for (algorithm, renews) in [(Algorithm::Md5, true), (Algorithm::Md5Sess, false)] {
        let mut server = server(config().with_algorithms([algorithm]));
        let mut client = ann();
        let mut rng = rng();
        client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
        for (age, renewed) in [(150, false), (151, renews)] {
            let now = NOW.saturating_add(Duration::from_secs(age));
            let sent = client.answers(&mut rng, b"PLAY", URI, b"body");
            let ok = accepted(judge(&mut server, now, &sent, "s3cret"));
            let info = server.authentication_info(now, &ok, b"").unwrap();
            assert_eq!(info.contains("nextnonce"), renewed);
            let outcome = client.info(Target::Origin, info.as_bytes(), &sent, b"");
            assert_eq!(outcome, Ok(InfoOutcome::Verified));
            client.accepted(&sent);
        }
        let late = NOW.saturating_add(Duration::from_secs(301));
        let sent = client.answers(&mut rng, b"PLAY", URI, b"body");
        let verdict = judge(&mut server, late, &sent, "s3cret");
        assert_eq!(matches!(verdict, Verdict::Accepted(_)), renews);
    }
}

#[test]
fn user_names_come_hashed_or_escaped_when_the_server_can_read_that() {
    let name = "J\u{e4}s\u{f8}n \"D\"";
    let mut server = server(config().with_userhash(true));
    let mut client = Client::new([Credential::new(name, "s3cret").unwrap()]);
    client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
    let sent = client.answers(&mut rng(), b"PLAY", URI, b"body");
    let mut claim = server.claim(values(&sent)).unwrap().unwrap();
    let algorithm = claim.algorithm().unwrap();
    assert!(claim.is_hashed());
    assert_eq!(claim.username(), username_hash(algorithm, name, server.realm()).as_str());
    assert!(!claim.resolve("ann", server.realm()));
    let verdict = server.verify(NOW, &claim, b"PLAY", b"body", Secret::Password("s3cret"));
    assert_eq!(denial(verdict), Denial::WrongSecret);
    assert!(claim.resolve(name, server.realm()));
    let verdict = server.verify(NOW, &claim, b"PLAY", b"body", Secret::Password("s3cret"));
    assert_eq!(accepted(verdict).username(), name);

    let header = [r#"Digest realm="r", nonce="n", charset=UTF-8"#];
    client.challenged(Target::Proxy, header, &[]).unwrap();
    let sent = client.answers(&mut rng(), b"PLAY", URI, b"body");
    let proxy = sent.iter().find(|a| a.target() == Target::Proxy).unwrap();
    assert!(proxy.value().contains("username*=UTF-8''J%C3%A4s%C3%B8n%20%22D%22,"));
    let Credentials::Digest(digest) = Credentials::parse(proxy.value().as_bytes()).unwrap() else {
        panic!("this is Digest");
    };
    assert_eq!(digest.username, name);
}

#[test]
fn a_claim_says_of_what_form_it_is() {
    let digest = server(config());
    let basic = server(config().with_basic(true));
    let realm = r#"realm="the \"club\", downtown""#;
    let old = format!(r#"Digest username="a", {realm}, nonce="c", uri="/d", response="e""#);
    let new = format!(r#"{old}, qop=auth, nc=00000001, cnonce="f""#);
    for (server, value, legacy) in
        [(&digest, old.as_str(), true), (&digest, &new, false), (&basic, "Basic YW5uOg==", false)]
    {
        let claim = server.claim([value]).unwrap().unwrap();
        assert_eq!((claim.is_legacy(), claim.is_hashed()), (legacy, false), "{value}");
    }
}

/// What is shown goes to logs.
#[test]
fn who_it_is_is_shown_and_no_secret() {
    let mut server = server(config());
    let mut client = ann();
    client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
    let sent = client.answers(&mut rng(), b"PLAY", URI, b"body");
    let claim = server.claim(values(&sent)).unwrap().unwrap();
    let ok = accepted(judge(&mut server, NOW, &sent, "s3cret"));
    let ha1 = Ha1::new(Algorithm::Md5, "ann", server.realm(), "s3cret");
    let proof = sent[0].value().split("response=\"").nth(1).unwrap().split('"').next().unwrap();
    for (shown, names) in [
        (format!("{server:?}"), "downtown"),
        (format!("{client:?}"), "ann"),
        (format!("{claim:?}"), "ann"),
        (format!("{ok:?}"), "ann"),
        (format!("{sent:?}"), "downtown"),
        (format!("{:?}", Credential::new("ann", "s3cret").unwrap()), "ann"),
        (format!("{:?}", Secret::Password("s3cret")), "Password"),
        (format!("{:?}", Secret::Ha1(&ha1)), "Ha1"),
        (format!("{ha1:?}"), "MD5"),
        (format!("{:?}", Sealer::new(&Seed::from_u64(1))), "Sealer"),
    ] {
        assert!(shown.contains(names), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains(proof), "{shown}");
    }
}

#[test]
fn claims_are_found_among_those_for_other_realms() {
    let server = server(config());
    let other = r#"Digest username="a", realm="b", nonce="c", uri="/d", response="e""#;
    assert!(server.claim([other, "Bearer x", "Basic YW5uOg=="]).unwrap().is_none());
    let own = other.replace("\"b\"", r#""the \"club\", downtown""#);
    let claim = server.claim([other, &own]).unwrap().unwrap();
    assert_eq!((claim.username(), claim.uri()), ("a", Some("/d")));
    assert!(server.claim(["Digest nonsense"]).is_err());
    assert!(server.claim(Vec::<&str>::new()).unwrap().is_none());
}

#[test]
fn information_that_answers_another_request_is_forged() {
    let mut client = ann();
    client.challenged(Target::Origin, [r#"Digest realm="r", nonce="n", qop="auth""#], &[]).unwrap();
    let sent = client.answers(&mut rng(), b"GET", b"/", b"");
    for (info, expected) in [
        ("", InfoOutcome::Unproven),
        ("nextnonce=\"m\"", InfoOutcome::Unproven),
        ("rspauth=\"00\"", InfoOutcome::Forged),
        ("cnonce=\"x\", nextnonce=\"evil\"", InfoOutcome::Forged),
    ] {
        assert_eq!(
            client.info(Target::Origin, info.as_bytes(), &sent, b""),
            Ok(expected),
            "{info}"
        );
    }
    let next = client.answers(&mut rng(), b"GET", b"/", b"");
    assert!(next[0].value().contains("nonce=\"m\"") && next[0].value().contains("nc=00000001"));
    assert!(client.info(Target::Origin, b"rspauth=\"", &sent, b"").is_err());
}

proptest! {
    #[test]
    fn any_user_realm_uri_and_password_get_in(
        user in "[^\\x00-\\x1f\\x7f]{0,20}",
        password in "[^\\x00-\\x1f\\x7f]{0,20}",
        realm in "[^\\x00-\\x1f\\x7f]{0,20}",
        uri in "[^\\x00-\\x1f\\x7f]{0,40}",
        body: Vec<u8>,
    ) {
        let config = ServerConfig::new(realm).unwrap().with_qop(QopSet::BOTH);
        let mut server = server(config);
        let credential = Credential::new(user.clone(), password.clone()).unwrap();
        let mut client = Client::new([credential]).with_auth_int(true);
        client.challenged(Target::Origin, server.challenges(NOW, false), &[]).unwrap();
        let sent = client.answers(&mut rng(), b"PLAY", uri.as_bytes(), &body);
        let claim = server.claim(values(&sent)).unwrap().unwrap();
        prop_assert_eq!(claim.uri(), Some(uri.as_str()));
        prop_assert_eq!(claim.username(), user.as_str());
        let verdict = server.verify(NOW, &claim, b"PLAY", &body, Secret::Password(&password));
        prop_assert!(matches!(verdict, Verdict::Accepted(_)));
    }
}
