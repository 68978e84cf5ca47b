//! Targets of the area `sip`.

use crate::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
