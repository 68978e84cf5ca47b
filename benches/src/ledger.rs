//! Operations of the area `ledger`.

use crate::Op;

/// The operations of this area.
pub const OPS: &[Op] = &[];
