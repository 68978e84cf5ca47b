//! Ports and channels come in pairs: RTP and RTCP.

use core::fmt;

/// Two UDP ports: RTP and RTCP. RFC 2326 §12.39.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortPair {
    /// For RTP. 0 occurs: the device wants to see where packets come from.
    pub rtp: u16,
    pub(super) second: Option<u16>,
}

impl PortPair {
    /// These ports; without the second, the one that follows is meant.
    #[must_use]
    pub const fn new(rtp: u16, rtcp: Option<u16>) -> Self {
        Self { rtp, second: rtcp }
    }

    /// For RTCP: the second, or the one that follows the first.
    #[must_use]
    pub const fn rtcp(self) -> u16 {
        match self.second {
            Some(port) => port,
            None => self.rtp.saturating_add(1),
        }
    }
}

impl fmt::Display for PortPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.second {
            Some(second) => write!(f, "{}-{second}", self.rtp),
            None => write!(f, "{}", self.rtp),
        }
    }
}

/// Two channels of the control connection: RTP and, when there is one, RTCP.
/// RFC 2326 §12.39, RFC 7826 §18.54.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair")]
pub struct ChannelPair {
    /// For RTP.
    pub rtp: u8,
    /// For RTCP; none when one channel was given.
    pub rtcp: Option<u8>,
}

impl ChannelPair {
    /// `rtp` and the channel that follows.
    #[must_use]
    pub const fn starting_at(rtp: u8) -> Self {
        Self { rtp, rtcp: rtp.checked_add(1) }
    }

    /// Whether `channel` is one of the two.
    #[must_use]
    pub fn contains(self, channel: u8) -> bool {
        self.rtp == channel || self.rtcp == Some(channel)
    }
}

impl fmt::Display for ChannelPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rtcp {
            Some(rtcp) => write!(f, "{}-{rtcp}", self.rtp),
            None => write!(f, "{}", self.rtp),
        }
    }
}
