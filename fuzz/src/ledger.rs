//! Targets of the area `ledger`.

use crate::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
