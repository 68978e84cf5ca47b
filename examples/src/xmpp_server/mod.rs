//! A small XMPP server on std threads: accounts with passwords, rosters, presence, message
//! routing, copies for all devices, archives and block lists; in memory, or in a file that
//! survives a restart. The club runs it on loopback; ordinary clients log in to it, over TCP
//! with STARTTLS, over TLS from the first byte (XEP-0368), over a WebSocket (RFC 7395) or over
//! HTTP (XEP-0206). Other servers are called back (XEP-0220).
//!
//! One thread accepts at each door; one thread per connection drives a [`ServerConnection`];
//! the [`Router`] between them sits behind a lock. A delivery to another connection goes over
//! that connection's channel. When a connection breaks, its session sleeps for a while and
//! can be resumed (XEP-0198); what nobody came for goes the way of new messages.
//!
//! [`ServerConnection`]: xmpp_proto::server::ServerConnection
//! [`Router`]: xmpp_proto::server::Router

mod bosh;
mod house;
mod http;
mod options;
mod serve;
mod servers;
mod store;
mod tokens;

pub use self::options::{Options, Resolver};

use self::bosh::Sessions;
use self::house::{House, Mail};
use proto_wire::Clock;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::Secret;
use xmpp_proto::server::{ServerConfig, ServerTls};
use xmpp_proto::sm::{SmConfig, SmSession};
use xmpp_proto::stanza::{MessageBuilder, MessageKind};

/// How long a connection's thread waits before it looks at its channel.
const TICK: Duration = Duration::from_millis(5);
/// Connections at one time. Stops a flood of them from taking all threads.
const CONNECTIONS_MAX: usize = 256;

/// A running server. It stops when it is told to, or dropped.
pub struct XmppServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    direct_tls: Option<SocketAddr>,
    websocket: Option<SocketAddr>,
    bosh: Option<SocketAddr>,
    servers: Option<SocketAddr>,
    acceptors: Vec<JoinHandle<()>>,
}

struct Shared {
    options: Options,
    clock: Clock,
    stop: AtomicBool,
    connections: AtomicUsize,
    house: Mutex<House>,
    /// What comes over HTTP.
    sessions: Mutex<Sessions>,
}

/// What is behind a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stream,
    WebSocket,
    Http,
}

/// Where connections come in, and what they are.
struct Door {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    /// TLS is around them from the first byte.
    tls: bool,
    kind: Kind,
}

impl XmppServer {
    /// Listens and serves.
    ///
    /// # Errors
    /// An address cannot be listened on, TLS is wanted without a certificate, or the file cannot
    /// be read.
    pub fn start(options: Options) -> io::Result<Self> {
        let tls = match (&options.tls, options.tls_required) {
            (Some(_), true) => ServerTls::Required,
            (Some(_), false) => ServerTls::Offered,
            (None, _) => ServerTls::None,
        };
        let mut domains = vec![options.domain.as_str()];
        domains.extend(options.other_domains.iter().map(String::as_str));
        let mut house = House::open(&domains, SmConfig::new(), &options)?;
        let open = |listen, starttls, tls, kind| {
            Door::open(&options, house.decoy_key.clone(), listen, starttls, tls, kind)
        };
        let mut doors = vec![open(options.listen, tls, false, Kind::Stream)?];
        if let Some(listen) = options.direct_tls {
            if options.tls.is_none() {
                return Err(io::Error::other("direct TLS needs a certificate"));
            }
            doors.push(open(listen, ServerTls::None, true, Kind::Stream)?);
        }
        for (listen, kind) in [(options.websocket, Kind::WebSocket), (options.bosh, Kind::Http)] {
            if let Some(listen) = listen {
                let around = tls == ServerTls::Required;
                doors.push(open(listen, ServerTls::None, around, kind)?);
            }
        }
        let addr = |kind: Kind, tls: Option<bool>| {
            doors
                .iter()
                .find(|door| door.kind == kind && tls.is_none_or(|tls| door.tls == tls))
                .map(|door| door.listener.local_addr())
                .transpose()
        };
        let first = addr(Kind::Stream, None)?.unwrap_or(options.listen);
        let direct_tls = addr(Kind::Stream, Some(true))?;
        let (websocket, bosh) = (addr(Kind::WebSocket, None)?, addr(Kind::Http, None)?);
        let servers = options.servers.map(TcpListener::bind).transpose()?;
        let servers_addr = servers.as_ref().map(TcpListener::local_addr).transpose()?;
        let (jobs, work) = channel();
        house.jobs = servers.is_some().then(|| jobs.clone());
        let shared = Arc::new(Shared {
            options,
            clock: Clock::start(),
            stop: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            house: Mutex::new(house),
            sessions: Mutex::new(Sessions::default()),
        });
        let mut acceptors = Vec::new();
        if let Some(listener) = servers {
            acceptors.extend(servers::start(&shared, listener, jobs, work)?);
        }
        let doors = doors.into_iter().map(|door| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&Arc::new(door), &shared))
        });
        acceptors.extend(doors);
        Ok(Self {
            shared,
            addr: first,
            direct_tls,
            websocket,
            bosh,
            servers: servers_addr,
            acceptors,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens for TLS from the first byte.
    #[must_use]
    pub const fn direct_tls_addr(&self) -> Option<SocketAddr> {
        self.direct_tls
    }

    /// Where it listens for `WebSocket`s.
    #[must_use]
    pub const fn websocket_addr(&self) -> Option<SocketAddr> {
        self.websocket
    }

    /// Where it listens for HTTP.
    #[must_use]
    pub const fn bosh_addr(&self) -> Option<SocketAddr> {
        self.bosh
    }

    /// Where it listens for other servers.
    #[must_use]
    pub const fn servers_addr(&self) -> Option<SocketAddr> {
        self.servers
    }

    /// Adds an account, by its name in the main domain or its whole address, or changes its
    /// password.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn add_account(&self, name: &str, password: &str) {
        if let Some(account) = self.account(name) {
            let added = self.shared.house().add_account(&account, password);
            assert!(added.is_ok(), "{account} is not kept: {added:?}");
        }
    }

    /// Sends a message from the domain itself to an account: delivered to its resources, or
    /// kept until it has one. `false` when there is no such account, or the text is not XML.
    pub fn announce(&self, name: &str, text: &str) -> bool {
        let from = Jid::new(&self.shared.options.domain);
        let (Some(to), Ok(from)) = (self.account(name), from) else { return false };
        let message = MessageBuilder::new().from(&from).to(&to).kind(MessageKind::Normal);
        let Ok(message) = message.body(text).build() else { return false };
        let mut house = self.shared.house();
        let taken = house.router.inject(&to, message);
        house.deliver();
        taken
    }

    /// The addresses that are connected and have sent presence.
    #[must_use]
    pub fn online(&self) -> Vec<String> {
        let house = self.shared.house();
        let online = house.router.online().filter(|(_, available)| *available);
        online.map(|(jid, _)| jid.to_string()).collect()
    }

    /// Ends all streams with `system-shutdown` and waits for the threads.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn account(&self, name: &str) -> Option<Jid> {
        let domain = &self.shared.options.domain;
        match name.contains('@') {
            true => Jid::new(name).ok(),
            false => Jid::new(&format!("{name}@{domain}")).ok(),
        }
    }

    fn shut_down(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the acceptors.
        let doors = [Some(self.addr), self.direct_tls, self.websocket, self.bosh, self.servers];
        for addr in doors.into_iter().flatten() {
            drop(TcpStream::connect(addr));
        }
        for acceptor in self.acceptors.drain(..) {
            drop(acceptor.join());
        }
    }
}

