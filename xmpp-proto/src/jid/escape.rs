//! XEP-0106: characters that a local part may not have, as `\hh`.

use alloc::borrow::Cow;
use alloc::string::String;

/// What is escaped, and as what (XEP-0106 §4.1).
const CODES: [(char, &str); 10] = [
    (' ', "\\20"),
    ('"', "\\22"),
    ('&', "\\26"),
    ('\'', "\\27"),
    ('/', "\\2f"),
    (':', "\\3a"),
    ('<', "\\3c"),
    ('>', "\\3e"),
    ('@', "\\40"),
    ('\\', "\\5c"),
];

fn code_at(rest: &str) -> Option<(char, usize)> {
    let found = CODES.iter().find(|(_, code)| {
        rest.get(..code.len()).is_some_and(|there| there.eq_ignore_ascii_case(code))
    });
    found.map(|(c, code)| (*c, code.len()))
}

/// Makes a local part of any text, such as a user name of another network. `None` when it
/// begins or ends with a space, which XEP-0106 §4.3 does not allow, or is empty.
///
/// ```
/// use xmpp_proto::jid::{escape_local, unescape_local};
///
/// let local = escape_local("d'artagnan@gascon").unwrap();
/// assert_eq!(local, r"d\27artagnan\40gascon");
/// assert_eq!(unescape_local(&local), "d'artagnan@gascon");
/// ```
#[must_use]
pub fn escape_local(text: &str) -> Option<Cow<'_, str>> {
    if text.is_empty() || text.starts_with(' ') || text.ends_with(' ') {
        return None;
    }
    let needs = |(at, c): (usize, char)| match c {
        // A backslash only when what it begins would read as a code.
        '\\' => text.get(at..).and_then(code_at).is_some(),
        _ => CODES.iter().any(|(plain, _)| *plain == c),
    };
    if !text.char_indices().any(needs) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len().saturating_add(8));
    for (at, c) in text.char_indices() {
        match CODES.iter().find(|(plain, _)| *plain == c) {
            Some((_, code)) if needs((at, c)) => out.push_str(code),
            _ => out.push(c),
        }
    }
    Some(Cow::Owned(out))
}

/// The text that a local part stands for; for showing only, never for comparing
/// (XEP-0106 §4.4).
#[must_use]
pub fn unescape_local(local: &str) -> Cow<'_, str> {
    if !local.contains('\\') {
        return Cow::Borrowed(local);
    }
    let mut out = String::with_capacity(local.len());
    let mut rest = local;
    while let Some(c) = rest.chars().next() {
        let (c, len) = match code_at(rest) {
            // A leading or trailing space is never meant.
            Some((' ', 3)) if out.is_empty() || rest.len() == 3 => (c, 1),
            Some(found) => found,
            None => (c, c.len_utf8()),
        };
        out.push(c);
        rest = rest.get(len..).unwrap_or("");
    }
    Cow::Owned(out)
}
