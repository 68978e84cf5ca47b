//! The dialogues of RFC 6121 §2, §3 and §4, word for word, against two routers: that of
//! example.net, where Romeo is, and that of example.com, where Juliet is. What goes between
//! them is checked as well as what the clients get. Ids of the servers' own making, and
//! versions, are compared by their presence elsewhere.
#![allow(
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::get_unwrap,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests state what must hold"
)]

mod dialogue;

use dialogue::{MADE_UP, between, canonical, is_among};
use proto_wire::{Output, Seed, Timestamp};
use std::collections::BTreeMap;
use xmpp_proto::server::{Router, RouterConfig, RouterEvent};
use xmpp_proto::stanza::StanzaBuf;
use xmpp_proto::xml::Ns;

/// Both servers; connections are named by their addresses.
struct Verona {
    net: Router<String>,
    com: Router<String>,
    /// What each client got since the last question.
    clients: BTreeMap<String, Vec<String>>,
    /// What the servers said to each other.
    wire: Vec<String>,
}

impl Verona {
    /// Juliet at her balcony and in her chamber, Romeo with `foo` and `bar`; all interested
    /// in their rosters, and available.
    fn new() -> Self {
        let mut verona = Self::empty();
        for jid in [
            "juliet@example.com/balcony",
            "juliet@example.com/chamber",
            "romeo@example.net/foo",
            "romeo@example.net/bar",
        ] {
            verona.log_in(jid);
        }
        verona
    }

    fn empty() -> Self {
        let router = |domain, seed| {
            let config = RouterConfig::new().with_remote();
            Router::with_config(domain, config, &Seed::from_u64(seed))
        };
        let (mut net, mut com) = (router("example.net", 1), router("example.com", 2));
        for name in ["romeo", "benvolio"] {
            net.add_account(name);
        }
        for name in ["juliet", "nurse", "mercutio", "tybalt"] {
            com.add_account(name);
        }
        Self { net, com, clients: BTreeMap::new(), wire: Vec::new() }
    }

    fn router(&mut self, jid: &str) -> &mut Router<String> {
        match jid.contains("@example.net") {
            true => &mut self.net,
            false => &mut self.com,
        }
    }

    fn connect(&mut self, jid: &str) {
        let parsed = jid.parse().unwrap();
        assert_eq!(self.router(jid).connect(jid.to_string(), &parsed), None);
    }

    /// Connects, asks for the roster, becomes available.
    fn log_in(&mut self, jid: &str) {
        self.connect(jid);
        self.say(jid, "<iq id='login' type='get'><query xmlns='jabber:iq:roster'/></iq>");
        self.say(jid, "<presence/>");
        self.forget();
    }

    /// What the client at `jid` says. Its answers to pushes are for nobody.
    fn say(&mut self, jid: &str, text: &str) {
        let stanza = StanzaBuf::parse(Ns::CLIENT, text.trim().to_string().into()).unwrap();
        self.router(jid).handle(&jid.to_string(), &stanza);
        self.carry();
    }

    fn carry(&mut self) {
        loop {
            let mut quiet = true;
            for from_net in [true, false] {
                let (here, there) = match from_net {
                    true => (&mut self.net, &mut self.com),
                    false => (&mut self.com, &mut self.net),
                };
                while let Some(output) = here.poll_output() {
                    quiet = false;
                    match output {
                        Output::Transmit(delivery) => {
                            let text = delivery.stanza.into_string();
                            self.clients.entry(delivery.to).or_default().push(text);
                        }
                        Output::Event(RouterEvent::Outgoing { to, stanza, .. }) => {
                            let text = stanza.into_string();
                            self.wire.push(text.clone());
                            if ["example.com", "example.net"].contains(&&*to) {
                                let stanza = StanzaBuf::parse(Ns::SERVER, text.into()).unwrap();
                                assert!(there.handle_remote(&stanza));
                            }
                        }
                        Output::Event(_) => {}
                    }
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn forget(&mut self) {
        self.clients.clear();
        self.wire.clear();
    }

    /// `jid` got this; ids and versions of the server's making do not count.
    fn hears(&self, jid: &str, expected: &str) {
        let heard = self.clients.get(jid).map_or(&[][..], Vec::as_slice);
        assert!(
            is_among(heard, expected, MADE_UP),
            "{jid} does not hear {expected}\nbut {heard:#?}"
        );
    }

    /// The same with the id as it is printed.
    fn hears_exactly(&self, jid: &str, expected: &str) {
        let heard = self.clients.get(jid).map_or(&[][..], Vec::as_slice);
        assert!(
            is_among(heard, expected, &["ver"]),
            "{jid} does not hear {expected}\nbut {heard:#?}"
        );
    }

    fn silent(&self, jid: &str) {
        assert!(!self.clients.contains_key(jid), "{jid} hears {:?}", self.clients.get(jid));
    }

    /// One server said this to the other.
    fn passes(&self, expected: &str, but: &[&str]) {
        assert!(is_among(&self.wire, expected, but), "no {expected}\nbut {:#?}", self.wire);
    }

    /// Subscriptions in both directions; what was said is forgotten.
    fn befriend(&mut self, one: &str, other: &str) {
        let bare = |jid: &str| jid.split_once('/').map_or(jid, |(bare, _)| bare).to_string();
        for (asks, answers) in [(one, other), (other, one)] {
            self.say(asks, &format!("<presence to='{}' type='subscribe'/>", bare(answers)));
            self.say(answers, &format!("<presence to='{}' type='subscribed'/>", bare(asks)));
        }
        self.forget();
    }

    fn add(&mut self, jid: &str, item: &str) {
        let set =
            format!("<iq id='add' type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>");
        self.say(jid, &set);
        self.forget();
    }
}

const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";
const FOO: &str = "romeo@example.net/foo";
const BAR: &str = "romeo@example.net/bar";

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
