//! The response contexts: copies of a request on their way, and the one answer that goes back
//! (RFC 3261 §16.6 to §16.10, RFC 5393).

use crate::endpoint::{CommandError, Endpoint, Target, TransactionId};
use crate::headers::{MaxBreadth, Transport, Via};
use crate::message::{
    BuildError, HeaderName, Method, Request, RequestBuf, ResponseBuf, StatusCode,
};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use proto_wire::{Instant, TimerQueue, head};

/// Where one copy of a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// To where.
    pub target: Target,
    /// The request URI of the copy; `None` leaves it.
    pub uri: Option<String>,
    /// Values of Route that stand before those there are, the first hop first.
    pub route: Vec<String>,
    /// Values of Record-Route, the uppermost first.
    pub(crate) record: Vec<String>,
}

impl Hop {
    /// A copy that is like the request.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self { target, uri: None, route: Vec::new(), record: Vec::new() }
    }

    /// Sets [`Hop::uri`].
    #[must_use]
    pub fn with_uri(mut self, uri: impl Into<String>) -> Self {
        self.uri = Some(uri.into());
        self
    }

    /// Sets [`Hop::route`].
    #[must_use]
    pub fn with_route<T: Into<String>>(mut self, route: impl IntoIterator<Item = T>) -> Self {
        self.route = route.into_iter().map(Into::into).collect();
        self
    }
}

/// The answer that went back, or that there is none (RFC 4320 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) id: TransactionId,
    pub(crate) method: String,
    pub(crate) status: Option<StatusCode>,
}

/// All requests that are being forwarded.
#[derive(Debug)]
pub(crate) struct Relay {
    /// By server transaction.
    contexts: BTreeMap<TransactionId, Context>,
    /// The context of each client transaction.
    branches: BTreeMap<TransactionId, TransactionId>,
    /// The context of each branch parameter that is out, to know a request that comes back.
    marks: BTreeMap<Vec<u8>, TransactionId>,
    /// Timer C of the branches of INVITEs, or that a CANCEL had no effect.
    timers: TimerQueue<TransactionId>,
}

#[derive(Debug)]
struct Context {
    invite: bool,
    method: String,
    /// What routing looked at (RFC 3261 §16.6 item 8): the same again is a loop.
    route_key: String,
    branches: Vec<Branch>,
    /// The best final response so far, with our Via popped.
    best: Option<ResponseBuf>,
    /// The challenges of all 401 and 407.
    challenges: Vec<(HeaderName, Vec<u8>)>,
    /// A final response went back.
    answered: bool,
    cancelled: bool,
    /// The server transaction has ended.
    left: bool,
}

#[derive(Debug)]
struct Branch {
    id: TransactionId,
    mark: Vec<u8>,
    /// A final response came, or none will.
    done: bool,
    /// A CANCEL goes out as soon as a provisional response allows it.
    cancel: bool,
    /// One went out.
    cancelled: bool,
    gone: bool,
    /// What went over a stream for its length alone, and where it would have gone as a datagram.
    long: Option<(RequestBuf, Target)>,
}

/// RFC 3261 §16.6 item 11: more than three minutes.
pub(crate) const TIMER_C: Duration = Duration::from_secs(181);
/// RFC 5393 §5.3.3.
const BREADTH: u32 = 60;

impl Relay {
    pub(crate) const fn new() -> Self {
        Self {
            contexts: BTreeMap::new(),
            branches: BTreeMap::new(),
            marks: BTreeMap::new(),
            timers: TimerQueue::new(),
        }
    }

    /// Whether this request went through here before, and nothing that routing looks at has
    /// changed since (RFC 3261 §16.3 item 4).
    pub(crate) fn is_loop(&self, request: Request<'_>) -> bool {
        let mut seen = request
            .headers()
            .values::<Via<'_>>()
            .flatten()
            .filter_map(|via| self.marks.get(via.branch()?))
            .filter_map(|id| self.contexts.get(id))
            .peekable();
        if seen.peek().is_none() {
            return false;
        }
        let key = route_key(request);
        seen.any(|context| context.route_key == key)
    }

