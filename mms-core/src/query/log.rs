//! R160: who did what, when and where, and who tried.

use crate::command::Envelope;
use crate::ids::{ActorId, At, MemberId, Seq, StoreId, TerminalId};
use crate::record::{Kind, Record};
use crate::rejection::Rejection;
use alloc::vec::Vec;

/// Everything that actors did and were refused, in order: made of records by [`OperatorLog::observe`], and of
/// refusals by [`OperatorLog::refused`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorLog {
    rows: Vec<Logged>,
}

/// One thing that an actor did or was refused: an entry of [`OperatorLog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logged {
    /// When.
    pub at: At,
    /// Who.
    pub actor: ActorId,
    /// On which device.
    pub terminal: TerminalId,
    /// Where.
    pub store: StoreId,
    /// To whom.
    pub member: Option<MemberId>,
    /// What was booked, or why nothing was.
    pub what: Result<(Seq, Kind), Rejection>,
}

impl OperatorLog {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a record; what time caused is nobody's doing.
    pub fn observe(&mut self, record: Record<'_>) {
        let head = record.head();
        if head.key.value() != 0 {
            self.rows.push(Logged {
                at: head.at,
                actor: head.actor,
                terminal: head.terminal,
                store: head.store,
                member: head.member,
                what: Ok((head.seq, head.kind)),
            });
        }
    }

    /// Notes an attempt that was refused. Refusals are not in the journal: a host that wants them
    /// after a restart keeps them itself.
    pub fn refused(&mut self, at: At, envelope: &Envelope, rejection: Rejection) {
        self.rows.push(Logged {
            at,
            actor: envelope.actor,
            terminal: envelope.terminal,
            store: envelope.store,
            member: None,
            what: Err(rejection),
        });
    }

    /// All of it, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Logged] {
        &self.rows
    }

    /// What one actor did, oldest first.
    pub fn of(&self, actor: ActorId) -> impl Iterator<Item = &Logged> {
        self.rows.iter().filter(move |row| row.actor == actor)
    }
}
