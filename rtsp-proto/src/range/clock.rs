//! Absolute time (RFC 2326 §3.7, RFC 7826 §4.4.3), and the calendar behind it.

use super::Position;
use core::fmt;
use core::time::Duration;
use proto_wire::{ParseError, ParseErrorKind};

/// A point in time, UTC, to the nanosecond, in the years 0 to 9999 of the Gregorian
/// calendar. Leap seconds count as the second that follows.
///
/// ```
/// use rtsp_proto::range::UtcTime;
///
/// let time = UtcTime::parse(b"19961108T143720.25Z").unwrap();
/// assert_eq!((time.unix_secs(), time.nanos()), (847_463_840, 250_000_000));
/// assert_eq!(time.to_string(), "19961108T143720.25Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime {
    secs: i64,
    nanos: u32,
}

/// The first second of the year 0 and of the year 10000.
pub(super) const FIRST: i64 = -62_167_219_200;
pub(super) const END: i64 = 253_402_300_800;

impl UtcTime {
    /// So many seconds since 1970-01-01T00:00:00Z, and nanoseconds; `None` outside of the
    /// years 0 to 9999 or with a billion nanoseconds or more.
    #[must_use]
    pub const fn from_unix(secs: i64, nanos: u32) -> Option<Self> {
        if secs >= FIRST && secs < END && nanos < 1_000_000_000 {
            Some(Self { secs, nanos })
        } else {
            None
        }
    }

    /// A date and a time of day; `None` when there is no such day or time.
    #[must_use]
    pub fn from_civil(date: (u16, u8, u8), time: (u8, u8, u8), nanos: u32) -> Option<Self> {
        let ((year, month, day), (hour, minute, second)) = (date, time);
        let is_day = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !is_day || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let minutes = i64::from(hour).saturating_mul(60).saturating_add(i64::from(minute));
        let in_day = minutes.saturating_mul(60).saturating_add(i64::from(second));
        let secs = days_from_civil(year, month, day).saturating_mul(86_400).saturating_add(in_day);
        Self::from_unix(secs, nanos)
    }

    /// Reads `YYYYMMDDThhmmss[.fraction]Z`. The `Z` may be missing, the letters may be small,
    /// the seconds may be left out (RFC 7826 §4.4.3 has an example), and what is below a
    /// nanosecond is dropped.
    ///
    /// # Errors
    /// It is no time.
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        let wrong = |at| ParseError::new(ParseErrorKind::Time, at);
        let (date, rest) = text.split_at_checked(8).ok_or_else(|| wrong(text.len()))?;
        let year = two(date, 0)
            .zip(two(date, 2))
            .map(|(high, low)| u16::from(high).saturating_mul(100).saturating_add(u16::from(low)));
        let (Some(year), Some(month), Some(day)) = (year, two(date, 4), two(date, 6)) else {
            return Err(wrong(0));
        };
        let Some(clock) = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b"t")) else {
            return Err(wrong(8));
        };
        let clock = clock.strip_suffix(b"Z").or_else(|| clock.strip_suffix(b"z")).unwrap_or(clock);
        let (whole, fraction) = match memchr::memchr(b'.', clock) {
            Some(point) => clock.split_at_checked(point).unwrap_or((clock, &[])),
            None => (clock, &[][..]),
        };
        let seconds = if whole.len() == 4 { Some(0) } else { two(whole, 4) };
        let (Some(hour), Some(minute), Some(second), true) =
            (two(whole, 0), two(whole, 2), seconds, matches!(whole.len(), 4 | 6))
        else {
            return Err(wrong(9));
        };
        let fraction_at = whole.len().saturating_add(9);
        let nanos = match fraction {
            [] => 0,
            [_, digits @ ..] => nanos_of(digits).ok_or_else(|| wrong(fraction_at))?,
        };
        Self::from_civil((year, month, day), (hour, minute, second), nanos).ok_or_else(|| wrong(0))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_secs(self) -> i64 {
        self.secs
    }

    /// Nanoseconds behind the second.
    #[must_use]
    pub const fn nanos(self) -> u32 {
        self.nanos
    }

    /// Year, month and day.
    #[must_use]
    pub fn date(self) -> (u16, u8, u8) {
        civil_from_days(self.secs.div_euclid(86_400))
    }

    /// Hour, minute and second.
    #[must_use]
    pub fn time_of_day(self) -> (u8, u8, u8) {
        let secs = self.secs.rem_euclid(86_400);
        let part = |n: i64| u8::try_from(n).unwrap_or(0);
        (part(secs / 3600), part(secs / 60 % 60), part(secs % 60))
    }

    /// The day of the week: 0 is Sunday.
    #[must_use]
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        let day = self.secs.div_euclid(86_400).saturating_add(4).rem_euclid(7);
        u8::try_from(day).unwrap_or(0)
    }

    /// This time plus `duration`; `None` behind the year 9999.
    #[must_use]
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let nanos = self.nanos.checked_add(duration.subsec_nanos())?;
        let carry = i64::from(nanos / 1_000_000_000);
        let secs = i64::try_from(duration.as_secs()).ok()?;
        Self::from_unix(self.secs.checked_add(secs)?.checked_add(carry)?, nanos % 1_000_000_000)
    }

    /// How far it is behind `origin`; `None` when it lies before.
    #[must_use]
    pub fn since(self, origin: Self) -> Option<Position> {
        let nanos = |time: Self| {
            i128::from(time.secs).saturating_mul(1_000_000_000).saturating_add(time.nanos.into())
        };
        let nanos = u128::try_from(nanos(self).saturating_sub(nanos(origin))).ok()?;
        Some(Position::from_thirds(nanos.saturating_mul(3)))
    }
}

