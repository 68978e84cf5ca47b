//! A stateful proxy (RFC 3261 §16): forwards requests of any method to where it is told, stays in the
//! dialogs with Record-Route when asked to, and sends the best answer back.
//!
//! It asks for each request outside of dialogs where that goes ([`Event::RouteWanted`]): the location of
//! users, DNS and policy are the host's. Requests whose route says it go on by themselves.
//! [`HomeServer`](crate::home::HomeServer) forwards by the same rules to the users that it registered.

mod relay;
mod route;

pub use relay::Hop;
pub use route::numeric_target;

pub(crate) use relay::{Done, Relay, forward_ack};
#[cfg(feature = "digest")]
pub(crate) use route::Arrived;
pub(crate) use route::{arrive, leave};

use crate::endpoint::{
    self, CommandError, Endpoint, FlowId, Path, SipEvent, SipInput, SipTransmit, TransactionId,
};
use crate::headers::{MaxForwards, ProxyRequire, Route, Transport};
use crate::message::{HeaderName, Method, RequestBuf, ResponseBuf, ResponseBuilder, StatusCode};
use crate::uri::{SipUri, Uri};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::text::host::HostPort;
use proto_wire::{Instant, Output, Seed};

/// What a proxy is told when it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Listeners, timers and limits.
    pub endpoint: endpoint::Config,
    /// Names of the proxy itself, beside the addresses that it listens at.
    pub names: Vec<String>,
    /// Whether the requests of dialogs that begin here come through here too (yes).
    pub record_route: bool,
    /// Requests that wait to be told where they go (10,000); one more is answered with 503. Stops a host
    /// that does not answer from collecting ACKs, which no transaction counts.
    pub waiting_max: usize,
}

impl Config {
    /// The defaults: one that stays in the dialogs.
    #[must_use]
    pub const fn new(endpoint: endpoint::Config) -> Self {
        Self { endpoint, names: Vec::new(), record_route: true, waiting_max: 10_000 }
    }

    /// Adds a name of the proxy.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Sets [`Config::record_route`].
    #[must_use]
    pub const fn with_record_route(mut self, stays: bool) -> Self {
        self.record_route = stays;
        self
    }

    /// Sets [`Config::waiting_max`].
    #[must_use]
    pub const fn with_waiting_max(mut self, count: usize) -> Self {
        self.waiting_max = count;
        self
    }
}

/// A request that waits to be told where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(u64);

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Where does this request go? [`Proxy::forward`] or [`Proxy::refuse`]. An ACK that is refused is
    /// dropped.
    RouteWanted {
        /// To answer with.
        id: RouteId,
        /// The request, without the routes that led here.
        request: RequestBuf,
        /// The URI that it is to go to: the first of its route, or its request URI.
        uri: String,
        /// Where it came from.
        path: Path,
    },
    /// The final response to a request that was forwarded went back.
    Answered {
        /// The request.
        method: String,
        /// The status; `None` when there was none to send (RFC 4320 §4.2).
        status: Option<StatusCode>,
    },
    /// What the endpoint told that is the host's business: streams to open and to close,
    /// keep-alives, refused messages.
    Endpoint(SipEvent),
}

#[derive(Debug)]
struct Waiting {
    /// The server transaction; an ACK has none.
    id: Option<TransactionId>,
    request: RequestBuf,
    path: Path,
}

