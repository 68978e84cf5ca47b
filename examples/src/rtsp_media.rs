//! Media for the RTSP server: a tone in G.711 µ-law, packed in RTP (RFC 3550, 3551).

use bytes::{BufMut as _, Bytes, BytesMut};
use std::time::Duration;

/// How much sound is in one packet.
pub const PACKET_TIME: Duration = Duration::from_millis(20);
/// Samples per second of PCMU.
pub const CLOCK_RATE: u32 = 8_000;
/// Samples, and so bytes, in one packet.
pub const SAMPLES: u32 = 160;

/// A tone without an end, as RTP packets of payload type 0.
#[derive(Clone, Debug)]
pub struct Tone {
    /// One period of the sound.
    wave: Vec<u8>,
    position: usize,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    /// The first packet of a run carries the marker bit (RFC 3551 §4.1).
    marker: bool,
}

impl Tone {
    /// A tone of 440 Hz. Sequence, timestamp and source begin where `random` says, as RFC
    /// 3550 §5.1 asks.
    #[must_use]
    pub fn new(random: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = random.to_le_bytes();
        Self {
            wave: wave(),
            position: 0,
            sequence: u16::from_le_bytes([a, b]) & 0x7fff,
            timestamp: u32::from_le_bytes([c, d, e, f]),
            ssrc: u32::from_le_bytes([g, h, a, d]),
            marker: true,
        }
    }

    /// The sequence number of the next packet.
    #[must_use]
    pub const fn sequence(&self) -> u16 {
        self.sequence
    }

    /// The RTP timestamp of the next packet.
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// The source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The next packet begins a run: after PLAY.
    pub const fn mark(&mut self) {
        self.marker = true;
    }

    /// The next packet: 12 bytes of header, 160 of sound.
    pub fn packet(&mut self) -> Bytes {
        let mut packet = BytesMut::with_capacity(12 + SAMPLES as usize);
        packet.put_u8(0x80);
        packet.put_u8(u8::from(self.marker) << 7);
        packet.put_u16(self.sequence);
        packet.put_u32(self.timestamp);
        packet.put_u32(self.ssrc);
        for _ in 0..SAMPLES {
            packet.put_u8(self.wave.get(self.position).copied().unwrap_or(0xff));
            self.position = (self.position + 1) % self.wave.len().max(1);
        }
        self.marker = false;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES);
        packet.freeze()
    }
}

/// 440 Hz at 8,000 samples a second: 11 periods in 200 samples.
fn wave() -> Vec<u8> {
    (0..200_u32)
        .map(|n| {
            let angle = f64::from(n) * 11.0 / 200.0 * std::f64::consts::TAU;
            #[expect(clippy::cast_possible_truncation, reason = "within +-8000")]
            let sample = (angle.sin() * 8_000.0) as i16;
            mu_law(sample)
        })
        .collect()
}

/// A sample as ITU-T G.711 µ-law: sign, exponent and mantissa of the biased magnitude,
/// inverted.
#[must_use]
pub fn mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(32_635) + 132;
    // The position of the highest bit decides the segment: bit 7 is segment 0.
    let exponent = 8_u32.saturating_sub(magnitude.leading_zeros());
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    let exponent = u8::try_from(exponent).unwrap_or(7) << 4;
    let mantissa = u8::try_from(mantissa).unwrap_or(0);
    !(sign | exponent | mantissa)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of ITU-T G.711, table 2a: silence, the largest, the segments' ends.
    #[test]
    fn mu_law_of_known_samples() {
        for (sample, code) in [(0, 0xff), (32_767, 0x80), (-32_768, 0x00), (-1, 0x7f), (124, 0xef)]
        {
            assert_eq!(mu_law(sample), code, "{sample}");
        }
    }

    #[test]
    fn packets_follow_each_other() {
        let mut tone = Tone::new(0x1234_5678_9abc_def0);
        let (sequence, timestamp) = (tone.sequence(), tone.timestamp());
        let first = tone.packet();
        assert_eq!((first.len(), first[0], first[1]), (172, 0x80, 0x80));
        assert_eq!(first[2..4], sequence.to_be_bytes());
        assert_eq!(first[4..8], timestamp.to_be_bytes());
        let second = tone.packet();
        assert_eq!(second[1], 0, "no marker within a run");
        assert_eq!(second[2..4], sequence.wrapping_add(1).to_be_bytes());
        assert_eq!(second[4..8], timestamp.wrapping_add(160).to_be_bytes());
        assert!(first[12..].iter().any(|b| *b != first[12]), "it is not silence");
    }
}
