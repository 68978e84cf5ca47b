//! Headers that are a date: Date, Expires, If-Modified-Since, Last-Modified, Retry-After.

use super::bytes::{is_lws, number, trim};
use super::{HeaderName, TypedHeader};
use crate::Version;
use crate::range::UtcTime;
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date as headers write it, to the second.
///
/// Reads RFC 1123 (RTSP 1.0), RFC 5322 with zones and comments (2.0), RFC 850, `asctime`,
/// and the order that live555 has (`Sun, Nov 06 1994 08:49:37 GMT`). The day of the week is not looked at: the RFC's own examples have it wrong.
///
/// ```
/// use rtsp_proto::Version;
/// use rtsp_proto::headers::RtspDate;
///
/// let date = RtspDate::parse(b"Wed, 23 Jan 2013 16:36:52 +0100 (CET)").unwrap();
/// assert_eq!(date.to_string(), "Wed, 23 Jan 2013 15:36:52 GMT");
/// assert_eq!(date.for_version(Version::V2_0).to_string(), "Wed, 23 Jan 2013 15:36:52 +0000");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one time")]
pub struct RtspDate(
    /// The time; a fraction of a second is not written.
    pub UtcTime,
);

impl RtspDate {
    /// Reads a date.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        read(value).map(Self).ok_or_else(|| ParseError::new(ParseErrorKind::Time, 0))
    }

    /// The date as a message of `version` writes it: RFC 1123 (`GMT`) in 1.0, RFC 5322
    /// (`+0000`) in 2.0. Receivers take both.
    #[must_use]
    pub const fn for_version(self, version: Version) -> VersionedDate {
        VersionedDate(self, matches!(version, Version::V2_0))
    }
}

/// A [`RtspDate`] as one version writes it.
#[derive(Clone, Copy, Debug)]
pub struct VersionedDate(RtspDate, bool);

impl fmt::Display for VersionedDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0.0;
        let ((year, month, day), (hour, minute, second)) = (time.date(), time.time_of_day());
        let name = |names: &[&'static str], at: u8| names.get(usize::from(at)).copied();
        let weekday = name(&DAYS, time.weekday()).unwrap_or("");
        let month = name(&MONTHS, month.wrapping_sub(1)).unwrap_or("");
        let zone = if self.1 { "+0000" } else { "GMT" };
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} {zone}")
    }
}

/// As RTSP 1.0 writes it, which 2.0 reads too.
impl fmt::Display for RtspDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        VersionedDate(*self, false).fmt(f)
    }
}

fn read(value: &[u8]) -> Option<UtcTime> {
    // Words, without a weekday in front and a comment behind.
    let end = memchr::memchr(b'(', value).unwrap_or(value.len());
    let mut words = value
        .get(..end)?
        .split(|b| is_lws(*b) || matches!(b, b',' | b'-'))
        .filter(|word| !word.is_empty());
    // A zone such as -0500 lost its sign to the split; look at the text for that.
    let is_west =
        value.get(..end)?.windows(2).any(|pair| matches!(pair, [before, b'-'] if is_lws(*before)));
    let mut word = words.next()?;
    if word.iter().all(u8::is_ascii_alphabetic) && month_of(word).is_none() {
        word = words.next()?;
    }
    let (day, month, year, time);
    if let Some(found) = month_of(word) {
        // asctime: Nov  6 08:49:37 1994; live555: Nov 06 1994 08:49:37 GMT
        month = found;
        day = number(words.next()?)?;
        let (one, other) = (words.next()?, words.next()?);
        (time, year) = if one.contains(&b':') { (one, other) } else { (other, one) };
    } else {
        day = number(word)?;
        month = month_of(words.next()?)?;
        year = words.next()?;
        time = words.next()?;
    }
    let year = match (number(year)?, year.len()) {
        // RFC 5322 §4.3: two digits below 50 are of this century.
        (year @ 0..=49, 2) => year.saturating_add(2000),
        (year, 2 | 3) => year.saturating_add(1900),
        (year, 4) => year,
        _ => return None,
    };
    let mut parts = time.split(|b| *b == b':');
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let second = parts.next().map_or(Some(0), number)?;
    if parts.next().is_some() {
        return None;
    }
    let small = |n: u64| u8::try_from(n).ok();
    let date = (u16::try_from(year).ok()?, month, small(day)?);
    let time = UtcTime::from_civil(date, (small(hour)?, small(minute)?, small(second)?), 0)?;
    let east = match words.next() {
        None => 0,
        Some(zone) => minutes_east(zone, is_west)?,
    };
    let secs = time.unix_secs().checked_sub(i64::from(east).checked_mul(60)?)?;
    UtcTime::from_unix(secs, 0)
}

fn month_of(word: &[u8]) -> Option<u8> {
    let start = word.get(..3)?;
    let at = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(start))?;
    u8::try_from(at).ok()?.checked_add(1)
}

