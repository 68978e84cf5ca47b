//! One resumable pass from the first byte of a message to the end of its head.

use super::Profile;
use super::index::{Entry, Index};
use super::quirk::Quirk;
use super::words::find_colon;
use crate::text::chars;
use crate::text::window::{Window, find_odd};
use crate::{LimitKind, Limits, ParseError, ParseErrorKind, Span};

/// Finds the end of a head and indexes it, in one pass however the bytes arrive.
///
/// Call [`scan`](Self::scan) with the whole buffer from the first byte of the message
/// each time more bytes are there; what was scanned before is not scanned again (the
/// bytes of one unfinished line are read twice). Once it has returned a head or an
/// error, use a new one.
#[derive(Clone, Debug)]
pub struct Scanner {
    /// Start of the line being read.
    line: usize,
    /// Start of that line together with the lines that it continues.
    logical_line: usize,
    /// How far an unfinished line was searched for its end.
    searched: usize,
    /// Whether the start line is behind us.
    in_headers: bool,
    /// Whether all lines so far ended with CR alone: then the empty line does too.
    only_bare_cr: bool,
    /// As long as the buffer is no longer, one more byte of a line's content changes nothing;
    /// 0 when that cannot be said.
    quiet: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// How a line ended: where its content stops, where the next line starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineEnd {
    content: usize,
    next: usize,
}

