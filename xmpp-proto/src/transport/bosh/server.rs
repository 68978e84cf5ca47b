//! One session of a connection manager.

mod answer;

use super::body::{Body, BodyKind, Condition, Wrapper};
use super::config::BoshServerConfig;
use super::keys::Lock;
use crate::stream::{STREAM_CLOSE, StreamOpen};
use crate::transport::framing::{Cutter, Said};
use crate::xml::Ns;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{HexToken, Instant, Machine, Output, Rng, Seed, StreamMachine};

/// The type of all responses. What a client asks for in the attribute `content` (§7.1) is not
/// followed: a page elsewhere could have its own stanzas shown as HTML of this host.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Answer the request with this, of the type [`CONTENT_TYPE`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// To which request, as the host named it.
    pub id: u64,
    /// 200; clients of the time before conditions get 400, 403 and 404 too.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// What the host reports. XEP-0124.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ServerInput<'a> {
    /// A request was posted: exactly one [`Response`] with its name follows, sooner or later.
    Request {
        /// How the host names it; no two that are open have one name.
        id: u64,
        /// The body, all of it. A host reads no more than
        /// [`BoshSession::body_max`] bytes of one.
        body: &'a [u8],
    },
    /// The connection of an open request broke: there will be no response to it.
    Gone {
        /// Which.
        id: u64,
    },
}

/// The answer to a request of no session that the host knows.
///
/// ```
/// use xmpp_proto::transport::bosh::{Condition, refusal};
///
/// let response = refusal(7, Condition::ItemNotFound);
/// assert_eq!(&response.body[..], b"<body xmlns='http://jabber.org/protocol/httpbind' \
///     type='terminate' condition='item-not-found'/>");
/// ```
#[must_use]
pub fn refusal(id: u64, condition: Condition) -> Response {
    let mut body = Wrapper::new();
    body.attr("type", "terminate").attr("condition", condition.name());
    Response { id, status: 200, body: body.finish(&[]) }
}

/// A server's machine whose client comes over HTTP: one per session. The host keeps them by
/// [`BoshSession::sid`] and finds the one of a request by its [`Body::sid`](super::Body::sid);
/// a request without one begins a new session. The machine's last event comes when the client
/// was told, or has been silent for too long.
#[derive(Debug)]
pub struct BoshSession<M: StreamMachine> {
    /// The machine. Its commands are called here, its outputs polled on the whole.
    pub machine: M,
    config: Arc<BoshServerConfig>,
    cutter: Cutter,
    sid: HexToken<32>,
    now: Instant,
    queue: VecDeque<Output<Response, M::Event>>,
    inbox: VecDeque<Inbound>,
    /// What the machine said and the client has not got.
    payloads: VecDeque<String>,
    /// Bytes of them.
    backlog: usize,
    terms: Option<Terms>,
    /// The last request that was taken, of all without a gap.
    last: u64,
    /// Requests that came before their turn.
    early: BTreeMap<u64, (u64, Body)>,
    /// Requests without a response.
    held: VecDeque<Held>,
    /// Responses that may be asked for again.
    sent: VecDeque<Sent>,
    lock: Lock,
    pace: Pace,
    authenticated: bool,
    /// Says the response to be sent next that one is missing.
    report: Option<(u64, Instant)>,
    end: End<M::Event>,
    silent_at: Option<Instant>,
}

#[derive(Debug)]
enum Inbound {
    Text(String),
    Eof,
}

/// What was agreed on.
#[derive(Debug)]
struct Terms {
    wait: Duration,
    hold: usize,
    requests: usize,
    acks: bool,
    legacy: bool,
    /// The response that says so is due, for this request.
    due: Option<u64>,
    authid: String,
    from: String,
    wanted: String,
}

#[derive(Debug)]
struct Held {
    rid: u64,
    id: Option<u64>,
    until: Instant,
    repeats: u32,
    key: Option<String>,
}

#[derive(Debug)]
struct Sent {
    rid: u64,
    body: Bytes,
    at: Instant,
    repeats: u32,
    key: Option<String>,
}

/// How often the client asks (§11, §12).
#[derive(Debug, Default)]
struct Pace {
    last: Option<Instant>,
    last_empty: Option<Instant>,
    last_answer_empty: bool,
    pause: Option<Duration>,
}

/// How far the end has come.
#[derive(Debug)]
enum End<E> {
    No,
    /// The machine has closed its stream, or the client the session.
    Said {
        condition: Option<Condition>,
        event: Option<E>,
    },
    /// The client was told.
    Told,
    /// The last event is out.
    Done,
}

