//! A point in media, exact in every unit.

use core::time::Duration;

/// How far from the beginning of the media, in thirds of a nanosecond. RFC 7826 §4.4.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u128);

impl Position {
    /// The beginning.
    pub const ZERO: Self = Self(0);
    /// Units in a nanosecond.
    const PER_NANO: u128 = 3;

    /// So many thirds of a nanosecond.
    #[must_use]
    pub const fn from_thirds(thirds: u128) -> Self {
        Self(thirds)
    }

    /// Thirds of a nanosecond.
    #[must_use]
    pub const fn thirds(self) -> u128 {
        self.0
    }

    /// This long after the beginning: exact.
    #[must_use]
    pub const fn from_duration(at: Duration) -> Self {
        // At most 2^64 seconds of 2^30 nanoseconds: far from 2^128.
        Self(at.as_nanos().saturating_mul(Self::PER_NANO))
    }

    /// How long after the beginning, without what is below a nanosecond; `None` beyond
    /// [`Duration::MAX`].
    #[must_use]
    pub fn to_duration(self) -> Option<Duration> {
        let nanos = self.0 / Self::PER_NANO;
        let secs = u64::try_from(nanos / 1_000_000_000).ok()?;
        let nanos = u32::try_from(nanos % 1_000_000_000).ok()?;
        Some(Duration::new(secs, nanos))
    }

    /// Whether [`Position::to_duration`] drops nothing.
    #[must_use]
    pub const fn is_whole_nanos(self) -> bool {
        self.0 % Self::PER_NANO == 0
    }

    /// The distance to `other`, in either direction.
    #[must_use]
    pub const fn abs_diff(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }
}
