//! The hosts on other loops, as programs: each is started and talked to over loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests state what must hold, and are hosts")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ends its program with it.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the server on a free port.
fn mio() -> (Program, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_host_mio"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
    (Program(child), address)
}

fn ask(socket: &mut TcpStream, cseq: usize) {
    write!(socket, "OPTIONS * RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n").unwrap();
}

fn answer(socket: &mut TcpStream) -> String {
    let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(b"\r\n\r\n") {
        let len = socket.read(&mut buffer).unwrap();
        assert_ne!(len, 0, "closed");
        answer.extend_from_slice(&buffer[..len]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn one_mio_loop_serves_ten_thousand_connections() {
    const WANTED: usize = 10_000;
    let limit = usize::try_from(rlimit::increase_nofile_limit(65_536).unwrap()).unwrap();
    let count = WANTED.min(limit.saturating_sub(100));
    if count < WANTED {
        println!("!!!! only {count} connections: the system allows {limit} open files");
    }
    let (_program, address) = mio();
    let mut sockets: Vec<TcpStream> = Vec::with_capacity(count);
    while sockets.len() < count {
        // No more at a time than may wait to be accepted.
        let new = sockets.len()..count.min(sockets.len() + 100);
        for number in new.clone() {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            ask(&mut socket, number);
            sockets.push(socket);
        }
        for socket in &mut sockets[new] {
            assert!(answer(socket).starts_with("RTSP/1.0 200 OK\r\n"));
        }
    }
    // All of them ask before the first answer is read, and all are open at the end.
    for (number, socket) in sockets.iter_mut().enumerate() {
        ask(socket, WANTED + number);
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        let answer = answer(socket);
        assert!(answer.starts_with("RTSP/1.0 200 OK\r\n"), "{answer}");
        assert!(answer.contains(&format!("\r\nCSeq: {}\r\n", WANTED + number)));
    }
}

#[test]
fn who_does_not_read_holds_nobody_up_and_whoever_leaves_is_forgotten() {
    let (_program, address) = mio();
    let mut deaf = TcpStream::connect(address).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Requests without an end, until the buffers of both sides are full or the server closes.
    let requests = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(1000);
    while deaf.write(&requests).is_ok() {}
    let mut gone = TcpStream::connect(address).unwrap();
    ask(&mut gone, 7);
    drop(gone);
    let mut other = TcpStream::connect(address).unwrap();
    other.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    ask(&mut other, 1);
    assert!(answer(&mut other).contains("200 OK"));
    other.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(other.read(&mut [0]).unwrap(), 0, "half-closed is answered by closing");
}

#[test]
fn smol_asks_the_mio_server_and_hears_of_refusals() {
    let (_program, address) = mio();
    let ask =
        |url: String| Command::new(env!("CARGO_BIN_EXE_host_smol")).arg(url).output().unwrap();
    let found = ask(format!("rtsp://{address}/any"));
    assert!(found.status.success(), "{found:?}");
    let sdp = String::from_utf8(found.stdout).unwrap();
    assert!(sdp.starts_with("v=0\r\n") && sdp.contains("m=audio 0 RTP/AVP 0"), "{sdp}");
    // Nobody listens there any more.
    drop(_program);
    let refused = ask(format!("rtsp://{address}/any"));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(!refused.stderr.is_empty());
}
