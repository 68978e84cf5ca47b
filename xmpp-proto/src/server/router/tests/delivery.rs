//! RFC 6121 §8.5: where a stanza for a local user goes.

use super::{World, got, keys};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// What becomes of a message, in the letters of §8.5.4.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// O
    Offline,
    /// E
    Error,
    /// S
    Silence,
    /// D, M, A: delivered to these connections.
    To(Vec<u32>),
}

use Fate::{Error, Offline, Silence, To};

/// Connections of `a` with these priorities, numbered from 1; the sender is 9.
fn world(priorities: &[i8]) -> World {
    let mut world = World::empty(super::RouterConfig::new());
    world.connect(9, "b@h/x");
    world.say(9, "<presence/>");
    for (key, priority) in (1..).zip(priorities) {
        world.connect(key, &format!("a@h/r{key}"));
        world.say(key, &format!("<presence><priority>{priority}</priority></presence>"));
    }
    world
}

fn fate(world: &mut World, to: &str, kind: &str) -> Fate {
    let text = format!("<message to='{to}' type='{kind}'><body>x</body></message>");
    let got = world.say(9, &text);
    if let [(9, error)] = got.as_slice() {
        assert!(error.contains("type='error'") && error.contains("service-unavailable"), "{error}");
        return Error;
    }
    if !got.is_empty() {
        // §8.5.2.1.1: the recipient's address is not rewritten.
        let address = format!("to='{to}'");
        assert!(got.iter().all(|(_, sent)| sent.contains(&address)), "{got:?}");
        return To(keys(&got));
    }
    // What nobody got now comes when somebody is there who takes messages.
    world.router.connect(5, &"a@h/later".parse().unwrap());
    let later = world.say(5, "<presence/>");
    match later.iter().any(|(key, sent)| *key == 5 && sent.contains("<body>x</body>")) {
        true => Offline,
        false => Silence,
    }
}

#[test]
fn the_table_of_rfc_6121_section_8_5_4_in_full() {
    let kinds = ["normal", "chat", "groupchat", "headline"];
    // Priorities of the resources, the recipient, what becomes of the four types. Where the
    // table leaves a choice, this is ours.
    let rows: Vec<(&str, &[i8], &str, [Fate; 4])> = vec![
        ("no account, bare", &[], "z@h", [Error, Error, Error, Silence]),
        ("no account, full", &[], "z@h/r1", [Error, Error, Error, Silence]),
        ("no resources, bare", &[], "a@h", [Offline, Offline, Error, Silence]),
        ("no resources, full", &[], "a@h/r1", [Error, Offline, Error, Silence]),
        ("negative, bare", &[-1], "a@h", [Offline, Offline, Error, Silence]),
        (
            "negative, full match",
            &[-1],
            "a@h/r1",
            [To(vec![1]), To(vec![1]), To(vec![1]), To(vec![1])],
        ),
        ("negative, no match", &[-1], "a@h/r7", [Error, Offline, Error, Silence]),
        ("one, bare", &[0], "a@h", [To(vec![1]), To(vec![1]), Error, To(vec![1])]),
        ("one, full match", &[0], "a@h/r1", [To(vec![1]), To(vec![1]), To(vec![1]), To(vec![1])]),
        ("one, no match", &[0], "a@h/r7", [Error, To(vec![1]), Error, Silence]),
        // M: all of the highest priority; A: all that are not negative.
        (
            "several, bare",
            &[2, 5, 5, -1],
            "a@h",
            [To(vec![2, 3]), To(vec![2, 3]), Error, To(vec![1, 2, 3])],
        ),
        (
            "several, full match",
            &[2, 5, 5, -1],
            "a@h/r4",
            [To(vec![4]), To(vec![4]), To(vec![4]), To(vec![4])],
        ),
        ("several, no match", &[2, 5, 5, -1], "a@h/r7", [Error, To(vec![2, 3]), Error, Silence]),
    ];
    for (name, priorities, to, fates) in rows {
        for (kind, expected) in kinds.into_iter().zip(fates) {
            let mut world = world(priorities);
            assert_eq!(fate(&mut world, to, kind), expected, "{name}, {kind}");
        }
        let mut world = world(priorities);
        let error = format!("<message to='{to}' type='error'><error/></message>");
        let bare = !to.contains('/');
        // §8.5.2.1.1, §8.5.2.2.1, §8.5.3.2.1: an error goes to its resource or nowhere.
        let expected: &[u32] = match name.ends_with("full match") {
            true if to.ends_with("r4") => &[4],
            true => &[1],
            false => &[],
        };
        assert_eq!(keys(&world.say(9, &error)), expected, "{name}, error, bare: {bare}");
    }
}

