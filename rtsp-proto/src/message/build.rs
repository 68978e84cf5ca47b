//! Writing messages: builders that cannot be talked into a second message.

use super::{Method, StatusCode, Version};
use crate::HeaderName;
use alloc::string::String;
use bytes::{BufMut, Bytes, BytesMut};
use core::fmt::{self, Write as _};
use proto_wire::text::chars;
use thiserror::Error;

/// Why a message cannot be written. It is the caller's mistake; what a peer sent never
/// causes it, unless the caller put it into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A method or header name is not a token.
    #[error("a method or header name is not a token")]
    Name,
    /// A URI is empty or holds a space or a control character.
    #[error("the URI is empty, or holds a space or a control character")]
    Uri,
    /// A header value or reason holds a line end or another control character.
    #[error("a header value holds a control character")]
    Value,
}

/// Builds a request. Mistakes are kept and come out of [`RequestBuilder::to_bytes`].
///
/// ```
/// use rtsp_proto::{HeaderName, Method, RequestBuilder};
///
/// let request = RequestBuilder::new(Method::Describe, "rtsp://h/cam")
///     .header(HeaderName::CSeq, 2)
///     .header(HeaderName::Accept, "application/sdp");
/// assert_eq!(
///     request.to_bytes().unwrap(),
///     "DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n"
/// );
/// let request = request.header_named("X-Evil", "a\r\nTEARDOWN * RTSP/1.0");
/// assert!(request.to_bytes().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    method: Method,
    /// The name of an extension method; empty for known ones.
    name: String,
    uri: String,
    parts: Parts,
}

/// Builds a response. Mistakes are kept and come out of [`ResponseBuilder::to_bytes`].
///
/// ```
/// use rtsp_proto::{HeaderName, ResponseBuilder, StatusCode};
///
/// let response = ResponseBuilder::new(StatusCode::OK).header(HeaderName::CSeq, 2).body("text/parameters", "a: 1\r\n");
/// assert_eq!(
///     response.to_bytes().unwrap(),
///     "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: text/parameters\r\nContent-Length: 6\r\n\r\na: 1\r\n"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    status: StatusCode,
    reason: Option<String>,
    parts: Parts,
}

/// What both kinds have.
#[derive(Clone)]
struct Parts {
    version: Version,
    /// Header lines, written out.
    fields: BytesMut,
    body: Bytes,
    error: Option<BuildError>,
}

impl RequestBuilder {
    /// A request of RTSP 1.0 for `uri`.
    #[must_use]
    pub fn new(method: Method, uri: &str) -> Self {
        let mut request =
            Self { method, name: String::new(), uri: String::from(uri), parts: Parts::new() };
        if uri.is_empty() || uri.bytes().any(|b| b <= b' ' || b == 0x7f) {
            request.parts.fail(BuildError::Uri);
        }
        if method == Method::Extension {
            // It has no name yet.
            request.parts.fail(BuildError::Name);
        }
        request
    }

    /// A request with a method that has no name in [`Method`].
    #[must_use]
    pub fn extension(method: &str, uri: &str) -> Self {
        let known = Method::from_name(method.as_bytes());
        let mut request = Self::new(known, uri);
        if known == Method::Extension {
            if chars::is_token(method.as_bytes()) && request.parts.error == Some(BuildError::Name) {
                request.parts.error = None;
            }
            request.name = String::from(method);
        }
        request
    }

    /// What it asks for.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// How the method is spelled.
    #[must_use]
    pub fn method_name(&self) -> &str {
        match self.method {
            Method::Extension => &self.name,
            known => known.name(),
        }
    }

    /// For what.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The same for another URI.
    pub(crate) fn with_uri(mut self, uri: &str) -> Self {
        let other = Self::new(self.method, uri);
        if other.parts.error == Some(BuildError::Uri) {
            self.parts.fail(BuildError::Uri);
        }
        self.uri = other.uri;
        self
    }

    fn write(&self, out: &mut BytesMut, first: &[Line<'_>]) -> Result<(), BuildError> {
        self.parts.check()?;
        out.reserve(self.parts.size(self.uri.len(), first.len()));
        out.put_slice(self.method_name().as_bytes());
        out.put_u8(b' ');
        out.put_slice(self.uri.as_bytes());
        out.put_u8(b' ');
        write_version(out, self.parts.version);
        out.put_slice(b"\r\n");
        self.parts.write(out, first)
    }
}

impl ResponseBuilder {
    /// A response of RTSP 1.0 with the reason phrase that the RFC gives.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: None, parts: Parts::new() }
    }

