//! When to connect again, and whether at all (RFC 6120 §3.3).

use super::CloseReason;
use crate::sasl::SaslFailure;
use crate::stream::StreamCondition;
use alloc::string::String;
use core::time::Duration;
use proto_wire::{Instant, Rng, Seed};

/// How long to wait between attempts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReconnectPolicy {
    /// The first attempt comes within this time, nobody knows when (60 s): after the fall of a
    /// server its clients must not come back all at once.
    pub first_max: Duration,
    /// The longest wait (15 min). Each failed attempt doubles the wait up to it.
    pub delay_max: Duration,
    /// A connection that was ready for this long was a success (60 s): then waits begin anew.
    /// Shorter ones do not count, so that a stanza which ends the stream again and again does
    /// not make a loop.
    pub stable_after: Duration,
    /// Failed attempts in a row after which it is given up (none: never).
    pub attempts_max: Option<u32>,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            first_max: Duration::from_secs(60),
            delay_max: Duration::from_secs(15 * 60),
            stable_after: Duration::from_secs(60),
            attempts_max: None,
        }
    }
}

impl ReconnectPolicy {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets within what time the first attempt comes, and the longest wait.
    #[must_use]
    pub const fn with_delays(mut self, first_max: Duration, delay_max: Duration) -> Self {
        (self.first_max, self.delay_max) = (first_max, delay_max);
        self
    }

    /// Sets after how many failed attempts in a row it is given up.
    #[must_use]
    pub const fn with_attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = Some(attempts);
        self
    }
}

/// What to do after the end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Connect again then: with [`Client::resume`](super::Client::resume) where there is a
    /// session, and with TLS session resumption if the host can.
    At(Instant),
    /// The server says to connect there (RFC 6120 §4.9.3.19): a host with or without a port, or over a
    /// WebSocket a URI (RFC 7395 §3.6.1). The certificate must still be that of the account's domain, and
    /// the stream as safe as before.
    Elsewhere(String),
    /// It would be in vain, or harm: somebody must look.
    Never,
}

/// Decides when a client connects again. It opens nothing itself.
///
/// ```
/// use proto_wire::{Instant, Seed};
/// use xmpp_proto::client::{CloseReason, Reconnect, ReconnectPolicy, Retry};
///
/// let mut reconnect = Reconnect::new(ReconnectPolicy::new(), &Seed::from_u64(1));
/// let now = Instant::from_secs(100);
/// // After Event::Closed; after Event::Ready or Event::Resumed it is `reconnect.ready(now)`.
/// let Retry::At(first) = reconnect.closed(now, &CloseReason::Eof) else { panic!("worth a try") };
/// assert!(first <= Instant::from_secs(160));
/// assert_eq!(reconnect.closed(now, &CloseReason::Local), Retry::Never);
/// ```
#[derive(Debug)]
pub struct Reconnect {
    policy: ReconnectPolicy,
    rng: Rng,
    failed: u32,
    ready_at: Option<Instant>,
}

impl Reconnect {
    /// Before the first connection.
    #[must_use]
    pub fn new(policy: ReconnectPolicy, seed: &Seed) -> Self {
        Self { policy, rng: Rng::new(seed), failed: 0, ready_at: None }
    }

    /// The client is logged in.
    pub const fn ready(&mut self, now: Instant) {
        self.ready_at = Some(now);
    }

    /// The connection has ended, or could not be made ([`CloseReason::Eof`]).
    pub fn closed(&mut self, now: Instant, why: &CloseReason) -> Retry {
        let ready_at = self.ready_at.take();
        if ready_at.is_some_and(|at| now.saturating_since(at) >= self.policy.stable_after) {
            self.failed = 0;
        }
        if let CloseReason::StreamError(error) = why {
            let elsewhere = error.other_host.clone();
            // Once: who is sent in circles waits like everybody.
            if let (Some(host), true) = (elsewhere, ready_at.is_none() && self.failed == 0) {
                self.failed = 1;
                return Retry::Elsewhere(host);
            }
        }
        let over = self.policy.attempts_max.is_some_and(|max| self.failed >= max);
        if over || is_final(why) {
            return Retry::Never;
        }
        let doubled = 1_u32.checked_shl(self.failed).unwrap_or(u32::MAX);
        let most = self.policy.first_max.saturating_mul(doubled).min(self.policy.delay_max);
        // Truncated binary exponential backoff; later waits are not shorter than half of theirs.
        let least =
            if self.failed == 0 { Duration::ZERO } else { most.checked_div(2).unwrap_or(most) };
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX);
        let wait =
            least.saturating_add(Duration::from_millis(self.rng.below(span.saturating_add(1))));
        self.failed = self.failed.saturating_add(1);
        Retry::At(now.saturating_add(wait))
    }
}

