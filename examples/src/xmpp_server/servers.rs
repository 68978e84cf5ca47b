//! Other servers: one thread accepts their streams, one hands out work, and each stream has a
//! thread of its own. Who they are is proved by dialback (XEP-0220). A domain is found by its
//! route, else by the host's resolver (for SRV, which the standard library does not look up),
//! else by its address at the usual port.

use super::{Shared, TICK, serve};
use crate::certificates;
use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::entropy;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use xmpp_proto::s2s::{
    CommandError, Incoming, IncomingEvent, Input, Outgoing, OutgoingEvent, S2sConfig, S2sTls,
    Verdict,
};
use xmpp_proto::sasl::Secret;
use xmpp_proto::stanza::{Condition, StanzaBuf, StanzaXml, error_reply};
use xmpp_proto::stream::StreamCondition;
use xmpp_proto::xml::Ns;

/// The usual port.
const PORT: u16 = 5269;
const CONNECT: Duration = Duration::from_secs(10);
/// Streams to other servers at one time.
const STREAMS_MAX: usize = 64;
/// Stanzas that wait for one stream.
const WAITING_MAX: usize = 1000;
/// Silence after which a stream is ended; the next stanza begins another one.
const SILENCE: Duration = Duration::from_secs(600);

/// What is to be done with another server.
pub(super) enum Job {
    Stanza { from: String, to: String, stanza: StanzaXml },
    Verify(Question),
}

/// Whether a key is that of the server of `remote`.
pub(super) struct Question {
    local: String,
    remote: String,
    id: String,
    key: String,
    answer: Sender<Answer>,
}

struct Answer {
    local: String,
    remote: String,
    verdict: Verdict,
}

/// Begins to listen, and to work.
pub(super) fn start(
    shared: &Arc<Shared>,
    listener: TcpListener,
    jobs: Sender<Job>,
    work: Receiver<Job>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let options = &shared.options;
    let mut secret = [0; 32];
    proto_wire::Rng::new(&entropy::seed()).fill(&mut secret);
    let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    // One secret for both directions: keys that were made for one are verified by the other.
    let mut config = S2sConfig::new(&options.domain, Secret::new(secret)).with_external(false);
    for domain in &options.other_domains {
        config = config.with_domain(domain);
    }
    let tls = |able: bool| match able {
        true => S2sTls::Opportunistic,
        false => S2sTls::Never,
    };
    let roots = options.server_roots.as_deref().map(certificates::client).transpose()?;
    let incoming = Arc::new(config.clone().with_tls(tls(options.tls.is_some())));
    let outgoing = Arc::new(config.with_tls(tls(roots.is_some())));
    let (here, there) = (Arc::clone(shared), Arc::clone(shared));
    Ok(vec![
        std::thread::spawn(move || accept(&here, &listener, &incoming, &jobs)),
        std::thread::spawn(move || hand_out(&there, &outgoing, roots.as_ref(), &work)),
    ])
}

fn accept(
    shared: &Arc<Shared>,
    listener: &TcpListener,
    config: &Arc<S2sConfig>,
    jobs: &Sender<Job>,
) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let accepted = listener.accept();
        if shared.stops() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok((socket, _)) = accepted else {
            std::thread::sleep(TICK);
            continue;
        };
        let Some(place) = shared.place() else { continue };
        let (shared, config, jobs) = (Arc::clone(shared), Arc::clone(config), jobs.clone());
        threads.push(std::thread::spawn(move || {
            drop(listen(&shared, socket, config, &jobs));
            drop(place);
        }));
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// One stream from another server.
fn listen(
    shared: &Arc<Shared>,
    socket: TcpStream,
    config: Arc<S2sConfig>,
    jobs: &Sender<Job>,
) -> io::Result<()> {
    let machine = Incoming::new(shared.clock.now(), config, entropy::seed());
    let mut connection = Connection::new(socket, machine, shared.clock)?;
    let (answer, answers) = channel();
    let mut stopping = false;
    loop {
        let now = connection.now();
        if shared.stops() && !stopping {
            stopping = true;
            let _ended = connection.machine.expel(now, StreamCondition::SystemShutdown);
        }
        while let Ok(Answer { local, remote, verdict }) = answers.try_recv() {
            // The stream may have ended meanwhile.
            let _ended = connection.machine.verified(now, &remote, &local, verdict);
        }
        let event = match connection.next_event_until(now.saturating_add(TICK))? {
            Next::Event(event) => event,
            Next::TimedOut => continue,
            Next::Finished => return Ok(()),
        };
        match event {
            IncomingEvent::StartTls => {
                connection.start_tls(serve::around(shared)?)?;
                let now = connection.now();
                connection.machine.handle_input(now, Input::TlsEstablished);
            }
            IncomingEvent::VerifyNeeded { from, to, id, key } => {
                let answer = answer.clone();
                let question = Question { local: to, remote: from, id, key, answer };
                // The one who hands out work ends only with the server.
                drop(jobs.send(Job::Verify(question)));
            }
            IncomingEvent::Stanza(stanza) => {
                let mut house = shared.house();
                house.router.handle_remote(&stanza);
                house.deliver();
            }
            _ => {}
        }
    }
}

