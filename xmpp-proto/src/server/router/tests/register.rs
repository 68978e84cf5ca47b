//! Passwords are changed and accounts removed by those who are logged in (XEP-0077).

use super::{World, got};
use crate::server::{Part, QueryId, RouterConfig, RouterEvent};
use crate::stanza::Condition;
use alloc::format;
use alloc::string::String;

fn set(to: &str, inner: &str) -> String {
    format!("<iq type='set' id='r'{to}><query xmlns='jabber:iq:register'>{inner}</query></iq>")
}

const NEW: &str = "<username>a</username><password>new</password>";

fn asked(world: &mut World) -> Option<QueryId> {
    world.events.drain(..).find_map(|event| match event {
        RouterEvent::PasswordChangeRequested { query, account, password } => {
            assert_eq!((account.as_str(), password.expose()), ("a@h", "new"));
            Some(query)
        }
        RouterEvent::RemovalRequested { query, account } => {
            assert_eq!(account.as_str(), "a@h");
            Some(query)
        }
        _ => None,
    })
}

#[test]
fn a_password_is_changed_when_the_host_has_kept_it() {
    let mut world = World::with(RouterConfig::new().with_registration());
    let form =
        world.say(1, "<iq type='get' id='f' to='h'><query xmlns='jabber:iq:register'/></iq>");
    let parts = ["type='result'", "from='h'", "<registered/>", "<username>a</username>"];
    assert!(got(&form, 1, &parts), "{form:?}");
    for to in ["", " to='h'", " to='a@h'"] {
        assert_eq!(world.say(1, &set(to, NEW)), [], "the host is asked first");
        let query = asked(&mut world).unwrap();
        assert!(world.router.accept_registration(query));
        assert!(!world.router.accept_registration(query), "once");
        assert!(got(&world.take(), 1, &["type='result'", "id='r'", "to='a@h/one'"]));
    }
    world.say(1, &set("", NEW));
    let query = asked(&mut world).unwrap();
    assert!(!world.router.refuse_archive(query, Condition::Forbidden), "another question");
    assert!(world.router.refuse_registration(query, Condition::NotAcceptable));
    assert!(got(&world.take(), 1, &["type='error'", "id='r'", "not-acceptable"]));
}

#[test]
fn what_is_wrong_with_a_registration_never_reaches_the_host() {
    let mut world = World::with(RouterConfig::new().with_registration());
    for (key, text, condition) in [
        (1, set("", "<username>b</username><password>x</password>"), "not-allowed"),
        (1, set("", "<username>a</username>"), "not-acceptable"),
        (1, set("", "<remove/><username>a</username>"), "bad-request"),
        // Somebody else's account.
        (3, set(" to='a@h'", "<remove/>"), "service-unavailable"),
    ] {
        let answer = world.say(key, &text);
        assert!(got(&answer, key, &["type='error'", condition]), "{text}: {answer:?}");
    }
    let foreign = "<iq type='set' id='r' from='x@far/r' to='h'>\
        <query xmlns='jabber:iq:register'><remove/></query></iq>";
    world.router.handle_remote(&super::stanza(crate::xml::Ns::CLIENT, foreign));
    assert_eq!(asked(&mut world), None);
    // Where it is not offered, nobody is asked.
    let mut world = World::new();
    assert!(got(&world.say(1, &set("", NEW)), 1, &["service-unavailable"]));
    assert_eq!(asked(&mut world), None);
}

#[test]
fn queries_max_bounds_registrations_that_wait() {
    let limits = crate::server::RouterLimits { queries_max: 2, ..Default::default() };
    let mut world = World::with(RouterConfig::new().with_registration().with_limits(limits));
    for _ in 0..2 {
        assert_eq!(world.say(1, &set("", NEW)), []);
    }
    assert!(got(&world.say(1, &set("", NEW)), 1, &["resource-constraint"]));
    let query = asked(&mut world).unwrap();
    world.router.accept_registration(query);
    world.take();
    assert_eq!(world.say(1, &set("", NEW)), []);
}

#[test]
fn a_removed_account_leaves_nothing_and_everybody_is_told() {
    let mut world = World::with(RouterConfig::new().with_registration());
    world.befriend((1, "a@h"), (3, "b@h"));
    world.say(3, "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>");
    // Who waits for an answer.
    world.connect(4, "c@h/r");
    world.say(4, "<presence/>");
    world.say(4, "<presence to='a@h' type='subscribe'/>");
    world.say(1, "<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>A</FN></vCard></iq>");
    assert_eq!(world.say(1, &set("", "<remove/>")), []);
    let query = asked(&mut world).unwrap();
    let a = "a@h".parse().unwrap();
    assert!(world.router.accept_registration(query));
    assert_eq!(world.router.remove_account(&a), [1, 2]);
    let told = world.take();
    assert!(got(&told[..1], 1, &["type='result'", "id='r'"]), "first the answer: {told:?}");
    assert!(got(&told, 3, &["type='unavailable'", "from='a@h/one'"]), "{told:?}");
    assert!(got(&told, 3, &["type='unsubscribed'", "from='a@h'"]), "{told:?}");
    assert!(got(&told, 3, &["type='unsubscribe'", "from='a@h'"]), "{told:?}");
    assert!(got(&told, 3, &["jabber:iq:roster", "subscription='none'"]), "{told:?}");
    assert!(got(&told, 4, &["type='unsubscribed'", "from='a@h'"]), "who waited: {told:?}");
    assert_eq!(world.events.last(), Some(&RouterEvent::Removed { account: a.clone() }));
    assert!(!world.router.has_account("a"));
    for part in Part::ALL {
        assert_eq!(world.router.stored(&a, part), None);
    }
    // Its connections are nobody's, until they end; and nobody has it any more.
    assert_eq!(world.say(1, "<message to='b@h'><body>ghost</body></message>"), []);
    assert!(world.router.remove_account(&a).is_empty());
    assert!(got(&world.say(3, "<message to='a@h'><body/></message>"), 3, &["service-unavailable"]));
}
