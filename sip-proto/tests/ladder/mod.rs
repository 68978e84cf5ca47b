//! Agents, registrars and proxies on a perfect wire, and the ladder of what goes between them, as
//! the RFCs with call flows draw it. `100 Trying` is left out: whether it comes is a matter of time.
#![allow(dead_code, reason = "each test binary uses a part of this")]

extern crate alloc;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use bytes::Bytes;
use core::net::SocketAddr;
use core::time::Duration;
use proto_wire::digest::{Credential, Secret};
use proto_wire::{Instant, Limits, Output, Seed};
use sip_proto::endpoint::{self, Listener, Path, SipInput, SipTransmit, Target};
use sip_proto::headers::{MaxForwards, NameAddr, Via};
use sip_proto::home::{HomeConfig, HomeEvent, HomeServer};
use sip_proto::proxy::{self, Hop};
use sip_proto::ua::{CallRef, Config, Event, UserAgent, session_timer::Wish};
use sip_proto::{
    HeaderName, MessageBuf, Method, RequestBuf, ResponseBuf, StatusCode, Transport, Uri,
};

pub(crate) fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5060))
}

/// An agent's configuration, without session timers: the flows have none.
pub(crate) fn config(user: &str, n: u8) -> Config {
    let listeners = [Transport::Udp, Transport::Tcp].map(|t| Listener::new(t, address(n)));
    Config::new(&format!("sip:{user}"), endpoint::Config::new(listeners))
        .unwrap()
        .with_session(Wish::NONE)
}

/// A stateless proxy that stays in the dialogs (RFC 3261 §16.11), for the flows that have one.
#[derive(Default)]
pub(crate) struct Proxy {
    own: u8,
    /// The next hop of a domain.
    domains: BTreeMap<String, SocketAddr>,
    /// Where a user is.
    users: BTreeMap<String, String>,
    /// Asks for credentials of this realm.
    realm: Option<String>,
    /// Answers everything with this.
    broken: Option<u16>,
    /// The ACKs of its own answers.
    own_answers: BTreeSet<Vec<u8>>,
}

impl Proxy {
    pub(crate) fn new(n: u8) -> Self {
        Self { own: n, ..Self::default() }
    }

    pub(crate) fn with_domain(mut self, domain: &str, at: u8) -> Self {
        self.domains.insert(domain.into(), address(at));
        self
    }

    pub(crate) fn with_user(mut self, user: &str, contact: &str) -> Self {
        self.users.insert(user.into(), contact.into());
        self
    }

    pub(crate) fn with_realm(mut self, realm: &str) -> Self {
        self.realm = Some(realm.into());
        self
    }

    fn request(&mut self, request: &RequestBuf, from: SocketAddr) -> Option<(SocketAddr, Bytes)> {
        let view = request.view();
        let headers = request.headers();
        let via = headers.typed::<Via<'_>>().unwrap().unwrap();
        let branch = via.branch().unwrap_or(b"").to_vec();
        if view.method() == Method::Ack && self.own_answers.contains(&branch) {
            return None;
        }
        if let Some(realm) = &self.realm {
            let credentials = headers.all(HeaderName::PROXY_AUTHORIZATION);
            let wanted = format!("realm=\"{realm}\"");
            let known = credentials.into_iter().any(|row| row.contains(&wanted));
            let in_dialog =
                view.method() == Method::Ack || headers.first(HeaderName::ROUTE).is_some();
            if !known && !in_dialog {
                self.own_answers.insert(branch);
                let challenge = format!("Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\"");
                let reply = ResponseBuf::reply_to(
                    view,
                    StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                    Some("p"),
                )
                .header(HeaderName::PROXY_AUTHENTICATE, challenge);
                return Some((from, reply.build().unwrap().into_bytes()));
            }
        }
        assert!(headers.typed::<MaxForwards>().unwrap().unwrap().0 > 0);
        let own = address(self.own);
        let text = |name| headers.get(name).map(|row| row.split(',').next().unwrap_or(row));
        let routes: Vec<&str> = headers.all(HeaderName::ROUTE).flat_map(|r| r.split(',')).collect();
        let ours = text(HeaderName::ROUTE).is_some_and(|r| r.contains(&own.to_string()));
        let uri = String::from_utf8_lossy(view.uri_bytes()).into_owned();
        let contact = self.users.get(&uri).cloned();
        let next_route = routes.get(usize::from(ours)).map(|r| r.trim().to_string());
        let new_branch = format!("z9hG4bK-{}-{}", self.own, String::from_utf8_lossy(&branch));
        let pushed = format!("SIP/2.0/UDP {own};branch={new_branch}");
        let record = format!("<sip:{own};lr>");
        let mut edits = view.edit();
        if ours {
            edits.pop_route().unwrap();
        }
        if let Some(contact) = &contact {
            edits.set_uri(contact).unwrap();
        }
        edits.push_via(&pushed).unwrap().decrement_max_forwards().unwrap();
        let to = NameAddr::parse(headers.bytes(HeaderName::TO).unwrap()).unwrap();
        if view.method() == Method::Invite && to.tag().is_none() {
            edits.push(HeaderName::RECORD_ROUTE, &record).unwrap();
        }
        let hop = next_route.or_else(|| contact.clone()).unwrap_or(uri);
        let hop = NameAddr::parse(hop.as_bytes()).unwrap();
        let Ok(Uri::Sip(hop)) = hop.uri() else { panic!("a SIP URI") };
        let to = match hop.host.ip() {
            Some(ip) => SocketAddr::new(ip, hop.port.unwrap_or(5060)),
            None => self.domains[&hop.host.to_string()],
        };
        Some((to, edits.to_bytes().unwrap()))
    }

