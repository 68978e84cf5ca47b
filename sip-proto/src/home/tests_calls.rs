//! Calls through a home server: who may make them, which way they go, over streams and datagrams.
#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
use super::*;
use crate::endpoint::{Config, FlowId, Listener};
use crate::headers::Transport;
use crate::message::HeaderName;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use core::net::SocketAddr;

fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

fn home(authenticated: bool) -> HomeServer {
    let listeners = [Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, addr(1)));
    let config = HomeConfig::new("club.example", Config::new(listeners)).unwrap();
    let config = if authenticated { config } else { config.without_authentication() };
    HomeServer::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1))
}

/// A host: behind a stream of this number, or an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Stream(u64),
    Udp(u8),
}

fn open(home: &mut HomeServer, flow: u64) {
    let (flow, remote) = (FlowId(flow), addr(u8::try_from(flow).unwrap() + 100));
    let opened = SipInput::FlowOpened {
        flow,
        transport: Transport::Tcp,
        local: addr(1),
        remote,
        connect: None,
    };
    home.handle_input(Instant::ZERO, opened);
}

fn input(home: &mut HomeServer, from: At, text: &str) -> Vec<(At, String)> {
    match from {
        At::Stream(flow) => {
            let input = SipInput::Stream { flow: FlowId(flow), data: text.as_bytes() };
            home.handle_input(Instant::ZERO, input);
        }
        At::Udp(n) => {
            let input =
                SipInput::Datagram { local: addr(1), remote: addr(n), data: text.as_bytes() };
            home.handle_input(Instant::ZERO, input);
        }
    }
    let mut out = Vec::new();
    while let Some(output) = home.poll_output() {
        let Output::Transmit(t) = output else { continue };
        let to = match t.path {
            Path::Stream(flow) => At::Stream(flow.0),
            Path::Datagram { remote, .. } => {
                let core::net::IpAddr::V4(ip) = remote.ip() else { panic!() };
                At::Udp(ip.octets()[3])
            }
        };
        out.push((to, String::from_utf8(t.payload.to_vec()).unwrap()));
    }
    out
}

fn via(from: At, branch: &str) -> String {
    match from {
        At::Stream(n) => format!("SIP/2.0/TCP 10.0.0.{n}:4{n};branch=z9hG4bK{branch}"),
        At::Udp(n) => format!("SIP/2.0/UDP 192.0.2.{n};branch=z9hG4bK{branch}"),
    }
}

/// Nobody can connect to the contacts of those behind streams.
fn contact(user: &str, at: At) -> String {
    match at {
        At::Stream(n) => format!("sip:{user}@10.0.0.{n}:4{n};transport=tcp"),
        At::Udp(n) => format!("sip:{user}@192.0.2.{n}"),
    }
}

fn register(home: &mut HomeServer, user: &str, at: At) {
    let text = format!(
        "REGISTER sip:club.example SIP/2.0\r\nVia: {}\r\nFrom: <sip:{user}@club.example>;tag=1\r\n\
         To: <sip:{user}@club.example>\r\nCall-ID: r{user}\r\nCSeq: 1 REGISTER\r\n\
         Contact: <{}>\r\nContent-Length: 0\r\n\r\n",
        via(at, &format!("r{user}")),
        contact(user, at)
    );
    let out = input(home, at, &text);
    assert!(out[0].1.starts_with("SIP/2.0 200 "), "{}", out[0].1);
}

fn status(text: &str) -> &str {
    text.split(' ').nth(1).unwrap()
}

fn invite(from: At) -> String {
    format!(
        "INVITE sip:bob@club.example SIP/2.0\r\nVia: {}\r\nFrom: <sip:ann@club.example>;tag=1\r\n\
         To: <sip:bob@club.example>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\
         Contact: <{}>\r\nContent-Length: 0\r\n\r\n",
        via(from, "i"),
        contact("ann", from)
    )
}

/// In the dialog that `seen` (an INVITE or its 2xx) began, with the route set as it is told there.
fn within(method: &str, seen: &str, uri: &str, from: At, reverse: bool) -> String {
    let mut routes: Vec<&str> = seen
        .lines()
        .filter_map(|l| l.strip_prefix("Record-Route: "))
        .flat_map(|r| r.split(", "))
        .collect();
    if reverse {
        routes.reverse();
    }
    format!(
        "{method} {uri} SIP/2.0\r\nVia: {}\r\nFrom: <sip:x@club.example>;tag=1\r\n\
         To: <sip:y@club.example>;tag=2\r\nCall-ID: c\r\nCSeq: 2 {method}\r\nMax-Forwards: 70\r\n\
         Route: {}\r\nContent-Length: 0\r\n\r\n",
        via(from, method),
        routes.join(", ")
    )
}

