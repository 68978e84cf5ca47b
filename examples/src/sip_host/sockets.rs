//! The threads that wait at sockets, and what they report.

use sip_proto::Transport;
use sip_proto::endpoint::{ConnectId, FlowId};
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

/// What the threads that wait at sockets report.
pub(super) enum Report {
    Datagram { remote: SocketAddr, data: Vec<u8> },
    Opened { socket: TcpStream, transport: Transport, connect: Option<ConnectId> },
    ConnectFailed(ConnectId),
    Data { flow: FlowId, data: Vec<u8> },
    Closed(FlowId),
    Woken,
}

/// A TCP listener and a UDP socket with the same port.
pub(super) fn bind_pair(listen: SocketAddr) -> io::Result<(TcpListener, UdpSocket)> {
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

pub(super) fn spawn_udp(
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

pub(super) fn spawn_accept(
    tcp: TcpListener,
    transport: Transport,
    sender: Sender<Report>,
    stopping: Arc<AtomicBool>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        for socket in tcp.incoming() {
            if stopping.load(Ordering::SeqCst) {
                return;
            }
            let Ok(socket) = socket else { continue };
            if sender.send(Report::Opened { socket, transport, connect: None }).is_err() {
                return;
            }
        }
    })
}

/// Ends with its socket.
pub(super) fn spawn_reader(mut socket: TcpStream, flow: FlowId, sender: Sender<Report>) {
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
