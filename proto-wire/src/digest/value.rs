//! Reading and writing `name=value` of authentication headers.

use crate::text::params::{Param, Params};
use crate::text::{chars, quoted};
use crate::{ParseError, ParseErrorKind};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// What a parameter says: quotes and escapes removed, without control bytes (they could
/// leave the header again when the value is sent back), UTF-8.
pub(super) fn text<'a>(param: &Param<'a>) -> Result<Cow<'a, str>, ParseError> {
    let at = param.value_offset;
    let raw = param.value.unwrap_or_default();
    if raw.first() == Some(&b'"') && quoted::end(raw) != Some(raw.len()) {
        return Err(ParseError::new(ParseErrorKind::QuotedString, at));
    }
    if raw.iter().any(|b| is_control(*b)) {
        return Err(ParseError::new(ParseErrorKind::ControlByte, at));
    }
    let utf8 = |_| ParseError::new(ParseErrorKind::Utf8, at);
    Ok(match quoted::unquote(raw) {
        Cow::Borrowed(bytes) => Cow::Borrowed(core::str::from_utf8(bytes).map_err(utf8)?),
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes).map_err(|_| ParseError::new(ParseErrorKind::Utf8, at))?,
        ),
    })
}

/// Whether a parameter says `true`, in any case, quoted or not.
pub(super) fn is_true(param: &Param<'_>) -> bool {
    quoted::inner(param.value.unwrap_or_default()).eq_ignore_ascii_case(b"true")
}

/// A control byte; tabs are white space.
pub(super) const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Splits `Scheme rest` and returns the offset of the rest too.
pub(super) fn split_scheme(value: &[u8]) -> Option<(&str, &[u8], usize)> {
    let lead = chars::lws_len(value);
    let (scheme, rest) = chars::split_token(value.get(lead..)?);
    if scheme.is_empty() || rest.first().is_some_and(|b| !chars::is_lws(*b) && *b != b',') {
        return None;
    }
    let scheme = core::str::from_utf8(scheme).ok()?;
    let at = value.len().saturating_sub(chars::trim_start(rest).len());
    Some((scheme, chars::trim(rest), at))
}

/// The parameters of a header without scheme, or behind it.
pub(super) const fn params(bytes: &[u8]) -> Params<'_> {
    Params::separated(bytes, b',')
}

/// Writes `name="value"`, with a comma before it unless it is the first.
pub(super) fn push_quoted(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    if quoted::write(out, value).is_err() {
        // Writing to a string does not fail.
    }
}

/// Writes `name=value`, for values that are tokens.
pub(super) fn push_token(out: &mut String, name: &str, value: impl core::fmt::Display) {
    push_name(out, name);
    if write!(out, "{value}").is_err() {
        // Writing to a string does not fail.
    }
}

/// Writes a value as a token where it is one, quoted otherwise.
pub(super) fn push_text(out: &mut String, name: &str, value: &str) {
    if chars::is_token(value.as_bytes()) {
        push_token(out, name, value);
    } else {
        push_quoted(out, name, value);
    }
}

fn push_name(out: &mut String, name: &str) {
    if out.contains('=') {
        out.push_str(", ");
    } else if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(name);
    out.push('=');
}

/// Reads `UTF-8''J%C3%A4s%C3%B8n` (RFC 5987 §3.2, for `username*`).
pub(super) fn extended(raw: &[u8]) -> Option<String> {
    let mut parts = raw.splitn(3, |b| *b == b'\'');
    let charset = parts.next()?;
    let _language = parts.next()?;
    let mut rest = parts.next()?;
    if !charset.eq_ignore_ascii_case(b"UTF-8") {
        return None;
    }
    let mut out = Vec::with_capacity(rest.len());
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first == b'%' {
            let (digits, behind) = rest.split_at_checked(2)?;
            let [high, low] = digits else { return None };
            let byte =
                chars::hex_digit(*high)?.wrapping_shl(4).wrapping_add(chars::hex_digit(*low)?);
            out.push(byte);
            rest = behind;
        } else {
            out.push(*first);
        }
    }
    if out.iter().any(|b| is_control(*b)) {
        return None;
    }
    String::from_utf8(out).ok()
}

/// Writes `username*=UTF-8''...` with everything escaped that is not `attr-char`.
pub(super) fn push_extended(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    out.push_str("UTF-8''");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            // Writing to a string does not fail.
        }
    }
}
