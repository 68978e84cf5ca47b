//! When a session is active: `t=`, `r=` and `z=` (RFC 8866 §5.9-5.11).

use super::line::{Line, Lines, fields};
use crate::text::chars;

/// When a session is active, in seconds since 1900 (RFC 8866 §5.9); 0 is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// The start.
    pub start: u64,
    /// The end.
    pub stop: u64,
}

impl Timing {
    /// Reads the value of `t=`.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = fields(value).map(|part| chars::parse_u64(part.as_bytes()));
        Some(Self { start: parts.next()??, stop: parts.next()?? })
    }
}

/// A `t=` and the `r=` lines that belong to it.
#[derive(Clone, Copy, Debug)]
pub struct Period<'a> {
    timing: Timing,
    rest: Lines<'a>,
}

impl<'a> Period<'a> {
    /// From the first time to the end of the last repetition.
    #[must_use]
    pub const fn timing(self) -> Timing {
        self.timing
    }

    /// How it repeats; those that can be read.
    pub fn repeats(self) -> impl Iterator<Item = Repeat<'a>> + Clone {
        self.rest
            .take_while(|line| line.kind != b't')
            .filter(|line| line.kind == b'r')
            .filter_map(|line| Repeat::parse(line.value))
    }
}

pub(super) fn periods(mut lines: Lines<'_>) -> impl Iterator<Item = Period<'_>> + Clone {
    core::iter::from_fn(move || {
        let timing = lines.find_map(|line: Line<'_>| match line.kind {
            b't' => Timing::parse(line.value),
            _ => None,
        })?;
        Some(Period { timing, rest: lines })
    })
}

/// How a session repeats (RFC 8866 §5.10), in seconds.
///
/// ```
/// use proto_wire::sdp::Repeat;
///
/// let weekly = Repeat::parse(b"7d 1h 0 25h").unwrap();
/// assert_eq!((weekly.interval, weekly.duration), (604_800, 3_600));
/// assert_eq!(weekly.offsets().collect::<Vec<_>>(), [0, 90_000]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repeat<'a> {
    /// From one repetition to the next.
    pub interval: u64,
    /// How long each is.
    pub duration: u64,
    offsets: &'a [u8],
}

impl<'a> Repeat<'a> {
    /// Reads the value of `r=`; `None` unless it has an interval, a duration and an offset,
    /// all of them times.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts = fields(value);
        let interval = positive(parts.next()?)?;
        let duration = positive(parts.next()?)?;
        let first = parts.next()?;
        if core::iter::once(first).chain(parts).any(|part| positive(part).is_none()) {
            return None;
        }
        // Everything behind the second part: `fields` lends parts of `value`.
        let at = (first.as_ptr() as usize).checked_sub(value.as_ptr() as usize)?;
        Some(Self { interval, duration, offsets: value.get(at..)? })
    }

    /// When it begins, each counted from the start of the period.
    pub fn offsets(self) -> impl Iterator<Item = u64> + Clone + 'a {
        fields(self.offsets).filter_map(positive)
    }
}

/// A change of the clocks (RFC 8866 §5.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZoneAdjustment {
    /// When, in seconds since 1900.
    pub at: u64,
    /// From then on repetitions are so many seconds later than the period's start says.
    pub offset: i64,
}

/// The pairs of a `z=` line; an odd one at the end or one that cannot be read ends them.
pub(super) fn zone_adjustments(value: &[u8]) -> impl Iterator<Item = ZoneAdjustment> + Clone + '_ {
    let mut parts = fields(value);
    core::iter::from_fn(move || {
        let at = chars::parse_u64(parts.next()?.as_bytes())?;
        Some(ZoneAdjustment { at, offset: typed_time(parts.next()?)? })
    })
}

/// Whether a `z=` line is nothing but pairs.
pub(super) fn is_zone(value: &[u8]) -> bool {
    let parts = fields(value).count();
    parts > 0 && zone_adjustments(value).count().saturating_mul(2) == parts
}

fn positive(text: &str) -> Option<u64> {
    u64::try_from(typed_time(text)?).ok()
}

/// A number of seconds, or of the unit behind it (RFC 8866 §5.10, `typed-time`).
fn typed_time(text: &str) -> Option<i64> {
    let (number, unit) = match text.as_bytes().split_last()? {
        (b'd', number) => (number, 86_400),
        (b'h', number) => (number, 3_600),
        (b'm', number) => (number, 60),
        (b's', number) => (number, 1),
        _ => (text.as_bytes(), 1),
    };
    let (sign, digits) = match number {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    let number = i64::try_from(chars::parse_u64(digits)?).ok()?;
    number.checked_mul(unit)?.checked_mul(sign)
}
