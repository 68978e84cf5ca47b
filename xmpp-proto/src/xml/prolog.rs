//! The rare parts of the scanner: prolog, XML declaration, `<!`, references.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "offsets are at most the length of the frame plus a few"
)]

use super::chars;
use super::error::{XmlError, XmlErrorKind};

/// Longest XML declaration; a real one has at most about 60 bytes.
const DECLARATION_MAX: usize = 128;
/// Longest reference, leading zeros included.
const REFERENCE_MAX: usize = 32;

pub(super) enum Next {
    /// The `<` of the root stands at `pos`.
    Root,
    /// `<?xml` may stand at `pos`.
    Declaration,
    /// Text stands at `pos`.
    Outside,
}

/// Before the root: a byte order mark and an XML declaration at the very start, then white
/// space.
pub(super) fn prolog(b: &[u8], pos: &mut usize) -> Result<Option<Next>, XmlError> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    if *pos == 0 {
        let there = b.get(..BOM.len()).unwrap_or(b);
        if !there.is_empty() && BOM.starts_with(there) {
            if there.len() < BOM.len() {
                return Ok(None);
            }
            *pos = BOM.len();
        }
    }
    let at_start = *pos == 0 || (*pos == BOM.len() && b.starts_with(BOM));
    *pos = chars::skip_space(b, *pos);
    match (b.get(*pos), b.get(*pos + 1)) {
        (None, _) | (Some(b'<'), None) => Ok(None),
        (Some(b'<'), Some(b'?')) => {
            let spaced = !(*pos == 0 || (*pos == BOM.len() && b.starts_with(BOM)));
            if !at_start || spaced {
                return Err(XmlError::new(XmlErrorKind::ProcessingInstruction, *pos));
            }
            Ok(Some(Next::Declaration))
        }
        (Some(b'<'), Some(_)) => Ok(Some(Next::Root)),
        _ => Ok(Some(Next::Outside)),
    }
}

/// The XML declaration that begins at `start` (XML 1.0 §2.8, production 23).
pub(super) fn declaration(b: &[u8], start: usize) -> Result<Option<usize>, XmlError> {
    const OPEN: &[u8] = b"<?xml";
    let rest = b.get(start..).unwrap_or(&[]);
    let there = rest.get(..OPEN.len()).unwrap_or(rest);
    if !OPEN.starts_with(there) {
        return Err(XmlError::new(XmlErrorKind::ProcessingInstruction, start));
    }
    if rest.get(OPEN.len()).is_some_and(|&b| !chars::is_space(b)) {
        return Err(XmlError::new(XmlErrorKind::ProcessingInstruction, start));
    }
    let window = rest.get(..DECLARATION_MAX).unwrap_or(rest);
    let malformed = || XmlError::new(XmlErrorKind::Declaration, start);
    let Some(end) = window.iter().position(|&b| b == b'>') else {
        return if window.len() < DECLARATION_MAX { Ok(None) } else { Err(malformed()) };
    };
    let inner = window.get(OPEN.len()..end).unwrap_or(&[]);
    let inner = core::str::from_utf8(inner).map_err(|_| malformed())?;
    let mut inner = inner.strip_suffix('?').ok_or_else(malformed)?;

    let (version, rest) =
        pseudo_attribute(inner, "version").ok_or_else(malformed)?.ok_or_else(malformed)?;
    if version != "1.0" {
        return Err(malformed());
    }
    inner = rest;
    if let Some((encoding, rest)) = pseudo_attribute(inner, "encoding").ok_or_else(malformed)? {
        if !encoding.eq_ignore_ascii_case("utf-8") {
            return Err(XmlError::new(XmlErrorKind::Encoding, start));
        }
        inner = rest;
    }
    if let Some((standalone, rest)) = pseudo_attribute(inner, "standalone").ok_or_else(malformed)? {
        if standalone != "yes" && standalone != "no" {
            return Err(malformed());
        }
        inner = rest;
    }
    if inner.bytes().all(chars::is_space) { Ok(Some(start + end + 1)) } else { Err(malformed()) }
}

