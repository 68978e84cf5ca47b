//! Both ends of RTSP over HTTP and over WebSocket as relays: put one before a server and it is
//! reached through both, put the other before a client and it reaches such a server.
//!
//! The machines ([`rtsp_proto::tunnel`]) know the tunnel; what is here are sockets, which one
//! thread looks at in turn.

use proto_wire::websocket::{self, CloseCode, Connection, Event};
use proto_wire::{Clock, Instant, Output};
use rtsp_proto::tunnel::{
    Channel, Client, ClientConfig, ClientEvent, ClientInput, Gate, GateConfig, GateEvent,
    GateInput, Units, websocket_request,
};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a thread rests when nothing happens.
const REST: Duration = Duration::from_millis(1);

/// A relay that runs in a thread of its own until it is stopped or dropped.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Listens on `addr` for plain RTSP, HTTP tunnels and WebSocket, and passes RTSP on to the
    /// server at `server`.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn before_server(addr: impl ToSocketAddrs, server: SocketAddr) -> io::Result<Self> {
        Self::start(addr, move |listener, stop| serve(&listener, server, &stop))
    }

    /// Listens on `addr` for plain RTSP and passes it on through HTTP to the server at `server`.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn before_client(addr: impl ToSocketAddrs, server: SocketAddr) -> io::Result<Self> {
        Self::for_each(addr, move |local, stop| tunnel(local, server, stop))
    }

    /// The same over WebSocket.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn before_websocket(addr: impl ToSocketAddrs, server: SocketAddr) -> io::Result<Self> {
        Self::for_each(addr, move |local, stop| web(local, server, stop))
    }

    /// A thread for each connection.
    fn for_each(
        addr: impl ToSocketAddrs,
        relay: impl Fn(Socket, &AtomicBool) + Copy + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(addr, move |listener, stop| {
            let mut threads: Vec<JoinHandle<()>> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                if let Some(local) = Socket::accept(&listener) {
                    let stop = stop.clone();
                    threads.push(thread::spawn(move || relay(local, &stop)));
                } else {
                    thread::sleep(REST);
                }
            }
            for thread in threads {
                drop(thread.join());
            }
        })
    }

    fn start(
        addr: impl ToSocketAddrs,
        run: impl FnOnce(TcpListener, Arc<AtomicBool>) + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let thread = thread::spawn(move || run(listener, flag));
        Ok(Self { addr, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// A socket that never blocks, and what waits to be written to it.
struct Socket {
    stream: TcpStream,
    out: Vec<u8>,
    /// To be closed when all is written.
    hang_up: bool,
}

/// What a look at a socket brought.
enum Seen {
    Nothing,
    Bytes(usize),
    End,
}

impl Socket {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Vec::new(), hang_up: false })
    }

    fn accept(listener: &TcpListener) -> Option<Self> {
        listener.accept().ok().and_then(|(stream, _)| Self::new(stream).ok())
    }

    fn connect(addr: SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(addr)?)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Seen {
        match self.stream.read(buffer) {
            Ok(0) => Seen::End,
            Ok(len) => Seen::Bytes(len),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Seen::Nothing,
            Err(error) if error.kind() == ErrorKind::Interrupted => Seen::Nothing,
            Err(_) => Seen::End,
        }
    }

    /// Writes what the peer takes; whether the socket is done with.
    fn write(&mut self) -> bool {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(len) => drop(self.out.drain(..len)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
        if self.hang_up {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        self.hang_up
    }
}

/// The relay before a server: one gate for all connections.
fn serve(listener: &TcpListener, server: SocketAddr, stop: &AtomicBool) {
    let clock = Clock::start();
    let config = Arc::new(GateConfig::default());
    let mut gate: Gate<u64> = Gate::new(clock.now(), config, crate::entropy::seed());
    let mut clients: BTreeMap<u64, Socket> = BTreeMap::new();
    let mut servers: BTreeMap<u64, Socket> = BTreeMap::new();
    let mut names = 0..;
    let mut buffer = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let mut is_idle = true;
        while let (Some(socket), Some(name)) = (Socket::accept(listener), names.next()) {
            clients.insert(name, socket);
        }
        clients.retain(|name, socket| {
            let end = match socket.read(&mut buffer) {
                Seen::Nothing => false,
                Seen::Bytes(len) => {
                    is_idle = false;
                    gate.handle_input(clock.now(), GateInput::Data(*name, &buffer[..len]));
                    false
                }
                Seen::End => true,
            };
            let end = socket.write() || end;
            if end {
                gate.handle_input(clock.now(), GateInput::Eof(*name));
            }
            !end
        });
        servers.retain(|name, socket| match socket.read(&mut buffer) {
            Seen::Bytes(len) => {
                is_idle = false;
                let data = buffer[..len].to_vec().into();
                gate.send(clock.now(), *name, data).is_ok() && !socket.write()
            }
            Seen::Nothing => !socket.write(),
            Seen::End => {
                let _ = gate.close(clock.now(), *name);
                false
            }
        });
        gate.handle_timeout(clock.now());
        while let Some(output) = gate.poll_output() {
            is_idle = false;
            match output {
                Output::Transmit(to) => {
                    if let Some(socket) = clients.get_mut(&to.connection) {
                        socket.out.extend_from_slice(&to.bytes);
                    }
                }
                Output::Event(GateEvent::Opened { connection, .. }) => {
                    match Socket::connect(server) {
                        Ok(socket) => drop(servers.insert(connection, socket)),
                        Err(_) => drop(gate.close(clock.now(), connection)),
                    }
                }
                Output::Event(GateEvent::Data { connection, data }) => {
                    if let Some(socket) = servers.get_mut(&connection) {
                        socket.out.extend_from_slice(&data);
                    }
                }
                Output::Event(GateEvent::Closed { connection, .. }) => {
                    drop(servers.remove(&connection));
                }
                Output::Event(GateEvent::Hangup(name)) => {
                    if let Some(socket) = clients.get_mut(&name) {
                        socket.hang_up = true;
                    }
                }
                Output::Event(_) => {}
            }
        }
        if is_idle {
            thread::sleep(REST);
        }
    }
}

/// What carries one client's RTSP to the server.
trait Carrier {
    fn is_open(&self) -> bool;
    fn send(&mut self, now: Instant, data: &[u8]);
    fn close(&mut self, now: Instant);
    /// Reads, handles and writes once; what the server says goes to `local`. Whether anything happened.
    fn turn(&mut self, now: Instant, buffer: &mut [u8], local: &mut Socket) -> bool;
}

/// The relay before a client: one carrier for one connection.
fn relay(mut local: Socket, mut carrier: impl Carrier, clock: &Clock, stop: &AtomicBool) {
    // What the client says before the way is open.
    let mut early = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let mut is_idle = true;
        match local.read(&mut buffer) {
            Seen::Bytes(len) => {
                is_idle = false;
                early.extend_from_slice(&buffer[..len]);
            }
            Seen::Nothing => {}
            // The last words of a client that is gone go out all the same.
            Seen::End => local.hang_up = true,
        }
        let now = clock.now();
        if carrier.is_open() && !early.is_empty() {
            carrier.send(now, &early);
            early.clear();
        }
        if local.hang_up {
            carrier.close(now);
        }
        if carrier.turn(now, &mut buffer, &mut local) {
            is_idle = false;
        }
        if local.write() {
            return;
        }
        if is_idle {
            thread::sleep(REST);
        }
    }
}

