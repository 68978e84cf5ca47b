//! Drivers on std threads: one thread per connection or socket.

use super::layer::Layer;
use super::{DATAGRAM_SIZE, Next, READ_SIZE, is_broken};
use proto_wire::{Clock, DatagramMachine, Instant, Output, StreamMachine};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// How long a write may wait for a peer that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A machine on a TCP connection, with or without TLS.
#[derive(Debug)]
pub struct Connection<M: StreamMachine> {
    /// The machine. Call commands on it, with [`Connection::now`], between two events.
    pub machine: M,
    socket: TcpStream,
    clock: Clock,
    layer: Layer,
    raw_out: Vec<u8>,
    buffer: Vec<u8>,
    /// Taken from the machine already, by [`Connection::start_tls`].
    event: Option<M::Event>,
    /// What came with the end of a handshake: for the machine once it knows of TLS.
    early: Vec<u8>,
    upgrading: bool,
    eof: bool,
    finished: bool,
}

impl<M: StreamMachine> Connection<M> {
    /// A machine on a connected socket.
    ///
    /// # Errors
    ///
    /// When the socket cannot be set up.
    pub fn new(socket: TcpStream, machine: M, clock: Clock) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
        Ok(Self {
            machine,
            socket,
            clock,
            layer: Layer::Plain,
            raw_out: Vec::new(),
            buffer: vec![0; READ_SIZE],
            event: None,
            early: Vec::new(),
            upgrading: false,
            eof: false,
            finished: false,
        })
    }

    /// Waits for the next event; `None` after the last one.
    ///
    /// # Errors
    ///
    /// Of the socket or of TLS, but not that the connection broke: the machine says that.
    /// After an error of TLS the stream has ended for the machine; the next calls return
    /// what it says to that.
    pub fn next_event(&mut self) -> io::Result<Option<M::Event>> {
        match self.wait(None)? {
            Next::Event(event) => Ok(Some(event)),
            Next::TimedOut | Next::Finished => Ok(None),
        }
    }

    /// Waits for the next event until a point in time, so that the thread can look after
    /// something else, for example a channel with commands.
    ///
    /// # Errors
    ///
    /// As [`Connection::next_event`].
    pub fn next_event_until(&mut self, until: Instant) -> io::Result<Next<M::Event>> {
        self.wait(Some(until))
    }

    /// Puts TLS between the socket and the machine, and waits for the handshake. For
    /// STARTTLS call it on the machine's event, then tell the machine. What the machine
    /// has said so far goes out in the clear.
    ///
    /// # Errors
    ///
    /// When the handshake fails or the connection breaks.
    pub fn start_tls(&mut self, tls: impl Into<rustls::Connection>) -> io::Result<()> {
        self.event = self.drain()?;
        self.write_out()?;
        self.layer = Layer::Tls(Box::new(tls.into()));
        self.upgrading = true;
        while self.layer.is_handshaking() {
            self.layer.flush(&mut self.raw_out)?;
            self.write_out()?;
            if self.eof {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if self.layer.is_handshaking() {
                if let Err(error) = self.read(Some(WRITE_TIMEOUT)) {
                    self.write_out()?;
                    return Err(error);
                }
            }
        }
        self.upgrading = false;
        self.layer.flush(&mut self.raw_out)?;
        self.write_out()
    }

    /// The time to give to commands.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The TLS connection, for channel binding and certificates.
    #[must_use]
    pub fn tls(&self) -> Option<&rustls::Connection> {
        self.layer.tls()
    }

    /// The socket, for addresses.
    #[must_use]
    pub const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    fn wait(&mut self, until: Option<Instant>) -> io::Result<Next<M::Event>> {
        loop {
            if self.finished {
                return Ok(Next::Finished);
            }
            if !self.early.is_empty() {
                let early = std::mem::take(&mut self.early);
                self.machine.handle_data(self.clock.now(), &early);
            }
            // 1. Drain, in order: what stands before an event is written before it counts.
            let event = self.drain()?;
            self.write_out()?;
            if let Some(event) = event {
                if M::is_closed(&event) {
                    self.close()?;
                }
                return Ok(Next::Event(event));
            }
            // 2. Let time act.
            let now = self.clock.now();
            let deadline = self.machine.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.machine.handle_timeout(now);
                continue;
            }
            if until.is_some_and(|at| at <= now) {
                return Ok(Next::TimedOut);
            }
            // 3. Wait for bytes or for the time.
            let until = deadline.into_iter().chain(until).min();
            let wait = until.map(|at| at.saturating_since(now));
            if !self.eof && self.machine.wants_input() {
                self.read(wait)?;
            } else if let Some(wait) = wait {
                std::thread::sleep(wait);
            } else {
                // Nothing can happen any more.
                self.close()?;
            }
        }
    }

    /// Moves transmits to the output, up to the next event.
    fn drain(&mut self) -> io::Result<Option<M::Event>> {
        if let Some(event) = self.event.take() {
            return Ok(Some(event));
        }
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Transmit(bytes) => self.layer.send(&bytes, &mut self.raw_out)?,
                Output::Event(event) => return Ok(Some(event)),
            }
        }
        Ok(None)
    }

    fn read(&mut self, wait: Option<Duration>) -> io::Result<()> {
        // Zero would mean "for ever".
        let wait = wait.map(|wait| wait.max(Duration::from_millis(1)));
        self.socket.set_read_timeout(wait)?;
        let len = match self.socket.read(&mut self.buffer) {
            Ok(len) => len,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(e) if is_broken(&e) => 0,
            Err(e) => return Err(e),
        };
        let raw = self.buffer.get(..len).unwrap_or_default();
        let now = self.clock.now();
        let mut open = len > 0;
        if let Layer::Plain = self.layer {
            if open {
                self.machine.handle_data(now, raw);
            }
        } else {
            let mut plain = Vec::new();
            let received = self.layer.receive(raw, &mut plain);
            // Also the alert that says what was wrong.
            self.layer.flush(&mut self.raw_out)?;
            if self.upgrading {
                self.early.append(&mut plain);
            } else if !plain.is_empty() {
                self.machine.handle_data(now, &plain);
            }
            match received {
                Ok(more) => open &= more,
                Err(error) => {
                    self.end(now);
                    return Err(error);
                }
            }
        }
        if !open {
            self.end(now);
        }
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.raw_out.is_empty() {
            return Ok(());
        }
        let written = self.socket.write_all(&self.raw_out);
        self.raw_out.clear();
        match written {
            Err(e) if is_broken(&e) => self.end(self.clock.now()),
            other => other?,
        }
        Ok(())
    }

    fn end(&mut self, now: Instant) {
        if !self.eof {
            self.eof = true;
            self.machine.handle_eof(now);
        }
    }

    fn close(&mut self) -> io::Result<()> {
        self.finished = true;
        self.layer.close(&mut self.raw_out)?;
        self.write_out()?;
        match self.socket.shutdown(Shutdown::Write) {
            Err(e) if !is_broken(&e) => Err(e),
            _ => Ok(()),
        }
    }
}

