#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
use super::*;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use proto_wire::digest::{Answer, Client, Credential, Target};
use proto_wire::{Rng, Seed};

const PATH: Path = Path::Stream(crate::endpoint::FlowId(1));

struct Bench {
    registrar: Registrar,
    location: Location,
    now: Instant,
}

impl Bench {
    fn new(digest: bool) -> Self {
        let digest = digest.then(|| ServerConfig::new("example.com").unwrap());
        let config = RegistrarConfig::new("example.com", digest).with_bindings_max(3);
        Self {
            registrar: Registrar::new(config, Seed::from_u64(1)),
            location: Location::new(100),
            now: Instant::from_secs(1000),
        }
    }

    /// Runs all stages; the password of everyone is `secret`.
    fn run(&mut self, request: RequestBuf) -> ResponseBuf {
        assert_eq!(request.view().validate(), Ok(()));
        let mut step = self.registrar.begin(self.now, request, PATH);
        loop {
            step = match step {
                Step::Reply(reply) => return reply.build().unwrap(),
                Step::Secret(wanted) => {
                    self.registrar.secret(self.now, wanted, Secret::Password("secret"))
                }
                Step::Authorise(wanted) => {
                    let own = wanted.address() == format!("{}@example.com", wanted.username());
                    self.registrar.authorised(wanted, own)
                }
                Step::Fetch(wanted) => {
                    let found = self.location.fetch(self.now, wanted.address());
                    self.registrar.fetched(self.now, wanted, found)
                }
                Step::Commit(wanted) => {
                    let stored =
                        self.location.replace(wanted.address(), wanted.bindings().to_vec());
                    self.registrar.committed(self.now, wanted, stored)
                }
            };
        }
    }

    fn status(&mut self, call: &str, cseq: u32, lines: &str) -> u16 {
        self.run(register(call, cseq, lines)).view().status().as_u16()
    }

    fn contacts(&self) -> Vec<String> {
        let found = self.location.fetch(self.now, "alice@example.com");
        found.iter().map(|b| b.contact(self.now)).collect()
    }
}

fn register(call: &str, cseq: u32, lines: &str) -> RequestBuf {
    let text = format!(
        "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{call}{cseq}\r\n\
         From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: {call}\r\n\
         CSeq: {cseq} REGISTER\r\n{lines}\r\n"
    );
    RequestBuf::parse(text.into_bytes()).unwrap()
}

#[test]
fn bindings_are_set_refreshed_told_and_removed() {
    let mut b = Bench::new(false);
    let reply = b.run(register(
        "a",
        1,
        "Contact: <sip:a@h1>;q=0.5, <sip:a@h2>;expires=600\r\nExpires: 1200\r\n",
    ));
    assert_eq!(reply.view().status(), StatusCode::OK);
    let told: Vec<_> = reply.headers().all(HeaderName::CONTACT).map(String::from).collect();
    assert_eq!(told, ["<sip:a@h1>;expires=1200;q=0.500", "<sip:a@h2>;expires=600"]);
    // A query tells and changes nothing.
    b.now = Instant::from_secs(1100);
    let reply = b.run(register("b", 1, ""));
    assert_eq!(reply.headers().all(HeaderName::CONTACT).count(), 2);
    assert_eq!(b.contacts(), ["<sip:a@h1>;expires=1100;q=0.500", "<sip:a@h2>;expires=500"]);
    // Parameter before header before default; what is equivalent is the same binding.
    assert_eq!(b.status("a", 2, "Contact: <sip:a@H1;x=y>\r\n"), 200);
    assert_eq!(b.contacts(), ["<sip:a@h2>;expires=500", "<sip:a@H1;x=y>;expires=3600"]);
    assert_eq!(b.status("a", 3, "Contact: <sip:a@h2>;expires=0\r\n"), 200);
    assert_eq!(b.contacts().len(), 1);
    assert_eq!(b.status("a", 4, "Contact: *\r\nExpires: 0\r\n"), 200);
    assert!(b.contacts().is_empty() && b.location.is_empty());
    assert!(b.location.knows("alice@example.com"));
}

