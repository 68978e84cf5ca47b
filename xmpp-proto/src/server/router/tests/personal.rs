//! Private data (XEP-0049) and vCards (XEP-0054).

use super::{World, got};
use crate::jid::Jid;
use crate::server::{Part, RouterConfig, RouterEvent};
use alloc::format;

const NOTES: &str = "<iq type='get' id='g'><query xmlns='jabber:iq:private'>\
    <exodus xmlns='exodus:prefs'/></query></iq>";

fn kept(inner: &str) -> alloc::string::String {
    format!("<iq type='set' id='s'><query xmlns='jabber:iq:private'>{inner}</query></iq>")
}

#[test]
fn private_data_come_back_as_they_were_given_and_to_nobody_else() {
    let mut world = World::new();
    // XEP-0049 §2.2: what was never kept is empty.
    let none = world.say(1, NOTES);
    assert!(
        got(&none, 1, &["type='result'", "id='g'", "<exodus xmlns='exodus:prefs'/>"]),
        "{none:?}"
    );
    let data = "<exodus xmlns='exodus:prefs' a=\"1\"><defaultnick>Hamlet</defaultnick></exodus>";
    let done = world.say(1, &kept(data));
    assert!(got(&done, 1, &["type='result'", "id='s'"]), "{done:?}");
    // It is the account's, not the resource's.
    for key in [1, 2] {
        let answer = world.say(key, NOTES);
        assert!(got(&answer, key, &["jabber:iq:private", data]), "{answer:?}");
    }
    // Another namespace is another piece; a new one takes the place of the old.
    world
        .say(2, &kept("<exodus xmlns='other'>x</exodus><exodus xmlns='exodus:prefs'>new</exodus>"));
    assert!(got(&world.say(1, NOTES), 1, &["<exodus xmlns='exodus:prefs'>new</exodus>"]));
    // §2.3, §2.4: nobody else's.
    assert!(got(&world.say(3, NOTES), 3, &["<exodus xmlns='exodus:prefs'/>"]));
    let spied = world.say(3, &NOTES.replace("id='g'", "id='g' to='a@h'"));
    assert!(got(&spied, 3, &["type='error'", "<forbidden"]), "{spied:?}");
    let set = world.say(3, &kept("<e xmlns='p'/>").replace("id='s'", "id='s' to='a@h'"));
    assert!(got(&set, 3, &["type='error'", "<forbidden"]), "{set:?}");
    for (inner, condition) in [("", "bad-request"), ("<e/>", "not-acceptable")] {
        assert!(got(&world.say(1, &kept(inner)), 1, &["type='error'", condition]), "{inner}");
    }
}

#[test]
fn private_max_bounds_what_an_account_keeps() {
    let piece = |n: u32| format!("<e xmlns='p{n}'>x</e>");
    let mut world = World::limited(|limits| limits.private_max = 2 * piece(1).len());
    assert!(got(&world.say(1, &kept(&piece(1))), 1, &["result"]));
    assert!(got(&world.say(1, &kept(&piece(2))), 1, &["result"]));
    assert!(got(&world.say(1, &kept(&piece(3))), 1, &["type='error'", "policy-violation"]));
    // What takes the place of another piece is not counted twice.
    assert!(got(&world.say(1, &kept(&piece(2))), 1, &["result"]));
    // Of several pieces all are kept or none.
    let both = format!("{}{}", piece(1).replace('x', "y"), piece(4));
    assert!(got(&world.say(1, &kept(&both)), 1, &["type='error'"]));
    let get = "<iq type='get' id='g'><query xmlns='jabber:iq:private'><e xmlns='p1'/></query></iq>";
    assert!(got(&world.say(1, get), 1, &["<e xmlns='p1'>x</e>"]));
}

