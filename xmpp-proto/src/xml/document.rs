//! One element that stands alone: a stored stanza, a WebSocket message, a file.

use super::chars::is_space;
use super::error::{XmlError, XmlErrorKind};
use super::limits::XmlLimits;
use super::ns::Ns;
use super::scan::{FrameKind, Scanner};
use super::tape::{Element, Tape};
use alloc::string::{String, ToString};
use alloc::sync::Arc;

/// An owned, checked XML element with its index. RFC 6120 §11.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    text: String,
    tape: Tape,
}

impl Document {
    /// Checks `bytes`: one element, white space around it, nothing else.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn parse(bytes: &[u8]) -> Result<Self, XmlError> {
        Self::parse_with(bytes, XmlLimits::POST_AUTH)
    }

    /// Like [`Document::parse`], with other limits.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn parse_with(bytes: &[u8], limits: XmlLimits) -> Result<Self, XmlError> {
        let mut scanner = Scanner::fragment(limits);
        let Some(frame) = scanner.scan(bytes)? else {
            return Err(XmlError::new(XmlErrorKind::Truncated, bytes.len()));
        };
        let (element, rest) = bytes.split_at_checked(frame.len).unwrap_or((bytes, &[]));
        if let Some(at) = rest.iter().position(|b| !is_space(*b)) {
            let offset = frame.len.saturating_add(at);
            return Err(XmlError::new(XmlErrorKind::AfterEnd, offset));
        }
        let text = core::str::from_utf8(element)
            .map_err(|e| XmlError::new(XmlErrorKind::Utf8, e.valid_up_to()))?;
        debug_assert_eq!(frame.kind, FrameKind::Element, "a fragment has no other frames");
        Ok(Self { text: text.to_string(), tape: scanner.tape().clone() })
    }

    /// Like [`Document::parse`], for text that stands where `default` is the default
    /// namespace.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn parse_in(default: Ns, bytes: &[u8]) -> Result<Self, XmlError> {
        let mut scanner = Scanner::fragment(XmlLimits::POST_AUTH);
        scanner.set_default(default);
        let Some(frame) = scanner.scan(bytes)? else {
            return Err(XmlError::new(XmlErrorKind::Truncated, bytes.len()));
        };
        if frame.len < bytes.len() {
            return Err(XmlError::new(XmlErrorKind::AfterEnd, frame.len));
        }
        let text = core::str::from_utf8(bytes)
            .map_err(|e| XmlError::new(XmlErrorKind::Utf8, e.valid_up_to()))?;
        Ok(Self { text: text.to_string(), tape: scanner.tape().clone() })
    }

    /// The element.
    #[must_use]
    pub fn root(&self) -> Element<'_> {
        Element { text: &self.text, tape: &self.tape, index: 0 }
    }
}

impl Scanner {
    /// Sets the default namespace that a root would have declared.
    pub fn set_default(&mut self, default: Ns) {
        Arc::make_mut(&mut self.tape_mut().scope).default = default;
    }
}
