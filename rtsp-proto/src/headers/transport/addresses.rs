//! Address lists of RTSP 2.0: quoted, separated by slashes.

use super::{PortPair, non_empty};
use crate::headers::bytes::{next_piece, number, trim, unquote};

/// The addresses of `dest_addr` or `src_addr`: `"host:port"`, `":port"` or `"host"`.
/// RFC 7826 §18.54.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddrList<'a>(Option<&'a [u8]>);

impl<'a> AddrList<'a> {
    pub(super) const fn new(list: Option<&'a [u8]>) -> Self {
        Self(list)
    }

    /// The two ports, when both (or the first) are there.
    #[must_use]
    pub fn ports(self) -> Option<PortPair> {
        let mut ports = self.map(|address| split_port(address.as_bytes()).1);
        let rtp = ports.next()??;
        Some(PortPair::new(rtp, ports.next().flatten()))
    }

    /// The host of the first address, without brackets; `None` when only a port is there.
    #[must_use]
    pub fn host(mut self) -> Option<&'a str> {
        let (host, _) = split_port(self.next()?.as_bytes());
        let host = host.strip_prefix(b"[").unwrap_or(host);
        non_empty(host.strip_suffix(b"]").unwrap_or(host))
    }
}

impl<'a> Iterator for AddrList<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let piece = trim(next_piece(&mut self.0, b'/')?);
            if let Some(address) = non_empty(unquote(piece)) {
                return Some(address);
            }
        }
    }
}

fn split_port(address: &[u8]) -> (&[u8], Option<u16>) {
    // The last colon, unless it is inside the brackets of an IPv6 address.
    let colon = address.iter().rposition(|b| *b == b':');
    let bracket = address.iter().rposition(|b| *b == b']');
    match colon {
        Some(at) if bracket.is_none_or(|bracket| bracket < at) => {
            let (host, port) = address.split_at_checked(at).unwrap_or((address, &[]));
            let port = number(port.get(1..).unwrap_or(&[]));
            (host, port.and_then(|n| u16::try_from(n).ok()))
        }
        _ => (address, None),
    }
}
