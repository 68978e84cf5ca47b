//! Sessions of many connections (RFC 2326 §1.1, §3; RFC 7826 §10.2).
//!
//! A host that has its connections in one place uses a [`Hub`](super::Hub), which has a store in it:
//! nothing of this is needed there. This is for hosts whose connections are apart (threads that
//! share nothing, processes), and for whoever builds another hub.
//!
//! A [`Server`](super::Server) knows the sessions of its connection. A host with many of them
//! puts one [`SessionStore`] beside them, tells it every event of theirs, and does what it
//! says: it finds the session that a request on another connection names, moves it there, and
//! keeps sessions that are on no connection until somebody asks for them or their time is
//! over. The two kinds of machine share nothing but these values.

mod config;
mod event;
#[cfg(test)]
mod tests;

pub use config::{Binding, StoreConfig};
pub use event::{Owner, StoreEvent, StoreInput, StoreTimer};

use super::session::is_same_id;
use super::{DetachedSession, Event};
use crate::error::{CommandError, RequestId, SessionEnd, SessionKey};
use crate::message::StatusCode;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::convert::Infallible;
use proto_wire::{Instant, Machine, Output, TimerQueue};

/// The sessions of many connections, for hosts that cannot have them in one
/// [`Hub`](super::Hub), which is the way for all others. `C` is what the host calls a connection.
///
/// Ids are looked up by their first quarter, which alone is worth nothing, and compared to the
/// end then: neither time nor work depends on how many sessions there are
/// (but for the logarithm), nor tells how much of an id was right.
///
/// # The four kinds of methods
/// - **A, getters**: [`len`](Self::len), [`is_empty`](Self::is_empty),
///   [`place_of`](Self::place_of),
///   [`parked`](Self::parked), [`parked_session`](Self::parked_session), [`next_timer`](Self::next_timer).
/// - **B, what the outside reports**: [`handle_input`](Self::handle_input),
///   [`handle_timeout`](Self::handle_timeout). They never fail.
/// - **C, commands**: [`touch`](Self::touch), [`take`](Self::take).
/// - **D, what to do**: [`poll_output`](Self::poll_output) until it is `None`,
///   [`poll_timeout`](Self::poll_timeout). There is nothing to transmit.
///
/// ```
/// use rtsp_proto::server::{Config, Event, Input, Server};
/// use rtsp_proto::server::{Owner, SessionStore, StoreConfig, StoreEvent, StoreInput};
/// use rtsp_proto::{Instant, Method, Output, Seed, StatusCode};
/// use std::sync::Arc;
///
/// let now = Instant::ZERO;
/// let config = Config::default().with_sessions_elsewhere(true).with_sessions_outlive(true);
/// let config = Arc::new(config);
/// let mut servers: Vec<Server> =
///     (1..=2).map(|n| Server::new(now, config.clone(), Seed::from_u64(n))).collect();
/// let mut store = SessionStore::<usize>::new(now, Arc::new(StoreConfig::default()));
/// let owner = Owner::at("192.0.2.1".parse()?);
///
/// let mut turn = |servers: &mut Vec<Server>, connection: usize, bytes: &[u8]| {
///     let mut wire = String::new();
///     servers[connection].handle_input(now, Input::Data(bytes));
///     loop {
///         // Events of the servers go to the store, those of the store to the servers.
///         if let Some(Output::Event(event)) = store.poll_output() {
///             match event {
///                 StoreEvent::Detach { connection, session } => {
///                     let left = servers[connection].detach_session(now, session);
///                     store.handle_input(now, StoreInput::Left { connection, session, left });
///                 }
///                 StoreEvent::Attach { connection, request, session } => {
///                     let arrived = servers[connection].attach_session(now, request, session);
///                     let input = StoreInput::Arrived { connection, request, arrived };
///                     store.handle_input(now, input);
///                 }
///                 StoreEvent::Refuse { connection, request, status } => {
///                     let _ = servers[connection].refuse(now, request, status);
///                 }
///                 StoreEvent::Ended { .. } => {} // its media stops
///                 _ => {}
///             }
///             continue;
///         }
///         let Some(output) = servers[connection].poll_output() else { break wire };
///         match output {
///             Output::Transmit(bytes) => wire.push_str(std::str::from_utf8(&bytes).unwrap()),
///             Output::Event(event) => {
///                 let owner = &owner;
///                 store.handle_input(now, StoreInput::Event { connection, owner, event: &event });
///                 if let Event::Request(asked) = &event {
///                     let server = &mut servers[connection];
///                     let transport = asked.request.view().headers().transports().flatten().next();
///                     let _ = match transport.filter(|_| asked.method == Method::Setup) {
///                         Some(offer) => server.accept_setup(now, asked.id, &offer).map(drop),
///                         None => server.accept(now, asked.id),
///                     };
///                 }
///             }
///         }
///     }
/// };
/// let setup = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\
///     Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n";
/// let answer = turn(&mut servers, 0, setup);
/// let id = answer.split("Session: ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
/// let play = format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nSession: {id}\r\n\r\n");
/// assert!(turn(&mut servers, 1, play.as_bytes()).starts_with("RTSP/1.0 200 OK"));
/// assert_eq!((servers[0].sessions().count(), servers[1].sessions().count()), (0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SessionStore<C> {
    config: Arc<StoreConfig>,
    /// By the beginning of the id, then by number: two ids may begin alike.
    by_id: BTreeSet<(Start, u64)>,
    known: BTreeMap<u64, Known<C>>,
    /// Which session of a connection is which.
    held: BTreeMap<(C, SessionKey), u64>,
    /// Which request of a connection wants which.
    waiting: BTreeMap<(C, RequestId), u64>,
    /// Which request of a connection gets which, while it is on the way.
    moving: BTreeMap<(C, RequestId), u64>,
    /// How many are on no connection: in all, and of each owner.
    parked: usize,
    parked_by: BTreeMap<Owner, usize>,
    timers: TimerQueue<StoreTimer>,
    out: VecDeque<StoreEvent<C>>,
    next: u64,
}

