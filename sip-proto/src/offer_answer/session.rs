//! Making offers and answers from what one side can do (RFC 3264 §5, §6, §8).

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use proto_wire::sdp::{BuildError, Direction, Media, MediaBuilder, RtpMap, Sdp, SdpBuilder};
use thiserror::Error;

/// An encoding that one side can send and receive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Codec {
    /// The payload type in our offers; in an answer the offer's own number counts.
    pub payload_type: u8,
    /// The name, compared in any case.
    pub encoding: String,
    /// Ticks per second.
    pub clock_rate: u32,
    /// Channels; 1 unless said.
    pub channels: u16,
    /// Parameters for `a=fmtp`.
    pub fmtp: Option<String>,
}

impl Codec {
    /// An encoding with one channel and no parameters.
    #[must_use]
    pub fn new(payload_type: u8, encoding: impl Into<String>, clock_rate: u32) -> Self {
        Self { payload_type, encoding: encoding.into(), clock_rate, channels: 1, fmtp: None }
    }

    /// Sets [`Codec::channels`].
    #[must_use]
    pub const fn with_channels(mut self, channels: u16) -> Self {
        self.channels = channels;
        self
    }

    /// Sets [`Codec::fmtp`].
    #[must_use]
    pub fn with_fmtp(mut self, params: impl Into<String>) -> Self {
        self.fmtp = Some(params.into());
        self
    }

    fn matches(&self, map: &RtpMap<'_>) -> bool {
        self.encoding.eq_ignore_ascii_case(map.encoding)
            && self.clock_rate == map.clock_rate
            && self.channels.max(1) == map.channels.max(1)
    }
}

/// A stream that one side can have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ability {
    /// `audio`, `video`.
    pub kind: String,
    /// The protocol, `RTP/AVP` unless said.
    pub protocol: String,
    /// Where it is received.
    pub port: u16,
    /// The encodings, the best first.
    pub codecs: Vec<Codec>,
    /// Which way we let it flow: `SendOnly` puts the peer on hold.
    pub direction: Direction,
}

impl Ability {
    /// A stream of this kind over `RTP/AVP`, both ways.
    #[must_use]
    pub fn new(
        kind: impl Into<String>,
        port: u16,
        codecs: impl IntoIterator<Item = Codec>,
    ) -> Self {
        Self {
            kind: kind.into(),
            protocol: "RTP/AVP".into(),
            port,
            codecs: codecs.into_iter().collect(),
            direction: Direction::SendRecv,
        }
    }

    /// Sets [`Ability::protocol`].
    #[must_use]
    pub fn with_protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocol = protocol.into();
        self
    }

    /// Sets [`Ability::direction`].
    #[must_use]
    pub const fn with_direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }
}

/// One side of a session: its name in `o=` and its streams.
///
/// ```
/// use proto_wire::sdp::{Direction, Sdp};
/// use sip_proto::offer_answer::{Ability, Codec, Session};
///
/// let codecs = [Codec::new(0, "PCMU", 8000), Codec::new(101, "telephone-event", 8000)];
/// let mut ours = Session::new(1, [192, 0, 2, 1].into()).with(Ability::new("audio", 4000, codecs));
/// let offer = "v=0\r\no=- 7 7 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
///     m=audio 5004 RTP/AVP 8 0\r\na=sendonly\r\nm=video 5006 RTP/AVP 31\r\n";
/// let answer = ours.answer(Sdp::new(offer.as_bytes()))?;
/// assert_eq!(answer.sdp, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
///     m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\nm=video 0 RTP/AVP 31\r\n");
/// assert_eq!(answer.streams[0].as_ref().unwrap().direction, Direction::RecvOnly);
/// assert!(answer.streams[1].is_none());
/// # Ok::<(), sip_proto::offer_answer::SessionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The number of the session in `o=`.
    pub id: u64,
    /// The version in `o=`: goes up when what we send changes (§5).
    pub version: u64,
    /// Where streams are received.
    pub address: IpAddr,
    /// The streams.
    pub abilities: Vec<Ability>,
    last: Option<String>,
}

/// An answer that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The description to send.
    pub sdp: String,
    /// For each stream of the offer what was agreed, `None` when it was refused.
    pub streams: Vec<Option<Stream>>,
}

/// A stream that both sides agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stream {
    /// Which of [`Session::abilities`].
    pub ability: usize,
    /// The codec that goes out, with the offer's payload type.
    pub codec: Codec,
    /// Which way it flows, seen from us.
    pub direction: Direction,
    /// Where the peer receives it; `None` without a readable address.
    pub remote: Option<(IpAddr, u16)>,
}

