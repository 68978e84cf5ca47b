//! What a user agent tells, and why a command fails.

use super::{MessageId, ReferRef};
use crate::dialog::DialogError;
use crate::endpoint::{self, SipEvent, TransactionId};
use crate::message::{BuildError, RequestBuf, ResponseBuf, StatusCode};
use crate::offer_answer::{Fault, Meaning};
use alloc::string::String;
use bytes::Bytes;
use proto_wire::LimitKind;
use thiserror::Error;

/// A call. Never means another one, also when it has ended. RFC 3261 §12, §13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallRef(pub(super) u64);

/// A request of the application. RFC 3261 §8.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestRef(pub(super) u64);

/// A question where a URI leads (RFC 3263).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(pub(super) u64);

/// What happened. RFC 3261 §13, §14, §15.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Registered, or registered again.
    Registered {
        /// For how many seconds; it is refreshed before.
        expires: u32,
        /// How many bindings the user has, ours included.
        bindings: usize,
        /// Over which flow: 0 is that to the outbound proxy, the others are those of
        /// [`Config::flows`](super::Config::flows).
        flow: usize,
    },
    /// Registration failed. It is tried again when that can help.
    RegistrationFailed {
        /// The response; `None` when there was none.
        status: Option<StatusCode>,
        /// Whether it will be tried again.
        retrying: bool,
        /// Over which flow.
        flow: usize,
    },
    /// The registration was removed as asked.
    Unregistered,
    /// A MESSAGE came and was answered with 200.
    Message {
        /// The call, if it is in one.
        call: Option<CallRef>,
        /// The URI in From.
        from: String,
        /// The media type; `text/plain` when the request has none.
        content_type: String,
        /// The body.
        body: Bytes,
        /// The request.
        request: RequestBuf,
    },
    /// A message got 2xx; 202 says that it was only accepted for delivery.
    Delivered {
        /// Which.
        id: MessageId,
        /// The response.
        status: StatusCode,
    },
    /// A message was refused. 415: send no more of this media type to this target.
    Refused {
        /// Which.
        id: MessageId,
        /// The response.
        status: StatusCode,
    },
    /// A message got no response, or could not be sent.
    Undelivered {
        /// Which.
        id: MessageId,
    },
    /// Somebody calls. An offer, if there is one, follows as [`Event::Description`].
    Incoming {
        /// The call.
        call: CallRef,
        /// The INVITE.
        request: RequestBuf,
        /// The call that it is to replace (RFC 3891): answering it ends that one.
        replaces: Option<CallRef>,
        /// The call that it is to be mixed with (RFC 3911); only with
        /// [`Config::join`](super::Config::join). Who cannot refuses it with 488.
        joins: Option<CallRef>,
    },
    /// A provisional response other than 100 to our INVITE.
    Progress {
        /// The call.
        call: CallRef,
        /// The response; forks differ in the To tag.
        response: ResponseBuf,
    },
    /// Our INVITE was answered with 2xx.
    Answered {
        /// The call.
        call: CallRef,
        /// The response.
        response: ResponseBuf,
    },
    /// Our 2xx was acknowledged: both sides know of the call now.
    Confirmed {
        /// The call.
        call: CallRef,
    },
    /// A session description came.
    Description {
        /// The call.
        call: CallRef,
        /// What it is. An offer wants [`accept`](super::UserAgent::accept) or
        /// [`refuse`](super::UserAgent::refuse), but for that of a new call, which
        /// [`ring`](super::UserAgent::ring) or [`answer`](super::UserAgent::answer) answers.
        meaning: Meaning,
        /// The description as it came.
        sdp: Bytes,
    },
    /// The peer asks for an offer, with an INVITE that has none, in a call that is up:
    /// [`accept`](super::UserAgent::accept) with one.
    OfferWanted {
        /// The call.
        call: CallRef,
    },
    /// Our re-INVITE or UPDATE was accepted.
    Changed {
        /// The call.
        call: CallRef,
    },
    /// Our re-INVITE or UPDATE was refused; the session is as before.
    ChangeRefused {
        /// The call.
        call: CallRef,
        /// With what; 408 when no answer came.
        status: StatusCode,
    },
    /// A request that is the application's: INFO and unknown ones in a call, those of
    /// [`Config::methods`](super::Config::methods) outside. It waits for [`respond`](super::UserAgent::respond).
    Request {
        /// The call, if it is in one.
        call: Option<CallRef>,
        /// Its transaction.
        id: TransactionId,
        /// The request.
        request: RequestBuf,
    },
    /// The final answer to a request that [`request`](super::UserAgent::request) or
    /// [`ask`](super::UserAgent::ask) sent, or 408 of our own when none came. A call that ends
    /// takes with it what its requests were still to be answered.
    Reply {
        /// Which.
        request: RequestRef,
        /// The call, if it was in one.
        call: Option<CallRef>,
        /// The method of the request.
        method: String,
        /// The status.
        status: StatusCode,
        /// The response, when one came.
        response: Option<ResponseBuf>,
    },
    /// The peer asks us to refer to something (RFC 3515): [`refer_accept`](super::UserAgent::refer_accept)
    /// or [`respond`](super::UserAgent::respond).
    Referred {
        /// The call; what stands for one when the REFER is outside of calls.
        call: CallRef,
        /// The transaction.
        id: TransactionId,
        /// The REFER.
        request: RequestBuf,
        /// The URI of Refer-To.
        to: String,
    },
    /// How far our REFER is at the peer. It may come behind the end of the call.
    ReferProgress {
        /// The REFER.
        refer: ReferRef,
        /// The call that it was sent in; what stands for one when it was outside of calls.
        call: CallRef,
        /// What the peer's own request was answered with; `None` when it does not say.
        status: Option<StatusCode>,
        /// Whether that is the outcome: no more will come.
        over: bool,
    },
    /// Where does this URI lead? Answer with [`looked_up`](super::UserAgent::looked_up).
    LookupWanted {
        /// To answer with.
        lookup: LookupId,
        /// A SIP URI whose host is a name.
        uri: String,
    },
    /// The call is over. Exactly once per call, and its last event.
    Ended {
        /// The call.
        call: CallRef,
        /// Why.
        why: Ending,
    },
    /// What the endpoint told that is the host's business: streams to open and to close,
    /// keep-alives, refused messages.
    Endpoint(SipEvent),
}

