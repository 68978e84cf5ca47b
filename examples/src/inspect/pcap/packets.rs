//! From a file to packets: pcap and pcapng by `pcap-parser`, the headers by `etherparse`.

use super::{Capture, Kind, Packet};
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};

/// The largest block that is read: packets are smaller, and so are names and statistics.
const BLOCK_MAX: usize = 4 << 20;
/// What is enough for most files.
const BUFFER: usize = 128 << 10;
/// Interfaces of a pcapng section. Stops a file of nothing else.
const INTERFACES_MAX: usize = 4096;

/// What packets of an interface look like.
#[derive(Clone, Copy)]
struct Interface {
    link: Linktype,
    /// Units of time per second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

pub(super) fn read(
    file: impl Read + Send,
    capture: &mut Capture,
    progress: &mut dyn FnMut(u64),
    take: &mut dyn FnMut(Packet<'_>),
) -> io::Result<()> {
    let mut reader = create_reader(BUFFER, file).map_err(|error| match error {
        PcapError::HeaderNotRecognized | PcapError::Incomplete(_) | PcapError::Eof => {
            io::Error::new(io::ErrorKind::InvalidData, "neither pcap nor pcapng")
        }
        other => io::Error::other(other.to_string()),
    })?;
    let mut interfaces: Vec<Interface> = Vec::new();
    let (mut position, mut room) = (0_u64, BUFFER);
    loop {
        let used = match reader.next() {
            Ok((used, block)) => {
                if let Some((time, link, data)) = packet_of(&block, &mut interfaces) {
                    capture.packets += 1;
                    match sliced(time, link, data) {
                        Some(packet) => take(packet),
                        None => capture.others += 1,
                    }
                }
                Ok(used)
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_) | PcapError::UnexpectedEof) => Err("breaks off"),
            Err(PcapError::BufferTooSmall) if room < BLOCK_MAX => Err("needs more room"),
            Err(_) => Err("has a block that cannot be read"),
        };
        match used {
            Ok(used) => {
                reader.consume(used);
                position += used as u64;
                progress(position);
                continue;
            }
            Err("breaks off") => {
                let before = reader.data().len();
                if reader.refill().is_ok() && reader.data().len() > before {
                    continue;
                }
                if before == 0 {
                    return Ok(());
                }
            }
            Err("needs more room") => {
                room *= 2;
                if reader.grow(room) {
                    continue;
                }
            }
            Err(_) => {}
        }
        capture.broken = used.err().map(|what| format!("it {what} at byte {position}"));
        return Ok(());
    }
}

/// When it was, what it looks like, and its bytes; blocks without a packet change `interfaces`.
fn packet_of<'a>(
    block: &'a PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
) -> Option<(u64, Linktype, &'a [u8])> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution =
                if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            interfaces.push(Interface { link: header.network, resolution, offset: 0 });
            None
        }
        PcapBlockOwned::Legacy(packet) => {
            let interface = interfaces.first()?;
            let fraction = u64::from(packet.ts_usec) * (1_000_000_000 / interface.resolution);
            let time = u64::from(packet.ts_sec) * 1_000_000_000 + fraction;
            Some((time, interface.link, packet.data))
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            None
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(described)) => {
            if interfaces.len() < INTERFACES_MAX {
                let resolution = described.ts_resolution().filter(|per_second| *per_second > 0);
                let resolution = resolution.unwrap_or(1_000_000);
                let (link, offset) = (described.linktype, described.if_tsoffset);
                interfaces.push(Interface { link, resolution, offset });
            }
            None
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = interfaces.get(usize::try_from(packet.if_id).ok()?)?;
            let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            let nanos = u128::from(units) * 1_000_000_000 / u128::from(interface.resolution);
            let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
            let time = nanos.saturating_add_signed(interface.offset.saturating_mul(1_000_000_000));
            let len = usize::try_from(packet.caplen).ok()?;
            Some((time, interface.link, packet.data.get(..len).unwrap_or(packet.data)))
        }
        // Without a time; all of them were sent when the capture began.
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            Some((0, interfaces.first()?.link, packet.data))
        }
        PcapBlockOwned::NG(_) => None,
    }
}

/// The UDP or TCP in it. What was cut off by the capture's length is missing, not an error.
fn sliced(time: u64, link: Linktype, data: &[u8]) -> Option<Packet<'_>> {
    let packet = match link.0 {
        1 => LaxSlicedPacket::from_ethernet(data).ok()?,
        // BSD loopback: four bytes of an address family before the IP header.
        0 | 108 => LaxSlicedPacket::from_ip(data.get(4..)?).ok()?,
        12 | 14 | 101 | 228 | 229 => LaxSlicedPacket::from_ip(data).ok()?,
        // Linux "any": 16 bytes, or 20 of the second version.
        113 => LaxSlicedPacket::from_ip(data.get(16..)?).ok()?,
        276 => LaxSlicedPacket::from_ip(data.get(20..)?).ok()?,
        _ => return None,
    };
    let (from, to): (IpAddr, IpAddr) = match packet.net? {
        LaxNetSlice::Ipv4(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        LaxNetSlice::Ipv6(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let (from_port, to_port, kind, payload) = match packet.transport? {
        TransportSlice::Udp(udp) => {
            (udp.source_port(), udp.destination_port(), Kind::Udp, udp.payload())
        }
        TransportSlice::Tcp(tcp) => {
            let (seq, syn, ack) = (tcp.sequence_number(), tcp.syn(), tcp.ack());
            let kind = Kind::Tcp { seq, syn, ack };
            (tcp.source_port(), tcp.destination_port(), kind, tcp.payload())
        }
        _ => return None,
    };
    let (from, to) = (SocketAddr::new(from, from_port), SocketAddr::new(to, to_port));
    Some(Packet { time, from, to, kind, payload })
}
