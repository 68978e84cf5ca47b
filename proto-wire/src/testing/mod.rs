//! The bad network that every client and server of the family is tried on: a seeded
//! network emulator, a simulator in virtual time, a chunk splitter. Unstable: it is for
//! tests, and may change in any release.
//!
//! - [`chunks`]: the same bytes whole, one by one and in random pieces must give the same
//!   outputs ([`assert_chunk_invariant`](chunks::assert_chunk_invariant)).
//! - [`netem`]: what happens to one packet ([`Netem`](netem::Netem)) or one direction of a
//!   stream ([`Pipe`](netem::Pipe)) on a network of a given [`Profile`](netem::Profile).
//! - [`sim`]: machines joined by such links. [`StreamSim`](sim::StreamSim) joins two
//!   over a byte stream, [`DatagramSim`](sim::DatagramSim) any number in datagrams. Time
//!   jumps to the next deadline, so hours of protocol time take milliseconds.
//!
//! One seed, one run: [`run_seeds`](sim::run_seeds) names the seed that failed.
//!
//! ```
//! use proto_wire::Instant;
//! use proto_wire::testing::netem::{Netem, Profile};
//!
//! let mut link = Netem::new(&Profile::cellular(), 42);
//! link.send(Instant::ZERO, "hello");
//! if let Some(at) = link.next_arrival() {
//!     assert_eq!(link.recv(at), Some("hello"));
//! }
//! ```

pub mod chunks;
mod datagram_sim;
pub mod netem;
mod pipe;
mod profile;
pub mod sim;
mod stream_sim;
#[cfg(test)]
mod tests;

pub(crate) fn len64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
