//! The one rule for Content-Length, shared by framers and parsers, so that they can
//! never disagree about where a message ends.

use crate::head::{Field, Index, Quirk};
use crate::text::{chars, list};
use crate::{ParseError, ParseErrorKind};

/// What the Content-Length headers of a message say together.
///
/// None at all gives `None`; what that means is the transport's business. Repeats, on
/// several lines or with commas, must be equal (RFC 9110 §8.6 words the reason: a
/// difference is an attack or a bug); they are noted as a quirk.
///
/// # Errors
///
/// [`ParseErrorKind::ContentLength`] for anything but digits (a sign, a fraction, nothing)
/// or a number beyond 64 bits, [`ParseErrorKind::ContentLengthConflict`] for values that
/// differ; the offset is that of the value in the message.
///
/// ```
/// use proto_wire::{Limits, ParseErrorKind};
/// use proto_wire::head::{Index, NameTable, Profile, Scanner};
/// use proto_wire::length::content_length;
///
/// # struct Toy;
/// # impl Profile for Toy {
/// #     const NAMES: &'static NameTable = &NameTable::new(&[("Content-Length", "l")]);
/// #     const BARE_CR_ENDS_LINE: bool = false;
/// # }
/// let mut index = Index::new();
/// let bytes = b"PUT x\r\nContent-Length: 5\r\nl: 6\r\n\r\n";
/// Scanner::new().scan::<Toy>(bytes, &mut index, &Limits::default())?;
/// let error = content_length(&mut index, bytes, 1).unwrap_err();
/// assert_eq!(error.kind(), ParseErrorKind::ContentLengthConflict);
/// assert_eq!(error.offset(), 29);
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
pub fn content_length(index: &mut Index, bytes: &[u8], id: u8) -> Result<Option<u64>, ParseError> {
    // Nearly always there is at most one, and it is a number.
    let mut rows = index.entries().iter().filter(|entry| entry.id() == id);
    match (rows.next(), rows.next()) {
        (None, _) => return Ok(None),
        (Some(row), None) => {
            if let Some(length) = chars::parse_u64(row.value().of(bytes)) {
                return Ok(Some(length));
            }
        }
        _ => {}
    }
    any_content_length(index, bytes, id)
}

#[cold]
fn any_content_length(index: &mut Index, bytes: &[u8], id: u8) -> Result<Option<u64>, ParseError> {
    let mut length = None;
    let mut repeated = None;
    for field in index.fields(bytes).all(id) {
        for value in values(field) {
            let (value, at) = value?;
            match length {
                None => length = Some(value),
                Some(first) if first == value => repeated = Some(at),
                Some(_) => return Err(ParseError::new(ParseErrorKind::ContentLengthConflict, at)),
            }
        }
    }
    if let Some(at) = repeated {
        index.note(Quirk::RepeatedContentLength, at);
    }
    Ok(length)
}

fn values(field: Field<'_>) -> impl Iterator<Item = Result<(u64, usize), ParseError>> {
    list::Items::new(field.value()).map(move |item| {
        let at = field.value_offset().saturating_add(item.offset);
        let number = chars::parse_u64(item.bytes);
        number.map(|n| (n, at)).ok_or_else(|| ParseError::new(ParseErrorKind::ContentLength, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::head::{NameTable, Profile, Scanner};
    use alloc::format;

    struct Toy;
    impl Profile for Toy {
        const NAMES: &'static NameTable = &NameTable::new(&[("Content-Length", "l")]);
        const BARE_CR_ENDS_LINE: bool = false;
    }

    fn length_of(headers: &str) -> Result<Option<u64>, ParseErrorKind> {
        let bytes = format!("START\r\n{headers}\r\n");
        let mut index = Index::new();
        let head = Scanner::new().scan::<Toy>(bytes.as_bytes(), &mut index, &Limits::default());
        debug_assert_eq!(head, Ok(Some(bytes.len())));
        content_length(&mut index, bytes.as_bytes(), 1).map_err(|e| e.kind())
    }

    #[test]
    fn one_rule_for_content_length() {
        const BAD: ParseErrorKind = ParseErrorKind::ContentLength;
        const CONFLICT: ParseErrorKind = ParseErrorKind::ContentLengthConflict;
        for (headers, expected) in [
            ("", Ok(None)),
            ("Content-Length: 0\r\n", Ok(Some(0))),
            ("content-length:  0007\r\n", Ok(Some(7))),
            ("L: 18446744073709551615\r\n", Ok(Some(u64::MAX))),
            ("L: 18446744073709551616\r\n", Err(BAD)),
            ("Content-Length: 5\r\nl: 5\r\n", Ok(Some(5))),
            ("Content-Length: 5, 5\r\n", Ok(Some(5))),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", Err(CONFLICT)),
            ("Content-Length: 5, 6\r\n", Err(CONFLICT)),
            ("Content-Length: +5\r\n", Err(BAD)),
            ("Content-Length: -5\r\n", Err(BAD)),
            ("Content-Length: 5.0\r\n", Err(BAD)),
            ("Content-Length: 0x5\r\n", Err(BAD)),
            ("Content-Length: 5 5\r\n", Err(BAD)),
            ("Content-Length: five\r\n", Err(BAD)),
            ("Content-Length:\r\n", Err(BAD)),
            ("Content-Length: 5,\r\n", Err(BAD)),
            ("Content-Length:\r\n 5\r\n", Ok(Some(5))),
        ] {
            assert_eq!(length_of(headers), expected, "{headers:?}");
        }
    }
}