    /// Another reason phrase.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        if reason.bytes().any(is_forbidden) {
            self.parts.fail(BuildError::Value);
        }
        self.reason = Some(String::from(reason));
        self
    }

    /// How it went.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    fn write(&self, out: &mut BytesMut, first: &[Line<'_>]) -> Result<(), BuildError> {
        self.parts.check()?;
        let reason = match &self.reason {
            Some(reason) => reason,
            None => self.status.reason(self.parts.version),
        };
        out.reserve(self.parts.size(reason.len(), first.len()));
        write_version(out, self.parts.version);
        // Writing to memory does not fail.
        let _infallible = write!(out, " {} {reason}\r\n", self.status);
        self.parts.write(out, first)
    }
}

macro_rules! common {
    ($builder:ident) => {
        impl $builder {
            /// For another version than 1.0.
            #[must_use]
            pub const fn version(mut self, version: Version) -> Self {
                self.parts.version = version;
                self
            }

            /// Adds a header line.
            #[must_use]
            pub fn header(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
                self.parts.field(name.as_str(), &value);
                self
            }

            /// Adds a header line with a name that has no [`HeaderName`].
            #[must_use]
            pub fn header_named(mut self, name: &str, value: impl fmt::Display) -> Self {
                if !chars::is_token(name.as_bytes()) {
                    self.parts.fail(BuildError::Name);
                }
                self.parts.field(name, &value);
                self
            }

            /// Sets the body and its type; Content-Length follows from it.
            #[must_use]
            pub fn body(self, content_type: &str, body: impl Into<Bytes>) -> Self {
                let mut builder = self.header(HeaderName::ContentType, content_type);
                builder.parts.body = body.into();
                builder
            }

            /// The message.
            ///
            /// # Errors
            /// The first mistake that was made in building it.
            pub fn to_bytes(&self) -> Result<Bytes, BuildError> {
                self.encode(&[])
            }

            /// The message, with lines of a machine before the caller's.
            pub(crate) fn encode(&self, first: &[Line<'_>]) -> Result<Bytes, BuildError> {
                let mut out = BytesMut::new();
                self.write(&mut out, first)?;
                Ok(out.freeze())
            }

            #[allow(dead_code, reason = "only requests with credentials sign their body")]
            pub(crate) const fn body_ref(&self) -> &Bytes {
                &self.parts.body
            }

            pub(crate) fn check(&self) -> Result<(), BuildError> {
                self.parts.check()
            }
        }
    };
}

common!(RequestBuilder);
common!(ResponseBuilder);

/// A header line that a machine puts before the caller's.
pub(crate) type Line<'a> = (HeaderName, &'a dyn fmt::Display);

impl Parts {
    fn new() -> Self {
        Self {
            version: Version::V1_0,
            fields: BytesMut::with_capacity(160),
            body: Bytes::new(),
            error: None,
        }
    }

    fn fail(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }

    fn check(&self) -> Result<(), BuildError> {
        self.error.map_or(Ok(()), Err)
    }

    fn field(&mut self, name: &str, value: &dyn fmt::Display) {
        if !write_line(&mut self.fields, name, value) {
            self.fail(BuildError::Value);
        }
    }

    fn size(&self, start_line: usize, lines: usize) -> usize {
        let lines = lines.saturating_add(2).saturating_mul(48);
        start_line
            .saturating_add(lines)
            .saturating_add(self.fields.len())
            .saturating_add(self.body.len())
    }

    fn write(&self, out: &mut BytesMut, first: &[Line<'_>]) -> Result<(), BuildError> {
        for (name, value) in first {
            if !write_line(out, name.as_str(), value) {
                return Err(BuildError::Value);
            }
        }
        out.put_slice(&self.fields);
        if !self.body.is_empty() {
            let _infallible = write!(out, "Content-Length: {}\r\n", self.body.len());
        }
        out.put_slice(b"\r\n");
        out.put_slice(&self.body);
        Ok(())
    }
}

/// Headers may hold credentials: only how much there is.
impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("version", &self.version)
            .field("fields_len", &self.fields.len())
            .field("body_len", &self.body.len())
            .field("error", &self.error)
            .finish()
    }
}

fn write_version(out: &mut BytesMut, version: Version) {
    match version {
        Version::V1_0 => out.put_slice(b"RTSP/1.0"),
        Version::V2_0 => out.put_slice(b"RTSP/2.0"),
        other => {
            let _infallible = write!(out, "{other}");
        }
    }
}

/// Writes `name: value`; whether the value may stand in a header.
fn write_line(out: &mut BytesMut, name: &str, value: &dyn fmt::Display) -> bool {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    let start = out.len();
    let written = write!(out, "{value}").is_ok();
    let clean = !out.get(start..).unwrap_or(&[]).iter().any(|b| is_forbidden(*b));
    out.put_slice(b"\r\n");
    written && clean
}

/// Control characters other than the tab.
const fn is_forbidden(b: u8) -> bool {
    (b < b' ' && b != b'\t') || b == 0x7f
}
