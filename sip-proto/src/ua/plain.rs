//! Requests that are the application's, in calls and outside: what it asks, and what it answers.

use super::event::{CallRef, CommandError, Event, RequestRef};
use super::{NO_ANSWER, Use, UserAgent};
use crate::endpoint::TransactionId;
use crate::message::{HeaderName, Method, RequestBuf, RequestBuilder, ResponseBuilder, StatusCode};
use alloc::string::String;
use bytes::Bytes;
use proto_wire::Instant;

impl UserAgent {
    /// A request of the application got no answer.
    pub(super) fn plain_failed(
        &mut self,
        request: RequestRef,
        call: Option<CallRef>,
        sent: &RequestBuf,
    ) {
        let method = String::from(sent.view().method().as_str());
        let (status, response) = (NO_ANSWER, None);
        self.tell(Event::Reply { request, call, method, status, response });
    }

    fn new_request(&mut self) -> RequestRef {
        let request = RequestRef(self.next_request);
        self.next_request = self.next_request.saturating_add(1);
        request
    }

    /// Sends a request of the application outside of calls: OPTIONS, PUBLISH, or a REGISTER that
    /// asks which contacts there are. The answer is [`Event::Reply`].
    ///
    /// # Errors
    /// [`CommandError::State`] for a method that has a command of its own, and what is wrong with
    /// the URI, the headers or the body.
    pub fn ask(
        &mut self,
        now: Instant,
        uri: &str,
        method: Method<'_>,
        body: Option<(&str, Bytes)>,
        headers: &[(HeaderName, &str)],
    ) -> Result<RequestRef, CommandError> {
        self.advance(now);
        // A contact would be one more registration that nobody keeps alive.
        let binds = method == Method::Register
            && headers.iter().any(|(name, _)| *name == HeaderName::CONTACT);
        if has_own_command(method) || binds || method == Method::Message {
            return Err(CommandError::State("ask"));
        }
        let (call_id, tag) = (self.rng.hex::<24>(), self.rng.hex::<12>());
        let to = if method == Method::Register { self.config.identity.as_str() } else { uri };
        let mut builder = self.outside(method, uri, to, (call_id.as_str(), tag.as_str(), 1));
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        if let Some((kind, body)) = body {
            builder = builder.body(kind, body);
        }
        let built = builder.build()?;
        let request = self.new_request();
        self.send_outside(Use::Plain(request, None), &built, uri)?;
        self.pump();
        Ok(request)
    }

    /// Sends a request of the application in a call: INFO, MESSAGE. The answer is
    /// [`Event::Reply`].
    ///
    /// # Errors
    /// [`CommandError::State`] for a method that has a command of its own, or without a dialog.
    pub fn request(
        &mut self,
        now: Instant,
        call: CallRef,
        method: Method<'_>,
        body: Option<(&str, Bytes)>,
        headers: &[(HeaderName, &str)],
    ) -> Result<RequestRef, CommandError> {
        self.advance(now);
        let own = has_own_command(method) || method == Method::Register;
        let known = self.live(call, "request")?;
        let path = known.path;
        let leg = known.current_mut().filter(|_| !own).ok_or(CommandError::State("request"))?;
        let hop = String::from(leg.dialog.next_hop());
        let mut builder: RequestBuilder = leg.dialog.request(method)?;
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        if let Some((kind, body)) = body {
            builder = builder.body(kind, body);
        }
        let built = builder.build()?;
        let request = self.new_request();
        self.send(Some(Use::Plain(request, Some(call))), &built, &hop, path)?;
        self.pump();
        Ok(request)
    }

    /// Answers an [`Event::Request`], or refuses an [`Event::Referred`].
    ///
    /// # Errors
    /// What the transaction below objects to.
    pub fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: StatusCode,
    ) -> Result<(), CommandError> {
        self.respond_with(now, id, status, |reply| reply)
    }

    /// The same with headers, or a body.
    ///
    /// # Errors
    /// As [`UserAgent::respond`], and what is wrong with what was added.
    pub fn respond_with(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: StatusCode,
        add: impl FnOnce(ResponseBuilder) -> ResponseBuilder,
    ) -> Result<(), CommandError> {
        self.advance(now);
        if self.uses.get(&id) != Some(&Use::Asked) {
            return Err(CommandError::State("respond"));
        }
        let response = add(self.endpoint.reply(id, status)?).build()?;
        self.endpoint.respond(self.now, id, &response)?;
        self.pump();
        Ok(())
    }
}

/// Whether a method has a command of its own, in calls and outside. A MESSAGE has one outside of calls
/// only, and a REGISTER belongs in none.
const fn has_own_command(method: Method<'_>) -> bool {
    matches!(
        method,
        Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Prack
            | Method::Update
            | Method::Refer
    )
}
