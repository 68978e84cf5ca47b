//! Which stores and terminals do business.

use crate::ids::{StoreId, TerminalId};
use alloc::collections::BTreeMap;

/// Empty when nobody has said: then business is done everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registry {
    pub(crate) stores: BTreeMap<StoreId, bool>,
    pub(crate) terminals: BTreeMap<TerminalId, (StoreId, bool)>,
}

impl Registry {
    pub(crate) fn is_empty(&self) -> bool {
        self.stores.is_empty() && self.terminals.is_empty()
    }
}
