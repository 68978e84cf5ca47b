//! The services of RFC 5359 between our own agents. Each stands where the RFC's drawing has agents
//! alone; §2.7 to §2.9, §2.12 and §2.13 have a proxy or a screening server in the middle, whose part
//! is done here by a redirection of the agent. §2.14 has a proxy of ours. Subscriptions to
//! dialogs (§2.15 to §2.17) are answered by the application: only the calls are shown.
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

use ladder::{Ladder, SECOND, Verdict, credential, has_credentials, over, sdp};
use sip_proto::endpoint::TransactionId;
use sip_proto::ua::{CallRef, Ending, Event, Phase};
use sip_proto::{HeaderName, Method, RequestBuf, StatusCode};

fn three() -> Ladder {
    Ladder::new()
        .agent("alice", "alice@example.com", |c| c.with_join(true))
        .agent("bob", "bob@example.com", |c| c.with_join(true))
        .agent("carol", "carol@example.com", |c| c.with_join(true))
}

/// One side changes the session, the other accepts.
fn change(net: &mut Ladder, from: (&str, CallRef), to: (&str, CallRef), text: &str) {
    let now = net.now;
    net.at(from.0).reinvite(now, from.1, sdp(text)).unwrap();
    net.settle();
    net.at(to.0).accept(now, to.1, sdp("agreed")).unwrap();
    net.settle();
}

fn reinvite(from: &str, to: &str) -> [String; 3] {
    [format!("{from} {to} INVITE"), format!("{to} {from} 200"), format!("{from} {to} ACK")]
}

fn bye(from: &str, to: &str) -> [String; 2] {
    [format!("{from} {to} BYE"), format!("{to} {from} 200")]
}

fn setup(from: &str, to: &str) -> [String; 4] {
    [
        format!("{from} {to} INVITE"),
        format!("{to} {from} 180"),
        format!("{to} {from} 200"),
        format!("{from} {to} ACK"),
    ]
}

#[test]
fn section_2_1_call_hold() {
    let mut net = three();
    let (alice, bob) = net.talk("alice", "bob");
    change(&mut net, ("bob", bob), ("alice", alice), "sendonly");
    change(&mut net, ("bob", bob), ("alice", alice), "sendrecv");
    net.hang_up("alice", alice);
    let hold = reinvite("bob", "alice");
    assert_eq!(net.steps(), [&hold[..], &hold[..], &bye("alice", "bob")[..]].concat());
}

#[test]
fn section_2_2_consultation_hold() {
    let mut net = three();
    let (alice, bob) = net.talk("alice", "bob");
    change(&mut net, ("bob", bob), ("alice", alice), "sendonly");
    let to_carol = net.uri("carol");
    let second = net.call("bob", &to_carol);
    net.pick_up("carol");
    net.hang_up("bob", second);
    change(&mut net, ("bob", bob), ("alice", alice), "sendrecv");
    net.hang_up("alice", alice);
    let ladder = [
        &reinvite("bob", "alice")[..],
        &setup("bob", "carol")[..],
        &bye("bob", "carol")[..],
        &reinvite("bob", "alice")[..],
        &bye("alice", "bob")[..],
    ];
    assert_eq!(net.steps(), ladder.concat());
}

/// The music server answers Alice's offer, which Bob carries from one to the other.
#[test]
fn section_2_3_music_on_hold() {
    let mut net = three();
    let (alice, bob) = net.talk("alice", "bob");
    let now = net.now;
    // Bob asks Alice for an offer, and offers it to the music server.
    net.at("bob").reinvite(now, bob, None).unwrap();
    net.settle();
    net.at("alice").accept(now, alice, sdp("offer of alice")).unwrap();
    net.settle();
    let offer = net.events("bob").into_iter().find_map(|e| match e {
        Event::Description { sdp, .. } => Some(sdp),
        _ => None,
    });
    assert_eq!(offer.as_deref(), Some(&b"offer of alice"[..]));
    let to_music = net.uri("carol");
    let music = net.at("bob").call(now, &to_music, offer).unwrap();
    let answered = net.newest("carol");
    net.at("carol").answer(now, answered, sdp("music")).unwrap();
    net.settle();
    net.at("bob").accept(now, bob, sdp("music")).unwrap();
    net.settle();
    assert_eq!(net.last("ACK").body(), "music");
    net.hang_up("bob", music);
    let ladder = net.steps();
    let words: Vec<&str> = ladder.iter().map(String::as_str).collect();
    let expected = [
        "bob alice INVITE",
        "alice bob 200",
        "bob carol INVITE",
        "carol bob 200",
        "bob carol ACK",
        "bob alice ACK",
        "bob carol BYE",
        "carol bob 200",
    ];
    assert_eq!(words, expected);
    assert_eq!(net.at("bob").phase(bob), Phase::Up);
}

