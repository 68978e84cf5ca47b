//! A SIP home server in a thread of its own: registrar with Digest and proxy of calls and messages,
//! over UDP and TCP, and TLS and `WebSocket` when asked for.
//!
//! ```no_run
//! use examples::sip_server::{ServerEvent, SipServer, SipServerConfig};
//!
//! let config = SipServerConfig::new("club.example", "127.0.0.1:5060".parse()?)
//!     .with_user("ann", "s3cret");
//! let server = SipServer::start(config)?;
//! println!("register at {}", server.address());
//! while let Ok(event) = server.events().recv() {
//!     if let ServerEvent::Registered { user, bindings: 1.. } = event {
//!         server.send_message("sip:club@club.example", &user, "text/plain", "welcome");
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::observed::Observer;
use crate::sip_host::{Host, Listen, Next, Waker};
use proto_wire::Seed;
use proto_wire::digest::{Algorithm, Secret, ServerConfig};
use sip_proto::endpoint::Config;
use sip_proto::home::{HomeConfig, HomeEvent, HomeServer, MessageId};
use sip_proto::registrar::RegistrarConfig;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What the server is told when it starts.
pub struct SipServerConfig {
    domain: String,
    listen: SocketAddr,
    users: BTreeMap<String, String>,
    seed: Seed,
    algorithms: Vec<Algorithm>,
    observer: Option<Observer>,
    secure: Listen,
}

impl SipServerConfig {
    /// For a domain, at an address (port 0: any).
    #[must_use]
    pub fn new(domain: &str, listen: SocketAddr) -> Self {
        Self {
            domain: domain.to_owned(),
            listen,
            users: BTreeMap::new(),
            seed: crate::entropy::seed(),
            // SIPp and sipsak look at the first challenge only and know nothing but MD5; agents
            // that choose (RFC 8760 §2.4) take the second.
            algorithms: vec![Algorithm::Md5, Algorithm::Sha256],
            observer: None,
            secure: Listen::default(),
        }
    }

    /// Listens for TLS too.
    #[must_use]
    pub fn with_tls(mut self, at: SocketAddr, tls: Arc<rustls::ServerConfig>) -> Self {
        self.secure.tls = Some((at, tls));
        self
    }

    /// Whom its own connections over TLS trust: those to proxies that stay on the way of calls.
    #[must_use]
    pub fn with_trust(mut self, trust: Arc<rustls::ClientConfig>) -> Self {
        self.secure.trust = Some(trust);
        self
    }

    /// Listens for `WebSocket` too (RFC 7118).
    #[must_use]
    pub const fn with_web(mut self, at: SocketAddr) -> Self {
        self.secure.web = Some(at);
        self
    }

    /// Listens for `WebSocket` under TLS too; needs [`SipServerConfig::with_tls`].
    #[must_use]
    pub const fn with_secure_web(mut self, at: SocketAddr) -> Self {
        self.secure.secure_web = Some(at);
        self
    }

    /// Adds a user with a password.
    #[must_use]
    pub fn with_user(mut self, name: &str, password: &str) -> Self {
        self.users.insert(name.to_owned(), password.to_owned());
        self
    }

    /// Another seed than one from the operating system, for runs that can be repeated.
    #[must_use]
    pub fn with_seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// Other algorithms than MD5 and SHA-256, one challenge for each, in this order. baresip before
    /// 2.0 gives up when there is any but MD5.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Shows everything that goes over the wires to `observer`.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }
}

/// What the server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// The bindings of a user changed.
    Registered {
        /// `user@host`.
        user: String,
        /// How many there are now.
        bindings: usize,
    },
    /// A call or a message was routed.
    Routed {
        /// To whom: `user@host`.
        user: String,
        /// The status that went back.
        status: u16,
    },
    /// A message of the server's own was answered; 2xx is success, `None` no answer.
    Sent {
        /// To whom: `user@host`.
        user: String,
        /// The status.
        status: Option<u16>,
    },
}

