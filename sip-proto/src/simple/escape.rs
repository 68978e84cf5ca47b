//! Writing XML text.

use alloc::string::String;

/// Appends `<name>text</name>`, or nothing for `None`.
pub(super) fn element(out: &mut String, name: &str, text: Option<&str>) {
    let Some(value) = text else { return };
    out.push('<');
    out.push_str(name);
    out.push('>');
    self::text(out, value);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends text of an element or of a quoted attribute. Characters that XML 1.0 §2.2 cannot
/// hold, escaped or not, are left out; a carriage return is written so that it survives.
pub(super) fn text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(c),
        }
    }
}
