//! The client of a connection manager.

use super::body::{Body, BodyKind, Condition, RESTART, RID_MAX, VERSION, Wrapper, seconds};
use super::config::BoshConfig;
use super::keys::Keys;
use crate::stream::{STREAM_CLOSE, StreamOpen};
use crate::transport::framing::{Cutter, Said};
use crate::xml::Ns;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, Machine, Output, Rng, Seed, StreamMachine};
use thiserror::Error;

/// Post this, then report [`ClientInput::Response`] or [`ClientInput::Failed`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Names the exchange. A request that is sent again has another one.
    pub id: u64,
    /// The body, of the type `text/xml; charset=utf-8`.
    pub body: Bytes,
}

/// What the host reports. XEP-0124 §7.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ClientInput<'a> {
    /// A response came.
    Response {
        /// To which request.
        id: u64,
        /// The status.
        status: u16,
        /// The body, all of it.
        body: &'a [u8],
    },
    /// None will come: the connection failed or broke.
    Failed {
        /// For which request.
        id: u64,
    },
}

/// A pause cannot be asked for; nothing was changed. XEP-0124 §12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PauseError {
    /// There is no session yet, or no more.
    #[error("there is no session")]
    NoSession,
    /// The connection manager allows none, or none so long.
    #[error("no pause of this length is allowed")]
    TooLong,
    /// There is a pause already.
    #[error("the session is paused")]
    Paused,
}

/// A client whose stream goes over HTTP. The scheme of the URL says whether it is encrypted:
/// the machine inside is told so (`direct_tls`), or works in clear.
/// XEP-0124, XEP-0206.
#[derive(Debug)]
pub struct BoshClient<M: StreamMachine> {
    /// The machine. Its commands are called here, its outputs polled on the whole.
    pub machine: M,
    config: Arc<BoshConfig>,
    cutter: Cutter,
    rng: Rng,
    now: Instant,
    queue: VecDeque<Output<Request, M::Event>>,
    inbox: VecDeque<Inbound>,
    outbox: VecDeque<Outbound>,
    flights: VecDeque<Flight>,
    state: State,
    terms: Terms,
    keys: Option<Keys>,
    rid: u64,
    exchanges: u64,
    paused_until: Option<Instant>,
    poll_at: Instant,
    /// When a request was posted last.
    posted_at: Instant,
    /// When a response was taken last.
    answered_at: Instant,
    condition: Option<Condition>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The machine has said nothing yet.
    Idle,
    /// The session is asked for.
    Creating,
    Open,
    /// The end is sent.
    Ending,
    Ended,
}

/// For the machine.
#[derive(Debug)]
enum Inbound {
    Text(String),
    Eof,
}

/// For the connection manager.
#[derive(Debug)]
enum Outbound {
    Payload(String),
    Restart { to: String, lang: String },
    Close,
}

/// What the connection manager said when the session began.
#[derive(Debug, Default)]
struct Terms {
    sid: String,
    wait: Duration,
    hold: usize,
    requests: usize,
    polling: Option<Duration>,
    pause_max: Option<Duration>,
    /// Of the time before conditions (§17.1).
    legacy: bool,
    domain: String,
}

/// A request that has no response yet, or one whose turn has not come.
#[derive(Debug)]
struct Flight {
    rid: u64,
    body: Bytes,
    /// `None` while it waits to be sent again.
    id: Option<u64>,
    /// When it counts as lost, or is sent again.
    at: Instant,
    tries: u32,
    answer: Option<Body>,
    ends: bool,
}

impl<M: StreamMachine> BoshClient<M> {
    /// Around a machine that has just been made.
    #[must_use]
    pub fn new(now: Instant, config: Arc<BoshConfig>, seed: Seed, machine: M) -> Self {
        let mut rng = Rng::new(&seed);
        // §14.1: large and random, and never beyond 2^53 - 1 in a session.
        let rid = rng.below(RID_MAX >> 2).saturating_add(1 << 32);
        let keys = (config.keys > 0).then(|| Keys::new(&mut rng, config.keys));
        Self {
            machine,
            cutter: Cutter::new(),
            rng,
            now,
            queue: VecDeque::new(),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            flights: VecDeque::new(),
            state: State::Idle,
            terms: Terms { requests: 1, wait: config.wait, ..Terms::default() },
            keys,
            rid,
            exchanges: 0,
            paused_until: None,
            poll_at: now,
            posted_at: now,
            answered_at: now,
            condition: None,
            closed: false,
            config,
        }
    }

