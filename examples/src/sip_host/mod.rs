//! A host for SIP machines on std threads: one UDP socket and one TCP listener, when asked for also
//! TLS and `WebSocket`, and as many connections as come and go. Works for [`HomeServer`] and
//! [`UserAgent`] alike.

mod link;
mod sockets;

pub use crate::drive::Next;

use crate::ladder::Way;
use crate::observed::Observer;
use link::Link;
use proto_wire::{Clock, Instant, Machine, Output};
use sip_proto::Transport;
use sip_proto::endpoint::{ConnectId, FlowId, Listener, Path, SipEvent, SipInput, SipTransmit};
use sip_proto::home::{HomeEvent, HomeServer};
use sip_proto::ua::{self, UserAgent};
use sockets::{Report, bind_pair, spawn_accept, spawn_reader, spawn_udp};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
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

/// Where a host listens, and what it trusts.
#[derive(Clone, Default)]
pub struct Listen {
    /// TLS, at an address of its own.
    pub tls: Option<(SocketAddr, Arc<rustls::ServerConfig>)>,
    /// `WebSocket` (RFC 7118), at an address of its own.
    pub web: Option<SocketAddr>,
    /// `WebSocket` under TLS, with what [`Listen::tls`] shows.
    pub secure_web: Option<SocketAddr>,
    /// Whom connections of our own over TLS trust; certificates must name the address.
    pub trust: Option<Arc<rustls::ClientConfig>>,
}

struct Peer {
    link: Link,
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    /// What it was opened for, until the machine knows of it.
    connect: Option<ConnectId>,
    told: bool,
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
    secure: Listen,
    addresses: Vec<SocketAddr>,
}

