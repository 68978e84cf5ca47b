//! Messages: an index of offsets over bytes that nobody copies.
//!
//! [`Message::parse_datagram`] fills a reusable [`Index`] in one pass; [`Request`] and
//! [`Response`] are `Copy` views over bytes and index, with every accessor. Messages that
//! must outlive their buffer are [`RequestBuf`] and [`ResponseBuf`], with the same view.
//!
//! A message that breaks a rule in a good frame is still a message: it has a
//! [`defect`](Request::defect), and [`Request::validate`] names what objects and the
//! status to answer. Only what cannot be a SIP message at all is an error.

mod build;
mod diagnose;
mod edit;
mod frame;
mod headers;
mod index;
mod method;
mod name;
mod owned;
mod screen;
mod source;
mod status;
mod validate;

pub use build::{BuildError, Builder, RequestBuilder, ResponseBuilder};
pub use diagnose::{Diagnostic, Oddity};
pub use edit::{EditError, Edits};
pub(crate) use frame::{Framing, frame};
pub use headers::{Field, HeaderValues, Headers, TypedHeader};
pub use index::Index;
pub use method::Method;
pub use name::{HeaderName, Sip};
pub use owned::{MessageBuf, RequestBuf, ResponseBuf};
pub use screen::{Role, Screen};
pub use status::StatusCode;
pub use validate::{Layer, Objection, Strictness};

use crate::uri::Uri;
use proto_wire::head::{Quirk, Quirks};
use proto_wire::{Limits, ParseError};

/// A message: what a frame holds.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 §7 has these two")]
pub enum Message<'a> {
    /// A request.
    Request(Request<'a>),
    /// A response.
    Response(Response<'a>),
}

impl<'a> Message<'a> {
    /// Reads the message that is a whole datagram or a whole `WebSocket` message.
    ///
    /// Without Content-Length the body is the rest; bytes behind it are ignored and noted
    /// (RFC 3261 §18.3). A body that is shorter than Content-Length says is a
    /// [`defect`](Request::defect). Empty lines before the start line are skipped; the message
    /// and all offsets begin behind them.
    ///
    /// ```
    /// use sip_proto::{HeaderName, Index, Message, Method, headers::CSeq};
    ///
    /// let bytes = b"OPTIONS sip:bob@example.com SIP/2.0\r\n\
    ///     v: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: <sip:bob@example.com>\r\n\
    ///     i: 7@h\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n";
    /// let mut index = Index::new();
    /// let Message::Request(request) = Message::parse_datagram(bytes, &mut index, &Default::default())?
    /// else { panic!("a request") };
    /// assert_eq!(request.method(), Method::Options);
    /// assert_eq!(request.headers().get(HeaderName::CALL_ID), Some("7@h"));
    /// assert_eq!(request.headers().typed::<CSeq>()?.unwrap().number, 1);
    /// assert!(request.validate().is_ok());
    /// # Ok::<(), proto_wire::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// When the bytes are not a SIP message: no start line of either kind, or a limit.
    #[inline]
    pub fn parse_datagram(
        bytes: &'a [u8],
        index: &'a mut Index,
        limits: &Limits,
    ) -> Result<Self, ParseError> {
        let blank = frame::message_start(bytes);
        let bytes = bytes.get(blank..).unwrap_or(&[]);
        frame::datagram(bytes, index, limits)?;
        if blank != 0 {
            index.note(Quirk::LeadingEmptyLine, 0);
        }
        Ok(Self::of(bytes, index))
    }

    /// The view over `bytes` that `index` was filled from.
    #[must_use]
    pub(crate) fn of(bytes: &'a [u8], index: &'a Index) -> Self {
        if index.is_request() {
            Self::Request(Request { bytes, index })
        } else {
            Self::Response(Response { bytes, index })
        }
    }

    /// The headers of either.
    #[must_use]
    pub fn headers(self) -> Headers<'a> {
        match self {
            Self::Request(r) => r.headers(),
            Self::Response(r) => r.headers(),
        }
    }

    /// The body of either.
    #[must_use]
    pub fn body(self) -> &'a [u8] {
        match self {
            Self::Request(r) => r.body(),
            Self::Response(r) => r.body(),
        }
    }

    /// The bytes of either, from the start line to the end of the body.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Request(r) => r.as_bytes(),
            Self::Response(r) => r.as_bytes(),
        }
    }

    /// An owned copy.
    #[must_use]
    pub fn to_buf(self) -> MessageBuf {
        match self {
            Self::Request(r) => MessageBuf::Request(r.to_buf()),
            Self::Response(r) => MessageBuf::Response(r.to_buf()),
        }
    }

    /// Checks either; see [`Request::validate`] and [`Response::validate`].
    ///
    /// # Errors
    /// The first objection.
    pub fn validate(self) -> Result<(), Objection> {
        match self {
            Self::Request(r) => r.validate(),
            Self::Response(r) => r.validate(),
        }
    }
}