    fn response(response: &ResponseBuf) -> (SocketAddr, Bytes) {
        let mut edits = response.view().edit();
        let bytes = edits.pop_via().unwrap().to_bytes().unwrap();
        let popped = ResponseBuf::parse(bytes.clone()).unwrap();
        let via = popped.headers().typed::<Via<'_>>().unwrap().unwrap();
        let ip = via.received().or_else(|| via.sent_by.host.ip()).unwrap();
        (SocketAddr::new(ip, via.sent_by.port.unwrap_or(5060)), bytes)
    }
}

/// What a stateful proxy does with a request outside of dialogs.
type Policy = Box<dyn FnMut(&RequestBuf, &str) -> Verdict>;

/// Where to, or with what it is refused.
pub(crate) enum Verdict {
    To(Hop),
    Refuse(u16),
    /// 407 with a challenge for this realm.
    Challenge(&'static str),
}

/// Whether a request has credentials for a realm. Whether they are right is tested elsewhere.
pub(crate) fn has_credentials(request: &RequestBuf, realm: &str) -> bool {
    let wanted = format!("realm=\"{realm}\"");
    let rows = request.headers().all(HeaderName::PROXY_AUTHORIZATION);
    rows.into_iter().any(|row| row.contains(&wanted))
}

enum Node {
    Agent(Box<UserAgent>),
    Relay(Box<proxy::Proxy>, Policy),
    Home(Box<HomeServer>),
    Proxy(Proxy),
    /// A host that is switched off.
    Dead,
}

/// Everybody, the wire between them, and what went over it.
pub(crate) struct Ladder {
    nodes: Vec<(&'static str, Node)>,
    pub(crate) now: Instant,
    wire: VecDeque<(SocketAddr, SocketAddr, Bytes)>,
    steps: Vec<String>,
    pub(crate) messages: Vec<MessageBuf>,
    events: Vec<(&'static str, Event)>,
    pub(crate) password: &'static str,
}

impl Ladder {
    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            now: Instant::ZERO,
            wire: VecDeque::new(),
            steps: Vec::new(),
            messages: Vec::new(),
            events: Vec::new(),
            password: "secret",
        }
    }

    fn number(&self) -> u8 {
        u8::try_from(self.nodes.len() + 1).unwrap()
    }

    /// The n-th host has the address 192.0.2.n.
    pub(crate) fn agent(
        mut self,
        name: &'static str,
        user: &str,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        let n = self.number();
        let config = change(config(user, n));
        let agent = UserAgent::new(self.now, config, Seed::from_u64(n.into()));
        self.nodes.push((name, Node::Agent(Box::new(agent))));
        self
    }

    pub(crate) fn home(mut self, name: &'static str, domain: &str) -> Self {
        let n = self.number();
        let endpoint = endpoint::Config::new([Listener::new(Transport::Udp, address(n))]);
        let config = HomeConfig::new(domain, endpoint).unwrap();
        let home = HomeServer::new(self.now, config.into(), Seed::from_u64(n.into()));
        self.nodes.push((name, Node::Home(Box::new(home))));
        self
    }

    pub(crate) fn proxy(mut self, name: &'static str, make: impl FnOnce(Proxy) -> Proxy) -> Self {
        let proxy = make(Proxy::new(self.number()));
        self.nodes.push((name, Node::Proxy(proxy)));
        self
    }

    /// A stateful proxy of ours.
    pub(crate) fn relay(
        mut self,
        name: &'static str,
        stays: bool,
        policy: impl FnMut(&RequestBuf, &str) -> Verdict + 'static,
    ) -> Self {
        let n = self.number();
        let endpoint = endpoint::Config::new([Listener::new(Transport::Udp, address(n))]);
        let config = proxy::Config::new(endpoint).with_record_route(stays);
        let relay = proxy::Proxy::new(self.now, config, Seed::from_u64(n.into()));
        self.nodes.push((name, Node::Relay(Box::new(relay), Box::new(policy))));
        self
    }

