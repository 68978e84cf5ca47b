//! Sixty-four bytes looked at together, without `unsafe` here.

use wide::{CmpEq as _, CmpGt as _, i8x16};

/// Sixty-four bytes. Each question about them is answered by a word with a bit for each byte, the
/// lowest for the first: what would be a loop, left by a jump that no processor can foretell, is a
/// count of zeros.
///
/// ```
/// use proto_wire::text::window::Window;
///
/// let window = Window::at(b"bob@example.com", 0);
/// assert_eq!(window.equal(b'@').trailing_zeros(), 3);
/// assert_eq!(window.odd().trailing_zeros(), 15);
/// ```
pub type Window = Strides<4>;

/// Thirty-two bytes: half of the work where a text is known to be no longer. The upper bits of an
/// answer are zeros, but for [`Strides::infrequent`], where they are ones.
pub type ShortWindow = Strides<2>;

/// `N` times sixteen bytes, up to sixty-four; see [`Window`].
#[derive(Clone, Copy, Debug)]
pub struct Strides<const N: usize>([i8x16; N]);

impl<const N: usize> Strides<N> {
    /// How many bytes are looked at together.
    pub const LEN: usize = 16_usize.wrapping_mul(N);

    /// These bytes: [`Strides::LEN`], or zeros.
    #[must_use]
    #[inline(always)]
    pub fn of(bytes: &[u8]) -> Self {
        Self(core::array::from_fn(|n| {
            let bytes = bytes.get(n.wrapping_mul(16)..).and_then(<[u8]>::first_chunk);
            signed(bytes.unwrap_or(&[0; 16]))
        }))
    }

    /// The bytes from `at`; behind the end there are zeros.
    #[must_use]
    #[inline(always)]
    pub fn at(bytes: &[u8], at: usize) -> Self {
        let rest = bytes.get(at..).unwrap_or(&[]);
        match rest.get(..Self::LEN) {
            Some(bytes) => Self::of(bytes),
            None => Self::of(&padded(rest)),
        }
    }

    /// Which bytes are `byte`.
    #[must_use]
    #[inline(always)]
    pub fn equal(&self, byte: u8) -> u64 {
        let byte = i8x16::splat(i8::from_ne_bytes([byte]));
        self.bits(|bytes| bytes.cmp_eq(byte))
    }

    /// Which bytes are not printable ASCII, 0x20 to 0x7e.
    #[must_use]
    #[inline(always)]
    pub fn odd(&self) -> u64 {
        self.bits(odd_in)
    }

    /// Which bytes are no ASCII letter, digit, `-` or `.`: not what host names and most tokens are
    /// made of.
    #[must_use]
    #[inline(always)]
    pub fn infrequent(&self) -> u64 {
        !self.bits(|bytes| {
            let letter = among(bytes | i8x16::splat(0x20), b'a', b'z');
            let other = among(bytes, b'-', b'9');
            let slash = bytes.cmp_eq(signed(&[b'/'; 16]));
            letter | (other & !slash)
        })
    }

    /// Which bytes no URI of ASCII holds: controls, space, DEL, `<`, `>`, `"`, and those beyond ASCII.
    #[must_use]
    #[inline(always)]
    pub fn not_in_uri(&self) -> u64 {
        self.bits(|bytes| {
            let quote = bytes.cmp_eq(signed(&[b'"'; 16]));
            // These two differ in one bit.
            let brackets = (bytes | i8x16::splat(0x02)).cmp_eq(signed(&[b'>'; 16]));
            not_above(bytes, b' ') | quote | brackets
        })
    }

    #[inline(always)]
    fn bits(&self, of: impl Fn(i8x16) -> i8x16) -> u64 {
        let shifted = |n: usize| {
            let stride = self.0.get(n).map_or(0, |stride| bits(of(*stride)));
            stride.wrapping_shl(16_u32.wrapping_mul(n as u32))
        };
        shifted(0) | shifted(1) | shifted(2) | shifted(3)
    }
}

