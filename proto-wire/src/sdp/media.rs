//! One medium: an `m=` line and what follows it.

use super::attribute::{Attributes, Direction, Fmtp, RtpMap, payload_type};
use super::line::{Line, Lines, fields};
use super::session::{Bandwidth, Connection, Sdp, bandwidths, connections};
use crate::text::chars;
use alloc::vec::Vec;

/// One medium (RFC 8866 §5.14). What its own lines do not say is taken from the session.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    sdp: Sdp<'a>,
    head: Line<'a>,
    section: &'a [u8],
}

impl<'a> Media<'a> {
    pub(super) const fn new(sdp: Sdp<'a>, head: Line<'a>, section: &'a [u8]) -> Self {
        Self { sdp, head, section }
    }

    /// The kind: `audio`, `video`, `text`, `application`, `message`, `image` or another
    /// word; empty when the line is.
    #[must_use]
    pub fn kind(self) -> &'a str {
        fields(self.head.value).next().unwrap_or("")
    }

    /// The port. 0 refuses the medium in an answer (RFC 3264 §6), and is usual in RTSP.
    #[must_use]
    pub fn port(self) -> Option<u16> {
        let port = self.port_field()?.split('/').next()?;
        chars::parse_u16(port.as_bytes())
    }

    /// How many ports, for layers (1 when it is not given).
    #[must_use]
    pub fn port_count(self) -> u32 {
        self.port_field()
            .and_then(|port| port.split('/').nth(1))
            .and_then(|count| chars::parse_u32(count.as_bytes()))
            .unwrap_or(1)
    }

    /// The protocol, for example `RTP/AVP`; empty when it is missing.
    #[must_use]
    pub fn protocol(self) -> &'a str {
        fields(self.head.value).nth(2).unwrap_or("")
    }

    /// The formats in order of preference: payload types for RTP.
    pub fn formats(self) -> impl Iterator<Item = &'a str> + Clone {
        fields(self.head.value).skip(3)
    }

    /// The `m=` line.
    #[must_use]
    pub const fn line(self) -> Line<'a> {
        self.head
    }

    /// All lines, `m=` first.
    #[must_use]
    pub const fn lines(self) -> Lines<'a> {
        Lines::new(self.section, self.head.offset)
    }

    /// About the medium, for people (`i=`).
    #[must_use]
    pub fn information(self) -> Option<&'a str> {
        self.lines().find(|line| line.kind == b'i')?.text()
    }

    /// Where it goes: its own first `c=` that can be read, else the session's.
    #[must_use]
    pub fn connection(self) -> Option<Connection<'a>> {
        self.connections().next().or_else(|| self.sdp.connection())
    }

    /// Its own `c=` lines: several give several multicast addresses.
    pub fn connections(self) -> impl Iterator<Item = Connection<'a>> + Clone {
        connections(self.lines())
    }

    /// Its own bandwidths (`b=`).
    pub fn bandwidths(self) -> impl Iterator<Item = Bandwidth<'a>> + Clone {
        bandwidths(self.lines())
    }

    /// Its own key (`k=`), as it was sent. RFC 8866 §5.12 forbids it.
    #[must_use]
    pub fn key(self) -> Option<&'a str> {
        self.lines().find(|line| line.kind == b'k')?.text()
    }

    /// Its own attributes.
    #[must_use]
    pub const fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.lines())
    }

    /// Which way it flows: its own direction, else the session's, else both ways.
    #[must_use]
    pub fn direction(self) -> Direction {
        self.attributes().direction().or_else(|| self.sdp.direction()).unwrap_or_default()
    }

    /// Its own control URL (`a=control`, RFC 2326 §C.1.1), relative or not.
    #[must_use]
    pub fn control(self) -> Option<&'a str> {
        self.attributes().text(b"control")
    }

    /// Its own range, else the session's, as it was sent.
    #[must_use]
    pub fn range(self) -> Option<&'a str> {
        self.attributes().text(b"range").or_else(|| self.sdp.range())
    }

    /// Milliseconds of media per packet (`a=ptime`, RFC 8866 §6.4), a fraction cut off.
    #[must_use]
    pub fn ptime(self) -> Option<u32> {
        let text = self.attributes().text(b"ptime")?;
        chars::parse_u32(text.split('.').next()?.as_bytes())
    }

    /// The most milliseconds of media per packet (`a=maxptime`, RFC 8866 §6.5).
    #[must_use]
    pub fn maxptime(self) -> Option<u32> {
        let text = self.attributes().text(b"maxptime")?;
        chars::parse_u32(text.split('.').next()?.as_bytes())
    }

    /// What a payload type means: by `a=rtpmap`, else by RFC 3551.
    ///
    /// Each call walks the lines of the medium: [`Media::payload_types`] walks them once for
    /// everything that a stranger lists.
    #[must_use]
    pub fn rtpmap(self, payload_type: u8) -> Option<RtpMap<'a>> {
        self.rtpmaps()
            .find(|map| map.payload_type == payload_type)
            .or_else(|| RtpMap::of_static(payload_type))
    }

    /// The formats that are payload types of RTP and mean something, in order of preference:
    /// each once, by its first `a=rtpmap`, else by RFC 3551. At most 128.
    ///
    /// ```
    /// use proto_wire::sdp::Sdp;
    ///
    /// let sdp = Sdp::new(b"m=audio 6000 RTP/AVP 96 0 0\r\na=rtpmap:96 opus/48000/2\r\n");
    /// let names = |sdp: Sdp<'static>| {
    ///     sdp.media().flat_map(|media| media.payload_types()).map(|map| map.encoding).collect::<Vec<_>>()
    /// };
    /// assert_eq!(names(sdp), ["opus", "PCMU"]);
    /// ```
    pub fn payload_types(self) -> impl Iterator<Item = RtpMap<'a>> {
        let mut known = 0_u128;
        let is_new = |seen: &mut u128, payload_type: u8| {
            let bit = 1_u128.checked_shl(u32::from(payload_type)).unwrap_or(0);
            let is_new = *seen & bit == 0;
            *seen |= bit;
            is_new
        };
        let maps: Vec<_> =
            self.rtpmaps().filter(|map| is_new(&mut known, map.payload_type)).collect();
        let mut listed = 0_u128;
        self.formats()
            .filter_map(payload_type)
            .filter(move |payload_type| is_new(&mut listed, *payload_type))
            .filter_map(move |payload_type| {
                let map = maps.iter().find(|map| map.payload_type == payload_type);
                map.copied().or_else(|| RtpMap::of_static(payload_type))
            })
    }

    /// All `a=rtpmap` that can be read.
    pub fn rtpmaps(self) -> impl Iterator<Item = RtpMap<'a>> {
        self.attributes().all(b"rtpmap").filter_map(|attribute| RtpMap::parse(attribute.value?))
    }

    /// The parameters of a format (`a=fmtp`). Each call walks the lines of the medium.
    #[must_use]
    pub fn fmtp(self, format: &str) -> Option<Fmtp<'a>> {
        self.attributes()
            .all(b"fmtp")
            .filter_map(|attribute| Fmtp::parse(attribute.value?))
            .find(|fmtp| fmtp.format == format)
    }

    fn port_field(self) -> Option<&'a str> {
        fields(self.head.value).nth(1)
    }
}