impl Event {
    /// The call that this is about, if it is about one. The progress of a REFER is not: it has a
    /// life of its own.
    #[must_use]
    pub const fn call(&self) -> Option<CallRef> {
        match self {
            Self::Incoming { call, .. }
            | Self::Progress { call, .. }
            | Self::Answered { call, .. }
            | Self::Confirmed { call }
            | Self::Description { call, .. }
            | Self::OfferWanted { call }
            | Self::Changed { call }
            | Self::ChangeRefused { call, .. }
            | Self::Referred { call, .. }
            | Self::Ended { call, .. } => Some(*call),
            Self::Request { call, .. } | Self::Reply { call, .. } | Self::Message { call, .. } => {
                *call
            }
            Self::Registered { .. }
            | Self::RegistrationFailed { .. }
            | Self::Unregistered
            | Self::Delivered { .. }
            | Self::Refused { .. }
            | Self::Undelivered { .. }
            | Self::ReferProgress { .. }
            | Self::LookupWanted { .. }
            | Self::Endpoint(_) => None,
        }
    }
}

/// Why a call is over. RFC 3261 §15.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// We hung up.
    Local,
    /// The peer hung up.
    Remote,
    /// The caller cancelled before we answered.
    Cancelled,
    /// Our INVITE was refused with this.
    Refused(StatusCode),
    /// No answer came in time to our INVITE, or to a request that the call depends on.
    TimedOut,
    /// Our INVITE could not be sent.
    Unreachable,
    /// Our 2xx was never acknowledged, or our reliable provisional response.
    NoAck,
    /// The session was not refreshed in time (RFC 4028).
    Expired,
    /// The peer knows nothing of the call any more (RFC 5057).
    Lost(StatusCode),
    /// The peer broke a rule that the call cannot go on without.
    Protocol(Fault),
    /// Another call took its place (RFC 3891).
    Replaced,
}

/// A command that could not be carried out; nothing has changed. See [`UserAgent`](super::UserAgent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The call is over.
    #[error("{0}: the call is over")]
    NoCall(&'static str),
    /// Not in this state of the call.
    #[error("{0}: not in this state of the call")]
    State(&'static str),
    /// No offer or answer may or must be here.
    #[error(transparent)]
    Offer(#[from] Fault),
    /// A limit was reached.
    #[error(transparent)]
    Limit(#[from] LimitKind),
    /// The dialog cannot make the request.
    #[error(transparent)]
    Dialog(#[from] DialogError),
    /// The message could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The transactions below refused it.
    #[error(transparent)]
    Endpoint(#[from] endpoint::CommandError),
}
