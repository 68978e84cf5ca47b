#![allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
use super::*;
use crate::endpoint::{Listener, Target};
use alloc::format;
use alloc::vec;
use core::net::SocketAddr;
use core::time::Duration;

fn at(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

fn udp(n: u8) -> Hop {
    Hop::new(Target::Address(Transport::Udp, at(n)))
}

/// A proxy at 192.0.2.1, and what it sends.
struct Bench {
    proxy: Proxy,
    now: Instant,
    asked: Vec<(RouteId, RequestBuf, String)>,
    answered: Vec<(String, Option<u16>)>,
    wanted: Vec<endpoint::ConnectId>,
}

impl Bench {
    fn new() -> Self {
        Self::with(|config| config)
    }

    fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let listeners = [Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, at(1)));
        let config = Config::new(endpoint::Config::new(listeners)).with_name("proxy.example");
        let config = change(config);
        let proxy = Proxy::new(Instant::ZERO, config, Seed::from_u64(1));
        Self {
            proxy,
            now: Instant::ZERO,
            asked: Vec::new(),
            answered: Vec::new(),
            wanted: Vec::new(),
        }
    }

    fn input(&mut self, from: u8, text: &str) -> Vec<(u8, String)> {
        let input = SipInput::Datagram { local: at(1), remote: at(from), data: text.as_bytes() };
        self.proxy.handle_input(self.now, input);
        self.drain()
    }

    fn drain(&mut self) -> Vec<(u8, String)> {
        let mut sent = Vec::new();
        while let Some(output) = self.proxy.poll_output() {
            match output {
                Output::Transmit(t) => {
                    let (to, bytes) = t.into_datagram().expect("a datagram");
                    let core::net::IpAddr::V4(ip) = to.ip() else { panic!() };
                    sent.push((ip.octets()[3], String::from_utf8(bytes.to_vec()).unwrap()));
                }
                Output::Event(Event::RouteWanted { id, request, uri, .. }) => {
                    self.asked.push((id, request, uri));
                }
                Output::Event(Event::Answered { method, status }) => {
                    self.answered.push((method, status.map(StatusCode::as_u16)));
                }
                Output::Event(Event::Endpoint(SipEvent::ConnectWanted { connect, .. })) => {
                    self.wanted.push(connect);
                }
                Output::Event(_) => {}
            }
        }
        sent
    }

    fn forward(&mut self, hops: &[Hop]) -> Vec<(u8, String)> {
        let (id, ..) = self.asked.pop().expect("a request");
        self.proxy.forward(self.now, id, hops).unwrap();
        self.drain()
    }

    fn wait(&mut self, seconds: u64) -> Vec<(u8, String)> {
        let end = self.now.saturating_add(Duration::from_secs(seconds));
        let mut sent = Vec::new();
        while let Some(due) = self.proxy.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.proxy.handle_timeout(due);
            sent.extend(self.drain());
            assert!(self.proxy.poll_timeout().is_none_or(|next| next > due), "a busy loop");
        }
        self.now = end;
        sent
    }
}

fn request(method: &str, branch: &str, more: &str) -> String {
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{branch}\r\n\
         From: <sip:ann@h>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:ann@192.0.2.9>\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

fn reply(to: &str, status: u16, more: &str) -> String {
    let request = RequestBuf::parse(to.as_bytes().to_vec()).unwrap();
    let tag = (status > 100).then_some("t");
    let built = ResponseBuf::reply_to(request.view(), StatusCode::new(status).unwrap(), tag)
        .build()
        .unwrap();
    let text = String::from_utf8(built.into_bytes().to_vec()).unwrap();
    text.replacen("Content-Length", &format!("{more}Content-Length"), 1)
}

/// The start lines, and to whom.
fn lines(sent: &[(u8, String)]) -> Vec<String> {
    let first = |text: &str| {
        let line = text.lines().next().unwrap_or_default();
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "SIP/2.0" { words[1].to_string() } else { words[0].to_string() }
    };
    sent.iter().map(|(to, text)| format!("{to} {}", first(text))).collect()
}

fn header<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).collect()
}

