//! RTP and RTCP packets (RFC 3550), as far as a sender and a recorder need them.

use bytes::{BufMut as _, Bytes, BytesMut};
use std::time::Duration;

/// Bytes of a header without sources and extension.
const HEADER: usize = 12;
/// Seconds from 1900, where NTP begins to count, to 1970.
const NTP_UNIX: u64 = 2_208_988_800;

/// One stream that is sent: numbers its packets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sender {
    /// The payload type of every packet.
    pub payload_type: u8,
    /// The source.
    pub ssrc: u32,
    /// The sequence number of the next packet.
    pub sequence: u16,
    /// The RTP timestamp of position zero.
    pub offset: u32,
    /// How many packets were sent, and how many bytes in them.
    sent: (u32, u32),
}

impl Sender {
    /// Source, sequence and timestamp begin where `random` says, as RFC 3550 §5.1 asks.
    #[must_use]
    pub fn new(payload_type: u8, random: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = random.to_le_bytes();
        Self {
            payload_type,
            ssrc: u32::from_le_bytes([g, h, a, d]),
            sequence: u16::from_le_bytes([a, b]) & 0x7fff,
            offset: u32::from_le_bytes([c, d, e, f]),
            sent: (0, 0),
        }
    }

    /// The next packet (RFC 3550 §5.1); `ticks` of the clock after position zero.
    pub fn packet(&mut self, ticks: u32, marker: bool, payload: &[u8]) -> Bytes {
        let mut packet = BytesMut::with_capacity(HEADER + payload.len());
        packet.put_u8(0x80);
        packet.put_u8((u8::from(marker) << 7) | (self.payload_type & 0x7f));
        packet.put_u16(self.sequence);
        packet.put_u32(self.offset.wrapping_add(ticks));
        packet.put_u32(self.ssrc);
        packet.put_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.sent = (self.sent.0.wrapping_add(1), self.sent.1.wrapping_add(len));
        packet.freeze()
    }

    /// A sender report (RFC 3550 §6.4.1) with the mandatory name (§6.5): position `ticks`
    /// is played at `unix`, the time since 1970.
    #[must_use]
    pub fn report(&self, unix: Duration, ticks: u32) -> Bytes {
        let mut packet = BytesMut::with_capacity(48);
        packet.put_slice(&[0x80, 200, 0, 6]);
        packet.put_u32(self.ssrc);
        let seconds = unix.as_secs().wrapping_add(NTP_UNIX) & 0xffff_ffff;
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        packet.put_u64((seconds << 32) | fraction);
        packet.put_u32(self.offset.wrapping_add(ticks));
        packet.put_u32(self.sent.0);
        packet.put_u32(self.sent.1);
        put_name(&mut packet, self.ssrc);
        packet.freeze()
    }

    /// "No more packets".
    #[must_use]
    pub fn goodbye(&self) -> Bytes {
        goodbye(self.ssrc)
    }
}

/// "No more packets" of a source (RFC 3550 §6.6), behind an empty report as in every
/// compound packet.
#[must_use]
pub fn goodbye(ssrc: u32) -> Bytes {
    let mut packet = BytesMut::with_capacity(32);
    packet.put_slice(&[0x80, 201, 0, 1]);
    packet.put_u32(ssrc);
    put_name(&mut packet, ssrc);
    packet.put_slice(&[0x81, 203, 0, 1]);
    packet.put_u32(ssrc);
    packet.freeze()
}

/// SDES with a CNAME, padded to a multiple of four.
fn put_name(packet: &mut BytesMut, ssrc: u32) {
    packet.put_slice(&[0x81, 202, 0, 3]);
    packet.put_u32(ssrc);
    packet.put_slice(&[1, 5, b'f', b'i', b'l', b'e', b's', 0]);
}

/// A packet that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// What the payload is.
    pub payload_type: u8,
    /// The last packet of a picture, the first one of a sound after silence.
    pub marker: bool,
    /// Rises by one from packet to packet.
    pub sequence: u16,
    /// When, in ticks of the stream's clock.
    pub timestamp: u32,
    /// Who sends it.
    pub ssrc: u32,
    /// Without header, extension and padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` when it is none.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = bytes.split_at_checked(HEADER)?;
        let &[first, second, s1, s2, t1, t2, t3, t4, r1, r2, r3, r4] = header else { return None };
        if first >> 6 != 2 {
            return None;
        }
        rest = rest.get(usize::from(first & 0x0f) * 4..)?;
        if first & 0x10 != 0 {
            let words = u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]);
            rest = rest.get(4 + usize::from(words) * 4..)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            rest = rest.get(..rest.len().checked_sub(padding)?)?;
        }
        Some(Self {
            payload_type: second & 0x7f,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([s1, s2]),
            timestamp: u32::from_be_bytes([t1, t2, t3, t4]),
            ssrc: u32::from_be_bytes([r1, r2, r3, r4]),
            payload: rest,
        })
    }
}

/// Whether an RTCP packet says goodbye.
#[must_use]
pub fn is_goodbye(mut compound: &[u8]) -> bool {
    while let [_, kind, high, low, ..] = compound {
        if *kind == 203 {
            return true;
        }
        let len = 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
        compound = compound.get(len..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read() {
        let mut sender = Sender::new(96, 0x1234_5678_9abc_def0);
        let (sequence, offset) = (sender.sequence, sender.offset);
        let bytes = sender.packet(3_600, true, b"abc");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.payload_type, packet.marker, packet.payload), (96, true, &b"abc"[..]));
        assert_eq!((packet.sequence, packet.timestamp), (sequence, offset.wrapping_add(3_600)));
        let next = sender.packet(7_200, false, b"");
        assert_eq!(Packet::parse(&next).unwrap().sequence, sequence.wrapping_add(1));
        // One packet with three bytes and one with none were sent.
        let report = sender.report(Duration::from_millis(1_500), 7_200);
        assert_eq!(report[8..12], (NTP_UNIX as u32 + 1).to_be_bytes());
        assert_eq!((report[12], &report[20..28]), (0x80, &[0, 0, 0, 2, 0, 0, 0, 3][..]));
        assert_eq!((report.len() % 4, is_goodbye(&report)), (0, false));
        assert!(is_goodbye(&sender.goodbye()));
    }

    #[test]
    fn extension_padding_and_sources_are_no_payload() {
        let header = [0xb1, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        let rest = [9, 9, 9, 9, 0xbe, 0xde, 0, 1, 7, 7, 7, 7, b'h', b'i', 0, 2];
        let bytes = [&header[..], &rest].concat();
        assert_eq!(Packet::parse(&bytes).unwrap().payload, b"hi");
        for cut in 0..bytes.len() {
            // Whatever is cut off: no panic, and never more than there is.
            assert!(Packet::parse(&bytes[..cut]).is_none_or(|p| p.payload.len() <= cut));
        }
    }
}
