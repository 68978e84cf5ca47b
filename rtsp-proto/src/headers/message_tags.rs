//! Message tags (RFC 7826 §4.6): `MTag`, If-Match, If-None-Match.

use super::bytes::{text, trim};
use super::parts::{Quoted, unquoted};
use super::{HeaderName, List, ListItem, TypedHeader};
use alloc::borrow::Cow;
use core::fmt;
use proto_wire::{ParseError, ParseErrorKind};

/// A tag of a message body, `"opaque"` or `W/"opaque"`. A tag without quotes is tolerated.
///
/// `MTag` (RFC 7826 §18.31) is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MTag<'a> {
    /// Whether bodies with this tag are only equivalent, not equal.
    pub is_weak: bool,
    /// The text, without quotes and escapes.
    pub opaque: Cow<'a, str>,
}

impl<'a> MTag<'a> {
    /// A strong tag.
    #[must_use]
    pub fn new(opaque: impl Into<Cow<'a, str>>) -> Self {
        Self { is_weak: false, opaque: opaque.into() }
    }

    /// A weak tag.
    #[must_use]
    pub fn weak(opaque: impl Into<Cow<'a, str>>) -> Self {
        Self { is_weak: true, opaque: opaque.into() }
    }

    /// Strong comparison: equal, and neither is weak.
    #[must_use]
    pub fn is_same(&self, other: &MTag<'_>) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// Weak comparison: the same text.
    #[must_use]
    pub fn is_equivalent(&self, other: &MTag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

impl<'a> TypedHeader<'a> for MTag<'a> {
    const NAME: HeaderName = HeaderName::MTag;

    fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        let value = trim(value);
        let (is_weak, opaque) = match value {
            [b'W' | b'w', b'/', rest @ ..] => (true, rest),
            all => (false, all),
        };
        if opaque.is_empty() {
            return Err(ParseError::new(ParseErrorKind::Empty, value.len()));
        }
        let is_open = opaque.starts_with(b"\"");
        let end = if is_open { proto_wire::text::quoted::end(opaque) } else { Some(opaque.len()) };
        if end != Some(opaque.len()) {
            let at = value.len().saturating_sub(opaque.len());
            return Err(ParseError::new(ParseErrorKind::QuotedString, at));
        }
        Ok(Self { is_weak, opaque: unquoted(text(opaque)?) })
    }
}

impl<'a> ListItem<'a> for MTag<'a> {
    fn parse_item(item: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse(item)
    }
}

impl fmt::Display for MTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_weak {
            f.write_str("W/")?;
        }
        Quoted(&self.opaque).fmt(f)
    }
}

macro_rules! conditions {
    ($($(#[$doc:meta])* $name:ident,)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        #[expect(clippy::exhaustive_enums, reason = "the grammar has these two")]
        pub enum $name<'a> {
            /// `*`: whatever there is.
            Any,
            /// One of these.
            Tags(List<'a, MTag<'a>>),
        }

        impl $name<'_> {
            /// Whether a body with the tag `current` (`None`: there is no body) is meant,
            /// by weak comparison.
            #[must_use]
            pub fn matches(&self, current: Option<&MTag<'_>>) -> bool {
                match (self, current) {
                    (_, None) => false,
                    (Self::Any, Some(_)) => true,
                    (Self::Tags(tags), Some(current)) => {
                        tags.filter_map(Result::ok).any(|tag| tag.is_equivalent(current))
                    }
                }
            }
        }

        impl<'a> TypedHeader<'a> for $name<'a> {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
                Ok(match trim(value) {
                    b"*" => Self::Any,
                    _ => Self::Tags(List::new(value)),
                })
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Any => f.write_str("*"),
                    Self::Tags(tags) => tags.fmt(f),
                }
            }
        }
    )* };
}

conditions! {
    /// `If-Match` (RFC 2326 §12.22, RFC 7826 §18.24): only if the description is this one.
    IfMatch,
    /// `If-None-Match` (RFC 7826 §18.26): only if the description is none of these.
    IfNoneMatch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::join;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn tags_are_strong_or_weak() {
        let strong = MTag::parse(b"\"xyzzy\"").unwrap();
        let weak = MTag::parse(b"W/\"xyzzy\"").unwrap();
        assert_eq!((&*strong.opaque, strong.is_weak, weak.is_weak), ("xyzzy", false, true));
        assert!(strong.is_same(&strong) && !strong.is_same(&weak) && strong.is_equivalent(&weak));
        assert_eq!(MTag::parse(b"\"\"").unwrap(), MTag::new(""));
        assert_eq!(MTag::parse(b" 3d2a-5 ").unwrap(), MTag::new("3d2a-5"));
        for (value, at) in [("", 0), ("W/", 2), ("\"a", 0), ("\"a\"b", 0), ("W/\"a\\\"", 2)] {
            assert_eq!(MTag::parse(value.as_bytes()).unwrap_err().offset(), at, "{value}");
        }
    }

    /// RFC 7826 §18.26, by way of RFC 2616 §14.26.
    #[test]
    fn conditions_name_tags_or_any() {
        let value = b"\"xyzzy\", W/\"r2d2, xxxx\", \"c3piozzzz\"";
        let condition = IfNoneMatch::parse(value).unwrap();
        assert_eq!(condition.to_string().as_bytes(), &value[..]);
        assert!(condition.matches(Some(&MTag::new("r2d2, xxxx"))));
        assert!(!condition.matches(Some(&MTag::new("r2d2"))) && !condition.matches(None));
        let any = IfMatch::parse(b" * ").unwrap();
        assert!(any.matches(Some(&MTag::new("x"))) && !any.matches(None));
        assert_eq!(any.to_string(), "*");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn tags_are_read_as_written(
            tags in prop::collection::vec((any::<bool>(), "[ -~é]{0,12}"), 1..5),
        ) {
            let tags: Vec<_> = tags
                .into_iter()
                .map(|(is_weak, opaque)| MTag { is_weak, opaque: opaque.into() })
                .collect();
            let text = tags[0].to_string();
            prop_assert_eq!(MTag::parse(text.as_bytes()), Ok(tags[0].clone()));
            let text = join(&tags).to_string();
            let IfMatch::Tags(list) = IfMatch::parse(text.as_bytes()).unwrap() else {
                return Err(TestCaseError::fail("a list"));
            };
            prop_assert_eq!(list.collect::<Vec<_>>(), tags.into_iter().map(Ok).collect::<Vec<_>>());
        }
    }
}
