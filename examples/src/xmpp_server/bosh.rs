//! Clients over HTTP (XEP-0124, 0206): each connection's thread reads requests and waits for
//! their responses, which come from the thread of the session that they belong to.

use super::http::{Http, HttpEvent, Request};
use super::serve::{Line, around, drive};
use super::{Door, Shared, host};
use crate::drive::Next;
use crate::drive::blocking::Connection;
use crate::observed::Observed;
use proto_wire::{Clock, Instant, Machine as _, Output, StreamMachine as _};
use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use xmpp_proto::server::{Event, ServerConnection};
use xmpp_proto::transport::bosh::{
    Body, BoshServerConfig, BoshSession, CONTENT_TYPE, Condition, Response, ServerInput, refusal,
};

/// How often a thread that waits looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(50);
/// Pages of other hosts may ask, too: what they may do is for the login to say.
const FROM_ANYWHERE: (&str, &str) = ("Access-Control-Allow-Origin", "*");

/// The sessions, by their names, and what they run on.
#[derive(Default)]
pub(super) struct Sessions {
    posts: BTreeMap<String, Sender<Post>>,
    threads: Vec<JoinHandle<()>>,
    last: u64,
}

impl Sessions {
    /// Waits for all of them to end.
    pub(super) fn join(&mut self) {
        self.posts.clear();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// What a connection tells a session.
enum Post {
    Request { id: u64, body: Vec<u8>, answer: Sender<Response> },
    Gone(u64),
}

/// Serves one connection.
pub(super) fn http(socket: TcpStream, shared: &Arc<Shared>, door: &Arc<Door>) -> io::Result<()> {
    let limit = BoshServerConfig::new().limits_after.stanza_max;
    let machine = Http::new(shared.clock.now(), limit);
    let mut connection = Connection::new(socket, machine, shared.clock)?;
    if door.tls {
        connection.start_tls(around(shared)?)?;
    }
    loop {
        let until = connection.now().saturating_add(LOOK);
        let request = match connection.next_event_until(until)? {
            Next::Event(HttpEvent::Request(request)) => request,
            Next::TimedOut if shared.stops() => return Ok(()),
            Next::TimedOut => continue,
            Next::Event(HttpEvent::Closed) | Next::Finished => return Ok(()),
        };
        let Request { method, body } = request;
        let (status, headers, body) = match method.as_str() {
            "POST" => {
                let Some(response) = post(&connection, shared, door, body) else { return Ok(()) };
                let status = match response.status {
                    200 => "200 OK",
                    400 => "400 Bad Request",
                    403 => "403 Forbidden",
                    _ => "404 Not Found",
                };
                (status, vec![("Content-Type", CONTENT_TYPE)], response.body)
            }
            // Browsers ask first.
            "OPTIONS" => {
                let allowed = vec![
                    ("Access-Control-Allow-Methods", "POST, OPTIONS"),
                    ("Access-Control-Allow-Headers", "Content-Type"),
                    ("Access-Control-Max-Age", "86400"),
                ];
                ("200 OK", allowed, bytes::Bytes::new())
            }
            "GET" | "HEAD" => {
                let text = bytes::Bytes::from_static(b"XMPP over HTTP: POST a <body/>.\n");
                ("200 OK", vec![("Content-Type", "text/plain; charset=utf-8")], text)
            }
            _ => (
                "405 Method Not Allowed",
                vec![("Allow", "POST, OPTIONS, GET")],
                bytes::Bytes::new(),
            ),
        };
        let mut all = vec![FROM_ANYWHERE];
        all.extend(headers);
        let now = connection.now();
        connection.machine.respond(now, status, &all, &body);
    }
}

/// Hands a request to its session, and waits for the response; `None` when nobody waits for it
/// any more.
fn post(
    connection: &Connection<Http>,
    shared: &Arc<Shared>,
    door: &Arc<Door>,
    bytes: Vec<u8>,
) -> Option<Response> {
    // The session checks it again, with limits that depend on who asks.
    let Ok(body) = Body::parse(&bytes, BoshServerConfig::new().limits_after) else {
        return Some(refusal(0, Condition::BadRequest));
    };
    let sid = body.sid().map(std::borrow::Cow::into_owned);
    let (answer, answered) = channel();
    let (id, session) = {
        let mut sessions = shared.sessions();
        sessions.last += 1;
        let id = sessions.last;
        let session = match &sid {
            Some(sid) => sessions.posts.get(sid).cloned(),
            None => begin(shared, door, &mut sessions),
        };
        (id, session)
    };
    let sent = session.as_ref().map(|posts| posts.send(Post::Request { id, body: bytes, answer }));
    let (Some(session), Some(Ok(()))) = (session, sent) else {
        return Some(refusal(id, Condition::ItemNotFound));
    };
    loop {
        match answered.recv_timeout(LOOK) {
            Ok(response) => return Some(response),
            Err(RecvTimeoutError::Timeout) if is_there(connection.socket()) => {}
            Err(RecvTimeoutError::Timeout) => {
                drop(session.send(Post::Gone(id)));
                return None;
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Some(refusal(id, Condition::ItemNotFound));
            }
        }
    }
}

/// Whether the client's end of a connection is open.
fn is_there(socket: &TcpStream) -> bool {
    let quick = socket.set_read_timeout(Some(Duration::from_millis(1)));
    quick.is_ok()
        && match socket.peek(&mut [0]) {
            Ok(len) => len > 0,
            Err(e) => matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
}

/// A new session on a thread of its own; `None` when there are too many.
fn begin(shared: &Arc<Shared>, door: &Arc<Door>, sessions: &mut Sessions) -> Option<Sender<Post>> {
    if shared.stops() {
        return None;
    }
    let place = shared.place()?;
    let (now, seed) = (shared.clock.now(), crate::entropy::seed());
    let machine = ServerConnection::new(now, Arc::clone(&door.config), seed);
    let (posts, inbox) = channel();
    let config = Arc::new(BoshServerConfig::new());
    let observed = Observed::new(machine, "", shared.options.observer.clone());
    let session = BoshSession::new(now, config, crate::entropy::seed(), observed);
    let sid = session.sid().to_string();
    sessions.posts.insert(sid.clone(), posts.clone());
    sessions.threads.retain(|thread| !thread.is_finished());
    let shared = Arc::clone(shared);
    sessions.threads.push(std::thread::spawn(move || {
        let mut line = BoshLine {
            session,
            clock: shared.clock,
            posts: inbox,
            open: BTreeMap::new(),
            finished: false,
        };
        host(&shared, |key, mail, kept| {
            line.observed().who = format!("#{key}");
            drive(&mut line, &shared, key, mail, kept)
        });
        shared.sessions().posts.remove(&sid);
        drop(place);
    }));
    Some(posts)
}

/// A session and the requests that wait in it.
struct BoshLine {
    session: BoshSession<Observed<ServerConnection>>,
    clock: Clock,
    posts: Receiver<Post>,
    open: BTreeMap<u64, Sender<Response>>,
    finished: bool,
}

impl Line for BoshLine {
    fn observed(&mut self) -> &mut Observed<ServerConnection> {
        &mut self.session.machine
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn next_event_until(&mut self, until: Instant) -> io::Result<Next<Event>> {
        loop {
            if self.finished {
                return Ok(Next::Finished);
            }
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Transmit(response) => {
                        // Nobody waits any more when this fails; the session keeps a copy.
                        let _gone = self.open.remove(&response.id).map(|a| a.send(response));
                    }
                    Output::Event(event) => {
                        self.finished = Observed::<ServerConnection>::is_closed(&event);
                        return Ok(Next::Event(event));
                    }
                }
            }
            let now = self.clock.now();
            let deadline = self.session.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.session.handle_timeout(now);
                continue;
            }
            if until <= now {
                return Ok(Next::TimedOut);
            }
            let wait = deadline.map_or(until, |at| at.min(until)).saturating_since(now);
            match self.posts.recv_timeout(wait) {
                Ok(Post::Request { id, body, answer }) => {
                    self.open.insert(id, answer);
                    let input = ServerInput::Request { id, body: &body };
                    self.session.handle_input(self.clock.now(), input);
                }
                Ok(Post::Gone(id)) => {
                    self.open.remove(&id);
                    self.session.handle_input(self.clock.now(), ServerInput::Gone { id });
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The server stops.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(wait),
            }
        }
    }

    fn start_tls(&mut self, _: &Shared) -> io::Result<()> {
        Err(io::Error::other("TLS is HTTP's"))
    }
}
