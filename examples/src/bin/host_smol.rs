//! `host_smol URL`: asks an RTSP server what it has, on smol.
//!
//! The run loop as an `async fn`: a read races a timer, writes are awaited. Nothing in
//! [`run`] knows which protocol it is.
//!
//! Prints the description; exit status 1 when there is none.

use examples::entropy::seed;
use proto_wire::{Clock, Instant, Output, StreamMachine};
use rtsp_proto::client::{Client, Event};
use rtsp_proto::{Method, Url};
use smol::Timer;
use smol::future::FutureExt as _;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::net::TcpStream;
use std::io;
use std::sync::Arc;

fn main() -> io::Result<()> {
    let url = std::env::args().nth(1).ok_or(io::Error::other("usage: host_smol URL"))?;
    let sdp = smol::block_on(describe(&url))?;
    print!("{sdp}");
    Ok(())
}

async fn describe(url: &str) -> io::Result<String> {
    let parsed = Url::parse(url).map_err(io::Error::other)?;
    let host = parsed.host().trim_start_matches('[').trim_end_matches(']');
    let socket = TcpStream::connect((host, parsed.port())).await?;
    let clock = Clock::start();
    let mut client = Client::new(clock.now(), Arc::default(), seed());
    client.describe(clock.now(), url).map_err(io::Error::other)?;
    let mut sdp = Err(io::Error::other("closed without an answer"));
    run(socket, client, &clock, |client, now, event| match event {
        Event::Response { method: Method::Describe, response, .. } => {
            let view = response.view();
            sdp = match view.status() {
                status if status.is_success() => Ok(String::from_utf8_lossy(view.body()).into()),
                status => Err(io::Error::other(format!("the server says {status}"))),
            };
            // The answer is here; that the connection has ended by itself is as well.
            let _ = client.close(now);
        }
        Event::Closed(reason) if sdp.is_err() => eprintln!("host_smol: {reason}"),
        _ => {}
    })
    .await?;
    sdp
}

/// Drives a machine until its last event: what goes out before an event is written before
/// the application hears of it.
async fn run<M: StreamMachine>(
    mut socket: TcpStream,
    mut machine: M,
    clock: &Clock,
    mut app: impl FnMut(&mut M, Instant, M::Event),
) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Transmit(bytes) => socket.write_all(&bytes).await?,
                Output::Event(event) => {
                    let last = M::is_closed(&event);
                    app(&mut machine, clock.now(), event);
                    if last {
                        return socket.close().await;
                    }
                }
            }
        }
        let timer = match machine.poll_timeout() {
            Some(at) => Timer::after(at.saturating_since(clock.now())),
            None => Timer::never(),
        };
        let timer = async {
            timer.await;
            None
        };
        let read = async { Some(socket.read(&mut buffer).await) };
        // Either may be dropped: a read that has not returned has taken nothing.
        match if machine.wants_input() { read.or(timer).await } else { timer.await } {
            Some(Ok(0) | Err(_)) => machine.handle_eof(clock.now()),
            Some(Ok(len)) => machine.handle_data(clock.now(), &buffer[..len]),
            None => {}
        }
        machine.handle_timeout(clock.now());
    }
}
