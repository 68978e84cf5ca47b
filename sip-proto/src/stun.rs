//! The little of STUN that SIP needs on its own ports: Binding requests and their answers, to keep
//! datagram flows alive (RFC 5626 §4.4.2 and §8, RFC 5389 §6, §7 and §15).
//!
//! The first byte of these is 0 or 1, which no SIP message begins with.
//!
//! ```
//! use core::net::SocketAddr;
//! use sip_proto::stun::{self, Binding};
//!
//! let request = stun::request([7; 12]);
//! let Some(Binding::Request { id, unknown }) = stun::parse(&request) else { panic!() };
//! assert!(unknown.is_empty());
//! let seen: SocketAddr = "192.0.2.7:5060".parse()?;
//! let response = stun::success(id, seen);
//! assert_eq!(stun::parse(&response), Some(Binding::Success { id, mapped: Some(seen) }));
//! # Ok::<(), core::net::AddrParseError>(())
//! ```

use alloc::vec::Vec;
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What names a request and its answer.
pub type StunId = [u8; 12];

/// A message of the Binding method.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binding {
    /// Where do you see me?
    Request {
        /// Its id.
        id: StunId,
        /// Attributes that it wants understood and that are not: it gets 420 (§7.3.1).
        unknown: Vec<u16>,
    },
    /// There.
    Success {
        /// The request's id.
        id: StunId,
        /// XOR-MAPPED-ADDRESS, or the MAPPED-ADDRESS of old servers.
        mapped: Option<SocketAddr>,
    },
    /// An error.
    Error {
        /// The request's id.
        id: StunId,
        /// Its code, 300 to 699, when it has one.
        code: Option<u16>,
    },
}

const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const REQUEST: u16 = 0x0001;
const INDICATION: u16 = 0x0011;
const SUCCESS: u16 = 0x0101;
const ERROR: u16 = 0x0111;
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
/// Those that a request may have here without harm: USERNAME, MESSAGE-INTEGRITY, REALM, NONCE. There
/// is no credential on either side (RFC 5626 §8), so they say nothing.
const IGNORED: [u16; 4] = [0x0006, 0x0008, 0x0014, 0x0015];

/// Whether a datagram is STUN and not SIP: the first two bits are zero, the cookie is there
/// (RFC 5389 §8).
#[must_use]
pub fn is_stun(data: &[u8]) -> bool {
    data.first().is_some_and(|b| *b < 4) && data.get(4..8) == Some(&COOKIE[..]) && data.len() >= 20
}

/// Reads a message of the Binding method. `None` for all others, indications, broken ones, and those
/// whose FINGERPRINT is wrong; none of them is answered.
#[must_use]
pub fn parse(data: &[u8]) -> Option<Binding> {
    if !is_stun(data) {
        return None;
    }
    let (head, mut rest) = data.split_at_checked(20)?;
    let kind = short(head.get(..2)?)?;
    let id: StunId = head.get(8..20)?.try_into().ok()?;
    if usize::from(short(head.get(2..4)?)?) != rest.len() || rest.len() % 4 != 0 {
        return None;
    }
    let (mut mapped, mut plain, mut code, mut unknown) = (None, None, None, Vec::new());
    while !rest.is_empty() {
        let at = data.len().checked_sub(rest.len())?;
        let (head, tail) = rest.split_at_checked(4)?;
        let (name, length) = (short(head.get(..2)?)?, usize::from(short(head.get(2..)?)?));
        let (value, tail) = tail.split_at_checked(length)?;
        let padding = length.wrapping_neg() & 3;
        rest = tail.get(padding..)?;
        match name {
            XOR_MAPPED_ADDRESS => mapped = mapped.or(Some(address(value, Some(&id))?)),
            MAPPED_ADDRESS => plain = plain.or(Some(address(value, None)?)),
            ERROR_CODE => {
                let [_, _, class, number, ..] = value else { return None };
                code = u16::from(class & 7).checked_mul(100)?.checked_add(u16::from(*number));
            }
            FINGERPRINT => {
                let sum = crc32(data.get(..at)?) ^ 0x5354_554e;
                if value != sum.to_be_bytes() {
                    return None;
                }
                break;
            }
            // §15: the lower half must be understood.
            ..0x8000 if kind == REQUEST && !IGNORED.contains(&name) => unknown.push(name),
            _ => {}
        }
    }
    match kind {
        REQUEST => Some(Binding::Request { id, unknown }),
        SUCCESS => Some(Binding::Success { id, mapped: mapped.or(plain) }),
        ERROR => Some(Binding::Error { id, code }),
        INDICATION => None,
        _ => None,
    }
}

/// A request: nothing but its head, as RFC 5626 §8 has it.
#[must_use]
pub fn request(id: StunId) -> Bytes {
    message(REQUEST, id, &[])
}