impl Scanner {
    /// A scanner at the first byte of a message.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            line: 0,
            logical_line: 0,
            searched: 0,
            in_headers: false,
            only_bare_cr: true,
            quiet: 0,
        }
    }

    /// Whether it has seen nothing yet, or nothing but the first bytes of an empty line.
    #[must_use]
    #[inline]
    pub const fn is_new(&self) -> bool {
        self.searched == 0
    }

    /// Goes on reading `buf`, which starts with the first byte of the message.
    ///
    /// Returns the length of the head, empty line included, when it is complete and
    /// `None` when more bytes are needed. `index` must be the same between calls; it is
    /// cleared by the first.
    ///
    /// # Errors
    ///
    /// [`ParseErrorKind::Limit`] with the offset of the first byte beyond the limit, the
    /// same in any chunking: `Head`, `Line` or `HeaderCount`.
    #[inline]
    pub fn scan<P: Profile>(
        &mut self,
        buf: &[u8],
        index: &mut Index,
        limits: &Limits,
    ) -> Result<Option<usize>, ParseError> {
        if self.searched == 0 {
            index.clear();
        } else if self.passes(buf) {
            return Ok(None);
        }
        let head = self.lines::<P>(buf, index, limits)?;
        if head.is_none() {
            let content = if self.searched > self.line { self.searched } else { 0 };
            self.check_limits(content, buf.len(), limits)?;
            self.quiet = self.quiet_to(buf, index, limits);
        }
        Ok(head)
    }

    /// Whether what is new in `buf` is one byte that is seen at a glance to change nothing; then
    /// that is done with, and [`Scanner::scan`] would say that more bytes are needed. For bytes
    /// that come one by one.
    #[inline(always)]
    pub fn passes(&mut self, buf: &[u8]) -> bool {
        if buf.len() > self.quiet {
            return false;
        }
        match buf.get(self.searched..) {
            Some([b'\n']) => false,
            // Half of a line end, which the byte behind it decides about.
            Some([b'\r']) => {
                self.quiet = 0;
                self.searched > self.line
            }
            Some([byte]) => {
                if self.searched == self.line && !matches!(byte, b' ' | b'\t') {
                    self.logical_line = self.line;
                }
                self.searched = buf.len();
                true
            }
            _ => false,
        }
    }

    /// How long the buffer may become by bytes that end no line before they must be looked at:
    /// 0 when the next byte must. Until then it is enough to look for CR and LF, and to scan
    /// when one has come.
    #[must_use]
    #[inline]
    pub const fn quiet(&self) -> usize {
        self.quiet
    }

    fn quiet_to(&self, buf: &[u8], index: &Index, limits: &Limits) -> usize {
        let begins_line = self.searched == self.line;
        let is_full = index.entries.len() >= limits.header_count_max;
        // A CR at the end is not searched yet.
        if self.searched != buf.len() || (begins_line && (!self.in_headers || is_full)) {
            return 0;
        }
        limits.head_max.min(self.logical_line.saturating_add(limits.line_max))
    }

    #[inline(never)]
    fn lines<P: Profile>(
        &mut self,
        buf: &[u8],
        index: &mut Index,
        limits: &Limits,
    ) -> Result<Option<usize>, ParseError> {
        if self.searched > self.line && !self.find_end_again::<P>(buf) {
            return Ok(None);
        }
        loop {
            if self.in_headers {
                self.plain_headers::<P>(buf, index, limits);
            }
            let Some(first) = buf.get(self.line).copied() else { break };
            let count = index.entries.len();
            let end = if !self.in_headers {
                self.start_line::<P>(buf, index)
            } else if first == b'\n' || (first == b'\r' && self.cr_ends_line::<P>(buf)) {
                let Some(next) = self.empty_line(buf, first, index) else {
                    break;
                };
                self.check_limits(0, next, limits)?;
                return Ok(Some(next));
            } else if first == b' ' || first == b'\t' {
                self.continuation::<P>(buf, index, limits)?
            } else {
                self.logical_line = self.line;
                if index.entries.len() >= limits.header_count_max {
                    // Of both at one byte it is the head: a CR that is the last so far may be an empty line.
                    self.check_limits(0, self.line.saturating_add(1), limits)?;
                    let kind = ParseErrorKind::Limit(LimitKind::HeaderCount);
                    return Err(ParseError::new(kind, self.line));
                }
                self.any_header::<P>(buf, index)
            };
            let Some(end) = end else { break };
            if let Err(error) = self.check_limits(end.content, end.next, limits) {
                self.take_back(count, index);
                return Err(error);
            }
            self.line = end.next;
            self.searched = end.next;
        }
        Ok(None)
    }

    /// Takes back what is read of a line that crosses a limit: nobody would have read it yet, had it
    /// come in pieces.
    #[cold]
    #[inline(never)]
    fn take_back(&self, count: usize, index: &mut Index) {
        index.entries.truncate(count);
        if self.line == 0 {
            index.start = Span::default();
        }
    }

    /// Takes header lines as long as they are plain and within the limits. What comes then,
    /// even a plain line, is for the long way.
    // Apart from the long way, whose variables would crowd out those of this loop.
    #[inline(never)]
    fn plain_headers<P: Profile>(&mut self, buf: &[u8], index: &mut Index, limits: &Limits) {
        // A line that does not end within the limits is not seen to end.
        let head_max = limits.head_max.min(Span::OFFSET_MAX);
        let buf = buf.get(..head_max).unwrap_or(buf);
        let (mut line, mut logical_line) = (self.line, self.logical_line);
        let mut near_end = None;
        while index.entries.len() < limits.header_count_max {
            let Some((entry, end)) = plain_header::<P>(buf, line, &mut near_end) else { break };
            if end.next.wrapping_sub(line) > limits.line_max {
                break;
            }
            index.entries.push(entry);
            logical_line = line;
            line = end.next;
        }
        if line != self.line {
            self.only_bare_cr = false;
            self.line = line;
            self.searched = line;
            self.logical_line = logical_line;
        }
    }

    /// Reports the limit that is crossed first: by the logical line, whose content reaches
    /// to `content`, or by the head, which reaches to `next`. Of both at one byte it is the
    /// head: when that byte is CR and the last so far, it is not known to be content yet.
    fn check_limits(&self, content: usize, next: usize, limits: &Limits) -> Result<(), ParseError> {
        let line_end = self.logical_line.saturating_add(limits.line_max);
        let (line_broken, head_broken) = (content > line_end, next > limits.head_max);
        if !(line_broken || head_broken) {
            return Ok(());
        }
        let (kind, at) = if line_broken && (!head_broken || line_end < limits.head_max) {
            (LimitKind::Line, line_end)
        } else {
            (LimitKind::Head, limits.head_max)
        };
        Err(ParseError::new(ParseErrorKind::Limit(kind), at))
    }

    /// Searches the unread rest of an unfinished line for its end, so that the line is
    /// parsed once it is whole and not again with each chunk.
    fn find_end_again<P: Profile>(&mut self, buf: &[u8]) -> bool {
        let rest = buf.get(self.searched..).unwrap_or(&[]);
        let found = if P::BARE_CR_ENDS_LINE {
            memchr::memchr2(b'\r', b'\n', rest)
        } else {
            memchr::memchr(b'\n', rest)
        };
        match found {
            // A CR at the very end may be half of a CRLF: look at it again.
            Some(at) => {
                let at = self.searched.saturating_add(at);
                if buf.get(at) == Some(&b'\r') && buf.len() <= at.saturating_add(1) {
                    self.searched = at;
                    return false;
                }
                true
            }
            None => {
                // Keep a trailing CR unsearched: it does not yet count as content.
                let trailing = usize::from(buf.last() == Some(&b'\r'));
                self.searched = self.searched.max(buf.len().saturating_sub(trailing));
                false
            }
        }
    }

    fn start_line<P: Profile>(&mut self, buf: &[u8], index: &mut Index) -> Option<LineEnd> {
        let end = self.line_end::<P>(buf, self.line, index)?;
        index.start = Span::new(self.line, end.content);
        self.in_headers = true;
        Some(end)
    }

    /// Whether the CR that begins a line is an empty line. Where a CR alone ends no line it is a byte of
    /// an odd one: else two readers could see the head end in different places.
    fn cr_ends_line<P: Profile>(&self, buf: &[u8]) -> bool {
        P::BARE_CR_ENDS_LINE || matches!(buf.get(self.line.saturating_add(1)), None | Some(b'\n'))
    }

    /// `first` is CR or LF at the start of a line: the end of the head, when it is whole.
    fn empty_line(&self, buf: &[u8], first: u8, index: &mut Index) -> Option<usize> {
        let next = self.line.saturating_add(1);
        if first == b'\n' {
            index.note(Quirk::BareLf, self.line);
            return Some(next);
        }
        match buf.get(next) {
            // A peer that ends lines with CR alone sends nothing more that we could wait for.
            _ if self.only_bare_cr => Some(next),
            Some(b'\n') => Some(next.saturating_add(1)),
            None => None,
            Some(_) => {
                index.note(Quirk::BareCr, self.line);
                Some(next)
            }
        }
    }

    #[cold]
    fn continuation<P: Profile>(
        &mut self,
        buf: &[u8],
        index: &mut Index,
        limits: &Limits,
    ) -> Result<Option<LineEnd>, ParseError> {
        let Some(end) = self.line_end::<P>(buf, self.line, index) else { return Ok(None) };
        // Before the header has it: it could not be taken back.
        self.check_limits(end.content, end.next, limits)?;
        let line = Span::new(self.line, end.content);
        let text = trimmed(buf, line);
        match index.entries.last_mut() {
            None => index.quirks.note(Quirk::StrayFold, self.line),
            Some(entry) => {
                index.quirks.note(Quirk::Folded, self.line);
                entry.folded = true;
                if !text.is_empty() {
                    let start = if entry.value.is_empty() { text } else { entry.value };
                    entry.value = Span::new(start.start(), text.end());
                }
            }
        }
        Ok(Some(end))
    }

    /// A header line that is odd in any way, or whose name is not in the table.
    pub(super) fn any_header<P: Profile>(
        &mut self,
        buf: &[u8],
        index: &mut Index,
    ) -> Option<LineEnd> {
        let start = self.line;
        let mut colon = find_colon(buf, start);
        if buf.get(colon) == Some(&b'\t') {
            // Tabs may stand before the colon too (RFC 3261 §25.1 `HCOLON`).
            colon = skip_blanks(buf, colon);
        }
        if buf.get(colon) != Some(&b':') {
            return self.line_without_colon::<P>(buf, index);
        }
        let mut name = Span::new(start, colon);
        if matches!(buf.get(colon.wrapping_sub(1)), Some(b' ' | b'\t')) {
            name = trimmed(buf, name);
        }
        let id = P::NAMES.lookup(name.of(buf));
        let value_start = skip_blanks(buf, colon.saturating_add(1));
        let end = self.line_end::<P>(buf, value_start, index)?;
        if name.end() != colon {
            index.note(Quirk::SpaceBeforeColon, name.end());
        }
        if id == 0 && !chars::is_token(name.of(buf)) {
            index.note(Quirk::BadName, start);
        }
        let value = trimmed_end(buf, value_start, end.content);
        if value.is_empty() {
            index.note(Quirk::EmptyValue, start);
        }
        index.entries.push(Entry { name, value, id, folded: false });
        Some(end)
    }

    #[cold]
    fn line_without_colon<P: Profile>(&mut self, buf: &[u8], index: &mut Index) -> Option<LineEnd> {
        let end = self.line_end::<P>(buf, self.line, index)?;
        // A control byte may have hidden the colon.
        let line = Span::new(self.line, end.content);
        if let Some(at) = memchr::memchr(b':', line.of(buf)) {
            let colon = self.line.saturating_add(at);
            let name = trimmed(buf, Span::new(self.line, colon));
            let value = trimmed(buf, Span::new(colon.saturating_add(1), end.content));
            index.note(Quirk::BadName, self.line);
            index.entries.push(Entry { name, value, id: 0, folded: false });
        } else {
            index.note(Quirk::NoColon, self.line);
        }
        Some(end)
    }

    /// The end of the line whose content goes on at `from`; notes what is odd about the
    /// bytes up to there, once the line is whole. `None` when its end has not arrived.
    #[inline(always)]
    fn line_end<P: Profile>(
        &mut self,
        buf: &[u8],
        from: usize,
        index: &mut Index,
    ) -> Option<LineEnd> {
        let content = find_odd(buf, from);
        let next = content.wrapping_add(2);
        if buf.get(content..next) == Some(b"\r\n") {
            self.only_bare_cr = false;
            return Some(LineEnd { content, next });
        }
        self.odd_line_end::<P>(buf, from, content, index)
    }

    /// The same for a line that has something other than printable ASCII at `at`, before
    /// its CRLF or instead of it.
    #[cold]
    #[inline(never)]
    fn odd_line_end<P: Profile>(
        &mut self,
        buf: &[u8],
        from: usize,
        mut at: usize,
        index: &mut Index,
    ) -> Option<LineEnd> {
        let mut beyond_ascii = false;
        let mut control = None;
        let end = loop {
            let next = at.wrapping_add(1);
            match buf.get(at) {
                Some(b'\r') => match buf.get(next) {
                    Some(b'\n') => {
                        self.only_bare_cr = false;
                        break LineEnd { content: at, next: at.wrapping_add(2) };
                    }
                    Some(_) if P::BARE_CR_ENDS_LINE => {
                        index.note(Quirk::BareCr, at);
                        break LineEnd { content: at, next };
                    }
                    Some(_) => {
                        control.get_or_insert((Quirk::BareCr, at));
                    }
                    None => {
                        self.searched = at;
                        return None;
                    }
                },
                Some(b'\n') => {
                    self.only_bare_cr = false;
                    index.note(Quirk::BareLf, at);
                    break LineEnd { content: at, next };
                }
                Some(0x80..) => beyond_ascii = true,
                Some(b'\t' | 0x20..=0x7e) => {}
                Some(_) => {
                    control.get_or_insert((Quirk::ControlByte, at));
                }
                None => {
                    self.searched = buf.len();
                    return None;
                }
            }
            // Text beyond ASCII comes in runs: step through it, then stride again.
            at = if beyond_ascii { next } else { find_odd(buf, next) };
        };
        if beyond_ascii || control.is_some() {
            note_odd_bytes(Span::new(from, end.content).of(buf), from, control, index);
        }
        Some(end)
    }
}

