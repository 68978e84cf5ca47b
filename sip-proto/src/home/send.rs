//! Messages of the server's own: notices to its users (RFC 3428).

use super::{HomeEvent, HomeServer, MessageId};
use crate::endpoint::{CommandError, Target, TransactionId};
use crate::headers::CSeq;
use crate::message::{HeaderName, Method, RequestBuf, StatusCode};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::LimitKind;

#[derive(Debug)]
pub(super) struct Sent {
    id: MessageId,
    address: String,
}

#[derive(Debug)]
pub(super) struct Draft {
    id: MessageId,
    from: String,
    content_type: String,
    body: Bytes,
    headers: Vec<(HeaderName, String)>,
}

impl HomeServer {
    /// Sends a MESSAGE to a registered user, to the most preferred binding. Messages to one
    /// user go out one after the other (RFC 3428 §8). The outcome is an event.
    ///
    /// `from` is a URI, for example `sip:club@club.example`; `address` is `user@host`.
    ///
    /// # Errors
    /// [`CommandError::State`] when the user has no binding, [`LimitKind::Queue`] when too many
    /// messages wait, and what the endpoint objects to.
    pub fn send_message(
        &mut self,
        now: proto_wire::Instant,
        from: &str,
        address: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<MessageId, CommandError> {
        self.send_message_with(now, from, address, content_type, body, &[])
    }

    /// The same with more headers, such as the Date of a message that was kept for the user.
    ///
    /// # Errors
    /// As [`HomeServer::send_message`], and what is wrong with the headers.
    pub fn send_message_with(
        &mut self,
        now: proto_wire::Instant,
        from: &str,
        address: &str,
        content_type: &str,
        body: impl Into<Bytes>,
        headers: &[(HeaderName, &str)],
    ) -> Result<MessageId, CommandError> {
        self.now = self.now.max(now);
        if self.location.fetch(self.now, address).is_empty() {
            return Err(CommandError::State("send_message"));
        }
        let id = MessageId(self.fresh_id());
        let draft = Draft {
            id,
            from: String::from(from),
            content_type: String::from(content_type),
            body: body.into(),
            headers: headers.iter().map(|(name, value)| (*name, String::from(*value))).collect(),
        };
        let busy = self.own.values().any(|sent| sent.address == address);
        if busy {
            let queue = self.queued.entry(String::from(address)).or_default();
            if queue.len() >= self.config.queue_max {
                return Err(LimitKind::Queue.into());
            }
            queue.push_back(draft);
        } else {
            self.send_draft(address, &draft)?;
        }
        self.pump();
        Ok(id)
    }

    fn send_draft(&mut self, address: &str, draft: &Draft) -> Result<(), CommandError> {
        let bindings = self.location.fetch(self.now, address);
        let binding = bindings.first().ok_or(CommandError::State("send_message"))?;
        let target = self.target_of(binding);
        let mut request =
            RequestBuf::build(Method::Message, crate::dialog::request_uri(&binding.uri));
        for path in &binding.path {
            request = request.header(HeaderName::ROUTE, path);
        }
        for (name, value) in &draft.headers {
            request = request.header(*name, value);
        }
        // RFC 3428 §4: no Contact.
        let request = request
            .header(HeaderName::MAX_FORWARDS, 70)
            .header(HeaderName::FROM, format_args!("<{}>;tag={}", draft.from, self.rng.hex::<12>()))
            .header(HeaderName::TO, format_args!("<sip:{address}>"))
            .header(
                HeaderName::CALL_ID,
                format_args!("{}@{}", self.rng.hex::<24>(), self.config.domain),
            )
            .header(HeaderName::CSEQ, CSeq { number: 1, method: Method::Message })
            .body(&draft.content_type, draft.body.clone())
            .build()?;
        let sent = match self.endpoint.request(self.now, request.view(), target) {
            Err(CommandError::TooLong(_)) => {
                let Target::Address(_, remote) = target else {
                    return Err(CommandError::State("send_message"));
                };
                let stream = Target::Address(crate::Transport::Tcp, remote);
                self.endpoint.request(self.now, request.view(), stream)?
            }
            sent => sent?,
        };
        self.own.insert(sent, Sent { id: draft.id, address: String::from(address) });
        Ok(())
    }

    /// Whether the response is to a message of our own.
    pub(super) fn own_response(&mut self, transaction: TransactionId, status: StatusCode) -> bool {
        if !self.own.contains_key(&transaction) {
            return false;
        }
        if status.is_final() {
            if let Some(sent) = self.own.remove(&transaction) {
                self.tell(HomeEvent::Delivered { id: sent.id, status });
                self.send_next(&sent.address);
            }
        }
        true
    }

    pub(super) fn own_failed(&mut self, transaction: TransactionId) -> bool {
        let Some(sent) = self.own.remove(&transaction) else { return false };
        self.tell(HomeEvent::Undelivered { id: sent.id });
        self.send_next(&sent.address);
        true
    }

    fn send_next(&mut self, address: &str) {
        while let Some(draft) = self.queued.get_mut(address).and_then(VecDeque::pop_front) {
            if self.send_draft(address, &draft).is_ok() {
                return;
            }
            self.tell(HomeEvent::Undelivered { id: draft.id });
        }
        self.queued.remove(address);
    }
}
