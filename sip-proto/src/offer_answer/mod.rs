//! Offers and answers (RFC 3264) in a dialog: what a session description means in the message
//! that carries it, who may offer when, and what happens when an offer is refused.
//!
//! The rules are those of RFC 3261 §13.2.1, RFC 3262 §5, RFC 3311 §5 and RFC 6337 §2. They are
//! one function, [`State::step`], of the state and the message; its whole table is in
//! [`rows`].
//!
//! ```
//! use sip_proto::offer_answer::{By, Carrier, Meaning, State};
//!
//! // An INVITE without an offer asks the callee for one; the ACK answers it.
//! let state = State::new();
//! let (state, meaning) = state.step(By::Us, Carrier::Invite, false)?;
//! assert_eq!(meaning, Meaning::Nothing);
//! let (state, meaning) = state.step(By::Peer, Carrier::InviteOk, true)?;
//! assert_eq!(meaning, Meaning::Offer);
//! let (state, meaning) = state.step(By::Us, Carrier::Ack, true)?;
//! assert_eq!(meaning, Meaning::Answer);
//! assert!(state.is_settled());
//! # Ok::<(), sip_proto::offer_answer::Fault>(())
//! ```

mod session;

pub use session::{Ability, Answer, Codec, Session, SessionError, Stream};

use crate::message::StatusCode;
use alloc::vec::Vec;
use thiserror::Error;

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a dialog has two sides")]
pub enum By {
    /// We did.
    Us,
    /// The peer did.
    Peer,
}

impl By {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Us => Self::Peer,
            Self::Peer => Self::Us,
        }
    }
}

/// A message that can carry a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6337 §2.2 has these, and responses that may get lost"
)]
pub enum Carrier {
    /// An INVITE, the first or a later one.
    Invite,
    /// A provisional response to it that may get lost.
    Provisional,
    /// A provisional response to it that is acknowledged (RFC 3262).
    ReliableProvisional,
    /// A 2xx to it.
    InviteOk,
    /// The ACK of that.
    Ack,
    /// A PRACK.
    Prack,
    /// A 2xx to it.
    PrackOk,
    /// An UPDATE.
    Update,
    /// A 2xx to it.
    UpdateOk,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Invite,
        Self::Provisional,
        Self::ReliableProvisional,
        Self::InviteOk,
        Self::Ack,
        Self::Prack,
        Self::PrackOk,
        Self::Update,
        Self::UpdateOk,
    ];
}

/// What a session description is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// An offer: the other side must answer.
    Offer,
    /// The answer to the offer that is out.
    Answer,
    /// The answer in a message that may get lost: media can begin, but only the answer that
    /// comes reliably counts. It is the same (RFC 3261 §13.2.1).
    Preview,
    /// There is none, or it repeats what was said and is to be ignored.
    Nothing,
}

/// What is wrong with a message where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Both sides offer at once: our own offer is out, or our INVITE (RFC 3261 §14.2,
    /// RFC 3311 §5.2). To the peer: 491.
    #[error("an offer of the side that received this is out")]
    Glare,
    /// The sender offers again before it has its answer, or sends an INVITE within an INVITE.
    /// To the peer: 500 with Retry-After of 0 to 10 seconds.
    #[error("an earlier offer of the same side has no answer yet")]
    TooSoon,
    /// The first reliable answer to an INVITE without offer has none either.
    #[error("an offer must be here")]
    NoOffer,
    /// The offer that is out must be answered in this message.
    #[error("an answer must be here")]
    NoAnswer,
    /// A 2xx to an INVITE while an offer is out (RFC 3262 §5).
    #[error("an offer is out that must be answered first")]
    Unanswered,
    /// This side cannot send this message now: there is no such INVITE, PRACK or UPDATE.
    #[error("the message does not belong here")]
    Misplaced,
}

impl Fault {
    /// The status to refuse a request of the peer with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Glare => StatusCode::REQUEST_PENDING,
            Self::TooSoon => StatusCode::SERVER_INTERNAL_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether the refusal says when to try again.
    #[must_use]
    pub const fn has_retry_after(self) -> bool {
        matches!(self, Self::TooSoon)
    }
}

/// Whether an offer is out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is one or there is none")]
pub enum Phase {
    /// None is.
    #[default]
    Quiet,
    /// One is, of this side, that went out in this message.
    Offered(By, Carrier),
}

/// The INVITE in progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "these are all there can be")]
pub enum Invite {
    /// None is.
    #[default]
    None,
    /// One of this side, without an offer, which waits for the other's.
    Asking(By),
    /// One of this side, whose offer was made.
    Offering(By),
}

