#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
use super::*;
use crate::endpoint::{Config, FlowId, Listener};
use crate::headers::{MaxForwards, Transport};
use crate::message::{HeaderName, ResponseBuf, StatusCode};
use crate::ua::{self, UserAgent};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use core::net::SocketAddr;
use core::time::Duration;
use proto_wire::digest::Credential;
use proto_wire::testing::netem::{Loss, Profile};
use proto_wire::testing::sim::{DatagramSim, Either, NodeId, run_seeds};

type Node = Either<HomeServer, UserAgent>;

pub(super) fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

pub(super) fn home_with(change: impl FnOnce(HomeConfig) -> HomeConfig) -> HomeServer {
    let endpoint = Config::new([
        Listener::new(Transport::Udp, addr(1)),
        Listener::new(Transport::Tcp, addr(1)),
    ]);
    let config = HomeConfig::new("club.example", endpoint).unwrap();
    HomeServer::new(Instant::ZERO, Arc::new(change(config)), Seed::from_u64(1))
}

fn agent(n: u8, user: &str, password: &str) -> UserAgent {
    let endpoint = Config::new([Listener::new(Transport::Udp, addr(n))]);
    let target = crate::endpoint::Target::Address(Transport::Udp, addr(1));
    let config = ua::Config::new(&format!("sip:{user}@club.example"), endpoint)
        .unwrap()
        .with_outbound(target)
        .with_credential(Credential::new(user, password).unwrap())
        .with_expires(600);
    UserAgent::new(Instant::ZERO, config, Seed::from_u64(u64::from(n)))
}

struct World {
    sim: DatagramSim<Node>,
    home: NodeId,
    ann: NodeId,
    bob: NodeId,
    log: Vec<String>,
}

impl World {
    fn new(profile: &Profile, seed: u64) -> Self {
        let mut sim = DatagramSim::new(profile, seed);
        let home = sim.add(addr(1), Either::A(home_with(|c| c)));
        let ann = sim.add(addr(2), Either::B(agent(2, "ann", "secret")));
        let bob = sim.add(addr(3), Either::B(agent(3, "bob", "secret")));
        Self { sim, home, ann, bob, log: Vec::new() }
    }

    fn agent(&mut self, node: NodeId) -> &mut UserAgent {
        match self.sim.node_mut(node) {
            Either::B(agent) => agent,
            Either::A(_) => panic!("not an agent"),
        }
    }

    fn home(&mut self) -> &mut HomeServer {
        match self.sim.node_mut(self.home) {
            Either::A(home) => home,
            Either::B(_) => panic!("not the server"),
        }
    }

    /// Runs until `until` seconds; everyone's password is `secret`.
    fn run(&mut self, until: u64) {
        while let Some((node, event)) = self.sim.next_event(Instant::from_secs(until)) {
            let now = self.sim.now();
            let who = if node == self.ann {
                "ann"
            } else if node == self.bob {
                "bob"
            } else {
                "home"
            };
            let line = match event {
                Either::A(HomeEvent::SecretWanted { id, .. }) => {
                    self.home().supply_secret(now, id, Secret::Password("secret"));
                    continue;
                }
                Either::A(HomeEvent::Registered { address, bindings }) => {
                    format!("registered {address} {bindings}")
                }
                Either::A(HomeEvent::Routed { address, status }) => {
                    format!("routed {address} {status}")
                }
                Either::A(HomeEvent::Delivered { status, .. }) => format!("delivered {status}"),
                Either::A(HomeEvent::Undelivered { .. }) => "undelivered".to_string(),
                Either::B(ua::Event::Registered { expires, bindings, .. }) => {
                    format!("is registered {expires} {bindings}")
                }
                Either::B(ua::Event::RegistrationFailed { status, retrying, .. }) => {
                    format!("failed {} {retrying}", status.map_or(0, StatusCode::as_u16))
                }
                Either::B(ua::Event::Unregistered) => "unregistered".to_string(),
                Either::B(ua::Event::Message { from, body, .. }) => {
                    format!("got {} from {from}", String::from_utf8_lossy(&body))
                }
                Either::B(ua::Event::Delivered { status, .. }) => format!("sent {status}"),
                Either::B(ua::Event::Refused { status, .. }) => format!("refused {status}"),
                Either::B(ua::Event::Undelivered { .. }) => "unsent".to_string(),
                Either::A(_) | Either::B(_) => continue,
            };
            self.log.push(format!("{who}: {line}"));
        }
    }

