//! A host for SIP machines on std threads: one UDP socket, one TCP listener, and as many TCP
//! connections as come and go; those that the machine opens may be under TLS. Works for [`HomeServer`] and
//! [`UserAgent`] alike.

use crate::drive::layer::Layer;
use crate::ladder::Way;
use crate::observed::Observer;
use proto_wire::{Clock, Instant, Machine, Output};
use sip_proto::Transport;
use sip_proto::endpoint::{ConnectId, FlowId, Path, SipEvent, SipInput, SipTransmit};
use sip_proto::home::{HomeEvent, HomeServer};
use sip_proto::ua::{self, UserAgent};
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A machine that this host can drive.
pub trait SipMachine:
    for<'a> Machine<Input<'a> = SipInput<'a>, Transmit = SipTransmit> + Send + 'static
{
    /// The part of an event that is the host's business.
    fn endpoint_event(event: &Self::Event) -> Option<&SipEvent>;
}

impl SipMachine for HomeServer {
    fn endpoint_event(event: &HomeEvent) -> Option<&SipEvent> {
        match event {
            HomeEvent::Endpoint(event) => Some(event),
            _ => None,
        }
    }
}

impl SipMachine for UserAgent {
    fn endpoint_event(event: &ua::Event) -> Option<&SipEvent> {
        match event {
            ua::Event::Endpoint(event) => Some(event),
            _ => None,
        }
    }
}

/// What the threads that wait at sockets report.
enum Report {
    Datagram { remote: SocketAddr, data: Vec<u8> },
    Opened { socket: TcpStream, transport: Transport, connect: Option<ConnectId> },
    ConnectFailed(ConnectId),
    Data { flow: FlowId, data: Vec<u8> },
    Closed(FlowId),
    Woken,
}

/// Wakes a host that waits, from another thread.
#[derive(Clone, Debug)]
pub struct Waker(Sender<Report>);

impl Waker {
    /// Makes [`Host::next_event`] return.
    pub fn wake(&self) {
        // A host that is gone needs no waking.
        let _gone = self.0.send(Report::Woken).is_err();
    }
}

/// What a wait ended with.
#[derive(Debug)]
pub enum Next<E> {
    /// Something happened.
    Event(E),
    /// The time is up, or somebody called [`Waker::wake`].
    Nothing,
}

struct Peer {
    socket: TcpStream,
    remote: SocketAddr,
    transport: Transport,
    layer: Layer,
}

impl Peer {
    /// Sends what the machine says, or what only the layer has to say.
    fn send(&mut self, plain: &[u8]) -> io::Result<()> {
        let mut raw = Vec::new();
        self.layer.send(plain, &mut raw)?;
        self.layer.flush(&mut raw)?;
        self.socket.write_all(&raw)
    }

    /// What the network said; empty while the layer talks to itself.
    fn receive(&mut self, raw: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        // That the peer closes within the layer is told by the socket too.
        let _open = self.layer.receive(raw, &mut plain)?;
        self.send(&[])?;
        Ok(plain)
    }
}

/// A machine with its sockets.
pub struct Host<M: SipMachine> {
    /// The machine. Call commands on it, with [`Host::now`], between two events.
    pub machine: M,
    clock: Clock,
    udp: Arc<UdpSocket>,
    address: SocketAddr,
    peers: BTreeMap<FlowId, Peer>,
    next_flow: u64,
    reports: Receiver<Report>,
    sender: Sender<Report>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    observer: Option<Observer>,
    trust: Option<Arc<rustls::ClientConfig>>,
}

