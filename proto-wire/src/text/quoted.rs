//! Quoted strings (RFC 3261 §25.1, RFC 9110 §5.6.4).

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// The offset behind the quoted string that `bytes` begins with, or `None` when it does
/// not begin with a quote or the string does not end.
///
/// ```
/// use proto_wire::text::quoted;
///
/// assert_eq!(quoted::end(br#""a \" b" c"#), Some(8));
/// assert_eq!(quoted::end(br#""open \""#), None);
/// ```
#[must_use]
pub fn end(bytes: &[u8]) -> Option<usize> {
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1_usize;
    loop {
        let rest = bytes.get(at..)?;
        at = at.saturating_add(memchr::memchr2(b'"', b'\\', rest)?);
        if bytes.get(at) == Some(&b'"') {
            return Some(at.saturating_add(1));
        }
        at = at.saturating_add(2);
    }
}

/// What a quoted string says: without its quotes, with escapes resolved. Anything that is
/// not quoted is returned as it is. Borrows unless there are escapes.
#[must_use]
pub fn unquote(bytes: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = bytes else {
        return Cow::Borrowed(bytes);
    };
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for byte in inner {
        if *byte == b'\\' && !escaped {
            escaped = true;
        } else {
            out.push(*byte);
            escaped = false;
        }
    }
    Cow::Owned(out)
}

/// The inside of a quoted string without resolving escapes, or the bytes as they are.
#[must_use]
#[inline]
pub fn inner(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b'"', inner @ .., b'"'] => inner,
        _ => bytes,
    }
}

/// Writes `text` as a quoted string. Line ends and NUL, which no quoted string can hold,
/// become spaces: nothing can break out of the header.
///
/// # Errors
///
/// Only those of `out`.
pub fn write(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.write_char('\\')?;
                out.write_char(c)?;
            }
            '\r' | '\n' | '\0' => out.write_char(' ')?,
            _ => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn ends_are_found_behind_escapes() {
        for (text, expected) in [
            (r#""""#, Some(2)),
            (r#""a"b"#, Some(3)),
            (r#""a\\"b"#, Some(5)),
            (r#""a\"b""#, Some(6)),
            (r#"""#, None),
            (r#""\"#, None),
            (r#""\""#, None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(end(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn writing_and_reading_agree() {
        for text in ["", "plain", r#"a "b" \ c"#, "caf\u{e9}", "\\", "\""] {
            let mut out = String::new();
            write(&mut out, text).unwrap();
            assert_eq!(end(out.as_bytes()), Some(out.len()));
            assert_eq!(unquote(out.as_bytes()).as_ref(), text.as_bytes());
        }
    }

    #[test]
    fn line_ends_cannot_leave_a_quoted_string() {
        let mut out = String::new();
        write(&mut out, "a\r\nVia: b\0").unwrap();
        assert_eq!(out, "\"a  Via: b \"");
    }

    #[test]
    fn what_is_not_quoted_stays() {
        assert_eq!(unquote(b"a\\b").as_ref(), b"a\\b");
        assert_eq!(unquote(b"\"").as_ref(), b"\"");
        assert_eq!(inner(b"\"a\\\"b\""), b"a\\\"b");
    }
}