/// The first byte from `at` that is not printable ASCII, or the end.
#[must_use]
#[inline(always)]
pub(crate) fn find_odd(bytes: &[u8], at: usize) -> usize {
    position(bytes, at, odd_in)
}

/// The first byte that is one of `wanted`, of which there is at least one, or the end.
#[must_use]
#[inline(always)]
pub(crate) fn find_any<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> usize {
    let wanted = wanted.map(|byte| signed(&[byte; 16]));
    position(bytes, 0, |bytes| {
        let equal = wanted.iter().map(|byte| bytes.cmp_eq(*byte));
        equal.fold(i8x16::splat(0), |any, equal| any | equal)
    })
}

/// How many bytes there are before the first that is not printable ASCII, or a space, `"` or `;`: the
/// value of nearly any parameter.
///
/// ```
/// assert_eq!(proto_wire::text::window::plain_len(b"z9hG4bK77;rport"), 9);
/// ```
#[must_use]
#[inline(always)]
pub fn plain_len(bytes: &[u8]) -> usize {
    let (quote, semicolon) = (signed(&[b'"'; 16]), signed(&[b';'; 16]));
    position(bytes, 0, |bytes| {
        not_above(bytes, b' ') | bytes.cmp_eq(quote) | bytes.cmp_eq(semicolon)
    })
}

/// The first byte from `at` that is one `of` what is looked for, or the end.
#[inline(always)]
fn position(bytes: &[u8], at: usize, of: impl Fn(i8x16) -> i8x16) -> usize {
    let mut rest = bytes.get(at..).unwrap_or(&[]);
    let mut done = at;
    while let Some((stride, behind)) = rest.split_first_chunk::<16>() {
        let marks = bits(of(signed(stride)));
        if marks != 0 {
            return done.wrapping_add(marks.trailing_zeros() as usize);
        }
        done = done.wrapping_add(16);
        rest = behind;
    }
    if rest.is_empty() {
        return done;
    }
    // The last bytes are looked at together with those before them, if there are any.
    let marks = match bytes.last_chunk::<16>() {
        Some(last) => bits(of(signed(last))) >> 16_usize.wrapping_sub(rest.len()).min(16),
        None => bits(of(signed(&short(rest)))),
    };
    done.wrapping_add((marks.trailing_zeros() as usize).min(rest.len()))
}

/// Fewer than sixteen bytes, and zeros.
#[inline(always)]
fn short(bytes: &[u8]) -> [u8; 16] {
    let len = bytes.len() as u32;
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let last = u128::from(u64::from_le_bytes(*last));
        let last = last.wrapping_shl(len.wrapping_sub(8).wrapping_mul(8));
        return (u128::from(u64::from_le_bytes(*first)) | last).to_le_bytes();
    }
    u128::from(short_word(bytes)).to_le_bytes()
}

/// Fewer than eight bytes, little-endian, and zeros.
#[inline]
pub(crate) fn short_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let behind = (bytes.len() as u32).wrapping_sub(4).wrapping_mul(8);
        let last = u64::from(u32::from_le_bytes(*last)).wrapping_shl(behind);
        return u64::from(u32::from_le_bytes(*first)) | last;
    }
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Not a closure for each byte, which is called sixteen times where nothing is inlined: that was a
/// third of the time of the fuzz targets.
#[inline(always)]
fn signed(bytes: &[u8; 16]) -> i8x16 {
    bytemuck::must_cast(*bytes)
}

#[inline(always)]
fn odd_in(bytes: i8x16) -> i8x16 {
    not_above(bytes, 0x1f)
}

/// What is not from `low + 1` to 0x7e. One more, with its sign, is more than `low + 1` for those
/// only: 0x7f becomes the lowest number.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "each of the sixteen bytes wraps")]
fn not_above(bytes: i8x16, low: u8) -> i8x16 {
    let least = i8x16::splat(i8::from_ne_bytes([low.wrapping_add(2)]));
    least.cmp_gt(bytes + i8x16::splat(1))
}

