//! A router for the domains of one host, in memory: accounts, their resources, rosters,
//! presence, and the delivery rules of RFC 6121 §8. It has no connection of its own: the
//! host gives it the stanzas of each and carries out its deliveries. What outlives the
//! process is for the host to keep; events say what.

mod archive;
mod blocking;
mod carbons;
mod event;
mod idle;
mod iq;
mod message;
mod personal;
mod presence;
mod probe;
mod register;
mod remote;
mod roster;
mod store;
#[cfg(test)]
mod tests;

pub use event::{Delivery, Part, QueryId, RouterConfig, RouterEvent, RouterLimits};
pub use store::RestoreError;

use self::archive::{Archiving, Pending};
use self::idle::Idle;
use self::personal::Personal;
use super::roster::Roster;
use crate::jid::Jid;
use crate::stanza::{
    Condition, MessageKind, PresenceBuilder, PresenceKind, Stanza, StanzaBuf, StanzaError,
    StanzaXml, error_reply,
};
use crate::xml::{Element, Ns, restamped};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::{Output, Rng, Seed, Timestamp};

#[derive(Debug)]
struct Account {
    roster: Roster,
    offline: Vec<StanzaXml>,
    /// Addresses, prepared.
    blocked: BTreeSet<String>,
    archiving: Archiving,
    personal: Personal,
    /// When the last resource left, and what it said.
    last: Option<(Timestamp, String)>,
}

#[derive(Debug)]
struct Session {
    jid: Jid,
    /// Has asked for the roster and gets its pushes.
    interested: bool,
    /// Has asked for the block list and gets its pushes (XEP-0191 §3.3).
    watches_blocks: bool,
    /// Wants copies (XEP-0280).
    carbons: bool,
    /// Ids of messages that were copied when they were sent, and to whom they went.
    answerable: VecDeque<(String, String)>,
    /// The language of what does not say its own.
    lang: Option<String>,
    /// The last presence without recipient, stamped; `None` while unavailable.
    presence: Option<StanzaXml>,
    priority: i8,
    /// Who got directed presence (RFC 6121 §4.6.2).
    directed: BTreeSet<String>,
    idle: Idle,
}

/// Where a stanza comes from, so that an answer finds its way.
#[derive(Debug)]
enum Origin<'a, K> {
    /// A connection of this router.
    Local(&'a K),
    /// Another domain.
    Remote,
}

impl<K> Clone for Origin<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Origin<'_, K> {}

/// Routes stanzas between the connections of one host. `K` names connections.
///
/// | kind | methods |
/// |---|---|
/// | A getters | [`has_account`](Router::has_account), [`serves`](Router::serves), [`has_room`](Router::has_room), [`online`](Router::online), [`key_of`](Router::key_of), [`stored`](Router::stored) |
/// | B reports | [`handle`](Router::handle), [`handle_remote`](Router::handle_remote), [`set_time`](Router::set_time) |
/// | C commands | [`add_account`](Router::add_account), [`connect`](Router::connect), [`rename`](Router::rename), [`disconnect`](Router::disconnect), [`enable_carbons`](Router::enable_carbons), [`set_lang`](Router::set_lang), [`set_active`](Router::set_active), [`inject`](Router::inject), [`redeliver`](Router::redeliver), [`restore`](Router::restore), [`answer_archive`](Router::answer_archive), [`refuse_archive`](Router::refuse_archive), [`accept_registration`](Router::accept_registration), [`refuse_registration`](Router::refuse_registration), [`remove_account`](Router::remove_account) |
/// | D polls | [`poll_output`](Router::poll_output), [`poll_delivery`](Router::poll_delivery) |
#[derive(Debug)]
pub struct Router<K> {
    config: RouterConfig,
    /// Main domain first.
    domain: String,
    domains: BTreeSet<String>,
    accounts: BTreeMap<String, Account>,
    sessions: BTreeMap<K, Session>,
    /// Full addresses, in order: those of one account stand together.
    by_jid: BTreeMap<String, K>,
    out: VecDeque<Output<Delivery<K>, RouterEvent>>,
    rng: Rng,
    pushes: u64,
    queries: BTreeMap<QueryId, Pending>,
    registrations: BTreeMap<QueryId, Pending>,
    asked: u64,
    time: Option<Timestamp>,
    started: Option<Timestamp>,
}