/// Whether the next attempt would end in the same way, or take the resource from somebody.
const fn is_final(why: &CloseReason) -> bool {
    match why {
        CloseReason::Local
        | CloseReason::NoTls
        | CloseReason::NoMechanism
        | CloseReason::NoRegistration
        | CloseReason::NotBound
        | CloseReason::Sasl(_) => true,
        CloseReason::Refused(failure) => {
            !matches!(failure, SaslFailure::TemporaryAuthFailure | SaslFailure::Aborted)
        }
        CloseReason::StreamError(error) => matches!(
            error.condition,
            StreamCondition::Conflict
                | StreamCondition::HostGone
                | StreamCondition::HostUnknown
                | StreamCondition::InvalidFrom
                | StreamCondition::NotAuthorized
                | StreamCondition::UnsupportedVersion
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Timer;
    use crate::sasl::SaslError;
    use crate::stream::StreamError;
    use alloc::vec::Vec;

    const START: Instant = Instant::from_secs(1000);

    fn waits(seed: u64, policy: ReconnectPolicy, count: usize) -> Vec<u64> {
        let mut reconnect = Reconnect::new(policy, &Seed::from_u64(seed));
        let wait = |retry| match retry {
            Retry::At(at) => Instant::saturating_since(at, START).as_secs(),
            other => panic!("{other:?}"),
        };
        (0..count).map(|_| wait(reconnect.closed(START, &CloseReason::Eof))).collect()
    }

    #[test]
    fn waits_are_unpredictable_and_double_up_to_a_limit() {
        let mut firsts = Vec::new();
        for seed in 0..200 {
            let waits = waits(seed, ReconnectPolicy::new(), 40);
            for (n, wait) in waits.iter().enumerate() {
                let most = 60_u64.saturating_mul(1 << n.min(20)).min(900);
                let least = if n == 0 { 0 } else { most / 2 };
                assert!((least..=most).contains(wait), "attempt {n}: {wait} s");
            }
            firsts.push(waits[0]);
        }
        assert!(firsts.iter().any(|wait| *wait < 10) && firsts.iter().any(|wait| *wait > 50));
        firsts.sort_unstable();
        firsts.dedup();
        assert!(firsts.len() > 40, "clients come back at different times");
    }

    #[test]
    fn attempts_max_gives_up_and_a_stable_connection_begins_anew() {
        let policy = ReconnectPolicy::new().with_attempts_max(2);
        let mut reconnect = Reconnect::new(policy, &Seed::from_u64(1));
        let eof = &CloseReason::Eof;
        assert!(matches!(reconnect.closed(START, eof), Retry::At(_)));
        // A login that does not last is a failure, too: no loop of logins.
        reconnect.ready(START);
        assert!(matches!(
            reconnect.closed(START.saturating_add(Duration::from_secs(59)), eof),
            Retry::At(_)
        ));
        assert_eq!(reconnect.closed(START, eof), Retry::Never);
        reconnect.ready(START);
        let later = START.saturating_add(Duration::from_secs(60));
        for _ in 0..2 {
            assert!(matches!(reconnect.closed(later, eof), Retry::At(_)));
        }
        assert_eq!(reconnect.closed(later, eof), Retry::Never);
    }

    #[test]
    fn some_ends_are_final_and_some_lead_elsewhere() {
        let stream = |condition| CloseReason::StreamError(StreamError::new(condition));
        for (why, again) in [
            (CloseReason::Peer, true),
            (CloseReason::TimedOut(Timer::Ack), true),
            (stream(StreamCondition::SystemShutdown), true),
            (stream(StreamCondition::PolicyViolation), true),
            // Without an address it says nothing.
            (stream(StreamCondition::SeeOtherHost), true),
            (CloseReason::Refused(SaslFailure::TemporaryAuthFailure), true),
            (CloseReason::Local, false),
            (CloseReason::NoTls, false),
            (CloseReason::Refused(SaslFailure::NotAuthorized), false),
            (CloseReason::Sasl(SaslError::Signature), false),
            // Two clients of one resource would throw each other out for ever.
            (stream(StreamCondition::Conflict), false),
            (stream(StreamCondition::HostUnknown), false),
        ] {
            let mut reconnect = Reconnect::new(ReconnectPolicy::new(), &Seed::from_u64(3));
            assert_eq!(matches!(reconnect.closed(START, &why), Retry::At(_)), again, "{why}");
        }
        let other = CloseReason::StreamError(StreamError::see_other_host("[2001:db8::9]:5222"));
        let mut reconnect = Reconnect::new(ReconnectPolicy::new(), &Seed::from_u64(3));
        let elsewhere = Retry::Elsewhere("[2001:db8::9]:5222".into());
        assert_eq!(reconnect.closed(START, &other), elsewhere);
        assert!(matches!(reconnect.closed(START, &other), Retry::At(_)), "not in circles");
    }
}
