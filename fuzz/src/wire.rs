//! Targets of the area `wire`.

use crate::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
