//! Small readers over header bytes, shared by the header families.

use core::fmt::{self, Write as _};
use proto_wire::text::chars;
use proto_wire::{ParseError, ParseErrorKind};

/// Whether `b` is linear white space (line ends occur inside folded values).
pub(crate) const fn is_lws(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// `bytes` without linear white space at both ends.
#[inline]
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        if !is_lws(*first) {
            break;
        }
        bytes = rest;
    }
    while let [rest @ .., last] = bytes {
        if !is_lws(*last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// `bytes` without the quotes around it, when both are there; a lone quote at the start
/// or the end goes too (devices forget one).
pub(crate) fn unquote(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\"").unwrap_or(bytes);
    bytes.strip_suffix(b"\"").unwrap_or(bytes)
}

/// The decimal number that `bytes` spells, all digits, no sign, no overflow.
#[inline]
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for b in bytes {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// The text, or where it stops being UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, ParseError> {
    chars::utf8(bytes).ok_or_else(|| {
        let valid = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        ParseError::new(ParseErrorKind::Utf8, valid)
    })
}

/// Writes bytes as they were read; what cannot stand in a line (the line ends of a fold, other
/// control bytes) becomes a space, what is no UTF-8 the replacement character.
pub(crate) fn show(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            f.write_char(if c.is_ascii_control() { ' ' } else { c })?;
        }
        if !chunk.invalid().is_empty() {
            f.write_char(char::REPLACEMENT_CHARACTER)?;
        }
    }
    Ok(())
}

/// How far `part` begins behind the start of `whole` (0 when it is not a part of it).
pub(crate) fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    let offset = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
    if offset <= whole.len() { offset } else { 0 }
}

/// Cuts `rest` at the next `separator` that is outside quotes; the piece comes back with
/// the white space around it, and `rest` goes on behind the separator. `None` at the end.
#[inline]
pub(crate) fn next_piece<'a>(rest: &mut Option<&'a [u8]>, separator: u8) -> Option<&'a [u8]> {
    let bytes = (*rest)?;
    let mut at = 0_usize;
    while let Some(b) = bytes.get(at) {
        if *b == separator {
            let (piece, tail) = bytes.split_at_checked(at)?;
            *rest = tail.get(1..);
            return Some(piece);
        }
        at = if *b == b'"' { quoted_end(bytes, at) } else { at.wrapping_add(1) };
    }
    *rest = None;
    Some(bytes)
}

/// Behind the quoted string that begins at `at`, or the end of `bytes` when it has none.
pub(crate) fn quoted_end(bytes: &[u8], at: usize) -> usize {
    closed_quote(bytes, at).unwrap_or(bytes.len())
}

/// Behind the quoted string that begins at `at`; `None` when nothing closes it.
#[inline]
pub(crate) fn closed_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    at = at.wrapping_add(1);
    while let Some(b) = bytes.get(at) {
        at = match *b {
            b'"' => return Some(at.wrapping_add(1)),
            b'\\' => at.wrapping_add(2),
            _ => at.wrapping_add(1),
        };
    }
    None
}

/// The eight bytes that `bytes` begins with, the first one lowest; zeros behind its end.
#[inline]
pub(crate) fn first_eight(bytes: &[u8]) -> u64 {
    if let Some(all) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*all);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The two overlap, and agree where they do.
        let over = (bytes.len() as u32).wrapping_sub(4).wrapping_mul(8);
        let last = u64::from(u32::from_le_bytes(*last)).wrapping_shl(over);
        return u64::from(u32::from_le_bytes(*first)) | last;
    }
    // Fewer than four: the first, the middle and the last are all.
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return 0 };
    let middle = bytes.get(bytes.len() / 2).copied().unwrap_or(0);
    let at = |b: u8, place: usize| u64::from(b).wrapping_shl((place as u32).wrapping_mul(8));
    u64::from(*first) | at(middle, bytes.len() / 2) | at(*last, bytes.len().wrapping_sub(1))
}

/// The number at the start of `bytes`, of at most 18 digits, and what follows it.
#[inline]
pub(crate) fn leading_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, len) = leading_digits(first_eight(bytes));
    match len {
        1..8 => Some((joined(digits, len), bytes.get(len as usize..)?)),
        0 => None,
        _ => long_leading_number(bytes),
    }
}

/// The values of the digits that eight characters begin with, one in each byte, and how many there
/// are. What is behind them means nothing.
#[inline]
const fn leading_digits(eight: u64) -> (u64, u32) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let digits = eight ^ ONES.wrapping_mul(0x30);
    // Bit 7 of each byte that is no digit, exact up to the first.
    let odd = (digits | digits.wrapping_add(ONES.wrapping_mul(0x76))) & ONES.wrapping_mul(0x80);
    (digits, odd.trailing_zeros() / 8)
}

