//! References and line ends: out of the text on reading, into it on writing.

use super::chars::{is_char, is_plain, plain_run};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// What a reference stands for, and its length, at the `&` that begins `text`.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().position(|b| b == b';')?;
    let name = text.get(1..end)?;
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character, end.saturating_add(1)))
}

/// Replaces what `special` says; the text was checked by the scanner before.
fn unescape(text: &str, in_value: bool, references: bool) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| {
        (references && b == b'&') || b == b'\r' || (in_value && matches!(b, b'\n' | b'\t'))
    }) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (replacement, len) = match from.as_bytes() {
            // XML 1.0 §2.11: CR LF and CR alone are one line feed; §3.3.3: in a value,
            // that is one space.
            [b'\r', b'\n', ..] => (if in_value { ' ' } else { '\n' }, 2),
            [b'\r', ..] => (if in_value { ' ' } else { '\n' }, 1),
            [b'&', ..] => reference(from).unwrap_or(('\u{fffd}', 1)),
            _ => (' ', 1),
        };
        out.push(replacement);
        rest = from.get(len..).unwrap_or("");
    }
    out.push_str(rest);
    Cow::Owned(out)
}

pub(super) fn unescape_text(text: &str) -> Cow<'_, str> {
    unescape(text, false, true)
}

pub(super) fn unescape_value(text: &str) -> Cow<'_, str> {
    unescape(text, true, true)
}

pub(super) fn unescape_cdata(text: &str) -> Cow<'_, str> {
    unescape(text, false, false)
}

/// Appends `text` so that a reader gets `text` back: with references for `<`, `>`, `&`,
/// carriage returns and, in a value, quotes and white space. `false` when a character is
/// not allowed in XML; what was appended is well-formed all the same.
#[inline]
pub(super) fn escape(out: &mut impl Out, text: &str, in_value: bool) -> bool {
    if is_plain(text.as_bytes()) {
        out.put(text);
        return true;
    }
    escape_all(out, text, in_value)
}

/// What text is written to.
pub(super) trait Out {
    fn put(&mut self, text: &str);
}

impl Out for String {
    fn put(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl Out for Vec<u8> {
    fn put(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

fn escape_all(out: &mut impl Out, text: &str, in_value: bool) -> bool {
    let bytes = text.as_bytes();
    let (mut done, mut pos, mut good) = (0, 0, true);
    loop {
        pos = plain_run(bytes, pos);
        let Some(&byte) = bytes.get(pos) else {
            out.put(text.get(done..).unwrap_or(""));
            return good;
        };
        let mut len = 1;
        let replacement = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'\'' if in_value => "&apos;",
            b'"' if in_value => "&quot;",
            b'\r' => "&#13;",
            b'\n' if in_value => "&#10;",
            b'\t' if in_value => "&#9;",
            b'\n' | b'\t' | b'\'' | b'"' => {
                pos = pos.saturating_add(1);
                continue;
            }
            _ => {
                let wide = text.get(pos..).and_then(|rest| rest.chars().next());
                len = wide.map_or(1, char::len_utf8);
                if wide.is_some_and(|c| is_char(u32::from(c))) {
                    pos = pos.saturating_add(len);
                    continue;
                }
                good = false;
                "\u{fffd}"
            }
        };
        out.put(text.get(done..pos).unwrap_or(""));
        out.put(replacement);
        pos = pos.saturating_add(len);
        done = pos;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_reads_back() {
        for text in ["", "plain", "a<b>&'\"\r\n\t", "\u{2603}&\u{1f4a9}", "]]>"] {
            for in_value in [false, true] {
                let mut out = String::new();
                assert!(escape(&mut out, text, in_value));
                assert_eq!(unescape(&out, in_value, true), text);
                assert!(!out.contains(['<', '>']));
            }
        }
    }

    #[test]
    fn characters_that_xml_does_not_have_are_reported_and_replaced() {
        for bad in ["\0", "\u{1}", "\u{fffe}", "\u{ffff}", "a\u{b}b"] {
            let mut out = String::new();
            assert!(!escape(&mut out, bad, false));
            assert!(out.contains('\u{fffd}'), "{out:?}");
        }
    }

    #[test]
    fn line_ends_are_normalised() {
        assert_eq!(unescape_text("a\r\nb\rc\nd"), "a\nb\nc\nd");
        assert_eq!(unescape_value("a\r\nb\tc&#10;d"), "a b c\nd");
        assert_eq!(unescape_cdata("a\r\n&amp;"), "a\n&amp;");
    }
}