/// A machine on a UDP socket, talking to any number of peers.
#[derive(Debug)]
pub struct Datagrams<M> {
    /// The machine. Call commands on it, with [`Datagrams::now`], between two events.
    pub machine: M,
    socket: UdpSocket,
    local: SocketAddr,
    clock: Clock,
    buffer: Vec<u8>,
}

impl<M: DatagramMachine> Datagrams<M> {
    /// A machine on a bound socket.
    ///
    /// # Errors
    ///
    /// When the socket has no address.
    pub fn new(socket: UdpSocket, machine: M, clock: Clock) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self { machine, socket, local, clock, buffer: vec![0; DATAGRAM_SIZE] })
    }

    /// Waits for the next event until a point in time; `None` then. A datagram that
    /// cannot be sent is lost, as on any network; the machine's timers see to it.
    ///
    /// # Errors
    ///
    /// Of the socket on reading.
    pub fn next_event_until(&mut self, until: Instant) -> io::Result<Option<M::Event>> {
        loop {
            while let Some(output) = self.machine.poll_output() {
                match output {
                    Output::Transmit(transmit) => {
                        if let Some((to, payload)) = M::into_datagram(transmit) {
                            drop(self.socket.send_to(&payload, to));
                        }
                    }
                    Output::Event(event) => return Ok(Some(event)),
                }
            }
            let now = self.clock.now();
            let deadline = self.machine.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.machine.handle_timeout(now);
                continue;
            }
            if until <= now {
                return Ok(None);
            }
            let wait = deadline.unwrap_or(until).min(until).saturating_since(now);
            self.socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
            match self.socket.recv_from(&mut self.buffer) {
                Ok((len, from)) => {
                    let data = self.buffer.get(..len).unwrap_or_default();
                    let now = self.clock.now();
                    self.machine.handle_datagram(now, self.local, from, data);
                }
                Err(e) if is_nothing(&e) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The time to give to commands.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The address that the socket is bound to.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// A timeout, or the news (by ICMP) that an earlier datagram found nobody.
fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
    )
}