#[test]
fn a_star_stands_alone_with_expires_0() {
    let mut b = Bench::new(false);
    for lines in ["Contact: *\r\n", "Contact: *\r\nExpires: 60\r\n"] {
        assert_eq!(b.status("a", 1, lines), 400, "{lines}");
    }
    let both = register("a", 1, "Contact: *\r\nContact: <sip:a@h>\r\nExpires: 0\r\n");
    assert_eq!(both.view().validate().unwrap_err().status, StatusCode::BAD_REQUEST);
}

#[test]
fn too_brief_is_423_and_too_long_is_shortened() {
    let mut b = Bench::new(false);
    let reply = b.run(register("a", 1, "Contact: <sip:a@h>;expires=59\r\n"));
    assert_eq!(reply.view().status(), StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(reply.headers().get(HeaderName::MIN_EXPIRES), Some("60"));
    assert_eq!(b.status("a", 2, "Contact: <sip:a@h>;expires=60\r\n"), 200);
    assert_eq!(b.status("a", 3, "Contact: <sip:a@h>;expires=99999999999\r\n"), 200);
    assert_eq!(b.contacts(), ["<sip:a@h>;expires=7200"]);
}

#[test]
fn an_older_request_of_one_call_changes_nothing_at_all() {
    let mut b = Bench::new(false);
    assert_eq!(b.status("a", 5, "Contact: <sip:a@h1>\r\n"), 200);
    // The second contact is out of order, so the first is not set either.
    assert_eq!(b.status("a", 5, "Contact: <sip:a@new>, <sip:a@h1>\r\n"), 500);
    assert_eq!(b.status("a", 4, "Contact: *\r\nExpires: 0\r\n"), 500);
    assert_eq!(b.contacts(), ["<sip:a@h1>;expires=3600"]);
    // Another Call-ID has its own count: the client was restarted.
    assert_eq!(b.status("b", 1, "Contact: <sip:a@h1>;expires=0\r\n"), 200);
    assert!(b.contacts().is_empty());
}

#[test]
fn limits_at_n_and_one_more() {
    let mut b = Bench::new(false);
    assert_eq!(b.status("a", 1, "Contact: <sip:a@1>,<sip:a@2>,<sip:a@3>\r\n"), 200);
    assert_eq!(b.status("a", 2, "Contact: <sip:a@4>\r\n"), 403);
    assert_eq!(b.contacts().len(), 3);
    b.location = Location::new(1);
    assert_eq!(b.status("a", 3, "Contact: <sip:a@1>\r\n"), 200);
    assert_eq!(b.status("a", 4, "Contact: <sip:a@2>\r\n"), 500);
    assert_eq!(b.status("a", 5, "Contact: <sip:a@1>\r\n"), 200);
}

#[test]
fn what_is_not_supported_or_not_ours() {
    let mut b = Bench::new(false);
    let reply = b.run(register("a", 1, "Require: path, x-odd\r\nContact: <sip:a@h>\r\n"));
    assert_eq!(reply.view().status(), StatusCode::BAD_EXTENSION);
    assert_eq!(reply.headers().get(HeaderName::UNSUPPORTED), Some("x-odd"));
    let other = register("a", 1, "Contact: <sip:a@h>\r\n").into_bytes();
    let text = String::from_utf8(other.to_vec())
        .unwrap()
        .replace("To: <sip:alice@example.com>", "To: <sip:alice@other.com>");
    assert_eq!(
        b.run(RequestBuf::parse(text.into_bytes()).unwrap()).view().status(),
        StatusCode::NOT_FOUND
    );
}

#[test]
fn instance_and_reg_id_name_the_binding_and_path_is_kept() {
    let mut b = Bench::new(false);
    let contact = |host: &str, reg: u32| {
        format!("Contact: <sip:a@{host}>;+sip.instance=\"<urn:uuid:1>\";reg-id={reg}\r\n")
    };
    assert_eq!(
        b.status(
            "a",
            1,
            &format!("{}Path: <sip:edge;lr>\r\nSupported: path\r\n", contact("h1", 1))
        ),
        200
    );
    assert_eq!(b.status("b", 1, &contact("h2", 1)), 200);
    assert_eq!(b.contacts(), ["<sip:a@h2>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1"]);
    assert_eq!(b.status("b", 2, &contact("h2", 2)), 200);
    assert_eq!(b.contacts().len(), 2);
}

#[test]
fn bindings_end_by_themselves() {
    let mut b = Bench::new(false);
    assert_eq!(b.status("a", 1, "Contact: <sip:a@1>;expires=60, <sip:a@2>;expires=90\r\n"), 200);
    assert_eq!(b.location.next_expiry(), Some(Instant::from_secs(1060)));
    assert_eq!(b.location.expire(Instant::from_secs(1060)).as_deref(), Some("alice@example.com"));
    assert_eq!(b.location.len(), 1);
    assert_eq!(b.location.next_expiry(), Some(Instant::from_secs(1090)));
}

#[test]
fn digest_is_asked_for_judged_and_replays_are_stale() {
    let mut b = Bench::new(true);
    let first = b.run(register("a", 1, "Contact: <sip:a@h>\r\n"));
    assert_eq!(first.view().status(), StatusCode::UNAUTHORIZED);
    let challenges = |reply: &ResponseBuf| -> Vec<Vec<u8>> {
        reply.headers().rows(HeaderName::WWW_AUTHENTICATE).map(|f| f.bytes().to_vec()).collect()
    };
    let first = challenges(&first);
    assert!(first.len() >= 2, "SHA-256 and MD5");
    let mut rng = Rng::new(&Seed::from_u64(3));
    let mut answers = |challenges: &[Vec<u8>], user: &str, password: &str| -> Vec<Answer> {
        let mut client = Client::new([Credential::new(user, password).unwrap()]);
        client.challenged(Target::Origin, challenges, &[]).unwrap();
        client.answers(&mut rng, b"REGISTER", b"sip:example.com", b"")
    };
    let line = |a: &[Answer]| format!("Authorization: {}\r\nContact: <sip:a@h>\r\n", a[0].value());
    let good = answers(&first, "alice", "secret");
    let reply = b.run(register("a", 2, &line(&good)));
    assert_eq!(reply.view().status(), StatusCode::OK);
    assert!(reply.headers().get(HeaderName::AUTHENTICATION_INFO).is_some());
    // The same answer again is a replay: stale, not wrong.
    let replay = b.run(register("a", 3, &line(&good)));
    assert_eq!(replay.view().status(), StatusCode::UNAUTHORIZED);
    assert!(replay.headers().get(HeaderName::WWW_AUTHENTICATE).unwrap().contains("stale=true"));
    let wrong = b.run(register("a", 4, &line(&answers(&first, "alice", "wrong"))));
    assert!(
        !wrong
            .headers()
            .get(HeaderName::WWW_AUTHENTICATE)
            .unwrap()
            .to_string()
            .contains("stale=true")
    );
    // A user may only register the own address.
    let second = challenges(&b.run(register("a", 5, "Contact: <sip:a@h>\r\n")));
    let bob = line(&answers(&second, "bob", "secret"));
    assert_eq!(b.status("a", 6, &bob), 403);
    assert_eq!(b.status("a", 7, "Authorization: Digest \r\nContact: <sip:a@h>\r\n"), 400);
    assert_eq!(vec![b.contacts().len()], [1]);
}

/// Addresses that were registered once are remembered (480, not 404), but not without end.
#[test]
fn empty_addresses_do_not_fill_memory() {
    let mut location = Location::new(3);
    for n in 0..1000 {
        assert!(location.replace(&format!("u{n}@h"), Vec::new()));
    }
    assert!(location.knows("u0@h") && location.knows("u2@h"));
    assert!(!location.knows("u3@h") && !location.knows("u999@h"));
}

/// RFC 5627 §5.1, §5.2.
#[test]
fn a_device_gets_a_gruu_when_it_knows_what_that_is() {
    let mut b = Bench::new(false);
    let contact =
        "Contact: <sip:a@h1>;+sip.instance=\"<urn:uuid:F8/1>\";pub-gruu=\"sip:x@evil\"\r\n";
    let told = |b: &mut Bench, cseq, extra: &str| {
        let reply = b.run(register("a", cseq, &format!("{contact}{extra}")));
        reply.headers().get(HeaderName::CONTACT).unwrap().to_string()
    };
    let plain = told(&mut b, 1, "");
    assert_eq!(plain, "<sip:a@h1>;expires=3600;+sip.instance=\"<urn:uuid:F8/1>\"");
    let gruu = "sip:alice@example.com;gr=urn:uuid:f8%2F1";
    let with = told(&mut b, 2, "Supported: gruu\r\nRequire: gruu\r\n");
    let (public, temporary) = with.split_once(";temp-gruu=").unwrap();
    assert_eq!(public, format!("{plain};pub-gruu=\"{gruu}\""));
    let temporary = temporary.trim_matches('"').to_string();
    // It says all by itself.
    let uri = crate::SipUri::parse(gruu.as_bytes()).unwrap();
    assert_eq!(instance_of_gruu(&uri).as_deref(), Some("urn:uuid:f8/1"));
    assert!(b.location.fetch(b.now, &uri.address_key())[0].is_of("urn:uuid:f8/1"));
    // The other says nothing but to the registrar (RFC 5627 §3.1.2), and is another each time.
    assert!(temporary.starts_with("sip:tgruu.") && temporary.ends_with("@example.com;gr"));
    assert!(!temporary.contains("alice") && !temporary.contains("f8"));
    let next = told(&mut b, 3, "Supported: gruu\r\n");
    let next = next.split_once(";temp-gruu=").unwrap().1.trim_matches('"').to_string();
    assert_ne!(next, temporary);
    for one in [&temporary, &next] {
        let uri = crate::SipUri::parse(one.as_bytes()).unwrap();
        let opened = b.registrar.temporary_gruu(&uri).unwrap();
        assert_eq!(opened.address, "alice@example.com");
        assert!(opened.is_of(&b.location.fetch(b.now, &opened.address)[0]));
    }
    // §5.1: another Call-ID makes those before it invalid; a refresh does not.
    let reply = b.run(register("other", 1, &format!("{contact}Supported: gruu\r\n")));
    assert!(reply.headers().get(HeaderName::CONTACT).unwrap().contains("temp-gruu"));
    let uri = crate::SipUri::parse(temporary.as_bytes()).unwrap();
    let opened = b.registrar.temporary_gruu(&uri).unwrap();
    assert!(!opened.is_of(&b.location.fetch(b.now, &opened.address)[0]));
    // A registrar with the same key reads them after a new start; another one does not.
    let forged = temporary.replace("tgruu.", "tgruu.0");
    let uri = crate::SipUri::parse(forged.as_bytes()).unwrap();
    assert_eq!(b.registrar.temporary_gruu(&uri), None);
    let uri = crate::SipUri::parse(temporary.as_bytes()).unwrap();
    let another = Registrar::new(RegistrarConfig::default(), Seed::from_u64(9));
    assert_eq!(another.temporary_gruu(&uri), None);
    let key = Sealer::new(&Seed::from_u64(77));
    let keyed = |seed| {
        let config = RegistrarConfig::new("example.com", None).with_gruu_key(key.clone());
        Registrar::new(config, Seed::from_u64(seed))
    };
    b.registrar = keyed(1);
    let kept = told(&mut b, 9, "Supported: gruu\r\n");
    let kept = kept.split_once(";temp-gruu=").unwrap().1.trim_matches('"').to_string();
    let uri = crate::SipUri::parse(kept.as_bytes()).unwrap();
    assert!(keyed(2).temporary_gruu(&uri).is_some());
    for (contact, status) in [
        ("<sip:alice@EXAMPLE.com>;+sip.instance=\"<urn:uuid:2>\"", 403),
        ("<sip:alice@example.com;gr=urn:uuid:2>;+sip.instance=\"<urn:uuid:2>\"", 403),
        ("<tel:+1>;+sip.instance=\"<urn:uuid:2>\"", 403),
        ("<sip:alice@example.com>", 200),
    ] {
        let lines = format!("Contact: {contact}\r\nSupported: gruu\r\n");
        assert_eq!(b.status("c", 1, &lines), status, "{contact}");
    }
}

/// RFC 5627 §5.1: a public GRUU is the address of record of To, which says `sips` for who registers one.
#[test]
fn gruus_of_a_secure_address_are_secure() {
    let mut b = Bench::new(false);
    let lines = "Contact: <sips:a@h1>;+sip.instance=\"<urn:uuid:1>\"\r\nSupported: gruu\r\n";
    let text = register("a", 1, lines).as_bytes().to_vec();
    let text = String::from_utf8(text).unwrap().replace("<sip:alice", "<sips:alice");
    let reply = b.run(RequestBuf::parse(text.into_bytes()).unwrap());
    let contact = reply.headers().get(HeaderName::CONTACT).unwrap();
    assert!(contact.contains(";pub-gruu=\"sips:alice@example.com;gr=urn:uuid:1\""), "{contact}");
    let temporary = contact.split("temp-gruu=\"").nth(1).unwrap().trim_matches('"');
    assert!(temporary.starts_with("sips:tgruu."), "{contact}");
    let uri = crate::SipUri::parse(temporary.as_bytes()).unwrap();
    assert_eq!(b.registrar.temporary_gruu(&uri).unwrap().address, "alice@example.com");
}

/// RFC 5626 §6.
#[test]
fn flows_are_for_direct_clients_and_edges_that_say_ob() {
    let flow = "Contact: <sip:a@h1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n";
    let second = "Via: SIP/2.0/UDP far;branch=z9hG4bKfar\r\n";
    let mut b = Bench::new(false);
    let reply = b.run(register("a", 1, &format!("{flow}Supported: outbound\r\n")));
    assert_eq!(reply.headers().get(HeaderName::REQUIRE), Some("outbound"));
    for (lines, status, reg_id) in [
        ("Supported: outbound, path\r\n", 439, Some(1)),
        ("Supported: path\r\nPath: <sip:edge;lr>\r\n", 200, None),
        ("Supported: outbound, path\r\nPath: <sip:mid;lr>, <sip:edge;lr;ob>\r\n", 200, Some(1)),
    ] {
        let mut b = Bench::new(false);
        let reply = b.run(register("a", 1, &format!("{second}{flow}{lines}")));
        assert_eq!(reply.view().status().as_u16(), status, "{lines}");
        let told = reply.headers().get(HeaderName::REQUIRE);
        assert_eq!(told.is_some(), status == 200 && reg_id.is_some(), "{lines}");
        if status == 200 {
            assert_eq!(b.location.fetch(b.now, "alice@example.com")[0].reg_id, reg_id);
        }
    }
    // One flow at a time.
    let two = format!("{flow}Contact: <sip:b@h>\r\nSupported: outbound\r\n");
    assert_eq!(b.status("a", 2, &two), 400);
    // The same device over another flow is another binding; without reg-id the URI counts.
    assert_eq!(b.status("a", 3, &flow.replace("reg-id=1", "reg-id=2")), 200);
    assert_eq!(b.status("a", 4, &flow.replace(";reg-id=1", "")), 200);
    assert_eq!(b.contacts().len(), 3);
}

/// RFC 3327 §5.3, RFC 3608 §6.3.
#[test]
fn trap_22_path_needs_a_client_that_knows_it_and_service_route_is_told() {
    let mut b = Bench::new(false);
    let lines = "Contact: <sip:a@h>\r\nPath: <sip:edge;lr>\r\n";
    let reply = b.run(register("a", 1, lines));
    assert_eq!(reply.view().status(), StatusCode::BAD_EXTENSION);
    assert_eq!(reply.headers().get(HeaderName::UNSUPPORTED), Some("path"));
    let config = RegistrarConfig::new("example.com", None).with_service_route(["<sip:p1;lr>"]);
    b.registrar = Registrar::new(config, Seed::from_u64(1));
    let reply = b.run(register("a", 2, &format!("{lines}Supported: path\r\n")));
    assert_eq!(reply.headers().get(HeaderName::PATH), Some("<sip:edge;lr>"));
    assert_eq!(reply.headers().get(HeaderName::SERVICE_ROUTE), Some("<sip:p1;lr>"));
}

/// Any store: it answers late, fails, and has other writers, of whom none is lost.
#[test]
fn an_external_store_answers_late_fails_and_is_overtaken() {
    let mut bench = Bench::new(false);
    let now = bench.now;
    let begin = |bench: &mut Bench, call: &str, host: &str| {
        let contact = format!("Contact: <sip:a@{host}>;expires=600\r\n");
        match bench.registrar.begin(now, register(call, 1, &contact), PATH) {
            Step::Fetch(wanted) => wanted,
            other => panic!("{other:?}"),
        }
    };
    let fetched = |bench: &mut Bench, wanted: FetchWanted, found: &[Binding]| match bench
        .registrar
        .fetched(now, wanted, found.to_vec())
    {
        Step::Commit(wanted) => wanted,
        other => panic!("{other:?}"),
    };
    let contacts = |step: Step| match step {
        Step::Reply(reply) => {
            let reply = reply.build().unwrap();
            let all = reply.headers().all(HeaderName::CONTACT).map(ToString::to_string);
            (reply.view().status().as_u16(), all.collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    let mut store: Vec<Binding> = Vec::new();
    // Both fetch before either commits.
    let (one, two) = (begin(&mut bench, "one", "h1"), begin(&mut bench, "two", "h2"));
    let one = fetched(&mut bench, one, &store);
    let two = fetched(&mut bench, two, &store);
    assert_eq!(one.before(), store);
    store = one.bindings().to_vec();
    let (status, told) = contacts(bench.registrar.committed(now, one, true));
    assert_eq!((status, told.len()), (200, 1));
    assert_ne!(two.before(), store, "another was faster");
    let Step::Fetch(again) = bench.registrar.overtaken(two) else { panic!("once more") };
    let two = fetched(&mut bench, again, &store);
    assert_eq!(two.before(), store);
    store = two.bindings().to_vec();
    let (status, told) = contacts(bench.registrar.committed(now, two, true));
    assert_eq!(
        (status, told),
        (200, vec!["<sip:a@h1>;expires=600".into(), "<sip:a@h2>;expires=600".into()])
    );
    // What cannot be written down is no registration.
    let three = begin(&mut bench, "three", "h3");
    let three = fetched(&mut bench, three, &store);
    assert_eq!(contacts(bench.registrar.committed(now, three, false)), (500, Vec::new()));
}

/// RFC 3840 §6: what a device can do is kept and told, whatever Require says; other parameters are not.
#[test]
fn capabilities_are_kept_and_told_to_everybody() {
    let mut bench = Bench::new(false);
    let features = ";audio;mobility=\"fixed\";methods=\"INVITE,BYE\";description=\"<my PC>\"";
    let lines = format!(
        "Require: pref\r\nContact: <sip:a@h>;expires=600;x=y{features};+sip.instance=\"<urn:uuid:1>\"\r\n"
    );
    let reply = bench.run(register("one", 1, &lines));
    assert_eq!(reply.view().status(), StatusCode::OK);
    let told = format!("<sip:a@h>;expires=600;+sip.instance=\"<urn:uuid:1>\"{features}");
    assert_eq!(reply.headers().get(HeaderName::CONTACT), Some(&*told));
    // A refresh without them takes them back.
    bench.status("one", 2, "Contact: <sip:a@h>;expires=600;+sip.instance=\"<urn:uuid:1>\"\r\n");
    assert_eq!(bench.contacts(), ["<sip:a@h>;expires=600;+sip.instance=\"<urn:uuid:1>\""]);
    // A store that wrote a binding down makes it again.
    let known = bench.location.fetch(bench.now, "alice@example.com").remove(0);
    let mut made = Binding::new(
        known.uri.clone(),
        known.expires,
        known.call_id.clone(),
        known.cseq,
        known.source,
    );
    assert_ne!(made, known);
    made.instance.clone_from(&known.instance);
    assert_eq!(made, known);
}

/// What cannot fit is refused before the rest of the list is looked at: each contact of a long list is not
/// compared with all the others.
#[test]
fn a_register_with_very_many_contacts_is_refused_before_its_end() {
    let mut b = Bench::new(false);
    let many = |range: core::ops::Range<u32>, more: &str| {
        let all: Vec<String> = range.map(|n| format!("<sip:{n}>{more}")).collect();
        format!("m: {}\r\n", all.join(","))
    };
    // The end would take back what is too much.
    let taken_back = format!("{}{}", many(1..8, ""), many(1..5, ";expires=0"));
    assert_eq!(b.status("a", 1, &taken_back), 403);
    assert_eq!(b.status("a", 2, &format!("{}{}", many(1..700, ""), many(700..1400, ""))), 403);
    assert!(b.contacts().is_empty());
    // As many others in place of those there are fit.
    assert_eq!(b.status("a", 3, &many(1..4, "")), 200);
    assert_eq!(b.status("a", 4, &format!("{}{}", many(4..7, ""), many(1..4, ";expires=0"))), 200);
    assert_eq!(b.contacts().len(), 3);
}
