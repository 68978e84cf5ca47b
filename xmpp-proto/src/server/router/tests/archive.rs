//! Archives (XEP-0313) and what goes into them (XEP-0441).

use super::{World, got, keys};
use crate::ext::archive::{Archived, Fin};
use crate::server::{ArchiveEntry, RouterConfig, RouterEvent};
use crate::xml::Ns;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A world whose host keeps archives in memory.
struct Keeper {
    world: World,
    archives: BTreeMap<String, Vec<ArchiveEntry>>,
    page_max: usize,
}

impl Keeper {
    fn new() -> Self {
        let mut world = World::with(RouterConfig::new().with_archive());
        world.at(1_700_000_000);
        Self { world, archives: BTreeMap::new(), page_max: 50 }
    }

    /// What the router delivers, after its host did what it was asked.
    fn say(&mut self, key: u32, text: &str) -> Vec<(u32, String)> {
        let mut all = self.world.say(key, text);
        for event in core::mem::take(&mut self.world.events) {
            match event {
                RouterEvent::Archived { account, entry } => {
                    self.archives.entry(account.to_string()).or_default().push(entry);
                }
                RouterEvent::ArchiveQueried { query, account, wanted } => {
                    let entries = self.archives.entry(account.to_string()).or_default();
                    match wanted.page(&account, entries, self.page_max) {
                        Ok(page) => assert!(self.world.router.answer_archive(query, &page)),
                        Err(why) => assert!(self.world.router.refuse_archive(query, why)),
                    }
                    all.extend(self.world.take());
                }
                _ => {}
            }
        }
        all
    }

    /// `b` says these to `a`, a second after each other.
    fn fill(&mut self, texts: &[&str]) {
        for (n, text) in (0..).zip(texts) {
            self.world.at(1_700_000_000 + n);
            self.say(3, &format!("<message to='a@h' type='chat'><body>{text}</body></message>"));
        }
    }

    /// Asks as connection 1; gives the bodies, the answer, and the ids.
    fn ask(&mut self, query: &str) -> (Vec<String>, String, Vec<String>) {
        let text = format!(
            "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' queryid='f27'>{query}</query></iq>"
        );
        let mut all = self.say(1, &text);
        assert!(all.iter().all(|(key, _)| *key == 1));
        let (_, answer) = all.pop().unwrap();
        let own = "a@h/one".parse().unwrap();
        let (mut bodies, mut ids) = (Vec::new(), Vec::new());
        for (_, sent) in all {
            let buf = super::stanza(Ns::CLIENT, &sent);
            let message = buf.as_message().unwrap();
            let found = Archived::read(&message, &own, None).expect(&sent);
            assert_eq!(found.query, "f27");
            assert!(found.forwarded.delay.is_some());
            bodies.push(found.forwarded.message().unwrap().body().unwrap().into_owned());
            ids.push(found.id.into_owned());
        }
        (bodies, answer, ids)
    }
}

fn page(rsm: &str) -> String {
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set>")
}

type Fields<'a> = &'a [(&'a str, &'a str)];

fn form(fields: Fields<'_>) -> String {
    let mut text = "<x xmlns='jabber:x:data' type='submit'>\
        <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
        .to_string();
    for (name, value) in fields {
        text += &format!("<field var='{name}'><value>{value}</value></field>");
    }
    text + "</x>"
}

#[test]
fn both_sides_archive_and_only_the_owner_learns_the_id() {
    let mut keeper = Keeper::new();
    let chat = "<message to='a@h/one' type='chat' id='m'><body>hi</body>\
        <stanza-id xmlns='urn:xmpp:sid:0' by='a@h' id='forged'/></message>";
    let all = keeper.say(3, chat);
    let entry = |account: &str| keeper.archives[account][0].clone();
    let (ours, theirs) = (entry("a@h"), entry("b@h"));
    assert_ne!(ours.id, theirs.id);
    assert_eq!((ours.with.as_str(), theirs.with.as_str()), ("b@h/x", "a@h/one"));
    // XEP-0359 §6: what somebody else says in our name is taken off.
    assert!(!all[0].1.contains("forged") && !ours.stanza.as_str().contains("forged"));
    let id = format!("<stanza-id xmlns='urn:xmpp:sid:0' id='{}' by='a@h'/>", ours.id);
    assert!(all[0].1.contains(&id), "{all:?}");
    assert!(!all[0].1.contains(&theirs.id), "nobody else is told the sender's id (§3.5)");
    // §3: unpredictable.
    assert_eq!(ours.id.len(), 32);
}

