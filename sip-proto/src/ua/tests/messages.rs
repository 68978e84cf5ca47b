//! Messages, and what else comes outside of calls.

use super::*;
use crate::endpoint::Target;

fn to_peer() -> Config {
    config(1).with_outbound(Target::Address(Transport::Udp, addr(9)))
}

/// RFC 3428 §4, §8, §7: no Contact, no dialog, one outstanding, 200 without a body.
#[test]
fn trap_29_messages_go_one_after_the_other_and_make_no_dialog() {
    let mut solo = Solo::new(to_peer());
    for text in ["one", "two"] {
        solo.agent.send_message(solo.now, "sip:b@example.com", "text/plain", text).unwrap();
    }
    solo.agent.send_message(solo.now, "sip:c@example.com", "text/plain", "other").unwrap();
    solo.drain();
    assert_eq!(solo.sent.len(), 2);
    let first = match solo.sent.remove(0) {
        MessageBuf::Request(r) => r,
        MessageBuf::Response(_) => panic!(),
    };
    assert!(first.headers().get(HeaderName::CONTACT).is_none());
    assert_eq!(first.body(), "one");
    solo.sent();
    solo.receive(reply(&first, 100, "", "", ""));
    assert_eq!(solo.sent(), Vec::<String>::new());
    solo.receive(reply(&first, 202, "b", "", ""));
    assert_eq!(solo.last_request().body(), "two");
    assert_eq!(solo.told(), ["delivered 202"]);
    solo.sent();
    // And the other way.
    let text = request("MESSAGE", "1", 1, "Content-Type: text/plain;charset=utf-8\r\n", "")
        .replace("Content-Length: 0\r\n\r\n", "Content-Length: 2\r\n\r\nhi");
    solo.receive(text);
    let response = solo.last_response();
    assert!(response.body().is_empty() && response.headers().get(HeaderName::CONTACT).is_none());
    assert_eq!(solo.sent(), ["200 MESSAGE"]);
    let told = solo.told();
    assert_eq!(told, ["message sip:peer@example.com text/plain;charset=utf-8 hi"]);
    assert_eq!(solo.agent.calls().count(), 0);
    assert!(!solo.agent.is_idle());
    solo.wait(64_000);
    assert!(solo.agent.is_idle());
    assert_eq!(solo.told(), ["undelivered", "undelivered"]);
}

#[test]
fn the_queue_behind_a_message_is_bounded() {
    let mut solo = Solo::new(to_peer().with_queue_max(2));
    let mut send =
        |n: u8| solo.agent.send_message(solo.now, "sip:b@example.com", "text/plain", vec_of(n));
    assert!(send(0).is_ok() && send(1).is_ok() && send(2).is_ok());
    assert_eq!(send(3), Err(CommandError::Limit(proto_wire::LimitKind::Queue)));
}

fn vec_of(n: u8) -> Vec<u8> {
    alloc::vec![b'a', n]
}