    pub(crate) fn relay_at(&mut self, name: &str) -> &mut proxy::Proxy {
        match self.nodes.iter_mut().find(|(n, _)| *n == name) {
            Some((_, Node::Relay(relay, _))) => relay,
            _ => panic!("{name} is no proxy"),
        }
    }

    /// From now on this host hears nothing and says nothing.
    pub(crate) fn switch_off(&mut self, name: &str) {
        self.settle();
        let node = self.nodes.iter_mut().find(|(n, _)| *n == name);
        node.expect("a host").1 = Node::Dead;
    }

    pub(crate) fn dead(mut self, name: &'static str) -> Self {
        self.nodes.push((name, Node::Dead));
        self
    }

    pub(crate) fn at(&mut self, name: &str) -> &mut UserAgent {
        match self.nodes.iter_mut().find(|(n, _)| *n == name) {
            Some((_, Node::Agent(agent))) => agent,
            _ => panic!("{name} is no agent"),
        }
    }

    pub(crate) fn home_at(&mut self, name: &str) -> &mut HomeServer {
        match self.nodes.iter_mut().find(|(n, _)| *n == name) {
            Some((_, Node::Home(home))) => home,
            _ => panic!("{name} is no registrar"),
        }
    }

    /// What an agent can be reached at.
    pub(crate) fn uri(&self, name: &str) -> String {
        let n = self.nodes.iter().position(|(n, _)| *n == name).unwrap() + 1;
        format!("sip:{name}@192.0.2.{n}:5060")
    }

    fn name_of(&self, at: SocketAddr) -> &'static str {
        let core::net::IpAddr::V4(ip) = at.ip() else { panic!() };
        self.nodes[usize::from(ip.octets()[3]) - 1].0
    }

    /// Carries everything until the wire is empty.
    pub(crate) fn settle(&mut self) -> &mut Self {
        loop {
            for n in 0..self.nodes.len() {
                self.drain(n);
            }
            let Some((from, to, data)) = self.wire.pop_front() else { return self };
            let message = MessageBuf::parse(data.clone(), &Limits::DEFAULT).unwrap();
            let (a, b) = (self.name_of(from), self.name_of(to));
            let what = match &message {
                MessageBuf::Request(r) => r.view().method().as_str().to_string(),
                MessageBuf::Response(r) => r.view().status().to_string(),
            };
            if what != "100" {
                self.steps.push(format!("{a} {b} {what}"));
                self.messages.push(message.clone());
            }
            let core::net::IpAddr::V4(ip) = to.ip() else { panic!() };
            let now = self.now;
            let input = SipInput::Datagram { local: to, remote: from, data: &data };
            match &mut self.nodes[usize::from(ip.octets()[3]) - 1].1 {
                Node::Agent(agent) => agent.handle_input(now, input),
                Node::Home(home) => home.handle_input(now, input),
                Node::Relay(relay, _) => relay.handle_input(now, input),
                Node::Proxy(proxy) => {
                    let out = match &message {
                        MessageBuf::Request(r) => proxy.request(r, from),
                        MessageBuf::Response(r) => Some(Proxy::response(r)),
                    };
                    self.wire.extend(out.map(|(next, bytes)| (to, next, bytes)));
                }
                Node::Dead => {}
            }
        }
    }