impl<M: StreamMachine> BoshSession<M> {
    /// Around a machine that has just been made, before its first request.
    #[must_use]
    pub fn new(now: Instant, config: Arc<BoshServerConfig>, seed: Seed, machine: M) -> Self {
        let sid = Rng::new(&seed).hex();
        let silent_at = Some(now.saturating_add(config.inactivity));
        Self {
            machine,
            cutter: Cutter::new(),
            sid,
            now,
            queue: VecDeque::new(),
            inbox: VecDeque::new(),
            payloads: VecDeque::new(),
            backlog: 0,
            terms: None,
            last: 0,
            early: BTreeMap::new(),
            held: VecDeque::new(),
            sent: VecDeque::new(),
            lock: Lock::default(),
            pace: Pace::default(),
            authenticated: false,
            report: None,
            end: End::No,
            silent_at,
            config,
        }
    }

    /// The name of the session: 128 bits that cannot be guessed (§7.2).
    #[must_use]
    pub fn sid(&self) -> &str {
        self.sid.as_str()
    }

    /// Whether the last event is out: the host forgets the session.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.end, End::Done)
    }

    /// Bytes of the largest request that is read now.
    #[must_use]
    pub fn body_max(&self) -> usize {
        match self.authenticated {
            true => self.config.limits_after.stanza_max,
            false => self.config.limits_before.stanza_max,
        }
    }

    fn pump(&mut self) {
        while matches!(self.end, End::No | End::Said { event: None, .. }) {
            match self.machine.poll_output() {
                Some(Output::Transmit(bytes)) => self.said(&bytes),
                Some(Output::Event(event)) if M::is_closed(&event) => {
                    let condition = match self.end {
                        End::Said { condition, .. } => condition,
                        // It ended without a word.
                        _ => Some(Condition::RemoteConnectionFailed),
                    };
                    self.end = End::Said { condition, event: Some(event) };
                }
                Some(Output::Event(event)) => {
                    self.settle(false);
                    self.queue.push_back(Output::Event(event));
                    return;
                }
                None if !self.machine.wants_input() => break,
                None => match self.inbox.pop_front() {
                    None => break,
                    Some(Inbound::Text(text)) => {
                        self.machine.handle_data(self.now, text.as_bytes());
                    }
                    Some(Inbound::Eof) => self.machine.handle_eof(self.now),
                },
            }
        }
        self.settle(true);
    }

    fn said(&mut self, bytes: &[u8]) {
        let (payloads, terms, end) = (&mut self.payloads, &mut self.terms, &mut self.end);
        let (authenticated, backlog) = (&mut self.authenticated, &mut self.backlog);
        let mut failed = false;
        self.cutter.cut(bytes, |said| match said {
            Said::Open(header) => {
                if let Some(terms) = terms.as_mut().filter(|terms| terms.due.is_some()) {
                    terms.from = header.attr("from").unwrap_or_default().into_owned();
                    terms.authid = header.attr("id").unwrap_or_default().into_owned();
                }
            }
            Said::Element(element) => {
                failed |= element.is(Ns::STREAM, "error");
                *authenticated |=
                    element.is(Ns::SASL, "success") || element.is(Ns::SASL2, "success");
                let payload = element.to_standalone();
                *backlog = backlog.saturating_add(payload.len());
                payloads.push_back(payload);
            }
            Said::Close => {
                if matches!(end, End::No) {
                    let condition = failed.then_some(Condition::RemoteStreamError);
                    *end = End::Said { condition, event: None };
                }
            }
        });
        if let (true, End::No) = (failed, &self.end) {
            let condition = Some(Condition::RemoteStreamError);
            self.end = End::Said { condition, event: None };
        }
        if let (true, End::No) = (self.backlog > self.config.backlog_max, &self.end) {
            // As if its connection broke: a session of stream management may go on elsewhere.
            (self.backlog, self.payloads) = (0, VecDeque::new());
            self.inbox.clear();
            self.inbox.push_back(Inbound::Eof);
            let condition = Some(Condition::PolicyViolation);
            self.end = End::Said { condition, event: None };
        }
    }

    fn request(&mut self, id: u64, bytes: &[u8]) {
        let limits = match self.authenticated {
            true => self.config.limits_after,
            false => self.config.limits_before,
        };
        let read = Body::parse(bytes, limits).and_then(|body| Ok((body.rid()?, body)));
        let Ok((rid, body)) = read else {
            return self.fault(id, Condition::BadRequest);
        };
        let Some(terms) = &self.terms else {
            return self.create(id, rid, &body);
        };
        if body.sid().as_deref() != Some(self.sid.as_str()) {
            return self.refuse(id, Condition::ItemNotFound);
        }
        // §14.2: a window as wide as requests may be under way, and one for the end (§11).
        let window = (terms.requests as u64).saturating_add(1);
        if rid <= self.last {
            return self.repeated(id, rid, &body);
        }
        if rid > self.last.saturating_add(window) {
            return self.fault(id, Condition::ItemNotFound);
        }
        if let Some((old, _)) = self.early.insert(rid, (id, body)) {
            self.recoverable(old);
        }
        while let Some((id, body)) = self.early.remove(&self.last.saturating_add(1)) {
            self.last = self.last.saturating_add(1);
            self.take(id, &body);
            if !matches!(self.end, End::No) {
                break;
            }
        }
    }

    /// The first request (§7.1).
    fn create(&mut self, id: u64, rid: u64, body: &Body) {
        if body.sid().is_some() {
            return self.fault(id, Condition::ItemNotFound);
        }
        let wait = body.number("wait").map_or(self.config.wait_max, Duration::from_secs);
        let wait = wait.min(self.config.wait_max);
        let hold = body.number("hold").and_then(|hold| usize::try_from(hold).ok()).unwrap_or(1);
        let hold = if wait.is_zero() { 0 } else { hold.min(self.config.hold_max.into()) };
        let to = body.attr("to").unwrap_or_default();
        self.terms = Some(Terms {
            wait,
            hold,
            requests: hold.saturating_add(1),
            acks: body.attr("ack").as_deref() == Some("1"),
            legacy: body.attr("ver").is_none(),
            due: Some(rid),
            authid: String::new(),
            from: String::new(),
            wanted: to.clone().into_owned(),
        });
        self.lock = Lock::new(body.attr("newkey").as_deref());
        self.last = rid;
        self.pace.last = Some(self.now);
        let key = body.attr("key").map(|key| key.into_owned());
        self.hold(rid, id, key);
        // XEP-0206 §3: what the machine judges, as in any header.
        self.open(body, body.xmpp("version").as_deref() == Some("1.0"));
    }

    fn open(&mut self, body: &Body, versioned: bool) {
        let attr = |name| body.attr(name).unwrap_or_default();
        let lang = body.element().lang().unwrap_or_default();
        let wanted = self.terms.as_ref().map_or("", |terms| &terms.wanted);
        let to = attr("to");
        let to = if to.is_empty() { wanted } else { &to };
        let from = attr("from");
        let open = StreamOpen::new().with_to(to).with_from(&from).with_lang(&lang);
        let header = open.write(Ns::CLIENT).unwrap_or_default();
        let header = match versioned {
            true => header,
            false => header.replacen(" version='1.0'", "", 2),
        };
        self.inbox.push_back(Inbound::Text(header));
    }

    fn hold(&mut self, rid: u64, id: u64, key: Option<String>) {
        let wait = self.terms.as_ref().map_or(Duration::ZERO, |terms| terms.wait);
        let until = self.now.saturating_add(wait.max(Duration::from_millis(1)));
        self.held.push_back(Held { rid, id: Some(id), until, repeats: 0, key });
        self.silent_at = None;
    }

    /// A request whose turn has come.
    fn take(&mut self, id: u64, body: &Body) {
        let key = body.attr("key").map(|key| key.into_owned());
        if !self.lock.turn(key.as_deref(), body.attr("newkey").as_deref()) {
            return self.fault(id, Condition::ItemNotFound);
        }
        let ends = matches!(body.kind(), BodyKind::Terminate(_));
        let pause = body.number("pause").map(Duration::from_secs);
        let restarts = body.restarts();
        let empty = body.payloads().next().is_none() && !restarts;
        if !ends && pause.is_none() && self.is_too_fast(empty) {
            return self.fault(id, Condition::PolicyViolation);
        }
        if pause.is_some_and(|pause| pause > self.config.pause_max) {
            return self.fault(id, Condition::PolicyViolation);
        }
        self.pace.last = Some(self.now);
        self.pace.last_empty = (empty && pause.is_none()).then_some(self.now);
        self.pace.pause = None;
        self.acknowledged(body);
        self.hold(self.last, id, key);
        if restarts {
            // XEP-0206 §5: what comes along is ignored.
            self.open(body, true);
        } else {
            self.inbox.extend(body.texts().map(Inbound::Text));
        }
        if ends {
            self.inbox.push_back(Inbound::Text(STREAM_CLOSE.to_string()));
        }
        if let Some(pause) = pause {
            self.pace.pause = Some(pause);
            // §10: all that wait are answered, with nothing in it.
            while !self.held.is_empty() {
                self.answer(None);
            }
        }
    }

    /// §11 and §12.
    fn is_too_fast(&self, empty: bool) -> bool {
        let Some(terms) = &self.terms else { return false };
        let under_way = self.held.len().saturating_add(1);
        if under_way > terms.requests {
            return true;
        }
        let within = |since: Option<Instant>| {
            since.is_some_and(|since| self.now.saturating_since(since) < self.config.polling)
        };
        if terms.hold == 0 {
            return empty && self.pace.last_answer_empty && within(self.pace.last_empty);
        }
        empty && under_way == terms.requests && within(self.pace.last)
    }

    /// §9.2: what the client says it has got.
    fn acknowledged(&mut self, body: &Body) {
        let Some(ack) = body.number("ack").filter(|_| self.uses_acks()) else {
            return;
        };
        self.sent.retain(|sent| sent.rid > ack);
        self.report =
            self.sent.front().filter(|sent| sent.at < self.now).and_then(|sent| {
                (sent.rid == ack.saturating_add(1)).then_some((sent.rid, sent.at))
            });
    }

    fn uses_acks(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.acks)
    }

    /// A request that came before (§14.3).
    fn repeated(&mut self, id: u64, rid: u64, body: &Body) {
        let max = self.config.repeats_max;
        let key = body.attr("key");
        if let Some(held) = self.held.iter_mut().find(|held| held.rid == rid) {
            held.repeats = held.repeats.saturating_add(1);
            if held.key.as_deref() != key.as_deref() {
                return self.fault(id, Condition::ItemNotFound);
            }
            if held.repeats > max {
                return self.fault(id, Condition::PolicyViolation);
            }
            let old = held.id.replace(id);
            self.silent_at = None;
            if let Some(old) = old {
                self.recoverable(old);
            }
            return;
        }
        let Some(sent) = self.sent.iter_mut().find(|sent| sent.rid == rid) else {
            return self.fault(id, Condition::ItemNotFound);
        };
        sent.repeats = sent.repeats.saturating_add(1);
        if sent.key.as_deref() != key.as_deref() {
            return self.fault(id, Condition::ItemNotFound);
        }
        if sent.repeats > max {
            return self.fault(id, Condition::PolicyViolation);
        }
        let body = sent.body.clone();
        self.queue.push_back(Output::Transmit(Response { id, status: 200, body }));
        self.watch();
    }

    /// §17.3.
    fn recoverable(&mut self, id: u64) {
        let mut body = Wrapper::new();
        body.attr("type", "error");
        let response = Response { id, status: 200, body: body.finish(&[]) };
        self.queue.push_back(Output::Transmit(response));
    }

    /// Says no to one request, which is none of this session.
    fn refuse(&mut self, id: u64, condition: Condition) {
        self.queue.push_back(Output::Transmit(refusal(id, condition)));
    }

    /// The client broke the rules: the session is over.
    fn fault(&mut self, id: u64, condition: Condition) {
        if !matches!(self.end, End::No) {
            return self.refuse(id, Condition::ItemNotFound);
        }
        let legacy = self.terms.as_ref().is_some_and(|terms| terms.legacy);
        let mut response = refusal(id, condition);
        if legacy {
            response.status = condition.status();
        }
        self.queue.push_back(Output::Transmit(response));
        let early: Vec<u64> = self.early.values().map(|(id, _)| *id).collect();
        let held: Vec<u64> = self.held.iter().filter_map(|held| held.id).collect();
        for id in held.into_iter().chain(early) {
            self.refuse(id, Condition::OtherRequest);
        }
        self.held.clear();
        self.early.clear();
        self.inbox.clear();
        self.end = End::Told;
        self.drain();
    }
}

