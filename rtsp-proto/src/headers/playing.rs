//! Headers about how to play: Scale, Speed, Seek-Style, sizes and rates, time stamps.

use super::bytes::{number, offset_in, pair, text, trim};
use super::parts::{Decimal, token_headers};
use super::{HeaderName, TypedHeader};
use crate::Version;
use core::fmt;
use core::time::Duration;
use proto_wire::{ParseError, ParseErrorKind};

/// `Scale` (RFC 2326 §12.34, RFC 7826 §18.46): how fast media time passes; below zero it
/// goes backwards. A server answers with the value that it chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one number")]
pub struct Scale(
    /// 1 is the normal rate; 0 has no meaning.
    pub Decimal,
);

impl<'a> TypedHeader<'a> for Scale {
    const NAME: HeaderName = HeaderName::Scale;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        Decimal::parse(trim(value)).map(Self)
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `Speed`: how fast data is delivered. One number in RTSP 1.0 (RFC 2326 §12.35), a range
/// in 2.0 (RFC 7826 §18.50); both forms are read in both.
///
/// ```
/// use rtsp_proto::Version;
/// use rtsp_proto::headers::{Speed, TypedHeader};
///
/// let speed = Speed::parse(b"1.0-2.5").unwrap();
/// assert_eq!(speed.for_version(Version::V2_0).to_string(), "1-2.5");
/// // 1.0 has no ranges: the most that may be delivered.
/// assert_eq!(speed.for_version(Version::V1_0).to_string(), "2.5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a range has two ends")]
pub struct Speed {
    /// At least so fast, or the quality may suffer.
    pub lower: Decimal,
    /// At most so fast.
    pub upper: Decimal,
}

impl Speed {
    /// Exactly so fast.
    #[must_use]
    pub const fn exactly(speed: Decimal) -> Self {
        Self { lower: speed, upper: speed }
    }

    /// The value as a message of `version` writes it.
    #[must_use]
    pub const fn for_version(self, version: Version) -> VersionedSpeed {
        VersionedSpeed(self, matches!(version, Version::V2_0))
    }
}

/// A [`Speed`] as one version writes it.
#[derive(Clone, Copy, Debug)]
pub struct VersionedSpeed(Speed, bool);

impl fmt::Display for VersionedSpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Speed { lower, upper }, is_range) = self;
        if *is_range { write!(f, "{lower}-{upper}") } else { upper.fmt(f) }
    }
}

impl<'a> TypedHeader<'a> for Speed {
    const NAME: HeaderName = HeaderName::Speed;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let wrong = |at| ParseError::new(ParseErrorKind::Number, at);
        let read = |part: &'a [u8]| {
            let at = offset_in(value, part);
            Decimal::parse(part)
                .ok()
                .filter(|speed| *speed > Decimal::default())
                .ok_or_else(|| wrong(at))
        };
        match memchr::memchr(b'-', value) {
            None => read(trim(value)).map(Self::exactly),
            Some(dash) => {
                let (lower, upper) = value.split_at_checked(dash).unwrap_or((value, &[]));
                let (lower, upper) =
                    (read(trim(lower))?, read(trim(upper.get(1..).unwrap_or(&[])))?);
                if lower > upper {
                    return Err(ParseError::new(ParseErrorKind::Range, dash));
                }
                Ok(Self { lower, upper })
            }
        }
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($type:ty),)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::exhaustive_structs, reason = "one number")]
        pub struct $name(
            /// The number.
            pub $type,
        );

        impl<'a> TypedHeader<'a> for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                number(trim(value))
                    .and_then(|n| <$type>::try_from(n).ok())
                    .map(Self)
                    .ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