#[test]
fn an_archive_is_read_page_by_page_in_both_directions() {
    let mut keeper = Keeper::new();
    keeper.fill(&["0", "1", "2", "3", "4", "5", "6"]);
    let (bodies, answer, ids) = keeper.ask("");
    assert_eq!(bodies, ["0", "1", "2", "3", "4", "5", "6"]);
    assert!(answer.contains("complete='true'") && answer.contains("<count>7</count>"), "{answer}");

    let (bodies, answer, _) = keeper.ask(&page("<max>3</max>"));
    assert_eq!(bodies, ["0", "1", "2"]);
    assert!(!answer.contains("complete"));
    assert!(
        answer.contains(&format!("<first index='0'>{}</first><last>{}</last>", ids[0], ids[2]))
    );
    let after = |id: &str| page(&format!("<max>3</max><after>{id}</after>"));
    let (bodies, answer, _) = keeper.ask(&after(&ids[2]));
    assert_eq!(bodies, ["3", "4", "5"]);
    assert!(answer.contains("<first index='3'>"), "{answer}");
    let (bodies, answer, _) = keeper.ask(&after(&ids[5]));
    assert_eq!(bodies, ["6"]);
    assert!(answer.contains("complete='true'"));
    assert_eq!(keeper.ask(&after(&ids[6])).0, [""; 0]);

    // Backwards; the page itself is in order (XEP-0059 §2.3), unless it is flipped.
    let (bodies, answer, _) = keeper.ask(&page("<max>3</max><before/>"));
    assert_eq!(bodies, ["4", "5", "6"]);
    assert!(!answer.contains("complete"));
    let before = format!("<max>9</max><before>{}</before>", ids[4]);
    let (bodies, answer, _) = keeper.ask(&page(&before));
    assert_eq!(bodies, ["0", "1", "2", "3"]);
    assert!(answer.contains("complete='true'"));
    let (bodies, answer, _) = keeper.ask(&(page("<max>2</max><before/>") + "<flip-page/>"));
    assert_eq!(bodies, ["6", "5"]);
    assert!(answer.contains(&format!("<first index='5'>{}</first>", ids[5])), "{answer}");

    // Only the number (XEP-0059 §2.7).
    let (bodies, answer, _) = keeper.ask(&page("<max>0</max>"));
    assert_eq!(bodies, [""; 0]);
    assert!(answer.contains("<count>7</count>") && !answer.contains("<first"), "{answer}");
    // A page is never longer than the host allows.
    keeper.page_max = 2;
    assert_eq!(keeper.ask(&page("<max>5</max>")).0, ["0", "1"]);
    assert_eq!(keeper.ask("").0.len(), 2);
}

