//! §2: rosters.

use super::verona::{BALCONY, CHAMBER, FOO, Verona};
use crate::dialogue::{MADE_UP, between, canonical};
use xmpp_proto::xml::Ns;

#[test]
fn section_2_1_3_and_2_1_4_roster_get_and_result() {
    let mut verona = Verona::new();
    verona.add(CHAMBER, "<item jid='nurse@example.com'/>");
    verona.add(CHAMBER, "<item jid='romeo@example.net'/>");
    verona.say(
        BALCONY,
        "<iq from='juliet@example.com/balcony'
          id='bv1bs71f'
          type='get'>
       <query xmlns='jabber:iq:roster'/>
     </iq>",
    );
    // The server says what `subscription` is, always (§2.1.2.5: "none" may be left out).
    verona.hears_exactly(
        BALCONY,
        "<iq id='bv1bs71f'
          to='juliet@example.com/balcony'
          type='result'>
       <query xmlns='jabber:iq:roster' ver='ver7'>
         <item jid='nurse@example.com' subscription='none'/>
         <item jid='romeo@example.net' subscription='none'/>
       </query>
     </iq>",
    );
}

#[test]
fn section_2_1_4_an_empty_roster() {
    let mut verona = Verona::new();
    verona.say(CHAMBER, "<iq from='juliet@example.com/chamber' id='bv1bs71f' type='get'><query xmlns='jabber:iq:roster'/></iq>");
    verona.hears_exactly(
        CHAMBER,
        "<iq id='bv1bs71f'
          to='juliet@example.com/chamber'
          type='result'>
       <query xmlns='jabber:iq:roster' ver='ver9'/>
     </iq>",
    );
}

#[test]
fn section_2_1_5_and_2_1_6_roster_set_and_push() {
    let mut verona = Verona::new();
    verona.say(
        BALCONY,
        "<iq from='juliet@example.com/balcony'
          id='rs1'
          type='set'>
       <query xmlns='jabber:iq:roster'>
         <item jid='nurse@example.com'/>
       </query>
     </iq>",
    );
    verona.hears_exactly(BALCONY, "<iq id='rs1' to='juliet@example.com/balcony' type='result'/>");
    for jid in [BALCONY, CHAMBER] {
        verona.hears(
            jid,
            &format!(
                "<iq id='a78b4q6ha463'
          to='{jid}'
          type='set'>
       <query xmlns='jabber:iq:roster'>
         <item jid='nurse@example.com' subscription='none'/>
       </query>
     </iq>"
            ),
        );
    }
    // The answers to the pushes end at the server.
    verona.forget();
    verona.say(BALCONY, "<iq from='juliet@example.com/balcony' id='a78b4q6ha463' type='result'/>");
    verona.say(CHAMBER, "<iq from='juliet@example.com/chamber' id='a78b4q6ha463' type='result'/>");
    assert!(verona.clients.is_empty() && verona.wire.is_empty());
}

#[test]
fn section_2_2_retrieving_the_roster_on_login() {
    let mut verona = Verona::new();
    verona.connect("mercutio@example.com/here");
    verona.say("mercutio@example.com/here", "<presence/>");
    verona.connect("benvolio@example.net/there");
    verona.say("benvolio@example.net/there", "<presence/>");
    verona.befriend(BALCONY, FOO);
    verona.befriend(BALCONY, "benvolio@example.net/there");
    verona.say("mercutio@example.com/here", "<presence to='juliet@example.com' type='subscribe'/>");
    verona.say(BALCONY, "<presence to='mercutio@example.com' type='subscribed'/>");
    for item in [
        "<item jid='romeo@example.net' name='Romeo'><group>Friends</group></item>",
        "<item jid='mercutio@example.com' name='Mercutio'/>",
        "<item jid='benvolio@example.net' name='Benvolio'/>",
    ] {
        verona.add(BALCONY, item);
    }
    verona.say(
        BALCONY,
        "<iq from='juliet@example.com/balcony'
          id='hu2bac18'
          type='get'>
        <query xmlns='jabber:iq:roster'/>
      </iq>",
    );
    // Items in the order of their addresses; the specification gives them none.
    verona.hears_exactly(
        BALCONY,
        "<iq id='hu2bac18'
          to='juliet@example.com/balcony'
          type='result'>
        <query xmlns='jabber:iq:roster' ver='ver11'>
          <item jid='benvolio@example.net'
                name='Benvolio'
                subscription='both'/>
          <item jid='mercutio@example.com'
                name='Mercutio'
                subscription='from'/>
          <item jid='romeo@example.net'
                name='Romeo'
                subscription='both'>
            <group>Friends</group>
          </item>
        </query>
      </iq>",
    );
}

