//! A small XMPP server on std threads: accounts with passwords, rosters, presence, message
//! routing, all in memory. The club runs it on loopback; ordinary clients log in to it.
//!
//! One thread accepts; one thread per connection drives a [`ServerConnection`]; the
//! [`Router`] between them sits behind a lock. A delivery to another connection goes over
//! that connection's channel.

use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::observed::{Observed, Observer};
use proto_wire::Clock;
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use xmpp_proto::jid::Jid;
use xmpp_proto::sasl::{Credentials, Secret};
use xmpp_proto::server::{
    CommandError, Event, Input, Router, ServerConfig, ServerConnection, ServerTls,
};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, StanzaXml};
use xmpp_proto::stream::StreamCondition;

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
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The certificate for STARTTLS. Without one the streams are in clear: loopback only.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Clients must use TLS.
    pub tls_required: bool,
    /// Sees what goes over the wires.
    pub observer: Option<Observer>,
}

impl Options {
    /// A server of `domain` on a free loopback port, without TLS.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_string(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            tls_required: false,
            observer: None,
        }
    }

    /// Sets where to listen.
    #[must_use]
    pub const fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Offers STARTTLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<rustls::ServerConfig>, required: bool) -> Self {
        self.tls = Some(tls);
        self.tls_required = required;
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
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    options: Options,
    config: Arc<ServerConfig>,
    clock: Clock,
    stop: AtomicBool,
    connections: AtomicUsize,
    house: Mutex<House>,
}

/// What all connections share.
struct House {
    router: Router<u64>,
    passwords: BTreeMap<String, Secret>,
    mail: BTreeMap<u64, Sender<Mail>>,
    next: u64,
}

/// What one connection's thread tells another's.
enum Mail {
    Stanza(StanzaXml),
    Expel(StreamCondition),
}