#[test]
fn other_stanzas_go_where_rfc_6121_section_8_says() {
    let rows: &[(&str, &[u32], &str)] = &[
        // §8.5.3.2.1 and no recipient (RFC 6120 §10.3.1)
        ("<message to='x@elsewhere' type='chat'/>", &[3], "remote-server-not-found"),
        ("<message to='h'/>", &[3], "service-unavailable"),
        ("<message type='chat'/>", &[3], "to='b@h'"),
        // §8.5.3.1: a stranger does not find out who is there.
        ("<iq type='get' id='1' to='a@h/one'><q xmlns='u'/></iq>", &[3], "service-unavailable"),
        ("<iq type='set' id='1' to='a@h/one'><q xmlns='u'/></iq>", &[3], "service-unavailable"),
        ("<iq type='result' id='1' to='a@h/one'/>", &[1], "type='result'"),
        ("<iq type='error' id='1' to='a@h/one'/>", &[1], "type='error'"),
        // §8.5.3.2.3
        ("<iq type='get' id='1' to='a@h/gone'><q xmlns='u'/></iq>", &[3], "service-unavailable"),
        ("<iq type='result' id='1' to='a@h/gone'/>", &[], ""),
        // §8.5.1, §8.5.2.1.3
        ("<iq type='get' id='1' to='z@h'><q xmlns='u'/></iq>", &[3], "service-unavailable"),
        ("<iq type='get' id='1' to='a@h'><q xmlns='u'/></iq>", &[3], "service-unavailable"),
        ("<iq type='result' id='1' to='a@h'/>", &[], ""),
        ("<iq type='get' id='1'><q xmlns='u'/></iq>", &[3], "service-unavailable"),
        // §8.5.2.1.2, §8.5.3.1, §8.5.3.2.2
        ("<presence to='a@h/one'/>", &[1], "from='b@h/x'"),
        ("<presence to='a@h'/>", &[1, 2], "to='a@h'"),
        ("<presence to='a@h/gone'/>", &[], ""),
        ("<presence to='z@h'/>", &[], ""),
        ("<presence type='unavailable' to='z@h'/>", &[], ""),
        // §8.5.1: whether there is such an account is not told.
        ("<presence type='subscribe' to='z@h'/>", &[], ""),
        ("<presence type='unsubscribe' to='z@h'/>", &[], ""),
    ];
    for (text, to, contains) in rows {
        let got = World::new().say(3, text);
        assert_eq!(keys(&got), *to, "{text}: {got:?}");
        assert!(got.iter().all(|(_, sent)| sent.contains(contains)), "{text}: {got:?}");
    }
}

#[test]
fn requests_reach_a_resource_from_those_who_may_see_it() {
    let ask = "<iq type='get' id='1' to='a@h/one'><q xmlns='u'/></iq>";
    // By a subscription ..
    let mut world = World::new();
    world.befriend((1, "a@h"), (3, "b@h"));
    assert_eq!(keys(&world.say(3, ask)), [1]);
    // .. by directed presence, until it is taken back ..
    let mut world = World::new();
    world.say(1, "<presence to='b@h/x'/>");
    assert_eq!(keys(&world.say(3, ask)), [1]);
    world.say(1, "<presence type='unavailable' to='b@h/x'/>");
    assert_eq!(keys(&world.say(3, ask)), [3]);
    // .. as the same user ..
    assert_eq!(keys(&world.say(2, ask)), [1]);
    // .. and from anybody when the host wants that.
    let mut config = super::RouterConfig::new();
    config.guard_requests = false;
    assert_eq!(keys(&World::with(config).say(3, ask)), [1]);
}

#[test]
fn the_server_answers_for_itself() {
    let mut world = World::new();
    let get = |query: &str| format!("<iq type='get' id='1' to='h'>{query}</iq>");
    let time = "<time xmlns='urn:xmpp:time'/>";
    let last = "<query xmlns='jabber:iq:last'/>";
    // Nobody told it what time it is.
    for query in [time, last] {
        assert!(world.say(3, &get(query))[0].1.contains("service-unavailable"));
    }
    world.at(1_000_000_000);
    world.at(1_000_000_060);
    let rows: &[(&str, &str)] = &[
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "category='server' type='im'"),
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "urn:xmpp:carbons:2"),
        ("<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>", "item-not-found"),
        ("<query xmlns='http://jabber.org/protocol/disco#items'/>", "disco#items'/></iq>"),
        ("<ping xmlns='urn:xmpp:ping'/>", "type='result'"),
        ("<query xmlns='jabber:iq:version'/>", "<name>xmpp-proto</name>"),
        (time, "<tzo>+00:00</tzo><utc>2001-09-09T01:47:40.000000Z</utc>"),
        (last, "seconds='60'"),
        ("<q xmlns='u'/>", "service-unavailable"),
    ];
    for (query, contains) in rows {
        let got = world.say(3, &get(query));
        let [(3, answer)] = got.as_slice() else { panic!("{query}: {got:?}") };
        assert!(answer.contains(contains), "{query}: {answer}");
        assert!(answer.contains("from='h'") && answer.contains("to='b@h/x'"), "{answer}");
    }
}