/// Caller and callee each over a stream or datagrams: INVITE, 2xx, ACK and BYE of either side go the
/// right way.
#[test]
fn calls_go_both_ways_over_streams_and_datagrams() {
    for (ann, bob) in [
        (At::Stream(2), At::Stream(3)),
        (At::Stream(2), At::Udp(3)),
        (At::Udp(2), At::Stream(3)),
        (At::Udp(2), At::Udp(3)),
    ] {
        let mut home = home(false);
        for at in [ann, bob] {
            if let At::Stream(n) = at {
                open(&mut home, n);
            }
        }
        register(&mut home, "bob", bob);
        let out = input(&mut home, ann, &invite(ann));
        let (to, request) = out.last().unwrap();
        assert_eq!(*to, bob);
        assert!(request.starts_with(&format!("INVITE {} SIP/2.0\r\n", contact("bob", bob))));
        let mixed = matches!((ann, bob), (At::Stream(_), At::Udp(_)) | (At::Udp(_), At::Stream(_)));
        assert_eq!(
            request.matches("transport=tcp;lr>").count(),
            usize::from(ann != At::Udp(2) || mixed)
        );
        let asked = RequestBuf::parse(request.clone().into_bytes()).unwrap();
        let mut ok = ResponseBuf::reply_to(asked.view(), StatusCode::OK, Some("2"));
        for row in asked.headers().rows(HeaderName::RECORD_ROUTE) {
            ok = ok.copy(HeaderName::RECORD_ROUTE, row.bytes());
        }
        let ok = ok.header(HeaderName::CONTACT, format!("<{}>", contact("bob", bob)));
        let ok = String::from_utf8(ok.build().unwrap().into_bytes().to_vec()).unwrap();
        let out = input(&mut home, bob, &ok);
        assert_eq!((out[0].0, status(&out[0].1)), (ann, "200"));
        // The caller's route set is the 2xx's, reversed; the callee's as it came.
        for method in ["ACK", "BYE"] {
            let uri = contact("bob", bob);
            let out = input(&mut home, ann, &within(method, &out[0].1, &uri, ann, true));
            assert_eq!(out.len(), 1, "{method} {ann:?} {bob:?}: {out:?}");
            assert_eq!(out[0].0, bob);
            assert!(out[0].1.starts_with(&format!("{method} {uri} ")), "{}", out[0].1);
            assert!(!out[0].1.contains("\r\nRoute:"), "{}", out[0].1);
        }
        let uri = contact("ann", ann);
        let out = input(&mut home, bob, &within("INFO", request, &uri, bob, false));
        assert_eq!(out[0].0, ann, "{out:?}");
        assert!(out[0].1.starts_with(&format!("INFO {uri} ")));
    }
}

#[test]
fn a_stream_that_is_gone_and_routes_that_nobody_here_wrote() {
    let (ann, bob) = (At::Udp(2), At::Stream(3));
    let mut home = home(false);
    open(&mut home, 3);
    register(&mut home, "bob", bob);
    let out = input(&mut home, ann, &invite(ann));
    let request = out.last().unwrap().1.clone();
    home.handle_input(Instant::ZERO, SipInput::FlowClosed { flow: FlowId(3) });
    let bye = within("BYE", &request, &contact("bob", bob), ann, true);
    // RFC 5626 §5.3.1.
    let gone = input(&mut home, ann, &bye);
    assert_eq!(status(&gone.last().unwrap().1), "430", "{gone:?}");
    // A token that was made up, or cut, is no licence to send anything anywhere.
    let token = request.split("Record-Route: <sip:").nth(1).unwrap();
    let token = token.split('@').next().unwrap().to_string();
    for forged in
        ["x".to_string(), token.replace(|c: char| c.is_ascii_digit(), "0"), token[2..].to_string()]
    {
        let text =
            bye.replace(&token, &forged).replace("sip:bob@10.0.0.3:43", "sip:v@198.51.100.1");
        let text = text.replace("Call-ID: c", &format!("Call-ID: {forged}"));
        let text = text.replace("z9hG4bKBYE", &format!("z9hG4bK{}", forged.len()));
        let out = input(&mut home, ann, &text);
        assert_eq!(out.len(), 1);
        assert_eq!((out[0].0, status(&out[0].1)), (ann, "481"), "{forged}");
        let out = input(&mut home, ann, &text.replace("BYE", "INVITE"));
        assert_eq!(status(&out[0].1), "403");
    }
    // Nor is an ACK.
    let ack =
        within("ACK", "Record-Route: <sip:00@192.0.2.1;lr>", "sip:v@198.51.100.1", ann, false);
    assert_eq!(input(&mut home, ann, &ack), vec![]);
}

