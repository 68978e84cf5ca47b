//! The server's side: [`Server`] for one connection, [`Hub`] for a host with many.
//!
//! A host whose connections are in one place uses a [`Hub`]: it is a [`Server`] for each connection
//! and all that lets sessions go from one to another. [`SessionStore`],
//! [`Server::attach_session`] and [`Server::detach_session`] are what it is built of; they are
//! there by themselves for hosts whose connections share no memory, such as one process each.

mod answer;
#[cfg(feature = "digest")]
mod auth;
mod conclude;
mod config;
mod datagram;
mod detached;
mod event;
mod hub;
mod judge;
mod judge_v2;
mod notify;
mod policy;
mod receive;
mod session;
mod setup;
mod store;
#[cfg(test)]
mod tests;

#[cfg(feature = "digest")]
pub use auth::{Authentication, UriMatch, UriPolicy, uri_match};
pub use config::Config;
pub use detached::{DetachedSession, NotAttached};
pub use event::{Event, Incoming, Input, PlayEffect};
pub use hub::{Hub, HubEvent, HubInput};
pub use notify::{Notice, Redirection};
pub use policy::{Control, Destinations};
pub use session::{Session, SessionId, Stream};
pub use setup::{Carrier, SetUp, SetupReply};
pub use store::{Binding, Owner, SessionStore, StoreConfig, StoreEvent, StoreInput, StoreTimer};

use crate::Skips;
use crate::conn::{Few, Outbox, Receiver, Tolerance};
use crate::error::{CloseReason, CommandError, RequestFailure, RequestId, SessionEnd, SessionKey};
use crate::headers::ChannelPair;
use crate::message::{Method, Request, RequestBuf, Version};
use crate::range::UtcTime;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::IpAddr;
use datagram::Datagrams;
use notify::Asked;
use proto_wire::text::chars;
use proto_wire::{Instant, Machine, Output, ParseError, Rng, Seed, StreamMachine, TimerQueue};
use session::Sessions;

