//! Hosts that drive any machine: [`blocking`] on std threads, [`tokio`] as tasks, [`mio`]
//! for very many on one thread.
//!
//! The first two have the same shape. A connection owns the socket and the machine; the program
//! pulls events out of it and calls commands on the machine between two pulls:
//!
//! ```no_run
//! # fn client() -> examples::drive::doc::Toy { examples::drive::doc::Toy::default() }
//! use examples::drive::blocking::Connection;
//! use examples::drive::doc::Event;
//! use proto_wire::Clock;
//! use std::net::TcpStream;
//!
//! let socket = TcpStream::connect("127.0.0.1:7")?;
//! let mut conn = Connection::new(socket, client(), Clock::start())?;
//! let now = conn.now();
//! conn.machine.say(now, b"hello");
//! while let Some(event) = conn.next_event()? {
//!     if let Event::Got(bytes) = event {
//!         println!("{bytes:?}");
//!         let now = conn.now();
//!         conn.machine.close(now);
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What they guarantee, so that a program need not think of it:
//! - What a machine transmitted before an event is written before the event is returned.
//! - A broken connection is told to the machine as the end of the stream, so the program
//!   always gets the machine's own last event.
//! - When the last event was returned, the rest is written and the connection closed.

pub mod blocking;
#[doc(hidden)]
pub mod doc;
pub(crate) mod layer;
pub mod many;
pub mod mio;
pub mod rtsp;
pub mod tokio;

/// How many bytes are read at once. Events keep what they were read with in memory, so
/// this is no more than a message or two.
const READ_SIZE: usize = 16 * 1024;

/// How large a datagram may be.
const DATAGRAM_SIZE: usize = 65_536;

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a wait ends in one of these ways")]
pub enum Next<E> {
    /// Something happened.
    Event(E),
    /// Nothing did until the time that was given, or until the host was woken.
    TimedOut,
    /// The last event was returned before; the connection is closed.
    Finished,
}

/// A broken connection is the end of the stream to the machine, not an error of the host.
fn is_broken(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof
    )
}