impl<K: Ord + Clone> Router<K> {
    /// A router without accounts, with the default configuration, for hosts that keep nothing.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self::with_config(domain, RouterConfig::new(), &Seed::from_u64(0))
    }

    /// A router without accounts. The seed makes the ids in archives, which nobody may guess.
    #[must_use]
    pub fn with_config(domain: &str, config: RouterConfig, seed: &Seed) -> Self {
        let domain = Jid::new(domain).map_or_else(|_| domain.to_string(), |jid| jid.to_string());
        Self {
            config,
            domains: BTreeSet::from([domain.clone()]),
            domain,
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            by_jid: BTreeMap::new(),
            out: VecDeque::new(),
            rng: Rng::new(seed),
            pushes: 0,
            queries: BTreeMap::new(),
            registrations: BTreeMap::new(),
            asked: 0,
            time: None,
            started: None,
        }
    }

    /// Serves another domain, too.
    pub fn add_domain(&mut self, domain: &str) {
        if let Ok(jid) = Jid::new(domain) {
            self.domains.insert(jid.domain().to_string());
        }
    }

    /// Whether `domain` is served here.
    #[must_use]
    pub fn serves(&self, domain: &str) -> bool {
        self.domains.contains(domain)
    }

    /// Says what time it is. Without it nothing is archived, delays are not told, and nobody
    /// learns the time from this server.
    pub fn set_time(&mut self, now: Timestamp) {
        self.started.get_or_insert(now);
        self.time = Some(now);
    }

    /// Adds an account of the main domain, by its local part or its whole address; nothing
    /// happens when it is there.
    pub fn add_account(&mut self, name: &str) {
        if let Some(jid) = self.account_of(name) {
            self.open_account(jid.as_str());
        }
    }

    /// Whether there is such an account, by its local part (of the main domain) or its whole
    /// address.
    #[must_use]
    pub fn has_account(&self, name: &str) -> bool {
        self.account_of(name).is_some_and(|jid| self.accounts.contains_key(jid.as_str()))
    }

    fn account_of(&self, name: &str) -> Option<Jid> {
        let jid = match name.contains('@') {
            true => Jid::new(name),
            false => Jid::new(&alloc::format!("{name}@{}", self.domain)),
        };
        jid.ok().filter(|jid| jid.is_bare() && self.is_local(jid))
    }

    fn open_account(&mut self, bare: &str) -> &mut Account {
        let (rng, config) = (&mut self.rng, &self.config);
        self.accounts.entry(bare.to_string()).or_insert_with(|| Account {
            roster: Roster::new(rng.hex::<8>().as_str(), config.limits),
            offline: Vec::new(),
            blocked: BTreeSet::new(),
            archiving: Archiving::default(),
            personal: Personal::default(),
            last: None,
        })
    }

    /// Whether the account may have one more connection: when not, the host refuses the bind
    /// with `resource-constraint` (RFC 6120 §7.6.2.1). A resource that replaces another of
    /// its name always has room.
    #[must_use]
    pub fn has_room(&self, jid: &Jid) -> bool {
        self.by_jid.contains_key(jid.as_str())
            || self.of_account(jid.bare()).count() < self.config.limits.sessions_max
    }

    /// A connection was bound to `jid`. Gives the connection that had this address before:
    /// the host expels it with `conflict` (RFC 6120 §7.7.2.2).
    pub fn connect(&mut self, key: K, jid: &Jid) -> Option<K> {
        self.open_account(jid.bare());
        let old = self.key_of(jid.as_str());
        if let Some(old) = &old {
            self.disconnect(old);
        }
        let session = Session {
            jid: jid.clone(),
            interested: false,
            watches_blocks: false,
            carbons: false,
            answerable: VecDeque::new(),
            lang: None,
            presence: None,
            priority: 0,
            directed: BTreeSet::new(),
            idle: Idle::default(),
        };
        self.by_jid.insert(jid.as_str().to_string(), key.clone());
        self.sessions.insert(key, session);
        old
    }

    /// The session of connection `old` goes on over connection `new` (XEP-0198 §5): nobody
    /// notices. Its client counts as looked at (XEP-0352 §5). `false` when there is no `old`.
    pub fn rename(&mut self, old: &K, new: K) -> bool {
        match self.sessions.remove(old) {
            Some(session) => {
                self.by_jid.insert(session.jid.as_str().to_string(), new.clone());
                self.sessions.insert(new.clone(), session);
                self.set_active(&new, true)
            }
            None => false,
        }
    }

    /// Copies of messages go to this connection, too (XEP-0280), as it asked for with its
    /// bind (XEP-0386). `false` when there is no such connection.
    pub fn enable_carbons(&mut self, key: &K) -> bool {
        let session = self.sessions.get_mut(key);
        session.map(|session| session.carbons = true).is_some()
    }

    /// Says in which language this connection's stanzas are that do not say it: that of its
    /// stream, as [`ServerConnection::stream_lang`](super::ServerConnection::stream_lang) tells.
    /// It is put on what is forwarded (RFC 6120 §8.1.5). `false` when there is no such connection.
    pub fn set_lang(&mut self, key: &K, lang: Option<&str>) -> bool {
        let session = self.sessions.get_mut(key);
        session.map(|session| session.lang = lang.map(ToString::to_string)).is_some()
    }

    /// A stanza that could not be delivered to the resource `to`, which is gone: a message
    /// takes the way of one that comes for the account now, and whoever asked something is told
    /// that nobody answers (XEP-0198 §4, RFC 6121 §8.5.3).
    pub fn redeliver(&mut self, to: &Jid, stanza: StanzaXml) {
        let text = bytes::Bytes::copy_from_slice(stanza.as_str().as_bytes());
        let Ok(buf) = StanzaBuf::parse(Ns::CLIENT, text) else { return };
        match buf.view() {
            Stanza::Message(message) => {
                if !matches!(message.kind(), MessageKind::Error | MessageKind::Headline) {
                    self.message_account(to, &message, &stanza);
                }
            }
            Stanza::Iq(iq) => {
                let Some(Ok(from)) = iq.header().from().map(|from| from.to_jid()) else { return };
                let key = self.key_of(from.as_str());
                let origin = key.as_ref().map_or(Origin::Remote, Origin::Local);
                self.bounce(origin, &from, iq.header().element(), Condition::ServiceUnavailable);
            }
            Stanza::Presence(_) => {}
        }
    }

    /// A connection is gone: its contacts are told (RFC 6121 §4.5.2).
    pub fn disconnect(&mut self, key: &K) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        let jid = session.jid.clone();
        let gone = PresenceBuilder::new().from(&jid).kind(PresenceKind::Unavailable).build();
        if let Ok(gone) = gone {
            self.leave(key, &jid, &gone, "");
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

    /// Takes a stanza of the connection `key`; what it causes comes out of
    /// [`Router::poll_output`].
    pub fn handle(&mut self, key: &K, stanza: &StanzaBuf) {
        let Some(session) = self.sessions.get(key) else { return };
        let from = session.jid.clone();
        let lang = session.lang.as_deref().filter(|_| stanza.element().lang().is_none());
        let said = lang.and_then(|lang| {
            let text = restamped(stanza.element(), Ns::CLIENT, &[("xml:lang", Some(lang))]);
            StanzaBuf::parse(Ns::CLIENT, text.into()).ok()
        });
        let stanza = said.as_ref().unwrap_or(stanza);
        let origin = Origin::Local(key);
        match stanza.view() {
            Stanza::Message(message) => self.message(origin, &from, &message),
            Stanza::Presence(presence) => self.presence(key, &from, &presence),
            Stanza::Iq(iq) => self.iq(origin, &from, &iq),
        }
    }

    /// Delivers a message of the host itself, such as a notice of the domain, by the same
    /// rules as any other. `false` when nobody can get it.
    pub fn inject(&mut self, to: &Jid, message: StanzaXml) -> bool {
        let text = bytes::Bytes::copy_from_slice(message.as_str().as_bytes());
        let Ok(buf) = StanzaBuf::parse(Ns::CLIENT, text) else { return false };
        let Some(view) = buf.as_message() else { return false };
        self.message_account(to, &view, &message)
    }

    /// The next thing to do: a stanza to send, or an event.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Delivery<K>, RouterEvent>> {
        self.out.pop_front()
    }

    /// The next stanza to send, for hosts that keep nothing: events before it are dropped.
    #[must_use]
    pub fn poll_delivery(&mut self) -> Option<Delivery<K>> {
        loop {
            if let Output::Transmit(delivery) = self.out.pop_front()? {
                return Some(delivery);
            }
        }
    }

    fn deliver(&mut self, to: &K, stanza: StanzaXml) {
        if let Some(stanza) = self.hold_back(to, stanza) {
            self.send(to, stanza);
        }
    }

    fn send(&mut self, to: &K, stanza: StanzaXml) {
        self.out.push_back(Output::Transmit(Delivery { to: to.clone(), stanza }));
    }

    fn event(&mut self, event: RouterEvent) {
        self.out.push_back(Output::Event(event));
    }

    /// Something of an account changed. What is said already is not said again.
    fn changed(&mut self, bare: &str, part: Part) {
        let Ok(account) = Jid::new(bare) else { return };
        let event = Output::Event(RouterEvent::Changed { account, part });
        if self.out.back() != Some(&event) {
            self.out.push_back(event);
        }
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

    fn is_local(&self, jid: &Jid) -> bool {
        self.domains.contains(jid.domain())
    }

    /// Answers `stanza` with an error, unless it must not be answered.
    fn bounce(
        &mut self,
        origin: Origin<'_, K>,
        from: &Jid,
        stanza: Element<'_>,
        condition: Condition,
    ) {
        self.bounce_with(origin, from, stanza, &condition.into());
    }

    fn bounce_with(
        &mut self,
        origin: Origin<'_, K>,
        from: &Jid,
        stanza: Element<'_>,
        error: &StanzaError<'_>,
    ) {
        if let Some(reply) = error_reply(stanza, error) {
            self.reply(origin, from, &reply);
            if let (Origin::Local(key), "message") = (origin, stanza.name()) {
                self.copy_bounce(key, from, &stamp_to(&reply, from));
            }
        }
    }

    /// Sends an answer to the one who asked, whatever the `from` of the question said.
    fn reply(&mut self, origin: Origin<'_, K>, from: &Jid, reply: &StanzaXml) {
        let stamped = stamp_to(reply, from);
        match origin {
            Origin::Local(key) => self.deliver(key, stamped),
            Origin::Remote => self.outgoing(from, stamped),
        }
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