/// The first quarter of an id.
type Start = [u8; 8];

#[derive(Debug)]
struct Known<C> {
    id: String,
    owner: Owner,
    place: Place<C>,
    /// Requests that want it, in order.
    wanted: VecDeque<(C, RequestId)>,
}

#[derive(Debug)]
enum Place<C> {
    /// On this connection, as this session.
    Held(C, SessionKey),
    /// The same, and the connection was asked to give it away.
    Called(C, SessionKey),
    /// Here.
    Parked(DetachedSession),
    /// On the way to a connection.
    Moving,
}

impl<C: Copy + Ord> SessionStore<C> {
    /// An empty store.
    #[must_use]
    pub const fn new(_now: Instant, config: Arc<StoreConfig>) -> Self {
        Self {
            config,
            by_id: BTreeSet::new(),
            known: BTreeMap::new(),
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            moving: BTreeMap::new(),
            parked: 0,
            parked_by: BTreeMap::new(),
            timers: TimerQueue::new(),
            out: VecDeque::new(),
            next: 0,
        }
    }

    // A: getters

    /// How many sessions it knows, on connections and on none.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The sessions that are on no connection.
    pub fn parked(&self) -> impl Iterator<Item = &DetachedSession> {
        self.known.values().filter_map(|known| match &known.place {
            Place::Parked(session) => Some(session),
            _ => None,
        })
    }

    /// The connection that a session is on, and what it is called there.
    #[must_use]
    pub fn place_of(&self, id: &str) -> Option<(C, SessionKey)> {
        match self.known.get(&self.find(id)?)?.place {
            Place::Held(connection, session) | Place::Called(connection, session) => {
                Some((connection, session))
            }
            Place::Parked(_) | Place::Moving => None,
        }
    }

    /// A session that is on no connection.
    #[must_use]
    pub fn parked_session(&self, id: &str) -> Option<&DetachedSession> {
        match &self.known.get(&self.find(id)?)?.place {
            Place::Parked(session) => Some(session),
            _ => None,
        }
    }