/// The REFER that an agent was told of.
fn referred(net: &mut Ladder, name: &str) -> (CallRef, TransactionId, RequestBuf) {
    let events = net.events(name);
    let found = events.into_iter().find_map(|e| match e {
        Event::Referred { call, id, request, .. } => Some((call, id, request)),
        _ => None,
    });
    found.expect("a REFER")
}

#[test]
fn section_2_4_transfer_unattended() {
    let mut net = three();
    // Bob, the transferee, called Alice.
    let (bob, alice) = net.talk("bob", "alice");
    let (carol, now) = (net.uri("carol"), net.now);
    net.at("alice").refer(now, alice, &carol).unwrap();
    let (call, id, request) = referred(&mut net, "bob");
    assert_eq!(call, bob);
    let refer = net.at("bob").refer_accept(now, bob, id).unwrap();
    net.settle();
    net.hang_up("alice", alice);
    let third = net.at("bob").call_referred(now, refer, &request, sdp("offer")).unwrap();
    net.settle();
    let by = net.last("INVITE").headers().get(HeaderName::REFERRED_BY);
    assert_eq!(by, Some("<sip:alice@example.com>"));
    net.pick_up("carol");
    let ladder = net.steps();
    let told = |status: &str| ["bob alice NOTIFY".to_string(), format!("alice bob {status}")];
    let begin = [&["alice bob REFER".to_string(), "bob alice 202".into()][..], &told("200")[..]];
    assert_eq!(ladder[..4], begin.concat());
    assert_eq!(ladder[4..6], bye("alice", "bob"));
    // F11 to F16; NOTIFYs of the progress cross the rest.
    let rest: Vec<_> = ladder[6..].iter().filter(|s| !s.contains("alice")).cloned().collect();
    assert_eq!(rest, setup("bob", "carol"));
    let outcome = net.events("alice").into_iter().rev().find_map(|e| match e {
        Event::ReferProgress { status, over, .. } => Some((status, over)),
        _ => None,
    });
    assert_eq!(outcome, Some((Some(StatusCode::OK), true)));
    assert_eq!(net.at("bob").phase(third), Phase::Up);
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace(';', "%3B").replace('=', "%3D").replace('@', "%40")
}

