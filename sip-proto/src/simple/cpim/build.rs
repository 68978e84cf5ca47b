//! Writing messages: nothing that is given can break out of its line.

use super::Limits;
use super::escape::{escape, escape_also};
use super::header::{Address, bad_name};
use alloc::string::String;
use alloc::vec::Vec;
use thiserror::Error;

/// What a message cannot be built of. RFC 3862 §2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A header name, prefix or language tag with a character that it cannot hold.
    #[error("a header name, prefix or language tag has a character that it cannot hold")]
    Name,
    /// A URI that is empty or holds white space, a control character, `<`, `>` or `"`.
    #[error("a URI is empty or has a character that it cannot hold")]
    Uri,
    /// A prefix that was not declared before its use (RFC 3862 §3.4).
    #[error("a prefix is used that no namespace was declared for")]
    Prefix,
    /// A content header whose name is no token or whose value holds a line end or NUL.
    #[error("a content header has a character that it cannot hold")]
    ContentHeader,
    /// The content has no Content-Type (RFC 3862 §2.4).
    #[error("the content has no Content-Type")]
    NoContentType,
    /// More headers, or longer ones, than [`Limits`] lets a reader take.
    #[error("the headers are more or longer than a reader takes")]
    TooLong,
}

/// Builds a message, headers in the order of the calls.
///
/// ```
/// use sip_proto::simple::cpim::Builder;
///
/// let bytes = Builder::new()
///     .from(Some("Alice \"A\""), "im:alice@example.com")
///     .to(None, "im:bob@example.com")
///     .subject("two\nlines", Some("en"))
///     .content("text/plain; charset=utf-8", b"Hi")?;
/// assert_eq!(String::from_utf8_lossy(&bytes), "From: \"Alice \\\"A\\\"\" <im:alice@example.com>\r\n\
///     To: <im:bob@example.com>\r\n\
///     Subject:;lang=en two\\nlines\r\n\
///     \r\n\
///     Content-Type: text/plain; charset=utf-8\r\n\
///     \r\n\
///     Hi");
/// # Ok::<(), sip_proto::simple::cpim::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    head: String,
    mime: String,
    prefixes: Vec<String>,
    count: usize,
    error: Option<BuildError>,
}

impl Builder {
    /// A message without headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `From`.
    pub fn from(self, name: Option<&str>, uri: &str) -> Self {
        self.address("From", name, uri)
    }

    /// Adds a `To`.
    pub fn to(self, name: Option<&str>, uri: &str) -> Self {
        self.address("To", name, uri)
    }

    /// Adds a `cc`.
    pub fn cc(self, name: Option<&str>, uri: &str) -> Self {
        self.address("cc", name, uri)
    }

    /// Adds `DateTime`; `time` is an RFC 3339 time, for example a `Timestamp` shown.
    pub fn date_time(self, time: impl core::fmt::Display) -> Self {
        let time = alloc::format!("{time}");
        self.header("DateTime", &time)
    }