/// A stateful proxy over an [`Endpoint`] of its own.
///
/// | kind | methods |
/// |---|---|
/// | A: getters | [`endpoint`](Self::endpoint), [`forwarding`](Self::forwarding) |
/// | B: input | [`handle_input`](Self::handle_input), [`handle_timeout`](Self::handle_timeout) |
/// | C: commands | [`forward`](Self::forward), [`refuse`](Self::refuse), [`refuse_with`](Self::refuse_with), [`close_flow`](Self::close_flow) |
/// | D: output | [`poll_output`](Self::poll_output), [`poll_timeout`](Self::poll_timeout) |
///
/// ```
/// use core::net::SocketAddr;
/// use proto_wire::{Instant, Output, Seed};
/// use sip_proto::endpoint::{self, Listener, SipInput, Target};
/// use sip_proto::proxy::{Config, Event, Hop, Proxy};
/// use sip_proto::Transport;
///
/// let [here, ann, bob] = [1, 2, 3].map(|n| SocketAddr::from(([192, 0, 2, n], 5060)));
/// let below = endpoint::Config::new([Listener::new(Transport::Udp, here)]);
/// let mut proxy = Proxy::new(Instant::ZERO, Config::new(below), Seed::from_u64(1));
/// let data = b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n\
///     From: <sip:ann@h>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
///     Contact: <sip:ann@192.0.2.2>\r\nMax-Forwards: 70\r\n\r\n";
/// let now = Instant::ZERO;
/// proxy.handle_input(now, SipInput::Datagram { local: here, remote: ann, data });
/// let mut sent = Vec::new();
/// while let Some(output) = proxy.poll_output() {
///     match output {
///         Output::Event(Event::RouteWanted { id, uri, .. }) => {
///             assert_eq!(uri, "sip:bob@example.com");
///             let hop = Hop::new(Target::Address(Transport::Udp, bob)).with_uri("sip:bob@192.0.2.3");
///             proxy.forward(now, id, &[hop])?;
///         }
///         Output::Transmit(transmit) => sent.push(transmit.payload), // socket.send_to(..)
///         Output::Event(_) => {}
///     }
/// }
/// assert!(sent[0].starts_with(b"INVITE sip:bob@192.0.2.3 SIP/2.0\r\nRecord-Route: <sip:192.0.2.1:5060;lr>\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    config: Arc<Config>,
    endpoint: Endpoint,
    relay: Relay,
    now: Instant,
    waiting: BTreeMap<RouteId, Waiting>,
    next: u64,
    output: VecDeque<Output<SipTransmit, Event>>,
}

impl Proxy {
    /// A proxy that forwards nothing yet.
    #[must_use]
    pub fn new(now: Instant, config: impl Into<Arc<Config>>, seed: Seed) -> Self {
        let config = config.into();
        let endpoint = Endpoint::new(now, Arc::new(config.endpoint.clone()), seed);
        Self {
            config,
            endpoint,
            relay: Relay::new(),
            now,
            waiting: BTreeMap::new(),
            next: 0,
            output: VecDeque::new(),
        }
    }

    /// The transactions below.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How many requests are on their way.
    #[must_use]
    pub fn forwarding(&self) -> usize {
        self.relay.len()
    }

    /// Takes what the host reports.
    pub fn handle_input(&mut self, now: Instant, input: SipInput<'_>) {
        self.now = self.now.max(now);
        self.endpoint.handle_input(self.now, input);
        self.pump();
    }