#[test]
fn the_first_2xx_goes_back_and_the_others_are_cancelled() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2), udp(3), udp(4)]);
    assert_eq!(lines(&sent), ["2 INVITE", "3 INVITE", "4 INVITE"]);
    let [two, three, four] = [0, 1, 2].map(|n: usize| sent[n].1.clone());
    // RFC 3261 §16.7 items 2 and 5: 100 ends here, others go back at once.
    assert!(b.input(2, &reply(&two, 100, "")).is_empty());
    assert_eq!(lines(&b.input(2, &reply(&two, 180, ""))), ["9 180"]);
    let ok = b.input(3, &reply(&three, 200, "Contact: <sip:bob@192.0.2.3>\r\n"));
    // The fourth has not said anything yet: §9.1, no CANCEL before that.
    assert_eq!(lines(&ok), ["9 200", "2 CANCEL"]);
    assert_eq!(header(&ok[0].1, "Via"), ["SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa"]);
    assert_eq!(lines(&b.input(4, &reply(&four, 180, ""))), ["4 CANCEL"]);
    // A 2xx that crossed the CANCEL goes back too: the caller ends it.
    assert_eq!(lines(&b.input(4, &reply(&four, 200, ""))), ["9 200"]);
    // What is refused now is told to nobody.
    assert_eq!(lines(&b.input(2, &reply(&two, 487, ""))), ["2 ACK"]);
    assert_eq!(b.answered, [("INVITE".to_string(), Some(200))]);
    b.wait(100);
    assert_eq!((b.proxy.forwarding(), b.proxy.endpoint().transactions()), (0, 0));
    assert!(b.proxy.relay.is_empty());
}

#[test]
fn a_6xx_ends_all_and_all_challenges_go_back_together() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2), udp(3)]);
    b.input(2, &reply(&sent[0].1, 180, ""));
    // §16.7 item 5: it waits for the others, which are cancelled.
    assert_eq!(lines(&b.input(3, &reply(&sent[1].1, 603, ""))), ["3 ACK", "2 CANCEL"]);
    assert_eq!(lines(&b.input(2, &reply(&sent[0].1, 487, ""))), ["2 ACK", "9 603"]);

    let mut b = Bench::new();
    b.input(9, &request("INVITE", "b", ""));
    let sent = b.forward(&[udp(2), udp(3), udp(4)]);
    let challenge = |n: u8| format!("Proxy-Authenticate: Digest realm=\"{n}\", nonce=\"n\"\r\n");
    b.input(2, &reply(&sent[0].1, 407, &challenge(2)));
    b.input(3, &reply(&sent[1].1, 486, ""));
    let origin = "WWW-Authenticate: Digest realm=\"4\", nonce=\"n\"\r\n";
    let out = b.input(4, &reply(&sent[2].1, 401, origin));
    let back = &out.last().unwrap().1;
    assert_eq!(lines(&out), ["4 ACK", "9 407"]);
    assert_eq!(header(back, "Proxy-Authenticate"), ["Digest realm=\"2\", nonce=\"n\""]);
    assert_eq!(header(back, "WWW-Authenticate"), ["Digest realm=\"4\", nonce=\"n\""]);

    // One over two lines takes no other with it, and goes back too.
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "c", ""));
    let sent = b.forward(&[udp(2), udp(3), udp(4)]);
    b.input(2, &reply(&sent[0].1, 407, &challenge(2)));
    b.input(3, &reply(&sent[1].1, 407, &challenge(3).replace(", ", ",\r\n ")));
    let out = b.input(4, &reply(&sent[2].1, 401, &origin.replace(", ", ",\r\n ")));
    let mut told = header(&out.last().unwrap().1, "Proxy-Authenticate");
    told.sort();
    assert_eq!(told, ["Digest realm=\"2\", nonce=\"n\"", "Digest realm=\"3\", nonce=\"n\""]);
    assert_eq!(header(&out.last().unwrap().1, "WWW-Authenticate").len(), 1);
}

