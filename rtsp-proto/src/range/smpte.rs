//! SMPTE time codes (RFC 2326 §3.5, RFC 7826 §4.4.1).

use super::{Interval, Position};
use core::fmt;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

/// How frames are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SmpteUnit {
    /// `smpte`: 30 drop, the default of both RFCs.
    Smpte,
    /// `smpte-30-drop`: 30000/1001 frames a second; of each minute but the tenth ones the
    /// labels of the first two frames are left out, so that labels stay near the clock.
    Smpte30Drop,
    /// `smpte-25`: 25 frames a second.
    Smpte25,
}

impl SmpteUnit {
    /// The unit that `name` spells, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Smpte, Self::Smpte30Drop, Self::Smpte25]
            .into_iter()
            .find(|unit| unit.name().eq_ignore_ascii_case(name))
    }

    /// How it is spelled.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smpte => "smpte",
            Self::Smpte30Drop => "smpte-30-drop",
            Self::Smpte25 => "smpte-25",
        }
    }

    /// Frame labels in a second.
    const fn labels(self) -> u64 {
        match self {
            Self::Smpte | Self::Smpte30Drop => 30,
            Self::Smpte25 => 25,
        }
    }

    const fn drops(self) -> bool {
        !matches!(self, Self::Smpte25)
    }

    /// The length of a hundredth of a frame, in thirds of a nanosecond.
    const fn subframe(self) -> u128 {
        match self {
            // 1001/30000 s / 100 = 1001/3000000 s
            Self::Smpte | Self::Smpte30Drop => 1_001_000,
            // 1/25 s / 100 = 1/2500 s
            Self::Smpte25 => 1_200_000,
        }
    }
}

/// A time code: hours, minutes, seconds, frames and hundredths of a frame.
///
/// Ordered as labels; [`SmpteTime::position`] says where it is in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct SmpteTime {
    /// 0 to 99.
    pub hours: u8,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// 0 to 29, or 24 at 25 frames a second.
    pub frames: u8,
    /// 0 to 99.
    pub subframes: u8,
}

impl SmpteTime {
    /// Reads `h:m:s`, `h:m:s:f` or `h:m:s:f.sub`; also `h:m:s.sub`, which 1.0 allows.
    ///
    /// # Errors
    /// It is no time code, or a field is too high for `unit`.
    pub fn parse(unit: SmpteUnit, text: &[u8]) -> Result<Self, ParseError> {
        let wrong = |at| ParseError::new(ParseErrorKind::Time, at);
        let mut fields = [0_u8; 5];
        let limits = [100, 60, 60, unit.labels(), 100];
        let (mut at, mut count, mut is_last) = (0_usize, 0_usize, false);
        loop {
            let rest = text.get(at..).unwrap_or(&[]);
            let end = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest.get(..end).filter(|d| d.len() <= 2).and_then(chars::parse_u64);
            // Hundredths stand behind a point, wherever it is.
            let index = if is_last { 4 } else { count };
            let value = number
                .filter(|n| limits.get(index).is_some_and(|limit| n < limit))
                .and_then(|n| u8::try_from(n).ok());
            let (Some(value), Some(field)) = (value, fields.get_mut(index)) else {
                return Err(wrong(at));
            };
            *field = value;
            count = count.saturating_add(1);
            at = at.saturating_add(end);
            match text.get(at) {
                Some(b':') if !is_last && count < 4 => {}
                Some(b'.') if !is_last && count >= 3 => is_last = true,
                None if count >= 3 => break,
                _ => return Err(wrong(at)),
            }
            at = at.saturating_add(1);
        }
        let [hours, minutes, seconds, frames, subframes] = fields;
        Ok(Self { hours, minutes, seconds, frames, subframes })
    }

    /// Whether the label is one of those that 30 drop leaves out, such as `00:01:00:00`.
    /// It is written all the same (also in the RFCs' own examples) and means the first
    /// label that exists behind it.
    #[must_use]
    pub const fn is_dropped(&self, unit: SmpteUnit) -> bool {
        unit.drops() && self.frames < 2 && self.seconds == 0 && self.minutes % 10 != 0
    }

    /// Which frame it is, from 0.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "99 hours have 10.8 million frames")]
    pub fn frame_number(&self, unit: SmpteUnit) -> u64 {
        let frames = if self.is_dropped(unit) { 2 } else { u64::from(self.frames) };
        let minutes = u64::from(self.hours) * 60 + u64::from(self.minutes);
        let labels = (minutes * 60 + u64::from(self.seconds)) * unit.labels() + frames;
        let dropped = if unit.drops() { 2 * (minutes - minutes / 10) } else { 0 };
        labels - dropped
    }

    /// Where in the media it is: exact.
    #[must_use]
    pub fn position(&self, unit: SmpteUnit) -> Position {
        let subframes = if self.is_dropped(unit) { 0 } else { u64::from(self.subframes) };
        let subframes = self.frame_number(unit).saturating_mul(100).saturating_add(subframes);
        Position::from_thirds(u128::from(subframes).saturating_mul(unit.subframe()))
    }

    /// The time code of the hundredth of a frame that `at` lies in; `None` beyond hour 99.
    #[must_use]
    #[expect(clippy::arithmetic_side_effects, reason = "checked to be below 100 hours")]
    pub fn at(unit: SmpteUnit, at: Position) -> Option<Self> {
        let subframes = u64::try_from(at.thirds() / unit.subframe()).ok()?;
        let mut number = subframes / 100;
        if number >= 100 * 3600 * unit.labels() {
            return None;
        }
        if unit.drops() {
            // Ten minutes have 17982 frames: a first minute of 1800, nine of 1798.
            let (tens, rest) = (number / 17_982, number % 17_982);
            let minutes = if rest < 1_800 { 0 } else { (rest - 1_800) / 1_798 + 1 };
            number += tens * 18 + minutes * 2;
        }
        let labels = unit.labels();
        let seconds = number / labels;
        Some(Self {
            hours: u8::try_from(seconds / 3600).ok().filter(|hours| *hours < 100)?,
            minutes: u8::try_from(seconds / 60 % 60).ok()?,
            seconds: u8::try_from(seconds % 60).ok()?,
            frames: u8::try_from(number % labels).ok()?,
            subframes: u8::try_from(subframes % 100).ok()?,
        })
    }
}

/// Frames and hundredths are left out when both are zero.
impl fmt::Display for SmpteTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hours, self.minutes, self.seconds)?;
        match (self.frames, self.subframes) {
            (0, 0) => Ok(()),
            (frames, 0) => write!(f, ":{frames:02}"),
            (frames, subframes) => write!(f, ":{frames:02}.{subframes:02}"),
        }
    }
}

/// An interval of time codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a unit and an interval")]
pub struct SmpteRange {
    /// How frames are counted.
    pub unit: SmpteUnit,
    /// From where to where.
    pub times: Interval<SmpteTime>,
}

impl SmpteRange {
    /// Reads what stands behind `smpte=`, or whatever `unit` is called.
    ///
    /// # Errors
    /// No interval of time codes.
    pub fn parse(unit: SmpteUnit, value: &[u8]) -> Result<Self, ParseError> {
        let times = Interval::parse(value, |text| SmpteTime::parse(unit, text))?;
        Ok(Self { unit, times })
    }
}

impl fmt::Display for SmpteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.unit.name(), self.times)
    }
}
