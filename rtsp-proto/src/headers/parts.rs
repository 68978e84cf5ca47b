//! What the values of many headers are made of: comma lists, parameters, quoted text,
//! tokens and decimal numbers.

use super::bytes::{next_piece, number, offset_in, pair, text, trim};
use crate::range::{nanos_of, write_fraction};
use alloc::borrow::Cow;
use core::fmt;
use core::marker::PhantomData;
use proto_wire::text::{chars, quoted};
use proto_wire::{ParseError, ParseErrorKind};

/// One element of a comma list. RFC 7826 §20.1.
pub trait ListItem<'a>: Sized {
    /// Reads one element, without white space around it.
    ///
    /// # Errors
    /// What is wrong and where, counted from the start of `item`.
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError>;
}

/// The elements of a comma list, in order, read one by one: an element that cannot be read
/// does not spoil the others. Empty elements are skipped; commas in quotes do not separate.
///
/// ```
/// use rtsp_proto::headers::{List, Token};
///
/// let list = List::<Token<'_>>::new(b"a, , b/c, d");
/// let items: Vec<_> = list.map(|item| item.map(|token| token.0)).collect();
/// assert_eq!(items[0], Ok("a"));
/// assert_eq!(items[1].unwrap_err().offset(), 6);
/// assert_eq!(items[2], Ok("d"));
/// ```
#[derive(Debug)]
pub struct List<'a, T> {
    whole: &'a [u8],
    rest: Option<&'a [u8]>,
    item: PhantomData<fn() -> T>,
}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<'a, T> List<'a, T> {
    /// The elements of `value`.
    #[must_use]
    pub const fn new(value: &'a [u8]) -> Self {
        Self { whole: value, rest: Some(value), item: PhantomData }
    }
}

impl<'a, T: ListItem<'a>> Iterator for List<'a, T> {
    type Item = Result<T, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let item = trim(next_piece(&mut self.rest, b',')?);
            if !item.is_empty() {
                let at = offset_in(self.whole, item);
                return Some(T::parse_item(item).map_err(|error| error.at(at)));
            }
        }
    }
}

/// The elements that can be read, as they are written.
impl<'a, T: ListItem<'a> + fmt::Display> fmt::Display for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.filter_map(Result::ok))
    }
}

/// Elements to be written as a comma list.
///
/// ```
/// use rtsp_proto::headers::{Token, join};
///
/// assert_eq!(join(&[Token("play.basic"), Token("play.scale")]).to_string(), "play.basic, play.scale");
/// ```
pub const fn join<T: fmt::Display>(items: &[T]) -> Joined<'_, T> {
    Joined(items)
}

/// What [`join`] makes.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'s, T>(&'s [T]);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.0.iter())
    }
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = impl fmt::Display>,
) -> fmt::Result {
    for (i, item) in items.enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// A word: feature tag, unit, coding, scheme. Compared by [`Token::is`] in any case,
/// written as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one word")]
pub struct Token<'a>(
    /// The word as written.
    pub &'a str,
);

impl Token<'_> {
    /// Whether it is `word`, in any case.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        self.0.eq_ignore_ascii_case(word)
    }
}

impl<'a> ListItem<'a> for Token<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        token(item).map(Self)
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The word that `bytes` are.
pub(crate) fn token(bytes: &[u8]) -> Result<&str, ParseError> {
    match bytes.iter().position(|b| !chars::is_token_byte(*b)) {
        None if bytes.is_empty() => Err(ParseError::new(ParseErrorKind::Empty, 0)),
        Some(at) => Err(ParseError::new(ParseErrorKind::Token, at)),
        None => text(bytes),
    }
}

/// The `;name=value` parameters of a value, kept as they came: order, unknown ones, spelling.
///
/// ```
/// use rtsp_proto::headers::Params;
///
/// let params = Params::new("a=1; B=\"x;y\" ;flag");
/// assert_eq!(params.get("b").as_deref(), Some("x;y"));
/// assert!(params.contains("flag"));
/// assert_eq!(params.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "B", "flag"]);
/// assert_eq!(params.to_string(), ";a=1;B=\"x;y\";flag");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// No parameters.
    pub const NONE: Self = Self("");

    /// Parameters as they are to be written: `a=1;b="two"`, with or without `;` in front.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Names and values as written (quotes included), in order; `None` without `=`.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let mut rest = Some(self.0.as_bytes());
        core::iter::from_fn(move || {
            loop {
                let (name, value) = pair(next_piece(&mut rest, b';')?);
                if !name.is_empty() || value.is_some() {
                    // Cut at ASCII bytes of a str, so this is always text.
                    return Some((text(name).ok()?, value.and_then(|value| text(value).ok())));
                }
            }
        })
    }

    /// The value of the first parameter `name` in any case, without quotes and escapes;
    /// `None` also for one without a value.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(unquoted)
    }

    /// The same with its quotes.
    #[must_use]
    pub fn raw(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).and_then(|(_, v)| v)
    }

    /// Whether there is a parameter `name`.
    #[must_use]
    pub fn contains(self, name: &str) -> bool {
        self.iter().any(|(found, _)| found.eq_ignore_ascii_case(name))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }
}

/// The same names and values in the same order.
impl PartialEq for Params<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Params<'_> {}

