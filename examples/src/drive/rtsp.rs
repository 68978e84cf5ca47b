//! The tokio driver of an RTSP server: a [`Hub`], its connections, and one pair of UDP sockets for
//! the media of all sessions.

use super::many::{Connections, Happened};
use crate::entropy::seed;
use crate::rtsp_server::udp_pair;
use bytes::Bytes;
use proto_wire::{Clock, Instant, Output};
use rtsp_proto::StatusCode;
use rtsp_proto::headers::PortPair;
use rtsp_proto::server::{Config, Hub, HubEvent, HubInput, Input, Server, SessionId};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// A server with its sockets. Media comes as [`HubEvent::Media`] and goes by [`Service::send`],
/// whether a stream is interleaved or over UDP.
#[derive(Debug)]
pub struct Service {
    /// The machine. Call commands on it, with [`Service::now`], between two events.
    pub hub: Hub<u64>,
    /// The UDP ports: `server_port` of every stream.
    pub ports: PortPair,
    links: Connections,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    clock: Clock,
    buffers: [Vec<u8>; 2],
}

impl Service {
    /// A server of those who connect to `listener`.
    ///
    /// # Errors
    ///
    /// When there is no free pair of UDP ports.
    pub fn new(listener: TcpListener, config: Config) -> io::Result<Self> {
        let (rtp, rtcp, port) = udp_pair(listener.local_addr())?;
        let (rtp, rtcp) = (UdpSocket::from_std(rtp)?, UdpSocket::from_std(rtcp)?);
        let ports = PortPair::new(port, Some(port.saturating_add(1)));
        let (clock, links) = (Clock::start(), Connections::new(listener));
        let mut hub = Hub::new(clock.now(), Arc::new(config), seed());
        hub.set_wall_clock(clock.now(), clock.timestamp());
        let buffers = [vec![0; 65_536], vec![0; 65_536]];
        Ok(Self { hub, ports, links, rtp, rtcp, clock, buffers })
    }

    /// The time of the machine.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The next event; `None` at `until`. May be dropped and called again.
    pub async fn next_event(&mut self, until: Option<Instant>) -> Option<HubEvent<u64>> {
        loop {
            while let Some(output) = self.hub.poll_output() {
                match output {
                    Output::Transmit((connection, bytes)) => self.links.send(connection, bytes),
                    Output::Event(event) => {
                        if let HubEvent::Closed { connection, .. } = event {
                            self.links.close(connection);
                        }
                        return Some(event);
                    }
                }
            }
            let Self { hub, links, rtp, rtcp, buffers: [first, second], .. } = self;
            links.read_where(|connection| hub.wants_input(connection));
            let now = self.clock.now();
            if until.is_some_and(|until| until <= now) {
                return None;
            }
            let wait = until.into_iter().chain(hub.poll_timeout()).min();
            let wait = wait.map_or(Duration::MAX, |at| at.saturating_since(now));
            let datagram = tokio::select! {
                (connection, happened) = links.next() => {
                    self.heard(connection, happened);
                    None
                }
                Ok((len, from)) = rtp.recv_from(first) => Some((from, false, len)),
                Ok((len, from)) = rtcp.recv_from(second) => Some((from, true, len)),
                () = tokio::time::sleep(wait) => None,
            };
            self.hub.handle_timeout(self.clock.now());
            if let Some(event) = datagram.and_then(|(from, rtcp, len)| self.media(from, rtcp, len))
            {
                return Some(event);
            }
        }
    }

    /// The server of a connection, to answer it.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub fn server(&mut self, connection: u64) -> Result<&mut Server, StatusCode> {
        self.hub.server(connection).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Sends a packet in a stream of a session. One that cannot be sent, or that the client does
    /// not read in time, is lost to it.
    pub fn send(&mut self, session: SessionId, stream: usize, is_rtcp: bool, packet: Bytes) {
        let known = self.hub.session(session).and_then(|known| known.streams().get(stream));
        match known.and_then(|stream| stream.receivers) {
            Some([_, to]) if is_rtcp => drop(self.rtcp.try_send_to(&packet, to)),
            Some([to, _]) => drop(self.rtp.try_send_to(&packet, to)),
            None => {
                let place = self.hub.place_of(session);
                if place.is_some_and(|(connection, _)| self.links.has_room(connection)) {
                    let now = self.clock.now();
                    let _lost = self.hub.send_media(now, session, stream, is_rtcp, packet);
                }
            }
        }
    }

    fn heard(&mut self, connection: u64, happened: Happened) {
        let now = self.clock.now();
        let input = match happened {
            Happened::Opened(peer) => return self.hub.connect(now, connection, peer.ip()),
            Happened::Data(bytes) => Input::Owned(bytes),
            Happened::Ended => Input::Eof,
            Happened::Written => return,
        };
        self.hub.handle_input(now, HubInput { connection, input });
    }

    /// Whose a datagram is, its address tells. RTCP is a sign of life.
    fn media(&mut self, from: SocketAddr, is_rtcp: bool, len: usize) -> Option<HubEvent<u64>> {
        let port = usize::from(is_rtcp);
        let comes = |to: [SocketAddr; 2]| to[port] == from;
        let (session, stream) = self.hub.stream_where(|s| s.receivers.is_some_and(comes))?;
        if is_rtcp {
            let _gone = self.hub.touch(self.clock.now(), session);
        }
        let payload = Bytes::copy_from_slice(&self.buffers[port][..len]);
        Some(HubEvent::Media { session, stream, is_rtcp, payload })
    }
}
