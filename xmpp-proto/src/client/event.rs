//! What a client machine takes, tells and refuses.

use super::FastToken;
use crate::iq::IqToken;
use crate::jid::Jid;
use crate::link::ProtocolError;
use crate::roster::RosterItem;
#[cfg(feature = "scram")]
use crate::sasl::Hash;
use crate::sasl::{SaslError, SaslFailure, Secret};
use crate::sm::Delivery;
use crate::stanza::{Condition, InvalidStanza, StanzaBuf};
use crate::stream::{Features, StreamError};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::TimerKey;
use thiserror::Error;

/// What the host reports. See [`Client`](super::Client).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes arrived (after TLS, if there is any).
    Data(&'a [u8]),
    /// The connection ended.
    Eof,
    /// The TLS handshake that [`Event::StartTls`] asked for is done.
    TlsEstablished,
}

/// What a client tells its host. RFC 6120 §4, §8.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Do the TLS handshake now, verify the certificate for the domain of the account
    /// (RFC 6120 §13.7), then report [`Input::TlsEstablished`].
    StartTls,
    /// The server's form for a new account: read it with
    /// [`Form::read`](crate::ext::register::Form::read), answer with
    /// [`Client::register`](super::Client::register) or
    /// [`Client::skip_registration`](super::Client::skip_registration).
    RegistrationForm(StanzaBuf),
    /// The account was not made; answer in the same way, or close.
    RegistrationRefused {
        /// Why: `conflict` for a name that is taken.
        condition: Condition,
    },
    /// The account was made; the login follows.
    Registered,
    /// A password is needed: [`Client::password`](super::Client::password).
    PasswordNeeded,
    /// A key must be derived with many rounds: [`Client::derived`](super::Client::derived).
    #[cfg(feature = "scram")]
    DerivationNeeded {
        /// The hash.
        hash: Hash,
        /// The salt.
        salt: Vec<u8>,
        /// The number of rounds.
        iterations: u32,
    },
    /// Logged in.
    Ready {
        /// The full address that the server bound.
        jid: Jid,
        /// What the server offers.
        features: Features,
    },
    /// Logged in, and the session of a former connection goes on (XEP-0198 §5): the roster
    /// and presences are still right, nothing needs to be asked for again.
    Resumed {
        /// The full address of the session.
        jid: Jid,
    },
    /// The server, which has proved itself, wants one of these tasks to be done (XEP-0388 §2.6.3):
    /// answer with [`Client::choose_task`](super::Client::choose_task), or close. Only with
    /// [`Sasl2Config::with_tasks`](super::Sasl2Config::with_tasks).
    TasksOffered {
        /// Their names.
        tasks: Vec<String>,
        /// Text for people.
        text: Option<String>,
    },
    /// What the server says in the task: answer with
    /// [`Client::answer_task`](super::Client::answer_task).
    TaskData {
        /// The element `<task-data/>` as a text that stands alone.
        data: Secret,
    },
    /// The server gave a token for the next login (XEP-0484); it replaces an older one.
    FastToken(FastToken),
    /// The server did not take the token: forget it. The login goes on with the password.
    FastTokenRefused,
    /// A stanza of this side was acknowledged, sent again or lost (XEP-0198).
    Delivery(Delivery),
    /// A message.
    Message(StanzaBuf),
    /// Presence.
    Presence(StanzaBuf),
    /// A request to be answered once, with [`Client::answer`](super::Client::answer) or
    /// [`Client::refuse`](super::Client::refuse).
    Request(IqRequest),
    /// The answer to a request of this side, or why there is none.
    Answer {
        /// Which request.
        token: IqToken,
        /// The iq of type `result` or `error`.
        answer: Result<StanzaBuf, NoAnswer>,
    },
    /// The roster, after [`Client::request_roster`](super::Client::request_roster).
    Roster {
        /// All contacts; empty and meaningless when `unchanged`.
        items: Vec<RosterItem>,
        /// The version, when the server keeps versions (RFC 6121 §2.6).
        version: Option<String>,
        /// The version that the host has is still right.
        unchanged: bool,
    },
    /// A contact was changed (RFC 6121 §2.1.6). It came from the own account, which was
    /// checked, and was acknowledged.
    RosterPush {
        /// The contact; `Subscription::Remove` when it was removed.
        item: RosterItem,
        /// The new version.
        version: Option<String>,
    },
    /// A stanza that is not valid. It was answered if that is allowed; the stream goes on.
    Invalid {
        /// The stanza.
        bytes: Bytes,
        /// What is wrong.
        reason: InvalidStanza,
    },
    /// The end. Nothing follows.
    Closed(CloseReason),
}