#[test]
fn section_2_3_1_and_2_3_2_adding_a_roster_item() {
    let mut verona = Verona::new();
    verona.say(
        BALCONY,
        "<iq from='juliet@example.com/balcony'
          id='ph1xaz53'
          type='set'>
        <query xmlns='jabber:iq:roster'>
          <item jid='nurse@example.com'
                name='Nurse'>
            <group>Servants</group>
          </item>
        </query>
      </iq>",
    );
    verona.hears_exactly(
        BALCONY,
        "<iq id='ph1xaz53'
          to='juliet@example.com/balcony'
          type='result'/>",
    );
    for jid in [BALCONY, CHAMBER] {
        verona.hears(
            jid,
            &format!(
                "<iq to='{jid}'
          id='a78b4q6ha463'
          type='set'>
        <query xmlns='jabber:iq:roster' ver='ver13'>
          <item jid='nurse@example.com'
                name='Nurse'
                subscription='none'>
            <group>Servants</group>
          </item>
        </query>
      </iq>"
            ),
        );
    }
}

#[test]
fn section_2_3_3_error_cases() {
    let long = "n".repeat(2000);
    let error = |id: &str, kind: &str, condition: &str| {
        format!(
            "<iq id='{id}'
          to='juliet@example.com/balcony'
          type='error'>
       <error type='{kind}'>
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
       </error>
     </iq>"
        )
    };
    let mut verona = Verona::new();
    let set = |id: &str, items: &str| {
        format!(
            "<iq from='juliet@example.com/balcony'
          id='{id}'
          type='set'>
        <query xmlns='jabber:iq:roster'>{items}</query>
      </iq>"
        )
    };
    let rows = [
        (
            "nw83vcj4",
            "<item jid='nurse@example.com' name='Nurse'><group>Servants</group></item>
             <item jid='mother@example.com' name='Mom'><group>Family</group></item>"
                .to_string(),
            "bad-request",
        ),
        (
            "yl491b3d",
            format!("<item jid='nurse@example.com' name='{long}'><group>Servants</group></item>"),
            "not-acceptable",
        ),
        (
            "tk3va749",
            "<item jid='nurse@example.com' name='Nurse'>
            <group>Servants</group>
            <group>Servants</group>
          </item>"
                .to_string(),
            "bad-request",
        ),
        (
            "fl3b486u",
            "<item jid='nurse@example.com' name='Nurse'><group></group></item>".to_string(),
            "not-acceptable",
        ),
        (
            "qh3b4v19",
            format!("<item jid='nurse@example.com' name='Nurse'><group>{long}</group></item>"),
            "not-acceptable",
        ),
    ];
    for (id, items, condition) in rows {
        verona.say(BALCONY, &set(id, &items));
        verona.hears_exactly(BALCONY, &error(id, "modify", condition));
        verona.silent(CHAMBER);
        verona.forget();
    }
    // Somebody else's roster: the answer comes from the other server, and says for whom.
    verona.say(
        BALCONY,
        "<iq from='juliet@example.com/balcony'
          id='ix7s53v2'
          to='romeo@example.net'
          type='set'>
        <query xmlns='jabber:iq:roster'>
          <item jid='nurse@example.com'/>
        </query>
      </iq>",
    );
    let refused = error("ix7s53v2", "auth", "forbidden");
    verona.hears_exactly(BALCONY, &refused.replace("<iq ", "<iq from='romeo@example.net' "));
}

#[test]
fn section_2_4_1_updating_a_roster_item() {
    let mut verona = Verona::new();
    for (id, item) in [
        (
            "di43b2x9",
            "<item jid='romeo@example.net'
                name='Romeo'>
            <group>Friends</group>
            <group>Lovers</group>
          </item>",
        ),
        (
            "lf72v157",
            "<item jid='romeo@example.net'
                name='Romeo'>
            <group>Lovers</group>
          </item>",
        ),
        ("ju4b62a5", "<item jid='romeo@example.net'/>"),
        (
            "gb3sv487",
            "<item jid='romeo@example.net'
                name='MyRomeo'/>",
        ),
    ] {
        verona.say(
            BALCONY,
            &format!(
                "<iq from='juliet@example.com/balcony'
          id='{id}'
          type='set'>
        <query xmlns='jabber:iq:roster'>{item}</query></iq>"
            ),
        );
        verona.hears_exactly(BALCONY, &format!("<iq id='{id}' to='{BALCONY}' type='result'/>"));
        let state = item.replacen("<item ", "<item subscription='none' ", 1);
        for jid in [BALCONY, CHAMBER] {
            let push = format!(
                "<iq to='{jid}' type='set'><query xmlns='jabber:iq:roster'>{state}</query></iq>"
            );
            verona.hears(jid, &push);
        }
        verona.forget();
    }
}

