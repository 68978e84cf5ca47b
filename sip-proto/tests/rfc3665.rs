//! The flows of RFC 3665 between our own machines. The proxies of §3.2 and §3.3 are played by a
//! small stateless one of the tests and by our own stateful one; what §3.5 rewrites in the middle (the
//! media addresses of a gateway) is the gateway's, which is no part of this crate: its signalling is
//! shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_in_result,
    reason = "tests state what must hold"
)]

mod ladder;

use ladder::{Ladder, SECOND, Verdict, address, credential, has_credentials, over, sdp};
use sip_proto::proxy::Hop;
use sip_proto::ua::{Ending, Event, Phase};
use sip_proto::{HeaderName, Method, StatusCode};

/// Whom Alice calls, by the address that is known of him.
const BOB: &str = "sip:bob@biloxi.example.com";

fn with_registrar() -> Ladder {
    Ladder::new()
        .agent("bob", "bob@biloxi.example.com", |c| {
            c.with_outbound(over(2)).with_credential(credential("bob"))
        })
        .home("server", "biloxi.example.com")
}

/// Bob is registered already; that is no part of the ladder.
fn registered() -> Ladder {
    let mut net = with_registrar();
    let now = net.now;
    net.at("bob").register(now).unwrap();
    net.steps();
    net
}

#[test]
fn section_2_1_successful_new_registration() {
    let mut net = with_registrar();
    let now = net.now;
    net.at("bob").register(now).unwrap();
    net.settle();
    let request = net.last("REGISTER").clone();
    assert_eq!(request.view().uri_bytes(), b"sip:biloxi.example.com");
    assert!(request.headers().get(HeaderName::AUTHORIZATION).is_some());
    let ladder = ["bob server REGISTER", "server bob 401", "bob server REGISTER", "server bob 200"];
    assert_eq!(net.steps(), ladder);
    assert!(matches!(net.events("bob")[..], [Event::Registered { bindings: 1, .. }]));
}

#[test]
fn section_2_2_update_of_contact_list() {
    let mut net = registered();
    let now = net.now;
    // The realm is known: one request is enough, with the same Call-ID and a higher number.
    net.at("bob").register(now).unwrap();
    net.settle();
    let again = net.last("REGISTER");
    assert_eq!(again.headers().get(HeaderName::CSEQ), Some("3 REGISTER"));
    assert_eq!(net.steps(), ["bob server REGISTER", "server bob 200"]);
    assert_eq!(net.home_at("server").bindings("bob@biloxi.example.com").len(), 1);
}

#[test]
fn section_2_3_request_for_current_contact_list() {
    let mut net = registered();
    let now = net.now;
    net.events("bob");
    let registrar = "sip:biloxi.example.com";
    let asked = net.at("bob").ask(now, registrar, Method::Register, None, &[]).unwrap();
    assert_eq!(net.steps(), ["bob server REGISTER", "server bob 200"]);
    let Some(Event::Reply { request, response: Some(response), .. }) = net.events("bob").pop()
    else {
        panic!("a reply")
    };
    assert_eq!(request, asked);
    let contacts: Vec<_> = response.headers().all(HeaderName::CONTACT).collect();
    assert_eq!(contacts, ["<sip:bob@192.0.2.1:5060>;expires=3600"]);
    let bind = [(HeaderName::CONTACT, "<sip:x@y>")];
    assert!(net.at("bob").ask(now, registrar, Method::Register, None, &bind).is_err());
}

#[test]
fn section_2_4_cancellation_of_registration() {
    let mut net = registered();
    let now = net.now;
    net.at("bob").unregister(now).unwrap();
    net.settle();
    assert_eq!(net.last("REGISTER").headers().get(HeaderName::EXPIRES), Some("0"));
    assert_eq!(net.steps(), ["bob server REGISTER", "server bob 200"]);
    assert!(net.home_at("server").bindings("bob@biloxi.example.com").is_empty());
    assert!(matches!(net.events("bob").last(), Some(Event::Unregistered)));
}

