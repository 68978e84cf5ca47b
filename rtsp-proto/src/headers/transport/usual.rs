//! Transports as they are nearly always, written without `core::fmt`.

use super::{ChannelPair, Delivery, LowerTransport, PortPair, RtpProfile, Transport};
use crate::Version;
use crate::message::digits;
use proto_wire::text::chars;

/// The longest is `RTP/AVP/TCP;unicast;interleaved=255-255;client_port=65535-65535`, with room.
const ROOM: usize = 80;

/// A transport as it is written, in a place of its own.
pub(crate) struct Usual {
    bytes: [u8; ROOM],
    len: usize,
}

impl Usual {
    pub(crate) fn as_str(&self) -> &str {
        chars::utf8(self.as_bytes()).unwrap_or("")
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(to) = self.bytes.get_mut(self.len..end) {
            to.copy_from_slice(bytes);
            self.len = end;
        }
    }

    fn pair(&mut self, name: &[u8], first: u16, second: Option<u16>) {
        self.put(name);
        digits(u64::from(first), |digits| self.put(digits));
        if let Some(second) = second {
            self.put(b"-");
            digits(u64::from(second), |digits| self.put(digits));
        }
    }
}

impl Transport<'_> {
    /// The transport as a message of `version` spells it, when nothing but id, delivery, channels
    /// and the client's ports is said: what `Display` writes, byte for byte.
    pub(crate) fn usual(&self, version: Version) -> Option<Usual> {
        let Self { profile, lower, delivery, interleaved, client_port, raw, .. } = *self;
        let is_old = version == Version::V1_0;
        if self.says_more() || profile != RtpProfile::Avp || !(is_old || client_port.is_none()) {
            return None;
        }
        let mut usual = Usual { bytes: [0; ROOM], len: 0 };
        usual.put(match lower {
            LowerTransport::Udp => b"RTP/AVP",
            LowerTransport::Tcp => b"RTP/AVP/TCP",
            LowerTransport::Other => return None,
        });
        match delivery {
            Some(Delivery::Unicast) => usual.put(b";unicast"),
            Some(Delivery::Multicast) => usual.put(b";multicast"),
            None => {}
        }
        if let Some(ChannelPair { rtp, rtcp }) = interleaved {
            usual.pair(b";interleaved=", u16::from(rtp), rtcp.map(u16::from));
        }
        if let Some(PortPair { rtp, second }) = client_port {
            usual.pair(b";client_port=", rtp, second);
        }
        // What was read may have said more.
        (raw.is_empty() || raw == usual.as_bytes()).then_some(usual)
    }

    /// Whether anything else is said.
    fn says_more(&self) -> bool {
        let Self {
            profile: _,
            lower: _,
            delivery: _,
            interleaved: _,
            client_port: _,
            raw: _,
            server_port,
            port,
            ttl,
            layers,
            ssrc,
            mode,
            append,
            setup,
            connection,
            rtcp_mux,
            destination,
            source,
            dest_addr,
            src_addr,
            mikey,
        } = self;
        let texts = [destination, source, dest_addr, src_addr, mikey];
        server_port.is_some()
            || port.is_some()
            || ttl.is_some()
            || layers.is_some()
            || ssrc.is_some()
            || mode.play
            || mode.record
            || *append
            || setup.is_some()
            || connection.is_some()
            || *rtcp_mux
            || texts.iter().any(|text| text.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn what_is_usual_is_written_as_display_writes_it() {
        let mut usual = 0;
        for text in [
            "RTP/AVP",
            "RTP/AVP/UDP;unicast",
            "RTP/AVP;unicast;client_port=8000-8001",
            "RTP/AVP;unicast;client_port=65535-65535",
            "RTP/AVP;client_port=8000",
            "RTP/AVP;multicast",
            "RTP/AVP;multicast;ttl=3",
            "RTP/AVP/TCP;unicast;interleaved=0-1",
            "RTP/AVP/TCP;interleaved=254-255",
            "RTP/AVP/TCP;unicast;interleaved=7",
            "RTP/AVP/TCP;interleaved=0-1;unicast",
            "RTP/AVP;unicast;interleaved=0-1;client_port=1-2",
            "RTP/AVP;unicast;client_port=8000-8001;mode=PLAY",
            "RTP/AVP;unicast;client_port=8000-8001;server_port=1-2",
            "RTP/AVP;unicast;client_port=8000-8001;x-own=1",
            "RTP/AVP;unicast;destination=192.0.2.1",
            "RTP/SAVP;unicast;client_port=8000-8001",
            "RAW/RAW/UDP;unicast",
        ] {
            let read = Transport::parse(text.as_bytes()).unwrap();
            let made = Transport { raw: &[], ..read };
            for (transport, version) in [
                (read, Version::V1_0),
                (made, Version::V1_0),
                (read, Version::V2_0),
                (made, Version::V2_0),
            ] {
                if let Some(written) = transport.usual(version) {
                    usual += 1;
                    assert_eq!(written.as_str(), transport.for_version(version).to_string());
                }
            }
        }
        assert!(usual > 20, "{usual}");
    }
}