/// Each with a `;` in front, without white space.
impl fmt::Display for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            write!(f, ";{name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// The text that stands first, and the parameters behind it.
pub(crate) fn with_params(value: &[u8]) -> Result<(&[u8], Params<'_>), ParseError> {
    let mut rest = Some(value);
    let first = trim(next_piece(&mut rest, b';').unwrap_or(&[]));
    let params = rest.unwrap_or(&[]);
    let params = text(params).map_err(|error| error.at(offset_in(value, params)))?;
    Ok((first, Params(params)))
}

/// What quoted text says; text without quotes says itself.
pub(crate) fn unquoted(value: &str) -> Cow<'_, str> {
    match quoted::unquote(value.as_bytes()) {
        // Cut at quotes and backslashes, so both are always text.
        Cow::Borrowed(bytes) => Cow::Borrowed(text(bytes).unwrap_or("")),
        Cow::Owned(bytes) => {
            Cow::Owned(alloc::string::String::from_utf8(bytes).unwrap_or_default())
        }
    }
}

/// Text in quotes, escaped.
pub(crate) struct Quoted<'s>(pub(crate) &'s str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted::write(f, self.0)
    }
}

/// A decimal number, exact: so many billionths. RTSP writes scales, speeds and durations
/// so (`FLOAT`, RFC 7826 §20.1: nine digits behind the point).
///
/// ```
/// use rtsp_proto::headers::Decimal;
///
/// let scale = Decimal::parse(b"-3.50").unwrap();
/// assert_eq!(scale.billionths(), -3_500_000_000);
/// assert_eq!(scale.to_string(), "-3.5");
/// assert!(scale < Decimal::from_integer(-3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

impl Decimal {
    const UNIT: i128 = 1_000_000_000;

    /// A whole number.
    #[must_use]
    pub const fn from_integer(n: i64) -> Self {
        Self((n as i128).saturating_mul(Self::UNIT))
    }

    /// So many billionths, at most 2⁶⁴ whole ones in either direction.
    #[must_use]
    pub const fn from_billionths(n: i128) -> Self {
        let most = (u64::MAX as i128).saturating_mul(Self::UNIT);
        if n > most {
            Self(most)
        } else if n < most.wrapping_neg() {
            Self(most.wrapping_neg())
        } else {
            Self(n)
        }
    }

    /// Billionths.
    #[must_use]
    pub const fn billionths(self) -> i128 {
        self.0
    }

    /// Reads digits, with a sign in front (`+` is tolerated) and a fraction behind; digits
    /// below a billionth are dropped, a side of the point may be empty.
    ///
    /// # Errors
    /// No number, or one beyond 64 bits.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let wrong = ParseError::new(ParseErrorKind::Number, 0);
        let (negative, digits) = match value {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let (whole, fraction) = match memchr::memchr(b'.', digits) {
            Some(point) => {
                let (whole, behind) = digits.split_at_checked(point).ok_or(wrong)?;
                (whole, behind.get(1..).unwrap_or(&[]))
            }
            None => (digits, &[][..]),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(wrong);
        }
        let whole = if whole.is_empty() { 0 } else { number(whole).ok_or(wrong)? };
        let nanos = nanos_of(fraction).ok_or(wrong)?;
        let sum = i128::from(whole).saturating_mul(Self::UNIT).saturating_add(nanos.into());
        Ok(Self(if negative { sum.saturating_neg() } else { sum }))
    }
}

/// With as many decimals as are needed.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let all = self.0.unsigned_abs();
        write!(f, "{}", all / 1_000_000_000)?;
        write_fraction(f, u32::try_from(all % 1_000_000_000).unwrap_or(0))
    }
}

/// Makes types for headers that are one comma list.
macro_rules! list_headers {
    ($($(#[$doc:meta])* $name:ident($item:ident),)*) => { $(
        $(#[$doc])*
        ///
        /// Reading it never fails; each element is read by itself. To write one, see
        /// [`join`](crate::headers::join).
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> $name<'a> {
            /// The elements, in order.
            #[must_use]
            pub const fn iter(&self) -> $crate::headers::List<'a, $item<'a>> {
                $crate::headers::List::new(self.0)
            }
        }

        impl<'a> $crate::headers::TypedHeader<'a> for $name<'a> {
            const NAME: $crate::headers::HeaderName = $crate::headers::HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                Ok(Self(value))
            }
        }

        impl core::fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.iter().fmt(f)
            }
        }
    )* };
}
pub(crate) use list_headers;

/// Makes types for headers that are one token of a known set or another one.
macro_rules! token_headers {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name<'a> {
            $( $(#[$vdoc])* $variant, )*
            /// Another one, as written.
            Other(&'a str),
        }

        impl<'a> $name<'a> {
            /// What `word` means; known words in any case.
            #[must_use]
            pub fn from_word(word: &'a str) -> Self {
                $( if word.eq_ignore_ascii_case($text) {
                    return Self::$variant;
                } )*
                Self::Other(word)
            }

            /// How it is written.
            #[must_use]
            pub const fn as_str(&self) -> &'a str {
                match self {
                    $( Self::$variant => $text, )*
                    Self::Other(word) => word,
                }
            }
        }

        impl<'a> $crate::headers::TypedHeader<'a> for $name<'a> {
            const NAME: $crate::headers::HeaderName = $crate::headers::HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                $crate::headers::parts::token($crate::headers::bytes::trim(value))
                    .map(Self::from_word)
            }
        }

        impl core::fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}
pub(crate) use token_headers;