#[test]
fn section_2_5_deleting_a_roster_item() {
    let mut verona = Verona::new();
    let nurse = "nurse@example.com/kitchen";
    verona.connect(nurse);
    verona.say(nurse, "<presence/>");
    verona.befriend(BALCONY, nurse);
    verona.say(
        BALCONY,
        "<iq from='juliet@example.com/balcony'
          id='hm4hs97y'
          type='set'>
        <query xmlns='jabber:iq:roster'>
          <item jid='nurse@example.com'
                subscription='remove'/>
        </query>
      </iq>",
    );
    verona.hears_exactly(
        BALCONY,
        "<iq id='hm4hs97y' to='juliet@example.com/balcony' type='result'/>",
    );
    for kind in ["unsubscribe", "unsubscribed"] {
        verona.hears(
            nurse,
            &format!(
                "<presence from='juliet@example.com'
                id='lm3ba81g'
                to='nurse@example.com'
                type='{kind}'/>"
            ),
        );
    }
    verona.forget();
    verona.say(
        BALCONY,
        "<iq from='juliet@example.com/balcony'
          id='uj4b1ca8'
          type='set'>
        <query xmlns='jabber:iq:roster'>
          <item jid='nobody@example.com'
                subscription='remove'/>
        </query>
      </iq>",
    );
    // The type is that of RFC 6120 §8.3.3.7; here the specification prints "modify".
    verona.hears_exactly(
        BALCONY,
        "<iq id='uj4b1ca8'
          to='juliet@example.com/balcony'
          type='error'>
        <error type='cancel'>
          <item-not-found
              xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
        </error>
      </iq>",
    );
}

#[test]
fn section_2_6_roster_versioning() {
    let mut verona = Verona::new();
    let home = "romeo@example.net/home";
    verona.log_in(home);
    verona.add(FOO, "<item jid='tybalt@example.org'/>");
    verona.say(home, "<iq id='v' type='get'><query xmlns='jabber:iq:roster' ver=''/></iq>");
    let known =
        between(verona.clients.get(home).unwrap().last().unwrap(), "ver='", "'").to_string();
    verona.router(home).disconnect(&home.to_string());
    verona.carry();
    verona.add(FOO, "<item jid='tybalt@example.org' subscription='remove'/>");
    verona.add(FOO, "<item jid='bill@example.org'/>");
    verona.add(FOO, "<item jid='nurse@example.org' name='Nurse'><group>Servants</group></item>");
    verona.add(FOO, "<item jid='juliet@example.org' name='Juliet'><group>VIPs</group></item>");
    verona.connect(home);
    verona.say(
        home,
        &format!(
            "<iq from='romeo@example.net/home'
          id='r1h3vzp7'
          to='romeo@example.net'
          type='get'>
        <query xmlns='jabber:iq:roster' ver='{known}'/>
      </iq>"
        ),
    );
    let heard = verona.clients.remove(home).unwrap();
    assert_eq!(
        canonical(&heard[0], Ns::CLIENT, &[]),
        canonical(
            "<iq from='romeo@example.net'
          id='r1h3vzp7'
          to='romeo@example.net/home'
          type='result'/>",
            Ns::CLIENT,
            &[]
        )
    );
    // In the order of the changes, each with the version that it made.
    let pushes: Vec<String> =
        heard[1..].iter().map(|text| canonical(text, Ns::CLIENT, MADE_UP)).collect();
    let expected = [
        "<item jid='tybalt@example.org' subscription='remove'/>",
        "<item jid='bill@example.org' subscription='none'/>",
        "<item jid='nurse@example.org' name='Nurse' subscription='none'><group>Servants</group></item>",
        "<item jid='juliet@example.org' name='Juliet' subscription='none'><group>VIPs</group></item>",
    ];
    let expected: Vec<String> = expected
        .iter()
        .map(|item| {
            let push = format!(
                "<iq to='{home}' type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>"
            );
            canonical(&push, Ns::CLIENT, &[])
        })
        .collect();
    assert_eq!(pushes, expected);
    let versions: Vec<&str> = heard[1..].iter().map(|text| between(text, "ver='", "'")).collect();
    assert!(versions.windows(2).all(|pair| pair[0] != pair[1]));
}