    /// Adds a `Subject`, with its language (RFC 3066) if it is known.
    pub fn subject(mut self, text: &str, language: Option<&str>) -> Self {
        let tag = language.unwrap_or("");
        if !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return self.fail(BuildError::Name);
        }
        let param = match language {
            Some(tag) => alloc::format!(";lang={tag}"),
            None => String::new(),
        };
        self.line("Subject", &param, &escape(text));
        self
    }

    /// Declares what headers with this prefix belong to; an empty prefix changes the default
    /// namespace.
    pub fn namespace(mut self, prefix: &str, uri: &str) -> Self {
        if (!prefix.is_empty() && bad_name(prefix).is_some()) || prefix.contains('.') {
            return self.fail(BuildError::Name);
        }
        if !is_uri(uri) {
            return self.fail(BuildError::Uri);
        }
        let space = if prefix.is_empty() { "" } else { " " };
        self.line("NS", "", &alloc::format!("{prefix}{space}<{uri}>"));
        self.prefixes.push(String::from(prefix));
        self
    }

    /// Requires the receiver to understand the header or feature of this name (§3.5).
    pub fn require(self, name: &str) -> Self {
        match bad_name(name) {
            None => self.declared(name).header("Require", name),
            Some(_) => self.fail(BuildError::Name),
        }
    }

    /// Adds a header of any name, prefix included; what the value cannot hold is escaped.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if bad_name(name).is_some() || name == "NS" {
            return self.fail(BuildError::Name);
        }
        self = self.declared(name);
        self.line(name, "", &escape(value));
        self
    }

    /// Adds an address header of any name, prefix included.
    pub fn address(mut self, name: &str, formal_name: Option<&str>, uri: &str) -> Self {
        if bad_name(name).is_some() || name == "NS" {
            return self.fail(BuildError::Name);
        }
        if !is_uri(uri) {
            return self.fail(BuildError::Uri);
        }
        self = self.declared(name);
        let value = match formal_name.filter(|n| !n.is_empty()) {
            Some(formal) => alloc::format!("\"{}\" <{uri}>", escape_also(formal, Some('"'))),
            None => alloc::format!("<{uri}>"),
        };
        self.line(name, "", &value);
        self
    }

    /// Adds an address header with the name and URI of another message's address.
    pub fn copied_address(self, name: &str, address: &Address<'_>) -> Self {
        self.address(name, address.name().as_deref(), address.uri)
    }

    /// Adds a header of the content, for example `Content-ID`.
    pub fn content_header(mut self, name: &str, value: &str) -> Self {
        let bad_value = value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0));
        if !proto_wire::text::chars::is_token(name.as_bytes()) || bad_value {
            return self.fail(BuildError::ContentHeader);
        }
        for part in [name, ": ", value, "\r\n"] {
            self.mime.push_str(part);
        }
        self.count = self.count.saturating_add(1);
        self
    }

    /// The message with this content, whose media type goes first.
    ///
    /// # Errors
    /// What was wrong with the first header that could not be taken, or
    /// [`BuildError::TooLong`].
    pub fn content(self, media_type: &str, content: &[u8]) -> Result<Vec<u8>, BuildError> {
        let rest = self.mime.clone();
        let mut built = Self { mime: String::new(), ..self };
        if media_type.trim().is_empty() {
            return Err(BuildError::NoContentType);
        }
        built = built.content_header("Content-Type", media_type);
        built.mime.push_str(&rest);
        if let Some(error) = built.error {
            return Err(error);
        }
        let head = built.head.len().saturating_add(built.mime.len()).saturating_add(4);
        if head > Limits::DEFAULT.head_max || built.count > Limits::DEFAULT.header_count_max {
            return Err(BuildError::TooLong);
        }
        let mut out = Vec::with_capacity(head.saturating_add(content.len()));
        for part in [built.head.as_bytes(), b"\r\n", built.mime.as_bytes(), b"\r\n", content] {
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    fn fail(mut self, error: BuildError) -> Self {
        self.error = self.error.or(Some(error));
        self
    }

    /// Objects when the prefix of `name` was not declared.
    fn declared(self, name: &str) -> Self {
        match name.split_once('.') {
            Some((prefix, _)) if !self.prefixes.iter().any(|p| p == prefix) => {
                self.fail(BuildError::Prefix)
            }
            _ => self,
        }
    }

    fn line(&mut self, name: &str, params: &str, value: &str) {
        for part in [name, ":", params, " ", value, "\r\n"] {
            self.head.push_str(part);
        }
        self.count = self.count.saturating_add(1);
    }
}

fn is_uri(uri: &str) -> bool {
    let bad = |b: u8| b <= b' ' || b == 0x7f || matches!(b, b'<' | b'>' | b'"');
    !uri.is_empty() && uri.contains(':') && !uri.bytes().any(bad)
}
