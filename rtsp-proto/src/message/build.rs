//! Writing messages: builders that cannot be talked into a second message.

use super::page::{Lines, Page, is_clean};
use super::{Method, Methods, StatusCode, Version};
use crate::HeaderName;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt::{self, Write as _};
use proto_wire::text::chars::{self, any_zero};
use thiserror::Error;

/// Why a message cannot be written. It is the caller's mistake; what a peer sent never
/// causes it, unless the caller put it into a header.
/// RFC 7826 §5.
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
    fields: Vec<u8>,
    body: Option<Bytes>,
    error: Option<BuildError>,
}

impl RequestBuilder {
    /// A request of RTSP 1.0 for `uri`.
    #[must_use]
    pub fn new(method: Method, uri: &str) -> Self {
        Self::begin(method, uri, String::new())
    }

    /// The same in memory for the URI that held another one.
    pub(crate) fn begin(method: Method, uri: &str, mut memory: String) -> Self {
        if memory.capacity() < uri.len() {
            memory = String::from(uri);
        } else {
            memory.clear();
            memory.push_str(uri);
        }
        let mut request = Self { method, name: String::new(), uri: memory, parts: Parts::new() };
        if let Err(error) = check_uri(uri) {
            request.parts.fail(error);
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

    /// The URI of a request that is not sent any more.
    pub(crate) fn take_uri(&mut self) -> String {
        core::mem::take(&mut self.uri)
    }

    /// For another version than 1.0, without moving it.
    pub(crate) const fn set_version(&mut self, version: Version) {
        self.parts.version = version;
    }

    /// The version that it is for.
    pub(crate) const fn built_for(&self) -> Version {
        self.parts.version
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

    fn start_line(&self, page: &mut Page, version: Version) {
        let (method, uri) = (self.method_name().as_bytes(), self.uri.as_bytes());
        match version {
            Version::V1_0 => page.put_all([method, b" ", uri, b" RTSP/1.0\r\n"]),
            Version::V2_0 => page.put_all([method, b" ", uri, b" RTSP/2.0\r\n"]),
            other => {
                page.put_all([method, b" ", uri]);
                // Writing to memory does not fail.
                let _infallible = write!(page, " {other}\r\n");
            }
        }
    }
}

/// Whether a request can be for `uri`.
pub(crate) fn check_uri(uri: &str) -> Result<(), BuildError> {
    let odd = |b: u8| b.saturating_sub(b' ').min(b ^ 0x7f);
    let is_odd = uri.is_empty() || any_zero(uri.as_bytes(), odd);
    if is_odd { Err(BuildError::Uri) } else { Ok(()) }
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
        if !is_clean(reason.as_bytes()) {
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

    /// With a list of methods: `Public`, `Allow`.
    #[must_use]
    pub(crate) fn methods(mut self, name: HeaderName, methods: Methods) -> Self {
        if methods == Methods::USUAL {
            return self.text(name, Methods::USUAL_TEXT);
        }
        let fields = &mut self.parts.fields;
        fields.reserve_exact(methods.text_len().saturating_add(16));
        fields.extend_from_slice(name.with_colon().as_bytes());
        methods.write_to(fields);
        fields.extend_from_slice(b"\r\n");
        self
    }

    fn start_line(&self, page: &mut Page, version: Version) {
        if let (StatusCode::OK, Version::V1_0, None) = (self.status, version, &self.reason) {
            // What nearly all answers begin with.
            return page.put(b"RTSP/1.0 200 OK\r\n");
        }
        let reason = match &self.reason {
            Some(reason) => reason,
            None => self.status.reason(version),
        };
        match version {
            Version::V1_0 => page.put(b"RTSP/1.0 "),
            Version::V2_0 => page.put(b"RTSP/2.0 "),
            other => {
                let _infallible = write!(page, "{other} ");
            }
        }
        page.put(&self.status.digits());
        page.put(b" ");
        page.put(reason.as_bytes());
        page.put(b"\r\n");
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
                let mut builder = self.text(HeaderName::ContentType, content_type);
                builder.parts.body = Some(body.into());
                builder
            }

            /// The message.
            ///
            /// # Errors
            /// The first mistake that was made in building it.
            pub fn to_bytes(&self) -> Result<Bytes, BuildError> {
                self.encode(self.parts.version, |_| {})
            }

            /// The message in this version, with lines of a machine before the caller's.
            pub(crate) fn encode(
                &self,
                version: Version,
                lines: impl FnOnce(&mut Lines<'_>),
            ) -> Result<Bytes, BuildError> {
                self.parts.check()?;
                let mut page = Page::new();
                self.start_line(&mut page, version);
                let mut first = Lines::new(&mut page);
                lines(&mut first);
                if !first.are_clean() {
                    return Err(BuildError::Value);
                }
                Ok(self.parts.finish(&mut page))
            }

            /// Adds a header line of text, which needs no formatting.
            #[must_use]
            pub(crate) fn text(mut self, name: HeaderName, value: &str) -> Self {
                self.parts.text(name, value);
                self
            }

            #[allow(dead_code, reason = "only requests with credentials sign their body")]
            pub(crate) fn body_ref(&self) -> &[u8] {
                self.parts.body.as_deref().unwrap_or_default()
            }

            pub(crate) fn check(&self) -> Result<(), BuildError> {
                self.parts.check()
            }
        }
    };
}

common!(RequestBuilder);
common!(ResponseBuilder);

impl Parts {
    fn new() -> Self {
        Self { version: Version::V1_0, fields: Vec::new(), body: None, error: None }
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

    #[inline(never)]
    fn text(&mut self, name: HeaderName, value: &str) {
        if !is_clean(value.as_bytes()) {
            self.fail(BuildError::Value);
        }
        let name = name.with_colon();
        if self.fields.capacity() == 0 {
            // A line or two of this kind are all that most messages have.
            self.fields.reserve_exact(name.len().saturating_add(value.len()).saturating_add(34));
        }
        self.fields.extend_from_slice(name.as_bytes());
        self.fields.extend_from_slice(value.as_bytes());
        self.fields.extend_from_slice(b"\r\n");
    }

    fn finish(&self, page: &mut Page) -> Bytes {
        if !self.fields.is_empty() {
            page.put(&self.fields);
        }
        let body = self.body.as_deref().unwrap_or_default();
        if !body.is_empty() {
            page.put(HeaderName::ContentLength.with_colon().as_bytes());
            page.number(body.len() as u64);
            page.put(b"\r\n");
        }
        page.put(b"\r\n");
        page.with_body(body)
    }
}

/// Headers may hold credentials: only how much there is.
impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("version", &self.version)
            .field("fields_len", &self.fields.len())
            .field("body_len", &self.body.as_ref().map_or(0, Bytes::len))
            .field("error", &self.error)
            .finish()
    }
}

/// Writes `name: value`; whether the value may stand in a header.
fn write_line(out: &mut Vec<u8>, name: &str, value: &dyn fmt::Display) -> bool {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let start = out.len();
    let written = write!(Text(out), "{value}").is_ok();
    let clean = is_clean(out.get(start..).unwrap_or(&[]));
    out.extend_from_slice(b"\r\n");
    written && clean
}

/// What is formatted goes to the end of a list of bytes.
struct Text<'v>(&'v mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
