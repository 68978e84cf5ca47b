//! Targets of the area `xmpp`.

use crate::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