/// RFC 5322 §4.3: the zones that have names; others count as UTC.
fn minutes_east(zone: &[u8], is_west: bool) -> Option<i32> {
    let digits = zone.strip_prefix(b"+").unwrap_or(zone);
    if let ([a, b, c, d], true) = (digits, digits.iter().all(u8::is_ascii_digit)) {
        let hours = i32::try_from(number(&[*a, *b])?).ok()?;
        let minutes = i32::try_from(number(&[*c, *d])?).ok()?;
        let east = hours.checked_mul(60)?.checked_add(minutes)?;
        return if is_west { east.checked_neg() } else { Some(east) };
    }
    let known: [(&[u8], i32); 8] = [
        (b"EDT", -4),
        (b"EST", -5),
        (b"CDT", -5),
        (b"CST", -6),
        (b"MDT", -6),
        (b"MST", -7),
        (b"PDT", -7),
        (b"PST", -8),
    ];
    let hours = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)).map_or(0, |z| z.1);
    zone.iter().all(u8::is_ascii_alphabetic).then_some(hours.checked_mul(60)?)
}

macro_rules! dates {
    ($($(#[$doc:meta])* $name:ident,)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::exhaustive_structs, reason = "one date")]
        pub struct $name(
            /// When.
            pub RtspDate,
        );

        impl<'a> TypedHeader<'a> for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                RtspDate::parse(value).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

dates! {
    /// `Date` (RFC 2326 §12.18, RFC 7826 §18.21): when the message was made.
    Date,
    /// `Expires` (RFC 2326 §12.19, RFC 7826 §18.22). What cannot be read, `0` for one, means
    /// "already": treat an error so.
    Expires,
    /// `If-Modified-Since` (RFC 2326 §12.23, RFC 7826 §18.25).
    IfModifiedSince,
    /// `Last-Modified` (RFC 2326 §12.24, RFC 7826 §18.27).
    LastModified,
}

/// `Retry-After` (RFC 2326 §12.31, RFC 7826 §18.44): when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the grammar has these two")]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// From then on.
    Date(RtspDate),
}

impl<'a> TypedHeader<'a> for RetryAfter {
    const NAME: HeaderName = HeaderName::RetryAfter;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        match number(trim(value)) {
            Some(seconds) => Ok(Self::Seconds(seconds)),
            None => RtspDate::parse(value).map(Self::Date),
        }
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::Date(date) => date.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn all_forms_of_dates_are_read() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("6 Nov 94 08:49 UT", "Sun, 06 Nov 1994 08:49:00 GMT"),
            ("Fri, 21 Nov 1997 09:55:06 -0600", "Fri, 21 Nov 1997 15:55:06 GMT"),
            ("Fri, 21 Nov 1997 09:55:06 +0530", "Fri, 21 Nov 1997 04:25:06 GMT"),
            ("Fri, 21 Nov 1997 09:55:06 PST", "Fri, 21 Nov 1997 17:55:06 GMT"),
            ("Fri, 21 Nov 1997 09:55:06 Z", "Fri, 21 Nov 1997 09:55:06 GMT"),
            ("Fri, 21 Nov 1997 09:55:06", "Fri, 21 Nov 1997 09:55:06 GMT"),
            // RFC 7826 examples: no weekday; two that are wrong; a numeric zone.
            ("23 Jan 1997 15:35:17 GMT", "Thu, 23 Jan 1997 15:35:17 GMT"),
            ("Tue, 14 Apr 2008 15:48:06 GMT", "Mon, 14 Apr 2008 15:48:06 GMT"),
            ("Thu, 13 Feb 1996 14:30:43 GMT", "Tue, 13 Feb 1996 14:30:43 GMT"),
            ("Wed, 23 Jan 2013 15:36:52 +0000", "Wed, 23 Jan 2013 15:36:52 GMT"),
        ] {
            assert_eq!(Date::parse(text.as_bytes()).unwrap().to_string(), expected, "{text}");
        }
        for text in [
            "",
            "0",
            "Sun",
            "Sun, 06 Nov",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 +1",
        ] {
            assert!(Expires::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    /// RFC 7826 §18.44.
    #[test]
    fn retry_after_is_a_date_or_seconds() {
        assert_eq!(RetryAfter::parse(b" 120 ").unwrap(), RetryAfter::Seconds(120));
        let text = "Fri, 31 Dec 1999 23:59:59 GMT";
        let date = RetryAfter::parse(text.as_bytes()).unwrap();
        assert!(matches!(date, RetryAfter::Date(_)));
        assert_eq!(date.to_string(), text);
        assert!(RetryAfter::parse(b"soon").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn dates_are_read_as_written(secs in -62_167_219_200_i64..253_402_300_800, v2: bool) {
            let date = RtspDate(UtcTime::from_unix(secs, 0).unwrap());
            let version = if v2 { Version::V2_0 } else { Version::V1_0 };
            let text = date.for_version(version).to_string();
            prop_assert_eq!(LastModified::parse(text.as_bytes()), Ok(LastModified(date)));
        }
    }
}
