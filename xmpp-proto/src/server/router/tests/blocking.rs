//! The blocking command (XEP-0191).

use super::{World, got, keys};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

fn command(name: &str, jids: &[&str]) -> String {
    let items: String = jids.iter().map(|jid| format!("<item jid='{jid}'/>")).collect();
    format!("<iq type='set' id='b'><{name} xmlns='urn:xmpp:blocking'>{items}</{name}></iq>")
}

const LIST: &str = "<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>";

#[test]
fn a_list_is_kept_and_pushed_to_those_who_asked_for_it() {
    let mut world = World::new();
    let all = world.say(1, LIST);
    assert!(got(&all, 1, &["<blocklist xmlns='urn:xmpp:blocking'/>"]), "{all:?}");
    let all = world.say(2, &command("block", &["B@H", "evil.example"]));
    assert_eq!(keys(&all), [2, 1], "the result, then the push to the one who asked: {all:?}");
    assert!(all[1].1.contains("<block ") && all[1].1.contains("<item jid='b@h'/>"));
    let all = world.say(2, LIST);
    assert!(got(&all, 2, &["<item jid='b@h'/>", "<item jid='evil.example'/>"]), "{all:?}");
    let all = world.say(1, &command("unblock", &["b@h"]));
    assert_eq!(keys(&all), [1, 1, 2]);
    let all = world.say(1, &command("unblock", &[]));
    assert!(got(&all, 2, &["<unblock xmlns='urn:xmpp:blocking'/>"]), "{all:?}");
    assert!(got(&world.say(1, LIST), 1, &["<blocklist xmlns='urn:xmpp:blocking'/>"]));
    for (bad, condition) in [
        (command("block", &[]), "bad-request"),
        (command("block", &["@"]), "bad-request"),
        (command("block", &["p@x", "@"]), "jid-malformed"),
        (command("unblock", &["@"]), "jid-malformed"),
        (command("nudge", &["b@h"]), "bad-request"),
    ] {
        assert!(got(&world.say(1, &bad), 1, &[condition]), "{bad}");
    }
}

#[test]
fn who_is_blocked_sees_nobody_there() {
    let mut world = World::new();
    world.befriend((1, "a@h"), (3, "b@h"));
    let all = world.say(1, &command("block", &["b@h"]));
    // §3.3: the user goes away for him.
    let gone = all.iter().filter(|(key, m)| *key == 3 && m.contains("unavailable")).count();
    assert_eq!(gone, 2, "both resources: {all:?}");
    let rows: &[(&str, &[&str])] = &[
        ("<message to='a@h' type='chat'><body>x</body></message>", &["service-unavailable"]),
        ("<message to='a@h/one' type='chat'><body>x</body></message>", &["service-unavailable"]),
        ("<message to='a@h/one' type='error'/>", &[]),
        ("<iq type='get' id='1' to='a@h/one'><q xmlns='u'/></iq>", &["service-unavailable"]),
        ("<iq type='get' id='1' to='a@h'><q xmlns='u'/></iq>", &["service-unavailable"]),
        ("<iq type='result' id='1' to='a@h/one'/>", &[]),
        ("<presence to='a@h/one'/>", &[]),
        ("<presence to='a@h' type='subscribe'/>", &[]),
        ("<presence to='a@h' type='probe'/>", &["unsubscribed"]),
    ];
    for (text, answer) in rows {
        let got = world.say(3, text);
        let to_a: Vec<_> = got.iter().filter(|(key, _)| *key != 3).collect();
        assert!(to_a.is_empty(), "{text}: {got:?}");
        assert_eq!(got.len(), answer.len(), "{text}: {got:?}");
        assert!(got.iter().all(|(_, m)| answer.iter().all(|a| m.contains(a))), "{text}: {got:?}");
    }
    // His presence does not come through, ours does not go out.
    assert_eq!(keys(&world.say(3, "<presence><show>away</show></presence>")), [3]);
    assert!(keys(&world.say(1, "<presence><show>dnd</show></presence>")).iter().all(|k| *k != 3));
    // §3.4: after that he sees the user again.
    let all = world.say(1, &command("unblock", &["b@h"]));
    assert!(got(&all, 3, &["<presence", "<show>dnd</show>"]), "{all:?}");
    assert_eq!(keys(&world.say(3, "<message to='a@h/one'/>")), [1]);
}

#[test]
fn whoever_writes_to_somebody_he_has_blocked_is_told() {
    let mut world = World::new();
    world.say(1, &command("block", &["b@h"]));
    for text in [
        "<message to='b@h/x' type='chat'><body>x</body></message>",
        "<iq type='get' id='1' to='b@h/x'><q xmlns='u'/></iq>",
        "<presence to='b@h/x'/>",
        "<presence to='b@h' type='subscribe'/>",
    ] {
        let all = world.say(1, text);
        assert_eq!(keys(&all), [1], "{text}: {all:?}");
        let blocked = "<blocked xmlns='urn:xmpp:blocking:errors'/>";
        assert!(got(&all, 1, &["type='cancel'", "not-acceptable", blocked]), "{all:?}");
    }
}

#[test]
fn addresses_match_as_section_5_says() {
    let rows: &[(&str, bool)] = &[
        ("b@h/x", true),
        ("b@h/y", false),
        ("b@h", true),
        ("h/x", true),
        ("h/y", false),
        ("h", true),
        ("c@h", false),
        ("elsewhere", false),
    ];
    for (blocked, hit) in rows {
        let mut world = World::new();
        world.say(1, &command("block", &[blocked]));
        let all = world.say(3, "<message to='a@h/one'><body>x</body></message>");
        assert_eq!(keys(&all) == [3], *hit, "{blocked}: {all:?}");
    }
}

#[test]
fn a_block_list_is_bounded() {
    let mut world = World::limited(|limits| limits.blocked_max = 2);
    for (jids, fits) in [
        (&["p@x", "q@x", "r@x"][..], false),
        (&["p@x", "q@x"], true),
        (&["q@x"], true),
        (&["r@x"], false),
    ] {
        let all = world.say(1, &command("block", jids));
        assert_eq!(got(&all, 1, &["type='result'"]), fits, "{jids:?}");
    }
}