#[test]
fn section_2_5_unsuccessful_registration() {
    let mut net = with_registrar();
    net.password = "another";
    let now = net.now;
    net.at("bob").register(now).unwrap();
    let ladder = ["bob server REGISTER", "server bob 401", "bob server REGISTER", "server bob 401"];
    assert_eq!(net.steps(), ladder);
    let events = net.events("bob");
    let failed = Event::RegistrationFailed {
        status: Some(StatusCode::UNAUTHORIZED),
        retrying: false,
        flow: 0,
    };
    assert_eq!(format!("{events:?}"), format!("{:?}", [failed]));
}

fn two() -> Ladder {
    Ladder::new().agent("alice", "alice@atlanta.example.com", |c| c).agent(
        "bob",
        "bob@biloxi.example.com",
        |c| c,
    )
}

#[test]
fn section_3_1_successful_session_establishment() {
    let mut net = two();
    let uri = net.uri("bob");
    net.call("alice", &uri);
    let bob = net.pick_up("bob");
    net.hang_up("bob", bob);
    let ladder = [
        "alice bob INVITE",
        "bob alice 180",
        "bob alice 200",
        "alice bob ACK",
        "bob alice BYE",
        "alice bob 200",
    ];
    assert_eq!(net.steps(), ladder);
}

/// Alice knows her own proxy only; both stay in the dialog.
fn through_two_proxies(realm: bool) -> Ladder {
    let alice = "alice@atlanta.example.com";
    Ladder::new()
        .agent("alice", alice, |c| c.with_outbound(over(3)).with_credential(credential("alice")))
        .agent("bob", "bob@biloxi.example.com", |c| c)
        .proxy("proxy1", |p| {
            let p = p.with_domain("biloxi.example.com", 4);
            if realm { p.with_realm("atlanta.example.com") } else { p }
        })
        .proxy("proxy2", |p| {
            let p = p.with_user(BOB, "sip:bob@192.0.2.2:5060");
            if realm { p.with_realm("biloxi.example.com") } else { p }
        })
}

#[test]
fn section_3_2_session_establishment_through_two_proxies() {
    let mut net = through_two_proxies(false);
    net.call("alice", BOB);
    let bob = net.pick_up("bob");
    net.hang_up("bob", bob);
    let up = |what: &str| {
        [("alice", "proxy1"), ("proxy1", "proxy2"), ("proxy2", "bob")]
            .map(|(a, b)| format!("{a} {b} {what}"))
    };
    let down = |what: &str| {
        [("bob", "proxy2"), ("proxy2", "proxy1"), ("proxy1", "alice")]
            .map(|(a, b)| format!("{a} {b} {what}"))
    };
    let ladder =
        [up("INVITE"), down("180"), down("200"), up("ACK"), down("BYE"), up("200")].concat();
    assert_eq!(net.steps(), ladder);
}

#[test]
fn section_3_3_session_with_multiple_proxy_authentication() {
    let mut net = through_two_proxies(true);
    net.call("alice", BOB);
    net.settle();
    let invite = net.last("INVITE");
    assert_eq!(invite.headers().all(HeaderName::PROXY_AUTHORIZATION).count(), 2);
    assert_eq!(invite.headers().get(HeaderName::CSEQ), Some("3 INVITE"));
    net.pick_up("bob");
    let ladder = net.steps();
    assert_eq!(ladder[..3], ["alice proxy1 INVITE", "proxy1 alice 407", "alice proxy1 ACK"]);
    let second = [
        "alice proxy1 INVITE",
        "proxy1 proxy2 INVITE",
        "proxy2 proxy1 407",
        "proxy1 alice 407",
        "alice proxy1 ACK",
    ];
    let rest: Vec<&str> = ladder[3..8].iter().map(String::as_str).collect();
    assert_eq!(rest, second);
    assert_eq!(ladder.last().unwrap(), "proxy2 bob ACK");
}

/// Bob's proxy, which wants credentials when `realm` is one.
fn to_bob(realm: Option<&'static str>) -> impl FnMut(&sip_proto::RequestBuf, &str) -> Verdict {
    move |request, uri| match realm {
        Some(realm) if !has_credentials(request, realm) => Verdict::Challenge(realm),
        _ if uri == BOB => Verdict::To(Hop::new(over(2)).with_uri("sip:bob@192.0.2.2:5060")),
        _ => Verdict::Refuse(404),
    }
}

