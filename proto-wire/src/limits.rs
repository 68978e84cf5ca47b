//! Limits: each has a name, a default and the attack that it stops.

use thiserror::Error;

/// Limits on one text message (RTSP and SIP). Each counts what is kept: a peer that goes
/// one over gets the protocol's error, and the machine has stored no more than the limit.
///
/// ```
/// use proto_wire::Limits;
///
/// let limits = Limits::default().with_head_max(4 * 1024).with_body_max(64 * 1024);
/// assert_eq!(limits.head_max, 4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of start line and headers together, with line ends (16 KiB). Stops a head
    /// that never ends from filling memory.
    pub head_max: usize,
    /// Bytes of one line, continuation lines included (8 KiB). Stops one header from
    /// taking the whole head.
    pub line_max: usize,
    /// Header lines (128). Stops work per header (lookup, typing) from multiplying.
    pub header_count_max: usize,
    /// Bytes of a body (1 MiB). Stops a promised length from reserving memory.
    pub body_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self {
        head_max: 16 * 1024,
        line_max: 8 * 1024,
        header_count_max: 128,
        body_max: 1024 * 1024,
    };

    /// Sets [`Limits::head_max`], in bytes.
    #[must_use]
    pub const fn with_head_max(mut self, bytes: usize) -> Self {
        self.head_max = bytes;
        self
    }

    /// Sets [`Limits::line_max`], in bytes.
    #[must_use]
    pub const fn with_line_max(mut self, bytes: usize) -> Self {
        self.line_max = bytes;
        self
    }

    /// Sets [`Limits::header_count_max`].
    #[must_use]
    pub const fn with_header_count_max(mut self, count: usize) -> Self {
        self.header_count_max = count;
        self
    }

    /// Sets [`Limits::body_max`], in bytes.
    #[must_use]
    pub const fn with_body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }
}

/// Which limit was reached, in every crate of the family. See [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[non_exhaustive]
pub enum LimitKind {
    /// Bytes of start line and headers.
    #[error("the head is too long")]
    Head,
    /// Bytes of one line.
    #[error("a line is too long")]
    Line,
    /// Number of header lines.
    #[error("there are too many headers")]
    HeaderCount,
    /// Bytes of a body.
    #[error("the body is too long")]
    Body,
    /// Malformed messages in a row on one connection.
    #[error("too many malformed messages")]
    Malformed,
    /// Bytes of one interleaved frame.
    #[error("the interleaved frame is too long")]
    Interleaved,
    /// Requests without an answer.
    #[error("too many requests are pending")]
    Pending,
    /// Sessions at one time.
    #[error("too many sessions")]
    Sessions,
    /// Transactions at one time.
    #[error("too many transactions")]
    Transactions,
    /// Connections or flows at one time.
    #[error("too many connections")]
    Connections,
    /// Registered bindings.
    #[error("too many bindings")]
    Bindings,
    /// Bytes of one XML stanza.
    #[error("the stanza is too long")]
    Stanza,
    /// Depth of XML elements.
    #[error("elements are nested too deeply")]
    Depth,
    /// XML elements in one stanza.
    #[error("there are too many elements")]
    Elements,
    /// Attributes of one XML element.
    #[error("there are too many attributes")]
    Attributes,
    /// XML namespace declarations.
    #[error("there are too many namespace declarations")]
    Namespaces,
    /// Bytes of an XML name.
    #[error("a name is too long")]
    Name,
    /// Bytes of an attribute value.
    #[error("an attribute value is too long")]
    Value,
    /// Authentication attempts.
    #[error("too many authentication attempts")]
    AuthAttempts,
    /// Bytes or items waiting to be sent.
    #[error("the output queue is full")]
    Queue,
    /// Bytes of one ledger record.
    #[error("the record is too long")]
    Record,
    /// Postings of one ledger record.
    #[error("there are too many postings")]
    Postings,
}