    /// Sends a copy to each hop. With an error nothing went out, and the request is still owed an
    /// answer: that status.
    pub(crate) fn start(
        &mut self,
        below: &mut Endpoint,
        now: Instant,
        id: TransactionId,
        request: &RequestBuf,
        hops: &[Hop],
    ) -> Result<(), StatusCode> {
        let view = request.view();
        let invite = view.method() == Method::Invite;
        let breadth = view.headers().typed::<MaxBreadth>().ok().flatten().map(|b| b.0);
        let shares = shares(breadth, hops.len()).ok_or(StatusCode::MAX_BREADTH_EXCEEDED)?;
        let mut failure = StatusCode::SERVER_INTERNAL_ERROR;
        let mut branches = Vec::new();
        for (hop, share) in hops.iter().zip(shares) {
            match forward(below, now, request, hop, share) {
                Ok(branch) => branches.push(branch),
                Err(CommandError::TooLong(_)) => failure = StatusCode::MESSAGE_TOO_LARGE,
                Err(CommandError::Limit(_)) => failure = StatusCode::SERVICE_UNAVAILABLE,
                Err(_) => {}
            }
        }
        if branches.is_empty() {
            return Err(failure);
        }
        for branch in &branches {
            self.branches.insert(branch.id, id);
            self.marks.insert(branch.mark.clone(), id);
            if invite {
                self.timers.set(branch.id, now.saturating_add(TIMER_C));
            }
        }
        let context = Context {
            invite,
            method: String::from(view.method().as_str()),
            // As it came, with the routes that led here: so it will come again.
            route_key: below.request_of(id).map(|r| route_key(r.view())).unwrap_or_default(),
            branches,
            best: None,
            challenges: Vec::new(),
            answered: false,
            cancelled: false,
            left: false,
        };
        self.contexts.insert(id, context);
        Ok(())
    }

    /// A response to a copy: whether it was one, and what came of it.
    pub(crate) fn response(
        &mut self,
        below: &mut Endpoint,
        now: Instant,
        branch: TransactionId,
        response: &ResponseBuf,
    ) -> Option<Done> {
        let id = *self.branches.get(&branch)?;
        let status = response.view().status();
        let popped = popped(response);
        let context = self.contexts.get_mut(&id)?;
        let own = context.branches.iter_mut().find(|b| b.id == branch)?;
        if status.is_provisional() {
            let cancel = core::mem::take(&mut own.cancel);
            // §16.7 item 2, item 5; RFC 4320 §4.2: there is none to anything but an INVITE.
            let passed = popped.filter(|_| context.invite && status != StatusCode::TRYING);
            if let (Some(passed), false) = (passed, context.answered) {
                // §9.1: behind a CANCEL its own time runs, however often it rings.
                if !own.cancelled {
                    self.timers.set(branch, now.saturating_add(TIMER_C));
                }
                // A server transaction that is gone wants no more.
                let _gone = below.respond(now, id, &passed);
            }
            if cancel {
                self.cancel_branch(below, now, branch);
            }
            return None;
        }
        self.timers.stop(&branch);
        if status.is_success() {
            own.done = true;
            // §16.7 item 5: each 2xx of an INVITE at once, also behind the first.
            let first = !core::mem::replace(&mut context.answered, true);
            let passed = popped.filter(|_| first || context.invite);
            let done = first.then(|| context.done(id, Some(status)));
            let sent = passed.is_some_and(|passed| below.respond(now, id, &passed).is_ok());
            if first && !sent {
                self.answer(below, now, id, StatusCode::BAD_GATEWAY);
            }
            self.cancel_others(below, now, id);
            return done;
        }
        if core::mem::replace(&mut own.done, true) {
            return None;
        }
        match popped {
            Some(popped) => context.keep(popped),
            None => return self.settle(below, now, id),
        }
        if status.class() == 6 {
            self.cancel_others(below, now, id);
        }
        self.settle(below, now, id)
    }