/// Alice knows the first proxy, which knows the second, which knows where Bob is.
fn through_two_stateful(bob: impl FnOnce(Ladder) -> Ladder) -> Ladder {
    let alice = "alice@atlanta.example.com";
    bob(Ladder::new().agent("alice", alice, |c| c.with_outbound(over(3))))
        .relay("proxy1", true, |_, _| Verdict::To(Hop::new(over(4))))
        .relay("proxy2", true, to_bob(None))
}

/// The same as §3.2 through stateful proxies: each hop has transactions of its own, and the ACK of a
/// 2xx goes all the way.
#[test]
fn section_3_2_through_two_stateful_proxies() {
    let mut net = through_two_stateful(|net| net.agent("bob", "bob@biloxi.example.com", |c| c));
    net.call("alice", BOB);
    let bob = net.pick_up("bob");
    let invite = net.last("INVITE");
    let record: Vec<&str> = invite.headers().all(HeaderName::RECORD_ROUTE).collect();
    assert_eq!(record, ["<sip:192.0.2.4:5060;lr>", "<sip:192.0.2.3:5060;lr>"]);
    assert_eq!(invite.headers().get(HeaderName::MAX_FORWARDS), Some("68"));
    net.hang_up("bob", bob);
    let way = ["alice", "proxy1", "proxy2", "bob"];
    let up = |what: &str| way.windows(2).map(|w| format!("{} {} {what}", w[0], w[1])).collect();
    let down =
        |what: &str| way.windows(2).rev().map(|w| format!("{} {} {what}", w[1], w[0])).collect();
    let ladder: Vec<Vec<String>> =
        vec![up("INVITE"), down("180"), down("200"), up("ACK"), down("BYE"), up("200")];
    assert_eq!(net.steps(), ladder.concat());
    net.wait(SECOND * 40);
    for proxy in ["proxy1", "proxy2"] {
        assert_eq!(net.relay_at(proxy).forwarding(), 0);
        assert_eq!(net.relay_at(proxy).endpoint().transactions(), 0);
    }
}

/// F1 to F7: the first proxy is silent, seven times; F8 on: the same INVITE goes to the second.
#[test]
fn section_3_4_successful_session_with_proxy_failure() {
    let mut net = Ladder::new()
        .agent("alice", "alice@atlanta.example.com", |c| {
            c.with_outbound(over(3))
                .with_outbound_spare(over(4))
                .with_credential(credential("alice"))
        })
        .agent("bob", "bob@biloxi.example.com", |c| c)
        .dead("proxy1")
        .relay("proxy2", true, to_bob(Some("biloxi.example.com")));
    net.call("alice", BOB);
    net.wait(SECOND * 32);
    let bob = net.pick_up("bob");
    let invite = net.last("INVITE").clone();
    net.hang_up("bob", bob);
    let ladder = net.steps();
    assert_eq!(ladder[..7], vec!["alice proxy1 INVITE"; 7]);
    let rest: Vec<&str> = ladder[7..].iter().map(String::as_str).collect();
    let expected = [
        "alice proxy2 INVITE",
        "proxy2 alice 407",
        "alice proxy2 ACK",
        "alice proxy2 INVITE",
        "proxy2 bob INVITE",
        "bob proxy2 180",
        "proxy2 alice 180",
        "bob proxy2 200",
        "proxy2 alice 200",
        "alice proxy2 ACK",
        "proxy2 bob ACK",
        "bob proxy2 BYE",
        "proxy2 alice BYE",
        "alice proxy2 200",
        "proxy2 bob 200",
    ];
    assert_eq!(rest, expected);
    // F1 and F8 are one request: the credentials alone made another number.
    assert_eq!(invite.headers().get(HeaderName::CSEQ), Some("2 INVITE"));
    // The one that answers is kept to.
    net.call("alice", BOB);
    assert_eq!(net.steps()[0], "alice proxy2 INVITE");
}

