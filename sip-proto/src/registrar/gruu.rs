//! Addresses of devices (RFC 5627): public ones, which say whose they are, and temporary ones, which
//! only the registrar can read. Neither needs to be remembered.

use super::Binding;
use crate::uri::SipUri;
use alloc::string::String;
use alloc::vec::Vec;
use proto_wire::digest::Sealer;

/// The public GRUU of a device: the address of record with its instance (RFC 5627 §5.4). It says
/// all by itself, so nothing must be remembered for it to stay valid.
#[must_use]
pub fn public_gruu(address: &str, instance: &str) -> String {
    let mut out = alloc::format!("sip:{address};gr=");
    for byte in instance.bytes() {
        if byte.is_ascii_alphanumeric() || b":-_.!~*'()".contains(&byte) {
            out.push(char::from(byte.to_ascii_lowercase()));
        } else {
            out.push_str(&alloc::format!("%{byte:02X}"));
        }
    }
    out
}

/// The instance that a GRUU of ours names: the value of `gr`, unescaped. `None` for other URIs.
#[must_use]
pub fn instance_of_gruu(uri: &SipUri<'_>) -> Option<String> {
    let mut rest = uri.param("gr")?.as_bytes();
    let mut out = Vec::new();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        out.push(u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(out).ok()
}

/// What a temporary GRUU says to the registrar that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemporaryGruu {
    /// The address of record.
    pub address: String,
    mark: u64,
}

/// How the user part of one begins.
const USER: &str = "tgruu.";
/// What is sealed begins with this: other tokens are none.
const KIND: u8 = b'T';

impl TemporaryGruu {
    /// Whether it leads to this binding: the same device, in the same series of registrations. One
    /// with another Call-ID made those before it invalid (RFC 5627 §5.1).
    #[must_use]
    pub fn is_of(&self, binding: &Binding) -> bool {
        mark(binding) == Some(self.mark)
    }

    pub(super) fn open(sealer: &Sealer, uri: &SipUri<'_>) -> Option<Self> {
        let token = uri.user?.strip_prefix(USER)?;
        let plain = sealer.open(token)?;
        let rest = plain.strip_prefix(&[KIND])?;
        let (_random, rest) = rest.split_at_checked(8)?;
        let (mark, address) = rest.split_at_checked(8)?;
        let mark = u64::from_be_bytes(mark.try_into().ok()?);
        Some(Self { address: String::from_utf8(address.to_vec()).ok()?, mark })
    }
}

/// A temporary GRUU of a binding (RFC 5627 §3.1.2): `gr` without a value, and nothing that tells
/// whose it is but the domain.
pub(super) fn temporary(
    sealer: &Sealer,
    random: u64,
    address: &str,
    binding: &Binding,
) -> Option<String> {
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let mut plain = Vec::from([KIND]);
    plain.extend_from_slice(&random.to_be_bytes());
    plain.extend_from_slice(&mark(binding)?.to_be_bytes());
    plain.extend_from_slice(address.as_bytes());
    Some(alloc::format!("sip:{USER}{}@{host};gr", sealer.seal(&plain)))
}

/// A GRUU with the scheme of the address of record that was registered (RFC 5627 §5.1).
pub(super) fn like_address(gruu: String, secure: bool) -> String {
    match gruu.strip_prefix("sip:") {
        Some(rest) if secure => alloc::format!("sips:{rest}"),
        _ => gruu,
    }
}

/// FNV-1a over the device and its series of registrations.
fn mark(binding: &Binding) -> Option<u64> {
    let instance = binding.instance.as_ref()?.to_ascii_lowercase();
    let bytes = instance.bytes().chain([0]).chain(binding.call_id.bytes());
    Some(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }))
}