    /// Why the connection manager ended the session, if it did for a reason. The machine sees
    /// the end of the connection, so a session of stream management can be resumed in another
    /// one.
    #[must_use]
    pub const fn condition(&self) -> Option<Condition> {
        self.condition
    }

    /// Asks for time without requests, at most what the connection manager allows (§10). The
    /// pause is over when something is to be said, or three quarters of it have passed.
    ///
    /// # Errors
    /// There is no session, it allows no such pause, or there is one.
    pub fn pause(&mut self, now: Instant, time: Duration) -> Result<(), PauseError> {
        self.now = now;
        if self.state != State::Open || self.closed {
            return Err(PauseError::NoSession);
        }
        if self.terms.pause_max.is_none_or(|max| time > max) {
            return Err(PauseError::TooLong);
        }
        // The one request that may go beyond the terms is spent (§11).
        if self.paused_until.is_some() {
            return Err(PauseError::Paused);
        }
        let mut body = self.begin();
        body.number("pause", seconds(time));
        // §11: one more than otherwise is allowed for this.
        self.post(body, &[], false);
        let quarter = time.checked_div(4).unwrap_or_default();
        let quiet = time.saturating_sub(quarter).max(Duration::from_millis(1));
        self.paused_until = Some(now.saturating_add(quiet));
        Ok(())
    }

    /// Lets machine and session talk to each other, up to the next event.
    fn pump(&mut self) {
        while !self.closed {
            match self.machine.poll_output() {
                Some(Output::Transmit(bytes)) => self.said(&bytes),
                Some(Output::Event(event)) => {
                    // What stands before an event is sent before it is acted on.
                    self.flush(false);
                    self.closed = M::is_closed(&event);
                    self.queue.push_back(Output::Event(event));
                    return;
                }
                None if !self.machine.wants_input() => return self.flush(true),
                None => match self.inbox.pop_front() {
                    None => return self.flush(true),
                    Some(Inbound::Text(text)) => {
                        self.machine.handle_data(self.now, text.as_bytes());
                    }
                    Some(Inbound::Eof) => self.machine.handle_eof(self.now),
                },
            }
        }
    }

    fn said(&mut self, bytes: &[u8]) {
        let (outbox, inbox, state) = (&mut self.outbox, &mut self.inbox, self.state);
        let domain = &self.terms.domain;
        self.cutter.cut(bytes, |said| match said {
            Said::Open(header) => {
                let to = header.attr("to").unwrap_or_default().into_owned();
                let lang = header.lang().unwrap_or_default().into_owned();
                if state != State::Idle {
                    // The answer may come in the response to an earlier request: the header
                    // has no response of its own.
                    inbox.push_back(Inbound::Text(server_header(domain, "", "")));
                }
                outbox.push_back(Outbound::Restart { to, lang });
            }
            Said::Element(element) => {
                outbox.push_back(Outbound::Payload(element.to_standalone()));
            }
            Said::Close => outbox.push_back(Outbound::Close),
        });
        if !self.outbox.is_empty() {
            self.paused_until = None;
        }
    }

    /// Sends what is to be said; and, when there is `nothing_more`, what is to wait.
    fn flush(&mut self, nothing_more: bool) {
        if self.state == State::Idle {
            self.create();
        }
        while self.state == State::Open {
            if !self.has_room() {
                return;
            }
            if !self.outbox.is_empty() {
                if self.may_speak_at() > self.now {
                    return;
                }
                self.speak();
            } else if nothing_more && self.may_wait() && self.may_wait_at() <= self.now {
                let body = self.begin();
                self.poll_at = self.now.saturating_add(self.terms.polling.unwrap_or_default());
                self.post(body, &[], false);
            } else {
                return;
            }
        }
    }

    fn polls(&self) -> bool {
        self.terms.hold == 0 || self.terms.requests < 2 || self.terms.wait.is_zero()
    }

    /// Whether a request with nothing in it is due.
    fn may_wait(&self) -> bool {
        if self.paused_until.is_some() {
            return false;
        }
        match self.polls() {
            true => self.flights.is_empty() && self.now >= self.poll_at,
            false => self.flights.len() < self.terms.hold,
        }
    }

