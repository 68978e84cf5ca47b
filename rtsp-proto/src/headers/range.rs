//! Range (RFC 2326 §12.29, RFC 7826 §18.40): which part to play, in exact integers.

use super::bytes::{leading_number, next_piece, number, offset_in, pair, text, trim};
use super::{HeaderName, TypedHeader};
use core::fmt;
use core::time::Duration;
use proto_wire::{ParseError, ParseErrorKind};

/// A Range value: a part of the media, and from when on (1.0 only).
///
/// ```
/// use core::time::Duration;
/// use rtsp_proto::headers::{NptTime, Range, RangeSpec, TypedHeader};
///
/// let range = Range::parse(b"npt=123.45-").unwrap();
/// let RangeSpec::Npt(npt) = range.spec else { panic!() };
/// assert_eq!(npt.start, Some(NptTime::At(Duration::from_millis(123_450))));
/// assert_eq!(range.to_string(), "npt=123.45-");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Range<'a> {
    /// Which part.
    pub spec: RangeSpec<'a>,
    /// `;time=`: when the operation takes effect, as an absolute time (RTSP 1.0).
    pub time: Option<&'a str>,
}

/// The part of the media that a [`Range`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeSpec<'a> {
    /// Normal play time: from the beginning of the media.
    Npt(NptRange),
    /// Another unit, as it was written: `smpte`, `smpte-25`, `smpte-30-drop`, `clock` or
    /// an extension.
    Other {
        /// The unit.
        unit: &'a str,
        /// What stands behind `=`; `None` without one.
        value: Option<&'a str>,
    },
}

/// An interval of normal play time (RFC 2326 §3.6, RFC 7826 §4.4.2). Half open: `end` is
/// not in it. With negative scale `start` lies behind `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct NptRange {
    /// Where it begins; `None` when the value begins with `-` (from where it stands).
    pub start: Option<NptTime>,
    /// Where it ends; `None` for "as long as there is something".
    pub end: Option<NptTime>,
}

/// A point in normal play time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the grammar has these two")]
pub enum NptTime {
    /// `now`: the live edge.
    Now,
    /// This long after the beginning. Digits below a nanosecond are read and dropped.
    At(Duration),
}

impl NptRange {
    /// From `start` on, without an end.
    #[must_use]
    pub const fn from(start: Duration) -> Self {
        Self { start: Some(NptTime::At(start)), end: None }
    }

    /// From `start` up to `end`.
    #[must_use]
    pub const fn between(start: Duration, end: Duration) -> Self {
        Self { start: Some(NptTime::At(start)), end: Some(NptTime::At(end)) }
    }

    /// From the live edge on: `npt=now-`.
    #[must_use]
    pub const fn live() -> Self {
        Self { start: Some(NptTime::Now), end: None }
    }

    /// How long it is, when both ends are times; the direction does not matter.
    ///
    /// ```
    /// use core::time::Duration;
    /// use rtsp_proto::headers::NptRange;
    ///
    /// let (ten, two) = (Duration::from_secs(10), Duration::from_secs(2));
    /// assert_eq!(NptRange::between(ten, two).len(), Some(Duration::from_secs(8)));
    /// ```
    #[must_use]
    pub const fn len(&self) -> Option<Duration> {
        match (self.start, self.end) {
            (Some(NptTime::At(start)), Some(NptTime::At(end))) => Some(start.abs_diff(end)),
            _ => None,
        }
    }

    /// Whether both ends are the same time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(Duration::ZERO)
    }

    /// Whether `at` lies in it, seen in playing direction; `None` when an end is `now`
    /// or the beginning is not said, so that nobody can tell.
    #[must_use]
    pub fn contains(&self, at: Duration) -> Option<bool> {
        match (self.start?, self.end) {
            (NptTime::At(start), None) => Some(at >= start),
            (NptTime::At(start), Some(NptTime::At(end))) if start <= end => {
                Some(at >= start && at < end)
            }
            // RFC 7826 §18.40: one that runs down to zero is closed, or zero could not be reached.
            (NptTime::At(start), Some(NptTime::At(end))) => {
                Some(at <= start && (at > end || at.is_zero()))
            }
            _ => None,
        }
    }

    /// Reads what stands behind `npt=`.
    fn parse(value: &[u8]) -> Option<Self> {
        // The dash that separates; a time has none.
        let dash = value.iter().position(|b| *b == b'-')?;
        let (start, end) = value.split_at_checked(dash)?;
        let part = |text: &[u8]| match trim(text) {
            b"" => Some(None),
            text => npt_time(text).map(Some),
        };
        let range = Self { start: part(start)?, end: part(end.get(1..)?)? };
        // A lone dash says nothing at all.
        (range.start.is_some() || range.end.is_some()).then_some(range)
    }
}

impl fmt::Display for NptRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(start) = self.start {
            start.fmt(f)?;
        }
        f.write_str("-")?;
        self.end.map_or(Ok(()), |end| end.fmt(f))
    }
}

