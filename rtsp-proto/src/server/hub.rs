//! All connections of a host, and the sessions that go from one to another, as one machine.

use super::{
    Config, DetachedSession, Event, Incoming, Input, NotAttached, Owner, Server, Session,
    SessionId, SessionStore, StoreConfig, StoreEvent, StoreInput, Stream,
};
use crate::error::{CloseReason, CommandError, SessionEnd, SessionKey};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use bytes::Bytes;
use core::net::IpAddr;
use proto_wire::{Instant, Machine, Output, Rng, Seed, TimerQueue, Timestamp};

/// A [`Server`] for each connection and one [`SessionStore`] for all: what every host with many
/// connections in one place needs. `C` is what the host calls a connection.
///
/// Sessions have one name everywhere: their [`SessionId`]. It stays when a session moves to another
/// connection, where a [`SessionKey`] does not.
///
/// # The four kinds of methods
/// - **A, getters**: [`session`](Self::session), [`place_of`](Self::place_of),
///   [`id_of`](Self::id_of), [`stream_where`](Self::stream_where), [`wants_input`](Self::wants_input), [`len`](Self::len),
///   [`is_empty`](Self::is_empty).
/// - **B, what the outside reports**: [`handle_input`](Self::handle_input),
///   [`handle_timeout`](Self::handle_timeout). They never fail.
/// - **C, commands**: [`connect`](Self::connect), [`set_wall_clock`](Self::set_wall_clock);
///   [`server`](Self::server), for all that a [`Server`] can be told; about sessions
///   [`send_media`](Self::send_media), [`touch`](Self::touch),
///   [`range_ended`](Self::range_ended), [`end_session`](Self::end_session).
/// - **D, what to do**: [`poll_output`](Self::poll_output) until it is `None`,
///   [`poll_timeout`](Self::poll_timeout).
///
/// ```
/// use rtsp_proto::server::{Config, Hub, HubEvent, HubInput, Input};
/// use rtsp_proto::{Instant, Method, Output, Seed};
/// use std::sync::Arc;
///
/// let now = Instant::ZERO;
/// let mut hub = Hub::<u32>::new(now, Arc::new(Config::default()), Seed::from_u64(1));
/// let mut say = |connection: u32, bytes: &[u8]| {
///     hub.connect(now, connection, "192.0.2.1".parse().unwrap());
///     hub.handle_input(now, HubInput { connection, input: Input::Data(bytes) });
///     let mut wire = String::new();
///     while let Some(output) = hub.poll_output() {
///         match output {
///             Output::Transmit((_, bytes)) => wire.push_str(std::str::from_utf8(&bytes).unwrap()),
///             Output::Event(HubEvent::Request { connection, asked, .. }) => {
///                 let server = hub.server(connection).unwrap();
///                 let offer = asked.request.view().headers().transports().flatten().next();
///                 match offer.filter(|_| asked.method == Method::Setup) {
///                     Some(offer) => drop(server.accept_setup(now, asked.id, &offer)),
///                     None => drop(server.accept(now, asked.id)),
///                 }
///             }
///             Output::Event(_) => {}
///         }
///     }
///     wire
/// };
/// let answer = say(1, b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\
///     Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n");
/// let id = answer.split("Session: ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
/// // The same client, on another connection: the session comes along.
/// let play = format!("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nSession: {id}\r\n\r\n");
/// assert!(say(2, play.as_bytes()).starts_with("RTSP/1.0 200 OK"));
/// ```
#[derive(Debug)]
pub struct Hub<C: Ord> {
    config: Arc<Config>,
    store: SessionStore<C>,
    rng: Rng,
    links: BTreeMap<C, Link>,
    /// Connections that may have something to say, in the order in which they were touched.
    ready: VecDeque<C>,
    timers: TimerQueue<C>,
    /// How sessions are called on the wire; when they end, their connection knows it no more.
    ids: BTreeMap<(C, SessionKey), SessionId>,
    out: VecDeque<Output<(C, Bytes), HubEvent<C>>>,
    wall: Option<(Instant, Timestamp)>,
    now: Instant,
}

#[derive(Debug)]
struct Link {
    server: Server,
    owner: Owner,
    is_ready: bool,
    is_closed: bool,
}

/// What the host reports to a [`Hub`].
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whose, and what")]
pub struct HubInput<'a, C> {
    /// Which connection.
    pub connection: C,
    /// What arrived there.
    pub input: Input<'a>,
}