    /// When something may be said. Requests go over several connections, so one that follows
    /// another closely may overtake it, and then some connection managers (ejabberd) answer
    /// neither: they keep the later one until the earlier one is answered, and that one until
    /// there is something to say.
    fn may_speak_at(&self) -> Instant {
        match self.flights.is_empty() {
            true => self.now,
            false => self.posted_at.saturating_add(self.config.spacing),
        }
    }

    /// When an empty request may be sent: behind a response there often is something to say,
    /// which then takes its place.
    fn may_wait_at(&self) -> Instant {
        let last = self.answered_at.max(self.posted_at);
        last.saturating_add(self.config.spacing)
    }

    /// Whether one more request may be under way: as many as agreed, and one that ends it all
    /// (§11).
    fn has_room(&self) -> bool {
        let under_way = self.flights.len();
        under_way < self.terms.requests || (under_way == self.terms.requests && self.ends_next())
    }

    /// Whether the next request is the one that ends it all: what stands before the end goes
    /// along in it.
    fn ends_next(&self) -> bool {
        let mut bytes = 0_usize;
        for (at, out) in self.outbox.iter().enumerate() {
            match out {
                Outbound::Close => return true,
                Outbound::Restart { .. } => return false,
                Outbound::Payload(text) => bytes = bytes.saturating_add(text.len()),
            }
            if at > 0 && bytes > self.config.payloads_max {
                return false;
            }
        }
        false
    }

    /// When something is due that only waits for its time.
    fn next_flush(&self) -> Option<Instant> {
        if self.state != State::Open || !self.queue.is_empty() || !self.has_room() {
            return None;
        }
        match self.outbox.is_empty() {
            false => Some(self.may_speak_at()),
            true if self.polls() => None,
            true => self.may_wait().then(|| self.may_wait_at()),
        }
    }

    /// The request that creates the session (§7.1).
    fn create(&mut self) {
        let Some(Outbound::Restart { to, lang }) = self.outbox.pop_front() else { return };
        let mut body = Wrapper::new();
        body.number("rid", self.rid).text("to", &to).lang(&lang).attr("ver", "1.6");
        body.number("wait", seconds(self.config.wait)).number("hold", self.config.hold.into());
        body.attr("ack", "1").attr("content", super::CONTENT_TYPE).xmpp(VERSION);
        if let Some(route) = &self.config.route {
            body.text("route", route);
        }
        if let Some(keys) = &mut self.keys {
            body.attr("newkey", &keys.first());
        }
        self.terms.domain = to;
        self.state = State::Creating;
        self.post(body, &[], false);
    }

    /// Begins any later request.
    fn begin(&mut self) -> Wrapper {
        let mut body = Wrapper::new();
        body.number("rid", self.rid).attr("sid", &self.terms.sid);
        // §9.2: nothing is said when everything was answered.
        if let Some(first) = self.flights.front() {
            body.number("ack", first.rid.saturating_sub(1));
        }
        if let Some(keys) = &mut self.keys {
            let (key, new) = keys.next(&mut self.rng);
            body.attr("key", &key);
            if let Some(new) = new {
                body.attr("newkey", &new);
            }
        }
        body
    }

    /// Sends the payloads up to the next restart or the end, or that.
    fn speak(&mut self) {
        let mut body = self.begin();
        let (mut payloads, mut bytes) = (Vec::new(), 0_usize);
        while let Some(Outbound::Payload(text)) = self.outbox.front() {
            let more = bytes.saturating_add(text.len());
            if !payloads.is_empty() && more > self.config.payloads_max {
                return self.post(body, &payloads, false);
            }
            bytes = more;
            if let Some(Outbound::Payload(text)) = self.outbox.pop_front() {
                payloads.push(text);
            }
        }
        match self.outbox.front() {
            Some(Outbound::Close) => {
                self.outbox.clear();
                body.attr("type", "terminate");
                self.state = State::Ending;
                return self.post(body, &payloads, true);
            }
            Some(Outbound::Restart { to, lang }) if payloads.is_empty() => {
                body.text("to", to).lang(lang).xmpp(RESTART);
                self.outbox.pop_front();
            }
            _ => {}
        }
        self.post(body, &payloads, false);
    }

