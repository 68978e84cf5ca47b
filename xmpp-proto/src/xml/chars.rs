//! Characters of XML 1.0 and how to run over the harmless ones, sixteen bytes at a time.

#![expect(clippy::arithmetic_side_effects, reason = "offsets are at most a slice's length plus 8")]

use super::XmlErrorKind;

const NAME_START: u8 = 1;
const NAME: u8 = 2;
const SPACE: u8 = 4;
const PLAIN: u8 = 8;

/// What an ASCII byte may be; bytes from 0x80 have no class and are looked at as characters.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        #[expect(clippy::indexing_slicing, reason = "`at` is below 128")]
        {
            table[at] = match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME_START | NAME,
                b'0'..=b'9' | b'-' | b'.' => NAME,
                b' ' | b'\t' | b'\n' | b'\r' => SPACE,
                _ => 0,
            };
            if byte >= 0x20 && !matches!(byte, b'<' | b'>' | b'&' | b'\'' | b'"') {
                table[at] |= PLAIN;
            }
        }
        at += 1;
    }
    table
}

#[inline]
fn class(byte: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "256 entries for 256 values")]
    CLASS[usize::from(byte)]
}

/// White space of XML 1.0 §2.3, to which no form feed belongs.
#[inline]
pub(crate) fn is_space(byte: u8) -> bool {
    class(byte) & SPACE != 0
}

/// Where the white space that begins at `pos` ends.
#[inline]
pub(super) fn skip_space(bytes: &[u8], mut pos: usize) -> usize {
    while bytes.get(pos).is_some_and(|&b| is_space(b)) {
        pos += 1;
    }
    pos
}

/// Where the run of ASCII name characters (without colon) that begins at `pos` ends.
#[inline]
pub(super) fn skip_ascii_name(bytes: &[u8], mut pos: usize) -> usize {
    while bytes.get(pos).is_some_and(|&b| class(b) & NAME != 0) {
        pos += 1;
    }
    pos
}

#[inline]
pub(super) fn is_ascii_name_start(byte: u8) -> bool {
    class(byte) & NAME_START != 0
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// High bits mark bytes equal to zero; exact up to and including the first one.
#[inline]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

#[inline]
const fn equals(word: u64, byte: u8) -> u64 {
    zeros(word ^ ONES.wrapping_mul(byte as u64))
}

#[inline]
const fn controls(word: u64) -> u64 {
    word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word
}

#[inline]
fn word_at(bytes: &[u8], pos: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(pos..)?.first_chunk::<8>()?))
}

/// How many bytes are looked at together.
const STRIDE: usize = 16;

/// The bytes of `block` whose `distance`, which is at most 0x80, is 0: 0x80 at their place.
/// Written as arithmetic on bytes (`b ^ b';'` is 0 for a semicolon, `min` joins two such), the
/// compiler makes vector instructions of it.
#[inline(always)]
fn marks(block: &[u8; STRIDE], distance: impl Fn(u8) -> u8) -> u128 {
    let mut marks = [0; STRIDE];
    for (to, byte) in marks.iter_mut().zip(block) {
        *to = distance(*byte).wrapping_sub(1) & 0x80;
    }
    u128::from_le_bytes(marks)
}

/// The place of the first mark.
#[inline(always)]
const fn first(marks: u128) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// 0 for what every run must look at: controls and what is not ASCII.
#[inline(always)]
const fn rare(byte: u8) -> u8 {
    let (control, wide) = (byte.saturating_sub(0x1f), 0x80_u8.saturating_sub(byte));
    if control < wide { control } else { wide }
}

/// Where the run of bytes that have a `distance` ends.
#[inline(always)]
fn run(bytes: &[u8], mut pos: usize, distance: impl Fn(u8) -> u8 + Copy) -> usize {
    while let Some(block) = bytes.get(pos..).and_then(<[u8]>::first_chunk) {
        let found = marks(block, distance);
        if found != 0 {
            return pos + first(found);
        }
        pos += STRIDE;
    }
    last_run(bytes, pos, distance)
}

/// The same where less than a stride is left: together with bytes that were seen before.
#[inline(always)]
fn last_run(bytes: &[u8], pos: usize, distance: impl Fn(u8) -> u8) -> usize {
    let rest = bytes.get(pos..).unwrap_or(&[]);
    let Some(last) = bytes.last_chunk() else {
        return pos + rest.iter().take_while(|&&byte| distance(byte) != 0).count();
    };
    let seen = STRIDE - rest.len();
    let found = marks(last, distance).checked_shr(8 * seen as u32).unwrap_or(0);
    if found == 0 { bytes.len() } else { pos + first(found) }
}

