//! Files that are sent.

use super::{Encoding, PAYLOAD_MAX, h264, rtp, wav};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use proto_wire::sdp::{MediaBuilder, SdpBuilder};
use rtsp_proto::headers::{NptRange, Range};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// Ticks per second of all video (RFC 6184 §8.1).
const VIDEO_CLOCK: u32 = 90_000;
/// Packets of sound per second: 20 ms each (RFC 3551 §4.2), or less when they get too long.
const SOUND_PACKETS: u32 = 50;

/// A file in memory, cut into payloads.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Track {
    /// What it holds.
    pub encoding: Encoding,
    /// Ticks per second.
    pub clock_rate: u32,
    /// Channels of sound; 1 for video.
    pub channels: u16,
    /// The payload type that its packets have.
    pub payload_type: u8,
    /// `a=fmtp`, when there is something to say.
    pub fmtp: Option<String>,
    /// Pictures, or stretches of sound.
    pub units: Vec<Unit>,
    /// Its length in ticks.
    pub ticks: u32,
}

/// What is sent at one time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unit {
    /// When, in ticks from the start.
    pub at: u32,
    /// Whether playing can begin here.
    pub is_key: bool,
    /// One per packet.
    pub payloads: Vec<Bytes>,
}

impl Track {
    /// Reads a file: WAV, or else H.264 with so many `pictures` per second, which Annex B
    /// does not tell.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is neither.
    pub fn open(path: &Path, pictures: u32) -> io::Result<Self> {
        let file = std::fs::read(path)?;
        let track = if file.starts_with(b"RIFF") {
            Self::sound(&wav::Wav::parse(&file)?)
        } else {
            Self::video(&file, pictures)
        };
        if track.units.is_empty() {
            let what = "neither WAV nor H.264 with start codes (Annex B)";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(track)
    }

    /// A sound. Samples of 16 bits are turned: the network has the high byte first.
    #[must_use]
    pub fn sound(wav: &wav::Wav<'_>) -> Self {
        let frame = wav::Wav::frame_len(wav.encoding, wav.channels);
        let per_packet = (wav.rate / SOUND_PACKETS).max(1) as usize;
        let per_packet = per_packet.min((PAYLOAD_MAX / frame).max(1));
        let mut at = 0;
        let units = wav.samples.chunks(per_packet * frame).map(|samples| {
            let mut payload = samples.to_vec();
            if wav.encoding == Encoding::L16 {
                payload.chunks_exact_mut(2).for_each(<[u8]>::reverse);
            }
            let unit = Unit { at, is_key: true, payloads: vec![payload.into()] };
            at += u32::try_from(samples.len() / frame).unwrap_or(0);
            unit
        });
        let units = units.collect();
        // RFC 3551 table 4.
        let payload_type = match (wav.encoding, wav.rate, wav.channels) {
            (Encoding::Pcmu, 8_000, 1) => 0,
            (Encoding::Pcma, 8_000, 1) => 8,
            (Encoding::L16, 44_100, 2) => 10,
            (Encoding::L16, 44_100, 1) => 11,
            _ => 97,
        };
        let (encoding, clock_rate, channels) = (wav.encoding, wav.rate, wav.channels);
        Self { encoding, clock_rate, channels, payload_type, fmtp: None, units, ticks: at }
    }

    /// A stream of Annex B with so many `pictures` per second.
    #[must_use]
    pub fn video(stream: &[u8], pictures: u32) -> Self {
        let step = VIDEO_CLOCK / pictures.max(1);
        let mut at = 0;
        let (mut units, mut parameters): (_, Vec<&[u8]>) = (Vec::new(), Vec::new());
        for picture in h264::pictures(stream) {
            for set in picture.iter().filter(|unit| h264::is_parameter_set(unit)) {
                if !parameters.contains(set) {
                    parameters.push(set);
                }
            }
            units.push(Unit {
                at,
                is_key: picture.iter().any(|unit| h264::is_key(unit)),
                payloads: picture
                    .iter()
                    .flat_map(|unit| h264::payloads(unit))
                    .map(Bytes::from)
                    .collect(),
            });
            at = at.wrapping_add(step);
        }
        let mut fmtp = "packetization-mode=1".to_owned();
        if let Some(id) = parameters.iter().find_map(|set| h264::profile_level_id(set)) {
            let sets: Vec<String> = parameters.iter().map(|set| BASE64.encode(set)).collect();
            fmtp += &format!("; profile-level-id={id}; sprop-parameter-sets={}", sets.join(","));
        }
        Self {
            encoding: Encoding::H264,
            clock_rate: VIDEO_CLOCK,
            channels: 1,
            payload_type: 96,
            fmtp: Some(fmtp),
            units,
            ticks: at,
        }
    }

    /// How long it plays.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.time_of(self.ticks)
    }