#[test]
fn what_comes_back_when_nobody_answers() {
    // §16.7 item 6, §16.8, §16.9; RFC 4320 §4.2.
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2)]);
    assert_eq!(lines(&b.input(2, &reply(&sent[0].1, 503, ""))), ["2 ACK", "9 500"]);
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "b", ""));
    b.forward(&[udp(2)]);
    let out = lines(&b.wait(33));
    assert!(out.contains(&"9 100".to_string()) && out.contains(&"9 408".to_string()), "{out:?}");
    let mut b = Bench::new();
    b.input(9, &request("MESSAGE", "c", ""));
    b.forward(&[udp(2)]);
    let out = lines(&b.wait(60));
    assert!(!out.iter().any(|l| l.starts_with("9 4")), "{out:?}");
    assert_eq!(b.answered, [("MESSAGE".to_string(), None)]);
    assert!(b.proxy.relay.is_empty());
}

/// §16.8: more than three minutes behind the last provisional response.
#[test]
fn timer_c_cancels_a_branch_that_rings_for_ever() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2)]);
    b.input(2, &reply(&sent[0].1, 180, ""));
    b.wait(170);
    b.input(2, &reply(&sent[0].1, 180, ""));
    assert!(b.wait(180).is_empty());
    let out = b.wait(2);
    assert_eq!(lines(&out)[0], "2 CANCEL");
    b.input(2, &reply(&out[0].1, 200, ""));
    // §9.1: a peer that does not answer the INVITE even then is given up.
    let out = lines(&b.wait(40));
    assert_eq!(out.first().map(String::as_str), Some("9 408"));
    b.wait(100);
    assert!(b.proxy.relay.is_empty());
    assert_eq!(b.proxy.endpoint().transactions(), 0);
}

#[test]
fn a_cancel_goes_to_all_branches_and_none_is_left_over() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2), udp(3)]);
    b.input(2, &reply(&sent[0].1, 180, ""));
    let cancel = request("CANCEL", "a", "");
    assert_eq!(lines(&b.input(9, &cancel)), ["9 200", "2 CANCEL"]);
    assert_eq!(lines(&b.input(2, &reply(&sent[0].1, 487, ""))), ["2 ACK"]);
    // The other is silent: 32 s from the INVITE.
    let out = lines(&b.wait(33));
    assert!(out.contains(&"9 487".to_string()) || out.contains(&"9 408".to_string()), "{out:?}");
    // One that waits for its route.
    b.input(9, &request("INVITE", "b", "").replace("Call-ID: 1", "Call-ID: 2"));
    let (id, ..) = b.asked.pop().unwrap();
    let out = b.input(9, &request("CANCEL", "b", "").replace("Call-ID: 1", "Call-ID: 2"));
    assert_eq!(lines(&out), ["9 200", "9 487"]);
    // The answer comes too late, and does nothing.
    b.proxy.forward(b.now, id, &[udp(2)]).unwrap();
    assert!(b.drain().is_empty());
    b.wait(100);
    assert!(b.proxy.relay.is_empty());
}

#[test]
fn what_is_refused_before_anything_is_asked() {
    let mut b = Bench::new();
    let none = request("INVITE", "a", "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(lines(&b.input(9, &none)), ["9 483"]);
    let out = b.input(9, &request("INVITE", "b", "Proxy-Require: x-odd\r\n"));
    assert_eq!(lines(&out), ["9 420"]);
    assert_eq!(header(&out[0].1, "Unsupported"), ["x-odd"]);
    // RFC 5393 §5.3.3.
    b.input(9, &request("INVITE", "c", "Max-Breadth: 1\r\n"));
    assert_eq!(lines(&b.forward(&[udp(2), udp(3)])), ["9 440"]);
    b.input(9, &request("MESSAGE", "d", "Max-Breadth: 7\r\n"));
    let sent = b.forward(&[udp(2), udp(3), udp(4)]);
    let told: Vec<_> = sent.iter().map(|(_, text)| header(text, "Max-Breadth")).collect();
    assert_eq!(told, [["3"], ["2"], ["2"]]);
    // Nothing is said where nothing is multiplied.
    b.input(9, &request("MESSAGE", "e", ""));
    assert!(header(&b.forward(&[udp(2)])[0].1, "Max-Breadth").is_empty());
    assert!(b.asked.is_empty());
}

/// §16.3 item 4: the same again is a loop; with another request URI it is a spiral.
#[test]
fn a_loop_is_told_from_a_spiral() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(1)]);
    // It comes back, with our Via on it.
    let out = b.input(1, &sent[0].1);
    assert_eq!(lines(&out)[0], "1 482");
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "b", ""));
    let sent = b.forward(&[udp(1).with_uri("sip:robert@example.com")]);
    assert!(b.input(1, &sent[0].1).is_empty());
    assert_eq!(b.asked.len(), 1);
    // The spiral that closes is a loop again.
    let again = b.forward(&[udp(1).with_uri("sip:robert@example.com")]);
    assert_eq!(lines(&b.input(1, &again[0].1))[0], "1 482");
}

