//! Media-Properties and Media-Range (RFC 7826 §18.29, §18.30): what can be done with the
//! media, and which parts there are.

use super::bytes::{next_piece, offset_in, pair, text, trim};
use super::parts::{Decimal, list_headers, token};
use super::{ListItem, Range, TypedHeader};
use crate::range::UtcTime;
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// One property. Those that are unknown are kept and to be ignored (§18.29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaProperty<'a> {
    /// Seeking is possible; perhaps: the longest time in seconds between two access points.
    RandomAccess(Option<Decimal>),
    /// Only to the beginning.
    BeginningOnly,
    /// Not at all.
    NoSeeking,
    /// The content stays as it is.
    Immutable,
    /// The content may change.
    Dynamic,
    /// What there is grows as time passes.
    TimeProgressing,
    /// It is kept as long as the session lives.
    Unlimited,
    /// It is kept until then, at least.
    TimeLimited(UtcTime),
    /// Each part is kept for so many seconds.
    TimeDuration(Decimal),
    /// Which scales there are.
    Scales(Scales<'a>),
    /// Another one.
    Other {
        /// Its name.
        name: &'a str,
        /// What stands behind `=`, quotes included.
        value: Option<&'a str>,
    },
}

impl<'a> ListItem<'a> for MediaProperty<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        let (name, value) = pair(item);
        let at = value.map_or(item.len(), |value| offset_in(item, value));
        let name = token(name)?;
        let value = value.map(text).transpose().map_err(|error| error.at(at))?;
        let needed =
            || value.ok_or_else(|| ParseError::new(ParseErrorKind::MissingParameter, item.len()));
        let number = |value: &str| Decimal::parse(value.as_bytes()).map_err(|error| error.at(at));
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        Ok(if is("Random-Access") {
            Self::RandomAccess(value.map(number).transpose()?)
        } else if is("Beginning-Only") {
            Self::BeginningOnly
        } else if is("No-Seeking") {
            Self::NoSeeking
        } else if is("Immutable") {
            Self::Immutable
        } else if is("Dynamic") {
            Self::Dynamic
        } else if is("Time-Progressing") {
            Self::TimeProgressing
        } else if is("Unlimited") {
            Self::Unlimited
        } else if is("Time-Limited") {
            let time = UtcTime::parse(needed()?.as_bytes());
            Self::TimeLimited(time.map_err(|error| error.at(at))?)
        } else if is("Time-Duration") {
            Self::TimeDuration(number(needed()?)?)
        } else if is("Scales") {
            Self::Scales(Scales::new(bytes_unquoted(needed()?)))
        } else {
            Self::Other { name, value }
        })
    }
}

impl fmt::Display for MediaProperty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RandomAccess(None) => f.write_str("Random-Access"),
            Self::RandomAccess(Some(seconds)) => write!(f, "Random-Access={seconds}"),
            Self::BeginningOnly => f.write_str("Beginning-Only"),
            Self::NoSeeking => f.write_str("No-Seeking"),
            Self::Immutable => f.write_str("Immutable"),
            Self::Dynamic => f.write_str("Dynamic"),
            Self::TimeProgressing => f.write_str("Time-Progressing"),
            Self::Unlimited => f.write_str("Unlimited"),
            Self::TimeLimited(until) => write!(f, "Time-Limited={until}"),
            Self::TimeDuration(seconds) => write!(f, "Time-Duration={seconds}"),
            Self::Scales(scales) => write!(f, "Scales=\"{scales}\""),
            Self::Other { name, value: None } => f.write_str(name),
            Self::Other { name, value: Some(value) } => write!(f, "{name}={value}"),
        }
    }
}

/// The scales that a server offers: single ones and ranges, in any order.
///
/// ```
/// use rtsp_proto::headers::{Decimal, Scales};
///
/// let scales = Scales::new("-20, -4, 0.5:1.5, 4");
/// let at = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
/// assert!(scales.contains(at("1.25")) && scales.contains(at("-4")));
/// assert!(!scales.contains(at("2")));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scales<'a>(&'a str);

/// The same elements in the same order.
impl PartialEq for Scales<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Scales<'_> {}

/// The elements that can be read, without quotes around them: no text gets out of them.
impl fmt::Display for Scales<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (low, high)) in self.iter().enumerate() {
            write!(f, "{}{low}", if i > 0 { ", " } else { "" })?;
            if low != high {
                write!(f, ":{high}")?;
            }
        }
        Ok(())
    }
}

impl<'a> Scales<'a> {
    /// What stands between the quotes: `-4, 0.5:1.5`.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Lowest and highest scale of each element; a single scale is both. An element that
    /// cannot be read is left out.
    pub fn iter(&self) -> impl Iterator<Item = (Decimal, Decimal)> + use<'a> {
        let mut rest = Some(self.0.as_bytes());
        core::iter::from_fn(move || {
            loop {
                let item = trim(next_piece(&mut rest, b',')?);
                let mut ends = item.splitn(2, |b| *b == b':').map(|end| Decimal::parse(trim(end)));
                match (ends.next(), ends.next()) {
                    (Some(Ok(one)), None) => return Some((one, one)),
                    (Some(Ok(low)), Some(Ok(high))) => return Some((low.min(high), low.max(high))),
                    _ => {}
                }
            }
        })
    }

    /// Whether `scale` is offered.
    #[must_use]
    pub fn contains(&self, scale: Decimal) -> bool {
        self.iter().any(|(low, high)| low <= scale && scale <= high)
    }
}

