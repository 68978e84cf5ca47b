//! Message carbons (XEP-0280).

use super::{World, got, keys};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// `a` has connections 1 (priority 5), 2 (priority 1, wants copies) and 4 (priority -1, wants
/// copies).
fn world() -> World {
    let mut world = World::new();
    world.connect(4, "a@h/quiet");
    world.say(4, "<presence><priority>-1</priority></presence>");
    for key in [2, 4] {
        let enable = "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>";
        assert!(got(&world.say(key, enable), key, &["type='result'", "id='c'"]));
    }
    world
}

fn copies(all: &[(u32, String)]) -> Vec<u32> {
    keys(&all.iter().filter(|(_, m)| m.contains("carbons:2")).cloned().collect::<Vec<_>>())
}

#[test]
fn what_one_resource_receives_the_others_get_as_copies() {
    let mut world = world();
    let all = world.say(3, "<message to='a@h/one' type='chat' id='9'><body>hi</body></message>");
    assert_eq!(copies(&all), [4, 2]);
    assert_eq!(keys(&all).iter().filter(|key| **key == 1).count(), 1);
    // Example 10, with our names.
    let copy = "<message from='a@h' type='chat' to='a@h/two'>\
        <received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
        <message to='a@h/one' type='chat' id='9' xmlns='jabber:client' from='b@h/x'>";
    let found = &all.iter().find(|(key, _)| *key == 2).unwrap().1;
    let squeezed = |text: &str| {
        let mut words: Vec<String> = text.replace('>', " ").split(' ').map(String::from).collect();
        words.sort();
        words
    };
    let head = found.split_once("<body>").unwrap().0;
    assert_eq!(squeezed(head), squeezed(copy), "{found}");
    // To the bare address: who got it by the rules gets no copy.
    let all = world.say(3, "<message to='a@h' type='chat'><body>hi</body></message>");
    assert_eq!((keys(&all), copies(&all)), (Vec::from([4, 2, 1]), Vec::from([4, 2])));
}

#[test]
fn what_one_resource_sends_the_others_get_as_copies() {
    let mut world = world();
    // Whether the sender wants copies or not (§8).
    for (sender, expected) in [(1, &[4, 2][..]), (2, &[4])] {
        let all = world.say(sender, "<message to='b@h' type='chat'><body>hi</body></message>");
        assert_eq!(copies(&all), expected);
        assert!(all.iter().filter(|(key, _)| *key != 3).all(|(_, m)| m.contains("<sent ")));
        assert!(got(&all, 3, &["<body>hi</body>"]));
    }
    // To an own resource: one original, one copy for each other, none twice.
    let all = world.say(1, "<message to='a@h/two' type='chat'><body>me</body></message>");
    assert_eq!((keys(&all), copies(&all)), (Vec::from([4, 2]), Vec::from([4])));
}

#[test]
fn which_messages_are_copied_section_6_1_says() {
    let rows: &[(&str, bool)] = &[
        ("<message to='a@h/one' type='chat'/>", true),
        ("<message to='a@h/one'><body>x</body></message>", true),
        ("<message to='a@h/one'/>", false),
        ("<message to='a@h/one'><received xmlns='urn:xmpp:receipts' id='1'/></message>", true),
        (
            "<message to='a@h/one'><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
            true,
        ),
        (
            "<message to='a@h/one'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>",
            true,
        ),
        ("<message to='a@h/one'><x xmlns='jabber:x:conference' jid='r@m'/></message>", true),
        (
            "<message to='a@h/one'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='c@h'/></x></message>",
            true,
        ),
        ("<message to='a@h/one' type='groupchat'><body>x</body></message>", false),
        ("<message to='a@h/one' type='headline'><body>x</body></message>", false),
        ("<message to='a@h/one' type='error'><body>x</body></message>", false),
        // From the participant of a room.
        (
            "<message to='a@h/one' type='chat'><body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>",
            false,
        ),
        // §9
        (
            "<message to='a@h/one' type='chat'><body>x</body><private xmlns='urn:xmpp:carbons:2'/></message>",
            false,
        ),
        (
            "<message to='a@h/one' type='chat'><body>x</body><no-copy xmlns='urn:xmpp:hints'/></message>",
            false,
        ),
    ];
    for (text, copied) in rows {
        let mut world = world();
        let all = world.say(3, text);
        assert_eq!(copies(&all).iter().any(|key| *key != 1), *copied, "{text}: {all:?}");
        assert!(keys(&all).contains(&1), "the original goes its way: {text}");
    }
}

