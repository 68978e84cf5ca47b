//! Where messages are written, piece by piece, without `core::fmt` where that is not needed.

use super::Methods;
use crate::HeaderName;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use proto_wire::text::chars::any_zero;

/// Heads that are longer move to memory of their own.
const FIXED: usize = 384;

/// A head that is being written: on the stack, as long as it has its place there.
pub(super) struct Page {
    fixed: [u8; FIXED],
    len: usize,
    more: Vec<u8>,
}

impl Page {
    pub(super) const fn new() -> Self {
        Self { fixed: [0; FIXED], len: 0, more: Vec::new() }
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.fixed.get_mut(self.len..end) {
            Some(to) if self.more.is_empty() => {
                to.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.put_more(bytes),
        }
    }

    #[cold]
    fn put_more(&mut self, bytes: &[u8]) {
        if self.more.is_empty() {
            self.more.extend_from_slice(self.fixed.get(..self.len).unwrap_or(&[]));
        }
        self.more.extend_from_slice(bytes);
    }

    /// Several pieces, by one look at the room that is left.
    #[inline]
    pub(super) fn put_all<const N: usize>(&mut self, parts: [&[u8]; N]) {
        let len = parts.iter().fold(0_usize, |len, part| len.saturating_add(part.len()));
        let end = self.len.saturating_add(len);
        let mut rest = match self.fixed.get_mut(self.len..end) {
            Some(to) if self.more.is_empty() => to,
            _ => return parts.into_iter().for_each(|part| self.put_more(part)),
        };
        for part in parts {
            let whole = core::mem::take(&mut rest);
            if let Some((to, behind)) = whole.split_at_mut_checked(part.len()) {
                to.copy_from_slice(part);
                rest = behind;
            }
        }
        self.len = end;
    }

    #[inline]
    fn line(&mut self, name: &[u8], value: &[u8]) {
        self.put_all([name, value, b"\r\n"]);
    }

    pub(super) fn number(&mut self, number: u64) {
        digits(number, |digits| self.put(digits));
    }

    fn as_slice(&self) -> &[u8] {
        if self.more.is_empty() { self.fixed.get(..self.len).unwrap_or(&[]) } else { &self.more }
    }

    /// The head and `body`, in memory of exactly their size.
    pub(super) fn with_body(&self, body: &[u8]) -> Bytes {
        let head = self.as_slice();
        if body.is_empty() {
            return Bytes::copy_from_slice(head);
        }
        let mut whole = Vec::with_capacity(head.len().saturating_add(body.len()));
        whole.extend_from_slice(head);
        whole.extend_from_slice(body);
        Bytes::from(whole)
    }
}

impl fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// Gives `take` the decimal digits of `number`.
#[inline]
pub(crate) fn digits(mut number: u64, take: impl FnOnce(&[u8])) {
    let low = |n: u64| b'0'.wrapping_add((n % 10) as u8);
    match number {
        0..10 => return take(&[low(number)]),
        10..100 => return take(&[low(number / 10), low(number)]),
        _ => {}
    }
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0'.wrapping_add((number % 10) as u8);
        number /= 10;
        start = at;
        if number == 0 {
            break;
        }
    }
    take(digits.get(start..).unwrap_or(&[]));
}

/// The header lines that a machine puts before the caller's.
pub(crate) struct Lines<'p> {
    page: &'p mut Page,
    clean: bool,
}

impl<'p> Lines<'p> {
    pub(super) const fn new(page: &'p mut Page) -> Self {
        Self { page, clean: true }
    }

    /// Whether all that was written may stand in headers.
    pub(super) const fn are_clean(&self) -> bool {
        self.clean
    }

    /// A line of text.
    #[inline(never)]
    pub(crate) fn text(&mut self, name: HeaderName, value: &str) {
        self.clean &= is_clean(value.as_bytes());
        self.page.line(name.with_colon().as_bytes(), value.as_bytes());
    }

    /// A line with a number.
    #[inline(never)]
    pub(crate) fn number(&mut self, name: HeaderName, value: u32) {
        digits(u64::from(value), |digits| self.page.line(name.with_colon().as_bytes(), digits));
    }

    /// A line of bytes that need no look, because this side made them.
    pub(crate) fn clean(&mut self, name: HeaderName, value: &[u8]) {
        self.page.line(name.with_colon().as_bytes(), value);
    }

    /// A line with a list of methods.
    pub(crate) fn methods(&mut self, name: HeaderName, methods: Methods) {
        if methods == Methods::USUAL {
            return self.clean(name, Methods::USUAL_TEXT.as_bytes());
        }
        self.page.put(name.with_colon().as_bytes());
        for (i, method) in methods.iter().enumerate() {
            self.page.put(if i > 0 { b", " } else { b"" });
            self.page.put(method.name().as_bytes());
        }
        self.page.put(b"\r\n");
    }

    /// A Session line with an id of this side's making and a timeout in seconds.
    pub(crate) fn session(&mut self, id: &[u8], timeout: u32) {
        self.page.put(HeaderName::Session.with_colon().as_bytes());
        self.page.put(id);
        self.page.put(b";timeout=");
        self.page.number(u64::from(timeout));
        self.page.put(b"\r\n");
    }

    /// A line of anything that can be shown.
    pub(crate) fn show(&mut self, name: HeaderName, value: &dyn fmt::Display) {
        let mut text = alloc::string::String::new();
        self.clean &= fmt::write(&mut text, format_args!("{value}")).is_ok();
        self.text(name, &text);
    }

    /// A line of text, left out when it may not stand in a header.
    pub(crate) fn text_if_clean(&mut self, name: HeaderName, value: &str) {
        if !value.is_empty() && is_clean(value.as_bytes()) {
            self.page.line(name.with_colon().as_bytes(), value.as_bytes());
        }
    }
}

/// Whether there is no control character other than the tab.
#[inline]
pub(super) fn is_clean(value: &[u8]) -> bool {
    let distance = |b: u8| (b.saturating_sub(b' ' - 1) | u8::from(b == b'\t')).min(b ^ 0x7f);
    !any_zero(value, distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn numbers_are_written_as_display_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, 999_999_999, u64::from(u32::MAX), u64::MAX] {
            digits(number, |digits| assert_eq!(digits, number.to_string().as_bytes()));
        }
    }

    #[test]
    fn every_control_character_but_the_tab_is_found_anywhere() {
        for b in 0..=u8::MAX {
            let forbidden = (b < b' ' && b != b'\t') || b == 0x7f;
            for len in [1, 2, 7, 8, 9, 15, 16, 17, 40] {
                for at in [0, len / 2, len - 1] {
                    let mut value = alloc::vec![b'x'; len];
                    value[at] = b;
                    assert_eq!(is_clean(&value), !forbidden, "{b} at {at} of {len}");
                }
            }
        }
        assert!(is_clean(b""));
    }

    #[test]
    fn a_page_grows_beyond_its_place() {
        let mut page = Page::new();
        let mut model = Vec::new();
        for n in 0..200_u64 {
            page.put(b"abcdefg");
            page.number(n);
            model.extend_from_slice(b"abcdefg");
            model.extend_from_slice(n.to_string().as_bytes());
            assert_eq!(page.as_slice(), model);
            assert_eq!(page.with_body(b"xyz"), [&model[..], b"xyz"].concat());
        }
    }
}
