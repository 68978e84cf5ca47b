//! The timers of RFC 3261 Table 4, RFC 6026 §8.11 and RFC 4320 §4.1.

use super::Reliability;
use core::time::Duration;
use proto_wire::TimerKey;

/// A transaction's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// Sends an INVITE again; doubles without a cap (§17.1.1.2).
    A,
    /// The INVITE client gives up.
    B,
    /// Waits for final responses that come again.
    D,
    /// Sends a non-INVITE request again; doubles up to T2 (§17.1.2.2).
    E,
    /// The non-INVITE client gives up.
    F,
    /// Sends the final response to an INVITE again; doubles up to T2 (§17.2.1).
    G,
    /// The INVITE server gives up waiting for ACK.
    H,
    /// Absorbs ACKs that come again.
    I,
    /// Absorbs non-INVITE requests that come again.
    J,
    /// Absorbs responses that come again.
    K,
    /// Absorbs INVITEs that come again after a 2xx (RFC 6026).
    L,
    /// Waits for more 2xx (RFC 6026).
    M,
    /// The server sends 100 when its user has not answered an INVITE in 200 ms (§17.2.1).
    Trying,
    /// The server sends 100 for another request, when Timer E of the client has reached T2
    /// (RFC 4320 §4.1).
    LateTrying,
    /// The user of a non-INVITE server never answered; by now the client has given up
    /// (its Timer F), and a late answer is forbidden (RFC 4320 §4.2).
    Unanswered,
}

impl TimerKey for Timer {
    const ALL: &'static [Self] = &[
        Self::A,
        Self::B,
        Self::D,
        Self::E,
        Self::F,
        Self::G,
        Self::H,
        Self::I,
        Self::J,
        Self::K,
        Self::L,
        Self::M,
        Self::Trying,
        Self::LateTrying,
        Self::Unanswered,
    ];

    fn index(self) -> usize {
        self as usize
    }
}

/// The values that the timers are made of (RFC 3261 §17.1.1.1, Table 4).
///
/// ```
/// use core::time::Duration;
/// use sip_proto::transaction::{Timer, Timers};
///
/// let timers = Timers::default();
/// // 500 ms, 1 s, 2 s, 4 s, 8 s, 16 s: A has no cap; E stays at T2.
/// assert_eq!(timers.wait(Timer::A, 5), Duration::from_secs(16));
/// assert_eq!(timers.wait(Timer::E, 5), Duration::from_secs(4));
/// assert_eq!(timers.wait(Timer::B, 0), Duration::from_secs(32));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timers {
    /// Estimate of the round trip (500 ms).
    pub t1: Duration,
    /// The longest wait between non-INVITE requests and INVITE responses (4 s).
    pub t2: Duration,
    /// How long a message stays in the network (5 s).
    pub t4: Duration,
    /// Timer D on unreliable transports (32 s, the least that is allowed).
    pub d: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
        }
    }
}

impl Timers {
    /// How long the server waits before it sends 100 for an INVITE (RFC 3261 §17.2.1).
    pub const TRYING_INVITE: Duration = Duration::from_millis(200);

    /// The same values with another T1; RFC 3261 allows larger ones on slow links.
    #[must_use]
    pub const fn with_t1(mut self, t1: Duration) -> Self {
        self.t1 = t1;
        self
    }

    /// The length of `timer` when it is set for the `nth` time, from 0. Only A, E and G
    /// depend on `nth`.
    #[must_use]
    pub fn wait(&self, timer: Timer, nth: u32) -> Duration {
        let doubled = || self.t1.saturating_mul(1_u32.checked_shl(nth).unwrap_or(u32::MAX));
        match timer {
            Timer::A => doubled(),
            Timer::E | Timer::G => doubled().min(self.t2),
            Timer::B | Timer::F | Timer::H | Timer::L | Timer::M | Timer::J | Timer::Unanswered => {
                self.t1.saturating_mul(64)
            }
            Timer::D => self.d,
            Timer::I | Timer::K => self.t4,
            Timer::Trying => Self::TRYING_INVITE,
            Timer::LateTrying => self.until_t2(),
        }
    }

    /// How long it takes until a client's Timer E has been set to T2 (RFC 4320 §4.1):
    /// 3.5 s with the default values.
    #[must_use]
    pub fn until_t2(&self) -> Duration {
        let mut wait = self.t1;
        let mut passed = Duration::ZERO;
        while wait < self.t2 && !wait.is_zero() {
            passed = passed.saturating_add(wait);
            wait = wait.saturating_mul(2);
        }
        passed
    }

    /// Whether `timer` has length zero on this kind of transport, so that the state that it
    /// would end is skipped (RFC 3261 Table 4).
    #[must_use]
    pub const fn is_zero(timer: Timer, on: Reliability) -> bool {
        matches!(on, Reliability::Reliable)
            && matches!(timer, Timer::D | Timer::I | Timer::J | Timer::K)
    }
}
