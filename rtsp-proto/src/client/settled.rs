//! How the media of a stream comes.

use crate::headers::{
    ChannelPair, ConnectionReuse, ConnectionSetup, Delivery, LowerTransport, PortPair, Transport,
};
use alloc::string::String;

/// How the media of a stream comes: what the server chose, completed from what was offered
/// where it is silent.
/// RFC 2326 §12.39, RFC 7826 §18.54.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// On the control connection.
    Interleaved(ChannelPair),
    /// Over UDP to this side. When the server agreed to `RTCP-mux`, the port of RTCP is that of
    /// RTP.
    Udp {
        /// Where this side receives.
        client_port: Option<PortPair>,
        /// Where the server sends from; `None` or port 0 when it does not say.
        server_port: Option<PortPair>,
        /// The server's address, when it is another than that of the connection.
        source: Option<String>,
    },
    /// On TCP connections of its own (RTSP 2.0, RFC 7826 §C.2.2).
    Tcp {
        /// Which part the server has in opening them; active when it does not say.
        setup: Option<ConnectionSetup>,
        /// Whether they are new ones.
        connection: Option<ConnectionReuse>,
        /// Where this side waits for them, when it does.
        client_port: Option<PortPair>,
        /// Where the server waits for them, when it does.
        server_port: Option<PortPair>,
        /// The server's address, when it is another than that of the connection.
        source: Option<String>,
    },
    /// Over UDP to a group.
    Multicast {
        /// The group's address.
        group: Option<String>,
        /// Its ports.
        port: Option<PortPair>,
        /// How far packets go.
        ttl: Option<u8>,
    },
}

impl Settled {
    /// What `chosen` says; where it is silent, what was offered.
    pub(super) fn of(chosen: &Transport<'_>, offered: Option<&Self>, fallback: u8) -> Self {
        let (to, from) = (chosen.dest_addr(), chosen.src_addr());
        let has_channels = chosen.interleaved.is_some();
        let stays_tcp = matches!(offered, Some(Self::Tcp { .. })) && !has_channels;
        if chosen.is_interleaved() && !stays_tcp {
            let offered = match offered {
                Some(Self::Interleaved(pair)) => Some(*pair),
                _ => None,
            };
            let pair = chosen.interleaved.or(offered);
            return Self::Interleaved(pair.unwrap_or_else(|| ChannelPair::starting_at(fallback)));
        }
        let text = |text: Option<&str>| text.map(String::from);
        let group = match offered {
            Some(Self::Multicast { group, port, ttl }) => Some((group, port, ttl)),
            _ => None,
        };
        let is_multicast = match chosen.delivery {
            Some(delivery) => delivery == Delivery::Multicast,
            // Neither word: what was asked for.
            None => group.is_some(),
        };
        if is_multicast {
            let (offered_group, offered_port, offered_ttl) = match group {
                Some((group, port, ttl)) => (group.clone(), *port, *ttl),
                None => (None, None, None),
            };
            let address = text(chosen.destination().or_else(|| to.host()));
            return Self::Multicast {
                group: address.or(offered_group),
                port: chosen.port.or_else(|| to.ports()).or(chosen.client_port).or(offered_port),
                ttl: chosen.ttl.or(offered_ttl),
            };
        }
        let offered_port = match offered {
            Some(Self::Udp { client_port, .. } | Self::Tcp { client_port, .. }) => *client_port,
            _ => None,
        };
        // RFC 7826 §C.1.6.4: what the server agreed to multiplex has no other port.
        let shares = offered.is_some() && chosen.rtcp_mux;
        let of = |ports: PortPair| {
            if shares { PortPair::new(ports.rtp, Some(ports.rtp)) } else { ports }
        };
        let client_port = chosen.client_port.or_else(|| to.ports()).or(offered_port).map(of);
        let server_port = chosen.server_port.or_else(|| from.ports()).map(of);
        let source = text(chosen.source().or_else(|| from.host()));
        if chosen.lower == LowerTransport::Tcp {
            let (setup, connection) = (chosen.setup, chosen.connection);
            return Self::Tcp { setup, connection, client_port, server_port, source };
        }
        Self::Udp { client_port, server_port, source }
    }
}