/// The server's side of one connection: many sessions, each with many streams.
///
/// The machine keeps the rules: it answers what is malformed (400), of another version
/// (505), of a method that is not offered (405, 501), requires what is not there (551),
/// names a session that does not exist (454), is not valid in the session's state (455) or
/// for its URL (459, 460), has a range that cannot be read (457) or followed (456), offers no
/// transport that can be read (461), or aims media at others (403, 463); it answers OPTIONS
/// and keep-alives, and ends sessions that are silent for too long. Everything else is for
/// the application, which answers each [`Event::Request`] with one command.
///
/// # The four kinds of methods
/// - **A, getters**: [`session`](Self::session), [`sessions`](Self::sessions),
///   [`choose`](Self::choose), [`choose_by`](Self::choose_by), [`version_of`](Self::version_of),
///   [`next_timer`](Self::next_timer), [`wants_input`](Self::wants_input).
/// - **B, what the outside reports**: [`handle_input`](Self::handle_input),
///   [`handle_timeout`](Self::handle_timeout). They never fail.
/// - **C, commands**. That answer a request: [`describe`](Self::describe),
///   [`accept_setup`](Self::accept_setup), [`accept_setup_with`](Self::accept_setup_with),
///   [`accept_play`](Self::accept_play), [`accept_pause`](Self::accept_pause),
///   [`accept_pause_later`](Self::accept_pause_later), [`accept`](Self::accept),
///   [`refuse`](Self::refuse), [`respond`](Self::respond). That answer other questions:
///   [`attach_session`](Self::attach_session), and with the feature `digest` `resolve_user`
///   and `authenticate`. That ask the client: [`play_notify`](Self::play_notify),
///   [`redirect`](Self::redirect), [`announce`](Self::announce),
///   [`set_parameter`](Self::set_parameter), [`get_parameter`](Self::get_parameter),
///   [`request`](Self::request). About sessions: [`touch`](Self::touch),
///   [`range_ended`](Self::range_ended), [`media_ended`](Self::media_ended),
///   [`detach_session`](Self::detach_session), [`end_session`](Self::end_session).
///   [`send_media`](Self::send_media), [`set_peer`](Self::set_peer),
///   [`set_wall_clock`](Self::set_wall_clock), [`close`](Self::close).
///   Legal at any time; an error is the caller's mistake, and nothing has changed.
/// - **D, what to do**: [`poll_output`](Self::poll_output) until it is `None`,
///   [`poll_timeout`](Self::poll_timeout).
///
/// ```
/// use rtsp_proto::server::{Config, Event, Input, Server};
/// use rtsp_proto::{Instant, Method, Output, Seed, StatusCode};
/// use std::sync::Arc;
///
/// let now = Instant::ZERO;
/// let mut server = Server::new(now, Arc::new(Config::default()), Seed::from_u64(1));
/// let mut wire = Vec::new();
/// server.handle_input(now, Input::Data(
///     b"SETUP rtsp://h/a/t RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
/// ));
/// while let Some(output) = server.poll_output() {
///     match output {
///         Output::Transmit(bytes) => wire.extend_from_slice(&bytes), // to the socket
///         Output::Event(Event::Request(asked)) if asked.method == Method::Setup => {
///             let headers = asked.request.view().headers();
///             let offer = headers.transports().flatten().find(|t| t.is_interleaved());
///             match offer {
///                 Some(transport) => drop(server.accept_setup(now, asked.id, &transport)?),
///                 None => server.refuse(now, asked.id, StatusCode::UNSUPPORTED_TRANSPORT)?,
///             }
///         }
///         Output::Event(Event::Request(asked)) => server.accept(now, asked.id)?,
///         Output::Event(_) => {}
///     }
/// }
/// // Then: sleep until `server.poll_timeout()` or input.
/// assert!(wire.starts_with(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"));
/// # Ok::<(), rtsp_proto::CommandError>(())
/// ```
#[derive(Debug)]
pub struct Server {
    config: Arc<Config>,
    rng: Rng,
    receiver: Receiver,
    out: Outbox<Event>,
    sessions: Sessions,
    timers: TimerQueue<Timer>,
    /// Requests that wait until the current one is answered, in order.
    inbox: VecDeque<Waiting>,
    /// Memory for the URI of the current one.
    uri: Vec<u8>,
    current: Option<Current>,
    /// Requests of this side that wait for the client's answer, by CSeq.
    asked: Few<u32, Asked>,
    next_cseq: u32,
    next_id: u32,
    malformed: u32,
    /// The version that the client spoke last.
    spoken: Version,
    /// Where the client is.
    peer: Option<IpAddr>,
    /// What time it was when.
    wall: Option<(Instant, UtcTime)>,
    #[cfg(feature = "digest")]
    auth: Option<Box<auth::Door>>,
    /// What a server over datagrams remembers.
    datagrams: Option<Box<Datagrams>>,
    /// When a message that began must have come to its end.
    late_at: Option<Instant>,
    /// Nothing more is read.
    ended: bool,
    closed: bool,
}

/// A message that waits for its turn.
#[derive(Debug)]
enum Waiting {
    Request(RequestBuf, Instant),
    /// In a good frame, with a start line that makes no sense.
    Malformed(RequestBuf),
    /// Nobody can tell where the next message begins. What was read of the last one.
    Broken(RequestBuf, ParseError),
    /// The client sends nothing more; it may still read.
    Eof,
    /// A message did not come to its end in time.
    Late,
}

/// The request that waits for its answer.
#[derive(Debug)]
struct Current {
    id: RequestId,
    method: Method,
    cseq: Option<u32>,
    version: Version,
    session: Option<SessionKey>,
    /// When it came.
    received: Instant,
    phase: Phase,
    /// Who asks, when that had to be proved.
    user: Option<String>,
    #[cfg(feature = "digest")]
    proof: Option<auth::Proof>,
    /// Its success changes no state yet.
    keeps_state: bool,
    /// All of it, before the application has it; then only when the answer depends on more than
    /// its URI.
    request: Option<RequestBuf>,
    uri: Vec<u8>,
}

