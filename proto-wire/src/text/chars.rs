//! Character classes as one table, and the smallest readers built on it.

use super::window;

/// A token character of SIP (RFC 3261 §25.1).
const SIP_TOKEN: u8 = 1;
/// A token character of HTTP and RTSP (RFC 9110 §5.6.2, RFC 7826 §20.1).
const TOKEN: u8 = 2;
/// Linear white space, the line ends of folds included.
const LWS: u8 = 4;
/// A character of a host name, an underscore (seen in the field) included.
const HOST: u8 = 8;

const CLASSES: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs at compile time on constants"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let alphanumeric = b.is_ascii_alphanumeric();
        if alphanumeric
            || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
        {
            table[byte] |= SIP_TOKEN | TOKEN;
        }
        if matches!(b, b'#' | b'$' | b'&' | b'^' | b'|') {
            table[byte] |= TOKEN;
        }
        if matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
            table[byte] |= LWS;
        }
        if alphanumeric || matches!(b, b'-' | b'.' | b'_') {
            table[byte] |= HOST;
        }
        byte += 1;
    }
    table
}

#[inline]
fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|c| c & class != 0)
}

/// Whether this may stand in a token of HTTP or RTSP, the wider of the two sets.
/// RFC 9110 §5.6.2, RFC 7826 §20.1.
#[must_use]
#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    is(byte, TOKEN)
}

/// Whether this may stand in a token of SIP. RFC 3261 §25.1.
#[must_use]
#[inline]
pub fn is_sip_token_byte(byte: u8) -> bool {
    is(byte, SIP_TOKEN)
}

/// Whether this is white space: space, tab, or part of the line end of a fold. RFC 3261 §25.1.
#[must_use]
#[inline]
pub fn is_lws(byte: u8) -> bool {
    is(byte, LWS)
}

/// Whether this may stand in a host name. RFC 3986 §3.2.2.
#[must_use]
#[inline]
pub fn is_host_byte(byte: u8) -> bool {
    is(byte, HOST)
}

/// Whether `bytes` is a token of HTTP or RTSP. RFC 9110 §5.6.2, RFC 7826 §20.1.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && run_len(bytes, is_token_byte) == bytes.len()
}

/// Whether `bytes` is a token of SIP. RFC 3261 §25.1.
#[must_use]
pub fn is_sip_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && sip_token_len(bytes) == bytes.len()
}

/// Whether `distance` is 0 for any of `bytes`. Written as arithmetic on bytes (`b ^ b';'` is 0
/// for a semicolon, `min` joins two such), the compiler makes vector instructions of it.
///
/// ```
/// use proto_wire::text::chars::any_zero;
///
/// let blank_or_comma = |b: u8| (b ^ b',').min(b.saturating_sub(b' '));
/// assert!(any_zero(b"one,two", blank_or_comma) && !any_zero(b"one;two", blank_or_comma));
/// ```
#[must_use]
#[inline(always)]
pub fn any_zero(bytes: &[u8], distance: impl Fn(u8) -> u8) -> bool {
    let mut rest = bytes;
    while let Some((stride, behind)) = rest.split_first_chunk::<16>() {
        if zero_in(stride, &distance) {
            return true;
        }
        rest = behind;
    }
    if rest.is_empty() {
        return false;
    }
    // What is left is looked at together with bytes that were seen before, if there are any.
    if let Some(last) = bytes.last_chunk::<16>() {
        return zero_in(last, &distance);
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        return zero_in(first, &distance) | zero_in(last, &distance);
    }
    rest.iter().any(|b| distance(*b) == 0)
}

#[inline(always)]
fn zero_in<const N: usize>(stride: &[u8; N], distance: impl Fn(u8) -> u8) -> bool {
    let mut distances = [0; N];
    for (to, b) in distances.iter_mut().zip(stride) {
        *to = distance(*b);
    }
    distances.iter().fold(false, |found, distance| found | (*distance == 0))
}

/// Whether `byte` is one of `bytes`, which are few.
///
/// ```
/// assert!(proto_wire::text::chars::contains(b";,", b','));
/// ```
#[must_use]
#[inline]
pub fn contains(bytes: &[u8], byte: u8) -> bool {
    any_zero(bytes, |b| b ^ byte)
}

/// `bytes` as text, when they are UTF-8: the same as [`core::str::from_utf8`], in a third of the time
/// for short ASCII texts, whose length and place that function steps around byte by byte.
#[must_use]
#[inline]
pub fn utf8(bytes: &[u8]) -> Option<&str> {
    bstr::ByteSlice::to_str(bytes).ok()
}

