//! Exact arithmetic on parts of media: normal play time, SMPTE time codes (30 drop and 25)
//! and absolute time, converted into each other and compared without rounding.
//!
//! A [`Position`] counts thirds of a nanosecond: the unit in which a nanosecond, a hundredth
//! of a frame at 25 frames a second and one at 30000/1001 frames a second are all whole
//! numbers. So `smpte=00:00:10:00-` and the `npt=` that it stands for compare as equal.
//!
//! ```
//! use rtsp_proto::headers::{Range, TypedHeader};
//! use rtsp_proto::range::{Extent, Reference, SmpteUnit};
//!
//! let range = Range::parse(b"smpte-25=00:00:10:05-00:01:00").unwrap();
//! let extent = Extent::of(&range).unwrap();
//! let npt = extent.to_npt(&Reference::default()).unwrap();
//! assert_eq!(npt.to_string(), "10.2-60");
//! let back = Extent::Npt(npt).to_smpte(SmpteUnit::Smpte25, &Reference::default()).unwrap();
//! assert_eq!(back.to_string(), "smpte-25=00:00:10:05-00:01:00");
//! ```

mod clock;
mod interval;
mod position;
mod smpte;
#[cfg(test)]
mod tests;

pub use clock::UtcTime;
pub(crate) use clock::{nanos_of, write_fraction};
pub use interval::Interval;
pub use position::Position;
pub use smpte::{SmpteRange, SmpteTime, SmpteUnit};

use crate::headers::{NptRange, NptTime, Range, RangeSpec};
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// What the units are measured against. What is not known leaves a conversion without an
/// answer; it is never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by hosts, with `..Default::default()`")]
pub struct Reference {
    /// The absolute time of the beginning of the media (position zero).
    pub origin: Option<UtcTime>,
    /// Where `now` is: the live edge.
    pub now: Option<Position>,
}

/// A part of the media in one of the units that RFC 2326 §3.5-3.7 and RFC 7826 §4.4 define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extent {
    /// Normal play time.
    Npt(NptRange),
    /// SMPTE time codes.
    Smpte(SmpteRange),
    /// Absolute time.
    Clock(Interval<UtcTime>),
}

impl Extent {
    /// What `range` names.
    ///
    /// # Errors
    /// The unit is an extension or has no value, or the value is malformed. The offset
    /// counts from the start of the value behind the unit.
    pub fn of(range: &Range<'_>) -> Result<Self, ParseError> {
        let (unit, value) = match range.spec {
            RangeSpec::Npt(npt) => return Ok(Self::Npt(npt)),
            RangeSpec::Other { unit, value: Some(value) } => (unit, value),
            RangeSpec::Other { .. } => return Err(ParseError::new(ParseErrorKind::Empty, 0)),
        };
        if unit.eq_ignore_ascii_case("clock") {
            return Interval::parse(value.as_bytes(), UtcTime::parse).map(Self::Clock);
        }
        let unit =
            SmpteUnit::from_name(unit).ok_or_else(|| ParseError::new(ParseErrorKind::Range, 0))?;
        SmpteRange::parse(unit, value.as_bytes()).map(Self::Smpte)
    }

    /// Both ends as positions; `None` when the reference does not say enough.
    #[must_use]
    pub fn positions(&self, reference: &Reference) -> Option<Interval<Position>> {
        match self {
            Self::Npt(npt) => {
                let at = |time: NptTime| match time {
                    NptTime::Now => reference.now,
                    NptTime::At(at) => Some(Position::from_duration(at)),
                };
                Interval { start: npt.start, end: npt.end }.try_map(at)
            }
            Self::Smpte(smpte) => smpte.times.try_map(|time| Some(time.position(smpte.unit))),
            Self::Clock(times) => {
                let origin = reference.origin?;
                times.try_map(|time| time.since(origin))
            }
        }
    }

    /// The same part in normal play time; what is below a nanosecond is dropped.
    #[must_use]
    pub fn to_npt(&self, reference: &Reference) -> Option<NptRange> {
        if let Self::Npt(npt) = self {
            return Some(*npt);
        }
        let times = self.positions(reference)?.try_map(Position::to_duration)?;
        Some(NptRange { start: times.start.map(NptTime::At), end: times.end.map(NptTime::At) })
    }

    /// The same part in SMPTE time codes, each end at the hundredth of a frame that it lies
    /// in; `None` also beyond hour 99.
    #[must_use]
    pub fn to_smpte(&self, unit: SmpteUnit, reference: &Reference) -> Option<SmpteRange> {
        let times = self.positions(reference)?.try_map(|at| SmpteTime::at(unit, at))?;
        Some(SmpteRange { unit, times })
    }

    /// The same part in absolute time; what is below a nanosecond is dropped.
    #[must_use]
    pub fn to_clock(&self, reference: &Reference) -> Option<Interval<UtcTime>> {
        if let Self::Clock(times) = self {
            return Some(*times);
        }
        let origin = reference.origin?;
        self.positions(reference)?.try_map(|at| origin.checked_add(at.to_duration()?))
    }

    /// Whether both name the same part, in whatever units; `None` when nobody can tell.
    #[must_use]
    pub fn is_same(&self, other: &Self, reference: &Reference) -> Option<bool> {
        Some(self == other || self.positions(reference)? == other.positions(reference)?)
    }
}

/// As the Range header has it: unit, `=`, interval.
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npt(npt) => write!(f, "npt={npt}"),
            Self::Smpte(smpte) => smpte.fmt(f),
            Self::Clock(times) => write!(f, "clock={times}"),
        }
    }
}

impl Range<'_> {
    /// `;time=` as a time: when the operation takes effect (RFC 2326 §12.29).
    ///
    /// ```
    /// use rtsp_proto::headers::{Range, TypedHeader};
    ///
    /// let range = Range::parse(b"npt=5-;time=19970123T143720Z").unwrap();
    /// assert_eq!(range.effective_at().unwrap().unwrap().unix_secs(), 854_030_240);
    /// ```
    #[must_use]
    pub fn effective_at(&self) -> Option<Result<UtcTime, ParseError>> {
        self.time.map(|time| UtcTime::parse(time.as_bytes()))
    }
}