enum Command {
    Send { from: String, to: String, content_type: String, body: String },
    Stop,
}

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub struct SipServer {
    address: SocketAddr,
    streams: Vec<SocketAddr>,
    commands: Sender<Command>,
    events: Receiver<ServerEvent>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl SipServer {
    /// Binds the sockets and starts the thread.
    ///
    /// # Errors
    ///
    /// When a socket cannot be bound or the domain is not one.
    pub fn start(config: SipServerConfig) -> io::Result<Self> {
        let SipServerConfig { domain, listen, users, seed, algorithms, observer, secure } = config;
        let digest = ServerConfig::new(domain.as_str())
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?
            .with_algorithms(algorithms);
        let mut host = Host::bind_more(listen, secure, |now, listeners| {
            let ip = listeners.first().map_or_else(String::new, |l| l.address.ip().to_string());
            let endpoint = Config::new(listeners).with_product("proto-family club");
            let registrar = RegistrarConfig::new(&domain, Some(digest)).with_domain(&ip);
            let home = HomeConfig::with_rules(&domain, endpoint, registrar);
            HomeServer::new(now, Arc::new(home), seed)
        })?;
        if let Some(observer) = observer {
            host.observe(observer);
        }
        let (commands, inbox) = mpsc::channel();
        let (outbox, events) = mpsc::channel();
        let (address, waker) = (host.address(), host.waker());
        let streams = host.addresses().to_vec();
        let thread = thread::spawn(move || run(host, &users, &inbox, &outbox));
        Ok(Self { address, streams, commands, events, waker, thread: Some(thread) })
    }

    /// Where it listens, for UDP and TCP.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for streams: TCP, then TLS, `WebSocket` and that under TLS as asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.streams
    }

    /// What happens, as it happens.
    #[must_use]
    pub const fn events(&self) -> &Receiver<ServerEvent> {
        &self.events
    }

    /// Sends a MESSAGE to a registered user, `user@host`. The outcome is
    /// [`ServerEvent::Sent`].
    pub fn send_message(&self, from: &str, to: &str, content_type: &str, body: &str) {
        self.command(Command::Send {
            from: from.to_owned(),
            to: to.to_owned(),
            content_type: content_type.to_owned(),
            body: body.to_owned(),
        });
    }

    /// Stops the server and waits for its thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn command(&self, command: Command) {
        // A thread that has ended takes no commands.
        let _ended = self.commands.send(command).is_err();
        self.waker.wake();
    }

    fn end(&mut self) {
        self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join().is_err();
        }
    }
}

impl Drop for SipServer {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(
    mut host: Host<HomeServer>,
    users: &BTreeMap<String, String>,
    commands: &Receiver<Command>,
    events: &Sender<ServerEvent>,
) {
    let mut sent: BTreeMap<MessageId, String> = BTreeMap::new();
    // Nobody listening is no reason to stop serving.
    let tell = |event| {
        let _nobody = events.send(event).is_err();
    };
    loop {
        while let Ok(command) = commands.try_recv() {
            let now = host.now();
            match command {
                Command::Stop => return,
                Command::Send { from, to, content_type, body } => {
                    match host.machine.send_message(now, &from, &to, &content_type, body) {
                        Ok(id) => {
                            sent.insert(id, to);
                        }
                        Err(_) => tell(ServerEvent::Sent { user: to, status: None }),
                    }
                }
            }
        }
        let Next::Event(event) = host.next_event(Duration::from_secs(3600)) else { continue };
        match event {
            HomeEvent::SecretWanted { id, username } => {
                let secret = users.get(&username).map_or(Secret::Unknown, |p| Secret::Password(p));
                let now = host.now();
                host.machine.supply_secret(now, id, secret);
            }
            HomeEvent::Registered { address, bindings } => {
                tell(ServerEvent::Registered { user: address, bindings });
            }
            HomeEvent::Routed { address, status } => {
                tell(ServerEvent::Routed { user: address, status: status.as_u16() });
            }
            HomeEvent::Delivered { id, status } => {
                let user = sent.remove(&id).unwrap_or_default();
                tell(ServerEvent::Sent { user, status: Some(status.as_u16()) });
            }
            HomeEvent::Undelivered { id } => {
                let user = sent.remove(&id).unwrap_or_default();
                tell(ServerEvent::Sent { user, status: None });
            }
            _ => {}
        }
    }
}
