//! A router for one domain, in memory: accounts, their resources, rosters, presence, and
//! the delivery rules of RFC 6121 §8. It has no connection of its own: the host gives it
//! the stanzas of each and carries out its deliveries.

mod presence;

use self::presence::subscription;
use super::roster::Roster;
use crate::jid::Jid;
use crate::roster::{RosterItem, Subscription};
use crate::stanza::{
    Condition, Iq, IqKind, Message, MessageKind, PresenceBuilder, PresenceKind, Stanza, StanzaBuf,
    StanzaXml, error_reply, result_reply,
};
use crate::subscription::Request;
use crate::xml::{Element, Ns, Writer, restamped};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A stanza for one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery<K> {
    /// The connection, by the key that the host gave.
    pub to: K,
    /// The stanza.
    pub stanza: StanzaXml,
}

/// Messages kept for an account that has no resource to take them (RFC 6121 §8.5.2.2.1).
const OFFLINE_MAX: usize = 100;

#[derive(Debug, Default)]
struct Account {
    roster: Roster,
    offline: Vec<StanzaXml>,
}

#[derive(Debug)]
struct Session {
    jid: Jid,
    /// Has asked for the roster and gets its pushes.
    interested: bool,
    /// The last presence without recipient, stamped; `None` while unavailable.
    presence: Option<StanzaXml>,
    priority: i8,
}

/// Routes stanzas between the connections of one domain. `K` names connections.
#[derive(Debug)]
pub struct Router<K> {
    domain: String,
    accounts: BTreeMap<String, Account>,
    sessions: BTreeMap<K, Session>,
    /// Full addresses, in order: those of one account stand together.
    by_jid: BTreeMap<String, K>,
    out: VecDeque<Delivery<K>>,
    pushes: u64,
}

