//! Operations of the area `sip`.

use crate::Op;

/// The operations of this area.
pub const OPS: &[Op] = &[];