    /// When a position is played, from the start.
    #[must_use]
    pub fn time_of(&self, ticks: u32) -> Duration {
        let nanos = u64::from(ticks) * 1_000_000_000 / u64::from(self.clock_rate.max(1));
        Duration::from_nanos(nanos)
    }

    /// A description of it alone, with its length.
    ///
    /// # Errors
    ///
    /// When `control` cannot stand in one.
    pub fn description(&self, control: &str) -> io::Result<String> {
        let length = Range::npt(NptRange::between(Duration::ZERO, self.duration()));
        let sdp = SdpBuilder::new("A file").connection(IpAddr::from([0, 0, 0, 0]));
        let sdp = sdp.attribute("control", "*").attribute("range", length.to_string());
        sdp.media(self.describe(control)).build().map_err(io::Error::other)
    }

    /// Its part of a description.
    #[must_use]
    pub fn describe(&self, control: &str) -> MediaBuilder {
        let Self { encoding, payload_type, clock_rate, channels, .. } = *self;
        let media = MediaBuilder::new(encoding.kind(), 0, "RTP/AVP")
            .rtp(payload_type, encoding.name(), clock_rate, channels)
            .attribute("control", control);
        match &self.fmtp {
            Some(params) => media.fmtp(payload_type, params),
            None => media,
        }
    }
}

/// Where one receiver is in a track. Packets are numbered through, whatever is skipped.
#[derive(Clone, Debug)]
pub struct Playhead {
    sender: rtp::Sender,
    next: usize,
    /// Ticks that were played before the track began again.
    laps: u32,
    /// The next packet is the first after a pause.
    fresh: bool,
}

impl Playhead {
    /// At the start of a track.
    #[must_use]
    pub fn new(track: &Track, random: u64) -> Self {
        let sender = rtp::Sender::new(track.payload_type, random);
        Self { sender, next: 0, laps: 0, fresh: true }
    }

    /// Goes to `time`, or to the last key before it; returns where that is.
    pub fn seek(&mut self, track: &Track, time: Duration) -> Duration {
        let behind = track.units.partition_point(|unit| track.time_of(unit.at) <= time);
        let before = track.units.get(..behind).unwrap_or_default();
        let target = before.iter().rposition(|unit| unit.is_key).unwrap_or(0);
        let (from, to) = (self.ticks(track), track.units.get(target).map_or(0, |unit| unit.at));
        // The RTP time goes on; only the media jumps (RFC 2326 appendix B).
        self.laps = from.wrapping_sub(to);
        self.next = target;
        self.time(track)
    }

    /// The time of the next packet in the track.
    #[must_use]
    pub fn time(&self, track: &Track) -> Duration {
        track.units.get(self.next).map_or(track.duration(), |unit| track.time_of(unit.at))
    }

    /// After a pause: the next packet begins a run.
    pub const fn mark(&mut self) {
        self.fresh = true;
    }

    /// Sequence number and RTP timestamp of the next packet, and the source.
    #[must_use]
    pub fn start(&self, track: &Track) -> (u16, u32, u32) {
        let timestamp = self.sender.offset.wrapping_add(self.ticks(track));
        (self.sender.sequence, timestamp, self.sender.ssrc)
    }

    /// The packets of the next unit; `None` at the end.
    pub fn packets(&mut self, track: &Track) -> Option<Vec<Bytes>> {
        let ticks = self.ticks(track);
        let unit = track.units.get(self.next)?;
        self.next += 1;
        let is_video = track.encoding == Encoding::H264;
        let last = unit.payloads.len().saturating_sub(1);
        // The marker ends a picture (RFC 6184 §5.1) and begins a sound (RFC 3551 §4.1).
        let packets = unit.payloads.iter().enumerate().map(|(at, payload)| {
            let marker = if is_video { at == last } else { std::mem::take(&mut self.fresh) };
            self.sender.packet(ticks, marker, payload)
        });
        Some(packets.collect())
    }

