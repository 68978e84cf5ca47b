//! Capabilities of a user agent, as parameters of its Contact (RFC 3840).

use super::Contact;
use alloc::string::String;
use core::fmt;
use proto_wire::text::chars;
use proto_wire::text::params::Param;
use proto_wire::text::quoted;
use proto_wire::{ParseError, ParseErrorKind};

/// The tags that have no `+` (RFC 3840 §9).
const BASE: [&str; 20] = [
    "audio",
    "automata",
    "class",
    "duplex",
    "data",
    "control",
    "mobility",
    "description",
    "events",
    "priority",
    "methods",
    "schemes",
    "application",
    "video",
    "language",
    "type",
    "isfocus",
    "actor",
    "text",
    "extensions",
];

/// One capability: a tag with what it may be. RFC 3840 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feature<'a> {
    /// The tag as it stands: `audio`, `+sip.message`. It has no case.
    pub tag: &'a str,
    value: Option<&'a str>,
}

/// One of the values that a tag may have. RFC 3840 §9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3840 §9 has these four")]
pub enum FeatureValue<'a> {
    /// A word, without case: `fixed`.
    Token(&'a str),
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// A number or a range, as it stands behind the `#`: `=5`, `>=4`, `-4:+5.125`.
    Numeric(&'a str),
    /// A text without its angle brackets, in which case counts; escapes as they stand.
    Text(&'a str),
}

impl<'a> Feature<'a> {
    /// The feature that a parameter is; `None` for other parameters, and for those that do not follow the
    /// grammar, which say nothing.
    #[must_use]
    pub fn of(param: &Param<'a>) -> Option<Self> {
        let tag = core::str::from_utf8(param.name).ok()?;
        let value = match param.value {
            None => None,
            // A fold has no place within the quotes (§9), and must not come back out of a store.
            Some(value) if quoted::end(value) == Some(value.len()) => {
                let text =
                    core::str::from_utf8(value).ok().filter(|t| !t.contains(char::is_control))?;
                Some(text.strip_prefix('"')?.strip_suffix('"')?)
            }
            Some(_) => return None,
        };
        let feature = Self { tag, value };
        (is_tag(tag) && feature.split().all(|(_, value)| value.is_some())).then_some(feature)
    }

    /// Whether this is the tag `tag`.
    #[must_use]
    pub fn is(&self, tag: &str) -> bool {
        self.tag.eq_ignore_ascii_case(tag)
    }

    /// What it may be: each value, and whether it is one that it is not (`!`). A tag without a value is
    /// `TRUE` (§5).
    pub fn values(&self) -> impl Iterator<Item = (bool, FeatureValue<'a>)> + use<'a> {
        self.split().filter_map(|(not, value)| Some((not, value?)))
    }

    fn split(&self) -> impl Iterator<Item = (bool, Option<FeatureValue<'a>>)> + use<'a> {
        let text = self.value.unwrap_or("TRUE");
        let whole = text.starts_with('<');
        text.split(move |c| c == ',' && !whole).map(move |item| {
            let (not, item) = match item.strip_prefix('!') {
                Some(item) if !whole => (true, item),
                _ => (false, item),
            };
            (not, value(item))
        })
    }
}

fn value(item: &str) -> Option<FeatureValue<'_>> {
    if let Some(text) = item.strip_prefix('<') {
        return text.strip_suffix('>').map(FeatureValue::Text);
    }
    if let Some(number) = item.strip_prefix('#') {
        let (from, to) = match number.split_once(':') {
            Some((from, to)) => (from, Some(to)),
            None => (number.trim_start_matches(['>', '<']).strip_prefix('=')?, None),
        };
        let good = is_number(from) && to.is_none_or(is_number);
        return good.then_some(FeatureValue::Numeric(number));
    }
    match item {
        "TRUE" => Some(FeatureValue::Boolean(true)),
        "FALSE" => Some(FeatureValue::Boolean(false)),
        token if chars::is_sip_token(token.as_bytes()) => Some(FeatureValue::Token(token)),
        _ => None,
    }
}

/// `[ "+" / "-" ] 1*DIGIT ["." 0*DIGIT]`.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !whole.is_empty() && digits(whole) && digits(fraction)
}

fn is_tag(tag: &str) -> bool {
    if BASE.iter().any(|base| base.eq_ignore_ascii_case(tag)) {
        return true;
    }
    let Some(name) = tag.strip_prefix('+') else { return false };
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"!'.-%_".contains(&b);
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(legal)
}

impl<'a> Contact<'a> {
    /// The capabilities that it names (RFC 3840), `+sip.instance` among them.
    pub fn features(&self) -> impl Iterator<Item = Feature<'a>> + use<'a> {
        let params = self.address().map(super::NameAddr::params);
        params.into_iter().flatten().filter_map(|param| Feature::of(&param))
    }
}

/// Capabilities of one's own, to be said in Contact (RFC 3840 §5).
///
/// ```
/// use sip_proto::headers::{Contact, Features};
/// use sip_proto::TypedHeader;
///
/// let own = Features::new().with("audio", "")?.with("mobility", "fixed")?.with("description", "<PC>")?;
/// assert_eq!(own.as_str(), ";audio;mobility=\"fixed\";description=\"<PC>\"");
/// let row = format!("<sip:user@pc.example.com>{}", own.as_str());
/// assert_eq!(Contact::parse(row.as_bytes())?.features().count(), 3);
/// assert!(Features::new().with("expires", "1").is_err());
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features(String);

impl Features {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Those of a contact without `+sip.instance`, as they were written.
    #[must_use]
    pub fn of(contact: &Contact<'_>) -> Self {
        let mut own = Self::new();
        let others = contact.features().filter(|f| !f.is("+sip.instance"));
        others.for_each(|feature| own.push(feature.tag, feature.value));
        own
    }

    /// The same with one more: a tag of RFC 3840 or one that begins with `+`, and its values as they are
    /// written, without quotes: `fixed`, `!presence,message-summary`, `#-4:+5.125`, `<PC>`; nothing is `TRUE`.
    ///
    /// # Errors
    /// [`ParseErrorKind::Parameter`] for another tag, or values outside of the grammar of §9.
    pub fn with(mut self, tag: &str, values: &str) -> Result<Self, ParseError> {
        let value = Some(values).filter(|v| !v.is_empty());
        let feature = Feature { tag, value };
        let good = is_tag(tag) && feature.split().all(|(_, value)| value.is_some());
        let safe = !values.contains(|c: char| c.is_control() || c == '"' || c == '\\');
        if !good || !safe {
            return Err(ParseError::new(ParseErrorKind::Parameter, 0));
        }
        self.push(tag, value);
        Ok(self)
    }

    fn push(&mut self, tag: &str, value: Option<&str>) {
        self.0.push(';');
        self.0.push_str(tag);
        if let Some(value) = value {
            self.0.push_str("=\"");
            self.0.push_str(value);
            self.0.push('"');
        }
    }

    /// As parameters, each with its semicolon.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::TypedHeader;
    use alloc::vec::Vec;

    fn features(row: &str) -> Vec<Feature<'_>> {
        Contact::parse(row.as_bytes()).unwrap().features().collect()
    }

    /// The example of §5.
    #[test]
    fn the_example_of_rfc_3840_5() {
        let row = "<sip:user@pc.example.com>;mobility=\"fixed\";events=\"!presence,message-summary\"\
            ;language=\"en,de\";description=\"<PC>\";+sip.newparam;+rangeparam=\"#-4:+5.125\"";
        let all = features(row);
        let values = |tag: &str| -> Vec<_> {
            all.iter().filter(|f| f.is(tag)).flat_map(Feature::values).collect()
        };
        assert_eq!(all.len(), 6);
        assert_eq!(values("mobility"), [(false, FeatureValue::Token("fixed"))]);
        let events = [FeatureValue::Token("presence"), FeatureValue::Token("message-summary")];
        assert_eq!(values("EVENTS"), [(true, events[0]), (false, events[1])]);
        assert_eq!(values("description"), [(false, FeatureValue::Text("PC"))]);
        assert_eq!(values("+sip.newparam"), [(false, FeatureValue::Boolean(true))]);
        assert_eq!(values("+rangeparam"), [(false, FeatureValue::Numeric("-4:+5.125"))]);
        // What is written is what was read.
        let own = Features::of(&Contact::parse(row.as_bytes()).unwrap());
        assert_eq!(own.as_str(), &row[row.find('>').unwrap() + 1..]);
    }

    #[test]
    fn what_is_no_feature_says_nothing() {
        for param in [
            "q=0.5",
            "expires=60",
            "reg-id=1",
            "audio=yes",
            "+1=\"x\"",
            "+x=\"#5\"",
            "+x=\"a b\"",
            "+x=\"<open\"",
            "+x=\"a,,b\"",
            "description=\"<a\r\n b>\"",
            "description=\"<a\\\"",
        ] {
            let row = alloc::format!("<sip:a@h>;{param}");
            assert_eq!(features(&row), [], "{param}");
        }
        for (tag, values) in [
            ("q", "1"),
            ("+x", "a\"b"),
            ("+x", "<a\r\nb>"),
            ("+x", "a b"),
            ("+x y", ""),
            ("audio", "\""),
        ] {
            assert!(Features::new().with(tag, values).is_err(), "{tag} {values:?}");
        }
    }
}