    fn take_log(&mut self) -> Vec<String> {
        core::mem::take(&mut self.log)
    }
}

#[test]
fn an_evening_over_a_good_network() {
    let mut w = World::new(&Profile::perfect().with_latency(Duration::from_millis(10)), 1);
    let (ann, bob) = (w.ann, w.bob);
    w.agent(ann).register(Instant::ZERO).unwrap();
    w.agent(bob).register(Instant::ZERO).unwrap();
    w.run(1);
    let log = w.take_log();
    for line in [
        "home: registered ann@club.example 1",
        "ann: is registered 600 1",
        "bob: is registered 600 1",
    ] {
        assert!(log.contains(&line.to_string()), "{log:?}");
    }
    let now = Instant::from_secs(1);
    w.agent(ann).send_message(now, "sip:bob@club.example", "text/plain", "one").unwrap();
    w.agent(ann).send_message(now, "sip:bob@club.example", "text/plain", "two").unwrap();
    w.agent(ann).send_message(now, "sip:carol@club.example", "text/plain", "x").unwrap();
    w.agent(ann).send_message(now, "sip:x@elsewhere.example", "text/plain", "x").unwrap();
    w.home()
        .send_message(now, "sip:club@club.example", "ann@club.example", "text/plain", "welcome")
        .unwrap();
    w.run(40);
    let mut log = w.take_log();
    log.sort();
    assert_eq!(
        log,
        [
            "ann: got welcome from sip:club@club.example",
            "ann: refused 403",
            "ann: refused 404",
            "ann: sent 200",
            "ann: sent 200",
            "bob: got one from sip:ann@club.example",
            "bob: got two from sip:ann@club.example",
            "home: delivered 200",
            "home: routed bob@club.example 200",
            "home: routed bob@club.example 200",
            "home: routed carol@club.example 404",
        ]
    );
    // The registration is refreshed before it ends, as long as the agent is there.
    w.run(5000);
    let log = w.take_log();
    assert!(log.iter().filter(|l| *l == "ann: is registered 600 1").count() >= 8, "{log:?}");
    assert!(!log.iter().any(|l| l.ends_with(" 0")), "never lapsed: {log:?}");
    let now = w.sim.now();
    w.agent(bob).unregister(now).unwrap();
    w.run(5010);
    let log = w.take_log();
    assert!(log.contains(&"bob: unregistered".to_string()), "{log:?}");
    let now = w.sim.now();
    w.agent(ann).send_message(now, "sip:bob@club.example", "text/plain", "three").unwrap();
    w.run(5020);
    assert!(w.take_log().contains(&"ann: refused 480".to_string()));
}

#[test]
fn a_wrong_password_is_not_tried_again() {
    let mut sim = DatagramSim::new(&Profile::perfect(), 1);
    let home = sim.add(addr(1), Either::A(home_with(|c| c)));
    let ann = sim.add(addr(2), Either::B(agent(2, "ann", "wrong")));
    let mut w = World { sim, home, ann, bob: home, log: Vec::new() };
    w.agent(ann).register(Instant::ZERO).unwrap();
    w.run(100);
    assert_eq!(w.take_log(), ["ann: failed 401 false"]);
    assert!(!w.agent(ann).is_registered());
}

#[test]
fn an_agent_without_a_registrar_tries_again_later() {
    let mut sim = DatagramSim::new(&Profile::perfect(), 1);
    let ann = sim.add(addr(2), Either::B(agent(2, "ann", "secret")));
    let mut w = World { sim, home: ann, ann, bob: ann, log: Vec::new() };
    w.agent(ann).register(Instant::ZERO).unwrap();
    // RFC 5626 §4.5: 30 to 60 s behind the first failure.
    w.run(32 + 60 + 32);
    assert_eq!(w.take_log(), ["ann: failed 0 true", "ann: failed 0 true"]);
}