impl Current {
    /// The request, or one that says nothing when the answer depends on its URI only.
    fn view(&self) -> Request<'_> {
        match &self.request {
            Some(request) => request.view(),
            None => Request::none(),
        }
    }

    fn uri_bytes(&self) -> &[u8] {
        match &self.request {
            Some(request) => request.view().uri_bytes(),
            None => &self.uri,
        }
    }

    fn uri(&self) -> &str {
        chars::utf8(self.uri_bytes()).unwrap_or("")
    }
}

/// What a request waits for.
#[derive(Debug)]
enum Phase {
    /// The answer of the application.
    Asked,
    /// The session with this id.
    WantsSession(String),
    /// The secret of the user that it claims to be from.
    #[cfg(feature = "digest")]
    WantsSecret(Box<proto_wire::digest::Claim>),
}

/// Why a [`Server`] wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Timer {
    /// A session was silent for its timeout.
    Session(SessionKey),
    /// A request of this side has no answer.
    Request(RequestId),
    /// A request of this side goes out again: over datagrams only.
    Retransmit(RequestId),
    /// The time of a REDIRECT has come.
    Redirect(SessionKey),
    /// A message that began has not come to its end.
    Receive,
}

impl Server {
    /// A server on a fresh connection. `seed` decides session ids: it must be different
    /// for each connection and not guessable.
    #[must_use]
    pub fn new(_now: Instant, config: Arc<Config>, seed: Seed) -> Self {
        Self {
            receiver: Receiver::new(config.interleaved_max).with_tolerance(Tolerance {
                resync: config.resync,
                frames_in_heads: config.frames_in_heads,
            }),
            out: Outbox::new(config.queue_max),
            config,
            rng: Rng::new(&seed),
            sessions: Sessions::default(),
            timers: TimerQueue::new(),
            inbox: VecDeque::new(),
            uri: Vec::new(),
            current: None,
            asked: Few::new(),
            next_cseq: 1,
            next_id: 0,
            malformed: 0,
            spoken: Version::V1_0,
            peer: None,
            wall: None,
            #[cfg(feature = "digest")]
            auth: None,
            datagrams: None,
            late_at: None,
            ended: false,
            closed: false,
        }
    }

    // A: getters

    /// The session, while it lives.
    #[must_use]
    pub fn session(&self, key: SessionKey) -> Option<&Session> {
        self.sessions.get(key)
    }

