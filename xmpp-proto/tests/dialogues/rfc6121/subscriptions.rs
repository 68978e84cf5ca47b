//! §3: subscriptions.

use super::verona::{BALCONY, BAR, CHAMBER, FOO, Verona};
use crate::dialogue::{canonical, is_among};
use xmpp_proto::server::Router;
use xmpp_proto::stanza::StanzaBuf;
use xmpp_proto::xml::Ns;

/// §3.1: asking, and the answer, on both servers.
#[test]
fn section_3_1_requesting_a_subscription() {
    let mut verona = Verona::new();
    verona.say(BALCONY, "<presence id='pw72bc5j'/>");
    verona.say(CHAMBER, "<presence id='ux31da4q'/>");
    verona.forget();
    verona.say(
        FOO,
        "<presence id='xk3h1v69'
                 to='juliet@example.com'
                 type='subscribe'/>",
    );
    let request = "<presence from='romeo@example.net'
                 id='xk3h1v69'
                 to='juliet@example.com'
                 type='subscribe'/>";
    verona.passes(request, &[]);
    for jid in [FOO, BAR] {
        verona.hears(
            jid,
            &format!(
                "<iq id='b89c5r7ib574'
           to='{jid}'
           type='set'>
         <query xmlns='jabber:iq:roster'>
           <item ask='subscribe'
                 jid='juliet@example.com'
                 subscription='none'/>
         </query>
       </iq>"
            ),
        );
    }
    // §3.1.3: to all of her available resources, and no item in her roster.
    for jid in [BALCONY, CHAMBER] {
        verona.hears_exactly(jid, request);
        assert_eq!(verona.clients[jid].len(), 1);
    }
    verona.forget();
    // §3.1.4
    verona.say(
        BALCONY,
        "<presence id='h4v1c4kj'
                 to='romeo@example.net'
                 type='subscribed'/>",
    );
    // §3.1.5
    let approval = "<presence from='juliet@example.com'
                 id='h4v1c4kj'
                 to='romeo@example.net'
                 type='subscribed'/>";
    verona.passes(approval, &[]);
    for jid in [BALCONY, CHAMBER] {
        verona.hears(
            jid,
            &format!(
                "<iq id='a78b4q6ha463'
           to='{jid}'
           type='set'>
         <query xmlns='jabber:iq:roster'>
           <item jid='romeo@example.net'
                 subscription='from'/>
         </query>
       </iq>"
            ),
        );
    }
    let present = [
        "<presence from='juliet@example.com/balcony'
                 id='pw72bc5j'
                 to='romeo@example.net'/>",
        "<presence from='juliet@example.com/chamber'
                 id='ux31da4q'
                 to='romeo@example.net'/>",
    ];
    present.iter().for_each(|presence| verona.passes(presence, &[]));
    // §3.1.6
    for jid in [FOO, BAR] {
        verona.hears_exactly(jid, approval);
        verona.hears(
            jid,
            &format!(
                "<iq id='b89c5r7ib576'
           to='{jid}'
           type='set'>
         <query xmlns='jabber:iq:roster'>
           <item jid='juliet@example.com'
                 subscription='to'/>
         </query>
       </iq>"
            ),
        );
        present.iter().for_each(|presence| verona.hears_exactly(jid, presence));
    }
    // §3.1.3 rule 2: who has a subscription already is answered by the server.
    verona.forget();
    verona.say(FOO, "<presence id='xk3h1v69' to='juliet@example.com' type='subscribe'/>");
    verona.passes(
        "<presence from='juliet@example.com'
                 id='xk3h1v69'
                 to='romeo@example.net'
                 type='subscribed'/>",
        &["id"],
    );
    verona.silent(BALCONY);
}

#[test]
fn section_3_1_2_a_server_that_is_not_found() {
    // A router that knows no other servers.
    let mut router = Router::new("example.net");
    let foo: xmpp_proto::jid::Jid = FOO.parse().unwrap();
    router.connect(1, &foo);
    let request = "<presence id='xk3h1v69' to='juliet@example.com' type='subscribe'/>";
    router.handle(&1, &StanzaBuf::parse(Ns::CLIENT, request.to_string().into()).unwrap());
    let mut said = Vec::new();
    while let Some(delivery) = router.poll_delivery() {
        said.push(delivery.stanza.into_string());
    }
    // To the resource that asked; its type is that of RFC 6120 §8.3.3.16.
    let expected = "<presence from='juliet@example.com'
                 id='xk3h1v69'
                 to='romeo@example.net/foo'
                 type='error'>
         <error type='cancel'>
           <remote-server-not-found
               xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
         </error>
       </presence>";
    assert!(is_among(&said, expected, &[]), "{said:#?}");
}

#[test]
fn section_3_1_4_a_request_that_is_denied() {
    let mut verona = Verona::new();
    verona.say(FOO, "<presence id='xk3h1v69' to='juliet@example.com' type='subscribe'/>");
    verona.forget();
    verona.say(
        BALCONY,
        "<presence id='tb2m1b59'
                 to='romeo@example.net'
                 type='unsubscribed'/>",
    );
    let denial = "<presence from='juliet@example.com' id='tb2m1b59' to='romeo@example.net' type='unsubscribed'/>";
    verona.passes(denial, &[]);
    for jid in [FOO, BAR] {
        verona.hears_exactly(jid, denial);
        let push = "<item jid='juliet@example.com' subscription='none'/>";
        verona.hears(
            jid,
            &format!(
                "<iq to='{jid}' type='set'><query xmlns='jabber:iq:roster'>{push}</query></iq>"
            ),
        );
    }
}

