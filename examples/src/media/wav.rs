//! WAV files: PCM of 16 bits, µ-law and A-law, with any rate and number of channels.

use super::Encoding;
use std::io;

/// The numbers of formats (RFC 2361).
const PCM: u16 = 1;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// Bytes before the samples in files that [`Wav::header`] begins.
pub const HEADER: usize = 44;

/// A sound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wav<'a> {
    /// How samples are written.
    pub encoding: Encoding,
    /// Samples per second and channel.
    pub rate: u32,
    /// Channels; their samples alternate.
    pub channels: u16,
    /// The samples as the file has them: 16 bits with the low byte first.
    pub samples: &'a [u8],
}

impl<'a> Wav<'a> {
    /// Bytes of one sample of each channel.
    #[must_use]
    pub fn frame_len(encoding: Encoding, channels: u16) -> usize {
        usize::from(channels) * if encoding == Encoding::L16 { 2 } else { 1 }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it is no WAV file, or of a format that cannot be sent as it is.
    pub fn parse(file: &'a [u8]) -> io::Result<Self> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
            return Err(wrong("not a WAV file"));
        }
        let (mut rest, mut format) = (file.get(12..).unwrap_or_default(), None);
        while let Some((&[a, b, c, d, l0, l1, l2, l3], behind)) = rest.split_first_chunk() {
            // A recorder that was killed leaves a length that is too long, or 0xffffffff.
            let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let chunk = behind.get(..len.min(behind.len())).unwrap_or_default();
            match (&[a, b, c, d], format) {
                (b"fmt ", _) => {
                    format = Some(Self::format(chunk).ok_or_else(|| {
                        wrong("only 16-bit PCM, mu-law and A-law can be sent as they are")
                    })?)
                }
                (b"data", Some((encoding, channels, rate))) => {
                    let frame = Self::frame_len(encoding, channels);
                    let samples = &chunk[..chunk.len() - chunk.len() % frame];
                    return Ok(Self { encoding, rate, channels, samples });
                }
                _ => {}
            }
            // Chunks are padded to an even length.
            rest = behind.get(len.saturating_add(len & 1)..).unwrap_or_default();
        }
        Err(wrong("a WAV file without sound"))
    }

    fn format(chunk: &[u8]) -> Option<(Encoding, u16, u32)> {
        let number = |at: usize| Some(u16::from_le_bytes([*chunk.get(at)?, *chunk.get(at + 1)?]));
        let mut format = number(0)?;
        if format == EXTENSIBLE {
            // The format stands in the first bytes of a GUID.
            format = number(24)?;
        }
        let (channels, bits) = (number(2)?, number(14)?);
        let rate = u32::from(number(4)?) | (u32::from(number(6)?) << 16);
        let encoding = match (format, bits) {
            (PCM, 16) => Encoding::L16,
            (MU_LAW, 8) => Encoding::Pcmu,
            (A_LAW, 8) => Encoding::Pcma,
            _ => return None,
        };
        (channels > 0 && rate > 0).then_some((encoding, channels, rate))
    }

    /// The first [`HEADER`] bytes of a file with `len` bytes of samples.
    #[must_use]
    pub fn header(encoding: Encoding, rate: u32, channels: u16, len: u32) -> Vec<u8> {
        let (format, bits) = match encoding {
            Encoding::Pcma => (A_LAW, 8_u16),
            Encoding::Pcmu => (MU_LAW, 8),
            Encoding::L16 | Encoding::H264 => (PCM, 16),
        };
        let frame = channels.saturating_mul(bits / 8);
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(b"RIFF");
        header.extend_from_slice(&len.saturating_add(36).to_le_bytes());
        header.extend_from_slice(b"WAVEfmt ");
        header.extend_from_slice(&16_u32.to_le_bytes());
        header.extend_from_slice(&format.to_le_bytes());
        header.extend_from_slice(&channels.to_le_bytes());
        header.extend_from_slice(&rate.to_le_bytes());
        header.extend_from_slice(&rate.saturating_mul(u32::from(frame)).to_le_bytes());
        header.extend_from_slice(&frame.to_le_bytes());
        header.extend_from_slice(&bits.to_le_bytes());
        header.extend_from_slice(b"data");
        header.extend_from_slice(&len.to_le_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (encoding, channels) in [(Encoding::L16, 2), (Encoding::Pcmu, 1), (Encoding::Pcma, 3)] {
            let mut file = Wav::header(encoding, 44_100, channels, 12);
            assert_eq!(file.len(), HEADER);
            file.extend_from_slice(&[7; 12]);
            let wav = Wav { encoding, rate: 44_100, channels, samples: &[7; 12] };
            assert_eq!(Wav::parse(&file).unwrap(), wav);
        }
    }

    #[test]
    fn other_chunks_are_skipped_and_lengths_may_lie() {
        let mut file = b"RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00".to_vec();
        let header = Wav::header(Encoding::L16, 8_000, 1, u32::MAX);
        file.extend_from_slice(&header[12..]);
        file.extend_from_slice(&[1, 2, 3]);
        assert_eq!(Wav::parse(&file).unwrap().samples, [1, 2], "half a sample is none");
        for cut in 0..file.len() {
            // A file that ends early: an error or fewer samples, no panic.
            assert!(Wav::parse(&file[..cut]).map_or(true, |wav| wav.samples.len() < 3));
        }
        let mut float = Wav::header(Encoding::L16, 8_000, 1, 0);
        float[20] = 3;
        assert!(Wav::parse(&float).unwrap_err().to_string().contains("16-bit PCM"));
    }
}