/// A request that waits for the host's answer. It is consumed by answering, so there is no
/// second answer; when it is dropped, the machine refuses in its stead after a while.
/// RFC 6120 §8.2.3.
#[derive(Debug)]
pub struct IqRequest {
    pub(super) number: u64,
    pub(super) stanza: StanzaBuf,
}

impl IqRequest {
    /// The iq.
    #[must_use]
    pub const fn stanza(&self) -> &StanzaBuf {
        &self.stanza
    }
}

/// Why a request has no answer. RFC 6120 §8.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// The time is over.
    #[error("no answer in time")]
    TimedOut,
    /// The stream ended.
    #[error("the stream ended before the answer")]
    Closed,
}

/// Why a client ended. RFC 6120 §4.4, §4.9.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The host closed it.
    #[error("closed")]
    Local,
    /// The server closed it properly.
    #[error("closed by the server")]
    Peer,
    /// The connection ended without the end of the stream.
    #[error("the connection ended")]
    Eof,
    /// Something took too long.
    #[error("{0:?} took too long")]
    TimedOut(Timer),
    /// The server sent a stream error.
    #[error("the server ended the stream: {0}")]
    StreamError(StreamError),
    /// The server did something wrong.
    #[error("the server broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// The configuration wants TLS and the server has none.
    #[error("the server has no TLS")]
    NoTls,
    /// An account was to be made, and the server makes none.
    #[error("the server makes no accounts")]
    NoRegistration,
    /// No mechanism is both offered and allowed.
    #[error("no mechanism is both offered and allowed")]
    NoMechanism,
    /// The server refused the credentials.
    #[error("the server refused: {0}")]
    Refused(SaslFailure),
    /// The server is not to be trusted.
    #[error("authentication was broken off: {0}")]
    Sasl(SaslError),
    /// The server refused to bind a resource.
    #[error("no resource was bound")]
    NotBound,
}

/// A command at the wrong time or with wrong arguments; nothing was changed.
/// See [`Client`](super::Client).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Not logged in yet.
    #[error("not logged in yet")]
    NotReady,
    /// The stream has ended or is ending.
    #[error("the stream has ended")]
    Closed,
    /// Nothing like this was asked for.
    #[error("nothing like this was asked for")]
    NotAsked,
    /// As many requests, or stanzas without acknowledgement, as allowed are in flight.
    #[error("too many requests or stanzas are pending")]
    TooMany,
    /// The request was answered already, by the machine, because it took too long.
    #[error("the request was answered already")]
    Answered,
    /// What was written is not XML.
    #[error(transparent)]
    Write(#[from] crate::xml::WriteError),
}

/// Why [`Client::poll_timeout`](super::Client::poll_timeout) is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The negotiation must be over.
    Negotiation,
    /// The peer must have closed.
    Close,
    /// A request must be answered, by the peer or the host.
    Request,
    /// A space is due, or the question whether the peer is still there.
    KeepAlive,
    /// An acknowledgement is to be asked for.
    AckRequest,
    /// The peer must have acknowledged.
    Ack,
}

impl TimerKey for Timer {
    const ALL: &'static [Self] = &[
        Self::Negotiation,
        Self::Close,
        Self::Request,
        Self::KeepAlive,
        Self::AckRequest,
        Self::Ack,
    ];

    fn index(self) -> usize {
        self as usize
    }
}

impl crate::sm::SmTimer for Timer {
    const ACK_REQUEST: Self = Self::AckRequest;
    const ACK: Self = Self::Ack;
}
