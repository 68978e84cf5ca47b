//! Several domains on one router, and other servers.

use super::{World, got, keys, stanza};
use crate::server::{RouterConfig, RouterEvent};
use crate::xml::Ns;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[test]
fn two_domains_share_a_router() {
    let mut world = World::new();
    world.router.add_domain("capulet.example");
    world.router.add_account("juliet@capulet.example");
    assert!(world.router.serves("capulet.example") && !world.router.serves("elsewhere"));
    assert!(world.router.has_account("juliet@capulet.example"));
    assert!(world.router.has_account("a") && world.router.has_account("a@h"));
    assert!(!world.router.has_account("juliet") && !world.router.has_account("a@elsewhere"));
    world.connect(4, "juliet@capulet.example/balcony");
    world.say(4, "<presence/>");
    world.befriend((4, "juliet@capulet.example"), (3, "b@h"));
    let all = world.say(4, "<presence><show>away</show></presence>");
    assert!(got(&all, 3, &["from='juliet@capulet.example/balcony'"]), "{all:?}");
    let all = world.say(3, "<message to='juliet@capulet.example'><body>x</body></message>");
    assert_eq!(keys(&all), [4]);
    let ping = "<iq type='get' id='1' to='capulet.example'><ping xmlns='urn:xmpp:ping'/></iq>";
    assert!(got(&world.say(3, ping), 3, &["type='result'", "from='capulet.example'"]));
    // The same name in two domains is two users.
    world.router.add_account("a@capulet.example");
    assert_eq!(world.say(3, "<message to='a@capulet.example'><body>x</body></message>"), []);
}

/// What goes to other servers.
fn outgoing(world: &mut World) -> Vec<(String, String, String)> {
    let events = core::mem::take(&mut world.events).into_iter();
    let out = events.filter_map(|event| match event {
        RouterEvent::Outgoing { from, to, stanza } => Some((from, to, stanza.into_string())),
        _ => None,
    });
    out.collect()
}

fn remote() -> World {
    let mut world = World::with(RouterConfig::new().with_remote());
    world.events.clear();
    world
}

fn hear(world: &mut World, text: &str) -> Vec<(u32, String)> {
    assert!(world.router.handle_remote(&stanza(Ns::SERVER, text)), "{text}");
    world.take()
}

#[test]
fn a_friendship_over_two_servers() {
    let mut world = remote();
    world.say(3, "<presence type='subscribe' to='r@far'/>");
    assert_eq!(
        outgoing(&mut world),
        [("h".into(), "far".into(), "<presence type='subscribe' from='b@h' to='r@far'/>".into())]
    );
    let all = hear(&mut world, "<presence type='subscribed' from='r@far' to='b@h'/>");
    assert!(got(&all, 3, &["type='subscribed'", "from='r@far'"]), "{all:?}");
    let all = hear(&mut world, "<presence type='subscribe' from='r@far' to='b@h'/>");
    assert!(got(&all, 3, &["type='subscribe'"]));
    world.say(3, "<presence type='subscribed' to='r@far'/>");
    let out = outgoing(&mut world);
    assert!(out[0].2.contains("type='subscribed'") && out[1].2.contains("from='b@h/x'"), "{out:?}");
    // Presence goes there and comes from there.
    world.say(3, "<presence><show>away</show></presence>");
    let out = outgoing(&mut world);
    assert_eq!(out.len(), 1);
    assert!(out[0].2.contains("to='r@far'") && out[0].2.contains("<show>away</show>"));
    let all = hear(&mut world, "<presence from='r@far/1' to='b@h'><show>xa</show></presence>");
    assert!(got(&all, 3, &["from='r@far/1'", "<show>xa</show>"]));
    // A new connection asks for it (§4.3.1); theirs is answered (§4.3.2).
    world.connect(5, "b@h/y");
    world.say(5, "<presence/>");
    let out = outgoing(&mut world);
    assert!(out.iter().any(|(_, _, s)| s.contains("type='probe'") && s.contains("from='b@h/y'")));
    hear(&mut world, "<presence type='probe' from='r@far/1' to='b@h'/>");
    let out = outgoing(&mut world);
    assert_eq!(out.len(), 2, "{out:?}");
    assert!(out.iter().all(|(_, _, s)| s.contains("to='r@far/1'")));
    // The end.
    world.router.disconnect(&3);
    world.take();
    assert!(outgoing(&mut world)[0].2.contains("type='unavailable'"));
    let remove = "<iq type='set' id='d'><query xmlns='jabber:iq:roster'><item jid='r@far' subscription='remove'/></query></iq>";
    world.say(5, remove);
    let out = outgoing(&mut world);
    assert!(out[0].2.contains("'unsubscribe'") && out[1].2.contains("'unsubscribed'"), "{out:?}");
}

