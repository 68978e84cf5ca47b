//! What machines of servers and components have in common: a stream that opens, carries
//! stanzas, and ends once.

use crate::link::{Link, ProtocolError};
use crate::stream::{STREAM_CLOSE, StreamCondition, StreamError, StreamOpen};
use crate::xml::{Element, FrameKind, Ns, XmlLimits};
use alloc::string::{String, ToString};
use bytes::Bytes;
use core::time::Duration;
use proto_wire::{Instant, TimerKey, TimerTable};
use thiserror::Error;

/// What the host reports. RFC 6120 §4.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes arrived (after TLS, if there is any).
    Data(&'a [u8]),
    /// The connection ended.
    Eof,
    /// The TLS handshake that was asked for is done.
    TlsEstablished,
}

/// Why a stream ended. RFC 6120 §4.4, §4.9.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The host closed it.
    #[error("closed")]
    Local,
    /// The peer closed it properly.
    #[error("closed by the peer")]
    Peer,
    /// The connection ended without the end of the stream.
    #[error("the connection ended")]
    Eof,
    /// Something took too long.
    #[error("{0:?} took too long")]
    TimedOut(Timer),
    /// The peer sent a stream error.
    #[error("the peer ended the stream: {0}")]
    StreamError(StreamError),
    /// The peer did something wrong.
    #[error("the peer broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// The configuration wants TLS and the peer has none.
    #[error("the peer has no TLS")]
    NoTls,
    /// The peer did not accept who this is.
    #[error("the peer did not accept this side")]
    Refused,
}

/// A command at the wrong time; nothing was changed. A closed stream stays closed (RFC 6120 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The stream is not that far yet.
    #[error("the stream is not ready")]
    NotReady,
    /// The stream has ended or is ending.
    #[error("the stream has ended")]
    Closed,
    /// Nothing like this was asked for.
    #[error("nothing like this was asked for")]
    NotAsked,
    /// The pair of domains is not authorized on this stream.
    #[error("the pair of domains is not authorized on this stream")]
    NotAuthorized,
    /// As many as allowed are pending.
    #[error("too many are pending")]
    TooMany,
}

/// Why the machine wants to be called. RFC 6120 §4.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The negotiation must be over.
    Negotiation,
    /// The peer must have closed.
    Close,
    /// A space is due.
    KeepAlive,
}

impl TimerKey for Timer {
    const ALL: &'static [Self] = &[Self::Negotiation, Self::Close, Self::KeepAlive];

