//! Who asks, and how devices say it (RFC 7616, RFC 7617).

use super::*;
use proto_wire::digest::{
    Algorithm, Client as Credentials, Credential, Ha1, InfoOutcome, Secret, ServerConfig, Target,
    username_hash,
};

/// A host whose only user is ann, and a client's side of the proofs.
struct Door {
    host: Host,
    client: Credentials,
    rng: Rng,
    /// The URI in the proof, when it is not that of the request.
    claims: Option<&'static str>,
}

impl Door {
    fn new(authentication: Authentication) -> Self {
        let config = Config::default().with_authentication(authentication);
        let ann = Credential::new("ann", "s3cret").unwrap();
        let client = Credentials::new([ann]).with_basic(true);
        let rng = Rng::new(&Seed::from_u64(5));
        Self { host: Host::new(config), client, rng, claims: None }
    }

    /// Asks, with the proof that the client has by now; the status.
    fn ask(&mut self, method: &str, url: &str, headers: &str) -> u16 {
        self.try_with(method, url, headers, Secret::Password("s3cret"))
    }

    fn try_with(&mut self, method: &str, url: &str, headers: &str, secret: Secret<'_>) -> u16 {
        let uri = self.claims.unwrap_or(url);
        let answers = self.client.answers(&mut self.rng, method.as_bytes(), uri.as_bytes(), b"");
        let mut lines = String::from(headers);
        for answer in &answers {
            lines.push_str(&format!("{}: {}\r\n", answer.header_name(), answer.value()));
        }
        let mut answer = self.host.answer_to(method, url, &lines);
        if let Some(Event::SecretWanted { id, .. }) = self.host.events.last() {
            let id = *id;
            self.host.server.authenticate(self.host.now, id, secret).unwrap();
            answer = self.host.sent();
        }
        let challenges: Vec<String> = answer
            .split("\\r\\n")
            .filter_map(|line| line.strip_prefix("WWW-Authenticate: "))
            .map(|value| value.replace("\\\"", "\""))
            .collect();
        if status(&answer) == 401 {
            assert!(!challenges.is_empty(), "{answer}");
            let _usable = self.client.challenged(Target::Origin, &challenges, &answers);
        }
        status(&answer)
    }

    fn later(&mut self, secs: u64) {
        self.host.later(secs);
    }
}

fn digest(algorithms: &[Algorithm]) -> Authentication {
    let config = ServerConfig::new("cameras").unwrap();
    Authentication::new(config.with_algorithms(algorithms.iter().copied()))
}

fn basic() -> Authentication {
    let config = ServerConfig::new("cameras").unwrap();
    Authentication::new(config.with_algorithms([]).with_basic(true))
}

const TCP: &str = "Transport: RTP/AVP/TCP;unicast\r\n";

/// RFC 7616 §3.2 to §3.5 in RTSP 1.0: a whole session with proofs, OPTIONS without.
#[test]
fn a_whole_session_is_proved() {
    for authentication in [basic(), digest(&[Algorithm::Md5]), digest(&[Algorithm::Sha256])] {
        let mut door = Door::new(authentication);
        assert_eq!(door.ask("OPTIONS", "*", ""), 200, "open to all");
        assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 401);
        assert!(door.host.events.is_empty(), "nobody is asked about nobody");
        assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 200);
        assert_eq!(door.host.asked().user.as_deref(), Some("ann"));
        assert_eq!(door.ask("SETUP", "rtsp://h/a/t0", TCP), 200);
        let session = format!("Session: {}\r\n", door.host.session().id());
        assert_eq!(door.ask("PLAY", "rtsp://h/a", &session), 200);
        assert_eq!(door.ask("TEARDOWN", "rtsp://h/a", &session), 200);
        assert!(door.host.asked().uri_match.is_none_or(|found| found == UriMatch::Exact));
    }
}

