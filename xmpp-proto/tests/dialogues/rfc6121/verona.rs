//! Two servers, and who is there.

use crate::dialogue::{MADE_UP, is_among};
use proto_wire::{Output, Seed};
use std::collections::BTreeMap;
use xmpp_proto::server::{Router, RouterConfig, RouterEvent};
use xmpp_proto::stanza::StanzaBuf;
use xmpp_proto::xml::Ns;

/// Both servers; connections are named by their addresses.
pub(crate) struct Verona {
    pub(crate) net: Router<String>,
    pub(crate) com: Router<String>,
    /// What each client got since the last question.
    pub(crate) clients: BTreeMap<String, Vec<String>>,
    /// What the servers said to each other.
    pub(crate) wire: Vec<String>,
}

impl Verona {
    /// Juliet at her balcony and in her chamber, Romeo with `foo` and `bar`; all interested
    /// in their rosters, and available.
    pub(crate) fn new() -> Self {
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

    pub(crate) fn empty() -> Self {
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

    pub(crate) fn router(&mut self, jid: &str) -> &mut Router<String> {
        match jid.contains("@example.net") {
            true => &mut self.net,
            false => &mut self.com,
        }
    }

    pub(crate) fn connect(&mut self, jid: &str) {
        let parsed = jid.parse().unwrap();
        assert_eq!(self.router(jid).connect(jid.to_string(), &parsed), None);
    }

    /// Connects, asks for the roster, becomes available.
    pub(crate) fn log_in(&mut self, jid: &str) {
        self.connect(jid);
        self.say(jid, "<iq id='login' type='get'><query xmlns='jabber:iq:roster'/></iq>");
        self.say(jid, "<presence/>");
        self.forget();
    }

    /// What the client at `jid` says. Its answers to pushes are for nobody.
    pub(crate) fn say(&mut self, jid: &str, text: &str) {
        let stanza = StanzaBuf::parse(Ns::CLIENT, text.trim().to_string().into()).unwrap();
        self.router(jid).handle(&jid.to_string(), &stanza);
        self.carry();
    }

    pub(crate) fn carry(&mut self) {
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

    pub(crate) fn forget(&mut self) {
        self.clients.clear();
        self.wire.clear();
    }

    /// `jid` got this; ids and versions of the server's making do not count.
    pub(crate) fn hears(&self, jid: &str, expected: &str) {
        let heard = self.clients.get(jid).map_or(&[][..], Vec::as_slice);
        assert!(
            is_among(heard, expected, MADE_UP),
            "{jid} does not hear {expected}\nbut {heard:#?}"
        );
    }

    /// The same with the id as it is printed.
    pub(crate) fn hears_exactly(&self, jid: &str, expected: &str) {
        let heard = self.clients.get(jid).map_or(&[][..], Vec::as_slice);
        assert!(
            is_among(heard, expected, &["ver"]),
            "{jid} does not hear {expected}\nbut {heard:#?}"
        );
    }

    pub(crate) fn silent(&self, jid: &str) {
        assert!(!self.clients.contains_key(jid), "{jid} hears {:?}", self.clients.get(jid));
    }

    /// One server said this to the other.
    pub(crate) fn passes(&self, expected: &str, but: &[&str]) {
        assert!(is_among(&self.wire, expected, but), "no {expected}\nbut {:#?}", self.wire);
    }

    /// Subscriptions in both directions; what was said is forgotten.
    pub(crate) fn befriend(&mut self, one: &str, other: &str) {
        let bare = |jid: &str| jid.split_once('/').map_or(jid, |(bare, _)| bare).to_string();
        for (asks, answers) in [(one, other), (other, one)] {
            self.say(asks, &format!("<presence to='{}' type='subscribe'/>", bare(answers)));
            self.say(answers, &format!("<presence to='{}' type='subscribed'/>", bare(asks)));
        }
        self.forget();
    }

    pub(crate) fn add(&mut self, jid: &str, item: &str) {
        let set =
            format!("<iq id='add' type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>");
        self.say(jid, &set);
        self.forget();
    }
}

pub(crate) const BALCONY: &str = "juliet@example.com/balcony";
pub(crate) const CHAMBER: &str = "juliet@example.com/chamber";
pub(crate) const FOO: &str = "romeo@example.net/foo";
pub(crate) const BAR: &str = "romeo@example.net/bar";
