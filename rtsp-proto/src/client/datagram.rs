//! `rtspu`: control over datagrams (RFC 2326 §9.1; RTSP 2.0 has it no more).

use super::{Client, Config, Pending, Timer};
use crate::error::{RequestFailure, RequestId};
use crate::headers::Timestamp;
use crate::message::{Response, Version};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::time::Duration;
use proto_wire::{Instant, Seed};

/// Answers that are kept for requests that come again (32). Stops a server that asks without
/// end from filling memory.
const ANSWERS_MAX: usize = 32;
/// Timeouts are not shorter: a fast network has slow servers too.
const SHORTEST: Duration = Duration::from_millis(100);

/// What datagrams need that streams do not.
#[derive(Debug, Default)]
pub(super) struct Unreliable {
    /// The smoothed round-trip time and how much it varies, as TCP has them (RFC 1123).
    round_trip: Option<(Duration, Duration)>,
    /// The newest answers to requests of the server, by their numbers.
    answers: VecDeque<(u32, Bytes)>,
}

impl Unreliable {
    fn measured(&mut self, time: Duration) {
        let quarter = |time: Duration| time.checked_div(4).unwrap_or_default();
        let eighth = |time: Duration| time.checked_div(8).unwrap_or_default();
        self.round_trip = Some(match self.round_trip {
            None => (time, time.checked_div(2).unwrap_or_default()),
            Some((smoothed, varies)) => {
                let off = smoothed.abs_diff(time);
                let varies = varies.saturating_sub(quarter(varies)).saturating_add(quarter(off));
                (smoothed.saturating_sub(eighth(smoothed)).saturating_add(eighth(time)), varies)
            }
        });
    }
}

impl Client {
    /// A client over UDP (`rtspu`, RTSP 1.0 only): every output to transmit is one datagram,
    /// and what arrives comes as [`Input::Datagram`](super::Input::Datagram).
    ///
    /// One request at a time waits for its response, and is sent again until it comes or
    /// [`Config::request_timeout`] is over; commands may still follow each other at once.
    /// What comes twice has an effect once. Nothing is interleaved.
    #[must_use]
    pub fn over_datagrams(now: Instant, config: Arc<Config>, seed: Seed) -> Self {
        let mut client = Self::new(now, config, seed);
        client.is_datagrams = true;
        client.version = Version::V1_0;
        client
    }

    /// Several messages may stand in one datagram (RFC 2326 §9.2), but none in several.
    pub(super) fn take_datagram(&mut self, now: Instant, data: &[u8]) {
        if self.is_datagrams {
            self.receiver.push(data);
            self.work(now);
            // What is not whole in a datagram never will be.
            self.receiver.restart();
        }
    }

    /// The round-trip time to the server, smoothed; only measured
    /// [over datagrams](Self::over_datagrams), by the Timestamp header (RFC 2326 §12.38).
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.unreliable.round_trip.map(|(smoothed, _)| smoothed)
    }

    /// When the request goes out again if there is no answer: after the round-trip time,
    /// then after twice that, and so on.
    pub(super) fn plan_retransmission(&mut self, now: Instant, pending: &Pending) {
        if !self.is_datagrams {
            return;
        }
        let first = match self.unreliable.round_trip {
            Some((smoothed, varies)) => smoothed.saturating_add(varies.saturating_mul(4)),
            None => self.config.round_trip,
        };
        let factor = 1_u32.checked_shl(u32::from(pending.tries)).unwrap_or(u32::MAX);
        let most = self.config.retransmit_max.max(SHORTEST);
        let after = first.saturating_mul(factor).clamp(SHORTEST, most);
        self.timers.set(Timer::Retransmit(pending.id), now.saturating_add(after));
    }

    /// No answer yet: the same request under the same number (RFC 2326 §9.1), with a new
    /// Timestamp, so that its answer tells which of them it answers.
    pub(super) fn retransmit(&mut self, now: Instant, id: RequestId) {
        let Some(cseq) = self.pending.iter().find(|(_, p)| p.id == id).map(|(cseq, _)| *cseq)
        else {
            return;
        };
        let Some(mut pending) = self.pending.remove(&cseq) else {
            return;
        };
        if self.is_moot(&pending) {
            self.timers.stop(&Timer::Request(id));
            self.failed(&pending, RequestFailure::SessionEnded);
            return self.release(now);
        }
        pending.tries = pending.tries.saturating_add(1);
        if let Ok(bytes) = self.encode(now, cseq, &pending) {
            self.out.send(bytes);
        }
        self.plan_retransmission(now, &pending);
        self.pending.insert(cseq, pending);
    }

    /// Takes the time that an answer took, when it says which request it answers.
    pub(super) fn measure(&mut self, now: Instant, pending: &Pending, response: Response<'_>) {
        if !self.is_datagrams {
            return;
        }
        let Ok(Some(echo)) = response.headers().typed::<Timestamp<'_>>() else {
            return;
        };
        let Some(stamp) = stamp_of(echo.value) else {
            return;
        };
        // What was not sent for this request is not measured.
        if stamp < pending.sent_at || stamp > now {
            return;
        }
        let delay = echo.delay.map_or(0, |delay| delay.billionths().max(0));
        let delay = Duration::from_nanos(u64::try_from(delay).unwrap_or(u64::MAX));
        let time = now.saturating_since(stamp).saturating_sub(delay);
        self.unreliable.measured(time);
    }

    /// Whether a response that nobody waits for is one that came twice.
    #[cold]
    #[inline(never)]
    pub(super) fn is_duplicate(&self, cseq: Option<u32>) -> bool {
        self.is_datagrams && cseq.is_some_and(|cseq| cseq != 0 && cseq < self.next_cseq)
    }

    /// Sends an answer to a request of the server, and keeps it for when that comes again.
    pub(super) fn answer(&mut self, cseq: Option<u32>, bytes: Bytes) {
        if let (true, Some(cseq)) = (self.is_datagrams, cseq) {
            if self.unreliable.answers.len() >= ANSWERS_MAX {
                self.unreliable.answers.pop_front();
            }
            self.unreliable.answers.push_back((cseq, bytes.clone()));
        }
        self.out.send(bytes);
    }

    /// Whether the server asks this again: it gets the same answer, once there is one.
    pub(super) fn was_asked(&mut self, cseq: u32) -> bool {
        if !self.is_datagrams {
            return false;
        }
        let known = self.unreliable.answers.iter().find(|(known, _)| *known == cseq);
        if let Some(bytes) = known.map(|(_, bytes)| bytes.clone()) {
            self.out.send(bytes);
            return true;
        }
        self.asked.values().any(|asked| asked.cseq == cseq)
    }
}

/// Seconds on the host's time line, to the microsecond.
pub(super) const fn timestamp(now: Instant) -> Stamp {
    Stamp(now.as_nanos() / 1000)
}

pub(super) struct Stamp(u64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

fn stamp_of(value: &str) -> Option<Instant> {
    let nanos = crate::headers::Decimal::parse(value.as_bytes()).ok()?.billionths();
    // A stamp has no less than microseconds, and rounds down.
    u64::try_from(nanos).ok().map(Instant::from_nanos)
}
