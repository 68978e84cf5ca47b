//! What a server's connection takes, tells and refuses.

use crate::ext::register::Submission;
use crate::jid::{Jid, JidError};
use crate::link::ProtocolError;
use crate::sasl::{Mechanism, Secret};
use crate::sm::Delivery;
use crate::stanza::{InvalidStanza, StanzaBuf};
use crate::stream::{StreamCondition, StreamError};
use alloc::string::String;
use bytes::Bytes;
use proto_wire::TimerKey;
use thiserror::Error;

/// What the host reports.
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

/// What a connection tells its host. RFC 6120 §4, §8.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Do the TLS handshake now (the go-ahead stands before this in the queue), then report
    /// [`Input::TlsEstablished`].
    StartTls,
    /// Somebody logs in: answer with
    /// [`ServerConnection::credentials`](super::ServerConnection::credentials).
    CredentialsNeeded {
        /// The user name, as the client wrote it.
        user: String,
        /// How.
        mechanism: Mechanism,
        /// The password, when the mechanism shows it (PLAIN).
        password: Option<Secret>,
    },
    /// Somebody wants an account (XEP-0077) and asks what must be known: answer with
    /// [`ServerConnection::registration_form`](super::ServerConnection::registration_form) or
    /// [`ServerConnection::refuse_registration`](super::ServerConnection::refuse_registration).
    RegistrationFormNeeded,
    /// Make this account: answer with
    /// [`ServerConnection::registered`](super::ServerConnection::registered) or
    /// [`ServerConnection::refuse_registration`](super::ServerConnection::refuse_registration).
    RegistrationSubmitted(Submission),
    /// The client is who it says.
    Authenticated {
        /// The account.
        jid: Jid,
    },
    /// The client wants a resource: answer with
    /// [`ServerConnection::bind`](super::ServerConnection::bind) or
    /// [`ServerConnection::refuse_bind`](super::ServerConnection::refuse_bind).
    BindRequested {
        /// The account.
        account: Jid,
        /// The resource that it asks for; in SASL 2 the server chooses.
        resource: Option<String>,
        /// What a resource chosen by the server is to begin with (XEP-0386 §3.2.1), as in
        /// `tag/something`.
        tag: Option<String>,
        /// Carbons are to be enabled with it (XEP-0280).
        carbons: bool,
    },
    /// The client has proved who it is; is that enough? Only with
    /// [`ServerConfig::with_tasks`](super::ServerConfig::with_tasks), in SASL 2: answer with
    /// [`ServerConnection::accept_tasks`](super::ServerConnection::accept_tasks),
    /// [`ServerConnection::require_tasks`](super::ServerConnection::require_tasks) or
    /// [`ServerConnection::refuse_tasks`](super::ServerConnection::refuse_tasks).
    TasksNeeded {
        /// The account.
        account: Jid,
    },
    /// The client does this one of the tasks: answer likewise, or with
    /// [`ServerConnection::send_task_data`](super::ServerConnection::send_task_data).
    TaskChosen {
        /// Which.
        task: String,
        /// The element `<next/>` as a text that stands alone, with what the task begins with.
        data: Secret,
    },
    /// What the client says in its task: answer likewise.
    TaskData {
        /// The element `<task-data/>` as a text that stands alone.
        data: Secret,
    },
    /// The client, which is authenticated, wants a token for its next login (XEP-0484):
    /// answer with [`ServerConnection::issue_token`](super::ServerConnection::issue_token) or
    /// [`ServerConnection::refuse_token`](super::ServerConnection::refuse_token).
    /// [`ServerConnection::user_agent`](super::ServerConnection::user_agent) says which
    /// installation it is.
    TokenRequested {
        /// The account.
        account: Jid,
        /// The only mechanism that the token may be used with.
        mechanism: Mechanism,
    },
    /// The client logged in with a token. Those issued before it are invalid now.
    TokenUsed {
        /// The account.
        account: Jid,
        /// Which of the tokens that the host gave.
        index: usize,
        /// The client wants it to be invalid from now on.
        invalidate: bool,
    },
    /// The client wants to go on with the session of a former connection (XEP-0198 §5):
    /// answer with [`ServerConnection::resume`](super::ServerConnection::resume) or
    /// [`ServerConnection::refuse_resume`](super::ServerConnection::refuse_resume). The name
    /// alone proves nothing: the session must be one of this account.
    ResumeRequested {
        /// The account.
        account: Jid,
        /// The name of the session.
        id: String,
    },
    /// A stanza for the client was acknowledged or sent again (XEP-0198).
    Delivery(Delivery),
    /// A valid stanza of the bound client. Its `from` is absent or the client's own; whoever
    /// forwards it stamps the full address (RFC 6120 §8.1.2.1).
    Stanza(StanzaBuf),
    /// The client says whether its user looks at it (XEP-0352); it did before it said so. Tell
    /// the [`Router`](super::Router::set_active).
    ClientState {
        /// Whether he does.
        active: bool,
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

/// Why a connection ended. RFC 6120 §4.4, §4.9.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The host closed it.
    #[error("closed")]
    Local,
    /// The client closed it properly.
    #[error("closed by the client")]
    Peer,
    /// The connection ended without the end of the stream.
    #[error("the connection ended")]
    Eof,
    /// Something took too long.
    #[error("{0:?} took too long")]
    TimedOut(Timer),
    /// The client sent a stream error.
    #[error("the client ended the stream: {0}")]
    StreamError(StreamError),
    /// The client did something wrong.
    #[error("the client broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// The host ended it with this stream error.
    #[error("ended with {0}")]
    Expelled(StreamCondition),
    /// Too many failed attempts to log in.
    #[error("too many failed attempts to log in")]
    TooManyAttempts,
}

/// A command at the wrong time or with wrong arguments; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No resource is bound yet.
    #[error("no resource is bound yet")]
    NotReady,
    /// The stream has ended or is ending.
    #[error("the stream has ended")]
    Closed,
    /// Nothing like this was asked for.
    #[error("nothing like this was asked for")]
    NotAsked,
    /// As many stanzas as allowed wait for an acknowledgement: the client seems to be gone.
    #[error("too many stanzas are not acknowledged")]
    TooMany,
    /// The session is not the one that the client asked for, or not of this account.
    #[error("not the session that was asked for")]
    WrongSession,
    /// The resource is not one.
    #[error("the resource is malformed: {0}")]
    Resource(JidError),
}

/// Why [`ServerConnection::poll_timeout`](super::ServerConnection::poll_timeout) is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The negotiation must be over.
    Negotiation,
    /// The peer must have closed.
    Close,
    /// The client must have said something.
    Idle,
    /// A space is due, or the question whether the client is still there.
    KeepAlive,
    /// An acknowledgement is to be asked for.
    AckRequest,
    /// The client must have acknowledged.
    Ack,
}

impl TimerKey for Timer {
    const ALL: &'static [Self] =
        &[Self::Negotiation, Self::Close, Self::Idle, Self::KeepAlive, Self::AckRequest, Self::Ack];

    fn index(self) -> usize {
        self as usize
    }
}

impl crate::sm::SmTimer for Timer {
    const ACK_REQUEST: Self = Self::AckRequest;
    const ACK: Self = Self::Ack;
}
