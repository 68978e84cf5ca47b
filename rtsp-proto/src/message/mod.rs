//! Messages: views over bytes that an [`Index`] explains, owned or borrowed.

mod build;
mod index;
mod method;
mod page;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use build::check_uri;
pub use build::{BuildError, RequestBuilder, ResponseBuilder};
pub use index::{Index, Kind};
pub use method::{Method, Methods};
pub(crate) use page::digits;
pub use status::{StatusClass, StatusCode};

use crate::headers::{CSeq, Headers};
use alloc::boxed::Box;
use bytes::Bytes;
use core::fmt;
use proto_wire::head::{Quirks, leading_blank};
use proto_wire::text::chars;
use proto_wire::{Limits, ParseError};

/// A protocol version: [`Version::V1_0`] (RFC 2326), [`Version::V2_0`] (RFC 7826), or one
/// that somebody claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "two numbers by the grammar")]
pub struct Version {
    /// The number before the point.
    pub major: u8,
    /// The number behind the point.
    pub minor: u8,
}

impl Version {
    /// `RTSP/1.0`.
    pub const V1_0: Self = Self { major: 1, minor: 0 };
    /// `RTSP/2.0`.
    pub const V2_0: Self = Self { major: 2, minor: 0 };

    /// Whether it is 1.0 or 2.0.
    #[must_use]
    pub fn is_known(self) -> bool {
        self == Self::V1_0 || self == Self::V2_0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RTSP/{}.{}", self.major, self.minor)
    }
}

/// A message of either kind, borrowed. RFC 2326 §4, RFC 7826 §5.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two")]
pub enum Message<'a> {
    /// Somebody asks.
    Request(Request<'a>),
    /// Somebody answers.
    Response(Response<'a>),
}

impl<'a> Message<'a> {
    /// Reads the message at the start of `bytes` (behind empty lines) and says how many
    /// bytes it took with them. `Ok(None)` means that more bytes are needed.
    ///
    /// `index` is scratch that is used again from message to message: with it, nothing is
    /// allocated. For a stream use [`Framer`](crate::Framer), which does not begin anew
    /// with each chunk.
    ///
    /// ```
    /// use rtsp_proto::{Index, Limits, Message, Method};
    ///
    /// let bytes = b"PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n";
    /// let mut index = Index::new();
    /// let (message, used) = Message::parse(bytes, &mut index, &Limits::default())?.unwrap();
    /// let Message::Request(request) = message else { panic!("it is a request") };
    /// assert_eq!((request.method(), request.uri(), used), (Method::Play, "rtsp://h/a", 37));
    /// # Ok::<(), rtsp_proto::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// The start line is neither a request nor a status line, Content-Length is no number
    /// or contradicts itself, or a limit is passed. Offsets count from the start of
    /// `bytes`.
    pub fn parse(
        bytes: &'a [u8],
        index: &'a mut Index,
        limits: &Limits,
    ) -> Result<Option<(Self, usize)>, ParseError> {
        let blank = leading_blank(bytes);
        let bytes = bytes.get(blank..).unwrap_or(&[]);
        let Some(len) = index.read(bytes, limits).map_err(|error| error.at(blank))? else {
            return Ok(None);
        };
        if let Some(defect) = index.defect() {
            return Err(defect.at(blank));
        }
        let used = blank.saturating_add(len);
        let bytes = bytes.get(..len).unwrap_or(bytes);
        Ok(Some((Self::new(bytes, index), used)))
    }

    pub(crate) const fn new(bytes: &'a [u8], index: &'a Index) -> Self {
        match index.kind() {
            Kind::Request => Self::Request(Request { bytes, index }),
            Kind::Response => Self::Response(Response { bytes, index }),
        }
    }

    /// Its header lines.
    #[must_use]
    pub fn headers(self) -> Headers<'a> {
        match self {
            Self::Request(request) => request.headers(),
            Self::Response(response) => response.headers(),
        }
    }
}

/// A request, borrowed. Every accessor of a request lives here. RFC 2326 §6, RFC 7826 §7.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    bytes: &'a [u8],
    index: &'a Index,
}

/// A response, borrowed. Every accessor of a response lives here. RFC 2326 §7, RFC 7826 §8.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    bytes: &'a [u8],
    index: &'a Index,
}

impl<'a> Request<'a> {
    /// A request that says nothing.
    pub(crate) fn none() -> Self {
        Self { bytes: &[], index: &NO_INDEX }
    }

    /// What it asks for.
    #[must_use]
    #[inline]
    pub const fn method(self) -> Method {
        self.index.verb()
    }

    /// The method as it is spelled.
    #[must_use]
    pub fn method_name(self) -> &'a str {
        utf8(self.index.method().of(self.bytes))
    }

    /// The request URI exactly as it was sent: absolute, a path, or `*`.
    #[must_use]
    pub fn uri(self) -> &'a str {
        utf8(self.index.target().of(self.bytes))
    }

    /// The request URI as bytes, for comparing.
    pub(crate) fn uri_bytes(self) -> &'a [u8] {
        self.index.target().of(self.bytes)
    }

    /// An owned copy of just this message.
    #[must_use]
    pub fn to_buf(self) -> RequestBuf {
        RequestBuf::new(Bytes::copy_from_slice(self.bytes), self.index.to_exact())
    }
}

