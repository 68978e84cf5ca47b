//! A router for one domain, in memory: accounts, their resources, rosters, presence, and
//! the delivery rules of RFC 6121 §8. It has no connection of its own: the host gives it
//! the stanzas of each and carries out its deliveries.

use super::roster::Roster;
use crate::jid::Jid;
use crate::roster::{RosterItem, Subscription};
use crate::stanza::{
    Condition, Iq, IqKind, Message, MessageKind, Presence, PresenceBuilder, PresenceKind, Stanza,
    StanzaBuf, StanzaXml, error_reply, result_reply,
};
use crate::subscription::{Action, Direction, Request};
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

    // RFC 6121 §3, §4

    fn presence(&mut self, key: &K, from: &Jid, presence: &Presence<'_>) {
        let element = presence.header().element();
        let Some(kind) = presence.kind() else { return };
        let Some(to) = presence.header().to() else {
            match kind {
                PresenceKind::Available => self.now_available(key, from, presence),
                PresenceKind::Unavailable => {
                    let gone = stamp_from(element, from);
                    if let Some(session) = self.sessions.get_mut(key) {
                        session.presence = None;
                    }
                    self.broadcast(from, &gone);
                }
                _ => self.bounce(key, from, element, Condition::BadRequest),
            }
            return;
        };
        let Ok(to) = to.to_jid() else {
            return self.bounce(key, from, element, Condition::JidMalformed);
        };
        if let Some(request) = request_of(kind) {
            return self.outbound(key, from, &to.to_bare(), request, element);
        }
        if kind == PresenceKind::Probe || !self.is_local(&to) {
            return;
        }
        // Directed presence (§4.6).
        let stamped = stamp(element, from, &to);
        if to.is_bare() {
            for (there, _) in self.available(to.bare()) {
                self.deliver(&there, stamped.clone());
            }
        } else if let Some(there) = self.key_of(to.as_str()) {
            self.deliver(&there, stamped);
        }
    }

    /// RFC 6121 §4.2: initial presence, §4.4: later presence.
    fn now_available(&mut self, key: &K, from: &Jid, presence: &Presence<'_>) {
        let stamped = stamp_from(presence.header().element(), from);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let initial = session.presence.is_none();
        session.presence = Some(stamped.clone());
        session.priority = presence.priority();
        let takes_messages = session.priority >= 0;
        self.broadcast(from, &stamped);
        if initial {
            self.show_contacts(key, from);
        }
        let account = self.accounts.get_mut(from.bare()).filter(|_| takes_messages);
        if let Some(account) = account {
            for stanza in core::mem::take(&mut account.offline) {
                self.deliver(key, stanza);
            }
        }
    }

    /// Sends a presence to all who may see it: contacts and the account's own resources.
    fn broadcast(&mut self, from: &Jid, stanza: &StanzaXml) {
        let mut seers: Vec<String> = alloc::vec![from.bare().to_string()];
        if let Some(account) = self.accounts.get(from.bare()) {
            let contacts = account.roster.contacts().filter(|c| c.state.is_from());
            seers.extend(contacts.map(|contact| contact.jid().as_str().to_string()));
        }
        for seer in seers {
            for (key, _) in self.available(&seer) {
                if let Some(to) = self.sessions.get(&key).map(|s| s.jid.clone()) {
                    self.deliver(&key, stamp_to(stanza, &to));
                }
            }
        }
    }

    /// Tells a resource that became available who else is, and who waits for an answer.
    fn show_contacts(&mut self, key: &K, from: &Jid) {
        let mut waiting = Vec::new();
        let mut seen: Vec<String> = alloc::vec![from.bare().to_string()];
        if let Some(account) = self.accounts.get(from.bare()) {
            for contact in account.roster.contacts() {
                waiting.extend(contact.asked.clone());
                if contact.state.is_to() {
                    seen.push(contact.jid().as_str().to_string());
                }
            }
        }
        let presences: Vec<StanzaXml> = seen
            .iter()
            .flat_map(|bare| self.of_account(bare))
            .filter(|(_, s)| s.jid != *from)
            .filter_map(|(_, s)| s.presence.clone())
            .collect();
        for stanza in presences {
            self.deliver(key, stamp_to(&stanza, from));
        }
        for stanza in waiting {
            self.deliver(key, stanza);
        }
    }

    /// A subscription stanza of a user (§A.2).
    fn outbound(&mut self, key: &K, from: &Jid, to: &Jid, request: Request, element: Element<'_>) {
        let own = from.to_bare();
        if *to == own || to.local().is_none() {
            return;
        }
        let stamped = stamp(element, &own, to);
        let account = self.accounts.entry(own.as_str().to_string()).or_default();
        let saw_us = account.roster.state(to.as_str()).is_from();
        let (action, changed) = account.roster.apply(to, Direction::Outbound, request, None);
        if let Some(item) = changed {
            self.push(&own, &item);
        }
        if !matches!(action, Action::Pass | Action::PassAndReply) {
            return;
        }
        if !self.is_local(to) {
            return self.bounce(key, from, element, Condition::RemoteServerNotFound);
        }
        self.inbound(&own, to, request, stamped);
        match request {
            // §3.1.5: whoever may see us now does.
            Request::Subscribed => self.show_present(&own, to),
            Request::Unsubscribed if saw_us => self.show_gone(&own, to),
            _ => {}
        }
    }

    /// A subscription stanza for a local account (§A.3).
    fn inbound(&mut self, from: &Jid, to: &Jid, request: Request, stanza: StanzaXml) {
        let Some(account) = self.accounts.get_mut(to.as_str()) else {
            // §8.5.1: no such user; a request is answered, the rest is silence.
            if request == Request::Subscribe {
                self.reply(to, from, PresenceKind::Unsubscribed, Request::Unsubscribed);
            }
            return;
        };
        let saw_us = account.roster.state(from.as_str()).is_from();
        let kept = Some(stanza.clone());
        let (action, changed) = account.roster.apply(from, Direction::Inbound, request, kept);
        if matches!(action, Action::Pass | Action::PassAndReply) {
            for (key, _) in self.available(to.as_str()) {
                self.deliver(&key, stanza.clone());
            }
        }
        if let Some(item) = changed {
            self.push(to, &item);
        }
        match action {
            Action::PassAndReply => {
                self.reply(to, from, PresenceKind::Unsubscribed, Request::Unsubscribed);
                if saw_us {
                    self.show_gone(to, from);
                }
            }
            Action::Reply => {
                self.reply(to, from, PresenceKind::Subscribed, Request::Subscribed);
                self.show_present(to, from);
            }
            _ => {}
        }
    }

    /// The server answers a subscription stanza on behalf of `from`.
    fn reply(&mut self, from: &Jid, to: &Jid, kind: PresenceKind, request: Request) {
        let known = self.accounts.contains_key(to.as_str());
        if let Some(stanza) = subscription(kind, from, to).filter(|_| known) {
            self.inbound(from, to, request, stanza);
        }
    }

    /// Shows `to` the presence of all resources of `of`.
    fn show_present(&mut self, of: &Jid, to: &Jid) {
        let presences: Vec<StanzaXml> =
            self.of_account(of.as_str()).filter_map(|(_, s)| s.presence.clone()).collect();
        for (key, _) in self.available(to.as_str()) {
            for stanza in &presences {
                self.deliver(&key, stamp_to(stanza, to));
            }
        }
    }

    /// Shows `to` that all resources of `of` are gone.
    fn show_gone(&mut self, of: &Jid, to: &Jid) {
        let gone: Vec<Jid> = self
            .of_account(of.as_str())
            .filter(|(_, s)| s.presence.is_some())
            .map(|(_, s)| s.jid.clone())
            .collect();
        for jid in gone {
            let stanza =
                PresenceBuilder::new().from(&jid).to(to).kind(PresenceKind::Unavailable).build();
            if let Ok(stanza) = stanza {
                for (key, _) in self.available(to.as_str()) {
                    self.deliver(&key, stanza.clone());
                }
            }
        }
    }

    fn is_local(&self, jid: &Jid) -> bool {
        jid.domain() == self.domain
    }
}

const fn request_of(kind: PresenceKind) -> Option<Request> {
    match kind {
        PresenceKind::Subscribe => Some(Request::Subscribe),
        PresenceKind::Unsubscribe => Some(Request::Unsubscribe),
        PresenceKind::Subscribed => Some(Request::Subscribed),
        PresenceKind::Unsubscribed => Some(Request::Unsubscribed),
        _ => None,
    }
}

fn subscription(kind: PresenceKind, from: &Jid, to: &Jid) -> Option<StanzaXml> {
    PresenceBuilder::new().from(from).to(to).kind(kind).build().ok()
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
