//! What is remembered of one call.

use super::session_timer::Agreed;
use crate::dialog::{Dialog, DialogId, DialogSet, Role};
use crate::endpoint::{Path, TransactionId};
use crate::message::{RequestBuf, ResponseBuf, StatusCode};
use crate::offer_answer;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

/// How far a call is. RFC 3261 §13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Our INVITE is out and nothing came back.
    Calling,
    /// A provisional response came, or we owe an answer to the peer's INVITE.
    Ringing,
    /// We want our INVITE cancelled.
    Cancelling,
    /// Our 2xx is out and not acknowledged.
    Answered,
    /// Both sides know of the call.
    Up,
    /// Our BYE is out.
    Ending,
    /// Over; only late answers are waited for.
    Over,
}

/// A timer of an agent. RFC 3261 §10.2.4, RFC 5626 §4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// One of a call.
    Call(super::CallRef, CallTimer),
    /// The registration over this flow is made again: before it ends, or after a failure.
    Register(usize),
    /// A keep-alive goes out on the flow of a registration (RFC 5626 §4.4).
    KeepAlive(usize),
    /// It was not answered.
    Pong(usize),
    /// The subscription of a REFER ends, or its first NOTIFY should have come.
    Refer(super::ReferRef),
}

/// A timer of a call. RFC 3261 §13.3.1.4, RFC 4028 §10, RFC 3262 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CallTimer {
    /// Our INVITE has rung too long.
    Ring,
    /// Our CANCEL had no effect (RFC 3261 §9.1).
    CancelGiveUp,
    /// Our 2xx goes out again (RFC 3261 §13.3.1.4).
    OkAgain,
    /// Our 2xx was never acknowledged.
    OkGiveUp,
    /// Our reliable provisional response goes out again (RFC 3262 §3).
    ReliableAgain,
    /// It was never acknowledged.
    ReliableGiveUp,
    /// A proxy would forget our INVITE transaction: say something (RFC 3261 §13.3.1.1).
    StillRinging,
    /// Our re-INVITE or UPDATE that collided goes out again (RFC 3261 §14.1).
    GlareOver,
    /// The session must be refreshed (RFC 4028 §7.2).
    Refresh,
    /// The session was not refreshed (RFC 4028 §10).
    Expire,
}

/// One dialog of a call with what belongs to it alone.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) dialog: Dialog,
    pub(super) offers: offer_answer::State,
    /// The last reliable provisional response that was heard.
    pub(super) rseq: Option<u32>,
    /// The ACK of the last 2xx in this dialog, to be sent again as it is.
    pub(super) ack: Option<(u32, RequestBuf)>,
}

/// A session description that we owe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// The answer in the ACK of this number.
    Ack(u32),
    /// The answer in the PRACK of this response, in this leg.
    Prack { leg: usize, rseq: u32, cseq: u32 },
    /// The answer, or the offer that was asked for, in the 2xx to a re-INVITE.
    InviteOk(TransactionId),
    /// The answer in the 2xx to an UPDATE or PRACK that came in this leg.
    Ok { id: TransactionId, of: offer_answer::Carrier, leg: usize },
}

impl Owed {
    /// The request of the peer that waits for it.
    pub(super) const fn asked(self) -> Option<TransactionId> {
        match self {
            Self::InviteOk(id) | Self::Ok { id, .. } => Some(id),
            Self::Ack(_) | Self::Prack { .. } => None,
        }
    }
}

/// A provisional response that waits for its PRACK.
#[derive(Clone, Debug)]
pub(super) struct Unacknowledged {
    pub(super) rseq: u32,
    pub(super) response: ResponseBuf,
    pub(super) times: u32,
}

