//! Drivers for tokio: one task per connection or socket.
//!
//! [`Connection::next_event`] and [`Datagrams::next_event`] can be dropped while they wait
//! and called again without losing anything, so a program may put them into a `select!`
//! beside its own channels:
//!
//! ```no_run
//! use examples::drive::doc::{Event, Toy};
//! use examples::drive::tokio::Connection;
//! use proto_wire::Clock;
//!
//! # async fn serve(socket: tokio::net::TcpStream) -> std::io::Result<()> {
//! let (commands, mut inbox) = tokio::sync::mpsc::channel::<Vec<u8>>(16);
//! # drop(commands);
//! let mut conn = Connection::new(socket, Toy::default(), Clock::start())?;
//! loop {
//!     tokio::select! {
//!         event = conn.next_event() => match event? {
//!             Some(Event::Got(bytes)) => println!("{bytes:?}"),
//!             Some(Event::Closed) | None => return Ok(()),
//!         },
//!         Some(bytes) = inbox.recv() => {
//!             let now = conn.now();
//!             conn.machine.say(now, &bytes);
//!         }
//!     }
//! }
//! # }
//! ```

use super::layer::Layer;
use super::{DATAGRAM_SIZE, READ_SIZE, is_broken};
use ::tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use ::tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use ::tokio::net::{TcpStream, UdpSocket};
use ::tokio::time;
use bytes::Bytes;
use proto_wire::{Clock, DatagramMachine, Instant, Output, StreamMachine};
use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a peer may take to read the last bytes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A machine on a TCP connection, with or without TLS.
#[derive(Debug)]
pub struct Connection<M: StreamMachine> {
    /// The machine. Call commands on it, with [`Connection::now`], between two events.
    pub machine: M,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    clock: Clock,
    layer: Layer,
    /// To be written; `written` bytes of it are.
    raw_out: Vec<u8>,
    written: usize,
    buffer: Vec<u8>,
    /// Waits until what stood before it is written.
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
        let (reader, writer) = socket.into_split();
        Ok(Self {
            machine,
            reader,
            writer,
            clock,
            layer: Layer::Plain,
            raw_out: Vec::new(),
            written: 0,
            buffer: vec![0; READ_SIZE],
            event: None,
            early: Vec::new(),
            upgrading: false,
            eof: false,
            finished: false,
        })
    }

    /// Waits for the next event; `None` after the last one. May be dropped and called
    /// again. While a peer does not read, it goes on being read, so two that send much
    /// to each other do not wait for ever.
    ///
    /// # Errors
    ///
    /// Of the socket or of TLS, but not that the connection broke: the machine says that.
    /// After an error of TLS the stream has ended for the machine; the next calls return
    /// what it says to that.
    pub async fn next_event(&mut self) -> io::Result<Option<M::Event>> {
        loop {
            if self.finished {
                return Ok(None);
            }
            if !self.early.is_empty() {
                let early = std::mem::take(&mut self.early);
                self.machine.handle_data(self.clock.now(), &early);
            }
            self.drain()?;
            if self.written == self.raw_out.len() {
                self.raw_out.clear();
                self.written = 0;
                let is_last = self.event.as_ref().is_some_and(M::is_closed);
                if is_last {
                    // The event stays where it is while this waits, in case it is dropped.
                    self.close().await?;
                    self.finished = true;
                }
                if let Some(event) = self.event.take() {
                    return Ok(Some(event));
                }
            }
            let now = self.clock.now();
            let deadline = self.machine.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.machine.handle_timeout(now);
                continue;
            }
            let writes = self.written < self.raw_out.len();
            let reads = !self.eof && self.machine.wants_input();
            if !writes && !reads && deadline.is_none() {
                // Nothing can happen any more.
                self.close().await?;
                self.finished = true;
                continue;
            }
            let rest = self.raw_out.get(self.written..).unwrap_or_default();
            ::tokio::select! {
                written = self.writer.write(rest), if writes => self.wrote(written)?,
                read = self.reader.read(&mut self.buffer), if reads => self.took(read)?,
                () = sleep_until(deadline, now) => {}
            }
        }
    }

    /// Puts TLS between the socket and the machine, and waits for the handshake. For
    /// STARTTLS call it on the machine's event, then tell the machine. What the machine
    /// has said so far goes out in the clear.
    ///
    /// # Errors
    ///
    /// When the handshake fails or the connection breaks.
    pub async fn start_tls(&mut self, tls: impl Into<rustls::Connection>) -> io::Result<()> {
        self.drain()?;
        self.write_out().await?;
        self.layer = Layer::Tls(Box::new(tls.into()));
        self.upgrading = true;
        while self.layer.is_handshaking() {
            self.write_out().await?;
            if self.eof {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if self.layer.is_handshaking() {
                let read = self.reader.read(&mut self.buffer).await;
                if let Err(error) = self.took(read) {
                    self.write_out().await?;
                    return Err(error);
                }
            }
        }
        self.upgrading = false;
        self.write_out().await
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

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.reader.peer_addr()
    }

    /// Moves transmits to the output until an event stands in front.
    fn drain(&mut self) -> io::Result<()> {
        while self.event.is_none() {
            match self.machine.poll_output() {
                Some(Output::Transmit(bytes)) => self.layer.send(&bytes, &mut self.raw_out)?,
                Some(Output::Event(event)) => self.event = Some(event),
                None => break,
            }
        }
        Ok(())
    }

    fn wrote(&mut self, written: io::Result<usize>) -> io::Result<()> {
        match written {
            Ok(len) => self.written = self.written.saturating_add(len),
            Err(e) if is_broken(&e) => self.broke(),
            Err(e) => return Err(e),
        }
        Ok(())
    }

    fn took(&mut self, read: io::Result<usize>) -> io::Result<()> {
        let len = match read {
            Ok(len) => len,
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
                    self.end();
                    return Err(error);
                }
            }
        }
        if !open {
            self.end();
        }
        Ok(())
    }

    fn end(&mut self) {
        if !self.eof {
            self.eof = true;
            self.machine.handle_eof(self.clock.now());
        }
    }

    /// Nothing can be written any more.
    fn broke(&mut self) {
        self.raw_out.clear();
        self.written = 0;
        self.end();
    }

    async fn write_out(&mut self) -> io::Result<()> {
        self.layer.flush(&mut self.raw_out)?;
        while let Some(rest @ [_, ..]) = self.raw_out.get(self.written..) {
            let written = self.writer.write(rest).await;
            self.wrote(written)?;
        }
        self.raw_out.clear();
        self.written = 0;
        Ok(())
    }

    async fn close(&mut self) -> io::Result<()> {
        self.layer.close(&mut self.raw_out)?;
        let rest = async {
            self.write_out().await?;
            self.writer.shutdown().await
        };
        match time::timeout(CLOSE_TIMEOUT, rest).await {
            Ok(Err(e)) if !is_broken(&e) => Err(e),
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
    /// Taken from the machine, not sent yet.
    datagram: Option<(SocketAddr, Bytes)>,
}

impl<M: DatagramMachine> Datagrams<M> {
    /// A machine on a bound socket.
    ///
    /// # Errors
    ///
    /// When the socket has no address.
    pub fn new(socket: UdpSocket, machine: M, clock: Clock) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self { machine, socket, local, clock, buffer: vec![0; DATAGRAM_SIZE], datagram: None })
    }

    /// Waits for the next event. May be dropped and called again. A datagram that cannot
    /// be sent is lost, as on any network; the machine's timers see to it.
    ///
    /// # Errors
    ///
    /// Of the socket on reading.
    pub async fn next_event(&mut self) -> io::Result<M::Event> {
        loop {
            if let Some((to, payload)) = &self.datagram {
                drop(self.socket.send_to(payload, to).await);
                self.datagram = None;
            }
            match self.machine.poll_output() {
                Some(Output::Transmit(transmit)) => {
                    self.datagram = M::into_datagram(transmit);
                    continue;
                }
                Some(Output::Event(event)) => return Ok(event),
                None => {}
            }
            let now = self.clock.now();
            let deadline = self.machine.poll_timeout();
            if deadline.is_some_and(|at| at <= now) {
                self.machine.handle_timeout(now);
                continue;
            }
            ::tokio::select! {
                received = self.socket.recv_from(&mut self.buffer) => match received {
                    Ok((len, from)) => {
                        let data = self.buffer.get(..len).unwrap_or_default();
                        let now = self.clock.now();
                        self.machine.handle_datagram(now, self.local, from, data);
                    }
                    // The news (by ICMP) that an earlier datagram found nobody.
                    Err(e) if matches!(
                        e.kind(),
                        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
                    ) => {}
                    Err(e) => return Err(e),
                },
                () = sleep_until(deadline, now) => {}
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

async fn sleep_until(deadline: Option<Instant>, now: Instant) {
    match deadline {
        Some(at) => time::sleep(at.saturating_since(now)).await,
        None => pending().await,
    }
}