#[test]
fn over_a_bad_network_everybody_gets_an_answer_or_a_timeout() {
    run_seeds(200, |seed| {
        let profile = Profile::perfect()
            .with_latency(Duration::from_millis(20))
            .with_jitter(Duration::from_millis(50))
            .with_loss(Loss::Random(300))
            .with_duplicate(100)
            .with_reorder(100, Duration::from_millis(300));
        let mut w = World::new(&profile, seed);
        let (ann, bob) = (w.ann, w.bob);
        w.agent(ann).register(Instant::ZERO).unwrap();
        w.agent(bob).register(Instant::ZERO).unwrap();
        w.run(150);
        let now = w.sim.now();
        for n in 0..4 {
            w.agent(ann)
                .send_message(now, "sip:bob@club.example", "text/plain", format!("m{n}"))
                .unwrap();
        }
        w.take_log();
        w.run(500);
        let log = w.take_log();
        let ends = log
            .iter()
            .filter(|l| {
                ["ann: sent", "ann: refused", "ann: unsent"].iter().any(|p| l.starts_with(p))
            })
            .count();
        assert_eq!(ends, 4, "seed {seed}: {log:?}");
        for n in 0..4 {
            let copies = log.iter().filter(|l| l.contains(&format!("got m{n} "))).count();
            // More than once only when the client had to authenticate anew after a lost 200: never here.
            assert!(copies <= 1, "seed {seed}: {log:?}");
        }
        let sent = log.iter().filter(|l| *l == "ann: sent 200").count();
        let got = log.iter().filter(|l| l.starts_with("bob: got")).count();
        assert!(got >= sent, "seed {seed}: {log:?}");
    });
}

pub(super) fn register(home: &mut HomeServer, n: u8, q: &str) {
    let data = format!(
        "REGISTER sip:club.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.{n};branch=z9hG4bKr{n}\r\n\
         From: <sip:bob@club.example>;tag=1\r\nTo: <sip:bob@club.example>\r\nCall-ID: r{n}\r\n\
         CSeq: 1 REGISTER\r\nContact: <sip:bob@192.0.2.{n}>{q}\r\n\r\n"
    );
    home.handle_input(
        Instant::ZERO,
        SipInput::Datagram { local: addr(1), remote: addr(n), data: data.as_bytes() },
    );
    while home.poll_output().is_some() {}
}

pub(super) const MESSAGE: &str = "MESSAGE sip:bob@club.example SIP/2.0\r\nv:  SIP/2.0/UDP 192.0.2.9 ;branch=z9hG4bKm\r\n\
    X-Odd  :  kept  \r\nFrom: \"A\" <sip:ann@club.example>;tag=1\r\nTo: <sip:bob@club.example>\r\nCall-ID: m\r\n\
    CSeq: 1\r\n MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: text/plain\r\nl:  2\r\n\r\nhi";

fn send(home: &mut HomeServer, text: &str) -> Vec<(SocketAddr, String)> {
    home.handle_input(
        Instant::ZERO,
        SipInput::Datagram { local: addr(1), remote: addr(9), data: text.as_bytes() },
    );
    transmits(home)
}

pub(super) fn transmits(home: &mut HomeServer) -> Vec<(SocketAddr, String)> {
    let mut out = Vec::new();
    while let Some(output) = home.poll_output() {
        if let Output::Transmit(t) = output {
            if let Some((to, bytes)) = t.into_datagram() {
                out.push((to, String::from_utf8(bytes.to_vec()).unwrap()));
            }
        }
    }
    out
}

#[test]
fn a_forwarded_message_keeps_every_other_byte() {
    let mut home = home_with(HomeConfig::without_authentication);
    register(&mut home, 3, "");
    let out = send(&mut home, MESSAGE);
    assert_eq!(out.len(), 1);
    let (to, text) = &out[0];
    assert_eq!(*to, addr(3));
    let via = text.lines().find(|l| l.starts_with("Via: ")).unwrap().to_string();
    let expected = MESSAGE
        .replacen("sip:bob@club.example SIP", "sip:bob@192.0.2.3 SIP", 1)
        .replacen("Forwards: 70", "Forwards: 69", 1)
        .replacen("v:  SIP", &format!("{via}\r\nv:  SIP"), 1);
    assert_eq!(*text, expected);
    // The answer comes back with our Via popped.
    let forwarded = RequestBuf::parse(text.clone().into_bytes()).unwrap();
    let ok = ResponseBuf::reply_to(forwarded.view(), StatusCode::ACCEPTED, Some("t"))
        .named("X-Answer", "kept")
        .build()
        .unwrap();
    home.handle_input(
        Instant::ZERO,
        SipInput::Datagram { local: addr(1), remote: addr(3), data: ok.as_bytes() },
    );
    let out = transmits(&mut home);
    assert_eq!(out[0].0, addr(9));
    let back = ResponseBuf::parse(out[0].1.clone().into_bytes()).unwrap();
    assert_eq!(back.view().status(), StatusCode::ACCEPTED);
    assert_eq!(back.headers().rows(HeaderName::VIA).count(), 1);
    assert!(out[0].1.contains("X-Answer: kept"));
}