/// What is at the start of a line, a bit for each byte.
#[derive(Clone, Copy, Debug)]
struct Marks {
    /// What is not printable ASCII.
    odd: u64,
    /// Colons: at a whole window those of its first half, where they are with every known name.
    colons: u64,
}

/// What is seen of the last window of a buffer, for all lines that begin within it.
#[derive(Clone, Copy, Debug)]
pub(super) struct NearEnd {
    start: usize,
    marks: Marks,
}

impl NearEnd {
    fn of(buf: &[u8]) -> Self {
        let start = buf.len().saturating_sub(Window::LEN);
        let window = Window::at(buf, start);
        Self { start, marks: Marks { odd: window.odd(), colons: window.equal(b':') } }
    }
}

/// The header line at `start`, when it is what nearly every header line is: a name, a colon,
/// one space, printable ASCII, CRLF. Anything else is `None`, and nothing is said about it. Its
/// spans are right when it ends within [`Span::OFFSET_MAX`].
#[inline(always)]
pub(super) fn plain_header<P: Profile>(
    buf: &[u8],
    start: usize,
    near_end: &mut Option<NearEnd>,
) -> Option<(Entry, LineEnd)> {
    let rest = buf.get(start..)?;
    let first = u64::from_le_bytes(*rest.first_chunk()?);
    let marks = match rest.first_chunk::<{ Window::LEN }>() {
        Some(window) => {
            let window = Window::of(window);
            let colons = window.equal(b':') & u64::from(u32::MAX);
            Marks { odd: window.odd(), colons }
        }
        None => {
            let seen = near_end.get_or_insert_with(|| NearEnd::of(buf));
            let before = start.wrapping_sub(seen.start) as u32;
            Marks {
                odd: seen.marks.odd.wrapping_shr(before),
                colons: seen.marks.colons.wrapping_shr(before),
            }
        }
    };
    if marks.colons == 0 {
        return None;
    }
    let len = marks.colons.trailing_zeros() as usize;
    let colon = start.wrapping_add(len);
    let content = match marks.odd {
        0 => find_odd(buf, start.wrapping_add(Window::LEN)),
        odd => start.wrapping_add(odd.trailing_zeros() as usize),
    };
    // The eight bytes before the colon, whatever the length of the name, and what is behind it.
    let around = buf.get(colon.wrapping_sub(8)..colon.wrapping_add(3))?;
    let (last, [_, b' ', value]) = around.split_first_chunk()? else { return None };
    let [before_end, b'\r', b'\n', ..] = buf.get(content.wrapping_sub(1)..)? else { return None };
    // All before the line end is printable; the value may begin or end with a blank all the same.
    let (from, next) = (colon.wrapping_add(2), content.wrapping_add(2));
    if from >= content || *value == b' ' || *before_end == b' ' {
        return None;
    }
    let last = u64::from_le_bytes(*last);
    let id = match P::NAMES.lookup_exact(first, last, len) {
        Some(id) => id,
        None => other_name::<P>(first, last, buf.get(start..colon)?)?,
    };
    let (name, value) = (Span::within(start, colon), Span::within(from, content));
    Some((Entry { name, value, id, folded: false }, LineEnd { content, next }))
}