/// The first byte from `pos` that text must look at: `<`, `&`, `>`, a control or not ASCII.
#[inline(always)]
pub(super) fn text_run(bytes: &[u8], pos: usize) -> usize {
    // `<` and `>` differ in one bit.
    run(bytes, pos, |b| ((b | 2) ^ b'>').min(b ^ b'&').min(rare(b)))
}

/// The first byte from `pos` that a value must look at: the quote, `<`, `&`, a control or
/// not ASCII.
#[inline(always)]
pub(super) fn value_run(bytes: &[u8], pos: usize, quote: u8) -> usize {
    run(bytes, pos, |b| (b ^ quote).min(b ^ b'<').min(b ^ b'&').min(rare(b)))
}

/// The first byte from `pos` that CDATA must look at: `]`, a control or not ASCII.
#[inline]
pub(super) fn cdata_run(bytes: &[u8], pos: usize) -> usize {
    run(bytes, pos, |b| (b ^ b']').min(rare(b)))
}

/// The first byte from `pos` that a writer must escape in text or in a value in single
/// quotes, or that it must look at.
#[inline]
pub(super) fn plain_run(bytes: &[u8], pos: usize) -> usize {
    run(bytes, pos, |b| {
        // `&` and `'`, `<` and `>` differ in one bit each.
        ((b | 2) ^ b'>').min((b | 1) ^ b'\'').min(b ^ b'"').min(rare(b))
    })
}

/// A plain name and what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlainName {
    pub(super) len: usize,
    /// The first byte that does not belong to it.
    pub(super) behind: u8,
    /// Two names of one tag seldom have the same.
    pub(super) bit: u64,
    pub(super) starts_with_x: bool,
}

/// The longest plain name, with `xml:` before it.
pub(super) const PLAIN_NAME_MAX: usize = STRIDE + 3;

/// The name of ASCII without colon that begins at `pos`, when it is shorter than a stride and no
/// character that might belong to it follows. Byte by byte: names come back again and again, so
/// the processor knows how long they are before it has read them.
#[inline(always)]
pub(super) fn plain_name(bytes: &[u8], pos: usize) -> Option<PlainName> {
    let block = bytes.get(pos..)?.first_chunk::<STRIDE>()?;
    let [first, second, ..] = *block;
    if !is_ascii_name_start(first) {
        return None;
    }
    for (len, &behind) in block.iter().enumerate().skip(1) {
        if class(behind) & NAME == 0 {
            let bit = 1_u64 << ((u32::from(first) ^ (u32::from(second) << 2) ^ len as u32) & 63);
            let name = PlainName { len, behind, bit, starts_with_x: first == b'x' };
            return (behind < 0x80).then_some(name);
        }
    }
    None
}

/// A bit for a name, so that two names of one tag seldom have the same.
#[inline(always)]
pub(super) fn name_bit(name: &[u8]) -> u64 {
    let (first, last) = (name.first().unwrap_or(&0), name.last().unwrap_or(&0));
    let len = name.len() as u32;
    1_u64 << ((u32::from(*first) ^ (u32::from(*last) << 3) ^ len) & 63)
}

/// Whether the same `len` bytes stand at `one` and, behind that, at `other`; never for more than 16.
#[inline(always)]
pub(super) fn is_same(bytes: &[u8], one: usize, other: usize, len: usize) -> bool {
    let (Some(a), Some(b)) = (word_at(bytes, one), word_at(bytes, other)) else {
        return is_same_at_the_end(bytes, one, other, len);
    };
    match len {
        1..=8 => (a ^ b) << (64 - 8 * len) == 0,
        // The last eight, of which some were among the first.
        9..=16 => a == b && word_at(bytes, one + len - 8) == word_at(bytes, other + len - 8),
        _ => false,
    }
}

/// The same where less than a word is left.
#[inline(never)]
fn is_same_at_the_end(bytes: &[u8], one: usize, other: usize, len: usize) -> bool {
    let part = |at: usize| bytes.get(at..at + len);
    len > 0 && part(one).is_some() && part(one) == part(other)
}

