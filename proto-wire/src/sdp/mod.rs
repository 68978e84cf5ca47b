//! Session descriptions (SDP, RFC 8866): a view that reads anything, and a builder that
//! writes nothing malformed.
//!
//! [`Sdp`] never refuses: what devices send breaks the grammar in many ways, and a player
//! should play. What it cannot read is kept as a [`Line`], and every deviation can be asked
//! for ([`Sdp::quirks`]). It borrows, is `Copy`, and allocates nothing.
//!
//! ```
//! use proto_wire::sdp::{Direction, Sdp};
//!
//! let sdp = Sdp::new(b"v=0\r\ns=Camera\r\nc=IN IP4 203.0.113.5\r\na=control:*\r\n\
//!     m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000 \r\na=control:track1\r\na=recvonly\r\n");
//! assert_eq!(sdp.name(), Some("Camera"));
//! let video = sdp.media().next().unwrap();
//! assert_eq!((video.kind(), video.control()), ("video", Some("track1")));
//! assert_eq!(video.rtpmap(96).map(|map| map.clock_rate), Some(90_000));
//! assert_eq!(video.direction(), Direction::RecvOnly);
//! assert_eq!(video.connection().unwrap().ip(), Some([203, 0, 113, 5].into()));
//! assert_eq!(sdp.quirks().len(), 3); // no o=, no t=, a space at the end of a line
//! ```

mod attribute;
mod build;
mod keys;
mod line;
mod media;
mod quirk;
mod session;
#[cfg(test)]
mod tests;
mod times;

pub use attribute::{Attribute, Attributes, Direction, Fmtp, RtpMap};
pub use build::{BuildError, BuildProblem, MediaBuilder, SdpBuilder};
pub use keys::{Crypto, CryptoKey, KeyManagement};
pub use line::{Line, LineEnd, Lines};
pub use media::Media;
pub use quirk::Quirk;
pub use session::{Bandwidth, Connection, Origin, Sdp};
pub use times::{Period, Repeat, Timing, ZoneAdjustment};
