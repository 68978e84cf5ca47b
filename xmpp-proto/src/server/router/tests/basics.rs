//! Addresses, offline messages, subscriptions and rosters from asking to removal.

use super::World;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

#[test]
fn senders_are_stamped_and_forgeries_overwritten() {
    let got = World::new().say(3, "<message from='b@h' to='a@h/one'><body>x</body></message>");
    assert_eq!(
        got,
        [(1, "<message from='b@h/x' to='a@h/one'><body>x</body></message>".to_string())]
    );
}

#[test]
fn messages_wait_for_who_is_not_there() {
    let mut world = World::limited(|limits| limits.offline_max = 100);
    assert_eq!(world.say(3, "<message to='c@h'><body>later</body></message>"), []);
    for n in 1..=100 {
        let got = world.say(3, "<message to='c@h'/>");
        assert_eq!(got.is_empty(), n < 100, "message {n} beyond the limit");
    }
    assert_eq!(world.router.connect(4, &"c@h/r".parse().unwrap()), None);
    assert_eq!(world.say(4, "<presence><priority>-1</priority></presence>").len(), 1);
    let got = world.say(4, "<presence/>");
    assert_eq!(
        got.iter().filter(|(key, sent)| *key == 4 && sent.starts_with("<message")).count(),
        100
    );
    assert!(got.iter().any(|(_, sent)| sent.contains("later")));
}

#[test]
fn a_resource_that_is_taken_over_is_told() {
    let mut world = World::new();
    assert_eq!(world.router.connect(9, &"a@h/one".parse().unwrap()), Some(1));
    let told = world.take();
    assert!(told.iter().any(|(key, sent)| *key == 2 && sent.contains("unavailable")), "{told:?}");
}

#[test]
fn a_subscription_from_asking_to_removal() {
    let mut world = World::new();
    for key in [1, 3] {
        world.say(key, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    }
    let find = |got: &[(u32, String)], key: u32, parts: &[&str]| {
        got.iter().any(|(to, sent)| *to == key && parts.iter().all(|part| sent.contains(part)))
    };
    let got = world.say(1, "<presence type='subscribe' to='b@h'/>");
    assert!(find(&got, 1, &["jabber:iq:roster", "ask='subscribe'"]), "{got:?}");
    assert!(find(&got, 3, &["type='subscribe'", "from='a@h'"]), "{got:?}");
    assert!(!find(&got, 3, &["jabber:iq:roster"]), "a request lists nobody: {got:?}");

    let got = world.say(3, "<presence type='subscribed' to='a@h'/>");
    assert!(find(&got, 1, &["type='subscribed'", "from='b@h'"]), "{got:?}");
    assert!(find(&got, 1, &["subscription='to'"]), "{got:?}");
    assert!(find(&got, 3, &["subscription='from'"]), "{got:?}");
    assert!(find(&got, 1, &["<presence", "from='b@h/x'"]), "he is seen at once: {got:?}");

    let got = world.say(3, "<presence><show>away</show></presence>");
    assert!(find(&got, 1, &["<show>away</show>"]) && find(&got, 2, &["away"]), "{got:?}");

    let got = world.say(3, "<presence type='unsubscribed' to='a@h'/>");
    assert!(find(&got, 1, &["type='unavailable'", "from='b@h/x'"]), "{got:?}");
    assert!(find(&got, 1, &["subscription='none'"]), "{got:?}");

    let remove = "<iq type='set' id='d'><query xmlns='jabber:iq:roster'><item jid='b@h' subscription='remove'/></query></iq>";
    let got = world.say(1, remove);
    assert!(
        find(&got, 1, &["type='result'", "id='d'"]) && find(&got, 1, &["subscription='remove'"])
    );
    assert!(find(&world.say(1, remove), 1, &["item-not-found"]));
}

#[test]
fn removing_a_contact_hides_presence_on_both_sides() {
    let mut world = World::new();
    world.say(1, "<presence type='subscribe' to='b@h'/>");
    world.say(3, "<presence type='subscribed' to='a@h'/>");
    world.say(3, "<presence type='subscribe' to='a@h'/>");
    world.say(1, "<presence type='subscribed' to='b@h'/>");
    assert!(!world.say(1, "<presence><show>xa</show></presence>").iter().all(|(key, _)| *key != 3));
    let got = world.say(1, "<iq type='set' id='d'><query xmlns='jabber:iq:roster'><item jid='b@h' subscription='remove'/></query></iq>");
    assert!(got.iter().any(|(key, sent)| *key == 3 && sent.contains("unavailable")), "{got:?}");
    assert!(world.say(1, "<presence/>").iter().all(|(key, _)| *key != 3));
    assert!(world.say(3, "<presence/>").iter().all(|(key, _)| *key == 3));
}

#[test]
fn rosters_are_pushed_to_those_who_asked_for_them() {
    let mut world = World::new();
    world.say(1, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let set = "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='c@h/x' name='C'><group>g</group></item></query></iq>";
    let got = world.say(2, set);
    let keys: Vec<u32> = got.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [2, 1], "{got:?}");
    assert!(
        got[1].1.contains("<item jid='c@h' name='C' subscription='none'><group>g</group></item>"),
        "{got:?}"
    );
    for (bad, condition) in [
        (set.replace("c@h/x", "a@h"), "not-allowed"),
        (set.replace("c@h/x", "@"), "bad-request"),
        (set.replace("</query>", "<item jid='d@h'/></query>"), "bad-request"),
    ] {
        assert!(world.say(2, &bad)[0].1.contains(condition), "{bad}");
    }
}

/// RFC 6120 §8.1.5: whoever says nothing speaks the language of his stream.
#[test]
fn the_language_of_the_stream_is_put_on_what_has_none() {
    let mut world = World::new();
    assert!(world.router.set_lang(&1, Some("cs")));
    assert!(!world.router.set_lang(&77, Some("cs")));
    let say = |world: &mut World, lang: &str| {
        let text =
            alloc::format!("<message to='b@h/x'{lang}><body>Dobr\u{fd} den</body></message>");
        world.say(1, &text).remove(0).1
    };
    let sent = say(&mut world, "");
    assert!(sent.contains(" xml:lang='cs'"), "{sent}");
    let sent = say(&mut world, " xml:lang='en'");
    assert!(sent.contains(" xml:lang='en'") && !sent.contains("'cs'"), "{sent}");
    // An empty one says that there is none (XML 1.0 §2.12).
    assert!(!say(&mut world, " xml:lang=''").contains("'cs'"));
    // It is the connection's; another one has another.
    assert!(!world.say(2, "<message to='b@h/x'/>")[0].1.contains("lang"));
    assert!(world.router.set_lang(&1, None));
    assert!(!say(&mut world, "").contains("lang"));
}