/// Gives each job to the stream that it needs.
fn hand_out(
    shared: &Arc<Shared>,
    config: &Arc<S2sConfig>,
    roots: Option<&Arc<rustls::ClientConfig>>,
    work: &Receiver<Job>,
) {
    let mut streams: BTreeMap<String, (Sender<Job>, JoinHandle<()>)> = BTreeMap::new();
    while !shared.stops() {
        let job = match work.recv_timeout(TICK.saturating_mul(4)) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let (local, remote) = match &job {
            Job::Stanza { from, to, .. } => (from.clone(), to.clone()),
            Job::Verify(question) => (question.local.clone(), question.remote.clone()),
        };
        let job = match streams.get(&remote).map(|(stream, _)| stream) {
            None => job,
            Some(stream) => match stream.send(job) {
                Ok(()) => continue,
                // It has ended.
                Err(unsent) => unsent.0,
            },
        };
        streams.retain(|_, (_, thread)| !thread.is_finished());
        if streams.len() >= STREAMS_MAX {
            give_up(shared, job, Condition::ResourceConstraint);
            continue;
        }
        let (sender, inbox) = channel();
        drop(sender.send(job));
        let (shared, config, roots) = (Arc::clone(shared), Arc::clone(config), roots.cloned());
        let to = remote.clone();
        let thread = std::thread::spawn(move || {
            let mut stream =
                Stream { shared: &shared, local, remote: to, waiting: VecDeque::new() };
            stream.run(config, roots, &inbox);
        });
        streams.insert(remote, (sender, thread));
    }
    for (sender, thread) in streams.into_values() {
        drop(sender);
        drop(thread.join());
    }
}

/// What cannot be done: senders are told, and streams that ask.
fn give_up(shared: &Shared, job: Job, why: Condition) {
    match job {
        Job::Verify(Question { local, remote, answer, .. }) => {
            drop(answer.send(Answer { local, remote, verdict: Verdict::Error(why) }));
        }
        Job::Stanza { stanza, .. } => {
            let text = stanza.into_string();
            let Ok(stanza) = StanzaBuf::parse(Ns::CLIENT, text.into()) else { return };
            let Some(reply) = error_reply(stanza.element(), &why.into()) else { return };
            let Ok(reply) = StanzaBuf::parse(Ns::CLIENT, reply.into_string().into()) else {
                return;
            };
            let mut house = shared.house();
            house.router.handle_remote(&reply);
            house.deliver();
        }
    }
}

/// One stream to another server.
struct Stream<'a> {
    shared: &'a Shared,
    local: String,
    remote: String,
    waiting: VecDeque<Job>,
}