    /// Lets time act.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.endpoint.handle_timeout(self.now);
        self.pump();
        while let Some(done) = self.relay.expire(&mut self.endpoint, self.now) {
            self.done(done);
            self.pump();
        }
    }

    /// The next thing to send or to tell.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output<SipTransmit, Event>> {
        self.output.pop_front()
    }

    /// When [`Proxy::handle_timeout`] must be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.relay.poll_timeout().into_iter().chain(self.endpoint.poll_timeout()).min()
    }

    /// Answers [`Event::RouteWanted`]: a copy goes to each of these, all at once, and the best answer
    /// goes back. Of an ACK one copy, to the first. For a request that ended in between (its caller
    /// gave up) this does nothing.
    ///
    /// # Errors
    /// [`CommandError::State`] when there is no hop.
    pub fn forward(&mut self, now: Instant, id: RouteId, hops: &[Hop]) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        if hops.is_empty() {
            return Err(CommandError::State("forward"));
        }
        if let Some(waiting) = self.waiting.remove(&id) {
            self.send(waiting, hops);
            self.pump();
        }
        Ok(())
    }

    /// Answers [`Event::RouteWanted`] with a final response of 300 or more. For a request that ended in
    /// between this does nothing.
    ///
    /// # Errors
    /// [`CommandError::State`] when the status is no refusal.
    pub fn refuse(
        &mut self,
        now: Instant,
        id: RouteId,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        self.refuse_with(now, id, status, |reply| reply)
    }

    /// The same with headers: challenges, contacts.
    ///
    /// # Errors
    /// As [`Proxy::refuse`], and what is wrong with what was added; the request is still waiting then.
    pub fn refuse_with(
        &mut self,
        now: Instant,
        id: RouteId,
        status: StatusCode,
        add: impl FnOnce(ResponseBuilder) -> ResponseBuilder,
    ) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        if status.as_u16() < 300 {
            return Err(CommandError::State("refuse"));
        }
        let Some(waiting) = self.waiting.get(&id) else { return Ok(()) };
        if let Some(transaction) = waiting.id {
            let reply = add(self.endpoint.reply(transaction, status)?).build()?;
            self.endpoint.respond(self.now, transaction, &reply)?;
        }
        self.waiting.remove(&id);
        self.pump();
        Ok(())
    }

    /// Ends a stream.
    ///
    /// # Errors
    /// [`CommandError::NoFlow`] when it is not open.
    pub fn close_flow(&mut self, now: Instant, flow: FlowId) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        self.endpoint.close_flow(self.now, flow)?;
        self.pump();
        Ok(())
    }

    fn pump(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            let event = match output {
                Output::Transmit(transmit) => {
                    self.output.push_back(Output::Transmit(transmit));
                    continue;
                }
                Output::Event(event) => event,
            };
            let done = match event {
                SipEvent::Request { id, request, path } => {
                    self.receive(Some(id), &request, path);
                    None
                }
                SipEvent::Ack { request, path, .. } => {
                    self.receive(None, &request, path);
                    None
                }
                SipEvent::Cancelled { id } => {
                    self.cancelled(id);
                    None
                }
                SipEvent::Response { id, response } => {
                    self.relay.response(&mut self.endpoint, self.now, id, &response)
                }
                SipEvent::TimedOut { id } => {
                    self.relay.failed(&mut self.endpoint, self.now, id, true)
                }
                SipEvent::TransportFailed { id } => {
                    self.relay.failed(&mut self.endpoint, self.now, id, false)
                }
                SipEvent::Terminated { id } => {
                    self.relay.terminated(id);
                    self.waiting.retain(|_, w| w.id != Some(id));
                    None
                }
                other => {
                    self.output.push_back(Output::Event(Event::Endpoint(other)));
                    None
                }
            };
            self.done(done);
        }
    }

    fn done(&mut self, done: Option<Done>) {
        if let Some(Done { method, status, .. }) = done {
            self.output.push_back(Output::Event(Event::Answered { method, status }));
        }
    }

    /// §16.3 and §16.4; `id` is that of the server transaction, which an ACK has not.
    fn receive(&mut self, id: Option<TransactionId>, request: &RequestBuf, path: Path) {
        if let Some(status) = objection(&self.relay, request) {
            return self.answer(id, status, request);
        }
        let is_ours = |uri: &SipUri<'_>| self.is_ours(uri);
        let arrived = arrive(request, is_ours).and_then(|arrived| {
            let routed = arrived.routed;
            leave(arrived.request).map(|(request, hop)| (request, hop, routed))
        });
        let Ok((request, uri, routed)) = arrived else {
            return self.answer(id, StatusCode::BAD_REQUEST, request);
        };
        let waiting = Waiting { id, request, path };
        let next = Uri::parse(uri.as_bytes()).ok();
        let target = next.as_ref().and_then(Uri::as_sip).and_then(numeric_target);
        // In a dialog that we stayed in, the route says all; who else may go where is the host's.
        if let Some(target) = target.filter(|_| routed && to_tag(&waiting.request)) {
            return self.send(waiting, &[Hop::new(target)]);
        }
        if self.waiting.len() >= self.config.waiting_max {
            return self.answer(id, StatusCode::SERVICE_UNAVAILABLE, &waiting.request);
        }
        let route = RouteId(self.next);
        self.next = self.next.wrapping_add(1);
        let request = waiting.request.clone();
        self.waiting.insert(route, waiting);
        let event = Event::RouteWanted { id: route, request, uri, path };
        self.output.push_back(Output::Event(event));
    }

    fn send(&mut self, waiting: Waiting, hops: &[Hop]) {
        let Waiting { id, request, path } = waiting;
        let stays = self.config.record_route && begins_dialog(&request);
        let mut hops = hops.to_vec();
        if stays {
            let came = self.endpoint.transport_of(path);
            for hop in &mut hops {
                let goes = match hop.target {
                    endpoint::Target::Address(transport, _) => Some(transport),
                    endpoint::Target::Flow(flow) => self.endpoint.transport_of(Path::Stream(flow)),
                };
                // The URI of the copy is what counts, or its route.
                let to = hop.uri.as_deref().and_then(|uri| SipUri::parse(uri.as_bytes()).ok());
                let secure = is_secure(&request) || to.is_some_and(|uri| uri.secure);
                hop.record = record_routes(&self.config.endpoint, came, goes, None, secure);
            }
        }
        match (id, hops.first()) {
            (Some(id), _) => {
                let started = self.relay.start(&mut self.endpoint, self.now, id, &request, &hops);
                if let Err(status) = started {
                    self.answer(Some(id), status, &request);
                }
            }
            (None, Some(hop)) => {
                // One that cannot be sent is lost like any other.
                let _lost = forward_ack(&mut self.endpoint, self.now, &request, hop).is_err();
            }
            (None, None) => {}
        }
    }

    /// §16.10.
    fn cancelled(&mut self, id: TransactionId) {
        if !self.relay.cancelled(&mut self.endpoint, self.now, id) {
            self.waiting.retain(|_, w| w.id != Some(id));
            self.reply(id, StatusCode::REQUEST_TERMINATED, None);
        }
    }

    fn answer(&mut self, id: Option<TransactionId>, status: StatusCode, request: &RequestBuf) {
        if let Some(id) = id {
            let unsupported = (status == StatusCode::BAD_EXTENSION).then(|| required(request));
            self.reply(id, status, unsupported);
        }
    }

    fn reply(&mut self, id: TransactionId, status: StatusCode, unsupported: Option<String>) {
        let Ok(reply) = self.endpoint.reply(id, status) else { return };
        let reply = reply.header_if(HeaderName::UNSUPPORTED, unsupported).build();
        let reply: Option<ResponseBuf> = reply.ok();
        if let Some(reply) = reply {
            // One that has ended needs none.
            let _ended = self.endpoint.respond(self.now, id, &reply).is_err();
        }
    }

    fn is_ours(&self, uri: &SipUri<'_>) -> bool {
        let host = uri.host.to_string();
        self.config.names.iter().any(|name| name.eq_ignore_ascii_case(&host))
            || names_us(&self.config.endpoint, uri)
    }
}