/// A change that we asked for and may ask for again.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) update: bool,
    pub(super) sdp: Option<Bytes>,
    /// Made by the session timer: nobody is told of it.
    pub(super) refresh: bool,
    pub(super) tries: u32,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) role: Role,
    pub(super) phase: Phase,
    /// The forks of our INVITE, until its transaction has ended.
    pub(super) set: Option<DialogSet>,
    /// The offers behind our first INVITE: where each fork begins.
    pub(super) base: offer_answer::State,
    /// In the order of the set's forks; the callee has one.
    pub(super) legs: Vec<Leg>,
    /// Which leg is the call.
    pub(super) leg: usize,
    /// The INVITE in progress, the first or a later one, of either side.
    pub(super) invite: Option<TransactionId>,
    /// Our INVITE that was accepted last: its ACK has its credentials.
    pub(super) accepted: Option<TransactionId>,
    /// The peer's INVITE that came last; other requests have theirs in the transaction.
    pub(super) request: Option<RequestBuf>,
    pub(super) owed: Option<Owed>,
    pub(super) ok: Option<(ResponseBuf, u32)>,
    pub(super) ok_from: Option<TransactionId>,
    pub(super) hang_up_wanted: bool,
    pub(super) replaces: Option<super::CallRef>,
    pub(super) why: Option<super::Ending>,
    // Reliable provisional responses of ours.
    pub(super) must_be_reliable: bool,
    pub(super) may_be_reliable: bool,
    pub(super) rseq: u32,
    pub(super) unacknowledged: Option<Unacknowledged>,
    pub(super) waiting: VecDeque<(StatusCode, Option<Bytes>)>,
    pub(super) waiting_answer: Option<Option<Bytes>>,
    pub(super) last_provisional: Option<ResponseBuf>,
    // Session.
    pub(super) asked_interval: Option<u32>,
    pub(super) session: Option<(Agreed, bool)>,
    pub(super) verdict: Option<Agreed>,
    pub(super) peer_updates: bool,
    pub(super) sent_sdp: Option<Bytes>,
    pub(super) change: Option<Change>,
    /// Where the peer's requests come from, to answer over the same stream.
    pub(super) path: Option<Path>,
    /// Where redirections led, and how many of them were tried.
    pub(super) targets: Vec<alloc::string::String>,
    pub(super) tried: usize,
    /// No call at all: the dialog of a REFER outside of calls.
    pub(super) aside: bool,
    /// The peer's REFER that this call comes from.
    pub(super) referred: Option<super::ReferRef>,
}

impl CallTimer {
    pub(super) const ALL: [Self; 10] = [
        Self::Ring,
        Self::CancelGiveUp,
        Self::OkAgain,
        Self::OkGiveUp,
        Self::ReliableAgain,
        Self::ReliableGiveUp,
        Self::StillRinging,
        Self::GlareOver,
        Self::Refresh,
        Self::Expire,
    ];
}

impl Call {
    pub(super) const fn new(role: Role, phase: Phase) -> Self {
        Self {
            role,
            phase,
            set: None,
            base: offer_answer::State::new(),
            legs: Vec::new(),
            leg: 0,
            invite: None,
            accepted: None,
            request: None,
            owed: None,
            ok: None,
            ok_from: None,
            hang_up_wanted: false,
            replaces: None,
            why: None,
            must_be_reliable: false,
            may_be_reliable: false,
            rseq: 0,
            unacknowledged: None,
            waiting: VecDeque::new(),
            waiting_answer: None,
            last_provisional: None,
            asked_interval: None,
            session: None,
            verdict: None,
            peer_updates: false,
            sent_sdp: None,
            change: None,
            path: None,
            targets: Vec::new(),
            tried: 0,
            aside: false,
            referred: None,
        }
    }

    /// The leg that is the call, or will be.
    pub(super) fn current(&self) -> Option<&Leg> {
        self.legs.get(self.leg)
    }

    pub(super) fn current_mut(&mut self) -> Option<&mut Leg> {
        self.legs.get_mut(self.leg)
    }

    pub(super) fn leg_of(&self, id: &DialogId) -> Option<usize> {
        self.legs.iter().position(|l| l.dialog.id() == id)
    }

    /// Whether commands of the application still make sense.
    pub(super) const fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Ending | Phase::Over)
    }
}
