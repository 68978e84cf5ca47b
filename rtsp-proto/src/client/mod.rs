//! The client's side of one connection.

mod auth;
#[cfg(all(test, feature = "digest"))]
mod auth_tests;
mod command;
mod config;
mod datagram;
mod detached;
mod event;
#[cfg(test)]
mod life_tests;
mod notify;
mod play;
mod receive;
mod redirect;
mod require;
mod send;
mod session;
mod settled;
mod standing;
#[cfg(test)]
mod storm_tests;
#[cfg(test)]
mod tests;

pub use config::{Config, KeepAlive};
pub use detached::DetachedSession;
pub use event::{Event, Input};
pub use notify::{Notice, Termination};
pub use play::PlayOptions;
pub use redirect::{Follow, Redirection, When};
pub use require::Requirement;
pub use session::{Session, Stream};
pub use settled::Settled;

use crate::Skips;
use crate::conn::{Few, Outbox, Receiver, Tolerance};
use crate::error::{
    CloseReason, CommandError, PeerRequestId, RequestFailure, RequestId, SessionEnd, SessionKey,
};
use crate::message::{Methods, RequestBuilder, Version};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use auth::{Answers, Auth};
use bytes::Bytes;
use datagram::Unreliable;
use proto_wire::{Instant, Machine, Output, Rng, Seed, StreamMachine, TimerQueue};

/// The client's side of one connection: many requests at a time, many sessions.
///
/// Commands return at once with the id of their request; its response comes as an event.
/// The machine numbers requests, finds the one that a response answers (also when the
/// response forgot its number), answers challenges when it has credentials, keeps sessions
/// alive, and answers the server's own requests.
///
/// # The four kinds of methods
/// - **A, getters**: [`session`](Self::session), [`sessions`](Self::sessions),
///   [`public`](Self::public), [`version`](Self::version),
///   [`round_trip`](Self::round_trip), [`skips`](Self::skips), [`next_timer`](Self::next_timer),
///   [`wants_input`](Self::wants_input).
/// - **B, what the outside reports**: [`handle_input`](Self::handle_input),
///   [`handle_timeout`](Self::handle_timeout). They never fail.
/// - **C, commands**: [`options`](Self::options), [`describe`](Self::describe),
///   [`open_session`](Self::open_session), [`setup`](Self::setup),
///   [`play`](Self::play), [`play_with`](Self::play_with), [`pause`](Self::pause),
///   [`announce`](Self::announce), [`setup_record`](Self::setup_record),
///   [`record`](Self::record), [`get_parameter`](Self::get_parameter),
///   [`set_parameter`](Self::set_parameter), [`teardown`](Self::teardown),
///   [`teardown_stream`](Self::teardown_stream), [`media_ended`](Self::media_ended),
///   [`detach_session`](Self::detach_session), [`attach_session`](Self::attach_session),
///   [`request`](Self::request) for all else, [`respond`](Self::respond),
///   [`send_media`](Self::send_media), [`close`](Self::close). Legal at any time; an error
///   is the caller's mistake, and nothing has changed.
/// - **D, what to do**: [`poll_output`](Self::poll_output) until it is `None`,
///   [`poll_timeout`](Self::poll_timeout).
///
/// ```
/// use rtsp_proto::client::{Client, Config, Event, Input};
/// use rtsp_proto::{Instant, Output, Seed};
/// use std::sync::Arc;
///
/// let now = Instant::ZERO;
/// let mut client = Client::new(now, Arc::new(Config::default()), Seed::from_u64(1));
/// let asked = client.describe(now, "rtsp://h/cam")?;
/// let mut wire = Vec::new();
/// let mut sdp = None;
/// # let mut reply = Some(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n");
/// loop {
///     while let Some(output) = client.poll_output() {
///         match output {
///             Output::Transmit(bytes) => wire.extend_from_slice(&bytes), // to the socket
///             Output::Event(Event::Response { id, response, .. }) if id == asked => {
///                 sdp = Some(response.body_bytes());
///             }
///             Output::Event(_) => {}
///         }
///     }
///     // Then: sleep until `client.poll_timeout()` or input.
/// #   let Some(reply) = reply.take() else { break };
///     client.handle_input(now, Input::Data(reply));
/// }
/// assert!(wire.starts_with(b"DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\n"));
/// assert_eq!(sdp.as_deref(), Some(&b"v=0\r\n"[..]));
/// # Ok::<(), rtsp_proto::CommandError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    config: Arc<Config>,
    rng: Rng,
    receiver: Receiver,
    out: Outbox<Event>,
    auth: Auth,
    sessions: Few<SessionKey, Session>,
    /// Requests that wait for a response, by CSeq.
    pending: Few<u32, Box<Pending>>,
    /// Requests that cannot be sent yet, in order.
    waiting: VecDeque<Box<Pending>>,
    /// Requests of the server that wait for the application.
    asked: Few<PeerRequestId, Asked>,
    timers: TimerQueue<Timer>,
    /// Over UDP.
    is_datagrams: bool,
    unreliable: Unreliable,
    /// What the server offers, as far as it said so.
    public: Option<Methods>,
    /// What new requests and sessions speak.
    version: Version,
    /// What is still required of the server.
    requirements: Vec<Requirement>,
    /// The memory of a request that is answered, for the next one.
    spare: Option<Box<Pending>>,
    next_pipeline: u32,
    next_cseq: u32,
    next_id: u32,
    malformed: u32,
    closed: bool,
}