    /// A copy that gets no response: in time, or not at all.
    pub(crate) fn failed(
        &mut self,
        below: &mut Endpoint,
        now: Instant,
        branch: TransactionId,
        timed_out: bool,
    ) -> Option<Done> {
        let id = *self.branches.get(&branch)?;
        self.timers.stop(&branch);
        let context = self.contexts.get_mut(&id)?;
        let own = context.branches.iter_mut().find(|b| b.id == branch)?;
        if own.done {
            return None;
        }
        if let (false, Some((copy, target))) = (timed_out, own.long.take()) {
            // §18.1.1: no stream, so the datagram is tried after all.
            if let Ok(again) = below.request_oversize(now, copy.view(), target) {
                let mark = mark_of(below, again);
                self.marks.insert(mark.clone(), id);
                let old = core::mem::replace(&mut own.id, again);
                self.marks.remove(&core::mem::replace(&mut own.mark, mark));
                self.branches.remove(&old);
                self.branches.insert(again, id);
                if context.invite {
                    self.timers.set(again, now.saturating_add(TIMER_C));
                }
                return None;
            }
        }
        own.done = true;
        // §16.9: as if it were a 503. §16.8: as if it were a 408, but not so for others than
        // INVITE (RFC 4320 §4.2).
        let status = match timed_out {
            false => Some(StatusCode::SERVICE_UNAVAILABLE),
            true => context.invite.then_some(StatusCode::REQUEST_TIMEOUT),
        };
        let made = status.and_then(|status| below.reply(id, status).ok()?.build().ok());
        if let Some(made) = made {
            context.keep(made);
        }
        self.settle(below, now, id)
    }

    /// The INVITE of this server transaction is cancelled (§16.10): whether it is one of ours.
    pub(crate) fn cancelled(
        &mut self,
        below: &mut Endpoint,
        now: Instant,
        id: TransactionId,
    ) -> bool {
        let Some(context) = self.contexts.get_mut(&id) else { return false };
        context.cancelled = true;
        self.cancel_others(below, now, id);
        true
    }

    /// A transaction of either side has ended.
    pub(crate) fn terminated(&mut self, id: TransactionId) {
        let server = match self.branches.remove(&id) {
            Some(server) => {
                self.timers.stop(&id);
                if let Some(context) = self.contexts.get_mut(&server) {
                    for branch in context.branches.iter_mut().filter(|b| b.id == id) {
                        branch.gone = true;
                    }
                }
                server
            }
            None => {
                if let Some(context) = self.contexts.get_mut(&id) {
                    context.left = true;
                }
                id
            }
        };
        let over = |c: &Context| c.left && c.branches.iter().all(|b| b.gone);
        if self.contexts.get(&server).is_some_and(over) {
            if let Some(context) = self.contexts.remove(&server) {
                for branch in context.branches {
                    self.marks.remove(&branch.mark);
                }
            }
        }
    }

    /// When [`Relay::expire`] must be called at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next().map(|(at, _)| at)
    }

    /// Timer C (§16.8): a branch that rings for ever is cancelled, and one that even that does not
    /// end is given up.
    pub(crate) fn expire(&mut self, below: &mut Endpoint, now: Instant) -> Option<Option<Done>> {
        let branch = self.timers.expire(now)?;
        if self.cancel_branch(below, now, branch) {
            return Some(None);
        }
        let done = self.failed(below, now, branch, true);
        // An INVITE that proceeds has no timer of its own.
        let _over = below.abandon(now, branch).is_err();
        Some(done)
    }

    /// Whether nothing is remembered at all.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.contexts.is_empty()
            && self.branches.is_empty()
            && self.marks.is_empty()
            && self.timers.is_empty()
    }

    /// How many requests are on their way.
    pub(crate) fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Whether a CANCEL went out, the first one of this branch.
    fn cancel_branch(&mut self, below: &mut Endpoint, now: Instant, branch: TransactionId) -> bool {
        let context = self.branches.get(&branch).and_then(|id| self.contexts.get_mut(id));
        let own = context.and_then(|c| c.branches.iter_mut().find(|b| b.id == branch));
        let Some(own) = own.filter(|own| !own.cancelled) else { return false };
        if below.cancel(now, branch).is_err() {
            return false;
        }
        (own.cancel, own.cancelled) = (false, true);
        // §9.1: after this time it is taken as cancelled.
        let wait = below.config().timers.t1.saturating_mul(64);
        self.timers.set(branch, now.saturating_add(wait));
        true
    }

    fn cancel_others(&mut self, below: &mut Endpoint, now: Instant, id: TransactionId) {
        let Some(context) = self.contexts.get_mut(&id).filter(|c| c.invite) else { return };
        let mut open = Vec::new();
        for branch in context.branches.iter_mut().filter(|b| !b.done && !b.cancelled) {
            branch.cancel = true;
            open.push(branch.id);
        }
        for branch in open {
            // Before a provisional response it may not be: it waits for one.
            let _waits = !self.cancel_branch(below, now, branch);
        }
    }

    /// §16.7 item 6: when no branch is open any more, the best response goes back.
    fn settle(&mut self, below: &mut Endpoint, now: Instant, id: TransactionId) -> Option<Done> {
        let context = self.contexts.get_mut(&id)?;
        if context.answered || context.branches.iter().any(|b| !b.done) {
            return None;
        }
        context.answered = true;
        let Some(best) = context.best.take() else {
            let status = match (context.invite, context.cancelled) {
                (false, _) => return Some(context.done(id, None)),
                (true, true) => StatusCode::REQUEST_TERMINATED,
                (true, false) => StatusCode::BAD_GATEWAY,
            };
            let done = context.done(id, Some(status));
            self.answer(below, now, id, status);
            return Some(done);
        };
        let best = match best.view().status().as_u16() {
            // Item 7: all that is asked for, at once.
            401 | 407 => with_challenges(best, &context.challenges),
            _ => best,
        };
        let mut status = best.view().status();
        let instead = if status == StatusCode::SERVICE_UNAVAILABLE {
            // Item 6: a 503 would be about us.
            Some(StatusCode::SERVER_INTERNAL_ERROR)
        } else {
            below.respond(now, id, &best).is_err().then_some(StatusCode::BAD_GATEWAY)
        };
        if let Some(other) = instead {
            status = other;
            self.answer(below, now, id, other);
        }
        let context = self.contexts.get(&id)?;
        Some(context.done(id, Some(status)))
    }

    fn answer(&self, below: &mut Endpoint, now: Instant, id: TransactionId, status: StatusCode) {
        if let Some(reply) = below.reply(id, status).ok().and_then(|r| r.build().ok()) {
            // One that has ended needs none.
            let _ended = below.respond(now, id, &reply).is_err();
        }
    }
}

