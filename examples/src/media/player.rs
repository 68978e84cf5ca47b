//! Tracks that are played in time.

use super::{Playhead, Track};
use bytes::Bytes;
use proto_wire::Instant;
use rtsp_proto::headers::{NptRange, NptTime};
use std::borrow::Borrow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a receiver hears what time it is (RFC 3550 §6.2).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// A track and who is where in it, at which time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Player<T> {
    /// What is played.
    pub track: T,
    /// Whether it begins again at its end.
    pub repeat: bool,
    head: Playhead,
    /// When it was played from where.
    since: Option<(Instant, Duration)>,
    until: Duration,
    report_at: Instant,
}

/// A packet, and whether it is RTCP.
pub type Packet = (bool, Bytes);

impl<T: Borrow<Track>> Player<T> {
    /// At the start of a track, still.
    #[must_use]
    pub fn new(track: T, random: u64) -> Self {
        let head = Playhead::new(track.borrow(), random);
        let until = track.borrow().duration();
        Self { track, repeat: false, head, since: None, until, report_at: Instant::ZERO }
    }

    /// Plays a part: from where it is, or from the start when it is at the end, and to the end,
    /// unless said otherwise. Returns which part that is; `None`, and nothing has changed, when
    /// there is no such part.
    pub fn start(&mut self, now: Instant, part: NptRange) -> Option<NptRange> {
        let track = self.track.borrow();
        let end = time(part.end).unwrap_or(Duration::MAX).min(track.duration());
        let is_over = self.head.time(track) >= end;
        let from = time(part.start).or(is_over.then_some(Duration::ZERO));
        if from.is_some_and(|from| from > end) {
            return None;
        }
        if let Some(from) = from {
            self.head.seek(track, from);
        }
        self.head.mark();
        let at = self.head.time(track);
        (self.since, self.until, self.report_at) = (Some((now, at)), end, now);
        Some(NptRange::between(at, end))
    }

    /// Stops where it is.
    pub const fn stop(&mut self) {
        self.since = None;
    }

    /// Sequence number and RTP timestamp of the next packet, and the source.
    #[must_use]
    pub fn next(&self) -> (u16, u32, u32) {
        self.head.start(self.track.borrow())
    }

    /// When there is something to send next; `None` while it is still.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let (since, from) = self.since?;
        let at = self.head.time(self.track.borrow()).min(self.until);
        Some(since.saturating_add(at.saturating_sub(from)))
    }

    /// What is to be sent by now: packets, from time to time a report, and at the end of the
    /// part a goodbye, with which it is still again.
    pub fn packets(&mut self, now: Instant) -> Vec<Packet> {
        let mut out = Vec::new();
        while let Some(due) = self.due().filter(|due| *due <= now) {
            let track = self.track.borrow();
            if self.report_at <= now {
                self.report_at = now.saturating_add(REPORT_INTERVAL);
                let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                out.push((true, self.head.report(track, unix)));
            }
            if self.head.time(track) < self.until {
                let packets = self.head.packets(track).unwrap_or_default();
                out.extend(packets.into_iter().map(|packet| (false, packet)));
            } else if self.repeat && self.until == track.duration() && !track.units.is_empty() {
                self.head.rewind(track);
                self.since = Some((due, Duration::ZERO));
            } else {
                out.push((true, self.head.goodbye()));
                self.since = None;
            }
        }
        out
    }
}

const fn time(time: Option<NptTime>) -> Option<Duration> {
    match time {
        Some(NptTime::At(at)) => Some(at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtp::is_goodbye;
    use crate::media::wav::Wav;
    use crate::media::{Encoding, rtp};

    /// A tenth of a second in five packets.
    fn track() -> Track {
        let wav = Wav { encoding: Encoding::Pcmu, rate: 8_000, channels: 1, samples: &[7; 800] };
        Track::sound(&wav)
    }

    fn at(millis: u64) -> Instant {
        Instant::from_millis(1_000 + millis)
    }

    #[test]
    fn packets_come_in_their_time_and_then_goodbye() {
        let mut player = Player::new(track(), 1);
        assert!(player.due().is_none() && player.packets(at(0)).is_empty());
        let all = NptRange::between(Duration::ZERO, Duration::from_millis(100));
        assert_eq!(player.start(at(0), NptRange::default()), Some(all));
        let kinds = |packets: &[Packet]| packets.iter().map(|(rtcp, _)| *rtcp).collect::<Vec<_>>();
        assert_eq!(kinds(&player.packets(at(0))), [true, false]);
        assert_eq!(player.due(), Some(at(20)));
        assert!(player.packets(at(19)).is_empty());
        assert_eq!(kinds(&player.packets(at(85))), [false; 4], "late, but all of them");
        let last = player.packets(at(100));
        assert!(last.len() == 1 && is_goodbye(&last[0].1) && player.due().is_none());
        // Again from the start, since it is at the end.
        assert_eq!(player.start(at(200), NptRange::live()), Some(all));
    }

    #[test]
    fn a_part_is_played_and_no_other_is_there() {
        let mut player = Player::new(track(), 1);
        let (from, to) = (Duration::from_millis(45), Duration::from_millis(60));
        let played = player.start(at(0), NptRange::between(from, to));
        let expected = NptRange::between(Duration::from_millis(40), to);
        assert_eq!(played, Some(expected), "from the packet before");
        let packets = player.packets(at(20));
        assert_eq!(packets.len(), 3, "a report, a packet, a goodbye");
        let packet = rtp::Packet::parse(&packets[1].1).unwrap();
        assert!(packet.marker && packet.payload.len() == 160);
        assert_eq!(player.start(at(0), NptRange::from(Duration::from_secs(9))), None);
        player.start(at(0), NptRange::from(Duration::ZERO)).unwrap();
        player.stop();
        assert!(player.due().is_none() && player.packets(at(900)).is_empty());
    }

    #[test]
    fn what_repeats_has_no_end() {
        let mut player = Player::new(track(), 1);
        player.repeat = true;
        player.start(at(0), NptRange::default()).unwrap();
        let packets = player.packets(at(1_000));
        assert_eq!(packets.iter().filter(|(rtcp, _)| !rtcp).count(), 51);
        assert_eq!(player.due(), Some(at(1_020)), "on time");
    }
}
