//! A host for SIP machines on std threads: one UDP socket, one TCP listener, and as many TCP
//! connections as come and go. Works for [`HomeServer`] and
//! [`UserAgent`] alike.

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
    Opened { socket: TcpStream, connect: Option<ConnectId> },
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
        })
    }

    /// Shows everything that goes over the wires to `observer`: whose wire it is, is told as
    /// transport and address of the other end.
    pub fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
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
            Report::Opened { socket, connect } => self.opened(socket, connect),
            Report::ConnectFailed(connect) => {
                self.machine.handle_input(now, SipInput::ConnectFailed { connect });
            }
            Report::Data { flow, data } => {
                if let Some(remote) = self.peers.get(&flow).map(|p| p.remote) {
                    self.seen(Way::ToClub, Transport::Tcp, remote, &data);
                    self.machine.handle_input(now, SipInput::Stream { flow, data: &data });
                }
            }
            Report::Closed(flow) => {
                if self.peers.remove(&flow).is_some() {
                    self.machine.handle_input(now, SipInput::FlowClosed { flow });
                }
            }
            Report::Woken => {}
        }
    }

    fn opened(&mut self, socket: TcpStream, connect: Option<ConnectId>) {
        let flow = FlowId(self.next_flow);
        self.next_flow = self.next_flow.wrapping_add(1);
        let addresses = socket.local_addr().and_then(|local| Ok((local, socket.peer_addr()?)));
        let ready =
            socket.set_nodelay(true).and_then(|()| socket.set_write_timeout(Some(WRITE_TIMEOUT)));
        let (Ok((local, remote)), Ok(()), Ok(reader)) = (addresses, ready, socket.try_clone())
        else {
            if let Some(connect) = connect {
                self.machine.handle_input(self.clock.now(), SipInput::ConnectFailed { connect });
            }
            return;
        };
        spawn_reader(reader, flow, self.sender.clone());
        self.peers.insert(flow, Peer { socket, remote });
        let input =
            SipInput::FlowOpened { flow, transport: Transport::Tcp, local, remote, connect };
        self.machine.handle_input(self.clock.now(), input);
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
                    let remote = peer.remote;
                    let sent = peer.socket.write_all(&transmit.payload).is_ok();
                    self.seen(Way::FromClub, Transport::Tcp, remote, &transmit.payload);
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
            SipEvent::ConnectWanted { connect, remote, transport: Transport::Tcp } => {
                let sender = self.sender.clone();
                thread::spawn(move || {
                    let report = match TcpStream::connect_timeout(&remote, CONNECT_TIMEOUT) {
                        Ok(socket) => Report::Opened { socket, connect: Some(connect) },
                        Err(_) => Report::ConnectFailed(connect),
                    };
                    let _gone = sender.send(report).is_err();
                });
            }
            // This host has no TLS.
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
            if sender.send(Report::Opened { socket, connect: None }).is_err() {
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
