//! Stream features (RFC 6120 §4.3.2).

use crate::xml::{Element, Ns, WriteError, Writer};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a server offers at this point of the negotiation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// STARTTLS is offered (RFC 6120 §5); the value says whether it is required.
    pub starttls: Option<bool>,
    /// SASL mechanisms in the server's order (RFC 6120 §6.4.1).
    pub mechanisms: Vec<String>,
    /// SASL 2 (XEP-0388).
    pub sasl2: Option<Sasl2Features>,
    /// Types of channel binding that the server takes (XEP-0440), by their names.
    pub channel_bindings: Vec<String>,
    /// Resource binding (RFC 6120 §7).
    pub bind: bool,
    /// The session of RFC 3921; the value says whether it is required.
    pub session: Option<bool>,
    /// Stream management (XEP-0198).
    pub stream_management: bool,
    /// Roster versioning (RFC 6121 §2.6).
    pub roster_versioning: bool,
    /// Subscription pre-approval (RFC 6121 §3.4).
    pub pre_approval: bool,
    /// The largest stanza that the server takes, in bytes (XEP-0478).
    pub stanza_max: Option<u32>,
    /// Seconds of silence after which the server takes a client for gone (XEP-0478).
    pub idle_max: Option<u32>,
    /// The server wants to know whether the user looks at the client (XEP-0352).
    pub client_state: bool,
    /// Accounts can be made here (XEP-0077).
    pub registration: bool,
}

/// What `<authentication/>` offers (XEP-0388 §2.1), and what can come along in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sasl2Features {
    /// Mechanisms in the server's order.
    pub mechanisms: Vec<String>,
    /// Bind 2 (XEP-0386), with the names of what it enables at once.
    pub bind: Option<Vec<String>>,
    /// Resumption of a stream (XEP-0198 §9.2).
    pub stream_management: bool,
    /// Mechanisms of FAST (XEP-0484).
    pub fast: Vec<String>,
}

impl Sasl2Features {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn read(element: Element<'_>) -> Self {
        let mechanisms = |of: Element<'_>, ns| {
            let list = of.children().filter(move |m| m.is(ns, "mechanism"));
            list.map(|m| m.text().trim().to_string()).collect()
        };
        let inline = element.child(Ns::SASL2, "inline");
        let child = |ns, name| inline.and_then(|inline| inline.child(ns, name));
        Self {
            mechanisms: mechanisms(element, Ns::SASL2),
            bind: child(Ns::BIND2, "bind").map(|bind| {
                let features = bind.child(Ns::BIND2, "inline");
                let features = features.into_iter().flat_map(Element::children);
                features.filter_map(|f| f.attr("var").map(alloc::borrow::Cow::into_owned)).collect()
            }),
            stream_management: child(Ns::SM, "sm").is_some(),
            fast: child(Ns::FAST, "fast").map(|f| mechanisms(f, Ns::FAST)).unwrap_or_default(),
        }
    }

    fn write(&self, w: &mut Writer) {
        w.start(Ns::SASL2, "authentication");
        for mechanism in &self.mechanisms {
            w.leaf(Ns::SASL2, "mechanism", mechanism);
        }
        w.start(Ns::SASL2, "inline");
        if let Some(features) = &self.bind {
            w.start(Ns::BIND2, "bind").start(Ns::BIND2, "inline");
            for feature in features {
                w.start(Ns::BIND2, "feature").attr("var", feature).end();
            }
            w.end().end();
        }
        if self.stream_management {
            w.leaf(Ns::SM, "sm", "");
        }
        if !self.fast.is_empty() {
            w.start(Ns::FAST, "fast");
            for mechanism in &self.fast {
                w.leaf(Ns::FAST, "mechanism", mechanism);
            }
            w.end();
        }
        w.end().end();
    }
}

