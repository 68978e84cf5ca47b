//! Reading, hashing and the client, against the examples of the RFCs.

use super::*;
use crate::{Instant, ParseError, ParseErrorKind, Rng, Seed};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use alloc::{format, vec};
use proptest::prelude::*;

pub(super) const NOW: Instant = Instant::from_secs(1000);

pub(super) fn rng() -> Rng {
    Rng::new(&Seed::from_u64(77))
}

pub(super) fn ann() -> Client {
    Client::new([Credential::new("ann", "s3cret").unwrap()])
}

pub(super) fn server(config: ServerConfig) -> Server {
    Server::new(config, Seed::from_u64(5))
}

pub(super) fn config() -> ServerConfig {
    ServerConfig::new("the \"club\", downtown").unwrap()
}

pub(super) fn values(answers: &[Answer]) -> Vec<&str> {
    answers.iter().map(Answer::value).collect()
}

#[test]
fn the_examples_of_rfc_7616_3_9_1() {
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    for (algorithm, expected) in [
        (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let ha1 = Ha1::new(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        let response = Response {
            algorithm,
            ha1: &ha1,
            nonce,
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            nc: "00000001",
            qop: Some(Qop::Auth),
            method: b"GET",
            uri: b"/dir/index.html",
            body: b"",
        };
        assert_eq!(response.compute().as_str(), expected);
    }
}

/// RFC 7616 §3.9.2 was computed with SHA-512 cut to 256 bits; the values here are those of
/// SHA-512/256 (erratum 4897), which §6.1 names.
#[test]
fn the_example_of_rfc_7616_3_9_2_with_the_hash_it_names() {
    let (user, realm) = ("J\u{e4}s\u{f8}n Doe", "api@example.org");
    let algorithm = Algorithm::Sha512_256;
    assert_eq!(
        username_hash(algorithm, user, realm).as_str(),
        "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    );
    let response = Response {
        algorithm,
        ha1: &Ha1::new(algorithm, user, realm, "Secret, or not?"),
        nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        nc: "00000001",
        qop: Some(Qop::Auth),
        method: b"GET",
        uri: b"/doe.json",
        body: b"",
    };
    assert_eq!(
        response.compute().as_str(),
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    );
}

/// RFC 8760 §2.6: the hash of no body is the hash of nothing.
#[test]
fn an_empty_body_hashes_to_the_hash_of_nothing() {
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let hash = Algorithm::Sha256.hash(b"");
    assert_eq!(
        (hash.as_str(), format!("{hash} {hash:?}")),
        (nothing, format!("{nothing} {nothing}"))
    );
}

/// What real programs sent, to servers that let them in or to a challenge of ours.
#[test]
fn the_proofs_of_real_programs_are_what_they_must_be() {
    for (program, method, password, value) in [
        (
            "FFmpeg, without qop",
            "DESCRIBE",
            "secret",
            r#"username="alice", realm="GStreamer RTSP Server", nonce="2e7810b0a76187e7",
                uri="rtsp://127.0.0.1:8556/audio", response="82fe318e8dd5c4b8eb52c9ad21cc6f09""#,
        ),
        (
            "openRTSP",
            "SETUP",
            "secret",
            r#"username="alice", realm="GStreamer RTSP Server", nonce="a964956cedcb5516",
                uri="rtsp://127.0.0.1:8556/audio/", response="73ecabbba7741e5ebb331b00bd6ebdb8""#,
        ),
        (
            "PJSIP",
            "PUBLISH",
            "secret",
            r#"username="bob", realm="example.org",
                nonce="awKBfGsCgUCBi66QUOmKHUlOtOw8LN8Cergy1IA=", uri="sip:bob@example.org",
                response="9a9a11dd3cafbc71e04a899e1c8fbc2c",
                cnonce="uB0hm0.fZ82M9S09VSHpdqSaFoM71hx1", qop=auth, nc=00000001"#,
        ),
        (
            "SIPp",
            "REGISTER",
            "secret",
            r#"username="carol",realm="example.org",cnonce="6b8b4567",nc=00000001,qop=auth,uri="sip:127.0.0.1:5060",nonce="awJ2tmsCdnqQdjOG+NfJveQC6GRXhCuQergnyYA=",response="68504c430fcd2271ebe4879e54d3ad4c",algorithm=MD5"#,
        ),
        (
            "FFmpeg, offered SHA-256 and MD5 with qop",
            "DESCRIBE",
            "pw",
            r#"username="ann", realm="r", nonce="n1", uri="rtsp://127.0.0.1:18554/x",
                response="894628bc894f987e46d132279f60a45e", algorithm="MD5", qop="auth",
                cnonce="9565fe0dae6ee500", nc=00000001"#,
        ),
        (
            "GStreamer, offered the same",
            "DESCRIBE",
            "pw",
            r#"username="ann", realm="r", nonce="n1", uri="rtsp://127.0.0.1:18554/x",
                response="423310bdc26ff623fc7baf4668b85e9a""#,
        ),
    ] {
        let sent = DigestCredentials::parse(value.as_bytes()).unwrap();
        let algorithm = sent.algorithm().unwrap();
        let response = Response {
            algorithm,
            ha1: &Ha1::new(algorithm, &sent.username, &sent.realm, password),
            nonce: &sent.nonce,
            cnonce: sent.cnonce.as_deref().unwrap_or_default(),
            nc: sent.nc_text.as_deref().unwrap_or_default(),
            qop: sent.qop().unwrap(),
            method: method.as_bytes(),
            uri: sent.uri.as_bytes(),
            body: b"",
        };
        assert_eq!(response.compute().as_str(), sent.response, "{program}");
    }
}

#[test]
fn challenges_are_read_in_order_however_they_are_written() {
    let read = |value: &'static str| -> Vec<(&str, Vec<(String, String)>)> {
        Challenges::new(value.as_bytes())
            .map(|c| {
                let params = c.params().map(|p| {
                    let value = p.value.unwrap_or(b"-");
                    (p.name_text().into(), String::from_utf8_lossy(value).into())
                });
                (c.scheme(), params.collect())
            })
            .collect()
    };
    let p = |name: &str, value: &str| (String::from(name), String::from(value));
    for (value, expected) in [
        ("", vec![]),
        (" ,, ", vec![]),
        ("realm=\"lost\"", vec![]),
        ("Negotiate", vec![("Negotiate", vec![])]),
        (
            "NTLM TlRMTVNTUAAC==, Basic realm=x",
            vec![("NTLM", vec![p("TlRMTVNTUAAC", "=")]), ("Basic", vec![p("realm", "x")])],
        ),
        (
            "digest realm = \"a,b\" ,NONCE=\"\\\"\",stale=FALSE,Foo,basic Realm=\"c\"",
            vec![
                (
                    "digest",
                    vec![p("realm", "\"a,b\""), p("NONCE", "\"\\\"\""), p("stale", "FALSE")],
                ),
                ("Foo", vec![]),
                ("basic", vec![p("Realm", "\"c\"")]),
            ],
        ),
        (
            "Digest\r\n realm=\"a\",\r\n\tnonce=\"n\"",
            vec![("Digest", vec![p("realm", "\"a\""), p("nonce", "\"n\"")])],
        ),
        ("Digest ,realm=a", vec![("Digest", vec![p("realm", "a")])]),
    ] {
        assert_eq!(read(value), expected, "{value}");
    }
}

#[test]
fn a_digest_challenge_says_what_it_says() {
    let value = br#"Digest realm="a \"b\", c",nonce=n0/+==,ALGORITHM="sha-256",opaque="o",
        qop="AUTH , auth-int,x", stale="TRUE", charset=utf-8, userhash=True, nonce="second""#;
    let digest = Challenges::new(value).next().unwrap().digest().unwrap().unwrap();
    assert_eq!(digest.realm, "a \"b\", c");
    assert_eq!(digest.nonce, "n0/+==");
    assert_eq!(digest.algorithm(), Some(Algorithm::Sha256));
    assert_eq!(digest.qop, Some(QopSet::BOTH));
    assert_eq!(digest.opaque.as_deref(), Some("o"));
    assert!(digest.stale && digest.utf8 && digest.userhash);
    for (stale, expected) in [("FALSE", false), ("1", false), ("\"true\"", true)] {
        let value = format!("realm=a, nonce=b, stale={stale}");
        assert_eq!(DigestChallenge::parse(value.as_bytes()).unwrap().stale, expected);
    }
}

#[test]
fn malformed_challenges_say_what_and_where() {
    for (value, kind, offset) in [
        (&b"Digest realm=\"a\""[..], ParseErrorKind::MissingParameter, 16),
        (b"Digest nonce=\"a\"", ParseErrorKind::MissingParameter, 16),
        (b"Digest realm=\"a, nonce=b", ParseErrorKind::QuotedString, 13),
        (b"Digest realm=\"a\"x, nonce=b", ParseErrorKind::QuotedString, 13),
        (b"Digest realm=\"a\rb\", nonce=b", ParseErrorKind::ControlByte, 13),
        (b"Basic realm=c, Digest realm=a, nonce=\"\xff\"", ParseErrorKind::Utf8, 37),
    ] {
        let error = Challenges::new(value).find_map(|c| c.digest()).unwrap().unwrap_err();
        assert_eq!((error.kind(), error.offset()), (kind, offset));
    }
}

#[test]
fn malformed_credentials_say_what_and_where() {
    let full = r#"username="a", realm="b", nonce="c", uri="/d", response="e""#;
    for (value, kind, offset) in [
        (String::new(), ParseErrorKind::Syntax, 0),
        ("=".into(), ParseErrorKind::Syntax, 0),
        ("Basic !".into(), ParseErrorKind::Base64, 6),
        ("Basic YW5u".into(), ParseErrorKind::Syntax, 6),
        ("Basic /zo=".into(), ParseErrorKind::Utf8, 6),
        ("Digest realm=\"b\"".into(), ParseErrorKind::MissingParameter, 16),
        (format!("Digest {full}, nonce=x"), ParseErrorKind::Parameter, 67),
        (format!("Digest {full}, username*=UTF-8''a"), ParseErrorKind::Parameter, 67),
        (format!("Digest {full}, qop=auth"), ParseErrorKind::MissingParameter, 75),
        (format!("Digest {full}, nc=xyz"), ParseErrorKind::Number, 70),
        (format!("Digest {full}, nc=000000001"), ParseErrorKind::Number, 70),
        (format!("Digest {full}, nc=+1"), ParseErrorKind::Number, 70),
        ("Digest username*=latin1''a".into(), ParseErrorKind::Escape, 17),
        ("Digest username*=UTF-8''%".into(), ParseErrorKind::Escape, 17),
        ("Digest username*=UTF-8''%0d".into(), ParseErrorKind::Escape, 17),
    ] {
        let error = Credentials::parse(value.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (kind, offset), "{value}");
    }
    assert!(Credentials::parse(format!("Digest {full}").as_bytes()).is_ok());
    assert!(matches!(
        Credentials::parse(b"Bearer abc").unwrap(),
        Credentials::Other { scheme: "Bearer", rest: b"abc" }
    ));
}

#[test]
fn credentials_are_written_as_they_are_read() {
    let shown = |value: &[u8]| format!("{}", Credentials::parse(value).unwrap());
    let digest = "Digest username=\"ann\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"0\"";
    for value in ["Basic YW5uOnMzY3JldA==", digest, "Bearer", "Bearer a b"] {
        assert_eq!(shown(value.as_bytes()), value);
    }
    assert_eq!(shown(b"Bearer a\xffb\x00\xc3\xa9"), "Bearer a\u{fffd}b \u{e9}");
    assert_eq!(shown(b"Bearer, a"), "Bearer , a");
    assert!(Credentials::parse(b"Bearer/a").is_err());
    let basic = BasicCredentials::new("ann", "s3cret").unwrap();
    let told = format!("{basic:?}");
    assert!(told.contains("ann") && !told.contains("s3cret"), "{told}");

    // A name beyond ASCII has a parameter of its own, unless it is hashed (RFC 7616 §3.4).
    for (name, hashed, extended) in [
        ("ann", false, false),
        ("\u{e4}nn", false, true),
        ("\u{e4}nn", true, false),
        ("ann", true, false),
    ] {
        let mut digest = DigestCredentials::new(name, "r", "n", "u", "0");
        digest.userhash = hashed;
        let text = digest.to_string();
        assert_eq!(text.contains("username*=UTF-8''"), extended, "{text}");
        assert_eq!(
            DigestCredentials::parse(text.strip_prefix("Digest ").unwrap().as_bytes()),
            Ok(digest)
        );
    }
    let full = digest.strip_prefix("Digest ").unwrap();
    for (with, is_whole) in [
        ("qop=auth, cnonce=\"c\", nc=00000001", true),
        ("qop=auth, cnonce=\"c\"", false),
        ("qop=auth, nc=00000001", false),
        ("cnonce=\"c\"", true),
    ] {
        let read = DigestCredentials::parse(format!("{full}, {with}").as_bytes()).map(drop);
        assert_eq!(read.is_ok(), is_whole, "{with}");
    }
}

/// The header of a real SIPp, without spaces and with its own order.
#[test]
fn credentials_without_spaces_are_read() {
    let value = b"Digest username=\"carol\",realm=\"example.org\",cnonce=\"327b23c6\",nc=00000001,\
        qop=auth,uri=\"sip:127.0.0.1:5060\",nonce=\"abc\",response=\"814660b73727d89eeef24e4c707fa5a7\",\
        algorithm=MD5";
    let Credentials::Digest(digest) = Credentials::parse(value).unwrap() else {
        panic!("this is Digest");
    };
    assert_eq!(digest.nc(), Some(1));
    assert_eq!(digest.qop(), Some(Some(Qop::Auth)));
    assert_eq!(digest.uri, "sip:127.0.0.1:5060");
}

#[test]
fn the_strongest_challenge_is_answered_or_the_first_when_told_so() {
    let headers = [
        r#"Digest realm="r", nonce="n", algorithm=MD5, qop="auth""#,
        r#"Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth""#,
        r#"Digest realm="r", nonce="n", algorithm=SHA-3, qop="auth""#,
        r#"Basic realm="r""#,
    ];
    let chosen = |mut client: Client| {
        client.challenged(Target::Origin, headers, &[]).unwrap();
        let answers = client.answers(&mut rng(), b"GET", b"/", b"");
        assert_eq!(answers.len(), 1);
        let Credentials::Digest(digest) =
            Credentials::parse(answers[0].value().as_bytes()).unwrap()
        else {
            panic!("Digest goes before Basic");
        };
        digest.algorithm().unwrap()
    };
    assert_eq!(chosen(ann()), Algorithm::Sha256);
    assert_eq!(chosen(ann().with_basic(true)), Algorithm::Sha256);
    let server_order = ann().with_preference(Preference::ServerOrder);
    assert_eq!(chosen(server_order), Algorithm::Md5);
    let mut strict = ann().with_weakest(Algorithm::Sha512_256);
    assert_eq!(strict.challenged(Target::Origin, headers, &[]), Err(Refused::Unsupported));
}

#[test]
fn basic_is_answered_only_when_allowed() {
    let headers = [r#"Basic realm="r""#];
    assert_eq!(ann().challenged(Target::Origin, headers, &[]), Err(Refused::Unsupported));
    let mut client = ann().with_basic(true);
    client.challenged(Target::Origin, headers, &[]).unwrap();
    let sent = client.answers(&mut rng(), b"GET", b"/", b"");
    assert_eq!(values(&sent), ["Basic YW5uOnMzY3JldA=="]);
    assert_eq!(client.challenged(Target::Origin, headers, &sent), Err(Refused::Rejected));
    assert!(!format!("{sent:?}{client:?}").contains("YW5u"));
}

#[test]
fn a_qop_that_nobody_knows_is_not_answered_and_none_is_the_old_form() {
    let odd = [r#"Digest realm="r", nonce="n", qop="auth-conf""#];
    assert_eq!(ann().challenged(Target::Origin, odd, &[]), Err(Refused::Unsupported));
    let old = [r#"Digest realm="GStreamer RTSP Server", nonce="a964956cedcb5516""#];
    let mut client = ann();
    client.challenged(Target::Origin, old, &[]).unwrap();
    let answers = client.answers(&mut rng(), b"DESCRIBE", b"rtsp://h/t", b"");
    let value = answers[0].value();
    for absent in ["qop", "nc=", "cnonce", "algorithm", "opaque"] {
        assert!(!value.contains(absent), "{value}");
    }
    // H(H(ann:GStreamer RTSP Server:s3cret):a964956cedcb5516:H(DESCRIBE:rtsp://h/t)).
    let md5 = |text: &str| Algorithm::Md5.hash(text.as_bytes());
    let (ha1, ha2) = (md5("ann:GStreamer RTSP Server:s3cret"), md5("DESCRIBE:rtsp://h/t"));
    let expected = md5(&format!("{ha1}:a964956cedcb5516:{ha2}"));
    assert!(value.contains(expected.as_str()), "{value}");
}

#[test]
fn auth_int_is_chosen_when_preferred_or_alone() {
    for (qop, prefer, expected) in [
        ("auth,auth-int", false, "qop=auth,"),
        ("auth,auth-int", true, "qop=auth-int,"),
        ("auth-int", false, "qop=auth-int,"),
        ("auth", true, "qop=auth,"),
    ] {
        let mut client = ann().with_auth_int(prefer);
        let header = format!(r#"Digest realm="r", nonce="n", qop="{qop}""#);
        client.challenged(Target::Origin, [header], &[]).unwrap();
        let answers = client.answers(&mut rng(), b"GET", b"/", b"");
        assert!(answers[0].value().contains(expected), "{}", answers[0].value());
    }
}

#[test]
fn counts_rise_with_one_nonce_and_begin_again_with_the_next() {
    let mut client = ann();
    let mut rng = rng();
    let header = |nonce: &str, stale: &str| {
        [format!(r#"Digest realm="r", nonce="{nonce}", qop="auth"{stale}"#)]
    };
    client.challenged(Target::Origin, header("one", ""), &[]).unwrap();
    for count in ["nc=00000001", "nc=00000002"] {
        let sent = client.answers(&mut rng, b"GET", b"/", b"");
        assert!(sent[0].value().contains(count));
    }
    let sent = client.answers(&mut rng, b"GET", b"/", b"");
    client.challenged(Target::Origin, header("two", ", stale=true"), &sent).unwrap();
    let sent = client.answers(&mut rng, b"GET", b"/", b"");
    assert!(sent[0].value().contains("nc=00000001"));
    assert!(sent[0].value().contains("nonce=\"two\""));
}

#[test]
fn refused_credentials_are_not_sent_again() {
    let header = |nonce: &str, rest: &str| {
        [format!(r#"Digest realm="r", nonce="{nonce}", qop="auth"{rest}"#)]
    };
    let mut rng = rng();
    let mut client = ann();
    client.challenged(Target::Origin, header("1", ""), &[]).unwrap();
    let sent = client.answers(&mut rng, b"GET", b"/", b"");
    // The same nonce, even when the server calls it stale; a new one without saying so.
    for again in [
        header("1", ""),
        header("1", ", stale=true"),
        header("2", ""),
        header("2", ", stale=\"FALSE\""),
    ] {
        assert_eq!(client.challenged(Target::Origin, again, &sent), Err(Refused::Rejected));
    }
    // A server that had accepted the nonce and rotates it without saying so.
    client.accepted(&sent);
    let later = client.answers(&mut rng, b"GET", b"/", b"");
    client.challenged(Target::Origin, header("2", ""), &later).unwrap();
    let sent = client.answers(&mut rng, b"GET", b"/", b"");
    assert_eq!(client.challenged(Target::Origin, header("3", ""), &sent), Err(Refused::Rejected));
}

#[test]
fn a_server_that_calls_every_nonce_stale_or_invents_realms_is_given_up() {
    for invent in [false, true] {
        let mut rng = rng();
        let mut client = ann();
        let mut sent = Vec::new();
        let mut rounds = 0;
        let refused = loop {
            let realm = if invent { rounds } else { 0 };
            let header =
                format!(r#"Digest realm="r{realm}", nonce="{rounds}", qop="auth", stale=true"#);
            if let Err(refused) = client.challenged(Target::Proxy, [header], &sent) {
                break refused;
            }
            rounds += 1;
            sent = client.answers(&mut rng, b"GET", b"/", b"");
        };
        assert_eq!((refused, rounds), (Refused::TooManyRounds, 5));
        client.accepted(&sent);
        let header = r#"Digest realm="r", nonce="x", qop="auth""#;
        client.challenged(Target::Proxy, [header], &[]).unwrap();
    }
}

#[test]
fn realms_and_challenges_are_bounded() {
    let basic = |n: usize| format!("Basic realm=\"{n}\"");
    let mut client = ann().with_basic(true);
    for realms in [16, 17] {
        let headers: Vec<String> = (0..realms).map(basic).collect();
        client.reset();
        client.challenged(Target::Origin, &headers, &[]).unwrap();
        let sent = client.answers(&mut rng(), b"GET", b"/", b"");
        assert_eq!(sent.len(), 16, "of {realms} realms in one reply");
        assert_eq!(
            client.challenged(Target::Origin, &headers, &sent),
            Err(Refused::Rejected),
            "what was not kept is not taken for new"
        );
    }
    client.challenged(Target::Origin, [basic(99)], &[]).unwrap();
    assert_eq!(client.answers(&mut rng(), b"GET", b"/", b"").len(), 16);
    assert!(!client.knows(Target::Origin, "0"), "the oldest makes room");

    for (before, expected) in [(31, Ok(())), (32, Err(Refused::Unsupported))] {
        let mut headers = alloc::vec![String::from("Other"); before];
        headers.push(basic(0));
        let mut client = ann().with_basic(true);
        assert_eq!(client.challenged(Target::Origin, headers, &[]), expected);
    }
}

#[test]
fn each_realm_of_server_and_proxies_gets_its_own_answer() {
    let any = Credential::new("ann", "1").unwrap();
    assert_eq!(any.realm(), None);
    assert_eq!(any.for_realm("home").realm(), Some("home"));
    let mut client = Client::new([
        Credential::new("ann", "1").unwrap().for_realm("home"),
        Credential::new("guest", "2").unwrap().for_realm("proxy"),
    ]);
    let proxy = [r#"Digest realm="proxy", nonce="p", qop="auth""#];
    let home = [r#"Digest realm="other", nonce="o""#, r#"Digest realm="home", nonce="h""#];
    client.challenged(Target::Proxy, proxy, &[]).unwrap();
    let sent = client.answers(&mut rng(), b"GET", b"/", b"");
    client.challenged(Target::Origin, home, &sent).unwrap();
    let answers = client.answers(&mut rng(), b"GET", b"/", b"");
    let shown: Vec<_> = answers.iter().map(|a| (a.header_name(), a.realm())).collect();
    assert_eq!(shown, [("Proxy-Authorization", "proxy"), ("Authorization", "home")]);
    let none = [r#"Digest realm="elsewhere", nonce="h""#];
    assert_eq!(client.challenged(Target::Origin, none, &[]), Err(Refused::NoCredential));
    assert!(client.knows(Target::Origin, "home"));
    client.reset();
    assert!(client.answers(&mut rng(), b"GET", b"/", b"").is_empty());
}

/// What a proxy says of its realm is nothing to the server that has a realm of that name, nor to another realm.
#[test]
fn a_realm_of_a_server_or_proxy_is_a_realm_of_its_own() {
    let realms = [(Target::Origin, "r"), (Target::Proxy, "r"), (Target::Origin, "s")];
    let header = |realm: &str, nonce: usize| {
        [format!(r#"Digest realm="{realm}", nonce="{nonce}", qop="auth", stale={}"#, nonce >= 20)]
    };
    for (told, (target, realm)) in realms.into_iter().enumerate() {
        let mut client = ann();
        for (nonce, (target, realm)) in realms.into_iter().enumerate() {
            client.challenged(target, header(realm, nonce), &[]).unwrap();
        }
        let sent = client.answers(&mut rng(), b"GET", b"/", b"");
        for (nonce, answer) in sent.iter().enumerate() {
            assert!(answer.value().contains(&format!("nonce=\"{nonce}\"")), "{answer:?}");
        }
        // Only this one was accepted, so only this one may change its nonce without a word.
        client.accepted(&sent[told..=told]);
        for (nonce, (target, realm)) in realms.into_iter().enumerate() {
            if nonce != told {
                client.challenged(target, header(realm, nonce + 20), &sent).unwrap();
            }
        }
        for (nonce, (target, realm)) in realms.into_iter().enumerate() {
            let expected = if nonce == told { Ok(()) } else { Err(Refused::Rejected) };
            let answer = client.challenged(target, header(realm, nonce + 10), &sent);
            assert_eq!(answer, expected, "{target:?} {realm}");
        }
        // Only this one has a next nonce.
        let sent = client.answers(&mut rng(), b"GET", b"/", b"");
        let its = sent.iter().filter(|answer| answer.target() == target && answer.realm() == realm);
        let its: Vec<Answer> = its.cloned().collect();
        client.info(target, b"nextnonce=\"next\"", &its, b"").unwrap();
        let next = client.answers(&mut rng(), b"GET", b"/", b"");
        let with_next = next.iter().filter(|answer| answer.value().contains("nonce=\"next\""));
        let of: Vec<_> = with_next.map(|answer| (answer.target(), answer.realm())).collect();
        assert_eq!(of, [(target, realm)]);
    }
}

/// Two requests are on their way with one nonce, which the server calls stale for the first of them.
#[test]
fn what_is_accepted_with_a_former_nonce_says_nothing_of_the_one_in_use() {
    let header = |nonce: &str, rest: &str| {
        [format!(r#"Digest realm="r", nonce="{nonce}", qop="auth"{rest}"#)]
    };
    let mut rng = rng();
    let mut client = ann();
    client.challenged(Target::Origin, header("1", ""), &[]).unwrap();
    let first = client.answers(&mut rng, b"GET", b"/", b"");
    let second = client.answers(&mut rng, b"GET", b"/", b"");
    client.challenged(Target::Origin, header("2", ", stale=true"), &first).unwrap();
    client.accepted(&second);
    assert_eq!(client.challenged(Target::Origin, header("3", ""), &second), Err(Refused::Rejected));
}

/// Cameras give Basic another realm than Digest: the password is not sent in the clear beside, or
/// behind, a proof that does not need it.
#[test]
fn basic_of_another_realm_is_not_answered_where_digest_is() {
    let (digest, basic) =
        (r#"Digest realm="IP Camera", nonce="n", qop="auth""#, r#"Basic realm="/""#);
    for headers in [[digest, basic], [basic, digest]] {
        let mut client = ann().with_basic(true);
        client.challenged(Target::Origin, headers, &[]).unwrap();
        let sent = client.answers(&mut rng(), b"GET", b"/", b"");
        assert!(matches!(values(&sent)[..], [only] if only.starts_with("Digest ")), "{sent:?}");
        let again = client.challenged(Target::Origin, headers, &sent);
        assert_eq!(again, Err(Refused::Rejected));
        assert_eq!(client.answers(&mut rng(), b"GET", b"/", b"").len(), 1);
        // Where no credential fits the realm of Digest, Basic is what is left.
        let credential = Credential::new("ann", "s3cret").unwrap().for_realm("/");
        let mut client = Client::new([credential]).with_basic(true);
        client.challenged(Target::Origin, headers, &[]).unwrap();
        let sent = client.answers(&mut rng(), b"GET", b"/", b"");
        assert!(matches!(values(&sent)[..], [only] if only.starts_with("Basic ")), "{sent:?}");
    }
}

#[test]
fn nothing_breaks_out_of_a_header() {
    for bad in ["a\r\nX: y", "a\0", "a\x7f"] {
        assert_eq!(Credential::new(bad, "x").unwrap_err(), BadCredential::Control);
        assert_eq!(Credential::new("x", bad).unwrap_err(), BadCredential::Control);
        assert_eq!(ServerConfig::new(bad).unwrap_err(), BadCredential::Control);
        let mut client = ann();
        client.challenged(Target::Origin, [r#"Digest realm="r", nonce="n""#], &[]).unwrap();
        assert!(client.answers(&mut rng(), b"GET", bad.as_bytes(), b"").is_empty());
    }
    assert!(Credential::new("a\tb", "\u{e9}").is_ok());
}

proptest! {
    #[test]
    fn nothing_panics_on_any_text(text in "(Digest |Basic )?[ -~\r\n\t]{0,200}", bytes: Vec<u8>) {
        for value in [text.as_bytes(), &bytes] {
            let inside = |error: ParseError| error.offset() <= value.len();
            for challenge in Challenges::new(value) {
                prop_assert!(challenge.digest().and_then(Result::err).is_none_or(inside));
                prop_assert!(challenge.params().count() <= value.len());
            }
            prop_assert!(Credentials::parse(value).err().is_none_or(inside));
            prop_assert!(AuthenticationInfo::parse(value).err().is_none_or(inside));
            prop_assert!(server(config()).claim([value]).err().is_none_or(inside));
            let mut client = ann();
            let answered = client.challenged(Target::Origin, [value], &[]).is_ok();
            let answers = client.answers(&mut rng(), b"GET", b"/", b"");
            prop_assert_eq!(answered, !answers.is_empty());
        }
    }
}