#[test]
fn the_server_answers_for_an_account() {
    let mut world = World::new();
    world.at(1000);
    let ask = |to: &str, query: &str| format!("<iq type='get' id='1' to='{to}'>{query}</iq>");
    let disco = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let last = "<query xmlns='jabber:iq:last'/>";
    let answer = |world: &mut World, key, to: &str, query: &str| {
        let got = world.say(key, &ask(to, query));
        let all: Vec<String> = got.into_iter().map(|(_, sent)| sent).collect();
        all.concat()
    };
    // A stranger learns nothing ..
    assert!(answer(&mut world, 3, "a@h", disco).contains("service-unavailable"));
    assert!(answer(&mut world, 3, "a@h", last).contains("forbidden"));
    // .. not even whether there is such an account ..
    for query in [
        disco,
        last,
        "<query xmlns='jabber:iq:roster'/>",
        "<query xmlns='jabber:iq:private'><e xmlns='p'/></query>",
        "<query xmlns='urn:xmpp:mam:2'/>",
        "<prefs xmlns='urn:xmpp:mam:2'/>",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/></pubsub>",
        "<blocklist xmlns='urn:xmpp:blocking'/>",
        "<vCard xmlns='vcard-temp'/>",
        "<query xmlns='jabber:iq:register'/>",
    ] {
        for kind in ["get", "set"] {
            let ask = |to: &str| format!("<iq type='{kind}' id='1' to='{to}'>{query}</iq>");
            let [there, nowhere] = ["a@h", "z@h"].map(|to| world.say(3, &ask(to)));
            let [(3, there), (3, nowhere)] = [&there[0], &nowhere[0]] else { panic!("{query}") };
            assert_eq!(there.replace("a@h", "z@h"), *nowhere, "{kind} {query}");
        }
    }
    // .. a friend does ..
    world.befriend((1, "a@h"), (3, "b@h"));
    assert!(answer(&mut world, 3, "a@h", disco).contains("category='account'"));
    assert!(answer(&mut world, 3, "a@h", last).contains("seconds='0'"));
    world.say(2, "<presence type='unavailable'/>");
    world.at(1010);
    world.say(1, "<presence type='unavailable'><status>gone &amp; out</status></presence>");
    world.at(1030);
    assert!(answer(&mut world, 3, "a@h", last).contains("seconds='20'>gone &amp; out</query>"));
    // .. and nobody gets rosters or archives of others.
    for query in ["<query xmlns='jabber:iq:roster'/>", "<query xmlns='urn:xmpp:mam:2'/>"] {
        assert!(answer(&mut world, 3, "a@h", query).contains("forbidden"), "{query}");
    }
    // To the own account, whichever way it is addressed.
    for to in ["to='b@h'", ""] {
        let ping = format!("<iq type='get' id='1' {to}><ping xmlns='urn:xmpp:ping'/></iq>");
        assert!(world.say(3, &ping)[0].1.contains("type='result'"));
    }
}

#[test]
fn connections_of_one_account_are_bounded() {
    let mut world = World::limited(|limits| limits.sessions_max = 3);
    let room = |world: &World, jid: &str| world.router.has_room(&jid.parse().unwrap());
    assert!(room(&world, "a@h/three"));
    world.connect(4, "a@h/three");
    assert!(!room(&world, "a@h/four"), "one more than the limit");
    assert!(room(&world, "a@h/three"), "who replaces another needs no room");
    assert!(room(&world, "b@h/four"));
}

#[test]
fn what_is_only_typing_does_not_wait() {
    let mut world = World::new();
    let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let secret = "<body>x</body><no-store xmlns='urn:xmpp:hints'/>";
    for (content, kept) in [(typing, false), (secret, false), ("<body>y</body>", true)] {
        assert_eq!(world.say(3, &format!("<message to='c@h'>{content}</message>")), []);
        world.connect(4, "c@h/r");
        let got = world.say(4, "<presence/>");
        assert_eq!(got.iter().any(|(_, sent)| sent.starts_with("<message")), kept, "{content}");
        world.router.disconnect(&4);
        world.take();
    }
}

/// A question that the resource never got has an answer all the same.
#[test]
fn who_asked_a_resource_that_is_gone_is_told() {
    let mut world = World::new();
    let asked = |kind: &str, from: &str| {
        let text = format!(
            "<iq type='{kind}' id='7' from='{from}' to='a@h/two'><ping xmlns='urn:xmpp:ping'/></iq>"
        );
        crate::stanza::StanzaXml::spliced(text)
    };
    let gone = "a@h/two".parse().unwrap();
    world.router.disconnect(&2);
    world.take();
    world.router.redeliver(&gone, asked("get", "b@h/x"));
    let all = world.take();
    assert_eq!(keys(&all), [3]);
    assert!(got(&all, 3, &["type='error'", "id='7'", "from='a@h/two'", "service-unavailable"]));
    // An answer has none, and who is gone himself gets nothing.
    world.router.redeliver(&gone, asked("result", "b@h/x"));
    world.router.redeliver(&gone, asked("get", "z@h/x"));
    assert_eq!(world.take(), []);
}
