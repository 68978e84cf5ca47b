//! Control over UDP (`rtspu`, RFC 2326 §9.2; RTSP 1.0 only).
//!
//! One machine for each address that datagrams come from. A request that comes again, with
//! the CSeq that it had, is not done again: it gets the answer that it got, or none while
//! nobody has answered yet. Nothing is interleaved, so SETUP on the control connection is
//! 461. A datagram that makes no sense is answered and forgotten; it breaks nothing.

use super::{Config, Current, Server};
use crate::conn::{Received, Receiver};
use crate::message::{Request, StatusCode, Version};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, Seed};

/// How long a request waits before it is sent again, at first (RFC 2326 §9.2).
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What was asked, and what it was answered with.
#[derive(Debug, Default)]
pub(super) struct Datagrams {
    seen: VecDeque<Seen>,
}

#[derive(Debug)]
struct Seen {
    cseq: u32,
    method: String,
    uri: String,
    answer: Option<Bytes>,
}

impl Seen {
    fn is(&self, request: Request<'_>) -> bool {
        Some(self.cseq) == request.cseq()
            && self.method == request.method_name()
            && self.uri == request.uri()
    }
}

impl Datagrams {
    #[cold]
    #[inline(never)]
    pub(super) fn answered(&mut self, current: &Current, answer: Bytes, replays_max: usize) {
        let view = current.view();
        if let Some(seen) = self.seen.iter_mut().rev().find(|seen| seen.is(view)) {
            seen.answer = Some(answer);
        }
        while self.seen.len() > replays_max {
            // Those that wait for an answer are bounded by `pending_max`.
            let Some(at) = self.seen.iter().position(|seen| seen.answer.is_some()) else { return };
            self.seen.remove(at);
        }
    }
}

impl Server {
    /// A server for the datagrams of one address. Every output to transmit is one datagram.
    #[must_use]
    pub fn over_datagrams(now: Instant, config: Arc<Config>, seed: Seed) -> Self {
        let mut server = Self::new(now, config, seed);
        server.datagrams = Some(Box::default());
        server
    }

    /// Whether nothing is left to be remembered but old answers: no session, no request. A
    /// machine over datagrams has no end of its own; drop it when it is idle for long.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sessions.len() == 0
            && self.current.is_none()
            && self.inbox.is_empty()
            && self.asked.is_empty()
    }

    /// Several messages may stand in one datagram (RFC 2326 §9.2), but none in several.
    #[cold]
    #[inline(never)]
    pub(super) fn take_datagram(&mut self, now: Instant, data: &[u8]) {
        if self.datagrams.is_none() {
            return;
        }
        let mut receiver = Receiver::new(self.config.interleaved_max);
        receiver.push(data);
        loop {
            // What follows the message that ended it, or one too many, is as good as lost on the
            // way: the client sends it again.
            if self.closed || self.inbox.len() >= self.config.pending_max {
                return;
            }
            match receiver.next(&self.config.limits, |_| false) {
                Ok(Some(Received::Media { .. })) => {}
                Ok(Some(Received::Request(request))) => {
                    if !self.is_repeated(request.view()) {
                        self.take(now, Received::Request(request));
                    }
                }
                Ok(Some(Received::Malformed(message))) => {
                    self.reply(message.view().cseq(), Version::V1_0, StatusCode::BAD_REQUEST);
                }
                Ok(Some(received)) => self.take(now, received),
                Ok(None) if receiver.len() == 0 => return,
                Ok(None) | Err(_) => {
                    let cseq = receiver.broken().view().cseq();
                    return self.reply(cseq, Version::V1_0, StatusCode::BAD_REQUEST);
                }
            }
        }
    }

    /// Whether the request was seen before; then its answer goes out again.
    fn is_repeated(&mut self, request: Request<'_>) -> bool {
        let (Some(datagrams), Some(cseq)) = (&mut self.datagrams, request.cseq()) else {
            return false;
        };
        match datagrams.seen.iter().rev().find(|seen| seen.is(request)) {
            Some(seen) => {
                if let Some(answer) = seen.answer.clone() {
                    self.out.send(answer);
                }
                true
            }
            None => {
                let (method, uri) = (request.method_name().into(), request.uri().into());
                datagrams.seen.push_back(Seen { cseq, method, uri, answer: None });
                false
            }
        }
    }
}