#[test]
fn section_2_5_transfer_attended() {
    let mut net = three();
    let (alice, bob) = net.talk("alice", "bob");
    change(&mut net, ("alice", alice), ("bob", bob), "sendonly");
    let (consult, carol) = net.talk("alice", "carol");
    change(&mut net, ("alice", consult), ("carol", carol), "sendonly");
    net.steps();
    let replaces = escaped(&net.at("alice").replaces(consult).unwrap());
    let to = format!("{}?Replaces={replaces}", net.uri("carol"));
    let now = net.now;
    net.at("alice").refer(now, alice, &to).unwrap();
    let (_, id, request) = referred(&mut net, "bob");
    let refer = net.at("bob").refer_accept(now, bob, id).unwrap();
    let third = net.at("bob").call_referred(now, refer, &request, sdp("offer")).unwrap();
    let replacing = net.newest("carol");
    net.at("carol").answer(now, replacing, sdp("answer")).unwrap();
    net.settle();
    net.hang_up("alice", alice);
    let ladder = net.steps();
    for step in ["bob carol INVITE", "carol bob 200", "bob carol ACK", "carol alice BYE"] {
        assert!(ladder.iter().any(|s| s == step), "{step}: {ladder:?}");
    }
    assert_eq!(ladder[ladder.len() - 2..], bye("alice", "bob"));
    let ends: Vec<_> = net
        .events("carol")
        .into_iter()
        .filter_map(|e| match e {
            Event::Ended { call, why } => Some((call, why)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(carol, Ending::Replaced)]);
    assert_eq!(net.at("bob").phase(third), Phase::Up);
}

/// Bob sends what to replace in a MESSAGE.
#[test]
fn section_2_6_transfer_instant_messaging() {
    let mut net = three();
    let (alice, bob) = net.talk("alice", "bob");
    let replaces = net.at("bob").replaces(bob).unwrap();
    // Who receives it sees Alice's tag as the remote one.
    let id = net.at("alice").dialog(alice).unwrap().id().clone();
    assert!(replaces.contains(&format!("to-tag={}", id.local_tag())));
    let (carol, to_alice, now) = (net.uri("carol"), net.uri("alice"), net.now);
    let text = format!("{to_alice}?Replaces={}", escaped(&replaces));
    net.at("bob").send_message(now, &carol, "text/plain", text.clone()).unwrap();
    let Some(Event::Message { body, .. }) = net.events("carol").pop() else { panic!() };
    assert_eq!(body, text.as_bytes());
    let headers = [(HeaderName::REPLACES, replaces.as_str())];
    net.at("carol").call_with(now, &to_alice, sdp("offer"), &headers).unwrap();
    let new = net.newest("alice");
    net.at("alice").answer(now, new, sdp("answer")).unwrap();
    let ladder = net.steps();
    let expected = [
        "bob carol MESSAGE",
        "carol bob 200",
        "carol alice INVITE",
        "alice carol 200",
        "alice bob BYE",
        "carol alice ACK",
        "bob alice 200",
    ];
    assert_eq!(ladder, expected);
}

/// §2.7, §2.8 and §2.9: at once, when busy, and when nobody answers.
#[test]
fn section_2_7_to_2_9_call_forwarding() {
    for rings in [false, true] {
        let mut net = three();
        let (bob, carol, now) = (net.uri("bob"), net.uri("carol"), net.now);
        net.call("alice", &bob);
        let asked = net.newest("bob");
        if rings {
            net.at("bob").ring(now, asked, StatusCode::RINGING, None).unwrap();
            net.wait(SECOND * 10);
        }
        let now = net.now;
        net.at("bob").redirect(now, asked, &[&format!("<{carol}>")]).unwrap();
        net.pick_up("carol");
        let ladder = net.steps();
        let mut expected = vec!["alice bob INVITE".to_string()];
        if rings {
            expected.push("bob alice 180".into());
        }
        expected.extend(["bob alice 302".to_string(), "alice bob ACK".into()]);
        expected.extend(setup("alice", "carol"));
        assert_eq!(ladder, expected);
    }
}

/// Alice mixes; she is the one that adds Carol.
#[test]
fn section_2_10_three_way_conference_third_party_is_added() {
    let mut net = three();
    let (alice, bob) = net.talk("alice", "bob");
    change(&mut net, ("alice", alice), ("bob", bob), "mixed");
    let (carol, now) = (net.uri("carol"), net.now);
    net.at("alice").call(now, &carol, sdp("mixed")).unwrap();
    net.pick_up("carol");
    let ladder = [&reinvite("alice", "bob")[..], &setup("alice", "carol")[..]].concat();
    assert_eq!(net.steps(), ladder);
    assert_eq!(net.at("alice").calls().count(), 2);
}

#[test]
fn section_2_11_three_way_conference_third_party_joins() {
    let mut net = three();
    let (alice, bob) = net.talk("alice", "bob");
    // As Bob's dialog is named for others: his tag is the one to match as local.
    let id = net.at("bob").dialog(bob).unwrap().id().clone();
    let join =
        format!("{};to-tag={};from-tag={}", id.call_id(), id.local_tag(), id.remote_tag().unwrap());
    let (to_bob, now) = (net.uri("bob"), net.now);
    net.at("carol").call_with(now, &to_bob, sdp("x"), &[(HeaderName::JOIN, &join)]).unwrap();
    let third = net.newest("bob");
    let events = net.events("bob");
    let joins = events.iter().find_map(|e| match e {
        Event::Incoming { joins, .. } => Some(*joins),
        _ => None,
    });
    assert_eq!(joins, Some(Some(bob)));
    net.at("bob").ring(now, third, StatusCode::RINGING, None).unwrap();
    net.settle();
    change(&mut net, ("bob", bob), ("alice", alice), "mixed");
    net.at("bob").answer(now, third, sdp("mixed")).unwrap();
    let ladder = net.steps();
    let words: Vec<&str> = ladder.iter().map(String::as_str).collect();
    let expected = [
        "carol bob INVITE",
        "bob carol 180",
        "bob alice INVITE",
        "alice bob 200",
        "bob alice ACK",
        "bob carol 200",
        "carol bob ACK",
    ];
    assert_eq!(words, expected);
}

/// Find-me: the places are tried one after the other, the most preferred first; each that refuses
/// leads to the next.
#[test]
fn section_2_12_find_me() {
    let mut net = three().agent("dave", "dave@example.com", |c| c);
    let (bob, carol, dave, now) = (net.uri("bob"), net.uri("carol"), net.uri("dave"), net.now);
    net.call("alice", &bob);
    let asked = net.newest("bob");
    let (first, second) = (format!("<{carol}>;q=0.9"), format!("<{dave}>;q=0.5"));
    net.at("bob").redirect(now, asked, &[&second, &first]).unwrap();
    let at_carol = net.newest("carol");
    net.at("carol").reject(now, at_carol, StatusCode::BUSY_HERE).unwrap();
    net.pick_up("dave");
    let words = net.steps();
    let begin = [
        "alice bob INVITE",
        "bob alice 302",
        "alice bob ACK",
        "alice carol INVITE",
        "carol alice 486",
        "alice carol ACK",
    ];
    assert_eq!(words[..6], begin);
    assert_eq!(words[6..], setup("alice", "dave"));
}

/// Bob's screening refuses a caller (603 there; the refusal is final whatever else is known).
#[test]
fn section_2_13_incoming_call_screening() {
    let mut net = three();
    let (bob, now) = (net.uri("bob"), net.now);
    let alice = net.call("alice", &bob);
    let asked = net.newest("bob");
    net.at("bob").reject(now, asked, StatusCode::DECLINE).unwrap();
    assert_eq!(net.steps(), ["alice bob INVITE", "bob alice 603", "alice bob ACK"]);
    assert_eq!(net.at("alice").phase(alice), Phase::Over);
}

/// F1 to F6: the proxy asks who calls, and then says that Bob is not to be called.
#[test]
fn section_2_14_outgoing_call_screening() {
    let mut net = Ladder::new()
        .agent("alice", "alice@atlanta.example.com", |c| {
            c.with_outbound(over(2)).with_credential(credential("alice"))
        })
        .relay("proxy", true, |request, uri| match uri {
            _ if !has_credentials(request, "atlanta.example.com") => {
                Verdict::Challenge("atlanta.example.com")
            }
            "sip:bob@biloxi.example.com" => Verdict::Refuse(403),
            _ => Verdict::Refuse(404),
        });
    net.call("alice", "sip:bob@biloxi.example.com");
    let ladder = [
        "alice proxy INVITE",
        "proxy alice 407",
        "alice proxy ACK",
        "alice proxy INVITE",
        "proxy alice 403",
        "alice proxy ACK",
    ];
    assert_eq!(net.steps(), ladder);
    let why = Ending::Refused(StatusCode::FORBIDDEN);
    let events = net.events("alice");
    assert!(events.iter().any(|e| matches!(e, Event::Ended { why: w, .. } if *w == why)));
}

/// F1 to F15: the park server takes Bob's place; F20 to F24: Carol takes the park server's.
#[test]
fn section_2_15_call_park() {
    let mut net = three().agent("park", "park@example.com", |c| c);
    let (alice, bob) = net.talk("alice", "bob");
    let now = net.now;
    // Bob refers the park server to Alice. REFERs go in calls here, so he calls it first.
    let (to_park, parked) = net.talk("bob", "park");
    let replaces = escaped(&net.at("bob").replaces(bob).unwrap());
    let to = format!("{}?Replaces={replaces}", net.uri("alice"));
    net.at("bob").refer(now, to_park, &to).unwrap();
    let (_, id, request) = referred(&mut net, "park");
    let refer = net.at("park").refer_accept(now, parked, id).unwrap();
    let holds = net.at("park").call_referred(now, refer, &request, sdp("music")).unwrap();
    let new = net.newest("alice");
    net.at("alice").answer(now, new, sdp("answer")).unwrap();
    net.settle();
    assert_eq!(net.at("alice").phase(new), Phase::Up);
    assert_eq!(net.at("alice").phase(alice), Phase::Over);
    net.hang_up("bob", to_park);
    net.steps();
    // Carol takes it back.
    let replaces = net.at("park").replaces(holds).unwrap();
    let (to_alice, headers) = (net.uri("alice"), [(HeaderName::REPLACES, replaces.as_str())]);
    net.at("carol").call_with(now, &to_alice, sdp("offer"), &headers).unwrap();
    let last = net.newest("alice");
    net.at("alice").answer(now, last, sdp("answer")).unwrap();
    let words = net.steps();
    let expected = [
        "carol alice INVITE",
        "alice carol 200",
        "alice park BYE",
        "carol alice ACK",
        "park alice 200",
    ];
    assert_eq!(words, expected);
    assert_eq!(net.at("park").phase(holds), Phase::Over);
}

/// Carol takes a call that rings at Bob's: an early dialog is replaced, and the INVITE cancelled.
#[test]
fn section_2_16_call_pickup() {
    let mut net = three();
    let (bob, to_alice, now) = (net.uri("bob"), net.uri("alice"), net.now);
    let alice = net.call("alice", &bob);
    let rings = net.newest("bob");
    net.at("bob").ring(now, rings, StatusCode::RINGING, None).unwrap();
    net.settle();
    let replaces = format!("{};early-only", net.at("bob").replaces(rings).unwrap());
    net.steps();
    let headers = [(HeaderName::REPLACES, replaces.as_str())];
    let picked = net.at("carol").call_with(now, &to_alice, sdp("offer"), &headers).unwrap();
    let new = net.newest("alice");
    net.at("alice").answer(now, new, sdp("answer")).unwrap();
    net.settle();
    net.hang_up("carol", picked);
    let words = net.steps();
    let expected = [
        "carol alice INVITE",
        "alice carol 200",
        "alice bob CANCEL",
        "carol alice ACK",
        "bob alice 200",
        "bob alice 487",
        "alice bob ACK",
        "carol alice BYE",
        "alice carol 200",
    ];
    assert_eq!(words, expected);
    assert_eq!(net.at("alice").phase(alice), Phase::Over);
}

/// F1 to F3 and F10 to F13; what tells that Bob is free again is a subscription.
#[test]
fn section_2_17_automatic_redial() {
    let mut net = three();
    let (bob, now) = (net.uri("bob"), net.now);
    net.call("alice", &bob);
    let asked = net.newest("bob");
    net.at("bob").reject(now, asked, StatusCode::BUSY_HERE).unwrap();
    net.wait(SECOND * 60);
    net.call("alice", &bob);
    net.pick_up("bob");
    let refused = ["alice bob INVITE", "bob alice 486", "alice bob ACK"].map(String::from);
    assert_eq!(net.steps(), [&refused[..], &setup("alice", "bob")[..]].concat());
}

/// The computer of Bob refers his telephone to Carol. REFERs go in calls here.
#[test]
fn section_2_18_click_to_dial() {
    let mut net = three();
    let (computer, phone) = net.talk("alice", "bob");
    let (carol, now) = (net.uri("carol"), net.now);
    net.at("alice").refer(now, computer, &carol).unwrap();
    let (_, id, request) = referred(&mut net, "bob");
    let refer = net.at("bob").refer_accept(now, phone, id).unwrap();
    net.at("bob").call_referred(now, refer, &request, sdp("offer")).unwrap();
    net.pick_up("carol");
    let words: Vec<_> = net.steps().into_iter().filter(|s| !s.contains("alice")).collect();
    assert_eq!(words, setup("bob", "carol"));
    // An INFO passes meanwhile.
    net.at("alice").request(now, computer, Method::Info, None, &[]).unwrap();
    assert_eq!(net.steps(), ["alice bob INFO"]);
}