/// How long a write may wait for a peer that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl<M: SipMachine> Host<M> {
    /// Binds UDP and TCP to one port (0: any) and makes the machine, which needs to know where
    /// it listens.
    ///
    /// # Errors
    ///
    /// When a socket cannot be bound.
    pub fn bind(
        listen: SocketAddr,
        make: impl FnOnce(Instant, Vec<Listener>) -> M,
    ) -> io::Result<Self> {
        Self::bind_more(listen, Listen::default(), make)
    }

    /// The same with TLS and `WebSocket`. A client that only connects to others names itself all
    /// the same: over TLS by its main address, over `WebSocket` by a name that leads nowhere
    /// (RFC 7118 §5.2.2).
    ///
    /// # Errors
    ///
    /// When a socket cannot be bound.
    pub fn bind_more(
        listen: SocketAddr,
        secure: Listen,
        make: impl FnOnce(Instant, Vec<Listener>) -> M,
    ) -> io::Result<Self> {
        let (tcp, udp) = bind_pair(listen)?;
        let address = udp.local_addr()?;
        let (sender, reports) = mpsc::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let udp = Arc::new(udp);
        let mut threads = vec![spawn_udp(Arc::clone(&udp), sender.clone(), Arc::clone(&stopping))];
        let mut addresses = Vec::new();
        let mut listeners = vec![Listener::new(Transport::Udp, address)];
        let tls = secure.tls.as_ref().map(|(at, _)| TcpListener::bind(at)).transpose()?;
        let web = secure.web.map(TcpListener::bind).transpose()?;
        if secure.secure_web.is_some() && secure.tls.is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "WebSocket under TLS needs TLS",
            ));
        }
        let secure_web = secure.secure_web.map(TcpListener::bind).transpose()?;
        let accepting = [
            (Transport::Tcp, Some(tcp)),
            (Transport::Tls, tls),
            (Transport::Ws, web),
            (Transport::Wss, secure_web),
        ];
        for (transport, socket) in accepting {
            let Some(socket) = socket else { continue };
            let at = socket.local_addr()?;
            addresses.push(at);
            listeners.push(Listener::new(transport, at));
            threads.push(spawn_accept(socket, transport, sender.clone(), Arc::clone(&stopping)));
        }
        if secure.tls.is_none() {
            listeners.push(Listener::new(Transport::Tls, address));
        }
        let name = format!("{:x}.invalid", u64::from(address.port()).wrapping_mul(0x9E37_79B9));
        let webs = [(Transport::Ws, secure.web), (Transport::Wss, secure.secure_web)];
        for (transport, _) in webs.into_iter().filter(|(_, at)| at.is_none()) {
            listeners.push(Listener::new(transport, address).with_sent_by(name.clone()));
        }
        let clock = Clock::start();
        Ok(Self {
            machine: make(clock.now(), listeners),
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
            secure,
            addresses,
        })
    }

    /// Shows everything that goes over the wires to `observer`: whose wire it is, is told as
    /// transport and address of the other end.
    pub fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// Lets the machine open streams under TLS, to servers that these can be trusted to be.
    pub fn trust(&mut self, config: Arc<rustls::ClientConfig>) {
        self.secure.trust = Some(config);
    }

    /// Where it listens for streams: TCP, then TLS, `WebSocket` and that under TLS as asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
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

    /// Waits for the next event, at most for `wait`, and until [`Waker::wake`]. A host has no last event:
    /// it never says [`Next::Finished`].
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
                Ok(Report::Woken) => return Next::TimedOut,
                Ok(report) => self.report(report),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            // 3. Let time act.
            let now = self.clock.now();
            self.machine.handle_timeout(now);
            if now >= until {
                return match self.machine.poll_output() {
                    None => Next::TimedOut,
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
                if let Some(peer) = self.peers.get_mut(&flow) {
                    peer.link.take(now, &data);
                    self.serve(flow);
                }
            }
            Report::Closed(flow) => self.lost(flow),
            Report::Woken => {}
        }
    }

    fn opened(&mut self, socket: TcpStream, transport: Transport, connect: Option<ConnectId>) {
        let flow = FlowId(self.next_flow);
        self.next_flow = self.next_flow.wrapping_add(1);
        let addresses = socket.local_addr().and_then(|local| Ok((local, socket.peer_addr()?)));
        let ready =
            socket.set_nodelay(true).and_then(|()| socket.set_write_timeout(Some(WRITE_TIMEOUT)));
        let now = self.clock.now();
        let made = addresses.and_then(|ends| {
            ready?;
            let reader = socket.try_clone()?;
            let link = Link::new(now, socket, transport, connect.is_some(), &self.secure)?;
            Ok((ends, reader, link))
        });
        let Ok(((local, remote), reader, link)) = made else {
            if let Some(connect) = connect {
                self.machine.handle_input(now, SipInput::ConnectFailed { connect });
            }
            return;
        };
        spawn_reader(reader, flow, self.sender.clone());
        let peer = Peer { link, transport, local, remote, connect, told: false };
        self.peers.insert(flow, peer);
        self.serve(flow);
    }

    /// Carries what a connection has read to the machine.
    fn serve(&mut self, flow: FlowId) {
        let now = self.clock.now();
        let Some(peer) = self.peers.get_mut(&flow) else { return };
        let (transport, local, remote) = (peer.transport, peer.local, peer.remote);
        if peer.link.is_ready() && !peer.told {
            peer.told = true;
            let connect = peer.connect.take();
            let input = SipInput::FlowOpened { flow, transport, local, remote, connect };
            self.machine.handle_input(now, input);
        }
        while let Some(data) = self.peers.get_mut(&flow).and_then(|p| p.link.received()) {
            self.seen(Way::ToClub, transport, remote, &data);
            self.machine.handle_input(now, SipInput::Stream { flow, data: &data });
        }
        if self.peers.get(&flow).is_some_and(|p| p.link.is_over()) {
            self.lost(flow);
        }
    }

    fn lost(&mut self, flow: FlowId) {
        let Some(peer) = self.peers.remove(&flow) else { return };
        peer.link.shut_down();
        let now = self.clock.now();
        match peer.connect {
            Some(connect) => self.machine.handle_input(now, SipInput::ConnectFailed { connect }),
            None if peer.told => self.machine.handle_input(now, SipInput::FlowClosed { flow }),
            None => {}
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
                    let (transport, remote) = (peer.transport, peer.remote);
                    let sent = peer.link.send(self.clock.now(), &transmit.payload);
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
                if Link::can(transport, &self.secure) =>
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
            SipEvent::ConnectWanted { connect, .. } => {
                self.machine.handle_input(self.clock.now(), SipInput::ConnectFailed { connect });
            }
            SipEvent::FlowClosed { flow, .. } => {
                if let Some(peer) = self.peers.remove(&flow) {
                    peer.link.shut_down();
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
        // One packet and a connection to each of our own wake the threads that wait.
        let reachable = |mut at: SocketAddr| {
            if at.ip().is_unspecified() {
                at.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            at
        };
        let _woken = self.udp.send_to(b"\r\n", reachable(self.address)).is_err();
        for at in &self.addresses {
            let own = reachable(*at);
            let _woken = TcpStream::connect_timeout(&own, Duration::from_secs(1)).is_err();
        }
        for peer in self.peers.values() {
            peer.link.shut_down();
        }
        for thread in self.threads.drain(..) {
            let _panicked = thread.join().is_err();
        }
    }
}
