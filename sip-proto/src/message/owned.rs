//! Messages that own their bytes.

use super::{Index, Message, Request, Response};
use alloc::sync::Arc;
use bytes::Bytes;
use proto_wire::{Limits, ParseError, ParseErrorKind};

/// A request with its bytes. Cloning shares the bytes and the index. RFC 3261 §7.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestBuf(Arc<Parts>);

/// A response with its bytes. Cloning shares the bytes and the index. RFC 3261 §7.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseBuf(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    bytes: Bytes,
    index: Index,
}

/// A message with its bytes. RFC 3261 §7.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 3261 §7 has these two")]
pub enum MessageBuf {
    /// A request.
    Request(RequestBuf),
    /// A response.
    Response(ResponseBuf),
}

impl MessageBuf {
    /// Reads a datagram and keeps it; see [`Message::parse_datagram`].
    ///
    /// # Errors
    /// When the bytes are not a SIP message.
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Self, ParseError> {
        let mut index = Index::new();
        let blank = super::frame::message_start(&bytes);
        let bytes = bytes.slice(blank..);
        super::frame::datagram(&bytes, &mut index, limits)?;
        if blank != 0 {
            index.note(proto_wire::head::Quirk::LeadingEmptyLine, 0);
        }
        Ok(if index.is_request() {
            Self::Request(RequestBuf::from_parts(bytes, index))
        } else {
            Self::Response(ResponseBuf::from_parts(bytes, index))
        })
    }

    /// The borrowed view.
    #[must_use]
    pub fn view(&self) -> Message<'_> {
        match self {
            Self::Request(r) => Message::Request(r.view()),
            Self::Response(r) => Message::Response(r.view()),
        }
    }
}

macro_rules! owned {
    ($($owned:ident $view:ident $wanted:literal)*) => {$(
        impl $owned {
            #[doc = concat!("Reads a ", $wanted, " that is a whole datagram and keeps it.")]
            ///
            /// # Errors
            /// When the bytes are not a SIP message, or the other kind of message.
            pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, ParseError> {
                match MessageBuf::parse(bytes.into(), &Limits::DEFAULT)? {
                    MessageBuf::$view(message) => Ok(message),
                    _ => Err(ParseError::new(ParseErrorKind::StartLine, 0)),
                }
            }

            pub(super) fn copied(view: $view<'_>) -> Self {
                Self::from_parts(Bytes::copy_from_slice(view.bytes), view.index.clone())
            }

            pub(crate) fn from_parts(bytes: Bytes, index: Index) -> Self {
                Self(Arc::new(Parts { bytes, index }))
            }

            /// The borrowed view, which has the accessors.
            #[must_use]
            pub fn view(&self) -> $view<'_> {
                $view { bytes: &self.0.bytes, index: &self.0.index }
            }

            /// The headers.
            #[must_use]
            pub fn headers(&self) -> super::Headers<'_> {
                self.view().headers()
            }

            /// The body, sharing the bytes of the message.
            #[must_use]
            pub fn body(&self) -> Bytes {
                self.0.bytes.slice(self.0.index.body().range())
            }

            /// The message as it stands on the wire.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                self.view().as_bytes()
            }

            /// The bytes, without a copy.
            #[must_use]
            pub fn into_bytes(self) -> Bytes {
                let span = self.0.index.message();
                let all = span.start() == 0 && span.end() == self.0.bytes.len();
                let bytes = match Arc::try_unwrap(self.0) {
                    Ok(parts) => parts.bytes,
                    Err(shared) => shared.bytes.clone(),
                };
                if all { bytes } else { bytes.slice(span.range()) }
            }

            /// A copy that holds exactly this message's bytes, when they were cut out of a
            /// larger buffer that should not be kept alive.
            #[must_use]
            pub fn compact(&self) -> Self {
                Self::copied(self.view())
            }
        }
    )*};
}
owned!(RequestBuf Request "request" ResponseBuf Response "response");