/// What a proxy refuses before it looks at routes (§16.3).
pub(crate) fn objection(relay: &Relay, request: &RequestBuf) -> Option<StatusCode> {
    let view = request.view();
    let hops = view.headers().typed::<MaxForwards>().ok().flatten().map_or(70, |m| m.0);
    if hops == 0 {
        return Some(StatusCode::TOO_MANY_HOPS);
    }
    if relay.is_loop(view) {
        return Some(StatusCode::LOOP_DETECTED);
    }
    (!required(request).is_empty()).then_some(StatusCode::BAD_EXTENSION)
}

/// The option-tags of Proxy-Require, for Unsupported.
pub(crate) fn required(request: &RequestBuf) -> String {
    let tags = request.headers().values::<ProxyRequire<'_>>().flatten();
    tags.map(|tag| tag.0).collect::<Vec<_>>().join(", ")
}

/// Whether a URI names an address that we listen at.
#[cfg(feature = "digest")]
pub(crate) fn listens_at(config: &endpoint::Config, uri: &SipUri<'_>) -> bool {
    let Some(ip) = uri.host.ip() else { return false };
    config.listeners.iter().any(|l| {
        let port = uri.port.unwrap_or_else(|| l.transport.default_port());
        (l.address.ip() == ip || l.address.ip().is_unspecified()) && l.address.port() == port
    })
}

