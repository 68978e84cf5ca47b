//! Entity time (XEP-0202), and the form in which times are written (XEP-0082).

use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;
use proto_wire::Timestamp;

/// What time it is somewhere, in the forms of XEP-0082.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntityTime<'a> {
    /// The offset of the zone, such as `-06:00`.
    pub zone: Cow<'a, str>,
    /// The time in UTC, such as `2006-12-19T17:58:35Z`.
    pub utc: Cow<'a, str>,
}

impl<'a> EntityTime<'a> {
    /// A time in a zone.
    #[must_use]
    pub const fn new(zone: &'a str, utc: &'a str) -> Self {
        Self { zone: Cow::Borrowed(zone), utc: Cow::Borrowed(utc) }
    }

    /// Reads the `<time/>` of a result.
    #[must_use]
    pub fn read(time: Element<'a>) -> Option<Self> {
        if !time.is(Ns::TIME, "time") {
            return None;
        }
        let text = |name| time.child(Ns::TIME, name).map(Element::text);
        Some(Self { zone: text("tzo")?, utc: text("utc")? })
    }

    /// Writes the payload of a result.
    pub fn write(&self, w: &mut Writer) {
        w.start(Ns::TIME, "time");
        w.leaf(Ns::TIME, "tzo", &self.zone).leaf(Ns::TIME, "utc", &self.utc).end();
    }
}

/// Writes the payload of a request.
pub fn write_request(w: &mut Writer) {
    w.leaf(Ns::TIME, "time", "");
}

/// A point of time in the profile *`DateTime`* of XEP-0082 §3.2, such as
/// `1969-07-20T21:56:15-05:00`; [`Timestamp`] writes the same form. `None` when it is malformed.
///
/// ```
/// use xmpp_proto::ext::time::parse_datetime;
///
/// let landed = parse_datetime("1969-07-20T21:56:15.5-05:00").unwrap();
/// assert_eq!(landed.to_string(), "1969-07-21T02:56:15.500000Z");
/// assert_eq!(parse_datetime("1969-07-21T02:56:15.500Z"), Some(landed));
/// assert_eq!(parse_datetime("1969-02-29T00:00:00Z"), None);
/// ```
#[must_use]
pub fn parse_datetime(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (date, rest) = text.split_once('T')?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone_at)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, fraction),
        None => (clock, "0"),
    };
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let micros = fraction.bytes().chain(core::iter::repeat(b'0')).take(6);
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros = micros.fold(0_i64, |sum, b| {
        sum.saturating_mul(10).saturating_add(i64::from(b.saturating_sub(b'0')))
    });
    let offset = match zone {
        "Z" => 0,
        _ => {
            let (sign, clock) = zone.split_at_checked(1)?;
            let [hours, minutes] = numbers(clock, ':', [2, 2])?;
            let offset = hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60));
            if hours > 23 || minutes > 59 {
                return None;
            }
            if sign == "-" { offset.saturating_neg() } else { offset }
        }
    };
    let days = days(year, month, day)?;
    let seconds = days
        .saturating_mul(86_400)
        .saturating_add(hour.saturating_mul(3600))
        .saturating_add(minute.saturating_mul(60))
        .saturating_add(second)
        .saturating_sub(offset);
    Some(Timestamp::from_unix_micros(seconds.saturating_mul(1_000_000).saturating_add(micros)))
}

/// Numbers of these numbers of digits, with `separator` between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut all = [0; N];
    for (number, digits) in all.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(all)
}

/// Days since 1970-01-01; `None` when there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    // Years begin in March here, so that the day that comes and goes is their last one; 400 of
    // them are 146,097 days.
    let shifted = year.saturating_sub(i64::from(month <= 2));
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = month.saturating_add(9).rem_euclid(12).saturating_mul(153).saturating_add(2);
    let days = era
        .saturating_mul(146_097)
        .saturating_add(of_era.saturating_mul(365))
        .saturating_add(of_era.div_euclid(4))
        .saturating_sub(of_era.div_euclid(100))
        .saturating_add(of_year.div_euclid(5))
        .saturating_add(day)
        .saturating_sub(719_469);
    // The calendar itself is `Timestamp`'s: a day that it does not have is none.
    let at = Timestamp::from_unix_secs(days.saturating_mul(86_400)).civil_date();
    ((at.0, i64::from(at.1), i64::from(at.2)) == (year, month, day)).then_some(days)
}