#[test]
fn user_report_20_types_that_are_not_wanted_get_415_and_what_is() {
    let mut solo = Solo::new(config(1).with_accept(["text/plain"]));
    let typing = request("MESSAGE", "1", 1, "Content-Type: application/im-iscomposing+xml\r\n", "");
    solo.receive(typing);
    let response = solo.last_response();
    assert_eq!(response.view().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(response.headers().get(HeaderName::ACCEPT), Some("text/plain"));
    assert_eq!(solo.told(), Vec::<String>::new());
    // A sender hears of it and goes on.
    let mut solo = Solo::new(to_peer());
    solo.agent.send_message(solo.now, "sip:b@h", "message/imdn+xml", "x").unwrap();
    solo.agent.send_message(solo.now, "sip:b@h", "text/plain", "x").unwrap();
    solo.drain();
    let first = solo.last_request();
    solo.receive(reply(&first, 415, "b", "Accept: text/plain\r\n", ""));
    assert_eq!(solo.told(), ["refused 415"]);
    assert_eq!(solo.last_request().headers().get(HeaderName::CONTENT_TYPE), Some("text/plain"));
}

/// RFC 3261 §18.1.1: 1,300 bytes.
#[test]
fn trap_29_what_is_too_long_for_a_datagram_asks_for_a_stream() {
    let mut agent = agent(1, to_peer());
    agent.send_message(Instant::ZERO, "sip:b@h", "text/plain", alloc::vec![b'a'; 1300]).unwrap();
    let Some(Output::Event(Event::Endpoint(SipEvent::ConnectWanted { transport, remote, .. }))) =
        agent.poll_output()
    else {
        panic!("a stream is wanted");
    };
    assert_eq!((transport, remote), (Transport::Tcp, addr(9)));
    // Without TCP the caller is told.
    let only_udp = endpoint::Config::new([Listener::new(Transport::Udp, addr(1))]);
    let config = Config::new("sip:a@h", only_udp)
        .unwrap()
        .with_outbound(Target::Address(Transport::Udp, addr(9)));
    let mut agent = UserAgent::new(Instant::ZERO, config, Seed::from_u64(1));
    let refused =
        agent.send_message(Instant::ZERO, "sip:b@h", "text/plain", alloc::vec![b'a'; 1300]);
    assert!(matches!(
        refused,
        Err(CommandError::Endpoint(endpoint::CommandError::TooLong(1301..)))
    ));
    assert!(agent.poll_output().is_none());
}

#[test]
fn requests_outside_of_calls_are_answered_handed_over_or_refused() {
    let mut solo = Solo::new(config(1).with_methods(["SUBSCRIBE"]).with_accept(["text/plain"]));
    for (method, extra, expected) in [
        ("OPTIONS", "", "200 OPTIONS"),
        ("OPTIONS", "Require: foo, timer\r\n", "420 OPTIONS"),
        ("MESSAGE", "Require: foo\r\n", "420 MESSAGE"),
        ("PUBLISH", "", "405 PUBLISH"),
        ("message", "", "405 message"),
        ("BYE", "", "481 BYE"),
        ("NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", "481 NOTIFY"),
        ("INFO", "", "481 INFO"),
    ] {
        let branch = format!("{method}{}", extra.len());
        let number = u32::try_from(extra.len()).unwrap() + 1;
        solo.receive(request(method, &branch, number, extra, ""));
        let response = solo.last_response();
        match response.view().status().as_u16() {
            405 => {
                let allow = response.headers().get(HeaderName::ALLOW).unwrap();
                assert!(allow.ends_with("MESSAGE, SUBSCRIBE"));
            }
            420 => assert_eq!(response.headers().get(HeaderName::UNSUPPORTED), Some("foo")),
            200 => {
                let headers = response.headers();
                assert_eq!(headers.get(HeaderName::CONTACT), Some("<sip:u1@192.0.2.1:5060>"));
                assert_eq!(headers.get(HeaderName::ACCEPT), Some("application/sdp, text/plain"));
            }
            _ => {}
        }
        assert_eq!(solo.sent(), [expected]);
        assert_eq!(solo.told(), Vec::<String>::new());
    }
    solo.receive(request("SUBSCRIBE", "s", 1, "Event: presence\r\n", ""));
    assert_eq!(solo.told(), ["request SUBSCRIBE"]);
    let Some(Event::Request { id, call: None, .. }) = solo.events.last().cloned() else { panic!() };
    solo.agent.respond(solo.now, id, StatusCode::BAD_EVENT).unwrap();
    solo.drain();
    assert_eq!(solo.sent(), ["489 SUBSCRIBE"]);
}

#[test]
fn a_message_within_a_call_says_so() {
    let mut net = Net::new((1..=2).map(config).collect());
    let (one, _) = net.up();
    let now = net.now();
    let text = Some(("text/plain", Bytes::from_static(b"psst")));
    net.at(1).request(now, one, Method::Message, text, &[]).unwrap();
    net.run(0);
    let took = net.took();
    assert_eq!(took, ["2 message in a call sip:u1@example.com text/plain psst", "1 reply 200"]);
}

/// RFC 3261 §8.2.2.1.
#[test]
fn user_report_6_a_tel_uri_is_taken_and_a_scheme_that_nobody_serves_is_416() {
    for (uri, status) in [("tel:+123", 200), ("sips:u1@h", 200), ("urn:service:sos", 416)] {
        let mut solo = Solo::new(config(1));
        let text = request("MESSAGE", "1", 1, "", "")
            .replace("sip:u1@192.0.2.1 SIP", &format!("{uri} SIP"));
        solo.receive(text);
        assert_eq!(solo.sent(), [format!("{status} MESSAGE")], "{uri}");
    }
}

/// RFC 3428 §4: how long it is worth showing goes with the message, and never a Contact.
#[test]
fn messages_say_how_long_they_are_worth_showing() {
    let mut solo = Solo::new(to_peer());
    let date = "Sat, 13 Nov 2010 23:29:00 GMT";
    let headers = [(HeaderName::DATE, date), (HeaderName::EXPIRES, "60")];
    let now = solo.now;
    solo.agent.send_message_with(now, "sip:b@h", "text/plain", "x", &headers).unwrap();
    solo.drain();
    let sent = solo.last_request();
    let life = crate::simple::Lifetime::of(sent.headers()).unwrap();
    assert_eq!(life.lasts, core::time::Duration::from_secs(60));
    assert_eq!(life.sent.map(|s| s.as_unix_secs()), Some(1_289_690_940));
    for headers in [(HeaderName::CONTACT, "<sip:a@h>"), (HeaderName::SUBJECT, "a\r\nb")] {
        assert!(
            solo.agent.send_message_with(now, "sip:c@h", "text/plain", "x", &[headers]).is_err()
        );
    }
}
