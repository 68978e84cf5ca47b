//! Embedded binary data (RFC 2326 §10.12, RFC 7826 §14): `$`, channel, length, payload.

/// The byte that begins a frame.
pub const MARKER: u8 = b'$';

/// Bytes before the payload.
pub const HEADER_LEN: usize = 4;

/// One frame, borrowed.
///
/// ```
/// use rtsp_proto::interleaved::Frame;
///
/// let (frame, used) = Frame::parse(b"$\x01\x00\x02hiRTSP/1.0").unwrap();
/// assert_eq!((frame.channel, frame.payload, used), (1, &b"hi"[..], 6));
/// assert!(Frame::parse(b"$\x01\x00\x02h").is_none(), "more bytes are needed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the wire has these two and no more")]
pub struct Frame<'a> {
    /// Which stream, 0 to 255; `interleaved=` of Transport says which is which.
    pub channel: u8,
    /// One packet, 0 to 65535 bytes. Nothing is legal.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the start of `bytes` and how long it is in all, or `None` when it is
    /// not all there or does not begin with [`MARKER`].
    #[must_use]
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let [MARKER, channel, high, low, rest @ ..] = bytes else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let payload = rest.get(..len)?;
        let frame = Self { channel: *channel, payload };
        Some((frame, HEADER_LEN.wrapping_add(len)))
    }
}

/// The four bytes to send before a payload of `len` bytes: hand both to a vectored write
/// and the payload is never copied.
///
/// ```
/// use rtsp_proto::interleaved;
///
/// assert_eq!(interleaved::header(2, 0x1234), [b'$', 2, 0x12, 0x34]);
/// ```
#[must_use]
pub const fn header(channel: u8, len: u16) -> [u8; HEADER_LEN] {
    let [high, low] = len.to_be_bytes();
    [MARKER, channel, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for len in [0_u16, 1, 1400, u16::MAX] {
            let mut bytes = header(255, len).to_vec();
            bytes.resize(HEADER_LEN + usize::from(len), 7);
            for cut in [0, 1, 3, bytes.len() - 1] {
                assert_eq!(Frame::parse(&bytes[..cut]), None, "{cut} of {len}");
            }
            let (frame, used) = Frame::parse(&bytes).unwrap();
            assert_eq!((frame.channel, frame.payload.len()), (255, usize::from(len)));
            assert_eq!(used, bytes.len());
        }
    }

    #[test]
    fn text_is_not_a_frame() {
        assert_eq!(Frame::parse(b"RTSP/1.0 200 OK"), None);
    }
}