numbers! {
    /// `Bandwidth` (RFC 2326 §12.6, RFC 7826 §18.9): what the client has, in bits per second.
    Bandwidth(u64),
    /// `Blocksize` (RFC 2326 §12.7, RFC 7826 §18.10): bytes of a media packet without the
    /// headers of IP, UDP and RTP.
    Blocksize(u32),
    /// `Content-Length` (RFC 2326 §12.14, RFC 7826 §18.17): bytes of the body.
    ContentLength(u64),
    /// `Pipelined-Requests` (RFC 7826 §18.33): requests with the same number belong to the
    /// session that the first of them makes.
    PipelinedRequests(u32),
}

token_headers! {
    /// `Seek-Style` (RFC 7826 §18.47): from where exactly to play.
    SeekStyle {
        /// The random access point before the start of the range.
        Rap = "RAP",
        /// The same, but nothing at all when the pause point is nearer to the start.
        CoRap = "CoRAP",
        /// The unit before or at the start.
        FirstPrior = "First-Prior",
        /// The unit behind or at the start.
        Next = "Next",
    }
    /// `Notify-Reason` (RFC 7826 §18.32): why a `PLAY_NOTIFY` is sent.
    NotifyReason {
        /// The end of the media or of the range is reached (§13.5.1).
        EndOfStream = "end-of-stream",
        /// The properties changed (§13.5.2).
        MediaPropertiesUpdate = "media-properties-update",
        /// The scale changed (§13.5.3).
        ScaleChange = "scale-change",
        /// ICE has to be restarted (RFC 7825 §4.6).
        IceRestart = "ice-restart",
    }
}

/// `Timestamp` (RFC 2326 §12.38, RFC 7826 §18.53): when the request was sent, in the
/// sender's own scale, to be echoed exactly; in a response perhaps how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timestamp<'a> {
    /// The value as it was written.
    pub value: &'a str,
    /// Seconds between request and response.
    pub delay: Option<Decimal>,
}

impl<'a> Timestamp<'a> {
    /// A request's time stamp.
    #[must_use]
    pub const fn new(value: &'a str) -> Self {
        Self { value, delay: None }
    }

    /// The echo of it, when the answer took so long.
    #[must_use]
    pub fn echo(self, delay: Duration) -> Self {
        let nanos = i128::try_from(delay.as_nanos()).unwrap_or(i128::MAX);
        Self { delay: Some(Decimal::from_billionths(nanos)), ..self }
    }
}

impl<'a> TypedHeader<'a> for Timestamp<'a> {
    const NAME: HeaderName = HeaderName::Timestamp;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let whole = trim(value);
        let end = whole.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(whole.len());
        let (stamp, delay) = whole.split_at_checked(end).unwrap_or((whole, &[]));
        // Some clients write `;delay=`.
        let at = offset_in(value, stamp);
        // In the sender's own scale, and as long as the sender likes: only the sender counts with it.
        if !is_digits(stamp) {
            Decimal::parse(stamp).map_err(|error| error.at(at))?;
        }
        let delay = match trim(delay) {
            b"" => None,
            delay => {
                let at = offset_in(value, delay);
                Some(Decimal::parse(delay).map_err(|error| error.at(at))?)
            }
        };
        Ok(Self { value: text(stamp)?, delay })
    }
}

/// Digits, with one point among or beside them at most.
fn is_digits(stamp: &[u8]) -> bool {
    let mut parts = stamp.split(|b| *b == b'.');
    let all = |part: Option<&[u8]>| part.is_none_or(|part| part.iter().all(u8::is_ascii_digit));
    all(parts.next())
        && all(parts.next())
        && parts.next().is_none()
        && stamp != b"."
        && !stamp.is_empty()
}

impl fmt::Display for Timestamp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value)?;
        self.delay.map_or(Ok(()), |delay| write!(f, " {delay}"))
    }
}

macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident,)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(clippy::exhaustive_structs, reason = "yes or no")]
        pub struct $name(
            /// `yes` or `no`.
            pub bool,
        );

        impl<'a> TypedHeader<'a> for $name {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                match trim(value) {
                    yes if yes.eq_ignore_ascii_case(b"yes") => Ok(Self(true)),
                    no if no.eq_ignore_ascii_case(b"no") => Ok(Self(false)),
                    _ => Err(ParseError::new(ParseErrorKind::Syntax, 0)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(if self.0 { "yes" } else { "no" })
            }
        }
    )* };
}

switches! {
    /// `Rate-Control` (ONVIF Streaming Specification §6.4): `no` lets the server send a
    /// recording as fast as it can.
    RateControl,
    /// `Immediate` (ONVIF Streaming Specification §6.5): `yes` lets a PLAY take effect at
    /// once, without playing what is in the queue.
    Immediate,
}

/// `Frames` (ONVIF Streaming Specification §6.4): which frames of a recording are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Frames<'a> {
    /// `intra`, `predicted`, `all`.
    pub kind: &'a str,
    /// Milliseconds between two intra frames, at least.
    pub interval_ms: Option<u32>,
}

impl<'a> Frames<'a> {
    /// Only frames that need no others.
    pub const INTRA: Self = Self { kind: "intra", interval_ms: None };
    /// Also frames that are predicted from earlier ones.
    pub const PREDICTED: Self = Self { kind: "predicted", interval_ms: None };
    /// All.
    pub const ALL: Self = Self { kind: "all", interval_ms: None };

    /// Intra frames, at least so many milliseconds apart.
    #[must_use]
    pub const fn intra_every(interval_ms: u32) -> Self {
        Self { kind: "intra", interval_ms: Some(interval_ms) }
    }

    /// Whether the kind is `kind`, in any case.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }
}

impl<'a> TypedHeader<'a> for Frames<'a> {
    const NAME: HeaderName = HeaderName::Frames;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let mut parts = trim(value).splitn(2, |b| *b == b'/');
        let kind = super::parts::token(trim(parts.next().unwrap_or(&[])))?;
        let interval_ms = match parts.next().map(trim) {
            None => None,
            Some(interval) => {
                let wrong = || ParseError::new(ParseErrorKind::Number, offset_in(value, interval));
                let n = number(interval).and_then(|n| u32::try_from(n).ok());
                Some(n.ok_or_else(wrong)?)
            }
        };
        Ok(Self { kind, interval_ms })
    }
}

impl fmt::Display for Frames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        self.interval_ms.map_or(Ok(()), |interval| write!(f, "/{interval}"))
    }
}

