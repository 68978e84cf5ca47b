//! Operations of the area `wire`.

use crate::Op;

/// The operations of this area.
pub const OPS: &[Op] = &[];
