//! Values that go on over several lines.

use crate::text::chars::any_zero;
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
        let line = line.trim_ascii();
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
