//! Going on behind garbage.

/// How a receiver goes on when the stream cannot be cut any further, instead of closing the
/// connection: it drops bytes until something begins that can hardly be there by chance (a
/// request line of a known method, a status line, or a frame of RFC 2326 §10.12 on a channel that
/// is set up, behind which something goes on).
///
/// Cameras that write frames partly, and relays that lose bytes, make it necessary. Each byte
/// that is dropped is counted and reported; the work per byte is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resync {
    /// Bytes that may be dropped in a row (1 MiB); one more ends the connection. Stops a peer
    /// that sends nothing but garbage.
    pub skip_max: usize,
    /// Payload bytes of the first frame behind garbage (16,384): what is longer is not
    /// believed. A frame is waited for until it is whole, so a small limit finds the way back
    /// sooner.
    pub frame_max: u16,
}

impl Default for Resync {
    fn default() -> Self {
        Self { skip_max: 1024 * 1024, frame_max: 16_384 }
    }
}

impl Resync {
    /// Sets [`Resync::skip_max`], in bytes.
    #[must_use]
    pub const fn with_skip_max(mut self, bytes: usize) -> Self {
        self.skip_max = bytes;
        self
    }

    /// Sets [`Resync::frame_max`], in bytes.
    #[must_use]
    pub const fn with_frame_max(mut self, bytes: u16) -> Self {
        self.frame_max = bytes;
        self
    }
}

/// How much garbage a connection with [`Resync`] has brought so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skips {
    /// How often the receiver found its way back.
    pub count: u64,
    /// The bytes that were dropped.
    pub bytes: u64,
    /// Frames that were taken out of heads.
    pub frames_in_heads: u64,
}
