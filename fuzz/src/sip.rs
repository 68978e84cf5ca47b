//! Targets of the area `sip`.

use crate::Target;
pub use crate::sip_dialog::{sip_call, sip_offers, sip_simple, sip_typed};

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("sip_call", sip_call),
    ("sip_offers", sip_offers),
    ("sip_typed", sip_typed),
    ("sip_simple", sip_simple),
];
