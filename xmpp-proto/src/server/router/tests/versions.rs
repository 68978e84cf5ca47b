//! Roster versioning (RFC 6121 §2.6, XEP-0237).

use super::{RouterLimits, World, got};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

fn set(world: &mut World, key: u32, item: &str) -> Vec<(u32, String)> {
    world.say(
        key,
        &format!("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>{item}</query></iq>"),
    )
}

fn get(world: &mut World, key: u32, version: &str) -> Vec<String> {
    let text =
        format!("<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='{version}'/></iq>");
    world.say(key, &text).into_iter().filter(|(to, _)| *to == key).map(|(_, sent)| sent).collect()
}

fn version(sent: &str) -> String {
    sent.split_once("ver='").unwrap().1.split_once('\'').unwrap().0.to_string()
}

#[test]
fn a_known_version_brings_only_what_has_changed_since() {
    let mut world = World::new();
    let first = get(&mut world, 1, "");
    assert!(first[0].contains("<query xmlns='jabber:iq:roster' ver='"), "{first:?}");
    let empty = version(&first[0]);

    let mut versions = Vec::new();
    for item in [
        "<item jid='tybalt@example.org'/>",
        "<item jid='bill@example.org'/>",
        "<item jid='nurse@example.org' name='Nurse'><group>Servants</group></item>",
        "<item jid='bill@example.org' name='Bill'/>",
        "<item jid='tybalt@example.org' subscription='remove'/>",
    ] {
        let pushed = set(&mut world, 1, item);
        let push = pushed.iter().find(|(_, sent)| sent.contains("type='set'")).unwrap();
        versions.push(version(&push.1));
    }
    // "The version contained in a roster push MUST be unique."
    let mut unique = versions.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 5);

    // Nothing new: an empty result and no push.
    let last = versions[4].clone();
    assert_eq!(get(&mut world, 1, &last), ["<iq type='result' id='g' to='a@h/one'/>"]);

    // From the beginning: each changed item once, in the order of the changes.
    let news = get(&mut world, 1, &empty);
    assert_eq!(news.len(), 4, "{news:?}");
    assert_eq!(news[0], "<iq type='result' id='g' to='a@h/one'/>");
    assert!(news[1].contains("nurse@example.org") && version(&news[1]) == versions[2]);
    assert!(news[2].contains("name='Bill'") && version(&news[2]) == versions[3]);
    assert!(news[3].contains("tybalt@example.org' subscription='remove'"));
    assert_eq!(version(&news[3]), last);

    // What no roster ever had, or another one, brings the whole.
    for strange in ["", "ver14", "00000000-1", &format!("{empty}f")] {
        let whole = get(&mut world, 1, strange);
        assert_eq!(whole.len(), 1);
        assert!(whole[0].contains("bill@example.org") && whole[0].contains("nurse@example.org"));
        assert_eq!(version(&whole[0]), last);
    }
}

#[test]
fn subscriptions_count_and_what_is_not_shown_does_not() {
    let mut world = World::new();
    let before = version(&get(&mut world, 1, "")[0]);
    // A stranger's request lists nobody and changes no version.
    world.say(3, "<presence type='subscribe' to='a@h'/>");
    assert_eq!(get(&mut world, 1, &before).len(), 1);
    // The answer does.
    world.say(1, "<presence type='subscribed' to='b@h'/>");
    let news = get(&mut world, 1, &before);
    assert!(news[1].contains("jid='b@h' subscription='from'"), "{news:?}");
}

#[test]
fn removals_are_remembered_up_to_a_limit() {
    let mut world = World::limited(|limits| limits.removed_max = 2);
    for name in ["p", "q", "r"] {
        set(&mut world, 1, &format!("<item jid='{name}@x'/>"));
    }
    let full = version(&get(&mut world, 1, "")[0]);
    let remove = |world: &mut World, name: &str| {
        set(world, 1, &format!("<item jid='{name}@x' subscription='remove'/>"));
    };
    remove(&mut world, "p");
    remove(&mut world, "q");
    assert_eq!(get(&mut world, 1, &full).len(), 3, "N removals: told one by one");
    remove(&mut world, "r");
    let whole = get(&mut world, 1, &full);
    assert!(whole.len() == 1 && whole[0].contains("<query"), "N + 1: the whole roster");
}

#[test]
fn a_contact_that_comes_back_is_not_removed_again() {
    let mut world = World::new();
    set(&mut world, 1, "<item jid='p@x'/>");
    let known = version(&get(&mut world, 1, "")[0]);
    set(&mut world, 1, "<item jid='p@x' subscription='remove'/>");
    set(&mut world, 1, "<item jid='p@x' name='again'/>");
    let news = get(&mut world, 1, &known);
    assert_eq!(news.len(), 2);
    assert!(news[1].contains("name='again'"));
}

#[test]
fn bad_roster_sets_are_refused_as_section_2_3_3_says() {
    let limits = RouterLimits::default();
    let fits = "n".repeat(limits.label_max);
    let long = "n".repeat(limits.label_max + 1);
    let many = |n: usize| (0..n).map(|n| format!("<group>{n}</group>")).collect::<String>();
    let rows = [
        (format!("<item jid='p@x' name='{fits}'/>"), None),
        (format!("<item jid='p@x' name='{long}'/>"), Some("not-acceptable")),
        (format!("<item jid='p@x'><group>{fits}</group></item>"), None),
        (format!("<item jid='p@x'><group>{long}</group></item>"), Some("not-acceptable")),
        (format!("<item jid='p@x'>{}</item>", many(limits.groups_max)), None),
        (format!("<item jid='p@x'>{}</item>", many(limits.groups_max + 1)), Some("not-acceptable")),
        ("<item jid='p@x'><group/></item>".into(), Some("not-acceptable")),
        ("<item jid='p@x'><group>g</group><group>g</group></item>".into(), Some("bad-request")),
        ("<item jid='p@x'/><item jid='q@x'/>".into(), Some("bad-request")),
        ("<item/>".into(), Some("bad-request")),
        (String::new(), Some("bad-request")),
        ("<item jid='a@h'/>".into(), Some("not-allowed")),
        ("<item jid='never@x' subscription='remove'/>".into(), Some("item-not-found")),
    ];
    for (item, refused) in rows {
        let mut world = World::new();
        let answer = set(&mut world, 1, &item);
        match refused {
            None => assert!(got(&answer, 1, &["type='result'"]), "{item}"),
            Some(condition) => assert!(got(&answer, 1, &["type='error'", condition]), "{item}"),
        }
    }
    // §2.3.3: somebody else's roster.
    let foreign = "<iq type='set' id='f' to='a@h'><query xmlns='jabber:iq:roster'>\
        <item jid='p@x'/></query></iq>";
    assert!(got(&World::new().say(3, foreign), 3, &["type='error'", "forbidden"]));
}

#[test]
fn contacts_of_one_account_are_bounded() {
    let mut world = World::limited(|limits| limits.contacts_max = 2);
    for (name, fits) in [("p", true), ("q", true), ("r", false), ("q", true)] {
        let answer = set(&mut world, 1, &format!("<item jid='{name}@x'/>"));
        assert_eq!(got(&answer, 1, &["type='result'"]), fits, "{name}: {answer:?}");
    }
    // Strangers who ask take room, too, and are silently dropped beyond it.
    assert_eq!(world.say(3, "<presence type='subscribe' to='a@h'/>"), []);
}