/// Seconds, with as many decimals as are needed.
impl fmt::Display for NptTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self {
            Self::Now => return f.write_str("now"),
            Self::At(at) => at,
        };
        write!(f, "{}", at.as_secs())?;
        let mut nanos = at.subsec_nanos();
        if nanos == 0 {
            return Ok(());
        }
        let mut width: usize = 9;
        while nanos % 10 == 0 {
            nanos /= 10;
            width = width.saturating_sub(1);
        }
        write!(f, ".{nanos:0width$}")
    }
}

impl<'a> Range<'a> {
    /// An interval of normal play time.
    #[must_use]
    pub const fn npt(range: NptRange) -> Self {
        Self { spec: RangeSpec::Npt(range), time: None }
    }

    /// The interval, when the unit is normal play time.
    #[must_use]
    pub const fn as_npt(&self) -> Option<NptRange> {
        match self.spec {
            RangeSpec::Npt(range) => Some(range),
            RangeSpec::Other { .. } => None,
        }
    }
}

impl<'a> TypedHeader<'a> for Range<'a> {
    const NAME: HeaderName = HeaderName::Range;

    /// Tolerates white space around `=` and `-`, `npt` in any case, `hh` above 99, more
    /// decimals than nine and none behind the point. 1.0 allows a list; the first one
    /// counts.
    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        // All of it, as FFmpeg and most others ask for it.
        if value == b"npt=0.000-" {
            return Ok(Self::npt(NptRange::from(Duration::ZERO)));
        }
        if let Some(range) = value.strip_prefix(b"npt=").and_then(plain_npt) {
            return Ok(Self::npt(range));
        }
        let mut rest = Some(value);
        let first = next_piece(&mut rest, b';').unwrap_or(&[]);
        let mut time = None;
        while let Some(piece) = next_piece(&mut rest, b';') {
            let (name, param) = pair(piece);
            if name.eq_ignore_ascii_case(b"time") {
                time = param.and_then(|t| text(t).ok());
            }
        }
        let mut list = Some(first);
        let spec = next_piece(&mut list, b',').unwrap_or(first);
        let (unit, body) = pair(spec);
        let wrong = |at: &[u8]| ParseError::new(ParseErrorKind::Range, offset_in(value, at));
        let spec = match body {
            Some(body) if unit.eq_ignore_ascii_case(b"npt") => {
                RangeSpec::Npt(NptRange::parse(body).ok_or_else(|| wrong(body))?)
            }
            _ if unit.is_empty() => return Err(wrong(unit)),
            _ => RangeSpec::Other {
                unit: text(unit).map_err(|error| error.at(offset_in(value, unit)))?,
                value: body
                    .map(|body| text(body).map_err(|error| error.at(offset_in(value, body))))
                    .transpose()?,
            },
        };
        Ok(Self { spec, time })
    }
}

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec {
            RangeSpec::Npt(range) => write!(f, "npt={range}")?,
            RangeSpec::Other { unit, value: None } => f.write_str(unit)?,
            RangeSpec::Other { unit, value: Some(value) } => write!(f, "{unit}={value}")?,
        }
        match self.time {
            Some(time) => write!(f, ";time={time}"),
            None => Ok(()),
        }
    }
}

/// `12.5-` and `12.5-99`, as they are written nearly always, and nothing else.
#[inline]
fn plain_npt(value: &[u8]) -> Option<NptRange> {
    let (start, rest) = plain_secs(value)?;
    let end = match rest.strip_prefix(b"-")? {
        [] => None,
        rest => match plain_secs(rest)? {
            (end, []) => Some(NptTime::At(end)),
            _ => return None,
        },
    };
    Some(NptRange { start: Some(NptTime::At(start)), end })
}