#[test]
fn what_is_not_routed() {
    let mut home = home_with(HomeConfig::without_authentication);
    register(&mut home, 3, "");
    let status = |home: &mut HomeServer, text: String| {
        // Another request, not a copy that came another way.
        let text = text.replace("z9hG4bKm", &format!("z9hG4bK{}", text.len()));
        let out = send(home, &text.replace("Call-ID: m", &format!("Call-ID: m{}", text.len())));
        out[0].1.split(' ').nth(1).unwrap().to_string()
    };
    for (text, expected) in [
        (MESSAGE.replace("Forwards: 70", "Forwards: 0"), "483"),
        (MESSAGE.replace("sip:bob@club.example SIP", "sip:bob@elsewhere SIP"), "403"),
        (MESSAGE.replace("sip:bob@club.example SIP", "tel:+123 SIP"), "416"),
        (MESSAGE.replace("sip:bob@club.example SIP", "sip:nobody@club.example SIP"), "404"),
        (MESSAGE.replace("l:  2", "Proxy-Require: x-odd\r\nl: 2"), "420"),
        (MESSAGE.replace("MESSAGE", "FROBNICATE"), "405"),
        (MESSAGE.replace("MESSAGE", "PUBLISH"), "405"),
        (MESSAGE.replace("MESSAGE", "BYE"), "481"),
        (
            MESSAGE
                .replace("MESSAGE sip:bob@club.example", "OPTIONS sip:club.example")
                .replace(" MESSAGE", " OPTIONS"),
            "200",
        ),
        (
            MESSAGE
                .replace("MESSAGE sip:bob@club.example", "OPTIONS sip:192.0.2.1:5060")
                .replace(" MESSAGE", " OPTIONS"),
            "200",
        ),
        (MESSAGE.replace("MESSAGE", "OPTIONS").replace("Forwards: 70", "Forwards: 0"), "200"),
    ] {
        assert_eq!(status(&mut home, text.clone()), expected, "{text}");
    }
}

#[test]
fn a_message_of_our_domain_must_prove_its_sender() {
    let mut home = home_with(|c| c);
    let out = send(&mut home, MESSAGE);
    assert!(out[0].1.starts_with("SIP/2.0 407 "), "{}", out[0].1);
    assert!(out[0].1.contains("Proxy-Authenticate: Digest "));
    // Strangers may write to our users: their own domain vouches for them, or nobody.
    let out = send(
        &mut home,
        &MESSAGE
            .replace("<sip:ann@club.example>", "<sip:ann@other>")
            .replace("z9hG4bKm", "z9hG4bKn"),
    );
    assert!(out[0].1.starts_with("SIP/2.0 404 "), "{}", out[0].1);
}

#[test]
fn two_phones_one_answer_and_the_best_one() {
    for (first, second, expected) in
        [(404, 200, "200"), (486, 603, "603"), (500, 415, "415"), (503, 503, "500")]
    {
        let mut home = home_with(HomeConfig::without_authentication);
        register(&mut home, 3, ";q=0.5");
        register(&mut home, 4, ";q=0.9");
        let out = send(&mut home, MESSAGE);
        assert_eq!(out.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [addr(4), addr(3)]);
        let mut answers = Vec::new();
        for ((from, text), status) in out.into_iter().zip([first, second]) {
            let request = RequestBuf::parse(text.into_bytes()).unwrap();
            let hops = request.headers().typed::<MaxForwards>().unwrap().unwrap().0;
            assert_eq!(hops, 69);
            let reply =
                ResponseBuf::reply_to(request.view(), StatusCode::new(status).unwrap(), Some("t"))
                    .build()
                    .unwrap();
            home.handle_input(
                Instant::ZERO,
                SipInput::Datagram { local: addr(1), remote: from, data: reply.as_bytes() },
            );
            answers.extend(transmits(&mut home));
        }
        assert_eq!(answers.len(), 1, "{first} {second}");
        assert!(answers[0].1.starts_with(&format!("SIP/2.0 {expected} ")), "{}", answers[0].1);
    }
}

