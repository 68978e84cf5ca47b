//! §4: presence; §5: messages.

use super::verona::{BALCONY, BAR, CHAMBER, FOO, Verona};
use proto_wire::Timestamp;
use xmpp_proto::stanza::StanzaBuf;
use xmpp_proto::xml::Ns;

/// Juliet has romeo and benvolio on the other server, and mercutio on her own.
fn family() -> Verona {
    let mut verona = Verona::new();
    for jid in ["benvolio@example.net/there", "mercutio@example.com/here"] {
        verona.connect(jid);
        verona.say(jid, "<presence/>");
    }
    for friend in [FOO, "benvolio@example.net/there", "mercutio@example.com/here"] {
        verona.befriend(BALCONY, friend);
    }
    verona
}

#[test]
fn section_4_2_initial_presence() {
    let mut verona = family();
    verona.say(BALCONY, "<presence type='unavailable'/>");
    verona.forget();
    verona.say(BALCONY, "<presence/>");
    for friend in ["romeo@example.net", "benvolio@example.net"] {
        let presence = format!("<presence from='juliet@example.com/balcony' to='{friend}'/>");
        verona.passes(&presence, &[]);
    }
    verona.hears_exactly(
        "mercutio@example.com/here",
        "<presence from='juliet@example.com/balcony'
                 to='mercutio@example.com'/>",
    );
    for jid in [BALCONY, CHAMBER] {
        verona.hears(jid, &format!("<presence from='juliet@example.com/balcony' to='{jid}'/>"));
    }
    // §4.2.3
    for jid in [FOO, BAR] {
        verona.hears_exactly(
            jid,
            "<presence from='juliet@example.com/balcony'
                 to='romeo@example.net'/>",
        );
    }
    // §4.3.1: and she asks for theirs, by probes or, on her own server, without.
    verona.passes(
        "<presence from='juliet@example.com/balcony'
                 id='ign291v5'
                 to='romeo@example.net'
                 type='probe'/>",
        &["id"],
    );
    for jid in [FOO, BAR, "benvolio@example.net/there", "mercutio@example.com/here"] {
        verona.hears(BALCONY, &format!("<presence from='{jid}' to='juliet@example.com/balcony'/>"));
    }
}

#[test]
fn section_4_3_presence_probes() {
    let mut verona = Verona::new();
    verona.com.set_time(Timestamp::from_unix_secs(1_031_701_267));
    let mercutio = "mercutio@example.com/here";
    let hear = |verona: &mut Verona, probe: &str| {
        let probe = StanzaBuf::parse(Ns::SERVER, probe.to_string().into()).unwrap();
        assert!(verona.com.handle_remote(&probe));
        verona.carry();
    };
    let probe =
        "<presence from='romeo@example.net' id='xv291f38' to='mercutio@example.com' type='probe'/>";
    // 1. He may not see him.
    hear(&mut verona, probe);
    verona.passes(
        "<presence from='mercutio@example.com'
                 id='xv291f38'
                 to='romeo@example.net'
                 type='unsubscribed'/>",
        &[],
    );
    verona.connect(mercutio);
    verona.say(mercutio, "<presence/>");
    verona.befriend(FOO, mercutio);
    // 3. He is not there, since then.
    verona.say(mercutio, "<presence type='unavailable'/>");
    verona.forget();
    hear(&mut verona, probe);
    verona.passes(
        "<presence from='mercutio@example.com'
                 id='xv291f38'
                 to='romeo@example.net'
                 type='unavailable'>
         <delay xmlns='urn:xmpp:delay'
                stamp='2002-09-10T23:41:07.000000Z'/>
       </presence>",
        &[],
    );
    // 4. He is.
    verona.connect("mercutio@example.com/bar");
    verona.say(mercutio, "<presence id='hzf1v27k'/>");
    verona.say("mercutio@example.com/bar", "<presence id='ps6t1fu3'><show>away</show></presence>");
    verona.forget();
    hear(&mut verona, probe);
    for expected in [
        "<presence from='mercutio@example.com/here'
                 id='hzf1v27k'
                 to='romeo@example.net'/>",
        "<presence from='mercutio@example.com/bar'
                 id='ps6t1fu3'
                 to='romeo@example.net'>
         <show>away</show>
       </presence>",
    ] {
        verona.passes(expected, &[]);
    }
    // To a resource: only that it is there.
    verona.forget();
    hear(&mut verona, &probe.replace("mercutio@example.com'", "mercutio@example.com/bar'"));
    assert_eq!(verona.wire.len(), 1);
    verona.passes("<presence from='mercutio@example.com/bar' to='romeo@example.net'/>", &["id"]);
}

