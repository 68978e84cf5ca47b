//! Files that are received.

use super::h264::{Joiner, START_CODE, is_key, is_parameter_set};
use super::wav::Wav;
use super::{Encoding, rtp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proto_wire::sdp::Media;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// A file that packets are written to as they come.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    file: BufWriter<File>,
    encoding: Encoding,
    payload_type: u8,
    rate: u32,
    channels: u16,
    joiner: Joiner,
    /// Nothing before the first picture that needs no other can be shown.
    has_key: bool,
    expected: Option<u16>,
    written: u64,
    lost: u64,
}

impl Sink {
    /// The first format of a medium that can be written to a file, and its payload type.
    #[must_use]
    pub fn encoding(media: Media<'_>) -> Option<(u8, Encoding)> {
        media
            .payload_types()
            .find_map(|map| Some((map.payload_type, Encoding::from_name(map.encoding)?)))
    }

    /// Creates the file for a medium.
    ///
    /// # Errors
    ///
    /// When it holds nothing that can be written, or the file cannot be created.
    pub fn create(media: Media<'_>, path: &Path) -> io::Result<Self> {
        let Some((payload_type, encoding)) = Self::encoding(media) else {
            let what = format!("{}: neither H264, L16, PCMU nor PCMA", media.kind());
            return Err(io::Error::new(io::ErrorKind::Unsupported, what));
        };
        let map = media.rtpmap(payload_type);
        let mut sink = Self {
            file: BufWriter::new(File::create(path)?),
            path: path.to_owned(),
            encoding,
            payload_type,
            rate: map.map_or(8_000, |map| map.clock_rate),
            channels: map.map_or(1, |map| map.channels.max(1)),
            joiner: Joiner::default(),
            has_key: false,
            expected: None,
            written: 0,
            lost: 0,
        };
        if encoding == Encoding::H264 {
            // Players may not see the parameter sets in the stream itself.
            let fmtp = media.fmtp(&payload_type.to_string());
            let sets = fmtp.and_then(|fmtp| fmtp.params().value(b"sprop-parameter-sets"));
            let sets = sets.and_then(|sets| std::str::from_utf8(sets).ok()).unwrap_or_default();
            for set in sets.split(',').filter_map(|set| BASE64.decode(set.trim()).ok()) {
                sink.unit(&set)?;
            }
        } else {
            sink.header()?;
        }
        Ok(sink)
    }

    /// Takes one RTP packet.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn packet(&mut self, packet: &[u8]) -> io::Result<()> {
        let Some(packet) = rtp::Packet::parse(packet) else { return Ok(()) };
        if packet.payload_type != self.payload_type || packet.payload.is_empty() {
            return Ok(());
        }
        if let Some(expected) = self.expected {
            let gap = packet.sequence.wrapping_sub(expected);
            if gap >= 0x8000 {
                // Late: a file has no place for it any more.
                return Ok(());
            }
            self.lost += u64::from(gap);
        }
        self.expected = Some(packet.sequence.wrapping_add(1));
        match self.encoding {
            Encoding::H264 => {
                let mut joiner = std::mem::take(&mut self.joiner);
                let mut wrote = Ok(());
                joiner.push(packet.sequence, packet.payload, &mut |unit| {
                    if wrote.is_ok() {
                        wrote = self.unit(unit);
                    }
                });
                self.joiner = joiner;
                wrote
            }
            Encoding::L16 => {
                let mut samples = packet.payload.to_vec();
                samples.chunks_exact_mut(2).for_each(<[u8]>::reverse);
                self.write(&samples)
            }
            Encoding::Pcmu | Encoding::Pcma => self.write(packet.payload),
        }
    }

    /// Writes what is left, and the length where the format wants it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.encoding != Encoding::H264 {
            self.file.seek(SeekFrom::Start(0))?;
            self.header()?;
            self.file.seek(SeekFrom::End(0))?;
        }
        self.file.flush()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of media in it.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Packets that are missing between the first and the last.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn header(&mut self) -> io::Result<()> {
        let len = u32::try_from(self.written).unwrap_or(u32::MAX);
        self.file.write_all(&Wav::header(self.encoding, self.rate, self.channels, len))
    }

    fn unit(&mut self, unit: &[u8]) -> io::Result<()> {
        self.has_key |= is_key(unit);
        if !self.has_key && !is_parameter_set(unit) {
            return Ok(());
        }
        self.write(&START_CODE)?;
        self.write(unit)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Playhead, Track};
    use proto_wire::sdp::{Sdp, SdpBuilder};

    /// What a track sends, recorded; packets for which `drop` holds do not arrive.
    fn recorded(track: &Track, name: &str, drop: impl Fn(usize) -> bool) -> (Vec<u8>, u64) {
        let sdp = SdpBuilder::new("x").connection([0, 0, 0, 0].into()).media(track.describe("1"));
        let sdp = sdp.build().unwrap();
        let name = format!("media-sink-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut sink =
            Sink::create(Sdp::new(sdp.as_bytes()).media().next().unwrap(), &path).unwrap();
        let mut head = Playhead::new(track, 65_000);
        let mut sent = 0;
        while let Some(packets) = head.packets(track) {
            for packet in packets {
                if !drop(sent) {
                    sink.packet(&packet).unwrap();
                }
                sent += 1;
            }
        }
        sink.finish().unwrap();
        let file = std::fs::read(sink.path()).unwrap();
        std::fs::remove_file(sink.path()).unwrap();
        (file, sink.lost())
    }

    #[test]
    fn what_is_sent_is_recorded() {
        for (encoding, channels) in [(Encoding::L16, 2), (Encoding::Pcmu, 1), (Encoding::Pcma, 1)] {
            let mut file = Wav::header(encoding, 8_000, channels, 4_000);
            file.extend((0..=255).cycle().take(4_000));
            let track = Track::sound(&Wav::parse(&file).unwrap());
            let (got, lost) = recorded(&track, encoding.name(), |_| false);
            assert_eq!((got == file, lost), (true, 0), "{encoding}");
        }
        let slice: Vec<u8> =
            [0x65, 0x88].into_iter().chain((1..=255).cycle().take(3_000)).collect();
        let file =
            [&START_CODE[..], &[0x67, 0x42, 0, 10], &START_CODE, &[0x68, 1], &START_CODE, &slice];
        let file = file.concat();
        let (got, lost) = recorded(&Track::video(&file, 25), "h264", |_| false);
        // The parameters of the description stand before those of the stream.
        assert!(got.ends_with(&file) && got.len() == file.len() + 14, "{} bytes", got.len());
        assert_eq!(lost, 0);
        let (got, lost) = recorded(&Track::video(&file, 25), "h264-lost", |at| at == 3);
        assert_eq!((got.len(), lost), (28, 1), "no part of a picture");
    }
}
