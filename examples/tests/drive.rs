//! Both drivers, over loopback.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests state what must hold, and are hosts"
)]

use bytes::Bytes;
use examples::drive::doc::{Echo, Event, Toy};
use examples::drive::{Next, blocking, tokio};
use proto_wire::{Clock, Instant};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

/// Says `hello`, gets the echo, closes; returns all bytes that came back.
fn ask(socket: TcpStream, hello: &[u8]) -> Vec<u8> {
    let mut conn = blocking::Connection::new(socket, Toy::default(), Clock::start()).unwrap();
    let now = conn.now();
    conn.machine.say(now, hello);
    let mut got = Vec::new();
    let mut closed = 0;
    while let Some(event) = conn.next_event().unwrap() {
        match event {
            Event::Got(bytes) => got.extend_from_slice(&bytes),
            Event::Closed => closed += 1,
        }
        if got.len() == hello.len() {
            let now = conn.now();
            conn.machine.close(now);
        }
    }
    assert_eq!(closed, 1);
    assert_eq!(conn.next_event().unwrap(), None, "and it stays so");
    got
}

#[test]
fn a_blocking_pair_talks_and_both_ends_get_their_last_event() {
    let (client, server) = pair();
    let server = thread::spawn(move || {
        let mut conn = blocking::Connection::new(server, Toy::default(), Clock::start()).unwrap();
        let mut events = 0;
        while let Some(event) = conn.next_event().unwrap() {
            events += 1;
            if let Event::Got(bytes) = event {
                let now = conn.now();
                conn.machine.say(now, &bytes);
            }
        }
        events
    });
    assert_eq!(ask(client, b"hello"), b"hello");
    assert!(server.join().unwrap() >= 2);
}

#[test]
fn a_deadline_of_the_machine_and_one_of_the_host_both_end_a_wait() {
    let (client, _server) = pair();
    let mut conn = blocking::Connection::new(client, Toy::default(), Clock::start()).unwrap();
    let until = conn.now().saturating_add(Duration::from_millis(5));
    assert_eq!(conn.next_event_until(until).unwrap(), Next::TimedOut);
    let at = conn.now().saturating_add(Duration::from_millis(5));
    conn.machine.close_at(at);
    let far = conn.now().saturating_add(SOON);
    assert_eq!(conn.next_event_until(far).unwrap(), Next::Event(Event::Closed));
    assert!(conn.now() >= at && conn.now() < far);
    assert_eq!(conn.next_event_until(far).unwrap(), Next::Finished);
}

#[test]
fn a_connection_that_is_reset_ends_with_the_machines_own_event() {
    let (client, server) = pair();
    let mut conn = blocking::Connection::new(client, Toy::default(), Clock::start()).unwrap();
    let now = conn.now();
    conn.machine.say(now, b"never read");
    let soon = now.saturating_add(Duration::from_millis(1));
    assert_eq!(conn.next_event_until(soon).unwrap(), Next::TimedOut);
    drop(server);
    assert_eq!(conn.next_event().unwrap(), Some(Event::Closed));
    assert_eq!(conn.next_event().unwrap(), None);
}

#[test]
fn tokio_serves_a_blocking_client_and_takes_commands_beside() {
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, server) = pair();
    let client = thread::spawn(move || ask(client, b"hello, world"));
    runtime.block_on(async {
        server.set_nonblocking(true).unwrap();
        let server = ::tokio::net::TcpStream::from_std(server).unwrap();
        let mut conn = tokio::Connection::new(server, Toy::default(), Clock::start()).unwrap();
        let (commands, mut inbox) = ::tokio::sync::mpsc::unbounded_channel::<Bytes>();
        let talk = async {
            loop {
                ::tokio::select! {
                    event = conn.next_event() => match event.unwrap() {
                        // The echo takes the way of a command from another task.
                        Some(Event::Got(bytes)) => commands.send(bytes).unwrap(),
                        Some(Event::Closed) => {}
                        None => return,
                    },
                    Some(bytes) = inbox.recv() => {
                        let now = conn.now();
                        conn.machine.say(now, &bytes);
                    }
                }
            }
        };
        ::tokio::time::timeout(SOON, talk).await.unwrap();
    });
    assert_eq!(client.join().unwrap(), b"hello, world");
}

/// Two that send far more than the buffers of the sockets hold, before they read.
#[test]
fn two_that_send_much_at_once_do_not_wait_for_each_other() {
    const MUCH: usize = 16 * 1024 * 1024;
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (one, two) = pair();
    let talk = |socket: TcpStream| async move {
        socket.set_nonblocking(true).unwrap();
        let socket = ::tokio::net::TcpStream::from_std(socket).unwrap();
        let mut conn = tokio::Connection::new(socket, Toy::default(), Clock::start()).unwrap();
        conn.machine.say(Instant::ZERO, &vec![7; MUCH]);
        let mut got = 0;
        while let Some(event) = conn.next_event().await.unwrap() {
            if let Event::Got(bytes) = event {
                got += bytes.len();
                if got == MUCH {
                    break;
                }
            }
        }
        got
    };
    let both = runtime.block_on(async {
        let both = async { ::tokio::join!(talk(one), talk(two)) };
        ::tokio::time::timeout(SOON, both).await.unwrap()
    });
    assert_eq!(both, (MUCH, MUCH));
}

#[test]
fn datagrams_go_between_a_blocking_and_a_tokio_host() {
    let blocking_socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut ours =
        blocking::Datagrams::new(blocking_socket, Echo::default(), Clock::start()).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = socket.local_addr().unwrap();
    let peer = thread::spawn(move || {
        let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            socket.set_nonblocking(true).unwrap();
            let socket = ::tokio::net::UdpSocket::from_std(socket).unwrap();
            let mut peer = tokio::Datagrams::new(socket, Echo::default(), Clock::start()).unwrap();
            let one = peer.next_event().await.unwrap();
            let two = peer.next_event().await.unwrap();
            (one, two)
        })
    });
    let now = ours.now();
    ours.machine.say(now, to, b"abcd");
    let far = now.saturating_add(SOON);
    assert_eq!(ours.next_event_until(far).unwrap().unwrap(), "bcd");
    assert_eq!(ours.next_event_until(far).unwrap().unwrap(), "d");
    let past = ours.now();
    assert_eq!(ours.next_event_until(past).unwrap(), None);
    let (one, two) = peer.join().unwrap();
    assert_eq!((&one[..], &two[..]), (&b"abcd"[..], &b"cd"[..]));
}