/// RFC 4320 §4.2: no 408, and no late answer.
#[test]
fn a_phone_that_is_silent_makes_no_answer_at_all() {
    let mut home = home_with(HomeConfig::without_authentication);
    register(&mut home, 3, "");
    send(&mut home, MESSAGE);
    let mut answers = Vec::new();
    while let Some(at) = home.poll_timeout().filter(|at| *at < Instant::from_secs(100)) {
        home.handle_timeout(at);
        answers.extend(transmits(&mut home).into_iter().filter(|(to, _)| *to == addr(9)));
    }
    let lines: Vec<&str> = answers.iter().filter_map(|(_, t)| t.lines().next()).collect();
    assert_eq!(lines, ["SIP/2.0 100 Trying"]);
    assert_eq!(home.endpoint().transactions(), 0);
    assert!(home.relay.is_empty() && home.routed.is_empty());
}

#[test]
fn a_phone_behind_a_stream_is_reached_over_it() {
    let mut home = home_with(HomeConfig::without_authentication);
    home.handle_input(
        Instant::ZERO,
        SipInput::FlowOpened {
            flow: FlowId(7),
            transport: Transport::Tcp,
            local: addr(1),
            remote: addr(3),
            connect: None,
        },
    );
    let data = "REGISTER sip:club.example SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.3:40000;branch=z9hG4bKr\r\n\
        From: <sip:bob@club.example>;tag=1\r\nTo: <sip:bob@club.example>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n\
        Contact: <sip:bob@10.0.0.3:40000;transport=tcp>\r\nContent-Length: 0\r\n\r\n";
    home.handle_input(Instant::ZERO, SipInput::Stream { flow: FlowId(7), data: data.as_bytes() });
    while home.poll_output().is_some() {}
    home.handle_input(
        Instant::ZERO,
        SipInput::Datagram { local: addr(1), remote: addr(9), data: MESSAGE.as_bytes() },
    );
    let mut over = vec![];
    while let Some(output) = home.poll_output() {
        if let Output::Transmit(t) = output {
            over.push((
                t.path,
                t.payload.starts_with(b"MESSAGE sip:bob@10.0.0.3:40000;transport=tcp SIP/2.0\r\n"),
            ));
        }
    }
    assert_eq!(over, [(Path::Stream(FlowId(7)), true)]);
}

#[test]
fn contacts_become_request_uris() {
    for (contact, uri) in [
        ("sip:a@b;transport=tcp;method=INVITE?subject=x", "sip:a@b;transport=tcp"),
        ("sip:a@b;ob", "sip:a@b;ob"),
        ("sip:a@b", "sip:a@b"),
        // In a user part these begin neither headers nor parameters (RFC 3261 §25.1).
        ("sip:help?desk@b?subject=x", "sip:help?desk@b"),
        ("sip:a;method=b@c;method=INVITE;ob", "sip:a;method=b@c;ob"),
    ] {
        assert_eq!(crate::dialog::request_uri(contact), uri);
    }
}

fn register_with(home: &mut HomeServer, n: u8, contact: &str, extra: &str) -> String {
    let data = format!(
        "REGISTER sip:club.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.{n};branch=z9hG4bKw{n}\r\n\
         From: <sip:bob@club.example>;tag=1\r\nTo: <sip:bob@club.example>\r\nCall-ID: w{n}\r\n\
         CSeq: 1 REGISTER\r\nContact: {contact}\r\n{extra}\r\n"
    );
    let data = data.as_bytes();
    home.handle_input(Instant::ZERO, SipInput::Datagram { local: addr(1), remote: addr(n), data });
    transmits(home).remove(0).1
}

/// RFC 5627 §6.1: to one device of several; RFC 5626 §7: over one of its flows.
#[test]
fn a_gruu_leads_to_its_device_alone() {
    let mut home = home_with(HomeConfig::without_authentication);
    let device = |urn: u8, reg: u8, n: u8| {
        format!("<sip:bob@192.0.2.{n}>;+sip.instance=\"<urn:uuid:{urn}>\";reg-id={reg}")
    };
    register_with(&mut home, 3, &device(1, 1, 3), "Supported: gruu\r\n");
    register_with(&mut home, 4, &device(1, 2, 4), "Supported: gruu\r\n");
    let told = register_with(&mut home, 5, &device(2, 1, 5), "Supported: gruu\r\n");
    assert!(told.contains("pub-gruu=\"sip:bob@club.example;gr=urn:uuid:2\""), "{told}");
    let targets = |home: &mut HomeServer, uri: &str, branch: &str| {
        let text = MESSAGE
            .replacen("sip:bob@club.example SIP", &format!("{uri} SIP"), 1)
            .replace("z9hG4bKm", branch);
        send(home, &text)
    };
    let out = targets(&mut home, "sip:bob@club.example;gr=urn:uuid:2", "z9hG4bKg1");
    assert_eq!(out.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [addr(5)]);
    assert!(out[0].1.starts_with("MESSAGE sip:bob@192.0.2.5 SIP/2.0\r\n"));
    // The temporary one leads there too, and says nothing on the way (RFC 5627 §3.1.2).
    let temporary = told.rsplit("temp-gruu=\"").next().unwrap().split('"').next().unwrap();
    let out = targets(&mut home, temporary, "z9hG4bKg4");
    assert_eq!(out.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [addr(5)]);
    let out = targets(&mut home, &temporary.replace("tgruu.", "tgruu.00"), "z9hG4bKg5");
    assert!(out[0].1.starts_with("SIP/2.0 404 "), "{}", out[0].1);
    let out = targets(&mut home, "sip:bob@club.example", "z9hG4bKg2");
    assert_eq!(out.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [addr(4), addr(5)]);
    let out = targets(&mut home, "sip:bob@club.example;gr=urn:uuid:9", "z9hG4bKg3");
    assert!(out[0].1.starts_with("SIP/2.0 480 "), "{}", out[0].1);
}