impl<K: Ord + Clone> Router<K> {
    /// A router without accounts.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_string(),
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            by_jid: BTreeMap::new(),
            out: VecDeque::new(),
            pushes: 0,
        }
    }

    /// Adds an account; nothing happens when it is there.
    pub fn add_account(&mut self, local: &str) {
        if let Ok(jid) = Jid::new(&alloc::format!("{local}@{}", self.domain)) {
            self.accounts.entry(jid.as_str().to_string()).or_default();
        }
    }

    /// Whether there is such an account.
    #[must_use]
    pub fn has_account(&self, local: &str) -> bool {
        Jid::new(&alloc::format!("{local}@{}", self.domain))
            .is_ok_and(|jid| self.accounts.contains_key(jid.as_str()))
    }

    /// A connection was bound to `jid`. Gives the connection that had this address before:
    /// the host expels it with `conflict` (RFC 6120 §7.7.2.2).
    pub fn connect(&mut self, key: K, jid: &Jid) -> Option<K> {
        self.accounts.entry(jid.bare().to_string()).or_default();
        let old = self.key_of(jid.as_str());
        if let Some(old) = &old {
            self.disconnect(old);
        }
        let session = Session { jid: jid.clone(), interested: false, presence: None, priority: 0 };
        self.by_jid.insert(jid.as_str().to_string(), key.clone());
        self.sessions.insert(key, session);
        old
    }

    /// The session of connection `old` goes on over connection `new` (XEP-0198 §5): nobody
    /// notices. `false` when there is no `old`.
    pub fn rename(&mut self, old: &K, new: K) -> bool {
        match self.sessions.remove(old) {
            Some(session) => {
                self.by_jid.insert(session.jid.as_str().to_string(), new.clone());
                self.sessions.insert(new, session);
                true
            }
            None => false,
        }
    }

    /// A stanza that could not be delivered to the resource `to`, which is gone: a message
    /// takes the way of one that comes for the account now (XEP-0198 §4, RFC 6121 §8.5.3).
    pub fn redeliver(&mut self, to: &Jid, stanza: StanzaXml) {
        let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
        let Ok(buf) = StanzaBuf::parse(Ns::CLIENT, text) else { return };
        let Some(message) = buf.as_message() else { return };
        if !matches!(message.kind(), MessageKind::Error | MessageKind::Headline) {
            self.account_message(to, message.kind(), stanza);
        }
    }

    /// A connection is gone: its contacts are told (RFC 6121 §4.5.2).
    pub fn disconnect(&mut self, key: &K) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let (jid, available) = (session.jid.clone(), session.presence.is_some());
        let gone = PresenceBuilder::new().from(&jid).kind(PresenceKind::Unavailable).build();
        if let (true, Ok(gone)) = (available, gone) {
            self.broadcast(&jid, &gone);
        }
        self.sessions.remove(key);
        if self.by_jid.get(jid.as_str()) == Some(key) {
            self.by_jid.remove(jid.as_str());
        }
    }

    /// The addresses that are connected, with whether they are available.
    pub fn online(&self) -> impl Iterator<Item = (&Jid, bool)> {
        self.sessions.values().map(|session| (&session.jid, session.presence.is_some()))
    }

    /// Takes a stanza of the connection `key`; its deliveries come out of
    /// [`Router::poll_delivery`].
    pub fn handle(&mut self, key: &K, stanza: &StanzaBuf) {
        let Some(from) = self.sessions.get(key).map(|session| session.jid.clone()) else {
            return;
        };
        match stanza.view() {
            Stanza::Message(message) => self.message(key, &from, &message),
            Stanza::Presence(presence) => self.presence(key, &from, &presence),
            Stanza::Iq(iq) => self.iq(key, &from, &iq),
        }
    }

    /// Delivers a message of the host itself, such as a notice of the domain, by the same
    /// rules as any other. `false` when nobody can get it.
    pub fn inject(&mut self, to: &Jid, message: StanzaXml) -> bool {
        self.account_message(to, MessageKind::Normal, message)
    }

    /// The next stanza to send.
    #[must_use]
    pub fn poll_delivery(&mut self) -> Option<Delivery<K>> {
        self.out.pop_front()
    }

    fn deliver(&mut self, to: &K, stanza: StanzaXml) {
        self.out.push_back(Delivery { to: to.clone(), stanza });
    }

    /// The connection that has this full address.
    #[must_use]
    pub fn key_of(&self, full: &str) -> Option<K> {
        self.by_jid.get(full).cloned()
    }

    /// The connections of an account.
    fn of_account<'a>(
        &'a self,
        bare: &str,
    ) -> impl Iterator<Item = (&'a K, &'a Session)> + use<'a, K> {
        // `0` follows `/`, and no bare address has one.
        let (from, to) = (alloc::format!("{bare}/"), alloc::format!("{bare}0"));
        let keys = self.by_jid.range(from..to).map(|(_, key)| key);
        keys.filter_map(|key| self.sessions.get(key).map(|session| (key, session)))
    }

    /// Connections of an account that are available, with their priorities.
    fn available(&self, bare: &str) -> Vec<(K, i8)> {
        self.of_account(bare)
            .filter(|(_, s)| s.presence.is_some())
            .map(|(key, s)| (key.clone(), s.priority))
            .collect()
    }

    /// Answers `stanza` with an error, unless it must not be answered.
    fn bounce(&mut self, key: &K, from: &Jid, stanza: Element<'_>, condition: Condition) {
        if let Some(reply) = error_reply(stanza, &condition.into()) {
            // The reply goes to the one who sent it, whatever its `from` said.
            let stamped = stamp_to(&reply, from);
            self.deliver(key, stamped);
        }
    }

    // RFC 6121 §8.5 (local recipient), §10.3 (none)

    fn message(&mut self, key: &K, from: &Jid, message: &Message<'_>) {
        let element = message.header().element();
        let to = match message.header().to() {
            None => Ok(from.to_bare()),
            Some(to) => to.to_jid(),
        };
        let Ok(to) = to else {
            return self.bounce(key, from, element, Condition::JidMalformed);
        };
        let stamped = stamp(element, from, &to);
        if to.local().is_none() {
            return self.bounce(key, from, element, Condition::ServiceUnavailable);
        }
        if !self.is_local(&to) {
            return self.bounce(key, from, element, Condition::RemoteServerNotFound);
        }
        if !to.is_bare() {
            if let Some(there) = self.key_of(to.as_str()) {
                return self.deliver(&there, stamped);
            }
            // RFC 6121 §8.5.3.2.1: the resource is gone.
            if matches!(message.kind(), MessageKind::Error | MessageKind::Headline) {
                return;
            }
        }
        if message.kind() == MessageKind::Error {
            return;
        }
        if !self.account_message(&to, message.kind(), stamped) {
            self.bounce(key, from, element, Condition::ServiceUnavailable);
        }
    }

    /// RFC 6121 §8.5.2: a message to the bare address.
    fn account_message(&mut self, to: &Jid, kind: MessageKind, stanza: StanzaXml) -> bool {
        if kind == MessageKind::Groupchat || !self.accounts.contains_key(to.bare()) {
            return false;
        }
        let mut there = self.available(to.bare());
        there.retain(|(_, priority)| *priority >= 0);
        let best = there.iter().map(|(_, priority)| *priority).max();
        match best {
            Some(best) => {
                for (key, priority) in there {
                    if kind == MessageKind::Headline || priority == best {
                        self.deliver(&key, stanza.clone());
                    }
                }
                true
            }
            None if kind == MessageKind::Headline => true,
            None => {
                let Some(account) = self.accounts.get_mut(to.bare()) else {
                    return false;
                };
                if account.offline.len() >= OFFLINE_MAX {
                    return false;
                }
                account.offline.push(stanza);
                true
            }
        }
    }

    fn iq(&mut self, key: &K, from: &Jid, iq: &Iq<'_>) {
        let element = iq.header().element();
        let request = iq.kind().is_some_and(IqKind::is_request);
        let Some(to) = iq.header().to() else {
            return self.own_iq(key, from, iq);
        };
        let Ok(to) = to.to_jid() else {
            return self.bounce(key, from, element, Condition::JidMalformed);
        };
        if to.as_str() == self.domain {
            return self.server_iq(key, from, iq);
        }
        if to.as_str() == from.bare() {
            return self.own_iq(key, from, iq);
        }
        if !self.is_local(&to) {
            return self.bounce(key, from, element, Condition::RemoteServerNotFound);
        }
        match self.key_of(to.as_str()) {
            Some(there) if !to.is_bare() => {
                let stamped = stamp(element, from, &to);
                self.deliver(&there, stamped);
            }
            _ if request => self.bounce(key, from, element, Condition::ServiceUnavailable),
            _ => {}
        }
    }

    fn server_iq(&mut self, key: &K, from: &Jid, iq: &Iq<'_>) {
        let Some(payload) = iq.payload() else { return };
        let reply = match (iq.kind(), payload.ns(), payload.name()) {
            (Some(IqKind::Get), Ns::DISCO_INFO, "query") if payload.attr("node").is_none() => {
                result_reply(iq.header(), |w| {
                    w.start(Ns::DISCO_INFO, "query");
                    w.start(Ns::DISCO_INFO, "identity");
                    w.attr("category", "server").attr("type", "im").end();
                    for feature in [Ns::DISCO_INFO, Ns::DISCO_ITEMS, Ns::PING, Ns::ROSTER] {
                        let name = feature.known_name().unwrap_or("");
                        w.start(Ns::DISCO_INFO, "feature").attr("var", name).end();
                    }
                    w.end();
                })
            }
            (Some(IqKind::Get), Ns::DISCO_ITEMS, "query") => result_reply(iq.header(), |w| {
                w.leaf(Ns::DISCO_ITEMS, "query", "");
            }),
            _ => {
                let element = iq.header().element();
                return self.bounce(key, from, element, Condition::ServiceUnavailable);
            }
        };
        if let Ok(reply) = reply {
            self.deliver(key, stamp_to(&reply, from));
        }
    }

    /// A request to the own account: the server answers for it.
    fn own_iq(&mut self, key: &K, from: &Jid, iq: &Iq<'_>) {
        let element = iq.header().element();
        let Some(payload) = iq.payload() else { return };
        match (iq.kind(), payload.ns(), payload.name()) {
            (Some(IqKind::Get), Ns::ROSTER, "query") => {
                let account = self.accounts.get(from.bare());
                let items = account.map(|a| a.roster.items()).unwrap_or_default();
                if let Some(session) = self.sessions.get_mut(key) {
                    session.interested = true;
                }
                let reply = result_reply(iq.header(), |w| {
                    w.start(Ns::ROSTER, "query");
                    for item in &items {
                        item.write(w);
                    }
                    w.end();
                });
                if let Ok(reply) = reply {
                    self.deliver(key, stamp_to(&reply, from));
                }
            }
            (Some(IqKind::Set), Ns::ROSTER, "query") => match self.set_roster(from, payload) {
                Ok(item) => {
                    if let Ok(reply) = result_reply(iq.header(), |_| {}) {
                        self.deliver(key, stamp_to(&reply, from));
                    }
                    self.push(from, &item);
                }
                Err(condition) => self.bounce(key, from, element, condition),
            },
            _ => self.bounce(key, from, element, Condition::ServiceUnavailable),
        }
    }

    /// RFC 6121 §2.3, §2.5
    fn set_roster(&mut self, from: &Jid, query: Element<'_>) -> Result<RosterItem, Condition> {
        let mut items = query.children();
        let item = items.next().and_then(RosterItem::read);
        let (Some(mut item), None) = (item, items.next()) else {
            return Err(Condition::BadRequest);
        };
        item.jid = item.jid.to_bare();
        if item.jid.as_str() == from.bare() {
            return Err(Condition::NotAllowed);
        }
        let account = self.accounts.entry(from.bare().to_string()).or_default();
        if item.subscription != Subscription::Remove {
            return account.roster.set(&item).ok_or(Condition::PolicyViolation);
        }
        let state = account.roster.remove(&item.jid);
        let state = state.ok_or(Condition::ItemNotFound)?;
        // Who is removed loses both subscriptions (§2.5.2).
        for (held, kind, request) in [
            (
                state.is_to() || state.is_pending_out(),
                PresenceKind::Unsubscribe,
                Request::Unsubscribe,
            ),
            (
                state.is_from() || state.is_pending_in(),
                PresenceKind::Unsubscribed,
                Request::Unsubscribed,
            ),
        ] {
            let stanza = subscription(kind, &from.to_bare(), &item.jid).filter(|_| held);
            if let Some(stanza) = stanza {
                self.inbound(&from.to_bare(), &item.jid, request, stanza);
            }
        }
        if state.is_from() {
            self.show_gone(&from.to_bare(), &item.jid);
        }
        let mut removed = RosterItem::new(&item.jid);
        removed.subscription = Subscription::Remove;
        Ok(removed)
    }

    /// RFC 6121 §2.1.6: every interested resource is told.
    fn push(&mut self, account: &Jid, item: &RosterItem) {
        let interested: Vec<(K, Jid)> = self
            .of_account(account.bare())
            .filter(|(_, s)| s.interested)
            .map(|(key, s)| (key.clone(), s.jid.clone()))
            .collect();
        for (key, jid) in interested {
            self.pushes = self.pushes.wrapping_add(1);
            let mut w = Writer::in_stream(Ns::CLIENT);
            w.start(Ns::CLIENT, "iq").attr("type", "set");
            w.attr("id", &alloc::format!("push-{:x}", self.pushes));
            w.attr("to", jid.as_str()).start(Ns::ROSTER, "query");
            item.write(&mut w);
            w.end().end();
            if let Ok(stanza) = StanzaXml::new(w) {
                self.deliver(&key, stanza);
            }
        }
    }

    fn is_local(&self, jid: &Jid) -> bool {
        jid.domain() == self.domain
    }
}

fn stamp(element: Element<'_>, from: &Jid, to: &Jid) -> StanzaXml {
    let replace = [("from", Some(from.as_str())), ("to", Some(to.as_str()))];
    StanzaXml::spliced(restamped(element, Ns::CLIENT, &replace))
}

fn stamp_from(element: Element<'_>, from: &Jid) -> StanzaXml {
    let replace = [("from", Some(from.as_str()))];
    StanzaXml::spliced(restamped(element, Ns::CLIENT, &replace))
}

/// Addresses a stanza that was built or stamped here to somebody else.
fn stamp_to(stanza: &StanzaXml, to: &Jid) -> StanzaXml {
    let text = stanza.as_str();
    match StanzaBuf::parse(Ns::CLIENT, bytes::Bytes::copy_from_slice(text.as_bytes())) {
        Ok(buf) => {
            let replace = [("to", Some(to.as_str()))];
            StanzaXml::spliced(restamped(buf.element(), Ns::CLIENT, &replace))
        }
        Err(_) => stanza.clone(),
    }
}
