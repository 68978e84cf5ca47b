//! The transactions of an endpoint: a slab with generations, keys to find them, deadlines.

use super::event::{ConnectId, Path, TransactionId};
use crate::message::{RequestBuf, StatusCode};
use crate::transaction::{
    Action, Client, Fsm, InviteClient, InviteServer, Key, Reliability, Server, Timer, client,
    invite_client, invite_server, server,
};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::IpAddr;
use core::time::Duration;
use proto_wire::{HexToken, Instant, TimerQueue};

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

/// A transaction has at most three timers at one time.
const TIMERS: usize = 3;

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) key: Key,
    pub(super) kind: Kind,
    pub(super) on: Reliability,
    pub(super) dest: Dest,
    /// Of a client as it was sent, of a server as it came, with its source noted.
    pub(super) request: RequestBuf,
    /// What is sent again.
    pub(super) kept: Option<Bytes>,
    pub(super) ack: Option<Bytes>,
    /// How often A, E or G fired.
    pub(super) nth: u32,
    /// The To tag of all responses of one server transaction.
    pub(super) tag: HexToken<12>,
    /// Where the request of a server transaction came from.
    pub(super) source: Option<IpAddr>,
    deadlines: [Option<(Instant, Timer)>; TIMERS],
}

impl Transaction {
    pub(super) fn new(
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
            request,
            kept: None,
            ack: None,
            nth: 0,
            tag,
            source: None,
            deadlines: [None; TIMERS],
        }
    }

    fn earliest(&self) -> Option<(Instant, Timer)> {
        self.deadlines.iter().flatten().min().copied()
    }
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    transaction: Option<Transaction>,
}

/// All transactions.
#[derive(Debug)]
pub(super) struct Store {
    slots: Vec<Slot>,
    free: Vec<u32>,
    keys: BTreeMap<Key, TransactionId>,
    /// How many server transactions each source has; none has 0.
    sources: BTreeMap<IpAddr, usize>,
    timers: TimerQueue<TransactionId>,
}

impl Store {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            keys: BTreeMap::new(),
            sources: BTreeMap::new(),
            timers: TimerQueue::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many server transactions this source has.
    pub(super) fn of_source(&self, source: IpAddr) -> usize {
        self.sources.get(&source).copied().unwrap_or(0)
    }

    pub(super) fn find(&self, key: &Key) -> Option<TransactionId> {
        self.keys.get(key).copied()
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

    pub(super) fn insert(&mut self, transaction: Transaction) -> TransactionId {
        let key = transaction.key.clone();
        if let Some(source) = transaction.source {
            let count = self.sources.entry(source).or_default();
            *count = count.saturating_add(1);
        }
        let id = match self.free.pop() {
            Some(slot) => {
                let mut generation = 0;
                if let Some(place) = usize::try_from(slot).ok().and_then(|s| self.slots.get_mut(s))
                {
                    generation = place.generation;
                    place.transaction = Some(transaction);
                }
                TransactionId { slot, generation }
            }
            None => {
                let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                self.slots.push(Slot { generation: 0, transaction: Some(transaction) });
                TransactionId { slot, generation: 0 }
            }
        };
        self.keys.insert(key, id);
        id
    }

    pub(super) fn remove(&mut self, id: TransactionId) -> Option<Transaction> {
        self.get(id)?;
        let slot = self.slots.get_mut(usize::try_from(id.slot).ok()?)?;
        let transaction = slot.transaction.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        if self.keys.get(&transaction.key) == Some(&id) {
            self.keys.remove(&transaction.key);
        }
        self.timers.stop(&id);
        if let Some(source) = transaction.source {
            if let Some(count) = self.sources.get_mut(&source) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.sources.remove(&source);
                }
            }
        }
        Some(transaction)
    }

    pub(super) fn start_timer(
        &mut self,
        now: Instant,
        id: TransactionId,
        timer: Timer,
        wait: Duration,
    ) {
        // Never zero: a timer that fires at once would make the host spin.
        let at = now.saturating_add(wait.max(Duration::from_millis(1)));
        let Some(transaction) = self.get_mut(id) else { return };
        let mut free = None;
        for slot in &mut transaction.deadlines {
            match slot {
                Some((_, t)) if *t == timer => {
                    free = Some(slot);
                    break;
                }
                None if free.is_none() => free = Some(slot),
                _ => {}
            }
        }
        if let Some(slot) = free {
            *slot = Some((at, timer));
        }
        self.arm(id);
    }

    pub(super) fn stop_timer(&mut self, id: TransactionId, timer: Timer) {
        let Some(transaction) = self.get_mut(id) else { return };
        for slot in &mut transaction.deadlines {
            if slot.is_some_and(|(_, t)| t == timer) {
                *slot = None;
            }
        }
        self.arm(id);
    }

    pub(super) fn next_timer(&self) -> Option<(Instant, Timer)> {
        let (_, id) = self.timers.next()?;
        self.get(id)?.earliest()
    }

    /// Takes out the earliest timer that is due.
    pub(super) fn expire(&mut self, now: Instant) -> Option<(TransactionId, Timer)> {
        let id = self.timers.expire(now)?;
        let (_, timer) = self.get(id)?.earliest()?;
        self.stop_timer(id, timer);
        Some((id, timer))
    }

    fn arm(&mut self, id: TransactionId) {
        match self.get(id).and_then(Transaction::earliest) {
            Some((at, _)) => self.timers.set(id, at),
            None => self.timers.stop(&id),
        }
    }
}
