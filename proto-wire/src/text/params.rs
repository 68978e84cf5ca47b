//! Parameters: `;name=value` behind URIs and header values, `name=value` in lists.

use super::{chars, quoted};
use alloc::borrow::Cow;

/// The parameters of `;a=1;b;c="x;y"`, in order, kept even when they are unknown.
///
/// White space around separators and `=` is skipped; empty parameters (`;;`) are skipped
/// too. Nothing is refused here: what a parameter may look like is its reader's business.
///
/// ```
/// use proto_wire::text::params::Params;
///
/// let params = Params::new(br#";branch=z9hG4bK1; rport ;x="a;b""#);
/// assert_eq!(params.value(b"BRANCH"), Some(&b"z9hG4bK1"[..]));
/// assert!(params.contains(b"rport"));
/// let last = params.last().unwrap();
/// assert_eq!(last.unquoted().unwrap().as_ref(), b"a;b");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    bytes: &'a [u8],
    at: usize,
    separator: u8,
}

/// One parameter. RFC 3261 §25.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Param<'a> {
    /// The name as it was sent; compare without regard to case.
    pub name: &'a [u8],
    /// The value as it was sent, quotes included; `None` without `=`.
    pub value: Option<&'a [u8]>,
    /// Where the name begins in the bytes that [`Params`] was made of.
    pub offset: usize,
    /// Where the value begins, or where it would.
    pub value_offset: usize,
}

impl<'a> Param<'a> {
    /// Whether the name is `name`, in any case.
    #[must_use]
    #[inline]
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value without quotes and escapes.
    #[must_use]
    pub fn unquoted(&self) -> Option<Cow<'a, [u8]>> {
        self.value.map(quoted::unquote)
    }

    /// The value when it is UTF-8, quotes included.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.value.and_then(|value| core::str::from_utf8(value).ok())
    }

    /// The name when it is UTF-8, else an empty string.
    #[must_use]
    pub fn name_text(&self) -> &'a str {
        core::str::from_utf8(self.name).unwrap_or("")
    }
}

impl<'a> Params<'a> {
    /// Parameters that semicolons separate; a leading one may be there or not.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self::separated(bytes, b';')
    }

    /// Parameters that `separator` separates, for example `,` or `&`.
    #[must_use]
    pub const fn separated(bytes: &'a [u8], separator: u8) -> Self {
        Self { bytes, at: 0, separator }
    }

    /// The first parameter of this name, in any case.
    #[must_use]
    pub fn param(self, name: &[u8]) -> Option<Param<'a>> {
        let mut params = self;
        Iterator::find(&mut params, |param| param.is(name))
    }

    /// The value of the first parameter of this name, as it was sent.
    #[must_use]
    pub fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        self.param(name).and_then(|param| param.value)
    }

    /// Whether there is a parameter of this name.
    #[must_use]
    pub fn contains(self, name: &[u8]) -> bool {
        self.param(name).is_some()
    }

    /// The bytes that these are the parameters of.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        loop {
            let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
            let end = param_end(rest, self.separator);
            let start = self.at;
            self.at = start.saturating_add(end).saturating_add(1);
            let raw = rest.get(..end)?;
            let lead = chars::lws_len(raw);
            let param = chars::trim(raw);
            if !param.is_empty() {
                return Some(split(param, start.saturating_add(lead)));
            }
        }
    }
}

/// The offset of the first separator outside of quotes, or the end.
#[inline]
fn param_end(bytes: &[u8], separator: u8) -> usize {
    let Some(end) = chars::find(bytes, separator) else { return bytes.len() };
    // A quote before it may hide it.
    if chars::contains(bytes.get(..end).unwrap_or(&[]), b'"') {
        return quoted_param_end(bytes, separator);
    }
    end
}