    fn post(&mut self, body: Wrapper, payloads: &[String], ends: bool) {
        let body = body.finish(payloads);
        let (rid, id) = (self.rid, self.next_id());
        self.rid = self.rid.saturating_add(1);
        self.posted_at = self.now;
        self.queue.push_back(Output::Transmit(Request { id, body: body.clone() }));
        let at = self.lost_at();
        let (id, tries, answer) = (Some(id), 0, None);
        self.flights.push_back(Flight { rid, body, id, at, tries, answer, ends });
    }

    fn next_id(&mut self) -> u64 {
        self.exchanges = self.exchanges.saturating_add(1);
        self.exchanges
    }

    fn lost_at(&self) -> Instant {
        let slack = self.config.slack.max(Duration::from_millis(1));
        self.now.saturating_add(self.terms.wait.saturating_add(slack))
    }

    /// Sends an exact copy (§14.3).
    fn again(&mut self, at: usize) {
        let (id, lost_at) = (self.next_id(), self.lost_at());
        let Some(flight) = self.flights.get_mut(at) else { return };
        (flight.id, flight.at) = (Some(id), lost_at);
        self.queue.push_back(Output::Transmit(Request { id, body: flight.body.clone() }));
    }

    /// No response came to this request.
    fn lost(&mut self, at: usize) {
        let (now, config) = (self.now, Arc::clone(&self.config));
        let Some(flight) = self.flights.get_mut(at) else { return };
        if flight.tries >= config.retries_max {
            return self.over(None);
        }
        let delay = config.retry_delay.saturating_mul(1_u32.wrapping_shl(flight.tries.min(16)));
        flight.tries = flight.tries.saturating_add(1);
        flight.id = None;
        flight.at = now.saturating_add(delay.max(Duration::from_millis(1)));
    }

    /// The session is over; the machine sees its connection break.
    fn over(&mut self, condition: Option<Condition>) {
        self.condition = condition;
        self.state = State::Ended;
        self.flights.clear();
        self.outbox.clear();
        self.inbox.push_back(Inbound::Eof);
    }

    fn response(&mut self, id: u64, status: u16, bytes: &[u8]) {
        // Of a request that was sent again meanwhile, or of a session that is over.
        let Some(at) = self.flights.iter().position(|flight| flight.id == Some(id)) else {
            return;
        };
        if status != 200 {
            let condition = match status {
                400 => Some(Condition::BadRequest),
                403 => Some(Condition::PolicyViolation),
                404 => Some(Condition::ItemNotFound),
                _ => None,
            };
            // §17.1: only of the old kind, and before it is known of which kind, is this the
            // word of the connection manager; else of somebody between.
            let said = condition.filter(|_| self.terms.legacy || self.state == State::Creating);
            return match said {
                Some(condition) => self.over(Some(condition)),
                None => self.lost(at),
            };
        }
        // What is no body is of somebody between, too.
        let Ok(body) = Body::parse(bytes, self.config.limits) else { return self.lost(at) };
        if body.kind() == BodyKind::Error {
            return self.recover(at);
        }
        let report = body.number("report");
        if let Some(flight) = self.flights.get_mut(at) {
            (flight.id, flight.answer) = (None, Some(body));
        }
        self.take_answers();
        // §9.2: the response to that one was sent a while ago and is missing here.
        let missing = self.flights.iter().position(|flight| {
            flight.answer.is_none() && flight.id.is_some() && Some(flight.rid) == report
        });
        if let Some(at) = missing {
            self.again(at);
        }
    }

    /// §17.3: this request and all before it that have no response go again.
    fn recover(&mut self, at: usize) {
        for index in 0..=at {
            let open = self.flights.get(index).is_some_and(|flight| flight.answer.is_none());
            if open {
                self.lost(index);
            }
        }
    }

    /// Responses count in the order of their requests (§14.2).
    fn take_answers(&mut self) {
        while self.flights.front().is_some_and(|flight| flight.answer.is_some()) {
            let Some(flight) = self.flights.pop_front() else { return };
            let Some(body) = flight.answer else { return };
            self.answered_at = self.now;
            if self.state == State::Creating && !self.created(&body) {
                return;
            }
            self.inbox.extend(body.texts().map(Inbound::Text));
            match body.kind() {
                BodyKind::Terminate(condition) => {
                    self.state = State::Ended;
                    self.flights.clear();
                    self.outbox.clear();
                    self.condition = condition;
                    self.inbox.push_back(match condition {
                        // The error of the stream came as a payload.
                        None | Some(Condition::RemoteStreamError) => {
                            Inbound::Text(STREAM_CLOSE.to_string())
                        }
                        Some(_) => Inbound::Eof,
                    });
                    return;
                }
                _ if flight.ends => {
                    self.state = State::Ended;
                    self.flights.clear();
                    self.inbox.push_back(Inbound::Text(STREAM_CLOSE.to_string()));
                    return;
                }
                _ => {}
            }
        }
    }

