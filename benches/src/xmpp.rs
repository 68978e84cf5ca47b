//! Operations of the area `xmpp`.

use crate::Op;

/// The operations of this area.
pub const OPS: &[Op] = &[];