/// A request of the server that waits for the application.
#[derive(Clone, Debug)]
struct Asked {
    cseq: u32,
    version: Version,
    /// To be echoed.
    timestamp: Option<String>,
}

/// A request that waits for its response, and all it takes to send it again.
#[derive(Clone, Debug)]
struct Pending {
    id: RequestId,
    session: Option<SessionKey>,
    request: RequestBuilder,
    purpose: Purpose,
    /// What it was sent with.
    version: Version,
    sent: Answers,
    tags: Vec<String>,
    /// Where it was sent before it was redirected.
    hops: Vec<String>,
    /// It was sent when only a number named its session (RFC 7826 §18.33).
    pipelined: bool,
    /// The number was bound to nothing; it waits for the id.
    unbound: bool,
    sent_at: Instant,
    /// How often it was sent again, because no answer came.
    tries: u8,
}

impl Pending {
    const fn new(
        id: RequestId,
        session: Option<SessionKey>,
        request: RequestBuilder,
        purpose: Purpose,
    ) -> Self {
        Self {
            id,
            session,
            request,
            purpose,
            version: Version::V1_0,
            sent: Vec::new(),
            tags: Vec::new(),
            hops: Vec::new(),
            pipelined: false,
            unbound: false,
            sent_at: Instant::ZERO,
            tries: 0,
        }
    }
}

impl Pending {
    /// The same as a new one, in its place: it is large to be moved there.
    fn renew(
        &mut self,
        id: RequestId,
        session: Option<SessionKey>,
        request: RequestBuilder,
        purpose: Purpose,
    ) {
        let Self {
            id: old_id,
            session: old_session,
            request: old_request,
            purpose: old_purpose,
            version,
            sent,
            tags,
            hops,
            pipelined,
            unbound,
            sent_at,
            tries,
        } = self;
        (*old_id, *old_session) = (id, session);
        *old_request = request;
        *old_purpose = purpose;
        *version = Version::V1_0;
        sent.clear();
        tags.clear();
        hops.clear();
        (*pipelined, *unbound, *tries) = (false, false, 0);
        *sent_at = Instant::ZERO;
    }
}

/// What a request is for, besides what its method says.
#[derive(Clone, Debug)]
enum Purpose {
    Command,
    /// The same, for a description.
    Describe,
    Setup(Offer),
    KeepAlive,
    /// TEARDOWN of a session that is over for this side.
    Farewell,
}

/// What a SETUP offers.
#[derive(Clone, Debug)]
struct Offer {
    /// The first of the transports.
    first: Settled,
    has_interleaved: bool,
    /// The Transport header, as the versions spell it; empty for 2.0 when 1.0 is spoken.
    v1: String,
    v2: String,
}

/// Why a [`Client`] wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Timer {
    /// A request has no response.
    Request(RequestId),
    /// A session needs a sign of life.
    KeepAlive(SessionKey),
    /// The server wants the session to be gone.
    Redirect(SessionKey),
    /// A request [over datagrams](Client::over_datagrams) has no response yet.
    Retransmit(RequestId),
}

impl Client {
    /// A client on a fresh connection. `seed` decides the client nonces of Digest.
    #[must_use]
    pub fn new(_now: Instant, config: Arc<Config>, seed: Seed) -> Self {
        Self {
            receiver: Receiver::new(config.interleaved_max).with_tolerance(Tolerance {
                resync: config.resync,
                frames_in_heads: config.frames_in_heads,
            }),
            out: Outbox::new(config.queue_max),
            auth: Auth::new(&config),
            version: config.version,
            requirements: config.requirements.clone(),
            config,
            rng: Rng::new(&seed),
            sessions: Few::new(),
            pending: Few::new(),
            waiting: VecDeque::new(),
            is_datagrams: false,
            unreliable: Unreliable::default(),
            spare: None,
            next_pipeline: 1,
            asked: Few::new(),
            timers: TimerQueue::new(),
            public: None,
            next_cseq: 1,
            next_id: 0,
            malformed: 0,
            closed: false,
        }
    }

