//! Headers that are text, a number, or an address.

use super::NameAddr;
use super::name_addr::name_addr_headers;
use super::print::unfolded;
use crate::message::{HeaderName, TypedHeader};
use core::fmt;
use core::ops::Deref;
use proto_wire::text::{chars, quoted};
use proto_wire::{ParseError, ParseErrorKind, Timestamp};

name_addr_headers! {
    /// `Refer-To` (RFC 3515 §2.1).
    ReferTo REFER_TO;
    /// `Referred-By` (RFC 3892 §3).
    ReferredBy REFERRED_BY;
    /// `Reply-To` (RFC 3261 §20.31).
    ReplyTo REPLY_TO;
    /// One value of `P-Asserted-Identity` (RFC 3325 §9.1).
    PAssertedIdentity P_ASSERTED_IDENTITY;
    /// One value of `P-Preferred-Identity` (RFC 3325 §9.2).
    PPreferredIdentity P_PREFERRED_IDENTITY;
    /// One value of `P-Associated-URI` (RFC 7315 §4.1).
    PAssociatedUri P_ASSOCIATED_URI;
    /// One value of `History-Info` (RFC 7044).
    HistoryInfo HISTORY_INFO;
    /// One value of `Diversion` (RFC 5806).
    Diversion DIVERSION;
    /// One value of `Alert-Info` (RFC 3261 §20.4).
    AlertInfo ALERT_INFO;
    /// One value of `Call-Info` (RFC 3261 §20.9).
    CallInfo CALL_INFO;
    /// One value of `Error-Info` (RFC 3261 §20.18).
    ErrorInfo ERROR_INFO;
}

macro_rules! text_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
        pub struct $name<'a>(pub &'a str);

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$constant;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                core::str::from_utf8(value)
                    .map(Self)
                    .map_err(|e| ParseError::new(ParseErrorKind::Utf8, e.valid_up_to()))
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                unfolded(f, self.0.as_bytes())
            }
        }
    )*};
}

pub(super) use text_headers;

text_headers! {
    /// `Subject` (RFC 3261 §20.36): commas are text.
    Subject SUBJECT;
    /// `Organization` (RFC 3261 §20.25).
    Organization ORGANIZATION;
    /// `User-Agent` (RFC 3261 §20.41).
    UserAgent USER_AGENT;
    /// `Server` (RFC 3261 §20.35).
    Server SERVER;
    /// `MIME-Version` (RFC 3261 §20.24).
    MimeVersion MIME_VERSION;
    /// One Call-ID of `In-Reply-To` (RFC 3261 §20.21).
    InReplyTo IN_REPLY_TO;
    /// `Content-ID` (RFC 8262), angle brackets included.
    ContentId CONTENT_ID;
    /// `Privacy` (RFC 3323 §4.2): words with semicolons between them.
    Privacy PRIVACY;
}

impl Privacy<'_> {
    /// Whether this kind of privacy is asked for, in any case.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.0.split(';').any(|word| word.trim().eq_ignore_ascii_case(kind))
    }
}

macro_rules! number_headers {
    ($($(#[$doc:meta])* $name:ident $constant:ident $number:ident $parse:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
        pub struct $name(pub $number);

        impl<'a> TypedHeader<'a> for $name {
            const NAME: HeaderName = HeaderName::$constant;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                $parse(value).map(Self).ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number_headers! {
    /// `Flow-Timer` in seconds (RFC 5626 §10).
    FlowTimer FLOW_TIMER u32 chars::parse_u32;
    /// `Max-Breadth` (RFC 5393 §5.3.3).
    MaxBreadth MAX_BREADTH u32 chars::parse_u32;
}

/// One value of `Warning` (RFC 3261 §20.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning<'a> {
    /// Three digits.
    pub code: u16,
    /// Who warns: a host, perhaps with a port, or a pseudonym.
    pub agent: &'a str,
    /// The text as it stands between its quotes, escapes included.
    pub text: &'a str,
}

impl<'a> Warning<'a> {
    /// A warning; the text must not hold quotes or line ends.
    #[must_use]
    pub const fn new(code: u16, agent: &'a str, text: &'a str) -> Self {
        Self { code, agent, text }
    }
}

impl<'a> TypedHeader<'a> for Warning<'a> {
    const NAME: HeaderName = HeaderName::WARNING;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let error = |at| ParseError::new(ParseErrorKind::Syntax, at);
        let text = core::str::from_utf8(value)
            .map_err(|e| ParseError::new(ParseErrorKind::Utf8, e.valid_up_to()))?;
        let (code, rest) = text.split_once(' ').ok_or_else(|| error(0))?;
        let number = chars::parse_u16(code.as_bytes()).filter(|_| code.len() == 3);
        let number = number.ok_or_else(|| ParseError::new(ParseErrorKind::Number, 0))?;
        let (agent, quoted_text) = rest.trim_start().split_once(' ').ok_or_else(|| error(4))?;
        let quoted_text = quoted_text.trim_start();
        if quoted::end(quoted_text.as_bytes()) != Some(quoted_text.len()) || agent.is_empty() {
            return Err(ParseError::new(ParseErrorKind::QuotedString, 4));
        }
        let inner = quoted_text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        Ok(Self { code: number, agent, text: inner.unwrap_or("") })
    }
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {} \"{}\"", self.code, self.agent, self.text)
    }
}

