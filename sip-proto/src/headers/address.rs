//! Addresses from their parts: what is written in From, To, Contact and their kin.

use super::NameAddr;
use crate::uri::Uri;
use alloc::string::String;
use core::fmt;
use proto_wire::text::{chars, quoted};
use proto_wire::{ParseError, ParseErrorKind};

/// A value with a URI made from its parts, which cannot leave its header: the display name is quoted
/// and escaped, the URI is read before it is taken, and parameters are tokens or quoted.
///
/// ```
/// use sip_proto::headers::{Address, NameAddr};
///
/// let contact = Address::new("sip:ann@192.0.2.7;transport=tcp")?
///     .with_display(r#"Ann "A" <x@y>"#)
///     .with_param("expires", "600")?
///     .with_param("+sip.instance", "<urn:uuid:0>")?;
/// let text = contact.to_string();
/// let read = NameAddr::parse(text.as_bytes())?;
/// assert_eq!(read.display().unwrap(), r#"Ann "A" <x@y>"#);
/// assert_eq!(read.params().value(b"+sip.instance"), Some(&br#""<urn:uuid:0>""#[..]));
/// assert!(Address::new("sip:a@h>\r\nEvil: x").is_err());
/// # Ok::<(), proto_wire::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    display: String,
    uri: String,
    params: String,
}

impl Address {
    /// The URI in angle brackets.
    ///
    /// # Errors
    /// As [`Uri::parse`].
    pub fn new(uri: &str) -> Result<Self, ParseError> {
        Uri::parse(uri.as_bytes())?;
        Ok(Self { display: String::new(), uri: String::from(uri), params: String::new() })
    }

    /// With this name before it. Control characters become spaces; an empty name is none.
    #[must_use]
    pub fn with_display(mut self, name: &str) -> Self {
        self.display.clear();
        if !name.is_empty() {
            write_quoted(&mut self.display, name);
            self.display.push(' ');
        }
        self
    }

    /// With a parameter of the header behind it, quoted unless the value is a token or a host.
    ///
    /// # Errors
    /// [`ParseErrorKind::Token`] for a name that is none.
    pub fn with_param(mut self, name: &str, value: &str) -> Result<Self, ParseError> {
        self = self.with_flag(name)?;
        self.params.push('=');
        let plain = |b: u8| chars::is_sip_token_byte(b) || b"[]:".contains(&b);
        if !value.is_empty() && value.bytes().all(plain) {
            self.params.push_str(value);
        } else {
            write_quoted(&mut self.params, value);
        }
        Ok(self)
    }

    /// With a parameter that has no value.
    ///
    /// # Errors
    /// [`ParseErrorKind::Token`] for a name that is none.
    pub fn with_flag(mut self, name: &str) -> Result<Self, ParseError> {
        if !chars::is_sip_token(name.as_bytes()) {
            return Err(ParseError::new(ParseErrorKind::Token, 0));
        }
        self.params.push(';');
        self.params.push_str(name);
        Ok(self)
    }

    /// With this tag; without one when it is empty, since `;tag=` is no tag (RFC 3261 §19.3).
    ///
    /// # Errors
    /// [`ParseErrorKind::Token`] for a tag that is no token.
    pub fn with_tag(self, tag: &str) -> Result<Self, ParseError> {
        if tag.is_empty() {
            return Ok(self);
        }
        if !chars::is_sip_token(tag.as_bytes()) {
            return Err(ParseError::new(ParseErrorKind::Token, 0));
        }
        self.with_param("tag", tag)
    }

    /// The same value without its display name and the parameters of the header.
    ///
    /// # Errors
    /// As [`Uri::parse`].
    pub fn of(value: &NameAddr<'_>) -> Result<Self, ParseError> {
        Self::new(value.uri()?.as_str())
    }
}

/// Readers refuse raw control characters even in quoted strings.
fn write_quoted(out: &mut String, text: &str) {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _infallible = quoted::write(out, &text).is_ok();
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<{}>{}", self.display, self.uri, self.params)
    }
}
