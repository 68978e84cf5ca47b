//! A small XMPP server on std threads: accounts with passwords, rosters, presence, message
//! routing, copies for all devices, archives and block lists; in memory, or in a file that
//! survives a restart. The club runs it on loopback; ordinary clients log in to it, over TCP
//! with STARTTLS, over TLS from the first byte (XEP-0368), or over a WebSocket (RFC 7395).
//!
//! One thread accepts at each door; one thread per connection drives a [`ServerConnection`];
//! the [`Router`] between them sits behind a lock. A delivery to another connection goes over
//! that connection's channel. When a connection breaks, its session sleeps for a while and
//! can be resumed (XEP-0198); what nobody came for goes the way of new messages.
//!
//! [`ServerConnection`]: xmpp_proto::server::ServerConnection
//! [`Router`]: xmpp_proto::server::Router

mod house;
mod serve;
mod store;

use self::house::{House, Mail};
use crate::observed::Observer;
use proto_wire::Clock;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use xmpp_proto::jid::Jid;
use xmpp_proto::server::{ServerConfig, ServerTls};
use xmpp_proto::sm::SmConfig;
use xmpp_proto::stanza::{MessageBuilder, MessageKind};

/// How long a connection's thread waits before it looks at its channel.
const TICK: Duration = Duration::from_millis(5);
/// Connections at one time. Stops a flood of them from taking all threads.
const CONNECTIONS_MAX: usize = 256;

/// How to run the server.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// The domain that is served.
    pub domain: String,
    /// More of them.
    pub other_domains: Vec<String>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to listen for TLS from the first byte. Needs a certificate.
    pub direct_tls: Option<SocketAddr>,
    /// Where to listen for `WebSocket`s: `wss` when clients must use TLS, else `ws`.
    pub websocket: Option<SocketAddr>,
    /// The certificate for TLS. Without one the streams are in clear: loopback only.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Clients must use TLS.
    pub tls_required: bool,
    /// The file that keeps accounts, rosters and archives; without one they end with the server.
    pub file: Option<PathBuf>,
    /// Sees what goes over the wires.
    pub observer: Option<Observer>,
}

impl Options {
    /// A server of `domain` on a free loopback port, without TLS.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_string(),
            other_domains: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            direct_tls: None,
            websocket: None,
            tls: None,
            tls_required: false,
            file: None,
            observer: None,
        }
    }

    /// Serves another domain, too.
    #[must_use]
    pub fn with_domain(mut self, domain: &str) -> Self {
        self.other_domains.push(domain.to_string());
        self
    }

    /// Sets where to listen.
    #[must_use]
    pub const fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Listens for TLS from the first byte, too.
    #[must_use]
    pub const fn with_direct_tls(mut self, listen: SocketAddr) -> Self {
        self.direct_tls = Some(listen);
        self
    }

    /// Listens for `WebSocket`s, too.
    #[must_use]
    pub const fn with_websocket(mut self, listen: SocketAddr) -> Self {
        self.websocket = Some(listen);
        self
    }

    /// Offers STARTTLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<rustls::ServerConfig>, required: bool) -> Self {
        self.tls = Some(tls);
        self.tls_required = required;
        self
    }

    /// Keeps accounts, rosters and archives in a file.
    #[must_use]
    pub fn with_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Sets who sees what goes over the wires.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }
}

/// A running server. It stops when it is told to, or dropped.
pub struct XmppServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    direct_tls: Option<SocketAddr>,
    websocket: Option<SocketAddr>,
    acceptors: Vec<JoinHandle<()>>,
}

struct Shared {
    options: Options,
    clock: Clock,
    stop: AtomicBool,
    connections: AtomicUsize,
    house: Mutex<House>,
}

/// Where connections come in, and what they are.
struct Door {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    /// TLS is around them from the first byte.
    tls: bool,
    websocket: bool,
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
        let mut doors = vec![Door::open(&options, options.listen, tls, false, false)?];
        if let Some(listen) = options.direct_tls {
            if options.tls.is_none() {
                return Err(io::Error::other("direct TLS needs a certificate"));
            }
            doors.push(Door::open(&options, listen, ServerTls::None, true, false)?);
        }
        if let Some(listen) = options.websocket {
            let wss = tls == ServerTls::Required;
            doors.push(Door::open(&options, listen, ServerTls::None, wss, true)?);
        }
        let addr = |wanted: fn(&Door) -> bool| {
            doors
                .iter()
                .find(|door| wanted(door))
                .map(|door| door.listener.local_addr())
                .transpose()
        };
        let first = addr(|door| !door.websocket)?.unwrap_or(options.listen);
        let direct_tls = addr(|door| door.tls && !door.websocket)?;
        let websocket = addr(|door| door.websocket)?;
        let mut domains = vec![options.domain.as_str()];
        domains.extend(options.other_domains.iter().map(String::as_str));
        let house = House::open(&domains, SmConfig::new(), options.file.as_deref())?;
        let shared = Arc::new(Shared {
            options,
            clock: Clock::start(),
            stop: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            house: Mutex::new(house),
        });
        let acceptors = doors.into_iter().map(|door| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&Arc::new(door), &shared))
        });
        let acceptors = acceptors.collect();
        Ok(Self { shared, addr: first, direct_tls, websocket, acceptors })
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
        for addr in [Some(self.addr), self.direct_tls, self.websocket].into_iter().flatten() {
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
        listen: SocketAddr,
        starttls: ServerTls,
        tls: bool,
        websocket: bool,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let mut config = ServerConfig::new(&options.domain)
            // Without a certificate PLAIN would be in clear; on loopback nobody listens.
            .with_plain_without_tls(listener.local_addr()?.ip().is_loopback())
            .with_stream_management(SmConfig::new())
            .with_sasl2(false)
            .with_tls(starttls);
        for domain in &options.other_domains {
            config = config.with_domain(domain);
        }
        if tls {
            config = config.with_direct_tls();
        }
        Ok(Self { listener, config: Arc::new(config), tls, websocket })
    }
}

impl Shared {
    /// What all share, told what time it is.
    fn house(&self) -> MutexGuard<'_, House> {
        let mut house = self.house.lock().unwrap_or_else(PoisonError::into_inner);
        house.router.set_time(self.clock.timestamp());
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
        if shared.connections.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
            shared.connections.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (door, shared) = (Arc::clone(door), Arc::clone(shared));
        threads.push(std::thread::spawn(move || {
            let (mail, inbox) = channel();
            let key = {
                let mut house = shared.house();
                house.last += 1;
                let key = house.last;
                house.mail.insert(key, mail);
                key
            };
            let mut session = None;
            // A broken connection is nobody's fault but its own.
            drop(serve::serve(socket, &shared, &door, key, &inbox, &mut session));
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
            shared.connections.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    for thread in threads {
        drop(thread.join());
    }
}
