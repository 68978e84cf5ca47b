//! Registering with a registrar that a test plays by hand.

use super::*;
use crate::endpoint::{ConnectId, FlowEnd, FlowId, SipEvent, Target};
use core::time::Duration;

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn registrar(config: Config) -> Config {
    config.with_outbound(Target::Address(Transport::Udp, addr(9)))
}

fn header(message: &RequestBuf, name: HeaderName) -> String {
    message.headers().get(name).unwrap_or("").to_string()
}

fn register(solo: &mut Solo) -> RequestBuf {
    solo.agent.register(solo.now).unwrap();
    solo.drain();
    let request = solo.last_request();
    solo.sent();
    request
}

#[test]
fn a_registration_tells_who_where_and_for_how_long() {
    let mut solo = Solo::new(registrar(config(1).with_instance(URN).with_reg_id(1)));
    let request = register(&mut solo);
    assert_eq!(request.view().uri_bytes(), b"sip:example.com");
    assert_eq!(header(&request, HeaderName::TO), "<sip:u1@example.com>");
    assert!(header(&request, HeaderName::FROM).starts_with("<sip:u1@example.com>;tag="));
    assert_eq!(
        header(&request, HeaderName::CONTACT),
        format!("<sip:u1@192.0.2.1:5060>;+sip.instance=\"<{URN}>\";reg-id=1")
    );
    assert_eq!(header(&request, HeaderName::EXPIRES), "3600");
    assert_eq!(header(&request, HeaderName::SUPPORTED), "path, gruu, outbound");
}

/// RFC 3608 §6.1: requests outside of dialogs go through it, REGISTER does not.
#[test]
fn a_service_route_is_taken_by_calls_and_messages_but_not_by_register() {
    let mut solo = Solo::new(registrar(config(1).with_expires(100)));
    let first = register(&mut solo);
    let route = "Service-Route: <sip:p2.example.com;lr>, <sip:p3.example.com;lr>\r\n";
    solo.receive(reply(&first, 200, "r", route, "").replace("peer@192.0.2.9", "u1@192.0.2.1:5060"));
    assert_eq!(solo.told(), ["registered 100 1"]);
    assert_eq!(solo.agent.service_route().len(), 2);
    solo.agent.call(solo.now, "sip:b@elsewhere", sdp("v=0")).unwrap();
    solo.agent.send_message(solo.now, "sip:b@elsewhere", "text/plain", "x").unwrap();
    solo.drain();
    for message in solo.sent.drain(..) {
        let MessageBuf::Request(request) = message else { panic!() };
        let rows: Vec<_> = request.headers().all(HeaderName::ROUTE).map(str::to_string).collect();
        assert_eq!(rows, ["<sip:p2.example.com;lr>", "<sip:p3.example.com;lr>"]);
    }
    let sent = solo.wait(90_000);
    assert!(sent.iter().any(|(ms, what)| *ms == 90_000 && what == "REGISTER 2"), "{sent:?}");
    solo.agent.register(solo.now).unwrap();
    // The binding ends when nothing renews it; so does the route.
    solo.wait(20_000);
    assert!(!solo.agent.is_registered() && solo.agent.service_route().is_empty());
}

/// RFC 5627 §4.2, §4.3.
#[test]
fn a_gruu_becomes_the_contact_of_calls_but_never_of_register() {
    let mut solo = Solo::new(registrar(config(1).with_instance(URN)));
    let first = register(&mut solo);
    let contacts = format!(
        "Contact: <sip:u1@192.0.2.77>;expires=50;pub-gruu=\"sip:u1@example.com;gr=other\";+sip.instance=\"<urn:uuid:0>\"\r\n\
         Contact: <sip:u1@198.51.100.1:99>;expires=200;pub-gruu=\"sip:u1@example.com;gr=mine\";temp-gruu=\"sip:t@example.com;gr\"\
         ;+sip.instance=\"<{}>\"\r\n",
        URN.to_uppercase()
    );
    let ok =
        reply(&first, 200, "r", &contacts, "").replace("Contact: <sip:peer@192.0.2.9>\r\n", "");
    solo.receive(ok);
    assert_eq!(solo.told(), ["registered 200 2"]);
    assert_eq!(solo.agent.gruu(), Some("sip:u1@example.com;gr=mine"));
    solo.agent.call(solo.now, "sip:b@elsewhere", sdp("v=0")).unwrap();
    solo.drain();
    let contact = header(&solo.last_request(), HeaderName::CONTACT);
    assert_eq!(contact, "<sip:u1@example.com;gr=mine>");
    solo.sent();
    // The callee tells it too.
    solo.receive(request("INVITE", "1", 7, "", "v=0\r\n"));
    let call = solo.call();
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.drain();
    let ringing = solo.last_response();
    assert_eq!(ringing.headers().get(HeaderName::CONTACT), Some("<sip:u1@example.com;gr=mine>"));
    let again = register(&mut solo);
    assert!(header(&again, HeaderName::CONTACT).starts_with("<sip:u1@192.0.2.1:5060>;"));
}

