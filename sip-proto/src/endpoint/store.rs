//! The transactions of an endpoint: a slab with generations, keys to find them, deadlines.

use super::deadlines::Deadlines;
use super::event::{ConnectId, Path, TransactionId};
use crate::message::{RequestBuf, StatusCode};
use crate::transaction::{
    Action, Client, Fsm, InviteClient, InviteServer, Key, Reliability, Server, Timer, client,
    invite_client, invite_server, server,
};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::hash::BuildHasher;
use core::net::IpAddr;
use core::time::Duration;
use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashTable};
use proto_wire::{HexToken, Instant, Rng};
use siphasher::sip::SipHasher13;

/// Which machine a transaction is, and its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    InviteClient(invite_client::State),
    Client(client::State),
    InviteServer(invite_server::State),
    Server(server::State),
}

/// What happens to a transaction, whichever machine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Send,
    Response(StatusCode),
    Request,
    Ack,
    Answer(StatusCode),
    Timer(Timer),
    TransportError,
}

impl Kind {
    pub(super) const fn is_client(self) -> bool {
        matches!(self, Self::InviteClient(_) | Self::Client(_))
    }

    pub(super) fn is_terminated(self) -> bool {
        matches!(
            self,
            Self::InviteClient(invite_client::State::Terminated)
                | Self::Client(client::State::Terminated)
                | Self::InviteServer(invite_server::State::Terminated)
                | Self::Server(server::State::Terminated)
        )
    }

    /// The row of the machine's table, or `None` when there is none.
    pub(super) fn step(
        self,
        what: Happening,
        on: Reliability,
    ) -> Option<(Self, &'static [Action])> {
        match self {
            Self::InviteClient(state) => {
                use invite_client::Event;
                let event = match what {
                    Happening::Send => Event::Send,
                    Happening::Response(code) => match code.class() {
                        1 => Event::Receive1xx,
                        2 => Event::Receive2xx,
                        _ => Event::Receive3xxTo6xx,
                    },
                    Happening::Timer(Timer::A) => Event::TimerA,
                    Happening::Timer(Timer::B) => Event::TimerB,
                    Happening::Timer(Timer::D) => Event::TimerD,
                    Happening::Timer(Timer::M) => Event::TimerM,
                    Happening::TransportError => Event::TransportError,
                    _ => return None,
                };
                InviteClient::step(state, event, on)
                    .map(|s| (Self::InviteClient(s.next), s.actions))
            }
            Self::Client(state) => {
                use client::Event;
                let event = match what {
                    Happening::Send => Event::Send,
                    Happening::Response(code) if code.is_provisional() => Event::Receive1xx,
                    Happening::Response(_) => Event::ReceiveFinal,
                    Happening::Timer(Timer::E) => Event::TimerE,
                    Happening::Timer(Timer::F) => Event::TimerF,
                    Happening::Timer(Timer::K) => Event::TimerK,
                    Happening::TransportError => Event::TransportError,
                    _ => return None,
                };
                Client::step(state, event, on).map(|s| (Self::Client(s.next), s.actions))
            }
            Self::InviteServer(state) => {
                use invite_server::Event;
                let event = match what {
                    Happening::Request => Event::Invite,
                    Happening::Ack => Event::Ack,
                    Happening::Answer(code) => match code.class() {
                        1 => Event::Send1xx,
                        2 => Event::Send2xx,
                        _ => Event::Send3xxTo6xx,
                    },
                    Happening::Timer(Timer::Trying) => Event::TimerTrying,
                    Happening::Timer(Timer::G) => Event::TimerG,
                    Happening::Timer(Timer::H) => Event::TimerH,
                    Happening::Timer(Timer::I) => Event::TimerI,
                    Happening::Timer(Timer::L) => Event::TimerL,
                    Happening::TransportError => Event::TransportError,
                    _ => return None,
                };
                InviteServer::step(state, event, on)
                    .map(|s| (Self::InviteServer(s.next), s.actions))
            }
            Self::Server(state) => {
                use server::Event;
                let event = match what {
                    Happening::Request => Event::Request,
                    Happening::Answer(StatusCode::TRYING) => Event::Send100,
                    // RFC 4320 §4.1 and §4.2: no other 1xx, no 408.
                    Happening::Answer(code)
                        if code.is_provisional() || code == StatusCode::REQUEST_TIMEOUT =>
                    {
                        return None;
                    }
                    Happening::Answer(_) => Event::SendFinal,
                    Happening::Timer(Timer::LateTrying) => Event::TimerLateTrying,
                    Happening::Timer(Timer::Unanswered) => Event::TimerUnanswered,
                    Happening::Timer(Timer::J) => Event::TimerJ,
                    Happening::TransportError => Event::TransportError,
                    _ => return None,
                };
                Server::step(state, event, on).map(|s| (Self::Server(s.next), s.actions))
            }
        }
    }
}