#[test]
fn a_vcard_is_the_owners_to_change_and_everybodys_to_read() {
    let get = |to: &str| format!("<iq type='get' id='v'{to}><vCard xmlns='vcard-temp'/></iq>");
    let card = "<vCard xmlns='vcard-temp'><FN>Ann &amp; co</FN><N><FAMILY/></N></vCard>";
    let set = |to: &str, card: &str| format!("<iq type='set' id='w'{to}>{card}</iq>");
    let mut world = World::new();
    // XEP-0054 §3.1: the own one is empty before there is one.
    assert!(got(&world.say(1, &get("")), 1, &["result", "<vCard xmlns='vcard-temp'/>"]));
    // §3.3: who has none looks like who does not exist.
    let none = world.say(3, &get(" to='a@h'"));
    let nobody = world.say(3, &get(" to='nobody@h'"));
    assert!(got(&none, 3, &["service-unavailable"]));
    assert_eq!(none[0].1.replace("a@h", ""), nobody[0].1.replace("nobody@h", ""));
    // §3.2: only the owner.
    assert!(got(&world.say(3, &set(" to='a@h'", card)), 3, &["type='error'", "forbidden"]));
    assert!(got(&world.say(1, &set("", card)), 1, &["result", "id='w'"]));
    assert!(got(&world.say(2, &get("")), 2, &["result", card]));
    let read = world.say(3, &get(" to='a@h'"));
    assert!(got(&read, 3, &["result", "from='a@h'", card]), "{read:?}");
    // Whom the owner has blocked sees nothing (XEP-0191).
    world.say(
        1,
        "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='b@h'/></block></iq>",
    );
    assert!(got(&world.say(3, &get(" to='a@h'")), 3, &["service-unavailable"]));
    // An empty one is none.
    world.say(1, &set("", "<vCard xmlns='vcard-temp'/>"));
    assert_eq!(world.router.stored(&"a@h".parse().unwrap(), Part::VCard).unwrap(), "<vcard/>");
    // Both are told of as features.
    let info = world.say(
        1,
        "<iq type='get' id='d' to='h'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    );
    assert!(got(&info, 1, &["var='vcard-temp'", "var='jabber:iq:private'"]), "{info:?}");
    assert!(!got(&info, 1, &["jabber:iq:register"]));
}

#[test]
fn vcard_max_bounds_a_vcard() {
    let card = "<vCard xmlns='vcard-temp'><FN>12</FN></vCard>";
    let mut world = World::limited(|limits| limits.vcard_max = card.len());
    let set = |card: &str| format!("<iq type='set' id='w'>{card}</iq>");
    assert!(got(&world.say(1, &set(card)), 1, &["result"]));
    let long = card.replace("12", "123");
    assert!(got(&world.say(1, &set(&long)), 1, &["type='error'", "policy-violation"]));
}

#[test]
fn private_data_and_vcards_outlive_the_process() {
    let mut world = World::new();
    let data = "<p:e xmlns:p='one'><p:x p:a='&lt;'/></p:e>";
    let card = "<vCard xmlns='vcard-temp'><FN>Ann</FN></vCard>";
    world.say(1, &kept(&format!("{data}<f xmlns='two'/>")));
    world.say(1, &format!("<iq type='set' id='w'>{card}</iq>"));
    let a: Jid = "a@h".parse().unwrap();
    let mut again = World::with(RouterConfig::new());
    for part in [Part::Private, Part::VCard] {
        let changed = RouterEvent::Changed { account: a.clone(), part };
        assert!(world.events.contains(&changed), "{part:?}");
        let text = world.router.stored(&a, part).unwrap();
        again.router.restore(&a, part, &text).unwrap();
        assert_eq!(again.router.stored(&a, part).unwrap(), text);
        assert!(again.router.restore(&a, part, "<other/>").is_err());
    }
    let get =
        "<iq type='get' id='g'><query xmlns='jabber:iq:private'><e xmlns='one'/></query></iq>";
    let answer = again.say(1, get);
    assert!(got(&answer, 1, &["<p:e xmlns:p='one'", "<p:x p:a='&lt;'/></p:e>"]), "{answer:?}");
    assert!(got(
        &again.say(1, "<iq type='get' id='v'><vCard xmlns='vcard-temp'/></iq>"),
        1,
        &[card]
    ));
}