/// Whether `bytes` is a header value as nearly all are: printable ASCII, at least one byte, no
/// blank at either end. A head scanner finds exactly this value in a row that holds it.
/// RFC 9110 §5.5.
#[must_use]
#[inline]
pub fn is_plain_value(bytes: &[u8]) -> bool {
    let blank = |end: Option<&u8>| matches!(end, None | Some(b' '));
    !blank(bytes.first()) && !blank(bytes.last()) && is_printable(bytes)
}

/// Whether all of `bytes` are printable ASCII, 0x20 to 0x7e (RFC 5234 appendix B.1: VCHAR and SP).
#[must_use]
#[inline]
pub fn is_printable(bytes: &[u8]) -> bool {
    !any_zero(bytes, |b| 0x7f_u8.saturating_sub(b).min(b & 0xe0))
}

/// The offset of the first `byte` in `bytes`, of which there are few: below a hundred or so
/// this is quicker than a call of `memchr`.
///
/// ```
/// assert_eq!(proto_wire::text::chars::find(b"a=b", b'='), Some(1));
/// ```
#[must_use]
#[inline]
pub fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    find_any(bytes, [byte])
}

/// The offset of the first byte that is one of `wanted`, which are few.
///
/// ```
/// assert_eq!(proto_wire::text::chars::find_any(b"a,b;c", *b";,"), Some(1));
/// ```
#[must_use]
#[inline]
pub fn find_any<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Option<usize> {
    let at = window::find_any(bytes, wanted);
    (at < bytes.len()).then_some(at)
}

/// How many bytes of a host name `bytes` begins with. RFC 3986 §3.2.2.
#[must_use]
#[inline]
pub fn host_len(bytes: &[u8]) -> usize {
    run_len(bytes, is_host_byte)
}

/// How many bytes of a token of SIP `bytes` begins with. RFC 3261 §25.1.
#[must_use]
#[inline]
pub fn sip_token_len(bytes: &[u8]) -> usize {
    run_len(bytes, is_sip_token_byte)
}

/// How many bytes at the start are `of` a class that has letters, digits, `-` and `.`.
#[inline(always)]
fn run_len(bytes: &[u8], of: impl Fn(u8) -> bool) -> usize {
    let mut rest = bytes;
    while let Some((stride, behind)) = rest.split_first_chunk::<16>() {
        if let Some(at) = first_infrequent(stride) {
            return run_from(bytes, bytes.len().wrapping_sub(rest.len()).wrapping_add(at), of);
        }
        rest = behind;
    }
    if rest.is_empty() {
        return bytes.len();
    }
    // What is left is looked at together with bytes that were seen before, if there are any.
    if let Some(last) = bytes.last_chunk::<16>() {
        let before = bytes.len().wrapping_sub(16);
        return match first_infrequent(last) {
            Some(at) => run_from(bytes, before.wrapping_add(at), of),
            None => bytes.len(),
        };
    }
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return run_from(bytes, 0, of);
    };
    let both = u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << 64;
    match first_infrequent(&both.to_le_bytes()) {
        None => bytes.len(),
        Some(at @ 0..8) => run_from(bytes, at, of),
        Some(at) => run_from(bytes, bytes.len().wrapping_sub(16).wrapping_add(at), of),
    }
}

/// The first byte of a stride that is no letter, digit, `-` or `.`.
#[inline(always)]
fn first_infrequent(stride: &[u8; 16]) -> Option<usize> {
    let mut outside = [0; 16];
    for (to, b) in outside.iter_mut().zip(stride) {
        // 0 for the frequent ones, as arithmetic: see `any_zero`.
        let letter = (b | 0x20).wrapping_sub(b'a').saturating_sub(25);
        let digit = b.wrapping_sub(b'0').saturating_sub(9);
        *to = letter.min(digit).min(b.wrapping_sub(b'-').saturating_sub(1));
    }
    let bits = u128::from_le_bytes(outside);
    (bits != 0).then_some((bits.trailing_zeros() / 8) as usize)
}

/// The same as [`run_len`] where all before `at` belong to it.
#[inline(always)]
fn run_from(bytes: &[u8], at: usize, of: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    at.wrapping_add(rest.iter().position(|b| !of(*b)).unwrap_or(rest.len()))
}

