//! XMPP over HTTP for a blocking program: each request is posted by a thread of its own, over
//! a connection of its own, behind the one before, and its outcome comes back through a channel.

use proto_wire::http::{HeadBuffer, HeadWriter};
use proto_wire::{Clock, Instant, Machine as _, Output, StreamMachine};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use xmpp_proto::transport::bosh::{BoshClient, CONTENT_TYPE, ClientInput};

/// Where the connection manager listens.
#[derive(Clone, Debug)]
pub struct Url {
    /// The address to connect to.
    pub addr: SocketAddr,
    /// The name for `Host`.
    pub host: String,
    /// The path, as `/http-bind`.
    pub path: String,
}

/// The largest response that is read, in bytes.
const RESPONSE_MAX: u64 = 4 * 1024 * 1024;

type Outcome = (u64, io::Result<(u16, Vec<u8>)>);

/// A client, its clock and its requests.
pub struct Driver<M: StreamMachine> {
    /// The client; commands go to its machine.
    pub bosh: BoshClient<M>,
    clock: Clock,
    url: Url,
    sender: Sender<Outcome>,
    outcomes: Receiver<Outcome>,
    /// Requests whose outcome is made a failure: to see what becomes of them.
    pub failures: u32,
    /// Requests that were posted.
    pub posted: u32,
    /// Tells when the last of them is written.
    written: Option<Receiver<()>>,
}

impl<M: StreamMachine> Driver<M> {
    /// Around a client that was made at a time of `clock`.
    pub fn new(bosh: BoshClient<M>, clock: Clock, url: Url) -> Self {
        let (sender, outcomes) = channel();
        Self { bosh, clock, url, sender, outcomes, failures: 0, posted: 0, written: None }
    }

    /// The time of its clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The next event, or `None` when there is none within `wait`.
    pub fn next_event(&mut self, wait: Duration) -> Option<M::Event> {
        let until = self.now().saturating_add(wait);
        loop {
            while let Some(output) = self.bosh.poll_output() {
                match output {
                    Output::Event(event) => return Some(event),
                    Output::Transmit(request) => self.post(request.id, request.body.to_vec()),
                }
            }
            let now = self.now();
            let due = self.bosh.poll_timeout().map_or(until, |at| at.min(until));
            match self.outcomes.recv_timeout(due.saturating_since(now)) {
                Ok((id, Ok((status, body)))) if self.failures == 0 => {
                    let input = ClientInput::Response { id, status, body: &body };
                    self.bosh.handle_input(self.clock.now(), input);
                }
                Ok((id, outcome)) => {
                    if outcome.is_ok() {
                        self.failures -= 1;
                    }
                    self.bosh.handle_input(self.clock.now(), ClientInput::Failed { id });
                }
                Err(_) => {
                    self.bosh.handle_timeout(self.clock.now());
                    if self.now() >= until {
                        return None;
                    }
                }
            }
        }
    }

    fn post(&mut self, id: u64, body: Vec<u8>) {
        self.posted += 1;
        let (url, sender) = (self.url.clone(), self.sender.clone());
        let (tell, written) = channel();
        let before = self.written.replace(written);
        std::thread::spawn(move || {
            let connected = TcpStream::connect(url.addr);
            // Written, or given up.
            let _given_up = before.map(|before| before.recv());
            let sent = connected.and_then(|mut socket| {
                send(&mut socket, &url, &body)?;
                Ok(socket)
            });
            drop(tell);
            // Nobody waits any more when this fails.
            drop(sender.send((id, sent.and_then(receive))));
        });
    }
}

/// Posts a body, and reads the response.
///
/// # Errors
/// There is none that can be read.
pub fn post(url: &Url, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut socket = TcpStream::connect(url.addr)?;
    send(&mut socket, url, body)?;
    receive(socket)
}

fn send(socket: &mut TcpStream, url: &Url, body: &[u8]) -> io::Result<()> {
    let head = HeadWriter::new(&format!("POST {} HTTP/1.1", url.path))
        .header("Host", &url.host)
        .header("Content-Type", CONTENT_TYPE)
        .header("Content-Length", &body.len().to_string())
        .header("Connection", "close");
    socket.write_all(&[&head.finish()[..], body].concat())
}

fn receive(socket: TcpStream) -> io::Result<(u16, Vec<u8>)> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_string());
    let mut bytes = Vec::new();
    socket.take(RESPONSE_MAX).read_to_end(&mut bytes)?;
    let mut head = HeadBuffer::new(16 * 1024);
    let used = head.feed(&bytes).map_err(|_| broken("a long head"))?;
    let body = used.and_then(|used| bytes.get(used..)).ok_or_else(|| broken("no head"))?;
    let head = head.response(64).map_err(|_| broken("no HTTP"))?;
    let length = head.headers.text("Content-Length").and_then(|text| text.parse().ok());
    match length {
        Some(length) if body.len() < length => Err(broken("cut short")),
        _ => Ok((head.status, body.get(..length.unwrap_or(body.len())).unwrap_or(body).to_vec())),
    }
}