/// `YYYYMMDDThhmmssZ`, with as many decimals as are needed.
impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second)) = (self.date(), self.time_of_day());
        write!(f, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}")?;
        write_fraction(f, self.nanos)?;
        f.write_str("Z")
    }
}

/// Writes a point and as many digits of `nanos` as are needed; nothing for 0.
pub(crate) fn write_fraction(f: &mut fmt::Formatter<'_>, nanos: u32) -> fmt::Result {
    if nanos == 0 {
        return Ok(());
    }
    let (mut digits, mut width) = (nanos, 9_usize);
    while digits % 10 == 0 {
        digits /= 10;
        width = width.saturating_sub(1);
    }
    write!(f, ".{digits:0width$}")
}

/// The nanoseconds that the digits behind a point say; what is below is dropped.
pub(crate) fn nanos_of(digits: &[u8]) -> Option<u32> {
    let (mut nanos, mut unit) = (0_u32, 100_000_000_u32);
    for byte in digits {
        let digit = char::from(*byte).to_digit(10)?;
        nanos = nanos.saturating_add(digit.saturating_mul(unit));
        unit /= 10;
    }
    Some(nanos)
}

/// The two digits at `at`.
fn two(text: &[u8], at: usize) -> Option<u8> {
    match text.get(at..at.saturating_add(2))? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => {
            Some(a.wrapping_sub(b'0').wrapping_mul(10).wrapping_add(b.wrapping_sub(b'0')))
        }
        _ => None,
    }
}

const fn is_leap(year: u16) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01. The year is taken to begin in March, so that the leap day is its
/// last one; 400 years have 146097 days.
#[expect(clippy::arithmetic_side_effects, reason = "four digits of year keep it small")]
fn days_from_civil(year: u16, month: u8, day: u8) -> i64 {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse.
#[expect(clippy::arithmetic_side_effects, reason = "days of four-digit years are few")]
fn civil_from_days(days: i64) -> (u16, u8, u8) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    let small = |n: i64| u8::try_from(n).unwrap_or(0);
    (u16::try_from(year).unwrap_or(0), small(month), small(day))
}