impl<M: StreamMachine> Machine for BoshSession<M> {
    type Input<'a> = ServerInput<'a>;
    type Transmit = Response;
    type Event = M::Event;

    fn handle_input(&mut self, now: Instant, input: ServerInput<'_>) {
        self.now = now;
        match input {
            ServerInput::Request { id, .. } if matches!(self.end, End::Told | End::Done) => {
                self.refuse(id, Condition::ItemNotFound);
            }
            ServerInput::Request { id, body } => self.request(id, body),
            ServerInput::Gone { id } => {
                self.early.retain(|_, (early, _)| *early != id);
                if let Some(held) = self.held.iter_mut().find(|held| held.id == Some(id)) {
                    // Its response is kept until it is asked for again.
                    held.id = None;
                    self.watch();
                }
            }
        }
        self.pump();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.is_done() {
            return;
        }
        self.machine.handle_timeout(now);
        self.pump();
        while self.held.front().is_some_and(|held| held.until <= now) {
            self.answer(None);
        }
        if self.silent_at.is_some_and(|at| at <= now) {
            // §10: the client is gone and is not told.
            self.held.clear();
            self.silent_at = None;
            match core::mem::replace(&mut self.end, End::Told) {
                End::Said { event: Some(event), .. } => self.finish(event),
                End::Done => self.end = End::Done,
                _ => self.drain(),
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output<Response, M::Event>> {
        if self.queue.is_empty() && !self.is_done() {
            self.pump();
        }
        self.queue.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.is_done() {
            return None;
        }
        let held = self.held.front().map(|held| held.until);
        self.machine.poll_timeout().into_iter().chain(held).chain(self.silent_at).min()
    }
}
