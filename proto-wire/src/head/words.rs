//! Eight, sixteen and sixty-four bytes at a time, without `unsafe` here.

use wide::u8x16;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// Eight bytes of `buf` from `at`, little-endian; zeros behind its end.
#[inline]
pub(super) fn load(buf: &[u8], at: usize) -> u64 {
    let rest = buf.get(at..).unwrap_or(&[]);
    match (rest.first_chunk::<8>(), buf.last_chunk::<8>()) {
        (Some(chunk), _) => u64::from_le_bytes(*chunk),
        // The end of the last eight bytes, moved to where it belongs.
        (None, Some(last)) => {
            let missing = 8_u32.wrapping_sub(rest.len() as u32);
            u64::from_le_bytes(*last).checked_shr(missing.wrapping_mul(8)).unwrap_or(0)
        }
        (None, None) => load_tail(rest),
    }
}

#[cold]
fn load_tail(rest: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    if let Some(to) = bytes.get_mut(..rest.len()) {
        to.copy_from_slice(rest);
    }
    u64::from_le_bytes(bytes)
}

/// Bit 7 of each byte of `word` below 0x20, exact up to the first such byte.
#[inline]
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(0x20 * ONES) & !word & HIGH
}

/// Bit 7 of each byte of `word` that is `byte`, exact up to the first such byte.
#[inline]
pub(super) const fn equal_to(word: u64, byte: u8) -> u64 {
    let zero = word ^ ONES.wrapping_mul(byte as u64);
    zero.wrapping_sub(ONES) & !zero & HIGH
}

/// Bit 7 of each byte of `word` outside of 0x20 to 0x7e, exact up to the first such byte:
/// subtracting takes bytes below 0x20 and from 0xa0 there, adding takes 0x7f to 0xfe.
#[inline]
const fn not_printable(word: u64) -> u64 {
    (word.wrapping_sub(0x20 * ONES) | word.wrapping_add(ONES)) & HIGH
}

/// The number of the first byte that is marked.
#[inline]
pub(super) const fn first_marked(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// The first colon or control byte from `at`, or the end.
#[inline]
pub(super) fn find_colon(buf: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = buf.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let marks = equal_to(word, b':') | below_space(word);
        if marks != 0 {
            return at.wrapping_add(first_marked(marks));
        }
        at = at.wrapping_add(8);
    }
    let rest = buf.get(at..).unwrap_or(&[]);
    let found = rest.iter().position(|b| *b == b':' || *b < 0x20);
    at.wrapping_add(found.unwrap_or(rest.len()))
}

/// The first byte from `at` that is not printable ASCII (0x20 to 0x7e), or the end.
#[inline(always)]
pub(super) fn find_odd(buf: &[u8], at: usize) -> usize {
    let mut rest = buf.get(at..).unwrap_or(&[]);
    let mut done = at;
    while let Some((stride, behind)) = rest.split_first_chunk::<16>() {
        // The compiler makes vector instructions of this.
        if stride.iter().fold(false, |odd, b| odd | !matches!(*b, 0x20..=0x7e)) {
            return done.wrapping_add(odd_within(stride));
        }
        done = done.wrapping_add(16);
        rest = behind;
    }
    done.wrapping_add(odd_in_tail(rest))
}

/// The first odd byte of a stride that has one.
#[inline(always)]
fn odd_within(stride: &[u8; 16]) -> usize {
    let low = not_printable(load(stride, 0));
    if low != 0 {
        return first_marked(low);
    }
    first_marked(not_printable(load(stride, 8))).wrapping_add(8)
}

/// The same for fewer than sixteen bytes, or their number.
#[inline(never)]
fn odd_in_tail(rest: &[u8]) -> usize {
    let low = not_printable(load(rest, 0));
    if low != 0 {
        return first_marked(low);
    }
    // None of the first eight is odd, and there are eight: the zeros behind the end would be.
    first_marked(not_printable(load(rest, 8))).wrapping_add(8)
}

/// What is in a window, a bit for each byte. Lines end after any number of bytes and names have any
/// length: what would be a loop for each, left by a jump that no processor can foretell, is one count
/// of zeros.
#[derive(Clone, Copy)]
pub(super) struct Marks {
    /// What is not printable ASCII.
    pub(super) odd: u64,
    /// Colons, among the first half.
    pub(super) colons: u64,
}

/// How many bytes are looked at together.
pub(super) const WINDOW: usize = 64;

impl Marks {
    #[inline(always)]
    pub(super) fn of(window: &[u8; WINDOW]) -> Self {
        let odd = |at| bits(odd_in(stride(window, at)));
        let colons = |at| bits(stride(window, at).cmp_eq(u8x16::splat(b':')));
        Self {
            odd: odd(0) | odd(16) << 16 | odd(32) << 32 | odd(48) << 48,
            colons: colons(0) | colons(16) << 16,
        }
    }
}

#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "each of the sixteen bytes wraps")]
fn odd_in(bytes: u8x16) -> u8x16 {
    let above_space = bytes - u8x16::splat(0x20);
    above_space.max(u8x16::splat(0x5f)).cmp_eq(above_space)
}

#[inline(always)]
fn stride(window: &[u8; WINDOW], at: usize) -> u8x16 {
    let bytes = window.get(at..).and_then(<[u8]>::first_chunk);
    u8x16::new(*bytes.unwrap_or(&[0; 16]))
}

/// A bit for each of sixteen bytes that are all ones or all zeros.
#[inline(always)]
fn bits(bytes: u8x16) -> u64 {
    u64::from(bytes.move_mask() as u16)
}