#[test]
fn user_report_17_the_own_binding_is_found_among_many() {
    for (contacts, with_instance, expected) in [
        // Exactly ours, behind another phone of the user.
        ("<sip:u1@192.0.2.5>;expires=9, <sip:u1@192.0.2.1:5060>;expires=300", false, 300),
        // The registrar rewrote the host: the user part is all there is.
        ("<sip:x@192.0.2.5>;expires=9, <sip:u1@203.0.113.1:1024>;expires=301", false, 301),
        // It rewrote everything, but there is only one.
        ("<sip:0xabc@203.0.113.1>;expires=302", false, 302),
        // Another device with the same contact behind the same NAT.
        (
            "<sip:u1@192.0.2.1:5060>;expires=9;+sip.instance=\"<urn:uuid:1>\", \
             <sip:u1@192.0.2.9>;expires=303;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"",
            true,
            303,
        ),
        // Nothing of ours: the header counts.
        ("<sip:x@192.0.2.5>;expires=9, <sip:y@192.0.2.6>;expires=9", false, 77),
    ] {
        let config = if with_instance { config(1).with_instance(URN) } else { config(1) };
        let mut solo = Solo::new(registrar(config));
        let first = register(&mut solo);
        let extra = format!("Contact: {contacts}\r\nExpires: 77\r\n");
        let ok =
            reply(&first, 200, "r", &extra, "").replace("Contact: <sip:peer@192.0.2.9>\r\n", "");
        solo.receive(ok);
        let told = solo.told();
        assert!(told[0].starts_with(&format!("registered {expected} ")), "{contacts} {told:?}");
    }
}

#[test]
fn too_brief_is_asked_again_for_longer_and_failures_wait_longer_each_time() {
    let mut solo = Solo::new(registrar(config(1).with_expires(60)));
    let first = register(&mut solo);
    solo.receive(reply(&first, 423, "r", "Min-Expires: 120\r\n", ""));
    let second = solo.last_request();
    assert_eq!(header(&second, HeaderName::EXPIRES), "120");
    assert_eq!(solo.sent(), ["REGISTER 2"]);
    // RFC 5626 §4.5: half to all of 30 s × 2^n; Retry-After may ask for more.
    solo.receive(reply(&second, 503, "r", "Retry-After: 100\r\n", ""));
    assert_eq!(solo.told(), ["not registered 503 true"]);
    assert_eq!(solo.wait(99_999), []);
    let (_, what) = solo.wait(1).remove(0);
    assert_eq!(what, "REGISTER 3");
    let mut last = solo.now;
    for n in 2..8_u32 {
        // Timer F, then the wait.
        solo.wait(32_000);
        assert_eq!(solo.told(), ["not registered 0 true"]);
        let (at, timer) = solo.agent.next_timer().unwrap();
        assert_eq!(timer, Timer::Register(0));
        let wait = at.saturating_since(last).as_secs() - 32;
        let most = (30_u64 << n).min(1800);
        assert!((most / 2..=most).contains(&wait), "{n}: {wait} of {most}");
        solo.wait((wait + 1) * 1000);
        last = at;
        solo.now = at;
    }
    // 403 ends it.
    let mut solo = Solo::new(registrar(config(1)));
    let first = register(&mut solo);
    solo.receive(reply(&first, 403, "r", "", ""));
    assert_eq!(solo.told(), ["not registered 403 false"]);
    assert_eq!(solo.agent.next_timer(), None);
}

/// An agent over TCP, whose stream a test plays.
struct Streamed {
    agent: UserAgent,
    now: Instant,
    sent: Vec<Bytes>,
    told: Vec<String>,
    wanted: Option<ConnectId>,
    closed: Option<FlowEnd>,
}

