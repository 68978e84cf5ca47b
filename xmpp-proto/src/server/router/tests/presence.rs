//! Presence: probes, directed presence, and its end (RFC 6121 §4).

use super::{World, got, keys};
use alloc::format;

#[test]
fn probes_are_answered_as_section_4_3_2_says() {
    let mut world = World::new();
    world.at(1_031_701_267);
    let probe = |to: &str| format!("<presence type='probe' to='{to}' id='xv291f38'/>");
    // 1. Who may not see, and who is not there, look alike.
    for to in ["a@h", "z@h"] {
        let all = world.say(3, &probe(to));
        assert_eq!(
            all[0].1,
            format!("<presence from='{to}' to='b@h/x' type='unsubscribed' id='xv291f38'/>")
        );
        assert_eq!(all.len(), 1);
    }
    world.befriend((1, "a@h"), (3, "b@h"));
    // 4. The whole presence of each resource, with its own id.
    world.say(1, "<presence id='ps6t1fu3'><show>away</show></presence>");
    let all = world.say(3, &probe("a@h"));
    assert_eq!(keys(&all), [3, 3]);
    assert!(got(&all, 3, &["from='a@h/one'", "id='ps6t1fu3'", "<show>away</show>"]), "{all:?}");
    // Of one resource only that it is there.
    let all = world.say(3, &probe("a@h/one"));
    assert_eq!(all.len(), 1);
    assert!(got(&all, 3, &["from='a@h/one'"]) && !got(&all, 3, &["show"]), "{all:?}");
    // 3. When he left.
    world.say(2, "<presence type='unavailable'/>");
    world.say(1, "<presence type='unavailable'/>");
    let all = world.say(3, &probe("a@h"));
    let stamp = "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:41:07.000000Z'/>";
    assert!(got(&all, 3, &["from='a@h'", "unavailable", "id='xv291f38'", stamp]), "{all:?}");
}

#[test]
fn whoever_got_directed_presence_learns_of_its_end() {
    // §4.6.3: by an end of its own, of all, or of the connection.
    for end in ["<presence type='unavailable'/>", "", "<presence type='unavailable' to='b@h/x'/>"] {
        let mut world = World::new();
        assert_eq!(keys(&world.say(1, "<presence to='b@h/x'/>")), [3]);
        let all = match end {
            "" => {
                world.router.disconnect(&1);
                world.take()
            }
            end => world.say(1, end),
        };
        let told = all.iter().filter(|(key, m)| *key == 3 && m.contains("unavailable"));
        assert_eq!(told.count(), 1, "{end}: {all:?}");
        world.router.disconnect(&1);
        assert!(keys(&world.take()).iter().all(|key| *key != 3), "only once");
    }
    // A contact that sees the user anyway is not told twice.
    let mut world = World::new();
    world.befriend((1, "a@h"), (3, "b@h"));
    world.say(1, "<presence to='b@h/x'/>");
    let all = world.say(1, "<presence type='unavailable'/>");
    assert_eq!(all.iter().filter(|(key, _)| *key == 3).count(), 1, "{all:?}");
}

/// §8.5.3.2.2: nobody else gets what was for a resource that is gone.
#[test]
fn the_end_of_directed_presence_is_for_that_resource() {
    let mut world = World::new();
    assert_eq!(keys(&world.say(3, "<presence to='a@h/two'/>")), [2]);
    world.router.disconnect(&2);
    world.take();
    let all = world.say(3, "<presence type='unavailable'/>");
    assert!(!got(&all, 1, &["from='b@h/x'"]), "{all:?}");
}

#[test]
fn directed_presence_is_remembered_up_to_a_limit() {
    let mut world = World::limited(|limits| limits.directed_max = 1);
    world.connect(4, "c@h/r");
    world.say(4, "<presence/>");
    assert_eq!(keys(&world.say(1, "<presence to='b@h/x'/>")), [3]);
    // One who would never be told of the end is not told of the beginning.
    let refused = world.say(1, "<presence to='c@h/r'/>");
    assert_eq!(keys(&refused), [1]);
    assert!(got(&refused, 1, &["type='error'", "resource-constraint"]), "{refused:?}");
    // Those who are remembered are told what is new, and the end of it makes room.
    assert_eq!(keys(&world.say(1, "<presence to='b@h/x'><show>away</show></presence>")), [3]);
    world.say(1, "<presence to='b@h/x' type='unavailable'/>");
    assert_eq!(keys(&world.say(1, "<presence to='c@h/r'/>")), [4]);
    let all = world.say(1, "<presence type='unavailable'/>");
    assert!(got(&all, 4, &["unavailable"]) && !got(&all, 3, &["unavailable"]), "{all:?}");
}

/// RFC 6121 §4.5.2, and the leak that a broken connection would be.
#[test]
fn an_end_is_told_once_and_only_to_those_who_may_know() {
    let mut world = World::new();
    world.befriend((1, "a@h"), (3, "b@h"));
    world.connect(4, "c@h/r");
    world.say(4, "<presence/>");
    let all = world.say(1, "<presence type='unavailable'><status>bye</status></presence>");
    assert_eq!(keys(&all), [2, 3]);
    assert!(got(&all, 3, &["<status>bye</status>", "from='a@h/one'"]));
    world.router.disconnect(&1);
    assert_eq!(world.take(), []);
}

#[test]
fn a_request_waits_for_its_answer_over_connections() {
    let mut world = World::new();
    // §3.1.3 rule 4: the whole stanza, once, each time he comes.
    for text in ["first", "second"] {
        let ask = format!("<presence type='subscribe' to='c@h'><status>{text}</status></presence>");
        world.say(3, &ask);
    }
    for _ in 0..2 {
        world.connect(4, "c@h/r");
        let all = world.say(4, "<presence/>");
        let asked = all.iter().filter(|(_, m)| m.contains("type='subscribe'"));
        assert_eq!(asked.count(), 1, "{all:?}");
        assert!(got(&all, 4, &["<status>first</status>", "from='b@h'"]));
        world.router.disconnect(&4);
        world.take();
    }
    world.connect(4, "c@h/r");
    world.say(4, "<presence/>");
    world.say(4, "<presence type='unsubscribed' to='b@h'/>");
    world.router.disconnect(&4);
    world.take();
    world.connect(4, "c@h/r");
    assert!(!got(&world.say(4, "<presence/>"), 4, &["type='subscribe'"]));
}