    /// When the next timer fires, and why.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, StoreTimer)> {
        self.timers.next()
    }

    // B: what the outside reports

    /// Takes what happened on a connection.
    pub fn handle_input(&mut self, now: Instant, input: StoreInput<'_, C>) {
        match input {
            StoreInput::Event { connection, owner, event } => {
                self.observe(now, connection, owner, event);
            }
            StoreInput::Left { connection, session, left } => {
                let Some(entry) = self.held.get(&(connection, session)).copied() else { return };
                match left {
                    Ok(detached) => self.park(now, entry, detached),
                    // It left by itself: the event that says how is on its way.
                    Err(CommandError::Closed | CommandError::UnknownSession) => {}
                    Err(error) => self.kept(entry, error),
                }
            }
            StoreInput::Arrived { connection, request, arrived } => match arrived {
                Ok(session) => self.arrived(now, connection, request, session),
                Err(failed) => self.came_back(now, connection, request, failed.session),
            },
            StoreInput::Gone { connection } => self.gone(connection),
        }
    }

    /// Lets time act: ends sessions that nobody asked for, refuses requests whose session
    /// does not come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                StoreTimer::Expiry(entry) => self.end(entry, SessionEnd::Expired),
                StoreTimer::Move(entry) => self.kept(entry, CommandError::Busy),
            }
        }
    }

    // C: commands

    /// Says that the client of a session that is on no connection lives: RTCP came.
    ///
    /// # Errors
    /// No such session is here. For one on a connection
    /// ([`place_of`](Self::place_of)) tell that connection.
    pub fn touch(&mut self, now: Instant, id: &str) -> Result<(), CommandError> {
        let entry = self.find(id).ok_or(CommandError::UnknownSession)?;
        match self.known.get_mut(&entry).map(|known| &mut known.place) {
            Some(Place::Parked(session)) => {
                session.keep_until(now.saturating_add(self.config.session_timeout));
                self.timers.set(StoreTimer::Expiry(entry), session.expires_at());
                Ok(())
            }
            _ => Err(CommandError::UnknownSession),
        }
    }

    /// Takes out a session that is on no connection, to end it.
    ///
    /// # Errors
    /// No such session is here.
    pub fn take(&mut self, _now: Instant, id: &str) -> Result<DetachedSession, CommandError> {
        let entry = self.find(id).ok_or(CommandError::UnknownSession)?;
        if !matches!(self.known.get(&entry).map(|known| &known.place), Some(Place::Parked(_))) {
            return Err(CommandError::UnknownSession);
        }
        match self.forget(entry).map(|known| known.place) {
            Some(Place::Parked(session)) => Ok(session),
            _ => Err(CommandError::UnknownSession),
        }
    }

    // D: what to do

    /// The next thing to do; `None` until something happens. There is nothing to transmit.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<Infallible, StoreEvent<C>>> {
        self.out.pop_front().map(Output::Event)
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer().map(|(at, _)| at)
    }

    // How sessions move.

    fn observe(&mut self, now: Instant, connection: C, owner: &Owner, event: &Event) {
        match event {
            Event::SessionBegan { session, id, user } => {
                let owner = owner.proved(user.as_ref());
                self.begin(id, owner, Place::Held(connection, *session));
            }
            Event::SessionEnded { session, .. } => {
                if let Some(entry) = self.held.get(&(connection, *session)).copied() {
                    self.refuse_all(entry, StatusCode::SESSION_NOT_FOUND);
                    self.forget(entry);
                }
            }
            Event::SessionDetached { session, detached } => {
                let entry = self.held.get(&(connection, *session)).copied();
                let entry = entry.unwrap_or_else(|| {
                    let place = Place::Held(connection, *session);
                    self.begin(detached.id(), owner.clone(), place)
                });
                self.park(now, entry, detached.clone());
            }
            Event::SessionWanted { id, session, user } => {
                let owner = owner.proved(user.as_ref());
                self.want(now, connection, &owner, *id, session);
            }
            Event::Closed(_) => self.wants_no_more(connection),
            _ => {}
        }
    }

    fn wants_no_more(&mut self, connection: C) {
        for (key, entry) in of_connection(&self.waiting, connection, RequestId) {
            self.waiting.remove(&key);
            if let Some(known) = self.known.get_mut(&entry) {
                known.wanted.retain(|wanted| *wanted != key);
            }
        }
    }

    fn gone(&mut self, connection: C) {
        self.wants_no_more(connection);
        let held = of_connection(&self.held, connection, SessionKey);
        let held: Vec<u64> = held.into_iter().map(|(_, entry)| entry).collect();
        let moving = of_connection(&self.moving, connection, RequestId);
        for (key, _) in &moving {
            self.moving.remove(key);
        }
        let moving = moving.into_iter().map(|(_, entry)| entry);
        for entry in held.into_iter().chain(moving) {
            self.refuse_all(entry, StatusCode::SESSION_NOT_FOUND);
            self.forget(entry);
        }
    }

    fn begin(&mut self, id: &str, owner: Owner, place: Place<C>) -> u64 {
        let entry = self.next;
        self.next = self.next.wrapping_add(1);
        if let Place::Held(connection, session) = place {
            self.held.insert((connection, session), entry);
        }
        if let Some(start) = start_of(id) {
            self.by_id.insert((start, entry));
        }
        let known = Known { id: String::from(id), owner, place, wanted: VecDeque::new() };
        self.known.insert(entry, known);
        entry
    }

    fn want(&mut self, now: Instant, connection: C, owner: &Owner, request: RequestId, id: &str) {
        let binding = self.config.binding;
        let found = self.find(id).and_then(|entry| {
            let known = self.known.get_mut(&entry)?;
            // Whoever may not have it learns no more than that it is not here.
            binding.allows(&known.owner, owner).then_some((entry, known))
        });
        let refused = match found {
            None => StatusCode::SESSION_NOT_FOUND,
            Some(_) if self.waiting.len() >= self.config.waiting_max => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Some((entry, known)) => {
                known.wanted.push_back((connection, request));
                self.waiting.insert((connection, request), entry);
                return self.advance(now, entry);
            }
        };
        self.out.push_back(StoreEvent::Refuse { connection, request, status: refused });
    }

    /// Brings the session nearer to the first request that wants it.
    fn advance(&mut self, now: Instant, entry: u64) {
        let Some(known) = self.known.get_mut(&entry) else { return };
        let Some((connection, request)) = known.wanted.front().copied() else { return };
        match &known.place {
            Place::Held(from, session) => {
                let (from, session) = (*from, *session);
                known.place = Place::Called(from, session);
                let at = now.saturating_add(self.config.move_timeout);
                self.timers.set(StoreTimer::Move(entry), at);
                self.out.push_back(StoreEvent::Detach { connection: from, session });
            }
            Place::Called(..) | Place::Moving => {}
            Place::Parked(_) => {
                known.wanted.pop_front();
                let place = core::mem::replace(&mut known.place, Place::Moving);
                let Place::Parked(session) = place else {
                    return;
                };
                let owner = known.owner.clone();
                self.leave_park(entry, &owner);
                self.waiting.remove(&(connection, request));
                self.moving.insert((connection, request), entry);
                self.out.push_back(StoreEvent::Attach { connection, request, session });
            }
        }
    }

    /// A session is here: goes on to who wants it, or stays while there is room.
    fn park(&mut self, now: Instant, entry: u64, session: DetachedSession) {
        self.timers.stop(&StoreTimer::Move(entry));
        let Some(known) = self.known.get_mut(&entry) else { return };
        if let Place::Held(from, key) | Place::Called(from, key) = known.place {
            self.held.remove(&(from, key));
        }
        let expires_at = session.expires_at();
        known.place = Place::Parked(session);
        self.parked = self.parked.saturating_add(1);
        let count = self.parked_by.entry(known.owner.clone()).or_insert(0);
        *count = count.saturating_add(1);
        let full =
            self.parked > self.config.parked_max || *count > self.config.parked_per_owner_max;
        if full && known.wanted.is_empty() {
            return self.end(entry, SessionEnd::Closed);
        }
        self.timers.set(StoreTimer::Expiry(entry), expires_at);
        self.advance(now, entry);
    }

    fn leave_park(&mut self, entry: u64, owner: &Owner) {
        self.timers.stop(&StoreTimer::Expiry(entry));
        self.parked = self.parked.saturating_sub(1);
        if let Some(count) = self.parked_by.get_mut(owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.parked_by.remove(owner);
            }
        }
    }

    fn arrived(&mut self, now: Instant, connection: C, request: RequestId, session: SessionKey) {
        let Some(entry) = self.moving.remove(&(connection, request)) else { return };
        if let Some(known) = self.known.get_mut(&entry) {
            known.place = Place::Held(connection, session);
            self.held.insert((connection, session), entry);
            self.advance(now, entry);
        }
    }

    fn came_back(
        &mut self,
        now: Instant,
        connection: C,
        request: RequestId,
        session: DetachedSession,
    ) {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        self.out.push_back(StoreEvent::Refuse { connection, request, status });
        if let Some(entry) = self.moving.remove(&(connection, request)) {
            self.park(now, entry, session);
        }
    }

    /// The connection does not give it away.
    fn kept(&mut self, entry: u64, error: CommandError) {
        self.timers.stop(&StoreTimer::Move(entry));
        let Some(known) = self.known.get_mut(&entry) else { return };
        if let Place::Called(from, session) = known.place {
            known.place = Place::Held(from, session);
        }
        self.refuse_all(
            entry,
            match error {
                CommandError::Busy => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::SESSION_NOT_FOUND,
            },
        );
    }

    fn refuse_all(&mut self, entry: u64, status: StatusCode) {
        let Some(known) = self.known.get_mut(&entry) else { return };
        for (connection, request) in core::mem::take(&mut known.wanted) {
            self.waiting.remove(&(connection, request));
            self.out.push_back(StoreEvent::Refuse { connection, request, status });
        }
    }

    fn end(&mut self, entry: u64, reason: SessionEnd) {
        self.refuse_all(entry, StatusCode::SESSION_NOT_FOUND);
        if let Some(Place::Parked(session)) = self.forget(entry).map(|known| known.place) {
            self.out.push_back(StoreEvent::Ended { session, reason });
        }
    }

    fn forget(&mut self, entry: u64) -> Option<Known<C>> {
        let known = self.known.remove(&entry)?;
        if let Some(start) = start_of(&known.id) {
            self.by_id.remove(&(start, entry));
        }
        self.timers.stop(&StoreTimer::Move(entry));
        match known.place {
            Place::Held(from, session) | Place::Called(from, session) => {
                self.held.remove(&(from, session));
            }
            Place::Parked(_) => self.leave_park(entry, &known.owner),
            Place::Moving => {}
        }
        Some(known)
    }

    fn find(&self, id: &str) -> Option<u64> {
        let start = start_of(id)?;
        let mut found = None;
        for (_, entry) in self.by_id.range((start, 0)..=(start, u64::MAX)) {
            let known = self.known.get(entry);
            if known.is_some_and(|known| is_same_id(known.id.as_bytes(), id.as_bytes())) {
                found = Some(*entry);
            }
        }
        found
    }
}

/// What belongs to one connection; `key` makes the second part of the name.
fn of_connection<C: Copy + Ord, K: Copy + Ord>(
    map: &BTreeMap<(C, K), u64>,
    connection: C,
    key: fn(u32) -> K,
) -> Vec<((C, K), u64)> {
    let range = (connection, key(0))..=(connection, key(u32::MAX));
    map.range(range).map(|(name, entry)| (*name, *entry)).collect()
}

fn start_of(id: &str) -> Option<Start> {
    id.as_bytes().first_chunk().copied()
}

impl<C: Copy + Ord + Send + 'static> Machine for SessionStore<C> {
    type Input<'a> = StoreInput<'a, C>;
    type Transmit = Infallible;
    type Event = StoreEvent<C>;

    fn handle_input(&mut self, now: Instant, input: StoreInput<'_, C>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<Infallible, StoreEvent<C>>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}
