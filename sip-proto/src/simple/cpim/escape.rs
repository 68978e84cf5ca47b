//! The backslash escapes of RFC 3862 §2.3.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::Write;

/// `text` with every character escaped that a header cannot hold raw (§2.3.1): the backslash
/// and control characters, and nothing else. Borrows when there is none.
///
/// ```
/// use sip_proto::simple::cpim::{escape, unescape};
///
/// assert_eq!(escape("a\\b\r\nc\u{7}é"), r"a\\b\r\nc\u0007é");
/// assert_eq!(unescape(r"a\\b\r\nc\u0007é"), "a\\b\r\nc\u{7}é");
/// ```
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_also(text, None)
}

/// The same, and the quote that delimits the string too.
pub(super) fn escape_also(text: &str, quote: Option<char>) -> Cow<'_, str> {
    let must = |c: char| c == '\\' || c.is_ascii_control() || Some(c) == quote;
    if !text.contains(must) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_add(8));
    for c in text.chars() {
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ if c.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _infallible = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => {
                if must(c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
    Cow::Owned(out)
}

/// What `text` says: escapes resolved as §2.3.1 wants them read. An unknown escape stands for
/// the character behind the backslash; a backslash at the end is ignored; `\u` without four
/// hexadecimal digits, or with half of a surrogate pair, is an unknown escape. Borrows when
/// there is no backslash.
#[must_use]
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            None => {}
            Some('b') => out.push('\u{8}'),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('u') => match code_point(rest.as_str()) {
                Some(c) => {
                    out.push(c);
                    rest = rest.as_str().get(4..).unwrap_or("").chars();
                }
                None => out.push('u'),
            },
            Some(other) => out.push(other),
        }
    }
    Cow::Owned(out)
}

fn code_point(text: &str) -> Option<char> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}
