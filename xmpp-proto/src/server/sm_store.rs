//! Sessions whose connections broke, until they are resumed or forgotten.

use crate::sm::{SmConfig, SmFull, SmSession, StanzaToken};
use crate::stanza::StanzaXml;
use alloc::collections::{BTreeMap, VecDeque};
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
    next: u64,
    /// Account, name and count of sessions that are forgotten.
    remembered: VecDeque<(String, String, u32)>,
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
            next: 0,
            remembered: VecDeque::new(),
        }
    }

    /// Keeps the session of the broken connection `key` for as long as it was promised.
    /// Gives what had to go for it, or the session itself when it cannot be resumed: its
    /// stanzas are to be delivered elsewhere.
    pub fn hold(&mut self, now: Instant, key: K, session: SmSession) -> Option<(K, SmSession)> {
        if !session.is_resumable() || self.limits.total_max == 0 {
            return Some((key, session));
        }
        let account = session.jid().bare();
        let same = self.held.iter().filter(|(_, held)| held.session.jid().bare() == account);
        let same: Vec<u64> = same.map(|(number, _)| *number).collect();
        let full = self.held.len() >= self.limits.total_max;
        let gone = match same.first() {
            Some(first) if same.len() >= self.limits.per_account_max => Some(*first),
            _ if full => self.held.keys().next().copied(),
            _ => None,
        };
        let evicted = gone.and_then(|number| self.forget(number));
        let until = now.saturating_add(session.resume_max());
        self.by_id.insert(session.id().to_string(), self.next);
        self.by_key.insert(key.clone(), self.next);
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
        let mut remembered = self.remembered.iter();
        let found = remembered.find(|(whose, name, _)| whose == account && name == id);
        found.map(|(_, _, handled)| *handled)
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
        let over = self.held.iter().filter(|(_, held)| held.until <= now);
        let over: Vec<u64> = over.map(|(number, _)| *number).collect();
        over.into_iter().filter_map(|number| self.forget(number)).collect()
    }

    /// When [`SmStore::expire`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.held.values().map(|held| held.until).min()
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
            if self.remembered.len() >= self.limits.remembered_max {
                self.remembered.pop_front();
            }
            let account = session.jid().bare().to_string();
            self.remembered.push_back((account, session.id().to_string(), session.handled()));
        }
        Some((key, session))
    }

    fn remove(&mut self, number: u64) -> Option<(K, SmSession)> {
        let held = self.held.remove(&number)?;
        self.by_id.remove(held.session.id());
        self.by_key.remove(&held.key);
        Some((held.key, held.session))
    }
}
