//! Offsets into a message: what crosses function boundaries instead of slices.

use core::ops::Range;

/// A part of a message, as the offsets in bytes of its start and its end.
///
/// ```
/// use proto_wire::Span;
///
/// let span = Span::new(4, 9);
/// assert_eq!(span.of(b"the span of it"), b"span ");
/// assert_eq!(span.of(b"short"), b"");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    start: u32,
    end: u32,
}

#[cfg(feature = "text")]
impl Span {
    /// The last offset that a span can hold.
    pub(crate) const OFFSET_MAX: usize = u32::MAX as usize;

    /// The same as [`Span::new`] where the caller sees to it that no offset is beyond
    /// [`Span::OFFSET_MAX`].
    #[inline]
    pub(crate) const fn within(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

impl Span {
    /// From `start` up to, not including, `end`. Offsets beyond 4 GiB saturate; no
    /// message gets near (its limits see to that).
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start: saturating_u32(start), end: saturating_u32(end) }
    }

    /// Offset of the first byte.
    #[must_use]
    pub const fn start(self) -> usize {
        self.start as usize
    }

    /// Offset behind the last byte.
    #[must_use]
    pub const fn end(self) -> usize {
        self.end as usize
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The same as a range.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start()..self.end()
    }

    /// The bytes of `message` that this names; empty when it is not of this message.
    #[must_use]
    #[inline]
    pub fn of(self, message: &[u8]) -> &[u8] {
        message.get(self.start()..self.end()).unwrap_or(&[])
    }

    /// The same part, `by` bytes nearer to the end of the message (to the start when negative), for
    /// a message that was edited before it.
    #[must_use]
    #[inline]
    pub const fn moved(self, by: i32) -> Self {
        Self { start: self.start.wrapping_add_signed(by), end: self.end.wrapping_add_signed(by) }
    }
}

const fn saturating_u32(n: usize) -> u32 {
    if n > u32::MAX as usize { u32::MAX } else { n as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_from_its_start_up_to_its_end() {
        for (start, end, len) in [(4, 9, 5), (4, 5, 1), (4, 4, 0), (9, 4, 0)] {
            let span = Span::new(start, end);
            assert_eq!((span.start(), span.end()), (start, end));
            assert_eq!((span.len(), span.is_empty()), (len, len == 0));
            assert_eq!(span.of(b"the span of it"), &b"the span of it"[start..start + len]);
            assert_eq!(span.moved(3).moved(-2), Span::new(start + 1, end + 1));
        }
    }

    #[test]
    fn offsets_that_do_not_fit_are_the_last_that_does() {
        const MOST: usize = u32::MAX as usize;
        for (offset, kept) in [(MOST - 1, MOST - 1), (MOST, MOST), (usize::MAX, MOST)] {
            assert_eq!(Span::new(offset, offset).start(), kept);
        }
    }
}