/// §16.4, §16.6 item 6, §16.12.1.
#[test]
fn loose_and_strict_routes() {
    let mut b = Bench::new();
    let ours = "Route: <sip:192.0.2.1;lr>, <sip:proxy.example;lr>, <sip:192.0.2.7;lr>\r\n";
    b.input(9, &request("INVITE", "a", ours));
    assert_eq!(b.asked[0].2, "sip:192.0.2.7;lr");
    let sent = b.forward(&[udp(7)]);
    assert_eq!(header(&sent[0].1, "Route"), ["<sip:192.0.2.7;lr>"]);
    assert!(sent[0].1.starts_with("INVITE sip:bob@example.com SIP/2.0\r\n"));
    // To a strict router: it wants itself as the request URI.
    b.input(9, &request("INVITE", "b", "Route: <sip:192.0.2.7>, <sip:192.0.2.8;lr>\r\n"));
    let sent = b.forward(&[udp(7)]);
    assert!(sent[0].1.starts_with("INVITE sip:192.0.2.7 SIP/2.0\r\n"), "{}", sent[0].1);
    assert_eq!(header(&sent[0].1, "Route"), ["<sip:192.0.2.8;lr>, <sip:bob@example.com>"]);
    // From one: the last Route is where it was to go.
    let strict = request("BYE", "c", "Route: <sip:192.0.2.8;lr>, <sip:bob@192.0.2.5>\r\n")
        .replace("BYE sip:bob@example.com", "BYE sip:192.0.2.1:5060;lr")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=2");
    let sent = b.input(9, &strict);
    assert_eq!(lines(&sent), ["8 BYE"], "in a dialog the route says all");
    assert!(sent[0].1.starts_with("BYE sip:bob@192.0.2.5 SIP/2.0\r\n"), "{}", sent[0].1);
    assert_eq!(header(&sent[0].1, "Route"), ["<sip:192.0.2.8;lr>"]);
    // Nonsense is answered.
    b.input(9, &request("MESSAGE", "d", "Route: <sip:192.0.2.8\r\n"));
    assert!(b.asked.is_empty());
}

/// RFC 5658: one Record-Route for each side when the transports differ.
#[test]
fn record_routes_are_for_both_sides() {
    let config =
        endpoint::Config::new([Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, at(1))));
    let both = record_routes(&config, Some(Transport::Udp), Some(Transport::Tcp), None, false);
    assert_eq!(both, ["<sip:192.0.2.1:5060;transport=tcp;lr>", "<sip:192.0.2.1:5060;lr>"]);
    let one = record_routes(&config, Some(Transport::Udp), Some(Transport::Udp), Some("x"), false);
    assert_eq!(one, ["<sip:x@192.0.2.1:5060;lr>"]);
}

/// Every other byte as it came, both ways.
#[test]
fn a_forwarded_request_keeps_every_other_byte() {
    let mut b = Bench::new();
    let odd = "X-Odd  :  kept  \r\nSubject: a\r\n  folded\r\n";
    let text = request("INVITE", "a", odd);
    b.input(9, &text);
    let sent = b.forward(&[udp(2)]);
    let via = header(&sent[0].1, "Via")[0];
    let expected = text
        .replacen("Forwards: 70", "Forwards: 69", 1)
        .replacen("Via: ", &format!("Via: {via}\r\nVia: "), 1)
        .replacen("SIP/2.0\r\n", "SIP/2.0\r\nRecord-Route: <sip:192.0.2.1:5060;lr>\r\n", 1);
    assert_eq!(sent[0].1, expected);
}