#[test]
fn a_caller_of_the_domain_must_prove_it_and_cancel_works_meanwhile() {
    let ann = At::Udp(2);
    let mut home = home(true);
    let out = input(&mut home, ann, &invite(ann));
    assert_eq!(status(&out.last().unwrap().1), "407");
    let nonce = out.last().unwrap().1.split("nonce=\"").nth(1).unwrap();
    let nonce = nonce.split('"').next().unwrap();
    let proof = format!(
        "Proxy-Authorization: Digest username=\"ann\", realm=\"club.example\", nonce=\"{nonce}\", \
         uri=\"sip:bob@club.example\", response=\"{}\", qop=auth, nc=00000001, cnonce=\"c\"\r\n",
        "0".repeat(64)
    );
    let second = invite(ann)
        .replace("z9hG4bKi", "z9hG4bKj")
        .replace("1 INVITE", "2 INVITE")
        .replace("Contact", &format!("{proof}Contact"));
    // The host is being asked for the secret when the caller hangs up.
    assert!(input(&mut home, ann, &second).is_empty());
    assert_eq!(home.waiting.len(), 1);
    let cancel = second.replace("INVITE sip", "CANCEL sip").replace("2 INVITE", "2 CANCEL");
    let out = input(&mut home, ann, &cancel);
    let words: Vec<&str> = out.iter().map(|(_, text)| status(text)).collect();
    assert_eq!(words, ["200", "487"]);
    assert!(home.waiting.is_empty());
}

/// Contacts that lead back here must not multiply requests without end (RFC 5393 §1).
#[test]
fn contacts_that_lead_back_are_a_loop_soon() {
    for contacts in [2, 10] {
        let mut home = home(false);
        let contact: Vec<String> =
            (0..contacts).map(|n| format!("<sip:bob@club.example;x={n}>")).collect();
        let text = format!(
            "REGISTER sip:club.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKr\r\n\
             From: <sip:bob@club.example>;tag=1\r\nTo: <sip:bob@club.example>\r\nCall-ID: r\r\n\
             CSeq: 1 REGISTER\r\nPath: <sip:192.0.2.1:5060;lr>\r\nSupported: path\r\n\
             Contact: {}\r\nContent-Length: 0\r\n\r\n",
            contact.join(", ")
        );
        let out = input(&mut home, At::Udp(9), &text);
        assert_eq!(status(&out[0].1), "200");
        let mut wire = vec![invite(At::Udp(2))];
        let (mut copies, mut ends) = (0, 0);
        while let Some(text) = wire.pop() {
            for (to, text) in input(&mut home, At::Udp(1), &text) {
                copies += usize::from(text.starts_with("INVITE"));
                let end = ["SIP/2.0 482", "SIP/2.0 440"].iter().any(|s| text.starts_with(s));
                ends += usize::from(end);
                if to == At::Udp(1) {
                    wire.push(text);
                }
            }
        }
        // Each way ends where it was before, or when 60 copies are out.
        assert!((2..=80).contains(&copies), "{copies}");
        assert!(ends >= 2, "{ends}");
    }
}