impl Streamed {
    fn new(config: Config) -> Self {
        let config = config.with_outbound(Target::Address(Transport::Tcp, addr(9)));
        let (agent, now) = (agent(1, config), Instant::ZERO);
        Self { agent, now, sent: Vec::new(), told: Vec::new(), wanted: None, closed: None }
    }

    fn drain(&mut self) {
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Transmit(t) => self.sent.push(t.payload),
                Output::Event(Event::Endpoint(SipEvent::ConnectWanted { connect, .. })) => {
                    self.wanted = Some(connect);
                }
                Output::Event(Event::Endpoint(SipEvent::FlowClosed { reason, .. })) => {
                    self.closed = Some(reason);
                }
                Output::Event(Event::Endpoint(_)) => {}
                Output::Event(event) => self.told.push(say(&event)),
            }
        }
    }

    fn open(&mut self, flow: u64) {
        let connect = self.wanted.take();
        assert!(connect.is_some());
        let (transport, local, remote) = (Transport::Tcp, addr(1), addr(9));
        let flow = FlowId(flow);
        let input = SipInput::FlowOpened { flow, transport, local, remote, connect };
        self.agent.handle_input(self.now, input);
        self.drain();
    }

    fn receive(&mut self, flow: u64, data: &str) {
        let input = SipInput::Stream { flow: FlowId(flow), data: data.as_bytes() };
        self.agent.handle_input(self.now, input);
        self.drain();
    }

    fn wait(&mut self, secs: u64) {
        let end = self.now.saturating_add(Duration::from_secs(secs));
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.agent.handle_timeout(at);
            self.drain();
        }
        self.now = end;
    }

    fn request(&mut self) -> RequestBuf {
        RequestBuf::parse(self.sent.remove(0)).unwrap()
    }
}

fn ok_over(request: &RequestBuf, extra: &str) -> String {
    reply(request, 200, "r", extra, "").replace("peer@192.0.2.9", "u1@192.0.2.1:5060;transport=tcp")
}

#[cfg(feature = "digest")]
#[test]
fn challenges_over_a_stream_are_answered_though_its_transactions_end_at_once() {
    let credential = proto_wire::digest::Credential::new("u1", "secret").unwrap();
    let mut one = Streamed::new(config(1).with_credential(credential));
    one.agent.register(one.now).unwrap();
    one.drain();
    one.open(1);
    let first = one.request();
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    one.receive(1, &reply(&first, 401, "r", challenge, ""));
    let second = one.request();
    assert_eq!(header(&second, HeaderName::CSEQ), "2 REGISTER");
    assert!(header(&second, HeaderName::AUTHORIZATION).starts_with("Digest "));
    one.receive(1, &ok_over(&second, ""));
    assert_eq!(one.told, ["registered 3600 1"]);
    // Calls and messages too.
    one.agent.send_message(one.now, "sip:b@example.com", "text/plain", "x").unwrap();
    one.agent.call(one.now, "sip:b@example.com", sdp("v=0")).unwrap();
    one.drain();
    for _ in 0..2 {
        let request = one.request();
        let challenge = "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\", qop=\"auth\"\r\n";
        one.receive(1, &reply(&request, 407, "r", challenge, ""));
        let again = RequestBuf::parse(one.sent.pop().unwrap()).unwrap();
        assert!(header(&again, HeaderName::PROXY_AUTHORIZATION).starts_with("Digest "));
    }
}

/// RFC 5626 §4.4.1: pings between 80 and 100 % of the time, the pong within 10 s.
#[test]
fn a_stream_is_kept_alive_and_one_that_does_not_answer_is_replaced() {
    let mut one = Streamed::new(config(1).with_instance(URN).with_reg_id(1));
    one.agent.register(one.now).unwrap();
    one.drain();
    one.open(1);
    let first = one.request();
    one.receive(1, &ok_over(&first, "Flow-Timer: 100\r\nRequire: outbound\r\n"));
    for _ in 0..5 {
        let before = one.now;
        let (at, timer) = one.agent.next_timer().unwrap();
        assert_eq!(timer, Timer::KeepAlive(0));
        let wait = at.saturating_since(before);
        // Up to a second has gone by since the last one.
        assert!((79..=100).contains(&wait.as_secs()), "{wait:?}");
        one.wait(wait.as_secs() + 1);
        assert_eq!(one.sent.pop().unwrap(), "\r\n\r\n");
        one.receive(1, "\r\n");
    }
    // Silence: ten seconds behind a ping the stream is ended, and a new one registered over.
    let (at, _) = one.agent.next_timer().unwrap();
    one.wait(at.saturating_since(one.now).as_secs() + 1);
    assert_eq!(one.closed, None);
    one.wait(10);
    assert_eq!(one.closed, Some(FlowEnd::Local));
    one.sent.clear();
    one.wait(1);
    one.open(2);
    let again = one.request();
    assert_eq!(header(&again, HeaderName::CSEQ), "2 REGISTER");
    assert!(header(&again, HeaderName::CONTACT).ends_with(";reg-id=1"));
}