/// Seconds with or without decimals, and what follows.
#[inline]
fn plain_secs(value: &[u8]) -> Option<(Duration, &[u8])> {
    let (secs, rest) = leading_number(value)?;
    let Some(fraction) = rest.strip_prefix(b".") else {
        return Some((Duration::from_secs(secs), rest));
    };
    let (digits, rest) = leading_number(fraction)?;
    let len = fraction.len().checked_sub(rest.len())?;
    static SCALE: [u64; 9] =
        [100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let nanos = digits.checked_mul(*SCALE.get(len.checked_sub(1)?)?)?;
    Some((Duration::new(secs, u32::try_from(nanos).ok()?), rest))
}

/// `now`, seconds or `hh:mm:ss`, each with a fraction of any length (also an empty one).
fn npt_time(text: &[u8]) -> Option<NptTime> {
    if text.eq_ignore_ascii_case(b"now") {
        return Some(NptTime::Now);
    }
    let (whole, fraction) = match text.iter().position(|b| *b == b'.') {
        Some(i) => (text.get(..i)?, text.get(i.checked_add(1)?..)?),
        None => (text, &[][..]),
    };
    let mut parts = whole.split(|b| *b == b':');
    let first = number(parts.next()?)?;
    let secs = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => first,
        // hh:mm:ss; minutes and seconds are below 60, hours have no bound.
        (Some(minutes), Some(seconds), None) => {
            let (minutes, seconds) = (number(minutes)?, number(seconds)?);
            if minutes > 59 || seconds > 59 {
                return None;
            }
            first.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?
        }
        _ => return None,
    };
    let mut nanos: u32 = 0;
    let mut unit: u32 = 100_000_000;
    for b in fraction {
        let digit = char::from(*b).to_digit(10)?;
        nanos = nanos.checked_add(digit.checked_mul(unit)?)?;
        unit /= 10;
    }
    Some(NptTime::At(Duration::new(secs, nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn npt(value: &str) -> Option<NptRange> {
        Range::parse(value.as_bytes()).ok()?.as_npt()
    }

    #[expect(clippy::unnecessary_wraps, reason = "reads as the field that it is compared with")]
    fn at(secs: u64, nanos: u32) -> Option<NptTime> {
        Some(NptTime::At(Duration::new(secs, nanos)))
    }

    #[test]
    fn the_forms_of_normal_play_time() {
        let now = Some(NptTime::Now);
        for (value, start, end) in [
            ("npt=123.45-125", at(123, 450_000_000), at(125, 0)),
            ("npt=12:05:35.3-", at(43_535, 300_000_000), None),
            ("npt=now-", now, None),
            ("npt=-20", None, at(20, 0)),
            ("npt=1.-", at(1, 0), None),
            ("npt=0.000-", at(0, 0), None),
            ("npt=100:00:01-", at(360_001, 0), None),
            ("NPT = 1 - 2", at(1, 0), at(2, 0)),
            ("npt=0- 634.6", at(0, 0), at(634, 600_000_000)),
            ("npt=1.1234567899-", at(1, 123_456_789), None),
            ("npt=20-10", at(20, 0), at(10, 0)),
            ("npt=1-2,npt=5-6", at(1, 0), at(2, 0)),
        ] {
            assert_eq!(npt(value), Some(NptRange { start, end }), "{value}");
        }
    }

    #[test]
    fn what_is_no_normal_play_time() {
        for value in [
            "npt=",
            "npt=-",
            "npt=1",
            "npt=1:2-",
            "npt=1:60:00-",
            "npt=1:00:60-",
            "npt=a-",
            "npt=1.x-",
            "npt=-1-2-3",
            "npt=99999999999999999999-",
            "",
            "=1-",
        ] {
            let error = Range::parse(value.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ParseErrorKind::Range, "{value}");
        }
    }

    #[test]
    fn other_units_and_the_time_parameter_are_kept() {
        let range = Range::parse(b"clock=19960213T143205Z-;time=19970123T143720Z").unwrap();
        assert_eq!(range.time, Some("19970123T143720Z"));
        assert_eq!(
            range.spec,
            RangeSpec::Other { unit: "clock", value: Some("19960213T143205Z-") }
        );
        for text in [
            "clock=19960213T143205Z-;time=19970123T143720Z",
            "smpte-25=10:07:00-10:07:33:05.01",
            "npt",
            "npt=5-",
        ] {
            assert_eq!(Range::parse(text.as_bytes()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn containing_goes_in_playing_direction() {
        let (one, five, nine) = (1, 5, 9);
        let secs = Duration::from_secs;
        let forward = NptRange::between(secs(one), secs(nine));
        assert_eq!(forward.contains(secs(five)), Some(true));
        assert_eq!(forward.contains(secs(nine)), Some(false));
        let backward = NptRange::between(secs(nine), secs(one));
        assert_eq!(backward.contains(secs(nine)), Some(true));
        assert_eq!(backward.contains(secs(one)), Some(false));
        // RFC 7826 §18.40: or there would be no way to reach the beginning.
        let to_zero = NptRange::between(secs(nine), Duration::ZERO);
        assert_eq!(to_zero.contains(Duration::ZERO), Some(true));
        assert_eq!(NptRange::from(secs(five)).contains(secs(nine)), Some(true));
        assert_eq!(NptRange::live().contains(secs(nine)), None);
        assert!(NptRange::between(secs(five), secs(five)).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            start in proptest::option::of((any::<u64>(), 0..1_000_000_000_u32)),
            end in proptest::option::of((any::<u64>(), 0..1_000_000_000_u32)),
        ) {
            prop_assume!(start.is_some() || end.is_some());
            let time = |(secs, nanos)| NptTime::At(Duration::new(secs, nanos));
            let range = NptRange { start: start.map(time), end: end.map(time) };
            let text = Range::npt(range).to_string();
            prop_assert_eq!(npt(&text), Some(range));
        }

        #[test]
        fn no_text_panics(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(range) = Range::parse(&value) {
                prop_assert!(!range.to_string().is_empty());
            }
        }
    }
}
