//! From here to there, in any unit.

use core::fmt;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

/// Half open: `end` is not in it. When `start` lies behind `end` it is played backwards.
/// RFC 2326 §12.29, RFC 7826 §4.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an interval has two ends")]
pub struct Interval<T> {
    /// Where it begins; `None` for "where it stands".
    pub start: Option<T>,
    /// Where it ends; `None` for "as long as there is something".
    pub end: Option<T>,
}

impl<T: Copy + Ord> Interval<T> {
    /// From `start` up to `end`.
    #[must_use]
    pub const fn between(start: T, end: T) -> Self {
        Self { start: Some(start), end: Some(end) }
    }

    /// From `start` on.
    #[must_use]
    pub const fn from(start: T) -> Self {
        Self { start: Some(start), end: None }
    }

    /// Whether it goes backwards.
    #[must_use]
    pub fn is_reverse(&self) -> bool {
        matches!((self.start, self.end), (Some(start), Some(end)) if start > end)
    }

    /// Whether both ends are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start.is_some() && self.start == self.end
    }

    /// Whether `at` lies in it, seen in playing direction; `None` when the beginning is not
    /// said, so that nobody can tell. The end is never in it: that a reverse one down to zero is
    /// closed (RFC 7826 §18.40) is for units that have a zero
    /// ([`NptRange::contains`](crate::headers::NptRange::contains)).
    #[must_use]
    pub fn contains(&self, at: T) -> Option<bool> {
        let start = self.start?;
        Some(match self.end {
            None => at >= start,
            Some(end) if start <= end => at >= start && at < end,
            Some(end) => at <= start && at > end,
        })
    }

    /// Whether all of `other` lies in it, in whatever direction; `None` when a beginning
    /// is not said.
    #[must_use]
    pub fn covers(&self, other: &Self) -> Option<bool> {
        let (low, high) = self.bounds()?;
        let (other_low, other_high) = other.bounds()?;
        let ends_inside = match (high, other_high) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(high), Some(other_high)) => other_high <= high,
        };
        Some(other_low >= low && ends_inside)
    }

    /// What lies in both, forwards; `None` when nothing does or a beginning is not said.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let (low, high) = self.bounds()?;
        let (other_low, other_high) = other.bounds()?;
        let start = low.max(other_low);
        let end = match (high, other_high) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        end.is_none_or(|end| start < end).then_some(Self { start: Some(start), end })
    }

    /// The lower and the upper end; no upper one when it is open.
    #[must_use]
    pub fn bounds(&self) -> Option<(T, Option<T>)> {
        let start = self.start?;
        Some(match self.end {
            Some(end) if end < start => (end, Some(start)),
            end => (start, end),
        })
    }
}

impl<T> Interval<T> {
    /// Both ends by way of `f`; `None` when `f` has no answer for one that is there.
    pub fn try_map<U>(self, f: impl Fn(T) -> Option<U>) -> Option<Interval<U>> {
        let end = |end: Option<T>| match end {
            None => Some(None),
            Some(at) => f(at).map(Some),
        };
        Some(Interval { start: end(self.start)?, end: end(self.end)? })
    }

    /// Reads `start-`, `start-end` or `-end`, white space around the ends tolerated; `point`
    /// reads one end.
    ///
    /// # Errors
    /// No dash, no end at all, or what `point` says, with the offset in `value`.
    pub(super) fn parse(
        value: &[u8],
        point: impl Fn(&[u8]) -> Result<T, ParseError>,
    ) -> Result<Self, ParseError> {
        let dash = memchr::memchr(b'-', value)
            .ok_or_else(|| ParseError::new(ParseErrorKind::Range, value.len()))?;
        let side = |from: usize, to: usize| {
            let text = value.get(from..to).unwrap_or(&[]);
            let at = from.saturating_add(chars::lws_len(text));
            match chars::trim(text) {
                b"" => Ok(None),
                text => point(text).map(Some).map_err(|error| error.at(at)),
            }
        };
        let interval =
            Self { start: side(0, dash)?, end: side(dash.saturating_add(1), value.len())? };
        if interval.start.is_none() && interval.end.is_none() {
            return Err(ParseError::new(ParseErrorKind::Range, dash));
        }
        Ok(interval)
    }
}

impl<T: fmt::Display> fmt::Display for Interval<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = &self.start {
            start.fmt(f)?;
        }
        f.write_str("-")?;
        self.end.as_ref().map_or(Ok(()), |end| end.fmt(f))
    }
}
