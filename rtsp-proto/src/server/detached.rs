//! Sessions that go from one connection to another (RFC 2326 §3, RFC 7826 §10.2).
//!
//! A session is a value: it is on one connection, or on none. RFC 7826 §10.2 says that a
//! session uses one connection at any given point, the one of the latest request, so to
//! name it on another connection means to move it there.

use super::session::{Session, is_same_id};
use super::{Event, Phase, Server, Timer};
use crate::error::{CommandError, RequestId, SessionKey};
use alloc::boxed::Box;
use core::fmt;
use proto_wire::{Instant, LimitKind};
use thiserror::Error;

/// A session that is on no connection. Whoever has it may attach it to another
/// [`Server`], or let it go.
#[derive(Clone, PartialEq)]
pub struct DetachedSession {
    session: Box<Session>,
    expires_at: Instant,
    /// When it is to be over by a REDIRECT.
    redirect_at: Option<Instant>,
}

/// A session that could not be attached, given back.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct NotAttached {
    /// Why.
    pub error: CommandError,
    /// The session, as it was.
    pub session: DetachedSession,
}

impl NotAttached {
    /// This session could not be attached: [`CommandError::Closed`] when its connection is
    /// gone.
    #[must_use]
    pub const fn new(error: CommandError, session: DetachedSession) -> Self {
        Self { error, session }
    }
}

impl DetachedSession {
    /// The session: its id, its state, its streams.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The id as it is on the wire.
    #[must_use]
    pub fn id(&self) -> &str {
        self.session.id()
    }

    /// When it ends: without a sign of life, or by a REDIRECT that named a time.
    #[must_use]
    pub fn expires_at(&self) -> Instant {
        self.redirect_at.map_or(self.expires_at, |at| at.min(self.expires_at))
    }

    /// Says that the client lives, until `at` at least: RTCP came, for example.
    pub fn keep_until(&mut self, at: Instant) {
        self.expires_at = self.expires_at.max(at);
    }
}

/// Without the id, which is as good as a password.
impl fmt::Debug for DetachedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetachedSession")
            .field("state", &self.session.state())
            .field("streams", &self.session.streams().len())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Gives a session away: this connection knows it no more, and no event says so. What
    /// the client asks in it next is for the connection that it is attached to.
    ///
    /// # Errors
    /// Closed, no such session, [`CommandError::Interleaved`] when a stream is on this
    /// connection, or [`CommandError::Busy`] while a request of the session waits for its
    /// answer.
    pub fn detach_session(
        &mut self,
        now: Instant,
        session: SessionKey,
    ) -> Result<DetachedSession, CommandError> {
        self.check_session(session)?;
        if self.sessions.get(session).is_some_and(Session::is_interleaved) {
            return Err(CommandError::Interleaved);
        }
        if self.current.as_ref().is_some_and(|current| current.session == Some(session)) {
            return Err(CommandError::Busy);
        }
        self.take_out(now, session).ok_or(CommandError::UnknownSession)
    }

    /// Answers [`Event::SessionWanted`]: the session is here from now on, and the request
    /// goes on. To refuse, answer the request with
    /// [`refuse`](Self::refuse)`(now, id, StatusCode::SESSION_NOT_FOUND)`.
    ///
    /// # Errors
    /// The session is given back when the connection is closed, no such request waits for
    /// a session, it names another one, the session has a stream on another connection, or
    /// there are too many here.
    pub fn attach_session(
        &mut self,
        now: Instant,
        id: RequestId,
        session: DetachedSession,
    ) -> Result<SessionKey, NotAttached> {
        if let Err(error) = self.check_attach(id, &session) {
            return Err(NotAttached { error, session });
        }
        let key = self.sessions.insert(*session.session);
        if let Some(at) = session.redirect_at {
            self.timers.set(Timer::Redirect(key), at);
        }
        if let Some(mut current) = self.current.take() {
            current.phase = Phase::Asked;
            current.session = Some(key);
            // Whoever it was given to has it now.
            if let Some(session) = self.sessions.get_mut(key).filter(|_| current.user.is_some()) {
                session.user.clone_from(&current.user);
            }
            self.judge_in_session(now, current);
        }
        self.work(now);
        Ok(key)
    }

    fn check_attach(&self, id: RequestId, session: &DetachedSession) -> Result<(), CommandError> {
        self.check_open()?;
        let current = self.current.as_ref().filter(|current| current.id == id);
        let Some(Phase::WantsSession(wanted)) = current.map(|current| &current.phase) else {
            return Err(CommandError::UnknownRequest);
        };
        if !is_same_id(session.id().as_bytes(), wanted.as_bytes()) {
            return Err(CommandError::UnknownSession);
        }
        if session.session.is_interleaved() {
            return Err(CommandError::Interleaved);
        }
        if self.sessions.len() >= self.config.sessions_max {
            return Err(CommandError::Limit(LimitKind::Sessions));
        }
        Ok(())
    }

    /// The connection ends: what can live without it leaves.
    pub(super) fn leave(&mut self, now: Instant) {
        let outlives = |session: &Session| !session.streams.is_empty() && !session.is_interleaved();
        let keys = self.sessions.iter().filter(|(_, session)| outlives(session));
        let keys: alloc::vec::Vec<_> = keys.map(|(key, _)| key).collect();
        for key in keys {
            if let Some(detached) = self.take_out(now, key) {
                self.out.event(Event::SessionDetached { session: key, detached });
            }
        }
    }

    fn take_out(&mut self, now: Instant, key: SessionKey) -> Option<DetachedSession> {
        let (expiry, redirect) = (Timer::Session(key), Timer::Redirect(key));
        let (expires_at, redirect_at) = (self.timers.get(&expiry), self.timers.get(&redirect));
        let mut session = self.sessions.remove(key)?;
        // RFC 7826 §18.33: the number is one of this connection.
        session.pipeline = None;
        self.timers.stop(&expiry);
        self.timers.stop(&redirect);
        // Requests of this side go on; what they would have done to the session is moot.
        let expires_at =
            expires_at.unwrap_or_else(|| now.saturating_add(self.config.session_timeout));
        Some(DetachedSession { session: Box::new(session), expires_at, redirect_at })
    }
}