/// Where a transaction sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dest {
    Path(Path),
    /// Through a stream that is being opened.
    Waiting(ConnectId),
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) key: Key,
    pub(super) kind: Kind,
    pub(super) on: Reliability,
    pub(super) dest: Dest,
    /// Of a client as it was sent, of a server as it came, with its source noted. A server that has
    /// answered finally and only sends that again has none.
    pub(super) request: Option<RequestBuf>,
    /// What is sent again.
    pub(super) kept: Option<Bytes>,
    pub(super) ack: Option<Bytes>,
    /// How often A, E or G fired.
    pub(super) nth: u32,
    /// The To tag of all responses of one server transaction.
    pub(super) tag: HexToken<12>,
    /// Where the request of a server transaction came from.
    pub(super) source: Option<IpAddr>,
    /// Of the key, set when it is inserted.
    hash: u64,
}

impl Transaction {
    pub(super) const fn new(
        key: Key,
        kind: Kind,
        on: Reliability,
        dest: Dest,
        request: RequestBuf,
        tag: HexToken<12>,
    ) -> Self {
        Self {
            key,
            kind,
            on,
            dest,
            request: Some(request),
            kept: None,
            ack: None,
            nth: 0,
            tag,
            source: None,
            hash: 0,
        }
    }
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    transaction: Option<Transaction>,
}

/// How many server transactions each source has; none has 0.
#[derive(Debug)]
struct Sources {
    counts: HashMap<IpAddr, u32, Keyed>,
    /// How many transactions there were when counting began.
    since: usize,
}