/// How long a write may wait for a peer that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl<M: SipMachine> Host<M> {
    /// Binds UDP and TCP to one port (0: any) and makes the machine, which needs to know the
    /// address.
    ///
    /// # Errors
    ///
    /// When a socket cannot be bound.
    pub fn bind(
        listen: SocketAddr,
        make: impl FnOnce(Instant, SocketAddr) -> M,
    ) -> io::Result<Self> {
        let (tcp, udp) = bind_pair(listen)?;
        let address = udp.local_addr()?;
        let clock = Clock::start();
        let (sender, reports) = mpsc::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let udp = Arc::new(udp);
        let threads = vec![
            spawn_udp(Arc::clone(&udp), sender.clone(), Arc::clone(&stopping)),
            spawn_accept(tcp, sender.clone(), Arc::clone(&stopping)),
        ];
        Ok(Self {
            machine: make(clock.now(), address),
            clock,
            udp,
            address,
            peers: BTreeMap::new(),
            next_flow: 1,
            reports,
            sender,
            stopping,
            threads,
            observer: None,
            trust: None,
        })
    }

    /// Shows everything that goes over the wires to `observer`: whose wire it is, is told as
    /// transport and address of the other end.
    pub fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// Lets the machine open streams under TLS, to servers that these can be trusted to be.
    pub fn trust(&mut self, config: Arc<rustls::ClientConfig>) {
        self.trust = Some(config);
    }

    /// The address that both sockets are bound to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time to give to commands.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// To wake this host from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(self.sender.clone())
    }

    /// Waits for the next event, at most for `wait`.
    pub fn next_event(&mut self, wait: Duration) -> Next<M::Event> {
        let until = self.clock.now().saturating_add(wait);
        loop {
            // 1. Drain, in order: what stands before an event is sent before it counts.
            while let Some(output) = self.machine.poll_output() {
                match output {
                    Output::Transmit(transmit) => self.transmit(transmit),
                    Output::Event(event) => {
                        if let Some(own) = M::endpoint_event(&event) {
                            self.host_event(own.clone());
                        }
                        return Next::Event(event);
                    }
                }
            }
            // 2. Sleep until input, the machine's time, or the caller's.
            let now = self.clock.now();
            let wake = self.machine.poll_timeout().map_or(until, |at| at.min(until));
            match self.reports.recv_timeout(wake.saturating_since(now)) {
                Ok(Report::Woken) => return Next::Nothing,
                Ok(report) => self.report(report),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            // 3. Let time act.
            let now = self.clock.now();
            self.machine.handle_timeout(now);
            if now >= until {
                return match self.machine.poll_output() {
                    None => Next::Nothing,
                    Some(Output::Event(event)) => {
                        if let Some(own) = M::endpoint_event(&event) {
                            self.host_event(own.clone());
                        }
                        Next::Event(event)
                    }
                    Some(Output::Transmit(transmit)) => {
                        self.transmit(transmit);
                        continue;
                    }
                };
            }
        }
    }

    fn report(&mut self, report: Report) {
        let now = self.clock.now();
        match report {
            Report::Datagram { remote, data } => {
                self.seen(Way::ToClub, Transport::Udp, remote, &data);
                let local = self.address;
                self.machine.handle_input(now, SipInput::Datagram { local, remote, data: &data });
            }
            Report::Opened { socket, transport, connect } => {
                self.opened(socket, transport, connect);
            }
            Report::ConnectFailed(connect) => {
                self.machine.handle_input(now, SipInput::ConnectFailed { connect });
            }
            Report::Data { flow, data } => {
                let Some(peer) = self.peers.get_mut(&flow) else { return };
                let (remote, transport) = (peer.remote, peer.transport);
                match peer.receive(&data) {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        self.seen(Way::ToClub, transport, remote, &data);
                        self.machine.handle_input(now, SipInput::Stream { flow, data: &data });
                    }
                    // The layer is broken: so is all that goes over it.
                    Err(_) => self.closed(flow),
                }
            }
            Report::Closed(flow) => self.closed(flow),
            Report::Woken => {}
        }
    }

    fn closed(&mut self, flow: FlowId) {
        if let Some(peer) = self.peers.remove(&flow) {
            let _closed = peer.socket.shutdown(Shutdown::Both).is_err();
            self.machine.handle_input(self.clock.now(), SipInput::FlowClosed { flow });
        }
    }

    fn opened(&mut self, socket: TcpStream, transport: Transport, connect: Option<ConnectId>) {
        let flow = FlowId(self.next_flow);
        self.next_flow = self.next_flow.wrapping_add(1);
        let addresses = socket.local_addr().and_then(|local| Ok((local, socket.peer_addr()?)));
        let ready =
            socket.set_nodelay(true).and_then(|()| socket.set_write_timeout(Some(WRITE_TIMEOUT)));
        let layer = match (&addresses, &self.trust) {
            (Ok((_, remote)), Some(trust)) if transport == Transport::Tls => {
                Layer::client(Arc::clone(trust), *remote)
            }
            _ => Ok(Layer::Plain),
        };
        let (Ok((local, remote)), Ok(()), Ok(reader), Ok(layer)) =
            (addresses, ready, socket.try_clone(), layer)
        else {
            if let Some(connect) = connect {
                self.machine.handle_input(self.clock.now(), SipInput::ConnectFailed { connect });
            }
            return;
        };
        spawn_reader(reader, flow, self.sender.clone());
        let mut peer = Peer { socket, remote, transport, layer };
        // The first words of the layer; what the machine says meanwhile waits in it.
        let begun = peer.send(&[]);
        self.peers.insert(flow, peer);
        let input = SipInput::FlowOpened { flow, transport, local, remote, connect };
        self.machine.handle_input(self.clock.now(), input);
        if begun.is_err() {
            self.closed(flow);
        }
    }

    fn transmit(&mut self, transmit: SipTransmit) {
        let sent = match transmit.path {
            Path::Datagram { remote, .. } => {
                self.seen(Way::FromClub, Transport::Udp, remote, &transmit.payload);
                self.udp.send_to(&transmit.payload, remote).is_ok()
            }
            Path::Stream(flow) => match self.peers.get_mut(&flow) {
                None => false,
                Some(peer) => {
                    let (remote, transport) = (peer.remote, peer.transport);
                    let sent = peer.send(&transmit.payload).is_ok();
                    self.seen(Way::FromClub, transport, remote, &transmit.payload);
                    sent
                }
            },
        };
        if !sent {
            self.machine.handle_input(self.clock.now(), SipInput::SendFailed { id: transmit.id });
        }
    }

    /// What the machine asks of its host.
    fn host_event(&mut self, event: SipEvent) {
        match event {
            SipEvent::ConnectWanted { connect, remote, transport }
                if transport == Transport::Tcp
                    || (transport == Transport::Tls && self.trust.is_some()) =>
            {
                let sender = self.sender.clone();
                thread::spawn(move || {
                    let report = match TcpStream::connect_timeout(&remote, CONNECT_TIMEOUT) {
                        Ok(socket) => Report::Opened { socket, transport, connect: Some(connect) },
                        Err(_) => Report::ConnectFailed(connect),
                    };
                    let _gone = sender.send(report).is_err();
                });
            }
            // Without somebody to trust there is no TLS, and there is no WebSocket here.
            SipEvent::ConnectWanted { connect, .. } => {
                self.machine.handle_input(self.clock.now(), SipInput::ConnectFailed { connect });
            }
            SipEvent::FlowClosed { flow, .. } => {
                if let Some(peer) = self.peers.remove(&flow) {
                    let _closed = peer.socket.shutdown(Shutdown::Both).is_err();
                }
            }
            _ => {}
        }
    }

    fn seen(&self, way: Way, transport: Transport, remote: SocketAddr, bytes: &[u8]) {
        if let Some(observer) = &self.observer {
            observer(way, &format!("{transport} {remote}"), &String::from_utf8_lossy(bytes));
        }
    }
}