/// Why no answer can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The offer is no session description: 400.
    #[error("the offer is no session description")]
    NotSdp,
    /// No stream of the offer can be had: 488 (RFC 3261 §13.3.1.3).
    #[error("no stream of the offer is possible")]
    NothingInCommon,
    /// Something of ours cannot be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Streams of an offer that are looked at (32). Stops a long offer from making a long answer.
const STREAMS_MAX: usize = 32;

impl Session {
    /// A session without streams.
    #[must_use]
    pub const fn new(id: u64, address: IpAddr) -> Self {
        Self { id, version: id, address, abilities: Vec::new(), last: None }
    }

    /// Adds a stream.
    #[must_use]
    pub fn with(mut self, ability: Ability) -> Self {
        self.abilities.push(ability);
        self
    }

    /// An offer of all streams (§5).
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn offer(&mut self) -> Result<String, BuildError> {
        let streams: Vec<MediaBuilder> =
            self.abilities.iter().map(|a| described(a, &a.codecs, a.direction)).collect();
        self.write((0, 0), streams)
    }

    /// The answer to `offer` (§6): as many streams in the same order, each with a part of the
    /// formats that were offered and in a direction that both sides want; what cannot be had
    /// is refused with port 0.
    ///
    /// # Errors
    /// When no stream is possible.
    pub fn answer(&mut self, offer: Sdp<'_>) -> Result<Answer, SessionError> {
        if offer.version().is_none() || offer.media().next().is_none() {
            return Err(SessionError::NotSdp);
        }
        if offer.media().count() > STREAMS_MAX {
            return Err(SessionError::NothingInCommon);
        }
        let mut used = Vec::new();
        let mut streams = Vec::new();
        let mut media = Vec::new();
        for offered in offer.media() {
            match self.agree(offer, offered, &used) {
                Some((stream, builder)) => {
                    used.push(stream.ability);
                    streams.push(Some(stream));
                    media.push(builder);
                }
                None => {
                    streams.push(None);
                    media.push(refused(offered));
                }
            }
        }
        if used.is_empty() {
            return Err(SessionError::NothingInCommon);
        }
        // §6: the time of the answer is that of the offer.
        let timing = offer.timings().next().map_or((0, 0), |t| (t.start, t.stop));
        Ok(Answer { sdp: self.write(timing, media)?, streams })
    }

    fn agree(
        &self,
        offer: Sdp<'_>,
        offered: Media<'_>,
        used: &[usize],
    ) -> Option<(Stream, MediaBuilder)> {
        let port = offered.port().filter(|p| *p != 0)?;
        let fits = |(n, a): &(usize, &Ability)| {
            a.kind == offered.kind()
                && a.protocol.eq_ignore_ascii_case(offered.protocol())
                && !used.contains(n)
        };
        let (at, ability) = self.abilities.iter().enumerate().find(fits)?;
        // In the order of the offer, which says what its sender likes best.
        let codecs: Vec<Codec> = offered
            .payload_types()
            .filter_map(|map| {
                let ours = ability.codecs.iter().find(|c| c.matches(&map))?;
                Some(Codec { payload_type: map.payload_type, ..ours.clone() })
            })
            .collect();
        // Something to talk with, not only tones.
        let codec =
            codecs.iter().find(|c| !c.encoding.eq_ignore_ascii_case("telephone-event"))?.clone();
        let connection = offered.connection().or_else(|| offer.connection()).and_then(|c| c.ip());
        let theirs = offered.direction().reversed();
        // §8.4: an address of zeros is the hold of RFC 2543: do not send.
        let theirs = match connection {
            Some(ip) if ip.is_unspecified() => both(theirs, Direction::RecvOnly),
            _ => theirs,
        };
        let direction = both(theirs, ability.direction);
        let builder = described(ability, &codecs, direction);
        let remote = connection.map(|ip| (ip, port));
        Some((Stream { ability: at, codec, direction, remote }, builder))
    }

    fn write(
        &mut self,
        (start, stop): (u64, u64),
        media: Vec<MediaBuilder>,
    ) -> Result<String, BuildError> {
        let build = |version| {
            let mut sdp = SdpBuilder::new("-")
                .origin(self.id, version, self.address)
                .connection(self.address)
                .timing(start, stop);
            for stream in &media {
                sdp = sdp.media(stream.clone());
            }
            sdp.build()
        };
        let mut text = build(self.version)?;
        // §5: the version goes up by one when anything else changes, and only then.
        if self.last.as_ref().is_some_and(|last| *last != text) {
            let next = self.version.saturating_add(1);
            text = build(next)?;
            self.version = next;
        }
        self.last = Some(text.clone());
        Ok(text)
    }
}