/// The offers and answers of one dialog. Eight bytes, copied freely: keep the old one to go
/// back to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct State {
    /// Whether an offer is out.
    pub phase: Phase,
    /// The INVITE in progress.
    pub invite: Invite,
    /// Whether there was an answer ever: there is a session.
    pub agreed: bool,
}

impl State {
    /// A dialog without a session.
    #[must_use]
    pub const fn new() -> Self {
        Self { phase: Phase::Quiet, invite: Invite::None, agreed: false }
    }

    /// Whether there is a session and nothing is under way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.agreed && self.phase == Phase::Quiet && self.invite == Invite::None
    }

    /// Whether this side may offer now in an INVITE or, once there is a session, in an UPDATE.
    #[must_use]
    pub fn may_offer(&self, by: By, carrier: Carrier) -> bool {
        matches!(self.step(by, carrier, true), Ok((_, Meaning::Offer)))
    }

    /// A message of `by` goes by, with a session description or without: what it means, and
    /// the state behind it.
    ///
    /// # Errors
    /// What is wrong; the state stays. For one's own message it is a mistake, for a request of
    /// the peer [`Fault::status`] says what to answer.
    pub fn step(self, by: By, carrier: Carrier, sdp: bool) -> Result<(Self, Meaning), Fault> {
        match carrier {
            Carrier::Invite => self.invite(by, sdp),
            Carrier::Provisional => self.provisional(by, sdp),
            Carrier::ReliableProvisional => self.reliable(by, sdp),
            Carrier::InviteOk => self.invite_ok(by, sdp),
            Carrier::Ack => self.answered_by(by, Carrier::InviteOk, sdp),
            Carrier::Prack => self.prack(by, sdp),
            Carrier::PrackOk => self.answered_by(by, Carrier::Prack, sdp),
            Carrier::Update => self.update(by, sdp),
            Carrier::UpdateOk => self.answered_by(by, Carrier::Update, sdp),
        }
    }

    /// The request `carrier` of `by` was refused, or timed out: its offer never was
    /// (RFC 3264 §8, RFC 6141 §3.4: what was agreed in between, in UPDATE or PRACK, stays).
    #[must_use]
    pub fn refused(mut self, by: By, carrier: Carrier) -> Self {
        if self.phase == Phase::Offered(by, carrier) {
            self.phase = Phase::Quiet;
        }
        if carrier == Carrier::Invite && self.initiator() == Some(by) {
            self.invite = Invite::None;
            // What the responses to it offered died with it.
            if let Phase::Offered(_, Carrier::ReliableProvisional | Carrier::InviteOk) = self.phase
            {
                self.phase = Phase::Quiet;
            }
        }
        self
    }

    const fn initiator(self) -> Option<By> {
        match self.invite {
            Invite::None => None,
            Invite::Asking(by) | Invite::Offering(by) => Some(by),
        }
    }

    /// Objects to an offer of `by` when one is out, or an INVITE of whom it would collide with.
    fn collision(self, by: By) -> Result<(), Fault> {
        match self.phase {
            Phase::Quiet => Ok(()),
            Phase::Offered(whose, _) if whose == by => Err(Fault::TooSoon),
            Phase::Offered(..) => Err(Fault::Glare),
        }
    }

    fn invite(self, by: By, sdp: bool) -> Result<(Self, Meaning), Fault> {
        self.collision(by)?;
        match self.initiator() {
            None => {}
            Some(whose) if whose == by => return Err(Fault::TooSoon),
            Some(_) => return Err(Fault::Glare),
        }
        if sdp {
            return Ok((
                Self { invite: Invite::Offering(by), ..self }.offered(by, Carrier::Invite),
                Meaning::Offer,
            ));
        }
        Ok((Self { invite: Invite::Asking(by), ..self }, Meaning::Nothing))
    }

    fn provisional(self, by: By, sdp: bool) -> Result<(Self, Meaning), Fault> {
        self.responder(by)?;
        let preview = sdp && self.phase == Phase::Offered(by.other(), Carrier::Invite);
        Ok((self, if preview { Meaning::Preview } else { Meaning::Nothing }))
    }

    fn reliable(self, by: By, sdp: bool) -> Result<(Self, Meaning), Fault> {
        self.responder(by)?;
        match self.invite {
            Invite::Asking(_) if sdp => {
                self.collision(by)?;
                let next = Self { invite: Invite::Offering(by.other()), ..self };
                Ok((next.offered(by, Carrier::ReliableProvisional), Meaning::Offer))
            }
            // RFC 3262 §5 wants the offer in the first one. The peer's fault is forgiven: the
            // offer can still come.
            Invite::Asking(_) if by == By::Us => Err(Fault::NoOffer),
            _ if sdp && self.phase == Phase::Offered(by.other(), Carrier::Invite) => {
                Ok((self.agree(), Meaning::Answer))
            }
            _ => Ok((self, Meaning::Nothing)),
        }
    }

    fn invite_ok(self, by: By, sdp: bool) -> Result<(Self, Meaning), Fault> {
        if self.invite == Invite::None && by == By::Peer {
            // Sent again: its ACK was lost.
            return Ok((self, Meaning::Nothing));
        }
        self.responder(by)?;
        let next = Self { invite: Invite::None, ..self };
        match (self.invite, self.phase) {
            (_, Phase::Offered(whose, Carrier::Invite)) if whose == by.other() => {
                if sdp {
                    Ok((next.agree(), Meaning::Answer))
                } else {
                    Err(Fault::NoAnswer)
                }
            }
            (Invite::Asking(_), Phase::Quiet) => {
                if sdp {
                    Ok((next.offered(by, Carrier::InviteOk), Meaning::Offer))
                } else {
                    Err(Fault::NoOffer)
                }
            }
            (_, Phase::Offered(..)) if by == By::Us => Err(Fault::Unanswered),
            _ => Ok((next, Meaning::Nothing)),
        }
    }

    fn prack(self, by: By, sdp: bool) -> Result<(Self, Meaning), Fault> {
        if self.phase == Phase::Offered(by.other(), Carrier::ReliableProvisional) {
            return if sdp { Ok((self.agree(), Meaning::Answer)) } else { Err(Fault::NoAnswer) };
        }
        self.new_offer(by, Carrier::Prack, sdp)
    }

    fn update(self, by: By, sdp: bool) -> Result<(Self, Meaning), Fault> {
        self.new_offer(by, Carrier::Update, sdp)
    }

    /// An offer in PRACK or UPDATE: only behind the first answer of the dialog.
    fn new_offer(self, by: By, carrier: Carrier, sdp: bool) -> Result<(Self, Meaning), Fault> {
        if !sdp {
            return Ok((self, Meaning::Nothing));
        }
        self.collision(by)?;
        if !self.agreed {
            return Err(Fault::TooSoon);
        }
        Ok((self.offered(by, carrier), Meaning::Offer))
    }

    /// A message whose only use is to answer the offer in `offer` of the other side.
    fn answered_by(self, by: By, offer: Carrier, sdp: bool) -> Result<(Self, Meaning), Fault> {
        if self.phase != Phase::Offered(by.other(), offer) {
            return Ok((self, Meaning::Nothing));
        }
        if sdp { Ok((self.agree(), Meaning::Answer)) } else { Err(Fault::NoAnswer) }
    }

    /// Only the side that was invited responds to an INVITE.
    fn responder(self, by: By) -> Result<(), Fault> {
        if self.initiator() == Some(by.other()) { Ok(()) } else { Err(Fault::Misplaced) }
    }

    const fn offered(mut self, by: By, carrier: Carrier) -> Self {
        self.phase = Phase::Offered(by, carrier);
        self
    }

    const fn agree(mut self) -> Self {
        self.phase = Phase::Quiet;
        self.agreed = true;
        self
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a row has these columns")]
pub struct Row {
    /// The state before.
    pub state: State,
    /// Who sends.
    pub by: By,
    /// What.
    pub carrier: Carrier,
    /// Whether with a session description.
    pub sdp: bool,
    /// What comes of it.
    pub outcome: Result<(State, Meaning), Fault>,
}

/// Every message in every state that can be reached from [`State::new`].
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut states = alloc::vec![State::new()];
    let mut rows = Vec::new();
    let mut at = 0_usize;
    while let Some(state) = states.get(at).copied() {
        at = at.saturating_add(1);
        for by in [By::Us, By::Peer] {
            for carrier in Carrier::ALL {
                for sdp in [false, true] {
                    let outcome = state.step(by, carrier, sdp);
                    rows.push(Row { state, by, carrier, sdp, outcome });
                    let reached = [outcome.ok().map(|(s, _)| s), Some(state.refused(by, carrier))];
                    for next in reached.into_iter().flatten() {
                        if !states.contains(&next) {
                            states.push(next);
                        }
                    }
                }
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests;
