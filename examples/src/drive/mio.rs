//! Ten thousand stream machines on one thread: a loop around `mio::Poll`, without a runtime.

use super::READ_SIZE;
use bytes::{Buf as _, Bytes};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use proto_wire::{Clock, Instant, Machine, Output, StreamMachine, TimerQueue};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

const LISTENER: Token = Token(usize::MAX);
/// Reads of one connection until the others have their turn.
const READS_MAX: usize = 16;
/// Bytes that wait for one slow reader; whoever lets more pile up is not served any longer.
const BEHIND_MAX: usize = 256 * 1024;

/// What is done about an event of a machine.
pub type App<M> = fn(&mut M, Instant, <M as Machine>::Event);

/// Serves whoever connects, each with the machine that `make` makes, for ever.
///
/// # Errors
///
/// Of the listener and the poll. A broken connection is one client less, no more.
pub fn serve<M: StreamMachine>(
    mut listener: TcpListener,
    mut make: impl FnMut(Instant, SocketAddr) -> M,
    app: App<M>,
) -> io::Result<()> {
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut hosts, mut timers) = (BTreeMap::new(), TimerQueue::new());
    let (mut buffer, mut next, clock) = ([0; READ_SIZE], 0, Clock::start());
    loop {
        let wait = timers.next().map(|(at, _)| at.saturating_since(clock.now()));
        match poll.poll(&mut events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => done?,
        }
        let now = clock.now();
        let mut ready: Vec<Token> = events.iter().map(|event| event.token()).collect();
        ready.extend(std::iter::from_fn(|| timers.expire(now)));
        for token in ready {
            if token == LISTENER {
                // Until nobody waits: mio tells of an edge once.
                while let Ok((socket, peer)) = listener.accept() {
                    let mut host = Host::new(socket, make(now, peer));
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut host.socket, Token(next), both)?;
                    hosts.insert(Token(next), host);
                    next += 1;
                }
                continue;
            }
            let Some(host) = hosts.get_mut(&token) else { continue };
            match host.turn(now, &mut buffer, app) {
                Turn::Waits => match host.machine.poll_timeout() {
                    Some(at) => timers.set(token, at),
                    None => timers.stop(&token),
                },
                // After everybody else had a turn.
                Turn::HasMore => timers.set(token, now),
                Turn::Over => {
                    timers.stop(&token);
                    hosts.remove(&token); // closes the socket
                }
            }
        }
    }
}

struct Host<M> {
    socket: TcpStream,
    machine: M,
    /// What the socket did not take yet, in order.
    unsent: VecDeque<Bytes>,
    /// Nothing more comes from the peer.
    eof: bool,
    /// The machine has told its last event: what is unsent is sent, no more.
    closed: bool,
}

enum Turn {
    Waits,
    HasMore,
    Over,
}

impl<M: StreamMachine> Host<M> {
    fn new(socket: TcpStream, machine: M) -> Self {
        Self { socket, machine, unsent: VecDeque::new(), eof: false, closed: false }
    }

    /// Does what the machine says and reads, until there is nothing to read.
    fn turn(&mut self, now: Instant, buffer: &mut [u8], app: App<M>) -> Turn {
        self.machine.handle_timeout(now);
        for _ in 0..READS_MAX {
            self.drain(now, app);
            match self.flush() {
                Ok(()) if self.closed => return Turn::Over,
                Ok(()) if self.eof || !self.machine.wants_input() => return Turn::Waits,
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.behind(),
                Err(_) => return Turn::Over,
            }
            match self.socket.read(buffer) {
                Ok(0) => self.end(now),
                Ok(len) => self.machine.handle_data(now, &buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Turn::Waits,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.end(now), // to a machine, a broken connection is one that ended
            }
        }
        Turn::HasMore
    }

    fn end(&mut self, now: Instant) {
        self.eof = true;
        self.machine.handle_eof(now);
    }

    fn drain(&mut self, now: Instant, app: App<M>) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Transmit(bytes) => self.unsent.push_back(bytes),
                Output::Event(event) => {
                    self.closed |= M::is_closed(&event);
                    app(&mut self.machine, now, event);
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some(bytes) = self.unsent.front_mut() {
            match self.socket.write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => bytes.advance(written?),
            }
            if bytes.is_empty() {
                self.unsent.pop_front();
            }
        }
        Ok(())
    }

    /// Whoever does not read is not read from; the socket tells when it takes bytes again.
    fn behind(&self) -> Turn {
        let behind: usize = self.unsent.iter().map(Bytes::len).sum();
        if behind > BEHIND_MAX { Turn::Over } else { Turn::Waits }
    }
}
