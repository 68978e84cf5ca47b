//! What outlives the process.

use super::{World, got};
use crate::jid::Jid;
use crate::server::{Part, RestoreError, RouterConfig, RouterEvent};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What a host has on its disk after these events.
fn kept(world: &World) -> BTreeMap<(String, Part), String> {
    let mut disk = BTreeMap::new();
    for event in &world.events {
        if let RouterEvent::Changed { account, part } = event {
            let text = world.router.stored(account, *part).unwrap();
            disk.insert((String::from(account.as_str()), *part), text);
        }
    }
    disk
}

#[test]
fn accounts_survive_a_restart() {
    let mut world = World::new();
    world.at(1000);
    world.befriend((1, "a@h"), (3, "b@h"));
    world.say(3, "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='a@h' name='A &amp; Co'><group>g</group></item></query></iq>");
    world.say(3, "<presence type='subscribe' to='c@h'><status>let me</status></presence>");
    world.say(3, "<message to='c@h'><body>later &lt;&#x2603;&gt;</body></message>");
    world.say(3, "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='evil.example'/></block></iq>");
    let version = "<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver=''/></iq>";
    let roster = world.say(3, version);
    world.say(3, "<presence type='unavailable'><status>home</status></presence>");
    let disk = kept(&world);
    let parts: Vec<Part> =
        disk.keys().filter(|(account, _)| account == "b@h").map(|(_, part)| *part).collect();
    assert_eq!(parts, [Part::Roster, Part::Blocked, Part::Last]);

    let mut again = World::empty(RouterConfig::new());
    again.at(1010);
    for ((account, part), text) in &disk {
        let account: Jid = account.parse().unwrap();
        again.router.restore(&account, *part, text).unwrap();
        assert_eq!(again.router.stored(&account, *part).as_ref(), Some(text), "{part:?}");
    }
    again.connect(1, "a@h/one");
    again.say(1, "<presence/>");
    let last = again.say(1, "<iq type='get' id='l' to='b@h'><query xmlns='jabber:iq:last'/></iq>");
    assert!(got(&last, 1, &["seconds='10'>home</query>"]), "{last:?}");
    again.connect(3, "b@h/x");
    // The same roster, in the same version.
    assert_eq!(again.say(3, version), roster);
    let list = again.say(3, "<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
    assert!(got(&list, 3, &["evil.example"]));
    assert!(got(&again.say(3, "<presence/>"), 1, &["from='b@h/x'"]), "still friends");
    again.connect(4, "c@h/r");
    let waiting = again.say(4, "<presence/>");
    assert!(got(&waiting, 4, &["subscribe", "<status>let me</status>"]), "{waiting:?}");
    assert!(got(&waiting, 4, &["<body>later &lt;&#x2603;&gt;</body>", "urn:xmpp:delay"]));
    // They are given out once.
    assert!(again.events.iter().any(|event| matches!(
        event,
        RouterEvent::Changed { account, part: Part::Offline } if account.as_str() == "c@h"
    )));
    let none = again.router.stored(&"c@h".parse().unwrap(), Part::Offline).unwrap();
    assert_eq!(none, "<offline/>");
}

#[test]
fn a_version_of_a_lost_roster_brings_the_new_one() {
    let ask = |world: &mut World, version: &str| {
        let get = alloc::format!(
            "<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='{version}'/></iq>"
        );
        world.say(1, &get).remove(0).1
    };
    let mut world = World::new();
    let answer = ask(&mut world, "");
    let version = answer.split_once("ver='").unwrap().1.split_once('\'').unwrap().0;
    // A router of another seed, with empty rosters: versions are not of the same history.
    let seed = proto_wire::Seed::from_u64(99);
    let mut other = World {
        router: crate::server::Router::with_config("h", RouterConfig::new(), &seed),
        events: Vec::new(),
    };
    other.connect(1, "a@h/one");
    assert!(ask(&mut other, version).contains("<query"));
}

#[test]
fn damage_is_noticed_and_changes_nothing() {
    let mut world = World::new();
    world.befriend((1, "a@h"), (3, "b@h"));
    let a: Jid = "a@h".parse().unwrap();
    let before = world.router.stored(&a, Part::Roster);
    for text in [
        "",
        "<roster/>",
        "<other epoch='e' version='1' known-since='0'/>",
        "<roster epoch='e' version='many' known-since='0'/>",
        "<roster epoch='e' version='1' known-since='0'><contact jid='@' state='to' version='1'/></roster>",
        "<roster epoch='e' version='1' known-since='0'><contact jid='x@y' state='close' version='1'/></roster>",
    ] {
        assert_eq!(world.router.restore(&a, Part::Roster, text), Err(RestoreError::Damaged));
    }
    for (part, text) in [
        (Part::Offline, "<offline><presence xmlns='jabber:client'/></offline>"),
        (Part::Blocked, "<blocked><jid>@</jid></blocked>"),
        (Part::Archiving, "<prefs xmlns='urn:xmpp:mam:2' default='perhaps'/>"),
        (Part::Last, "<last at='noon'/>"),
    ] {
        assert_eq!(world.router.restore(&a, part, text), Err(RestoreError::Damaged), "{text}");
    }
    assert_eq!(world.router.stored(&a, Part::Roster), before);
    for stranger in ["a@elsewhere", "h", "a@h/r"] {
        let stranger = stranger.parse().unwrap();
        let refused = world.router.restore(&stranger, Part::Last, "<last/>");
        assert_eq!(refused, Err(RestoreError::NotLocal));
    }
}

#[test]
fn a_roster_of_ten_thousand_contacts_is_kept() {
    let mut world = World::new();
    for n in 0..10_000 {
        let set = alloc::format!(
            "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>\
             <item jid='somebody-{n}@example.org' name='Number {n} of many friends'/></query></iq>"
        );
        world.say(1, &set);
    }
    let a: Jid = "a@h".parse().unwrap();
    let text = world.router.stored(&a, Part::Roster).unwrap();
    assert!(text.len() > 1 << 20, "{}", text.len());
    world.router.restore(&a, Part::Roster, &text).unwrap();
    assert_eq!(world.router.stored(&a, Part::Roster).unwrap(), text);
}