impl Context {
    fn done(&self, id: TransactionId, status: Option<StatusCode>) -> Done {
        Done { id, method: self.method.clone(), status }
    }

    fn keep(&mut self, response: ResponseBuf) {
        for name in [HeaderName::WWW_AUTHENTICATE, HeaderName::PROXY_AUTHENTICATE] {
            for row in response.headers().rows(name) {
                self.challenges.push((name, head::unfold(row.bytes()).into_owned()));
            }
        }
        if self.best.as_ref().is_none_or(|best| rank(&response) < rank(best)) {
            self.best = Some(response);
        }
    }
}

/// The ACK of a 2xx, which has no transaction (§16.11, §13.2.2.4).
pub(crate) fn forward_ack(
    below: &mut Endpoint,
    now: Instant,
    request: &RequestBuf,
    hop: &Hop,
) -> Result<(), CommandError> {
    let copy = copy(request, hop, None)?;
    let sent = below.send_ack(now, copy.view(), hop.target);
    match (sent, streamed(hop.target)) {
        (Err(CommandError::TooLong(_)), Some(stream)) => below.send_ack(now, copy.view(), stream),
        (sent, _) => sent,
    }
}

fn forward(
    below: &mut Endpoint,
    now: Instant,
    request: &RequestBuf,
    hop: &Hop,
    breadth: Option<u32>,
) -> Result<Branch, CommandError> {
    let copy = copy(request, hop, breadth)?;
    let sent = below.request(now, copy.view(), hop.target);
    // §18.1.1: what is too long for a datagram goes over a stream.
    let (id, long) = match (sent, streamed(hop.target)) {
        (Err(CommandError::TooLong(_)), Some(stream)) => {
            match below.request(now, copy.view(), stream) {
                Ok(id) => (id, Some((copy, hop.target))),
                Err(CommandError::NoListener(_)) => {
                    (below.request_oversize(now, copy.view(), hop.target)?, None)
                }
                Err(error) => return Err(error),
            }
        }
        (sent, _) => (sent?, None),
    };
    let mark = mark_of(below, id);
    Ok(Branch { id, mark, done: false, cancel: false, cancelled: false, gone: false, long })
}

