//! How much memory an idle RTSP connection of a server takes, heap and machine together.
#![allow(
    unsafe_code,
    reason = "the trait GlobalAlloc is unsafe; each method forwards to the system allocator"
)]
#![allow(clippy::unwrap_used, reason = "tests state what must hold")]

use rtsp_proto::server::{Config, Event, Input, Server};
use rtsp_proto::{Instant, Method, Output, Seed};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

/// The system allocator, which knows how many bytes of each thread are in use.
struct Live;

fn add(bytes: usize) {
    // A thread that is ending has no counter any more; it need not be counted.
    LIVE.try_with(|live| live.set(live.get().wrapping_add(bytes))).unwrap_or(());
}

fn remove(bytes: usize) {
    LIVE.try_with(|live| live.set(live.get().wrapping_sub(bytes))).unwrap_or(());
}

// SAFETY: every method forwards its arguments unchanged to `System`, which upholds the contract;
// counting touches a thread-local without a destructor and does not allocate.
unsafe impl GlobalAlloc for Live {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        remove(layout.size());
        // SAFETY: the caller's promise that `ptr` came from here with `layout` is passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        remove(layout.size());
        add(size);
        // SAFETY: the caller's promises about `ptr`, `layout` and `size` are passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOC: Live = Live;

const NOW: Instant = Instant::from_secs(1);

/// Lets a host agree to everything, and forget it.
fn drain(server: &mut Server) {
    while let Some(output) = server.poll_output() {
        if let Output::Event(Event::Request(asked)) = output {
            let offer = asked.request.view().headers().transports().flatten().next();
            match offer.filter(|_| asked.method == Method::Setup) {
                Some(offer) => drop(server.accept_setup(NOW, asked.id, &offer)),
                None => server.accept(NOW, asked.id).unwrap(),
            }
        }
    }
}

/// Bytes of one connection that was told `requests` and is idle since.
fn idle_after(requests: &[&str]) -> usize {
    let config = Arc::new(Config::default());
    let before = LIVE.get();
    let mut server = Box::new(Server::new(NOW, config, Seed::from_u64(1)));
    for request in requests {
        let session = server.sessions().next().map(|(_, session)| session.id().to_owned());
        let request = request.replace("SESSION", session.as_deref().unwrap_or("none"));
        server.handle_input(NOW, Input::Data(request.as_bytes()));
        drop(request);
        drop(session);
        drain(&mut server);
    }
    let bytes = LIVE.get().wrapping_sub(before);
    drop(server);
    bytes
}

/// Issue of scale: a server with a hundred thousand connections that do nothing.
#[test]
fn an_idle_rtsp_connection_takes_less_than_a_kibibyte() {
    let options = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: a player\r\n\r\n";
    let describe = "DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n";
    let setup = "SETUP rtsp://h/a/t0 RTSP/1.0\r\nCSeq: 3\r\n\
        Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n";
    let play = "PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 4\r\nSession: SESSION\r\n\r\n";
    println!("the machine itself: {} bytes", size_of::<Server>());
    for (what, requests) in [
        ("fresh", &[][..]),
        ("after OPTIONS", &[options]),
        ("after OPTIONS and DESCRIBE", &[options, describe]),
    ] {
        let bytes = idle_after(requests);
        println!("idle, {what}: {bytes} bytes");
        assert!(bytes < 1024, "{what}: {bytes} bytes");
    }
    // One with a session that plays over UDP is not idle, but not large either.
    let bytes = idle_after(&[options, describe, setup, play]);
    println!("playing over UDP: {bytes} bytes");
    assert!(bytes < 4096, "{bytes} bytes");
}
