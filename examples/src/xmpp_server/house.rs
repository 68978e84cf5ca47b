//! What all connections of the server share.

use super::options::Options;
use super::servers::Job;
use super::store::{ARCHIVE_MAX, Change, Known, Store};
use super::tokens::Tokens;
use crate::entropy;
use proto_wire::{Instant, Output, Rng, Timestamp};
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::Sender;
use xmpp_proto::ext::register::Submission;
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::{Credentials, Mechanism, Secret};
use xmpp_proto::server::{
    ArchiveEntry, Delivery, QueryId, Router, RouterConfig, RouterEvent, SmStore, SmStoreLimits,
};
use xmpp_proto::sm::{SmConfig, SmSession};
use xmpp_proto::stanza::{Condition, StanzaBuf, StanzaXml};
use xmpp_proto::stream::StreamCondition;
use xmpp_proto::xml::Ns;

/// Messages in one page of an archive.
const PAGE_MAX: usize = 100;

pub(super) struct House {
    pub(super) router: Router<u64>,
    known: BTreeMap<String, Known>,
    pub(super) mail: BTreeMap<u64, Sender<Mail>>,
    pub(super) asleep: SmStore<u64>,
    pub(super) sm: SmConfig,
    /// What time it was when the house was entered last.
    pub(super) time: Timestamp,
    /// The last key that was given to a connection.
    pub(super) last: u64,
    archives: BTreeMap<String, Vec<ArchiveEntry>>,
    store: Option<Store>,
    /// Where keys are kept, what hides which accounts there are.
    pub(super) decoy_key: Option<Secret>,
    tokens: Tokens,
    /// Connections of accounts that were removed.
    gone: Vec<u64>,
    /// Where stanzas for other servers go.
    pub(super) jobs: Option<Sender<Job>>,
    rng: Rng,
}

/// What a user asks for that is the host's to decide.
enum Wish {
    Password(QueryId, Jid, Secret),
    Removal(QueryId, Jid),
}

/// What one connection's thread tells another's.
pub(super) enum Mail {
    Stanza(StanzaXml),
    Expel(StreamCondition),
    /// The client is back on another connection: end, and give the session of this account
    /// and name.
    Displace(Jid, String, Sender<SmSession>),
}

impl House {
    /// The house of these domains, with what was kept in the file.
    pub(super) fn open(domains: &[&str], sm: SmConfig, options: &Options) -> io::Result<Self> {
        let mut rng = Rng::new(&entropy::seed());
        let mut config =
            RouterConfig::new().with_archive().with_software("chat", env!("CARGO_PKG_VERSION"));
        config.registration = options.registration;
        config.remote = options.servers.is_some();
        let (first, others) = domains.split_first().unwrap_or((&"localhost", &[]));
        let mut router = Router::with_config(first, config, &rng.seed());
        others.iter().for_each(|domain| router.add_domain(domain));
        let mut house = Self {
            router,
            known: BTreeMap::new(),
            mail: BTreeMap::new(),
            asleep: SmStore::new(SmStoreLimits::default()),
            sm,
            time: Timestamp::UNIX_EPOCH,
            last: 0,
            archives: BTreeMap::new(),
            store: None,
            decoy_key: None,
            tokens: Tokens::default(),
            gone: Vec::new(),
            jobs: None,
            rng,
        };
        if let Some(file) = options.file.as_deref() {
            let (store, kept) = Store::open(file)?;
            for account in kept.known.keys() {
                house.router.add_account(account);
            }
            for (account, part, text) in kept.parts {
                let account: Jid = account.parse().map_err(io::Error::other)?;
                house.router.restore(&account, part, &text).map_err(io::Error::other)?;
            }
            for (account, row) in kept.tokens {
                let account: Jid = account.parse().map_err(io::Error::other)?;
                house.tokens.restore(&account, row);
            }
            (house.known, house.archives) = (kept.known, kept.archives);
            house.decoy_key = Some(store.decoy_key(&mut house.rng)?);
            house.store = Some(store);
        }
        Ok(house)
    }