impl<'a> Response<'a> {
    /// How it went.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.index.status()
    }

    /// The reason phrase as it was sent; may be empty.
    #[must_use]
    pub fn reason(self) -> &'a str {
        utf8(self.index.target().of(self.bytes))
    }

    /// An owned copy of just this message.
    #[must_use]
    pub fn to_buf(self) -> ResponseBuf {
        ResponseBuf::new(Bytes::copy_from_slice(self.bytes), self.index.to_exact())
    }
}

macro_rules! common {
    ($view:ident, $buf:ident, $what:literal) => {
        impl<'a> $view<'a> {
            /// The version that the start line claims.
            #[must_use]
            pub const fn version(self) -> Version {
                self.index.version()
            }

            /// The header lines.
            #[must_use]
            #[inline]
            pub fn headers(self) -> Headers<'a> {
                self.index.headers(self.bytes)
            }

            /// The sequence number, when there is one that can be read.
            #[must_use]
            pub fn cseq(self) -> Option<u32> {
                let cseq = self.headers().typed::<CSeq>();
                cseq.ok().flatten().map(|CSeq(number)| number)
            }

            /// The body, as long as Content-Length says.
            #[must_use]
            pub fn body(self) -> &'a [u8] {
                self.index.head().body().of(self.bytes)
            }

            /// The whole message.
            #[must_use]
            pub const fn as_bytes(self) -> &'a [u8] {
                self.bytes
            }

            /// What was tolerated when it was read, and where.
            #[must_use]
            pub const fn quirks(self) -> &'a Quirks {
                self.index.head().quirks()
            }
        }

        /// The first line only: headers may hold credentials.
        impl fmt::Debug for $view<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let line = self.index.head().start().of(self.bytes);
                write!(f, concat!(stringify!($view), "({})"), line.escape_ascii())
            }
        }

        #[doc = concat!("A ", $what, " that owns its bytes; [`view`](Self::view) has the accessors.")]
        /// A clone shares the bytes.
        #[derive(Clone)]
        pub struct $buf(Box<Owned>);

        impl $buf {
            pub(crate) fn new(bytes: Bytes, index: Index) -> Self {
                Self(Box::new(Owned { bytes, index }))
            }

            #[allow(dead_code, reason = "only malformed messages are asked what they would be")]
            pub(crate) fn kind(&self) -> Kind {
                self.0.index.kind()
            }

            /// The borrowed form.
            #[must_use]
            #[inline]
            pub fn view(&self) -> $view<'_> {
                $view { bytes: &self.0.bytes, index: &self.0.index }
            }

            /// The body as a part of the same memory.
            #[must_use]
            pub fn body_bytes(&self) -> Bytes {
                let body = self.0.index.head().body();
                if body.end() > self.0.bytes.len() || body.is_empty() {
                    return Bytes::new();
                }
                self.0.bytes.slice(body.range())
            }

            /// The same in memory of its own: a message that was received shares the
            /// memory of everything that was received with it.
            #[must_use]
            pub fn compact(self) -> Self {
                Self::new(Bytes::copy_from_slice(&self.0.bytes), self.0.index.to_exact())
            }

            /// The bytes of the message.
            #[must_use]
            pub fn into_bytes(self) -> Bytes {
                self.0.bytes
            }
        }

        impl fmt::Debug for $buf {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.view().fmt(f)
            }
        }

        /// Equal bytes.
        impl PartialEq for $buf {
            fn eq(&self, other: &Self) -> bool {
                self.0.bytes == other.0.bytes
            }
        }

        impl Eq for $buf {}
    };
}

common!(Request, RequestBuf, "request");
common!(Response, ResponseBuf, "response");

/// What an owned message is made of.
#[derive(Clone, Default)]
struct Owned {
    bytes: Bytes,
    index: Index,
}

/// Where a message is read into: memory that becomes the message, and none before and behind it.
#[derive(Default)]
pub(crate) struct Slot(Option<Box<Owned>>);

impl Slot {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// The index of the message that is being read.
    pub(crate) fn index(&self) -> &Index {
        self.0.as_ref().map_or(&NO_INDEX, |owned| &owned.index)
    }

    /// The same, to be filled.
    #[inline]
    pub(crate) fn index_mut(&mut self) -> &mut Index {
        &mut self.0.get_or_insert_default().index
    }

    /// The message whose index was filled, and its bytes.
    #[inline]
    pub(crate) fn request(&mut self, bytes: Bytes) -> RequestBuf {
        RequestBuf(self.take(bytes))
    }

    /// The message whose index was filled, and its bytes.
    #[inline]
    pub(crate) fn response(&mut self, bytes: Bytes) -> ResponseBuf {
        ResponseBuf(self.take(bytes))
    }

    #[inline]
    fn take(&mut self, bytes: Bytes) -> Box<Owned> {
        let mut owned = self.0.take().unwrap_or_default();
        // What is there is empty, and needs no call to be dropped.
        core::mem::forget(core::mem::replace(&mut owned.bytes, bytes));
        owned
    }

    /// Gives memory back, between two messages.
    pub(crate) fn release(&mut self) {
        self.0 = None;
    }
}

/// Of no message.
static NO_INDEX: Index = Index::new();

/// Whether a message is being read, never which: headers may hold credentials.
impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("reads", &self.0.is_some()).finish_non_exhaustive()
    }
}

/// Spans of the start line were checked when it was read.
fn utf8(bytes: &[u8]) -> &str {
    chars::utf8(bytes).unwrap_or("")
}