/// Over HTTP.
fn tunnel(local: Socket, server: SocketAddr, stop: &AtomicBool) {
    let clock = Clock::start();
    let config = ClientConfig::new(&server.to_string(), "/").with_header("User-Agent", "relay");
    let client = Client::new(clock.now(), Arc::new(config), crate::entropy::seed());
    let Ok(client) = client else { return };
    relay(local, Tunnel { client, server, remote: BTreeMap::new() }, &clock, stop);
}

struct Tunnel {
    client: Client,
    server: SocketAddr,
    remote: BTreeMap<Channel, Socket>,
}

impl Carrier for Tunnel {
    fn is_open(&self) -> bool {
        self.client.is_open()
    }

    fn send(&mut self, now: Instant, data: &[u8]) {
        let _ = self.client.send(now, data);
    }

    fn close(&mut self, now: Instant) {
        let _ = self.client.close(now);
    }

    fn turn(&mut self, now: Instant, buffer: &mut [u8], local: &mut Socket) -> bool {
        let mut is_busy = false;
        for (channel, socket) in &mut self.remote {
            match socket.read(buffer) {
                Seen::Bytes(len) => {
                    is_busy = true;
                    self.client.handle_input(now, ClientInput::Data(*channel, &buffer[..len]));
                }
                Seen::Nothing => {}
                Seen::End => self.client.handle_input(now, ClientInput::Eof(*channel)),
            }
        }
        self.client.handle_timeout(now);
        while let Some(output) = self.client.poll_output() {
            is_busy = true;
            match output {
                Output::Transmit((channel, bytes)) => {
                    if let Some(socket) = self.remote.get_mut(&channel) {
                        socket.out.extend_from_slice(&bytes);
                    }
                }
                Output::Event(ClientEvent::Connect(channel)) => {
                    match Socket::connect(self.server) {
                        Ok(socket) => drop(self.remote.insert(channel, socket)),
                        Err(_) => self.client.handle_input(now, ClientInput::Eof(channel)),
                    }
                }
                Output::Event(ClientEvent::Data(data)) => local.out.extend_from_slice(&data),
                Output::Event(ClientEvent::Closed(_)) => local.hang_up = true,
                Output::Event(_) => {}
            }
        }
        for socket in self.remote.values_mut() {
            socket.write();
        }
        is_busy
    }
}

