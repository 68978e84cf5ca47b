//! Media files as RTP and back: what an RTSP host needs besides the protocol.
//!
//! [`Track`] reads a file (H.264 as Annex B, WAV) and cuts it into RTP payloads; [`Sink`]
//! does the reverse. [`rtp`] has the few bytes around a payload.

pub mod h264;
mod player;
pub mod rtp;
mod sink;
mod track;
pub mod wav;

pub use player::{Packet, Player};
pub use sink::Sink;
pub use track::{Playhead, Track, Unit};

use std::fmt;

/// Bytes of an RTP payload at most: what an Ethernet frame holds, less all headers.
pub const PAYLOAD_MAX: usize = 1_400;

/// What the packets of a stream hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "what these hosts can read and write")]
pub enum Encoding {
    /// H.264, RFC 6184.
    H264,
    /// Samples of 16 bits, the high byte first, RFC 3551 §4.5.11.
    L16,
    /// G.711 µ-law, RFC 3551 §4.5.14.
    Pcmu,
    /// G.711 A-law, RFC 3551 §4.5.14.
    Pcma,
}

impl Encoding {
    /// The encoding of this name in `a=rtpmap`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::H264, Self::L16, Self::Pcmu, Self::Pcma]
            .into_iter()
            .find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    /// Its name in `a=rtpmap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::L16 => "L16",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// What it is called in `m=`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::H264 => "video",
            Self::L16 | Self::Pcmu | Self::Pcma => "audio",
        }
    }

    /// What files of it are called.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::L16 | Self::Pcmu | Self::Pcma => "wav",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
