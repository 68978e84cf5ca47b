//! The wrapper around everything that goes over HTTP (XEP-0124 §6).

use crate::xml::{Document, Element, Ns, Writer, XmlError, XmlLimits, restamped};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use bytes::Bytes;
use thiserror::Error;

/// Why something is no body of BOSH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Not one well-formed element within the limits.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Another element than `body` of BOSH.
    #[error("the element is no body of BOSH")]
    Name,
    /// Text beside the payloads (§6).
    #[error("there is text beside the payloads")]
    Text,
    /// A `rid` that is no number from 1 to 2^53 - 1 (§14.1).
    #[error("the request has no number")]
    Rid,
}

/// Why a session ended (XEP-0124 §17.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// The request cannot be read.
    BadRequest,
    /// The domain is not served any more.
    HostGone,
    /// The domain is not served.
    HostUnknown,
    /// It was not said which domain.
    ImproperAddressing,
    /// The connection manager is in trouble.
    InternalServerError,
    /// No such session, request, response or key.
    ItemNotFound,
    /// Another request ended the session.
    OtherRequest,
    /// Too many requests, or too often.
    PolicyViolation,
    /// The server behind the connection manager is not to be reached.
    RemoteConnectionFailed,
    /// The stream ended with an error, which comes along.
    RemoteStreamError,
    /// The connection manager is elsewhere.
    SeeOtherUri,
    /// The connection manager shuts down.
    SystemShutdown,
    /// Anything else.
    UndefinedCondition,
}

impl Condition {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::BadRequest,
        Self::HostGone,
        Self::HostUnknown,
        Self::ImproperAddressing,
        Self::InternalServerError,
        Self::ItemNotFound,
        Self::OtherRequest,
        Self::PolicyViolation,
        Self::RemoteConnectionFailed,
        Self::RemoteStreamError,
        Self::SeeOtherUri,
        Self::SystemShutdown,
        Self::UndefinedCondition,
    ];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::HostGone => "host-gone",
            Self::HostUnknown => "host-unknown",
            Self::ImproperAddressing => "improper-addressing",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::OtherRequest => "other-request",
            Self::PolicyViolation => "policy-violation",
            Self::RemoteConnectionFailed => "remote-connection-failed",
            Self::RemoteStreamError => "remote-stream-error",
            Self::SeeOtherUri => "see-other-uri",
            Self::SystemShutdown => "system-shutdown",
            Self::UndefinedCondition => "undefined-condition",
        }
    }

    /// The condition of this name; what is not known is undefined.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let known = Self::ALL.iter().copied().find(|condition| condition.name() == name);
        known.unwrap_or(Self::UndefinedCondition)
    }

    /// What clients of the time before conditions are told (§17.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::PolicyViolation => 403,
            Self::ItemNotFound => 404,
            _ => 200,
        }
    }
}

/// What the attribute `type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyKind {
    /// An ordinary one.
    Normal,
    /// The session ends; why, when it is a fault.
    Terminate(Option<Condition>),
    /// The request is to be sent again (§17.3).
    Error,
}

/// A body, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(Document);

