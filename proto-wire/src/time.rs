//! Time as a parameter: a monotonic [`Instant`] for machines, a [`Timestamp`]
//! for business time, and the host's [`Clock`].

use core::fmt;
use core::time::Duration;

/// A point on the host's own monotonic time line, in nanoseconds.
///
/// The zero point is the host's choice; only differences mean anything. All
/// arithmetic saturates, so a far deadline is "never" rather than a panic.
///
/// ```
/// use core::time::Duration;
/// use proto_wire::Instant;
///
/// let start = Instant::from_nanos(1_000);
/// let later = start.saturating_add(Duration::from_secs(1));
/// assert_eq!(later.saturating_since(start), Duration::from_secs(1));
/// assert_eq!(start.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The zero point of the time line.
    pub const ZERO: Self = Self(0);
    /// The end of the time line: a deadline that never comes.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the zero point.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point `millis` milliseconds after the zero point.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The point `secs` seconds after the zero point.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the zero point.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This point plus `duration`, or [`Instant::FAR_FUTURE`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The time from `earlier` to this point; zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Duration::from_nanos(self.0), f)
    }
}

/// Business time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Shown as RFC 3339 in UTC.
///
/// ```
/// use proto_wire::Timestamp;
///
/// let at = Timestamp::from_unix_secs(1_000_000_000);
/// assert_eq!(at.to_string(), "2001-09-09T01:46:40.000000Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The point `micros` microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The point `secs` seconds after the Unix epoch, saturating.
    #[must_use]
    pub const fn from_unix_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded towards the past.
    #[must_use]
    pub const fn as_unix_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole days since 1970-01-01, rounded towards the past.
    #[must_use]
    pub const fn as_unix_days(self) -> i64 {
        self.0.div_euclid(86_400_000_000)
    }

    /// This point plus `duration`, saturating.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// The time from `earlier` to this point; zero when `earlier` is later.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// The date in the proleptic Gregorian calendar: year, month 1-12, day 1-31 (UTC).
    #[must_use]
    pub fn civil_date(self) -> (i64, u8, u8) {
        civil_from_days(self.as_unix_days())
    }
}

/// Days since 1970-01-01 to (year, month, day); Howard Hinnant's published algorithm:
/// years run from March, so that the leap day is the last of its year.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "days come from i64 microseconds: |days| < 2^28, far from overflow"
)]
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil_date();
        let in_day = self.0.rem_euclid(86_400_000_000);
        let (secs, micros) = (in_day.div_euclid(1_000_000), in_day.rem_euclid(1_000_000));
        let (hour, minute, second) =
            (secs.div_euclid(3_600), secs.div_euclid(60).rem_euclid(60), secs.rem_euclid(60));
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The host's clock: real time for the run loop, never for a machine.
///
/// ```
/// let clock = proto_wire::Clock::start();
/// let first = clock.now();
/// assert!(clock.now() >= first);
/// ```
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub struct Clock(std::time::Instant);

#[cfg(feature = "std")]
impl Clock {
    /// A clock whose time line begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one bridge from real time to `Instant`")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since [`Clock::start`].
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::ZERO.saturating_add(self.0.elapsed())
    }

    /// The wall time, as the operating system has it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one bridge from wall time to `Timestamp`")]
    pub fn timestamp(&self) -> Timestamp {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Timestamp::UNIX_EPOCH.saturating_add(since),
            Err(before) => Timestamp(
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, i64::saturating_neg),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn instants_saturate_at_both_ends() {
        let end = Instant::FAR_FUTURE.saturating_add(Duration::from_secs(1));
        assert_eq!(end, Instant::FAR_FUTURE);
        assert_eq!(Instant::ZERO.saturating_add(Duration::MAX), Instant::FAR_FUTURE);
        assert_eq!(Instant::ZERO.saturating_since(end), Duration::ZERO);
    }

    #[test]
    fn timestamps_show_as_rfc_3339() {
        for (micros, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp::from_unix_micros(micros).to_string(), expected);
        }
    }

    #[test]
    fn the_ends_of_business_time_do_not_overflow() {
        for micros in [i64::MIN, i64::MAX] {
            let at = Timestamp::from_unix_micros(micros);
            assert!(!at.to_string().is_empty());
            assert_eq!(at.saturating_since(at), Duration::ZERO);
        }
    }
}
