//! Comma lists: several values in one header line.

use super::chars;

/// The items of a comma list, without white space around them.
///
/// Commas within quoted strings, angle brackets and comments do not separate. A bracket
/// or quote that does not end keeps all that follows in one item. Empty items are
/// returned as they are, so that a reader can object; an empty value is one empty item.
///
/// Only for headers that are lists by their grammar: never for To, From, Date, Subject or
/// the authentication headers (RFC 3261 §7.3.1).
///
/// ```
/// use proto_wire::text::list::Items;
///
/// let value = br#""Smith, J" <sip:j@a,b>;q=1 , <sip:k@c> (one, two)"#;
/// let items: Vec<&[u8]> = Items::new(value).map(|item| item.bytes).collect();
/// assert_eq!(items, [&br#""Smith, J" <sip:j@a,b>;q=1"#[..], b"<sip:k@c> (one, two)"]);
/// ```
#[derive(Clone, Debug)]
pub struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
    done: bool,
}

/// One item of a comma list. RFC 3261 §7.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item<'a> {
    /// The item, without white space around it.
    pub bytes: &'a [u8],
    /// Where it begins in the value.
    pub offset: usize,
}

impl<'a> Items<'a> {
    /// The items of `bytes`: one more than there are separating commas.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, done: false }
    }

    /// What follows the items that were taken, with its comma.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        if self.done { &[] } else { self.bytes.get(self.at..).unwrap_or(&[]) }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.done {
            return None;
        }
        let rest = self.bytes.get(self.at..)?;
        let end = item_end(rest);
        let raw = rest.get(..end)?;
        let lead = chars::lws_len(raw);
        let item = Item { bytes: chars::trim(raw), offset: self.at.saturating_add(lead) };
        if end < rest.len() {
            self.at = self.at.saturating_add(end).saturating_add(1);
        } else {
            self.done = true;
        }
        Some(item)
    }
}

/// The offset of the first comma that separates, or the end.
fn item_end(bytes: &[u8]) -> usize {
    let Some(end) = chars::find(bytes, b',') else { return bytes.len() };
    // What is before it may hide it.
    let hides = |b: u8| (b ^ b'"').min(b ^ b'<').min(b ^ b'(');
    if chars::any_zero(bytes.get(..end).unwrap_or(&[]), hides) {
        return hidden_item_end(bytes);
    }
    end
}

fn hidden_item_end(bytes: &[u8]) -> usize {
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let step = match byte {
            b',' => return at,
            b'"' => super::quoted::end(rest),
            b'<' => memchr::memchr(b'>', rest),
            b'(' => comment_end(rest),
            _ => Some(1),
        };
        match step {
            Some(step) => at = at.saturating_add(step),
            None => return bytes.len(),
        }
    }
    at
}

/// The offset behind the comment that `bytes` begins with, which may hold comments
/// (RFC 3261 §25.1), or `None` when it does not end.
#[must_use]
pub fn comment_end(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0_usize;
    loop {
        match bytes.get(at)? {
            b'(' => depth = depth.saturating_add(1),
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at.saturating_add(1));
                }
            }
            b'\\' => at = at.saturating_add(1),
            _ => {}
        }
        at = at.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn split(value: &str) -> Vec<(&str, usize)> {
        Items::new(value.as_bytes())
            .map(|item| (core::str::from_utf8(item.bytes).unwrap(), item.offset))
            .collect()
    }

    #[test]
    fn commas_separate_only_outside_of_quotes_brackets_and_comments() {
        for (value, expected) in [
            ("a", &[("a", 0)][..]),
            ("a,b", &[("a", 0), ("b", 2)]),
            (" a , b ", &[("a", 1), ("b", 5)]),
            ("a,,b", &[("a", 0), ("", 2), ("b", 3)]),
            ("a,", &[("a", 0), ("", 2)]),
            ("", &[("", 0)]),
            ("a\r\n ,\r\n b", &[("a", 0), ("b", 8)]),
            (r#""x,y",z"#, &[(r#""x,y""#, 0), ("z", 6)]),
            (r#""x\",y",z"#, &[(r#""x\",y""#, 0), ("z", 8)]),
            ("<a,b>,c", &[("<a,b>", 0), ("c", 6)]),
            ("(a,(b,c),d),e", &[("(a,(b,c),d)", 0), ("e", 12)]),
            (r"(a\),b),c", &[(r"(a\),b)", 0), ("c", 8)]),
            (r#"a,"open,b"#, &[("a", 0), (r#""open,b"#, 2)]),
            ("a,<open,b", &[("a", 0), ("<open,b", 2)]),
            ("a,(open,b", &[("a", 0), ("(open,b", 2)]),
        ] {
            assert_eq!(split(value), expected, "{value:?}");
        }
    }

    #[test]
    fn the_rest_follows_the_items_taken() {
        let mut items = Items::new(b"a, b ,c");
        let _ = items.next();
        assert_eq!(items.rest(), b" b ,c");
        assert_eq!(items.by_ref().count(), 2);
        assert_eq!(items.rest(), b"");
    }
}