/// RFC 7616 §3.5: the answer proves that the server knows the secret too.
#[test]
fn answers_to_proofs_have_authentication_info() {
    let mut door = Door::new(digest(&[Algorithm::Md5]));
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 401);
    let uri = b"rtsp://h/a";
    let answers = door.client.answers(&mut door.rng, b"DESCRIBE", uri, b"");
    let line = format!("Authorization: {}\r\n", answers[0].value());
    door.host.answer_to("DESCRIBE", "rtsp://h/a", &line);
    let Some(Event::SecretWanted { id, username, is_hashed, algorithm }) =
        door.host.events.last().cloned()
    else {
        panic!("it is asked")
    };
    assert_eq!((username.as_str(), is_hashed), ("ann", false));
    assert_eq!(algorithm, Some(Algorithm::Md5));
    // A stored hash is as good as the password.
    let ha1 = Ha1::new(Algorithm::Md5, "ann", "cameras", "s3cret");
    door.host.server.authenticate(door.host.now, id, Secret::Ha1(&ha1)).unwrap();
    let answer = door.host.sent();
    assert_eq!(status(&answer), 200);
    let info =
        answer.split("Authentication-Info: ").nth(1).and_then(|rest| rest.split("\\r").next());
    let info = info.unwrap().replace("\\\"", "\"");
    let outcome = door.client.info(Target::Origin, info.as_bytes(), &answers, b"v=0\r\n");
    assert!(matches!(outcome, Ok(InfoOutcome::Verified)), "{info} {outcome:?}");
}

#[test]
fn a_wrong_proof_is_challenged_again_until_it_is_enough() {
    let mut door = Door::new(digest(&[Algorithm::Md5]).with_attempts_max(2));
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 401);
    for (secret, expected) in [
        (Secret::Password("wrong"), 401),
        (Secret::Unknown, 401),
        // One more ends it.
        (Secret::Password("wrong"), 401),
    ] {
        assert_eq!(door.host.closed(), None);
        // A client that does not give up: the same credentials for each new nonce.
        let ann = Credential::new("ann", "s3cret").unwrap();
        door.client = Credentials::new([ann]);
        door.host.answers = true;
        let answer = door.host.answer_to("DESCRIBE", "rtsp://h/a", "");
        let challenge = answer.split("WWW-Authenticate: ").nth(1).unwrap();
        let challenge = challenge.split("\\r").next().unwrap().replace("\\\"", "\"");
        door.client.challenged(Target::Origin, [challenge], &[]).unwrap();
        assert_eq!(door.try_with("DESCRIBE", "rtsp://h/a", "", secret), expected);
    }
    assert_eq!(door.host.closed(), Some(CloseReason::Limit(proto_wire::LimitKind::AuthAttempts)));
}

/// A right proof in between begins the count anew, and a stale nonce counts as nothing.
#[test]
fn a_nonce_that_is_too_old_is_stale_not_wrong() {
    let config = ServerConfig::new("cameras").unwrap().with_nonce_life(Duration::from_secs(30));
    let mut door = Door::new(Authentication::new(config).with_attempts_max(0));
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 401);
    for _ in 0..3 {
        assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 200);
        door.later(31);
        assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 401, "stale");
        assert_eq!(door.host.closed(), None);
    }
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 200);
}

/// An answer that was overheard is worth nothing: not again, and not on another connection.
#[test]
fn a_proof_is_good_once_and_here() {
    let mut door = Door::new(digest(&[Algorithm::Sha256]));
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 401);
    let answers = door.client.answers(&mut door.rng, b"DESCRIBE", b"rtsp://h/a", b"");
    let line = format!("Authorization: {}\r\n", answers[0].value());
    let replay = |host: &mut Host| {
        host.answer_to("DESCRIBE", "rtsp://h/a", &line);
        let Some(Event::SecretWanted { id, .. }) = host.events.last().cloned() else {
            panic!("it is asked")
        };
        host.server.authenticate(host.now, id, Secret::Password("s3cret")).unwrap();
        status(&host.sent())
    };
    assert_eq!(replay(&mut door.host), 200);
    assert_eq!(replay(&mut door.host), 401);
    let mut other = Door::new(digest(&[Algorithm::Sha256]));
    other.host.server = Server::new(START, other.host.server.config.clone(), Seed::from_u64(99));
    assert_eq!(replay(&mut other.host), 401);
}