/// Whether a writer may copy all of `bytes` as they are, in text and in values alike. What is
/// not plain by this may still need no escaping: quotes in text, characters outside of ASCII.
#[inline]
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk::<16>() {
        if !is_plain_block(block) {
            return false;
        }
        rest = behind;
    }
    match (rest.is_empty(), bytes.last_chunk::<16>(), rest.first_chunk::<8>()) {
        (true, ..) => true,
        // The last block once more, with what was seen already.
        (_, Some(last), _) => is_plain_block(last),
        (_, None, Some(first)) => {
            is_plain_word(*first) && rest.last_chunk::<8>().is_none_or(|l| is_plain_word(*l))
        }
        (_, None, None) => rest.iter().all(|&b| class(b) & PLAIN != 0),
    }
}

/// Without an early end, so that the compiler may look at all sixteen at a time.
#[inline]
fn is_plain_block(block: &[u8; 16]) -> bool {
    let special = |b: u8| {
        // `&` and `'`, `<` and `>` differ in one bit each.
        (!(0x20..=0x7f).contains(&b)) | (b | 1 == b'\'') | (b | 2 == b'>') | (b == b'"')
    };
    !block.iter().fold(false, |found, &b| found | special(b))
}

#[inline]
const fn is_plain_word(bytes: [u8; 8]) -> bool {
    let w = u64::from_le_bytes(bytes);
    let marks = equals(w | ONES.wrapping_mul(2), b'>')
        | equals(w | ONES, b'\'')
        | equals(w, b'"')
        | controls(w);
    (marks | w) & HIGHS == 0
}

/// A character that is not ASCII, at the beginning of `bytes`, and its length: `Ok(None)`
/// when it is not all there yet, an error as soon as it cannot become one (RFC 3629).
pub(super) fn wide_char(bytes: &[u8], pos: usize) -> Result<Option<(u32, usize)>, XmlErrorKind> {
    let mut rest = bytes.get(pos..).unwrap_or(&[]).iter().copied();
    let Some(lead) = rest.next() else {
        return Ok(None);
    };
    let (len, mut low, mut high) = match lead {
        0xc2..=0xdf => (2, 0x80, 0xbf),
        0xe0 => (3, 0xa0, 0xbf),
        0xed => (3, 0x80, 0x9f),
        0xe1..=0xef => (3, 0x80, 0xbf),
        0xf0 => (4, 0x90, 0xbf),
        0xf4 => (4, 0x80, 0x8f),
        0xf1..=0xf3 => (4, 0x80, 0xbf),
        _ => return Err(XmlErrorKind::Utf8),
    };
    let mut code = u32::from(lead) & (0x7f >> len);
    for _ in 1..len {
        let Some(byte) = rest.next() else {
            return Ok(None);
        };
        if byte < low || byte > high {
            return Err(XmlErrorKind::Utf8);
        }
        (low, high) = (0x80, 0xbf);
        code = code << 6 | u32::from(byte & 0x3f);
    }
    if code == 0xfffe || code == 0xffff {
        return Err(XmlErrorKind::Char);
    }
    Ok(Some((code, len)))
}

/// XML 1.0 §2.2, production 2.
pub(super) const fn is_char(code: u32) -> bool {
    matches!(code, 0x9 | 0xa | 0xd | 0x20..=0xd7ff | 0xe000..=0xfffd | 0x1_0000..=0x10_ffff)
}

/// XML 1.0 (fifth edition) §2.3, production 4, for characters that are not ASCII.
pub(super) const fn is_wide_name_start(code: u32) -> bool {
    matches!(code,
        0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..=0x2ff | 0x370..=0x37d | 0x37f..=0x1fff
        | 0x200c..=0x200d | 0x2070..=0x218f | 0x2c00..=0x2fef | 0x3001..=0xd7ff
        | 0xf900..=0xfdcf | 0xfdf0..=0xfffd | 0x1_0000..=0xe_ffff)
}

/// XML 1.0 (fifth edition) §2.3, production 4a, for characters that are not ASCII.
pub(super) const fn is_wide_name(code: u32) -> bool {
    is_wide_name_start(code) || matches!(code, 0xb7 | 0x300..=0x36f | 0x203f..=0x2040)
}