/// Over WebSocket.
fn web(local: Socket, server: SocketAddr, stop: &AtomicBool) {
    let clock = Clock::start();
    let request = websocket_request(&server.to_string(), "/rtsp-over-websocket");
    let config = Arc::new(websocket::Config::default());
    let opened = Connection::client(clock.now(), config, crate::entropy::seed(), request);
    let (Ok(web), Ok(remote)) = (opened, Socket::connect(server)) else { return };
    relay(local, Web { web, remote, units: Units::new() }, &clock, stop);
}

struct Web {
    web: Connection,
    remote: Socket,
    units: Units,
}

impl Carrier for Web {
    fn is_open(&self) -> bool {
        self.web.is_open()
    }

    fn send(&mut self, now: Instant, data: &[u8]) {
        self.units.feed(data, |unit| {
            let _sent = self.web.binary(now, unit);
        });
    }

    fn close(&mut self, now: Instant) {
        let _ = self.web.close(now, CloseCode::NORMAL, "");
    }

    fn turn(&mut self, now: Instant, buffer: &mut [u8], local: &mut Socket) -> bool {
        let mut is_busy = false;
        match self.remote.read(buffer) {
            Seen::Bytes(len) => {
                is_busy = true;
                self.web.handle_input(now, websocket::Input::Data(&buffer[..len]));
            }
            Seen::Nothing => {}
            Seen::End => self.web.handle_input(now, websocket::Input::Eof),
        }
        self.web.handle_timeout(now);
        while let Some(output) = self.web.poll_output() {
            is_busy = true;
            match output {
                Output::Transmit(bytes) => self.remote.out.extend_from_slice(&bytes),
                Output::Event(Event::Binary(data) | Event::Text(data)) => {
                    local.out.extend_from_slice(&data);
                }
                Output::Event(Event::Closed(_)) => local.hang_up = true,
                Output::Event(_) => {}
            }
        }
        self.remote.write();
        is_busy
    }
}
