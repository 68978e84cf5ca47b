//! Header lines (RFC 3862 §3) and the MIME fields of the content.

use super::escape::unescape;
use super::{Limits, NAMESPACE, over};
use alloc::borrow::Cow;
use alloc::string::String;
use proto_wire::text::quoted;
use proto_wire::{LimitKind, ParseError, ParseErrorKind};

/// One header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header<'a> {
    /// The namespace: what the prefix was declared to be; `None` for a prefix that no `NS`
    /// header in front of this one declares (§3.4).
    pub namespace: Option<&'a str>,
    /// The name without prefix; case-sensitive.
    pub name: &'a str,
    /// The parameters as they stand, each with its semicolon: `;lang=fr`.
    pub params: &'a str,
    /// The value as it stands, escapes unresolved.
    pub raw: &'a str,
    pub(super) odd_spacing: bool,
}

impl<'a> Header<'a> {
    /// The value with its escapes resolved.
    #[must_use]
    pub fn value(&self) -> Cow<'a, str> {
        unescape(self.raw)
    }

    /// A parameter's value as it stands; the name is case-sensitive.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.params.strip_prefix(';')?;
        loop {
            let end = part_end(rest, b';')?;
            let (param, behind) = rest.split_at_checked(end)?;
            match param.split_once('=') {
                Some((key, value)) if key == name => return Some(value),
                _ => rest = behind.strip_prefix(';')?,
            }
        }
    }

    /// The language of the value (§3.3).
    #[must_use]
    pub fn language(&self) -> Option<&'a str> {
        self.param("lang")
    }
}

/// The headers of a message, in order. The namespace of each is what the `NS` headers in front
/// of it say.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    head: &'a str,
    at: usize,
}

impl<'a> Headers<'a> {
    pub(super) const fn new(head: &'a str) -> Self {
        Self { head, at: 0 }
    }

    /// The namespace and the name without prefix of `name`, which stands where this iterator
    /// is: `NS` headers behind do not count.
    #[must_use]
    pub(super) fn resolve<'n>(&self, name: &'n str) -> (Option<&'a str>, &'n str) {
        let (prefix, local) = match name.split_once('.') {
            Some((prefix, local)) => (prefix, local),
            None => ("", name),
        };
        let mut namespace = prefix.is_empty().then_some(NAMESPACE);
        for line in lines(self.head.get(..self.at).unwrap_or("")) {
            if let Some((declared, uri)) = declaration(line.text) {
                if declared == prefix {
                    namespace = Some(uri);
                }
            }
        }
        (namespace, local)
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        let line = lines(self.head.get(self.at..)?).next()?;
        let (name, params, raw, odd_spacing) = split(line.text)?;
        // Declarations work whatever the default namespace is: otherwise none could follow
        // one that changes it.
        let (namespace, name) =
            if name == "NS" { (Some(NAMESPACE), name) } else { self.resolve(name) };
        self.at = self.at.saturating_add(line.next);
        Some(Header { namespace, name, params, raw, odd_spacing })
    }
}

/// `[ Formal-name ] "<" URI ">"` (§4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address<'a> {
    /// The name as it stands, quotes and escapes included.
    pub raw_name: &'a str,
    /// The URI.
    pub uri: &'a str,
}

impl<'a> Address<'a> {
    /// Reads the value of `From`, `To`, `cc` and their like.
    ///
    /// # Errors
    /// [`ParseErrorKind::AngleBracket`] without `<...>` behind the name,
    /// [`ParseErrorKind::TrailingData`] for something behind it, [`ParseErrorKind::Uri`] for
    /// an empty URI or one with a space or quote in it.
    pub fn parse(value: &'a str) -> Result<Self, ParseError> {
        let from = if value.trim_start().starts_with('"') {
            let lead = value.len().saturating_sub(value.trim_start().len());
            let quoted = value.as_bytes().get(lead..).and_then(quoted::end);
            let end = quoted.ok_or_else(|| ParseError::new(ParseErrorKind::QuotedString, lead))?;
            lead.saturating_add(end)
        } else {
            0
        };
        let bracket = |at| ParseError::new(ParseErrorKind::AngleBracket, at);
        let tail = value.get(from..).unwrap_or("");
        let open = tail.find('<').map(|n| from.saturating_add(n)).ok_or_else(|| bracket(from))?;
        let behind = open.saturating_add(1);
        let inside = value.get(behind..).unwrap_or("");
        let len = inside.find('>').ok_or_else(|| bracket(open))?;
        let end = behind.saturating_add(len);
        let uri = value.get(behind..end).unwrap_or("");
        if uri.is_empty() || uri.contains([' ', '"', '<', '\t']) {
            return Err(ParseError::new(ParseErrorKind::Uri, behind));
        }
        if !value.get(end.saturating_add(1)..).unwrap_or("").trim().is_empty() {
            return Err(ParseError::new(ParseErrorKind::TrailingData, end.saturating_add(1)));
        }
        Ok(Self { raw_name: value.get(..open).unwrap_or("").trim(), uri })
    }

    /// The name without quotes and escapes, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'a, str>> {
        let inner = self.raw_name.strip_prefix('"').and_then(|n| n.strip_suffix('"'));
        let name = inner.unwrap_or(self.raw_name);
        (!name.is_empty()).then(|| unescape(name))
    }
}

