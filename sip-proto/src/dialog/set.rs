//! The dialogs that one INVITE of ours made (RFC 3261 §13.2.2): it may have been forked.

use super::{Dialog, DialogError, DialogId};
use crate::message::{RequestBuf, Response};
use alloc::vec::Vec;
use proto_wire::LimitKind;

/// One of the dialogs, with the ACK that its 2xx gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fork {
    /// The dialog.
    pub dialog: Dialog,
    /// The ACK of its 2xx, once it was built: every 2xx that comes again gets the same bytes.
    pub ack: Option<RequestBuf>,
}

/// What a response to our INVITE means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// It makes no dialog: 100, or a provisional response without tag.
    Progress,
    /// A provisional response in this dialog, which is new or not.
    Early {
        /// The place in [`DialogSet::forks`].
        fork: usize,
        /// Whether it made the dialog.
        new: bool,
    },
    /// The first 2xx of all: this is the call. Acknowledge it.
    Answered {
        /// The place in [`DialogSet::forks`].
        fork: usize,
    },
    /// The first 2xx of another fork, when the call has been answered already. Acknowledge it,
    /// then say BYE (RFC 3261 §13.2.2.4).
    AnsweredToo {
        /// The place in [`DialogSet::forks`].
        fork: usize,
    },
    /// A 2xx that came before: its ACK was lost. Send the same ACK again.
    Again {
        /// The place in [`DialogSet::forks`].
        fork: usize,
    },
    /// A final response that is not 2xx: all early dialogs are over (RFC 3261 §12.3).
    Failed,
}

/// Why a response is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unheard {
    /// It cannot be read as a response to an INVITE.
    #[error(transparent)]
    Dialog(#[from] DialogError),
    /// It would make one dialog more than allowed. A 2xx is dropped too when there is one already:
    /// its sender gets no ACK and ends the call.
    #[error(transparent)]
    Limit(LimitKind),
}

/// The dialogs of one INVITE.
#[derive(Clone, Debug)]
pub struct DialogSet {
    invite: RequestBuf,
    forks: Vec<Fork>,
    forks_max: usize,
    winner: Option<usize>,
    over: bool,
}

impl DialogSet {
    /// The set of an INVITE that was sent, which may have `forks_max` dialogs, and the one of the
    /// first 2xx. That stops a peer from making dialogs without end.
    #[must_use]
    pub const fn new(invite: RequestBuf, forks_max: usize) -> Self {
        Self { invite, forks: Vec::new(), forks_max, winner: None, over: false }
    }

    /// The INVITE.
    #[must_use]
    pub const fn invite(&self) -> &RequestBuf {
        &self.invite
    }

    /// The INVITE was sent anew, with credentials or another request URI: same Call-ID and
    /// From tag, next sequence number. Early dialogs of the old one are over.
    pub fn resent(&mut self, invite: RequestBuf) {
        self.invite = invite;
        self.forks.clear();
        self.over = false;
    }

    /// The dialogs, in the order in which they were made.
    #[must_use]
    pub fn forks(&self) -> &[Fork] {
        &self.forks
    }

    /// One of them.
    #[must_use]
    pub fn fork_mut(&mut self, fork: usize) -> Option<&mut Fork> {
        self.forks.get_mut(fork)
    }

    /// The one that became the call.
    #[must_use]
    pub const fn answered(&self) -> Option<usize> {
        self.winner
    }

    /// The one of this name.
    #[must_use]
    pub fn find(&self, id: &DialogId) -> Option<usize> {
        self.forks.iter().position(|f| f.dialog.id() == id)
    }

    /// Takes a response to the INVITE.
    ///
    /// # Errors
    /// When it is to be dropped; then nothing has changed.
    pub fn hear(&mut self, response: Response<'_>) -> Result<Heard, Unheard> {
        let status = response.status();
        if !status.is_provisional() && !status.is_success() {
            // Behind a 2xx there is no failure (RFC 3261 §16.7): whoever sends one is ignored.
            if self.winner.is_some() {
                return Ok(Heard::Progress);
            }
            self.over = true;
            self.forks.clear();
            return Ok(Heard::Failed);
        }
        let made = match Dialog::uac(self.invite.view(), response) {
            Ok(made) => made,
            Err(DialogError::NoDialog) => return Ok(Heard::Progress),
            Err(error) => return Err(error.into()),
        };
        if let Some(fork) = self.find(made.id()) {
            return Ok(self.hear_again(fork, response));
        }
        // A provisional response behind a final one is late and says nothing.
        if status.is_provisional() && (self.over || self.winner.is_some()) {
            return Ok(Heard::Progress);
        }
        // The first 2xx is the call, however many rang before: nothing else will end the INVITE.
        let is_call = status.is_success() && self.winner.is_none();
        if self.forks.len() >= self.forks_max && !is_call {
            return Err(Unheard::Limit(LimitKind::Sessions));
        }
        let fork = self.forks.len();
        self.forks.push(Fork { dialog: made, ack: None });
        if status.is_provisional() {
            return Ok(Heard::Early { fork, new: true });
        }
        Ok(self.answer(fork))
    }

    fn hear_again(&mut self, fork: usize, response: Response<'_>) -> Heard {
        let early = response.status().is_provisional();
        let Some(known) = self.forks.get_mut(fork) else { return Heard::Progress };
        match (known.dialog.state(), early) {
            (super::State::Early, true) => Heard::Early { fork, new: false },
            // A provisional response that was overtaken by the 2xx.
            (super::State::Confirmed, true) => Heard::Progress,
            (super::State::Early, false) => {
                if known.dialog.confirm(response).is_err() {
                    return Heard::Progress;
                }
                self.answer(fork)
            }
            (super::State::Confirmed, false) => Heard::Again { fork },
        }
    }

    fn answer(&mut self, fork: usize) -> Heard {
        if self.winner.is_some() {
            return Heard::AnsweredToo { fork };
        }
        self.winner = Some(fork);
        Heard::Answered { fork }
    }
}