#[test]
fn messages_and_requests_cross_and_errors_find_back() {
    let mut world = remote();
    world.say(3, "<message to='r@far' type='chat'><body>x</body></message>");
    world.say(3, "<iq type='get' id='1' to='far'><ping xmlns='urn:xmpp:ping'/></iq>");
    let out = outgoing(&mut world);
    assert!(out[0].2.starts_with("<message ") && out[1].2.contains("from='b@h/x'"), "{out:?}");
    let all = hear(&mut world, "<iq type='result' id='1' from='far' to='b@h/x'/>");
    assert_eq!(keys(&all), [3]);
    // RFC 6120 §4.8.3: what a client gets is of its content namespace, all the way down.
    let prefixed =
        "<s:message xmlns:s='jabber:server' from='r@far' to='b@h/x'><s:body>x</s:body></s:message>";
    let all = hear(&mut world, prefixed);
    assert_eq!(all[0].1, "<message from='r@far' to='b@h/x'><body>x</body></message>");
    for (text, answer) in [
        ("<message from='r@far' to='z@h'><body>x</body></message>", "service-unavailable"),
        (
            "<iq type='get' id='2' from='r@far' to='h'><ping xmlns='urn:xmpp:ping'/></iq>",
            "type='result'",
        ),
        (
            "<iq type='get' id='2' from='r@far' to='b@h/x'><q xmlns='u'/></iq>",
            "service-unavailable",
        ),
        (
            "<iq type='get' id='2' from='r@far' to='b@h'><query xmlns='jabber:iq:roster'/></iq>",
            "forbidden",
        ),
        ("<presence type='probe' from='r@far' to='b@h'/>", "unsubscribed"),
    ] {
        assert_eq!(hear(&mut world, text), [], "{text}");
        let out = outgoing(&mut world);
        let [(from, to, sent)] = out.as_slice() else { panic!("{text}: {out:?}") };
        assert_eq!((from.as_str(), to.as_str()), ("h", "far"));
        assert!(sent.contains(answer) && sent.contains("to='r@far'"), "{text}: {sent}");
    }
    // Errors and results are not answered.
    for text in [
        "<message type='error' from='r@far' to='z@h'/>",
        "<iq type='result' id='2' from='r@far' to='z@h'/>",
        "<presence from='r@far' to='z@h'/>",
    ] {
        assert_eq!(hear(&mut world, text), []);
        assert_eq!(outgoing(&mut world), []);
    }
}

#[test]
fn what_another_server_may_not_say() {
    let mut world = remote();
    for text in [
        // In the name of a user of ours.
        "<message from='a@h/one' to='b@h'><body>x</body></message>",
        "<presence type='subscribed' from='a@h' to='b@h'/>",
        // Not for us, or for nobody.
        "<message from='r@far' to='b@elsewhere'/>",
        "<message from='r@far'/>",
        "<message to='b@h'/>",
    ] {
        assert!(!world.router.handle_remote(&stanza(Ns::SERVER, text)), "{text}");
        assert_eq!(world.take(), []);
    }
    // No roster of ours is changed by a request of theirs.
    let set = "<iq type='set' id='2' from='r@far' to='b@h'><query xmlns='jabber:iq:roster'><item jid='r@far'/></query></iq>";
    assert_eq!(hear(&mut world, set), []);
    let mine = "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>";
    assert!(!got(&world.say(3, mine), 3, &["r@far"]));
    assert_eq!(format!("{:?}", outgoing(&mut world).len()), "1");
}
