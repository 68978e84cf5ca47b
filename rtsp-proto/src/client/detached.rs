//! Sessions that move from one connection to another (RFC 2326 §3, RFC 7826 §10.4).

use super::{Client, Event, KeepAlive, Session, Timer};
use crate::error::{CommandError, SessionEnd, SessionKey};
use alloc::boxed::Box;
use proto_wire::{Instant, LimitKind};

/// A session without a connection: what [`Client::attach_session`] takes.
///
/// The server decides whether it knows the session on another connection; one that does not
/// answers 454.
#[derive(Clone, Debug, PartialEq)]
pub struct DetachedSession {
    session: Box<Session>,
    /// When it is to be over by a REDIRECT.
    redirect_at: Option<Instant>,
}

impl DetachedSession {
    /// What is known of it.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Client {
    /// Takes a session out of this connection, without telling the server. Responses that
    /// are still to come change nothing in it.
    ///
    /// # Errors
    /// Closed, no such session, or one that the server has not named yet.
    pub fn detach_session(
        &mut self,
        _now: Instant,
        session: SessionKey,
    ) -> Result<DetachedSession, CommandError> {
        self.check_open()?;
        self.target(session)?.1.ok_or(CommandError::NoSessionId)?;
        self.take_out(session).ok_or(CommandError::UnknownSession)
    }

    /// Goes on with a session of another connection. Unless signs of life are off, one is sent
    /// at once, so that the server learns where the session is (RFC 7826 §10.4).
    ///
    /// Interleaved streams have to be set up again: their channels were those of the other
    /// connection.
    ///
    /// # Errors
    /// Closed, or too many sessions.
    pub fn attach_session(
        &mut self,
        now: Instant,
        detached: &DetachedSession,
    ) -> Result<SessionKey, CommandError> {
        self.check_open()?;
        if self.sessions.len() >= self.config.sessions_max {
            return Err(CommandError::Limit(LimitKind::Sessions));
        }
        let key = SessionKey(self.new_number());
        self.sessions.insert(key, (*detached.session).clone());
        if let Some(at) = detached.redirect_at {
            self.timers.set(Timer::Redirect(key), at);
        }
        if self.config.keep_alive != KeepAlive::Off {
            self.show_life(now, key);
        }
        Ok(key)
    }

    /// The connection ends: what becomes of a session.
    pub(super) fn outlive(&mut self, session: SessionKey) {
        let is_named = self.sessions.get(&session).is_some_and(|known| known.id.is_some());
        if self.config.sessions_outlive && is_named {
            if let Some(detached) = self.take_out(session) {
                return self.out.event(Event::SessionDetached { session, detached });
            }
        }
        self.drop_session(session, SessionEnd::Closed);
    }

    fn take_out(&mut self, key: SessionKey) -> Option<DetachedSession> {
        let redirect_at = self.timers.get(&Timer::Redirect(key));
        self.timers.stop(&Timer::KeepAlive(key));
        self.timers.stop(&Timer::Redirect(key));
        let mut session = Box::new(self.sessions.remove(&key)?);
        for stream in &mut session.streams {
            stream.is_here = false;
        }
        Some(DetachedSession { session, redirect_at })
    }
}