#[test]
fn copies_are_switched_off_and_end_with_the_connection() {
    let mut world = world();
    let disable = "<iq type='set' id='d'><disable xmlns='urn:xmpp:carbons:2'/></iq>";
    // §10.1: twice is no mistake.
    for _ in 0..2 {
        assert!(got(&world.say(2, disable), 2, &["type='result'"]));
    }
    let chat = "<message to='a@h/one' type='chat'><body>x</body></message>";
    assert_eq!(copies(&world.say(3, chat)), [4]);
    world.router.disconnect(&4);
    world.take();
    assert_eq!(copies(&world.say(3, chat)), [0; 0]);
    // As a bind of XEP-0386 asks for it.
    assert!(world.router.enable_carbons(&1) && !world.router.enable_carbons(&99));
    let to_two = "<message to='a@h/two' type='chat'><body>x</body></message>";
    assert_eq!(copies(&world.say(3, to_two)), [1]);
}

/// CVE-2017-5589 and its kin: a forged copy is a message of the forger.
#[test]
fn a_forged_copy_keeps_the_name_of_its_forger() {
    let mut world = world();
    let forged = "<message to='a@h/one' type='chat' from='b@h'>\
        <received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
        <message xmlns='jabber:client' from='c@h/r' to='a@h/one'><body>lies</body></message>\
        </forwarded></received></message>";
    let all = world.say(3, forged);
    assert_eq!(keys(&all), [1], "it is not copied further");
    assert!(all[0].1.contains("from='b@h/x'"));
    let buf = super::stanza(crate::xml::Ns::CLIENT, &all[0].1);
    let own = "a@h/one".parse().unwrap();
    let read = crate::ext::carbons::Carbon::read(&buf.as_message().unwrap(), &own);
    assert!(read.is_none(), "and no client takes it for one: {read:?}");
}

#[test]
fn a_bounced_copy_goes_nowhere() {
    let mut world = world();
    // §10.3: the error of a resource for a copy is addressed to the own account.
    let bounce = format!("<message type='error' to='{}'><error type='cancel'/></message>", "a@h");
    assert_eq!(world.say(2, &bounce), []);
}

/// §6.1: an error is copied when it answers what was copied, and then once.
#[test]
fn an_error_is_copied_when_what_it_answers_was() {
    let mut world = world();
    let chat =
        |id: &str| format!("<message to='b@h/x' type='chat' id='{id}'><body>x</body></message>");
    let error = |id: &str| {
        format!("<message to='a@h/one' type='error' id='{id}'><error type='cancel'/></message>")
    };
    world.say(1, &chat("m1"));
    assert_eq!(copies(&world.say(3, &error("other"))), [0; 0], "it answers nothing");
    let all = world.say(3, &error("m1"));
    assert_eq!(copies(&all), [4, 2]);
    assert!(got(&all, 2, &["<received ", "type='error'", "id='m1'"]), "{all:?}");
    assert_eq!(copies(&world.say(3, &error("m1"))), [0; 0], "once");
    // What was not to be copied is not copied when it comes back.
    let private = chat("m2").replace("</body>", "</body><private xmlns='urn:xmpp:carbons:2'/>");
    world.say(1, &private);
    assert_eq!(copies(&world.say(3, &error("m2"))), [0; 0]);
    // Nor what somebody else says of it.
    world.say(1, &chat("m3"));
    world.connect(7, "c@h/r");
    assert_eq!(copies(&world.say(7, &error("m3"))), [0; 0]);
    // This server's own errors are errors, too.
    let all = world.say(1, &chat("m4").replace("b@h/x", "nobody@h"));
    assert!(got(&all, 1, &["type='error'", "id='m4'"]));
    assert!(got(&all, 2, &["<received ", "service-unavailable", "id='m4'"]), "{all:?}");
    let info =
        "<iq type='get' id='d' to='h'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
    assert!(got(&world.say(1, info), 1, &["urn:xmpp:carbons:rules:0"]));
}

#[test]
fn answerable_max_bounds_what_is_remembered() {
    let config = crate::server::RouterLimits { answerable_max: 2, ..Default::default() };
    let mut world = World::with(super::RouterConfig::new().with_limits(config));
    assert!(world.router.enable_carbons(&2));
    for id in 1..=3 {
        world.say(1, &format!("<message to='b@h/x' type='chat' id='{id}'/>"));
    }
    for (id, copied) in [(1, false), (2, true), (3, true)] {
        let error = format!("<message to='a@h/one' type='error' id='{id}'><error/></message>");
        assert_eq!(copies(&world.say(3, &error)) == [2], copied, "{id}");
    }
}