#[test]
fn answers_that_make_no_sense_change_nothing() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let id = b.asked[0].0;
    assert!(b.proxy.forward(b.now, id, &[]).is_err());
    assert!(b.proxy.refuse(b.now, id, StatusCode::OK).is_err());
    let line_end = |r: ResponseBuilder| r.header(HeaderName::SUBJECT, "a\r\nb");
    assert!(b.proxy.refuse_with(b.now, id, StatusCode::NOT_FOUND, line_end).is_err());
    b.proxy.refuse(b.now, id, StatusCode::NOT_FOUND).unwrap();
    assert_eq!(lines(&b.drain()), ["9 404"]);
    b.proxy.refuse(b.now, id, StatusCode::NOT_FOUND).unwrap();
    assert!(b.drain().is_empty());
    assert_eq!(vec![b.proxy.endpoint().transactions()], [1]);
}

/// RFC 3261 §18.1.1: over a stream for its length, and as a datagram when there is none.
#[test]
fn what_is_too_long_takes_a_stream_and_else_the_datagram_after_all() {
    let mut b = Bench::new();
    let long = format!("X-Long: {}\r\n", "x".repeat(1300));
    b.input(9, &request("INVITE", "a", &long));
    assert!(b.forward(&[udp(2)]).is_empty());
    let connect = b.wanted.pop().expect("a stream");
    b.proxy.handle_input(b.now, SipInput::ConnectFailed { connect });
    let sent = b.drain();
    assert_eq!(lines(&sent), ["2 INVITE"]);
    assert!(sent[0].1.len() > 1300 && header(&sent[0].1, "Via")[0].starts_with("SIP/2.0/UDP "));
    assert_eq!(lines(&b.input(2, &reply(&sent[0].1, 200, ""))), ["9 200"]);
    b.wait(100);
    assert!(b.proxy.relay.is_empty());
}

/// `waiting_max`, N and N+1: of requests with and without a transaction.
#[test]
fn requests_that_wait_for_their_route_are_bounded() {
    let mut b = Bench::with(|config| config.with_waiting_max(2));
    for (n, method) in ["ACK", "MESSAGE", "ACK", "MESSAGE"].into_iter().enumerate() {
        let text = request(method, &format!("w{n}"), "").replace("ID: 1", &format!("ID: {n}"));
        let out = lines(&b.input(9, &text));
        let expected: &[&str] = if n == 3 { &["9 503"] } else { &[] };
        assert_eq!(out, expected, "{n}");
    }
    assert_eq!(b.asked.len(), 2);
}

/// By its names, and by the address of each listener; the same address with another port is somebody
/// else.
#[test]
fn user_report_18_a_proxy_knows_its_own_route_by_every_name_and_listener() {
    for (route, known) in [
        ("sip:192.0.2.1:5060;lr", true),
        ("sip:192.0.2.1;lr", true),
        ("sip:192.0.2.1;transport=tcp;lr", true),
        ("sip:PROXY.example;lr=on", true),
        ("sip:token@proxy.example:5070;lr", true),
        ("sip:192.0.2.1:5070;lr", false),
        ("sip:other.example;lr", false),
    ] {
        let mut b = Bench::new();
        b.input(9, &request("INVITE", "a", &format!("Route: <{route}>\r\n")));
        let next = &b.asked[0].2;
        assert_eq!(next == "sip:bob@example.com", known, "{route} {next}");
    }
}

/// RFC 3261 §9.1: who ignores a CANCEL and goes on ringing is given up all the same.
#[test]
fn ringing_behind_a_cancel_does_not_put_off_its_end() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2)]);
    b.input(2, &reply(&sent[0].1, 180, ""));
    let out = b.input(9, &request("CANCEL", "a", ""));
    b.input(2, &reply(&out[1].1, 200, ""));
    b.input(2, &reply(&sent[0].1, 180, ""));
    let out = lines(&b.wait(40));
    assert_eq!(out.first().map(String::as_str), Some("9 408"));
}