/// How many white space bytes `bytes` begins with. RFC 3261 §25.1.
#[must_use]
#[inline]
pub fn lws_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| !is_lws(*b)).unwrap_or(bytes.len())
}

/// `bytes` without white space at the start. RFC 3261 §25.1.
#[must_use]
#[inline]
pub fn trim_start(bytes: &[u8]) -> &[u8] {
    bytes.get(lws_len(bytes)..).unwrap_or(&[])
}

/// `bytes` without white space at the end. RFC 3261 §25.1.
#[must_use]
#[inline]
pub fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| !is_lws(*b)).map_or(0, |last| last.wrapping_add(1));
    bytes.get(..end).unwrap_or(&[])
}

/// `bytes` without white space at both ends. RFC 3261 §25.1.
#[must_use]
#[inline]
pub fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// Splits at the first byte that is not of a token (HTTP and RTSP).
/// RFC 9110 §5.6.2, RFC 7826 §20.1.
#[must_use]
#[inline]
pub fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|b| !is_token_byte(*b)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// The number that `bytes` are the decimal digits of: no sign, no white space, not empty,
/// at most 64 bits.
/// RFC 3261 §25.1 (`1*DIGIT`).
#[must_use]
#[inline]
pub fn parse_u64(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(number)
}

/// The same for 32 bits. See [`parse_u64`].
#[must_use]
#[inline]
pub fn parse_u32(bytes: &[u8]) -> Option<u32> {
    parse_u64(bytes).and_then(|n| u32::try_from(n).ok())
}

/// The same for 16 bits. See [`parse_u64`].
#[must_use]
#[inline]
pub fn parse_u16(bytes: &[u8]) -> Option<u16> {
    parse_u64(bytes).and_then(|n| u16::try_from(n).ok())
}

/// The value of one hexadecimal digit. RFC 3986 §2.1.
#[must_use]
#[inline]
pub fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_see_what_single_bytes_see() {
        for len in 0..40 {
            let plain = alloc::vec![b'a'; len];
            assert_eq!((host_len(&plain), sip_token_len(&plain)), (len, len));
            assert!(!any_zero(&plain, |b| !b) && !contains(&plain, 0));
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut bytes = plain.clone();
                    if let Some(b) = bytes.get_mut(at) {
                        *b = byte;
                    }
                    let expected = |class: bool| if class { len } else { at };
                    assert_eq!(host_len(&bytes), expected(is_host_byte(byte)));
                    assert_eq!(sip_token_len(&bytes), expected(is_sip_token_byte(byte)));
                    assert_eq!(contains(&bytes, b';'), byte == b';');
                    assert_eq!(find(&bytes, b';'), (byte == b';').then_some(at));
                }
            }
        }
    }

    #[test]
    fn plain_values_are_printable_without_blanks_at_their_ends() {
        for byte in 0..=u8::MAX {
            let inside = [b'a', byte, b'a'];
            assert_eq!(is_plain_value(&inside), (0x20..0x7f).contains(&byte), "{byte}");
            assert_eq!(is_plain_value(&[byte]), (0x21..0x7f).contains(&byte), "{byte}");
        }
        for text in ["", " ", " a", "a ", "a\t"] {
            assert!(!is_plain_value(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_digits_only() {
        for (bytes, expected) in [
            (&b"0"[..], Some(0)),
            (b"0042", Some(42)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"99999999999999999999999", None),
            (b"", None),
            (b"+1", None),
            (b"-1", None),
            (b" 1", None),
            (b"1a", None),
        ] {
            assert_eq!(parse_u64(bytes), expected);
        }
        assert_eq!(parse_u16(b"65535"), Some(u16::MAX));
        assert_eq!(parse_u16(b"65536"), None);
        assert_eq!(parse_u32(b"4294967296"), None);
    }

    #[test]
    fn tokens_of_sip_are_fewer_than_those_of_http() {
        assert!(is_token(b"a#$&^|") && !is_sip_token(b"a#"));
        assert!(is_sip_token(b"-.!%*_+`'~aZ0"));
        for bytes in [&b""[..], b"a b", b"a/b", b"\"a\"", b"a\x00", b"\xc3\xa9"] {
            assert!(!is_token(bytes) && !is_sip_token(bytes));
        }
    }

    #[test]
    fn trimming_counts_folds_as_white_space() {
        assert_eq!(trim(b" \r\n\ta b\r\n "), b"a b");
        assert_eq!(trim(b" \t"), b"");
        assert_eq!(split_token(b"abc;d"), (&b"abc"[..], &b";d"[..]));
    }
}