/// A request, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) index: &'a Index,
}

impl<'a> Request<'a> {
    /// The method.
    #[must_use]
    #[inline]
    pub fn method(self) -> Method<'a> {
        // The framer has seen a token; anything else would be a wrong index.
        Method::parse(self.index.first().of(self.bytes)).unwrap_or(Method::Other(""))
    }

    /// The request URI as it stands.
    #[must_use]
    pub fn uri_bytes(self) -> &'a [u8] {
        self.index.second().of(self.bytes)
    }

    /// The request URI.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn uri(self) -> Result<Uri<'a>, ParseError> {
        Uri::parse(self.uri_bytes()).map_err(|e| e.at(self.index.second().start()))
    }

    /// An owned copy: one allocation for the bytes, one or two for the index.
    #[must_use]
    pub fn to_buf(self) -> RequestBuf {
        RequestBuf::copied(self)
    }

    /// Begins a list of edits that leaves all other bytes as they are.
    #[must_use]
    pub fn edit(self) -> Edits<'a> {
        Edits::new(self.bytes, self.index)
    }
}

/// A response, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) index: &'a Index,
}

impl<'a> Response<'a> {
    /// The status code.
    #[must_use]
    #[inline]
    pub fn status(self) -> StatusCode {
        // The framer has seen a legal code.
        StatusCode::parse(self.index.first().of(self.bytes))
            .unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
    }

    /// The reason phrase, which may be empty or not UTF-8.
    #[must_use]
    pub fn reason_bytes(self) -> &'a [u8] {
        self.index.second().of(self.bytes)
    }

    /// The reason phrase, with what is not UTF-8 cut off.
    #[must_use]
    pub fn reason(self) -> &'a str {
        let bytes = self.reason_bytes();
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => bytes
                .get(..e.valid_up_to())
                .and_then(|b| core::str::from_utf8(b).ok())
                .unwrap_or(""),
        }
    }

    /// An owned copy.
    #[must_use]
    pub fn to_buf(self) -> ResponseBuf {
        ResponseBuf::copied(self)
    }

    /// Begins a list of edits that leaves all other bytes as they are.
    #[must_use]
    pub fn edit(self) -> Edits<'a> {
        Edits::new(self.bytes, self.index)
    }
}

macro_rules! common_accessors {
    ($($view:ident)*) => {$(
        impl<'a> $view<'a> {
            /// The headers.
            #[must_use]
            #[inline]
            pub const fn headers(self) -> Headers<'a> {
                Headers::new(self.bytes, self.index)
            }

            /// The body.
            #[must_use]
            pub fn body(self) -> &'a [u8] {
                self.index.body().of(self.bytes)
            }

            /// The whole message, from the start line to the end of the body.
            #[must_use]
            pub fn as_bytes(self) -> &'a [u8] {
                self.index.message().of(self.bytes)
            }

            /// What was tolerated, and where.
            #[must_use]
            pub const fn quirks(self) -> &'a Quirks {
                self.index.quirks()
            }

            /// What is wrong with the frame or the start line, if anything is; headers are
            /// judged by `validate`.
            #[must_use]
            pub const fn defect(self) -> Option<ParseError> {
                self.index.defect()
            }

            /// The index behind this view.
            #[must_use]
            pub const fn index(self) -> &'a Index {
                self.index
            }
        }
    )*};
}
common_accessors!(Request Response);

#[cfg(test)]
mod tests;