/// What a [`Hub`] tells.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum HubEvent<C> {
    /// A request that the host answers, by [`Hub::server`].
    Request {
        /// Which connection.
        connection: C,
        /// The session that it names.
        session: Option<SessionId>,
        /// What is asked.
        asked: Incoming,
    },
    /// An interleaved packet of a session.
    Media {
        /// The session.
        session: SessionId,
        /// Which stream of it: its place in [`Session::streams`].
        stream: usize,
        /// Whether it came on the second channel of the stream.
        is_rtcp: bool,
        /// The packet.
        payload: Bytes,
    },
    /// What else happened on a connection, but for what the hub does itself: sessions that begin,
    /// are wanted and leave.
    Server {
        /// Which connection.
        connection: C,
        /// What happened.
        event: Event,
    },
    /// A session is over, wherever it was. Stop its media.
    SessionEnded {
        /// Which.
        session: SessionId,
        /// Why.
        reason: SessionEnd,
    },
    /// A connection is over. Its sessions without interleaved streams live on until their time
    /// is over.
    Closed {
        /// Which.
        connection: C,
        /// Why.
        reason: CloseReason,
    },
}

impl<C: Copy + Ord + Send + 'static> Hub<C> {
    /// A hub without connections. Whatever the configuration says, sessions move and outlive
    /// connections ([`Config::sessions_elsewhere`], [`Config::sessions_outlive`]). `seed` decides
    /// the ids of all sessions: it must not be guessable.
    #[must_use]
    pub fn new(now: Instant, config: Arc<Config>, seed: Seed) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        (config.sessions_elsewhere, config.sessions_outlive) = (true, true);
        let store = StoreConfig::default().with_session_timeout(config.session_timeout);
        Self {
            config: Arc::new(config),
            store: SessionStore::new(now, Arc::new(store)),
            rng: Rng::new(&seed),
            links: BTreeMap::new(),
            ready: VecDeque::new(),
            timers: TimerQueue::new(),
            ids: BTreeMap::new(),
            out: VecDeque::new(),
            wall: None,
            now,
        }
    }

    /// With this configuration of the store, before the first connection.
    #[must_use]
    pub fn with_store(mut self, config: Arc<StoreConfig>) -> Self {
        self.store = SessionStore::new(self.now, config);
        self
    }

    // A: getters

    /// A session, wherever it is.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        match self.place_of(id) {
            Some((connection, key)) => self.links.get(&connection)?.server.session(key),
            None => self.store.parked_session(id.as_str()).map(DetachedSession::session),
        }
    }

    /// The connection that a session is on, and what it is called there.
    #[must_use]
    pub fn place_of(&self, id: SessionId) -> Option<(C, SessionKey)> {
        self.store.place_of(id.as_str()).or_else(|| {
            // One that just began is told to the store when its event is polled.
            self.ready.iter().find_map(|connection| {
                let mut sessions = self.links.get(connection)?.server.sessions();
                let (key, _) = sessions.find(|(_, session)| session.session_id() == id)?;
                Some((*connection, key))
            })
        })
    }

    /// The id of a session that is on this connection.
    #[must_use]
    pub fn id_of(&self, connection: C, session: SessionKey) -> Option<SessionId> {
        self.links.get(&connection)?.server.session(session).map(Session::session_id)
    }

    /// The first stream of any session that `is_it`: that from whose address a datagram came, for
    /// example. Looks at all of them.
    #[must_use]
    pub fn stream_where(&self, is_it: impl Fn(&Stream) -> bool) -> Option<(SessionId, usize)> {
        let held = self.links.values().flat_map(|link| link.server.sessions().map(|(_, s)| s));
        let parked = self.store.parked().map(DetachedSession::session);
        held.chain(parked).find_map(|session| {
            Some((session.session_id(), session.streams().iter().position(&is_it)?))
        })
    }

    /// Whether the host may read more from this connection.
    #[must_use]
    pub fn wants_input(&self, connection: C) -> bool {
        self.links.get(&connection).is_some_and(|link| link.server.wants_input())
    }

    /// How many connections there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    // B: what the outside reports

    /// Takes what arrived on a connection; what is for none is ignored.
    pub fn handle_input(&mut self, now: Instant, input: HubInput<'_, C>) {
        self.now = now;
        if let Some(link) = self.links.get_mut(&input.connection) {
            link.server.handle_input(now, input.input);
            self.touched(input.connection);
        }
    }

    /// Lets time act, on connections and on sessions that are on none.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        while let Some(connection) = self.timers.expire(now) {
            if let Some(link) = self.links.get_mut(&connection) {
                link.server.handle_timeout(now);
                self.touched(connection);
            }
        }
        self.store.handle_timeout(now);
    }

    // C: commands

    /// A client connected from `peer`. A name that is in use already changes nothing.
    pub fn connect(&mut self, now: Instant, connection: C, peer: IpAddr) {
        self.now = now;
        if self.links.contains_key(&connection) {
            return;
        }
        let mut server = Server::new(now, self.config.clone(), self.rng.seed());
        server.set_peer(peer);
        if let Some((at, time)) = self.wall {
            server.set_wall_clock(at, time);
        }
        let owner = Owner::at(peer.to_canonical());
        self.links.insert(connection, Link { server, owner, is_ready: false, is_closed: false });
    }

    /// Says what time it is at `now`: see [`Server::set_wall_clock`].
    pub fn set_wall_clock(&mut self, now: Instant, time: Timestamp) {
        self.wall = Some((now, time));
        for link in self.links.values_mut() {
            link.server.set_wall_clock(now, time);
        }
    }

    /// The server of a connection, to be told anything; `None` when the connection is over.
    /// Poll afterwards: what it has to say comes out here.
    pub fn server(&mut self, connection: C) -> Option<&mut Server> {
        self.touched(connection);
        self.links.get_mut(&connection).map(|link| &mut link.server)
    }

    /// Sends an interleaved packet in a session: on the first channel of a stream of it (its place in
    /// [`Session::streams`]), or on the second when it is RTCP. See [`Server::send_media`].
    ///
    /// # Errors
    /// No such session is on a connection, [`CommandError::UnknownChannel`] when the stream is not
    /// interleaved, and as [`Server::send_media`].
    pub fn send_media(
        &mut self,
        now: Instant,
        id: SessionId,
        stream: usize,
        is_rtcp: bool,
        payload: Bytes,
    ) -> Result<(), CommandError> {
        let stream = self.session(id).and_then(|session| session.streams().get(stream));
        let channel = stream.and_then(|stream| {
            let pair = stream.channels?;
            if is_rtcp && !stream.rtcp_mux { pair.rtcp } else { Some(pair.rtp) }
        });
        self.tell(now, id, |server, _| {
            server.send_media(now, channel.ok_or(CommandError::UnknownChannel)?, payload)
        })
    }

    /// Says that the client of a session lives, wherever the session is.
    ///
    /// # Errors
    /// There is no such session.
    pub fn touch(&mut self, now: Instant, id: SessionId) -> Result<(), CommandError> {
        match self.place_of(id) {
            Some(_) => self.tell(now, id, |server, key| server.touch(now, key)),
            None => self.store.touch(now, id.as_str()),
        }
    }

    /// Says that what PLAY or RECORD asked for is done: see [`Server::range_ended`].
    ///
    /// # Errors
    /// No such session is on a connection, and as [`Server::range_ended`].
    pub fn range_ended(&mut self, now: Instant, id: SessionId) -> Result<(), CommandError> {
        self.tell(now, id, |server, key| server.range_ended(now, key))
    }

    /// Ends a session, wherever it is: see [`Server::end_session`].
    ///
    /// # Errors
    /// There is no such session.
    pub fn end_session(&mut self, now: Instant, id: SessionId) -> Result<(), CommandError> {
        if self.place_of(id).is_some() {
            return self.tell(now, id, |server, key| server.end_session(now, key));
        }
        let session = self.store.take(now, id.as_str())?.session().session_id();
        let reason = SessionEnd::TornDown;
        self.out.push_back(Output::Event(HubEvent::SessionEnded { session, reason }));
        Ok(())
    }

    // D: what to do

    /// The next thing to do: bytes for a connection, or an event. What comes from one connection
    /// keeps its order.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<(C, Bytes), HubEvent<C>>> {
        loop {
            if let Some(output) = self.out.pop_front() {
                return Some(output);
            }
            if let Some(Output::Event(event)) = self.store.poll_output() {
                self.move_session(event);
                continue;
            }
            let connection = *self.ready.front()?;
            let link = self.links.get_mut(&connection);
            match link.and_then(|link| link.server.poll_output()) {
                Some(Output::Transmit(bytes)) => {
                    return Some(Output::Transmit((connection, bytes)));
                }
                Some(Output::Event(event)) => self.happened(connection, event),
                None => self.settle(connection),
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connections = self.timers.next().map(|(at, _)| at);
        [connections, self.store.poll_timeout()].into_iter().flatten().min()
    }

    // How it is done.

    fn tell(
        &mut self,
        now: Instant,
        id: SessionId,
        command: impl FnOnce(&mut Server, SessionKey) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        self.now = now;
        let (connection, key) = self.place_of(id).ok_or(CommandError::UnknownSession)?;
        let server = self.server(connection).ok_or(CommandError::UnknownSession)?;
        command(server, key)
    }

    fn touched(&mut self, connection: C) {
        if let Some(link) = self.links.get_mut(&connection).filter(|link| !link.is_ready) {
            link.is_ready = true;
            self.ready.push_back(connection);
        }
    }

    /// A connection has nothing more to say for now.
    fn settle(&mut self, connection: C) {
        self.ready.pop_front();
        let Some(link) = self.links.get_mut(&connection) else { return };
        link.is_ready = false;
        match link.server.poll_timeout() {
            Some(at) if !link.is_closed => self.timers.set(connection, at),
            _ => self.timers.stop(&connection),
        }
        if link.is_closed {
            self.links.remove(&connection);
        }
    }

    fn happened(&mut self, connection: C, event: Event) {
        if let Some(link) = self.links.get(&connection) {
            let (owner, event) = (&link.owner, &event);
            self.store.handle_input(self.now, StoreInput::Event { connection, owner, event });
        }
        let told = match event {
            Event::SessionBegan { session, .. } => {
                let id = self.id_of(connection, session);
                self.ids.extend(id.map(|id| ((connection, session), id)));
                return;
            }
            Event::SessionDetached { session, .. } => {
                self.ids.remove(&(connection, session));
                return;
            }
            Event::SessionWanted { .. } => return,
            Event::SessionEnded { session, reason } => {
                let Some(session) = self.ids.remove(&(connection, session)) else { return };
                HubEvent::SessionEnded { session, reason }
            }
            Event::Closed(reason) => {
                if let Some(link) = self.links.get_mut(&connection) {
                    link.is_closed = true;
                }
                HubEvent::Closed { connection, reason }
            }
            Event::Request(asked) => {
                let session = asked.session.and_then(|key| self.id_of(connection, key));
                HubEvent::Request { connection, session, asked }
            }
            Event::Media { session: Some(key), channel, payload } => {
                let session = self.links.get(&connection).and_then(|l| l.server.session(key));
                let Some((session, stream, is_rtcp)) = session.and_then(|s| place(s, channel))
                else {
                    return;
                };
                HubEvent::Media { session, stream, is_rtcp, payload }
            }
            event => HubEvent::Server { connection, event },
        };
        self.out.push_back(Output::Event(told));
    }

    /// Does what the store says, and tells it what came of it.
    fn move_session(&mut self, event: StoreEvent<C>) {
        let now = self.now;
        match event {
            StoreEvent::Detach { connection, session } => {
                let server = self.server(connection).ok_or(CommandError::Closed);
                let left = server.and_then(|server| server.detach_session(now, session));
                if left.is_ok() {
                    self.ids.remove(&(connection, session));
                }
                self.store.handle_input(now, StoreInput::Left { connection, session, left });
            }
            StoreEvent::Attach { connection, request, session } => {
                let id = session.session().session_id();
                let arrived = match self.server(connection) {
                    Some(server) => server.attach_session(now, request, session),
                    None => Err(NotAttached::new(CommandError::Closed, session)),
                };
                if let Ok(session) = arrived {
                    self.ids.insert((connection, session), id);
                }
                self.store.handle_input(now, StoreInput::Arrived { connection, request, arrived });
            }
            StoreEvent::Refuse { connection, request, status } => {
                // A request that is gone needs no answer.
                let _gone = self.server(connection).map(|s| s.refuse(now, request, status));
            }
            StoreEvent::Ended { session, reason } => {
                let session = session.session().session_id();
                self.out.push_back(Output::Event(HubEvent::SessionEnded { session, reason }));
            }
        }
    }
}

/// Which stream of a session a channel carries, and whether it is the second one of it.
fn place(session: &Session, channel: u8) -> Option<(SessionId, usize, bool)> {
    let mut streams = session.streams().iter().enumerate();
    streams.find_map(|(stream, carried)| {
        let pair = carried.channels.filter(|pair| pair.contains(channel))?;
        Some((session.session_id(), stream, channel != pair.rtp))
    })
}

impl<C: Copy + Ord + Send + 'static> Machine for Hub<C> {
    type Input<'a> = HubInput<'a, C>;
    type Transmit = (C, Bytes);
    type Event = HubEvent<C>;

    fn handle_input(&mut self, now: Instant, input: HubInput<'_, C>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<(C, Bytes), HubEvent<C>>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}