    fn index(self) -> usize {
        self as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    Closing,
    Closed,
}

/// The frame that a machine has to deal with itself.
pub(crate) enum Frame {
    Header(Bytes),
    Element(Bytes),
}

/// The stream without its meaning. `E` are the events of the machine around it; `closed`
/// makes its last one.
pub(crate) struct Core<E> {
    pub(crate) link: Link<E>,
    pub(crate) timers: TimerTable<Timer, 3>,
    life: Life,
    reason: Option<CloseReason>,
    closed: fn(CloseReason) -> E,
    content: Ns,
    keep_alive: Option<Duration>,
    close_timeout: Duration,
    /// Our header of this stream is sent.
    pub(crate) opened: bool,
    /// The host does a handshake: no byte may come in clear.
    pub(crate) handshake: bool,
    /// Stanzas may be sent.
    pub(crate) ready: bool,
    /// This side closed with an error.
    expelled: bool,
}

impl<E> Core<E> {
    pub(crate) fn new(
        limits: XmlLimits,
        content: Ns,
        keep_alive: Option<Duration>,
        close_timeout: Duration,
        closed: fn(CloseReason) -> E,
    ) -> Self {
        Self {
            link: Link::new(limits),
            timers: TimerTable::new(),
            life: Life::Open,
            reason: None,
            closed,
            content,
            keep_alive,
            close_timeout,
            opened: false,
            handshake: false,
            ready: false,
            expelled: false,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.life == Life::Closed
    }

    pub(crate) fn is_open(&self) -> bool {
        self.life == Life::Open
    }

    /// Sends a header; `dialback` declares the prefix `db` (XEP-0220 §2).
    pub(crate) fn open(&mut self, header: StreamOpen<'_>, dialback: bool, version: bool) {
        let mut text = header.write(self.content).unwrap_or_default();
        // The first `version` is that of the XML declaration.
        if let Some((before, after)) = text.rsplit_once(" version='1.0'") {
            let dialback = if dialback { " xmlns:db='jabber:server:dialback'" } else { "" };
            let version = if version { " version='1.0'" } else { "" };
            text = alloc::format!("{before}{dialback}{version}{after}");
        }
        self.opened = true;
        self.link.send(text);
    }

    /// A new stream begins on the same connection (RFC 6120 §4.3.3).
    pub(crate) fn restart(&mut self) {
        self.link.restart();
        self.opened = false;
    }

    /// The next frame that means something to the machine. Ends, keep-alives and faults are
    /// dealt with here.
    pub(crate) fn next_frame(&mut self) -> Option<Frame> {
        loop {
            if self.life == Life::Closed {
                self.link.drop_rest();
                return None;
            }
            if self.handshake {
                if self.link.has_rest() {
                    self.link.drop_rest();
                    self.end(CloseReason::Protocol(ProtocolError::Injection));
                }
                return None;
            }
            match self.link.next_frame() {
                Ok(None) => return None,
                Ok(Some((FrameKind::Whitespace, _))) => {}
                // A header behind our end of the stream gets no answer (RFC 6120 §4.4).
                Ok(Some((FrameKind::StreamOpen, _))) if self.life != Life::Open => {}
                Ok(Some((FrameKind::StreamOpen, bytes))) => return Some(Frame::Header(bytes)),
                Ok(Some((FrameKind::StreamClose, _))) => {
                    let reason = match self.reason.take() {
                        Some(reason) => reason,
                        None => {
                            self.link.send(STREAM_CLOSE.to_string());
                            CloseReason::Peer
                        }
                    };
                    self.end(reason);
                }
                Ok(Some((FrameKind::Element, bytes))) => {
                    let element = self.link.scanner.element(&bytes);
                    if let Some(error) = element.and_then(StreamError::read) {
                        if self.reason.is_none() {
                            self.link.send(STREAM_CLOSE.to_string());
                        }
                        self.end(CloseReason::StreamError(error));
                    } else if self.life == Life::Open || self.still_counts(element) {
                        return Some(Frame::Element(bytes));
                    }
                }
                Err(error) => {
                    self.link.drop_rest();
                    self.fail(ProtocolError::Xml(error));
                }
            }
        }
    }

    /// Stanzas that were on their way when this side closed (RFC 6120 §4.4); behind an error nothing is.
    fn still_counts(&self, element: Option<Element<'_>>) -> bool {
        let closing = self.life == Life::Closing && self.ready && !self.expelled;
        closing && element.is_some_and(|element| element.ns() == self.content)
    }

    pub(crate) fn eof(&mut self) {
        let reason = self.reason.take();
        self.end(reason.unwrap_or(CloseReason::Eof));
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::Negotiation => {
                    self.send_error(StreamCondition::ConnectionTimeout);
                    self.end(CloseReason::TimedOut(timer));
                }
                Timer::Close => {
                    let reason = match self.reason.take() {
                        Some(CloseReason::Local) | None => CloseReason::TimedOut(timer),
                        Some(reason) => reason,
                    };
                    self.end(reason);
                }
                Timer::KeepAlive => self.transmit(now, " ".to_string()),
            }
        }
    }

    /// Sends on a ready stream, and puts the keep-alive off.
    pub(crate) fn transmit(&mut self, now: Instant, text: String) {
        if self.life != Life::Open {
            return;
        }
        self.link.send(text);
        if let (true, Some(silence)) = (self.ready, self.keep_alive) {
            let silence = silence.max(Duration::from_millis(1));
            self.timers.set(Timer::KeepAlive, now.saturating_add(silence));
        }
    }

    /// Stanzas may flow now.
    pub(crate) fn make_ready(&mut self, now: Instant) {
        self.ready = true;
        self.timers.stop(Timer::Negotiation);
        self.transmit(now, String::new());
    }

    pub(crate) fn close(
        &mut self,
        now: Instant,
        condition: Option<StreamCondition>,
    ) -> Result<(), CommandError> {
        if self.life != Life::Open {
            return Err(CommandError::Closed);
        }
        self.open_if_needed();
        if let Some(condition) = condition {
            self.expelled = true;
            self.link.send(StreamError::new(condition).write());
        }
        self.link.send(STREAM_CLOSE.to_string());
        self.reason = Some(CloseReason::Local);
        self.life = Life::Closing;
        self.timers.clear();
        self.timers.set(Timer::Close, now.saturating_add(self.close_timeout));
        Ok(())
    }

    /// The peer broke the protocol: tells it and ends (RFC 6120 §4.9.1).
    pub(crate) fn fail(&mut self, error: ProtocolError) {
        self.send_error(error.condition());
        self.end(CloseReason::Protocol(error));
    }

    pub(crate) fn refuse(&mut self, condition: StreamCondition) {
        self.fail(ProtocolError::Stream(condition));
    }

    /// Ends properly, for a reason of this side.
    pub(crate) fn leave(&mut self, reason: CloseReason) {
        self.link.send(STREAM_CLOSE.to_string());
        self.end(reason);
    }