/// Whether `name` is a name without colon (XML Namespaces 1.0 §3).
pub(super) fn is_ncname(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.first().is_some_and(|&b| is_ascii_name_start(b))
        && skip_ascii_name(bytes, 0) == bytes.len()
    {
        return true;
    }
    let mut chars = name.chars();
    let start = |c: char| match u8::try_from(c) {
        Ok(byte) if byte < 0x80 => is_ascii_name_start(byte),
        _ => is_wide_name_start(u32::from(c)),
    };
    let rest = |c: char| match u8::try_from(c) {
        Ok(byte) if byte < 0x80 => class(byte) & NAME != 0,
        _ => is_wide_name(u32::from(c)),
    };
    chars.next().is_some_and(start) && chars.all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stop_at_the_first_special_byte_wherever_it_stands() {
        for len in 0..40 {
            for special in [b'<', b'>', b'&', 0, 0x1f, 0x80, 0xff] {
                let mut bytes = [b'a'; 40];
                bytes[len] = special;
                assert_eq!(text_run(&bytes, 0), len, "{special}");
                assert_eq!(text_run(&bytes[..len], 0), len, "{special}");
            }
            let mut bytes = [b'='; 40];
            bytes[len] = b'"';
            assert_eq!(value_run(&bytes, 0, b'"'), len);
            assert_eq!(plain_run(&bytes, 0), len);
            bytes[len] = b'&';
            assert_eq!(plain_run(&bytes, 0), len);
            for byte in 0..=255 {
                bytes[len] = byte;
                let plain = plain_run(&[byte], 0) == 1;
                for to in len + 1..=40 {
                    assert_eq!(is_plain(&bytes[..to]), plain, "{byte:#x} at {len} of {to}");
                }
                assert!(is_plain(&bytes[..len]));
            }
        }
    }

    #[test]
    fn every_byte_that_text_may_not_pass_is_seen() {
        for byte in 0..=255_u8 {
            let stops = matches!(byte, b'<' | b'>' | b'&' | 0..=0x1f | 0x80..);
            assert_eq!(text_run(&[byte; 9], 0) == 0, stops, "{byte:#x}");
            assert_eq!(text_run(&[byte; 3], 0) == 0, stops, "{byte:#x}");
        }
    }

    #[test]
    fn plain_names_are_those_of_the_table() {
        for byte in 0..=255_u8 {
            for len in 1..16 {
                let mut bytes = [b'a'; 17];
                bytes[len] = byte;
                bytes[16] = b'=';
                let end = skip_ascii_name(&bytes, 0);
                let plain = (end < 16 && bytes[end] < 0x80).then(|| (end, bytes[end]));
                let found = plain_name(&bytes, 0).map(|name| (name.len, name.behind));
                assert_eq!(found, plain, "{byte:#x} at {len}");
                assert_eq!(plain_name(&bytes, 2), None, "less than a stride");
            }
            let mut bytes = [b'='; 16];
            bytes[0] = byte;
            let found = plain_name(&bytes, 0);
            let len = found.map(|name| name.len);
            assert_eq!(len, is_ascii_name_start(byte).then_some(1), "{byte:#x}");
            assert_eq!(found.is_some_and(|name| name.starts_with_x), byte == b'x');
        }
    }

    #[test]
    fn sameness_is_that_of_slices() {
        let bytes = b"itemsxitemsyitemsitemsitemsitemsxx";
        for (one, other) in [(0, 6), (0, 12), (6, 17), (17, 22), (12, 29), (0, 33)] {
            for len in 1..=20 {
                let part = |at: usize| bytes.get(at..at + len);
                let same = len <= 16 && part(one).is_some() && part(one) == part(other);
                assert_eq!(is_same(bytes, one, other, len), same, "{one} {other} {len}");
            }
        }
    }

    #[test]
    fn wide_characters_agree_with_the_standard_library() {
        for code in (0x80..=0x10_ffff).step_by(7).filter_map(char::from_u32) {
            let mut buf = [0; 4];
            let bytes = code.encode_utf8(&mut buf).as_bytes();
            let got = wide_char(bytes, 0);
            if matches!(u32::from(code), 0xfffe | 0xffff) {
                assert_eq!(got, Err(XmlErrorKind::Char));
            } else {
                assert_eq!(got, Ok(Some((u32::from(code), bytes.len()))));
                assert_eq!(wide_char(&bytes[..bytes.len() - 1], 0), Ok(None));
            }
        }
        for bad in [
            &b"\xc0\x80"[..],
            b"\xe0\x80\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xf8",
            b"\x80",
            b"\xe2\x28",
        ] {
            assert_eq!(wide_char(bad, 0), Err(XmlErrorKind::Utf8), "{bad:x?}");
        }
    }
}
