//! Lines of `inspect xmpp`.

use super::{Line, Options};

/// Reads `input` and hands each line to `out`.
pub fn inspect(_input: &[u8], _options: &Options, _out: &mut dyn FnMut(Line)) {}