/// Where a block of headers ends, and where what follows its empty line begins.
pub(super) struct BlockEnd {
    pub(super) head: usize,
    pub(super) next: usize,
}

/// Finds the empty line that ends the block beginning at `start`; `None` without one. Counts
/// lines, and looks at no byte beyond the limits.
pub(super) fn block_end(
    bytes: &[u8],
    start: usize,
    limits: &Limits,
    count: &mut usize,
) -> Result<Option<BlockEnd>, ParseError> {
    let mut at = start;
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let Some(len) = memchr::memchr(b'\n', rest) else {
            if bytes.len() > limits.head_max {
                return Err(over(LimitKind::Head, limits.head_max));
            }
            return Ok(None);
        };
        let next = at.saturating_add(len).saturating_add(1);
        if next > limits.head_max {
            return Err(over(LimitKind::Head, limits.head_max));
        }
        if matches!(rest.get(..len), Some(b"" | b"\r")) {
            return Ok(Some(BlockEnd { head: at, next }));
        }
        *count = count.saturating_add(1);
        if *count > limits.header_count_max {
            return Err(over(LimitKind::HeaderCount, at));
        }
        at = next;
    }
}

/// One line of a block.
pub(super) struct Line<'a> {
    /// Without its line end.
    pub(super) text: &'a str,
    /// Where it begins in the block.
    pub(super) offset: usize,
    /// Where the next one begins.
    pub(super) next: usize,
}

pub(super) fn lines(block: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0_usize;
    core::iter::from_fn(move || {
        let rest = block.get(at..).filter(|r| !r.is_empty())?;
        let len = rest.find('\n').unwrap_or(rest.len());
        let text = rest.get(..len).unwrap_or("");
        let offset = at;
        at = at.saturating_add(len).saturating_add(1);
        Some(Line { text: text.strip_suffix('\r').unwrap_or(text), offset, next: at })
    })
}

/// Whether the line is a header. The offset in the error is from its start.
pub(super) fn check(line: &str) -> Result<(), ParseError> {
    // A tab is tolerated; other control characters must be escaped (§2.3.1).
    if let Some(at) = line.bytes().position(|b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(ParseError::new(ParseErrorKind::ControlByte, at));
    }
    let Some(colon) = line.find(':') else {
        return Err(ParseError::new(ParseErrorKind::MissingColon, line.len()));
    };
    let name = line.get(..colon).unwrap_or("");
    if let Some(at) = bad_name(name) {
        return Err(ParseError::new(ParseErrorKind::HeaderName, at));
    }
    if split(line).is_none() {
        return Err(ParseError::new(ParseErrorKind::Parameter, colon));
    }
    Ok(())
}

/// The first byte that cannot stand in `[ Name-prefix "." ] Name`, if there is one.
pub(super) fn bad_name(name: &str) -> Option<usize> {
    let legal = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'^'..=b'`' | b'|' | b'~')
    };
    let mut at = 0_usize;
    let parts = name.splitn(2, '.');
    for part in parts {
        if part.is_empty() {
            return Some(at);
        }
        if let Some(bad) = part.bytes().position(|b| !legal(b)) {
            return Some(at.saturating_add(bad));
        }
        at = at.saturating_add(part.len()).saturating_add(1);
    }
    None
}

/// Name, parameters, value, and whether something else than one space follows the colon.
fn split(line: &str) -> Option<(&str, &str, &str, bool)> {
    let (name, rest) = line.split_once(':')?;
    // Parameters end at the first space.
    let params_end = if rest.starts_with(';') { part_end(rest, b' ')? } else { 0 };
    let (params, value) = rest.split_at_checked(params_end)?;
    let trimmed = value.trim_start_matches([' ', '\t']);
    let odd = value.strip_prefix(' ') != Some(trimmed);
    Some((name, params, trimmed, odd))
}

/// Where the first `mark` outside of quotes is, or the end; `None` when quotes do not close.
fn part_end(rest: &str, mark: u8) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        match rest.as_bytes().get(at) {
            None => return Some(at),
            Some(byte) if *byte == mark => return Some(at),
            Some(b'"') => {
                let step = quoted::end(rest.as_bytes().get(at..)?)?;
                at = at.saturating_add(step);
            }
            Some(_) => at = at.saturating_add(1),
        }
    }
}

/// The prefix (empty for the default) and the URI of an `NS` line (§4.6).
fn declaration(line: &str) -> Option<(&str, &str)> {
    let (name, _, value, _) = split(line)?;
    if name != "NS" {
        return None;
    }
    let (prefix, rest) = value.split_once('<')?;
    let (uri, _) = rest.split_once('>')?;
    Some((prefix.trim(), uri))
}

/// The fields of a MIME header block, folds replaced by spaces.
pub(super) fn mime_fields<'a>(
    block: &'a str,
) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
    let mut lines = lines(block).peekable();
    core::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            let Some((name, value)) = line.text.split_once(':') else { continue };
            let mut value = Cow::Borrowed(value.trim());
            while let Some(more) = lines.next_if(|l| l.text.starts_with([' ', '\t'])) {
                let mut joined = String::from(value);
                joined.push(' ');
                joined.push_str(more.text.trim());
                value = Cow::Owned(joined);
            }
            return Some((name.trim_end(), value));
        }
    })
}
