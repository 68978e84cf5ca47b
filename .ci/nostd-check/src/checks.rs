//! One call, or a few, into each crate: enough that it is linked, and that its result is looked at.

// Named, so that each is linked even where nothing of it is called.
use mms_core as _;
use rtsp_proto as _;
use xmpp_proto as _;

use proto_wire::{Instant, Rng, Seed};

/// In the order of the crates; the exit status names the one that failed.
pub const ALL: &[fn() -> bool] = &[wire, sip];

fn wire() -> bool {
    let mut rng = Rng::new(&Seed::from_u64(1));
    let token = rng.hex::<16>();
    Instant::from_nanos(1) < Instant::from_nanos(2) && token.as_str().len() == 16
}

fn sip() -> bool {
    use sip_proto::headers::Via;
    use sip_proto::{HeaderName, Index, Message};
    let bytes = b"OPTIONS sip:bob@example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK7\r\nCall-ID: a@b\r\n\r\n";
    let mut index = Index::new();
    let Ok(message) = Message::parse_datagram(bytes, &mut index, &Default::default()) else {
        return false;
    };
    let via = message.headers().typed::<Via<'_>>();
    message.headers().get(HeaderName::CALL_ID) == Some("a@b")
        && via.is_ok_and(|via| via.is_some_and(|via| via.branch() == Some(b"z9hG4bK7")))
        && Message::parse_datagram(b"nonsense", &mut Index::new(), &Default::default()).is_err()
}
