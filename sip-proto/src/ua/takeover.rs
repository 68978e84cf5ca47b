//! INVITEs that want to take the place of a call, or to join one (RFC 3891, RFC 3911).

use super::UserAgent;
use super::event::CallRef;
use super::state::Phase;
use crate::dialog::{DialogId, Role};
use crate::headers::{Join, Replaces};
use crate::message::{HeaderName, RequestBuf, StatusCode};

impl UserAgent {
    /// The call that an INVITE wants to replace (RFC 3891 §3).
    pub(super) fn replaced(&self, request: &RequestBuf) -> Result<Option<CallRef>, StatusCode> {
        let headers = request.headers();
        let mut rows = headers.rows(HeaderName::REPLACES);
        if rows.next().is_none() {
            return Ok(None);
        }
        if rows.next().is_some() {
            return Err(StatusCode::BAD_REQUEST);
        }
        let Ok(Some(wanted)) = headers.typed::<Replaces<'_>>() else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let id = DialogId::new(wanted.call_id, wanted.to_tag, Some(wanted.from_tag));
        let call = *self.dialogs.get(&id).ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
        let known = self.calls.get(&call).ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
        match (known.role, known.phase) {
            (_, Phase::Up | Phase::Answered) if wanted.early_only => Err(StatusCode::BUSY_HERE),
            (_, Phase::Up | Phase::Answered) => Ok(Some(call)),
            // An early dialog can be replaced by who made the call only (§3).
            (Role::Uac, Phase::Ringing | Phase::Calling) => Ok(Some(call)),
            (_, Phase::Ending | Phase::Over | Phase::Cancelling) => Err(StatusCode::DECLINE),
            _ => Err(StatusCode::CALL_DOES_NOT_EXIST),
        }
    }

    /// The call that an INVITE wants to join (RFC 3911 §4); who cannot mix does not look.
    pub(super) fn joined(&self, request: &RequestBuf) -> Result<Option<CallRef>, StatusCode> {
        let headers = request.headers();
        let mut rows = headers.rows(HeaderName::JOIN);
        if !self.config.join || rows.next().is_none() {
            return Ok(None);
        }
        if rows.next().is_some() {
            return Err(StatusCode::BAD_REQUEST);
        }
        let Ok(Some(wanted)) = headers.typed::<Join<'_>>() else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let id = DialogId::new(wanted.call_id, wanted.to_tag, Some(wanted.from_tag));
        let call = *self.dialogs.get(&id).ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
        match self.phase(call) {
            Phase::Ending | Phase::Over | Phase::Cancelling => Err(StatusCode::DECLINE),
            _ => Ok(Some(call)),
        }
    }
}