impl<M: SipMachine> Drop for Host<M> {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // One packet and one connection to ourselves wake the threads that wait.
        let mut own = self.address;
        if own.ip().is_unspecified() {
            own.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let _woken = self.udp.send_to(b"\r\n", own).is_err();
        let _woken = TcpStream::connect_timeout(&own, Duration::from_secs(1)).is_err();
        for peer in self.peers.values() {
            let _closed = peer.socket.shutdown(Shutdown::Both).is_err();
        }
        for thread in self.threads.drain(..) {
            let _panicked = thread.join().is_err();
        }
    }
}

/// A TCP listener and a UDP socket with the same port.
fn bind_pair(listen: SocketAddr) -> io::Result<(TcpListener, UdpSocket)> {
    let mut last = None;
    for _ in 0..16 {
        let tcp = TcpListener::bind(listen)?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => return Ok((tcp, udp)),
            // Another program has this port for UDP; with port 0 there are others.
            Err(error) if listen.port() == 0 => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

fn spawn_udp(
    udp: Arc<UdpSocket>,
    sender: Sender<Report>,
    stopping: Arc<AtomicBool>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while !stopping.load(Ordering::SeqCst) {
            // An error here is an ICMP report about an earlier packet; Timer F covers it.
            let Ok((length, remote)) = udp.recv_from(&mut buffer) else { continue };
            let data = buffer.get(..length).unwrap_or_default().to_vec();
            if sender.send(Report::Datagram { remote, data }).is_err() {
                return;
            }
        }
    })
}

fn spawn_accept(
    tcp: TcpListener,
    sender: Sender<Report>,
    stopping: Arc<AtomicBool>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        for socket in tcp.incoming() {
            if stopping.load(Ordering::SeqCst) {
                return;
            }
            let Ok(socket) = socket else { continue };
            let report = Report::Opened { socket, transport: Transport::Tcp, connect: None };
            if sender.send(report).is_err() {
                return;
            }
        }
    })
}

/// Ends with its socket.
fn spawn_reader(mut socket: TcpStream, flow: FlowId, sender: Sender<Report>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = socket.read(&mut buffer).unwrap_or(0);
            if length == 0 {
                let _gone = sender.send(Report::Closed(flow)).is_err();
                return;
            }
            let data = buffer.get(..length).unwrap_or_default().to_vec();
            if sender.send(Report::Data { flow, data }).is_err() {
                return;
            }
        }
    });
}