#[test]
fn section_4_3_2_1_handling_of_the_id_attribute() {
    let mut verona = family();
    for (jid, presence) in [
        (
            CHAMBER,
            "<presence from='juliet@example.com/chamber' id='pres1'><show>dnd</show><status>busy!</status></presence>",
        ),
        (
            BALCONY,
            "<presence from='juliet@example.com/balcony' id='pres2'><show>away</show><status>stepped away</status></presence>",
        ),
    ] {
        verona.say(jid, presence);
    }
    verona.forget();
    let probe = |verona: &mut Verona, id: &str| {
        let probe = format!(
            "<presence from='romeo@example.net' id='{id}' to='juliet@example.com' type='probe'/>"
        );
        assert!(verona.com.handle_remote(&StanzaBuf::parse(Ns::SERVER, probe.into()).unwrap()));
        verona.carry();
    };
    probe(&mut verona, "probe1");
    for expected in [
        "<presence from='juliet@example.com/chamber' id='pres1' to='romeo@example.net'>
         <show>dnd</show>
         <status>busy!</status>
       </presence>",
        "<presence from='juliet@example.com/balcony' id='pres2' to='romeo@example.net'>
         <show>away</show>
         <status>stepped away</status>
       </presence>",
    ] {
        verona.passes(expected, &[]);
    }
    for jid in [CHAMBER, BALCONY] {
        verona.say(jid, "<presence type='unavailable'/>");
    }
    verona.forget();
    probe(&mut verona, "probe2");
    verona.passes(
        "<presence from='juliet@example.com'
                 id='probe2' to='romeo@example.net'
                 type='unavailable'/>",
        &[],
    );
}

#[test]
fn section_4_4_subsequent_presence_broadcast() {
    let mut verona = family();
    verona.say(
        BALCONY,
        "<presence>
         <show>away</show>
       </presence>",
    );
    let away = |to: &str| {
        format!(
            "<presence from='juliet@example.com/balcony' to='{to}'><show>away</show></presence>"
        )
    };
    for friend in ["romeo@example.net", "benvolio@example.net"] {
        verona.passes(&away(friend), &[]);
    }
    verona.hears_exactly("mercutio@example.com/here", &away("mercutio@example.com"));
    for jid in [CHAMBER, BALCONY] {
        verona.hears_exactly(jid, &away(jid));
    }
    for jid in [FOO, BAR] {
        verona.hears_exactly(jid, &away("romeo@example.net"));
    }
}

#[test]
fn section_4_5_unavailable_presence() {
    let mut verona = family();
    verona.say(
        BALCONY,
        "<presence type='unavailable'>
         <status>going on vacation</status>
       </presence>",
    );
    let gone = |to: &str| {
        format!(
            "<presence from='juliet@example.com/balcony'
                 to='{to}'
                 type='unavailable'>
         <status>going on vacation</status>
       </presence>"
        )
    };
    for friend in ["romeo@example.net", "benvolio@example.net"] {
        verona.passes(&gone(friend), &[]);
    }
    verona.hears_exactly("mercutio@example.com/here", &gone("mercutio@example.com"));
    verona.hears_exactly(CHAMBER, &gone(CHAMBER));
    verona.silent(BALCONY);
    for jid in [FOO, BAR] {
        verona.hears_exactly(jid, &gone("romeo@example.net"));
    }
}

/// §4.6: to somebody who has no subscription, and no longer than it lasts.
#[test]
fn section_4_6_directed_presence() {
    let mut verona = Verona::new();
    verona.say(BALCONY, "<presence to='romeo@example.net/foo'><show>chat</show></presence>");
    verona.hears_exactly(
        FOO,
        "<presence from='juliet@example.com/balcony' to='romeo@example.net/foo'><show>chat</show></presence>",
    );
    verona.silent(BAR);
    verona.forget();
    verona.say(BALCONY, "<presence type='unavailable'/>");
    verona.hears(
        FOO,
        "<presence from='juliet@example.com/balcony' to='romeo@example.net/foo' type='unavailable'/>",
    );
}

/// §5.2: one of each kind, over both servers, as it was said but for the sender.
#[test]
fn section_5_2_messages() {
    let mut verona = Verona::new();
    let text = "<message
            to='romeo@example.net/foo'
            id='b4vs9km4'
            type='chat'
            xml:lang='en'>
          <body>Wherefore art thou, Romeo?</body>
          <body xml:lang='cs'>
            Pro\u{10d}e\u{17e} jsi ty, Romeo?
          </body>
          <subject>I implore you!</subject>
          <thread parent='e0ffe42b28561960c6b12b944a092794b9683a38'>
            0e3141cd80894871a68e6fe6b1ec56fa
          </thread>
        </message>";
    verona.say(BALCONY, text);
    let expected = text.replacen("<message", "<message from='juliet@example.com/balcony'", 1);
    verona.passes(&expected, &[]);
    verona.hears_exactly(FOO, &expected);
    verona.silent(BAR);
}
