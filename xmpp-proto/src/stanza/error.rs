//! Stanza errors (RFC 6120 §8.3).

use crate::xml::{Element, Ns, Writer};
use alloc::borrow::Cow;

macro_rules! conditions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:ident, $code:literal;)*) => {
        /// The conditions of RFC 6120 §8.3.3.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Condition {
            $($(#[$doc])* $name,)*
        }

        impl Condition {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the element.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The condition of this name. `payment-required` (RFC 3920) is read as
            /// `not-authorized`.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    "payment-required" => Some(Self::NotAuthorized),
                    _ => None,
                }
            }

            /// The usual type (RFC 6120 §8.3.3).
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$name => ErrorKind::$kind,)* }
            }

            /// The number that stood for it before RFC 3920 (XEP-0086).
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

conditions! {
    /// Malformed XML or a payload that cannot be processed.
    BadRequest = "bad-request", Modify, 400;
    /// The name or address is taken.
    Conflict = "conflict", Cancel, 409;
    /// Not implemented.
    FeatureNotImplemented = "feature-not-implemented", Cancel, 501;
    /// No permission.
    Forbidden = "forbidden", Auth, 403;
    /// No longer at this address.
    Gone = "gone", Cancel, 302;
    /// A fault of the server.
    InternalServerError = "internal-server-error", Cancel, 500;
    /// The address or item does not exist.
    ItemNotFound = "item-not-found", Cancel, 404;
    /// An address is malformed.
    JidMalformed = "jid-malformed", Modify, 400;
    /// Does not meet criteria of the recipient.
    NotAcceptable = "not-acceptable", Modify, 406;
    /// Nobody may do this.
    NotAllowed = "not-allowed", Cancel, 405;
    /// Credentials are needed.
    NotAuthorized = "not-authorized", Auth, 401;
    /// A policy was violated.
    PolicyViolation = "policy-violation", Modify, 405;
    /// The recipient is there but cannot be reached now.
    RecipientUnavailable = "recipient-unavailable", Wait, 404;
    /// To be asked elsewhere.
    Redirect = "redirect", Modify, 302;
    /// Registration is needed first.
    RegistrationRequired = "registration-required", Auth, 407;
    /// The other server does not exist or does not answer.
    RemoteServerNotFound = "remote-server-not-found", Cancel, 404;
    /// The other server did not answer in time.
    RemoteServerTimeout = "remote-server-timeout", Wait, 504;
    /// Too busy.
    ResourceConstraint = "resource-constraint", Wait, 500;
    /// Nobody provides this.
    ServiceUnavailable = "service-unavailable", Cancel, 503;
    /// A subscription is needed first.
    SubscriptionRequired = "subscription-required", Auth, 407;
    /// Another condition, told by an application element.
    UndefinedCondition = "undefined-condition", Cancel, 500;
    /// Not expected now.
    UnexpectedRequest = "unexpected-request", Wait, 400;
}

/// What the sender may do about an error (RFC 6120 §8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Retry with credentials.
    Auth,
    /// Do not retry.
    Cancel,
    /// Go on: it was only a warning.
    Continue,
    /// Retry with other data.
    Modify,
    /// Retry later.
    Wait,
}

impl ErrorKind {
    /// The value of the attribute `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }

    fn of(name: &str) -> Option<Self> {
        let all = [Self::Auth, Self::Cancel, Self::Continue, Self::Modify, Self::Wait];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// A stanza error, as read.
///
/// Anything of type `error` yields one: a peer that leaves out `<error/>` or its condition
/// is read as `undefined-condition`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StanzaError<'a> {
    /// What is wrong.
    pub condition: Condition,
    /// What may be done about it.
    pub kind: ErrorKind,
    /// Text for people.
    pub text: Option<Cow<'a, str>>,
    /// Who found it.
    pub by: Option<Cow<'a, str>>,
    /// The new address of `gone` and `redirect`.
    pub address: Option<Cow<'a, str>>,
    /// The application's own condition.
    pub application: Option<Element<'a>>,
}

impl<'a> StanzaError<'a> {
    /// Reads the `<error/>` of a stanza of type `error`.
    #[must_use]
    pub fn of_stanza(stanza: Element<'a>) -> Self {
        let Some(error) = stanza.child(stanza.ns(), "error") else {
            return Self::new(Condition::UndefinedCondition);
        };
        let mut read = Self::new(Condition::UndefinedCondition);
        let mut found = false;
        for child in error.children() {
            match (child.ns(), child.name()) {
                (Ns::STANZA_ERRORS, "text") => read.text = Some(child.text()),
                (Ns::STANZA_ERRORS, name) => {
                    if let Some(condition) = Condition::of(name) {
                        read.condition = condition;
                        found = true;
                        let address = child.text();
                        read.address = (!address.trim().is_empty()).then_some(address);
                    }
                }
                _ => read.application = Some(child),
            }
        }
        if !found {
            // Before RFC 3920 there was only a number (XEP-0086) and text.
            let code = error.attr("code").and_then(|code| code.parse::<u16>().ok());
            if let Some(code) = code {
                read.condition = of_code(code);
                let text = error.text();
                if read.text.is_none() && !text.trim().is_empty() {
                    read.text = Some(text);
                }
            }
        }
        read.kind = error
            .attr("type")
            .and_then(|kind| ErrorKind::of(&kind))
            .unwrap_or_else(|| read.condition.kind());
        read.by = error.attr("by");
        read
    }

    /// The bare condition, with its usual type.
    #[must_use]
    pub const fn new(condition: Condition) -> Self {
        Self {
            condition,
            kind: condition.kind(),
            text: None,
            by: None,
            address: None,
            application: None,
        }
    }

    /// Writes `<error/>` with its contents; `content` is the namespace of the stanza.
    pub fn write(&self, w: &mut Writer, content: Ns) {
        w.start(content, "error").attr("type", self.kind.name());
        w.attr_opt("by", self.by.as_deref());
        w.leaf(Ns::STANZA_ERRORS, self.condition.name(), self.address.as_deref().unwrap_or(""));
        if let Some(text) = &self.text {
            w.leaf(Ns::STANZA_ERRORS, "text", text);
        }
        if let Some(application) = self.application {
            w.element(application);
        }
        w.end();
    }
}

/// XEP-0086 table 1, read backwards.
fn of_code(code: u16) -> Condition {
    match code {
        302 => Condition::Redirect,
        400 => Condition::BadRequest,
        401 | 402 => Condition::NotAuthorized,
        403 => Condition::Forbidden,
        404 => Condition::ItemNotFound,
        405 => Condition::NotAllowed,
        406 => Condition::NotAcceptable,
        407 => Condition::RegistrationRequired,
        408 | 504 => Condition::RemoteServerTimeout,
        409 => Condition::Conflict,
        500 => Condition::InternalServerError,
        501 => Condition::FeatureNotImplemented,
        502 | 503 | 510 => Condition::ServiceUnavailable,
        _ => Condition::UndefinedCondition,
    }
}