fn claimed(claims: &'static str, method: &str, url: &str) -> (u16, Option<UriMatch>) {
    let mut door = Door::new(digest(&[Algorithm::Md5]));
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/cam", ""), 401);
    door.claims = Some(claims);
    let transport = if method == "SETUP" { TCP } else { "" };
    let status = door.ask(method, url, transport);
    let asked = door.host.events.iter().any(|event| matches!(event, Event::Request(_)));
    (status, asked.then(|| door.host.asked()).and_then(|asked| asked.uri_match))
}

/// Bosch BVMS writes the path only.
#[test]
fn a_proof_with_the_path_only_is_taken() {
    let url = "rtsp://h:8554/cam/t1?x=1";
    assert_eq!(claimed("/cam/t1?x=1", "DESCRIBE", url), (200, Some(UriMatch::PathOnly)));
    assert_eq!(claimed("/cam/t2?x=1", "DESCRIBE", url), (400, None));
    assert_eq!(claimed("/", "DESCRIBE", url), (400, None));
}

/// VLC writes the URL of the whole in the SETUP of one stream.
#[test]
fn a_proof_with_the_base_url_is_taken_for_setup() {
    let url = "rtsp://h/cam/trackID=1";
    assert_eq!(claimed("rtsp://h/cam", "SETUP", url), (200, Some(UriMatch::BaseUrl)));
    assert_eq!(claimed("rtsp://h/cam/", "SETUP", url), (200, Some(UriMatch::BaseUrl)));
    assert_eq!(claimed("rtsp://h/cam/", "DESCRIBE", url), (400, None));
    assert_eq!(claimed("rtsp://h/other/", "SETUP", url), (400, None));
    assert_eq!(claimed("rtsp://h/", "SETUP", url), (400, None), "one part, not all");
    assert_eq!(claimed("rtsp://h/", "SETUP", "rtsp://h/cam"), (200, Some(UriMatch::BaseUrl)));
}

/// `HappyTime` leaves out the slash at the end, others add one.
#[test]
fn a_proof_without_the_slash_at_the_end_is_taken() {
    assert_eq!(claimed("rtsp://h/cam", "DESCRIBE", "rtsp://h/cam/"), (200, Some(UriMatch::Slash)));
    assert_eq!(claimed("rtsp://h/cam/", "DESCRIBE", "rtsp://h/cam"), (200, Some(UriMatch::Slash)));
    assert_eq!(claimed("rtsp://h/cam", "DESCRIBE", "rtsp://h/cam"), (200, Some(UriMatch::Exact)));
}

/// RFC 7616 §3.4.6: another URI is 400; the strict policy takes nothing else.
#[test]
fn a_strict_door_takes_the_same_uri_only() {
    let mut door = Door::new(digest(&[Algorithm::Md5]).with_uris(UriPolicy::Exact));
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/cam", ""), 401);
    door.claims = Some("rtsp://h/cam");
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/cam/", ""), 400);
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/cam", ""), 200);
}

#[test]
fn uris_that_have_nothing_in_common_do_not_match() {
    for (claimed, request) in [
        ("", "rtsp://h/"),
        ("/", "rtsp://h/"),
        ("*", "rtsp://h/a"),
        ("rtsp://h", "rtsp://x"),
        ("rtsp:", "rtsp://h"),
        ("rtsp:/", "rtsp://h"),
        ("", "*"),
        ("h", "rtsp://h"),
    ] {
        for method in [Method::Setup, Method::Play] {
            let found = uri_match(claimed, request, method);
            assert_eq!(found, None, "{claimed:?} {request:?}");
        }
    }
    assert_eq!(uri_match("*", "*", Method::Options), Some(UriMatch::Exact));
}

