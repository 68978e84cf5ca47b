//! Captures (pcap and pcapng): the dialogues of RTSP, SIP and XMPP in them, each as a ladder
//! of messages with their times, as text ([`text`]) or as a page ([`page`]).
//!
//! A capture comes from anywhere and is not trusted: what cannot be read is counted and
//! skipped, nothing grows beyond [`Limits`], and every text is escaped.

mod dialogue;
mod flows;
mod packets;
pub mod page;
pub mod text;

pub use dialogue::{Dialogue, Protocol, Step};

use super::Options;
use std::io::{self, Read};
use std::net::SocketAddr;

/// How much of a capture is kept.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections and pairs of UDP ports that are followed; later ones are counted only. Stops
    /// a scan of ports from filling the memory.
    pub flows_max: usize,
    /// Bytes that are kept of each direction of a flow; what follows is counted only.
    pub direction_bytes_max: usize,
    /// Bytes that are kept of all.
    pub total_bytes_max: usize,
    /// Segments of TCP that wait for a missing one, in each direction; then it is given up.
    pub waiting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows_max: 10_000,
            direction_bytes_max: 16 << 20,
            total_bytes_max: 512 << 20,
            waiting_max: 256,
        }
    }
}

/// What was in a capture.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Capture {
    /// The dialogues that were found, by when they began.
    pub dialogues: Vec<Dialogue>,
    /// Packets in the file.
    pub packets: u64,
    /// Packets without UDP or TCP in them, or whose headers cannot be read.
    pub others: u64,
    /// Flows in which none of the protocols was found.
    pub unknown: usize,
    /// Bytes and flows beyond the limits.
    pub beyond: u64,
    /// The file ends in the middle, or a block of it cannot be read; what came before counts.
    pub broken: Option<String>,
}

/// One packet of UDP or TCP.
#[derive(Clone, Copy, Debug)]
struct Packet<'a> {
    /// Nanoseconds since 1970.
    time: u64,
    from: SocketAddr,
    to: SocketAddr,
    kind: Kind,
    payload: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Udp,
    Tcp { seq: u32, syn: bool, ack: bool },
}

/// Reads a capture. `progress` is told how many bytes have been read, now and then.
///
/// # Errors
///
/// The file cannot be read, or is no capture. A capture that breaks off is none:
/// [`Capture::broken`] says so.
pub fn read(
    file: impl Read + Send,
    options: &Options,
    limits: &Limits,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Capture> {
    let mut flows = flows::Flows::new(*limits);
    let mut capture = Capture::default();
    packets::read(file, &mut capture, progress, &mut |packet| flows.take(packet))?;
    let (found, beyond) = flows.finish();
    capture.beyond = beyond;
    for flow in found {
        match dialogue::of(&flow, options) {
            Some(dialogue) => capture.dialogues.push(dialogue),
            None => capture.unknown += 1,
        }
    }
    capture.dialogues.sort_by_key(Dialogue::began);
    Ok(capture)
}

impl Capture {
    /// Whether something in it was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let mut steps = self.dialogues.iter().flat_map(|dialogue| &dialogue.steps);
        self.broken.is_some() || steps.any(|step| step.line.is_refused())
    }
}