/// The number that the first `len` of eight digits are; there is at least one.
#[inline]
const fn joined(digits: u64, len: u32) -> u64 {
    // Zeros before them make eight digits, which are then joined by twos, fours and eights.
    let eight = digits.wrapping_shl(64_u32.wrapping_sub(len.wrapping_mul(8)));
    let twos = eight.wrapping_mul(2561) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(6_553_601) >> 16 & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(42_949_672_960_001) >> 32
}

/// The same for eight digits and more.
#[inline(never)]
fn long_leading_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    let (first, behind) = bytes.split_first_chunk::<8>()?;
    let more = match behind.first_chunk::<8>() {
        Some(more) => u64::from_le_bytes(*more),
        None => {
            // The end of the last eight bytes, moved to where it belongs.
            let missing = 8_u32.wrapping_sub(behind.len() as u32).wrapping_mul(8);
            u64::from_le_bytes(*bytes.last_chunk()?).checked_shr(missing).unwrap_or(0)
        }
    };
    let (more, len) = leading_digits(more);
    if let Some(power) = POWERS.get(len as usize) {
        let low = if len == 0 { 0 } else { joined(more, len) };
        let (first, _) = leading_digits(u64::from_le_bytes(*first));
        let high = joined(first, 8).wrapping_mul(*power);
        return Some((high.wrapping_add(low), behind.get(len as usize..)?));
    }
    let mut value: u64 = 0;
    let mut rest = bytes;
    while let [b, tail @ ..] = rest {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        rest = tail;
    }
    let len = bytes.len().wrapping_sub(rest.len());
    // That many digits always fit.
    if len == 0 || len > 18 { None } else { Some((value, rest)) }
}

/// A table of bytes, for loops that look at each.
pub(crate) const fn table(of: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut rest = of;
    while let [first, tail @ ..] = rest {
        #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
        {
            table[*first as usize] = true;
        }
        rest = tail;
    }
    table
}

/// Whether `b` is in a [`table`].
#[inline]
pub(crate) fn is_in(table: &'static [bool; 256], b: u8) -> bool {
    // The compiler knows that a byte is below 256: there is no check in it.
    table.get(usize::from(b)).copied().unwrap_or(false)
}

/// `name` and `value` of `name=value`, trimmed; no value when there is no `=`.
#[inline]
pub(crate) fn pair(piece: &[u8]) -> (&[u8], Option<&[u8]>) {
    match piece.iter().position(|b| *b == b'=') {
        Some(i) => (
            trim(piece.get(..i).unwrap_or(&[])),
            Some(trim(piece.get(i.wrapping_add(1)..).unwrap_or(&[]))),
        ),
        None => (trim(piece), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_respect_quotes_and_escapes() {
        let mut rest = Some(&b"a, \"b,\\\"c\" ,,d"[..]);
        let mut pieces = alloc::vec::Vec::new();
        while let Some(piece) = next_piece(&mut rest, b',') {
            pieces.push(trim(piece));
        }
        assert_eq!(pieces, [&b"a"[..], b"\"b,\\\"c\"", b"", b"d"]);
    }

    #[test]
    fn numbers_at_the_start_end_where_digits_end() {
        for number in
            [0, 1, 7, 10, 42, 999, 1000, 65_535, 123_456, 9_999_999, 10_000_000, 987_654_321_098]
        {
            for behind in ["", "-", "-1", ";x=1", " ", "a", "/", ":", "\u{e9}", "\0\0\0\0\0\0\0\0"]
            {
                for zeros in ["", "0", "000"] {
                    let text = alloc::format!("{zeros}{number}{behind}");
                    let read = leading_number(text.as_bytes());
                    assert_eq!(read, Some((number, behind.as_bytes())), "{text}");
                }
            }
        }
        for text in ["", "-1", "x123", ";", "1234567890123456789"] {
            assert_eq!(leading_number(text.as_bytes()), None, "{text}");
        }
        for b in 0..=u8::MAX {
            let text = [b'1', b, b'2', b'3'];
            let len = leading_number(&text).map(|(_, rest)| 4 - rest.len());
            assert_eq!(len, Some(if b.is_ascii_digit() { 4 } else { 1 }), "{b}");
        }
    }

    #[test]
    fn numbers_have_no_sign_and_do_not_wrap() {
        for (text, expected) in [
            (&b"0"[..], Some(0)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"+5", None),
            (b"-1", None),
            (b"", None),
            (b"1 2", None),
        ] {
            assert_eq!(number(text), expected);
        }
    }
}
