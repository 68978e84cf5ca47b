//! An RTSP server for JavaScript: one object per connection, four verbs, and a buffer
//! through which bytes go in and out. Times are milliseconds of `performance.now()`.
//!
//! The caller keeps two rules: an object is used until `close` and not after, and no
//! more bytes are written than were asked room for.
#![no_std]

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use proto_wire::{Instant, Output, Seed};
use rtsp_proto::server::{Event, Input, Server};
use rtsp_proto::{Method, StatusCode};

#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=in WebAssembly\r\nt=0 0\r\n\
                   m=audio 0 RTP/AVP 0\r\na=control:track1\r\n";

/// A connection.
pub struct Host {
    machine: Server,
    buffer: Vec<u8>,
    closed: bool,
}

/// A new connection. 256 random bits for each: session ids are made of them.
#[unsafe(no_mangle)]
pub extern "C" fn open(now: f64, a: u64, b: u64, c: u64, d: u64) -> *mut Host {
    let mut seed = [0; 32];
    for (into, from) in seed.chunks_mut(8).zip([a, b, c, d]) {
        into.copy_from_slice(&from.to_le_bytes());
    }
    let machine = Server::new(at(now), Arc::default(), Seed::new(seed));
    Box::into_raw(Box::new(Host { machine, buffer: Vec::new(), closed: false }))
}

/// Frees it.
///
/// # Safety
/// `host` is of `open`, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(host: *mut Host) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(host) });
}

/// Where to write `len` bytes that arrived, before `input`.
#[unsafe(no_mangle)]
pub extern "C" fn room(host: &mut Host, len: usize) -> *mut u8 {
    host.buffer.clear();
    host.buffer.resize(len, 0);
    host.buffer.as_mut_ptr()
}

/// The bytes in the buffer arrived; none: the peer sends no more.
#[unsafe(no_mangle)]
pub extern "C" fn input(host: &mut Host, now: f64) {
    let bytes = core::mem::take(&mut host.buffer);
    let input = if bytes.is_empty() { Input::Eof } else { Input::Data(&bytes) };
    host.machine.handle_input(at(now), input);
}

/// Time has passed.
#[unsafe(no_mangle)]
pub extern "C" fn tick(host: &mut Host, now: f64) {
    host.machine.handle_timeout(at(now));
}

/// How many bytes are to be sent; they stand at `sent`.
#[unsafe(no_mangle)]
pub extern "C" fn output(host: &mut Host, now: f64) -> usize {
    host.buffer.clear();
    while let Some(output) = host.machine.poll_output() {
        match output {
            Output::Transmit(bytes) => host.buffer.extend_from_slice(&bytes),
            Output::Event(Event::Closed(_)) => host.closed = true,
            Output::Event(event) => answer(&mut host.machine, at(now), event),
        }
    }
    host.buffer.len()
}

/// Where the bytes of `output` stand, until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn sent(host: &Host) -> *const u8 {
    host.buffer.as_ptr()
}

/// When `tick` is due at the latest; infinity: never.
#[unsafe(no_mangle)]
pub extern "C" fn timeout(host: &Host) -> f64 {
    host.machine.poll_timeout().map_or(f64::INFINITY, |at| at.as_nanos() as f64 / 1e6)
}

/// Whether the machine has ended: the socket is closed when all is sent.
#[unsafe(no_mangle)]
pub extern "C" fn closed(host: &Host) -> bool {
    host.closed
}

fn at(millis: f64) -> Instant {
    Instant::from_nanos((millis * 1e6) as u64)
}

/// The application: one description, no streams.
fn answer(server: &mut Server, now: Instant, event: Event) {
    let Event::Request(asked) = event else { return };
    let base = format!("{}/", asked.request.view().uri());
    // What could fail is that the request was answered already, and it was not.
    let _ = match asked.method {
        Method::Describe => server.describe(now, asked.id, &base, SDP),
        Method::Setup => server.refuse(now, asked.id, StatusCode::UNSUPPORTED_TRANSPORT),
        _ => server.accept(now, asked.id),
    };
}