impl Body {
    /// Reads one.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(bytes: &[u8], limits: XmlLimits) -> Result<Self, BodyError> {
        let doc = Document::parse_with(bytes, limits)?;
        let root = doc.root();
        if !root.is(Ns::HTTP_BIND, "body") {
            return Err(BodyError::Name);
        }
        let text = |content| match content {
            crate::xml::Content::Text(text) => !text.trim().is_empty(),
            crate::xml::Content::Element(_) => false,
        };
        if root.contents().any(text) {
            return Err(BodyError::Text);
        }
        Ok(Self(doc))
    }

    /// The element.
    #[must_use]
    pub fn element(&self) -> Element<'_> {
        self.0.root()
    }

    /// An attribute.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
        self.element().attr(name)
    }

    /// The name of the session; a request to create one has none.
    #[must_use]
    pub fn sid(&self) -> Option<Cow<'_, str>> {
        self.attr("sid")
    }

    /// The number of the request.
    ///
    /// # Errors
    /// There is none, or it is outside of 1 to 2^53 - 1.
    pub fn rid(&self) -> Result<u64, BodyError> {
        self.number("rid").filter(|rid| (1..=RID_MAX).contains(rid)).ok_or(BodyError::Rid)
    }

    /// A number, in digits and nothing else.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        let text = self.attr(name)?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> BodyKind {
        match self.attr("type").as_deref() {
            Some("terminate") => {
                BodyKind::Terminate(self.attr("condition").map(|name| Condition::of(&name)))
            }
            Some("error") => BodyKind::Error,
            _ => BodyKind::Normal,
        }
    }

    /// An attribute of XEP-0206.
    #[must_use]
    pub fn xmpp(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attrs = self.element().attrs();
        attrs.find(|attr| attr.ns() == Ns::XBOSH && attr.name() == name).map(|attr| attr.value())
    }

    /// Whether the stream begins anew (XEP-0206 §5).
    #[must_use]
    pub fn restarts(&self) -> bool {
        matches!(self.xmpp("restart").as_deref(), Some("true" | "1"))
    }

    /// What is carried.
    pub fn payloads(&self) -> impl Iterator<Item = Element<'_>> {
        self.element().children()
    }

    /// The payloads as they stand in a stream of `jabber:client`. One that takes the
    /// namespace of the wrapper means that of stanzas (XEP-0206 §2).
    pub(super) fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.payloads().map(|payload| {
            let outside = if payload.ns() == Ns::HTTP_BIND { Ns::HTTP_BIND } else { Ns::CLIENT };
            restamped(payload, outside, &[])
        })
    }
}

/// The largest number of a request (§14.1): 2^53 - 1.
pub(super) const RID_MAX: u64 = (1 << 53) - 1;

/// A body to write.
pub(super) struct Wrapper {
    w: Writer,
    fixed: &'static str,
}

impl Wrapper {
    pub(super) fn new() -> Self {
        let mut w = Writer::new();
        w.start(Ns::HTTP_BIND, "body");
        Self { w, fixed: "" }
    }

    pub(super) fn attr(&mut self, name: &str, value: &str) -> &mut Self {
        self.w.attr(name, value);
        self
    }

    /// Leaves out what is empty.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        if !value.is_empty() {
            self.w.attr(name, value);
        }
        self
    }

    pub(super) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.attr(name, &value.to_string())
    }

    pub(super) fn lang(&mut self, lang: &str) -> &mut Self {
        if !lang.is_empty() {
            self.w.lang(lang);
        }
        self
    }

    /// Attributes of XEP-0206, ready to stand in the tag.
    pub(super) fn xmpp(&mut self, fixed: &'static str) -> &mut Self {
        self.fixed = fixed;
        self
    }

    /// The body around elements that stand alone.
    pub(super) fn finish(mut self, payloads: &[String]) -> Bytes {
        self.w.end();
        // Values that XML cannot carry were refused where they came from.
        let tag = self.w.finish().unwrap_or_default();
        let mut out = String::with_capacity(
            tag.len().saturating_add(payloads.iter().map(String::len).sum::<usize>()),
        );
        out.push_str(tag.strip_suffix("/>").unwrap_or("<body"));
        out.push_str(self.fixed);
        // XEP-0206 §2: some readers look for the prefix and not for the namespace.
        if payloads.iter().any(|payload| payload.starts_with("<stream:")) {
            out.push_str(" xmlns:stream='http://etherx.jabber.org/streams'");
        }
        if payloads.is_empty() {
            out.push_str("/>");
        } else {
            out.push('>');
            payloads.iter().for_each(|payload| out.push_str(payload));
            out.push_str("</body>");
        }
        Bytes::from(out)
    }
}

/// `xmpp:version` alone.
pub(super) const VERSION: &str = " xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'";
/// What a connection manager says of itself.
pub(super) const RESTARTS: &str =
    " xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0' xmpp:restartlogic='true'";
/// The request to begin the stream anew.
pub(super) const RESTART: &str = " xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'";

/// Whole seconds, for an attribute.
pub(super) const fn seconds(duration: core::time::Duration) -> u64 {
    duration.as_secs()
}