/// The id of a name that is not spelled as in the table: 0 when it is not in it at all, and
/// `None` when it is no name.
#[inline(never)]
fn other_name<P: Profile>(first: u64, last: u64, name: &[u8]) -> Option<u8> {
    let unknown = P::NAMES.surely_lacks(first, last, name.len());
    let id = if unknown { 0 } else { P::NAMES.lookup(name) };
    (id != 0 || chars::is_token(name)).then_some(id)
}

#[cold]
fn note_odd_bytes(content: &[u8], from: usize, control: Option<(Quirk, usize)>, index: &mut Index) {
    if let Some((quirk, at)) = control {
        index.note(quirk, at);
    }
    if let Err(error) = core::str::from_utf8(content) {
        index.note(Quirk::NonUtf8, from.saturating_add(error.valid_up_to()));
    }
}

/// How many bytes of empty lines `buf` begins with: to be skipped before a message (RFC
/// 3261 §7.5, RFC 2326 §4.1), where they may also be keep-alives (RFC 5626 §3.5.1).
#[must_use]
pub fn leading_blank(buf: &[u8]) -> usize {
    buf.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(buf.len())
}

/// Past the blanks at `at`, of which there is nearly always one.
#[inline]
fn skip_blanks(buf: &[u8], at: usize) -> usize {
    match buf.get(at..at.wrapping_add(2)) {
        Some([b' ', b'!'..=u8::MAX]) => at.wrapping_add(1),
        _ => skip_more_blanks(buf, at),
    }
}

fn skip_more_blanks(buf: &[u8], mut at: usize) -> usize {
    while matches!(buf.get(at), Some(b' ' | b'\t')) {
        at = at.wrapping_add(1);
    }
    at
}

/// From `start` to `end` without blanks at the end; `start` is not a blank.
#[inline]
fn trimmed_end(buf: &[u8], start: usize, mut end: usize) -> Span {
    while end > start && matches!(buf.get(end.wrapping_sub(1)), Some(b' ' | b'\t')) {
        end = end.wrapping_sub(1);
    }
    Span::new(start, end)
}

/// `span` without blanks at both ends; an empty result lies at its start.
fn trimmed(buf: &[u8], span: Span) -> Span {
    let start = skip_blanks(buf, span.start());
    if start >= span.end() {
        return Span::new(span.start(), span.start());
    }
    trimmed_end(buf, start, span.end())
}
