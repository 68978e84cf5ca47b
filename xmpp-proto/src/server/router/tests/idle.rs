//! What waits for clients that nobody looks at (XEP-0352).

use super::*;

/// `a`, whose resource `two` nobody looks at, sees `b`.
fn world(max: usize) -> World {
    let mut world = World::limited(|limits| limits.idle_max = max);
    world.befriend((1, "a@h"), (3, "b@h"));
    assert!(world.router.set_active(&2, false));
    assert!(!world.router.set_active(&99, false), "there is none");
    assert!(world.take().is_empty());
    world
}

fn of(all: &[(u32, String)], key: u32) -> Vec<&str> {
    all.iter().filter(|(to, _)| *to == key).map(|(_, sent)| sent.as_str()).collect()
}

const STATE: &str = "<message to='a@h/two' type='chat'>\
    <composing xmlns='http://jabber.org/protocol/chatstates'/></message>";

#[test]
fn presence_and_chat_states_wait_and_only_the_newest_counts() {
    let mut world = world(10);
    for status in ["one", "two", "three"] {
        let sent = world.say(3, &format!("<presence><status>{status}</status></presence>"));
        assert!(of(&sent, 2).is_empty(), "{sent:?}");
        assert_eq!(of(&sent, 1).len(), 1, "the other is looked at");
    }
    assert!(world.say(3, STATE).is_empty());
    assert!(world.say(3, &STATE.replace("composing", "paused")).is_empty());
    assert!(world.router.set_active(&2, true));
    let sent = world.take();
    let sent = of(&sent, 2);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].contains("<status>three</status>") && sent[1].contains("<paused"));
    // From now on nothing waits.
    assert_eq!(of(&world.say(3, "<presence/>"), 2).len(), 1);
    assert_eq!(world.say(3, STATE).len(), 1);
}

#[test]
fn what_matters_goes_at_once_behind_what_waited() {
    for important in [
        "<message to='a@h/two' type='chat'><body>hello</body></message>",
        "<message to='a@h/two'><composing xmlns='http://jabber.org/protocol/chatstates'/>\
         <received xmlns='urn:xmpp:receipts' id='1'/></message>",
        "<iq to='a@h/two' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<presence to='a@h/two'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>",
    ] {
        let mut world = world(10);
        world.say(3, "<presence><show>away</show></presence>");
        let sent = world.say(3, important);
        let sent = of(&sent, 2);
        assert_eq!(sent.len(), 2, "{important}: {sent:?}");
        assert!(sent[0].contains("<show>away</show>"), "the order stays: {sent:?}");
        // Still nobody looks.
        assert!(of(&world.say(3, "<presence/>"), 2).is_empty());
    }
    // Requests to subscribe are for people.
    let mut world = world(10);
    world.connect(4, "c@h/y");
    let sent = world.say(4, "<presence type='subscribe' to='a@h'/>");
    assert_eq!(of(&sent, 2).len(), 1, "{sent:?}");
}

#[test]
fn idle_max_bounds_what_waits() {
    let mut world = world(2);
    let from = |n: u32| format!("<presence from='x{n}@other/r' to='a@h/two'/>");
    let remote = |world: &mut World, n: u32| {
        assert!(world.router.handle_remote(&stanza(Ns::CLIENT, &from(n))));
        world.take().len()
    };
    assert_eq!((remote(&mut world, 1), remote(&mut world, 2)), (0, 0), "N wait");
    assert_eq!(remote(&mut world, 2), 0, "the newer one takes the place");
    assert_eq!(remote(&mut world, 3), 3, "N + 1: all of them go");
    assert_eq!(remote(&mut world, 4), 0, "and it begins anew");
}

#[test]
fn a_session_that_goes_on_elsewhere_is_looked_at() {
    let mut world = world(10);
    world.say(3, "<presence><show>dnd</show></presence>");
    assert!(world.router.rename(&2, 20));
    let sent = world.take();
    assert_eq!(of(&sent, 20).len(), 1, "{sent:?}");
    assert_eq!(of(&world.say(3, "<presence/>"), 20).len(), 1);
}
