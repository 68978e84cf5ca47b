//! What a dialog is used for (RFC 5057): it ends with its last usage, and a failure may end a
//! transaction, one usage or the whole dialog.

use crate::message::StatusCode;
use alloc::string::String;
use alloc::vec::Vec;

/// What a dialog is used for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Usage {
    /// A call; begins with INVITE, ends with BYE.
    Invite,
    /// A subscription; begins with SUBSCRIBE or REFER, ends with a NOTIFY that says so.
    Subscription {
        /// The event package; `refer` for REFER.
        package: String,
        /// Its `id`: for REFER the sequence number, when there is more than one.
        id: Option<String>,
    },
}

/// What a failed request takes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 5057 §5.1 has these three")]
pub enum Scope {
    /// Only itself.
    Transaction,
    /// The usage that it belonged to.
    Usage,
    /// The dialog with all its usages.
    Dialog,
}

/// What a final response other than 2xx to a request in a dialog takes with it (RFC 5057 §5.1;
/// 408 and a timeout: RFC 3261 §12.2.1.2).
#[must_use]
pub const fn failure_scope(status: StatusCode) -> Scope {
    match status.as_u16() {
        404 | 410 | 416 | 482 | 483 | 484 | 485 | 502 | 604 => Scope::Dialog,
        405 | 408 | 480 | 481 | 489 | 501 => Scope::Usage,
        _ => Scope::Transaction,
    }
}

/// The usages of one dialog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usages(Vec<Usage>);

impl Usages {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Begins one; nothing happens when it is there.
    pub fn begin(&mut self, usage: Usage) {
        if !self.0.contains(&usage) {
            self.0.push(usage);
        }
    }

    /// Ends one. Returns whether it was there.
    pub fn end(&mut self, usage: &Usage) -> bool {
        let before = self.0.len();
        self.0.retain(|u| u != usage);
        self.0.len() != before
    }

    /// A request of `usage` failed with `status`: ends what that takes with it, and says what
    /// it was.
    pub fn failed(&mut self, usage: &Usage, status: StatusCode) -> Scope {
        let scope = failure_scope(status);
        match scope {
            Scope::Transaction => {}
            Scope::Usage => {
                self.end(usage);
            }
            Scope::Dialog => self.0.clear(),
        }
        scope
    }

    /// Those that are left.
    #[must_use]
    pub fn as_slice(&self) -> &[Usage] {
        &self.0
    }

    /// Whether the dialog is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}