impl Features {
    /// No features: the negotiation is over (RFC 6120 §4.3.2).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `<stream:features/>`; `None` when `element` is something else.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is(Ns::STREAM, "features") {
            return None;
        }
        let mut features = Self::default();
        for child in element.children() {
            match (child.ns(), child.name()) {
                (Ns::TLS, "starttls") => {
                    features.starttls = Some(child.child(Ns::TLS, "required").is_some());
                }
                (Ns::SASL, "mechanisms") => {
                    features.mechanisms = child
                        .children()
                        .filter(|m| m.is(Ns::SASL, "mechanism"))
                        .map(|m| m.text().trim().to_string())
                        .collect();
                }
                (Ns::SASL2, "authentication") => {
                    features.sasl2 = Some(Sasl2Features::read(child));
                }
                (Ns::CHANNEL_BINDING, "sasl-channel-binding") => {
                    features.channel_bindings = child
                        .children()
                        .filter(|b| b.is(Ns::CHANNEL_BINDING, "channel-binding"))
                        .filter_map(|b| b.attr("type").map(alloc::borrow::Cow::into_owned))
                        .collect();
                }
                (Ns::BIND, "bind") => features.bind = true,
                (Ns::SESSION, "session") => {
                    features.session = Some(child.child(Ns::SESSION, "optional").is_none());
                }
                (Ns::SM, "sm") => features.stream_management = true,
                (Ns::ROSTER_VERSIONING, "ver") => features.roster_versioning = true,
                (Ns::REGISTER_FEATURE, "register") => features.registration = true,
                (Ns::PRE_APPROVAL, "sub") => features.pre_approval = true,
                (Ns::CSI, "csi") => features.client_state = true,
                (Ns::STREAM_LIMITS, "limits") => {
                    let number = |name| {
                        let limit = child.child(Ns::STREAM_LIMITS, name)?;
                        limit.text().trim().parse().ok()
                    };
                    features.stanza_max = number("max-bytes");
                    features.idle_max = number("idle-seconds");
                }
                _ => {}
            }
        }
        Some(features)
    }

    /// Writes `<stream:features/>`.
    ///
    /// # Errors
    /// A mechanism's name has a character that XML does not allow.
    pub fn write(&self) -> Result<String, WriteError> {
        let mut w = Writer::in_stream(Ns::CLIENT);
        w.start(Ns::STREAM, "features");
        if let Some(required) = self.starttls {
            w.start(Ns::TLS, "starttls");
            if required {
                w.leaf(Ns::TLS, "required", "");
            }
            w.end();
        }
        if !self.mechanisms.is_empty() {
            w.start(Ns::SASL, "mechanisms");
            for mechanism in &self.mechanisms {
                w.leaf(Ns::SASL, "mechanism", mechanism);
            }
            w.end();
        }
        if let Some(sasl2) = &self.sasl2 {
            sasl2.write(&mut w);
        }
        if !self.channel_bindings.is_empty() {
            w.start(Ns::CHANNEL_BINDING, "sasl-channel-binding");
            for kind in &self.channel_bindings {
                w.start(Ns::CHANNEL_BINDING, "channel-binding").attr("type", kind).end();
            }
            w.end();
        }
        if self.registration {
            w.leaf(Ns::REGISTER_FEATURE, "register", "");
        }
        if self.bind {
            w.leaf(Ns::BIND, "bind", "");
        }
        if let Some(required) = self.session {
            w.start(Ns::SESSION, "session");
            if !required {
                w.leaf(Ns::SESSION, "optional", "");
            }
            w.end();
        }
        if self.stream_management {
            w.leaf(Ns::SM, "sm", "");
        }
        if self.roster_versioning {
            w.leaf(Ns::ROSTER_VERSIONING, "ver", "");
        }
        if self.pre_approval {
            w.leaf(Ns::PRE_APPROVAL, "sub", "");
        }
        if self.client_state {
            w.leaf(Ns::CSI, "csi", "");
        }
        if self.stanza_max.is_some() || self.idle_max.is_some() {
            w.start(Ns::STREAM_LIMITS, "limits");
            if let Some(max) = self.stanza_max {
                w.leaf(Ns::STREAM_LIMITS, "max-bytes", &max.to_string());
            }
            if let Some(max) = self.idle_max {
                w.leaf(Ns::STREAM_LIMITS, "idle-seconds", &max.to_string());
            }
            w.end();
        }
        w.end();
        w.finish()
    }
}