/// What is from `low` to `high`: moved so that `low` becomes the lowest of all numbers.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "each of the sixteen bytes wraps")]
fn among(bytes: i8x16, low: u8, high: u8) -> i8x16 {
    let by = 0x80_u8.wrapping_sub(low);
    let above = i8x16::splat(i8::from_ne_bytes([high.wrapping_add(by).wrapping_add(1)]));
    above.cmp_gt(bytes + i8x16::splat(i8::from_ne_bytes([by])))
}

/// The bits of the first `len` bytes of a [`Window`].
#[must_use]
#[inline(always)]
pub const fn first(len: usize) -> u64 {
    if len < Window::LEN { !u64::MAX.wrapping_shl(len as u32) } else { u64::MAX }
}

/// A bit for each of sixteen bytes that are all ones or all zeros.
#[inline(always)]
fn bits(bytes: i8x16) -> u64 {
    u64::from(bytes.move_mask() as u16)
}

#[inline(never)]
fn padded(bytes: &[u8]) -> [u8; Window::LEN] {
    let mut padded = [0; Window::LEN];
    let bytes = bytes.get(..Window::LEN).unwrap_or(bytes);
    if let Some(to) = padded.get_mut(..bytes.len()) {
        to.copy_from_slice(bytes);
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::{ShortWindow, Strides, Window, find_any, find_odd, first, plain_len};

    #[test]
    fn bits_are_what_single_bytes_are() {
        for len in (0..18).chain([63, 64, 65]) {
            for at in (0..len).filter(|at| at % 5 == 0 || at % 8 == 7) {
                for byte in 0..=u8::MAX {
                    let mut bytes = alloc::vec![b'a'; len];
                    bytes[at] = byte;
                    let within = first(len);
                    let bit = 1_u64.checked_shl(at as u32).unwrap_or(0);
                    let window = Window::at(&bytes, 0);
                    let expected = |is: bool| if is { bit } else { 0 };
                    let odd = !matches!(byte, 0x20..=0x7e);
                    assert_eq!(window.odd() & within, expected(odd), "{byte} at {at} of {len}");
                    assert_eq!(window.equal(b':') & within, expected(byte == b':'));
                    let host = byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
                    assert_eq!(window.infrequent() & within, expected(!host), "{byte}");
                    let not_in_uri = !(0x21..=0x7e).contains(&byte) || b"<>\"".contains(&byte);
                    assert_eq!(window.not_in_uri() & within, expected(not_in_uri), "{byte}");
                    assert_eq!(find_odd(&bytes, 0), if odd { at } else { len });
                    assert_eq!(find_odd(&bytes, at), if odd { at } else { len });
                    let found = |is: bool| if is { at } else { len };
                    assert_eq!(find_any(&bytes, *b":"), found(byte == b':'));
                    assert_eq!(find_any(&bytes, *b":;\xff"), found(b":;\xff".contains(&byte)));
                    let plain = (0x21..=0x7e).contains(&byte) && !b"\";".contains(&byte);
                    assert_eq!(plain_len(&bytes), if plain { len } else { at });
                }
            }
        }
    }

    #[test]
    fn a_short_window_says_of_its_bytes_what_a_window_says() {
        fn all<const N: usize>(of: &Strides<N>) -> [u64; 4] {
            [of.odd(), of.equal(b'@'), of.infrequent(), of.not_in_uri()]
        }
        for len in 0..=70_usize {
            for first_byte in 0..=u8::MAX {
                let step = |n: usize| first_byte.wrapping_add((n * 7) as u8);
                let bytes: alloc::vec::Vec<u8> = (0..len).map(step).collect();
                let (short, long) = (ShortWindow::at(&bytes, 0), Window::at(&bytes, 0));
                let within = first(ShortWindow::LEN.min(len));
                for (one, other) in all(&short).into_iter().zip(all(&long)) {
                    assert_eq!(one & within, other & within, "{bytes:?}");
                }
                assert_eq!(short.equal(b'@') & !first(ShortWindow::LEN), 0);
                assert_eq!(short.infrequent() | first(ShortWindow::LEN), u64::MAX);
            }
        }
    }
}