impl<'a> ListItem<'a> for Range<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse(item)
    }
}

list_headers! {
    /// `Media-Properties` (RFC 7826 §18.29): what can be done with the media. Empty in a
    /// request that asks for them.
    MediaProperties(MediaProperty),
    /// `Media-Range` (RFC 7826 §18.30): which parts of the media there are now, in all units
    /// that are supported. Empty in a request that asks for them.
    MediaRange(Range),
}

impl<'a> MediaProperties<'a> {
    /// The scales, when they are said.
    #[must_use]
    pub fn scales(&self) -> Option<Scales<'a>> {
        self.iter().find_map(|property| match property {
            Ok(MediaProperty::Scales(scales)) => Some(scales),
            _ => None,
        })
    }
}

/// Text without the quotes around it, in which no escapes mean anything.
fn bytes_unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').unwrap_or(value);
    inner.strip_suffix('"').unwrap_or(inner)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;
    use crate::headers::join;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn tenths(n: i64) -> Decimal {
        Decimal::from_billionths(i128::from(n) * 100_000_000)
    }

    /// The examples of RFC 7826 §18.29 and §4.4.3.
    #[test]
    fn the_examples_of_the_rfc() {
        let value = b"Random-Access=2.5, Unlimited, Immutable, \
            Scales=\"-20, -10, -4, 0.5:1.5, 4, 8, 10, 15, 20\"";
        let properties = MediaProperties::parse(value).unwrap();
        assert_eq!(properties.to_string().as_bytes(), &value[..]);
        let scales = properties.scales().unwrap();
        assert_eq!(scales.iter().count(), 9);
        assert!(scales.contains(tenths(10)) && !scales.contains(tenths(16)));
        let list: Vec<_> = properties.iter().map(Result::unwrap).collect();
        assert_eq!(list[0], MediaProperty::RandomAccess(Some(tenths(25))));
        assert_eq!(list[1..3], [MediaProperty::Unlimited, MediaProperty::Immutable]);
        let live = MediaProperties::parse(b"No-Seeking, Time-Progressing, Time-Duration=0.0");
        assert_eq!(
            live.unwrap().iter().map(Result::unwrap).collect::<Vec<_>>(),
            [
                MediaProperty::NoSeeking,
                MediaProperty::TimeProgressing,
                MediaProperty::TimeDuration(Decimal::default()),
            ]
        );
        let limited = MediaProperties::parse(b"Time-Limited=20141224T1500Z, x-new=\"a, b\"");
        assert_eq!(limited.unwrap().to_string(), "Time-Limited=20141224T150000Z, x-new=\"a, b\"");
        let ranges = MediaRange::parse(b"npt=0-634.6, clock=19961108T143720.25Z-").unwrap();
        assert_eq!(ranges.to_string(), "npt=0-634.6, clock=19961108T143720.25Z-");
        assert_eq!(MediaRange::parse(b"").unwrap().iter().count(), 0);
    }

    #[test]
    fn scales_cannot_get_out_of_their_quotes() {
        let value = b"Scales=\"1, x, Scales=\"2, Unlimited";
        let properties = MediaProperties::parse(value).unwrap();
        assert_eq!(properties.to_string(), "Scales=\"1\", Unlimited");
    }

    #[test]
    fn one_odd_property_does_not_spoil_the_others() {
        let value = b"Time-Limited, Time-Duration=x, a b, Random-Access=, Dynamic";
        let list: Vec<_> = MediaProperties::parse(value).unwrap().iter().collect();
        let offsets: Vec<_> =
            list.iter().map(|item| item.map_err(|error| error.offset())).collect();
        assert_eq!(offsets, [Err(12), Err(28), Err(32), Err(50), Ok(MediaProperty::Dynamic)]);
    }

    fn property() -> impl Strategy<Value = MediaProperty<'static>> {
        prop_oneof![
            prop::option::of(any::<u32>())
                .prop_map(|n| { MediaProperty::RandomAccess(n.map(|n| tenths(n.into()))) }),
            Just(MediaProperty::BeginningOnly),
            Just(MediaProperty::Dynamic),
            any::<u32>().prop_map(|n| {
                MediaProperty::TimeLimited(UtcTime::from_unix(n.into(), n % 1000).unwrap())
            }),
            any::<u32>().prop_map(|n| MediaProperty::TimeDuration(tenths(n.into()))),
            Just(MediaProperty::Scales(Scales::new("-1, 0.5:2"))),
            Just(MediaProperty::Other { name: "x", value: Some("\"a, b\"") }),
            Just(MediaProperty::Other { name: "y", value: None }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn properties_are_read_as_written(list in prop::collection::vec(property(), 0..6)) {
            let text = join(&list).to_string();
            let read: Vec<_> = MediaProperties::parse(text.as_bytes()).unwrap().iter().collect();
            prop_assert_eq!(read, list.into_iter().map(Ok).collect::<Vec<_>>());
        }
    }
}