/// RFC 7616 §3.4.4: names that are hashed are resolved by the host.
#[test]
fn hashed_user_names_are_resolved() {
    let config = ServerConfig::new("cameras").unwrap().with_userhash(true);
    let mut door = Door::new(Authentication::new(config.with_algorithms([Algorithm::Sha256])));
    assert_eq!(door.ask("DESCRIBE", "rtsp://h/a", ""), 401);
    let answers = door.client.answers(&mut door.rng, b"DESCRIBE", b"rtsp://h/a", b"");
    let line = format!("Authorization: {}\r\n", answers[0].value());
    door.host.answer_to("DESCRIBE", "rtsp://h/a", &line);
    let Some(Event::SecretWanted { id, username, is_hashed, .. }) =
        door.host.events.last().cloned()
    else {
        panic!("it is asked")
    };
    let server = &mut door.host.server;
    if is_hashed {
        assert_eq!(username, username_hash(Algorithm::Sha256, "ann", "cameras").as_str());
        assert_eq!(server.resolve_user(id, "bob"), Ok(false));
        assert_eq!(server.resolve_user(id, "ann"), Ok(true));
    } else {
        assert_eq!(username, "ann");
    }
    let nobody = RequestId(99);
    assert_eq!(server.resolve_user(nobody, "ann"), Err(CommandError::UnknownRequest));
    let now = door.host.now;
    let wrong = server.authenticate(now, nobody, Secret::Unknown);
    assert_eq!(wrong, Err(CommandError::UnknownRequest));
    // It is not asked yet: only a refusal answers it.
    assert_eq!(server.accept(now, id), Err(CommandError::UnknownRequest));
    server.authenticate(now, id, Secret::Password("s3cret")).unwrap();
    assert_eq!(status(&door.host.sent()), 200);
    assert_eq!(door.host.asked().user.as_deref(), Some("ann"));
}

/// What cannot be read is 400 (RFC 7616 §3.4); what is for another realm is no proof.
#[test]
fn proofs_that_are_none() {
    for (line, expected) in [
        ("Authorization: Digest realm=\"cameras\", nonce=\r\n", 400),
        ("Authorization: Basic !!!\r\n", 400),
        ("Authorization: Bearer token\r\n", 401),
        ("Authorization: \r\n", 400),
    ] {
        let mut door = Door::new(digest(&[Algorithm::Md5]));
        let status = door.host.ask("DESCRIBE", "rtsp://h/a", line);
        assert_eq!(status, expected, "{line}");
        assert!(door.host.events.is_empty());
    }
}

/// Two users on one connection: the session of one is none of the other's.
#[test]
fn a_session_belongs_to_who_set_it_up() {
    let mut door = Door::new(basic());
    let mut ask = |user: &str, method: &str, headers: &str| {
        // `ann:x` and `bob:x`.
        let proof = if user == "ann" { "YW5uOng=" } else { "Ym9iOng=" };
        let headers = format!("{headers}Authorization: Basic {proof}\r\n");
        door.host.answer_to(method, "rtsp://h/a", &headers);
        let Some(Event::SecretWanted { id, username, .. }) = door.host.events.last().cloned()
        else {
            panic!("it is asked")
        };
        assert_eq!(username, user);
        door.host.server.authenticate(door.host.now, id, Secret::Password("x")).unwrap();
        let code = status(&door.host.sent());
        let line = door.host.server.sessions().next();
        let line = line.map(|(_, session)| format!("Session: {}\r\n", session.id()));
        (code, line.unwrap_or_default())
    };
    let (code, session) = ask("ann", "SETUP", TCP);
    assert_eq!(code, 200);
    assert_eq!(ask("bob", "PLAY", &session).0, 454);
    assert_eq!(ask("bob", "TEARDOWN", &session).0, 454);
    assert_eq!(ask("ann", "PLAY", &session).0, 200);
    assert_eq!(door.host.session().user(), Some("ann"));
}

/// Only what is asked for has to be proved, and sessions are looked up behind the door: who is
/// not let in learns nothing about them.
#[test]
fn what_is_behind_the_door_is_not_told() {
    let methods = Methods::of(&[Method::Play]);
    let mut door = Door::new(digest(&[Algorithm::Md5]).for_methods(methods));
    assert_eq!(door.ask("SETUP", "rtsp://h/a", TCP), 200);
    let session = format!("Session: {}\r\n", door.host.session().id());
    assert_eq!(door.host.ask("PLAY", "rtsp://h/a", "Session: 12345678\r\n"), 401);
    assert_eq!(door.host.ask("PLAY", "rtsp://h/a", &session), 401);
    let mut fresh = Door::new(digest(&[Algorithm::Md5]));
    assert_eq!(fresh.ask("TEARDOWN", "rtsp://h/a", "Session: 12345678\r\n"), 401);
    assert_eq!(fresh.ask("TEARDOWN", "rtsp://h/a", "Session: 12345678\r\n"), 454);
}
