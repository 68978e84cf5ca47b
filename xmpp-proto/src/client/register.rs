//! An account is made before the login (XEP-0077 §3.1.1).

use super::negotiate::Next;
use super::{Client, CloseReason, CommandError, Event, Phase};
use crate::ext::register;
use crate::stanza::{Condition, Iq, IqKind, StanzaBuf};
use crate::stream::STREAM_CLOSE;
use crate::xml::Writer;
use alloc::string::ToString;
use bytes::Bytes;
use proto_wire::Instant;

/// What a registration waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registering {
    /// The server's form.
    Form,
    /// The host's answers.
    Host,
    /// The server's verdict.
    Verdict,
}

impl Client {
    /// Begins it, when it is wanted and not done; `false` when the login is next.
    pub(super) fn start_registration(&mut self) -> bool {
        if !self.config.registration || self.registered {
            return false;
        }
        let reason = match (self.features.registration, self.secure) {
            (false, _) => CloseReason::NoRegistration,
            // The password is in it as it is (§3.3, §8).
            (true, false) if !self.config.plain_without_tls => CloseReason::NoTls,
            _ => {
                let phase = Phase::Registering(Registering::Form);
                self.send_step(phase, IqKind::Get, register::write_request);
                return true;
            }
        };
        self.link.send(STREAM_CLOSE.to_string());
        self.end(reason);
        true
    }

    pub(super) fn read_registration(step: Registering, iq: &Iq<'_>) -> Next {
        let error = || iq.error().map_or(Condition::UndefinedCondition, |error| error.condition);
        match (step, iq.kind()) {
            (Registering::Form, Some(IqKind::Result)) => Next::RegistrationForm,
            (Registering::Verdict, Some(IqKind::Result)) => Next::Registered,
            (Registering::Form | Registering::Verdict, Some(IqKind::Error)) => {
                Next::RegistrationRefused(error())
            }
            _ => Next::Nothing,
        }
    }

    pub(super) fn take_form(&mut self, bytes: &[u8]) {
        let bytes = Bytes::copy_from_slice(bytes);
        if let Ok(form) = StanzaBuf::from_frame(bytes, &self.link.scanner) {
            self.phase = Phase::Registering(Registering::Host);
            self.link.event(Event::RegistrationForm(form));
        }
    }

    pub(super) fn take_refusal(&mut self, condition: Condition) {
        if matches!(self.phase, Phase::Registering(Registering::Verdict)) {
            self.phase = Phase::Registering(Registering::Host);
            return self.link.event(Event::RegistrationRefused { condition });
        }
        self.link.send(STREAM_CLOSE.to_string());
        self.end(CloseReason::NoRegistration);
    }

    pub(super) fn take_account(&mut self, now: Instant) {
        self.registered = true;
        self.link.event(Event::Registered);
        let features = self.features.clone();
        self.choose(now, features);
    }

    /// Answers [`Event::RegistrationForm`], or [`Event::RegistrationRefused`] once more, with
    /// values for the fields. The login follows with the configured account and password, or
    /// [`Event::PasswordNeeded`].
    ///
    /// # Errors
    /// Nothing was asked for, or the values are not XML.
    pub fn register(&mut self, now: Instant, fields: &[(&str, &str)]) -> Result<(), CommandError> {
        let _ = now;
        self.check_registering()?;
        // The names are checked before anything changes.
        let mut w = Writer::new();
        register::write_submission(&mut w, fields.iter().copied());
        drop(zeroize::Zeroizing::new(w.finish()?));
        let phase = Phase::Registering(Registering::Verdict);
        self.send_step(phase, IqKind::Set, |w| {
            register::write_submission(w, fields.iter().copied());
        });
        Ok(())
    }

    /// Answers [`Event::RegistrationForm`] or [`Event::RegistrationRefused`]: no account is
    /// made, and the login follows. So it is when the account exists already.
    ///
    /// # Errors
    /// Nothing was asked for.
    pub fn skip_registration(&mut self, now: Instant) -> Result<(), CommandError> {
        self.check_registering()?;
        self.registered = true;
        let features = self.features.clone();
        self.choose(now, features);
        Ok(())
    }

    const fn check_registering(&self) -> Result<(), CommandError> {
        match self.phase {
            Phase::Registering(Registering::Host) => Ok(()),
            Phase::Closing | Phase::Closed => Err(CommandError::Closed),
            _ => Err(CommandError::NotAsked),
        }
    }
}