impl Drop for XmppServer {
    fn drop(&mut self) {
        if !self.acceptors.is_empty() {
            self.shut_down();
        }
    }
}

impl Door {
    fn open(
        options: &Options,
        decoy_key: Option<Secret>,
        listen: SocketAddr,
        starttls: ServerTls,
        tls: bool,
        kind: Kind,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let mut config = ServerConfig::new(&options.domain)
            // Without a certificate PLAIN would be in clear; on loopback nobody listens.
            .with_plain_without_tls(listener.local_addr()?.ip().is_loopback())
            .with_stream_management(SmConfig::new())
            .with_sasl2(true)
            .with_registration(options.registration)
            .with_tls(starttls);
        for domain in &options.other_domains {
            config = config.with_domain(domain);
        }
        if tls {
            config = config.with_direct_tls();
        }
        config.decoy_key = decoy_key;
        Ok(Self { listener, config: Arc::new(config), tls, kind })
    }
}

/// One of the connections that there may be; given back when it is dropped.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    /// A place for one more connection.
    fn place(self: &Arc<Self>) -> Option<Place> {
        let before = self.connections.fetch_add(1, Ordering::SeqCst);
        let place = Place(Arc::clone(self));
        (before < CONNECTIONS_MAX).then_some(place)
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What all share, told what time it is.
    fn house(&self) -> MutexGuard<'_, House> {
        let mut house = self.house.lock().unwrap_or_else(PoisonError::into_inner);
        house.time = self.clock.timestamp();
        let now = house.time;
        house.router.set_time(now);
        house
    }
}

fn accept(door: &Arc<Door>, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let accepted = door.listener.accept();
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok((socket, _)) = accepted else {
            // Out of descriptors or the like: not a reason to spin.
            std::thread::sleep(TICK);
            continue;
        };
        let Some(place) = shared.place() else { continue };
        let (door, shared) = (Arc::clone(door), Arc::clone(shared));
        threads.push(std::thread::spawn(move || {
            // A broken connection is nobody's fault but its own.
            match door.kind {
                Kind::Http => drop(bosh::http(socket, &shared, &door)),
                _ => host(&shared, |key, inbox, session| {
                    serve::serve(socket, &shared, &door, key, inbox, session)
                }),
            }
            drop(place);
        }));
    }
    for thread in threads {
        drop(thread.join());
    }
    if door.kind == Kind::Http {
        shared.sessions().join();
    }
}

/// Runs one client's stream, whatever carries it, and cleans up behind it.
fn host(
    shared: &Shared,
    serve: impl FnOnce(u64, &Receiver<Mail>, &mut Option<SmSession>) -> io::Result<()>,
) {
    let (mail, inbox) = channel();
    let key = {
        let mut house = shared.house();
        house.last += 1;
        let key = house.last;
        house.mail.insert(key, mail);
        key
    };
    let mut session = None;
    drop(serve(key, &inbox, &mut session));
    let mut house = shared.house();
    house.mail.remove(&key);
    // What was on its way to this thread.
    while let Ok(mail) = inbox.try_recv() {
        let Mail::Stanza(stanza) = mail else { continue };
        match &mut session {
            Some(session) => drop(session.push(&house.sm, stanza)),
            None => house.redeliver(stanza),
        }
    }
    house.leave(shared.clock.now(), key, session);
}