/// `name=value`, both given; for the fixed parameters of a few headers.
pub(super) fn assigned<'a>(piece: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (found, value) = pair(piece);
    value.filter(|_| found.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests state what must hold")]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    /// The examples of RFC 2326 §12.34-12.38, RFC 7826 §18.46-18.53 and ONVIF.
    #[test]
    fn the_examples_of_the_specifications() {
        assert_eq!(Scale::parse(b"-3.5").unwrap().0.billionths(), -3_500_000_000);
        assert_eq!(Speed::parse(b"2.5").unwrap().for_version(Version::V1_0).to_string(), "2.5");
        let speed = Speed::parse(b"1.0 - 2.5").unwrap();
        assert_eq!(speed.for_version(Version::V2_0).to_string(), "1-2.5");
        assert_eq!(Bandwidth::parse(b"4000").unwrap(), Bandwidth(4000));
        assert_eq!(Bandwidth::parse(b"62360").unwrap(), Bandwidth(62360));
        for (text, kind) in [
            ("RAP", SeekStyle::Rap),
            ("corap", SeekStyle::CoRap),
            ("First-Prior", SeekStyle::FirstPrior),
            ("Next", SeekStyle::Next),
            ("x", SeekStyle::Other("x")),
        ] {
            assert_eq!(SeekStyle::parse(text.as_bytes()), Ok(kind));
        }
        assert_eq!(NotifyReason::parse(b"end-of-stream"), Ok(NotifyReason::EndOfStream));
        assert_eq!(Frames::parse(b"intra/4000"), Ok(Frames::intra_every(4000)));
        assert_eq!(Frames::parse(b"INTRA").unwrap().kind, "INTRA");
        assert!(Frames::parse(b"INTRA").unwrap().is("intra"));
        assert_eq!(RateControl::parse(b"No"), Ok(RateControl(false)));
        assert_eq!(Immediate::parse(b"yes"), Ok(Immediate(true)));
        let stamp = Timestamp::parse(b"1234.56789 0.25").unwrap();
        assert_eq!(
            (stamp.value, stamp.delay),
            ("1234.56789", Some(Decimal::from_billionths(250_000_000)))
        );
        let echo = Timestamp::new("7.00").echo(Duration::from_millis(1500));
        assert_eq!(echo.to_string(), "7.00 1.5");
    }

    #[test]
    fn what_is_none_of_them() {
        assert_eq!(Speed::parse(b"2-1").unwrap_err().kind(), ParseErrorKind::Range);
        for speed in ["", "0", "-1", "1-", "a", "1-2-3"] {
            assert!(Speed::parse(speed.as_bytes()).is_err(), "{speed}");
        }
        for n in ["", "-1", "+1", "4294967296", "1.5"] {
            assert!(Blocksize::parse(n.as_bytes()).is_err(), "{n}");
            assert!(PipelinedRequests::parse(n.as_bytes()).is_err(), "{n}");
        }
        for stamp in ["", "x", "1 x", "1;2"] {
            assert!(Timestamp::parse(stamp.as_bytes()).is_err(), "{stamp}");
        }
        for frames in ["", "/1", "intra/", "intra/x", "intra/1/2", "a b"] {
            assert!(Frames::parse(frames.as_bytes()).is_err(), "{frames}");
        }
        assert!(RateControl::parse(b"maybe").is_err());
        for n in ["", "-", ".", "1..2", "1e5", "--1", "99999999999999999999"] {
            assert!(Decimal::parse(n.as_bytes()).is_err(), "{n}");
        }
        assert_eq!(Decimal::parse(b".5").unwrap().to_string(), "0.5");
        assert_eq!(Decimal::parse(b"-1.").unwrap().to_string(), "-1");
        assert_eq!(Decimal::parse(b"1.0000000019").unwrap().to_string(), "1.000000001");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn values_are_read_as_written(n: i64, part in 0..1_000_000_000_i128, m: u32, b: bool) {
            let decimal = Decimal::from_billionths(i128::from(n) * 1_000_000_000 + part);
            let text = decimal.to_string();
            prop_assert_eq!(Scale::parse(text.as_bytes()), Ok(Scale(decimal)));
            let lower = Decimal::from_billionths(1 + part);
            let speed = Speed { lower, upper: Decimal::from_billionths(2 + part + i128::from(m)) };
            let text = speed.for_version(Version::V2_0).to_string();
            prop_assert_eq!(Speed::parse(text.as_bytes()), Ok(speed));
            let text = Speed::exactly(lower).for_version(Version::V1_0).to_string();
            prop_assert_eq!(Speed::parse(text.as_bytes()), Ok(Speed::exactly(lower)));
            let text = Frames::intra_every(m).to_string();
            prop_assert_eq!(Frames::parse(text.as_bytes()), Ok(Frames::intra_every(m)));
            let text = Blocksize(m).to_string();
            prop_assert_eq!(Blocksize::parse(text.as_bytes()), Ok(Blocksize(m)));
            let text = Immediate(b).to_string();
            prop_assert_eq!(Immediate::parse(text.as_bytes()), Ok(Immediate(b)));
            let digits = m.to_string();
            let stamp = Timestamp::new(&digits).echo(Duration::from_micros(u64::from(m)));
            let text = stamp.to_string();
            prop_assert_eq!(Timestamp::parse(text.as_bytes()), Ok(stamp));
        }
    }
}
