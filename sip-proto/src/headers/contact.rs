//! `Contact` (RFC 3261 §20.10).

use super::NameAddr;
use crate::message::{HeaderName, TypedHeader};
use core::fmt;
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

/// One value of `Contact`. RFC 3261 §20.10.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 §20.10 has these two")]
pub enum Contact<'a> {
    /// `*`: all bindings, in REGISTER only and alone (RFC 3261 §10.2.2).
    Star,
    /// An address.
    Address(NameAddr<'a>),
}

impl<'a> TypedHeader<'a> for Contact<'a> {
    const NAME: HeaderName = HeaderName::CONTACT;

    #[inline]
    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        if value == b"*" {
            return Ok(Self::Star);
        }
        NameAddr::parse(value).map(Self::Address)
    }

    #[inline]
    fn parse_text(value: &'a str) -> Result<Self, ParseError> {
        Self::parse_leading(value, value.len())
    }

    #[inline]
    fn parse_leading(text: &'a str, len: usize) -> Result<Self, ParseError> {
        if len == 1 && text.starts_with('*') {
            return Ok(Self::Star);
        }
        NameAddr::parse_leading(text, len).map(Self::Address)
    }
}

impl<'a> Contact<'a> {
    /// The address, unless this is `*`.
    #[must_use]
    pub const fn address(&self) -> Option<&NameAddr<'a>> {
        match self {
            Self::Star => None,
            Self::Address(address) => Some(address),
        }
    }

    /// `q`; `None` when it is not there, which is not the same as 1 (RFC 3261 §20.10 leaves
    /// the order of such contacts to the proxy).
    ///
    /// # Errors
    /// When it is not a number from 0 to 1 with at most three decimals.
    pub fn q(&self) -> Result<Option<QValue>, ParseError> {
        let Some(param) = self.address().and_then(|a| a.params().param(b"q")) else {
            return Ok(None);
        };
        QValue::parse(param.value.unwrap_or(&[])).map(Some)
    }

    /// `expires` in seconds. A value that is not a number, such as the dates of RFC 2543, is
    /// as if it were 3600 (RFC 3261 §10.3 item 6); numbers beyond 32 bits are the largest.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let param = self.address()?.params().param(b"expires")?;
        Some(delta_seconds(param.value.unwrap_or(&[])).unwrap_or(3600))
    }
}

impl<'a> Contact<'a> {
    fn quoted(&self, name: &[u8]) -> Option<&'a str> {
        let value = self.address()?.params().param(name)?.value?;
        let text = core::str::from_utf8(value).ok()?;
        Some(text.trim_matches('"')).filter(|t| !t.is_empty())
    }

    /// `+sip.instance` without quotes and angle brackets: `urn:uuid:..` (RFC 5626 §4.1).
    #[must_use]
    pub fn instance(&self) -> Option<&'a str> {
        let value = self.quoted(b"+sip.instance")?;
        Some(value.strip_prefix('<').and_then(|v| v.strip_suffix('>')).unwrap_or(value))
    }

    /// `reg-id` (RFC 5626 §4.2).
    #[must_use]
    pub fn reg_id(&self) -> Option<u32> {
        let param = self.address()?.params().param(b"reg-id")?;
        chars::parse_u32(param.value?).filter(|n| *n > 0)
    }

    /// `pub-gruu`, a URI (RFC 5627 §5.2).
    #[must_use]
    pub fn gruu(&self) -> Option<&'a str> {
        self.quoted(b"pub-gruu")
    }

    /// `temp-gruu`, a URI (RFC 5627 §5.2).
    #[must_use]
    pub fn temporary_gruu(&self) -> Option<&'a str> {
        self.quoted(b"temp-gruu")
    }
}

/// Seconds: digits; more than 32 bits hold is as many as they hold (RFC 3261 §25.1).
pub(crate) fn delta_seconds(value: &[u8]) -> Option<u32> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(chars::parse_u32(value).unwrap_or(u32::MAX))
}

/// A preference from 0 to 1 in thousandths. RFC 3261 §25.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QValue(u16);

impl QValue {
    /// The highest preference.
    pub const ONE: Self = Self(1000);

    /// Reads `0`, `0.5`, `1.000` (RFC 3261 §25.1 `qvalue`); `.5` is accepted.
    ///
    /// # Errors
    /// [`ParseErrorKind::Number`] for anything else.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let error = || ParseError::new(ParseErrorKind::Number, 0);
        let dot = memchr::memchr(b'.', value).unwrap_or(value.len());
        let (whole, fraction) = value.split_at_checked(dot).ok_or_else(error)?;
        let fraction = fraction.get(1..).unwrap_or(&[]);
        let whole: u16 = match whole {
            b"0" => 0,
            b"1" => 1000,
            b"" if !fraction.is_empty() => 0,
            _ => return Err(error()),
        };
        if fraction.len() > 3 {
            return Err(error());
        }
        let mut thousandths = 0_u16;
        let mut unit = 100_u16;
        for byte in fraction {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(error());
            }
            thousandths = thousandths.saturating_add(u16::from(digit).saturating_mul(unit));
            unit /= 10;
        }
        let total = whole.saturating_add(thousandths);
        if total > 1000 { Err(error()) } else { Ok(Self(total)) }
    }

    /// The value in thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

impl fmt::Display for QValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1000 {
            return f.write_str("1");
        }
        write!(f, "0.{:03}", self.0)
    }
}