/// Whether a URI says the address of a listener, or what it is called in Via and Record-Route. Another
/// machine at the same port is not ours because a socket takes what comes to any address.
pub(crate) fn names_us(config: &endpoint::Config, uri: &SipUri<'_>) -> bool {
    config.listeners.iter().any(|l| {
        let default = l.transport.default_port();
        let port = uri.port.unwrap_or(default);
        let named = HostPort::parse(l.sent_by.as_bytes()).is_ok_and(|own| {
            own.port.unwrap_or(default) == port
                && own.host.to_string().eq_ignore_ascii_case(&uri.host.to_string())
        });
        named || (l.address.port() == port && uri.host.ip() == Some(l.address.ip()))
    })
}

/// Whether a request may begin a dialog: outside of one, with a method that does (RFC 3261 §12.1,
/// RFC 6665 §4.1.2.2, RFC 3515 §2.4.4). To its subscriber a NOTIFY may be the first of a dialog that its
/// sender is in already (RFC 6665 §4.3, §4.4.1).
pub(crate) fn begins_dialog(request: &RequestBuf) -> bool {
    match request.view().method() {
        Method::Invite | Method::Subscribe | Method::Refer => !to_tag(request),
        Method::Notify => true,
        _ => false,
    }
}

/// Whether a request goes to a `sips` URI now (RFC 3261 §16.6 item 4): all its way is secure then.
pub(crate) fn is_secure(request: &RequestBuf) -> bool {
    let first = request.headers().typed::<Route<'_>>().ok().flatten();
    let routed = first.as_ref().and_then(|route| route.uri().ok());
    let secure = |uri: &Uri<'_>| uri.as_sip().is_some_and(|sip| sip.secure);
    routed.as_ref().is_some_and(secure) || request.view().uri().as_ref().is_ok_and(secure)
}

/// Whether a request is in a dialog.
pub(crate) fn to_tag(request: &RequestBuf) -> bool {
    let to: Option<crate::headers::To<'_>> = request.headers().typed().ok().flatten();
    to.is_some_and(|to| to.tag().is_some())
}

/// The values of Record-Route, the uppermost first: two when a request leaves over another transport
/// than it came by, so that each side finds one that it can use (RFC 5658 §3). A secure request gets
/// secure ones, unless no listener is (RFC 3261 §16.6 item 4).
pub(crate) fn record_routes(
    config: &endpoint::Config,
    came: Option<Transport>,
    goes: Option<Transport>,
    user: Option<&str>,
    secure: bool,
) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let is_secure = |t: Transport| matches!(t, Transport::Tls | Transport::Wss);
    let secure = secure && config.listeners.iter().any(|l| is_secure(l.transport));
    let usable = || config.listeners.iter().filter(|l| !secure || is_secure(l.transport));
    for transport in [goes, came] {
        let listener = usable().find(|l| Some(l.transport) == transport);
        let Some(listener) = listener.or_else(|| usable().next()) else { continue };
        let name = match listener.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            // The scheme says it (RFC 5630 §3.1.2).
            Transport::Tls if secure => "",
            Transport::Tls => ";transport=tls",
            Transport::Ws | Transport::Wss => ";transport=ws",
        };
        let scheme = if secure { "sips" } else { "sip" };
        let user = user.map(|user| alloc::format!("{user}@")).unwrap_or_default();
        let value = alloc::format!("<{scheme}:{user}{}{name};lr>", listener.sent_by);
        if !out.contains(&value) {
            out.push(value);
        }
    }
    out
}

crate::endpoint::drive_by_traits!(Proxy, Event);

#[cfg(test)]
mod tests;