    /// Adds an account, or changes its password.
    pub(super) fn add_account(&mut self, account: &Jid, password: &str) -> io::Result<()> {
        self.router.add_account(account.as_str());
        self.change_tokens(account, |tokens| tokens.forget(account));
        let known = match &self.store {
            Some(store) => store.keep_password(account.as_str(), password, &mut self.rng)?,
            None => Known::Password(Secret::new(password)),
        };
        self.known.insert(account.to_string(), known);
        Ok(())
    }

    /// What a user of `domain` logs in with.
    pub(super) fn credentials(
        &mut self,
        user: &str,
        domain: &str,
        mechanism: Mechanism,
    ) -> Credentials {
        let account = Jid::new(&format!("{user}@{domain}"));
        if let (true, Ok(account)) = (mechanism.is_fast(), &account) {
            return Credentials::Tokens(self.tokens.valid(account, mechanism, self.time));
        }
        let known = account.ok().and_then(|account| self.known.get(account.as_str()));
        known.map_or(Credentials::Refused, |known| known.credentials(mechanism))
    }

    /// A stranger wants an account.
    pub(super) fn register(&mut self, wanted: &Submission, domain: &str) -> Result<(), Condition> {
        let account = Jid::new(&format!("{}@{domain}", wanted.username));
        let account = account.map_err(|_| Condition::JidMalformed)?;
        if !account.is_bare() {
            return Err(Condition::JidMalformed);
        }
        if self.router.has_account(account.as_str()) {
            return Err(Condition::Conflict);
        }
        let added = self.add_account(&account, wanted.password.expose());
        added.map_err(|_| Condition::InternalServerError)
    }

    /// A user wants another password, or to go: what becomes of it.
    fn settle(&mut self, wish: Wish) {
        match wish {
            Wish::Password(query, account, password) => {
                match self.add_account(&account, password.expose()) {
                    Ok(()) => self.router.accept_registration(query),
                    Err(_) => {
                        let fault = Condition::InternalServerError;
                        self.router.refuse_registration(query, fault)
                    }
                };
            }
            Wish::Removal(query, account) => {
                self.router.accept_registration(query);
                for key in self.router.remove_account(&account) {
                    self.gone.push(key);
                }
            }
        }
    }

    /// What is kept of an account is forgotten.
    fn forget(&mut self, account: &Jid) {
        self.known.remove(account.as_str());
        self.archives.remove(account.as_str());
        self.change_tokens(account, |tokens| tokens.forget(account));
    }

    /// Changes the tokens of an account, and keeps them.
    pub(super) fn change_tokens(&mut self, account: &Jid, change: impl FnOnce(&mut Tokens)) {
        change(&mut self.tokens);
        let Some(store) = &self.store else { return };
        let rows = self.tokens.rows(account.bare());
        if let Err(error) = store.keep_tokens(account.bare(), &rows) {
            // After a restart it takes the password.
            eprintln!("xmpp server: tokens not kept: {error}");
        }
    }