/// RFC 3327 §5.4.
#[test]
fn requests_go_back_along_the_path() {
    let mut home = home_with(HomeConfig::without_authentication);
    let path = "Path: <sip:192.0.2.8;lr>, <sip:edge.example;lr>\r\nSupported: path\r\n";
    register_with(&mut home, 8, "<sip:bob@10.0.0.1>", path);
    let out = send(&mut home, MESSAGE);
    assert_eq!(out[0].0, addr(8));
    let request = RequestBuf::parse(out[0].1.clone().into_bytes()).unwrap();
    assert_eq!(request.view().uri_bytes(), b"sip:bob@10.0.0.1");
    let route = request.headers().get(HeaderName::ROUTE);
    assert_eq!(route, Some("<sip:192.0.2.8;lr>, <sip:edge.example;lr>"));
}

/// RFC 3261 §8.2.2.2: what is served here, not what is forwarded.
#[test]
fn trap_12_a_merged_register_is_refused_and_a_merged_message_is_not() {
    let mut home = home_with(HomeConfig::without_authentication);
    let first = register_with(&mut home, 3, "<sip:bob@192.0.2.3>", "");
    let data = "REGISTER sip:club.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKother\r\n\
         From: <sip:bob@club.example>;tag=1\r\nTo: <sip:bob@club.example>\r\nCall-ID: w3\r\n\
         CSeq: 1 REGISTER\r\nContact: <sip:bob@192.0.2.3>\r\n\r\n";
    let second = send(&mut home, data);
    assert!(first.starts_with("SIP/2.0 200 ") && second[0].1.starts_with("SIP/2.0 482 "));
    for branch in ["z9hG4bKx", "z9hG4bKy"] {
        let out = send(&mut home, &MESSAGE.replace("z9hG4bKm", branch));
        assert_eq!(out[0].0, addr(3));
    }
}

#[test]
fn our_agent_gets_its_gruu_and_service_route_from_our_registrar() {
    let mut sim = DatagramSim::new(&Profile::perfect(), 1);
    let mut home = home_with(|c| c);
    let mut config = (*home.config).clone();
    config.registrar = config.registrar.with_service_route(["<sip:192.0.2.1:5060;lr>"]);
    home = HomeServer::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1));
    let home = sim.add(addr(1), Either::A(home));
    let endpoint = Config::new([Listener::new(Transport::Udp, addr(2))]);
    let target = crate::endpoint::Target::Address(Transport::Udp, addr(1));
    let config = ua::Config::new("sip:ann@club.example", endpoint)
        .unwrap()
        .with_outbound(target)
        .with_instance("urn:uuid:7")
        .with_reg_id(1)
        .with_credential(Credential::new("ann", "secret").unwrap());
    let agent = UserAgent::new(Instant::ZERO, config, Seed::from_u64(2));
    let ann = sim.add(addr(2), Either::B(agent));
    let mut w = World { sim, home, ann, bob: ann, log: Vec::new() };
    w.agent(ann).register(Instant::ZERO).unwrap();
    w.run(1);
    let log = w.take_log();
    assert_eq!(log, ["home: registered ann@club.example 1", "ann: is registered 3600 1"]);
    assert_eq!(w.agent(ann).gruu(), Some("sip:ann@club.example;gr=urn:uuid:7"));
    assert_eq!(w.agent(ann).service_route(), ["<sip:192.0.2.1:5060;lr>"]);
}