impl XmppServer {
    /// Listens and serves.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen)?;
        let addr = listener.local_addr()?;
        let tls = match (&options.tls, options.tls_required) {
            (Some(_), true) => ServerTls::Required,
            (Some(_), false) => ServerTls::Offered,
            (None, _) => ServerTls::None,
        };
        let config = ServerConfig::new(&options.domain)
            .with_tls(tls)
            // Without a certificate PLAIN would be in clear; on loopback nobody listens.
            .with_plain_without_tls(addr.ip().is_loopback());
        let house = House {
            router: Router::new(&options.domain),
            passwords: BTreeMap::new(),
            mail: BTreeMap::new(),
            next: 0,
        };
        let shared = Arc::new(Shared {
            config: Arc::new(config),
            options,
            clock: Clock::start(),
            stop: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            house: Mutex::new(house),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, &shared))
        };
        Ok(Self { shared, addr, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Adds an account, or changes its password.
    pub fn add_account(&self, local: &str, password: &str) {
        let mut house = self.shared.house();
        house.router.add_account(local);
        house.passwords.insert(local.to_string(), Secret::new(password));
    }

    /// Sends a message from the domain itself to an account: delivered to its resources, or
    /// kept until it has one. `false` when there is no such account, or the text is not XML.
    pub fn announce(&self, local: &str, text: &str) -> bool {
        let domain = &self.shared.options.domain;
        let to = Jid::new(&format!("{local}@{domain}"));
        let from = Jid::new(domain);
        let (Ok(to), Ok(from)) = (to, from) else { return false };
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

    fn shut_down(&mut self) {
        let Some(acceptor) = self.acceptor.take() else { return };
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the acceptor.
        drop(TcpStream::connect(self.addr));
        drop(acceptor.join());
    }
}

impl Drop for XmppServer {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Shared {
    fn house(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl House {
    /// Hands the router's deliveries to the threads of their connections.
    fn deliver(&mut self) {
        while let Some(delivery) = self.router.poll_delivery() {
            if let Some(mail) = self.mail.get(&delivery.to) {
                drop(mail.send(Mail::Stanza(delivery.stanza)));
            }
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let accepted = listener.accept();
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
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || {
            let key = {
                let mut house = shared.house();
                house.next += 1;
                house.next
            };
            // A broken connection is nobody's fault but its own.
            drop(serve(socket, &shared, key));
            let mut house = shared.house();
            house.mail.remove(&key);
            house.router.disconnect(&key);
            house.deliver();
            shared.connections.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// Drives one connection to its end.
fn serve(socket: TcpStream, shared: &Arc<Shared>, key: u64) -> io::Result<()> {
    let machine = ServerConnection::new(
        shared.clock.now(),
        Arc::clone(&shared.config),
        crate::entropy::seed(),
    );
    let machine = Observed::new(machine, &format!("#{key}"), shared.options.observer.clone());
    let mut connection = Connection::new(socket, machine, shared.clock)?;
    let (mail, inbox) = channel();
    shared.house().mail.insert(key, mail);
    let mut stopping = false;
    loop {
        if shared.stop.load(Ordering::SeqCst) && !stopping {
            stopping = true;
            let now = connection.now();
            // A stream that has ended by itself needs no second end.
            let _ended = connection.machine.inner.expel(now, StreamCondition::SystemShutdown);
        }
        read_mail(&mut connection, &inbox);
        let until = connection.now().saturating_add(TICK);
        let event = match connection.next_event_until(until)? {
            Next::Event(event) => event,
            Next::TimedOut => continue,
            Next::Finished => return Ok(()),
        };
        let now = connection.now();
        match event {
            Event::StartTls => {
                let Some(tls) = shared.options.tls.clone() else { return Ok(()) };
                let tls = rustls::ServerConnection::new(tls).map_err(io::Error::other)?;
                connection.start_tls(tls)?;
                let now = connection.now();
                connection.machine.inner.handle_input(now, Input::TlsEstablished);
            }
            Event::CredentialsNeeded { user, .. } => {
                let known = shared.house().passwords.get(&user).cloned();
                let known = known.map_or(Credentials::Refused, Credentials::Password);
                let _ended = connection.machine.inner.credentials(now, &known);
            }
            Event::Authenticated { jid } => {
                connection.machine.who = jid.local().unwrap_or("").to_string();
            }
            Event::BindRequested { resource, .. } => {
                bind(&mut connection, shared, key, resource.as_deref());
            }
            Event::Stanza(stanza) => {
                let mut house = shared.house();
                house.router.handle(&key, &stanza);
                house.deliver();
            }
            _ => {}
        }
    }
}

fn read_mail(connection: &mut Connection<Observed<ServerConnection>>, inbox: &Receiver<Mail>) {
    let now = connection.now();
    while let Ok(mail) = inbox.try_recv() {
        let machine = &mut connection.machine.inner;
        // The connection may be ending; what it was to get is lost with it.
        let _ended: Result<(), CommandError> = match mail {
            Mail::Stanza(stanza) => machine.send(now, stanza),
            Mail::Expel(condition) => machine.expel(now, condition),
        };
    }
}

fn bind(
    connection: &mut Connection<Observed<ServerConnection>>,
    shared: &Shared,
    key: u64,
    wanted: Option<&str>,
) {
    let now = connection.now();
    let made_up = format!("club-{key}");
    let machine = &mut connection.machine.inner;
    let bound = machine.bind(now, wanted.unwrap_or(&made_up)).or_else(|error| match error {
        // A resource that cannot be prepared is replaced (RFC 6120 §7.7.2.1).
        CommandError::Resource(_) => machine.bind(now, &made_up),
        other => Err(other),
    });
    if let Ok(jid) = bound {
        let mut house = shared.house();
        let replaced = house.router.connect(key, &jid);
        if let Some(mail) = replaced.and_then(|old| house.mail.get(&old)) {
            drop(mail.send(Mail::Expel(StreamCondition::Conflict)));
        }
        house.deliver();
    }
}