fn mark_of(below: &Endpoint, id: TransactionId) -> Vec<u8> {
    let via = below.request_of(id).and_then(|r| r.headers().typed::<Via<'_>>().ok().flatten());
    via.and_then(|v| v.branch().map(<[u8]>::to_vec)).unwrap_or_default()
}

const fn streamed(target: Target) -> Option<Target> {
    match target {
        Target::Address(Transport::Udp, remote) => Some(Target::Address(Transport::Tcp, remote)),
        _ => None,
    }
}

/// §16.6 items 1 to 6: all other bytes as they came.
fn copy(request: &RequestBuf, hop: &Hop, breadth: Option<u32>) -> Result<RequestBuf, CommandError> {
    let (route, record) = (hop.route.join(", "), hop.record.join(", "));
    let breadth = breadth.map(|b| alloc::format!("{b}"));
    let mut edits = request.view().edit();
    if let Some(uri) = &hop.uri {
        edits.set_uri(uri)?;
    }
    edits.decrement_max_forwards()?;
    if !record.is_empty() {
        edits.push(HeaderName::RECORD_ROUTE, &record)?;
    }
    if !route.is_empty() {
        edits.push(HeaderName::ROUTE, &route)?;
    }
    if let Some(breadth) = &breadth {
        edits.push(HeaderName::MAX_BREADTH, breadth)?.remove(HeaderName::MAX_BREADTH)?;
    }
    Ok(RequestBuf::parse(edits.to_bytes()?).map_err(BuildError::Message)?)
}

/// §16.7 item 3. `None` when there was no other Via: then it is nobody's.
fn popped(response: &ResponseBuf) -> Option<ResponseBuf> {
    let mut edits = response.view().edit();
    let bytes = edits.pop_via().ok()?.to_bytes().ok()?;
    let popped = ResponseBuf::parse(bytes).ok()?;
    popped.headers().first(HeaderName::VIA).is_some().then_some(popped)
}

/// RFC 5393 §5.3.3: what each copy may be multiplied by; `None` when there is not one for each.
/// A request that never says anything of it keeps saying nothing while it is not multiplied.
fn shares(breadth: Option<u32>, hops: usize) -> Option<Vec<Option<u32>>> {
    let count = u32::try_from(hops).unwrap_or(u32::MAX);
    if count <= 1 && breadth.is_none() {
        return Some(alloc::vec![None; hops]);
    }
    let breadth = breadth.unwrap_or(BREADTH);
    if breadth < count || breadth == 0 {
        return None;
    }
    let each = breadth.checked_div(count).unwrap_or(breadth);
    let more = breadth.checked_rem(count).unwrap_or(0);
    Some((0..count).map(|n| Some(each.saturating_add(u32::from(n < more)))).collect())
}

/// §16.7 item 6: 6xx, then the lowest class; within 4xx those that help the client.
fn rank(response: &ResponseBuf) -> (u8, u16) {
    let status = response.view().status();
    let class = match status.class() {
        6 => 1,
        3 => 2,
        4 => 3,
        _ => 4,
    };
    let helps = [401, 407, 415, 420, 484].contains(&status.as_u16());
    (class, if helps { 0 } else { status.as_u16() })
}

fn with_challenges(best: ResponseBuf, challenges: &[(HeaderName, Vec<u8>)]) -> ResponseBuf {
    let own: Vec<(HeaderName, Vec<u8>)> =
        [HeaderName::WWW_AUTHENTICATE, HeaderName::PROXY_AUTHENTICATE]
            .into_iter()
            .flat_map(|name| {
                best.headers().rows(name).map(move |r| (name, head::unfold(r.bytes()).into_owned()))
            })
            .collect();
    let more: Vec<(HeaderName, &str)> = challenges
        .iter()
        .filter(|challenge| !own.contains(challenge))
        .filter_map(|(name, value)| Some((*name, core::str::from_utf8(value).ok()?)))
        .collect();
    let mut best = best;
    // A few at a time, which is what one pass of edits takes.
    for some in more.chunks(4) {
        let mut edits = best.view().edit();
        for (name, value) in some {
            // One that cannot stand in a row is left out alone.
            let _left_out = edits.push(*name, value).is_err();
        }
        let edited = edits.to_bytes().ok().and_then(|bytes| ResponseBuf::parse(bytes).ok());
        if let Some(edited) = edited {
            best = edited;
        }
    }
    best
}

/// What decides where a request goes (§16.6 item 8), with what names it.
fn route_key(request: Request<'_>) -> String {
    let mut key = String::from_utf8_lossy(request.uri_bytes()).into_owned();
    for name in [
        HeaderName::ROUTE,
        HeaderName::FROM,
        HeaderName::TO,
        HeaderName::CALL_ID,
        HeaderName::CSEQ,
        HeaderName::PROXY_REQUIRE,
        HeaderName::PROXY_AUTHORIZATION,
    ] {
        for row in request.headers().rows(name) {
            key.push('\n');
            key.push_str(&String::from_utf8_lossy(row.bytes()));
        }
    }
    key
}
