//! Stream errors (RFC 6120 §4.9): they end the stream.

use crate::xml::{Element, Ns, Writer, XmlErrorKind};
use alloc::string::String;
use core::fmt;

macro_rules! conditions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The conditions of RFC 6120 §4.9.3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum StreamCondition {
            $($(#[$doc])* $name,)*
        }

        impl StreamCondition {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the element.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The condition of this name; those of RFC 3920 are read as their successors.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    "xml-not-well-formed" => Some(Self::NotWellFormed),
                    "invalid-id" => Some(Self::UndefinedCondition),
                    _ => None,
                }
            }
        }
    };
}

conditions! {
    /// XML that cannot be processed.
    BadFormat = "bad-format";
    /// A prefix that is not supported, or none where one is needed.
    BadNamespacePrefix = "bad-namespace-prefix";
    /// Another stream takes the place of this one.
    Conflict = "conflict";
    /// The other side seems to be gone.
    ConnectionTimeout = "connection-timeout";
    /// The domain is no longer served.
    HostGone = "host-gone";
    /// The domain is not served.
    HostUnknown = "host-unknown";
    /// An address is missing or malformed.
    ImproperAddressing = "improper-addressing";
    /// A fault of the server.
    InternalServerError = "internal-server-error";
    /// `from` is not the sender's.
    InvalidFrom = "invalid-from";
    /// The stream or content namespace is unknown.
    InvalidNamespace = "invalid-namespace";
    /// XML that does not validate.
    InvalidXml = "invalid-xml";
    /// Data before authentication.
    NotAuthorized = "not-authorized";
    /// Not well-formed XML.
    NotWellFormed = "not-well-formed";
    /// A policy was violated, such as a limit.
    PolicyViolation = "policy-violation";
    /// A connection to another entity failed.
    RemoteConnectionFailed = "remote-connection-failed";
    /// The stream must be negotiated anew.
    Reset = "reset";
    /// Too busy.
    ResourceConstraint = "resource-constraint";
    /// XML that streams do not allow.
    RestrictedXml = "restricted-xml";
    /// To be asked elsewhere.
    SeeOtherHost = "see-other-host";
    /// The server ends.
    SystemShutdown = "system-shutdown";
    /// Another condition, told by an application element.
    UndefinedCondition = "undefined-condition";
    /// Not UTF-8.
    UnsupportedEncoding = "unsupported-encoding";
    /// A mandatory feature is not supported.
    UnsupportedFeature = "unsupported-feature";
    /// An element that is no stanza.
    UnsupportedStanzaType = "unsupported-stanza-type";
    /// The version is not supported.
    UnsupportedVersion = "unsupported-version";
}

impl fmt::Display for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<XmlErrorKind> for StreamCondition {
    fn from(kind: XmlErrorKind) -> Self {
        match kind {
            kind if kind.is_restricted() => Self::RestrictedXml,
            // RFC 6120 §4.9.3.22, §11.6
            XmlErrorKind::Utf8 | XmlErrorKind::Encoding => Self::UnsupportedEncoding,
            XmlErrorKind::TextOutside => Self::BadFormat,
            XmlErrorKind::Limit(_) => Self::PolicyViolation,
            _ => Self::NotWellFormed,
        }
    }
}

/// A stream error that was received or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamError {
    /// What is wrong.
    pub condition: StreamCondition,
    /// Text for people.
    pub text: Option<String>,
    /// Of `see-other-host`: where to connect to (RFC 6120 §4.9.3.19), as it was written. Over a WebSocket it is
    /// a URI (RFC 7395 §3.6.1), perhaps of BOSH: take none that is less secure than where you are, as
    /// `ws:` is behind `wss:`.
    pub other_host: Option<String>,
}

impl StreamError {
    /// A bare condition.
    #[must_use]
    pub const fn new(condition: StreamCondition) -> Self {
        Self { condition, text: None, other_host: None }
    }

    /// Sends the peer to another host: a name or an address, with a port or without.
    #[must_use]
    pub fn see_other_host(host: &str) -> Self {
        let other_host = Some(String::from(host));
        Self { other_host, ..Self::new(StreamCondition::SeeOtherHost) }
    }

    /// Reads `<stream:error/>`; `None` when `element` is something else. One without a known
    /// condition is `undefined-condition`.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is(Ns::STREAM, "error") {
            return None;
        }
        let mut error = Self::new(StreamCondition::UndefinedCondition);
        for child in element.children() {
            match (child.ns(), child.name()) {
                (Ns::STREAM_ERRORS, "text") => error.text = Some(child.text().into_owned()),
                (Ns::STREAM_ERRORS, name) => {
                    if let Some(condition) = StreamCondition::of(name) {
                        error.condition = condition;
                        if condition == StreamCondition::SeeOtherHost {
                            let host = child.text();
                            let host = host.trim();
                            error.other_host = (!host.is_empty()).then(|| host.into());
                        }
                    }
                }
                _ => {}
            }
        }
        Some(error)
    }

    /// Writes `<stream:error/>`.
    #[must_use]
    pub fn write(&self) -> String {
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::STREAM, "error");
        let other_host = self.other_host.as_deref().unwrap_or("");
        w.leaf(Ns::STREAM_ERRORS, self.condition.name(), other_host);
        if let Some(text) = &self.text {
            w.leaf(Ns::STREAM_ERRORS, "text", text);
        }
        w.end();
        w.finish().unwrap_or_else(|_| Self::new(self.condition).write_bare())
    }

    fn write_bare(&self) -> String {
        let name = self.condition.name();
        alloc::format!(
            "<stream:error><{name} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        )
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{} ({text})", self.condition),
            None => self.condition.fmt(f),
        }
    }
}