#[test]
fn the_status_that_is_told_is_the_one_that_went_back() {
    let mut b = Bench::new();
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2)]);
    assert_eq!(lines(&b.input(2, &reply(&sent[0].1, 503, ""))), ["2 ACK", "9 500"]);
    assert_eq!(b.answered, [("INVITE".to_string(), Some(500))]);
}

/// RFC 6665 §4.3: the dialog of a forked subscription, or of one whose NOTIFY overtakes the 2xx, has the
/// route set of the NOTIFY.
#[test]
fn a_notify_in_a_dialog_that_came_through_here_is_record_routed() {
    let mut b = Bench::new();
    let routed = "Route: <sip:192.0.2.1;lr>\r\nEvent: presence\r\n";
    let notify = request("NOTIFY", "a", routed)
        .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.5 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=2");
    let sent = b.input(9, &notify);
    assert_eq!(lines(&sent), ["5 NOTIFY"]);
    assert_eq!(header(&sent[0].1, "Record-Route"), ["<sip:192.0.2.1:5060;lr>"]);
}

/// A route with the name that Via and Record-Route bear, which nobody gave a second time.
#[test]
fn the_own_record_route_is_known_by_the_name_in_via() {
    let mut b = Bench::with(|mut config| {
        for listener in &mut config.endpoint.listeners {
            listener.sent_by = "edge.example:5060".to_string();
        }
        config
    });
    b.input(9, &request("INVITE", "a", ""));
    let sent = b.forward(&[udp(2)]);
    let route = format!("Route: {}\r\n", header(&sent[0].1, "Record-Route")[0]);
    let bye = request("BYE", "b", &route)
        .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.5 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=2");
    assert_eq!(lines(&b.input(9, &bye)), ["5 BYE"]);
}

/// Another proxy at the same port is not ours because we listen at all addresses under a name.
#[test]
fn the_route_of_another_proxy_is_kept_when_we_listen_at_all_addresses() {
    let mut b = Bench::with(|mut config| {
        for listener in &mut config.endpoint.listeners {
            *listener = Listener::new(listener.transport, ([0, 0, 0, 0], 5060).into())
                .with_sent_by("192.0.2.1:5060");
        }
        config
    });
    let bye = request("BYE", "b", "Route: <sip:192.0.2.1:5060;lr>, <sip:192.0.2.7:5060;lr>\r\n")
        .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.5 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=2");
    assert_eq!(lines(&b.input(9, &bye)), ["7 BYE"]);
}

/// RFC 3261 §26.2.2, RFC 3263 §4.1: what is `sips` never goes in the clear; §4: `maddr` is where it goes.
#[test]
fn where_secure_uris_and_those_with_maddr_lead() {
    let target = |uri: &str| numeric_target(&SipUri::parse(uri.as_bytes()).unwrap());
    let to = |transport, n: u8, port| {
        Some(Target::Address(transport, SocketAddr::from(([192, 0, 2, n], port))))
    };
    assert_eq!(target("sips:192.0.2.2;transport=tcp"), to(Transport::Tls, 2, 5061));
    assert_eq!(target("sips:192.0.2.2:7000;transport=ws"), to(Transport::Wss, 2, 7000));
    assert_eq!(target("sip:192.0.2.2;maddr=192.0.2.3"), to(Transport::Udp, 3, 5060));
    assert_eq!(target("sip:h:5070;maddr=192.0.2.3"), to(Transport::Udp, 3, 5070));
    assert_eq!(target("sip:192.0.2.2;maddr=h"), None);
}

/// RFC 3261 §16.6 item 4: both sides of a call to a `sips` URI stay secure.
#[test]
fn the_record_route_of_a_secure_request_is_secure() {
    let mut b = Bench::with(|mut config| {
        config.endpoint.listeners.push(Listener::new(Transport::Tls, at(1)));
        config
    });
    b.input(9, &request("INVITE", "a", "").replace("INVITE sip:", "INVITE sips:"));
    let sent = b.forward(&[udp(2)]);
    assert_eq!(header(&sent[0].1, "Record-Route"), ["<sips:192.0.2.1:5060;lr>"]);
}
