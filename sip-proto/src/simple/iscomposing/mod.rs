//! Typing notices (RFC 3994): the document, and the two machines of §3.2 and §3.3.

mod composer;
mod watcher;

pub use composer::{Composer, ComposerConfig, ComposerInput};
pub use watcher::{Watcher, WatcherConfig, WatcherEvent, WatcherInput};

#[cfg(feature = "xml")]
pub use super::xml::XmlError;
#[cfg(feature = "xml")]
use super::xml::{Step, walk};
use alloc::string::String;
use core::time::Duration;

/// The media type of the document.
pub const MEDIA_TYPE: &str = "application/im-iscomposing+xml";

/// The namespace of its elements.
pub const NAMESPACE: &str = "urn:ietf:params:xml:ns:im-iscomposing";

/// How long an "active" without `<refresh>` holds (§3.2).
pub const REFRESH_DEFAULT: Duration = Duration::from_secs(120);

/// Whether somebody is composing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "§3.5: any other state token is idle")]
pub enum State {
    /// Nobody is.
    #[default]
    Idle,
    /// Somebody is.
    Active,
}

/// A status document.
///
/// ```
/// use sip_proto::simple::iscomposing::{IsComposing, State};
///
/// let status = IsComposing::new(State::Active).with_refresh_secs(90).with_content_type("text/plain");
/// assert_eq!(status.to_xml(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
///     <isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state>\
///     <contenttype>text/plain</contenttype><refresh>90</refresh></isComposing>");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IsComposing {
    /// The state.
    pub state: State,
    /// When content was last added, an RFC 3339 time as it stands.
    pub last_active: Option<String>,
    /// What is being composed: a media type, or its first half.
    pub content_type: Option<String>,
    /// Seconds until the next "active" at the latest, not 0.
    pub refresh_secs: Option<u32>,
}

impl IsComposing {
    /// A status that says only this.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self { state, ..Self::default() }
    }

    /// Sets [`IsComposing::last_active`].
    #[must_use]
    pub fn with_last_active(mut self, time: impl Into<String>) -> Self {
        self.last_active = Some(time.into());
        self
    }

    /// Sets [`IsComposing::content_type`].
    #[must_use]
    pub fn with_content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    /// Sets [`IsComposing::refresh_secs`]; 0 removes it.
    #[must_use]
    pub const fn with_refresh_secs(mut self, secs: u32) -> Self {
        self.refresh_secs = if secs == 0 { None } else { Some(secs) };
        self
    }

    /// How long an "active" like this holds.
    #[must_use]
    pub fn refresh(&self) -> Duration {
        self.refresh_secs.map_or(REFRESH_DEFAULT, |s| Duration::from_secs(u64::from(s)))
    }

    /// The document. Characters that XML 1.0 cannot hold are left out.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out =
            String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing xmlns=\"");
        out.push_str(NAMESPACE);
        out.push_str("\"><state>");
        out.push_str(match self.state {
            State::Idle => "idle",
            State::Active => "active",
        });
        out.push_str("</state>");
        // The schema (§6.1) fixes this order.
        super::escape::element(&mut out, "lastactive", self.last_active.as_deref());
        super::escape::element(&mut out, "contenttype", self.content_type.as_deref());
        let refresh = self.refresh_secs.filter(|s| *s != 0).map(|s| alloc::format!("{s}"));
        super::escape::element(&mut out, "refresh", refresh.as_deref());
        out.push_str("</isComposing>");
        out
    }

    /// Reads a document. Elements of other namespaces are ignored; another state than
    /// "active" is idle (§3.5); a `<refresh>` that is no positive number is as if it were not
    /// there.
    ///
    /// # Errors
    /// When it is not such a document or has no state.
    #[cfg(feature = "xml")]
    pub fn parse_xml(bytes: &[u8]) -> Result<Self, XmlError> {
        let mut read = Self::default();
        let mut has_state = false;
        walk(bytes, NAMESPACE, "isComposing", |step| {
            if let Step::Close(2, name, text) = step {
                match name {
                    "state" => {
                        has_state = true;
                        read.state = if text == "active" { State::Active } else { State::Idle };
                    }
                    "lastactive" => read.last_active = Some(text.into()),
                    "contenttype" => read.content_type = Some(text.into()),
                    "refresh" => read.refresh_secs = text.parse().ok().filter(|s| *s != 0),
                    _ => {}
                }
            }
            Ok(())
        })?;
        if has_state { Ok(read) } else { Err(XmlError::Missing) }
    }
}

#[cfg(test)]
mod tests;