#[test]
fn a_registrar_that_never_answers_pings_keeps_its_stream() {
    let mut one = Streamed::new(config(1).with_keep_alive(Duration::from_secs(30)));
    one.agent.register(one.now).unwrap();
    one.drain();
    one.open(1);
    let first = one.request();
    one.receive(1, &ok_over(&first, ""));
    one.wait(100);
    assert!(one.sent.iter().filter(|s| *s == "\r\n\r\n").count() >= 3);
    assert_eq!(one.closed, None);
    // None at all when none are wanted.
    let mut one = Streamed::new(config(1).with_keep_alive(Duration::ZERO));
    one.agent.register(one.now).unwrap();
    one.drain();
    one.open(1);
    let first = one.request();
    one.receive(1, &ok_over(&first, ""));
    one.wait(1000);
    assert!(one.sent.is_empty());
}

#[test]
fn commands_while_a_register_is_out_are_done_behind_it() {
    let mut solo = Solo::new(registrar(config(1)));
    let first = register(&mut solo);
    solo.agent.unregister(solo.now).unwrap();
    solo.agent.register(solo.now).unwrap();
    solo.agent.unregister(solo.now).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), Vec::<String>::new());
    solo.receive(reply(&first, 200, "r", "", "").replace("peer@192.0.2.9", "u1@192.0.2.1:5060"));
    let second = solo.last_request();
    assert_eq!(header(&second, HeaderName::EXPIRES), "0");
    solo.receive(reply(&second, 200, "r", "", "").replace("Contact: <sip:peer@192.0.2.9>\r\n", ""));
    assert_eq!(solo.told(), ["unregistered"]);
    assert_eq!(solo.agent.next_timer(), None);
}

/// RFC 3840 §6 to §8: in REGISTER, in calls on both sides, in answers to OPTIONS; not in MESSAGE, which has
/// no Contact.
#[test]
fn capabilities_are_told_wherever_there_is_a_contact() {
    let features = crate::headers::Features::new().with("audio", "").unwrap();
    let features = features.with("+sip.own", "a,!b").unwrap();
    let mut solo = Solo::new(config(1).with_features(features.clone()));
    let contact = |headers: Headers<'_>| headers.get(HeaderName::CONTACT).map(ToString::to_string);
    let own = Some(format!("<sip:u1@192.0.2.1:5060>{features}"));
    solo.agent.call(solo.now, "sip:bob@192.0.2.9", sdp("v=0\r\n")).unwrap();
    solo.agent.ask(solo.now, "sip:bob@192.0.2.9", Method::Options, None, &[]).unwrap();
    solo.drain();
    assert_eq!(contact(solo.last_request().headers()), None, "OPTIONS needs none");
    let invite = solo.sent.iter().find(|m| first_words(m).starts_with("INVITE")).unwrap();
    assert_eq!(contact(invite.view().headers()), own);
    solo.receive(request("OPTIONS", "o", 1, "", ""));
    assert_eq!(contact(solo.last_response().headers()), own);
    solo.receive(request("INVITE", "1", 7, "", "v=0\r\n").replace("by-hand", "other"));
    let call = solo.call();
    solo.agent.ring(solo.now, call, StatusCode::RINGING, None).unwrap();
    solo.drain();
    assert_eq!(contact(solo.last_response().headers()), own);
    let via = Target::Address(Transport::Udp, addr(9));
    let features = config(1).with_outbound(via).with_features(features);
    let mut solo = Solo::new(features.with_instance("urn:uuid:1"));
    solo.agent.register(solo.now).unwrap();
    solo.drain();
    let told = contact(solo.last_request().headers()).unwrap();
    assert!(told.ends_with(">\";audio;+sip.own=\"a,!b\""), "{told}");
}
