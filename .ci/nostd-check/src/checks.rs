//! One call, or a few, into each crate: enough that it is linked, and that its result is looked at.

// Named, so that each is linked even where nothing of it is called.
use mms_core as _;
use rtsp_proto as _;
use sip_proto as _;
use xmpp_proto as _;

use proto_wire::{Instant, Rng, Seed};

/// In the order of the crates; the exit status names the one that failed.
pub const ALL: &[fn() -> bool] = &[wire];

fn wire() -> bool {
    let mut rng = Rng::new(&Seed::from_u64(1));
    let token = rng.hex::<16>();
    Instant::from_nanos(1) < Instant::from_nanos(2) && token.as_str().len() == 16
}
