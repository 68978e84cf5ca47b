//! Accounts are made before the login (XEP-0077 §3.1.1).

use super::{CloseReason, CommandError, Event, Phase, ServerConnection};
use crate::ext::register::{Form, Request};
use crate::stanza::{Condition, StanzaError};
use crate::stream::{STREAM_CLOSE, Step};
use crate::xml::{Ns, Writer};
use alloc::string::{String, ToString};
use proto_wire::Instant;

impl ServerConnection {
    /// Whether it is offered now: a password must not be seen on the way.
    pub(super) fn registers(&self) -> bool {
        self.config.registration
            && self.reached().allows(Step::Registration)
            && (self.secure || self.config.plain_without_tls)
    }

    /// Takes a request of somebody who is not logged in.
    pub(super) fn registration(&mut self, id: String, request: Result<Request, Condition>) {
        let event = match request {
            // §3.1.1: one account in one connection.
            _ if self.registered => return self.refuse_account(&id, Condition::NotAcceptable),
            Ok(Request::Form) => Event::RegistrationFormNeeded,
            Ok(Request::Submit(submission)) => Event::RegistrationSubmitted(submission),
            // §3.2: nobody has registered here yet.
            Ok(Request::Remove) => return self.refuse_account(&id, Condition::UnexpectedRequest),
            Err(condition) => return self.refuse_account(&id, condition),
        };
        self.phase = Phase::Registering(id);
        self.link.event(event);
    }

    /// Answers [`Event::RegistrationFormNeeded`].
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn registration_form(&mut self, now: Instant, form: &Form<'_>) -> Result<(), CommandError> {
        let id = self.open_registration()?;
        self.say_result(&id, |w| form.write(w));
        self.run(now);
        Ok(())
    }

    /// Answers [`Event::RegistrationSubmitted`]: the account exists now. The client logs in
    /// like any other.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn registered(&mut self, now: Instant) -> Result<(), CommandError> {
        let id = self.open_registration()?;
        self.registered = true;
        self.say_result(&id, |_| {});
        self.run(now);
        Ok(())
    }

    /// Refuses either, for example with `conflict` for a name that is taken, or
    /// `not-acceptable` for a password that is too weak. Refusals count as failed logins.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn refuse_registration(
        &mut self,
        now: Instant,
        condition: Condition,
    ) -> Result<(), CommandError> {
        let id = self.open_registration()?;
        self.refuse_account(&id, condition);
        self.run(now);
        Ok(())
    }

    fn open_registration(&mut self) -> Result<String, CommandError> {
        let Phase::Registering(id) = &mut self.phase else {
            return Err(self.not_asked().err().unwrap_or(CommandError::NotAsked));
        };
        let id = core::mem::take(id);
        self.phase = Phase::Features;
        Ok(id)
    }

    fn say_result(&mut self, id: &str, payload: impl FnOnce(&mut Writer)) {
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", "result").attr("id", id);
        payload(&mut w);
        w.end();
        // A form that is no XML is the host's mistake, and no answer.
        let text = w.finish().unwrap_or_default();
        self.link.send(text);
    }

    fn refuse_account(&mut self, id: &str, condition: Condition) {
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::CLIENT, "iq").attr("type", "error").attr("id", id);
        StanzaError::new(condition).write(&mut w, Ns::CLIENT);
        w.end();
        let text = w.finish().unwrap_or_default();
        self.link.send(text);
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts >= self.config.attempts_max {
            self.link.send(STREAM_CLOSE.to_string());
            self.end(CloseReason::TooManyAttempts);
        }
    }
}