/// `Date` (RFC 3261 §20.17): RFC 1123, always GMT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "it is a name for one type")]
pub struct Date(pub Timestamp);

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl<'a> TypedHeader<'a> for Date {
    const NAME: HeaderName = HeaderName::DATE;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let error = || ParseError::new(ParseErrorKind::Time, 0);
        let text = core::str::from_utf8(value).map_err(|_| error())?;
        let mut words = text.split([' ', ',', ':']).filter(|w| !w.is_empty());
        let mut word = || words.next().ok_or_else(error);
        let weekday = word()?;
        if !DAYS.iter().any(|d| d.eq_ignore_ascii_case(weekday)) {
            return Err(error());
        }
        let number = |w: &str, max: u64| {
            chars::parse_u64(w.as_bytes()).filter(|n| *n <= max).ok_or_else(error)
        };
        let day = number(word()?, 31)?;
        let month = word()?;
        let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month)).ok_or_else(error)?;
        let year = number(word()?, 9999)?;
        let (hour, minute, second) =
            (number(word()?, 23)?, number(word()?, 59)?, number(word()?, 60)?);
        if !word()?.eq_ignore_ascii_case("GMT") || words.next().is_some() || day == 0 || year < 1900
        {
            return Err(error());
        }
        let days = days_from_civil(year, month, day).ok_or_else(error)?;
        let clock = hour
            .saturating_mul(3600)
            .saturating_add(minute.saturating_mul(60))
            .saturating_add(second);
        let secs = days.saturating_mul(86_400).saturating_add_unsigned(clock);
        Ok(Self(Timestamp::from_unix_secs(secs)))
    }
}

/// Days from 1970-01-01 to this date; `month` counts from 0.
fn days_from_civil(year: u64, month: usize, day: u64) -> Option<i64> {
    let leap = |y: u64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if day > *lengths.get(month)? {
        return None;
    }
    let before: u64 = lengths.get(..month)?.iter().sum();
    let past = year.checked_sub(1)?;
    // Days from 0001-01-01 to the first of the year, less those to 1970-01-01.
    let to_year = past
        .saturating_mul(365)
        .saturating_add(past / 4)
        .saturating_sub(past / 100)
        .saturating_add(past / 400);
    let total = to_year.saturating_add(before).saturating_add(day).saturating_sub(1);
    Some(i64::try_from(total).ok()?.saturating_sub(719_162))
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.civil_date();
        let weekday = usize::try_from(self.0.as_unix_days().rem_euclid(7)).unwrap_or(0);
        let weekday = DAYS.get(weekday).unwrap_or(&"Thu");
        let month = MONTHS.get(usize::from(month).saturating_sub(1)).unwrap_or(&"Jan");
        let clock = self.0.as_unix_secs().rem_euclid(86_400);
        let (hour, minute, second) =
            (clock.div_euclid(3600), clock.div_euclid(60).rem_euclid(60), clock.rem_euclid(60));
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// `Timestamp` (RFC 3261 §20.38): when the request was sent, and how long the answer took, in
/// seconds as they stand. A UAS that sends 100 copies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentAt<'a> {
    /// The sender's time.
    pub time: &'a str,
    /// The delay before the answer.
    pub delay: Option<&'a str>,
}

impl<'a> TypedHeader<'a> for SentAt<'a> {
    const NAME: HeaderName = HeaderName::TIMESTAMP;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let error = || ParseError::new(ParseErrorKind::Number, 0);
        let text = core::str::from_utf8(value).map_err(|_| error())?;
        let mut words = text.split_ascii_whitespace();
        let decimal = |w: &str| {
            let (whole, fraction) = w.split_once('.').unwrap_or((w, ""));
            let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
            digits(whole) && digits(fraction) && w.len() > usize::from(w.contains('.'))
        };
        let time = words.next().filter(|w| decimal(w)).ok_or_else(error)?;
        let delay = words.next();
        if delay.is_some_and(|d| !decimal(d)) || words.next().is_some() {
            return Err(error());
        }
        Ok(Self { time, delay })
    }
}

impl fmt::Display for SentAt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.time)?;
        match self.delay {
            Some(delay) => write!(f, " {delay}"),
            None => Ok(()),
        }
    }
}
