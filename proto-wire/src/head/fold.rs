//! Values that go on over several lines.

use crate::text::chars::{any_zero, trim};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The value with each fold (line end and the white space around it) as one space, as
/// RFC 3261 §7.3.1 reads it. Borrows when nothing is folded.
///
/// ```
/// use proto_wire::head::unfold;
///
/// assert_eq!(unfold(b"one\r\n\t two").as_ref(), b"one two");
/// assert_eq!(unfold(b"one  two").as_ref(), b"one  two");
/// ```
#[must_use]
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let is_line_end = |b: &u8| matches!(b, b'\r' | b'\n');
    if !any_zero(value, |b| (b ^ b'\r').min(b ^ b'\n')) {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    for line in value.split(is_line_end) {
        let line = trim(line);
        if line.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(line);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what the grammar calls white space goes: a form feed is a byte of the value, and what
    /// is left of the value must read as the same.
    #[test]
    fn control_characters_beside_folds_stay() {
        assert_eq!(unfold(b"\x0c\n \"\0x").as_ref(), b"\x0c \"\0x");
        assert_eq!(unfold(b"a\x0c\r\n\tb").as_ref(), b"a\x0c b");
    }

    #[test]
    fn either_line_end_alone_is_a_fold_and_nothing_else_is() {
        assert_eq!(unfold(b"a\r b").as_ref(), b"a b");
        assert_eq!(unfold(b"a\n b").as_ref(), b"a b");
        for byte in (0..=255_u8).filter(|byte| !b"\r\n".contains(byte)) {
            let value = [b' ', byte];
            assert!(matches!(unfold(&value), Cow::Borrowed(same) if same == value), "{byte:#x}");
        }
    }
}