    /// Begins again behind the end.
    pub fn rewind(&mut self, track: &Track) {
        self.laps = self.ticks(track);
        self.next = 0;
    }

    /// A sender report for the next packet, to be played at `unix`, the time since 1970.
    #[must_use]
    pub fn report(&self, track: &Track, unix: Duration) -> Bytes {
        self.sender.report(unix, self.ticks(track))
    }

    /// "No more packets."
    #[must_use]
    pub fn goodbye(&self) -> Bytes {
        self.sender.goodbye()
    }

    fn ticks(&self, track: &Track) -> u32 {
        let at = track.units.get(self.next).map_or(track.ticks, |unit| unit.at);
        self.laps.wrapping_add(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtp::Packet;

    fn sound(encoding: Encoding, rate: u32, channels: u16, bytes: usize) -> Track {
        let samples: Vec<u8> = (0..=255).cycle().take(bytes).collect();
        Track::sound(&wav::Wav { encoding, rate, channels, samples: &samples })
    }

    #[test]
    fn sound_is_cut_by_time_and_by_size() {
        let speech = sound(Encoding::Pcmu, 8_000, 1, 400);
        let sizes: Vec<_> = speech.units.iter().map(|unit| unit.payloads[0].len()).collect();
        assert_eq!((speech.payload_type, sizes), (0, vec![160, 160, 80]));
        assert_eq!(speech.duration(), Duration::from_millis(50));
        let music = sound(Encoding::L16, 44_100, 2, 4_000);
        let sizes: Vec<_> = music.units.iter().map(|unit| unit.payloads[0].len()).collect();
        assert_eq!((music.payload_type, sizes), (10, vec![1_400, 1_400, 1_200]));
        assert_eq!(music.units[1].at, 350);
        assert_eq!(music.units[0].payloads[0][..4], [1, 0, 3, 2], "the high byte first");
    }

    #[test]
    fn time_goes_on_when_the_media_jumps() {
        let track = sound(Encoding::Pcmu, 8_000, 1, 8_000);
        let mut head = Playhead::new(&track, 5);
        let (sequence, timestamp, _) = head.start(&track);
        let first = head.packets(&track).unwrap();
        assert!(Packet::parse(&first[0]).unwrap().marker);
        assert_eq!(head.seek(&track, Duration::from_millis(505)), Duration::from_millis(500));
        let jumped = head.packets(&track).unwrap();
        let packet = Packet::parse(&jumped[0]).unwrap();
        assert_eq!(packet.sequence, sequence.wrapping_add(1));
        assert_eq!(packet.timestamp, timestamp.wrapping_add(160));
        assert_eq!(packet.payload, &track.units[25].payloads[0][..]);
        while head.packets(&track).is_some() {}
        head.rewind(&track);
        let again = head.packets(&track).unwrap();
        let packet = Packet::parse(&again[0]).unwrap();
        assert_eq!(packet.timestamp, timestamp.wrapping_add(160 * 26));
        assert_eq!(packet.payload, &track.units[0].payloads[0][..]);
    }

    #[test]
    fn video_is_described_by_its_parameters() {
        let stream = [
            &[0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0a][..],
            &[0, 0, 1, 0x68, 0xce, 0, 0, 1, 0x65, 0x88, 1],
            &[0, 0, 1, 0x41, 0x9a, 2, 0, 0, 1, 0x41, 0x9b, 3],
        ];
        let track = Track::video(&stream.concat(), 25);
        assert_eq!((track.units.len(), track.ticks), (3, 10_800));
        let keys: Vec<_> = track.units.iter().map(|unit| unit.is_key).collect();
        assert_eq!(keys, [true, false, false]);
        let fmtp = track.fmtp.as_deref().unwrap();
        assert!(
            fmtp.ends_with("profile-level-id=42C00A; sprop-parameter-sets=Z0LACg==,aM4="),
            "{fmtp}"
        );
        let mut head = Playhead::new(&track, 1);
        assert_eq!(head.seek(&track, Duration::from_millis(100)), Duration::ZERO, "the key before");
        let packets = head.packets(&track).unwrap();
        let markers: Vec<_> = packets.iter().map(|p| Packet::parse(p).unwrap().marker).collect();
        assert_eq!(markers, [false, false, true]);
    }
}