    fn send_error(&mut self, condition: StreamCondition) {
        if self.life != Life::Open {
            return;
        }
        self.open_if_needed();
        self.link.send(StreamError::new(condition).write());
        self.link.send(STREAM_CLOSE.to_string());
    }

    /// There must be something to put an error, or an end, in (RFC 6120 §4.9.1.2).
    fn open_if_needed(&mut self) {
        if !self.opened {
            self.open(StreamOpen::new(), false, true);
        }
    }

    pub(crate) fn end(&mut self, reason: CloseReason) {
        if self.life == Life::Closed {
            return;
        }
        self.life = Life::Closed;
        self.timers.clear();
        self.link.event((self.closed)(reason));
    }

    pub(crate) fn check(&self) -> Result<(), CommandError> {
        match self.life {
            Life::Open if self.ready => Ok(()),
            Life::Open => Err(CommandError::NotReady),
            _ => Err(CommandError::Closed),
        }
    }
}

/// The four verbs of a machine around a [`Core`] in the field `core`.
macro_rules! machine {
    ($name:ident, $event:ty, $closed:path) => {
        impl $name {
            /// Whether it is done: the last event was or will be the end.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.core.is_closed()
            }

            /// When the next timer fires, and which.
            #[must_use]
            pub fn next_timer(&self) -> Option<(proto_wire::Instant, $crate::endpoint::Timer)> {
                self.core.timers.next()
            }

            /// Takes what the host reports.
            pub fn handle_input(
                &mut self,
                now: proto_wire::Instant,
                input: $crate::endpoint::Input<'_>,
            ) {
                if self.core.is_closed() {
                    return;
                }
                match input {
                    $crate::endpoint::Input::Data(data) => {
                        // An answer may have led to the next question since.
                        if !self.is_full() {
                            self.core.link.feed(data);
                            self.run(now);
                        }
                        if self.is_full() {
                            self.core.refuse($crate::stream::StreamCondition::PolicyViolation);
                        }
                    }
                    $crate::endpoint::Input::Eof => self.core.eof(),
                    $crate::endpoint::Input::TlsEstablished => self.tls_established(now),
                }
            }

            /// Lets time act.
            pub fn handle_timeout(&mut self, now: proto_wire::Instant) {
                self.core.expire(now);
            }

            /// The next thing to do.
            #[must_use]
            pub fn poll_output(&mut self) -> Option<proto_wire::Output<bytes::Bytes, $event>> {
                self.core.link.poll()
            }

            /// When it must be called for time's sake.
            #[must_use]
            pub fn poll_timeout(&self) -> Option<proto_wire::Instant> {
                self.core.timers.next().map(|(at, _)| at)
            }

            /// Ends the stream properly (RFC 6120 §4.4).
            ///
            /// # Errors
            /// It has ended or is ending.
            pub fn close(
                &mut self,
                now: proto_wire::Instant,
            ) -> Result<(), $crate::endpoint::CommandError> {
                self.core.close(now, None)
            }

            /// Ends the stream with an error, such as `system-shutdown`.
            ///
            /// # Errors
            /// It has ended or is ending.
            pub fn expel(
                &mut self,
                now: proto_wire::Instant,
                condition: $crate::stream::StreamCondition,
            ) -> Result<(), $crate::endpoint::CommandError> {
                self.core.close(now, Some(condition))
            }
        }

        impl proto_wire::Machine for $name {
            type Input<'a> = $crate::endpoint::Input<'a>;
            type Transmit = bytes::Bytes;
            type Event = $event;

            fn handle_input(
                &mut self,
                now: proto_wire::Instant,
                input: $crate::endpoint::Input<'_>,
            ) {
                Self::handle_input(self, now, input);
            }

            fn handle_timeout(&mut self, now: proto_wire::Instant) {
                Self::handle_timeout(self, now);
            }

            fn poll_output(&mut self) -> Option<proto_wire::Output<bytes::Bytes, $event>> {
                Self::poll_output(self)
            }

            fn poll_timeout(&self) -> Option<proto_wire::Instant> {
                Self::poll_timeout(self)
            }
        }

        impl proto_wire::StreamMachine for $name {
            fn handle_data(&mut self, now: proto_wire::Instant, data: &[u8]) {
                self.handle_input(now, $crate::endpoint::Input::Data(data));
            }

            fn handle_eof(&mut self, now: proto_wire::Instant) {
                self.handle_input(now, $crate::endpoint::Input::Eof);
            }

            fn is_closed(event: &$event) -> bool {
                matches!(event, $closed(_))
            }

            fn wants_input(&self) -> bool {
                Self::wants_input(self)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("phase", &self.phase)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use machine;
