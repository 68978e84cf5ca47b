//! Hashed tokens (draft-schmaus-kitten-sasl-ht): what FAST logs in with (XEP-0484).

use super::ChannelBinding;
use super::scram::{Hash, Octets, hmac};
use alloc::vec::Vec;

/// `authcid NUL HMAC(token, "Initiator" || cb-data)`
pub(super) fn initiate(user: &str, token: &str, binding: Option<&ChannelBinding>) -> Vec<u8> {
    let mut out = user.as_bytes().to_vec();
    out.push(0);
    out.extend_from_slice(initiator(token, binding).as_slice());
    out
}

pub(super) fn initiator(token: &str, binding: Option<&ChannelBinding>) -> Octets {
    mac(token, b"Initiator", binding)
}

/// With this the server shows that it knows the token, too.
pub(super) fn responder(token: &str, binding: Option<&ChannelBinding>) -> Octets {
    mac(token, b"Responder", binding)
}

fn mac(token: &str, role: &[u8], binding: Option<&ChannelBinding>) -> Octets {
    let mut text = role.to_vec();
    text.extend_from_slice(binding.map_or(&[], |with| &with.data));
    hmac(Hash::Sha256, token.as_bytes(), &text)
}