/// ` name="value"` at the front of `text`: the value and what follows. `Some(None)` when
/// another name stands there, `None` when the form is wrong.
#[expect(clippy::option_option, reason = "absent and malformed are different answers")]
fn pseudo_attribute<'a>(text: &'a str, name: &str) -> Option<Option<(&'a str, &'a str)>> {
    const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
    let trimmed = text.trim_start_matches(SPACE);
    let Some(rest) = trimmed.strip_prefix(name) else {
        return Some(None);
    };
    if trimmed.len() == text.len() {
        return None;
    }
    let rest = rest.trim_start_matches(SPACE).strip_prefix('=')?;
    let rest = rest.trim_start_matches(SPACE);
    let quote = rest.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    Some(Some(rest.get(1..)?.split_once(quote)?))
}

/// `<!` with the `!` at `start`: behind `<![CDATA[`, or `None` for more; anything else is
/// refused at the first byte that shows it.
pub(super) fn bang(b: &[u8], start: usize) -> Result<Option<usize>, XmlError> {
    const CDATA: &[u8] = b"![CDATA[";
    let rest = b.get(start..).unwrap_or(&[]);
    let there = rest.get(..CDATA.len()).unwrap_or(rest);
    if CDATA.starts_with(there) {
        return Ok((there.len() == CDATA.len()).then_some(start + CDATA.len()));
    }
    let kind = match rest.get(1) {
        Some(b'-') => XmlErrorKind::Comment,
        Some(b'[') => XmlErrorKind::Tag,
        _ => XmlErrorKind::Doctype,
    };
    Err(XmlError::new(kind, start.saturating_sub(1)))
}

/// The reference that begins with the `&` at `start`: where it ends, or `None` for more.
pub(super) fn reference(b: &[u8], start: usize) -> Result<Option<usize>, XmlError> {
    let error = |kind| Err(XmlError::new(kind, start));
    let rest = b.get(start + 1..).unwrap_or(&[]);
    let window = rest.get(..REFERENCE_MAX).unwrap_or(rest);
    // Everything is judged from the left, so that it does not matter where the cut is.
    let mut digits: Option<(u32, bool)> = None;
    for (at, &byte) in window.iter().enumerate() {
        match (at, byte, &mut digits) {
            (0, b'#', _) => digits = Some((0, false)),
            (1, b'x', Some((0, hex @ false))) => *hex = true,
            (_, b';', Some((code, hex))) => {
                if at == 1 || (at == 2 && *hex) || !chars::is_char(*code) {
                    return error(XmlErrorKind::Reference);
                }
                return Ok(Some(start + at + 2));
            }
            (_, _, Some((code, hex))) => {
                let radix = if *hex { 16 } else { 10 };
                let Some(digit) = char::from(byte).to_digit(radix) else {
                    return error(XmlErrorKind::Reference);
                };
                *code = code.saturating_mul(radix).saturating_add(digit);
            }
            (0, b';', None) => return error(XmlErrorKind::Reference),
            (_, b';', None) => {
                return match window.get(..at) {
                    Some(b"lt" | b"gt" | b"amp" | b"apos" | b"quot") => Ok(Some(start + at + 2)),
                    _ => error(XmlErrorKind::Entity),
                };
            }
            (0, _, None) if !chars::is_ascii_name_start(byte) && byte < 0x80 => {
                return error(XmlErrorKind::Reference);
            }
            (_, _, None) if byte < 0x80 && chars::skip_ascii_name(&[byte], 0) == 0 => {
                return error(XmlErrorKind::Reference);
            }
            _ => {}
        }
    }
    if window.len() < REFERENCE_MAX {
        Ok(None)
    } else if digits.is_some() {
        error(XmlErrorKind::Reference)
    } else {
        error(XmlErrorKind::Entity)
    }
}
