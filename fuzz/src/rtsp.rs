//! Targets of the area `rtsp`.

use crate::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
