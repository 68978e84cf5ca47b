//! Messages that go out, in pager mode (RFC 3428 §4, §8).

use super::{MessageId, Purpose, UaEvent, UserAgent};
use crate::endpoint::CommandError;
use crate::message::{Method, StatusCode};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use bytes::Bytes;
use proto_wire::{Instant, LimitKind};

/// The messages that are out, at most one per target, and those behind them.
#[derive(Debug, Default)]
pub(super) struct Pager {
    next: u64,
    out: BTreeMap<MessageId, Draft>,
    waiting: BTreeMap<String, VecDeque<(MessageId, Draft)>>,
}

#[derive(Debug)]
struct Draft {
    to: String,
    content_type: String,
    body: Bytes,
    call_id: String,
    cseq: u32,
}

impl UserAgent {
    /// Sends a message to a URI. While one to the same URI is without an answer, the next ones
    /// wait (RFC 3428 §8). The outcome is [`UaEvent::Delivered`], [`UaEvent::Refused`] or
    /// [`UaEvent::Undelivered`].
    ///
    /// # Errors
    /// [`LimitKind::Queue`] when too many wait, [`CommandError::TooLong`] when the message needs
    /// a stream and [`UaConfig::outbound_stream`](super::UaConfig::outbound_stream) has none,
    /// and what is wrong with the URI or the type.
    pub fn send_message(
        &mut self,
        now: Instant,
        to: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<MessageId, CommandError> {
        self.now = self.now.max(now);
        let id = MessageId(self.pager.next);
        self.pager.next = self.pager.next.wrapping_add(1);
        let draft = Draft {
            to: String::from(to),
            content_type: String::from(content_type),
            body: body.into(),
            call_id: self.new_call_id(),
            cseq: 1,
        };
        if self.pager.out.values().any(|d| d.to == to) {
            let queue = self.pager.waiting.entry(String::from(to)).or_default();
            if queue.len() >= self.config.queue_max {
                return Err(LimitKind::Queue.into());
            }
            queue.push_back((id, draft));
        } else {
            self.send_draft(id, draft)?;
        }
        self.pump();
        Ok(id)
    }

    fn send_draft(&mut self, id: MessageId, draft: Draft) -> Result<(), CommandError> {
        let (request, answers) = self.start(
            Method::Message,
            &draft.to,
            &draft.to,
            &draft.call_id,
            draft.cseq,
            &draft.body,
        );
        let request = request.body(&draft.content_type, draft.body.clone()).build()?;
        let sent = match self.endpoint.request(self.now, request.view(), self.config.outbound) {
            Err(CommandError::TooLong(length)) => {
                let stream = self.config.outbound_stream.ok_or(CommandError::TooLong(length))?;
                self.endpoint.request(self.now, request.view(), stream)?
            }
            sent => sent?,
        };
        self.sent.insert(sent, Purpose::Message(id, answers));
        self.pager.out.insert(id, draft);
        Ok(())
    }

    pub(super) fn message_answered(&mut self, id: MessageId, status: StatusCode, again: bool) {
        let Some(mut draft) = self.pager.out.remove(&id) else { return };
        let to = draft.to.clone();
        if again {
            // RFC 3261 §22.2: the same Call-ID, the next CSeq.
            draft.cseq = draft.cseq.saturating_add(1);
            if self.send_draft(id, draft).is_ok() {
                return;
            }
        }
        self.tell(if status.is_success() {
            UaEvent::Delivered { id, status }
        } else {
            UaEvent::Refused { id, status }
        });
        self.send_next(&to);
    }

    pub(super) fn message_failed(&mut self, id: MessageId) {
        let Some(draft) = self.pager.out.remove(&id) else { return };
        self.tell(UaEvent::Undelivered { id });
        self.send_next(&draft.to);
    }

    fn send_next(&mut self, to: &str) {
        while let Some((id, draft)) = self.pager.waiting.get_mut(to).and_then(VecDeque::pop_front) {
            if self.send_draft(id, draft).is_ok() {
                return;
            }
            self.tell(UaEvent::Undelivered { id });
        }
        self.pager.waiting.remove(to);
    }
}