/// A domain may be called by its address; who listens at another port of it is somebody else.
#[test]
fn a_contact_on_the_same_machine_is_no_user_of_the_domain() {
    let listeners = [Listener::new(Transport::Udp, addr(1))];
    let mut config = HomeConfig::new("club.example", Config::new(listeners)).unwrap();
    config.registrar = config.registrar.with_domain("192.0.2.1");
    let config = config.without_authentication();
    let mut home = HomeServer::new(Instant::ZERO, Arc::new(config), Seed::from_u64(1));
    let token = home.sealer.seal(b"R\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let seen = format!("Record-Route: <sip:{token}@192.0.2.1:5060;lr>");
    let ann = At::Udp(2);
    let out = input(&mut home, ann, &within("BYE", &seen, "sip:bob@192.0.2.1:5999", ann, true));
    assert!(out[0].1.starts_with("BYE sip:bob@192.0.2.1:5999 "), "{out:?}");
    let uri = "sip:nobody@192.0.2.1";
    let text = within("INFO", &seen, uri, ann, true);
    assert_eq!(status(&input(&mut home, ann, &text)[0].1), "404");
}

/// Over a network that loses, doubles and reorders: every call is up or over on both sides, ends when
/// it is hung up, and nothing of it is left anywhere.
#[test]
fn calls_through_a_home_server_over_a_bad_network_end_and_leave_nothing() {
    use crate::ua::{self, UserAgent};
    use core::time::Duration;
    use proto_wire::testing::netem::{Loss, Profile};
    use proto_wire::testing::sim::{DatagramSim, Either, run_seeds};

    run_seeds(100, |seed| {
        let profile = Profile::perfect()
            .with_latency(Duration::from_millis(20))
            .with_jitter(Duration::from_millis(50))
            .with_loss(Loss::Random(300))
            .with_duplicate(100)
            .with_reorder(100, Duration::from_millis(300));
        let mut sim: DatagramSim<Either<HomeServer, UserAgent>> = DatagramSim::new(&profile, seed);
        let server = sim.add(addr(1), Either::A(home(false)));
        let agents = [(2, "ann"), (3, "bob")].map(|(n, user)| {
            let endpoint = Config::new([Listener::new(Transport::Udp, addr(n))]);
            let via = crate::endpoint::Target::Address(Transport::Udp, addr(1));
            let config = ua::Config::new(&format!("sip:{user}@club.example"), endpoint).unwrap();
            let config = config.with_outbound(via).with_session(ua::session_timer::Wish::NONE);
            let mut agent = UserAgent::new(Instant::ZERO, config, Seed::from_u64(n.into()));
            agent.register(Instant::ZERO).unwrap();
            sim.add(addr(n), Either::B(agent))
        });
        while sim.next_event(Instant::from_secs(200)).is_some() {}
        let now = sim.now();
        let Either::B(ann) = sim.node_mut(agents[0]) else { panic!() };
        if !ann.is_registered() {
            return;
        }
        ann.call(now, "sip:bob@club.example", Some("offer".into())).unwrap();
        let (mut answered, mut ended) = (0, 0);
        while let Some((node, event)) = sim.next_event(Instant::from_secs(500)) {
            let now = sim.now();
            let Either::B(event) = event else { continue };
            let Either::B(agent) = sim.node_mut(node) else { panic!() };
            match event {
                ua::Event::Incoming { call, .. } => {
                    agent.answer(now, call, Some("answer".into())).unwrap();
                }
                ua::Event::Answered { call, .. } => {
                    answered += 1;
                    agent.hang_up(now, call).unwrap();
                }
                ua::Event::Ended { .. } => ended += 1,
                _ => {}
            }
        }
        assert!(answered <= 1 && (1..=2).contains(&ended), "seed {seed}: {answered} {ended}");
        for agent in agents {
            let Either::B(agent) = sim.node_mut(agent) else { panic!() };
            assert_eq!((agent.calls().count(), agent.endpoint().transactions()), (0, 0), "{seed}");
        }
        let Either::A(home) = sim.node_mut(server) else { panic!() };
        assert!(home.relay.is_empty() && home.routed.is_empty(), "seed {seed}");
        assert_eq!(home.endpoint().transactions(), 0, "seed {seed}");
    });
}

/// RFC 6665 §4.3: the route set of the subscriber is that of the NOTIFY, so it goes through here both ways.
#[test]
fn a_notify_is_record_routed_for_its_subscriber() {
    let (ann, bob) = (At::Udp(2), At::Stream(3));
    let mut home = home(false);
    open(&mut home, 3);
    register(&mut home, "bob", bob);
    let subscribe = invite(ann).replace("INVITE", "SUBSCRIBE");
    let out = input(&mut home, ann, &subscribe);
    let asked = out.last().unwrap().1.clone();
    let notify = within("NOTIFY", &asked, &contact("ann", ann), bob, false);
    let out = input(&mut home, bob, &notify);
    assert_eq!(out[0].0, ann, "{out:?}");
    // A later SUBSCRIBE finds its way back over the stream.
    let again = within("SUBSCRIBE", &out[0].1, &contact("bob", bob), ann, false);
    let out = input(&mut home, ann, &again);
    assert_eq!(out.last().unwrap().0, bob, "{out:?}");
}

/// A phone at the usual port of another machine is not us, although we listen at all addresses.
#[test]
fn a_contact_at_our_port_is_not_us_when_we_listen_at_all_addresses() {
    let (ann, bob) = (At::Udp(2), At::Udp(3));
    let listener = Listener::new(Transport::Udp, ([0, 0, 0, 0], 5060).into());
    let listeners = [listener.with_sent_by("192.0.2.1:5060")];
    let config = HomeConfig::new("club.example", Config::new(listeners)).unwrap();
    let config = Arc::new(config.without_authentication());
    let mut home = HomeServer::new(Instant::ZERO, config, Seed::from_u64(1));
    register(&mut home, "bob", bob);
    let request = input(&mut home, ann, &invite(ann)).last().unwrap().1.clone();
    let bye = within("BYE", &request, "sip:bob@192.0.2.3:5060", ann, true);
    let out = input(&mut home, ann, &bye);
    assert_eq!(out.last().unwrap().0, bob, "{out:?}");
}