impl Sources {
    fn add(&mut self, transaction: &Transaction) {
        let Some(source) = transaction.source else { return };
        let count = self.counts.entry(source).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn take(&mut self, transaction: &Transaction) {
        let Some(source) = transaction.source else { return };
        if let Entry::Occupied(mut entry) = self.counts.entry(source) {
            match entry.get().checked_sub(1) {
                Some(left @ 1..) => *entry.get_mut() = left,
                _ => drop(entry.remove()),
            }
        }
    }
}

/// All transactions. Looking one up, adding it, ending it and its timers cost the same however many
/// there are: what is hashed is never walked, so its order reaches no output.
#[derive(Debug)]
pub(super) struct Store {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots by the hash of their key.
    keys: HashTable<u32>,
    /// How many server transactions each source has, while somebody asks.
    sources: Option<Sources>,
    deadlines: Deadlines,
    hasher: Keyed,
}

impl Store {
    pub(super) fn new(hasher: Keyed) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            keys: HashTable::new(),
            sources: None,
            deadlines: Deadlines::default(),
            hasher,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many server transactions this source has. The first who asks has all of them counted; from
    /// then on the counts are kept, until half of the transactions have gone.
    pub(super) fn of_source(&mut self, source: IpAddr) -> usize {
        let sources = self.sources.get_or_insert_with(|| {
            let mut sources =
                Sources { counts: HashMap::with_hasher(self.hasher), since: self.keys.len() };
            for transaction in self.slots.iter().filter_map(|slot| slot.transaction.as_ref()) {
                sources.add(transaction);
            }
            sources
        });
        let count = sources.counts.get(&source).copied().unwrap_or(0);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// What [`Store::find`] and [`Store::insert`] ask for beside the key.
    pub(super) fn hash(&self, key: &Key) -> u64 {
        self.hasher.of(key.as_bytes())
    }

    pub(super) fn find(&self, key: &Key, hash: u64) -> Option<TransactionId> {
        let same = |slot: &u32| self.at(*slot).is_some_and(|(_, found)| found.key == *key);
        let slot = *self.keys.find(hash, same)?;
        let (generation, _) = self.at(slot)?;
        Some(TransactionId { slot, generation })
    }

    fn at(&self, slot: u32) -> Option<(u32, &Transaction)> {
        let slot = self.slots.get(usize::try_from(slot).ok()?)?;
        Some((slot.generation, slot.transaction.as_ref()?))
    }

    pub(super) fn get(&self, id: TransactionId) -> Option<&Transaction> {
        let slot = self.slots.get(usize::try_from(id.slot).ok()?)?;
        slot.transaction.as_ref().filter(|_| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: TransactionId) -> Option<&mut Transaction> {
        let slot = self.slots.get_mut(usize::try_from(id.slot).ok()?)?;
        let same = slot.generation == id.generation;
        slot.transaction.as_mut().filter(|_| same)
    }

    /// A transaction whose key no other has.
    pub(super) fn insert(&mut self, mut transaction: Transaction, hash: u64) -> TransactionId {
        transaction.hash = hash;
        if let Some(sources) = &mut self.sources {
            sources.add(&transaction);
        }
        let mut id = TransactionId { slot: 0, generation: 0 };
        match self.free.pop() {
            Some(slot) => {
                id.slot = slot;
                if let Some(place) = usize::try_from(slot).ok().and_then(|s| self.slots.get_mut(s))
                {
                    id.generation = place.generation;
                    place.transaction = Some(transaction);
                }
            }
            None => {
                id.slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                self.slots.push(Slot { generation: 0, transaction: Some(transaction) });
            }
        }
        let slots = &self.slots;
        self.keys.insert_unique(hash, id.slot, |slot| {
            let slot = usize::try_from(*slot).ok().and_then(|slot| slots.get(slot));
            slot.and_then(|slot| slot.transaction.as_ref()).map_or(0, |found| found.hash)
        });
        id
    }

    pub(super) fn remove(&mut self, id: TransactionId) -> Option<Transaction> {
        self.get(id)?;
        let slot = self.slots.get_mut(usize::try_from(id.slot).ok()?)?;
        let transaction = slot.transaction.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        if let Ok(entry) = self.keys.find_entry(transaction.hash, |slot| *slot == id.slot) {
            entry.remove();
        }
        self.deadlines.forget(id.slot);
        if let Some(sources) = &mut self.sources {
            sources.take(&transaction);
            if self.keys.len() < sources.since / 2 {
                self.sources = None;
            }
        }
        Some(transaction)
    }

    /// Sets a timer that fired `nth` times before.
    pub(super) fn start_timer(
        &mut self,
        now: Instant,
        id: TransactionId,
        timer: Timer,
        (nth, wait): (u32, Duration),
    ) {
        let Some(transaction) = self.get_mut(id) else { return };
        transaction.nth = nth;
        // Never zero: a timer that fires at once would make the host spin.
        let wait = wait.max(Duration::from_millis(1));
        self.deadlines.set(id.slot, timer, wait, now.saturating_add(wait));
    }

    pub(super) fn stop_timer(&mut self, id: TransactionId, timer: Timer) {
        if self.get(id).is_some() {
            self.deadlines.stop(id.slot, timer);
        }
    }

    pub(super) fn next_timer(&self) -> Option<(Instant, Timer)> {
        self.deadlines.next().map(|(at, _, timer)| (at, timer))
    }

    /// Takes out the earliest timer that is due.
    pub(super) fn expire(&mut self, now: Instant) -> Option<(TransactionId, Timer)> {
        let (slot, timer) = self.deadlines.expire(now)?;
        let (generation, _) = self.at(slot)?;
        Some((TransactionId { slot, generation }, timer))
    }
}

/// A hash that nobody outside can foresee, so that nobody can make many keys fall into one place.
#[derive(Clone, Copy)]
pub(super) struct Keyed(u64, u64);

impl Keyed {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self(rng.next_u64(), rng.next_u64())
    }

    fn of(self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0, self.1).hash(bytes)
    }
}

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// Shows that there is a key, never which.
impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed(..)")
    }
}