/// The gateway is next to Alice by a preloaded Route and stays in the dialog; the proxy behind it
/// does not.
#[test]
fn section_3_5_session_through_a_gateway() {
    let mut net = Ladder::new()
        .agent("alice", "alice@atlanta.example.com", |c| c.with_outbound(over(3)))
        .agent("bob", "bob@biloxi.example.com", |c| c)
        .relay("alg", true, |_, _| Verdict::To(Hop::new(over(4))))
        .relay("proxy2", false, to_bob(None));
    let (gateway, now) = (format!("<sip:{};lr>", address(3)), net.now);
    let route = [(HeaderName::ROUTE, gateway.as_str())];
    let alice = net.at("alice").call_with(now, BOB, sdp("offer"), &route).unwrap();
    net.pick_up("bob");
    // The gateway took its Route away.
    assert_eq!(net.last("INVITE").headers().get(HeaderName::ROUTE), None);
    net.hang_up("alice", alice);
    let ladder = [
        "alice alg INVITE",
        "alg proxy2 INVITE",
        "proxy2 bob INVITE",
        "bob proxy2 180",
        "proxy2 alg 180",
        "alg alice 180",
        "bob proxy2 200",
        "proxy2 alg 200",
        "alg alice 200",
        "alice alg ACK",
        "alg bob ACK",
        "alice alg BYE",
        "alg bob BYE",
        "bob alg 200",
        "alg alice 200",
    ];
    assert_eq!(net.steps(), ladder);
}

/// §3.8 through stateful proxies: the CANCEL goes hop by hop, and each has an answer of its own.
#[test]
fn section_3_8_unsuccessful_no_answer_through_two_stateful_proxies() {
    let mut net = through_two_stateful(|net| net.agent("bob", "bob@biloxi.example.com", |c| c));
    let alice = net.call("alice", BOB);
    net.ring("bob");
    net.steps();
    net.hang_up("alice", alice);
    let ladder = [
        "alice proxy1 CANCEL",
        "proxy1 alice 200",
        "proxy1 proxy2 CANCEL",
        "proxy2 proxy1 200",
        "proxy2 bob CANCEL",
        "bob proxy2 200",
        "bob proxy2 487",
        "proxy2 bob ACK",
        "proxy2 proxy1 487",
        "proxy1 proxy2 ACK",
        "proxy1 alice 487",
        "alice proxy1 ACK",
    ];
    assert_eq!(net.steps(), ladder);
    let ended = |e: &Event| matches!(e, Event::Ended { why: Ending::Cancelled, .. });
    assert!(net.events("bob").iter().any(ended));
}

/// §3.9 and §3.11 through two stateful proxies: a refusal is acknowledged hop by hop.
#[test]
fn section_3_9_unsuccessful_busy_through_two_stateful_proxies() {
    let mut net = through_two_stateful(|net| net.agent("bob", "bob@biloxi.example.com", |c| c));
    net.call("alice", BOB);
    net.reject("bob", StatusCode::BUSY_HERE);
    let ladder = [
        "alice proxy1 INVITE",
        "proxy1 proxy2 INVITE",
        "proxy2 bob INVITE",
        "bob proxy2 486",
        "proxy2 bob ACK",
        "proxy2 proxy1 486",
        "proxy1 proxy2 ACK",
        "proxy1 alice 486",
        "alice proxy1 ACK",
    ];
    assert_eq!(net.steps(), ladder);
}

/// §3.10 through two stateful proxies: the last one gives up and says 408.
#[test]
fn section_3_10_no_response_through_two_stateful_proxies() {
    let mut net = through_two_stateful(|net| net.dead("bob"));
    net.call("alice", BOB);
    net.wait(SECOND * 40);
    let ladder = net.steps();
    assert_eq!(ladder.iter().filter(|l| *l == "proxy2 bob INVITE").count(), 7);
    let rest: Vec<&str> = ladder.iter().rev().take(4).rev().map(String::as_str).collect();
    let expected =
        ["proxy2 proxy1 408", "proxy1 proxy2 ACK", "proxy1 alice 408", "alice proxy1 ACK"];
    assert_eq!(rest, expected);
    let events = net.events("alice");
    let why = Ending::Refused(StatusCode::REQUEST_TIMEOUT);
    assert!(events.iter().any(|e| matches!(e, Event::Ended { why: w, .. } if *w == why)));
}