/// What both let flow.
const fn both(one: Direction, other: Direction) -> Direction {
    const fn parts(direction: Direction) -> (bool, bool) {
        match direction {
            Direction::SendRecv => (true, true),
            Direction::SendOnly => (true, false),
            Direction::RecvOnly => (false, true),
            Direction::Inactive => (false, false),
        }
    }
    let ((send, recv), (send_too, recv_too)) = (parts(one), parts(other));
    match (send && send_too, recv && recv_too) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

fn described(ability: &Ability, codecs: &[Codec], direction: Direction) -> MediaBuilder {
    let mut media =
        MediaBuilder::new(ability.kind.as_str(), ability.port, ability.protocol.as_str());
    for codec in codecs {
        media = media.rtp(codec.payload_type, &codec.encoding, codec.clock_rate, codec.channels);
        if let Some(params) = &codec.fmtp {
            media = media.fmtp(codec.payload_type, params);
        }
    }
    // Both ways is what is meant when nothing is said.
    if direction == Direction::SendRecv { media } else { media.direction(direction) }
}

/// §6: port 0, and what was offered, of which one format must stay.
fn refused(offered: Media<'_>) -> MediaBuilder {
    let media = MediaBuilder::new(offered.kind(), 0, offered.protocol());
    match offered.formats().next() {
        Some(format) => media.format(format),
        None => media.format("0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn ours(direction: Direction) -> Session {
        let codecs = [
            Codec::new(0, "PCMU", 8000),
            Codec::new(8, "PCMA", 8000),
            Codec::new(101, "telephone-event", 8000).with_fmtp("0-16"),
        ];
        let video = Codec::new(99, "H264", 90_000);
        Session::new(5, [192, 0, 2, 1].into())
            .with(Ability::new("audio", 4000, codecs).with_direction(direction))
            .with(Ability::new("video", 4002, [video]))
    }

    fn offer(media: &str) -> String {
        format!(
            "v=0\r\no=- 9 9 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=10 20\r\n{media}"
        )
    }

    fn answer(media: &str, direction: Direction) -> Result<Answer, SessionError> {
        ours(direction).answer(Sdp::new(offer(media).as_bytes()))
    }

    #[test]
    fn rfc_3264_6_streams_are_answered_in_their_order_and_refused_with_port_0() {
        let answer = answer(
            "m=video 6000 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\nm=audio 6002 RTP/AVP 8 96 0\r\na=rtpmap:96 Telephone-Event/8000\r\n\
             m=audio 6004 RTP/AVP 0\r\nm=application 6006 UDP/BFCP *\r\nm=video 0 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n",
            Direction::SendRecv,
        )
        .unwrap();
        let lines: Vec<&str> = answer
            .sdp
            .lines()
            .filter(|l| l.starts_with("m=") || l.starts_with("a=") || l.starts_with("t="))
            .collect();
        assert_eq!(
            lines,
            [
                "t=10 20",
                "m=video 0 RTP/AVP 97",
                "m=audio 4000 RTP/AVP 8 96 0",
                "a=rtpmap:8 PCMA/8000",
                "a=rtpmap:96 telephone-event/8000",
                "a=fmtp:96 0-16",
                "a=rtpmap:0 PCMU/8000",
                "m=audio 0 RTP/AVP 0",
                "m=application 0 UDP/BFCP *",
                "m=video 0 RTP/AVP 99",
            ]
        );
        let stream = answer.streams[1].as_ref().unwrap();
        assert_eq!((stream.codec.encoding.as_str(), stream.codec.payload_type), ("PCMA", 8));
        assert_eq!(stream.remote, Some(([192, 0, 2, 9].into(), 6002)));
        assert_eq!(answer.streams.iter().filter(|s| s.is_some()).count(), 1);
    }

    /// RFC 3264 §6.1 and §8.4: every direction of the offer with every wish of ours.
    #[test]
    fn directions_are_what_both_sides_want() {
        use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
        for (offered, wanted, expected) in [
            (SendRecv, SendRecv, SendRecv),
            (SendRecv, SendOnly, SendOnly),
            (SendRecv, RecvOnly, RecvOnly),
            (SendRecv, Inactive, Inactive),
            (SendOnly, SendRecv, RecvOnly),
            (SendOnly, SendOnly, Inactive),
            (SendOnly, RecvOnly, RecvOnly),
            (SendOnly, Inactive, Inactive),
            (RecvOnly, SendRecv, SendOnly),
            (RecvOnly, SendOnly, SendOnly),
            (RecvOnly, RecvOnly, Inactive),
            (RecvOnly, Inactive, Inactive),
            (Inactive, SendRecv, Inactive),
            (Inactive, SendOnly, Inactive),
            (Inactive, RecvOnly, Inactive),
            (Inactive, Inactive, Inactive),
        ] {
            let media = format!("m=audio 6000 RTP/AVP 0\r\na={}\r\n", offered.name());
            let answer = answer(&media, wanted).unwrap();
            assert_eq!(
                answer.streams[0].as_ref().unwrap().direction,
                expected,
                "{offered:?} {wanted:?}"
            );
            let written = Sdp::new(answer.sdp.as_bytes()).media().next().unwrap().direction();
            assert_eq!(written, expected);
        }
        let old_hold = "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n";
        assert_eq!(
            answer(old_hold, SendRecv).unwrap().streams[0].as_ref().unwrap().direction,
            RecvOnly
        );
    }

    #[test]
    fn nothing_in_common_is_488_and_garbage_is_400() {
        for media in [
            "m=audio 6000 RTP/AVP 3\r\n",
            "m=audio 0 RTP/AVP 0\r\n",
            "m=audio 6000 RTP/SAVP 0\r\n",
            "m=text 6000 RTP/AVP 0\r\n",
            "m=audio 6000 RTP/AVP 96\r\na=rtpmap:96 telephone-event/8000\r\n",
            "m=audio 6000 RTP/AVP 96\r\na=rtpmap:96 PCMU/16000\r\n",
        ] {
            assert_eq!(
                answer(media, Direction::SendRecv),
                Err(SessionError::NothingInCommon),
                "{media}"
            );
        }
        for text in ["", "hello", "v=0\r\n"] {
            assert_eq!(
                ours(Direction::SendRecv).answer(Sdp::new(text.as_bytes())),
                Err(SessionError::NotSdp)
            );
        }
        let many = |n: usize| offer(&"m=audio 6000 RTP/AVP 0\r\n".repeat(n));
        assert!(ours(Direction::SendRecv).answer(Sdp::new(many(STREAMS_MAX).as_bytes())).is_ok());
        let over = many(STREAMS_MAX.saturating_add(1));
        assert_eq!(
            ours(Direction::SendRecv).answer(Sdp::new(over.as_bytes())),
            Err(SessionError::NothingInCommon)
        );
    }

    #[test]
    fn a_format_that_is_listed_often_is_answered_once() {
        let often = format!("m=audio 6000 RTP/AVP{}\r\n", " 0 8".repeat(20_000));
        let answer = answer(&often, Direction::SendRecv).unwrap();
        let read = Sdp::new(answer.sdp.as_bytes());
        let formats: Vec<_> = read.media().flat_map(|media| media.formats()).collect();
        assert_eq!(formats, ["0", "8"]);
    }

    #[test]
    fn the_version_goes_up_by_one_when_something_changes_and_only_then() {
        let mut session = ours(Direction::SendRecv);
        let first = session.offer().unwrap();
        assert_eq!(session.offer().unwrap(), first);
        assert!(first.contains("o=- 5 5 "));
        session.abilities[0].direction = Direction::SendOnly;
        let held = session.offer().unwrap();
        assert!(held.contains("o=- 5 6 ") && held.contains("a=sendonly"));
        assert_eq!(session.offer().unwrap(), held);
    }

    #[test]
    fn our_own_offer_can_be_answered_by_ourselves() {
        let offer = ours(Direction::SendRecv).offer().unwrap();
        let answer = ours(Direction::SendRecv).answer(Sdp::new(offer.as_bytes())).unwrap();
        assert!(answer.streams.iter().all(Option::is_some));
        assert_eq!(Sdp::new(answer.sdp.as_bytes()).quirks(), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_offer_is_answered_stream_by_stream_or_refused(lines in proptest::collection::vec("(m=(audio|video) [0-9]{1,5} RTP/AVP [0-9 ]{1,8}|a=rtpmap:[0-9]{1,3} [A-Z0-9]{1,5}/8000|a=sendonly|a=[ -~]{0,10}|c=IN IP4 [0-9.]{1,9}|[ -~]{0,12})\r\n", 0..12)) {
            let text = offer(&lines.concat());
            let sdp = Sdp::new(text.as_bytes());
            if let Ok(answer) = ours(Direction::SendRecv).answer(sdp) {
                prop_assert_eq!(answer.streams.len(), sdp.media().count());
                let read = Sdp::new(answer.sdp.as_bytes());
                prop_assert_eq!(read.media().count(), answer.streams.len());
                for (stream, (offered, answered)) in answer.streams.iter().zip(sdp.media().zip(read.media())) {
                    prop_assert_eq!(answered.kind().to_string(), offered.kind().to_string());
                    prop_assert_eq!(answered.port() == Some(0), stream.is_none());
                }
            }
        }
    }
}
