//! A small XMPP server on std threads: accounts with passwords, rosters, presence, message
//! routing, all in memory. The club runs it on loopback; ordinary clients log in to it.
//!
//! One thread accepts; one thread per connection drives a [`ServerConnection`]; the
//! [`Router`] between them sits behind a lock. A delivery to another connection goes over
//! that connection's channel. When a connection breaks, its session sleeps for a while and
//! can be resumed (XEP-0198); what nobody came for goes the way of new messages.

use crate::certificates;
use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::observed::{Observed, Observer};
use proto_wire::{Clock, Instant};
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
    CommandError, Event, Input, Router, ServerConfig, ServerConnection, ServerTls, SmStore,
    SmStoreLimits,
};
use xmpp_proto::sm::{SmConfig, SmSession};
use xmpp_proto::stanza::{MessageBuilder, MessageKind, StanzaBuf, StanzaXml};
use xmpp_proto::stream::StreamCondition;
use xmpp_proto::xml::Ns;

/// How long a connection's thread waits before it looks at its channel.
const TICK: Duration = Duration::from_millis(5);
/// Connections at one time. Stops a flood of them from taking all threads.
const CONNECTIONS_MAX: usize = 256;
/// How long a thread may take to give up its session to another.
const HAND_OVER: Duration = Duration::from_millis(500);

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
    asleep: SmStore<u64>,
    sm: SmConfig,
    next: u64,
}

