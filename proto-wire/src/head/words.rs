//! Eight bytes at a time, without `unsafe`.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// Bit 7 of each byte of `word` below 0x20, exact up to the first such byte.
#[inline]
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(0x20 * ONES) & !word & HIGH
}

/// Bit 7 of each byte of `word` that is `byte`, exact up to the first such byte.
#[inline]
const fn equal_to(word: u64, byte: u8) -> u64 {
    let zero = word ^ ONES.wrapping_mul(byte as u64);
    zero.wrapping_sub(ONES) & !zero & HIGH
}

/// The number of the first byte that is marked.
#[inline]
const fn first_marked(marks: u64) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_first_colon_or_control_byte_is_found_wherever_it_stands() {
        for length in 0..20 {
            for at in 0..length {
                for end in 0..=u8::MAX {
                    // Before it the byte above the last control byte, behind it one that ends a name too.
                    let mut bytes = vec![b' '; length];
                    bytes[at..].fill(b':');
                    bytes[at] = end;
                    let expected = if end == b':' || end < 0x20 { at } else { at + 1 };
                    for from in 0..=at {
                        assert_eq!(find_colon(&bytes, from), expected, "{end} at {at} of {length}");
                    }
                }
            }
            assert_eq!(find_colon(&vec![b' '; length], 0), length);
            assert_eq!(find_colon(&vec![b'a'; length], length + 1), length + 1);
        }
    }
}