/// §3.6, with the redirect server as another agent, and the description in the ACK.
#[test]
fn section_3_6_session_via_redirect_with_sdp_in_ack() {
    let mut net = two().agent("redirect", "bob@biloxi.example.com", |c| c);
    let (redirect, bob, now) = (net.uri("redirect"), net.uri("bob"), net.now);
    let alice = net.at("alice").call(now, &redirect, None).unwrap();
    let asked = net.newest("redirect");
    let best = format!("<{bob}>;q=0.7");
    let contacts = ["<tel:+1>", "<sip:gone@192.0.2.3>;q=0.1", &best];
    net.at("redirect").redirect(now, asked, &contacts).unwrap();
    net.settle();
    let invite = net.last("INVITE");
    assert_eq!(invite.view().uri_bytes(), bob.as_bytes());
    assert_eq!(invite.headers().get(HeaderName::CSEQ), Some("2 INVITE"));
    let to = invite.headers().get(HeaderName::TO);
    assert_eq!(to, Some(format!("<{redirect}>").as_str()));
    net.pick_up("bob");
    net.at("alice").accept(now, alice, sdp("in the ACK")).unwrap();
    net.settle();
    assert_eq!(net.last("ACK").body(), "in the ACK");
    let ladder = [
        "alice redirect INVITE",
        "redirect alice 302",
        "alice redirect ACK",
        "alice bob INVITE",
        "bob alice 180",
        "bob alice 200",
        "alice bob ACK",
    ];
    assert_eq!(net.steps(), ladder);
}

#[test]
fn section_3_7_session_with_reinvite() {
    let mut net = two();
    let (alice, bob) = net.talk("alice", "bob");
    let now = net.now;
    net.at("bob").reinvite(now, bob, sdp("new address")).unwrap();
    net.settle();
    net.at("alice").accept(now, alice, sdp("fine")).unwrap();
    net.settle();
    net.hang_up("alice", alice);
    let ladder =
        ["bob alice INVITE", "alice bob 200", "bob alice ACK", "alice bob BYE", "bob alice 200"];
    assert_eq!(net.steps(), ladder);
}

#[test]
fn section_3_8_unsuccessful_no_answer() {
    let mut net = two();
    let uri = net.uri("bob");
    let alice = net.call("alice", &uri);
    net.ring("bob");
    net.hang_up("alice", alice);
    let ladder = [
        "alice bob INVITE",
        "bob alice 180",
        "alice bob CANCEL",
        "bob alice 200",
        "bob alice 487",
        "alice bob ACK",
    ];
    assert_eq!(net.steps(), ladder);
    let ended = |e: &Event| matches!(e, Event::Ended { why: Ending::Cancelled, .. });
    assert!(net.events("bob").iter().any(ended));
}

#[test]
fn section_3_9_unsuccessful_busy() {
    let mut net = two();
    let uri = net.uri("bob");
    let alice = net.call("alice", &uri);
    net.reject("bob", StatusCode::BUSY_HERE);
    assert_eq!(net.steps(), ["alice bob INVITE", "bob alice 486", "alice bob ACK"]);
    assert_eq!(net.at("alice").phase(alice), Phase::Over);
}

/// The INVITE goes out seven times in 32 seconds, and that is all.
#[test]
fn section_3_10_unsuccessful_no_response_from_user_agent() {
    let mut net = Ladder::new().agent("alice", "alice@atlanta.example.com", |c| c).dead("bob");
    let uri = net.uri("bob");
    net.call("alice", &uri);
    net.wait(SECOND * 31).wait(SECOND - SECOND / 1000);
    assert!(net.events("alice").is_empty());
    net.wait(SECOND / 1000);
    assert_eq!(net.steps(), vec!["alice bob INVITE"; 7]);
    let events = net.events("alice");
    assert!(matches!(events[..], [Event::Ended { why: Ending::TimedOut, .. }]), "{events:?}");
    assert_eq!(net.at("alice").poll_timeout(), None);
}

#[test]
fn section_3_11_unsuccessful_temporarily_unavailable() {
    let mut net = two();
    let uri = net.uri("bob");
    net.call("alice", &uri);
    let bob = net.ring("bob");
    net.hang_up("bob", bob);
    let ladder = ["alice bob INVITE", "bob alice 180", "bob alice 480", "alice bob ACK"];
    assert_eq!(net.steps(), ladder);
}
