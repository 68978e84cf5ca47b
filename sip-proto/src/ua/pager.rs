//! Messages outside of calls, in pager mode (RFC 3428): those that go out, one after the other
//! to each target, and those that come.

use super::bodies::essence;
use super::{CallRef, CommandError, Event, Use, UserAgent};
use crate::endpoint::TransactionId;
use crate::headers::From;
use crate::message::{HeaderName, Method, RequestBuf, StatusCode};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use proto_wire::{Instant, LimitKind};

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u64);

/// The messages that are out, at most one per target, and those behind them.
#[derive(Debug, Default)]
pub(super) struct Pager {
    next: u64,
    /// Of each that is out, its target.
    out: BTreeMap<MessageId, String>,
    waiting: BTreeMap<String, VecDeque<(MessageId, Draft)>>,
}

#[derive(Debug)]
struct Draft {
    content_type: String,
    body: Bytes,
    headers: Vec<(HeaderName, String)>,
}

impl Pager {
    pub(super) fn is_idle(&self) -> bool {
        self.out.is_empty() && self.waiting.is_empty()
    }
}

impl UserAgent {
    /// Sends a message to a URI. While one to the same URI is without an answer, the next ones
    /// wait (RFC 3428 §8). The outcome is [`Event::Delivered`], [`Event::Refused`] or
    /// [`Event::Undelivered`].
    ///
    /// # Errors
    /// [`LimitKind::Queue`] when too many wait, `TooLong` when the message needs a stream and
    /// there is none, and what is wrong with the URI or the type.
    pub fn send_message(
        &mut self,
        now: Instant,
        to: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<MessageId, CommandError> {
        self.send_message_with(now, to, content_type, body, &[])
    }

    /// The same with more headers: Date and Expires, which say how long it is worth showing (RFC 3428
    /// §4; [`Lifetime`](crate::simple::Lifetime) reads them), or Subject.
    ///
    /// # Errors
    /// As [`UserAgent::send_message`], and what is wrong with the headers.
    pub fn send_message_with(
        &mut self,
        now: Instant,
        to: &str,
        content_type: &str,
        body: impl Into<Bytes>,
        headers: &[(HeaderName, &str)],
    ) -> Result<MessageId, CommandError> {
        self.advance(now);
        let id = MessageId(self.pager.next);
        // RFC 3428 §4: there is none.
        if headers.iter().any(|(name, _)| *name == HeaderName::CONTACT) {
            return Err(CommandError::State("send_message_with"));
        }
        let draft = Draft {
            content_type: String::from(content_type),
            body: body.into(),
            headers: headers.iter().map(|(name, value)| (*name, String::from(*value))).collect(),
        };
        if self.pager.out.values().any(|out| out == to) {
            let queue = self.pager.waiting.entry(String::from(to)).or_default();
            if queue.len() >= self.config.queue_max {
                return Err(LimitKind::Queue.into());
            }
            queue.push_back((id, draft));
        } else {
            self.send_draft(id, to, draft)?;
        }
        self.pager.next = self.pager.next.saturating_add(1);
        self.pump();
        Ok(id)
    }

    /// Whether all messages have been answered, or given up.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pager.is_idle()
    }

    fn send_draft(&mut self, id: MessageId, to: &str, draft: Draft) -> Result<(), CommandError> {
        let (call_id, tag) = (self.rng.hex::<24>(), self.rng.hex::<12>());
        let ids = (call_id.as_str(), tag.as_str(), 1);
        let mut request = self.outside(Method::Message, to, to, ids);
        for (name, value) in draft.headers {
            request = request.header(name, value);
        }
        let request = request.body(&draft.content_type, draft.body).build()?;
        self.send_outside(Use::Message(id), &request, to)?;
        self.pager.out.insert(id, String::from(to));
        Ok(())
    }

    /// The final answer to a message of ours; `None` when there was none.
    pub(super) fn message_over(&mut self, id: MessageId, status: Option<StatusCode>) {
        let Some(to) = self.pager.out.remove(&id) else { return };
        self.tell(match status {
            Some(status) if status.is_success() => Event::Delivered { id, status },
            Some(status) => Event::Refused { id, status },
            None => Event::Undelivered { id },
        });
        while let Some((id, draft)) = self.pager.waiting.get_mut(&to).and_then(VecDeque::pop_front)
        {
            if self.send_draft(id, &to, draft).is_ok() {
                return;
            }
            self.tell(Event::Undelivered { id });
        }
        self.pager.waiting.remove(&to);
    }

    /// A message, in a call or outside.
    pub(super) fn receive_message(
        &mut self,
        call: Option<CallRef>,
        id: TransactionId,
        request: RequestBuf,
    ) {
        if self.refuses_message(id, &request) {
            return;
        }
        let headers = request.headers();
        let from: Option<From<'_>> = headers.typed().ok().flatten();
        let from =
            from.and_then(|f| f.uri().ok().map(|u| String::from(u.as_str()))).unwrap_or_default();
        let content_type = headers
            .get(HeaderName::CONTENT_TYPE)
            .map_or_else(|| String::from(essence(headers)), String::from);
        let body = request.body();
        // RFC 3428 §7: 200 without a body and without Contact.
        self.answer_with(id, StatusCode::OK);
        self.tell(Event::Message { call, from, content_type, body, request });
    }
}