    fn drain(&mut self, n: usize) {
        let own = address(u8::try_from(n + 1).unwrap());
        let (password, now) = (self.password, self.now);
        let (name, node) = &mut self.nodes[n];
        let put = |wire: &mut VecDeque<_>, t: SipTransmit| match t.path {
            Path::Datagram { remote, .. } => wire.push_back((own, remote, t.payload)),
            Path::Stream(_) => panic!("no streams here"),
        };
        match node {
            Node::Agent(agent) => {
                while let Some(output) = agent.poll_output() {
                    match output {
                        Output::Transmit(t) => put(&mut self.wire, t),
                        Output::Event(event) => self.events.push((name, event)),
                    }
                }
            }
            Node::Home(home) => {
                while let Some(output) = home.poll_output() {
                    match output {
                        Output::Transmit(t) => put(&mut self.wire, t),
                        Output::Event(HomeEvent::SecretWanted { id, .. }) => {
                            home.supply_secret(now, id, Secret::Password(password));
                        }
                        Output::Event(_) => {}
                    }
                }
            }
            Node::Relay(relay, policy) => {
                while let Some(output) = relay.poll_output() {
                    match output {
                        Output::Transmit(t) => put(&mut self.wire, t),
                        Output::Event(proxy::Event::RouteWanted { id, request, uri, .. }) => {
                            let done = match policy(&request, &uri) {
                                Verdict::To(hop) => relay.forward(now, id, &[hop]),
                                Verdict::Refuse(status) => {
                                    relay.refuse(now, id, StatusCode::new(status).unwrap())
                                }
                                Verdict::Challenge(realm) => relay.refuse_with(
                                    now,
                                    id,
                                    StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                                    |reply| {
                                        reply.header(
                                            HeaderName::PROXY_AUTHENTICATE,
                                            format!(
                                                "Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\""
                                            ),
                                        )
                                    },
                                ),
                            };
                            done.unwrap();
                        }
                        Output::Event(_) => {}
                    }
                }
            }
            Node::Proxy(_) | Node::Dead => {}
        }
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn wait(&mut self, wait: Duration) -> &mut Self {
        let end = self.now.saturating_add(wait);
        loop {
            self.settle();
            let due = self.nodes.iter().filter_map(|(_, node)| match node {
                Node::Agent(agent) => agent.poll_timeout(),
                Node::Home(home) => home.poll_timeout(),
                Node::Relay(relay, _) => relay.poll_timeout(),
                Node::Proxy(_) | Node::Dead => None,
            });
            let Some(at) = due.min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            for (_, node) in &mut self.nodes {
                match node {
                    Node::Agent(agent) => agent.handle_timeout(self.now),
                    Node::Home(home) => home.handle_timeout(self.now),
                    Node::Relay(relay, _) => relay.handle_timeout(self.now),
                    Node::Proxy(_) | Node::Dead => {}
                }
            }
        }
        self.now = end;
        self
    }

    /// The ladder since the last look.
    pub(crate) fn steps(&mut self) -> Vec<String> {
        self.settle();
        self.messages.clear();
        core::mem::take(&mut self.steps)
    }

    /// What was told since the last look, to this agent.
    pub(crate) fn events(&mut self, name: &str) -> Vec<Event> {
        self.settle();
        let (own, others) = self.events.drain(..).partition(|(n, _)| *n == name);
        self.events = others;
        let own: Vec<(&str, Event)> = own;
        own.into_iter().map(|(_, event)| event).collect()
    }

    /// The newest call of an agent.
    pub(crate) fn newest(&mut self, name: &str) -> CallRef {
        self.settle();
        self.at(name).calls().last().expect("a call")
    }

    /// Calls this URI with an offer.
    pub(crate) fn call(&mut self, from: &str, uri: &str) -> CallRef {
        let now = self.now;
        self.at(from).call(now, uri, sdp("offer")).unwrap()
    }

    /// The callee rings.
    pub(crate) fn ring(&mut self, name: &str) -> CallRef {
        let (call, now) = (self.newest(name), self.now);
        self.at(name).ring(now, call, StatusCode::RINGING, None).unwrap();
        self.settle();
        call
    }

    /// The callee refuses.
    pub(crate) fn reject(&mut self, name: &str, status: StatusCode) {
        let (call, now) = (self.newest(name), self.now);
        self.at(name).reject(now, call, status).unwrap();
    }

    /// The callee rings and answers.
    pub(crate) fn pick_up(&mut self, name: &str) -> CallRef {
        let call = self.ring(name);
        let now = self.now;
        self.at(name).answer(now, call, sdp("answer")).unwrap();
        self.settle();
        call
    }

    /// A call from one to the other, up; both ends. Its ladder is forgotten.
    pub(crate) fn talk(&mut self, from: &str, to: &str) -> (CallRef, CallRef) {
        let uri = self.uri(to);
        let ours = self.call(from, &uri);
        let theirs = self.pick_up(to);
        self.steps();
        self.events.clear();
        (ours, theirs)
    }

    pub(crate) fn hang_up(&mut self, name: &str, call: CallRef) {
        let now = self.now;
        self.at(name).hang_up(now, call).unwrap();
        self.settle();
    }

    /// The headers of the last request with this method.
    pub(crate) fn last(&self, method: &str) -> &RequestBuf {
        let mut all = self.messages.iter().rev();
        all.find_map(|m| match m {
            MessageBuf::Request(r) if r.view().method().as_str() == method => Some(r),
            _ => None,
        })
        .expect("such a request")
    }
}

pub(crate) fn sdp(text: &str) -> Option<Bytes> {
    Some(Bytes::copy_from_slice(text.as_bytes()))
}

pub(crate) fn credential(user: &str) -> Credential {
    Credential::new(user, "secret").unwrap()
}

pub(crate) fn over(n: u8) -> Target {
    Target::Address(Transport::Udp, address(n))
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