fn quoted_param_end(bytes: &[u8], separator: u8) -> usize {
    let mut at = 0_usize;
    loop {
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => match quoted::end(bytes.get(at..).unwrap_or(&[])) {
                Some(step) => at = at.saturating_add(step),
                None => return bytes.len(),
            },
            Some(byte) if *byte == separator => return at,
            Some(_) => at = at.wrapping_add(1),
        }
    }
}

#[inline]
fn split(param: &[u8], offset: usize) -> Param<'_> {
    let Some(equals) = param.iter().position(|b| *b == b'=') else {
        let value_offset = offset.saturating_add(param.len());
        return Param { name: param, value: None, offset, value_offset };
    };
    let name = chars::trim_end(param.get(..equals).unwrap_or(&[]));
    let behind = equals.saturating_add(1);
    let value = param.get(behind..).unwrap_or(&[]);
    let lead = chars::lws_len(value);
    Param {
        name,
        value: Some(value.get(lead..).unwrap_or(&[])),
        offset,
        value_offset: offset.saturating_add(behind).saturating_add(lead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    type Row<'a> = (&'a str, Option<&'a str>, usize);

    fn rows(text: &str, separator: u8) -> Vec<Row<'_>> {
        let utf8 = |bytes| core::str::from_utf8(bytes).unwrap();
        Params::separated(text.as_bytes(), separator)
            .map(|p| (utf8(p.name), p.value.map(utf8), p.offset))
            .collect()
    }

    #[test]
    fn a_parameter_gives_its_name_and_its_value_in_any_form() {
        let mut params = Params::new(b";A=\"x\\\"y\";\xff=\xff;c");
        let quoted = params.next().unwrap();
        assert!(quoted.is(b"a") && !quoted.is(b"b"));
        assert_eq!((quoted.name_text(), quoted.text()), ("A", Some("\"x\\\"y\"")));
        assert_eq!(quoted.unquoted().as_deref(), Some(&b"x\"y"[..]));
        let raw = params.next().unwrap();
        assert_eq!((raw.name_text(), raw.text()), ("", None));
        assert_eq!(raw.unquoted().as_deref(), Some(&b"\xff"[..]));
        let bare = params.next().unwrap();
        assert_eq!((bare.name_text(), bare.text(), bare.unquoted()), ("c", None, None));
        assert_eq!(params.next(), None);
        assert!(Params::new(b"a;Lr").contains(b"lr") && !Params::new(b"a;lr2").contains(b"lr"));
        assert_eq!(Params::new(b"b=1;a=2;A=3").value(b"A"), Some(&b"2"[..]));
    }

    #[test]
    fn parameters_are_split_with_their_offsets() {
        for (text, separator, expected) in [
            ("", b';', &[][..]),
            (";", b';', &[]),
            (";;a", b';', &[("a", None, 2)]),
            ("a", b';', &[("a", None, 0)]),
            (";a=1;b=2", b';', &[("a", Some("1"), 1), ("b", Some("2"), 5)]),
            ("; a = 1 ; b", b';', &[("a", Some("1"), 2), ("b", None, 10)]),
            (";a=", b';', &[("a", Some(""), 1)]),
            (";=1", b';', &[("", Some("1"), 1)]),
            (";a=b=c", b';', &[("a", Some("b=c"), 1)]),
            (";a=\"x;y\";b", b';', &[("a", Some("\"x;y\""), 1), ("b", None, 9)]),
            (";a=\"open;b", b';', &[("a", Some("\"open;b"), 1)]),
            ("a=1, b=\"2,3\"", b',', &[("a", Some("1"), 0), ("b", Some("\"2,3\""), 5)]),
            (";a\r\n =\r\n 1", b';', &[("a", Some("1"), 1)]),
        ] {
            assert_eq!(rows(text, separator), expected, "{text:?}");
        }
    }

    #[test]
    fn value_offsets_point_at_the_value() {
        let text = b";a = xy;b";
        let a = Params::new(text).param(b"A").unwrap();
        assert_eq!(text.get(a.value_offset..a.value_offset + 2), Some(&b"xy"[..]));
    }
}