#[test]
fn section_3_2_canceling_a_subscription() {
    let mut verona = Verona::new();
    verona.say(FOO, "<presence to='juliet@example.com' type='subscribe'/>");
    verona.say(BALCONY, "<presence to='romeo@example.net' type='subscribed'/>");
    verona.forget();
    verona.say(
        BALCONY,
        "<presence id='ij5b1v7g'
                 to='romeo@example.net'
                 type='unsubscribed'/>",
    );
    // §3.2.2: first unavailable, from each resource; then the reason.
    let wire: Vec<String> =
        verona.wire.iter().map(|text| canonical(text, Ns::CLIENT, &["id"])).collect();
    let expected: Vec<String> = [
        "<presence from='juliet@example.com/balcony'
                 id='i8bsg3h3' to='romeo@example.net'
                 type='unavailable'/>",
        "<presence from='juliet@example.com/chamber'
                 id='bvx2c9mk' to='romeo@example.net'
                 type='unavailable'/>",
        "<presence from='juliet@example.com'
                 id='ij5b1v7g'
                 to='romeo@example.net'
                 type='unsubscribed'/>",
    ]
    .iter()
    .map(|text| canonical(text, Ns::CLIENT, &["id"]))
    .collect();
    assert_eq!(wire, expected);
    for (jid, other) in [
        (BALCONY, "romeo@example.net"),
        (CHAMBER, "romeo@example.net"),
        (FOO, "juliet@example.com"),
        (BAR, "juliet@example.com"),
    ] {
        verona.hears(
            jid,
            &format!(
                "<iq id='pw3f2v175b34'
           to='{jid}'
           type='set'>
         <query xmlns='jabber:iq:roster'>
           <item jid='{other}'
                 subscription='none'/>
         </query>
       </iq>"
            ),
        );
    }
    // §3.2.3
    for jid in [FOO, BAR] {
        verona.hears_exactly(
            jid,
            "<presence from='juliet@example.com'
                 id='ij5b1v7g'
                 to='romeo@example.net'
                 type='unsubscribed'/>",
        );
    }
}

#[test]
fn section_3_3_unsubscribing() {
    let mut verona = Verona::new();
    verona.say(FOO, "<presence to='juliet@example.com' type='subscribe'/>");
    verona.say(BALCONY, "<presence to='romeo@example.net' type='subscribed'/>");
    verona.forget();
    verona.say(
        FOO,
        "<presence id='ul4bs71n'
                 to='juliet@example.com'
                 type='unsubscribe'/>",
    );
    let leaves = "<presence from='romeo@example.net'
                 id='ul4bs71n'
                 to='juliet@example.com'
                 type='unsubscribe'/>";
    verona.passes(leaves, &[]);
    // §3.3.2, §3.3.3
    for (jid, other) in [
        (FOO, "juliet@example.com"),
        (BAR, "juliet@example.com"),
        (BALCONY, "romeo@example.net"),
        (CHAMBER, "romeo@example.net"),
    ] {
        verona.hears(
            jid,
            &format!(
                "<iq id='h37h3u1bv402'
           to='{jid}'
           type='set'>
         <query xmlns='jabber:iq:roster'>
           <item jid='{other}'
                 subscription='none'/>
         </query>
       </iq>"
            ),
        );
    }
    for (jid, resource) in [(BALCONY, "balcony"), (CHAMBER, "chamber")] {
        verona.hears_exactly(jid, leaves);
        verona.passes(
            &format!(
                "<presence from='juliet@example.com/{resource}'
                 id='o5v91w49'
                 to='romeo@example.net'
                 type='unavailable'/>"
            ),
            &["id"],
        );
    }
}

#[test]
fn section_3_4_pre_approving_a_subscription_request() {
    let mut verona = Verona::new();
    verona.say(
        BAR,
        "<presence id='pg81vx64'
                 to='juliet@example.com'
                 type='subscribed'/>",
    );
    assert!(verona.wire.is_empty(), "it is not routed: {:?}", verona.wire);
    verona.hears(
        BAR,
        "<iq id='h3bs81vs763f'
           to='romeo@example.net/bar'
           type='set'>
         <query xmlns='jabber:iq:roster'>
           <item approved='true'
                 jid='juliet@example.com'
                 subscription='none'/>
         </query>
       </iq>",
    );
    verona.forget();
    // She asks, and his server answers at once.
    verona.say(BALCONY, "<presence to='romeo@example.net' type='subscribe'/>");
    verona.passes(
        "<presence from='romeo@example.net' to='juliet@example.com' type='subscribed'/>",
        &["id"],
    );
    let asked = verona.clients[BAR].iter().any(|text| text.contains("type='subscribe'"));
    assert!(!asked, "he is not asked");
}
