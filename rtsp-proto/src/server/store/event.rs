//! What a store hears and what it tells.

use crate::error::{CommandError, RequestId, SessionEnd, SessionKey};
use crate::message::StatusCode;
use crate::server::{DetachedSession, Event, NotAttached};
use alloc::string::String;
use core::net::IpAddr;

/// Whose a session is: where its client is and who it proved to be. Users that the server
/// itself asks for their proof ([`Config::authentication`](crate::server::Config)) come with its
/// events; name the user here when the host asks by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Owner {
    /// Where the connection comes from; `None` when the host does not care.
    pub address: Option<IpAddr>,
    /// The user, when users prove who they are.
    pub user: Option<String>,
}

impl Owner {
    /// Nobody in particular, at `address`.
    #[must_use]
    pub const fn at(address: IpAddr) -> Self {
        Self { address: Some(address), user: None }
    }

    /// The same, or the user that the event says.
    pub(super) fn proved(&self, user: Option<&String>) -> Self {
        Self { address: self.address, user: user.or(self.user.as_ref()).cloned() }
    }

    /// This user.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }
}

/// What the host reports to a [`SessionStore`](super::SessionStore).
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreInput<'a, C> {
    /// An event of a connection's server: tell all of them, the store picks its own.
    Event {
        /// Which connection.
        connection: C,
        /// Whose it is.
        owner: &'a Owner,
        /// What happened.
        event: &'a Event,
    },
    /// What came of [`StoreEvent::Detach`].
    Left {
        /// Which connection.
        connection: C,
        /// Which session of it.
        session: SessionKey,
        /// What [`Server::detach_session`](crate::server::Server::detach_session) said.
        left: Result<DetachedSession, CommandError>,
    },
    /// What came of [`StoreEvent::Attach`].
    Arrived {
        /// Which connection.
        connection: C,
        /// Which request of it.
        request: RequestId,
        /// What [`Server::attach_session`](crate::server::Server::attach_session) said. When
        /// the connection is gone: [`CommandError::Closed`] and the session.
        arrived: Result<SessionKey, NotAttached>,
    },
    /// A connection is gone and took its sessions with it, without the events of its end: a
    /// thread that died, for example.
    Gone {
        /// Which connection.
        connection: C,
    },
}

/// What the host is to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StoreEvent<C> {
    /// Let this connection give a session away, and report [`StoreInput::Left`].
    Detach {
        /// Which connection.
        connection: C,
        /// Which session of it.
        session: SessionKey,
    },
    /// Give a session to this connection, and report [`StoreInput::Arrived`].
    Attach {
        /// Which connection.
        connection: C,
        /// The request that wants it.
        request: RequestId,
        /// The session.
        session: DetachedSession,
    },
    /// Refuse a request of this connection with this status.
    Refuse {
        /// Which connection.
        connection: C,
        /// Which request of it.
        request: RequestId,
        /// 454, or 503 when it may be asked again.
        status: StatusCode,
    },
    /// A session that was on no connection is over. Stop its media.
    Ended {
        /// The session.
        session: DetachedSession,
        /// Why: nobody asked for it in time, or there was no room for it.
        reason: SessionEnd,
    },
}

/// Why a [`SessionStore`](super::SessionStore) wants to be woken. The number is its own name
/// for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StoreTimer {
    /// A session on no connection was silent for its time.
    Expiry(u64),
    /// A connection does not give a session away.
    Move(u64),
}
