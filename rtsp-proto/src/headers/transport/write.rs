//! Writing a transport as one version spells it.

use super::{
    ConnectionReuse, ConnectionSetup, Delivery, LowerTransport, PortPair, RtpProfile, Transport,
    non_empty,
};
use crate::Version;
use crate::headers::bytes::{closed_quote, text};
use core::fmt;

/// Writes the RTSP 1.0 form.
impl fmt::Display for Transport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.for_version(Version::V1_0).fmt(f)
    }
}

/// A [`Transport`] as a message of one version spells it, from [`Transport::for_version`].
#[derive(Clone, Copy, Debug)]
pub struct VersionedTransport<'a>(Transport<'a>, Version);

impl<'a> VersionedTransport<'a> {
    pub(super) const fn new(transport: Transport<'a>, version: Version) -> Self {
        Self(transport, version)
    }
}

impl fmt::Display for VersionedTransport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(t, version) = self;
        match (t.profile, t.lower) {
            (RtpProfile::Other, _) | (_, LowerTransport::Other) => {
                let id = text(t.id()).ok().filter(|id| super::is_plain_id(id.as_bytes()));
                f.write_str(id.unwrap_or("RTP/AVP"))?;
            }
            _ => f.write_str(t.known_id())?,
        }
        match t.delivery {
            Some(Delivery::Unicast) => f.write_str(";unicast")?,
            Some(Delivery::Multicast) => f.write_str(";multicast")?,
            None => {}
        }
        if let Some(channels) = t.interleaved {
            write!(f, ";interleaved={channels}")?;
        }
        if *version == Version::V2_0 {
            let ports = match t.delivery {
                Some(Delivery::Multicast) => t.port.or(t.client_port),
                _ => t.client_port,
            };
            write_addresses(f, "dest_addr", t.dest_addr, t.destination, ports)?;
            write_addresses(f, "src_addr", t.src_addr, t.source, t.server_port)?;
        } else {
            for (name, value) in [("destination", t.destination()), ("source", t.source())] {
                if let Some(value) = value {
                    write_param(f, name, value)?;
                }
            }
            for (name, value) in
                [("client_port", t.client_port), ("server_port", t.server_port), ("port", t.port)]
            {
                if let Some(value) = value {
                    write!(f, ";{name}={value}")?;
                }
            }
        }
        if let Some(ttl) = t.ttl {
            write!(f, ";ttl={ttl}")?;
        }
        if let Some(layers) = t.layers {
            write!(f, ";layers={layers}")?;
        }
        if let Some(ssrc) = t.ssrc {
            write!(f, ";ssrc={ssrc:08X}")?;
        }
        if let Some(setup) = t.setup {
            f.write_str(match setup {
                ConnectionSetup::Active => ";setup=active",
                ConnectionSetup::Passive => ";setup=passive",
                ConnectionSetup::ActPass => ";setup=actpass",
            })?;
        }
        if let Some(connection) = t.connection {
            f.write_str(match connection {
                ConnectionReuse::New => ";connection=new",
                ConnectionReuse::Existing => ";connection=existing",
            })?;
        }
        if t.rtcp_mux {
            f.write_str(";RTCP-mux")?;
        }
        if let Some(mikey) = t.mikey() {
            write_param(f, "MIKEY", mikey)?;
        }
        // Quoted in 2.0; unquoted in 1.0, where that is what common peers understand.
        match (t.mode.play, t.mode.record, *version == Version::V2_0) {
            (false, false, _) => {}
            (true, true, _) => f.write_str(";mode=\"PLAY,RECORD\"")?,
            (true, false, true) => f.write_str(";mode=\"PLAY\"")?,
            (true, false, false) => f.write_str(";mode=PLAY")?,
            (false, true, true) => f.write_str(";mode=\"RECORD\"")?,
            (false, true, false) => f.write_str(";mode=record")?,
        }
        if t.append {
            f.write_str(";append")?;
        }
        for (name, value) in t.params().filter(|(name, _)| !is_known(name)) {
            // One that is not text cannot be written as text; it is left out.
            if let (Ok(name), Ok(value)) = (text(name), value.map(text).transpose()) {
                match value {
                    Some(value) if stands_alone(name) => write_param(f, name, value)?,
                    None if stands_alone(name) => write!(f, ";{name}")?,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// A parameter whose value comes from elsewhere: as it is, in quotes when it would end
/// early, left out when even that would make it swallow what follows.
fn write_param(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    if stands_alone(value) {
        write!(f, ";{name}={value}")
    } else if value.contains(['"', '\\']) {
        Ok(())
    } else {
        write!(f, ";{name}=\"{value}\"")
    }
}

/// Whether a reader finds the end of `text` where it is: no separator outside quotes, no
/// quote that is left open.
fn stands_alone(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0_usize;
    while let Some(b) = bytes.get(at) {
        at = match b {
            b';' | b',' => return false,
            b'"' => match closed_quote(bytes, at) {
                Some(end) => end,
                None => return false,
            },
            _ => at.saturating_add(1),
        };
    }
    true
}

/// `dest_addr` or `src_addr`: as given, or made of the 1.0 address and ports.
fn write_addresses(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    given: Option<&[u8]>,
    host: Option<&[u8]>,
    ports: Option<PortPair>,
) -> fmt::Result {
    if let Some(given) = given.and_then(non_empty) {
        return write_param(f, name, given);
    }
    let Some(ports) = ports else {
        return Ok(());
    };
    // What cannot stand between quotes is no host.
    let host = host.and_then(non_empty).filter(|host| !host.contains(['"', '\\'])).unwrap_or("");
    let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
    write!(f, ";{name}=\"{open}{host}{close}:{}\"", ports.rtp)?;
    write!(f, "/\"{open}{host}{close}:{}\"", ports.rtcp())
}

/// Whether the writer writes this parameter from a field.
fn is_known(name: &[u8]) -> bool {
    [
        "unicast",
        "multicast",
        "append",
        "RTCP-mux",
        "ttl",
        "mode",
        "port",
        "ssrc",
        "setup",
        "MIKEY",
        "layers",
        "source",
        "src_addr",
        "dest_addr",
        "connection",
        "client_port",
        "server_port",
        "interleaved",
        "destination",
    ]
    .iter()
    .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}
