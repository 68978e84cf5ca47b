//! Sessions whose connections broke, until they are resumed or forgotten.

use crate::sm::{SmConfig, SmFull, SmSession, StanzaToken};
use crate::stanza::StanzaXml;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proto_wire::Instant;

/// Limits of an [`SmStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmStoreLimits {
    /// Sessions of one account (8). Stops one user who connects and breaks off over and
    /// over from filling memory; the oldest gives way.
    pub per_account_max: usize,
    /// Sessions of all (10,000).
    pub total_max: usize,
    /// Forgotten sessions of which the number of handled stanzas is still known (10,000).
    pub remembered_max: usize,
}

impl Default for SmStoreLimits {
    fn default() -> Self {
        Self { per_account_max: 8, total_max: 10_000, remembered_max: 10_000 }
    }
}

#[derive(Debug)]
struct Held<K> {
    session: SmSession,
    key: K,
    until: Instant,
}

/// The sessions that a server keeps for clients that will come back. `K` is what the host
/// calls the broken connection, for example in its [`Router`](super::Router): it stays in
/// the router meanwhile, and what is delivered to it is pushed here.
#[derive(Debug)]
pub struct SmStore<K> {
    limits: SmStoreLimits,
    /// In order of arrival.
    held: BTreeMap<u64, Held<K>>,
    by_id: BTreeMap<String, u64>,
    by_key: BTreeMap<K, u64>,
    /// By the bare address, in order of arrival: thousands may break off at once.
    by_account: BTreeMap<String, BTreeSet<u64>>,
    by_end: BTreeSet<(Instant, u64)>,
    next: u64,
    /// Account and count of sessions that are forgotten, by their names.
    remembered: BTreeMap<String, (String, u32)>,
    /// Their names, the oldest first.
    forgotten: VecDeque<String>,
}

impl<K: Ord + Clone> SmStore<K> {
    /// An empty store.
    #[must_use]
    pub const fn new(limits: SmStoreLimits) -> Self {
        Self {
            limits,
            held: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_key: BTreeMap::new(),
            by_account: BTreeMap::new(),
            by_end: BTreeSet::new(),
            next: 0,
            remembered: BTreeMap::new(),
            forgotten: VecDeque::new(),
        }
    }

    /// Keeps the session of the broken connection `key` for as long as it was promised.
    /// Gives what had to go for it, or the session itself when it cannot be resumed: its
    /// stanzas are to be delivered elsewhere.
    pub fn hold(&mut self, now: Instant, key: K, session: SmSession) -> Option<(K, SmSession)> {
        if !session.is_resumable() || self.limits.total_max == 0 {
            return Some((key, session));
        }
        let account = session.jid().bare().to_string();
        let same = self.by_account.get(&account);
        let gone = match same.filter(|same| same.len() >= self.limits.per_account_max) {
            Some(same) => same.first().copied(),
            None if self.held.len() >= self.limits.total_max => self.held.keys().next().copied(),
            None => None,
        };
        let evicted = gone.and_then(|number| self.forget(number));
        let until = now.saturating_add(session.resume_max());
        self.by_id.insert(session.id().to_string(), self.next);
        self.by_key.insert(key.clone(), self.next);
        self.by_account.entry(account).or_default().insert(self.next);
        self.by_end.insert((until, self.next));
        self.held.insert(self.next, Held { session, key, until });
        self.next = self.next.wrapping_add(1);
        evicted
    }

    /// The session called `id` of the account with the bare address `account`, and what its
    /// connection was called. Anybody else's is as good as unknown.
    pub fn take(&mut self, account: &str, id: &str) -> Option<(K, SmSession)> {
        let number = *self.by_id.get(id)?;
        let held = self.held.get(&number)?;
        if held.session.jid().bare() != account {
            return None;
        }
        self.remove(number)
    }

    /// The session of the broken connection `key`, to end it.
    pub fn take_by_key(&mut self, key: &K) -> Option<SmSession> {
        let number = *self.by_key.get(key)?;
        self.remove(number).map(|(_, session)| session)
    }

    /// What the forgotten session `id` of `account` had handled, for
    /// [`refuse_resume`](super::ServerConnection::refuse_resume).
    #[must_use]
    pub fn handled(&self, account: &str, id: &str) -> Option<u32> {
        let (whose, handled) = self.remembered.get(id)?;
        (whose == account).then_some(*handled)
    }

    /// Whether the broken connection `key` has a session here.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// Queues a stanza for the time after the resumption; `None` when there is no such
    /// session.
    ///
    /// # Errors
    /// `config` allows no more.
    pub fn push(
        &mut self,
        config: &SmConfig,
        key: &K,
        stanza: StanzaXml,
    ) -> Option<Result<StanzaToken, SmFull>> {
        let number = self.by_key.get(key)?;
        let held = self.held.get_mut(number)?;
        Some(held.session.push(config, stanza))
    }

    /// Takes out the sessions whose time is over: their stanzas are to be delivered
    /// elsewhere, and their resources are gone.
    pub fn expire(&mut self, now: Instant) -> Vec<(K, SmSession)> {
        let over = self.by_end.iter().take_while(|(until, _)| *until <= now);
        let over: Vec<u64> = over.map(|(_, number)| *number).collect();
        over.into_iter().filter_map(|number| self.forget(number)).collect()
    }

    /// When [`SmStore::expire`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// How many sessions are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn forget(&mut self, number: u64) -> Option<(K, SmSession)> {
        let (key, session) = self.remove(number)?;
        if self.limits.remembered_max > 0 {
            if self.forgotten.len() >= self.limits.remembered_max {
                if let Some(oldest) = self.forgotten.pop_front() {
                    self.remembered.remove(&oldest);
                }
            }
            let (account, id) = (session.jid().bare().to_string(), session.id().to_string());
            if self.remembered.insert(id.clone(), (account, session.handled())).is_none() {
                self.forgotten.push_back(id);
            }
        }
        Some((key, session))
    }

    fn remove(&mut self, number: u64) -> Option<(K, SmSession)> {
        let held = self.held.remove(&number)?;
        self.by_id.remove(held.session.id());
        self.by_key.remove(&held.key);
        self.by_end.remove(&(held.until, number));
        let account = held.session.jid().bare();
        if let Some(same) = self.by_account.get_mut(account) {
            same.remove(&number);
            if same.is_empty() {
                self.by_account.remove(account);
            }
        }
        Some((held.key, held.session))
    }
}
