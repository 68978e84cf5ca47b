//! Lines of a description.

use crate::text::chars;

/// One line: a letter, `=`, a value. RFC 8866 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The letter before `=`, or 0 when the line does not begin with a letter and `=`.
    pub kind: u8,
    /// What follows `=`, without white space around it; all of a line of kind 0.
    pub value: &'a [u8],
    /// Where the line begins in the description.
    pub offset: usize,
    /// The line as it stands, without its end.
    pub raw: &'a [u8],
    /// How the line ends.
    pub end: LineEnd,
}

/// How a line ends. RFC 8866 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineEnd {
    /// CR and LF, as RFC 8866 §5 asks.
    CrLf,
    /// LF alone.
    Lf,
    /// CR alone.
    Cr,
    /// With the description.
    None,
}

impl<'a> Line<'a> {
    /// The value when it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        core::str::from_utf8(self.value).ok()
    }
}

/// The lines of a description or of a part of one. Empty lines are skipped. RFC 8866 §5.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { rest: bytes, offset }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let len = memchr::memchr2(b'\r', b'\n', self.rest).unwrap_or(self.rest.len());
            let (raw, behind) = self.rest.split_at_checked(len)?;
            let (end, end_len) = match behind {
                [b'\r', b'\n', ..] => (LineEnd::CrLf, 2),
                [b'\r', ..] => (LineEnd::Cr, 1),
                [_, ..] => (LineEnd::Lf, 1),
                [] => (LineEnd::None, 0),
            };
            let offset = self.offset;
            self.rest = behind.get(end_len..).unwrap_or_default();
            self.offset = offset.saturating_add(len).saturating_add(end_len);
            let trimmed = chars::trim(raw);
            if trimmed.is_empty() {
                continue;
            }
            let (kind, value) = match trimmed {
                [kind, b'=', value @ ..] if kind.is_ascii_alphabetic() => {
                    (*kind, chars::trim(value))
                }
                _ => (0, trimmed),
            };
            return Some(Line { kind, value, offset, raw, end });
        }
    }
}

/// The parts of a value between spaces; several spaces count as one.
pub(super) fn fields(value: &[u8]) -> impl Iterator<Item = &str> + Clone {
    value
        .split(|b| matches!(b, b' ' | b'\t'))
        .filter(|field| !field.is_empty())
        .map(|field| core::str::from_utf8(field).unwrap_or(""))
}