    /// Does what the router says: keeps first, delivers then.
    pub(super) fn deliver(&mut self) {
        loop {
            let (mut deliveries, mut changes, mut queries) = (Vec::new(), Vec::new(), Vec::new());
            let (mut wishes, mut outgoing) = (Vec::new(), Vec::new());
            while let Some(output) = self.router.poll_output() {
                match output {
                    Output::Transmit(delivery) => deliveries.push(delivery),
                    Output::Event(RouterEvent::Changed { account, part }) => {
                        changes.push(Change::Part(account, part));
                    }
                    Output::Event(RouterEvent::Archived { account, entry }) => {
                        let archive = self.archives.entry(account.to_string()).or_default();
                        if archive.len() >= ARCHIVE_MAX {
                            archive.remove(0);
                        }
                        archive.push(entry.clone());
                        changes.push(Change::Archived(account, entry));
                    }
                    Output::Event(RouterEvent::ArchiveQueried { query, account, wanted }) => {
                        queries.push((query, account, wanted));
                    }
                    Output::Event(RouterEvent::PasswordChangeRequested {
                        query,
                        account,
                        password,
                    }) => wishes.push(Wish::Password(query, account, password)),
                    Output::Event(RouterEvent::RemovalRequested { query, account }) => {
                        wishes.push(Wish::Removal(query, account));
                    }
                    Output::Event(RouterEvent::Removed { account }) => {
                        self.forget(&account);
                        changes.push(Change::Removed(account));
                    }
                    Output::Event(RouterEvent::Outgoing { from, to, stanza }) => {
                        outgoing.push(Job::Stanza { from, to, stanza });
                    }
                    Output::Event(_) => {}
                }
            }
            if let (Some(store), false) = (&mut self.store, changes.is_empty()) {
                if let Err(error) = store.write(&changes, &self.router) {
                    // The chat goes on; after a restart this is missing.
                    eprintln!("xmpp server: not kept: {error}");
                }
            }
            deliveries.into_iter().for_each(|delivery| self.hand_out(delivery));
            for job in outgoing {
                // The dispatcher ends only with the server.
                let _ended = self.jobs.as_ref().map(|jobs| jobs.send(job));
            }
            for key in std::mem::take(&mut self.gone) {
                // XEP-0077 §3.2: behind what was delivered just now.
                match self.mail.get(&key) {
                    Some(mail) => drop(mail.send(Mail::Expel(StreamCondition::NotAuthorized))),
                    None => drop(self.asleep.take_by_key(&key)),
                }
            }
            if queries.is_empty() && wishes.is_empty() {
                return;
            }
            wishes.into_iter().for_each(|wish| self.settle(wish));
            for (query, account, wanted) in queries {
                let entries = self.archives.get(account.as_str()).map_or(&[][..], Vec::as_slice);
                match wanted.page(&account, entries, PAGE_MAX) {
                    Ok(page) => self.router.answer_archive(query, &page),
                    Err(condition) => self.router.refuse_archive(query, condition),
                };
            }
        }
    }

    /// Hands a stanza to the thread of its connection.
    fn hand_out(&mut self, delivery: Delivery<u64>) {
        let key = delivery.to;
        if let Some(mail) = self.mail.get(&key) {
            drop(mail.send(Mail::Stanza(delivery.stanza)));
        } else if let Some(Err(_full)) = self.asleep.push(&self.sm, &key, delivery.stanza) {
            if let Some(session) = self.asleep.take_by_key(&key) {
                self.bury(key, session);
            }
        }
    }

    /// The connection `key` is gone; a session that can be resumed sleeps.
    pub(super) fn leave(&mut self, now: Instant, key: u64, session: Option<SmSession>) {
        self.mail.remove(&key);
        match session {
            Some(session) => {
                if let Some((key, session)) = self.asleep.hold(now, key, session) {
                    self.bury(key, session);
                }
            }
            None => self.router.disconnect(&key),
        }
        self.deliver();
    }

    /// A session is over: the resource is gone, and what it did not get goes elsewhere.
    pub(super) fn bury(&mut self, key: u64, session: SmSession) {
        let jid = session.jid().clone();
        self.router.disconnect(&key);
        for unacked in session.into_unacked() {
            self.router.redeliver(&jid, unacked.stanza);
        }
    }

    /// A stanza that was for a connection which is gone.
    pub(super) fn redeliver(&mut self, stanza: StanzaXml) {
        let text = stanza.as_str().as_bytes().to_vec().into();
        let Ok(buf) = StanzaBuf::parse(Ns::CLIENT, text) else { return };
        let to = buf.view().header().to().and_then(|to| to.to_jid().ok());
        if let Some(to) = to {
            self.router.redeliver(&to, stanza);
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        if self.asleep.poll_timeout().is_some_and(|at| at <= now) {
            for (key, session) in self.asleep.expire(now) {
                self.bury(key, session);
            }
            self.deliver();
        }
    }
}
