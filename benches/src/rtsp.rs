//! Operations of the area `rtsp`.

use crate::Op;

/// The operations of this area.
pub const OPS: &[Op] = &[];