/// What one connection's thread tells another's.
enum Mail {
    Stanza(StanzaXml),
    Expel(StreamCondition),
    /// The client is back on another connection: end, and give the session of this account
    /// and name.
    Displace(Jid, String, Sender<SmSession>),
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
            .with_plain_without_tls(addr.ip().is_loopback())
            .with_stream_management(SmConfig::new());
        let house = House {
            router: Router::new(&options.domain),
            passwords: BTreeMap::new(),
            mail: BTreeMap::new(),
            asleep: SmStore::new(SmStoreLimits::default()),
            sm: SmConfig::new(),
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
            let key = delivery.to;
            if let Some(mail) = self.mail.get(&key) {
                drop(mail.send(Mail::Stanza(delivery.stanza)));
            } else if let Some(Err(_full)) = self.asleep.push(&self.sm, &key, delivery.stanza) {
                if let Some(session) = self.asleep.take_by_key(&key) {
                    self.bury(key, session);
                }
            }
        }
    }

    /// The connection `key` is gone; a session that can be resumed sleeps.
    fn leave(&mut self, now: Instant, key: u64, session: Option<SmSession>) {
        self.mail.remove(&key);
        match session {
            Some(session) => {
                if let Some((key, session)) = self.asleep.hold(now, key, session) {
                    self.bury(key, session);
                }
            }
            None => self.router.disconnect(&key),
        }
        self.deliver();
    }

    /// A session is over: the resource is gone, and what it did not get goes elsewhere.
    fn bury(&mut self, key: u64, session: SmSession) {
        let jid = session.jid().clone();
        self.router.disconnect(&key);
        for unacked in session.into_unacked() {
            self.router.redeliver(&jid, unacked.stanza);
        }
    }

    /// A stanza that was for a connection which is gone.
    fn redeliver(&mut self, stanza: StanzaXml) {
        let text = stanza.as_str().as_bytes().to_vec().into();
        let Ok(buf) = StanzaBuf::parse(Ns::CLIENT, text) else { return };
        let to = buf.view().header().to().and_then(|to| to.to_jid().ok());
        if let Some(to) = to {
            self.router.redeliver(&to, stanza);
        }
    }

    fn expire(&mut self, now: Instant) {
        if self.asleep.poll_timeout().is_some_and(|at| at <= now) {
            for (key, session) in self.asleep.expire(now) {
                self.bury(key, session);
            }
            self.deliver();
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
            let (mail, inbox) = channel();
            shared.house().mail.insert(key, mail);
            let mut session = None;
            // A broken connection is nobody's fault but its own.
            drop(serve(socket, &shared, key, &inbox, &mut session));
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

/// Drives one connection to its end.
fn serve(
    socket: TcpStream,
    shared: &Arc<Shared>,
    key: u64,
    inbox: &Receiver<Mail>,
    session: &mut Option<SmSession>,
) -> io::Result<()> {
    let machine = ServerConnection::new(
        shared.clock.now(),
        Arc::clone(&shared.config),
        crate::entropy::seed(),
    );
    let machine = Observed::new(machine, &format!("#{key}"), shared.options.observer.clone());
    let mut connection = Connection::new(socket, machine, shared.clock)?;
    let mut stopping = false;
    loop {
        if shared.stop.load(Ordering::SeqCst) && !stopping {
            stopping = true;
            let now = connection.now();
            // A stream that has ended by itself needs no second end.
            let _ended = connection.machine.inner.expel(now, StreamCondition::SystemShutdown);
        }
        let left = read_mail(&mut connection, inbox);
        let now = connection.now();
        let mut house = shared.house();
        house.expire(now);
        left.into_iter().for_each(|stanza| house.redeliver(stanza));
        drop(house);
        let until = now.saturating_add(TICK);
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
                let binding = connection.tls().and_then(certificates::channel_binding);
                let machine = &mut connection.machine.inner;
                let _ended = machine.set_channel_bindings(now, binding.into_iter().collect());
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
            Event::ResumeRequested { account, id } => {
                resume(&mut connection, shared, key, &account, &id);
            }
            Event::Closed(_) => *session = connection.machine.inner.take_session(),
            Event::Stanza(stanza) => {
                let mut house = shared.house();
                house.router.handle(&key, &stanza);
                house.deliver();
            }
            _ => {}
        }
    }
}

/// Does what other threads say; gives what could not be sent.
fn read_mail(
    connection: &mut Connection<Observed<ServerConnection>>,
    inbox: &Receiver<Mail>,
) -> Vec<StanzaXml> {
    let now = connection.now();
    let mut left = Vec::new();
    while let Ok(mail) = inbox.try_recv() {
        let machine = &mut connection.machine.inner;
        // The connection may be ending; what it was to get is lost with it.
        let _ended: Result<(), CommandError> = match mail {
            Mail::Stanza(stanza) => {
                if machine.send(now, stanza.clone()).is_err() {
                    left.push(stanza);
                }
                Ok(())
            }
            Mail::Expel(condition) => machine.expel(now, condition),
            Mail::Displace(account, id, answer) => {
                let own = machine.jid().is_some_and(|jid| jid.bare() == account.bare());
                let right = own && machine.sm_id() == Some(&*id);
                if let Some(session) = right.then(|| machine.displace(now)).flatten() {
                    drop(answer.send(session));
                }
                Ok(())
            }
        };
    }
    left
}

/// Goes on with a session that sleeps, or that another thread has not yet seen breaking.
fn resume(
    connection: &mut Connection<Observed<ServerConnection>>,
    shared: &Shared,
    key: u64,
    account: &Jid,
    id: &str,
) {
    let now = connection.now();
    let mut found = shared.house().asleep.take(account.bare(), id);
    if found.is_none() {
        let others: Vec<(u64, Sender<Mail>)> = {
            let house = shared.house();
            let mail = house.mail.iter().filter(|(other, _)| **other != key);
            mail.map(|(other, mail)| (*other, mail.clone())).collect()
        };
        let (answer, answered) = channel();
        for (_, mail) in &others {
            drop(mail.send(Mail::Displace(account.clone(), id.to_string(), answer.clone())));
        }
        drop(answer);
        found = answered.recv_timeout(HAND_OVER).ok().and_then(|session| {
            let own = session.jid().bare() == account.bare();
            let house = shared.house();
            let old = house.router.key_of(session.jid().as_str()).filter(|_| own)?;
            Some((old, session))
        });
    }
    let machine = &mut connection.machine.inner;
    let mut house = shared.house();
    let Some((old, session)) = found else {
        let handled = house.asleep.handled(account.bare(), id);
        let _ended = machine.refuse_resume(now, handled);
        return;
    };
    let mut session = Some(session);
    let resumed = machine.resume(now, &mut session).is_ok();
    match session {
        None if resumed && house.router.rename(&old, key) => {}
        None => house.router.disconnect(&old),
        Some(session) => house.leave(now, old, Some(session)),
    }
    house.deliver();
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
        let slept = replaced.and_then(|old| house.asleep.take_by_key(&old));
        for unacked in slept.into_iter().flat_map(SmSession::into_unacked) {
            house.router.redeliver(&jid, unacked.stanza);
        }
        if let Some(mail) = replaced.and_then(|old| house.mail.get(&old)) {
            drop(mail.send(Mail::Expel(StreamCondition::Conflict)));
        }
        house.deliver();
    }
}