    /// The response to the request that created the session (§7.2).
    fn created(&mut self, body: &Body) -> bool {
        if let BodyKind::Terminate(condition) = body.kind() {
            self.over(condition.or(Some(Condition::UndefinedCondition)));
            return false;
        }
        let Some(sid) = body.sid().filter(|sid| !sid.is_empty()) else {
            self.over(None);
            return false;
        };
        let duration = |name| body.number(name).map(Duration::from_secs);
        let number = |name| body.number(name).and_then(|n| usize::try_from(n).ok());
        let own = &self.config;
        let wait = duration("wait").unwrap_or(own.wait).min(own.wait);
        let hold = number("hold").map_or_else(|| own.hold.into(), |hold| hold.min(own.hold.into()));
        // §11: without a word as many as one likes: enough is one more than wait.
        let requests = number("requests").unwrap_or_else(|| hold.saturating_add(1)).clamp(1, 16);
        let from = body.attr("from").filter(|from| !from.is_empty());
        let domain = from.map_or_else(|| self.terms.domain.clone(), |from| from.into_owned());
        let id = body.attr("authid").unwrap_or_else(|| sid.clone());
        let lang = body.element().lang().unwrap_or_default();
        self.inbox.push_back(Inbound::Text(server_header(&domain, &id, &lang)));
        self.terms = Terms {
            sid: sid.into_owned(),
            wait,
            hold,
            requests,
            polling: duration("polling"),
            pause_max: duration("maxpause"),
            legacy: body.attr("ver").is_none(),
            domain,
        };
        self.poll_at = self.now.saturating_add(self.terms.polling.unwrap_or_default());
        self.state = State::Open;
        true
    }

    fn is_pollable(&self) -> bool {
        self.state == State::Open
            && self.paused_until.is_none()
            && self.flights.is_empty()
            && self.queue.is_empty()
            && self.polls()
    }
}

/// What the server would have said at the beginning of a stream.
fn server_header(from: &str, id: &str, lang: &str) -> String {
    let open = StreamOpen::new().with_from(from).with_id(id).with_lang(lang);
    open.write(Ns::CLIENT).unwrap_or_default()
}

impl<M: StreamMachine> Machine for BoshClient<M> {
    type Input<'a> = ClientInput<'a>;
    type Transmit = Request;
    type Event = M::Event;

    fn handle_input(&mut self, now: Instant, input: ClientInput<'_>) {
        self.now = now;
        if self.closed {
            return;
        }
        match input {
            ClientInput::Response { id, status, body } => self.response(id, status, body),
            ClientInput::Failed { id } => {
                if let Some(at) = self.flights.iter().position(|f| f.id == Some(id)) {
                    self.lost(at);
                }
            }
        }
        self.pump();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.closed {
            return;
        }
        self.machine.handle_timeout(now);
        for at in 0..self.flights.len() {
            let due = self.flights.get(at).filter(|f| f.answer.is_none() && f.at <= now);
            match due.map(|flight| flight.id) {
                Some(Some(_)) => self.lost(at),
                Some(None) => self.again(at),
                None => {}
            }
        }
        self.paused_until = self.paused_until.filter(|until| *until > now);
        self.pump();
    }

    fn poll_output(&mut self) -> Option<Output<Request, M::Event>> {
        if self.queue.is_empty() {
            self.pump();
        }
        self.queue.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let waiting = self.flights.iter().filter(|f| f.answer.is_none()).map(|f| f.at);
        let poll = self.is_pollable().then(|| self.poll_at.max(self.may_wait_at()));
        self.machine
            .poll_timeout()
            .into_iter()
            .chain(waiting)
            .chain(self.paused_until)
            .chain(poll)
            .chain(self.next_flush())
            .min()
    }
}