#[test]
fn an_archive_is_searched() {
    let mut keeper = Keeper::new();
    keeper.fill(&["0", "1", "2"]);
    keeper.say(1, "<message to='c@h' type='chat'><body>to c</body></message>");
    keeper.say(1, "<message to='a@h' type='chat'><body>to me</body></message>");
    let (all, _, ids) = keeper.ask("");
    assert_eq!(all, ["0", "1", "2", "to c", "to me"]);
    let rows: [(Fields<'_>, &[&str]); 11] = [
        (&[("with", "b@h")], &["0", "1", "2"]),
        (&[("with", "b@h/x")], &["0", "1", "2"]),
        (&[("with", "b@h/y")], &[]),
        (&[("with", "c@h")], &["to c"]),
        (&[("with", "a@h")], &["to me"]),
        (&[("start", "2023-11-14T22:13:21Z")], &["1", "2", "to c", "to me"]),
        (&[("end", "2023-11-14T22:13:21Z")], &["0", "1"]),
        (&[("start", "2023-11-14T23:13:21+01:00"), ("end", "2023-11-14T22:13:21.999Z")], &["1"]),
        (&[("after-id", &ids[2])], &["to c", "to me"]),
        (&[("before-id", &ids[2]), ("after-id", &ids[0])], &["1"]),
        (&[("ids", &ids[3])], &["to c"]),
    ];
    for (fields, expected) in rows {
        assert_eq!(keeper.ask(&form(fields)).0, expected, "{fields:?}");
    }
    let refusals: [(Fields<'_>, &str); 6] = [
        (&[("after-id", "nothing")], "item-not-found"),
        (&[("before-id", "nothing")], "item-not-found"),
        (&[("ids", "nothing")], "item-not-found"),
        (&[("with", "@")], "jid-malformed"),
        (&[("start", "yesterday")], "bad-request"),
        (&[("colour", "red")], "feature-not-implemented"),
    ];
    for (fields, condition) in refusals {
        assert!(keeper.ask(&form(fields)).1.contains(condition), "{fields:?}");
    }
    for (rsm, condition) in [
        ("<after>nothing</after>", "item-not-found"),
        ("<before>nothing</before>", "item-not-found"),
        ("<max>many</max>", "bad-request"),
    ] {
        assert!(keeper.ask(&page(rsm)).1.contains(condition), "{rsm}");
    }
}

#[test]
fn what_is_archived() {
    let rows: &[(&str, bool)] = &[
        ("<message to='a@h' type='chat'><body>x</body></message>", true),
        ("<message to='a@h'><body>x</body></message>", true),
        ("<message to='a@h'><subject>x</subject></message>", false),
        ("<message to='a@h' type='headline'><body>x</body></message>", false),
        ("<message to='a@h' type='groupchat'><body>x</body></message>", false),
        (
            "<message to='a@h' type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
            false,
        ),
        (
            "<message to='a@h' type='chat'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>",
            false,
        ),
        (
            "<message to='a@h' type='chat'><body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>",
            false,
        ),
        ("<message to='a@h' type='chat'><store xmlns='urn:xmpp:hints'/></message>", true),
        // Nobody gets it, so nobody received it.
        ("<message to='a@h/gone'><body>x</body></message>", false),
    ];
    for (text, archived) in rows {
        let mut keeper = Keeper::new();
        keeper.say(3, text);
        assert_eq!(keeper.archives.contains_key("a@h"), *archived, "{text}");
    }
    // What waits is archived once, when it comes.
    let mut keeper = Keeper::new();
    keeper.say(3, "<message to='c@h'><body>x</body></message>");
    keeper.world.connect(4, "c@h/r");
    let got = keeper.say(4, "<presence/>");
    let kept = &got.iter().find(|(_, m)| m.starts_with("<message")).unwrap().1;
    assert!(kept.contains("<stanza-id") && kept.contains("<delay"), "{kept}");
    assert_eq!(keeper.archives["c@h"].len(), 1);
    // Without the time of day there is no archive.
    let mut world = World::with(RouterConfig::new().with_archive());
    world.say(3, "<message to='a@h'><body>x</body></message>");
    assert!(!world.events.iter().any(|e| matches!(e, RouterEvent::Archived { .. })));
}

#[test]
fn users_say_what_is_archived() {
    let mut keeper = Keeper::new();
    let get = "<iq type='get' id='p'><prefs xmlns='urn:xmpp:mam:2'/></iq>";
    let all = keeper.say(1, get);
    let prefs = "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs>";
    assert!(got(&all, 1, &[prefs]), "{all:?}");
    let set = |default: &str, always: &str, never: &str| {
        format!(
            "<iq type='set' id='p'><prefs xmlns='urn:xmpp:mam:2' default='{default}'>\
             <always>{always}</always><never>{never}</never></prefs></iq>"
        )
    };
    let b = "<jid>b@h</jid>";
    let rows = [
        (set("always", "", ""), true),
        (set("always", "", b), false),
        (set("always", "", "<jid>b@h/x</jid>"), false),
        (set("always", "", "<jid>b@h/other</jid>"), true),
        (set("never", "", ""), false),
        (set("never", b, ""), true),
        (set("never", b, "<jid>b@h/x</jid>"), false),
        (set("roster", "", ""), false),
    ];
    for (prefs, archived) in rows {
        let mut keeper = Keeper::new();
        let answer = keeper.say(1, &prefs);
        assert!(got(&answer, 1, &["type='result'", "<prefs"]), "{answer:?}");
        keeper.fill(&["x"]);
        assert_eq!(keeper.archives.contains_key("a@h"), archived, "{prefs}");
    }
    keeper.say(1, &set("roster", "", ""));
    keeper.say(
        1,
        "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='b@h'/></query></iq>",
    );
    keeper.fill(&["x"]);
    assert!(keeper.archives.contains_key("a@h"));
    for (bad, condition) in [
        (set("sometimes", "", ""), "bad-request"),
        (set("always", "<jid>@</jid>", ""), "bad-request"),
    ] {
        assert!(got(&keeper.say(1, &bad), 1, &[condition]), "{bad}");
    }
}

#[test]
fn support_fields_and_ends_are_told() {
    let mut keeper = Keeper::new();
    let disco = "<iq type='get' id='i' to='a@h'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
    assert!(got(&keeper.say(1, disco), 1, &["urn:xmpp:mam:2'", "urn:xmpp:mam:2#extended"]));
    let fields = keeper.say(1, "<iq type='get' id='f'><query xmlns='urn:xmpp:mam:2'/></iq>");
    assert!(got(&fields, 1, &["var='with'", "var='before-id'", "list-multi", "<open "]));
    let metadata = "<iq type='get' id='m'><metadata xmlns='urn:xmpp:mam:2'/></iq>";
    assert!(got(&keeper.say(1, metadata), 1, &["<metadata xmlns='urn:xmpp:mam:2'/>"]));
    keeper.fill(&["0", "1", "2"]);
    let (_, _, ids) = keeper.ask("");
    let all = keeper.say(1, metadata);
    assert_eq!(keys(&all), [1]);
    let start = format!("<start id='{}' timestamp='2023-11-14T22:13:20.000000Z'/>", ids[0]);
    let end = format!("<end id='{}' timestamp='2023-11-14T22:13:22.000000Z'/>", ids[2]);
    assert!(got(&all, 1, &[&start, &end]), "{all:?}");
    // Without an archive none of it is there.
    for text in [metadata, "<iq type='get' id='p'><prefs xmlns='urn:xmpp:mam:2'/></iq>"] {
        assert!(got(&World::new().say(1, text), 1, &["service-unavailable"]));
    }
}

#[test]
fn questions_that_wait_are_bounded_and_may_outlive_their_connection() {
    let limits = crate::server::RouterLimits { queries_max: 2, ..Default::default() };
    let mut world = World::with(RouterConfig::new().with_archive().with_limits(limits));
    world.at(1);
    world.events.clear();
    let ask = "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>";
    assert_eq!(world.say(1, ask), []);
    assert_eq!(world.say(3, ask), []);
    assert!(got(&world.say(3, ask), 3, &["resource-constraint"]));
    let queries: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match event {
            RouterEvent::ArchiveQueried { query, .. } => Some(*query),
            _ => None,
        })
        .collect();
    // One has moved to another connection, one is gone.
    assert!(world.router.rename(&1, 11));
    world.router.disconnect(&3);
    world.take();
    let page = crate::server::ArchivePage::new(Vec::new(), true);
    assert!(world.router.answer_archive(queries[0], &page));
    assert!(world.router.answer_archive(queries[1], &page));
    assert_eq!(keys(&world.take()), [11]);
    assert!(!world.router.answer_archive(queries[0], &page), "once");
    assert!(!world.router.refuse_archive(queries[1], crate::stanza::Condition::ItemNotFound));
}

#[test]
fn the_end_of_a_query_is_read_as_it_is_written() {
    let mut keeper = Keeper::new();
    keeper.fill(&["0", "1"]);
    let (_, answer, ids) = keeper.ask(&page("<max>1</max><before/>"));
    let buf = super::stanza(Ns::CLIENT, &answer);
    let iq = buf.as_iq().unwrap();
    let fin = Fin::read(iq.payload().unwrap()).unwrap();
    assert_eq!((fin.index, fin.count, fin.complete), (Some(1), Some(2), false));
    assert_eq!((fin.first.as_deref(), fin.last.as_deref()), (Some(&*ids[0]), Some(&*ids[0])));
}