/// The answer: where the request came from, hidden from those who rewrite addresses in passing.
#[must_use]
pub fn success(id: StunId, seen: SocketAddr) -> Bytes {
    let mut mask = COOKIE.to_vec();
    mask.extend_from_slice(&id);
    let mut value = Vec::with_capacity(20);
    let (family, ip) = match seen.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    value.extend_from_slice(&[0, family]);
    value.extend(seen.port().to_be_bytes().iter().zip(&COOKIE).map(|(a, b)| a ^ b));
    value.extend(ip.iter().zip(&mask).map(|(a, b)| a ^ b));
    message(SUCCESS, id, &[(XOR_MAPPED_ADDRESS, &value)])
}

/// 420: these attributes are not understood (§7.3.1).
#[must_use]
pub fn unknown_attributes(id: StunId, unknown: &[u16]) -> Bytes {
    let names: Vec<u8> = unknown.iter().flat_map(|n| n.to_be_bytes()).collect();
    let code = b"\0\0\x04\x14Unknown Attribute";
    message(ERROR, id, &[(ERROR_CODE, code), (UNKNOWN_ATTRIBUTES, &names)])
}

fn message(kind: u16, id: StunId, attributes: &[(u16, &[u8])]) -> Bytes {
    let mut body = Vec::new();
    for (name, value) in attributes {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        body.extend_from_slice(&name.to_be_bytes());
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut out = Vec::with_capacity(body.len().saturating_add(20));
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&COOKIE);
    out.extend_from_slice(&id);
    out.extend_from_slice(&body);
    Bytes::from(out)
}

/// §15.1, §15.2.
fn address(value: &[u8], xor: Option<&StunId>) -> Option<SocketAddr> {
    let (head, ip) = value.split_at_checked(4)?;
    let mut mask = [0_u8; 16];
    if let Some(id) = xor {
        for (to, from) in mask.iter_mut().zip(COOKIE.iter().chain(id)) {
            *to = *from;
        }
    }
    let [mask_high, mask_low, ..] = mask;
    let [_, family, high, low] = head else { return None };
    let port = u16::from_be_bytes([high ^ mask_high, low ^ mask_low]);
    let plain: Vec<u8> = ip.iter().zip(mask).map(|(a, b)| a ^ b).collect();
    let ip = match (family, ip.len()) {
        (1, 4) => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(plain).ok()?)),
        (2, 16) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(plain).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn short(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// CRC-32 of ISO 3309, as FINGERPRINT wants it (§15.5).
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 §2.2: an answer over IPv4, with attributes that say nothing here.
    #[test]
    fn the_sample_response_of_rfc_5769() {
        let sample: [u8; 80] = [
            0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
            0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74,
            0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01,
            0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99,
            0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b,
            0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
        ];
        let mapped: SocketAddr = "192.0.2.1:32853".parse().unwrap();
        let Some(Binding::Success { mapped: Some(read), .. }) = parse(&sample) else { panic!() };
        assert_eq!(read, mapped);
        // A bit that fell over on the way shows in the FINGERPRINT.
        // But for its own name: then it is another attribute, which may be anything.
        for at in (20..72).chain(74..sample.len()) {
            let mut broken = sample;
            broken[at] ^= 1;
            assert_eq!(parse(&broken), None, "{at}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let id = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(parse(&request(id)), Some(Binding::Request { id, unknown: Vec::new() }));
        for text in ["203.0.113.9:1", "[2001:db8::7]:65535"] {
            let seen: SocketAddr = text.parse().unwrap();
            let response = success(id, seen);
            assert_eq!(parse(&response), Some(Binding::Success { id, mapped: Some(seen) }));
            // A NAT that rewrites addresses in what passes does not find this one.
            if let IpAddr::V4(ip) = seen.ip() {
                assert!(!response.windows(4).any(|w| w == ip.octets()));
            }
        }
        let refused = unknown_attributes(id, &[0x7777]);
        assert_eq!(parse(&refused), Some(Binding::Error { id, code: Some(420) }));
        assert!(refused.ends_with(&[0, 10, 0, 2, 0x77, 0x77, 0, 0]));
    }

    #[test]
    fn what_is_not_understood_and_what_is_broken() {
        let id = [9; 12];
        let odd = message(REQUEST, id, &[(0x7777, b"abc"), (0x8777, b"x"), (0x0006, b"user")]);
        assert_eq!(parse(&odd), Some(Binding::Request { id, unknown: Vec::from([0x7777]) }));
        let plain = message(SUCCESS, id, &[(MAPPED_ADDRESS, &[0, 1, 0x13, 0xc4, 192, 0, 2, 1])]);
        let mapped = Some("192.0.2.1:5060".parse().unwrap());
        assert_eq!(parse(&plain), Some(Binding::Success { id, mapped }));
        assert_eq!(parse(&message(INDICATION, id, &[])), None);
        assert_eq!(parse(&message(SUCCESS, id, &[(XOR_MAPPED_ADDRESS, &[0, 1, 0, 0, 1])])), None);
        for cut in 0..plain.len() {
            assert_eq!(parse(&plain[..cut]), None);
        }
        assert!(!is_stun(b"\r\n\r\n") && !is_stun(b"OPTIONS sip:a SIP/2.0\r\n"));
        assert!(!is_stun(b""));
    }
}