impl Stream<'_> {
    fn run(
        &mut self,
        config: Arc<S2sConfig>,
        roots: Option<Arc<rustls::ClientConfig>>,
        inbox: &Receiver<Job>,
    ) {
        let mut asked = BTreeMap::new();
        let connected = self.connect();
        let missing = connected.is_err();
        let ended = connected.and_then(|socket| {
            self.waiting.extend(inbox.try_iter());
            self.talk(socket, config, roots, inbox, &mut asked)
        });
        drop(ended);
        let why = match missing {
            true => Condition::RemoteServerNotFound,
            false => Condition::RemoteServerTimeout,
        };
        let verify = asked.into_values().map(Job::Verify);
        let left: Vec<Job> = self.waiting.drain(..).chain(inbox.try_iter()).chain(verify).collect();
        left.into_iter().for_each(|job| give_up(self.shared, job, why));
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let routes = &self.shared.options.routes;
        let route = routes.iter().find(|(domain, _)| *domain == self.remote);
        let addrs: Vec<SocketAddr> = match route {
            Some((_, addr)) => vec![*addr],
            None => match &self.shared.options.resolver {
                Some(look_up) => look_up(&self.remote),
                None => Vec::new(),
            },
        };
        let addrs = match addrs.is_empty() {
            true => (self.remote.as_str(), PORT).to_socket_addrs()?.collect(),
            false => addrs,
        };
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for addr in addrs {
            match TcpStream::connect_timeout(&addr, CONNECT) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn talk(
        &mut self,
        socket: TcpStream,
        config: Arc<S2sConfig>,
        roots: Option<Arc<rustls::ClientConfig>>,
        inbox: &Receiver<Job>,
        asked: &mut BTreeMap<String, Question>,
    ) -> io::Result<()> {
        let now = self.shared.clock.now();
        let only_asks = matches!(self.waiting.front(), Some(Job::Verify(_)));
        let machine = match only_asks {
            true => Outgoing::for_verification(now, config, &self.local, &self.remote),
            false => Outgoing::new(now, config, &self.local, &self.remote),
        };
        let mut connection = Connection::new(socket, machine, self.shared.clock)?;
        let (mut busy, mut stopping) = (now, false);
        loop {
            let now = connection.now();
            while let Ok(job) = inbox.try_recv() {
                busy = now;
                match self.waiting.len() < WAITING_MAX {
                    true => self.waiting.push_back(job),
                    false => give_up(self.shared, job, Condition::ResourceConstraint),
                }
            }
            self.work(&mut connection, asked);
            let idle = now.saturating_since(busy) > SILENCE;
            if (self.shared.stops() || idle) && !stopping {
                stopping = true;
                let _ended = connection.machine.close(now);
            }
            let event = match connection.next_event_until(now.saturating_add(TICK))? {
                Next::Event(event) => event,
                Next::TimedOut => continue,
                Next::Finished => return Ok(()),
            };
            match event {
                OutgoingEvent::StartTls => {
                    let Some(roots) = roots.clone() else { return Ok(()) };
                    let name = self.remote.clone().try_into().map_err(io::Error::other)?;
                    let tls = rustls::ClientConnection::new(roots, name);
                    connection.start_tls(tls.map_err(io::Error::other)?)?;
                    let now = connection.now();
                    connection.machine.handle_input(now, Input::TlsEstablished);
                }
                OutgoingEvent::Verified { remote, local, id, verdict } => {
                    if let Some(question) = asked.remove(&id) {
                        drop(question.answer.send(Answer { local, remote, verdict }));
                    }
                }
                OutgoingEvent::NotAuthorized { from, to, .. } => {
                    let of = |job: &Job| matches!(job, Job::Stanza { from: f, to: t, .. } if *f == from && *t == to);
                    let (refused, rest) = self.waiting.drain(..).partition(of);
                    self.waiting = rest;
                    let refused: VecDeque<Job> = refused;
                    let why = Condition::RemoteServerNotFound;
                    refused.into_iter().for_each(|job| give_up(self.shared, job, why));
                }
                _ => {}
            }
        }
    }

    /// Does what can be done now; the rest waits.
    fn work(
        &mut self,
        connection: &mut Connection<Outgoing>,
        asked: &mut BTreeMap<String, Question>,
    ) {
        let now = connection.now();
        let machine = &mut connection.machine;
        for job in std::mem::take(&mut self.waiting) {
            match job {
                Job::Stanza { from, to, stanza } => {
                    match machine.send(now, &from, &to, stanza.clone()) {
                        Ok(()) => continue,
                        Err(CommandError::NotAuthorized) => {
                            // It asks once, however often it is told to.
                            let _later = machine.authorize(now, &from, &to);
                        }
                        Err(_) => {}
                    }
                    self.waiting.push_back(Job::Stanza { from, to, stanza });
                }
                Job::Verify(question) => {
                    let Question { local, remote, id, key, .. } = &question;
                    match machine.verify(now, local, remote, id, key) {
                        Ok(()) => drop(asked.insert(id.clone(), question)),
                        Err(_) => self.waiting.push_back(Job::Verify(question)),
                    }
                }
            }
        }
    }
}
