//! Deviations that the scanner tolerates, by name and place.

use alloc::vec::Vec;
use core::fmt;

/// A deviation from the grammar that was tolerated in the head of a message.
/// RFC 3261 §7.3.1, RFC 7826 §5.2.
///
/// The strict profile of each protocol says which of them it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Quirk {
    /// A header value goes on in the next line. Legal in SIP (RFC 3261 §7.3.1) and RTSP
    /// 1.0, obsolete in HTTP-like grammars.
    Folded,
    /// A line ends with LF alone.
    BareLf,
    /// A line ends with CR alone, or CR stands within a value.
    BareCr,
    /// Empty lines before the start line.
    LeadingEmptyLine,
    /// White space between a header name and its colon. Legal in SIP.
    SpaceBeforeColon,
    /// A header without a value.
    EmptyValue,
    /// A header value or start line that is not UTF-8.
    NonUtf8,
    /// A control byte other than HTAB within a line.
    ControlByte,
    /// A header line without a colon; it is skipped.
    NoColon,
    /// A header name that is not a token.
    BadName,
    /// A continuation line before any header; it is skipped.
    StrayFold,
    /// Content-Length stands more than once, always with the same value.
    RepeatedContentLength,
    /// Content-Length is missing where the transport needs it; the body is the rest.
    NoContentLength,
    /// More bytes than Content-Length says; they are ignored (datagrams).
    ExcessBytes,
    /// More or other white space in the start line than the grammar has.
    StartLineSpace,
    /// A status line without a reason phrase or the space before it.
    NoReason,
    /// A version in a spelling that differs only by case, or a minor version that is not
    /// known.
    OddVersion,
    /// The head ends with the datagram, without its empty line.
    NoEmptyLine,
    /// Bytes between messages that belong to none; they are skipped (RTSP, when asked to).
    Garbage,
    /// An interleaved frame between the lines of a head (RTSP, when asked to).
    FrameInHead,
}

impl Quirk {
    /// All of them, in order of their numbers.
    pub const ALL: &'static [Self] = &[
        Self::Folded,
        Self::BareLf,
        Self::BareCr,
        Self::LeadingEmptyLine,
        Self::SpaceBeforeColon,
        Self::EmptyValue,
        Self::NonUtf8,
        Self::ControlByte,
        Self::NoColon,
        Self::BadName,
        Self::StrayFold,
        Self::RepeatedContentLength,
        Self::NoContentLength,
        Self::ExcessBytes,
        Self::StartLineSpace,
        Self::NoReason,
        Self::OddVersion,
        Self::NoEmptyLine,
        Self::Garbage,
        Self::FrameInHead,
    ];

    const fn bit(self) -> u32 {
        1 << (self as u32)
    }

    /// The name in lower case with hyphens, for logs and tools.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Folded => "folded",
            Self::BareLf => "bare-lf",
            Self::BareCr => "bare-cr",
            Self::LeadingEmptyLine => "leading-empty-line",
            Self::SpaceBeforeColon => "space-before-colon",
            Self::EmptyValue => "empty-value",
            Self::NonUtf8 => "non-utf8",
            Self::ControlByte => "control-byte",
            Self::NoColon => "no-colon",
            Self::BadName => "bad-name",
            Self::StrayFold => "stray-fold",
            Self::RepeatedContentLength => "repeated-content-length",
            Self::NoContentLength => "no-content-length",
            Self::ExcessBytes => "excess-bytes",
            Self::StartLineSpace => "start-line-space",
            Self::NoReason => "no-reason",
            Self::OddVersion => "odd-version",
            Self::NoEmptyLine => "no-empty-line",
            Self::Garbage => "garbage",
            Self::FrameInHead => "frame-in-head",
        }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The quirks of one message, each with the offset of its first appearance. See [`Quirk`].
///
/// At most one entry per kind, so it cannot grow with the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    set: u32,
    first: Vec<(Quirk, u32)>,
}

impl Quirks {
    /// No quirks.
    #[must_use]
    pub const fn new() -> Self {
        Self { set: 0, first: Vec::new() }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.set == 0
    }

    /// Whether `quirk` appeared.
    #[must_use]
    pub const fn contains(&self, quirk: Quirk) -> bool {
        self.set & quirk.bit() != 0
    }

    /// Where `quirk` first appeared, in bytes from the start of the message.
    #[must_use]
    pub fn offset_of(&self, quirk: Quirk) -> Option<usize> {
        self.first.iter().find(|(q, _)| *q == quirk).map(|(_, at)| *at as usize)
    }

    /// The quirks with their offsets, in order of appearance.
    pub fn iter(&self) -> impl Iterator<Item = (Quirk, usize)> + '_ {
        self.first.iter().map(|(quirk, at)| (*quirk, *at as usize))
    }

    /// The first quirk that `refused` says is not tolerated.
    pub fn first_of(&self, mut refused: impl FnMut(Quirk) -> bool) -> Option<(Quirk, usize)> {
        self.iter().find(|(quirk, _)| refused(*quirk))
    }

    /// Notes that `quirk` appeared at `offset`; later appearances change nothing.
    #[inline]
    pub fn note(&mut self, quirk: Quirk, offset: usize) {
        if self.set & quirk.bit() == 0 {
            self.set |= quirk.bit();
            self.first.push((quirk, u32::try_from(offset).unwrap_or(u32::MAX)));
        }
    }

    pub(super) fn holds_memory(&self) -> bool {
        self.first.capacity() > 0
    }

    pub(super) fn clear(&mut self) {
        self.set = 0;
        self.first.clear();
    }
}