    // A: getters

    /// The session, while it lives.
    #[must_use]
    pub fn session(&self, key: SessionKey) -> Option<&Session> {
        self.sessions.get(&key)
    }

    /// All sessions that live.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.sessions.iter().map(|(key, session)| (*key, session))
    }

    /// The methods that the server said it offers.
    #[must_use]
    pub const fn public(&self) -> Option<Methods> {
        self.public
    }

    /// The version of requests and sessions that begin now: that of the configuration, or an
    /// older one when the server does not speak it.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How much garbage came, with [`Config::resync`] and [`Config::frames_in_heads`].
    #[must_use]
    pub const fn skips(&self) -> Skips {
        self.receiver.skips()
    }

    /// When the next timer fires, and why.
    #[must_use]
    pub fn next_timer(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// Whether the host may read more.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.closed && !self.out.is_full()
    }

    // B: what the outside reports

    /// Takes what arrived. A server's fault never makes it fail.
    #[inline]
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        // Done in the caller's place: bytes that come one by one. A receiver absorbs none once the
        // connection is closed.
        match input {
            Input::Data(data) if self.receiver.absorbs(data) => {}
            input => self.take_input(now, input),
        }
    }

    #[inline(never)]
    fn take_input(&mut self, now: Instant, input: Input<'_>) {
        if self.closed {
            return;
        }
        match input {
            Input::Datagram(data) => return self.take_datagram(now, data),
            // On datagrams there is no stream.
            Input::Data(_) | Input::Owned(_) if self.is_datagrams => return,
            Input::Data(data) => self.receiver.push(data),
            Input::Owned(data) => self.receiver.push_owned(data),
            Input::Eof => {
                self.report_dropped();
                return self.finish(CloseReason::Eof);
            }
        }
        self.work(now);
    }

    /// Lets time act: gives up on requests, keeps sessions alive.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::Request(id) => self.give_up(now, id),
                Timer::KeepAlive(key) => self.show_life(now, key),
                Timer::Redirect(key) => self.leave(now, key),
                Timer::Retransmit(id) => self.retransmit(now, id),
            }
        }
    }

    // C: commands: in `command`

    // D: what to do

    /// The next thing to do; `None` until something happens.
    #[must_use]
    #[inline]
    pub fn poll_output(&mut self) -> Option<Output<Bytes, Event>> {
        self.out.poll()
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

    fn give_up(&mut self, now: Instant, id: RequestId) {
        let cseq = self.pending.iter().find(|(_, p)| p.id == id).map(|(cseq, _)| *cseq);
        if let Some(pending) = cseq.and_then(|cseq| self.pending.remove(&cseq)) {
            self.timers.stop(&Timer::Retransmit(id));
            self.failed(&pending, RequestFailure::TimedOut);
            self.release(now);
        }
    }

    /// Some cameras never answer signs of life, so nobody is told about those.
    #[cold]
    #[inline(never)]
    fn failed(&mut self, pending: &Pending, reason: RequestFailure) {
        if !matches!(pending.purpose, Purpose::KeepAlive | Purpose::Farewell) {
            let (id, method) = (pending.id, pending.request.method());
            self.out.event(Event::RequestFailed { id, method, reason });
        }
    }

    fn drop_session(&mut self, session: SessionKey, reason: SessionEnd) {
        self.timers.stop(&Timer::KeepAlive(session));
        self.timers.stop(&Timer::Redirect(session));
        if self.sessions.remove(&session).is_some() {
            self.out.event(Event::SessionEnded { session, reason });
        }
    }

    /// Ends everything, once.
    #[cold]
    #[inline(never)]
    fn finish(&mut self, reason: CloseReason) {
        self.closed = true;
        self.receiver.clear();
        self.asked.clear();
        let waiting = core::mem::take(&mut self.waiting);
        for pending in core::mem::take(&mut self.pending).into_values().chain(waiting) {
            self.failed(&pending, RequestFailure::Closed);
        }
        let keys: Vec<_> = self.sessions.keys().copied().collect();
        for key in keys {
            self.outlive(key);
        }
        self.timers = TimerQueue::new();
        self.out.event(Event::Closed(reason));
    }

    const fn new_number(&mut self) -> u32 {
        let number = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        number
    }

    const fn new_request_id(&mut self) -> RequestId {
        RequestId(self.new_number())
    }

    /// The URL and id of a session, for a request.
    fn target(&self, key: SessionKey) -> Result<(&Session, Option<&String>), CommandError> {
        let session = self.sessions.get(&key).ok_or(CommandError::UnknownSession)?;
        Ok((session, session.id.as_ref()))
    }
}

impl Machine for Client {
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

impl StreamMachine for Client {
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