    /// All sessions that live.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.sessions.iter()
    }

    /// How much garbage came, with [`Config::resync`] and [`Config::frames_in_heads`].
    #[must_use]
    pub const fn skips(&self) -> Skips {
        self.receiver.skips()
    }

    /// When the next timer fires, and why.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, Timer)> {
        let queued = self.timers.next();
        let late = self.late_at.map(|at| (at, Timer::Receive));
        match (queued, late) {
            (Some(queued), Some(late)) if queued.0 <= late.0 => Some(queued),
            (queued, late) => late.or(queued),
        }
    }

    /// Whether the host may read more: not while requests or bytes pile up.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.ended && self.inbox.len() < self.config.pending_max && !self.out.is_full()
    }

    // B: what the outside reports

    /// Takes what arrived. A client's fault is answered, never returned.
    ///
    /// What is wrong, and the end of the stream, take effect behind the requests that came
    /// before: those are still asked and answered.
    #[inline]
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        // Done in the caller's place: bytes that come one by one. A receiver absorbs none once
        // nothing more is read.
        match input {
            Input::Data(data) if self.receiver.absorbs(data) => {}
            input => self.take_input(now, input),
        }
    }

    #[inline(never)]
    fn take_input(&mut self, now: Instant, input: Input<'_>) {
        if self.ended {
            return;
        }
        let came = match &input {
            Input::Data(data) => data.len(),
            Input::Owned(data) => data.len(),
            _ => 0,
        };
        let before = self.receiver.len().saturating_add(came);
        match input {
            Input::Eof => {
                if let Some(bytes) = self.receiver.dropped() {
                    self.out.event(Event::Skipped { bytes });
                }
                self.end(Waiting::Eof);
            }
            Input::Datagram(data) => self.take_datagram(now, data),
            // On datagrams there is no stream.
            Input::Data(_) | Input::Owned(_) if self.datagrams.is_some() => {}
            Input::Data(data) => self.receiver.push(data),
            Input::Owned(data) => self.receiver.push_owned(data),
        }
        self.work(now);
        if self.late_at.is_some() || self.receiver.len() > 0 {
            self.watch(now, before);
        }
    }

    /// Gives what began and is not whole its time (RFC 7826 §17.4.10). There were `before` bytes.
    #[inline(never)]
    fn watch(&mut self, now: Instant, before: usize) {
        let left = self.receiver.len();
        // What is not read because too much waits is no fault of the client.
        if left == 0 || self.ended || !self.wants_input() {
            self.late_at = None;
        } else if self.late_at.is_none() || left < before {
            self.late_at = Some(now.saturating_add(self.config.receive_timeout));
        }
    }

    /// Lets time act: ends silent sessions, gives up on requests of this side.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::Session(key) => self.drop_session(key, SessionEnd::Expired),
                Timer::Request(id) => self.give_up(now, id),
                Timer::Retransmit(id) => self.retransmit(now, id),
                Timer::Redirect(key) => self.drop_session(key, SessionEnd::Redirected),
                // Not in the queue: it is set with every message that comes in pieces.
                Timer::Receive => {}
            }
        }
        if self.late_at.is_some_and(|at| at <= now) {
            self.late_at = None;
            self.end(Waiting::Late);
            self.ask_next(now);
        }
    }

    // C: commands that answer nothing; those that answer are in `answer`

    /// Sends an interleaved packet. It goes out as two pieces, the header and `payload` as
    /// it is, so that the host can write both at once without a copy.
    ///
    /// # Errors
    /// [`CommandError::UnknownChannel`] when no stream is set up on `channel`, a limit when
    /// the payload is longer than 65,535 bytes or too much waits to be sent.
    pub fn send_media(
        &mut self,
        _now: Instant,
        channel: u8,
        payload: Bytes,
    ) -> Result<(), CommandError> {
        self.check_open()?;
        if self.sessions.of_channel(channel).is_none() {
            return Err(CommandError::UnknownChannel);
        }
        self.out.send_frame(channel, payload).map_err(CommandError::Limit)
    }

    /// Says that the client of `session` lives: RTCP came over UDP, for example (RFC 7826
    /// §10.5). Requests and interleaved packets count by themselves.
    ///
    /// # Errors
    /// Closed, or no such session.
    pub fn touch(&mut self, now: Instant, session: SessionKey) -> Result<(), CommandError> {
        self.check_session(session)?;
        self.refresh(now, session);
        Ok(())
    }

    /// Says where the client is, as the transport tells: the only place to which it may
    /// have media sent, unless [`Config::destinations`] says otherwise.
    pub const fn set_peer(&mut self, peer: IpAddr) {
        self.peer = Some(peer);
    }

    /// Says what time it is at `now`. From then on answers and requests have a Date (RFC 7826
    /// §18.21 demands it of servers with a clock), which some requests must have.
    pub fn set_wall_clock(&mut self, now: Instant, time: proto_wire::Timestamp) {
        let micros = time.as_unix_micros();
        let nanos = u32::try_from(micros.rem_euclid(1_000_000)).unwrap_or(0).saturating_mul(1000);
        self.wall = UtcTime::from_unix(time.as_unix_secs(), nanos).map(|time| (now, time));
    }

    /// Ends the connection.
    ///
    /// # Errors
    /// It is closed already.
    pub fn close(&mut self, now: Instant) -> Result<(), CommandError> {
        self.check_open()?;
        self.finish(now, CloseReason::Local);
        Ok(())
    }

    // D: what to do

    /// The next thing to do; `None` until something happens.
    #[must_use]
    #[inline]
    pub fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        let output = self.out.poll();
        if output.is_none() && self.current.is_none() && self.sessions.len() == 0 {
            self.release();
        }
        output
    }

    /// Servers have many connections that do nothing: those keep no buffers.
    #[inline(never)]
    fn release(&mut self) {
        self.out.release();
        self.receiver.release();
        self.uri = Vec::new();
        if self.inbox.capacity() > 0 && self.inbox.is_empty() {
            self.inbox = VecDeque::new();
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer().map(|(at, _)| at)
    }

    // What the parts share.

    const fn check_open(&self) -> Result<(), CommandError> {
        if self.closed { Err(CommandError::Closed) } else { Ok(()) }
    }

    fn check_session(&self, session: SessionKey) -> Result<(), CommandError> {
        self.check_open()?;
        self.sessions.get(session).map(drop).ok_or(CommandError::UnknownSession)
    }

    const fn new_id(&mut self) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        id
    }

    /// A sign of life: the session's time begins anew.
    fn refresh(&mut self, now: Instant, key: SessionKey) {
        let deadline = now.saturating_add(self.config.session_timeout);
        self.timers.set(Timer::Session(key), deadline);
    }

    fn wall_clock(&self, now: Instant) -> Option<UtcTime> {
        let (then, time) = self.wall?;
        time.checked_add(now.saturating_since(then))
    }

    fn drop_session(&mut self, session: SessionKey, reason: SessionEnd) {
        self.timers.stop(&Timer::Session(session));
        self.timers.stop(&Timer::Redirect(session));
        if self.sessions.remove(session).is_some() {
            self.out.event(Event::SessionEnded { session, reason });
        }
    }

    /// Channels for a new stream: those that `wanted` names when they are free.
    fn channels_for(&self, wanted: Option<ChannelPair>) -> Option<ChannelPair> {
        match wanted {
            Some(pair) if self.sessions.are_free(pair) => Some(pair),
            _ => self.sessions.free_channels(),
        }
    }

    /// Reads no more; ends when everything before is answered.
    #[cold]
    #[inline(never)]
    fn end(&mut self, last: Waiting) {
        self.ended = true;
        self.receiver.clear();
        self.inbox.push_back(last);
    }

    /// Ends everything, once.
    #[cold]
    #[inline(never)]
    fn finish(&mut self, now: Instant, reason: CloseReason) {
        if self.config.sessions_outlive {
            self.leave(now);
        }
        self.closed = true;
        self.ended = true;
        self.receiver.clear();
        self.inbox.clear();
        self.current = None;
        self.timers = TimerQueue::new();
        self.late_at = None;
        for Asked { id, is_told, .. } in core::mem::take(&mut self.asked).into_values() {
            if is_told {
                let reason = RequestFailure::Closed;
                self.out.event(Event::RequestFailed { id, reason });
            }
        }
        let keys: Vec<_> = self.sessions.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.drop_session(key, SessionEnd::Closed);
        }
        self.out.event(Event::Closed(reason));
    }
}

impl Machine for Server {
    type Input<'a> = Input<'a>;
    type Transmit = Bytes;
    type Event = Event;

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        Self::handle_input(self, now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }

    fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        Self::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
}

impl StreamMachine for Server {
    fn handle_data(&mut self, now: Instant, data: &[u8]) {
        self.handle_input(now, Input::Data(data));
    }

    fn handle_eof(&mut self, now: Instant) {
        self.handle_input(now, Input::Eof);
    }

    fn is_closed(event: &Event) -> bool {
        matches!(event, Event::Closed(_))
    }

    fn wants_input(&self) -> bool {
        Self::wants_input(self)
    }
}
